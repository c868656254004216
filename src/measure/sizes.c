/* Sizes of launches: far enough apart for a line through them, small enough to be quick. */
#include "sizes.h"

#define LEAST 4u
#define MOST_BY_DEFAULT 16u
#define MOST 64u

size_t amz_launch_sizes(uint32_t cores, enum amz_effort effort, uint32_t ret[AMZ_LAUNCH_SIZES_MOST])
{
  uint32_t limit = effort == AMZ_EFFORT_PRECISE ? MOST : MOST_BY_DEFAULT, most = cores < LEAST ? LEAST : cores;
  size_t n = 0;

  if (most > limit)
    most = limit;
  for (uint32_t r = 1; effort == AMZ_EFFORT_PRECISE ? r <= most : r <= 2; r *= 2)
    ret[n++] = r;
  if (effort != AMZ_EFFORT_PRECISE)
    ret[n++] = most;
  return n;
}
