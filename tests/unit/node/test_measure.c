/* What is measured is chosen right, the loops do what they say, and a short measurement of this machine gives numbers that can be
 * true. No time is judged: a machine may be as slow as it likes. Expected sizes are worked out by hand from STREAM's rules: each
 * array 4 × the last-level caches. */
#define _GNU_SOURCE
#include <math.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <amorsize/measure.h>

#include "../../../src/node/measure_crew.h"
#include "../../../src/node/measure_gauge.h"
#include "../../../src/node/measure_kernels.h"
#include "../../../src/node/measure_plan.h"
#include "../../support/tap.h"

#define MIB ((uint64_t)1 << 20)
#define GIB ((uint64_t)1 << 30)

/* Two packages, four cores each, two hardware threads a core numbered as Linux does; two cores share a last-level cache of 16
 * MiB. */
static struct amz_node_domain domains[] = {{.os_index = 0, .cores = 4, .allowed_cores = 4, .memory_bytes = 64 * GIB},
                                           {.os_index = 1, .cores = 4, .allowed_cores = 4, .memory_bytes = 64 * GIB},
                                           {.os_index = 2, .memory_bytes = 16 * GIB}};
#define CORE(d, i) {.domain = (d), .first_unit = 2 * (i), .n_units = 2, .allowed_units = 2}
static struct amz_node_core core[] = {CORE(0, 0), CORE(0, 1), CORE(0, 2), CORE(0, 3), CORE(1, 4), CORE(1, 5), CORE(1, 6),
                                      CORE(1, 7)};
static uint32_t unit[] = {0, 8, 1, 9, 2, 10, 3, 11, 4, 12, 5, 13, 6, 14, 7, 15};
static struct amz_node_cache caches[] = {{.level = 1, .bytes = 32 << 10, .line_bytes = 64, .count = 8, .shared_cores = 1},
                                         {.level = 2, .bytes = 1 << 20, .line_bytes = 64, .count = 8, .shared_cores = 1},
                                         {.level = 3, .bytes = 16 << 20, .line_bytes = 128, .count = 4, .shared_cores = 2}};

static struct amz_node two_packages(void)
{
  return (struct amz_node){.this_machine = true, .cores = 8, .units = 16, .core = core, .unit = unit, .domains = domains,
                           .n_domains = 3,
                           .caches = caches, .n_caches = 3, .allowed_cores = 8, .allowed_cpu = 8,
                           .allowed_memory_bytes = 128 * GIB};
}

static bool any(void *ctx, uint32_t u)
{
  (void)ctx;
  (void)u;
  return true;
}

static bool upper_threads(void *ctx, uint32_t u)
{
  (void)ctx;
  return u >= 8 && u != 9;
}

static bool none(void *ctx, uint32_t u)
{
  (void)ctx;
  (void)u;
  return false;
}

static void describe(const struct amz_measure_plan *plan, char *out, size_t n)
{
  size_t at = 0;

  for (uint32_t d = 0; d < plan->n_domains; d++) {
    at += (size_t)snprintf(out + at, n - at, "%s%u:", d ? " " : "", plan->domains[d].index);
    for (uint32_t i = 0; i < plan->domains[d].count; i++)
      at += (size_t)snprintf(out + at, n - at, "%s%u", i ? "," : "", plan->units[plan->domains[d].first + i]);
  }
}

