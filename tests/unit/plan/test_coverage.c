/* Whether predictions hold as often as they say. Worlds whose tasks' times are known to the last one are run by list scheduling.
 * A prediction is made of what was seen when a tenth of the tasks had ended (or the sample, where that is more), and held against
 * what came of it. Seeded, in virtual time.
 *
 * Oracles: the 90 % that intervals claim, less three standard deviations of a hundred cases, and what few values of a skewed
 * distribution are known to lack. For the error it is the prediction of who knows the distribution, but none of the times to
 * come: who has to learn the mean from k of K tasks is further off by √(K / k), as the variance of K − k tasks meets (K − k)²
 * times that of a mean of k. */
#define _GNU_SOURCE /* qsort_r */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <amorsize/plan.h>
#include <amorsize/rng.h>
#include <amorsize/stats.h>

#include "../../support/tap.h"

#define CASES 100u
#define MOST 240u
#define SLOTS 2u
#define SAMPLED 20u
#define MARGIN 1.3 /* of medians of so many cases */
#define MOODS 3u /* of the machine, each ten times as lasting as the one before it: together about as a flicker */

enum shape { NORMAL, LOGNORMAL, EXPONENTIAL, RISING, WEIGHTED };

/* `mood`: standard deviation of the logarithm of the machine's pace; `unforeseen`: what the planner assumes of it. In the last
 * world a tenth holds too few orders to show that the pace moves, and far more is to come than was assumed. */
static const struct world {
  const char *name;
  enum shape shape;
  double cv;
  uint32_t tasks, sampled, count; /* count: tasks of an order that is told of as one; 0: they are told of one by one */
  double mood, unforeseen;
  double least_inside;            /* of the cases */
} worlds[] = {
  {"alike", NORMAL, 0.05, 100, 8, 0, 0, 0, 0.8},
  {"moderate", NORMAL, 0.3, 200, SAMPLED, 0, 0, 0, 0.74},
  {"exponential", EXPONENTIAL, 1, 200, 50, 0, 0, 0, 0.9},
  {"lognormal", LOGNORMAL, 1.5, 120, 50, 0, 0, 0, 0.77},
  {"rising", RISING, 0.1, 200, SAMPLED, 0, 0, 0, 0.86},
  {"by weight", WEIGHTED, 0.1, 120, SAMPLED, 0, 0, 0, 0.86},
  {"alike, the machine's pace drifts", NORMAL, 0.02, 200, SAMPLED, 0, 0.05, 0.05, 0.77},
  {"orders, the machine's pace drifts", NORMAL, 0.02, 240, 24, 50, 0.05, 0.05, 0.81},
  {"orders, and by a lot", NORMAL, 0.05, 240, 24, 50, 0.15, 0.05, 0.35},
};

struct run {
  const struct world *world;
  struct amz_rng rng;
  double work[MOST];        /* of the tasks, by index */
  double weight[MOST];
  uint32_t order[MOST];     /* position → index: the sample, then the rest of the list, by weight where there are any */
  double mood[MOODS];
  double start[MOST], end[MOST]; /* by position */
  double mean;              /* that the tasks are drawn from */
};

static double lognormal(struct amz_rng *rng, double cv)
{
  double s2 = log(1 + cv * cv);

  return exp(sqrt(s2) * amz_rng_normal(rng) - s2 / 2);
}

static double draw_one(struct run *r, uint32_t index)
{
  const struct world *w = r->world;

  r->weight[index] = 0;
  switch (w->shape) {
  case NORMAL:
    break;
  case LOGNORMAL:
    return lognormal(&r->rng, w->cv);
  case EXPONENTIAL:
    return amz_rng_exponential(&r->rng);
  case RISING:
    return 2 * ((double)index + 5) / (w->tasks + 10) * lognormal(&r->rng, w->cv);
  case WEIGHTED:
    r->weight[index] = lognormal(&r->rng, 1.2);
    return r->weight[index] * lognormal(&r->rng, w->cv);
  }
  return fmax(0.01, 1 + w->cv * amz_rng_normal(&r->rng));
}

static int heaviest_first(const void *a, const void *b, void *arg)
{
  const struct run *r = arg;
  double x = r->weight[*(const uint32_t *)a], y = r->weight[*(const uint32_t *)b];

  return (x < y) - (x > y);
}

