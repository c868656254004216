/* Plans for workloads and machines made by hand: invariants over many of them, and single ones whose right answer is plain. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <amorsize/plan.h>
#include <amorsize/policy.h>
#include <amorsize/rng.h>

#include "../../support/tap.h"

#define GIB (UINT64_C(1) << 30)

/* ---- machines --------------------------------------------------------------------------------------------------------- */

struct machine {
  struct amz_node node;
  struct amz_node_domain domains[8];
  struct amz_curve_point bandwidth[24], phi[2];
  struct amz_node_gpu gpus[8];
};

/* `cores` cores over `domains` domains; the bandwidth of a domain saturates at a quarter of its cores. */
static void make_machine(struct machine *m, uint32_t cores, uint32_t domains, uint64_t memory)
{
  uint32_t each = cores / domains, full = each / 4 ? each / 4 : 1;

  memset(m, 0, sizeof *m);
  m->node = (struct amz_node){.packages = 1, .cores = cores, .units = cores, .allowed_cores = cores, .allowed_cpu = cores,
    .memory_bytes = memory,
    .allowed_memory_bytes = memory, .domains = m->domains, .n_domains = domains, .bandwidth = m->bandwidth, .slowdown = m->phi};
  for (uint32_t d = 0; d < domains; d++) {
    m->domains[d] = (struct amz_node_domain){.os_index = d, .cores = each, .allowed_cores = each,
                                             .memory_bytes = memory / domains};
    for (uint32_t k = 0; k < 2; k++) {
      uint32_t c = k ? each : full;
      double rate = 1e10 * full;

      m->bandwidth[m->node.n_bandwidth++] = (struct amz_curve_point){d, c, {rate, rate, rate, 5, AMZ_MEASURED}};
    }
    m->bandwidth[m->node.n_bandwidth++] = (struct amz_curve_point){d, 1, {1e10, 1e10, 1e10, 5, AMZ_MEASURED}};
  }
}

/* ---- workloads -------------------------------------------------------------------------------------------------------- */

static double *drawn(size_t n, double mean, double cv, uint64_t seed)
{
  double *x = malloc(n * sizeof *x), sigma2 = log(1 + cv * cv);
  struct amz_rng rng;

  if (!x)
    abort();
  amz_rng_seed(&rng, seed);
  for (size_t i = 0; i < n; i++)
    x[i] = mean * exp(sqrt(sigma2) * amz_rng_normal(&rng) - sigma2 / 2);
  return x;
}

/* Sampled alone on its node, one thread. */
static struct amz_workload made(uint64_t tasks, double mean, double cv, double cpu)
{
  struct amz_observation seen[50];
  double *x = drawn(50, mean, cv, 5);
  struct amz_workload w;

  for (size_t i = 0; i < 50; i++)
    seen[i] = (struct amz_observation){.index = i, .threads = 1, .busy = 1, .wall_s = x[i], .cpu_s = cpu * x[i],
                                       .rss_bytes = 10 << 20};
  CU_ASSERT_EQUAL_FATAL(amz_workload_fit(seen, 50, tasks, 0.95, &w), AMZ_OK);
  free(x);
  return w;
}

static struct amz_plan_want nothing_given(void)
{
  return (struct amz_plan_want){.goal = AMZ_GOAL_TIME, .nodes = AMZ_AUTO, .ranks_per_node = AMZ_AUTO, .slots_per_rank = AMZ_AUTO,
    .threads_per_task = AMZ_AUTO, .max_workers = AMZ_AUTO, .policy = "fac2"};
}

static struct amz_quantity measured(double x)
{
  return (struct amz_quantity){x, x, x, 5, AMZ_MEASURED};
}

static struct amz_plan_costs usual_costs(void)
{
  return (struct amz_plan_costs){.gap_s = measured(0.0005), .chunk_s = measured(0.0001), .service_s = measured(2e-6),
    .launch_base_s = measured(0.4), .launch_per_rank_s = measured(0.05)};
}

/* Tasks that never vary leave nothing but the unforeseen; of what varies, independent deviations add as squares do. */
static void test_unforeseen(void)
{
  const struct amz_plan_layout layout = {1, 1, 4, 1};
  struct machine m;
  struct amz_plan_nodes nodes = {&m.node, 1, 1};
  struct amz_candidate without, with;

  make_machine(&m, 4, 1, 64 * GIB);
  for (int varied = 0; varied < 2; varied++) {
    struct amz_workload w = made(1000, 0.1, varied ? 0.5 : 0, 1);
    struct amz_plan_input in = {.work = &w, .nodes = &nodes, .n_nodes = 1, .want = nothing_given(), .costs = usual_costs()};

    ASSERT_I64(amz_plan_score(&in, &layout, &without), AMZ_OK);
    in.unforeseen = amz_assumed(0.1);
    ASSERT_I64(amz_plan_score(&in, &layout, &with), AMZ_OK);
    CU_ASSERT_DOUBLE_EQUAL(with.makespan_s, without.makespan_s, 1e-12);
    for (int k = 0; k < 2; k++) {
      double off = without.interval_s[k] / without.makespan_s - 1;

      CU_ASSERT(varied ? fabs(off) > 0.005 : fabs(off) < 1e-9);
      CU_ASSERT_DOUBLE_EQUAL(fabs(with.interval_s[k] / with.makespan_s - 1), sqrt(off * off + 0.01), 1e-9);
    }
    amz_workload_clear(&w);
  }
}

static struct amz_plan plan_for(const struct amz_workload *w, const struct amz_plan_nodes *nodes, size_t n,
                                struct amz_plan_want want)
{
  struct amz_plan_input in = {.work = w, .nodes = nodes, .n_nodes = n, .want = want, .costs = usual_costs(), .replicates = 3,
                              .chunk_budget = 60000};
  struct amz_plan plan = {.n_others = 0};
  struct amz_error err = {0};

  ASSERT_I64(amz_plan_make(&in, &plan, &err), AMZ_OK);
  return plan;
}

static bool has_reason(const struct amz_plan *plan, const char *what, const char *part)
{
  for (size_t i = 0; i < plan->n_reasons; i++)
    if (strcmp(plan->reasons[i].what, what) == 0 && strstr(plan->reasons[i].text, part))
      return true;
  return false;
}

static bool has_lift(const struct amz_plan *plan, const char *what, const char *part)
{
  for (size_t i = 0; i < plan->n_reasons; i++)
    if (strcmp(plan->reasons[i].what, what) == 0 && strstr(plan->reasons[i].lift, part))
      return true;
  return false;
}

/* ---- single plans ----------------------------------------------------------------------------------------------------- */

static void test_plain(void)
{
  struct machine m;
  struct amz_plan_nodes nodes = {&m.node, 1, 1};
  struct amz_workload w = made(10000, 0.1, 0.3, 1);
  struct amz_plan plan;

  make_machine(&m, 16, 1, 64 * GIB);
  plan = plan_for(&w, &nodes, 1, nothing_given());
  ASSERT_U64(plan.chosen.layout.nodes, 1);
  ASSERT_U64(plan.chosen.layout.ranks_per_node, 1);
  ASSERT_U64(plan.chosen.layout.slots_per_rank, 16);
  ASSERT_U64(plan.chosen.layout.threads, 1);
  CU_ASSERT_TRUE(plan.chosen.simulated);
  /* 10 000 tasks of 100.5 ms on 16 slots */
  CU_ASSERT(fabs(plan.chosen.makespan_s / (10000 * (w.mean_s.value + 0.0005) / 16) - 1) < 0.03);
  CU_ASSERT(plan.chosen.interval_s[0] < plan.chosen.makespan_s && plan.chosen.makespan_s < plan.chosen.interval_s[1]);
  CU_ASSERT(plan.chosen.efficiency > 0.95 && plan.chosen.efficiency < 1.01);
  CU_ASSERT(plan.break_even_tasks >= 2 && plan.break_even_tasks < 100);
  amz_plan_clear(&plan);
  amz_workload_clear(&w);
}

