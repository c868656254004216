/* History: what earlier runs of a job cost, what was predicted of them, and what came of it; so that the next one starts from
 * known costs.
 *
 * A folder for each job, in it a file for each run, put in place by rename, never changed; only the latest are kept. Whoever adds
 * a run touches no other's file, so any number of processes on any number of hosts may use it at the same time, without locks.
 * Losing it costs a sample: what is damaged or of another version isn't there.
 *
 * "The same job" is a text, its key: what the tasks are (template, programs by their content, the class of the inputs' sizes),
 * the type of the node, and all settings that bear on a task's cost or on how tasks are handed out. What only says how many of
 * them are run, where they are kept, or what is done about failures isn't in it. */
#ifndef AMORSIZE_HISTORY_H
#define AMORSIZE_HISTORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <amorsize/buf.h>
#include <amorsize/environment.h>
#include <amorsize/error.h>
#include <amorsize/job.h>
#include <amorsize/node.h>
#include <amorsize/report.h>
#include <amorsize/sample_report.h>
#include <amorsize/workload.h>

#define AMZ_HISTORY_OBSERVATIONS 256 /* of a run's tasks are kept, spread over all */
#define AMZ_HISTORY_RUNS 20          /* of a job */
#define AMZ_HISTORY_JOBS 200
#define AMZ_HISTORY_ID 17            /* bytes of a job's short name, with its NUL */

/* ---- one run ------------------------------------------------------------------------------------------------------------- */

/* What a plan said of a run, and what came of it. Times in seconds. */
struct amz_history_outcome {
  char *run_dir, *policy, *version; /* owned */
  int64_t ended_s;         /* since the epoch */
  uint64_t succeeded, failed, skipped; /* of the whole run */
  uint64_t this_launch;    /* outcomes of the launch that ended it: the times below are of them */
  uint32_t launches;       /* it took */
  uint32_t ranks, slots, threads;
  double predicted_s, predicted_low_s, predicted_high_s; /* the makespan; < 0: there was no prediction (of its interval) */
  enum amz_source predicted_from; /* where the costs behind it came from; AMZ_UNKNOWN: no prediction, or not told */
  double makespan_s, total_s, efficiency, task_mean_s, task_max_s;
};

struct amz_history_run {
  struct amz_sample costs; /* job, host, tasks, slots, threads, gap, at most AMZ_HISTORY_OBSERVATIONS observations */
  struct amz_history_outcome outcome;
};

/* Accepts what is zeroed. */
void amz_history_run_clear(struct amz_history_run *run);

/* A run as bytes, and back. Reading believes nothing. Room `report`, pure.
 * \return AMZ_OK; AMZ_ENOMEM. */
int amz_history_run_json(const struct amz_history_run *run, struct amz_buf *out);
/* \return AMZ_OK, release with amz_history_run_clear; AMZ_EINVAL with *err, which names what is wrong; AMZ_ENOMEM. */
int amz_history_run_parse(const char *json, size_t n, struct amz_error *err, struct amz_history_run *ret);

/* ---- have costs changed? ------------------------------------------------------------------------------------------------- */

#define AMZ_HISTORY_DRIFT 0.25 /* means that are off by more call for a new look at costs */

struct amz_history_drift {
  double ratio;     /* mean of what is seen now over the mean that was known, for tasks alike; 1 when they can't be compared */
  double low, high; /* its 95 % interval; 0 and infinity when they can't be compared */
  size_t known, seen; /* observations that were compared */
};

/* Compares observations of tasks: whether the mean is off by more than AMZ_HISTORY_DRIFT, and more than chance explains. Chance:
 * the interval of the logarithms' difference by the delta method, ln(x̄/ȳ) ± t·√(cv²(1/n + 1/m)), cv pooled, so that even a
 * single observation has one, and heavy tails widen it. Alike means: successes, under the known ones' fewest threads and about
 * their number of busy slots; where time is known to follow weight, or the place in the list, each is held against what its
 * weight or place lets expect, as a run that begins with its longest tasks has not changed. `known_tasks`, `seen_tasks`: lengths
 * of the lists that their indexes count in. Room `model`, pure.
 * \return whether they have; false also when they can't be compared. *ret may be NULL. */
bool amz_history_drifted(const struct amz_observation *known, size_t n_known, uint64_t known_tasks,
                         const struct amz_observation *seen,
                         size_t n_seen, uint64_t seen_tasks, struct amz_history_drift *ret);

/* ---- how well runs were foreseen ----------------------------------------------------------------------------------------- */

#define AMZ_HISTORY_PREDICTIONS 5 /* fewer of them say too little */

/* By how much runs of a job are off, relatively, in 90 of 100 cases, from the makespans of earlier ones over what was predicted
 * of them: their root mean square about 1, times Student's t. What samples got wrong is in it, too, so that it rather says too
 * much. Room `model`, pure.
 * \return source AMZ_HISTORY, n predictions; unknown when there are fewer than AMZ_HISTORY_PREDICTIONS. */
