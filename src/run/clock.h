/* What time it is: monotonic for deadlines, real for what is recorded. */
#ifndef AMZ_RUN_CLOCK_H
#define AMZ_RUN_CLOCK_H

#include <stdint.h>

int64_t amz_clock_monotonic_ns(void);
int64_t amz_clock_realtime_ns(void);

#endif
