/* Where GPUs and processing units are, for runs: as the node's profile would say. */
#include <stdlib.h>
#include <string.h>

#include <amorsize/alloc.h>
#include <amorsize/gpus.h>

#include "devices.h"

#define UNIT_MAX (1u << 20) /* numbers beyond are not believed */

/* \return the position of a GPU in our list; count: it isn't there, or has been taken. */
static uint32_t find(const struct amz_gpus *gpus, const char *id)
{
  for (uint32_t i = 0; i < gpus->count; i++)
    if (gpus->ids[i] && strcmp(gpus->ids[i], id) == 0)
      return i;
  return gpus->count;
}

/* Moves names into the order of the node's list; what that doesn't have comes behind, and nobody knows where it is. */
static void reorder(struct amz_gpus *gpus, const struct amz_node *node, char **ids, uint32_t *domains)
{
  uint32_t n = 0;

  for (size_t i = 0; i < node->n_gpus; i++) {
    uint32_t at = node->gpus[i].usable ? find(gpus, node->gpus[i].id) : gpus->count;

    if (at == gpus->count)
      continue;
    domains[n] = node->gpus[i].domain;
    ids[n++] = gpus->ids[at];
    gpus->ids[at] = NULL;
  }
  for (uint32_t i = 0; i < gpus->count; i++)
    if (gpus->ids[i]) {
      domains[n] = AMZ_NO_DOMAIN;
      ids[n++] = gpus->ids[i];
    }
  memcpy(gpus->ids, ids, gpus->count * sizeof *ids);
  gpus->domains = domains;
}

static int take_order(struct amz_gpus *gpus, const struct amz_node *node)
{
  uint32_t *domains = amz_new_array(gpus->count, sizeof *domains);
  char **ids = amz_new_array(gpus->count, sizeof *ids);

  if (domains && ids)
    reorder(gpus, node, ids, domains);
  else
    free(domains);
  free(ids);
  return gpus->domains ? AMZ_OK : AMZ_ENOMEM;
}

static int take_units(struct amz_gpus *gpus, const struct amz_node *node)
{
  uint32_t n = 0;

  for (uint32_t i = 0; i < node->units; i++)
    if (node->unit[i] < UNIT_MAX && node->unit[i] >= n)
      n = node->unit[i] + 1;
  gpus->unit_domains = amz_new_array(n, sizeof *gpus->unit_domains);
  if (!gpus->unit_domains)
    return AMZ_ENOMEM;
  for (uint32_t i = 0; i < n; i++)
    gpus->unit_domains[i] = AMZ_NO_DOMAIN;
  for (uint32_t i = 0; i < node->cores; i++)
    for (uint32_t k = 0; k < node->core[i].n_units; k++)
      if (node->unit[node->core[i].first_unit + k] < n)
        gpus->unit_domains[node->unit[node->core[i].first_unit + k]] = node->core[i].domain;
  gpus->n_units = n;
  return AMZ_OK;
}

int amz_gpus_locate(struct amz_gpus *gpus, const struct amz_environment *env, const char *root)
{
  struct amz_look look = {.root = root, .env = env};
  struct amz_tree tree = {root, NULL};
  struct amz_topology topology;
  struct amz_diags unheard; /* told when the variables were read */
  struct amz_node node = {.host = NULL};
  struct amz_error why;
  int rc;

  if (gpus->count < 2 || gpus->domains)
    return AMZ_OK;
  rc = amz_topology_open(&look, &tree, &why, &topology);
  if (rc < 0)
    return rc == AMZ_ENOMEM ? rc : AMZ_OK;
  amz_diags_init(&unheard);
  tree.diags = &unheard;
  rc = amz_topology_describe(&topology, hwloc_topology_get_allowed_cpuset(topology.handle), &why, &node);
  if (rc == AMZ_OK)
    rc = amz_devices_look(&topology, env, &tree, true, &node);
  if (rc == AMZ_OK && (rc = take_order(gpus, &node)) == AMZ_OK)
    rc = take_units(gpus, &node);
  amz_diags_clear(&unheard);
  amz_node_clear(&node);
  amz_topology_close(&topology);
  return rc == AMZ_ENOMEM ? rc : AMZ_OK;
}
