/* Numbers with units. */
#include <amorsize/units.h>

#include <stdio.h>
#include <time.h>

#include "../../support/tap.h"

static void durations(void)
{
  static const struct {
    const char *text;
    int rc;
    int64_t ns;
  } rows[] = {
    {"0", AMZ_OK, 0}, {"200ms", AMZ_OK, 200000000}, {"1.5s", AMZ_OK, 1500000000}, {"10m", AMZ_OK, 600000000000},
    {"2h", AMZ_OK, 7200000000000}, {"1d", AMZ_OK, 86400000000000}, {"3us", AMZ_OK, 3000}, {"50ns", AMZ_OK, 50},
    {"1h30m", AMZ_OK, 5400000000000}, {"01:30:00", AMZ_OK, 5400000000000}, {"90:00", AMZ_OK, 5400000000000},
    {".5s", AMZ_OK, 500000000}, {"0.1s", AMZ_OK, 100000000}, {"0.3ms", AMZ_OK, 300000},
    {"9007199254740993ns", AMZ_OK, 9007199254740993},
    {"", AMZ_EINVAL, 0}, {"5", AMZ_EINVAL, 0}, {"fast", AMZ_EINVAL, 0}, {"1.s.", AMZ_EINVAL, 0}, {"1 s", AMZ_EINVAL, 0},
    {" 1s", AMZ_EINVAL, 0}, {"1S", AMZ_EINVAL, 0}, {"1s ", AMZ_EINVAL, 0}, {"..s", AMZ_EINVAL, 0}, {"1:60", AMZ_EINVAL, 0},
    {"1:2:3:4", AMZ_EINVAL, 0}, {":", AMZ_EINVAL, 0}, {"-1s", AMZ_ERANGE, 0}, {"300000d", AMZ_ERANGE, 0},
    {"99999999999999999999999s", AMZ_ERANGE, 0}, {"9223372036854775808ns", AMZ_ERANGE, 0}, {"106751d86400s", AMZ_ERANGE, 0},
  };

  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    int64_t ns = 0;

    ASSERT_ROW_I64(rows[i].text, amz_parse_duration(rows[i].text, &ns), rows[i].rc);
    ASSERT_ROW_I64(rows[i].text, ns, rows[i].ns);
  }
}

static void sizes(void)
{
  static const struct {
    const char *text;
    int rc;
    uint64_t bytes;
  } rows[] = {
    {"4096", AMZ_OK, 4096}, {"64K", AMZ_OK, 65536}, {"4KiB", AMZ_OK, 4096}, {"4GiB", AMZ_OK, 4294967296},
        {"1.5G", AMZ_OK, 1610612736},
    {"2TB", AMZ_OK, 2000000000000}, {"1MB", AMZ_OK, 1000000}, {"0", AMZ_OK, 0},
    {"9223372036854775807", AMZ_OK, 9223372036854775807},
    {"", AMZ_EINVAL, 0}, {"4 GiB", AMZ_EINVAL, 0}, {"4GiBs", AMZ_EINVAL, 0}, {"GiB", AMZ_EINVAL, 0}, {"lots", AMZ_EINVAL, 0},
    {"-1", AMZ_ERANGE, 0}, {"9223372036854775808", AMZ_ERANGE, 0}, {"18446744073709551616", AMZ_ERANGE, 0},
    {"99999999TiB", AMZ_ERANGE, 0},
  };

  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    uint64_t bytes = 0;

    ASSERT_ROW_I64(rows[i].text, amz_parse_bytes(rows[i].text, &bytes), rows[i].rc);
    ASSERT_ROW_U64(rows[i].text, bytes, rows[i].bytes);
  }
}

static void integers(void)
{
  int64_t i = 0;
  uint64_t u = 0;

  CU_ASSERT(amz_parse_i64("-9223372036854775808", &i) == AMZ_OK && i == INT64_MIN);
  CU_ASSERT(amz_parse_i64("9223372036854775808", &i) == AMZ_ERANGE);
  CU_ASSERT(amz_parse_i64("+7", &i) == AMZ_OK && i == 7);
  CU_ASSERT(amz_parse_i64("--7", &i) == AMZ_EINVAL);
  CU_ASSERT(amz_parse_i64("0x10", &i) == AMZ_EINVAL);
  CU_ASSERT(amz_parse_u64("18446744073709551615", &u) == AMZ_OK && u == UINT64_MAX);
  CU_ASSERT(amz_parse_u64("18446744073709551616", &u) == AMZ_ERANGE);
  CU_ASSERT(amz_parse_u64("18446744073709551616x", &u) == AMZ_EINVAL);
  CU_ASSERT(amz_parse_u64("-1", &u) == AMZ_EINVAL);
}

