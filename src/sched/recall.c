/* What was handed out and not begun may be all that is left, while others are idle: then the master asks for it back (RECALL),
 * and the rank gives back what is in its queue, now or as soon as something is (YIELD).
 *
 * Whatever it has asked for is forgotten on both sides: else it would be the first to whom it is given.
 *
 * A rank that has more in hand than it has slots is on the list of those who may have something, until it was asked, or is found
 * to have less. It gets there again with its next chunk. So what this costs is bounded by the number of times that something is
 * handed out. */
#include "master.h"

#define CANDIDATES 8u   /* of which the one with the most work is asked */
#define WORTH_S 5e-4    /* of tasks per slot: for less, two messages come too late */
#define MEAN_WEIGHT 0.3 /* of the newest message in the running mean of tasks' times */

static inline void amz_master_note_time(struct amz_master *m, double task_s)
{
  m->task_s += m->task_s > 0 ? MEAN_WEIGHT * (task_s - m->task_s) : task_s;
}

static inline void amz_master_note_given(struct amz_master *m, uint32_t rank)
{
  struct amz_rank *r = &m->ranks[rank];

  if (r->may_be_rich || r->n_held <= r->slots)
    return;
  r->may_be_rich = true;
  m->rich[m->n_rich++] = rank;
}

static void forget(struct amz_master *m, uint32_t at)
{
  m->ranks[m->rich[at]].may_be_rich = false;
  m->rich[at] = m->rich[--m->n_rich];
}

/* \return seconds for which each slot of the rank could go without what it runs now: at least one task. */
static double spare_s(const struct amz_master *m, const struct amz_rank *r)
{
  return r->n_held > r->slots && r->slots ? (double)(r->n_held - r->slots) / (double)r->slots * m->task_s : 0;
}

/* Looks at the few that were given something last. \return where the one with most is, but for one; n_rich: nobody has enough. */
static uint32_t richest(struct amz_master *m, uint32_t but_for)
{
  uint32_t best = UINT32_MAX;
  double most_s = WORTH_S;

  for (uint32_t i = m->n_rich, looked = 0; i-- > 0 && looked < CANDIDATES; looked++) {
    const struct amz_rank *r = &m->ranks[m->rich[i]];

    if (r->state != AMZ_RANK_ALIVE || r->n_held <= r->slots) {
      forget(m, i); /* the last one, which has been looked at, takes its place */
      best = best == m->n_rich ? i : best;
    } else if (m->rich[i] != but_for && spare_s(m, r) >= most_s) {
      most_s = spare_s(m, r);
      best = i;
    }
  }
  return best < m->n_rich ? best : m->n_rich;
}

static int amz_master_recall(struct amz_master *m, uint32_t for_rank, struct amz_actions *out)
{
  uint32_t at, rank;

  if (m->stop != AMZ_STOP_NONE || m->ranks[for_rank].hungry == 0 || m->ranks[for_rank].idle == 0 ||
      amz_pool_available(&m->pool, m->now_ns))
    return AMZ_OK;
  at = richest(m, for_rank);
  if (at == m->n_rich)
    return AMZ_OK;
  rank = m->rich[at];
  forget(m, at);
  m->ranks[rank].hungry = 0;
  amz_master_stand(m, rank);
  return amz_master_send(m, rank, AMZ_MSG_RECALL, out) ? AMZ_OK : AMZ_ENOMEM;
}
