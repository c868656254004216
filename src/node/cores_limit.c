/* How many of our cores may be busy at once, from sources that are read in microseconds: a run asks at each start. */
#include <amorsize/cores.h>

#include <stddef.h>

#include "limits.h"

int amz_cores_limit(struct amz_cores *cores, const struct amz_environment *env, const char *root, struct amz_buf *ret_source)
{
  struct amz_tree tree = {root, NULL};
  struct amz_ours ours = {cores->count, cores->count ? cores->starts[cores->count] : 0};
  struct amz_limits limits = {NULL, 0, 0};
  const struct amz_limit *least;
  char host[256];
  int rc;

  amz_tree_host(&tree, host, sizeof host);
  rc = amz_cgroup_quotas(&tree, &limits);
  if (rc == AMZ_OK)
    rc = amz_batch_limits(env, &tree, host, &ours, false, &limits);
  least = amz_limits_smallest(&limits, AMZ_LIMIT_CORES);
  if (rc == AMZ_OK && least && least->value < cores->most) {
    cores->most = least->value < 1 ? 1 : (uint32_t)least->value;
    if (ret_source)
      amz_buf_adds(ret_source, least->source);
    rc = ret_source ? amz_buf_ok(ret_source) : AMZ_OK;
  }
  amz_limits_clear(&limits);
  return rc;
}
