/* What tasks cost: from single observations to the few numbers that a plan is made of.
 *
 * Pure: whoever ran the tasks hands in what was seen. Times in seconds. An observation's circumstances (threads, how many slots
 * were busy) go with it, as the same task takes longer beside others; the reference is what most resembles a run: fewest threads,
 * most slots busy. */
#ifndef AMORSIZE_WORKLOAD_H
#define AMORSIZE_WORKLOAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <amorsize/error.h>
#include <amorsize/node.h>
#include <amorsize/quantity.h>

/* One task that was run, successfully or not. */
struct amz_observation {
  uint64_t index;    /* of the task in the task list */
  double weight;     /* its cost hint; 0: none */
  uint32_t threads;  /* it was given, >= 1 */
  uint32_t busy;     /* slots busy on its node while it ran, itself included, >= 1 */
  bool failed;
  double wall_s, cpu_s; /* cpu: user + system, of all its threads and processes */
  uint64_t rss_bytes;   /* its peak, without what the spawner has anyway; 0: unknown */
  uint64_t out_bytes;
  uint64_t in_bytes;    /* read from files and pipes; 0: not counted */
  double waited_s;      /* of its time: for a CPU that others had; 0: not counted */
  uint64_t count;       /* tasks that were told of as one, of which these are means; 0: one task */
};

enum amz_work_kind {
  AMZ_WORK_UNKNOWN,
  AMZ_WORK_CPU,   /* CPU / (wall × threads) > 0.8 */
  AMZ_WORK_MIXED, /* 0.5 to 0.8 */
  AMZ_WORK_IO,    /* < 0.5: it waits for something; more slots than cores may pay */
};

/* y = intercept + slope · x, by least squares (fit.h). */
struct amz_relation {
  double intercept, slope;
  double r2;      /* share of y's variance that it explains; 0 when there is none to explain, < 0: there is no relation */
  size_t n;       /* points */
  double mean_x, sxx; /* of the points: mean, Σ (x − mean)² */
  double scatter; /* standard deviation of what it leaves of y, with n − 2 degrees of freedom */
  bool holds;     /* as amz_relation_holds says */
};

/* \return whether to predict by it: it explains at least half of the variance, over five points or more, and a slope like that
 * isn't chance (Student's t of the slope beyond its 99 % point). */
bool amz_relation_holds(const struct amz_relation *r);

/* Where a workload's times come from. */
enum amz_times_from {
  AMZ_TIMES_SEEN,   /* the sample's own: any task is taken for one like them */
  AMZ_TIMES_WEIGHT, /* foreseen from the weights of the tasks that will be run */
  AMZ_TIMES_TREND,  /* likewise from their places in the list */
};

/* What so many threads brought, over the fewest that were sampled. */
struct amz_thread_point {
  uint32_t threads;
  size_t n;                    /* successes with them */
  struct amz_quantity speedup; /* seen; the interval knows how much tasks differ */
};
#define AMZ_THREAD_POINTS 16

/* What tasks took beside so many others. */
struct amz_crowd_point {
  double from, until; /* busy slots: means over groups; equal but where groups were pooled */
  size_t n;           /* successes */
  double relative;    /* time over that of the reference */
};
#define AMZ_CROWD_POINTS 20

