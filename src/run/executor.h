/* How tasks are executed: one table per kind of task. The loop knows nothing else of commands, streams or plug-ins.
 *
 * An executor performs what the worker asks for (RUN, KILL) and tells it of ends by amz_loop_tell_ran or, from within a step,
 * amz_loop_end_at_once. Nothing here blocks. What happens to the helper itself (its death, its signs of life) is the loop's. */
#ifndef AMZ_RUN_EXECUTOR_H
#define AMZ_RUN_EXECUTOR_H

#include <poll.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <amorsize/error.h>
#include <amorsize/exec.h>
#include <amorsize/job.h>
#include <amorsize/sched.h>

#define AMZ_EXECUTOR_FDS 2 /* most that one wants to be woken by, beside the helper's */

struct amz_loop;

/* Entries that may be NULL say so: there is nothing to do then. */
struct amz_executor {
  uint64_t grain;         /* most positions in one RUN, as in amz_worker_config */
  int64_t grain_ns;       /* likewise; its grain_least is l->grain_least, which `open` may set */
  bool run_ahead;         /* likewise: `start` may be called for a slot that runs something, once */
  bool minds_timeout;     /* failures.timeout is its own business; else the worker's, which sends a KILL */
  uint32_t helper_slots;  /* places in the helper per slot of the rank, >= 1 */
  /* Before the first step, with the loop's configuration alone; what it keeps is l->executing. \return AMZ_OK; negative with
   * *err. May be NULL. */
  int (*open)(struct amz_loop *l, struct amz_error *err);
  /* After the last step; also when open failed. May be NULL. */
  void (*close)(struct amz_loop *l);
  /* Runs positions [run->first, run->first + run->count) on slot run->slot: it is idle, or will be (run_ahead). \return AMZ_OK;
   * AMZ_ENOMEM. */
  int (*start)(struct amz_loop *l, const struct amz_action *run);
  /* kill->signal to what runs on kill->slot; its outcome is kill->outcome. \return AMZ_OK; AMZ_ENOMEM. */
  int (*kill)(struct amz_loop *l, const struct amz_action *kill);
  /* An end that the helper told. \return AMZ_OK; AMZ_ENOMEM. */
  int (*ended)(struct amz_loop *l, const struct amz_exec_end *end);
  /* Each turn, before the helper's ends: what came by other ways, and what is due by the clock. May be NULL. */
  int (*gather)(struct amz_loop *l);
  /* Descriptors (at most AMZ_EXECUTOR_FDS) that wake the loop, asked for before each wait. Not called when broken. \return how
   * many. May be NULL. */
  size_t (*watch)(struct amz_loop *l, struct pollfd *fds);
  /* \return when `gather` is to be called at the latest, by amz_clock_monotonic_ns, AMZ_NEVER: no matter. May be NULL. */
  int64_t (*deadline)(const struct amz_loop *l);
};

/* \return the executor of a kind of task; NULL when this version has none. */
const struct amz_executor *amz_executor_of(enum amz_task_kind kind);

extern const struct amz_executor amz_executor_command; /* executor_command.c */
extern const struct amz_executor amz_executor_stream;  /* executor_stream.c */
extern const struct amz_executor amz_executor_plugin;  /* executor_plugin.c */

/* ---- what executors share ---------------------------------------------------------------------------------------------- */

/* Tells the worker that tasks of one slot have ended. Not from within a worker's step. */
int amz_loop_tell_ran(struct amz_loop *l, const struct amz_result *results, size_t n);
/* Remembers an end of a task that was never started; the worker is told when its step is over. */
int amz_loop_end_at_once(struct amz_loop *l, const struct amz_action *run, enum amz_outcome outcome, int32_t exit_code);
/* Notes why a task cannot be started, and fails it at once. */
int amz_loop_refuse(struct amz_loop *l, const struct amz_action *run, uint64_t index, const char *why);
/* *ret: `env` (or NULL) and, behind it so that they win, the GPUs of the slot; valid until the next call. \return AMZ_OK;
 * AMZ_ENOMEM. */
int amz_loop_add_gpus(struct amz_loop *l, uint32_t slot, const char *const *env, const char *const **ret);
/* What an end says of the helper's work: a full disk breaks the rank, a binding that could not be kept is told once. Notes its
 * pack record. \return false: nothing of the attempt was kept, so that it hasn't happened. */
bool amz_loop_note_end(struct amz_loop *l, const struct amz_exec_end *end);

#endif
