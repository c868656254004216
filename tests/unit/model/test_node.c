/* Curves of a profile between, at and beyond their points. Expected values by hand: straight lines. */
#include <math.h>

#include <amorsize/node.h>

#include "../../support/tap.h"

#define POINT(d, c, v, s) {d, c, {.value = (v), .low = (v) - 1, .high = (v) + 2, .n = 5, .source = (s)}}

static struct amz_curve_point points[] = {
  POINT(0, 4, 40, AMZ_MEASURED), POINT(0, 1, 10, AMZ_MEASURED), POINT(0, 8, 44, AMZ_ASSUMED),
  POINT(1, 1, 7, AMZ_MEASURED),  POINT(AMZ_ALL_DOMAINS, 2, 20, AMZ_MEASURED),
};
static const struct amz_node node = {.bandwidth = points, .n_bandwidth = sizeof points / sizeof *points};

static void test_curve(void)
{
  static const struct {
    const char *what;
    uint32_t domain, cores;
    double value, low, high;
    enum amz_source source;
  } rows[] = {
    {"at a point", 0, 4, 40, 39, 42, AMZ_MEASURED},
    {"between two, given out of order", 0, 2, 20, 19, 22, AMZ_MEASURED},
    {"between a measured and an assumed one: assumed", 0, 6, 42, 41, 44, AMZ_ASSUMED},
    {"beyond the last", 0, 64, 44, 43, 46, AMZ_ASSUMED},
    {"before the first", AMZ_ALL_DOMAINS, 1, 20, 19, 22, AMZ_MEASURED},
    {"another domain's only point", 1, 3, 7, 6, 9, AMZ_MEASURED},
    {"no such domain", 2, 1, 0, 0, 0, AMZ_UNKNOWN},
  };

  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    struct amz_quantity q = amz_node_bandwidth(&node, rows[i].domain, rows[i].cores);

    CU_ASSERT(fabs(q.value - rows[i].value) < 1e-9 && fabs(q.low - rows[i].low) < 1e-9 && fabs(q.high - rows[i].high) < 1e-9);
    ASSERT_ROW_I64(rows[i].what, q.source, rows[i].source);
  }
  ASSERT_I64(amz_node_slowdown(&node, 0, 1).source, AMZ_UNKNOWN);
}

static void test_names(void)
{
  ASSERT_TEXT(amz_source_name(AMZ_ASSUMED), "assumed");
  ASSERT_TEXT(amz_source_name(AMZ_MEASURED), "measured");
  ASSERT_TEXT(amz_source_name((enum amz_source)77), "unknown");
}

int main(void)
{
  static const struct amz_test tests[] = {{"curves are read between their points", test_curve},
                                          {"sources have names", test_names}, {NULL, NULL}};

  return amz_test_main("model/node", tests, 0);
}
