/* What sampling and planning cost, counted by hand. */
#include "../../../src/run/spent.h"

#include <math.h>

#include "../../support/tap.h"

#define SECOND INT64_C(1000000000)

static void slots_that_wait(void)
{
  static const struct {
    const char *what;
    struct {
      double seconds, slots, open;
    } steps[4];
    double planned, idle_s; /* planned: slots; 0: there is no plan */
  } rows[] = {
    {"all slots open: nothing is lost", {{2, 4, 4}, {3, 4, 4}}, 4, 0},
    {"one task alone for half a second of four slots", {{0.5, 4, 1}, {3, 4, 4}}, 4, 1.5},
    {"slots that run empty between two numbers of threads", {{1, 4, 4}, {0.25, 4, 3}, {0.25, 4, 1}, {1, 4, 4}}, 4, 1},
    {"a plan with more slots: they have been missing from the beginning", {{2, 2, 2}}, 10, 16},
    {"and so have those that were held back", {{1, 2, 1}, {1, 2, 2}}, 10, 17},
    {"a plan with fewer slots: those that were held back stay lost", {{1, 4, 1}}, 1, 3},
    {"no plan came of it", {{1, 4, 1}, {5, 4, 4}}, 0, 3},
    {"more open than there are", {{1, 2, 3}}, 0, 0},
  };

  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    struct amz_spent s = {.began_ns = 0};
    int64_t now_ns = 7 * SECOND;

    for (size_t k = 0; k < 4 && rows[i].steps[k].seconds > 0; k++) {
      amz_spent_go_on(&s, now_ns, rows[i].steps[k].slots, rows[i].steps[k].open);
      now_ns += (int64_t)(rows[i].steps[k].seconds * 1e9);
    }
    amz_spent_count(&s, now_ns);
    if (rows[i].planned > 0)
      amz_spent_planned(&s, rows[i].planned);
    ASSERT_ROW_I64(rows[i].what, lround(s.idle_s * 1e6), lround(rows[i].idle_s * 1e6));
  }
}

int main(void)
{
  static const struct amz_test tests[] = {{"slots that wait", slots_that_wait}, {NULL, NULL}};

  return amz_test_main("run/spent", tests, 0);
}
