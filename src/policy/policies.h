/* The policies of this room, one file each; the registry (registry.c) lists them. Beside them what several of them share:
 * roundings, and what has been seen of a worker's tasks (seen.c). Room-private. */
#ifndef AMZ_SRC_POLICY_POLICIES_H
#define AMZ_SRC_POLICY_POLICIES_H

#include <math.h>

#include <amorsize/policy.h>

extern const struct amz_policy_ops amz_policy_adaptive;
extern const struct amz_policy_ops amz_policy_static;
extern const struct amz_policy_ops amz_policy_ss;
extern const struct amz_policy_ops amz_policy_fsc;
extern const struct amz_policy_ops amz_policy_gss;
extern const struct amz_policy_ops amz_policy_tss;
extern const struct amz_policy_ops amz_policy_fac;
extern const struct amz_policy_ops amz_policy_fac2;
extern const struct amz_policy_ops amz_policy_wf2;
extern const struct amz_policy_ops amz_policy_af;

/* \return a / b rounded up, without the overflow of (a + b - 1) / b; b >= 1. */
static inline uint64_t amz_ceil_div(uint64_t a, uint64_t b)
{
  return a / b + (a % b != 0);
}

/* \return x rounded up to a count; 0 for what is less or no number, UINT64_MAX for what is too large: the registry clamps. */
static inline uint64_t amz_ceil_count(double x)
{
  if (!(x > 0))
    return 0;
  return x < 0x1p63 ? (uint64_t)ceil(x) : UINT64_MAX;
}

/* Mean and variance of task times, from sums of feedback. */
struct amz_seen {
  double tasks;   /* how many, after fading */
  double mean_s;
  double m2;      /* sum of squared distances from the mean, as far as the feedback shows them */
  double freedom; /* what m2 is to be divided by: tasks where their single times are known, else chunks */
};

void amz_seen_add(struct amz_seen *s, const struct amz_policy_feedback *f);
/* What was seen so far counts `keep` times as much from now on. */
void amz_seen_fade(struct amz_seen *s, double keep);
/* \return the variance of one task's time; < 0: unknown. */
double amz_seen_variance(const struct amz_seen *s);

#endif
