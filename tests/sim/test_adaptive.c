/* The adaptive policy in whole runs: known traps against list scheduling without costs, and a small part of the bar that
 * tests/bench/bench_policies.c measures in full. Virtual time: nothing here depends on the machine. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include <amorsize/rng.h>

#include "../support/tap.h"
#include "contest.h"

static const char *const rivals[] = {"static", "ss", "fsc", "gss", "tss", "fac", "fac2", "wf2", "af"};
#define N_RIVALS (sizeof rivals / sizeof *rivals)

/* ---- fast, then slow -------------------------------------------------------------------------------------------------- */

enum { FAST = 5000, SLOW = 200 };

static double fast_then_slow(void *arg, uint64_t position, uint32_t attempt)
{
  (void)arg;
  (void)attempt;
  return position < FAST ? 1e-4 : 0.1;
}

/* By hand, for 16 slots: 0.5 s of fast tasks take 31.25 ms; then 200 slow ones take 13 rounds of 0.1 s: 1.331 s. Another task of
 * 0.1 s behind another one, on any slot, is 7.5 %. RUNs are measured by time and cut short as plug-ins' are. */
static void test_fast_then_slow(void)
{
  static const struct {
    const char *row;
    uint32_t ranks, slots;
    uint64_t grain;
    double mean_s, stddev_s; /* told */
    int64_t grain_ns, latency_ns;
  } rows[] = {
    {"two ranks, a task at a time, nothing told", 2, 8, 1, 0, 0, 0, 50000},
    {"two ranks, whole chunks, nothing told", 2, 8, 0, 0, 0, 0, 50000},
    {"sixteen ranks, whole chunks, nothing told", 16, 1, 0, 0, 0, 0, 50000},
    {"two ranks, a task at a time, a sample told", 2, 8, 1, 0.00394, 0.0192, 0, 50000}, /* mean and stddev of all 5200 */
    {"sixteen ranks, a sample told", 16, 1, 0, 0.00394, 0.0192, 0, 50000},
    {"sixteen ranks, told what was true of the first 5000", 16, 1, 0, 0.0001, 0.00001, 0, 50000},
    {"one rank, RUNs of 20 ms", 1, 16, 0, 0, 0, 20000000, 50000},
    {"two ranks, RUNs of 20 ms", 2, 8, 0, 0, 0, 20000000, 50000},
    {"four ranks, RUNs of 20 ms", 4, 4, 0, 0, 0, 20000000, 50000},
    {"eight ranks, RUNs of 20 ms", 8, 2, 0, 0, 0, 20000000, 50000},
    {"sixteen ranks, RUNs of 20 ms", 16, 1, 0, 0, 0, 20000000, 50000},
    {"one rank, RUNs of 20 ms, quick messages", 1, 16, 0, 0, 0, 20000000, 5000},
    {"two ranks, RUNs of 20 ms, quick messages", 2, 8, 0, 0, 0, 20000000, 5000},
    {"four ranks, RUNs of 20 ms, quick messages", 4, 4, 0, 0, 0, 20000000, 5000},
    {"eight ranks, RUNs of 20 ms, quick messages", 8, 2, 0, 0, 0, 20000000, 5000},
    {"sixteen ranks, RUNs of 20 ms, quick messages", 16, 1, 0, 0, 0, 20000000, 5000},
    {"four ranks, RUNs of 20 ms, a sample told", 4, 4, 0, 0.00394, 0.0192, 20000000, 50000},
    {"two ranks, RUNs of 20 ms, told what was true of the first 5000", 2, 8, 0, 0.0001, 0.00001, 20000000, 50000},
  };

  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    struct amz_sim_config c = {
      .master = {.tasks = FAST + SLOW, .policy = amz_policy_find("adaptive"), .stop_after = UINT64_MAX,
                 .params = {.mean_s = rows[i].mean_s, .stddev_s = rows[i].stddev_s, .min_s = 0.05, .max_s = 1}},
      .worker = {.grain = rows[i].grain, .grain_ns = rows[i].grain_ns},
      .ranks = rows[i].ranks, .slots_per_rank = rows[i].slots, .bulk = rows[i].grain == 0,
      .work = {.task_s = fast_then_slow}, .latency_ns = rows[i].latency_ns, .message_ns = 1000, .chunk_ns = 300, .run_ns = 1000,
      .look_ns = rows[i].grain_ns, .overdue_ns = 3 * rows[i].grain_ns,
    };
    struct amz_sim_result r;

    CU_ASSERT_EQUAL(amz_sim_run(&c, &r), AMZ_OK);
    ASSERT_ROW_U64(rows[i].row, r.end, AMZ_END_DONE);
    if (r.makespan_s > 1.331 * 1.05)
      ASSERT_ROW_I64(rows[i].row, llround(r.makespan_s * 1e3), 1331);
  }
}

