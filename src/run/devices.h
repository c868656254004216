/* GPUs of this process, and those of its slots. */
#ifndef AMZ_RUN_DEVICES_H
#define AMZ_RUN_DEVICES_H

#include <amorsize/cores.h>
#include <amorsize/error.h>
#include <amorsize/gpus.h>

#include "run.h"
#include "team.h"

/* Reads the GPUs that the batch system, or the user, made visible to us. \return AMZ_OK; AMZ_ENOMEM with *err. */
int amz_devices_read(struct amz_gpus *ret, struct amz_error *err);

/* Leaves no more slots than can have GPUs of their own. `most`: how many can; `gpus`: how many there are; `where` says where,
 * for messages.
 * \return AMZ_OK; AMZ_EENV with *err: not even one can. */
int amz_devices_fit(struct amz_layout *layout, uint32_t per_slot, uint32_t most, uint32_t gpus, const char *where,
                    const struct amz_run_observer *observer, struct amz_error *err);

/* Chooses the GPUs of each slot of each rank by where both are (amz_gpus_of_slots), ranks that see the same GPUs together. Fills
 * slot_gpus of the orders, whose slots, threads and cores are given; they point into *ret (free it), which is for as long as they
 * are.
 * \return AMZ_OK; AMZ_ERANGE: more slots than GPUs; AMZ_ENOMEM. */
int amz_devices_share(const struct amz_team *team, struct amz_order_of_work *orders, uint32_t per_slot, uint32_t **ret);
/* The same for a process alone: *ret has layout->slots · per_slot positions in gpus. */
int amz_devices_share_alone(const struct amz_cores *cores, const struct amz_gpus *gpus, const struct amz_layout *layout,
                            uint32_t per_slot, uint32_t **ret);

#endif
