/* The triad at several numbers of cores.
 *
 * All threads of a point begin each pass together; a pass lasts from the first one's start to the last one's end. The first pass
 * isn't counted. */
#include "measure_gauge.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <amorsize/alloc.h>
#include <amorsize/fit.h>

#include "measure_crew.h"
#include "measure_kernels.h"

#define PASSES_LEAST 5u /* STREAM's best is one of ten; of fewer than five it is none */
#define PASSES_MOST 200u
#define SCALAR 3.0
#define POINT_LONGEST_NS INT64_C(1000000000) /* no longer between two looks at the observer */

struct lap {
  int64_t start_ns, end_ns;
};

struct triad {
  const struct amz_region *const *regions; /* of each thread; not its own for the remote ratio */
  amz_triad_kernel *kernel;
  size_t elements; /* of each thread */
  struct amz_meet meet;
  struct lap *laps;
  double pass_s[PASSES_MOST];
  uint32_t n_passes;
  bool warm, over;
  int64_t until_ns, end_ns; /* by until_ns it ends when it has passes enough, by end_ns in any case */
};

/* ---- passes ----------------------------------------------------------------------------------------------------------- */

static double pass_seconds(const struct triad *t)
{
  int64_t start_ns = t->laps[0].start_ns, end_ns = t->laps[0].end_ns;

  for (uint32_t i = 1; i < t->meet.n; i++) {
    start_ns = t->laps[i].start_ns < start_ns ? t->laps[i].start_ns : start_ns;
    end_ns = t->laps[i].end_ns > end_ns ? t->laps[i].end_ns : end_ns;
  }
  return (double)(end_ns - start_ns) / 1e9;
}

/* By one thread, while the others wait. */
static void count_pass(struct triad *t)
{
  double seconds = pass_seconds(t);

  if (t->warm && seconds > 0)
    t->pass_s[t->n_passes++] = seconds;
  t->warm = true;
  t->over = t->n_passes == PASSES_MOST || (t->n_passes >= PASSES_LEAST && amz_gauge_now_ns() >= t->until_ns) ||
            (t->n_passes > 0 && amz_gauge_now_ns() >= t->end_ns);
}

static void run_passes(void *ctx, uint32_t i)
{
  struct triad *t = ctx;
  const struct amz_region *r = t->regions[i];

  do {
    amz_meet_wait(&t->meet);
    t->laps[i].start_ns = amz_gauge_now_ns();
    t->kernel(r->a, r->b, r->c, SCALAR, t->elements);
    t->laps[i].end_ns = amz_gauge_now_ns();
    amz_meet_wait(&t->meet);
    if (i == 0)
      count_pass(t);
    amz_meet_wait(&t->meet);
  } while (!t->over);
}

/* As STREAM has it, the best pass counts; the interval reaches down to where the median's begins. */
static struct amz_quantity rate(struct triad *t, unsigned bytes_per_element)
{
  double bytes = (double)t->elements * t->meet.n * bytes_per_element;
  struct amz_quantity q = amz_fit_median(t->pass_s, t->n_passes); /* sorts */

  if (q.n == 0)
    return q;
  q.low = bytes / q.high;
  q.value = q.high = bytes / t->pass_s[0];
  return q;
}

/* ---- points ----------------------------------------------------------------------------------------------------------- */

/* A point: `per_domain` cores of the planned domains [first, first + n_domains), on memory of their own or of another domain's
 * threads. */
struct point {
  uint32_t first, n_domains, per_domain;
  const struct amz_plan_domain *memory; /* NULL: their own */
  amz_triad_kernel *kernel;
  unsigned bytes; /* an element */
  int64_t until_ns;
};

static uint32_t busy_of(const struct amz_plan_domain *d, uint32_t per_domain)
{
  return d->count < per_domain ? d->count : per_domain;
}

static uint32_t choose_threads(const struct amz_gauge *g, const struct point *p, uint32_t *units,
                               const struct amz_region **regions, uint64_t *ret_bytes)
{
  uint32_t n = 0;

  *ret_bytes = UINT64_MAX;
  for (uint32_t d = p->first; d < p->first + p->n_domains; d++)
    for (uint32_t i = 0; i < busy_of(&g->plan.domains[d], p->per_domain); i++) {
      uint64_t share = amz_triad_share(g->node, g->plan.scale, busy_of(&g->plan.domains[d], p->per_domain));

      units[n] = g->plan.units[g->plan.domains[d].first + i];
      regions[n] = &g->regions[(p->memory ? p->memory : &g->plan.domains[d])->first + i];
      share = share < regions[n]->bytes ? share : regions[n]->bytes;
      *ret_bytes = share < *ret_bytes ? share : *ret_bytes;
      n++;
    }
  return n;
}

