/* Where a planner of one node's pool of processes, the Python program of this one's name, is known to go wrong: for each case
 * what it says, and the right answer worked out by hand. Tasks here take the same time each and nothing costs anything, unless a
 * row says so. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <amorsize/makespan.h>
#include <amorsize/plan.h>
#include <amorsize/policy.h>
#include <amorsize/sampling.h>
#include <amorsize/sim.h>

#include "../../support/tap.h"

#define GIB (UINT64_C(1) << 30)
#define SEEN 20

#define ASSERT_NEAR(actual, expected, share) CU_ASSERT_TRUE(fabs((actual) - (expected)) <= (share) * (expected))

struct bench {
  struct amz_node node;
  struct amz_node_domain domain;
  struct amz_curve_point phi[2];
  struct amz_workload work;
  struct amz_plan_nodes nodes;
  struct amz_plan_input in;
};

static struct amz_quantity measured(double x)
{
  return (struct amz_quantity){x, x, x, 5, AMZ_MEASURED};
}

/* `tasks` tasks of task_s each, which compute for `cpu` of that, on a node of `cores` cores in one domain. */
static void open_bench(struct bench *b, uint32_t cores, uint64_t tasks, double task_s, double cpu)
{
  struct amz_observation seen[SEEN];

  memset(b, 0, sizeof *b);
  b->domain = (struct amz_node_domain){.cores = cores, .allowed_cores = cores, .memory_bytes = 64 * GIB};
  b->node = (struct amz_node){.packages = 1, .cores = cores, .units = cores, .allowed_cores = cores, .allowed_cpu = cores,
    .memory_bytes = 64 * GIB,
    .allowed_memory_bytes = 64 * GIB, .domains = &b->domain, .n_domains = 1};
  for (size_t i = 0; i < SEEN; i++)
    seen[i] = (struct amz_observation){.index = i, .threads = 1, .busy = 1, .wall_s = task_s, .cpu_s = cpu * task_s,
                                       .rss_bytes = 10 << 20};
  CU_ASSERT_EQUAL_FATAL(amz_workload_fit(seen, SEEN, tasks, 0.95, &b->work), AMZ_OK);
  b->nodes = (struct amz_plan_nodes){&b->node, 1, 1};
  b->in = (struct amz_plan_input){.work = &b->work, .nodes = &b->nodes, .n_nodes = 1, .replicates = 2, .chunk_budget = 40000,
    .want = {.goal = AMZ_GOAL_TIME, .nodes = AMZ_AUTO, .ranks_per_node = AMZ_AUTO, .slots_per_rank = AMZ_AUTO,
             .threads_per_task = AMZ_AUTO,
             .max_workers = AMZ_AUTO, .policy = "adaptive"}};
}

static void close_bench(struct bench *b)
{
  amz_workload_clear(&b->work);
}

static struct amz_plan plan(const struct bench *b)
{
  struct amz_plan p = {.n_others = 0};
  struct amz_error err = {0};

  CU_ASSERT_EQUAL_FATAL(amz_plan_make(&b->in, &p, &err), AMZ_OK);
  return p;
}

static struct amz_candidate score(const struct bench *b, uint32_t ranks, uint32_t slots)
{
  const struct amz_plan_layout layout = {1, ranks, slots, 1};
  struct amz_candidate c = {.slots = 0};

  CU_ASSERT_EQUAL_FATAL(amz_plan_score(&b->in, &layout, &c), AMZ_OK);
  return c;
}

/* One rank, adaptive chunks, a round trip of 0.1 ms. \return the makespan. */
static double play(uint64_t tasks, double task_s, uint32_t slots, double target_s)
{
  struct amz_sim_config c = {.ranks = 1, .slots_per_rank = slots, .latency_ns = 50000, .bulk = true};
  struct amz_sim_result r;

  c.master.tasks = tasks;
  c.master.policy = amz_policy_find("adaptive");
  c.master.params = (struct amz_policy_params){.target_s = target_s, .min_s = target_s / 4, .max_s = target_s * 5, .rate = 0.3,
                                               .overhead_s = 1e-4};
  c.master.stop_after = UINT64_MAX;
  c.master.dead_ns = c.master.suspect_ns = c.master.heartbeat_ns = c.worker.heartbeat_ns = AMZ_NEVER;
  c.worker.grain = 1;
  c.work = (struct amz_sim_work){.shape = AMZ_SIM_CONSTANT, .mean_s = task_s};
  CU_ASSERT_EQUAL_FATAL(amz_sim_run(&c, &r), AMZ_OK);
  ASSERT_U64(r.stats.succeeded, tasks);
  return r.makespan_s;
}

