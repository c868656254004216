/* Large runs: what the master needs in memory, and what is known of makespans by hand. */
#include <amorsize/sim.h>

#include <math.h>
#include <string.h>
#include <sys/resource.h>

#include "../support/tap.h"

#define US INT64_C(1000)

static struct amz_sim_config plain(const char *policy, uint64_t tasks, uint32_t ranks, uint32_t slots)
{
  return (struct amz_sim_config){
    .master = {.tasks = tasks, .policy = amz_policy_find(policy), .stop_after = UINT64_MAX},
    .ranks = ranks,
    .slots_per_rank = slots,
    .bulk = true,
    .limit_ns = INT64_C(1) << 60,
  };
}

/* Of all this program. A sanitizer's own memory says nothing about ours. */
static bool fits_in_64_mib(void)
{
#ifdef __SANITIZE_ADDRESS__
  return true;
#else
  struct rusage usage;

  return getrusage(RUSAGE_SELF, &usage) == 0 && usage.ru_maxrss <= 64 * 1024;
#endif
}

static void test_ten_million(void)
{
  static const char *const policies[] = {"static", "gss", "fac2"};
  static const uint64_t chunks[] = {64, 0, 0}; /* of static: one per slot */

  for (size_t i = 0; i < 3; i++) {
    struct amz_sim_config c = plain(policies[i], 10000000, 16, 4);
    struct amz_sim_result r;

    c.latency_ns = 10 * US;
    CU_ASSERT_EQUAL(amz_sim_run(&c, &r), AMZ_OK);
    ASSERT_ROW_U64(policies[i], r.end, AMZ_END_DONE);
    ASSERT_ROW_U64(policies[i], r.stats.succeeded, 10000000);
    if (chunks[i])
      ASSERT_ROW_U64(policies[i], r.stats.chunks, chunks[i]);
    CU_ASSERT_TRUE(fits_in_64_mib());
  }
}

/* One failure in ten tasks, each result by itself and with a pack record: what waits for receipts and retries stays small. */
static void test_memory_of_results(void)
{
  struct amz_sim_config c = plain("fac2", 1000000, 4, 4);
  struct amz_sim_result r;

  c.bulk = false;
  c.packs = true;
  c.fail = 0.1;
  c.master.retries = 2;
  c.master.backoff_ns = 1000 * US;
  c.worker.grain = 1;
  c.work.mean_s = 10e-6;
  c.sync_latency_ns = 5000 * US;
  CU_ASSERT_EQUAL(amz_sim_run(&c, &r), AMZ_OK);
  ASSERT_U64(r.end, AMZ_END_DONE);
  ASSERT_U64(r.stats.succeeded + r.stats.failed, 1000000);
  ASSERT_U64(r.undurable, 0);
  CU_ASSERT_TRUE(fits_in_64_mib());
}

/* Constant tasks, no costs: the makespan is the number of rounds times the task's time, whoever hands out single tasks. */
static void test_makespans(void)
{
  static const struct {
    const char *row, *policy;
    uint64_t tasks;
    uint32_t ranks, slots;
    double makespan_s;
  } rows[] = {
    {"SS, 100 tasks of 1 s on 8 slots: 13 rounds", "ss", 100, 4, 2, 13},
    {"SS, one slot", "ss", 7, 1, 1, 7},
    {"STATIC, 100 on 8: the longest share is 13", "static", 100, 8, 1, 13},
    {"GSS, 4 slots, 1000 tasks: balanced", "gss", 1000, 4, 1, 250},
    {"FAC2, 4 slots, 1000 tasks: balanced", "fac2", 1000, 4, 1, 250},
    {"fewer tasks than slots", "fac2", 3, 4, 4, 1},
  };

  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    struct amz_sim_config c = plain(rows[i].policy, rows[i].tasks, rows[i].ranks, rows[i].slots);
    struct amz_sim_result r;

    c.work.mean_s = 1;
    CU_ASSERT_EQUAL(amz_sim_run(&c, &r), AMZ_OK);
    ASSERT_ROW_I64(rows[i].row, llround(r.makespan_s * 1e6), llround(rows[i].makespan_s * 1e6));
    ASSERT_ROW_I64(rows[i].row, llround(r.busy_s * 1e6), (int64_t)rows[i].tasks * 1000000);
  }
}

/* A rank twice as fast does twice as much: 30 tasks of 1 s, speeds 2 and 1, one at a time: 10 s. */
static void test_speeds(void)
{
  static const double speed[] = {2, 1};
  struct amz_sim_config c = plain("ss", 30, 2, 1);
  struct amz_sim_result r;

  c.speed = speed;
  c.work.mean_s = 1;
  CU_ASSERT_EQUAL(amz_sim_run(&c, &r), AMZ_OK);
  ASSERT_I64(llround(r.makespan_s * 1e6), 10000000);
}