/* Half of the tasks to the first who asks, half to the second, and nothing is left for whoever is done sooner. */
static uint64_t next_half(void *state, const struct amz_policy_ask *ask)
{
  (void)state;
  return ask->chunks == 0 ? (ask->remaining + 1) / 2 : ask->chunks == 1 ? ask->remaining : 1;
}

static double first_half_slow(void *arg, uint64_t position, uint32_t attempt)
{
  (void)arg;
  (void)attempt;
  return position < 10 ? 1 : 0.1;
}

/* By hand: ten tasks of 1 s for one rank, ten of 0.1 s for the other, which is idle after 1 s. Nine of the long ones are left
 * then, and two take five rounds: 6 s, not 10. */
static void test_unbegun_tasks_come_back(void)
{
  static const struct amz_policy_ops halves = {.name = "halves", .state_bytes = 1, .next = next_half};
  struct amz_sim_config c = {
    .master = {.tasks = 20, .policy = &halves, .stop_after = UINT64_MAX}, .worker = {.grain = 1}, .ranks = 2, .slots_per_rank = 1,
    .work = {.task_s = first_half_slow}, .latency_ns = 5000,
  };
  struct amz_sim_result r;

  CU_ASSERT_EQUAL(amz_sim_run(&c, &r), AMZ_OK);
  ASSERT_U64(r.end, AMZ_END_DONE);
  CU_ASSERT_TRUE(r.stats.yielded >= 8);
  CU_ASSERT_DOUBLE_EQUAL(r.makespan_s, 6, 1e-3);
}

/* ---- the bar, small --------------------------------------------------------------------------------------------------- */

static double median_of(const struct contest *cell, const char *policy, bool blind)
{
  double ratios[5];

  for (uint64_t seed = 0; seed < 5; seed++) {
    struct contest c = *cell;

    c.seed = seed + 1;
    if (contest_init(&c) < 0)
      return INFINITY;
    ratios[seed] = contest_run(&c, policy, blind);
    contest_clear(&c);
    if (ratios[seed] < 0)
      return INFINITY;
  }
  return contest_median(ratios, 5);
}

/* Every scenario at cells in which tasks are long enough that chunks matter, not the master's time: within 10 % of the best of
 * the others there, and of what they all would take without costs where that is to be had. */
static void test_the_bar(void)
{
  static const struct contest cells[] = {
    {.mean_s = 1e-4, .slots = 2, .tasks = 128},
    {.mean_s = 1e-4, .slots = 16, .tasks = 1024},
    {.mean_s = 1e-3, .slots = 128, .tasks = 1024},
    {.mean_s = 1e-2, .slots = 16, .tasks = 16384},
    {.mean_s = 1, .slots = 16, .tasks = 1024},
  };
  char row[128];

  for (unsigned s = 0; s < CONTEST_SCENARIOS; s++)
    for (size_t i = 0; i < sizeof cells / sizeof *cells; i++) {
      struct contest c = cells[i];
      double best = INFINITY, ours;

      c.scenario = (enum contest_scenario)s;
      ours = median_of(&c, "adaptive", false);
      for (size_t p = 0; p < N_RIVALS; p++)
        best = fmin(best, median_of(&c, rivals[p], false));
      (void)snprintf(row, sizeof row, "%s, %g s x %d over %u: makespan in thousandths of the best fixed policy's",
                     contest_names[s], c.mean_s, (int)c.tasks, (unsigned)c.slots);
      if (!(ours <= best * 1.10))
        ASSERT_ROW_I64(row, llround(ours / best * 1e3), 1100);
    }
}

/* Nothing told, and the first to be back are those who had short tasks: not to be taken for all. The others were told a
 * sample. */
