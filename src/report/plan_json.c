/* A plan as JSON: the contract's keys (layout, chunk, prediction, constraints, rejected), and all that `--explain` says. */
#include <amorsize/plan_report.h>

#include "object.h"
#include "plan_classes.h"
#include "plan_words.h"

/* `of`: whose classes are told, too; NULL: not told. */
static void put_layout(struct object *o, const struct amz_plan_layout *l, const struct amz_plan_report *of)
{
  struct object layout = object_new();

  put_count(&layout, "nodes", l->nodes);
  put_count(&layout, "ranks_per_node", l->ranks_per_node);
  put_count(&layout, "slots_per_rank", l->slots_per_rank);
  put_count(&layout, "threads_per_task", l->threads);
  if (of)
    put(&layout, "classes", amz_classes_json(of, &layout.ok));
  put_object(o, "layout", &layout);
}

static void put_prediction(struct object *o, const struct amz_candidate *c)
{
  struct object p = object_new(), parts = object_new();

  put_number(&p, "makespan_s", c->makespan_s);
  put(&p, "interval_s", range_json(c->interval_s[0], c->interval_s[1]));
  put_number(&p, "total_s", c->total_s);
  put_number(&p, "speedup", c->speedup);
  put_number(&p, "efficiency", c->efficiency);
  put_number(&p, "core_hours", c->core_hours);
  put_number(&p, "task_s", c->task_s);
  put_number(&p, "contention", c->contention);
  put_text(&p, "by", c->simulated ? "simulator" : "formula");
  put_number(&parts, "launch_s", c->launch_s);
  put_number(&parts, "work_s", c->work_s);
  put_number(&parts, "gap_s", c->gap_s);
  put_number(&parts, "dispatch_s", c->dispatch_s);
  put_number(&parts, "imbalance_s", c->imbalance_s);
  put_number(&parts, "collect_s", c->collect_s);
  put_object(&p, "parts", &parts);
  put_object(o, "prediction", &p);
}

/* A task's time under the layout over that in the sample's circumstances, term by term: plan.h has the formula. */
static void put_terms(struct object *o, const struct amz_plan_terms *t)
{
  struct object x = object_new();

  put_count(&x, "busy_cores", t->busy);
  put_count(&x, "sampled_busy_cores", t->sampled_busy);
  put_number(&x, "active", t->active);
  amz_put_quantity(&x, "thread_speedup", &t->speedup);
  put(&x, "thread_speedup_extrapolated", json_boolean(t->beyond));
  amz_put_quantity(&x, "computing", &t->computing);
  amz_put_quantity(&x, "memory_share", &t->memory_share);
  put(&x, "in_cache", json_boolean(t->in_cache));
  amz_put_quantity(&x, "memory", &t->memory);
  put_number(&x, "neighbours", t->left);
  put_number(&x, "waiting", t->wait);
  put_number(&x, "oversubscribed", t->oversubscribed);
  put_object(o, "terms", &x);
}

static void put_sample(struct object *o, const struct amz_workload *w)
{
  struct object s = object_new();

  amz_put_workload(&s, w);
  put_object(o, "sample", &s);
}

/* What was sought; what doesn't belong to it is null. */
static void put_goal(struct object *o, const struct amz_plan_want *want)
{
  static const char *const names[] = {[AMZ_GOAL_TIME] = "time", [AMZ_GOAL_EFFICIENCY] = "efficiency",
                                      [AMZ_GOAL_DEADLINE] = "deadline"};
  struct object goal = object_new();

  put_text(&goal, "seek", names[want->goal]);
  put(&goal, "efficiency", want->goal == AMZ_GOAL_EFFICIENCY ? number_json(want->efficiency) : json_null());
  put(&goal, "deadline_s", want->goal == AMZ_GOAL_DEADLINE ? number_json(want->deadline_s) : json_null());
  put_object(o, "goal", &goal);
}

static void put_costs(struct object *o, const struct amz_plan_input *in)
{
  const struct amz_plan_costs *c = &in->costs;
  struct object costs = object_new();

  amz_put_quantity(&costs, "gap_s", &c->gap_s);
  amz_put_quantity(&costs, "unforeseen", &in->unforeseen);
  amz_put_quantity(&costs, "chunk_s", &c->chunk_s);
  amz_put_quantity(&costs, "service_s", &c->service_s);
  amz_put_quantity(&costs, "launch_base_s", &c->launch_base_s);
  amz_put_quantity(&costs, "launch_per_rank_s", &c->launch_per_rank_s);
  put_object(o, "costs", &costs);
}

