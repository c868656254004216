/* Which cores a task gets where tasks differ in threads, so that a slot has none of its own. Pure.
 *
 * Whoever starts tasks sees to it that their threads fit beside what runs (amz_needs); tasks then never share a core. */
#ifndef AMZ_RUN_CARVE_H
#define AMZ_RUN_CARVE_H

#include <amorsize/cores.h>
#include <amorsize/error.h>

struct amz_carver;

/* `cores` is kept, and must outlive it. \return AMZ_OK; AMZ_ENOMEM. Release with amz_carver_free (accepts NULL). */
int amz_carver_new(const struct amz_cores *cores, struct amz_carver **ret);
void amz_carver_free(struct amz_carver *c);

/* Takes `threads` free cores for what starts on a slot, of which the slot had none: side by side where there is such a place, the
 * smallest that suffices. Too few are free, or which cores are ours is open (a quota): all units, as none are kept. *ret_cpus:
 * valid until the next call. */
void amz_carver_take(struct amz_carver *c, uint32_t slot, uint32_t threads, const uint32_t **ret_cpus, size_t *ret_n);
/* What the slot had is free; nothing, if it had none. */
void amz_carver_release(struct amz_carver *c, uint32_t slot);

#endif
