/* resume: goes on with a run that was interrupted. */
#include <stdlib.h>

#include "launch.h"
#include "rundir.h"

struct resume_args {
  bool retry_failed, quiet;
  unsigned format;
};

static const struct cli_option options[] = {
  CLI_ROW_FLAG("retry-failed", 0, struct resume_args, retry_failed, "run failed tasks again, too"),
  CLI_ROW_FLAG("quiet", 'q', struct resume_args, quiet, "no progress"),
  CLI_ROW_FORMAT(struct resume_args),
  {0},
};

static int run(struct cli *cli, const struct cli_parsed *parsed, const void *args)
{
  const struct resume_args *a = args;
  struct amz_run_options how = {.retry_failed = a->retry_failed, .link = cli->link};
  struct amz_run_summary summary = {0};
  struct amz_buf text = AMZ_BUF_INIT;
  struct amz_error err = {0};
  struct cli_launch l;
  char *dir;
  int status = cli_run_find(parsed->operands[0], &dir);

  if (status != CLI_OK)
    return status;
  cli_launch_init(&l, cli, a->quiet, a->format == CLI_FORMAT_JSON);
  status = cli_launch_end(&l, amz_run_resume(dir, &how, &l.observer, &text, &summary, &err), &summary, &err);
  amz_buf_clear(&text);
  free(dir);
  return status;
}

const struct cli_command cli_resume = {
  .name = "resume", .operands = "RUN", .min_operands = 1, .max_operands = 1,
  .summary = "Goes on with an interrupted run: exactly the tasks without a recorded outcome",
  .text = "RUN is a run directory, a NAME.runs directory or a NAME: the latest of its runs.\n",
  .example = "amorsize-mpi resume quickstart",
  .options = options, .args_bytes = sizeof(struct resume_args), .run = run,
};
