/* Watching a sample grow. */
#include "sampler.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <amorsize/alloc.h>
#include <amorsize/sampling.h>
#include <amorsize/units.h>

#include "loop_state.h"
#include "outlook.h"
#include "planner.h"

#define ALONE 2u        /* tasks that run alone: a mean with some interval */
#define GRACE_NS (INT64_MAX / 4) /* what runs may end: it is the beginning of the run */
#define ALONE_SHARE 8   /* of the time, at most, goes into tasks that run alone */
#define ALONE_TASKS 64u /* a slot: with so many, tasks alone keep slots idle for less than 3 % of the run */
#define ALONE_NS INT64_C(500000000) /* and for no longer, in a run that goes on */
#define REFUSE_TASKS 10u /* at least so many must have failed, and none have succeeded, to give a run up */
#define MORE_MAX 4096u  /* an even number */
#define SETTLED_S 0.25
#define SETTLED_SHARE 0.03 /* of a run of tiny tasks */
#define BULK_MAX 64u    /* tasks of a bulk that are looked at: they all have its mean */
/* of tiny tasks: shorter orders, of the beginning, tell of cold caches and clocks that speed up rather than of the run */
#define ORDER_LEAST_S 0.002

void amz_sampler_clear(struct amz_sampler *s)
{
  free(s->seen);
  free(s->more);
  free(s->gaps);
  free(s->last_end_ns);
  amz_ramp_clear(&s->ramp);
  memset(s, 0, sizeof *s);
}

void amz_sampler_recall(struct amz_sampler *s, struct amz_observation *seen, size_t n, bool enough)
{
  s->seen = seen;
  s->n = s->cap = n;
  s->ran = n;
  s->most = enough && n ? n : 0;
  for (size_t i = 0; i < n; i++)
    s->peak_bytes = seen[i].rss_bytes > s->peak_bytes ? seen[i].rss_bytes : s->peak_bytes;
}

void amz_sampler_forget(struct amz_sampler *s)
{
  s->most = s->most > s->n ? s->most - s->n : 0;
  s->n = 0;
  s->ran = 0;
  s->peak_bytes = 0;
}

/* What is known of tasks alone, and of other numbers of threads, isn't tried again. */
static void use_recalled(struct amz_sampler *s)
{
  for (size_t i = 0; i < s->n; i++) {
    s->alone = s->seen[i].busy == 1 ? 0 : s->alone;
    s->try.over |= s->seen[i].threads != s->threads;
  }
}

int amz_sampler_begin(struct amz_sampler *s, const struct amz_settings *settings, uint64_t tasks, uint32_t slots,
                      uint32_t threads)
{
  s->settings = settings;
  s->tasks = tasks;
  s->slots = slots;
  s->threads = threads;
  s->alone = slots > 1 && (!s->goes_on || tasks / ALONE_TASKS >= slots) ? ALONE : 0;
  s->alone_ns = settings->sample.time_ns / ALONE_SHARE;
  if (s->goes_on && s->alone_ns > ALONE_NS)
    s->alone_ns = ALONE_NS;
  use_recalled(s);
  s->opened = s->alone == 0;
  s->stride = 1;
  s->ramp.over = true; /* until the loop begins */
  s->next_check = settings->sample.tasks_min > 2 ? settings->sample.tasks_min : 2;
  s->last_end_ns = amz_new_array(slots, sizeof *s->last_end_ns);
  return s->last_end_ns ? AMZ_OK : AMZ_ENOMEM;
}

void amz_sampler_open(struct amz_sampler *s)
{
  s->alone = 0;
  s->opened = true;
  s->try.over = true;
  s->ramp.over = true;
}

static struct amz_observation observe(const struct amz_result *r, uint64_t index, uint32_t threads, uint32_t busy)
{
  return (struct amz_observation){.index = index, .threads = threads, .busy = busy ? busy : 1,
    .failed = r->outcome != AMZ_SUCCEEDED,
    .wall_s = (double)r->wall_ns * 1e-9, .cpu_s = (double)r->cpu_ns * 1e-9, .rss_bytes = r->max_rss_bytes,
    .out_bytes = r->output_bytes, .in_bytes = r->input_bytes,
    .waited_s = (double)r->waited_ns * 1e-9};
}

