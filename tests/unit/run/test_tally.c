/* Counting outcomes, and the layout that needs no planner. */
#include <signal.h>
#include <string.h>

#include "../../../src/run/layout.h"
#include "../../../src/run/tally.h"
#include "../../support/tap.h"

static struct amz_result result(enum amz_outcome outcome, int64_t start_s, int64_t wall_s)
{
  return (struct amz_result){.outcome = outcome, .start_ns = start_s * 1000000000, .wall_ns = wall_s * 1000000000,
                             .cpu_ns = wall_s * 500000000, .output_bytes = 10, .max_rss_bytes = (uint64_t)wall_s << 20};
}

static void counts_by_hand(void)
{
  struct amz_tally t;
  struct amz_result r;

  memset(&t, 0, sizeof t);
  CU_ASSERT_DOUBLE_EQUAL(amz_tally_makespan(&t), 0, 0);
  CU_ASSERT_DOUBLE_EQUAL(amz_tally_utilisation(&t, 2, amz_tally_makespan(&t)), 0, 0);
  r = result(AMZ_SUCCEEDED, 100, 4);
  amz_tally_add(&t, &r, 7, true);
  r = result(AMZ_FAILED, 101, 2);
  amz_tally_add(&t, &r, 8, false);
  r = result(AMZ_TIMED_OUT, 103, 5);
  r.error = "stuck";
  amz_tally_add(&t, &r, 8, true);
  r = (struct amz_result){.outcome = AMZ_SKIPPED};
  amz_tally_add(&t, &r, 9, true);
  ASSERT_U64(t.succeeded, 1);
  ASSERT_U64(t.failed, 1);
  ASSERT_U64(t.skipped, 1);
  ASSERT_U64(t.retried, 1);
  ASSERT_U64(t.ran, 3);
  ASSERT_U64(amz_tally_outcomes(&t), 3);
  CU_ASSERT_DOUBLE_EQUAL(amz_tally_makespan(&t), 8, 1e-9); /* 100 … 108 */
  CU_ASSERT_DOUBLE_EQUAL(amz_tally_utilisation(&t, 2, 8), 11.0 / 16, 1e-9);
  CU_ASSERT_DOUBLE_EQUAL(t.cpu_s, 5.5, 1e-9);
  ASSERT_U64(t.output_bytes, 30);
  ASSERT_U64(t.max_rss_bytes, 5 << 20);
  ASSERT_U64(t.n_failures, 1);
  ASSERT_U64(t.failures[0].index, 8);
  ASSERT_TEXT(t.failures[0].error, "stuck");
}

static void keeps_the_slowest_in_order(void)
{
  static const int64_t walls[] = {3, 9, 1, 4, 7, 8, 2, 6, 5};
  struct amz_tally t;

  memset(&t, 0, sizeof t);
  for (uint64_t i = 0; i < 9; i++) {
    struct amz_result r = result(AMZ_SUCCEEDED, 1, walls[i]);

    amz_tally_add(&t, &r, i, true);
  }
  ASSERT_U64(t.n_slowest, 5);
  for (size_t i = 0; i < 5; i++)
    CU_ASSERT_DOUBLE_EQUAL(t.slowest[i].wall_s, 9.0 - (double)i, 1e-9);
  ASSERT_U64(t.slowest[0].index, 1);
  ASSERT_U64(t.slowest[4].index, 8);
}

/* A shell that ran what was killed ends with 128 + 9 (POSIX, "Exit Status for Commands": more than 128). */
static void kills_are_counted(void)
{
  static const struct {
    const char *what;
    struct amz_result result;
    bool final;
    uint64_t killed;
  } rows[] = {
    {"failed by itself", {.outcome = AMZ_FAILED, .exit_code = 1, .start_ns = 1}, true, 0},
    {"killed", {.outcome = AMZ_FAILED, .signal = SIGKILL, .start_ns = 1}, true, 1},
    {"killed, and tried again", {.outcome = AMZ_FAILED, .signal = SIGKILL, .start_ns = 1}, false, 2},
    {"what its shell ran was killed", {.outcome = AMZ_FAILED, .exit_code = 137, .start_ns = 1}, true, 3},
    {"by us, for its timeout", {.outcome = AMZ_TIMED_OUT, .signal = SIGKILL, .start_ns = 1}, true, 3},
    {"another signal", {.outcome = AMZ_FAILED, .signal = SIGSEGV, .start_ns = 1}, true, 3},
    {"a success that says 137", {.outcome = AMZ_SUCCEEDED, .exit_code = 137, .start_ns = 1}, true, 3},
  };
  struct amz_tally t = {0};

  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    amz_tally_add(&t, &rows[i].result, i, rows[i].final);
    ASSERT_ROW_U64(rows[i].what, t.killed, rows[i].killed);
  }
}

