/* Kernels. They stand apart from their callers, so that no compiler sees that their results are not used.
 *
 * The triad is written with SSE2 where there is SSE2, as every x86-64 has it, and its non-temporal stores need no line to be read
 * before it is written. One core alone is held up by the number of its loads and stores as well as by memory, so where the
 * processor has AVX, four elements go at a time instead of two: what tasks get that were compiled for it. None of it depends on
 * the compiler's flags. */
#include "measure_kernels.h"

#if defined __SSE2__ && defined __GNUC__
#include <immintrin.h>

/* ---- two elements at a time ------------------------------------------------------------------------------------------- */

void amz_triad_ordinary_sse2(double *a, const double *b, const double *c, double s, size_t n)
{
  __m128d v = _mm_set1_pd(s);

  for (size_t i = 0; i < n; i += 4) {
    _mm_store_pd(a + i, _mm_add_pd(_mm_load_pd(b + i), _mm_mul_pd(v, _mm_load_pd(c + i))));
    _mm_store_pd(a + i + 2, _mm_add_pd(_mm_load_pd(b + i + 2), _mm_mul_pd(v, _mm_load_pd(c + i + 2))));
  }
}

/* A whole line at a time: what is written piecemeal between other loads may leave the write-combining buffer half full. */
void amz_triad_streaming_sse2(double *a, const double *b, const double *c, double s, size_t n)
{
  __m128d v = _mm_set1_pd(s);

  for (size_t i = 0; i < n; i += 8) {
    __m128d r0 = _mm_add_pd(_mm_load_pd(b + i), _mm_mul_pd(v, _mm_load_pd(c + i)));
    __m128d r1 = _mm_add_pd(_mm_load_pd(b + i + 2), _mm_mul_pd(v, _mm_load_pd(c + i + 2)));
    __m128d r2 = _mm_add_pd(_mm_load_pd(b + i + 4), _mm_mul_pd(v, _mm_load_pd(c + i + 4)));
    __m128d r3 = _mm_add_pd(_mm_load_pd(b + i + 6), _mm_mul_pd(v, _mm_load_pd(c + i + 6)));

    _mm_stream_pd(a + i, r0);
    _mm_stream_pd(a + i + 2, r1);
    _mm_stream_pd(a + i + 4, r2);
    _mm_stream_pd(a + i + 6, r3);
  }
  _mm_sfence();
}

/* ---- four ------------------------------------------------------------------------------------------------------------- */

__attribute__((target("avx"))) static void ordinary_avx(double *a, const double *b, const double *c, double s, size_t n)
{
  __m256d v = _mm256_set1_pd(s);

  for (size_t i = 0; i < n; i += 8) {
    _mm256_store_pd(a + i, _mm256_add_pd(_mm256_load_pd(b + i), _mm256_mul_pd(v, _mm256_load_pd(c + i))));
    _mm256_store_pd(a + i + 4, _mm256_add_pd(_mm256_load_pd(b + i + 4), _mm256_mul_pd(v, _mm256_load_pd(c + i + 4))));
  }
}

__attribute__((target("avx"))) static void streaming_avx(double *a, const double *b, const double *c, double s, size_t n)
{
  __m256d v = _mm256_set1_pd(s);

  for (size_t i = 0; i < n; i += 8) {
    __m256d r0 = _mm256_add_pd(_mm256_load_pd(b + i), _mm256_mul_pd(v, _mm256_load_pd(c + i)));
    __m256d r1 = _mm256_add_pd(_mm256_load_pd(b + i + 4), _mm256_mul_pd(v, _mm256_load_pd(c + i + 4)));

    _mm256_stream_pd(a + i, r0);
    _mm256_stream_pd(a + i + 4, r1);
  }
  _mm_sfence();
}

/* ---- which ------------------------------------------------------------------------------------------------------------ */

void amz_triad_ordinary(double *a, const double *b, const double *c, double s, size_t n)
{
  (__builtin_cpu_supports("avx") ? ordinary_avx : amz_triad_ordinary_sse2)(a, b, c, s, n);
}

void amz_triad_streaming(double *a, const double *b, const double *c, double s, size_t n)
{
  (__builtin_cpu_supports("avx") ? streaming_avx : amz_triad_streaming_sse2)(a, b, c, s, n);
}

unsigned amz_triad_bus_bytes(void)
{
  return 24;
}

const char *amz_triad_method(void)
{
  return "non-temporal stores: 24 bytes an element";
}

#else

void amz_triad_ordinary(double *restrict a, const double *restrict b, const double *restrict c, double s, size_t n)
{
  for (size_t i = 0; i < n; i += 4) {
    a[i] = b[i] + s * c[i];
    a[i + 1] = b[i + 1] + s * c[i + 1];
    a[i + 2] = b[i + 2] + s * c[i + 2];
    a[i + 3] = b[i + 3] + s * c[i + 3];
  }
}

void amz_triad_streaming(double *a, const double *b, const double *c, double s, size_t n)
{
  amz_triad_ordinary(a, b, c, s, n);
}

void amz_triad_ordinary_sse2(double *a, const double *b, const double *c, double s, size_t n)
{
  amz_triad_ordinary(a, b, c, s, n);
}

void amz_triad_streaming_sse2(double *a, const double *b, const double *c, double s, size_t n)
{
  amz_triad_ordinary(a, b, c, s, n);
}

unsigned amz_triad_bus_bytes(void)
{
  return AMZ_ORDINARY_BUS_BYTES;
}

const char *amz_triad_method(void)
{
  return "write-allocate counted: 32 bytes an element";
}

#endif

void *amz_chase_run(void *chain, uint64_t steps)
{
  void **p = chain;

  for (; steps >= 8; steps -= 8)
    p = *(void **)*(void **)*(void **)*(void **)*(void **)*(void **)*(void **)*p;
  for (; steps > 0; steps--)
    p = *p;
  return p;
}

double amz_spin_run(uint64_t rounds)
{
  double x[AMZ_SPIN_CHAINS], sum = 0;

  for (int i = 0; i < AMZ_SPIN_CHAINS; i++)
    x[i] = 1 + i;
  for (uint64_t r = 0; r < rounds; r++)
    for (int i = 0; i < AMZ_SPIN_CHAINS; i++)
      x[i] = x[i] * 0.999999 + 0.000001 * AMZ_SPIN_CHAINS; /* towards 8: neither grows nor becomes denormal */
  for (int i = 0; i < AMZ_SPIN_CHAINS; i++)
    sum += x[i];
  return sum;
}
