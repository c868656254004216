/* The event loop of one process: receives, steps the pure machines, performs what they ask for.
 *
 * Every rank has a worker; rank 0 holds the master, too. What those two tell each other goes through two mailboxes of encoded
 * messages, the same bytes that travel between ranks. Nothing here decides anything about scheduling. */
#ifndef AMZ_RUN_LOOP_H
#define AMZ_RUN_LOOP_H

#include <amorsize/exec.h>
#include <amorsize/job.h>
#include <amorsize/cores.h>
#include <amorsize/report.h>
#include <amorsize/sched.h>
#include <amorsize/store.h>

#include "budget.h"
#include "net.h"
#include "planner.h"
#include "recall.h"
#include "run.h"
#include "sampler.h"
#include "tally.h"
#include "team.h"
#include "walltime.h"

struct amz_loop_config {
  const struct amz_job *job;
  const void *recording;         /* what the job was made from (inputs.h) */
  size_t n_recording;
  const struct amz_order *order; /* what is left to do */
  const struct amz_policy_ops *policy; /* to begin with, and */
  double target_s;               /* its target; 0: its own */
  struct amz_layout layout;
  const struct amz_cores *cores;
  const struct amz_gpus *gpus;
  const uint32_t *slot_gpus;      /* positions in gpus, as many for each of our slots as a task takes */
  struct amz_exec *exec;
  struct amz_store *store;
  const char *pack_path, *host, *run_dir;
  const char *shared_dir;        /* the run directory, absolute, as all ranks know it (some may not see it) */
  bool apart;                    /* this one may not: what it keeps is gathered */
  uint32_t epoch;
  uint32_t rank;                  /* rank 0 holds the master */
  uint32_t total_slots;           /* over all ranks; rank 0's to know */
  const struct amz_rank_share *shares; /* of each rank; rank 0's to know. NULL: it is alone */
  const struct amz_net *net;      /* NULL: a process alone */
  struct amz_mpi *mpi;
  const struct amz_team *team;    /* rank 0's; NULL elsewhere and alone */
  int64_t master_pid;             /* of rank 0 when it is on this node, else 0 */
  uint64_t total;                 /* tasks of the whole run */
  struct amz_walltime walltime;   /* rank 0: when to come to an end */
  struct amz_store_counts before; /* recorded by earlier launches */
  uint64_t *kept;                 /* rank 0: recorded tasks by rank, counted here; may be NULL */
  struct amz_sampler *sampler;    /* NULL: this launch doesn't sample */
  struct amz_planner *planner;    /* NULL: it doesn't plan */
  const struct amz_recall *recall; /* rank 0: what earlier runs of the job show, once it is there; NULL: nobody asks */
  struct amz_budget budget;       /* of this rank */
  bool barred;                    /* it has too little for some of the tasks: it runs none */
  bool any_barred;                /* rank 0: some rank is */
  const struct amz_run_observer *observer;
};

struct amz_loop_result {
  enum amz_end end;
  struct amz_tally tally;
  struct amz_master_stats stats;
  uint32_t lost_ranks;
  uint32_t given_up;    /* most slots that rank 0 left unused at a time, because its loop was busy */
  double busy;          /* such a share of a second */
  bool all_failed;      /* it was ended because all sampled tasks failed */
  bool out_of_time;     /* what is left is for another job, or another turn of this one */
  char reason[256];     /* why it ended early; "" when it didn't */
  struct amz_error err; /* code < 0: the environment failed in mid-run (disk full, helper gone); the rest is still told */
};

/* Runs until master and worker have finished. Signals must be blocked and come through `signal_fd`'s owner (signals.h).
 * \return AMZ_OK with *ret; AMZ_ENOMEM, AMZ_EIO with *err: the loop itself could not go on. */
struct amz_signals;
int amz_loop_run(const struct amz_loop_config *config, struct amz_signals *signals, struct amz_loop_result *ret,
                 struct amz_error *err);

/* How things stand before the loop, for the first progress. */
void amz_loop_progress_at_start(const struct amz_loop_config *config, struct amz_run_progress *ret);

#endif
