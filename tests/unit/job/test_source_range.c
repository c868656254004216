/* Ranges: values by hand and by the rules of decimal arithmetic. */
#include <string.h>

#include "../../../src/job/source.h"
#include "../../support/tap.h"

static const char *value(const struct amz_source *s, uint64_t i, struct amz_buf *out)
{
  amz_buf_reset(out);
  amz_source_value(s, i, out);
  return amz_buf_text(out);
}

/* All values with blanks between, or the first and last ones when they are many. */
static void values(void)
{
  static const struct {
    const char *what, *first, *last, *step;
    uint64_t count;
    const char *expected;
  } rows[] = {
    {"integers", "1", "5", NULL, 5, "1 2 3 4 5"},
    {"one value", "7", "7", NULL, 1, "7"},
    {"one value, whatever the step", "7", "7", "-2", 1, "7"},
    {"down by itself", "3", "1", NULL, 3, "3 2 1"},
    {"down by a step", "10", "1", "-3", 4, "10 7 4 1"},
    {"last not hit", "1", "10", "4", 3, "1 5 9"},
    {"through zero", "-2", "2", "2", 3, "-2 0 2"},
    {"a plus sign and zeros before", "+01", "003", NULL, 3, "1 2 3"},
    {"tenths", "0", "1", "0.1", 11, "0.0 0.1 0.2 0.3 0.4 0.5 0.6 0.7 0.8 0.9 1.0"},
    {"tenths through zero", "-0.2", "0.1", "0.1", 4, "-0.2 -0.1 0.0 0.1"},
    {"as many decimals as written", "1.50", "2", "0.25", 3, "1.50 1.75 2.00"},
    {"the longer of first and step", "1.5", "1.6", "0.05", 3, "1.50 1.55 1.60"},
    {"last's decimals don't count", "0", "0.35", "0.1", 4, "0.0 0.1 0.2 0.3"},
    {"last's decimals don't count, no step", "1", "3.75", NULL, 3, "1 2 3"},
    {"decimal bounds without a step", "0.5", "2.5", NULL, 3, "0.5 1.5 2.5"},
    {"decimals down", "1", "0", "-0.5", 3, "1.0 0.5 0.0"},
    {"exponent", "1e-3", "3e-3", "1e-3", 3, "0.001 0.002 0.003"},
    {"exponent up", "1e2", "3E+2", "1e2", 3, "100 200 300"},
    {"exponent takes decimals away", "1.25e1", "13.5", "0.5", 3, "12.5 13.0 13.5"},
    {"no digit before the point", ".5", "1.", ".5", 2, "0.5 1.0"},
    {"zero with an exponent", "0e9", "2", NULL, 3, "0 1 2"},
    {"ends of 64 bits", "-9223372036854775808", "9223372036854775807", "9223372036854775807", 3,
     "-9223372036854775808 -1 9223372036854775806"},
  };
  struct amz_buf out = AMZ_BUF_INIT, all = AMZ_BUF_INIT;

  for (size_t r = 0; r < sizeof rows / sizeof *rows; r++) {
    struct amz_source *s = NULL;

    ASSERT_ROW_I64(rows[r].what, amz_source_range(rows[r].first, rows[r].last, rows[r].step, NULL, &s), AMZ_OK);
    if (!s)
      continue;
    ASSERT_ROW_U64(rows[r].what, amz_source_count(s), rows[r].count);
    amz_buf_reset(&all);
    for (uint64_t i = 0; i < amz_source_count(s); i++)
      amz_buf_addf(&all, "%s%s", i ? " " : "", value(s, i, &out));
    ASSERT_ROW_TEXT(rows[r].what, amz_buf_text(&all), rows[r].expected);
    amz_source_free(s);
  }
  amz_buf_clear(&out);
  amz_buf_clear(&all);
}