/* One of each of as many equal parts as are sampled, in a sequence that is spread; then the others. */
static void put_in_order(struct run *r)
{
  uint32_t n = r->world->tasks, sampled = r->world->sampled, at = 0;
  bool drawn[MOST] = {false};

  for (uint32_t k = 0; k < sampled; k++) {
    uint32_t part = (uint32_t)((uint64_t)k * 7 % sampled), from = part * n / sampled, until = (part + 1) * n / sampled;
    uint32_t index = from + (uint32_t)amz_rng_below(&r->rng, until - from);

    drawn[index] = true;
    r->order[at++] = index;
  }
  for (uint32_t i = 0; i < n; i++)
    if (!drawn[i])
      r->order[at++] = i;
  if (r->world->shape == WEIGHTED)
    qsort_r(r->order + sampled, n - sampled, sizeof *r->order, heaviest_first, r);
}

/* The machine's pace moves with time, about a tenth, one and ten of a hundred of the run's: first-order autoregressions. */
static double pace(struct run *r, double step_s)
{
  double sum = 0, all_s = r->world->tasks / (double)SLOTS;

  for (uint32_t k = 0; k < MOODS; k++) {
    double kept = exp(-step_s / (all_s * 0.01 * pow(10, k)));

    r->mood[k] = kept * r->mood[k] + sqrt(1 - kept * kept) * amz_rng_normal(&r->rng);
    sum += r->mood[k];
  }
  return exp(r->world->mood * sum / sqrt((double)MOODS));
}

/* List scheduling: whoever is free first takes the next one. */
static void play(struct run *r)
{
  double free_s[SLOTS] = {0}, last_s = 0;

  for (uint32_t i = 0; i < r->world->tasks; i++) {
    uint32_t slot = free_s[1] < free_s[0];

    r->start[i] = free_s[slot];
    r->end[i] = r->start[i] + r->work[r->order[i]] * pace(r, fmax(0, r->start[i] - last_s));
    last_s = r->start[i];
    free_s[slot] = r->end[i];
  }
}

static void prepare(struct run *r, const struct world *w, uint64_t seed)
{
  memset(r, 0, sizeof *r);
  r->world = w;
  r->mean = 1;
  amz_rng_seed(&r->rng, seed * 7919 + (uint64_t)(w - worlds));
  for (uint32_t i = 0; i < w->tasks; i++)
    r->work[i] = draw_one(r, i);
  for (uint32_t k = 0; k < MOODS; k++)
    r->mood[k] = amz_rng_normal(&r->rng);
  put_in_order(r);
  play(r);
}

/* As many tasks as the sample has, or a tenth. */
static uint32_t asked_after(const struct world *w)
{
  return w->sampled > w->tasks / 10 ? w->sampled : w->tasks / 10;
}

static double asked_s(const struct run *r)
{
  uint32_t most = asked_after(r->world);
  double ends[MOST], at_s = 0;

  memcpy(ends, r->end, sizeof ends);
  for (uint32_t k = 0; k < most; k++) {
    uint32_t first = 0;

    for (uint32_t i = 1; i < r->world->tasks; i++)
      first = ends[i] < ends[first] ? i : first;
    at_s = ends[first];
    ends[first] = INFINITY;
  }
  return at_s;
}

struct seen {
  struct amz_observation sample[MOST], later[MOST];
  size_t n_sample, n_later;
  struct amz_in_hand in_hand[SLOTS];
  size_t n_in_hand;
  double begun_s;      /* of orders that run */
  uint32_t open[MOST]; /* positions that haven't ended, */
  uint32_t left;       /* so many */
};

static struct amz_observation observe(const struct run *r, uint32_t position)
{
  double wall_s = r->end[position] - r->start[position];
  uint32_t index = r->order[position], count = r->world->count ? r->world->count : 1;

  return (struct amz_observation){.index = (uint64_t)index * count, .weight = r->weight[index], .threads = 1, .busy = SLOTS,
    .wall_s = wall_s / count, .cpu_s = wall_s / count, .count = count};
}

static void look(const struct run *r, double at_s, struct seen *s)
{
  memset(s, 0, sizeof *s);
  for (uint32_t i = 0; i < r->world->tasks; i++) {
    if (r->end[i] <= at_s) {
      if (i < r->world->sampled)
        s->sample[s->n_sample++] = observe(r, i);
      else
        s->later[s->n_later++] = observe(r, i);
      continue;
    }
    s->open[s->left++] = i;
    if (r->start[i] < at_s && r->world->count)
      s->begun_s += at_s - r->start[i];
    else if (r->start[i] < at_s)
      s->in_hand[s->n_in_hand++].for_s = at_s - r->start[i];
  }
}

/* Weights and places of what is left, one part a task. */
static int foresee(const struct run *r, const struct seen *s, struct amz_workload *w)
{
  double weight[MOST], place[MOST];
  const struct amz_rest rest = {r->world->shape == WEIGHTED ? weight : NULL, place, s->left};

  for (uint32_t i = 0; i < s->left; i++) {
    weight[i] = r->weight[r->order[s->open[i]]];
    place[i] = r->order[s->open[i]] / (double)r->world->tasks;
  }
  return amz_workload_foresee(w, &rest);
}

