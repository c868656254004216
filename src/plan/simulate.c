/* The best few layouts played out: the real master and workers (sim.h) over virtual time, on task times drawn from the sample.
 * The draws depend on the task's position and the replicate alone, so that layouts are compared on the very same tasks.
 *
 * Only the last tasks of a long run are played: before them every slot is busy, and takes what the mean says. What a draw happens
 * to have more or less than its share of work is taken out again (a control variate: the work drawn is known exactly), so that
 * few replicates suffice; how far a run may be off is the interval's to say. */
#include "plan_private.h"

#include <math.h>
#include <stdlib.h>

#include <amorsize/alloc.h>
#include <amorsize/rng.h>
#include <amorsize/sim.h>

struct draw {
  const struct amz_plan_input *in;
  double stretch;      /* of the sample's times under the layout */
  const double *times; /* with all of that */
  size_t n;
  uint64_t seed;
  const uint32_t *sequence; /* of a run whose tasks are foreseen, or NULL */
  uint64_t skipped, tasks;  /* of the whole run: those before what is played, all */
  double start_s;           /* between two starts of a rank */
};

/* The run is n equal parts; where each has fewer than a few tasks, it is drawn which of two neighbours a task belongs to. */
static size_t part_of(const struct draw *d, uint64_t position)
{
  double jitter = (double)(amz_mix64(position ^ d->seed) >> 11) * 0x1p-53;
  double at = ((double)(d->skipped + position) + jitter) / (double)d->tasks * (double)d->n;

  return at < (double)(d->n - 1) ? (size_t)at : d->n - 1;
}

/* Of a task that runs already; it has had its gap. */
static double rest_s(const struct draw *d, uint64_t position)
{
  const struct amz_in_hand *task = &d->in->in_hand[d->skipped + position];

  if (d->sequence)
    return task->rest_s * d->stretch;
  return amz_workload_rest_drawn(d->in->work, task->for_s, amz_mix64(position ^ d->seed)) * d->stretch;
}

static bool runs_already(const struct draw *d, uint64_t position)
{
  return d->skipped + position < d->in->n_in_hand;
}

static double drawn_s(const struct draw *d, uint64_t position)
{
  if (runs_already(d, position))
    return rest_s(d, position);
  if (d->sequence)
    return d->times[d->sequence[part_of(d, position)]];
  return d->times[amz_mix64(position ^ d->seed) % d->n];
}

static double task_s(void *arg, uint64_t position, uint32_t attempt)
{
  (void)attempt;
  return drawn_s(arg, position);
}

/* ---- the stage --------------------------------------------------------------------------------------------------------- */

/* Of the gaps in front of tasks, what the simulator has of its own: it starts one at a time. */
static double started_apart(const struct amz_plan_input *in)
{
  return fmin(in->costs.start_s.value, in->costs.gap_s.value);
}

static int make_ranks(struct amz_stage *s, uint64_t ranks)
{
  if (ranks == 0 || ranks > UINT32_MAX)
    return AMZ_EINVAL;
  s->speed = amz_new_array((size_t)ranks, sizeof *s->speed);
  s->pace = amz_new_array((size_t)ranks, sizeof *s->pace);
  s->slots = amz_new_array((size_t)ranks, sizeof *s->slots);
  return s->speed && s->pace && s->slots ? AMZ_OK : AMZ_ENOMEM;
}

/* Nothing is known but the slots. */
static int muster_slots(struct amz_stage *s, uint64_t slots)
{
  int rc = slots == 0 || slots > UINT32_MAX ? AMZ_EINVAL : make_ranks(s, 1);

  if (rc < 0)
    return rc;
  s->ranks = 1;
  s->most_slots = s->slots[0] = (uint32_t)slots;
  s->speed[0] = 1;
  return AMZ_OK;
}

