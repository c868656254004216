/* The master's parts, split by concern: ranks.c (who is there), results.c and bulks.c (what came of tasks), serve.c (who gets
 * what), recall.c (what comes back), master.c (the step and how a run ends), check.c (invariants, for tests). Room-private. */
#ifndef AMZ_SRC_SCHED_MASTER_H
#define AMZ_SRC_SCHED_MASTER_H

#include <amorsize/sched.h>

#include "actions.h"
#include "held.h"
#include "pool.h"

enum amz_rank_state {
  AMZ_RANK_EXPECTED, /* hasn't been heard of yet: counts as living */
  AMZ_RANK_ALIVE,
  AMZ_RANK_SUSPECT,  /* silent: gets no new chunks */
  AMZ_RANK_LOST,     /* silent for long: a fence was asked for. Alive again when it speaks */
  AMZ_RANK_GONE      /* said BYE, or fenced: for good. Its results still count when they are durable */
};
#define AMZ_RANK_STATES 5

/* A result that isn't known to be on disk yet. */
struct amz_waiting {
  struct amz_result result;
  bool final;
  bool stray; /* wasn't in the rank's hands: it settles its position only when it is durable, if that has no outcome by then */
};

/* Likewise; its bits of the run are settled, unless it is a stray. */
struct amz_waiting_bulk {
  struct amz_bulk bulk; /* partials: ours */
  void *partials;
  bool stray;
};

#define AMZ_NO_RANK UINT32_MAX

/* Hungry ranks stand in one of two lines: those who have idle slots, as they are served first, and those who ask ahead. */
enum amz_line_of { AMZ_LINE_NONE, AMZ_LINE_IDLE, AMZ_LINE_AHEAD };
#define AMZ_LINES 3
struct amz_line {
  uint32_t first, last;
};

/* What each message meets comes first, what is rare last. */
struct amz_rank {
  enum amz_rank_state state;
  uint32_t slots;       /* its part of P */
  uint32_t hungry;      /* chunks asked for and not given */
  uint32_t idle;        /* of its slots when it last told, less the chunks that it was given since */
  uint32_t line_next, line_prev;
  uint8_t line;         /* enum amz_line_of */
  bool stop_told, timed;
  bool given_up;        /* lost, and nobody has confirmed the fence for long */
  bool may_be_rich;     /* on the list of those who may have unbegun tasks */
  uint64_t sent_seq, durable_upto;
  int64_t heard_ns, sent_ns;
  struct amz_held_list held;
  uint64_t n_held;      /* positions in its hands */
  size_t n_waiting, n_bulks;
  struct amz_replay replay;
  uint64_t slots_seq;   /* of the message that told `slots`: an older one may come later */
  struct amz_waiting *waiting; /* in the order of arrival */
  struct amz_waiting_bulk *bulks; /* in the order of arrival */
  size_t cap_waiting, cap_bulks;
};

struct amz_master {
  struct amz_master_config config;
  struct amz_policy *policy;
  struct amz_pool pool;
  struct amz_held held;
  struct amz_rank *ranks;
  uint32_t in_state[AMZ_RANK_STATES]; /* how many ranks are in each */
  uint64_t slots;         /* P: of ranks expected, alive, suspect */
  struct amz_line lines[AMZ_LINES]; /* first come, first served */
  struct amz_heap timers; /* one per rank that isn't gone; may ring too early, never too late. key: rank */
  uint32_t n_given_up;
  uint32_t *rich;         /* ranks that may have unbegun tasks; room for all */
  uint32_t n_rich;
  double task_s;          /* running mean of what tasks took lately */
  int64_t now_ns;
  uint64_t chunk_id;      /* last given */
  uint64_t unrecorded;    /* settled and not recorded */
  uint64_t failed_settled; /* final failures, recorded or not */
  enum amz_stop stop;     /* what workers have been told */
  int64_t grace_ns;
  enum amz_end end, end_as; /* now; what it will be unless everything is settled */
  struct amz_master_stats stats;
};

/* \return P as policies are told it. */
static inline uint32_t amz_master_slots(const struct amz_master *m)
{
  return m->slots == 0 ? 1 : m->slots < UINT32_MAX ? (uint32_t)m->slots : UINT32_MAX;
}

/* ---- ranks.c */
static int amz_master_init_ranks(struct amz_master *m) AMZ_MUST_CHECK;
/* A new clock reading; a master that overslept forgives its ranks the time in which it didn't listen. */
static inline void amz_master_set_now(struct amz_master *m, int64_t now_ns);
static void amz_master_wake(struct amz_master *m, int64_t now_ns); /* the same when it may have been asleep */
/* \return a message to the rank with its head filled in; NULL when out of memory. */
static struct amz_message *amz_master_send(struct amz_master *m, uint32_t rank, enum amz_message_kind kind,
                                           struct amz_actions *out);
