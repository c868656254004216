/* The loop: wait, gather events, step, perform; until both machines have finished. */
#define _GNU_SOURCE
#include "loop.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <amorsize/alloc.h>

#include "executor.h"
#include "layout.h"
#include "loop_state.h"

#define LATENCY_SYNC_NS INT64_C(100000000) /* preset latency: between a result and its record */
#define OWN_FDS 4 /* helper, store, signals, planner */

/* ---- stepping --------------------------------------------------------------------------------------------------------- */

static uint64_t chunks_given(const struct amz_action *a)
{
  return a->kind == AMZ_DO_SEND && a->message->kind == AMZ_MSG_ASSIGN ? a->message->n_chunks : 0;
}

int amz_loop_master_event(struct amz_loop *l, struct amz_event *event)
{
  uint64_t given = 0;
  int rc;

  event->now_ns = amz_clock_monotonic_ns();
  amz_actions_clear(l->master_out);
  rc = amz_master_step(l->master, event, l->master_out);
  for (size_t i = 0; rc == AMZ_OK && i < amz_actions_count(l->master_out); i++) {
    given += chunks_given(amz_actions_at(l->master_out, i));
    rc = amz_loop_perform_master(l, amz_actions_at(l->master_out, i));
  }
  if (given)
    amz_told_step(&l->told, (double)(amz_clock_monotonic_ns() - event->now_ns) * 1e-9, given);
  return rc;
}

int amz_loop_worker_event(struct amz_loop *l, struct amz_event *event)
{
  int rc = l->config->sampler && event->kind == AMZ_EV_RAN ? amz_loop_sample_ran(l, event) : AMZ_OK;

  event->now_ns = amz_clock_monotonic_ns();
  amz_actions_clear(l->worker_out);
  if (rc == AMZ_OK)
    rc = amz_worker_step(l->worker, event, l->worker_out);
  amz_beside_note(&l->beside, event->now_ns, amz_worker_busy(l->worker));
  for (size_t i = 0; rc == AMZ_OK && i < amz_actions_count(l->worker_out); i++)
    rc = amz_loop_perform_worker(l, amz_actions_at(l->worker_out, i));
  return rc;
}

/* ---- where events come from ------------------------------------------------------------------------------------------- */

/* Delivers what is in a mailbox; what the receiver answers goes to the other one, or to a fresh box of its own. */
static int deliver(struct amz_loop *l, struct amz_buf *box, int (*receiver)(struct amz_loop *, struct amz_event *))
{
  struct amz_buf mail = *box;
  struct amz_cursor c = amz_cursor_over(mail.data, mail.len);
  int rc = amz_buf_ok(&mail);

  amz_buf_init(box);
  while (rc == AMZ_OK && amz_cursor_left(&c) > 0) {
    struct amz_event event = {.kind = AMZ_EV_MESSAGE};
    struct amz_message message;
    const void *bytes;
    size_t n;

    amz_cursor_bytes(&c, &bytes, &n);
    rc = amz_message_decode(bytes, n, &message);
    if (rc < 0)
      break;
    event.message = &message;
    rc = receiver(l, &event);
    amz_message_clear(&message);
  }
  if (!box->data) { /* keep the memory for the next round */
    amz_buf_reset(&mail);
    *box = mail;
  } else {
    amz_buf_clear(&mail);
  }
  return rc;
}

static int tell_instant(struct amz_loop *l)
{
  int rc = AMZ_OK;

  for (size_t i = 0; rc == AMZ_OK && i < l->n_instant; i++) {
    struct amz_result one = l->instant[i]; /* the list may grow, and move, while we tell */

    rc = amz_loop_tell_ran(l, &one, 1);
  }
  l->n_instant = 0;
  return rc;
}

static int gather_ends(struct amz_loop *l)
{
  struct amz_exec_end end;
  struct amz_error cause;
  int rc = l->executor->gather ? l->executor->gather(l) : AMZ_OK, got = 0;

  while (rc == AMZ_OK && (got = amz_exec_next(l->config->exec, &end)) > 0)
    rc = l->executor->ended(l, &end);
  if (rc == AMZ_OK && got < 0 && !l->broken) {
    (void)amz_error_set(&cause, AMZ_EENV, "the spawn helper has died; was it killed? (dmesg tells of the out-of-memory killer)");
    amz_loop_break(l, &cause);
  }
  return rc;
}

static int gather_store(struct amz_loop *l)
{
  struct amz_store_event told;
  int rc = AMZ_OK;

  while (rc == AMZ_OK && amz_store_next(l->config->store, &told) > 0) {
    struct amz_event durable = {.kind = AMZ_EV_DURABLE, .durable_upto = told.token};

    switch (told.kind) {
    case AMZ_STORE_SYNCED:
      rc = amz_loop_worker_event(l, &durable);
      break;
    case AMZ_STORE_STOP:
      rc = amz_loop_stop_asked(l, &told);
      break;
    case AMZ_STORE_FAILED:
      amz_loop_break(l, &told.err);
      break;
    }
  }
  return rc;
}