static void test_untold(void)
{
  static const struct contest cells[] = {
    {.scenario = CONTEST_BIMODAL, .mean_s = 1e-3, .slots = 16, .tasks = 128},
    {.scenario = CONTEST_BIMODAL, .mean_s = 0.1, .slots = 128, .tasks = 1024},
    {.scenario = CONTEST_LOGNORMAL, .mean_s = 1e-2, .slots = 16, .tasks = 128},
    {.scenario = CONTEST_EXPONENTIAL, .mean_s = 1e-2, .slots = 16, .tasks = 1024},
    {.scenario = CONTEST_RISING, .mean_s = 1e-2, .slots = 16, .tasks = 128},
    {.scenario = CONTEST_CONSTANT, .mean_s = 1e-3, .slots = 128, .tasks = 1024},
  };
  char row[128];

  for (size_t i = 0; i < sizeof cells / sizeof *cells; i++) {
    double ours = median_of(&cells[i], "adaptive", true), best = INFINITY;

    for (size_t p = 0; p < N_RIVALS; p++)
      best = fmin(best, median_of(&cells[i], rivals[p], false));
    (void)snprintf(row, sizeof row, "%s, %g s x %d over %u, untold: makespan in thousandths of the best fixed policy's",
                   contest_names[cells[i].scenario], cells[i].mean_s, (int)cells[i].tasks, (unsigned)cells[i].slots);
    if (!(ours <= best * 1.10))
      ASSERT_ROW_I64(row, llround(ours / best * 1e3), 1100);
  }
}

/* A rising list of short tasks: whoever gets the first chunk looks fast. It once got a chunk as long as the whole run should have
 * been. */
static void test_rising(void)
{
  struct contest c = {.scenario = CONTEST_RISING, .mean_s = 1e-5, .slots = 128, .tasks = 8192};
  double ours = median_of(&c, "adaptive", false), best = INFINITY;

  for (size_t p = 0; p < N_RIVALS; p++)
    best = fmin(best, median_of(&c, rivals[p], false));
  if (!(ours <= best * 1.10))
    ASSERT_ROW_I64("thousandths of the best fixed policy's makespan", llround(ours / best * 1e3), 1100);
}

/* What speeds allow: list scheduling knows them all. */
static void test_slow_ranks(void)
{
  static const struct {
    const char *row;
    enum contest_scenario scenario;
    bool blind;
  } rows[] = {
    {"one rank four times slower, a sample told", CONTEST_ONE_SLOW, false},
    {"one rank four times slower, nothing told", CONTEST_ONE_SLOW, true},
    {"a quarter slows down, a sample told", CONTEST_QUARTER, false},
    {"a quarter slows down, nothing told", CONTEST_QUARTER, true},
    {"half the tasks a thousand times as long, a sample told", CONTEST_BIMODAL, false},
    {"half the tasks a thousand times as long, nothing told", CONTEST_BIMODAL, true},
  };

  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    struct contest c = {.scenario = rows[i].scenario, .mean_s = 0.01, .slots = 16, .tasks = 1024};
    double ratio = median_of(&c, "adaptive", rows[i].blind);

    if (!(ratio <= 1.05))
      ASSERT_ROW_I64(rows[i].row, llround(ratio * 1e3), 1050);
  }
}

/* ---- durations -------------------------------------------------------------------------------------------------------- */

/* Bulks are told per chunk: those handed out while more than two seconds per slot are left, and after half a second of
 * learning. */
struct durations {
  uint64_t until; /* position */
  uint64_t seen, out;
};

static void note_chunk(void *arg, int64_t now_ns, const struct amz_action *record)
{
  struct durations *d = arg;

  (void)now_ns;
  if (!record->bulk || record->bulk->first >= d->until || record->bulk->first < 4000)
    return;
  d->seen++;
  d->out += record->bulk->wall_s < 0.05 || record->bulk->wall_s > 1;
}

static void test_durations(void)
{
  static const struct {
    const char *row;
    enum amz_sim_shape shape;
  } rows[] = {{"constant", AMZ_SIM_CONSTANT}, {"uniform", AMZ_SIM_UNIFORM}, {"exponential", AMZ_SIM_EXPONENTIAL}};

  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    struct durations seen = {.until = 84000}; /* 16000 tasks of 1 ms over 8 slots: two seconds */
    struct amz_sim_config c = {
      .master = {.tasks = 100000, .policy = amz_policy_find("adaptive"), .stop_after = UINT64_MAX,
                 .params = {.target_s = 0.2, .min_s = 0.05, .max_s = 1, .rate = 0.3}},
      .ranks = 8, .slots_per_rank = 1, .bulk = true, .seed = 3, .work = {.shape = rows[i].shape, .mean_s = 1e-3},
      .latency_ns = 5000, .message_ns = 1000, .chunk_ns = 300, .recorded = note_chunk, .arg = &seen,
    };
    struct amz_sim_result r;

    CU_ASSERT_EQUAL(amz_sim_run(&c, &r), AMZ_OK);
    CU_ASSERT_TRUE(seen.seen > 100);
    ASSERT_ROW_U64(rows[i].row, seen.out, 0);
  }
}