struct amz_quantity amz_history_unforeseen(const double *ratios, size_t n);

/* ---- which job it is ------------------------------------------------------------------------------------------------------ */

struct amz_history_key {
  char *text;              /* all of it; owned */
  char id[AMZ_HISTORY_ID]; /* its digest */
};

/* Programs are found as the tasks' own start would (PATH from `env`), and read: whole up to 8 MiB, larger ones in part. A job
 * whose program can't be told (text for a shell that begins with none, a name that each task gives) has the text alone.
 * \return AMZ_OK, release with amz_history_key_clear (accepts what is zeroed); AMZ_ENOMEM; AMZ_EINVAL with *err: the first task's
 * values don't do. */
int amz_history_key_make(const struct amz_job *job, const struct amz_node *node, const struct amz_environment *env,
                         struct amz_history_key *ret, struct amz_error *err);
void amz_history_key_clear(struct amz_history_key *key);

/* ---- the store ------------------------------------------------------------------------------------------------------------ */

struct amz_history;

/* The folder: AMORSIZE_HISTORY_DIR, else XDG_STATE_HOME/amorsize-mpi/history, else HOME/.local/state/amorsize-mpi/history. It is
 * made when something is added.
 * \return AMZ_OK, release with amz_history_free (accepts NULL); AMZ_EENV with *err: none of them is set; AMZ_ENOMEM. */
int amz_history_open(const struct amz_environment *env, struct amz_error *err, struct amz_history **ret);
void amz_history_free(struct amz_history *h);
const char *amz_history_dir(const struct amz_history *h);

/* Adds a run, in place of what the same run (by its directory's path and `run_id`) added when an earlier launch of it ended;
 * drops the oldest runs of the job, and the jobs that have waited longest, beyond the bounds. Their order is that of being added,
 * whatever clocks say.
 * \return AMZ_OK; AMZ_EIO with *err: the folder can't be written; AMZ_EINVAL: too large; AMZ_ENOMEM. */
int amz_history_add(const struct amz_history *h, const struct amz_history_key *key, uint64_t run_id,
                    const struct amz_history_run *run,
                    struct amz_error *err);

/* What is known of a job's costs. */
struct amz_history_known {
  /* those of the latest run, and of earlier ones as far as they agree with it; indexes as in a list of `tasks` */
  struct amz_sample costs;
  size_t runs;             /* they come from, >= 1 */
  int64_t latest_s, earliest_s; /* when those ended */
  double makespan_s;       /* of the latest */
  struct amz_quantity unforeseen; /* by how much its predictions were off; of all its runs, whatever their costs */
};

/* \return AMZ_OK, release with amz_history_known_clear (accepts what is zeroed); AMZ_ENOENT: nothing is known; AMZ_EIO with *err:
 * it can't be read; AMZ_ENOMEM. */
int amz_history_find(const struct amz_history *h, const struct amz_history_key *key, uint64_t tasks,
                     struct amz_history_known *ret,
                     struct amz_error *err);
void amz_history_known_clear(struct amz_history_known *known);
/* The workload that a plan is made of; its mean's source is AMZ_HISTORY. \return as amz_workload_fit. */
int amz_history_fit(const struct amz_history_known *known, uint64_t tasks, double confidence, struct amz_workload *ret);

/* What a run showed that has come to its end: the outcome from its last launch's summary, costs from its store, and from its
 * sample if it holds one. Tasks are drawn, so that a run of many millions costs no more than one of hundreds. The run's lease
 * must have been given up. Where the prediction's costs came from, and `version`, are the caller's to fill in. *ret_run_id: for
 * amz_history_add.
 * \return AMZ_OK, release with amz_history_run_clear; AMZ_EIO, AMZ_ECORRUPT, AMZ_EBUSY with *err: its store can't be read;
 * AMZ_ENOMEM. */
int amz_history_gather(const struct amz_job *job, const struct amz_run_summary *summary, struct amz_history_run *ret,
                       uint64_t *ret_run_id,
                       struct amz_error *err);

struct amz_history_row {
  char id[AMZ_HISTORY_ID]; /* of the job */
  const char *key;         /* in full */
  struct amz_history_run *run; /* may be taken over: leave it zeroed */
};

/* Calls row for each run, by job and in the order in which they were added; stops when it returns non-zero. What is damaged is
 * left out. The rows are valid during the call. \return AMZ_OK, also when there is no folder; row's value when non-zero; AMZ_EIO
 * with *err; AMZ_ENOMEM. */
int amz_history_list(const struct amz_history *h, int (*row)(void *ctx, const struct amz_history_row *row), void *ctx,
                     struct amz_error *err);

/* Removes all runs of the jobs that `wanted` says yes to (by their ids), damaged ones too; NULL: of all.
 * \return AMZ_OK with how many; AMZ_EIO with *err; AMZ_ENOMEM. */
int amz_history_remove(const struct amz_history *h, bool (*wanted)(void *ctx, const char *id), void *ctx, uint64_t *ret_removed,
                       struct amz_error *err);

#endif
