/* The file `inputs` of a run directory: all that the task list was made from, so that the same list can be made again. */
#ifndef AMZ_RUN_INPUTS_H
#define AMZ_RUN_INPUTS_H

#include <amorsize/buf.h>
#include <amorsize/diag.h>
#include <amorsize/error.h>
#include <amorsize/job.h>

/* Loads a description while recording what its sources answer, and appends the recording's bytes.
 * \return as amz_job_load, or AMZ_EIO with *err (the current directory can't be told); findings go to diags. */
int amz_inputs_load(const struct amz_job_input *input, struct amz_diags *diags, struct amz_buf *ret_bytes,
                    struct amz_job **ret_job,
                    struct amz_error *err);

/* Makes the job again from a recording; appends the directory in which it was started to *ret_cwd.
 * \return AMZ_OK; AMZ_ECORRUPT, AMZ_ENOMEM, AMZ_EINVAL with *err. */
int amz_inputs_replay(const void *bytes, size_t n, struct amz_diags *diags, struct amz_buf *ret_cwd, struct amz_job **ret_job,
                      struct amz_error *err);

/* The recording as it would be had these settings been given, too, behind the others: appends its bytes. They must not change
 * what the tasks are, for their outcomes may have been recorded.
 * \return AMZ_OK; AMZ_EINVAL: findings are in diags; AMZ_ECORRUPT, AMZ_ENOMEM with *err. */
int amz_inputs_amend(const void *bytes, size_t n, const struct amz_set *more, size_t n_more, struct amz_diags *diags,
                     struct amz_buf *ret_bytes, struct amz_error *err);

#endif
