/* Chunk policies: the published tables, an independent reference in awk, and properties over many N and P. */
#include <amorsize/policy.h>

#include <inttypes.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../support/tap.h"

static const char *const names[] = {"static", "ss", "fsc", "gss", "tss", "fac", "fac2", "wf2", "af", "adaptive"};
#define N_NAMES (sizeof names / sizeof *names)

/* A run in which nothing fails: chunks are asked for until nothing remains. */
struct walk {
  struct amz_policy *policy;
  struct amz_policy_ask ask;
};

static void walk_with(struct walk *w, const char *name, const struct amz_policy_params *params)
{
  struct amz_policy_params p = *params;

  memset(w, 0, sizeof *w);
  p.workers = p.slots < 4096 ? p.slots : 4096;
  if (amz_policy_new(amz_policy_find(name), &p, &w->policy) < 0)
    abort();
  w->ask = (struct amz_policy_ask){.remaining = params->tasks, .slots = params->slots, .workers = params->slots};
}

static void walk_begin(struct walk *w, const char *name, uint64_t tasks, uint32_t slots)
{
  struct amz_policy_params params = {.tasks = tasks, .slots = slots};

  walk_with(w, name, &params);
}

static uint64_t walk_next(struct walk *w)
{
  uint64_t size = amz_policy_next(w->policy, &w->ask);

  w->ask.remaining -= size;
  w->ask.chunks++;
  w->ask.worker = (uint32_t)(w->ask.chunks % w->ask.slots);
  return size;
}

