/* Tasks as a C function: what a shared object offers to `tasks: {plugin: ./mine.so}`. This header is all that one needs.
 *
 * A plug-in exports one symbol, `amz_plugin_v1`:
 *
 *     #include <amorsize/plugin.h>
 *
 *     static int run(void *state, const struct amz_plugin_task *task, void *result)
 *     {
 *       *(double *)result = simulate(task->index);
 *       return 0;
 *     }
 *
 *     const struct amz_plugin_v1 amz_plugin_v1 = {
 *       .abi = AMZ_PLUGIN_ABI, .size = sizeof amz_plugin_v1, .name = "mine",
 *       .flags = AMZ_PLUGIN_THREAD_SAFE, .result_type = AMZ_PLUGIN_F64, .run = run,
 *     };
 *
 *     cc -shared -fPIC -O2 mine.c -o mine.so
 *
 * Where it runs. In a process of its own beside the rank, never in an MPI process: MPI must not be called. When it says that it
 * is thread-safe, one process has a thread for each slot; else there is a process for each slot. A slot's thread is bound to the
 * slot's cores. What is printed to stdout and stderr goes to a file of the run directory, out/plugin-RANK.EPOCH.log.
 *
 * Executed at least once, recorded exactly once. A task whose process dies (a crash, exit(), pthread_exit(), failures.timeout)
 * costs nobody else's results: the task that was running is run again alone, and recorded as failed when it ends the process
 * again; other tasks of that process that weren't recorded yet are run again. So a task must bear being run twice.
 *
 * What a task leaves behind (working directory, locale, rounding of its thread, handlers, threads) the next tasks of that process
 * find; reductions are made without it. Descriptors that it hasn't opened it must not close. It may fork, as far as C allows that
 * in a process with threads; the child must end by itself and not return.
 *
 * Versions. A later version of this header only appends to the structs; `size` says which one a plug-in was built with. A change
 * that old plug-ins would not survive gets another symbol, amz_plugin_v2. */
#ifndef AMORSIZE_PLUGIN_H
#define AMORSIZE_PLUGIN_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define AMZ_PLUGIN_ABI 1
#define AMZ_PLUGIN_RESULT_MAX 65536 /* bytes of one task's result */

/* Flags. */
#define AMZ_PLUGIN_THREAD_SAFE 1u /* run may be called from several threads at a time, each with its own state */

/* What a result is: nothing, bytes, or one or more numbers, which output.reduce can sum up. */
enum amz_plugin_result {
  AMZ_PLUGIN_NONE = 0, /* no result: that a task succeeded is all that is kept */
  AMZ_PLUGIN_BYTES,
  AMZ_PLUGIN_F64,      /* double */
  AMZ_PLUGIN_I64,      /* int64_t */
  AMZ_PLUGIN_U64       /* uint64_t */
};

/* How a slot begins. Strings live until close. */
struct amz_plugin_open {
  const char *args;  /* tasks.args of the job description, "" when there are none */
  uint64_t tasks;    /* of the whole run: indexes are below this */
  uint32_t rank, slot; /* of this slot; slots count from 0 in each rank */
  uint32_t threads;  /* cores that one task may use */
  char *error;       /* room for a text that says why it can't begin, written when open doesn't return 0 */
  size_t error_size;
};

/* One task. The struct is the host's and is used again for the next task. */
struct amz_plugin_task {
  uint64_t index;    /* from 0 */
  /* The text of a name of the job description (`for:` or a table's column) for this task; valid until the next task of this slot.
   * Costs nothing when it isn't called. \return NULL: no such name, or out of memory. */
  const char *(*value)(const struct amz_plugin_task *task, const char *name);
  char *error;       /* room for a text that says why it failed, written when run doesn't return 0; "" when run begins */
  size_t error_size;
  void *host;        /* private */
};

struct amz_plugin_v1 {
  uint32_t abi;      /* AMZ_PLUGIN_ABI */
  uint32_t size;     /* sizeof (struct amz_plugin_v1) */
  const char *name;  /* for messages */
  uint32_t flags;
  uint32_t result_type;  /* enum amz_plugin_result */
  uint32_t result_bytes; /* 1 .. AMZ_PLUGIN_RESULT_MAX, of numbers a multiple of 8; 0 means one number, and is what NONE has */

  /* Called once for each slot, in its own thread, before its tasks: what *ret_state is set to is given to all other calls of that
   * slot. What slots of a process share, the plug-in keeps (and guards) itself. May be NULL: then state is NULL.
   * \return 0; anything else: it can't begin, and the run ends with how->error. */
  int (*open)(const struct amz_plugin_open *how, void **ret_state);

  /* Runs one task. `result`: zeroed room of the result's size, an element of an array of such that begins at a multiple of 64: so
   * numbers, and structs of just that size, stand as C wants them. NULL for NONE.
   * \return 0: succeeded; anything else: failed, with task->error; the number is recorded as its exit status, 1..255 (others as
   * 1). */
  int (*run)(void *state, const struct amz_plugin_task *task, void *result);

  /* Runs tasks first .. first + count - 1, results one behind the other. May be NULL; it must do what `run` for each of them
   * does, and spares the calls when tasks are tiny. It isn't used when failures.timeout is set, nor to find the task that ended a
   * process, for then the host must know which task is running.
   * \return 0: all have succeeded; anything else: as if none had been run; the host calls `run` for each of them. */
  int (*run_range)(void *state, uint64_t first, uint64_t count, void *results);

  /* Called once for each open that returned 0, when no more tasks come. Not after a crash. May be NULL. */
  void (*close)(void *state);
};

/* What the shared object defines. */
#if defined(__GNUC__)
__attribute__((visibility("default")))
#endif
extern const struct amz_plugin_v1 amz_plugin_v1;

/* \return the value of a name for this task, as above. */
static inline const char *amz_plugin_value(const struct amz_plugin_task *task, const char *name)
{
  return task->value(task, name);
}

#ifdef __cplusplus
}
#endif

#endif