/* Ranks of three slots and of one: 40 tasks of 1 s take four slots 10 s, all of which are busy. */
static void test_unequal_ranks(void)
{
  static const uint32_t slots[] = {3, 1}, none[] = {3, 0}, beyond[] = {4, 1};
  struct amz_sim_config c = plain("ss", 40, 2, 3);
  struct amz_sim_result r;

  c.slots = slots;
  c.work.mean_s = 1;
  CU_ASSERT_EQUAL(amz_sim_run(&c, &r), AMZ_OK);
  ASSERT_I64(llround(r.makespan_s * 1e6), 10000000);
  ASSERT_I64(llround(r.utilisation * 1e6), 1000000);
  c.slots = none;
  CU_ASSERT_EQUAL(amz_sim_run(&c, &r), AMZ_EINVAL);
  c.slots = beyond;
  CU_ASSERT_EQUAL(amz_sim_run(&c, &r), AMZ_EINVAL);
}

/* Tasks of 1 ms handed out singly over a network of 0.2 ms: asking ahead keeps the slots busy. Without it each task would cost
 * 0.4 ms of waiting, and utilisation would be 1 / 1.4. */
static void test_latency_is_hidden(void)
{
  struct amz_sim_config c = plain("ss", 20000, 8, 1);
  struct amz_sim_result r;

  c.work.mean_s = 0.001;
  c.latency_ns = 200 * US;
  CU_ASSERT_EQUAL(amz_sim_run(&c, &r), AMZ_OK);
  CU_ASSERT_TRUE(r.utilisation > 0.97);
}

/* The master serves one after the other: 5000 chunks at 100 us each take half a second, however many slots wait for them. */
static void test_busy_master(void)
{
  struct amz_sim_config c = plain("ss", 5000, 64, 1);
  struct amz_sim_result r;

  c.work.mean_s = 0.001;
  c.chunk_ns = 100 * US;
  CU_ASSERT_EQUAL(amz_sim_run(&c, &r), AMZ_OK);
  CU_ASSERT_TRUE(r.total_s >= 0.5);
  CU_ASSERT_TRUE(r.master_s >= 0.5 - 1e-9);
  CU_ASSERT_TRUE(r.master_s <= r.total_s + 1e-9);
}

/* Means by hand: what each shape promises. */
static void test_shapes(void)
{
  static const struct {
    const char *row;
    struct amz_sim_work work;
    double cv;
  } rows[] = {
    {"constant", {.shape = AMZ_SIM_CONSTANT}, 0},
    {"uniform: 1 / √3", {.shape = AMZ_SIM_UNIFORM}, 0.57735},
    {"normal", {.shape = AMZ_SIM_NORMAL, .cv = 0.3}, 0.3},
    {"exponential", {.shape = AMZ_SIM_EXPONENTIAL}, 1},
    {"lognormal", {.shape = AMZ_SIM_LOGNORMAL, .cv = 0.5}, 0.5},
    {"bimodal: (1000 - 1) / (1000 + 1)", {.shape = AMZ_SIM_BIMODAL}, 0.99800},
    {"bimodal, a tenth ten times as long: 0.3 · 9 / 1.9", {.shape = AMZ_SIM_BIMODAL, .share = 0.1, .ratio = 10}, 1.42105},
    {"rising", {.shape = AMZ_SIM_RISING}, 0.57735},
    {"falling", {.shape = AMZ_SIM_FALLING}, 0.57735},
    {"pareto: 1 / √(alpha (alpha - 2))", {.shape = AMZ_SIM_PARETO, .alpha = 5}, 0.25820},
  };
  const uint64_t n = 200000;

  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    struct amz_sim_work work = rows[i].work;
    struct amz_stats s = {0};

    work.mean_s = 3;
    for (uint64_t k = 0; k < n; k++)
      amz_stats_add(&s, amz_sim_task_s(&work, 7, n, k, 1));
    ASSERT_ROW_U64(rows[i].row, fabs(s.mean - 3) < 0.03, 1);
    ASSERT_ROW_U64(rows[i].row, fabs(amz_stats_cv(&s) - rows[i].cv) < 0.02, 1);
    ASSERT_ROW_U64(rows[i].row, s.min >= 0, 1);
    CU_ASSERT_TRUE(amz_sim_task_s(&work, 7, n, 5, 1) == amz_sim_task_s(&work, 7, n, 5, 2)); /* the same task again */
  }
}