/* What the Python original gets wrong: 100 tasks of 10 ms, 64 cores, 15 ms to start something: it answers "serial". */
static void test_few_short_tasks(void)
{
  struct machine m;
  struct amz_plan_nodes nodes = {&m.node, 1, 1};
  struct amz_workload w = made(100, 0.01, 0.1, 1);
  struct amz_plan plan;

  make_machine(&m, 64, 1, 64 * GIB);
  plan = plan_for(&w, &nodes, 1, nothing_given());
  /* two waves of 50 are as good as 64 */
  CU_ASSERT(plan.chosen.layout.slots_per_rank >= 40 && plan.chosen.layout.slots_per_rank <= 64);
  CU_ASSERT(plan.chosen.speedup > 20);
  amz_plan_clear(&plan);
  amz_workload_clear(&w);
}

/* Nodes cost a launch: a second of work isn't worth them. */
static void test_not_worth_a_launch(void)
{
  struct machine m;
  struct amz_plan_nodes nodes = {&m.node, 16, 1};
  struct amz_workload w = made(200, 0.01, 0.1, 1), one = made(1, 0.01, 0, 1);
  struct amz_plan plan;

  make_machine(&m, 8, 1, 64 * GIB);
  plan = plan_for(&w, &nodes, 1, nothing_given());
  ASSERT_U64(plan.chosen.layout.nodes, 1);
  amz_plan_clear(&plan);
  plan = plan_for(&one, &nodes, 1, nothing_given());
  ASSERT_U64(plan.chosen.slots, 1);
  amz_plan_clear(&plan);
  amz_workload_clear(&w);
  amz_workload_clear(&one);
}

/* Two cores that compute 1.75 times as long when both are busy gain 14 %, by hand, however many tasks there are: one slot, which
 * is a layout once and not among the others. */
static void test_serial(void)
{
  struct machine m;
  struct amz_plan_nodes nodes = {&m.node, 1, 1};
  struct amz_workload w = made(1000, 0.1, 0.1, 1), few = made(10, 0.05, 0.001, 1);
  struct amz_plan plan;

  make_machine(&m, 2, 1, 64 * GIB);
  m.phi[0] = (struct amz_curve_point){0, 1, measured(1)};
  m.phi[1] = (struct amz_curve_point){0, 2, measured(1.75)};
  m.node.n_slowdown = 2;
  plan = plan_for(&w, &nodes, 1, nothing_given());
  ASSERT_U64(plan.chosen.slots, 1);
  CU_ASSERT_PTR_NOT_NULL(strstr(plan.why, "more slots would gain less than a fifth"));
  CU_ASSERT_TRUE(plan.chosen.simulated);
  ASSERT_U64(plan.n_others, 1);
  ASSERT_U64(plan.others[0].slots, 2);
  CU_ASSERT(plan.break_even_tasks < 1); /* never: each task costs 0.875 of one, and 1.2 times that is more */
  amz_plan_clear(&plan);
  /* Half a second of work on nodes of one core, of which two cost a launch: usual_costs has 0.45 s. A task of 50.5 ms saves 0.4
   * of that against 1.2 times the half, and 1.2 times the launch, and a task that may end late, are to be saved: from about 27 to
   * 30 tasks on. */
  make_machine(&m, 1, 1, 64 * GIB);
  nodes.count = 2;
  plan = plan_for(&few, &nodes, 1, nothing_given());
  ASSERT_U64(plan.chosen.slots, 1);
  CU_ASSERT(plan.break_even_tasks >= 26 && plan.break_even_tasks <= 31);
  amz_plan_clear(&plan);
  amz_workload_clear(&w);
  amz_workload_clear(&few);
}

static void test_memory(void)
{
  struct machine m;
  struct amz_plan_nodes nodes = {&m.node, 1, 1};
  struct amz_workload w = made(1000, 1, 0.1, 1);
  struct amz_plan_want want = nothing_given();
  struct amz_plan_input in = {.work = &w, .nodes = &nodes, .n_nodes = 1};
  struct amz_plan plan;
  struct amz_error err = {0};

  make_machine(&m, 16, 1, GIB);
  want.memory_bytes = 300 << 20; /* 0.8 GiB hold two */
  plan = plan_for(&w, &nodes, 1, want);
  ASSERT_U64(plan.chosen.slots, 2);
  CU_ASSERT_TRUE(has_reason(&plan, "memory", "2 slots a node instead of 16"));
  amz_plan_clear(&plan);
  want.slots_per_rank = 12; /* more than cores is the user's business, more than memory isn't: as a run has it */
  plan = plan_for(&w, &nodes, 1, want);
  ASSERT_U64(plan.chosen.slots, 2);
  CU_ASSERT_TRUE(has_reason(&plan, "memory", "2 slots a node instead of 12: 300.0 MiB a task (given)"));
  CU_ASSERT_TRUE(has_reason(&plan, "given", "slots_per_rank: 12 were given, and 2 fit"));
  amz_plan_clear(&plan);
  want.launched = true; /* what is there stays */
  want.nodes = want.ranks_per_node = 1;
  plan = plan_for(&w, &nodes, 1, want);
  ASSERT_U64(plan.chosen.slots, 12);
  amz_plan_clear(&plan);
  want.slots_per_rank = AMZ_AUTO;
  want.launched = false;
  want.nodes = want.ranks_per_node = AMZ_AUTO;
  want.memory_ignore = true;
  plan = plan_for(&w, &nodes, 1, want);
  ASSERT_U64(plan.chosen.slots, 16);
  CU_ASSERT_FALSE(has_reason(&plan, "memory", ""));
  CU_ASSERT_TRUE(plan.n_recommendations >= 1 && strstr(plan.recommendations[0].text, "the kernel may end some"));
  amz_plan_clear(&plan);
  want.memory_ignore = false;
  want.memory_bytes = 2 * GIB;
  in.want = want;
  ASSERT_I64(amz_plan_make(&in, &plan, &err), AMZ_ERANGE);
  CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "not one task fits: it needs 2.0 GiB"));
  amz_workload_clear(&w);
}

/* Who can't have what is sought hears what it is that keeps him from it, and what would help. */
static void test_infeasible(void)
{
  static const struct {
    const char *what;
    uint64_t memory;
    uint32_t gpus, threads, ranks, workers;
    size_t kinds;
    const char *says;
  } rows[] = {
    {"memory", 40 * GIB, 0, AMZ_AUTO, AMZ_AUTO, AMZ_AUTO, 1, "it needs 40.0 GiB, and 80 % of 16.0 GiB are for tasks"},
    {"memory, of two kinds: the larger one counts", 40 * GIB, 0, AMZ_AUTO, AMZ_AUTO, AMZ_AUTO, 2,
     "it needs 40.0 GiB, and 80 % of 32.0 GiB are for tasks; larger nodes, or plan.memory: ignore"},
    {"GPUs", 0, 2, AMZ_AUTO, AMZ_AUTO, AMZ_AUTO, 1, "it needs 2 GPUs of a node, and 0 may be used"},
    {"threads", 0, 0, 16, AMZ_AUTO, AMZ_AUTO, 1, "it needs 16 cores, and 8 are ours; larger nodes, or fewer threads"},
    {"workers", 0, 0, AMZ_AUTO, 4, 2, 1, "plan.max_workers is 2, and 4 ranks want a slot each"},
    {"ranks", 0, 0, AMZ_AUTO, 9, AMZ_AUTO, 1, "9 ranks on a node want a slot each, and there is room for 8"},
  };

  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    struct machine m, large;
    struct amz_plan_nodes nodes[] = {{&m.node, 1, 1}, {&large.node, 1, 1}};
    struct amz_workload w = made(1000, 1, 0.1, 1);
    struct amz_plan_input in = {.work = &w, .nodes = nodes, .n_nodes = rows[i].kinds, .want = nothing_given()};
    struct amz_error err = {.text = ""};
    struct amz_plan plan;

    make_machine(&m, 8, 1, 16 * GIB);
    make_machine(&large, 8, 1, 32 * GIB);
    in.want.memory_bytes = rows[i].memory;
    in.want.gpus = rows[i].gpus;
    in.want.threads_per_task = rows[i].threads;
    in.want.ranks_per_node = rows[i].ranks;
    in.want.max_workers = rows[i].workers;
    ASSERT_ROW_I64(rows[i].what, amz_plan_make(&in, &plan, &err), AMZ_ERANGE);
    if (!strstr(err.text, rows[i].says))
      ASSERT_ROW_TEXT(rows[i].what, err.text, rows[i].says);
    amz_workload_clear(&w);
  }
}

