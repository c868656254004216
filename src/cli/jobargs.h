/* Arguments that describe a job, shared by `check` and `run`. */
#ifndef AMZ_CLI_JOBARGS_H
#define AMZ_CLI_JOBARGS_H

#include <amorsize/buf.h>
#include <amorsize/job.h>

#include "../run/run.h"
#include "cli.h"

struct cli_job_args {
  const char *command, *lines, *slots, *threads, *policy, *name;
  struct cli_list loops, sets;
};

/* Rows for a table of options; `field` is the struct cli_job_args inside `type`. */
#define CLI_JOB_OPTIONS(type, field) \
  CLI_ROW_TEXT("command", type, field.command, "TEMPLATE", "command of each task, with {placeholders}"), \
  CLI_ROW_LIST("for", type, field.loops, "NAME=SPEC", "values of a placeholder: 1..100, a,b,c, @FILE, 'data/*.txt'"), \
  CLI_ROW_TEXT("lines", type, field.lines, "FILE", "a ready command per line; - is standard input"), \
  CLI_ROW_LIST("set", type, field.sets, "KEY=VALUE", "any key of the description, like chunks.policy=gss"), \
  CLI_ROW_TEXT("slots", type, field.slots, "N", "tasks at a time in each rank (default: as planned)"), \
  CLI_ROW_TEXT("threads", type, field.threads, "N", "cores of each task (default: resources.threads, else 1)"), \
  CLI_ROW_TEXT("policy", type, field.policy, "NAME", "chunk policy, see amorsize-mpi policies"), \
  CLI_ROW_TEXT("name", type, field.name, "NAME", "name of the job, and so of NAME.runs")

/* The input for amz_run_load and amz_run_new, with the memory behind it. */
struct cli_job_source {
  struct amz_job_input input;
  struct amz_buf text, plan;
  struct amz_set *sets;
  char **owned;
  size_t n_owned;
};

/* Reads JOB and puts the options together. \return CLI_OK; else the exit status, the reason having been told. Release with
 * cli_job_source_clear in either case. */
int cli_job_source_init(struct cli_job_source *s, const char *command, const struct cli_parsed *parsed,
                        const struct cli_job_args *args);
/* The settings alone, for a job that is recorded: they may say where and how its tasks run (plan, chunks, sample, failures,
 * resources, slurm), not what they are. \return as cli_job_source_init. */
int cli_job_source_settings(struct cli_job_source *s, const char *command, const struct cli_job_args *args);
/* Reads a plan's file, too. \return as cli_job_source_init. */
int cli_job_source_plan(struct cli_job_source *s, const char *path);
void cli_job_source_clear(struct cli_job_source *s);

/* Says what a failed load means. \return exit status. */
int cli_job_failed(int rc, const struct amz_diags *diags, const struct amz_error *err);

/* Appends the command of a task as one would type it: what --show, --dry-run and --commands print.
 * \return AMZ_OK; AMZ_ENOMEM; AMZ_EINVAL with *err: the task's values don't do. */
int cli_task_command(const struct amz_job *job, uint64_t index, const struct amz_place *place, struct amz_buf *out,
                     struct amz_error *err);

/* {"ranks": …, "slots": …, "threads": …, "cores": …}. \return NULL when out of memory. */
json_t *cli_layout_json(const struct amz_layout *layout);
/* {"index": …, "command": …}. \return NULL when out of memory. */
json_t *cli_task_json(uint64_t index, const struct amz_buf *command);

#endif
