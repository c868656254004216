/* Counting what was recorded. */
#include "tally.h"

#include <signal.h>
#include <stdio.h>

static void keep_slowest(struct amz_tally *t, uint64_t index, double wall_s)
{
  size_t at = t->n_slowest;

  if (at == AMZ_SLOWEST) {
    if (wall_s <= t->slowest[at - 1].wall_s)
      return;
    at--;
  } else {
    t->n_slowest++;
  }
  for (; at > 0 && t->slowest[at - 1].wall_s < wall_s; at--)
    t->slowest[at] = t->slowest[at - 1];
  t->slowest[at] = (struct amz_slow_task){index, wall_s};
}

static void keep_failure(struct amz_tally *t, const struct amz_result *result, uint64_t index, double wall_s)
{
  struct amz_failed_task *f;

  if (t->n_failures == AMZ_SLOWEST)
    return;
  f = &t->failures[t->n_failures++];
  *f = (struct amz_failed_task){.index = index, .wall_s = wall_s};
  if (result->error)
    (void)snprintf(f->error, sizeof f->error, "%s", result->error);
}

#define SHELL_SAYS 128 /* + the signal: so a shell exits whose child was ended by one */

/* A timeout's KILL is ours, and has an outcome of its own. */
static bool was_killed(const struct amz_result *result)
{
  return result->outcome == AMZ_FAILED && (result->signal == SIGKILL || result->exit_code == SHELL_SAYS + SIGKILL);
}

static void count_outcome(struct amz_tally *t, const struct amz_result *result, uint64_t index, double wall_s)
{
  switch (result->outcome) {
  case AMZ_SUCCEEDED:
    t->succeeded++;
    return;
  case AMZ_SKIPPED:
    t->skipped++;
    return;
  case AMZ_FAILED:
  case AMZ_TIMED_OUT:
    t->failed++;
    keep_failure(t, result, index, wall_s);
    return;
  case AMZ_CANCELLED: /* never recorded */
    return;
  }
}

void amz_tally_add(struct amz_tally *t, const struct amz_result *result, uint64_t index, bool final)
{
  double wall_s = (double)result->wall_ns * 1e-9;
  int64_t end_ns = result->start_ns + result->wall_ns;

  if (final)
    count_outcome(t, result, index, wall_s);
  else
    t->retried++;
  if (result->start_ns == 0) /* skipped, or never started */
    return;
  t->ran++;
  t->wall_s += wall_s;
  t->cpu_s += (double)result->cpu_ns * 1e-9;
  if (wall_s > t->max_s)
    t->max_s = wall_s;
  if (t->first_start_ns == 0 || result->start_ns < t->first_start_ns)
    t->first_start_ns = result->start_ns;
  if (end_ns > t->last_end_ns)
    t->last_end_ns = end_ns;
  t->output_bytes += result->output_bytes;
  t->killed += was_killed(result);
  if (result->max_rss_bytes > t->max_rss_bytes)
    t->max_rss_bytes = result->max_rss_bytes;
  keep_slowest(t, index, wall_s);
}

void amz_tally_hold_memory(struct amz_tally *t, const struct amz_result *result, uint64_t index, uint64_t said_bytes)
{
  struct amz_outgrown *o = &t->outgrown;

  if (said_bytes == 0 || result->max_rss_bytes <= said_bytes)
    return;
  if (o->tasks == 0 || (double)result->max_rss_bytes / (double)said_bytes > (double)o->bytes / (double)o->said_bytes)
    *o = (struct amz_outgrown){o->tasks, index, result->max_rss_bytes, said_bytes};
  o->tasks++;
}

/* They ran one after the other: the last one ended as much later as they took. Of their longest no more is known than their
 * mean. */
void amz_tally_add_bulk(struct amz_tally *t, const struct amz_bulk *bulk)
{
  double mean_s = bulk->wall_s / (double)bulk->count;
  int64_t end_ns = bulk->start_ns + (int64_t)(bulk->wall_s * 1e9);

  t->succeeded += bulk->count;
  t->ran += bulk->count;
  t->wall_s += bulk->wall_s;
  t->cpu_s += bulk->cpu_s;
  if (mean_s > t->max_s)
    t->max_s = mean_s;
  if (t->first_start_ns == 0 || bulk->start_ns < t->first_start_ns)
    t->first_start_ns = bulk->start_ns;
  if (end_ns > t->last_end_ns)
    t->last_end_ns = end_ns;
}

uint64_t amz_tally_outcomes(const struct amz_tally *t)
{
  return t->succeeded + t->failed + t->skipped;
}

double amz_tally_makespan(const struct amz_tally *t)
{
  return t->last_end_ns > t->first_start_ns ? (double)(t->last_end_ns - t->first_start_ns) * 1e-9 : 0;
}

double amz_tally_utilisation(const struct amz_tally *t, double slots, double seconds)
{
  return seconds > 0 && slots > 0 ? t->wall_s / (slots * seconds) : 0;
}
