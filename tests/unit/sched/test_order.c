/* The run's order: positions to task indices. */
#include <amorsize/sched.h>

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
    {"nothing left", test_nothing_left},
    {"refused", test_refused},
    {NULL, NULL},
  };

  return amz_test_main("order", tests, 10);
}
