/* The batch job that a run is part of: when it ends, and going on in another turn of it. */
#ifndef AMZ_RUN_BATCH_H
#define AMZ_RUN_BATCH_H

#include <stdint.h>

#include <amorsize/error.h>

/* Asks the batch system when the job ends, if this process is a run's first: alone, or rank 0 of a launch. Before MPI_Init.
 * \return AMZ_OK with *ret_end_s in seconds since the epoch, 0: not known; negative with *err: it gave no answer (*ret_end_s
 * is 0). */
int amz_batch_end(int64_t *ret_end_s, struct amz_error *err);

/* Notes in a new run's directory which job of Slurm's it belongs to; does nothing outside of one.
 * \return AMZ_OK; AMZ_EIO, AMZ_ENOMEM with *err. */
int amz_batch_mark(const char *dir, struct amz_error *err);

#endif
