/* What the loop of rank 0 knows of tasks and of what handing them out costs, as policies are told it (amz_policy_tell). Numbers
 * get better while a run goes on: assumed at first, then from earlier runs and a measured node, then from the run's own tasks,
 * its plan, and its own master. */
#ifndef AMZ_RUN_TOLD_H
#define AMZ_RUN_TOLD_H

#include <stdbool.h>
#include <stdint.h>

#include <amorsize/policy.h>
#include <amorsize/quantity.h>

struct amz_told {
  double mean_s, stddev_s;       /* of a task; 0: unknown */
  struct amz_quantity chunk_s;   /* h, what a chunk costs its slot: assumed, or of a measured node */
  struct amz_quantity service_s; /* g, what it costs the master: likewise */
  double own_s;                  /* the same, of our own master: the median of */
  uint32_t steps;                /* so many steps */
  bool due;                      /* it is time to tell what that has come to */
};

/* Nothing is known of tasks, the costs are assumed. */
void amz_told_init(struct amz_told *t);
/* Mean and standard deviation of a task; without a mean: nothing new. */
void amz_told_tasks(struct amz_told *t, double mean_s, double stddev_s);
/* Costs of a node. Those that are assumed themselves say nothing new. */
void amz_told_costs(struct amz_told *t, const struct amz_quantity *chunk_s, const struct amz_quantity *service_s);
/* Our own master took so long for a step in which it gave `chunks` chunks. */
void amz_told_step(struct amz_told *t, double seconds, uint64_t chunks);
/* All of it; the rest is 0, which says nothing. */
struct amz_policy_params amz_told_params(const struct amz_told *t);

/* What chunks cost, for a plan. */
struct amz_quantity amz_told_chunk(const struct amz_told *t);
struct amz_quantity amz_told_service(const struct amz_told *t); /* source AMZ_SAMPLED: our own master's, at least in part */

/* ---- for the loop (tell.c); \return AMZ_OK; AMZ_ENOMEM */
struct amz_loop;
/* What a plan that was given says, before the master is made. */
void amz_loop_told_begin(struct amz_loop *l);
/* Tells the policy of tasks that were sampled, or known, or planned for. */
int amz_loop_tell_tasks(struct amz_loop *l, double mean_s, double stddev_s);
/* Likewise of what is planned, and by whom the rest is handed out from now on, with which target (0: its own). */
struct amz_policy_ops;
int amz_loop_tell_plan(struct amz_loop *l, double mean_s, double stddev_s, const struct amz_policy_ops *policy, double target_s);
/* Tells what has come to be known beside: the costs of a planner's node, what earlier runs show, what our own master takes. Each
 * turn. */
int amz_loop_tell_due(struct amz_loop *l);

#endif
