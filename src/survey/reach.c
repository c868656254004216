/* Masks of processes.
 *
 * Launchers bind ranks, each to a part of the node. A survey is about all that the launch may use of it: the units of all its
 * ranks there together. What the launcher keeps to itself isn't taken, only told. */
#define _GNU_SOURCE
#include "reach.h"

#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <amorsize/alloc.h>

#define UNITS_MAX 65536 /* more than any kernel has */

static int list_set(const cpu_set_t *set, size_t bytes, struct amz_units *ret)
{
  uint32_t *items = amz_new_array((size_t)CPU_COUNT_S(bytes, set), sizeof *items), n = 0;

  if (!items)
    return AMZ_ENOMEM;
  for (size_t i = 0; i < UNITS_MAX; i++)
    if (CPU_ISSET_S(i, bytes, set))
      items[n++] = (uint32_t)i;
  *ret = (struct amz_units){items, n};
  return AMZ_OK;
}

int amz_reach_of(pid_t pid, struct amz_units *ret)
{
  size_t bytes = CPU_ALLOC_SIZE(UNITS_MAX);
  cpu_set_t *set = CPU_ALLOC(UNITS_MAX);
  int rc = AMZ_ENOMEM;

  if (!set)
    return rc;
  CPU_ZERO_S(bytes, set);
  rc = sched_getaffinity(pid, bytes, set) < 0 ? AMZ_EENV : list_set(set, bytes, ret);
  CPU_FREE(set);
  return rc;
}

int amz_units_join(struct amz_units *units, const struct amz_units *more)
{
  uint32_t *items = amz_new_array((size_t)units->n + more->n, sizeof *items), n = 0, a = 0, b = 0;

  if (!items)
    return AMZ_ENOMEM;
  while (a < units->n || b < more->n) {
    bool first = b == more->n || (a < units->n && units->items[a] <= more->items[b]);
    uint32_t next = first ? units->items[a] : more->items[b];

    a += a < units->n && units->items[a] == next;
    b += b < more->n && more->items[b] == next;
    items[n++] = next;
  }
  free(units->items);
  *units = (struct amz_units){items, n};
  return AMZ_OK;
}

void amz_reach_take(const struct amz_units *units)
{
  size_t bytes = CPU_ALLOC_SIZE(UNITS_MAX);
  cpu_set_t *set = CPU_ALLOC(UNITS_MAX);

  if (!set)
    return;
  CPU_ZERO_S(bytes, set);
  for (uint32_t i = 0; i < units->n; i++)
    if (units->items[i] < UNITS_MAX)
      CPU_SET_S(units->items[i], bytes, set);
  (void)sched_setaffinity(0, bytes, set); /* what it then is, is looked at */
  CPU_FREE(set);
}

bool amz_reach_is_bound(const struct amz_units *units)
{
  struct amz_units theirs = {NULL, 0};
  bool more = amz_reach_of(getppid(), &theirs) == AMZ_OK && theirs.n > units->n;

  free(theirs.items);
  return more;
}
