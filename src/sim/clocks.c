/* Making clocks: with all of them at the same time, the lowest number wins everywhere. */
#include "clocks.h"

#include <stdlib.h>

#include <amorsize/alloc.h>

#define COUNT_MAX (UINT32_C(1) << 30)

int amz_clocks_init(struct amz_clocks *c, uint32_t count)
{
  uint32_t leaves = 2;

  if (count > COUNT_MAX)
    return AMZ_ENOMEM;
  while (leaves < count)
    leaves *= 2;
  c->leaves = leaves;
  c->at_ns = amz_new_array(leaves, sizeof *c->at_ns);
  c->winners = amz_new_array((size_t)leaves * 2, sizeof *c->winners);
  if (!c->at_ns || !c->winners)
    return AMZ_ENOMEM;
  for (uint32_t i = 0; i < leaves; i++) {
    c->at_ns[i] = INT64_MAX;
    c->winners[leaves + i] = i;
  }
  for (uint32_t i = leaves - 1; i > 0; i--)
    c->winners[i] = c->winners[2 * i];
  return AMZ_OK;
}

void amz_clocks_clear(struct amz_clocks *c)
{
  free(c->at_ns);
  free(c->winners);
}
