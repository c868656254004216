/* Sets of positions, one bit each, worked on by ranges. Room-private. */
#ifndef AMZ_SRC_SCHED_BITS_H
#define AMZ_SRC_SCHED_BITS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* \return a set of bits 0..n-1, all clear, to be released with free(); NULL when out of memory. */
uint64_t *amz_bits_new(uint64_t n);
void amz_bits_set(uint64_t *bits, uint64_t first, uint64_t count);
void amz_bits_clear(uint64_t *bits, uint64_t first, uint64_t count);
/* \return the first bit in [from, end) that is set (clear); end when there is none. */
uint64_t amz_bits_next_set(const uint64_t *bits, uint64_t from, uint64_t end);
uint64_t amz_bits_next_clear(const uint64_t *bits, uint64_t from, uint64_t end);
/* \return how many bits of [first, first+count) are set. */
uint64_t amz_bits_count(const uint64_t *bits, uint64_t first, uint64_t count);

static inline bool amz_bits_has(const uint64_t *bits, uint64_t i)
{
  return bits[i / 64] >> (i % 64) & 1;
}

#endif
