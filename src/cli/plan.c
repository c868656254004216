/* plan: which layout a job should have, what it will take, and why; from a sample of its tasks and what nodes can do. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <amorsize/plan_report.h>
#include <amorsize/profile.h>
#include <amorsize/store.h>

#include "../run/inputs.h"
#include "../run/planner.h"
#include "jobargs.h"
#include "kinds.h"
#include "known.h"
#include "ownpath.h"
#include "rundir.h"
#include "sampled.h"
#include "tofile.h"

#define NEEDS_SEEN 4096u /* tasks, evenly over the list, whose columns are looked at */

struct plan_args {
  struct cli_job_args job;
  const char *runs_in, *sample, *sbatch, *write;
  struct cli_list profiles;
  struct cli_count nodes, ranks;
  bool explain, no_history;
  unsigned format;
};

static const struct cli_option options[] = {
  CLI_JOB_OPTIONS(struct plan_args, job),
  CLI_ROW_TEXT("runs-in", struct plan_args, runs_in, "DIR",
               "where NAME.runs is made when tasks have to be sampled (default: here)"),
  CLI_ROW_TEXT("sample", struct plan_args, sample, "FILE", "a sample taken before (sample.json of a run): nothing is run"),
  CLI_ROW_FLAG("no-history", 0, struct plan_args, no_history, "sample even if costs are known from earlier runs"),
  CLI_ROW_LIST("node", struct plan_args, profiles, "FILE[:N]",
               "N nodes of a profile, as node --format json prints it (default: this node's)"),
  CLI_ROW_COUNT("nodes", 'N', struct plan_args, nodes, "N",
                "nodes that may be used (default: the allocation's, else plan.nodes, else 1)", 1, 1000000),
  CLI_ROW_COUNT("ranks-per-node", 0, struct plan_args, ranks, "R", "ranks on each node (default: the plan chooses)", 1, 65536),
  CLI_ROW_FLAG("explain", 'e', struct plan_args, explain,
               "all of it: analysis, resources, prediction, alternatives, constraints, advice"),
  CLI_ROW_TEXT("write", struct plan_args, write, "FILE",
               "write the plan as a file that run takes and that may be edited; - is standard output"),
  CLI_ROW_TEXT("sbatch", struct plan_args, sbatch, "FILE",
               "write a batch script for Slurm that runs the job so; - is standard output"),
  CLI_ROW_FORMAT(struct plan_args),
  {0},
};

/* All that a plan is made of, with its memory. */
struct planning {
  struct cli_sampled sampled;
  size_t history_runs;       /* the costs come from earlier runs: so many, 0: they don't, */
  int64_t history_latest_s;  /* and when the latest of them ended */
  struct amz_quantity unforeseen; /* by how much their predictions were off */
  struct amz_job *job;
  char *command;             /* how the plan is carried out: "resume DIR", "run JOB" */
  bool nothing_left;         /* of the run that is planned */
  struct cli_kinds kinds;
  struct amz_plan_input input;
  struct amz_plan plan;
};

static void clear(struct planning *p)
{
  amz_plan_clear(&p->plan);
  cli_kinds_clear(&p->kinds);
  amz_job_free(p->job);
  cli_sampled_clear(&p->sampled);
  free(p->command);
}

/* ---- where tasks' times come from --------------------------------------------------------------------------------------- */

/* "VERB WHAT" with WHAT quoted for a shell. */
static int set_command(struct planning *p, const char *verb, const char *what)
{
  struct amz_buf text = AMZ_BUF_INIT;

  amz_buf_addf(&text, "%s ", verb);
  amz_report_path(what, &text);
  if (amz_buf_ok(&text) < 0) {
    amz_buf_clear(&text);
    return cli_fail(AMZ_ENOMEM, NULL);
  }
  p->command = amz_buf_detach(&text);
  return CLI_OK;
}

