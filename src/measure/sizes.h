/* How many ranks are launched on a node to see what that costs. Pure. */
#ifndef AMZ_MEASURE_SIZES_H
#define AMZ_MEASURE_SIZES_H

#include <stddef.h>
#include <stdint.h>

#include <amorsize/measure.h>

#define AMZ_LAUNCH_SIZES_MOST 7

/* Ascending, with 2 among them. By default 1, 2 and as many as there are cores, but 4 at least and 16 at most; else powers of two
 * up to the cores, but 4 at least and 64 at most. \return how many. */
size_t amz_launch_sizes(uint32_t cores, enum amz_effort effort, uint32_t ret[AMZ_LAUNCH_SIZES_MOST]);

#endif
