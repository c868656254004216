/* Plans over many machines and kinds of work, and what holds for each of them: synthetic descriptions, the XML files in
 * tests/data/topologies, and those of a folder that AMZ_TOPOLOGY_DIR names. What holds is looked at where it counts: on the cores
 * that ranks and slots would get. */
#include <dirent.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <amorsize/measure.h>
#include <amorsize/memory.h>
#include <amorsize/plan.h>
#include <amorsize/rng.h>

#include "../../support/tap.h"
#include "../node/injected.h"

#define SEEN 30
#define SLOTS_MAX 640u /* cores of all nodes together: playing plans out for more takes too long here */
#define CLOSE 1.02      /* a plan may be so much slower than the fastest, if it is smaller */

struct work {
  const char *what;
  double mean_s, cv, cpu;
  double memory_share;  /* peak of a task over the node's memory */
  double slowdown;      /* beside all cores busy over alone; 0: not seen */
  double serial;        /* f of Amdahl's law; < 0: threads weren't looked at */
  uint64_t tasks;
};

static const struct work works[] = {
  {"computing", 0.5, 0.3, 1, 1e-4, 0, -1, 5000},
  {"memory-bound", 0.2, 0.2, 1, 1e-3, 3, -1, 5000},
  {"waiting", 0.3, 0.5, 0.05, 1e-5, 0, -1, 3000},
  {"threaded, few", 20, 0.2, 1, 1e-4, 0, 0.05, 12},
  {"threaded, many", 2, 0.4, 1, 1e-3, 0, 0.02, 1000},
  {"of huge memory", 1, 0.3, 1, 0.15, 0, 0.1, 500},
};

static const char *const synthetic[] = {
  "core:1 pu:1",
  "core:6 pu:2",
  "pack:2 numa:1 core:8 pu:2",
  "pack:2 numa:4 l3:2 core:8 pu:1",
  "pack:1 numa:8 core:16 pu:1",
  "pack:2 core:48 pu:2",
  "pack:8 numa:1 core:1 pu:1",
};

static struct amz_quantity measured(double x)
{
  return (struct amz_quantity){x, x, x, 5, AMZ_MEASURED};
}

/* ---- one machine ------------------------------------------------------------------------------------------------------- */

struct sweep {
  const struct amz_node *node;
  const struct work *work;
  struct amz_workload w;
  char row[512];
};

static uint64_t memory_of(const struct amz_node *node)
{
  return node->allowed_memory_bytes ? node->allowed_memory_bytes : node->memory_bytes;
}

static void observe(struct sweep *s)
{
  const struct work *work = s->work;
  double sigma2 = log(1 + work->cv * work->cv);
  struct amz_observation seen[SEEN];
  struct amz_rng rng;

  amz_rng_seed(&rng, 7);
  for (uint32_t i = 0; i < SEEN; i++) {
    double wall = work->mean_s * exp(sqrt(sigma2) * amz_rng_normal(&rng) - sigma2 / 2);

    seen[i] = (struct amz_observation){.index = i, .threads = 1, .busy = 1, .wall_s = wall, .cpu_s = work->cpu * wall,
                                       .rss_bytes = (uint64_t)(work->memory_share * (double)memory_of(s->node))};
  }
  CU_ASSERT_EQUAL_FATAL(amz_workload_fit(seen, SEEN, work->tasks, 0.95, &s->w), AMZ_OK);
  if (work->serial >= 0)
    s->w.serial = measured(work->serial);
  if (work->slowdown > 0)
    s->w.slowdown = measured(work->slowdown);
}

/* Of the core that is the place-th of ours. */
static uint32_t domain_of(const struct amz_node *node, uint32_t place)
{
  for (uint32_t i = 0; i < node->cores; i++)
    if (node->core[i].allowed_units > 0 && place-- == 0)
      return node->core[i].domain;
  return AMZ_NO_DOMAIN;
}

