/* What is known of a job's costs: the latest run's, joined by those of earlier runs as far as they agree with it. */
#include <amorsize/history.h>

#include <stdlib.h>
#include <string.h>

#include <amorsize/alloc.h>

#include "place.h"

#define MOST 1024 /* observations: four runs' worth, more doesn't make a mean much better */

void amz_history_known_clear(struct amz_history_known *known)
{
  amz_sample_clear(&known->costs);
  memset(known, 0, sizeof *known);
}

struct joining {
  struct amz_history_known *known;
  size_t cap, first; /* first: observations of the latest run */
  uint64_t tasks;
  double ratios[AMZ_HISTORY_RUNS]; /* makespans over predictions */
  size_t n_ratios;
};

static bool has_times(const struct amz_sample *s)
{
  for (size_t i = 0; i < s->n; i++)
    if (!s->seen[i].failed && s->seen[i].wall_s > 0)
      return true;
  return false;
}

/* The same place in a list of another length. */
static uint64_t scaled(uint64_t index, uint64_t from, uint64_t to)
{
  unsigned __int128 place = (unsigned __int128)index * to;

  if (from == 0 || to == 0)
    return 0;
  place /= from;
  return place < to ? (uint64_t)place : to - 1;
}

/* Whether there is already one of as many threads, alone as this one or not: how tasks scale, and what neighbours cost, is seen
 * in samples alone, which runs that start from known costs don't take. */
static bool has_like(const struct amz_observation *seen, size_t n, const struct amz_observation *o)
{
  for (size_t i = 0; i < n; i++)
    if (seen[i].threads == o->threads && (seen[i].busy == 1) == (o->busy == 1) && !seen[i].failed)
      return true;
  return false;
}

static int join(struct joining *j, const struct amz_history_run *run)
{
  struct amz_sample *to = &j->known->costs;
  size_t before = to->n;

  if (amz_grow((void **)&to->seen, &j->cap, to->n + run->costs.n, sizeof *to->seen) < 0)
    return AMZ_ENOMEM;
  for (size_t i = 0; i < run->costs.n; i++) {
    struct amz_observation o = run->costs.seen[i];

    if (to->n >= MOST && has_like(to->seen, before, &o))
      continue;
    o.index = scaled(o.index, run->costs.tasks, j->tasks);
    to->seen[to->n++] = o;
  }
  if (to->gap_s.source == AMZ_UNKNOWN)
    to->gap_s = run->costs.gap_s;
  j->known->runs++;
  j->known->earliest_s = run->outcome.ended_s;
  return AMZ_OK;
}

static int begin(struct joining *j, const struct amz_history_run *run)
{
  struct amz_history_known *k = j->known;
  int rc;

  k->costs.job = amz_strndup(run->costs.job, strlen(run->costs.job));
  k->costs.host = amz_strndup(run->costs.host, strlen(run->costs.host));
  if (!k->costs.job || !k->costs.host)
    return AMZ_ENOMEM;
  k->costs.tasks = j->tasks;
  k->costs.slots = run->costs.slots;
  k->costs.threads = run->costs.threads;
  k->latest_s = run->outcome.ended_s;
  k->makespan_s = run->outcome.makespan_s;
  rc = join(j, run);
  j->first = k->costs.n;
  return rc;
}

/* A run that was interrupted tells of its last part alone. */
static void compare(struct joining *j, const struct amz_history_outcome *o)
{
  if (o->predicted_s > 0 && o->makespan_s > 0 && o->launches == 1 && o->predicted_from != AMZ_UNKNOWN &&
      j->n_ratios < AMZ_HISTORY_RUNS)
    j->ratios[j->n_ratios++] = o->makespan_s / o->predicted_s;
}

static int consider(void *ctx, const struct amz_history_row *row)
{
  struct joining *j = ctx;
  const struct amz_sample *known = &j->known->costs, *other = &row->run->costs;

  compare(j, &row->run->outcome);
  if (!has_times(other))
    return AMZ_OK;
  if (j->known->runs == 0)
    return begin(j, row->run);
  if (amz_history_drifted(known->seen, j->first, j->tasks, other->seen, other->n, other->tasks, NULL) ||
      /* it had fewer slots than the latest's plan opened */
      amz_history_drifted(other->seen, other->n, other->tasks, known->seen, j->first, j->tasks, NULL))
    return AMZ_OK;
  return join(j, row->run);
}

int amz_history_find(const struct amz_history *h, const struct amz_history_key *key, uint64_t tasks,
                     struct amz_history_known *ret,
                     struct amz_error *err)
{
  struct amz_history_known known = {.runs = 0};
  struct joining j = {.known = &known, .tasks = tasks};
  int rc = amz_history_each(h, key->id, key->text, true, consider, &j, err);

  if (rc == AMZ_OK && known.runs == 0)
    rc = AMZ_ENOENT;
  if (rc < 0) {
    amz_history_known_clear(&known);
    return rc;
  }
  known.unforeseen = amz_history_unforeseen(j.ratios, j.n_ratios);
  *ret = known;
  return AMZ_OK;
}

static void mark(struct amz_quantity *q)
{
  if (q->source != AMZ_UNKNOWN)
    q->source = AMZ_HISTORY;
}

int amz_history_fit(const struct amz_history_known *known, uint64_t tasks, double confidence, struct amz_workload *ret)
{
  int rc = amz_workload_fit(known->costs.seen, known->costs.n, tasks, confidence, ret);

  if (rc < 0)
    return rc;
  ret->apart = true;
  ret->drift = 0; /* they are in the list's sequence, not in that of time */
  mark(&ret->mean_s);
  mark(&ret->serial);
  mark(&ret->slowdown);
  return AMZ_OK;
}
