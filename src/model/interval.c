/* Means with intervals. */
#include <amorsize/workload.h>

#include <math.h>

#include <amorsize/stats.h>

#define HEAVY_CV 0.7 /* from here on a mean's distribution is visibly skewed at the sizes of samples that we take */

static void widen(struct amz_quantity *q, double low, double high)
{
  if (low < q->low)
    q->low = low;
  if (high > q->high)
    q->high = high;
}

/* exp(ȳ + s²/2 ± t √(s²/n + s⁴/(2(n − 1)))) for the logarithms y. */
static void widen_by_cox(struct amz_quantity *q, const double *values, size_t n, double t)
{
  struct amz_stats logs = {0};
  double variance, half;

  for (size_t i = 0; i < n; i++)
    if (values[i] > 0)
      amz_stats_add(&logs, log(values[i]));
  if (logs.count < 2)
    return;
  variance = amz_stats_variance(&logs);
  half = t * sqrt(variance / (double)logs.count + variance * variance / (2 * (double)(logs.count - 1)));
  widen(q, exp(logs.mean + variance / 2 - half), exp(logs.mean + variance / 2 + half));
}

struct amz_quantity amz_mean_interval(const double *values, size_t n, double confidence)
{
  struct amz_quantity q = {.n = n < UINT32_MAX ? (uint32_t)n : UINT32_MAX, .source = n ? AMZ_SAMPLED : AMZ_UNKNOWN};
  struct amz_stats s = {0};
  double t, half;

  for (size_t i = 0; i < n; i++)
    amz_stats_add(&s, values[i]);
  q.value = s.mean;
  if (n < 2) {
    q.high = 2 * s.mean;
    return q;
  }
  t = amz_student_quantile(confidence, q.n - 1);
  half = t * amz_stats_stddev(&s) / sqrt((double)n);
  q.low = s.mean > half ? s.mean - half : 0;
  q.high = s.mean + half;
  if (amz_stats_cv(&s) >= HEAVY_CV)
    widen_by_cox(&q, values, n, t);
  return q;
}
