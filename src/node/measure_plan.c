/* Choosing what to measure.
 *
 * Sizes follow STREAM's run rules (McCalpin, "STREAM: Sustainable Memory Bandwidth in High Performance Computers"): each array at
 * least four times as large as all last-level caches that take part. The caches that take part are those of the cores that do: a
 * domain's cores are kept busy in their order, so the first caches fill up first. */
#include "measure_plan.h"

#include <stdlib.h>
#include <string.h>

#include <amorsize/alloc.h>

#define MIB ((uint64_t)1 << 20)
#define CACHE_TIMES 4u
#define NO_CACHE_BYTES (16 * MIB)  /* when the topology tells of no cache */
#define LEAST_BYTES (8 * MIB)      /* of an array: a pass must take longer than starting it */
#define MEMORY_SHARE 4u            /* of what is allowed, 1/4 is taken at most */
#define UNTOLD_MEMORY (1024 * MIB) /* when nothing tells how much there is */
#define PAGE 4096u
/* memory's chain is so many times the last cache: an eighth of the loads may still find their line there */
#define CHASE_TIMES 8u
#define CHASE_LEAST (64 * MIB)
#define SATURATED 0.9

/* ---- cores ------------------------------------------------------------------------------------------------------------ */

static uint32_t domain_of(const struct amz_node_core *core)
{
  return core->domain == AMZ_NO_DOMAIN ? 0 : core->domain;
}

/* \return the core's first unit that we may use; UINT32_MAX: none. */
static uint32_t unit_of(const struct amz_node *node, const struct amz_node_core *core, bool (*may_run)(void *, uint32_t),
                        void *ctx)
{
  for (uint32_t i = 0; core->allowed_units > 0 && i < core->n_units; i++)
    if (may_run(ctx, node->unit[core->first_unit + i]))
      return node->unit[core->first_unit + i];
  return UINT32_MAX;
}

static uint32_t most_cores(const struct amz_node *node)
{
  uint32_t most = node->allowed_cores ? node->allowed_cores : UINT32_MAX;

  if (node->allowed_cpu > 0 && node->allowed_cpu < (double)most)
    most = node->allowed_cpu < 2 ? 1 : (uint32_t)node->allowed_cpu;
  return most;
}

/* Adds the usable cores of one domain as long as there are units left to take. */
static void take_domain(const struct amz_node *node, uint32_t domain, uint32_t most, bool (*may_run)(void *, uint32_t), void *ctx,
                        struct amz_measure_plan *plan)
{
  uint32_t first = plan->n_units, count;

  for (uint32_t c = 0; c < node->cores && plan->n_units < most; c++) {
    uint32_t unit = domain_of(&node->core[c]) == domain ? unit_of(node, &node->core[c], may_run, ctx) : UINT32_MAX;

    if (unit != UINT32_MAX)
      plan->units[plan->n_units++] = unit;
  }
  count = plan->n_units - first;
  if (count == 0)
    return;
  plan->domains[plan->n_domains++] = (struct amz_plan_domain){.index = domain, .first = first, .count = count};
  if (count > plan->widest)
    plan->widest = count;
}

/* ---- sizes ------------------------------------------------------------------------------------------------------------ */

/* The most common kind of cache of a level. \return NULL: none. */
static const struct amz_node_cache *cache_of(const struct amz_node *node, uint32_t level)
{
  const struct amz_node_cache *best = NULL;

  for (size_t i = 0; i < node->n_caches; i++) {
    const struct amz_node_cache *c = &node->caches[i];

    if (c->level == level && c->bytes > 0 && (!best || c->count > best->count))
      best = c;
  }
  return best;
}

static const struct amz_node_cache *last_cache(const struct amz_node *node)
{
  const struct amz_node_cache *c = NULL;

  for (uint32_t level = AMZ_LEVELS_MAX - 1; level > 0 && !c; level--)
    c = cache_of(node, level);
  return c;
}

static uint64_t caches_taking_part(const struct amz_node *node, uint32_t cores)
{
  const struct amz_node_cache *c = last_cache(node);
  uint64_t n;

  if (!c)
    return NO_CACHE_BYTES;
  n = c->shared_cores ? (cores + c->shared_cores - 1) / c->shared_cores : 1;
  return c->bytes * (c->count && n > c->count ? c->count : n);
}

uint64_t amz_triad_share(const struct amz_node *node, double scale, uint32_t cores)
{
  uint64_t all = CACHE_TIMES * caches_taking_part(node, cores), each;

  each = (all > LEAST_BYTES ? all : LEAST_BYTES) / cores + PAGE - 1;
  each = (uint64_t)((double)each * scale) / PAGE * PAGE;
  return each ? each : PAGE;
}

uint64_t amz_triad_room(const struct amz_node *node, double scale, uint32_t place, uint32_t most)
{
  uint32_t counts[AMZ_COUNTS_MAX];
  size_t n = amz_measure_counts(most, counts);
  uint64_t room = 0;

  for (size_t i = 0; i < n; i++) {
    uint64_t share = counts[i] > place ? amz_triad_share(node, scale, counts[i]) : 0;

    if (share > room)
      room = share;
  }
  return room;
}

