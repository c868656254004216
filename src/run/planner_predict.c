/* What will come of a run: of its plan, of a run too short for one, and again when a tenth of its tasks has ended. */
#include "planner_private.h"

#include <math.h>

#include "outlook.h"

#define TENTH 10u

/* A makespan begins with the first task, before which programs are loaded. Where the clock by which that is told was set
 * meanwhile, it is the loop's begin. */
static double passed(const struct amz_planner *p)
{
  const struct amz_sampler *s = p->sampler;
  double loop_s = (double)(p->asked_ns - s->started_ns) * 1e-9, tasks_s = (double)(p->asked_real_ns - s->first_start_ns) * 1e-9;

  return s->first_start_ns && tasks_s >= 0 && tasks_s <= loop_s ? tasks_s : loop_s;
}

struct amz_prediction amz_planner_predict(const struct amz_planner *p, const struct amz_candidate *c)
{
  double passed_s = passed(p);
  double begun_s = c->slots ? p->in_hand_s / (double)c->slots : 0; /* of the orders whose tasks count as left */
  double by = passed_s - fmin(begun_s, c->makespan_s);

  return (struct amz_prediction){fmax(by + c->makespan_s, passed_s), fmax(by + c->interval_s[0], passed_s),
                                 fmax(by + c->interval_s[1], passed_s)};
}

static bool is_tenth_done(const struct amz_planner *p)
{
  uint64_t done = p->left < p->tasks ? p->tasks - p->left : 0;

  return done >= (p->tasks + TENTH - 1) / TENTH;
}

/* The layout to which sampling has come, where that opened more slots than there were. */
static void keep_found(const struct amz_loop *l, const struct amz_planner *p, struct amz_candidate *c, double cv)
{
  if (p->found_slots <= l->config->layout.slots)
    return;
  c->layout = (struct amz_plan_layout){p->kinds.nodes, p->kinds.most_ranks, p->found_slots, c->layout.threads};
  amz_planner_keep_plan(l, p, c, cv, "what sampling found for tasks that wait", amz_source_name(AMZ_UNKNOWN));
}

void amz_planner_foretell(struct amz_loop *l, struct amz_planner *p, struct amz_workload *w)
{
  struct amz_plan_input in = {.work = w, .want = amz_planner_want(p), .costs = amz_planner_costs(l, p),
                              .unforeseen = p->unforeseen, .seed = p->sampler->seed};
  struct amz_candidate c;

  amz_planner_look_ahead(l, p, w);
  in.in_hand = p->in_hand;
  in.n_in_hand = p->n_in_hand;
  if (p->left > 0 && amz_plan_foretell(&in, p->total_slots, &c) == AMZ_OK) {
    p->predicted = amz_planner_predict(p, &c);
    p->planned_from = w->mean_s.source;
    keep_found(l, p, &c, w->cv);
    if (is_tenth_done(p))
      p->refined = p->predicted;
  }
  amz_workload_clear(w);
  p->state = AMZ_PLANNER_DONE;
}

int amz_planner_look_again(struct amz_loop *l, struct amz_planner *p)
{
  struct amz_master_stats stats;
  struct amz_workload w;
  int rc;

  amz_master_stats(l->master, &stats);
  p->left = stats.waiting + stats.handed_out;
  if (!is_tenth_done(p))
    return AMZ_OK;
  amz_outlook_weigh(p->job, p->sampler->more, p->sampler->n_more);
  rc = amz_sampler_fit_all(p->sampler, &w);
  if (rc < 0)
    return rc;
  if (w.n < AMZ_PLANNER_LEAST_SEEN) {
    amz_workload_clear(&w);
    p->state = AMZ_PLANNER_DONE;
    return AMZ_OK;
  }
  amz_planner_think(l, p, &w, AMZ_PLANNER_LOOKS_AGAIN);
  return AMZ_OK;
}

void amz_planner_take_second(struct amz_planner *p)
{
  if (!amz_think_take(&p->think))
    return;
  if (p->think.rc == AMZ_OK)
    p->refined = amz_planner_predict(p, &p->think.plan.chosen);
  p->state = AMZ_PLANNER_DONE;
}
