/* A plan as a person reads it: shortly, and in seven sections. Each number that is no measurement says so. */
#include <amorsize/plan_report.h>

#include <stdio.h>
#include <string.h>

#include <amorsize/diag.h>
#include <amorsize/units.h>

#include "plan_classes.h"
#include "plan_words.h"
#include "words.h"

/* ---- words ------------------------------------------------------------------------------------------------------------ */

static double share(double part, double whole)
{
  return whole > 0 ? 100 * part / whole : 0;
}

/* ---- short ------------------------------------------------------------------------------------------------------------ */

static void add_first_bound(const struct amz_plan *p, struct amz_buf *out)
{
  for (size_t i = 0; i < p->n_reasons; i++)
    if (p->reasons[i].active) {
      amz_word_name("limited by", out);
      amz_buf_addf(out, "%s: %s\n", p->reasons[i].what, p->reasons[i].text);
      return;
    }
}

static void add_history(const struct amz_plan_report *r, struct amz_buf *out)
{
  char a[AMZ_WORD];

  if (r->history_runs == 0)
    return;
  amz_word_name("costs", out);
  amz_buf_addf(out, "from history: %zu earlier run%s, the latest of %s UTC\n", r->history_runs, amz_plural(r->history_runs),
               amz_format_time(r->history_latest_s, a, sizeof a));
}

void amz_report_plan(const struct amz_plan_report *r, struct amz_buf *out)
{
  const struct amz_candidate *c = &r->plan->chosen;
  char a[AMZ_WORD];

  add_history(r, out);
  amz_word_name("plan", out);
  amz_words_layout(&c->layout, out);
  amz_buf_adds(out, amz_plan_is_uneven(r->plan) ? ", at most" : "");
  amz_words_changed(r->input, c, out);
  amz_buf_addc(out, '\n');
  amz_word_name("predicted", out);
  amz_buf_addf(out, "%s (90 %%: ", amz_word_seconds(c->makespan_s, a));
  amz_word_range(c->interval_s[0], c->interval_s[1], out);
  amz_buf_addf(out, "), speedup %.3g, efficiency %.0f %%\n", c->speedup, 100 * c->efficiency);
  amz_word_name("because it is", out);
  amz_buf_addf(out, "%s\n", r->plan->why);
  add_first_bound(r->plan, out);
  amz_words_pays(r->plan, out);
}

/* ---- in full: what is to be done, and where --------------------------------------------------------------------------- */

static void add_system(const struct amz_plan_report *r, struct amz_buf *out)
{
  const struct amz_plan_input *in = r->input;
  char a[AMZ_WORD];

  amz_buf_adds(out, "\nSystem resources\n");
  for (size_t i = 0; i < in->n_nodes; i++) {
    const struct amz_node *n = in->nodes[i].node;

    amz_word_name(i ? "" : "nodes", out);
    amz_buf_addf(out, "%u × %u cores (%u ours), %zu NUMA domain%s, %s of memory ours", in->nodes[i].count, n->cores,
                 n->allowed_cores, n->n_domains, amz_plural(n->n_domains),
                 amz_format_bytes(n->allowed_memory_bytes ? n->allowed_memory_bytes : n->memory_bytes, a, sizeof a));
    if (in->nodes[i].speed < 1 || in->nodes[i].speed > 1)
      amz_buf_addf(out, ", speed %.2f", in->nodes[i].speed);
    amz_buf_addc(out, '\n');
  }
  amz_words_quantity("between tasks", &in->costs.gap_s, out);
  amz_words_quantity("a chunk", &in->costs.chunk_s, out);
  amz_words_quantity("master, a chunk", &in->costs.service_s, out);
  amz_words_quantity("a launch", &in->costs.launch_base_s, out);
  amz_words_quantity("and a rank", &in->costs.launch_per_rank_s, out);
}

/* ---- in full: what was chosen ----------------------------------------------------------------------------------------- */

