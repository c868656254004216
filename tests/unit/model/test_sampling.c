/* Draws are spread over what is left, whatever is left, and so is every beginning of them. */
#include <stdlib.h>

#include <amorsize/sampling.h>

#include "../../support/tap.h"

static const struct amz_range holes[] = {{0, 10}, {100, 1}, {1000, 989}}, whole[] = {{0, 1000}}, few[] = {{5, 3}},
single[] = {{7, 1}},
                              huge[] = {{0, UINT64_C(1) << 62}};

/* The position of a task among those left: the other way round than the code goes. */
static uint64_t place_of(const struct amz_range *ranges, size_t n, uint64_t task)
{
  uint64_t before = 0;

  for (size_t i = 0; i < n; before += ranges[i].count, i++)
    if (task >= ranges[i].first && task - ranges[i].first < ranges[i].count)
      return before + (task - ranges[i].first);
  return UINT64_MAX;
}

static void test_one_of_each_part(void)
{
  static const struct {
    const char *row;
    const struct amz_range *left;
    size_t n;
    uint64_t all, want, expected;
  } rows[] = {
    {"a thousand in one piece", whole, 1, 1000, 50, 50},
    {"a thousand with holes", holes, 3, 1000, 50, 50},
    {"an odd number", holes, 3, 1000, 7, 7},
    {"all", holes, 3, 1000, 1000, 1000},
    {"more than there are", few, 1, 3, 50, 3},
    {"one", single, 1, 1, 1, 1},
    {"very many", huge, 1, UINT64_C(1) << 62, 64, 64},
  };

  for (size_t r = 0; r < sizeof rows / sizeof *rows; r++) {
    unsigned *hit = calloc(rows[r].want, sizeof *hit);
    struct amz_range *drawn = NULL;
    size_t n = 0;

    CU_ASSERT_PTR_NOT_NULL_FATAL(hit);
    ASSERT_ROW_I64(rows[r].row, amz_sample_draw(rows[r].left, rows[r].n, rows[r].want, 3, &drawn, &n), AMZ_OK);
    ASSERT_ROW_U64(rows[r].row, n, rows[r].expected);
    for (size_t i = 0; i < n; i++) {
      uint64_t place = place_of(rows[r].left, rows[r].n, drawn[i].first);

      ASSERT_ROW_U64(rows[r].row, drawn[i].count, 1);
      CU_ASSERT_FATAL(place < rows[r].all);
      hit[(uint64_t)((unsigned __int128)place * n / rows[r].all)]++; /* which part it lies in, up to rounding at the seams */
    }
    for (size_t i = 0; i < n; i++)
      ASSERT_ROW_U64(rows[r].row, hit[i] >= (rows[r].all % n == 0 ? 1 : 0) && hit[i] <= 2, true);
    free(hit);
    free(drawn);
  }
}

static void test_beginnings(void)
{
  struct amz_range all = {0, 8000}, *drawn;
  size_t n;

  CU_ASSERT_EQUAL_FATAL(amz_sample_draw(&all, 1, 64, 9, &drawn, &n), AMZ_OK);
  for (size_t k = 2; k <= 64; k *= 2) { /* the first k: one in each k-th of the list */
    uint64_t seen = 0;

    for (size_t i = 0; i < k; i++)
      seen |= UINT64_C(1) << (drawn[i].first * k / 8000);
    ASSERT_U64(seen, k == 64 ? UINT64_MAX : (UINT64_C(1) << k) - 1);
  }
  free(drawn);
}

static void test_seeds(void)
{
  struct amz_range all = {0, 100000}, *a, *b, *c;
  size_t n, same = 0;

  CU_ASSERT_EQUAL_FATAL(amz_sample_draw(&all, 1, 50, 1, &a, &n), AMZ_OK);
  CU_ASSERT_EQUAL_FATAL(amz_sample_draw(&all, 1, 50, 1, &b, &n), AMZ_OK);
  CU_ASSERT_EQUAL_FATAL(amz_sample_draw(&all, 1, 50, 2, &c, &n), AMZ_OK);
  for (size_t i = 0; i < n; i++) {
    ASSERT_U64(a[i].first, b[i].first);
    same += a[i].first == c[i].first;
  }
  CU_ASSERT(same < 5);
  free(a);
  free(b);
  free(c);
}

static void test_limits(void)
{
  static const struct {
    uint64_t tasks;
    uint32_t most;
    uint64_t limit;
  } rows[] = {{10, 50, 10}, {1000, 50, 50}, {2000, 50, 100}, {UINT64_C(1) << 60, 50, 1000000}, {0, 50, 0}};

  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
    ASSERT_U64(amz_sample_limit(rows[i].tasks, rows[i].most), rows[i].limit);
}

static void test_enough(void)
{
  struct amz_quantity mean = {.value = 10, .low = 9.6, .high = 10.4, .n = 5};

  CU_ASSERT_TRUE(amz_sample_enough(&mean, 5, 0.05));
  CU_ASSERT_FALSE(amz_sample_enough(&mean, 6, 0.05));
  CU_ASSERT_FALSE(amz_sample_enough(&mean, 5, 0.03));
  mean.n = 1;
  CU_ASSERT_FALSE(amz_sample_enough(&mean, 1, 1));
}

int main(void)
{
  static const struct amz_test tests[] = {
    {"one task of each part", test_one_of_each_part}, {"beginnings are spread", test_beginnings}, {"seeds", test_seeds},
    {"limits", test_limits}, {"enough", test_enough}, {NULL, NULL}};

  return amz_test_main("model/sampling", tests, 0);
}
