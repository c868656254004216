/* Words for a plan: which bounds took something away, what keeps it from what was sought, and what would lift that. What the user
 * could do better is in recommend.c. */
#include "plan_private.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <amorsize/alloc.h>
#include <amorsize/buf.h>
#include <amorsize/units.h>

#define MOST_S 9e9 /* that a duration can say */
#define NODES_LIKELY 100000.0

/* ---- collecting ------------------------------------------------------------------------------------------------------- */

char *amz_plan_text(const char *format, va_list args)
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
  r->text = amz_plan_text(format, args);
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
  r->lift = amz_plan_text(format, args);
  va_end(args);
  return r->lift ? AMZ_OK : AMZ_ENOMEM;
}

/* ---- bounds ----------------------------------------------------------------------------------------------------------- */

uint64_t amz_plan_task_memory(const struct amz_plan_input *in)
{
  return in->want.memory_bytes ? in->want.memory_bytes : in->work->rss_bytes;
}

uint64_t amz_plan_node_memory(const struct amz_node *node)
{
  return node->allowed_memory_bytes ? node->allowed_memory_bytes : node->memory_bytes;
}

/* \return "25.6 GiB" in `room`. */
static const char *bytes(uint64_t n, char room[32])
{
  return amz_format_bytes(n, room, 32);
}

const char *amz_plan_label(const struct amz_plan_input *in, size_t kind, char room[AMZ_PLAN_LABEL])
{
  const struct amz_node *node = in->nodes[kind].node;

  room[0] = '\0';
  if (in->n_nodes > 1)
    (void)snprintf(room, AMZ_PLAN_LABEL, node->host && *node->host ? " like %.60s (%u core%s)" : "%.0s of %u core%s",
                   node->host ? node->host : "", node->cores, amz_plural(node->cores));
  return room;
}

static int say_memory(const struct amz_plan_input *in, struct amz_plan *plan, size_t kind, const struct amz_plan_bounds *b,
                      uint32_t otherwise)
{
  char each[32], all[32], need[32], like[AMZ_PLAN_LABEL];
  int rc;

  if (b->memory >= otherwise)
    return AMZ_OK;
  rc = say(plan, "memory", true, "%u slot%s a node%s instead of %u: %s a task (%s), and %.0f %% of %s are for tasks",
           b->memory, amz_plural(b->memory), amz_plan_label(in, kind, like), otherwise, bytes(amz_plan_task_memory(in), each),
           amz_source_name(in->want.memory_bytes ? AMZ_GIVEN : in->work->mean_s.source), 100 * AMZ_MEMORY_HEADROOM,
           bytes(amz_plan_node_memory(in->nodes[kind].node), all));
  if (rc < 0)
    return rc;
  return lift(plan, "nodes of %s would allow all %u; plan.memory: ignore takes the risk",
              bytes((uint64_t)((double)amz_plan_task_memory(in) * otherwise / AMZ_MEMORY_HEADROOM), need), otherwise);
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
  char like[AMZ_PLAN_LABEL];
  bool quota = node->allowed_cpu > 0 && node->allowed_cpu < (double)(node->allowed_cores ? node->allowed_cores : node->cores);
  int rc;

  if (amz_plan_cores(node) >= node->cores)
    return AMZ_OK;
  rc = say(plan, "cores", true, "%u of %u cores of a node%s: %s", amz_plan_cores(node), node->cores,
           amz_plan_label(in, kind, like),
           source_of(node, quota ? AMZ_LIMIT_CPU : AMZ_LIMIT_CORES));
  return rc < 0 ? rc : lift(plan, "ask for more cores, or for whole nodes (sbatch --exclusive)");
}