static void test_cores(void)
{
  static const struct {
    const char *what;
    bool (*may_run)(void *, uint32_t);
    uint32_t allowed_cores;
    double allowed_cpu;
    const char *expected;
  } rows[] = {
    {"all of them, one unit each", any, 8, 8, "0:0,1,2,3 1:4,5,6,7"},
    {"a mask without the first units, nor any of core 1", upper_threads, 8, 8, "0:8,10,11 1:12,13,14,15"},
    {"fewer cores allowed", any, 5, 8, "0:0,1,2,3 1:4"},
    {"a quota of two and a half", any, 8, 2.5, "0:0,1"},
    {"a quota of half a CPU", any, 8, 0.5, "0:0"},
    {"nothing told of limits", any, 0, 0, "0:0,1,2,3 1:4,5,6,7"},
  };

  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    struct amz_node node = two_packages();
    struct amz_measure_plan plan;
    char text[128] = "";

    node.allowed_cores = rows[i].allowed_cores;
    node.allowed_cpu = rows[i].allowed_cpu;
    ASSERT_ROW_I64(rows[i].what, amz_measure_plan_make(&node, rows[i].may_run, NULL, &plan), AMZ_OK);
    describe(&plan, text, sizeof text);
    ASSERT_ROW_TEXT(rows[i].what, text, rows[i].expected);
    amz_measure_plan_clear(&plan);
  }
}

static void test_no_cores(void)
{
  struct amz_node node = two_packages(), homeless = two_packages();
  struct amz_node_core lone = {.domain = AMZ_NO_DOMAIN, .n_units = 1, .allowed_units = 1};
  struct amz_measure_plan plan;

  ASSERT_I64(amz_measure_plan_make(&node, none, NULL, &plan), AMZ_EENV);
  homeless.core = &lone;
  homeless.cores = 1;
  homeless.n_domains = 0;
  ASSERT_I64(amz_measure_plan_make(&homeless, any, NULL, &plan), AMZ_OK);
  ASSERT_U64(plan.n_domains, 1);
  ASSERT_U64(plan.n_units, 1);
  amz_measure_plan_clear(&plan);
}

static void test_counts(void)
{
  static const struct {
    uint32_t n;
    const char *expected;
  } rows[] = {{1, "1 "}, {2, "1 2 "}, {3, "1 2 3 "}, {8, "1 2 4 8 "}, {12, "1 2 4 8 12 "}, {96, "1 2 4 8 16 32 64 96 "}};
  uint32_t counts[AMZ_COUNTS_MAX];

  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    size_t n = amz_measure_counts(rows[i].n, counts), at = 0;
    char text[128] = "";

    for (size_t k = 0; k < n; k++)
      at += (size_t)snprintf(text + at, sizeof text - at, "%u ", counts[k]);
    ASSERT_TEXT(text, rows[i].expected);
  }
  ASSERT_U64(amz_measure_counts(UINT32_MAX, counts), AMZ_COUNTS_MAX);
}

static void test_sizes(void)
{
  static struct amz_node_cache other[] = {{.level = 2, .bytes = 2 << 20, .count = 1, .shared_cores = 1}};
  struct amz_node node = two_packages(), small = two_packages(), untold = two_packages();

  ASSERT_U64(amz_triad_share(&node, 1, 1), 64 * MIB);       /* 4 × 16 */
  ASSERT_U64(amz_triad_share(&node, 1, 2), 32 * MIB);       /* both on the same cache */
  ASSERT_U64(amz_triad_share(&node, 1, 4), 32 * MIB);       /* 4 × 32 over four */
  ASSERT_U64(amz_triad_share(&node, 0.25, 4), 8 * MIB);
  ASSERT_U64(amz_triad_room(&node, 1, 0, 4), 64 * MIB);     /* the first core works alone, too */
  ASSERT_U64(amz_triad_room(&node, 1, 3, 4), 32 * MIB);
  small.caches = other;
  small.n_caches = 1;
  ASSERT_U64(amz_triad_share(&small, 1, 1), 8 * MIB);       /* 4 × 2 */
  untold.n_caches = 0;
  ASSERT_U64(amz_triad_share(&untold, 1, 1), 64 * MIB);     /* as if it were 16 */
  CU_ASSERT(amz_triad_share(&node, 1e-9, 4) >= 4096);
}

