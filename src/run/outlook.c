/* Parts of what is to come: as many as tasks, up to PARTS; of each a few tasks are looked at, at even distances. */
#include "outlook.h"

#include <stdlib.h>

#include <amorsize/alloc.h>

#define PARTS 512u
#define LOOKS 64u /* at a part */

void amz_outlook_weigh(const struct amz_job *job, struct amz_observation *seen, size_t n)
{
  uint64_t tasks = amz_job_tasks(job), same;

  if (!amz_job_is_weighted(job))
    return;
  for (size_t i = 0; i < n; i++)
    if (seen[i].index < tasks)
      seen[i].weight = amz_job_weight(job, seen[i].index, &same);
}

struct list {
  const struct amz_job *job;
  const struct amz_order *order;
  uint64_t from, count;
  bool weighted;
};

static uint64_t part_begin(const struct list *l, uint64_t part, uint64_t parts)
{
  return l->from + (uint64_t)((unsigned __int128)l->count * part / parts);
}

static void look(const struct list *l, uint64_t begin, uint64_t end, double *ret_weight, double *ret_place)
{
  uint64_t step = (end - begin + LOOKS - 1) / LOOKS, looks = 0, same;
  double all = (double)amz_job_tasks(l->job);

  *ret_weight = *ret_place = 0;
  for (uint64_t i = begin; i < end; i += step, looks++) {
    uint64_t index = amz_order_index(l->order, i);

    *ret_place += (double)index / all;
    *ret_weight += l->weighted ? amz_job_weight(l->job, index, &same) : 0;
  }
  *ret_place /= (double)looks;
  *ret_weight /= (double)looks;
}

int amz_outlook_foresee(const struct amz_job *job, const struct amz_order *order, uint64_t from, struct amz_workload *w)
{
  uint64_t all = amz_order_count(order);
  struct list l = {job, order, from, from < all ? all - from : 0, amz_job_is_weighted(job)};
  uint64_t parts = l.count < PARTS ? l.count : PARTS;
  double *weight, *place;
  struct amz_rest rest = {.n = (size_t)parts};
  int rc = AMZ_ENOMEM;

  if (parts == 0)
    return AMZ_OK;
  weight = amz_new_array((size_t)parts, sizeof *weight);
  place = amz_new_array((size_t)parts, sizeof *place);
  if (weight && place) {
    for (uint64_t i = 0; i < parts; i++)
      look(&l, part_begin(&l, i, parts), part_begin(&l, i + 1, parts), &weight[i], &place[i]);
    rest.weight = l.weighted ? weight : NULL;
    rest.place = place;
    rc = amz_workload_foresee(w, &rest);
  }
  free(weight);
  free(place);
  return rc;
}

static int ascending(const void *a, const void *b)
{
  uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

  return (x > y) - (x < y);
}

int amz_outlook_left(uint64_t tasks, const struct amz_observation *seen, size_t n, struct amz_range **ret, size_t *ret_n)
{
  uint64_t *indexes = amz_new_array(n, sizeof *indexes), next = 0;
  struct amz_range *left = amz_new_array(n + 1, sizeof *left);
  size_t n_left = 0;

  if (!indexes || !left) {
    free(indexes);
    free(left);
    return AMZ_ENOMEM;
  }
  for (size_t i = 0; i < n; i++)
    indexes[i] = seen[i].index;
  qsort(indexes, n, sizeof *indexes, ascending);
  for (size_t i = 0; i < n && indexes[i] < tasks; i++) {
    if (indexes[i] > next)
      left[n_left++] = (struct amz_range){next, indexes[i] - next};
    next = indexes[i] + 1;
  }
  if (next < tasks)
    left[n_left++] = (struct amz_range){next, tasks - next};
  free(indexes);
  *ret = left;
  *ret_n = n_left;
  return AMZ_OK;
}