static void add_decision(const struct amz_plan_report *r, struct amz_buf *out)
{
  const struct amz_plan *p = r->plan;
  char a[AMZ_WORD], b[AMZ_WORD];

  amz_buf_adds(out, "\nOptimization decision\n");
  amz_word_name("layout", out);
  amz_words_layout(&p->chosen.layout, out);
  amz_buf_addf(out, "%s = %s at a time\n", amz_plan_is_uneven(p) ? ", at most" : "", amz_word_tasks(p->chosen.slots, a));
  amz_words_classes(r, out);
  amz_word_name("chunks", out);
  amz_words_chunks(p->chosen.policy, p->chosen.chunk_s, out);
  amz_buf_addf(out, ": %s\n", p->why_chunks);
  amz_word_name("because it is", out);
  amz_buf_addf(out, "%s\n", p->why);
  amz_word_name("considered", out);
  amz_buf_addf(out, "%s layouts by formula, %s of them in the simulator\n", amz_format_count(p->considered, a, sizeof a),
               amz_format_count(p->simulated, b, sizeof b));
  amz_words_pays(p, out);
}

static void add_part(const char *name, double part_s, double whole_s, struct amz_buf *out)
{
  char a[AMZ_WORD];

  amz_word_name(name, out);
  amz_buf_addf(out, "%s (%.1f %%)\n", amz_word_seconds(part_s, a), share(part_s, whole_s));
}

static void add_memory_term(const struct amz_plan_terms *t, struct amz_buf *out)
{
  amz_word_name("  memory", out);
  if (t->in_cache)
    amz_buf_addf(out, "× 1: a task's memory fits its share of the last cache (measured sizes, sampled memory)\n");
  else
    amz_buf_addf(out, "× %.3f: %.0f %% of the computing waits for memory (%s), of which %u busy cores leave less (%s)\n",
                 t->memory.value,
                 100 * t->memory_share.value,
                 t->memory_share.source == AMZ_UNKNOWN ? "unknown: counted as nothing" : amz_source_name(t->memory_share.source),
                 t->busy, amz_source_name(t->memory.source));
}

/* A task's time under the layout, term by term. */
static void add_terms(const struct amz_plan_report *r, struct amz_buf *out)
{
  const struct amz_plan_terms *t = &r->plan->terms;
  const struct amz_candidate *c = &r->plan->chosen;
  char a[AMZ_WORD], b[AMZ_WORD];

  amz_word_name("a task", out);
  amz_buf_addf(out, "%s, where the sample's circumstances would take %s (%s):\n", amz_word_seconds(c->task_s, a),
               amz_word_seconds(r->input->work->mean_s.value, b), amz_source_name(r->input->work->mean_s.source));
  amz_word_name("  threads", out);
  amz_buf_addf(out, "÷ %.3f: %u a task (%s%s)\n", t->speedup.value, c->layout.threads,
               t->speedup.source == AMZ_UNKNOWN ? "others weren't sampled" : amz_source_name(t->speedup.source),
               t->beyond ? ", extrapolated" : "");
  amz_word_name("  computing", out);
  amz_buf_addf(out, "× %.3f: %u busy core%s of a NUMA domain instead of %u (%s)\n", t->computing.value, t->busy,
               amz_plural(t->busy), t->sampled_busy,
               t->computing.source == AMZ_UNKNOWN ? "unknown: counted as nothing" : amz_source_name(t->computing.source));
  add_memory_term(t, out);
  amz_word_name("  neighbours", out);
  amz_buf_addf(out, "× %.3f for computing, × %.3f for waiting: what neither explains (sampled)\n", t->left, t->wait);
  amz_word_name("  sharing cores", out);
  amz_buf_addf(out, "× %.3f: tasks compute %.0f %% of their time (sampled)\n", t->oversubscribed, 100 * t->active);
}

/* What sampled tasks showed of the same. */
static const char *seen_beside(const struct amz_workload *w)
{
  if (w->drift > 0 && w->starved > 0)
    return "a pace that changed, and CPUs that sampled tasks had to wait for";
  return w->drift > 0 ? "a pace that changed while tasks were sampled" : "CPUs that sampled tasks had to wait for";
}

