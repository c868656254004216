/* A 4-ary min-heap. Invariant: no item comes before its parent, items[(i - 1) / 4]. */
#include "heap.h"

#include <stdbool.h>
#include <stdlib.h>

#include <amorsize/alloc.h>

#define ARITY 4u

static bool before(const struct amz_heap_item *a, const struct amz_heap_item *b)
{
  return a->at_ns < b->at_ns || (a->at_ns == b->at_ns && a->key < b->key);
}

int amz_heap_push(struct amz_heap *h, struct amz_heap_item item)
{
  size_t i = h->count;

  if (amz_grow((void **)&h->items, &h->cap, h->count + 1, sizeof *h->items) < 0)
    return AMZ_ENOMEM;
  h->count++;
  for (size_t parent; i > 0 && before(&item, &h->items[parent = (i - 1) / ARITY]); i = parent)
    h->items[i] = h->items[parent];
  h->items[i] = item;
  return AMZ_OK;
}

/* \return the earliest child of i; count when it has none. */
static size_t earliest_child(const struct amz_heap *h, size_t i)
{
  size_t best = i * ARITY + 1, end = best + ARITY;

  if (best >= h->count)
    return h->count;
  if (end > h->count)
    end = h->count;
  for (size_t child = best + 1; child < end; child++)
    if (before(&h->items[child], &h->items[best]))
      best = child;
  return best;
}

void amz_heap_replace(struct amz_heap *h, struct amz_heap_item item)
{
  size_t i = 0;

  for (size_t child; (child = earliest_child(h, i)) < h->count && before(&h->items[child], &item); i = child)
    h->items[i] = h->items[child];
  h->items[i] = item;
}

struct amz_heap_item amz_heap_pop(struct amz_heap *h)
{
  struct amz_heap_item top = h->items[0], last = h->items[--h->count];

  if (h->count)
    amz_heap_replace(h, last);
  return top;
}

void amz_heap_clear(struct amz_heap *h)
{
  free(h->items);
  h->items = NULL;
  h->count = h->cap = 0;
}
