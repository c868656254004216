/* The history as JSON: contract keys where a run's summary has them. */
#include <amorsize/history_report.h>

#include "object.h"
#include "plan_words.h"

static json_t *run_of(const struct amz_history_run *run, bool *ok)
{
  const struct amz_history_outcome *s = &run->outcome;
  struct object o = object_new(), tasks = object_new(), layout = object_new();

  put(&o, "ended_s", json_integer(s->ended_s));
  put_text(&o, "run_dir", s->run_dir);
  put_text(&o, "host", run->costs.host);
  put_text(&o, "version", s->version);
  put_count(&tasks, "total", run->costs.tasks);
  put_count(&tasks, "succeeded", s->succeeded + s->skipped);
  put_count(&tasks, "failed", s->failed);
  put_count(&tasks, "skipped", s->skipped);
  put_object(&o, "tasks", &tasks);
  put_count(&o, "this_launch", s->this_launch);
  put_count(&o, "launches", s->launches);
  put_count(&layout, "ranks", s->ranks);
  put_count(&layout, "slots", s->slots);
  put_count(&layout, "threads", s->threads);
  put_object(&o, "layout", &layout);
  put_text(&o, "policy", s->policy);
  put_number(&o, "makespan_s", s->makespan_s);
  put_number(&o, "total_s", s->total_s);
  put_number(&o, "efficiency", s->efficiency);
  put_number(&o, "task_mean_s", s->task_mean_s);
  put_number(&o, "task_max_s", s->task_max_s);
  put_number(&o, "predicted_s", s->predicted_s < 0 ? (double)NAN : s->predicted_s);
  put(&o, "interval_s", s->predicted_high_s < 0 ? json_null() : range_json(s->predicted_low_s, s->predicted_high_s));
  put_text(&o, "predicted_from", s->predicted_from == AMZ_UNKNOWN ? NULL : amz_source_name(s->predicted_from));
  put_number(&o, "off_by", amz_history_off(s));
  *ok = *ok && o.ok;
  return o.json;
}

static void put_head(struct object *o, const struct amz_history_job *job)
{
  put_text(o, "id", job->id);
  put_text(o, "job", job->runs[job->n - 1].costs.job);
  put_text(o, "key", job->key);
}

static int add_bytes(const char *bytes, size_t n, void *out)
{
  amz_buf_add(out, bytes, n);
  return amz_buf_ok(out) == AMZ_OK ? 0 : -1;
}

static int finish(struct object *o, struct amz_buf *out)
{
  int rc = o->ok && json_dump_callback(o->json, add_bytes, out, JSON_REAL_PRECISION(15)) == 0 ? amz_buf_ok(out) : AMZ_ENOMEM;

  json_decref(o->json);
  return rc;
}

int amz_report_history_list_json(const struct amz_history_job *job, struct amz_buf *out)
{
  struct object o = object_new();

  put_head(&o, job);
  put_count(&o, "runs", job->n);
  put(&o, "latest", run_of(&job->runs[job->n - 1], &o.ok));
  return finish(&o, out);
}

static void put_trend(struct object *o, const struct amz_history_job *job)
{
  const struct amz_sample *first = &job->runs[0].costs, *last = &job->runs[job->n - 1].costs;
  struct object trend = object_new();
  struct amz_history_drift d;
  bool drifted = amz_history_drifted(first->seen, first->n, first->tasks, last->seen, last->n, last->tasks, &d),
      known = isfinite(d.high);

  put_number(&trend, "ratio", known ? d.ratio : (double)NAN);
  put(&trend, "interval", known ? range_json(d.low, d.high) : json_null());
  put(&trend, "drifted", json_boolean(drifted));
  put_object(o, "trend", &trend);
}

int amz_report_history_job_json(const struct amz_history_job *job, const struct amz_workload *work, size_t runs,
                                struct amz_buf *out)
{
  struct object o = object_new(), known = object_new();
  json_t *rows = json_array();

  put_head(&o, job);
  for (size_t i = 0; i < job->n && o.ok; i++)
    o.ok = rows && json_array_append_new(rows, run_of(&job->runs[i], &o.ok)) == 0 && o.ok;
  put(&o, "runs", rows);
  put_trend(&o, job);
  put_count(&known, "runs", work ? runs : 0);
  if (work)
    amz_put_workload(&known, work);
  put_object(&o, "known", &known);
  return finish(&o, out);
}