static int say_gpus(const struct amz_plan_input *in, struct amz_plan *plan, size_t kind, const struct amz_plan_bounds *b,
                    uint32_t otherwise)
{
  char like[AMZ_PLAN_LABEL];
  int rc;

  if (b->gpus >= otherwise)
    return AMZ_OK;
  rc = say(plan, "gpus", true, "%u slot%s a node%s instead of %u: a task takes %u GPU%s", b->gpus, amz_plural(b->gpus),
           amz_plan_label(in, kind, like), otherwise, in->want.gpus, amz_plural(in->want.gpus));
  return rc < 0 ? rc : lift(plan, "nodes of %u GPUs would allow all %u", otherwise * in->want.gpus, otherwise);
}

static int say_load(const struct amz_plan_input *in, struct amz_plan *plan, size_t kind, const struct amz_plan_bounds *b,
                    uint32_t otherwise)
{
  char like[AMZ_PLAN_LABEL];
  int rc;

  if (b->load >= otherwise)
    return AMZ_OK;
  rc = say(plan, "load", true, "%u slot%s a node%s instead of %u: other work keeps the node busy, and plan.load_aware minds it",
           b->load, amz_plural(b->load), amz_plan_label(in, kind, like), otherwise);
  return rc < 0 ? rc : lift(plan, "a node without other work");
}

/* They are of all nodes together. */
static int say_workers(const struct amz_plan_input *in, struct amz_plan *plan, const struct amz_plan_bounds *b,
                       uint32_t otherwise)
{
  int rc;

  if (b->workers >= otherwise)
    return AMZ_OK;
  rc = say(plan, "max_workers", true, "%u slot%s a node instead of %u: plan.max_workers is %u", b->workers,
           amz_plural(b->workers), otherwise, in->want.max_workers);
  return rc < 0 ? rc : lift(plan, "a larger plan.max_workers");
}

/* Nodes that no task fits on, or that aren't worth their while: how many of each kind are left out. */
static int say_left_out(const struct amz_plan_input *in, struct amz_plan *plan, size_t kind)
{
  const struct amz_plan_nodes *nodes = &in->nodes[kind];
  uint32_t taken = 0;
  char like[AMZ_PLAN_LABEL];

  for (size_t i = 0; i < plan->n_classes; i++)
    if (plan->classes[i].kind == kind)
      taken += plan->classes[i].nodes;
  if (in->n_nodes == 1 || taken == nodes->count)
    return AMZ_OK;
  if (amz_plan_rank_slots(in, kind, &plan->chosen.layout) == 0)
    return say(plan, "nodes", true, "%u of %u nodes%s aren't used: not one task fits there", nodes->count - taken, nodes->count,
               amz_plan_label(in, kind, like));
  return say(plan, "nodes", false, "%u of %u nodes%s aren't used", nodes->count - taken, nodes->count,
             amz_plan_label(in, kind, like));
}

/* What there would be on a node without the bound that is asked about. */
static uint32_t otherwise_of(const struct amz_plan_input *in, const struct amz_plan *plan, uint32_t bound)
{
  uint64_t given = (uint64_t)in->want.slots_per_rank * plan->chosen.layout.ranks_per_node;

  if (in->want.slots_per_rank == AMZ_AUTO || in->want.launched)
    return bound;
  return given < UINT32_MAX ? (uint32_t)given : UINT32_MAX;
}

static int say_differ(const struct amz_plan_input *in, struct amz_plan *plan)
{
  uint32_t threads = plan->chosen.layout.threads;
  char each[32];

  if (!in->want.differ)
    return AMZ_OK;
  return say(plan, "columns", false, "tasks differ in what they take: counted with %u thread%s and %s each, their mean; a run "
                                     "starts each as it fits",
             threads, amz_plural(threads), bytes(amz_plan_task_memory(in), each));
}

