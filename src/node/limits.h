/* What bounds us, and who says it: a list that every source adds to; the smallest of a kind counts. Inside the room only. */
#ifndef AMZ_NODE_LIMITS_H
#define AMZ_NODE_LIMITS_H

#include <stddef.h>
#include <stdint.h>

#include <amorsize/environment.h>
#include <amorsize/error.h>
#include <amorsize/node.h>

#include "tree.h"

struct amz_limits {
  struct amz_limit *items;
  size_t count, cap;
};

/* \return AMZ_OK; AMZ_ENOMEM. The source is kept as a copy. */
int amz_limits_add(struct amz_limits *limits, enum amz_limit_kind kind, double value, const char *source, ...) AMZ_PRINTF(4, 5);
void amz_limits_clear(struct amz_limits *limits);
/* \return the smallest of a kind, of equals the one added first; NULL without any. */
struct amz_limit *amz_limits_smallest(const struct amz_limits *limits, enum amz_limit_kind kind);

/* What a quota of CPU time is worth as whole cores: at least one, as something must run. */
uint32_t amz_quota_cores(double cpus);

/* CPU quotas (each a CPU limit, and one of cores) and memory bounds of our control groups, version 1 and 2, and of every group
 * above them. \return AMZ_OK; AMZ_ENOMEM. */
int amz_cgroup_quotas(const struct amz_tree *tree, struct amz_limits *limits);
int amz_cgroup_memory(const struct amz_tree *tree, struct amz_limits *limits);

/* The processing units that our cpuset has, as the kernel writes lists ("0-3,8"), appended to *ret_list, and who says so to
 * *ret_source. Nothing is appended when there is no cpuset. \return AMZ_OK; AMZ_ENOMEM. */
int amz_cgroup_cpuset(const struct amz_tree *tree, struct amz_buf *ret_list, struct amz_buf *ret_source);

/* The cores that the affinity mask and the cpuset leave us; the batch system's numbers are compared with them. */
struct amz_ours {
  uint32_t cores, units;
};

/* What the batch system gave this node: cores and, when `with_memory`, memory. `host`: our name.
 * \return AMZ_OK; AMZ_ENOMEM. */
int amz_batch_limits(const struct amz_environment *env, struct amz_tree *tree, const char *host, const struct amz_ours *ours,
                     bool with_memory, struct amz_limits *limits);

/* The machine's own: total and available memory from /proc/meminfo, the bound on address space of this process.
 * *ret_total_bytes: MemTotal, 0 when it isn't told. \return AMZ_OK; AMZ_ENOMEM. */
int amz_memory_limits(const struct amz_tree *tree, struct amz_limits *limits, uint64_t *ret_total_bytes);

/* A value of /proc/meminfo in bytes. \return true; false: not there, or malformed, which is told. */
bool amz_meminfo_value(const struct amz_tree *tree, const char *meminfo, const char *name, uint64_t *ret_bytes);

/* The host's name as the tree has it; "" when it isn't told. */
void amz_tree_host(const struct amz_tree *tree, char *ret, size_t n);

#endif
