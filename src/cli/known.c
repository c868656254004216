/* Looking a job up in the history. The description is loaded for that alone, and quietly: what is wrong with it is told when it
 * is sampled or planned. */
#include "known.h"

#include <string.h>

#include <amorsize/history.h>
#include <amorsize/measure.h>

#include "../run/files.h"
#include "cli.h"

#define CONFIDENCE 0.95 /* of what is shown, as for samples */

void cli_known_clear(struct cli_known *known)
{
  cli_sampled_clear(&known->sampled);
  amz_job_free(known->job);
  memset(known, 0, sizeof *known);
}

/* Standard input can be read once: whoever runs the tasks shall have it. */
struct sources {
  struct amz_files disk;
};

static int read_file(void *ctx, const char *path, uint64_t max_bytes, struct amz_buf *ret, struct amz_error *err)
{
  const struct sources *s = ctx;

  if (strcmp(path, "-") == 0)
    return amz_error_set(err, AMZ_EIO, "standard input is left alone");
  return s->disk.read(s->disk.ctx, path, max_bytes, ret, err);
}

static int glob_files(void *ctx, const char *pattern, struct amz_buf *ret, struct amz_error *err)
{
  const struct sources *s = ctx;

  return s->disk.glob(s->disk.ctx, pattern, ret, err);
}

static int size_of_file(void *ctx, const char *path, uint64_t *ret_bytes, struct amz_error *err)
{
  const struct sources *s = ctx;

  return s->disk.size(s->disk.ctx, path, ret_bytes, err);
}

/* \return NULL: it can't be loaded so. */
static struct amz_job *load(const struct amz_job_input *input)
{
  struct amz_disk *disk = NULL;
  struct amz_job *job = NULL;
  struct amz_diags ignored;
  struct sources sources;
  struct amz_files files = {&sources, read_file, glob_files, size_of_file};

  if (amz_disk_new(&disk) < 0)
    return NULL;
  sources.disk = amz_disk_files(disk);
  amz_diags_init(&ignored);
  if (amz_job_load(input, &files, &ignored, &job) < 0)
    job = NULL;
  amz_diags_clear(&ignored);
  amz_disk_free(disk);
  return job;
}

/* \return AMZ_OK; AMZ_ENOENT: nothing is known; others with *err. */
static int recall_on(const struct amz_history *history, const struct amz_job *job, const struct amz_node *node,
                     struct amz_history_known *ret,
                     struct amz_error *err)
{
  struct amz_environment env = amz_environment_of_process();
  struct amz_history_key key = {.text = NULL};
  int rc = amz_history_key_make(job, node, &env, &key, err);

  if (rc == AMZ_OK)
    rc = amz_history_find(history, &key, amz_job_tasks(job), ret, err);
  amz_history_key_clear(&key);
  return rc;
}

/* What ran here serves for other nodes as well as a sample would, which is run here, too. */
static int recall_here(const struct amz_history *history, const struct amz_job *job, struct amz_history_known *ret,
                       struct amz_error *err)
{
  struct amz_environment env = amz_environment_of_process();
  struct amz_look look = {.env = &env, .quick = true};
  struct amz_node node = {.host = NULL};
  struct amz_diags ignored; /* told already */
  int rc;

  amz_diags_init(&ignored);
  rc = amz_node_look(&look, &ignored, err, &node);
  amz_diags_clear(&ignored);
  if (rc == AMZ_OK)
    rc = recall_on(history, job, &node, ret, err);
  amz_node_clear(&node);
  return rc;
}

static int recall(const struct amz_job *job, const struct amz_node *node, struct amz_history_known *ret, struct amz_error *err)
{
  struct amz_environment env = amz_environment_of_process();
  struct amz_history *history = NULL;
  int rc = amz_history_open(&env, err, &history);

  if (rc == AMZ_EENV) /* no home, no history */
    return AMZ_ENOENT;
  if (rc == AMZ_OK && (rc = recall_on(history, job, node, ret, err)) == AMZ_ENOENT)
    rc = recall_here(history, job, ret, err);
  amz_history_free(history);
  return rc;
}

/* Moves what is known over. */
static int fill(struct amz_history_known *known, struct amz_job *job, struct cli_known *ret)
{
  struct cli_known k = {.job = job, .runs = known->runs, .latest_s = known->latest_s, .unforeseen = known->unforeseen};
  int rc = amz_history_fit(known, amz_job_tasks(job), CONFIDENCE, &k.sampled.work);

  k.sampled.sample = known->costs;
  known->costs = (struct amz_sample){.n = 0};
  if (rc < 0) {
    k.job = NULL;
    cli_known_clear(&k);
    return rc;
  }
  *ret = k;
  return AMZ_OK;
}

int cli_known_find(const struct amz_job_input *input, const struct amz_node *node, struct cli_known *ret)
{
  struct amz_history_known known = {.runs = 0};
  struct amz_error err = {0};
  struct amz_job *job = load(input);
  int rc = AMZ_ENOENT;

  if (job && amz_job_tasks(job) > 0 && amz_job_settings(job)->sample.reuse)
    rc = recall(job, node, &known, &err);
  if (rc == AMZ_OK)
    rc = fill(&known, job, ret);
  amz_history_known_clear(&known);
  if (rc == AMZ_OK)
    return CLI_OK;
  amz_job_free(job);
  if (rc == AMZ_EIO)
    cli_say("what is known of earlier runs can't be read: %s", err.text);
  return rc == AMZ_ENOMEM ? cli_fail(rc, &err) : CLI_OK;
}