/* When there is no more room, each second one goes, and from now on half as many are kept: a run of 10^8 tasks needs no more
 * memory. */
static int keep_more(struct amz_sampler *s, const struct amz_observation *o)
{
  if (s->n_more == MORE_MAX) {
    for (size_t i = 0; i < MORE_MAX / 2; i++)
      s->more[i] = s->more[2 * i];
    s->n_more = MORE_MAX / 2;
    s->stride *= 2;
  }
  if (amz_grow((void **)&s->more, &s->cap_more, s->n_more + 1, sizeof *s->more) < 0)
    return AMZ_ENOMEM;
  s->more[s->n_more++] = *o;
  return AMZ_OK;
}

/* A task, or an order's tasks, seen when the sample was complete. */
static int see_more(struct amz_sampler *s, const struct amz_observation *o)
{
  return s->later++ % s->stride == 0 ? keep_more(s, o) : AMZ_OK;
}

static bool is_complete(const struct amz_sampler *s)
{
  return s->done && s->goes_on;
}

static void note_start(struct amz_sampler *s, int64_t start_ns)
{
  if (start_ns > 0 && (s->first_start_ns == 0 || start_ns < s->first_start_ns))
    s->first_start_ns = start_ns;
}

/* A task has ended, or an order of `count`; `busy`: slots that were busy until then; `threads`: what it was given. \return
 * AMZ_OK; AMZ_ENOMEM. */
static int see(struct amz_sampler *s, const struct amz_result *r, uint64_t index, uint32_t threads, uint32_t busy,
               uint64_t count)
{
  struct amz_observation o = observe(r, index, threads, busy);

  o.count = count;
  if (r->outcome == AMZ_CANCELLED || r->outcome == AMZ_SKIPPED)
    return AMZ_OK;
  s->peak_bytes = o.rss_bytes > s->peak_bytes ? o.rss_bytes : s->peak_bytes;
  note_start(s, r->start_ns);
  if (is_complete(s))
    return see_more(s, &o);
  amz_sampler_ramp_see(s, r, &o);
  if (amz_grow((void **)&s->seen, &s->cap, s->n + 1, sizeof *s->seen) < 0)
    return AMZ_ENOMEM;
  s->seen[s->n++] = o;
  s->ran++;
  s->failed += o.failed;
  s->failed_for_good += o.failed && r->attempt > s->settings->failures.retries;
  return r->slot < s->slots ? amz_sampler_note_gap(s, r->slot, r->start_ns, r->wall_ns, 1) : AMZ_OK;
}

/* Tiny tasks of a run that goes on: as an order's tasks share all that may disturb them, it is one observation, of its mean, and
 * as the run's orders are long, short ones tell nothing. `r`: of one of its tasks. */
static int see_order(struct amz_sampler *s, const struct amz_bulk *b, struct amz_result *r, uint64_t index, uint32_t busy)
{
  uint32_t slot = r->slot;
  int rc;

  if (b->wall_s < ORDER_LEAST_S && !is_complete(s)) {
    s->ran += b->count;
    if (slot < s->slots)
      s->last_end_ns[slot] = b->start_ns + (int64_t)(b->wall_s * 1e9);
    return AMZ_OK;
  }
  r->slot = UINT32_MAX; /* the gap is the order's */
  rc = see(s, r, index, s->threads, busy, b->count);
  s->ran += b->count - 1;
  return rc == AMZ_OK && slot < s->slots ? amz_sampler_note_gap(s, slot, b->start_ns, (int64_t)(b->wall_s * 1e9), b->count) : rc;
}

/* Tasks told of as one, as plug-ins do: each of them took the mean. */
static int see_bulk(struct amz_loop *l, const struct amz_event *event, uint32_t busy)
{
  const struct amz_bulk *b = event->bulk;
  struct amz_sampler *s = l->config->sampler;
  struct amz_result r = {.outcome = AMZ_SUCCEEDED, .slot = event->slot, .start_ns = b->start_ns,
    .wall_ns = (int64_t)(b->wall_s / (double)b->count * 1e9), .cpu_ns = (int64_t)(b->cpu_s / (double)b->count * 1e9)};
  int rc = AMZ_OK;

  note_start(s, b->start_ns);
  if (s->goes_on)
    return see_order(s, b, &r, amz_order_index(l->config->order, b->first), busy);
  for (uint64_t i = 0; i < b->count && i < BULK_MAX && rc == AMZ_OK; i++, r.start_ns += r.wall_ns)
    rc = see(s, &r, amz_order_index(l->config->order, b->first + i), s->threads, busy, 1);
  return rc;
}

