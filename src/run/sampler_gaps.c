/* What lies between a task's end and its slot's next start. Where tasks are told of one by one it is what their start costs;
 * where they are told of by orders, it is mostly waiting for the rank's loop, which happens now and then and takes long, so
 * that a median knows nothing of it. */
#include "sampler.h"

#include <math.h>
#include <stdlib.h>

#include <amorsize/alloc.h>
#include <amorsize/fit.h>
#include <amorsize/stats.h>

#define GAPS_MAX 4096u
#define CONFIDENCE 0.95

/* While other numbers of threads are tried, slots are kept empty. */
int amz_sampler_note_gap(struct amz_sampler *s, uint32_t slot, int64_t start_ns, int64_t wall_ns, uint64_t count)
{
  int64_t *last = &s->last_end_ns[slot], before = *last;
  bool tried = s->try.now || s->try.emptying;

  *last = tried ? 0 : start_ns + wall_ns;
  if (before == 0 || tried || start_ns < before || s->n_gaps >= GAPS_MAX)
    return AMZ_OK;
  if (amz_grow((void **)&s->gaps, &s->cap_gaps, s->n_gaps + 1, sizeof *s->gaps) < 0)
    return AMZ_ENOMEM;
  s->gaps[s->n_gaps++] = (struct amz_gap){(double)(start_ns - before) * 1e-9, count};
  return AMZ_OK;
}

static int by_share(const void *a, const void *b)
{
  const struct amz_gap *x = a, *y = b;
  double of_x = x->seconds / (double)x->tasks, of_y = y->seconds / (double)y->tasks;

  return (of_x > of_y) - (of_x < of_y);
}

static struct amz_quantity median_gap(const struct amz_sampler *s)
{
  struct amz_quantity q = {.source = AMZ_UNKNOWN};
  double *gaps_s = amz_new_array(s->n_gaps, sizeof *gaps_s);

  if (!gaps_s)
    return q;
  for (size_t i = 0; i < s->n_gaps; i++)
    gaps_s[i] = s->gaps[i].seconds;
  q = amz_fit_median(gaps_s, s->n_gaps);
  free(gaps_s);
  return q;
}

/* The longest gap counts as the one before it does: one alone may be anything. */
static struct amz_quantity mean_gap(const struct amz_sampler *s)
{
  const struct amz_gap *next = &s->gaps[s->n_gaps - 2];
  double most = next->seconds / (double)next->tasks, sum_s = 0, tasks = 0, squares = 0, n = (double)s->n_gaps, half;
  struct amz_quantity q = {.n = (uint32_t)s->n_gaps, .source = AMZ_SAMPLED};

  for (size_t i = 0; i < s->n_gaps; i++) {
    sum_s += fmin(s->gaps[i].seconds, most * (double)s->gaps[i].tasks);
    tasks += (double)s->gaps[i].tasks;
  }
  q.value = sum_s / tasks;
  for (size_t i = 0; i < s->n_gaps; i++) {
    double off = fmin(s->gaps[i].seconds, most * (double)s->gaps[i].tasks) - q.value * (double)s->gaps[i].tasks;

    squares += off * off;
  }
  half = amz_student_quantile(CONFIDENCE, q.n - 1) * sqrt(squares * n / (n - 1)) / tasks;
  q.low = fmax(0, q.value - half);
  q.high = q.value + half;
  return q;
}

struct amz_quantity amz_sampler_gap(struct amz_sampler *s)
{
  struct amz_quantity q = {.source = AMZ_UNKNOWN};
  bool orders = false;

  if (s->n_gaps == 0)
    return q;
  qsort(s->gaps, s->n_gaps, sizeof *s->gaps, by_share);
  for (size_t i = 0; i < s->n_gaps; i++)
    orders |= s->gaps[i].tasks > 1;
  q = orders && s->n_gaps > 2 ? mean_gap(s) : median_gap(s);
  if (q.source != AMZ_UNKNOWN)
    q.source = AMZ_SAMPLED;
  return q;
}
