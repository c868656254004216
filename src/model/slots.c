/* Which cores and GPUs each slot of a node gets. */
#include <stdlib.h>
#include <string.h>

#include <amorsize/alloc.h>
#include <amorsize/node.h>

uint32_t amz_node_allowed_core(const struct amz_node *node, uint64_t position)
{
  for (uint32_t i = 0; i < node->cores; i++)
    if (node->core[i].allowed_units > 0 && position-- == 0)
      return i;
  return UINT32_MAX;
}

/* How many may be busy at a time. */
static uint32_t busy_cores(const struct amz_node *node)
{
  uint32_t cores = node->allowed_cores;

  if (node->allowed_cpu > 0 && node->allowed_cpu < cores)
    cores = node->allowed_cpu < 2 ? 1 : (uint32_t)node->allowed_cpu;
  return cores;
}

uint32_t amz_node_slot_core(const struct amz_node *node, uint32_t slot, uint32_t slots, uint32_t threads)
{
  uint32_t busy = busy_cores(node);

  if (slot >= slots || (uint64_t)slots * threads > busy || threads == 0 || amz_node_allowed_core(node, busy) != UINT32_MAX)
    return UINT32_MAX;
  return amz_node_allowed_core(node, (uint64_t)slot * threads);
}

uint32_t amz_node_slot_domain(const struct amz_node *node, uint32_t slot, uint32_t slots, uint32_t threads)
{
  uint32_t core = amz_node_slot_core(node, slot, slots, threads);

  return core == UINT32_MAX ? AMZ_NO_DOMAIN : node->core[core].domain;
}

/* ---- GPUs ------------------------------------------------------------------------------------------------------------- */

struct giving {
  const struct amz_gpu_places *places;
  bool *taken;    /* by GPU */
  uint32_t *has;  /* by slot */
  uint32_t *gpus; /* the result */
};

static void take(struct giving *g, uint32_t gpu, uint32_t slot)
{
  g->taken[gpu] = true;
  g->gpus[(size_t)slot * g->places->per_slot + g->has[slot]++] = gpu;
}

static void give_near(struct giving *g, uint32_t slot)
{
  const struct amz_gpu_places *p = g->places;

  for (uint32_t i = 0; i < p->n_gpus && g->has[slot] < p->per_slot && p->slot_domain[slot] != AMZ_NO_DOMAIN; i++)
    if (!g->taken[i] && p->gpu_domain[i] == p->slot_domain[slot])
      take(g, i, slot);
}

static uint32_t wanted(const struct giving *g, uint32_t slot)
{
  return g->places->per_slot - g->has[slot];
}

/* The j-th of m slots that still want any begins at ⌊j·F/m⌋ of the F that are free; later where those before have come so far,
 * earlier where those behind would else get too few. */
static void give_rest(struct giving *g, uint32_t *rest)
{
  const struct amz_gpu_places *p = g->places;
  uint64_t n_rest = 0, all_wanted = 0, wanting = 0, at = 0, next = 0;

  for (uint32_t i = 0; i < p->n_gpus; i++)
    if (!g->taken[i])
      rest[n_rest++] = i;
  for (uint32_t slot = 0; slot < p->slots; slot++) {
    all_wanted += wanted(g, slot);
    wanting += wanted(g, slot) > 0;
  }
  for (uint32_t slot = 0; slot < p->slots; slot++) {
    uint64_t begin = wanting ? at * n_rest / wanting : 0;
    uint32_t n = wanted(g, slot);

    if (n == 0)
      continue;
    begin = begin < next ? next : begin;
    begin = begin > n_rest - all_wanted ? n_rest - all_wanted : begin;
    for (uint32_t k = 0; k < n; k++)
      take(g, rest[begin + k], slot);
    next = begin + n;
    all_wanted -= n;
    at++;
  }
}

/* All slots choose near ones first; only then what is left is given out, so that nobody far takes what is near to another. */
int amz_gpus_of_slots(const struct amz_gpu_places *places, uint32_t *ret)
{
  struct giving g = {.places = places, .gpus = ret};
  uint32_t *rest;
  int rc = AMZ_ENOMEM;

  if ((uint64_t)places->slots * places->per_slot > places->n_gpus)
    return AMZ_ERANGE;
  g.taken = amz_new_array(places->n_gpus, sizeof *g.taken);
  g.has = amz_new_array(places->slots, sizeof *g.has);
  rest = amz_new_array(places->n_gpus, sizeof *rest);
  if (g.taken && g.has && rest) {
    for (uint32_t slot = 0; slot < places->slots; slot++)
      give_near(&g, slot);
    give_rest(&g, rest);
    rc = AMZ_OK;
  }
  free(rest);
  free(g.has);
  free(g.taken);
  return rc;
}

/* ---- of a node -------------------------------------------------------------------------------------------------------- */

uint32_t amz_node_gpus(const struct amz_node *node)
{
  uint32_t n = 0;

  for (size_t i = 0; i < node->n_gpus; i++)
    n += node->gpus[i].usable;
  return n;
}

uint32_t amz_node_gpu_slots(const struct amz_node *node, uint32_t *ret_threads)
{
  uint32_t gpus = amz_node_gpus(node), cores = busy_cores(node), slots = gpus < cores ? gpus : cores;

  *ret_threads = slots ? cores / slots : 0;
  return slots;
}

/* The places of usable GPUs in node->gpus, their domains, and those of the slots. */
static void find_places(const struct amz_node *node, uint32_t slots, uint32_t threads, uint32_t *at, uint32_t *gpu_domain,
                        uint32_t *slot_domain)
{
  uint32_t n = 0;

  for (uint32_t i = 0; i < node->n_gpus; i++)
    if (node->gpus[i].usable) {
      gpu_domain[n] = node->gpus[i].domain;
      at[n++] = i;
    }
  for (uint32_t slot = 0; slot < slots; slot++)
    slot_domain[slot] = amz_node_slot_domain(node, slot, slots, threads);
}

int amz_node_gpus_of_slots(const struct amz_node *node, uint32_t slots, uint32_t threads, uint32_t per_slot, uint32_t *ret)
{
  uint32_t n = amz_node_gpus(node), *at, *gpu_domain, *slot_domain;
  int rc = AMZ_ENOMEM;

  if ((uint64_t)slots * per_slot > n)
    return AMZ_ERANGE;
  at = amz_new_array(n, sizeof *at);
  gpu_domain = amz_new_array(n, sizeof *gpu_domain);
  slot_domain = amz_new_array(slots, sizeof *slot_domain);
  if (at && gpu_domain && slot_domain) {
    struct amz_gpu_places places = {.gpu_domain = gpu_domain, .n_gpus = n, .slot_domain = slot_domain, .slots = slots,
                                    .per_slot = per_slot};

    find_places(node, slots, threads, at, gpu_domain, slot_domain);
    rc = amz_gpus_of_slots(&places, ret);
    for (size_t i = 0; rc == AMZ_OK && i < (size_t)slots * per_slot; i++)
      ret[i] = at[ret[i]];
  }
  free(at);
  free(gpu_domain);
  free(slot_domain);
  return rc;
}
