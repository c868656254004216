/* A run as history keeps it, as JSON and back. Writer and reader share one table of keys. Reading believes nothing: a key that is
 * missing, or a value that makes no sense, makes the whole damaged, as nobody is served by half a run. */
#include <amorsize/history.h>

#include <stddef.h>
#include <stdlib.h>

#include <amorsize/alloc.h>

#include "object.h"
#include "plan_words.h"

#define FORMAT 1

enum kind { TEXT, U32, U64, S64, NUMBER, NUMBER_OR_NONE }; /* NUMBER: >= 0; NONE: < 0, shown as null */

struct field {
  const char *key;
  enum kind kind;
  size_t offset;
};

#define COST(member) offsetof(struct amz_history_run, costs.member)
#define OUTCOME(member) offsetof(struct amz_history_run, outcome.member)

static const struct field fields[] = {
  {"job", TEXT, COST(job)},
  {"host", TEXT, COST(host)},
  {"of_tasks", U64, COST(tasks)},
  {"sample_slots", U32, COST(slots)},
  {"sample_threads", U32, COST(threads)},
  {"run_dir", TEXT, OUTCOME(run_dir)},
  {"policy", TEXT, OUTCOME(policy)},
  {"version", TEXT, OUTCOME(version)},
  {"ended_s", S64, OUTCOME(ended_s)},
  {"succeeded", U64, OUTCOME(succeeded)},
  {"failed", U64, OUTCOME(failed)},
  {"skipped", U64, OUTCOME(skipped)},
  {"this_launch", U64, OUTCOME(this_launch)},
  {"launches", U32, OUTCOME(launches)},
  {"ranks", U32, OUTCOME(ranks)},
  {"slots", U32, OUTCOME(slots)},
  {"threads", U32, OUTCOME(threads)},
  {"predicted_s", NUMBER_OR_NONE, OUTCOME(predicted_s)},
  {"predicted_low_s", NUMBER_OR_NONE, OUTCOME(predicted_low_s)},
  {"predicted_high_s", NUMBER_OR_NONE, OUTCOME(predicted_high_s)},
  {"makespan_s", NUMBER, OUTCOME(makespan_s)},
  {"total_s", NUMBER, OUTCOME(total_s)},
  {"efficiency", NUMBER, OUTCOME(efficiency)},
  {"task_mean_s", NUMBER, OUTCOME(task_mean_s)},
  {"task_max_s", NUMBER, OUTCOME(task_max_s)},
};
#define N_FIELDS (sizeof fields / sizeof *fields)

/* What the values of an observation's row are. */
static const char *const columns[] = {"index", "weight", "threads", "busy", "failed", "wall_s", "cpu_s", "max_rss_bytes",
                                      "output_bytes"};
#define N_COLUMNS (sizeof columns / sizeof *columns)

void amz_history_run_clear(struct amz_history_run *run)
{
  amz_sample_clear(&run->costs);
  free(run->outcome.run_dir);
  free(run->outcome.policy);
  free(run->outcome.version);
  memset(run, 0, sizeof *run);
}

/* ---- writing ---------------------------------------------------------------------------------------------------------- */

static void put_field(struct object *o, const struct field *f, const struct amz_history_run *run)
{
  const void *at = (const char *)run + f->offset;
  double number;

  switch (f->kind) {
  case TEXT: put_text(o, f->key, *(char *const *)at); return;
  case U32: put_count(o, f->key, *(const uint32_t *)at); return;
  case U64: put_count(o, f->key, *(const uint64_t *)at); return;
  case S64: put(o, f->key, json_integer(*(const int64_t *)at)); return;
  case NUMBER:
  case NUMBER_OR_NONE:
    number = *(const double *)at;
    put_number(o, f->key, number < 0 ? (double)NAN : number);
    return;
  }
}

static json_t *row_of(const struct amz_observation *o)
{
  return json_pack("[I,f,I,I,b,f,f,I,I]", (json_int_t)o->index, o->weight, (json_int_t)o->threads, (json_int_t)o->busy, o->failed,
                   o->wall_s,
                   o->cpu_s, (json_int_t)o->rss_bytes, (json_int_t)o->out_bytes);
}

static void put_rows(struct object *o, const struct amz_sample *s)
{
  json_t *rows = json_array(), *names = json_array();
  bool ok = rows && names;

  for (size_t i = 0; i < N_COLUMNS && ok; i++)
    ok = json_array_append_new(names, json_string(columns[i])) == 0;
  for (size_t i = 0; i < s->n && i < AMZ_HISTORY_OBSERVATIONS && ok; i++)
    ok = json_array_append_new(rows, row_of(&s->seen[i])) == 0;
  o->ok = o->ok && ok;
  put(o, "columns", names);
  put(o, "observations", rows);
}

static int add_bytes(const char *bytes, size_t n, void *out)
{
  amz_buf_add(out, bytes, n);
  return amz_buf_ok(out) == AMZ_OK ? 0 : -1;
}

int amz_history_run_json(const struct amz_history_run *run, struct amz_buf *out)
{
  struct object o = object_new();
  int rc = AMZ_ENOMEM;

  put_count(&o, "format", FORMAT);
  for (size_t i = 0; i < N_FIELDS; i++)
    put_field(&o, &fields[i], run);
  put_text(&o, "predicted_from", amz_source_name(run->outcome.predicted_from));
  amz_put_quantity(&o, "gap_s", &run->costs.gap_s);
  put_rows(&o, &run->costs);
  if (o.ok && json_dump_callback(o.json, add_bytes, out, JSON_COMPACT | JSON_REAL_PRECISION(9)) == 0) {
    amz_buf_addc(out, '\n');
    rc = amz_buf_ok(out);
  }
  json_decref(o.json);
  return rc;
}

