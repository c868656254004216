/* Threads, relations, and tasks that are foreseen. Oracles: laws that the observations were made by, printed tables of Student's
 * t, hand computation, the nominal coverage of intervals over seeded draws. */
#include <math.h>
#include <stdlib.h>

#include <amorsize/rng.h>
#include <amorsize/workload.h>

#include "../../support/tap.h"

static bool near(double a, double b, double tolerance)
{
  return fabs(a - b) <= tolerance;
}

/* ---- threads ---------------------------------------------------------------------------------------------------------- */

struct seen_at {
  uint32_t threads;
  double wall_s[3];
};

struct expected_at {
  uint32_t threads;
  double speedup; /* as planned with */
};

static const struct {
  const char *row;
  struct seen_at seen[6];
  double serial; /* < 0: not checked */
  uint32_t most, falls;
  struct expected_at expected[5];
} programs[] = {
  {"Amdahl, f = 0.25: 2 + 6/t seconds", {{1, {8, 8.4, 7.6}}, {2, {5, 5.1, 4.9}}, {4, {3.5, 3.6, 3.4}}}, 0.25, 4, 0,
   {{1, 1}, {2, 1.6}, {4, 16 / 7.0}, {8, 8 / 2.75}}},
  {"threads bring nothing", {{1, {2, 2.02, 1.98}}, {2, {2, 2.01, 1.99}}, {4, {2, 2.02, 1.98}}}, 1, 4, 0,
   {{2, 1}, {4, 1}, {16, 1}}},
  {"all is parallel", {{1, {8, 8.1, 7.9}}, {2, {4, 4.1, 3.9}}, {4, {2, 2.05, 1.95}}}, 0, 4, 0, {{2, 2}, {4, 4}, {3, 3}}},
  {"retrograde: fastest with four, slower with eight, and no more is said beyond",
   {{1, {8, 8.1, 7.9}}, {2, {4.2, 4.1, 4.3}}, {4, {2.4, 2.5, 2.3}}, {8, {4, 4.1, 3.9}}}, -1, 8, 8,
   {{4, 8 / 2.4}, {8, 2}, {16, 2}}},
  {"between sampled counts a line in 1/t", {{1, {6, 6.01, 5.99}}, {3, {2, 2.01, 1.99}}, {6, {3, 3.01, 2.99}}}, -1, 6, 6,
   {{3, 3}, {6, 2}, {4, 2.4}}},
  {"noise hides what law it is: the law stands", {{1, {8, 12, 4}}, {2, {5.4, 8, 2.8}}}, -1, 2, 0, {{1, 1}, {2, 8 / 5.4}}},
  {"one count tells nothing", {{2, {5, 5, 5}}}, -1, 2, 0, {{1, 1}, {2, 1}, {4, 1}}},
};

static size_t observe(const struct seen_at *seen, struct amz_observation *ret)
{
  size_t n = 0;

  for (size_t g = 0; seen[g].threads; g++)
    for (size_t k = 0; k < 3; k++, n++)
      ret[n] = (struct amz_observation){.index = n, .threads = seen[g].threads, .busy = 1, .wall_s = seen[g].wall_s[k],
                                        .cpu_s = 1};
  return n;
}

static void test_threads(void)
{
  for (size_t i = 0; i < sizeof programs / sizeof *programs; i++) {
    struct amz_observation seen[18];
    size_t n = observe(programs[i].seen, seen);
    struct amz_workload w;

    ASSERT_ROW_I64(programs[i].row, amz_workload_fit(seen, n, 100, 0.95, &w), AMZ_OK);
    if (programs[i].serial >= 0)
      ASSERT_ROW_I64(programs[i].row, lround(1000 * w.serial.value), lround(1000 * programs[i].serial));
    ASSERT_ROW_U64(programs[i].row, w.serial.low <= w.serial.value && w.serial.value <= w.serial.high, 1);
    ASSERT_ROW_U64(programs[i].row, amz_workload_threads_seen(&w), programs[i].most);
    ASSERT_ROW_U64(programs[i].row, amz_workload_falls_from(&w), programs[i].falls);
    for (size_t k = 0; k < 5 && programs[i].expected[k].threads; k++)
      ASSERT_ROW_I64(programs[i].row, lround(100 * amz_workload_speedup(&w, programs[i].expected[k].threads)),
                     lround(100 * programs[i].expected[k].speedup));
    amz_workload_clear(&w);
  }
}

