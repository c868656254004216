/* The worker's queue and slots: what runs next where, and who must be signalled.
 *
 * Invariants: a slot in use is idle exactly when it is on the stack; while a slot is free to begin something the queue is empty,
 * or what is here doesn't fit (amz_worker_run has run); while slots are barred no more than a chunk per open slot is kept
 * (amz_worker_yield has run). signal_ns of the worker is a lower bound of its slots': when it has come, they are looked through
 * and it is set anew. As all timeouts are equal that happens about once per timeout, not once per task. */
#include "worker.h"

#include <signal.h>
#include <stdlib.h>

#include <amorsize/alloc.h>

#define SURPRISE 3.0    /* times as long as believed, and as a RUN should last */
#define MEAN_WEIGHT 0.2 /* of the newest in running means */

/* ---- queue ------------------------------------------------------------------------------------------------------------ */

static int grow_queue(struct amz_queue *q)
{
  size_t cap = q->cap * 2;
  struct amz_chunk *chunks = amz_new_array(cap, sizeof *chunks);

  if (!chunks)
    return AMZ_ENOMEM;
  for (size_t i = 0; i < q->count; i++)
    chunks[i] = q->chunks[(q->first + i) & (q->cap - 1)];
  if (q->chunks != q->least)
    free(q->chunks);
  q->chunks = chunks;
  q->cap = cap;
  q->first = 0;
  return AMZ_OK;
}

static inline int amz_worker_queue(struct amz_worker *w, const struct amz_chunk *chunk)
{
  struct amz_queue *q = &w->queue;
  double tasks = (double)chunk->count;

  if (chunk->count == 0 || chunk->count > UINT64_MAX - chunk->first || chunk->count > (uint64_t)INT64_MAX - q->positions)
    return AMZ_OK; /* no master says that */
  if (q->count == q->cap && grow_queue(q) < 0)
    return AMZ_ENOMEM;
  q->chunks[(q->first + q->count++) & (q->cap - 1)] = *chunk;
  q->positions += chunk->count;
  w->chunk_tasks = w->chunk_tasks > 0 ? w->chunk_tasks + MEAN_WEIGHT * (tasks - w->chunk_tasks) : tasks;
  return AMZ_OK;
}

static void amz_worker_forget_queue(struct amz_worker *w)
{
  w->queue.count = 0;
  w->queue.positions = 0;
  w->n_aside = 0;
}

/* ---- slots ------------------------------------------------------------------------------------------------------------ */

/* When RUNs are measured by time, no more than its share of what is queued, so that no other slot goes without. */
static inline uint64_t amz_worker_grain(const struct amz_worker *w)
{
  const struct amz_worker_config *config = w->config;
  uint64_t of_chunk = w->queue.chunks[w->queue.first].count, share;
  uint64_t least = config->grain_least > 1 ? config->grain_least : 1;
  double wanted;

  if (config->grain_ns == 0)
    return config->grain && config->grain < of_chunk ? config->grain : of_chunk;
  share = (w->queue.positions + w->n_slots - 1) / w->n_slots;
  wanted = w->task_ns > 0 ? (double)config->grain_ns / w->task_ns : 1;
  if (config->grain && wanted > (double)config->grain)
    wanted = (double)config->grain;
  if (wanted > (double)share)
    wanted = (double)share;
  return wanted > (double)least ? (uint64_t)wanted : least;
}

static inline struct amz_chunk amz_worker_take(struct amz_worker *w, uint64_t most)
{
  struct amz_queue *q = &w->queue;
  struct amz_chunk *c = &q->chunks[q->first], taken = *c;

  taken.count = most < c->count ? most : c->count;
  c->first += taken.count;
  c->count -= taken.count;
  q->positions -= taken.count;
  if (c->count == 0) {
    q->count--;
    q->first = q->count ? (q->first + 1) & (q->cap - 1) : 0; /* an empty one begins anew: one cache line, not the whole ring */
  }
  return taken;
}

