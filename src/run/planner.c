/* Whether and when a run plans, and the slots that it has meanwhile. */
#include "planner_private.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LEAST_TASKS 4u       /* fewer have nothing that a plan could mend, nor a sample of two */

/* ---- whether ------------------------------------------------------------------------------------------------------------- */

static bool has_plan(const struct amz_job *job, uint64_t tasks, uint64_t slots)
{
  const struct amz_settings *s = amz_job_settings(job);

  return s->sample.tasks_max > 0 && !s->resources.threads_column && !s->resources.memory_column && tasks >= LEAST_TASKS &&
      tasks > slots;
}

bool amz_planner_wanted(const struct amz_job *job, uint64_t tasks, uint64_t slots)
{
  return amz_job_settings(job)->plan.slots_per_rank == AMZ_AUTO && has_plan(job, tasks, slots);
}

bool amz_planner_foretells(const struct amz_job *job, uint64_t tasks, uint64_t slots)
{
  return amz_job_settings(job)->plan.slots_per_rank != AMZ_AUTO && has_plan(job, tasks, slots);
}

void amz_planner_begin(struct amz_planner *p)
{
  p->state = AMZ_PLANNER_SAMPLES;
  p->unforeseen = amz_assumed(AMZ_PLAN_UNFORESEEN);
  p->think = (struct amz_think)AMZ_THINK_NONE;
  memcpy(p->think.kinds, p->kinds.items, sizeof p->think.kinds);
  p->think.n_kinds = p->kinds.n;
}

void amz_planner_clear(struct amz_planner *p)
{
  if (p->job)
    amz_think_clear(&p->think);
  amz_history_known_clear(&p->known);
  amz_kinds_clear(&p->kinds);
  free(p->rank_slots);
  free(p->in_hand);
  memset(p, 0, sizeof *p);
}

int amz_planner_fd(const struct amz_planner *p)
{
  return p->think.runs ? p->think.fd : -1;
}

/* ---- slots over time: utilisation is of those that there were ------------------------------------------------------------ */

static void count_slots(struct amz_planner *p, int64_t now_ns)
{
  if (p->counted_ns)
    p->slot_s += p->total_slots * ((double)(now_ns - p->counted_ns) * 1e-9);
  p->counted_ns = now_ns;
}

double amz_planner_slots(struct amz_planner *p, int64_t now_ns, double otherwise)
{
  double all_s;

  if (!p->sampler || !p->sampler->started_ns)
    return otherwise;
  count_slots(p, now_ns);
  all_s = (double)(now_ns - p->sampler->started_ns) * 1e-9;
  return all_s > 0 && p->slot_s > 0 ? p->slot_s / all_s : otherwise;
}

int amz_loop_take_slots(struct amz_loop *l, uint32_t threads, uint32_t slots)
{
  struct amz_planner *p = l->config->planner;

  if (p) {
    count_slots(p, amz_clock_monotonic_ns());
    p->total_slots = amz_loop_slots(l, slots);
    p->found_slots = amz_loop_slots_most(l, slots);
  }
  return amz_loop_shape(l, threads, slots);
}

static uint32_t sum_of(const uint32_t *numbers, uint32_t n)
{
  uint32_t sum = 0;

  for (uint32_t i = 0; i < n; i++)
    sum += numbers[i];
  return sum;
}

int amz_loop_take_rank_slots(struct amz_loop *l)
{
  struct amz_planner *p = l->config->planner;

  count_slots(p, amz_clock_monotonic_ns());
  p->total_slots = sum_of(p->rank_slots, p->kinds.n_ranks);
  return amz_loop_shape_each(l, p->layout.threads, p->rank_slots);
}

/* ---- what it costs ------------------------------------------------------------------------------------------------------- */

/* As long as the sample isn't complete, slots may be kept from running: so many run, or may. */
static double open_slots(const struct amz_loop *l, const struct amz_planner *p)
{
  const struct amz_sampler *s = p->sampler;

  if (!s->opened)
    return p->kinds.nodes;
  return s->try.emptying ? (double)amz_loop_running(l) : p->total_slots;
}

static void count_spent(const struct amz_loop *l, struct amz_planner *p)
{
  const struct amz_sampler *s = p->sampler;
  double slots = s->memory_slots && !p->planned ? amz_loop_slots(l, s->memory_slots) : p->total_slots;

  if (s->started_ns)
    amz_spent_go_on(&p->spent, amz_clock_monotonic_ns(), slots, s->done ? slots : open_slots(l, p));
}