/* Large tasks happened to run with one thread, small ones with two: 1 s per unit of weight, two threads halve it. */
static void test_threads_of_different_tasks(void)
{
  struct amz_observation seen[12];
  struct amz_workload w;

  for (size_t i = 0; i < 12; i++) {
    uint32_t threads = i < 8 ? 1 : 2;
    double weight = threads == 1 ? 10 + (double)i : 1 + (double)i / 100;

    seen[i] = (struct amz_observation){.index = i, .weight = weight, .threads = threads, .busy = 1, .wall_s = weight / threads};
  }
  ASSERT_I64(amz_workload_fit(seen, 12, 100, 0.95, &w), AMZ_OK);
  CU_ASSERT(near(amz_workload_speedup(&w, 2), 2, 1e-6));
  amz_workload_clear(&w);
}

/* Alone ran two small tasks; beside others, large ones. By weight, neighbours cost half as much again. */
static void test_neighbours_of_different_tasks(void)
{
  struct amz_observation seen[12];
  struct amz_workload w;

  for (size_t i = 0; i < 12; i++) {
    bool alone = i < 2;
    double weight = alone ? 1 + (double)i : 8 + (double)i;

    seen[i] = (struct amz_observation){.index = i, .weight = weight, .threads = 1, .busy = alone ? 1 : 4,
                                       .wall_s = weight * (alone ? 2 : 3)};
  }
  ASSERT_I64(amz_workload_fit(seen, 12, 100, 0.95, &w), AMZ_OK);
  CU_ASSERT(near(w.slowdown.value, 1.5, 1e-6));
  amz_workload_clear(&w);
}

/* ---- relations -------------------------------------------------------------------------------------------------------- */

/* R² at which a slope is significant at 99 % with n points: t²/(t² + n − 2), t from printed tables. */
static void test_holds(void)
{
  static const struct {
    const char *row;
    double r2;
    size_t n;
    bool holds;
  } rows[] = {
    {"four points are too few", 1, 4, false},          {"five on a line", 1, 5, true},
    {"five: t(0.99, 3) = 5.841, R² 0.919", 0.91, 5, false}, {"and above", 0.93, 5, true},
    {"ten: t(0.99, 8) = 3.355, R² 0.585", 0.57, 10, false}, {"and above", 0.6, 10, true},
    {"thirty: one half decides", 0.49, 30, false},     {"and above", 0.51, 30, true},
    {"there is none", -1, 50, false},
  };

  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    const struct amz_relation r = {.r2 = rows[i].r2, .n = rows[i].n};

    ASSERT_ROW_U64(rows[i].row, amz_relation_holds(&r), rows[i].holds);
  }
}

/* ---- tasks to come ---------------------------------------------------------------------------------------------------- */

static void fit_by_weight(struct amz_workload *w)
{
  struct amz_observation seen[10];

  for (size_t i = 0; i < 10; i++) /* 2 s per unit */
    seen[i] = (struct amz_observation){.index = i * 10, .weight = 1 + (double)((i * 7) % 10), .threads = 1, .busy = 1,
                                       .wall_s = 2.0 * (1 + (double)((i * 7) % 10))};
  ASSERT_I64(amz_workload_fit(seen, 10, 100, 0.95, w), AMZ_OK);
}