/* A bound that holds on nodes of one kind alone is told of that kind. */
static void test_gpus_of_kinds(void)
{
  struct machine many, few;
  struct amz_plan_nodes nodes[] = {{&many.node, 1, 1}, {&few.node, 1, 1}};
  struct amz_workload w = made(1000, 1, 0.1, 1);
  struct amz_plan_want want = nothing_given();
  struct amz_plan plan;

  make_machine(&many, 8, 1, 64 * GIB);
  make_machine(&few, 8, 1, 64 * GIB);
  for (size_t i = 0; i < 8; i++)
    many.gpus[i].usable = few.gpus[i].usable = true;
  many.node.gpus = many.gpus;
  many.node.n_gpus = 8;
  few.node.host = (char *)"g2";
  few.node.gpus = few.gpus;
  few.node.n_gpus = 2;
  want.gpus = 1;
  plan = plan_for(&w, nodes, 2, want);
  ASSERT_U64(plan.chosen.slots, 10);
  CU_ASSERT_TRUE(has_reason(&plan, "gpus", "2 slots a node like g2 (8 cores) instead of 8: a task takes 1 GPU"));
  CU_ASSERT_FALSE(has_reason(&plan, "gpus", "8 slots"));
  amz_plan_clear(&plan);
  amz_workload_clear(&w);
}

/* Each advice is given where there is reason to, and not to a plan without any. */
static void test_advice(void)
{
  static struct amz_finding throttled = {AMZ_FINDING_WARNING, (char *)"CPU 3 is throttled to 1.2 GHz of 3.5",
                                         (char *)"see to its cooling"};
  static const struct {
    const char *what;
    uint64_t tasks, memory;
    double mean_s, cv, gap_s, chunk_s;
    uint32_t ranks, failed;
    bool throttled;
    const char *says; /* NULL: nothing at all */
    enum amz_task_kind way;
    double starved, slowdown;
    const char *says_not;
  } rows[] = {
    {"all is well", 10000, 0, 0.1, 0.1, 0.0005, 0.0001, AMZ_AUTO, 0, false, NULL,
     AMZ_TASK_COMMAND, 0, 0, NULL},
    {"launching two ranks for a second of work", 80, 0, 0.1, 0.1, 0.0005, 0.0001, 2, 0, false, "launching the ranks takes ",
     AMZ_TASK_COMMAND, 0, 0, NULL},
    {"a chunk's round trip is a task", 10000, 0, 0.1, 0.1, 0.0005, 0.1, AMZ_AUTO, 0, false, "handing out work takes ",
     AMZ_TASK_COMMAND, 0, 0, NULL},
    {"starting takes as long as the task", 10000, 0, 0.01, 0.1, 0.02, 0.0001, AMZ_AUTO, 0, false,
     "of the makespan goes into starting tasks",
     AMZ_TASK_COMMAND, 0, 0, NULL},
    {"few tasks, some of them long", 16, 0, 10, 1, 0.0005, 0.0001, AMZ_AUTO, 0, false, "slots wait ",
     AMZ_TASK_COMMAND, 0, 0, NULL},
    {"tasks of a tenth of a millisecond", 1000000, 0, 0.0001, 0.1, 0.00001, 0.00001, AMZ_AUTO, 0, false,
     "tasks take less than a millisecond",
     AMZ_TASK_COMMAND, 0, 0, NULL},
    {"times differ much", 10000, 0, 0.1, 2, 0.0005, 0.0001, AMZ_AUTO, 0, false, "task times differ much (CV ",
     AMZ_TASK_COMMAND, 0, 0, NULL},
    {"memory for three of eight", 1000, 4 * GIB, 1, 0.1, 0.0005, 0.0001, AMZ_AUTO, 0, false,
     "memory leaves 5 of 8 cores idle on a node:",
     AMZ_TASK_COMMAND, 0, 0, NULL},
    {"three of the sampled tasks failed", 1000, 0, 1, 0.1, 0.0005, 0.0001, AMZ_AUTO, 3, false, "3 of 50 sampled tasks failed",
     AMZ_TASK_COMMAND, 0, 0, NULL},
    {"a throttled CPU", 1000, 0, 1, 0.1, 0.0005, 0.0001, AMZ_AUTO, 0, true,
     "CPU 3 is throttled to 1.2 GHz of 3.5: see to its cooling",
     AMZ_TASK_COMMAND, 0, 0, NULL},
    {"and as a stream", 1000000, 0, 0.0001, 0.1, 0.00001, 0.00001, AMZ_AUTO, 0, false, "less than a millisecond: as a plug-in",
     AMZ_TASK_STREAM, 0, 0, NULL},
    {"a plug-in has no other way to go", 1000000, 0, 0.0001, 0.1, 0.0002, 0.00001, AMZ_AUTO, 0, false, "let a task do more",
     AMZ_TASK_PLUGIN, 0, 0, "plug-in"},
    {"others had the CPUs", 1000, 0, 1, 0.1, 0.0005, 0.0001, AMZ_AUTO, 0, false,
     "busy neighbours: sampled tasks waited 30 % of their time", AMZ_TASK_COMMAND, 0.3, 0, NULL},
    {"they hardly had", 1000, 0, 1, 0.1, 0.0005, 0.0001, AMZ_AUTO, 0, false, NULL, AMZ_TASK_COMMAND, 0.05, 0, NULL},
    {"slowed down by their own kind where they were sampled", 1000, 0, 1, 0.1, 0.0005, 0.0001, AMZ_AUTO, 0, false,
     "beside busy neighbours tasks take ", AMZ_TASK_COMMAND, 0, 2, NULL},
  };

  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    struct machine m;
    struct amz_plan_nodes nodes = {&m.node, 1, 1};
    struct amz_workload w = made(rows[i].tasks, rows[i].mean_s, rows[i].cv, 1);
    struct amz_plan_input in = {.work = &w, .nodes = &nodes, .n_nodes = 1, .want = nothing_given(), .costs = usual_costs(),
                                .replicates = 3,
                                .chunk_budget = 60000};
    struct amz_plan plan = {.n_others = 0};
    bool found = false;

    make_machine(&m, 8, 1, 16 * GIB);
    m.node.findings = rows[i].throttled ? &throttled : NULL;
    m.node.n_findings = rows[i].throttled;
    w.failed = rows[i].failed;
    w.starved = rows[i].starved;
    if (rows[i].slowdown > 0)
      w.slowdown = measured(rows[i].slowdown);
    in.want.tasks = rows[i].way;
    in.costs.gap_s = measured(rows[i].gap_s);
    in.costs.chunk_s = measured(rows[i].chunk_s);
    in.want.memory_bytes = rows[i].memory;
    in.want.ranks_per_node = rows[i].ranks;
    in.want.chunk_s = 0.2;
    ASSERT_ROW_I64(rows[i].what, amz_plan_make(&in, &plan, NULL), AMZ_OK);
    for (size_t k = 0; k < plan.n_recommendations && rows[i].says; k++) {
      found |= strstr(plan.recommendations[k].text, rows[i].says) != NULL;
      if (rows[i].says_not && strstr(plan.recommendations[k].text, rows[i].says_not))
        ASSERT_ROW_TEXT(rows[i].what, plan.recommendations[k].text, rows[i].says);
    }
    ASSERT_ROW_U64(rows[i].what, rows[i].says ? found : plan.n_recommendations == 0, true);
    amz_plan_clear(&plan);
    amz_workload_clear(&w);
  }
}

/* A helper that starts one task at a time: 2 ms each of 1000 tasks are 2 s, however many slots there are, and 16 slots' first
 * tasks begin 30 ms late. */
