/* How plans hand out tasks: by which policy, in chunks of which length. What must come of it is known where tasks are alike. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <amorsize/plan.h>
#include <amorsize/policy.h>
#include <amorsize/rng.h>

#include "../../support/tap.h"

#define SEEN 50u

static struct amz_quantity measured(double x)
{
  return (struct amz_quantity){x, x, x, 5, AMZ_MEASURED};
}

/* Some work on nodes that are all alike, whose masters are slow. */
struct scene {
  const char *what;
  uint64_t tasks;
  double mean_s, cv;
  uint32_t nodes, cores;
  double chunk_s, service_s;
};

struct bench {
  struct amz_workload work;
  struct amz_node node;
  struct amz_plan_nodes nodes;
  struct amz_plan_input in;
};

static void open_bench(struct bench *b, const struct scene *s)
{
  double sigma2 = log(1 + s->cv * s->cv);
  struct amz_observation seen[SEEN];
  struct amz_rng rng;

  amz_rng_seed(&rng, 11);
  memset(b, 0, sizeof *b);
  for (uint32_t i = 0; i < SEEN; i++) {
    double wall_s = s->mean_s * exp(sqrt(sigma2) * amz_rng_normal(&rng) - sigma2 / 2);

    seen[i] = (struct amz_observation){.index = i, .threads = 1, .busy = s->cores, .wall_s = wall_s, .cpu_s = wall_s};
  }
  CU_ASSERT_EQUAL_FATAL(amz_workload_fit(seen, SEEN, s->tasks, 0.95, &b->work), AMZ_OK);
  b->work.apart = true;
  b->node = (struct amz_node){.packages = 1, .cores = s->cores, .units = s->cores, .allowed_cores = s->cores,
                              .allowed_cpu = s->cores, .memory_bytes = UINT64_C(1) << 40,
                              .allowed_memory_bytes = UINT64_C(1) << 40};
  b->nodes = (struct amz_plan_nodes){&b->node, s->nodes, 1};
  b->in = (struct amz_plan_input){.work = &b->work, .nodes = &b->nodes, .n_nodes = 1,
    .costs = {.chunk_s = measured(s->chunk_s), .service_s = measured(s->service_s)},
    .want = {.nodes = s->nodes, .ranks_per_node = 1, .slots_per_rank = s->cores, .threads_per_task = 1, .max_workers = AMZ_AUTO,
             .policy = "adaptive", .chunk_s = 0.2, .chunk_min_s = 0.05, .chunk_max_s = 1, .policy_free = true,
             .target_free = true}};
}

static struct amz_plan plan_of(const struct bench *b, const char *what)
{
  struct amz_plan plan = {.n_others = 0};
  struct amz_error err = {0};
  int rc = amz_plan_make(&b->in, &plan, &err);

  if (rc < 0)
    (void)printf("# %s: %s\n", what, err.text);
  CU_ASSERT_EQUAL_FATAL(rc, AMZ_OK);
  return plan;
}

static void close_bench(struct bench *b)
{
  amz_workload_clear(&b->work);
}

/* Even tasks, and a master who takes long for each chunk: static needs K/W tasks of each slot, one chunk's way, and the master
 * once for each slot. What is taken is no slower than that, and nobody is faster than K/W tasks. */
static void test_even_tasks(void)
{
  static const struct scene rows[] = {
    {"1 ms on 128 slots", 2048, 1e-3, 0, 8, 16, 1e-3, 1e-4},
    {"10 ms on 256 slots", 2048, 0.01, 0, 16, 16, 1e-3, 1e-4},
  };

  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    const struct scene *s = &rows[i];
    double slots = (double)s->nodes * s->cores, least_s = (double)s->tasks * s->mean_s / slots;
    struct amz_plan plan, as_given;
    struct bench b;

    open_bench(&b, s);
    plan = plan_of(&b, s->what);
    b.in.want.policy_free = b.in.want.target_free = false;
    as_given = plan_of(&b, s->what);
    ASSERT_ROW_U64(s->what, strcmp(plan.chosen.policy, "adaptive") != 0, true);
    ASSERT_ROW_U64(s->what, plan.chosen.makespan_s >= least_s * (1 - 1e-9), true);
    ASSERT_ROW_U64(s->what, plan.chosen.makespan_s <= least_s + s->chunk_s + slots * s->service_s, true);
    ASSERT_ROW_U64(s->what, plan.chosen.makespan_s <= as_given.chosen.makespan_s * 0.98, true);
    ASSERT_ROW_U64(s->what, plan.n_chunkings >= 1, true);
    for (size_t k = 0; k < plan.n_chunkings; k++) {
      ASSERT_ROW_U64(s->what, strcmp(plan.chunkings[k].policy, plan.chosen.policy) != 0, true);
      ASSERT_ROW_U64(s->what, k == 0 || plan.chunkings[k].total_s >= plan.chunkings[k - 1].total_s, true);
    }
    ASSERT_ROW_TEXT(s->what, as_given.chosen.policy, "adaptive");
    ASSERT_ROW_TEXT(s->what, as_given.why_chunks, "as given");
    ASSERT_ROW_U64(s->what, as_given.n_chunkings, 0);
    amz_plan_clear(&plan);
    amz_plan_clear(&as_given);
    close_bench(&b);
  }
}

