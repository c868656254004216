/* From hwloc's tree to plain numbers: packages, domains, cores, kinds, caches, names.
 *
 * What is counted is what hwloc shows by default: units that are online and in our cpuset. Memory-only nodes are domains
 * without cores; every core has one domain, so that the domains' cores add up to the machine's. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <amorsize/alloc.h>

#include "topology.h"

/* A walk through a topology, filling a node. */
struct describer {
  hwloc_topology_t h;
  struct amz_node *node;
  hwloc_const_bitmap_t bound;
  hwloc_bitmap_t firsts;           /* the first unit of every core: what of it lies in a set counts the set's cores */
  hwloc_bitmap_t scratch;
  hwloc_const_bitmap_t last_nodes; /* of the core before, whose domain is the same most of the time */
  uint32_t last_domain;
};

/* ---- domains ---------------------------------------------------------------------------------------------------------- */

static uint64_t memory_of(hwloc_obj_t numa)
{
  return numa->attr ? numa->attr->numanode.local_memory : 0;
}

/* Where no domain tells its size, size is no reason to pass one over. */
static bool sizes_are_told(hwloc_topology_t h)
{
  for (hwloc_obj_t numa = NULL; (numa = hwloc_get_next_obj_by_type(h, HWLOC_OBJ_NUMANODE, numa));)
    if (memory_of(numa) > 0)
      return true;
  return false;
}

/* The nearest domain with memory of what is near `nodes`: its position among NUMA nodes in logical order; AMZ_NO_DOMAIN: there is
 * none. Several domains may be local to a core (HBM beside DRAM, a large one behind all): the one of the fewest units is the
 * closest, and of equals the first is where memory comes from unless somebody asks otherwise. */
static uint32_t domain_of_nodes(hwloc_topology_t h, hwloc_const_bitmap_t nodes)
{
  uint32_t best = AMZ_NO_DOMAIN;
  int best_units = 0;
  bool told = sizes_are_told(h);

  for (hwloc_obj_t numa = NULL; (numa = hwloc_get_next_obj_by_type(h, HWLOC_OBJ_NUMANODE, numa));) {
    int units = hwloc_bitmap_weight(numa->cpuset);

    if (units <= 0 || (told && memory_of(numa) == 0) || !hwloc_bitmap_isset(nodes, numa->os_index))
      continue;
    if (best == AMZ_NO_DOMAIN || units < best_units) {
      best = numa->logical_index;
      best_units = units;
    }
  }
  return best;
}

/* The closest domain with memory to node `from`, by the machine's own table of distances; AMZ_NO_DOMAIN without one. */
static uint32_t closest_by_distance(hwloc_topology_t h, unsigned from)
{
  struct hwloc_distances_s *table = NULL;
  unsigned n = 1;
  uint32_t best = AMZ_NO_DOMAIN;
  hwloc_uint64_t least = 0;

  if (hwloc_distances_get_by_type(h, HWLOC_OBJ_NUMANODE, &n, &table, HWLOC_DISTANCES_KIND_MEANS_LATENCY, 0) < 0 || n == 0 ||
      !table)
    return AMZ_NO_DOMAIN;
  for (unsigned i = 0; i < table->nbobjs; i++)
    for (unsigned j = 0; table->objs[i] && table->objs[i]->os_index == from && j < table->nbobjs; j++) {
      hwloc_uint64_t d = table->values[i * table->nbobjs + j];

      if (table->objs[j] && memory_of(table->objs[j]) > 0 && (best == AMZ_NO_DOMAIN || d < least)) {
        best = table->objs[j]->logical_index;
        least = d;
      }
    }
  hwloc_distances_release(h, table);
  return best;
}

/* A core's own domain; of a core whose node has no memory, the nearest that has. */
static uint32_t domain_of(hwloc_topology_t h, hwloc_obj_t object)
{
  uint32_t domain = domain_of_nodes(h, object->nodeset);
  int first = hwloc_bitmap_first(object->nodeset);

  if (domain == AMZ_NO_DOMAIN && first >= 0)
    domain = closest_by_distance(h, (unsigned)first);
  for (hwloc_obj_t above = object->parent; domain == AMZ_NO_DOMAIN && above; above = above->parent)
    if (above->nodeset)
      domain = domain_of_nodes(h, above->nodeset);
  return domain;
}

