/* A workload in words and as JSON: the first section of a plan, and what a sample says of itself. */
#include "plan_words.h"

#include <math.h>
#include <string.h>

#include <amorsize/diag.h>
#include <amorsize/stats.h>
#include <amorsize/units.h>

#include "words.h"

void amz_words_quantity(const char *name, const struct amz_quantity *q, struct amz_buf *out)
{
  char a[AMZ_WORD];

  amz_word_name(name, out);
  if (q->source == AMZ_UNKNOWN)
    amz_buf_adds(out, "unknown: counted as nothing\n");
  else
    amz_buf_addf(out, "%s (%s)\n", amz_word_seconds(q->value, a), amz_source_name(q->source));
}

void amz_words_layout(const struct amz_plan_layout *l, struct amz_buf *out)
{
  amz_buf_addf(out, "%u node%s × %u rank%s × %u slot%s", l->nodes, amz_plural(l->nodes), l->ranks_per_node,
               amz_plural(l->ranks_per_node), l->slots_per_rank, amz_plural(l->slots_per_rank));
  if (l->threads > 1)
    amz_buf_addf(out, " × %u threads", l->threads);
}

void amz_words_chunks(const char *policy, double target_s, struct amz_buf *out)
{
  char a[AMZ_WORD];

  amz_buf_adds(out, policy ? policy : "");
  if (target_s > 0)
    amz_buf_addf(out, ", of about %s", amz_word_seconds(target_s, a));
}

bool amz_words_other_policy(const struct amz_plan_input *in, const struct amz_candidate *c)
{
  return in->want.policy && strcmp(in->want.policy, c->policy) != 0;
}

bool amz_words_other_target(const struct amz_plan_input *in, const struct amz_candidate *c)
{
  return c->chunk_s > 0 && (c->chunk_s > in->want.chunk_s || c->chunk_s < in->want.chunk_s);
}

void amz_words_changed(const struct amz_plan_input *in, const struct amz_candidate *c, struct amz_buf *out)
{
  if (!amz_words_other_policy(in, c) && !amz_words_other_target(in, c))
    return;
  amz_buf_adds(out, ", handed out by ");
  amz_words_chunks(c->policy, c->chunk_s, out);
}

void amz_words_pays(const struct amz_plan *plan, struct amz_buf *out)
{
  char a[AMZ_WORD];

  if (!(plan->break_even_tasks > 0))
    return;
  amz_word_name("pays from", out);
  amz_buf_addf(out, "about %s on%s\n", amz_word_tasks((uint64_t)fmin(plan->break_even_tasks, 9e18), a),
               plan->chosen.slots == 1 ? ": then more slots would" : "");
}

static void add_times(const struct amz_workload *w, struct amz_buf *out)
{
  char a[AMZ_WORD], b[AMZ_WORD], c[AMZ_WORD];

  amz_word_name("task time", out);
  amz_buf_addf(out, "mean %s (95 %%: %s to %s), from %zu %s\n", amz_word_seconds(w->mean_s.value, a),
               amz_word_seconds(w->mean_s.low, b),
               amz_word_seconds(w->mean_s.high, c), w->sampled,
               w->mean_s.source == AMZ_HISTORY ? "tasks of earlier runs" : "sampled");
  if (w->from != AMZ_TIMES_SEEN) {
    amz_word_name("", out);
    amz_buf_addf(out, "of the tasks to come, foreseen from their %s; what is left of it has CV %.2f\n",
                 w->from == AMZ_TIMES_WEIGHT ? "weights" : "places in the list", w->scatter);
  }
  amz_word_name("spread", out);
  amz_buf_addf(out, "CV %.2f: %s\n", w->cv, w->cv < 0.3 ? "homogeneous" : w->cv < 0.7 ? "moderate" : "heterogeneous");
  if (w->heavy) {
    amz_word_name("", out);
    amz_buf_adds(out, "so few samples may have missed the longest: the interval is widened, and the run refines it\n");
  }
  amz_word_name("kind", out);
  amz_buf_addf(out, "%s: CPU %.0f %% of the wall time\n", amz_work_kind_name(w->kind), 100 * w->cpu_per_wall);
}

