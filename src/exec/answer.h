/* Where a co-process' answers end: its output is cut into results, a line each or all lines up to one that equals the sentinel.
 * Room-private.
 *
 * Bytes are taken as they come, cut anywhere; nothing of a result is kept here but what may still turn out to be the sentinel. */
#ifndef AMZ_EXEC_ANSWER_H
#define AMZ_EXEC_ANSWER_H

#include <stdbool.h>
#include <stddef.h>

#include <amorsize/buf.h>
#include <amorsize/error.h>

/* Zero-initialised: a result is a line, and never a failure. Texts are borrowed. */
struct amz_answer_rules {
  const char *sentinel, *fail_prefix; /* NULL: none */
  size_t sentinel_bytes, fail_prefix_bytes;
};

/* Zero-initialised is at the beginning of a result. */
struct amz_answer {
  size_t bytes;        /* of the result, so far */
  bool mid_line;       /* the line can't become the sentinel any more */
  bool differs;        /* from the prefix of failures */
  bool spent;          /* the stash was handed out */
  struct amz_buf stash;
};

struct amz_piece {
  const char *bytes; /* of the result; borrowed until the next call */
  size_t n;
  bool complete;     /* the result ends here */
  bool failed;       /* when complete: it begins as failures do */
};

void amz_answer_clear(struct amz_answer *a);
/* Begins anew, whatever had come. */
void amz_answer_reset(struct amz_answer *a);
/* Takes some of n > 0 bytes of output; to be called again with the rest.
 * \return how many were taken, > 0, with *ret; 0: out of memory. */
size_t amz_answer_take(struct amz_answer *a, const struct amz_answer_rules *rules, const char *bytes, size_t n,
                       struct amz_piece *ret);

#endif
