/* The reference loops, in a file of their own for flags of their own: -O3 -march=native, as STREAM's users compile it. */
#include "stream_loops.h"

#ifdef __SSE2__
#include <immintrin.h>
#endif

void stream_ordinary(double *restrict a, const double *restrict b, const double *restrict c, double s, long n)
{
#pragma omp parallel for schedule(static)
  for (long i = 0; i < n; i++)
    a[i] = b[i] + s * c[i];
}

#ifdef __AVX__
typedef __m256d word;
#define LOAD _mm256_loadu_pd
#define TRIAD(b, s, c) _mm256_add_pd(b, _mm256_mul_pd(s, c))
#define SPREAD _mm256_set1_pd
#define PASS_BY _mm256_stream_pd
#elif defined __SSE2__
typedef __m128d word;
#define LOAD _mm_loadu_pd
#define TRIAD(b, s, c) _mm_add_pd(b, _mm_mul_pd(s, c))
#define SPREAD _mm_set1_pd
#define PASS_BY _mm_stream_pd
#endif

/* gcc makes no such stores of a plain loop. A line's stores follow each other at once: with loads between them, and a loop around
 * each, a tenth is lost. */
void stream_passing_by(double *restrict a, const double *restrict b, const double *restrict c, double s, long n)
{
#ifdef PASS_BY
  enum { WORD = sizeof(word) / sizeof(double), WORDS = 8 / WORD };
#pragma omp parallel for schedule(static)
  for (long i = 0; i < n / 8; i++) {
    word line[WORDS];

    for (long k = 0; k < WORDS; k++)
      line[k] = TRIAD(LOAD(&b[8 * i + k * WORD]), SPREAD(s), LOAD(&c[8 * i + k * WORD]));
    for (long k = 0; k < WORDS; k++)
      PASS_BY(&a[8 * i + k * WORD], line[k]);
  }
#else
  stream_ordinary(a, b, c, s, n);
#endif
}
