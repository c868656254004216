/* One launch of a run, from the three ways in to its summary: directory and lease (launch_dir.c), who is there, what there is to
 * do (launch_work.c), outputs brought home, store closed, the history. */
#define _GNU_SOURCE
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "batch.h"
#include "devices.h"
#include "files.h"
#include "gather.h"
#include "here.h"
#include "inputs.h"
#include "launch.h"
#include "layout.h"
#include "loop_state.h"
#include "marker.h"
#include "order.h"
#include "ranks.h"

static void release(struct amz_launch *l)
{
  amz_recall_clear(&l->recall); /* it looks at the job */
  amz_exec_free(l->exec);
  amz_planner_clear(&l->planner);
  amz_sampler_clear(&l->own_sampler);
  amz_order_free(l->order);
  for (uint32_t i = 0; l->node_dirs && i < l->team.count; i++)
    free(l->node_dirs[i]);
  free(l->node_dirs);
  free(l->kept);
  free(l->absent);
  amz_reduced_clear(&l->reduced);
  amz_places_clear(&l->places);
  amz_team_clear(&l->team);
  free(l->shares);
  amz_buf_clear(&l->memory_source);
  amz_buf_clear(&l->recording);
  amz_buf_clear(&l->cwd);
  free(l->left);
  amz_cores_clear(&l->cores);
  amz_gpus_clear(&l->gpus);
  free(l->slot_gpus);
  amz_lease_release(l->lease);
  amz_job_free(l->job);
  free(l->pack_path);
  free(l->dir);
  free(l->shown_dir);
}

/* ---- what runs -------------------------------------------------------------------------------------------------------- */

/* Fewer slots than cores need a word, unless the user fixed them. */
static void tell_limit(const struct amz_launch *l, const char *source)
{
  char text[AMZ_ERROR_TEXT];

  if (!*source || amz_job_settings(l->job)->plan.slots_per_rank != AMZ_AUTO || !l->observer || !l->observer->note)
    return;
  (void)snprintf(text, sizeof text, "%u of %u cores used here: %.800s allows no more", l->cores.most, l->cores.count, source);
  l->observer->note(l->observer->ctx, AMZ_WARNING, text);
}

static int choose_layout(struct amz_launch *l, struct amz_error *err)
{
  struct amz_buf source = AMZ_BUF_INIT;
  int rc = amz_cores_here(&source, err, &l->cores);

  if (rc == AMZ_OK) {
    amz_budget_layout(l->job, l->cores.most, amz_job_tasks(l->job), &l->layout);
    tell_limit(l, amz_buf_text(&source));
  }
  amz_buf_clear(&source);
  return rc;
}

/* A run that can't learn of its job's end goes on; signals may still tell. */
static void ask_end(struct amz_launch *l)
{
  struct amz_error own, *why = l->link ? &l->link->end_err : &own;
  int rc = l->link ? why->code : amz_batch_end(&l->end_s, why);
  char text[AMZ_ERROR_TEXT + 64];

  if (l->link)
    l->end_s = l->link->end_s;
  if (rc == AMZ_OK || !l->observer || !l->observer->note)
    return;
  (void)snprintf(text, sizeof text, "the job's end isn't known: %s", why->text);
  l->observer->note(l->observer->ctx, AMZ_WARNING, text);
}

/* A signal before there is a loop to hear it ends the launch in order: nothing has been handed out. */
static int interrupted(struct amz_launch *l, int rc)
{
  if (rc != AMZ_ECLOSED || l->signal == 0)
    return rc;
  if (!*l->result.reason)
    (void)snprintf(l->result.reason, sizeof l->result.reason, "interrupted (%s)", amz_signal_name(l->signal));
  l->result.out_of_time |= l->signal == SIGUSR1;
  return AMZ_OK;
}

int amz_launch_fetch(struct amz_launch *l, struct amz_error *err)
{
  return interrupted(l, amz_gather_before(l, &l->signal, err));
}

/* Who is there, and what lies on their nodes: packs before the store is opened, which takes them over. */
static int meet(struct amz_launch *l, struct amz_error *err)
{
  int rc = interrupted(l, amz_launch_meet(l, err));

  return rc == AMZ_OK && l->signal == 0 && !amz_job_keeps_results(l->job) ? amz_launch_fetch(l, err) : rc;
}

