/* A radix heap beside lines. Where the lowest bucket has but a block of items, the first of them is taken from where it lies, which costs less than
 * to move them all. Invariants: no item of the heap is before last_ns; an item's level is that of the highest digit in which its time
 * differs from last_ns, and its bucket in that level is its own digit there: level 0 has one moment a bucket. Every change of last_ns
 * empties the lowest bucket that has items, and times elsewhere differ from both the old and the new last_ns in the same digit first; items of equal
 * time are in the same bucket, in the order of their keys. heads[] is what each source has first. */
#include "agenda.h"

#include <stdbool.h>
#include <stdlib.h>

#include <amorsize/alloc.h>

#define LINE_LEAST ((size_t)16)
#define NOT_INLINE __attribute__((noinline)) /* what needs many registers, beside what is called far more often */

/* ---- blocks ----------------------------------------------------------------------------------------------------------- */

static void drop_block(struct amz_agenda *a, uint32_t number)
{
  a->blocks[number].next = a->unused;
  a->unused = number + 1;
}

static int make_blocks(struct amz_agenda *a)
{
  if (a->n_blocks >= UINT32_MAX - 1 || amz_grow((void **)&a->blocks, &a->cap_blocks, a->n_blocks + 1, sizeof *a->blocks) < 0)
    return AMZ_ENOMEM;
  drop_block(a, (uint32_t)a->n_blocks++);
  return AMZ_OK;
}

/* There is an unused one. */
static inline void add_block(struct amz_agenda *a, struct amz_agenda_bucket *b)
{
  uint32_t number = a->unused - 1;

  a->unused = a->blocks[number].next;
  a->blocks[number].count = 0;
  if (b->count == 0) {
    b->head = number;
    b->first = 0;
  } else {
    a->blocks[b->tail].next = number;
  }
  b->tail = number;
}

/* ---- the heap --------------------------------------------------------------------------------------------------------- */

static int put_into_new(struct amz_agenda *a, const struct amz_agenda_item *item);

static inline int put(struct amz_agenda *a, const struct amz_agenda_item *item)
{
  uint64_t at = (uint64_t)item->at_ns;
  unsigned level = (63u - (unsigned)__builtin_clzll((at ^ (uint64_t)a->last_ns) | 1)) / AMZ_AGENDA_BITS;
  unsigned digit = (unsigned)(at >> (level * AMZ_AGENDA_BITS)) & (AMZ_AGENDA_DIGITS - 1);
  struct amz_agenda_bucket *b = &a->buckets[level][digit];
  struct amz_agenda_block *tail;

  if (a->unused == 0)
    return put_into_new(a, item); /* as the last thing: so nothing needs to be kept meanwhile */
  if (b->count == 0 || a->blocks[b->tail].count == AMZ_AGENDA_BLOCK)
    add_block(a, b);
  tail = &a->blocks[b->tail];
  tail->items[tail->count++] = *item;
  if (b->count++ == 0 || item->at_ns < b->least_ns) {
    b->least_ns = item->at_ns;
    b->least_key = item->key;
  }
  a->occupied[level] |= UINT64_C(1) << digit;
  a->levels |= 1u << level;
  return AMZ_OK;
}

static NOT_INLINE int put_into_new(struct amz_agenda *a, const struct amz_agenda_item *item)
{
  return make_blocks(a) < 0 ? AMZ_ENOMEM : put(a, item);
}

static void empty(struct amz_agenda *a, unsigned level, unsigned digit)
{
  a->buckets[level][digit].count = 0;
  a->occupied[level] &= ~(UINT64_C(1) << digit);
  if (a->occupied[level] == 0)
    a->levels &= ~(1u << level);
}

