/* CUnit suites that report in TAP, so that the build's summary counts every single test. */
#ifndef AMZ_TESTS_TAP_H
#define AMZ_TESTS_TAP_H

#include <CUnit/CUnit.h>

struct amz_test {
  const char *name;
  void (*run)(void);
};

/* Runs all tests (a table ended by {NULL, NULL}) under the suite's name, each within ten times `seconds` (0: 60), which are those
 * of a quiet machine, printing TAP on stdout. AMZ_TEST=NAME in the environment runs that one test alone.
 * \return the exit status for main: 0 when all passed. */
int amz_test_main(const char *suite, const struct amz_test *tests, unsigned seconds);

/* In a test: says why it can't run here; it then counts as skipped. Return from the test behind it. */
void amz_test_skip(const char *reason);

/* Assertions that show both values. */
#define ASSERT_U64(actual, expected) amz_assert_u64((uint64_t)(actual), (uint64_t)(expected), #actual, __FILE__, __LINE__)
#define ASSERT_I64(actual, expected) amz_assert_i64((int64_t)(actual), (int64_t)(expected), #actual, __FILE__, __LINE__)
#define ASSERT_TEXT(actual, expected) amz_assert_text((actual), (expected), #actual, __FILE__, __LINE__)
/* The same for a row of a table: `row` describes it. */
#define ASSERT_ROW_U64(row, actual, expected) amz_assert_u64((uint64_t)(actual), (uint64_t)(expected), (row), __FILE__, __LINE__)
#define ASSERT_ROW_I64(row, actual, expected) amz_assert_i64((int64_t)(actual), (int64_t)(expected), (row), __FILE__, __LINE__)
#define ASSERT_ROW_TEXT(row, actual, expected) amz_assert_text((actual), (expected), (row), __FILE__, __LINE__)

#include <stdint.h>

void amz_assert_u64(uint64_t actual, uint64_t expected, const char *what, const char *file, int line);
void amz_assert_i64(int64_t actual, int64_t expected, const char *what, const char *file, int line);
void amz_assert_text(const char *actual, const char *expected, const char *what, const char *file, int line);

#endif
