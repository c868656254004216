/* What is to come, by time: the simulator's queue of events. Room-private.
 *
 * Most events are messages between ranks that take equally long and so arrive in the order in which they were sent: they stand in
 * lines, where both ends cost nothing. All others lie in a radix heap (Ahuja, Mehlhorn, Orlin and Tarjan 1990) of digits of six
 * bits: time never goes back, so that an event moves but to lower buckets, once or twice, in sequential memory.
 *
 * Of equal times, what stands in a line comes before what lies in the heap, and what stands in line 0 first; within each, what
 * was put first. What is put at INT64_MAX never comes. */
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

struct amz_agenda_entry {
  int64_t at_ns;
  uint64_t value;
};

/* What comes: an entry of the heap, with NULL; or of a line. */
struct amz_agenda_item {
  int64_t at_ns;
  uint64_t value;
  void *with;
};

/* Two cache lines of a bucket. */
#define AMZ_AGENDA_BLOCK 7u
struct amz_agenda_block {
  uint32_t next, count; /* next: also of unused ones */
  struct amz_agenda_entry entries[AMZ_AGENDA_BLOCK];
};

/* Entries in the order in which they came. */
struct amz_agenda_bucket {
  uint32_t head, tail;  /* blocks, when there are entries */
  uint32_t first, count; /* first: of the head's entries */
  int64_t least_ns;     /* the earliest time among them */
};

struct amz_agenda_line {
  struct amz_agenda_item *items; /* a ring; cap: a power of two */
  size_t first, count, cap;
  int64_t last_ns; /* when the last of them comes */
};

/* Made by amz_agenda_init. */
struct amz_agenda {
  int64_t heads[AMZ_AGENDA_LINES + 1]; /* when each source has something first; INT64_MAX: never */
  struct amz_agenda_line lines[AMZ_AGENDA_LINES];
  struct amz_agenda_block *blocks;
  size_t n_blocks, cap_blocks;
  uint32_t unused; /* block, number + 1; 0: there is none */
  int64_t last_ns; /* of the last entry that left the heap */
  uint32_t levels; /* a bit for each level that has entries */
  uint64_t occupied[AMZ_AGENDA_LEVELS]; /* a bit for each bucket that has entries */
  struct amz_agenda_bucket buckets[AMZ_AGENDA_LEVELS][AMZ_AGENDA_DIGITS];
};

void amz_agenda_init(struct amz_agenda *a); /* of zeros */
void amz_agenda_clear(struct amz_agenda *a);
/* at_ns: not before the item that was taken last. \return AMZ_OK; AMZ_ENOMEM. */
int amz_agenda_push(struct amz_agenda *a, int64_t at_ns, uint64_t value) AMZ_MUST_CHECK;
/* The same, at the end of a line. \return 1; 0: it can't, as it comes before those who stand there; AMZ_ENOMEM. */
static inline int amz_agenda_queue(struct amz_agenda *a, uint32_t line, const struct amz_agenda_item *item) AMZ_MUST_CHECK;
int amz_agenda_grow_line(struct amz_agenda_line *l) AMZ_MUST_CHECK; /* its rare part */
static inline int amz_agenda_queue(struct amz_agenda *a, uint32_t line, const struct amz_agenda_item *item)
{
  struct amz_agenda_line *l = &a->lines[line];
  size_t count = l->count;

  if (count && l->last_ns > item->at_ns)
    return 0;
  if (count == l->cap && amz_agenda_grow_line(l) < 0)
    return AMZ_ENOMEM;
  if (count == 0)
    a->heads[line] = item->at_ns;
  l->last_ns = item->at_ns;
  l->items[(l->first + count) & (l->cap - 1)] = *item;
  l->count = count + 1;
  return 1;
}
/* What stands in a line as the `nth` from its front, 0-based; NULL: nobody does. */
static inline const struct amz_agenda_item *amz_agenda_in_line(const struct amz_agenda *a, uint32_t line, size_t nth)
{
  const struct amz_agenda_line *l = &a->lines[line];

  return nth < l->count ? &l->items[(l->first + nth) & (l->cap - 1)] : NULL;
}
/* amz_agenda_take of the heap, which has something */
int amz_agenda_pop(struct amz_agenda *a, struct amz_agenda_item *ret) AMZ_MUST_CHECK;
/* Takes the item that comes first; *ret_source: a line or the heap.
 * \return 1; 0: there is none up to until_ns; AMZ_ENOMEM: it can only be cleared. */
static inline int amz_agenda_take(struct amz_agenda *a, int64_t until_ns, struct amz_agenda_item *ret, uint32_t *ret_source)
{
  uint32_t source = a->heads[1] < a->heads[0];
  struct amz_agenda_line *l;

  _Static_assert(AMZ_AGENDA_LINES == 2, "a loop over the lines costs more than what it does");
  source = a->heads[AMZ_AGENDA_HEAP] < a->heads[source] ? AMZ_AGENDA_HEAP : source;
  if (a->heads[source] > until_ns || a->heads[source] == INT64_MAX)
    return 0;
  *ret_source = source;
  if (source == AMZ_AGENDA_HEAP)
    return amz_agenda_pop(a, ret);
  l = &a->lines[source];
  *ret = l->items[l->first];
  l->first = (l->first + 1) & (l->cap - 1);
  a->heads[source] = --l->count ? l->items[l->first].at_ns : INT64_MAX;
  return 1;
}

#endif
