/* Names of the machine: host, processor, kernel, hypervisor. Inside the room only. */
#ifndef AMZ_NODE_MACHINE_H
#define AMZ_NODE_MACHINE_H

#include <stdbool.h>

#include <amorsize/error.h>
#include <amorsize/node.h>

#include "tree.h"

/* Names that the tree knows; those that are set already stay. `here`: the processor may be asked as well.
 * \return AMZ_OK; AMZ_ENOMEM. */
int amz_machine_names(const struct amz_tree *tree, bool here, struct amz_node *node);

/* Whether what looks like cores are hardware threads. Units and cores must be known.
 *
 * Clouds sell hardware threads as virtual CPUs. Most show which of them share a core, and then cores are counted rightly.
 * Where each virtual CPU looks like a core of its own, this says yes when all of it holds: x86 (ARM's machines there have no
 * threads), a vendor in the firmware's tables that sells threads, and not one of its series on processors without them. */
bool amz_machine_shares_cores(const struct amz_tree *tree, const struct amz_node *node);

#endif
