/* The reference for our own triad: STREAM's formula a[i] = b[i] + s·c[i] as anybody would write it, OpenMP and plain C, best of the passes, compiled as STREAM's
 * users do (-O3 -march=native); or, with "streaming", with stores that pass the caches by, which not every compiler makes of it by itself. The arrays follow
 * each other as STREAM's own do, 1024 bytes further on in their pages than the one before (10 million elements each): arrays that begin at the same place
 * of a page get into each other's way.
 * usage: stream_triad MIB-PER-ARRAY PASSES [streaming]; threads by OMP_NUM_THREADS; one more pass isn't counted. Prints bytes per second, 24 an element. */
#include <omp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#ifdef __SSE2__
#include <immintrin.h>
#endif

#define FURTHER 1024

static void triad(double *restrict a, const double *restrict b, const double *restrict c, double s, long n)
{
#pragma omp parallel for schedule(static)
  for (long i = 0; i < n; i++)
    a[i] = b[i] + s * c[i];
}

#ifdef __AVX__
typedef __m256d words;
#define LOAD _mm256_loadu_pd
#define TRIAD(b, s, c) _mm256_add_pd(b, _mm256_mul_pd(s, c))
#define SPREAD _mm256_set1_pd
#define PASS_BY _mm256_stream_pd
#elif defined __SSE2__
typedef __m128d words;
#define LOAD _mm_loadu_pd
#define TRIAD(b, s, c) _mm_add_pd(b, _mm_mul_pd(s, c))
#define SPREAD _mm_set1_pd
#define PASS_BY _mm_stream_pd
#endif

static void streaming(double *restrict a, const double *restrict b, const double *restrict c, double s, long n)
{
#ifdef PASS_BY
  enum { WORD = sizeof(words) / sizeof(double) };
#pragma omp parallel for schedule(static)
  for (long i = 0; i < n / 8; i++)
    for (long k = 8 * i; k < 8 * i + 8; k += WORD)
      PASS_BY(&a[k], TRIAD(LOAD(&b[k]), SPREAD(s), LOAD(&c[k])));
#else
  triad(a, b, c, s, n);
#endif
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

static double best_rate(double *a, double *b, double *c, long n, long passes, int passing_by)
{
  double best = 0;

  for (long pass = 0; pass <= passes; pass++) { /* the first isn't counted */
    double begin = omp_get_wtime(), rate;

    (passing_by ? streaming : triad)(a, b, c, 3, n);
    rate = 24 * (double)n / (omp_get_wtime() - begin);
    if (pass > 0 && rate > best)
      best = rate;
  }
  return best;
}

int main(int argc, char **argv)
{
  long n = argc >= 3 ? atol(argv[1]) * (1 << 20) / (long)sizeof(double) : 0, passes = n > 0 ? atol(argv[2]) : 0;
  double *a, *b, *c;

  if (n < 1 || passes < 1 || argc > 4) {
    (void)fprintf(stderr, "usage: stream_triad MIB-PER-ARRAY PASSES [streaming]\n");
    return 2;
  }
  a = aligned_alloc(4096, 3 * (size_t)n * sizeof *a + 4096);
  if (!a)
    return 3;
  b = a + n + FURTHER / sizeof *b;
  c = b + n + FURTHER / sizeof *c;
  fill(a, b, c, n);
  printf("%.6g\n", best_rate(a, b, c, n, passes, argc == 4 && strcmp(argv[3], "streaming") == 0));
  if (a[n / 2] < 6.9 || a[n / 2] > 7.1)
    return 4;
  free(a);
  return 0;
}
