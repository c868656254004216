/* How the tasks of a layout are handed out: by which policy, and in chunks of which duration, where the user hasn't said.
 *
 * First of all what stands is held against list scheduling at no cost, which is cheap to play: seldom is there anything to be
 * won. Rivals then play the same tasks on the same ranks (common random numbers), in two heats, a race as of Maron and Moore
 * ("Hoeffding races", NIPS 6, 1993) with as few rounds as there can be: in the first, who falls behind is out at once; the
 * second, of other replicates, decides between the one or two that are left, and ends when that is clear. So whoever was lucky
 * in the first heat has to show it again.
 *
 * Invariants: what was given isn't changed. Nothing is tried where nothing can be won: a run can't be shorter than its work, its
 * longest task, or as many of its shortest as some slot must run. Only whole runs are compared, since chunks of most policies
 * depend on how many tasks there are; what is too long for that is handed out by the default. */
#include "plan_private.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <amorsize/policy.h>
#include <amorsize/stats.h>

#define GAIN 0.02           /* less isn't worth leaving what is known to be robust */
#define HEAT 3u             /* replicates of the first heat */
#define FINAL_LEAST 4u      /* of the second, at least, */
#define FINAL 9u            /* and as many as the budget allows */
#define REPLICATES 12u
#define LEFT 2u             /* rivals in the second */
#define SURE 0.99           /* the gain is none in one of a hundred looks */
#define NEAR 0.03           /* who is slower than the first by more than that won't catch up */
#define SIDED_90 1.645      /* standard deviations to either side */
#define FINE 0.01           /* chunks of a task each cost so small a part of one: what they cost isn't worth saving */
#define EVEN 0.05           /* shares that are off by no more are as good as equal */
#define RIVALS_MAX AMZ_PLAN_CHUNKINGS
#define ALIKE 1.25          /* targets nearer than that are the same */

struct rival {
  const char *policy;
  double chunk_s;
  double sum_s, against_s; /* of the makespans in the heat that it was last in, its own and those of what stands */
  uint32_t plays;
  struct amz_stats won_s; /* by how much it was ahead of what stands, in the same */
  double ratio;           /* its mean makespan over that of what stands, in the same plays */
};

struct race {
  const struct amz_candidate *c;
  struct amz_stage stage;
  struct rival stands, rivals[RIVALS_MAX];
  size_t n;
  double stood_s[HEAT + FINAL]; /* the makespans of what stands, by replicate */
  uint64_t plays, played; /* that the budget allows still; that there were */
};

/* ---- who takes part ---------------------------------------------------------------------------------------------------- */

static void enter(struct race *r, const char *policy, double chunk_s)
{
  if (r->n < RIVALS_MAX && strcmp(policy, r->stands.policy) != 0 && amz_policy_find(policy))
    r->rivals[r->n++] = (struct rival){.policy = policy, .chunk_s = chunk_s};
}

static void enter_target(struct race *r, double target_s)
{
  double others[RIVALS_MAX + 1] = {r->stands.chunk_s};
  size_t n = 1;

  for (size_t i = 0; i < r->n; i++)
    if (strcmp(r->rivals[i].policy, r->stands.policy) == 0)
      others[n++] = r->rivals[i].chunk_s;
  for (size_t i = 0; i < n; i++)
    if (!(target_s > 0) || (target_s < others[i] * ALIKE && others[i] < target_s * ALIKE))
      return;
  if (r->n < RIVALS_MAX)
    r->rivals[r->n++] = (struct rival){.policy = r->stands.policy, .chunk_s = target_s};
}

/* How much longer than its mean the longest of all slots' shares will be, relative: normal sums, and their largest as of Hummel,
 * Schonberg and Flynn 1992. */
static double spread_of_shares(const struct amz_plan_input *in, const struct amz_candidate *c)
{
  double slots = (double)c->slots, each = (double)in->work->tasks / slots;

  return in->work->cv * sqrt(2 * log(slots) / each);
}

/* Those first that win most often (static where a master is busy or chunks are dear and tasks even, factoring where they aren't):
 * a budget may be too small for all. */
