/* Which tasks to run first to learn what tasks cost, and when enough have been. Pure. */
#ifndef AMORSIZE_SAMPLING_H
#define AMORSIZE_SAMPLING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <amorsize/error.h>
#include <amorsize/quantity.h>
#include <amorsize/sched.h>

/* Draws `want` of the tasks that are left, spread over them (stratified sampling: one out of each of `want` equal parts, Cochran,
 * "Sampling Techniques", 1977, section 5), never the first few: lists are often sorted. They come in a sequence whose every
 * beginning is spread as well (parts in van der Corput's order), as sampling may end early.
 * \return AMZ_OK with *ret (one task each, free it) of *ret_n: fewer than wanted when fewer are left; AMZ_ENOMEM. */
int amz_sample_draw(const struct amz_range *left, size_t n, uint64_t want, uint64_t seed, struct amz_range **ret, size_t *ret_n);

/* How many to draw at most: `most`, or one of twenty tasks when that is more. */
uint64_t amz_sample_limit(uint64_t tasks, uint32_t most);

/* \return whether the mean is known as well as was asked for: at least `least` values, and an interval within ± precision of the
 * mean. */
bool amz_sample_enough(const struct amz_quantity *mean, uint32_t least, double precision);

#endif
