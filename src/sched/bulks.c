/* What came of tasks that were told of by stretches. The rules are those of single results (results.c): a position is settled
 * when its outcome is accepted, and recorded when its rank has made it durable; what wasn't in the rank's hands counts only if
 * there is no outcome at the moment at which it is known to be durable.
 *
 * A bulk without partials counts as far as its positions have no outcome yet, each stretch with its share of the times. One with
 * partials counts whole or not at all; what it then leaves open in its rank's hands goes back to the pool. */
#include "master.h"

#include <stdlib.h>
#include <string.h>

#include <amorsize/alloc.h>

#include "bits.h"

static inline bool is_bulk_durable(const struct amz_rank *rank, const struct amz_bulk *b)
{
  return b->seq <= rank->durable_upto; /* 0: nothing to wait for */
}

static inline bool is_open(const struct amz_master *m, const struct amz_bulk *b)
{
  return amz_bits_are_clear(m->pool.settled, b->first, b->count);
}

static inline void settle_bulk(struct amz_master *m, uint64_t first, uint64_t count)
{
  amz_bits_set(m->pool.settled, first, count);
  m->pool.n_settled += count;
}

/* ---- recording -------------------------------------------------------------------------------------------------------- */

static void count_outcomes(struct amz_master *m, const struct amz_bulk *b)
{
  double n = (double)b->count, mean = b->wall_s / n, m2 = b->wall_sq_s2 - n * mean * mean;
  struct amz_stats seen = {.count = b->count, .mean = mean, .m2 = m2 > 0 ? m2 : 0, .min = mean, .max = mean};

  amz_stats_merge(&m->stats.wall_s, &seen);
}

static int make_bulk_record(uint32_t rank, const struct amz_bulk *b, struct amz_actions *out)
{
  struct amz_bulk *copy = amz_actions_room(out, 1, sizeof *copy);
  void *partials = b->partials_bytes ? amz_actions_room(out, b->partials_bytes, 1) : NULL;
  struct amz_action *action = copy && (partials || !b->partials_bytes) ? amz_actions_add(out, AMZ_DO_RECORD) : NULL;

  if (!action)
    return AMZ_ENOMEM;
  *copy = *b;
  copy->partials = partials;
  if (b->partials_bytes)
    memcpy(partials, b->partials, b->partials_bytes);
  action->bulk = copy;
  action->rank = rank;
  action->final = true;
  return AMZ_OK;
}

/* The bulk's positions are settled. */
static inline int record_bulk(struct amz_master *m, uint32_t rank, const struct amz_bulk *b, struct amz_actions *out)
{
  if (!out->no_records && make_bulk_record(rank, b, out) < 0)
    return AMZ_ENOMEM;
  m->stats.succeeded += b->count;
  if (b->count > 1)
    count_outcomes(m, b);
  else
    amz_stats_add(&m->stats.wall_s, b->wall_s);
  return AMZ_OK;
}

/* Keeps it until its rank has made it durable. */
static int let_wait(struct amz_master *m, uint32_t rank, const struct amz_bulk *b, bool stray)
{
  struct amz_rank *r = &m->ranks[rank];
  struct amz_waiting_bulk w = {.bulk = *b, .stray = stray};

  if (amz_grow((void **)&r->bulks, &r->cap_bulks, r->n_bulks + 1, sizeof *r->bulks) < 0)
    return AMZ_ENOMEM;
  w.bulk.partials = NULL;
  if (b->partials_bytes) {
    w.partials = amz_strndup(b->partials, b->partials_bytes);
    if (!w.partials)
      return AMZ_ENOMEM;
    w.bulk.partials = w.partials;
  }
  r->bulks[r->n_bulks++] = w;
  if (!stray)
    m->unrecorded += b->count;
  return AMZ_OK;
}

/* Accepts all of it; none of its positions is settled. */
static inline int accept(struct amz_master *m, uint32_t rank, const struct amz_bulk *b, struct amz_actions *out)
{
  settle_bulk(m, b->first, b->count);
  return is_bulk_durable(&m->ranks[rank], b) ? record_bulk(m, rank, b, out) : let_wait(m, rank, b, false);
}

/* Accepts the stretches of [first, first+count) that have no outcome yet. \return AMZ_OK, *ret: how many positions they have. */
static int accept_open(struct amz_master *m, uint32_t rank, const struct amz_bulk *b, const struct amz_range *range,
                       struct amz_actions *out, uint64_t *ret)
{
  uint64_t end = range->first + range->count, until;
  int rc = AMZ_OK;

