/* Opening slots for tasks that wait, while a run samples: what the ramp says (ramp.h) is done on all ranks. It goes by rank 0's
 * own tasks, which are timed by our clock, the one that results are stamped with; ranks are shaped alike, and what their tasks
 * wait for is mostly the same. */
#include "sampler.h"

#include <math.h>

#include <amorsize/load.h>
#include <amorsize/node.h>

#include "layout.h"
#include "loop_state.h"
#include "planner.h"

/* Beside other work, tasks that compute seem to wait. */
static void mind_others(struct amz_ramp *ramp)
{
  ramp->pressure = fmin(fmax(amz_node_pressure_here(), 0), 1);
  ramp->waits = amz_load_waits_below(ramp->pressure);
}

/* A rank has room for more slots than cores where its helper was made for them. Where threads are to be tried, tasks are kept for
 * that: a sample has only so many, and more slots would use them up. */
int amz_loop_ramp_begin(struct amz_loop *l)
{
  const struct amz_loop_config *c = l->config;
  struct amz_sampler *s = c->sampler;
  uint32_t first = s->alone ? 1 : s->slots, most = amz_layout_capacity(&c->layout), workers = s->settings->plan.max_workers;
  int rc;

  s->ramp = (struct amz_ramp){.over = true};
  if (workers != AMZ_AUTO && workers / c->layout.ranks < most)
    most = workers / c->layout.ranks;
  if (most <= s->slots || c->barred || !l->master || s->try.over ||
      amz_sampler_wants_threads(s->settings, amz_job_kind(c->job), c->cores->most))
    return AMZ_OK;
  rc = amz_ramp_begin(&s->ramp, first, s->slots, most, c->layout.cores, amz_clock_realtime_ns());
  mind_others(&s->ramp);
  return rc;
}

void amz_sampler_ramp_see(struct amz_sampler *s, const struct amz_result *r, struct amz_observation *o)
{
  const struct amz_ramp_task task = {.wall_s = o->wall_s, .cpu_s = o->cpu_s, .waited_s = o->waited_s, .failed = o->failed};
  struct amz_ramp *ramp = &s->ramp;

  if (ramp->over || r->slot == UINT32_MAX)
    return;
  if (r->start_ns < ramp->opened_ns && o->busy > ramp->before && ramp->before) /* it ran beside fewer, but for its end */
    o->busy = ramp->before;
  amz_ramp_see(ramp, r->slot, r->start_ns, &task);
}

/* For rank 0; nobody opens more slots than there are tasks left. */
static uint32_t bound_of(const struct amz_loop *l, const struct amz_master_stats *stats)
{
  const struct amz_sampler *s = l->config->sampler;
  uint64_t left = stats->waiting + stats->handed_out, bound = left > s->ramp.slots ? left : s->ramp.slots;
  uint64_t memory = amz_sampler_memory_allows(s);

  bound = memory < bound ? memory : bound;
  return bound < UINT32_MAX ? (uint32_t)bound : UINT32_MAX;
}

/* When nothing waits any more, not all slots are used, or a sample has had its time, the generation won't be known. */
static bool is_cut_short(const struct amz_loop *l, const struct amz_master_stats *stats, int64_t now_ns)
{
  const struct amz_sampler *s = l->config->sampler;

  return stats->waiting == 0 || l->yield.open < l->yield.slots || (!s->goes_on &&
                                                                   now_ns - s->started_ns >= s->settings->sample.time_ns);
}

int amz_loop_sample_ramp(struct amz_loop *l, int64_t now_ns, bool *ret_busy)
{
  struct amz_sampler *s = l->config->sampler;
  struct amz_master_stats stats;
  uint32_t slots;

  *ret_busy = false;
  if (s->ramp.over)
    return AMZ_OK;
  amz_master_stats(l->master, &stats);
  if (is_cut_short(l, &stats, now_ns)) {
    s->ramp.over = true;
    return AMZ_OK;
  }
  slots = amz_ramp_next(&s->ramp, bound_of(l, &stats), amz_clock_realtime_ns());
  *ret_busy = !s->ramp.over;
  if (slots == 0 || (!s->opened && s->ramp.over)) /* tasks that compute: those that run alone still do */
    return AMZ_OK;
  s->opened = true;
  mind_others(&s->ramp);
  return amz_loop_take_slots(l, s->threads, slots);
}
