/* The list of actions and the memory of what they point to.
 *
 * Arrays and messages live in blocks that are filled one behind the other and never move, so that pointers stay good; clearing
 * begins again at the first block. In the steady state a step therefore allocates nothing. */
#include "actions.h"

#include <stdlib.h>

#define FIRST_BYTES ((size_t)960) /* most steps need no more */
#define BLOCK_BYTES ((size_t)16384)

int amz_actions_new(struct amz_actions **ret)
{
  struct amz_actions *a = amz_new_array(1, sizeof *a);

  if (!a)
    return AMZ_ENOMEM;
  *ret = a;
  return AMZ_OK;
}

void amz_actions_free(struct amz_actions *a)
{
  if (!a)
    return;
  amz_actions_drop(a->first);
  free(a->items);
  free(a);
}

void amz_actions_drop(struct amz_actions_block *chain)
{
  for (struct amz_actions_block *b = chain, *next; b; b = next) {
    next = b->next;
    free(b);
  }
}

void amz_actions_clear(struct amz_actions *a)
{
  a->count = 0;
  amz_actions_turn(a, a->first);
}

size_t amz_actions_count(const struct amz_actions *a)
{
  return a->count;
}

const struct amz_action *amz_actions_at(const struct amz_actions *a, size_t i)
{
  return &a->items[i];
}

/* Makes a block with room for `bytes` the current one: the next that is large enough, else a new one behind the current. */
static bool turn_block(struct amz_actions *a, size_t bytes)
{
  struct amz_actions_block *b = a->current ? a->current->next : a->first;

  if (!b || b->size < bytes) {
    size_t least = a->first ? BLOCK_BYTES : FIRST_BYTES, size = bytes > least ? bytes : least;
    struct amz_actions_block *made = size <= SIZE_MAX - sizeof *made ? malloc(sizeof *made + size) : NULL;

    if (!made)
      return false;
    *made = (struct amz_actions_block){.next = b, .size = size};
    *(a->current ? &a->current->next : &a->first) = made;
    b = made;
  }
  amz_actions_turn(a, b);
  return true;
}

void *amz_actions_more_room(struct amz_actions *a, size_t bytes)
{
  if (!turn_block(a, bytes))
    return NULL;
  a->at += bytes;
  return a->current->data;
}
