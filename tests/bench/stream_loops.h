/* STREAM's triad a[i] = b[i] + s·c[i] as anybody would write it, shared out among OpenMP's threads. */
#ifndef AMZ_BENCH_STREAM_LOOPS_H
#define AMZ_BENCH_STREAM_LOOPS_H

typedef void stream_loop(double *a, const double *b, const double *c, double s, long n);

stream_loop stream_ordinary;
/* With stores that pass the caches by, where there are any; n is a multiple of 8, a is aligned to 64 bytes. */
stream_loop stream_passing_by;

#endif
