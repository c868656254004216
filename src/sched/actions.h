/* How a step appends its actions, and how their memory is handed over. Shared with src/sim. */
#ifndef AMZ_SRC_SCHED_ACTIONS_H
#define AMZ_SRC_SCHED_ACTIONS_H

#include <stdalign.h>
#include <string.h>

#include <amorsize/alloc.h>
#include <amorsize/sched.h>

struct amz_actions_block {
  struct amz_actions_block *next;
  size_t size;
  /* Of a chain that was taken, for its taker's use: */
  size_t users;
  struct amz_actions_block *next_chain;
  alignas(max_align_t) unsigned char data[];
};

struct amz_actions {
  struct amz_action *items;
  size_t count, cap;
  bool no_records; /* nobody wants RECORDs: the master doesn't make them */
  struct amz_actions_block *first, *current;
  unsigned char *at, *end; /* what is left of current; both NULL: there is none */
};

/* The block is the current one from now on, with all of its memory unused; NULL: none is. */
static inline void amz_actions_turn(struct amz_actions *a, struct amz_actions_block *b)
{
  a->current = b;
  a->at = b ? b->data : NULL;
  a->end = b ? b->data + b->size : NULL;
}

/* Appends a zeroed action. \return it, valid until the next append; NULL when out of memory. */
static inline struct amz_action *amz_actions_add(struct amz_actions *a, enum amz_action_kind kind)
{
  struct amz_action *action;

  if (a->count == a->cap && amz_grow_more((void **)&a->items, &a->cap, a->count + 1, sizeof *a->items) < 0)
    return NULL;
  action = &a->items[a->count++];
  memset(action, 0, sizeof *action);
  action->kind = kind;
  return action;
}

/* The rare part of amz_actions_room: the current block is full. */
void *amz_actions_more_room(struct amz_actions *a, size_t bytes) AMZ_MUST_CHECK;

/* \return memory for an array that lives until amz_actions_clear, not zeroed; NULL when out of memory. */
static inline void *amz_actions_room(struct amz_actions *a, size_t count, size_t size)
{
  const size_t align = alignof(max_align_t);
  unsigned char *room = a->at;
  size_t bytes;

  if (size && count > (SIZE_MAX - align) / size)
    return NULL;
  bytes = (count * size + align - 1) / align * align;
  if (!room || (size_t)(a->end - room) < bytes)
    return amz_actions_more_room(a, bytes);
  a->at = room + bytes;
  return room;
}

/* Takes the memory of what the actions point to, as a chain of blocks, so that it outlives the next clearing; NULL: there is
 * none. Give it to a list that has none, which clears that list, or release it with amz_actions_drop. */
static inline struct amz_actions_block *amz_actions_take(struct amz_actions *a)
{
  struct amz_actions_block *chain = a->first;

  a->first = NULL;
  amz_actions_turn(a, NULL);
  return chain;
}

static inline void amz_actions_give(struct amz_actions *a, struct amz_actions_block *chain)
{
  a->first = chain;
  a->count = 0;
  amz_actions_turn(a, chain);
}

void amz_actions_drop(struct amz_actions_block *chain); /* accepts NULL */

#define AMZ_CLEARED_AT_ONCE 64u /* compilers clear more than about so much by an instruction that is slow to start */

/* Appends a SEND of a zeroed message. \return the message, which lives until amz_actions_clear; NULL when out of memory. */
static inline struct amz_message *amz_actions_send(struct amz_actions *a, uint32_t rank, enum amz_message_kind kind)
{
  struct amz_message *m = amz_actions_room(a, 1, sizeof *m);
  struct amz_action *action = m ? amz_actions_add(a, AMZ_DO_SEND) : NULL;

  if (!action)
    return NULL;
  memset(m, 0, AMZ_CLEARED_AT_ONCE);
  memset((char *)m + AMZ_CLEARED_AT_ONCE, 0, sizeof *m - AMZ_CLEARED_AT_ONCE);
  m->kind = kind;
  m->rank = rank;
  action->rank = rank;
  action->message = m;
  return m;
}

#endif
