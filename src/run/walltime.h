/* When a run inside a batch job must come to its end, so that the batch system needn't end it. Pure. */
#ifndef AMZ_RUN_WALLTIME_H
#define AMZ_RUN_WALLTIME_H

#include <stdint.h>

/* Times on the monotonic clock; all are AMZ_NEVER when the end isn't known. */
struct amz_walltime {
  int64_t drain_ns; /* from now on no new chunks */
  int64_t last_ns;  /* no task runs beyond this */
};

/* From the end of the job and what time it is (seconds since the epoch; end_s 0: not known), the same moment on the
 * monotonic clock, and the grace that running tasks are given. In a job so short that the usual reserve would take more than half
 * of what is left, half is used for tasks. */
struct amz_walltime amz_walltime_plan(int64_t end_s, int64_t real_ns, int64_t now_ns, int64_t grace_ns);

/* \return the grace that can be given now: grace_ns, or less when the end is near. */
int64_t amz_walltime_grace(const struct amz_walltime *w, int64_t now_ns, int64_t grace_ns);

#endif
