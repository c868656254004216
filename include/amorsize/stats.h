/* Running and order statistics of samples. */
#ifndef AMORSIZE_STATS_H
#define AMORSIZE_STATS_H

#include <stddef.h>
#include <stdint.h>

/* Count, mean and variance in one pass (Welford 1962), with the extremes. Zero-initialised is empty. */
struct amz_stats {
  uint64_t count;
  double mean;
  double m2; /* sum of squared distances from the mean */
  double min;
  double max;
};

void amz_stats_add(struct amz_stats *s, double x);
/* Takes over what `other` saw (Chan, Golub, LeVeque 1979). */
void amz_stats_merge(struct amz_stats *s, const struct amz_stats *other);
/* \return unbiased variance; 0 for fewer than two values. */
double amz_stats_variance(const struct amz_stats *s);
double amz_stats_stddev(const struct amz_stats *s);
/* \return stddev / mean; 0 when the mean is 0. */
double amz_stats_cv(const struct amz_stats *s);

/* Quantile q in [0,1] by linear interpolation between order statistics (type 7 of Hyndman and Fan 1996).
 * `sorted` is ascending. \return 0 for n = 0. */
double amz_quantile(const double *sorted, size_t n, double q);

/* The t with P(|T| <= t) = confidence for Student's distribution with df degrees of freedom, >= 1; UINT32_MAX: the normal one.
 * \return INFINITY for a confidence outside (0, 1) or df 0. */
double amz_student_quantile(double confidence, uint32_t df);

#endif
