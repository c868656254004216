/* watch: a run's progress, again and again, until it ends. */
#include <stdlib.h>
#include <unistd.h>

#include "bar.h"
#include "rundir.h"

struct watch_args {
  char unused;
};

static const struct cli_option options[] = {{0}};

enum { LOOK_MS = 500 };

static void print_end(struct cli *cli, const struct cli_run_view *view)
{
  struct amz_buf out = AMZ_BUF_INIT;

  amz_report_status(&view->progress, &out);
  (void)cli_write(cli, amz_buf_text(&out), out.len);
  amz_buf_clear(&out);
}

/* Ctrl-C ends the watching, not the run: that is what was asked for, no failure. */
static int watch(struct cli *cli, const char *dir)
{
  struct cli_bar bar = cli_bar_new(STDOUT_FILENO);
  struct cli_run_view view = {0};
  int status = cli_run_view(dir, &view);

  while (status == CLI_OK && view.live) {
    cli_bar_show(&bar, &view.progress);
    if (cli_pause_ms(LOOK_MS)) {
      cli_bar_clear(&bar);
      break;
    }
    status = cli_run_view(dir, &view);
  }
  cli_bar_clear(&bar);
  if (status == CLI_OK && !view.live)
    print_end(cli, &view);
  if (status == CLI_OK && view.abandoned)
    cli_say_resume("the process that ran it is gone", dir);
  cli_run_view_clear(&view);
  return status;
}

static int run(struct cli *cli, const struct cli_parsed *parsed, const void *args)
{
  char *dir;
  int status = cli_run_find(parsed->operands[0], &dir);

  (void)args;
  if (status != CLI_OK)
    return status;
  cli_block_signals();
  status = watch(cli, dir);
  free(dir);
  return status;
}

const struct cli_command cli_watch = {
  .name = "watch", .operands = "RUN", .min_operands = 1, .max_operands = 1,
  .summary = "Shows a run's progress until it ends",
  .text = "RUN is a run directory, a NAME.runs directory or a NAME. Ctrl-C ends the watching, not the run.\n",
  .example = "amorsize-mpi watch quickstart",
  .options = options, .args_bytes = sizeof(struct watch_args), .run = run,
};
