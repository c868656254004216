/* The worker's parts: crew.c (many that are alike), run.c (queue, slots, signals), next.c (RUNs that wait on their slots), room.c
 * (what fits beside what runs), tell.c (hunger, reports, durability), worker.c (the step). Room-private. */
#ifndef AMZ_SRC_SCHED_WORKER_H
#define AMZ_SRC_SCHED_WORKER_H

#include <amorsize/sched.h>

#include "actions.h"

/* What runs on a slot. */
struct amz_slot {
  uint64_t chunk_id, first, count; /* of the RUN; chunk_id 0: of several */
  uint64_t left;       /* positions not told of yet; 0: idle */
  uint64_t undone;     /* positions that came back */
  double wall_ns;      /* Σ of the tasks' own times */
  uint32_t attempt;
  int64_t started_ns;
  int64_t signal_ns;   /* when the next signal is due */
  enum amz_outcome as; /* what it was signalled for; 0: not yet */
  struct amz_need need; /* while it runs; nothing when there are no needs */
};

/* What was next, but didn't fit beside what ran. */
struct amz_aside {
  struct amz_chunk chunk; /* whose positions all take the same */
  struct amz_need need;
  uint32_t overtaken;     /* by so many RUNs that came behind it */
};

/* Chunks, or parts of such, of which a RUN consists when it is of more than one. */
struct amz_parts {
  struct amz_chunk *chunks;
  size_t count, cap;
};

/* The RUN that a slot begins by itself when the one that runs there has ended. */
struct amz_next {
  struct amz_slot run; /* left 0: none */
  struct amz_parts parts;
};

/* Chunks in the order in which they came; a ring. */
#define AMZ_QUEUE_LEAST 2u
struct amz_queue {
  struct amz_chunk *chunks;
  size_t cap, first, count; /* cap: a power of two */
  uint64_t positions;
  struct amz_chunk least[AMZ_QUEUE_LEAST]; /* chunks, as long as that is enough */
};

/* What each step looks at comes first, what is rare last. */
struct amz_worker {
  int64_t now_ns;
  bool started, finished, broken;
  bool open_told;        /* the master knows `open` */
  bool overestimated;    /* how much can be run in a time: what is queued may be too much */
  bool recalled;         /* others want what is queued */
  bool dry;              /* the master has said that there is nothing for now */
  bool timing;           /* the answer to the request of asked_ns is still measured */
  bool syncing;
  enum amz_stop stop;
  uint32_t rank;
  uint32_t capacity;     /* the most slots that there may be */
  uint32_t n_slots;      /* in use: the first ones; others run at most what they began earlier */
  uint32_t n_idle, n_busy;
  uint32_t open;         /* so many slots may run something; the others are barred */
  uint32_t asked;        /* chunks asked for that haven't come */
  uint32_t n_aside;
  /* complete; of workers that are alike it is one for all: rank and slots there say nothing */
  const struct amz_worker_config *config;
  uint32_t *idle;        /* stack of idle slots below n_slots */
  struct amz_slot *slots;
  uint64_t sent_seq;
  int64_t beat_ns;       /* when it must send something */
  int64_t asked_ns;
  int64_t ask_ns;        /* when it should ask for more although no slot is idle yet, AMZ_NEVER: not */
  int64_t report_ns;     /* when what is buffered must be told, AMZ_NEVER: nothing is */
  int64_t signal_ns;     /* no signal is due on any slot before this */
  int64_t cancel_ns;     /* when what runs is killed */
  int64_t leave_ns;      /* broken: when it goes even if something seems to run */
  int64_t sync_ns;       /* when the next SYNC is due, AMZ_NEVER: all is durable */
  uint64_t seq_seen, durable_upto, durable_told, sync_target;
  int64_t last_start_ns; /* of a RUN */
  uint64_t tasks_done;   /* ended on the slots */
  double lead_ns, task_ns, chunk_tasks; /* running means: request to answer, one task on its slot, tasks of a chunk; 0: unknown */
  double wall_ns;        /* likewise, of one task by itself */
  double share, others;  /* of n_slots: what one is of them, and what all but one are */
  size_t n_results, n_bulks, cap_bulks;
  struct amz_bulk *bulks;
  struct amz_aside *aside; /* in front of the queue, oldest first; room for one per slot that may be; NULL: there are no needs */
  struct amz_parts *parts; /* per slot */
  struct amz_next *next;   /* likewise; NULL: slots wait for us between RUNs */
  uint64_t next_positions; /* of all that are next, */
  uint32_t n_next;         /* on so many slots */
  struct amz_bulk least_bulk; /* `bulks`, as long as one is enough */
  struct amz_buf partials; /* of all bulks, one behind the other: their own pointers are set when they are sent */
  struct amz_queue queue;
  struct amz_replay replay;
  struct amz_result *results;
  size_t cap_results;
  struct amz_buf errors; /* of all results that have one, each with its NUL: their own pointers are set when they are sent */
  struct amz_need room;    /* that what runs leaves */
  struct amz_worker_config *own_config; /* `config`, when it is this worker's alone */
};