static int gather_deadlines(struct amz_loop *l)
{
  struct amz_event tick = {.kind = AMZ_EV_TICK};
  int64_t now_ns = amz_clock_monotonic_ns();
  int rc = AMZ_OK;

  if (!l->worker_finished && amz_worker_deadline(l->worker) <= now_ns)
    rc = amz_loop_worker_event(l, &tick);
  if (rc == AMZ_OK && !l->master_finished && amz_master_deadline(l->master) <= now_ns)
    rc = amz_loop_master_event(l, &tick);
  if (rc == AMZ_OK && amz_loop_is_out_of_time(l, now_ns))
    rc = amz_loop_drain_in_time(l);
  if (rc == AMZ_OK && amz_loop_is_too_small(l))
    rc = amz_loop_drain_too_small(l);
  if (rc == AMZ_OK)
    rc = amz_loop_look_for_dead(l);
  if (rc == AMZ_OK)
    rc = amz_loop_sample(l);
  if (rc == AMZ_OK)
    rc = amz_loop_plan(l);
  if (rc == AMZ_OK)
    rc = amz_loop_tell_due(l);
  return rc;
}

/* Mail and instant ends beget each other; they are done when all three are empty. */
static int settle(struct amz_loop *l)
{
  int rc = AMZ_OK;

  while (rc == AMZ_OK && (l->to_master.len || l->to_worker.len || l->n_instant || l->any_fenced)) {
    rc = amz_loop_tell_fenced(l);
    if (rc == AMZ_OK && l->to_master.len)
      rc = deliver(l, &l->to_master, amz_loop_master_event);
    if (rc == AMZ_OK && l->to_worker.len)
      rc = deliver(l, &l->to_worker, amz_loop_worker_event);
    if (rc == AMZ_OK)
      rc = tell_instant(l);
  }
  return rc;
}

/* A break found while performing is told to the worker here, outside of its step. */
static int tell_broken(struct amz_loop *l, bool *told)
{
  struct amz_event event = {.kind = AMZ_EV_BROKEN};

  if (!l->broken || *told)
    return AMZ_OK;
  *told = true;
  return amz_loop_worker_event(l, &event);
}

void amz_loop_break(struct amz_loop *l, const struct amz_error *cause)
{
  if (l->broken)
    return;
  l->broken = true;
  l->result->err = *cause;
  amz_loop_note(l, AMZ_ERROR, cause->text);
}

/* ---- waiting ---------------------------------------------------------------------------------------------------------- */

static int64_t earliest(int64_t a, int64_t b)
{
  return a < b ? a : b;
}

/* An answer that comes while all slots run something comes early enough. */
static enum amz_mpi_haste haste_of(const struct amz_loop *l)
{
  if (amz_worker_busy(l->worker) >= l->config->layout.slots)
    return AMZ_MPI_AT_WORK;
  return amz_worker_hungry(l->worker) ? AMZ_MPI_DUE : AMZ_MPI_PATIENT;
}

/* Sleeps until a descriptor has something or a deadline comes. */
static int wait_for_events(struct amz_loop *l, bool write_pending, struct amz_error *err)
{
  struct pollfd fds[OWN_FDS + AMZ_EXECUTOR_FDS] = {
    {.fd = amz_exec_fd(l->config->exec), .events = (short)(write_pending ? POLLIN | POLLOUT : POLLIN)},
    {.fd = amz_store_fd(l->config->store), .events = POLLIN},
    {.fd = l->signals->fd, .events = POLLIN},
    {.fd = l->config->planner ? amz_planner_fd(l->config->planner) : -1, .events = POLLIN},
  };
  size_t n_fds = OWN_FDS;
  const struct amz_loop_config *c = l->config;
  int64_t until = earliest(l->next_status_ns, l->next_progress_ns), now_ns = amz_clock_monotonic_ns();
  struct timespec timeout;
  int rc;

  if (l->broken) /* the helper's end may be closed: its descriptor would be ready for ever */
    fds[0].events = 0;
  else if (l->executor->watch)
    n_fds += l->executor->watch(l, fds + OWN_FDS);
  if (l->executor->deadline)
    until = earliest(until, l->executor->deadline(l));
  if (!l->worker_finished)
    until = earliest(until, amz_worker_deadline(l->worker));
  if (!l->master_finished)
    until = earliest(until, amz_master_deadline(l->master));
  if (amz_loop_is_out_of_time(l, INT64_MAX - 1))
    until = earliest(until, c->walltime.drain_ns);
  if (c->net)
    until = earliest(until, l->next_look_ns);
  until = earliest(until, amz_sampler_deadline(c->sampler));
  if (until < now_ns)
    until = now_ns;
  if (c->net) {
    rc = c->net->wait(c->mpi, fds, n_fds, until, haste_of(l), err);
    return rc < 0 ? rc : AMZ_OK;
  }
  timeout = (struct timespec){.tv_sec = (until - now_ns) / 1000000000, .tv_nsec = (until - now_ns) % 1000000000};
  if (ppoll(fds, n_fds, &timeout, NULL) < 0 && errno != EINTR)
    return amz_error_sys(err, AMZ_EIO, errno, "cannot wait for events");
  return AMZ_OK;
}