/* Only what is left will be run: the sampled tasks are done, and so is what was run since. */
static int count_left(struct planning *p)
{
  struct amz_store_reader *reader = NULL;
  struct amz_store_counts done;
  struct amz_error err = {0};
  int status = cli_reader_open(p->sampled.dir, &reader), rc;

  if (status != CLI_OK)
    return status;
  rc = amz_store_reader_counts(reader, &err, &done);
  amz_store_reader_free(reader);
  if (rc < 0)
    return cli_fail(rc, &err);
  p->sampled.work.tasks = amz_job_tasks(p->job) - (done.succeeded + done.failed + done.skipped);
  p->sampled.work.apart = p->sampled.work.tasks > 0;
  if (p->sampled.work.tasks)
    return CLI_OK;
  cli_say("%s: all tasks have been run; this is what all of them would take", p->sampled.dir);
  p->sampled.work.tasks = amz_job_tasks(p->job);
  p->nothing_left = true;
  return CLI_OK;
}

static int load_recorded(const struct amz_job_input *settings, struct planning *p)
{
  struct amz_diags diags; /* told when the run began, but for errors */
  struct amz_error err = {0};
  int rc;

  amz_diags_init(&diags);
  rc = amz_run_load_recorded(p->sampled.dir, settings->sets, settings->n_sets, &diags, &p->job, &err);
  if (rc == AMZ_EINVAL)
    cli_show_findings(&diags);
  amz_diags_clear(&diags);
  if (rc < 0)
    return cli_fail(rc, &err);
  p->sampled.apart = true;
  rc = cli_sampled_foresee(&p->sampled, p->job);
  if (rc == CLI_OK)
    rc = count_left(p);
  return rc == CLI_OK ? set_command(p, "resume", p->sampled.dir) : rc;
}

static bool is_run(const char *operand, char **ret_dir)
{
  struct amz_buf path = AMZ_BUF_INIT;
  struct amz_error err = {0};
  struct stat st;
  FILE *f;

  if (!operand || amz_rundir_find(operand, &err, ret_dir) < 0)
    return false;
  amz_buf_addf(&path, "%s/sample.json", *ret_dir);
  f = fopen(amz_buf_text(&path), "re");
  amz_buf_clear(&path);
  if (f) {
    (void)fclose(f);
    return true;
  }
  if (stat(operand, &st) < 0 || !S_ISREG(st.st_mode))
    return true; /* whoever reads the sample says that there is none */
  free(*ret_dir);
  *ret_dir = NULL;
  return false;
}

static void add_word(struct amz_buf *text, const char *word)
{
  amz_buf_addc(text, ' ');
  if (strcmp(word, "-") == 0) /* standard input */
    amz_buf_addc(text, '-');
  else
    amz_report_path(word, text);
}

static void add_option(struct amz_buf *text, const char *name, const char *value)
{
  if (!value)
    return;
  amz_buf_addf(text, " %s", name);
  add_word(text, value);
}

/* "run …" as it was given here; slots and threads are the plan's. */
static int set_run_command(struct planning *p, const char *operand, const struct cli_job_args *a)
{
  struct amz_buf text = AMZ_BUF_INIT;

  amz_buf_adds(&text, "run");
  if (operand)
    add_word(&text, operand);
  add_option(&text, "--command", a->command);
  for (size_t i = 0; i < a->loops.n; i++)
    add_option(&text, "--for", a->loops.items[i]);
  add_option(&text, "--lines", a->lines);
  for (size_t i = 0; i < a->sets.n; i++)
    add_option(&text, "--set", a->sets.items[i]);
  add_option(&text, "--policy", a->policy);
  add_option(&text, "--name", a->name);
  if (amz_buf_ok(&text) < 0) {
    amz_buf_clear(&text);
    return cli_fail(AMZ_ENOMEM, NULL);
  }
  p->command = amz_buf_detach(&text);
  return CLI_OK;
}

static int from_file(const struct amz_job_input *input, const char *operand, const struct plan_args *a, struct planning *p)
{
  const char *file = a->sample;
  struct amz_diags diags;
  int rc, status;

  amz_diags_init(&diags);
  rc = amz_run_load(input, &diags, &p->job);
  cli_show_findings(&diags);
  status = rc < 0 ? cli_job_failed(rc, &diags, NULL) : cli_sampled_read(NULL, file, &p->sampled);
  amz_diags_clear(&diags);
  if (status == CLI_OK && strcmp(p->sampled.sample.job, amz_job_name(p->job)) != 0)
    cli_say("warning: %s was taken of the job %s, and is used for %s", file, p->sampled.sample.job, amz_job_name(p->job));
  if (status == CLI_OK)
    status = cli_sampled_foresee(&p->sampled, p->job);
  return status == CLI_OK ? set_run_command(p, operand, &a->job) : status;
}

