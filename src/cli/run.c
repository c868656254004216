/* run: a new run of a job; --dry-run says what it would be. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include <amorsize/units.h>

#include "driveargs.h"
#include "jobargs.h"
#include "launch.h"

struct run_args {
  struct cli_job_args job;
  struct cli_drive_args drive;
  const char *runs_in, *plan;
  bool dry_run, quiet, no_progress, no_history;
  unsigned format;
};

static const struct cli_option options[] = {
  CLI_JOB_OPTIONS(struct run_args, job),
  CLI_DRIVE_OPTIONS(struct run_args, drive),
  CLI_ROW_TEXT("runs-in", struct run_args, runs_in, "DIR", "where NAME.runs is made (default: here)"),
  CLI_ROW_TEXT("plan", struct run_args, plan, "FILE",
               "run by a plan, the plan.yaml of a run or what plan wrote: nothing is sampled to plan"),
  CLI_ROW_FLAG("dry-run", 'n', struct run_args, dry_run, "say what would run; start nothing, make nothing"),
  CLI_ROW_FLAG("no-history", 0, struct run_args, no_history, "neither plan from the history nor add the run to it"),
  CLI_ROW_FLAG("quiet", 'q', struct run_args, quiet, "neither progress nor the plan"),
  CLI_ROW_FLAG("no-progress", 0, struct run_args, no_progress, "no progress"),
  CLI_ROW_FORMAT(struct run_args),
  {0},
};

/* Dry runs show the first few commands and the last. */
enum { SHOWN_FIRST = 3 };

struct preview {
  struct cli *cli;
  const struct amz_job *job;
  struct amz_layout layout;
  struct amz_buf text;
  json_t *rows; /* or NULL */
};

static int preview_task(struct preview *p, uint64_t index)
{
  struct amz_place place = {.threads = p->layout.threads};
  struct amz_buf command = AMZ_BUF_INIT;
  struct amz_error err = {0};
  int rc = cli_task_command(p->job, index, &place, &command, &err);

  if (rc < 0) {
    cli_say("task %" PRIu64 ": %s", index, *err.text ? err.text : amz_err_name(rc));
  } else if (p->rows) {
    if (json_array_append_new(p->rows, cli_task_json(index, &command)) < 0)
      rc = AMZ_ENOMEM;
  } else {
    amz_buf_addf(&p->text, "  task %-11" PRIu64 " ", index);
    amz_buf_add_printable(&p->text, command.data, command.len, SIZE_MAX);
    amz_buf_addc(&p->text, '\n');
  }
  amz_buf_clear(&command);
  return rc;
}

static int preview_tasks(struct preview *p)
{
  uint64_t tasks = amz_job_tasks(p->job);
  int rc = AMZ_OK;

  for (uint64_t i = 0; i < tasks && i < SHOWN_FIRST && rc == AMZ_OK; i++)
    rc = preview_task(p, i);
  if (tasks > SHOWN_FIRST + 1 && !p->rows)
    amz_buf_adds(&p->text, "  …\n");
  if (tasks > SHOWN_FIRST && rc == AMZ_OK)
    rc = preview_task(p, tasks - 1);
  return rc;
}

static void preview_head(struct preview *p)
{
  const char *name = amz_job_name(p->job);
  char count[32];

  amz_buf_add_printable(&p->text, name, strlen(name), SIZE_MAX);
  amz_buf_addf(&p->text, ": %s task%s; a dry run, nothing is started\n",
               amz_format_count(amz_job_tasks(p->job), count, sizeof count), amz_job_tasks(p->job) == 1 ? "" : "s");
  amz_buf_addf(&p->text, "  layout           %u rank%s, %u slot%s, %u thread%s per task, on %u core%s\n",
               (unsigned)p->layout.ranks, p->layout.ranks == 1 ? "" : "s", (unsigned)p->layout.slots,
               p->layout.slots == 1 ? "" : "s", (unsigned)p->layout.threads, p->layout.threads == 1 ? "" : "s",
               (unsigned)p->layout.cores, p->layout.cores == 1 ? "" : "s");
  amz_buf_addf(&p->text, "  policy           %s\n", amz_job_settings(p->job)->chunks.policy);
}

static json_t *preview_json(const struct preview *p)
{
  const char *name = amz_job_name(p->job);

  return json_pack("{s:b, s:o, s:{s:I}, s:o, s:s, s:O}", "dry_run", 1, "job", cli_json_text(name, strlen(name)), "tasks", "total",
                   (json_int_t)amz_job_tasks(p->job), "layout", cli_layout_json(&p->layout), "policy",
                   amz_job_settings(p->job)->chunks.policy, "commands", p->rows);
}

static int preview(struct cli *cli, const struct amz_job *job, const struct run_args *a)
{
  bool json = a->format == CLI_FORMAT_JSON;
  struct preview p = {.cli = cli, .job = job, .rows = json ? json_array() : NULL};
  struct amz_error err = {0};
  int rc = amz_run_layout(job, &p.layout, &err), status;

  if (rc == AMZ_OK) {
    p.layout.ranks = a->drive.ranks.set ? (uint32_t)a->drive.ranks.n : p.layout.ranks;
    preview_head(&p);
    rc = preview_tasks(&p);
  }
  if (rc == AMZ_OK && json)
    rc = cli_write_json(cli, preview_json(&p));
  else if (rc == AMZ_OK)
    (void)cli_write(cli, amz_buf_text(&p.text), p.text.len);
  status = rc == AMZ_OK ? CLI_OK : rc == AMZ_EINVAL ? CLI_USAGE : cli_fail(rc, &err);
  json_decref(p.rows);
  amz_buf_clear(&p.text);
  return status;
}

