/* The layout of a run until a planner chooses it: one rank, a slot for every so many cores as a task uses threads. */
#include "layout.h"

#include <amorsize/plan.h>

#define CAPACITY_MAX 4096u /* slots of a rank: each has a place in the helper, and three descriptors when it runs */

static uint32_t at_least_one(uint32_t n)
{
  return n ? n : 1;
}

void amz_layout_choose(const struct amz_settings *settings, uint32_t cores, uint64_t tasks, struct amz_layout *ret)
{
  uint32_t threads = settings->plan.threads_per_task, slots = settings->plan.slots_per_rank;

  if (threads == AMZ_AUTO)
    threads = settings->resources.threads;
  if (threads == AMZ_AUTO)
    threads = 1;
  if (slots == AMZ_AUTO) {
    slots = at_least_one(cores / at_least_one(threads));
    if (settings->plan.max_workers != AMZ_AUTO && slots > settings->plan.max_workers)
      slots = at_least_one(settings->plan.max_workers);
    if (slots > tasks) /* idle slots cost nothing, but mislead whoever reads the utilisation */
      slots = at_least_one((uint32_t)tasks);
  }
  *ret = (struct amz_layout){.ranks = 1, .slots = at_least_one(slots), .threads = at_least_one(threads), .cores = cores};
}

uint32_t amz_layout_fit(const struct amz_layout *layout, uint32_t cores, uint32_t threads)
{
  uint64_t given = (uint64_t)layout->slots * layout->threads, room = given > cores ? given : cores,
      fit = room / at_least_one(threads);

  return fit < layout->slots ? at_least_one((uint32_t)fit) : layout->slots;
}

uint32_t amz_layout_capacity(const struct amz_layout *layout)
{
  return layout->capacity > layout->slots ? layout->capacity : layout->slots;
}

void amz_layout_make_room(const struct amz_settings *s, uint64_t tasks, struct amz_layout *layout)
{
  uint64_t most = (uint64_t)layout->cores * AMZ_SLOTS_PER_CORE_MAX;

  if (s->plan.slots_per_rank != AMZ_AUTO || s->resources.gpus > 0)
    return;
  if (s->plan.max_workers != AMZ_AUTO && most > s->plan.max_workers)
    most = s->plan.max_workers;
  most = most > tasks ? tasks : most;
  most = most > CAPACITY_MAX ? CAPACITY_MAX : most;
  layout->capacity = most > layout->slots ? (uint32_t)most : layout->slots;
}