struct amz_workload {
  uint64_t tasks;           /* that are to be run */
  bool apart;               /* what was observed is done already, and none of them */
  uint32_t threads, busy;   /* of the reference */
  size_t n;                 /* numbers in `wall_s` */
  size_t sampled;           /* successes at the reference */
  size_t observed, failed;  /* in all; how many of them failed (they tell nothing of time) */
  double *wall_s;           /* ascending: successes at the reference, or what amz_workload_foresee made of them; owned */
  uint32_t *sequence;       /* foreseen: of the i-th of n equal parts of the run, which of wall_s it is; owned, else NULL */
  enum amz_times_from from;
  double confidence;        /* of the intervals */
  struct amz_quantity mean_s; /* of them; the interval is wider than Student's where a tail is heavy (see amz_mean_interval) */
  double cv;                /* stddev / mean */
  double drift;             /* the mean of tasks to come may be off that of those seen, as the machine's pace moves: standard deviation
                               over the mean; 0: no more than chance explains (src/model/steady.c) */
  bool heavy;               /* cv >= 0.7: so few samples may have missed what matters */
  /* CPU / (wall × threads), 0..1; of this and the next one, wall is without waiting for CPUs: who can't compute as others do
   * waits for nothing else */
  double cpu_share;
  double cpu_per_wall;      /* > 1: tasks have threads of their own */
  double starved;           /* share of the time for which CPUs were waited for, 0..1, as far as it was counted */
  enum amz_work_kind kind;
  uint64_t rss_bytes;       /* the largest peak */
  double out_bytes;         /* mean */
  double in_bytes;          /* mean of those that were counted; 0: none was */
  double trend;             /* expected time at the list's end less that at its begin, over the mean */
  double trend_r2;
  struct amz_relation along;  /* wall = intercept + slope · place in the list, 0..1 */
  struct amz_relation weight; /* ln wall = intercept + slope · ln weight; r2 < 0: no weights */
  /* seen over expected by the relation that holds, one per success at the reference; mean 1; owned, NULL: none holds */
  double *leftover;
  double scatter;           /* their CV; without a relation, cv */
  struct amz_quantity serial;   /* f of S(t) = 1 / (f + (1 − f)/t) (Amdahl 1967); unknown unless two thread counts were seen */
  /* by threads, ascending, the reference's first with speedup 1; none unless two counts were seen */
  struct amz_thread_point points[AMZ_THREAD_POINTS];
  size_t n_points;
  struct amz_crowd_point crowd[AMZ_CROWD_POINTS]; /* by busy slots, ascending; so is `relative` */
  size_t n_crowd;
  struct amz_quantity slowdown; /* mean beside `busy` slots over mean alone; unknown unless both were seen */
};

/* `confidence`: of mean_s's interval, in (0, 1).
 * \return AMZ_OK (n is 0 when no observation succeeded); AMZ_EINVAL: a number out of its range; AMZ_ENOMEM. Release with
 * amz_workload_clear (accepts what is zeroed). */
int amz_workload_fit(const struct amz_observation *seen, size_t n, uint64_t tasks, double confidence, struct amz_workload *ret);
/* Of a run that has come some way: from its sample and from what was seen later, in the list's sequence or by weight
 * (src/model/again.c says how). \return as amz_workload_fit. */
int amz_workload_refit(const struct amz_observation *sample, size_t n, const struct amz_observation *later, size_t n_later,
                       uint64_t tasks, double confidence,
                       struct amz_workload *ret);
void amz_workload_clear(struct amz_workload *w);
const char *amz_work_kind_name(enum amz_work_kind kind); /* "cpu-bound"; static */

/* An interval for the mean of what these n values (> 0) were drawn from: Student's t; where CV >= 0.7, joined with the modified
 * Cox interval for a lognormal's mean (Olsson, "Confidence intervals for the mean of a log-normal distribution", J. Statistics
 * Education 13(1), 2005), since few draws of a skewed distribution lie mostly below its mean: 50 draws of a lognormal with CV 2
 * are 17 % off in the median. n = 1: from 0 to twice the value. */
struct amz_quantity amz_mean_interval(const double *values, size_t n, double confidence);

/* What is known of the tasks that will be run, for each of n equal parts of them in the sequence in which they will be
 * started. */
struct amz_rest {
  const double *weight; /* mean weight of a part, or NULL */
  const double *place;  /* mean place in the list, 0..1, or NULL */
  size_t n;
};
/* Times of the tasks to come from their weights, else from their places, where a relation to these holds (amz_relation_holds);
 * what the relation left in the sample is scattered over them. wall_s, n, sequence, cv, heavy and mean_s become those of the
 * tasks to come. Without such a relation nothing changes: the sample stands for them. Weights' relation is one of logarithms; the
 * mean of what they leave corrects for that (smearing: Duan, J. American Statistical Association 78, 1983). \return AMZ_OK;
 * AMZ_EINVAL: a number that makes no sense; AMZ_ENOMEM. */
