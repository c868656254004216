/* Latency: a chain of loads, each of which needs the one before it, over lines in a random cycle, so that no prefetcher knows the
 * next one.
 *
 * The cycle is one through all lines (Sattolo, "An algorithm to generate a random cyclic permutation", Information Processing
 * Letters 22, 1986). It is made in a small array of line numbers; the lines themselves are then written once, from the first to
 * the last. */
#include "measure_gauge.h"

#include <stdlib.h>
#include <string.h>

#include <amorsize/alloc.h>
#include <amorsize/fit.h>
#include <amorsize/rng.h>

#include "measure_crew.h"
#include "measure_kernels.h"

#define BATCHES_LEAST 5u
#define BATCHES_MOST 101u
#define CHASE_SEED 20261u
#define LOOK_EVERY (1u << 16) /* lines, between looks at the clock */

struct chase {
  char *memory;
  uint64_t lines;
  uint32_t line_bytes;
  bool walk_all; /* once before the clock: a cache must be full, memory needn't */
  uint64_t steps;
  uint32_t n_batches;
  int64_t duration_ns;
  double seconds[BATCHES_MOST]; /* of one load */
  void *end;     /* kept, so that the chain can't be left out */
  bool failed;   /* no memory for the line numbers */
  int64_t deadline_ns; /* a chain that isn't laid by then is given up */
};

/* Now and then. */
static bool is_late(const struct chase *c, uint64_t i)
{
  return i % LOOK_EVERY == 0 && amz_gauge_now_ns() >= c->deadline_ns;
}

static void shuffle(const struct chase *c, uint32_t *next)
{
  struct amz_rng rng;

  for (uint64_t i = 0; i < c->lines; i++)
    next[i] = (uint32_t)i;
  amz_rng_seed(&rng, CHASE_SEED);
  for (uint64_t i = c->lines - 1; i > 0 && !is_late(c, i); i--) {
    uint64_t j = amz_rng_below(&rng, i); /* below i, not i itself: that makes it one cycle */
    uint32_t line = next[i];

    next[i] = next[j];
    next[j] = line;
  }
}

/* Lines are numbered by 32 bits: at 64 bytes each, that is 256 GiB. \return whether the chain is laid. */
static bool link_lines(struct chase *c)
{
  uint32_t *next = amz_new_array((size_t)c->lines, sizeof *next);
  uint64_t i = 0;

  c->failed = !next;
  if (!next)
    return false;
  shuffle(c, next);
  for (; i < c->lines && !is_late(c, i); i++)
    *(void **)(void *)(c->memory + i * c->line_bytes) = c->memory + (uint64_t)next[i] * c->line_bytes;
  free(next);
  return i == c->lines;
}

static void run_chase(void *ctx, uint32_t i)
{
  struct chase *c = ctx;
  void *at = c->memory;
  int64_t until_ns;

  (void)i;
  if (!link_lines(c))
    return;
  if (c->walk_all)
    at = amz_chase_run(at, c->lines);
  until_ns = amz_gauge_now_ns() + c->duration_ns;
  while (c->n_batches < BATCHES_MOST && (c->n_batches < BATCHES_LEAST || amz_gauge_now_ns() < until_ns)) {
    int64_t start_ns = amz_gauge_now_ns();

    at = amz_chase_run(at, c->steps);
    c->seconds[c->n_batches++] = (double)(amz_gauge_now_ns() - start_ns) / 1e9 / (double)c->steps;
  }
  c->end = at;
}

/* On the first planned core, in memory that it has touched. */
static int measure_one(struct amz_gauge *g, const struct amz_chase *what, struct amz_latency_point *ret)
{
  static const uint64_t steps[] = {10000, 400000, 200000, 20000}; /* memory, L1, L2, others: about a millisecond */
  struct chase *c = amz_new_array(1, sizeof *c);
  int rc;

  if (!c)
    return amz_error_set(g->err, AMZ_ENOMEM, "no memory to measure latency");
  c->memory = (char *)g->regions[0].a;
  c->line_bytes = amz_measure_line(g->node);
  c->lines = what->bytes / c->line_bytes;
  c->lines = c->lines < UINT32_MAX ? c->lines : UINT32_MAX;
  c->walk_all = what->level > 0;
  c->steps = steps[what->level < 3 ? what->level : 3];
  c->deadline_ns = g->deadline_ns;
  c->duration_ns = amz_gauge_choose(g, 30000000, 1000000000);
  rc = amz_crew_run(g->plan.units, 1, run_chase, c, g->err);
  if (rc == AMZ_OK && c->failed)
    rc = amz_error_set(g->err, AMZ_ENOMEM, "no memory to measure latency");
  if (rc == AMZ_OK)
    *ret = (struct amz_latency_point){.bytes = c->lines * c->line_bytes, .level = what->level,
                                      .seconds = amz_fit_median(c->seconds, c->n_batches)};
  free(c);
  return rc;
}

/* From the first array's beginning to the last one's end, as far as a default measurement may take the time to fill it. */
static uint64_t room(const struct amz_gauge *g)
{
  const struct amz_region *r = &g->regions[0];
  uint64_t there = (uint64_t)((char *)r->c - (char *)r->a) + r->bytes, most = (uint64_t)amz_gauge_choose(g, 1 << 29,
      INT64_C(1) << 32);

  return there < most ? there : most;
}

/* What was assumed gives way to what was measured. */
static int keep(struct amz_gauge *g)
{
  struct amz_latency_point *points;

  if (g->n_latency == 0)
    return AMZ_OK;
  points = amz_new_array(g->n_latency, sizeof *points);
  if (!points)
    return amz_error_set(g->err, AMZ_ENOMEM, "no memory to measure latency");
  memcpy(points, g->latency, g->n_latency * sizeof *points);
  free(g->node->latency);
  g->node->latency = points;
  g->node->n_latency = g->n_latency;
  return AMZ_OK;
}

int amz_gauge_chase(struct amz_gauge *g, bool memory)
{
  struct amz_chase chases[AMZ_LEVELS_MAX];
  size_t n = amz_measure_chases(g->node, room(g), chases);
  int rc = AMZ_OK;

  for (size_t i = 0; rc == AMZ_OK && i < n && !amz_gauge_late(g); i++) {
    struct amz_latency_point *point = &g->latency[g->n_latency];

    if ((chases[i].level == 0) != memory)
      continue;
    rc = amz_gauge_stage(g, memory ? "latency of memory" : "latency of cache level %u", chases[i].level);
    if (rc == AMZ_OK)
      rc = measure_one(g, &chases[i], point);
    g->n_latency += rc == AMZ_OK && point->seconds.n > 0;
  }
  return rc < 0 ? rc : keep(g);
}
