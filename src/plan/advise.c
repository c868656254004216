/* Words for a plan: which bounds took something away and what would lift them; what the user could do better. */
#include "plan_private.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <amorsize/alloc.h>
#include <amorsize/buf.h>
#include <amorsize/units.h>

#define LAUNCH_SHARE 0.20
#define DISPATCH_SHARE 0.15
#define GAP_SHARE 0.50
#define IMBALANCE_SHARE 0.20
#define CROWDED 1.3
#define TINY_S 0.001
#define MOST_S 9e9 /* that a duration can say */
#define NODES_LIKELY 100000.0

/* ---- collecting ------------------------------------------------------------------------------------------------------- */

static char *text_of(const char *format, va_list args)
{
  struct amz_buf b = AMZ_BUF_INIT;
  char line[512];

  (void)vsnprintf(line, sizeof line, format, args);
  amz_buf_adds(&b, line);
  if (amz_buf_ok(&b) < 0) {
    amz_buf_clear(&b);
    return NULL;
  }
  return amz_buf_detach(&b);
}

/* The next reason's lift is said by `lift`; its text by `say`. A plan that lacks memory for words fails as a whole. */
AMZ_PRINTF(4, 5) static int say(struct amz_plan *plan, const char *what, bool active, const char *format, ...)
{
  size_t cap = plan->n_reasons;
  struct amz_reason *r;
  va_list args;

  if (amz_grow((void **)&plan->reasons, &cap, plan->n_reasons + 1, sizeof *plan->reasons) < 0)
    return AMZ_ENOMEM;
  r = &plan->reasons[plan->n_reasons];
  *r = (struct amz_reason){.what = what, .active = active};
  va_start(args, format);
  r->text = text_of(format, args);
  va_end(args);
  r->lift = amz_strndup("", 0);
  plan->n_reasons++;
  return r->text && r->lift ? AMZ_OK : AMZ_ENOMEM;
}

AMZ_PRINTF(2, 3) static int lift(struct amz_plan *plan, const char *format, ...)
{
  struct amz_reason *r = &plan->reasons[plan->n_reasons - 1];
  va_list args;

  free(r->lift);
  va_start(args, format);
  r->lift = text_of(format, args);
  va_end(args);
  return r->lift ? AMZ_OK : AMZ_ENOMEM;
}

AMZ_PRINTF(2, 3) static int recommend(struct amz_plan *plan, const char *format, ...)
{
  size_t cap = plan->n_recommendations;
  va_list args;

  if (amz_grow((void **)&plan->recommendations, &cap, plan->n_recommendations + 1, sizeof *plan->recommendations) < 0)
    return AMZ_ENOMEM;
  va_start(args, format);
  plan->recommendations[plan->n_recommendations].text = text_of(format, args);
  va_end(args);
  return plan->recommendations[plan->n_recommendations++].text ? AMZ_OK : AMZ_ENOMEM;
}

/* ---- bounds ----------------------------------------------------------------------------------------------------------- */

static uint64_t task_memory(const struct amz_plan_input *in)
{
  return in->want.memory_bytes ? in->want.memory_bytes : in->work->rss_bytes;
}

static uint64_t node_memory(const struct amz_node *node)
{
  return node->allowed_memory_bytes ? node->allowed_memory_bytes : node->memory_bytes;
}

/* \return "25.6 GiB" in `room`. */
static const char *bytes(uint64_t n, char room[32])
{
  return amz_format_bytes(n, room, 32);
}

#define LABEL 96

/* Which nodes are meant, where there are several kinds: " like n3 (8 cores)". */
static const char *label(const struct amz_plan_input *in, size_t kind, char room[LABEL])
{
  const struct amz_node *node = in->nodes[kind].node;

  room[0] = '\0';
  if (in->n_nodes > 1)
    (void)snprintf(room, LABEL, " like %.60s (%u cores)", node->host && *node->host ? node->host : "that", node->cores);
  return room;
}

