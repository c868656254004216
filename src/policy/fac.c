/* FAC, factoring: batches of P equal chunks; the larger the variance, the smaller the part of the rest that a batch takes.
 * Hummel, Schonberg and Flynn, "Factoring: a method for scheduling parallel loops", CACM 35(8), 1992: b = P sigma / (2 mu
 * sqrt(R)), x = 1 + b² + b sqrt(b² + 2) in the first batch, 2 + b² + b sqrt(b² + 4) later, sizes ceil(R / (x P)).
 *
 * sigma = 0 hands out everything in the first batch, as the paper has it. When mu is unknown x is 2, which is FAC2. A batch ends
 * early when P changes, as in fac2.c. */
#include <stdbool.h>

#include "policies.h"

struct state {
  double cv;      /* sigma / mu; < 0: unknown */
  uint32_t slots; /* P of the batch */
  uint32_t left;  /* chunks of the batch still to come */
  bool begun;     /* the first batch is behind us */
  uint64_t size;
};

static int init(void *state, const struct amz_policy_params *params)
{
  struct state *s = state;

  s->cv = params->mean_s > 0 ? params->stddev_s / params->mean_s : -1;
  return AMZ_OK;
}

/* A batch that was cut without knowing better ends here. */
static void tell(void *state, const struct amz_policy_params *params)
{
  struct state *s = state;

  if (params->mean_s <= 0)
    return;
  s->cv = params->stddev_s / params->mean_s;
  s->left = 0;
}

static double part_of(const struct state *s, const struct amz_policy_ask *ask)
{
  double b = (double)ask->slots * s->cv / (2 * sqrt((double)ask->remaining));

  return s->begun ? 2 + b * b + b * sqrt(b * b + 4) : 1 + b * b + b * sqrt(b * b + 2);
}

static uint64_t next(void *state, const struct amz_policy_ask *ask)
{
  struct state *s = state;

  if (s->left == 0 || s->slots != ask->slots) {
    s->slots = s->left = ask->slots;
    s->size = s->cv < 0 ? amz_ceil_div(ask->remaining, 2 * (uint64_t)ask->slots)
                        : amz_ceil_count((double)ask->remaining / (part_of(s, ask) * (double)ask->slots));
    s->begun = true;
  }
  s->left--;
  return s->size;
}

const struct amz_policy_ops amz_policy_fac = {
  .name = "fac",
  .summary = "batches of P chunks, sized by the variance of tasks",
  .source = "Hummel, Schonberg and Flynn 1992",
  .state_bytes = sizeof(struct state),
  .init = init,
  .next = next,
  .tell = tell,
};
