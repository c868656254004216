/* φ: how much longer pure computing takes when more cores are busy (clocks go down, hardware threads share a core, neighbours
 * take turns).
 *
 * Every thread does the same arithmetic on registers again and again, all beginning together; the times of all threads are taken
 * together, over the median of one thread alone. */
#include "measure_gauge.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <time.h>

#include <amorsize/alloc.h>
#include <amorsize/fit.h>

#include "measure_crew.h"
#include "measure_kernels.h"

#define TURNS_LEAST 5u
#define TURNS_MOST 60u

struct spin {
  struct amz_meet meet;
  uint64_t rounds;
  uint32_t turns;
  int64_t until_ns;
  _Atomic uint32_t stop; /* this turn isn't taken any more */
  double *seconds; /* of each thread, turn after turn */
  double *results; /* kept, so that computing them can't be left out */
};

/* The first thread says before a meeting that the turn behind it is one too many: all see it behind that meeting, as nobody gets
 * to the next one. */
static void run_turns(void *ctx, uint32_t i)
{
  struct spin *s = ctx;

  for (uint32_t turn = 0; turn < s->turns; turn++) {
    int64_t start_ns;

    if (i == 0 && turn >= TURNS_LEAST && amz_gauge_now_ns() >= s->until_ns)
      atomic_store(&s->stop, turn);
    amz_meet_wait(&s->meet);
    if (turn >= atomic_load(&s->stop))
      return;
    start_ns = amz_gauge_now_ns();
    s->results[i] += amz_spin_run(s->rounds);
    s->seconds[(size_t)turn * s->meet.n + i] = (double)(amz_gauge_now_ns() - start_ns) / 1e9;
  }
}

/* Times of threads on the first cores of planned domains [first, first + n_domains), s->stop turns of each, in s->seconds: to be
 * freed. */
static int spin_at(struct amz_gauge *g, struct spin *s, uint32_t first, uint32_t n_domains, uint32_t per_domain,
                   uint32_t *ret_cores)
{
  uint32_t *units = amz_new_array(g->plan.n_units, sizeof *units), n = 0;
  int rc;

  for (uint32_t d = first; units && d < first + n_domains; d++)
    for (uint32_t i = 0; i < per_domain && i < g->plan.domains[d].count; i++)
      units[n++] = g->plan.units[g->plan.domains[d].first + i];
  s->seconds = amz_new_array((size_t)n * s->turns, sizeof *s->seconds);
  s->results = amz_new_array(n, sizeof *s->results);
  atomic_init(&s->stop, s->turns);
  amz_meet_init(&s->meet, n);
  rc = units && s->seconds && s->results ? amz_crew_run(units, n, run_turns, s, g->err) :
                                           amz_error_set(g->err, AMZ_ENOMEM, "no memory to measure computing");
  free(units);
  free(s->results);
  *ret_cores = n;
  return rc;
}

