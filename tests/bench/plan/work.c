/* Tasks for plan.py. They do a fixed amount of work rather than work for a fixed time, so that busy neighbours show.
 *   work spin MEGA              MEGA million turns of dependent arithmetic
 *   work triad MIB PASSES       a = b + s·c over three arrays of MIB MiB, PASSES times
 *   work omp MEGA SERIAL        the same turns as spin, all but the share SERIAL of them spread over OpenMP's threads
 *   work rate                   prints the seconds that a million turns take here, the fastest of a few tries */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static uint64_t spin(double mega, uint64_t x)
{
  for (uint64_t i = (uint64_t)(mega * 1e6); i > 0; i--)
    x = x * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
  return x;
}

static uint64_t omp(double mega, double serial)
{
  const int parts = 240; /* divisible by many counts of threads */
  uint64_t sum = spin(mega * serial, 1);

#pragma omp parallel for schedule(static) reduction(^ : sum)
  for (int i = 0; i < parts; i++)
    sum ^= spin(mega * (1 - serial) / parts, (uint64_t)i);
  return sum;
}

static double triad(double mib, double passes)
{
  size_t n = (size_t)(mib * 1048576 / sizeof(double));
  double *a = malloc(n * sizeof *a), *b = malloc(n * sizeof *b), *c = malloc(n * sizeof *c), last;

  if (!a || !b || !c || n == 0) {
    fprintf(stderr, "work: no memory for 3 × %g MiB\n", mib);
    exit(1);
  }
  for (size_t i = 0; i < n; i++)
    a[i] = b[i] = c[i] = (double)i;
  for (double p = 0; p < passes; p++)
    for (size_t i = 0; i < n; i++)
      a[i] = b[i] + (p + 1) * c[i];
  last = a[n - 1];
  free(a);
  free(b);
  free(c);
  return last;
}

static double now_s(void)
{
  struct timespec t = {0, 0};

  (void)clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static uint64_t rate(void)
{
  double best = 1e9;
  uint64_t x = 1;

  for (int i = 0; i < 15; i++) {
    double began = now_s(), took;

    x = spin(40, x);
    took = now_s() - began;
    best = took < best ? took : best;
  }
  printf("%.9f\n", best / 40);
  return x;
}

int main(int argc, char **argv)
{
  const char *what = argc > 1 ? argv[1] : "";
  double first = argc > 2 ? atof(argv[2]) : 0, second = argc > 3 ? atof(argv[3]) : 0;
  volatile uint64_t kept;

  if (strcmp(what, "spin") == 0)
    kept = spin(first, 1);
  else if (strcmp(what, "triad") == 0)
    kept = (uint64_t)triad(first, second);
  else if (strcmp(what, "omp") == 0)
    kept = omp(first, second);
  else if (strcmp(what, "rate") == 0)
    kept = rate();
  else
    return fprintf(stderr, "work: spin MEGA | triad MIB PASSES | omp MEGA SERIAL | rate\n"), 2;
  (void)kept;
  return 0;
}
