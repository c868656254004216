/* The scheduler: master and worker as pure state machines.
 *
 * A step takes one event, which carries the time, and appends actions, which are data: the shell performs them. The
 * same code runs over MPI, in one process without MPI, and in virtual time (sim.h), where it is the planner's predictor.
 *
 * Order. The scheduler counts positions 0..tasks-1 of the run's order; which task of the job stands at a position is the order's
 * (struct amz_order): all tasks, or those that a resumed run has left, or longest first.
 *
 * Exactly once. Every position gets exactly one RECORDed final outcome, by a result or by a bulk. A result counts when its
 * position has none yet, whoever sends it and however late; all others are dropped. It is recorded only when its rank has said
 * that its pack record is on disk (durable_upto >= seq), and then at once, in the order of arrival. Failed attempts that will be
 * retried are recorded too, marked so.
 *
 * Ownership: what an action points to belongs to the actions' list and lives until amz_actions_clear. */
#ifndef AMORSIZE_SCHED_H
#define AMORSIZE_SCHED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <amorsize/error.h>
#include <amorsize/message.h>
#include <amorsize/policy.h>
#include <amorsize/stats.h>

#define AMZ_NEVER INT64_MAX /* a time that doesn't come */

/* ---- order ------------------------------------------------------------------------------------------------------------ */

struct amz_range {
  uint64_t first, count;
};

/* position → task index. A plain list of index ranges with their running sums; the identity is one range. */
struct amz_order;

/* Ranges are taken in the given sequence, copied; they must be non-empty, disjoint and below 2^63 in sum.
 * \return AMZ_OK; AMZ_ENOMEM; AMZ_EINVAL: empty range or overflow. Release with amz_order_free (accepts NULL). */
int amz_order_new(const struct amz_range *ranges, size_t n, struct amz_order **ret);
void amz_order_free(struct amz_order *order);
uint64_t amz_order_count(const struct amz_order *order);
/* \return the task index at a position < count. Logarithmic in the number of ranges. */
uint64_t amz_order_index(const struct amz_order *order, uint64_t position);
/* How the positions from `position` on lie among the task indexes: \return the number of them, 1..most, whose indexes follow one
 * another from *ret_index on; as many as there are, across ranges that touch. position + most <= count, most >= 1. */
uint64_t amz_order_stretch(const struct amz_order *order, uint64_t position, uint64_t most, uint64_t *ret_index);

/* What is believed of tasks' costs, >= 0. */
struct amz_weights {
  /* *ret_same: how many tasks from index on have the same weight, as far as that is known, >= 1. */
  double (*of)(const void *ctx, uint64_t index, uint64_t *ret_same);
  const void *ctx;
};

/* The same tasks, heaviest first: sorted, ties by index, up to `exact` (0: 10^7) stretches of equal weight; more go by 256
 * logarithmic classes of weight and keep their order within one; of more than twice as many, neighbours go together by their
 * heaviest, so that there are never more than 2 exact + n ranges. The ranges given must be in the order of their indices.
 * \return AMZ_OK with an array to be freed; AMZ_ENOMEM. */
int amz_ranges_weigh(const struct amz_range *ranges, size_t n, const struct amz_weights *weights, uint64_t exact,
                     struct amz_range **ret, size_t *ret_n);

/* ---- events and actions ----------------------------------------------------------------------------------------------- */

enum amz_event_kind {
  AMZ_EV_START = 1, /* both: first of all */
  AMZ_EV_MESSAGE,   /* both */
  AMZ_EV_TICK,      /* both: a deadline that was asked for (or any other moment) has come */
  AMZ_EV_DRAIN,     /* master: stop handing out (signal, walltime, `stop`); with `stop` DRAIN or CANCEL and grace_ns */
  AMZ_EV_FENCED,    /* master: the launcher confirms that `rank` runs no more (asked for by FENCE or not) */
  /* worker: tasks of a RUN action have ended: results, a bulk, positions that go back; several events may tell of one RUN */
  AMZ_EV_RAN,
  AMZ_EV_DURABLE,   /* worker: pack records up to durable_upto are on disk */
  AMZ_EV_BROKEN,    /* worker: this rank can't run or keep anything more (helper died, disk full): gives its tasks back */
  /* worker: run at most `slots` tasks at a time from now on, on its first slots (what runs may end); 0 .. its slots */
  AMZ_EV_OPEN,
  /* master: more is known of tasks and costs: `told`, for the policy (amz_policy_tell); or another one hands out from now on:
   * `policy` */
  AMZ_EV_TOLD,
  /* worker: it has `slots` slots from now on, 1 .. its capacity: the first ones; all are open. What runs on others may end
   * there */
  AMZ_EV_RESIZE,
};

