/* Who is there: states of ranks, silence, hunger.
 *
 * Invariants: a rank stands in a line exactly when it is hungry and alive, and which one its idle slots say;
 * slots = Σ slots of ranks expected, alive and suspect.
 *
 * Each rank that can still fall silent has one timer in a heap. Messages don't touch it: when it rings, it is set anew to
 * what is then known, so that it may ring early, and a message costs no heap operation. */
#include "master.h"

#include <amorsize/alloc.h>

#define HUNGER_MAX (UINT32_C(1) << 20) /* a bound on numbers from outside */

static bool is_living(enum amz_rank_state state)
{
  return state <= AMZ_RANK_SUSPECT;
}

static int amz_master_init_ranks(struct amz_master *m)
{
  uint32_t n = m->config.ranks;

  for (unsigned i = 0; i < AMZ_LINES; i++)
    m->lines[i] = (struct amz_line){AMZ_NO_RANK, AMZ_NO_RANK};
  m->ranks = amz_new_array(n, sizeof *m->ranks);
  m->rich = amz_new_array(n, sizeof *m->rich);
  if (!m->ranks || !m->rich)
    return AMZ_ENOMEM;
  for (uint32_t i = 0; i < n; i++) {
    struct amz_rank *r = &m->ranks[i];

    /* its share of P, until it says how many it has */
    r->slots = m->config.slots / n + (i < m->config.slots % n);
    r->line_next = r->line_prev = AMZ_NO_RANK;
    r->held = (struct amz_held_list)AMZ_HELD_LIST_EMPTY;
    m->slots += r->slots;
  }
  m->in_state[AMZ_RANK_EXPECTED] = n;
  return AMZ_OK;
}

static inline struct amz_message *amz_master_send(struct amz_master *m, uint32_t rank, enum amz_message_kind kind,
                                                  struct amz_actions *out)
{
  struct amz_message *msg = amz_actions_send(out, rank, kind);

  if (!msg)
    return NULL;
  msg->epoch = m->config.epoch;
  msg->seq = ++m->ranks[rank].sent_seq;
  m->ranks[rank].sent_ns = m->now_ns;
  return msg;
}

static int amz_master_send_stop(struct amz_master *m, uint32_t rank, struct amz_actions *out)
{
  struct amz_message *msg = amz_master_send(m, rank, AMZ_MSG_STOP, out);

  if (!msg)
    return AMZ_ENOMEM;
  msg->stop = m->stop;
  msg->grace_ns = m->grace_ns;
  m->ranks[rank].stop_told = true;
  return AMZ_OK;
}

/* ---- hunger ----------------------------------------------------------------------------------------------------------- */

static inline void join(struct amz_master *m, uint32_t rank, struct amz_line *line)
{
  struct amz_rank *r = &m->ranks[rank];

  r->line_next = AMZ_NO_RANK;
  r->line_prev = line->last;
  *(line->last == AMZ_NO_RANK ? &line->first : &m->ranks[line->last].line_next) = rank;
  line->last = rank;
}

static inline void leave(struct amz_master *m, const struct amz_rank *r, struct amz_line *line)
{
  *(r->line_prev == AMZ_NO_RANK ? &line->first : &m->ranks[r->line_prev].line_next) = r->line_next;
  *(r->line_next == AMZ_NO_RANK ? &line->last : &m->ranks[r->line_next].line_prev) = r->line_prev;
}

static inline void amz_master_stand(struct amz_master *m, uint32_t rank)
{
  struct amz_rank *r = &m->ranks[rank];
  uint8_t line = AMZ_LINE_NONE;

  if (r->hungry && r->state == AMZ_RANK_ALIVE)
    line = r->idle ? AMZ_LINE_IDLE : AMZ_LINE_AHEAD;
  if (line == r->line)
    return;
  if (r->line != AMZ_LINE_NONE)
    leave(m, r, &m->lines[r->line]);
  if (line != AMZ_LINE_NONE)
    join(m, rank, &m->lines[line]);
  r->line = line;
}

static inline uint32_t amz_master_hunger_with(const struct amz_rank *r, uint32_t chunks)
{
  return chunks < HUNGER_MAX - r->hungry ? r->hungry + chunks : HUNGER_MAX;
}

static void amz_master_add_hunger(struct amz_master *m, uint32_t rank, uint32_t chunks)
{
  struct amz_rank *r = &m->ranks[rank];

  r->hungry = amz_master_hunger_with(r, chunks);
  amz_master_stand(m, rank);
}

/* ---- states ----------------------------------------------------------------------------------------------------------- */

static void set_given_up(struct amz_master *m, struct amz_rank *r, bool given_up)
{
  m->n_given_up = m->n_given_up + given_up - r->given_up;
  r->given_up = given_up;
}

static void set_state(struct amz_master *m, uint32_t rank, enum amz_rank_state state)
{
  struct amz_rank *r = &m->ranks[rank];

  if (is_living(r->state) && !is_living(state))
    m->slots -= r->slots;
  if (!is_living(r->state) && is_living(state))
    m->slots += r->slots;
  m->in_state[r->state]--;
  m->in_state[state]++;
  r->state = state;
  amz_master_stand(m, rank);
  if (state != AMZ_RANK_LOST)
    set_given_up(m, r, false);
}

