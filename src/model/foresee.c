/* The tasks to come, foreseen from their weights or places: what a sample can't know of a list whose tasks differ, the list
 * may. */
#include "workload_private.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <amorsize/alloc.h>
#include <amorsize/rng.h>
#include <amorsize/sampling.h>
#include <amorsize/stats.h>

#define HEAVY_CV 0.7

struct part {
  double wall_s;
  uint32_t at; /* which part of the run */
};

static int by_time(const void *a, const void *b)
{
  double x = ((const struct part *)a)->wall_s, y = ((const struct part *)b)->wall_s;

  return (x > y) - (x < y);
}

static bool is_valid(const struct amz_rest *r)
{
  for (size_t i = 0; i < r->n; i++)
    if ((r->weight && !(isfinite(r->weight[i]) && r->weight[i] >= 0)) || (r->place &&
                                                                          !(isfinite(r->place[i]) && r->place[i] >= 0)))
      return false;
  return r->n < UINT32_MAX;
}

static enum amz_times_from source_of(const struct amz_workload *w, const struct amz_rest *r)
{
  if (r->n == 0 || !w->leftover || w->sampled == 0)
    return AMZ_TIMES_SEEN;
  if (r->weight && w->weight.holds)
    return AMZ_TIMES_WEIGHT;
  return r->place && !w->weight.holds && w->along.holds ? AMZ_TIMES_TREND : AMZ_TIMES_SEEN;
}

/* Where on the relation's x axis the time is spent, that is: where the line should be well known. */
struct centre {
  double time_s, x;
};

static void add_centre(struct centre *c, double time_s, double x)
{
  c->time_s += time_s;
  c->x += time_s * x;
}

/* What the relation left in the sample is dealt out at random; the mean stays what the relation says. */
static double deal(const struct amz_workload *w, const struct amz_rest *r, enum amz_times_from from, struct part *parts,
                   struct centre *c)
{
  double expected = 0, dealt = 0;

  for (size_t i = 0; i < r->n; i++) {
    double weight = from == AMZ_TIMES_WEIGHT ? r->weight[i] : 0, place = from == AMZ_TIMES_TREND ? r->place[i] : 0;
    double time_s = amz_workload_expect(w, weight, place);

    expected += time_s;
    if (from == AMZ_TIMES_TREND)
      add_centre(c, time_s, place);
    else if (weight > 0)
      add_centre(c, time_s, log(weight));
    parts[i] = (struct part){time_s * w->leftover[amz_mix64(i) % w->sampled], (uint32_t)i};
    dealt += parts[i].wall_s;
  }
  for (size_t i = 0; i < r->n && dealt > 0; i++)
    parts[i].wall_s *= expected / dealt;
  return expected / (double)r->n;
}

/* Of a line of logarithms: exp(± t·√(s²/n + s⁴/(2(n − 1)) + s²(x̄ − m)²/Sxx)), Cox's terms and the slope's; of a plain one its
 * own. */
static struct amz_quantity interval(const struct amz_workload *w, enum amz_times_from from, double mean_s, double x)
{
  const struct amz_relation *r = from == AMZ_TIMES_WEIGHT ? &w->weight : &w->along;
  double s2 = r->scatter * r->scatter, n = (double)r->n, off = x - r->mean_x, t, half;
  struct amz_quantity q = {.value = mean_s, .n = r->n < UINT32_MAX ? (uint32_t)r->n : UINT32_MAX, .source = w->mean_s.source};
  double variance = s2 / n + (r->sxx > 0 ? s2 * off * off / r->sxx : 0);

  t = amz_student_quantile(w->confidence, q.n - 2);
  if (from == AMZ_TIMES_WEIGHT) {
    half = t * sqrt(variance + s2 * s2 / (2 * (n - 1)));
    q.low = mean_s * exp(-half);
    q.high = mean_s * exp(half);
  } else {
    half = t * sqrt(variance);
    q.low = fmax(0, mean_s - half);
    q.high = mean_s + half;
  }
  return q;
}

static void take_over(struct amz_workload *w, const struct part *parts, size_t n, double *wall_s, uint32_t *sequence)
{
  struct amz_stats s = {0};

  for (size_t i = 0; i < n; i++) {
    wall_s[i] = parts[i].wall_s;
    sequence[parts[i].at] = (uint32_t)i;
    amz_stats_add(&s, wall_s[i]);
  }
  free(w->wall_s);
  free(w->sequence);
  w->wall_s = wall_s;
  w->sequence = sequence;
  w->n = n;
  w->cv = amz_stats_cv(&s);
  w->heavy = w->scatter >= HEAVY_CV;
}

int amz_workload_foresee(struct amz_workload *w, const struct amz_rest *rest)
{
  enum amz_times_from from = is_valid(rest) ? source_of(w, rest) : AMZ_TIMES_SEEN;
  struct part *parts;
  struct centre centre = {0, 0};
  double *wall_s, mean_s;
  uint32_t *sequence;

  if (!is_valid(rest))
    return AMZ_EINVAL;
  if (from == AMZ_TIMES_SEEN)
    return AMZ_OK;
  parts = amz_new_array(rest->n, sizeof *parts);
  wall_s = amz_new_array(rest->n, sizeof *wall_s);
  sequence = amz_new_array(rest->n, sizeof *sequence);
  if (!parts || !wall_s || !sequence) {
    free(parts);
    free(wall_s);
    free(sequence);
    return AMZ_ENOMEM;
  }
  mean_s = deal(w, rest, from, parts, &centre);
  qsort(parts, rest->n, sizeof *parts, by_time);
  take_over(w, parts, rest->n, wall_s, sequence);
  w->mean_s = interval(w, from, mean_s, centre.time_s > 0 ? centre.x / centre.time_s : 0);
  w->from = from;
  free(parts);
  return AMZ_OK;
}

/* ---- when enough is known ----------------------------------------------------------------------------------------------- */

bool amz_workload_is_precise(const struct amz_workload *w, uint32_t least, double precision)
{
  size_t n = w->sampled;

  if (w->n == 0 || !w->leftover || n < 3)
    return w->n > 0 && amz_sample_enough(&w->mean_s, least, precision);
  return n >= least && amz_student_quantile(w->confidence, (uint32_t)(n - 2)) * w->scatter / sqrt((double)n) <= precision;
}
