/* A stream's program that computes as long as its line says, in microseconds, and then answers with the line.
 * usage: stream_echo RATE < LINES   RATE: rounds of its loop per microsecond, as `stream_echo calibrate` prints it (the best of
 * many, so that a busy machine counts as lost time, not as a slow one) */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define TRIES 200
#define ROUNDS 100000u

static void compute(uint64_t rounds)
{
  for (volatile uint64_t i = 0; i < rounds; i++)
    ;
}

static double now_us(void)
{
  struct timespec ts = {0, 0};

  (void)clock_gettime(CLOCK_MONOTONIC, &ts);
  return (double)ts.tv_sec * 1e6 + (double)ts.tv_nsec * 1e-3;
}

static double calibrate(void)
{
  double best_us = 1e9;

  for (int i = 0; i < TRIES; i++) {
    double from_us = now_us(), took_us;

    compute(ROUNDS);
    took_us = now_us() - from_us;
    best_us = took_us < best_us ? took_us : best_us;
  }
  return ROUNDS / best_us;
}

int main(int argc, char **argv)
{
  char line[256];
  double rate;

  if (argc != 2)
    return 2;
  if (strcmp(argv[1], "calibrate") == 0)
    return printf("%.3f\n", calibrate()) < 0;
  rate = strtod(argv[1], NULL);
  while (fgets(line, sizeof line, stdin)) {
    compute((uint64_t)(strtod(line, NULL) * rate));
    if (fputs(line, stdout) == EOF || fflush(stdout) == EOF)
      return 1;
  }
  return 0;
}
