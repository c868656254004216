/* A topology loaded by hwloc, and where it comes from. Inside the room only. */
#ifndef AMZ_NODE_TOPOLOGY_H
#define AMZ_NODE_TOPOLOGY_H

#include <stdbool.h>

#include <hwloc.h>

#include <amorsize/measure.h>

#include "tree.h"

struct amz_topology {
  hwloc_topology_t handle;
  char *name;        /* "this machine", or the description's name */
  bool this_machine; /* hwloc says that it describes the machine we are on */
};

/* Loads what `look` asks for: its description, else the one that HWLOC_XMLFILE or HWLOC_SYNTHETIC names, else the tree below
 * its root when that describes processors, else this machine.
 * \return as amz_node_look. Close with amz_topology_close. */
int amz_topology_open(const struct amz_look *look, const struct amz_tree *tree, struct amz_error *err, struct amz_topology *ret);
void amz_topology_close(struct amz_topology *topology);

/* Loads the tree below tree->root into a handle that isn't loaded yet. Where hwloc can't make anything of it, that is told and
 * the processing units that are online are counted as cores. \return AMZ_OK; AMZ_EENV with *err; AMZ_ENOMEM. */
int amz_topology_load_tree(hwloc_topology_t handle, const struct amz_tree *tree, struct amz_error *err);

/* Loads an XML file of hwloc's, whatever is in it. \return AMZ_OK; AMZ_EENV: it is none; AMZ_ENOMEM. */
int amz_topology_load_file(hwloc_topology_t handle, const char *path);

/* Whether MPI may have begun in this process: then it isn't to be forked, as networks may write to its memory. */
bool amz_topology_is_launched(const struct amz_environment *env);

/* Fills in what there is: packages, domains, cores, kinds, caches, and the names that the topology knows. `bound`: the units
 * that we may use. \return AMZ_OK; AMZ_EENV with *err; AMZ_ENOMEM. */
int amz_topology_describe(const struct amz_topology *topology, hwloc_const_bitmap_t bound, struct amz_error *err,
                          struct amz_node *node);

#endif
