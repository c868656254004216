/* The history in words and as JSON. Pure. */
#ifndef AMORSIZE_HISTORY_REPORT_H
#define AMORSIZE_HISTORY_REPORT_H

#include <stddef.h>

#include <amorsize/buf.h>
#include <amorsize/error.h>
#include <amorsize/history.h>

/* All runs of a job that are kept, n >= 1, in the order in which they were added. Where costs aren't shown, runs may come without
 * observations. */
struct amz_history_job {
  char id[AMZ_HISTORY_ID];
  char *key;                    /* owned by whoever holds the struct, */
  struct amz_history_run *runs; /* as these */
  size_t n, cap;
};

/* A line for each job, its latest run, and a head above them; nothing for no jobs. */
void amz_report_history_list(const struct amz_history_job *jobs, size_t n, struct amz_buf *out);

/* What is known of a job: by what it is known again, its runs, whether its costs have changed, how good predictions were, what a
 * plan would start from. `work`: that, NULL: there is nothing; `runs`: it comes from. */
void amz_report_history_job(const struct amz_history_job *job, const struct amz_workload *work, size_t runs, struct amz_buf *out);

/* The same as JSON without a newline: of the list an object with the latest run, of a job one with all. \return AMZ_OK;
 * AMZ_ENOMEM. */
int amz_report_history_list_json(const struct amz_history_job *job, struct amz_buf *out);
int amz_report_history_job_json(const struct amz_history_job *job, const struct amz_workload *work, size_t runs,
                                struct amz_buf *out);

/* Predicted over measured makespan, less 1: 0.03 when it took 3 % less than was predicted. \return NAN: there was no
 * prediction. */
double amz_history_off(const struct amz_history_outcome *o);

#endif