  *ret = 0;
  if (range->count == b->count && is_open(m, b)) {
    *ret = b->count;
    return accept(m, rank, b, out);
  }
  for (uint64_t from = amz_bits_next_clear(m->pool.settled, range->first, end); from < end && rc == AMZ_OK;
       from = amz_bits_next_clear(m->pool.settled, until, end)) {
    struct amz_bulk part = *b;

    until = amz_bits_next_set(m->pool.settled, from, end);
    part.first = from;
    part.count = until - from;
    part.wall_s *= (double)part.count / (double)b->count;
    part.wall_sq_s2 *= (double)part.count / (double)b->count;
    part.cpu_s *= (double)part.count / (double)b->count;
    *ret += part.count;
    rc = accept(m, rank, &part, out);
  }
  return rc;
}

/* ---- what is told ----------------------------------------------------------------------------------------------------- */

/* Takes the next part of the bulk, from `from` on, that the rank has in hand out of its hands. \return AMZ_OK, ret->count 0:
 * there is no more. */
static int take_part(struct amz_master *m, uint32_t rank, const struct amz_bulk *b, uint64_t from, struct amz_range *ret)
{
  struct amz_told told = {.rank = rank, .attempt = b->attempt, .chunk_id = b->chunk_id, .first = from,
                          .count = b->first + b->count - from};

  if (amz_held_tell_part(&m->held, &m->ranks[rank].held, &told, ret) < 0)
    return AMZ_ENOMEM;
  m->ranks[rank].n_held -= ret->count;
  return AMZ_OK;
}

/* Takes all of it at once, if it is in the rank's hands as it is told. \return whether it was. */
static inline bool take_front(struct amz_master *m, uint32_t rank, const struct amz_bulk *b)
{
  const struct amz_told told = {.rank = rank, .attempt = b->attempt, .chunk_id = b->chunk_id, .first = b->first,
                                .count = b->count};
  bool all = amz_held_tell_front(&m->held, &m->ranks[rank].held, &told);

  if (all)
    m->ranks[rank].n_held -= b->count;
  return all;
}

/* What of it wasn't in the rank's hands, or is to be judged as if it hadn't been: it is recorded, if at all, when it is
 * durable. */
static int take_stray_bulk(struct amz_master *m, uint32_t rank, const struct amz_bulk *b, uint64_t rest, struct amz_actions *out)
{
  const struct amz_range all = {b->first, b->count};
  uint64_t counted;
  int rc;

  if (!is_bulk_durable(&m->ranks[rank], b)) {
    if (m->ranks[rank].state != AMZ_RANK_GONE)
      return let_wait(m, rank, b, true);
    m->stats.late += rest; /* a rank that is gone makes nothing durable any more */
    return AMZ_OK;
  }
  if (b->partials_bytes) {
    if (is_open(m, b))
      return accept(m, rank, b, out);
    m->stats.late += rest;
    return AMZ_OK;
  }
  rc = accept_open(m, rank, b, &all, out, &counted);
  m->stats.late += rest - (counted < rest ? counted : rest);
  return rc;
}

/* Takes the parts that follow each other from `from` on. \return AMZ_OK with how far they reach, and *ret_other: a part that
 * doesn't follow, count 0: there is none. */
static int take_row(struct amz_master *m, uint32_t rank, const struct amz_bulk *b, uint64_t from, uint64_t *ret_until,
                    struct amz_range *ret_other)
{
  uint64_t end = b->first + b->count;
  int rc = AMZ_OK;

  *ret_other = (struct amz_range){end, 0};
  for (*ret_until = from; *ret_until < end; *ret_until += ret_other->count) {
    rc = take_part(m, rank, b, *ret_until, ret_other);
    if (rc < 0 || ret_other->count == 0 || ret_other->first != *ret_until)
      return rc;
  }
  *ret_other = (struct amz_range){end, 0};
  return AMZ_OK;
}

static int accept_part(struct amz_master *m, uint32_t rank, const struct amz_bulk *b, const struct amz_range *part,
                       struct amz_actions *out)
{
  uint64_t counted;
  int rc = part->count ? accept_open(m, rank, b, part, out, &counted) : AMZ_OK;

  if (rc == AMZ_OK && part->count)
    m->stats.late += part->count - counted;
  return rc;
}

