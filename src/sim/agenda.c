/* A radix heap beside lines. Where the lowest bucket has but a block of entries, the first of them is taken from where it lies,
 * which costs less than to move them all. Invariants: no entry of the heap is before last_ns; an entry's level is that of the
 * highest digit in which its time differs from last_ns, and its bucket in that level is its own digit there: level 0 has one
 * moment a bucket. Every change of last_ns empties the lowest bucket that has entries, and times elsewhere differ from both the
 * old and the new last_ns in the same digit first; entries of equal time are in the same bucket, in the order in which they were
 * put. heads[] is when each source has something first. */
#include "agenda.h"

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

static int put_into_new(struct amz_agenda *a, const struct amz_agenda_entry *entry);

static inline int put(struct amz_agenda *a, const struct amz_agenda_entry *entry)
{
  uint64_t at = (uint64_t)entry->at_ns;
  unsigned level = (63u - (unsigned)__builtin_clzll((at ^ (uint64_t)a->last_ns) | 1)) / AMZ_AGENDA_BITS;
  unsigned digit = (unsigned)(at >> (level * AMZ_AGENDA_BITS)) & (AMZ_AGENDA_DIGITS - 1);
  struct amz_agenda_bucket *b = &a->buckets[level][digit];
  struct amz_agenda_block *tail;

  if (a->unused == 0)
    return put_into_new(a, entry); /* as the last thing: so nothing needs to be kept meanwhile */
  if (b->count == 0 || a->blocks[b->tail].count == AMZ_AGENDA_BLOCK)
    add_block(a, b);
  tail = &a->blocks[b->tail];
  tail->entries[tail->count++] = *entry;
  if (b->count++ == 0 || entry->at_ns < b->least_ns)
    b->least_ns = entry->at_ns;
  a->occupied[level] |= UINT64_C(1) << digit;
  a->levels |= 1u << level;
  return AMZ_OK;
}

static NOT_INLINE int put_into_new(struct amz_agenda *a, const struct amz_agenda_entry *entry)
{
  return make_blocks(a) < 0 ? AMZ_ENOMEM : put(a, entry);
}

static void empty(struct amz_agenda *a, unsigned level, unsigned digit)
{
  a->buckets[level][digit].count = 0;
  a->occupied[level] &= ~(UINT64_C(1) << digit);
  if (a->occupied[level] == 0)
    a->levels &= ~(1u << level);
}

/* Moves on to the time of the heap's first entry: its bucket's entries go to lower ones. */
static NOT_INLINE int move_on(struct amz_agenda *a, unsigned level, unsigned digit)
{
  struct amz_agenda_bucket b = a->buckets[level][digit];
  struct amz_agenda_block block;

  empty(a, level, digit);
  a->last_ns = b.least_ns;
  for (uint32_t number = b.head; b.count; number = block.next) {
    block = a->blocks[number];
    drop_block(a, number); /* and use it again, while it is near */
    for (uint32_t i = b.first; i < block.count; i++)
      if (put(a, &block.entries[i]) < 0)
        return AMZ_ENOMEM;
    b.count -= block.count - b.first;
    b.first = 0;
  }
  return AMZ_OK;
}

/* Takes the first entry of a bucket. */
static struct amz_agenda_entry shift(struct amz_agenda *a, struct amz_agenda_bucket *b)
{
  struct amz_agenda_block *head = &a->blocks[b->head];
  struct amz_agenda_entry entry = head->entries[b->first++];

  b->count--;
  if (b->first == head->count) {
    uint32_t next = head->next;

    drop_block(a, b->head);
    b->head = next;
    b->first = 0;
  }
  return entry;
}

/* \return the bucket that has the first entry; NULL: there is none. */
static const struct amz_agenda_bucket *lowest_of(const struct amz_agenda *a)
{
  unsigned level = (unsigned)__builtin_ctz(a->levels | 1u << 31);

  return a->levels ? &a->buckets[level][__builtin_ctzll(a->occupied[level])] : NULL;
}

static void note_head(struct amz_agenda *a)
{
  const struct amz_agenda_bucket *b = lowest_of(a);

  a->heads[AMZ_AGENDA_HEAP] = b ? b->least_ns : INT64_MAX;
}

/* \return where in its only block a bucket's first entry is. */
static uint32_t first_of(const struct amz_agenda *a, const struct amz_agenda_bucket *b)
{
  const struct amz_agenda_block *block = &a->blocks[b->head];
  uint32_t i = b->first;

  while (block->entries[i].at_ns != b->least_ns)
    i++;
  return i;
}

/* Takes the first of a bucket's entries, which has several, all in one block. The others keep their order. */
static struct amz_agenda_entry pick(struct amz_agenda *a, struct amz_agenda_bucket *b)
{
  struct amz_agenda_entry *entries = a->blocks[b->head].entries;
  uint32_t at = first_of(a, b), end = b->first + b->count;
  struct amz_agenda_entry entry = entries[at];

  for (; at > b->first; at--)
    entries[at] = entries[at - 1];
  b->first++;
  b->count--;
  b->least_ns = entries[b->first].at_ns;
  for (uint32_t i = b->first + 1; i < end; i++)
    b->least_ns = entries[i].at_ns < b->least_ns ? entries[i].at_ns : b->least_ns;
  a->heads[AMZ_AGENDA_HEAP] = b->least_ns;
  return entry;
}

/* Takes what is in the lowest bucket, all of it of one moment or a single entry. */
static struct amz_agenda_entry take_lowest(struct amz_agenda *a, unsigned level, unsigned digit)
{
  struct amz_agenda_bucket *b = &a->buckets[level][digit];
  struct amz_agenda_entry entry = shift(a, b);

  a->last_ns = entry.at_ns;
  if (b->count)
    return entry;
  empty(a, level, digit);
  note_head(a);
  return entry;
}

int amz_agenda_pop(struct amz_agenda *a, struct amz_agenda_item *ret)
{
  unsigned level = (unsigned)__builtin_ctz(a->levels), digit = (unsigned)__builtin_ctzll(a->occupied[level]);
  struct amz_agenda_bucket *b = &a->buckets[level][digit];
  struct amz_agenda_entry entry;

  if (level && b->count > 1 && b->head != b->tail) {
    if (move_on(a, level, digit) < 0)
      return AMZ_ENOMEM;
    level = 0;
    digit = (unsigned)__builtin_ctzll(a->occupied[0]);
    entry = take_lowest(a, level, digit);
  } else {
    entry = level && b->count > 1 ? pick(a, b) : take_lowest(a, level, digit);
  }
  *ret = (struct amz_agenda_item){entry.at_ns, entry.value, NULL};
  return 1;
}

int amz_agenda_push(struct amz_agenda *a, int64_t at_ns, uint64_t value)
{
  if (at_ns < a->heads[AMZ_AGENDA_HEAP])
    a->heads[AMZ_AGENDA_HEAP] = at_ns;
  return put(a, &(struct amz_agenda_entry){at_ns, value});
}

/* ---- lines ------------------------------------------------------------------------------------------------------------ */

int amz_agenda_grow_line(struct amz_agenda_line *l)
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

/* ---- both ------------------------------------------------------------------------------------------------------------- */

void amz_agenda_init(struct amz_agenda *a)
{
  for (unsigned i = 0; i <= AMZ_AGENDA_LINES; i++)
    a->heads[i] = INT64_MAX;
}

void amz_agenda_clear(struct amz_agenda *a)
{
  free(a->blocks);
  for (unsigned i = 0; i < AMZ_AGENDA_LINES; i++)
    free(a->lines[i].items);
}
