/* A node's profile from JSON, by the tables of node_fields.c. A profile may come from anybody: every number is bounded, every
 * position checked, and what is wrong is told with the key that holds it. */
#include <amorsize/profile.h>

#include <jansson.h>
#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <amorsize/alloc.h>

#include "node_fields.h"

/* Where we are, as "costs.launches[2].seconds", and what went wrong first. */
struct reader {
  char path[256];
  size_t len;
  struct amz_error *err;
};

/* \return the length to go back to. */
static size_t enter(struct reader *r, const char *key)
{
  size_t before = r->len;
  int n = snprintf(r->path + r->len, sizeof r->path - r->len, "%s%s", r->len ? "." : "", key);

  r->len = n > 0 && r->len + (size_t)n < sizeof r->path ? r->len + (size_t)n : r->len;
  return before;
}

static size_t enter_row(struct reader *r, size_t i)
{
  size_t before = r->len;
  int n = snprintf(r->path + r->len, sizeof r->path - r->len, "[%zu]", i);

  r->len = n > 0 && r->len + (size_t)n < sizeof r->path ? r->len + (size_t)n : r->len;
  return before;
}

static void leave(struct reader *r, size_t before)
{
  r->len = before;
  r->path[before] = '\0';
}

static int expected(struct reader *r, const char *what, const json_t *got)
{
  static const char *const names[] = {[JSON_OBJECT] = "an object", [JSON_ARRAY] = "an array", [JSON_STRING] = "a text",
    [JSON_INTEGER] = "a whole number", [JSON_REAL] = "a number", [JSON_TRUE] = "true", [JSON_FALSE] = "false",
    [JSON_NULL] = "null"};

  if (!got)
    return amz_error_set(r->err, AMZ_EINVAL, "%s is missing: expected %s", r->path, what);
  return amz_error_set(r->err, AMZ_EINVAL, "%s: expected %s, got %s", r->path, what, names[json_typeof(got)]);
}

static int out_of_range(struct reader *r, const char *range)
{
  return amz_error_set(r->err, AMZ_EINVAL, "%s: out of range, expected %s", r->path, range);
}

/* ---- values ----------------------------------------------------------------------------------------------------------- */

static int get_integer(struct reader *r, const json_t *v, json_int_t min, json_int_t max, json_int_t *ret)
{
  char range[64];

  if (!json_is_integer(v))
    return expected(r, "a whole number", v);
  if (json_integer_value(v) < min || json_integer_value(v) > max) {
    (void)snprintf(range, sizeof range, "%lld to %lld", (long long)min, (long long)max);
    return out_of_range(r, range);
  }
  *ret = json_integer_value(v);
  return AMZ_OK;
}

static int get_u32(struct reader *r, const json_t *v, uint32_t *ret)
{
  json_int_t n;
  int rc = get_integer(r, v, 0, UINT32_MAX - 1, &n); /* the largest one means: none */

  if (rc == AMZ_OK)
    *ret = (uint32_t)n;
  return rc;
}

static int get_wide(struct reader *r, const json_t *v, json_int_t min, int64_t *ret)
{
  json_int_t n;
  int rc = get_integer(r, v, min, INT64_MAX, &n);

  if (rc == AMZ_OK)
    *ret = (int64_t)n;
  return rc;
}

static int get_int(struct reader *r, const json_t *v, int *ret)
{
  json_int_t n;
  int rc = get_integer(r, v, INT_MIN, INT_MAX, &n);

  if (rc == AMZ_OK)
    *ret = (int)n;
  return rc;
}

static int get_real(struct reader *r, const json_t *v, double *ret)
{
  double d = json_number_value(v);

  if (!json_is_number(v))
    return expected(r, "a number", v);
  if (!isfinite(d) || d < 0)
    return out_of_range(r, "a finite number, 0 or more");
  *ret = d;
  return AMZ_OK;
}

static int get_share(struct reader *r, const json_t *v, double *ret)
{
  int rc = AMZ_OK;

  if (json_is_null(v))
    *ret = -1;
  else
    rc = get_real(r, v, ret);
  return rc;
}

static int get_pair(struct reader *r, const json_t *v, double *ret)
{
  int rc;

  if (!json_is_array(v) || json_array_size(v) != 2)
    return expected(r, "an array of two numbers", v);
  rc = get_real(r, json_array_get(v, 0), &ret[0]);
  return rc < 0 ? rc : get_real(r, json_array_get(v, 1), &ret[1]);
}

static int get_flag(struct reader *r, const json_t *v, bool *ret)
{
  if (!json_is_boolean(v))
    return expected(r, "true or false", v);
  *ret = json_is_true(v);
  return AMZ_OK;
}

