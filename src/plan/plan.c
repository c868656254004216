/* A plan: search, the best few simulated, the choice by the user's goal. */
#include "plan_private.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <amorsize/alloc.h>

#define FINALISTS 6u
#define CLOSE 1.02           /* so near to the fastest that the smaller one is preferred */
#define CLOSE_BY_FORMULA 1.05 /* wider: the simulator may move them */
#define WORTH 1.2            /* a smaller speedup isn't worth more than one slot */
#define REPLICATES 12u
#define CHUNK_BUDGET UINT64_C(1000000)
#define REPLICATES_LEAST 3u  /* where slots are so many that the budget doesn't last for more */
#define ROUNDS 5u            /* of looking further when the goal wasn't met */
#define TAIL_TASKS 8u        /* a slot, are played out at least, */
#define TAIL_LEAST 2u        /* or, with the least replicates, so many */
#define PLAYED_LEAST 2u      /* candidates, whatever is left of the budget */
#define CHUNKED 3u           /* of the best, other ways to hand out their tasks are looked for, */
#define CHUNK_SHARE 3u       /* with this part of the budget, and what layouts have left of it */

/* ---- sequences -------------------------------------------------------------------------------------------------------- */

/* Nodes first, then cores used, then ranks: what one has to wait for in a queue, what one takes from others, what can fail. */
static int by_size(const struct amz_candidate *a, const struct amz_candidate *b)
{
  uint64_t cores_a = a->slots * a->layout.threads, cores_b = b->slots * b->layout.threads;

  if (a->layout.nodes != b->layout.nodes)
    return a->layout.nodes < b->layout.nodes ? -1 : 1;
  if (cores_a != cores_b)
    return cores_a < cores_b ? -1 : 1;
  return (a->layout.ranks_per_node > b->layout.ranks_per_node) - (a->layout.ranks_per_node < b->layout.ranks_per_node);
}

static int by_total(const void *a, const void *b)
{
  double x = ((const struct amz_candidate *)a)->total_s, y = ((const struct amz_candidate *)b)->total_s;

  return x > y ? 1 : x < y ? -1 : by_size(a, b);
}

static int by_core_hours(const void *a, const void *b)
{
  double x = ((const struct amz_candidate *)a)->core_hours, y = ((const struct amz_candidate *)b)->core_hours;

  return x > y ? 1 : x < y ? -1 : by_total(a, b);
}

/* ---- goals ------------------------------------------------------------------------------------------------------------ */

struct goal {
  const struct amz_plan_want *want;
  double efficiency; /* that is wanted, or as near to it as can be had */
  /* how much longer runs took in the simulator than by formula, as far as that was tried: expected of the others, too */
  double played;
  uint64_t purse;    /* tasks that layouts may still be played out with, */
  uint64_t spent;    /* and those that they and others were */
  size_t n_played;   /* layouts */
};

/* So many replicates of so many tasks. */
struct extent {
  uint64_t tasks;
  uint32_t replicates;
};

static bool meets_goal(const struct goal *g, const struct amz_candidate *c)
{
  double more = c->simulated ? 1 : g->played;

  switch (g->want->goal) {
  case AMZ_GOAL_EFFICIENCY:
    return c->efficiency / more >= g->efficiency;
  case AMZ_GOAL_DEADLINE: /* the upper end of a two-sided 90 % interval is passed in one of twenty */
    return c->launch_s + c->collect_s + (c->simulated ? c->interval_s[1] : c->makespan_s * more) <= g->want->deadline_s;
  case AMZ_GOAL_TIME:
    break;
  }
  return true;
}

/* Puts those that meet the goal in front, best first. \return how many do; when none does, all by their time. */
static size_t sort_for_goal(const struct goal *g, struct amz_candidate *c, size_t n)
{
  size_t good = 0;

  for (size_t i = 0; i < n; i++)
    if (meets_goal(g, &c[i])) {
      struct amz_candidate swapped = c[good];

      c[good++] = c[i];
      c[i] = swapped;
    }
  qsort(c, good ? good : n, sizeof *c, good && g->want->goal == AMZ_GOAL_DEADLINE ? by_core_hours : by_total);
  return good;
}

