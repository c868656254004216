/* Changed costs are noticed, chance and what is merely in another order isn't taken for change. */
#include <math.h>
#include <string.h>

#include <amorsize/history.h>
#include <amorsize/rng.h>

#include "../../support/tap.h"

enum { MOST = 64, LIST = 1000 };

struct set {
  struct amz_observation o[MOST];
  size_t n;
};

static struct amz_observation *add(struct set *s, double wall_s)
{
  struct amz_observation *o = &s->o[s->n];

  *o = (struct amz_observation){.index = s->n * LIST / MOST, .threads = 1, .busy = 4, .wall_s = wall_s, .cpu_s = wall_s};
  s->n++;
  return o;
}

/* Times ended by 0. */
static struct set set_of(const double *wall_s)
{
  struct set s = {.n = 0};

  for (; *wall_s > 0; wall_s++)
    (void)add(&s, *wall_s);
  return s;
}

static bool drifted(const struct set *known, const struct set *seen, struct amz_history_drift *ret)
{
  return amz_history_drifted(known->o, known->n, LIST, seen->o, seen->n, LIST, ret);
}

static void test_small_tables(void)
{
  static const struct {
    const char *row;
    double known[8], seen[8];
    bool drifted;
    double ratio;
  } rows[] = {
    {"the same", {1, 1.1, 0.9, 1}, {1, 1.1, 0.9, 1}, false, 1},
    {"twice as long, steady times", {1, 1.01, 0.99, 1}, {2, 2.02, 1.98}, true, 2},
    {"half as long", {1, 1.01, 0.99, 1}, {0.5, 0.5, 0.5}, true, 0.5},
    {"one task alone, twice as long", {1, 1.01, 0.99, 1}, {2}, true, 2},
    {"a fifth longer, however sure", {1, 1, 1, 1, 1}, {1.2, 1.2, 1.2, 1.2}, false, 1.2},
    {"a fifth shorter, however sure: its inverse is just 1.25", {1, 1, 1, 1, 1}, {0.81, 0.81, 0.81}, false, 0.81},
    {"a third longer, for sure", {1, 1, 1, 1, 1}, {1.34, 1.33, 1.32}, true, 1.33},
    {"twice as long, but so wild that it may be chance", {1, 0.2, 3, 0.4}, {2.3}, false, 2},
    {"nothing was known", {0}, {1, 1, 1}, false, 1},
    {"nothing is seen", {1, 1, 1}, {0}, false, 1},
    {"one and one tell nothing", {1}, {5}, false, 1},
  };

  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    struct set known = set_of(rows[i].known), seen = set_of(rows[i].seen);
    struct amz_history_drift d;

    ASSERT_ROW_U64(rows[i].row, drifted(&known, &seen, &d), rows[i].drifted);
    CU_ASSERT_DOUBLE_EQUAL(d.ratio, rows[i].ratio, 1e-9);
    CU_ASSERT(d.low <= d.ratio && d.ratio <= d.high);
  }
}

/* ln 2 ± t · √(cv²(1/4 + 1/4)); both have mean 1 (or 2) and variance 0.02/3, so cv² = 0.02/3 (the second's is scaled by 4 over
 * 4); t(0.95, 6) = 2.446912 from tables. */
static void test_interval(void)
{
  struct set known = set_of((const double[]){0.9, 1.1, 1, 1, 0}), seen = set_of((const double[]){1.8, 2.2, 2, 2, 0});
  double half = 2.446912 * sqrt(0.02 / 3 * 0.5);
  struct amz_history_drift d;

  CU_ASSERT(drifted(&known, &seen, &d));
  CU_ASSERT_DOUBLE_EQUAL(d.low, 2 * exp(-half), 1e-5);
  CU_ASSERT_DOUBLE_EQUAL(d.high, 2 * exp(half), 1e-5);
  ASSERT_U64(d.known, 4);
  ASSERT_U64(d.seen, 4);
}