/* Ranks that share cores are shaped alike: what is busy on one is so on each, but for the begin. */
static uint32_t busy_on_node(const struct amz_loop *l, uint32_t rank, uint32_t busy)
{
  const struct amz_team *team = l->config->team;
  uint32_t sharing = team && rank < team->count && l->config->sampler->opened ? team->members[rank].local_size : 1;

  return busy * (sharing ? sharing : 1);
}

int amz_loop_sample_ran(struct amz_loop *l, const struct amz_event *event)
{
  uint32_t busy = busy_on_node(l, l->config->rank, amz_beside_since(&l->beside, &l->marks[event->slot], amz_clock_monotonic_ns()));
  struct amz_sampler *s = l->config->sampler;
  /* its program's, or its rank's */
  uint32_t threads = l->slots[event->slot].threads ? l->slots[event->slot].threads : s->threads;
  size_t before = s->n;
  int rc = event->bulk ? see_bulk(l, event, busy) : AMZ_OK;

  for (size_t i = 0; i < event->n_results && rc == AMZ_OK; i++) {
    struct amz_result r = event->results[i];

    r.slot = event->slot;
    rc = see(s, &r, amz_order_index(l->config->order, r.position), threads, busy, 1);
  }
  amz_outlook_weigh(l->config->job, s->seen + before, s->n - before);
  return rc;
}

/* What another rank tells of: its own loop saw how many were busy when it told, and those that have ended were so before. When
 * threads change nothing is in flight (sampler_threads.c). */
int amz_loop_sample_heard(struct amz_loop *l, const struct amz_message *m)
{
  struct amz_sampler *s = l->config->sampler;
  uint64_t busy = m->busy + m->n_results + m->n_bulks;
  size_t before = s ? s->n : 0;
  int rc = AMZ_OK;

  if (!s || m->rank == l->config->rank)
    return AMZ_OK;
  busy = busy_on_node(l, m->rank, busy < l->config->layout.slots ? (uint32_t)busy : l->config->layout.slots);
  for (size_t i = 0; i < m->n_results && rc == AMZ_OK; i++) {
    struct amz_result r = m->results[i];

    r.slot = UINT32_MAX; /* gaps are looked at here */
    rc = see(s, &r, amz_order_index(l->config->order, r.position), l->threads, (uint32_t)busy, 1);
  }
  for (size_t i = 0; i < m->n_bulks && rc == AMZ_OK; i++) {
    const struct amz_event of_bulk = {.slot = UINT32_MAX, .bulk = &m->bulks[i]};

    rc = see_bulk(l, &of_bulk, (uint32_t)busy);
  }
  amz_outlook_weigh(l->config->job, s->seen + before, s->n - before);
  return rc;
}

/* ---- when enough is known --------------------------------------------------------------------------------------------- */

static bool all_failed(const struct amz_sampler *s)
{
  return s->n > 0 && s->failed == s->n;
}

bool amz_sampler_all_failed(const struct amz_sampler *s)
{
  uint32_t least = s->settings->sample.tasks_min > REFUSE_TASKS ? s->settings->sample.tasks_min : REFUSE_TASKS;

  return all_failed(s) && s->failed_for_good >= least;
}

int amz_sampler_fit_all(const struct amz_sampler *s, struct amz_workload *ret)
{
  return amz_workload_refit(s->seen, s->n, s->more, s->n_more, s->tasks, s->settings->sample.confidence, ret);
}

/* Orders of tiny tasks follow each other within milliseconds, too soon to show what other work and clocks do to them. */
static bool is_settled(const struct amz_loop *l, const struct amz_sampler *s, const struct amz_workload *w)
{
  uint32_t slots = l->config->planner ? l->config->planner->total_slots : s->slots;
  double ran_s = (double)(amz_clock_monotonic_ns() - (s->opened_ns ? s->opened_ns : s->started_ns)) * 1e-9;

  if (s->ran < 2 * (uint64_t)s->n || slots == 0)
    return true;
  return ran_s >= fmin(SETTLED_S, SETTLED_SHARE * (double)s->tasks * w->mean_s.value / slots);
}