/* Whether our cores [from, from + n) lie in one domain. */
static bool are_together(const struct amz_node *node, uint32_t from, uint32_t n)
{
  for (uint32_t i = 1; i < n; i++)
    if (domain_of(node, from + i) != domain_of(node, from))
      return false;
  return true;
}

/* No domain has as many cores as one task uses: then it can't be helped. */
static bool needs_more_than_a_domain(const struct amz_node *node, uint32_t threads)
{
  for (size_t i = 0; i < node->n_domains; i++)
    if (node->domains[i].allowed_cores >= threads)
      return false;
  return true;
}

static bool domains_are_even(const struct amz_node *node)
{
  uint32_t some = 0;

  for (size_t i = 0; i < node->n_domains; i++)
    if (node->domains[i].allowed_cores) {
      if (some && node->domains[i].allowed_cores != some)
        return false;
      some = node->domains[i].allowed_cores;
    }
  return true;
}

/* Ranks share out our cores evenly, in their order, and slots take theirs from the first on, as a run does it. */
static bool ranks_stay_in_domains(const struct amz_node *node, const struct amz_plan_layout *l)
{
  for (uint32_t r = 0; r < l->ranks_per_node; r++)
    if (!are_together(node, (uint32_t)((uint64_t)node->allowed_cores * r / l->ranks_per_node), l->slots_per_rank * l->threads))
      return false;
  return true;
}

static void check_candidate(const struct sweep *s, const struct amz_candidate *c)
{
  const struct amz_plan_layout *l = &c->layout;
  uint64_t on_node = (uint64_t)l->ranks_per_node * l->slots_per_rank;
  bool computes = s->w.kind != AMZ_WORK_IO;
  char row[700];

  (void)snprintf(row, sizeof row, "%s: %u × %u × %u × %u", s->row, l->nodes, l->ranks_per_node, l->slots_per_rank, l->threads);
  ASSERT_ROW_U64(row, !computes || on_node * l->threads <= s->node->allowed_cores, true);
  ASSERT_ROW_U64(row, (double)on_node * (double)s->w.rss_bytes <= AMZ_MEMORY_HEADROOM * (double)memory_of(s->node), true);
  if (computes && !domains_are_even(s->node)) /* equal shares can't follow them */
    ASSERT_ROW_U64(row, l->ranks_per_node, 1);
  else if (computes && s->node->n_domains > 1 && !needs_more_than_a_domain(s->node, l->threads))
    ASSERT_ROW_U64(row, ranks_stay_in_domains(s->node, l), true);
  ASSERT_ROW_U64(row, isfinite(c->total_s) && c->total_s > 0 && c->makespan_s >= c->bound_s * 0.999, true);
  ASSERT_ROW_U64(row, c->speedup <= (double)s->work->tasks * amz_thread_speedup(fmax(s->work->serial, 0), l->threads) * 1.001,
                 true);
}

/* \return the plan's time. */
static double plan_for(const struct sweep *s, uint32_t nodes)
{
  const struct amz_plan_nodes kinds = {s->node, nodes, 1};
  struct amz_plan_input in = {.work = &s->w, .nodes = &kinds, .n_nodes = 1, .replicates = 2, .chunk_budget = 2000,
    .want = {.goal = AMZ_GOAL_TIME, .nodes = AMZ_AUTO, .ranks_per_node = AMZ_AUTO, .slots_per_rank = AMZ_AUTO,
             .threads_per_task = AMZ_AUTO,
             .max_workers = AMZ_AUTO, .policy = "adaptive"},
    .costs = {.gap_s = measured(0.001), .chunk_s = measured(0.0001), .service_s = measured(2e-6), .launch_base_s = measured(0.4),
              .launch_per_rank_s = measured(0.05)}};
  struct amz_plan plan = {.n_others = 0};
  struct amz_error err = {.text = ""};
  double total_s;

  if (amz_plan_make(&in, &plan, &err) < 0) {
    ASSERT_ROW_TEXT(s->row, err.text, "a plan");
    return 0;
  }
  check_candidate(s, &plan.chosen);
  for (size_t i = 0; i < plan.n_others; i++)
    check_candidate(s, &plan.others[i]);
  total_s = plan.chosen.total_s;
  amz_plan_clear(&plan);
  return total_s;
}

