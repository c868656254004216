/* Random numbers and statistics, against published and hand-computed values. */
#include <math.h>
#include <stdlib.h>

#include <amorsize/rng.h>
#include <amorsize/stats.h>

#include "../../support/tap.h"

/* The first outputs of splitmix64 from state 1234567, as published with the generator (state advances by the golden
 * gamma before mixing, so output k is the mix of seed + k * gamma). */
static void splitmix64_gives_its_published_numbers(void)
{
  static const uint64_t expected[] = {6457827717110365317u, 3203168211198807973u, 9817491932198370423u};

  for (uint64_t k = 0; k < 3; k++)
    ASSERT_U64(amz_mix64(1234567 + k * 0x9e3779b97f4a7c15u), expected[k]);
}

/* xoshiro256** from state {1, 2, 3, 4}: the first output is rotl(2 * 5, 7) * 9 = 11520; the next two by the reference code. */
static void xoshiro_gives_its_published_numbers(void)
{
  struct amz_rng rng = {{1, 2, 3, 4}};

  ASSERT_U64(amz_rng_u64(&rng), 11520);
  ASSERT_U64(amz_rng_u64(&rng), 0);
  ASSERT_U64(amz_rng_u64(&rng), 1509978240);
}

static void distributions_have_their_moments(void)
{
  struct amz_rng rng;
  struct amz_stats uniform = {0}, normal = {0}, exponential = {0};

  amz_rng_seed(&rng, 7);
  for (int i = 0; i < 200000; i++) {
    amz_stats_add(&uniform, amz_rng_uniform(&rng));
    amz_stats_add(&normal, amz_rng_normal(&rng));
    amz_stats_add(&exponential, amz_rng_exponential(&rng));
  }
  CU_ASSERT(fabs(uniform.mean - 0.5) < 0.005 && fabs(amz_stats_variance(&uniform) - 1.0 / 12) < 0.002);
  CU_ASSERT(uniform.min >= 0 && uniform.max < 1);
  CU_ASSERT(fabs(normal.mean) < 0.02 && fabs(amz_stats_variance(&normal) - 1) < 0.03);
  CU_ASSERT(fabs(exponential.mean - 1) < 0.02 && fabs(amz_stats_cv(&exponential) - 1) < 0.03);
}

static void below_is_within_its_bound(void)
{
  struct amz_rng rng;
  unsigned seen[3] = {0, 0, 0};

  amz_rng_seed(&rng, 1);
  ASSERT_U64(amz_rng_below(&rng, 0), 0);
  ASSERT_U64(amz_rng_below(&rng, 1), 0);
  for (int i = 0; i < 30000; i++) {
    uint64_t x = amz_rng_below(&rng, 3);

    CU_ASSERT_FATAL(x < 3);
    seen[x]++;
  }
  for (int i = 0; i < 3; i++)
    CU_ASSERT(seen[i] > 9500 && seen[i] < 10500);
}

static void moments_and_merge(void)
{
  static const double values[] = {2, 4, 4, 4, 5, 5, 7, 9}; /* mean 5, Σ(x−5)² = 32 */
  struct amz_stats all = {0}, left = {0}, right = {0}, empty = {0};

  for (size_t i = 0; i < 8; i++) {
    amz_stats_add(&all, values[i]);
    amz_stats_add(i < 3 ? &left : &right, values[i]);
  }
  CU_ASSERT_DOUBLE_EQUAL(all.mean, 5, 1e-12);
  CU_ASSERT_DOUBLE_EQUAL(amz_stats_variance(&all), 32.0 / 7, 1e-12);
  amz_stats_merge(&left, &right);
  amz_stats_merge(&left, &empty);
  amz_stats_merge(&empty, &left);
  CU_ASSERT_DOUBLE_EQUAL(empty.mean, 5, 1e-12);
  CU_ASSERT_DOUBLE_EQUAL(empty.m2, 32, 1e-9);
  CU_ASSERT(empty.min == 2 && empty.max == 9 && empty.count == 8);
}

static void quantiles(void)
{
  static const double sorted[] = {1, 2, 3, 4};

  CU_ASSERT_DOUBLE_EQUAL(amz_quantile(sorted, 4, 0.5), 2.5, 1e-12);
  CU_ASSERT_DOUBLE_EQUAL(amz_quantile(sorted, 4, 0.25), 1.75, 1e-12);
  CU_ASSERT_DOUBLE_EQUAL(amz_quantile(sorted, 4, 0), 1, 1e-12);
  CU_ASSERT_DOUBLE_EQUAL(amz_quantile(sorted, 4, 1), 4, 1e-12);
  CU_ASSERT_DOUBLE_EQUAL(amz_quantile(sorted, 1, 0.9), 1, 1e-12);
  CU_ASSERT_DOUBLE_EQUAL(amz_quantile(NULL, 0, 0.9), 0, 1e-12);
}

int main(void)
{
  static const struct amz_test tests[] = {
    {"splitmix64 gives its published numbers", splitmix64_gives_its_published_numbers},
    {"xoshiro256** gives its published numbers", xoshiro_gives_its_published_numbers},
    {"distributions have their moments", distributions_have_their_moments},
    {"below is within its bound", below_is_within_its_bound},
    {"moments and merge", moments_and_merge},
    {"quantiles", quantiles},
    {NULL, NULL},
  };

  return amz_test_main("numbers", tests, 0);
}
