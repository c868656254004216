/* What a job is known by, as a person reads it (history_key.c). */
#ifndef AMZ_REPORT_HISTORY_KEY_H
#define AMZ_REPORT_HISTORY_KEY_H

#include <amorsize/buf.h>

/* Appends lines of a report for a key of the history. */
void amz_history_key_add(const char *key, struct amz_buf *out);

#endif
