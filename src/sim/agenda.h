/* What is to come, by time: the simulator's queue of events. Room-private.
 *
 * Most events are messages between ranks that take equally long and so arrive in the order in which they were sent: they stand in
 * lines, where both ends cost nothing. All others lie in a radix heap (Ahuja, Mehlhorn, Orlin and Tarjan 1990) of digits of six bits: time never
 * goes back, so that an event moves but to lower buckets, once or twice, in sequential memory. */
#ifndef AMZ_SRC_SIM_AGENDA_H
#define AMZ_SRC_SIM_AGENDA_H

#include <stddef.h>
#include <stdint.h>

#include <amorsize/error.h>

#define AMZ_AGENDA_LINES 2u
#define AMZ_AGENDA_HEAP AMZ_AGENDA_LINES /* number of the heap among the sources */
#define AMZ_AGENDA_BITS 6u
#define AMZ_AGENDA_DIGITS (1u << AMZ_AGENDA_BITS)
#define AMZ_AGENDA_LEVELS 11u /* times are >= 0: 63 bits */

struct amz_agenda_item {
  int64_t at_ns;
  uint64_t key;   /* ascending: of equal times the one that was put first comes first */
  uint64_t value;
};

/* Two cache lines of a bucket. */
#define AMZ_AGENDA_BLOCK 5u
struct amz_agenda_block {
  uint32_t next, count; /* next: also of unused ones */
  struct amz_agenda_item items[AMZ_AGENDA_BLOCK];
};

/* Items in the order in which they came. */
struct amz_agenda_bucket {
  uint32_t head, tail;  /* blocks, when there are items */
  uint32_t first, count; /* first: of the head's items */
  int64_t least_ns;     /* the earliest time among them */
  uint64_t least_key;   /* and the first item of that time */
};

struct amz_agenda_line {
  struct amz_agenda_item *items; /* a ring; cap: a power of two */
  size_t first, count, cap;
};

/* What a source has first, as numbers that are the larger the earlier it comes; both 0: nothing. */
struct amz_agenda_head {
  uint64_t near; /* INT64_MAX - at_ns */
  uint64_t old;  /* UINT64_MAX - key */
};

/* Zero-initialised is empty. */
struct amz_agenda {
  uint64_t pushed;
  struct amz_agenda_head heads[AMZ_AGENDA_LINES + 1];
  struct amz_agenda_line lines[AMZ_AGENDA_LINES];
  struct amz_agenda_block *blocks;
  size_t n_blocks, cap_blocks;
  uint32_t unused; /* block, number + 1; 0: there is none */
  int64_t last_ns; /* of the last item that left the heap */
  uint32_t levels; /* a bit for each level that has items */
  uint64_t occupied[AMZ_AGENDA_LEVELS]; /* a bit for each bucket that has items */
  struct amz_agenda_bucket buckets[AMZ_AGENDA_LEVELS][AMZ_AGENDA_DIGITS];
};

/* at_ns: not before the item that was popped last. \return AMZ_OK; AMZ_ENOMEM. */
int amz_agenda_push(struct amz_agenda *a, int64_t at_ns, uint64_t value) AMZ_MUST_CHECK;
/* The same, at the end of a line if it doesn't come before those who stand there. */
int amz_agenda_queue(struct amz_agenda *a, uint32_t line, int64_t at_ns, uint64_t value) AMZ_MUST_CHECK;
/* Takes the item that comes first; *ret_source: a line or the heap. \return 1; 0: there is none up to until_ns; AMZ_ENOMEM: it can only be cleared. */
int amz_agenda_take(struct amz_agenda *a, int64_t until_ns, struct amz_agenda_item *ret, uint32_t *ret_source) AMZ_MUST_CHECK;
#define AMZ_AGENDA_NONE UINT64_MAX
/* \return the value of an item of that source that is likely to follow soon; AMZ_AGENDA_NONE: unknown. */
uint64_t amz_agenda_soon(const struct amz_agenda *a, uint32_t source);
void amz_agenda_clear(struct amz_agenda *a);

#endif