static void test_scale(void)
{
  /* Wanted: 3 arrays × (64 + 32 + 32 + 32) MiB in each domain = 480; 960 together. A quarter of what is allowed may be taken. */
  static const struct {
    const char *what;
    uint64_t allowed, total, domain;
    double scale;
  } rows[] = {
    {"plenty", 128 * GIB, 128 * GIB, 64 * GIB, 1},
    {"just enough", 3840 * MIB, 128 * GIB, 64 * GIB, 1},
    {"a tenth of that", 384 * MIB, 128 * GIB, 64 * GIB, 0.1},
    {"not told what is allowed: the node's", 0, 1920 * MIB, 64 * GIB, 0.5},
    {"not told anything: a gigabyte", 0, 0, 0, 1024.0 / 3840},
    {"little in one domain", 128 * GIB, 128 * GIB, 960 * MIB, 0.5},
  };

  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    struct amz_node_domain here[3];
    struct amz_node node = two_packages();
    struct amz_measure_plan plan;

    memcpy(here, domains, sizeof here);
    here[0].memory_bytes = 0;
    here[1].memory_bytes = rows[i].domain;
    node.domains = here;
    node.allowed_memory_bytes = rows[i].allowed;
    node.memory_bytes = rows[i].total;
    ASSERT_ROW_I64(rows[i].what, amz_measure_plan_make(&node, any, NULL, &plan), AMZ_OK);
    ASSERT_ROW_I64(rows[i].what, llround(plan.scale * 1e6), llround(rows[i].scale * 1e6));
    amz_measure_plan_clear(&plan);
  }
}

static void test_chases(void)
{
  static struct amz_node_cache odd[] = {{.level = 1, .bytes = 48 << 10, .count = 1}, {.level = 2, .bytes = 64 << 10, .count = 1},
                                        {.level = 3, .bytes = 32 << 10, .count = 1}};
  static const struct {
    const char *what;
    struct amz_node_cache *caches;
    size_t n_caches;
    uint64_t room;
    const char *expected; /* level=KiB */
  } rows[] = {
    {"half of each cache, eight times the last one", caches, 3, GIB, "1=16 2=512 3=8192 0=131072 "},
    {"less room, but twice the last cache", caches, 3, 40 * MIB, "1=16 2=512 3=8192 0=40960 "},
    {"not enough for memory", caches, 3, 20 * MIB, "1=16 2=512 3=8192 "},
    {"not enough for the last cache", caches, 3, 4 * MIB, "1=16 2=512 0=4096 "},
    {"a second level hardly larger than the first; a third that is smaller", odd, 3, GIB, "1=24 2=56 0=65536 "},
    {"no caches told", NULL, 0, GIB, "0=65536 "},
  };

  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    struct amz_node node = {.caches = rows[i].caches, .n_caches = rows[i].n_caches};
    struct amz_chase chases[AMZ_LEVELS_MAX];
    size_t n = amz_measure_chases(&node, rows[i].room, chases), at = 0;
    char text[256] = "";

    for (size_t k = 0; k < n; k++)
      at += (size_t)snprintf(text + at, sizeof text - at, "%u=%llu ", chases[k].level,
                             (unsigned long long)(chases[k].bytes >> 10));
    ASSERT_ROW_TEXT(rows[i].what, text, rows[i].expected);
  }
}

static void test_line(void)
{
  struct amz_node node = two_packages(), untold = {0};
  struct amz_node_cache strange = {.level = 1, .bytes = 1024, .line_bytes = 100, .count = 1};
  struct amz_node odd = {.caches = &strange, .n_caches = 1};

  ASSERT_U64(amz_measure_line(&node), 128);
  ASSERT_U64(amz_measure_line(&untold), 64);
  ASSERT_U64(amz_measure_line(&odd), 64);
}

#define RATE(d, c, v) {.domain = (d), .cores = (c), .value = {.value = (v), .low = (v), .high = (v), .n = 5, .source = AMZ_MEASURED}}