static int add_domains(struct describer *d)
{
  int n = hwloc_get_nbobjs_by_type(d->h, HWLOC_OBJ_NUMANODE);
  size_t at = 0;

  d->node->domains = amz_new_array(n > 0 ? (size_t)n : 0, sizeof *d->node->domains);
  if (!d->node->domains)
    return AMZ_ENOMEM;
  for (hwloc_obj_t numa = NULL; n > 0 && (numa = hwloc_get_next_obj_by_type(d->h, HWLOC_OBJ_NUMANODE, numa)); at++) {
    d->node->domains[at] = (struct amz_node_domain){.os_index = numa->os_index, .memory_bytes = memory_of(numa)};
    d->node->memory_bytes += memory_of(numa);
  }
  d->node->n_domains = at;
  return AMZ_OK;
}

/* ---- kinds ------------------------------------------------------------------------------------------------------------ */

static int one_kind(struct amz_node *node)
{
  node->kinds = amz_new_array(1, sizeof *node->kinds);
  if (!node->kinds)
    return AMZ_ENOMEM;
  node->n_kinds = 1;
  node->kinds[0].efficiency = -1;
  node->kinds[0].name = amz_strndup("", 0);
  return node->kinds[0].name ? AMZ_OK : AMZ_ENOMEM;
}

#if HWLOC_API_VERSION >= 0x00020400
/* "CoreType=IntelAtom FrequencyMaxMHz=3900": whatever tells the kind. */
static char *name_kind(const struct hwloc_info_s *infos, unsigned n)
{
  struct amz_buf name = AMZ_BUF_INIT;

  if (n == 0)
    return amz_strndup("", 0);
  for (unsigned i = 0; i < n; i++)
    amz_buf_addf(&name, "%s%s=%s", i ? " " : "", infos[i].name, infos[i].value);
  return amz_buf_detach(&name);
}

/* hwloc's kinds, and one more for cores that are of none of them when there are such. */
static int add_kinds(struct describer *d)
{
  struct amz_node *node = d->node;
  int n = hwloc_cpukinds_get_nr(d->h, 0);

  if (n <= 0)
    return one_kind(node);
  node->kinds = amz_new_array((size_t)n + 1, sizeof *node->kinds);
  if (!node->kinds)
    return AMZ_ENOMEM;
  for (; node->n_kinds < (size_t)n; node->n_kinds++) {
    struct amz_node_kind *kind = &node->kinds[node->n_kinds];
    struct hwloc_info_s *infos = NULL;
    unsigned n_infos = 0;

    if (hwloc_cpukinds_get_info(d->h, (unsigned)node->n_kinds, NULL, &kind->efficiency, &n_infos, &infos, 0) < 0) {
      kind->efficiency = -1;
      n_infos = 0;
    }
    kind->name = name_kind(infos, n_infos);
    if (!kind->name)
      return AMZ_ENOMEM;
  }
  return AMZ_OK;
}

static int kind_of(struct describer *d, unsigned unit, uint32_t *ret)
{
  struct amz_node *node = d->node;
  int n = hwloc_cpukinds_get_nr(d->h, 0), kind;

  *ret = 0;
  if (n <= 0)
    return AMZ_OK;
  if (hwloc_bitmap_only(d->scratch, unit) < 0)
    return AMZ_ENOMEM;
  kind = hwloc_cpukinds_get_by_cpuset(d->h, d->scratch, 0);
  *ret = kind >= 0 && kind < n ? (uint32_t)kind : (uint32_t)n;
  if (*ret < node->n_kinds)
    return AMZ_OK;
  node->kinds[n] = (struct amz_node_kind){.name = amz_strndup("", 0), .efficiency = -1};
  node->n_kinds++;
  return node->kinds[n].name ? AMZ_OK : AMZ_ENOMEM;
}
#else
static int add_kinds(struct describer *d)
{
  return one_kind(d->node);
}

static int kind_of(struct describer *d, unsigned unit, uint32_t *ret)
{
  (void)d;
  (void)unit;
  *ret = 0;
  return AMZ_OK;
}
#endif

/* ---- cores ------------------------------------------------------------------------------------------------------------ */

static int begin_core(struct describer *d, hwloc_obj_t object, hwloc_obj_t unit)
{
  struct amz_node *node = d->node;
  struct amz_node_core *core = &node->core[node->cores++];
  hwloc_obj_t package = hwloc_get_ancestor_obj_by_type(d->h, HWLOC_OBJ_PACKAGE, object);

  if (!d->last_nodes || !hwloc_bitmap_isequal(d->last_nodes, object->nodeset)) {
    d->last_nodes = object->nodeset;
    d->last_domain = domain_of(d->h, object);
  }
  core->domain = d->last_domain;
  core->package = package ? package->logical_index : 0;
  core->first_unit = node->units;
  if (hwloc_bitmap_set(d->firsts, unit->os_index) < 0)
    return AMZ_ENOMEM;
  return kind_of(d, unit->os_index, &core->kind);
}