/* \return CLI_OK, p->history_runs says whether there is anything; else the exit status. */
static int from_history(const struct amz_job_input *input, const char *operand, const struct plan_args *a, struct planning *p)
{
  struct cli_known known = {.runs = 0};
  int status = a->no_history ? CLI_OK : cli_known_find(input, p->kinds.items[0].node, &known);

  if (status != CLI_OK || known.runs == 0)
    return status;
  p->sampled = known.sampled;
  p->job = known.job;
  p->history_runs = known.runs;
  p->history_latest_s = known.latest_s;
  p->unforeseen = known.unforeseen;
  return set_run_command(p, operand, &a->job);
}

/* A run keeps its tasks; settings may be others. */
static int from_run(const char *dir, const struct plan_args *a, struct planning *p)
{
  struct cli_job_source source;
  int status;

  if (a->job.command || a->job.lines || a->job.loops.n)
    return cli_usage("plan", "plan: %s is a run, and has its tasks; --command, --for and --lines are for new ones", dir);
  status = cli_job_source_settings(&source, "plan", &a->job);
  if (status == CLI_OK)
    status = cli_sampled_read(dir, NULL, &p->sampled);
  if (status == CLI_OK)
    status = load_recorded(&source.input, p);
  cli_job_source_clear(&source);
  return status;
}

static int get_sample(struct cli *cli, const struct cli_parsed *parsed, const struct plan_args *a, struct planning *p)
{
  const char *operand = parsed->n_operands ? parsed->operands[0] : NULL;
  const struct amz_job_input nothing_else = {.n_sets = 0}; /* the run has just begun with all that was given */
  struct cli_job_source source;
  char *dir = NULL;
  int status;

  if (!a->sample && is_run(operand, &dir)) {
    status = from_run(dir, a, p);
    free(dir);
    return status;
  }
  status = cli_job_source_init(&source, "plan", parsed, &a->job);
  if (status == CLI_OK && a->sample) {
    status = from_file(&source.input, operand, a, p);
  } else if (status == CLI_OK && (status = from_history(&source.input, operand, a, p)) == CLI_OK && p->history_runs == 0) {
    status = cli_sampled_take(cli, &source.input, a->runs_in, a->no_history, &p->sampled);
    if (status == CLI_OK)
      status = load_recorded(&nothing_else, p);
  }
  cli_job_source_clear(&source);
  return status;
}

/* ---- the plan ----------------------------------------------------------------------------------------------------------- */

/* What the settings want; ranks may be asked for here, too. */
static struct amz_plan_want want_of(const struct amz_job *job, const struct plan_args *a)
{
  struct amz_plan_want want = amz_plan_want_of(amz_job_settings(job));

  want.tasks = amz_job_kind(job);
  if (a->ranks.set)
    want.ranks_per_node = (uint32_t)a->ranks.n;
  return want;
}

/* Who plans on a login node for as many nodes as the description asks for needn't say it twice. */
static void count_nodes(const struct amz_settings *s, struct cli_kinds *kinds)
{
  if (!kinds->counted && s->plan.nodes != AMZ_AUTO && s->plan.nodes > 1)
    kinds->items[0].count = s->plan.nodes;
}

/* Tasks that differ, by a column, in threads or memory are planned for by their means; a run starts them as they fit. */
static void mind_needs(const struct amz_job *job, struct amz_plan_want *want)
{
  const struct amz_settings *s = amz_job_settings(job);
  uint64_t tasks = amz_job_tasks(job), n = tasks < NEEDS_SEEN ? tasks : NEEDS_SEEN, same;
  double threads = 0, memory = 0;

  if (!amz_job_has_needs(job) || n == 0)
    return;
  for (uint64_t i = 0; i < n; i++) {
    struct amz_task_need need = amz_job_need(job, (uint64_t)((double)i / (double)n * (double)tasks), &same);

    threads += need.threads;
    memory += (double)need.memory_bytes;
  }
  want->differ = true;
  if (s->resources.threads_column)
    want->threads_per_task = (uint32_t)fmax(1, threads / (double)n + 0.5);
  if (s->resources.memory_column)
    want->memory_bytes = (uint64_t)(memory / (double)n);
}

