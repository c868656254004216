/* The run's order: what is left, as it comes, or heaviest first where tasks have weights. Rank 0 and the others make it alike, each
 * from the recorded inputs, so that it needn't travel. */
#include "order.h"

#include <stdlib.h>

static double weight_of(const void *ctx, uint64_t index, uint64_t *ret_same)
{
  return amz_job_weight(ctx, index, ret_same);
}

int amz_run_order(const struct amz_job *job, const struct amz_range *left, size_t n, struct amz_order **ret)
{
  const struct amz_weights weights = {weight_of, job};
  struct amz_range *sorted;
  size_t n_sorted;
  int rc;

  if (!amz_job_is_weighted(job))
    return amz_order_new(left, n, ret);
  rc = amz_ranges_weigh(left, n, &weights, 0, &sorted, &n_sorted);
  if (rc < 0)
    return rc;
  rc = amz_order_new(sorted, n_sorted, ret);
  free(sorted);
  return rc;
}