struct amz_event {
  enum amz_event_kind kind;
  int64_t now_ns; /* any monotonic clock, the same for all events of one machine */
  const struct amz_message *message;
  enum amz_stop stop;
  int64_t grace_ns;
  uint32_t rank;
  uint32_t slot;                     /* RAN */
  uint32_t slots;                    /* OPEN, RESIZE */
  const struct amz_result *results;  /* RAN: positions, outcomes (attempt and slot filled in) */
  size_t n_results;
  const struct amz_bulk *bulk;       /* RAN: or NULL; chunk_id, attempt and slot are filled in */
  /* RAN: positions that weren't run, or not to an end: the worker runs them again, or gives them back */
  const struct amz_range *returned;
  size_t n_returned;
  uint64_t durable_upto;             /* DURABLE */
  /* TOLD: tasks, slots and workers are filled in by the master; NULL: nothing */
  const struct amz_policy_params *told;
  /* TOLD: it begins with what isn't handed out yet, and knows what its predecessor was told, not what that has seen. NULL, or
   * the same again: it stays */
  const struct amz_policy_ops *policy;
};

enum amz_action_kind {
  AMZ_DO_SEND = 1, /* both: deliver `message` to rank (from the worker: to the master) */
  AMZ_DO_RECORD,   /* master: write results/bulk into the store; final: no more attempts follow */
  AMZ_DO_FENCE,    /* master: have the launcher kill `rank`, then tell FENCED */
  /* worker: run positions [first, first+count) on the slot `slot`, attempt `attempt`: it is idle, or (run_ahead) this comes when
   * it will be */
  AMZ_DO_RUN,
  AMZ_DO_KILL,     /* worker: send `signal` to what runs on `slot`; its result will be `outcome` (TIMED_OUT or CANCELLED) */
  AMZ_DO_SYNC,     /* worker: make pack records durable, then tell DURABLE (one at a time) */
  AMZ_DO_FINISH,   /* both: nothing more will come from this machine; master: see amz_master_end */
};

struct amz_action {
  enum amz_action_kind kind;
  uint32_t rank;
  const struct amz_message *message;
  const struct amz_result *results;
  size_t n_results;
  const struct amz_bulk *bulk;
  bool final;
  uint32_t slot;
  uint64_t first, count;
  uint32_t attempt;
  int signal;
  enum amz_outcome outcome;
};

struct amz_actions; /* an append-only list with the memory of what it points to */

int amz_actions_new(struct amz_actions **ret); /* \return AMZ_OK; AMZ_ENOMEM */
void amz_actions_free(struct amz_actions *a);  /* accepts NULL */
void amz_actions_clear(struct amz_actions *a); /* keeps the memory for the next step */
size_t amz_actions_count(const struct amz_actions *a);
const struct amz_action *amz_actions_at(const struct amz_actions *a, size_t i);

/* ---- master ----------------------------------------------------------------------------------------------------------- */

struct amz_master_config {
  uint64_t tasks;      /* positions 0..tasks-1 */
  uint32_t epoch;      /* of this launch, >= 1 */
  uint32_t ranks;      /* workers that will say HELLO: 0..ranks-1, >= 1 */
  uint32_t slots;      /* P expected over all of them, >= 1 (corrected as they say HELLO) */
  const struct amz_policy_ops *policy;
  struct amz_policy_params params; /* tasks, slots and workers are filled in by the master */
  uint32_t retries;    /* attempts beyond the first */
  int64_t backoff_ns;  /* before the second attempt; doubled for each further one, at most AMZ_BACKOFF_MAX_NS */
  uint64_t stop_after; /* so many final failures end the run; UINT64_MAX: never. Checked as failed >= stop_after */
  bool idempotent;     /* tasks may run twice at the same time: no need to fence before reissue */
  int64_t heartbeat_ns; /* silence after which the master sends an empty message (0: 5 s) */
  int64_t suspect_ns;  /* silence after which a rank gets no new chunks (0: 15 s) */
  int64_t dead_ns;     /* silence after which it is given up (0: 90 s; AMZ_NEVER: in one process) */
  int64_t grace_ns;    /* for running tasks when stop_after is reached */
};
#define AMZ_BACKOFF_MAX_NS INT64_C(3600000000000)

enum amz_end {
  AMZ_END_RUNNING, /* not ended yet */
  AMZ_END_DONE,    /* every position has its final outcome */
  AMZ_END_STOPPED, /* drained by an event: resumable */
  AMZ_END_STOP_AFTER, /* too many failures: resumable */
  AMZ_END_LOST     /* every rank is dead or broken: resumable */
};

struct amz_master_stats {
  uint64_t succeeded, failed, skipped; /* final outcomes recorded (timed out counts as failed) */
  uint64_t handed_out;   /* positions now in chunks of ranks */
  uint64_t waiting;      /* positions not handed out: fresh, returned, waiting for their retry */
  uint64_t chunks;       /* handed out so far, retries included */
  uint64_t retried;      /* attempts that failed and were tried again */
  uint64_t late;         /* results dropped because there was an outcome already */
  uint64_t dropped;      /* messages dropped: other epoch, duplicate; and results of positions never handed out */
  uint64_t reissued;     /* positions taken back from dead or broken ranks */
  uint64_t yielded;      /* that ranks gave back without having begun them */
  uint32_t ranks_alive;
  uint32_t slots_alive;
  struct amz_stats wall_s; /* of accepted first outcomes */
};