static void test_saturation(void)
{
  /* Straight lines between the points: from 30 at 4 to 50 at 8 cores, 45 (90 % of 50) is reached at 7. */
  static struct amz_curve_point curve[] = {RATE(0, 1, 10), RATE(0, 2, 20), RATE(0, 4, 30), RATE(0, 8, 50), RATE(1, 1, 40),
                                           RATE(1, 8, 41),
                                           RATE(2, 1, 10), RATE(2, 2, 50), RATE(2, 4, 30), RATE(3, 8, 50)};
  const struct amz_node node = {.bandwidth = curve, .n_bandwidth = sizeof curve / sizeof *curve};
  static const struct {
    const char *what;
    uint32_t domain;
    double cores;
    uint32_t n;
  } rows[] = {{"between points", 0, 7, 4}, {"one core is enough", 1, 1, 2}, {"more cores are slower", 2, 2, 3}};

  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    struct amz_quantity q = amz_measure_saturation(&node, rows[i].domain);

    ASSERT_ROW_I64(rows[i].what, llround(q.value), llround(rows[i].cores));
    ASSERT_ROW_U64(rows[i].what, q.n, rows[i].n);
  }
  ASSERT_I64(amz_measure_saturation(&node, 7).source, AMZ_UNKNOWN);
  ASSERT_I64(amz_measure_saturation(&node, 3).source, AMZ_UNKNOWN); /* eight cores alone say nothing of fewer */
}

/* ---- loops ------------------------------------------------------------------------------------------------------------- */

static void test_triad(void)
{
  static amz_triad_kernel *const kernels[] = {amz_triad_ordinary, amz_triad_streaming, amz_triad_ordinary_sse2,
                                              amz_triad_streaming_sse2};
  enum { N = 1024 };
  double *a = aligned_alloc(64, N * sizeof *a), *b = aligned_alloc(64, N * sizeof *b), *c = aligned_alloc(64, N * sizeof *c);

  CU_ASSERT_FATAL(a && b && c);
  for (size_t k = 0; k < sizeof kernels / sizeof *kernels; k++) {
    unsigned wrong = 0;

    for (int i = 0; i < N; i++) {
      a[i] = -1;
      b[i] = i;
      c[i] = 2 * i;
    }
    kernels[k](a, b, c, 3, N - 8);
    for (int i = 0; i < N; i++) {
      double expected = i < N - 8 ? 7.0 * i : -1; /* i + 3·2i; nothing beyond */

      wrong += a[i] < expected || a[i] > expected;
    }
    ASSERT_U64(wrong, 0);
  }
  free(a);
  free(b);
  free(c);
}

static void test_chain(void)
{
  void *chain[11];

  for (size_t i = 0; i < 11; i++)
    chain[i] = &chain[(i + 1) % 11];
  for (uint64_t steps = 0; steps < 40; steps++)
    CU_ASSERT(amz_chase_run(&chain[0], steps) == (void *)&chain[steps % 11]);
}

static void test_spin(void)
{
  double sum = amz_spin_run(100000000 / 4); /* long enough to have come near its limit, eight times 8 */

  CU_ASSERT(fabs(sum - 64) < 1e-3);
  CU_ASSERT(amz_spin_run(0) > 35 && amz_spin_run(0) < 37); /* 1 + 2 + … + 8 */
}

struct crowd {
  struct amz_meet meet;
  atomic_uint inside, out_of_step;
  uint32_t unit[64];
  bool bound[64];
};

static void meet_often(void *ctx, uint32_t i)
{
  struct crowd *c = ctx;
  cpu_set_t mask;

  CPU_ZERO(&mask);
  c->bound[i] = sched_getaffinity(0, sizeof mask, &mask) == 0 && CPU_COUNT(&mask) == 1 && CPU_ISSET(c->unit[i], &mask);
  for (unsigned turn = 1; turn <= 50; turn++) {
    atomic_fetch_add(&c->inside, 1);
    amz_meet_wait(&c->meet);
    if (atomic_load(&c->inside) != turn * c->meet.n)
      atomic_fetch_add(&c->out_of_step, 1);
    amz_meet_wait(&c->meet);
  }
}

static uint32_t first_of_mask(void)
{
  cpu_set_t mask;
  uint32_t u = 0;

  CPU_ZERO(&mask);
  CU_ASSERT_FATAL(sched_getaffinity(0, sizeof mask, &mask) == 0);
  while (!CPU_ISSET(u, &mask))
    u++;
  return u;
}

