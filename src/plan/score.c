/* A layout's prediction by formulas: every term apart, in seconds. How a task's time is stretched is in stretch.c. */
#include "plan_private.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <amorsize/alloc.h>
#include <amorsize/makespan.h>
#include <amorsize/policy.h>

#define INTERVAL_CONFIDENCE 0.90
#define SIDED_90 1.645 /* standard deviations to either side */
#define FORETOLD_TASKS 256u /* are played out in a millisecond */
#define FORETOLD_REPLICATES 12u
/* values: of fewer a bootstrap is too sure, as it can't draw what it hasn't seen (Efron, Tibshirani 1993, section 12.6);
 * Student's t isn't */
#define FEW 20u

static bool has_work(const struct amz_plan_input *in)
{
  const struct amz_workload *w = in->work;

  return w && w->wall_s && w->n > 0 && w->tasks > 0 && w->threads > 0 && w->busy > 0 && in->unforeseen.value >= 0 &&
      in->unforeseen.value <= 1;
}

int amz_plan_check(const struct amz_plan_input *in)
{
  if (!has_work(in) || in->n_nodes == 0 || in->n_nodes > AMZ_PLAN_KINDS_MAX || !in->nodes)
    return AMZ_EINVAL;
  for (size_t i = 0; i < in->n_nodes; i++)
    if (!in->nodes[i].node || in->nodes[i].count == 0 || !(in->nodes[i].speed > 0))
      return AMZ_EINVAL;
  return in->want.goal == AMZ_GOAL_DEADLINE && !(in->want.deadline_s > 0) ? AMZ_EINVAL : AMZ_OK;
}

const char *amz_plan_policy(const struct amz_plan_input *in)
{
  const struct amz_policy_ops *ops = amz_policy_find(in->want.policy);

  return ops ? ops->name : "adaptive";
}

double amz_plan_chunk_s(const struct amz_plan_input *in)
{
  return in->want.chunk_s > 0 ? in->want.chunk_s : 0;
}

/* Of policies, adaptive alone has one. */
static double target_of(const struct amz_plan_input *in)
{
  return strcmp(amz_plan_policy(in), "adaptive") == 0 ? amz_plan_chunk_s(in) : 0;
}

void amz_plan_times(const struct amz_plan_input *in, const struct amz_candidate *c, double *times)
{
  double mean = in->work->mean_s.value, gap = in->costs.gap_s.value, stretch = mean > 0 ? c->task_s / mean : 1;

  for (size_t i = 0; i < in->work->n; i++)
    times[i] = in->work->wall_s[i] * stretch + gap;
}

double amz_plan_done_s(const struct amz_plan_input *in, size_t i)
{
  const struct amz_workload *w = in->work;
  size_t part = w->sequence ? (size_t)((double)i / (double)w->tasks * (double)w->n) : 0;
  double its_own_s = w->sequence && part < w->n ? w->wall_s[w->sequence[part]] : w->mean_s.value;

  return its_own_s - in->in_hand[i].rest_s;
}

double amz_plan_left(const struct amz_plan_input *in)
{
  double mean = in->work->mean_s.value, all = mean * (double)in->work->tasks, done = 0;

  for (size_t i = 0; i < in->n_in_hand && i < in->work->tasks; i++)
    done += amz_plan_done_s(in, i);
  return all > 0 ? fmax(0, 1 - done / all) : 1;
}

/* ---- all of them ------------------------------------------------------------------------------------------------------ */

/* Slots and cores in all, the mean of a task over the slots. \return whether there are so many nodes on which tasks fit. */
static bool add_up_nodes(const struct amz_plan_input *in, const struct amz_plan_class *classes, size_t n, struct amz_candidate *c)
{
  double rate = 0, beside = 0;
  uint64_t nodes = 0;

  for (size_t i = 0; i < n; i++) {
    uint64_t slots = (uint64_t)classes[i].nodes * classes[i].ranks_per_node * classes[i].slots_per_rank;

    if (classes[i].task_s > 0)
      rate += (double)slots / classes[i].task_s;
    beside += classes[i].nodes * classes[i].contention;
    nodes += classes[i].nodes;
    c->slots += slots;
    c->cores += (uint64_t)classes[i].nodes * amz_plan_cores(in->nodes[classes[i].kind].node);
  }
  c->contention = nodes ? beside / (double)nodes : 1;
  c->task_s = rate > 0 ? (double)c->slots / rate : 0;
  return nodes > 0 && (in->n_nodes == 1 || nodes == c->layout.nodes);
}

