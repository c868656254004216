/* The bar of the adaptive policy: simulated makespans over those of list scheduling without costs, of the same draws.
 *
 * usage: bench_policies [-v] [SCENARIO…]   AMZ_ALL=1: every cell, for hours; else those that take minutes
 *                                          AMZ_MOST=N: of these, cells of at most N tasks (with AMZ_ALL: every size; else 17000)
 *                                          AMZ_MEANS="1e-3 1", AMZ_SLOTS=4096, AMZ_EACH="8 64": these instead, every size;
 *                                          AMZ_SEEDS=N: instead of 20; AMZ_SEED=N: the first one, instead of 1000: tasks that
 *                                          nobody has looked at before
 * -v prints every cell. For each scenario: the median over the cells of each policy; how far adaptive is from the fixed policy
 * with the least median; and in how many cells, and by how much at most, it is behind the policy that is best in that very cell.
 * At the end the same over all scenarios, short tasks and long ones apart: for a master that serves in a microsecond, tasks of 10
 * and 100 us are another matter. */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../sim/contest.h"

#define SEEDS 20 /* at most */
#define AXIS 8   /* values of an axis, at most */
#define SHORT_S 1e-4 /* tasks up to this are short */

/* The last two are ours: told the sample of 50 tasks as the others are, and told nothing. */
static const char *const policies[] = {"static", "ss", "fsc", "gss", "tss", "fac", "fac2", "wf2", "af", "adaptive", "adaptive"};
enum { POLICIES = sizeof policies / sizeof *policies, RIVALS = POLICIES - 2, ADAPTIVE = RIVALS, BLIND = RIVALS + 1,
      CELLS_MAX = 512 };

struct grid {
  double means[AXIS], slots[AXIS], each[AXIS];
  size_t n_means, n_slots, n_each;
  uint64_t most; /* tasks of a cell */
  unsigned seeds;
  uint64_t first_seed;
};

struct cell {
  double mean_s;
  uint32_t slots;
  uint64_t each;
  double ratio[POLICIES]; /* medians over the seeds */
};

struct table {
  struct cell cells[CELLS_MAX];
  size_t n;
};

/* How ours did over many cells. */
struct total {
  size_t cells, beyond;
  double most, logs; /* of makespan over that of the best rival */
};

static int run_cell(enum contest_scenario scenario, const struct grid *g, struct cell *cell)
{
  double ratios[POLICIES][SEEDS];

  for (unsigned seed = 0; seed < g->seeds; seed++) {
    struct contest c = {.scenario = scenario, .mean_s = cell->mean_s, .slots = cell->slots, .tasks = cell->each * cell->slots,
                        .seed = g->first_seed + seed};

    if (contest_init(&c) < 0)
      return AMZ_ENOMEM;
    for (size_t p = 0; p < POLICIES; p++)
      ratios[p][seed] = contest_run(&c, policies[p], p == BLIND);
    contest_clear(&c);
  }
  for (size_t p = 0; p < POLICIES; p++)
    cell->ratio[p] = contest_median(ratios[p], g->seeds);
  return AMZ_OK;
}

static size_t best_rival(const double *ratio)
{
  size_t best = 0;

  for (size_t p = 1; p < RIVALS; p++)
    if (ratio[p] < ratio[best])
      best = p;
  return best;
}

static void print_cell(const char *scenario, const struct cell *c)
{
  size_t best = best_rival(c->ratio);

  printf("  %-11s %8.0f us %5" PRIu32 " slots x %4" PRIu64 ":", scenario, c->mean_s * 1e6, c->slots, c->each);
  for (size_t p = 0; p < POLICIES; p++)
    printf(" %7.3f", c->ratio[p]);
  printf("  %s %+.1f %% %+.1f %%\n", policies[best], (c->ratio[ADAPTIVE] / c->ratio[best] - 1) * 100,
         (c->ratio[BLIND] / c->ratio[best] - 1) * 100);
}

/* How one of ours does against the rivals. */
static void print_behind(const struct table *t, size_t ours, const double *medians)
{
  size_t best = best_rival(medians), worst = 0, beyond = 0;
  double most = -1, most_of_class = -1;

  for (size_t i = 0; i < t->n; i++) {
    const struct cell *c = &t->cells[i];
    double behind = c->ratio[ours] / c->ratio[best_rival(c->ratio)] - 1, of_class = c->ratio[ours] / c->ratio[best] - 1;

    beyond += behind > 0.10;
    if (of_class > most_of_class)
      most_of_class = of_class;
    if (behind > most) {
      most = behind;
      worst = i;
    }
  }
  printf("  %-8s median %+5.1f %% of %s's, in a cell at most %+.1f %%; of the best in each cell: %zu of %zu beyond 10 %%, at "
         "most "
         "%+.1f %% (%g us, %" PRIu32 " x %" PRIu64 ", %s)\n",
         ours == BLIND ? "untold" : "told", (medians[ours] / medians[best] - 1) * 100, policies[best], most_of_class * 100,
         beyond, t->n,
         most * 100, t->cells[worst].mean_s * 1e6, t->cells[worst].slots, t->cells[worst].each,
         policies[best_rival(t->cells[worst].ratio)]);
}

static void add_up(const struct table *t, size_t ours, struct total totals[2])
{
  for (size_t i = 0; i < t->n; i++) {
    struct total *sum = &totals[t->cells[i].mean_s > SHORT_S * 1.001];
    double ratio = t->cells[i].ratio[ours] / t->cells[i].ratio[best_rival(t->cells[i].ratio)];

    sum->cells++;
    sum->beyond += ratio > 1.10;
    sum->most = ratio > sum->most ? ratio : sum->most;
    sum->logs += log(ratio);
  }
}

