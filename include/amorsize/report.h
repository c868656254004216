/* Numbers of a run into text and JSON. Pure: nothing is printed here. */
#ifndef AMORSIZE_REPORT_H
#define AMORSIZE_REPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <amorsize/buf.h>
#include <amorsize/error.h>
#include <amorsize/reduce.h>
#include <amorsize/sched.h>

enum amz_run_state { AMZ_RUN_STARTING, AMZ_RUN_RUNNING, AMZ_RUN_DRAINING, AMZ_RUN_DONE, AMZ_RUN_STOPPED, AMZ_RUN_FAILED };

/* A makespan as it was foreseen. A zeroed one is none. */
struct amz_prediction {
  double makespan_s;     /* 0: there is none */
  double low_s, high_s;  /* 90 % interval; equal to makespan_s when it isn't known */
};

/* Where a run stands; also the content of status.json. Counts include what earlier launches of the same run recorded. */
struct amz_run_progress {
  enum amz_run_state state;
  uint64_t total, succeeded, failed, skipped; /* succeeded doesn't include skipped */
  uint64_t running;       /* slots busy now */
  uint64_t retried;
  uint32_t epoch, ranks, slots;
  int64_t elapsed_ns;     /* since this launch's first task start */
  int64_t eta_ns;         /* of the rest; -1: unknown */
  int64_t updated_ns;     /* CLOCK_REALTIME */
  double task_mean_s;
  double utilisation;     /* Σ task wall / (slots × elapsed), this launch; 0 when unknown */
  struct amz_prediction predicted, refined; /* of this launch's makespan: by the plan, and when a tenth of the tasks had ended */
  const char *job, *run_dir, *host;
  int64_t pid;
};

#define AMZ_SLOWEST 5
struct amz_slow_task {
  uint64_t index;
  double wall_s;
};

#define AMZ_FAILED_ERROR 192
struct amz_failed_task {
  uint64_t index;
  double wall_s;
  char error[AMZ_FAILED_ERROR]; /* why, in its own words, or the beginning of them; "": it said nothing */
};

/* Tasks that took more memory than resources.memory says. A zeroed one: none did. */
struct amz_outgrown {
  uint64_t tasks;      /* so many; of them the one that exceeded what it may take by the largest factor: */
  uint64_t index, bytes, said_bytes;
};

/* What is said at the end of a launch. */
struct amz_run_summary {
  const char *job, *run_dir;
  enum amz_end end;
  bool samples_failed;     /* it was ended because all of its first tasks failed */
  const char *reason;      /* why it ended early, as words: "interrupted (SIGINT)", "stop requested"; NULL when it didn't */
  uint64_t total, succeeded, failed, skipped, not_run; /* of the whole run, all launches; Σ of the last four = total */
  uint64_t this_launch;    /* outcomes recorded by this launch */
  uint64_t elsewhere;      /* done tasks whose outputs are on other nodes still: the run is unfinished as long as there are any */
  uint64_t retried, chunks;
  uint32_t epoch, ranks, slots, threads;
  const char *policy;
  double makespan_s;       /* this launch: first task start to last task end; 0 when nothing ran */
  double launch_s;         /* from the command's start to the first task start */
  double total_s;          /* the command's whole time so far */
  double utilisation;      /* Σ task wall / (slots × makespan) of this launch */
  double efficiency;       /* the same as long as a task's one-slot time is not known better */
  double throughput;       /* outcomes of this launch per second of makespan */
  double task_mean_s, task_max_s, cpu_s;
  uint64_t output_bytes, max_rss_bytes;
  struct amz_outgrown outgrown; /* of this launch */
  uint64_t killed;         /* attempts of this launch that were ended by a SIGKILL that wasn't ours */
  double predicted_s;      /* < 0: there was no prediction */
  struct amz_prediction predicted; /* the same with its interval: when the plan was made */
  struct amz_prediction refined;   /* when a tenth of the tasks had ended */
  bool sampled;            /* it has sampled its tasks to plan; what that cost: */
  double planning_idle_s;  /* slots that stood idle for it, over time */
  double planning_cpu_s;   /* CPU time of planning */
  uint32_t given_up_slots; /* most slots that rank 0 left unused at a time, because scheduling kept it busy */
  double master_busy;      /* such a share of a second; 0 when no slot was given up */
  enum amz_reduce reduce;  /* NONE: nothing is reduced */
  struct amz_reduced reduced; /* over all launches; its values are borrowed */
  const char *results;     /* the file of results by index; NULL: there is none */
  struct amz_slow_task slowest[AMZ_SLOWEST]; /* of this launch, longest first */
  size_t n_slowest;
  struct amz_failed_task failures[AMZ_SLOWEST]; /* the first failed tasks of this launch */
  size_t n_failures;
};

/* Exit status that the summary calls for: 0, 1, 75 (design section 8). */
int amz_report_exit_status(const struct amz_run_summary *s);

/* One line of at most `width` columns without newline: bar, share, counts, failures, rate, ETA. */
void amz_report_progress_bar(const struct amz_run_progress *p, size_t width, struct amz_buf *out);
/* The same as a plain log line. */
void amz_report_progress_line(const struct amz_run_progress *p, struct amz_buf *out);
/* Several lines, for `status`: the same in full. */
void amz_report_status(const struct amz_run_progress *p, struct amz_buf *out);
/* \return "running", "finished" …; never NULL. */
const char *amz_run_state_name(enum amz_run_state state);
/* \return share of tasks with an outcome in whole percent, rounded down so that 100 means all; 100 when there are none. */
unsigned amz_report_percent(const struct amz_run_progress *p);
/* Appends a path as one word for a shell, harmless on a terminal: plain ones stay plain, others go into quotes. */
void amz_report_path(const char *path, struct amz_buf *out);
/* Several lines: what was done, how well, which were the slowest, what failed and how to look at it, where the outputs are, how
 * to go on. */
void amz_report_summary(const struct amz_run_summary *s, struct amz_buf *out);

/* What was reduced, without newline: "sum 5050 of 100 tasks". */
void amz_report_reduced(enum amz_reduce op, const struct amz_reduced *reduced, struct amz_buf *out);
/* The same as a JSON object and a newline: op, tasks, values (numbers; null where JSON has none), exact (texts that lose no bit).
 * \return AMZ_OK; AMZ_ENOMEM. */
int amz_report_reduced_json(enum amz_reduce op, const struct amz_reduced *reduced, struct amz_buf *out);

/* One JSON object and a newline. In JSON, as in the contract, `succeeded` counts skipped tasks too, so that succeeded, failed and
 * not_run sum up to the total; `skipped` says how many of them. \return AMZ_OK; AMZ_ENOMEM. */
int amz_report_summary_json(const struct amz_run_summary *s, struct amz_buf *out);
int amz_report_status_json(const struct amz_run_progress *p, struct amz_buf *out);

/* Reads what amz_report_status_json wrote. Strings go into *text, which must outlive *ret. \return AMZ_OK; AMZ_ECORRUPT;
 * AMZ_ENOMEM. */
int amz_report_status_parse(const char *json, size_t n, struct amz_buf *text, struct amz_run_progress *ret);

#endif
