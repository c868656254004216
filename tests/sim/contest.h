/* Policies against one another, on the very same tasks: scenarios, draws, and what list scheduling without any cost would
 * need. */
#ifndef AMZ_TESTS_SIM_CONTEST_H
#define AMZ_TESTS_SIM_CONTEST_H

#include <amorsize/sim.h>

/* What runs cost here: see contest.c. */
extern const int64_t contest_latency_ns, contest_message_ns, contest_chunk_ns, contest_run_ns;

enum contest_scenario {
  CONTEST_CONSTANT,
  CONTEST_UNIFORM,
  CONTEST_NORMAL,
  CONTEST_EXPONENTIAL,
  CONTEST_BIMODAL,   /* half of the tasks a thousand times as long as the others */
  CONTEST_RARE,      /* one task in a thousand a thousand times as long */
  CONTEST_LOGNORMAL, /* CV 2 */
  CONTEST_PARETO,    /* alpha 1.5: infinite variance */
  CONTEST_RISING,
  CONTEST_FALLING,
  CONTEST_ONE_SLOW,  /* normal tasks, one rank four times slower */
  CONTEST_QUARTER,   /* normal tasks, a quarter of the ranks loses half its speed halfway */
};
#define CONTEST_SCENARIOS 12
extern const char *const contest_names[CONTEST_SCENARIOS];

/* One cell of the table with one seed. */
struct contest {
  enum contest_scenario scenario;
  double mean_s;
  uint32_t slots;    /* ranks of one slot each */
  uint64_t tasks;
  uint64_t seed;
  double *sums;      /* tasks + 1: of the times before each, with mean 1 */
  double *speeds;    /* per rank at the beginning */
  struct amz_sim_fault *faults;
  size_t n_faults;
  double list_s;     /* makespan of list scheduling without costs: each task to the slot that is free first */
  double sample_mean_s, sample_stddev_s; /* of 50 tasks, measured with noise of 10 % */
  double *weights;   /* speeds at the beginning, measured with the same noise */
};

/* Fills everything but the first five members from these. \return AMZ_OK; AMZ_ENOMEM. Release with contest_clear. */
int contest_init(struct contest *c) AMZ_MUST_CHECK;
void contest_clear(struct contest *c);
/* \return makespan under the policy over list_s; < 0: the run failed. `blind`: the policy isn't told the sample.
 * Weights are told to those that can't learn them. */
double contest_run(const struct contest *c, const char *policy, bool blind);
/* \return the median of n values, which are sorted by it. */
double contest_median(double *values, size_t n);

#endif
