/* All costs of a node: process starts, then launches of ranks at a few sizes, in one of which messages and chunks are
 * measured. */
#include "costs.h"

#include <stdio.h>
#include <stdlib.h>

#include <amorsize/alloc.h>
#include <amorsize/fit.h>
#include <amorsize/transport.h>

#include "../mpi/version.h"
#include "../node/findings.h"
#include "../run/clock.h"
#include "../run/here.h"
#include "sizes.h"
#include "text.h"
#include "trial.h"

#define DEFAULT_NS INT64_C(2200000000)  /* for launches: with process starts and memory, 5 s in all */
#define PRECISE_NS INT64_C(25000000000)
#define LAUNCH_TIMEOUT_NS INT64_C(30000000000)
#define MARGIN 1.2 /* the next launch may take so much longer than the last one */
#define LAUNCHES_MOST 64u /* in all */

struct launches {
  struct amz_node *node;
  enum amz_effort effort;
  const struct amz_measure_observer *observer;
  struct amz_allocation allocation;
  uint32_t sizes[AMZ_LAUNCH_SIZES_MOST]; /* ranks on a node */
  size_t n_sizes;
  unsigned way;
  int64_t deadline_ns, took_ns; /* took: the last launch, to its launcher's end */
  bool hurried;                 /* somebody waits, and no longer than that */
  double ranks[LAUNCHES_MOST], seconds[LAUNCHES_MOST]; /* of each launch */
  size_t n;
  struct amz_error *err;
};

static const char advice[] =
    "load the module of the MPI that this program was built with (amorsize-mpi --version names it), and measure again";

static int not_measured(struct launches *l, const char *why)
{
  return amz_findings_add(l->node, AMZ_FINDING_WARNING, advice,
                          "what launching ranks and messages cost could not be measured: %s", why);
}

static int tell_stage(const struct launches *l, uint32_t ranks)
{
  char text[96];

  if (l->observer && l->observer->stop && l->observer->stop(l->observer->ctx))
    return amz_error_set(l->err, AMZ_ECLOSED, "measuring was ended early");
  if (l->observer && l->observer->stage) {
    (void)snprintf(text, sizeof text, "launching %u rank%s%s", ranks, ranks == 1 ? "" : "s",
                   l->allocation.n_nodes > 1 ? " on each node" : "");
    l->observer->stage(l->observer->ctx, text);
  }
  return AMZ_OK;
}

/* ---- one launch ------------------------------------------------------------------------------------------------------- */

static int launch(struct launches *l, uint32_t per_node, const char *mode, struct amz_trial_result *ret)
{
  uint32_t nodes = l->allocation.n_nodes > 1 ? (uint32_t)l->allocation.n_nodes : 1;
  struct amz_trial trial = {.allocation = &l->allocation, .spread = {.ranks = nodes * per_node, .nodes = nodes,
                            .per_node = per_node}, .way = l->way,
                            .mode = mode, .timeout_ns = LAUNCH_TIMEOUT_NS, .observer = l->observer};
  int64_t start_ns = amz_clock_monotonic_ns();
  int rc = tell_stage(l, per_node);

  trial.hurried = l->hurried;
  if (l->hurried)
    trial.timeout_ns = l->deadline_ns > start_ns ? l->deadline_ns - start_ns : 1;
  if (rc == AMZ_OK)
    rc = amz_trial_run(&trial, ret, l->err);
  l->took_ns = amz_clock_monotonic_ns() - start_ns;
  if (rc == AMZ_OK && ret->ready && l->n < LAUNCHES_MOST) {
    l->ranks[l->n] = per_node;
    l->seconds[l->n++] = ret->ready_s;
  }
  return rc;
}

static const char *link_mode(const struct launches *l)
{
  return l->effort == AMZ_EFFORT_PRECISE ? AMZ_MEASURE_PRECISE : AMZ_MEASURE_DEFAULT;
}

static bool is_late(const struct launches *l)
{
  return l->hurried && amz_clock_monotonic_ns() >= l->deadline_ns;
}

static void take_costs(struct amz_node_costs *to, const struct amz_node_costs *from)
{
  to->inside = from->inside;
  to->between = from->between;
  to->chunk_s = from->chunk_s;
  to->service_s = from->service_s;
}

/* The first launch, of two ranks on a node, finds out which way of launching works, and measures messages. \return AMZ_OK with
 * *ret_works. */
static int first_launch(struct launches *l, bool *ret_works)
{
  struct amz_trial_result r = {.ready = false};
  char said[AMZ_TRIAL_SAID] = "", why[AMZ_TRIAL_SAID + 64];
  int rc;

  *ret_works = false;
  while ((rc = launch(l, 2, link_mode(l), &r)) == AMZ_OK && !r.ready && !is_late(l)) {
    (void)snprintf(said, sizeof said, "%s", r.said);
    l->way++;
  }
  if (rc == AMZ_OK && !r.ready)
    return not_measured(l, "it takes too long on this machine now; --precise has more time");
  if (rc == AMZ_ENOENT && l->way == 0)
    (void)snprintf(why, sizeof why, "no mpirun of %s in PATH", amz_mpi_version());
  else if (rc == AMZ_ENOENT)
    (void)snprintf(why, sizeof why, "the launcher failed%s%s", *said ? ": " : "", said);
  else if (rc == AMZ_EENV)
    (void)snprintf(why, sizeof why, "%.*s", (int)sizeof why - 1, l->err ? l->err->text : "a program is missing");
  if (rc == AMZ_ENOENT || rc == AMZ_EENV)
    return not_measured(l, why);
  if (rc < 0)
    return rc;
  *ret_works = true;
  l->took_ns = (int64_t)(r.ready_s * 1.3e9); /* without what was measured; ending takes its time, too */
  take_costs(&l->node->costs, &r.costs);
  if (r.done || is_late(l))
    return AMZ_OK;
  return amz_findings_add(l->node, AMZ_FINDING_WARNING,
                          "measure again; if that doesn't help, check that the ranks can reach each other",
                          "what messages cost could not be measured: %s", *r.said ? r.said : "the ranks ended early");
}