static uint64_t wanted_by(const struct amz_node *node, uint32_t cores)
{
  uint64_t sum = 0;

  for (uint32_t i = 0; i < cores; i++)
    sum += AMZ_TRIAD_ARRAYS * amz_triad_room(node, 1, i, cores);
  return sum;
}

static double scale_to(uint64_t wanted, uint64_t there)
{
  return wanted > there / MEMORY_SHARE ? (double)(there / MEMORY_SHARE) / (double)wanted : 1;
}

/* Both all the arrays and those of each domain must fit. */
static double scale_of(const struct amz_node *node, const struct amz_measure_plan *plan)
{
  uint64_t there = node->allowed_memory_bytes ? node->allowed_memory_bytes : node->memory_bytes, wanted = 0;
  double scale = 1;

  for (uint32_t d = 0; d < plan->n_domains; d++) {
    uint64_t here = wanted_by(node, plan->domains[d].count);
    uint64_t memory = plan->domains[d].index < node->n_domains ? node->domains[plan->domains[d].index].memory_bytes : 0;
    double s = memory ? scale_to(here, memory) : 1;

    wanted += here;
    scale = s < scale ? s : scale;
  }
  if (scale_to(wanted, there ? there : UNTOLD_MEMORY) < scale)
    scale = scale_to(wanted, there ? there : UNTOLD_MEMORY);
  return scale;
}

/* ---- the plan --------------------------------------------------------------------------------------------------------- */

int amz_measure_plan_make(const struct amz_node *node, bool (*may_run)(void *ctx, uint32_t unit), void *ctx,
                          struct amz_measure_plan *ret)
{
  struct amz_measure_plan plan = {0};
  uint32_t domains = node->n_domains > 1 ? (uint32_t)node->n_domains : 1;

  plan.units = amz_new_array(node->cores, sizeof *plan.units);
  plan.domains = amz_new_array(domains, sizeof *plan.domains);
  if (!plan.units || !plan.domains) {
    amz_measure_plan_clear(&plan);
    return AMZ_ENOMEM;
  }
  for (uint32_t d = 0; d < domains; d++)
    take_domain(node, d, most_cores(node), may_run, ctx, &plan);
  if (plan.n_units == 0) {
    amz_measure_plan_clear(&plan);
    return AMZ_EENV;
  }
  plan.scale = scale_of(node, &plan);
  *ret = plan;
  return AMZ_OK;
}

void amz_measure_plan_clear(struct amz_measure_plan *plan)
{
  free(plan->units);
  free(plan->domains);
  memset(plan, 0, sizeof *plan);
}

size_t amz_measure_counts(uint32_t n, uint32_t ret[AMZ_COUNTS_MAX])
{
  size_t i = 0;

  for (uint64_t c = 1; c < n; c *= 2)
    ret[i++] = (uint32_t)c;
  ret[i++] = n;
  return i;
}

/* ---- latency ---------------------------------------------------------------------------------------------------------- */

uint32_t amz_measure_line(const struct amz_node *node)
{
  const struct amz_node_cache *c = last_cache(node);
  uint32_t line = c && c->line_bytes ? c->line_bytes : 64;

  return line >= sizeof(void *) && line <= PAGE && (line & (line - 1)) == 0 ? line : 64;
}

size_t amz_measure_chases(const struct amz_node *node, uint64_t room, struct amz_chase ret[AMZ_LEVELS_MAX])
{
  uint64_t before = 0, memory;
  size_t n = 0;

  for (uint32_t level = 1; level < AMZ_LEVELS_MAX - 1; level++) {
    const struct amz_node_cache *c = cache_of(node, level);
    uint64_t bytes = !c ? 0 : c->bytes / 2 > before ? c->bytes / 2 : (before + c->bytes) / 2;

    if (!c || c->bytes <= before || bytes > room)
      continue;
    ret[n++] = (struct amz_chase){.bytes = bytes, .level = level};
    before = c->bytes;
  }
  memory = CHASE_TIMES * before > CHASE_LEAST ? CHASE_TIMES * before : CHASE_LEAST;
  memory = memory < room ? memory : room;
  if (memory >= 2 * before && memory > 0)
    ret[n++] = (struct amz_chase){.bytes = memory, .level = 0};
  return n;
}

/* ---- saturation ------------------------------------------------------------------------------------------------------- */

struct amz_quantity amz_measure_saturation(const struct amz_node *node, uint32_t domain)
{
  struct amz_quantity q = {0};
  bool from_one = false; /* nothing is known below the first point */
  double best = 0;
  uint32_t most = 0, cores = 1;

  for (size_t i = 0; i < node->n_bandwidth; i++) {
    const struct amz_curve_point *p = &node->bandwidth[i];

    if (p->domain != domain)
      continue;
    q.n++;
    best = p->value.value > best ? p->value.value : best;
    most = p->cores > most ? p->cores : most;
    from_one |= p->cores == 1;
  }
  if (!from_one)
    return (struct amz_quantity){0};
  while (cores < most && amz_node_bandwidth(node, domain, cores).value < SATURATED * best)
    cores++;
  q.value = q.low = q.high = cores;
  q.source = AMZ_MEASURED;
  return q;
}
