/* A layout's prediction by formulas (design section 6): every term apart, in seconds.
 *
 *   τ = wall · [(1 − a) + a · stretch] + gap        a: share of the wall time in which the task uses CPU
 *   stretch = κφ(c)/κφ(c₀) · S(t₀)/S(t) · max(1, CPU wanted / cores)
 *
 * c₀, t₀: busy cores of a domain and threads when the sample was taken. Waiting (1 − a) is not stretched by neighbours. */
#include "plan_private.h"

#include <math.h>
#include <stdlib.h>

#include <amorsize/alloc.h>
#include <amorsize/makespan.h>

#define INTERVAL_CONFIDENCE 0.90

int amz_plan_check(const struct amz_plan_input *in)
{
  const struct amz_workload *w = in->work;

  if (!w || !w->wall_s || w->n == 0 || w->tasks == 0 || w->threads == 0 || w->busy == 0 || in->n_nodes == 0 || !in->nodes)
    return AMZ_EINVAL;
  for (size_t i = 0; i < in->n_nodes; i++)
    if (!in->nodes[i].node || in->nodes[i].count == 0 || !(in->nodes[i].speed > 0))
      return AMZ_EINVAL;
  return in->want.goal == AMZ_GOAL_DEADLINE && !(in->want.deadline_s > 0) ? AMZ_EINVAL : AMZ_OK;
}

double amz_plan_chunk_s(const struct amz_plan_input *in)
{
  return in->want.chunk_s > 0 ? in->want.chunk_s : 0;
}

/* ---- one task --------------------------------------------------------------------------------------------------------- */

/* The domain whose curves are read: the first with cores of ours that has any, else the node as a whole. */
static uint32_t curve_domain(const struct amz_node *node)
{
  for (uint32_t i = 0; i < node->n_domains; i++)
    if (node->domains[i].allowed_cores && amz_node_bandwidth(node, i, 1).source != AMZ_UNKNOWN)
      return i;
  return AMZ_ALL_DOMAINS;
}

static uint32_t busy_in_domain(const struct amz_node *node, uint32_t domain, double busy_threads)
{
  double cores = amz_plan_cores(node), busy = fmin(busy_threads, cores);

  if (domain != AMZ_ALL_DOMAINS)
    busy = ceil(busy / amz_plan_domains(node));
  return busy < 1 ? 1 : (uint32_t)busy;
}

/* κφ at so many busy cores. */
static double crowded(const struct amz_node *node, uint32_t domain, uint32_t cores, double memory_share)
{
  struct amz_quantity phi = amz_node_slowdown(node, domain, cores);

  return (phi.source == AMZ_UNKNOWN ? 1 : phi.value) * amz_contention(node, domain, cores, memory_share).value;
}

double amz_plan_stretch(const struct amz_plan_input *in, const struct amz_node *node, const struct amz_plan_layout *layout, double *ret_contention)
{
  const struct amz_workload *w = in->work;
  const struct amz_node *sampled_on = in->nodes[0].node;
  double slots = (double)layout->ranks_per_node * layout->slots_per_rank;
  double speedup = w->serial.source == AMZ_UNKNOWN ? 1
                   : amz_thread_speedup(w->serial.value, layout->threads) / amz_thread_speedup(w->serial.value, w->threads);
  double active = fmin(1, w->cpu_per_wall), wanted = slots * w->cpu_per_wall * speedup / amz_plan_cores(node);
  uint32_t domain = curve_domain(node), domain0 = curve_domain(sampled_on);
  uint32_t c0 = busy_in_domain(sampled_on, domain0, (double)w->busy * w->threads);
  double memory_share = amz_memory_share(sampled_on, domain0, c0, w->slowdown).value;
  double beside = crowded(node, domain, busy_in_domain(node, domain, slots * layout->threads), memory_share) /
                  crowded(sampled_on, domain0, c0, memory_share);

  if (ret_contention)
    *ret_contention = beside;
  return (1 - active) + active * beside / speedup * fmax(1, wanted);
}

void amz_plan_times(const struct amz_plan_input *in, const struct amz_candidate *c, double *times)
{
  double mean = in->work->mean_s.value, gap = in->costs.gap_s.value, stretch = mean > 0 ? c->task_s / mean : 1;

  for (size_t i = 0; i < in->work->n; i++)
    times[i] = in->work->wall_s[i] * stretch + gap;
}

/* ---- all of them ------------------------------------------------------------------------------------------------------ */

