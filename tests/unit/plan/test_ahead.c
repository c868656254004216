/* What a plan makes of the state that a run is in: tasks that run already, CPUs that others had, a node measured while it was
 * busy. Oracles: schedules and formulas worked out by hand. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <amorsize/plan.h>

#include "../../support/tap.h"

#define MOST 4u

/* ---- tasks that run ------------------------------------------------------------------------------------------------------ */

/* All tasks take a second. */
static const struct {
  const char *row;
  uint64_t left;
  uint32_t slots;
  double for_s[MOST]; /* < 0: nothing more runs */
  double makespan_s;
  double start_s;     /* one start behind the other */
} rounds[] = {
  {"nothing runs: two rounds", 4, 2, {-1}, 2, 0},
  {"an odd one is a round of its own", 5, 2, {-1}, 3, 0},
  {"one is about to end: its slot takes the next one", 4, 2, {0.99, -1}, 2, 0},
  {"both are half done", 4, 2, {0.5, 0.5, -1}, 1.5, 0},
  {"one is half done, the other begins: the third waits for the first", 3, 2, {0.5, 0, -1}, 1.5, 0},
  {"one of three for two is nearly done", 3, 2, {0.75, 0.25, -1}, 1.25, 0},
  {"all run: the last one to end", 2, 2, {0.25, 0.75, -1}, 0.75, 0},
  {"the last one", 1, 2, {0.875, -1}, 0.125, 0},
  {"more slots than tasks", 3, 8, {0.5, -1}, 1, 0},
  {"it should have ended: it may at any moment", 1, 1, {1, -1}, 0, 0},
  {"it has outlasted all that was seen by half a second: as much again", 1, 1, {1.5, -1}, 0.5, 0},
  {"what runs needs no start", 4, 4, {0.5, 0.5, 0.5, 0.5}, 0.5, 0.01},
  {"slots that are free start theirs at once, whatever runs beside them", 4, 4, {0.5, 0.5, -1}, 1.02, 0.01},
  {"but those behind it do, one behind the other", 8, 4, {0.5, 0.5, 0.5, 0.5}, 1.54, 0.01},
};

static struct amz_workload seconds(uint64_t tasks)
{
  struct amz_observation seen[5];
  struct amz_workload w;

  for (size_t i = 0; i < 5; i++)
    seen[i] = (struct amz_observation){.index = i, .threads = 1, .busy = 2, .wall_s = 1, .cpu_s = 1};
  CU_ASSERT_EQUAL_FATAL(amz_workload_fit(seen, 5, tasks, 0.95, &w), AMZ_OK);
  w.apart = true;
  return w;
}

static void test_rounds(void)
{
  for (size_t i = 0; i < sizeof rounds / sizeof *rounds; i++) {
    struct amz_workload w = seconds(rounds[i].left);
    struct amz_in_hand running[MOST];
    const struct amz_quantity start_s = {rounds[i].start_s, rounds[i].start_s, rounds[i].start_s, 9, AMZ_SAMPLED};
    struct amz_plan_input in = {.work = &w, .in_hand = running, .costs = {.gap_s = start_s, .start_s = start_s}};
    double round_s = rounds[i].left > rounds[i].slots ? 0.45 : 0; /* of a second: where tasks have to wait for their turn */
    struct amz_candidate c;

    while (in.n_in_hand < MOST && rounds[i].for_s[in.n_in_hand] >= 0) {
      running[in.n_in_hand].for_s = rounds[i].for_s[in.n_in_hand];
      in.n_in_hand++;
    }
    amz_workload_rest(&w, running, in.n_in_hand);
    ASSERT_ROW_I64(rounds[i].row, amz_plan_foretell(&in, rounds[i].slots, &c), AMZ_OK);
    if (fabs(c.makespan_s - rounds[i].makespan_s) > 0.002 || fabs(c.interval_s[1] - c.makespan_s - round_s) > 0.002 ||
        fabs(c.makespan_s - c.interval_s[0] - fmin(round_s, c.makespan_s)) > 0.002) {
      printf("# %s: %.4f s (%.4f to %.4f) instead of %.4f\n", rounds[i].row, c.makespan_s, c.interval_s[0], c.interval_s[1],
             rounds[i].makespan_s);
      CU_FAIL("a round");
    }
    amz_workload_clear(&w);
  }
}