static int amz_master_send_stop(struct amz_master *m, uint32_t rank, struct amz_actions *out) AMZ_MUST_CHECK;
static int amz_master_set_timer(struct amz_master *m, uint32_t rank) AMZ_MUST_CHECK;
static int amz_master_heard(struct amz_master *m, uint32_t rank) AMZ_MUST_CHECK;
/* What a message says of its rank's slots. */
static void amz_master_set_slots(struct amz_master *m, const struct amz_message *msg);
static uint32_t amz_master_hunger_with(const struct amz_rank *r, uint32_t chunks); /* \return its hunger with so many more */
static void amz_master_add_hunger(struct amz_master *m, uint32_t rank, uint32_t chunks);
/* Puts the rank where it has to stand, at the end of a line if it doesn't stand there, after a change of its hunger, state or
 * idle slots. */
static void amz_master_stand(struct amz_master *m, uint32_t rank);
static inline bool amz_master_has_hungry(const struct amz_master *m)
{
  return m->lines[AMZ_LINE_IDLE].first != AMZ_NO_RANK || m->lines[AMZ_LINE_AHEAD].first != AMZ_NO_RANK;
}
static int amz_master_run_timers(struct amz_master *m, struct amz_actions *out) AMZ_MUST_CHECK;
/* The rank won't do anything more: what it has in hand, or only promised to have on disk, goes back. */
static int amz_master_bury(struct amz_master *m, uint32_t rank) AMZ_MUST_CHECK;

/* ---- results.c */
static int amz_master_take_results(struct amz_master *m, const struct amz_message *msg, struct amz_actions *out) AMZ_MUST_CHECK;
/* Gives back the parts of a piece that nobody else has settled meanwhile. */
static int amz_master_give_back(struct amz_master *m, const struct amz_chunk *c) AMZ_MUST_CHECK;
/* Gives back what the rank has in hand and what it hasn't made durable. */
static int amz_master_take_back(struct amz_master *m, uint32_t rank) AMZ_MUST_CHECK;
/* Takes back chunks, or what is left of them, that the rank hasn't begun. */
static int amz_master_take_yielded(struct amz_master *m, const struct amz_message *msg) AMZ_MUST_CHECK;

/* ---- bulks.c */
static int amz_master_take_bulk(struct amz_master *m, uint32_t rank, const struct amz_bulk *b,
                                struct amz_actions *out) AMZ_MUST_CHECK;
/* Records what has become durable of what waits. */
static int amz_master_flush_bulks(struct amz_master *m, uint32_t rank, struct amz_actions *out) AMZ_MUST_CHECK;
/* Gives back what waits. */
static int amz_master_take_back_bulks(struct amz_master *m, uint32_t rank) AMZ_MUST_CHECK;
static void amz_master_clear_bulks(struct amz_rank *r);

/* ---- serve.c */
/* Hands out to hungry ranks what there is. */
static int amz_master_serve(struct amz_master *m, struct amz_actions *out) AMZ_MUST_CHECK;
/* The same for a rank that asks for so many chunks while nobody waits: it stands in a line only with what it wishes beyond what
 * there is. */
static int amz_master_serve_alone(struct amz_master *m, uint32_t rank, uint32_t chunks,
                                  struct amz_actions *out) AMZ_MUST_CHECK;

/* ---- recall.c */
/* What tasks took on the average that were just told of. */
static void amz_master_note_time(struct amz_master *m, double task_s);
/* The rank was given something. */
static void amz_master_note_given(struct amz_master *m, uint32_t rank);
/* Asks somebody to give back what it hasn't begun, if the rank has an idle slot and nothing is left for it. */
static int amz_master_recall(struct amz_master *m, uint32_t for_rank, struct amz_actions *out) AMZ_MUST_CHECK;

static inline void amz_master_set_now(struct amz_master *m, int64_t now_ns)
{
  if (m->now_ns < 0 || now_ns < m->now_ns || now_ns - m->now_ns >= m->config.suspect_ns / 2)
    amz_master_wake(m, now_ns);
  else
    m->now_ns = now_ns;
}

/* \return a + b, AMZ_NEVER when that is too much or either is. */
static inline int64_t amz_later(int64_t a, int64_t b)
{
  return a == AMZ_NEVER || b == AMZ_NEVER || a > AMZ_NEVER - b ? AMZ_NEVER : a + b;
}

static inline int64_t amz_earlier(int64_t a, int64_t b)
{
  return a < b ? a : b;
}

#endif
