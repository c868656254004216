/* What is left of tasks that run. Which of the times seen is theirs isn't known, but that it is more than they have had. Who has
 * outlasted all that was seen is taken to be about to end where he is just beyond it, and to have as much to go as he is beyond
 * it else. */
#include "workload_private.h"

#include <math.h>
#include <stdlib.h>

static int descending(const void *a, const void *b)
{
  double x = *(const double *)a, y = *(const double *)b;

  return (x < y) - (x > y);
}

/* Lindley's recursion (Lindley, "The theory of queues with a single server", Mathematical Proceedings of the Cambridge
 * Philosophical Society 48, 1952), with what was there before left out of account. */
void amz_in_hand_queue(double *for_s, size_t n, double start_s)
{
  double waits_s = 0, before_s = INFINITY;

  if (n == 0 || !(start_s > 0))
    return;
  qsort(for_s, n, sizeof *for_s, descending);
  for (size_t i = 0; i < n; i++) {
    waits_s = i ? fmax(0, waits_s + start_s - (before_s - for_s[i])) : 0;
    before_s = for_s[i];
    for_s[i] -= waits_s;
  }
}

/* \return the first of the ascending times beyond `for_s`. */
static size_t outlasted(const struct amz_workload *w, double for_s)
{
  size_t low = 0, high = w->n;

  while (low < high) {
    size_t middle = low + (high - low) / 2;

    if (w->wall_s[middle] > for_s)
      high = middle;
    else
      low = middle + 1;
  }
  return low;
}

double amz_workload_rest_drawn(const struct amz_workload *w, double for_s, uint64_t draw)
{
  size_t from = outlasted(w, for_s);

  if (w->n == 0)
    return 0;
  return from < w->n ? w->wall_s[from + draw % (w->n - from)] - for_s : for_s - w->wall_s[w->n - 1];
}

static double rest_of_any(const struct amz_workload *w, double for_s)
{
  size_t from = outlasted(w, for_s);
  double sum = 0;

  if (w->n == 0)
    return 0;
  for (size_t i = from; i < w->n; i++)
    sum += w->wall_s[i] - for_s;
  return from < w->n ? sum / (double)(w->n - from) : for_s - w->wall_s[w->n - 1];
}

void amz_workload_rest(const struct amz_workload *w, struct amz_in_hand *tasks, size_t n)
{
  for (size_t i = 0; i < n; i++) {
    size_t part = w->tasks ? (size_t)((double)i / (double)w->tasks * (double)w->n) : 0;

    if (w->sequence && part < w->n)
      tasks[i].rest_s = fmax(0, w->wall_s[w->sequence[part]] - tasks[i].for_s);
    else
      tasks[i].rest_s = rest_of_any(w, tasks[i].for_s);
  }
}