/* Seconds since tasks were given to who starts them, one at a time. */
static void test_queue(void)
{
  static const struct {
    const char *row;
    double start_s;
    double given_s[4], expected[4];
  } rows[] = {
    {"all at once: each begins a start behind the one before it", 0.1, {1, 1, 1, 1}, {1, 0.9, 0.8, 0.7}},
    {"just now: all but the first are yet to begin", 0.1, {0, 0, 0, 0}, {0, -0.1, -0.2, -0.3}},
    {"one at a time", 0.1, {4, 3, 2, 1}, {4, 3, 2, 1}},
    {"in whatever sequence; those that come while others are being started wait for these", 0.25, {1, 0.5, 1, 1},
     {1, 0.75, 0.5, 0.25}},
    {"it isn't known what a start takes", 0, {1, 2, 2, 3}, {1, 2, 2, 3}},
  };

  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    double for_s[4];

    memcpy(for_s, rows[i].given_s, sizeof for_s);
    amz_in_hand_queue(for_s, 4, rows[i].start_s);
    for (size_t k = 0; k < 4; k++)
      if (fabs(for_s[k] - rows[i].expected[k]) > 1e-12) {
        printf("# %s: %.3f instead of %.3f\n", rows[i].row, for_s[k], rows[i].expected[k]);
        CU_FAIL("the queue in front of who starts");
      }
  }
  amz_in_hand_queue(NULL, 0, 1);
}

/* Tasks of a second on 4 slots; what a start takes is known to a half. Those that are yet to begin make the run longer by that,
 * and their starts are in doubt, as are those that free slots will make; starts behind them, one for each end, are not: they
 * happen while others run. */
static void test_doubt_of_starts(void)
{
  static const struct {
    const char *row;
    uint64_t left;
    double for_s[4];
    size_t n;
    double makespan_s, doubt_s;
  } rows[] = {
    {"all have begun", 4, {0.5, 0.5, 0.5, 0.5}, 4, 0.5, 0},
    {"the last begins in 0.3 s", 4, {0, -0.1, -0.2, -0.3}, 4, 1.3, 0.15},
    {"none was given to anyone yet: the first begins now", 4, {0}, 0, 1.3, 0.15},
  };

  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    struct amz_workload w = seconds(rows[i].left);
    struct amz_in_hand running[4];
    const struct amz_quantity start_s = {0.1, 0.05, 0.15, 9, AMZ_SAMPLED};
    struct amz_plan_input in = {.work = &w, .in_hand = running, .n_in_hand = rows[i].n,
                                .costs = {.gap_s = start_s, .start_s = start_s}};
    struct amz_candidate c;

    for (size_t k = 0; k < rows[i].n; k++)
      running[k].for_s = rows[i].for_s[k];
    amz_workload_rest(&w, running, rows[i].n);
    ASSERT_ROW_I64(rows[i].row, amz_plan_foretell(&in, 4, &c), AMZ_OK);
    if (fabs(c.makespan_s - rows[i].makespan_s) > 0.002 || fabs(c.interval_s[1] - c.makespan_s - rows[i].doubt_s) > 0.002) {
      printf("# %s: %.4f s (%.4f to %.4f)\n", rows[i].row, c.makespan_s, c.interval_s[0], c.interval_s[1]);
      CU_FAIL("starts to come");
    }
    amz_workload_clear(&w);
  }
}

