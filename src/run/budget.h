/* What a rank has for its tasks, cores and memory, and whether they fit. Pure, but for what it tells. */
#ifndef AMZ_RUN_BUDGET_H
#define AMZ_RUN_BUDGET_H

#include <stdbool.h>

#include <amorsize/error.h>
#include <amorsize/job.h>
#include <amorsize/sched.h>

#include "run.h"

#define AMZ_ANY_MEMORY UINT64_MAX

/* Of one rank. */
struct amz_budget {
  uint32_t cores;        /* that may be busy */
  uint64_t memory_bytes; /* for its tasks together; AMZ_ANY_MEMORY: nobody knows */
  uint64_t node_bytes;   /* for tasks of all ranks of its node, likewise */
  uint32_t sharers;      /* so many */
};

/* Words for what is told of it. */
struct amz_budget_words {
  const char *source; /* who says how much memory there is; "" when that isn't told */
  const char *where;  /* "here", "on node7" */
};

/* \return whether tasks say what memory they take, so that how much there is matters. */
bool amz_budget_minds_memory(const struct amz_job *job);
/* \return whether it is to be found out what memory tasks take: nobody says, and it isn't ignored. */
bool amz_budget_learns_memory(const struct amz_job *job);
/* \return whether it is to be asked how much memory there is: it matters, or might, and the user may want to know. */
bool amz_budget_asks_memory(const struct amz_job *job);
/* The budget of rank `rank` of `size` that live on a node which has node_bytes for us (0: not known), the headroom taken off.
 * Where all tasks take the same, ranks that share have multiples of that, so that nothing is lost in fractions. */
struct amz_budget amz_budget_of(const struct amz_job *job, uint32_t cores, uint64_t node_bytes, uint32_t rank, uint32_t size);

/* The layout of a rank with so many cores by the settings (layout.h); where threads are a column's, a slot for as many cores as
 * the least of them. */
void amz_budget_layout(const struct amz_job *job, uint32_t cores, uint64_t tasks, struct amz_layout *ret);

/* Leaves no more slots than memory suffices for, and looks whether each of the tasks fits: `tasks` of them, as index ranges. What
 * differs from task to task is not bounded by slots: the worker starts them as they fit (amz_needs). With plan.memory: ignore it
 * is only said what may happen.
 * \return AMZ_OK; AMZ_EENV with *err: a task doesn't fit: which, what it takes, what there is. */
int amz_budget_fit(const struct amz_job *job, const struct amz_budget *budget, const struct amz_budget_words *words,
                   const struct amz_range *tasks, size_t n_tasks,
                   const struct amz_run_observer *observer, struct amz_layout *layout, struct amz_error *err);

/* What the task of an index takes, of a job with needs: cores only where a column says so, no memory where it is ignored.
 * *ret_same as amz_job_need. */
struct amz_need amz_budget_need(const struct amz_job *job, uint64_t index, uint64_t *ret_same);
/* \return the memory that the task of an index takes by resources.memory, ignored or not; 0: nobody says. */
uint64_t amz_budget_said(const struct amz_job *job, uint64_t index);
/* What of the budget there is for that. */
struct amz_need amz_budget_all(const struct amz_job *job, const struct amz_budget *budget);

#endif
