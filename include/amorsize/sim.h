/* Whole runs in virtual time: the real master and workers (sched.h) over a simulated network and simulated tasks, in one thread.
 *
 * Time costs nothing and draws are seeded: the same configuration gives the same run everywhere. What a task takes and how it
 * ends depends on the seed, its position and its attempt alone, so that policies and layouts are compared on the very same
 * tasks (common random numbers). Faults are part of the configuration. */
#ifndef AMORSIZE_SIM_H
#define AMORSIZE_SIM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <amorsize/error.h>
#include <amorsize/sched.h>

/* How long tasks take. Every shape has the given mean over the run. */
enum amz_sim_shape {
  AMZ_SIM_CONSTANT,
  AMZ_SIM_UNIFORM,     /* in [0, 2 mean] */
  AMZ_SIM_NORMAL,      /* with `cv`, cut off at 0 */
  AMZ_SIM_EXPONENTIAL,
  AMZ_SIM_LOGNORMAL,   /* with `cv` */
  AMZ_SIM_BIMODAL,     /* `share` of the tasks `ratio` times as long as the others */
  AMZ_SIM_RISING,      /* from 0 to 2 mean along the positions */
  AMZ_SIM_FALLING,     /* from 2 mean to 0 */
  AMZ_SIM_PARETO       /* P(X > x) = (least / x)^alpha: for alpha <= 2 the variance is infinite */
};

struct amz_sim_work {
  enum amz_sim_shape shape;
  double mean_s;
  double cv;    /* NORMAL, LOGNORMAL */
  double ratio; /* BIMODAL; 0: 1000 */
  double share; /* BIMODAL: of the long ones, in (0, 1); 0: half */
  double alpha; /* PARETO, > 1; 0: 1.5 */
  /* When set, tells the time of a task instead of the shape. */
  double (*task_s)(void *arg, uint64_t position, uint32_t attempt);
  /* When set, tells the time of `count` tasks from `first` on at once: a difference of sums made beforehand costs no more for a
   * long chunk than for a short one. It must agree with task_s or the shape up to rounding. */
  double (*run_s)(void *arg, uint64_t first, uint64_t count, uint32_t attempt);
  void *arg; /* of both */
};

/* \return seconds on a core of speed 1, >= 0. `tasks`: how many positions the run has. */
double amz_sim_task_s(const struct amz_sim_work *work, uint64_t seed, uint64_t tasks, uint64_t position, uint32_t attempt);

enum amz_sim_fault_kind {
  AMZ_SIM_KILL = 1, /* the rank and its tasks die at once, unseen; what isn't on disk is lost */
  AMZ_SIM_FREEZE,   /* the rank does nothing until `until_ns`, its tasks go on */
  AMZ_SIM_BREAK,    /* the rank is told BROKEN */
  AMZ_SIM_FENCED,   /* the launcher notices by itself that the rank is dead: it dies now, if it hadn't */
  AMZ_SIM_DRAIN,    /* the master is told DRAIN with `stop` and `grace_ns` */
  AMZ_SIM_PACE,     /* the rank's speed becomes `factor` times what it was, for what runs, too */
  AMZ_SIM_OPEN,     /* the rank's worker is told OPEN with `slots`: it bars the others */
  AMZ_SIM_TELL,     /* the master is told that `policy` hands out from now on, and what there is of `told` */
};

struct amz_sim_fault {
  enum amz_sim_fault_kind kind;
  int64_t at_ns;
  uint32_t rank;
  int64_t until_ns;
  enum amz_stop stop;
  int64_t grace_ns;
  double factor; /* PACE, > 0 */
  uint32_t slots;
  const struct amz_policy_ops *policy;   /* TELL: as of an event; */
  const struct amz_policy_params *told;  /* likewise */
};

