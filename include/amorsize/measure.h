/* Filling in a node's profile: looking (quick, no load put on the machine) and measuring (benchmarks). Room `node`.
 *
 * Everything that is read comes from below `root` ("" for the machine itself), so that limits are tested with trees made by hand.
 * A malformed value is a warning that names file and value; the next best source is then used. */
#ifndef AMORSIZE_MEASURE_H
#define AMORSIZE_MEASURE_H

#include <stdbool.h>
#include <stdint.h>

#include <amorsize/diag.h>
#include <amorsize/environment.h>
#include <amorsize/error.h>
#include <amorsize/node.h>

struct amz_look {
  /* --topology: an XML file's path, or a synthetic description; NULL: HWLOC_XMLFILE, HWLOC_SYNTHETIC, this machine */
  const char *topology;
  const char *root;     /* --sysroot: where /sys and /proc are looked for; NULL: / */
  const struct amz_environment *env;
  /* for who asks for the type of node alone: devices aren't looked for, the load is that of the last minute */
  bool quick;
};

/* Topology, limits, GPUs, load, findings. Takes well below 0.1 s; nothing is benchmarked.
 * \return AMZ_OK; AMZ_EINVAL: `topology` or `root` can't be used, *err says why; AMZ_EENV; AMZ_ENOMEM. Release with
 * amz_node_clear. */
int amz_node_look(const struct amz_look *look, struct amz_diags *diags, struct amz_error *err, struct amz_node *ret);

/* Fills in what benchmarks would tell with values that are typical of such a machine, marked assumed; what is known stays. */
int amz_node_assume(struct amz_node *node, struct amz_error *err);

enum amz_effort {
  AMZ_EFFORT_DEFAULT, /* ≤ 5 s in all */
  AMZ_EFFORT_PRECISE, /* ≤ 60 s in all, tight intervals */
};

/* Who waits for it: is told now and then what is being measured, and for how long he will wait. May be NULL. */
struct amz_measure_observer {
  void *ctx;
  void (*stage)(void *ctx, const char *what); /* "triad at 2 cores" */
  bool (*stop)(void *ctx);                    /* true: end early (Ctrl-C); AMZ_ECLOSED is returned */
  int64_t until_ns; /* by the monotonic clock, it is to be over: on a busy machine there are fewer passes then, and what doesn't fit stays unknown.
                     * 0: as long as the effort takes on an idle one */
};

/* Memory: triad, remote ratio, φ, latency. Threads are bound to the allowed cores of the profile.
 * \return AMZ_OK; AMZ_EINVAL: not of this machine; AMZ_ECLOSED; AMZ_ENOMEM; AMZ_EENV with *err. */
int amz_measure_memory(struct amz_node *node, enum amz_effort effort, const struct amz_measure_observer *observer,
                       struct amz_error *err);

#endif
