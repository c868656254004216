/* Which fields of a profile are in its JSON, and how: one set of tables that the writer and the reader both walk, so that what is
 * written can be read. */
#ifndef AMZ_REPORT_NODE_FIELDS_H
#define AMZ_REPORT_NODE_FIELDS_H

#include <stdbool.h>
#include <stddef.h>

enum amz_field_kind {
  AMZ_FIELD_TEXT,     /* char *, never NULL once read */
  AMZ_FIELD_FLAG,     /* bool */
  AMZ_FIELD_U32,
  AMZ_FIELD_U64,
  AMZ_FIELD_I64,
  AMZ_FIELD_INT,      /* int, may be negative */
  AMZ_FIELD_REAL,     /* double >= 0 */
  AMZ_FIELD_PAIR,     /* double[2] >= 0 */
  AMZ_FIELD_SHARE,    /* double; negative: unknown, null */
  AMZ_FIELD_DOMAIN,   /* uint32_t; UINT32_MAX is null, or `word` where there is one */
  AMZ_FIELD_NAME,     /* an enum by its names */
  AMZ_FIELD_QUANTITY, /* struct amz_quantity */
  AMZ_FIELD_OBJECT,   /* the fields of a struct within, or of the same one (offset 0) under a key */
  AMZ_FIELD_ROWS,     /* an array of structs: pointer at offset, how many at count */
  AMZ_FIELD_NUMBERS,  /* an array of uint32_t, likewise */
  AMZ_FIELD_COUNT,    /* a size_t that rows have filled in: written, compared when read */
};

struct amz_field {
  const char *key; /* NULL ends a table */
  enum amz_field_kind kind;
  bool required;
  size_t offset;
  const struct amz_field *fields; /* OBJECT, ROWS */
  size_t count;                   /* offset of their number: a size_t, or, */
  bool count_u32;                 /* a uint32_t that was read before: so many must there be */
  size_t item_bytes, max;         /* ROWS, NUMBERS */
  const char *const *names;       /* NAME: ended by NULL */
  const char *word;               /* DOMAIN */
};

/* Of struct amz_node. */
extern const struct amz_field amz_node_fields[];

#endif
