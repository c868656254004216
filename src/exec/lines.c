/* The queue of a co-process' lines: two arrays whose used-up fronts are dropped now and then. */
#include "lines.h"

#include <stdlib.h>
#include <string.h>

#include <amorsize/alloc.h>

#define KEEP_FRONT (64u * 1024) /* bytes that are answered and not yet dropped */
#define KEEP_ITEMS 1024u

void amz_lines_clear(struct amz_lines *l)
{
  free(l->items);
  amz_buf_clear(&l->text);
  memset(l, 0, sizeof *l);
}

/* Moving costs as much as there is behind, so it waits until there is more in front. */
static void drop_front(struct amz_lines *l)
{
  if (l->text_first > KEEP_FRONT && l->text_first > l->text.len / 2) {
    amz_buf_consume(&l->text, l->text_first);
    l->text_fed -= l->text_first;
    l->text_first = 0;
  }
  if (l->first > KEEP_ITEMS && l->first > l->count) {
    memmove(l->items, l->items + l->first, l->count * sizeof *l->items);
    l->first = 0;
  }
}

int amz_lines_add(struct amz_lines *l, const struct amz_line *line, const char *text)
{
  drop_front(l);
  if (amz_grow((void **)&l->items, &l->cap, l->first + l->count + 1, sizeof *l->items) < 0)
    return AMZ_ENOMEM;
  amz_buf_add(&l->text, text, line->bytes);
  if (amz_buf_ok(&l->text) < 0)
    return AMZ_ENOMEM;
  l->items[l->first + l->count++] = *line;
  return AMZ_OK;
}

const char *amz_lines_next(const struct amz_lines *l, size_t window, size_t *ret_n)
{
  size_t until = window < l->count ? window : l->count, n = 0;

  for (size_t i = l->fed; i < until; i++)
    n += l->items[l->first + i].bytes;
  *ret_n = n > l->ahead ? n - l->ahead : 0;
  return *ret_n ? l->text.data + l->text_fed : "";
}

void amz_lines_wrote(struct amz_lines *l, size_t n)
{
  l->text_fed += n;
  n += l->ahead;
  while (l->fed < l->count && n >= l->items[l->first + l->fed].bytes)
    n -= l->items[l->first + l->fed++].bytes;
  l->ahead = n;
}

const struct amz_line *amz_lines_head(const struct amz_lines *l)
{
  return l->count ? &l->items[l->first] : NULL;
}

void amz_lines_drop(struct amz_lines *l)
{
  if (!l->count)
    return;
  l->text_first += l->items[l->first].bytes;
  if (l->fed) {
    l->fed--;
  } else { /* what was written of it is not written of the next */
    l->ahead = 0;
    l->text_fed = l->text_first;
  }
  l->first++;
  if (--l->count)
    return;
  l->first = l->text_first = l->text_fed = 0;
  if (l->text.cap > KEEP_FRONT)
    amz_buf_clear(&l->text);
  else
    amz_buf_reset(&l->text);
}

void amz_lines_rewind(struct amz_lines *l)
{
  l->fed = l->ahead = 0;
  l->text_fed = l->text_first;
}

int amz_lines_take_back(struct amz_lines *l, struct amz_line *ret)
{
  if (l->count == 0 || l->fed == l->count || (l->ahead && l->fed + 1 == l->count))
    return 0;
  *ret = l->items[l->first + --l->count];
  l->text.len -= ret->bytes;
  l->text.data[l->text.len] = '\0';
  if (l->count == 0)
    l->first = l->text_first = l->text_fed = l->text.len = 0;
  return 1;
}
