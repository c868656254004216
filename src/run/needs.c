/* What the worker is told of tasks that differ in what they take, and ranks that have too little for some of them.
 *
 * Which rank gets which task is the master's affair, which knows no sizes: so a rank that couldn't run every task runs none, as
 * long as another can. */
#include <string.h>

#include "loop_state.h"

/* Positions that follow one another may be anywhere in the list; the same is taken by those that are neighbours there, too. */
static void need_of(const void *ctx, uint64_t position, struct amz_need *ret, uint64_t *ret_same)
{
  const struct amz_loop_config *c = ((const struct amz_loop *)ctx)->config;
  uint64_t index = amz_order_index(c->order, position), left = amz_order_count(c->order) - position;

  *ret = amz_budget_need(c->job, index, ret_same);
  *ret_same = amz_order_stretch(c->order, position, *ret_same < left ? *ret_same : left, &index);
}

struct amz_needs amz_loop_needs(const struct amz_loop *l)
{
  const struct amz_loop_config *c = l->config;

  if (!amz_job_has_needs(c->job))
    return (struct amz_needs){.of = NULL};
  return (struct amz_needs){.of = need_of, .ctx = l, .all = amz_budget_all(c->job, &c->budget)};
}

int amz_loop_bar(struct amz_loop *l)
{
  return l->config->barred ? amz_loop_open(l) : AMZ_OK;
}

bool amz_loop_is_too_small(const struct amz_loop *l)
{
  struct amz_master_stats stats;

  if (!l->config->any_barred || !l->master || l->master_finished || *l->result->reason)
    return false;
  amz_master_stats(l->master, &stats);
  return stats.slots_alive == 0 && stats.handed_out == 0 && stats.waiting > 0;
}