/* Of a single task nobody knows the spread. */
static void add_point(const struct amz_thread_point *p, const char *before, struct amz_buf *out)
{
  amz_buf_addf(out, "%s %u: %.2f times as fast (", before, p->threads, p->speedup.value);
  if (isfinite(p->speedup.high))
    amz_buf_addf(out, "%.2f to %.2f, ", p->speedup.low, p->speedup.high);
  amz_buf_addf(out, "%zu task%s)", p->n, p->n == 1 ? "" : "s");
}

/* What was seen, whether or not a law fits it. */
static void add_threads(const struct amz_workload *w, struct amz_buf *out)
{
  uint32_t falls = amz_workload_falls_from(w);

  amz_word_name("threads", out);
  amz_buf_addf(out, "%.0f %% of a task is serial (Amdahl; 95 %%: %.0f to %.0f %%)", 100 * w->serial.value, 100 * w->serial.low,
               100 * w->serial.high);
  for (size_t i = 1; i < w->n_points; i++)
    add_point(&w->points[i], i > 1 ? "," : "; seen with", out);
  amz_buf_addc(out, '\n');
  if (falls) {
    amz_word_name("", out);
    amz_buf_addf(out, "with %u threads tasks are slower than with fewer\n", falls);
  }
}

static void add_neighbours(const struct amz_workload *w, struct amz_buf *out)
{
  amz_word_name("neighbours", out);
  amz_buf_addf(out, "tasks take %.2f times as long beside %u other%s (95 %%: %.2f to ", w->slowdown.value, w->busy - 1,
               amz_plural(w->busy - 1), w->slowdown.low);
  if (isfinite(w->slowdown.high))
    amz_buf_addf(out, "%.2f)%s\n", w->slowdown.high, w->slowdown.low <= 1 ? ", which may be chance: counted as nothing" : "");
  else
    amz_buf_adds(out, "any)\n");
}

void amz_words_workload(const char *job, const struct amz_workload *w, struct amz_buf *out)
{
  char a[AMZ_WORD];

  amz_buf_adds(out, "Workload analysis\n");
  amz_word_name("job", out);
  amz_buf_add_printable(out, job, strlen(job), SIZE_MAX);
  amz_buf_addf(out, ": %s\n", amz_word_tasks(w->tasks, a));
  add_times(w, out);
  if (w->rss_bytes) {
    amz_word_name("memory", out);
    amz_buf_addf(out, "up to %s a task\n", amz_format_bytes(w->rss_bytes, a, sizeof a));
  }
  if (w->in_bytes > 0) {
    amz_word_name("input", out);
    amz_buf_addf(out, "%s a task, read from files and pipes\n", amz_format_bytes(w->in_bytes < 1e18 ? (uint64_t)w->in_bytes : 0,
        a, sizeof a));
  }
  amz_word_name("output", out);
  amz_buf_addf(out, "%s a task\n", amz_format_bytes(w->out_bytes < 1e18 ? (uint64_t)w->out_bytes : 0, a, sizeof a));
  if (w->trend_r2 > 0.3) {
    amz_word_name("trend", out);
    amz_buf_addf(out, "times %s by %.0f %% of the mean along the list\n", w->trend > 0 ? "grow" : "fall",
                 100 * (w->trend > 0 ? w->trend : -w->trend));
  }
  if (w->weight.r2 >= 0) {
    amz_word_name("weights", out);
    amz_buf_addf(out, "time grows with weight^%.2f (R² %.2f)%s\n", w->weight.slope, w->weight.r2,
                 w->weight.holds ? "" : ": too little to predict by");
  }
  if (w->serial.source != AMZ_UNKNOWN)
    add_threads(w, out);
  if (w->slowdown.source != AMZ_UNKNOWN)
    add_neighbours(w, out);
  if (w->failed) {
    amz_word_name("failures", out);
    amz_buf_addf(out, "%zu of %zu sampled tasks failed\n", w->failed, w->observed);
  }
}

