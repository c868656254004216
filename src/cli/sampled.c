/* Taking and keeping samples. */
#include "sampled.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <amorsize/rng.h>
#include <amorsize/store.h>

#include "../run/files.h"
#include "../run/order.h"
#include "../run/outlook.h"
#include "../run/run.h"
#include "../run/sampler.h"
#include "failure.h"
#include "launch.h"

#define NAME "sample.json"
#define CONFIDENCE 0.95 /* of what is shown; sample.confidence decides when there is enough */

void cli_sampled_clear(struct cli_sampled *s)
{
  amz_sample_clear(&s->sample);
  amz_workload_clear(&s->work);
  free(s->dir);
  memset(s, 0, sizeof *s);
}

static int fit(struct cli_sampled *s)
{
  int rc = amz_workload_fit(s->sample.seen, s->sample.n, s->sample.tasks, CONFIDENCE, &s->work);

  return rc < 0 ? cli_fail(rc == AMZ_EINVAL ? AMZ_EENV : rc, NULL) : CLI_OK;
}

/* ---- reading ---------------------------------------------------------------------------------------------------------- */

static int read_file(const char *path, struct amz_sample *ret, struct amz_error *err)
{
  struct amz_buf text = AMZ_BUF_INIT;
  struct amz_error cause;
  int rc = amz_disk_read_file(path, AMZ_SAMPLE_BYTES_MAX, &text, err);

  if (rc == AMZ_OK && (rc = amz_sample_parse(amz_buf_text(&text), text.len, &cause, ret)) < 0)
    (void)amz_error_set(err, rc, "%s: %.900s", path, cause.text);
  amz_buf_clear(&text);
  return rc;
}

/* Times of tasks that failed tell nothing. */
static int tell_if_useless(const struct cli_sampled *s, const char *path)
{
  if (s->work.n)
    return CLI_OK;
  if (s->sample.n)
    cli_say("%s: all %zu sampled tasks failed: nothing is known of their time", path, s->sample.n);
  else
    cli_say("%s: no task was sampled: nothing is known of their time", path);
  return CLI_USAGE;
}

int cli_sampled_read(const char *dir, const char *file, struct cli_sampled *ret)
{
  struct cli_sampled s = {.dir = dir ? strdup(dir) : NULL};
  struct amz_buf path = AMZ_BUF_INIT;
  struct amz_error err = {0};
  int status = CLI_OK, rc;

  if (dir)
    amz_buf_addf(&path, "%s/%s", dir, NAME);
  else
    amz_buf_adds(&path, file);
  rc = (dir && !s.dir) || amz_buf_ok(&path) < 0 ? AMZ_ENOMEM : read_file(amz_buf_text(&path), &s.sample, &err);
  if (rc == AMZ_ENOENT && dir) {
    cli_say("%s holds no sample; amorsize-mpi sample JOB takes one, and plan JOB does, too", dir);
    status = CLI_USAGE;
  } else {
    status = rc < 0 ? cli_fail(rc, &err) : fit(&s);
    if (status == CLI_OK)
      status = tell_if_useless(&s, amz_buf_text(&path));
  }
  amz_buf_clear(&path);
  if (status != CLI_OK)
    cli_sampled_clear(&s);
  else
    *ret = s;
  return status;
}

/* ---- the tasks to come ------------------------------------------------------------------------------------------------- */

static int foresee(struct cli_sampled *s, const struct amz_job *job)
{
  struct amz_range *left = NULL;
  struct amz_order *order = NULL;
  size_t n = 0;
  int rc = amz_outlook_left(amz_job_tasks(job), s->sample.seen, s->apart ? s->sample.n : 0, &left, &n);

  if (rc == AMZ_OK)
    rc = amz_run_order(job, left, n, 0, &order);
  if (rc == AMZ_OK)
    rc = amz_outlook_foresee(job, order, 0, &s->work);
  free(left);
  amz_order_free(order);
  return rc;
}