static void test_crew(void)
{
  struct crowd c = {.inside = 0};

  amz_meet_init(&c.meet, 5);
  for (uint32_t i = 0; i < 5; i++)
    c.unit[i] = first_of_mask(); /* all on one: they must not wait for each other with all their might */
  ASSERT_I64(amz_crew_run(c.unit, 5, meet_often, &c, NULL), AMZ_OK);
  ASSERT_U64(atomic_load(&c.inside), 250);
  ASSERT_U64(atomic_load(&c.out_of_step), 0);
  for (uint32_t i = 0; i < 5; i++)
    CU_ASSERT(c.bound[i]);
}

static void test_crew_refused(void)
{
  struct crowd c = {.inside = 0};
  struct amz_error err = {0};

  amz_meet_init(&c.meet, 2);
  c.unit[0] = first_of_mask();
  c.unit[1] = 100000; /* no machine has it */
  ASSERT_I64(amz_crew_run(c.unit, 2, meet_often, &c, &err), AMZ_EENV);
  CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "thread 2 of 2, bound to processing unit 100000"));
  ASSERT_U64(atomic_load(&c.inside), 0); /* the first one didn't begin either */
}

/* ---- this machine ------------------------------------------------------------------------------------------------------ */

/* One core of this machine and hardly any memory, so that it is quick. */
static struct amz_node *small_node(void)
{
  struct amz_node *node = calloc(1, sizeof *node);

  CU_ASSERT_FATAL(node != NULL);
  node->this_machine = true;
  node->cores = node->units = node->allowed_cores = 1;
  node->core = calloc(1, sizeof *node->core);
  node->unit = calloc(1, sizeof *node->unit);
  node->caches = calloc(1, sizeof *node->caches);
  CU_ASSERT_FATAL(node->core && node->unit && node->caches);
  node->core[0] = (struct amz_node_core){.n_units = 1, .allowed_units = 1};
  node->unit[0] = first_of_mask();
  node->caches[0] = (struct amz_node_cache){.level = 1, .bytes = 32 << 10, .line_bytes = 64, .count = 1, .shared_cores = 1};
  node->n_caches = 1;
  node->allowed_memory_bytes = 32 * MIB;
  return node;
}

static void check_quantity(const char *what, const struct amz_quantity *q)
{
  ASSERT_ROW_I64(what, q->source, AMZ_MEASURED);
  CU_ASSERT(q->n > 0 && isfinite(q->value) && q->value > 0 && q->low > 0 && q->low <= q->value && q->value <= q->high &&
            isfinite(q->high));
}

static void test_measure(void)
{
  struct amz_node *node = small_node();
  struct amz_error err = {0};

  node->bandwidth = calloc(1, sizeof *node->bandwidth); /* assumed before: replaced */
  node->n_bandwidth = node->bandwidth != NULL;
  ASSERT_I64(amz_measure_memory(node, AMZ_EFFORT_DEFAULT, NULL, &err), AMZ_OK);
  ASSERT_TEXT(err.text, "");
  ASSERT_U64(node->n_bandwidth, 2); /* the domain, and all */
  ASSERT_U64(node->n_slowdown, 2);
  CU_ASSERT(node->n_latency >= 1);
  for (size_t i = 0; i < node->n_bandwidth; i++)
    check_quantity("bandwidth", &node->bandwidth[i].value);
  for (size_t i = 0; i < node->n_slowdown; i++)
    check_quantity("slowdown", &node->slowdown[i].value);
  for (size_t i = 0; i < node->n_latency; i++)
    check_quantity("latency", &node->latency[i].seconds);
  check_quantity("saturation", &node->saturation_cores);
  check_quantity("computing", &node->compute_one);
  ASSERT_I64(node->remote_ratio.source, AMZ_UNKNOWN);
  CU_ASSERT_PTR_NOT_NULL(node->bandwidth_method ? strstr(node->bandwidth_method, "for want of memory") : NULL);
  CU_ASSERT(node->measured_at_s > 0);
  amz_node_clear(node);
  free(node);
}

