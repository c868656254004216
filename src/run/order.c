/* The run's order: what is left, as it comes, or heaviest first where tasks have weights. Rank 0 and the others make it alike,
 * each from the recorded inputs, so that it needn't travel. */
#include "order.h"

#include <stdlib.h>
#include <string.h>

#include <amorsize/alloc.h>
#include <amorsize/sampling.h>

static double weight_of(const void *ctx, uint64_t index, uint64_t *ret_same)
{
  return amz_job_weight(ctx, index, ret_same);
}

int amz_run_order(const struct amz_job *job, const struct amz_range *left, size_t n, size_t n_first, struct amz_order **ret)
{
  const struct amz_weights weights = {weight_of, job};
  struct amz_range *sorted = NULL, *all;
  size_t n_sorted;
  int rc;

  if (!amz_job_is_weighted(job))
    return amz_order_new(left, n, ret);
  rc = amz_ranges_weigh(left + n_first, n - n_first, &weights, 0, &sorted, &n_sorted);
  if (rc < 0)
    return rc;
  all = amz_new_array(n_first + n_sorted, sizeof *all);
  if (all && n_first)
    memcpy(all, left, n_first * sizeof *all);
  if (all && n_sorted)
    memcpy(all + n_first, sorted, n_sorted * sizeof *all);
  rc = all ? amz_order_new(all, n_first + n_sorted, ret) : AMZ_ENOMEM;
  free(all);
  free(sorted);
  return rc;
}

/* ---- a sample first -------------------------------------------------------------------------------------------------- */

static int by_first(const void *a, const void *b)
{
  uint64_t x = ((const struct amz_range *)a)->first, y = ((const struct amz_range *)b)->first;

  return (x > y) - (x < y);
}

/* What is left of the ranges without single tasks that lie in them; both ascending. `out` has room for n + n_out ranges. \return
 * how many. */
static size_t cut_out(const struct amz_range *left, size_t n, const struct amz_range *cut, size_t n_cut, struct amz_range *out)
{
  size_t n_out = 0, at = 0;

  for (size_t i = 0; i < n; i++) {
    struct amz_range rest = left[i];

    for (; at < n_cut && cut[at].first < left[i].first + left[i].count; at++) {
      if (cut[at].first > rest.first)
        out[n_out++] = (struct amz_range){rest.first, cut[at].first - rest.first};
      rest.count -= cut[at].first + 1 - rest.first;
      rest.first = cut[at].first + 1;
    }
    if (rest.count)
      out[n_out++] = rest;
  }
  return n_out;
}

int amz_run_sample(const struct amz_job *job, const struct amz_range *left, size_t n, uint64_t want, uint64_t seed,
                   struct amz_range **ret, size_t *ret_n)
{
  struct amz_range *drawn, all = {0, 0};
  struct amz_order *order;
  size_t n_drawn;
  int rc;

  if (!amz_job_is_weighted(job))
    return amz_sample_draw(left, n, want, seed, ret, ret_n);
  rc = amz_run_order(job, left, n, 0, &order);
  if (rc < 0)
    return rc;
  all.count = amz_order_count(order);
  rc = amz_sample_draw(&all, 1, want, seed, &drawn, &n_drawn);
  for (size_t i = 0; rc == AMZ_OK && i < n_drawn; i++)
    drawn[i].first = amz_order_index(order, drawn[i].first);
  amz_order_free(order);
  if (rc == AMZ_OK) {
    *ret = drawn;
    *ret_n = n_drawn;
  }
  return rc;
}

int amz_run_draw(const struct amz_job *job, const struct amz_range *left, size_t n, uint64_t want, uint64_t seed,
                 struct amz_range **ret, size_t *ret_n,
                 size_t *ret_first)
{
  struct amz_range *drawn = NULL, *sorted = NULL, *all = NULL;
  size_t n_drawn = 0;
  int rc = amz_run_sample(job, left, n, want, seed, &drawn, &n_drawn);

  if (rc < 0)
    return rc;
  sorted = amz_new_array(n_drawn, sizeof *sorted);
  all = amz_new_array(n + 2 * n_drawn, sizeof *all);
  if (sorted && all) {
    if (n_drawn) {
      memcpy(all, drawn, n_drawn * sizeof *all);
      memcpy(sorted, drawn, n_drawn * sizeof *sorted);
      qsort(sorted, n_drawn, sizeof *sorted, by_first);
    }
    *ret_n = n_drawn + cut_out(left, n, sorted, n_drawn, all + n_drawn);
    *ret_first = n_drawn;
    *ret = all;
  } else {
    free(all);
    rc = AMZ_ENOMEM;
  }
  free(sorted);
  free(drawn);
  return rc;
}
