/* What policies are told. The master's own time is measured by a clock that doesn't stop when another process has the CPU: a
 * median doesn't mind steps in which that happened. It is kept in one number, which each value draws up or down by a factor (the
 * frugal median of Ma, Muthukrishnan and Sandler 2013, by factors instead of steps, as nobody knows the unit beforehand), by less
 * as more is known. What a node's profile has measured is the least: receiving a request isn't in our own steps. */
#include "told.h"

#include <float.h>
#include <math.h>

#include <amorsize/node.h>

#define FACTOR_FIRST 1.25 /* by which a value draws the median, */
#define FACTOR_LAST 1.02  /* down to this */
#define FACTOR_STEPS 64.0
#define ENOUGH 256u     /* values, before it is believed; told then, and whenever there are four times as many */

void amz_told_init(struct amz_told *t)
{
  *t = (struct amz_told){.chunk_s = amz_assumed(AMZ_ASSUMED_CHUNK_S), .service_s = amz_assumed(AMZ_ASSUMED_SERVICE_S),
                         .own_s = AMZ_ASSUMED_SERVICE_S};
}

void amz_told_tasks(struct amz_told *t, double mean_s, double stddev_s)
{
  if (!(mean_s > 0 && mean_s <= DBL_MAX))
    return;
  t->mean_s = mean_s;
  t->stddev_s = stddev_s > 0 && stddev_s <= DBL_MAX ? stddev_s : 0;
}

static bool is_better(const struct amz_quantity *than, const struct amz_quantity *q)
{
  return q->source != AMZ_UNKNOWN && q->source != AMZ_ASSUMED && q->value > 0 && q->value <= DBL_MAX && q->value != than->value;
}

void amz_told_costs(struct amz_told *t, const struct amz_quantity *chunk_s, const struct amz_quantity *service_s)
{
  if (is_better(&t->chunk_s, chunk_s)) {
    t->chunk_s = *chunk_s;
    t->due = true;
  }
  if (is_better(&t->service_s, service_s)) {
    t->service_s = *service_s;
    t->due = true;
  }
}

static bool is_milestone(uint32_t steps)
{
  while (steps > ENOUGH && steps % 4 == 0)
    steps /= 4;
  return steps == ENOUGH;
}

void amz_told_step(struct amz_told *t, double seconds, uint64_t chunks)
{
  double factor = 1 + (FACTOR_FIRST - 1) * FACTOR_STEPS / (FACTOR_STEPS + t->steps);

  if (chunks == 0 || !(seconds >= 0) || t->steps == UINT32_MAX)
    return;
  factor = fmax(factor, FACTOR_LAST);
  t->own_s *= seconds / (double)chunks > t->own_s ? factor : 1 / factor;
  t->due |= is_milestone(++t->steps);
}

static double service_of(const struct amz_told *t)
{
  if (t->steps < ENOUGH)
    return t->service_s.value;
  return t->service_s.source == AMZ_ASSUMED ? t->own_s : fmax(t->own_s, t->service_s.value);
}

struct amz_quantity amz_told_chunk(const struct amz_told *t)
{
  return t->chunk_s;
}

struct amz_quantity amz_told_service(const struct amz_told *t)
{
  double own_s = service_of(t);

  if (t->steps < ENOUGH)
    return t->service_s;
  return (struct amz_quantity){own_s, own_s, own_s, t->steps, AMZ_SAMPLED};
}

struct amz_policy_params amz_told_params(const struct amz_told *t)
{
  return (struct amz_policy_params){.mean_s = t->mean_s, .stddev_s = t->stddev_s, .overhead_s = t->chunk_s.value,
                                    .service_s = service_of(t)};
}
