/* Plug-in tasks, the rank's side: what the executor's files share.
 *
 * A RUN of the worker is worked on as one or more orders to a host's lane. The hosts 0 .. slots-1 are the ordinary ones (when the
 * plug-in is thread-safe host 0 has a lane for every slot, and the others don't exist); host slots+i is slot i's alone: a process
 * in which a task that ended another one is tried once more, with nobody beside it.
 *
 * A slot may have a second RUN behind the one that it works on, so that its lane goes on by itself. It can be taken back until
 * the lane begins it.
 *
 * Invariants. Positions of a RUN are told to the worker in their sequence: first those told of, then those in `sent`, then those
 * from `next` on, which weren't ordered yet; all of them before any of the RUN behind, of which nothing is ordered before all of
 * the first one is. A slot that is `alone` has shrunk its RUN to what is suspected; nothing is ordered of the one behind
 * meanwhile. A host takes orders only while it is alive. */
#ifndef AMZ_RUN_PLUGIN_H
#define AMZ_RUN_PLUGIN_H

#include <stdbool.h>
#include <stdint.h>

#include "../exec/plugin_host.h"
#include "executor.h"
#include "loop_state.h"

#define AMZ_PLUGIN_RUN_NAME 256
/* orders of a lane, so that it goes on while we are told of the last one; the ring has room for as many (exec/plugin_host.c) */
#define AMZ_PLUGIN_AHEAD 2u

/* Positions that a lane was ordered to run. */
struct amz_plugin_order {
  uint64_t number, first, count;
  uint64_t told; /* so many of them, the first ones, were told of */
};

struct amz_plugin_run {
  uint64_t first, count;  /* count 0: none */
  uint64_t next;          /* so many of its positions were ordered */
  uint64_t left;          /* so many weren't told of */
  uint32_t attempt;
};

struct amz_plugin_slot {
  struct amz_plugin_run run, behind;
  struct amz_plugin_order sent[AMZ_PLUGIN_AHEAD];
  unsigned n_sent, n_behind; /* n_behind: so many of them, the last ones, are of the RUN behind */
  bool alone;             /* what it has may end its process: it runs in one of its own */
  bool given_up;          /* told to end: what wasn't ordered goes back */
  bool timed_out;         /* its host is being killed because of its task */
  uint64_t seen_number, seen_at; /* what was seen to run, and since when */
  int64_t seen_ns, order_ns;     /* order_ns: since when this order was seen to run */
};

struct amz_plugin_process {
  struct amz_host_link *link; /* NULL: none */
  bool alive;                 /* the helper has it */
  bool killed, told, leaving; /* by us; it has told of a task; it needn't come back */
};

enum amz_plugin_mode {
  AMZ_PLUGIN_UNKNOWN, /* the first host has not said yet */
  AMZ_PLUGIN_THREADS,
  AMZ_PLUGIN_PROCESSES
};

struct amz_plugin_exec {
  enum amz_plugin_mode mode;
  bool has_range;
  struct amz_host_common *common;
  struct amz_plugin_slot *slots;
  struct amz_plugin_process *hosts; /* 2 · slots */
  uint32_t n_slots;
  char *log;
  char *results;       /* path of the results' file; NULL: none is asked for, or it can't be */
  char run[AMZ_PLUGIN_RUN_NAME]; /* for its header: "NAME.runs/NNN" */
  int64_t timeout_ns;  /* 0: none */
  int64_t check_ns;    /* when to look at what runs */
  bool ready;          /* there is something to gather, as far as is known */
  unsigned barren;     /* hosts that have died since one has told of a task */
  unsigned told_deaths; /* notes about tasks that ended their process */
  bool told_close;     /* that a plug-in didn't close as it should */
};

static inline struct amz_plugin_exec *amz_plugin_of(const struct amz_loop *l)
{
  return l->executing;
}

/* \return the host that a slot's orders go to now, and by which lane. */
uint32_t amz_plugin_host_of(const struct amz_plugin_exec *p, uint32_t slot, uint32_t *ret_lane);

/* plugin_feed.c: orders what a slot has to do, as far as there is room, and starts the host that it needs. \return AMZ_OK;
 * AMZ_ENOMEM. */
int amz_plugin_feed(struct amz_loop *l, uint32_t slot);
int amz_plugin_start_host(struct amz_loop *l, uint32_t host);
/* All slots that may have waited for a host. */
int amz_plugin_feed_all(struct amz_loop *l);

/* plugin_told.c: what lanes have told. \return AMZ_OK; AMZ_ENOMEM. */
int amz_plugin_hear(struct amz_loop *l, uint32_t host);
/* Tells the worker of results (or none) and of positions that go back. */
int amz_plugin_tell(struct amz_loop *l, uint32_t slot, const struct amz_result *result, const struct amz_range *returned,
                    size_t n_returned);
/* A slot that was told to end: what wasn't ordered goes back, and what is behind. */
int amz_plugin_drop(struct amz_loop *l, uint32_t slot);
/* What is behind a slot's RUN goes back, if it hasn't begun. */
int amz_plugin_withdraw(struct amz_loop *l, uint32_t slot);

/* plugin_dead.c: a host has ended. \return AMZ_OK; AMZ_ENOMEM. */
int amz_plugin_dead(struct amz_loop *l, uint32_t host, const struct amz_exec_end *end);
/* How a host's process has ended: "was ended by signal 11 (…)". */
void amz_plugin_say_how(const struct amz_exec_end *end, char *text, size_t n);
/* \return whether there is something in the log. */
bool amz_plugin_has_printed(const struct amz_plugin_exec *p);
/* A host refuses to serve: the loop is broken with its words; AMZ_EINVAL when it is the job's wish that it can't fulfil. */
void amz_plugin_break_refused(struct amz_loop *l, const struct amz_host_link *link);

#endif
