/* Medians and straight lines out of observations. */
#include <amorsize/fit.h>

#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>

#include <amorsize/alloc.h>
#include <amorsize/stats.h>

#define EXACT_MAX 1000u /* 2^-n is still a normal double */
#define Z 1.959963984540054 /* the normal distribution's 97.5 % quantile */

/* ---- medians ---------------------------------------------------------------------------------------------------------- */

/* k is allowed when P(fewer than k of n observations lie below the median) ≤ 2.5 %, the count being binomial(n, 1/2). */
size_t amz_fit_median_rank(size_t n)
{
  double share, below = 0;
  size_t k = 0;

  if (n > EXACT_MAX) /* the binomial is normal by then, with deviation √n / 2 */
    return (size_t)(((double)n - Z * sqrt((double)n)) / 2);
  share = ldexp(1, -(int)n);
  while (k < n && below + share <= 0.025) {
    below += share;
    share *= (double)(n - k) / (double)(k + 1);
    k++;
  }
  return k ? k : 1;
}

static int ascending(const void *a, const void *b)
{
  double x = *(const double *)a, y = *(const double *)b;

  return (x > y) - (x < y);
}

struct amz_quantity amz_fit_median(double *samples, size_t n)
{
  size_t k = amz_fit_median_rank(n);

  if (n == 0)
    return (struct amz_quantity){0};
  qsort(samples, n, sizeof *samples, ascending);
  return (struct amz_quantity){.value = amz_quantile(samples, n, 0.5), .low = samples[k - 1], .high = samples[n - k],
                               .n = n > UINT32_MAX ? UINT32_MAX : (uint32_t)n, .source = AMZ_MEASURED};
}

/* ---- lines ------------------------------------------------------------------------------------------------------------ */

struct sums {
  double w, x, y; /* Σ of weights; weighted means */
  double xx, xy;  /* weighted, about the means: what cancels is taken away before squaring */
  size_t n;
};

static double weight(const double *weights, size_t i)
{
  return weights ? weights[i] : 1;
}

static bool is_usable(const double *x, const double *y, const double *weights, size_t n)
{
  for (size_t i = 0; i < n; i++)
    if (!isfinite(x[i]) || !isfinite(y[i]) || !isfinite(weight(weights, i)) || !(weight(weights, i) > 0))
      return false;
  return n >= 2;
}

static struct sums add_up(const double *x, const double *y, const double *weights, size_t n)
{
  struct sums s = {.n = n};

  for (size_t i = 0; i < n; i++) {
    s.w += weight(weights, i);
    s.x += weight(weights, i) * x[i];
    s.y += weight(weights, i) * y[i];
  }
  s.x /= s.w;
  s.y /= s.w;
  for (size_t i = 0; i < n; i++) {
    s.xx += weight(weights, i) * (x[i] - s.x) * (x[i] - s.x);
    s.xy += weight(weights, i) * (x[i] - s.x) * (y[i] - s.y);
  }
  return s;
}

static struct amz_quantity known_by(double value, double half_width, size_t n)
{
  return (struct amz_quantity){.value = value, .low = value - half_width, .high = value + half_width,
                               .n = n > UINT32_MAX ? UINT32_MAX : (uint32_t)n, .source = AMZ_MEASURED};
}

/* Variance of the observations of weight 1, from what is left beside the line. */
static double residual(const double *x, const double *y, const double *weights, size_t n, double a, double b, size_t freedom)
{
  double sum = 0;

  for (size_t i = 0; i < n; i++)
    sum += weight(weights, i) * (y[i] - a - b * x[i]) * (y[i] - a - b * x[i]);
  return freedom > 0 ? sum / (double)freedom : 0;
}

int amz_fit_line(const double *x, const double *y, const double *weights, size_t n, struct amz_line *ret)
{
  double a, b, variance, t;
  struct sums s;

  if (!is_usable(x, y, weights, n))
    return AMZ_EINVAL;
  s = add_up(x, y, weights, n);
  if (!(s.xx > 0) || !isfinite(s.xx))
    return AMZ_EINVAL;
  b = s.xy / s.xx;
  a = s.y - b * s.x;
  variance = residual(x, y, weights, n, a, b, n - 2);
  t = n > 2 ? amz_student_quantile(0.95, (uint32_t)(n - 2)) : 0;
  ret->a = known_by(a, t * sqrt(variance * (1 / s.w + s.x * s.x / s.xx)), n);
  ret->b = known_by(b, t * sqrt(variance / s.xx), n);
  return AMZ_OK;
}

/* ---- costs ------------------------------------------------------------------------------------------------------------ */

/* One of the two is 0: the other has n − 1 degrees of freedom. */
static void fit_flat(const double *x, const double *y, const double *weights, size_t n, struct amz_line *ret)
{
  struct sums s = add_up(x, y, weights, n);

  ret->a = known_by(s.y, amz_student_quantile(0.95, (uint32_t)(n - 1)) * sqrt(residual(x, y, weights, n, s.y, 0, n - 1) / s.w),
                    n);
  ret->b = known_by(0, 0, n);
}

