/* How much of the node's memory is ours, from sources that are read in microseconds: a run asks at each start. */
#include <amorsize/memory.h>

#include "limits.h"

static int gather(const struct amz_environment *env, struct amz_tree *tree, struct amz_limits *limits)
{
  struct amz_ours unknown = {UINT32_MAX, UINT32_MAX}; /* cores aren't asked for */
  uint64_t total;
  char host[256];
  int rc = amz_memory_limits(tree, limits, &total);

  amz_tree_host(tree, host, sizeof host);
  if (rc == AMZ_OK)
    rc = amz_cgroup_memory(tree, limits);
  if (rc == AMZ_OK)
    rc = amz_batch_limits(env, tree, host, &unknown, true, limits);
  return rc == AMZ_OK && total ? amz_limits_add(limits, AMZ_LIMIT_MEMORY, (double)total, "/proc/meminfo MemTotal") : rc;
}

int amz_memory_limit(const struct amz_environment *env, const char *root, uint64_t *ret_bytes, struct amz_buf *ret_source)
{
  struct amz_tree tree = {root, NULL};
  struct amz_limits limits = {NULL, 0, 0};
  const struct amz_limit *least;
  int rc = gather(env, &tree, &limits);

  least = amz_limits_smallest(&limits, AMZ_LIMIT_MEMORY);
  if (rc == AMZ_OK && least && ret_source) {
    amz_buf_adds(ret_source, least->source);
    rc = amz_buf_ok(ret_source);
  }
  if (rc == AMZ_OK)
    *ret_bytes = least ? (uint64_t)least->value : 0;
  amz_limits_clear(&limits);
  return rc;
}
