/* The kernel's lists of processing units, "0-3,8,10-11". Inside the room only. */
#ifndef AMZ_NODE_CPULIST_H
#define AMZ_NODE_CPULIST_H

#include <hwloc.h>

/* Larger numbers are not believed. */
#define AMZ_UNITS_MAX (1u << 20)

/* Sets the list's units in `set` (NULL: the list is only checked).
 * \return AMZ_OK; AMZ_EINVAL: malformed or empty (set is then spoilt); AMZ_ENOMEM. */
int amz_cpulist_parse(const char *list, hwloc_bitmap_t set);

#endif
