/* Workers in one block. Invariant: all `count` of them are zeroed or made, so that they can be cleared whenever making one has
 * failed. */
#include "crew.h"

#include <stdlib.h>

#include <amorsize/alloc.h>

#include "soon.h"
#include "worker.h"

static uint32_t slots_of_one(const struct amz_crew *c, const uint32_t *slots, uint32_t rank)
{
  return slots ? slots[rank] : c->config.slots;
}

/* \return whether each may have its slots; *ret: the most that one has. */
static bool is_valid_crew(const struct amz_crew *c, uint32_t count, const uint32_t *slots, uint32_t *ret)
{
  *ret = 0;
  for (uint32_t i = 0; i < count; i++) {
    uint32_t n = slots_of_one(c, slots, i);

    if (n == 0 || (c->config.capacity && c->config.capacity < n))
      return false;
    *ret = n > *ret ? n : *ret;
  }
  return true;
}

static int make_room(struct amz_crew *c, uint32_t count, uint32_t most_slots)
{
  size_t bytes = amz_worker_bytes(&c->config, most_slots), align;

  if (bytes == 0 || bytes > SIZE_MAX - AMZ_CACHE_LINE)
    return AMZ_ENOMEM;
  c->each = (bytes + AMZ_CACHE_LINE - 1) / AMZ_CACHE_LINE * AMZ_CACHE_LINE;
  if (count > SIZE_MAX / c->each - 1)
    return AMZ_ENOMEM;
  c->memory = amz_new_array(1, count * c->each + AMZ_CACHE_LINE);
  if (!c->memory)
    return AMZ_ENOMEM;
  align = (uintptr_t)c->memory % AMZ_CACHE_LINE;
  c->first = (char *)c->memory + (align ? AMZ_CACHE_LINE - align : 0);
  c->count = count;
  return AMZ_OK;
}

int amz_crew_init(struct amz_crew *c, const struct amz_worker_config *config, uint32_t count, const uint32_t *slots)
{
  uint32_t most_slots;
  int rc = amz_worker_complete(config, &c->config);

  if (rc < 0)
    return rc;
  if (!is_valid_crew(c, count, slots, &most_slots))
    return AMZ_EINVAL;
  rc = make_room(c, count, most_slots);
  for (uint32_t i = 0; i < count && rc == AMZ_OK; i++)
    rc = amz_worker_init(amz_crew_at(c, i), &c->config, i, slots_of_one(c, slots, i));
  return rc;
}

void amz_crew_clear(struct amz_crew *c)
{
  for (uint32_t i = 0; i < c->count; i++)
    amz_worker_clear(amz_crew_at(c, i));
  free(c->memory);
}
