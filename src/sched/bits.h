/* Sets of positions, one bit each, worked on by ranges. Room-private. */
#ifndef AMZ_SRC_SCHED_BITS_H
#define AMZ_SRC_SCHED_BITS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* \return a set of bits 0..n-1, all clear, to be released with free(); NULL when out of memory. */
uint64_t *amz_bits_new(uint64_t n);
void amz_bits_set_words(uint64_t *bits, uint64_t first, uint64_t count); /* amz_bits_set of whatever range */
void amz_bits_clear(uint64_t *bits, uint64_t first, uint64_t count);
/* \return the first bit in [from, end) that is set (clear); end when there is none. */
uint64_t amz_bits_next_set(const uint64_t *bits, uint64_t from, uint64_t end);
uint64_t amz_bits_next_clear(const uint64_t *bits, uint64_t from, uint64_t end);
/* \return how many bits of [first, first+count) are set. */
uint64_t amz_bits_count(const uint64_t *bits, uint64_t first, uint64_t count);

/* \return whether all bits of [first, first+count), which isn't empty, are clear. Most ranges lie in one word. */
static inline bool amz_bits_are_clear(const uint64_t *bits, uint64_t first, uint64_t count)
{
  if (first % 64 + count < 64)
    return (bits[first / 64] >> (first % 64) & ((UINT64_C(1) << count) - 1)) == 0;
  return amz_bits_next_set(bits, first, first + count) == first + count;
}

static inline void amz_bits_set(uint64_t *bits, uint64_t first, uint64_t count)
{
  if (first % 64 + count < 64)
    bits[first / 64] |= ((UINT64_C(1) << count) - 1) << (first % 64);
  else
    amz_bits_set_words(bits, first, count);
}

static inline bool amz_bits_has(const uint64_t *bits, uint64_t i)
{
  return bits[i / 64] >> (i % 64) & 1;
}

#endif