/* A list whose items are made by `fill`. */
static void put_list(struct object *o, const char *key, size_t n, void (*fill)(struct object *item,
                                                                               const struct amz_plan_report *r, size_t i),
                     const struct amz_plan_report *r)
{
  json_t *array = json_array();

  for (size_t i = 0; i < n; i++) {
    struct object item = object_new();

    fill(&item, r, i);
    if (!item.ok || json_array_append(array, item.json) < 0)
      o->ok = false;
    json_decref(item.json);
  }
  put(o, key, array);
}

static void fill_constraint(struct object *item, const struct amz_plan_report *r, size_t i)
{
  const struct amz_plan *p = r->plan;

  put_text(item, "what", p->reasons[i].what);
  put(item, "active", json_boolean(p->reasons[i].active));
  put_text(item, "text", p->reasons[i].text);
  put_text(item, "lifted_by", p->reasons[i].lift);
}

/* `why`: NULL: not said. */
static void put_chunk(struct object *o, const char *policy, double target_s, const char *why)
{
  struct object chunk = object_new();

  put_text(&chunk, "policy", policy);
  put_number(&chunk, "target_s", target_s);
  if (why)
    put_text(&chunk, "why", why);
  put_object(o, "chunk", &chunk);
}

/* Other layouts; then the chosen one with its tasks handed out otherwise. */
static void fill_rejected(struct object *item, const struct amz_plan_report *r, size_t i)
{
  const struct amz_plan *p = r->plan;

  if (i >= p->n_others) {
    const struct amz_chunking *c = &p->chunkings[i - p->n_others];
    struct object prediction = object_new();

    put_layout(item, &p->chosen.layout, NULL);
    put_chunk(item, c->policy, c->chunk_s, NULL);
    put_number(&prediction, "makespan_s", c->makespan_s);
    put_number(&prediction, "total_s", c->total_s);
    put_text(&prediction, "by", "simulator");
    put_object(item, "prediction", &prediction);
    put_text(item, "why_not", c->why_not);
    return;
  }
  put_layout(item, &p->others[i].layout, NULL);
  put_chunk(item, p->others[i].policy, p->others[i].chunk_s, NULL);
  put_prediction(item, &p->others[i]);
  put_text(item, "why_not", p->why_not[i]);
}

static void fill_recommendation(struct object *item, const struct amz_plan_report *r, size_t i)
{
  const struct amz_plan *p = r->plan;

  put_text(item, "text", p->recommendations[i].text);
}

static void put_history(struct object *o, const struct amz_plan_report *r)
{
  struct object h;

  if (r->history_runs == 0) {
    put(o, "history", json_null());
    return;
  }
  h = object_new();
  put_count(&h, "runs", r->history_runs);
  put(&h, "latest_s", json_integer(r->history_latest_s));
  put_object(o, "history", &h);
}

static int add_bytes(const char *bytes, size_t n, void *out)
{
  amz_buf_add(out, bytes, n);
  return amz_buf_ok(out) == AMZ_OK ? 0 : -1;
}

int amz_report_plan_json(const struct amz_plan_report *r, struct amz_buf *out)
{
  const struct amz_plan *p = r->plan;
  struct object o = object_new();
  int rc = AMZ_ENOMEM;

  put_text(&o, "job", r->job);
  put_count(&o, "tasks", r->input->work->tasks);
  put_layout(&o, &p->chosen.layout, r);
  put_count(&o, "slots", p->chosen.slots);
  put_chunk(&o, p->chosen.policy, p->chosen.chunk_s, p->why_chunks);
  put_prediction(&o, &p->chosen);
  put_terms(&o, &p->terms);
  put_text(&o, "why", p->why);
  put_goal(&o, &r->input->want);
  put_number(&o, "theoretical_speedup", p->theoretical_speedup);
  put_number(&o, "serial_s", p->serial.total_s);
  put_number(&o, "unforeseen", p->unforeseen);
  put_number(&o, "break_even_tasks", p->break_even_tasks);
  put_count(&o, "considered", p->considered);
  put_count(&o, "simulated", p->simulated);
  put(&o, "nodes", amz_kinds_json(r->input, &o.ok));
  put_sample(&o, r->input->work);
  put_history(&o, r);
  put_costs(&o, r->input);
  put_list(&o, "constraints", p->n_reasons, fill_constraint, r);
  put_list(&o, "rejected", p->n_others + p->n_chunkings, fill_rejected, r);
  put_list(&o, "recommendations", p->n_recommendations, fill_recommendation, r);
  if (o.ok && json_dump_callback(o.json, add_bytes, out, JSON_INDENT(2) | JSON_REAL_PRECISION(15)) == 0) {
    amz_buf_addc(out, '\n');
    rc = amz_buf_ok(out);
  }
  json_decref(o.json);
  return rc;
}
