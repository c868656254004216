/* A simulated rank: the real worker, and an executor whose tasks only take time.
 *
 * A RUN of several positions ends as a whole, unless it is cut short (look.c); killed, all of it counts as
 * killed. Told in bulk, stretches that succeeded are one bulk each, and what was cancelled is given back. A pack record is on
 * disk when a SYNC that began behind it has ended. */
#include <signal.h>

#include <amorsize/alloc.h>

#include "world.h"

static inline double amz_world_run_s(const struct amz_world *w, uint64_t first, uint64_t count, uint32_t attempt)
{
  const struct amz_sim_config *c = w->config;
  double sum = 0;

  if (c->work.run_s)
    return c->work.run_s(c->work.arg, first, count, attempt);
  if (count == 1)
    return amz_sim_task_s(&c->work, c->seed, c->master.tasks, first, attempt);
  if (c->work.shape == AMZ_SIM_CONSTANT && !c->work.task_s)
    return c->work.mean_s * (double)count;
  for (uint64_t i = 0; i < count; i++)
    sum += amz_sim_task_s(&c->work, c->seed, c->master.tasks, first + i, attempt);
  return sum;
}

static bool happens(const struct amz_world *w, double probability, uint64_t position, uint32_t attempt, enum amz_sim_draw draw)
{
  return probability > 0 && amz_sim_uniform(w->config->seed, position, attempt, draw) < probability;
}

static bool hangs(const struct amz_world *w, const struct amz_sim_run *run)
{
  for (uint64_t i = 0; i < run->count; i++)
    if (happens(w, w->config->hang, run->first + i, run->attempt, AMZ_SIM_DRAW_HANG))
      return true;
  return false;
}

/* \return when a RUN's tasks begin: behind those that were given before, as they are started one at a time. */
static int64_t begin_of_run(struct amz_world *w, uint32_t rank, uint64_t first)
{
  struct amz_sim_rank *r = &w->ranks[rank];

  if (w->config->start_ns == 0 || first < w->config->running)
    return w->now_ns;
  r->starts_ns = amz_sim_later(r->starts_ns > w->now_ns ? r->starts_ns : w->now_ns, w->config->start_ns);
  return r->starts_ns;
}

static inline int begin_run(struct amz_world *w, uint32_t rank, const struct amz_action *a, uint64_t place)
{
  struct amz_sim_run *run = &w->runs[place];
  double ns;
  int rc;

  *run = (struct amz_sim_run){.rank = rank, .slot = a->slot, .runs = true, .first = a->first, .count = a->count,
    .attempt = a->attempt, .begin_ns = begin_of_run(w, rank, a->first), .seen_ns = AMZ_NEVER};
  w->result.runs++;
  if (w->config->began)
    w->config->began(w->config->arg, w->now_ns, rank, a);
  if (run->begin_ns < w->first_start_ns)
    w->first_start_ns = run->begin_ns;
  run->end_ns = AMZ_NEVER;
  if (w->config->look_ns && (rc = amz_world_watch_rank(w, rank)) < 0)
    return rc;
  if (w->config->hang > 0 && hangs(w, run))
    return AMZ_OK;
  ns = amz_world_run_s(w, a->first, a->count, a->attempt) / w->ranks[rank].speed * 1e9 + (double)w->config->run_ns;
  run->end_ns = amz_sim_later(run->begin_ns, ns < 0x1p62 ? (int64_t)ns : AMZ_NEVER);
  if (run->end_ns < w->ranks[rank].end_ns)
    w->ranks[rank].end_ns = run->end_ns;
  amz_world_set_clock(w, (uint32_t)place);
  return AMZ_OK;
}

static inline int do_run(struct amz_world *w, uint32_t rank, const struct amz_action *a)
{
  uint64_t place = (uint64_t)rank * w->config->slots_per_rank + a->slot;

  if (!w->behind || !w->runs[place].runs)
    return begin_run(w, rank, a, place);
  w->behind[place] = (struct amz_sim_behind){a->first, a->count, a->attempt};
  return AMZ_OK;
}