/* The same in worlds drawn at random: no chunk outside of what its user wishes, as far as tasks allow, before the tail. Many
 * tasks to a chunk, so that a sum of them is near its mean: at least 400 of CV 1 at most, five percent of deviation, of which
 * five are given way to. */
struct wishes {
  uint64_t from, until; /* positions: what was learned by then, and where the tail begins */
  double least_s, most_s;
  uint64_t seen, out;
};

static void note_wish(void *arg, int64_t now_ns, const struct amz_action *record)
{
  struct wishes *d = arg;

  (void)now_ns;
  if (!record->bulk || record->bulk->first < d->from || record->bulk->first >= d->until)
    return;
  d->seen++;
  d->out += record->bulk->wall_s < d->least_s || record->bulk->wall_s > d->most_s;
}

static double between(struct amz_rng *rng, double least, double most)
{
  return least * pow(most / least, amz_rng_uniform(rng));
}

/* `narrow`: the wishes that chunks are held against aren't those that the policy is told, but the upper half of them. */
static void run_wishes(const char *policy, uint64_t seed, bool narrow, struct wishes *seen)
{
  static const enum amz_sim_shape shapes[] = {AMZ_SIM_CONSTANT, AMZ_SIM_UNIFORM, AMZ_SIM_NORMAL, AMZ_SIM_EXPONENTIAL};
  struct amz_rng rng;
  struct amz_sim_config c = {.slots_per_rank = 1, .bulk = true, .seed = seed, .latency_ns = 5000, .message_ns = 1000,
                             .chunk_ns = 300, .recorded = note_wish, .arg = seen};
  struct amz_policy_params *p = &c.master.params;
  struct amz_sim_result r;
  double least;

  amz_rng_seed(&rng, seed);
  c.ranks = 2 + (uint32_t)amz_rng_below(&rng, 15);
  c.work.shape = shapes[amz_rng_below(&rng, 4)];
  c.work.cv = 0.3;
  p->min_s = between(&rng, 0.01, 0.2);
  p->target_s = p->min_s * between(&rng, 1.5, 4);
  p->max_s = p->target_s * between(&rng, 1.5, 4);
  p->rate = 0.3;
  c.work.mean_s = p->min_s / between(&rng, 400, 1000);
  if (amz_rng_below(&rng, 2) == 0) {
    p->mean_s = c.work.mean_s;
    p->stddev_s = c.work.mean_s;
  }
  least = (double)c.ranks * p->target_s / c.work.mean_s; /* tasks of a round of chunks */
  c.master = (struct amz_master_config){.tasks = (uint64_t)(40 * least), .policy = amz_policy_find(policy),
                                        .stop_after = UINT64_MAX, .params = *p};
  *seen = (struct wishes){.from = (uint64_t)(8 * least), .until = (uint64_t)(22 * least),
                          .least_s = (narrow ? p->max_s : p->min_s) * 0.75, .most_s = p->max_s * 1.25};
  CU_ASSERT_EQUAL(amz_sim_run(&c, &r), AMZ_OK);
  ASSERT_U64(r.end, AMZ_END_DONE);
}

static void test_random_wishes(void)
{
  struct wishes seen;
  uint64_t others = 0, wrong = 0;
  char row[64];

  for (uint64_t seed = 1; seed <= 40; seed++) {
    (void)snprintf(row, sizeof row, "world %d: chunks that last too short or too long", (int)seed);
    run_wishes("adaptive", seed, false, &seen);
    CU_ASSERT_TRUE(seen.seen > 20);
    ASSERT_ROW_U64(row, seen.out, 0);
  }
  /* Who doesn't follow wishes, and who follows others, is found out. */
  for (uint64_t seed = 1; seed <= 10; seed++) {
    run_wishes("gss", seed, false, &seen);
    others += seen.out > 0;
    run_wishes("adaptive", seed, true, &seen);
    wrong += seen.out > 0;
  }
  ASSERT_U64(others, 10);
  CU_ASSERT_TRUE(wrong >= 8);
}

