/* What earlier launches of a run have shown of its tasks: a run that goes on needs no sample of what it has sampled. */
#ifndef AMZ_RUN_LOOK_BACK_H
#define AMZ_RUN_LOOK_BACK_H

#include <stddef.h>
#include <stdint.h>

#include <amorsize/error.h>
#include <amorsize/job.h>
#include <amorsize/sched.h>
#include <amorsize/store.h>
#include <amorsize/workload.h>

struct amz_look_back {
  const struct amz_job *job;
  const char *dir;              /* the run directory */
  struct amz_store *store;      /* nothing has been recorded by this launch */
  const struct amz_range *left; /* what isn't recorded, ascending */
  size_t n_left;
  uint32_t threads;             /* that tasks were given; 0: it differed, and isn't recorded */
  uint64_t most;                /* observations that are wanted */
};

/* The sample that was kept (sample.json), as far as its tasks are recorded; where there is none, as the launch was killed, those
 * that were started first: a run begins with its sample. How many were busy beside a task is then what the others' times say.
 * Failed tasks are left out.
 * \return AMZ_OK with an array (free it), of none when nothing is known; AMZ_ENOMEM. */
int amz_look_back(const struct amz_look_back *l, struct amz_observation **ret, size_t *ret_n);

#endif
