/* The run's order: positions to task indices. */
#include <amorsize/sched.h>

#include <stdio.h>
#include <stdlib.h>

#include "../../support/tap.h"

static void test_identity(void)
{
  const struct amz_range all = {0, UINT64_C(1) << 62};
  struct amz_order *o = NULL;

  CU_ASSERT_EQUAL_FATAL(amz_order_new(&all, 1, &o), AMZ_OK);
  ASSERT_U64(amz_order_count(o), UINT64_C(1) << 62);
  ASSERT_U64(amz_order_index(o, 0), 0);
  ASSERT_U64(amz_order_index(o, (UINT64_C(1) << 62) - 1), (UINT64_C(1) << 62) - 1);
  amz_order_free(o);
  amz_order_free(NULL);
}

static void test_ranges(void)
{
  const struct amz_range ranges[] = {{100, 3}, {7, 1}, {200, 2}, {0, 4}};
  static const uint64_t expected[] = {100, 101, 102, 7, 200, 201, 0, 1, 2, 3};
  struct amz_order *o = NULL;

  CU_ASSERT_EQUAL_FATAL(amz_order_new(ranges, 4, &o), AMZ_OK);
  ASSERT_U64(amz_order_count(o), 10);
  for (size_t i = 0; i < 10; i++)
    ASSERT_U64(amz_order_index(o, i), expected[i]);
  amz_order_free(o);
}

static void test_stretches(void)
{
  const struct amz_range ranges[] = {{100, 3}, {103, 1}, {7, 1}, {104, 2}, {106, 4}};
  static const struct {
    const char *row;
    uint64_t position, most, count, index;
  } rows[] = {
    {"across ranges that touch", 0, 11, 4, 100},
    {"no more than asked for", 0, 3, 3, 100},
    {"no more than asked for, at a range's end", 0, 4, 4, 100},
    {"from within a range", 2, 9, 2, 102},
    {"a lonely one", 4, 7, 1, 7},
    {"up to the end", 5, 6, 6, 104},
    {"the last", 10, 1, 1, 109},
  };
  struct amz_order *o = NULL;

  CU_ASSERT_EQUAL_FATAL(amz_order_new(ranges, 5, &o), AMZ_OK);
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    uint64_t index = 0;

    ASSERT_ROW_U64(rows[i].row, amz_order_stretch(o, rows[i].position, rows[i].most, &index), rows[i].count);
    ASSERT_ROW_U64(rows[i].row, index, rows[i].index);
  }
  amz_order_free(o);
}

/* Weights by index / 2, so that pairs have the same. */
static double weight_of_pair(const void *ctx, uint64_t index, uint64_t *ret_same)
{
  const double *weights = ctx;

  *ret_same = 2 - index % 2;
  return weights[index / 2];
}

/* As "first+count …". */
static void tell_weighed(const struct amz_range *left, size_t n, const double *weights, uint64_t exact, char *text, size_t size)
{
  const struct amz_weights w = {weight_of_pair, weights};
  struct amz_range *ranges = NULL;
  size_t n_ranges = 0, at = 0;

  text[0] = '\0';
  CU_ASSERT_EQUAL_FATAL(amz_ranges_weigh(left, n, &w, exact, &ranges, &n_ranges), AMZ_OK);
  for (size_t i = 0; i < n_ranges && at < size; i++)
    at += (size_t)snprintf(text + at, size - at, "%s%d+%d", i ? " " : "", (int)ranges[i].first, (int)ranges[i].count);
  free(ranges);
}

static void test_heaviest_first(void)
{
  static const struct amz_range all[] = {{0, 10}}, some[] = {{1, 4}, {7, 2}};
  static const double rising[] = {1, 2, 3, 4, 5}, falling[] = {5, 4, 3, 2, 1}, same[] = {7, 7, 7, 7, 7},
      mixed[] = {0, 9, 1, 9, 0.5},
                      nothing[] = {0, 0, 0, 0, 0}, classes[] = {1000, 1, 1001, 1.001, 0};
  static const struct {
    const char *row;
    const struct amz_range *left;
    size_t n;
    const double *weights;
    uint64_t exact;
    const char *expected;
  } rows[] = {
    {"rising", all, 1, rising, 0, "8+2 6+2 4+2 2+2 0+2"},
    {"falling: as it is, in one range", all, 1, falling, 0, "0+10"},
    {"all the same: as it is", all, 1, same, 0, "0+10"},
    {"ties by index", all, 1, mixed, 0, "2+2 6+2 4+2 8+2 0+2"},
    {"no weight at all", all, 1, nothing, 0, "0+10"},
    {"what a resumed run has left", some, 2, rising, 0, "8+1 7+1 4+1 2+2 1+1"},
    {"nothing left", NULL, 0, rising, 0, ""},
    {"classes: what weighs about the same keeps its order", all, 1, classes, 4, "0+2 4+2 6+2 2+2 8+2"},
    {"exact: it doesn't", all, 1, classes, 5, "4+2 0+2 6+2 2+2 8+2"},
    {"classes: one weight, and what touches joins", all, 1, same, 3, "0+10"},
    {"classes: no weight at all", all, 1, nothing, 3, "0+10"},
    {"classes: rising", all, 1, rising, 3, "8+2 6+2 4+2 2+2 0+2"},
    {"classes: what a resumed run has left", some, 2, rising, 3, "8+1 7+1 4+1 2+2 1+1"},
    {"more than twice as many: three neighbours go by their heaviest", all, 1, rising, 1, "6+4 0+6"},
    {"the same, heavy ones in front", all, 1, falling, 1, "0+6 6+4"},
    {"neighbours don't go together across what is done already", some, 2, rising, 1, "7+2 1+4"},
  };

  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    char text[256];

    tell_weighed(rows[i].left, rows[i].n, rows[i].weights, rows[i].exact, text, sizeof text);
    ASSERT_ROW_TEXT(rows[i].row, text, rows[i].expected);
  }
}

static void test_nothing_left(void)
{
  struct amz_order *o = NULL;

  CU_ASSERT_EQUAL_FATAL(amz_order_new(NULL, 0, &o), AMZ_OK);
  ASSERT_U64(amz_order_count(o), 0);
  amz_order_free(o);
}

static void test_refused(void)
{
  static const struct {
    const char *row;
    struct amz_range ranges[2];
  } rows[] = {
    {"an empty range", {{0, 1}, {5, 0}}},
    {"a sum of 2^63", {{0, UINT64_C(1) << 62}, {UINT64_C(1) << 62, UINT64_C(1) << 62}}},
    {"an index beyond 2^63", {{0, 1}, {INT64_MAX, 1}}},
    {"a count of 2^64-1", {{0, 1}, {1, UINT64_MAX}}},
  };

  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    struct amz_order *o = NULL;

    ASSERT_ROW_I64(rows[i].row, amz_order_new(rows[i].ranges, 2, &o), AMZ_EINVAL);
    CU_ASSERT_PTR_NULL(o);
  }
}

int main(void)
{
  static const struct amz_test tests[] = {
    {"identity", test_identity},
    {"ranges in any sequence", test_ranges},
    {"stretches", test_stretches},
    {"heaviest first", test_heaviest_first},
    {"nothing left", test_nothing_left},
    {"refused", test_refused},
    {NULL, NULL},
  };

  return amz_test_main("order", tests, 10);
}
