/* Whether tasks keep their pace. The error of a mean is usually told from values that are independent; on a machine that others
 * use, and whose clocks move, tasks that run at about the same time share its mood, and a hundred of them tell little more than
 * one.
 *
 * * What was seen is cut, in the sequence of its ends, into batches (batch means: Schmeiser, "Batch size effects in the
 * analysis of simulation output", Operations Research 30, 1982: more than some ten to thirty are of no use). If values are
 * independent, neighbouring batches differ by what the variance within them lets expect. What they differ by beyond that is
 * drift, told by the variance of differences of neighbours (Allan, "Statistics of atomic frequency standards", Proceedings of
 * the IEEE 54, 1966). Unlike the variance about a common mean it stays finite where a pace wanders, and it tells how far the
 * next stretch of time may be off the last one. Where it doesn't fall with the length of the stretch, as with the flicker that
 * clocks and neighbours make, the mean of the tasks to come is off by about as much as neighbouring batches are of each other,
 * however many tasks there are. */
#include "workload_private.h"

#include <math.h>

#include <amorsize/stats.h>

#define BATCHES 12u
#define BATCH_LEAST 3u /* values in each */
#define CHANCE 2.3     /* Allan's variance over what chance lets expect, which it passes in one of fifty: eleven overlapping differences tell as
                          much as some eight independent ones, and the variance within is known by two dozen or more (F's
                          quantile) */

/* Over what was expected of the task; < 0: it tells nothing of the pace. */
static double relative(const struct amz_workload *w, const struct amz_observation *o)
{
  double expected = amz_is_reference(w, o) ? amz_workload_expect(w, o->weight, amz_workload_place(w, o->index)) : 0;

  return expected > 0 ? o->wall_s / expected : -1;
}

/* \return whether there are enough values for all batches. */
static bool cut(const struct amz_workload *w, const struct amz_observation *seen, size_t n, struct amz_stats *batches)
{
  size_t used = 0, at = 0;

  for (size_t i = 0; i < n; i++)
    used += relative(w, &seen[i]) >= 0;
  if (used < BATCHES * BATCH_LEAST)
    return false;
  for (size_t i = 0; i < n; i++)
    if (relative(w, &seen[i]) >= 0)
      amz_stats_add(&batches[at++ * BATCHES / used], relative(w, &seen[i]));
  return true;
}

double amz_workload_drift(const struct amz_workload *w, const struct amz_observation *seen, size_t n)
{
  struct amz_stats batches[BATCHES] = {0};
  double by_chance = 0, between = 0, mean = 0;

  if (!cut(w, seen, n, batches))
    return 0;
  for (size_t k = 0; k < BATCHES; k++) {
    double step = k ? batches[k].mean - batches[k - 1].mean : 0;

    by_chance += amz_stats_variance(&batches[k]) / (double)batches[k].count / BATCHES;
    between += step * step / (2 * (BATCHES - 1));
    mean += batches[k].mean / BATCHES;
  }
  return mean > 0 && between > CHANCE * by_chance ? sqrt(2 * (between - by_chance)) / mean : 0;
}