/* Two domains of two cores that are all the same unit: every part has something to do, and as much time as it needs. */
static struct amz_node *two_domains(void)
{
  struct amz_node *node = small_node();

  node->core = realloc(node->core, 4 * sizeof *node->core);
  node->domains = calloc(2, sizeof *node->domains);
  CU_ASSERT_FATAL(node->core && node->domains);
  for (uint32_t i = 0; i < 4; i++)
    node->core[i] = (struct amz_node_core){.domain = i / 2, .n_units = 1, .allowed_units = 1};
  node->cores = node->allowed_cores = 4;
  node->n_domains = 2;
  return node;
}

static uint32_t points_of(const struct amz_curve_point *points, size_t n, uint32_t domain)
{
  uint32_t last = 0, found = 0;

  for (size_t i = 0; i < n; i++) {
    if (points[i].domain != domain)
      continue;
    CU_ASSERT(points[i].cores > last); /* they ascend, in whatever order they were measured */
    last = points[i].cores;
    check_quantity("a point", &points[i].value);
    found++;
  }
  return found;
}

/* Seconds at 1, 2 and 4 cores of a domain, and at 2 and 4 over all. */
static void test_slowdown(void)
{
  static const struct {
    const char *what;
    double seconds[5], phi[5], alone;
  } rows[] = {
    {"clocks that go down", {1, 1.1, 1.3, 1.05, 1.2}, {1, 1.1, 1.3, 1.05, 1.2}, 1},
    {"disturbed alone", {5, 1, 1.25, 1, 1.25}, {1, 1, 1.25, 1, 1.25}, 1},
    {"disturbed in the middle", {1, 9, 1.25, 1, 1.25}, {1, 1.25, 1.25, 1, 1.25}, 1},
    {"alone only elsewhere", {2, 2, 2, 1, 1}, {1, 2, 2, 1, 1}, 1},
    {"all of it disturbed: nobody can tell", {3, 3, 3, 3, 3}, {1, 1, 1, 1, 1}, 3},
  };
  static const uint32_t of[] = {0, 0, 0, AMZ_ALL_DOMAINS, AMZ_ALL_DOMAINS}, cores[] = {1, 2, 4, 2, 4};

  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    struct amz_curve_point items[5];
    struct amz_points points = {.items = items, .n = 5, .cap = 5};
    struct amz_quantity alone;

    for (size_t k = 0; k < 5; k++)
      items[k] = (struct amz_curve_point){of[k], cores[k], {.value = rows[i].seconds[k], .low = 0.9 * rows[i].seconds[k],
                                                                 .high = 1.1 * rows[i].seconds[k], .n = 15,
                                                                 .source = AMZ_MEASURED}};
    alone = amz_points_to_slowdown(&points);
    CU_ASSERT(fabs(alone.value - rows[i].alone) < 1e-12);
    for (size_t k = 0; k < 5; k++) {
      const struct amz_quantity *q = &items[k].value;

      ASSERT_ROW_I64(rows[i].what, lround(q->value * 1000), lround(rows[i].phi[k] * 1000));
      CU_ASSERT(q->low <= q->value && q->value <= q->high);
    }
  }
}

static void test_domains(void)
{
  static const uint32_t curves[] = {0, 1, AMZ_ALL_DOMAINS};
  struct amz_node *node = two_domains();
  struct amz_gauge g = {.node = node, .deadline_ns = INT64_MAX};

  ASSERT_I64(amz_measure_plan_make(node, any, NULL, &g.plan), AMZ_OK);
  ASSERT_I64(amz_gauge_map(&g), AMZ_OK);
  ASSERT_I64(amz_gauge_spin(&g), AMZ_OK);
  ASSERT_I64(amz_gauge_chase(&g, false), AMZ_OK);
  ASSERT_I64(amz_gauge_chase(&g, true), AMZ_OK);
  ASSERT_I64(amz_gauge_triad(&g, amz_gauge_now_ns()), AMZ_OK);
  for (size_t i = 0; i < 3; i++) { /* at one core and at two; of each */
    ASSERT_U64(points_of(node->bandwidth, node->n_bandwidth, curves[i]), 2);
    ASSERT_U64(points_of(node->slowdown, node->n_slowdown, curves[i]), 2);
  }
  ASSERT_U64(node->n_latency, 2); /* the cache, and memory */
  check_quantity("one core with ordinary stores", &node->stream_one);
  check_quantity("all cores with ordinary stores", &node->stream_all);
  check_quantity("to the other domain's memory", &node->remote_ratio);
  check_quantity("saturation", &node->saturation_cores);
  amz_gauge_unmap(&g);
  amz_measure_plan_clear(&g.plan);
  amz_node_clear(node);
  free(node);
}

