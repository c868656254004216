/* Numbers of a run as JSON (RFC 8259), and back. Keys keep the order in which they are set; text that isn't UTF-8 is
 * shown with \xNN, numbers that JSON doesn't know (infinite, none) as null. */
#include <amorsize/report.h>

#include <jansson.h>
#include <math.h>
#include <stdbool.h>
#include <string.h>

#include "object.h"
#include "reduced.h"
#include "words.h"

static int add_bytes(const char *bytes, size_t n, void *out)
{
  amz_buf_add(out, bytes, n);
  return amz_buf_ok(out) == AMZ_OK ? 0 : -1;
}

/* Writes the object and releases it. 15 digits: what a double holds for sure, so that 0.1 stays 0.1. */
static int finish(struct object *o, struct amz_buf *out)
{
  int rc = AMZ_ENOMEM;

  if (o->ok && json_dump_callback(o->json, add_bytes, out, JSON_INDENT(2) | JSON_REAL_PRECISION(15)) == 0) {
    amz_buf_addc(out, '\n');
    rc = amz_buf_ok(out);
  }
  json_decref(o->json);
  return rc;
}

static void put_slow_tasks(struct object *o, const char *key, const struct amz_slow_task *tasks, size_t n)
{
  json_t *array = json_array();

  for (size_t i = 0; i < n && i < AMZ_SLOWEST; i++) {
    struct object row = object_new();

    put_count(&row, "index", tasks[i].index);
    put_number(&row, "wall_s", tasks[i].wall_s);
    if (!row.ok || json_array_append(array, row.json) < 0)
      o->ok = false;
    json_decref(row.json);
  }
  put(o, key, array);
}

static void put_failures(struct object *o, const struct amz_run_summary *s)
{
  json_t *array = json_array();

  for (size_t i = 0; i < s->n_failures && i < AMZ_SLOWEST; i++) {
    const struct amz_failed_task *f = &s->failures[i];
    struct object row = object_new();

    put_count(&row, "index", f->index);
    put_number(&row, "wall_s", f->wall_s);
    if (*f->error)
      put_text(&row, "error", f->error);
    if (!row.ok || json_array_append(array, row.json) < 0)
      o->ok = false;
    json_decref(row.json);
  }
  put(o, "failures", array);
}

static void put_summary_tasks(struct object *o, const struct amz_run_summary *s)
{
  struct object tasks = object_new();

  put_count(&tasks, "total", s->total);
  put_count(&tasks, "succeeded", s->succeeded + s->skipped);
  put_count(&tasks, "failed", s->failed);
  put_count(&tasks, "not_run", s->not_run);
  put_count(&tasks, "skipped", s->skipped);
  put_object(o, "tasks", &tasks);
}

static void put_summary_layout(struct object *o, const struct amz_run_summary *s)
{
  struct object layout = object_new();

  put_count(&layout, "ranks", s->ranks);
  put_count(&layout, "slots", s->slots);
  put_count(&layout, "threads", s->threads);
  put_object(o, "layout", &layout);
}

/* null: no task took more memory than it was said to. */
static void put_outgrown(struct object *o, const struct amz_outgrown *of)
{
  struct object x;

  if (of->tasks == 0) {
    put(o, "memory_exceeded", json_null());
    return;
  }
  x = object_new();
  put_count(&x, "tasks", of->tasks);
  put_count(&x, "index", of->index);
  put_count(&x, "max_rss_bytes", of->bytes);
  put_count(&x, "said_bytes", of->said_bytes);
  put_object(o, "memory_exceeded", &x);
}

/* null: there was none. */
static void put_prediction(struct object *o, const char *key, const struct amz_prediction *p)
{
  struct object x;

  if (!(p->makespan_s > 0)) {
    put(o, key, json_null());
    return;
  }
  x = object_new();
  put_number(&x, "makespan_s", p->makespan_s);
  put(&x, "interval_s", range_json(p->low_s, p->high_s));
  put_object(o, key, &x);
}

/* What sampling and planning cost, and by how much the run would be longer if none of that went on beside tasks; null: nothing
 * was sampled. */
static void put_planning(struct object *o, const struct amz_run_summary *s)
{
  double cost_s = s->slots ? (s->planning_idle_s + s->planning_cpu_s) / s->slots : 0;
  struct object x;

  if (!s->sampled) {
    put(o, "planning", json_null());
    return;
  }
  x = object_new();
  put_number(&x, "idle_slot_s", s->planning_idle_s);
  put_number(&x, "cpu_s", s->planning_cpu_s);
  put_number(&x, "cost_s", cost_s);
  put_number(&x, "share", s->makespan_s > 0 ? cost_s / s->makespan_s : (double)NAN);
  put_object(o, "planning", &x);
}