/* Outputs come home whatever ended the run; what rank 0 can't take stays where it is. */
static int bring_home(struct amz_launch *l, struct amz_error *err)
{
  struct amz_error own;
  int rc = interrupted(l, amz_gather_after(l, &l->signal, &own));

  amz_gather_tell_absent(l);
  if (rc == AMZ_OK || l->result.err.code < 0)
    return AMZ_OK;
  if (rc == AMZ_ENOMEM) {
    *err = own;
    return rc;
  }
  (void)amz_error_set(&l->result.err, rc, "outputs could not be gathered, and stay on their nodes: %.600s; 'amorsize-mpi resume "
                                          "%.300s' gathers them", own.text,
                      l->shown_dir);
  return AMZ_OK;
}

static int run_ranks(struct amz_launch *l, struct amz_signals *signals, struct amz_error *err)
{
  int rc = amz_launch_work(l, signals, err);

  return rc < 0 ? rc : bring_home(l, err);
}

/* What the results reduce to, for whoever comes later; the partials in run.db give it again at any time. */
static int keep_reduced(const struct amz_launch *l, struct amz_error *err)
{
  enum amz_reduce op = amz_job_reduces(l->job);
  struct amz_buf json = AMZ_BUF_INIT;
  int rc = AMZ_OK;

  if (op == AMZ_REDUCE_NONE)
    return AMZ_OK;
  if (amz_report_reduced_json(op, &l->reduced, &json) < 0)
    rc = amz_error_set(err, AMZ_ENOMEM, "out of memory");
  else
    rc = amz_rundir_write(l->dir, "reduced.json", json.data, json.len, true, err);
  amz_buf_clear(&json);
  return rc;
}

/* A run that ends before it could plan goes on with what it has seen. */
static void keep_sample(const struct amz_launch *l)
{
  struct amz_buf text = AMZ_BUF_INIT;
  struct amz_error ignored; /* it would be sampled again */

  if (!l->plans || l->result.end == AMZ_END_DONE || l->own_sampler.n == 0)
    return;
  amz_planner_keep_sample(&l->planner, l->host, &text);
  if (text.len && amz_buf_ok(&text) == AMZ_OK)
    (void)amz_rundir_write(l->dir, "sample.json", text.data, text.len, false, &ignored);
  amz_buf_clear(&text);
}

static int begin_launch(struct amz_launch *l, const struct amz_run_options *how, struct amz_error *err)
{
  int rc;

  ask_end(l);
  if ((rc = amz_devices_read(&l->gpus, err)) < 0 || (rc = meet(l, err)) < 0)
    return rc;
  return amz_launch_open_store(l, how, err);
}

/* Signals are blocked before the store's thread is born, so that it inherits the mask. */
static int run_in_directory(struct amz_launch *l, const struct amz_run_options *how, struct amz_error *err)
{
  struct amz_signals own, *signals = l->link ? l->link->signals : &own;
  struct amz_error close_err;
  int rc = l->link ? AMZ_OK : amz_signals_open(&own, err), close_rc;

  if (rc < 0)
    return rc;
  amz_launch_ask_history(l, !how->sampler);
  if (!l->link) /* it loads beside what follows */
    rc = amz_exec_launch(NULL, err, &l->exec);
  if (rc == AMZ_OK)
    rc = begin_launch(l, how, err);
  if (rc == AMZ_OK && l->signal == 0)
    rc = run_ranks(l, signals, err);
  keep_sample(l);
  amz_gather_leave(l);
  amz_exec_free(l->exec);
  l->exec = NULL;
  close_rc = amz_store_close_reduced(l->store, &l->reduced, &close_err);
  l->store = NULL;
  if (rc == AMZ_OK && close_rc == AMZ_OK)
    close_rc = keep_reduced(l, &close_err);
  if (rc == AMZ_OK && close_rc < 0 && l->result.err.code == AMZ_OK)
    l->result.err = close_err;
  if (!l->link)
    amz_signals_close(&own);
  return rc;
}

