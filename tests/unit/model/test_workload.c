/* Means with intervals, fits, and the numbers of a workload. Oracles: printed tables of Student's t, hand computation, and the
 * nominal coverage of intervals over seeded draws whose true mean is known. */
#include <math.h>
#include <stdlib.h>

#include <amorsize/rng.h>
#include <amorsize/stats.h>
#include <amorsize/workload.h>

#include "../../support/tap.h"

static bool near(double a, double b, double tolerance)
{
  return fabs(a - b) <= tolerance;
}

/* Two-sided values as printed in any table (Fisher and Yates). */
static void test_student(void)
{
  static const struct {
    const char *row;
    double confidence;
    uint32_t df;
    double t;
  } rows[] = {
    {"1", 0.95, 1, 12.706}, {"2", 0.90, 2, 2.920},   {"3", 0.99, 3, 5.841},   {"4", 0.95, 4, 2.776},  {"5", 0.95, 5, 2.571},
    {"10", 0.95, 10, 2.228}, {"11", 0.90, 11, 1.796}, {"30", 0.99, 30, 2.750}, {"120", 0.95, 120, 1.980},
    {"normal", 0.95, UINT32_MAX, 1.960}, {"normal, 99 %", 0.99, UINT32_MAX, 2.576},
  };

  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
    ASSERT_ROW_I64(rows[i].row, lround(1000 * amz_student_quantile(rows[i].confidence, rows[i].df)), lround(1000 * rows[i].t));
  CU_ASSERT(isinf(amz_student_quantile(1, 5)) && isinf(amz_student_quantile(0, 5)) && isinf(amz_student_quantile(0.9, 0)));
}

static void test_interval_by_hand(void)
{
  static const double values[] = {9, 10, 11, 10}; /* mean 10, stddev √(2/3), t(0.95, 3) = 3.1824 */
  struct amz_quantity q = amz_mean_interval(values, 4, 0.95);

  CU_ASSERT(near(q.value, 10, 1e-12) && near(q.low, 10 - 3.18245 * sqrt(2.0 / 3) / 2, 1e-4) &&
            near(q.high, 10 + 3.18245 * sqrt(2.0 / 3) / 2, 1e-4));
  ASSERT_U64(q.n, 4);
  q = amz_mean_interval(values, 1, 0.95);
  CU_ASSERT(near(q.value, 9, 0) && near(q.low, 0, 0) && near(q.high, 18, 0));
  ASSERT_I64(amz_mean_interval(values, 0, 0.95).source, AMZ_UNKNOWN);
}

/* How often of `rounds` the interval of n draws holds the true mean. */
static unsigned covered(double cv, size_t n, unsigned rounds)
{
  double sigma2 = log(1 + cv * cv), values[64];
  struct amz_rng rng;
  unsigned held = 0;

  amz_rng_seed(&rng, 7);
  for (unsigned r = 0; r < rounds; r++) {
    struct amz_quantity q;

    for (size_t i = 0; i < n; i++)
      values[i] = exp(sqrt(sigma2) * amz_rng_normal(&rng) - sigma2 / 2); /* mean 1 */
    q = amz_mean_interval(values, n, 0.95);
    held += q.low <= 1 && 1 <= q.high;
  }
  return held;
}

static void test_coverage(void)
{
  CU_ASSERT(covered(0.2, 10, 2000) > 1860); /* 95 % less what 2000 rounds may be off, and the skew of so mild a lognormal */
  CU_ASSERT(covered(2, 50, 2000) > 1840);   /* Student alone: about 84 % */
  CU_ASSERT(covered(2, 20, 2000) > 1800);
}

/* ---- workloads -------------------------------------------------------------------------------------------------------- */

#define SEEN(i, t, b, w, c) {.index = (i), .threads = (t), .busy = (b), .wall_s = (w), .cpu_s = (c), .rss_bytes = 1000 + (i), .out_bytes = 10}

/* Tasks too short to be counted don't make the others' mean smaller; nor do those that failed, or ran alone. */
static void test_input(void)
{
  static const struct amz_observation seen[] = {
    {.index = 0, .threads = 1, .busy = 2, .wall_s = 1, .in_bytes = 1000}, {.index = 1, .threads = 1, .busy = 2, .wall_s = 0.001},
    {.index = 2, .threads = 1, .busy = 2, .wall_s = 1, .in_bytes = 3000}, {.index = 3, .threads = 1, .busy = 2, .failed = true,
      .wall_s = 1, .in_bytes = 1},
  };
  struct amz_workload w;

  ASSERT_I64(amz_workload_fit(seen, 4, 100, 0.95, &w), AMZ_OK);
  CU_ASSERT(w.in_bytes == 2000);
  amz_workload_clear(&w);
}

