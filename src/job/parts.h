/* What a template is made of once it is read: pieces of text and placeholders, in order. Private to templates and commands. */
#ifndef AMZ_JOB_PARTS_H
#define AMZ_JOB_PARTS_H

#include <stdbool.h>
#include <stddef.h>

#include <amorsize/buf.h>
#include <amorsize/error.h>

#include "quote.h"
#include "template.h"

enum amz_part_kind {
  AMZ_PART_TEXT,  /* bytes to be copied */
  AMZ_PART_SHELL, /* "${…}" of a shell text: copied too, and opaque to us */
  AMZ_PART_NAME,  /* the value of a user's name */
  AMZ_PART_INDEX, /* built-in placeholders, from here to the end of the list but one */
  AMZ_PART_THREADS,
  AMZ_PART_RANK,
  AMZ_PART_SLOT,
  AMZ_PART_JOB,
  AMZ_PART_SCRATCH,
  AMZ_PART_BREAK /* the end of an argument: a NUL */
};

enum amz_modifier { AMZ_WHOLE, AMZ_BASE, AMZ_DIR, AMZ_STEM, AMZ_EXT };

struct amz_part {
  enum amz_part_kind kind;
  enum amz_modifier modifier;
  enum amz_quoting quoting;
  bool apart;        /* inside "…", directly behind a $variable: the quotes are closed and opened again before the value */
  size_t name;       /* NAME: its number */
  size_t at;         /* offset in the user's text, for messages */
  size_t begin, len; /* TEXT, SHELL: the bytes, in text; placeholders: their name */
};

struct amz_parts {
  struct amz_part *items;
  size_t count, cap;
  struct amz_buf text;
};

static inline bool amz_part_is_text(const struct amz_part *p)
{
  return p->kind == AMZ_PART_TEXT || p->kind == AMZ_PART_SHELL;
}

void amz_parts_clear(struct amz_parts *parts);
/* Appends a piece of text, or an item of another kind whose name is the text. \return AMZ_OK; AMZ_ENOMEM. */
int amz_parts_add(struct amz_parts *parts, struct amz_part part, const char *text, size_t n) AMZ_MUST_CHECK;
/* Reads a template's text; `shell`: "${…}" is left alone. Appends to *parts, also on failure.
 * \return AMZ_OK; AMZ_ENOMEM; AMZ_EINVAL with *err and *ret_at. */
int amz_parts_read(struct amz_parts *parts, const char *text, bool shell, const char *const *names, size_t n_names,
                   struct amz_error *err, size_t *ret_at) AMZ_MUST_CHECK;
void amz_parts_fill(const struct amz_parts *parts, const struct amz_values *values, struct amz_buf *out);
/* Appends the template again, placeholders as "{name}" or "{name:base}", the end of an argument as a newline: alike for templates
 * that are alike. */
void amz_parts_print(const struct amz_parts *parts, struct amz_buf *out);
bool amz_parts_use(const struct amz_parts *parts, const char *name);

#endif
