/* adaptive, the default: chunks of a duration, by what is measured while the run goes on. adaptive.md has the reasoning and the
 * constants' reasons; names here are those used there.
 *
 * State: what a task takes on a slot of mean speed (lately, and ever), how slow each worker is beside that mean, and the size of
 * the present round. A round is P chunks, as in factoring, so that those who ask one after the other get the same.
 * Everything is constant time per ask and per feedback. */
#include <stdlib.h>

#include <amorsize/alloc.h>

#include "policies.h"

#define OWN_TARGET_S 0.2     /* where params say nothing */
#define OWN_RATE 0.3
#define OWN_OVERHEAD_S 20e-6
#define OWN_SERVICE_S 1e-6

#define CUT 16.0             /* a chunk takes at most this part of the time that is left to its slot … */
#define WORTH 15.0           /* … unless it would be shorter than so many overheads */
#define FLOOR 3.0            /* overheads: no chunk is shorter, once its worker's speed is known */
#define REST 2.0             /* overheads: where tasks were told, no further round is kept back for less than that of each slot */
#define YIELD 8.0            /* chunks.min holds as long as it is not more than this part of the time that is left */
#define SERVE 2.0            /* rounds of the master's service that a chunk should last */
#define HELD_SHARE 0.4       /* of its fair share of all unfinished tasks, for a worker that has some in hand */
#define HELD_SERVE 0.5       /* rounds of service that it gets even so, or an overhead, whichever is longer */
#define CAUTION 4.0          /* lately's mean may be this much below ever's before it is believed */
#define CUT_LONGEST 64.0     /* CUT where the longest tasks come first */
#define FIRST_MOST 8.0       /* tasks of a chunk of which nothing is known */
#define FIRST_CUT 4.0
#define OVERTAKEN 0.5        /* share of earlier chunks that aren't told of: what is told of are the short ones … */
#define GROWTH 2.0           /* … and a chunk is at most so many times what each slot has done */

#define SURPRISE 12.0        /* CVs above the mean that make news hard to believe … */
#define SURPRISE_CV 0.3      /* … of tasks that vary as much, at least */
#define SURPRISES 3u         /* in a row, and what was believed is forgotten */

#define DOUBT 0.25           /* variance of a worker's slowness of which nothing is known: half or twice is nothing special */
#define DRIFT 0.125          /* part of DOUBT that comes back per feedback, times rate */
#define EXACT 1e-4           /* variance of a mean that is measured as well as can be */
#define SLOWNESS_MAX 16.0
#define FASTEST 1.25         /* so many times the mean speed is believed of a worker … */
#define FAMILIAR 3u          /* … of which there were fewer feedbacks than these */
#define MEMORY_SLOTS 8.0     /* at least so many chunks are remembered at a rate of 1 */
#define TOLD_TASKS 10.0      /* tasks that the told mean counts for, at least; else one per slot */

struct worker {
  uint32_t slots;  /* 0: hasn't asked yet */
  double slowness; /* time of its tasks over that of the mean slot */
  double doubt;    /* variance of that belief */
  uint32_t told;   /* feedbacks that made it, as far as FAMILIAR */
  uint64_t given;  /* number of its first chunk; 0: none, or told of */
};

struct state {
  uint32_t workers;
  struct worker *of;
  double overhead_s, service_s, target_s, min_s, max_s, rate;
  bool longest_first;
  double told_s;               /* mean of params, 0: unknown */
  double told_cv;
  double stretch;              /* by which chunks are longer because the master serves many, see stretch_of */
  struct amz_seen late, ever;  /* tasks as they would have been on the mean slot */
  unsigned surprises;          /* in a row */
  uint64_t given, told;        /* workers that were given a first chunk, that told of it */
  double before, overtaken;    /* sums over these: others that were given one before, and of them those who hadn't told of it */
  double most_first;           /* tasks of the largest first chunk */
  double pace, doubt;          /* sums over the slots of workers that have asked: 1 / slowness, doubt */
  uint64_t asked_slots;
  uint32_t slots, left;        /* of the round: P, chunks still to come */
  double size, share;          /* of the round: tasks of a chunk on the mean slot, R / P */
};

static double or_own(double given, double own)
{
  return given > 0 ? given : own;
}

static double larger(double a, double b)
{
  return a > b ? a : b;
}

static double smaller(double a, double b)
{
  return a < b ? a : b;
}