/* ---- each turn ----------------------------------------------------------------------------------------------------------- */

static int end_failing(struct amz_loop *l, const struct amz_planner *p)
{
  struct amz_event drain = {.kind = AMZ_EV_DRAIN, .stop = AMZ_STOP_DRAIN, .grace_ns =
                            amz_job_settings(p->job)->failures.grace_ns};

  l->result->all_failed = true;
  (void)snprintf(l->result->reason, sizeof l->result->reason, "all %zu sampled tasks failed", p->sampler->n);
  return amz_loop_master_event(l, &drain);
}

static int plan_from_sample(struct amz_loop *l, struct amz_planner *p)
{
  struct amz_sampler *s = p->sampler;
  struct amz_workload w;
  int rc = AMZ_OK;

  if (p->known.runs) /* one task alone may have to show that memory suffices */
    return s->opened ? amz_planner_use_known(l, p) : AMZ_OK;
  if (!s->done)
    return AMZ_OK;
  if (p->may_refuse && amz_sampler_all_failed(s)) {
    p->state = AMZ_PLANNER_DONE;
    return end_failing(l, p);
  }
  if (s->n - s->failed < AMZ_PLANNER_LEAST_SEEN)
    return AMZ_OK;
  if (amz_workload_fit(s->seen, s->n, s->tasks, s->settings->sample.confidence, &w) < 0)
    return AMZ_ENOMEM;
  if (w.n >= AMZ_PLANNER_LEAST_SEEN)
    rc = amz_loop_tell_tasks(l, w.mean_s.value, w.cv * w.mean_s.value);
  amz_planner_note_stand(l, p);
  if (rc < 0 || w.n < AMZ_PLANNER_LEAST_SEEN)
    amz_workload_clear(&w);
  else if (amz_planner_rest_s(p, &w, p->left) < AMZ_PLANNER_LEAST_REST_S)
    amz_planner_foretell(l, p, &w);
  else
    amz_planner_think(l, p, &w, AMZ_PLANNER_THINKS);
  return rc;
}

static int take_plan(struct amz_loop *l, struct amz_planner *p)
{
  char text[AMZ_ERROR_TEXT + 64];

  if (!amz_think_take(&p->think))
    return AMZ_OK;
  if (p->think.rc == AMZ_OK)
    return amz_planner_apply(l, p);
  p->state = AMZ_PLANNER_DONE;
  if (p->think.rc == AMZ_ENOMEM)
    return AMZ_ENOMEM;
  (void)snprintf(text, sizeof text, "no plan was made, the run goes on as it began: %s", p->think.err.text);
  amz_loop_note(l, AMZ_WARNING, text);
  return AMZ_OK;
}

static int plan_on(struct amz_loop *l, struct amz_planner *p)
{
  int rc;

  switch (p->state) {
  case AMZ_PLANNER_SAMPLES:
    amz_planner_take_known(l, p);
    return plan_from_sample(l, p);
  case AMZ_PLANNER_THINKS:
    return take_plan(l, p);
  case AMZ_PLANNER_FOLLOWS:
    if ((rc = amz_planner_check_known(l, p)) < 0)
      return rc;
    return p->state == AMZ_PLANNER_FOLLOWS ? amz_planner_look_again(l, p) : AMZ_OK;
  case AMZ_PLANNER_LOOKS_AGAIN:
    amz_planner_take_second(p);
    break;
  case AMZ_PLANNER_DONE:
    break;
  }
  return AMZ_OK;
}

/* Nothing is begun any more: a plan would promise what won't come. A thought that goes on is waited for, and forgotten. */
static void give_up(struct amz_planner *p)
{
  if (!p->think.runs || amz_think_take(&p->think))
    p->state = AMZ_PLANNER_DONE;
}

static bool is_ending(const struct amz_loop *l)
{
  return amz_master_end(l->master) != AMZ_END_RUNNING || *l->result->reason;
}

int amz_loop_plan(struct amz_loop *l)
{
  struct amz_planner *p = l->config->planner;
  int rc = AMZ_OK;

  if (!p || l->master_finished)
    return AMZ_OK;
  if (!p->counted_ns && p->sampler->started_ns)
    p->counted_ns = p->sampler->started_ns;
  if (is_ending(l))
    give_up(p);
  else
    rc = plan_on(l, p);
  count_spent(l, p);
  return rc;
}