static int muster(struct amz_stage *s)
{
  struct amz_plan_class classes[AMZ_PLAN_KINDS_MAX];
  const struct amz_candidate *c = s->c;
  size_t n = amz_plan_classes(s->in, &c->layout, classes);
  uint64_t ranks = 0;
  int rc;

  if (s->in->n_nodes == 0)
    return muster_slots(s, c->slots);
  for (size_t i = 0; i < n; i++)
    ranks += (uint64_t)classes[i].nodes * classes[i].ranks_per_node;
  if ((rc = make_ranks(s, ranks)) < 0)
    return rc;
  for (size_t i = 0; i < n; i++) {
    const struct amz_plan_class *k = &classes[i];

    s->most_slots = k->slots_per_rank > s->most_slots ? k->slots_per_rank : s->most_slots;
    for (uint64_t r = (uint64_t)k->nodes * k->ranks_per_node; r > 0; r--, s->ranks++) {
      s->speed[s->ranks] = k->task_s > 0 && c->task_s > 0 ? c->task_s / k->task_s : 1;
      s->slots[s->ranks] = k->slots_per_rank;
    }
  }
  return AMZ_OK;
}

int amz_plan_stage_init(struct amz_stage *s, const struct amz_plan_input *in, const struct amz_candidate *c, uint64_t tasks)
{
  *s = (struct amz_stage){.in = in, .c = c, .tasks = tasks, .times = amz_new_array(in->work->n, sizeof *s->times)};
  if (!s->times)
    return AMZ_ENOMEM;
  amz_plan_times(in, c, s->times);
  for (size_t i = 0; i < in->work->n; i++)
    s->times[i] -= started_apart(in);
  return muster(s);
}

void amz_plan_stage_clear(struct amz_stage *s)
{
  free(s->times);
  free(s->speed);
  free(s->pace);
  free(s->slots);
  *s = (struct amz_stage){.in = NULL};
}

/* ---- a play ------------------------------------------------------------------------------------------------------------ */

static int64_t nanoseconds(struct amz_quantity seconds)
{
  return seconds.value > 0 && seconds.value < 3600 ? (int64_t)(seconds.value * 1e9) : 0;
}

/* What the sample doesn't show of nodes: the same for all policies of a replicate. */
static void set_pace(const struct amz_stage *s, uint64_t seed)
{
  struct amz_rng rng;

  amz_rng_seed(&rng, ~seed);
  for (uint32_t i = 0; i < s->ranks; i++)
    s->pace[i] = s->speed[i] * (s->uneven > 0 ? exp(s->uneven * amz_rng_normal(&rng)) : 1);
}

static struct amz_sim_config configure(const struct amz_stage *s, const char *policy, double chunk_s, struct draw *draw)
{
  const struct amz_plan_input *in = s->in;
  const struct amz_candidate *c = s->c;
  struct amz_sim_config config = {.ranks = s->ranks, .slots_per_rank = s->most_slots, .slots = s->slots, .speed = s->pace,
    .seed = draw->seed, .bulk = true, .start_ns = (int64_t)(started_apart(in) * 1e9),
    .latency_ns = nanoseconds(in->costs.chunk_s) / 2,
    .message_ns = nanoseconds(in->costs.service_s)};

  config.master.tasks = s->tasks;
  config.master.policy = amz_policy_find(policy);
  config.master.stop_after = UINT64_MAX;
  config.master.dead_ns = config.master.suspect_ns = config.master.heartbeat_ns = config.worker.heartbeat_ns = AMZ_NEVER;
  config.master.params = (struct amz_policy_params){.mean_s = c->task_s, .stddev_s = c->task_s * in->work->cv,
    .overhead_s = in->costs.chunk_s.value, .service_s = in->costs.service_s.value, .target_s = chunk_s,
    .min_s = in->want.chunk_min_s,
    .max_s = in->want.chunk_max_s, .rate = in->want.rate, .longest_first = in->work->from == AMZ_TIMES_WEIGHT};
  config.worker.grain = 1;
  config.running = in->n_in_hand > draw->skipped ? in->n_in_hand - draw->skipped : 0;
  config.work.task_s = task_s;
  config.work.arg = draw;
  return config;
}

/* Σ of the time that tasks will have their slots for. */
static double expected_s(const struct amz_plan_input *in, const struct draw *d, double mean_s)
{
  size_t n = in->n_in_hand < in->work->tasks ? in->n_in_hand : (size_t)in->work->tasks;
  double sum_s = (double)in->work->tasks * mean_s;

  for (size_t i = 0; i < n; i++) /* they have had their gaps */
    sum_s -= amz_plan_done_s(in, i) * d->stretch + in->costs.gap_s.value;
  return sum_s;
}

static struct draw draw_of(const struct amz_stage *s, uint32_t replicate)
{
  const struct amz_workload *w = s->in->work;

