/* Slurm's compressed lists: of hosts and of counts. A name with brackets is taken apart into groups (a literal text and the
 * numbers behind it), which then turn like the wheels of a counter; the bound on hosts bounds the work, whatever the text
 * says. */
#include "hosts.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <amorsize/alloc.h>
#include <amorsize/allocation.h>

#define GROUPS_MAX 8
#define DIGITS_MAX 18 /* of a number in brackets: fits 64 bits */

struct range {
  uint64_t low, high;
  int width;
};

/* A literal text and the bracket behind it. */
struct group {
  const char *text;
  size_t n_text;
  size_t first, n_ranges; /* in expansion.ranges */
  size_t at;              /* the current range, and the number in it */
  uint64_t value;
};

struct expansion {
  const char *whole;      /* the text, for messages */
  struct range *ranges;
  size_t n_ranges, cap_ranges;
  struct group groups[GROUPS_MAX];
  size_t n_groups;
  const char *tail;       /* literal text behind the last bracket */
  size_t n_tail;
  struct amz_hosts *hosts;
  struct amz_error *err;
};

static int malformed(const struct expansion *x, const char *at, const char *what)
{
  return amz_error_set(x->err, AMZ_EINVAL, "%s at character %zu", what, (size_t)(at - x->whole) + 1);
}

/* A number of at most DIGITS_MAX digits. \return where it ends, NULL for none. */
static const char *take_number(const char *at, uint64_t *ret)
{
  size_t n = strspn(at, "0123456789");

  if (n == 0 || n > DIGITS_MAX)
    return NULL;
  *ret = 0;
  for (size_t i = 0; i < n; i++)
    *ret = *ret * 10 + (uint64_t)(at[i] - '0');
  return at + n;
}

/* "3" or "01-16". The first number's width counts, as in Slurm. */
static int take_range(struct expansion *x, const char **at)
{
  struct range r;
  const char *end = take_number(*at, &r.low);

  if (!end)
    return malformed(x, *at, "a number is expected");
  r.width = (int)(end - *at);
  r.high = r.low;
  if (*end == '-') {
    const char *second = end + 1;

    end = take_number(second, &r.high);
    if (!end)
      return malformed(x, second, "a number is expected");
    if (r.high < r.low)
      return malformed(x, second, "a range that runs backwards");
  }
  if (amz_grow((void **)&x->ranges, &x->cap_ranges, x->n_ranges + 1, sizeof *x->ranges) < 0)
    return AMZ_ENOMEM;
  x->ranges[x->n_ranges++] = r;
  *at = end;
  return AMZ_OK;
}

/* The inside of a bracket; *at is behind '[' and ends behind ']'. */
static int take_bracket(struct expansion *x, struct group *g, const char **at)
{
  g->first = x->n_ranges;
  for (;;) {
    int rc = take_range(x, at);

    if (rc < 0)
      return rc;
    if (**at == ']')
      break;
    if (**at != ',')
      return malformed(x, *at, "',' or ']' is expected");
    ++*at;
  }
  ++*at;
  g->n_ranges = x->n_ranges - g->first;
  return AMZ_OK;
}

/* One name with its brackets; *at ends on the comma behind it or on the end of the text. */
static int take_name(struct expansion *x, const char **at)
{
  x->n_groups = 0;
  x->n_ranges = 0;
  for (;;) {
    const char *text = *at;
    int rc;

    *at += strcspn(*at, "[],");
    x->tail = text;
    x->n_tail = (size_t)(*at - text);
    if (**at == ']')
      return malformed(x, *at, "']' without '['");
    if (**at != '[')
      return AMZ_OK;
    if (x->n_groups == GROUPS_MAX)
      return malformed(x, *at, "too many brackets");
    x->groups[x->n_groups] = (struct group){.text = text, .n_text = x->n_tail};
    ++*at;
    if ((rc = take_bracket(x, &x->groups[x->n_groups], at)) < 0)
      return rc;
    x->n_groups++;
  }
}

static void rewind_group(const struct expansion *x, struct group *g)
{
  g->at = 0;
  g->value = x->ranges[g->first].low;
}

/* \return false when it has come round to its beginning. */
static bool turn_group(const struct expansion *x, struct group *g)
{
  if (g->value < x->ranges[g->first + g->at].high) {
    g->value++;
    return true;
  }
  if (++g->at < g->n_ranges) {
    g->value = x->ranges[g->first + g->at].low;
    return true;
  }
  rewind_group(x, g);
  return false;
}

