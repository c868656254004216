/* What the user could do better, in words: tasks that cost more to start than to run, machines that are busy with other work. */
#include "plan_private.h"

#include <stdarg.h>
#include <stdlib.h>

#include <amorsize/alloc.h>
#include <amorsize/units.h>

#define LAUNCH_SHARE 0.20
#define DISPATCH_SHARE 0.15
#define GAP_SHARE 0.50
#define IMBALANCE_SHARE 0.20
#define CROWDED 1.3
#define TINY_S 0.001
#define STARVED_SHARE 0.10

AMZ_PRINTF(2, 3) static int recommend(struct amz_plan *plan, const char *format, ...)
{
  size_t cap = plan->n_recommendations;
  va_list args;

  if (amz_grow((void **)&plan->recommendations, &cap, plan->n_recommendations + 1, sizeof *plan->recommendations) < 0)
    return AMZ_ENOMEM;
  va_start(args, format);
  plan->recommendations[plan->n_recommendations].text = amz_plan_text(format, args);
  va_end(args);
  return plan->recommendations[plan->n_recommendations++].text ? AMZ_OK : AMZ_ENOMEM;
}

/* What else a task could be, to be started faster; "" where it is a plug-in already. */
static const char *other_ways(const struct amz_plan_input *in)
{
  static const char *const ways[] = {[AMZ_TASK_COMMAND] = ", or use a stream or plug-in",
                                     [AMZ_TASK_STREAM] = ", or use a plug-in", [AMZ_TASK_PLUGIN] = ""};

  return ways[in->want.tasks];
}

static int advise_on_shares(const struct amz_plan_input *in, struct amz_plan *plan)
{
  const struct amz_candidate *c = &plan->chosen;
  int rc = AMZ_OK;

  if (c->launch_s > LAUNCH_SHARE * c->total_s)
    rc = recommend(plan, "launching the ranks takes %.0f %% of the time: give one launch more tasks, or fewer ranks",
                   100 * c->launch_s / c->total_s);
  if (rc == AMZ_OK && c->dispatch_s > DISPATCH_SHARE * c->makespan_s)
    rc = recommend(plan, "handing out work takes %.0f %% of the makespan: longer chunks (chunks.target) would help",
                   100 * c->dispatch_s / c->makespan_s);
  if (rc == AMZ_OK && c->gap_s > GAP_SHARE * c->makespan_s)
    rc = recommend(plan, "%.0f %% of the makespan goes into starting tasks, not into them: let a task do more%s",
                   100 * c->gap_s / c->makespan_s, other_ways(in));
  if (rc == AMZ_OK && c->imbalance_s > IMBALANCE_SHARE * c->makespan_s)
    rc = recommend(plan, "slots wait %.0f %% of the makespan for the last tasks: split the longest, or give weights so that they "
                         "start first",
                   100 * c->imbalance_s / c->makespan_s);
  return rc;
}

/* Beside others on the node: each other, as far as that was foreseen or seen; and other work. */
static int advise_on_neighbours(const struct amz_plan_input *in, struct amz_plan *plan)
{
  const struct amz_workload *w = in->work;
  double crowded = plan->chosen.contention;
  int rc = AMZ_OK;

  if (w->slowdown.source != AMZ_UNKNOWN && w->slowdown.low > 1 && plan->chosen.slots > 1) /* the sample's own circumstances */
    crowded *= w->slowdown.value;
  if (crowded > CROWDED)
    rc = recommend(plan, "beside busy neighbours tasks take %.1f times as long: they share memory bandwidth", crowded);
  if (rc == AMZ_OK && w->starved > STARVED_SHARE)
    rc = recommend(plan, "busy neighbours: sampled tasks waited %.0f %% of their time for CPUs that other work had; nodes of "
                         "one's own would be faster, plan.load_aware: true leaves the others room",
                   100 * w->starved);
  return rc;
}

