/* A sample as words and JSON, and back. Reading believes nothing: counts are bounded by what is there, numbers by what makes
 * sense. */
#include <amorsize/sample_report.h>

#include <stdlib.h>

#include <amorsize/alloc.h>

#include "object.h"
#include "plan_words.h"

#define FORMAT 1
#define LONGEST_S 9e9 /* of a task: 285 years are the most that a duration can say */

void amz_sample_clear(struct amz_sample *s)
{
  free(s->job);
  free(s->host);
  free(s->seen);
  memset(s, 0, sizeof *s);
}

void amz_report_sample(const struct amz_sample *s, const struct amz_workload *w, struct amz_buf *out)
{
  amz_words_workload(s->job, w, out);
  amz_words_quantity("between tasks", &s->gap_s, out);
}

/* ---- writing ---------------------------------------------------------------------------------------------------------- */

static json_t *row_of(const struct amz_observation *o)
{
  json_t *row = json_pack("{s:I,s:f,s:I,s:I,s:b,s:f,s:f,s:f,s:I,s:I,s:I}", "index", (json_int_t)o->index, "weight", o->weight,
                          "threads",
                          (json_int_t)o->threads, "busy", (json_int_t)o->busy, "failed", o->failed, "wall_s", o->wall_s, "cpu_s",
                          o->cpu_s,
                          "cpu_wait_s", o->waited_s, "max_rss_bytes", (json_int_t)o->rss_bytes, "output_bytes",
                          (json_int_t)o->out_bytes,
                          "input_bytes", (json_int_t)o->in_bytes);

  if (row && o->count > 1 && json_object_set_new(row, "tasks", json_integer((json_int_t)o->count)) < 0) {
    json_decref(row);
    return NULL;
  }
  return row;
}

static json_t *rows_of(const struct amz_sample *s)
{
  json_t *rows = json_array();

  for (size_t i = 0; i < s->n && rows; i++)
    if (json_array_append_new(rows, row_of(&s->seen[i])) < 0) {
      json_decref(rows);
      return NULL;
    }
  return rows;
}

static int add_bytes(const char *bytes, size_t n, void *out)
{
  amz_buf_add(out, bytes, n);
  return amz_buf_ok(out) == AMZ_OK ? 0 : -1;
}

int amz_report_sample_json(const struct amz_sample *s, const struct amz_workload *w, struct amz_buf *out)
{
  struct object o = object_new();
  int rc = AMZ_ENOMEM;

  put_count(&o, "format", FORMAT);
  put_text(&o, "job", s->job);
  put_text(&o, "host", s->host);
  put_count(&o, "of_tasks", s->tasks);
  put_count(&o, "slots", s->slots);
  put_count(&o, "threads", s->threads);
  amz_put_workload(&o, w);
  amz_put_quantity(&o, "gap_s", &s->gap_s);
  put(&o, "observations", rows_of(s));
  if (o.ok && json_dump_callback(o.json, add_bytes, out, JSON_INDENT(1) | JSON_REAL_PRECISION(15)) == 0) {
    amz_buf_addc(out, '\n');
    rc = amz_buf_ok(out);
  }
  json_decref(o.json);
  return rc;
}

/* ---- reading ---------------------------------------------------------------------------------------------------------- */

static bool get_count(const json_t *o, const char *key, uint64_t most, uint64_t *ret)
{
  const json_t *v = json_object_get(o, key);
  json_int_t n = json_integer_value(v);

  if (!json_is_integer(v) || n < 0 || (uint64_t)n > most)
    return false;
  *ret = (uint64_t)n;
  return true;
}

static bool get_number(const json_t *o, const char *key, double *ret)
{
  const json_t *v = json_object_get(o, key);

  if (!json_is_number(v) || !isfinite(json_number_value(v)) || json_number_value(v) < 0)
    return false;
  *ret = json_number_value(v);
  return true;
}

