/* What is known when a run has come some way: its sample was drawn from all tasks, but when the machine was in another mood;
 * what was seen later is of the machine as it is now, but of the list's first tasks, or of its heaviest ones.
 *
 * * When the two agree, all count alike. When they don't, what came later is held against the sample: what the list doesn't
 * explain is the machine, and the whole sample is taken at the machine's present pace. What the list explains is known from the
 * sample's tasks of the same part of it. They are few, and so they are believed as far as the sample shows that parts differ at
 * all: by the variance between them beyond what that within them lets expect (one-way analysis of variance: Searle, Casella,
 * McCulloch, Variance Components, 1992, chapter 3). Both parts and pace are drawn towards nothing by the ratio of variances, as
 * an estimate is shrunk towards what was likely before (Efron, Morris, "Stein's estimation rule and its competitors", J.
 * American Statistical Association 68, 1973). */
#include "workload_private.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <amorsize/alloc.h>
#include <amorsize/stats.h>

#define SURE 2.0  /* standard errors: means differ by more than chance */
#define MOOD 0.15 /* standard deviation of a machine's pace from one second to another, when something has changed */

#define PARTS 10u /* of the list, which may differ */
#define PARTS_LEAST 10u /* degrees of freedom within them, to tell */

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

  if (o->failed || !(expected > 0) || (o->threads != w->threads && w->serial.source == AMZ_UNKNOWN) ||
      (uint64_t)o->busy * o->threads * 2 <= (uint64_t)w->busy * w->threads)
    return 0;
  return o->wall_s * amz_workload_speedup(w, o->threads) / expected;
}

static bool is_within(const struct amz_workload *w, const struct part *p, const struct amz_observation *o)
{
  if (w->weight.holds)
    return o->weight >= p->lightest;
  return o->index >= p->first && o->index <= p->last;
}

/* Of what all these took over what was expected of them: the mean, its error's variance, as that of a ratio of sums, and the
 * variance of one of them. */
struct pace {
  size_t n;
  double mean, error2, variance;
};

/* Those of the part, or all when p is NULL, of which tell something. */
static double told(const struct amz_workload *w, const struct part *p, const struct amz_observation *o)
{
  return !p || is_within(w, p, o) ? relative(w, o) : 0;
}

static struct pace sum_up(const struct amz_workload *w, const struct tasks *t, const struct part *p)
{
  double tasks = 0, sum = 0, squares = 0;
  struct pace s = {0};

  for (size_t i = 0; i < t->n; i++) {
    double each = told(w, p, &t->seen[i]);

    s.n += each > 0;
    tasks += each > 0 ? amz_weight_of(&t->seen[i]) : 0;
    sum += each * amz_weight_of(&t->seen[i]);
  }
  s.mean = tasks > 0 ? sum / tasks : 0;
  for (size_t i = 0; i < t->n && s.n > 1; i++) {
    double each = told(w, p, &t->seen[i]);

    squares += each > 0 ? pow((each - s.mean) * amz_weight_of(&t->seen[i]), 2) : 0;
  }
  if (s.n > 1)
    s.error2 = squares / (tasks * tasks) * (double)s.n / (double)(s.n - 1);
  s.variance = s.error2 * (double)s.n;
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

/* Welch's two-sample statistic. */
static bool differ(const struct pace *a, const struct pace *b)
{
  if (a->n < 2 || b->n < 2)
    return false;
  return fabs(a->mean - b->mean) > SURE * sqrt(a->error2 + b->error2);
}

/* Variances of a sample's tasks by parts of the list: of one within its part, and of the parts themselves. */
struct parts {
  double within, between; /* between: INFINITY when nobody knows */
};

static struct parts part_by_part(const struct amz_workload *w, const struct tasks *sample)
{
  struct amz_stats parts[PARTS] = {0}, means = {0};
  double within = 0, per_part = 0;
  size_t freedom = 0;

  for (size_t i = 0; i < sample->n; i++) {
    double r = relative(w, &sample->seen[i]), place = amz_workload_place(w, sample->seen[i].index) * PARTS;

    if (r > 0)
      amz_stats_add(&parts[place < PARTS ? (size_t)place : PARTS - 1], r);
  }
  for (size_t i = 0; i < PARTS; i++)
    if (parts[i].count) {
      amz_stats_add(&means, parts[i].mean);
      within += parts[i].m2;
      freedom += (size_t)parts[i].count - 1;
      per_part += 1 / (double)parts[i].count;
    }
  if (freedom < PARTS_LEAST || means.count < 2 || w->weight.holds)
    return (struct parts){-1, (double)INFINITY};
  within /= (double)freedom;
  return (struct parts){within, fmax(0, amz_stats_variance(&means) - within * per_part / (double)means.count)};
}

/* \return the machine's pace now over that of the sample, as far as it is known; 1: not at all, or unchanged; 0: all count
 * alike. */
static double pace(const struct amz_workload *w, const struct tasks *sample, const struct tasks *later)
{
  const struct part p = part_of(later);
  struct pace before = sum_up(w, sample, NULL), same = sum_up(w, sample, &p), now = sum_up(w, later, NULL);
  struct parts parts = part_by_part(w, sample);
  double of_part, error, belief, off;

  if (!differ(&before, &now))
    return 0;
  if (same.n == 0)
    return 1;
  error = (parts.within >= 0 ? parts.within : before.variance) / (double)same.n; /* of that part's mean */
  belief = isinf(parts.between) ? 1 : parts.between > 0 ? parts.between / (parts.between + error) : 0;
  of_part = before.mean + (same.mean - before.mean) * belief;
  off = now.mean / of_part - 1;
  error = error * belief + (1 - belief) * before.error2 + now.error2;
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

int amz_workload_refit(const struct amz_observation *sample, size_t n, const struct amz_observation *later, size_t n_later,
                       uint64_t tasks, double confidence,
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
