/* What master and workers tell each other, and its bytes.
 *
 * One struct for both directions; the bytes begin with a version, so that ranks of different builds refuse each other
 * instead of misreading. Positions count the run's order (sched.h); nobody sends task contents.
 *
 * Every message carries the launch epoch (a message of another launch is dropped) and a sequence number per sender and
 * receiver, counted from 1, by which a receiver drops duplicates (a window of AMZ_REPLAY_WINDOW numbers, as IPsec's anti-replay
 * window, RFC 4303 section 3.4.3, so that late ones still count once). */
#ifndef AMORSIZE_MESSAGE_H
#define AMORSIZE_MESSAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <amorsize/buf.h>
#include <amorsize/error.h>

#define AMZ_MESSAGE_VERSION 7
#define AMZ_REPLAY_WINDOW 1024

enum amz_outcome {
  AMZ_SUCCEEDED = 1, /* ended with an accepted exit status */
  AMZ_FAILED,        /* ended with another, or by a signal, or couldn't be started */
  AMZ_TIMED_OUT,     /* killed at failures.timeout */
  AMZ_SKIPPED,       /* `creates` was there already: nothing was started; counts as succeeded */
  AMZ_CANCELLED,     /* killed because the run is stopping: no outcome, the task goes back */
};

#define AMZ_RESULT_ERROR_MAX 1024 /* bytes */

/* One attempt at one task. */
struct amz_result {
  uint64_t position;
  uint32_t attempt;   /* 1 for the first */
  enum amz_outcome outcome;
  uint32_t slot;
  int32_t exit_code;  /* 0..255; -1 when ended by a signal */
  int32_t signal;     /* 0 when it exited */
  uint64_t seq;       /* number of its pack record on its rank, from 1; 0: there is none to wait for */
  uint64_t pack_offset; /* where its end record begins in the rank's pack of this epoch */
  int64_t start_ns;   /* CLOCK_REALTIME at its start */
  int64_t wall_ns;
  int64_t cpu_ns;     /* user + system, with its waited-for children */
  uint64_t max_rss_bytes;
  uint64_t output_bytes; /* stdout + stderr */
  uint64_t input_bytes;  /* read from files and pipes; 0: not counted. Not recorded: it is for samples */
  int64_t waited_ns;     /* for a CPU; 0: not counted. Likewise */
  const char *error;  /* why it failed, in its own words, as plug-in tasks have no stderr of their own; NULL: it said nothing. Borrowed.
                         Only with results that have no pack record to wait for (seq 0): those are recorded at once */
};

/* Consecutive positions handed out at once. */
struct amz_chunk {
  uint64_t id;      /* unique in this launch, from 1 */
  uint64_t first;
  uint64_t count;
  uint32_t attempt; /* of all its tasks */
};

/* Tasks of a chunk that all succeeded, told in one line when single results are not worth their bytes (tiny tasks). They are
 * the `count` positions from `first` on, run one after the other on one slot.
 *
 * A bulk that brings partials of a reduction (reduce.h) counts whole or not at all, as they can't be taken apart: when a task of
 * it has an outcome already, the others run again. So in a run that reduces, every success is told by a bulk, if only of one
 * task. */
struct amz_bulk {
  uint64_t chunk_id; /* 0: of several chunks, which follow each other */
  uint64_t first, count;
  uint32_t attempt;  /* 1 for the first */
  uint32_t slot;
  uint64_t seq;      /* as a result's: recorded when its rank says that everything up to it is on disk; 0: nothing to wait for */
  int64_t start_ns;  /* CLOCK_REALTIME at the start of the first */
  double wall_s;     /* Σ of wall times */
  double wall_sq_s2; /* Σ of squares */
  double cpu_s;      /* Σ of CPU times */
  const void *partials; /* nodes of a reduction, as reduce.h encodes them, of just these tasks; here they are mere bytes */
  size_t partials_bytes; /* 0: none; at most AMZ_PARTIALS_MAX */
  uint32_t value_type, value_width; /* what the partials are of: enum amz_value, and how many per task */
};
#define AMZ_PARTIALS_MAX (UINT32_C(1) << 30)

