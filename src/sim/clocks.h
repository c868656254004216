/* Many clocks, each of which is set to one time, and the question which rings first: a tournament (Knuth, TAOCP 3, 5.4.1, tree of
 * winners). Setting one replays its way to the top, or as far as that changes anything, through memory that is known beforehand;
 * nothing is put or taken away, and hardly a branch is foreseen wrongly. Of equal times, the clock with the lowest number rings
 * first. Room-private. */
#ifndef AMZ_SRC_SIM_CLOCKS_H
#define AMZ_SRC_SIM_CLOCKS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <amorsize/error.h>

/* Made by amz_clocks_init. Invariant: winners[i] is the one of winners[2i] and winners[2i + 1] that rings first, and
 * winners[leaves + n] is n. */
struct amz_clocks {
  uint64_t *at_ns;   /* of each, <= INT64_MAX: which is never */
  uint32_t *winners; /* 2 · leaves; the first of them isn't used */
  uint32_t leaves;   /* a power of two, >= 2 */
};

/* `count` clocks, at most 2^30, that never ring. \return AMZ_OK; AMZ_ENOMEM; amz_clocks_clear releases what there is. */
int amz_clocks_init(struct amz_clocks *c, uint32_t count) AMZ_MUST_CHECK;
void amz_clocks_clear(struct amz_clocks *c);

/* To an earlier time: what it loses it has lost before, so that everything above is as it was. */
static inline void amz_clocks_set_earlier(struct amz_clocks *c, uint32_t number, uint64_t at)
{
  uint32_t *winners = c->winners;

  for (uint32_t i = c->leaves + number; i > 1 && c->at_ns[winners[i ^ 1]] >= at + (i & 1); i /= 2)
    winners[i / 2] = number;
}

static inline void amz_clocks_set(struct amz_clocks *c, uint32_t number, int64_t at_ns)
{
  uint32_t *winners = c->winners, winner = number;
  uint64_t *times = c->at_ns, at = (uint64_t)at_ns, before = times[number];

  times[number] = at;
  if (at <= before) {
    amz_clocks_set_earlier(c, number, at);
    return;
  }
  for (uint32_t i = c->leaves + number; i > 1; i /= 2) {
    uint32_t other = winners[i ^ 1];
    uint64_t other_at = times[other];
    bool loses = other_at < at + (i & 1); /* an odd one plays against lower numbers, who win if they ring at the same time */

    winner = loses ? other : winner;
    at = loses ? other_at : at;
    winners[i / 2] = winner;
  }
}

/* \return the one that rings first, *ret_at_ns: when. */
static inline uint32_t amz_clocks_first(const struct amz_clocks *c, int64_t *ret_at_ns)
{
  *ret_at_ns = (int64_t)c->at_ns[c->winners[1]];
  return c->winners[1];
}

#endif
