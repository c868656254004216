/* The positions that nobody has: fresh ones behind a cursor, ranges that came back, retries that wait for their time.
 * Room-private. */
#ifndef AMZ_SRC_SCHED_POOL_H
#define AMZ_SRC_SCHED_POOL_H

#include <stdbool.h>

#include <amorsize/sched.h>

#include "heap.h"

struct amz_returned {
  uint64_t first, count;
  uint32_t attempt;
};

struct amz_pool {
  uint64_t tasks;
  uint64_t fresh;     /* positions below it have been handed out at least once */
  uint64_t waiting;   /* positions in the pool, in all three places */
  uint64_t *settled;  /* bit set: the position has its outcome; it may still lie in the pool and is passed over when taken */
  uint64_t n_settled;
  struct amz_returned *returned; /* the last one is taken first */
  size_t n_returned, cap_returned;
  struct amz_heap retries; /* key: position, value: attempt */
};

int amz_pool_init(struct amz_pool *p, uint64_t tasks) AMZ_MUST_CHECK;
void amz_pool_clear(struct amz_pool *p);

/* \return whether something could be taken now (all of it may turn out to be settled). */
static inline bool amz_pool_available(const struct amz_pool *p, int64_t now_ns)
{
  return p->fresh < p->tasks || p->n_returned || (p->retries.count && p->retries.items[0].at_ns <= now_ns);
}
/* Takes up to `want` (>= 1) consecutive positions of one attempt: retries that are due, then what came back, then fresh ones.
 * \return whether there were any; *ret has no id yet. */
bool amz_pool_take(struct amz_pool *p, int64_t now_ns, uint64_t want, struct amz_chunk *ret);
/* Gives back a range. \return AMZ_OK; AMZ_ENOMEM. */
int amz_pool_give(struct amz_pool *p, uint64_t first, uint64_t count, uint32_t attempt) AMZ_MUST_CHECK;
/* Puts a position back for its next attempt, not before at_ns. \return AMZ_OK; AMZ_ENOMEM. */
int amz_pool_retry(struct amz_pool *p, int64_t at_ns, uint64_t position, uint32_t attempt) AMZ_MUST_CHECK;
/* \return when the next retry is due, AMZ_NEVER when there is none. */
static inline int64_t amz_pool_retry_at(const struct amz_pool *p)
{
  return p->retries.count ? p->retries.items[0].at_ns : AMZ_NEVER;
}

#endif
