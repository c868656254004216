/* The run's order, from what is left to do. */
#ifndef AMZ_RUN_ORDER_H
#define AMZ_RUN_ORDER_H

#include <amorsize/job.h>
#include <amorsize/sched.h>

/* \return AMZ_OK; AMZ_ENOMEM; AMZ_EINVAL: as amz_order_new. */
int amz_run_order(const struct amz_job *job, const struct amz_range *left, size_t n, struct amz_order **ret) AMZ_MUST_CHECK;

#endif