static void test_starts(void)
{
  static const struct {
    const char *what;
    uint32_t ranks, slots;
    double task_s, at_least, at_most;
  } rows[] = {
    {"one slot: as its gap has it", 1, 1, 0.1, 101.99, 102.01},
    {"sixteen begin one behind the other", 1, 16, 0.1, 6.40, 6.46},
    {"short tasks on many slots are bounded by their starts", 1, 64, 0.01, 2.0, 2.2},
    {"two ranks start two at a time", 2, 32, 0.01, 1.0, 1.2},
  };
  struct machine m;
  struct amz_plan_nodes nodes = {&m.node, 1, 1};

  make_machine(&m, 64, 1, 64 * GIB);
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    struct amz_workload w = made(1000, rows[i].task_s, 0, 1);
    struct amz_plan_input in = {.work = &w, .nodes = &nodes, .n_nodes = 1, .want = nothing_given(),
                                .costs = {.gap_s = measured(0.002), .start_s = measured(0.002)},
                                .replicates = 2, .chunk_budget = 20000};
    const struct amz_plan_layout layout = {1, rows[i].ranks, rows[i].slots, 1};
    struct amz_candidate c;
    struct amz_plan plan;
    struct amz_error err;

    ASSERT_ROW_I64(rows[i].what, amz_plan_score(&in, &layout, &c), AMZ_OK);
    CU_ASSERT(c.makespan_s >= rows[i].at_least && c.makespan_s <= rows[i].at_most * 1.02);
    in.want.nodes = 1;
    in.want.ranks_per_node = rows[i].ranks;
    in.want.slots_per_rank = rows[i].slots;
    ASSERT_ROW_I64(rows[i].what, amz_plan_make(&in, &plan, &err), AMZ_OK);
    CU_ASSERT_TRUE(plan.chosen.simulated);
    if (plan.chosen.makespan_s < rows[i].at_least || plan.chosen.makespan_s > rows[i].at_most)
      printf("# %s: %g s, by formula %g s\n", rows[i].what, plan.chosen.makespan_s, c.makespan_s);
    CU_ASSERT(plan.chosen.makespan_s >= rows[i].at_least && plan.chosen.makespan_s <= rows[i].at_most);
    amz_plan_clear(&plan);
    amz_workload_clear(&w);
  }
}

/* One slot pays for the gaps between its tasks, too: where they are as long as the tasks, four slots are still four times as
 * fast. */
static void test_speedup_with_gaps(void)
{
  const struct amz_plan_layout layout = {1, 1, 4, 1};
  struct machine m;
  struct amz_plan_nodes nodes = {&m.node, 1, 1};
  struct amz_workload w = made(100000, 0.001, 0, 1);
  struct amz_plan_input in = {.work = &w, .nodes = &nodes, .n_nodes = 1, .want = nothing_given(),
                              .costs = {.gap_s = measured(0.001)}};
  struct amz_candidate c;

  make_machine(&m, 4, 1, 64 * GIB);
  ASSERT_I64(amz_plan_score(&in, &layout, &c), AMZ_OK);
  CU_ASSERT_DOUBLE_EQUAL(c.speedup, 4, 0.01);
  CU_ASSERT_DOUBLE_EQUAL(c.efficiency, 0.5, 0.01); /* of tasks' own time */
  amz_workload_clear(&w);
}

/* Going on as the sample ran needs no node. 400 tasks of 0.1 s on 4 slots: 10 s. */
static void test_foretell(void)
{
  struct amz_workload w = made(400, 0.1, 0, 1);
  struct amz_plan_input in = {.work = &w, .unforeseen = amz_assumed(0.1)};
  struct amz_candidate c;

  w.apart = true;
  ASSERT_I64(amz_plan_foretell(&in, 4, &c), AMZ_OK);
  CU_ASSERT_DOUBLE_EQUAL(c.makespan_s, 10, 0.2);
  CU_ASSERT(c.interval_s[0] < 9.1 && c.interval_s[0] > 8.8 && c.interval_s[1] > 10.9 && c.interval_s[1] < 11.3);
  ASSERT_I64(amz_plan_foretell(&in, 0, &c), AMZ_EINVAL);
  in.unforeseen.value = 2;
  ASSERT_I64(amz_plan_foretell(&in, 4, &c), AMZ_EINVAL);
  amz_workload_clear(&w);
}

/* Four times of 0.09, 0.1, 0.1, 0.11 s: their mean is 0.1, give or take 3.182 · 0.008165 / 2 (Student, 95 %), 13 %. A bootstrap
 * alone would say 7 %. */
static void test_few_values(void)
{
  static const double wall_s[] = {0.09, 0.1, 0.1, 0.11};
  struct amz_observation seen[4];
  struct amz_plan_input in = {.seed = 3};
  struct amz_workload w;
  struct amz_candidate c;

  for (size_t i = 0; i < 4; i++)
    seen[i] = (struct amz_observation){.index = 7 * i % 4, .threads = 1, .busy = 1, .wall_s = wall_s[i], .cpu_s = wall_s[i]};
  ASSERT_I64(amz_workload_fit(seen, 4, 100000, 0.95, &w), AMZ_OK);
  w.apart = true;
  in.work = &w;
  ASSERT_I64(amz_plan_foretell(&in, 1, &c), AMZ_OK);
  CU_ASSERT(c.interval_s[0] <= c.makespan_s * 0.8705 && c.interval_s[1] >= c.makespan_s * 1.1295);
  CU_ASSERT(c.interval_s[0] > c.makespan_s * 0.85 && c.interval_s[1] < c.makespan_s * 1.15);
  amz_workload_clear(&w);
}

static void test_waiting_tasks(void)
{
  struct machine m;
  struct amz_plan_nodes nodes = {&m.node, 1, 1};
  struct amz_workload w = made(10000, 0.2, 0.1, 0.05);
  struct amz_plan_want want = nothing_given();
  struct amz_plan plan;

  make_machine(&m, 8, 1, 64 * GIB);
  w.busy = 16;
  plan = plan_for(&w, &nodes, 1, nothing_given());
  ASSERT_U64(plan.chosen.slots, 32); /* what they wait for has served sixteen: not more than twice as many are believed of it */
  CU_ASSERT_TRUE(has_reason(&plan, "neighbours", "ran beside 15 others at most"));
  amz_plan_clear(&plan);
  want.open_slots = 48; /* which is no reason to take away slots that run something already */
  plan = plan_for(&w, &nodes, 1, want);
  ASSERT_U64(plan.chosen.slots, 48);
  amz_plan_clear(&plan);
  w.busy = 128;
  plan = plan_for(&w, &nodes, 1, nothing_given());
  CU_ASSERT(plan.chosen.slots > 64); /* each wants a twentieth of a core */
  CU_ASSERT_FALSE(has_reason(&plan, "neighbours", ""));
  amz_plan_clear(&plan);
  m.node.load.cpu_pressure = 0.9; /* or they wait for one that somebody else uses */
  plan = plan_for(&w, &nodes, 1, nothing_given());
  ASSERT_U64(plan.chosen.slots, 8);
  CU_ASSERT_TRUE(has_reason(&plan, "load", "other work keeps those busy"));
  amz_plan_clear(&plan);
  w.cpu_per_wall = w.cpu_share = 0.01; /* nobody is kept from computing so long */
  plan = plan_for(&w, &nodes, 1, nothing_given());
  CU_ASSERT(plan.chosen.slots > 64);
  amz_plan_clear(&plan);
  amz_workload_clear(&w);
}

/* T tasks alike on at most W slots take R = ceil(T / W) rounds, for which ceil(T / R) slots suffice. */
static void test_whole_rounds(void)
{
  static const struct {
    const char *row;
    uint32_t cores, busy; /* twice as many slots as were busy are believed of tasks that wait */
    double cpu;
    uint64_t tasks;
    uint32_t slots;
  } rows[] = {
    {"all tasks at once, no slot beyond them", 2, 64, 0.002, 100, 100},
    {"two rounds on 64 slots", 2, 32, 0.002, 100, 50},
    {"three on 40", 2, 20, 0.002, 100, 34},
    {"two on 60 cores", 60, 1, 1, 90, 45},
  };

  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    struct machine m;
    struct amz_plan_nodes nodes = {&m.node, 1, 1};
    struct amz_workload w = made(rows[i].tasks, 0.5, 0.002, rows[i].cpu);
    struct amz_plan plan;

    make_machine(&m, rows[i].cores, 1, 64 * GIB);
    w.busy = rows[i].busy;
    plan = plan_for(&w, &nodes, 1, nothing_given());
    ASSERT_ROW_U64(rows[i].row, plan.chosen.slots, rows[i].slots);
    CU_ASSERT_EQUAL(has_reason(&plan, "tasks", "no more tasks than slots"), rows[i].slots == rows[i].tasks);
    amz_plan_clear(&plan);
    amz_workload_clear(&w);
  }
}