  return (struct draw){.in = s->in, .stretch = w->mean_s.value > 0 ? s->c->task_s / w->mean_s.value : 1, .times = s->times,
    .n = w->n, .seed = amz_mix64(s->in->seed + replicate), .sequence = w->sequence, .skipped = w->tasks - s->tasks,
    .tasks = w->tasks, .start_s = started_apart(s->in)};
}

/* What is to be added to the makespan of what was played: what the draw has less than its share of work, and what isn't
 * played. */
static double not_played_s(const struct amz_stage *s, const struct draw *d)
{
  const struct amz_candidate *c = s->c;
  double all = (double)s->in->work->tasks, mean_s = c->task_s + s->in->costs.gap_s.value, sum_s = 0;

  for (uint64_t i = 0; i < s->tasks; i++)
    sum_s += drawn_s(d, i) + (runs_already(d, i) ? 0 : d->start_s);
  return (expected_s(s->in, d, mean_s) - sum_s) / (double)c->slots + c->dispatch_s * (all - (double)s->tasks) / all;
}

int amz_plan_play(const struct amz_stage *s, const char *policy, double chunk_s, uint32_t replicate, double *ret_s)
{
  struct draw draw = draw_of(s, replicate);
  struct amz_sim_config config = configure(s, policy, chunk_s, &draw);
  struct amz_sim_result result;
  int rc;

  set_pace(s, draw.seed);
  rc = amz_sim_run(&config, &result);
  if (rc == AMZ_OK)
    *ret_s = result.makespan_s + not_played_s(s, &draw);
  return rc;
}

/* ---- what nobody beats ------------------------------------------------------------------------------------------------- */

struct free_slot {
  double at_s;
  uint32_t rank;
};

/* The first of the heap is free later than it was: down to where it belongs. */
static void sift_down(struct free_slot *heap, size_t n)
{
  struct free_slot moved = heap[0];
  size_t at = 0, child;

  for (; (child = 2 * at + 1) < n; at = child) {
    child += child + 1 < n && heap[child + 1].at_s < heap[child].at_s;
    if (heap[child].at_s >= moved.at_s)
      break;
    heap[at] = heap[child];
  }
  heap[at] = moved;
}

int amz_plan_play_free(const struct amz_stage *s, uint32_t replicate, double *ret_s)
{
  struct draw draw = draw_of(s, replicate);
  struct free_slot *heap;
  double last_s = 0;
  size_t n = 0;

  heap = amz_new_array((size_t)s->ranks * s->most_slots, sizeof *heap);
  if (!heap)
    return AMZ_ENOMEM;
  set_pace(s, draw.seed);
  for (uint32_t r = 0; r < s->ranks; r++)
    for (uint32_t k = 0; k < s->slots[r]; k++)
      heap[n++].rank = r;
  for (uint64_t i = 0; i < s->tasks; i++) {
    heap[0].at_s += drawn_s(&draw, i) / s->pace[heap[0].rank] + (runs_already(&draw, i) ? 0 : draw.start_s);
    last_s = fmax(last_s, heap[0].at_s);
    sift_down(heap, n);
  }
  free(heap);
  *ret_s = last_s + not_played_s(s, &draw);
  return AMZ_OK;
}

/* The simulator has the master's time of what is played; of what isn't, the formula knows. */
static double bound_of(const struct amz_stage *s)
{
  return s->tasks == s->in->work->tasks ? s->c->longest_s : s->c->bound_s;
}

int amz_plan_simulate(const struct amz_plan_input *in, uint64_t tasks_each, uint32_t replicates, struct amz_candidate *c)
{
  struct amz_stage stage = {.in = NULL};
  double sum = 0, one = 0;
  int rc = amz_plan_stage_init(&stage, in, c, in->work->tasks < tasks_each ? in->work->tasks : tasks_each);

  for (uint32_t i = 0; i < replicates && rc == AMZ_OK; i++) {
    rc = amz_plan_play(&stage, c->policy, c->chunk_s, i, &one);
    sum += one;
  }
  if (rc == AMZ_OK) {
    c->makespan_s = fmax(sum / replicates, bound_of(&stage));
    c->imbalance_s = fmax(0, c->makespan_s - c->work_s - c->gap_s - c->dispatch_s); /* the simulator tells one number */
    c->simulated = true;
    rc = amz_plan_doubt(in, stage.times, c);
  }
  amz_plan_stage_clear(&stage);
  return rc;
}