/* Means are looked at now and then only: each look takes all values. */
static bool is_precise(const struct amz_loop *l, struct amz_sampler *s)
{
  struct amz_workload w;
  bool enough;

  if (s->n < s->next_check)
    return false;
  s->next_check = s->n + s->n / 10 + 1;
  if (amz_workload_fit(s->seen, s->n, s->tasks, s->settings->sample.confidence, &w) < 0)
    return false;
  enough = amz_workload_is_precise(&w, s->settings->sample.tasks_min, s->settings->sample.precision) && is_settled(l, s, &w);
  amz_workload_clear(&w);
  return enough;
}

/* Of the time, half is for trying threads. */
static int64_t time_of(const struct amz_loop *l, const struct amz_sampler *s)
{
  bool tries = !s->try.over && amz_sampler_wants_threads(s->settings, amz_job_kind(l->config->job), l->config->cores->most);

  return tries ? s->settings->sample.time_ns / 2 : s->settings->sample.time_ns;
}

static const char *reason_to_end(const struct amz_loop *l, struct amz_sampler *s, int64_t elapsed_ns)
{
  if (s->goes_on ? amz_sampler_all_failed(s) : s->n >= s->settings->sample.tasks_min && all_failed(s))
    return "all sampled tasks failed";
  if (is_precise(l, s))
    return "the mean is known as well as sample.precision asks for";
  if (elapsed_ns >= time_of(l, s))
    return "sample.time has passed";
  if (s->most && s->ran >= s->most && (s->n >= s->most || s->n >= s->settings->sample.tasks_min))
    return "as many tasks as sample.tasks allows have run";
  return NULL;
}

uint32_t amz_sampler_slots(const struct amz_sampler *s)
{
  if (s->memory_slots)
    return s->memory_slots;
  return s->ramp.slots > s->slots ? s->ramp.slots : AMZ_ALL_SLOTS;
}

static int open_all(struct amz_loop *l, struct amz_sampler *s)
{
  s->opened = true;
  s->opened_ns = amz_clock_monotonic_ns();
  return amz_loop_shape(l, s->threads, amz_sampler_slots(s));
}

int amz_loop_sample(struct amz_loop *l)
{
  struct amz_sampler *s = l->config->sampler;
  struct amz_event drain = {.kind = AMZ_EV_DRAIN, .stop = AMZ_STOP_DRAIN, .grace_ns = GRACE_NS};
  int64_t now_ns = amz_clock_monotonic_ns();
  bool bound = false, busy = false, ramping = false;
  int rc = AMZ_OK;

  if (!s || (s->done && !s->goes_on))
    return AMZ_OK;
  if (s->started_ns == 0) {
    s->started_ns = now_ns;
    if ((rc = amz_loop_ramp_begin(l)) < 0)
      return rc;
    return s->alone ? amz_loop_shape(l, s->threads, AMZ_ONE_A_NODE) : AMZ_OK;
  }
  if ((!s->why || s->done) && ((rc = amz_loop_mind_memory(l, &bound)) < 0 || bound))
    return rc;
  if (s->done)
    return AMZ_OK;
  if ((rc = amz_loop_sample_ramp(l, now_ns, &ramping)) < 0)
    return rc;
  if (!s->opened && (s->n >= s->alone || now_ns - s->started_ns >= s->alone_ns))
    return open_all(l, s);
  if (!s->why)
    s->why = reason_to_end(l, s, now_ns - s->started_ns);
  if (!s->why || ramping || (rc = amz_loop_sample_threads(l, now_ns, &busy)) < 0 || busy)
    return rc;
  s->done = true;
  if (!s->goes_on)
    return amz_loop_master_event(l, &drain);
  return s->opened ? AMZ_OK : open_all(l, s);
}

int64_t amz_sampler_deadline(const struct amz_sampler *s)
{
  if (!s || s->done || s->started_ns == 0)
    return AMZ_NEVER;
  return s->started_ns + (s->opened ? s->settings->sample.time_ns : s->alone_ns);
}
