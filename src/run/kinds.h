/* The nodes of a launch, by what their ranks have: a plan is made for kinds of nodes, and carried out rank by rank. Pure. */
#ifndef AMZ_RUN_KINDS_H
#define AMZ_RUN_KINDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <amorsize/error.h>
#include <amorsize/plan.h>

#include "team.h"

/* What one rank has. */
struct amz_rank_share {
  uint32_t slots;        /* that it begins with; 0: it runs nothing */
  uint32_t capacity;     /* that it may get */
  uint32_t cores;
  uint64_t memory_bytes; /* for its tasks; AMZ_ANY_MEMORY: nobody knows (budget.h) */
};

/* Nodes that are alike, with all that is ours there. Ranks that differ among each other on their node are seen as one that has it
 * all. */
struct amz_kind {
  uint32_t nodes;        /* >= 1 */
  uint32_t ranks;        /* on each; >= 1 */
  uint32_t cores;        /* of a node */
  uint32_t most_slots;   /* of each of the ranks */
  uint64_t memory_bytes; /* of a node, without headroom; 0: nobody knows */
};

/* Zero-initialised there are none. */
struct amz_kinds {
  struct amz_kind items[AMZ_PLAN_KINDS_MAX]; /* the first is that of rank 0's node */
  size_t n;
  struct amz_kind_rank {
    uint32_t kind, nth;          /* its node is the nth of that kind, from 0 */
    uint32_t capacity;
    uint32_t before, cores, all; /* cores of its node's ranks before it; its own; its node's. all 0: it runs nothing */
  } *ranks;                      /* owned */
  uint32_t n_ranks, nodes, most_ranks; /* most_ranks: that run something, on one node */
};

/* Finds the kinds. Memory that differs by less than an eighth is alike; more than AMZ_PLAN_KINDS_MAX kinds are joined with those
 * that come next to them in cores, and then count as the smaller. Nodes whose ranks run nothing are none.
 * \return AMZ_OK, release with amz_kinds_clear; AMZ_ENOMEM. */
int amz_kinds_find(const struct amz_team *team, const struct amz_rank_share *shares, struct amz_kinds *ret);
/* Of a process alone. \return likewise. */
int amz_kinds_alone(const struct amz_rank_share *share, struct amz_kinds *ret);
void amz_kinds_clear(struct amz_kinds *kinds);

/* The slots of each rank under the classes of a plan (plan.h), by rank: those of a class go to the first nodes of its kind; a
 * rank of several that differ has its cores' share of them. \return the most of any; 0: none has any. */
uint32_t amz_kinds_slots(const struct amz_kinds *kinds, const struct amz_plan_class *classes, size_t n_classes,
                         uint32_t *ret_slots);

/* Takes from each of n ranks, where `slots` says how many it has, those for which its memory doesn't suffice when each task takes
 * task_bytes; who has some keeps one. \return whether any had too many; then *ret_slots is the most that such a rank has now, and
 * *ret_before what the same one had. */
bool amz_shares_bound(const struct amz_rank_share *shares, uint32_t n, uint64_t task_bytes, uint32_t *slots, uint32_t *ret_slots,
                      uint32_t *ret_before);

#endif
