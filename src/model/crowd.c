/* How long tasks take beside few and many others, from what was seen at each: for those that wait, whose neighbours are no matter
 * of cores.
 *
 * Observations go by doublings of their busy slots. More neighbours make nothing faster: where a mean falls, or rises by no more
 * than chance does, groups are pooled (pool adjacent violators: Barlow et al., "Statistical Inference under Order Restrictions",
 * 1972, section 1.2). */
#include "workload_private.h"

#include <math.h>

#include <amorsize/stats.h>

#define SURE 2.0 /* standard errors of a difference */

struct group {
  struct amz_stats times; /* seen over expected */
  double busy;            /* Σ of their logarithms */
};

static unsigned doublings(uint32_t busy)
{
  unsigned k = 0;

  while (busy >>= 1)
    k++;
  return k;
}

/* `variance`: of single times, of all groups together. */
static bool is_more(const struct amz_crowd_point *than, const struct amz_crowd_point *p, double variance)
{
  return p->relative - than->relative > SURE * sqrt(variance * (1 / (double)than->n + 1 / (double)p->n)) &&
      p->relative >= than->relative;
}

static void pool(struct amz_crowd_point *p, size_t *n, double variance)
{
  for (size_t i = 1; i < *n;) {
    if (is_more(&p[i - 1], &p[i], variance)) {
      i++;
      continue;
    }
    p[i - 1].relative = (p[i - 1].relative * (double)p[i - 1].n + p[i].relative * (double)p[i].n) / (double)(p[i - 1].n + p[i].n);
    p[i - 1].n += p[i].n;
    p[i - 1].until = p[i].until;
    for (size_t k = i + 1; k < *n; k++)
      p[k - 1] = p[k];
    (*n)--;
    i = i > 1 ? i - 1 : i;
  }
}

static double variance_within(const struct group *groups)
{
  double squares = 0, df = 0;

  for (size_t k = 0; k < AMZ_CROWD_POINTS; k++)
    if (groups[k].times.count > 1) {
      squares += groups[k].times.m2;
      df += (double)groups[k].times.count - 1;
    }
  return df > 0 ? squares / df : 0;
}

void amz_workload_fit_crowd(struct amz_workload *w, const struct amz_observation *seen, size_t n)
{
  struct group groups[AMZ_CROWD_POINTS] = {{.busy = 0}};

  for (size_t i = 0; i < n; i++) {
    unsigned k = doublings(seen[i].busy);
    double expected = amz_workload_expect(w, seen[i].weight, amz_workload_place(w, seen[i].index));

    if (seen[i].failed || seen[i].threads != w->threads || k >= AMZ_CROWD_POINTS || !(expected > 0))
      continue;
    amz_stats_add(&groups[k].times, seen[i].wall_s / expected);
    groups[k].busy += log(seen[i].busy);
  }
  w->n_crowd = 0;
  for (size_t k = 0; k < AMZ_CROWD_POINTS; k++)
    if (groups[k].times.count > 0 && groups[k].times.mean > 0) {
      double busy = exp(groups[k].busy / (double)groups[k].times.count);

      w->crowd[w->n_crowd++] = (struct amz_crowd_point){.from = busy, .until = busy, .n = (size_t)groups[k].times.count,
                                                        .relative = groups[k].times.mean};
    }
  pool(w->crowd, &w->n_crowd, variance_within(groups));
}

/* Straight in the logarithms between what was seen; beyond it goes on as it last did, but tasks don't wait for more than their
 * turn: never steeper than the number of slots. */
double amz_workload_beside(const struct amz_workload *w, double busy)
{
  const struct amz_crowd_point *p = w->crowd, *last;
  double steep;

  if (w->n_crowd < 2)
    return w->n_crowd ? p->relative : 1;
  if (busy <= p->until)
    return p->relative;
  for (size_t i = 1; i < w->n_crowd; i++) {
    if (busy <= p[i].from)
      return p[i - 1].relative * pow(p[i].relative / p[i - 1].relative, log(busy / p[i - 1].until) /
                                     log(p[i].from / p[i - 1].until));
    if (busy <= p[i].until)
      return p[i].relative;
  }
  last = &p[w->n_crowd - 1];
  if (last->until > 1.5 * last->from) /* pooled: it was flat */
    return last->relative;
  steep = log(last->relative / last[-1].relative) / log(last->from / last[-1].until);
  return last->relative * pow(busy / last->until, fmin(steep, 1));
}
