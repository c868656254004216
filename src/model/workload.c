/* From observations to a workload. Every number is taken from those observations alone that bear on it: times from successes at the
 * reference, memory from all, threads and neighbours from means over groups. */
#include <amorsize/workload.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <amorsize/alloc.h>
#include <amorsize/fit.h>
#include <amorsize/stats.h>

#define HEAVY_CV 0.7
#define GROUPS_MAX 64 /* thread counts that are told apart */

const char *amz_work_kind_name(enum amz_work_kind kind)
{
  static const char *const names[] = {[AMZ_WORK_UNKNOWN] = "unknown", [AMZ_WORK_CPU] = "cpu-bound", [AMZ_WORK_MIXED] = "mixed",
                                      [AMZ_WORK_IO] = "I/O-bound"};

  return (size_t)kind < sizeof names / sizeof *names ? names[kind] : names[AMZ_WORK_UNKNOWN];
}

void amz_workload_clear(struct amz_workload *w)
{
  free(w->wall_s);
  memset(w, 0, sizeof *w);
}

static bool is_valid(const struct amz_observation *o)
{
  return o->threads >= 1 && o->busy >= 1 && isfinite(o->wall_s) && o->wall_s >= 0 && isfinite(o->cpu_s) && o->cpu_s >= 0 &&
         isfinite(o->weight) && o->weight >= 0;
}

/* Fewest threads first, then most neighbours. */
static void choose_reference(const struct amz_observation *seen, size_t n, struct amz_workload *w)
{
  for (size_t i = 0; i < n; i++) {
    const struct amz_observation *o = &seen[i];

    if (o->failed)
      continue;
    if (w->threads == 0 || o->threads < w->threads || (o->threads == w->threads && o->busy > w->busy)) {
      w->threads = o->threads;
      w->busy = o->busy;
    }
  }
}

/* The most neighbours are those of a few: near the end of a sample slots run dry one by one. Half as many still count. */
static bool is_reference(const struct amz_workload *w, const struct amz_observation *o)
{
  return !o->failed && o->threads == w->threads && o->busy * 2 > w->busy;
}

static int ascending(const void *a, const void *b)
{
  double x = *(const double *)a, y = *(const double *)b;

  return (x > y) - (x < y);
}

static int take_times(const struct amz_observation *seen, size_t n, double confidence, struct amz_workload *w)
{
  struct amz_stats times = {0};
  double cpu_s = 0, wall_s = 0;

  w->wall_s = amz_new_array(n, sizeof *w->wall_s);
  if (!w->wall_s)
    return AMZ_ENOMEM;
  for (size_t i = 0; i < n; i++)
    if (is_reference(w, &seen[i])) {
      w->wall_s[w->n++] = seen[i].wall_s;
      amz_stats_add(&times, seen[i].wall_s);
      cpu_s += seen[i].cpu_s;
      wall_s += seen[i].wall_s;
      w->out_bytes += (double)seen[i].out_bytes;
    }
  if (w->n == 0)
    return AMZ_OK;
  qsort(w->wall_s, w->n, sizeof *w->wall_s, ascending);
  w->out_bytes /= (double)w->n;
  w->mean_s = amz_mean_interval(w->wall_s, w->n, confidence);
  w->cv = amz_stats_cv(&times);
  w->heavy = w->cv >= HEAVY_CV;
  w->cpu_per_wall = wall_s > 0 ? cpu_s / wall_s : 0;
  w->cpu_share = fmin(1, w->cpu_per_wall / w->threads);
  w->kind = !(wall_s > 0) ? AMZ_WORK_UNKNOWN : w->cpu_share > 0.8 ? AMZ_WORK_CPU : w->cpu_share >= 0.5 ? AMZ_WORK_MIXED : AMZ_WORK_IO;
  return AMZ_OK;
}

/* ---- along the list, and by weight ------------------------------------------------------------------------------------ */

struct pairs {
  double *x, *y;
  size_t n;
};

static bool relate(const struct pairs *p, struct amz_relation *ret)
{
  struct amz_stats all = {0};
  struct amz_line line;
  double left = 0;

  *ret = (struct amz_relation){.r2 = -1};
  if (p->n < 3 || amz_fit_line(p->x, p->y, NULL, p->n, &line) < 0)
    return false;
  for (size_t i = 0; i < p->n; i++) {
    double off = p->y[i] - line.a.value - line.b.value * p->x[i];

    amz_stats_add(&all, p->y[i]);
    left += off * off;
  }
  *ret = (struct amz_relation){line.a.value, line.b.value, all.m2 > 0 ? 1 - left / all.m2 : 0};
  return true;
}

static void fit_trend(const struct amz_observation *seen, size_t n, struct pairs *p, struct amz_workload *w)
{
  struct amz_relation line;

  p->n = 0;
  for (size_t i = 0; i < n; i++)
    if (is_reference(w, &seen[i])) {
      p->x[p->n] = w->tasks ? (double)seen[i].index / (double)w->tasks : 0;
      p->y[p->n++] = seen[i].wall_s;
    }
  if (!(w->mean_s.value > 0) || !relate(p, &line))
    return;
  w->trend = line.slope / w->mean_s.value;
  w->trend_r2 = line.r2;
}

