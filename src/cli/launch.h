/* What `run` and `resume` share: watching the driver and telling of the end. */
#ifndef AMZ_CLI_LAUNCH_H
#define AMZ_CLI_LAUNCH_H

#include "../run/run.h"
#include "bar.h"
#include "cli.h"
#include "driveargs.h"

struct cli_launch {
  struct cli *cli;
  struct cli_bar bar;
  bool quiet, json;
  bool no_progress; /* somebody else shows it; the plan and notes are told */
  bool found_errors; /* findings with errors were shown */
  char noted[AMZ_ERROR_TEXT]; /* the last note: what ends the launch may have been told when it happened */
  struct amz_run_observer observer;
};

/* Fills in *l, whose address must stay: the observer points to it. */
void cli_launch_init(struct cli_launch *l, struct cli *cli, bool quiet, bool json);
/* Prints the summary, or why there is none. \return exit status. */
int cli_launch_end(struct cli_launch *l, int rc, const struct amz_run_summary *summary, const struct amz_error *err);

/* On a terminal the driver draws the bar; what ranks say of their plan it passes on. */
void cli_launch_show(const struct cli_launch *l, struct cli_drive *d);
/* The end of a launch by the driver: rank 0 has printed the summary. \return the exit status. */
int cli_launch_driven(struct cli_launch *l, int rc, int status, const struct amz_error *err);

#endif
