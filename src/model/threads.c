/* What threads bring and what neighbours cost: means over groups of observations.
 *
 * Tasks of one group aren't those of another. So each time is divided by what was expected of its task (by weight or place, where
 * such a relation holds) before means are taken, and the intervals know how much is left. */
#include "workload_private.h"

#include <math.h>
#include <stdlib.h>

#include <amorsize/fit.h>
#include <amorsize/stats.h>

struct group {
  uint32_t threads;
  struct amz_stats times; /* seen over expected */
};

double amz_thread_speedup(double serial, uint32_t threads)
{
  return threads ? 1 / (serial + (1 - serial) / threads) : 0;
}

static double relative(const struct amz_workload *w, const struct amz_observation *o)
{
  double expected = amz_workload_expect(w, o->weight, amz_workload_place(w, o->index));

  return expected > 0 ? o->wall_s / expected : o->wall_s;
}

static int by_threads(const void *a, const void *b)
{
  uint32_t x = ((const struct group *)a)->threads, y = ((const struct group *)b)->threads;

  return (x > y) - (x < y);
}

/* Of the fewest threads those count that ran beside as many others as the reference: more threads run so, too, on all cores. */
static size_t group_by_threads(const struct amz_workload *w, const struct amz_observation *seen, size_t n, struct group *groups)
{
  size_t n_groups = 0, g;

  for (size_t i = 0; i < n; i++) {
    if (seen[i].failed || (seen[i].threads == w->threads && !amz_is_reference(w, &seen[i])))
      continue;
    for (g = 0; g < n_groups && groups[g].threads != seen[i].threads; g++)
      ;
    if (g == AMZ_THREAD_POINTS)
      continue;
    if (g == n_groups)
      groups[n_groups++] = (struct group){.threads = seen[i].threads};
    amz_stats_add(&groups[g].times, relative(w, &seen[i]));
  }
  qsort(groups, n_groups, sizeof *groups, by_threads);
  return n_groups;
}

/* A CV of all groups together; *ret_df: how well it is known. */
static double pooled_cv(const struct group *groups, size_t n, uint32_t *ret_df)
{
  double squares = 0, df = 0;

  for (size_t g = 0; g < n; g++) {
    double cv = amz_stats_cv(&groups[g].times), more = (double)groups[g].times.count - 1;

    squares += cv * cv * more;
    df += more;
  }
  *ret_df = df < UINT32_MAX ? (uint32_t)df : UINT32_MAX;
  return df > 0 ? sqrt(squares / df) : 0;
}

/* A ratio of two means, its interval by their relative errors (of the logarithm of the ratio). Of single values nothing is
 * known. */
static struct amz_quantity ratio(const struct amz_stats *over, const struct amz_stats *under, double cv, uint32_t df,
                                 double confidence)
{
  double value = under->mean > 0 ? over->mean / under->mean : 1, half = INFINITY;
  uint64_t least = over->count < under->count ? over->count : under->count;
  struct amz_quantity q = {.value = value, .high = 2 * value, .n = least < UINT32_MAX ? (uint32_t)least : UINT32_MAX,
                           .source = AMZ_SAMPLED};

  if (df > 0)
    half = amz_student_quantile(confidence, df) * cv * sqrt(1 / (double)over->count + 1 / (double)under->count);
  if (half < log(1e6)) {
    q.low = value * exp(-half);
    q.high = value * exp(half);
  }
  return q;
}

static void fill_points(struct amz_workload *w, const struct group *groups, size_t n)
{
  uint32_t df;
  double cv = pooled_cv(groups, n, &df);

  for (size_t g = 0; g < n; g++)
    w->points[g] = (struct amz_thread_point){.threads = groups[g].threads, .n = (size_t)groups[g].times.count,
                                             .speedup = ratio(&groups[0].times, &groups[g].times, cv, df, w->confidence)};
  w->points[0].speedup.low = w->points[0].speedup.high = 1; /* over itself */
  w->n_points = n;
}

static double serial_of(double intercept, double slope)
{
  double f = intercept + slope > 0 ? intercept / (intercept + slope) : 1;

  return f < 0 ? 0 : f > 1 ? 1 : f;
}

/* τ(t) = τ₁·f + τ₁·(1 − f)·(1/t): a line in 1/t over the groups' means. The interval: each end by the means moved by twice their
 * standard errors, few threads' one way and many threads' the other. */