/* What holds on nodes of one kind. */
static int say_kind(const struct amz_plan_input *in, struct amz_plan *plan, size_t kind)
{
  struct amz_plan_bounds b;
  uint32_t otherwise;
  int rc;

  amz_plan_bound(in, in->nodes[kind].node, plan->chosen.layout.threads, plan->chosen.layout.nodes, &b);
  otherwise = otherwise_of(in, plan, b.cores);
  if ((rc = say_left_out(in, plan, kind)) < 0 || (rc = say_cores(in, plan, kind)) < 0 ||
      (rc = say_memory(in, plan, kind, &b, otherwise)) < 0)
    return rc;
  otherwise = b.memory < otherwise ? b.memory : otherwise;
  if ((rc = say_gpus(in, plan, kind, &b, otherwise)) < 0 || in->want.slots_per_rank != AMZ_AUTO)
    return rc; /* who gives the slots has thought of the others */
  if (kind == 0 && (rc = say_workers(in, plan, &b, otherwise)) < 0)
    return rc;
  return say_load(in, plan, kind, &b, otherwise);
}

static int say_tasks(const struct amz_plan_input *in, struct amz_plan *plan)
{
  return in->work->tasks <= plan->chosen.slots ? say(plan, "tasks", true, "there are no more tasks than slots") : AMZ_OK;
}

/* Cores and nodes that the plan leaves to others though no bound says so. */
static int say_unused(const struct amz_plan_input *in, struct amz_plan *plan)
{
  static const char *const why[] = {[AMZ_GOAL_TIME] = "the run would hardly be shorter",
                                    [AMZ_GOAL_EFFICIENCY] = "it would be less efficient",
                                    [AMZ_GOAL_DEADLINE] = "it would take more core-hours"};
  const struct amz_plan_layout *l = &plan->chosen.layout;
  uint32_t cores = amz_plan_cores(in->nodes[0].node), all = amz_plan_node_count(in);
  uint64_t used = (uint64_t)l->ranks_per_node * l->slots_per_rank * l->threads;
  int rc = AMZ_OK;

  for (size_t i = 0; i < plan->n_reasons; i++)
    if (plan->reasons[i].active)
      return AMZ_OK;
  if (l->nodes < all)
    rc = say(plan, "nodes", false, "%u of %u nodes aren't used: with more, %s", all - l->nodes, all, why[in->want.goal]);
  if (rc == AMZ_OK && in->n_nodes == 1 && used < cores)
    rc = say(plan, "cores", false, "%llu of %u cores of a node aren't used: with more slots, %s",
             (unsigned long long)(cores - used), cores, why[in->want.goal]);
  return rc;
}

/* What was given and isn't there, or doesn't fit. */
static int say_fewer(struct amz_plan *plan, bool nodes, uint32_t given, uint32_t got)
{
  int rc = say(plan, "given", true, "%s: %u were given, and %u %s", nodes ? "nodes" : "slots_per_rank", given, got,
               nodes ? "are there" : "fit");

  if (rc < 0)
    return rc;
  return nodes ? lift(plan, "--nodes %u, if there are so many", given) : lift(plan, "what is said of memory and GPUs");
}

static int say_given(const struct amz_plan_input *in, struct amz_plan *plan)
{
  const struct amz_plan_layout *l = &plan->chosen.layout;
  const struct {
    const char *name;
    uint32_t given, got;
  } rows[] = {{"nodes", in->want.nodes, l->nodes}, {"ranks_per_node", in->want.ranks_per_node, AMZ_AUTO},
              {"slots_per_rank", in->want.slots_per_rank, l->slots_per_rank},
              {"threads_per_task", in->want.threads_per_task, AMZ_AUTO}};
  int rc = AMZ_OK;

  for (size_t i = 0; i < sizeof rows / sizeof *rows && rc == AMZ_OK; i++) {
    bool launched = in->want.launched && i < 2;

    if (rows[i].given == AMZ_AUTO)
      continue;
    if (rows[i].got < rows[i].given && !in->want.launched) {
      rc = say_fewer(plan, i == 0, rows[i].given, rows[i].got);
      continue;
    }
    rc = say(plan, "given", true, "%s: %u, as %s", rows[i].name, rows[i].given, launched ? "launched" : "given");
    if (rc == AMZ_OK)
      rc = lift(plan, "%s", launched ? "another launch" : "auto");
  }
  return rc;
}