static void test_tables(void)
{
  static const struct {
    const char *row, *policy;
    uint64_t tasks;
    uint32_t slots;
    const char *chunks;
    double mean_s, stddev_s, overhead_s;
  } rows[] = {
    {"TSS, Tzen and Ni: a whole decrement, 8", "tss", 1000, 4, "125 117 109 101 93 85 77 69 61 53 45 37 28 ", 0, 0, 0},
    {"TSS, n rounded up: seven chunks, not 118", "tss", 1000, 2, "250 215 180 145 110 75 25 ", 0, 0, 0},
    {"TSS, a decrement below 1 stays a fraction: 12/14", "tss", 100, 4, "13 12 11 10 9 8 7 7 6 5 4 3 2 1 1 1 ", 0, 0, 0},
    {"TSS, P = 1", "tss", 100, 1, "50 34 16 ", 0, 0, 0}, /* n = ceil(200/51) = 4, (50 - 1) / 3 = 16 */
    {"TSS, N = 1", "tss", 1, 4, "1 ", 0, 0, 0},
    {"FAC, mu = sigma, by hand", "fac", 1000, 4,
     "229 229 229 229 9 9 9 9 5 5 5 5 3 3 3 3 2 2 2 2 1 1 1 1 1 1 1 1 ", 1, 1, 0},
    {"FAC, sigma = 0: everything at once", "fac", 1000, 4, "250 250 250 250 ", 1, 0, 0},
    {"FAC, mu unknown: as FAC2", "fac", 20, 2, "5 5 3 3 1 1 1 1 ", 0, 0, 0},
    {"FAC, P = 1, N = 1", "fac", 1, 1, "1 ", 1, 1, 0},
    /* 60.06^(2/3) = 15.3 */
    {"FSC, by hand: 300.28^(2/3) = 44.8", "fsc", 200, 4, "16 16 16 16 16 16 16 16 16 16 16 16 8 ", 1, 1, 1},
    {"FSC, P = 1: ln 1 divides nothing", "fsc", 100, 1, "100 ", 1, 1, 1},
    {"FSC, sigma = 0: even shares", "fsc", 10, 4, "3 3 3 1 ", 1, 0, 1},
    {"FSC, large h: not more than an even share", "fsc", 10, 4, "3 3 3 1 ", 1, 1, 1000},
    {"FSC, mu unknown: mFSC's 31 for 1000 over 4", "fsc", 100, 4, "5 5 5 5 5 5 5 5 5 5 5 5 5 5 5 5 5 5 5 5 ", 0, 0, 1},
    {"FSC, N = 1", "fsc", 1, 4, "1 ", 1, 1, 1},
    {"WF2, no weights: as FAC2", "wf2", 20, 2, "5 5 3 3 1 1 1 1 ", 0, 0, 0},
    {"AF, mu unknown: as FAC2", "af", 20, 2, "5 5 3 3 1 1 1 1 ", 0, 0, 0},
    {"AF, sigma = 0: everything at once, but for what the other has taken", "af", 100, 2, "50 25 13 6 3 2 1 ", 1, 0, 0},
    {"AF, P = 1, sigma = 0", "af", 100, 1, "100 ", 1, 0, 0},
    {"AF, N = 1", "af", 1, 4, "1 ", 1, 1, 0},
    {"GSS, Polychronopoulos and Kuck", "gss", 1000, 4,
     "250 188 141 106 79 59 45 33 25 19 14 11 8 6 4 3 3 2 1 1 1 1 ", 0, 0, 0},
    {"FAC2, Hummel et al.", "fac2", 1000, 4,
     "125 125 125 125 63 63 63 63 31 31 31 31 16 16 16 16 8 8 8 8 4 4 4 4 2 2 2 2 1 1 1 1 ", 0, 0, 0},
    {"static, even", "static", 1000, 4, "250 250 250 250 ", 0, 0, 0},
    {"static, uneven: one more for the first two", "static", 10, 4, "3 3 2 2 ", 0, 0, 0},
    {"static, N < P", "static", 3, 8, "1 1 1 ", 0, 0, 0},
    {"self-scheduling", "ss", 5, 2, "1 1 1 1 1 ", 0, 0, 0},
    {"gss, P = 1: all at once", "gss", 100, 1, "100 ", 0, 0, 0},
    {"fac2, P = 1: halves", "fac2", 100, 1, "50 25 13 6 3 2 1 ", 0, 0, 0},
    {"static, P = 1", "static", 100, 1, "100 ", 0, 0, 0},
    {"gss, N = 1", "gss", 1, 4, "1 ", 0, 0, 0},
    {"fac2, N = 1", "fac2", 1, 4, "1 ", 0, 0, 0},
    {"static, N = 1", "static", 1, 4, "1 ", 0, 0, 0},
    {"gss, N = 0", "gss", 0, 4, "", 0, 0, 0},
    {"fac2, N = 0", "fac2", 0, 4, "", 0, 0, 0},
    {"static, N = 0", "static", 0, 4, "", 0, 0, 0},
    {"gss, N < P", "gss", 3, 8, "1 1 1 ", 0, 0, 0},
    {"fac2, N < P", "fac2", 3, 8, "1 1 1 ", 0, 0, 0},
  };

  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    struct amz_policy_params params = {.tasks = rows[i].tasks, .slots = rows[i].slots, .mean_s = rows[i].mean_s,
                                       .stddev_s = rows[i].stddev_s, .overhead_s = rows[i].overhead_s};
    struct walk w;
    char text[1024];
    size_t n = 0;

    walk_with(&w, rows[i].policy, &params);
    text[0] = '\0';
    for (uint64_t size; (size = walk_next(&w)) > 0 && n < sizeof text - 24;)
      n += (size_t)snprintf(text + n, sizeof text - n, "%" PRIu64 " ", size);
    ASSERT_ROW_TEXT(rows[i].row, text, rows[i].chunks);
    amz_policy_free(w.policy);
  }
}

/* The speeds that the reference gives to slots. */
static double *speeds_of(uint32_t slots)
{
  double *speeds = calloc(slots, sizeof *speeds);

  for (uint32_t i = 0; speeds && i < slots; i++)
    speeds[i] = 1 + i % 3;
  return speeds;
}