static void test_by_weight(void)
{
  static const double weights[] = {50, 4, 3, 1}; /* heaviest first, as a run starts them */
  const struct amz_rest rest = {.weight = weights, .n = 4};
  struct amz_workload w;

  fit_by_weight(&w);
  ASSERT_I64(amz_workload_foresee(&w, &rest), AMZ_OK);
  ASSERT_I64(w.from, AMZ_TIMES_WEIGHT);
  ASSERT_U64(w.n, 4);
  ASSERT_U64(w.sampled, 10);
  CU_ASSERT(near(w.mean_s.value, 29, 1e-6) && near(w.mean_s.low, 29, 1e-3) && near(w.mean_s.high, 29, 1e-3));
  CU_ASSERT(near(w.wall_s[0], 2, 1e-6) && near(w.wall_s[3], 100, 1e-5));
  ASSERT_U64(w.sequence[0], 3);
  ASSERT_U64(w.sequence[3], 0);
  amz_workload_clear(&w);
}

static void test_by_trend(void)
{
  static const double places[] = {0.25, 0.75};
  const struct amz_rest rest = {.place = places, .n = 2};
  struct amz_observation seen[10];
  struct amz_workload w;

  for (size_t i = 0; i < 10; i++) /* 1 to 10 s; only the first half of the list was sampled */
    seen[i] = (struct amz_observation){.index = i * 5, .threads = 1, .busy = 1, .wall_s = 1 + (double)i};
  ASSERT_I64(amz_workload_fit(seen, 10, 100, 0.95, &w), AMZ_OK);
  ASSERT_I64(amz_workload_foresee(&w, &rest), AMZ_OK);
  ASSERT_I64(w.from, AMZ_TIMES_TREND);
  CU_ASSERT(near(w.wall_s[0], 6, 1e-6) && near(w.wall_s[1], 16, 1e-6) && near(w.mean_s.value, 11, 1e-6));
  ASSERT_U64(w.sequence[1], 1);
  amz_workload_clear(&w);
}

static void test_stays(void)
{
  static const double weights[] = {50, 4}, places[] = {0, 1}, odd[] = {1, NAN};
  const struct amz_rest both = {.weight = weights, .place = places, .n = 2}, none = {.n = 0}, bad = {.weight = odd, .n = 2};
  struct amz_observation seen[12];
  struct amz_workload w;

  for (size_t i = 0; i < 12; i++) /* neither weight nor place has anything to do with it */
    seen[i] = (struct amz_observation){.index = i, .weight = 1 + (double)(i % 4), .threads = 1, .busy = 1,
                                       .wall_s = 1 + (double)(i * 5 % 12)};
  ASSERT_I64(amz_workload_fit(seen, 12, 12, 0.95, &w), AMZ_OK);
  ASSERT_I64(amz_workload_foresee(&w, &both), AMZ_OK);
  ASSERT_I64(amz_workload_foresee(&w, &none), AMZ_OK);
  ASSERT_I64(amz_workload_foresee(&w, &bad), AMZ_EINVAL);
  ASSERT_I64(w.from, AMZ_TIMES_SEEN);
  ASSERT_U64(w.n, 12);
  CU_ASSERT_PTR_NULL(w.sequence);
  amz_workload_clear(&w);
}

/* ---- coverage --------------------------------------------------------------------------------------------------------- */

/* A list of 1000 tasks whose time is weight^1.2, times a lognormal of the given CV. 30 of them are sampled, all are foreseen. */
static bool holds_once(double cv, struct amz_rng *rng)
{
  double sigma = sqrt(log(1 + cv * cv)), weights[1000], sum = 0;
  struct amz_observation seen[30];
  const struct amz_rest rest = {.weight = weights, .n = 1000};
  struct amz_workload w;
  bool held;

  for (size_t i = 0; i < 1000; i++) {
    weights[i] = exp(1.2 * amz_rng_normal(rng));
    sum += pow(weights[i], 1.2); /* noise has mean 1: of the mean of all a thousandth part stays */
  }
  for (size_t i = 0; i < 30; i++)
    seen[i] = (struct amz_observation){.index = i * 33, .weight = weights[i * 33], .threads = 1, .busy = 1,
                                       .wall_s = pow(weights[i * 33], 1.2) *
                                       exp(sigma * amz_rng_normal(rng) - sigma * sigma / 2)};
  if (amz_workload_fit(seen, 30, 1000, 0.90, &w) < 0 || amz_workload_foresee(&w, &rest) < 0)
    return false;
  held = w.from == AMZ_TIMES_WEIGHT && w.mean_s.low <= sum / 1000 && sum / 1000 <= w.mean_s.high;
  amz_workload_clear(&w);
  return held;
}

