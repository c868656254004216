/* The lines of a file. Invariant: the file's text is kept whole, and for each value the offset where its line begins; the end
 * is looked up when the value is asked for, so that a line costs 8 bytes beside its text, however long it is. */
#include <stdlib.h>
#include <string.h>

#include <amorsize/alloc.h>
#include <amorsize/job.h>

#include "source_impl.h"

struct lines {
  struct amz_source base;
  struct amz_buf text;
  uint64_t *begins;
};

/* Length of the line at `at` without its end; *ret_next is where the next one begins. */
static size_t line_at(const struct amz_buf *text, size_t at, size_t *ret_next)
{
  const char *begin = text->data + at, *end = memchr(begin, '\n', text->len - at);
  size_t n;

  if (!end) {
    *ret_next = text->len;
    return text->len - at;
  }
  n = (size_t)(end - begin);
  *ret_next = at + n + 1;
  return n > 0 && begin[n - 1] == '\r' ? n - 1 : n;
}

static void lines_value(const struct amz_source *s, uint64_t i, struct amz_buf *out)
{
  const struct lines *l = (const struct lines *)s;
  size_t next, n = line_at(&l->text, l->begins[i], &next);

  amz_buf_add(out, l->text.data + l->begins[i], n);
}

static void lines_release(struct amz_source *s)
{
  struct lines *l = (struct lines *)s;

  amz_buf_clear(&l->text);
  free(l->begins);
  free(l);
}

static const struct amz_source_kind lines_kind = {lines_value, lines_release};

static size_t skip_blanks(const char *line, size_t n)
{
  size_t i = 0;

  while (i < n && memchr(" \t\r\v\f", line[i], 5))
    i++;
  return i;
}

static bool is_task(const char *line, size_t n)
{
  size_t i = skip_blanks(line, n);

  return i < n && line[i] != '#';
}

/* Where blank lines at the end of the file begin. */
static size_t trailing_blanks_begin(const struct amz_buf *text)
{
  size_t end = text->len;

  while (end > 0 && memchr(" \t\r\v\f\n", text->data[end - 1], 6))
    end--;
  while (end > 0 && end < text->len && text->data[end] != '\n')
    end++; /* blanks behind the last words belong to them */
  return end;
}

/* Counts the values and, when begins isn't NULL, notes where each begins. */
static uint64_t index_lines(const struct amz_buf *text, bool commands, uint64_t *begins)
{
  size_t end = commands ? text->len : trailing_blanks_begin(text);
  uint64_t count = 0;

  for (size_t at = 0, next; at < end; at = next) {
    size_t n = line_at(text, at, &next);

    if (commands && !is_task(text->data + at, n))
      continue;
    if (begins)
      begins[count] = at;
    count++;
  }
  return count;
}

static int refuse_nul(const struct amz_buf *text, const char *path, struct amz_error *err)
{
  const char *nul = text->len ? memchr(text->data, '\0', text->len) : NULL;
  size_t line = 1;

  if (!nul)
    return AMZ_OK;
  for (const char *c = text->data; c < nul; c++)
    line += *c == '\n';
  return amz_error_set(err, AMZ_EINVAL, "%.400s:%zu: a NUL byte: this is no text file", path, line);
}

int amz_source_lines(const struct amz_files *files, const char *path, bool commands, struct amz_error *err,
                     struct amz_source **ret)
{
  struct lines *l = calloc(1, sizeof *l);
  int rc = AMZ_ENOMEM;

  if (!l)
    return amz_error_set(err, AMZ_ENOMEM, "out of memory for the lines of %.400s", path);
  l->base.kind = &lines_kind;
  rc = files->read(files->ctx, path, AMZ_JOB_SOURCE_MAX, &l->text, err);
  if (rc == AMZ_OK)
    rc = refuse_nul(&l->text, path, err);
  if (rc < 0)
    goto failed;
  l->base.count = index_lines(&l->text, commands, NULL);
  if (l->base.count > SIZE_MAX / sizeof *l->begins ||
      !(l->begins = amz_new_array((size_t)l->base.count, sizeof *l->begins))) {
    rc = amz_error_set(err, AMZ_ENOMEM, "out of memory for the lines of %.400s", path);
    goto failed;
  }
  (void)index_lines(&l->text, commands, l->begins);
  *ret = &l->base;
  return AMZ_OK;
failed:
  lines_release(&l->base);
  return rc;
}