/* ---- the cases --------------------------------------------------------------------------------------------------------- */

/* Its adaptive pool runs one chunk at a time: 60 tasks of 20 ms with 4 workers took it 1.23 s. By hand: 15 rounds of 20 ms, 0.30
 * s. */
static void chunks_run_side_by_side(void)
{
  double makespan_s = play(60, 0.020, 4, 0.2);

  CU_ASSERT_TRUE(makespan_s >= 0.300);
  CU_ASSERT_TRUE(makespan_s <= 0.310);
}

/* It never tries other numbers of workers: 100 tasks of 10 ms, 64 cores, 15 ms to start a worker: it says "serial", though its
 * own model has a speedup of 3.4 at 8. By hand, workers started one after the other: 8 · 15 ms + 13 · 10 ms = 0.25 s, a speedup
 * of 4.0; and slots of one process need no starting: 2 rounds, 20 ms, are the most that 100 tasks on 64 cores can take, a speedup
 * of 50. */
static void numbers_of_workers_are_searched(void)
{
  struct amz_candidate c;
  struct amz_plan p;
  struct bench b;

  open_bench(&b, 64, 100, 0.010, 1);
  b.in.costs.launch_base_s = measured(0);
  b.in.costs.launch_per_rank_s = measured(0.015);
  c = score(&b, 8, 1);
  ASSERT_NEAR(c.launch_s, 0.120, 0.001);
  ASSERT_NEAR(c.total_s, 0.250, 0.04); /* the formula spreads 100 over 8 and adds what ends unevenly */
  p = plan(&b);
  CU_ASSERT_TRUE(p.chosen.slots >= 50);
  ASSERT_NEAR(p.chosen.makespan_s, 0.020, 0.15);
  CU_ASSERT_TRUE(p.considered >= 20);
  amz_plan_clear(&p);
  close_bench(&b);
}

/* It hands out 10 chunks to 64 workers: 54 of them have nothing to do. 1000 tasks of 2 ms in 10 chunks of 0.2 s: 0.2 s. By hand:
 * 16 tasks of 2 ms for the busiest of 64, 32 ms, whatever chunks should last; here with up to a round trip more for each of a few
 * chunks. */
static void there_are_chunks_for_all(void)
{
  CU_ASSERT_TRUE(play(1000, 0.002, 64, 0.2) >= 0.032);
  CU_ASSERT_TRUE(play(1000, 0.002, 64, 0.2) <= 0.040);
}

/* And no plan may promise more than there are tasks: 10 tasks of 1 s on 64 slots take 1 s, a speedup of 10. */
static void speedup_is_bounded_by_tasks(void)
{
  struct amz_candidate c;
  struct bench b;

  open_bench(&b, 64, 10, 1, 1);
  c = score(&b, 1, 64);
  ASSERT_NEAR(c.makespan_s, 1, 1e-9);
  ASSERT_NEAR(c.speedup, 10, 1e-9);
  close_bench(&b);
}

/* It takes a chunk to cost 0.5 ms at least, whatever was measured. 10 000 chunks of one task on 4 slots at 10 us: by hand 25 ms,
 * not 1.25 s. */
static void small_costs_stay_small(void)
{
  struct amz_candidate c;
  struct bench b;

  open_bench(&b, 4, 10000, 0.001, 1);
  b.in.costs.chunk_s = measured(10e-6);
  c = score(&b, 1, 4);
  ASSERT_NEAR(c.dispatch_s, 0.025, 1e-6);
  close_bench(&b);
}

/* It looks at the first five items. Of 5000 tasks of 0.1 ms followed by 200 of 100 ms those tell a mean of 0.1 ms; by hand it is
 * (5000 · 0.1 + 200 · 100) / 5200 = 3.94 ms. One of each fiftieth of the list: the last has long tasks alone, the one before it
 * 96 of 104, so that the sample's mean is 2.1 ms or 4.1 ms. */
static void samples_are_spread(void)
{
  const struct amz_range left = {0, 5200};

  for (uint64_t seed = 0; seed < 100; seed++) {
    struct amz_range *drawn;
    double sum = 0;
    size_t n;

    CU_ASSERT_EQUAL_FATAL(amz_sample_draw(&left, 1, 50, seed, &drawn, &n), AMZ_OK);
    ASSERT_U64(n, 50);
    for (size_t i = 0; i < n; i++)
      sum += drawn[i].first < 5000 ? 0.0001 : 0.100;
    CU_ASSERT_TRUE(sum / 50 > 0.0020 && sum / 50 < 0.0042);
    free(drawn);
  }
}

