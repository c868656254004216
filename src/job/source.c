/* Task sources in general, and the two that hold their values ready: lists and the matches of a pattern.
 *
 * Both keep all values in one text, each followed by a NUL (which no value can hold), and the offset of each. */
#include "source.h"

#include <stdlib.h>
#include <string.h>

#include <amorsize/alloc.h>

#include "source_impl.h"

struct packed {
  struct amz_source base;
  char *text;
  uint64_t *begins;
};

void amz_source_free(struct amz_source *s)
{
  if (s)
    s->kind->release(s);
}

uint64_t amz_source_count(const struct amz_source *s)
{
  return s->count;
}

void amz_source_value(const struct amz_source *s, uint64_t i, struct amz_buf *out)
{
  s->kind->value(s, i, out);
}

static void packed_value(const struct amz_source *s, uint64_t i, struct amz_buf *out)
{
  const struct packed *p = (const struct packed *)s;

  amz_buf_adds(out, p->text + p->begins[i]);
}

static void packed_release(struct amz_source *s)
{
  struct packed *p = (struct packed *)s;

  free(p->text);
  free(p->begins);
  free(p);
}

static const struct amz_source_kind packed_kind = {packed_value, packed_release};

/* Takes the NUL-ended values out of *text, which is left empty, on failure too. */
static int packed_new(struct amz_buf *text, struct amz_error *err, struct amz_source **ret)
{
  size_t len = text->len, count = 0;
  struct packed *p = calloc(1, sizeof *p);

  for (size_t i = 0; i < len; i++)
    count += text->data[i] == '\0';
  if (!p)
    goto no_memory;
  p->base = (struct amz_source){&packed_kind, count};
  p->begins = amz_new_array(count, sizeof *p->begins);
  p->text = amz_buf_detach(text);
  if (!p->begins || !p->text)
    goto no_memory;
  for (size_t i = 0, at = 0; i < count; i++) {
    p->begins[i] = at;
    at += strlen(p->text + at) + 1;
  }
  *ret = &p->base;
  return AMZ_OK;
no_memory:
  amz_buf_clear(text);
  if (p)
    packed_release(&p->base);
  return amz_error_set(err, AMZ_ENOMEM, "out of memory for the values of a task source");
}

int amz_source_list(const char *const *values, size_t n, struct amz_error *err, struct amz_source **ret)
{
  struct amz_buf text = AMZ_BUF_INIT;

  for (size_t i = 0; i < n; i++)
    amz_buf_add(&text, values[i], strlen(values[i]) + 1);
  return packed_new(&text, err, ret);
}

int amz_source_glob(const struct amz_files *files, const char *pattern, struct amz_error *err, struct amz_source **ret)
{
  struct amz_buf text = AMZ_BUF_INIT;
  int rc = files->glob(files->ctx, pattern, &text, err);

  if (rc < 0) {
    amz_buf_clear(&text);
    return rc;
  }
  return packed_new(&text, err, ret);
}