static double launch_time(const struct amz_plan_input *in, const struct amz_plan_class *classes, size_t n)
{
  uint32_t most = 0;
  uint64_t ranks = 0;

  for (size_t i = 0; i < n; i++) {
    most = classes[i].ranks_per_node > most ? classes[i].ranks_per_node : most;
    ranks += (uint64_t)classes[i].nodes * classes[i].ranks_per_node;
  }
  if (in->want.launched || ranks == 1)
    return 0; /* the ranks are there; or a process alone needs no MPI */
  return in->costs.launch_base_s.value + in->costs.launch_per_rank_s.value * most;
}

void amz_plan_finish_candidate(const struct amz_plan_input *in, double serial_task_s, struct amz_candidate *c)
{
  double tasks = (double)in->work->tasks * amz_plan_left(in), work = tasks * serial_task_s,
      serial_s = work + tasks * in->costs.gap_s.value;

  c->total_s = c->launch_s + c->makespan_s + c->collect_s;
  c->speedup = c->total_s > 0 ? serial_s / c->total_s : 0; /* one slot pays for its gaps, too */
  c->efficiency = c->makespan_s > 0 ? work / (c->makespan_s * (double)c->slots * c->layout.threads) : 0;
  c->core_hours = c->total_s * (double)c->cores / 3600;
}

static struct amz_makespan_work work_of(const struct amz_plan_input *in, const struct amz_candidate *c, const double *times)
{
  return (struct amz_makespan_work){.task_s = times, .n = in->work->n, .tasks = in->work->tasks,
    .apart = in->work->apart && in->work->from == AMZ_TIMES_SEEN,
    .slots = c->slots, .chunk_s = amz_plan_chunk_s(in), .overhead_s = in->costs.chunk_s.value,
    .service_s = in->costs.service_s.value};
}

/* Tasks that are foreseen: all of them together are off by as much as the relation's mean may be; by what it left of K tasks,
 * over W slots; and at the end by what it left of the longest, as far as that is what the run waits for. */
static void doubt_foreseen(const struct amz_plan_input *in, struct amz_candidate *c)
{
  const struct amz_workload *w = in->work;
  double mean = w->mean_s.value, each = c->task_s + in->costs.gap_s.value, longest = mean > 0 ? w->wall_s[w->n - 1] / mean *
      each : 0;
  double used = fmin((double)c->slots, (double)w->tasks), end = c->makespan_s > 0 ? fmin(1,
      longest / c->makespan_s) * longest : 0;
  double sum = SIDED_90 * w->scatter * hypot(each * sqrt((double)w->tasks) / used, end);

  c->interval_s[0] = c->interval_s[1] = c->makespan_s;
  if (!(mean > 0))
    return;
  c->interval_s[0] = fmax(0, c->makespan_s - hypot(c->makespan_s * (1 - w->mean_s.low / mean), sum));
  c->interval_s[1] = c->makespan_s + hypot(c->makespan_s * (w->mean_s.high / mean - 1), sum);
}

static int doubt_seen(const struct amz_plan_input *in, double *times, struct amz_candidate *c)
{
  struct amz_makespan_work work = work_of(in, c, times);
  double mean = in->work->mean_s.value, scale = mean > 0 ? (c->task_s + in->costs.gap_s.value) / mean : 0, by_formula;
  struct amz_makespan_doubt doubt = {.confidence = INTERVAL_CONFIDENCE, .seed = in->seed,
                                     .mean_low = in->work->mean_s.low * scale,
                                     .mean_high = in->work->mean_s.high * scale};
  struct amz_makespan m;
  int rc;

  if (!in->work->heavy && in->work->n >= FEW) /* the bootstrap knows as much */
    doubt.mean_low = doubt.mean_high = 0;
  amz_plan_times(in, c, times);
  if ((rc = amz_makespan_expect(&work, &m)) < 0 || (rc = amz_makespan_interval(&work, &doubt, c->interval_s)) < 0)
    return rc;
  by_formula = m.total_s * amz_plan_left(in);
  for (int k = 0; k < 2; k++) /* as wide about what the simulator says */
    c->interval_s[k] = by_formula > 0 ? c->makespan_s * (1 + (c->interval_s[k] - m.total_s) / by_formula) : c->makespan_s;
  return AMZ_OK;
}