/* ---- worker.c */
/* \return AMZ_OK, *ret: with what wasn't given; AMZ_EINVAL. */
static int amz_worker_complete(const struct amz_worker_config *given, struct amz_worker_config *ret) AMZ_MUST_CHECK;
/* \return the size of a worker with all that it has of each slot; 0: too much. */
static size_t amz_worker_bytes(const struct amz_worker_config *config, uint32_t slots);
/* Makes a worker in so many zeroed bytes; it keeps the config, which is complete. \return AMZ_OK; AMZ_ENOMEM: as else,
 * amz_worker_clear releases what it has. */
static int amz_worker_init(struct amz_worker *w, const struct amz_worker_config *config, uint32_t rank,
                           uint32_t slots) AMZ_MUST_CHECK;
static void amz_worker_clear(struct amz_worker *w); /* also one that is still zeroed */

/* ---- run.c */
static int amz_worker_queue(struct amz_worker *w, const struct amz_chunk *chunk) AMZ_MUST_CHECK;
static void amz_worker_forget_queue(struct amz_worker *w);
static int amz_worker_run(struct amz_worker *w, struct amz_actions *out) AMZ_MUST_CHECK;
/* The first `slots` slots (1 .. capacity) are in use from now on, all of them open. */
static void amz_worker_resize(struct amz_worker *w, uint32_t slots);
/* \return how many positions of the queue, which isn't empty, a slot takes at once. */
static uint64_t amz_worker_grain(const struct amz_worker *w);
/* Takes what a RUN is to consist of off the queue, `wanted` positions at most. \return AMZ_OK; AMZ_ENOMEM; *ret: id 0 when it is
 * of several chunks, which are in *parts then. */
static int amz_worker_gather(struct amz_worker *w, struct amz_parts *parts, uint64_t wanted,
                             struct amz_chunk *ret) AMZ_MUST_CHECK;
/* Tells to run a chunk on a slot; fills in *ret. */
static int amz_worker_start(struct amz_worker *w, uint32_t slot, const struct amz_chunk *c, struct amz_slot *ret,
                            struct amz_actions *out) AMZ_MUST_CHECK;
/* Takes up to `most` positions off the queue's first chunk. */
static struct amz_chunk amz_worker_take(struct amz_worker *w, uint64_t most);
/* Tells how many slots are open, and gives back what they needn't keep. */
static int amz_worker_yield(struct amz_worker *w, struct amz_actions *out) AMZ_MUST_CHECK;
/* After what was told: gives back what is queued by a belief that was wrong, or wanted by others. */
static int amz_worker_yield_unbegun(struct amz_worker *w, struct amz_actions *out) AMZ_MUST_CHECK;
/* Tasks have ended. */
static int amz_worker_ran(struct amz_worker *w, const struct amz_event *e) AMZ_MUST_CHECK;
/* Timeouts and the end of the grace that are due. */
static int amz_worker_signal(struct amz_worker *w, struct amz_actions *out) AMZ_MUST_CHECK;

