/* What a launch holds from its beginning to its summary. */
#ifndef AMZ_RUN_LAUNCH_H
#define AMZ_RUN_LAUNCH_H

#include "loop.h"
#include "net.h"
#include "run.h"

/* All that a launch holds; zero-initialised it holds nothing. */
struct amz_launch {
  const struct amz_run_observer *observer;
  int64_t began_ns;
  struct amz_job *job;
  char *shown_dir;   /* as the user may type it */
  char *dir;         /* absolute */
  char *pack_path;
  char host[256];
  struct amz_lease *lease;
  struct amz_store *store;
  struct amz_store_counts before;
  uint32_t epoch;
  struct amz_order *order;
  struct amz_cores cores;
  struct amz_gpus gpus;
  uint32_t gpu_first, gpu_slots;
  struct amz_layout layout;
  struct amz_exec *exec;
  struct amz_rank_link *link; /* NULL: a process alone */
  struct amz_team team;       /* with a link */
  struct amz_buf recording, cwd;
  struct amz_range *left;     /* what is to be done, as index ranges */
  size_t n_left;
  uint32_t total_slots;
  bool told;                  /* the other ranks know what to do */
  int64_t end_s;              /* of the batch job; 0: not known */
  bool *ret_requeue;
  struct amz_loop_result result;
};

/* Sums up how far the launch came; strings go into *text. \return AMZ_OK; AMZ_ENOMEM. */
int amz_launch_summarize(const struct amz_launch *l, struct amz_buf *text, struct amz_run_summary *ret);

/* Makes a new run's directory, ready to be resumed, and lets it go. *ret_dir as the user may type it (free it); *ret_job: the job.
 * \return as amz_run_new. */
int amz_launch_prepare(const struct amz_job_input *input, const struct amz_run_options *options, const struct amz_run_observer *observer,
                       char **ret_dir, struct amz_job **ret_job, struct amz_error *err);

#endif