static int run_point(struct amz_gauge *g, const struct point *p, struct amz_quantity *ret, uint32_t *ret_cores)
{
  struct triad *t = amz_new_array(1, sizeof *t);
  uint32_t *units = amz_new_array(g->plan.n_units, sizeof *units), n;
  const struct amz_region **regions = amz_new_array(g->plan.n_units, sizeof *regions);
  struct lap *laps = amz_new_array(g->plan.n_units, sizeof *laps);
  int64_t longest_ns = amz_gauge_now_ns() + POINT_LONGEST_NS;
  int rc = t && units && regions && laps ? AMZ_OK : amz_error_set(g->err, AMZ_ENOMEM, "no memory to measure bandwidth");
  uint64_t bytes;

  if (rc == AMZ_OK) {
    n = choose_threads(g, p, units, regions, &bytes);
    t->regions = regions;
    t->laps = laps;
    t->kernel = p->kernel;
    t->elements = (size_t)(bytes / sizeof(double));
    t->until_ns = p->until_ns < longest_ns ? p->until_ns : longest_ns;
    /* the rest is for the others */
    t->end_ns = t->until_ns + (g->deadline_ns > t->until_ns ? (g->deadline_ns - t->until_ns) / 2 : 0);
    amz_meet_init(&t->meet, n);
    rc = amz_crew_run(units, n, run_passes, t, g->err);
    *ret = rate(t, p->bytes);
    *ret_cores = n;
  }
  free(laps);
  free(regions);
  free(units);
  free(t);
  return rc;
}

/* The time until `until_ns`, shared out evenly among what is left to do. */
static int64_t share_of_time(int64_t until_ns, size_t left)
{
  int64_t now_ns = amz_gauge_now_ns();

  return now_ns + (until_ns > now_ns ? (until_ns - now_ns) / (int64_t)(left ? left : 1) : 0);
}

/* ---- curves ----------------------------------------------------------------------------------------------------------- */

/* What matters most comes first, should time run out: all cores, one, then those between. */
static uint32_t in_turn(const uint32_t *counts, size_t n, size_t turn)
{
  return turn == 0 ? counts[n - 1] : counts[turn - 1];
}

/* One curve over planned domains [first, first + n): named `name` in the profile. The first point is measured even when it is
 * late. */
static int measure_curve(struct amz_gauge *g, uint32_t first, uint32_t n_domains, uint32_t name, int64_t until_ns,
                         struct amz_points *points)
{
  uint32_t counts[AMZ_COUNTS_MAX];
  size_t n = amz_measure_counts(n_domains == 1 ? g->plan.domains[first].count : g->plan.widest, counts);

  for (size_t i = 0; i < n && (points->n == 0 || !amz_gauge_late(g)); i++) {
    uint32_t count = in_turn(counts, n, i);
    struct point p = {.first = first, .n_domains = n_domains, .per_domain = count, .kernel = amz_triad_streaming,
                      .bytes = amz_triad_bus_bytes(), .until_ns = share_of_time(until_ns, n - i)};
    struct amz_quantity q;
    uint32_t cores;
    int rc = amz_gauge_stage(g, "memory bandwidth at %u core%s %s", count, count == 1 ? "" : "s",
                             n_domains > 1 ? "of each NUMA domain" : "of a NUMA domain");

    if (rc < 0 || (rc = run_point(g, &p, &q, &cores)) < 0 || (rc = amz_points_add(points, name, cores, &q)) < 0)
      return rc;
  }
  return AMZ_OK;
}

/* ---- ordinary stores -------------------------------------------------------------------------------------------------- */

static int measure_ordinary(struct amz_gauge *g, int64_t until_ns)
{
  struct point one = {.n_domains = 1, .per_domain = 1, .kernel = amz_triad_ordinary, .bytes = AMZ_ORDINARY_BYTES,
                      .until_ns = share_of_time(until_ns, 2)};
  struct point all = one;
  uint32_t cores;
  int rc;

  if (amz_gauge_late(g))
    return AMZ_OK;
  if ((rc = amz_gauge_stage(g, "memory bandwidth with ordinary stores")) < 0 ||
      (rc = run_point(g, &one, &g->node->stream_one, &cores)) < 0)
    return rc;
  all.n_domains = g->plan.n_domains;
  all.per_domain = g->plan.widest;
  all.until_ns = until_ns;
  return run_point(g, &all, &g->node->stream_all, &cores);
}

/* ---- remote memory ---------------------------------------------------------------------------------------------------- */

