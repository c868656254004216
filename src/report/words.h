/* The words and number forms that every view of a run shares. */
#ifndef AMZ_REPORT_WORDS_H
#define AMZ_REPORT_WORDS_H

#include <stddef.h>
#include <stdint.h>

#include <amorsize/buf.h>
#include <amorsize/report.h>

/* Enough for any formatted number with its unit. */
#define AMZ_WORD 48

/* Seconds as "1.24 s". \return out. */
char *amz_word_seconds(double s, char out[AMZ_WORD]);
/* "1 234/s", "0.25/s". \return out. */
char *amz_word_rate(double per_s, char out[AMZ_WORD]);
/* "1 task", "1 200 tasks". \return out. */
char *amz_word_tasks(uint64_t n, char out[AMZ_WORD]);

/* "1.2 s to 1.4 s"; "1.2 s or more" when the upper end is beyond all measure. */
void amz_word_range(double low_s, double high_s, struct amz_buf *out);
/* Appends "11.9 s (11.2 s to 12.9 s)"; without the bracket when the interval isn't known. */
void amz_word_prediction(const struct amz_prediction *p, struct amz_buf *out);

/* Tasks with a final outcome. */
uint64_t amz_progress_done(const struct amz_run_progress *p);
/* \return outcomes per second of this launch; 0 when unknown. */
double amz_progress_rate(const struct amz_run_progress *p);

/* A line of a block: the name in a column of its own, then the caller's text and a newline of the caller's. */
void amz_word_name(const char *name, struct amz_buf *out);

#endif
