/* The master's invariants, for tests. */
#ifndef AMZ_SRC_SCHED_CHECK_H
#define AMZ_SRC_SCHED_CHECK_H

#include <amorsize/sched.h>

/* Rechecks every invariant from scratch: linear in tasks and ranks. \return NULL, or what is broken (constant text). */
const char *amz_master_check(const struct amz_master *m);

#endif
