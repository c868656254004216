/* The driver: whole runs, from a loaded job to a closed store. The command line is its only caller; it prints nothing itself. */
#ifndef AMZ_RUN_RUN_H
#define AMZ_RUN_RUN_H

#include <stdbool.h>
#include <stdint.h>

#include <amorsize/diag.h>
#include <amorsize/error.h>
#include <amorsize/job.h>
#include <amorsize/plan_report.h>
#include <amorsize/report.h>

/* What the driver tells while it works. All callbacks are optional (NULL) and run in the driver's thread. */
struct amz_run_observer {
  void *ctx;
  void (*findings)(void *ctx, const struct amz_diags *diags); /* of the job description: errors and warnings */
  void (*began)(void *ctx, const struct amz_run_progress *p); /* directory and layout are known, nothing has started yet */
  void (*progress)(void *ctx, const struct amz_run_progress *p); /* about ten times a second */
  void (*said)(void *ctx, int fd, const char *bytes, size_t n); /* ranks of ours have printed this to descriptor 1 or 2 */
  void (*planned)(void *ctx, const struct amz_plan_told *told); /* how the run goes on, made from its first tasks */
  void (*note)(void *ctx, enum amz_severity severity, const char *text); /* "finishing 2 running tasks …" */
};

struct amz_net;
struct amz_mpi;
struct amz_exec;
struct amz_signals;
struct amz_sampler;

/* What a process that runs as a rank of an MPI launch brings along, all of it started before anything else. */
struct amz_rank_link {
  const struct amz_net *net;
  struct amz_mpi *mpi;
  struct amz_exec *exec;       /* launched before MPI, not set up yet; the driver takes it over */
  struct amz_signals *signals; /* blocked before MPI */
  bool driven;                 /* the driver launched us, and answers for what follows the run */
  int64_t end_s;               /* when the batch job ends, seconds since the epoch; 0: not known */
  struct amz_error end_err;    /* code < 0: why it couldn't be asked */
  bool used;                   /* amz_run_new or amz_run_resume was called: the others have been told, one way or the other */
};

struct amz_run_options {
  struct amz_rank_link *link; /* NULL: a process alone. With it, this is rank 0; the others are in amz_run_serve */
  const char *parent;  /* where NAME.runs goes; NULL: the current directory */
  bool retry_failed;   /* resume: failed tasks are run again, too */
  bool retry_lost;     /* resume: so are tasks whose outputs could not be gathered from other nodes */
  /* resume: a process on another host that held the run is known to be dead: wait for less silence (patience.h) */
  bool take_over;
  /* resume: settings of where and how tasks run (plan.*, chunks.*), which win over the recorded ones */
  const struct amz_set *sets;
  size_t n_sets;
  struct amz_sampler *sampler; /* NULL: all that is left is run; else only a sample of it. It keeps what was seen */
  bool no_history;     /* the run isn't added to the history (history.h) when it ends */
  /* may be NULL; true: the run ran out of time, and the description wants the job to be started again (amz_run_requeue) */
  bool *ret_requeue;
};

/* A new run of what `input` describes. Signals SIGINT, SIGTERM (and SIGHUP) drain; a second one cancels.
 * *ret_summary's strings live in *ret_text.
 * \return AMZ_OK: the run has ended some way, see the summary; AMZ_EINVAL: the description (findings were told), nothing was
 * started; AMZ_EENV, AMZ_EIO, AMZ_EBUSY, AMZ_ENOMEM with *err: environment. When *ret_summary->run_dir is set on failure, what
 * was recorded is safe there. */
int amz_run_new(const struct amz_job_input *input, const struct amz_run_options *options, const struct amz_run_observer *observer,
                struct amz_buf *ret_text, struct amz_run_summary *ret_summary, struct amz_error *err);

/* Goes on with a run directory: runs exactly the tasks without a recorded outcome. */
int amz_run_resume(const char *dir, const struct amz_run_options *options, const struct amz_run_observer *observer,
                   struct amz_buf *ret_text, struct amz_run_summary *ret_summary, struct amz_error *err);

/* The run that this batch job began before it was started again, if the description asks for going on (slurm.requeue).
 * \return AMZ_OK with *ret_dir (free it); AMZ_ENOENT: a new run is to be begun; AMZ_ENOMEM. */
int amz_run_find_begun(const struct amz_job_input *input, const char *parent, char **ret_dir);
/* Asks Slurm to start this job again. It will end this process, too: results must be out by then. \return AMZ_OK; AMZ_EENV,
 * AMZ_ENOMEM with *err. */
int amz_run_requeue(struct amz_error *err);

/* The other ranks of a launch: waits for what rank 0 says, runs tasks until it says stop.
 * \return AMZ_OK; negative with *err. */
int amz_run_serve(const struct amz_rank_link *link, struct amz_error *err);
/* Rank 0, when it ends before amz_run_new or amz_run_resume have been called: sends the others home. */
void amz_run_dismiss(const struct amz_rank_link *link);

/* Loads the description with the disk's files for `check` and `--dry-run`: as amz_job_load. */
int amz_run_load(const struct amz_job_input *input, struct amz_diags *diags, struct amz_job **ret);

/* The same for the job of a run directory (from its `inputs`), for reports and plans; with n further settings, which win over the
 * recorded ones as those of amz_run_options do. \return as amz_job_load, or AMZ_EIO, AMZ_ECORRUPT with *err. */
int amz_run_load_recorded(const char *dir, const struct amz_set *sets, size_t n, struct amz_diags *diags, struct amz_job **ret,
                          struct amz_error *err);

/* Asks a live run to drain, or (`now`) to end what runs: writes DIR/stop. \return AMZ_OK; AMZ_ENOENT: it isn't running;
 * AMZ_EIO. */
int amz_run_request_stop(const char *dir, bool now, struct amz_error *err);

/* How many slots a run would use: the layout until the planner exists. */
struct amz_layout {
  uint32_t ranks, slots, threads;
  uint32_t cores;          /* allowed to us */
  uint32_t capacity;       /* slots that a rank may get while it runs; 0: no more than slots */
};
int amz_run_layout(const struct amz_job *job, struct amz_layout *ret, struct amz_error *err);

#endif