struct amz_master;

/* \return AMZ_OK; AMZ_ENOMEM; AMZ_EINVAL: a number out of its range. Release with amz_master_free (accepts NULL).
 * Memory: one bit per position, and what is outstanding. */
int amz_master_new(const struct amz_master_config *config, struct amz_master **ret);
void amz_master_free(struct amz_master *m);
/* \return AMZ_OK; AMZ_ENOMEM (the run must end; the store is right up to the last RECORD). */
int amz_master_step(struct amz_master *m, const struct amz_event *event, struct amz_actions *out) AMZ_MUST_CHECK;
/* \return when the next TICK is due, AMZ_NEVER when none. A pure query. */
int64_t amz_master_deadline(const struct amz_master *m);
enum amz_end amz_master_end(const struct amz_master *m);
void amz_master_stats(const struct amz_master *m, struct amz_master_stats *ret);
/* \return whether a position has its final outcome accepted (recorded or waiting for its durable receipt). */
bool amz_master_settled(const struct amz_master *m, uint64_t position);

/* ---- worker ----------------------------------------------------------------------------------------------------------- */

/* What something takes of a rank, or what a rank has. */
struct amz_need {
  uint32_t cores;
  uint64_t memory_bytes;
};

/* What tasks take where it differs from task to task, so that a slot alone says little. What runs on a rank at the same time
 * takes no more than `all`. A task that wants more than that runs alone: whoever makes a rank for which that is wrong bars its
 * slots (OPEN). */
struct amz_needs {
  /* Of the task at a position. *ret_same: how many positions from it on take the same, as far as that is known, >= 1. NULL: slots
   * bound tasks, nothing else. */
  void (*of)(const void *ctx, uint64_t position, struct amz_need *ret, uint64_t *ret_same);
  const void *ctx;
  struct amz_need all;
};

struct amz_worker_config {
  uint32_t rank;
  uint32_t epoch;
  uint32_t slots;       /* to begin with, >= 1 */
  uint32_t capacity;    /* the most that RESIZE may give it; 0: as many as slots */
  const char *node;     /* kept by reference */
  uint64_t grain;       /* most positions in one RUN: 1 for commands; 0: a whole chunk */
  /* 0; or: a RUN is as many positions as should last so long, by what tasks have taken; 1 while that isn't known */
  int64_t grain_ns;
  bool run_ahead;       /* with grain_ns, and neither needs nor timeout_ns: a slot that runs something short is given the RUN that comes next there, too, so that it
                         * needn't wait for us. All of the first one is told before anything of the second, but for what goes
                         * back */
  uint64_t grain_least; /* with grain_ns: a RUN has so many positions at least, of those that its chunk has */
  int64_t timeout_ns;   /* per task (per RUN when grain != 1); 0: none: TERM, then KILL after kill_after_ns */
  int64_t kill_after_ns; /* 0: 5 s */
  int64_t report_ns;    /* results wait at most so long for company (0: 100 ms); hunger is told at once */
  int64_t sync_ns;      /* between SYNCs while results wait for durability (0: 1 s) */
  int64_t heartbeat_ns; /* 0: 5 s */
  struct amz_needs needs; /* with them a RUN's positions all take the same */
};

struct amz_worker;

/* The worker keeps chunks in a queue of its own; any idle slot takes the next positions (at most `grain`), so that slots of
 * a rank share their chunks. It asks when the queue will be empty sooner than an answer takes: it measures both. With needs, what
 * doesn't fit beside what runs waits, and may be overtaken by as many others as there are slots; then it is the next that
 * begins. */
int amz_worker_new(const struct amz_worker_config *config, struct amz_worker **ret); /* as amz_master_new */
void amz_worker_free(struct amz_worker *w);
int amz_worker_step(struct amz_worker *w, const struct amz_event *event, struct amz_actions *out) AMZ_MUST_CHECK;
int64_t amz_worker_deadline(const struct amz_worker *w);
bool amz_worker_finished(const struct amz_worker *w);
/* \return whether chunks were asked for that haven't come. */
bool amz_worker_hungry(const struct amz_worker *w);
/* \return slots that run something. */
uint32_t amz_worker_busy(const struct amz_worker *w);
/* What runs now has run for so long: tasks that have their slot for themselves one by one, `room` of them at most; orders of
 * several tasks together.
 * \return seconds of the latter, and of tasks beyond `room`; *ret_n: how many are in ret_s. */
double amz_worker_in_hand_s(const struct amz_worker *w, int64_t now_ns, double *ret_s, size_t room, size_t *ret_n);

#endif
