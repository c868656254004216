/* From what a plan is made: the user's settings, where the run stands, what its tasks cost. */
#include "planner_private.h"

#include <math.h>
#include <stdlib.h>

#include <amorsize/alloc.h>

#include "outlook.h"

#define SPEND 0.01           /* of the time that is left goes into simulating, at most, */
#define CHUNKS_PER_S 1e6     /* at about this rate, */
#define LEAST_CHUNKS 40000.0
#define MOST_CHUNKS 1e6      /* within these bounds */
#define REPLICATES 12u
#define IN_HAND_MAX 4096u    /* tasks that run, looked at one by one */

struct amz_plan_want amz_plan_want_of(const struct amz_settings *s)
{
  uint32_t threads = s->plan.threads_per_task;

  if (threads == AMZ_AUTO && s->resources.threads != 1)
    threads = s->resources.threads;
  return (struct amz_plan_want){.goal = s->plan.goal, .efficiency = s->plan.efficiency,
    .deadline_s = (double)s->plan.deadline_ns * 1e-9,
    .nodes = s->plan.nodes, .ranks_per_node = s->plan.ranks_per_node, .slots_per_rank = s->plan.slots_per_rank,
    .threads_per_task = threads,
    .max_workers = s->plan.max_workers, .memory_bytes = s->resources.memory_bytes, .memory_ignore = s->plan.memory_ignore,
    .load_aware = s->plan.load_aware, .waits = s->preset == AMZ_PRESET_IO, .gpus = s->resources.gpus, .policy = s->chunks.policy,
    .chunk_s = (double)s->chunks.target_ns * 1e-9,
    .chunk_min_s = (double)s->chunks.min_ns * 1e-9, .chunk_max_s = (double)s->chunks.max_ns * 1e-9,
    .rate = s->chunks.rate > 0 ? s->chunks.rate : 1e-9, /* 0 would be unknown */
    .policy_free = s->chunks.policy_free, .target_free = s->chunks.target_free};
}

static uint64_t least_u64(uint64_t a, uint64_t b)
{
  return a < b ? a : b;
}

static uint32_t most_ranks(const struct amz_kinds *k)
{
  uint32_t most = 1;

  for (size_t i = 0; i < k->n; i++)
    most = k->items[i].ranks > most ? k->items[i].ranks : most;
  return most;
}

struct amz_plan_want amz_planner_want(const struct amz_planner *p)
{
  struct amz_plan_want want = amz_plan_want_of(amz_job_settings(p->job));

  want.policy = p->policy;
  want.chunk_s = p->target_s > 0 ? p->target_s : want.chunk_s;
  return want;
}

/* The ranks are there, each with room for so many slots; GPUs have been divided among those already. */
static struct amz_plan_want want_here(const struct amz_planner *p)
{
  struct amz_plan_want want = amz_planner_want(p);

  want.launched = true;
  want.nodes = p->kinds.nodes;
  want.ranks_per_node = most_ranks(&p->kinds);
  want.gpus = 0;
  /* all may run something by now, or nothing waits for one: none of their tasks has ended yet */
  want.open_slots = p->found_slots * want.ranks_per_node;
  if (want.goal == AMZ_GOAL_DEADLINE && want.deadline_s <= 0)
    want.goal = AMZ_GOAL_TIME;
  /* its programs have been started with their threads; or they were given as the slots were */
  if (amz_job_kind(p->job) != AMZ_TASK_COMMAND || want.slots_per_rank != AMZ_AUTO)
    want.threads_per_task = p->sampler->threads;
  if (p->planned) { /* the second look: what will come of what was chosen */
    want.policy_free = want.target_free = false;
    want.nodes = p->chosen.nodes;
    want.slots_per_rank = p->chosen.slots_per_rank;
    want.threads_per_task = p->chosen.threads;
  }
  return want;
}

static uint64_t chunks_for(double rest_s)
{
  return (uint64_t)fmin(fmax(rest_s * SPEND * CHUNKS_PER_S, LEAST_CHUNKS), MOST_CHUNKS);
}