static void test_numbers(void)
{
  static const struct amz_observation seen[] = {
    SEEN(0, 1, 4, 1.0, 0.9), SEEN(30, 1, 4, 2.0, 1.8), SEEN(60, 1, 3, 3.0, 2.7), SEEN(90, 1, 4, 4.0, 3.6),
    SEEN(10, 1, 1, 1.25, 1.2),                                            /* alone */
    {.index = 20, .threads = 1, .busy = 4, .failed = true, .wall_s = 99}, /* tells nothing of time */
  };
  struct amz_workload w;

  ASSERT_I64(amz_workload_fit(seen, 6, 100, 0.95, &w), AMZ_OK);
  ASSERT_U64(w.n, 4);
  ASSERT_U64(w.observed, 6);
  ASSERT_U64(w.failed, 1);
  ASSERT_U64(w.threads, 1);
  ASSERT_U64(w.busy, 4);
  ASSERT_U64(w.rss_bytes, 1090);
  CU_ASSERT(w.in_bytes == 0); /* nobody has counted */
  CU_ASSERT(near(w.mean_s.value, 2.5, 1e-12) && near(w.cv, sqrt(5.0 / 3) / 2.5, 1e-12) && near(w.out_bytes, 10, 0));
  CU_ASSERT(near(w.cpu_share, 0.9, 1e-12));
  ASSERT_I64(w.kind, AMZ_WORK_CPU);
  CU_ASSERT_FALSE(w.heavy);
  CU_ASSERT(near(w.trend, 10.0 / 3 / 2.5, 1e-9) && near(w.trend_r2, 1, 1e-9)); /* 1 to 4 s over 0.9 of the list */
  CU_ASSERT(w.weight.r2 < 0);
  CU_ASSERT(near(w.slowdown.value, 2, 1e-12));
  ASSERT_I64(w.serial.source, AMZ_UNKNOWN);
  CU_ASSERT(w.wall_s[0] <= w.wall_s[1] && w.wall_s[2] <= w.wall_s[3]);
  amz_workload_clear(&w);
  amz_workload_clear(&w);
}

static void test_kinds(void)
{
  static const struct {
    const char *row;
    double wall_s, cpu_s;
    uint32_t threads;
    enum amz_work_kind kind;
  } rows[] = {
    {"computes", 1, 0.95, 1, AMZ_WORK_CPU},          {"half and half", 1, 0.6, 1, AMZ_WORK_MIXED},
        {"sleeps", 1, 0.01, 1, AMZ_WORK_IO},
    {"four threads, well used", 1, 3.6, 4, AMZ_WORK_CPU}, {"four threads, one used", 1, 1, 4, AMZ_WORK_IO},
    {"no time at all", 0, 0, 1, AMZ_WORK_UNKNOWN},
  };

  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    struct amz_observation o = {.threads = rows[i].threads, .busy = 1, .wall_s = rows[i].wall_s, .cpu_s = rows[i].cpu_s};
    struct amz_workload w;

    ASSERT_ROW_I64(rows[i].row, amz_workload_fit(&o, 1, 10, 0.95, &w), AMZ_OK);
    ASSERT_ROW_I64(rows[i].row, w.kind, rows[i].kind);
    amz_workload_clear(&w);
  }
}

/* Times made by Amdahl's law with f = 0.25: 8 s alone, 2 + 6/t with t threads. */
static void test_threads(void)
{
  static const struct amz_observation seen[] = {SEEN(0, 1, 1, 8, 8), SEEN(1, 2, 1, 5, 8), SEEN(2, 4, 1, 3.5, 8),
                                                SEEN(3, 8, 1, 2.75, 8)};
  struct amz_workload w;

  ASSERT_I64(amz_workload_fit(seen, 4, 10, 0.95, &w), AMZ_OK);
  ASSERT_U64(w.n, 1);
  CU_ASSERT(near(w.serial.value, 0.25, 1e-9));
  CU_ASSERT(near(amz_thread_speedup(w.serial.value, 4), 8 / 3.5, 1e-9));
  amz_workload_clear(&w);
}

