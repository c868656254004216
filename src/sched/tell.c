/* What the worker tells the master and when: hunger at once, results in company, receipts.
 *
 * Hunger. A rank asks for a chunk per idle slot. It asks earlier when the answer takes long enough to matter: `lead_ns` is the
 * running mean from request to answer. The queue lasts for queued · task time / slots, as slots end one after the other, and
 * when that doesn't cover SAFETY leads, it asks as much before the next end as is missing. A rank whose running task is long
 * therefore never takes more than covers the leads. Slots whose tasks last alike end together, though, not one after the other: a
 * rank of several covers half as much again, at most a task more for each of the others. Nor does it queue more than
 * AHEAD_PER_SLOT chunks, or as many tasks as it has done, whichever is more: that its first tasks were short says little of the
 * next. A lead that costs less than 1/WORTH of a chunk's time isn't worth taking chunks early, which others may need at the end.
 *
 * Durability. SYNC each sync_ns while there are results that aren't on disk, one at a time; and at once when there is nothing
 * else to do, because the master has said that there is nothing (dry) or that it is over: the run's end waits for these. */
#include "worker.h"

#include <string.h>

#include <amorsize/alloc.h>

#define SAFETY 2.0
#define WORTH 200.0
#define LEAD_WEIGHT 0.25
#define LEAD_FALL 0.5               /* weight of an answer that came sooner: the first ones come while all ranks ask at once */
#define LEAD_OF_GRAIN 0.25         /* of the time that a RUN is to last */
#define AHEAD_PER_SLOT 2.0         /* chunks */
#define BUFFER_MAX ((size_t)1024)  /* results that go without waiting for company */
#define UNSYNCED_MAX 4096u         /* results that don't wait for the next SYNC: the master keeps them in memory till then */

/* ---- results ---------------------------------------------------------------------------------------------------------- */

static inline void tell_by(struct amz_worker *w, int64_t at_ns)
{
  if (at_ns < w->report_ns)
    w->report_ns = at_ns;
}

/* The master can't record what has this number before it is on disk. */
static inline void see_seq(struct amz_worker *w, uint64_t seq)
{
  if (seq > w->seq_seen)
    w->seq_seen = seq;
  if (w->seq_seen > w->durable_upto && w->sync_ns == AMZ_NEVER)
    w->sync_ns = amz_worker_after(w, w->config->sync_ns);
  if (w->seq_seen - w->sync_target >= UNSYNCED_MAX)
    w->sync_ns = w->now_ns;
}

static int amz_worker_keep_result(struct amz_worker *w, const struct amz_result *r)
{
  if (amz_grow((void **)&w->results, &w->cap_results, w->n_results + 1, sizeof *w->results) < 0)
    return AMZ_ENOMEM;
  if (r->error)
    amz_buf_add(&w->errors, r->error, strlen(r->error) + 1);
  if (amz_buf_ok(&w->errors) < 0)
    return AMZ_ENOMEM;
  w->results[w->n_results++] = *r;
  tell_by(w, w->n_results >= BUFFER_MAX ? w->now_ns : amz_worker_after(w, w->config->report_ns));
  see_seq(w, r->seq);
  return AMZ_OK;
}

/* Parts of a chunk that follow each other on a slot are told as one: so a bulk's tasks ran one after the other. */
static bool follows(const struct amz_bulk *last, const struct amz_bulk *b)
{
  return last->chunk_id == b->chunk_id && last->attempt == b->attempt && last->slot == b->slot &&
      last->first + last->count == b->first &&
         last->value_type == b->value_type && last->value_width == b->value_width &&
         last->partials_bytes <= AMZ_PARTIALS_MAX - b->partials_bytes;
}

static void join(struct amz_bulk *last, const struct amz_bulk *b)
{
  last->count += b->count;
  last->wall_s += b->wall_s;
  last->wall_sq_s2 += b->wall_sq_s2;
  last->cpu_s += b->cpu_s;
  last->partials_bytes += b->partials_bytes; /* lists of nodes: one behind the other they are a list again */
  if (b->seq > last->seq)
    last->seq = b->seq;
  if (b->start_ns < last->start_ns)
    last->start_ns = b->start_ns;
}

