/* Allocation with the overflow checks built in. */
#ifndef AMORSIZE_ALLOC_H
#define AMORSIZE_ALLOC_H

#include <stddef.h>

#include <amorsize/error.h>

/* Zeroed array of count elements of size bytes; count 0 gives a pointer that may be freed.
 * \return the memory, to be released with free(); NULL when out of memory or on overflow. */
void *amz_new_array(size_t count, size_t size) AMZ_MUST_CHECK;

/* Makes room for at least `need` elements in *items (an array of *cap elements of size bytes), growing by
 * half again so that appending is linear. Typical use:
 *   if ((rc = amz_grow((void **)&v->items, &v->cap, v->count + 1, sizeof *v->items)) < 0) return rc;
 * \return AMZ_OK; AMZ_ENOMEM, and then *items and *cap are as before. */
static inline int amz_grow(void **items, size_t *cap, size_t need, size_t size) AMZ_MUST_CHECK;
int amz_grow_more(void **items, size_t *cap, size_t need, size_t size) AMZ_MUST_CHECK; /* its rare part */
static inline int amz_grow(void **items, size_t *cap, size_t need, size_t size)
{
  return need <= *cap ? AMZ_OK : amz_grow_more(items, cap, need, size);
}

/* Copy of n bytes with a NUL behind them.
 * \return the copy, to be released with free(); NULL when out of memory. */
char *amz_strndup(const char *text, size_t n) AMZ_MUST_CHECK;

#endif