/* Of 1, 2 and 4 s: who has had 1.5 s has the mean of 0.5 and 2.5 s left. */
static void test_rest(void)
{
  static const double wall_s[] = {1, 2, 4}, expected[][2] = {{0, 7.0 / 3}, {0.5, 11.0 / 6}, {1, 2}, {1.5, 1.5}, {3, 1}, {4, 0},
                                                             {6, 2}};
  struct amz_observation seen[3];
  struct amz_workload w;

  for (size_t i = 0; i < 3; i++)
    seen[i] = (struct amz_observation){.index = (i * 2) % 3, .threads = 1, .busy = 1, .wall_s = wall_s[i], .cpu_s = wall_s[i]};
  ASSERT_I64(amz_workload_fit(seen, 3, 10, 0.95, &w), AMZ_OK);
  for (size_t i = 0; i < sizeof expected / sizeof *expected; i++) {
    struct amz_in_hand task = {.for_s = expected[i][0]};
    double drawn = 0;

    amz_workload_rest(&w, &task, 1);
    CU_ASSERT_DOUBLE_EQUAL(task.rest_s, expected[i][1], 1e-12);
    for (uint64_t k = 0; k < 6; k++) /* of one, two or three, each as often */
      drawn += amz_workload_rest_drawn(&w, task.for_s, k) / 6;
    CU_ASSERT_DOUBLE_EQUAL(drawn, expected[i][1], 1e-12);
  }
  amz_workload_clear(&w);
}

/* ---- the machine --------------------------------------------------------------------------------------------------------- */

struct machine {
  struct amz_node node;
  struct amz_node_domain domain;
  struct amz_curve_point phi[2];
};

static void make_machine(struct machine *m, double phi)
{
  memset(m, 0, sizeof *m);
  m->node = (struct amz_node){.packages = 1, .cores = 2, .units = 2, .allowed_cores = 2, .allowed_cpu = 2, .domains = &m->domain,
                              .n_domains = 1,
                              .slowdown = m->phi, .n_slowdown = 2};
  m->domain = (struct amz_node_domain){.cores = 2, .allowed_cores = 2};
  for (uint32_t i = 0; i < 2; i++)
    m->phi[i] = (struct amz_curve_point){AMZ_ALL_DOMAINS, i + 1, {i ? phi : 1, i ? phi : 1, i ? phi : 1, 9, AMZ_MEASURED}};
}

/* `alone` tasks alone, ten beside another one; they waited for CPUs for a share of their time. */
static struct amz_workload sampled(size_t alone, double waited)
{
  struct amz_observation seen[20];
  struct amz_workload w;
  size_t n = 0;

  for (; n < alone + 10; n++) {
    double wall_s = n % 2 ? 1.02 : 0.98;

    seen[n] = (struct amz_observation){.index = (7 * n) % 20, .threads = 1, .busy = n < alone ? 1 : 2, .wall_s = wall_s,
                                       .cpu_s = wall_s * (1 - waited),
                                       .waited_s = wall_s * waited};
  }
  CU_ASSERT_EQUAL_FATAL(amz_workload_fit(seen, n, 1000, 0.95, &w), AMZ_OK);
  w.apart = true;
  return w;
}

/* A node whose profile says that two busy cores do no more than one, as other work kept them busy; tasks that were seen to lose
 * nothing say otherwise. */
static void test_phi(void)
{
  for (size_t alone = 0; alone <= 4; alone += 4) {
    struct amz_workload w = sampled(alone, 0);
    struct machine m;
    struct amz_plan_nodes nodes = {&m.node, 1, 1};
    struct amz_plan_input in = {.work = &w, .nodes = &nodes, .n_nodes = 1, .replicates = 2, .chunk_budget = 20000,
      .want = {.nodes = AMZ_AUTO, .ranks_per_node = AMZ_AUTO, .slots_per_rank = AMZ_AUTO, .threads_per_task = AMZ_AUTO,
               .max_workers = AMZ_AUTO}};
    struct amz_plan plan = {.n_others = 0};
    struct amz_error err = {0};

    make_machine(&m, 1.9);
    ASSERT_I64(amz_plan_make(&in, &plan, &err), AMZ_OK);
    ASSERT_U64(plan.chosen.slots, alone ? 2 : 1);
    CU_ASSERT_DOUBLE_EQUAL(plan.serial.task_s, alone ? 1 / w.slowdown.high : 1 / 1.9, alone ? 1e-9 : 0.01);
    amz_plan_clear(&plan);
    amz_workload_clear(&w);
  }
}

