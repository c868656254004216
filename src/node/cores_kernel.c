/* Which cores are ours, by three system calls a unit.
 *
 * hwloc says the same, but takes seven milliseconds, most of them for loading what it may be asked about GPUs and displays: a
 * tenth of what a run of twenty tiny tasks may take. What isn't plain here is left to it. */
#define _GNU_SOURCE
#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>

#include "cores_private.h"
#include "cpulist.h"

#define LINE 4096

int amz_cores_mask(hwloc_bitmap_t ret)
{
  int rc = AMZ_ENOENT;

  for (unsigned units = 1024; units <= AMZ_UNITS_MAX && rc == AMZ_ENOENT; units *= 4) {
    size_t bytes = CPU_ALLOC_SIZE(units);
    cpu_set_t *set = CPU_ALLOC(units);

    if (!set)
      return AMZ_ENOMEM;
    memset(set, 0, bytes);
    if (sched_getaffinity(0, bytes, set) == 0)
      rc = AMZ_OK;
    else if (errno != EINVAL) /* it has more units than that */
      units = AMZ_UNITS_MAX;
    for (unsigned i = 0; rc == AMZ_OK && i < units; i++)
      if (CPU_ISSET_S(i, bytes, set) && hwloc_bitmap_set(ret, i) < 0)
        rc = AMZ_ENOMEM;
    CPU_FREE(set);
  }
  return rc == AMZ_OK && hwloc_bitmap_iszero(ret) ? AMZ_ENOENT : rc;
}

/* The second name is that of kernels before 5.3. */
static int read_siblings(const struct amz_tree *tree, int unit, hwloc_bitmap_t ret)
{
  static const char *const names[] = {"core_cpus_list", "thread_siblings_list"};
  char path[96], line[LINE];

  for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
    (void)snprintf(path, sizeof path, "/sys/devices/system/cpu/cpu%d/topology/%s", unit, names[i]);
    if (amz_tree_line(tree, path, line, sizeof line) && strlen(line) + 1 < sizeof line)
      return amz_cpulist_parse(line, ret) == AMZ_OK && hwloc_bitmap_isset(ret, (unsigned)unit) ? AMZ_OK : AMZ_ENOENT;
  }
  return AMZ_ENOENT;
}

int amz_cores_by_kernel(const struct amz_tree *tree, hwloc_bitmap_t usable, struct amz_cores *ret)
{
  hwloc_bitmap_t siblings = hwloc_bitmap_alloc();
  int units = hwloc_bitmap_weight(usable), rc = siblings ? AMZ_OK : AMZ_ENOMEM;

  *ret = (struct amz_cores){.count = 0};
  if (rc == AMZ_OK)
    rc = units > 0 ? amz_cores_make_room(ret, (size_t)units) : AMZ_ENOENT;
  for (int unit; rc == AMZ_OK && (unit = hwloc_bitmap_first(usable)) >= 0;) {
    hwloc_bitmap_zero(siblings);
    rc = read_siblings(tree, unit, siblings);
    if (rc == AMZ_OK)
      amz_cores_add(ret, usable, siblings);
  }
  hwloc_bitmap_free(siblings);
  ret->most = ret->count;
  return rc;
}
