/* GPUs of this process, and those of its slots. */
#ifndef AMZ_RUN_DEVICES_H
#define AMZ_RUN_DEVICES_H

#include <amorsize/error.h>
#include <amorsize/gpus.h>

#include "run.h"

/* Reads the GPUs that the batch system, or the user, made visible to us. \return AMZ_OK; AMZ_ENOMEM with *err. */
int amz_devices_read(struct amz_gpus *ret, struct amz_error *err);

/* Leaves no more slots than can have GPUs of their own. `most`: how many can; `gpus`: how many there are; `where` says where,
 * for messages.
 * \return AMZ_OK; AMZ_EENV with *err: not even one can. */
int amz_devices_fit(struct amz_layout *layout, uint32_t per_slot, uint32_t most, uint32_t gpus, const char *where,
                    const struct amz_run_observer *observer, struct amz_error *err);

#endif
