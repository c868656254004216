/* The worker's step.
 *
 * Each step: the event, then what follows from it in this sequence: idle slots take from the queue, signals that are due,
 * hunger and reports, and, when told to stop, whether it can go. It goes when nothing runs and all it has to tell is on disk;
 * a broken rank goes when nothing runs, or after kill_after_ns, with whatever is known to be on disk. */
#include "worker.h"

#include "soon.h"

#include <stddef.h>
#include <stdlib.h>

#include <amorsize/alloc.h>

#define MILLISECONDS(n) ((n) * INT64_C(1000000))

static int64_t given_or(int64_t given, int64_t fallback)
{
  return given ? given : fallback;
}

static bool is_valid(const struct amz_worker_config *c)
{
  return c->epoch >= 1 && c->slots >= 1 && (c->capacity == 0 || c->capacity >= c->slots) && c->timeout_ns >= 0 &&
      c->grain_ns >= 0 &&
         c->kill_after_ns >= 0 && c->report_ns >= 0 && c->sync_ns >= 0 && c->heartbeat_ns >= 0;
}

static int amz_worker_complete(const struct amz_worker_config *given, struct amz_worker_config *ret)
{
  if (!is_valid(given))
    return AMZ_EINVAL;
  *ret = *given;
  ret->kill_after_ns = given_or(given->kill_after_ns, MILLISECONDS(5000));
  ret->report_ns = given_or(given->report_ns, MILLISECONDS(100));
  ret->sync_ns = given_or(given->sync_ns, MILLISECONDS(1000));
  ret->heartbeat_ns = given_or(given->heartbeat_ns, MILLISECONDS(5000));
  return AMZ_OK;
}

/* The worker and what it has of each slot are one block: a step of one among many thousands meets cold memory, which should be as
 * little and as close together as can be. */
static void lay_out(struct amz_worker *w)
{
  uint32_t n = w->capacity;

  w->slots = (struct amz_slot *)(void *)(w + 1);
  w->parts = (struct amz_parts *)(void *)(w->slots + n);
  w->idle = (uint32_t *)(void *)(w->parts + n);
  w->queue.chunks = w->queue.least;
  w->queue.cap = AMZ_QUEUE_LEAST;
  w->bulks = &w->least_bulk;
  w->cap_bulks = 1;
}

static uint32_t capacity_of(const struct amz_worker_config *config, uint32_t slots)
{
  return config->capacity ? config->capacity : slots;
}

static size_t amz_worker_bytes(const struct amz_worker_config *config, uint32_t slots)
{
  const size_t per_slot = sizeof(struct amz_slot) + sizeof(struct amz_parts) + sizeof(uint32_t);
  uint32_t capacity = capacity_of(config, slots);

  return capacity > (SIZE_MAX - sizeof(struct amz_worker)) / per_slot ? 0 : sizeof(struct amz_worker) + capacity * per_slot;
}

static int amz_worker_init(struct amz_worker *w, const struct amz_worker_config *config, uint32_t rank, uint32_t slots)
{
  bool ahead = config->run_ahead && config->grain_ns && config->timeout_ns == 0 && !config->needs.of;

  w->config = config;
  w->rank = rank;
  w->capacity = capacity_of(config, slots);
  w->room = config->needs.all;
  w->beat_ns = config->heartbeat_ns;
  w->signal_ns = w->cancel_ns = w->leave_ns = w->report_ns = w->sync_ns = w->ask_ns = AMZ_NEVER;
  lay_out(w);
  w->aside = config->needs.of ? amz_new_array(w->capacity, sizeof *w->aside) : NULL;
  w->next = ahead ? amz_new_array(w->capacity, sizeof *w->next) : NULL;
  if ((config->needs.of && !w->aside) || (ahead && !w->next))
    return AMZ_ENOMEM;
  amz_worker_resize(w, slots);
  w->open_told = true;
  return AMZ_OK;
}

int amz_worker_new(const struct amz_worker_config *config, struct amz_worker **ret)
{
  struct amz_worker_config complete, *own;
  struct amz_worker *w;
  size_t bytes;
  int rc = amz_worker_complete(config, &complete);

  if (rc < 0)
    return rc;
  bytes = amz_worker_bytes(&complete, complete.slots);
  w = bytes ? amz_new_array(1, bytes) : NULL;
  own = w ? amz_new_array(1, sizeof *own) : NULL;
  if (!own) {
    free(w);
    return AMZ_ENOMEM;
  }
  *own = complete;
  w->own_config = own;
  rc = amz_worker_init(w, own, own->rank, own->slots);
  if (rc < 0) {
    amz_worker_free(w);
    return rc;
  }
  *ret = w;
  return AMZ_OK;
}