static void decimals(void)
{
  double v = 0;

  CU_ASSERT(amz_parse_f64("0.1", &v) == AMZ_OK && v == 0.1);
  CU_ASSERT(amz_parse_f64("-2.5e-3", &v) == AMZ_OK && v == -2.5e-3);
  CU_ASSERT(amz_parse_f64("1e300", &v) == AMZ_OK && v == 1e300);
  CU_ASSERT(amz_parse_f64("nan", &v) == AMZ_EINVAL);
  CU_ASSERT(amz_parse_f64("inf", &v) == AMZ_EINVAL);
  CU_ASSERT(amz_parse_f64("1e", &v) == AMZ_EINVAL);
  CU_ASSERT(amz_parse_f64("1,5", &v) == AMZ_EINVAL);
  CU_ASSERT(amz_parse_f64("1e999", &v) == AMZ_ERANGE);
}

static void printing(void)
{
  char out[64];

  ASSERT_TEXT(amz_format_duration(12, out, sizeof out), "12 ns");
  ASSERT_TEXT(amz_format_duration(12300, out, sizeof out), "12.3 us");
  ASSERT_TEXT(amz_format_duration(213000000, out, sizeof out), "213 ms");
  ASSERT_TEXT(amz_format_duration(999700000, out, sizeof out), "1 s");
  ASSERT_TEXT(amz_format_duration(1240000000, out, sizeof out), "1.24 s");
  ASSERT_TEXT(amz_format_duration(125000000000, out, sizeof out), "2 min 05 s");
  ASSERT_TEXT(amz_format_duration(7500000000000, out, sizeof out), "2 h 05 min");
  ASSERT_TEXT(amz_format_duration(180000000000000, out, sizeof out), "2 d 02 h");
  ASSERT_TEXT(amz_format_bytes(512, out, sizeof out), "512 B");
  ASSERT_TEXT(amz_format_bytes(4294967296, out, sizeof out), "4.0 GiB");
  ASSERT_TEXT(amz_format_bytes(1048575, out, sizeof out), "1.0 MiB");
  ASSERT_TEXT(amz_plural(0), "s");
  ASSERT_TEXT(amz_plural(1), "");
  ASSERT_TEXT(amz_plural(UINT64_C(1) << 32 | 1), "s");
  ASSERT_TEXT(amz_format_count(0, out, sizeof out), "0");
  ASSERT_TEXT(amz_format_count(123, out, sizeof out), "123");
  ASSERT_TEXT(amz_format_time(0, out, sizeof out), "1970-01-01 00:00");
  ASSERT_TEXT(amz_format_time(951827696, out, sizeof out), "2000-02-29 12:34");
  ASSERT_TEXT(amz_format_time(-62167219200, out, sizeof out), "0000-01-01 00:00");
  ASSERT_TEXT(amz_format_time(253402300799, out, sizeof out), "9999-12-31 23:59");
  ASSERT_TEXT(amz_format_time(253402300800, out, sizeof out), "-");
  ASSERT_TEXT(amz_format_time(INT64_MIN, out, sizeof out), "-");
  ASSERT_TEXT(amz_format_count(12345678, out, sizeof out), "12 345 678");
}

/* The system's calendar is the oracle, over steps that meet all months and leap years. */
static void times_of_the_day(void)
{
  char ours[64], theirs[64];

  for (int64_t s = -62167219200; s <= 253402300799; s += 11111111) {
    time_t t = (time_t)s;
    struct tm tm;

    CU_ASSERT_FATAL(gmtime_r(&t, &tm) != NULL);
    (void)snprintf(theirs, sizeof theirs, "%04d-%02d-%02d %02d:%02d", tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday, tm.tm_hour,
                   tm.tm_min);
    ASSERT_TEXT(amz_format_time(s, ours, sizeof ours), theirs);
  }
}

int main(void)
{
  static const struct amz_test tests[] = {
    {"durations", durations}, {"sizes", sizes}, {"integers", integers}, {"decimals", decimals}, {"printing", printing},
        {"times of the day", times_of_the_day}, {NULL, NULL},
  };

  return amz_test_main("units", tests, 0);
}
