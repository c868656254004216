/* The closed form against what it stands for: known expectations, and greedy list scheduling of drawn times, played out here. */
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

#include <amorsize/makespan.h>
#include <amorsize/rng.h>
#include <amorsize/workload.h>

#include "../../support/tap.h"

#define N 2000

static int ascending(const void *a, const void *b)
{
  double x = *(const double *)a, y = *(const double *)b;

  return (x > y) - (x < y);
}

static double uniform(struct amz_rng *rng) { return 2 * amz_rng_uniform(rng); }
static double lognormal(struct amz_rng *rng) { return exp(sqrt(log(5)) * amz_rng_normal(rng) - log(5) / 2); } /* mean 1, CV 2 */
static double constant(struct amz_rng *rng)
{
  (void)rng;
  return 1;
}

static bool near(double a, double b, double share)
{
  return fabs(a - b) <= share * fabs(b);
}

/* Quantiles of a distribution stand for it exactly enough. */
static void test_known_maxima(void)
{
  static double exponential[N], even[N];
  double harmonic = 0;

  for (size_t i = 0; i < N; i++) {
    exponential[i] = -log(1 - ((double)i + 0.5) / N);
    even[i] = ((double)i + 0.5) / N;
  }
  for (unsigned k = 1; k <= 32; k++) {
    harmonic += 1.0 / k;
    CU_ASSERT(near(amz_expected_max(exponential, N, k), harmonic, 0.01));      /* Rényi 1953 */
    CU_ASSERT(near(amz_expected_max_rest(exponential, N, k), harmonic, 0.015)); /* memoryless: the rest is as the whole */
    CU_ASSERT(near(amz_expected_max(even, N, k), k / (k + 1.0), 0.01));
  }
  /* a constant's rest is uniform */
  CU_ASSERT(near(amz_expected_max_rest(&(double){3}, 1, 4), 3 * 0.8, 1e-9));
  CU_ASSERT(near(amz_expected_max(&(double){3}, 1, 4), 3, 1e-9));
}

/* Each task goes to the slot that is free first. */
static double list_schedule(const double *task_s, size_t k, size_t slots)
{
  double free_at[256] = {0}, end = 0;

  for (size_t i = 0; i < k; i++) {
    size_t first = 0;

    for (size_t s = 1; s < slots; s++)
      if (free_at[s] < free_at[first])
        first = s;
    free_at[first] += task_s[i];
    end = fmax(end, free_at[first]);
  }
  return end;
}

static const struct {
  const char *row;
  double (*draw)(struct amz_rng *rng);
  size_t tasks, slots;
  double tolerance;
} runs[] = {
  {"uniform, 1000 on 8", uniform, 1000, 8, 0.01},
  {"uniform, 256 on 16", uniform, 256, 16, 0.02},
  {"uniform, 1000 on 1", uniform, 1000, 1, 0.01},
  {"exponential, 1000 on 8", amz_rng_exponential, 1000, 8, 0.01},
  {"exponential, 1000 on 64", amz_rng_exponential, 1000, 64, 0.03},
  {"exponential, 64 on 64: the longest", amz_rng_exponential, 64, 64, 0.03},
  {"exponential, 10 on 64", amz_rng_exponential, 10, 64, 0.04},
  {"lognormal CV 2, 1000 on 8", lognormal, 1000, 8, 0.03},
  {"lognormal CV 2, 1000 on 64: the longest task counts", lognormal, 1000, 64, 0.10},
  {"constant, 1000 on 8", constant, 1000, 8, 0.01},
};

static void test_against_schedules(void)
{
  static double sample[N], drawn[1024];
  struct amz_rng rng;

  for (size_t i = 0; i < sizeof runs / sizeof *runs; i++) {
    const struct amz_makespan_work w = {.task_s = sample, .n = N, .tasks = runs[i].tasks, .slots = runs[i].slots};
    struct amz_makespan m;
    double sum = 0;
    char text[160];

    amz_rng_seed(&rng, 11 + i);
    for (size_t k = 0; k < N; k++)
      sample[k] = runs[i].draw(&rng);
    qsort(sample, N, sizeof *sample, ascending);
    for (unsigned round = 0; round < 400; round++) {
      for (size_t k = 0; k < runs[i].tasks; k++)
        drawn[k] = sample[amz_rng_below(&rng, N)];
      sum += list_schedule(drawn, runs[i].tasks, runs[i].slots) / 400;
    }
    ASSERT_ROW_I64(runs[i].row, amz_makespan_expect(&w, &m), AMZ_OK);
    (void)snprintf(text, sizeof text, "%s: %.4g played, %.4g expected", runs[i].row, sum, m.total_s);
    ASSERT_ROW_U64(text, near(m.total_s, sum, runs[i].tolerance), true);
  }
}

