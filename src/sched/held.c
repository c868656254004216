/* Outstanding pieces. Invariant: no position is in two pieces, so that their first positions are unique and serve as keys. That
 * holds because a piece shrinks, or is cut in two, as soon as its rank tells of a part: what is told of may be handed out again
 * (a failed attempt) while the rest is still being worked on. The table is at most half full, so that probes stay short. */
#include "held.h"

#include <stdlib.h>

#include <amorsize/alloc.h>

#define LEAST_BITS 6u /* of the table's size */

void amz_held_init(struct amz_held *h)
{
  h->unused = AMZ_NO_PIECE;
}

void amz_held_clear(struct amz_held *h)
{
  free(h->pieces);
  free(h->table);
}

/* ---- the table -------------------------------------------------------------------------------------------------------- */

/* Fibonacci hashing (Knuth, TAOCP 3, 6.4): chunks follow each other, and such keys it spreads evenly. */
static inline uint32_t home_of(const struct amz_held *h, uint64_t first)
{
  return (uint32_t)(first * UINT64_C(0x9e3779b97f4a7c15) >> h->shift);
}

static inline void table_put(struct amz_held *h, uint64_t first, uint32_t piece)
{
  uint32_t i = home_of(h, first);

  while (h->table[i].piece)
    i = (i + 1) & (h->table_size - 1);
  h->table[i] = (struct amz_held_entry){first, piece};
}

/* Room for one more. */
static int table_grow(struct amz_held *h)
{
  struct amz_held_entry *old = h->table;
  uint32_t old_size = h->table_size, size = old_size ? old_size * 2 : UINT32_C(1) << LEAST_BITS;

  if (size <= old_size)
    return AMZ_ENOMEM;
  h->table = amz_new_array(size, sizeof *h->table);
  if (!h->table) {
    h->table = old;
    return AMZ_ENOMEM;
  }
  h->table_size = size;
  h->shift = old_size ? h->shift - 1 : 64 - LEAST_BITS;
  for (uint32_t i = 0; i < old_size; i++)
    if (old[i].piece)
      table_put(h, old[i].first, old[i].piece);
  free(old);
  return AMZ_OK;
}

/* \return the place of the piece that begins at `first`; table_size when there is none. */
static inline uint32_t table_find(const struct amz_held *h, uint64_t first)
{
  uint32_t i;

  if (h->table_size == 0)
    return 0;
  for (i = home_of(h, first); h->table[i].piece; i = (i + 1) & (h->table_size - 1))
    if (h->table[i].first == first)
      return i;
  return h->table_size;
}

/* Removes by moving later entries of the probe chain up (Knuth, TAOCP 3, 6.4, algorithm R): no tombstones. */
static inline void table_remove(struct amz_held *h, uint32_t hole)
{
  uint32_t mask = h->table_size - 1;

  for (uint32_t i = (hole + 1) & mask; h->table[i].piece; i = (i + 1) & mask)
    if (((i - home_of(h, h->table[i].first)) & mask) >= ((i - hole) & mask)) {
      h->table[hole] = h->table[i];
      hole = i;
    }
  h->table[hole].piece = 0;
}

/* ---- pieces ----------------------------------------------------------------------------------------------------------- */

/* \return the number of an unused piece, AMZ_NO_PIECE when out of memory. */
static inline uint32_t new_piece(struct amz_held *h)
{
  uint32_t number = h->unused;

  if (number != AMZ_NO_PIECE) {
    h->unused = h->pieces[number].next;
    return number;
  }
  if (h->n_pieces >= AMZ_NO_PIECE - 1 ||
      amz_grow((void **)&h->pieces, &h->cap_pieces, (size_t)h->n_pieces + 1, sizeof *h->pieces) < 0)
    return AMZ_NO_PIECE;
  return h->n_pieces++;
}

/* Puts a new piece behind `prev` in its rank's list (AMZ_NO_PIECE: at the front). */
static inline int insert(struct amz_held *h, struct amz_held_list *list, uint32_t prev, uint32_t rank,
                         const struct amz_chunk *chunk)
{
  uint32_t number, next;

  if (h->table_used + 1 > h->table_size / 2 && table_grow(h) < 0)
    return AMZ_ENOMEM;
  number = new_piece(h);
  if (number == AMZ_NO_PIECE)
    return AMZ_ENOMEM;
  next = prev == AMZ_NO_PIECE ? list->head : h->pieces[prev].next;
  h->pieces[number] = (struct amz_piece){.chunk = *chunk, .rank = rank, .next = next, .prev = prev};
  *(prev == AMZ_NO_PIECE ? &list->head : &h->pieces[prev].next) = number;
  *(next == AMZ_NO_PIECE ? &list->tail : &h->pieces[next].prev) = number;
  table_put(h, chunk->first, number + 1);
  h->table_used++;
  h->count += chunk->count;
  return AMZ_OK;
}

int amz_held_add(struct amz_held *h, struct amz_held_list *list, uint32_t rank, const struct amz_chunk *chunk)
{
  return insert(h, list, list->tail, rank, chunk);
}

/* `place`: of the piece in the table. */
static inline void drop(struct amz_held *h, struct amz_held_list *list, uint32_t number, uint32_t place)
{
  struct amz_piece *p = &h->pieces[number];

  *(p->prev == AMZ_NO_PIECE ? &list->head : &h->pieces[p->prev].next) = p->next;
  *(p->next == AMZ_NO_PIECE ? &list->tail : &h->pieces[p->next].prev) = p->prev;
  table_remove(h, place);
  h->table_used--;
  h->count -= p->chunk.count;
  p->next = h->unused;
  h->unused = number;
}