/* Cores of a kind of nodes that no task has the memory for. */
static int advise_on_memory(const struct amz_plan_input *in, struct amz_plan *plan, size_t kind)
{
  const struct amz_node *node = in->nodes[kind].node;
  uint32_t cores = amz_plan_cores(node), threads = plan->chosen.layout.threads;
  char like[AMZ_PLAN_LABEL];
  struct amz_plan_bounds b;

  amz_plan_bound(in, node, threads, plan->chosen.layout.nodes, &b);
  if (b.memory >= b.cores || (uint64_t)b.memory * threads >= cores)
    return AMZ_OK;
  return recommend(plan, "memory leaves %u of %u cores idle on a node%s: tasks that need less, %snodes with more memory a core",
                   cores - b.memory * threads, cores, amz_plan_label(in, kind, like),
                   in->want.threads_per_task == AMZ_AUTO &&
                   in->work->n_points ? "" : "more threads for each (resources.threads: auto tries them), ");
}

static int advise_on_tasks(const struct amz_plan_input *in, struct amz_plan *plan)
{
  const struct amz_workload *w = in->work;
  uint64_t memory = amz_plan_node_memory(in->nodes[0].node);
  double wanted = (double)plan->chosen.slots / plan->chosen.layout.nodes * (double)amz_plan_task_memory(in);
  char all[32], need[32];
  int rc = AMZ_OK;

  if (w->mean_s.value < TINY_S && in->want.tasks != AMZ_TASK_PLUGIN)
    rc = recommend(plan, "tasks take less than a millisecond: as a %s", in->want.tasks == AMZ_TASK_COMMAND ?
                   "stream or plug-in they need no process of their own" : "plug-in they need no line of their own");
  if (rc == AMZ_OK && w->heavy)
    rc = recommend(plan, "task times differ much (CV %.1f): %zu samples may have missed the longest, and the prediction gets "
                         "better while it runs", w->cv,
                   w->n);
  if (rc == AMZ_OK && w->failed)
    rc = recommend(plan, "%zu of %zu sampled tasks failed: look at them first", w->failed, w->observed);
  if (rc == AMZ_OK && in->want.memory_ignore && memory && wanted > AMZ_MEMORY_HEADROOM * (double)memory)
    rc = recommend(plan, "memory is ignored as asked: tasks may want %s of %s, and the kernel may end some of them",
                   amz_format_bytes((uint64_t)wanted, need, sizeof need),
                   amz_format_bytes(memory, all, sizeof all));
  return rc;
}

/* What was found on nodes of one kind. */
static int advise_on_kind(const struct amz_plan_input *in, struct amz_plan *plan, size_t kind)
{
  const struct amz_node *node = in->nodes[kind].node;
  char like[AMZ_PLAN_LABEL];
  int rc = AMZ_OK;

  for (size_t i = 0; i < node->n_findings && rc == AMZ_OK; i++)
    if (node->findings[i].level == AMZ_FINDING_WARNING)
      rc = recommend(plan, "%s%s%s%s%s%s", in->n_nodes > 1 ? "nodes" : "", amz_plan_label(in, kind, like),
                     in->n_nodes > 1 ? ": " : "", node->findings[i].text, *node->findings[i].advice ? ": " : "",
                     node->findings[i].advice);
  return rc;
}

static int advise_on_machine(const struct amz_plan_input *in, struct amz_plan *plan)
{
  int rc = AMZ_OK;

  for (size_t i = 0; i < in->n_nodes && rc == AMZ_OK; i++)
    rc = advise_on_kind(in, plan, i);
  if (rc == AMZ_OK && plan->chosen.launch_s > 0 && in->costs.launch_base_s.source == AMZ_ASSUMED)
    rc = recommend(plan, "what a launch costs is assumed: amorsize-mpi node would measure it");
  return rc;
}

int amz_plan_recommend(const struct amz_plan_input *in, struct amz_plan *plan)
{
  int rc = advise_on_shares(in, plan);

  if (rc == AMZ_OK)
    rc = advise_on_neighbours(in, plan);
  for (size_t i = 0; i < in->n_nodes && rc == AMZ_OK; i++)
    rc = advise_on_memory(in, plan, i);
  if (rc == AMZ_OK)
    rc = advise_on_tasks(in, plan);
  return rc < 0 ? rc : advise_on_machine(in, plan);
}
