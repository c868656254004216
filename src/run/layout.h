/* How many slots and threads, from the settings and the cores that are ours. Pure. */
#ifndef AMZ_RUN_LAYOUT_H
#define AMZ_RUN_LAYOUT_H

#include <amorsize/job.h>

#include "run.h"

/* What the user fixed holds (slots may exceed the cores); else one slot per `threads` cores, at most plan.max_workers, at most one per task. */
void amz_layout_choose(const struct amz_settings *settings, uint32_t cores, uint64_t tasks, struct amz_layout *ret);

#endif
