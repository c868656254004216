/* How many slots and threads, from the settings and the cores that are ours. Pure. */
#ifndef AMZ_RUN_LAYOUT_H
#define AMZ_RUN_LAYOUT_H

#include <amorsize/job.h>

#include "run.h"

/* What the user fixed holds (slots may exceed the cores); else one slot per `threads` cores, at most plan.max_workers, at most
 * one per task. */
void amz_layout_choose(const struct amz_settings *settings, uint32_t cores, uint64_t tasks, struct amz_layout *ret);

/* \return slots of a rank with this layout that tasks of another number of threads can have: as many as fit into its cores, or
 * into as many as the layout takes where those are more (the user may say so); at least one, at most its slots. */
uint32_t amz_layout_fit(const struct amz_layout *layout, uint32_t cores, uint32_t threads);

/* \return slots that a rank may have while it runs: what its arrays and its helper are made for. */
uint32_t amz_layout_capacity(const struct amz_layout *layout);

/* Gives a rank room for more slots than cores, if the planner may choose their number: tasks that wait for I/O leave their cores
 * to others. */
void amz_layout_make_room(const struct amz_settings *settings, uint64_t tasks, struct amz_layout *layout);

#endif