static void enter_all(const struct amz_plan_input *in, struct race *r)
{
  static const char *const policies[] = {"static", "fac2", "gss", "fsc", "tss", "static"};
  const struct amz_plan_want *want = &in->want;
  bool even = spread_of_shares(in, r->c) < EVEN;
  double target_s = r->stands.chunk_s;

  if (want->policy_free)
    enter(r, "adaptive", want->chunk_s);
  for (size_t i = !even; i < sizeof policies / sizeof *policies - even && want->policy_free; i++)
    enter(r, policies[i], 0);
  if (!want->target_free || strcmp(r->stands.policy, "adaptive") != 0 || !(target_s > 0))
    return;
  enter_target(r, want->chunk_max_s);
  enter_target(r, want->chunk_min_s);
  enter_target(r, sqrt(want->chunk_max_s * target_s));
  enter_target(r, sqrt(want->chunk_min_s * target_s));
}

/* ---- whether it can matter --------------------------------------------------------------------------------------------- */

/* Whoever hands out: all work is done, the longest task, too, and some slot has at least K/W tasks, rounded up. */
static double least_s(const struct amz_plan_input *in, const struct amz_candidate *c)
{
  double stretch = in->work->mean_s.value > 0 ? c->task_s / in->work->mean_s.value : 1;
  double rounds = ceil((double)in->work->tasks / (double)c->slots);
  double shortest_s = in->work->wall_s[0] * stretch + in->costs.gap_s.value;

  return fmax(fmax(c->work_s + c->gap_s, c->longest_s), in->n_in_hand ? 0 : rounds * shortest_s);
}

/* Tasks longer than any chunk go one by one, and nothing balances better than that; longer chunks would save what chunks cost. */
static bool is_fine_already(const struct amz_plan_input *in, const struct amz_candidate *c)
{
  double each_s = in->costs.chunk_s.value + (double)c->slots * in->costs.service_s.value;

  return strcmp(c->policy, "adaptive") == 0 && c->task_s >= fmax(c->chunk_s, in->want.chunk_max_s) && each_s < FINE * c->task_s;
}

static const char *why_none(const struct amz_plan_input *in, const struct amz_candidate *c)
{
  if (!in->want.policy_free && !in->want.target_free)
    return "as given";
  if (c->slots == 1 || in->work->tasks <= c->slots || is_fine_already(in, c))
    return "tasks go one by one, whoever hands them out";
  if (c->makespan_s * (1 - GAIN) <= least_s(in, c))
    return "no other way could gain 2 %: so little is lost by waiting and handing out";
  return NULL;
}

/* ---- the race ---------------------------------------------------------------------------------------------------------- */

/* \return how many rivals the budget lasts for, with so many rounds of the first heat to come, the second, and what is told of
 * the winner. */
static size_t most_left(const struct race *r, uint32_t rounds)
{
  uint64_t each = rounds + FINAL_LEAST, with = r->plays > HEAT ? (r->plays - HEAT) / each : 0;

  return with > 1 ? (size_t)(with - 1) : 0;
}

/* Fewer rivals where the budget doesn't reach for all of them once, and for one to the end. \return whether there are any. */
static bool fit_budget(struct race *r)
{
  uint64_t least = 2 * (HEAT - 1 + FINAL_LEAST) + HEAT + 1; /* beside a play of each */

  while (r->n > 0 && r->n + least > r->plays)
    r->n--;
  return r->n > 0;
}

static int play_one(struct race *r, struct rival *who, uint32_t replicate, double *ret_s)
{
  int rc = amz_plan_play(&r->stage, who->policy, who->chunk_s, replicate, ret_s);

  who->sum_s += rc == AMZ_OK ? *ret_s : 0;
  who->plays += rc == AMZ_OK;
  r->played++;
  r->plays -= r->plays > 0;
  return rc;
}

/* What stands plays each replicate once, whoever it is held against. */
static int play_stands(struct race *r, uint32_t replicate, double *ret_s)
{
  int rc;

  if (replicate < r->stands.plays) {
    *ret_s = r->stood_s[replicate];
    return AMZ_OK;
  }
  rc = play_one(r, &r->stands, replicate, ret_s);
  if (rc == AMZ_OK)
    r->stood_s[replicate] = *ret_s;
  return rc;
}

static int by_ratio(const void *a, const void *b)
{
  double x = ((const struct rival *)a)->ratio, y = ((const struct rival *)b)->ratio;

  return (x > y) - (x < y);
}

static void start_heat(struct race *r, size_t n)
{
  for (size_t i = 0; i < n; i++) {
    r->rivals[i].sum_s = r->rivals[i].against_s = 0;
    r->rivals[i].plays = 0;
    r->rivals[i].won_s = (struct amz_stats){.count = 0};
  }
}