enum amz_message_kind {
  AMZ_MSG_HELLO = 1, /* worker → master, first: slots, node */
  AMZ_MSG_REPORT,    /* worker → master: results, hunger, durable receipts; empty it is a heartbeat */
  AMZ_MSG_BYE,       /* worker → master, last: everything durable, nothing running */
  AMZ_MSG_ASSIGN,    /* master → worker: chunks; empty it is a heartbeat */
  AMZ_MSG_STOP,      /* master → worker: see `stop` */
  AMZ_MSG_YIELD,     /* worker → master: runs `slots` tasks at a time from now on, and gives chunks back that it hasn't begun */
  AMZ_MSG_RECALL,    /* master → worker: others are idle and nothing is left: what it hasn't begun shall come back, now or as soon as
                        there is something, unless it gets new chunks before. What it has asked for is forgotten */
};

enum amz_stop {
  AMZ_STOP_NONE,
  AMZ_STOP_DONE,  /* nothing left anywhere: make durable, say BYE */
  AMZ_STOP_DRAIN, /* start nothing more, let running tasks end within grace, then as CANCEL */
  AMZ_STOP_CANCEL /* kill running tasks, make durable, say BYE */
};

struct amz_message {
  enum amz_message_kind kind;
  uint32_t epoch;
  uint32_t rank;  /* of the worker, in both directions */
  uint64_t seq;   /* per sender and receiver, from 1 */
  /* HELLO, YIELD */
  uint32_t slots;
  /* HELLO */
  const char *node;     /* borrowed; NUL-terminated; NULL is "" */
  /* REPORT and BYE */
  uint32_t hungry;      /* how many chunks are wanted on top of those asked for before (0: no more) */
  uint32_t busy;        /* slots that run a task */
  uint64_t durable_upto; /* all pack records up to this seq are on disk */
  const struct amz_result *results;
  size_t n_results;
  const struct amz_bulk *bulks;
  size_t n_bulks;
  /* ASSIGN, YIELD */
  const struct amz_chunk *chunks;
  size_t n_chunks;
  /* STOP */
  enum amz_stop stop;
  int64_t grace_ns;
};

/* Appends the encoded message. \return AMZ_OK; AMZ_ENOMEM; AMZ_EINVAL: kind unknown, or more of something than a length can
 * say. */
int amz_message_encode(const struct amz_message *m, struct amz_buf *out);

/* A decoded message owns its arrays; release with amz_message_clear. Bytes from outside: counts are bounded by what is there.
 * \return AMZ_OK; AMZ_ECORRUPT: truncated, too long, unknown kind or enum value, another version; AMZ_ENOMEM. */
int amz_message_decode(const void *bytes, size_t n, struct amz_message *ret);
void amz_message_clear(struct amz_message *m); /* only what decode made */

/* Accepts each sequence number once. Zero-initialised is fresh. As long as none is missing, the bits aren't looked at. */
struct amz_replay {
  uint64_t highest;
  uint64_t whole; /* all numbers up to it have been seen; <= highest */
  uint64_t seen[AMZ_REPLAY_WINDOW / 64]; /* of those above it, modulo the window */
};
/* \return true the first time a number is shown; false for a number seen before, 0, or older than the window. */
static inline bool amz_replay_accept(struct amz_replay *r, uint64_t seq);
bool amz_replay_accept_other(struct amz_replay *r, uint64_t seq); /* its rare part: not the next one in an unbroken row */
static inline bool amz_replay_accept(struct amz_replay *r, uint64_t seq)
{
  if (seq != r->highest + 1 || r->whole != r->highest || seq == 0)
    return amz_replay_accept_other(r, seq);
  r->highest = r->whole = seq;
  return true;
}

#endif