/* What it sampled runs a second time. Here a sample's tasks are done: 100 tasks of 1 s, 20 of them sampled, on 4 slots: by hand
 * 20 s are left, not 25. */
static void samples_are_results(void)
{
  struct amz_candidate c;
  struct bench b;

  open_bench(&b, 4, 80, 1, 1);
  b.work.apart = true;
  c = score(&b, 1, 4);
  ASSERT_NEAR(c.work_s, 20, 1e-9);
  close_bench(&b);
}

/* It takes 3 % off for each core: 64 cores would be worth 64 / (1 + 63 · 0.03) = 22. Where nothing was measured that says so, by
 * hand: 64; where all cores busy were measured to compute 1.25 times as long: 64 / 1.25 = 51.2. */
static void cores_are_worth_what_was_measured(void)
{
  struct amz_candidate c;
  struct bench b;

  open_bench(&b, 64, 64000, 0.1, 1);
  c = score(&b, 1, 64);
  ASSERT_NEAR(c.speedup, 64, 0.002);
  b.phi[0] = (struct amz_curve_point){AMZ_ALL_DOMAINS, 1, measured(1)};
  b.phi[1] = (struct amz_curve_point){AMZ_ALL_DOMAINS, 64, measured(1.25)};
  b.node.slowdown = b.phi;
  b.node.n_slowdown = 2;
  c = score(&b, 1, 64);
  ASSERT_NEAR(c.speedup, 51.2, 0.002);
  close_bench(&b);
}

/* It gives waiting tasks no more workers than there are cores: 640 tasks that wait 0.1 s of 0.1 s, on 4 cores, would take 16 s.
 * Sixty-four slots a core at most: by hand 3 rounds of 214, 0.3 s. */
static void waiting_tasks_share_cores(void)
{
  struct amz_plan p;
  struct bench b;

  open_bench(&b, 4, 640, 0.1, 0.01);
  b.work.busy = 128;
  p = plan(&b);
  CU_ASSERT(p.chosen.slots >= 214 && p.chosen.slots <= 256);
  ASSERT_NEAR(p.chosen.makespan_s, 0.3, 0.05);
  amz_plan_clear(&p);
  close_bench(&b);
}

/* Its own published measurement: 1.59 times as fast was predicted, 0.81 times was measured, as starting the workers cost more
 * than they gained. Two workers, 100 tasks of 1 ms, 73.4 ms to start both: by hand 0.1 / (0.0734 + 0.05) = 0.81. What is lost is
 * told, it pays from 0.0734 / 0.0005 = 147 tasks on, and who may choose stays with one process. */
static void a_loss_is_foreseen(void)
{
  struct amz_plan p;
  struct bench b;

  open_bench(&b, 2, 100, 0.001, 1);
  b.in.costs.launch_base_s = measured(0.0734);
  ASSERT_NEAR(score(&b, 2, 1).speedup, 0.81, 0.01);
  p = plan(&b);
  ASSERT_U64(p.chosen.layout.ranks_per_node, 1);
  amz_plan_clear(&p);
  b.in.want.nodes = 1;
  b.in.want.ranks_per_node = 2;
  b.in.want.slots_per_rank = 1;
  p = plan(&b);
  CU_ASSERT_TRUE(p.chosen.speedup < 0.83);
  ASSERT_NEAR(p.break_even_tasks, 147, 0.03);
  amz_plan_clear(&p);
  close_bench(&b);
}

int main(void)
{
  static const struct amz_test tests[] = {
    {"chunks run side by side", chunks_run_side_by_side},
    {"numbers of workers are searched", numbers_of_workers_are_searched},
    {"there are chunks for all", there_are_chunks_for_all},
    {"speedup is bounded by tasks", speedup_is_bounded_by_tasks},
    {"small costs stay small", small_costs_stay_small},
    {"samples are spread", samples_are_spread},
    {"samples are results", samples_are_results},
    {"cores are worth what was measured", cores_are_worth_what_was_measured},
    {"waiting tasks share cores", waiting_tasks_share_cores},
    {"a loss is foreseen", a_loss_is_foreseen},
    {NULL, NULL},
  };

  return amz_test_main("plan/peers' faults", tests, 60);
}
