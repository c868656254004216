/* Which cores are ours: by the kernel's lists, or by hwloc where somebody has told it about another machine, or the lists say too
 * little. */
#define _GNU_SOURCE
#include <amorsize/cores.h>

#include <hwloc.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <amorsize/alloc.h>

#include "allocation_private.h"
#include "cores_private.h"
#include "topology.h"

/* The file that hwloc would read instead of the machine, which comes last of its variables. \return NULL: none; or this may be a
 * rank of a launch, whose MPI has read it before us. */
static const char *file_to_read(void)
{
  static const char *const before[] = {"HWLOC_COMPONENTS", "HWLOC_FSROOT", "HWLOC_CPUID_PATH", "HWLOC_SYNTHETIC"};
  struct amz_environment env = amz_environment_of_process();
  const char *path = amz_topology_is_launched(&env) ? NULL : amz_environment_value(&env, "HWLOC_XMLFILE");

  for (size_t i = 0; i < sizeof before / sizeof *before; i++)
    path = amz_environment_value(&env, before[i]) ? NULL : path;
  return path;
}

/* A file that hwloc would trip over mustn't take us along. */
static int load(hwloc_topology_t topology, struct amz_error *err)
{
  const char *path = file_to_read();
  int rc = path ? amz_topology_load_file(topology, path) : AMZ_OK;

  if (rc == AMZ_ENOMEM)
    return amz_error_set(err, rc, "out of memory for the topology");
  if (rc < 0)
    return amz_error_set(err, AMZ_EENV,
                         "HWLOC_XMLFILE: %.400s is no topology in XML that hwloc can read (lstopo FILE.xml writes one)", path);
  if (!path && hwloc_topology_load(topology) < 0)
    return amz_error_set(err, AMZ_EENV, "hwloc cannot read this machine's topology; is /sys mounted?");
  return AMZ_OK;
}

/* Only packages, cores and processing units are looked at: caches and devices would cost time at every start. */
static int load_topology(hwloc_topology_t *ret, struct amz_error *err)
{
  hwloc_topology_t topology;
  int rc;

  if (hwloc_topology_init(&topology) < 0)
    return amz_error_set(err, AMZ_ENOMEM, "hwloc: out of memory");
  if (hwloc_topology_set_all_types_filter(topology, HWLOC_TYPE_FILTER_KEEP_NONE) < 0 ||
      hwloc_topology_set_type_filter(topology, HWLOC_OBJ_CORE, HWLOC_TYPE_FILTER_KEEP_ALL) < 0)
    rc = amz_error_set(err, AMZ_EENV, "hwloc can't be told what to look for");
  else
    rc = load(topology, err);
  if (rc < 0)
    hwloc_topology_destroy(topology);
  else
    *ret = topology;
  return rc;
}

/* The allowed set cut down to our affinity mask. \return NULL when out of memory. */
static hwloc_bitmap_t usable_units(hwloc_topology_t topology)
{
  hwloc_bitmap_t usable = hwloc_bitmap_dup(hwloc_topology_get_allowed_cpuset(topology)), bound = hwloc_bitmap_alloc();

  if (usable && bound && hwloc_get_cpubind(topology, bound, HWLOC_CPUBIND_PROCESS) == 0 && !hwloc_bitmap_iszero(bound))
    (void)hwloc_bitmap_and(usable, usable, bound);
  hwloc_bitmap_free(bound);
  return usable;
}

int amz_cores_make_room(struct amz_cores *cores, size_t units)
{
  cores->cpus = amz_new_array(units, sizeof *cores->cpus);
  cores->starts = amz_new_array(units + 1, sizeof *cores->starts);
  return cores->cpus && cores->starts ? AMZ_OK : AMZ_ENOMEM;
}

void amz_cores_add(struct amz_cores *cores, hwloc_bitmap_t usable, hwloc_const_bitmap_t units)
{
  uint32_t at = cores->starts[cores->count];

  for (int unit = hwloc_bitmap_first(units); unit >= 0; unit = hwloc_bitmap_next(units, unit))
    if (hwloc_bitmap_isset(usable, (unsigned)unit)) {
      cores->cpus[at++] = (uint32_t)unit;
      hwloc_bitmap_clr(usable, (unsigned)unit);
    }
  if (at > cores->starts[cores->count])
    cores->starts[++cores->count] = at;
}