int cli_sampled_foresee(struct cli_sampled *s, const struct amz_job *job)
{
  struct amz_workload again;
  int rc;

  amz_outlook_weigh(job, s->sample.seen, s->sample.n);
  for (size_t i = 0; i < s->sample.n && amz_job_settings(job)->resources.threads_column; i++)
    s->sample.seen[i].threads = 1; /* other tasks have others: that tells nothing of what threads bring */
  rc = amz_workload_fit(s->sample.seen, s->sample.n, amz_job_tasks(job), CONFIDENCE, &again);
  if (rc == AMZ_OK) {
    amz_workload_clear(&s->work);
    s->work = again;
    rc = foresee(s, job);
  }
  return rc < 0 ? cli_fail(rc == AMZ_EINVAL ? AMZ_EENV : rc, NULL) : CLI_OK;
}

/* ---- taking ----------------------------------------------------------------------------------------------------------- */

/* All failed: what the first of them said is what the user has to see. */
static int tell_failure(const struct cli_sampled *s)
{
  cli_say("all %zu sampled tasks failed: nothing is known of their time", s->sample.n);
  cli_show_failure(s->dir);
  return CLI_TASKS_FAILED;
}

static int keep(const struct cli_sampled *s)
{
  struct amz_buf text = AMZ_BUF_INIT;
  struct amz_error err = {0};
  int rc = amz_report_sample_json(&s->sample, &s->work, &text);

  if (rc == AMZ_OK)
    rc = amz_rundir_write(s->dir, NAME, text.data, text.len, true, &err);
  amz_buf_clear(&text);
  return rc < 0 ? cli_fail(rc, &err) : CLI_OK;
}

/* Moves what was seen over. */
static int fill(struct cli_sampled *s, struct amz_sampler *sampler, const struct amz_run_summary *summary)
{
  char host[256] = "localhost";

  (void)gethostname(host, sizeof host - 1);
  s->sample = (struct amz_sample){.job = strdup(summary->job), .host = strdup(host), .tasks = summary->total,
    .slots = sampler->slots,
    .threads = sampler->threads, .gap_s = amz_sampler_gap(sampler), .seen = sampler->seen, .n = sampler->n};
  sampler->seen = NULL;
  s->dir = strdup(summary->run_dir);
  return s->sample.job && s->sample.host && s->dir ? fit(s) : cli_fail(AMZ_ENOMEM, NULL);
}

static uint64_t seed_of_now(void)
{
  struct timespec t = {0, 0};

  (void)clock_gettime(CLOCK_REALTIME, &t);
  return amz_mix64((uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec);
}

int cli_sampled_take(struct cli *cli, const struct amz_job_input *input, const char *runs_in, bool no_history,
                     struct cli_sampled *ret)
{
  struct amz_sampler sampler = {.seed = seed_of_now()};
  struct amz_run_options how = {.parent = runs_in, .link = cli->link, .no_history = no_history, .sampler = &sampler};
  struct amz_run_summary summary = {0};
  struct amz_buf text = AMZ_BUF_INIT;
  struct cli_sampled s = {.dir = NULL};
  struct amz_error err = {0};
  struct cli_launch l;
  int rc, status;

  cli_launch_init(&l, cli, true, true);
  rc = amz_run_new(input, &how, &l.observer, &text, &summary, &err);
  if (rc < 0)
    status = cli_launch_end(&l, rc, &summary, &err);
  else if ((status = fill(&s, &sampler, &summary)) == CLI_OK && summary.reason) {
    cli_say_resume(summary.reason, summary.run_dir);
    status = CLI_RESUMABLE;
  }
  if (rc == AMZ_OK && status == CLI_OK)
    status = s.work.n == 0 ? tell_failure(&s) : keep(&s);
  amz_sampler_clear(&sampler);
  amz_buf_clear(&text);
  if (status != CLI_OK)
    cli_sampled_clear(&s);
  else
    *ret = s;
  return status;
}