static void compare_with_reference(const char *policy, const struct amz_policy_params *p)
{
  const char *top = getenv("top_srcdir");
  char command[1024], row[128], line[64];
  struct walk w;
  FILE *awk;

  (void)snprintf(row, sizeof row, "%s, N=%" PRIu64 ", P=%" PRIu32 ", mu=%g, sigma=%g, h=%g", policy, p->tasks, p->slots,
                 p->mean_s,
                 p->stddev_s, p->overhead_s);
  (void)snprintf(command, sizeof command,
                 "awk -v policy=%s -v N=%" PRIu64 " -v P=%" PRIu32 " -v mean=%g -v sd=%g -v h=%g"
                 " -f '%s/tests/unit/policy/reference.awk'", policy, p->tasks, p->slots, p->mean_s, p->stddev_s, p->overhead_s,
                 top);
  awk = popen(command, "r");
  if (!awk) {
    CU_FAIL("popen");
    return;
  }
  walk_with(&w, policy, p);
  while (fgets(line, sizeof line, awk))
    ASSERT_ROW_U64(row, walk_next(&w), strtoull(line, NULL, 10));
  ASSERT_ROW_U64(row, w.ask.remaining, 0);
  amz_policy_free(w.policy);
  ASSERT_ROW_I64(row, pclose(awk), 0);
}

static void test_reference(void)
{
  static const uint64_t tasks[] = {1, 7, 64, 1000, 4097, UINT64_C(1) << 40};
  static const uint32_t slots[] = {1, 2, 3, 16, 100};
  static const struct {
    const char *policy;
    uint64_t most; /* tasks: what makes many chunks takes long */
    double mean_s, stddev_s, overhead_s;
  } rows[] = {
    {"static", UINT64_MAX, 0, 0, 0}, {"ss", 1000, 0, 0, 0}, {"gss", UINT64_MAX, 0, 0, 0}, {"fac2", UINT64_MAX, 0, 0, 0},
    {"wf2", UINT64_MAX, 0, 0, 0}, {"tss", 5000, 0, 0, 0}, {"fac", UINT64_MAX, 0, 0, 0}, {"fac", 5000, 2, 0.5, 0},
    {"fac", 5000, 0.001, 0.016, 0}, {"fsc", 5000, 0, 0, 0}, {"fsc", 5000, 1, 0.3, 0.02}, {"fsc", 5000, 0.01, 0.1, 0.001},
    {"af", UINT64_MAX, 0, 0, 0}, {"af", 5000, 2, 0.5, 0}, {"af", 5000, 0.001, 0.0157, 0},
  };

  if (!getenv("top_srcdir")) {
    amz_test_skip("top_srcdir isn't set");
    return;
  }
  for (size_t p = 0; p < sizeof rows / sizeof *rows; p++)
    for (size_t i = 0; i < sizeof tasks / sizeof *tasks; i++)
      for (size_t k = 0; k < sizeof slots / sizeof *slots && tasks[i] <= rows[p].most; k++) {
        double *speeds = strcmp(rows[p].policy, "wf2") == 0 ? speeds_of(slots[k]) : NULL;
        struct amz_policy_params params = {.tasks = tasks[i], .slots = slots[k], .mean_s = rows[p].mean_s,
                                           .stddev_s = rows[p].stddev_s, .overhead_s = rows[p].overhead_s, .weights = speeds};

        compare_with_reference(rows[p].policy, &params);
        free(speeds);
      }
}

/* What a walk must show, whatever the formula. \return false at the first fault, so that a broken policy ends the test. */
static bool walk_is_right(const char *name, uint64_t tasks, uint32_t slots)
{
  uint64_t sum = 0, last = UINT64_MAX, size, least = UINT64_MAX, most = 0;
  struct walk w;
  bool ok = true;

  walk_begin(&w, name, tasks, slots);
  while (ok && (size = walk_next(&w)) > 0) {
    ok = size <= last && size <= tasks - sum;
    sum += size;
    last = size;
    least = size < least ? size : least;
    most = size > most ? size : most;
  }
  ok = ok && sum == tasks;
  if (strcmp(name, "static") == 0)
    ok = ok && w.ask.chunks == (tasks < slots ? tasks : slots) + 1 && (tasks == 0 || most - least <= 1);
  amz_policy_free(w.policy);
  return ok;
}