static void put_summary_times(struct object *o, const struct amz_run_summary *s)
{
  put_number(o, "makespan_s", s->makespan_s);
  put_number(o, "launch_s", s->launch_s);
  put_number(o, "total_s", s->total_s);
  put_number(o, "efficiency", s->efficiency);
  put_number(o, "slot_utilisation", s->utilisation);
  put_number(o, "predicted_s", s->predicted_s < 0 ? (double)NAN : s->predicted_s);
  put_prediction(o, "prediction", &s->predicted);
  put_prediction(o, "prediction_at_a_tenth", &s->refined);
  put_planning(o, s);
  put_count(o, "given_up_slots", s->given_up_slots);
  put_number(o, "master_busy", s->master_busy);
  put_number(o, "throughput_per_s", s->throughput);
  put_number(o, "task_mean_s", s->task_mean_s);
  put_number(o, "task_max_s", s->task_max_s);
  put_number(o, "cpu_s", s->cpu_s);
}

int amz_report_summary_json(const struct amz_run_summary *s, struct amz_buf *out)
{
  static const char *const ends[] = {[AMZ_END_RUNNING] = "failed", [AMZ_END_DONE] = "finished", [AMZ_END_STOPPED] = "stopped",
    [AMZ_END_STOP_AFTER] = "stop_after", [AMZ_END_LOST] = "lost"};
  struct object o = object_new();

  put_text(&o, "job", s->job);
  put_text(&o, "run_dir", s->run_dir);
  put_text(&o, "end", ends[s->end]);
  put_text(&o, "reason", s->reason);
  put_count(&o, "exit_status", (uint64_t)amz_report_exit_status(s));
  put_summary_tasks(&o, s);
  put_summary_times(&o, s);
  put_summary_layout(&o, s);
  put_text(&o, "policy", s->policy);
  put_count(&o, "launch", s->epoch);
  put_count(&o, "this_launch", s->this_launch);
  put_count(&o, "chunks", s->chunks);
  put_count(&o, "retried", s->retried);
  put_count(&o, "output_bytes", s->output_bytes);
  put_count(&o, "outputs_elsewhere", s->elsewhere);
  put_count(&o, "max_rss_bytes", s->max_rss_bytes);
  put_outgrown(&o, &s->outgrown);
  put_count(&o, "killed", s->killed);
  put_text(&o, "results", s->results);
  put(&o, "reduced", s->reduce == AMZ_REDUCE_NONE ? json_null() : amz_reduced_object(s->reduce, &s->reduced));
  put_slow_tasks(&o, "slowest", s->slowest, s->n_slowest);
  put_failures(&o, s);
  return finish(&o, out);
}

int amz_report_status_json(const struct amz_run_progress *p, struct amz_buf *out)
{
  struct object o = object_new(), tasks = object_new();

  put_text(&o, "state", amz_run_state_name(p->state));
  put_text(&o, "job", p->job);
  put_text(&o, "run_dir", p->run_dir);
  put_text(&o, "host", p->host);
  put(&o, "pid", json_integer(p->pid));
  put_count(&tasks, "total", p->total);
  put_count(&tasks, "succeeded", p->succeeded + p->skipped);
  put_count(&tasks, "failed", p->failed);
  put_count(&tasks, "not_run", p->total > amz_progress_done(p) ? p->total - amz_progress_done(p) : 0);
  put_count(&tasks, "skipped", p->skipped);
  put_object(&o, "tasks", &tasks);
  put_count(&o, "running", p->running);
  put_count(&o, "retried", p->retried);
  put_count(&o, "launch", p->epoch);
  put_count(&o, "ranks", p->ranks);
  put_count(&o, "slots", p->slots);
  put(&o, "elapsed_ns", json_integer(p->elapsed_ns));
  put(&o, "eta_ns", p->eta_ns >= 0 ? json_integer(p->eta_ns) : json_null());
  put(&o, "updated_ns", json_integer(p->updated_ns));
  put_number(&o, "task_mean_s", p->task_mean_s);
  put_number(&o, "slot_utilisation", p->utilisation);
  put_prediction(&o, "prediction", &p->predicted);
  put_prediction(&o, "prediction_at_a_tenth", &p->refined);
  return finish(&o, out);
}

/* ---- reading back: a missing or strange value makes the whole damaged ---------------------------------------------- */

static json_int_t get_integer(const json_t *o, const char *key, json_int_t min, json_int_t max, bool *ok)
{
  const json_t *v = json_object_get(o, key);
  json_int_t n = json_integer_value(v);

  if (!json_is_integer(v) || n < min || n > max) {
    *ok = false;
    return min;
  }
  return n;
}

static uint64_t get_count(const json_t *o, const char *key, bool *ok)
{
  return (uint64_t)get_integer(o, key, 0, INT64_MAX, ok);
}

