/* The reference for our own triad: STREAM's formula a[i] = b[i] + s·c[i] as anybody would write it, OpenMP and plain C, best of the passes.
 * usage: stream_triad MIB-PER-ARRAY PASSES; threads by OMP_NUM_THREADS. Prints bytes per second, counted as STREAM does: 24 an element. */
#include <omp.h>
#include <stdio.h>
#include <stdlib.h>

static void triad(double *restrict a, const double *restrict b, const double *restrict c, double s, long n)
{
#pragma omp parallel for schedule(static)
  for (long i = 0; i < n; i++)
    a[i] = b[i] + s * c[i];
}

static void fill(double *a, double *b, double *c, long n)
{
#pragma omp parallel for schedule(static)
  for (long i = 0; i < n; i++) {
    a[i] = 0;
    b[i] = 1;
    c[i] = 2;
  }
}

int main(int argc, char **argv)
{
  long n = argc == 3 ? atol(argv[1]) * (1 << 20) / (long)sizeof(double) : 0, passes = argc == 3 ? atol(argv[2]) : 0;
  double *a, *b, *c, best = 0;

  if (n < 1 || passes < 1) {
    (void)fprintf(stderr, "usage: stream_triad MIB-PER-ARRAY PASSES\n");
    return 2;
  }
  a = malloc((size_t)n * sizeof *a);
  b = malloc((size_t)n * sizeof *b);
  c = malloc((size_t)n * sizeof *c);
  if (!a || !b || !c)
    return 3;
  fill(a, b, c, n);
  for (long pass = 0; pass <= passes; pass++) { /* the first isn't counted */
    double begin = omp_get_wtime(), rate;

    triad(a, b, c, 3, n);
    rate = 24 * (double)n / (omp_get_wtime() - begin);
    if (pass > 0 && rate > best)
      best = rate;
  }
  if (a[n / 2] < 6.9 || a[n / 2] > 7.1)
    return 4;
  printf("%.6g\n", best);
  free(a);
  free(b);
  free(c);
  return 0;
}
