/* A sample in hand, taken now or read from where it was kept; shared by `sample` and `plan`. */
#ifndef AMZ_CLI_SAMPLED_H
#define AMZ_CLI_SAMPLED_H

#include <amorsize/job.h>
#include <amorsize/sample_report.h>

#include "cli.h"

struct cli_sampled {
  struct amz_sample sample;
  struct amz_workload work;
  bool apart; /* what is to come is all but what was sampled */
  char *dir;         /* the run that its tasks are recorded in; NULL: a file alone */
};

/* Runs a sample of the job as the first tasks of a new run, and keeps it there as sample.json. A sample that runs all tasks is a
 * run that has ended: it goes into the history, unless no_history.
 * \return CLI_OK, release with cli_sampled_clear; else the exit status, the reason having been told. */
int cli_sampled_take(struct cli *cli, const struct amz_job_input *input, const char *runs_in, bool no_history,
                     struct cli_sampled *ret);
/* Reads one back: `dir` is a run directory, or NULL and `file` is such a file. \return as cli_sampled_take. */
int cli_sampled_read(const char *dir, const char *file, struct cli_sampled *ret);
void cli_sampled_clear(struct cli_sampled *s);

/* Fits the sample again, with the job's weights, and foresees the tasks to come where these or the list's order tell of them.
 * Threads that a column gives are no trial of threads: its tasks are as they are. */
int cli_sampled_foresee(struct cli_sampled *s, const struct amz_job *job);

#endif
