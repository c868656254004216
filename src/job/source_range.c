/* Ranges of numbers in exact decimal arithmetic: value i is first + i*step, computed from i, so that nothing drifts.
 *
 * All three numbers are held as 128-bit integers scaled by one common power of ten. Each is below 10^36 in magnitude; every
 * value lies between first and last, and i*step below 2*10^36, so no product or sum can overflow (2^127 is about 1.7*10^38). */
#include <stdlib.h>
#include <string.h>

#include <amorsize/job.h>

#include "source_impl.h"

__extension__ typedef __int128 wide;

#define DIGITS_MAX 36

/* mantissa / 10^decimals */
struct decimal {
  wide mantissa;
  unsigned decimals;
  bool whole; /* written without point and exponent */
};

struct range {
  struct amz_source base;
  wide first, step;          /* scaled by 10^scale */
  unsigned scale, decimals;  /* digits held behind the point, and of them those printed */
};

/* *v := *v * 10^n + digit; false when it would pass the bound. */
static bool shift_in(wide *v, unsigned n, int digit)
{
  wide bound = 1;

  for (unsigned i = 0; i < DIGITS_MAX; i++)
    bound *= 10;
  for (; n > 0 && *v != 0; n--) {
    if (*v >= bound / 10)
      return false;
    *v *= 10;
  }
  *v += digit;
  return true;
}

/* Reads digits with at most one point. \return how many characters; 0: not a number or too long. */
static size_t read_mantissa(const char *text, struct decimal *d, size_t *ret_fraction)
{
  size_t i, digits = 0, fraction = 0;
  bool point = false;

  for (i = 0; (text[i] >= '0' && text[i] <= '9') || (text[i] == '.' && !point); i++) {
    if (text[i] == '.') {
      point = true;
      continue;
    }
    digits++;
    fraction += point;
    if (!shift_in(&d->mantissa, 1, text[i] - '0'))
      return 0;
  }
  d->whole = !point;
  *ret_fraction = fraction;
  return digits && fraction <= DIGITS_MAX ? i : 0;
}

/* Reads "e-3". \return how many characters (0: there is none, or a bad one). */
static size_t read_exponent(const char *text, long *ret)
{
  size_t i = 1;
  long value = 0;
  bool negative;

  if (text[0] != 'e' && text[0] != 'E')
    return 0;
  negative = text[i] == '-';
  i += text[i] == '-' || text[i] == '+';
  if (text[i] < '0' || text[i] > '9')
    return 0;
  for (; text[i] >= '0' && text[i] <= '9'; i++)
    if (value <= 1000)
      value = value * 10 + (text[i] - '0');
  *ret = negative ? -value : value;
  return i;
}

/* Value and number of decimals as written; an exponent moves the point: 1e-3 is 0.001 and 1.50e1 is 15.0. */
static bool parse_decimal(const char *text, struct decimal *ret)
{
  struct decimal d = {0, 0, true};
  bool negative = text[0] == '-';
  const char *s = text + (text[0] == '-' || text[0] == '+');
  size_t fraction = 0, used = read_mantissa(s, &d, &fraction), more;
  long exponent = 0, decimals;

  if (used == 0)
    return false;
  more = read_exponent(s + used, &exponent);
  d.whole = d.whole && more == 0;
  if (s[used + more] != '\0')
    return false;
  decimals = (long)fraction - exponent;
  if (decimals > DIGITS_MAX || (decimals < 0 && !shift_in(&d.mantissa, (unsigned)-decimals, 0)))
    return false;
  d.decimals = decimals > 0 ? (unsigned)decimals : 0;
  if (negative)
    d.mantissa = -d.mantissa;
  *ret = d;
  return true;
}

static bool rescale(struct decimal *d, unsigned scale)
{
  wide v = d->mantissa < 0 ? -d->mantissa : d->mantissa;

  if (!shift_in(&v, scale - d->decimals, 0))
    return false;
  d->mantissa = d->mantissa < 0 ? -v : v;
  return true;
}

static void add_digits(struct amz_buf *out, wide magnitude, unsigned decimals)
{
  char digits[48];
  size_t at = sizeof digits;
  unsigned n = 0;

  do {
    if (n == decimals && decimals > 0)
      digits[--at] = '.';
    digits[--at] = (char)('0' + (int)(magnitude % 10));
    magnitude /= 10;
    n++;
  } while (magnitude > 0 || n <= decimals);
  amz_buf_add(out, digits + at, sizeof digits - at);
}

