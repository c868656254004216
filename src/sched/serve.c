/* Who gets what: the front of the line is given chunks as long as there is something to give.
 *
 * The policy is told P and R as they are now. A rank that asked for several chunks gets them in one message. */
#include "master.h"

#define CHUNKS_MAX ((uint32_t)1024) /* in one message */

static int next_chunk(struct amz_master *m, uint32_t rank, struct amz_chunk *ret, bool *ret_any)
{
  struct amz_rank *r = &m->ranks[rank];
  struct amz_policy_ask ask = {
    .remaining = m->pool.waiting,
    .chunks = m->stats.chunks,
    .slots = m->slots == 0 ? 1 : m->slots < UINT32_MAX ? (uint32_t)m->slots : UINT32_MAX,
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
  return amz_held_add(&m->held, &r->held, rank, ret);
}

/* Gives the rank what it asked for, as far as there is something. \return AMZ_OK, *ret_n: chunks given; AMZ_ENOMEM. */
static int assign(struct amz_master *m, uint32_t rank, struct amz_actions *out, uint32_t *ret_n)
{
  struct amz_rank *r = &m->ranks[rank];
  uint32_t most = r->hungry < CHUNKS_MAX ? r->hungry : CHUNKS_MAX, n = 0;
  struct amz_message *msg;
  struct amz_chunk *chunks;
  bool any = true;
  int rc = AMZ_OK;

  *ret_n = 0;
  chunks = amz_actions_room(out, most, sizeof *chunks);
  if (!chunks)
    return AMZ_ENOMEM;
  while (rc == AMZ_OK && n < most && any) {
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
  if (r->hungry == 0)
    amz_master_leave_line(m, rank);
  return AMZ_OK;
}

int amz_master_serve(struct amz_master *m, struct amz_actions *out)
{
  uint32_t given = 1;
  int rc = AMZ_OK;

  if (m->stop != AMZ_STOP_NONE)
    return AMZ_OK;
  while (rc == AMZ_OK && given && m->line_first != AMZ_NO_RANK && amz_pool_available(&m->pool, m->now_ns))
    rc = assign(m, m->line_first, out, &given);
  return rc;
}