static int add_part(struct amz_parts *p, const struct amz_chunk *chunk)
{
  int rc = amz_grow((void **)&p->chunks, &p->cap, p->count + 1, sizeof *p->chunks);

  if (rc == AMZ_OK)
    p->chunks[p->count++] = *chunk;
  return rc;
}

/* Chunks that are too small for a RUN go together, as long as they follow each other. Their ids are kept for what may come
 * back. */
static inline int amz_worker_gather(struct amz_worker *w, struct amz_parts *parts, uint64_t wanted, struct amz_chunk *ret)
{
  struct amz_queue *q = &w->queue;
  int rc = AMZ_OK;

  *ret = amz_worker_take(w, wanted);
  if (w->config->grain_ns == 0)
    return AMZ_OK;
  parts->count = 0;
  while (rc == AMZ_OK && q->count && ret->count < wanted) {
    const struct amz_chunk *next = &q->chunks[q->first];

    if (next->first != ret->first + ret->count || next->attempt != ret->attempt)
      break;
    if (parts->count == 0 && add_part(parts, ret) < 0)
      return AMZ_ENOMEM;
    ret->id = 0;
    rc = add_part(parts, &(struct amz_chunk){0});
    if (rc == AMZ_OK)
      parts->chunks[parts->count - 1] = amz_worker_take(w, wanted - ret->count);
    if (rc == AMZ_OK)
      ret->count += parts->chunks[parts->count - 1].count;
  }
  return rc;
}

static inline int amz_worker_start(struct amz_worker *w, uint32_t slot, const struct amz_chunk *c, struct amz_slot *ret,
                                   struct amz_actions *out)
{
  struct amz_action *run = amz_actions_add(out, AMZ_DO_RUN);

  if (!run)
    return AMZ_ENOMEM;
  run->slot = slot;
  run->first = c->first;
  run->count = c->count;
  run->attempt = c->attempt;
  *ret = (struct amz_slot){.chunk_id = c->id, .first = c->first, .count = c->count, .left = c->count, .attempt = c->attempt,
                           .started_ns = w->now_ns, .signal_ns = AMZ_NEVER};
  return AMZ_OK;
}

static inline int start(struct amz_worker *w, uint32_t slot, const struct amz_chunk *c, const struct amz_need *need,
                        struct amz_actions *out)
{
  int64_t limit_ns = w->config->timeout_ns ? amz_worker_after(w, w->config->timeout_ns) : AMZ_NEVER;

  if (amz_worker_start(w, slot, c, &w->slots[slot], out) < 0)
    return AMZ_ENOMEM;
  w->slots[slot].signal_ns = limit_ns;
  w->slots[slot].need = *need;
  if (limit_ns < w->signal_ns)
    w->signal_ns = limit_ns;
  w->last_start_ns = w->now_ns;
  w->n_busy++;
  return AMZ_OK;
}

/* While slots are barred it is the first ones that are used: a slot's number says which cores it has. As fewer than `open` slots
 * are busy, the lowest idle one is always one of the first `open`. */
static inline uint32_t next_idle(struct amz_worker *w)
{
  uint32_t top = w->n_idle - 1, lowest = top, slot;

  for (uint32_t i = 0; w->open < w->n_slots && i < top; i++)
    if (w->idle[i] < w->idle[lowest])
      lowest = i;
  slot = w->idle[lowest];
  w->idle[lowest] = w->idle[top];
  w->idle[top] = slot;
  return slot;
}

static inline int amz_worker_run(struct amz_worker *w, struct amz_actions *out)
{
  struct amz_need need = {0, 0};
  struct amz_chunk c;
  int rc = AMZ_OK;

  while (rc == AMZ_OK && amz_worker_free_slots(w) && amz_worker_kept(w) && w->stop == AMZ_STOP_NONE) {
    uint32_t slot = next_idle(w);

    if (w->aside && !amz_worker_next_fitting(w, &c, &need))
      break;
    if (!w->aside)
      rc = amz_worker_gather(w, &w->parts[slot], amz_worker_grain(w), &c);
    w->n_idle--;
    if (rc == AMZ_OK)
      rc = start(w, slot, &c, &need, out);
  }
  return rc;
}

