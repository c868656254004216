/* A radix heap beside lines. Invariants: no item of the heap is before last_ns; an item's bucket is what its time and last_ns say, for
 * every change of last_ns empties the lowest bucket that has items, and the times in higher ones differ from both the old and the
 * new last_ns in the same bit first; items of equal time are in the same bucket, in the order of their keys. */
#include "agenda.h"

#include <stdlib.h>

#include <amorsize/alloc.h>

#define SOON 2u /* items of a bucket of which any may be next */
#define LINE_LEAST ((size_t)16)

/* ---- the heap --------------------------------------------------------------------------------------------------------- */

static unsigned bucket_of(const struct amz_agenda *a, int64_t at_ns)
{
  uint64_t differs = (uint64_t)at_ns ^ (uint64_t)a->last_ns;

  return differs ? 64u - (unsigned)__builtin_clzll(differs) : 0;
}

static int put(struct amz_agenda *a, const struct amz_agenda_item *item)
{
  unsigned number = bucket_of(a, item->at_ns);
  struct amz_agenda_bucket *b = &a->buckets[number];

  if (b->count == b->cap && amz_grow((void **)&b->items, &b->cap, b->count + 1, sizeof *b->items) < 0)
    return AMZ_ENOMEM;
  b->items[b->count] = *item;
  if (b->count++ == b->first || item->at_ns < b->least_ns) {
    b->least_ns = item->at_ns;
    b->least_key = item->key;
  }
  a->occupied |= UINT64_C(1) << number;
  return AMZ_OK;
}

static void empty(struct amz_agenda *a, unsigned number)
{
  a->buckets[number].first = a->buckets[number].count = 0;
  a->occupied &= ~(UINT64_C(1) << number);
}

/* Moves on to the time of the heap's first item: its bucket's items go to lower ones. */
static int turn(struct amz_agenda *a, unsigned number)
{
  struct amz_agenda_bucket *b = &a->buckets[number];
  int64_t before_ns = a->last_ns;
  int rc = AMZ_OK;

  a->last_ns = b->least_ns;
  for (size_t i = 0; i < b->count && rc == AMZ_OK; i++)
    rc = put(a, &b->items[i]);
  if (rc == AMZ_OK) {
    empty(a, number);
    return AMZ_OK;
  }
  for (unsigned lower = 0; lower < number; lower++)
    empty(a, lower);
  a->last_ns = before_ns;
  return rc;
}

static int pop_heap(struct amz_agenda *a, struct amz_agenda_item *ret)
{
  unsigned number = (unsigned)__builtin_ctzll(a->occupied);
  struct amz_agenda_bucket *b = &a->buckets[number];

  if (number && b->count == 1) { /* as often as not: there is nothing to move */
    *ret = b->items[0];
    a->last_ns = ret->at_ns;
    empty(a, number);
    return AMZ_OK;
  }
  if (number && turn(a, number) < 0)
    return AMZ_ENOMEM;
  b = &a->buckets[0];
  *ret = b->items[b->first++];
  if (b->first == b->count)
    empty(a, 0);
  else
    b->least_key = b->items[b->first].key;
  return AMZ_OK;
}

static uint64_t next_of_heap(const struct amz_agenda *a)
{
  const struct amz_agenda_bucket *b = a->occupied ? &a->buckets[__builtin_ctzll(a->occupied)] : NULL;

  return b && b->count <= b->first + SOON ? b->items[b->first].value : AMZ_AGENDA_NONE;
}

/* ---- lines ------------------------------------------------------------------------------------------------------------ */

static int grow_line(struct amz_agenda_line *l)
{
  size_t cap = l->cap ? l->cap * 2 : LINE_LEAST;
  struct amz_agenda_item *items = amz_new_array(cap, sizeof *items);

  if (!items)
    return AMZ_ENOMEM;
  for (size_t i = 0; i < l->count; i++)
    items[i] = l->items[(l->first + i) & (l->cap - 1)];
  free(l->items);
  l->items = items;
  l->cap = cap;
  l->first = 0;
  return AMZ_OK;
}

static void pop_line(struct amz_agenda_line *l, struct amz_agenda_item *ret)
{
  *ret = l->items[l->first];
  l->first = (l->first + 1) & (l->cap - 1);
  l->count--;
}

static uint64_t next_of_line(const struct amz_agenda_line *l)
{
  return l->count ? l->items[l->first].value : AMZ_AGENDA_NONE;
}

/* ---- both ------------------------------------------------------------------------------------------------------------- */

int amz_agenda_push(struct amz_agenda *a, int64_t at_ns, uint64_t value)
{
  const struct amz_agenda_item item = {at_ns, a->pushed++, value};

  return put(a, &item);
}

int amz_agenda_queue(struct amz_agenda *a, uint32_t line, int64_t at_ns, uint64_t value)
{
  struct amz_agenda_line *l = &a->lines[line];

  if (l->count && l->items[(l->first + l->count - 1) & (l->cap - 1)].at_ns > at_ns)
    return amz_agenda_push(a, at_ns, value);
  if (l->count == l->cap && grow_line(l) < 0)
    return AMZ_ENOMEM;
  l->items[(l->first + l->count++) & (l->cap - 1)] = (struct amz_agenda_item){at_ns, a->pushed++, value};
  return AMZ_OK;
}

int amz_agenda_take(struct amz_agenda *a, int64_t until_ns, struct amz_agenda_item *ret, uint64_t *ret_soon)
{
  const struct amz_agenda_bucket *lowest = a->occupied ? &a->buckets[__builtin_ctzll(a->occupied)] : NULL;
  int64_t at_ns = lowest ? lowest->least_ns : INT64_MAX;
  uint64_t key = lowest ? lowest->least_key : UINT64_MAX;
  struct amz_agenda_line *line = NULL;

  for (uint32_t i = 0; i < AMZ_AGENDA_LINES; i++) {
    struct amz_agenda_line *l = &a->lines[i];
    const struct amz_agenda_item *first = l->count ? &l->items[l->first] : NULL;

    if (first && (first->at_ns < at_ns || (first->at_ns == at_ns && first->key < key))) {
      at_ns = first->at_ns;
      key = first->key;
      line = l;
    }
  }
  if ((!line && !lowest) || at_ns > until_ns)
    return 0;
  if (!line && pop_heap(a, ret) < 0)
    return AMZ_ENOMEM;
  if (line)
    pop_line(line, ret);
  *ret_soon = line ? next_of_line(line) : next_of_heap(a);
  return 1;
}

void amz_agenda_clear(struct amz_agenda *a)
{
  for (unsigned i = 0; i < AMZ_AGENDA_BUCKETS; i++)
    free(a->buckets[i].items);
  for (unsigned i = 0; i < AMZ_AGENDA_LINES; i++)
    free(a->lines[i].items);
}
