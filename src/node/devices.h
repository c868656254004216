/* GPUs as hwloc and the variables see them. Inside the room only. */
#ifndef AMZ_NODE_DEVICES_H
#define AMZ_NODE_DEVICES_H

#include "topology.h"

/* Fills node->gpus; domains must be known. `ours`: the variables speak of this node.
 * \return AMZ_OK; AMZ_ENOMEM. */
int amz_devices_look(const struct amz_topology *topology, const struct amz_environment *env, struct amz_tree *tree, bool ours,
                     struct amz_node *node);

#endif
