/* GSS, guided self-scheduling: a P-th of what remains, ceil(R/P).
 * Polychronopoulos and Kuck, "Guided self-scheduling", IEEE Trans. Computers C-36(12), 1987. */
#include "policies.h"

static uint64_t next(void *state, const struct amz_policy_ask *ask)
{
  (void)state;
  return amz_ceil_div(ask->remaining, ask->slots);
}

const struct amz_policy_ops amz_policy_gss = {
  .name = "gss",
  .summary = "a P-th of what remains",
  .source = "Polychronopoulos and Kuck 1987",
  .next = next,
};