static int make(const struct plan_args *a, struct planning *p)
{
  const struct amz_node_costs *costs = &p->kinds.items[0].node->costs;
  struct amz_error err = {0};
  int rc;

  count_nodes(amz_job_settings(p->job), &p->kinds);
  p->input = (struct amz_plan_input){.work = &p->sampled.work, .nodes = p->kinds.items, .n_nodes = p->kinds.n,
                                     .want = want_of(p->job, a)};
  mind_needs(p->job, &p->input.want);
  p->input.costs = (struct amz_plan_costs){.gap_s = p->sampled.sample.gap_s, .chunk_s = costs->chunk_s,
    .service_s = costs->service_s,
    .launch_base_s = costs->launch_base_s, .launch_per_rank_s = costs->launch_per_rank_s};
  p->input.unforeseen = p->unforeseen.source == AMZ_UNKNOWN ? amz_assumed(AMZ_PLAN_UNFORESEEN) : p->unforeseen;
  rc = amz_plan_make(&p->input, &p->plan, &err);
  return rc < 0 ? cli_fail(rc == AMZ_ERANGE ? AMZ_EENV : rc, &err) : CLI_OK;
}

/* Writes a text to a file, or to standard output for "-". */
static int write_text(struct cli *cli, const char *file, const struct amz_buf *text, const char *hint)
{
  struct amz_buf shown = AMZ_BUF_INIT;
  int rc;

  if (strcmp(file, "-") == 0) {
    (void)cli_write(cli, text->data, text->len);
    return CLI_OK;
  }
  rc = cli_write_file(file, text->data, text->len);
  if (rc != 0) {
    cli_say("cannot write %s: %s", file, strerror(rc));
    return CLI_ENVIRONMENT;
  }
  amz_report_path(file, &shown);
  cli_say("wrote %s; %s %s", amz_buf_text(&shown), hint, amz_buf_text(&shown));
  amz_buf_clear(&shown);
  return CLI_OK;
}

static int write_sbatch(struct cli *cli, const struct amz_plan_report *r, const struct planning *p, const char *file)
{
  const struct amz_settings *s = amz_job_settings(p->job);
  struct amz_sbatch batch = {.job = r->job, .command = p->command, .partition = s->slurm.partition, .account = s->slurm.account,
    .extra = s->slurm.extra, .n_extra = s->slurm.n_extra, .requeue = s->slurm.requeue};
  struct amz_buf text = AMZ_BUF_INIT, program = AMZ_BUF_INIT;
  int status;

  cli_add_own_path(&program);
  batch.program = amz_buf_text(&program);
  amz_report_plan_sbatch(r, &batch, &text);
  status = amz_buf_ok(&text) < 0 || amz_buf_ok(&program) < 0 ? cli_fail(AMZ_ENOMEM, NULL) :
    write_text(cli, file, &text, "submit it with: sbatch");
  amz_buf_clear(&program);
  amz_buf_clear(&text);
  return status;
}

/* The chosen layout with what it will take for all tasks: those that were sampled are run again, too, by whoever is given the
 * plan's file. */
static int plan_all(const struct planning *p, struct amz_plan *ret)
{
  const struct amz_plan_layout *l = &p->plan.chosen.layout;
  struct amz_workload work = *p->input.work; /* shares what it points to */
  struct amz_plan_input input = p->input;
  struct amz_error err = {0};
  int rc;

  work.tasks = amz_job_tasks(p->job);
  work.apart = false;
  input.work = &work;
  input.want.goal = AMZ_GOAL_TIME;
  input.want.nodes = l->nodes;
  input.want.ranks_per_node = l->ranks_per_node;
  input.want.slots_per_rank = l->slots_per_rank;
  input.want.threads_per_task = l->threads;
  input.want.policy = p->plan.chosen.policy;
  input.want.chunk_s = p->plan.chosen.chunk_s;
  input.want.policy_free = input.want.target_free = false;
  rc = amz_plan_make(&input, ret, &err);
  return rc < 0 ? cli_fail(rc == AMZ_ERANGE ? AMZ_EENV : rc, &err) : CLI_OK;
}

