/* Options about ranks, shared by `run` and `resume`, and the decision whether the driver has to launch some. */
#ifndef AMZ_CLI_DRIVEARGS_H
#define AMZ_CLI_DRIVEARGS_H

#include "../run/drive.h"
#include "cli.h"

struct cli_drive_args {
  struct cli_count ranks, nodes;
  const char *hostfile, *launcher;
};

#define CLI_RANKS_MAX 4194303
#define CLI_RESUME_SETS 32 /* --set may be given to resume as many times */
#define CLI_PASS_MAX (24 + 2 * CLI_RESUME_SETS)

#define CLI_DRIVE_OPTIONS(type, field) \
  CLI_ROW_COUNT("ranks", 0, type, field.ranks, "R", "MPI ranks over all nodes (default: none alone, one a node else)", 1, CLI_RANKS_MAX), \
  CLI_ROW_COUNT("nodes", 0, type, field.nodes, "N", "nodes to use (default: all that the batch system gave)", 1, CLI_RANKS_MAX), \
  CLI_ROW_TEXT("hostfile", type, field.hostfile, "FILE", "nodes, one a line, instead of the batch system's"), \
  CLI_ROW_TEXT("launcher", type, field.launcher, "WORDS", "what launches the ranks, like 'mpirun -n 8'")

struct cli_drive {
  struct amz_drive_options options;
  const char *pass[CLI_PASS_MAX];
  size_t n_pass;
};

/* Fills in the driver's options; quiet, json and retry_failed are passed on to rank 0. */
void cli_drive_init(struct cli_drive *d, const struct cli_drive_args *args, bool quiet, bool json, bool retry_failed);
/* Passes an option on to rank 0, too. */
void cli_drive_pass(struct cli_drive *d, const char *option);
/* Whether the driver is wanted: never in a process that is a rank itself. \return CLI_OK with *ret; else the exit status, the
 * reason having been told. */
int cli_drive_wanted(const struct cli *cli, struct cli_drive *d, const struct amz_run_observer *observer, bool *ret);

struct cli_resume_how {
  bool retry_failed, retry_lost, take_over, no_history, quiet, no_progress, json;
  const struct amz_set *sets; /* what goes on otherwise than it began, */
  size_t n_sets;
  const char *const *words;   /* and the options that say so, for the ranks */
  size_t n_words;
};
/* Goes on with a run, by the driver or here. \return exit status. */
int cli_resume_dir(struct cli *cli, const char *dir, const struct cli_drive_args *drive, const struct cli_resume_how *how);

#endif