static void test_properties(void)
{
  for (size_t p = 0; p < N_NAMES; p++)
    for (uint64_t tasks = 0; tasks <= 70; tasks++)
      for (uint32_t slots = 1; slots <= 20; slots++)
        if (!walk_is_right(names[p], tasks, slots)) {
          char row[96];

          (void)snprintf(row, sizeof row, "%s, N=%" PRIu64 ", P=%" PRIu32, names[p], tasks, slots);
          ASSERT_ROW_U64(row, 0, 1);
          return;
        }
}

static void test_sixty_four_bits(void)
{
  static const uint32_t slots[] = {1, 2, 3, 4096, UINT32_MAX};

  for (size_t p = 0; p < N_NAMES; p++)
    for (size_t k = 0; k < sizeof slots / sizeof *slots; k++) {
      struct walk w;
      uint64_t size, sum = 0;

      walk_begin(&w, names[p], UINT64_MAX, slots[k]);
      for (unsigned i = 0; i < 100000 && (size = walk_next(&w)) > 0; i++)
        sum += size;
      ASSERT_ROW_U64(names[p], sum + w.ask.remaining, UINT64_MAX);
      amz_policy_free(w.policy);
    }
  /* by hand: 2^64-1 over 2 is 2^63; over 2*2 is 2^62 */
  {
    struct walk w;

    walk_begin(&w, "gss", UINT64_MAX, 2);
    ASSERT_U64(walk_next(&w), UINT64_C(1) << 63);
    amz_policy_free(w.policy);
    walk_begin(&w, "fac2", UINT64_MAX, 2);
    ASSERT_U64(walk_next(&w), UINT64_C(1) << 62);
    amz_policy_free(w.policy);
  }
}

/* Two workers, their tasks 1 ± 0.3536 and 2 ± 0.7071 long: variances 0.25 and 1. D = 0.25 + 0.5, T = 1 / 1.5, TR = 60:
 * (0.75 + 120 - sqrt(0.5625 + 180)) / 2 = 53.66 seconds each. With Σ sigma / mu for D it would be 51 and 26. */
static void test_af_by_hand(void)
{
  static const double units[] = {1, 1e-3, 1e6}; /* of time: chunks don't depend on it */

  for (size_t i = 0; i < sizeof units / sizeof *units; i++) {
    double u = units[i];
    struct walk w;

    walk_begin(&w, "af", 1000, 2);
    for (uint32_t k = 0; k < 2; k++) {
      w.ask.worker = k;
      ASSERT_U64(amz_policy_next(w.policy, &w.ask), 250);
    }
    amz_policy_feedback(w.policy, &(struct amz_policy_feedback){.worker = 0, .tasks = 2, .wall_s = 2 * u,
      .wall_sq_s2 = 2.25 * u * u});
    amz_policy_feedback(w.policy, &(struct amz_policy_feedback){.worker = 1, .tasks = 2, .wall_s = 4 * u,
      .wall_sq_s2 = 9 * u * u});
    w.ask.remaining = 90;
    w.ask.worker = 0;
    ASSERT_U64(amz_policy_next(w.policy, &w.ask), 54);
    w.ask.worker = 1;
    ASSERT_U64(amz_policy_next(w.policy, &w.ask), 27);
    amz_policy_free(w.policy);
  }
}

