/* Tables after RFC 4180: a header of names, then rows of as many fields. Each column is a source; all columns share the table.
 *
 * The file's text is kept as it is, with the offset of each row; a field is found and unquoted when it is asked for. So a row
 * costs 8 bytes beside its text. The whole text is checked once on reading, which is why reading a value can't fail. */
#include <stdlib.h>
#include <string.h>

#include <amorsize/alloc.h>
#include <amorsize/job.h>

#include "source_impl.h"

/* More columns than any table of tasks has; bounds the search for duplicate names. */
#define COLUMNS_MAX 4096

struct table {
  size_t users; /* columns that are alive */
  struct amz_buf text;
  uint64_t *begins; /* of the rows behind the header */
  char **names;
  size_t columns;
  uint64_t rows;
};

struct column {
  struct amz_source base;
  struct table *table;
  size_t number;
};

/* ---- scanning --------------------------------------------------------------------------------------------------------- */

enum field_end { END_COMMA, END_ROW, END_TEXT };

struct field {
  size_t begin, len; /* without the outer quotes */
  bool quoted;
  enum field_end end;
};

struct scan {
  const char *text;
  size_t len, at;
  size_t line, line_begin; /* where `at` is, for messages */
  const char *wrong;       /* what is wrong at `at`, or NULL */
};

static bool fail_at(struct scan *s, size_t at, const char *what)
{
  s->at = at;
  s->wrong = what;
  return false;
}

static void begin_line(struct scan *s, size_t at)
{
  s->line++;
  s->line_begin = at;
}

/* Steps over what must stand behind a field. */
static bool field_end(struct scan *s, enum field_end *ret)
{
  size_t at = s->at;

  if (at == s->len) {
    *ret = END_TEXT;
    return true;
  }
  if (s->text[at] == ',') {
    s->at++;
    *ret = END_COMMA;
    return true;
  }
  if (s->text[at] == '\r' && at + 1 < s->len && s->text[at + 1] == '\n')
    at++;
  if (s->text[at] != '\n')
    return fail_at(s, at, s->text[at] == '\r' ? "a carriage return without its line feed; put the field in quotes"
                                              : "text behind a closing quote");
  s->at = at + 1;
  begin_line(s, s->at);
  *ret = END_ROW;
  return true;
}

static bool quoted_field(struct scan *s, struct field *f)
{
  size_t open = s->at, line = s->line, line_begin = s->line_begin, at = open + 1;

  for (; at < s->len; at++) {
    if (s->text[at] == '\n')
      begin_line(s, at + 1);
    if (s->text[at] != '"')
      continue;
    if (at + 1 == s->len || s->text[at + 1] != '"')
      break;
    at++;
  }
  if (at == s->len) {
    s->line = line;
    s->line_begin = line_begin;
    return fail_at(s, open, "this quote is never closed");
  }
  f->begin = open + 1;
  f->len = at - f->begin;
  f->quoted = true;
  s->at = at + 1;
  return field_end(s, &f->end);
}

/* The next field and what ends it; false with s->wrong. */
static bool next_field(struct scan *s, struct field *f)
{
  size_t at = s->at;

  if (at < s->len && s->text[at] == '"')
    return quoted_field(s, f);
  while (at < s->len && !memchr(",\r\n\"", s->text[at], 4))
    at++;
  if (at < s->len && s->text[at] == '"')
    return fail_at(s, at, "a quote inside a plain field; put the whole field in quotes and double this one");
  *f = (struct field){s->at, at - s->at, false, END_TEXT};
  s->at = at;
  return field_end(s, &f->end);
}

static void add_field(const char *text, const struct field *f, struct amz_buf *out)
{
  const char *from = text + f->begin, *end = from + f->len, *quote;

  while (f->quoted && (quote = memchr(from, '"', (size_t)(end - from)))) {
    amz_buf_add(out, from, (size_t)(quote - from) + 1);
    from = quote + 2; /* quotes come in pairs here */
  }
  amz_buf_add(out, from, (size_t)(end - from));
}

/* ---- the table -------------------------------------------------------------------------------------------------------- */

static void table_leave(struct table *t)
{
  if (t->users > 0 && --t->users > 0)
    return;
  for (size_t i = 0; i < t->columns; i++)
    free(t->names[i]);
  free(t->names);
  free(t->begins);
  amz_buf_clear(&t->text);
  free(t);
}

static int wrong_at(const char *path, const struct scan *s, struct amz_error *err)
{
  return amz_error_set(err, AMZ_EINVAL, "%.400s:%zu:%zu: %s", path, s->line, s->at - s->line_begin + 1, s->wrong);
}

static int no_memory(const char *path, struct amz_error *err)
{
  return amz_error_set(err, AMZ_ENOMEM, "out of memory for the table %.400s", path);
}

static int add_name(struct table *t, size_t *cap, const char *path, size_t line, const struct field *f, struct amz_error *err)
{
  struct amz_buf name = AMZ_BUF_INIT;

  if (t->columns == COLUMNS_MAX)
    return amz_error_set(err, AMZ_EINVAL, "%.400s:%zu: more than %d columns", path, line, COLUMNS_MAX);
  if (amz_grow((void **)&t->names, cap, t->columns + 1, sizeof *t->names) < 0)
    return no_memory(path, err);
  if (f->len == 0)
    return amz_error_set(err, AMZ_EINVAL, "%.400s:%zu: column %zu has no name", path, line, t->columns + 1);
  add_field(t->text.data, f, &name);
  if (!(t->names[t->columns] = amz_buf_detach(&name)))
    return no_memory(path, err);
  t->columns++;
  for (size_t i = 0; i + 1 < t->columns; i++)
    if (strcmp(t->names[i], t->names[t->columns - 1]) == 0)
      return amz_error_set(err, AMZ_EINVAL, "%.400s:%zu: columns %zu and %zu are both called \"%.80s\"", path, line, i + 1,
                           t->columns, t->names[i]);
  return AMZ_OK;
}

