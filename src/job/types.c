/* The types that keys have: how each is read from a value, and what it is called when it isn't one. */
#include "schema.h"

#include <stdlib.h>
#include <string.h>

#include <amorsize/job.h>
#include <amorsize/units.h>

#define NAMED(type) const struct amz_type amz_type_##type

static const char *scalar(const struct amz_yaml *node)
{
  return node->kind == AMZ_YAML_SCALAR && !amz_yaml_null(node) ? node->text : NULL;
}

/* ---- numbers ---- */

static int read_duration(struct amz_reader *r, const struct amz_key *key, const struct amz_yaml *node, void *target)
{
  const char *text = scalar(node);
  int64_t value, min, max;
  int rc;

  (void)r;
  if (!text)
    return AMZ_EINVAL;
  rc = amz_parse_duration(text, &value);
  if (rc < 0)
    return rc;
  if ((key->min && amz_parse_duration(key->min, &min) == AMZ_OK && value < min) ||
      (key->max && amz_parse_duration(key->max, &max) == AMZ_OK && value > max))
    return AMZ_ERANGE;
  memcpy(target, &value, sizeof value);
  return AMZ_OK;
}

NAMED(duration) = {"a duration like 200ms", sizeof(int64_t), read_duration, NULL};

static int read_bytes(struct amz_reader *r, const struct amz_key *key, const struct amz_yaml *node, void *target)
{
  const char *text = scalar(node);
  uint64_t value, min, max;
  int rc;

  (void)r;
  if (!text)
    return AMZ_EINVAL;
  rc = amz_parse_bytes(text, &value);
  if (rc < 0)
    return rc;
  if ((key->min && amz_parse_bytes(key->min, &min) == AMZ_OK && value < min) ||
      (key->max && amz_parse_bytes(key->max, &max) == AMZ_OK && value > max))
    return AMZ_ERANGE;
  memcpy(target, &value, sizeof value);
  return AMZ_OK;
}

NAMED(bytes) = {"a size like 4GiB", sizeof(uint64_t), read_bytes, NULL};

/* A whole number in [min, max]; a negative one is out of range, not something else. */
static int whole(const struct amz_key *key, const char *text, uint64_t *ret)
{
  uint64_t value, min, max;
  int64_t negative;
  int rc = amz_parse_u64(text, &value);

  if (rc == AMZ_EINVAL && (amz_parse_i64(text, &negative) != AMZ_EINVAL))
    return AMZ_ERANGE;
  if (rc < 0)
    return rc;
  if ((key->min && amz_parse_u64(key->min, &min) == AMZ_OK && value < min) ||
      (key->max && amz_parse_u64(key->max, &max) == AMZ_OK && value > max))
    return AMZ_ERANGE;
  *ret = value;
  return AMZ_OK;
}

static int read_count(struct amz_reader *r, const struct amz_key *key, const struct amz_yaml *node, void *target)
{
  const char *text = scalar(node);
  uint64_t value;
  uint32_t count;
  int rc;

  (void)r;
  if (!text)
    return AMZ_EINVAL;
  rc = whole(key, text, &value);
  if (rc < 0)
    return rc;
  if (value >= AMZ_AUTO)
    return AMZ_ERANGE;
  count = (uint32_t)value;
  memcpy(target, &count, sizeof count);
  return AMZ_OK;
}

NAMED(count) = {"a whole number", sizeof(uint32_t), read_count, NULL};

static int read_count_or_auto(struct amz_reader *r, const struct amz_key *key, const struct amz_yaml *node, void *target)
{
  static const uint32_t automatic = AMZ_AUTO;
  const char *text = scalar(node);

  if (!text || strcmp(text, "auto") != 0)
    return read_count(r, key, node, target);
  memcpy(target, &automatic, sizeof automatic);
  return AMZ_OK;
}

NAMED(count_or_auto) = {"a whole number or auto", sizeof(uint32_t), read_count_or_auto, NULL};

static int read_counts(struct amz_reader *r, const struct amz_key *key, const struct amz_yaml *node, void *target)
{
  uint32_t pair[2];
  int rc = AMZ_OK;

  if (node->kind != AMZ_YAML_LIST || node->n != 2)
    return AMZ_EINVAL;
  for (size_t i = 0; i < 2 && rc == AMZ_OK; i++)
    rc = read_count(r, key, node->items[i], &pair[i]);
  if (rc == AMZ_OK)
    memcpy(target, pair, sizeof pair);
  return rc;
}

NAMED(counts) = {"two whole numbers like [5, 50]", sizeof(uint32_t[2]), read_counts, NULL};