static void amz_worker_resize(struct amz_worker *w, uint32_t slots)
{
  slots = slots < w->capacity ? slots : w->capacity;
  w->n_slots = slots ? slots : 1;
  w->share = 1.0 / (double)w->n_slots;
  w->others = (double)(w->n_slots - 1) / (double)w->n_slots;
  w->open = w->n_slots;
  w->open_told = false;
  w->n_idle = 0;
  for (uint32_t i = w->n_slots; i-- > 0;) /* slot 0 on top */
    if (w->slots[i].left == 0)
      w->idle[w->n_idle++] = i;
}

/* The newest chunks beyond one per open slot go back: others can begin them sooner. */
static int give_back(struct amz_worker *w, struct amz_message *m, struct amz_actions *out)
{
  struct amz_queue *q = &w->queue;
  size_t n = amz_worker_kept(w) > w->open ? amz_worker_kept(w) - w->open : 0;
  struct amz_chunk *chunks = n ? amz_actions_room(out, n, sizeof *chunks) : NULL;

  if (n && !chunks)
    return AMZ_ENOMEM;
  for (size_t i = 0; i < n; i++) {
    if (q->count == 0) {
      chunks[i] = w->aside[--w->n_aside].chunk;
      continue;
    }
    chunks[i] = q->chunks[(q->first + --q->count) & (q->cap - 1)];
    q->positions -= chunks[i].count;
  }
  m->chunks = chunks;
  m->n_chunks = n;
  return AMZ_OK;
}

/* What is beyond `keep` positions goes back, the newest first. */
static int give_back_beyond(struct amz_worker *w, uint64_t keep, struct amz_message *m, struct amz_actions *out)
{
  struct amz_queue *q = &w->queue;
  struct amz_chunk *chunks = amz_actions_room(out, q->count, sizeof *chunks);

  if (!chunks)
    return AMZ_ENOMEM;
  while (q->positions > keep) {
    struct amz_chunk *newest = &q->chunks[(q->first + q->count - 1) & (q->cap - 1)], back = *newest;
    uint64_t beyond = q->positions - keep;

    if (back.count > beyond) {
      back.first += back.count - beyond;
      back.count = beyond;
    }
    newest->count -= back.count;
    q->count -= newest->count == 0;
    q->positions -= back.count;
    chunks[m->n_chunks++] = back;
  }
  m->chunks = chunks;
  return AMZ_OK;
}

/* Tasks take longer than was believed when those in the queue were asked for: that may be all that are left, and others idle. Or
 * they are, as the master says. */
static int amz_worker_yield_unbegun(struct amz_worker *w, struct amz_actions *out)
{
  struct amz_message *m;
  uint64_t ahead, keep;
  int rc;

  if (!w->overestimated && !w->recalled)
    return AMZ_OK;
  w->overestimated = false;
  ahead = w->recalled ? amz_worker_soonest(w) : amz_worker_ahead(w);
  keep = ahead > w->next_positions ? ahead - w->next_positions : 0;
  if (w->stop != AMZ_STOP_NONE || w->queue.positions <= keep)
    return AMZ_OK;
  w->recalled = false;
  m = amz_worker_send(w, AMZ_MSG_YIELD, out);
  if (!m)
    return AMZ_ENOMEM;
  m->slots = w->open;
  rc = give_back_beyond(w, keep, m, out);
  amz_worker_look_ahead(w);
  return rc;
}

static int amz_worker_yield(struct amz_worker *w, struct amz_actions *out)
{
  bool too_many = amz_worker_kept(w) > w->open && (w->open < w->n_slots || !w->open_told);
  struct amz_message *m;

  if (w->stop != AMZ_STOP_NONE || (w->open_told && !too_many))
    return AMZ_OK;
  m = amz_worker_send(w, AMZ_MSG_YIELD, out);
  if (!m)
    return AMZ_ENOMEM;
  m->slots = w->open;
  w->open_told = true;
  return too_many ? give_back(w, m, out) : AMZ_OK;
}

