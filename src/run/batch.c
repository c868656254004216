/* The batch job around a run. The file DIR/slurm-job holds its number: a job that is started again finds its run by it. */
#define _GNU_SOURCE
#include "batch.h"

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <amorsize/alloc.h>
#include <amorsize/allocation.h>
#include <amorsize/environment.h>
#include <amorsize/store.h>
#include <amorsize/units.h>

#include "here.h"
#include "run.h"

#define MARK "slurm-job"
#define KEY_MAX 64
#define REQUEUE_NS INT64_C(30000000000)

/* ---- its end ---------------------------------------------------------------------------------------------------------- */

/* Several ranks needn't ask the controller the same. What no launcher started is a first process, too. */
static bool is_first(void)
{
  struct amz_environment env = amz_environment_of_process();
  const char *rank = amz_environment_rank(&env);

  return !rank || strcmp(rank, "0") == 0;
}

/* Its warnings are told where the allocation's nodes are used, by the driver. */
static int read_allocation(struct amz_allocation *ret, struct amz_error *err)
{
  struct amz_diags diags;
  int rc;

  amz_diags_init(&diags);
  rc = amz_allocation_here(NULL, &diags, err, ret);
  amz_diags_clear(&diags);
  return rc;
}

int amz_batch_end(int64_t *ret_end_s, struct amz_error *err)
{
  struct amz_allocation a;
  int rc;

  *ret_end_s = 0;
  if (!is_first())
    return AMZ_OK;
  rc = read_allocation(&a, err);
  if (rc < 0)
    return rc;
  rc = amz_allocation_ask_end(&a, NULL, 0, err);
  if (rc == AMZ_OK && a.end_source)
    *ret_end_s = a.end_s;
  amz_allocation_clear(&a);
  return rc;
}

/* ---- another turn ----------------------------------------------------------------------------------------------------- */

static bool is_number(const char *text)
{
  return text && *text && strlen(text) < KEY_MAX / 2 - 1 && strspn(text, "0123456789") == strlen(text);
}

/* What names this job, the same in all of its turns. \return false outside of Slurm. */
static bool key_of_job(char key[KEY_MAX])
{
  const char *id = getenv("SLURM_JOB_ID"), *element = getenv("SLURM_ARRAY_TASK_ID");

  if (!is_number(id))
    return false;
  (void)snprintf(key, KEY_MAX, is_number(element) ? "%s %s\n" : "%s\n", id, element);
  return true;
}

/* Whether Slurm has started this job before. */
static bool is_restarted(void)
{
  const char *text = getenv("SLURM_RESTART_COUNT");
  char key[KEY_MAX];
  uint64_t n;

  return text && amz_parse_u64(text, &n) == AMZ_OK && n > 0 && key_of_job(key);
}

int amz_batch_mark(const char *dir, struct amz_error *err)
{
  char key[KEY_MAX];

  return key_of_job(key) ? amz_rundir_write(dir, MARK, key, strlen(key), false, err) : AMZ_OK;
}

static bool has_key(const char *runs, const char *number, const char *key)
{
  char path[PATH_MAX], found[KEY_MAX];
  int n = snprintf(path, sizeof path, "%s/%s/" MARK, runs, number), fd;
  ssize_t got;

  if (n < 0 || (size_t)n >= sizeof path || (fd = open(path, O_RDONLY | O_CLOEXEC)) < 0)
    return false;
  got = read(fd, found, sizeof found);
  (void)close(fd);
  return got == (ssize_t)strlen(key) && memcmp(found, key, (size_t)got) == 0;
}

/* \return the highest number of a run in `runs` with this key, 0: none. */
static uint64_t latest_with(const char *runs, const char *key)
{
  DIR *dir = opendir(runs);
  struct dirent *e;
  uint64_t latest = 0, n;

  while (dir && (e = readdir(dir)))
    if (is_number(e->d_name) && amz_parse_u64(e->d_name, &n) == AMZ_OK && n > latest && has_key(runs, e->d_name, key))
      latest = n;
  if (dir)
    (void)closedir(dir);
  return latest;
}

/* The latest run of `name` below `parent` (NULL: the current directory) that this job began in an earlier turn.
 * \return AMZ_OK with *ret_dir (free it); AMZ_ENOENT: none; AMZ_ENOMEM. */
static int find_begun(const char *parent, const char *name, char **ret_dir)
{
  struct amz_buf path = AMZ_BUF_INIT;
  char key[KEY_MAX];
  uint64_t latest;
  int rc;

  if (!key_of_job(key))
    return AMZ_ENOENT;
  if (parent && strcmp(parent, ".") != 0)
    amz_buf_addf(&path, "%s/", parent);
  amz_buf_addf(&path, "%s.runs", name);
  rc = amz_buf_ok(&path);
  latest = rc == AMZ_OK ? latest_with(path.data, key) : 0;
  if (latest > 0) {
    amz_buf_addf(&path, "/%03llu", (unsigned long long)latest);
    rc = amz_buf_ok(&path);
  }
  if (rc == AMZ_OK && latest > 0)
    *ret_dir = amz_buf_detach(&path);
  amz_buf_clear(&path);
  return rc < 0 ? rc : latest > 0 ? AMZ_OK : AMZ_ENOENT;
}

int amz_run_requeue(struct amz_error *err)
{
  struct amz_allocation a;
  int rc = read_allocation(&a, err);

  if (rc < 0)
    return rc;
  rc = amz_allocation_requeue(&a, NULL, REQUEUE_NS, err);
  amz_allocation_clear(&a);
  return rc;
}

int amz_run_find_begun(const struct amz_job_input *input, const char *parent, char **ret_dir)
{
  struct amz_diags diags;
  struct amz_job *job = NULL;
  int rc = AMZ_ENOENT;

  if (!is_restarted())
    return AMZ_ENOENT;
  amz_diags_init(&diags); /* a description with errors is told of when a new run is begun */
  if (amz_run_load(input, &diags, &job) == AMZ_OK && amz_job_settings(job)->slurm.requeue)
    rc = find_begun(parent, amz_job_name(job), ret_dir);
  amz_job_free(job);
  amz_diags_clear(&diags);
  return rc;
}
