/* The makespan by formulas. Integrals over the empirical distribution are sums of exact pieces: between two neighbouring times F
 * is constant and F_e a straight line. */
#include <amorsize/makespan.h>

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>

#include <amorsize/alloc.h>
#include <amorsize/rng.h>
#include <amorsize/stats.h>

#define ROUNDS 200u

static double mean_of(const double *x, size_t n)
{
  double sum = 0;

  for (size_t i = 0; i < n; i++)
    sum += x[i];
  return sum / (double)n;
}

/* E[max] = ∫₀^∞ (1 − F(x)^k) dx */
double amz_expected_max(const double *sorted, size_t n, uint64_t k)
{
  double sum = 0, from = 0;

  for (size_t i = 0; i < n; i++) {
    sum += (sorted[i] - from) * (1 - pow((double)i / (double)n, (double)k));
    from = sorted[i];
  }
  return sum;
}

/* E[max] = ∫₀^end (1 − F_e(x)^k) dx. On a piece of length d, F_e rises straight from a to b: ∫ F_e^k = d (b^(k+1) − a^(k+1)) /
 * ((b − a)(k + 1)). */
double amz_expected_max_rest(const double *sorted, size_t n, uint64_t k)
{
  double mean = mean_of(sorted, n), exponent = (double)k + 1, sum = 0, from = 0, a = 0;

  if (!(mean > 0))
    return 0;
  for (size_t i = 0; i < n; i++) {
    double d = sorted[i] - from, b = a + d * (double)(n - i) / (double)n / mean;

    if (d > 0)
      sum += d - d * (pow(b, exponent) - pow(a, exponent)) / ((b - a) * exponent);
    a = b;
    from = sorted[i];
  }
  return sum;
}

/* E[rest] = E[τ²] / (2 E[τ]) */
static double mean_rest(const double *x, size_t n)
{
  double sum = 0, squares = 0;

  for (size_t i = 0; i < n; i++) {
    sum += x[i];
    squares += x[i] * x[i];
  }
  return sum > 0 ? squares / (2 * sum) : 0;
}

static bool is_valid(const struct amz_makespan_work *w)
{
  return w->task_s && w->n >= 1 && w->slots >= 1 && w->chunk_s >= 0 && w->overhead_s >= 0 && w->service_s >= 0 &&
      w->task_s[0] >= 0 &&
         isfinite(w->task_s[w->n - 1]);
}

/* Full chunks while there is much left, then ever smaller ones: about log2 of a chunk's tasks more a slot. */
static double expected_chunks(const struct amz_makespan_work *w, double mean)
{
  double tasks = (double)w->tasks, each = w->chunk_s > 0 && mean > 0 ? floor(w->chunk_s / mean) : 1;

  if (w->chunk_s > 0 && !(mean > 0))
    each = tasks / (double)w->slots;
  if (each <= 1)
    return tasks;
  return fmin(tasks, tasks / each + (double)w->slots * log2(each));
}

/* Each task's time is there. */
static bool is_known(const struct amz_makespan_work *w)
{
  return !w->apart && w->n == w->tasks;
}

int amz_makespan_expect(const struct amz_makespan_work *w, struct amz_makespan *ret)
{
  struct amz_makespan m = {0};
  double mean, used, longest;

  if (!is_valid(w))
    return AMZ_EINVAL;
  if (w->tasks == 0) {
    *ret = m;
    return AMZ_OK;
  }
  mean = mean_of(w->task_s, w->n);
  longest = is_known(w) ? w->task_s[w->n - 1] : amz_expected_max(w->task_s, w->n, w->tasks);
  used = fmin((double)w->slots, (double)w->tasks);
  m.chunks = expected_chunks(w, mean);
  m.work_s = (double)w->tasks * mean / used;
  m.imbalance_s = w->slots > 1 ? amz_expected_max_rest(w->task_s, w->n, (uint64_t)used) - mean_rest(w->task_s, w->n) : 0;
  m.dispatch_s = m.chunks * w->overhead_s / used;
  if (w->tasks <= w->slots) /* everyone has one: they end when the longest does */
    m.imbalance_s = longest - mean;
  m.longest_s = longest;
  m.bound_s = fmax(longest, m.chunks * w->service_s);
  m.total_s = fmax(m.work_s + m.imbalance_s + m.dispatch_s, m.bound_s);
  *ret = m;
  return AMZ_OK;
}

/* ---- interval --------------------------------------------------------------------------------------------------------- */

static int ascending(const void *a, const void *b)
{
  double x = *(const double *)a, y = *(const double *)b;

  return (x > y) - (x < y);
}

/* One replicate: the makespan of a resampled sample, with the spread of a sum of K draws. */
static double replicate(const struct amz_makespan_work *w, double *room, struct amz_rng *rng)
{
  struct amz_makespan_work again = *w;
  struct amz_makespan m = {0};
  struct amz_stats s = {0};
  double left;

  for (size_t i = 0; i < w->n; i++) {
    room[i] = w->task_s[amz_rng_below(rng, w->n)];
    amz_stats_add(&s, room[i]);
  }
  qsort(room, w->n, sizeof *room, ascending);
  again.task_s = room;
  (void)amz_makespan_expect(&again, &m); /* valid as *w is */
  left = (double)w->tasks - (w->apart ? 0 : (double)w->n);
  if (left <= 0)
    return m.total_s;
  return fmax(m.total_s + amz_stats_stddev(&s) * sqrt(left) / fmin((double)w->slots, (double)w->tasks) * amz_rng_normal(rng), 0);
}

/* Deviations shrink by the share of the run that is known already. */
static void shrink(const struct amz_makespan_work *w, double expected, double ret[2])
{
  double unknown = w->apart ? 1 : w->n >= w->tasks ? 0 : sqrt(1 - (double)w->n / (double)w->tasks);

  for (int k = 0; k < 2; k++)
    ret[k] = expected + (ret[k] - expected) * unknown;
}

int amz_makespan_interval(const struct amz_makespan_work *w, const struct amz_makespan_doubt *doubt, double ret[2])
{
  uint32_t rounds = doubt->rounds ? doubt->rounds : ROUNDS;
  struct amz_makespan m;
  struct amz_rng rng;
  double *room, *totals, mean;
  int rc = amz_makespan_expect(w, &m);

  if (rc < 0 || !(doubt->confidence > 0) || !(doubt->confidence < 1))
    return AMZ_EINVAL;
  room = amz_new_array(w->n, sizeof *room);
  totals = amz_new_array(rounds, sizeof *totals);
  if (room && totals) {
    amz_rng_seed(&rng, doubt->seed);
    for (uint32_t i = 0; i < rounds; i++)
      totals[i] = w->tasks ? replicate(w, room, &rng) : 0;
    qsort(totals, rounds, sizeof *totals, ascending);
    mean = mean_of(w->task_s, w->n);
    ret[0] = fmin(amz_quantile(totals, rounds, (1 - doubt->confidence) / 2), m.total_s);
    ret[1] = fmax(amz_quantile(totals, rounds, (1 + doubt->confidence) / 2), m.total_s);
    if (mean > 0 && doubt->mean_low > 0)
      ret[0] = fmin(ret[0], m.total_s * doubt->mean_low / mean);
    if (mean > 0 && doubt->mean_high > 0)
      ret[1] = fmax(ret[1], m.total_s * doubt->mean_high / mean);
    shrink(w, m.total_s, ret);
  } else {
    rc = AMZ_ENOMEM;
  }
  free(room);
  free(totals);
  return rc;
}
