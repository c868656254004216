/* Drives CUnit one test at a time and speaks TAP. */
#include "tap.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define QUIET_S 60  /* on a quiet machine every test is over by then, */
#define PATIENCE 10 /* and on the busiest by so many times that: one that isn't hangs */

static const char *skip_reason; /* of the running test */

void amz_test_skip(const char *reason)
{
  skip_reason = reason;
}

static void assert_shown(bool ok, const char *what, const char *actual, const char *expected, const char *file, int line)
{
  char text[1024];

  (void)snprintf(text, sizeof text, "%s: is %s, expected %s", what, actual, expected);
  (void)CU_assertImplementation(ok ? CU_TRUE : CU_FALSE, (unsigned)line, text, file, "", CU_FALSE);
}

void amz_assert_u64(uint64_t actual, uint64_t expected, const char *what, const char *file, int line)
{
  char a[32], e[32];

  (void)snprintf(a, sizeof a, "%llu", (unsigned long long)actual);
  (void)snprintf(e, sizeof e, "%llu", (unsigned long long)expected);
  assert_shown(actual == expected, what, a, e, file, line);
}

void amz_assert_i64(int64_t actual, int64_t expected, const char *what, const char *file, int line)
{
  char a[32], e[32];

  (void)snprintf(a, sizeof a, "%lld", (long long)actual);
  (void)snprintf(e, sizeof e, "%lld", (long long)expected);
  assert_shown(actual == expected, what, a, e, file, line);
}

void amz_assert_text(const char *actual, const char *expected, const char *what, const char *file, int line)
{
  bool ok = actual && expected ? strcmp(actual, expected) == 0 : actual == expected;

  assert_shown(ok, what, actual ? actual : "(null)", expected ? expected : "(null)", file, line);
}

/* Failures as TAP comments; newlines in values are shown as blanks so that the stream stays TAP. */
static void print_failures(void)
{
  for (CU_pFailureRecord r = CU_get_failure_list(); r; r = r->pNext) {
    printf("# %s:%u: ", r->strFileName ? r->strFileName : "", r->uiLineNumber);
    for (const char *c = r->strCondition ? r->strCondition : ""; *c; c++)
      putchar(*c == '\n' || *c == '\r' ? ' ' : *c);
    putchar('\n');
  }
}

static bool run_one(CU_pSuite suite, CU_pTest test, size_t number, unsigned seconds)
{
  bool ok;

  skip_reason = NULL;
  (void)alarm(seconds); /* a test that hangs fails: SIGALRM ends the program */
  (void)CU_run_test(suite, test);
  (void)alarm(0);
  ok = CU_get_number_of_failure_records() == 0;
  printf("%s %zu - %s%s%s\n", ok ? "ok" : "not ok", number, test->pName, ok && skip_reason ? " # SKIP " : "",
         ok && skip_reason ? skip_reason : "");
  if (!ok)
    print_failures();
  (void)fflush(stdout);
  return ok;
}

int amz_test_main(const char *suite_name, const struct amz_test *tests, unsigned seconds)
{
  const char *only = getenv("AMZ_TEST");
  CU_pSuite suite;
  size_t count = 0, number = 0;
  bool ok = true;

  if (CU_initialize_registry() != CUE_SUCCESS)
    return 99;
  suite = CU_add_suite(suite_name, NULL, NULL);
  if (!suite)
    return 99;
  CU_set_error_action(CUEA_IGNORE);
  for (const struct amz_test *t = tests; t->run; t++)
    if (!only || strcmp(only, t->name) == 0)
      count++;
  printf("1..%zu\n", count);
  (void)fflush(stdout);
  for (const struct amz_test *t = tests; t->run; t++) {
    CU_pTest test;

    if (only && strcmp(only, t->name) != 0)
      continue;
    test = CU_add_test(suite, t->name, t->run);
    ok = (test && run_one(suite, test, ++number, PATIENCE * (seconds ? seconds : QUIET_S))) && ok;
  }
  CU_cleanup_registry();
  return ok ? 0 : 1;
}