static void test_weights(void)
{
  struct amz_observation seen[10];
  struct amz_workload w;

  for (size_t i = 0; i < 10; i++) { /* time = 0.5 · size^1.5 */
    double size = 1 + (double)((i * 7) % 10);

    seen[i] = (struct amz_observation){.index = i, .weight = size, .threads = 1, .busy = 1, .wall_s = 0.5 * pow(size, 1.5)};
  }
  ASSERT_I64(amz_workload_fit(seen, 10, 10, 0.95, &w), AMZ_OK);
  CU_ASSERT(near(w.weight.slope, 1.5, 1e-9) && near(exp(w.weight.intercept), 0.5, 1e-9) && near(w.weight.r2, 1, 1e-9));
  amz_workload_clear(&w);
}

static void test_refused(void)
{
  static const struct {
    const char *row;
    struct amz_observation o;
    double confidence;
  } rows[] = {
    {"no threads", {.threads = 0, .busy = 1}, 0.95},          {"nobody busy", {.threads = 1, .busy = 0}, 0.95},
    {"negative time", {.threads = 1, .busy = 1, .wall_s = -1}, 0.95}, {"no number", {.threads = 1, .busy = 1, .cpu_s = NAN},
      0.95},
    {"negative weight", {.threads = 1, .busy = 1, .weight = -2}, 0.95}, {"sure", {.threads = 1, .busy = 1}, 1},
  };
  struct amz_workload w = {0};

  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
    ASSERT_ROW_I64(rows[i].row, amz_workload_fit(&rows[i].o, 1, 10, rows[i].confidence, &w), AMZ_EINVAL);
  ASSERT_I64(amz_workload_fit(NULL, 0, 10, 0.95, &w), AMZ_OK); /* nothing seen: nothing known */
  ASSERT_U64(w.n, 0);
  ASSERT_I64(w.kind, AMZ_WORK_UNKNOWN);
  amz_workload_clear(&w);
}

/* ---- neighbours ------------------------------------------------------------------------------------------------------- */

#define POINT(c, v) {0, (c), {.value = (v), .low = (v), .high = (v), .n = 5, .source = AMZ_MEASURED}}

/* Bandwidth saturates at 30 from 3 cores on; computing slows down to 1.1 at 4. */
static struct amz_curve_point bandwidth[] = {POINT(1, 10), POINT(2, 20), POINT(3, 30), POINT(4, 30)};
static struct amz_curve_point phi[] = {POINT(1, 1), POINT(4, 1.1)};
static const struct amz_node node = {.bandwidth = bandwidth, .n_bandwidth = 4, .slowdown = phi, .n_slowdown = 2};

static void test_contention(void)
{
  struct amz_quantity seen = {.value = 1.1 * (1 + 0.6 / 3), .source = AMZ_SAMPLED, .n = 8}, m;

  CU_ASSERT(near(amz_contention(&node, 0, 2, 1).value, 1, 1e-12));            /* room for both */
  CU_ASSERT(near(amz_contention(&node, 0, 4, 1).value, 4.0 / 3, 1e-12));      /* four want 40 of 30 */
  CU_ASSERT(near(amz_contention(&node, 0, 4, 0.5).value, 1 + 0.5 / 3, 1e-12));
  ASSERT_I64(amz_contention(&node, 7, 4, 1).source, AMZ_UNKNOWN);
  CU_ASSERT(near(amz_contention(&node, 7, 4, 1).value, 1, 0));
  seen.low = seen.high = seen.value;
  m = amz_memory_share(&node, 0, 4, seen);
  CU_ASSERT(near(m.value, 0.6, 1e-9));
  ASSERT_I64(m.source, AMZ_SAMPLED);
  seen.value = 5; /* more than memory explains: all of it */
  CU_ASSERT(near(amz_memory_share(&node, 0, 4, seen).value, 1, 0));
  ASSERT_I64(amz_memory_share(&node, 0, 2, seen).source, AMZ_UNKNOWN); /* two cores don't crowd each other */
}

int main(void)
{
  static const struct amz_test tests[] = {
    {"Student's t by its tables", test_student}, {"an interval by hand", test_interval_by_hand},
    {"intervals hold the true mean as often as they say", test_coverage},
    {"the numbers of a workload", test_numbers},
    {"what tasks read", test_input}, {"kinds of work", test_kinds}, {"threads by Amdahl's law", test_threads},
    {"time by weight", test_weights}, {"refused", test_refused}, {"neighbours and memory", test_contention}, {NULL, NULL}};

  return amz_test_main("model/workload", tests, 0);
}
