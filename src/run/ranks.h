/* A launch over several ranks: rank 0 divides the work of setting up, the others serve. */
#ifndef AMZ_RUN_RANKS_H
#define AMZ_RUN_RANKS_H

#include "launch.h"

/* A rank that its helper hasn't heard for so long has nothing running any more; the master gives a rank up later than that (90
 * s). */
#define AMZ_HELPER_SILENCE_NS INT64_C(75000000000)

/* Rank 0: waits for the others' words; nothing to do alone. \return AMZ_OK; AMZ_ECLOSED: a signal came, l->signal; AMZ_EENV and
 * others with *err. */
int amz_launch_meet(struct amz_launch *l, struct amz_error *err);
/* Rank 0, its store being open: shares out the cores, tells each what to do; fills in l->layout and
 * l->total_slots. Alone, only the latter. \return AMZ_OK; AMZ_EENV and others with *err. */
int amz_launch_team(struct amz_launch *l, struct amz_error *err);
/* A process alone: fits l->layout to what there is, and fills in l->budget; `tasks` are those that are to be run. \return AMZ_OK;
 * AMZ_EENV: some task doesn't fit; AMZ_ENOMEM with *err. */
int amz_launch_fit(struct amz_launch *l, const struct amz_range *tasks, size_t n, struct amz_error *err);

#endif
