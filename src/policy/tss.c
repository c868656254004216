/* TSS, trapezoid self-scheduling: sizes that fall in a line, from f = ceil(N/2P) to l = 1.
 * Tzen and Ni, "Trapezoid self-scheduling: a practical scheduling scheme for parallel compilers", IEEE Trans. Parallel
 * Distributed Systems 4(1), 1993.
 *
 * The line has n = ceil(2N / (f + l)) chunks (rounded down, 1000 tasks on two slots would end in more than a hundred chunks of
 * one), so that a chunk is smaller than the one before by (f - l) / (n - 1). The paper's tables take that as a whole number, and
 * so do we where it is one at least: 8 for N = 1000 and P = 4. Below one it stays a fraction, for as 0 it would make all chunks
 * equal and the last as long as the first.
 *
 * The line is computed once. Tasks that return are handed out at the size that has been reached. */
#include "policies.h"

struct state {
  double first, step;
  uint64_t given; /* chunks so far: of this policy, whatever else counts chunks */
};

static int init(void *state, const struct amz_policy_params *params)
{
  struct state *s = state;
  uint64_t first = amz_ceil_div(params->tasks, 2 * (uint64_t)params->slots);
  double f = first > 1 ? (double)first : 1, n = ceil(2 * (double)params->tasks / (f + 1)), step;

  step = n > 1 ? (f - 1) / (n - 1) : 0;
  s->first = f;
  s->step = step >= 1 ? floor(step) : step;
  return AMZ_OK;
}

static uint64_t next(void *state, const struct amz_policy_ask *ask)
{
  struct state *s = state;
  double size = floor(s->first - (double)s->given * s->step);

  (void)ask;
  s->given++;
  return size >= 1 ? (uint64_t)size : 1;
}

const struct amz_policy_ops amz_policy_tss = {
  .name = "tss",
  .summary = "sizes that fall in a line, from half a share to one",
  .source = "Tzen and Ni 1993",
  .state_bytes = sizeof(struct state),
  .init = init,
  .next = next,
};