static int say_memory(const struct amz_plan_input *in, struct amz_plan *plan, size_t kind, const struct amz_plan_bounds *b,
                      uint32_t otherwise)
{
  char each[32], all[32], need[32], like[LABEL];
  int rc;

  if (b->memory >= otherwise)
    return AMZ_OK;
  rc = say(plan, "memory", true, "%u slots a node%s instead of %u: %s a task, and %.0f %% of %s are for tasks", b->memory,
           label(in, kind, like), otherwise,
           bytes(task_memory(in), each), 100 * AMZ_MEMORY_HEADROOM, bytes(node_memory(in->nodes[kind].node), all));
  if (rc < 0)
    return rc;
  return lift(plan, "nodes of %s would allow all %u; plan.memory: ignore takes the risk",
              bytes((uint64_t)((double)task_memory(in) * otherwise / AMZ_MEMORY_HEADROOM), need), otherwise);
}

static const char *source_of(const struct amz_node *node, enum amz_limit_kind kind)
{
  for (size_t i = 0; i < node->n_limits; i++)
    if (node->limits[i].active && node->limits[i].kind == kind)
      return node->limits[i].source;
  return "allowed to us";
}

static int say_cores(const struct amz_plan_input *in, struct amz_plan *plan, size_t kind)
{
  const struct amz_node *node = in->nodes[kind].node;
  char like[LABEL];
  bool quota = node->allowed_cpu > 0 && node->allowed_cpu < (double)(node->allowed_cores ? node->allowed_cores : node->cores);
  int rc;

  if (amz_plan_cores(node) >= node->cores)
    return AMZ_OK;
  rc = say(plan, "cores", true, "%u of %u cores of a node%s: %s", amz_plan_cores(node), node->cores, label(in, kind, like),
           source_of(node, quota ? AMZ_LIMIT_CPU : AMZ_LIMIT_CORES));
  return rc < 0 ? rc : lift(plan, "ask for more cores, or for whole nodes (sbatch --exclusive)");
}

static int say_counts(const struct amz_plan_input *in, struct amz_plan *plan, const struct amz_plan_bounds *b)
{
  uint32_t otherwise = b->memory < b->cores ? b->memory : b->cores;
  int rc = AMZ_OK;

  if (b->gpus < otherwise) {
    rc = say(plan, "gpus", true, "%u slots a node instead of %u: a task takes %u GPU%s", b->gpus, otherwise, in->want.gpus,
             in->want.gpus == 1 ? "" : "s");
    if (rc == AMZ_OK)
      rc = lift(plan, "nodes of %u GPUs would allow all %u", otherwise * in->want.gpus, otherwise);
  }
  if (rc == AMZ_OK && b->workers < otherwise) {
    rc = say(plan, "max_workers", true, "%u slots a node instead of %u: plan.max_workers is %u", b->workers, otherwise,
             in->want.max_workers);
    if (rc == AMZ_OK)
      rc = lift(plan, "a larger plan.max_workers");
  }
  if (rc == AMZ_OK && b->load < otherwise) {
    rc = say(plan, "load", true, "%u slots a node instead of %u: other work keeps the node busy, and plan.load_aware minds it",
             b->load, otherwise);
    if (rc == AMZ_OK)
      rc = lift(plan, "a node without other work");
  }
  if (rc == AMZ_OK && in->work->tasks <= plan->chosen.slots)
    rc = say(plan, "tasks", true, "there are no more tasks than slots");
  return rc;
}

/* Nodes that no task fits on, or that aren't worth their while: how many of each kind are left out. */
static int say_left_out(const struct amz_plan_input *in, struct amz_plan *plan, size_t kind)
{
  const struct amz_plan_nodes *nodes = &in->nodes[kind];
  uint32_t taken = 0;
  char like[LABEL];

  for (size_t i = 0; i < plan->n_classes; i++)
    if (plan->classes[i].kind == kind)
      taken += plan->classes[i].nodes;
  if (in->n_nodes == 1 || taken == nodes->count)
    return AMZ_OK;
  if (amz_plan_rank_slots(in, kind, &plan->chosen.layout) == 0)
    return say(plan, "nodes", true, "%u of %u nodes%s aren't used: not one task fits there", nodes->count - taken, nodes->count,
               label(in, kind, like));
  return say(plan, "nodes", false, "%u of %u nodes%s aren't used", nodes->count - taken, nodes->count, label(in, kind, like));
}