/* Slots whose tasks last alike end together, and ask for more together: what they run next must be there, however far the master
 * is. Of 60 seeds of these rows some once waited for half of the time. */
static void test_distant_ranks(void)
{
  static const struct {
    const char *row;
    uint32_t ranks, slots;
    int64_t jitter_ns; /* beside the 20 ms of each message */
    double least;
  } rows[] = {
    {"three ranks of eight", 3, 8, 100000, 0.98},
    {"three ranks of eight, messages overtake each other", 3, 8, 20000000, 0.97},
    {"two ranks of 64", 2, 64, 100000, 0.95},
    {"two ranks of 64, messages overtake each other", 2, 64, 20000000, 0.93},
  };

  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
    for (uint64_t seed = 1; seed <= 60; seed++) {
      struct amz_sim_config c = {
        .master = {.tasks = 4000, .policy = amz_policy_find("adaptive"), .stop_after = UINT64_MAX,
                   .params = {.min_s = 0.05, .max_s = 1}},
        .worker = {.grain = 1}, .ranks = rows[i].ranks, .slots_per_rank = rows[i].slots, .seed = seed,
        .work = {.shape = AMZ_SIM_NORMAL, .mean_s = 0.05, .cv = 0.02}, .packs = true, .sync_latency_ns = 2000000,
        .latency_ns = 20000000, .jitter_ns = rows[i].jitter_ns, .message_ns = 20000, .chunk_ns = 2000};
      struct amz_sim_result r;

      CU_ASSERT_EQUAL(amz_sim_run(&c, &r), AMZ_OK);
      if (!(r.utilisation >= rows[i].least))
        ASSERT_ROW_I64(rows[i].row, llround(r.utilisation * 1e3), llround(rows[i].least * 1e3));
    }
}

/* With exact weights the run's order is longest first; the same tasks in the order in which they were written may end with a long
 * one. No schedule is shorter than the longest task or an even share. */
static int falling(const void *a, const void *b)
{
  double x = *(const double *)a, y = *(const double *)b;

  return (x < y) - (x > y);
}

static double listed(void *arg, uint64_t position, uint32_t attempt)
{
  (void)attempt;
  return ((const double *)arg)[position];
}

static double makespan_of(const double *times, uint64_t tasks, bool longest_first)
{
  double copy[1024];
  struct amz_sim_config c = {
    .master = {.tasks = tasks, .policy = amz_policy_find("adaptive"), .stop_after = UINT64_MAX,
               .params = {.longest_first = longest_first, .min_s = 0.05}},
    .ranks = 16, .slots_per_rank = 1, .bulk = true, .work = {.task_s = listed, .arg = copy}, .latency_ns = 5000,
    .message_ns = 1000, .chunk_ns = 300, .run_ns = 1000,
  };
  struct amz_sim_result r;

  for (uint64_t i = 0; i < tasks; i++)
    copy[i] = times[i];
  return amz_sim_run(&c, &r) == AMZ_OK && r.end == AMZ_END_DONE ? r.makespan_s : INFINITY;
}

static void test_longest_first(void)
{
  const struct amz_sim_work work = {.shape = AMZ_SIM_LOGNORMAL, .mean_s = 0.01, .cv = 2};
  double times[1024], as_written, sorted, least;
  struct amz_stats s = {0};

  for (uint64_t seed = 1; seed <= 5; seed++) {
    s = (struct amz_stats){0};
    for (uint64_t i = 0; i < 1024; i++)
      amz_stats_add(&s, times[i] = amz_sim_task_s(&work, seed, 1024, i, 1));
    least = fmax(s.max, s.mean * 1024 / 16);
    as_written = makespan_of(times, 1024, false);
    qsort(times, 1024, sizeof *times, falling);
    sorted = makespan_of(times, 1024, true);
    CU_ASSERT_TRUE(sorted <= least * 1.01);
    CU_ASSERT_TRUE(sorted <= as_written * 1.001);
  }
}

/* A rank that dies takes its chunk with it; what it had is done by the others, and the run ends in about the time that is
 * needed. */