/* Slots in all and the mean stretch over them, fastest kinds of nodes first. */
static void add_up_nodes(const struct amz_plan_input *in, const struct amz_plan_layout *layout, struct amz_candidate *c, double *ret_stretch)
{
  double rate = 0, each = (double)layout->ranks_per_node * layout->slots_per_rank, beside = 0;
  uint32_t left = layout->nodes;

  for (size_t i = 0; i < in->n_nodes && left; i++) {
    uint32_t n = in->nodes[i].count < left ? in->nodes[i].count : left;
    double contention, stretch = amz_plan_stretch(in, in->nodes[i].node, layout, &contention) / in->nodes[i].speed;

    rate += n * each / stretch;
    beside += n * contention;
    c->slots += (uint64_t)n * layout->ranks_per_node * layout->slots_per_rank;
    left -= n;
  }
  c->contention = beside / (layout->nodes - left);
  *ret_stretch = (double)c->slots / rate;
}

static double launch_time(const struct amz_plan_input *in, const struct amz_plan_layout *layout)
{
  if (in->want.launched || (uint64_t)layout->nodes * layout->ranks_per_node == 1)
    return 0; /* the ranks are there; or a process alone needs no MPI */
  return in->costs.launch_base_s.value + in->costs.launch_per_rank_s.value * layout->ranks_per_node;
}

void amz_plan_finish_candidate(const struct amz_plan_input *in, double serial_task_s, struct amz_candidate *c)
{
  double work = (double)in->work->tasks * serial_task_s;

  c->total_s = c->launch_s + c->makespan_s + c->collect_s;
  c->speedup = c->total_s > 0 ? work / c->total_s : 0;
  c->efficiency = c->makespan_s > 0 ? work / (c->makespan_s * (double)c->slots * c->layout.threads) : 0;
  c->core_hours = c->total_s * c->layout.nodes * amz_plan_cores(in->nodes[0].node) / 3600;
}

static struct amz_makespan_work work_of(const struct amz_plan_input *in, const struct amz_candidate *c, const double *times)
{
  return (struct amz_makespan_work){.task_s = times, .n = in->work->n, .tasks = in->work->tasks, .apart = in->work->apart,
    .slots = c->slots, .chunk_s = amz_plan_chunk_s(in), .overhead_s = in->costs.chunk_s.value, .service_s = in->costs.service_s.value};
}

int amz_plan_doubt(const struct amz_plan_input *in, double *times, struct amz_candidate *c)
{
  struct amz_makespan_work work = work_of(in, c, times);
  double mean = in->work->mean_s.value, scale = mean > 0 ? (c->task_s + in->costs.gap_s.value) / mean : 0, by_formula;
  struct amz_makespan_doubt doubt = {.confidence = INTERVAL_CONFIDENCE, .seed = in->seed, .mean_low = in->work->mean_s.low * scale,
                                     .mean_high = in->work->mean_s.high * scale};
  struct amz_makespan m;
  int rc;

  if (!in->work->heavy) /* the bootstrap knows as much */
    doubt.mean_low = doubt.mean_high = 0;
  amz_plan_times(in, c, times);
  if ((rc = amz_makespan_expect(&work, &m)) < 0 || (rc = amz_makespan_interval(&work, &doubt, c->interval_s)) < 0)
    return rc;
  by_formula = m.total_s;
  for (int k = 0; k < 2; k++) /* as wide about what the simulator says */
    c->interval_s[k] = by_formula > 0 ? c->interval_s[k] * c->makespan_s / by_formula : c->makespan_s;
  return AMZ_OK;
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
  c->gap_s = mean_tau > 0 ? m.work_s * gap / mean_tau : 0;
  c->work_s = m.work_s - c->gap_s;
  c->imbalance_s = m.total_s - m.work_s - m.dispatch_s; /* with what a bound from below adds */
  c->dispatch_s = m.dispatch_s;
  c->bound_s = m.bound_s;
  c->makespan_s = m.total_s;
  amz_plan_finish_candidate(in, serial_task_s, c);
  return AMZ_OK;
}

int amz_plan_score_in(const struct amz_plan_input *in, const struct amz_plan_layout *layout, double *times, struct amz_candidate *ret)
{
  const struct amz_plan_layout serial = {1, 1, 1, 1};
  struct amz_candidate c = {.layout = *layout, .collect_s = in->costs.collect_s.value};
  double stretch, serial_task_s = in->work->mean_s.value * amz_plan_stretch(in, in->nodes[0].node, &serial, NULL);
  int rc;

  if (!layout->nodes || !layout->ranks_per_node || !layout->slots_per_rank || !layout->threads)
    return AMZ_EINVAL;
  add_up_nodes(in, layout, &c, &stretch);
  c.task_s = in->work->mean_s.value * stretch;
  c.launch_s = launch_time(in, layout);
  rc = predict(in, times, serial_task_s, &c);
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
