/* Findings about a text the user wrote: where, how bad, what. Collected, so that all are shown at once. */
#ifndef AMORSIZE_DIAG_H
#define AMORSIZE_DIAG_H

#include <stdbool.h>
#include <stddef.h>

#include <amorsize/buf.h>
#include <amorsize/error.h>

enum amz_severity { AMZ_WARNING, AMZ_ERROR };

struct amz_diag {
  enum amz_severity severity;
  char *file;  /* as the user named it; "--set" and the like for the command line */
  size_t line; /* 1-based; 0: the file as a whole */
  size_t column;
  char *text;
};

struct amz_diags {
  struct amz_diag *items;
  size_t count, cap;
  size_t errors, warnings; /* counted beyond the bound too */
  bool failed;             /* memory ran out: findings are missing */
};

/* More findings than this are counted, not kept. */
#define AMZ_DIAGS_MAX 100

void amz_diags_init(struct amz_diags *d);
void amz_diags_clear(struct amz_diags *d);
void amz_diags_add(struct amz_diags *d, enum amz_severity severity, const char *file, size_t line, size_t column,
                   const char *format, ...) AMZ_PRINTF(6, 7);
/* Appends "file:12:9: text" lines ("file:12:9: warning: text"), sorted by position; control characters in user's
 * text are shown as \xNN so that a terminal survives them. */
void amz_diags_print(const struct amz_diags *d, struct amz_buf *out);

/* Appends text with control characters and invalid UTF-8 as \xNN, cut after max bytes of input with "…". */
void amz_buf_add_printable(struct amz_buf *b, const char *text, size_t n, size_t max);

/* The nearest of `names` to `word` by edit distance (insert, delete, replace, swap), for "did you mean".
 * \return one of names, or NULL when none is near (distance > 1 + length / 4). */
const char *amz_nearest(const char *word, const char *const *names, size_t n);

#endif