/* How often the interval made from the first 50 tasks of a run holds what the run takes. */
static unsigned covered(double (*draw)(struct amz_rng *rng), size_t slots)
{
  static double times[1000], sample[50];
  struct amz_makespan_work w = {.task_s = sample, .n = 50, .tasks = 1000, .slots = slots};
  struct amz_makespan_doubt doubt = {.confidence = 0.9, .rounds = 100};
  struct amz_quantity mean;
  struct amz_rng rng;
  unsigned held = 0;

  amz_rng_seed(&rng, 3);
  for (unsigned round = 0; round < 400; round++) {
    double interval[2], took;

    for (size_t i = 0; i < 1000; i++)
      times[i] = draw(&rng);
    for (size_t i = 0; i < 50; i++)
      sample[i] = times[i];
    qsort(sample, 50, sizeof *sample, ascending);
    took = list_schedule(times, 1000, slots);
    doubt.seed = round;
    mean = amz_mean_interval(sample, 50, 0.9);
    doubt.mean_low = mean.low;
    doubt.mean_high = mean.high;
    CU_ASSERT_EQUAL_FATAL(amz_makespan_interval(&w, &doubt, interval), AMZ_OK);
    held += interval[0] <= took && took <= interval[1];
  }
  return held;
}

static void test_intervals(void)
{
  CU_ASSERT(covered(uniform, 8) >= 340);             /* of 400; 90 % are 360, its spread is 6 */
  CU_ASSERT(covered(amz_rng_exponential, 8) >= 340);
  CU_ASSERT(covered(uniform, 1) >= 340);
}

static void test_dispatch(void)
{
  const double one = 0.001;
  struct amz_makespan_work w = {.task_s = &one, .n = 1, .tasks = 100000, .slots = 10, .chunk_s = 0, .overhead_s = 0.001};
  struct amz_makespan m;

  ASSERT_I64(amz_makespan_expect(&w, &m), AMZ_OK);
  CU_ASSERT(near(m.work_s, 10, 1e-9) && near(m.dispatch_s, 10, 1e-9) && near(m.chunks, 100000, 0)); /* half of it is overhead */
  w.chunk_s = 0.1; /* 100 tasks a chunk: 1 000 of them and some at the end */
  ASSERT_I64(amz_makespan_expect(&w, &m), AMZ_OK);
  CU_ASSERT(m.chunks >= 1000 && m.chunks <= 1100 && m.dispatch_s <= 0.11);
  w.chunk_s = 0;
  w.service_s = 0.0005; /* the master alone takes 50 s */
  ASSERT_I64(amz_makespan_expect(&w, &m), AMZ_OK);
  CU_ASSERT(near(m.total_s, 50, 1e-9));
}

static void test_edges(void)
{
  const double zero = 0, one = 1, negative = -1;
  const struct amz_makespan_doubt doubt = {.confidence = 0.9}, sure = {.confidence = 1};
  const struct amz_makespan_work good = {.task_s = &one, .n = 1, .tasks = 10, .slots = 2};
  struct amz_makespan_work bad[4] = {good, good, good, good}, w = good;
  struct amz_makespan m;
  double interval[2];

  bad[0].slots = 0;
  bad[1].n = 0;
  bad[2].task_s = &negative;
  bad[3].overhead_s = -1;
  for (size_t i = 0; i < 4; i++)
    ASSERT_I64(amz_makespan_expect(&bad[i], &m), AMZ_EINVAL);
  ASSERT_I64(amz_makespan_interval(&good, &sure, interval), AMZ_EINVAL);
  w.tasks = 0;
  ASSERT_I64(amz_makespan_expect(&w, &m), AMZ_OK);
  CU_ASSERT(near(m.total_s, 0, 0));
  ASSERT_I64(amz_makespan_interval(&w, &doubt, interval), AMZ_OK);
  w = good;
  w.task_s = &zero;
  w.chunk_s = 0.1;
  ASSERT_I64(amz_makespan_expect(&w, &m), AMZ_OK);
  CU_ASSERT(m.total_s >= 0 && m.total_s < 1e-9 && m.chunks >= 1);
  w = good;
  w.tasks = 1; /* all of it is known */
  ASSERT_I64(amz_makespan_interval(&w, &doubt, interval), AMZ_OK);
  CU_ASSERT(near(interval[0], 1, 1e-9) && near(interval[1], 1, 1e-9));
}

int main(void)
{
  static const struct amz_test tests[] = {
    {"maxima that are known", test_known_maxima}, {"against schedules that are played out", test_against_schedules},
    {"intervals hold what runs take", test_intervals}, {"dispatch", test_dispatch}, {"edges", test_edges}, {NULL, NULL}};

  return amz_test_main("model/makespan", tests, 0);
}
