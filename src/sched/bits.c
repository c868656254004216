/* Bit sets by ranges: whole words where a range covers them, masks at its ends. */
#include "bits.h"

#include <amorsize/alloc.h>

uint64_t *amz_bits_new(uint64_t n)
{
  uint64_t words = n / 64 + 1;

  return words <= SIZE_MAX ? amz_new_array((size_t)words, sizeof(uint64_t)) : NULL;
}

/* \return the bits of word `word` that lie in [first, end). */
static uint64_t mask_of(uint64_t word, uint64_t first, uint64_t end)
{
  uint64_t mask = UINT64_MAX;

  if (word == first / 64)
    mask &= UINT64_MAX << (first % 64);
  if (word == end / 64)
    mask &= (UINT64_C(1) << (end % 64)) - 1;
  return mask;
}

void amz_bits_set_words(uint64_t *bits, uint64_t first, uint64_t count)
{
  uint64_t end = first + count;

  if (count == 0)
    return;
  for (uint64_t w = first / 64; w <= (end - 1) / 64; w++)
    bits[w] |= mask_of(w, first, end);
}

void amz_bits_clear(uint64_t *bits, uint64_t first, uint64_t count)
{
  uint64_t end = first + count;

  if (count == 0)
    return;
  for (uint64_t w = first / 64; w <= (end - 1) / 64; w++)
    bits[w] &= ~mask_of(w, first, end);
}

/* \return the first bit in [from, end) that is set in bits ^ flip. */
static uint64_t next(const uint64_t *bits, uint64_t flip, uint64_t from, uint64_t end)
{
  for (uint64_t w = from / 64; from < end && w <= (end - 1) / 64; w++) {
    uint64_t found = (bits[w] ^ flip) & mask_of(w, from, end);

    if (found)
      return w * 64 + (uint64_t)__builtin_ctzll(found);
  }
  return end;
}

uint64_t amz_bits_next_set(const uint64_t *bits, uint64_t from, uint64_t end)
{
  return next(bits, 0, from, end);
}

uint64_t amz_bits_next_clear(const uint64_t *bits, uint64_t from, uint64_t end)
{
  return next(bits, UINT64_MAX, from, end);
}

uint64_t amz_bits_count(const uint64_t *bits, uint64_t first, uint64_t count)
{
  uint64_t end = first + count, n = 0;

  if (count == 0)
    return 0;
  for (uint64_t w = first / 64; w <= (end - 1) / 64; w++)
    n += (uint64_t)__builtin_popcountll(bits[w] & mask_of(w, first, end));
  return n;
}
