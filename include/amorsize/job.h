/* The job description: YAML text in, struct amz_job out; tasks computed from their index.
 *
 * Everything a user can write is checked here, with file:line:column, all findings at once. Nothing here opens a file: task
 * sources ask an injected struct amz_files. A task is never stored: from its index its words are computed, so that a product of
 * 10^9 tasks costs no memory. */
#ifndef AMORSIZE_JOB_H
#define AMORSIZE_JOB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <amorsize/buf.h>
#include <amorsize/diag.h>
#include <amorsize/error.h>
#include <amorsize/files.h>
#include <amorsize/reduce.h>

/* Bounds on what a user supplies; beyond them is a finding, not a crash. */
#define AMZ_JOB_TEXT_MAX (UINT64_C(16) << 20)   /* a job description */
#define AMZ_JOB_SOURCE_MAX (UINT64_C(64) << 30) /* a file of lines or a table */
#define AMZ_JOB_TASKS_MAX (UINT64_C(1) << 62)

enum amz_task_kind { AMZ_TASK_COMMAND, AMZ_TASK_STREAM, AMZ_TASK_PLUGIN };
enum amz_preset { AMZ_PRESET_DEFAULT, AMZ_PRESET_THROUGHPUT, AMZ_PRESET_MEMORY, AMZ_PRESET_LATENCY, AMZ_PRESET_IO };
enum amz_goal { AMZ_GOAL_TIME, AMZ_GOAL_EFFICIENCY, AMZ_GOAL_DEADLINE };

#define AMZ_AUTO UINT32_MAX /* a count that the planner chooses */

/* "5" or "5%": after that many failures, or when that share of all tasks has failed. */
struct amz_stop_after {
  bool set, is_share;
  uint64_t count;
  double share; /* 0..1 */
};

/* What a plan foresaw that was given (amz_job_input.plan_text): no description has it. */
struct amz_foreseen {
  int64_t makespan_ns, low_ns, high_ns; /* 0: nothing */
  uint64_t tasks, slots, threads;       /* that it is of: so many tasks, slots in all, threads each; 0: not said */
  int64_t task_ns, task_stddev_ns;      /* of one of them; mean 0: not said */
};

/* The settings, each key of the description's sections with its default filled in. Strings are owned by the job. */
struct amz_settings {
  enum amz_preset preset;
  struct { /* per task */
    uint32_t threads;       /* AMZ_AUTO; 1 by default */
    const char *threads_column; /* "{name}" was given, or NULL */
    uint64_t memory_bytes;  /* 0: unknown */
    const char *memory_column;
    uint32_t gpus;
  } resources;
  struct {
    enum amz_goal goal;
    uint32_t nodes, ranks_per_node, slots_per_rank, threads_per_task; /* AMZ_AUTO by default */
    uint32_t max_workers;   /* AMZ_AUTO: the cores allowed to us */
    double efficiency;
    int64_t deadline_ns;    /* 0: none */
    bool memory_ignore, load_aware;
  } plan;
  struct {
    const char *policy;     /* a name known to amz_policy_find; "adaptive" by default */
    int64_t target_ns, min_ns, max_ns; /* 200 ms, 50 ms, 1 s */
    double rate;            /* 0.3 */
    bool policy_free, target_free; /* nothing was given that a plan would go against by taking another policy; another target */
  } chunks;
  struct {
    uint32_t tasks_min, tasks_max; /* 5, 50 */
    int64_t time_ns;        /* 10 s */
    double confidence, precision; /* 0.95, 0.05 */
    bool reuse;             /* true */
  } sample;
  struct {
    uint32_t retries;       /* 0 */
    int64_t backoff_ns;     /* 1 s */
    int64_t timeout_ns;     /* 0: none */
    uint64_t max_result;    /* 64 MiB: bytes that a stream's program may write, to both streams, before a result is complete */
    int64_t grace_ns;       /* 20 s: for running tasks when the run is being stopped */
    struct amz_stop_after stop_after;
    bool idempotent;
  } failures;
  struct {
    bool discard_stdout;    /* `stdout: pack` (default) or `discard` */
    const char *results;    /* NULL: none */
    enum amz_reduce reduce;
    bool gather;
  } output;
  struct amz_foreseen prediction;
  struct {
    const char *partition, *account; /* NULL: not given */
    const char *const *extra;
    size_t n_extra;
    bool requeue;
  } slurm;
};

struct amz_job;

/* One `--set key.path=value` (the value is YAML), or the like from a short option. */
struct amz_set {
  const char *option; /* how findings name it: "--set", "--slots" */
  const char *path;   /* "chunks.target" */
  const char *value;  /* "1s" */
};

