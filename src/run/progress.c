/* How things stand, told in step with the clock: status.json each second, the observer ten times a second. */
#include <unistd.h>

#include <amorsize/buf.h>

#include "loop_state.h"

#define STATUS_NS INT64_C(1000000000)
#define PROGRESS_NS INT64_C(100000000)

void amz_loop_note(const struct amz_loop *l, enum amz_severity severity, const char *text)
{
  const struct amz_run_observer *o = l->config->observer;

  if (o && o->note)
    o->note(o->ctx, severity, text);
}

void amz_loop_progress_at_start(const struct amz_loop_config *c, struct amz_run_progress *ret)
{
  *ret = (struct amz_run_progress){.state = AMZ_RUN_STARTING, .total = c->total, .succeeded = c->before.succeeded,
    .failed = c->before.failed, .skipped = c->before.skipped, .epoch = c->epoch, .ranks = c->layout.ranks,
        .slots = c->total_slots,
    .eta_ns = -1, .updated_ns = amz_clock_realtime_ns(), .job = amz_job_name(c->job), .run_dir = c->run_dir, .host = c->host,
    .pid = (int64_t)getpid()};
  if (c->planner) {
    ret->predicted = c->planner->predicted;
    ret->refined = c->planner->refined;
    ret->slots = c->planner->total_slots;
  }
}

static enum amz_run_state state_of(const struct amz_loop *l)
{
  switch (amz_master_end(l->master)) {
  case AMZ_END_DONE: return AMZ_RUN_DONE;
  case AMZ_END_STOPPED:
  case AMZ_END_STOP_AFTER: return l->master_finished ? AMZ_RUN_STOPPED : AMZ_RUN_DRAINING;
  case AMZ_END_LOST: return AMZ_RUN_FAILED;
  case AMZ_END_RUNNING: break;
  }
  return *l->result->reason ? AMZ_RUN_DRAINING : AMZ_RUN_RUNNING;
}

static uint64_t at_most(uint64_t n, uint64_t bound)
{
  return n < bound ? n : bound;
}

static double slots_now(const struct amz_loop_config *c)
{
  return c->planner && c->planner->total_slots ? c->planner->total_slots : c->total_slots;
}

/* Over several ranks an estimate: what they have been given and not told of, as far as there are slots. */
uint64_t amz_loop_running(const struct amz_loop *l)
{
  struct amz_master_stats stats;

  if (l->config->layout.ranks == 1)
    return amz_worker_busy(l->worker);
  amz_master_stats(l->master, &stats);
  return at_most(stats.handed_out, (uint64_t)slots_now(l->config));
}

static void fill_progress(const struct amz_loop *l, struct amz_run_progress *ret)
{
  const struct amz_loop_config *c = l->config;
  const struct amz_tally *t = &l->result->tally;
  struct amz_master_stats stats;
  double elapsed_s;

  amz_loop_progress_at_start(c, ret);
  amz_master_stats(l->master, &stats);
  ret->state = state_of(l);
  ret->succeeded += t->succeeded;
  ret->failed += t->failed;
  ret->skipped += t->skipped;
  ret->retried = t->retried;
  ret->running = amz_loop_running(l);
  ret->elapsed_ns = amz_clock_monotonic_ns() - l->started_ns;
  elapsed_s = (double)ret->elapsed_ns * 1e-9;
  ret->utilisation = amz_tally_utilisation(t, slots_now(c), elapsed_s);
  if (t->ran > 0) {
    ret->task_mean_s = t->wall_s / (double)t->ran;
    ret->eta_ns = (int64_t)((double)(stats.waiting + stats.handed_out) * ret->task_mean_s / slots_now(c) * 1e9);
  }
}

static int publish_status(struct amz_loop *l, const struct amz_run_progress *p)
{
  struct amz_buf json = AMZ_BUF_INIT;
  struct amz_error cause;
  int rc = amz_report_status_json(p, &json);

  if (rc == AMZ_OK && (rc = amz_buf_ok(&json)) == AMZ_OK)
    rc = amz_store_status(l->config->store, json.data, json.len, &cause);
  amz_buf_clear(&json);
  if (rc == AMZ_EIO) { /* the store tells of its failure by an event */
    return AMZ_OK;
  }
  return rc;
}

int amz_loop_show(struct amz_loop *l, bool at_once)
{
  const struct amz_run_observer *o = l->config->observer;
  int64_t now_ns = amz_clock_monotonic_ns();
  bool status = at_once || now_ns >= l->next_status_ns, progress = at_once || now_ns >= l->next_progress_ns;
  struct amz_run_progress p;

  if (!l->master) { /* rank 0 shows the whole */
    l->next_status_ns = l->next_progress_ns = AMZ_NEVER;
    return AMZ_OK;
  }
  if (!o || !o->progress)
    progress = false;
  if (!status && !progress)
    return AMZ_OK;
  fill_progress(l, &p);
  l->next_progress_ns = o && o->progress ? now_ns + PROGRESS_NS : AMZ_NEVER;
  if (progress)
    o->progress(o->ctx, &p);
  if (!status)
    return AMZ_OK;
  l->next_status_ns = now_ns + STATUS_NS;
  return publish_status(l, &p);
}