/* ---- the three ways in ------------------------------------------------------------------------------------------------ */

static void begin(struct amz_launch *l, const struct amz_run_options *options, const struct amz_run_observer *observer)
{
  memset(l, 0, sizeof *l);
  l->link = options->link;
  l->ret_requeue = options->ret_requeue;
  l->no_history = options->no_history;
  l->observer = observer;
  l->began_ns = amz_clock_realtime_ns();
  amz_launch_tick(l); /* the first word: from now on the others know whom they wait for */
  if (gethostname(l->host, sizeof l->host - 1) < 0)
    (void)snprintf(l->host, sizeof l->host, "localhost");
}

/* Tells the driver, if there is one, that the launch came to an end, and to which. What the summary says is in the store by
 * now. */
static void mark_end(const struct amz_launch *l, int rc, const struct amz_run_summary *s)
{
  struct amz_error ignored; /* without the marker the driver looks at the store again, by another launch */
  int status = rc == AMZ_OK ? amz_report_exit_status(s) : rc == AMZ_EINVAL ? 2 : 3;

  (void)amz_marker_put_ended(l->dir, status, l->result.out_of_time, &ignored);
}

/* What the end asks of the batch system. */
static void want_requeue(const struct amz_launch *l, const struct amz_run_summary *s)
{
  if (l->ret_requeue && l->result.out_of_time && amz_job_settings(l->job)->slurm.requeue && amz_report_exit_status(s) == 75)
    *l->ret_requeue = true;
}

/* Whatever happened, the summary tells how far it came, as soon as there is a directory. */
static int end(struct amz_launch *l, int rc, struct amz_buf *ret_text, struct amz_run_summary *ret_summary, struct amz_error *err)
{
  int told = AMZ_OK;

  if (l->link && !l->told)
    amz_run_dismiss(l->link);
  if (l->link)
    l->link->used = true;
  memset(ret_summary, 0, sizeof *ret_summary);
  if (l->shown_dir && l->job)
    told = amz_launch_summarize(l, ret_text, ret_summary);
  if (rc == AMZ_OK && told == AMZ_OK && l->job)
    want_requeue(l, ret_summary);
  if (rc == AMZ_OK && l->result.err.code < 0) {
    *err = l->result.err;
    rc = err->code;
  }
  if (rc == AMZ_OK && told < 0)
    rc = amz_error_set(err, told, "out of memory while summing up; the run itself is recorded in %s", l->shown_dir);
  if (l->link && l->dir && !l->lost_early)
    mark_end(l, rc, ret_summary);
  if (rc == AMZ_OK && !l->no_history && l->job && l->dir)
    amz_launch_remember(l, ret_summary);
  if (l->sampler)
    l->sampler->settings = NULL; /* the job's */
  release(l);
  return rc;
}

/* Where tasks start on every rank. */
static int note_cwd(struct amz_launch *l, struct amz_error *err)
{
  char *cwd = getcwd(NULL, 0);

  if (!cwd)
    return amz_error_sys(err, AMZ_EIO, errno, "cannot tell the current directory");
  amz_buf_adds(&l->cwd, cwd);
  free(cwd);
  return amz_buf_ok(&l->cwd) < 0 ? amz_error_set(err, AMZ_ENOMEM, "out of memory") : AMZ_OK;
}

/* Told before anything is started. What is wrong with a plug-in that is there is found by the process that loads it. */
static int find_plugin(const struct amz_job *job, struct amz_error *err)
{
  const struct amz_plugin *plugin = amz_job_plugin(job);

  if (plugin && access(plugin->path, R_OK) < 0)
    return amz_error_set(err, AMZ_EINVAL, "tasks.plugin: cannot read %s: %s", plugin->path, strerror(errno));
  return AMZ_OK;
}

/* Of a process alone, which is told before there is a directory; ranks tell when they know each other. */
static int fit_all(struct amz_launch *l, struct amz_error *err)
{
  const struct amz_range all = {0, amz_job_tasks(l->job)};

  return l->link ? AMZ_OK : amz_launch_fit(l, &all, 1, err);
}