static void fit_through_origin(const double *x, const double *y, const double *weights, size_t n, struct amz_line *ret)
{
  double xx = 0, xy = 0;

  for (size_t i = 0; i < n; i++) {
    xx += weights[i] * x[i] * x[i];
    xy += weights[i] * x[i] * y[i];
  }
  ret->a = known_by(0, 0, n);
  ret->b = known_by(xy / xx, amz_student_quantile(0.95, (uint32_t)(n - 1)) * sqrt(residual(x, y, weights, n, 0, xy / xx,
      n - 1) / xx), n);
}

static void not_below_zero(struct amz_quantity *q)
{
  if (q->low < 0)
    q->low = 0;
}

static double *relative_weights(const double *x, const double *y, size_t n)
{
  double *weights = amz_new_array(n, sizeof *weights);

  for (size_t i = 0; weights && i < n; i++)
    weights[i] = y[i] > 0 && x[i] >= 0 ? 1 / (y[i] * y[i]) : 0; /* 0 is refused */
  return weights;
}

int amz_fit_cost(const double *x, const double *y, size_t n, struct amz_line *ret)
{
  double *weights = relative_weights(x, y, n);
  struct amz_line line;
  int rc = weights ? amz_fit_line(x, y, weights, n, &line) : AMZ_ENOMEM;

  if (rc == AMZ_OK && line.b.value < 0)
    fit_flat(x, y, weights, n, &line);
  else if (rc == AMZ_OK && line.a.value < 0)
    fit_through_origin(x, y, weights, n, &line);
  if (rc == AMZ_OK) {
    not_below_zero(&line.a);
    not_below_zero(&line.b);
    *ret = line;
  }
  free(weights);
  return rc;
}

/* ---- costs from few observations -------------------------------------------------------------------------------------- */

#define OCTAVES 8    /* b/a is looked for within 2^±8 of the usual one */
#define COARSE 4     /* steps an octave, */
#define FINE 64      /* about the best of them */
#define PULL 0.15    /* what an octave away from the usual b/a costs: as much as an observation that is 15 % off */

struct cost_seen {
  const double *x, *y;
  size_t n;
  double usual, *rest; /* rest: room for n */
};

/* What is seen over a line of height 1 with b/a = ratio: its median is the height. */
static struct amz_quantity height(const struct cost_seen *c, double ratio)
{
  for (size_t i = 0; i < c->n; i++)
    c->rest[i] = c->y[i] / (1 + ratio * c->x[i]);
  return amz_fit_median(c->rest, c->n);
}

static double ratio_at(const struct cost_seen *c, double octave)
{
  return c->usual * exp(octave * M_LN2);
}

/* Σ |ln(seen / line)|, and what is far from usual. */
static double penalty(const struct cost_seen *c, double octave)
{
  double ratio = ratio_at(c, octave), a = height(c, ratio).value, sum = PULL * fabs(octave);

  for (size_t i = 0; i < c->n; i++)
    sum += fabs(log(c->y[i] / (a * (1 + ratio * c->x[i]))));
  return sum;
}

/* \return the best of centre ± steps / per_octave; of equals the one nearest to the centre. */
static double best_octave(const struct cost_seen *c, double centre, int steps, int per_octave)
{
  double best = centre, least = penalty(c, centre);

  for (int i = 1; i <= steps; i++)
    for (int sign = -1; sign <= 1; sign += 2) {
      double octave = centre + (double)(sign * i) / per_octave, here = penalty(c, octave);

      if (here < least * (1 - 1e-12)) {
        least = here;
        best = octave;
      }
    }
  return best;
}

static bool are_costs(const double *x, const double *y, size_t n)
{
  for (size_t i = 0; i < n; i++)
    if (!isfinite(x[i]) || !isfinite(y[i]) || !(y[i] > 0) || !(x[i] >= 0))
      return false;
  return n > 0;
}

static bool at_one_place(const double *x, size_t n)
{
  for (size_t i = 1; i < n; i++)
    if (x[i] > x[0] || x[i] < x[0])
      return false;
  return true;
}

int amz_fit_cost_robust(const double *x, const double *y, size_t n, double usual, struct amz_line *ret)
{
  struct cost_seen c = {.x = x, .y = y, .n = n, .usual = usual};
  double ratio;

  if (!are_costs(x, y, n) || !(usual > 0) || !isfinite(usual))
    return AMZ_EINVAL;
  c.rest = amz_new_array(n, sizeof *c.rest);
  if (!c.rest)
    return AMZ_ENOMEM;
  ratio = ratio_at(&c, best_octave(&c, best_octave(&c, 0, OCTAVES * COARSE, COARSE), FINE / COARSE, FINE));
  ret->a = height(&c, ratio);
  ret->b = ret->a;
  ret->b.value *= ratio;
  ret->b.low *= ratio;
  ret->b.high *= ratio;
  if (at_one_place(x, n))
    ret->b.source = AMZ_ASSUMED;
  free(c.rest);
  return AMZ_OK;
}