/* Tasks that compute for 0.6 of their time leave 0.4 of their cores idle; who says that they wait gets the slots for it. */
static void test_preset_io(void)
{
  struct machine m;
  struct amz_plan_nodes nodes = {&m.node, 1, 1};
  struct amz_workload w = made(10000, 0.2, 0.1, 0.6);
  struct amz_plan_want want = nothing_given();
  struct amz_plan plan;

  make_machine(&m, 8, 1, 64 * GIB);
  w.busy = 8; /* no more than twice what was sampled is believed */
  plan = plan_for(&w, &nodes, 1, want);
  ASSERT_U64(plan.chosen.slots, 8);
  amz_plan_clear(&plan);
  want.waits = true;
  plan = plan_for(&w, &nodes, 1, want);
  CU_ASSERT(plan.chosen.slots > 8 && plan.chosen.slots <= 14); /* 8 / 0.6 */
  amz_plan_clear(&plan);
  amz_workload_clear(&w);
}

/* Ranks that are there are used; a process alone leaves its cores to others when they gain it little. Tasks that are memory's for
 * nine tenths, where one core saturates it, take 0.1 + 0.9·c times as long on c cores: four gain 4 / 3.7. */
static void test_serial_when_launched(void)
{
  static const struct {
    const char *what;
    uint32_t ranks, threads;
    bool serial;
  } rows[] = {{"a process alone", 1, AMZ_AUTO, true}, {"with tasks of one thread", 1, 1, true},
              {"tasks of two threads have no such layout", 1, 2, false},
              {"two ranks", 2, AMZ_AUTO, false}};
  struct machine m;
  struct amz_plan_nodes nodes = {&m.node, 1, 1};
  struct amz_workload w = made(1000, 0.37, 0.05, 1);

  make_machine(&m, 4, 1, 64 * GIB);
  w.busy = 4;
  w.slowdown = (struct amz_quantity){3.7, 3.6, 3.8, 50, AMZ_SAMPLED};
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    struct amz_plan_want want = nothing_given();
    struct amz_plan plan;

    want.launched = true;
    want.nodes = 1;
    want.ranks_per_node = rows[i].ranks;
    want.threads_per_task = rows[i].threads;
    plan = plan_for(&w, &nodes, 1, want);
    if ((strstr(plan.why, "one task after the other") != NULL) != rows[i].serial)
      CU_FAIL(rows[i].what);
    amz_plan_clear(&plan);
  }
  amz_workload_clear(&w);
}

/* A triad: eight cores want eight times what two of them saturate. Beyond these, a task more slows all others down. */
static void test_memory_bound_tasks(void)
{
  struct machine m;
  struct amz_plan_nodes nodes = {&m.node, 1, 1};
  struct amz_workload w = made(1000, 0.1, 0.05, 1);
  struct amz_plan plan;

  make_machine(&m, 8, 1, 64 * GIB);
  w.busy = 8;
  w.slowdown = measured(4); /* seen at 8: 8 · 1/2 */
  plan = plan_for(&w, &nodes, 1, nothing_given());
  CU_ASSERT(plan.chosen.slots <= 3); /* two do as much as eight: the smaller is preferred */
  amz_plan_clear(&plan);
  amz_workload_clear(&w);
}

/* Threads that were sampled up to four and got slower there: two, not what Amdahl's law would give more of. */
static void test_retrograde_threads(void)
{
  struct machine m;
  struct amz_plan_nodes nodes = {&m.node, 1, 1};
  struct amz_observation seen[9];
  struct amz_workload w;
  struct amz_plan plan;

  make_machine(&m, 16, 1, 64 * GIB);
  for (size_t i = 0; i < 9; i++) {
    static const double wall_s[] = {10, 6, 9};

    seen[i] = (struct amz_observation){.index = i, .threads = 1u << i / 3, .busy = 1,
                                       .wall_s = wall_s[i / 3] * (1 + 0.01 * (double)(i % 3)), .cpu_s = 10};
  }
  ASSERT_I64(amz_workload_fit(seen, 9, 1, 0.95, &w), AMZ_OK);
  w.tasks = 2; /* on 16 cores: only threads can help */
  plan = plan_for(&w, &nodes, 1, nothing_given());
  ASSERT_U64(plan.chosen.layout.threads, 2);
  CU_ASSERT_FALSE(plan.terms.beyond);
  amz_plan_clear(&plan);
  amz_workload_clear(&w);
}

/* 64 tasks of 0.5 to 32 s by weight on 4 slots, heaviest first: 1040 s of work, and no long one left for the end. In the list's
 * sequence, lightest first, the longest begin last: a quarter of the work and, on average, half a long one more. */
static void test_foreseen_tasks(void)
{
  struct machine m;
  struct amz_plan_nodes nodes = {&m.node, 1, 1};
  double heaviest_first[64], places[64];
  const struct amz_rest by_weight = {.weight = heaviest_first, .n = 64}, by_place = {.place = places, .n = 64};

  make_machine(&m, 4, 1, 64 * GIB);
  for (int k = 0; k < 2; k++) {
    struct amz_observation seen[16];
    struct amz_workload w;
    struct amz_plan plan;

    for (size_t i = 0; i < 16; i++)
      seen[i] = (struct amz_observation){.index = 4 * i, .weight = k ? 0 : 4 * (double)i + 1, .threads = 1, .busy = 4,
                                         .wall_s = 0.5 * (4 * (double)i + 1), .cpu_s = 1};
    for (size_t i = 0; i < 64; i++) {
      heaviest_first[i] = 64 - (double)i;
      places[i] = (double)i / 64;
    }
    ASSERT_I64(amz_workload_fit(seen, 16, 64, 0.95, &w), AMZ_OK);
    ASSERT_I64(amz_workload_foresee(&w, k ? &by_place : &by_weight), AMZ_OK);
    w.cpu_per_wall = 1;
    w.kind = AMZ_WORK_CPU;
    plan = plan_for(&w, &nodes, 1, nothing_given());
    ASSERT_U64(plan.chosen.slots, 4);
    CU_ASSERT(plan.chosen.makespan_s >= (k ? 263 : 260 - 1e-6) && plan.chosen.makespan_s < (k ? 290 : 263));
    CU_ASSERT(plan.chosen.interval_s[0] <= plan.chosen.makespan_s && plan.chosen.makespan_s <= plan.chosen.interval_s[1]);
    amz_plan_clear(&plan);
    amz_workload_clear(&w);
  }
}

/* Four tasks on 16 cores that thread well: four slots of four threads. */
static void test_few_threaded_tasks(void)
{
  struct machine m;
  struct amz_plan_nodes nodes = {&m.node, 1, 1};
  struct amz_workload w = made(4, 10, 0, 1);
  struct amz_plan plan;

  make_machine(&m, 16, 1, 64 * GIB);
  w.serial = measured(0.02);
  plan = plan_for(&w, &nodes, 1, nothing_given());
  ASSERT_U64(plan.chosen.layout.threads, 4);
  ASSERT_U64(plan.chosen.slots, 4);
  amz_plan_clear(&plan);
  w.tasks = 4000; /* many: threads only lose */
  plan = plan_for(&w, &nodes, 1, nothing_given());
  ASSERT_U64(plan.chosen.layout.threads, 1);
  ASSERT_U64(plan.chosen.slots, 16);
  amz_plan_clear(&plan);
  amz_workload_clear(&w);
}

