/* From observations to a workload. Every number is taken from those observations alone that bear on it: times from successes at
 * the reference, memory from all, threads and neighbours from means over groups. */
#include "workload_private.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <amorsize/alloc.h>
#include <amorsize/stats.h>

#define HEAVY_CV 0.7

const char *amz_work_kind_name(enum amz_work_kind kind)
{
  static const char *const names[] = {[AMZ_WORK_UNKNOWN] = "unknown", [AMZ_WORK_CPU] = "cpu-bound", [AMZ_WORK_MIXED] = "mixed",
                                      [AMZ_WORK_IO] = "I/O-bound"};

  return (size_t)kind < sizeof names / sizeof *names ? names[kind] : names[AMZ_WORK_UNKNOWN];
}

void amz_workload_clear(struct amz_workload *w)
{
  free(w->wall_s);
  free(w->sequence);
  free(w->leftover);
  memset(w, 0, sizeof *w);
}

static bool is_valid(const struct amz_observation *o)
{
  return o->threads >= 1 && o->busy >= 1 && isfinite(o->wall_s) && o->wall_s >= 0 && isfinite(o->cpu_s) && o->cpu_s >= 0 &&
         isfinite(o->waited_s) && o->waited_s >= 0 &&
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

static int ascending(const void *a, const void *b)
{
  double x = *(const double *)a, y = *(const double *)b;

  return (x > y) - (x < y);
}

static double mean_input(const struct amz_observation *seen, size_t n, const struct amz_workload *w)
{
  struct amz_stats input = {0};

  for (size_t i = 0; i < n; i++)
    if (amz_is_reference(w, &seen[i]) && seen[i].in_bytes)
      amz_stats_add(&input, (double)seen[i].in_bytes);
  return input.count ? input.mean : 0;
}

/* What a CPU's being there would have spared. A clock that is read in ticks may tell of more waiting than there was time without
 * computing. */
static double waited(const struct amz_observation *o)
{
  return fmin(o->waited_s, fmax(0, o->wall_s - o->cpu_s / o->threads));
}

static void tell_kind(struct amz_workload *w, double wall_s, double cpu_s, double waited_s)
{
  double awake_s = wall_s - waited_s;

  w->starved = wall_s > 0 ? waited_s / wall_s : 0;
  w->cpu_per_wall = awake_s > 0 ? cpu_s / awake_s : 0;
  w->cpu_share = fmin(1, w->cpu_per_wall / w->threads);
  w->kind = !(wall_s > 0) ? AMZ_WORK_UNKNOWN : w->cpu_share > 0.8 ? AMZ_WORK_CPU : w->cpu_share >= 0.5 ? AMZ_WORK_MIXED : AMZ_WORK_IO;
}

/* Tasks that were told of as one are known by their means, which scatter the more the fewer they are: what all took over how
 * many they were is the mean that counts, with the error of a ratio of sums (Cochran, Sampling Techniques, 1977, section 6.4).
 * The times are moved to it. */
static void mind_counts(const struct amz_observation *seen, size_t n, struct amz_workload *w)
{
  double tasks = 0, sum_s = 0, squares = 0, mean_s, half;

  for (size_t i = 0; i < n; i++)
    if (amz_is_reference(w, &seen[i])) {
      tasks += amz_weight_of(&seen[i]);
      sum_s += amz_weight_of(&seen[i]) * seen[i].wall_s;
    }
  mean_s = sum_s / tasks;
  if (tasks <= (double)w->n || w->n < 2 || !(w->mean_s.value > 0))
    return;
  for (size_t i = 0; i < n; i++)
    if (amz_is_reference(w, &seen[i]))
      squares += pow(amz_weight_of(&seen[i]) * (seen[i].wall_s - mean_s), 2);
  half = amz_student_quantile(w->confidence, (uint32_t)(w->n - 1)) * sqrt(squares * (double)w->n / (double)(w->n - 1)) / tasks;
  for (size_t i = 0; i < w->n; i++)
    w->wall_s[i] *= mean_s / w->mean_s.value;
  w->mean_s.value = mean_s;
  w->mean_s.low = fmax(0, mean_s - half);
  w->mean_s.high = mean_s + half;
}

static int take_times(const struct amz_observation *seen, size_t n, double confidence, struct amz_workload *w)
{
  struct amz_stats times = {0};
  double cpu_s = 0, wall_s = 0, waited_s = 0;

  w->wall_s = amz_new_array(n, sizeof *w->wall_s);
  if (!w->wall_s)
    return AMZ_ENOMEM;
  for (size_t i = 0; i < n; i++)
    if (amz_is_reference(w, &seen[i])) {
      w->wall_s[w->n++] = seen[i].wall_s;
      amz_stats_add(&times, seen[i].wall_s);
      cpu_s += seen[i].cpu_s;
      wall_s += seen[i].wall_s;
      waited_s += waited(&seen[i]);
      w->out_bytes += (double)seen[i].out_bytes;
    }
  w->sampled = w->n;
  if (w->n == 0)
    return AMZ_OK;
  qsort(w->wall_s, w->n, sizeof *w->wall_s, ascending);
  w->out_bytes /= (double)w->n;
  w->in_bytes = mean_input(seen, n, w);
  w->mean_s = amz_mean_interval(w->wall_s, w->n, confidence);
  w->cv = amz_stats_cv(&times);
  w->heavy = w->cv >= HEAVY_CV;
  mind_counts(seen, n, w);
  tell_kind(w, wall_s, cpu_s, waited_s);
  return AMZ_OK;
}

/* ---- all -------------------------------------------------------------------------------------------------------------- */

static int fit(const struct amz_observation *seen, size_t n, struct amz_workload *w)
{
  int rc = take_times(seen, n, w->confidence, w);

  if (rc == AMZ_OK)
    rc = amz_workload_relate(w, seen, n);
  if (rc < 0)
    return rc;
  w->drift = amz_workload_drift(w, seen, n);
  amz_workload_fit_threads(w, seen, n);
  amz_workload_fit_slowdown(w, seen, n);
  amz_workload_fit_crowd(w, seen, n);
  return AMZ_OK;
}

int amz_workload_fit(const struct amz_observation *seen, size_t n, uint64_t tasks, double confidence, struct amz_workload *ret)
{
  struct amz_workload w = {.tasks = tasks, .observed = n, .confidence = confidence};
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
  rc = fit(seen, n, &w);
  if (rc < 0) {
    amz_workload_clear(&w);
    return rc;
  }
  *ret = w;
  return AMZ_OK;
}
