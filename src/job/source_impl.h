/* What all kinds of task sources have in common: a count, and a table of what differs. Private to the sources. */
#ifndef AMZ_JOB_SOURCE_IMPL_H
#define AMZ_JOB_SOURCE_IMPL_H

#include <stdint.h>

#include <amorsize/buf.h>

#include "source.h"

struct amz_source_kind {
  void (*value)(const struct amz_source *s, uint64_t i, struct amz_buf *out); /* i < count */
  void (*release)(struct amz_source *s);                                      /* frees s and what it owns */
};

/* Embedded first in each kind's own struct. */
struct amz_source {
  const struct amz_source_kind *kind;
  uint64_t count;
};

#endif
