/* Allocation with overflow checks. */
#include <amorsize/alloc.h>

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

void *amz_new_array(size_t count, size_t size)
{
  return calloc(count ? count : 1, size ? size : 1);
}

int amz_grow_more(void **items, size_t *cap, size_t need, size_t size)
{
  size_t want;
  void *grown;

  if (need > SIZE_MAX / 2 / size)
    return AMZ_ENOMEM;
  want = *cap + *cap / 2;
  if (want < need)
    want = need;
  if (want < 8)
    want = 8;
  grown = realloc(*items, want * size);
  if (!grown)
    return AMZ_ENOMEM;
  *items = grown;
  *cap = want;
  return AMZ_OK;
}

char *amz_strndup(const char *text, size_t n)
{
  char *copy;

  if (n == SIZE_MAX)
    return NULL;
  copy = malloc(n + 1);
  if (!copy)
    return NULL;
  if (n)
    memcpy(copy, text, n);
  copy[n] = '\0';
  return copy;
}