int amz_workload_foresee(struct amz_workload *w, const struct amz_rest *rest);

/* \return whether times are known as well as was asked for: `least` of them, and their mean within ± precision of it
 * (amz_sample_enough); where a relation holds, by which the tasks to come are foreseen, it is what the relation leaves that must
 * be. */
bool amz_workload_is_precise(const struct amz_workload *w, uint32_t least, double precision);

/* A task that runs: the first of the tasks to come, the second … */
struct amz_in_hand {
  double for_s;  /* it has run for so long; < 0: it begins so much later, */
  /* and is expected to take so much longer at the reference: of those that took longer than that, the mean of what was left;
   * foreseen, what is missing */
  double rest_s;
};
/* For how long tasks have run, by when they were given to who starts them one at a time, each taking start_s: those behind others
 * began later, or haven't yet. In: seconds since they were given, out: since they began. Sorts them, the longest first. */
void amz_in_hand_queue(double *for_s, size_t n, double start_s);
/* Fills in rest_s. */
void amz_workload_rest(const struct amz_workload *w, struct amz_in_hand *tasks, size_t n);
/* \return what is left of one that is none in particular: of the times beyond `for_s`, the one that `draw` happens to pick. */
double amz_workload_rest_drawn(const struct amz_workload *w, double for_s, uint64_t draw);

/* Amdahl's speedup of t threads over one. */
double amz_thread_speedup(double serial, uint32_t threads);
/* The speedup of t threads over the reference's, from what was seen: at sampled counts Amdahl's where that lies within what was
 * seen, else what was seen (a program may get slower with threads, or hit a limit); a straight line in 1/t between them; beyond
 * the largest Amdahl's law goes on, unless it was contradicted there: then no more is gained. \return 1 when only one count was
 * seen. */
double amz_workload_speedup(const struct amz_workload *w, uint32_t threads);
/* How long tasks take beside others, `busy` slots in all, over what they take at the reference: from what was seen at few and
 * many. For tasks that wait; those that compute are contention's (below). \return 1 when one number of busy slots alone was
 * seen. */
double amz_workload_beside(const struct amz_workload *w, double busy);
/* \return the largest number of threads that was sampled. */
uint32_t amz_workload_threads_seen(const struct amz_workload *w);
/* \return the sampled number of threads from which on tasks get slower beyond doubt; 0: none. */
uint32_t amz_workload_falls_from(const struct amz_workload *w);

/* κ(c)/φ(c) = 1 + m · (max(1, c·B(1)/B(c)) − 1): how much longer tasks take when `cores` cores of a domain are busy, by the time
 * in which they are limited by memory (share m) and the node's measured curves; φ by pure computing comes on top.
 * \return ≥ about 1; 1 with source AMZ_UNKNOWN when the node has no curves. */
struct amz_quantity amz_contention(const struct amz_node *node, uint32_t domain, uint32_t cores, double memory_share);
/* The same of tasks that are known from another node: a stretch of theirs that memory limits draws `drawn` bytes a second on a
 * core by itself, in place of this node's own B(1). \return as amz_contention. */
struct amz_quantity amz_contention_of(const struct amz_node *node, uint32_t domain, uint32_t cores, double memory_share,
                                      struct amz_quantity drawn);
/* The m that explains an observed slowdown κ at `cores` busy cores of a domain: the formula above turned round, within 0..1.
 * \return source AMZ_UNKNOWN: the curves don't tell memory from computing (bandwidth grows with the cores). */
struct amz_quantity amz_memory_share(const struct amz_node *node, uint32_t domain, uint32_t cores, struct amz_quantity slowdown);

/* Shares of the last cache: \return whether tasks of so many bytes each all fit when `cores` cores of a domain run one each (c ·
 * bytes ≤ L3; of a node without caches, or 0 bytes: false). What fits doesn't meet the memory bus, however full that is. */
bool amz_fits_cache(const struct amz_node *node, uint32_t cores, uint64_t bytes);

#endif