/* A sample over the whole list takes the place of what all tasks so far have shown, among which it was: it counts as much. What
 * was seen lately stays, if it is more than a sample's weight. */
static void take_told(struct state *s, const struct amz_policy_params *p)
{
  double least = larger(TOLD_TASKS, (double)p->slots), weight = larger(least, s->ever.tasks);

  s->told_s = p->mean_s;
  s->told_cv = p->stddev_s / p->mean_s;
  s->ever = (struct amz_seen){
    .tasks = weight, .mean_s = p->mean_s, .m2 = weight * p->stddev_s * p->stddev_s, .freedom = weight + 1};
  if (s->late.tasks <= least)
    s->late = s->ever;
}

/* One chunk for each slot, given one after the other so that all end together, takes T + P g / 2: T (1 + r / 2) with r = P g / T.
 * Chunks of sqrt(R mu g) from the first to the last are 2 sqrt(N mu / g) of them, for which the master needs 2 T sqrt(r). Where
 * that is longer, chunks are longer by as much, so that the master doesn't hold up the end. From r = 2 on the last slots would
 * come too late for any; what is least then is sqrt(2) T sqrt(r). */
static double stretch_of(const struct state *s, const struct amz_policy_params *p)
{
  double slots = (double)p->slots, r;

  if (s->told_s <= 0 || p->tasks == 0)
    return 1;
  r = smaller(slots * slots * s->service_s / ((double)p->tasks * s->told_s), 2);
  return larger(2 * sqrt(r) / (1 + r / 2), 1);
}

/* What isn't said stays as it was. */
static void tell(void *state, const struct amz_policy_params *params)
{
  struct state *s = state;

  s->overhead_s = or_own(params->overhead_s, s->overhead_s);
  s->service_s = or_own(params->service_s, s->service_s);
  s->target_s = or_own(params->target_s, s->target_s);
  s->min_s = or_own(params->min_s, s->min_s);
  s->max_s = larger(or_own(params->max_s, s->max_s), s->target_s);
  s->rate = smaller(or_own(params->rate, s->rate), 1);
  if (params->mean_s > 0)
    take_told(s, params);
  s->stretch = stretch_of(s, params);
  s->left = 0; /* what is left of a round was cut without knowing */
}

static int init(void *state, const struct amz_policy_params *params)
{
  struct state *s = state;

  s->workers = params->workers;
  s->of = amz_new_array(params->workers, sizeof *s->of);
  if (!s->of)
    return AMZ_ENOMEM;
  for (uint32_t i = 0; i < s->workers; i++)
    s->of[i] = (struct worker){.slowness = 1, .doubt = DOUBT};
  s->overhead_s = OWN_OVERHEAD_S;
  s->service_s = OWN_SERVICE_S;
  s->target_s = OWN_TARGET_S;
  s->rate = OWN_RATE;
  s->longest_first = params->longest_first;
  s->told_cv = 1;
  tell(s, params);
  return AMZ_OK;
}

static void clear(void *state)
{
  struct state *s = state;

  free(s->of);
}

/* ---- what is believed ------------------------------------------------------------------------------------------------- */

static double cv_of(const struct state *s)
{
  double variance = amz_seen_variance(&s->late);

  return variance < 0 || s->late.mean_s <= 0 ? s->told_cv : sqrt(variance) / s->late.mean_s;
}

/* Of the tasks to come next. Tasks that have become shorter are believed with caution: being wrong would make long chunks. */
static double mean_next(const struct state *s)
{
  return larger(s->late.mean_s, smaller(s->ever.mean_s, CAUTION * s->late.mean_s));
}

/* Of all that remain: a sample over the whole list knows of what comes later. Behind the longest ones there are only shorter
 * ones. */
static double mean_left(const struct state *s)
{
  if (s->longest_first)
    return s->told_s > 0 ? smaller(s->told_s, s->late.mean_s) : s->late.mean_s;
  return larger(s->ever.mean_s, s->told_s);
}

/* Slots of the mean speed that P amounts to; workers that haven't asked are like the others. */
static double pace_of(const struct state *s, const struct amz_policy_ask *ask)
{
  double known = (double)s->asked_slots;

  return s->asked_slots ? (double)ask->slots * larger(s->pace / known, 1 / SLOWNESS_MAX) : (double)ask->slots;
}

