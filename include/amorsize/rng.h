/* A small seeded random number generator: xoshiro256** (Blackman and Vigna, "Scrambled linear pseudorandom number
 * generators", ACM TOMS 47, 2021), its state filled by splitmix64. Same seed, same numbers, everywhere. */
#ifndef AMORSIZE_RNG_H
#define AMORSIZE_RNG_H

#include <stdint.h>

struct amz_rng {
  uint64_t s[4];
};

void amz_rng_seed(struct amz_rng *rng, uint64_t seed);
uint64_t amz_rng_u64(struct amz_rng *rng);
/* \return uniform in [0, bound), without bias; 0 for bound 0. */
uint64_t amz_rng_below(struct amz_rng *rng, uint64_t bound);
/* \return uniform in [0, 1) with 53 bits. */
double amz_rng_uniform(struct amz_rng *rng);
/* \return standard normal (polar method). */
double amz_rng_normal(struct amz_rng *rng);
/* \return exponential with mean 1. */
double amz_rng_exponential(struct amz_rng *rng);
/* One step of splitmix64: a good hash of an integer, for numbers that depend on an index alone. */
static inline uint64_t amz_mix64(uint64_t x)
{
  x += UINT64_C(0x9e3779b97f4a7c15);
  x = (x ^ (x >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
  x = (x ^ (x >> 27)) * UINT64_C(0x94d049bb133111eb);
  return x ^ (x >> 31);
}

#endif