static void range_value(const struct amz_source *s, uint64_t i, struct amz_buf *out)
{
  const struct range *r = (const struct range *)s;
  wide v = r->first + (wide)i * r->step;

  /* first and step have no more decimals than are printed: only zeros are dropped */
  for (unsigned k = r->scale; k > r->decimals; k--)
    v /= 10;
  if (v < 0)
    amz_buf_addc(out, '-');
  add_digits(out, v < 0 ? -v : v, r->decimals);
}

static void range_release(struct amz_source *s)
{
  free(s);
}

static const struct amz_source_kind range_kind = {range_value, range_release};

static unsigned larger(unsigned a, unsigned b)
{
  return a > b ? a : b;
}

static bool fits_64_bits(const struct decimal *d)
{
  return d->mantissa >= INT64_MIN && d->mantissa <= INT64_MAX;
}

static int read_bound(const char *text, const char *what, struct amz_error *err, struct decimal *ret)
{
  if (!parse_decimal(text, ret))
    return amz_error_set(err, AMZ_EINVAL,
                         "range: %s: expected a number like 10, -2.5 or 1e-3 of at most %d digits, got \"%.80s\"", what,
                         DIGITS_MAX, text);
  if (ret->whole && !fits_64_bits(ret))
    return amz_error_set(err, AMZ_EINVAL, "range: %s: the integer %.80s does not fit 64 bits", what, text);
  return AMZ_OK;
}

/* Reads the three numbers and brings them to one scale. */
static int read_bounds(const char *first, const char *last, const char *step, struct amz_error *err, struct decimal d[3],
                       unsigned *ret_decimals)
{
  unsigned scale;
  int rc;

  if ((rc = read_bound(first, "first", err, &d[0])) < 0 || (rc = read_bound(last, "last", err, &d[1])) < 0)
    return rc;
  if (step && (rc = read_bound(step, "step", err, &d[2])) < 0)
    return rc;
  scale = larger(larger(d[0].decimals, d[1].decimals), step ? d[2].decimals : 0);
  *ret_decimals = larger(d[0].decimals, step ? d[2].decimals : 0);
  if (!rescale(&d[0], scale) || !rescale(&d[1], scale))
    goto too_long;
  if (!step)
    d[2] = (struct decimal){d[1].mantissa < d[0].mantissa ? -1 : 1, 0, true};
  if (!rescale(&d[2], scale))
    goto too_long;
  d[0].decimals = d[1].decimals = d[2].decimals = scale;
  return AMZ_OK;
too_long:
  return amz_error_set(err, AMZ_EINVAL, "range: its numbers need more than %d digits together", DIGITS_MAX);
}

int amz_source_range(const char *first, const char *last, const char *step, struct amz_error *err, struct amz_source **ret)
{
  struct decimal d[3] = {{0, 0, true}, {0, 0, true}, {0, 0, true}};
  unsigned decimals = 0;
  struct range *r;
  wide span, last_index;
  int rc = read_bounds(first, last, step, err, d, &decimals);

  if (rc < 0)
    return rc;
  if (d[2].mantissa == 0)
    return amz_error_set(err, AMZ_EINVAL, "range: the step is 0");
  span = d[1].mantissa - d[0].mantissa;
  if ((span < 0 && d[2].mantissa > 0) || (span > 0 && d[2].mantissa < 0))
    return amz_error_set(err, AMZ_EINVAL, "range: the step %.80s leads away from %.80s to %.80s", step, first, last);
  last_index = span / d[2].mantissa;
  if (last_index >= (wide)AMZ_JOB_TASKS_MAX)
    return amz_error_set(err, AMZ_EINVAL, "range: more than 2^62 values");
  r = calloc(1, sizeof *r);
  if (!r)
    return amz_error_set(err, AMZ_ENOMEM, "out of memory for a range");
  r->base = (struct amz_source){&range_kind, (uint64_t)last_index + 1};
  r->first = d[0].mantissa;
  r->step = d[2].mantissa;
  r->scale = d[0].decimals;
  r->decimals = decimals;
  *ret = &r->base;
  return AMZ_OK;
}
