/* The clocks of the shell; pure rooms are given the time. */
#include "clock.h"

#include <inttypes.h>
#include <stdio.h>
#include <time.h>

static int64_t read_clock(clockid_t clock)
{
  struct timespec t = {0, 0};

  (void)clock_gettime(clock, &t); /* these clocks are always there */
  return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

int64_t amz_clock_monotonic_ns(void)
{
  return read_clock(CLOCK_MONOTONIC);
}

int64_t amz_clock_realtime_ns(void)
{
  return read_clock(CLOCK_REALTIME);
}

struct amz_cpu_time amz_clock_cpu(void)
{
  struct amz_cpu_time t = {read_clock(CLOCK_THREAD_CPUTIME_ID), 0};
  FILE *f = fopen("/proc/thread-self/schedstat", "re");

  if (f && fscanf(f, "%*d %" SCNd64, &t.missed_ns) != 1)
    t.missed_ns = 0;
  if (f)
    (void)fclose(f);
  return t;
}
