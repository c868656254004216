/* Watching a sample grow. */
#include "sampler.h"

#include <stdlib.h>
#include <string.h>

#include <amorsize/alloc.h>
#include <amorsize/fit.h>
#include <amorsize/sampling.h>

#include "loop_state.h"

#define ALONE 2u        /* tasks that run alone: a mean with some interval */
#define GRACE_NS (INT64_MAX / 4) /* what runs may end: it is the beginning of the run */
#define ALONE_SHARE 8   /* of the time, at most, goes into tasks that run alone */

void amz_sampler_clear(struct amz_sampler *s)
{
  free(s->seen);
  free(s->gaps_s);
  free(s->last_end_ns);
  memset(s, 0, sizeof *s);
}

struct amz_quantity amz_sampler_gap(struct amz_sampler *s)
{
  struct amz_quantity q = amz_fit_median(s->gaps_s, s->n_gaps);

  if (q.source != AMZ_UNKNOWN)
    q.source = AMZ_SAMPLED;
  return q;
}

int amz_sampler_begin(struct amz_sampler *s, const struct amz_settings *settings, uint64_t tasks, uint32_t slots, uint32_t threads)
{
  s->settings = settings;
  s->tasks = tasks;
  s->slots = slots;
  s->threads = threads;
  s->alone = slots > 1 ? ALONE : 0;
  s->opened = slots == 1;
  s->next_check = settings->sample.tasks_min > 2 ? settings->sample.tasks_min : 2;
  s->last_end_ns = amz_new_array(slots, sizeof *s->last_end_ns);
  return s->last_end_ns ? AMZ_OK : AMZ_ENOMEM;
}

static int note_gap(struct amz_sampler *s, const struct amz_result *r)
{
  int64_t *last = &s->last_end_ns[r->slot], before = *last;

  *last = r->start_ns + r->wall_ns;
  if (before == 0 || r->start_ns < before)
    return AMZ_OK;
  if (amz_grow((void **)&s->gaps_s, &s->cap_gaps, s->n_gaps + 1, sizeof *s->gaps_s) < 0)
    return AMZ_ENOMEM;
  s->gaps_s[s->n_gaps++] = (double)(r->start_ns - before) * 1e-9;
  return AMZ_OK;
}

int amz_sampler_see(struct amz_sampler *s, const struct amz_result *r, uint64_t index, uint32_t busy)
{
  if (r->outcome == AMZ_CANCELLED || r->outcome == AMZ_SKIPPED || r->slot >= s->slots)
    return AMZ_OK;
  if (amz_grow((void **)&s->seen, &s->cap, s->n + 1, sizeof *s->seen) < 0)
    return AMZ_ENOMEM;
  s->seen[s->n++] = (struct amz_observation){.index = index, .threads = s->threads, .busy = busy ? busy : 1, .failed = r->outcome != AMZ_SUCCEEDED,
    .wall_s = (double)r->wall_ns * 1e-9, .cpu_s = (double)r->cpu_ns * 1e-9, .rss_bytes = r->max_rss_bytes, .out_bytes = r->output_bytes};
  return note_gap(s, r);
}

/* Tasks told of as one, as plug-ins do: each of them took the mean. */
static int see_bulk(struct amz_loop *l, const struct amz_event *event, uint32_t busy)
{
  const struct amz_bulk *b = event->bulk;
  struct amz_result r = {.outcome = AMZ_SUCCEEDED, .slot = event->slot, .start_ns = b->start_ns,
    .wall_ns = (int64_t)(b->wall_s / (double)b->count * 1e9), .cpu_ns = (int64_t)(b->cpu_s / (double)b->count * 1e9)};
  int rc = AMZ_OK;

  for (uint64_t i = 0; i < b->count && rc == AMZ_OK; i++, r.start_ns += r.wall_ns)
    rc = amz_sampler_see(l->config->sampler, &r, amz_order_index(l->config->order, b->first + i), busy);
  return rc;
}

int amz_loop_sample_ran(struct amz_loop *l, const struct amz_event *event)
{
  uint32_t busy = amz_worker_busy(l->worker);
  int rc = event->bulk ? see_bulk(l, event, busy) : AMZ_OK;

  for (size_t i = 0; i < event->n_results && rc == AMZ_OK; i++) {
    struct amz_result r = event->results[i];

    r.slot = event->slot;
    rc = amz_sampler_see(l->config->sampler, &r, amz_order_index(l->config->order, r.position), busy);
  }
  return rc;
}

/* ---- when enough is known --------------------------------------------------------------------------------------------- */

static bool all_failed(const struct amz_sampler *s)
{
  for (size_t i = 0; i < s->n; i++)
    if (!s->seen[i].failed)
      return false;
  return true;
}

/* Means are looked at now and then only: each look takes all values. */
static bool is_precise(struct amz_sampler *s)
{
  struct amz_workload w;
  bool enough;

  if (s->n < s->next_check)
    return false;
  s->next_check = s->n + s->n / 10 + 1;
  if (amz_workload_fit(s->seen, s->n, s->tasks, s->settings->sample.confidence, &w) < 0)
    return false;
  enough = w.n > 0 && amz_sample_enough(&w.mean_s, s->settings->sample.tasks_min, s->settings->sample.precision);
  amz_workload_clear(&w);
  return enough;
}

static const char *reason_to_end(struct amz_sampler *s, int64_t elapsed_ns)
{
  if (s->n >= s->settings->sample.tasks_min && all_failed(s))
    return "all sampled tasks failed";
  if (is_precise(s))
    return "the mean is known as well as sample.precision asks for";
  if (elapsed_ns >= s->settings->sample.time_ns)
    return "sample.time has passed";
  return NULL;
}

static int open_all(struct amz_loop *l, struct amz_sampler *s)
{
  s->opened = true;
  return amz_loop_shape(l, s->threads, AMZ_ALL_SLOTS);
}

int amz_loop_sample(struct amz_loop *l)
{
  struct amz_sampler *s = l->config->sampler;
  struct amz_event drain = {.kind = AMZ_EV_DRAIN, .stop = AMZ_STOP_DRAIN, .grace_ns = GRACE_NS};
  int64_t now_ns = amz_clock_monotonic_ns();

  if (!s || s->done)
    return AMZ_OK;
  if (s->started_ns == 0) {
    s->started_ns = now_ns;
    return s->alone ? amz_loop_shape(l, s->threads, 1) : AMZ_OK;
  }
  if (!s->opened && (s->n >= s->alone || now_ns - s->started_ns >= s->settings->sample.time_ns / ALONE_SHARE))
    return open_all(l, s);
  s->why = reason_to_end(s, now_ns - s->started_ns);
  if (!s->why)
    return AMZ_OK;
  s->done = true;
  return amz_loop_master_event(l, &drain);
}
