/* What fits on a node. */
#include "plan_private.h"

#include <math.h>

#include <amorsize/load.h>

#define BEYOND 2u /* times as many slots for waiting tasks as were seen busy: what they wait for may have no more to give */

static uint32_t at_least_one(uint32_t n)
{
  return n ? n : 1;
}

uint32_t amz_plan_cores(const struct amz_node *node)
{
  uint32_t cores = node->allowed_cores ? node->allowed_cores : node->cores;

  if (node->allowed_cpu > 0 && node->allowed_cpu < cores)
    cores = (uint32_t)node->allowed_cpu; /* half a CPU is no place for a task of its own */
  return at_least_one(cores);
}

uint32_t amz_plan_domains(const struct amz_node *node)
{
  uint32_t n = 0;

  for (size_t i = 0; i < node->n_domains; i++)
    n += node->domains[i].allowed_cores > 0;
  return at_least_one(n);
}

uint32_t amz_plan_domain_cores(const struct amz_node *node)
{
  uint32_t least = UINT32_MAX, share = amz_plan_cores(node) / amz_plan_domains(node);

  for (size_t i = 0; i < node->n_domains; i++)
    if (node->domains[i].allowed_cores && node->domains[i].allowed_cores < least)
      least = node->domains[i].allowed_cores;
  return at_least_one(least < share ? least : share);
}

bool amz_plan_domains_are_even(const struct amz_node *node)
{
  uint32_t cores = 0;

  for (size_t i = 0; i < node->n_domains; i++) {
    if (cores && node->domains[i].allowed_cores && node->domains[i].allowed_cores != cores)
      return false;
    cores = node->domains[i].allowed_cores ? node->domains[i].allowed_cores : cores;
  }
  return true;
}

uint32_t amz_plan_node_count(const struct amz_plan_input *input)
{
  uint64_t n = 0;

  for (size_t i = 0; i < input->n_nodes; i++)
    n += input->nodes[i].count;
  return n < UINT32_MAX ? (uint32_t)n : UINT32_MAX;
}

bool amz_plan_may_starve(const struct amz_workload *w, const struct amz_node *node)
{
  double below = amz_load_waits_below(node->load.cpu_pressure);

  return below < amz_load_waits_below(0) && w->cpu_per_wall > below;
}

double amz_plan_most_waiting(const struct amz_plan_input *input)
{
  return fmax((double)input->work->busy * BEYOND, input->want.open_slots);
}

/* Slots that wait most of their time leave their cores to others; unless it is for a CPU that they wait. */
static uint32_t core_bound(const struct amz_plan_input *input, const struct amz_node *node, uint32_t threads)
{
  const struct amz_workload *w = input->work;
  uint32_t cores = amz_plan_cores(node), slots = cores / threads;
  double waiting;

  if ((w->kind != AMZ_WORK_IO && !input->want.waits) || amz_plan_may_starve(w, node))
    return slots;
  waiting = fmin(floor(cores / fmax(w->cpu_per_wall, 1.0 / AMZ_SLOTS_PER_CORE_MAX)), amz_plan_most_waiting(input));
  return waiting > slots ? (uint32_t)fmin(waiting, (double)cores * AMZ_SLOTS_PER_CORE_MAX) : slots;
}

bool amz_plan_bound_by_neighbours(const struct amz_plan_input *input, const struct amz_node *node)
{
  double cores = amz_plan_cores(node), most = amz_plan_most_waiting(input);

  return most > cores && most < floor(cores / fmax(input->work->cpu_per_wall, 1.0 / AMZ_SLOTS_PER_CORE_MAX));
}

static uint32_t memory_bound(const struct amz_plan_input *input, const struct amz_node *node)
{
  uint64_t each = input->want.memory_bytes ? input->want.memory_bytes : input->work->rss_bytes;
  uint64_t all = node->allowed_memory_bytes ? node->allowed_memory_bytes : node->memory_bytes;
  double slots;

  if (input->want.memory_ignore || each == 0 || all == 0)
    return UINT32_MAX;
  slots = floor(AMZ_MEMORY_HEADROOM * (double)all / (double)each);
  return slots < UINT32_MAX ? (uint32_t)slots : UINT32_MAX;
}

static uint32_t gpu_bound(const struct amz_plan_input *input, const struct amz_node *node)
{
  return input->want.gpus ? amz_node_gpus(node) / input->want.gpus : UINT32_MAX;
}

void amz_plan_bound(const struct amz_plan_input *input, const struct amz_node *node, uint32_t threads, uint32_t nodes,
                    struct amz_plan_bounds *ret)
{
  uint32_t workers = input->want.max_workers;
  const struct amz_load_rule rule = AMZ_LOAD_RULE;

  *ret = (struct amz_plan_bounds){
    .cores = core_bound(input, node, at_least_one(threads)),
    .memory = memory_bound(input, node),
    .gpus = gpu_bound(input, node),
    .workers = workers == AMZ_AUTO ? UINT32_MAX : workers / at_least_one(nodes),
    .load = UINT32_MAX,
  };
  if (input->want.load_aware)
    ret->load = amz_load_slots(ret->cores, &node->load, &rule);
}

uint32_t amz_plan_most_slots(const struct amz_plan_bounds *b)
{
  uint32_t most = b->cores;

  most = b->memory < most ? b->memory : most;
  most = b->gpus < most ? b->gpus : most;
  most = b->load < most ? b->load : most;
  return b->workers < most ? b->workers : most;
}
