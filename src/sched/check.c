/* The master's invariants, rechecked from scratch. For tests: linear in tasks and ranks. */
#include "check.h"

#include <stdlib.h>

#include "bits.h"
#include "master.h"

/* Where each position is: in the pool or in hand, at most once in all. */
struct places {
  uint64_t *seen; /* bit set: met already */
  bool twice;
};

static void meet(const struct amz_master *m, struct places *p, uint64_t first, uint64_t count)
{
  if (count > m->config.tasks || first > m->config.tasks - count || amz_bits_count(p->seen, first, count)) {
    p->twice = true;
    return;
  }
  amz_bits_set(p->seen, first, count);
}

static const char *check_pool(const struct amz_master *m, struct places *p)
{
  const struct amz_pool *pool = &m->pool;
  uint64_t waiting = pool->tasks - pool->fresh + pool->retries.count;

  meet(m, p, pool->fresh, pool->tasks - pool->fresh);
  for (size_t i = 0; i < pool->n_returned; i++) {
    meet(m, p, pool->returned[i].first, pool->returned[i].count);
    waiting += pool->returned[i].count;
    if (pool->returned[i].count == 0 || pool->returned[i].attempt == 0)
      return "an empty range in the pool";
  }
  for (size_t i = 0; i < pool->retries.count; i++)
    meet(m, p, pool->retries.items[i].key, 1);
  if (amz_bits_count(pool->settled, pool->fresh, pool->tasks - pool->fresh))
    return "a fresh position is settled";
  if (amz_bits_count(pool->settled, 0, pool->tasks) != pool->n_settled)
    return "n_settled";
  return waiting == pool->waiting ? NULL : "waiting";
}

static const char *check_held(const struct amz_master *m, struct places *p)
{
  const struct amz_held *h = &m->held;
  uint64_t total = 0;
  uint32_t pieces = 0;

  for (uint32_t rank = 0; rank < m->config.ranks; rank++) {
    uint64_t of_rank = 0;
    uint32_t prev = AMZ_NO_PIECE;

    for (uint32_t i = m->ranks[rank].held.head; i != AMZ_NO_PIECE; prev = i, i = h->pieces[i].next) {
      const struct amz_piece *piece = &h->pieces[i];

      if (piece->rank != rank || piece->prev != prev || piece->chunk.count == 0)
        return "list of pieces";
      meet(m, p, piece->chunk.first, piece->chunk.count);
      of_rank += piece->chunk.count;
      pieces++;
    }
    if (prev != m->ranks[rank].held.tail)
      return "tail of pieces";
    if (of_rank != m->ranks[rank].n_held)
      return "n_held";
    total += of_rank;
  }
  return total != h->count ? "held count" : pieces != h->table_used ? "table of pieces" : NULL;
}

static uint8_t line_of(const struct amz_rank *r)
{
  if (r->hungry == 0 || r->state != AMZ_RANK_ALIVE)
    return AMZ_LINE_NONE;
  return r->idle ? AMZ_LINE_IDLE : AMZ_LINE_AHEAD;
}

static const char *check_line(const struct amz_master *m, uint8_t line)
{
  uint32_t in_line = 0, prev = AMZ_NO_RANK, walked = 0;

  for (uint32_t i = 0; i < m->config.ranks; i++) {
    if (m->ranks[i].line != line_of(&m->ranks[i]))
      return "line: who should stand in it";
    in_line += m->ranks[i].line == line;
  }
  for (uint32_t i = m->lines[line].first; i != AMZ_NO_RANK; prev = i, i = m->ranks[i].line_next, walked++)
    if (m->ranks[i].line_prev != prev || m->ranks[i].line != line || walked > in_line)
      return "line: links";
  return prev == m->lines[line].last && walked == in_line ? NULL : "line: ends";
}

static const char *check_ranks(const struct amz_master *m)
{
  uint32_t in_state[AMZ_RANK_STATES] = {0}, given_up = 0;
  uint64_t slots = 0, unrecorded = 0, failed = 0;

  for (uint32_t i = 0; i < m->config.ranks; i++) {
    const struct amz_rank *r = &m->ranks[i];

    in_state[r->state]++;
    given_up += r->given_up;
    slots += r->state <= AMZ_RANK_SUSPECT ? r->slots : 0;
    for (size_t k = 0; k < r->n_waiting; k++) {
      bool holds = r->waiting[k].final && !r->waiting[k].stray;

      unrecorded += holds;
      failed += holds && (r->waiting[k].result.outcome == AMZ_FAILED || r->waiting[k].result.outcome == AMZ_TIMED_OUT);
      if (holds && !amz_bits_has(m->pool.settled, r->waiting[k].result.position))
        return "a waiting result isn't settled";
      if (r->waiting[k].result.seq <= r->durable_upto)
        return "a durable result waits";
    }
    for (size_t k = 0; k < r->n_bulks; k++) {
      const struct amz_bulk *b = &r->bulks[k].bulk;

      unrecorded += r->bulks[k].stray ? 0 : b->count;
      if (!r->bulks[k].stray && amz_bits_count(m->pool.settled, b->first, b->count) != b->count)
        return "a waiting bulk isn't settled";
      if (b->seq <= r->durable_upto)
        return "a durable bulk waits";
    }
    if (r->state == AMZ_RANK_GONE && (r->n_held || r->n_waiting || r->n_bulks))
      return "a rank that is gone has something";
  }
  for (unsigned s = 0; s < AMZ_RANK_STATES; s++)
    if (in_state[s] != m->in_state[s])
      return "in_state";
  if (m->stats.failed + failed != m->failed_settled)
    return "failed_settled";
  if (slots != m->slots)
    return "slots";
  return given_up != m->n_given_up ? "n_given_up" : unrecorded != m->unrecorded ? "unrecorded" : NULL;
}

static const char *check_rich(const struct amz_master *m)
{
  uint32_t n = 0;

  for (uint32_t i = 0; i < m->config.ranks; i++)
    n += m->ranks[i].may_be_rich;
  for (uint32_t i = 0; i < m->n_rich; i++)
    if (m->rich[i] >= m->config.ranks || !m->ranks[m->rich[i]].may_be_rich)
      return "the list of those who may have unbegun tasks";
  return n == m->n_rich ? NULL : "may_be_rich";
}

const char *amz_master_check(const struct amz_master *m)
{
  struct places p = {.seen = amz_bits_new(m->config.tasks)};
  const char *broken = p.seen ? check_pool(m, &p) : "out of memory";

  if (!broken)
    broken = check_held(m, &p);
  if (!broken && p.twice)
    broken = "a position is in two places";
  for (uint64_t i = 0; !broken && i < m->config.tasks; i++)
    if (!amz_bits_has(m->pool.settled, i) && !amz_bits_has(p.seen, i))
      broken = "a position is nowhere";
  if (!broken)
    broken = check_line(m, AMZ_LINE_IDLE);
  if (!broken)
    broken = check_line(m, AMZ_LINE_AHEAD);
  if (!broken)
    broken = check_ranks(m);
  if (!broken)
    broken = check_rich(m);
  if (!broken && m->stats.succeeded + m->stats.failed + m->stats.skipped + m->unrecorded != m->pool.n_settled)
    broken = "settled isn't recorded and unrecorded";
  free(p.seen);
  return broken;
}
