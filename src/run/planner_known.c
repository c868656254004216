/* Costs of earlier runs: a plan is made of them at once, and held against the run's first tasks. */
#include "planner_private.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <amorsize/alloc.h>

#define CHECK_LEAST 5u       /* tasks that are held against what was known, */
#define CHECK_ENOUGH 20u     /* until so many agree with it */

void amz_planner_take_known(const struct amz_loop *l, struct amz_planner *p)
{
  const struct amz_sampler *s = p->sampler;
  struct amz_recall *r = p->recall;

  if (!r || !amz_recall_done(r))
    return;
  p->recall = NULL;
  if (s->done || s->try.now || s->try.emptying)
    return;
  amz_recall_take(r, l->config->observer, &p->known);
  if (p->known.unforeseen.source != AMZ_UNKNOWN)
    p->unforeseen = p->known.unforeseen;
  if (p->known.runs && s->opened)
    amz_sampler_open(p->sampler);
  else if (p->known.runs) /* one task alone has to show that memory suffices */
    p->sampler->try.over = true;
}

int amz_planner_use_known(struct amz_loop *l, struct amz_planner *p)
{
  struct amz_workload w;

  if (amz_history_fit(&p->known, p->sampler->tasks, p->sampler->settings->sample.confidence, &w) < 0)
    return AMZ_ENOMEM;
  if (amz_loop_tell_tasks(l, w.mean_s.value, w.cv * w.mean_s.value) < 0) {
    amz_workload_clear(&w);
    return AMZ_ENOMEM;
  }
  amz_planner_note_stand(l, p);
  /* no plan, if it is still so: this run's tasks will show it */
  if (amz_planner_rest_s(p, &w, p->left) < AMZ_PLANNER_LEAST_REST_S) {
    amz_history_known_clear(&p->known);
    amz_workload_clear(&w);
    return AMZ_OK;
  }
  amz_planner_think(l, p, &w, AMZ_PLANNER_THINKS);
  return AMZ_OK;
}

/* What was seen of a run that follows a plan, as it would have been where the plan's costs come from: a plan opens more slots
 * than there were, or fewer, and says what a task takes then. */
static int seen_as_known(const struct amz_planner *p, struct amz_observation **ret)
{
  const struct amz_sampler *s = p->sampler;
  const struct amz_workload *w = &p->think.work;
  double stretch = w->mean_s.value > 0 ? p->think.plan.chosen.task_s / w->mean_s.value : 1;
  struct amz_observation *as = amz_new_array(s->n, sizeof *as);

  if (!as)
    return AMZ_ENOMEM;
  for (size_t i = 0; i < s->n; i++) {
    as[i] = s->seen[i];
    as[i].threads = w->threads;
    as[i].busy = w->busy;
    as[i].wall_s /= stretch > 0 ? stretch : 1;
  }
  *ret = as;
  return AMZ_OK;
}

int amz_planner_check_known(struct amz_loop *l, struct amz_planner *p)
{
  const struct amz_sampler *s = p->sampler;
  struct amz_observation *seen;
  struct amz_history_drift d;
  bool drifted;
  char text[192];

  if (p->known.runs == 0 || p->checked || s->n == p->checked_at || s->n - s->failed < CHECK_LEAST)
    return AMZ_OK;
  if (seen_as_known(p, &seen) < 0)
    return AMZ_ENOMEM;
  p->checked_at = s->n;
  p->checked = s->done || s->n >= CHECK_ENOUGH;
  drifted = amz_history_drifted(p->known.costs.seen, p->known.costs.n, s->tasks, seen, s->n, s->tasks, &d);
  free(seen);
  if (!drifted)
    return AMZ_OK;
  (void)snprintf(text, sizeof text,
                 "tasks take %.2f times as long as in earlier runs (95 %%: %.2f to %.2f): planning anew from this run's own",
                 d.ratio,
                 d.low, d.high);
  amz_loop_note(l, AMZ_WARNING, text);
  amz_history_known_clear(&p->known);
  memset(p->think.fixed_slots, 0, sizeof p->think.fixed_slots);
  p->planned = false;
  p->state = AMZ_PLANNER_SAMPLES;
  return AMZ_OK;
}
