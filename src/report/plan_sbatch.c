/* A batch script that asks Slurm for what the plan needs. */
#include <amorsize/plan_report.h>

#include <math.h>
#include <stdio.h>

#include "plan_classes.h"
#include "plan_words.h"
#include "words.h"

#define MARGIN 1.10          /* beyond the 95 % bound: nodes differ, file systems have bad days */
#define SETUP_S 60.0         /* to get going and to come to an end */
#define SIGNAL_S 120         /* before the end: running tasks may finish */
#define MEMORY_MARGIN 1.25   /* of what the tasks take: the inverse of the headroom that the planner keeps */
#define MIB (UINT64_C(1) << 20)
#define OWN_MIB 256          /* a rank itself, its helpers and its MPI library */
#define OPEN 10              /* times what is expected, at most: few samples may leave the interval's upper end open */

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

/* Options as the user wrote them, several on a line if he likes: only their lines' ends are ours. */
static void add_line(const char *text, struct amz_buf *out)
{
  for (; *text; text++)
    amz_buf_addc(out, (unsigned char)*text >= ' ' && *text != 0x7f ? *text : '_');
}

/* Tasks that wait for most of their time share cores. */
static double cpus_of_rank(const struct amz_plan_report *r)
{
  const struct amz_plan_layout *l = &r->plan->chosen.layout;
  double all = (double)l->slots_per_rank * l->threads;

  return r->input->work->kind == AMZ_WORK_IO || r->input->want.waits ? fmax(1, ceil(all * r->input->work->cpu_share)) : all;
}

/* What every node can have, where they differ. */
static uint32_t fewest_ranks(const struct amz_plan_report *r)
{
  const struct amz_plan_class *classes = r->plan->classes;
  uint32_t fewest = r->plan->chosen.layout.ranks_per_node;

  for (size_t i = 0; i < r->plan->n_classes; i++)
    fewest = classes[i].ranks_per_node < fewest ? classes[i].ranks_per_node : fewest;
  return fewest;
}

/* One request of Slurm's is the same for all nodes. */
static void add_classes(const struct amz_plan_report *r, struct amz_buf *out)
{
  const struct amz_plan_class *classes = r->plan->classes;

  amz_buf_adds(out, "# The nodes differ, and a request is the same for all of them: whole nodes are asked for, and each rank "
                    "takes the cores that it finds.\n"
                    "# Planned were");
  for (size_t i = 0; i < r->plan->n_classes; i++)
    amz_buf_addf(out, "%s %u × %u rank%s × %u slot%s", i ? "," : "", classes[i].nodes, classes[i].ranks_per_node,
                 classes[i].ranks_per_node == 1 ? "" : "s",
                 classes[i].slots_per_rank, classes[i].slots_per_rank == 1 ? "" : "s");
  amz_buf_adds(out, "; see that you get such nodes (--constraint, --nodelist).\n");
}

/* What its end, or that of one of its nodes, is to the job. A second turn would write over what the first one said. */
static void add_survival(const struct amz_sbatch *s, uint32_t nodes, struct amz_buf *out)
{
  amz_buf_adds(out, s->requeue ? "#SBATCH --requeue\n#SBATCH --open-mode=append\n" : "#SBATCH --no-requeue\n");
  if (nodes > 1) /* a node that dies needn't take the others along: its tasks are given to those */
    amz_buf_adds(out, "#SBATCH --no-kill\n");
}

