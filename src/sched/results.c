/* What came of tasks: which results count, when they are recorded, what goes back. Bulks: bulks.c.
 *
 * A position is settled when its outcome is accepted, and recorded when the rank's pack record of it is on disk. Between the
 * two the result waits with its rank; if that rank goes, the position is unsettled and handed out again.
 *
 * Only the rank that has a position in hand can fail it or give it back. A success of another rank (one that was given up,
 * its tasks reissued) is a stray: it counts if the position has no outcome at the moment at which the stray is known to be
 * durable, so that a position that somebody else may have in hand is never settled by a mere promise. */
#include "master.h"

#include <amorsize/alloc.h>

#include "bits.h"

/* ---- recording -------------------------------------------------------------------------------------------------------- */

/* RECORD actions share one array, `room` for all that may come; a new action begins where finality changes. */
struct recorder {
  struct amz_master *m;
  struct amz_actions *out;
  uint32_t rank;
  struct amz_result *room;
  size_t n;                  /* of room, filled */
  struct amz_action *action; /* the open one: nothing else is appended meanwhile */
};

static void count_outcome(struct amz_master *m, const struct amz_result *r)
{
  if (r->outcome == AMZ_SUCCEEDED)
    m->stats.succeeded++;
  else if (r->outcome == AMZ_SKIPPED)
    m->stats.skipped++;
  else
    m->stats.failed++;
  if (r->outcome != AMZ_SKIPPED) /* nothing ran */
    amz_stats_add(&m->stats.wall_s, (double)r->wall_ns * 1e-9);
}

static int make_record(struct recorder *rec, const struct amz_result *r, bool final)
{
  if (!rec->action || rec->action->final != final) {
    rec->action = amz_actions_add(rec->out, AMZ_DO_RECORD);
    if (!rec->action)
      return AMZ_ENOMEM;
    rec->action->rank = rec->rank;
    rec->action->final = final;
    rec->action->results = &rec->room[rec->n];
  }
  rec->room[rec->n++] = *r;
  rec->action->n_results++;
  return AMZ_OK;
}

static int record(struct recorder *rec, const struct amz_result *r, bool final)
{
  if (!rec->out->no_records && make_record(rec, r, final) < 0)
    return AMZ_ENOMEM;
  if (final)
    count_outcome(rec->m, r);
  return AMZ_OK;
}

static bool is_failure(const struct amz_result *r)
{
  return r->outcome == AMZ_FAILED || r->outcome == AMZ_TIMED_OUT;
}

static void settle(struct amz_master *m, const struct amz_result *r)
{
  amz_bits_set(m->pool.settled, r->position, 1);
  m->pool.n_settled++;
  m->failed_settled += is_failure(r);
}

static bool is_durable(const struct amz_rank *rank, const struct amz_result *r)
{
  return r->seq <= rank->durable_upto; /* 0: nothing to wait for */
}

/* A waiting result has become durable. */
static int record_waiting(struct recorder *rec, const struct amz_waiting *w)
{
  struct amz_master *m = rec->m;

  if (w->stray) {
    if (amz_bits_has(m->pool.settled, w->result.position)) {
      m->stats.late++;
      return AMZ_OK;
    }
    settle(m, &w->result);
  } else if (w->final) {
    m->unrecorded--;
  }
  return record(rec, &w->result, w->final);
}

/* Records what has become durable of what waits, in the order of arrival. */
static int flush(struct recorder *rec)
{
  struct amz_rank *rank = &rec->m->ranks[rec->rank];
  size_t kept = 0;
  int rc = AMZ_OK;

  for (size_t i = 0; i < rank->n_waiting && rc == AMZ_OK; i++)
    if (is_durable(rank, &rank->waiting[i].result))
      rc = record_waiting(rec, &rank->waiting[i]);
    else
      rank->waiting[kept++] = rank->waiting[i];
  if (rc == AMZ_OK)
    rank->n_waiting = kept;
  return rc;
}

/* Records the result, or lets it wait. */
static int keep(struct recorder *rec, const struct amz_waiting *w)
{
  struct amz_rank *rank = &rec->m->ranks[rec->rank];

  if (w->final && !w->stray)
    rec->m->unrecorded++;
  if (is_durable(rank, &w->result))
    return record_waiting(rec, w);
  if (amz_grow((void **)&rank->waiting, &rank->cap_waiting, rank->n_waiting + 1, sizeof *rank->waiting) < 0)
    return AMZ_ENOMEM;
  rank->waiting[rank->n_waiting] = *w;
  rank->waiting[rank->n_waiting++].result.error = NULL; /* borrowed from the message */
  return AMZ_OK;
}