/* Where no layout is as efficient as was asked for, those count that are nearly as efficient as any. \return as sort_for_goal. */
static size_t sort_or_relax(struct goal *g, struct amz_candidate *c, size_t n)
{
  size_t good = sort_for_goal(g, c, n);
  double best = 0;

  if (good || g->want->goal != AMZ_GOAL_EFFICIENCY)
    return good;
  for (size_t i = 0; i < n; i++)
    best = fmax(best, c[i].efficiency / (c[i].simulated ? 1 : g->played));
  g->efficiency = fmin(g->efficiency, best / CLOSE);
  return sort_for_goal(g, c, n);
}

/* Moves the smallest of those that are close to the first to place `at`. */
static void bring_small(struct amz_candidate *c, size_t n, size_t at, double close)
{
  size_t best = at;
  struct amz_candidate swapped;

  if (at >= n)
    return;
  for (size_t i = at; i < n && c[i].total_s <= c[0].total_s * close; i++)
    if (by_size(&c[i], &c[best]) < 0)
      best = i;
  swapped = c[at];
  c[at] = c[best];
  c[best] = swapped;
}

/* ---- the best few ----------------------------------------------------------------------------------------------------- */

static uint64_t budget_of(const struct amz_plan_input *in)
{
  return in->chunk_budget ? in->chunk_budget : CHUNK_BUDGET;
}

/* As far as a candidate's share lasts: rather fewer replicates, which are of the same tasks for all, than less than the end of the
 * run. */
static struct extent extent_of(const struct amz_plan_input *in, const struct amz_candidate *c, uint64_t share)
{
  struct extent e = {.replicates = in->replicates ? in->replicates : REPLICATES};
  uint64_t all = in->work->tasks, least = c->slots * TAIL_TASKS;

  least = least < all ? least : all;
  if (least > 0 && share / least < e.replicates)
    e.replicates = share / least > REPLICATES_LEAST ? (uint32_t)(share / least) : REPLICATES_LEAST;
  e.tasks = share / e.replicates;
  if (e.tasks < c->slots * TAIL_LEAST)
    e.tasks = c->slots * TAIL_LEAST;
  e.tasks = e.tasks < all ? e.tasks : all;
  return e;
}

/* Plays out those of the first n that weren't yet. */
static int play_out(const struct amz_plan_input *in, struct goal *g, struct amz_candidate *c, size_t n, double serial_task_s)
{
  uint64_t most = (budget_of(in) - budget_of(in) / CHUNK_SHARE) / FINALISTS, share, cost;
  struct extent e;
  double ratios = 0, by_formula;
  size_t played = 0;
  int rc = AMZ_OK;

  for (size_t i = 0; i < n && rc == AMZ_OK; i++) {
    if (c[i].simulated)
      continue;
    if (g->purse == 0 && g->n_played >= PLAYED_LEAST)
      break;
    share = g->purse < most ? g->purse : most;
    e = extent_of(in, &c[i], share);
    cost = e.tasks * e.replicates;
    by_formula = c[i].makespan_s;
    rc = amz_plan_simulate(in, e.tasks, e.replicates, &c[i]);
    if (rc < 0)
      break;
    g->purse -= cost < g->purse ? cost : g->purse;
    g->spent += cost;
    g->n_played++;
    amz_plan_finish_candidate(in, serial_task_s, &c[i]);
    ratios += by_formula > 0 ? c[i].makespan_s / by_formula : 1;
    played++;
  }
  if (played)
    g->played = ratios / (double)played;
  return rc;
}