static void do_kill(struct amz_world *w, uint32_t rank, const struct amz_action *a)
{
  uint64_t place = (uint64_t)rank * w->config->slots_per_rank + a->slot;
  struct amz_sim_run *run = &w->runs[place];

  if (!run->runs || run->killed_as)
    return;
  if (a->signal != SIGKILL && happens(w, w->config->stubborn, run->first, run->attempt, AMZ_SIM_DRAW_STUBBORN))
    return;
  run->killed_as = (uint8_t)a->outcome;
  amz_world_retime(w, run, w->now_ns);
}

static int do_sync(struct amz_world *w, uint32_t rank)
{
  w->packs[rank].sync_seq = w->packs[rank].seq;
  return amz_world_push(w, amz_sim_later(w->now_ns, w->config->sync_latency_ns), AMZ_SIM_EV_SYNCED, rank);
}

static inline int perform(struct amz_world *w, uint32_t rank, const struct amz_action *a)
{
  switch (a->kind) {
  case AMZ_DO_SEND:
    return amz_world_post(w, a->message, true, w->now_ns);
  case AMZ_DO_RUN:
    return do_run(w, rank, a);
  case AMZ_DO_KILL:
    do_kill(w, rank, a);
    return AMZ_OK;
  case AMZ_DO_SYNC:
    return do_sync(w, rank);
  case AMZ_DO_RECORD:
  case AMZ_DO_FENCE:
  case AMZ_DO_FINISH:
    break;
  }
  return AMZ_OK;
}

static inline void amz_world_set_tick(struct amz_world *w, uint32_t rank)
{
  struct amz_sim_rank *r = &w->ranks[rank];
  int64_t at_ns = amz_worker_deadline(amz_crew_at(&w->crew, rank));

  if (at_ns >= r->tick_ns || at_ns >= r->end_ns)
    return; /* the one that is set, or the end, comes early, and then it is set anew */
  r->tick_ns = at_ns > w->now_ns ? at_ns : w->now_ns;
  amz_world_set_clock(w, rank * w->config->slots_per_rank);
}

static void amz_world_retime(struct amz_world *w, struct amz_sim_run *run, int64_t end_ns)
{
  run->end_ns = end_ns;
  w->ranks[run->rank].end_ns = AMZ_NEVER; /* it may have been this one's */
  amz_world_set_clock(w, (uint32_t)(run - w->runs));
  amz_world_set_tick(w, run->rank);
}

static int amz_world_step_worker(struct amz_world *w, uint32_t rank, struct amz_event *e)
{
  struct amz_actions *out = amz_world_actions(w);
  int rc;

  e->now_ns = w->now_ns;
  rc = amz_worker_step(amz_crew_at(&w->crew, rank), e, out);
  for (size_t i = 0; i < out->count && rc == AMZ_OK; i++)
    rc = perform(w, rank, &out->items[i]);
  if (rc == AMZ_OK)
    amz_world_set_tick(w, rank);
  return rc;
}

/* ---- ends of tasks ---------------------------------------------------------------------------------------------------- */

static enum amz_outcome outcome_of(const struct amz_world *w, const struct amz_sim_run *run, uint64_t position)
{
  if (run->killed_as)
    return (enum amz_outcome)run->killed_as;
  if (happens(w, w->config->skip, position, run->attempt, AMZ_SIM_DRAW_SKIP))
    return AMZ_SKIPPED;
  return happens(w, w->config->fail, position, run->attempt, AMZ_SIM_DRAW_FAIL) ? AMZ_FAILED : AMZ_SUCCEEDED;
}

static bool all_succeed(const struct amz_world *w, const struct amz_sim_run *run)
{
  for (uint64_t i = 0; i < run->count; i++)
    if (outcome_of(w, run, run->first + i) != AMZ_SUCCEEDED)
      return false;
  return true;
}