/* What holds on nodes of one kind. */
static int say_kind(const struct amz_plan_input *in, struct amz_plan *plan, size_t kind)
{
  struct amz_plan_bounds b;
  int rc;

  amz_plan_bound(in, in->nodes[kind].node, plan->chosen.layout.threads, plan->chosen.layout.nodes, &b);
  if ((rc = say_left_out(in, plan, kind)) < 0 || (rc = say_cores(in, plan, kind)) < 0 ||
      (rc = say_memory(in, plan, kind, &b, b.cores)) < 0)
    return rc;
  return kind == 0 ? say_counts(in, plan, &b) : AMZ_OK;
}

static int say_given(const struct amz_plan_input *in, struct amz_plan *plan)
{
  const struct {
    const char *name;
    uint32_t given;
  } rows[] = {{"nodes", in->want.nodes}, {"ranks_per_node", in->want.ranks_per_node}, {"slots_per_rank", in->want.slots_per_rank},
              {"threads_per_task", in->want.threads_per_task}};
  int rc = AMZ_OK;

  for (size_t i = 0; i < sizeof rows / sizeof *rows && rc == AMZ_OK; i++)
    if (rows[i].given != AMZ_AUTO) {
      rc = say(plan, "given", true, "%s: %u, as %s", rows[i].name, rows[i].given,
               in->want.launched && i < 2 ? "launched" : "given");
      if (rc == AMZ_OK)
        rc = lift(plan, "%s", in->want.launched && i < 2 ? "another launch" : "auto");
    }
  return rc;
}

static int say_neighbours(const struct amz_plan_input *in, struct amz_plan *plan)
{
  int rc = say(plan, "neighbours", true,
               "no more than %.0f slots a node: tasks that wait ran beside %u other%s at most, and what they wait for "
               "may not serve more", amz_plan_most_waiting(in->work), in->work->busy - 1, in->work->busy == 2 ? "" : "s");

  return rc < 0 ? rc : lift(plan, "a longer sample, or a run, which tries more and more; the next plan knows what came of it");
}

static int say_shapes(const struct amz_plan_input *in, struct amz_plan *plan)
{
  const struct amz_node *node = in->nodes[0].node;
  int rc = AMZ_OK;

  if (!amz_plan_domains_are_even(node) && in->want.ranks_per_node == AMZ_AUTO && in->work->kind != AMZ_WORK_IO)
    rc = say(plan, "numa", false, "one rank has all of a node's cores, as its %u NUMA domains are of unequal size",
             amz_plan_domains(node));
  else if (amz_plan_domains(node) > 1 && in->want.ranks_per_node == AMZ_AUTO && in->work->kind != AMZ_WORK_IO)
    rc = say(plan, "numa", false, "a rank stays within one of %u NUMA domains of %u cores, unless one task needs more",
             amz_plan_domains(node),
             amz_plan_domain_cores(node));
  if (rc == AMZ_OK && in->work->kind == AMZ_WORK_IO && amz_plan_may_starve(in->work, node)) {
    rc = say(plan, "load", true, "tasks waited %.0f %% of their time, and it may have been for a CPU: other work keeps those "
                                 "busy. No more slots than cores",
             100 * (1 - in->work->cpu_per_wall));
    if (rc == AMZ_OK)
      rc = lift(plan, "a sample on a node without other work");
  }
  else if (rc == AMZ_OK && in->work->kind == AMZ_WORK_IO && amz_plan_bound_by_neighbours(in->work, node))
    rc = say_neighbours(in, plan);
  if (rc == AMZ_OK && in->want.threads_per_task == AMZ_AUTO && in->work->serial.source == AMZ_UNKNOWN &&
      amz_plan_cores(node) > 1) {
    rc = say(plan, "threads", false, "%u thread%s a task: what more would bring wasn't sampled", in->work->threads,
             in->work->threads == 1 ? "" : "s");
    if (rc == AMZ_OK)
      rc = lift(plan, "resources.threads: auto samples tasks with 1, 2, 4 … threads");
  }
  if (rc == AMZ_OK && in->want.threads_per_task == AMZ_AUTO && in->work->n_points &&
      amz_workload_threads_seen(in->work) < amz_plan_cores(node)) {
    rc = say(plan, "threads", false, "no more than %u threads a task: more weren't sampled", amz_workload_threads_seen(in->work));
    if (rc == AMZ_OK && !amz_workload_falls_from(in->work))
      rc = lift(plan, "a larger sample.time, if tasks still got faster");
  }
  if (rc == AMZ_OK && amz_workload_falls_from(in->work))
    rc = say(plan, "threads", false, "with %u threads tasks were slower than with fewer", amz_workload_falls_from(in->work));
  return rc;
}