/* Short tasks have come to an end, and long ones follow: a mean over thousands of short ones would see that too late. One that is
 * far longer than the others may be chance; several in a row are news. Then what was believed counts no more than what is
 * seen. */
static void note_surprise(struct state *s, const struct amz_policy_feedback *f)
{
  double mean_s = f->wall_s / (double)f->tasks;

  if (mean_s <= s->late.mean_s * (1 + SURPRISE * larger(cv_of(s), SURPRISE_CV))) {
    s->surprises = 0;
    return;
  }
  if (++s->surprises < SURPRISES || s->late.tasks <= (double)f->tasks)
    return;
  amz_seen_fade(&s->late, (double)f->tasks / s->late.tasks);
  s->surprises = 0;
  s->left = 0; /* another round */
}

static void note_tasks(struct state *s, const struct worker *w, const struct amz_policy_feedback *f)
{
  struct amz_policy_feedback on_mean = *f;
  double memory = larger((double)s->asked_slots, MEMORY_SLOTS);

  on_mean.wall_s /= w->slowness;
  on_mean.wall_sq_s2 /= w->slowness * w->slowness;
  if (s->late.mean_s > 0)
    note_surprise(s, &on_mean);
  amz_seen_fade(&s->late, 1 - s->rate / memory);
  amz_seen_add(&s->late, &on_mean);
  amz_seen_add(&s->ever, &on_mean);
}

/* A Kalman filter for one number: `noise` is the variance of what was seen, `doubt` that of what was believed. */
static void note_slowness(struct state *s, struct worker *w, const struct amz_policy_feedback *f)
{
  double seen = f->wall_s / (double)f->tasks / s->late.mean_s, cv = cv_of(s), noise = cv * cv / (double)f->tasks + EXACT;
  double before = 1 / w->slowness, doubt = smaller(w->doubt + s->rate * DRIFT * DOUBT, DOUBT), gain = doubt / (doubt + noise);

  seen = larger(smaller(seen, SLOWNESS_MAX), 1 / SLOWNESS_MAX);
  s->doubt += (double)w->slots * (doubt * (1 - gain) - w->doubt);
  w->doubt = doubt * (1 - gain);
  w->slowness += gain * (seen - w->slowness);
  w->told += w->told < FAMILIAR;
  s->pace += (double)w->slots * (1 / w->slowness - before);
}

/* Who told of its first chunk before others did that were given theirs earlier has had short tasks, or they long ones. */
static void note_overtaken(struct state *s, struct worker *w)
{
  double before = (double)w->given - 1, told = (double)s->told;

  if (w->given == 0)
    return;
  s->told++;
  s->before += before;
  s->overtaken += before > told ? before - told : 0;
  w->given = 0;
}

static void feedback(void *state, const struct amz_policy_feedback *seen)
{
  struct state *s = state;

  if (seen->worker >= s->workers)
    return;
  note_overtaken(s, &s->of[seen->worker]);
  note_tasks(s, &s->of[seen->worker], seen);
  if (s->late.mean_s > 0)
    note_slowness(s, &s->of[seen->worker], seen);
}

static void note_slots(struct state *s, struct worker *w, uint32_t slots)
{
  double more = (double)slots - (double)w->slots;

  if (w->slots == slots)
    return;
  s->asked_slots = s->asked_slots - w->slots + slots;
  s->pace += more / w->slowness;
  s->doubt += more * w->doubt;
  w->slots = slots;
}

/* ---- chunks ----------------------------------------------------------------------------------------------------------- */

/* \return the n for which n + spread · sqrt(n) = budget: so many tasks fit even if they turn out long. */
static double fit(double budget, double spread)
{
  double half = spread / 2, root = sqrt(half * half + budget) - half;

  return root * root;
}

static void begin_round(struct state *s, const struct amz_policy_ask *ask)
{
  double remaining = (double)ask->remaining, slots = (double)ask->slots, pace = pace_of(s, ask), each = remaining / pace;
  double left_s = each * mean_left(s), mean_s = mean_next(s), cv = cv_of(s), among = sqrt(2 * log(slots)), doubt = DOUBT,
      length_s;

  if (s->asked_slots)
    doubt = smaller(larger(s->doubt, 0) / (double)s->asked_slots + s->rate * DRIFT * DOUBT, DOUBT);
  s->slots = s->left = ask->slots;
  s->share = remaining / slots;
  length_s = larger(left_s / (s->longest_first ? CUT_LONGEST : CUT), WORTH * s->overhead_s);
  if (!s->longest_first)
    length_s = larger(length_s, smaller(s->min_s, left_s / YIELD));
  length_s = smaller(length_s, s->target_s);
  s->size = smaller(length_s / mean_s, fit(s->max_s / mean_s, 2 * cv));
  s->size = smaller(s->size, fit(each / (1 + among * sqrt(doubt)), among * cv));
  if (s->told_s > 0 && (each - s->size) * mean_s < REST * s->overhead_s)
    s->size = each;
}