/* 0 for what was killed before it was started. */
static int64_t ran_ns(const struct amz_world *w, const struct amz_sim_run *run)
{
  return w->now_ns > run->begin_ns ? w->now_ns - run->begin_ns : 0;
}

static int fill_results(struct amz_world *w, const struct amz_sim_run *run)
{
  if (run->count > SIZE_MAX || amz_grow((void **)&w->results, &w->cap_results, (size_t)run->count, sizeof *w->results) < 0)
    return AMZ_ENOMEM;
  for (uint64_t i = 0; i < run->count; i++) {
    enum amz_outcome outcome = outcome_of(w, run, run->first + i);

    w->results[i] = (struct amz_result){
      .position = run->first + i,
      .outcome = outcome,
      .exit_code = outcome == AMZ_FAILED ? 1 : run->killed_as ? -1 : 0,
      .signal = run->killed_as ? SIGTERM : 0,
      .seq = w->config->packs && outcome != AMZ_SKIPPED ? ++w->packs[run->rank].seq : 0,
      .start_ns = run->begin_ns,
      .wall_ns = ran_ns(w, run) / (int64_t)run->count,
    };
  }
  return AMZ_OK;
}

static int tell(struct amz_world *w, const struct amz_sim_run *run, struct amz_event *e)
{
  e->kind = AMZ_EV_RAN;
  e->slot = run->slot;
  return amz_world_step_worker(w, run->rank, e);
}

/* Partials are here what they stand for: the positions. */
static inline int tell_bulk(struct amz_world *w, const struct amz_sim_run *run, uint64_t first, uint64_t count)
{
  double task_s = (double)ran_ns(w, run) * 1e-9 / (double)run->count;
  struct amz_bulk *b = &w->bulk;

  b->first = first;
  b->count = count;
  b->wall_s = b->cpu_s = task_s * (double)count;
  b->wall_sq_s2 = task_s * task_s * (double)count;
  b->start_ns = run->begin_ns;
  if (w->config->packs)
    b->seq = ++w->packs[run->rank].seq;
  w->partials[0] = first;
  w->partials[1] = count;
  w->ran.slot = run->slot;
  return amz_world_step_worker(w, run->rank, &w->ran);
}

/* The stretches that succeeded, then all else: only then the slot is idle, and takes the next. */
static int tell_stretches(struct amz_world *w, const struct amz_sim_run *run)
{
  const struct amz_range all = {run->first, run->count};
  size_t kept = 0;
  int rc = AMZ_OK;

  if (run->killed_as == AMZ_CANCELLED)
    return tell(w, run, &(struct amz_event){.returned = &all, .n_returned = 1});
  if (fill_results(w, run) < 0)
    return AMZ_ENOMEM;
  for (uint64_t i = 0, n; i < run->count && rc == AMZ_OK; i += n) {
    for (n = 0; i + n < run->count && w->results[i + n].outcome == AMZ_SUCCEEDED; n++)
      ;
    if (n)
      rc = tell_bulk(w, run, run->first + i, n);
    else
      w->results[kept++] = w->results[i + n++];
  }
  return rc < 0 || kept == 0 ? rc : tell(w, run, &(struct amz_event){.results = w->results, .n_results = kept});
}

/* A part of a RUN may be left undone by an executor; here it is the second half. */
static int leave_half(struct amz_world *w, struct amz_sim_run *run)
{
  uint64_t half = run->count / 2;
  struct amz_range rest = {run->first + run->count - half, half};

  if (half == 0 || run->killed_as || !happens(w, w->config->undone, run->first, run->attempt, AMZ_SIM_DRAW_UNDONE))
    return AMZ_OK;
  run->count -= half;
  return tell(w, run, &(struct amz_event){.returned = &rest, .n_returned = 1});
}

