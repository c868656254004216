/* The master's step, and how a run ends.
 *
 * Each step: the clock, the event, timers, handing out, and then the question whether the run has come to its end. A run ends
 * in two moves. First workers are told to stop: because every position is settled and recorded (so that nobody is sent home
 * while a result could still be lost), because it was drained, because too many tasks failed, or because what is left is out of
 * reach. Then, when no rank is left from which anything is to come, FINISH. Suspect and lost ranks are not waited for. */
#include "master.h"

#include "soon.h"

#include <stdlib.h>

#include <amorsize/alloc.h>

#define SECONDS(n) ((n) * INT64_C(1000000000))

static int64_t given_or(int64_t given, int64_t fallback)
{
  return given ? given : fallback;
}

static bool is_valid(const struct amz_master_config *c)
{
  return c->epoch >= 1 && c->ranks >= 1 && c->ranks < AMZ_NO_RANK && c->slots >= 1 && c->policy &&
         c->tasks < (UINT64_C(1) << 63) && c->retries < UINT32_MAX - 1 && c->backoff_ns >= 0 &&
         c->heartbeat_ns >= 0 && c->suspect_ns >= 0 && c->dead_ns >= 0 && c->grace_ns >= 0;
}

static int init(struct amz_master *m)
{
  struct amz_policy_params params = m->config.params;
  int rc;

  params.tasks = m->config.tasks;
  params.slots = m->config.slots;
  params.workers = m->config.ranks;
  amz_held_init(&m->held);
  if ((rc = amz_policy_new(m->config.policy, &params, &m->policy)) < 0 || (rc = amz_pool_init(&m->pool, m->config.tasks)) < 0)
    return rc;
  m->config.params.weights = NULL; /* lent for that policy alone */
  return amz_master_init_ranks(m);
}

int amz_master_new(const struct amz_master_config *config, struct amz_master **ret)
{
  struct amz_master *m;
  int rc;

  if (!is_valid(config))
    return AMZ_EINVAL;
  m = amz_new_array(1, sizeof *m);
  if (!m)
    return AMZ_ENOMEM;
  m->config = *config;
  m->config.heartbeat_ns = given_or(config->heartbeat_ns, SECONDS(5));
  m->config.suspect_ns = given_or(config->suspect_ns, SECONDS(15));
  m->config.dead_ns = given_or(config->dead_ns, SECONDS(90));
  m->now_ns = INT64_MIN;
  rc = init(m);
  if (rc < 0) {
    amz_master_free(m);
    return rc;
  }
  *ret = m;
  return AMZ_OK;
}

void amz_master_free(struct amz_master *m)
{
  if (!m)
    return;
  for (uint32_t i = 0; m->ranks && i < m->config.ranks; i++) {
    free(m->ranks[i].waiting);
    amz_master_clear_bulks(&m->ranks[i]);
  }
  free(m->ranks);
  free(m->rich);
  amz_policy_free(m->policy);
  amz_pool_clear(&m->pool);
  amz_held_clear(&m->held);
  amz_heap_clear(&m->timers);
  free(m);
}

void amz_master_sooner_or_later(const struct amz_master *m, uint64_t position)
{
  amz_held_soon(&m->held, position);
}

void amz_master_soon(const struct amz_master *m, uint32_t rank, uint64_t position)
{
  const char *at = (const char *)&m->ranks[rank];

  __builtin_prefetch(at, 1);
  __builtin_prefetch(at + AMZ_CACHE_LINE, 1);
  __builtin_prefetch(at + 2 * AMZ_CACHE_LINE, 1);
  amz_held_piece_soon(&m->held, position);
  amz_held_soon(&m->held, m->pool.fresh); /* what it is likely to get */
}

/* ---- stopping --------------------------------------------------------------------------------------------------------- */

