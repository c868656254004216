/* stop: asks a live run to end; what is done stays done. */
#include <stdlib.h>

#include "../run/run.h"
#include "rundir.h"

struct stop_args {
  bool wait, now;
};

static const struct cli_option options[] = {
  CLI_ROW_FLAG("now", 0, struct stop_args, now, "end running tasks at once; resume runs them again"),
  CLI_ROW_FLAG("wait", 'w', struct stop_args, wait, "come back when the run has ended"),
  {0},
};

enum { LOOK_MS = 100 };

static int wait_for_end(const char *dir)
{
  struct amz_lease_info lease = {.alive = true};
  struct amz_error err = {0};
  int rc = AMZ_OK;

  cli_block_signals();
  while ((rc = amz_lease_look(dir, &lease, &err)) == AMZ_OK && lease.alive)
    if (cli_pause_ms(LOOK_MS))
      return CLI_RESUMABLE; /* the wait was given up; the run still ends by itself */
  if (rc < 0 && rc != AMZ_ENOENT)
    return cli_fail(rc, &err);
  return CLI_OK;
}

static int run(struct cli *cli, const struct cli_parsed *parsed, const void *args)
{
  const struct stop_args *a = args;
  struct amz_error err = {0};
  char *dir;
  int status = cli_run_find(parsed->operands[0], &dir), rc;

  (void)cli;
  if (status != CLI_OK)
    return status;
  rc = amz_run_request_stop(dir, a->now, &err);
  if (rc == AMZ_ENOENT) {
    (void)cli_fail(rc, &err);
    status = CLI_USAGE;
  } else if (rc < 0) {
    status = cli_fail(rc, &err);
  } else {
    cli_say(a->now ? "%s: asked to stop at once" : "%s: asked to stop; running tasks may still end", dir);
    status = a->wait ? wait_for_end(dir) : CLI_OK;
  }
  if (rc == AMZ_OK && a->wait && status == CLI_OK)
    cli_say_resume("stopped", dir);
  free(dir);
  return status;
}

const struct cli_command cli_stop = {
  .name = "stop", .operands = "RUN", .min_operands = 1, .max_operands = 1,
  .summary = "Asks a live run to end; what is done is kept, resume goes on",
  .text = "RUN is a run directory, a NAME.runs directory or a NAME: the latest of its runs.\n",
  .example = "amorsize-mpi stop quickstart --wait",
  .options = options, .args_bytes = sizeof(struct stop_args), .run = run,
};