static void test_coverage_by_weight(void)
{
  static const struct {
    const char *row;
    double cv;
  } rows[] = {{"what the weight leaves has CV 0.1", 0.1}, {"0.3", 0.3}, {"0.6", 0.6}};

  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    struct amz_rng rng;
    unsigned held = 0;

    amz_rng_seed(&rng, 11);
    for (unsigned r = 0; r < 400; r++)
      held += holds_once(rows[i].cv, &rng);
    ASSERT_ROW_U64(rows[i].row, held >= 340, 1); /* 85 % of nominally 90 % */
  }
}

/* 50 tasks, no weights: the mean's interval at 90 %. */
static void test_coverage_of_lognormals(void)
{
  static const struct {
    const char *row;
    double cv;
  } rows[] = {{"CV 0.3", 0.3}, {"CV 0.5", 0.5}, {"CV 0.7", 0.7}, {"CV 1", 1}, {"CV 1.5", 1.5}, {"CV 2", 2}};

  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    double sigma = sqrt(log(1 + rows[i].cv * rows[i].cv)), values[50];
    struct amz_rng rng;
    unsigned held = 0;

    amz_rng_seed(&rng, 3);
    for (unsigned r = 0; r < 2000; r++) {
      struct amz_quantity q;

      for (size_t k = 0; k < 50; k++)
        values[k] = exp(sigma * amz_rng_normal(&rng) - sigma * sigma / 2);
      q = amz_mean_interval(values, 50, 0.90);
      held += q.low <= 1 && 1 <= q.high;
    }
    ASSERT_ROW_U64(rows[i].row, held >= 1700, 1);
  }
}

/* ---- caches ----------------------------------------------------------------------------------------------------------- */

static void test_caches(void)
{
  static struct amz_node_cache caches[] = {{.level = 2, .bytes = 1 << 20, .count = 8, .shared_cores = 1},
                                           {.level = 3, .bytes = 16 << 20, .count = 2, .shared_cores = 4}};
  static const struct {
    const char *row;
    uint32_t cores;
    uint64_t mib;
    bool fits;
  } rows[] = {{"one has it all", 1, 16, true}, {"one too large", 1, 17, false}, {"two share", 2, 8, true},
              {"and want more", 2, 9, false},
              {"no more share one than are at it", 8, 4, true}, {"unknown", 1, 0, false}};
  const struct amz_node node = {.caches = caches, .n_caches = 2}, none = {.n_caches = 0};

  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
    ASSERT_ROW_U64(rows[i].row, amz_fits_cache(&node, rows[i].cores, rows[i].mib << 20), rows[i].fits);
  CU_ASSERT_FALSE(amz_fits_cache(&none, 1, 1));
}

int main(void)
{
  static const struct amz_test tests[] = {
    {"what threads bring", test_threads}, {"threads, of tasks of different size", test_threads_of_different_tasks},
    {"neighbours, of tasks of different size", test_neighbours_of_different_tasks}, {"when a relation holds", test_holds},
    {"foreseen by weight", test_by_weight}, {"foreseen by place", test_by_trend}, {"not foreseen", test_stays},
    {"intervals of what is foreseen hold the truth as often as they say", test_coverage_by_weight},
    {"so do those of lognormals, light and heavy", test_coverage_of_lognormals}, {"shares of the last cache", test_caches},
    {NULL, NULL}};

  return amz_test_main("model/foresee", tests, 0);
}
