/* STATIC: each slot gets its share once; shares differ by at most one task.
 *
 * A round divides what remains at its start over the slots: the first R mod P chunks have floor(R/P) + 1 tasks, the others
 * floor(R/P), which are the sizes ceil(N/P) and floor(N/P) of a block distribution. A second round only comes when tasks return
 * (a rank died), and shares them out again. The sizes of a round stay when tasks return in its midst, for otherwise the
 * last slot would be given all of them; when slots join, the rest of the round is shared anew among those still to come. */
#include "policies.h"

#include <stdbool.h>

struct state {
  uint32_t slots; /* P of the round */
  uint32_t given; /* chunks of the round handed out */
  uint32_t long_until; /* chunks with a number below this one have one task more */
  uint64_t size;
};

static void share(struct state *s, uint64_t remaining)
{
  uint32_t left = s->slots - s->given;

  s->size = remaining / left;
  s->long_until = s->given + (uint32_t)(remaining % left);
}

static uint64_t next(void *state, const struct amz_policy_ask *ask)
{
  struct state *s = state;
  bool fresh = s->given >= s->slots, grown = ask->slots > s->slots;

  if (fresh)
    s->given = 0;
  if (fresh || grown) {
    s->slots = ask->slots;
    share(s, ask->remaining);
  }
  return s->size + (s->given++ < s->long_until);
}

const struct amz_policy_ops amz_policy_static = {
  .name = "static",
  .summary = "one equal share per slot",
  .source = "block distribution, ceil(N/P) once each",
  .state_bytes = sizeof(struct state),
  .next = next,
};