static int grow_bulks(struct amz_worker *w)
{
  struct amz_bulk *bulks = NULL;
  size_t cap = 0;

  if (w->bulks != &w->least_bulk)
    return amz_grow((void **)&w->bulks, &w->cap_bulks, w->n_bulks + 1, sizeof *w->bulks);
  if (amz_grow((void **)&bulks, &cap, w->n_bulks + 1, sizeof *bulks) < 0)
    return AMZ_ENOMEM;
  bulks[0] = w->least_bulk;
  w->bulks = bulks;
  w->cap_bulks = cap;
  return AMZ_OK;
}

static inline int amz_worker_keep_bulk(struct amz_worker *w, const struct amz_bulk *b, const struct amz_slot *s)
{
  struct amz_bulk *kept;

  if (b->partials_bytes > AMZ_PARTIALS_MAX || (w->n_bulks == w->cap_bulks && grow_bulks(w) < 0))
    return AMZ_ENOMEM;
  if (b->partials_bytes) {
    amz_buf_add(&w->partials, b->partials, b->partials_bytes);
    if (amz_buf_ok(&w->partials) < 0)
      return AMZ_ENOMEM;
  }
  kept = &w->bulks[w->n_bulks];
  *kept = *b;
  kept->chunk_id = s->chunk_id;
  kept->attempt = s->attempt;
  kept->slot = (uint32_t)(s - w->slots);
  if (w->n_bulks && follows(kept - 1, kept))
    join(kept - 1, kept);
  else
    w->n_bulks++;
  tell_by(w, w->n_bulks >= BUFFER_MAX ? w->now_ns : amz_worker_after(w, w->config->report_ns));
  see_seq(w, b->seq);
  return AMZ_OK;
}

static void amz_worker_durable(struct amz_worker *w, uint64_t durable_upto)
{
  w->syncing = false;
  if (durable_upto > w->durable_upto)
    w->durable_upto = durable_upto;
  if (w->durable_upto > w->durable_told)
    tell_by(w, amz_worker_after(w, w->config->report_ns));
  w->sync_ns = w->seq_seen > w->durable_upto ? amz_worker_after(w, w->config->sync_ns) : AMZ_NEVER;
  if (w->seq_seen - w->sync_target >= UNSYNCED_MAX)
    w->sync_ns = w->now_ns;
}

/* ---- hunger ----------------------------------------------------------------------------------------------------------- */

static inline void amz_worker_answered(struct amz_worker *w, size_t chunks)
{
  double took_ns = (double)(w->now_ns - w->asked_ns), weight = took_ns < w->lead_ns ? LEAD_FALL : LEAD_WEIGHT;

  if (w->asked == 0)
    return;
  if (w->timing && chunks)
    w->lead_ns = w->lead_ns > 0 ? w->lead_ns + weight * (took_ns - w->lead_ns) : took_ns;
  w->timing = false;
  w->asked -= chunks < w->asked ? (uint32_t)chunks : w->asked;
  w->dry = w->asked > 0;
}

static void amz_worker_forget_asked(struct amz_worker *w)
{
  w->asked = 0;
  w->timing = w->dry = false;
}

/* What an answer takes, or a good part of what a RUN lasts: who measures RUNs by time would else ask for each few of many tiny
 * tasks. */
static inline double lead_of(const struct amz_worker *w)
{
  double least_ns = (double)w->config->grain_ns * LEAD_OF_GRAIN;

  return w->lead_ns > least_ns ? w->lead_ns : least_ns;
}

/* \return how long what is queued should last. */
static inline double cover_of(const struct amz_worker *w)
{
  double leads_ns = SAFETY * lead_of(w), bunched_ns = leads_ns / 2 < w->task_ns ? leads_ns / 2 : w->task_ns;

  return leads_ns + bunched_ns * w->others;
}

/* \return how many chunks may be queued ahead: a few for each slot, or as many as last for a RUN. */
static inline double most_ahead(const struct amz_worker *w)
{
  double most = AHEAD_PER_SLOT, grain_ns = (double)w->config->grain_ns, lasts_ns = w->task_ns * w->chunk_tasks;

  if (lasts_ns * most < grain_ns && lasts_ns > 0)
    most = grain_ns / lasts_ns;
  return most * (double)w->n_slots;
}

static inline double waiting(const struct amz_worker *w)
{
  return (double)(int64_t)amz_worker_waiting(w); /* below 2^63, and one instruction where there would be several */
}

/* \return how many more positions the queue may get before a slot is idle. */
static inline double room_ahead(const struct amz_worker *w)
{
  double chunks = most_ahead(w) * w->chunk_tasks, done = (double)(int64_t)w->tasks_done;

  return (chunks > done ? chunks : done) - waiting(w);
}