/* What is given stays: a policy, whatever others would bring; a target within its bounds. */
static void test_given(void)
{
  static const struct {
    const char *what, *policy;
    bool policy_free, target_free;
  } rows[] = {{"all", "adaptive", false, false}, {"adaptive", "adaptive", false, true}, {"ss", "ss", false, true},
              {"gss", "gss", false, false}};
  static const struct scene scene = {"busy", 2048, 1e-3, 0, 8, 16, 1e-3, 1e-4};

  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    struct amz_plan plan;
    struct bench b;

    open_bench(&b, &scene);
    b.in.want.policy = rows[i].policy;
    b.in.want.policy_free = rows[i].policy_free;
    b.in.want.target_free = rows[i].target_free;
    plan = plan_of(&b, rows[i].what);
    ASSERT_ROW_TEXT(rows[i].what, plan.chosen.policy, rows[i].policy);
    if (strcmp(rows[i].policy, "adaptive") != 0) /* has none */
      ASSERT_ROW_U64(rows[i].what, plan.chosen.chunk_s > 0, false);
    else if (rows[i].target_free)
      ASSERT_ROW_U64(rows[i].what, plan.chosen.chunk_s >= 0.05 && plan.chosen.chunk_s <= 1, true);
    else
      ASSERT_ROW_U64(rows[i].what, plan.chosen.chunk_s > 0.199 && plan.chosen.chunk_s < 0.201, true);
    for (size_t k = 0; k < plan.n_chunkings; k++)
      ASSERT_ROW_TEXT(rows[i].what, plan.chunkings[k].policy, rows[i].policy);
    amz_plan_clear(&plan);
    close_bench(&b);
  }
}

/* Where nothing can be won, nothing is played; where uneven tasks make large chunks a risk, the default stays. */
static void test_default_stays(void)
{
  static const struct {
    struct scene scene;
    bool tried;
  } rows[] = {
    {{"even tasks of a second", 256, 1, 0, 1, 16, 1e-4, 2e-6}, false},
    {{"many a slot", 20000, 0.01, 0.5, 1, 16, 1e-4, 2e-6}, false},
    {{"one each", 16, 0.01, 0.5, 1, 16, 1e-4, 2e-6}, false},
    {{"too many for the budget", 2000000, 1e-5, 0, 8, 16, 1e-4, 1e-5}, false},
    {{"uneven ones", 512, 0.05, 2, 1, 16, 1e-4, 2e-6}, true},
  };

  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    const char *what = rows[i].scene.what;
    struct amz_plan plan;
    struct bench b;

    open_bench(&b, &rows[i].scene);
    plan = plan_of(&b, what);
    ASSERT_ROW_TEXT(what, plan.chosen.policy, "adaptive");
    CU_ASSERT_DOUBLE_EQUAL(plan.chosen.chunk_s, 0.2, 1e-12);
    if (!rows[i].tried)
      ASSERT_ROW_U64(what, plan.n_chunkings, 0);
    ASSERT_ROW_U64(what, strlen(plan.why_chunks) > 0, true);
    amz_plan_clear(&plan);
    close_bench(&b);
  }
}

