/* The run's order: position → task index, by ranges and their running sums.
 *
 * Invariant: starts[i] is the sum of the counts before range i; starts[n] is the count of all. */
#include <amorsize/sched.h>

#include <stdlib.h>

#include <amorsize/alloc.h>

struct amz_order {
  size_t n;
  uint64_t *firsts; /* n */
  uint64_t *starts; /* n + 1 */
};

void amz_order_free(struct amz_order *order)
{
  if (!order)
    return;
  free(order->firsts);
  free(order->starts);
  free(order);
}

/* \return AMZ_OK; AMZ_EINVAL: a range is empty or a number reaches 2^63. */
static int fill(struct amz_order *order, const struct amz_range *ranges, size_t n)
{
  uint64_t sum = 0;

  for (size_t i = 0; i < n; i++) {
    if (ranges[i].count == 0 || ranges[i].count > INT64_MAX - sum || ranges[i].first > INT64_MAX - ranges[i].count)
      return AMZ_EINVAL;
    order->firsts[i] = ranges[i].first;
    order->starts[i] = sum;
    sum += ranges[i].count;
  }
  order->starts[n] = sum;
  return AMZ_OK;
}

int amz_order_new(const struct amz_range *ranges, size_t n, struct amz_order **ret)
{
  struct amz_order *order = amz_new_array(1, sizeof *order);
  int rc = AMZ_ENOMEM;

  if (!order)
    return rc;
  order->n = n;
  order->firsts = amz_new_array(n, sizeof *order->firsts);
  order->starts = n < SIZE_MAX ? amz_new_array(n + 1, sizeof *order->starts) : NULL;
  if (order->firsts && order->starts)
    rc = fill(order, ranges, n);
  if (rc < 0) {
    amz_order_free(order);
    return rc;
  }
  *ret = order;
  return AMZ_OK;
}

uint64_t amz_order_count(const struct amz_order *order)
{
  return order->starts[order->n];
}

/* \return the range in which the position lies. */
static size_t range_of(const struct amz_order *order, uint64_t position)
{
  size_t low = 0, high = order->n; /* starts[low] <= position < starts[high] */

  while (high - low > 1) {
    size_t mid = low + (high - low) / 2;

    if (order->starts[mid] <= position)
      low = mid;
    else
      high = mid;
  }
  return low;
}

uint64_t amz_order_index(const struct amz_order *order, uint64_t position)
{
  size_t range = range_of(order, position);

  return order->firsts[range] + (position - order->starts[range]);
}

uint64_t amz_order_stretch(const struct amz_order *order, uint64_t position, uint64_t most, uint64_t *ret_index)
{
  size_t range = range_of(order, position);
  uint64_t index = order->firsts[range] + (position - order->starts[range]), until = order->starts[range + 1];

  for (range++; range < order->n && until - position < most && order->firsts[range] == index + (until - position); range++)
    until = order->starts[range + 1];
  *ret_index = index;
  return until - position < most ? until - position : most;
}
