/* From observations to numbers that say how well they are known: medians and straight lines, each with a 95 % interval. Room
 * `model`, pure. */
#ifndef AMORSIZE_FIT_H
#define AMORSIZE_FIT_H

#include <stddef.h>

#include <amorsize/error.h>
#include <amorsize/quantity.h>

/* The interval of a median between order statistics, whatever the distribution (David and Nagaraja, Order Statistics, section
 * 7.1): from the k-th smallest of n observations to the k-th largest. \return the largest k for which that covers the median with
 * at least 95 %; 1 when none does (n < 6). */
size_t amz_fit_median_rank(size_t n);

/* \return the median of n observations, measured, with the interval above; unknown for n = 0. Sorts them. */
struct amz_quantity amz_fit_median(double *samples, size_t n);

struct amz_line {
  struct amz_quantity a, b; /* y = a + b·x */
};

/* Least squares; `weights` are those of the squares, NULL: all alike. Intervals by Student's t with n − 2 degrees of freedom;
 * those of two points alone are of no width. \return AMZ_OK; AMZ_EINVAL: fewer than two different x, or a number that isn't
 * finite, or a weight that isn't positive. */
int amz_fit_line(const double *x, const double *y, const double *weights, size_t n, struct amz_line *ret);

/* The same for what costs time: relative errors count, neither a nor b is below 0 (a line that would be is put through the
 * origin, or made flat), x ≥ 0.
 * \return as amz_fit_line; AMZ_EINVAL also when some y isn't positive or some x is negative; AMZ_ENOMEM. */
int amz_fit_cost(const double *x, const double *y, size_t n, struct amz_line *ret);

/* The same from few observations, some of which other work has disturbed: least absolute deviations of logarithms, so that what
 * is far off counts little, and b/a is drawn towards what it usually is: `usual` of it, by as much as one observation in ten
 * would say of twice that. Where all that was observed is far from it, that counts. The interval is that of the line's height, by
 * the median of what is seen over it; how b/a may be off isn't in it. Where all x are the same, b/a is the usual one, and b is
 * said to be assumed.
 * \return AMZ_OK; AMZ_EINVAL: no observations, or one that isn't a cost (as of amz_fit_cost), or usual isn't positive;
 * AMZ_ENOMEM. */
int amz_fit_cost_robust(const double *x, const double *y, size_t n, double usual, struct amz_line *ret);

#endif
