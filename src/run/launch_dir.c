/* A launch's run directory: a new one is made so that it can be resumed from its first moment; one that is there is taken, and
 * read.
 *
 * DIR/inputs is the last file of a new directory: one that has it has all that a run needs. */
#define _GNU_SOURCE
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <amorsize/policy.h>

#include "batch.h"
#include "files.h"
#include "inputs.h"
#include "launch.h"
#include "patience.h"
#include "signals.h"

#define PLAN_MAX (1u << 20) /* bytes of a plan.yaml; more is none */

void amz_launch_tell_findings(const struct amz_run_observer *o, const struct amz_diags *diags)
{
  if (o && o->findings && diags->count > 0)
    o->findings(o->ctx, diags);
}

/* A signal that the driver was sent before this launch was ready is waiting in DIR/stop. */
bool amz_launch_is_driven(const struct amz_launch *l)
{
  return l->link && l->link->driven;
}

/* ---- a new one -------------------------------------------------------------------------------------------------------- */

/* Whether the plan that was given, if one was, foresaw another number of tasks than the job has. */
static bool is_of_others(const struct amz_launch *l)
{
  const struct amz_foreseen *p = &amz_job_settings(l->job)->prediction;

  return p->makespan_ns > 0 && p->tasks > 0 && p->tasks != amz_job_tasks(l->job);
}

/* \return the slots of all ranks by the settings, 0: they don't say. */
static uint64_t slots_wanted(const struct amz_settings *s)
{
  if (s->plan.nodes == AMZ_AUTO || s->plan.ranks_per_node == AMZ_AUTO || s->plan.slots_per_rank == AMZ_AUTO)
    return 0;
  return (uint64_t)s->plan.nodes * s->plan.ranks_per_node * s->plan.slots_per_rank;
}

/* Whether it foresaw another layout: it was edited since, or options win over it. */
static bool is_of_another_layout(const struct amz_launch *l)
{
  const struct amz_settings *s = amz_job_settings(l->job);
  const struct amz_foreseen *p = &s->prediction;
  uint64_t slots = slots_wanted(s), threads = s->plan.threads_per_task == AMZ_AUTO ? 0 : s->plan.threads_per_task;

  if (p->makespan_ns == 0)
    return false;
  return (p->slots && slots && p->slots != slots) || (p->threads && threads && p->threads != threads);
}

static void tell_if_of_others(const struct amz_launch *l)
{
  const struct amz_settings *s = amz_job_settings(l->job);
  const struct amz_foreseen *p = &s->prediction;
  char text[256];

  if (!l->observer || !l->observer->note)
    return;
  if (is_of_others(l))
    (void)snprintf(text, sizeof text, "the plan was made for %" PRIu64 " tasks, and these are %" PRIu64 ": its layout is "
                   "used, its prediction isn't", p->tasks, amz_job_tasks(l->job));
  else if (is_of_another_layout(l))
    (void)snprintf(text, sizeof text, "the plan foresaw what comes of %" PRIu64 " slots with %" PRIu64 " thread%s each, and the "
                   "layout is another one now: its prediction isn't used", p->slots, p->threads, p->threads == 1 ? "" : "s");
  else
    return;
  l->observer->note(l->observer->ctx, AMZ_WARNING, text);
}

struct amz_prediction amz_launch_given_prediction(const struct amz_launch *l)
{
  const struct amz_settings *s = amz_job_settings(l->job);
  const double unit = 1e-9;

  if (l->before.succeeded + l->before.failed + l->before.skipped > 0 || is_of_others(l) || is_of_another_layout(l))
    return (struct amz_prediction){0};
  return (struct amz_prediction){(double)s->prediction.makespan_ns * unit, (double)s->prediction.low_ns * unit,
                                 (double)s->prediction.high_ns * unit};
}

/* An earlier launch may have been killed while it wrote it, and somebody may have edited it: what makes no sense says nothing. */
static int read_kept_chunks(struct amz_launch *l, struct amz_error *err)
{
  const struct amz_settings *s = amz_job_settings(l->job);
  struct amz_buf text = AMZ_BUF_INIT;
  char path[PATH_MAX], name[AMZ_POLICY_NAME];
  const struct amz_policy_ops *kept;
  struct amz_error ignored;
  int64_t target_ns = 0;
  int n = snprintf(path, sizeof path, "%s/plan.yaml", l->dir), rc;

  if (n < 0 || (size_t)n >= sizeof path || amz_disk_read_file(path, PLAN_MAX, &text, &ignored) < 0) {
    amz_buf_clear(&text);
    return AMZ_OK;
  }
  rc = amz_job_plan_chunks(text.data, text.len, name, &target_ns);
  amz_buf_clear(&text);
  if (rc < 0)
    return amz_error_set(err, rc, "out of memory");
  kept = amz_policy_find(name);
  if (kept && s->chunks.policy_free)
    l->policy = kept;
  if (kept == l->policy && s->chunks.target_free && target_ns > 0)
    l->target_s = (double)target_ns * 1e-9;
  return AMZ_OK;
}

