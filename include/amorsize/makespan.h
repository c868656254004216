/* How long a run takes by formulas: quick enough to score thousands of layouts; the best few are then simulated (sim.h).
 *
 *   T = K·τ/W + imbalance + dispatch                       K tasks of mean τ on W slots
 *
 * imbalance: slots don't end together. When the last task has been handed out, each slot is somewhere in its task; what is left
 * of it has the equilibrium distribution of renewal theory, F_e(x) = 1/τ ∫₀ˣ (1 − F(u)) du (Cox, "Renewal Theory", 1962, section
 * 5.1). The run ends with the last of W such rests, while K·τ/W is when they would end on average: imbalance = E[max of W rests]
 * − E[rest]. It is exact in the limit of many tasks a slot, handed out one at a time. With few of them, E[max of K tasks] is a
 * lower bound of T. dispatch: chunks × what one costs its slot, over W; and never less than chunks × what one costs the
 * master. */
#ifndef AMORSIZE_MAKESPAN_H
#define AMORSIZE_MAKESPAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <amorsize/error.h>

struct amz_makespan_work {
  const double *task_s; /* a sample of task times under the layout's conditions, ascending, >= 0 */
  size_t n;             /* >= 1 */
  uint64_t tasks;       /* K */
  bool apart;           /* the sample is none of them; else its n are among the K, and known */
  uint64_t slots;       /* W >= 1 */
  double chunk_s;       /* target duration of a chunk; 0: one task each */
  double overhead_s;    /* of a chunk, to its slot */
  double service_s;     /* of a chunk, to the master */
};

/* Terms in seconds; total_s is their sum, raised to what bounds it from below. */
struct amz_makespan {
  double work_s, imbalance_s, dispatch_s;
  double total_s;
  double bound_s;       /* longest expected task, or the master's time: no layout of W slots is faster */
  double longest_s;     /* the former alone */
  double chunks;        /* expected */
};

/* \return AMZ_OK; AMZ_EINVAL: no times, no slots, a negative number. */
int amz_makespan_expect(const struct amz_makespan_work *work, struct amz_makespan *ret);

/* Expected maximum of k draws from the sample, and of k equilibrium rests of it. Ascending, n >= 1. */
double amz_expected_max(const double *sorted, size_t n, uint64_t k);
double amz_expected_max_rest(const double *sorted, size_t n, uint64_t k);

/* An interval for the makespan at the given confidence: `rounds` bootstrap replicates of the sample (Efron 1979), each with the
 * spread that a sum of K drawn times has of its own; what the sample knows of the run for certain (n of K tasks) doesn't spread.
 * Bounds are also stretched to mean_low and mean_high, an interval of the mean that minds heavy tails (0: none).
 * \return AMZ_OK with ret[2]; AMZ_EINVAL; AMZ_ENOMEM. */
struct amz_makespan_doubt {
  double confidence;
  uint32_t rounds;      /* 0: 200 */
  uint64_t seed;
  double mean_low, mean_high;
};
int amz_makespan_interval(const struct amz_makespan_work *work, const struct amz_makespan_doubt *doubt, double ret[2]);

#endif
