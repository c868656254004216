/* A run as seen from outside. status.json says how far it is; the lease says whether that is still true. */
#include "rundir.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { STATUS_MAX = 1 << 20 };

int cli_run_find(const char *run, char **ret_dir)
{
  struct amz_error err = {0};
  int rc = amz_rundir_find(run, &err, ret_dir);

  if (rc == AMZ_OK)
    return CLI_OK;
  (void)cli_fail(rc, &err);
  return rc == AMZ_ENOENT || rc == AMZ_EINVAL ? CLI_USAGE : CLI_ENVIRONMENT;
}

/* \return AMZ_OK; AMZ_ENOENT: there is none; AMZ_EIO with *err; AMZ_ENOMEM; AMZ_ERANGE: too large for a status. */
static int read_status(const char *dir, struct amz_buf *json, struct amz_error *err)
{
  struct amz_buf path = AMZ_BUF_INIT;
  int fd, sys_errno;
  ssize_t n = 0;

  amz_buf_addf(&path, "%s/status.json", dir);
  fd = open(amz_buf_text(&path), O_RDONLY | O_CLOEXEC);
  sys_errno = errno;
  amz_buf_clear(&path);
  if (fd < 0)
    return sys_errno == ENOENT ? AMZ_ENOENT : amz_error_sys(err, AMZ_EIO, sys_errno, "%s/status.json", dir);
  while (json->len <= STATUS_MAX) {
    char *space = amz_buf_add_space(json, 4096);

    n = space ? read(fd, space, 4096) : 0;
    if (!space || n <= 0) {
      json->len -= space ? 4096 : 0;
      if (n < 0 && errno == EINTR)
        continue;
      break;
    }
    json->len -= 4096 - (size_t)n;
  }
  sys_errno = errno;
  (void)close(fd);
  if (n < 0)
    return amz_error_sys(err, AMZ_EIO, sys_errno, "%s/status.json", dir);
  return json->len > STATUS_MAX ? AMZ_ERANGE : amz_buf_ok(json);
}

/* What the store knows, for a run that hasn't come to its first status. */
static int count_in_store(const char *dir, struct cli_run_view *v, struct amz_error *err)
{
  struct amz_store_reader *reader = NULL;
  struct amz_store_counts counts;
  double age_s;
  int rc = amz_store_reader_new(dir, err, &reader, &age_s);

  if (rc == AMZ_OK)
    rc = amz_store_reader_counts(reader, err, &counts);
  if (rc == AMZ_OK) {
    v->progress.total = amz_store_reader_tasks(reader);
    v->progress.succeeded = counts.succeeded;
    v->progress.failed = counts.failed;
    v->progress.skipped = counts.skipped;
  }
  amz_store_reader_free(reader);
  return rc;
}

static double age_of(int64_t then_ns)
{
  struct timespec now;
  double age_s;

  if (clock_gettime(CLOCK_REALTIME, &now) < 0)
    return 0;
  age_s = (double)now.tv_sec - (double)then_ns * 1e-9 + (double)now.tv_nsec * 1e-9;
  return age_s > 0 ? age_s : 0; /* another host's clock may be ahead */
}

static bool says_it_runs(enum amz_run_state state)
{
  return state == AMZ_RUN_STARTING || state == AMZ_RUN_RUNNING || state == AMZ_RUN_DRAINING;
}

static int look(const char *dir, struct cli_run_view *v, struct amz_error *err)
{
  struct amz_lease_info lease;
  struct amz_buf json = AMZ_BUF_INIT;
  int rc = amz_lease_look(dir, &lease, err);

  if (rc < 0 && rc != AMZ_ENOENT)
    return rc;
  v->live = rc == AMZ_OK && lease.alive;
  rc = read_status(dir, &json, err);
  amz_buf_reset(&v->text);
  v->progress = (struct amz_run_progress){.state = AMZ_RUN_STARTING, .eta_ns = -1, .run_dir = dir};
  if (rc == AMZ_OK) {
    rc = amz_report_status_parse(amz_buf_text(&json), json.len, &v->text, &v->progress);
    if (rc < 0)
      (void)amz_error_set(err, rc, "%s/status.json is damaged", dir);
  } else if (rc == AMZ_ENOENT && !v->live) {
    rc = count_in_store(dir, v, err);
  } else if (rc == AMZ_ENOENT) {
    rc = AMZ_OK; /* it has just begun */
  }
  amz_buf_clear(&json);
  return rc;
}

int cli_run_view(const char *dir, struct cli_run_view *v)
{
  struct amz_error err = {0};
  int rc = look(dir, v, &err);

  if (rc < 0)
    return cli_fail(rc == AMZ_EINVAL ? AMZ_ECORRUPT : rc, &err);
  v->progress.run_dir = dir; /* it may have been moved since */
  v->age_s = v->live && v->progress.updated_ns ? age_of(v->progress.updated_ns) : 0;
  v->abandoned = !v->live && says_it_runs(v->progress.state);
  if (v->abandoned) {
    v->progress.state = AMZ_RUN_STOPPED;
    v->progress.running = 0;
    v->progress.eta_ns = -1;
  }
  return CLI_OK;
}

void cli_run_view_clear(struct cli_run_view *view)
{
  amz_buf_clear(&view->text);
}

void cli_say_age(double age_s)
{
  cli_say("the run is live; this is as of %.0f s ago", age_s);
}

int cli_reader_open(const char *dir, struct amz_store_reader **ret)
{
  struct amz_lease_info lease = {.alive = false};
  struct amz_error err = {0};
  double age_s;
  int rc = amz_store_reader_new(dir, &err, ret, &age_s);

  if (rc < 0)
    return cli_fail(rc == AMZ_EINVAL ? AMZ_ECORRUPT : rc, &err);
  if (amz_lease_look(dir, &lease, NULL) == AMZ_OK && lease.alive)
    cli_say_age(age_s);
  return CLI_OK;
}

static void ending_signals(sigset_t *set)
{
  (void)sigemptyset(set);
  (void)sigaddset(set, SIGINT);
  (void)sigaddset(set, SIGTERM);
  (void)sigaddset(set, SIGHUP);
}

void cli_block_signals(void)
{
  sigset_t set;

  ending_signals(&set);
  (void)sigprocmask(SIG_BLOCK, &set, NULL);
}

int cli_pause_ms(long ms)
{
  struct timespec t = {ms / 1000, ms % 1000 * 1000000};
  sigset_t set;
  int signal;

  ending_signals(&set);
  signal = sigtimedwait(&set, NULL, &t);
  return signal > 0 ? signal : 0;
}