/* \return tasks below which a chunk isn't worth its overhead, or more than the master can serve. */
static double least_of(const struct state *s, const struct worker *w, double slots, double remaining, double mean_s)
{
  double fewest_s = s->stretch * sqrt(remaining * mean_left(s) * s->service_s);
  double serve_s = smaller(SERVE * slots * s->service_s, fewest_s);
  double floor_s = s->overhead_s * (w && w->doubt < DOUBT / 2 ? FLOOR : 1);

  return larger(serve_s, floor_s) / mean_s;
}

/* Not more than an even share, but for a run so short that the master couldn't hand out even shares in time. */
static double most_of(const struct state *s, double remaining)
{
  return s->told_s > 0 ? larger(s->share, sqrt(remaining * s->service_s / mean_left(s))) : s->share;
}

/* What a worker may get that has tasks in hand: its share of all that is unfinished counts. */
static double fair_of(const struct state *s, const struct amz_policy_ask *ask, double slowness, double mean_s)
{
  double unfinished = (double)ask->remaining + (double)ask->held_all;
  double fair = HELD_SHARE * unfinished / pace_of(s, ask) / slowness - (double)ask->held / (double)ask->worker_slots;

  return larger(fair, larger(HELD_SERVE * (double)ask->slots * s->service_s, s->overhead_s) / mean_s);
}

/* A rank is believed to be slow at once, which costs little if it is wrong; and to be fast when it has been so a few times: the
 * first tasks of a rising list are short on any rank. */
static double slowness_of(const struct worker *w)
{
  if (!w)
    return 1;
  return w->told < FAMILIAR ? larger(w->slowness, 1 / FASTEST) : w->slowness;
}

/* Nothing is known yet. */
static uint64_t first_chunk(struct state *s, struct worker *w, double remaining, double slots)
{
  double n = s->longest_first ? 1 : smaller(remaining / (FIRST_CUT * slots), FIRST_MOST);

  s->most_first = larger(s->most_first, n);
  if (w && w->given == 0)
    w->given = ++s->given;
  return amz_ceil_count(n);
}

/* Of what was never told, the first to be told of are the shortest: chunks may only grow with what all have done. */
static double known_of(const struct state *s, double slots)
{
  if (s->told_s > 0 || s->overtaken < OVERTAKEN * s->before || s->before <= 0)
    return INFINITY;
  return larger(s->most_first, GROWTH * s->ever.tasks / slots);
}

static uint64_t next(void *state, const struct amz_policy_ask *ask)
{
  struct state *s = state;
  struct worker *w = ask->worker < s->workers ? &s->of[ask->worker] : NULL;
  double slots = (double)ask->slots, remaining = (double)ask->remaining, slowness = slowness_of(w), mean_s, n;

  if (w)
    note_slots(s, w, ask->worker_slots);
  if (s->late.mean_s <= 0)
    return first_chunk(s, w, remaining, slots);
  if (s->left == 0 || s->slots != ask->slots)
    begin_round(s, ask);
  s->left--;
  mean_s = larger(mean_next(s), mean_left(s));
  n = smaller(larger(s->size, least_of(s, w, slots, remaining, mean_s)), most_of(s, remaining)) / slowness;
  n = smaller(n, known_of(s, slots));
  if (ask->held > 0)
    n = smaller(n, fair_of(s, ask, slowness, mean_s));
  return amz_ceil_count(n - 0.5); /* to the nearest */
}

const struct amz_policy_ops amz_policy_adaptive = {
  .name = "adaptive",
  .summary = "chunks of a duration, shorter towards the end, by what is measured of ranks",
  .source = "ours, see adaptive.md; the default",
  .state_bytes = sizeof(struct state),
  .init = init,
  .clear = clear,
  .next = next,
  .feedback = feedback,
  .tell = tell,
};