static uint32_t get_u32(const json_t *o, const char *key, bool *ok)
{
  return (uint32_t)get_integer(o, key, 0, UINT32_MAX, ok);
}

static double get_number(const json_t *o, const char *key, bool *ok)
{
  const json_t *v = json_object_get(o, key);

  if (!json_is_number(v) && !json_is_null(v))
    *ok = false;
  return json_number_value(v);
}

/* Strings are gathered behind one another; where each begins is told, as the memory may still move. */
#define NO_TEXT SIZE_MAX
static size_t get_text(const json_t *o, const char *key, struct amz_buf *text, bool *ok)
{
  const json_t *v = json_object_get(o, key);
  size_t at = text->len;

  if (json_is_null(v))
    return NO_TEXT;
  if (!json_is_string(v)) {
    *ok = false;
    return NO_TEXT;
  }
  amz_buf_add(text, json_string_value(v), json_string_length(v));
  amz_buf_addc(text, '\0');
  return at;
}

static enum amz_run_state get_state(const json_t *o, bool *ok)
{
  const char *name = json_string_value(json_object_get(o, "state"));

  for (enum amz_run_state s = AMZ_RUN_STARTING; name && s <= AMZ_RUN_FAILED; s++)
    if (strcmp(name, amz_run_state_name(s)) == 0)
      return s;
  *ok = false;
  return AMZ_RUN_FAILED;
}

static bool get_tasks(const json_t *tasks, struct amz_run_progress *ret)
{
  bool ok = json_is_object(tasks);

  ret->total = get_count(tasks, "total", &ok);
  ret->succeeded = get_count(tasks, "succeeded", &ok);
  ret->failed = get_count(tasks, "failed", &ok);
  ret->skipped = get_count(tasks, "skipped", &ok);
  if (ret->skipped > ret->succeeded)
    return false;
  ret->succeeded -= ret->skipped;
  return ok;
}

/* Runs of earlier versions, and those without a plan, have none. */
static struct amz_prediction get_prediction(const json_t *o, const char *key, bool *ok)
{
  const json_t *p = json_object_get(o, key), *interval = json_object_get(p, "interval_s");
  struct amz_prediction ret = {0};

  if (!p || json_is_null(p))
    return ret;
  ret.makespan_s = get_number(p, "makespan_s", ok);
  ret.low_s = json_number_value(json_array_get(interval, 0));
  ret.high_s = json_is_null(json_array_get(interval, 1)) ? (double)INFINITY : json_number_value(json_array_get(interval, 1));
  return ret;
}

static bool get_progress(const json_t *o, struct amz_run_progress *ret)
{
  bool ok = json_is_object(o) && get_tasks(json_object_get(o, "tasks"), ret);

  ret->state = get_state(o, &ok);
  ret->running = get_count(o, "running", &ok);
  ret->retried = get_count(o, "retried", &ok);
  ret->epoch = get_u32(o, "launch", &ok);
  ret->ranks = get_u32(o, "ranks", &ok);
  ret->slots = get_u32(o, "slots", &ok);
  ret->elapsed_ns = get_integer(o, "elapsed_ns", INT64_MIN, INT64_MAX, &ok);
  ret->eta_ns = json_is_null(json_object_get(o, "eta_ns")) ? -1 : get_integer(o, "eta_ns", 0, INT64_MAX, &ok);
  ret->updated_ns = get_integer(o, "updated_ns", INT64_MIN, INT64_MAX, &ok);
  ret->pid = get_integer(o, "pid", 0, INT64_MAX, &ok);
  ret->task_mean_s = get_number(o, "task_mean_s", &ok);
  ret->utilisation = get_number(o, "slot_utilisation", &ok);
  ret->predicted = get_prediction(o, "prediction", &ok);
  ret->refined = get_prediction(o, "prediction_at_a_tenth", &ok);
  return ok;
}

int amz_report_status_parse(const char *json, size_t n, struct amz_buf *text, struct amz_run_progress *ret)
{
  struct amz_run_progress p = {0};
  json_t *o = json_loadb(json, n, JSON_REJECT_DUPLICATES, NULL);
  size_t job, run_dir, host;
  bool ok;

  if (!o)
    return AMZ_ECORRUPT;
  ok = get_progress(o, &p);
  job = get_text(o, "job", text, &ok);
  run_dir = get_text(o, "run_dir", text, &ok);
  host = get_text(o, "host", text, &ok);
  json_decref(o);
  if (!ok)
    return AMZ_ECORRUPT;
  if (amz_buf_ok(text) < 0)
    return AMZ_ENOMEM;
  p.job = job == NO_TEXT ? NULL : text->data + job;
  p.run_dir = run_dir == NO_TEXT ? NULL : text->data + run_dir;
  p.host = host == NO_TEXT ? NULL : text->data + host;
  *ret = p;
  return AMZ_OK;
}