/* ---- the fit ---------------------------------------------------------------------------------------------------------- */

static int add_points(struct launches *l)
{
  struct amz_launch_point *points = amz_new_array(l->n_sizes, sizeof *points);
  size_t n_points = 0;

  if (!points)
    return amz_error_set(l->err, AMZ_ENOMEM, "no memory for the launches");
  for (size_t i = 0; i < l->n_sizes; i++) {
    double here[LAUNCHES_MOST];
    size_t n = 0;

    for (size_t k = 0; k < l->n; k++)
      if ((uint32_t)l->ranks[k] == l->sizes[i])
        here[n++] = l->seconds[k];
    if (n > 0)
      points[n_points++] = (struct amz_launch_point){.ranks = l->sizes[i], .seconds = amz_fit_median(here, n)};
  }
  free(l->node->costs.launches);
  l->node->costs.launches = points;
  l->node->costs.n_launches = n_points;
  return AMZ_OK;
}

/* What a rank more usually costs, of what a launch itself does: its start takes CPU time, of which there is as much as there are
 * cores. Two cores were seen to need 0.2 with Open MPI, sixteen hardly anything. */
static double usual_rank(const struct amz_node *node)
{
  double cores = node->allowed_cores ? node->allowed_cores : 1;

  return cores < 20 ? 0.4 / cores : 0.02;
}

static int fit(struct launches *l)
{
  struct amz_line line;
  int rc;

  if (l->n == 0)
    return AMZ_OK;
  rc = amz_fit_cost_robust(l->ranks, l->seconds, l->n, usual_rank(l->node), &line);
  if (rc == AMZ_OK) {
    l->node->costs.launch_base_s = line.a;
    l->node->costs.launch_per_rank_s = line.b;
  }
  return rc == AMZ_ENOMEM ? amz_error_set(l->err, rc, "no memory for the launches") : add_points(l);
}

/* ---- all launches ----------------------------------------------------------------------------------------------------- */

/* Size after size, round after round, as long as the next launch will probably end in time: as the last one took, or the last one
 * of its size. The largest comes first: with it and the first launch there is a line. */
static int launch_sizes(struct launches *l)
{
  int64_t took_ns[AMZ_LAUNCH_SIZES_MOST] = {0};
  int rc = AMZ_OK;

  for (unsigned round = 0; rc == AMZ_OK && l->n < LAUNCHES_MOST; round++)
    for (size_t i = l->n_sizes; rc == AMZ_OK && i-- > 0;) {
      struct amz_trial_result r;

      if (round == 0 && l->sizes[i] == 2) /* that was the first */
        continue;
      if (amz_clock_monotonic_ns() + (int64_t)(MARGIN * (double)(took_ns[i] ? took_ns[i] : l->took_ns)) > l->deadline_ns)
        return AMZ_OK;
      rc = launch(l, l->sizes[i], AMZ_MEASURE_READY, &r);
      if (rc == AMZ_OK && !r.ready) /* so many are not to be had, or not in time */
        return AMZ_OK;
      took_ns[i] = l->took_ns;
    }
  return rc;
}

static int measure_launches(struct launches *l)
{
  bool works;
  int rc, fitted;

  l->n_sizes = amz_launch_sizes(l->node->allowed_cores, l->effort, l->sizes);
  rc = first_launch(l, &works);
  if (rc < 0 || !works)
    return rc;
  rc = launch_sizes(l);
  fitted = fit(l);
  return rc < 0 ? rc : fitted;
}

static int measure_ranks(struct launches *l)
{
  struct amz_diags diags;
  int rc;

  l->deadline_ns = amz_clock_monotonic_ns() + (l->effort == AMZ_EFFORT_PRECISE ? PRECISE_NS : DEFAULT_NS);
  l->hurried = l->observer && l->observer->until_ns;
  if (l->hurried && l->observer->until_ns < l->deadline_ns)
    l->deadline_ns = l->observer->until_ns;
  amz_diags_init(&diags);
  rc = amz_allocation_here(NULL, &diags, l->err, &l->allocation);
  amz_diags_clear(&diags);
  if (rc < 0) /* we don't know where we may launch */
    return rc == AMZ_ENOMEM ? rc : not_measured(l, l->err ? l->err->text : "the allocation can't be read");
  rc = measure_launches(l);
  amz_allocation_clear(&l->allocation);
  return rc;
}

int amz_measure_costs(struct amz_node *node, enum amz_effort effort, const struct amz_measure_observer *observer,
                      struct amz_error *err)
{
  struct amz_error own = {0};
  struct launches l = {.node = node, .effort = effort, .observer = observer, .err = err ? err : &own};
  struct amz_mpi_launch launched;
  int rc;

  if (!node->this_machine)
    return amz_error_set(err, AMZ_EINVAL, "%s is not the machine we are on: it can't be measured",
                         node->topology ? node->topology : "that");
  rc = amz_measure_starts(NULL, effort, observer, &node->costs, l.err);
  if (rc < 0)
    return rc;
  if (amz_mpi_looks_launched(&launched))
    return amz_findings_add(node, AMZ_FINDING_NOTE, "measure without a launcher: amorsize-mpi node",
                            "what a launch costs wasn't measured, as this one was launched itself, by %s", launched.by);
  return measure_ranks(&l);
}
