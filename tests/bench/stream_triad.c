/* The reference for our own triad: the loops of stream_loops.c, best of the passes; with "streaming", the one whose stores pass
 * the caches by. The arrays follow each other as STREAM's own do, 1024 bytes further on in their pages than the one before (10
 * million elements each): arrays that begin at the same place of a page get into each other's way. Prints bytes per second, 24 an
 * element.
 *
 * With "pairs", our own loops and those, turn and turn about on each of many slices of the same arrays. A slice takes a tenth of
 * a millisecond, which on a busy machine is often left undisturbed where a pass of 10 ms never is; the arrays are as large as
 * ever, so that no slice is found in a cache again. Prints a line for each kind of stores: name, ours, the reference's from the
 * best time of each slice, then both from the quartiles of the times. usage: stream_triad MIB-PER-ARRAY PASSES [streaming|pairs];
 * threads by OMP_NUM_THREADS; one more pass isn't counted. */
#include <omp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../src/node/measure_kernels.h"
#include "stream_loops.h"

#define FURTHER 1024
#define LINE 8 /* elements */

struct arrays {
  double *a, *b, *c;
  long n;
};

/* As the loops share it out, so that who uses it touches it first. */
static void fill(const struct arrays *x, long from, long n)
{
#pragma omp parallel for schedule(static)
  for (long i = from; i < from + n; i++) {
    x->a[i] = 0;
    x->b[i] = 1;
    x->c[i] = 2;
  }
}

static double best_rate(const struct arrays *x, long passes, stream_loop *loop)
{
  double best = 0;

  for (long pass = 0; pass <= passes; pass++) { /* the first isn't counted */
    double begin = omp_get_wtime(), rate;

    loop(x->a, x->b, x->c, 3, x->n);
    rate = 24 * (double)x->n / (omp_get_wtime() - begin);
    if (pass > 0 && rate > best)
      best = rate;
  }
  return best;
}

/* ---- pairs -------------------------------------------------------------------------------------------------------------- */

static void share_out(amz_triad_kernel *kernel, double *a, const double *b, const double *c, double s, long n)
{
#pragma omp parallel
  {
    long lines = n / LINE, threads = omp_get_num_threads(), i = omp_get_thread_num();
    long from = lines * i / threads * LINE, to = lines * (i + 1) / threads * LINE;

    kernel(a + from, b + from, c + from, s, (size_t)(to - from));
  }
}

static void our_ordinary(double *a, const double *b, const double *c, double s, long n)
{
  share_out(amz_triad_ordinary, a, b, c, s, n);
}

static void our_streaming(double *a, const double *b, const double *c, double s, long n)
{
  share_out(amz_triad_streaming, a, b, c, s, n);
}

enum { LOOPS = 4, SLICES = 64 };
static stream_loop *const loops[LOOPS] = {our_ordinary, stream_ordinary, our_streaming, stream_passing_by};

static int by_size(const void *a, const void *b)
{
  double x = *(const double *)a, y = *(const double *)b;

  return (x > y) - (x < y);
}

/* Seconds of all slices: of each, the time that a share `at` of its passes stays below. */
static double seconds(double *times, long passes, double at)
{
  double sum = 0;

  for (long slice = 0; slice < SLICES; slice++) {
    qsort(times + slice * passes, (size_t)passes, sizeof *times, by_size);
    sum += times[slice * passes + (long)(at * (double)(passes - 1))];
  }
  return sum;
}

static int print_pairs(const struct arrays *x, long passes)
{
  static const char *const names[] = {"ordinary", "streaming"};
  long each = x->n / SLICES / LINE * LINE;
  double bytes = 24 * (double)each * SLICES, *times = malloc(LOOPS * SLICES * (size_t)passes * sizeof *times);

  if (!times)
    return 3;
  for (long pass = -1; pass < passes; pass++)
    for (long loop = 0; loop < LOOPS; loop++)
      for (long slice = 0; slice < SLICES; slice++) {
        double begin = omp_get_wtime();

        loops[loop](x->a + slice * each, x->b + slice * each, x->c + slice * each, 3, each);
        if (pass >= 0)
          times[(loop * SLICES + slice) * passes + pass] = omp_get_wtime() - begin;
      }
  for (long kind = 0; kind < LOOPS / 2; kind++) {
    double *ours = times + 2 * kind * SLICES * passes, *theirs = ours + SLICES * passes;

    printf("%s %.6g %.6g %.6g %.6g\n", names[kind], bytes / seconds(ours, passes, 0), bytes / seconds(theirs, passes, 0),
           bytes / seconds(ours, passes, 0.25), bytes / seconds(theirs, passes, 0.25));
  }
  free(times);
  return 0;
}

/* ---- all of it ---------------------------------------------------------------------------------------------------------- */

static int run(const struct arrays *x, long passes, const char *what)
{
  long each = x->n / SLICES / LINE * LINE;

  if (strcmp(what, "pairs") != 0) {
    fill(x, 0, x->n);
    printf("%.6g\n", best_rate(x, passes, strcmp(what, "streaming") == 0 ? stream_passing_by : stream_ordinary));
    return 0;
  }
  for (long slice = 0; slice < SLICES; slice++)
    fill(x, slice * each, each);
  return print_pairs(x, passes);
}

int main(int argc, char **argv)
{
  long n = argc >= 3 ? atol(argv[1]) * (1 << 20) / (long)sizeof(double) : 0, passes = n > 0 ? atol(argv[2]) : 0;
  struct arrays x = {.n = n};
  int rc;

  if (n < 1 || passes < 1 || argc > 4) {
    (void)fprintf(stderr, "usage: stream_triad MIB-PER-ARRAY PASSES [streaming|pairs]\n");
    return 2;
  }
  x.a = aligned_alloc(4096, 3 * (size_t)n * sizeof *x.a + 4096);
  if (!x.a)
    return 3;
  x.b = x.a + n + FURTHER / sizeof *x.b;
  x.c = x.b + n + FURTHER / sizeof *x.c;
  rc = run(&x, passes, argc == 4 ? argv[3] : "ordinary");
  if (rc == 0 && (x.a[n / 2] < 6.9 || x.a[n / 2] > 7.1))
    rc = 4;
  free(x.a);
  return rc;
}