void amz_put_quantity(struct object *o, const char *key, const struct amz_quantity *q)
{
  struct object x = object_new();

  if (q->source == AMZ_UNKNOWN) {
    put(&x, "value", json_null());
  } else {
    put_number(&x, "value", q->value);
    put_number(&x, "low", q->low);
    put_number(&x, "high", q->high);
    put_count(&x, "n", q->n);
  }
  put_text(&x, "source", amz_source_name(q->source));
  put_object(o, key, &x);
}

static const char *times_from(const struct amz_workload *w)
{
  return w->from == AMZ_TIMES_WEIGHT ? "weights" : w->from == AMZ_TIMES_TREND ? "places" : "sample";
}

/* 0, 5, 25, 50, 75, 95 and 100 %. */
static json_t *quantiles_of(const struct amz_workload *w)
{
  return json_pack("[f,f,f,f,f,f,f]", amz_quantile(w->wall_s, w->n, 0), amz_quantile(w->wall_s, w->n, 0.05),
                   amz_quantile(w->wall_s, w->n, 0.25),
                   amz_quantile(w->wall_s, w->n, 0.5), amz_quantile(w->wall_s, w->n, 0.75), amz_quantile(w->wall_s, w->n, 0.95),
                   amz_quantile(w->wall_s, w->n, 1));
}

static json_t *weight_of(const struct amz_workload *w)
{
  if (w->weight.r2 < 0)
    return json_null();
  return json_pack("{s:o,s:o,s:o,s:b}", "exponent", number_json(w->weight.slope), "factor_s",
                   number_json(exp(w->weight.intercept)), "r2", number_json(w->weight.r2), "holds", w->weight.holds);
}

static json_t *points_of(const struct amz_workload *w)
{
  json_t *points = json_array();

  for (size_t i = 0; i < w->n_points && points; i++) {
    const struct amz_thread_point *p = &w->points[i];

    if (json_array_append_new(points, json_pack("{s:I,s:I,s:o,s:o,s:o}", "threads", (json_int_t)p->threads, "tasks",
                                                (json_int_t)p->n, "speedup",
                                                number_json(p->speedup.value), "low", number_json(p->speedup.low), "high",
                                                number_json(p->speedup.high))) < 0) {
      json_decref(points);
      return NULL;
    }
  }
  return points;
}

void amz_put_workload(struct object *o, const struct amz_workload *w)
{
  put_count(o, "tasks", w->sampled);
  put_number(o, "mean_s", w->mean_s.value);
  amz_put_quantity(o, "mean", &w->mean_s);
  put_number(o, "cv", w->cv);
  put(o, "heavy", json_boolean(w->heavy));
  put_number(o, "drift", w->drift);
  put_number(o, "starved", w->starved);
  put_text(o, "kind", amz_work_kind_name(w->kind));
  put_number(o, "cpu_per_wall", w->cpu_per_wall);
  put_count(o, "max_rss_bytes", w->rss_bytes);
  put_number(o, "out_bytes", w->out_bytes);
  put_number(o, "in_bytes", w->in_bytes);
  put_number(o, "trend", w->trend);
  put_number(o, "trend_r2", w->trend_r2);
  put_text(o, "times_from", times_from(w));
  put_number(o, "scatter", w->scatter);
  put(o, "quantiles_s", quantiles_of(w));
  put(o, "weight", weight_of(w));
  put(o, "threads_seen", points_of(w));
  amz_put_quantity(o, "serial", &w->serial);
  amz_put_quantity(o, "slowdown", &w->slowdown);
  put_count(o, "failed", w->failed);
}