static void test_load(void)
{
  struct machine m;
  struct amz_plan_nodes nodes = {&m.node, 1, 1};
  struct amz_workload w = made(1000, 1, 0.1, 1);
  struct amz_plan_want want = nothing_given();
  struct amz_plan plan;

  make_machine(&m, 16, 1, 64 * GIB);
  m.node.load = (struct amz_node_load){.cpu = 0.85, .memory = 0.1}; /* (1 − 0.85) / (1 − 0.7): half of the slots */
  want.load_aware = true;
  plan = plan_for(&w, &nodes, 1, want);
  ASSERT_U64(plan.chosen.slots, 8);
  CU_ASSERT_TRUE(has_reason(&plan, "load", "8 slots a node instead of 16"));
  amz_plan_clear(&plan);
  amz_workload_clear(&w);
}

static void test_gpus(void)
{
  struct machine m;
  struct amz_plan_nodes nodes = {&m.node, 1, 1};
  struct amz_workload w = made(1000, 1, 0.1, 1);
  struct amz_plan_want want = nothing_given();
  struct amz_plan plan;

  make_machine(&m, 16, 1, 64 * GIB);
  for (size_t i = 0; i < 4; i++)
    m.gpus[i].usable = true;
  m.node.gpus = m.gpus;
  m.node.n_gpus = 4;
  want.gpus = 1;
  plan = plan_for(&w, &nodes, 1, want);
  ASSERT_U64(plan.chosen.slots, 4);
  CU_ASSERT_TRUE(has_reason(&plan, "gpus", "4 slots a node instead of 16"));
  amz_plan_clear(&plan);
  amz_workload_clear(&w);
}

static void test_goals(void)
{
  struct machine m;
  struct amz_plan_nodes nodes = {&m.node, 32, 1};
  struct amz_workload w = made(20000, 1, 0.3, 1);
  struct amz_plan_want want = nothing_given();
  struct amz_plan fast, lean, due;

  make_machine(&m, 16, 1, 64 * GIB);
  fast = plan_for(&w, &nodes, 1, want);
  CU_ASSERT(fast.chosen.layout.nodes >= 24);
  want.goal = AMZ_GOAL_DEADLINE;
  want.deadline_s = 300; /* 20 000 s of work: 67 cores at least, five nodes with some room */
  due = plan_for(&w, &nodes, 1, want);
  CU_ASSERT(due.chosen.layout.nodes >= 5 && due.chosen.layout.nodes <= 6);
  CU_ASSERT(due.chosen.launch_s + due.chosen.interval_s[1] <= 300);
  want.deadline_s = 1;
  amz_plan_clear(&due);
  due = plan_for(&w, &nodes, 1, want);
  CU_ASSERT_PTR_NOT_NULL(strstr(due.why, "no layout keeps the deadline"));
  CU_ASSERT_TRUE(has_lift(&due, "deadline", "a later deadline")); /* tasks take as long */
  amz_plan_clear(&due);
  nodes.count = 2; /* 20 000 s of work on 32 cores take 625 s: for 299 s without the launch it takes 4.2 nodes, and some room */
  want.deadline_s = 300;
  due = plan_for(&w, &nodes, 1, want);
  CU_ASSERT_TRUE(has_lift(&due, "deadline", "about 5 nodes like these"));
  want.max_workers = 8; /* 20 000 s of work: 67 slots and some room, whatever the nodes */
  amz_plan_clear(&due);
  due = plan_for(&w, &nodes, 1, want);
  CU_ASSERT_TRUE(has_lift(&due, "deadline", "plan.max_workers of about 6") || has_lift(&due, "deadline", "of about 7"));
  want.max_workers = AMZ_AUTO;
  nodes.count = 32;
  want.goal = AMZ_GOAL_EFFICIENCY;
  want.efficiency = 0.985;
  lean = plan_for(&w, &nodes, 1, want);
  CU_ASSERT(lean.chosen.efficiency >= 0.985 && lean.chosen.layout.nodes < fast.chosen.layout.nodes);
  amz_plan_clear(&fast);
  amz_plan_clear(&lean);
  amz_plan_clear(&due);
  amz_workload_clear(&w);
}

/* Tasks of 10 ms with 5 ms between them: by hand no layout is more efficient than 10 / 15. What comes nearest is taken, as fast
 * as that goes, and what it is lost to is told; a plug-in has nothing faster to become. */
static void test_out_of_reach(void)
{
  static const struct {
    enum amz_task_kind tasks;
    const char *lift;
  } rows[] = {{AMZ_TASK_COMMAND, "tasks that do more, or a stream or plug-in; or plan.efficiency: 0.6"},
              {AMZ_TASK_PLUGIN, "tasks that do more; or plan.efficiency: 0.6"}};
  struct amz_workload w = made(200000, 0.010, 0.05, 1);

  for (size_t i = 0; i < 2; i++) {
    struct machine m;
    struct amz_plan_nodes nodes = {&m.node, 1, 1};
    struct amz_plan_input in = {.work = &w, .nodes = &nodes, .n_nodes = 1, .want = nothing_given(), .costs = usual_costs(),
                                .replicates = 3, .chunk_budget = 60000};
    struct amz_plan plan;

    make_machine(&m, 8, 1, 16 * GIB);
    in.costs.gap_s = measured(0.005);
    in.want.goal = AMZ_GOAL_EFFICIENCY;
    in.want.efficiency = 0.9;
    in.want.tasks = rows[i].tasks;
    CU_ASSERT_EQUAL_FATAL(amz_plan_make(&in, &plan, NULL), AMZ_OK);
    CU_ASSERT(plan.chosen.efficiency > 0.65 && plan.chosen.efficiency < 0.667);
    ASSERT_U64(plan.chosen.slots, 8);
    CU_ASSERT_PTR_NOT_NULL(strstr(plan.why, "no layout keeps the efficiency"));
    CU_ASSERT_TRUE(has_reason(&plan, "efficiency", " instead of 90.0 %: most is lost to starting tasks"));
    CU_ASSERT_TRUE(has_lift(&plan, "efficiency", rows[i].lift));
    ASSERT_TEXT(plan.reasons[0].what, "efficiency"); /* what the short form says */
    amz_plan_clear(&plan);
  }
  amz_workload_clear(&w);
}

/* Nodes and cores that aren't used without any bound are told, too, and nodes that were given and aren't there. */
static void test_unused(void)
{
  struct machine m;
  struct amz_plan_nodes nodes = {&m.node, 8, 1};
  struct amz_workload w = made(500, 0.01, 0.1, 1), half = made(100, 1, 0.002, 1);
  struct amz_plan_want want = nothing_given();
  struct amz_plan plan;

  make_machine(&m, 16, 1, 64 * GIB); /* 5 s of work, and a launch costs half a second */
  plan = plan_for(&w, &nodes, 1, want);
  ASSERT_U64(plan.chosen.layout.nodes, 1);
  CU_ASSERT_TRUE(has_reason(&plan, "nodes", "7 of 8 nodes aren't used: with more, the run would hardly be shorter"));
  amz_plan_clear(&plan);
  want.nodes = 20;
  plan = plan_for(&w, &nodes, 1, want);
  ASSERT_U64(plan.chosen.layout.nodes, 8);
  CU_ASSERT_TRUE(has_reason(&plan, "given", "nodes: 20 were given, and 8 are there"));
  CU_ASSERT_TRUE(has_lift(&plan, "given", "--nodes 20"));
  amz_plan_clear(&plan);
  make_machine(&m, 64, 1, 64 * GIB); /* 100 tasks of a second on 64 cores end after two rounds, as they do on 50 */
  nodes.count = 1;
  plan = plan_for(&half, &nodes, 1, nothing_given());
  ASSERT_U64(plan.chosen.slots, 50);
  CU_ASSERT_TRUE(has_reason(&plan, "cores", "14 of 64 cores of a node aren't used"));
  amz_plan_clear(&plan);
  amz_workload_clear(&w);
  amz_workload_clear(&half);
}