/* Owned by the struct at once, so that clearing it releases it. */
static int get_text(struct reader *r, const json_t *v, char **ret)
{
  size_t n = json_string_length(v);

  if (!json_is_string(v))
    return expected(r, "a text", v);
  if (n > AMZ_PROFILE_TEXT_MAX || memchr(json_string_value(v), '\0', n))
    return out_of_range(r, "a text of at most 4096 bytes, without NUL");
  *ret = amz_strndup(json_string_value(v), n);
  return *ret ? AMZ_OK : amz_error_set(r->err, AMZ_ENOMEM, "out of memory");
}

static int get_domain(struct reader *r, const json_t *v, const char *word, uint32_t *ret)
{
  if (word ? json_is_string(v) && strcmp(json_string_value(v), word) == 0 : json_is_null(v)) {
    *ret = UINT32_MAX;
    return AMZ_OK;
  }
  return get_u32(r, v, ret);
}

static int get_name(struct reader *r, const json_t *v, const char *const *names, unsigned *ret)
{
  const char *text = json_string_value(v);

  if (!text)
    return expected(r, "a text", v);
  for (unsigned i = 0; names[i]; i++)
    if (strcmp(names[i], text) == 0) {
      *ret = i;
      return AMZ_OK;
    }
  return amz_error_set(r->err, AMZ_EINVAL, "%s: \"%.40s\" isn't known here", r->path, text);
}

static int get_source(struct reader *r, const json_t *v, enum amz_source *ret)
{
  const char *text = json_string_value(v);

  if (!text)
    return expected(r, "a text", v);
  for (enum amz_source s = AMZ_UNKNOWN; s <= AMZ_HISTORY; s++)
    if (strcmp(amz_source_name(s), text) == 0) {
      *ret = s;
      return AMZ_OK;
    }
  return amz_error_set(r->err, AMZ_EINVAL, "%s: \"%.40s\" is no source; measured, assumed, given … are", r->path, text);
}

/* A number of a quantity: fitted ones may be below zero. `missing` stands for one that isn't there. */
static int get_part(struct reader *r, const json_t *q, const char *key, double missing, double *ret)
{
  const json_t *v = json_object_get(q, key);
  size_t before = enter(r, key);
  int rc = AMZ_OK;

  if (v && !json_is_number(v) && !json_is_null(v))
    rc = expected(r, "a number", v);
  *ret = json_is_number(v) ? json_number_value(v) : missing;
  if (rc == AMZ_OK && !isfinite(*ret))
    rc = expected(r, "a number", v);
  leave(r, before);
  return rc;
}

static int get_known(struct reader *r, const json_t *v, struct amz_quantity *q)
{
  int rc = get_part(r, v, "value", (double)NAN, &q->value);

  if (rc < 0 || (rc = get_part(r, v, "low", q->value, &q->low)) < 0 || (rc = get_part(r, v, "high", q->value, &q->high)) < 0)
    return rc;
  if (q->low > q->value || q->value > q->high)
    return amz_error_set(r->err, AMZ_EINVAL, "%s: expected low <= value <= high", r->path);
  return AMZ_OK;
}

static int get_quantity(struct reader *r, const json_t *v, struct amz_quantity *ret)
{
  struct amz_quantity q = {0};
  const json_t *n = json_object_get(v, "n");
  size_t before;
  int rc;

  if (!json_is_object(v))
    return expected(r, "an object with value and source", v);
  before = enter(r, "source");
  rc = get_source(r, json_object_get(v, "source"), &q.source);
  leave(r, before);
  if (rc == AMZ_OK && q.source != AMZ_UNKNOWN)
    rc = get_known(r, v, &q);
  before = enter(r, "n");
  if (rc == AMZ_OK && n)
    rc = get_u32(r, n, &q.n);
  leave(r, before);
  if (rc == AMZ_OK)
    *ret = q;
  return rc;
}

/* ---- structs ---------------------------------------------------------------------------------------------------------- */

static int get_struct(struct reader *r, const json_t *o, const struct amz_field *fields, void *base);