/* From the description to a directory that can be resumed. `here`: this process runs the tasks, or takes part in it. */
static int prepare(struct amz_launch *l, const struct amz_job_input *input, const struct amz_run_options *options, bool here,
                   struct amz_error *err)
{
  struct amz_diags diags;
  int rc;

  l->unsettled = here;
  amz_diags_init(&diags);
  rc = amz_inputs_load(input, &diags, &l->recording, &l->job, err);
  amz_launch_tell_findings(l->observer, &diags);
  if (rc == AMZ_EINVAL)
    (void)amz_error_set(err, rc, "the job description has %zu error%s; nothing was started", diags.errors,
                        diags.errors == 1 ? "" : "s");
  amz_diags_clear(&diags);
  if (rc < 0 || (rc = find_plugin(l->job, err)) < 0 || (rc = choose_layout(l, err)) < 0 ||
      (here && (rc = fit_all(l, err)) < 0) || (rc = amz_launch_make_directory(l, input, options, err)) < 0)
    return rc;
  return note_cwd(l, err);
}

int amz_run_new(const struct amz_job_input *input, const struct amz_run_options *options, const struct amz_run_observer *observer,
                struct amz_buf *ret_text, struct amz_run_summary *ret_summary, struct amz_error *err)
{
  struct amz_launch l;
  int rc;

  begin(&l, options, observer);
  rc = prepare(&l, input, options, true, err);
  if (rc == AMZ_OK)
    rc = run_in_directory(&l, options, err);
  return end(&l, rc, ret_text, ret_summary, err);
}

int amz_launch_prepare(const struct amz_job_input *input, const struct amz_run_options *options,
                       const struct amz_run_observer *observer,
                       char **ret_dir, struct amz_job **ret_job, struct amz_error *err)
{
  struct amz_launch l;
  int rc;

  begin(&l, options, observer);
  rc = prepare(&l, input, options, false, err);
  if (rc == AMZ_OK) {
    *ret_dir = l.shown_dir;
    *ret_job = l.job;
    l.shown_dir = NULL;
    l.job = NULL;
  }
  release(&l);
  return rc;
}

static int go_where_it_began(const struct amz_buf *cwd, struct amz_error *err)
{
  if (chdir(amz_buf_text(cwd)) < 0)
    return amz_error_sys(err, AMZ_EENV, errno, "cannot go to the directory in which the run was started, %s", amz_buf_text(cwd));
  return AMZ_OK;
}

int amz_run_resume(const char *dir, const struct amz_run_options *options, const struct amz_run_observer *observer,
                   struct amz_buf *ret_text, struct amz_run_summary *ret_summary, struct amz_error *err)
{
  struct amz_launch l;
  int rc;

  begin(&l, options, observer);
  if ((rc = amz_launch_take_directory(&l, dir, options->take_over, err)) == AMZ_OK &&
      (rc = amz_launch_load_job(&l, options, err)) == AMZ_OK &&
      (rc = amz_launch_choose_policy(&l, err)) == AMZ_OK && (rc = choose_layout(&l, err)) == AMZ_OK &&
      (options->n_sets == 0 || (rc = amz_launch_write_plan(&l, err)) == AMZ_OK) &&
      (rc = go_where_it_began(&l.cwd, err)) == AMZ_OK)
    rc = run_in_directory(&l, options, err);
  return end(&l, rc, ret_text, ret_summary, err);
}

int amz_run_load(const struct amz_job_input *input, struct amz_diags *diags, struct amz_job **ret)
{
  struct amz_disk *disk;
  struct amz_files files;
  int rc = amz_disk_new(&disk);

  if (rc < 0)
    return rc;
  files = amz_disk_files(disk);
  rc = amz_job_load(input, &files, diags, ret);
  amz_disk_free(disk);
  return rc;
}

int amz_run_layout(const struct amz_job *job, struct amz_layout *ret, struct amz_error *err)
{
  struct amz_cores cores;
  int rc = amz_cores_here(NULL, err, &cores);

  if (rc < 0)
    return rc;
  amz_budget_layout(job, cores.most, amz_job_tasks(job), ret);
  amz_cores_clear(&cores);
  return AMZ_OK;
}