/* Finalists to the front: the fastest (or whatever the goal puts first), and the smallest of those that are close. */
static size_t pick_finalists(const struct goal *g, struct amz_candidate *c, size_t n, size_t good)
{
  size_t finalists = good ? good : n;

  finalists = finalists < FINALISTS ? finalists : FINALISTS;
  if (g->want->goal != AMZ_GOAL_TIME)
    return finalists < FINALISTS / 2 ? finalists : FINALISTS / 2; /* what is played first tells where to look next */
  for (size_t i = FINALISTS / 2; i < finalists; i++)
    bring_small(c, good, i, CLOSE_BY_FORMULA);
  return finalists;
}

/* Plays out the best few, and what comes out best then if that wasn't among them. */
static int narrow(const struct amz_plan_input *in, struct goal *g, struct amz_search *s, double serial_task_s)
{
  size_t good = sort_or_relax(g, s->found, s->n);
  int rc = AMZ_OK;

  for (unsigned round = 0; round < ROUNDS && rc == AMZ_OK; round++) {
    rc = play_out(in, g, s->found, pick_finalists(g, s->found, s->n, good), serial_task_s);
    good = sort_or_relax(g, s->found, s->n);
    if (g->want->goal == AMZ_GOAL_TIME || s->found[0].simulated)
      break;
  }
  return rc;
}

/* The simulated ones alone are chosen from. */
static size_t simulated_first(struct amz_candidate *c, size_t n)
{
  size_t first = 0;

  for (size_t i = 0; i < n; i++)
    if (c[i].simulated) {
      struct amz_candidate swapped = c[first];

      c[first++] = c[i];
      c[i] = swapped;
    }
  return first;
}

/* Other ways to hand out the tasks of the best. What the first leaves of the budget is for the next. */
static int try_chunks(const struct amz_plan_input *in, struct goal *g, struct amz_candidate *c, size_t n,
                      double serial_task_s, struct amz_chunk_trial trials[CHUNKED])
{
  uint64_t budget = budget_of(in) > g->spent ? budget_of(in) - g->spent : 0;
  size_t tried = n < CHUNKED ? n : CHUNKED;
  int rc = AMZ_OK;

  (void)sort_for_goal(g, c, n);
  for (size_t i = 0; i < tried && rc == AMZ_OK; i++) {
    rc = amz_plan_try_chunks(in, i + 1 < tried ? budget / 2 : budget, serial_task_s, &c[i], &trials[i]);
    budget -= trials[i].played < budget ? trials[i].played : budget;
    g->spent += trials[i].played;
  }
  return rc;
}

/* Of the layout that was chosen in the end. */
static void keep_chunks(const struct amz_plan_input *in, const struct amz_chunk_trial trials[CHUNKED], struct amz_plan *plan)
{
  bool given = !in->want.policy_free && !in->want.target_free;

  (void)snprintf(plan->why_chunks, sizeof plan->why_chunks, "%s", given ? "as given" : "the default: others weren't tried");
  for (size_t i = 0; i < CHUNKED; i++)
    if (memcmp(&trials[i].layout, &plan->chosen.layout, sizeof trials[i].layout) == 0) {
      memcpy(plan->why_chunks, trials[i].why, sizeof plan->why_chunks);
      memcpy(plan->chunkings, trials[i].tried, sizeof plan->chunkings);
      plan->n_chunkings = trials[i].n;
    }
}

static const char *choose(struct goal *g, struct amz_candidate *c, size_t simulated)
{
  size_t good;

  g->efficiency = g->want->efficiency;
  good = sort_or_relax(g, c, simulated);
  if (good == 0)
    return "the fastest: no layout keeps the deadline with 95 % probability";
  if (g->efficiency < g->want->efficiency)
    return "the fastest of the most efficient: no layout keeps the efficiency";
  switch (g->want->goal) {
  case AMZ_GOAL_DEADLINE:
    return "fewest core-hours that keep the deadline with 95 % probability";
  case AMZ_GOAL_EFFICIENCY:
    return "the fastest that keeps the efficiency";
  case AMZ_GOAL_TIME:
    break;
  }
  bring_small(c, good, 0, CLOSE);
  return "the fastest; within 2 % of it, the smallest";
}