static int dry_run(struct cli *cli, const struct amz_job_input *input, const struct run_args *a)
{
  struct amz_diags diags;
  struct amz_job *job = NULL;
  int rc, status;

  amz_diags_init(&diags);
  rc = amz_run_load(input, &diags, &job);
  cli_show_findings(&diags);
  status = rc < 0 ? cli_job_failed(rc, &diags, NULL) : preview(cli, job, a);
  amz_job_free(job);
  amz_diags_clear(&diags);
  return status;
}

static int launch_here(struct cli *cli, const struct amz_job_input *input, const struct run_args *a, struct cli_launch *l)
{
  struct amz_run_options how = {.parent = a->runs_in, .link = cli->link, .no_history = a->no_history,
                                .ret_requeue = &cli->requeue};
  struct amz_run_summary summary = {0};
  struct amz_buf text = AMZ_BUF_INIT;
  struct amz_error err = {0};
  int status = cli_launch_end(l, amz_run_new(input, &how, &l->observer, &text, &summary, &err), &summary, &err);

  amz_buf_clear(&text);
  return status;
}

/* A job that Slurm has started again goes on with the run that it began. */
static int go_on(struct cli *cli, char *dir, const struct run_args *a)
{
  /* Slurm has ended the job's earlier turn */
  struct cli_resume_how how = {.take_over = true, .no_history = a->no_history, .quiet = a->quiet, .no_progress = a->no_progress,
                               .json = a->format == CLI_FORMAT_JSON};
  int status;

  cli_say("this job was started again: going on with %s", dir);
  status = cli_resume_dir(cli, dir, &a->drive, &how);
  free(dir);
  return status;
}

static int launch(struct cli *cli, const struct amz_job_input *input, const struct run_args *a)
{
  struct amz_run_options how = {.parent = a->runs_in, .ret_requeue = &cli->requeue};
  struct amz_error err = {0};
  struct cli_launch l;
  struct cli_drive d;
  bool drives;
  char *dir;
  int status, rc;

  if (amz_run_find_begun(input, a->runs_in, &dir) == AMZ_OK)
    return go_on(cli, dir, a);
  cli_launch_init(&l, cli, a->quiet, a->format == CLI_FORMAT_JSON);
  l.no_progress = a->no_progress;
  cli_drive_init(&d, &a->drive, a->quiet, l.json, false);
  if (a->no_history)
    cli_drive_pass(&d, "--no-history");
  cli_launch_show(&l, &d);
  status = cli_drive_wanted(cli, &d, &l.observer, &drives);
  if (status != CLI_OK)
    return status;
  if (!drives)
    return launch_here(cli, input, a, &l);
  rc = amz_drive_new(input, &how, &d.options, &l.observer, &status, &err);
  return cli_launch_driven(&l, rc, status, &err);
}

/* A plan for several ranks has them launched, unless options say which. */
static int take_ranks(const struct cli_job_source *source, const char *plan, struct cli_drive_args *drive)
{
  uint32_t nodes, per_node;
  uint64_t ranks;

  if (amz_job_plan_ranks(source->input.plan_text, source->input.plan_len, &nodes, &per_node) < 0)
    return cli_fail(AMZ_ENOMEM, NULL);
  ranks = (uint64_t)nodes * per_node;
  if (ranks == 1 || drive->ranks.set || drive->nodes.set || drive->launcher)
    return CLI_OK;
  if (ranks > CLI_RANKS_MAX)
    return cli_usage("run", "%s: %" PRIu64 " ranks; at most %d can be launched", plan, ranks, CLI_RANKS_MAX);
  drive->ranks = (struct cli_count){true, ranks};
  drive->nodes = (struct cli_count){true, nodes};
  return CLI_OK;
}

static int run(struct cli *cli, const struct cli_parsed *parsed, const void *args)
{
  struct run_args a = *(const struct run_args *)args;
  struct cli_job_source source;
  int status = cli_job_source_init(&source, "run", parsed, &a.job);

  if (status == CLI_OK && a.plan)
    status = cli_job_source_plan(&source, a.plan);
  if (status == CLI_OK && a.plan)
    status = take_ranks(&source, a.plan, &a.drive);
  if (status == CLI_OK && a.dry_run)
    status = dry_run(cli, &source.input, &a);
  else if (status == CLI_OK)
    status = launch(cli, &source.input, &a);
  cli_job_source_clear(&source);
  return status;
}

const struct cli_command cli_run = {
  .name = "run", .operands = "[JOB]", .max_operands = 1,
  .summary = "Runs the tasks of a job and says how it went",
  .text = "JOB is a YAML file, or - for standard input; --command with --for, or --lines, do without.\n"
          "Ctrl-C lets running tasks end and keeps what is done: amorsize-mpi resume goes on.\n"
          "Exit status: 0 all tasks succeeded, 1 some failed, 2 usage or description, 3 environment, 75 unfinished.\n",
  .example = "amorsize-mpi run --command 'echo {n}' --for n=1..10",
  .options = options, .args_bytes = sizeof(struct run_args), .run = run,
};
