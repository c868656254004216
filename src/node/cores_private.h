/* The two ways to learn which cores are ours. Inside the room only. */
#ifndef AMZ_NODE_CORES_PRIVATE_H
#define AMZ_NODE_CORES_PRIVATE_H

#include <hwloc.h>

#include <amorsize/cores.h>

#include "tree.h"

/* Makes room for as many cores as units. \return AMZ_OK; AMZ_ENOMEM: release with amz_cores_clear. */
int amz_cores_make_room(struct amz_cores *cores, size_t units);
/* Appends the usable units of one object as a core, if there are any; takes them out of `usable`. */
void amz_cores_add(struct amz_cores *cores, hwloc_bitmap_t usable, hwloc_const_bitmap_t units);

/* cores_kernel.c: from the kernel's own lists, as hwloc would say. Takes what it has read out of `usable`.
 * \return AMZ_OK; AMZ_ENOENT: they aren't there, or don't make sense; AMZ_ENOMEM. Release with amz_cores_clear in any case. */
int amz_cores_by_kernel(const struct amz_tree *tree, hwloc_bitmap_t usable, struct amz_cores *ret);
/* This process's affinity mask, which keeps within its cpuset. \return AMZ_OK; AMZ_ENOENT: the kernel doesn't tell;
 * AMZ_ENOMEM. */
int amz_cores_mask(hwloc_bitmap_t ret);

#endif