static void amz_worker_clear(struct amz_worker *w)
{
  if (w->queue.chunks != w->queue.least)
    free(w->queue.chunks);
  for (uint32_t i = 0; w->parts && i < w->capacity; i++)
    free(w->parts[i].chunks);
  for (uint32_t i = 0; w->next && i < w->capacity; i++)
    free(w->next[i].parts.chunks);
  free(w->next);
  free(w->aside);
  free(w->results);
  if (w->bulks != &w->least_bulk)
    free(w->bulks);
  amz_buf_clear(&w->partials);
  amz_buf_clear(&w->errors);
  free(w->own_config);
}

void amz_worker_free(struct amz_worker *w)
{
  if (!w)
    return;
  amz_worker_clear(w);
  free(w);
}

void amz_worker_soon(const struct amz_worker *w)
{
  const char *at = (const char *)w, *end = at + offsetof(struct amz_worker, replay) + 2 * sizeof(uint64_t);

  for (; at < end; at += AMZ_CACHE_LINE)
    __builtin_prefetch(at, 1);
  __builtin_prefetch(w + 1, 1); /* the first slot */
}

/* ---- events ----------------------------------------------------------------------------------------------------------- */

static int on_start(struct amz_worker *w, struct amz_actions *out)
{
  struct amz_message *hello = w->started ? NULL : amz_worker_send(w, AMZ_MSG_HELLO, out);

  if (!hello)
    return w->started ? AMZ_OK : AMZ_ENOMEM;
  hello->slots = w->n_slots;
  hello->node = w->config->node;
  w->started = true;
  return AMZ_OK;
}

static int on_assign(struct amz_worker *w, const struct amz_message *m)
{
  int rc = AMZ_OK;

  if (w->stop != AMZ_STOP_NONE)
    return AMZ_OK; /* the master takes them back at our BYE */
  amz_worker_answered(w, m->n_chunks);
  w->recalled = w->recalled && m->n_chunks == 0;
  for (size_t i = 0; i < m->n_chunks && rc == AMZ_OK; i++)
    rc = amz_worker_queue(w, &m->chunks[i]);
  return rc;
}

static void stop(struct amz_worker *w, enum amz_stop how, int64_t cancel_ns)
{
  bool gentle = w->stop == AMZ_STOP_NONE || w->stop == AMZ_STOP_DRAIN; /* else what runs has been signalled already */

  if (how == AMZ_STOP_NONE || !gentle)
    return;
  w->stop = how;
  if (cancel_ns < w->cancel_ns)
    w->cancel_ns = cancel_ns;
  amz_worker_forget_queue(w);
}

static int on_message(struct amz_worker *w, const struct amz_message *m)
{
  if (!m || m->epoch != w->config->epoch || m->rank != w->rank ||
      (m->kind != AMZ_MSG_ASSIGN && m->kind != AMZ_MSG_STOP && m->kind != AMZ_MSG_RECALL) ||
      !amz_replay_accept(&w->replay, m->seq))
    return AMZ_OK;
  if (m->kind == AMZ_MSG_ASSIGN)
    return on_assign(w, m);
  if (m->kind == AMZ_MSG_RECALL) {
    w->recalled = true;
    amz_worker_forget_asked(w);
    return AMZ_OK;
  }
  stop(w, m->stop, m->stop == AMZ_STOP_DRAIN && m->grace_ns > 0 ? amz_worker_after(w, m->grace_ns) : w->now_ns);
  return AMZ_OK;
}

static void on_broken(struct amz_worker *w)
{
  if (w->broken)
    return;
  w->broken = true;
  w->leave_ns = amz_worker_after(w, w->config->kill_after_ns);
  w->sync_ns = AMZ_NEVER;
  w->stop = AMZ_STOP_CANCEL;
  w->cancel_ns = w->now_ns;
  amz_worker_forget_queue(w);
}

