/* Chunk policies: the published tables, an independent reference in awk, and properties over many N and P. */
#include <amorsize/policy.h>

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../support/tap.h"

static const char *const names[] = {"static", "ss", "gss", "fac2"};
#define N_NAMES (sizeof names / sizeof *names)

/* A run in which nothing fails: chunks are asked for until nothing remains. */
struct walk {
  struct amz_policy *policy;
  struct amz_policy_ask ask;
};

static void walk_begin(struct walk *w, const char *name, uint64_t tasks, uint32_t slots)
{
  struct amz_policy_params params = {.tasks = tasks, .slots = slots};

  memset(w, 0, sizeof *w);
  if (amz_policy_new(amz_policy_find(name), &params, &w->policy) < 0)
    abort();
  w->ask = (struct amz_policy_ask){.remaining = tasks, .slots = slots, .workers = slots};
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
  } rows[] = {
    {"GSS, Polychronopoulos and Kuck", "gss", 1000, 4,
     "250 188 141 106 79 59 45 33 25 19 14 11 8 6 4 3 3 2 1 1 1 1 "},
    {"FAC2, Hummel et al.", "fac2", 1000, 4,
     "125 125 125 125 63 63 63 63 31 31 31 31 16 16 16 16 8 8 8 8 4 4 4 4 2 2 2 2 1 1 1 1 "},
    {"static, even", "static", 1000, 4, "250 250 250 250 "},
    {"static, uneven: one more for the first two", "static", 10, 4, "3 3 2 2 "},
    {"static, N < P", "static", 3, 8, "1 1 1 "},
    {"self-scheduling", "ss", 5, 2, "1 1 1 1 1 "},
    {"gss, P = 1: all at once", "gss", 100, 1, "100 "},
    {"fac2, P = 1: halves", "fac2", 100, 1, "50 25 13 6 3 2 1 "},
    {"static, P = 1", "static", 100, 1, "100 "},
    {"gss, N = 1", "gss", 1, 4, "1 "},
    {"fac2, N = 1", "fac2", 1, 4, "1 "},
    {"static, N = 1", "static", 1, 4, "1 "},
    {"gss, N = 0", "gss", 0, 4, ""},
    {"fac2, N = 0", "fac2", 0, 4, ""},
    {"static, N = 0", "static", 0, 4, ""},
    {"gss, N < P", "gss", 3, 8, "1 1 1 "},
    {"fac2, N < P", "fac2", 3, 8, "1 1 1 "},
  };

  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    struct walk w;
    char text[1024];
    size_t n = 0;

    walk_begin(&w, rows[i].policy, rows[i].tasks, rows[i].slots);
    text[0] = '\0';
    for (uint64_t size; (size = walk_next(&w)) > 0 && n < sizeof text - 24;)
      n += (size_t)snprintf(text + n, sizeof text - n, "%" PRIu64 " ", size);
    ASSERT_ROW_TEXT(rows[i].row, text, rows[i].chunks);
    amz_policy_free(w.policy);
  }
}

static void compare_with_reference(const char *policy, uint64_t tasks, uint32_t slots)
{
  const char *top = getenv("top_srcdir");
  char command[1024], row[128], line[64];
  struct walk w;
  FILE *awk;

  (void)snprintf(row, sizeof row, "%s, N=%" PRIu64 ", P=%" PRIu32, policy, tasks, slots);
  (void)snprintf(command, sizeof command,
                 "awk -v policy=%s -v N=%" PRIu64 " -v P=%" PRIu32 " -f '%s/tests/unit/policy/reference.awk'", policy, tasks,
                 slots, top);
  awk = popen(command, "r");
  if (!awk) {
    CU_FAIL("popen");
    return;
  }
  walk_begin(&w, policy, tasks, slots);
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

  if (!getenv("top_srcdir")) {
    amz_test_skip("top_srcdir isn't set");
    return;
  }
  for (size_t p = 0; p < N_NAMES; p++)
    for (size_t i = 0; i < sizeof tasks / sizeof *tasks; i++)
      for (size_t k = 0; k < sizeof slots / sizeof *slots; k++)
        if (strcmp(names[p], "ss") != 0 || tasks[i] <= 1000)
          compare_with_reference(names[p], tasks[i], slots[k]);
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
    {"tasks return", test_tasks_return},
    {"slots change", test_slots_change},
    {"answers are clamped", test_clamp},
    {"registry", test_registry},
    {NULL, NULL},
  };

  return amz_test_main("policy", tests, 60);
}
