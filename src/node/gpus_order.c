/* The order of GPUs by their NUMA domains. */
#include <stdlib.h>
#include <string.h>

#include <amorsize/alloc.h>
#include <amorsize/gpus.h>

#include "devices.h"

struct placed {
  uint32_t domain;
  uint32_t position; /* in the order given: what is equal stays in it */
};

static int by_domain(const void *a, const void *b)
{
  const struct placed *x = a, *y = b;

  if (x->domain != y->domain)
    return x->domain < y->domain ? -1 : 1;
  return (x->position > y->position) - (x->position < y->position);
}

static uint32_t domain_of(const struct amz_node *node, const char *id)
{
  for (size_t i = 0; i < node->n_gpus; i++)
    if (node->gpus[i].usable && strcmp(node->gpus[i].id, id) == 0)
      return node->gpus[i].domain;
  return AMZ_NO_DOMAIN;
}

/* \return false: not all of them are told, and the order stays. */
static bool place(const struct amz_gpus *gpus, const struct amz_node *node, struct placed *placed)
{
  for (uint32_t i = 0; i < gpus->count; i++) {
    placed[i] = (struct placed){domain_of(node, gpus->ids[i]), i};
    if (placed[i].domain == AMZ_NO_DOMAIN)
      return false;
  }
  return true;
}

static int reorder(struct amz_gpus *gpus, const struct amz_node *node)
{
  struct placed *placed = amz_new_array(gpus->count, sizeof *placed);
  char **ids = amz_new_array(AMZ_GPUS_MAX, sizeof *ids);

  if (!placed || !ids) {
    free(placed);
    free(ids);
    return AMZ_ENOMEM;
  }
  if (place(gpus, node, placed)) {
    qsort(placed, gpus->count, sizeof *placed, by_domain);
    for (uint32_t i = 0; i < gpus->count; i++)
      ids[i] = gpus->ids[placed[i].position];
    memcpy(gpus->ids, ids, gpus->count * sizeof *ids);
  }
  free(placed);
  free(ids);
  return AMZ_OK;
}

int amz_gpus_sort(struct amz_gpus *gpus, const struct amz_environment *env, const char *root)
{
  struct amz_look look = {.root = root, .env = env};
  struct amz_tree tree = {root, NULL};
  struct amz_topology topology;
  struct amz_diags unheard; /* told when the variables were read */
  struct amz_node node = {.host = NULL};
  struct amz_error why;
  int rc;

  if (gpus->count < 2)
    return AMZ_OK;
  rc = amz_topology_open(&look, &tree, &why, &topology);
  if (rc < 0)
    return rc == AMZ_ENOMEM ? rc : AMZ_OK;
  amz_diags_init(&unheard);
  tree.diags = &unheard;
  rc = amz_topology_describe(&topology, hwloc_topology_get_allowed_cpuset(topology.handle), &why, &node);
  if (rc == AMZ_OK)
    rc = amz_devices_look(&topology, env, &tree, true, &node);
  if (rc == AMZ_OK && node.n_domains > 1)
    rc = reorder(gpus, &node);
  amz_diags_clear(&unheard);
  amz_node_clear(&node);
  amz_topology_close(&topology);
  return rc == AMZ_ENOMEM ? rc : AMZ_OK;
}
