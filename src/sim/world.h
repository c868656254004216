/* The simulated world: what is in flight, what runs, what comes next. Room-private. */
#ifndef AMZ_SRC_SIM_WORLD_H
#define AMZ_SRC_SIM_WORLD_H

#include <amorsize/rng.h>
#include <amorsize/sim.h>

#include "../sched/actions.h"
#include "../sched/crew.h"
#include "../sched/soon.h"
#include "agenda.h"
#include "clocks.h"

/* What an item of the agenda stands for: kind in the low bits of its value, a number above. Ends of RUNs and the workers' ticks
 * aren't on the agenda: each place (rank · slots + slot) has a clock, which rings at the end of its RUN; that of a rank's first
 * place rings at its tick, too. A rank that is frozen hears its clocks afterwards. */
enum amz_sim_event {
  AMZ_SIM_EV_DELIVER,     /* number: letter */
  AMZ_SIM_EV_MASTER_TICK,
  AMZ_SIM_EV_SYNCED,      /* number: rank */
  AMZ_SIM_EV_FENCED,      /* number: rank */
  AMZ_SIM_EV_FAULT,       /* number: index */
  AMZ_SIM_EV_START,       /* number: rank */
  AMZ_SIM_EV_LOOK,        /* number: rank */
};
#define AMZ_SIM_EVENT_BITS 4u

/* A message in flight: the very one that was sent, whose memory is kept until it is read; or its bytes. Where messages
 * take equally long and come once there are no letters, but for those that wait for a frozen rank. An item of a line is then the
 * message: its value is where it lies, with its chain. */
struct amz_sim_letter {
  const struct amz_message *message; /* NULL: in bytes */
  struct amz_actions_block *chain;   /* where it lies; its users are letters */
  bool to_master;
  uint32_t rank;
  uint32_t copies; /* deliveries still to come; 0: unused */
  uint32_t next;   /* unused ones */
  struct amz_buf bytes;
};

/* What runs on a slot: a cache line. */
struct amz_sim_run {
  uint32_t rank, slot;       /* the slot's own: they stay */
  uint32_t attempt;
  bool runs;
  uint8_t killed_as;         /* enum amz_outcome; 0: ends by itself */
  int64_t begin_ns, end_ns;  /* end: AMZ_NEVER: hangs */
  uint64_t first, count;
  int64_t seen_ns;           /* by its executor for the first time; AMZ_NEVER: not yet */
  uint64_t undone;           /* positions behind `count` that it won't come to, as it was cut short */
};
_Static_assert(sizeof(struct amz_sim_run) <= AMZ_CACHE_LINE, "of thousands, each is met in memory that is cold");

/* What a slot runs when what it runs now has ended (worker.run_ahead). */
struct amz_sim_behind {
  uint64_t first, count; /* count 0: nothing */
  uint32_t attempt;
};

/* Likewise. */
struct amz_sim_rank {
  bool dead;
  bool looks;      /* its next look is on the agenda */
  int64_t frozen_until_ns;
  int64_t tick_ns; /* the tick that counts */
  int64_t end_ns;  /* of a RUN, at which its clock rings: no tick behind it is needed, as it sets one; AMZ_NEVER: none is known */
  double speed;
  int64_t starts_ns; /* until then it starts what it was given before */
};
_Static_assert(sizeof(struct amz_sim_rank) <= AMZ_CACHE_LINE, "as above");

/* The pack of a rank: its last record, and what of it is on disk. */
struct amz_sim_pack {
  uint64_t seq, durable_upto, sync_seq;
};

struct amz_world {
  const struct amz_sim_config *config;
  int64_t now_ns;
  bool many;     /* ranks */
  bool ended;    /* the master has come to its end */
  bool calm;     /* messages take equally long and come once */
  bool sure;     /* tasks are told in bulk, and succeed unless they are killed */
  struct amz_master *master;
  int64_t master_tick_ns, master_free_ns;
  struct amz_crew crew; /* the workers */
  struct amz_sim_rank *ranks;
  struct amz_sim_pack *packs; /* of the ranks; NULL: they have none */
  struct amz_sim_run *runs;
  struct amz_sim_behind *behind; /* of each run; NULL: workers don't run ahead */
  void *ranks_memory, *runs_memory; /* what is to be freed: arrays begin with a cache line of it */
  struct amz_actions *actions;
  struct amz_actions_block *spare; /* chains without users */
  struct amz_rng rng;   /* of the network; tasks don't draw from it */
  struct amz_sim_letter *letters;
  uint32_t n_letters, unused_letter;
  size_t cap_letters;
  /* Events and what they bring, made once: only what is named differs from one to the next. */
  struct amz_event tick, mail; /* mail: message */
  struct amz_event ran;        /* slot */
  struct amz_bulk bulk;        /* of `ran`; attempt, slot and chunk_id are the worker's to fill in */
  uint64_t partials[2];
  struct amz_result *results; /* of one RAN */
  size_t cap_results;
  int64_t first_start_ns, last_end_ns;
  struct amz_sim_result result;
  uint32_t due;  /* the place whose clock has rung last: it is set anew when all that came of it is known; AMZ_NO_PLACE: none */
  uint32_t expected; /* the place whose memory was fetched last */
  struct amz_clocks clocks; /* of the places */
  struct amz_agenda agenda;
};
#define AMZ_NO_PLACE UINT32_MAX