int amz_launch_choose_policy(struct amz_launch *l, struct amz_error *err)
{
  const struct amz_settings *s = amz_job_settings(l->job);

  l->target_s = (double)s->chunks.target_ns * 1e-9;
  l->policy = amz_policy_find(s->chunks.policy);
  if (!l->policy)
    return amz_error_set(err, AMZ_EINVAL, "no chunk policy is named %s", s->chunks.policy);
  return l->dir && (s->chunks.policy_free || s->chunks.target_free) ? read_kept_chunks(l, err) : AMZ_OK;
}

int amz_launch_write_plan(const struct amz_launch *l, struct amz_error *err)
{
  const struct amz_settings *s = amz_job_settings(l->job);
  struct amz_plan_file f = {.job = amz_job_name(l->job), .policy = l->policy->name,
    .target_ns = (int64_t)(l->target_s * 1e9 + 0.5),
    .layout = {s->plan.nodes == AMZ_AUTO ? 1 : s->plan.nodes,
               s->plan.ranks_per_node == AMZ_AUTO ? l->layout.ranks : s->plan.ranks_per_node,
               l->layout.slots, l->layout.threads}, .predicted = amz_launch_given_prediction(l), .tasks = s->prediction.tasks,
    .task_s = (double)s->prediction.task_ns * 1e-9, .task_stddev_s = (double)s->prediction.task_stddev_ns * 1e-9};
  struct amz_buf text = AMZ_BUF_INIT;
  int rc;

  amz_report_plan_file(&f, &text);
  rc = amz_buf_ok(&text) < 0 ? amz_error_set(err, AMZ_ENOMEM, "out of memory") : amz_rundir_write(l->dir, "plan.yaml", text.data,
      text.len, false, err);
  amz_buf_clear(&text);
  return rc;
}

/* What a person finds in the run directory: the description, or the command line's parts as comments. */
static int write_job(const struct amz_launch *l, const struct amz_job_input *input, struct amz_error *err)
{
  struct amz_buf text = AMZ_BUF_INIT;
  int rc;

  if (input->yaml_text)
    amz_buf_add(&text, input->yaml_text, input->yaml_len);
  if (input->command)
    amz_buf_addf(&text, "# --command %s\n", input->command);
  if (input->lines)
    amz_buf_addf(&text, "# --lines %s\n", input->lines);
  for (size_t i = 0; i < input->n_loops; i++)
    amz_buf_addf(&text, "# --for %s\n", input->loops[i]);
  for (size_t i = 0; i < input->n_sets; i++)
    amz_buf_addf(&text, "# %s %s=%s\n", input->sets[i].option, input->sets[i].path, input->sets[i].value);
  rc = amz_buf_ok(&text);
  if (rc == AMZ_OK)
    rc = amz_rundir_write(l->dir, "job.yaml", text.data ? text.data : "", text.len, false, err);
  amz_buf_clear(&text);
  return rc;
}

static int absolute(const char *path, char **ret, struct amz_error *err)
{
  *ret = realpath(path, NULL);
  return *ret ? AMZ_OK : amz_error_sys(err, AMZ_EIO, errno, "cannot resolve %s", path);
}

/* What this process goes on with at once, its store makes durable before it records anything. */
static int fill_directory(struct amz_launch *l, const struct amz_job_input *input, struct amz_error *err)
{
  int rc;

  if ((rc = absolute(l->shown_dir, &l->dir, err)) < 0 || (rc = amz_lease_take(l->dir, err, &l->lease)) < 0 ||
      (rc = write_job(l, input, err)) < 0 || (rc = amz_launch_choose_policy(l, err)) < 0 ||
      (rc = amz_launch_write_plan(l, err)) < 0 || (rc = amz_batch_mark(l->dir, err)) < 0)
    return rc;
  /* last: from now on it can be resumed */
  return amz_rundir_write(l->dir, "inputs", l->recording.data, l->recording.len, !l->unsettled, err);
}

int amz_launch_make_directory(struct amz_launch *l, const struct amz_job_input *input, const struct amz_run_options *options,
                               struct amz_error *err)
{
  int rc = amz_rundir_create(options->parent ? options->parent : ".", amz_job_name(l->job), err, &l->shown_dir);

  if (rc < 0)
    return rc;
  tell_if_of_others(l);
  rc = fill_directory(l, input, err);
  if (rc == AMZ_OK)
    return rc;
  amz_lease_release(l->lease);
  l->lease = NULL;
  amz_rundir_discard(l->shown_dir);
  free(l->shown_dir);
  l->shown_dir = NULL;
  return rc;
}

/* ---- one that is there ------------------------------------------------------------------------------------------------ */

