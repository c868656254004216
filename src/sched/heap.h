/* A queue of things by time: a 4-ary min-heap of small values (a parent's children share a cache line or two). Shared with
 * src/sim. */
#ifndef AMZ_SRC_SCHED_HEAP_H
#define AMZ_SRC_SCHED_HEAP_H

#include <stddef.h>
#include <stdint.h>

#include <amorsize/error.h>

struct amz_heap_item {
  int64_t at_ns;
  uint64_t key;   /* breaks ties: the smaller comes first */
  uint64_t value;
};

/* Zero-initialised is empty. */
struct amz_heap {
  struct amz_heap_item *items; /* items[0] is the earliest */
  size_t count, cap;
};

int amz_heap_push(struct amz_heap *h, struct amz_heap_item item) AMZ_MUST_CHECK; /* \return AMZ_OK; AMZ_ENOMEM */
struct amz_heap_item amz_heap_pop(struct amz_heap *h); /* not on an empty one */
/* Replaces the earliest: cheaper than pop and push. */
void amz_heap_replace(struct amz_heap *h, struct amz_heap_item item);
void amz_heap_clear(struct amz_heap *h);

#endif
