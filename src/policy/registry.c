/* The list of policies and the one wrapper around them.
 *
 * Invariant: whatever a formula says, an answer is in [1, remaining], so that the chunks of a run sum up to its tasks and a
 * run ends. A name that isn't in the list finds nothing. */
#include "policies.h"

#include <float.h>
#include <stdlib.h>
#include <string.h>

#include <amorsize/alloc.h>

struct amz_policy {
  const struct amz_policy_ops *ops;
  void *state;
};

static const struct amz_policy_ops *const policies[] = {
  &amz_policy_static,
  &amz_policy_ss,
  &amz_policy_fsc,
  &amz_policy_gss,
  &amz_policy_tss,
  &amz_policy_fac,
  &amz_policy_fac2,
  &amz_policy_wf2,
  &amz_policy_af,
  &amz_policy_adaptive,
};

const struct amz_policy_ops *const *amz_policy_list(size_t *ret_n)
{
  *ret_n = sizeof policies / sizeof *policies;
  return policies;
}

const struct amz_policy_ops *amz_policy_find(const char *name)
{
  if (!name)
    return NULL;
  for (size_t i = 0; i < sizeof policies / sizeof *policies; i++)
    if (strcmp(policies[i]->name, name) == 0)
      return policies[i];
  return NULL;
}

/* What the policies' arrays and formulas rely on: numbers that are none, or less than none, count as unknown. */
static struct amz_policy_params checked(const struct amz_policy_params *params)
{
  struct amz_policy_params p = *params;
  double *const numbers[] = {&p.mean_s, &p.stddev_s, &p.overhead_s, &p.service_s, &p.target_s, &p.min_s, &p.max_s, &p.rate};

  for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
    if (!(*numbers[i] > 0 && *numbers[i] <= DBL_MAX))
      *numbers[i] = 0;
  if (p.workers == 0)
    p.workers = p.slots;
  return p;
}

static int make_state(struct amz_policy *policy, const struct amz_policy_params *params)
{
  struct amz_policy_params p = checked(params);

  policy->state = amz_new_array(1, policy->ops->state_bytes);
  if (!policy->state)
    return AMZ_ENOMEM;
  return policy->ops->init ? policy->ops->init(policy->state, &p) : AMZ_OK;
}

int amz_policy_new(const struct amz_policy_ops *ops, const struct amz_policy_params *params, struct amz_policy **ret)
{
  struct amz_policy *policy;

  if (!ops || !params || params->slots == 0)
    return AMZ_EINVAL;
  policy = amz_new_array(1, sizeof *policy);
  if (!policy)
    return AMZ_ENOMEM;
  policy->ops = ops;
  if (make_state(policy, params) < 0) {
    free(policy->state);
    free(policy);
    return AMZ_ENOMEM;
  }
  *ret = policy;
  return AMZ_OK;
}

void amz_policy_free(struct amz_policy *policy)
{
  if (!policy)
    return;
  if (policy->ops->clear)
    policy->ops->clear(policy->state);
  free(policy->state);
  free(policy);
}

uint64_t amz_policy_next(struct amz_policy *policy, const struct amz_policy_ask *ask)
{
  struct amz_policy_ask asked;
  uint64_t size;

  if (ask->remaining == 0)
    return 0;
  if (ask->slots == 0 || ask->worker_slots == 0) { /* formulas divide by them */
    asked = *ask;
    asked.slots = ask->slots ? ask->slots : 1;
    asked.worker_slots = ask->worker_slots ? ask->worker_slots : 1;
    return amz_policy_next(policy, &asked);
  }
  size = policy->ops->next(policy->state, ask);
  if (size < 1)
    return 1;
  return size < ask->remaining ? size : ask->remaining;
}

void amz_policy_tell(struct amz_policy *policy, const struct amz_policy_params *params)
{
  struct amz_policy_params p = checked(params);

  p.slots = p.slots ? p.slots : 1;
  if (policy->ops->tell)
    policy->ops->tell(policy->state, &p);
}

void amz_policy_feedback(struct amz_policy *policy, const struct amz_policy_feedback *seen)
{
  if (policy->ops->feedback && seen->tasks > 0 && seen->wall_s >= 0 && seen->wall_s <= DBL_MAX)
    policy->ops->feedback(policy->state, seen);
}