/* A deadline that nothing keeps: what it would take, by the work alone. */
static int say_deadline(const struct amz_plan_input *in, struct amz_plan *plan)
{
  const struct amz_candidate *c = &plan->chosen;
  double launch_s = fmax(c->launch_s, in->costs.launch_base_s.value + in->costs.launch_per_rank_s.value),
      paid_s = launch_s + c->collect_s;
  double run_s = c->interval_s[1], wanted_s = in->want.deadline_s, nodes = c->layout.nodes * run_s / fmax(wanted_s - paid_s,
      1e-9);
  char late[32], wanted[32];
  int rc;

  if (in->want.goal != AMZ_GOAL_DEADLINE || !(c->launch_s + c->collect_s + run_s > wanted_s))
    return AMZ_OK;
  (void)amz_format_duration((int64_t)(fmin(c->launch_s + c->collect_s + run_s, MOST_S) * 1e9), late, sizeof late);
  (void)amz_format_duration((int64_t)(wanted_s * 1e9), wanted, sizeof wanted);
  rc = say(plan, "deadline", true, "%s with 95 %% probability at best, instead of %s", late, wanted);
  if (rc < 0)
    return rc;
  if (paid_s + c->bound_s >= wanted_s || nodes > NODES_LIKELY) /* the longest task alone takes longer; or who has so many? */
    return lift(plan, "a later deadline");
  return lift(plan, "about %.0f nodes like these (--nodes), or a later deadline", ceil(nodes));
}

/* ---- recommendations -------------------------------------------------------------------------------------------------- */

static int advise_on_shares(struct amz_plan *plan)
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
    rc = recommend(plan, "%.0f %% of the makespan goes into starting tasks, not into them: let a task do more, or use a stream "
                         "or plug-in",
                   100 * c->gap_s / c->makespan_s);
  if (rc == AMZ_OK && c->imbalance_s > IMBALANCE_SHARE * c->makespan_s)
    rc = recommend(plan, "slots wait %.0f %% of the makespan for the last tasks: split the longest, or give weights so that they "
                         "start first",
                   100 * c->imbalance_s / c->makespan_s);
  if (rc == AMZ_OK && c->contention > CROWDED)
    rc = recommend(plan, "beside busy neighbours tasks take %.1f times as long: they share memory bandwidth", c->contention);
  return rc;
}

/* Cores that no task has the memory for. */
static int advise_on_memory(const struct amz_plan_input *in, struct amz_plan *plan)
{
  const struct amz_node *node = in->nodes[0].node;
  uint32_t cores = amz_plan_cores(node), threads = plan->chosen.layout.threads;
  struct amz_plan_bounds b;

  amz_plan_bound(in, node, threads, plan->chosen.layout.nodes, &b);
  if (b.memory >= b.cores || (uint64_t)b.memory * threads >= cores)
    return AMZ_OK;
  return recommend(plan, "memory leaves %u of a node's %u cores idle: tasks that need less, %snodes with more memory a core",
                   cores - b.memory * threads, cores,
                   in->want.threads_per_task == AMZ_AUTO &&
                   in->work->n_points ? "" : "more threads for each (resources.threads: auto tries them), ");
}