static int say_neighbours(const struct amz_plan_input *in, struct amz_plan *plan)
{
  int rc = say(plan, "neighbours", true,
               "no more than %.0f slots a node: tasks that wait ran beside %u other%s at most, and what they wait for "
               "may not serve more", amz_plan_most_waiting(in), in->work->busy - 1, in->work->busy == 2 ? "" : "s");

  return rc < 0 ? rc : lift(plan, "a longer sample, or a run, which tries more and more; the next plan knows what came of it");
}

static int say_numa(const struct amz_plan_input *in, struct amz_plan *plan)
{
  const struct amz_node *node = in->nodes[0].node;

  if (in->want.ranks_per_node != AMZ_AUTO || in->work->kind == AMZ_WORK_IO)
    return AMZ_OK;
  if (!amz_plan_domains_are_even(node))
    return say(plan, "numa", false, "one rank has all of a node's cores, as its %u NUMA domains are of unequal size",
               amz_plan_domains(node));
  if (amz_plan_domains(node) > 1)
    return say(plan, "numa", false, "a rank stays within one of %u NUMA domains of %u core%s, unless one task needs more",
               amz_plan_domains(node), amz_plan_domain_cores(node), amz_plural(amz_plan_domain_cores(node)));
  return AMZ_OK;
}

/* Tasks that wait may have more slots than cores: why they haven't, or no more. */
static int say_waiting(const struct amz_plan_input *in, struct amz_plan *plan)
{
  const struct amz_node *node = in->nodes[0].node;
  int rc;

  if (in->work->kind != AMZ_WORK_IO || in->want.slots_per_rank != AMZ_AUTO)
    return AMZ_OK;
  if (!amz_plan_may_starve(in->work, node))
    return amz_plan_bound_by_neighbours(in, node) ? say_neighbours(in, plan) : AMZ_OK;
  rc = say(plan, "load", true, "tasks waited %.0f %% of their time, and it may have been for a CPU: other work keeps those busy. "
                               "No more slots than cores",
           100 * (1 - in->work->cpu_per_wall));
  return rc < 0 ? rc : lift(plan, "a sample on a node without other work");
}

static int say_threads(const struct amz_plan_input *in, struct amz_plan *plan)
{
  const struct amz_workload *w = in->work;
  uint32_t cores = amz_plan_cores(in->nodes[0].node), falls = amz_workload_falls_from(w);
  int rc = AMZ_OK;

  if (in->want.threads_per_task == AMZ_AUTO && w->serial.source == AMZ_UNKNOWN && cores > 1) {
    rc = say(plan, "threads", false, "%u thread%s a task: what more would bring wasn't sampled", w->threads,
             amz_plural(w->threads));
    if (rc == AMZ_OK)
      rc = lift(plan, "resources.threads: auto samples tasks with 1, 2, 4 … threads");
  }
  if (rc == AMZ_OK && in->want.threads_per_task == AMZ_AUTO && w->n_points && amz_workload_threads_seen(w) < cores) {
    rc = say(plan, "threads", false, "no more than %u threads a task: more weren't sampled", amz_workload_threads_seen(w));
    if (rc == AMZ_OK && !falls)
      rc = lift(plan, "a larger sample.time, if tasks still got faster");
  }
  if (rc == AMZ_OK && falls)
    rc = say(plan, "threads", false, "with %u threads tasks were slower than with fewer", falls);
  return rc;
}

/* ---- what was sought and can't be had --------------------------------------------------------------------------------- */

static double of_deadline(const struct amz_candidate *c)
{
  return c->launch_s + c->collect_s + c->interval_s[1];
}

/* By the work alone: `more` times the slots would do. Once there is one for each task, or where the longest task takes longer,
 * only time does; and who has so many nodes? */
