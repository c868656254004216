/* Slots that fit when the number of threads changes: each row worked out by hand from the rule in layout.h. */
#include "../../../src/run/layout.h"

#include <stddef.h>

#include "../../support/tap.h"

static const struct {
  const char *row;
  uint32_t slots, threads, cores, wanted, fit;
} rows[] = {
  {"as launched", 8, 1, 8, 1, 8},
  {"two cores each", 8, 1, 8, 2, 4},
  {"what doesn't divide leaves cores idle", 8, 1, 8, 3, 2},
  {"all cores for one task", 8, 1, 8, 8, 1},
  {"more threads than cores: one slot", 8, 1, 8, 16, 1},
  {"fewer threads don't make slots that the launch hasn't", 2, 4, 8, 1, 2},
  {"slots of several threads taken together", 4, 2, 8, 4, 2},
  {"more slots than cores, as the user said", 8, 1, 2, 2, 4},
  {"fewer slots than cores leave room", 2, 1, 8, 4, 2},
  {"no threads are one", 4, 1, 4, 0, 4},
  {"products beyond 32 bits", 4294967295u, 4294967295u, 8, 4294967295u, 4294967295u},
};

static void test_fit(void)
{
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    const struct amz_layout layout = {.ranks = 1, .slots = rows[i].slots, .threads = rows[i].threads, .cores = rows[i].cores};

    ASSERT_ROW_U64(rows[i].row, amz_layout_fit(&layout, rows[i].cores, rows[i].wanted), rows[i].fit);
  }
}

int main(void)
{
  static const struct amz_test tests[] = {{"slots that fit when the threads change", test_fit}, {NULL, NULL}};

  return amz_test_main("run/layout", tests, 0);
}
