/* See contest.h. The costs are those measured of this program's own parts on a 2-core machine: a round of an empty message inside
 * a node 0.5 us, over a network 5 to 50 us; the master about 1 us for a message and 0.3 us for a chunk that it gives; a slot's
 * thread 1 us from one chunk to the next. */
#include "contest.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <amorsize/alloc.h>
#include <amorsize/rng.h>

const int64_t contest_latency_ns = 5000, contest_message_ns = 1000, contest_chunk_ns = 300, contest_run_ns = 1000;

const char *const contest_names[CONTEST_SCENARIOS] = {"constant",  "uniform", "normal", "exponential", "bimodal",  "rare",
                                                      "lognormal", "pareto",  "rising", "falling",     "one-slow", "quarter"};

static const struct amz_sim_work works[CONTEST_SCENARIOS] = {
  [CONTEST_CONSTANT] = {.shape = AMZ_SIM_CONSTANT},
  [CONTEST_UNIFORM] = {.shape = AMZ_SIM_UNIFORM},
  [CONTEST_NORMAL] = {.shape = AMZ_SIM_NORMAL, .cv = 0.3},
  [CONTEST_EXPONENTIAL] = {.shape = AMZ_SIM_EXPONENTIAL},
  [CONTEST_BIMODAL] = {.shape = AMZ_SIM_BIMODAL},
  [CONTEST_RARE] = {.shape = AMZ_SIM_BIMODAL, .share = 0.001},
  [CONTEST_LOGNORMAL] = {.shape = AMZ_SIM_LOGNORMAL, .cv = 2},
  [CONTEST_PARETO] = {.shape = AMZ_SIM_PARETO},
  [CONTEST_RISING] = {.shape = AMZ_SIM_RISING},
  [CONTEST_FALLING] = {.shape = AMZ_SIM_FALLING},
  [CONTEST_ONE_SLOW] = {.shape = AMZ_SIM_NORMAL, .cv = 0.3},
  [CONTEST_QUARTER] = {.shape = AMZ_SIM_NORMAL, .cv = 0.3},
};

/* ---- list scheduling -------------------------------------------------------------------------------------------------- */

/* A slot that is free from `at` on. */
struct slot {
  double at;
  uint32_t rank;
};

/* The heap's root has got a later time: it sinks. */
static void sink(struct slot *heap, uint32_t n)
{
  struct slot moved = heap[0];
  uint32_t i = 0;

  for (uint32_t child; (child = 2 * i + 1) < n; i = child) {
    if (child + 1 < n && heap[child + 1].at < heap[child].at)
      child++;
    if (heap[child].at >= moved.at)
      break;
    heap[i] = heap[child];
  }
  heap[i] = moved;
}

static double end_of(const struct contest *c, const struct slot *s, double work, double change)
{
  double speed = c->speeds[s->rank], end = s->at + work / speed;

  if (c->scenario != CONTEST_QUARTER || s->rank % 4 != 0 || end <= change)
    return end;
  return s->at >= change ? s->at + 2 * work : change + 2 * (end - change);
}

static int list_schedule(struct contest *c, double change)
{
  struct slot *heap = amz_new_array(c->slots, sizeof *heap);
  double last = 0;

  if (!heap)
    return AMZ_ENOMEM;
  for (uint32_t i = 0; i < c->slots; i++)
    heap[i].rank = i;
  for (uint64_t i = 0; i < c->tasks; i++) {
    heap[0].at = end_of(c, &heap[0], (c->sums[i + 1] - c->sums[i]) * c->mean_s, change);
    last = heap[0].at > last ? heap[0].at : last;
    sink(heap, c->slots);
  }
  c->list_s = last;
  free(heap);
  return AMZ_OK;
}

/* ---- a cell ----------------------------------------------------------------------------------------------------------- */

static void draw(struct contest *c)
{
  struct amz_sim_work work = works[c->scenario];
  double sum = 0;

  work.mean_s = 1;
  for (uint64_t i = 0; i < c->tasks; i++) {
    c->sums[i] = sum;
    sum += amz_sim_task_s(&work, c->seed, c->tasks, i, 1);
  }
  c->sums[c->tasks] = sum;
}