/* "0.05" or "5%". */
static int share(const char *text, double *ret)
{
  size_t n = strlen(text);
  char digits[64];
  double value;
  bool percent = n > 0 && text[n - 1] == '%';
  int rc;

  if (n >= sizeof digits)
    return AMZ_EINVAL;
  memcpy(digits, text, n + 1);
  if (percent)
    digits[n - 1] = '\0';
  rc = amz_parse_f64(digits, &value);
  if (rc < 0)
    return rc;
  if (percent)
    value /= 100;
  if (!(value >= 0 && value <= 1))
    return AMZ_ERANGE;
  *ret = value;
  return AMZ_OK;
}

static int read_share(struct amz_reader *r, const struct amz_key *key, const struct amz_yaml *node, void *target)
{
  const char *text = scalar(node);
  double value;
  int rc;

  (void)r;
  (void)key;
  if (!text)
    return AMZ_EINVAL;
  rc = share(text, &value);
  if (rc == AMZ_OK)
    memcpy(target, &value, sizeof value);
  return rc;
}

NAMED(share) = {"a share like 0.8 or 80%", sizeof(double), read_share, "between 0 and 1"};

static int read_share_open(struct amz_reader *r, const struct amz_key *key, const struct amz_yaml *node, void *target)
{
  double value;
  int rc = read_share(r, key, node, &value);

  if (rc < 0)
    return rc;
  if (!(value > 0 && value < 1))
    return AMZ_ERANGE;
  memcpy(target, &value, sizeof value);
  return AMZ_OK;
}

NAMED(share_open) = {"a share like 0.95 or 95%", sizeof(double), read_share_open, "above 0 and below 1"};

static int read_stop_after(struct amz_reader *r, const struct amz_key *key, const struct amz_yaml *node, void *target)
{
  struct amz_stop_after value = {.set = true};
  const char *text = scalar(node);
  int rc;

  (void)r;
  if (!text)
    return AMZ_EINVAL;
  value.is_share = strchr(text, '%') != NULL;
  rc = value.is_share ? share(text, &value.share) : whole(key, text, &value.count);
  if (rc < 0)
    return rc;
  if (value.is_share && !(value.share > 0))
    return AMZ_ERANGE;
  memcpy(target, &value, sizeof value);
  return AMZ_OK;
}

NAMED(stop_after) = {"a number of failures like 10 or a share like 5%", sizeof(struct amz_stop_after), read_stop_after,
  "at least 1, or above 0% and up to 100%"};

static int read_statuses(struct amz_reader *r, const struct amz_key *key, const struct amz_yaml *node, void *target)
{
  struct amz_yaml *const one[] = {(struct amz_yaml *)(uintptr_t)node}, *const *items =
      node->kind == AMZ_YAML_LIST ? node->items : one;
  size_t n = node->kind == AMZ_YAML_LIST ? node->n : 1;
  uint64_t bits[4] = {0, 0, 0, 0};
  uint32_t status;
  int rc = n > 0 ? AMZ_OK : AMZ_EINVAL;

  for (size_t i = 0; i < n && rc == AMZ_OK; i++) {
    rc = read_count(r, key, items[i], &status);
    if (rc == AMZ_OK)
      bits[status / 64] |= UINT64_C(1) << status % 64;
  }
  if (rc == AMZ_OK)
    memcpy(target, bits, sizeof bits);
  return rc;
}

NAMED(statuses) = {"an exit status or a list of them like [0, 3]", sizeof(uint64_t[4]), read_statuses, NULL};

/* ---- words ---- */

static int read_bool(struct amz_reader *r, const struct amz_key *key, const struct amz_yaml *node, void *target)
{
  const char *text = scalar(node);
  bool value = text && strcmp(text, "true") == 0;

  (void)r;
  (void)key;
  if (!text || (!value && strcmp(text, "false") != 0))
    return AMZ_EINVAL;
  memcpy(target, &value, sizeof value);
  return AMZ_OK;
}

NAMED(bool) = {"true or false", sizeof(bool), read_bool, NULL};

static int choice(const struct amz_key *key, const struct amz_yaml *node, unsigned *ret)
{
  const char *text = scalar(node);

  for (unsigned i = 0; text && key->names[i]; i++)
    if (strcmp(text, key->names[i]) == 0) {
      *ret = i;
      return AMZ_OK;
    }
  return AMZ_EINVAL;
}

_Static_assert(sizeof(enum amz_preset) == sizeof(unsigned) && sizeof(enum amz_goal) == sizeof(unsigned) &&
               sizeof(enum amz_reduce) == sizeof(unsigned), "a choice is stored as an unsigned");

