/* SS, self-scheduling: one task at a time. The best balance and the most messages. */
#include "policies.h"

static uint64_t next(void *state, const struct amz_policy_ask *ask)
{
  (void)state;
  (void)ask;
  return 1;
}

const struct amz_policy_ops amz_policy_ss = {
  .name = "ss",
  .summary = "one task at a time",
  .source = "Tang and Yew 1986, self-scheduling",
  .next = next,
};
