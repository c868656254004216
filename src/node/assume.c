/* What benchmarks would tell, as values typical of a server of today, each marked assumed.
 *
 * They are for plans made where nothing was measured, and are meant to be replaced: a run's own chunks correct them, `node`
 * measures them. Chosen to be of the right order rather than right: one core streams some 12 GB/s, a domain three for each of
 * its cores and at least 25, clocks fall by a sixth when all cores work, a process starts in a millisecond. */
#include <amorsize/measure.h>

#include <stdlib.h>
#include <string.h>

#include <amorsize/alloc.h>

#define CORE_RATE 12e9
#define DOMAIN_RATE_MIN 25e9
#define DOMAIN_RATE_PER_CORE 3e9
#define SLOWDOWN_ALL_CORES 0.15    /* φ of all cores is 1 + this: clocks fall */
#define SLOWDOWN_SHARED_CORES 0.6  /* virtual CPUs that share cores */
#define SATURATED 0.9

static void fill(struct amz_quantity *q, double value)
{
  if (q->source == AMZ_UNKNOWN)
    *q = amz_assumed(value);
}

/* ---- curves over busy cores ------------------------------------------------------------------------------------------- */

static double domain_rate(uint32_t all, uint32_t busy)
{
  double most = DOMAIN_RATE_PER_CORE * all > DOMAIN_RATE_MIN ? DOMAIN_RATE_PER_CORE * all : DOMAIN_RATE_MIN,
      rate = CORE_RATE * busy;

  return rate < most ? rate : most;
}

static double slowdown(const struct amz_node *node, uint32_t all, uint32_t busy)
{
  double most = node->units_share_cores ? SLOWDOWN_SHARED_CORES : SLOWDOWN_ALL_CORES;

  return all > 1 ? 1 + most * (busy - 1) / (all - 1) : 1;
}

struct curve {
  struct amz_curve_point *points;
  size_t count, cap;
};

static int add_point(struct curve *c, uint32_t domain, uint32_t cores, double value)
{
  int rc = amz_grow((void **)&c->points, &c->cap, c->count + 1, sizeof *c->points);

  if (rc == AMZ_OK)
    c->points[c->count++] = (struct amz_curve_point){.domain = domain, .cores = cores, .value = amz_assumed(value)};
  return rc;
}

/* 1, 2, 4 … and all of them. */
static uint32_t next_busy(uint32_t busy, uint32_t all)
{
  return busy < all / 2 ? busy * 2 : all;
}

/* Over all domains, busy cores spread evenly: each domain has its share. */
static double rate_of_all(const struct amz_node *node, uint32_t all, uint32_t busy)
{
  double rate = 0;

  for (size_t i = 0; i < node->n_domains; i++)
    if (node->domains[i].cores > 0) {
      double share = (double)busy * node->domains[i].cores / all, most = domain_rate(node->domains[i].cores,
          node->domains[i].cores);

      rate += CORE_RATE * share < most ? CORE_RATE * share : most;
    }
  return rate > 0 ? rate : domain_rate(all, busy);
}

static int draw_domain(const struct amz_node *node, uint32_t domain, bool bandwidth, struct curve *c)
{
  uint32_t all = domain == AMZ_ALL_DOMAINS ? node->cores : node->domains[domain].cores;
  int rc = AMZ_OK;

  for (uint32_t busy = 1; rc == AMZ_OK && all > 0; busy = next_busy(busy, all)) {
    double value = !bandwidth                   ? slowdown(node, all, busy)
                   : domain == AMZ_ALL_DOMAINS ? rate_of_all(node, all, busy)
                                               : domain_rate(all, busy);

    rc = add_point(c, domain, busy, value);
    if (busy == all)
      break;
  }
  return rc;
}

static int draw(const struct amz_node *node, bool bandwidth, struct amz_curve_point **ret, size_t *ret_n)
{
  struct curve c = {NULL, 0, 0};
  int rc = AMZ_OK;

  if (*ret_n > 0)
    return AMZ_OK;
  for (uint32_t i = 0; rc == AMZ_OK && i < node->n_domains; i++)
    rc = draw_domain(node, i, bandwidth, &c);
  if (rc == AMZ_OK)
    rc = draw_domain(node, AMZ_ALL_DOMAINS, bandwidth, &c);
  if (rc < 0) {
    free(c.points);
    return rc;
  }
  free(*ret);
  *ret = c.points;
  *ret_n = c.count;
  return AMZ_OK;
}