static int read_header(struct table *t, const char *path, struct scan *s, struct amz_error *err)
{
  struct field f = {0, 0, false, END_TEXT};
  size_t cap = 0, line;
  int rc;

  if (s->at == s->len)
    return amz_error_set(err, AMZ_EINVAL, "%.400s: the table is empty: a header with the column names is needed", path);
  do {
    line = s->line;
    if (!next_field(s, &f))
      return wrong_at(path, s, err);
    if ((rc = add_name(t, &cap, path, line, &f, err)) < 0)
      return rc;
  } while (f.end == END_COMMA);
  return AMZ_OK;
}

static int read_rows(struct table *t, const char *path, struct scan *s, struct amz_error *err)
{
  size_t cap = 0;

  while (s->at < s->len) {
    struct field f = {0, 0, false, END_TEXT};
    size_t fields = 0, line = s->line, begin = s->at;

    do {
      if (!next_field(s, &f))
        return wrong_at(path, s, err);
      fields++;
    } while (f.end == END_COMMA);
    if (fields != t->columns)
      return amz_error_set(err, AMZ_EINVAL, "%.400s:%zu: %zu field%s where the header has %zu", path, line, fields,
                           fields == 1 ? "" : "s", t->columns);
    if (amz_grow((void **)&t->begins, &cap, (size_t)t->rows + 1, sizeof *t->begins) < 0)
      return no_memory(path, err);
    t->begins[t->rows++] = begin;
  }
  return AMZ_OK;
}

static int refuse_nul(const struct table *t, const char *path, const struct scan *begin, struct amz_error *err)
{
  struct scan s = *begin;
  const char *nul = s.len ? memchr(s.text, '\0', s.len) : NULL;

  if (!nul)
    return AMZ_OK;
  for (const char *c = s.text; c < nul; c++)
    if (*c == '\n')
      begin_line(&s, (size_t)(c - t->text.data) + 1);
  (void)fail_at(&s, (size_t)(nul - s.text), "a NUL byte: this is no text file");
  return wrong_at(path, &s, err);
}

static int table_read(struct table *t, const struct amz_files *files, const char *path, struct amz_error *err)
{
  struct scan s = {NULL, 0, 0, 1, 0, NULL};
  int rc = files->read(files->ctx, path, AMZ_JOB_SOURCE_MAX, &t->text, err);

  if (rc < 0)
    return rc;
  s.text = t->text.data;
  s.len = t->text.len;
  if (s.len >= 3 && memcmp(s.text, "\xef\xbb\xbf", 3) == 0)
    s.at = s.line_begin = 3;
  if ((rc = refuse_nul(t, path, &s, err)) < 0 || (rc = read_header(t, path, &s, err)) < 0)
    return rc;
  return read_rows(t, path, &s, err);
}

/* ---- columns ---------------------------------------------------------------------------------------------------------- */

static void column_value(const struct amz_source *s, uint64_t i, struct amz_buf *out)
{
  const struct column *c = (const struct column *)s;
  const struct table *t = c->table;
  struct scan scan = {t->text.data, t->text.len, t->begins[i], 1, 0, NULL};
  struct field f = {0, 0, false, END_TEXT};

  for (size_t k = 0; k <= c->number; k++)
    if (!next_field(&scan, &f))
      return; /* can't be: the text was checked */
  add_field(t->text.data, &f, out);
}

static void column_release(struct amz_source *s)
{
  struct column *c = (struct column *)s;

  table_leave(c->table);
  free(c);
}

static const struct amz_source_kind column_kind = {column_value, column_release};

static struct amz_source *column_new(struct table *t, size_t number)
{
  struct column *c = calloc(1, sizeof *c);

  if (!c)
    return NULL;
  c->base = (struct amz_source){&column_kind, t->rows};
  c->table = t;
  c->number = number;
  t->users++;
  return &c->base;
}

/* Both arrays and all columns, or none of them. */
static int make_columns(struct table *t, const char ***ret_names, struct amz_source ***ret_columns)
{
  const char **names = amz_new_array(t->columns, sizeof *names);
  struct amz_source **columns = amz_new_array(t->columns, sizeof *columns);
  size_t n = 0;

  t->users = 1; /* so that the table outlives a failure here */
  while (names && columns && n < t->columns && (columns[n] = column_new(t, n))) {
    names[n] = t->names[n];
    n++;
  }
  if (names && columns && n == t->columns) {
    t->users--;
    *ret_names = names;
    *ret_columns = columns;
    return AMZ_OK;
  }
  while (n > 0)
    amz_source_free(columns[--n]);
  free(names);
  free(columns);
  return AMZ_ENOMEM;
}

int amz_source_csv(const struct amz_files *files, const char *path, struct amz_error *err, const char ***ret_names,
                   struct amz_source ***ret_columns, size_t *ret_n)
{
  struct table *t = calloc(1, sizeof *t);
  size_t n;
  int rc;

  if (!t)
    return no_memory(path, err);
  if ((rc = table_read(t, files, path, err)) < 0) {
    table_leave(t);
    return rc;
  }
  n = t->columns;
  if (make_columns(t, ret_names, ret_columns) < 0) {
    table_leave(t);
    return no_memory(path, err);
  }
  *ret_n = n;
  return AMZ_OK;
}