/* In MiB. Of those that took more than was said, the one that is told exceeded it by the largest factor, not by most bytes. */
static void memory_is_held_against_what_was_said(void)
{
  static const struct {
    const char *what;
    uint64_t index, took, said, tasks, worst;
  } rows[] = {
    {"nobody says", 1, 900, 0, 0, 0},
    {"as said", 2, 300, 300, 0, 0},
    {"less", 3, 100, 300, 0, 0},
    {"of a kind that tells no memory", 4, 0, 300, 0, 0},
    {"a little more", 5, 301, 300, 1, 5},
    {"twice as much", 6, 20, 10, 2, 6},
    {"many bytes more, by a smaller factor", 7, 900, 600, 3, 6},
    {"as much again", 8, 40, 20, 4, 6},
    {"three times as much", 0, 30, 10, 5, 0},
  };
  struct amz_tally t = {0};

  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    const struct amz_result r = {.outcome = AMZ_SUCCEEDED, .start_ns = 1, .wall_ns = 1, .max_rss_bytes = rows[i].took << 20};

    amz_tally_hold_memory(&t, &r, rows[i].index, rows[i].said << 20);
    ASSERT_ROW_U64(rows[i].what, t.outgrown.tasks, rows[i].tasks);
    ASSERT_ROW_U64(rows[i].what, t.outgrown.index, rows[i].worst);
  }
  ASSERT_U64(t.outgrown.bytes, 30 << 20);
  ASSERT_U64(t.outgrown.said_bytes, 10 << 20);
}

static void layouts(void)
{
  static const struct {
    const char *what;
    uint32_t resource_threads, plan_threads, slots, max_workers, cores;
    uint64_t tasks;
    uint32_t expected_slots, expected_threads;
  } rows[] = {
    {"a slot a core", 1, AMZ_AUTO, AMZ_AUTO, AMZ_AUTO, 8, 1000, 8, 1},
    {"four threads a task", 4, AMZ_AUTO, AMZ_AUTO, AMZ_AUTO, 10, 1000, 2, 4},
    {"more threads than cores", 16, AMZ_AUTO, AMZ_AUTO, AMZ_AUTO, 8, 1000, 1, 16},
    {"the plan's threads win", 4, 2, AMZ_AUTO, AMZ_AUTO, 8, 1000, 4, 2},
    {"threads auto is one until it is measured", AMZ_AUTO, AMZ_AUTO, AMZ_AUTO, AMZ_AUTO, 8, 1000, 8, 1},
    {"slots given may exceed the cores", 1, AMZ_AUTO, 16, AMZ_AUTO, 2, 1000, 16, 1},
    {"slots given hold for few tasks too", 1, AMZ_AUTO, 16, AMZ_AUTO, 2, 3, 16, 1},
    {"max_workers bounds", 1, AMZ_AUTO, AMZ_AUTO, 3, 8, 1000, 3, 1},
    {"no more slots than tasks", 1, AMZ_AUTO, AMZ_AUTO, AMZ_AUTO, 64, 5, 5, 1},
  };

  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    struct amz_settings s;
    struct amz_layout layout;

    memset(&s, 0, sizeof s);
    s.resources.threads = rows[i].resource_threads;
    s.plan.threads_per_task = rows[i].plan_threads;
    s.plan.slots_per_rank = rows[i].slots;
    s.plan.max_workers = rows[i].max_workers;
    amz_layout_choose(&s, rows[i].cores, rows[i].tasks, &layout);
    ASSERT_ROW_U64(rows[i].what, layout.slots, rows[i].expected_slots);
    ASSERT_ROW_U64(rows[i].what, layout.threads, rows[i].expected_threads);
    ASSERT_ROW_U64(rows[i].what, layout.ranks, 1);
  }
}

/* A thousand tasks of 2 ms each from 5 s on, then four of 1 s from 4 s on. */
static void test_bulks(void)
{
  const struct amz_bulk tiny = {.first = 0, .count = 1000, .attempt = 1, .start_ns = INT64_C(5000000000), .wall_s = 2};
  const struct amz_bulk few = {.first = 1000, .count = 4, .attempt = 1, .start_ns = INT64_C(4000000000), .wall_s = 4};
  struct amz_tally t = {0};

  amz_tally_add_bulk(&t, &tiny);
  CU_ASSERT_DOUBLE_EQUAL(amz_tally_makespan(&t), 2, 1e-9);
  amz_tally_add_bulk(&t, &few);
  ASSERT_U64(t.succeeded, 1004);
  ASSERT_U64(t.ran, 1004);
  CU_ASSERT_DOUBLE_EQUAL(t.max_s, 1, 1e-9);
  CU_ASSERT_DOUBLE_EQUAL(amz_tally_makespan(&t), 4, 1e-9);
  CU_ASSERT_DOUBLE_EQUAL(amz_tally_utilisation(&t, 2, 4), 0.75, 1e-9);
  ASSERT_U64(t.n_slowest, 0); /* which were the slowest isn't known */
}

int main(void)
{
  static const struct amz_test tests[] = {
    {"counts by hand", counts_by_hand},
    {"keeps the slowest in order", keeps_the_slowest_in_order},
    {"kills are counted", kills_are_counted},
    {"memory is held against what was said", memory_is_held_against_what_was_said},
    {"layouts", layouts},
    {"stretches", test_bulks},
    {NULL, NULL},
  };

  return amz_test_main("tally", tests, 0);
}
