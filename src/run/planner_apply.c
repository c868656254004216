/* How a plan is followed: kept as files, told, and put to the ranks. */
#include "planner_private.h"

#include <stdio.h>
#include <string.h>

#include <amorsize/alloc.h>
#include <amorsize/plan_report.h>
#include <amorsize/policy.h>
#include <amorsize/sample_report.h>
#include <amorsize/store.h>

static void keep_file(const struct amz_loop *l, const char *name, struct amz_buf *text)
{
  struct amz_error why = {0};
  char note[AMZ_ERROR_TEXT + 64];

  if (amz_buf_ok(text) == AMZ_OK && amz_rundir_write(l->config->planner->dir, name, text->data, text->len, false, &why) < 0) {
    (void)snprintf(note, sizeof note, "%s could not be written: %.900s", name, why.text);
    amz_loop_note(l, AMZ_WARNING, note);
  }
  amz_buf_clear(text);
}

void amz_planner_keep_plan(const struct amz_loop *l, const struct amz_planner *p, const struct amz_candidate *c, double cv,
                           const char *why, const char *node_source)
{
  struct amz_plan_file f = {.job = amz_job_name(p->job), .layout = c->layout, .policy = c->policy,
    .target_ns = (int64_t)(c->chunk_s * 1e9 + 0.5),
    .predicted = p->predicted, .tasks = p->tasks, .speedup = c->speedup, .efficiency = c->efficiency, .why = why,
    .task_s = c->task_s, .task_stddev_s = c->task_s * cv, .costs = amz_source_name(p->planned_from), .node = node_source};
  struct amz_buf text = AMZ_BUF_INIT;

  amz_report_plan_file(&f, &text);
  keep_file(l, "plan.yaml", &text);
}

void amz_planner_keep_sample(const struct amz_planner *p, const char *host, struct amz_buf *out)
{
  const struct amz_sampler *s = p->sampler;
  const struct amz_sample sample = {.job = (char *)(uintptr_t)amz_job_name(p->job), .host = (char *)(uintptr_t)host,
    .tasks = amz_job_tasks(p->job),
    .slots = s->slots, .threads = s->threads, .seen = s->seen, .n = s->n};
  struct amz_workload w;

  if (amz_workload_fit(s->seen, s->n, sample.tasks, 0.95, &w) == AMZ_OK && amz_report_sample_json(&sample, &w, out) < 0)
    amz_buf_reset(out);
  amz_workload_clear(&w);
}

static void tell(const struct amz_loop *l, const struct amz_planner *p)
{
  const struct amz_run_observer *o = l->config->observer;
  bool known = p->planned_from == AMZ_HISTORY;
  struct amz_plan_told told = {.report = {amz_job_name(p->job), &p->think.input, &p->think.plan, known ? p->known.runs : 0,
                               p->known.latest_s},
                               .predicted = p->predicted, .sampled = known ? p->known.costs.n : p->sampler->n,
                               .node = p->think.node_source};

  if (o && o->planned)
    o->planned(o->ctx, &told);
}

/* From kinds of nodes to ranks. \return AMZ_OK; AMZ_ENOMEM. */
static int choose_slots(struct amz_planner *p)
{
  struct amz_plan *plan = &p->think.plan;

  if (!p->rank_slots && !(p->rank_slots = amz_new_array(p->kinds.n_ranks, sizeof *p->rank_slots)))
    return AMZ_ENOMEM;
  p->chosen = p->layout = plan->chosen.layout;
  p->layout.ranks_per_node = p->kinds.most_ranks;
  p->layout.slots_per_rank = amz_kinds_slots(&p->kinds, plan->classes, plan->n_classes, p->rank_slots);
  plan->chosen.layout = p->layout;
  for (size_t i = 0; i < plan->n_classes; i++)
    p->think.fixed_slots[plan->classes[i].kind] = plan->classes[i].slots_per_rank;
  return AMZ_OK;
}

/* Who is to hand out what is left is told what it may know of that. */
static int follow_chunks(struct amz_loop *l, struct amz_planner *p)
{
  const struct amz_candidate *c = &p->think.plan.chosen;

  p->policy = c->policy;
  p->target_s = c->chunk_s;
  return amz_loop_tell_plan(l, c->task_s, c->task_s * p->think.work.cv, amz_policy_find(c->policy), c->chunk_s);
}

int amz_planner_apply(struct amz_loop *l, struct amz_planner *p)
{
  struct amz_buf sample = AMZ_BUF_INIT;
  int rc;

  if (choose_slots(p) < 0)
    return AMZ_ENOMEM;
  p->planned = true;
  p->planned_from = p->think.work.mean_s.source;
  p->predicted = amz_planner_predict(p, &p->think.plan.chosen);
  p->state = AMZ_PLANNER_FOLLOWS;
  amz_planner_keep_plan(l, p, &p->think.plan.chosen, p->think.work.cv, p->think.plan.why, p->think.node_source);
  if (p->sampler->n) /* not, when all is known from earlier runs */
    amz_planner_keep_sample(p, l->config->host, &sample);
  if (sample.len)
    keep_file(l, "sample.json", &sample);
  amz_buf_clear(&sample);
  tell(l, p);
  (void)amz_loop_bound_plan(l); /* while it was made, a task may have taken more than it knows of */
  rc = amz_loop_take_rank_slots(l);
  if (rc == AMZ_OK)
    rc = follow_chunks(l, p);
  amz_spent_count(&p->spent, amz_clock_monotonic_ns());
  amz_spent_planned(&p->spent, p->total_slots);
  return rc;
}
