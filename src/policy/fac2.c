/* FAC2, factoring with x = 2: batches of P equal chunks, each batch half of what remains at its start, ceil(R/(2P)).
 * Hummel, Schonberg and Flynn, "Factoring: a method for scheduling parallel loops", CACM 35(8), 1992.
 *
 * The size is kept in the state, not derived from the number of chunks: it stays right when tasks return. A batch ends
 * early when P changes, for its chunks were cut for another number of takers (P doubling would hand out everything at once). */
#include "policies.h"

struct state {
  uint32_t slots; /* P of the batch */
  uint32_t left;  /* chunks of the batch still to come */
  uint64_t size;
};

static uint64_t next(void *state, const struct amz_policy_ask *ask)
{
  struct state *s = state;

  if (s->left == 0 || s->slots != ask->slots) {
    s->slots = s->left = ask->slots;
    s->size = amz_ceil_div(ask->remaining, 2 * (uint64_t)ask->slots);
  }
  s->left--;
  return s->size;
}

const struct amz_policy_ops amz_policy_fac2 = {
  .name = "fac2",
  .summary = "batches of P chunks, each batch half of what remains",
  .source = "Hummel, Schonberg and Flynn 1992, x = 2",
  .state_bytes = sizeof(struct state),
  .next = next,
};
