/* The driver of runs over several ranks, for a process that nobody launched by MPI: prepares the run, starts the launcher,
 * watches it.
 *
 * The launcher's return code says little: with recovery it may never come, and it isn't the run's. A launch has begun when rank 0
 * has written DIR/launched, and ended in order when it has written DIR/ended, which holds the exit status. A launch that dies
 * without the latter is followed by another for what is left, as long as each makes progress. */
#ifndef AMZ_RUN_DRIVE_H
#define AMZ_RUN_DRIVE_H

#include <stdbool.h>
#include <stdint.h>

#include <amorsize/error.h>

#include "run.h"

struct amz_drive_options {
  uint32_t ranks;            /* 0: as many as plan.ranks_per_node says on each node, else one a node */
  uint32_t nodes;            /* 0: plan.nodes, else all of the allocation */
  const char *hostfile;      /* NULL: what the batch system says */
  const char *launcher;      /* words to put before the program instead of our own choice; NULL: ours */
  int64_t gather_ns;         /* for ranks to come together; 0: two minutes and half a second a rank, no limit with `launcher` */
  bool quiet;                /* don't say what is launched */
  /* progress is drawn by us (show.h), for which ranks must show none; and their standard output goes through us, too: */
  bool show;
  bool show_out;
  const char *const *pass;   /* options for the command line of rank 0, NULL-terminated */
};

/* Whether a run with these options, here and now, is one for the driver: the user asks for ranks or hosts, or an allocation has
 * several nodes. Errors in a hostfile are told through `observer`.
 * \return AMZ_OK with *ret; AMZ_EINVAL, AMZ_EIO, AMZ_ENOMEM with *err. */
int amz_drive_wanted(const struct amz_drive_options *options, const struct amz_run_observer *observer, bool *ret,
                     struct amz_error *err);

/* As amz_run_new and amz_run_resume; rank 0 prints the summary. *ret_status: the exit status of the run.
 * \return AMZ_OK; AMZ_EINVAL: the description, or a wish that can't be met; AMZ_EENV: no launcher works. With *err. */
int amz_drive_new(const struct amz_job_input *input, const struct amz_run_options *run, const struct amz_drive_options *options,
                  const struct amz_run_observer *observer, int *ret_status, struct amz_error *err);
int amz_drive_resume(const char *dir, const struct amz_run_options *run, const struct amz_drive_options *options,
                     const struct amz_run_observer *observer, int *ret_status, struct amz_error *err);

#endif
