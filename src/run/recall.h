/* Which job this is, and what the history knows of it, found out beside what else a launch begins with: a look at the node,
 * reading programs and files, which take some ten milliseconds, while the launch mostly waits for a disk. */
#ifndef AMZ_RUN_RECALL_H
#define AMZ_RUN_RECALL_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

#include <amorsize/history.h>
#include <amorsize/job.h>

#include "run.h"

/* Zero-initialised it holds nothing. */
struct amz_recall {
  /* what is asked: */
  const struct amz_job *job;
  bool finds;                     /* what is known, not the key alone */
  /* what came of it, behind amz_recall_wait: */
  struct amz_history_key key;     /* text NULL: it couldn't be made, see err. Owned */
  struct amz_history_known known; /* runs 0: nothing. Owned */
  struct amz_quantity chunk_s, service_s; /* of a chunk, to its slot and to the master, as measured on this node, or unknown */
  int rc;                         /* AMZ_OK; why there is no key; AMZ_EIO: the history can't be read */
  struct amz_error err;
  /* its own: */
  pthread_t thread;
  bool asked, runs;
  atomic_bool done;
};

/* Begins in a thread of its own, or does it at once where there is none to be had. Signals are for the caller's threads. */
void amz_recall_begin(struct amz_recall *r, const struct amz_job *job, bool finds);
/* \return whether what came of it is there. Doesn't wait. */
bool amz_recall_done(const struct amz_recall *r);
/* Waits for it; accepts one that never began. */
void amz_recall_wait(struct amz_recall *r);
/* Waits, and hands over what is known; what can't be read is told. */
void amz_recall_take(struct amz_recall *r, const struct amz_run_observer *observer, struct amz_history_known *ret);
/* Waits, and releases. */
void amz_recall_clear(struct amz_recall *r);

#endif