/* ---- next.c: for a worker that runs ahead */
/* Gives busy slots what they run next, as far as there is something. */
static int amz_worker_fill_next(struct amz_worker *w, struct amz_actions *out) AMZ_MUST_CHECK;
/* What ran on a slot has ended. \return whether the slot has begun what was next; false: there was nothing. */
static bool amz_worker_begin_next(struct amz_worker *w, uint32_t slot);

/* ---- room.c: for a worker with needs */
/* \return what may begin now, in *ret; false: nothing that fits is here. */
static bool amz_worker_next_fitting(struct amz_worker *w, struct amz_chunk *ret, struct amz_need *ret_need);
static void amz_worker_leave_room(struct amz_worker *w, struct amz_slot *slot);

/* ---- tell.c */
static int amz_worker_keep_result(struct amz_worker *w, const struct amz_result *r) AMZ_MUST_CHECK;
/* With the slot's chunk and attempt. */
static int amz_worker_keep_bulk(struct amz_worker *w, const struct amz_bulk *b, const struct amz_slot *s) AMZ_MUST_CHECK;
static void amz_worker_answered(struct amz_worker *w, size_t chunks);
/* What was asked for won't come. */
static void amz_worker_forget_asked(struct amz_worker *w);
static void amz_worker_durable(struct amz_worker *w, uint64_t durable_upto);
static struct amz_message *amz_worker_send(struct amz_worker *w, enum amz_message_kind kind, struct amz_actions *out);
/* SYNC and REPORT, if it is time. */
static int amz_worker_tell(struct amz_worker *w, struct amz_actions *out) AMZ_MUST_CHECK;
/* BYE with everything that is buffered. */
static int amz_worker_say_bye(struct amz_worker *w, struct amz_actions *out) AMZ_MUST_CHECK;
/* \return how many queued positions cover the time that an answer takes. */
static uint64_t amz_worker_ahead(const struct amz_worker *w);
/* \return how many are begun here before others could begin them. */
static uint64_t amz_worker_soonest(const struct amz_worker *w);
/* Sets ask_ns, after what it depends on has changed. */
static void amz_worker_look_ahead(struct amz_worker *w);

/* \return how many slots could begin something now. */
static inline uint32_t amz_worker_free_slots(const struct amz_worker *w)
{
  uint32_t most = w->open > w->n_busy ? w->open - w->n_busy : 0;

  return w->n_idle < most ? w->n_idle : most;
}

/* \return chunks, or parts of such, that wait here. */
static inline size_t amz_worker_kept(const struct amz_worker *w)
{
  return w->queue.count + w->n_aside;
}

/* \return positions of which nothing has begun. */
static inline uint64_t amz_worker_waiting(const struct amz_worker *w)
{
  return w->queue.positions + w->next_positions;
}

static inline int64_t amz_worker_earlier(int64_t a, int64_t b)
{
  return a < b ? a : b;
}

/* amz_worker_deadline */
static inline int64_t amz_worker_next_due(const struct amz_worker *w)
{
  int64_t at_ns = amz_worker_earlier(amz_worker_earlier(w->beat_ns, w->signal_ns),
                                     amz_worker_earlier(w->cancel_ns, w->leave_ns));

  at_ns = amz_worker_earlier(at_ns, amz_worker_earlier(w->report_ns, w->ask_ns));
  if (!w->syncing)
    at_ns = amz_worker_earlier(at_ns, w->sync_ns);
  return w->finished || !w->started ? AMZ_NEVER : at_ns;
}

static inline bool amz_worker_is_idle(const struct amz_worker *w)
{
  return w->n_busy == 0 && amz_worker_kept(w) == 0;
}

static inline int64_t amz_worker_after(const struct amz_worker *w, int64_t wait_ns)
{
  return wait_ns > AMZ_NEVER - w->now_ns ? AMZ_NEVER : w->now_ns + wait_ns;
}

#endif