static int lift_deadline(const struct amz_plan_input *in, struct amz_plan *plan, double more)
{
  const struct amz_candidate *c = &plan->chosen;
  double slots = ceil((double)c->slots * more), nodes = ceil(c->layout.nodes * more);

  if (!(more > 0) || slots > (double)in->work->tasks || nodes > NODES_LIKELY)
    return lift(plan, "a later deadline, or shorter tasks");
  if (in->want.max_workers != AMZ_AUTO && slots > in->want.max_workers)
    return lift(plan, "plan.max_workers of about %.0f instead of %u, with the cores for that; or a later deadline", slots,
                in->want.max_workers);
  return lift(plan, "about %.0f nodes like these (--nodes), or a later deadline", nodes);
}

static int say_deadline(const struct amz_plan_input *in, struct amz_plan *plan)
{
  const struct amz_candidate *c = &plan->chosen;
  double launch_s = fmax(c->launch_s, in->costs.launch_base_s.value + in->costs.launch_per_rank_s.value);
  double wanted_s = in->want.deadline_s, left_s = wanted_s - launch_s - c->collect_s;
  char late[32], wanted[32];
  int rc;

  if (in->want.goal != AMZ_GOAL_DEADLINE || !(of_deadline(c) > wanted_s))
    return AMZ_OK;
  (void)amz_format_duration((int64_t)(fmin(of_deadline(c), MOST_S) * 1e9), late, sizeof late);
  (void)amz_format_duration((int64_t)(wanted_s * 1e9), wanted, sizeof wanted);
  rc = say(plan, "deadline", true, "%s with 95 %% probability at best, instead of %s", late, wanted);
  return rc < 0 ? rc : lift_deadline(in, plan, left_s > c->bound_s ? c->interval_s[1] / left_s : 0);
}

/* What a layout's efficiency is lost to: parts of its makespan. */
struct loss {
  double part;
  const char *what, *lift;
};

static struct loss largest_loss(const struct amz_plan_input *in, const struct amz_candidate *c)
{
  const char *starts = in->want.tasks == AMZ_TASK_PLUGIN ? "tasks that do more" : "tasks that do more, or a stream or plug-in";
  double all_s = c->makespan_s > 0 ? c->makespan_s : 1;
  const struct loss losses[] = {
    {c->work_s / all_s - c->efficiency, "tasks that take longer beside others or with threads than one alone",
     "fewer slots or threads, or nodes with more memory bandwidth"},
    {c->gap_s / all_s, "starting tasks", starts},
    {c->dispatch_s / all_s, "handing out work", "longer chunks (chunks.target), or tasks that do more"},
    {c->imbalance_s / all_s, "slots that wait for the last tasks", "more tasks or fewer slots, or shorter longest tasks"},
  };
  struct loss most = losses[0];

  for (size_t i = 1; i < sizeof losses / sizeof *losses; i++)
    most = losses[i].part > most.part ? losses[i] : most;
  return most;
}

/* Rounded so that what is told can be had. */
static int say_efficiency(const struct amz_plan_input *in, struct amz_plan *plan)
{
  const struct amz_candidate *c = &plan->chosen;
  double can = floor(100 * c->efficiency) / 100;
  struct loss most;
  int rc;

  if (in->want.goal != AMZ_GOAL_EFFICIENCY || c->efficiency >= in->want.efficiency)
    return AMZ_OK;
  most = largest_loss(in, c);
  rc = say(plan, "efficiency", true, "%.1f %% instead of %.1f %%: most is lost to %s", 100 * c->efficiency,
           100 * in->want.efficiency, most.what);
  return rc < 0 ? rc : lift(plan, "%s; or plan.efficiency: %.2f", most.lift, can);
}

/* ---- all -------------------------------------------------------------------------------------------------------------- */