/* Moves on to the time of the heap's first item: its bucket's items go to lower ones. */
static NOT_INLINE int turn(struct amz_agenda *a, unsigned level, unsigned digit)
{
  struct amz_agenda_bucket b = a->buckets[level][digit];
  struct amz_agenda_block block;

  empty(a, level, digit);
  a->last_ns = b.least_ns;
  for (uint32_t number = b.head; b.count; number = block.next) {
    block = a->blocks[number];
    drop_block(a, number); /* and use it again, while it is near */
    for (uint32_t i = b.first; i < block.count; i++)
      if (put(a, &block.items[i]) < 0)
        return AMZ_ENOMEM;
    b.count -= block.count - b.first;
    b.first = 0;
  }
  return AMZ_OK;
}

/* Takes the first item of a bucket. */
static void shift(struct amz_agenda *a, struct amz_agenda_bucket *b, struct amz_agenda_item *ret)
{
  struct amz_agenda_block *head = &a->blocks[b->head];

  *ret = head->items[b->first++];
  b->count--;
  if (b->first == head->count) {
    uint32_t next = head->next;

    drop_block(a, b->head);
    b->head = next;
    b->first = 0;
  }
}

/* \return the bucket that has the first item; NULL: there is none. */
static const struct amz_agenda_bucket *lowest_of(const struct amz_agenda *a)
{
  unsigned level = (unsigned)__builtin_ctz(a->levels | 1u << 31);

  return a->levels ? &a->buckets[level][__builtin_ctzll(a->occupied[level])] : NULL;
}

static struct amz_agenda_head head_of(int64_t at_ns, uint64_t key)
{
  return (struct amz_agenda_head){(uint64_t)INT64_MAX - (uint64_t)at_ns, UINT64_MAX - key};
}

static const struct amz_agenda_head nothing = {0, 0};

static void note_head(struct amz_agenda *a)
{
  const struct amz_agenda_bucket *b = lowest_of(a);

  a->heads[AMZ_AGENDA_HEAP] = b ? head_of(b->least_ns, b->least_key) : nothing;
}

/* \return where in its only block a bucket's first item is. */
static uint32_t first_of(const struct amz_agenda *a, const struct amz_agenda_bucket *b)
{
  const struct amz_agenda_block *block = &a->blocks[b->head];
  uint32_t i = b->first;

  while (block->items[i].key != b->least_key)
    i++;
  return i;
}

static void note_least(struct amz_agenda_bucket *b, const struct amz_agenda_item *items)
{
  const struct amz_agenda_item *least = &items[b->first];

  for (uint32_t i = 1; i < b->count; i++)
    if (items[b->first + i].at_ns < least->at_ns)
      least = &items[b->first + i];
  b->least_ns = least->at_ns;
  b->least_key = least->key;
}

/* Takes the first of a bucket's items, which has several, all in one block. The others keep their order. */
static void pick(struct amz_agenda *a, struct amz_agenda_bucket *b, struct amz_agenda_item *ret)
{
  struct amz_agenda_item *items = a->blocks[b->head].items;
  uint32_t at = first_of(a, b);

  *ret = items[at];
  for (; at > b->first; at--)
    items[at] = items[at - 1];
  b->first++;
  b->count--;
  note_least(b, items);
}