static void sample(struct contest *c)
{
  struct amz_stats s = {0};
  struct amz_rng rng;

  amz_rng_seed(&rng, c->seed ^ UINT64_C(0x5a3c));
  for (unsigned i = 0; i < 50; i++) {
    uint64_t task = amz_rng_below(&rng, c->tasks);
    double noise = 0.9 + 0.2 * amz_rng_uniform(&rng);

    amz_stats_add(&s, (c->sums[task + 1] - c->sums[task]) * c->mean_s * noise);
  }
  for (uint32_t i = 0; i < c->slots; i++)
    c->weights[i] = c->speeds[i] * (0.9 + 0.2 * amz_rng_uniform(&rng));
  c->sample_mean_s = s.mean;
  c->sample_stddev_s = amz_stats_stddev(&s);
}

/* The ranks 0, 4, 8, … change; the first chunks are on their way for three latencies. */
static void plan_changes(struct contest *c, double change)
{
  for (uint32_t i = 0; c->scenario == CONTEST_QUARTER && i < c->slots; i += 4)
    c->faults[c->n_faults++] = (struct amz_sim_fault){
      .kind = AMZ_SIM_PACE, .at_ns = (int64_t)(change * 1e9) + 3 * contest_latency_ns, .rank = i, .factor = 0.5};
}

int contest_init(struct contest *c)
{
  double change;

  c->n_faults = 0;
  c->sums = amz_new_array((size_t)c->tasks + 1, sizeof *c->sums);
  c->speeds = amz_new_array(c->slots, sizeof *c->speeds);
  c->weights = amz_new_array(c->slots, sizeof *c->weights);
  c->faults = amz_new_array(c->slots, sizeof *c->faults);
  if (!c->sums || !c->speeds || !c->weights || !c->faults) {
    contest_clear(c);
    return AMZ_ENOMEM;
  }
  for (uint32_t i = 0; i < c->slots; i++)
    c->speeds[i] = c->scenario == CONTEST_ONE_SLOW && i == c->slots / 2 ? 0.25 : 1;
  draw(c);
  sample(c);
  change = c->sums[c->tasks] * c->mean_s / c->slots / 2;
  plan_changes(c, change);
  return list_schedule(c, change);
}

void contest_clear(struct contest *c)
{
  free(c->sums);
  free(c->speeds);
  free(c->weights);
  free(c->faults);
  c->sums = c->speeds = c->weights = NULL;
  c->faults = NULL;
}

static double run_s(void *arg, uint64_t first, uint64_t count, uint32_t attempt)
{
  const struct contest *c = arg;

  (void)attempt;
  return (c->sums[first + count] - c->sums[first]) * c->mean_s;
}

double contest_run(const struct contest *c, const char *policy, bool blind)
{
  struct contest shared = *c; /* what the simulation reads */
  struct amz_sim_config sim = {
    /* nobody dies, and runs may last for hours: no heartbeats, which would be nearly all of the events */
    .master = {.tasks = c->tasks, .policy = amz_policy_find(policy), .stop_after = UINT64_MAX, .dead_ns = AMZ_NEVER,
               .suspect_ns = AMZ_NEVER, .heartbeat_ns = AMZ_NEVER},
    .worker = {.heartbeat_ns = AMZ_NEVER}, .ranks = c->slots, .slots_per_rank = 1, .speed = c->speeds, .bulk = true,
    .seed = c->seed,
    .work = {.mean_s = c->mean_s, .run_s = run_s, .arg = &shared},
    .latency_ns = contest_latency_ns, .message_ns = contest_message_ns, .chunk_ns = contest_chunk_ns, .run_ns = contest_run_ns,
    .faults = c->faults, .n_faults = c->n_faults,
  };
  struct amz_policy_params *p = &sim.master.params;
  struct amz_sim_result r;

  p->overhead_s = (double)(contest_run_ns + contest_message_ns + contest_chunk_ns + 2 * contest_latency_ns) * 1e-9;
  p->service_s = (double)(contest_message_ns + contest_chunk_ns) * 1e-9;
  p->target_s = 0.2;
  p->min_s = 0.05;
  p->max_s = 1;
  p->rate = 0.3;
  if (strcmp(policy, "wf2") == 0)
    p->weights = c->weights;
  if (!blind) {
    p->mean_s = c->sample_mean_s;
    p->stddev_s = c->sample_stddev_s;
  }
  if (amz_sim_run(&sim, &r) < 0 || r.end != AMZ_END_DONE)
    return -1;
  return r.makespan_s / c->list_s;
}

static int by_size(const void *a, const void *b)
{
  double x = *(const double *)a, y = *(const double *)b;

  return (x > y) - (x < y);
}

double contest_median(double *values, size_t n)
{
  qsort(values, n, sizeof *values, by_size);
  return amz_quantile(values, n, 0.5);
}