static void print_totals(const char *whose, const struct total totals[2])
{
  static const char *const of[] = {"short", "long"};

  for (unsigned i = 0; i < 2; i++)
    if (totals[i].cells)
      printf("%-8s %-5s tasks: %3zu of %3zu cells beyond 10 %%, at most %+.1f %%, geometric mean %+.2f %%\n", whose, of[i],
             totals[i].beyond,
             totals[i].cells, (totals[i].most - 1) * 100, expm1(totals[i].logs / (double)totals[i].cells) * 100);
}

static void print_table(const char *scenario, const struct table *t)
{
  double values[CELLS_MAX], medians[POLICIES];

  printf("%-11s", scenario);
  for (size_t p = 0; p < POLICIES; p++) {
    for (size_t i = 0; i < t->n; i++)
      values[i] = t->cells[i].ratio[p];
    medians[p] = contest_median(values, t->n);
    printf(" %8.3f", medians[p]);
  }
  printf("\n");
  print_behind(t, ADAPTIVE, medians);
  print_behind(t, BLIND, medians);
}

static int run_scenario(enum contest_scenario scenario, const struct grid *g, bool verbose, struct table *t)
{
  t->n = 0;
  for (size_t m = 0; m < g->n_means; m++)
    for (size_t s = 0; s < g->n_slots; s++)
      for (size_t e = 0; e < g->n_each; e++) {
        struct cell *cell = &t->cells[t->n];

        if (g->slots[s] * g->each[e] > (double)g->most || t->n == CELLS_MAX)
          continue;
        *cell = (struct cell){.mean_s = g->means[m], .slots = (uint32_t)g->slots[s], .each = (uint64_t)g->each[e]};
        if (run_cell(scenario, g, cell) < 0)
          return AMZ_ENOMEM;
        if (verbose)
          print_cell(contest_names[scenario], cell);
        t->n++;
      }
  print_table(contest_names[scenario], t);
  (void)fflush(stdout);
  return AMZ_OK;
}

static bool is_wanted(const char *name, char **names, int n)
{
  for (int i = 0; i < n; i++)
    if (strcmp(name, names[i]) == 0)
      return true;
  return n == 0;
}

/* Numbers from the environment in place of those of an axis. \return whether there are any. */
static bool wish_axis(const char *name, double *values, size_t *n)
{
  const char *text = getenv(name);
  double value;
  char *end;

  if (!text || strtod(text, NULL) <= 0)
    return false;
  for (*n = 0; *n < AXIS && (value = strtod(text, &end)) > 0 && value <= UINT32_MAX; text = end)
    values[(*n)++] = value;
  return true;
}

/* \return the grid of the wish, as far as it goes. */
static struct grid wished(void)
{
  static const struct grid all = {{1e-5, 1e-4, 1e-3, 1e-2, 1e-1, 1, 10}, {2, 16, 128, 1024, 4096}, {8, 64, 1024}, 7, 5, 3,
                                  UINT64_MAX, SEEDS, 1000};
  static const struct grid few = {{1e-5, 1e-4, 1e-3, 1e-1, 10}, {2, 16, 128, 1024}, {8, 64, 1024}, 5, 4, 3, 17000, SEEDS, 1000};
  const char *wish = getenv("AMZ_ALL"), *most = getenv("AMZ_MOST"), *seeds = getenv("AMZ_SEEDS"), *first = getenv("AMZ_SEED");
  struct grid grid = wish && strcmp(wish, "1") == 0 ? all : few;
  bool means = wish_axis("AMZ_MEANS", grid.means, &grid.n_means), slots = wish_axis("AMZ_SLOTS", grid.slots, &grid.n_slots);

  if (wish_axis("AMZ_EACH", grid.each, &grid.n_each) || means || slots)
    grid.most = UINT64_MAX;
  if (most && strtoull(most, NULL, 10) > 0)
    grid.most = strtoull(most, NULL, 10);
  if (seeds && strtoul(seeds, NULL, 10) > 0 && strtoul(seeds, NULL, 10) <= SEEDS)
    grid.seeds = (unsigned)strtoul(seeds, NULL, 10);
  if (first && strtoull(first, NULL, 10) > 0)
    grid.first_seed = strtoull(first, NULL, 10);
  return grid;
}

int main(int argc, char **argv)
{
  static struct table table;
  const struct grid grid = wished();
  struct total told[2] = {{0}}, untold[2] = {{0}};
  bool verbose = argc > 1 && strcmp(argv[1], "-v") == 0;
  int rc = AMZ_OK;

  printf("%-11s", "");
  for (size_t p = 0; p < POLICIES; p++)
    printf(" %8s", p == BLIND ? "untold" : policies[p]);
  printf("\n");
  for (unsigned s = 0; s < CONTEST_SCENARIOS && rc == AMZ_OK; s++) {
    if (!is_wanted(contest_names[s], argv + 1 + verbose, argc - 1 - verbose))
      continue;
    rc = run_scenario((enum contest_scenario)s, &grid, verbose, &table);
    add_up(&table, ADAPTIVE, told);
    add_up(&table, BLIND, untold);
  }
  print_totals("told", told);
  print_totals("untold", untold);
  return rc < 0;
}