/* ---- is the loop busy? ------------------------------------------------------------------------------------------------ */

static void begin_window(struct amz_loop *l, int64_t now_ns)
{
  l->window_ns = now_ns;
  l->window_cpu = amz_clock_cpu();
}

static int open_slots(struct amz_loop *l, uint32_t open)
{
  char text[160];

  if (open < l->yield.slots && l->result->given_up == 0) { /* told once; the summary has the rest */
    (void)snprintf(text, sizeof text, "scheduling keeps rank 0 busy (%.0f %% of the time): it gives up slots, for now",
                   100 * l->yield.busy);
    amz_loop_note(l, AMZ_WARNING, text);
  }
  l->result->given_up = l->yield.slots - l->yield.fewest;
  l->result->busy = l->yield.busy;
  return amz_loop_open(l);
}

/* Rank 0 of several, once a second: does scheduling leave it time for all of its slots? */
static int judge_window(struct amz_loop *l)
{
  struct amz_cpu_time before_cpu = l->window_cpu;
  int64_t now_ns;
  double span_ns, had, missed;
  uint32_t before = l->yield.open, open;

  if (!l->master || l->worker_finished || l->config->layout.ranks == 1)
    return AMZ_OK;
  now_ns = amz_clock_monotonic_ns();
  if (now_ns - l->window_ns < AMZ_YIELD_WINDOW_NS)
    return AMZ_OK;
  span_ns = (double)(now_ns - l->window_ns);
  begin_window(l, now_ns);
  had = (double)(l->window_cpu.had_ns - before_cpu.had_ns) / span_ns;
  missed = (double)(l->window_cpu.missed_ns - before_cpu.missed_ns) / span_ns;
  open = amz_yield_window(&l->yield, had, missed);
  return open == before ? AMZ_OK : open_slots(l, open);
}

/* ---- the loop --------------------------------------------------------------------------------------------------------- */

static int turn(struct amz_loop *l, bool *told_broken, struct amz_error *err)
{
  bool pending = false;
  struct amz_error cause;
  int rc;

  if ((rc = amz_loop_gather_peers(l, err)) < 0)
    return rc;
  if ((rc = gather_ends(l)) < 0 || (rc = gather_store(l)) < 0 || (rc = amz_loop_gather_signals(l)) < 0 ||
      (rc = gather_deadlines(l)) < 0 ||
      (rc = settle(l)) < 0 || (rc = tell_broken(l, told_broken)) < 0 || (rc = settle(l)) < 0)
    return amz_error_set(err, rc, "the scheduler cannot go on: %s", amz_err_name(rc));
  if (amz_exec_flush(l->config->exec, &pending) == AMZ_ECLOSED && !l->broken) {
    (void)amz_error_set(&cause, AMZ_EENV, "the spawn helper has died");
    amz_loop_break(l, &cause);
  }
  if ((rc = tell_broken(l, told_broken)) < 0 || (rc = judge_window(l)) < 0 || (rc = settle(l)) < 0 ||
      (rc = amz_loop_show(l, false)) < 0)
    return amz_error_set(err, rc, "the scheduler cannot go on: %s", amz_err_name(rc));
  if (l->master_finished && l->worker_finished)
    return AMZ_OK;
  return wait_for_events(l, pending, err);
}

