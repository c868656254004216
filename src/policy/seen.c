/* Mean and variance of task times from sums over chunks (Chan, Golub and LeVeque 1979), with fading.
 *
 * A chunk of n tasks of which only the whole time is known says nothing of the spread within; but its mean m lies sigma / sqrt(n)
 * about the true one, so that n (m - mu)² is one estimate of sigma². That is just the term by which the merge of two samples
 * grows m2; only the divisor differs: such a chunk counts as one, not as n. */
#include "policies.h"

#define SINGLE_TIMES 1e-9 /* relative: what roundings make of "no spread within" */

void amz_seen_add(struct amz_seen *s, const struct amz_policy_feedback *f)
{
  double n = (double)f->tasks, mean = f->wall_s / n, even = f->wall_s * mean, within = f->wall_sq_s2 - even;
  double delta = mean - s->mean_s, all = s->tasks + n;

  if (!(within > even * SINGLE_TIMES && within < 0x1p1000))
    within = 0;
  s->freedom += within > 0 ? n : 1;
  s->m2 += within + delta * delta * s->tasks * n / all;
  s->mean_s += delta * n / all;
  s->tasks = all;
}

void amz_seen_fade(struct amz_seen *s, double keep)
{
  s->tasks *= keep;
  s->m2 *= keep;
  s->freedom *= keep;
}

double amz_seen_variance(const struct amz_seen *s)
{
  return s->freedom >= 2 ? s->m2 / (s->freedom - 1) : -1;
}