static void add_options(const struct amz_plan_report *r, const struct amz_sbatch *s, struct amz_buf *out)
{
  bool uneven = amz_plan_is_uneven(r->plan);
  const struct amz_plan_layout *l = &r->plan->chosen.layout;
  const struct amz_candidate *c = &r->plan->chosen;
  uint64_t each = r->input->want.memory_bytes ? r->input->want.memory_bytes : r->input->work->rss_bytes;
  uint64_t node = (uint64_t)((double)each * l->ranks_per_node * l->slots_per_rank * MEMORY_MARGIN);

  amz_buf_adds(out, "#SBATCH --job-name=");
  add_word(s->job, out);
  amz_buf_addf(out, "\n#SBATCH --nodes=%u\n", l->nodes);
  if (uneven) {
    amz_buf_addf(out, "#SBATCH --ntasks-per-node=%u\n#SBATCH --exclusive\n#SBATCH --mem=0\n", fewest_ranks(r));
  } else {
    amz_buf_addf(out, "#SBATCH --ntasks-per-node=%u\n#SBATCH --cpus-per-task=%.0f\n", l->ranks_per_node, cpus_of_rank(r));
    if (r->input->nodes[0].node->units_per_core > 1) /* Slurm's CPUs are hardware threads there, the plan's are cores */
      amz_buf_adds(out, "#SBATCH --hint=nomultithread\n");
  }
  if (each && !uneven && !r->input->want.memory_ignore)
    amz_buf_addf(out, "#SBATCH --mem=%lluM\n", (unsigned long long)((node + MIB - 1) / MIB + (uint64_t)OWN_MIB *
                                                                    l->ranks_per_node));
  if (r->input->want.gpus)
    amz_buf_addf(out, "#SBATCH --gpus-per-node=%u\n", r->input->want.gpus * l->ranks_per_node * l->slots_per_rank);
  amz_buf_adds(out, "#SBATCH --time=");
  add_walltime((c->launch_s + fmin(c->interval_s[1], OPEN * c->makespan_s) + c->collect_s) * MARGIN + SETUP_S + SIGNAL_S, out);
  amz_buf_addf(out, "\n#SBATCH --signal=B:USR1@%d\n", SIGNAL_S);
  add_survival(s, l->nodes, out);
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
    add_line(s->extra[i], out);
    amz_buf_addc(out, '\n');
  }
}

/* Ranks whose nodes differ choose their slots themselves. */
static void add_slots(const struct amz_plan_report *r, struct amz_buf *out)
{
  const struct amz_plan_layout *l = &r->plan->chosen.layout;

  if (!amz_plan_is_uneven(r->plan))
    amz_buf_addf(out, "--slots %u ", l->slots_per_rank);
  amz_buf_addf(out, "--threads %u", l->threads);
}

/* What the settings have needn't be said again. */
static void add_chunks(const struct amz_plan_report *r, struct amz_buf *out)
{
  const struct amz_candidate *c = &r->plan->chosen;

  if (amz_words_other_policy(r->input, c))
    amz_buf_addf(out, " --policy %s", c->policy);
  if (amz_words_other_target(r->input, c))
    amz_buf_addf(out, " --set chunks.target=%.9gs", c->chunk_s);
}

void amz_report_plan_options(const struct amz_plan_report *r, struct amz_buf *out)
{
  const struct amz_plan_layout *l = &r->plan->chosen.layout;
  uint64_t ranks = (uint64_t)l->nodes * fewest_ranks(r);

  if (l->nodes > 1)
    amz_buf_addf(out, "--nodes %u ", l->nodes);
  if (ranks > 1)
    amz_buf_addf(out, "--ranks %llu ", (unsigned long long)ranks);
  add_slots(r, out);
  add_chunks(r, out);
}

void amz_report_plan_sbatch(const struct amz_plan_report *r, const struct amz_sbatch *s, struct amz_buf *out)
{
  const struct amz_plan_layout *l = &r->plan->chosen.layout;
  bool uneven = amz_plan_is_uneven(r->plan);
  char a[AMZ_WORD], b[AMZ_WORD], c[AMZ_WORD];

  amz_buf_adds(out, "#!/bin/bash\n");
  add_options(r, s, out);
  amz_buf_addc(out, '\n');
  if (uneven)
    add_classes(r, out);
  amz_buf_addf(out, "# Predicted: %s (90 %%: %s to %s) with %s%u slots a rank; asked for: the upper end and a margin.\n",
               amz_word_seconds(r->plan->chosen.makespan_s, a), amz_word_seconds(r->plan->chosen.interval_s[0], b),
               amz_word_seconds(r->plan->chosen.interval_s[1], c), uneven ? "up to " : "", l->slots_per_rank);
  amz_buf_adds(out, "# `exec`: the signal before the end of the time reaches amorsize-mpi itself, which lets running tasks "
                    "finish.\n");
  amz_buf_addf(out, "exec %s %s ", s->program ? s->program : "amorsize-mpi", s->command);
  if (fewest_ranks(r) > 1) /* a rank on each node is what comes of itself; whoever edits --nodes keeps as many on each */
    amz_buf_addf(out, "--ranks \"$((%u * SLURM_JOB_NUM_NODES))\" ", fewest_ranks(r));
  add_slots(r, out);
  add_chunks(r, out);
  amz_buf_addc(out, '\n');
}
