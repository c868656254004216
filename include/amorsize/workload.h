/* What tasks cost: from single observations to the few numbers that a plan is made of.
 *
 * Pure: whoever ran the tasks hands in what was seen. Times in seconds. An observation's circumstances (threads, how many slots were busy)
 * go with it, as the same task takes longer beside others; the reference is what most resembles a run: fewest threads, most slots
 * busy. */
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
  double r2; /* share of y's variance that it explains; 0 when there is none to explain, < 0: there is no relation */
};

struct amz_workload {
  uint64_t tasks;           /* that are to be run */
  bool apart;               /* what was observed is done already, and none of them */
  uint32_t threads, busy;   /* of the reference */
  size_t n;                 /* observations in `wall_s` */
  size_t observed, failed;  /* in all; how many of them failed (they tell nothing of time) */
  double *wall_s;           /* ascending: successes at the reference; owned */
  struct amz_quantity mean_s; /* of them; the interval is wider than Student's where a tail is heavy (see amz_mean_interval) */
  double cv;                /* stddev / mean */
  bool heavy;               /* cv >= 0.7: so few samples may have missed what matters */
  double cpu_share;         /* CPU / (wall × threads), 0..1 */
  double cpu_per_wall;      /* > 1: tasks have threads of their own */
  enum amz_work_kind kind;
  uint64_t rss_bytes;       /* the largest peak */
  double out_bytes;         /* mean */
  double trend;             /* expected time at the list's end less that at its begin, over the mean */
  double trend_r2;
  struct amz_relation weight; /* ln wall = intercept + slope · ln weight; r2 < 0: no weights */
  struct amz_quantity serial;   /* f of S(t) = 1 / (f + (1 − f)/t) (Amdahl 1967); unknown unless two thread counts were seen */
  struct amz_quantity slowdown; /* mean beside `busy` slots over mean alone; unknown unless both were seen */
};

/* `confidence`: of mean_s's interval, in (0, 1).
 * \return AMZ_OK (n is 0 when no observation succeeded); AMZ_EINVAL: a number out of its range; AMZ_ENOMEM. Release with
 * amz_workload_clear (accepts what is zeroed). */
int amz_workload_fit(const struct amz_observation *seen, size_t n, uint64_t tasks, double confidence, struct amz_workload *ret);
void amz_workload_clear(struct amz_workload *w);
const char *amz_work_kind_name(enum amz_work_kind kind); /* "cpu-bound"; static */

/* An interval for the mean of what these n values (> 0) were drawn from: Student's t; where CV >= 0.7, joined with the modified Cox
 * interval for a lognormal's mean (Olsson, "Confidence intervals for the mean of a log-normal distribution", J. Statistics
 * Education 13(1), 2005), since few draws of a skewed distribution lie mostly below its mean: 50 draws of a lognormal with CV 2
 * are 17 % off in the median. n = 1: from 0 to twice the value. */
struct amz_quantity amz_mean_interval(const double *values, size_t n, double confidence);

/* Amdahl's speedup of t threads over one. */
double amz_thread_speedup(double serial, uint32_t threads);

/* κ(c)/φ(c) = 1 + m · (max(1, c·B(1)/B(c)) − 1): how much longer tasks take when `cores` cores of a domain are busy, by the time in which they
 * are limited by memory (share m) and the node's measured curves; φ by pure computing comes on top.
 * \return ≥ about 1; 1 with source AMZ_UNKNOWN when the node has no curves. */
struct amz_quantity amz_contention(const struct amz_node *node, uint32_t domain, uint32_t cores, double memory_share);
/* The m that explains an observed slowdown κ at `cores` busy cores of a domain: the formula above turned round, within 0..1.
 * \return source AMZ_UNKNOWN: the curves don't tell memory from computing (bandwidth grows with the cores). */
struct amz_quantity amz_memory_share(const struct amz_node *node, uint32_t domain, uint32_t cores, struct amz_quantity slowdown);

#endif