static int advise_on_tasks(const struct amz_plan_input *in, struct amz_plan *plan)
{
  const struct amz_workload *w = in->work;
  uint64_t memory = node_memory(in->nodes[0].node);
  double wanted = (double)plan->chosen.slots / plan->chosen.layout.nodes * (double)task_memory(in);
  char all[32], need[32];
  int rc = AMZ_OK;

  if (w->mean_s.value < TINY_S)
    rc = recommend(plan, "tasks take less than a millisecond: as a stream or plug-in they need no process of their own");
  if (rc == AMZ_OK && w->heavy)
    rc = recommend(plan, "task times differ much (CV %.1f): %zu samples may have missed the longest, and the prediction gets "
                         "better while it runs", w->cv,
                   w->n);
  if (rc == AMZ_OK && w->failed)
    rc = recommend(plan, "%zu of %zu sampled tasks failed: look at them first", w->failed, w->observed);
  if (rc == AMZ_OK && in->want.memory_ignore && memory && wanted > AMZ_MEMORY_HEADROOM * (double)memory)
    rc = recommend(plan, "memory is ignored as asked: tasks may want %s of %s, and the kernel may end some of them",
                   bytes((uint64_t)wanted, need), bytes(memory, all));
  return rc;
}

static int advise_on_machine(const struct amz_plan_input *in, struct amz_plan *plan)
{
  const struct amz_node *node = in->nodes[0].node;
  int rc = AMZ_OK;

  for (size_t i = 0; i < node->n_findings && rc == AMZ_OK; i++)
    if (node->findings[i].level == AMZ_FINDING_WARNING)
      rc = recommend(plan, "%s%s%s", node->findings[i].text, *node->findings[i].advice ? ": " : "", node->findings[i].advice);
  if (rc == AMZ_OK && plan->chosen.launch_s > 0 && in->costs.launch_base_s.source == AMZ_ASSUMED)
    rc = recommend(plan, "what a launch costs is assumed: amorsize-mpi node would measure it");
  return rc;
}

/* ---- all -------------------------------------------------------------------------------------------------------------- */

int amz_plan_explain(const struct amz_plan_input *in, struct amz_plan *plan)
{
  int rc = AMZ_OK;

  for (size_t i = 0; i < in->n_nodes && rc == AMZ_OK; i++)
    rc = say_kind(in, plan, i);
  if (rc < 0 || (rc = say_deadline(in, plan)) < 0 || (rc = say_given(in, plan)) < 0 || (rc = say_shapes(in, plan)) < 0)
    return rc;
  if ((rc = advise_on_shares(plan)) < 0 || (rc = advise_on_memory(in, plan)) < 0 || (rc = advise_on_tasks(in, plan)) < 0)
    return rc;
  return advise_on_machine(in, plan);
}

void amz_plan_infeasible(const struct amz_plan_input *in, struct amz_error *err)
{
  uint32_t threads = in->want.threads_per_task == AMZ_AUTO ? in->work->threads : in->want.threads_per_task;
  const struct amz_node *node = in->nodes[0].node;
  struct amz_plan_bounds b;
  char each[32], all[32];

  amz_plan_bound(in, node, threads, 1, &b);
  if (b.memory == 0)
    (void)amz_error_set(err, AMZ_ERANGE,
                        "not one task fits: it needs %s, and %.0f %% of %s are for tasks; larger nodes, or plan.memory: ignore",
                        bytes(task_memory(in), each), 100 * AMZ_MEMORY_HEADROOM, bytes(node_memory(node), all));
  else if (b.gpus == 0)
    (void)amz_error_set(err, AMZ_ERANGE, "not one task fits: it needs %u GPUs of a node", in->want.gpus);
  else if (b.cores == 0)
    (void)amz_error_set(err, AMZ_ERANGE, "not one task fits: it needs %u cores, and %u are ours", threads, amz_plan_cores(node));
  else
    (void)amz_error_set(err, AMZ_ERANGE, "no layout fits: plan.max_workers and what was given leave no slot for a rank");
}