static void test_only_what_is_alike_is_compared(void)
{
  static const struct {
    const char *row;
    uint32_t threads, busy;
    bool failed, drifted;
  } rows[] = {
    {"the same circumstances", 1, 4, false, true},
    {"three of four slots busy", 1, 3, false, true},
    {"alone", 1, 1, false, false},
    {"many more neighbours", 1, 64, false, false},
    {"more threads", 4, 4, false, false},
    {"failures tell nothing of time", 1, 4, true, false},
  };

  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    struct set known = set_of((const double[]){1, 1, 1, 1, 1, 0}), seen = {.n = 0};

    for (int k = 0; k < 5; k++) {
      struct amz_observation *o = add(&seen, 3);

      o->threads = rows[i].threads;
      o->busy = rows[i].busy;
      o->failed = rows[i].failed;
    }
    ASSERT_ROW_U64(rows[i].row, drifted(&known, &seen, NULL), rows[i].drifted);
  }
}

/* Weights 1, 2, 4 … 512; time 10 ms a unit. */
static struct set weighted(double unit_s, unsigned first)
{
  struct set s = {.n = 0};

  for (unsigned k = first; k < 10; k++)
    add(&s, unit_s * (1 << k))->weight = 1 << k;
  return s;
}

static void test_longest_first_is_no_change(void)
{
  struct set known = weighted(0.01, 0), longest = weighted(0.01, 7), slower = weighted(0.02, 7);
  struct amz_history_drift d;

  CU_ASSERT_FALSE(drifted(&known, &longest, &d));
  CU_ASSERT_DOUBLE_EQUAL(d.ratio, 1, 1e-9);
  CU_ASSERT(drifted(&known, &slower, &d));
  CU_ASSERT_DOUBLE_EQUAL(d.ratio, 2, 1e-9);
}

/* Times that rise along the list by half; what is seen is its begin, of a list of another length. */
static struct set rising(double factor, size_t n, uint64_t list)
{
  struct set s = {.n = 0};

  for (size_t k = 0; k < n; k++) {
    struct amz_observation *o = add(&s, 1);

    o->index = k * list / MOST;
    o->wall_s = factor * (0.75 + 0.5 * (double)o->index / (double)list);
  }
  return s;
}

static void test_a_rising_list_is_no_change(void)
{
  struct set known = rising(1, MOST, LIST), begin = rising(1, 4, 100 * LIST), slower = rising(1.5, 4, 100 * LIST);

  CU_ASSERT_FALSE(amz_history_drifted(known.o, known.n, LIST, begin.o, begin.n, 100 * LIST, NULL));
  CU_ASSERT(amz_history_drifted(known.o, known.n, LIST, slower.o, slower.n, 100 * LIST, NULL));
}

/* A list that begins near nothing: a short task that took some milliseconds more doesn't outweigh the long ones. */
static void test_short_tasks_count_for_little(void)
{
  struct set known = {.n = 0}, seen = {.n = 0};

  for (size_t k = 0; k < 20; k++) {
    add(&known, 0.005 * (double)k + 0.001)->index = k * LIST / 20;
    add(&seen, 0.005 * (double)k + 0.006)->index = k * LIST / 20;
  }
  CU_ASSERT_FALSE(drifted(&known, &seen, NULL));
}

/* Draws from a lognormal of mean `mean` and the given CV. */
static struct set draw(struct amz_rng *rng, size_t n, double mean, double cv)
{
  double variance = log1p(cv * cv);
  struct set s = {.n = 0};

  while (s.n < n)
    (void)add(&s, mean * exp(sqrt(variance) * amz_rng_normal(rng) - variance / 2));
  for (size_t i = 0; i < n; i++)
    s.o[i].index = amz_rng_below(rng, LIST);
  return s;
}

/* How many of 1000 pairs of samples are said to have drifted. */
static unsigned alarms(double cv, size_t seen, double ratio)
{
  struct amz_rng rng;
  unsigned n = 0;

  amz_rng_seed(&rng, 42);
  for (int i = 0; i < 1000; i++) {
    struct set a = draw(&rng, 50, 1, cv), b = draw(&rng, seen, ratio, cv);

    n += drifted(&a, &b, NULL);
  }
  return n;
}

