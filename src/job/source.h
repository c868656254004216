/* Task sources: where the values of a name come from. Each knows its length and computes its i-th value. */
#ifndef AMZ_JOB_SOURCE_H
#define AMZ_JOB_SOURCE_H

#include <stdbool.h>

#include <amorsize/buf.h>
#include <amorsize/error.h>
#include <amorsize/files.h>

struct amz_source; /* one column of values */

/* Values are copied. \return AMZ_OK; AMZ_ENOMEM; AMZ_EINVAL with *err (also below). All are released with amz_source_free. */
int amz_source_list(const char *const *values, size_t n, struct amz_error *err, struct amz_source **ret);
/* Inclusive range from texts as written: "1","100",NULL or "0","1","0.1" or "10","1","-3". Integers stay integers (64 bits); as
 * soon as one bound has a decimal point or exponent, value i is first + i*step computed in exact decimal arithmetic (scaled
 * integers), printed with as many decimals as the longest of first and step: 0.0 0.1 0.2 … 1.0 without drift. At most 36
 * digits; 1e-3 is 0.001. last is included when it is hit exactly. Without step: 1, or -1 when last < first. step 0, a step of
 * the wrong sign, more values than 2^62: AMZ_EINVAL. */
int amz_source_range(const char *first, const char *last, const char *step, struct amz_error *err, struct amz_source **ret);
int amz_source_glob(const struct amz_files *files, const char *pattern, struct amz_error *err, struct amz_source **ret);
/* The lines of a file, without their ends (\n or \r\n), of any length; the last may lack its end. A NUL byte is an error that
 * names the line. `commands`: task lines: blank lines and lines whose first non-blank is '#' are left out. Values of an
 * ordinary lines source keep blank lines except those at the end of the file. */
int amz_source_lines(const struct amz_files *files, const char *path, bool commands, struct amz_error *err,
                     struct amz_source **ret);
/* An RFC 4180 table with a header line: one source per column, sharing the text. Quotes, doubled quotes, commas and newlines in
 * quotes; CRLF or LF; a UTF-8 byte order mark is skipped; ragged rows, unclosed quotes, empty and duplicate names are errors
 * with the line. *ret_names and *ret_columns: arrays of *ret_n, names owned by the columns' shared table; free both arrays,
 * each source with amz_source_free. */
int amz_source_csv(const struct amz_files *files, const char *path, struct amz_error *err,
                   const char ***ret_names, struct amz_source ***ret_columns, size_t *ret_n);

void amz_source_free(struct amz_source *s); /* accepts NULL */
uint64_t amz_source_count(const struct amz_source *s);
/* Appends the bytes of value i < count. Constant time, no file is touched. */
void amz_source_value(const struct amz_source *s, uint64_t i, struct amz_buf *out);

#endif