/* With more nodes at hand no plan is slower than the best one for fewer. */
static void sweep_nodes(struct sweep *s, const char *machine)
{
  static const uint32_t counts[] = {1, 2, 3, 5, 18};
  double best_s = INFINITY;

  for (size_t i = 0; i < sizeof counts / sizeof *counts && (i == 0 || (uint64_t)counts[i] * s->node->cores <= SLOTS_MAX); i++) {
    double total_s;

    (void)snprintf(s->row, sizeof s->row, "%s, %s, %u nodes", machine, s->work->what, counts[i]);
    total_s = plan_for(s, counts[i]);
    if (total_s > best_s * CLOSE)
      ASSERT_ROW_U64(s->row, total_s * 1e6, best_s * 1e6);
    best_s = total_s < best_s ? total_s : best_s;
  }
}

static void sweep_machine(const char *topology, const char *name)
{
  static const struct pair nothing[] = {{NULL, NULL}};
  struct amz_environment env = injected_environment(nothing);
  const struct amz_look look = {.topology = topology, .env = &env};
  struct amz_error err = {.text = ""};
  struct amz_diags diags;
  struct amz_node node;

  amz_diags_init(&diags);
  if (amz_node_look(&look, &diags, &err, &node) < 0) {
    ASSERT_ROW_TEXT(name, err.text, "loads");
    amz_diags_clear(&diags);
    return;
  }
  CU_ASSERT_EQUAL_FATAL(amz_node_assume(&node, &err), AMZ_OK);
  for (size_t i = 0; i < sizeof works / sizeof *works; i++) {
    struct sweep s = {.node = &node, .work = &works[i]};

    observe(&s);
    sweep_nodes(&s, name);
    amz_workload_clear(&s.w);
  }
  amz_node_clear(&node);
  amz_diags_clear(&diags);
}

/* ---- many -------------------------------------------------------------------------------------------------------------- */

static void synthetic_machines(void)
{
  for (size_t i = 0; i < sizeof synthetic / sizeof *synthetic; i++)
    sweep_machine(synthetic[i], synthetic[i]);
}

/* \return how many were there. */
static unsigned sweep_folder(const char *path)
{
  DIR *dir = opendir(path);
  struct dirent *entry;
  char file[8192];
  unsigned n = 0;

  while (dir && (entry = readdir(dir))) {
    size_t len = strlen(entry->d_name);

    if (len < 5 || strcmp(entry->d_name + len - 4, ".xml") != 0)
      continue;
    (void)snprintf(file, sizeof file, "%s/%s", path, entry->d_name);
    sweep_machine(file, entry->d_name);
    n++;
  }
  if (dir)
    CU_ASSERT(closedir(dir) == 0);
  return n;
}

static void described_machines(void)
{
  const char *source = getenv("top_srcdir");
  char path[4096];

  (void)snprintf(path, sizeof path, "%s/tests/data/topologies", source ? source : ".");
  if (sweep_folder(path) == 0)
    amz_test_skip("tests/data/topologies has no XML files");
}

static void machines_of_the_user(void)
{
  const char *path = getenv("AMZ_TOPOLOGY_DIR");

  if (!path)
    amz_test_skip("AMZ_TOPOLOGY_DIR names no folder of topologies");
  else
    CU_ASSERT_TRUE(sweep_folder(path) > 0);
}

int main(void)
{
  static const struct amz_test tests[] = {
    {"synthetic machines", synthetic_machines},
    {"described machines", described_machines},
    {"machines of the user", machines_of_the_user},
    {NULL, NULL},
  };

  return amz_test_main("plan/sweep", tests, 120);
}