/* Tells all ranks that may hear it. A lost one is told when it speaks again. */
static int stop_all(struct amz_master *m, enum amz_stop stop, int64_t grace_ns, struct amz_actions *out)
{
  int rc = AMZ_OK;

  m->stop = stop;
  m->grace_ns = grace_ns;
  for (uint32_t i = 0; i < m->config.ranks && rc == AMZ_OK; i++)
    if (m->ranks[i].state <= AMZ_RANK_SUSPECT)
      rc = amz_master_send_stop(m, i, out);
    else
      m->ranks[i].stop_told = false;
  return rc;
}

static int begin_stop(struct amz_master *m, enum amz_stop stop, int64_t grace_ns, enum amz_end as, struct amz_actions *out)
{
  m->end_as = as;
  return stop_all(m, stop, grace_ns, out);
}

static uint64_t outstanding(const struct amz_rank *r)
{
  return r->n_held + r->n_waiting + r->n_bulks;
}

/* \return whether all that is left is in the hands of ranks that are lost and whose fence nobody confirms. */
static bool out_of_reach(const struct amz_master *m)
{
  uint64_t unreachable = 0;

  if (m->in_state[AMZ_RANK_GONE] + m->n_given_up == m->config.ranks)
    return true;
  if (m->n_given_up == 0 || m->pool.waiting)
    return false;
  for (uint32_t i = 0; i < m->config.ranks; i++)
    if (m->ranks[i].given_up)
      unreachable += outstanding(&m->ranks[i]);
  for (uint32_t i = 0; i < m->config.ranks; i++)
    if (!m->ranks[i].given_up && outstanding(&m->ranks[i]))
      return false;
  return unreachable > 0;
}

static bool all_recorded(const struct amz_master *m)
{
  return m->pool.n_settled == m->config.tasks && m->unrecorded == 0;
}

static int consider_stop(struct amz_master *m, struct amz_actions *out)
{
  if (all_recorded(m))
    return begin_stop(m, AMZ_STOP_DONE, 0, AMZ_END_DONE, out);
  if (m->failed_settled && m->failed_settled >= m->config.stop_after)
    return begin_stop(m, AMZ_STOP_DRAIN, m->config.grace_ns, AMZ_END_STOP_AFTER, out);
  if (out_of_reach(m))
    return begin_stop(m, AMZ_STOP_DRAIN, 0, AMZ_END_LOST, out);
  return AMZ_OK;
}

static int consider_end(struct amz_master *m, struct amz_actions *out)
{
  if (m->in_state[AMZ_RANK_EXPECTED] + m->in_state[AMZ_RANK_ALIVE] > 0)
    return AMZ_OK;
  if (!amz_actions_add(out, AMZ_DO_FINISH))
    return AMZ_ENOMEM;
  m->end = all_recorded(m) ? AMZ_END_DONE : m->end_as;
  return AMZ_OK;
}

/* ---- events ----------------------------------------------------------------------------------------------------------- */

static int on_start(struct amz_master *m)
{
  int rc = AMZ_OK;

  for (uint32_t i = 0; i < m->config.ranks && rc == AMZ_OK; i++) {
    m->ranks[i].heard_ns = m->ranks[i].sent_ns = m->now_ns;
    if (!m->ranks[i].timed)
      rc = amz_master_set_timer(m, i);
  }
  return rc;
}

static bool is_welcome(struct amz_master *m, const struct amz_message *msg)
{
  return msg && msg->epoch == m->config.epoch && msg->rank < m->config.ranks &&
         (msg->kind == AMZ_MSG_HELLO || msg->kind == AMZ_MSG_REPORT || msg->kind == AMZ_MSG_BYE || msg->kind == AMZ_MSG_YIELD) &&
         amz_replay_accept(&m->ranks[msg->rank].replay, msg->seq);
}