static void test_a_rank_dies(void)
{
  static const struct amz_sim_fault faults[] = {{.kind = AMZ_SIM_FENCED, .at_ns = 500000000, .rank = 3}};
  struct amz_sim_config c = {
    .master = {.tasks = 1600, .policy = amz_policy_find("adaptive"), .stop_after = UINT64_MAX},
    .ranks = 16, .slots_per_rank = 1, .bulk = true, .seed = 5, .work = {.shape = AMZ_SIM_NORMAL, .mean_s = 0.01, .cv = 0.3},
    .latency_ns = 5000, .faults = faults, .n_faults = 1,
  };
  struct amz_sim_result r;

  CU_ASSERT_EQUAL(amz_sim_run(&c, &r), AMZ_OK);
  ASSERT_U64(r.end, AMZ_END_DONE);
  ASSERT_U64(r.stats.succeeded, 1600);
  /* 16 s of tasks, one rank less from 0.5 s on, and at most its last chunk lost: (16 - 8) / 15 + 0.5 = 1.033 s */
  CU_ASSERT_TRUE(r.makespan_s < 1.033 * 1.06);
}

/* Graham 1969, theorem 2: longest first takes at most 4/3 - 1/(3P) of the optimum, and no less for two tasks each of 2P - 1, 2P -
 * 2, … P + 1 and three of P, whose optimum is 3P. Written shortest first they'd take longer still. */
enum { GRAHAM_MOST = 16 };

struct written {
  double weights[2 * GRAHAM_MOST + 1];
  struct amz_order *order; /* NULL: as written */
};

static double weight_of(const void *ctx, uint64_t index, uint64_t *ret_same)
{
  *ret_same = 1;
  return ((const struct written *)ctx)->weights[index];
}

static double ordered(void *arg, uint64_t position, uint32_t attempt)
{
  const struct written *w = arg;

  (void)attempt;
  return w->weights[w->order ? amz_order_index(w->order, position) : position];
}

static double run_written(struct written *w, uint32_t slots, const char *policy)
{
  struct amz_sim_config c = {
    .master = {.tasks = 2 * slots + 1, .policy = amz_policy_find(policy), .stop_after = UINT64_MAX,
               .params = {.longest_first = w->order != NULL}},
    .ranks = slots, .slots_per_rank = 1, .bulk = true, .work = {.task_s = ordered, .arg = w}};
  struct amz_sim_result r;

  return amz_sim_run(&c, &r) == AMZ_OK && r.end == AMZ_END_DONE ? r.makespan_s : INFINITY;
}

static void test_graham(void)
{
  static const uint32_t slots[] = {3, 5, GRAHAM_MOST};

  for (size_t i = 0; i < sizeof slots / sizeof *slots; i++) {
    const uint64_t p = slots[i];
    const struct amz_range all = {0, 2 * p + 1};
    struct written w = {.order = NULL};
    const struct amz_weights weights = {weight_of, &w};
    struct amz_range *ranges = NULL;
    size_t n = 0;
    double as_written;

    for (uint64_t t = 0; t < 2 * p + 1; t++)
      w.weights[t] = t < 3 ? (double)p : (double)(p + (t - 1) / 2);
    as_written = run_written(&w, slots[i], "ss");
    CU_ASSERT_EQUAL_FATAL(amz_ranges_weigh(&all, 1, &weights, 0, &ranges, &n), AMZ_OK);
    CU_ASSERT_EQUAL_FATAL(amz_order_new(ranges, n, &w.order), AMZ_OK);
    CU_ASSERT_DOUBLE_EQUAL(run_written(&w, slots[i], "ss"), (double)(4 * p - 1), 1e-6);
    CU_ASSERT_TRUE(run_written(&w, slots[i], "adaptive") < (double)(4 * p - 1) + 1e-6);
    CU_ASSERT_TRUE(as_written > (double)(4 * p - 1) + 0.5);
    amz_order_free(w.order);
    free(ranges);
  }
}

int main(void)
{
  static const struct amz_test tests[] = {
    {"fast, then slow", test_fast_then_slow},
    {"unbegun tasks come back", test_unbegun_tasks_come_back},
    {"the bar, small", test_the_bar},
    {"nothing told", test_untold},
    {"a rising list of short tasks", test_rising},
    {"slow ranks and long tasks", test_slow_ranks},
    {"chunks last between min and max", test_durations},
    {"chunks last between min and max, in random worlds", test_random_wishes},
    {"distant ranks", test_distant_ranks},
    {"longest first", test_longest_first},
    {"longest first: Graham's bound", test_graham},
    {"a rank dies", test_a_rank_dies},
    {NULL, NULL},
  };

  return amz_test_main("adaptive", tests, 120);
}