/* Pareto's tail by hand: a thousandth of the tasks is longer than 1000^(1/1.5) = 100 times the least, which is a third of the
 * mean. */
static void test_pareto_tail(void)
{
  struct amz_sim_work work = {.shape = AMZ_SIM_PARETO, .mean_s = 3};
  uint64_t beyond = 0;
  double least = 1e9;

  for (uint64_t k = 0; k < 200000; k++) {
    double s = amz_sim_task_s(&work, 11, 200000, k, 1);

    beyond += s > 100;
    least = s < least ? s : least;
  }
  CU_ASSERT_TRUE(least >= 1 && least < 1.001);
  CU_ASSERT_TRUE(beyond > 150 && beyond < 250);
}

static double whole_run(void *arg, uint64_t first, uint64_t count, uint32_t attempt)
{
  (void)first;
  (void)attempt;
  return *(const double *)arg * (double)count;
}

/* One rank of two loses half its speed while its one chunk of 8 s runs. At 2 s it has 6 s left, which take 12. */
static void test_pace(void)
{
  static const struct amz_sim_fault faults[] = {{.kind = AMZ_SIM_PACE, .at_ns = 2000000 * US, .rank = 1, .factor = 0.5}};
  struct amz_sim_config c = plain("static", 16, 2, 1);
  double each_s = 1;
  struct amz_sim_result r;

  c.work.run_s = whole_run;
  c.work.arg = &each_s;
  c.faults = faults;
  c.n_faults = 1;
  CU_ASSERT_EQUAL(amz_sim_run(&c, &r), AMZ_OK);
  ASSERT_U64(r.end, AMZ_END_DONE);
  ASSERT_I64(llround(r.makespan_s * 1e6), 14000000);
}

/* A task has ended at 1 s on a rank that is frozen till 3 s. That it loses half its speed meanwhile is nothing to it: the other
 * one takes 2 s from there on. */
static void test_pace_of_frozen(void)
{
  static const struct amz_sim_fault faults[] = {{.kind = AMZ_SIM_FREEZE, .at_ns = 500000 * US, .until_ns = 3000000 * US},
                                                {.kind = AMZ_SIM_PACE, .at_ns = 2000000 * US, .factor = 0.5}};
  struct amz_sim_config c = plain("ss", 2, 1, 1);
  struct amz_sim_result r;

  c.work.mean_s = 1;
  c.faults = faults;
  c.n_faults = 2;
  CU_ASSERT_EQUAL(amz_sim_run(&c, &r), AMZ_OK);
  ASSERT_U64(r.end, AMZ_END_DONE);
  ASSERT_I64(llround(r.makespan_s * 1e6), 5000000);
}

static void test_refused(void)
{
  static const double still[] = {1, 0};
  const struct amz_sim_fault nobody = {.kind = AMZ_SIM_KILL, .rank = 2}, stopped = {.kind = AMZ_SIM_PACE, .rank = 1};
  struct amz_sim_result r;
  struct amz_sim_config c;

  c = plain("ss", 1, 0, 1);
  ASSERT_I64(amz_sim_run(&c, &r), AMZ_EINVAL);
  c = plain("ss", 1, 1, 0);
  ASSERT_I64(amz_sim_run(&c, &r), AMZ_EINVAL);
  c = plain("no such policy", 1, 1, 1);
  ASSERT_I64(amz_sim_run(&c, &r), AMZ_EINVAL);
  c = plain("ss", 1, 2, 1);
  c.speed = still;
  ASSERT_I64(amz_sim_run(&c, &r), AMZ_EINVAL);
  c = plain("ss", 1, 2, 1);
  c.faults = &nobody;
  c.n_faults = 1;
  ASSERT_I64(amz_sim_run(&c, &r), AMZ_EINVAL);
  c.faults = &stopped;
  ASSERT_I64(amz_sim_run(&c, &r), AMZ_EINVAL);
}

int main(void)
{
  static const struct amz_test tests[] = {
    {"ten million tasks in 64 MiB", test_ten_million},
    {"results that wait stay few", test_memory_of_results},
    {"makespans by hand", test_makespans},
    {"speeds", test_speeds},
    {"unequal ranks", test_unequal_ranks},
    {"latency is hidden", test_latency_is_hidden},
    {"the master's time counts", test_busy_master},
    {"shapes of work", test_shapes},
    {"Pareto's tail", test_pareto_tail},
    {"a rank slows down", test_pace},
    {"a frozen rank slows down", test_pace_of_frozen},
    {"refused", test_refused},
    {NULL, NULL},
  };

  return amz_test_main("scale", tests, 60);
}
