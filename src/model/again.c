/* What is known when a run has come some way: its sample was drawn from all tasks, but when the machine was in another mood; what was seen later is of the machine
 * as it is now, but of the list's first tasks, or of its heaviest ones.
 *
 * When the two agree, all count alike. When they don't, what came later is held against those of the sample that are of the same part of the list: what these don't
 * explain is the machine, and the whole sample is taken at the machine's present pace. Where the sample has few tasks of that part, or they scatter, their mean is
 * hardly known, and so much less is believed: by the ratio of variances, as an estimate is shrunk towards what was likely before (Efron, Morris, "Stein's
 * estimation rule and its competitors", J. American Statistical Association 68, 1973). */
#include "workload_private.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <amorsize/alloc.h>
#include <amorsize/stats.h>

#define SURE 2.0  /* standard errors: means differ by more than chance */
#define MOOD 0.15 /* standard deviation of a machine's pace from one second to another, when something has changed */

struct tasks {
  const struct amz_observation *seen;
  size_t n;
};

/* The part of the list from which tasks are; by weight it is the heaviest ones that come first. */
struct part {
  uint64_t first, last;
  double lightest;
};

/* Time over what was expected of the task. \return 0: of these circumstances nothing was expected. */
static double relative(const struct amz_workload *w, const struct amz_observation *o)
{
  double expected = amz_workload_expect(w, o->weight, amz_workload_place(w, o->index));

  if (o->failed || !(expected > 0) || (o->threads != w->threads && w->serial.source == AMZ_UNKNOWN) || (uint64_t)o->busy * o->threads * 2 <= (uint64_t)w->busy * w->threads)
    return 0;
  return o->wall_s * amz_workload_speedup(w, o->threads) / expected;
}

static bool is_within(const struct amz_workload *w, const struct part *p, const struct amz_observation *o)
{
  if (w->weight.holds)
    return o->weight >= p->lightest;
  return o->index >= p->first && o->index <= p->last;
}

/* Of tasks of the part, or of all when p is NULL. */
static struct amz_stats sum_up(const struct amz_workload *w, const struct tasks *t, const struct part *p)
{
  struct amz_stats s = {0};

  for (size_t i = 0; i < t->n; i++) {
    double r = !p || is_within(w, p, &t->seen[i]) ? relative(w, &t->seen[i]) : 0;

    if (r > 0)
      amz_stats_add(&s, r);
  }
  return s;
}

static struct part part_of(const struct tasks *t)
{
  struct part p = {UINT64_MAX, 0, INFINITY};

  for (size_t i = 0; i < t->n; i++) {
    const struct amz_observation *o = &t->seen[i];

    p.first = o->index < p.first ? o->index : p.first;
    p.last = o->index > p.last ? o->index : p.last;
    p.lightest = fmin(p.lightest, o->weight);
  }
  return p;
}

static double error2(const struct amz_stats *s)
{
  return s->count ? amz_stats_variance(s) / (double)s->count : 0;
}

/* Welch's two-sample statistic. */
static bool differ(const struct amz_stats *a, const struct amz_stats *b)
{
  if (a->count < 2 || b->count < 2)
    return false;
  return fabs(a->mean - b->mean) > SURE * sqrt(error2(a) + error2(b));
}

/* \return the machine's pace now over that of the sample, as far as it is known; 1: not at all, or unchanged; 0: all count alike. */
static double pace(const struct amz_workload *w, const struct tasks *sample, const struct tasks *later)
{
  const struct part p = part_of(later);
  struct amz_stats before = sum_up(w, sample, NULL), same = sum_up(w, sample, &p), now = sum_up(w, later, NULL);
  double off, error;

  if (!differ(&before, &now))
    return 0;
  if (same.count == 0)
    return 1;
  off = now.mean / same.mean - 1;
  error = amz_stats_variance(&before) / (double)same.count + error2(&now);
  return 1 + off * MOOD * MOOD / (MOOD * MOOD + error);
}

static int join(const struct tasks *sample, const struct tasks *later, double by, struct amz_observation **ret, size_t *ret_n)
{
  size_t n = sample->n + (by > 0 ? 0 : later->n);
  struct amz_observation *all = amz_new_array(n, sizeof *all);

  if (!all)
    return AMZ_ENOMEM;
  if (sample->n)
    memcpy(all, sample->seen, sample->n * sizeof *all);
  if (n > sample->n)
    memcpy(all + sample->n, later->seen, later->n * sizeof *all);
  for (size_t i = 0; i < n && by > 0; i++) {
    all[i].wall_s *= by;
    all[i].cpu_s *= by;
    all[i].waited_s *= by;
  }
  *ret = all;
  *ret_n = n;
  return AMZ_OK;
}

int amz_workload_refit(const struct amz_observation *sample, size_t n, const struct amz_observation *later, size_t n_later, uint64_t tasks, double confidence,
                       struct amz_workload *ret)
{
  const struct tasks before = {sample, n}, now = {later, n_later};
  struct amz_observation *all = NULL;
  struct amz_workload w;
  double by;
  size_t n_all;
  int rc = amz_workload_fit(sample, n, tasks, confidence, &w);

  if (rc < 0)
    return rc;
  by = pace(&w, &before, &now);
  amz_workload_clear(&w);
  rc = join(&before, &now, by, &all, &n_all);
  if (rc == AMZ_OK)
    rc = amz_workload_fit(all, n_all, tasks, confidence, ret);
  free(all);
  return rc;
}