static int on_report(struct amz_master *m, const struct amz_message *msg, struct amz_actions *out)
{
  struct amz_rank *r = &m->ranks[msg->rank];
  int rc = amz_master_take_results(m, msg, out);

  if (rc < 0 || r->state == AMZ_RANK_GONE)
    return rc;
  if (msg->kind == AMZ_MSG_BYE)
    return amz_master_bury(m, msg->rank);
  r->idle = msg->busy < r->slots ? r->slots - msg->busy : 0;
  if (r->line != AMZ_LINE_NONE)
    amz_master_stand(m, msg->rank);
  if (msg->hungry == 0 || m->stop != AMZ_STOP_NONE)
    return amz_master_recall(m, msg->rank, out);
  if (amz_master_has_hungry(m)) {
    amz_master_add_hunger(m, msg->rank, msg->hungry);
    rc = amz_master_serve(m, out);
  } else {
    rc = amz_master_serve_alone(m, msg->rank, msg->hungry, out);
  }
  /* Nothing for it now: it is told so, and uses the time to make its results durable. What was given by half says so itself. */
  if (rc == AMZ_OK && r->hungry >= msg->hungry && !amz_master_send(m, msg->rank, AMZ_MSG_ASSIGN, out))
    return AMZ_ENOMEM;
  return rc < 0 || r->hungry == 0 ? rc : amz_master_recall(m, msg->rank, out);
}

static int on_message(struct amz_master *m, const struct amz_message *msg, struct amz_actions *out)
{
  struct amz_rank *r;
  int rc;

  if (!is_welcome(m, msg)) {
    m->stats.dropped++;
    return AMZ_OK;
  }
  r = &m->ranks[msg->rank];
  rc = amz_master_heard(m, msg->rank);
  if (rc < 0)
    return rc;
  if (msg->kind == AMZ_MSG_HELLO || msg->kind == AMZ_MSG_YIELD)
    amz_master_set_slots(m, msg);
  if (msg->kind == AMZ_MSG_YIELD)
    rc = amz_master_take_yielded(m, msg);
  else if (msg->kind != AMZ_MSG_HELLO)
    rc = on_report(m, msg, out);
  if (rc == AMZ_OK && m->stop != AMZ_STOP_NONE && !r->stop_told && r->state != AMZ_RANK_GONE)
    rc = amz_master_send_stop(m, msg->rank, out);
  return rc;
}

/* DRAIN once; CANCEL at once and also after a DRAIN. A DRAIN again may shorten the grace. */
static int on_drain(struct amz_master *m, const struct amz_event *e, struct amz_actions *out)
{
  enum amz_stop stop = e->stop == AMZ_STOP_CANCEL ? AMZ_STOP_CANCEL : AMZ_STOP_DRAIN;
  int64_t grace_ns = e->grace_ns > 0 ? e->grace_ns : 0;

  if (m->stop == AMZ_STOP_NONE)
    return begin_stop(m, stop, grace_ns, AMZ_END_STOPPED, out);
  if (m->stop == AMZ_STOP_DRAIN)
    return stop_all(m, stop, amz_earlier(grace_ns, m->grace_ns), out);
  return AMZ_OK;
}

/* What another policy would have to know: as amz_policy_tell has it, 0 says nothing new. */
static void keep_told(struct amz_policy_params *known, const struct amz_policy_params *told)
{
  const double said[] = {told->overhead_s, told->service_s, told->target_s, told->min_s, told->max_s, told->rate};
  double *const kept[] = {&known->overhead_s, &known->service_s, &known->target_s, &known->min_s, &known->max_s, &known->rate};

  for (size_t i = 0; i < sizeof said / sizeof *said; i++)
    if (said[i] > 0)
      *kept[i] = said[i];
  if (told->mean_s > 0) {
    known->mean_s = told->mean_s;
    known->stddev_s = told->stddev_s;
  }
}

static void set_stand(const struct amz_master *m, struct amz_policy_params *params)
{
  params->tasks = m->pool.waiting;
  params->slots = amz_master_slots(m);
  params->workers = m->config.ranks;
}