/* The same by the times of whole chunks: eight tasks each, means 1 ± 0.125 s: 8 (0.125)² · 2 / (2 - 1) = 0.25. */
static void test_af_by_chunks(void)
{
  struct walk w;

  walk_begin(&w, "af", 1000, 2);
  for (uint32_t k = 0; k < 2; k++) {
    w.ask.worker = k;
    (void)amz_policy_next(w.policy, &w.ask);
    amz_policy_feedback(w.policy, &(struct amz_policy_feedback){.worker = k, .tasks = 8, .wall_s = 9, .wall_sq_s2 = 81.0 / 8});
    amz_policy_feedback(w.policy, &(struct amz_policy_feedback){.worker = k, .tasks = 8, .wall_s = 7, .wall_sq_s2 = 49.0 / 8});
  }
  w.ask.remaining = 100; /* D = 0.5, TR = 50: (100.5 - sqrt(0.25 + 100)) / 2 = 45.24 */
  ASSERT_U64(amz_policy_next(w.policy, &w.ask), 46);
  amz_policy_free(w.policy);
}

/* Feedback of workers that there aren't, and times that are none, change nothing. */
static void test_feedback_is_checked(void)
{
  static const struct amz_policy_feedback odd[] = {{.worker = 2, .tasks = 1, .wall_s = 1},
    {.worker = UINT32_MAX, .tasks = 1, .wall_s = 1},
    {.tasks = 0, .wall_s = 1}, {.tasks = 1, .wall_s = -1}, {.tasks = 1, .wall_s = INFINITY}, {.tasks = 1, .wall_s = NAN}};

  for (size_t p = 0; p < N_NAMES; p++) {
    struct walk told, untold;

    walk_begin(&told, names[p], 1000, 2);
    walk_begin(&untold, names[p], 1000, 2);
    for (size_t i = 0; i < sizeof odd / sizeof *odd; i++)
      amz_policy_feedback(told.policy, &odd[i]);
    for (uint64_t size; (size = walk_next(&untold)) > 0;)
      ASSERT_ROW_U64(names[p], walk_next(&told), size);
    amz_policy_free(told.policy);
    amz_policy_free(untold.policy);
  }
}

static void test_tasks_return(void)
{
  struct walk w;

  walk_begin(&w, "fac2", 1000, 4); /* 125, then 100 tasks return: the batch keeps its size, the next one sees them */
  ASSERT_U64(walk_next(&w), 125);
  w.ask.remaining += 100;
  for (unsigned i = 0; i < 3; i++)
    ASSERT_U64(walk_next(&w), 125);
  ASSERT_U64(walk_next(&w), 75); /* ceil(600 / 8) */
  amz_policy_free(w.policy);

  walk_begin(&w, "static", 1000, 4); /* one of four slots dies with its share: three take it in equal parts */
  for (unsigned i = 0; i < 4; i++)
    ASSERT_U64(walk_next(&w), 250);
  w.ask.remaining = 250;
  w.ask.slots = 3;
  ASSERT_U64(walk_next(&w), 84);
  ASSERT_U64(walk_next(&w), 83);
  ASSERT_U64(walk_next(&w), 83);
  ASSERT_U64(walk_next(&w), 0);
  amz_policy_free(w.policy);

  walk_begin(&w, "static", 1000, 4); /* a share returns before the round ends: the last slot isn't given two */
  for (unsigned i = 0; i < 3; i++)
    ASSERT_U64(walk_next(&w), 250);
  w.ask.remaining += 250;
  w.ask.slots = 3;
  ASSERT_U64(walk_next(&w), 250);
  ASSERT_U64(walk_next(&w), 84);
  amz_policy_free(w.policy);
}

static void test_slots_change(void)
{
  struct walk w;

  walk_begin(&w, "fac2", 1000, 4); /* 125, then P doubles: ceil(875 / 16) */
  ASSERT_U64(walk_next(&w), 125);
  w.ask.slots = 8;
  ASSERT_U64(walk_next(&w), 55);
  w.ask.slots = 2; /* ceil(820 / 4) */
  ASSERT_U64(walk_next(&w), 205);
  amz_policy_free(w.policy);

  walk_begin(&w, "static", 1000, 4); /* four more slots before the second asks: 750 over the seven still to come */
  ASSERT_U64(walk_next(&w), 250);
  w.ask.slots = 8;
  ASSERT_U64(walk_next(&w), 108);
  for (unsigned i = 0; i < 6; i++)
    ASSERT_U64(walk_next(&w), 107);
  ASSERT_U64(w.ask.remaining, 0);
  amz_policy_free(w.policy);
}