int amz_plan_explain(const struct amz_plan_input *in, struct amz_plan *plan)
{
  int rc = say_deadline(in, plan);

  if (rc == AMZ_OK)
    rc = say_efficiency(in, plan);
  for (size_t i = 0; i < in->n_nodes && rc == AMZ_OK; i++)
    rc = say_kind(in, plan, i);
  if (rc < 0 || (rc = say_tasks(in, plan)) < 0 || (rc = say_differ(in, plan)) < 0 || (rc = say_given(in, plan)) < 0 ||
      (rc = say_numa(in, plan)) < 0 || (rc = say_waiting(in, plan)) < 0 || (rc = say_threads(in, plan)) < 0 ||
      (rc = say_unused(in, plan)) < 0)
    return rc;
  return amz_plan_recommend(in, plan);
}

/* The kind on which most tasks would fit, if only by what was asked for. */
static const struct amz_node *nearest_kind(const struct amz_plan_input *in, uint32_t threads, struct amz_plan_bounds *ret)
{
  const struct amz_node *nearest = in->nodes[0].node;
  struct amz_plan_bounds b;

  amz_plan_bound(in, nearest, threads, 1, ret);
  for (size_t i = 1; i < in->n_nodes; i++) {
    amz_plan_bound(in, in->nodes[i].node, threads, 1, &b);
    if ((b.memory > 0) + (b.gpus > 0) + (b.cores > 0) > (ret->memory > 0) + (ret->gpus > 0) + (ret->cores > 0) ||
        (b.memory == 0 && amz_plan_node_memory(in->nodes[i].node) > amz_plan_node_memory(nearest))) {
      nearest = in->nodes[i].node;
      *ret = b;
    }
  }
  return nearest;
}

void amz_plan_infeasible(const struct amz_plan_input *in, struct amz_error *err)
{
  const struct amz_plan_want *want = &in->want;
  uint32_t threads = want->threads_per_task == AMZ_AUTO ? in->work->threads : want->threads_per_task;
  uint64_t ranks = (uint64_t)(want->nodes == AMZ_AUTO ? 1 : want->nodes) * (want->ranks_per_node == AMZ_AUTO ? 1 :
      want->ranks_per_node);
  struct amz_plan_bounds b;
  const struct amz_node *node = nearest_kind(in, threads, &b);
  char each[32], all[32];

  if (b.memory == 0)
    (void)amz_error_set(err, AMZ_ERANGE,
                        "not one task fits: it needs %s, and %.0f %% of %s are for tasks; larger nodes, or plan.memory: ignore",
                        bytes(amz_plan_task_memory(in), each), 100 * AMZ_MEMORY_HEADROOM, bytes(amz_plan_node_memory(node), all));
  else if (b.gpus == 0)
    (void)amz_error_set(err, AMZ_ERANGE,
                        "not one task fits: it needs %u GPU%s of a node, and %u may be used; nodes with more, or a smaller "
                        "resources.gpus",
                        want->gpus, amz_plural(want->gpus), amz_node_gpus(node));
  else if (b.cores == 0)
    (void)amz_error_set(err, AMZ_ERANGE, "not one task fits: it needs %u cores, and %u %s ours; larger nodes, or fewer threads",
                        threads, amz_plan_cores(node), amz_plan_cores(node) == 1 ? "is" : "are");
  else if (want->max_workers != AMZ_AUTO && want->max_workers < ranks)
    (void)amz_error_set(err, AMZ_ERANGE,
                        "no layout fits: plan.max_workers is %u, and %llu ranks want a slot each; a larger one, or fewer ranks",
                        want->max_workers, (unsigned long long)ranks);
  else
    (void)amz_error_set(err, AMZ_ERANGE,
                        "no layout fits: %u rank%s on a node want a slot each, and there is room for %u; fewer ranks "
                        "(plan.ranks_per_node), or fewer threads a task",
                        want->ranks_per_node == AMZ_AUTO ? 1 : want->ranks_per_node,
                        amz_plural(want->ranks_per_node == AMZ_AUTO ? 1 : want->ranks_per_node), amz_plan_most_slots(&b));
}