/* ---- ends ------------------------------------------------------------------------------------------------------------- */

static inline bool is_of(const struct amz_slot *s, uint64_t first, uint64_t count)
{
  return first >= s->first && count >= 1 && count <= s->left && first - s->first <= s->count - count;
}

static inline double mean_with(double mean, double newest)
{
  return mean > 0 ? mean + MEAN_WEIGHT * (newest - mean) : newest;
}

/* What a RUN's tasks have taken: on the slot, from its start to what was told, and by themselves, as the master hears it. When
 * the latter is far more than before, so is what was given to us. The former is at least the latter, also when the ends of two
 * RUNs are heard of at once. */
static inline void learn(struct amz_worker *w, const struct amz_slot *s)
{
  double ran = (double)(s->count - s->undone), wall_ns = s->wall_ns / ran, slot_ns = (double)(w->now_ns - s->started_ns) / ran;
  bool long_run = w->config->grain_ns && s->wall_ns > SURPRISE * (double)w->config->grain_ns;

  if (long_run && w->wall_ns > 0 && wall_ns > SURPRISE * w->wall_ns)
    w->overestimated = true;
  if (w->overestimated)
    w->report_ns = w->now_ns; /* before what goes back is handed out again */
  w->wall_ns = w->overestimated ? wall_ns : mean_with(w->wall_ns, wall_ns);
  w->task_ns = mean_with(w->task_ns, w->next && slot_ns < wall_ns ? wall_ns : slot_ns);
}

static inline int ended(struct amz_worker *w, struct amz_slot *s, uint64_t count)
{
  s->left -= count;
  w->tasks_done += count;
  if (s->left)
    return AMZ_OK;
  if (s->undone < s->count)
    learn(w, s);
  if (w->next && amz_worker_begin_next(w, (uint32_t)(s - w->slots)))
    return AMZ_OK;
  w->n_busy--;
  if ((uint32_t)(s - w->slots) < w->n_slots)
    w->idle[w->n_idle++] = (uint32_t)(s - w->slots);
  amz_worker_leave_room(w, s);
  return AMZ_OK;
}

static int ran_one(struct amz_worker *w, struct amz_slot *s, const struct amz_result *r)
{
  struct amz_result kept = *r;

  if (!is_of(s, r->position, 1))
    return AMZ_OK;
  kept.attempt = s->attempt;
  kept.slot = (uint32_t)(s - w->slots);
  if (amz_worker_keep_result(w, &kept) < 0)
    return AMZ_ENOMEM;
  s->wall_ns += (double)r->wall_ns;
  return ended(w, s, 1);
}

static inline int ran_bulk(struct amz_worker *w, struct amz_slot *s, const struct amz_bulk *b)
{
  if (!is_of(s, b->first, b->count))
    return AMZ_OK;
  if (amz_worker_keep_bulk(w, b, s) < 0)
    return AMZ_ENOMEM;
  s->wall_ns += b->wall_s * 1e9;
  return ended(w, s, b->count);
}

/* Puts the part of a chunk that is in the range into the queue. */
static int queue_again(struct amz_worker *w, const struct amz_chunk *of, const struct amz_range *r)
{
  uint64_t from = r->first > of->first ? r->first : of->first;
  uint64_t end = r->first + r->count, of_end = of->first + of->count, until = end < of_end ? end : of_end;
  struct amz_chunk again = {.id = of->id, .first = from, .count = until - from, .attempt = of->attempt};

  return from < until ? amz_worker_queue(w, &again) : AMZ_OK;
}

