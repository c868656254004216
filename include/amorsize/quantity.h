/* A number that says how well it is known: measured with an interval, or assumed and marked so. */
#ifndef AMORSIZE_QUANTITY_H
#define AMORSIZE_QUANTITY_H

#include <stdint.h>

enum amz_source {
  AMZ_UNKNOWN,  /* no value at all */
  AMZ_ASSUMED,  /* a constant of ours: shown as such, everywhere */
  AMZ_GIVEN,    /* the user said so */
  AMZ_MEASURED, /* on this node, by `node` */
  AMZ_SAMPLED,  /* from tasks that were run to learn their cost */
  AMZ_HISTORY,  /* from earlier runs of the same job */
};

/* A zeroed one is unknown. Units are those of whoever holds it. */
struct amz_quantity {
  double value;     /* of a measurement: the median, unless its holder says otherwise */
  double low, high; /* 95 % interval of `value`; both equal to it when nothing is known of its spread */
  uint32_t n;       /* how many observations; 0: none */
  enum amz_source source;
};

static inline struct amz_quantity amz_assumed(double value)
{
  return (struct amz_quantity){.value = value, .low = value, .high = value, .source = AMZ_ASSUMED};
}

/* "measured"; "unknown" for what is no source. Static. */
const char *amz_source_name(enum amz_source source);

#endif