/* The next combination: the last group runs fastest, then the first, the second … (what `scontrol show hostnames` does). */
static bool turn(struct expansion *x)
{
  if (x->n_groups == 0)
    return false;
  if (turn_group(x, &x->groups[x->n_groups - 1]))
    return true;
  for (size_t i = 0; i + 1 < x->n_groups; i++)
    if (turn_group(x, &x->groups[i]))
      return true;
  return false;
}

/* Appends text to name[0..len). \return the new length, which is too long (> AMZ_HOST_NAME_MAX) when it doesn't fit. */
static size_t put(char *name, size_t len, const char *text, size_t n)
{
  if (len > AMZ_HOST_NAME_MAX || n > AMZ_HOST_NAME_MAX - len)
    return AMZ_HOST_NAME_MAX + 1;
  memcpy(name + len, text, n);
  return len + n;
}

static int add_combination(struct expansion *x)
{
  char name[AMZ_HOST_NAME_MAX + 1], digits[DIGITS_MAX + 4];
  size_t len = 0, position;
  int rc;

  for (size_t i = 0; i < x->n_groups; i++) {
    const struct group *g = &x->groups[i];
    int n = snprintf(digits, sizeof digits, "%0*llu", x->ranges[g->first + g->at].width, (unsigned long long)g->value);

    len = put(name, len, g->text, g->n_text);
    len = put(name, len, digits, n > 0 ? (size_t)n : 0);
  }
  len = put(name, len, x->tail, x->n_tail);
  if (len > AMZ_HOST_NAME_MAX)
    return malformed(x, x->tail, "a host name of more than 255 characters");
  rc = amz_hosts_add(x->hosts, name, len, &position);
  if (rc == AMZ_EINVAL)
    return malformed(x, x->n_groups ? x->groups[0].text : x->tail, "what can't be a host name");
  if (rc == AMZ_ERANGE)
    return amz_error_set(x->err, rc, "more than %zu hosts", AMZ_NODES_MAX);
  return rc;
}

static int expand_name(struct expansion *x)
{
  int rc;

  for (size_t i = 0; i < x->n_groups; i++)
    rewind_group(x, &x->groups[i]);
  do
    rc = add_combination(x);
  while (rc == AMZ_OK && turn(x));
  return rc;
}

int amz_hostlist_expand(const char *text, struct amz_hosts *h, struct amz_error *err)
{
  struct expansion x = {.whole = text, .hosts = h, .err = err};
  const char *at = text;
  int rc;

  do {
    if ((rc = take_name(&x, &at)) < 0 || (rc = expand_name(&x)) < 0)
      break;
  } while (*at++ == ',');
  free(x.ranges);
  if (rc == AMZ_ENOMEM)
    (void)amz_error_set(err, rc, "out of memory for the list of hosts");
  if (rc < 0)
    amz_hosts_reset(h);
  return rc;
}

/* "2" or "2(x3)". \return where it ends, NULL when it is neither. */
static const char *take_count(const char *at, uint64_t *ret_value, uint64_t *ret_times)
{
  const char *end = take_number(at, ret_value);

  *ret_times = 1;
  if (!end || *end != '(')
    return end;
  if (end[1] != 'x')
    return NULL;
  end = take_number(end + 2, ret_times);
  return end && *end == ')' ? end + 1 : NULL;
}

int amz_counts_expand(const char *text, uint32_t *ret, size_t n, struct amz_error *err)
{
  const char *at = text;
  size_t filled = 0;

  for (;;) {
    uint64_t value, times;
    const char *end = take_count(at, &value, &times);

    if (!end || (*end != ',' && *end != '\0'))
      return amz_error_set(err, AMZ_EINVAL, "a count like 2 or 2(x3) is expected at character %zu", (size_t)(at - text) + 1);
    if (value == 0 || value > AMZ_NODE_SLOTS_MAX)
      return amz_error_set(err, AMZ_ERANGE, "a count is to be from 1 to %u", AMZ_NODE_SLOTS_MAX);
    if (times == 0 || times > n - filled)
      return amz_error_set(err, AMZ_EINVAL, "not one count for each of %zu nodes", n);
    for (; times > 0; times--)
      ret[filled++] = (uint32_t)value;
    if (*end == '\0')
      break;
    at = end + 1;
  }
  if (filled != n)
    return amz_error_set(err, AMZ_EINVAL, "%zu counts for %zu nodes", filled, n);
  return AMZ_OK;
}