static int write_plan(struct cli *cli, const struct planning *p, const char *file)
{
  struct amz_plan_file f = {.job = amz_job_name(p->job), .layout = p->plan.chosen.layout, .policy = p->plan.chosen.policy,
    .target_ns = (int64_t)(p->plan.chosen.chunk_s * 1e9 + 0.5),
    .tasks = amz_job_tasks(p->job), .why = p->plan.why, .costs = amz_source_name(p->input.work->mean_s.source)};
  struct amz_plan all = {.n_others = 0};
  const struct amz_candidate *c = &all.chosen;
  struct amz_buf text = AMZ_BUF_INIT;
  int status = plan_all(p, &all);

  if (status == CLI_OK) {
    f.predicted = (struct amz_prediction){c->makespan_s, c->interval_s[0], c->interval_s[1]};
    f.task_s = c->task_s;
    f.task_stddev_s = c->task_s * p->input.work->cv;
    f.speedup = c->speedup;
    f.efficiency = c->efficiency;
    amz_report_plan_file(&f, &text);
    status = amz_buf_ok(&text) < 0 ? cli_fail(AMZ_ENOMEM, NULL) : write_text(cli, file, &text,
                                                                             "run a job by it with: amorsize-mpi run JOB --plan");
  }
  amz_buf_clear(&text);
  amz_plan_clear(&all);
  return status;
}

static bool is_output(const char *file)
{
  return file && strcmp(file, "-") == 0;
}

static void add_hint(const struct planning *p, struct amz_buf *out)
{
  const char *hint = amz_profile_hint(p->kinds.from);

  if (hint)
    amz_buf_addf(out, "  %-18s%s\n", "mind", hint);
}

static void add_way(const struct amz_plan_report *r, const struct plan_args *a, const struct planning *p, struct amz_buf *out)
{
  if (p->nothing_left)
    return;
  amz_buf_addf(out, "%srun it with: amorsize-mpi %s ", a->explain ? "\n" : "  ", p->command);
  amz_report_plan_options(r, out);
  amz_buf_addc(out, '\n');
}

static int print(struct cli *cli, const struct amz_plan_report *r, const struct plan_args *a, const struct planning *p)
{
  struct amz_buf out = AMZ_BUF_INIT;
  int rc = AMZ_OK;

  if (a->format == CLI_FORMAT_JSON)
    rc = amz_report_plan_json(r, &out);
  else if (a->explain)
    amz_report_plan_explain(r, &out);
  else
    amz_report_plan(r, &out);
  if (a->format != CLI_FORMAT_JSON) {
    add_hint(p, &out);
    add_way(r, a, p, &out);
  }
  if (rc == AMZ_OK && (rc = amz_buf_ok(&out)) == AMZ_OK)
    (void)cli_write(cli, out.data, out.len);
  amz_buf_clear(&out);
  return rc < 0 ? cli_fail(rc, NULL) : CLI_OK;
}

static int run(struct cli *cli, const struct cli_parsed *parsed, const void *args)
{
  const struct plan_args *a = args;
  struct planning p = {.job = NULL};
  struct amz_plan_report report = {.input = &p.input, .plan = &p.plan};
  int status = cli_kinds_get("plan", &a->profiles, &a->nodes, &p.kinds);

  if (status == CLI_OK && (status = get_sample(cli, parsed, a, &p)) == CLI_OK && (status = make(a, &p)) == CLI_OK) {
    report.job = amz_job_name(p.job);
    report.history_runs = p.history_runs;
    report.history_latest_s = p.history_latest_s;
    if (!is_output(a->sbatch) && !is_output(a->write))
      status = print(cli, &report, a, &p);
    if (status == CLI_OK && a->write)
      status = write_plan(cli, &p, a->write);
    if (status == CLI_OK && a->sbatch)
      status = write_sbatch(cli, &report, &p, a->sbatch);
  }
  clear(&p);
  return status;
}

const struct cli_command cli_plan = {
  .name = "plan", .operands = "[JOB|RUN]", .max_operands = 1,
  .summary = "Chooses nodes, ranks, slots and threads for a job, predicts its time, and says why",
  .text = "What a JOB's tasks cost is taken from its earlier runs; if there are none, it is sampled: its first tasks are run\n"
          "and recorded, in a new run that the plan goes on with.\n"
          "A RUN that holds a sample is planned without running anything. What nodes can do comes from\n"
          "amorsize-mpi node's measurements, or is assumed.\n",
  .example = "amorsize-mpi plan --explain --command 'sleep 0.0{n}' --for n=1..9",
  .options = options, .args_bytes = sizeof(struct plan_args), .run = run,
};