/* Policies that answer wildly, to see the registry's clamp. */
/* What is found out in mid-run counts from the next chunk on. */
static void test_told_later(void)
{
  static const struct {
    const char *row, *policy;
    uint64_t tasks, before, left; /* chunks of `before` until `left` tasks are left, when it is told */
    double mean_s, stddev_s, overhead_s, target_s;
    uint64_t after; /* the chunk that comes then */
  } rows[] = {
    {"FAC: b = 4 / 2 sqrt(750) = 0.0730, x = 2.1515 in a later batch: 87.1", "fac", 1000, 125, 750, 1, 1, 0, 0, 88},
    {"FAC: sigma = 0 later is x = 2", "fac", 1000, 125, 750, 1, 0, 0, 0, 94},
    {"FSC: 60.06^(2/3) of what is left", "fsc", 1000, 31, 194, 1, 1, 1, 0, 16}, /* (sqrt(2) 194 / (4 sqrt(ln 4)))^(2/3) = 15.02 */
    {"FSC: an overhead alone doesn't tell how tasks vary: mFSC of what is left, 0.55 + 235 ln 2 / ln 235 = 30.4",
     "fsc", 1000, 31, 938, 0, 0, 1, 0, 30},
    {"AF: R / P of tasks all alike", "af", 100, 13, 74, 1, 0, 0, 0, 19},
    {"GSS has no use for it", "gss", 100, 25, 75, 1, 1, 1, 1, 19},
    {"adaptive: a sixteenth of 1 s is 62.5 tasks of 1 ms", "adaptive", 4016, 8, 4000, 1e-3, 0, 1e-5, 0, 62},
    {"adaptive: a target of 20 ms", "adaptive", 4016, 8, 4000, 1e-3, 0, 1e-5, 0.02, 20},
    {"adaptive: fifteen overheads of 8 ms are 120 tasks", "adaptive", 4016, 8, 4000, 1e-3, 0, 8e-3, 0.2, 120},
    {"adaptive: nothing said, nothing changed", "adaptive", 4016, 8, 4000, 0, 0, 0, 0, 8},
  };

  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    struct amz_policy_params now = {.slots = 4, .mean_s = rows[i].mean_s, .stddev_s = rows[i].stddev_s,
                                    .overhead_s = rows[i].overhead_s, .target_s = rows[i].target_s};
    struct walk w;

    walk_begin(&w, rows[i].policy, rows[i].tasks, 4);
    while (w.ask.remaining > rows[i].left)
      ASSERT_ROW_U64(rows[i].row, walk_next(&w), rows[i].before);
    now.tasks = w.ask.remaining;
    amz_policy_tell(w.policy, &now);
    ASSERT_ROW_U64(rows[i].row, walk_next(&w), rows[i].after);
    amz_policy_free(w.policy);
  }
}

/* A sample over the whole list takes the place of what the first tasks showed. By hand: 400 tasks of 1 ms are seen, then 4 ms is
 * told: T = 4000 * 4 ms / 4 = 4 s, a target of 40 ms is ten tasks of 4 ms. Told 0.5 ms, T = 0.5 s, of which a sixteenth is 31 ms:
 * 31 of the tasks that took 1 ms lately. */