static void amz_master_set_slots(struct amz_master *m, const struct amz_message *msg)
{
  struct amz_rank *r = &m->ranks[msg->rank];

  if (msg->kind == AMZ_MSG_HELLO ? r->slots_seq || msg->slots == 0 : msg->seq <= r->slots_seq)
    return; /* said before, or since */
  r->slots_seq = msg->seq;
  if (is_living(r->state))
    m->slots = m->slots - r->slots + msg->slots;
  r->slots = msg->slots;
}

/* When something is due for the rank if nothing comes in between. */
static int64_t due_of(const struct amz_master *m, const struct amz_rank *r)
{
  const struct amz_master_config *c = &m->config;
  int64_t beat = amz_later(r->sent_ns, c->heartbeat_ns);

  switch (r->state) {
  case AMZ_RANK_EXPECTED:
    return amz_later(r->heard_ns, amz_earlier(c->suspect_ns, c->dead_ns));
  case AMZ_RANK_ALIVE:
    return amz_earlier(beat, amz_later(r->heard_ns, amz_earlier(c->suspect_ns, c->dead_ns)));
  case AMZ_RANK_SUSPECT:
    return amz_earlier(beat, amz_later(r->heard_ns, c->dead_ns));
  case AMZ_RANK_LOST:
    return r->given_up ? AMZ_NEVER : amz_later(amz_later(r->heard_ns, c->dead_ns), c->dead_ns);
  case AMZ_RANK_GONE:
    break;
  }
  return AMZ_NEVER;
}

static int amz_master_set_timer(struct amz_master *m, uint32_t rank)
{
  const struct amz_master_config *c = &m->config;
  struct amz_rank *r = &m->ranks[rank];
  int64_t at_ns = due_of(m, r), soonest_ns = amz_earlier(c->heartbeat_ns, amz_earlier(c->suspect_ns, c->dead_ns));

  r->timed = at_ns != AMZ_NEVER;
  if (!r->timed)
    return AMZ_OK;
  at_ns = amz_earlier(at_ns, amz_later(m->now_ns, soonest_ns)); /* the soonest that may be due when it speaks meanwhile */
  return amz_heap_push(&m->timers, (struct amz_heap_item){.at_ns = at_ns, .key = rank});
}

static inline int amz_master_heard(struct amz_master *m, uint32_t rank)
{
  struct amz_rank *r = &m->ranks[rank];

  r->heard_ns = m->now_ns;
  if (r->state == AMZ_RANK_ALIVE || r->state == AMZ_RANK_GONE)
    return AMZ_OK;
  set_state(m, rank, AMZ_RANK_ALIVE);
  return r->timed ? AMZ_OK : amz_master_set_timer(m, rank);
}

static int amz_master_bury(struct amz_master *m, uint32_t rank)
{
  if (m->ranks[rank].state == AMZ_RANK_GONE)
    return AMZ_OK;
  set_state(m, rank, AMZ_RANK_GONE);
  return amz_master_take_back(m, rank);
}

/* Given up for its silence. Whether its tasks still run nobody knows: they are issued again when the launcher has fenced it, or
 * at once when they may run twice. */
static int lose(struct amz_master *m, uint32_t rank, struct amz_actions *out)
{
  struct amz_action *fence = amz_actions_add(out, AMZ_DO_FENCE);

  if (!fence)
    return AMZ_ENOMEM;
  fence->rank = rank;
  set_state(m, rank, AMZ_RANK_LOST);
  return m->config.idempotent ? amz_master_take_back(m, rank) : AMZ_OK;
}

static int ring(struct amz_master *m, uint32_t rank, struct amz_actions *out)
{
  const struct amz_master_config *c = &m->config;
  struct amz_rank *r = &m->ranks[rank];
  int64_t silence = m->now_ns - r->heard_ns;

  if (r->state == AMZ_RANK_LOST) {
    if (m->now_ns >= due_of(m, r))
      set_given_up(m, r, true);
    return AMZ_OK;
  }
  if (silence >= c->dead_ns)
    return lose(m, rank, out);
  if (r->state != AMZ_RANK_SUSPECT && silence >= c->suspect_ns)
    set_state(m, rank, AMZ_RANK_SUSPECT);
  if (r->state != AMZ_RANK_EXPECTED && m->now_ns >= amz_later(r->sent_ns, c->heartbeat_ns))
    return amz_master_send(m, rank, AMZ_MSG_ASSIGN, out) ? AMZ_OK : AMZ_ENOMEM;
  return AMZ_OK;
}

static int amz_master_run_timers(struct amz_master *m, struct amz_actions *out)
{
  int rc = AMZ_OK;

  while (rc == AMZ_OK && m->timers.count && m->timers.items[0].at_ns <= m->now_ns) {
    uint32_t rank = (uint32_t)amz_heap_pop(&m->timers).key;

    m->ranks[rank].timed = false;
    if (m->ranks[rank].state == AMZ_RANK_GONE)
      continue;
    rc = ring(m, rank, out);
    if (rc == AMZ_OK)
      rc = amz_master_set_timer(m, rank);
  }
  return rc;
}

static void amz_master_wake(struct amz_master *m, int64_t now_ns)
{
  int64_t due, late;

  if (now_ns <= m->now_ns)
    return;
  due = amz_master_deadline(m);
  m->now_ns = now_ns;
  if (due == AMZ_NEVER || due >= now_ns)
    return;
  late = now_ns - due;
  if (late < m->config.suspect_ns / 2 || m->config.suspect_ns == AMZ_NEVER)
    return;
  for (uint32_t i = 0; i < m->config.ranks; i++)
    m->ranks[i].heard_ns = amz_later(m->ranks[i].heard_ns, late);
}
