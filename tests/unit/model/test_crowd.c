/* What tasks take beside few and many others, by hand. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include <amorsize/workload.h>

#include "../../support/tap.h"

/* Ten tasks beside each so many others, of so long each. */
struct seen_at {
  uint32_t busy;
  double wall_s;
};

struct row {
  const char *what;
  struct seen_at at[8];
  double busy, expected; /* expected over what they take at the largest number */
};

static const struct row rows[] = {
  {"seen at one number alone: nothing is known of others", {{4, 0.2}}, 64, 1},
  {"nobody minds neighbours", {{1, 0.2}, {4, 0.2}, {64, 0.2}}, 256, 1},
  {"what was seen comes back", {{1, 0.2}, {4, 0.2}, {16, 0.4}}, 4, 0.5},
  {"so does the reference", {{1, 0.2}, {4, 0.2}, {16, 0.4}}, 16, 1},
  {"fewer than were ever seen: as the fewest", {{4, 0.2}, {16, 0.4}}, 1, 0.5},
  {"between 16 and 64 that double: at 32 by its root", {{16, 0.2}, {64, 0.4}}, 32, 0.70711},
  {"a lock: beyond, twice as many take twice as long", {{4, 0.2}, {16, 0.8}}, 32, 2},
  {"never more than that, as tasks wait for their turn", {{4, 0.2}, {8, 0.8}}, 16, 2},
  {"many that are faster than few were lucky: the mean of both", {{1, 0.3}, {4, 0.2}, {16, 0.2}}, 1, 0.23333 / 0.2},
  {"and flat they stay", {{1, 0.3}, {4, 0.2}, {16, 0.2}}, 64, 0.23333 / 0.2},
};

static void test_rows(void)
{
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    struct amz_observation seen[80];
    struct amz_workload w;
    size_t n = 0;
    double beside;

    for (size_t k = 0; k < 8 && rows[i].at[k].busy; k++)
      for (int j = 0; j < 10; j++, n++)
        seen[n] = (struct amz_observation){.index = (n * 37) % 1000, .threads = 1, .busy = rows[i].at[k].busy,
                                           .wall_s = rows[i].at[k].wall_s, .cpu_s = 0.001};
    ASSERT_ROW_I64(rows[i].what, amz_workload_fit(seen, n, 1000, 0.95, &w), AMZ_OK);
    beside = amz_workload_beside(&w, rows[i].busy);
    if (fabs(beside - rows[i].expected) > 1e-4)
      printf("# %s: %g, not %g\n", rows[i].what, beside, rows[i].expected);
    CU_ASSERT_DOUBLE_EQUAL(beside, rows[i].expected, 1e-4);
    amz_workload_clear(&w);
  }
}

/* Failures and tasks of other threads aren't like those of the reference. */
static void test_left_out(void)
{
  struct amz_observation seen[] = {
    {.index = 0, .threads = 1, .busy = 1, .wall_s = 0.1}, {.index = 1, .threads = 1, .busy = 8, .wall_s = 0.2},
        {.index = 2, .threads = 1, .busy = 8, .wall_s = 0.2},
    {.index = 3, .threads = 2, .busy = 2, .wall_s = 9}, {.index = 4, .threads = 1, .busy = 4, .wall_s = 9, .failed = true},
  };
  struct amz_workload w;

  ASSERT_I64(amz_workload_fit(seen, sizeof seen / sizeof *seen, 10, 0.95, &w), AMZ_OK);
  ASSERT_U64(w.n_crowd, 2);
  CU_ASSERT_DOUBLE_EQUAL(amz_workload_beside(&w, 1), 0.5, 1e-9);
  amz_workload_clear(&w);
}

/* Two that were lucky to run alone don't make one slot better than two: means of 0.1 and 0.15 that scatter by 0.08 are alike, ten
 * times as many are not. */
static void test_chance(void)
{
  for (int many = 0; many < 2; many++) {
    struct amz_observation seen[80];
    struct amz_workload w;
    size_t alone = many ? 40 : 2, n = alone + 40;

    for (size_t i = 0; i < n; i++)
      seen[i] = (struct amz_observation){.index = i, .threads = 1, .busy = i < alone ? 1 : 2,
                                         .wall_s = (i < alone ? 0.1 : 0.15) + (i % 2 ? 0.08 : -0.08)};
    ASSERT_I64(amz_workload_fit(seen, n, 100, 0.95, &w), AMZ_OK);
    CU_ASSERT_DOUBLE_EQUAL(amz_workload_beside(&w, 1) / amz_workload_beside(&w, 2), many ? 0.6667 : 1, 1e-3);
    amz_workload_clear(&w);
  }
}

int main(void)
{
  static const struct amz_test tests[] = {{"by what was seen", test_rows}, {"what doesn't count", test_left_out},
                                          {"chance", test_chance}, {NULL, NULL}};

  return amz_test_main("model: beside many others", tests, 0);
}
