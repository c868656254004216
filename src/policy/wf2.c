/* WF2, weighted factoring: FAC2's batches, in which a faster worker's chunks are larger by its weight.
 * Hummel, Schmidt, Uma and Wein, "Load-sharing in heterogeneous systems via weighted factoring", SPAA 1996.
 *
 * A slot's weight is the given relative speed of its worker over the mean of all workers' (sum of w = P where workers have
 * equally many slots). Without weights, and for workers that none was given for, this is FAC2. */
#include <stdlib.h>

#include <amorsize/alloc.h>

#include "policies.h"

struct state {
  uint32_t workers;
  double *speeds;        /* per worker; NULL: alike */
  double mean;           /* of the slots' speeds */
  uint32_t slots, left;  /* P of the batch, chunks of it still to come */
  double share;          /* R / 2P at the batch's start */
  uint64_t even;         /* the same, rounded up without the losses of a double */
};

static int init(void *state, const struct amz_policy_params *params)
{
  struct state *s = state;
  double sum = 0;

  s->mean = 1;
  if (!params->weights)
    return AMZ_OK;
  s->speeds = amz_new_array(params->workers, sizeof *s->speeds);
  if (!s->speeds)
    return AMZ_ENOMEM;
  s->workers = params->workers;
  for (uint32_t i = 0; i < s->workers; i++) {
    s->speeds[i] = params->weights[i] > 0 ? params->weights[i] : 1;
    sum += s->speeds[i];
  }
  s->mean = sum / (double)s->workers;
  return AMZ_OK;
}

static void clear(void *state)
{
  struct state *s = state;

  free(s->speeds);
}

static uint64_t next(void *state, const struct amz_policy_ask *ask)
{
  struct state *s = state;

  if (s->left == 0 || s->slots != ask->slots) {
    s->slots = s->left = ask->slots;
    s->share = (double)ask->remaining / (2 * (double)ask->slots);
    s->even = amz_ceil_div(ask->remaining, 2 * (uint64_t)ask->slots);
  }
  s->left--;
  if (!s->speeds || ask->worker >= s->workers)
    return s->even;
  return amz_ceil_count(s->share * s->speeds[ask->worker] / s->mean);
}

const struct amz_policy_ops amz_policy_wf2 = {
  .name = "wf2",
  .summary = "fac2 with larger chunks for faster ranks, by given weights",
  .source = "Hummel, Schmidt, Uma and Wein 1996",
  .state_bytes = sizeof(struct state),
  .init = init,
  .clear = clear,
  .next = next,
};
