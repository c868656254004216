/* How a step appends its actions. Room-private. */
#ifndef AMZ_SRC_SCHED_ACTIONS_H
#define AMZ_SRC_SCHED_ACTIONS_H

#include <stdalign.h>
#include <string.h>

#include <amorsize/alloc.h>
#include <amorsize/sched.h>

struct amz_actions_block {
  struct amz_actions_block *next;
  size_t size;
  alignas(max_align_t) unsigned char data[];
};

struct amz_actions {
  struct amz_action *items;
  size_t count, cap;
  struct amz_actions_block *first, *current;
  size_t used; /* of current */
};

/* Appends a zeroed action. \return it, valid until the next append; NULL when out of memory. */
static inline struct amz_action *amz_actions_add(struct amz_actions *a, enum amz_action_kind kind)
{
  struct amz_action *action;

  if (amz_grow((void **)&a->items, &a->cap, a->count + 1, sizeof *a->items) < 0)
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
  size_t bytes, at = a->used;

  if (size && count > (SIZE_MAX - align) / size)
    return NULL;
  bytes = (count * size + align - 1) / align * align;
  if (!a->current || a->current->size - at < bytes)
    return amz_actions_more_room(a, bytes);
  a->used = at + bytes;
  return a->current->data + at;
}

/* Appends a SEND of a zeroed message. \return the message, which lives until amz_actions_clear; NULL when out of memory. */
struct amz_message *amz_actions_send(struct amz_actions *a, uint32_t rank, enum amz_message_kind kind) AMZ_MUST_CHECK;

#endif
