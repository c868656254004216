/* status: where a run stands. */
#include <stdlib.h>

#include "rundir.h"

struct status_args {
  unsigned format;
};

static const struct cli_option options[] = {CLI_ROW_FORMAT(struct status_args), {0}};

static int print(struct cli *cli, const struct cli_run_view *view, bool json)
{
  struct amz_buf out = AMZ_BUF_INIT;
  int rc = AMZ_OK;

  if (json)
    rc = amz_report_status_json(&view->progress, &out);
  else
    amz_report_status(&view->progress, &out);
  if (rc == AMZ_OK)
    (void)cli_write(cli, amz_buf_text(&out), out.len);
  amz_buf_clear(&out);
  return rc < 0 ? cli_fail(rc, NULL) : CLI_OK;
}

static int run(struct cli *cli, const struct cli_parsed *parsed, const void *args)
{
  const struct status_args *a = args;
  struct cli_run_view view = {0};
  char *dir;
  int status = cli_run_find(parsed->operands[0], &dir);

  if (status != CLI_OK)
    return status;
  status = cli_run_view(dir, &view);
  if (status == CLI_OK) {
    if (view.live)
      cli_say_age(view.age_s);
    status = print(cli, &view, a->format == CLI_FORMAT_JSON);
  }
  if (status == CLI_OK && view.abandoned)
    cli_say_resume("the process that ran it is gone", dir);
  cli_run_view_clear(&view);
  free(dir);
  return status;
}

const struct cli_command cli_status = {
  .name = "status", .operands = "RUN", .min_operands = 1, .max_operands = 1,
  .summary = "Says where a run stands",
  .text = "RUN is a run directory, a NAME.runs directory or a NAME: the latest of its runs.\n",
  .example = "amorsize-mpi status quickstart",
  .options = options, .args_bytes = sizeof(struct status_args), .run = run,
};