/* Where the description comes from. Exactly one of yaml_text and the quick form; `--command`/`--for`/`--lines` on top of a text
 * replace its tasks block. */
struct amz_job_input {
  const char *file_name; /* for findings; NULL when there is no file */
  const char *yaml_text; /* n bytes; may be NULL when command or lines is given */
  size_t yaml_len;
  const char *command;   /* --command, or NULL */
  /* --for "name=SPEC": SPEC is a YAML value as under `for:`; or short: 1..100, 0..1:0.1, @file (lines), a,b,c, and anything with
   * a wildcard is a glob */
  const char *const *loops;
  size_t n_loops;
  const char *lines;     /* --lines FILE, or NULL; "-" is standard input */
  const struct amz_set *sets;
  size_t n_sets;
  const char *plan_name; /* of a plan's file, for findings; NULL: no plan is given, else */
  /* its plan_len bytes: plan: and chunks: as in a description, which they win over (sets win over them), and prediction: */
  const char *plan_text;
  size_t plan_len;
};

/* Parses, checks, asks `files` for what the sources name, and counts the tasks. Findings (errors and warnings) go to diags.
 * \return AMZ_OK (perhaps with warnings); AMZ_EINVAL: diags holds at least one error; AMZ_ENOMEM. Release with amz_job_free
 * (accepts NULL). */
int amz_job_load(const struct amz_job_input *input, const struct amz_files *files, struct amz_diags *diags, struct amz_job **ret);
void amz_job_free(struct amz_job *job);

/* What a plan's text says of ranks, for those who launch them before the job is loaded: how many nodes, and ranks on each. 1
 * where it says nothing, and where it says what makes no sense, which amz_job_load tells. \return AMZ_OK; AMZ_ENOMEM. */
int amz_job_plan_ranks(const char *plan_text, size_t n, uint32_t *ret_nodes, uint32_t *ret_ranks_per_node);

/* What a plan's text says of chunks: by which policy, with which target. "" and 0 where it says nothing, or what makes no sense.
 * \return AMZ_OK; AMZ_ENOMEM. */
#define AMZ_POLICY_NAME 32
int amz_job_plan_chunks(const char *plan_text, size_t n, char ret_policy[AMZ_POLICY_NAME], int64_t *ret_target_ns);

/* `job:`, else the file's stem, else the command's first word; safe as a file name */
const char *amz_job_name(const struct amz_job *job);
const struct amz_settings *amz_job_settings(const struct amz_job *job);
const char *amz_job_scratch(const struct amz_job *job); /* stage.scratch; NULL: none */
enum amz_task_kind amz_job_kind(const struct amz_job *job);
uint64_t amz_job_tasks(const struct amz_job *job); /* how many */
/* Results of plug-in tasks are kept by index when they are asked for (output.results), or when nothing else is (no
 * output.reduce). \return whether they are. */
bool amz_job_keeps_results(const struct amz_job *job);
/* \return what the results are reduced to: output.reduce where the tasks are a plug-in's, else AMZ_REDUCE_NONE. */
enum amz_reduce amz_job_reduces(const struct amz_job *job);
/* The cost hint of tasks.weight. \return whether there is one. */
bool amz_job_is_weighted(const struct amz_job *job);
/* Of a weighted job. *ret_same: how many tasks from index on share a value by the order of the names, >= 1; it may reach beyond
 * the last.
 * \return the weight, >= 0: only which of two is larger means something. */
double amz_job_weight(const struct amz_job *job, uint64_t index, uint64_t *ret_same);
/* What a task takes while it runs, where resources.threads or resources.memory name a column; 0: it names none, and tasks don't
 * differ. */
struct amz_task_need {
  uint32_t threads;
  uint64_t memory_bytes;
};
/* \return whether tasks differ in what they take. */
bool amz_job_has_needs(const struct amz_job *job);
/* Of a job that has needs; *ret_same as above. A value that is no number counts as one thread and no memory: its task won't
 * start. */
struct amz_task_need amz_job_need(const struct amz_job *job, uint64_t index, uint64_t *ret_same);
/* The least and the most of each that any task takes; no single task need take both. Linear in the columns' values. */
void amz_job_need_range(const struct amz_job *job, struct amz_task_need *ret_least, struct amz_task_need *ret_most);
/* The names that placeholders may use, in written order. */
const char *const *amz_job_names(const struct amz_job *job, size_t *ret_n);
/* \return the accepted exit statuses as a bit set over 0..255: bit (s % 64) of word s / 64. Default: 0 alone. */
const uint64_t *amz_job_ok_exit(const struct amz_job *job);

