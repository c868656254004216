/* A node's profile as JSON (RFC 8259), by the tables of node_fields.c. Rows of an array stand on a line each: with hundreds of
 * cores it is still read by people, too. */
#include <amorsize/profile.h>

#include "node_fields.h"
#include "node_gpus.h"
#include "node_json.h"
#include "object.h"

/* ---- values ----------------------------------------------------------------------------------------------------------- */

/* \return `value` with a failure of building it noted. */
static json_t *built(struct object *o, bool *ok)
{
  *ok = *ok && o->ok;
  return o->json;
}

static json_t *quantity(const struct amz_quantity *q, bool *ok)
{
  bool known = q->source != AMZ_UNKNOWN;
  struct object o = object_new();

  put_number(&o, "value", known ? q->value : (double)NAN);
  put_number(&o, "low", known ? q->low : (double)NAN);
  put_number(&o, "high", known ? q->high : (double)NAN);
  put_count(&o, "n", q->n);
  put_text(&o, "source", amz_source_name(q->source));
  return built(&o, ok);
}

static json_t *domain(uint32_t n, const char *word)
{
  if (n != UINT32_MAX)
    return json_integer((json_int_t)n);
  return word ? json_string(word) : json_null();
}

static json_t *count(uint64_t n)
{
  return json_integer(n <= INT64_MAX ? (json_int_t)n : (json_int_t)INT64_MAX);
}

static json_t *real(double v)
{
  return isfinite(v) ? json_real(v) : json_null();
}

static json_t *pair(const double *v)
{
  return json_pack("[o, o]", real(v[0]), real(v[1]));
}

static json_t *struct_json(const struct amz_field *fields, const void *at, bool *ok);

static size_t rows_of(const struct amz_field *f, const void *base)
{
  const char *at = (const char *)base + f->count;

  return f->count_u32 ? *(const uint32_t *)(const void *)at : *(const size_t *)(const void *)at;
}

static json_t *rows(const struct amz_field *f, const void *base, const void *at, bool *ok)
{
  size_t n = rows_of(f, base);
  json_t *array = json_array();
  const char *items;

  memcpy(&items, at, sizeof items); /* a pointer to some struct of the node's */
  for (size_t i = 0; i < n && *ok; i++) {
    const void *item = items + i * f->item_bytes;
    json_t *row = f->kind == AMZ_FIELD_NUMBERS ? json_integer(*(const uint32_t *)item) : struct_json(f->fields, item, ok);

    if (!row || json_array_append_new(array, row) < 0)
      *ok = false;
  }
  return array;
}

static json_t *value_json(const struct amz_field *f, const void *base, struct object *o)
{
  const void *at = (const char *)base + f->offset;

  switch (f->kind) {
  case AMZ_FIELD_FLAG: return json_boolean(*(const bool *)at);
  case AMZ_FIELD_U32: return json_integer(*(const uint32_t *)at);
  case AMZ_FIELD_U64: return count(*(const uint64_t *)at);
  case AMZ_FIELD_I64: return json_integer(*(const int64_t *)at);
  case AMZ_FIELD_INT: return json_integer(*(const int *)at);
  case AMZ_FIELD_COUNT: return count(*(const size_t *)at);
  case AMZ_FIELD_REAL: return real(*(const double *)at);
  case AMZ_FIELD_PAIR: return pair(at);
  case AMZ_FIELD_SHARE: return *(const double *)at >= 0 ? real(*(const double *)at) : json_null();
  case AMZ_FIELD_DOMAIN: return domain(*(const uint32_t *)at, f->word);
  case AMZ_FIELD_NAME: return json_string(f->names[*(const unsigned *)at]);
  case AMZ_FIELD_QUANTITY: return quantity(at, &o->ok);
  case AMZ_FIELD_OBJECT: return struct_json(f->fields, at, &o->ok);
  case AMZ_FIELD_ROWS:
  case AMZ_FIELD_NUMBERS: return rows(f, base, at, &o->ok);
  case AMZ_FIELD_TEXT: break;
  }
  return NULL;
}

