/* What time it is: monotonic for deadlines, real for what is recorded. */
#ifndef AMZ_RUN_CLOCK_H
#define AMZ_RUN_CLOCK_H

#include <stdint.h>

int64_t amz_clock_monotonic_ns(void);
int64_t amz_clock_realtime_ns(void);

/* What the kernel has given the calling thread so far, and what it let it wait for: time in which it could have run and had no
 * CPU (other processes, a quota). Without the kernel's scheduling statistics the second stays 0. */
struct amz_cpu_time {
  int64_t had_ns, missed_ns;
};
struct amz_cpu_time amz_clock_cpu(void);

#endif
