/* Parsing and printing numbers with units; exact for whole numbers, no locale. */
#include <amorsize/units.h>

#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

struct unit {
  const char *name;
  uint64_t size;
};

static bool is_digit(char c)
{
  return c >= '0' && c <= '9';
}

int amz_parse_u64(const char *text, uint64_t *ret)
{
  uint64_t v = 0;

  if (!is_digit(*text))
    return AMZ_EINVAL;
  for (; is_digit(*text); text++)
    if (__builtin_mul_overflow(v, 10u, &v) || __builtin_add_overflow(v, (uint64_t)(*text - '0'), &v)) {
      while (is_digit(*text))
        text++;
      return *text ? AMZ_EINVAL : AMZ_ERANGE;
    }
  if (*text)
    return AMZ_EINVAL;
  *ret = v;
  return AMZ_OK;
}

int amz_parse_i64(const char *text, int64_t *ret)
{
  bool negative = *text == '-';
  uint64_t magnitude;
  int rc = amz_parse_u64(*text == '-' || *text == '+' ? text + 1 : text, &magnitude);

  if (rc < 0)
    return rc;
  if (magnitude > (uint64_t)INT64_MAX + (negative ? 1u : 0u))
    return AMZ_ERANGE;
  *ret = negative ? (int64_t)(0 - magnitude) : (int64_t)magnitude;
  return AMZ_OK;
}

/* The longest prefix that is a plain decimal number without sign. \return its length, 0 for none. */
static size_t decimal_prefix(const char *text)
{
  size_t n = strspn(text, "0123456789"), fraction = 0;

  if (text[n] == '.') {
    fraction = strspn(text + n + 1, "0123456789");
    if (n + fraction > 0)
      n += 1 + fraction;
  }
  return n;
}

/* Value of the decimal text[0..n) times unit, rounded to the nearest; digits are taken exactly as far as 64 bits go. */
static int scaled(const char *text, size_t n, uint64_t unit, uint64_t *ret)
{
  uint64_t whole = 0;
  long double fraction = 0, place = 1;
  size_t i = 0;

  for (; i < n && text[i] != '.'; i++)
    if (__builtin_mul_overflow(whole, 10u, &whole) || __builtin_add_overflow(whole, (uint64_t)(text[i] - '0'), &whole))
      return AMZ_ERANGE;
  for (i++; i < n; i++) {
    place /= 10;
    fraction += place * (long double)(text[i] - '0');
  }
  if (__builtin_mul_overflow(whole, unit, &whole) ||
      __builtin_add_overflow(whole, (uint64_t)(fraction * (long double)unit + 0.5L), &whole) || whole > INT64_MAX)
    return AMZ_ERANGE;
  *ret = whole;
  return AMZ_OK;
}

static const struct unit *find_unit(const struct unit *units, const char *text, size_t n)
{
  for (; units->name; units++)
    if (strlen(units->name) == n && strncmp(units->name, text, n) == 0)
      return units;
  return NULL;
}

/* HH:MM:SS or MM:SS, as walltimes are written. */
static int parse_clock(const char *text, int64_t *ret_ns)
{
  unsigned long parts[3] = {0, 0, 0};
  size_t n = 0, digits;

  for (;;) {
    digits = strspn(text, "0123456789");
    if (digits == 0 || digits > 6 || n == 3)
      return AMZ_EINVAL;
    for (; digits; digits--, text++)
      parts[n] = parts[n] * 10 + (unsigned long)(*text - '0');
    n++;
    if (*text == '\0')
      break;
    if (*text++ != ':')
      return AMZ_EINVAL;
  }
  if (n < 2 || parts[n - 1] > 59 || (n == 3 && parts[1] > 59))
    return AMZ_EINVAL;
  if (n == 2)
    *ret_ns = (int64_t)(parts[0] * 60 + parts[1]) * 1000000000;
  else
    *ret_ns = (int64_t)(parts[0] * 3600 + parts[1] * 60 + parts[2]) * 1000000000;
  return AMZ_OK;
}

int amz_parse_duration(const char *text, int64_t *ret_ns)
{
  static const struct unit units[] = {{"ns", 1}, {"us", 1000}, {"µs", 1000}, {"ms", 1000000}, {"s", 1000000000},
    {"min", 60000000000}, {"m", 60000000000}, {"h", 3600000000000}, {"d", 86400000000000}, {NULL, 0}};
  uint64_t total = 0, part;
  int rc;

  if (strcmp(text, "0") == 0) {
    *ret_ns = 0;
    return AMZ_OK;
  }
  if (strchr(text, ':'))
    return parse_clock(text, ret_ns);
  if (*text == '-' && decimal_prefix(text + 1) > 0)
    return AMZ_ERANGE;
  if (!*text)
    return AMZ_EINVAL;
  while (*text) {
    size_t n = decimal_prefix(text), word = strcspn(text + n, "0123456789.");
    const struct unit *unit = n ? find_unit(units, text + n, word) : NULL;

    if (!unit)
      return AMZ_EINVAL;
    rc = scaled(text, n, unit->size, &part);
    if (rc < 0)
      return rc;
    if (__builtin_add_overflow(total, part, &total) || total > INT64_MAX)
      return AMZ_ERANGE;
    text += n + word;
  }
  *ret_ns = (int64_t)total;
  return AMZ_OK;
}