static void put_fields(struct object *o, const struct amz_field *fields, const void *base)
{
  for (const struct amz_field *f = fields; f->key; f++)
    if (f->kind == AMZ_FIELD_TEXT) {
      const char *text = *(const char *const *)(const void *)((const char *)base + f->offset);

      put_text(o, f->key, text ? text : "");
    } else {
      put(o, f->key, value_json(f, base, o));
    }
}

static json_t *struct_json(const struct amz_field *fields, const void *at, bool *ok)
{
  struct object o = object_new();

  put_fields(&o, fields, at);
  return built(&o, ok);
}

/* ---- layout ----------------------------------------------------------------------------------------------------------- */

static int add_bytes(const char *bytes, size_t n, void *out)
{
  amz_buf_add(out, bytes, n);
  return amz_buf_ok(out) == AMZ_OK ? 0 : -1;
}

/* 15 digits: what a double holds for sure, so that 0.1 stays 0.1. */
static bool add_line(json_t *value, struct amz_buf *out)
{
  return json_dump_callback(value, add_bytes, out, JSON_ENCODE_ANY | JSON_REAL_PRECISION(15)) == 0;
}

/* A line for each element of an array of objects. */
static bool add_rows(json_t *array, struct amz_buf *out)
{
  size_t n = json_array_size(array);

  for (size_t i = 0; i < n; i++) {
    amz_buf_adds(out, i ? ",\n    " : "[\n    ");
    if (!add_line(json_array_get(array, i), out))
      return false;
  }
  amz_buf_adds(out, "]");
  return true;
}

static bool has_parts(json_t *object)
{
  const char *key;
  json_t *value;

  json_object_foreach(object, key, value)
    if (json_is_object(value))
      return true;
  return false;
}

static bool add_members(json_t *object, const char *begin, const char *between, const char *end, struct amz_buf *out);

/* What fits on a line stands on one; a quantity does. */
static bool add_value(json_t *value, struct amz_buf *out)
{
  if (json_is_object(json_array_get(value, 0)))
    return add_rows(value, out);
  if (json_is_object(value) && json_object_size(value) > 3 && has_parts(value))
    return add_members(value, "{\n    \"", ",\n    \"", "}", out);
  return add_line(value, out);
}

static bool add_members(json_t *object, const char *begin, const char *between, const char *end, struct amz_buf *out)
{
  const char *key, *before = begin;
  json_t *value;

  json_object_foreach(object, key, value) {
    amz_buf_adds(out, before); /* our keys need no escapes */
    amz_buf_adds(out, key);
    amz_buf_adds(out, "\": ");
    before = between;
    if (!add_value(value, out))
      return false;
  }
  amz_buf_adds(out, end);
  return true;
}

/* ---- the profile ------------------------------------------------------------------------------------------------------ */

static void put_origin(struct object *o, const struct amz_profile_origin *origin)
{
  static const char *const names[] = {[AMZ_PROFILE_ASSUMED] = "assumed", [AMZ_PROFILE_MEASURED] = "measured",
                                      [AMZ_PROFILE_CACHED] = "cache"};

  put_text(o, "from", names[origin->from]);
  put(o, "age_s", json_integer(origin->age_s));
  put_text(o, "effort", origin->effort);
  put_text(o, "cache_key", origin->cache_id);
}

json_t *amz_profile_build(const struct amz_node *node, const struct amz_profile_origin *origin)
{
  struct object o = object_new();

  put(&o, "profile", json_integer(1));
  if (origin)
    put_origin(&o, origin);
  put_fields(&o, amz_node_fields, node);
  if (o.ok)
    amz_put_gpus(&o, node);
  if (o.ok)
    return o.json;
  json_decref(o.json);
  return NULL;
}

int amz_profile_add(json_t *profile, struct amz_buf *out)
{
  bool ok = profile && add_members(profile, "{\n  \"", ",\n  \"", "\n}", out);

  json_decref(profile);
  return ok ? amz_buf_ok(out) : AMZ_ENOMEM;
}

int amz_profile_json(const struct amz_node *node, const struct amz_profile_origin *origin, struct amz_buf *out)
{
  int rc = amz_profile_add(amz_profile_build(node, origin), out);

  amz_buf_addc(out, '\n');
  return rc < 0 ? rc : amz_buf_ok(out);
}
