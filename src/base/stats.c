/* Running moments and quantiles. */
#include <amorsize/stats.h>

#include <math.h>

void amz_stats_add(struct amz_stats *s, double x)
{
  double d = x - s->mean;

  if (s->count == 0 || x < s->min)
    s->min = x;
  if (s->count == 0 || x > s->max)
    s->max = x;
  s->count++;
  s->mean += d / (double)s->count;
  s->m2 += d * (x - s->mean);
}

void amz_stats_merge(struct amz_stats *s, const struct amz_stats *other)
{
  double n = (double)s->count, m = (double)other->count, d = other->mean - s->mean;

  if (other->count == 0)
    return;
  if (s->count == 0) {
    *s = *other;
    return;
  }
  s->mean += d * m / (n + m);
  s->m2 += other->m2 + d * d * n * m / (n + m);
  s->count += other->count;
  if (other->min < s->min)
    s->min = other->min;
  if (other->max > s->max)
    s->max = other->max;
}

double amz_stats_variance(const struct amz_stats *s)
{
  return s->count < 2 ? 0 : s->m2 / (double)(s->count - 1);
}

double amz_stats_stddev(const struct amz_stats *s)
{
  return sqrt(amz_stats_variance(s));
}

double amz_stats_cv(const struct amz_stats *s)
{
  return s->mean > 0 || s->mean < 0 ? amz_stats_stddev(s) / s->mean : 0;
}

double amz_quantile(const double *sorted, size_t n, double q)
{
  double at;
  size_t below;

  if (n == 0)
    return 0;
  if (!(q > 0))
    return sorted[0];
  if (q >= 1)
    return sorted[n - 1];
  at = q * (double)(n - 1);
  below = (size_t)at;
  if (below + 1 >= n)
    return sorted[n - 1];
  return sorted[below] + (at - (double)below) * (sorted[below + 1] - sorted[below]);
}
