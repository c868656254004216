/* Planning beside a run that goes on: a plan may take a third of a second, and a node's look at itself some more, so that a
 * thread of its own does both. One thought at a time; what it needs is copied into it, and nobody else touches it until it is
 * taken back. */
#ifndef AMZ_RUN_THINK_H
#define AMZ_RUN_THINK_H

#include <pthread.h>
#include <stdbool.h>

#include <amorsize/error.h>
#include <amorsize/node.h>
#include <amorsize/plan.h>

#include "kinds.h"

struct amz_think {
  /* filled in before: */
  struct amz_workload work;    /* owned */
  struct amz_plan_input input; /* its work and nodes are set when it begins */
  struct amz_kind kinds[AMZ_PLAN_KINDS_MAX]; /* what was divided among the ranks, the first kind being this node's */
  uint32_t fixed_slots[AMZ_PLAN_KINDS_MAX];  /* of each rank; 0: to be planned */
  size_t n_kinds;              /* >= 1 */
  struct amz_node node;        /* owned; looked at when it isn't known yet */
  bool node_known;
  const char *node_source;     /* static: "measured", "assumed" */
  /* what came of it: */
  struct amz_plan plan;        /* owned */
  int rc;                      /* as of amz_plan_make, or of looking at the node */
  struct amz_error err;
  /* its own: */
  struct amz_node like[AMZ_PLAN_KINDS_MAX]; /* this node with other numbers, what they point to is `node`'s */
  struct amz_plan_nodes nodes[AMZ_PLAN_KINDS_MAX];
  struct amz_plan_launched launched[AMZ_PLAN_KINDS_MAX];
  double cpu_s;                /* of the thoughts that were taken: may be read while another goes on */
  double latest_cpu_s;         /* the thread's */
  int fd;                      /* readable when it is done */
  pthread_t thread;
  bool runs;
};

#define AMZ_THINK_NONE {.fd = -1}

/* Begins. \return AMZ_OK: wait for t->fd, then amz_think_take; AMZ_EIO with *err: there is no thread to be had. */
int amz_think_begin(struct amz_think *t, struct amz_error *err);
/* \return whether it is done; t->rc and t->plan are there then, and it may begin again. Doesn't wait. */
bool amz_think_take(struct amz_think *t);
/* Waits for a thought that goes on; accepts one that never began. */
void amz_think_clear(struct amz_think *t);

#endif