static inline int64_t ask_at(const struct amz_worker *w)
{
  double each_ns, missing_ns, at_ns;

  if (w->asked || w->n_idle || w->open < w->n_slots || w->stop != AMZ_STOP_NONE || w->task_ns <= 0 ||
      lead_of(w) * WORTH <= w->task_ns * w->chunk_tasks)
    return AMZ_NEVER;
  each_ns = w->task_ns * w->share;
  missing_ns = cover_of(w) - waiting(w) * each_ns;
  if (missing_ns <= 0 || (amz_worker_waiting(w) && room_ahead(w) <= 0))
    return AMZ_NEVER;
  at_ns = (double)w->last_start_ns + (each_ns > missing_ns ? each_ns - missing_ns : 0);
  return at_ns < 0x1p62 ? (int64_t)at_ns : AMZ_NEVER;
}

static void amz_worker_look_ahead(struct amz_worker *w)
{
  w->ask_ns = ask_at(w);
}

/* \return slots for which nothing is here. What waits for room has a slot, so that a rank that waits doesn't gather what others
 * could run. */
static inline uint32_t empty_slots(const struct amz_worker *w)
{
  uint32_t n = amz_worker_free_slots(w);
  uint64_t waiting = w->queue.positions + w->n_aside;

  return waiting < n ? n - (uint32_t)waiting : 0;
}

/* \return how many positions that takes. */
static double cover(const struct amz_worker *w)
{
  return cover_of(w) * (double)w->n_slots / w->task_ns;
}

static uint64_t amz_worker_ahead(const struct amz_worker *w)
{
  double ahead = w->task_ns > 0 ? cover(w) : 0;

  return ahead < 0x1p62 ? (uint64_t)ahead : UINT64_MAX;
}

static uint64_t amz_worker_soonest(const struct amz_worker *w)
{
  double soonest = w->task_ns > 0 ? w->lead_ns * (double)w->n_slots / w->task_ns : 0;

  return soonest < 0x1p62 ? (uint64_t)soonest : UINT64_MAX;
}

/* \return how many chunks to ask for now, by w->ask_ns. */
static inline uint32_t hunger(const struct amz_worker *w)
{
  uint32_t free_slots = empty_slots(w);
  double ahead, room, most;

  if (w->stop != AMZ_STOP_NONE)
    return 0;
  if (free_slots > w->asked && (w->config->grain_ns == 0 || w->asked || w->task_ns <= 0 || w->open < w->n_slots))
    return free_slots - w->asked;
  if (w->asked || (free_slots == 0 && w->now_ns < w->ask_ns))
    return 0;
  ahead = cover(w) - waiting(w);
  room = room_ahead(w);
  most = most_ahead(w);
  ahead = (ahead < room ? ahead : room) / w->chunk_tasks;
  ahead = ahead < most ? ahead : most;
  ahead = ahead > 1 ? ahead : 1;
  return ahead > (double)free_slots ? (uint32_t)ahead : free_slots;
}

/* ---- sending ---------------------------------------------------------------------------------------------------------- */

static inline struct amz_message *amz_worker_send(struct amz_worker *w, enum amz_message_kind kind, struct amz_actions *out)
{
  struct amz_message *m = amz_actions_send(out, w->rank, kind);

  if (!m)
    return NULL;
  m->epoch = w->config->epoch;
  m->seq = ++w->sent_seq;
  m->busy = w->n_busy;
  m->durable_upto = w->durable_told = w->durable_upto;
  w->beat_ns = amz_worker_after(w, w->config->heartbeat_ns);
  return m;
}

static void *copy_of(const void *items, size_t n, size_t size, struct amz_actions *out)
{
  void *copy = amz_actions_room(out, n, size);

  if (copy)
    memcpy(copy, items, n * size);
  return copy;
}

/* Hands all results over, with their errors. */
static int send_results(struct amz_worker *w, struct amz_message *m, struct amz_actions *out)
{
  struct amz_result *results = copy_of(w->results, w->n_results, sizeof *w->results, out);
  const char *error = w->errors.len ? copy_of(w->errors.data, w->errors.len, 1, out) : NULL;

  if (!results || (w->errors.len && !error))
    return AMZ_ENOMEM;
  for (size_t i = 0; error && i < w->n_results; i++)
    if (results[i].error) {
      results[i].error = error;
      error += strlen(error) + 1;
    }
  m->results = results;
  m->n_results = w->n_results;
  amz_buf_reset(&w->errors);
  return AMZ_OK;
}