/* The piece now begins later: another key. */
static void cut_front(struct amz_held *h, uint32_t number, uint32_t place, uint64_t count)
{
  struct amz_chunk *c = &h->pieces[number].chunk;

  table_remove(h, place);
  c->first += count;
  c->count -= count;
  table_put(h, c->first, number + 1);
  h->count -= count;
}

/* Takes the first `count` positions out of the piece. */
static inline void cut_first(struct amz_held *h, struct amz_held_list *list, uint32_t number, uint32_t place, uint64_t count)
{
  if (count == h->pieces[number].chunk.count)
    drop(h, list, number, place);
  else
    cut_front(h, number, place, count);
}

/* Takes [first, first+count), a part of the piece, out of it. */
static int cut(struct amz_held *h, struct amz_held_list *list, uint32_t number, uint64_t first, uint64_t count)
{
  struct amz_chunk *c = &h->pieces[number].chunk, rest = *c;
  uint64_t before = first - c->first, behind = c->count - before - count;

  if (before == 0) {
    cut_first(h, list, number, table_find(h, first), count);
    return AMZ_OK;
  }
  c->count = before;
  h->count -= count + behind;
  if (behind == 0)
    return AMZ_OK;
  rest.first = first + count;
  rest.count = behind;
  return insert(h, list, number, h->pieces[number].rank, &rest);
}

static inline bool matches(const struct amz_piece *p, const struct amz_told *told)
{
  return p->rank == told->rank && (!told->attempt || told->attempt == p->chunk.attempt) &&
         (!told->chunk_id || told->chunk_id == p->chunk.id);
}

bool amz_held_tell_front(struct amz_held *h, struct amz_held_list *list, const struct amz_told *told)
{
  uint32_t place = table_find(h, told->first), number;

  if (place == h->table_size)
    return false;
  number = h->table[place].piece - 1;
  if (!matches(&h->pieces[number], told) || told->count > h->pieces[number].chunk.count)
    return false;
  cut_first(h, list, number, place, told->count);
  return true;
}

/* The rare way: a part of any piece of the rank. */
static int tell_anywhere(struct amz_held *h, struct amz_held_list *list, const struct amz_told *told, struct amz_range *ret)
{
  uint64_t end = told->first + told->count;

  for (uint32_t i = list->head; i != AMZ_NO_PIECE; i = h->pieces[i].next) {
    const struct amz_chunk *c = &h->pieces[i].chunk;
    uint64_t from = told->first > c->first ? told->first : c->first;
    uint64_t until = end < c->first + c->count ? end : c->first + c->count;

    if (from >= until || !matches(&h->pieces[i], told))
      continue;
    *ret = (struct amz_range){from, until - from};
    return cut(h, list, i, from, until - from);
  }
  return AMZ_OK;
}

int amz_held_tell_part(struct amz_held *h, struct amz_held_list *list, const struct amz_told *told, struct amz_range *ret)
{
  uint32_t place = table_find(h, told->first);

  *ret = (struct amz_range){0, 0};
  if (place < h->table_size) {
    uint32_t number = h->table[place].piece - 1;
    const struct amz_piece *p = &h->pieces[number];

    if (matches(p, told)) {
      *ret = (struct amz_range){told->first, told->count < p->chunk.count ? told->count : p->chunk.count};
      cut_first(h, list, number, place, ret->count);
      return AMZ_OK;
    }
  }
  return tell_anywhere(h, list, told, ret);
}

int amz_held_tell(struct amz_held *h, struct amz_held_list *list, const struct amz_told *told, uint64_t *ret)
{
  struct amz_range part;
  int rc;

  *ret = 0;
  while ((rc = amz_held_tell_part(h, list, told, &part)) == AMZ_OK && part.count) {
    *ret += part.count;
    if (*ret == told->count)
      break;
  }
  return rc;
}

static bool contains(const struct amz_piece *p, const struct amz_told *told)
{
  const struct amz_chunk *c = &p->chunk;

  return matches(p, told) && told->first >= c->first && told->first - c->first < c->count &&
      told->count <= c->count - (told->first - c->first);
}

bool amz_held_has(const struct amz_held *h, const struct amz_held_list *list, const struct amz_told *told)
{
  uint32_t place = table_find(h, told->first);

  if (place < h->table_size) /* no other piece has its first position */
    return contains(&h->pieces[h->table[place].piece - 1], told);
  for (uint32_t i = list->head; i != AMZ_NO_PIECE; i = h->pieces[i].next)
    if (contains(&h->pieces[i], told))
      return true;
  return false;
}

void amz_held_soon(const struct amz_held *h, uint64_t first)
{
  if (h->table_size)
    __builtin_prefetch(&h->table[home_of(h, first)], 1);
}

void amz_held_piece_soon(const struct amz_held *h, uint64_t first)
{
  uint32_t place = table_find(h, first);

  if (place < h->table_size)
    __builtin_prefetch(&h->pieces[h->table[place].piece - 1], 1);
}

bool amz_held_take(struct amz_held *h, struct amz_held_list *list, struct amz_chunk *ret)
{
  if (list->head == AMZ_NO_PIECE)
    return false;
  *ret = h->pieces[list->head].chunk;
  drop(h, list, list->head, table_find(h, ret->first));
  return true;
}