/* ---- reading ---------------------------------------------------------------------------------------------------------- */

static bool count_of(const json_t *v, uint64_t most, uint64_t *ret)
{
  json_int_t n = json_integer_value(v);

  if (!json_is_integer(v) || n < 0 || (uint64_t)n > most)
    return false;
  *ret = (uint64_t)n;
  return true;
}

static bool number_of(const json_t *v, double *ret)
{
  double d = json_number_value(v);

  if (!json_is_number(v) || !isfinite(d) || d < 0)
    return false;
  *ret = d;
  return true;
}

/* \return false when it makes no sense, or memory is out: the text is then NULL. */
static bool read_field(const json_t *v, const struct field *f, struct amz_history_run *run)
{
  void *at = (char *)run + f->offset;
  uint64_t n = 0;

  switch (f->kind) {
  case TEXT: return json_is_string(v) && (*(char **)at = amz_strndup(json_string_value(v), json_string_length(v)));
  case U32:
    if (!count_of(v, UINT32_MAX, &n))
      return false;
    *(uint32_t *)at = (uint32_t)n;
    return true;
  case U64: return count_of(v, INT64_MAX, at);
  case S64: *(int64_t *)at = json_integer_value(v); return json_is_integer(v);
  case NUMBER: return number_of(v, at);
  case NUMBER_OR_NONE: *(double *)at = -1; return json_is_null(v) || number_of(v, at);
  }
  return false;
}

static bool read_row(const json_t *row, struct amz_observation *o)
{
  uint64_t threads = 0, busy = 0;
  bool ok = json_array_size(row) == N_COLUMNS && count_of(json_array_get(row, 0), INT64_MAX, &o->index) &&
            number_of(json_array_get(row, 1), &o->weight) && count_of(json_array_get(row, 2), UINT32_MAX, &threads) &&
            count_of(json_array_get(row, 3), UINT32_MAX, &busy) && json_is_boolean(json_array_get(row, 4)) &&
            number_of(json_array_get(row, 5), &o->wall_s) && number_of(json_array_get(row, 6), &o->cpu_s) &&
            count_of(json_array_get(row, 7), INT64_MAX, &o->rss_bytes) && count_of(json_array_get(row, 8), INT64_MAX,
                &o->out_bytes);

  o->failed = json_is_true(json_array_get(row, 4));
  o->threads = (uint32_t)threads;
  o->busy = (uint32_t)busy;
  return ok && threads >= 1 && busy >= 1;
}

static int read_rows(const json_t *rows, struct amz_sample *s, struct amz_error *err)
{
  size_t n = json_array_size(rows);

  if (!json_is_array(rows) || n > AMZ_HISTORY_OBSERVATIONS)
    return amz_error_set(err, AMZ_EINVAL, "observations: expected an array of at most %d", AMZ_HISTORY_OBSERVATIONS);
  s->seen = amz_new_array(n, sizeof *s->seen);
  if (!s->seen)
    return amz_error_set(err, AMZ_ENOMEM, "out of memory");
  for (s->n = 0; s->n < n; s->n++)
    if (!read_row(json_array_get(rows, s->n), &s->seen[s->n]))
      return amz_error_set(err, AMZ_EINVAL, "observations[%zu]: makes no sense", s->n);
  return AMZ_OK;
}

/* What isn't known has no value. */
static struct amz_quantity read_gap(const json_t *o)
{
  struct amz_quantity q = {.source = AMZ_HISTORY, .high = (double)INFINITY}; /* a null end was left open by few values */
  const json_t *high = json_object_get(o, "high");
  uint64_t n = 0;

  if (!number_of(json_object_get(o, "value"), &q.value) || !number_of(json_object_get(o, "low"), &q.low) ||
      !(json_is_null(high) || number_of(high, &q.high)) || !count_of(json_object_get(o, "n"), UINT32_MAX, &n))
    return (struct amz_quantity){0};
  q.n = (uint32_t)n;
  return q;
}

static enum amz_source source_of(const char *name)
{
  for (enum amz_source s = AMZ_ASSUMED; name && s <= AMZ_HISTORY; s++)
    if (strcmp(name, amz_source_name(s)) == 0)
      return s;
  return AMZ_UNKNOWN;
}

static int read_run(const json_t *o, struct amz_history_run *run, struct amz_error *err)
{
  uint64_t format = 0;

  if (!count_of(json_object_get(o, "format"), INT64_MAX, &format) || format != FORMAT)
    return amz_error_set(err, AMZ_EINVAL, "format: expected %d", FORMAT);
  for (size_t i = 0; i < N_FIELDS; i++)
    if (!read_field(json_object_get(o, fields[i].key), &fields[i], run))
      return amz_error_set(err, AMZ_EINVAL, "%s: missing, or makes no sense", fields[i].key);
  run->outcome.predicted_from = source_of(json_string_value(json_object_get(o, "predicted_from")));
  run->costs.gap_s = read_gap(json_object_get(o, "gap_s"));
  return read_rows(json_object_get(o, "observations"), &run->costs, err);
}

int amz_history_run_parse(const char *json, size_t n, struct amz_error *err, struct amz_history_run *ret)
{
  struct amz_history_run run = {.costs = {.job = NULL}};
  json_error_t why;
  json_t *o = json_loadb(json, n, 0, &why);
  int rc;

  if (!o)
    return amz_error_set(err, AMZ_EINVAL, "line %d: %s", why.line, why.text);
  rc = read_run(o, &run, err);
  json_decref(o);
  if (rc < 0) {
    amz_history_run_clear(&run);
    return rc;
  }
  *ret = run;
  return AMZ_OK;
}
