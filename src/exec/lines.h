/* The task lines of one co-process: those it was given and has not answered, and those that wait behind them. Room-private.
 *
 * Invariants: answers come in the order of lines, so that the head, the oldest line without an answer, is the one that the
 * program works on. A line is kept until it is answered: a program that takes its place is given it again. fed <= count lines
 * are written whole; `ahead` bytes of the next one, too, when a pipe had no room for all of it. */
#ifndef AMZ_EXEC_LINES_H
#define AMZ_EXEC_LINES_H

#include <stddef.h>
#include <stdint.h>

#include <amorsize/buf.h>
#include <amorsize/error.h>

struct amz_line {
  uint64_t index, tag;
  size_t bytes;
  uint32_t attempt;
};

/* Zero-initialised is empty. */
struct amz_lines {
  struct amz_line *items; /* the head is items[first] */
  size_t cap, first, count, fed, ahead;
  struct amz_buf text;    /* the head begins at text_first */
  size_t text_first, text_fed;
};

void amz_lines_clear(struct amz_lines *l);
/* Copies the line; text ends with its newline. \return AMZ_OK; AMZ_ENOMEM, and the line isn't there. */
int amz_lines_add(struct amz_lines *l, const struct amz_line *line, const char *text) AMZ_MUST_CHECK;
/* \return what is to be written next so that at most `window` lines are without an answer; *ret_n bytes, 0: nothing. */
const char *amz_lines_next(const struct amz_lines *l, size_t window, size_t *ret_n);
/* So many bytes of that were written. */
void amz_lines_wrote(struct amz_lines *l, size_t n);
/* \return the oldest line without an answer; NULL: none. */
const struct amz_line *amz_lines_head(const struct amz_lines *l);
/* The head has its answer. */
void amz_lines_drop(struct amz_lines *l);
/* Nothing of what is left was written: another program takes over. */
void amz_lines_rewind(struct amz_lines *l);
/* Takes the newest line away if nothing of it was written. \return 1 with *ret; 0: there is none. */
int amz_lines_take_back(struct amz_lines *l, struct amz_line *ret);

/* \return bytes that were written and belong to lines without an answer. */
static inline size_t amz_lines_written(const struct amz_lines *l)
{
  return l->text_fed - l->text_first;
}

#endif
