/* Rank 0 works too, unless scheduling leaves it no time: then it gives up slots, and takes them back when all is calm.
 *
 * Judged by windows of a second. `had`: the share of it for which the loop had a CPU; `missed`: for which it could have run and
 * had none. What it misses counts as far as slots of ours may be to blame, which have one core each: where a loop shares its core
 * with one of them, a fair kernel gives it half. What it misses beyond what it had is due to other work (or a quota): fewer slots
 * of ours wouldn't help, and it says nothing of how much there is to schedule.
 *
 * So the loop is busy for had + min(missed, had). At one half, a message waits about as long for its turn as it takes to serve
 * (M/M/1: ρ/(1 − ρ) service times); above, others' slots idle for want of answers. One slot less leaves the loop a core of its
 * own. More slots are given up only while the loop wants a core that it doesn't get. Pure. */
#ifndef AMZ_RUN_YIELD_H
#define AMZ_RUN_YIELD_H

#include <stdbool.h>
#include <stdint.h>

#define AMZ_YIELD_WINDOW_NS INT64_C(1000000000)

struct amz_yield {
  uint32_t slots, open; /* of rank 0: all, in use now */
  uint32_t fewest;      /* that ever were open */
  double busy;          /* of the window that made it give up the first one */
  unsigned hot, calm;   /* windows in a row */
};

void amz_yield_init(struct amz_yield *y, uint32_t slots);
/* It has another number of slots; what it has given up stays given up. */
void amz_yield_resize(struct amz_yield *y, uint32_t slots);
/* A window has passed. \return how many slots are to be open from now on. */
uint32_t amz_yield_window(struct amz_yield *y, double had, double missed);

#endif