static int foretell(const struct run *r, const struct seen *s, uint64_t seed, struct amz_candidate *ret)
{
  uint32_t count = r->world->count ? r->world->count : 1;
  struct amz_workload w;
  struct amz_plan_input in = {.work = &w, .in_hand = s->in_hand, .n_in_hand = s->n_in_hand, .seed = seed,
                              .unforeseen = amz_assumed(r->world->unforeseen)};
  struct amz_in_hand in_hand[SLOTS];
  int rc = amz_workload_refit(s->sample, s->n_sample, s->later, s->n_later, (uint64_t)r->world->tasks * count, 0.95, &w);

  if (rc < 0)
    return rc;
  if (!r->world->count)
    rc = foresee(r, s, &w);
  w.tasks = (uint64_t)s->left * count;
  w.apart = true;
  memcpy(in_hand, s->in_hand, sizeof in_hand);
  amz_workload_rest(&w, in_hand, s->n_in_hand);
  in.in_hand = in_hand;
  if (rc == AMZ_OK)
    rc = amz_plan_foretell(&in, SLOTS, ret);
  amz_workload_clear(&w);
  return rc;
}

/* Of who knows the distribution, and the tasks' weights and places, and that the machine's pace is 1 in the mean. */
static double told_s(const struct run *r, const struct seen *s, double at_s)
{
  double rest_s = 0;

  for (uint32_t i = 0; i < s->left; i++) {
    uint32_t index = r->order[s->open[i]];
    double expected = r->world->shape == WEIGHTED ? r->weight[index] :
                      r->world->shape == RISING   ? 2 * (index + 5.0) / (r->world->tasks + 10) : r->mean;

    rest_s += expected;
  }
  for (uint32_t i = 0; i < s->n_in_hand; i++)
    rest_s -= r->world->shape == EXPONENTIAL ? 0 : fmin(s->in_hand[i].for_s, r->mean);
  return at_s + (rest_s - s->begun_s) / SLOTS;
}

static int ascending(const void *a, const void *b)
{
  double x = *(const double *)a, y = *(const double *)b;

  return (x > y) - (x < y);
}

static double makespan_of(const struct run *r)
{
  double last_s = 0;

  for (uint32_t i = 0; i < r->world->tasks; i++)
    last_s = fmax(last_s, r->end[i]);
  return last_s;
}

static void test_world(const struct world *world)
{
  double off[CASES], least[CASES], width[CASES];
  uint32_t inside = 0;
  static struct run r;
  static struct seen s;

  for (uint32_t k = 0; k < CASES; k++) {
    double at_s, by_s, makespan_s;
    struct amz_candidate c;

    prepare(&r, world, k);
    at_s = asked_s(&r);
    look(&r, at_s, &s);
    CU_ASSERT_EQUAL_FATAL(foretell(&r, &s, k, &c), AMZ_OK);
    makespan_s = makespan_of(&r);
    by_s = at_s - s.begun_s / SLOTS;
    off[k] = fabs(by_s + c.makespan_s - makespan_s) / makespan_s;
    least[k] = fabs(told_s(&r, &s, at_s) - makespan_s) / makespan_s;
    width[k] = (c.interval_s[1] - c.interval_s[0]) / 2 / makespan_s;
    inside += makespan_s >= by_s + c.interval_s[0] && makespan_s <= by_s + c.interval_s[1];
  }
  qsort(off, CASES, sizeof *off, ascending);
  qsort(least, CASES, sizeof *least, ascending);
  qsort(width, CASES, sizeof *width, ascending);
  printf("# %-35s inside %3u/%u  off %5.2f %% in the median (knowing the distribution: %5.2f %%), interval ± %5.2f %%\n",
         world->name, inside, CASES, 100 * off[CASES / 2], 100 * least[CASES / 2], 100 * width[CASES / 2]);
  if (inside < world->least_inside * CASES)
    CU_FAIL("too few inside the interval");
  if (off[CASES / 2] > MARGIN * sqrt(world->tasks / (double)asked_after(world)) * least[CASES / 2])
    CU_FAIL("further off than it need be");
}

static void test_worlds(void)
{
  for (size_t i = 0; i < sizeof worlds / sizeof *worlds; i++)
    test_world(&worlds[i]);
}

int main(void)
{
  static const struct amz_test tests[] = {{"predictions hold as often as they say", test_worlds}, {NULL, NULL}};

  return amz_test_main("plan: coverage of predictions", tests, 0);
}
