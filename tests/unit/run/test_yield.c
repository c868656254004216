/* Rank 0's slots over sequences of windows: each row is a story, its end worked out by hand from the rule in yield.h. */
#include "../../../src/run/yield.h"

#include <stddef.h>

#include "../../support/tap.h"

struct windows {
  unsigned n;
  double had, missed;
};

static const struct {
  const char *row;
  uint32_t slots;
  struct windows windows[4];
  uint32_t open, fewest;
} rows[] = {
  {"an idle loop keeps all", 4, {{100, 0.01, 0}}, 4, 4},
  {"busy below one half keeps all, starved or not", 4, {{100, 0.3, 0.19}}, 4, 4},
  {"one hot window is a burst", 4, {{1, 0.5, 0.4}, {1, 0.1, 0}, {1, 0.5, 0.4}, {1, 0.3, 0}}, 4, 4},
  {"hot for two: one slot", 4, {{2, 0.6, 0}}, 3, 3},
  {"a core shared with a slot, and all of it wanted", 4, {{2, 0.5, 0.5}}, 3, 3},
  {"busy with a core of its own: one is enough", 4, {{100, 0.93, 0.02}}, 3, 3},
  {"starved: one more every two windows", 4, {{6, 0.6, 0.3}}, 1, 1},
  {"no fewer than none", 2, {{50, 0.5, 0.5}}, 0, 0},
  {"calm for nine windows changes nothing", 4, {{2, 0.6, 0}, {9, 0.1, 0}}, 3, 3},
  {"calm for ten: one back", 4, {{4, 0.4, 0.2}, {10, 0.1, 0}}, 3, 2},
  {"calm for long: all back, no more", 4, {{4, 0.4, 0.2}, {100, 0.1, 0}}, 4, 2},
  {"between hot and calm: as it is", 4, {{2, 0.6, 0}, {100, 0.2, 0.1}}, 3, 3},
  {"a slot of many threads is given up, too", 1, {{2, 0.7, 0}}, 0, 0},
  {"little to schedule, on a machine that others keep busy", 4, {{100, 0.005, 0.6}}, 4, 4},
  {"likewise, with all but nothing left for us", 4, {{100, 0.07, 0.93}}, 4, 4},
  {"others leave a fifth: as much of the wait is counted", 4, {{100, 0.2, 0.8}}, 4, 4},
  {"enough to schedule, and others besides", 4, {{2, 0.3, 0.7}}, 3, 3},
  {"given up, then others come: calm all the same", 4, {{2, 0.6, 0}, {100, 0.05, 0.9}}, 4, 3},
};

static void test_stories(void)
{
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    struct amz_yield y;
    uint32_t open = rows[i].slots;

    amz_yield_init(&y, rows[i].slots);
    for (size_t k = 0; k < 4; k++)
      for (unsigned n = 0; n < rows[i].windows[k].n; n++)
        open = amz_yield_window(&y, rows[i].windows[k].had, rows[i].windows[k].missed);
    ASSERT_ROW_U64(rows[i].row, open, rows[i].open);
    ASSERT_ROW_U64(rows[i].row, y.fewest, rows[i].fewest);
  }
}

static void test_why(void)
{
  struct amz_yield y;

  amz_yield_init(&y, 3);
  (void)amz_yield_window(&y, 0.5, 0.0625);
  (void)amz_yield_window(&y, 0.5, 0.125);
  (void)amz_yield_window(&y, 0.5, 0.25);
  (void)amz_yield_window(&y, 0.5, 0.5);
  CU_ASSERT_EQUAL(y.busy, 0.625); /* the window that made it give up the first */
}

int main(void)
{
  static const struct amz_test tests[] = {{"when slots are given up and taken back", test_stories},
                                          {"what is told of the reason", test_why}, {NULL, NULL}};

  return amz_test_main("run/yield", tests, 0);
}