static int change_policy(struct amz_master *m, const struct amz_policy_ops *ops)
{
  struct amz_policy_params params = m->config.params;
  struct amz_policy *policy;
  int rc;

  set_stand(m, &params);
  if ((rc = amz_policy_new(ops, &params, &policy)) < 0)
    return rc;
  amz_policy_free(m->policy);
  m->policy = policy;
  m->config.policy = ops;
  return AMZ_OK;
}

static int on_told(struct amz_master *m, const struct amz_event *e)
{
  struct amz_policy_params params;

  if (e->told)
    keep_told(&m->config.params, e->told);
  if (e->policy && e->policy != m->config.policy)
    return change_policy(m, e->policy);
  if (!e->told)
    return AMZ_OK;
  params = *e->told;
  set_stand(m, &params);
  amz_policy_tell(m->policy, &params);
  return AMZ_OK;
}

static int on_event(struct amz_master *m, const struct amz_event *e, struct amz_actions *out)
{
  switch (e->kind) {
  case AMZ_EV_START:
    return on_start(m);
  case AMZ_EV_MESSAGE:
    return on_message(m, e->message, out);
  case AMZ_EV_DRAIN:
    return on_drain(m, e, out);
  case AMZ_EV_FENCED:
    return e->rank < m->config.ranks ? amz_master_bury(m, e->rank) : AMZ_OK;
  case AMZ_EV_TOLD:
    return on_told(m, e);
  case AMZ_EV_TICK:
  case AMZ_EV_RAN:
  case AMZ_EV_DURABLE:
  case AMZ_EV_BROKEN:
  case AMZ_EV_OPEN:
  case AMZ_EV_RESIZE:
    break;
  }
  return AMZ_OK;
}

int amz_master_step(struct amz_master *m, const struct amz_event *event, struct amz_actions *out)
{
  int rc;

  if (m->end != AMZ_END_RUNNING)
    return AMZ_OK;
  amz_master_set_now(m, event->now_ns);
  if ((rc = on_event(m, event, out)) < 0)
    return rc;
  if (m->timers.count && m->timers.items[0].at_ns <= m->now_ns && (rc = amz_master_run_timers(m, out)) < 0)
    return rc;
  if (amz_master_has_hungry(m) && (rc = amz_master_serve(m, out)) < 0)
    return rc;
  if (m->stop == AMZ_STOP_NONE && (rc = consider_stop(m, out)) < 0)
    return rc;
  return m->stop == AMZ_STOP_NONE ? AMZ_OK : consider_end(m, out);
}

/* ---- questions -------------------------------------------------------------------------------------------------------- */

int64_t amz_master_deadline(const struct amz_master *m)
{
  int64_t timer = m->timers.count ? m->timers.items[0].at_ns : AMZ_NEVER;
  bool waits = amz_master_has_hungry(m) && m->stop == AMZ_STOP_NONE; /* somebody, for a retry's time */

  if (m->end != AMZ_END_RUNNING)
    return AMZ_NEVER;
  return waits ? amz_earlier(timer, amz_pool_retry_at(&m->pool)) : timer;
}

enum amz_end amz_master_end(const struct amz_master *m)
{
  return m->end;
}

void amz_master_stats(const struct amz_master *m, struct amz_master_stats *ret)
{
  *ret = m->stats;
  ret->handed_out = m->held.count;
  ret->waiting = m->pool.waiting;
  ret->ranks_alive = m->in_state[AMZ_RANK_EXPECTED] + m->in_state[AMZ_RANK_ALIVE] + m->in_state[AMZ_RANK_SUSPECT];
  ret->slots_alive = m->slots < UINT32_MAX ? (uint32_t)m->slots : UINT32_MAX;
}

bool amz_master_settled(const struct amz_master *m, uint64_t position)
{
  return position < m->config.tasks && (m->pool.settled[position / 64] >> (position % 64) & 1);
}
