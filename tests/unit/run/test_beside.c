/* How many others a task ran beside: by hand, over lives of slots. */
#include "../../../src/run/beside.h"

#include "../../support/tap.h"

/* Tasks of 10 s on four slots: one alone for 10 s, then four at the same time, of which nothing follows any, and which end at 20,
 * 21, 22 and 30 s. */
static void test_drain(void)
{
  static const struct {
    const char *what;
    int64_t from_s, until_s;
    uint32_t busy;
  } rows[] = {
    {"alone", 0, 10, 1},
    {"the first of four", 10, 20, 4},
    {"the second: 43 over 11, though one of three at its end", 10, 21, 4},
    {"the third: 10 × 4 + 3 + 2 over 12", 10, 22, 4},
    {"the last, mostly alone: 10 × 4 + 3 + 2 + 8 over 20", 10, 30, 3},
    {"one that began when three were left: 3 + 2 + 8 over 10", 20, 30, 1},
    {"no time: as many as are so now", 30, 30, 1},
  };
  static const struct {
    int64_t at_s;
    uint32_t busy;
  } steps[] = {{0, 1}, {10, 4}, {20, 3}, {21, 2}, {22, 1}};

  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    struct amz_beside b = {.busy = 0};
    struct amz_beside_mark mark = {0, 0};
    size_t k = 0;

    for (int64_t s = 0; s <= rows[i].until_s; s++) {
      if (k < sizeof steps / sizeof *steps && steps[k].at_s == s)
        amz_beside_note(&b, s, steps[k++].busy);
      if (s == rows[i].from_s)
        mark = amz_beside_begin(&b, s);
    }
    ASSERT_ROW_U64(rows[i].what, amz_beside_since(&b, &mark, rows[i].until_s), rows[i].busy);
  }
}

static void test_odd(void)
{
  struct amz_beside b = {.busy = 0};
  struct amz_beside_mark mark;

  amz_beside_note(&b, 100, 3);
  amz_beside_note(&b, 90, 5); /* a clock that goes back adds nothing */
  mark = amz_beside_begin(&b, 100);
  ASSERT_U64(amz_beside_since(&b, &mark, 110), 5);
  amz_beside_note(&b, 110, 0);
  mark = amz_beside_begin(&b, 110);
  ASSERT_U64(amz_beside_since(&b, &mark, 110), 1); /* itself, at least */
  ASSERT_U64(amz_beside_since(&b, &mark, 200), 1);
}

int main(void)
{
  static const struct amz_test tests[] = {
    {"a sample that comes to its end", test_drain}, {"nobody, no time, a clock that goes back", test_odd}, {NULL, NULL},
  };

  return amz_test_main("run/beside", tests, 0);
}