/* ---- all -------------------------------------------------------------------------------------------------------------- */

static bool may_be_serial(const struct amz_plan_input *in)
{
  const struct amz_plan_want *w = &in->want;
  struct amz_plan_bounds bounds;

  amz_plan_bound(in, in->nodes[0].node, in->work->threads, 1, &bounds);
  if (w->slots_per_rank != AMZ_AUTO || amz_plan_most_slots(&bounds) < 1)
    return false;
  if (w->launched) /* ranks that are there are used; one alone may leave its cores to others */
    return w->nodes == 1 && w->ranks_per_node == 1 && (w->threads_per_task == AMZ_AUTO || w->threads_per_task == 1);
  return w->ranks_per_node == AMZ_AUTO && w->nodes == AMZ_AUTO;
}

static const char *why_not(const struct goal *g, const struct amz_plan *plan, const struct amz_candidate *c)
{
  if (plan->chosen.slots == 1)
    return "gains less than a fifth";
  if (!meets_goal(g, c))
    return g->want->goal == AMZ_GOAL_DEADLINE ? "may miss the deadline" : "less efficient than asked for";
  if (g->want->goal == AMZ_GOAL_DEADLINE)
    return "more core-hours";
  return c->total_s < plan->chosen.total_s ? "faster by less than 2 %, and larger" : "no faster";
}

static bool is_chosen(const struct amz_plan *plan, const struct amz_candidate *c)
{
  return memcmp(&plan->chosen.layout, &c->layout, sizeof c->layout) == 0;
}

/* The best of those that weren't chosen. */
static void list_others(const struct goal *g, struct amz_plan *plan, struct amz_candidate *c, size_t n)
{
  qsort(c, n, sizeof *c, by_total);
  for (size_t i = 0; i < n && plan->n_others < AMZ_PLAN_LISTED; i++) {
    if (is_chosen(plan, &c[i]))
      continue;
    plan->why_not[plan->n_others] = why_not(g, plan, &c[i]);
    plan->others[plan->n_others++] = c[i];
  }
}

/* From so many tasks on the layout beats one slot by `least`: launch and imbalance are paid once, each task saves the rest. */
static double break_even(const struct amz_plan *plan, const struct amz_candidate *c, double least, double gap_s)
{
  double once = least * (c->launch_s + c->imbalance_s + c->collect_s) - plan->serial.collect_s;
  double saved = plan->serial.task_s + gap_s - least * (c->task_s + gap_s) / (double)c->slots;

  return c->slots > 1 && saved > 0 ? fmax(2, ceil(once / saved)) : 0;
}

/* Of what was chosen; where that is one slot, of the fastest with more that would be worth it. */
static double break_even_of(const struct amz_plan *plan, double gap_s)
{
  if (plan->chosen.slots > 1)
    return break_even(plan, &plan->chosen, 1, gap_s);
  for (size_t i = 0; i < plan->n_others; i++)
    if (plan->others[i].slots > 1)
      return break_even(plan, &plan->others[i], WORTH, gap_s);
  return 0;
}

/* One slot is a layout like any other, and may have been played out. */
static void choose_serial(struct amz_plan *plan, const struct amz_candidate *c, size_t n)
{
  plan->chosen = plan->serial;
  plan->why = "one task after the other: more slots would gain less than a fifth";
  for (size_t i = 0; i < n; i++)
    if (is_chosen(plan, &c[i]))
      plan->chosen = c[i];
}