/* Where a third of the time was spent waiting for CPUs that others had, it may be none or twice as much later. */
static void test_starved(void)
{
  const struct amz_plan_layout layout = {1, 1, 2, 1};
  struct amz_workload w = sampled(0, 0.3);
  struct machine m;
  struct amz_plan_nodes nodes = {&m.node, 1, 1};
  struct amz_plan_input in = {.work = &w, .nodes = &nodes, .n_nodes = 1, .unforeseen = amz_assumed(0.05)};
  struct amz_candidate c;

  make_machine(&m, 1);
  CU_ASSERT_DOUBLE_EQUAL(w.starved, 0.3, 1e-9);
  CU_ASSERT_DOUBLE_EQUAL(w.cpu_share, 1, 0.01);
  ASSERT_I64(w.kind, AMZ_WORK_CPU);
  CU_ASSERT_DOUBLE_EQUAL(amz_plan_unforeseen(&in), sqrt(0.3 * 0.3 + 0.05 * 0.05), 1e-9);
  ASSERT_I64(amz_plan_score(&in, &layout, &c), AMZ_OK);
  CU_ASSERT(c.interval_s[0] < 0.7 * c.makespan_s && c.interval_s[1] > 1.3 * c.makespan_s);
  w.starved = 0; /* nobody has counted: on a machine whose tasks wait all the time it is what they didn't compute */
  w.cpu_share = w.cpu_per_wall = 0.6;
  CU_ASSERT_DOUBLE_EQUAL(amz_plan_unforeseen(&in), 0.05, 1e-9);
  m.node.load.cpu_pressure = 1;
  CU_ASSERT_DOUBLE_EQUAL(amz_plan_unforeseen(&in), sqrt(0.4 * 0.4 + 0.05 * 0.05), 1e-9);
  w.starved = 0.5; /* half of the time was counted, and of the rest 0.4 were not */
  CU_ASSERT_DOUBLE_EQUAL(amz_plan_unforeseen(&in), sqrt(0.7 * 0.7 + 0.05 * 0.05), 1e-9);
  amz_workload_clear(&w);
}

/* What two threads bring is known from few tasks: 1.6 times as fast, give or take. Under the sample's own layout that doesn't
 * matter. */
static void test_threads(void)
{
  const struct amz_plan_layout one = {1, 1, 2, 1}, two = {1, 1, 1, 2};
  struct amz_observation seen[9];
  struct machine m;
  struct amz_plan_nodes nodes = {&m.node, 1, 1};
  struct amz_plan_input in = {.nodes = &nodes, .n_nodes = 1};
  struct amz_workload w;
  struct amz_candidate a, b;

  make_machine(&m, 1);
  for (size_t i = 0; i < 9; i++) {
    double wall_s = (i < 6 ? 1.6 : 1) * (1 + 0.05 * ((double)(i % 3) - 1));

    seen[i] = (struct amz_observation){.index = (4 * i) % 9, .threads = i < 6 ? 1 : 2, .busy = i < 6 ? 2 : 1, .wall_s = wall_s,
                                       .cpu_s = i < 6 ? wall_s : 1.6};
  }
  ASSERT_I64(amz_workload_fit(seen, 9, 10000, 0.95, &w), AMZ_OK);
  w.apart = true;
  in.work = &w;
  ASSERT_I64(amz_plan_score(&in, &one, &a), AMZ_OK);
  ASSERT_I64(amz_plan_score(&in, &two, &b), AMZ_OK);
  /* CV 0.05 about; Student's t with 6 degrees of freedom is 2.447 (95 %): 2.447 · 0.05 · √(1/6 + 1/3) is 8.7 % */
  CU_ASSERT(a.interval_s[1] / a.makespan_s < 1.06);
  CU_ASSERT(b.interval_s[1] / b.makespan_s > 1.07 && b.interval_s[1] / b.makespan_s < 1.13);
  amz_workload_clear(&w);
}

int main(void)
{
  static const struct amz_test tests[] = {{"rounds of tasks of which some run", test_rounds},
    {"tasks that wait for their start", test_queue}, {"starts that are to come", test_doubt_of_starts},
    {"what is left of a task", test_rest},
    {"a node measured while it was busy", test_phi}, {"CPUs that others had", test_starved},
    {"threads of which little is known", test_threads}, {NULL, NULL}};

  return amz_test_main("plan: in the midst of a run", tests, 0);
}
