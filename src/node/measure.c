/* Measuring this node's memory: budget, threads' memory, what others took of it meanwhile.
 *
 * Each part begins only while there is time left: on a machine that is busy or very large, the profile is coarser, not late. */
#define _GNU_SOURCE
#include "measure_gauge.h"

#include <errno.h>
#include <inttypes.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include <amorsize/alloc.h>

#include "findings.h"
#include "measure_crew.h"

#define DEFAULT_NS INT64_C(2000000000)
#define PRECISE_NS INT64_C(25000000000)
#define STAGGER 1344u /* 21 lines: arrays that begin at the same place of a page get into each other's way */
#define STOLEN_MUCH 0.05
#define PAGE 4096u
#define SLICE ((size_t)1 << 19) /* elements: a multiple of a page's */
#define LATENCY_SHARE 4
#define TOUCH_SHARE 3           /* of the time, a third at most is for getting memory */
#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE 23
#endif

/* ---- time ------------------------------------------------------------------------------------------------------------- */

int64_t amz_gauge_now_ns(void)
{
  struct timespec now;

  (void)clock_gettime(CLOCK_MONOTONIC, &now);
  return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

bool amz_gauge_late(const struct amz_gauge *g)
{
  return amz_gauge_now_ns() >= g->deadline_ns;
}

int64_t amz_gauge_choose(const struct amz_gauge *g, int64_t by_default, int64_t precise)
{
  return g->effort == AMZ_EFFORT_PRECISE ? precise : by_default;
}

int amz_gauge_stage(const struct amz_gauge *g, const char *format, ...)
{
  char text[128];
  va_list args;

  if (g->observer && g->observer->stop && g->observer->stop(g->observer->ctx))
    return amz_error_set(g->err, AMZ_ECLOSED, "measuring was ended early");
  if (!g->observer || !g->observer->stage)
    return AMZ_OK;
  va_start(args, format);
  (void)vsnprintf(text, sizeof text, format, args);
  va_end(args);
  g->observer->stage(g->observer->ctx, text);
  return AMZ_OK;
}

/* ---- points ----------------------------------------------------------------------------------------------------------- */

int amz_points_add(struct amz_points *points, uint32_t domain, uint32_t cores, const struct amz_quantity *value)
{
  int rc = amz_grow((void **)&points->items, &points->cap, points->n + 1, sizeof *points->items);
  size_t at = points->n;

  if (rc < 0 || value->n == 0)
    return rc;
  for (; at > 0 && points->items[at - 1].domain == domain && points->items[at - 1].cores > cores; at--)
    points->items[at] = points->items[at - 1];
  points->items[at] = (struct amz_curve_point){.domain = domain, .cores = cores, .value = *value};
  points->n++;
  return AMZ_OK;
}

int amz_points_mirror(struct amz_points *points, uint32_t domain)
{
  size_t n = points->n;
  int rc = AMZ_OK;

  for (size_t i = 0; rc == AMZ_OK && i < n; i++) {
    struct amz_curve_point p = points->items[i]; /* the list may move */

    if (p.domain == domain)
      rc = amz_points_add(points, AMZ_ALL_DOMAINS, p.cores, &p.value);
  }
  return rc;
}

/* ---- memory ----------------------------------------------------------------------------------------------------------- */

/* Pages at once instead of one by one when they are touched, which takes twice as long. A kernel before 5.14 can't: then they
 * are. */
static void populate(double *from, size_t n)
{
  uintptr_t begin = (uintptr_t)from / PAGE * PAGE, end = (uintptr_t)(from + n);

  (void)madvise((void *)begin, end - begin, MADV_POPULATE_WRITE);
}

/* Slice after slice, until the time for that is over: what there is by then are the arrays. */
static void touch(void *ctx, uint32_t i)
{
  struct amz_gauge *g = ctx;
  struct amz_region *r = &g->regions[i];
  size_t all = r->bytes / sizeof *r->a, done = 0;

  while (done < all && (done == 0 || amz_gauge_now_ns() < g->touch_until_ns)) {
    size_t end = all - done < SLICE ? all : done + SLICE;

    populate(r->a + done, end - done);
    populate(r->b + done, end - done);
    populate(r->c + done, end - done);
    for (; done < end; done++) {
      r->a[done] = 0;
      r->b[done] = 1;
      r->c[done] = 2;
    }
  }
  r->bytes = done * sizeof *r->a;
}

static int map_one(struct amz_gauge *g, struct amz_region *r, uint64_t bytes)
{
  uint64_t all = AMZ_TRIAD_ARRAYS * bytes + 2 * STAGGER;
  char *base;

  r->mapped = all > SIZE_MAX ? SIZE_MAX : (size_t)all;
  r->base = mmap(NULL, r->mapped, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (r->base == MAP_FAILED) {
    r->base = NULL;
    return amz_error_sys(g->err, AMZ_ENOMEM, errno, "cannot get %" PRIu64 " MiB to measure memory with", all >> 20);
  }
  base = r->base;
  r->bytes = bytes;
  r->a = (double *)(void *)base;
  r->b = (double *)(void *)(base + bytes + STAGGER);
  r->c = (double *)(void *)(base + 2 * bytes + 2 * (uint64_t)STAGGER);
  return AMZ_OK;
}

int amz_gauge_map(struct amz_gauge *g)
{
  int rc = amz_gauge_stage(g, "getting memory");

  if (rc < 0)
    return rc;
  g->regions = amz_new_array(g->plan.n_units, sizeof *g->regions);
  if (!g->regions)
    return amz_error_set(g->err, AMZ_ENOMEM, "no memory for %u threads", g->plan.n_units);
  for (uint32_t d = 0; rc == AMZ_OK && d < g->plan.n_domains; d++)
    for (uint32_t i = 0; rc == AMZ_OK && i < g->plan.domains[d].count; i++)
      rc = map_one(g, &g->regions[g->plan.domains[d].first + i], amz_triad_room(g->node, g->plan.scale, i,
                                                                                g->plan.domains[d].count));
  g->touch_until_ns = amz_gauge_now_ns() + (g->deadline_ns - amz_gauge_now_ns()) / TOUCH_SHARE;
  rc = rc < 0 ? rc : amz_crew_run(g->plan.units, g->plan.n_units, touch, g, g->err);
  for (uint32_t i = 0; rc == AMZ_OK && i < g->plan.n_units; i++)
    g->hurried = g->hurried || AMZ_TRIAD_ARRAYS * g->regions[i].bytes + 2 * STAGGER < g->regions[i].mapped;
  return rc;
}

void amz_gauge_unmap(struct amz_gauge *g)
{
  for (uint32_t i = 0; g->regions && i < g->plan.n_units; i++)
    if (g->regions[i].base)
      (void)munmap(g->regions[i].base, g->regions[i].mapped);
  free(g->regions);
  g->regions = NULL;
}

/* ---- stolen time ------------------------------------------------------------------------------------------------------ */

/* Clock ticks that all processors wanted, and those of them that a hypervisor gave to others. */
struct ticks {
  uint64_t wanted, stolen;
};

static bool read_ticks(struct ticks *ret)
{
  uint64_t user, nice, system, idle, waiting, interrupts, soft, stolen;
  FILE *f = fopen("/proc/stat", "re");
  int n;

  if (!f)
    return false;
  n = fscanf(f, "cpu %" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNu64, &user, &nice,
             &system, &idle,
             &waiting, &interrupts, &soft, &stolen);
  if (fclose(f) != 0 || n != 8)
    return false;
  *ret = (struct ticks){.wanted = user + nice + system + interrupts + soft + stolen, .stolen = stolen};
  return true;
}

/* Steal under load tells more than steal at rest, which is what a look sees. */
static int tell_stolen(struct amz_gauge *g, const struct ticks *before)
{
  struct ticks after;

  if (!read_ticks(&after) || after.wanted <= before->wanted || after.stolen < before->stolen)
    return AMZ_OK;
  g->node->load.steal = (double)(after.stolen - before->stolen) / (double)(after.wanted - before->wanted);
  if (g->node->load.steal < STOLEN_MUCH)
    return AMZ_OK;
  return amz_findings_add(g->node, AMZ_FINDING_WARNING, "measure again at a quieter time, or on a dedicated host",
                          "the hypervisor gave %.0f %% of the CPU time to others while this was measured",
                          g->node->load.steal * 100);
}

/* ---- all of it -------------------------------------------------------------------------------------------------------- */

struct mask {
  cpu_set_t *set;
  size_t bytes;
};

static bool is_in_mask(void *ctx, uint32_t unit)
{
  const struct mask *m = ctx;

  return unit / 8 < m->bytes && CPU_ISSET_S((size_t)unit, m->bytes, m->set);
}

/* The kernel refuses sets that are smaller than its own. */
static int read_mask(struct mask *ret, struct amz_error *err)
{
  for (size_t units = 1024; units <= 1 << 20; units *= 2) {
    cpu_set_t *set = CPU_ALLOC(units);
    size_t bytes = CPU_ALLOC_SIZE(units);

    if (!set)
      return amz_error_set(err, AMZ_ENOMEM, "no memory for the affinity mask");
    if (sched_getaffinity(0, bytes, set) == 0) {
      *ret = (struct mask){.set = set, .bytes = bytes};
      return AMZ_OK;
    }
    CPU_FREE(set);
    if (errno != EINVAL)
      break;
  }
  return amz_error_sys(err, AMZ_EENV, errno, "cannot read this process's affinity mask");
}

static int make_plan(struct amz_gauge *g)
{
  struct mask mask;
  int rc = read_mask(&mask, g->err);

  if (rc < 0)
    return rc;
  rc = amz_measure_plan_make(g->node, is_in_mask, &mask, &g->plan);
  CPU_FREE(mask.set);
  if (rc == AMZ_EENV)
    return amz_error_set(g->err, rc, "none of the %u cores may be used by this process", g->node->cores);
  return rc < 0 ? amz_error_set(g->err, rc, "no memory to measure with") : AMZ_OK;
}

/* What takes little time, and always about the same, comes first; the triad makes the best of what is left, less a share for what
 * memory's latency takes. */
static int measure(struct amz_gauge *g)
{
  struct ticks before;
  int64_t now_ns;
  bool counted = read_ticks(&before);
  int rc = amz_gauge_map(g);

  if (rc == AMZ_OK)
    rc = amz_gauge_spin(g);
  if (rc == AMZ_OK)
    rc = amz_gauge_chase(g, false);
  now_ns = amz_gauge_now_ns();
  if (rc == AMZ_OK)
    rc = amz_gauge_triad(g, g->deadline_ns - (g->deadline_ns > now_ns ? (g->deadline_ns - now_ns) / LATENCY_SHARE : 0));
  if (rc == AMZ_OK)
    rc = amz_gauge_chase(g, true);
  if (rc == AMZ_OK && counted)
    rc = tell_stolen(g, &before);
  return rc;
}

int amz_measure_memory(struct amz_node *node, enum amz_effort effort, const struct amz_measure_observer *observer,
                       struct amz_error *err)
{
  struct amz_gauge g = {.node = node, .effort = effort, .observer = observer, .err = err};
  int rc;

  if (!node->this_machine)
    return amz_error_set(err, AMZ_EINVAL, "%s is not the machine we are on: it can't be measured",
                         node->topology ? node->topology : "that");
  rc = make_plan(&g);
  if (rc < 0)
    return rc;
  g.deadline_ns = amz_gauge_now_ns() + amz_gauge_choose(&g, DEFAULT_NS, PRECISE_NS);
  if (observer && observer->until_ns && observer->until_ns < g.deadline_ns)
    g.deadline_ns = observer->until_ns;
  rc = measure(&g);
  amz_gauge_unmap(&g);
  amz_measure_plan_clear(&g.plan);
  if (node->n_bandwidth + node->n_slowdown + node->n_latency > 0)
    node->measured_at_s = (int64_t)time(NULL);
  return rc;
}