static int make_machines(struct amz_loop *l)
{
  const struct amz_loop_config *c = l->config;
  const struct amz_settings *s = amz_job_settings(c->job);
  struct amz_master_config master = {.tasks = amz_order_count(c->order), .epoch = c->epoch, .ranks = c->layout.ranks,
    .slots = c->total_slots,
    .policy = c->policy, .retries = s->failures.retries, .backoff_ns = s->failures.backoff_ns, .stop_after = UINT64_MAX,
    .idempotent = s->failures.idempotent, .grace_ns = s->failures.grace_ns,
    .params = amz_told_params(&l->told)};
  struct amz_worker_config worker = {.rank = c->rank, .epoch = c->epoch, .slots = c->layout.slots,
    .capacity = amz_layout_capacity(&c->layout), .node = c->host,
    .sync_ns = s->preset == AMZ_PRESET_LATENCY ? LATENCY_SYNC_NS : 0, .grain = l->executor->grain,
    .grain_ns = l->executor->grain_ns, .grain_least = l->grain_least,
    .run_ahead = l->executor->run_ahead, .timeout_ns = l->executor->minds_timeout ? 0 : s->failures.timeout_ns,
    .needs = amz_loop_needs(l)};
  int rc;

  master.params.longest_first = amz_job_is_weighted(c->job);
  master.params.target_s = c->target_s;
  master.params.min_s = (double)s->chunks.min_ns * 1e-9;
  master.params.max_s = (double)s->chunks.max_ns * 1e-9;
  master.params.rate = s->chunks.rate > 0 ? s->chunks.rate : 1e-9; /* 0 would be unknown */
  if (!c->net) /* nobody to lose */
    master.dead_ns = master.suspect_ns = master.heartbeat_ns = worker.heartbeat_ns = AMZ_NEVER;

  if (s->failures.stop_after.set)
    master.stop_after = s->failures.stop_after.is_share ? (uint64_t)(s->failures.stop_after.share * (double)c->total)
                                                        : s->failures.stop_after.count;
  if (master.stop_after == 0)
    master.stop_after = 1;
  if (c->rank == 0 && (rc = amz_master_new(&master, &l->master)) < 0)
    return rc;
  l->master_finished = !l->master;
  if ((rc = amz_worker_new(&worker, &l->worker)) < 0 ||
      (rc = amz_actions_new(&l->master_out)) < 0 || (rc = amz_actions_new(&l->worker_out)) < 0)
    return rc;
  l->fenced = amz_new_array(c->layout.ranks, sizeof *l->fenced);
  return l->fenced ? AMZ_OK : AMZ_ENOMEM;
}

static void clear(struct amz_loop *l)
{
  if (l->executor->close)
    l->executor->close(l);
  amz_carver_free(l->carver);
  amz_master_free(l->master);
  amz_worker_free(l->worker);
  amz_actions_free(l->master_out);
  amz_actions_free(l->worker_out);
  amz_buf_clear(&l->to_master);
  amz_buf_clear(&l->to_worker);
  amz_task_clear(&l->task);
  amz_buf_clear(&l->wire);
  amz_buf_clear(&l->gpu_env);
  free(l->env);
  free(l->slots);
  free(l->marks);
  free(l->fenced);
  free(l->instant);
}

static int open_executor(struct amz_loop *l, struct amz_error *err)
{
  l->slots = amz_new_array(amz_layout_capacity(&l->config->layout), sizeof *l->slots);
  l->marks = amz_new_array(amz_layout_capacity(&l->config->layout), sizeof *l->marks);
  if (!l->slots || !l->marks || (amz_job_settings(l->config->job)->resources.threads_column &&
                    amz_carver_new(l->config->cores, &l->carver) < 0))
    return amz_error_set(err, AMZ_ENOMEM, "out of memory");
  return l->executor->open ? l->executor->open(l, err) : AMZ_OK;
}

static int start_machines(struct amz_loop *l, struct amz_error *err)
{
  struct amz_event start = {.kind = AMZ_EV_START}, worker_start = start;
  int rc = make_machines(l);

  if (rc == AMZ_OK && l->master)
    rc = amz_loop_master_event(l, &start);
  if (rc == AMZ_OK)
    rc = amz_loop_worker_event(l, &worker_start);
  if (rc == AMZ_OK)
    rc = amz_loop_bar(l);
  return rc < 0 ? amz_error_set(err, rc, "cannot start the scheduler: %s", amz_err_name(rc)) : AMZ_OK;
}

int amz_loop_run(const struct amz_loop_config *config, struct amz_signals *signals, struct amz_loop_result *ret,
                 struct amz_error *err)
{
  struct amz_loop l = {.config = config, .signals = signals, .result = ret};
  bool told_broken = false;
  int rc;

  memset(ret, 0, sizeof *ret);
  amz_task_init(&l.task);
  l.executor = amz_executor_of(amz_job_kind(config->job));
  l.started_ns = l.heard_ns = amz_clock_monotonic_ns();
  amz_yield_init(&l.yield, config->layout.slots);
  l.threads = config->layout.threads;
  l.wanted = config->barred ? 0 : AMZ_ALL_SLOTS;
  begin_window(&l, l.started_ns);
  amz_loop_told_begin(&l);
  rc = open_executor(&l, err);
  if (rc == AMZ_OK)
    rc = start_machines(&l, err);
  while (rc == AMZ_OK && !(l.master_finished && l.worker_finished))
    rc = turn(&l, &told_broken, err);
  if (rc == AMZ_OK && l.master) {
    ret->end = amz_master_end(l.master);
    amz_master_stats(l.master, &ret->stats);
    rc = amz_loop_show(&l, true);
  }
  clear(&l);
  return rc;
}
