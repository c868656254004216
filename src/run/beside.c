/* How many others a task ran beside: see beside.h. */
#include "beside.h"

#include <math.h>

static double upto(const struct amz_beside *b, int64_t now_ns)
{
  return b->slot_ns + (now_ns > b->at_ns ? (double)(now_ns - b->at_ns) * b->busy : 0);
}

void amz_beside_note(struct amz_beside *b, int64_t now_ns, uint32_t busy)
{
  b->slot_ns = upto(b, now_ns);
  b->at_ns = now_ns > b->at_ns ? now_ns : b->at_ns;
  b->busy = busy;
}

struct amz_beside_mark amz_beside_begin(const struct amz_beside *b, int64_t now_ns)
{
  return (struct amz_beside_mark){now_ns, upto(b, now_ns)};
}

uint32_t amz_beside_since(const struct amz_beside *b, const struct amz_beside_mark *mark, int64_t now_ns)
{
  double mean = b->busy;

  if (now_ns > mark->at_ns)
    mean = (upto(b, now_ns) - mark->slot_ns) / (double)(now_ns - mark->at_ns);
  return mean > 1 ? (uint32_t)lround(mean) : 1;
}