double amz_planner_rest_s(const struct amz_planner *p, const struct amz_workload *w, uint64_t left)
{
  return (double)left * w->mean_s.value / p->total_slots;
}

/* Of the other ranks it isn't known: they are taken to be where this one is. Without room for it, the tasks count as not
 * begun. What has been given to the helper may still be waiting there for its start. */
static void note_in_hand(const struct amz_loop *l, struct amz_planner *p)
{
  uint32_t slots = amz_worker_busy(l->worker), ranks = p->kinds.n_ranks;
  size_t room = least_u64((uint64_t)slots * ranks, IN_HAND_MAX), own = 0;
  double *for_s = amz_new_array(slots, sizeof *for_s);

  free(p->in_hand);
  p->n_in_hand = 0;
  p->in_hand = amz_new_array(room, sizeof *p->in_hand);
  p->in_hand_s = for_s && p->in_hand ? amz_worker_in_hand_s(l->worker, p->asked_ns, for_s, slots, &own) * ranks : 0;
  amz_in_hand_queue(for_s, own, amz_ramp_start(&p->sampler->ramp).value);
  for (; p->n_in_hand < least_u64((uint64_t)own * ranks, room); p->n_in_hand++)
    p->in_hand[p->n_in_hand] = (struct amz_in_hand){.for_s = for_s[p->n_in_hand % own]};
  free(for_s);
}

void amz_planner_note_stand(struct amz_loop *l, struct amz_planner *p)
{
  struct amz_master_stats stats;

  amz_master_stats(l->master, &stats);
  p->left = stats.waiting + stats.handed_out;
  p->asked_ns = amz_clock_monotonic_ns();
  p->asked_real_ns = amz_clock_realtime_ns();
  note_in_hand(l, p);
}

void amz_planner_look_ahead(struct amz_loop *l, struct amz_planner *p, struct amz_workload *w)
{
  /* a plan without is a plan, too */
  if (amz_outlook_foresee(p->job, l->config->order, amz_order_count(l->config->order) - p->left, w) < 0)
    amz_loop_note(l, AMZ_WARNING, "tasks could not be foreseen from their weights or places");
  w->tasks = p->left;
  w->apart = true; /* what was seen is done */
  amz_workload_rest(w, p->in_hand, p->n_in_hand);
}

struct amz_plan_costs amz_planner_costs(const struct amz_loop *l, const struct amz_planner *p)
{
  struct amz_plan_costs costs = {.gap_s = amz_sampler_gap(p->sampler), .chunk_s = amz_told_chunk(&l->told),
                                 .service_s = amz_told_service(&l->told)};
  struct amz_quantity start = amz_ramp_start(&p->sampler->ramp);

  if (costs.gap_s.source == AMZ_UNKNOWN)
    costs.gap_s = p->known.costs.gap_s;
  if (start.source != AMZ_UNKNOWN && costs.gap_s.source != AMZ_UNKNOWN) {
    double by = fmin(1, costs.gap_s.value / start.value); /* it is part of it */

    costs.start_s = start;
    costs.start_s.value *= by;
    costs.start_s.low *= by;
    costs.start_s.high *= by;
  }
  return costs;
}

/* ---- thinking ------------------------------------------------------------------------------------------------------------ */

void amz_planner_think(struct amz_loop *l, struct amz_planner *p, struct amz_workload *w, enum amz_planner_state next)
{
  struct amz_think *t = &p->think;
  struct amz_error cause;

  amz_planner_note_stand(l, p);
  amz_planner_look_ahead(l, p, w);
  amz_workload_clear(&t->work);
  t->work = *w;
  t->input = (struct amz_plan_input){.want = want_here(p), .seed = p->sampler->seed, .replicates = REPLICATES,
                                     .unforeseen = p->unforeseen, .chunk_budget = chunks_for(amz_planner_rest_s(p, w, p->left))};
  t->input.costs = amz_planner_costs(l, p);
  t->input.in_hand = p->in_hand;
  t->input.n_in_hand = p->n_in_hand;
  if (p->left == 0 || amz_think_begin(t, &cause) < 0) { /* a run without a plan is a run */
    p->state = AMZ_PLANNER_DONE;
    return;
  }
  p->state = next;
}