/* What stands and the first n rivals, one replicate; those are then in the sequence of their times. */
static int play_round(struct race *r, size_t n, uint32_t replicate)
{
  double stands_s = 0, rival_s = 0;
  int rc = play_stands(r, replicate, &stands_s);

  for (size_t i = 0; i < n && rc == AMZ_OK; i++) {
    struct rival *who = &r->rivals[i];

    if ((rc = play_one(r, who, replicate, &rival_s)) < 0)
      break;
    amz_stats_add(&who->won_s, stands_s - rival_s);
    who->against_s += stands_s;
    who->ratio = who->against_s > 0 ? who->sum_s / who->against_s : 1;
  }
  qsort(r->rivals, n, sizeof *r->rivals, by_ratio);
  return rc;
}

/* \return how many of the first n are still in the race: those who are about as fast as the first of them, and as what stands. */
static size_t still_in(const struct race *r, size_t n, double most)
{
  size_t left = 0;

  while (left < n && r->rivals[left].ratio <= fmin(most, r->rivals[0].ratio + NEAR))
    left++;
  return left;
}

/* Whether even tasks that wait for nobody and cost nothing to hand out would end no sooner by enough: what stands is as good as
 * it gets. */
static int ask_for_more(struct race *r, bool *ret_could)
{
  double free_s = 0, stands_s = 0, one_s = 0;
  int rc = AMZ_OK;

  for (uint32_t k = 0; k < HEAT && rc == AMZ_OK; k++) {
    if ((rc = play_stands(r, k, &one_s)) < 0)
      break;
    stands_s += one_s;
    rc = amz_plan_play_free(&r->stage, k, &one_s);
    free_s += one_s;
  }
  *ret_could = rc == AMZ_OK && free_s < stands_s * (1 - GAIN);
  return rc;
}

/* \return whether it is worth taking: by enough, and not by chance. */
static bool has_won(const struct rival *who)
{
  double doubt_s;

  if (who->plays < FINAL_LEAST || who->ratio > 1 - GAIN)
    return false;
  doubt_s = amz_student_quantile(SURE, who->plays - 1) * amz_stats_stddev(&who->won_s) / sqrt(who->plays);
  return who->won_s.mean > doubt_s;
}

/* Until the first of them has won, or none will. */
static int play_final(struct race *r, size_t n, bool *ret_won)
{
  uint32_t rounds = (uint32_t)fmin(FINAL, fmax(FINAL_LEAST, (double)((r->plays > HEAT ? r->plays - HEAT : 0) / (n + 1))));
  int rc = AMZ_OK;

  start_heat(r, n);
  *ret_won = false;
  for (uint32_t k = 0; k < rounds && rc == AMZ_OK && !*ret_won; k++) {
    rc = play_round(r, n, HEAT + k);
    *ret_won = rc == AMZ_OK && has_won(&r->rivals[0]);
    if (k + 1 >= FINAL_LEAST && r->rivals[0].ratio > 1 - GAIN / 2)
      break;
  }
  return rc;
}

/* \return AMZ_OK, *ret: the winner's number, r->n: what stands is as good as any. */
static int run_race(struct race *r, size_t *ret)
{
  size_t left = r->n;
  bool won = false;
  int rc = AMZ_OK;

  *ret = r->n;
  start_heat(r, r->n);
  for (uint32_t k = 0; k < HEAT && rc == AMZ_OK && left > 0; k++) {
    size_t most;

    rc = play_round(r, left, k);
    left = still_in(r, left, k + 1 < HEAT ? 1 : 1 - GAIN / 2);
    most = most_left(r, HEAT - 1 - k);
    left = left < most ? left : most;
  }
  left = left < LEFT ? left : LEFT;
  if (rc == AMZ_OK && left > 0)
    rc = play_final(r, left, &won);
  if (won)
    *ret = 0;
  qsort(r->rivals + won, r->n - won, sizeof *r->rivals, by_ratio);
  return rc;
}

/* ---- what came of it --------------------------------------------------------------------------------------------------- */

static void note(const struct race *r, const struct rival *who, const char *why_not, struct amz_chunk_trial *ret)
{
  double makespan_s = r->c->makespan_s * who->ratio;

  if (ret->n < AMZ_PLAN_CHUNKINGS)
    ret->tried[ret->n++] = (struct amz_chunking){.policy = who->policy, .chunk_s = who->chunk_s, .makespan_s = makespan_s,
      .total_s = makespan_s + r->c->total_s - r->c->makespan_s, .why_not = why_not};
}

static const char *why_not(const struct race *r, const struct rival *who, size_t winner)
{
  if (winner < r->n)
    return who->ratio >= 1 ? "slower" : "not as fast";
  return who->ratio > 1 - GAIN ? "no faster by 2 %" : "may be faster by chance alone";
}