static int read_choice(struct amz_reader *r, const struct amz_key *key, const struct amz_yaml *node, void *target)
{
  unsigned value;
  int rc = choice(key, node, &value);

  (void)r;
  if (rc == AMZ_OK)
    memcpy(target, &value, sizeof value);
  return rc;
}

NAMED(choice) = {NULL, sizeof(unsigned), read_choice, NULL};

static int read_second(struct amz_reader *r, const struct amz_key *key, const struct amz_yaml *node, void *target)
{
  unsigned value;
  bool second;
  int rc = choice(key, node, &value);

  (void)r;
  if (rc < 0)
    return rc;
  second = value == 1;
  memcpy(target, &second, sizeof second);
  return AMZ_OK;
}

NAMED(second) = {NULL, sizeof(bool), read_second, NULL};

/* ---- texts ---- */

static int read_text(struct amz_reader *r, const struct amz_key *key, const struct amz_yaml *node, void *target)
{
  const char *text = scalar(node);
  char *copy;

  (void)key;
  if (!text || !*text)
    return AMZ_EINVAL;
  copy = amz_arena_strndup(r->arena, text, node->len);
  if (!copy)
    return AMZ_ENOMEM;
  memcpy(target, &copy, sizeof copy);
  return AMZ_OK;
}

NAMED(text) = {"a text", sizeof(const char *), read_text, NULL};

static bool is_texts(const struct amz_yaml *node)
{
  if (node->kind != AMZ_YAML_LIST)
    return scalar(node) && node->len > 0;
  for (size_t i = 0; i < node->n; i++)
    if (!scalar(node->items[i]))
      return false;
  return node->n > 0;
}

static int read_texts(struct amz_reader *r, const struct amz_key *key, const struct amz_yaml *node, void *target)
{
  size_t n = node->kind == AMZ_YAML_LIST ? node->n : 1;
  const char **items;
  struct amz_texts value;

  (void)key;
  if (!is_texts(node))
    return AMZ_EINVAL;
  items = amz_arena_array(r->arena, n, sizeof *items);
  if (!items)
    return AMZ_ENOMEM;
  for (size_t i = 0; i < n; i++) {
    const struct amz_yaml *item = node->kind == AMZ_YAML_LIST ? node->items[i] : node;

    items[i] = amz_arena_strndup(r->arena, item->text, item->len);
    if (!items[i])
      return AMZ_ENOMEM;
  }
  value = (struct amz_texts){items, n};
  memcpy(target, &value, sizeof value);
  return AMZ_OK;
}

NAMED(texts) = {"a text or a list of texts", sizeof(struct amz_texts), read_texts, NULL};

/* ---- nodes ---- */

static int read_text_node(struct amz_reader *r, const struct amz_key *key, const struct amz_yaml *node, void *target)
{
  (void)r;
  (void)key;
  if (!scalar(node) || node->len == 0)
    return AMZ_EINVAL;
  memcpy(target, &node, sizeof node);
  return AMZ_OK;
}

NAMED(text_node) = {"a text", sizeof(const struct amz_yaml *), read_text_node, NULL};

static int read_texts_node(struct amz_reader *r, const struct amz_key *key, const struct amz_yaml *node, void *target)
{
  (void)r;
  (void)key;
  if (!is_texts(node))
    return AMZ_EINVAL;
  memcpy(target, &node, sizeof node);
  return AMZ_OK;
}

NAMED(texts_node) = {"a text or a list of texts", sizeof(const struct amz_yaml *), read_texts_node, NULL};

static int read_map_node(struct amz_reader *r, const struct amz_key *key, const struct amz_yaml *node, void *target)
{
  (void)r;
  (void)key;
  if (node->kind != AMZ_YAML_MAP)
    return AMZ_EINVAL;
  memcpy(target, &node, sizeof node);
  return AMZ_OK;
}

NAMED(map_node) = {"a mapping of names to values", sizeof(const struct amz_yaml *), read_map_node, NULL};

static int read_text_or_map_node(struct amz_reader *r, const struct amz_key *key, const struct amz_yaml *node, void *target)
{
  return node->kind == AMZ_YAML_MAP ? read_map_node(r, key, node, target) : read_text_node(r, key, node, target);
}

NAMED(text_or_map_node) = {"a text or a mapping", sizeof(const struct amz_yaml *), read_text_or_map_node, NULL};

static int read_any_node(struct amz_reader *r, const struct amz_key *key, const struct amz_yaml *node, void *target)
{
  (void)r;
  (void)key;
  if (amz_yaml_null(node))
    return AMZ_EINVAL;
  memcpy(target, &node, sizeof node);
  return AMZ_OK;
}

NAMED(any_node) = {"a value", sizeof(const struct amz_yaml *), read_any_node, NULL};