struct observed {
  unsigned stages, stop_at;
  char last[128];
};

static void note_stage(void *ctx, const char *what)
{
  struct observed *o = ctx;

  o->stages++;
  (void)snprintf(o->last, sizeof o->last, "%s", what);
}

static bool is_enough(void *ctx)
{
  const struct observed *o = ctx;

  return o->stages >= o->stop_at;
}

static void test_stop(void)
{
  struct amz_node *node = small_node();
  struct observed o = {.stop_at = 4};
  const struct amz_measure_observer observer = {.ctx = &o, .stage = note_stage, .stop = is_enough};

  ASSERT_I64(amz_measure_memory(node, AMZ_EFFORT_PRECISE, &observer, NULL), AMZ_ECLOSED);
  ASSERT_U64(o.stages, 4);
  ASSERT_TEXT(o.last, "memory bandwidth at 1 core of a NUMA domain");
  ASSERT_U64(node->n_slowdown, 2); /* what was known by then is kept */
  ASSERT_U64(node->n_latency, 1);
  ASSERT_U64(node->n_bandwidth, 2);
  amz_node_clear(node);
  free(node);
}

/* Whose time is over from the beginning still learns what matters most, as well as one pass tells it; whatever else there is to
 * know is left out. */
static void test_late(void)
{
  const struct amz_measure_observer observer = {.until_ns = 1};
  struct amz_node *node = small_node();

  ASSERT_I64(amz_measure_memory(node, AMZ_EFFORT_DEFAULT, &observer, NULL), AMZ_OK);
  ASSERT_U64(node->n_bandwidth, 2); /* the domain, and all */
  check_quantity("bandwidth", &node->bandwidth[0].value);
  ASSERT_U64(node->bandwidth[0].value.n, 1);
  ASSERT_U64(node->n_slowdown + node->n_latency, 0);
  ASSERT_I64(node->stream_one.source, AMZ_UNKNOWN);
  amz_node_clear(node);
  free(node);
}

static void test_elsewhere(void)
{
  struct amz_node node = two_packages();
  struct amz_error err = {0};

  node.this_machine = false;
  node.topology = (char[]){"other.xml"};
  ASSERT_I64(amz_measure_memory(&node, AMZ_EFFORT_DEFAULT, NULL, &err), AMZ_EINVAL);
  ASSERT_TEXT(err.text, "other.xml is not the machine we are on: it can't be measured");
}

int main(void)
{
  static const struct amz_test tests[] = {
    {"which cores are kept busy", test_cores}, {"no cores, no domains", test_no_cores}, {"numbers of cores", test_counts},
    {"sizes of arrays", test_sizes}, {"arrays shrink to the memory there is", test_scale}, {"sizes of chains", test_chases},
    {"bytes between loads", test_line}, {"where a curve saturates", test_saturation}, {"the triad computes", test_triad},
    {"chains are followed", test_chain}, {"spinning computes", test_spin}, {"times become a slowdown", test_slowdown},
    {"threads are bound and meet", test_crew},
    {"all threads or none", test_crew_refused}, {"a quick measurement", test_measure}, {"several domains", test_domains},
    {"a measurement that is ended", test_stop}, {"a measurement that is late", test_late},
    {"another machine can't be measured", test_elsewhere}, {NULL, NULL}};

  return amz_test_main("node/measure", tests, 0);
}