/* By this thread's own clock: time that others had doesn't make rounds longer. */
static int64_t own_ns(void)
{
  struct timespec now;

  (void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

/* \return rounds that take about `want_ns` on a core: doubled until they can be timed. */
static uint64_t calibrate(int64_t want_ns)
{
  double kept = 0;

  for (uint64_t rounds = 1000;; rounds *= 2) {
    int64_t start_ns = own_ns(), took_ns;

    kept += amz_spin_run(rounds);
    took_ns = own_ns() - start_ns;
    if (took_ns >= want_ns / 4 && kept > 0) /* as it always is: looked at, so that it can't be left out */
      return took_ns < want_ns ? rounds * (uint64_t)(want_ns / took_ns) : rounds;
  }
}

/* From the time of one turn. */
static struct amz_quantity per_second(const struct amz_quantity *turn, uint64_t rounds)
{
  double operations = (double)rounds * AMZ_SPIN_OPERATIONS;
  struct amz_quantity q = *turn;

  if (!(turn->low > 0))
    return (struct amz_quantity){.source = AMZ_UNKNOWN};
  q.value = operations / turn->value;
  q.low = operations / turn->high;
  q.high = operations / turn->low;
  return q;
}

/* A point in seconds a turn. */
static int add_point(struct amz_gauge *g, struct spin *s, uint32_t first, uint32_t n_domains, uint32_t per_domain, uint32_t name,
                     struct amz_points *points)
{
  struct amz_quantity q;
  uint32_t cores;
  int rc = spin_at(g, s, first, n_domains, per_domain, &cores);

  if (rc == AMZ_OK) {
    q = amz_fit_median(s->seconds, (size_t)cores * atomic_load(&s->stop));
    rc = amz_points_add(points, name, cores, &q);
  }
  free(s->seconds);
  s->seconds = NULL;
  return rc;
}

static int measure_curve(struct amz_gauge *g, struct spin *s, uint32_t first, uint32_t n_domains, uint32_t name,
                         struct amz_points *points)
{
  uint32_t counts[AMZ_COUNTS_MAX];
  size_t n = amz_measure_counts(n_domains == 1 ? g->plan.domains[first].count : g->plan.widest, counts);
  int rc = AMZ_OK;

  for (size_t i = 0; rc == AMZ_OK && i < n && !amz_gauge_late(g); i++) {
    rc = amz_gauge_stage(g, "computing at %u core%s %s", counts[i], counts[i] == 1 ? "" : "s",
                         n_domains > 1 ? "of each NUMA domain" : "of a NUMA domain");
    if (rc == AMZ_OK)
      rc = add_point(g, s, first, n_domains, counts[i], name, points);
  }
  return rc;
}

static void not_above(struct amz_quantity *q, const struct amz_quantity *other)
{
  if (q->value > other->value) {
    q->value = other->value;
    q->low = q->low < other->low ? q->low : other->low;
  }
}

struct amz_quantity amz_points_to_slowdown(struct amz_points *points)
{
  struct amz_quantity alone = {0};

  for (size_t i = points->n; i-- > 1;)
    if (points->items[i - 1].domain == points->items[i].domain)
      not_above(&points->items[i - 1].value, &points->items[i].value);
  for (size_t i = 0; i < points->n; i++)
    if (alone.n == 0 || points->items[i].value.value < alone.value)
      alone = points->items[i].value;
  for (size_t i = 0; i < points->n; i++) {
    struct amz_quantity *q = &points->items[i].value;

    if (points->items[i].cores == 1)
      not_above(q, &alone);
    q->value /= alone.value;
    q->low /= alone.value;
    q->high /= alone.value;
  }
  return alone;
}

static int measure_all(struct amz_gauge *g, struct spin *s, struct amz_points *points)
{
  int rc = measure_curve(g, s, 0, 1, g->plan.domains[0].index, points);

  if (rc == AMZ_OK && g->plan.n_domains > 1)
    rc = measure_curve(g, s, 0, g->plan.n_domains, AMZ_ALL_DOMAINS, points);
  else if (rc == AMZ_OK)
    rc = amz_points_mirror(points, g->plan.domains[0].index);
  for (uint32_t d = 1; rc == AMZ_OK && d < g->plan.n_domains; d++)
    rc = measure_curve(g, s, d, 1, g->plan.domains[d].index, points);
  return rc;
}

int amz_gauge_spin(struct amz_gauge *g)
{
  struct spin s = {.turns = (uint32_t)amz_gauge_choose(g, 15, TURNS_MOST), .until_ns = g->deadline_ns};
  struct amz_points points = {0};
  struct amz_quantity alone;
  int rc;

  if (amz_gauge_late(g))
    return AMZ_OK;
  s.rounds = calibrate(amz_gauge_choose(g, 2000000, 5000000));
  rc = measure_all(g, &s, &points);
  if (points.n > 0) {
    alone = amz_points_to_slowdown(&points);
    g->node->compute_one = per_second(&alone, s.rounds);
    free(g->node->slowdown);
    g->node->slowdown = points.items;
    g->node->n_slowdown = points.n;
  }
  return rc;
}
