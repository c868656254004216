/* The simulator's queue of events against a list that is searched: the earliest first; of equal times what stands in a line
 * before what lies in the heap, and of those of one place the one that was put first. */
#include <stdbool.h>

#include <amorsize/rng.h>

#include "../../src/sim/agenda.h"
#include "../../src/sim/clocks.h"
#include "../support/tap.h"

enum { ITEMS = 600, STEPS = 20000 };

struct listed {
  int64_t at_ns;
  uint64_t value;
  uint64_t where;
};

/* The list keeps the order in which items were put, so that the first of the least is the one to come. */
struct list {
  struct listed items[ITEMS];
  size_t n;
};

static size_t first_of(const struct list *l)
{
  size_t first = 0;

  for (size_t i = 1; i < l->n; i++)
    if (l->items[i].at_ns < l->items[first].at_ns ||
        (l->items[i].at_ns == l->items[first].at_ns && l->items[i].where < l->items[first].where))
      first = i;
  return first;
}

static void drop(struct list *l, size_t which)
{
  for (size_t i = which + 1; i < l->n; i++)
    l->items[i - 1] = l->items[i];
  l->n--;
}

/* \return whether nobody in that line comes later. */
static bool is_last(const struct list *l, uint64_t line, int64_t at_ns)
{
  for (size_t i = 0; i < l->n; i++)
    if (l->items[i].where == line && l->items[i].at_ns > at_ns)
      return false;
  return true;
}

/* Puts what is not before now, into both. */
static void put(struct amz_agenda *a, struct list *l, struct amz_rng *rng, int64_t now_ns, uint64_t spread, uint64_t apart,
                uint64_t value)
{
  uint64_t where = amz_rng_below(rng, AMZ_AGENDA_LINES + 1);
  int64_t at_ns = now_ns + (int64_t)(amz_rng_below(rng, spread) * apart);

  if (where < AMZ_AGENDA_LINES) {
    struct amz_agenda_item item = {at_ns, value, a};
    bool fits = is_last(l, where, at_ns);

    CU_ASSERT_EQUAL_FATAL(amz_agenda_queue(a, (uint32_t)where, &item), fits);
    where = fits ? where : AMZ_AGENDA_HEAP;
  }
  if (where == AMZ_AGENDA_HEAP)
    CU_ASSERT_EQUAL_FATAL(amz_agenda_push(a, at_ns, value), AMZ_OK);
  l->items[l->n++] = (struct listed){at_ns, value, where};
}

/* \return the time of the item that was taken; -1: another one than the list's. */
static int64_t take(struct amz_agenda *a, struct list *l)
{
  size_t first = first_of(l);
  struct listed expected = l->items[first];
  struct amz_agenda_item item = {0};
  uint32_t source;

  if (amz_agenda_take(a, expected.at_ns - 1, &item, &source) != 0 || amz_agenda_take(a, expected.at_ns, &item, &source) != 1)
    return -1;
  drop(l, first);
  if (source != expected.where || (item.with != NULL) != (source != AMZ_AGENDA_HEAP))
    return -1;
  return item.at_ns == expected.at_ns && item.value == expected.value ? item.at_ns : -1;
}

static void test_against_a_list(void)
{
  static const struct {
    const char *row;
    uint64_t spread; /* of times, ahead of now, */
    uint64_t apart;  /* in steps of so much */
    unsigned puts;   /* of ten steps, while there is room */
  } rows[] = {
    {"many of one moment", 3, 1, 6},
    {"short and crowded", 100, 1, 6},
    {"few, far between", UINT64_C(1) << 40, 1, 5},
    {"nearly empty all the time", 50, 1, 4},
    {"a few, often of one moment, that are looked through", 4, 1000, 4},
    {"hours ahead", UINT64_C(1) << 45, 1, 7},
  };

  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    struct amz_agenda agenda = {.last_ns = 0};
    struct list list = {.n = 0};
    struct amz_rng rng;
    int64_t now_ns = 0;

    amz_agenda_init(&agenda);
    amz_rng_seed(&rng, i);
    for (unsigned step = 0; step < STEPS && now_ns >= 0; step++)
      if (list.n == 0 || (list.n < ITEMS && amz_rng_below(&rng, 10) < rows[i].puts))
        put(&agenda, &list, &rng, now_ns, rows[i].spread, rows[i].apart, step);
      else
        now_ns = take(&agenda, &list);
    if (now_ns < 0)
      ASSERT_ROW_I64(rows[i].row, now_ns, 0);
    amz_agenda_clear(&agenda);
  }
}

