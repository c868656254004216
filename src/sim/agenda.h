/* What is to come, by time: the simulator's queue of events. Room-private.
 *
 * Most events are messages between ranks that take equally long and so arrive in the order in which they were sent: they stand in
 * lines, where both ends cost nothing. All others lie in a radix heap (Ahuja, Mehlhorn, Orlin and Tarjan 1990): time never goes back,
 * so that an event moves but to lower buckets, a few times, in sequential memory. */
#ifndef AMZ_SRC_SIM_AGENDA_H
#define AMZ_SRC_SIM_AGENDA_H

#include <stddef.h>
#include <stdint.h>

#include <amorsize/error.h>

#define AMZ_AGENDA_LINES 2u
#define AMZ_AGENDA_BUCKETS 64u /* times are >= 0: at most 63 bits differ */

struct amz_agenda_item {
  int64_t at_ns;
  uint64_t key;   /* ascending: of equal times the one that was put first comes first */
  uint64_t value;
};

/* Bucket 0: items of the moment `last_ns`, in order. Bucket b: items whose time differs from it in bit b - 1, and in none above. */
struct amz_agenda_bucket {
  struct amz_agenda_item *items;
  size_t first, count, cap; /* items[first .. count) */
  int64_t least_ns;         /* the earliest time among them */
  uint64_t least_key;       /* and the first item of that time */
};

struct amz_agenda_line {
  struct amz_agenda_item *items; /* a ring; cap: a power of two */
  size_t first, count, cap;
};

/* Zero-initialised is empty. */
struct amz_agenda {
  uint64_t pushed;
  int64_t last_ns;   /* of the last item that left the heap */
  uint64_t occupied; /* a bit for each bucket that has items */
  struct amz_agenda_bucket buckets[AMZ_AGENDA_BUCKETS];
  struct amz_agenda_line lines[AMZ_AGENDA_LINES];
};

/* at_ns: not before the item that was popped last. \return AMZ_OK; AMZ_ENOMEM. */
int amz_agenda_push(struct amz_agenda *a, int64_t at_ns, uint64_t value) AMZ_MUST_CHECK;
/* The same, at the end of a line if it doesn't come before those who stand there. */
int amz_agenda_queue(struct amz_agenda *a, uint32_t line, int64_t at_ns, uint64_t value) AMZ_MUST_CHECK;
#define AMZ_AGENDA_NONE UINT64_MAX
/* Takes the item that comes first; *ret_soon: the value of one that is likely to follow soon, AMZ_AGENDA_NONE: unknown. \return 1; 0: there is none up to until_ns; AMZ_ENOMEM: nothing has been taken. */
int amz_agenda_take(struct amz_agenda *a, int64_t until_ns, struct amz_agenda_item *ret, uint64_t *ret_soon) AMZ_MUST_CHECK;
void amz_agenda_clear(struct amz_agenda *a);

#endif