/* Of tasks whose waiting wasn't counted, as that of plug-ins, of children and of further threads isn't, what they didn't compute
 * on a machine whose tasks wait for CPUs. */
static double starved(const struct amz_plan_input *in)
{
  const struct amz_workload *w = in->work;

  if (in->n_nodes == 0 || !amz_plan_may_starve(w, in->nodes[0].node))
    return w->starved;
  return 1 - (1 - w->starved) * w->cpu_share;
}

double amz_plan_unforeseen(const struct amz_plan_input *in)
{
  double known = hypot(in->unforeseen.source == AMZ_UNKNOWN ? 0 : in->unforeseen.value, SIDED_90 * in->work->drift);

  return fmin(1, hypot(known, starved(in)));
}

/* A run that is played out ends on the rounds that were played: the last one may as well begin earlier or later by a part of a
 * task, any part alike, of which 90 % lie within 0.45 to either side. For hundreds of tasks a slot that is nothing. */
static double round_error(const struct amz_plan_input *in, const struct amz_candidate *c)
{
  return c->simulated && in->work->tasks > c->slots ? 0.45 * c->task_s : 0;
}

/* What starts take is known from few bursts of them. Those that are to come one behind the other, before all slots are busy, make
 * the run as much longer as they take. */
static double start_error(const struct amz_plan_input *in, const struct amz_candidate *c)
{
  const struct amz_quantity *start = &in->costs.start_s;
  double ranks = fmax(1, (double)c->layout.nodes * c->layout.ranks_per_node), queue_s = 0, idle;

  if (!(start->value > 0))
    return 0;
  for (size_t i = 0; i < in->n_in_hand; i++)
    queue_s = fmax(queue_s, -in->in_hand[i].for_s);
  idle = fmin((double)c->slots, (double)in->work->tasks) - (double)in->n_in_hand;
  queue_s += fmax(0, idle / ranks - 1) * start->value;
  return queue_s * (start->high - start->value) / start->value;
}

/* What no sample shows is independent of what it may have got wrong, and of what another layout than the sample's makes of it. */
static void doubt_rest(const struct amz_plan_input *in, struct amz_candidate *c)
{
  double rest_s = hypot(amz_plan_unforeseen(in), amz_plan_stretch_error(in, &c->layout)) * c->makespan_s;

  rest_s = hypot(hypot(rest_s, round_error(in, c)), start_error(in, c));
  c->interval_s[0] = fmax(0, c->makespan_s - hypot(c->makespan_s - c->interval_s[0], rest_s));
  c->interval_s[1] = c->makespan_s + hypot(c->interval_s[1] - c->makespan_s, rest_s);
}

int amz_plan_doubt(const struct amz_plan_input *in, double *times, struct amz_candidate *c)
{
  int rc = AMZ_OK;

  if (in->work->from == AMZ_TIMES_SEEN)
    rc = doubt_seen(in, times, c);
  else
    doubt_foreseen(in, c);
  if (rc == AMZ_OK)
    doubt_rest(in, c);
  return rc;
}

/* A rank's helper starts one task at a time: the last slot begins as much later, and no rank is faster than its starts. */
static void bound_by_starts(const struct amz_plan_input *in, const struct amz_candidate *c, struct amz_makespan *m)
{
  uint64_t ranks = (uint64_t)c->layout.nodes * c->layout.ranks_per_node, each = ranks ? c->slots / ranks : c->slots;
  /* the others have been started */
  double start_s = in->costs.start_s.value, run = (double)in->n_in_hand, tasks = fmax(0, (double)in->work->tasks - run);
  double slots = fmin((double)each, tasks) - run / (double)(ranks ? ranks : 1);

  m->longest_s = fmax(m->longest_s, start_s * tasks / (double)(ranks ? ranks : 1));
  m->bound_s = fmax(m->bound_s, m->longest_s);
  m->total_s = fmax(m->total_s + (slots > 1 ? start_s * (slots - 1) : 0), m->bound_s);
}