/* ---- single results --------------------------------------------------------------------------------------------------- */

static int64_t backoff(const struct amz_master_config *c, uint32_t attempt)
{
  int64_t wait = c->backoff_ns;

  for (uint32_t i = 1; i < attempt && wait < AMZ_BACKOFF_MAX_NS; i++)
    wait = wait > AMZ_BACKOFF_MAX_NS / 2 ? AMZ_BACKOFF_MAX_NS : wait * 2;
  return amz_earlier(wait, AMZ_BACKOFF_MAX_NS);
}

/* An attempt of a position that its rank had in hand, and that has no outcome. */
static int take_held(struct recorder *rec, const struct amz_result *r)
{
  struct amz_master *m = rec->m;
  struct amz_waiting w = {.result = *r, .final = true};

  if (r->outcome == AMZ_CANCELLED)
    return amz_pool_give(&m->pool, r->position, 1, r->attempt);
  if (!is_failure(r) || r->attempt > m->config.retries) {
    settle(m, r);
    return keep(rec, &w);
  }
  w.final = false;
  m->stats.retried++;
  if (amz_pool_retry(&m->pool, amz_later(m->now_ns, backoff(&m->config, r->attempt)), r->position, r->attempt + 1) < 0)
    return AMZ_ENOMEM;
  return keep(rec, &w);
}

/* Not in the rank's hands: only a success counts, for what failed or was cancelled is done elsewhere anyway. A rank that is
 * gone makes nothing durable any more. */
static int take_stray(struct recorder *rec, const struct amz_result *r)
{
  struct amz_waiting w = {.result = *r, .final = true, .stray = true};
  const struct amz_rank *rank = &rec->m->ranks[rec->rank];

  if (is_failure(r) || r->outcome == AMZ_CANCELLED || (rank->state == AMZ_RANK_GONE && !is_durable(rank, r))) {
    rec->m->stats.late++;
    return AMZ_OK;
  }
  return keep(rec, &w);
}

static int take_result(struct recorder *rec, const struct amz_result *r)
{
  struct amz_master *m = rec->m;
  struct amz_rank *rank = &m->ranks[rec->rank];
  struct amz_told told = {.rank = rec->rank, .attempt = r->attempt, .first = r->position, .count = 1};
  uint64_t in_hand;

  if (r->position >= m->pool.fresh || r->attempt == 0) {
    m->stats.dropped++; /* never handed out */
    return AMZ_OK;
  }
  if (amz_held_tell(&m->held, &rank->held, &told, &in_hand) < 0)
    return AMZ_ENOMEM;
  rank->n_held -= in_hand;
  if (amz_bits_has(m->pool.settled, r->position)) {
    m->stats.late++;
    return AMZ_OK;
  }
  return in_hand ? take_held(rec, r) : take_stray(rec, r);
}

/* ---- messages --------------------------------------------------------------------------------------------------------- */

static inline void feed_policy(struct amz_master *m, const struct amz_message *msg)
{
  struct amz_policy_feedback seen = {.worker = msg->rank}, all;

  if (msg->n_results + msg->n_bulks == 0)
    return;
  for (size_t i = 0; i < msg->n_results; i++) {
    const struct amz_result *r = &msg->results[i];
    double wall_s = (double)r->wall_ns * 1e-9;

    if (r->outcome == AMZ_CANCELLED || r->outcome == AMZ_SKIPPED)
      continue;
    seen.tasks++;
    seen.wall_s += wall_s;
    seen.wall_sq_s2 += wall_s * wall_s;
  }
  all = seen;
  if (seen.tasks)
    amz_policy_feedback(m->policy, &seen);
  for (size_t i = 0; i < msg->n_bulks; i++) {
    const struct amz_bulk *b = &msg->bulks[i];

    seen = (struct amz_policy_feedback){msg->rank, b->count, b->wall_s, b->wall_sq_s2};
    amz_policy_feedback(m->policy, &seen);
    all.tasks += b->count;
    all.wall_s += b->wall_s;
  }
  if (all.tasks)
    amz_master_note_time(m, all.wall_s / (double)all.tasks);
}