static void fit_serial(struct amz_workload *w, const struct group *groups, size_t n)
{
  double x[AMZ_THREAD_POINTS], y[3][AMZ_THREAD_POINTS], f[3];

  for (size_t g = 0; g < n; g++) {
    const struct amz_stats *s = &groups[g].times;
    double error = s->count > 1 ? amz_stats_stddev(s) / sqrt((double)s->count) : 0, way = g == 0 ? -1 : 1;

    x[g] = 1.0 / groups[g].threads;
    for (int k = 0; k < 3; k++)
      y[k][g] = s->mean + (k - 1) * way * 2 * error;
  }
  for (int k = 0; k < 3; k++) {
    struct amz_line line;

    if (amz_fit_line(x, y[k], NULL, n, &line) < 0)
      return;
    f[k] = serial_of(line.a.value, line.b.value);
  }
  w->serial = (struct amz_quantity){.value = f[1], .low = fmin(f[0], f[1]), .high = fmax(f[1], f[2]), .n = (uint32_t)n,
                                    .source = AMZ_SAMPLED};
}

void amz_workload_fit_threads(struct amz_workload *w, const struct amz_observation *seen, size_t n)
{
  struct group groups[AMZ_THREAD_POINTS];
  size_t n_groups = group_by_threads(w, seen, n, groups);

  if (n_groups < 2)
    return;
  fill_points(w, groups, n_groups);
  fit_serial(w, groups, n_groups);
}

/* ---- neighbours ------------------------------------------------------------------------------------------------------- */

void amz_workload_fit_slowdown(struct amz_workload *w, const struct amz_observation *seen, size_t n)
{
  struct group beside = {.threads = w->threads}, alone = beside, both[2];
  uint32_t df;
  double cv;

  if (w->busy <= 1)
    return;
  for (size_t i = 0; i < n; i++) {
    if (amz_is_reference(w, &seen[i]) && seen[i].busy > 1)
      amz_stats_add(&beside.times, relative(w, &seen[i]));
    else if (!seen[i].failed && seen[i].threads == w->threads && seen[i].busy == 1)
      amz_stats_add(&alone.times, relative(w, &seen[i]));
  }
  if (alone.times.count == 0 || beside.times.count == 0 || !(alone.times.mean > 0))
    return;
  both[0] = beside;
  both[1] = alone;
  cv = pooled_cv(both, 2, &df);
  w->slowdown = ratio(&beside.times, &alone.times, cv, df, w->confidence);
}

/* ---- speedups --------------------------------------------------------------------------------------------------------- */

static double amdahl(const struct amz_workload *w, uint32_t threads)
{
  return amz_thread_speedup(w->serial.value, threads) / amz_thread_speedup(w->serial.value, w->threads);
}

static bool is_contradicted(const struct amz_workload *w, const struct amz_thread_point *p)
{
  double law = amdahl(w, p->threads);

  return law < p->speedup.low || law > p->speedup.high;
}

static double at_point(const struct amz_workload *w, const struct amz_thread_point *p)
{
  return p->threads == w->threads ? 1 : is_contradicted(w, p) ? p->speedup.value : amdahl(w, p->threads);
}

static double between(const struct amz_workload *w, const struct amz_thread_point *a, const struct amz_thread_point *b,
                      uint32_t threads)
{
  double x = (1.0 / a->threads - 1.0 / threads) / (1.0 / a->threads - 1.0 / b->threads);
  double time_a = 1 / at_point(w, a), time_b = 1 / at_point(w, b);

  return 1 / (time_a + x * (time_b - time_a));
}

double amz_workload_speedup(const struct amz_workload *w, uint32_t threads)
{
  const struct amz_thread_point *last;

  if (w->serial.source == AMZ_UNKNOWN || threads == 0)
    return 1;
  if (w->n_points == 0 || threads < w->points[0].threads) /* from history the law alone is known */
    return amdahl(w, threads);
  for (size_t i = 0; i < w->n_points; i++) {
    if (w->points[i].threads == threads)
      return at_point(w, &w->points[i]);
    if (i > 0 && w->points[i].threads > threads)
      return between(w, &w->points[i - 1], &w->points[i], threads);
  }
  last = &w->points[w->n_points - 1];
  return at_point(w, last) * (is_contradicted(w, last) ? 1 : amdahl(w, threads) / amdahl(w, last->threads));
}

uint32_t amz_workload_threads_seen(const struct amz_workload *w)
{
  return w->n_points ? w->points[w->n_points - 1].threads : w->threads;
}

uint32_t amz_workload_falls_from(const struct amz_workload *w)
{
  double best = 0;

  for (size_t i = 0; i < w->n_points; i++) {
    if (w->points[i].speedup.high < best)
      return w->points[i].threads;
    best = fmax(best, w->points[i].speedup.low);
  }
  return 0;
}
