/* What is to be measured, decided before anything is: which cores, how many at a time, how large the arrays are. Values in,
 * values out. */
#ifndef AMZ_NODE_MEASURE_PLAN_H
#define AMZ_NODE_MEASURE_PLAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <amorsize/error.h>
#include <amorsize/node.h>

#define AMZ_COUNTS_MAX 33 /* 1, 2, 4 … 2^31, and the number itself */
#define AMZ_LEVELS_MAX 8
#define AMZ_TRIAD_ARRAYS 3

/* A NUMA domain some of whose cores are kept busy: plan->units[first .. first + count). */
struct amz_plan_domain {
  uint32_t index; /* in node->domains */
  uint32_t first, count;
};

struct amz_measure_plan {
  uint32_t *units;        /* one of each core, one domain's after the other's */
  uint32_t n_units;
  struct amz_plan_domain *domains;
  uint32_t n_domains;     /* ≥ 1 */
  uint32_t widest;        /* cores of the domain that has most */
  double scale;           /* of the arrays that STREAM's rules ask for: below 1 when there isn't memory enough */
};

/* Cores that we may use, by the profile and by `may_run` (the process's own mask), no more than the allowance has CPU time for.
 * \return AMZ_OK, clear with amz_measure_plan_clear; AMZ_EENV: there are none; AMZ_ENOMEM. */
int amz_measure_plan_make(const struct amz_node *node, bool (*may_run)(void *ctx, uint32_t unit), void *ctx,
                          struct amz_measure_plan *ret);
void amz_measure_plan_clear(struct amz_measure_plan *plan);

/* 1, 2, 4 … and n. \return how many; n ≥ 1. */
size_t amz_measure_counts(uint32_t n, uint32_t ret[AMZ_COUNTS_MAX]);

/* Bytes of each of the triad's arrays for each of `cores` threads on cores of one domain: all together 4 × the last-level caches
 * that those cores have, as STREAM's rules want it. A multiple of 4096. */
uint64_t amz_triad_share(const struct amz_node *node, double scale, uint32_t cores);
/* The most that the thread on a domain's core number `place` needs at any number of cores up to `most`. */
uint64_t amz_triad_room(const struct amz_node *node, double scale, uint32_t place, uint32_t most);

/* A size at which a chain of loads is timed. */
struct amz_chase {
  uint64_t bytes;
  uint32_t level; /* 0: memory */
};
/* One for each level of cache, well inside it, and one for memory, of `room` bytes at most; without one for memory when `room`
 * can't tell it from the last cache. \return how many, smallest first. */
size_t amz_measure_chases(const struct amz_node *node, uint64_t room, struct amz_chase ret[AMZ_LEVELS_MAX]);
/* Bytes between two of a chain's loads: a cache line. */
uint32_t amz_measure_line(const struct amz_node *node);

/* The fewest cores of a domain that reach 90 % of its best rate, read between the points. \return unknown without a point
 * at one core. */
struct amz_quantity amz_measure_saturation(const struct amz_node *node, uint32_t domain);

#endif