/* Units come core by core in hwloc's logical order; a unit outside any core object is a core of its own. */
static int add_units(struct describer *d)
{
  struct amz_node *node = d->node;
  hwloc_obj_t current = NULL;
  int rc = AMZ_OK;

  for (hwloc_obj_t unit = NULL; rc == AMZ_OK && (unit = hwloc_get_next_obj_by_type(d->h, HWLOC_OBJ_PU, unit));) {
    hwloc_obj_t object = hwloc_get_ancestor_obj_by_type(d->h, HWLOC_OBJ_CORE, unit);
    struct amz_node_core *core;

    if (!object)
      object = unit;
    if (object != current)
      rc = begin_core(d, object, unit);
    current = object;
    core = &node->core[node->cores - 1];
    node->unit[node->units++] = unit->os_index;
    core->n_units++;
    core->allowed_units += hwloc_bitmap_isset(d->bound, unit->os_index) ? 1 : 0;
  }
  return rc;
}

/* What the cores are counted under. */
static void count_cores(struct amz_node *node)
{
  for (uint32_t i = 0; i < node->cores; i++) {
    const struct amz_node_core *core = &node->core[i];
    bool ours = core->allowed_units > 0;

    if (core->n_units > node->units_per_core)
      node->units_per_core = core->n_units;
    node->kinds[core->kind].cores++;
    node->kinds[core->kind].allowed_cores += ours;
    if (core->domain == AMZ_NO_DOMAIN)
      continue;
    node->domains[core->domain].cores++;
    node->domains[core->domain].allowed_cores += ours;
  }
}

static int add_cores(struct describer *d, struct amz_error *err)
{
  struct amz_node *node = d->node;
  int n = hwloc_get_nbobjs_by_type(d->h, HWLOC_OBJ_PU), packages = hwloc_get_nbobjs_by_type(d->h, HWLOC_OBJ_PACKAGE), rc;

  if (n <= 0)
    return amz_error_set(err, AMZ_EENV, "the topology has no processing unit");
  node->unit = amz_new_array((size_t)n, sizeof *node->unit);
  node->core = amz_new_array((size_t)n, sizeof *node->core);
  if (!node->unit || !node->core)
    return AMZ_ENOMEM;
  rc = add_units(d);
  if (rc < 0)
    return rc;
  node->packages = packages > 0 ? (uint32_t)packages : 1;
  count_cores(node);
  return AMZ_OK;
}

/* ---- caches ----------------------------------------------------------------------------------------------------------- */

static uint32_t cores_in(struct describer *d, hwloc_const_bitmap_t units)
{
  int n = hwloc_bitmap_and(d->scratch, d->firsts, units) < 0 ? 0 : hwloc_bitmap_weight(d->scratch);

  return n > 0 ? (uint32_t)n : 1; /* a cache of no core's first unit is one inside a core */
}

/* The place of the first core that has units in the set. hwloc's order puts those that share a cache one behind the other. */
static uint32_t first_core_in(const struct describer *d, hwloc_const_bitmap_t units, uint32_t from)
{
  const struct amz_node *node = d->node;

  for (uint32_t k = 0; k < node->cores; k++) {
    const struct amz_node_core *core = &node->core[(from + k) % node->cores];

    if (hwloc_bitmap_isset(units, node->unit[core->first_unit]))
      return (from + k) % node->cores;
  }
  return 0;
}

#define SHARERS_MAX 4000u /* within what a profile's texts may have */

/* Appends " FIRST-LAST" to the kind's list. */
static int add_sharers(struct amz_node_cache *c, uint32_t first)
{
  size_t n = c->cores ? strlen(c->cores) : 0;
  char *longer;

  if (c->shared_cores < 2 || n >= SHARERS_MAX)
    return AMZ_OK;
  longer = realloc(c->cores, n + 32);
  if (!longer)
    return AMZ_ENOMEM;
  c->cores = longer;
  (void)snprintf(longer + n, 32, "%s%u-%u", n ? " " : "", first, first + c->shared_cores - 1);
  if (strlen(longer) >= SHARERS_MAX)
    (void)snprintf(longer + n, 32, " …");
  return AMZ_OK;
}

/* The kind of such caches, new or known. \return NULL when out of memory. */
static struct amz_node_cache *kind_of_cache(struct amz_node *node, size_t *cap, const struct amz_node_cache *cache)
{
  for (size_t i = 0; i < node->n_caches; i++) {
    struct amz_node_cache *c = &node->caches[i];

    if (c->level == cache->level && c->bytes == cache->bytes && c->shared_cores == cache->shared_cores &&
        c->line_bytes == cache->line_bytes)
      return c;
  }
  if (amz_grow((void **)&node->caches, cap, node->n_caches + 1, sizeof *node->caches) < 0)
    return NULL;
  node->caches[node->n_caches] = *cache;
  return &node->caches[node->n_caches++];
}