/* Reads DIR/inputs. */
static int read_recording(const char *dir, struct amz_buf *ret, struct amz_error *err)
{
  char path[PATH_MAX];
  int n = snprintf(path, sizeof path, "%s/inputs", dir), rc;

  if (n < 0 || (size_t)n >= sizeof path)
    return amz_error_set(err, AMZ_EINVAL, "%s: the path is too long", dir);
  rc = amz_disk_read_file(path, UINT64_MAX, ret, err);
  if (rc == AMZ_ENOENT)
    return amz_error_set(err, rc, "%s has no file 'inputs': it is no run directory, or was never started and can be removed",
                         dir);
  return rc;
}

/* The recording of a run that goes on with other settings, in place of what was recorded. */
static int amend(struct amz_buf *recording, const struct amz_set *sets, size_t n, struct amz_diags *diags, struct amz_error *err)
{
  struct amz_buf amended = AMZ_BUF_INIT;
  int rc;

  if (n == 0)
    return AMZ_OK;
  rc = amz_inputs_amend(recording->data, recording->len, sets, n, diags, &amended, err);
  amz_buf_clear(recording);
  *recording = amended;
  return rc;
}

int amz_run_load_recorded(const char *dir, const struct amz_set *sets, size_t n, struct amz_diags *diags, struct amz_job **ret,
                          struct amz_error *err)
{
  struct amz_buf recording = AMZ_BUF_INIT, cwd = AMZ_BUF_INIT;
  struct amz_error cause = {0};
  int rc = read_recording(dir, &recording, err);

  if (rc == AMZ_OK) {
    rc = amend(&recording, sets, n, diags, &cause);
    if (rc == AMZ_OK)
      rc = amz_inputs_replay(recording.data, recording.len, diags, &cwd, ret, &cause);
    if (rc < 0)
      (void)amz_error_set(err, rc, "%s/inputs: %s", dir, cause.text);
  }
  amz_buf_clear(&recording);
  amz_buf_clear(&cwd);
  return rc;
}

/* Only errors are told: the rest was, when the run began. */
static int amend_recording(struct amz_launch *l, const struct amz_run_options *options, struct amz_error *err)
{
  struct amz_diags diags;
  int rc;

  amz_diags_init(&diags);
  rc = amend(&l->recording, options->sets, options->n_sets, &diags, err);
  if (rc == AMZ_EINVAL)
    amz_launch_tell_findings(l->observer, &diags);
  amz_diags_clear(&diags);
  return rc;
}

int amz_launch_load_job(struct amz_launch *l, const struct amz_run_options *options, struct amz_error *err)
{
  struct amz_diags diags; /* of a description that was accepted before: not told again */
  struct amz_error cause;
  int rc = read_recording(l->dir, &l->recording, err);

  if (rc < 0)
    return rc;
  amz_diags_init(&diags);
  rc = amend_recording(l, options, &cause);
  if (rc == AMZ_OK)
    rc = amz_inputs_replay(l->recording.data, l->recording.len, &diags, &l->cwd, &l->job, &cause);
  amz_diags_clear(&diags);
  return rc < 0 ? amz_error_set(err, rc, "%s/inputs: %s", l->dir, cause.text) : AMZ_OK;
}

/* What was asked of an earlier launch; the driver has done so before, and may have been asked since. */
static int remove_old_stop(const struct amz_launch *l, struct amz_error *err)
{
  char path[PATH_MAX];
  int n;

  if (amz_launch_is_driven(l))
    return AMZ_OK;
  n = snprintf(path, sizeof path, "%s/stop", l->dir);
  if (n > 0 && (size_t)n < sizeof path && unlink(path) < 0 && errno != ENOENT)
    return amz_error_sys(err, AMZ_EIO, errno, "cannot remove %s", path);
  return AMZ_OK;
}

int amz_launch_take_directory(struct amz_launch *l, const char *dir, bool take_over, struct amz_error *err)
{
  int rc;

  l->shown_dir = strdup(dir);
  if (!l->shown_dir)
    return amz_error_set(err, AMZ_ENOMEM, "out of memory");
  if ((rc = absolute(dir, &l->dir, err)) < 0)
    return rc;
  rc = amz_patience_wait(l->dir, take_over, l->observer, l->link ? l->link->signals : NULL, amz_launch_tick_for, l, &l->signal,
                         err);
  if (rc == AMZ_ECLOSED)
    return amz_error_set(err, AMZ_EBUSY, "%s: ended by %s while waiting for it", dir, amz_signal_name(l->signal));
  if (rc < 0)
    return rc;
  rc = take_over ? amz_lease_take_over(l->dir, err, &l->lease) : amz_lease_take(l->dir, err, &l->lease);
  return rc < 0 ? rc : remove_old_stop(l, err);
}

int amz_run_request_stop(const char *dir, bool now, struct amz_error *err)
{
  struct amz_lease_info holder;
  int rc = amz_lease_look(dir, &holder, err);

  if (rc == AMZ_ENOENT || (rc == AMZ_OK && !holder.alive))
    return amz_error_set(err, AMZ_ENOENT, "%s isn't running", dir);
  return rc < 0 ? rc : amz_rundir_write(dir, "stop", "now", now ? 3 : 0, false, err);
}