static void large_ranges_do_not_drift(void)
{
  static const struct {
    const char *what, *first, *last, *step;
    uint64_t count, i;
    const char *expected;
  } rows[] = {
    {"10^12 values, the last", "1", "1000000000000", NULL, 1000000000000, 999999999999, "1000000000000"},
    {"10^12 tenths, the middle", "0", "100000000000", "0.1", 1000000000001, 333333333333, "33333333333.3"},
    {"10^12 tenths, the last", "0", "100000000000", "0.1", 1000000000001, 1000000000000, "100000000000.0"},
    {"2^62 values", "1", "4611686018427387904", NULL, UINT64_C(1) << 62, (UINT64_C(1) << 62) - 1, "4611686018427387904"},
    {"36 digits", "0", "0.999999999999999999", "0.000000000000000001", UINT64_C(1000000000000000000), 123456789012345678,
     "0.123456789012345678"},
  };
  struct amz_buf out = AMZ_BUF_INIT;

  for (size_t r = 0; r < sizeof rows / sizeof *rows; r++) {
    struct amz_source *s = NULL;

    ASSERT_ROW_I64(rows[r].what, amz_source_range(rows[r].first, rows[r].last, rows[r].step, NULL, &s), AMZ_OK);
    if (!s)
      continue;
    ASSERT_ROW_U64(rows[r].what, amz_source_count(s), rows[r].count);
    ASSERT_ROW_TEXT(rows[r].what, value(s, rows[r].i, &out), rows[r].expected);
    amz_source_free(s);
  }
  amz_buf_clear(&out);
}

static void refusals(void)
{
  static const struct {
    const char *first, *last, *step, *words;
  } rows[] = {
    {"a", "2", NULL, "first"}, {"1", "", NULL, "last"}, {"1", "2", "x", "step"}, {"1 ", "2", NULL, "first"},
    {" 1", "2", NULL, "first"}, {"1", "2e", NULL, "last"}, {"1", "0x10", NULL, "last"}, {"1", "nan", NULL, "last"},
    {"1", "inf", NULL, "last"}, {"--1", "2", NULL, "first"}, {"1.2.3", "2", NULL, "first"}, {".", "2", NULL, "first"},
    {"1,5", "2", NULL, "first"}, {"", "2", NULL, "first"}, {"e5", "2", NULL, "first"}, {"1", "10", "0", "step is 0"},
    {"1", "10", "0.0", "step is 0"}, {"1", "10", "-1", "leads away"}, {"10", "1", "1", "leads away"},
    {"1", "9223372036854775808", NULL, "64 bits"}, {"-9223372036854775809", "1", NULL, "64 bits"},
    {"0", "4611686018427387904", NULL, "2^62"}, {"0", "1e30", NULL, "2^62"},
    {"-9223372036854775808", "9223372036854775807", NULL, "2^62"}, {"0", "1e40", NULL, "36 digits"},
    {"0", "1", "1e-40", "36 digits"}, {"0", "1e999999999999999999999", NULL, "36 digits"},
    {"0", "1", "1e-999999999999999999999", "36 digits"}, {"1e30", "2e30", "1e-30", "36 digits"},
    {"1234567890123456789012345678901234567", "2", NULL, "36 digits"},
  };

  for (size_t r = 0; r < sizeof rows / sizeof *rows; r++) {
    struct amz_error err = {0, 0, ""};
    struct amz_source *s = NULL;

    ASSERT_ROW_I64(rows[r].words, amz_source_range(rows[r].first, rows[r].last, rows[r].step, &err, &s), AMZ_EINVAL);
    CU_ASSERT(strstr(err.text, rows[r].words) != NULL);
    CU_ASSERT_PTR_NULL(s);
  }
}

int main(void)
{
  static const struct amz_test tests[] = {
    {"values", values}, {"large ranges do not drift", large_ranges_do_not_drift}, {"refusals", refusals}, {NULL, NULL}};

  return amz_test_main("job: ranges", tests, 0);
}