static int compare_u64(uint64_t x, uint64_t y)
{
  return (x > y) - (x < y);
}

static int by_level_and_size(const void *a, const void *b)
{
  const struct amz_node_cache *x = a, *y = b;
  int order = compare_u64(x->level, y->level);

  if (order == 0)
    order = compare_u64(x->bytes, y->bytes);
  return order ? order : compare_u64(x->shared_cores, y->shared_cores);
}

/* Kinds that each core has one of say so by an empty list. */
static int settle_caches(struct amz_node *node)
{
  for (size_t i = 0; i < node->n_caches; i++)
    if (!node->caches[i].cores && !(node->caches[i].cores = amz_strndup("", 0)))
      return AMZ_ENOMEM;
  if (node->n_caches > 1)
    qsort(node->caches, node->n_caches, sizeof *node->caches, by_level_and_size);
  return AMZ_OK;
}

static int add_caches(struct describer *d)
{
  static const hwloc_obj_type_t types[] = {HWLOC_OBJ_L1CACHE, HWLOC_OBJ_L2CACHE, HWLOC_OBJ_L3CACHE, HWLOC_OBJ_L4CACHE,
                                           HWLOC_OBJ_L5CACHE};
  size_t cap = 0;
  int rc = AMZ_OK;

  for (uint32_t i = 0; i < sizeof types / sizeof *types; i++) {
    uint32_t next = 0; /* where the next one's cores are most of the time */

    for (hwloc_obj_t object = NULL; rc == AMZ_OK && (object = hwloc_get_next_obj_by_type(d->h, types[i], object));) {
      struct amz_node_cache cache = {.level = i + 1, .bytes = object->attr->cache.size,
                                     .line_bytes = object->attr->cache.linesize, .shared_cores = cores_in(d, object->cpuset)};
      uint32_t first = first_core_in(d, object->cpuset, next);
      struct amz_node_cache *kind = kind_of_cache(d->node, &cap, &cache);

      rc = kind ? add_sharers(kind, first) : AMZ_ENOMEM;
      if (kind)
        kind->count++;
      next = first + cache.shared_cores;
    }
  }
  return rc == AMZ_OK ? settle_caches(d->node) : rc;
}

/* ---- names ------------------------------------------------------------------------------------------------------------ */

static int set_name(char **to, hwloc_obj_t object, const char *info)
{
  const char *value = object ? hwloc_obj_get_info_by_name(object, info) : NULL;

  if (*to || !value)
    return AMZ_OK;
  *to = amz_strndup(value, strlen(value));
  return *to ? AMZ_OK : AMZ_ENOMEM;
}

/* Machines with one package keep the model there, some on the machine itself. */
static int add_names(struct describer *d)
{
  hwloc_obj_t machine = hwloc_get_root_obj(d->h), package = hwloc_get_obj_by_type(d->h, HWLOC_OBJ_PACKAGE, 0);
  struct amz_node *node = d->node;

  if (set_name(&node->cpu_model, package, "CPUModel") < 0 || set_name(&node->cpu_model, machine, "CPUModel") < 0 ||
      set_name(&node->host, machine, "HostName") < 0 || set_name(&node->kernel, machine, "OSRelease") < 0 ||
      set_name(&node->machine, machine, "Architecture") < 0)
    return AMZ_ENOMEM;
  return AMZ_OK;
}

int amz_topology_describe(const struct amz_topology *topology, hwloc_const_bitmap_t bound, struct amz_error *err,
                          struct amz_node *node)
{
  struct describer d = {.h = topology->handle, .node = node, .bound = bound, .firsts = hwloc_bitmap_alloc(),
                        .scratch = hwloc_bitmap_alloc()};
  int rc = d.firsts && d.scratch ? AMZ_OK : AMZ_ENOMEM;

  node->topology = amz_strndup(topology->name, strlen(topology->name));
  if (!node->topology)
    rc = AMZ_ENOMEM;
  if (rc == AMZ_OK && (rc = add_domains(&d)) == AMZ_OK && (rc = add_kinds(&d)) == AMZ_OK && (rc = add_cores(&d, err)) == AMZ_OK &&
      (rc = add_caches(&d)) == AMZ_OK)
    rc = add_names(&d);
  hwloc_bitmap_free(d.firsts);
  hwloc_bitmap_free(d.scratch);
  return rc;
}