/* As many cores of the first domain as the other one has, at most, on that one's memory and on their own, one after the other. */
static int measure_one_remote(struct amz_gauge *g, const struct amz_plan_domain *other, int64_t until_ns,
                              struct amz_quantity *ret)
{
  uint32_t cores = busy_of(other, g->plan.domains[0].count), busy;
  struct point far = {.n_domains = 1, .per_domain = cores, .memory = other, .kernel = amz_triad_streaming,
                      .bytes = amz_triad_bus_bytes(),
                      .until_ns = share_of_time(until_ns, 2)};
  struct point near = far;
  struct amz_quantity there, here;
  int rc = run_point(g, &far, &there, &busy);

  near.memory = NULL;
  near.until_ns = until_ns;
  if (rc == AMZ_OK)
    rc = run_point(g, &near, &here, &busy);
  if (rc == AMZ_OK && there.n > 0 && here.n > 0)
    *ret = (struct amz_quantity){.value = there.value / here.value, .low = there.low / here.high, .high = there.high / here.low,
                                 .n = there.n < here.n ? there.n : here.n, .source = AMZ_MEASURED};
  return rc;
}

/* The mean over the other domains: some are nearer than others, and a task's memory may be in any. */
static int measure_remote(struct amz_gauge *g, int64_t until_ns)
{
  struct amz_quantity sum = {0};
  uint32_t n = 0;
  int rc = AMZ_OK;

  for (uint32_t d = 1; rc == AMZ_OK && d < g->plan.n_domains && !amz_gauge_late(g); d++) {
    struct amz_quantity one = {0};

    rc = amz_gauge_stage(g, "bandwidth to the memory of NUMA domain %u", g->plan.domains[d].index);
    if (rc == AMZ_OK)
      rc = measure_one_remote(g, &g->plan.domains[d], share_of_time(until_ns, g->plan.n_domains - d), &one);
    if (rc < 0 || one.source != AMZ_MEASURED)
      continue;
    sum.value += one.value;
    sum.low += one.low;
    sum.high += one.high;
    sum.n += one.n;
    n++;
  }
  if (n > 0)
    g->node->remote_ratio = (struct amz_quantity){.value = sum.value / n, .low = sum.low / n, .high = sum.high / n, .n = sum.n,
                                                  .source = AMZ_MEASURED};
  return rc;
}

/* ---- all of it -------------------------------------------------------------------------------------------------------- */

/* What was assumed gives way to what was measured. */
static int keep(struct amz_gauge *g, struct amz_points *points)
{
  struct amz_node *node = g->node;
  char text[160], *method;

  if (points->n == 0)
    return AMZ_OK;
  if (g->plan.n_domains == 1 && amz_points_mirror(points, g->plan.domains[0].index) < 0)
    return amz_error_set(g->err, AMZ_ENOMEM, "no memory for the bandwidth curve");
  (void)snprintf(text, sizeof text, "%s", amz_triad_method());
  if (g->hurried)
    (void)snprintf(text, sizeof text, "%s; arrays of less than 4 x the last-level cache, for want of time", amz_triad_method());
  else if (g->plan.scale < 1)
    (void)snprintf(text, sizeof text, "%s; arrays of %.0f %% of 4 x the last-level cache only, for want of memory",
                   amz_triad_method(),
                   g->plan.scale * 100);
  method = amz_strndup(text, strlen(text));
  if (!method)
    return amz_error_set(g->err, AMZ_ENOMEM, "no memory for the bandwidth curve");
  free(node->bandwidth_method);
  free(node->bandwidth);
  node->bandwidth_method = method;
  node->bandwidth = points->items;
  node->n_bandwidth = points->n;
  *points = (struct amz_points){0};
  node->saturation_cores = amz_measure_saturation(node, g->plan.domains[0].index);
  return AMZ_OK;
}

/* The most important first, each with its share of the time that is left. */
static int measure_parts(struct amz_gauge *g, int64_t until_ns, struct amz_points *points)
{
  uint32_t domains = g->plan.n_domains;
  size_t left = domains > 1 ? domains + 3 : 2;
  int rc = measure_curve(g, 0, 1, g->plan.domains[0].index, share_of_time(until_ns, left--), points);

  if (rc == AMZ_OK)
    rc = measure_ordinary(g, share_of_time(until_ns, left--));
  if (domains == 1 || rc < 0)
    return rc;
  rc = measure_curve(g, 0, domains, AMZ_ALL_DOMAINS, share_of_time(until_ns, left--), points);
  if (rc == AMZ_OK)
    rc = measure_remote(g, share_of_time(until_ns, left--));
  for (uint32_t d = 1; rc == AMZ_OK && d < domains; d++)
    rc = measure_curve(g, d, 1, g->plan.domains[d].index, share_of_time(until_ns, left--), points);
  return rc;
}

int amz_gauge_triad(struct amz_gauge *g, int64_t until_ns)
{
  struct amz_points points = {0};
  int rc = measure_parts(g, until_ns, &points), kept = keep(g, &points);

  free(points.items);
  return rc < 0 ? rc : kept;
}