static void test_ends_of_time(void)
{
  struct amz_agenda a = {.last_ns = 0};
  struct amz_agenda_item item = {0};
  uint32_t source = 0;

  amz_agenda_init(&a);
  CU_ASSERT_EQUAL(amz_agenda_take(&a, INT64_MAX, &item, &source), 0);
  CU_ASSERT_EQUAL(amz_agenda_push(&a, INT64_MAX, 1), AMZ_OK);
  CU_ASSERT_EQUAL(amz_agenda_push(&a, 0, 2), AMZ_OK);
  CU_ASSERT_EQUAL(amz_agenda_take(&a, 0, &item, &source), 1);
  ASSERT_U64(item.value, 2);
  CU_ASSERT_EQUAL(amz_agenda_push(&a, INT64_MAX - 1, 3), AMZ_OK);
  CU_ASSERT_EQUAL(amz_agenda_take(&a, INT64_MAX - 2, &item, &source), 0);
  CU_ASSERT_EQUAL(amz_agenda_take(&a, INT64_MAX, &item, &source), 1);
  ASSERT_U64(item.value, 3);
  CU_ASSERT_EQUAL(amz_agenda_take(&a, INT64_MAX, &item, &source), 0); /* that one never comes */
  amz_agenda_clear(&a);
}

/* Clocks set at random, never among them, against a search through all: the lowest number of those that ring first. */
static void test_clocks(void)
{
  static const struct {
    const char *row;
    uint32_t count;
    uint64_t spread; /* of times; the last of them is never */
  } rows[] = {
    {"one clock", 1, 9},
    {"two, often at one moment", 2, 3},
    {"a few", 7, 50},
    {"a whole tree, all alike or never", 64, 2},
    {"many", 200, 1000},
  };

  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    struct amz_clocks clocks = {.leaves = 0};
    int64_t times[200], at_ns, wrong = 0;
    struct amz_rng rng;

    CU_ASSERT_EQUAL_FATAL(amz_clocks_init(&clocks, rows[i].count), AMZ_OK);
    for (uint32_t n = 0; n < rows[i].count; n++)
      times[n] = INT64_MAX;
    amz_rng_seed(&rng, i);
    for (unsigned step = 0; step < STEPS; step++) {
      uint32_t set = (uint32_t)amz_rng_below(&rng, rows[i].count), least = 0, first;
      uint64_t drawn = amz_rng_below(&rng, rows[i].spread);

      times[set] = drawn == rows[i].spread - 1 ? INT64_MAX : (int64_t)drawn;
      amz_clocks_set(&clocks, set, times[set]);
      for (uint32_t n = 1; n < rows[i].count; n++)
        least = times[n] < times[least] ? n : least;
      first = amz_clocks_first(&clocks, &at_ns);
      wrong += first != least || at_ns != times[least];
    }
    ASSERT_ROW_I64(rows[i].row, wrong, 0);
    amz_clocks_clear(&clocks);
  }
}

int main(void)
{
  static const struct amz_test tests[] = {
    {"the same as a list that is searched", test_against_a_list},
    {"nothing, and the ends of time", test_ends_of_time},
    {"clocks ring as a search says", test_clocks},
    {NULL, NULL},
  };

  return amz_test_main("agenda", tests, 60);
}
