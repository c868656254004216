/* The arena: blocks that double as it grows, so that a large description takes few allocations. */
#include "arena.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FIRST_BLOCK = 4096, LARGEST_BLOCK = 1 << 20 };

struct amz_arena_block {
  struct amz_arena_block *next;
  size_t size, used; /* of bytes[] */
  _Alignas(max_align_t) unsigned char bytes[];
};

void amz_arena_init(struct amz_arena *a)
{
  *a = (struct amz_arena){NULL, false};
}

void amz_arena_clear(struct amz_arena *a)
{
  struct amz_arena_block *next;

  for (struct amz_arena_block *b = a->blocks; b; b = next) {
    next = b->next;
    free(b);
  }
  amz_arena_init(a);
}

static struct amz_arena_block *add_block(struct amz_arena *a, size_t need)
{
  size_t size = a->blocks ? a->blocks->size * 2 : FIRST_BLOCK;
  struct amz_arena_block *b;

  if (size > LARGEST_BLOCK)
    size = LARGEST_BLOCK;
  if (size < need)
    size = need;
  b = malloc(sizeof *b + size);
  if (!b)
    return NULL;
  b->next = a->blocks;
  b->size = size;
  b->used = 0;
  a->blocks = b;
  return b;
}

/* n bytes, a multiple of align, which is a power of two. */
static void *take(struct amz_arena *a, size_t n, size_t align)
{
  struct amz_arena_block *b = a->blocks;
  size_t at = b ? (b->used + align - 1) & ~(align - 1) : 0;

  if (a->failed)
    return NULL;
  if (!b || at > b->size || n > b->size - at) {
    b = n > SIZE_MAX / 2 ? NULL : add_block(a, n);
    at = 0;
  }
  if (!b) {
    a->failed = true;
    return NULL;
  }
  b->used = at + n;
  return b->bytes + at;
}

void *amz_arena_array(struct amz_arena *a, size_t count, size_t size)
{
  size_t bytes;
  void *at;

  if (__builtin_mul_overflow(count, size, &bytes)) {
    a->failed = true;
    return NULL;
  }
  at = take(a, bytes, _Alignof(max_align_t));
  if (at)
    memset(at, 0, bytes);
  return at;
}

char *amz_arena_strndup(struct amz_arena *a, const char *text, size_t n)
{
  char *copy = n < SIZE_MAX ? take(a, n + 1, 1) : NULL;

  if (!copy)
    return NULL;
  if (n)
    memcpy(copy, text, n);
  copy[n] = '\0';
  return copy;
}

char *amz_arena_printf(struct amz_arena *a, const char *format, ...)
{
  va_list ap, again;
  char *text = NULL;
  int n;

  va_start(ap, format);
  va_copy(again, ap);
  n = vsnprintf(NULL, 0, format, ap);
  va_end(ap);
  if (n < 0)
    a->failed = true;
  else
    text = take(a, (size_t)n + 1, 1);
  if (text)
    (void)vsnprintf(text, (size_t)n + 1, format, again);
  va_end(again);
  return text;
}

int amz_arena_ok(const struct amz_arena *a)
{
  return a->failed ? AMZ_ENOMEM : AMZ_OK;
}
