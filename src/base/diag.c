/* Findings with a position, kept in order and bounded in number; text made safe for terminals; near words. */
#include <amorsize/diag.h>

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <amorsize/alloc.h>

void amz_diags_init(struct amz_diags *d)
{
  memset(d, 0, sizeof *d);
}

void amz_diags_clear(struct amz_diags *d)
{
  for (size_t i = 0; i < d->count; i++) {
    free(d->items[i].file);
    free(d->items[i].text);
  }
  free(d->items);
  amz_diags_init(d);
}

static bool before(const struct amz_diag *a, const struct amz_diag *b)
{
  int by_file = strcmp(a->file, b->file);

  if (by_file != 0)
    return false; /* files stay in the order in which they came */
  if (a->line != b->line)
    return a->line < b->line;
  return a->column < b->column;
}

void amz_diags_add(struct amz_diags *d, enum amz_severity severity, const char *file, size_t line, size_t column,
                   const char *format, ...)
{
  struct amz_diag item = {severity, NULL, line, column, NULL};
  va_list ap;
  size_t at;
  char words[2048];

  if (severity == AMZ_ERROR)
    d->errors++;
  else
    d->warnings++;
  if (d->count >= AMZ_DIAGS_MAX)
    return;
  va_start(ap, format);
  (void)vsnprintf(words, sizeof words, format, ap);
  va_end(ap);
  item.text = amz_strndup(words, strlen(words));
  item.file = amz_strndup(file ? file : "", file ? strlen(file) : 0);
  if (!item.text || !item.file || amz_grow((void **)&d->items, &d->cap, d->count + 1, sizeof *d->items) < 0) {
    free(item.text);
    free(item.file);
    d->failed = true;
    return;
  }
  for (at = d->count; at > 0 && before(&item, &d->items[at - 1]); at--)
    d->items[at] = d->items[at - 1];
  d->items[at] = item;
  d->count++;
}

void amz_diags_print(const struct amz_diags *d, struct amz_buf *out)
{
  for (size_t i = 0; i < d->count; i++) {
    const struct amz_diag *item = &d->items[i];

    amz_buf_add_printable(out, item->file, strlen(item->file), SIZE_MAX);
    if (item->line)
      amz_buf_addf(out, ":%zu:%zu", item->line, item->column);
    amz_buf_adds(out, item->severity == AMZ_WARNING ? ": warning: " : ": ");
    amz_buf_add_printable(out, item->text, strlen(item->text), SIZE_MAX);
    amz_buf_addc(out, '\n');
  }
  if (d->errors + d->warnings > d->count)
    amz_buf_addf(out, "… and %zu more\n", d->errors + d->warnings - d->count);
}

/* Length of the well-formed UTF-8 sequence at s (RFC 3629), 0 when there is none. */
static size_t utf8_sequence(const unsigned char *s, size_t n)
{
  size_t len = s[0] < 0x80 ? 1 : s[0] >= 0xc2 && s[0] < 0xe0 ? 2 : s[0] >= 0xe0 && s[0] < 0xf0 ? 3
               : s[0] >= 0xf0 && s[0] < 0xf5 ? 4 : 0;

  if (len == 0 || len > n)
    return 0;
  for (size_t i = 1; i < len; i++)
    if ((s[i] & 0xc0) != 0x80)
      return 0;
  if ((s[0] == 0xe0 && s[1] < 0xa0) || (s[0] == 0xed && s[1] > 0x9f) || (s[0] == 0xf0 && s[1] < 0x90) ||
      (s[0] == 0xf4 && s[1] > 0x8f))
    return 0;
  return len;
}

void amz_buf_add_printable(struct amz_buf *b, const char *text, size_t n, size_t max)
{
  const unsigned char *s = (const unsigned char *)text;
  size_t i = 0, end = n < max ? n : max;

  while (i < end) {
    size_t len = utf8_sequence(s + i, n - i);
    bool control = len == 0 || (len == 1 && (s[i] < 0x20 || s[i] == 0x7f)) || (len == 2 && s[i] == 0xc2 && s[i + 1] < 0xa0);

    if (control) {
      amz_buf_addf(b, "\\x%02x", s[i]);
      i++;
    } else {
      amz_buf_add(b, s + i, len);
      i += len;
    }
  }
  if (end < n)
    amz_buf_adds(b, "…");
}

#define NEAREST_WORD 64

/* Optimal string alignment distance of two short words. */
static size_t distance(const char *a, size_t n, const char *b, size_t m)
{
  size_t rows[3][NEAREST_WORD + 1], *two = rows[0], *one = rows[1], *now = rows[2], *spare;

  for (size_t j = 0; j <= m; j++)
    one[j] = j;
  for (size_t i = 1; i <= n; i++) {
    now[0] = i;
    for (size_t j = 1; j <= m; j++) {
      size_t best = one[j - 1] + (a[i - 1] != b[j - 1]);

      if (one[j] + 1 < best)
        best = one[j] + 1;
      if (now[j - 1] + 1 < best)
        best = now[j - 1] + 1;
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] && two[j - 2] + 1 < best)
        best = two[j - 2] + 1;
      now[j] = best;
    }
    spare = two;
    two = one;
    one = now;
    now = spare;
  }
  return one[m];
}

const char *amz_nearest(const char *word, const char *const *names, size_t n)
{
  size_t len = strlen(word), best = 2 + len / 4;
  const char *found = NULL;

  if (len > NEAREST_WORD)
    return NULL;
  for (size_t i = 0; i < n; i++) {
    size_t m = strlen(names[i]), d;

    if (m > NEAREST_WORD)
      continue;
    d = distance(word, len, names[i], m);
    if (d < best) {
      best = d;
      found = names[i];
    }
  }
  return found;
}