static void test_given(void)
{
  struct machine m;
  struct amz_plan_nodes nodes = {&m.node, 4, 1};
  struct amz_workload w = made(1000, 1, 0.3, 1);
  struct amz_plan_want want = nothing_given();
  struct amz_plan plan;

  make_machine(&m, 16, 1, 64 * GIB);
  want.nodes = 3;
  want.ranks_per_node = 2;
  want.slots_per_rank = 5;
  want.threads_per_task = 1;
  want.launched = true;
  plan = plan_for(&w, &nodes, 1, want);
  ASSERT_U64(plan.chosen.layout.nodes, 3);
  ASSERT_U64(plan.chosen.layout.ranks_per_node, 2);
  ASSERT_U64(plan.chosen.layout.slots_per_rank, 5);
  ASSERT_U64(plan.chosen.slots, 30);
  CU_ASSERT(plan.chosen.launch_s <= 0);
  CU_ASSERT_TRUE(has_reason(&plan, "given", "slots_per_rank: 5, as given"));
  amz_plan_clear(&plan);
  amz_workload_clear(&w);
}

/* Twice as fast nodes are worth twice as many. */
static void test_kinds_of_nodes(void)
{
  struct machine slow, fast;
  struct amz_workload w = made(100000, 0.5, 0.3, 1);
  struct amz_plan_nodes nodes[] = {{&slow.node, 2, 1}, {&fast.node, 2, 2}};
  struct amz_plan_want want = nothing_given();
  struct amz_plan plan;

  make_machine(&slow, 8, 1, 64 * GIB);
  make_machine(&fast, 8, 1, 64 * GIB);
  want.nodes = 4;
  plan = plan_for(&w, nodes, 2, want);
  ASSERT_U64(plan.chosen.slots, 32);
  CU_ASSERT(fabs(plan.chosen.makespan_s / (100000 * (w.mean_s.value + 0.0005) / (16 + 32)) - 1) < 0.03);
  amz_plan_clear(&plan);
  amz_workload_clear(&w);
}

/* Nodes of 16 cores and nodes of 8, and two that have memory for two tasks only: each kind has what fits there. */
static void test_classes(void)
{
  struct machine large, small, poor, none;
  struct amz_workload w = made(200000, 0.5, 0.3, 1);
  struct amz_plan_nodes nodes[] = {{&large.node, 4, 1}, {&small.node, 2, 1}, {&poor.node, 2, 1}, {&none.node, 3, 1}};
  struct amz_plan_want want = nothing_given();
  struct amz_plan plan;

  make_machine(&large, 16, 1, 64 * GIB);
  make_machine(&small, 8, 1, 64 * GIB);
  make_machine(&poor, 16, 1, 5 * GIB);
  make_machine(&none, 16, 1, GIB);
  none.node.host = (char *)"n9";
  want.memory_bytes = 2 * GIB; /* 4 GiB of 5 are for tasks: two; none fits into 0.8 GiB */
  plan = plan_for(&w, nodes, 4, want);
  ASSERT_U64(plan.chosen.layout.nodes, 8);
  ASSERT_U64(plan.chosen.slots, 4 * 16 + 2 * 8 + 2 * 2);
  ASSERT_U64(plan.chosen.cores, 4 * 16 + 2 * 8 + 2 * 16);
  ASSERT_U64(plan.n_classes, 3);
  for (size_t i = 0; i < plan.n_classes; i++) {
    static const uint32_t counts[] = {4, 2, 2}, slots[] = {16, 8, 2};

    ASSERT_U64(plan.classes[i].kind, i);
    ASSERT_U64(plan.classes[i].nodes, counts[i]);
    ASSERT_U64(plan.classes[i].slots_per_rank, slots[i]);
  }
  CU_ASSERT_TRUE(plan.chosen.simulated);
  CU_ASSERT(fabs(plan.chosen.makespan_s / (200000 * (w.mean_s.value + 0.0005) / 84) - 1) < 0.03);
  CU_ASSERT_TRUE(has_reason(&plan, "nodes", "3 of 3 nodes like n9 (16 cores) aren't used: not one task fits there"));
  CU_ASSERT_TRUE(has_reason(&plan, "memory", "2 slots a node of 16 cores instead of 16"));
  amz_plan_clear(&plan);
  amz_workload_clear(&w);
}

/* Half the memory bandwidth, the same cores. Sampled tasks took 2.5 times as long at 8 busy cores as alone: of the bandwidth of 2
 * cores, 8 make 4, so the share of memory is m = 1.5 / 3 = 0.5. There, 8 cores draw 8 of what 1 is: κ = 1 + 0.5·7 = 4.5. Alone, a
 * core draws 1 of 1: κ = 1; at half of that again, 1.5. */
static void test_slow_memory(void)
{
  struct machine sound, slow;
  struct amz_workload w = made(1000, 0.5, 0.1, 1);
  struct amz_plan_nodes nodes[] = {{&sound.node, 4, 1}, {&slow.node, 2, 1}};
  struct amz_plan_layout full = {6, 1, 8, 1}, alone = {6, 1, 1, 1};
  struct amz_plan_input in = {.work = &w, .nodes = nodes, .n_nodes = 2, .want = nothing_given(), .costs = usual_costs()};
  struct amz_plan_class c[AMZ_PLAN_KINDS_MAX];

  w.busy = 8;
  w.slowdown = (struct amz_quantity){.value = 2.5, .low = 2.4, .high = 2.6, .n = 20, .source = AMZ_SAMPLED};
  make_machine(&sound, 8, 1, 64 * GIB);
  make_machine(&slow, 8, 1, 64 * GIB);
  for (size_t i = 0; i < slow.node.n_bandwidth; i++)
    slow.bandwidth[i].value = measured(slow.bandwidth[i].value.value / 2);
  ASSERT_U64(amz_plan_classes(&in, &full, c), 2);
  CU_ASSERT(c[0].kind == 0 && c[1].kind == 1);
  CU_ASSERT(fabs(c[0].task_s / w.mean_s.value - 1) < 1e-9);
  CU_ASSERT(fabs(c[1].task_s / w.mean_s.value - 4.5 / 2.5) < 1e-9);
  ASSERT_U64(amz_plan_classes(&in, &alone, c), 2);
  CU_ASSERT(fabs(c[0].task_s / w.mean_s.value - 1 / 2.5) < 1e-9);
  CU_ASSERT(fabs(c[1].task_s / w.mean_s.value - 1.5 / 2.5) < 1e-9);
  slow.bandwidth[2].value.source = AMZ_ASSUMED; /* what wasn't measured says nothing beside what was: each by its own curve */
  ASSERT_U64(amz_plan_classes(&in, &alone, c), 2);
  CU_ASSERT(fabs(c[1].task_s / w.mean_s.value - 1 / 2.5) < 1e-9);
  amz_workload_clear(&w);
}

/* Few tasks: the fast nodes are taken first, wherever they stand in the list; a rank for each domain of the own kind. */
static void test_classes_in_turn(void)
{
  struct machine slow, fast;
  struct amz_workload w = made(1000, 0.5, 0.1, 1);
  struct amz_plan_nodes nodes[] = {{&slow.node, 8, 1}, {&fast.node, 2, 3}};
  struct amz_plan_layout layout = {3, 2, 8, 1};
  struct amz_plan_input in = {.work = &w, .nodes = nodes, .n_nodes = 2, .want = nothing_given(), .costs = usual_costs()};
  struct amz_plan_class classes[AMZ_PLAN_KINDS_MAX];
  struct amz_candidate c;

  make_machine(&slow, 8, 2, 64 * GIB);
  make_machine(&fast, 16, 4, 64 * GIB);
  ASSERT_U64(amz_plan_classes(&in, &layout, classes), 2);
  ASSERT_U64(classes[0].kind, 1);
  ASSERT_U64(classes[0].nodes, 2);
  ASSERT_U64(classes[0].ranks_per_node, 4);
  ASSERT_U64(classes[0].slots_per_rank, 4);
  ASSERT_U64(classes[1].nodes, 1);
  ASSERT_U64(classes[1].ranks_per_node, 2);
  ASSERT_U64(classes[1].slots_per_rank, 4);
  ASSERT_I64(amz_plan_score(&in, &layout, &c), AMZ_OK);
  ASSERT_U64(c.slots, 2 * 16 + 8);
  CU_ASSERT(fabs(c.task_s * (2 * 16 * 3 + 8) / (w.mean_s.value * (2 * 16 + 8)) - 1) < 1e-9); /* 40 slots do the work of 104 */
  layout.nodes = 11;
  ASSERT_I64(amz_plan_score(&in, &layout, &c), AMZ_ERANGE); /* there are ten */
  in.n_nodes = AMZ_PLAN_KINDS_MAX + 1;
  ASSERT_I64(amz_plan_score(&in, &layout, &c), AMZ_EINVAL);
  amz_workload_clear(&w);
}