static void open_slots(struct amz_worker *w, uint32_t slots)
{
  slots = slots < w->n_slots ? slots : w->n_slots;
  w->open_told = w->open_told && slots == w->open;
  w->open = slots;
}

static int on_event(struct amz_worker *w, const struct amz_event *e, struct amz_actions *out)
{
  switch (e->kind) {
  case AMZ_EV_START:
    return on_start(w, out);
  case AMZ_EV_MESSAGE:
    return on_message(w, e->message);
  case AMZ_EV_RAN:
    return amz_worker_ran(w, e);
  case AMZ_EV_DURABLE:
    amz_worker_durable(w, e->durable_upto);
    return AMZ_OK;
  case AMZ_EV_BROKEN:
    on_broken(w);
    return AMZ_OK;
  case AMZ_EV_OPEN:
    open_slots(w, e->slots);
    return AMZ_OK;
  case AMZ_EV_RESIZE:
    amz_worker_resize(w, e->slots);
    return AMZ_OK;
  case AMZ_EV_TICK:
  case AMZ_EV_DRAIN:
  case AMZ_EV_FENCED:
  case AMZ_EV_TOLD:
    break;
  }
  return AMZ_OK;
}

/* What is asked here and in amz_worker_step before each part spares most steps most of the parts, which ask again. */
static bool can_run(const struct amz_worker *w)
{
  return w->n_idle && amz_worker_kept(w) && w->stop == AMZ_STOP_NONE && amz_worker_free_slots(w);
}

static bool can_leave(const struct amz_worker *w)
{
  bool runs = w->n_busy > 0;

  if (w->broken)
    return !runs || w->now_ns >= w->leave_ns;
  return w->stop != AMZ_STOP_NONE && !runs && w->seq_seen <= w->durable_upto;
}

static int leave(struct amz_worker *w, struct amz_actions *out)
{
  if (amz_worker_say_bye(w, out) < 0 || !amz_actions_add(out, AMZ_DO_FINISH))
    return AMZ_ENOMEM;
  w->finished = true;
  return AMZ_OK;
}

int amz_worker_step(struct amz_worker *w, const struct amz_event *event, struct amz_actions *out)
{
  int rc;

  if (w->finished)
    return AMZ_OK;
  if (event->now_ns > w->now_ns || !w->started)
    w->now_ns = event->now_ns;
  rc = on_event(w, event, out);
  if (rc < 0 || !w->started)
    return rc;
  if (can_run(w) && (rc = amz_worker_run(w, out)) < 0)
    return rc;
  if (w->next && w->queue.count && (rc = amz_worker_fill_next(w, out)) < 0)
    return rc;
  if ((!w->open_told || w->open < w->n_slots) && (rc = amz_worker_yield(w, out)) < 0)
    return rc;
  if ((w->now_ns >= w->signal_ns || w->now_ns >= w->cancel_ns) && (rc = amz_worker_signal(w, out)) < 0)
    return rc;
  if ((w->broken || w->stop != AMZ_STOP_NONE) && can_leave(w))
    return leave(w, out);
  rc = amz_worker_tell(w, out);
  return rc < 0 || !(w->overestimated || w->recalled) ? rc : amz_worker_yield_unbegun(w, out);
}

/* ---- questions -------------------------------------------------------------------------------------------------------- */

int64_t amz_worker_deadline(const struct amz_worker *w)
{
  return amz_worker_next_due(w);
}

bool amz_worker_finished(const struct amz_worker *w)
{
  return w->finished;
}

bool amz_worker_hungry(const struct amz_worker *w)
{
  return w->asked > 0 && !w->dry;
}

uint32_t amz_worker_busy(const struct amz_worker *w)
{
  return w->n_busy;
}

double amz_worker_in_hand_s(const struct amz_worker *w, int64_t now_ns, double *ret_s, size_t room, size_t *ret_n)
{
  double sum_s = 0;

  *ret_n = 0;
  for (uint32_t i = 0; i < w->capacity; i++) {
    const struct amz_slot *slot = &w->slots[i];
    double for_s = now_ns > slot->started_ns ? (double)(now_ns - slot->started_ns) * 1e-9 : 0;

    if (slot->left == 0)
      continue;
    if (slot->count == 1 && *ret_n < room)
      ret_s[(*ret_n)++] = for_s;
    else
      sum_s += for_s;
  }
  return sum_s;
}