static int tell_done(struct amz_world *w, struct amz_sim_run *run)
{
  int rc;

  if (w->config->bulk) {
    rc = leave_half(w, run);
    if (rc < 0)
      return rc;
    return all_succeed(w, run) ? tell_bulk(w, run, run->first, run->count) : tell_stretches(w, run);
  }
  if (fill_results(w, run) < 0)
    return AMZ_ENOMEM;
  return tell(w, run, &(struct amz_event){.results = w->results, .n_results = (size_t)run->count});
}

/* All cases; the slot may run something else before all is told. */
static int tell_end(struct amz_world *w, struct amz_sim_run run)
{
  const struct amz_range undone = {run.first + run.count, run.undone};
  int rc = tell_done(w, &run);

  return rc < 0 || undone.count == 0 ? rc : tell(w, &run, &(struct amz_event){.returned = &undone, .n_returned = 1});
}

static int amz_world_withdraw(struct amz_world *w, uint64_t place)
{
  struct amz_range back;

  if (!w->behind || w->behind[place].count == 0)
    return AMZ_OK;
  back = (struct amz_range){w->behind[place].first, w->behind[place].count};
  w->behind[place].count = 0;
  return tell(w, &w->runs[place], &(struct amz_event){.returned = &back, .n_returned = 1});
}

/* The slot is at what waited there before its end is told: it may be given something again at once. */
static int end_before_another(struct amz_world *w, uint64_t place)
{
  const struct amz_sim_run run = w->runs[place];
  const struct amz_sim_behind behind = w->behind[place];
  const struct amz_action next = {.kind = AMZ_DO_RUN, .slot = run.slot, .first = behind.first, .count = behind.count,
                                  .attempt = behind.attempt};
  int rc;

  if (run.killed_as)
    rc = amz_world_withdraw(w, place);
  else
    rc = begin_run(w, run.rank, &next, place);
  if (!run.killed_as)
    w->behind[place].count = 0;
  return rc < 0 ? rc : tell_end(w, run);
}

static inline int amz_world_end_run(struct amz_world *w, uint64_t place)
{
  struct amz_sim_run *run = &w->runs[place];
  bool simple = w->sure && !run->killed_as && run->undone == 0;

  w->result.busy_s += (double)ran_ns(w, run) * 1e-9;
  w->last_end_ns = w->now_ns;
  run->runs = false;
  if (w->config->ended)
    w->config->ended(w->config->arg, w->now_ns, run->rank, run->slot);
  if (w->behind && w->behind[place].count)
    return end_before_another(w, place);
  return simple ? tell_bulk(w, run, run->first, run->count) : tell_end(w, *run);
}

/* What is left of a run takes longer by as much as its rank has become slower. One whose rank is frozen may be over already. */
static void repace(struct amz_world *w, uint64_t place, double factor)
{
  struct amz_sim_run *run = &w->runs[place];
  double left;

  if (!run->runs || run->killed_as || run->end_ns == AMZ_NEVER || run->end_ns <= w->now_ns)
    return;
  left = (double)(run->end_ns - w->now_ns) / factor;
  amz_world_retime(w, run, amz_sim_later(w->now_ns, left < 0x1p62 ? (int64_t)left : AMZ_NEVER));
}

static void amz_world_pace_rank(struct amz_world *w, uint32_t rank, double factor)
{
  uint64_t place = (uint64_t)rank * w->config->slots_per_rank;

  w->ranks[rank].speed *= factor;
  for (uint32_t i = 0; i < w->config->slots_per_rank; i++)
    repace(w, place + i, factor);
}

static void amz_world_kill_rank(struct amz_world *w, uint32_t rank)
{
  w->ranks[rank].dead = true;
  w->ranks[rank].tick_ns = AMZ_NEVER;
  for (uint32_t i = 0; i < w->config->slots_per_rank; i++)
    w->runs[(uint64_t)rank * w->config->slots_per_rank + i].runs = false;
}
