/* Telling the policy, in the loop of rank 0: what is known before the first chunk, and what is found out later.
 *
 * A run that plans is told by its planner; any other has what a plan that it was given says of tasks, or what earlier runs of the
 * same job show, which is recalled beside (recall.h). Mean and variance are told only when they are new: a policy takes them for
 * all that has been seen, and would begin another round. */
#include "loop_state.h"
#include "planner.h"
#include "told.h"

void amz_loop_told_begin(struct amz_loop *l)
{
  const struct amz_foreseen *given = &amz_job_settings(l->config->job)->prediction;

  amz_told_init(&l->told);
  if (given->tasks == 0 || given->tasks == l->config->total)
    amz_told_tasks(&l->told, (double)given->task_ns * 1e-9, (double)given->task_stddev_ns * 1e-9);
}

static int tell(struct amz_loop *l, bool of_tasks, const struct amz_policy_ops *policy, double target_s)
{
  struct amz_policy_params params = amz_told_params(&l->told);
  struct amz_event event = {.kind = AMZ_EV_TOLD, .told = &params, .policy = policy};

  l->told.due = false;
  params.target_s = target_s;
  if (!of_tasks)
    params.mean_s = params.stddev_s = 0;
  return amz_loop_master_event(l, &event);
}

int amz_loop_tell_plan(struct amz_loop *l, double mean_s, double stddev_s, const struct amz_policy_ops *policy, double target_s)
{
  amz_told_tasks(&l->told, mean_s, stddev_s);
  return tell(l, mean_s > 0, policy, target_s);
}

int amz_loop_tell_tasks(struct amz_loop *l, double mean_s, double stddev_s)
{
  return amz_loop_tell_plan(l, mean_s, stddev_s, NULL, 0);
}

/* A run that doesn't plan waits for nobody: what is known comes when it comes. */
static int hear_recalled(struct amz_loop *l)
{
  const struct amz_loop_config *c = l->config;
  const struct amz_recall *r = c->recall;
  struct amz_workload w;
  int rc;

  if (!r || l->recalled || !amz_recall_done(r))
    return AMZ_OK;
  l->recalled = true;
  amz_told_costs(&l->told, &r->chunk_s, &r->service_s);
  if (c->planner || r->known.runs == 0)
    return AMZ_OK;
  if (amz_history_fit(&r->known, c->total, amz_job_settings(c->job)->sample.confidence, &w) < 0)
    return AMZ_ENOMEM;
  rc = w.n ? amz_loop_tell_tasks(l, w.mean_s.value, w.cv * w.mean_s.value) : AMZ_OK;
  amz_workload_clear(&w);
  return rc;
}

int amz_loop_tell_due(struct amz_loop *l)
{
  const struct amz_planner *p = l->config->planner;
  int rc = AMZ_OK;

  if (!l->master || l->master_finished)
    return AMZ_OK;
  rc = hear_recalled(l);
  if (p && !p->think.runs && p->think.node_known) /* what thinks is its thread's */
    amz_told_costs(&l->told, &p->think.node.costs.chunk_s, &p->think.node.costs.service_s);
  return rc == AMZ_OK && l->told.due ? tell(l, false, NULL, 0) : rc;
}
