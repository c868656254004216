/* A batch script that asks Slurm for what the plan needs. */
#include <amorsize/plan_report.h>

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "words.h"

#define MARGIN 1.10          /* beyond the 95 % bound: nodes differ, file systems have bad days */
#define SETUP_S 60.0         /* to get going and to come to an end */
#define SIGNAL_S 120         /* before the end: running tasks may finish */
#define MEMORY_MARGIN 1.25   /* of what the tasks take: the inverse of the headroom that the planner keeps */
#define MIB (UINT64_C(1) << 20)

/* "1-02:03:00", rounded up to minutes. */
static void add_walltime(double s, struct amz_buf *out)
{
  uint64_t minutes = (uint64_t)ceil(fmax(s, 60) / 60);
  unsigned long long days = minutes / 1440, hours = minutes / 60 % 24, rest = minutes % 60;

  if (days)
    amz_buf_addf(out, "%llu-", days);
  amz_buf_addf(out, "%02llu:%02llu:00", hours, rest);
}

/* A name on one line that can't end the comment it stands in. */
static void add_word(const char *text, struct amz_buf *out)
{
  for (; *text; text++)
    amz_buf_addc(out, (unsigned char)*text > ' ' && *text != '\'' && *text != '"' && *text != '\\' ? *text : '_');
}

/* Tasks that wait for most of their time share cores. */
static double cpus_of_rank(const struct amz_plan_report *r)
{
  const struct amz_plan_layout *l = &r->plan->chosen.layout;
  double all = (double)l->slots_per_rank * l->threads;

  return r->input->work->kind == AMZ_WORK_IO ? fmax(1, ceil(all * r->input->work->cpu_share)) : all;
}

static void add_options(const struct amz_plan_report *r, const struct amz_sbatch *s, struct amz_buf *out)
{
  const struct amz_plan_layout *l = &r->plan->chosen.layout;
  const struct amz_candidate *c = &r->plan->chosen;
  uint64_t each = r->input->want.memory_bytes ? r->input->want.memory_bytes : r->input->work->rss_bytes;
  uint64_t node = (uint64_t)((double)each * l->ranks_per_node * l->slots_per_rank * MEMORY_MARGIN);

  amz_buf_adds(out, "#SBATCH --job-name=");
  add_word(s->job, out);
  amz_buf_addf(out, "\n#SBATCH --nodes=%u\n#SBATCH --ntasks-per-node=%u\n", l->nodes, l->ranks_per_node);
  amz_buf_addf(out, "#SBATCH --cpus-per-task=%.0f\n", cpus_of_rank(r));
  if (each && !r->input->want.memory_ignore)
    amz_buf_addf(out, "#SBATCH --mem=%lluM\n", (unsigned long long)((node + MIB - 1) / MIB));
  if (r->input->want.gpus)
    amz_buf_addf(out, "#SBATCH --gpus-per-node=%u\n", r->input->want.gpus * l->ranks_per_node * l->slots_per_rank);
  amz_buf_adds(out, "#SBATCH --time=");
  add_walltime((c->launch_s + c->interval_s[1] + c->collect_s) * MARGIN + SETUP_S + SIGNAL_S, out);
  amz_buf_addf(out, "\n#SBATCH --signal=B:USR1@%d\n#SBATCH --%s\n", SIGNAL_S, s->requeue ? "requeue" : "no-requeue");
  if (s->partition) {
    amz_buf_adds(out, "#SBATCH --partition=");
    add_word(s->partition, out);
    amz_buf_addc(out, '\n');
  }
  if (s->account) {
    amz_buf_adds(out, "#SBATCH --account=");
    add_word(s->account, out);
    amz_buf_addc(out, '\n');
  }
  for (size_t i = 0; i < s->n_extra; i++) {
    amz_buf_adds(out, "#SBATCH ");
    add_word(s->extra[i], out);
    amz_buf_addc(out, '\n');
  }
}

void amz_report_plan_sbatch(const struct amz_plan_report *r, const struct amz_sbatch *s, struct amz_buf *out)
{
  const struct amz_plan_layout *l = &r->plan->chosen.layout;
  char a[AMZ_WORD], b[AMZ_WORD], c[AMZ_WORD];

  amz_buf_adds(out, "#!/bin/bash\n");
  add_options(r, s, out);
  amz_buf_addf(out, "\n# Predicted: %s (90 %%: %s to %s) with %u slots a rank; asked for: the upper end and a margin.\n",
               amz_word_seconds(r->plan->chosen.makespan_s, a), amz_word_seconds(r->plan->chosen.interval_s[0], b),
               amz_word_seconds(r->plan->chosen.interval_s[1], c), l->slots_per_rank);
  amz_buf_adds(out, "# `exec`: the signal before the end of the time reaches amorsize-mpi itself, which lets running tasks finish.\n");
  amz_buf_addf(out, "exec amorsize-mpi %s --set plan.slots_per_rank=%u --set plan.threads_per_task=%u\n", s->command, l->slots_per_rank,
               l->threads);
}