/* Receipts and single results. */
static int take_singles(struct amz_master *m, const struct amz_message *msg, struct amz_actions *out)
{
  struct amz_rank *rank = &m->ranks[msg->rank];
  struct recorder rec = {.m = m, .out = out, .rank = msg->rank};
  bool advanced = msg->durable_upto > rank->durable_upto;
  size_t most = msg->n_results + (advanced ? rank->n_waiting : 0);
  int rc = AMZ_OK;

  if (most) {
    rec.room = amz_actions_room(out, most, sizeof *rec.room);
    if (!rec.room)
      return AMZ_ENOMEM;
  }
  if (advanced) {
    rank->durable_upto = msg->durable_upto;
    rc = flush(&rec);
    if (rc == AMZ_OK)
      rc = amz_master_flush_bulks(m, msg->rank, out);
    rec.action = NULL; /* bulks have been appended behind it */
  }
  for (size_t i = 0; i < msg->n_results && rc == AMZ_OK; i++)
    rc = take_result(&rec, &msg->results[i]);
  return rc;
}

static int amz_master_take_results(struct amz_master *m, const struct amz_message *msg, struct amz_actions *out)
{
  bool singles = msg->n_results || msg->durable_upto > m->ranks[msg->rank].durable_upto;
  int rc = singles ? take_singles(m, msg, out) : AMZ_OK;

  for (size_t i = 0; i < msg->n_bulks && rc == AMZ_OK; i++)
    rc = amz_master_take_bulk(m, msg->rank, &msg->bulks[i], out);
  feed_policy(m, msg);
  return rc;
}

/* ---- taking back ------------------------------------------------------------------------------------------------------ */

static int give_back(struct amz_master *m, const struct amz_chunk *c, uint64_t *count)
{
  uint64_t end = c->first + c->count, until;

  for (uint64_t from = amz_bits_next_clear(m->pool.settled, c->first, end); from < end;
       from = amz_bits_next_clear(m->pool.settled, until, end)) {
    until = amz_bits_next_set(m->pool.settled, from, end);
    if (amz_pool_give(&m->pool, from, until - from, c->attempt) < 0)
      return AMZ_ENOMEM;
    if (m->stop == AMZ_STOP_NONE)
      *count += until - from;
  }
  return AMZ_OK;
}

static int amz_master_give_back(struct amz_master *m, const struct amz_chunk *c)
{
  return give_back(m, c, &m->stats.reissued);
}

static int amz_master_take_yielded(struct amz_master *m, const struct amz_message *msg)
{
  struct amz_rank *r = &m->ranks[msg->rank];
  int rc = AMZ_OK;

  for (size_t i = 0; i < msg->n_chunks && rc == AMZ_OK; i++) {
    const struct amz_chunk *c = &msg->chunks[i];
    struct amz_told told = {.rank = msg->rank, .attempt = c->attempt, .chunk_id = c->id, .first = c->first, .count = c->count};
    uint64_t in_hand;

    if (c->count == 0 || c->id == 0 || c->attempt == 0 || !amz_held_has(&m->held, &r->held, &told)) {
      m->stats.dropped++; /* taken back before, as from a rank that seemed dead; or never handed out */
      continue;
    }
    if (amz_held_tell(&m->held, &r->held, &told, &in_hand) < 0)
      return AMZ_ENOMEM;
    r->n_held -= in_hand;
    rc = give_back(m, c, &m->stats.yielded);
  }
  return rc;
}

static int amz_master_take_back(struct amz_master *m, uint32_t rank)
{
  struct amz_rank *r = &m->ranks[rank];
  struct amz_chunk c;
  int rc = AMZ_OK;

  while (rc == AMZ_OK && amz_held_take(&m->held, &r->held, &c))
    rc = amz_master_give_back(m, &c);
  r->n_held = 0;
  for (size_t i = 0; i < r->n_waiting && rc == AMZ_OK; i++) {
    const struct amz_result *lost = &r->waiting[i].result;

    if (!r->waiting[i].final || r->waiting[i].stray)
      continue;
    amz_bits_clear(m->pool.settled, lost->position, 1);
    m->pool.n_settled--;
    m->failed_settled -= is_failure(lost);
    m->unrecorded--;
    c = (struct amz_chunk){.first = lost->position, .count = 1, .attempt = lost->attempt};
    rc = amz_master_give_back(m, &c);
  }
  r->n_waiting = 0;
  return rc < 0 ? rc : amz_master_take_back_bulks(m, rank);
}