/* At 95 % one in twenty of unchanged samples lies outside; the bar of 25 % takes the smaller ones of them away. */
static void test_rates(void)
{
  static const struct {
    const char *row;
    double cv;
    size_t seen;
    double ratio;
    unsigned least, most; /* of 1000 */
  } rows[] = {
    {"unchanged, steady, one seen", 0.1, 1, 1, 0, 60},
    {"unchanged, steady, ten seen", 0.1, 10, 1, 0, 5},
    {"unchanged, moderate, five seen", 0.5, 5, 1, 0, 70},
    {"unchanged, heavy tail, three seen", 2, 3, 1, 0, 90},
    {"unchanged, heavy tail, twenty seen", 2, 20, 1, 0, 90},
    {"twice, steady, one seen", 0.1, 1, 2, 990, 1000},
    {"twice, moderate, eight seen", 0.3, 8, 2, 990, 1000},
    {"half, moderate, eight seen", 0.3, 8, 0.5, 990, 1000},
    {"half as long again, twenty seen", 0.3, 20, 1.5, 950, 1000},
    {"a tenth, moderate, twenty seen: below the bar", 0.3, 20, 1.1, 0, 60},
  };

  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    unsigned n = alarms(rows[i].cv, rows[i].seen, rows[i].ratio);

    if (n < rows[i].least || n > rows[i].most)
      ASSERT_ROW_U64(rows[i].row, n, n < rows[i].least ? rows[i].least : rows[i].most);
  }
}

static void test_strange_numbers(void)
{
  struct set known = set_of((const double[]){1, 1, 1, 0}), seen = set_of((const double[]){2, 2, 2, 0});

  seen.o[0].wall_s = INFINITY;
  seen.o[1].wall_s = NAN;
  seen.o[2].wall_s = 0;
  CU_ASSERT_FALSE(drifted(&known, &seen, NULL));
  CU_ASSERT_FALSE(amz_history_drifted(NULL, 0, 0, NULL, 0, 0, NULL));
  seen.o[2] = (struct amz_observation){.index = UINT64_MAX, .threads = 1, .busy = 4, .wall_s = 9, .weight = 1e300};
  CU_ASSERT(drifted(&known, &seen, NULL)); /* weights of which nothing is known */
}

/* By hand: errors of ± 4 % each have a root mean square of 4 %; Student's t for 90 % is 2.015 with 5 degrees of freedom, 1.725
 * with 20. */
static void test_unforeseen(void)
{
  static const struct {
    const char *what;
    double ratios[20];
    size_t n;
    double value; /* 0: unknown */
  } rows[] = {
    {"nothing", {0}, 0, 0},
    {"four runs are too few", {1.04, 0.96, 1.04, 0.96}, 4, 0},
    {"five", {1.04, 0.96, 1.04, 0.96, 1.04}, 5, 2.015 * 0.04},
    {"twenty", {1.04, 0.96, 1.04, 0.96, 1.04, 0.96, 1.04, 0.96, 1.04, 0.96, 1.04, 0.96, 1.04, 0.96, 1.04, 0.96, 1.04, 0.96, 1.04,
                0.96}, 20, 1.725 * 0.04},
    {"predictions that are all too short are off, too", {1.1, 1.1, 1.1, 1.1, 1.1}, 5, 2.015 * 0.1},
    {"runs that fit to the millisecond promise little", {1, 1, 1, 1, 1, 1}, 6, 0.005},
    {"one that was off by far doesn't make plans useless", {1, 1, 1, 1, 30}, 5, 0.5},
    {"what is no ratio isn't counted", {1.04, -1, 0, (double)INFINITY, 1.04}, 5, 0},
  };

  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    struct amz_quantity q = amz_history_unforeseen(rows[i].ratios, rows[i].n);

    ASSERT_ROW_I64(rows[i].what, q.source, rows[i].value > 0 ? AMZ_HISTORY : AMZ_UNKNOWN);
    CU_ASSERT_DOUBLE_EQUAL(q.value, rows[i].value, 1e-3 * rows[i].value);
  }
}

int main(void)
{
  static const struct amz_test tests[] = {
    {"small tables", test_small_tables},
    {"the interval, by hand", test_interval},
    {"only what is alike is compared", test_only_what_is_alike_is_compared},
    {"longest first is no change", test_longest_first_is_no_change},
    {"a rising list is no change", test_a_rising_list_is_no_change},
    {"short tasks count for little", test_short_tasks_count_for_little},
    {"how often it is wrong", test_rates},
    {"strange numbers", test_strange_numbers},
    {"what earlier predictions were off by", test_unforeseen},
    {NULL, NULL},
  };

  return amz_test_main("drift", tests, 0);
}