/* The best plan for more nodes is one for fewer of them, at worst; "within 2 % of the fastest, the smallest". */
static void test_more_nodes(void)
{
  static const struct scene rows[] = {
    {"even", 1024, 1e-3, 0, 1, 8, 1e-3, 1e-4},
    {"uneven", 1024, 2e-3, 0.5, 1, 8, 1e-3, 1e-4},
  };

  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    double best_s = INFINITY;
    struct bench b;

    open_bench(&b, &rows[i]);
    b.in.want.nodes = b.in.want.slots_per_rank = AMZ_AUTO;
    for (b.nodes.count = 1; b.nodes.count <= 8; b.nodes.count++) {
      struct amz_plan plan = plan_of(&b, rows[i].what);
      char row[64];

      (void)snprintf(row, sizeof row, "%s, %u nodes: %s", rows[i].what, b.nodes.count, plan.chosen.policy);
      ASSERT_ROW_U64(row, plan.chosen.total_s <= best_s * 1.02 * (1 + 1e-9), true);
      if (plan.chosen.total_s > best_s * 1.02)
        (void)printf("# %s: %g s, fewer: %g s\n", row, plan.chosen.total_s, best_s);
      best_s = fmin(best_s, plan.chosen.total_s);
      amz_plan_clear(&plan);
    }
    close_bench(&b);
  }
}

/* The same input, the same plan. */
static void test_again(void)
{
  static const struct scene scene = {"busy", 1024, 1e-3, 0.5, 4, 16, 1e-3, 1e-4};
  struct amz_plan one, two;
  struct bench b;

  open_bench(&b, &scene);
  b.in.unforeseen = amz_assumed(0.05);
  one = plan_of(&b, scene.what);
  two = plan_of(&b, scene.what);
  ASSERT_TEXT(one.chosen.policy, two.chosen.policy);
  ASSERT_TEXT(one.why_chunks, two.why_chunks);
  CU_ASSERT_DOUBLE_EQUAL(one.chosen.makespan_s, two.chosen.makespan_s, 0);
  amz_plan_clear(&one);
  amz_plan_clear(&two);
  close_bench(&b);
}

/* A plan simulates no more than it may, whatever is free to be chosen: layouts, and who hands out their tasks. */
static void test_budget(void)
{
  static const struct {
    const char *what;
    struct scene scene;
    bool layout_free;
    uint64_t budget; /* 0: the default */
  } rows[] = {
    {"tasks that differ on 2048 slots", {"", 16384, 0.01, 0.5, 128, 16, 1e-3, 1e-4}, false, 0},
    {"all layouts of 2048 slots", {"", 65536, 0.1, 1, 128, 16, 1e-4, 1e-5}, true, 0},
    {"little to spend", {"", 2048, 1e-3, 0, 8, 16, 1e-3, 1e-4}, true, 60000},
    {"enough for all", {"", 512, 1e-3, 1, 4, 16, 1e-3, 1e-4}, true, 200000},
  };

  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    struct amz_plan plan;
    struct bench b;

    open_bench(&b, &rows[i].scene);
    b.in.chunk_budget = rows[i].budget;
    if (rows[i].layout_free)
      b.in.want.nodes = b.in.want.ranks_per_node = b.in.want.slots_per_rank = AMZ_AUTO;
    plan = plan_of(&b, rows[i].what);
    ASSERT_ROW_U64(rows[i].what, plan.simulated > 0 && plan.played_tasks > 0, true);
    ASSERT_ROW_U64(rows[i].what, plan.played_tasks <= (rows[i].budget ? rows[i].budget : 1000000), true);
    amz_plan_clear(&plan);
    close_bench(&b);
  }
}

/* Tasks of all lengths whose chunks cost nothing: list scheduling is as good as it gets, and adaptive is about as good, so nobody
 * else is played. */
static void test_nothing_to_win(void)
{
  static const struct scene scene = {"free chunks", 4096, 0.1, 0.5, 4, 16, 1e-6, 1e-7};
  struct amz_plan plan;
  struct bench b;

  open_bench(&b, &scene);
  plan = plan_of(&b, scene.what);
  ASSERT_ROW_TEXT(scene.what, plan.chosen.policy, "adaptive");
  ASSERT_ROW_U64(scene.what, plan.n_chunkings, 0);
  ASSERT_ROW_U64(scene.what, strstr(plan.why_chunks, "no other way could gain 2 %") != NULL, true);
  amz_plan_clear(&plan);
  close_bench(&b);
}

int main(void)
{
  static const struct amz_test tests[] = {
    {"even tasks and a busy master: no slower than static", test_even_tasks}, {"what is given stays", test_given},
    {"no more is simulated than may be", test_budget}, {"nothing to win, nobody played", test_nothing_to_win},
    {"the default stays where it is good", test_default_stays}, {"more nodes are never worse", test_more_nodes},
    {"the same again", test_again},
    {NULL, NULL}};

  return amz_test_main("chunks", tests, 120);
}
