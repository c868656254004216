/* Hints that a step comes soon: its memory is fetched meanwhile. Among thousands of ranks each step finds its own cold, and the
 * simulator, who knows who is next, would wait for memory most of its time. They change nothing. Shared with src/sim. */
#ifndef AMZ_SRC_SCHED_SOON_H
#define AMZ_SRC_SCHED_SOON_H

#include <amorsize/sched.h>

#define AMZ_CACHE_LINE 64

void amz_worker_soon(const struct amz_worker *w);
/* A message of this rank, which tells of what it has from `position` on: on its way, and then next. */
void amz_master_sooner_or_later(const struct amz_master *m, uint64_t position);
void amz_master_soon(const struct amz_master *m, uint32_t rank, uint64_t position);

#endif