/* Ranks that are there already: two on each large node, one on the small one; the small one's helper was started with little
 * room. */
static void test_launched(void)
{
  struct machine large, small;
  struct amz_workload w = made(200000, 0.5, 0.3, 1), waiting = made(200000, 0.5, 0.3, 0.01);
  struct amz_plan_nodes nodes[] = {{&large.node, 2, 1}, {&small.node, 1, 1}};
  struct amz_plan_launched launched[] = {{2, 64, 0}, {1, 7, 0}};
  struct amz_plan_input in = {.work = &w, .nodes = nodes, .n_nodes = 2, .launched = launched, .want = nothing_given(),
                              .costs = usual_costs(),
                              .replicates = 3, .chunk_budget = 60000};
  struct amz_error err;
  struct amz_plan plan;

  make_machine(&large, 16, 1, 64 * GIB);
  make_machine(&small, 3, 1, 64 * GIB);
  in.want.launched = true;
  in.want.nodes = 3;
  in.want.ranks_per_node = 2;
  ASSERT_I64(amz_plan_make(&in, &plan, &err), AMZ_OK);
  ASSERT_U64(plan.chosen.slots, 2 * 16 + 3); /* not two ranks of the small node's cores */
  ASSERT_U64(plan.n_classes, 2);
  ASSERT_U64(plan.classes[0].ranks_per_node, 2);
  ASSERT_U64(plan.classes[0].slots_per_rank, 8);
  ASSERT_U64(plan.classes[1].ranks_per_node, 1);
  ASSERT_U64(plan.classes[1].slots_per_rank, 3);
  amz_plan_clear(&plan);

  waiting.kind = AMZ_WORK_IO;
  waiting.busy = 128;
  in.work = &waiting; /* more slots a core would do: no rank gets more than its room */
  ASSERT_I64(amz_plan_make(&in, &plan, &err), AMZ_OK);
  for (size_t i = 0; i < plan.n_classes; i++)
    CU_ASSERT(plan.classes[i].slots_per_rank <= launched[plan.classes[i].kind].most_slots);
  ASSERT_U64(plan.chosen.slots, 2 * 2 * 64 + 7);
  amz_plan_clear(&plan);

  in.work = &w; /* what was chosen, played out again: other numbers aren't looked at */
  launched[0].slots = 5;
  launched[1].slots = 2;
  in.want.slots_per_rank = 5;
  ASSERT_I64(amz_plan_make(&in, &plan, &err), AMZ_OK);
  ASSERT_U64(plan.chosen.slots, 2 * 2 * 5 + 2);
  ASSERT_U64(plan.considered, 1);
  amz_plan_clear(&plan);
  amz_workload_clear(&w);
  amz_workload_clear(&waiting);
}

/* ---- invariants ------------------------------------------------------------------------------------------------------- */

static void check_candidate(const struct amz_workload *w, const struct machine *m, const struct amz_candidate *c, const char *row)
{
  uint64_t on_node = (uint64_t)c->layout.ranks_per_node * c->layout.slots_per_rank,
      domain_cores = m->node.cores / m->node.n_domains;

  if (w->kind != AMZ_WORK_IO)
    ASSERT_ROW_U64(row, on_node * c->layout.threads <= m->node.cores, true);
  if (w->kind != AMZ_WORK_IO && c->layout.threads <= domain_cores)
    ASSERT_ROW_U64(row, (uint64_t)c->layout.slots_per_rank * c->layout.threads <= domain_cores, true);
  ASSERT_ROW_U64(row, on_node * w->rss_bytes <= m->node.allowed_memory_bytes * 8 / 10, true);
  ASSERT_ROW_U64(row, c->total_s > 0 && isfinite(c->total_s) && c->efficiency > 0 && c->efficiency < 1.05, true);
}

static void test_invariants(void)
{
  static const uint32_t cores[] = {1, 4, 16, 128}, domains[] = {1, 2, 8};
  struct amz_rng rng;

  amz_rng_seed(&rng, 1);
  for (unsigned round = 0; round < 40; round++) {
    uint32_t d = domains[amz_rng_below(&rng, 3)], c = cores[amz_rng_below(&rng, 4)],
        count = 1 + (uint32_t)amz_rng_below(&rng, 20);
    uint64_t tasks = 1 + amz_rng_below(&rng, 20000);
    struct amz_workload w = made(tasks, 0.001 * pow(10, 4 * amz_rng_uniform(&rng)), 2 * amz_rng_uniform(&rng),
                                 amz_rng_uniform(&rng));
    struct machine m;
    struct amz_plan_nodes nodes = {&m.node, count, 1};
    struct amz_plan_want want = nothing_given();
    struct amz_plan plan;
    double best;
    char row[120];

    make_machine(&m, c < d ? d : c, d, (1 + amz_rng_below(&rng, 64)) * GIB);
    if (amz_rng_below(&rng, 2))
      w.serial = measured(amz_rng_uniform(&rng));
    (void)snprintf(row, sizeof row, "round %u: %u nodes of %u cores in %u domains", round, count, m.node.cores, d);
    plan = plan_for(&w, &nodes, 1, want);
    check_candidate(&w, &m, &plan.chosen, row);
    for (size_t i = 0; i < plan.n_others; i++)
      check_candidate(&w, &m, &plan.others[i], row);
    best = plan.chosen.total_s;
    amz_plan_clear(&plan);
    nodes.count = count / 2 ? count / 2 : 1; /* more nodes are never worse than the best plan for fewer */
    plan = plan_for(&w, &nodes, 1, want);
    ASSERT_ROW_U64(row, best <= plan.chosen.total_s * 1.05, true);
    amz_plan_clear(&plan);
    amz_workload_clear(&w);
  }
}

int main(void)
{
  static const struct amz_test tests[] = {
    {"what no sample shows widens the interval", test_unforeseen}, {"many tasks fill a node", test_plain},
        {"few short tasks are worth many slots", test_few_short_tasks},
    {"a launch must be worth it", test_not_worth_a_launch}, {"one slot is best", test_serial},
    {"memory", test_memory}, {"nothing fits", test_infeasible},
    {"GPUs of some nodes", test_gpus_of_kinds}, {"each advice", test_advice},
    {"waiting tasks share cores", test_waiting_tasks},
    {"few tasks get slots for whole rounds", test_whole_rounds},
    {"more slots than cores where that is asked for", test_preset_io},
    {"tasks are started one at a time", test_starts}, {"few values are doubted as few", test_few_values},
    {"one slot pays for its gaps", test_speedup_with_gaps}, {"what comes of going on", test_foretell},
    {"serial among those that were launched", test_serial_when_launched},
    {"memory-bound tasks want few cores", test_memory_bound_tasks}, {"few tasks get threads", test_few_threaded_tasks},
    {"threads that made tasks slower", test_retrograde_threads}, {"tasks foreseen, heaviest first and lightest first",
      test_foreseen_tasks}, {"load", test_load}, {"GPUs", test_gpus},
    {"goals", test_goals}, {"an efficiency that can't be had", test_out_of_reach},
    {"what isn't used", test_unused}, {"what is given stays", test_given}, {"kinds of nodes", test_kinds_of_nodes},
    {"each kind has what fits there", test_classes}, {"fast kinds come first", test_classes_in_turn},
    {"nodes whose memory is slow", test_slow_memory},
    {"ranks that are there already", test_launched},
    {"what holds for every plan", test_invariants}, {NULL, NULL}};

  return amz_test_main("plan", tests, 120);
}
