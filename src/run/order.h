/* The run's order, from what is left to do. */
#ifndef AMZ_RUN_ORDER_H
#define AMZ_RUN_ORDER_H

#include <amorsize/job.h>
#include <amorsize/sched.h>

/* The first n_first ranges stand as they are, the others by their weights if they have any.
 * \return AMZ_OK; AMZ_ENOMEM; AMZ_EINVAL: as amz_order_new. */
int amz_run_order(const struct amz_job *job, const struct amz_range *left, size_t n, size_t n_first,
                  struct amz_order **ret) AMZ_MUST_CHECK;

/* Puts a sample of `want` tasks, drawn from all that is left (ranges by ascending index), in front of the rest.
 * \return AMZ_OK with an array (free it) of the same tasks, *ret_first of its ranges are the sample; AMZ_ENOMEM. */
int amz_run_draw(const struct amz_job *job, const struct amz_range *left, size_t n, uint64_t want, uint64_t seed,
                 struct amz_range **ret, size_t *ret_n, size_t *ret_first);

/* Draws tasks for a sample out of those that are left, one out of each of `want` equal parts of them in the run's order: by
 * weight where tasks have any, so that light and heavy ones are among them, else along the list. \return as amz_sample_draw
 * (sampling.h), or amz_run_order. */
int amz_run_sample(const struct amz_job *job, const struct amz_range *left, size_t n, uint64_t want, uint64_t seed,
                   struct amz_range **ret,
                   size_t *ret_n) AMZ_MUST_CHECK;

#endif
