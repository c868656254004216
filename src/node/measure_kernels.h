/* The loops whose speed is measured. */
#ifndef AMZ_NODE_MEASURE_KERNELS_H
#define AMZ_NODE_MEASURE_KERNELS_H

#include <stddef.h>
#include <stdint.h>

/* a[i] = b[i] + s·c[i] for i < n. Arrays are aligned to 64 bytes, n is a multiple of 8. */
typedef void amz_triad_kernel(double *a, const double *b, const double *c, double s, size_t n);

/* With ordinary stores: a processor reads the line before it writes it, so 32 bytes an element cross the bus, of which STREAM
 * counts 24. */
amz_triad_kernel amz_triad_ordinary;
#define AMZ_ORDINARY_BYTES 24u
#define AMZ_ORDINARY_BUS_BYTES 32u

/* The kernel of the bandwidth curve: with stores that pass the caches by where we know how to ask for them, else the ordinary
 * one. */
amz_triad_kernel amz_triad_streaming;
/* What these two are on an x86-64 without AVX, for tests; elsewhere, the same. */
amz_triad_kernel amz_triad_ordinary_sse2, amz_triad_streaming_sse2;
/* Bytes an element that cross the bus with it, and how that is said. */
unsigned amz_triad_bus_bytes(void);
const char *amz_triad_method(void);

/* Follows a chain of pointers. \return where it ends. */
void *amz_chase_run(void *chain, uint64_t steps);

/* Multiplies and adds on registers alone, AMZ_SPIN_OPERATIONS a round, as many at a time as keep a core's arithmetic busy, so
 * that threads that share a core show.
 * \return a number that depends on all of it. */
#define AMZ_SPIN_CHAINS 8 /* independent: two units with a latency of four cycles each are kept busy */
#define AMZ_SPIN_OPERATIONS (2 * AMZ_SPIN_CHAINS)
double amz_spin_run(uint64_t rounds);

#endif