static int get_rows(struct reader *r, const json_t *v, const struct amz_field *f, char *base)
{
  size_t n = json_array_size(v);
  void *at = base + f->offset, *count = base + f->count;
  char *items;
  int rc = AMZ_OK;

  if (!json_is_array(v))
    return expected(r, "an array", v);
  if (f->count_u32 && n != *(uint32_t *)count)
    return amz_error_set(r->err, AMZ_EINVAL, "%s: %zu of them, expected %u", r->path, n, *(uint32_t *)count);
  if (n > f->max)
    return amz_error_set(r->err, AMZ_EINVAL, "%s: %zu of them, at most %zu are taken", r->path, n, f->max);
  items = amz_new_array(n, f->item_bytes);
  if (!items)
    return amz_error_set(r->err, AMZ_ENOMEM, "out of memory");
  memcpy(at, &items, sizeof items); /* a pointer to some struct of the node's */
  if (!f->count_u32)
    *(size_t *)count = n;
  for (size_t i = 0; i < n && rc == AMZ_OK; i++) {
    size_t before = enter_row(r, i);
    void *item = items + i * f->item_bytes;

    rc = f->kind == AMZ_FIELD_NUMBERS ? get_u32(r, json_array_get(v, i), item) : get_struct(r, json_array_get(v, i), f->fields,
        item);
    leave(r, before);
  }
  return rc;
}

/* A number that says how many rows there are, which have been read before it. */
static int get_count(struct reader *r, const json_t *v, size_t there)
{
  json_int_t n;
  int rc = get_integer(r, v, 0, AMZ_PROFILE_ROWS_MAX, &n);

  if (rc == AMZ_OK && (size_t)n != there)
    return amz_error_set(r->err, AMZ_EINVAL, "%s: %lld, but %zu are described", r->path, (long long)n, there);
  return rc;
}

static int get_value(struct reader *r, const json_t *v, const struct amz_field *f, void *base)
{
  void *at = (char *)base + f->offset;

  switch (f->kind) {
  case AMZ_FIELD_TEXT: return get_text(r, v, at);
  case AMZ_FIELD_FLAG: return get_flag(r, v, at);
  case AMZ_FIELD_U32: return get_u32(r, v, at);
  case AMZ_FIELD_U64: return get_wide(r, v, 0, at); /* of the same size, and not negative */
  case AMZ_FIELD_I64: return get_wide(r, v, 0, at);
  case AMZ_FIELD_INT: return get_int(r, v, at);
  case AMZ_FIELD_REAL: return get_real(r, v, at);
  case AMZ_FIELD_PAIR: return get_pair(r, v, at);
  case AMZ_FIELD_SHARE: return get_share(r, v, at);
  case AMZ_FIELD_DOMAIN: return get_domain(r, v, f->word, at);
  case AMZ_FIELD_NAME: return get_name(r, v, f->names, at);
  case AMZ_FIELD_QUANTITY: return get_quantity(r, v, at);
  case AMZ_FIELD_OBJECT: return get_struct(r, v, f->fields, at);
  case AMZ_FIELD_ROWS:
  case AMZ_FIELD_NUMBERS: return get_rows(r, v, f, base);
  case AMZ_FIELD_COUNT: return get_count(r, v, *(size_t *)at);
  }
  return AMZ_EINVAL;
}

/* What isn't there and isn't needed: texts are "", shares and domains unknown, the rest is zero already. */
static int get_nothing(struct reader *r, const struct amz_field *f, void *base)
{
  void *at = (char *)base + f->offset;

  if (f->required)
    return amz_error_set(r->err, AMZ_EINVAL, "%s is missing", r->path);
  if (f->kind == AMZ_FIELD_SHARE)
    *(double *)at = -1;
  if (f->kind == AMZ_FIELD_DOMAIN)
    *(uint32_t *)at = UINT32_MAX;
  if (f->kind == AMZ_FIELD_TEXT && !(*(char **)at = amz_strndup("", 0)))
    return amz_error_set(r->err, AMZ_ENOMEM, "out of memory");
  if (f->kind == AMZ_FIELD_OBJECT)
    for (const struct amz_field *within = f->fields; within->key; within++)
      if (get_nothing(r, within, at) < 0)
        return AMZ_ENOMEM;
  return AMZ_OK;
}

static int get_struct(struct reader *r, const json_t *o, const struct amz_field *fields, void *base)
{
  int rc = AMZ_OK;

  if (!json_is_object(o))
    return expected(r, "an object", o);
  for (const struct amz_field *f = fields; f->key && rc == AMZ_OK; f++) {
    const json_t *v = json_object_get(o, f->key);
    size_t before = enter(r, f->key);

    rc = v ? get_value(r, v, f, base) : get_nothing(r, f, base);
    leave(r, before);
  }
  return rc;
}

/* ---- what the parts say of each other --------------------------------------------------------------------------------- */

