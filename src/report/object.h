/* Building JSON objects: what the files that write JSON share. Text that isn't UTF-8 is shown with \xNN, numbers that JSON
 * doesn't know (infinite, none) as null. */
#ifndef AMZ_REPORT_OBJECT_H
#define AMZ_REPORT_OBJECT_H

#include <jansson.h>
#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include <amorsize/buf.h>
#include <amorsize/diag.h>

/* A value under a key. Any failure along the way is found at the end, as an object that lacks keys: `ok` remembers it. */
struct object {
  json_t *json;
  bool ok;
};

static inline struct object object_new(void)
{
  struct object o = {json_object(), false};

  o.ok = o.json != NULL;
  return o;
}

static inline void put(struct object *o, const char *key, json_t *value)
{
  if (!value || json_object_set_new(o->json, key, value) < 0) /* releases value even on failure */
    o->ok = false;
}

static inline void put_object(struct object *o, const char *key, struct object *child)
{
  if (!child->ok)
    o->ok = false;
  put(o, key, child->json);
}

static inline void put_count(struct object *o, const char *key, uint64_t n)
{
  put(o, key, json_integer(n <= INT64_MAX ? (json_int_t)n : (json_int_t)INT64_MAX));
}

/* A number as JSON has it; null for those that it hasn't: an interval's open end, what was divided by nothing. \return NULL when
 * out of memory. */
static inline json_t *number_json(double v)
{
  return isfinite(v) ? json_real(v) : json_null();
}

static inline void put_number(struct object *o, const char *key, double v)
{
  put(o, key, number_json(v));
}

/* [low, high] \return NULL when out of memory. */
static inline json_t *range_json(double low, double high)
{
  return json_pack("[o,o]", number_json(low), number_json(high));
}

static inline void put_text(struct object *o, const char *key, const char *text)
{
  struct amz_buf shown = AMZ_BUF_INIT;
  json_t *value = text ? json_string(text) : json_null();

  if (!value) { /* not UTF-8 */
    amz_buf_add_printable(&shown, text, strlen(text), SIZE_MAX);
    value = json_string(amz_buf_text(&shown));
    amz_buf_clear(&shown);
  }
  put(o, key, value);
}

#endif
