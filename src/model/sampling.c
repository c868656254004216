/* Stratified draws. Positions are counted over the ranges as if these stood one behind the other. */
#include <amorsize/sampling.h>

#include <stdlib.h>

#include <amorsize/alloc.h>
#include <amorsize/rng.h>

#define LIMIT_SHARE 20u
#define LIMIT_MAX UINT64_C(1000000) /* a list of ranges, not of all tasks */

uint64_t amz_sample_limit(uint64_t tasks, uint32_t most)
{
  uint64_t limit = tasks / LIMIT_SHARE > most ? tasks / LIMIT_SHARE : most;

  limit = limit < LIMIT_MAX ? limit : LIMIT_MAX;
  return limit < tasks ? limit : tasks;
}

bool amz_sample_enough(const struct amz_quantity *mean, uint32_t least, double precision)
{
  double half = (mean->high - mean->low) / 2;

  return mean->n >= least && mean->n >= 2 && half <= precision * mean->value;
}

static uint64_t count_of(const struct amz_range *ranges, size_t n)
{
  uint64_t sum = 0;

  for (size_t i = 0; i < n; i++)
    sum += ranges[i].count;
  return sum;
}

static uint64_t reversed(uint64_t x, unsigned bits)
{
  uint64_t r = 0;

  for (unsigned i = 0; i < bits; i++)
    r |= (x >> i & 1) << (bits - 1 - i);
  return r;
}

/* The parts 0..want-1, each once, so that every beginning of the sequence is spread. */
static void spread(uint64_t want, uint64_t *parts)
{
  unsigned bits = 0;
  size_t n = 0;

  while (bits < 63 && (UINT64_C(1) << bits) < want)
    bits++;
  for (uint64_t i = 0; i < UINT64_C(1) << bits; i++) {
    uint64_t part = reversed(i, bits);

    if (part < want)
      parts[n++] = part;
  }
}

/* The task at a position; ranges and their running begins are walked by bisection. */
static uint64_t task_at(const struct amz_range *ranges, const uint64_t *begins, size_t n, uint64_t position)
{
  size_t low = 0, high = n;

  while (high - low > 1) {
    size_t middle = low + (high - low) / 2;

    if (begins[middle] <= position)
      low = middle;
    else
      high = middle;
  }
  return ranges[low].first + (position - begins[low]);
}

static uint64_t part_begin(uint64_t part, uint64_t want, uint64_t all)
{
  return (uint64_t)((unsigned __int128)all * part / want);
}

int amz_sample_draw(const struct amz_range *left, size_t n, uint64_t want, uint64_t seed, struct amz_range **ret, size_t *ret_n)
{
  uint64_t all = count_of(left, n), *parts, *begins;
  struct amz_range *drawn;
  struct amz_rng rng;
  bool ok;

  want = want < all ? want : all;
  drawn = amz_new_array((size_t)want, sizeof *drawn);
  parts = amz_new_array((size_t)want, sizeof *parts);
  begins = amz_new_array(n, sizeof *begins);
  ok = drawn && parts && begins;
  if (ok) {
    for (size_t i = 1; i < n; i++)
      begins[i] = begins[i - 1] + left[i - 1].count;
    spread(want, parts);
    amz_rng_seed(&rng, seed);
    for (size_t i = 0; i < want; i++) {
      uint64_t from = part_begin(parts[i], want, all), until = part_begin(parts[i] + 1, want, all);

      drawn[i] = (struct amz_range){task_at(left, begins, n, from + amz_rng_below(&rng, until - from)), 1};
    }
  }
  free(parts);
  free(begins);
  if (!ok) {
    free(drawn);
    return AMZ_ENOMEM;
  }
  *ret = drawn;
  *ret_n = (size_t)want;
  return AMZ_OK;
}