static void add_all_cores(struct amz_cores *cores, hwloc_topology_t topology, hwloc_bitmap_t usable)
{
  hwloc_obj_t object = NULL;

  while ((object = hwloc_get_next_obj_by_type(topology, HWLOC_OBJ_CORE, object)))
    amz_cores_add(cores, usable, object->cpuset);
  object = NULL;
  while ((object = hwloc_get_next_obj_by_type(topology, HWLOC_OBJ_PU, object))) /* those without a core */
    amz_cores_add(cores, usable, object->cpuset);
}

static int cores_by_hwloc(struct amz_error *err, struct amz_cores *ret)
{
  struct amz_cores cores = {.count = 0};
  hwloc_topology_t topology = NULL;
  hwloc_bitmap_t usable;
  int units, rc = load_topology(&topology, err);

  if (rc < 0)
    return rc;
  usable = usable_units(topology);
  units = usable ? hwloc_bitmap_weight(usable) : 0;
  if (!usable || (units > 0 && amz_cores_make_room(&cores, (size_t)units) < 0)) {
    rc = amz_error_set(err, AMZ_ENOMEM, "out of memory for the list of cores");
    goto out;
  }
  if (units > 0)
    add_all_cores(&cores, topology, usable);
  if (cores.count == 0) {
    rc = amz_error_set(err, AMZ_EENV, "no core is allowed to this process: look at its affinity mask (taskset -p $$) and cpuset");
    goto out;
  }
  cores.most = cores.count;
  *ret = cores;
  cores = (struct amz_cores){.count = 0};
out:
  amz_cores_clear(&cores);
  hwloc_bitmap_free(usable);
  hwloc_topology_destroy(topology);
  return rc;
}

/* Variables of its own tell it what to say. */
static bool hwloc_is_told(void)
{
  static const char prefix[] = "HWLOC_";

  for (char *const *e = environ; e && *e; e++)
    if (strncmp(*e, prefix, sizeof prefix - 1) == 0)
      return true;
  return false;
}

int amz_cores_allowed(struct amz_error *err, struct amz_cores *ret)
{
  const struct amz_tree here = {"", NULL};
  struct amz_cores cores = {.count = 0};
  hwloc_bitmap_t mask = hwloc_is_told() ? NULL : hwloc_bitmap_alloc();
  int rc = mask ? amz_cores_mask(mask) : AMZ_ENOENT;

  if (rc == AMZ_OK)
    rc = amz_cores_by_kernel(&here, mask, &cores);
  hwloc_bitmap_free(mask);
  if (rc == AMZ_OK) {
    *ret = cores;
    return AMZ_OK;
  }
  amz_cores_clear(&cores);
  return cores_by_hwloc(err, ret);
}

void amz_cores_clear(struct amz_cores *cores)
{
  free(cores->cpus);
  free(cores->starts);
  *cores = (struct amz_cores){.count = 0};
}

void amz_cores_keep(struct amz_cores *cores, uint32_t first, uint32_t count)
{
  uint32_t from, units;

  if (cores->most < cores->count) {
    cores->most = count < cores->most ? count : cores->most;
    cores->most = cores->most ? cores->most : 1;
    return;
  }
  if (first >= cores->count)
    first = cores->count ? cores->count - 1 : 0;
  if (count > cores->count - first)
    count = cores->count - first;
  from = cores->starts[first];
  units = cores->starts[first + count] - from;
  memmove(cores->cpus, cores->cpus + from, units * sizeof *cores->cpus);
  for (uint32_t i = 0; i <= count; i++)
    cores->starts[i] = cores->starts[first + i] - from;
  cores->count = cores->most = count;
}

void amz_cores_of_slot(const struct amz_cores *cores, uint32_t slot, uint32_t slots, uint32_t threads, const uint32_t **ret_cpus,
                       size_t *ret_n)
{
  uint64_t needed = (uint64_t)slots * threads;
  uint32_t from = 0, to = cores->count;

  if (needed <= cores->count && cores->most == cores->count) {
    from = slot * threads;
    to = from + threads;
  }
  *ret_cpus = cores->cpus + cores->starts[from];
  *ret_n = cores->starts[to] - cores->starts[from];
}