/* \return 1; AMZ_ENOMEM. */
static NOT_INLINE int pop_heap(struct amz_agenda *a, struct amz_agenda_item *ret)
{
  unsigned level = (unsigned)__builtin_ctz(a->levels), digit = (unsigned)__builtin_ctzll(a->occupied[level]);
  struct amz_agenda_bucket *b = &a->buckets[level][digit];

  if (level && b->count > 1 && b->head == b->tail) {
    pick(a, b, ret);
    a->heads[AMZ_AGENDA_HEAP] = head_of(b->least_ns, b->least_key);
    return 1;
  }
  if (level && b->count > 1) { /* else there is nothing to move */
    if (turn(a, level, digit) < 0)
      return AMZ_ENOMEM;
    level = 0;
    digit = (unsigned)__builtin_ctzll(a->occupied[0]);
    b = &a->buckets[0][digit];
  }
  shift(a, b, ret);
  a->last_ns = ret->at_ns;
  if (b->count == 0)
    empty(a, level, digit);
  else
    b->least_key = a->blocks[b->head].items[b->first].key;
  note_head(a);
  return 1;
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

static void pop_line(struct amz_agenda *a, uint32_t line, struct amz_agenda_item *ret)
{
  struct amz_agenda_line *l = &a->lines[line];
  const struct amz_agenda_item *next;

  *ret = l->items[l->first];
  l->first = (l->first + 1) & (l->cap - 1);
  next = &l->items[l->first];
  a->heads[line] = --l->count ? head_of(next->at_ns, next->key) : nothing;
}

/* ---- both ------------------------------------------------------------------------------------------------------------- */

static bool comes_before(const struct amz_agenda_head *a, const struct amz_agenda_head *b)
{
  return a->near > b->near || (a->near == b->near && a->old > b->old);
}

int amz_agenda_push(struct amz_agenda *a, int64_t at_ns, uint64_t value)
{
  const struct amz_agenda_item item = {at_ns, a->pushed++, value};
  const struct amz_agenda_head head = head_of(at_ns, item.key);

  if (comes_before(&head, &a->heads[AMZ_AGENDA_HEAP]))
    a->heads[AMZ_AGENDA_HEAP] = head;
  return put(a, &item);
}

static NOT_INLINE int queue_in_larger(struct amz_agenda *a, uint32_t line, int64_t at_ns, uint64_t value)
{
  return grow_line(&a->lines[line]) < 0 ? AMZ_ENOMEM : amz_agenda_queue(a, line, at_ns, value);
}

int amz_agenda_queue(struct amz_agenda *a, uint32_t line, int64_t at_ns, uint64_t value)
{
  struct amz_agenda_line *l = &a->lines[line];

  if (l->count && l->items[(l->first + l->count - 1) & (l->cap - 1)].at_ns > at_ns)
    return amz_agenda_push(a, at_ns, value);
  if (l->count == l->cap)
    return queue_in_larger(a, line, at_ns, value);
  if (l->count == 0)
    a->heads[line] = head_of(at_ns, a->pushed);
  l->items[(l->first + l->count++) & (l->cap - 1)] = (struct amz_agenda_item){at_ns, a->pushed++, value};
  return AMZ_OK;
}

int amz_agenda_take(struct amz_agenda *a, int64_t until_ns, struct amz_agenda_item *ret, uint32_t *ret_source)
{
  uint32_t source = AMZ_AGENDA_HEAP;

  _Static_assert(AMZ_AGENDA_LINES == 2, "a loop over the lines costs more than what it does");
  if (comes_before(&a->heads[0], &a->heads[source]))
    source = 0;
  if (comes_before(&a->heads[1], &a->heads[source]))
    source = 1;
  if (a->heads[source].old == 0 || a->heads[source].near < (uint64_t)INT64_MAX - (uint64_t)until_ns)
    return 0;
  *ret_source = source;
  if (source == AMZ_AGENDA_HEAP)
    return pop_heap(a, ret);
  pop_line(a, source, ret);
  return 1;
}

uint64_t amz_agenda_soon(const struct amz_agenda *a, uint32_t source)
{
  const struct amz_agenda_bucket *b = source == AMZ_AGENDA_HEAP ? lowest_of(a) : NULL;

  if (source != AMZ_AGENDA_HEAP)
    return a->lines[source].count ? a->lines[source].items[a->lines[source].first].value : AMZ_AGENDA_NONE;
  return b && b->head == b->tail ? a->blocks[b->head].items[first_of(a, b)].value : AMZ_AGENDA_NONE;
}

void amz_agenda_clear(struct amz_agenda *a)
{
  free(a->blocks);
  for (unsigned i = 0; i < AMZ_AGENDA_LINES; i++)
    free(a->lines[i].items);
}
