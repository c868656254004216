/* Which programs a job's tasks start, by their content. */
#ifndef AMZ_HISTORY_PROGRAM_H
#define AMZ_HISTORY_PROGRAM_H

#include <amorsize/buf.h>
#include <amorsize/environment.h>
#include <amorsize/error.h>
#include <amorsize/job.h>

/* Appends a line for each program that can be told: the word that names it, its size, the digest of its content.
 * \return AMZ_OK; AMZ_ENOMEM; AMZ_EINVAL with *err: the values of the first or the last task don't do. */
int amz_history_programs(const struct amz_job *job, const struct amz_environment *env, struct amz_buf *out,
                         struct amz_error *err);

#endif