/* Hands all bulks over, at least one, with their partials. */
static inline int send_bulks(struct amz_worker *w, struct amz_message *m, struct amz_actions *out)
{
  struct amz_bulk *bulks = amz_actions_room(out, w->n_bulks, sizeof *w->bulks);
  const char *partials = w->partials.len ? copy_of(w->partials.data, w->partials.len, 1, out) : NULL;
  size_t at = 0;

  if (!bulks || (w->partials.len && !partials))
    return AMZ_ENOMEM;
  bulks[0] = w->bulks[0]; /* mostly it is one, for which a call isn't worth it */
  if (w->n_bulks > 1)
    memcpy(bulks + 1, w->bulks + 1, (w->n_bulks - 1) * sizeof *w->bulks);
  for (size_t i = 0; i < w->n_bulks; at += bulks[i++].partials_bytes)
    bulks[i].partials = bulks[i].partials_bytes ? partials + at : NULL;
  m->bulks = bulks;
  m->n_bulks = w->n_bulks;
  if (w->partials.len)
    amz_buf_reset(&w->partials);
  return AMZ_OK;
}

/* A message with all that is buffered, which is then no longer. */
static inline int send_all(struct amz_worker *w, enum amz_message_kind kind, uint32_t hungry, struct amz_actions *out)
{
  struct amz_message *m = amz_worker_send(w, kind, out);

  if (!m)
    return AMZ_ENOMEM;
  m->hungry = hungry;
  if (w->n_results && send_results(w, m, out) < 0)
    return AMZ_ENOMEM;
  if (w->n_bulks && send_bulks(w, m, out) < 0)
    return AMZ_ENOMEM;
  w->n_results = w->n_bulks = 0;
  w->report_ns = AMZ_NEVER;
  return AMZ_OK;
}

static int amz_worker_say_bye(struct amz_worker *w, struct amz_actions *out)
{
  return send_all(w, AMZ_MSG_BYE, 0, out);
}

/* Nothing to do and nothing to hope for soon. */
static bool is_at_rest(const struct amz_worker *w)
{
  return amz_worker_is_idle(w) && (w->dry || w->open == 0 || w->stop != AMZ_STOP_NONE);
}

/* A slot is idle, and there was nothing for it: others may have more than they need, and the master, who sees who has what, must
 * know. */
static bool lacks_tasks(const struct amz_worker *w)
{
  return w->dry && w->stop == AMZ_STOP_NONE && amz_worker_kept(w) == 0 && amz_worker_free_slots(w) > 0;
}

/* Something isn't on disk. */
static int sync_if_due(struct amz_worker *w, struct amz_actions *out)
{
  if (w->syncing || w->broken)
    return AMZ_OK;
  /* A receipt that falls short of what was there is not asked for again at once. */
  if (w->now_ns < w->sync_ns && !(is_at_rest(w) && w->seq_seen > w->sync_target))
    return AMZ_OK;
  if (!amz_actions_add(out, AMZ_DO_SYNC))
    return AMZ_ENOMEM;
  w->syncing = true;
  w->sync_ns = AMZ_NEVER;
  w->sync_target = w->seq_seen;
  return AMZ_OK;
}

static inline int report(struct amz_worker *w, uint32_t hungry, struct amz_actions *out)
{
  if (hungry && w->asked == 0) {
    w->asked_ns = w->now_ns;
    w->timing = true;
  }
  if (hungry) {
    w->dry = false;
    w->asked += hungry;
    w->ask_ns = AMZ_NEVER;
  }
  return send_all(w, AMZ_MSG_REPORT, hungry, out);
}

static int amz_worker_tell(struct amz_worker *w, struct amz_actions *out)
{
  bool due = w->now_ns >= w->report_ns || (w->now_ns >= w->beat_ns && w->beat_ns != AMZ_NEVER);
  bool unsynced = w->seq_seen > w->durable_upto;
  uint32_t hungry;

  w->ask_ns = ask_at(w);
  hungry = hunger(w);
  if (unsynced && sync_if_due(w, out) < 0)
    return AMZ_ENOMEM;
  if (hungry || due || (w->report_ns != AMZ_NEVER && (is_at_rest(w) || lacks_tasks(w))))
    return report(w, hungry, out);
  return AMZ_OK;
}
