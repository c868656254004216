/* What the loop's files share: the state of one process, and who performs what. */
#ifndef AMZ_RUN_LOOP_STATE_H
#define AMZ_RUN_LOOP_STATE_H

#include <amorsize/buf.h>

#include "beside.h"
#include "carve.h"
#include "clock.h"
#include "loop.h"
#include "shape.h"
#include "signals.h"
#include "told.h"
#include "yield.h"

struct amz_slot_state {
  uint64_t position;
  uint32_t attempt;
  uint32_t threads; /* that the task was given; 0: not noted */
};

struct amz_loop {
  const struct amz_loop_config *config;
  struct amz_signals *signals;
  struct amz_master *master;           /* NULL but on rank 0 */
  struct amz_worker *worker;
  struct amz_actions *master_out, *worker_out;
  const struct amz_executor *executor; /* executor.h */
  void *executing;                     /* the executor's own */
  uint64_t grain_least;                /* positions that it wants at once, if there are so many */
  struct amz_buf to_master, to_worker; /* mailboxes: encoded messages, each behind its u32 length */
  struct amz_slot_state *slots;
  struct amz_beside_mark *marks;       /* for samples: where the times of slots' tasks begin, by slot */
  struct amz_beside beside;
  struct amz_carver *carver;           /* where tasks differ in threads; NULL: slots have cores of their own */
  uint32_t threads, wanted;            /* shape.h: of tasks that start from now on; slots that may be open */
  /* tasks that ended without being started (skipped, bad values), for the worker's next event */
  struct amz_result *instant;
  size_t n_instant, cap_instant;
  struct amz_task task;                /* reused from task to task */
  struct amz_buf gpu_env;              /* likewise: "NAME=VALUE" strings, each with its NUL, */
  const char **env;                    /* and the task's environment with them */
  size_t cap_env;
  uint64_t last_pack_seq;
  const char *sync_path;               /* what SYNC makes durable; NULL: the pack */
  bool master_finished, worker_finished, broken, binding_told;
  bool *fenced;                        /* rank 0: ranks whose death is to be told, by rank */
  bool any_fenced;
  struct amz_buf wire;                 /* reused for what goes to other ranks */
  int64_t heard_ns, next_look_ns;      /* from rank 0, last; when to look for the dead */
  unsigned stop_signals;
  /* with which another rank has begun the end: rank 0 may get the same one itself; 0: none */
  int relayed_signal;
  int64_t started_ns, next_status_ns, next_progress_ns;
  struct amz_yield yield;              /* rank 0 with others: is its loop busy? Of the window that runs: */
  int64_t window_ns;                   /* its begin, */
  struct amz_cpu_time window_cpu;      /* and what the loop had by then */
  struct amz_told told;                /* rank 0: what the policy is told; */
  bool recalled;                       /* earlier runs have been asked */
  struct amz_reduce_kind reduce;       /* rank 0: of the partials that have come; op NONE: none have */
  struct amz_loop_result *result;
};

/* Steps one machine with an event (now is filled in) and performs all that it asks for. \return AMZ_OK; AMZ_ENOMEM. */
int amz_loop_master_event(struct amz_loop *l, struct amz_event *event);
int amz_loop_worker_event(struct amz_loop *l, struct amz_event *event);

/* perform.c: the effects of single actions. \return AMZ_OK; AMZ_ENOMEM. */
int amz_loop_perform_master(struct amz_loop *l, const struct amz_action *action);
int amz_loop_perform_worker(struct amz_loop *l, const struct amz_action *action);

/* Notes that this process can't run or keep anything more; the first cause is the one that is told. */
void amz_loop_break(struct amz_loop *l, const struct amz_error *cause);

/* peers.c: messages from other ranks; those that have died. */
int amz_loop_gather_peers(struct amz_loop *l, struct amz_error *err);
int amz_loop_send(struct amz_loop *l, uint32_t rank, const struct amz_message *message);
int amz_loop_look_for_dead(struct amz_loop *l);
/* Tells the master of the ranks that are fenced. */
int amz_loop_tell_fenced(struct amz_loop *l);

/* needs.c: where tasks differ in what they take. */
struct amz_needs amz_loop_needs(const struct amz_loop *l); /* for the worker; l is kept */
/* Bars the slots of a rank that has too little. \return AMZ_OK; AMZ_ENOMEM. */
int amz_loop_bar(struct amz_loop *l);
/* \return whether no rank is left that has enough for what is left. */
bool amz_loop_is_too_small(const struct amz_loop *l);

/* stops.c: what asks the run to come to an end. \return AMZ_OK; AMZ_ENOMEM. */
int amz_loop_gather_signals(struct amz_loop *l);
int amz_loop_hear_signal(struct amz_loop *l, const struct amz_mpi_message *got); /* a word of another rank */
int amz_loop_stop_asked(struct amz_loop *l, const struct amz_store_event *asked);
bool amz_loop_is_out_of_time(const struct amz_loop *l, int64_t now_ns);
int amz_loop_drain_in_time(struct amz_loop *l);
int amz_loop_drain_too_small(struct amz_loop *l);

/* progress.c: */
uint64_t amz_loop_running(const struct amz_loop *l); /* tasks */
/* Publishes status.json and calls the observer when their times have come. \return AMZ_OK; AMZ_ENOMEM. */
int amz_loop_show(struct amz_loop *l, bool at_once);
void amz_loop_note(const struct amz_loop *l, enum amz_severity severity, const char *text);

#endif