/* Tasks that run have done some of their work. When there are no others, the one that has most left is waited for. */
static void leave_out_done(const struct amz_plan_input *in, const struct amz_candidate *c, struct amz_makespan *m)
{
  double done_s = m->work_s * (1 - amz_plan_left(in)), stretch = in->work->mean_s.value > 0 ? c->task_s /
      in->work->mean_s.value : 1, longest = 0;

  for (size_t i = 0; i < in->n_in_hand; i++)
    longest = fmax(longest, in->in_hand[i].rest_s * stretch);
  if (in->n_in_hand && in->n_in_hand >= in->work->tasks)
    m->bound_s = m->longest_s = longest;
  m->work_s -= done_s;
  m->total_s = fmax(m->total_s - done_s, m->bound_s);
}

static int predict(const struct amz_plan_input *in, double *times, double serial_task_s, struct amz_candidate *c)
{
  struct amz_makespan_work work = work_of(in, c, times);
  double gap = in->costs.gap_s.value, mean_tau = c->task_s + gap;
  struct amz_makespan m;
  int rc;

  amz_plan_times(in, c, times);
  if ((rc = amz_makespan_expect(&work, &m)) < 0)
    return rc;
  bound_by_starts(in, c, &m);
  leave_out_done(in, c, &m);
  c->gap_s = mean_tau > 0 ? m.work_s * gap / mean_tau : 0;
  c->work_s = m.work_s - c->gap_s;
  c->imbalance_s = m.total_s - m.work_s - m.dispatch_s; /* with what a bound from below adds */
  c->dispatch_s = m.dispatch_s;
  c->bound_s = m.bound_s;
  c->longest_s = m.longest_s;
  c->makespan_s = m.total_s;
  amz_plan_finish_candidate(in, serial_task_s, c);
  return AMZ_OK;
}

int amz_plan_score_in(const struct amz_plan_input *in, const struct amz_plan_layout *layout, double *times,
                      struct amz_candidate *ret)
{
  const struct amz_plan_layout serial = {1, 1, 1, 1};
  struct amz_candidate c = {.layout = *layout, .policy = amz_plan_policy(in), .chunk_s = target_of(in),
                            .collect_s = in->costs.collect_s.value};
  double serial_task_s = in->work->mean_s.value * amz_plan_stretch(in, &in->nodes[0], &serial, NULL);
  struct amz_plan_class classes[AMZ_PLAN_KINDS_MAX];
  size_t n;
  int rc;

  if (!layout->nodes || !layout->ranks_per_node || !layout->slots_per_rank || !layout->threads)
    return AMZ_EINVAL;
  n = amz_plan_classes(in, layout, classes);
  if (!add_up_nodes(in, classes, n, &c))
    return AMZ_ERANGE;
  c.launch_s = launch_time(in, classes, n);
  rc = predict(in, times, serial_task_s, &c);
  if (rc == AMZ_OK)
    *ret = c;
  return rc;
}

int amz_plan_foretell(const struct amz_plan_input *in, uint64_t slots, struct amz_candidate *ret)
{
  struct amz_candidate c = {.policy = amz_plan_policy(in), .chunk_s = target_of(in), .slots = slots, .contention = 1,
                            .collect_s = in->costs.collect_s.value};
  double *times;
  int rc;

  if (slots == 0 || !has_work(in))
    return AMZ_EINVAL;
  times = amz_new_array(in->work->n, sizeof *times);
  if (!times)
    return AMZ_ENOMEM;
  c.task_s = in->work->mean_s.value;
  c.layout.threads = in->work->threads;
  rc = predict(in, times, c.task_s, &c);
  if (rc == AMZ_OK && in->work->tasks <= FORETOLD_TASKS) /* so few end in rounds, of which formulas know nothing */
    rc = amz_plan_simulate(in, in->work->tasks, in->replicates ? in->replicates : FORETOLD_REPLICATES, &c);
  else if (rc == AMZ_OK)
    rc = amz_plan_doubt(in, times, &c);
  free(times);
  if (rc == AMZ_OK)
    *ret = c;
  return rc;
}

int amz_plan_score(const struct amz_plan_input *in, const struct amz_plan_layout *layout, struct amz_candidate *ret)
{
  int rc = amz_plan_check(in);
  double *times;

  if (rc < 0)
    return rc;
  times = amz_new_array(in->work->n, sizeof *times);
  if (!times)
    return AMZ_ENOMEM;
  rc = amz_plan_score_in(in, layout, times, ret);
  if (rc == AMZ_OK)
    rc = amz_plan_doubt(in, times, ret);
  free(times);
  return rc;
}