static void add_how(const struct rival *who, char *text, size_t size)
{
  if (who->chunk_s > 0)
    (void)snprintf(text, size, "%s of %g s", who->policy, who->chunk_s);
  else
    (void)snprintf(text, size, "%s", who->policy);
}

/* In the sequence of their times: what stands is one of those that lost, unless it won. */
static void tell(const struct race *r, size_t winner, struct amz_chunk_trial *ret)
{
  bool changed = winner < r->n, stands_told = !changed;
  char before[64], now[64];

  for (size_t i = 0; i < r->n; i++) {
    if (!stands_told && r->rivals[i].ratio >= 1) {
      note(r, &r->stands, "slower", ret);
      stands_told = true;
    }
    if (i != winner)
      note(r, &r->rivals[i], why_not(r, &r->rivals[i], winner), ret);
  }
  if (!stands_told)
    note(r, &r->stands, "slower", ret);
  add_how(&r->stands, before, sizeof before);
  if (!changed) {
    (void)snprintf(ret->why, sizeof ret->why,
                   "none of %zu other ways that were played out is faster than %s by 2 %% beyond chance",
                   r->n, before);
    return;
  }
  add_how(&r->rivals[winner], now, sizeof now);
  (void)snprintf(ret->why, sizeof ret->why, "%s ends %.1f %% sooner than %s, in %u plays of the same tasks", now,
                 100 * (1 - r->rivals[winner].ratio), before, r->rivals[winner].plays);
}

/* What will come of it is played as it was for the layout, on ranks as they are known. */
static int take(const struct amz_plan_input *in, struct race *r, const struct rival *winner, double serial_task_s,
                struct amz_candidate *c)
{
  uint32_t most = in->replicates ? in->replicates : REPLICATES;
  uint32_t plays = (uint32_t)fmin(most, fmax(HEAT, (double)r->plays));
  int rc;

  c->policy = winner->policy;
  c->chunk_s = winner->chunk_s;
  r->played += plays;
  if ((rc = amz_plan_simulate(in, in->work->tasks, plays, c)) < 0)
    return rc;
  /* the formula knows of target durations alone */
  c->dispatch_s = fmin(c->dispatch_s, fmax(0, c->makespan_s - c->work_s - c->gap_s));
  amz_plan_finish_candidate(in, serial_task_s, c);
  return AMZ_OK;
}

static int race_them(const struct amz_plan_input *in, struct race *r, double serial_task_s, struct amz_candidate *c,
                     struct amz_chunk_trial *ret)
{
  struct amz_plan_input fresh = *in;
  bool could = false;
  size_t first;
  int rc;

  fresh.in_hand = NULL; /* those who run already needn't be handed out, by anybody */
  fresh.n_in_hand = 0;
  rc = amz_plan_stage_init(&r->stage, &fresh, c, in->work->tasks);
  r->stage.uneven = amz_plan_unforeseen(in) / SIDED_90;
  if (rc < 0 || (rc = ask_for_more(r, &could)) < 0 || (could && (rc = run_race(r, &first)) < 0))
    return rc;
  if (could) {
    r->stands.ratio = 1;
    tell(r, first, ret);
    rc = first < r->n ? take(in, r, &r->rivals[first], serial_task_s, c) : AMZ_OK;
  } else {
    (void)snprintf(ret->why, sizeof ret->why, "no other way could gain 2 %%: handing out single tasks at no cost wouldn't");
  }
  ret->played = r->played * in->work->tasks;
  return rc;
}

int amz_plan_try_chunks(const struct amz_plan_input *in, uint64_t budget, double serial_task_s, struct amz_candidate *c,
                        struct amz_chunk_trial *ret)
{
  const char *none = why_none(in, c);
  struct race r = {.c = c, .stands = {.policy = c->policy, .chunk_s = c->chunk_s},
                   .plays = in->work->tasks ? budget / in->work->tasks : 0};
  int rc = AMZ_OK;

  *ret = (struct amz_chunk_trial){.layout = c->layout};
  if (!none) {
    enter_all(in, &r);
    if (r.n == 0)
      none = "no other was given to choose from";
    else if (!fit_budget(&r))
      none = "so many tasks weren't played out with others";
  }
  if (none)
    (void)snprintf(ret->why, sizeof ret->why, "%s", none);
  else
    rc = race_them(in, &r, serial_task_s, c, ret);
  amz_plan_stage_clear(&r.stage);
  return rc;
}