/* Tiny chunks that ran one after the other are accepted as one. */
static int take_in_parts(struct amz_master *m, uint32_t rank, const struct amz_bulk *b, struct amz_actions *out)
{
  struct amz_range row = {b->first, 0}, other;
  uint64_t in_hand = 0, from = b->first, until;
  int rc = AMZ_OK;

  while (rc == AMZ_OK && in_hand < b->count) {
    if ((rc = take_row(m, rank, b, from, &until, &other)) < 0)
      return rc;
    row = (struct amz_range){from, until - from};
    in_hand += row.count + other.count;
    rc = accept_part(m, rank, b, &row, out);
    if (rc == AMZ_OK)
      rc = accept_part(m, rank, b, &other, out);
    if (row.count + other.count == 0)
      break;
    from = until;
  }
  return rc < 0 || in_hand == b->count ? rc : take_stray_bulk(m, rank, b, b->count - in_hand, out);
}

static int take_whole(struct amz_master *m, uint32_t rank, const struct amz_bulk *b, struct amz_actions *out)
{
  struct amz_range part;
  uint64_t until;
  int rc = take_row(m, rank, b, b->first, &until, &part);

  if (rc == AMZ_OK && until == b->first + b->count && is_open(m, b))
    return accept(m, rank, b, out);
  if (rc == AMZ_OK && until > b->first)
    rc = amz_master_give_back(m, &(struct amz_chunk){.first = b->first, .count = until - b->first, .attempt = b->attempt});
  for (; rc == AMZ_OK && part.count; rc = rc < 0 ? rc : take_part(m, rank, b, b->first, &part))
    rc = amz_master_give_back(m, &(struct amz_chunk){.first = part.first, .count = part.count, .attempt = b->attempt});
  if (rc < 0)
    return rc;
  if (is_open(m, b))
    return take_stray_bulk(m, rank, b, b->count, out);
  m->stats.late += b->count;
  return AMZ_OK;
}

static inline int amz_master_take_bulk(struct amz_master *m, uint32_t rank, const struct amz_bulk *b, struct amz_actions *out)
{
  if (b->count == 0 || b->attempt == 0 || b->first >= m->pool.fresh || b->count > m->pool.fresh - b->first) {
    m->stats.dropped++;
    return AMZ_OK;
  }
  if (b->partials_bytes)
    return take_whole(m, rank, b, out);
  if (!take_front(m, rank, b))
    return take_in_parts(m, rank, b, out);
  if (is_open(m, b))
    return accept(m, rank, b, out);
  return accept_part(m, rank, b, &(struct amz_range){b->first, b->count}, out);
}

/* ---- what waits ------------------------------------------------------------------------------------------------------- */

/* A waiting bulk has become durable. */
static int record_waiting_bulk(struct amz_master *m, uint32_t rank, const struct amz_waiting_bulk *w, struct amz_actions *out)
{
  if (w->stray)
    return take_stray_bulk(m, rank, &w->bulk, w->bulk.count, out);
  m->unrecorded -= w->bulk.count;
  return record_bulk(m, rank, &w->bulk, out);
}

static int amz_master_flush_bulks(struct amz_master *m, uint32_t rank, struct amz_actions *out)
{
  struct amz_rank *r = &m->ranks[rank];
  size_t kept = 0;
  int rc = AMZ_OK;

  for (size_t i = 0; i < r->n_bulks; i++) {
    struct amz_waiting_bulk w = r->bulks[i];

    if (rc < 0 || !is_bulk_durable(r, &w.bulk)) {
      r->bulks[kept++] = w;
      continue;
    }
    rc = record_waiting_bulk(m, rank, &w, out);
    free(w.partials);
  }
  r->n_bulks = kept;
  return rc;
}

static int amz_master_take_back_bulks(struct amz_master *m, uint32_t rank)
{
  struct amz_rank *r = &m->ranks[rank];
  int rc = AMZ_OK;

  for (size_t i = 0; i < r->n_bulks; i++) {
    const struct amz_bulk *lost = &r->bulks[i].bulk;

    if (rc == AMZ_OK && !r->bulks[i].stray) {
      amz_bits_clear(m->pool.settled, lost->first, lost->count);
      m->pool.n_settled -= lost->count;
      m->unrecorded -= lost->count;
      rc = amz_master_give_back(m, &(struct amz_chunk){.first = lost->first, .count = lost->count, .attempt = lost->attempt});
    }
    free(r->bulks[i].partials);
  }
  r->n_bulks = 0;
  return rc;
}

static void amz_master_clear_bulks(struct amz_rank *r)
{
  for (size_t i = 0; i < r->n_bulks; i++)
    free(r->bulks[i].partials);
  free(r->bulks);
}
