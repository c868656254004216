/* What the task list tells of tasks that haven't run: their weights and places, for predictions (amz_workload_foresee). */
#ifndef AMZ_RUN_OUTLOOK_H
#define AMZ_RUN_OUTLOOK_H

#include <stddef.h>
#include <stdint.h>

#include <amorsize/error.h>
#include <amorsize/job.h>
#include <amorsize/sched.h>
#include <amorsize/workload.h>

/* Fills in the observations' weights; nothing for a job without. */
void amz_outlook_weigh(const struct amz_job *job, struct amz_observation *seen, size_t n);

/* Foresees the tasks of an order from position `from` on, in its sequence, where weights or places tell of their times. `w` is
 * the fit of weighed observations, whose w->tasks are the whole job's. Takes milliseconds: of a long list, some tasks of each
 * part are looked at.
 * \return as amz_workload_foresee. */
int amz_outlook_foresee(const struct amz_job *job, const struct amz_order *order, uint64_t from, struct amz_workload *w);

/* Ranges of all tasks but those that were seen. \return AMZ_OK with *ret (free it) of *ret_n, AMZ_ENOMEM. */
int amz_outlook_left(uint64_t tasks, const struct amz_observation *seen, size_t n, struct amz_range **ret, size_t *ret_n);

#endif