static inline int amz_world_push(struct amz_world *w, int64_t at_ns, enum amz_sim_event kind, uint64_t number)
{
  return amz_agenda_push(&w->agenda, at_ns, number << AMZ_SIM_EVENT_BITS | kind);
}

/* Sets the clock of a place, after something that it depends on has changed. */
static inline void amz_world_set_clock(struct amz_world *w, uint32_t place)
{
  const struct amz_sim_run *run = &w->runs[place];
  const struct amz_sim_rank *r = &w->ranks[run->rank];
  int64_t at_ns = run->runs ? run->end_ns : AMZ_NEVER;

  if (place == w->due)
    return;
  if (run->slot == 0 && r->tick_ns < at_ns)
    at_ns = r->tick_ns;
  amz_clocks_set(&w->clocks, place, at_ns < r->frozen_until_ns ? r->frozen_until_ns : at_ns);
}

/* ---- net.c */
/* Sends the message, of an action of w->actions, at from_ns. */
static int amz_world_post(struct amz_world *w, const struct amz_message *m, bool to_master, int64_t from_ns) AMZ_MUST_CHECK;
/* What the last step has sent keeps its memory. */
static void amz_world_part(struct amz_world *w);
/* \return the list for the actions of the next step. */
static inline struct amz_actions *amz_world_actions(struct amz_world *w)
{
  struct amz_actions *out = w->actions;

  if (out->first && out->first->users)
    amz_world_part(w);
  out->count = 0;
  amz_actions_turn(out, out->first);
  return out;
}
/* The letter's message as its receiver gets it; `decoded` is for its own use. Release with amz_world_read. */
static inline int amz_world_open(const struct amz_world *w, uint32_t letter, struct amz_message *decoded,
                                 const struct amz_message **ret)
{
  const struct amz_sim_letter *l = &w->letters[letter];

  *ret = l->message ? l->message : decoded;
  return l->message ? AMZ_OK : amz_message_decode(l->bytes.data, l->bytes.len, decoded);
}
static void amz_world_read(struct amz_world *w, uint32_t letter, struct amz_message *decoded);
/* Keeps the message that stood in a line until then. */
static int amz_world_keep(struct amz_world *w, const struct amz_agenda_item *item, int64_t until_ns) AMZ_MUST_CHECK;
/* One of the messages in this memory has been read; accepts NULL. */
static inline void amz_world_leave(struct amz_world *w, struct amz_actions_block *chain)
{
  if (!chain || --chain->users || chain == w->actions->first)
    return;
  chain->next_chain = w->spare;
  w->spare = chain;
}
static void amz_world_clear_net(struct amz_world *w);

/* ---- rank.c */
/* A step of the rank's worker, and what it does. */
static int amz_world_step_worker(struct amz_world *w, uint32_t rank, struct amz_event *e) AMZ_MUST_CHECK;
/* Has the rank's worker ticked by its deadline, if nothing else will be by then. */
static void amz_world_set_tick(struct amz_world *w, uint32_t rank);
/* A RUN will end at another time than was foreseen. */
static void amz_world_retime(struct amz_world *w, struct amz_sim_run *run, int64_t end_ns);
static int amz_world_end_run(struct amz_world *w, uint64_t place) AMZ_MUST_CHECK;
/* Gives back what waits there, if anything does. */
static int amz_world_withdraw(struct amz_world *w, uint64_t place) AMZ_MUST_CHECK;
/* \return the seconds that tasks take on a core of speed 1. */
static double amz_world_run_s(const struct amz_world *w, uint64_t first, uint64_t count, uint32_t attempt);
static void amz_world_pace_rank(struct amz_world *w, uint32_t rank, double factor);
static void amz_world_kill_rank(struct amz_world *w, uint32_t rank);

/* ---- look.c */
/* Something has begun: the rank's executor will look at it, if it does such things. */
static int amz_world_watch_rank(struct amz_world *w, uint32_t rank) AMZ_MUST_CHECK;
/* The executor looks at what runs, and cuts short what is overdue. */
static int amz_world_look(struct amz_world *w, uint32_t rank) AMZ_MUST_CHECK;

/* ---- work.c */
/* takes two */
enum amz_sim_draw { AMZ_SIM_DRAW_FAIL = 1, AMZ_SIM_DRAW_HANG, AMZ_SIM_DRAW_SKIP, AMZ_SIM_DRAW_STUBBORN, AMZ_SIM_DRAW_TIME,
                    AMZ_SIM_DRAW_UNDONE = AMZ_SIM_DRAW_TIME + 2 };
/* \return uniform in [0, 1): the same for the same arguments. */
static inline double amz_sim_uniform(uint64_t seed, uint64_t position, uint32_t attempt, unsigned draw)
{
  uint64_t h = amz_mix64(amz_mix64(seed ^ ((uint64_t)draw << 32 | attempt)) ^ position);

  return (double)(h >> 11) * 0x1p-53;
}

/* \return a + b, both >= 0; AMZ_NEVER when that is too much or either is. */
static inline int64_t amz_sim_later(int64_t a, int64_t b)
{
  return a > AMZ_NEVER - b ? AMZ_NEVER : a + b;
}

#endif