int amz_parse_bytes(const char *text, uint64_t *ret_bytes)
{
  static const struct unit units[] = {{"", 1}, {"B", 1},
    {"K", 1u << 10}, {"k", 1u << 10}, {"Ki", 1u << 10}, {"KiB", 1u << 10}, {"KB", 1000}, {"kB", 1000},
    {"M", 1u << 20}, {"Mi", 1u << 20}, {"MiB", 1u << 20}, {"MB", 1000000},
    {"G", 1u << 30}, {"Gi", 1u << 30}, {"GiB", 1u << 30}, {"GB", 1000000000},
    {"T", UINT64_C(1) << 40}, {"Ti", UINT64_C(1) << 40}, {"TiB", UINT64_C(1) << 40}, {"TB", UINT64_C(1000000000000)},
    {NULL, 0}};
  size_t n = decimal_prefix(text);
  const struct unit *unit;

  if (*text == '-' && decimal_prefix(text + 1) > 0)
    return AMZ_ERANGE;
  unit = n ? find_unit(units, text + n, strlen(text + n)) : NULL;
  if (!unit)
    return AMZ_EINVAL;
  return scaled(text, n, unit->size, ret_bytes);
}

int amz_parse_f64(const char *text, double *ret)
{
  bool negative = *text == '-';
  const char *at = *text == '-' || *text == '+' ? text + 1 : text;
  size_t n = decimal_prefix(at);
  long double v = 0, place = 1;
  int64_t exponent = 0;
  size_t i = 0;
  int rc;

  if (n == 0)
    return AMZ_EINVAL;
  if (at[n] == 'e' || at[n] == 'E') {
    rc = amz_parse_i64(at + n + 1, &exponent);
    if (rc < 0)
      return rc;
  } else if (at[n]) {
    return AMZ_EINVAL;
  }
  for (; i < n && at[i] != '.'; i++)
    v = v * 10 + (long double)(at[i] - '0');
  for (i++; i < n; i++) {
    place *= 10;
    v += (long double)(at[i] - '0') / place;
  }
  if (exponent > 5000 || exponent < -5000)
    return AMZ_ERANGE;
  v *= powl(10, (long double)exponent);
  if (!isfinite((double)v))
    return AMZ_ERANGE;
  *ret = (double)(negative ? -v : v);
  return AMZ_OK;
}

char *amz_format_duration(int64_t ns, char *out, size_t n)
{
  double s = (double)ns * 1e-9;
  int64_t whole = ns / 1000000000 + (ns % 1000000000 >= 500000000);

  if (ns < 0)
    (void)snprintf(out, n, "-");
  else if (ns < 1000)
    (void)snprintf(out, n, "%d ns", (int)ns);
  else if (s < 0.9995e-3)
    (void)snprintf(out, n, "%.3g us", s * 1e6);
  else if (s < 0.9995)
    (void)snprintf(out, n, "%.3g ms", s * 1e3);
  else if (s < 99.95)
    (void)snprintf(out, n, "%.3g s", s);
  else if (whole < 3600)
    (void)snprintf(out, n, "%d min %02d s", (int)(whole / 60), (int)(whole % 60));
  else if (whole < 86400)
    (void)snprintf(out, n, "%d h %02d min", (int)(whole / 3600), (int)(whole % 3600 / 60));
  else
    (void)snprintf(out, n, "%lld d %02d h", (long long)(whole / 86400), (int)(whole % 86400 / 3600));
  return out;
}

/* Years are counted from March, so that the leap day is a year's last: the months' days then follow 153 days in five. */
char *amz_format_time(int64_t s, char *out, size_t n)
{
  int64_t days, minutes, era, day, year;
  int month;

  if (s < -62167219200 || s > 253402300799) {
    (void)snprintf(out, n, "-");
    return out;
  }
  minutes = (s + 62167219200) / 60 % 1440;
  days = (s + 62167219200) / 86400 - 60; /* since 1 March of the year 0 */
  era = (days + 146097) / 146097 - 1;    /* of 400 years; the first two months are in the one before */
  day = days - era * 146097;
  year = (day - day / 1460 + day / 36524 - day / 146096) / 365;
  day -= 365 * year + year / 4 - year / 100;
  month = (int)((5 * day + 2) / 153);
  day -= (153 * month + 2) / 5;
  year += era * 400 + (month >= 10);
  (void)snprintf(out, n, "%04d-%02d-%02d %02d:%02d", (int)year, month < 10 ? month + 3 : month - 9, (int)day + 1,
                 (int)(minutes / 60),
                 (int)(minutes % 60));
  return out;
}

char *amz_format_bytes(uint64_t bytes, char *out, size_t n)
{
  static const char *const names[] = {"KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
  double v = (double)bytes / 1024;
  size_t i = 0;

  if (bytes < 1024) {
    (void)snprintf(out, n, "%d B", (int)bytes);
    return out;
  }
  while (v >= 1023.95 && i + 1 < sizeof names / sizeof *names) {
    v /= 1024;
    i++;
  }
  (void)snprintf(out, n, "%.1f %s", v, names[i]);
  return out;
}

char *amz_format_count(uint64_t count, char *out, size_t n)
{
  char digits[24];
  size_t len, at = 0;

  if (n == 0)
    return out;
  len = (size_t)snprintf(digits, sizeof digits, "%llu", (unsigned long long)count);
  for (size_t i = 0; i < len && at + 2 < n; i++) {
    if (i > 0 && (len - i) % 3 == 0)
      out[at++] = ' ';
    if (at + 1 < n)
      out[at++] = digits[i];
  }
  out[at] = '\0';
  return out;
}

const char *amz_plural(uint64_t n)
{
  return n == 1 ? "" : "s";
}
