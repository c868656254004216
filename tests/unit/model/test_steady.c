/* Tasks whose machine doesn't keep its pace, and tasks that are told of by orders. Oracles: hand computation; how often chance
 * may be taken for drift. */
#include <math.h>
#include <stdio.h>

#include <amorsize/rng.h>
#include <amorsize/workload.h>

#include "../../support/tap.h"

#define SEEN 48u /* twelve batches of four */
#define LISTS 400u

static const struct row {
  const char *row;
  size_t n;
  double first, second, swing; /* times of either half; every other task takes `swing` more, the others as much less */
  double drift;
} rows[] = {
  {"all alike", SEEN, 1, 1, 0, 0},
  {"tasks differ, batches don't", SEEN, 1, 1, 0.5, 0},
  /* one of eleven steps is 1: 1 / 22 beside no variance at all; √(2 / 22) over the mean of 1.5 */
  {"the second half takes twice as long", SEEN, 1, 2, 0, 0.2010},
  {"and half as long", SEEN, 2, 1, 0, 0.2010},
  /* within batches of four: 0.01 · 4 / 3, a quarter of it by chance: √(2 (1 / 22 − 0.01 / 3)) / 1.5 */
  {"which also shows when tasks differ a little", SEEN, 1, 2, 0.1, 0.1935},
  /* 1 / 22 isn't 2.3 times 0.25 / 3 */
  {"and doesn't when they differ as much", SEEN, 1, 2, 0.5, 0},
  {"too few to tell", 35, 1, 2, 0, 0},
};

static void test_rows(void)
{
  for (size_t k = 0; k < sizeof rows / sizeof *rows; k++) {
    const struct row *r = &rows[k];
    struct amz_observation seen[SEEN];
    struct amz_workload w;

    for (size_t i = 0; i < r->n; i++) {
      double wall_s = (i < r->n / 2 ? r->first : r->second) + (i % 2 ? r->swing : -r->swing);

      seen[i] = (struct amz_observation){.index = (i * 29) % SEEN, .threads = 1, .busy = 2, .wall_s = wall_s, .cpu_s = wall_s};
    }
    ASSERT_ROW_I64(r->row, amz_workload_fit(seen, r->n, SEEN, 0.95, &w), AMZ_OK);
    if (fabs(w.drift - r->drift) > 0.0001) {
      printf("# %s: %.4f instead of %.4f\n", r->row, w.drift, r->drift);
      CU_FAIL("the drift");
    }
    amz_workload_clear(&w);
  }
}

/* Of tasks that know nothing of each other, in one of fifty lists at most three times that, whatever their times'
 * distribution. */
static void test_chance(void)
{
  for (int exponential = 0; exponential < 2; exponential++) {
    size_t taken = 0;

    for (uint64_t list = 0; list < LISTS; list++) {
      struct amz_observation seen[5 * SEEN];
      struct amz_workload w;
      struct amz_rng rng;

      amz_rng_seed(&rng, list);
      for (size_t i = 0; i < 5 * SEEN; i++) {
        double wall_s = exponential ? amz_rng_exponential(&rng) : fmax(0, 1 + 0.2 * amz_rng_normal(&rng));

        seen[i] = (struct amz_observation){.index = (i * 29) % (5 * SEEN), .threads = 1, .busy = 2, .wall_s = wall_s,
                                           .cpu_s = wall_s};
      }
      CU_ASSERT_EQUAL_FATAL(amz_workload_fit(seen, 5 * SEEN, 5 * SEEN, 0.95, &w), AMZ_OK);
      taken += w.drift > 0;
      amz_workload_clear(&w);
    }
    printf("# %s times: drift in %zu of %u lists\n", exponential ? "exponential" : "normal", taken, LISTS);
    CU_ASSERT(taken <= LISTS * 6 / 100);
  }
}

/* Three tasks of 1 s each, told of as one, and one of 2 s: a mean of 1.25 s. What is left, 3 · (1 − 1.25) and 2 − 1.25, each
 * 0.75: its error is √(2 · 0.75² · 2) / 4 = 0.375, times Student's 12.706 more than the mean. */
static void test_orders(void)
{
  const struct amz_observation seen[] = {{.index = 1, .threads = 1, .busy = 1, .wall_s = 1, .cpu_s = 1, .count = 3},
                                         {.index = 4, .threads = 1, .busy = 1, .wall_s = 2, .cpu_s = 2, .count = 1}};
  struct amz_workload w;

  CU_ASSERT_EQUAL_FATAL(amz_workload_fit(seen, 2, 100, 0.95, &w), AMZ_OK);
  CU_ASSERT_DOUBLE_EQUAL(w.mean_s.value, 1.25, 1e-9);
  CU_ASSERT_DOUBLE_EQUAL((w.wall_s[0] + w.wall_s[1]) / 2, 1.25, 1e-9);
  CU_ASSERT_DOUBLE_EQUAL(w.wall_s[1] / w.wall_s[0], 2, 1e-9);
  CU_ASSERT_DOUBLE_EQUAL(w.mean_s.low, 0, 1e-9);
  CU_ASSERT_DOUBLE_EQUAL(w.mean_s.high, 1.25 + 12.706 * 0.375, 0.001);
  amz_workload_clear(&w);
}

int main(void)
{
  static const struct amz_test tests[] = {{"drift by hand", test_rows}, {"chance isn't taken for drift", test_chance},
                                          {"orders count by their tasks", test_orders}, {NULL, NULL}};

  return amz_test_main("model: whether tasks keep their pace", tests, 0);
}