static int choose_from(const struct amz_plan_input *in, struct amz_search *s, struct amz_plan *plan)
{
  struct amz_chunk_trial trials[CHUNKED] = {{.n = 0}};
  struct goal g = {.want = &in->want, .efficiency = in->want.efficiency, .played = 1,
                   .purse = budget_of(in) - budget_of(in) / CHUNK_SHARE};
  int rc = narrow(in, &g, s, plan->serial.task_s);

  if (rc < 0)
    return rc;
  plan->considered = s->considered;
  plan->simulated = simulated_first(s->found, s->n);
  if ((rc = try_chunks(in, &g, s->found, (size_t)plan->simulated, plan->serial.task_s, trials)) < 0)
    return rc;
  plan->played_tasks = g.spent;
  plan->why = choose(&g, s->found, (size_t)plan->simulated);
  plan->chosen = s->found[0];
  if (plan->chosen.speedup < WORTH && plan->chosen.slots > 1 && may_be_serial(in) && in->want.goal == AMZ_GOAL_TIME)
    choose_serial(plan, s->found, (size_t)plan->simulated);
  keep_chunks(in, trials, plan);
  plan->n_classes = amz_plan_classes(in, &plan->chosen.layout, plan->classes);
  list_others(&g, plan, s->found, s->n);
  plan->break_even_tasks = break_even_of(plan, in->costs.gap_s.value);
  return AMZ_OK;
}

static double cores_of_all(const struct amz_plan_input *in)
{
  double cores = 0;

  for (size_t i = 0; i < in->n_nodes; i++) {
    struct amz_plan_bounds bounds;

    amz_plan_bound(in, in->nodes[i].node, 1, 1, &bounds); /* slots that wait count for more than cores */
    cores += (double)in->nodes[i].count * bounds.cores * in->nodes[i].speed;
  }
  return cores;
}

static int make(const struct amz_plan_input *in, struct amz_search *s, struct amz_plan *plan, struct amz_error *err)
{
  const struct amz_plan_layout serial = {1, 1, 1, 1};
  int rc = amz_plan_score_in(in, &serial, s->times, &plan->serial);

  if (rc == AMZ_ERANGE) /* nor anywhere else, then */
    amz_plan_infeasible(in, err);
  if (rc < 0 || (rc = amz_plan_doubt(in, s->times, &plan->serial)) < 0 || (rc = amz_plan_search(s)) < 0)
    return rc;
  plan->unforeseen = amz_plan_unforeseen(in);
  plan->theoretical_speedup = fmin(cores_of_all(in), (double)in->work->tasks);
  if (s->n == 0) {
    amz_plan_infeasible(in, err);
    return AMZ_ERANGE;
  }
  rc = choose_from(in, s, plan);
  if (rc == AMZ_OK)
    rc = amz_plan_explain_terms(in, &plan->chosen.layout, &plan->terms);
  return rc < 0 ? rc : amz_plan_explain(in, plan);
}

int amz_plan_make(const struct amz_plan_input *in, struct amz_plan *ret, struct amz_error *err)
{
  struct amz_search s = {.input = in};
  struct amz_plan plan = {.n_others = 0};
  int rc = amz_plan_check(in);

  if (rc < 0)
    return amz_error_set(err, rc, "a plan needs times of tasks, nodes, and a goal that makes sense");
  s.times = amz_new_array(in->work->n, sizeof *s.times);
  rc = s.times ? make(in, &s, &plan, err) : AMZ_ENOMEM;
  free(s.times);
  free(s.found);
  if (rc < 0) {
    amz_plan_clear(&plan);
    return rc == AMZ_ERANGE ? rc : amz_error_set(err, rc, "cannot make a plan: %s", amz_err_name(rc));
  }
  *ret = plan;
  return AMZ_OK;
}

void amz_plan_clear(struct amz_plan *plan)
{
  for (size_t i = 0; i < plan->n_reasons; i++) {
    free(plan->reasons[i].text);
    free(plan->reasons[i].lift);
  }
  for (size_t i = 0; i < plan->n_recommendations; i++)
    free(plan->recommendations[i].text);
  free(plan->reasons);
  free(plan->recommendations);
  memset(plan, 0, sizeof *plan);
}
