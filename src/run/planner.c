/* When a run plans, from what, and how the plan is applied. */
#include "planner.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <amorsize/alloc.h>
#include <amorsize/plan_report.h>
#include <amorsize/sample_report.h>
#include <amorsize/store.h>

#include "loop_state.h"
#include "outlook.h"

#define LEAST_TASKS 4u       /* fewer have nothing that a plan could mend, nor a sample of two */
#define LEAST_SEEN 2u        /* of one task alone nobody knows the spread */
#define LEAST_REST_S 0.5     /* what is over sooner needs no plan */
#define SPEND 0.01           /* of the time that is left goes into simulating, at most, */
#define CHUNKS_PER_S 1e6     /* at about this rate, */
#define LEAST_CHUNKS 20000.0
#define MOST_CHUNKS 1e6      /* within these bounds */
#define CHECK_LEAST 5u       /* tasks that are held against what was known, */
#define CHECK_ENOUGH 20u     /* until so many agree with it */
#define REPLICATES 12u
#define TENTH 10u
#define IN_HAND_MAX 4096u    /* tasks that run, looked at one by one */

/* ---- whether ------------------------------------------------------------------------------------------------------------- */

static bool has_plan(const struct amz_job *job, uint64_t tasks, uint64_t slots)
{
  const struct amz_settings *s = amz_job_settings(job);

  return s->sample.tasks_max > 0 && !s->resources.threads_column && !s->resources.memory_column && tasks >= LEAST_TASKS && tasks > slots;
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

/* ---- from what ----------------------------------------------------------------------------------------------------------- */

struct amz_plan_want amz_plan_want_of(const struct amz_settings *s)
{
  uint32_t threads = s->plan.threads_per_task;

  if (threads == AMZ_AUTO && s->resources.threads != 1)
    threads = s->resources.threads;
  return (struct amz_plan_want){.goal = s->plan.goal, .efficiency = s->plan.efficiency, .deadline_s = (double)s->plan.deadline_ns * 1e-9,
    .nodes = s->plan.nodes, .ranks_per_node = s->plan.ranks_per_node, .slots_per_rank = s->plan.slots_per_rank, .threads_per_task = threads,
    .max_workers = s->plan.max_workers, .memory_bytes = s->resources.memory_bytes, .memory_ignore = s->plan.memory_ignore,
    .load_aware = s->plan.load_aware, .waits = s->preset == AMZ_PRESET_IO, .gpus = s->resources.gpus, .policy = s->chunks.policy, .chunk_s = (double)s->chunks.target_ns * 1e-9};
}

static uint64_t least_u64(uint64_t a, uint64_t b)
{
  return a < b ? a : b;
}

static uint32_t most_ranks(const struct amz_kinds *k)
{
  uint32_t most = 1;

  for (size_t i = 0; i < k->n; i++)
    most = k->items[i].ranks > most ? k->items[i].ranks : most;
  return most;
}

/* The ranks are there, each with room for so many slots; GPUs have been divided among those already. */
static struct amz_plan_want want_here(const struct amz_planner *p)
{
  const struct amz_settings *s = amz_job_settings(p->job);
  struct amz_plan_want want = amz_plan_want_of(s);

  want.launched = true;
  want.nodes = p->kinds.nodes;
  want.ranks_per_node = most_ranks(&p->kinds);
  want.gpus = 0;
  if (want.goal == AMZ_GOAL_DEADLINE && want.deadline_s <= 0)
    want.goal = AMZ_GOAL_TIME;
  if (amz_job_kind(p->job) != AMZ_TASK_COMMAND || want.slots_per_rank != AMZ_AUTO) /* its programs have been started with their threads; or they were given as the slots were */
    want.threads_per_task = p->sampler->threads;
  if (p->planned) { /* the second look: what will come of what was chosen */
    want.nodes = p->chosen.nodes;
    want.slots_per_rank = p->chosen.slots_per_rank;
    want.threads_per_task = p->chosen.threads;
  }
  return want;
}

static uint64_t chunks_for(double rest_s)
{
  return (uint64_t)fmin(fmax(rest_s * SPEND * CHUNKS_PER_S, LEAST_CHUNKS), MOST_CHUNKS);
}

static double rest_of(const struct amz_planner *p, const struct amz_workload *w, uint64_t left)
{
  return (double)left * w->mean_s.value / p->total_slots;
}

/* Of the other ranks it isn't known: they are taken to be where this one is. Without room for it, the tasks count as not begun. */
static void note_in_hand(const struct amz_loop *l, struct amz_planner *p)
{
  uint32_t slots = amz_worker_busy(l->worker), ranks = p->kinds.n_ranks;
  size_t room = least_u64((uint64_t)slots * ranks, IN_HAND_MAX), own = 0;
  double *for_s = amz_new_array(slots, sizeof *for_s);

  free(p->in_hand);
  p->n_in_hand = 0;
  p->in_hand = amz_new_array(room, sizeof *p->in_hand);
  p->in_hand_s = for_s && p->in_hand ? amz_worker_in_hand_s(l->worker, p->asked_ns, for_s, slots, &own) * ranks : 0;
  for (; p->n_in_hand < least_u64((uint64_t)own * ranks, room); p->n_in_hand++)
    p->in_hand[p->n_in_hand] = (struct amz_in_hand){.for_s = for_s[p->n_in_hand % own]};
  free(for_s);
}

static void note_stand(struct amz_loop *l, struct amz_planner *p)
{
  struct amz_master_stats stats;

  amz_master_stats(l->master, &stats);
  p->left = stats.waiting + stats.handed_out;
  p->asked_ns = amz_clock_monotonic_ns();
  note_in_hand(l, p);
}

/* Takes *w over: what is left, as it is foreseen. */
static void look_ahead(struct amz_loop *l, struct amz_planner *p, struct amz_workload *w)
{
  if (amz_outlook_foresee(p->job, l->config->order, amz_order_count(l->config->order) - p->left, w) < 0) /* a plan without is a plan, too */
    amz_loop_note(l, AMZ_WARNING, "tasks could not be foreseen from their weights or places");
  w->tasks = p->left;
  w->apart = true; /* what was seen is done */
  amz_workload_rest(w, p->in_hand, p->n_in_hand);
}

static struct amz_plan_costs costs_of(const struct amz_planner *p)
{
  struct amz_plan_costs costs = {.gap_s = amz_sampler_gap(p->sampler)};
  double start_s = amz_ramp_start_s(&p->sampler->ramp);

  if (costs.gap_s.source == AMZ_UNKNOWN)
    costs.gap_s = p->known.costs.gap_s;
  if (start_s > 0 && costs.gap_s.source != AMZ_UNKNOWN) {
    start_s = fmin(start_s, costs.gap_s.value); /* it is part of it */
    costs.start_s = (struct amz_quantity){.value = start_s, .low = start_s, .high = start_s, .n = 1, .source = AMZ_SAMPLED};
  }
  return costs;
}

/* ---- thinking ------------------------------------------------------------------------------------------------------------ */

/* Takes *w over. \return whether it thinks now. */
static bool begin_to_think(struct amz_loop *l, struct amz_planner *p, struct amz_workload *w, enum amz_planner_state next)
{
  struct amz_think *t = &p->think;
  struct amz_error cause;

  note_stand(l, p);
  look_ahead(l, p, w);
  amz_workload_clear(&t->work);
  t->work = *w;
  t->input = (struct amz_plan_input){.want = want_here(p), .seed = p->sampler->seed, .replicates = REPLICATES,
                                     .unforeseen = p->unforeseen, .chunk_budget = chunks_for(rest_of(p, w, p->left))};
  t->input.costs = costs_of(p);
  t->input.in_hand = p->in_hand;
  t->input.n_in_hand = p->n_in_hand;
  if (p->left == 0 || amz_think_begin(t, &cause) < 0) { /* a run without a plan is a run */
    p->state = AMZ_PLANNER_DONE;
    return false;
  }
  p->state = next;
  return true;
}

/* Of the launch as a whole: what has passed, and what is left, less what runs has done already. */
static struct amz_prediction predict(const struct amz_planner *p, const struct amz_candidate *c)
{
  double passed_s = (double)(p->asked_ns - p->sampler->started_ns) * 1e-9;
  double begun_s = c->slots ? p->in_hand_s / (double)c->slots : 0; /* of the orders whose tasks count as left */
  double by = passed_s - fmin(begun_s, c->makespan_s);

  return (struct amz_prediction){fmax(by + c->makespan_s, passed_s), fmax(by + c->interval_s[0], passed_s), fmax(by + c->interval_s[1], passed_s)};
}

/* ---- applying ------------------------------------------------------------------------------------------------------------ */

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

static void keep_plan(const struct amz_loop *l, const struct amz_planner *p, const struct amz_candidate *c, const char *why, const char *node_source)
{
  const struct amz_settings *s = amz_job_settings(p->job);
  struct amz_plan_file f = {.job = amz_job_name(p->job), .layout = c->layout, .policy = s->chunks.policy, .target_ns = s->chunks.target_ns,
    .predicted = p->predicted, .tasks = p->tasks, .speedup = c->speedup, .efficiency = c->efficiency, .why = why,
    .costs = amz_source_name(p->planned_from), .node = node_source};
  struct amz_buf text = AMZ_BUF_INIT;

  amz_report_plan_file(&f, &text);
  keep_file(l, "plan.yaml", &text);
}

void amz_planner_keep_sample(const struct amz_planner *p, const char *host, struct amz_buf *out)
{
  const struct amz_sampler *s = p->sampler;
  const struct amz_sample sample = {.job = (char *)(uintptr_t)amz_job_name(p->job), .host = (char *)(uintptr_t)host, .tasks = amz_job_tasks(p->job),
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
  struct amz_plan_told told = {.report = {amz_job_name(p->job), &p->think.input, &p->think.plan, known ? p->known.runs : 0, p->known.latest_s},
                               .predicted = p->predicted, .sampled = known ? p->known.costs.n : p->sampler->n, .node = p->think.node_source};

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

static int apply(struct amz_loop *l, struct amz_planner *p)
{
  struct amz_buf sample = AMZ_BUF_INIT;
  int rc;

  if (choose_slots(p) < 0)
    return AMZ_ENOMEM;
  p->planned = true;
  p->planned_from = p->think.work.mean_s.source;
  p->predicted = predict(p, &p->think.plan.chosen);
  p->state = AMZ_PLANNER_FOLLOWS;
  keep_plan(l, p, &p->think.plan.chosen, p->think.plan.why, p->think.node_source);
  amz_planner_keep_sample(p, l->config->host, &sample);
  if (sample.len && p->sampler->n)
    keep_file(l, "sample.json", &sample);
  tell(l, p);
  (void)amz_loop_bound_plan(l); /* while it was made, a task may have taken more than it knows of */
  rc = amz_loop_take_rank_slots(l);
  amz_spent_count(&p->spent, amz_clock_monotonic_ns());
  amz_spent_planned(&p->spent, p->total_slots);
  return rc;
}

/* ---- each turn ----------------------------------------------------------------------------------------------------------- */

static int end_failing(struct amz_loop *l, const struct amz_planner *p)
{
  struct amz_event drain = {.kind = AMZ_EV_DRAIN, .stop = AMZ_STOP_DRAIN, .grace_ns = amz_job_settings(p->job)->failures.grace_ns};

  l->result->all_failed = true;
  (void)snprintf(l->result->reason, sizeof l->result->reason, "all %zu sampled tasks failed", p->sampler->n);
  return amz_loop_master_event(l, &drain);
}

/* Costs that are known need no sample. */
static int plan_from_known(struct amz_loop *l, struct amz_planner *p)
{
  struct amz_workload w;

  if (amz_history_fit(&p->known, p->sampler->tasks, p->sampler->settings->sample.confidence, &w) < 0)
    return AMZ_ENOMEM;
  note_stand(l, p);
  if (rest_of(p, &w, p->left) < LEAST_REST_S) { /* not worth a plan, if it is still so: this run's own tasks will show it */
    amz_history_known_clear(&p->known);
    amz_workload_clear(&w);
    return AMZ_OK;
  }
  (void)begin_to_think(l, p, &w, AMZ_PLANNER_THINKS);
  return AMZ_OK;
}

/* What was seen of a run that follows a plan, as it would have been where the plan's costs come from: a plan opens more slots than there were, or
 * fewer, and says what a task takes then. */
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

/* Whether this run's first tasks, which are drawn from all of them, take as long as was known. If not, it samples and plans as if nothing had been. */
static int check_known(struct amz_loop *l, struct amz_planner *p)
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
  (void)snprintf(text, sizeof text, "tasks take %.2f times as long as in earlier runs (95 %%: %.2f to %.2f): planning anew from this run's own", d.ratio, d.low,
                 d.high);
  amz_loop_note(l, AMZ_WARNING, text);
  amz_history_known_clear(&p->known);
  memset(p->think.fixed_slots, 0, sizeof p->think.fixed_slots);
  p->planned = false;
  p->state = AMZ_PLANNER_SAMPLES;
  return AMZ_OK;
}

/* What is known comes too late when the run's own sample is complete, or threads are being tried. */
static void take_known(const struct amz_loop *l, struct amz_planner *p)
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

static bool is_tenth_done(const struct amz_planner *p)
{
  return p->tasks - least_u64(p->left, p->tasks) >= (p->tasks + TENTH - 1) / TENTH;
}

/* The layout to which sampling has come, where that opened more slots than there were. */
static void keep_found(const struct amz_loop *l, const struct amz_planner *p, struct amz_candidate *c)
{
  if (p->found_slots <= l->config->layout.slots)
    return;
  c->layout = (struct amz_plan_layout){p->kinds.nodes, p->kinds.most_ranks, p->found_slots, c->layout.threads};
  keep_plan(l, p, c, "what sampling found for tasks that wait", amz_source_name(AMZ_UNKNOWN));
}

/* What is over soon needs no other layout, nor a thread to look for one; what will come of this one is said all the same. Takes *w over. */
static void foretell(struct amz_loop *l, struct amz_planner *p, struct amz_workload *w)
{
  struct amz_plan_input in = {.work = w, .want = {.chunk_s = (double)amz_job_settings(p->job)->chunks.target_ns * 1e-9}, .costs = costs_of(p),
                              .unforeseen = p->unforeseen, .seed = p->sampler->seed};
  struct amz_candidate c;

  look_ahead(l, p, w);
  in.in_hand = p->in_hand;
  in.n_in_hand = p->n_in_hand;
  if (p->left > 0 && amz_plan_foretell(&in, p->total_slots, &c) == AMZ_OK) {
    p->predicted = predict(p, &c);
    p->planned_from = w->mean_s.source;
    keep_found(l, p, &c);
    if (is_tenth_done(p))
      p->refined = p->predicted;
  }
  amz_workload_clear(w);
  p->state = AMZ_PLANNER_DONE;
}

static int plan_from_sample(struct amz_loop *l, struct amz_planner *p)
{
  struct amz_sampler *s = p->sampler;
  struct amz_workload w;

  if (p->known.runs) /* one task alone may have to show that memory suffices */
    return s->opened ? plan_from_known(l, p) : AMZ_OK;
  if (!s->done)
    return AMZ_OK;
  if (p->may_refuse && amz_sampler_all_failed(s)) {
    p->state = AMZ_PLANNER_DONE;
    return end_failing(l, p);
  }
  if (s->n - s->failed < LEAST_SEEN)
    return AMZ_OK;
  if (amz_workload_fit(s->seen, s->n, s->tasks, s->settings->sample.confidence, &w) < 0)
    return AMZ_ENOMEM;
  note_stand(l, p);
  if (w.n < LEAST_SEEN)
    amz_workload_clear(&w);
  else if (rest_of(p, &w, p->left) < LEAST_REST_S)
    foretell(l, p, &w);
  else
    (void)begin_to_think(l, p, &w, AMZ_PLANNER_THINKS);
  return AMZ_OK;
}

static int take_plan(struct amz_loop *l, struct amz_planner *p)
{
  char text[AMZ_ERROR_TEXT + 64];

  if (!amz_think_take(&p->think))
    return AMZ_OK;
  if (p->think.rc == AMZ_OK)
    return apply(l, p);
  p->state = AMZ_PLANNER_DONE;
  if (p->think.rc == AMZ_ENOMEM)
    return AMZ_ENOMEM;
  (void)snprintf(text, sizeof text, "no plan was made, the run goes on as it began: %s", p->think.err.text);
  amz_loop_note(l, AMZ_WARNING, text);
  return AMZ_OK;
}

static int look_again(struct amz_loop *l, struct amz_planner *p)
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
  if (w.n < LEAST_SEEN) {
    amz_workload_clear(&w);
    p->state = AMZ_PLANNER_DONE;
    return AMZ_OK;
  }
  (void)begin_to_think(l, p, &w, AMZ_PLANNER_LOOKS_AGAIN);
  return AMZ_OK;
}

static void take_second(struct amz_planner *p)
{
  if (!amz_think_take(&p->think))
    return;
  if (p->think.rc == AMZ_OK)
    p->refined = predict(p, &p->think.plan.chosen);
  p->state = AMZ_PLANNER_DONE;
}

static int plan_on(struct amz_loop *l, struct amz_planner *p)
{
  int rc;

  switch (p->state) {
  case AMZ_PLANNER_SAMPLES:
    take_known(l, p);
    return plan_from_sample(l, p);
  case AMZ_PLANNER_THINKS:
    return take_plan(l, p);
  case AMZ_PLANNER_FOLLOWS:
    if ((rc = check_known(l, p)) < 0)
      return rc;
    return p->state == AMZ_PLANNER_FOLLOWS ? look_again(l, p) : AMZ_OK;
  case AMZ_PLANNER_LOOKS_AGAIN:
    take_second(p);
    break;
  case AMZ_PLANNER_DONE:
    break;
  }
  return AMZ_OK;
}

int amz_loop_plan(struct amz_loop *l)
{
  struct amz_planner *p = l->config->planner;
  int rc;

  if (!p || l->master_finished)
    return AMZ_OK;
  if (!p->counted_ns && p->sampler->started_ns)
    p->counted_ns = p->sampler->started_ns;
  rc = plan_on(l, p);
  count_spent(l, p);
  return rc;
}
