/* The history as a person reads it. */
#include <amorsize/history_report.h>

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <amorsize/alloc.h>
#include <amorsize/diag.h>
#include <amorsize/stats.h>
#include <amorsize/units.h>

#include "history_key.h"
#include "words.h"

double amz_history_off(const struct amz_history_outcome *o)
{
  return o->predicted_s >= 0 && o->makespan_s > 0 ? o->predicted_s / o->makespan_s - 1 : (double)NAN;
}

/* "+3 %", "-": there was no prediction. */
static char *word_off(const struct amz_history_outcome *o, char out[AMZ_WORD])
{
  double off = amz_history_off(o);

  if (isfinite(off))
    (void)snprintf(out, AMZ_WORD, "%+.0f %%", off < 1e6 ? 100 * off : 1e8);
  else
    (void)strcpy(out, "-");
  return out;
}

static char *word_predicted(const struct amz_history_outcome *o, char out[AMZ_WORD])
{
  if (o->predicted_s >= 0)
    return amz_word_seconds(o->predicted_s, out);
  return strcpy(out, "-");
}

void amz_report_history_list(const struct amz_history_job *jobs, size_t n, struct amz_buf *out)
{
  char latest[AMZ_WORD], tasks[AMZ_WORD], mean[AMZ_WORD], makespan[AMZ_WORD], predicted[AMZ_WORD], off[AMZ_WORD];

  if (n)
    amz_buf_addf(out, "%-16s  %4s  %-16s  %10s  %12s  %12s  %12s  %6s  %s\n", "id", "runs", "latest (UTC)", "tasks", "task time",
                 "makespan",
                 "predicted", "off by", "job");
  for (size_t i = 0; i < n; i++) {
    const struct amz_history_run *run = &jobs[i].runs[jobs[i].n - 1];
    const struct amz_history_outcome *o = &run->outcome;

    amz_buf_addf(out, "%-16s  %4zu  %-16s  %10s  %12s  %12s  %12s  %6s  ", jobs[i].id, jobs[i].n,
                 amz_format_time(o->ended_s, latest, sizeof latest), amz_format_count(run->costs.tasks, tasks, sizeof tasks),
                 amz_word_seconds(o->task_mean_s, mean), amz_word_seconds(o->makespan_s, makespan), word_predicted(o, predicted),
                 word_off(o, off));
    amz_buf_add_printable(out, run->costs.job, strlen(run->costs.job), 200);
    amz_buf_addc(out, '\n');
  }
}

/* ---- one job ---------------------------------------------------------------------------------------------------------- */

static void add_runs(const struct amz_history_job *job, struct amz_buf *out)
{
  char ended[AMZ_WORD], tasks[AMZ_WORD], mean[AMZ_WORD], longest[AMZ_WORD], makespan[AMZ_WORD], predicted[AMZ_WORD],
      off[AMZ_WORD];

  amz_buf_addf(out, "  %-16s  %10s  %6s  %7s  %7s  %10s  %12s  %12s  %12s  %12s  %6s  %s\n", "ended (UTC)", "tasks", "failed",
               "slots", "threads",
               "efficiency", "task time", "longest", "makespan", "predicted", "off by", "run");
  for (size_t i = 0; i < job->n; i++) {
    const struct amz_history_outcome *o = &job->runs[i].outcome;

    amz_buf_addf(out, "  %-16s  %10s  %6" PRIu64 "  %7" PRIu32 "  %7" PRIu32 "  %8.0f %%  %12s  %12s  %12s  %12s  %6s  ",
                 amz_format_time(o->ended_s, ended, sizeof ended), amz_format_count(job->runs[i].costs.tasks, tasks,
                     sizeof tasks), o->failed,
                 o->slots, o->threads, 100 * o->efficiency, amz_word_seconds(o->task_mean_s, mean),
                 amz_word_seconds(o->task_max_s, longest),
                 amz_word_seconds(o->makespan_s, makespan), word_predicted(o, predicted), word_off(o, off));
    amz_report_path(o->run_dir, out);
    amz_buf_adds(out, o->this_launch < o->succeeded + o->failed + o->skipped ? " (its last launch)\n" : "\n");
  }
}

/* Of the latest run against the first that is kept. */
static void add_trend(const struct amz_history_job *job, struct amz_buf *out)
{
  const struct amz_sample *first = &job->runs[0].costs, *last = &job->runs[job->n - 1].costs;
  struct amz_history_drift d;
  bool drifted;

  if (job->n < 2)
    return;
  drifted = amz_history_drifted(first->seen, first->n, first->tasks, last->seen, last->n, last->tasks, &d);
  amz_word_name("trend", out);
  if (!isfinite(d.high))
    amz_buf_adds(out, "the first run and the latest can't be compared\n");
  else
    amz_buf_addf(out, "the latest run's tasks took %.2f times as long as the first's (95 %%: %.2f to %.2f)%s\n", d.ratio, d.low,
                 d.high,
                 drifted ? ": costs have changed" : "");
}

static int ascending(const void *a, const void *b)
{
  double x = *(const double *)a, y = *(const double *)b;

  return (x > y) - (x < y);
}

static void add_predictions(const struct amz_history_job *job, struct amz_buf *out)
{
  double *off = amz_new_array(job->n, sizeof *off);
  size_t n = 0, within = 0, with_interval = 0;

  for (size_t i = 0; i < job->n && off; i++) {
    const struct amz_history_outcome *o = &job->runs[i].outcome;
    double by = amz_history_off(o);

    if (!isfinite(by))
      continue;
    off[n++] = fabs(by);
    with_interval += o->predicted_high_s >= 0;
    within += o->predicted_high_s >= 0 && o->makespan_s >= o->predicted_low_s && o->makespan_s <= o->predicted_high_s;
  }
  if (n) {
    qsort(off, n, sizeof *off, ascending);
    amz_word_name("predictions", out);
    amz_buf_addf(out, "%zu, off by %.0f %% in the median, %.0f %% at worst", n, 100 * amz_quantile(off, n, 0.5),
                 100 * off[n - 1]);
    if (with_interval)
      amz_buf_addf(out, "; %zu of %zu within their intervals", within, with_interval);
    amz_buf_addc(out, '\n');
  }
  out->failed = out->failed || !off;
  free(off);
}

static void add_known(const struct amz_workload *w, size_t runs, struct amz_buf *out)
{
  char a[AMZ_WORD], b[AMZ_WORD], c[AMZ_WORD];

  amz_word_name("a plan takes", out);
  if (w && w->n)
    amz_buf_addf(out, "task time mean %s (95 %%: %s to %s), CV %.2f, %s: from %zu tasks of %zu run%s\n",
                 amz_word_seconds(w->mean_s.value, a),
                 amz_word_seconds(w->mean_s.low, b), amz_word_seconds(w->mean_s.high, c), w->cv, amz_work_kind_name(w->kind),
                 w->n, runs,
                 runs == 1 ? "" : "s");
  else
    amz_buf_adds(out, "nothing from here: no task of these runs succeeded\n");
}

void amz_report_history_job(const struct amz_history_job *job, const struct amz_workload *work, size_t runs, struct amz_buf *out)
{
  const char *name = job->runs[job->n - 1].costs.job;

  amz_buf_add_printable(out, name, strlen(name), 200);
  amz_buf_addf(out, ": %s, %zu run%s\n", job->id, job->n, job->n == 1 ? "" : "s");
  amz_history_key_add(job->key, out);
  add_runs(job, out);
  add_trend(job, out);
  add_predictions(job, out);
  add_known(work, runs, out);
}
