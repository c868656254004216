/* The few lines with which a run tells how it will go on. */
#include <amorsize/plan_report.h>

#include <string.h>

#include <amorsize/diag.h>
#include <amorsize/units.h>
#include <amorsize/workload.h>

#include "plan_words.h"
#include "words.h"

static void add_plan(const struct amz_plan_told *t, struct amz_buf *out)
{
  const struct amz_workload *w = t->report.input->work;
  char a[AMZ_WORD], b[AMZ_WORD];

  amz_word_name("plan", out);
  amz_words_layout(&t->report.plan->chosen.layout, out);
  amz_words_changed(t->report.input, &t->report.plan->chosen, out);
  amz_buf_addf(out, ": from %s of %s, %s\n", amz_word_tasks(t->sampled, a), amz_word_seconds(w->mean_s.value, b),
               amz_work_kind_name(w->kind));
}

/* That the ranks are those that were launched is no news. */
static void add_first_reason(const struct amz_plan *p, struct amz_buf *out)
{
  for (size_t i = 0; i < p->n_reasons; i++)
    if (p->reasons[i].active && strcmp(p->reasons[i].what, "given") != 0) {
      amz_word_name("limited by", out);
      amz_buf_addf(out, "%s: %s\n", p->reasons[i].what, p->reasons[i].text);
      return;
    }
}

static void add_sources(const struct amz_plan_told *t, struct amz_buf *out)
{
  char a[AMZ_WORD];

  amz_word_name("numbers", out);
  if (t->report.history_runs)
    amz_buf_addf(out, "tasks from history (%zu earlier run%s, the latest of %s UTC)", t->report.history_runs,
                 t->report.history_runs == 1 ? "" : "s",
                 amz_format_time(t->report.history_latest_s, a, sizeof a));
  else
    amz_buf_addf(out, "tasks %s", amz_source_name(t->report.input->work->mean_s.source));
  amz_buf_addf(out, ", nodes %s", t->node);
  if (strcmp(t->node, amz_source_name(AMZ_ASSUMED)) == 0)
    amz_buf_adds(out, "; amorsize-mpi node would sharpen them");
  amz_buf_addc(out, '\n');
}

void amz_report_plan_brief(const struct amz_plan_told *t, struct amz_buf *out)
{
  const struct amz_plan *p = t->report.plan;

  add_plan(t, out);
  amz_word_name("predicted", out);
  amz_word_prediction(&t->predicted, out);
  amz_buf_addf(out, ", speedup %.3g, efficiency %.0f %%\n", p->chosen.speedup, 100 * p->chosen.efficiency);
  amz_word_name("because it is", out);
  amz_buf_addf(out, "%s\n", p->why);
  add_first_reason(p, out);
  amz_words_pays(p, out);
  add_sources(t, out);
}
