/* How task times depend on the place in the list and on weights.
 *
 * A relation is used where it holds (amz_relation_holds); the weights' comes first, as they were given for that. */
#include "workload_private.h"

#include <math.h>
#include <stdlib.h>

#include <amorsize/alloc.h>
#include <amorsize/fit.h>
#include <amorsize/stats.h>

#define R2_GOOD 0.5
#define POINTS_LEAST 5u
#define CHANCE_CONFIDENCE 0.99
#define LEAST_SHARE 0.05 /* of the mean: a falling line ends below nothing */

struct pairs {
  double *x, *y;
  size_t n;
};

/* For the slope, t² = R² (n − 2) / (1 − R²). */
bool amz_relation_holds(const struct amz_relation *r)
{
  double t;

  if (r->n < POINTS_LEAST || !(r->r2 >= R2_GOOD))
    return false;
  t = amz_student_quantile(CHANCE_CONFIDENCE, r->n - 2 < UINT32_MAX ? (uint32_t)(r->n - 2) : UINT32_MAX);
  return r->r2 * (double)(r->n - 2) >= t * t * (1 - r->r2);
}

static void relate(const struct pairs *p, struct amz_relation *ret)
{
  struct amz_stats all = {0}, places = {0};
  struct amz_line line;
  double left = 0;

  *ret = (struct amz_relation){.r2 = -1, .n = p->n};
  if (p->n < 3 || amz_fit_line(p->x, p->y, NULL, p->n, &line) < 0)
    return;
  for (size_t i = 0; i < p->n; i++) {
    double off = p->y[i] - line.a.value - line.b.value * p->x[i];

    amz_stats_add(&all, p->y[i]);
    amz_stats_add(&places, p->x[i]);
    left += off * off;
  }
  *ret = (struct amz_relation){.intercept = line.a.value, .slope = line.b.value, .r2 = all.m2 > 0 ? 1 - left / all.m2 : 0,
                               .n = p->n,
                               .mean_x = places.mean, .sxx = places.m2, .scatter = sqrt(left / (double)(p->n - 2))};
  ret->holds = amz_relation_holds(ret);
}

double amz_workload_place(const struct amz_workload *w, uint64_t index)
{
  return w->tasks ? fmin(1, (double)index / (double)w->tasks) : 0;
}

static void fit_along(const struct amz_observation *seen, size_t n, struct pairs *p, struct amz_workload *w)
{
  p->n = 0;
  for (size_t i = 0; i < n; i++)
    if (amz_is_reference(w, &seen[i])) {
      p->x[p->n] = amz_workload_place(w, seen[i].index);
      p->y[p->n++] = seen[i].wall_s;
    }
  relate(p, &w->along);
  if (w->along.r2 < 0 || !(w->mean_s.value > 0))
    return;
  w->trend = w->along.slope / w->mean_s.value;
  w->trend_r2 = w->along.r2;
}

static void fit_weight(const struct amz_observation *seen, size_t n, struct pairs *p, struct amz_workload *w)
{
  p->n = 0;
  for (size_t i = 0; i < n; i++)
    if (amz_is_reference(w, &seen[i]) && seen[i].weight > 0 && seen[i].wall_s > 0) {
      p->x[p->n] = log(seen[i].weight);
      p->y[p->n++] = log(seen[i].wall_s);
    }
  relate(p, &w->weight);
}

/* By the lines themselves: of logarithms it is the median, not the mean. */
static double on_line(const struct amz_workload *w, double weight, double place)
{
  if (w->weight.holds && weight > 0)
    return exp(w->weight.intercept + w->weight.slope * log(weight));
  if (!w->weight.holds && w->along.holds)
    return fmax(w->along.intercept + w->along.slope * place, LEAST_SHARE * w->mean_s.value);
  return w->mean_s.value;
}

double amz_workload_expect(const struct amz_workload *w, double weight, double place)
{
  double smear = 1;

  if (w->weight.holds && weight > 0) /* what is left of logarithms that scatter normally has the mean exp(σ²/2) */
    smear = exp(w->weight.scatter * w->weight.scatter / 2);
  return on_line(w, weight, place) * smear;
}

/* Seen over expected, with mean 1; how much it scatters. */
static int keep_leftover(struct amz_workload *w, const struct amz_observation *seen, size_t n)
{
  struct amz_stats all = {0};
  size_t k = 0;

  w->scatter = w->cv;
  if (!(w->mean_s.value > 0) || (!w->weight.holds && !w->along.holds))
    return AMZ_OK;
  w->leftover = amz_new_array(w->sampled, sizeof *w->leftover);
  if (!w->leftover)
    return AMZ_ENOMEM;
  for (size_t i = 0; i < n; i++)
    if (amz_is_reference(w, &seen[i])) {
      double expected = on_line(w, seen[i].weight, amz_workload_place(w, seen[i].index));

      w->leftover[k++] = seen[i].wall_s / expected;
      amz_stats_add(&all, w->leftover[k - 1]);
    }
  for (size_t i = 0; i < k; i++)
    w->leftover[i] /= all.mean;
  w->scatter = amz_stats_cv(&all);
  return AMZ_OK;
}

int amz_workload_relate(struct amz_workload *w, const struct amz_observation *seen, size_t n)
{
  struct pairs p = {amz_new_array(n, sizeof *p.x), amz_new_array(n, sizeof *p.y), 0};
  int rc = p.x && p.y ? AMZ_OK : AMZ_ENOMEM;

  if (rc == AMZ_OK) {
    fit_along(seen, n, &p, w);
    fit_weight(seen, n, &p, w);
    rc = keep_leftover(w, seen, n);
  }
  free(p.x);
  free(p.y);
  return rc;
}
