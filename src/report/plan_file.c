/* A plan as plan.yaml: what can be changed in it stands where a job description has it, what was only foreseen under
 * `prediction`. */
#include <amorsize/plan_report.h>

#include <math.h>
#include <string.h>

#include <amorsize/diag.h>

#define YEAR_S 31536000.0 /* what whoever reads it takes at most; few samples may leave the upper end open */

/* Comments are one line each, whatever a name holds. */
static void add_comment(const char *name, const char *text, struct amz_buf *out)
{
  if (!text)
    return;
  amz_buf_addf(out, "# %s", name);
  amz_buf_add_printable(out, text, strlen(text), 400);
  amz_buf_addc(out, '\n');
}

/* What it is a prediction of goes with it: who edits the layout, or gives options, has another one. */
static void add_prediction(const struct amz_plan_file *f, struct amz_buf *out)
{
  const struct amz_prediction *p = &f->predicted;
  const struct amz_plan_layout *l = &f->layout;

  if (!(p->makespan_s > 0))
    return;
  amz_buf_addf(out, "prediction: {makespan: %.6fs, low: %.6fs, high: %.6fs", fmin(p->makespan_s, YEAR_S), fmin(p->low_s, YEAR_S),
               fmin(p->high_s, YEAR_S));
  if (f->tasks)
    amz_buf_addf(out, ", tasks: %llu", (unsigned long long)f->tasks);
  amz_buf_addf(out, ", slots: %llu", (unsigned long long)l->nodes * l->ranks_per_node * l->slots_per_rank);
  amz_buf_addf(out, ", threads: %u", l->threads);
  if (f->task_s > 0 && f->task_s < YEAR_S)
    amz_buf_addf(out, ", task: %.9fs, task_stddev: %.9fs", f->task_s, fmin(fmax(f->task_stddev_s, 0), YEAR_S));
  amz_buf_adds(out, "}\n");
  if (f->speedup > 0)
    amz_buf_addf(out, "# speedup %.3g, efficiency %.0f %%\n", f->speedup, 100 * f->efficiency);
}

void amz_report_plan_file(const struct amz_plan_file *f, struct amz_buf *out)
{
  const struct amz_plan_layout *l = &f->layout;

  add_comment("plan of ", f->job, out);
  amz_buf_addf(out, "plan: {nodes: %u, ranks_per_node: %u, slots_per_rank: %u, threads_per_task: %u}\n", l->nodes,
               l->ranks_per_node,
               l->slots_per_rank, l->threads);
  amz_buf_addf(out, "chunks: {policy: %s", f->policy);
  if (f->target_ns > 0)
    amz_buf_addf(out, ", target: %.9gs", (double)f->target_ns * 1e-9);
  amz_buf_adds(out, "}\n");
  add_prediction(f, out);
  add_comment("it is ", f->why, out);
  add_comment("tasks' times: ", f->costs, out);
  add_comment("nodes' numbers: ", f->node, out);
}
