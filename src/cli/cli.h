/* What the commands share: results go to standard output, messages to standard error, and both are checked.
 *
 * Exit statuses (design section 8): 0 all well, 1 some tasks failed, 2 usage or job description, 3 environment, 75 unfinished
 * and resumable. */
#ifndef AMZ_CLI_CLI_H
#define AMZ_CLI_CLI_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <amorsize/buf.h>
#include <amorsize/diag.h>
#include <amorsize/error.h>

#include "options.h"

enum { CLI_OK = 0, CLI_TASKS_FAILED = 1, CLI_USAGE = 2, CLI_ENVIRONMENT = 3, CLI_RESUMABLE = 75 };

struct amz_rank_link;

struct cli {
  struct amz_buf out; /* results not yet written */
  int out_errno;      /* why standard output takes no more; 0: it does */
  struct amz_rank_link *link; /* of rank 0 of an MPI launch; NULL: a process alone */
  bool requeue;       /* when all is told: ask Slurm to start the job again */
};

/* ---- results ---------------------------------------------------------------------------------------------------------- */

/* \return false once standard output takes no more: whoever prints much should stop then. */
bool cli_write(struct cli *cli, const void *bytes, size_t n);
bool cli_flush(struct cli *cli);
/* Writes what is left. \return `status`, or CLI_ENVIRONMENT when results were lost (told on stderr); a reader that went away
 * (`… | head`) is no error. */
int cli_finish(struct cli *cli, int status);

/* One JSON value, indented, and a newline; releases it. \return AMZ_OK; AMZ_ENOMEM. */
int cli_write_json(struct cli *cli, json_t *value);
/* A JSON array of rows, one a line, written as they come: `*n` counts them, 0 before the first. The value is released.
 * \return AMZ_OK; AMZ_ENOMEM; AMZ_ECLOSED: standard output takes no more. */
int cli_row_json(struct cli *cli, uint64_t *n, json_t *value);
void cli_row_end(struct cli *cli, uint64_t n);
/* A JSON string of bytes that may not be UTF-8 (those are shown as \xNN). \return NULL when out of memory. */
json_t *cli_json_text(const char *text, size_t n);

/* ---- messages --------------------------------------------------------------------------------------------------------- */

/* "amorsize-mpi: …" and a newline; control characters are shown as \xNN, except newlines. */
void cli_say(const char *format, ...) AMZ_PRINTF(1, 2);
/* The same for a failure. \return the exit status that it calls for: CLI_USAGE for AMZ_EINVAL, else CLI_ENVIRONMENT. */
int cli_fail(int code, const struct amz_error *err);
/* \return CLI_USAGE, having said what is wrong and where help is. */
int cli_usage(const char *command, const char *format, ...) AMZ_PRINTF(2, 3);
/* "WHAT; go on with: amorsize-mpi resume DIR". */
void cli_say_resume(const char *what, const char *dir);
void cli_show_findings(const struct amz_diags *diags);
/* Writes all bytes to stderr at once, as far as it takes them. */
void cli_write_stderr(const void *bytes, size_t n);

/* ---- commands --------------------------------------------------------------------------------------------------------- */

struct cli_command {
  const char *name;
  const char *operands; /* for the usage line: "JOB", or "" */
  size_t min_operands, max_operands;
  const char *summary;  /* one line */
  const char *text;     /* more for its own help; lines end with \n */
  const char *example;  /* a command line that works as it stands, or nearly */
  const struct cli_option *options;
  size_t args_bytes;    /* of its own arguments, zeroed before parsing */
  int (*run)(struct cli *cli, const struct cli_parsed *parsed, const void *args); /* \return exit status */
};

extern const struct cli_command cli_cache, cli_check, cli_history, cli_node, cli_output, cli_plan, cli_policies, cli_resume,
    cli_run, cli_sample, cli_status, cli_stop, cli_tasks,
  cli_version, cli_watch;

/* The commands in the order of the overview. \return an array of *ret_n. */
const struct cli_command *const *cli_commands(size_t *ret_n);
/* Runs the command that the words name. \return exit status. */
int cli_dispatch(struct cli *cli, char *const *words, size_t n);

void cli_help_overview(struct amz_buf *out);
void cli_help_command(const struct cli_command *command, struct amz_buf *out);

#endif