/* What a RUN left undone stands in the queue again. One who is stopping leaves it: the master takes it back at our BYE. */
static int queue_undone(struct amz_worker *w, const struct amz_slot *s, const struct amz_parts *parts, const struct amz_range *r)
{
  const struct amz_chunk all = {.id = s->chunk_id, .first = s->first, .count = s->count, .attempt = s->attempt};
  int rc = AMZ_OK;

  if (w->stop == AMZ_STOP_NONE && s->chunk_id)
    rc = queue_again(w, &all, r);
  for (size_t i = 0; rc == AMZ_OK && w->stop == AMZ_STOP_NONE && !s->chunk_id && i < parts->count; i++)
    rc = queue_again(w, &parts->chunks[i], r);
  return rc;
}

/* What had not begun on a slot comes back. */
static int began_not(struct amz_worker *w, struct amz_next *next, const struct amz_range *r)
{
  if (!is_of(&next->run, r->first, r->count))
    return AMZ_OK;
  next->run.left -= r->count;
  next->run.undone += r->count;
  w->next_positions -= r->count;
  w->n_next -= next->run.left == 0;
  return queue_undone(w, &next->run, &next->parts, r);
}

static int ran_not(struct amz_worker *w, struct amz_slot *s, const struct amz_range *r)
{
  uint32_t slot = (uint32_t)(s - w->slots);
  int rc;

  if (!is_of(s, r->first, r->count))
    return w->next ? began_not(w, &w->next[slot], r) : AMZ_OK;
  rc = queue_undone(w, s, &w->parts[slot], r);
  s->undone += r->count;
  return rc < 0 ? rc : ended(w, s, r->count);
}

static int amz_worker_ran(struct amz_worker *w, const struct amz_event *e)
{
  struct amz_slot *s;
  int rc = AMZ_OK;

  if (e->slot >= w->capacity)
    return AMZ_OK;
  s = &w->slots[e->slot];
  for (size_t i = 0; i < e->n_results && rc == AMZ_OK; i++)
    rc = ran_one(w, s, &e->results[i]);
  if (rc == AMZ_OK && e->bulk)
    rc = ran_bulk(w, s, e->bulk);
  for (size_t i = 0; i < e->n_returned && rc == AMZ_OK; i++)
    rc = ran_not(w, s, &e->returned[i]);
  return rc;
}

/* ---- signals ---------------------------------------------------------------------------------------------------------- */

/* First a polite one, later one that can't be refused, then none. */
static int signal_slot(struct amz_worker *w, uint32_t slot, enum amz_outcome as, struct amz_actions *out)
{
  struct amz_slot *s = &w->slots[slot];
  struct amz_action *kill = amz_actions_add(out, AMZ_DO_KILL);
  bool first = s->as == 0 && !w->broken;

  if (!kill)
    return AMZ_ENOMEM;
  if (s->as == 0)
    s->as = as;
  s->signal_ns = first ? amz_worker_after(w, w->config->kill_after_ns) : AMZ_NEVER;
  kill->slot = slot;
  kill->signal = first ? SIGTERM : SIGKILL;
  kill->outcome = s->as;
  return AMZ_OK;
}

static int amz_worker_signal(struct amz_worker *w, struct amz_actions *out)
{
  bool cancel = w->stop != AMZ_STOP_NONE && w->now_ns >= w->cancel_ns;
  int64_t next_ns = AMZ_NEVER;
  int rc = AMZ_OK;

  if (!cancel && w->now_ns < w->signal_ns)
    return AMZ_OK;
  for (uint32_t i = 0; i < w->capacity && rc == AMZ_OK; i++) {
    struct amz_slot *s = &w->slots[i];

    if (s->left == 0)
      continue;
    if (w->now_ns >= s->signal_ns)
      rc = signal_slot(w, i, AMZ_TIMED_OUT, out);
    else if (cancel && s->as == 0)
      rc = signal_slot(w, i, AMZ_CANCELLED, out);
    else if (w->broken && s->signal_ns != AMZ_NEVER)
      rc = signal_slot(w, i, AMZ_CANCELLED, out);
    if (s->signal_ns < next_ns)
      next_ns = s->signal_ns;
  }
  w->signal_ns = next_ns;
  if (cancel)
    w->cancel_ns = AMZ_NEVER;
  return rc;
}