/* `tasks`: so many has the list that was sampled. */
static bool read_row(const json_t *row, uint64_t tasks, struct amz_observation *o)
{
  uint64_t threads = 0, busy = 0;
  bool ok = get_count(row, "index", INT64_MAX, &o->index) && get_count(row, "threads", UINT32_MAX, &threads) &&
            get_count(row, "busy", UINT32_MAX, &busy) && get_number(row, "weight", &o->weight) &&
            get_number(row, "wall_s", &o->wall_s) &&
            get_number(row, "cpu_s", &o->cpu_s) && get_count(row, "max_rss_bytes", INT64_MAX, &o->rss_bytes) &&
            get_count(row, "output_bytes", INT64_MAX, &o->out_bytes) && json_is_boolean(json_object_get(row, "failed")) &&
            (!json_object_get(row, "input_bytes") || get_count(row, "input_bytes", INT64_MAX, &o->in_bytes)) &&
            (!json_object_get(row, "cpu_wait_s") || get_number(row, "cpu_wait_s", &o->waited_s)) &&
            (!json_object_get(row, "tasks") || get_count(row, "tasks", INT64_MAX, &o->count));

  o->threads = (uint32_t)threads;
  o->busy = (uint32_t)busy;
  o->failed = json_is_true(json_object_get(row, "failed"));
  return ok && o->wall_s <= LONGEST_S && o->cpu_s <= LONGEST_S && o->waited_s <= LONGEST_S && threads >= 1 && busy >= 1 &&
         o->index < tasks;
}

static int read_rows(const json_t *rows, struct amz_sample *s, struct amz_error *err)
{
  size_t n = json_array_size(rows);

  if (!json_is_array(rows))
    return amz_error_set(err, AMZ_EINVAL, "observations: expected an array");
  s->seen = amz_new_array(n, sizeof *s->seen);
  if (!s->seen)
    return amz_error_set(err, AMZ_ENOMEM, "out of memory");
  for (s->n = 0; s->n < n; s->n++)
    if (!read_row(json_array_get(rows, s->n), s->tasks, &s->seen[s->n]))
      return amz_error_set(err, AMZ_EINVAL, "observations[%zu]: a key is missing, or its value makes no sense", s->n);
  return AMZ_OK;
}

/* A gap that isn't there is unknown. */
static void read_gap(const json_t *o, struct amz_quantity *q)
{
  uint64_t n = 0;

  if (json_is_null(json_object_get(o, "high")))
    q->high = (double)INFINITY; /* left open by few values */
  else if (!get_number(o, "high", &q->high))
    q->high = -1;
  if (!get_number(o, "value", &q->value) || !get_number(o, "low", &q->low) || q->high < 0) {
    *q = (struct amz_quantity){0};
    return;
  }
  (void)get_count(o, "n", UINT32_MAX, &n);
  q->n = (uint32_t)n;
  q->source = AMZ_SAMPLED;
}

static int read_sample(const json_t *o, struct amz_sample *s, struct amz_error *err)
{
  const char *job = json_string_value(json_object_get(o, "job")), *host = json_string_value(json_object_get(o, "host"));
  uint64_t format = 0, slots = 0, threads = 0;

  if (!get_count(o, "format", UINT32_MAX, &format) || format != FORMAT)
    return amz_error_set(err, AMZ_EINVAL, "format: expected %d; it is no sample, or one of another version", FORMAT);
  if (!job || !host || !get_count(o, "of_tasks", INT64_MAX, &s->tasks) || !get_count(o, "slots", UINT32_MAX, &slots) ||
      !get_count(o, "threads", UINT32_MAX, &threads))
    return amz_error_set(err, AMZ_EINVAL, "one of job, host, of_tasks, slots, threads is missing or makes no sense");
  s->slots = (uint32_t)slots;
  s->threads = (uint32_t)threads;
  read_gap(json_object_get(o, "gap_s"), &s->gap_s);
  s->job = amz_strndup(job, strlen(job));
  s->host = amz_strndup(host, strlen(host));
  if (!s->job || !s->host)
    return amz_error_set(err, AMZ_ENOMEM, "out of memory");
  return read_rows(json_object_get(o, "observations"), s, err);
}

int amz_sample_parse(const char *json, size_t n, struct amz_error *err, struct amz_sample *ret)
{
  struct amz_sample s = {.n = 0};
  json_error_t why;
  json_t *o;
  int rc;

  if (n > AMZ_SAMPLE_BYTES_MAX)
    return amz_error_set(err, AMZ_EINVAL, "a sample of more than 1 GiB is none");
  o = json_loadb(json, n, 0, &why);
  if (!o)
    return amz_error_set(err, AMZ_EINVAL, "line %d: %s", why.line, why.text);
  rc = read_sample(o, &s, err);
  json_decref(o);
  if (rc < 0) {
    amz_sample_clear(&s);
    return rc;
  }
  *ret = s;
  return AMZ_OK;
}
