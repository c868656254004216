/* How busy the machine is, and what of its state bears on runs. Inside the room only. */
#ifndef AMZ_NODE_LOAD_H
#define AMZ_NODE_LOAD_H

#include <hwloc.h>

#include <amorsize/error.h>
#include <amorsize/node.h>

#include "tree.h"

/* Fills node->load. `bound`: the units whose load counts. `wait`: two reads 40 ms apart tell what the processors do now;
 * without it (a tree made by hand doesn't move), and when the counters don't move, the kernel's average of a minute does.
 * \return AMZ_OK; AMZ_ENOMEM. */
int amz_load_read(const struct amz_tree *tree, hwloc_const_bitmap_t bound, bool wait, struct amz_node *node);

/* Adds findings: about the load, memory, frequencies, throttling, huge pages. Nothing is ever changed. \return AMZ_OK;
 * AMZ_ENOMEM. */
int amz_state_find(const struct amz_tree *tree, hwloc_const_bitmap_t bound, struct amz_node *node);

#endif
