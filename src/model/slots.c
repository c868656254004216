/* Which cores and GPUs each slot of a node gets. */
#include <stdlib.h>
#include <string.h>

#include <amorsize/alloc.h>
#include <amorsize/node.h>

/* The `position`-th core that is ours. */
static const struct amz_node_core *allowed_core(const struct amz_node *node, uint64_t position)
{
  for (uint32_t i = 0; i < node->cores; i++)
    if (node->core[i].allowed_units > 0 && position-- == 0)
      return &node->core[i];
  return NULL;
}

uint32_t amz_node_slot_domain(const struct amz_node *node, uint32_t slot, uint32_t slots, uint32_t threads)
{
  const struct amz_node_core *core;

  if (slot >= slots || (uint64_t)slots * threads > node->allowed_cores || threads == 0)
    return AMZ_NO_DOMAIN;
  core = allowed_core(node, (uint64_t)slot * threads);
  return core ? core->domain : AMZ_NO_DOMAIN;
}

/* Gives a slot free GPUs: those of `domain` only, or any (AMZ_NO_DOMAIN). */
static void give(const struct amz_node *node, bool *taken, uint32_t domain, uint32_t per_slot, uint32_t *gpus, uint32_t *has)
{
  for (size_t i = 0; i < node->n_gpus && *has < per_slot; i++)
    if (node->gpus[i].usable && !taken[i] && (domain == AMZ_NO_DOMAIN || node->gpus[i].domain == domain)) {
      taken[i] = true;
      gpus[(*has)++] = (uint32_t)i;
    }
}

static uint64_t usable_gpus(const struct amz_node *node)
{
  uint64_t n = 0;

  for (size_t i = 0; i < node->n_gpus; i++)
    n += node->gpus[i].usable;
  return n;
}

/* All slots choose near ones first; only then what is left is given out, so that nobody far takes what is near to another. */
int amz_node_gpus_of_slots(const struct amz_node *node, uint32_t slots, uint32_t threads, uint32_t per_slot, uint32_t *ret)
{
  bool *taken;
  uint32_t *has;
  int rc = AMZ_ENOMEM;

  if ((uint64_t)slots * per_slot > usable_gpus(node))
    return AMZ_ERANGE;
  taken = amz_new_array(node->n_gpus, sizeof *taken);
  has = amz_new_array(slots, sizeof *has);
  if (taken && has) {
    for (uint32_t slot = 0; slot < slots; slot++) {
      uint32_t domain = amz_node_slot_domain(node, slot, slots, threads);

      if (domain != AMZ_NO_DOMAIN)
        give(node, taken, domain, per_slot, ret + (size_t)slot * per_slot, &has[slot]);
    }
    for (uint32_t slot = 0; slot < slots; slot++)
      give(node, taken, AMZ_NO_DOMAIN, per_slot, ret + (size_t)slot * per_slot, &has[slot]);
    rc = AMZ_OK;
  }
  free(has);
  free(taken);
  return rc;
}
