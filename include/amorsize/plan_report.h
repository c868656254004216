/* A plan in words and as JSON. Pure. */
#ifndef AMORSIZE_PLAN_REPORT_H
#define AMORSIZE_PLAN_REPORT_H

#include <amorsize/buf.h>
#include <amorsize/error.h>
#include <amorsize/plan.h>
#include <amorsize/report.h>

/* What a plan was made from and what came of it; all borrowed. */
struct amz_plan_report {
  const char *job;
  const struct amz_plan_input *input;
  const struct amz_plan *plan;
  size_t history_runs;      /* tasks' costs come from so many earlier runs; 0: they don't */
  int64_t history_latest_s; /* when the latest of them ended, seconds since the epoch */
};

/* At most six lines: the layout, what it will take, why, the bound that matters most. */
void amz_report_plan(const struct amz_plan_report *r, struct amz_buf *out);
/* In full, seven sections: workload analysis, system resources, optimization decision, performance prediction, rejected
 * alternatives, active constraints, recommendations. */
void amz_report_plan_explain(const struct amz_plan_report *r, struct amz_buf *out);
/* One JSON object and a newline, with everything. \return AMZ_OK; AMZ_ENOMEM. */
int amz_report_plan_json(const struct amz_plan_report *r, struct amz_buf *out);

/* The options of `run` and `resume` that carry the plan out: "--ranks 2 --slots 4 --threads 1". */
void amz_report_plan_options(const struct amz_plan_report *r, struct amz_buf *out);

/* A plan that a run has made of itself from its first tasks, or from what was known of them; all borrowed. */
struct amz_plan_told {
  struct amz_plan_report report;
  struct amz_prediction predicted; /* of the launch, with what has passed of it */
  size_t sampled;              /* tasks that were looked at */
  const char *node;            /* where the nodes' numbers come from: "measured", "assumed"; static */
};
/* At most six lines: the layout, what it will take, why, what bounds it, from how many tasks on it pays, where the numbers come
 * from. */
void amz_report_plan_brief(const struct amz_plan_told *t, struct amz_buf *out);

/* A plan as a file (plan.yaml) that a run can be given, with the keys of a job description as far as it has them; all
 * borrowed. */
struct amz_plan_file {
  const char *job;             /* NULL: not said */
  struct amz_plan_layout layout;
  const char *policy;
  int64_t target_ns;           /* of chunks; 0: not said */
  struct amz_prediction predicted;
  uint64_t tasks;              /* that it is of; 0: not said */
  double task_s, task_stddev_s; /* of one of them; mean 0: not said */
  double speedup, efficiency;  /* as predicted; 0: not said */
  const char *why;             /* NULL: not said; as all that follows */
  const char *costs, *node;    /* where the tasks' times and the nodes' numbers come from: "sampled" */
};
void amz_report_plan_file(const struct amz_plan_file *f, struct amz_buf *out);

/* A complete batch script for Slurm that runs the job with the plan's layout. */
struct amz_sbatch {
  const char *job;          /* the name */
  const char *program;      /* what calls us, quoted as a shell wants it; NULL: `amorsize-mpi` */
  const char *command;      /* what follows `amorsize-mpi`, "run job.yaml" or "resume job.runs/001", quoted as a shell wants it */
  const char *partition, *account; /* NULL: not given */
  const char *const *extra; /* further options, each one #SBATCH line, as they are */
  size_t n_extra;
  bool requeue;
};
void amz_report_plan_sbatch(const struct amz_plan_report *r, const struct amz_sbatch *s, struct amz_buf *out);

#endif
