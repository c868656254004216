/* The best few layouts played out: the real master and workers (sim.h) over virtual time, on task times drawn from the sample. The
 * draws depend on the task's position and the replicate alone, so that layouts are compared on the very same tasks.
 *
 * Only the last tasks of a long run are played: before them every slot is busy, and takes what the mean says. What a draw happens to
 * have more or less than its share of work is taken out again (a control variate: the work drawn is known exactly), so that few replicates
 * suffice; how far a run may be off is the interval's to say. */
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

/* The ranks of a candidate, by class. */
struct crew {
  uint32_t ranks, most_slots;
  double *speed;   /* relative to the mean that task_s has: ranks of faster kinds run their tasks faster */
  uint32_t *slots;
};

/* Nothing is known but the slots. */
static int muster_slots(uint64_t slots, struct crew *ret)
{
  if (slots == 0 || slots > UINT32_MAX)
    return AMZ_EINVAL;
  *ret = (struct crew){1, (uint32_t)slots, amz_new_array(1, sizeof *ret->speed), amz_new_array(1, sizeof *ret->slots)};
  if (!ret->speed || !ret->slots)
    return AMZ_ENOMEM;
  ret->speed[0] = 1;
  ret->slots[0] = (uint32_t)slots;
  return AMZ_OK;
}

static int muster(const struct amz_plan_input *in, const struct amz_candidate *c, struct crew *ret)
{
  struct amz_plan_class classes[AMZ_PLAN_KINDS_MAX];
  size_t n = amz_plan_classes(in, &c->layout, classes);
  struct crew crew = {0, 0, NULL, NULL};
  uint64_t ranks = 0;

  if (in->n_nodes == 0)
    return muster_slots(c->slots, ret);
  for (size_t i = 0; i < n; i++)
    ranks += (uint64_t)classes[i].nodes * classes[i].ranks_per_node;
  if (ranks == 0 || ranks > UINT32_MAX)
    return AMZ_EINVAL;
  crew.speed = amz_new_array((size_t)ranks, sizeof *crew.speed);
  crew.slots = amz_new_array((size_t)ranks, sizeof *crew.slots);
  for (size_t i = 0; i < n && crew.speed && crew.slots; i++) {
    const struct amz_plan_class *k = &classes[i];

    crew.most_slots = k->slots_per_rank > crew.most_slots ? k->slots_per_rank : crew.most_slots;
    for (uint64_t r = (uint64_t)k->nodes * k->ranks_per_node; r > 0; r--, crew.ranks++) {
      crew.speed[crew.ranks] = k->task_s > 0 && c->task_s > 0 ? c->task_s / k->task_s : 1;
      crew.slots[crew.ranks] = k->slots_per_rank;
    }
  }
  *ret = crew;
  return crew.speed && crew.slots ? AMZ_OK : AMZ_ENOMEM;
}

static int64_t nanoseconds(struct amz_quantity seconds)
{
  return seconds.value > 0 && seconds.value < 3600 ? (int64_t)(seconds.value * 1e9) : 0;
}

/* Of the gaps in front of tasks, what the simulator has of its own: it starts one at a time. */
static double started_apart(const struct amz_plan_input *in)
{
  return fmin(in->costs.start_s.value, in->costs.gap_s.value);
}

static struct amz_sim_config configure(const struct amz_plan_input *in, const struct amz_candidate *c, uint64_t tasks, struct draw *draw,
                                       const struct crew *crew)
{
  const struct amz_policy_ops *policy = in->want.policy ? amz_policy_find(in->want.policy) : NULL;
  struct amz_sim_config s = {.ranks = crew->ranks, .slots_per_rank = crew->most_slots, .slots = crew->slots, .speed = crew->speed,
    .bulk = true, .start_ns = (int64_t)(started_apart(in) * 1e9), .latency_ns = nanoseconds(in->costs.chunk_s) / 2,
    .message_ns = nanoseconds(in->costs.service_s)};

  s.master.tasks = tasks;
  s.master.policy = policy ? policy : amz_policy_find("adaptive");
  s.master.stop_after = UINT64_MAX;
  s.master.dead_ns = s.master.suspect_ns = s.master.heartbeat_ns = s.worker.heartbeat_ns = AMZ_NEVER;
  s.master.params = (struct amz_policy_params){.mean_s = c->task_s, .stddev_s = c->task_s * in->work->cv,
    .overhead_s = in->costs.chunk_s.value, .service_s = in->costs.service_s.value, .target_s = amz_plan_chunk_s(in),
    .longest_first = in->work->from == AMZ_TIMES_WEIGHT};
  s.worker.grain = 1;
  s.running = in->n_in_hand > draw->skipped ? in->n_in_hand - draw->skipped : 0;
  s.work.task_s = task_s;
  s.work.arg = draw;
  return s;
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

/* The makespan of one replicate. */
static int play(const struct amz_plan_input *in, const struct amz_candidate *c, uint64_t tasks, uint32_t replicate, const double *times,
                const struct crew *crew, double *ret_s)
{
  struct draw draw = {.in = in, .stretch = in->work->mean_s.value > 0 ? c->task_s / in->work->mean_s.value : 1, .times = times, .n = in->work->n, .seed = amz_mix64(in->seed + replicate),
    .sequence = in->work->sequence, .skipped = in->work->tasks - tasks, .tasks = in->work->tasks, .start_s = started_apart(in)};
  struct amz_sim_config config = configure(in, c, tasks, &draw, crew);
  double all = (double)in->work->tasks, mean_s = c->task_s + in->costs.gap_s.value, sum_s = 0;
  struct amz_sim_result result;
  int rc;

  for (uint64_t i = 0; i < tasks; i++)
    sum_s += drawn_s(&draw, i) + (runs_already(&draw, i) ? 0 : draw.start_s);
  config.seed = draw.seed;
  rc = amz_sim_run(&config, &result);
  if (rc == AMZ_OK)
    *ret_s = result.makespan_s + (expected_s(in, &draw, mean_s) - sum_s) / (double)c->slots +
             c->dispatch_s * (all - (double)tasks) / all;
  return rc;
}

int amz_plan_simulate(const struct amz_plan_input *in, uint64_t tasks_each, uint32_t replicates, struct amz_candidate *c)
{
  uint64_t tasks = in->work->tasks < tasks_each ? in->work->tasks : tasks_each;
  double *times = amz_new_array(in->work->n, sizeof *times), sum = 0, one = 0;
  struct crew crew = {0, 0, NULL, NULL};
  int rc = times ? muster(in, c, &crew) : AMZ_ENOMEM;

  if (rc == AMZ_OK)
    amz_plan_times(in, c, times);
  for (size_t i = 0; rc == AMZ_OK && i < in->work->n; i++)
    times[i] -= started_apart(in);
  for (uint32_t i = 0; i < replicates && rc == AMZ_OK; i++) {
    rc = play(in, c, tasks, i, times, &crew, &one);
    sum += one;
  }
  if (rc == AMZ_OK) {
    c->makespan_s = fmax(sum / replicates, c->bound_s);
    c->imbalance_s = fmax(0, c->makespan_s - c->work_s - c->gap_s - c->dispatch_s); /* the simulator tells one number */
    c->simulated = true;
    rc = amz_plan_doubt(in, times, c);
  }
  free(times);
  free(crew.speed);
  free(crew.slots);
  return rc;
}
