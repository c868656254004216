/* The summary of a launch, from what was there before and what this launch has tallied. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <amorsize/results.h>

#include "launch.h"
#include "clock.h"

static const char *end_reason(const struct amz_launch *l, char *room, size_t n)
{
  const struct amz_loop_result *r = &l->result;

  if (r->err.code < 0)
    return r->err.text;
  if (r->all_failed)
    return r->reason;
  if (r->end == AMZ_END_STOP_AFTER) {
    (void)snprintf(room, n, "failures.stop_after was reached with %llu failed tasks", (unsigned long long)r->tally.failed);
    return room;
  }
  return r->end == AMZ_END_DONE || !*r->reason ? NULL : r->reason;
}

/* Copies a text behind the others in *text and leaves its offset: the buffer may move until the last one is in. */
static size_t keep(struct amz_buf *text, const char *what)
{
  size_t at = text->len;

  amz_buf_add(text, what, strlen(what) + 1);
  return at;
}

/* The values stand among the texts, where numbers may stand. */
static size_t keep_values(struct amz_buf *text, const struct amz_reduced *r)
{
  size_t at;

  while (!text->failed && text->len % sizeof(double))
    amz_buf_addc(text, '\0');
  at = text->len;
  if (r->n_values)
    amz_buf_add(text, r->values, r->n_values * sizeof *r->values);
  return at;
}

static int keep_texts(const struct amz_launch *l, const char *policy, struct amz_buf *text, struct amz_run_summary *s)
{
  char room[128];
  const char *reason = end_reason(l, room, sizeof room), *name_of_results = amz_job_settings(l->job)->output.results;
  struct amz_error ignored;
  char *results = NULL;
  size_t job = keep(text, amz_job_name(l->job)), dir = keep(text, l->shown_dir), name = keep(text, policy), why = 0, where = 0,
      values;

  if (amz_job_kind(l->job) == AMZ_TASK_PLUGIN && amz_results_path(l->shown_dir, name_of_results, &ignored, &results) == AMZ_OK &&
      access(results, F_OK) == 0)
    where = keep(text, results);
  free(results);
  if (reason)
    why = keep(text, reason);
  values = keep_values(text, &l->reduced);
  if (amz_buf_ok(text) < 0)
    return AMZ_ENOMEM;
  s->reduced = l->reduced;
  s->reduced.values = l->reduced.n_values ? (void *)(text->data + values) : NULL;
  s->job = text->data + job;
  s->run_dir = text->data + dir;
  s->policy = text->data + name;
  s->results = where ? text->data + where : NULL; /* the job's name stands before it */
  s->reason = reason ? text->data + why : NULL;
  return AMZ_OK;
}

static void fill_counts(const struct amz_launch *l, struct amz_run_summary *s)
{
  const struct amz_tally *t = &l->result.tally;

  s->total = amz_job_tasks(l->job);
  s->succeeded = l->before.succeeded + t->succeeded;
  s->failed = l->before.failed + t->failed;
  s->skipped = l->before.skipped + t->skipped;
  s->not_run = s->total - s->succeeded - s->failed - s->skipped;
  s->this_launch = amz_tally_outcomes(t);
  s->elsewhere = l->elsewhere;
  s->retried = t->retried;
  s->chunks = l->result.stats.chunks;
}

static void fill_times(const struct amz_launch *l, struct amz_run_summary *s)
{
  const struct amz_tally *t = &l->result.tally;
  int64_t now_ns = amz_clock_realtime_ns();

  s->makespan_s = amz_tally_makespan(t);
  s->total_s = (double)(now_ns - l->began_ns) * 1e-9;
  s->launch_s = t->first_start_ns > l->began_ns ? (double)(t->first_start_ns - l->began_ns) * 1e-9 : 0;
  s->utilisation = amz_tally_utilisation(t, l->slots_mean > 0 ? l->slots_mean : l->total_slots, s->makespan_s);
  s->efficiency = s->utilisation;
  s->throughput = s->makespan_s > 0 ? (double)s->this_launch / s->makespan_s : 0;
  s->task_mean_s = t->ran > 0 ? t->wall_s / (double)t->ran : 0;
  s->task_max_s = t->max_s;
  s->cpu_s = t->cpu_s;
  s->sampled = l->plans;
  s->planning_idle_s = l->planner.spent.idle_s;
  s->planning_cpu_s = l->planner.think.cpu_s;
  s->predicted = l->planner.predicted;
  s->refined = l->planner.refined;
  s->predicted_s = s->predicted.makespan_s > 0 ? s->predicted.makespan_s : -1;
}

int amz_launch_summarize(const struct amz_launch *l, struct amz_buf *text, struct amz_run_summary *s)
{
  const struct amz_tally *t = &l->result.tally;

  memset(s, 0, sizeof *s);
  fill_counts(l, s);
  fill_times(l, s);
  s->end = l->result.all_failed && l->result.end == AMZ_END_STOPPED ? AMZ_END_STOP_AFTER : l->result.end;
  s->samples_failed = l->result.all_failed;
  s->epoch = l->epoch;
  s->ranks = l->layout.ranks;
  s->slots = l->plans && l->planner.total_slots ? l->planner.total_slots : l->total_slots;
  s->threads = l->planner.planned ? l->planner.layout.threads : l->layout.threads;
  s->given_up_slots = l->result.given_up;
  s->master_busy = l->result.busy;
  s->output_bytes = t->output_bytes;
  s->max_rss_bytes = t->max_rss_bytes;
  s->outgrown = t->outgrown;
  s->killed = t->killed;
  memcpy(s->slowest, t->slowest, sizeof s->slowest);
  s->n_slowest = t->n_slowest;
  memcpy(s->failures, t->failures, sizeof s->failures);
  s->n_failures = t->n_failures;
  s->reduce = amz_job_reduces(l->job);
  return keep_texts(l, l->plans && l->planner.policy ? l->planner.policy : l->policy->name, text, s);
}
