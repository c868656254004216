/* Threads that each keep one core busy, all at the same time. */
#ifndef AMZ_NODE_MEASURE_CREW_H
#define AMZ_NODE_MEASURE_CREW_H

#include <stdatomic.h>
#include <stdint.h>

#include <amorsize/error.h>

/* Where n threads wait for one another, again and again. Spins at first: a sleep would begin the next pass late. */
struct amz_meet {
  uint32_t n;
  atomic_uint arrived, turn;
};

void amz_meet_init(struct amz_meet *meet, uint32_t n);
void amz_meet_wait(struct amz_meet *meet);

/* Runs body(ctx, i) for i < n, each in a thread of its own that is bound to units[i] from its first instruction on; returns when
 * all have ended. Either all of them run or none. No signal is handled by them.
 * \return AMZ_OK; AMZ_EENV with *err: no such threads are to be had; AMZ_ENOMEM. */
int amz_crew_run(const uint32_t *units, uint32_t n, void (*body)(void *ctx, uint32_t i), void *ctx, struct amz_error *err);

#endif