static void add_prediction(const struct amz_plan_report *r, struct amz_buf *out)
{
  const struct amz_candidate *c = &r->plan->chosen;
  char a[AMZ_WORD], b[AMZ_WORD];

  amz_buf_adds(out, "\nPerformance prediction\n");
  amz_word_name("makespan", out);
  amz_buf_addf(out, "%s (90 %%: ", amz_word_seconds(c->makespan_s, a));
  amz_word_range(c->interval_s[0], c->interval_s[1], out);
  amz_buf_addf(out, "), %s in all; %s\n", amz_word_seconds(c->total_s, b), c->simulated ? "simulated" : "by formula");
  if (r->input->unforeseen.source != AMZ_UNKNOWN) {
    amz_word_name("unforeseen", out);
    amz_buf_addf(out, "± %.1f %% of the interval is for what no sample shows: other work, clocks (%s", 100 * r->plan->unforeseen,
                 amz_source_name(r->input->unforeseen.source));
    if (r->plan->unforeseen > r->input->unforeseen.value)
      amz_buf_addf(out, " %.1f %%, and %s", 100 * r->input->unforeseen.value, seen_beside(r->input->work));
    if (r->input->unforeseen.source == AMZ_HISTORY)
      amz_buf_addf(out, ": %u earlier predictions of this job", r->input->unforeseen.n);
    amz_buf_adds(out, ")\n");
  }
  amz_word_name("speedup", out);
  amz_buf_addf(out, "%.3g over one slot (%s); theoretical maximum %.3g\n", c->speedup,
               amz_word_seconds(r->plan->serial.total_s, a),
               r->plan->theoretical_speedup);
  amz_word_name("efficiency", out);
  amz_buf_addf(out, "%.1f %%; %.3g core-hours\n", 100 * c->efficiency, c->core_hours);
  add_part("launch", c->launch_s, c->total_s, out);
  add_part("tasks", c->work_s, c->total_s, out);
  add_part("starting tasks", c->gap_s, c->total_s, out);
  add_part("handing out", c->dispatch_s, c->total_s, out);
  add_part("imbalance", c->imbalance_s, c->total_s, out);
  add_part("collecting", c->collect_s, c->total_s, out);
  add_terms(r, out);
}

/* Other ways to hand out the tasks of the layout that was chosen. */
static void add_chunkings(const struct amz_plan *p, struct amz_buf *out)
{
  char a[AMZ_WORD];

  for (size_t i = 0; i < p->n_chunkings; i++) {
    const struct amz_chunking *c = &p->chunkings[i];

    amz_word_name(i ? "" : "chunks", out);
    amz_words_chunks(c->policy, c->chunk_s, out);
    amz_buf_addf(out, ": %s in all, %s\n", amz_word_seconds(c->total_s, a), c->why_not);
  }
}

static void add_rejected(const struct amz_plan *p, struct amz_buf *out)
{
  amz_buf_adds(out, "\nRejected alternatives\n");
  if (p->n_others == 0)
    amz_buf_adds(out, "  none: nothing else fits\n");
  else
    amz_buf_addf(out, "  %5s %5s %6s %7s %10s %10s  %s\n", "nodes", "ranks", "slots", "threads", "in all", "efficiency",
                 "why not");
  for (size_t i = 0; i < p->n_others; i++) {
    const struct amz_candidate *c = &p->others[i];
    char a[AMZ_WORD];

    amz_buf_addf(out, "  %5u %5u %6u %7u %10s %8.1f %%  %s\n", c->layout.nodes, c->layout.ranks_per_node,
                 c->layout.slots_per_rank, c->layout.threads,
                 amz_word_seconds(c->total_s, a), 100 * c->efficiency, p->why_not[i]);
  }
  add_chunkings(p, out);
}

static void add_words(const struct amz_plan *p, struct amz_buf *out)
{
  bool any = false;

  amz_buf_adds(out, "\nActive constraints\n");
  for (size_t i = 0; i < p->n_reasons; i++) {
    any = true;
    amz_word_name(p->reasons[i].what, out);
    amz_buf_addf(out, "%s%s\n", p->reasons[i].text, p->reasons[i].active ? "" : " (took nothing away)");
    if (*p->reasons[i].lift) {
      amz_word_name("", out);
      amz_buf_addf(out, "lifted by: %s\n", p->reasons[i].lift);
    }
  }
  if (!any)
    amz_buf_adds(out, "  none: all cores are used\n");
  amz_buf_adds(out, "\nRecommendations\n");
  for (size_t i = 0; i < p->n_recommendations; i++)
    amz_buf_addf(out, "  - %s\n", p->recommendations[i].text);
  if (p->n_recommendations == 0)
    amz_buf_adds(out, "  none\n");
}

void amz_report_plan_explain(const struct amz_plan_report *r, struct amz_buf *out)
{
  amz_words_workload(r->job, r->input->work, out);
  add_history(r, out);
  add_system(r, out);
  add_decision(r, out);
  add_prediction(r, out);
  add_rejected(r->plan, out);
  add_words(r->plan, out);
}
