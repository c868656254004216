/* What ranks write to each other in a survey, as bytes. */
#ifndef AMZ_SURVEY_LETTERS_H
#define AMZ_SURVEY_LETTERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <amorsize/buf.h>
#include <amorsize/error.h>
#include <amorsize/measure.h>

enum amz_letter {
  AMZ_LETTER_HELLO = 1, /* to rank 0: where I am, which units I may use */
  AMZ_LETTER_ORDER,     /* from rank 0: whether you measure, and how */
  AMZ_LETTER_READY,     /* to rank 0: I have looked */
  AMZ_LETTER_GO,        /* from rank 0: all have looked, measure */
  AMZ_LETTER_RESULT,    /* to rank 0: the profile, or why there is none */
  AMZ_LETTER_LINK,      /* from rank 0: measure messages with me */
  AMZ_LETTER_OVER,      /* from rank 0: go home */
};

/* A set of processing units, by the system's numbers, ascending. */
struct amz_units {
  uint32_t *items;
  uint32_t n;
};

struct amz_hello {
  char node[256];
  struct amz_units units;
};

struct amz_survey_order {
  bool measure, fast;
  enum amz_effort effort;
  const char *topology, *root; /* NULL: none; in the letter's bytes once read */
  struct amz_units units;      /* of all the launch's ranks on that node */
};

struct amz_survey_result {
  int rc;
  const char *text;  /* why there is no profile, or warnings */
  const char *json;  /* the profile; in the letter's bytes once read */
  size_t n_json;
};

/* Begins a letter. */
void amz_letter_begin(struct amz_buf *out, enum amz_letter kind);
/* \return the kind of a letter; 0: it is none. The cursor stands behind it. */
enum amz_letter amz_letter_kind(const void *bytes, size_t n, struct amz_cursor *ret);

void amz_hello_encode(const struct amz_hello *hello, struct amz_buf *out);
/* \return AMZ_OK (free units.items); AMZ_ECORRUPT; AMZ_ENOMEM. */
int amz_hello_decode(struct amz_cursor *c, struct amz_hello *ret);
void amz_survey_order_encode(const struct amz_survey_order *order, struct amz_buf *out);
int amz_survey_order_decode(struct amz_cursor *c, struct amz_survey_order *ret);
void amz_survey_result_encode(const struct amz_survey_result *result, struct amz_buf *out);
int amz_survey_result_decode(struct amz_cursor *c, struct amz_survey_result *ret);

#endif