/* What runs the tasks of a job of kind STREAM: a program that is started once per slot, reads a task's line from its standard
 * input and writes its result to its standard output. amz_program_fill gives its words. */
struct amz_stream {
  uint32_t window;         /* >= 1: so many lines it may be given ahead of its answers */
  const char *sentinel;    /* a result is all lines up to one that equals this; NULL: a result is one line */
  const char *fail_prefix; /* a result that begins with this is a failure; NULL: each result is a success */
};
/* \return NULL for a job of another kind. Owned by the job, as is: */
const struct amz_stream *amz_job_stream(const struct amz_job *job);

/* Appends what says which kind of work a job is, by lines: its templates as they were written, the class of the inputs' sizes
 * (the power of two at or below the median weight), and the settings that bear on what a task costs or how tasks are handed out.
 * Values of names, how many tasks there are, layouts, what is done about failures and where outputs go aren't in it. Ready lines
 * have no template: what their words have in common is taken for one.
 * \return AMZ_OK; AMZ_ENOMEM; AMZ_EINVAL with *err: the values of one of the tasks that were looked at don't do. */
int amz_job_identity(const struct amz_job *job, struct amz_buf *out, struct amz_error *err);

/* What runs the tasks of a job of kind PLUGIN. */
struct amz_plugin {
  const char *path; /* of the shared object, as written: a relative one is seen from where the run was started */
  const char *args; /* as written, no placeholders; NULL: none */
};
/* \return NULL for a job of another kind. */
const struct amz_plugin *amz_job_plugin(const struct amz_job *job);

/* What a place knows of itself, for placeholders. */
struct amz_place {
  uint32_t rank, slot, threads;
  const char *scratch; /* NULL: none */
};

/* A task in full, as it will be executed. Filled by amz_task_fill; the memory is reused from task to task. */
struct amz_task {
  uint64_t index;
  bool shell;               /* argv is {"/bin/sh", "-c", text}; else argv is executed as it stands, argv[0] looked up in PATH */
  const char *const *argv;  /* NULL-terminated */
  size_t argc;
  const char *const *env;   /* "KEY=value", NULL-terminated: AMORSIZE_TASK_INDEX, OMP_NUM_THREADS, then the user's */
  size_t n_env;
  const char *workdir;      /* NULL: where the run was started */
  const char *stdin_path;   /* NULL: /dev/null */
  const char *creates;      /* NULL: none */
  uint32_t threads;
  uint64_t memory_bytes;
  void *memory;             /* private */
};

void amz_task_init(struct amz_task *task);
void amz_task_clear(struct amz_task *task);
/* \return AMZ_OK; AMZ_ENOMEM; AMZ_EINVAL with *err: this task's own values don't do (a column's number that is none).
 * Index must be < amz_job_tasks. */
int amz_task_fill(const struct amz_job *job, uint64_t index, const struct amz_place *place, struct amz_task *task,
                  struct amz_error *err);

/* The program of a stream on a slot, as amz_task_fill gives commands: words, environment (without AMORSIZE_TASK_INDEX) and
 * directory; task->index means nothing, stdin_path and creates are NULL. \return AMZ_OK; AMZ_ENOMEM. */
int amz_program_fill(const struct amz_job *job, const struct amz_place *place, struct amz_task *task, struct amz_error *err);
/* Appends what a stream's program is given for a task, and a newline: tasks.line, else the values of all names with tabs between
 * them, else the index.
 * \return AMZ_OK; AMZ_ENOMEM; AMZ_EINVAL with *err: a value holds a newline (or a tab that would look like one between values),
 * and nothing was appended. */
int amz_task_line(const struct amz_job *job, uint64_t index, const struct amz_place *place, struct amz_buf *ret,
                  struct amz_error *err);
/* Appends what tasks.creates names for a task. \return AMZ_OK; AMZ_ENOMEM; AMZ_ENOENT: the job has no tasks.creates. */
int amz_task_creates(const struct amz_job *job, uint64_t index, const struct amz_place *place, struct amz_buf *ret);

/* The value of a name for a task, for `check --show` and reports. \return AMZ_OK; AMZ_ENOMEM; value bytes appended to *ret. */
int amz_task_value(const struct amz_job *job, uint64_t index, size_t name, struct amz_buf *ret);

/* Appends the command as a line that can be pasted into a shell. */
void amz_task_print(const struct amz_task *task, struct amz_buf *out);
/* The same for a stream's program that is given one task's line. */
void amz_program_print(const struct amz_task *program, const char *line, size_t n, struct amz_buf *out);

#endif