static void fit_weight(const struct amz_observation *seen, size_t n, struct pairs *p, struct amz_workload *w)
{
  p->n = 0;
  for (size_t i = 0; i < n; i++)
    if (is_reference(w, &seen[i]) && seen[i].weight > 0 && seen[i].wall_s > 0) {
      p->x[p->n] = log(seen[i].weight);
      p->y[p->n++] = log(seen[i].wall_s);
    }
  (void)relate(p, &w->weight);
}

/* ---- threads and neighbours ------------------------------------------------------------------------------------------- */

struct group {
  uint32_t threads;
  struct amz_stats wall_s;
};

static size_t group_by_threads(const struct amz_observation *seen, size_t n, struct group *groups)
{
  size_t n_groups = 0, g;

  for (size_t i = 0; i < n; i++) {
    if (seen[i].failed)
      continue;
    for (g = 0; g < n_groups && groups[g].threads != seen[i].threads; g++)
      ;
    if (g == GROUPS_MAX)
      continue;
    if (g == n_groups)
      groups[n_groups++] = (struct group){.threads = seen[i].threads};
    amz_stats_add(&groups[g].wall_s, seen[i].wall_s);
  }
  return n_groups;
}

static double serial_of(double intercept, double slope)
{
  double f = intercept + slope > 0 ? intercept / (intercept + slope) : 1;

  return f < 0 ? 0 : f > 1 ? 1 : f;
}

/* τ(t) = τ₁·f + τ₁·(1 − f)·(1/t): a line in 1/t over the groups' means. The interval: each end by the means moved by their standard
 * errors, few threads' one way and many threads' the other. */
static void fit_serial(const struct amz_observation *seen, size_t n, struct amz_workload *w)
{
  struct group groups[GROUPS_MAX];
  double x[GROUPS_MAX], y[3][GROUPS_MAX], f[3];
  size_t n_groups = group_by_threads(seen, n, groups);

  for (size_t g = 0; g < n_groups; g++) {
    double error = groups[g].wall_s.count > 1 ? amz_stats_stddev(&groups[g].wall_s) / sqrt((double)groups[g].wall_s.count) : 0;
    double way = groups[g].threads == w->threads ? -1 : 1;

    x[g] = 1.0 / groups[g].threads;
    for (int k = 0; k < 3; k++)
      y[k][g] = groups[g].wall_s.mean + (k - 1) * way * 2 * error;
  }
  for (int k = 0; k < 3; k++) {
    struct amz_line line;

    if (amz_fit_line(x, y[k], NULL, n_groups, &line) < 0)
      return;
    f[k] = serial_of(line.a.value, line.b.value);
  }
  w->serial = (struct amz_quantity){.value = f[1], .low = fmin(f[0], f[1]), .high = fmax(f[1], f[2]),
                                    .n = (uint32_t)n_groups, .source = AMZ_SAMPLED};
}

static void fit_slowdown(const struct amz_observation *seen, size_t n, double confidence, struct pairs *p, struct amz_workload *w)
{
  struct amz_quantity alone;

  p->n = 0;
  for (size_t i = 0; i < n; i++)
    if (!seen[i].failed && seen[i].threads == w->threads && seen[i].busy == 1)
      p->x[p->n++] = seen[i].wall_s;
  if (w->busy == 1 || p->n == 0)
    return;
  alone = amz_mean_interval(p->x, p->n, confidence);
  if (!(alone.value > 0))
    return;
  w->slowdown = (struct amz_quantity){.value = w->mean_s.value / alone.value, .low = w->mean_s.low / alone.high,
    .high = alone.low > 0 ? w->mean_s.high / alone.low : INFINITY, .n = alone.n < w->mean_s.n ? alone.n : w->mean_s.n,
    .source = AMZ_SAMPLED};
}

/* ---- all -------------------------------------------------------------------------------------------------------------- */

static int fit(const struct amz_observation *seen, size_t n, double confidence, struct amz_workload *w)
{
  struct pairs p = {amz_new_array(n, sizeof *p.x), amz_new_array(n, sizeof *p.y), 0};
  int rc = p.x && p.y ? take_times(seen, n, confidence, w) : AMZ_ENOMEM;

  if (rc == AMZ_OK) {
    fit_trend(seen, n, &p, w);
    fit_weight(seen, n, &p, w);
    fit_serial(seen, n, w);
    fit_slowdown(seen, n, confidence, &p, w);
  }
  free(p.x);
  free(p.y);
  return rc;
}

int amz_workload_fit(const struct amz_observation *seen, size_t n, uint64_t tasks, double confidence, struct amz_workload *ret)
{
  struct amz_workload w = {.tasks = tasks, .observed = n};
  int rc;

  if (!(confidence > 0) || !(confidence < 1))
    return AMZ_EINVAL;
  for (size_t i = 0; i < n; i++) {
    if (!is_valid(&seen[i]))
      return AMZ_EINVAL;
    w.failed += seen[i].failed;
    if (seen[i].rss_bytes > w.rss_bytes)
      w.rss_bytes = seen[i].rss_bytes;
  }
  choose_reference(seen, n, &w);
  rc = fit(seen, n, confidence, &w);
  if (rc < 0) {
    amz_workload_clear(&w);
    return rc;
  }
  *ret = w;
  return AMZ_OK;
}