struct amz_sim_config {
  /* The scheduler's own configuration. epoch, ranks, slots of the master, and rank, epoch, slots of the workers are filled in. */
  struct amz_master_config master;
  struct amz_worker_config worker;
  uint32_t ranks;          /* >= 1 */
  uint32_t slots_per_rank; /* >= 1 */
  const uint32_t *slots;   /* per rank, 1 to slots_per_rank; NULL: slots_per_rank each */
  const double *speed;     /* per rank; NULL: all 1. Tasks take time / speed */
  uint64_t seed;

  struct amz_sim_work work;
  bool bulk;               /* stretches of a RUN that succeed are told as one; else a result per task */
  /* bulks bring partials: the bytes of {first, count}, two uint64_t, for each stretch that was told of */
  bool partials;
  double undone;           /* probability that a RUN told in bulk gives half of it back undone */
  bool packs;              /* results and bulks have pack records, which count only when they are synced */
  double fail, hang, skip; /* probability that an attempt fails, never ends by itself, is skipped */
  double stubborn;         /* that a running task ignores SIGTERM */

  int64_t latency_ns;      /* of a message */
  int64_t jitter_ns;       /* added: uniform in [0, jitter_ns]; messages overtake each other */
  double late;             /* probability that a message comes late_ns later still */
  int64_t late_ns;
  double duplicate;        /* that it comes twice */
  bool encode;             /* messages go through their bytes */
  int64_t message_ns, chunk_ns; /* the master's time for a message it gets, for a chunk it gives: others wait meanwhile */
  int64_t run_ns;          /* a slot's time to start a RUN, in front of its tasks */
  /* Executors cut short RUNs of several tasks that take too long, as ranks do with plug-ins' (src/run/executor_plugin.c).
   * A rank that runs something looks at it each look_ns. A RUN that was seen for the first time look_ns ago, while a slot of
   * its rank is idle, or overdue_ns ago at any rate, ends behind the task that it is at; the rest is told as undone. */
  int64_t look_ns;         /* 0: RUNs always run to their end */
  int64_t overdue_ns;
  int64_t start_ns;        /* a rank's time to start a RUN: one at a time, others wait meanwhile */
  uint64_t running;        /* the first so many positions have been started before: they begin at once, and nobody waits for it */
  int64_t sync_latency_ns;
  int64_t fence_ns;        /* from FENCE to FENCED; AMZ_NEVER: nobody confirms */

  const struct amz_sim_fault *faults;
  size_t n_faults;
  int64_t limit_ns;        /* virtual time at which a run that doesn't end is given up; 0: never */

  /* Told of every RECORD. */
  void (*recorded)(void *arg, int64_t now_ns, const struct amz_action *record);
  /* Called behind every step of the master. */
  void (*stepped)(void *arg, int64_t now_ns, const struct amz_master *master);
  /* Told of every RUN of a rank, and of its end; a rank that dies ends nothing. */
  void (*began)(void *arg, int64_t now_ns, uint32_t rank, const struct amz_action *run);
  void (*ended)(void *arg, int64_t now_ns, uint32_t rank, uint32_t slot);
  void *arg;
};

struct amz_sim_result {
  enum amz_end end;    /* AMZ_END_RUNNING: limit_ns reached, or nothing more could happen */
  double makespan_s;   /* first task start to last task end */
  double total_s;      /* until the master's FINISH */
  double busy_s;       /* Σ over slots of the time in which they ran tasks */
  double utilisation;  /* busy_s / (slots × makespan); 0 when nothing ran */
  double master_s;     /* time the master spent on messages and chunks */
  uint64_t messages;   /* sent */
  uint64_t runs;       /* RUN actions */
  uint64_t cut;        /* of them cut short */
  uint64_t events;     /* of the simulation */
  uint64_t undurable;  /* RECORDs of results that weren't on disk: a fault of the scheduler */
  struct amz_master_stats stats;
};

/* Runs to the end. \return AMZ_OK; AMZ_EINVAL: a number out of its range; AMZ_ENOMEM; AMZ_ECORRUPT: a message didn't survive its
 * bytes. */
int amz_sim_run(const struct amz_sim_config *config, struct amz_sim_result *ret);

#endif
