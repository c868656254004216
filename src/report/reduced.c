/* What a run's results reduce to, in words and as JSON. 17 digits tell a double from every other one (IEEE 754-2019, 5.12.2). */
#include <amorsize/report.h>

#include <inttypes.h>
#include <jansson.h>
#include <math.h>
#include <stdlib.h>

#include "object.h"
#include "reduced.h"
#include "words.h"

#define SHOWN 8 /* values in a line of text */

static const char *const names[] = {[AMZ_REDUCE_NONE] = "none", [AMZ_REDUCE_SUM] = "sum", [AMZ_REDUCE_MIN] = "min",
  [AMZ_REDUCE_MAX] = "max",
  [AMZ_REDUCE_MEAN] = "mean", [AMZ_REDUCE_COUNT] = "count"};

static void add_value(const struct amz_reduced_value *v, struct amz_buf *out)
{
  if (v->type == AMZ_VALUE_I64)
    amz_buf_addf(out, "%" PRId64, v->i64);
  else if (v->type == AMZ_VALUE_U64)
    amz_buf_addf(out, "%" PRIu64, v->u64);
  else
    amz_buf_addf(out, "%.17g", v->f64);
}

void amz_report_reduced(enum amz_reduce op, const struct amz_reduced *reduced, struct amz_buf *out)
{
  char tasks[AMZ_WORD];

  amz_buf_addf(out, "%s", names[op]);
  for (size_t i = 0; i < reduced->n_values && i < SHOWN; i++) {
    amz_buf_adds(out, i ? ", " : " ");
    add_value(&reduced->values[i], out);
  }
  amz_buf_addf(out, "%s of %s", reduced->n_values > SHOWN ? ", …" : "", amz_word_tasks(reduced->tasks, tasks));
}

/* A number as far as JSON has it; null for those that it hasn't. */
static json_t *number_of(const struct amz_reduced_value *v)
{
  if (v->type == AMZ_VALUE_I64)
    return json_integer(v->i64);
  if (v->type == AMZ_VALUE_U64)
    return v->u64 <= INT64_MAX ? json_integer((json_int_t)v->u64) : json_real((double)v->u64);
  return isfinite(v->f64) ? json_real(v->f64) : json_null();
}

static json_t *text_of(const struct amz_reduced_value *v)
{
  struct amz_buf text = AMZ_BUF_INIT;
  json_t *made;

  add_value(v, &text);
  made = json_string(amz_buf_text(&text));
  amz_buf_clear(&text);
  return made;
}

json_t *amz_reduced_object(enum amz_reduce op, const struct amz_reduced *reduced)
{
  struct object o = object_new();
  json_t *values = json_array(), *exact = json_array();

  put_text(&o, "op", names[op]);
  put_count(&o, "tasks", reduced->tasks);
  for (size_t i = 0; i < reduced->n_values; i++)
    if (json_array_append_new(values, number_of(&reduced->values[i])) < 0 ||
        json_array_append_new(exact, text_of(&reduced->values[i])) < 0)
      o.ok = false;
  put(&o, "values", values);
  put(&o, "exact", exact);
  if (o.ok)
    return o.json;
  json_decref(o.json);
  return NULL;
}

int amz_report_reduced_json(enum amz_reduce op, const struct amz_reduced *reduced, struct amz_buf *out)
{
  json_t *object = amz_reduced_object(op, reduced);
  char *text = object ? json_dumps(object, JSON_INDENT(2) | JSON_REAL_PRECISION(15)) : NULL;

  json_decref(object);
  if (!text)
    return AMZ_ENOMEM;
  amz_buf_addf(out, "%s\n", text);
  free(text);
  return amz_buf_ok(out);
}
