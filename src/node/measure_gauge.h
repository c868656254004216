/* What the parts of amz_measure_memory share: the plan, the threads' memory, the time that is left. */
#ifndef AMZ_NODE_MEASURE_GAUGE_H
#define AMZ_NODE_MEASURE_GAUGE_H

#include <amorsize/measure.h>

#include "measure_plan.h"

/* The memory of the thread on one planned unit, touched by it first: three arrays of `bytes` each. */
struct amz_region {
  void *base; /* of the mapping */
  size_t mapped;
  uint64_t bytes;
  double *a, *b, *c;
};

struct amz_gauge {
  struct amz_node *node;
  struct amz_measure_plan plan;
  struct amz_region *regions; /* by planned unit */
  enum amz_effort effort;
  const struct amz_measure_observer *observer;
  int64_t deadline_ns;        /* what hasn't begun by then isn't measured, and what has begun ends as soon as it can */
  int64_t touch_until_ns; /* then memory is no longer got */
  bool hurried;           /* there wasn't time for all of it */
  struct amz_latency_point latency[AMZ_LEVELS_MAX];
  size_t n_latency;
  struct amz_error *err;
};

struct amz_points {
  struct amz_curve_point *items;
  size_t n, cap;
};

int64_t amz_gauge_now_ns(void);
/* Tells the observer what comes next. \return AMZ_OK; AMZ_ECLOSED: it says stop. */
int amz_gauge_stage(const struct amz_gauge *g, const char *format, ...) AMZ_PRINTF(2, 3);
bool amz_gauge_late(const struct amz_gauge *g);
/* One of the two, by effort. */
int64_t amz_gauge_choose(const struct amz_gauge *g, int64_t by_default, int64_t precise);

/* Puts it in its place: a curve's points ascend, whatever the order in which they were measured. */
int amz_points_add(struct amz_points *points, uint32_t domain, uint32_t cores, const struct amz_quantity *value);
/* What the curve of the only domain says is true of all domains together. */
int amz_points_mirror(struct amz_points *points, uint32_t domain);

/* From seconds of the same work, median or so, at so many cores, to φ. A core isn't faster beside busy others: where it seems so,
 * other work was in between, and the time at more cores holds for fewer. \return the time alone: the least of all; unknown
 * without points. */
struct amz_quantity amz_points_to_slowdown(struct amz_points *points);

/* All of these: \return AMZ_OK, also when there was no time left for some or all; AMZ_ECLOSED; AMZ_ENOMEM, AMZ_EENV with *g->err.
 * What was measured by then is in *g->node in any case. */

/* Maps the arrays and has each thread touch its own. Release with amz_gauge_unmap. */
int amz_gauge_map(struct amz_gauge *g);
void amz_gauge_unmap(struct amz_gauge *g);
int amz_gauge_triad(struct amz_gauge *g, int64_t until_ns); /* bandwidth, saturation, stream_one and _all, remote ratio */
int amz_gauge_spin(struct amz_gauge *g);  /* slowdown */
int amz_gauge_chase(struct amz_gauge *g, bool memory); /* latency: of the caches, or of memory, whose chain takes long to lay */

#endif