static int name_method(struct amz_node *node)
{
  char *method = amz_strndup("assumed", 7);

  if (!method)
    return AMZ_ENOMEM;
  free(node->bandwidth_method);
  node->bandwidth_method = method;
  return AMZ_OK;
}

static int assume_bandwidth(struct amz_node *node)
{
  bool had = node->n_bandwidth > 0;
  uint32_t largest = 0, enough = 1;
  size_t with_memory = 0;
  int rc = draw(node, true, &node->bandwidth, &node->n_bandwidth);

  for (size_t i = 0; i < node->n_domains; i++) {
    with_memory += node->domains[i].memory_bytes > 0;
    largest = node->domains[i].cores > largest ? node->domains[i].cores : largest;
  }
  while (enough < largest && domain_rate(largest, enough) < SATURATED * domain_rate(largest, largest))
    enough++;
  fill(&node->saturation_cores, enough);
  if (with_memory > 1)
    fill(&node->remote_ratio, 0.6);
  return rc < 0 || had ? rc : name_method(node);
}

/* ---- latency and costs ------------------------------------------------------------------------------------------------ */

static const double level_latency_s[] = {90e-9, 1.3e-9, 4e-9, 18e-9, 40e-9};

static double latency_of(uint32_t level)
{
  return level < sizeof level_latency_s / sizeof *level_latency_s ? level_latency_s[level] : level_latency_s[4];
}

/* One point a level, over half of the largest cache of that level; main memory over four times the largest of all. */
static int assume_latency(struct amz_node *node)
{
  struct amz_latency_point *points;
  uint64_t largest = 8 << 20;
  size_t n = 0;

  if (node->n_latency > 0)
    return AMZ_OK;
  points = amz_new_array(node->n_caches + 1, sizeof *points);
  if (!points)
    return AMZ_ENOMEM;
  for (size_t i = 0; i < node->n_caches; i++) {
    const struct amz_node_cache *c = &node->caches[i];

    largest = c->bytes > largest ? c->bytes : largest;
    if (i + 1 < node->n_caches && node->caches[i + 1].level == c->level)
      continue; /* sorted by level, then size: the last of a level is its largest */
    points[n++] = (struct amz_latency_point){.bytes = c->bytes / 2, .level = c->level,
                                             .seconds = amz_assumed(latency_of(c->level))};
  }
  points[n++] = (struct amz_latency_point){.bytes = 4 * largest, .seconds = amz_assumed(latency_of(0))};
  free(node->latency);
  node->latency = points;
  node->n_latency = n;
  return AMZ_OK;
}

static void assume_costs(struct amz_node_costs *costs)
{
  const struct {
    struct amz_quantity *q;
    double value;
  } rows[] = {
    {&costs->start_s, 1e-3},         {&costs->start_shell_s, 2e-3},
    {&costs->launch_base_s, 0.5},    {&costs->launch_per_rank_s, 0.05},
    {&costs->inside.alpha_s, 0.5e-6}, {&costs->inside.beta_s_per_byte, 0.2e-9},   /* 5 GB/s through shared memory */
    {&costs->between.alpha_s, 30e-6}, {&costs->between.beta_s_per_byte, 0.9e-9},  /* TCP over 10 Gbit/s Ethernet */
    {&costs->chunk_s, AMZ_ASSUMED_CHUNK_S}, {&costs->service_s, AMZ_ASSUMED_SERVICE_S},
  };

  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
    fill(rows[i].q, rows[i].value);
}

int amz_node_assume(struct amz_node *node, struct amz_error *err)
{
  int rc = assume_bandwidth(node);

  if (rc == AMZ_OK)
    rc = draw(node, false, &node->slowdown, &node->n_slowdown);
  if (rc == AMZ_OK)
    rc = assume_latency(node);
  if (rc < 0)
    return amz_error_set(err, rc, "out of memory");
  assume_costs(&node->costs);
  return AMZ_OK;
}