static int check_core(const struct amz_node *node, uint32_t i, struct amz_error *err)
{
  const struct amz_node_core *c = &node->core[i];

  if (c->domain != AMZ_NO_DOMAIN && c->domain >= node->n_domains)
    return amz_error_set(err, AMZ_EINVAL, "core[%u].domain: there is no domain %u", i, c->domain);
  if (node->n_kinds && c->kind >= node->n_kinds)
    return amz_error_set(err, AMZ_EINVAL, "core[%u].kind: there is no kind %u", i, c->kind);
  if (node->packages && c->package >= node->packages)
    return amz_error_set(err, AMZ_EINVAL, "core[%u].package: there is no package %u", i, c->package);
  if (c->first_unit > node->units || c->n_units > node->units - c->first_unit)
    return amz_error_set(err, AMZ_EINVAL, "core[%u].units: they aren't all in unit", i);
  if (c->allowed_units > c->n_units)
    return amz_error_set(err, AMZ_EINVAL, "core[%u].allowed_units: more than units", i);
  return AMZ_OK;
}

static int check_cores(const struct amz_node *node, struct amz_error *err)
{
  uint64_t in_domains = 0;
  int rc = AMZ_OK;

  if (node->cores == 0)
    return amz_error_set(err, AMZ_EINVAL, "cores: a node has at least one");
  if (node->allowed_cores > node->cores)
    return amz_error_set(err, AMZ_EINVAL, "allowed_cores: more than cores");
  for (uint32_t i = 0; i < node->cores && rc == AMZ_OK; i++)
    rc = check_core(node, i, err);
  for (size_t i = 0; i < node->n_domains && rc == AMZ_OK; i++) {
    in_domains += node->domains[i].cores;
    if (node->domains[i].allowed_cores > node->domains[i].cores)
      rc = amz_error_set(err, AMZ_EINVAL, "domains[%zu].allowed_cores: more than cores", i);
  }
  if (rc == AMZ_OK && in_domains > node->cores)
    rc = amz_error_set(err, AMZ_EINVAL, "domains: they have %llu cores together, the node %u", (unsigned long long)in_domains,
                       node->cores);
  return rc;
}

static int check_curve(const struct amz_node *node, const struct amz_curve_point *points, size_t n, const char *key,
                       struct amz_error *err)
{
  for (size_t i = 0; i < n; i++) {
    if (points[i].domain != AMZ_ALL_DOMAINS && points[i].domain >= node->n_domains)
      return amz_error_set(err, AMZ_EINVAL, "%s[%zu].domain: there is no domain %u", key, i, points[i].domain);
    if (points[i].cores == 0 || points[i].cores > node->cores)
      return amz_error_set(err, AMZ_EINVAL, "%s[%zu].cores: out of range, expected 1 to %u", key, i, node->cores);
  }
  return AMZ_OK;
}

static int check(const struct amz_node *node, struct amz_error *err)
{
  int rc = check_cores(node, err);

  if (rc < 0 || (rc = check_curve(node, node->bandwidth, node->n_bandwidth, "bandwidth", err)) < 0 ||
      (rc = check_curve(node, node->slowdown, node->n_slowdown, "slowdown", err)) < 0)
    return rc;
  for (size_t i = 0; i < node->n_gpus; i++)
    if (node->gpus[i].domain != AMZ_NO_DOMAIN && node->gpus[i].domain >= node->n_domains)
      return amz_error_set(err, AMZ_EINVAL, "gpus[%zu].domain: there is no domain %u", i, node->gpus[i].domain);
  return AMZ_OK;
}

int amz_profile_take(const json_t *o, struct amz_error *err, struct amz_node *ret)
{
  struct amz_node node = {0};
  struct reader r = {.path = "", .err = err};
  int rc;

  if (!json_is_object(o))
    return amz_error_set(err, AMZ_EINVAL, "no profile: expected a JSON object");
  rc = get_struct(&r, o, amz_node_fields, &node);
  if (rc == AMZ_OK)
    rc = check(&node, err);
  if (rc < 0) {
    amz_node_clear(&node);
    return rc;
  }
  *ret = node;
  return AMZ_OK;
}

json_t *amz_profile_load(const char *json, size_t n, struct amz_error *err)
{
  json_error_t where;
  json_t *o;

  if (n > AMZ_PROFILE_BYTES_MAX) {
    (void)amz_error_set(err, AMZ_EINVAL, "%zu bytes: no profile is so large", n);
    return NULL;
  }
  o = json_loadb(json, n, JSON_REJECT_DUPLICATES, &where);
  if (!o)
    (void)amz_error_set(err, AMZ_EINVAL, "no JSON: line %d, column %d: %s", where.line, where.column, where.text);
  return o;
}

int amz_profile_parse(const char *json, size_t n, struct amz_error *err, struct amz_node *ret)
{
  json_t *o = amz_profile_load(json, n, err);
  int rc = o ? amz_profile_take(o, err, ret) : AMZ_EINVAL;

  json_decref(o);
  return rc;
}