static void test_told_what_was_seen(void)
{
  static const struct {
    const char *row;
    double mean_s;
    uint64_t after;
  } rows[] = {{"tasks are longer than those seen", 4e-3, 10}, {"tasks are shorter", 0.5e-3, 31}};

  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    struct amz_policy_params now = {.tasks = 4000, .slots = 4, .mean_s = rows[i].mean_s, .overhead_s = 1e-6, .target_s = 0.04};
    struct walk w;

    walk_begin(&w, "adaptive", 4400, 4);
    for (uint32_t worker = 0; worker < 4; worker++) {
      struct amz_policy_feedback seen = {.worker = worker, .tasks = 100, .wall_s = 0.1, .wall_sq_s2 = 1e-4};

      w.ask.worker = worker;
      (void)amz_policy_next(w.policy, &w.ask);
      amz_policy_feedback(w.policy, &seen);
    }
    w.ask.remaining = 4000;
    w.ask.worker = 0;
    amz_policy_tell(w.policy, &now);
    ASSERT_ROW_U64(rows[i].row, amz_policy_next(w.policy, &w.ask), rows[i].after);
    amz_policy_free(w.policy);
  }
}

static uint64_t next_zero(void *state, const struct amz_policy_ask *ask)
{
  (void)state;
  (void)ask;
  return 0;
}

static uint64_t next_huge(void *state, const struct amz_policy_ask *ask)
{
  (void)state;
  (void)ask;
  return UINT64_MAX;
}

static void test_clamp(void)
{
  static const struct amz_policy_ops zero = {.name = "zero", .next = next_zero}, huge = {.name = "huge", .next = next_huge};
  struct amz_policy_params params = {.tasks = 10, .slots = 2};
  struct amz_policy_ask ask = {.remaining = 10, .slots = 2};
  struct amz_policy *p = NULL;

  CU_ASSERT_EQUAL_FATAL(amz_policy_new(&zero, &params, &p), AMZ_OK);
  ASSERT_U64(amz_policy_next(p, &ask), 1);
  amz_policy_free(p);
  CU_ASSERT_EQUAL_FATAL(amz_policy_new(&huge, &params, &p), AMZ_OK);
  ASSERT_U64(amz_policy_next(p, &ask), 10);
  ask.remaining = 0;
  ASSERT_U64(amz_policy_next(p, &ask), 0);
  amz_policy_feedback(p, &(struct amz_policy_feedback){.tasks = 1}); /* one that doesn't learn */
  amz_policy_free(p);
  amz_policy_free(NULL);
}

static void test_registry(void)
{
  struct amz_policy_params params = {.tasks = 10, .slots = 0};
  const struct amz_policy_ops *const *list;
  struct amz_policy *p = NULL;
  size_t n;

  list = amz_policy_list(&n);
  CU_ASSERT_TRUE_FATAL(n >= N_NAMES);
  for (size_t i = 0; i < n; i++) {
    CU_ASSERT_PTR_EQUAL(amz_policy_find(list[i]->name), list[i]);
    CU_ASSERT_TRUE(list[i]->summary[0] && list[i]->source[0]);
  }
  for (size_t i = 0; i < N_NAMES; i++)
    ASSERT_TEXT(list[i]->name, names[i]);
  CU_ASSERT_PTR_NULL(amz_policy_find("GSS"));
  CU_ASSERT_PTR_NULL(amz_policy_find("guided"));
  CU_ASSERT_PTR_NULL(amz_policy_find(""));
  CU_ASSERT_PTR_NULL(amz_policy_find(NULL));
  ASSERT_I64(amz_policy_new(list[0], &params, &p), AMZ_EINVAL);
  CU_ASSERT_PTR_NULL(p);
}

int main(void)
{
  static const struct amz_test tests[] = {
    {"published tables", test_tables},
    {"an independent reference gives the same chunks", test_reference},
    {"chunks sum up to N and never grow", test_properties},
    {"task counts of 64 bits", test_sixty_four_bits},
    {"AF by hand", test_af_by_hand},
    {"AF by times of chunks", test_af_by_chunks},
    {"feedback is checked", test_feedback_is_checked},
    {"tasks return", test_tasks_return},
    {"slots change", test_slots_change},
    {"told later", test_told_later},
    {"told, when tasks have been seen", test_told_what_was_seen},
    {"answers are clamped", test_clamp},
    {"registry", test_registry},
    {NULL, NULL},
  };

  return amz_test_main("policy", tests, 60);
}
