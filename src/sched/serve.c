/* Who gets what: idle slots first, then the front of the line is given chunks as long as there is something to give.
 *
 * The policy is told P and R as they are now. A rank that asked for several chunks gets them in one message. */
#include "master.h"

#define CHUNKS_MAX ((uint32_t)1024) /* in one message */
#define MANY 4u /* chunks for each slot: asked for ahead */
#define AHEAD_SHARE 0.375 /* of a rank's share of all that is unfinished: where policies make chunks smaller for who has much in hand (adaptive's HELD_SHARE),
                             it isn't filled up with hundreds of thousands of the smallest ones */

static inline int next_chunk(struct amz_master *m, uint32_t rank, struct amz_chunk *ret, bool *ret_any)
{
  struct amz_rank *r = &m->ranks[rank];
  struct amz_policy_ask ask = {
    .remaining = m->pool.waiting,
    .chunks = m->stats.chunks,
    .slots = amz_master_slots(m),
    .worker = rank,
    .workers = m->config.ranks,
    .worker_slots = r->slots,
    .held = r->n_held,
    .held_all = m->held.count,
  };

  *ret_any = amz_pool_available(&m->pool, m->now_ns) && amz_pool_take(&m->pool, m->now_ns, amz_policy_next(m->policy, &ask), ret);
  if (!*ret_any)
    return AMZ_OK;
  ret->id = ++m->chunk_id;
  m->stats.chunks++;
  r->n_held += ret->count;
  r->idle -= r->idle > 0;
  return amz_held_add(&m->held, &r->held, rank, ret);
}

/* Who asks ahead for many chunks of tiny tasks doesn't know how many are left, and what others ask for: a good part of its share
 * of all that is unfinished is enough, as long as none of its slots is idle. The rest is better kept for those who will have
 * turned out to be faster, or to have the shorter tasks. A retry's time is waited for (amz_master_deadline), so it must not lie
 * here when that has come. */
static inline bool has_its_share(const struct amz_master *m, const struct amz_rank *r)
{
  double unfinished = (double)m->pool.waiting + (double)m->held.count;

  return r->idle == 0 && r->hungry / MANY > r->slots && r->n_held / 2 >= r->slots && amz_pool_retry_at(&m->pool) > m->now_ns &&
         (double)r->n_held * (double)m->slots >= AHEAD_SHARE * unfinished * (double)r->slots;
}

/* Gives the rank what it asked for, as far as there is something, at most `most` chunks. \return AMZ_OK, *ret_n: chunks given;
 * AMZ_ENOMEM. */
static inline int assign(struct amz_master *m, uint32_t rank, uint32_t most, struct amz_actions *out, uint32_t *ret_n)
{
  struct amz_rank *r = &m->ranks[rank];
  uint32_t n = 0;
  struct amz_message *msg;
  struct amz_chunk *chunks;
  bool any = true;
  int rc = AMZ_OK;

  *ret_n = 0;
  most = most < r->hungry ? most : r->hungry;
  most = most < CHUNKS_MAX ? most : CHUNKS_MAX;
  if (most == 0 || has_its_share(m, r))
    return AMZ_OK;
  chunks = amz_actions_room(out, most, sizeof *chunks);
  if (!chunks)
    return AMZ_ENOMEM;
  while (rc == AMZ_OK && n < most && any && !has_its_share(m, r)) {
    rc = next_chunk(m, rank, &chunks[n], &any);
    n += any;
  }
  if (rc < 0 || n == 0)
    return rc;
  msg = amz_master_send(m, rank, AMZ_MSG_ASSIGN, out);
  if (!msg)
    return AMZ_ENOMEM;
  msg->chunks = chunks;
  msg->n_chunks = *ret_n = n;
  r->hungry -= n;
  amz_master_note_given(m, rank);
  amz_master_stand(m, rank);
  return AMZ_OK;
}

/* All who stand in a line, once: for their idle slots, or for all that they have asked for.
 * \return AMZ_OK, *ret_any: somebody got something; AMZ_ENOMEM. */
static inline int serve_line(struct amz_master *m, enum amz_line_of line, bool all, struct amz_actions *out, bool *ret_any)
{
  bool any_left = amz_pool_available(&m->pool, m->now_ns);
  uint32_t given, next;
  int rc = AMZ_OK;

  *ret_any = false;
  for (uint32_t rank = m->lines[line].first; rc == AMZ_OK && any_left && rank != AMZ_NO_RANK; rank = next) {
    next = m->ranks[rank].line_next; /* it may leave the line */
    rc = assign(m, rank, all ? UINT32_MAX : m->ranks[rank].idle, out, &given);
    *ret_any |= rc == AMZ_OK && given > 0;
    any_left = amz_pool_available(&m->pool, m->now_ns);
  }
  return rc;
}

/* \return whether it is only one who is hungry: it needn't get twice what it can get at once. */
static bool is_alone(const struct amz_master *m)
{
  const struct amz_line *idle = &m->lines[AMZ_LINE_IDLE];

  return idle->first == idle->last && m->lines[AMZ_LINE_AHEAD].first == AMZ_NO_RANK;
}

static int amz_master_serve_alone(struct amz_master *m, uint32_t rank, uint32_t chunks, struct amz_actions *out)
{
  struct amz_rank *r = &m->ranks[rank];
  uint32_t given = 1;
  int rc = AMZ_OK;

  r->hungry = amz_master_hunger_with(r, chunks);
  while (rc == AMZ_OK && r->hungry && given)
    rc = assign(m, rank, UINT32_MAX, out, &given);
  if (r->hungry)
    amz_master_stand(m, rank);
  return rc;
}

static int amz_master_serve(struct amz_master *m, struct amz_actions *out)
{
  bool any = m->stop == AMZ_STOP_NONE, alone = is_alone(m);
  int rc = AMZ_OK;

  while (rc == AMZ_OK && any && m->lines[AMZ_LINE_IDLE].first != AMZ_NO_RANK)
    rc = serve_line(m, AMZ_LINE_IDLE, alone, out, &any);
  while (rc == AMZ_OK && any && m->lines[AMZ_LINE_AHEAD].first != AMZ_NO_RANK)
    rc = serve_line(m, AMZ_LINE_AHEAD, true, out, &any);
  return rc;
}
