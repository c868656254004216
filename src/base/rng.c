/* xoshiro256** seeded by splitmix64. */
#include <amorsize/rng.h>

#include <math.h>

void amz_rng_seed(struct amz_rng *rng, uint64_t seed)
{
  for (unsigned i = 0; i < 4; i++)
    rng->s[i] = amz_mix64(seed + i * 0x9e3779b97f4a7c15u);
}

static uint64_t rotl(uint64_t x, unsigned k)
{
  return (x << k) | (x >> (64 - k));
}

uint64_t amz_rng_u64(struct amz_rng *rng)
{
  uint64_t *s = rng->s, out = rotl(s[1] * 5, 7) * 9, t = s[1] << 17;

  s[2] ^= s[0];
  s[3] ^= s[1];
  s[1] ^= s[2];
  s[0] ^= s[3];
  s[2] ^= t;
  s[3] = rotl(s[3], 45);
  return out;
}

uint64_t amz_rng_below(struct amz_rng *rng, uint64_t bound)
{
  uint64_t reject, x;

  if (bound == 0)
    return 0;
  reject = (0 - bound) % bound; /* 2^64 mod bound: below it the remainders would be uneven */
  do
    x = amz_rng_u64(rng);
  while (x < reject);
  return x % bound;
}

double amz_rng_uniform(struct amz_rng *rng)
{
  return (double)(amz_rng_u64(rng) >> 11) * 0x1p-53;
}

double amz_rng_normal(struct amz_rng *rng)
{
  double u, v, q;

  do {
    u = 2 * amz_rng_uniform(rng) - 1;
    v = 2 * amz_rng_uniform(rng) - 1;
    q = u * u + v * v;
  } while (q >= 1 || q <= 0);
  return u * sqrt(-2 * log(q) / q);
}

double amz_rng_exponential(struct amz_rng *rng)
{
  return -log1p(-amz_rng_uniform(rng));
}
