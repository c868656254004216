/* Quoting of values for the place in a shell text where they stand. Private to the job room. */
#ifndef AMZ_JOB_QUOTE_H
#define AMZ_JOB_QUOTE_H

#include <stddef.h>

#include <amorsize/buf.h>

enum amz_quoting {
  AMZ_QUOTE_NONE,   /* the bytes as they are */
  AMZ_QUOTE_BARE,   /* outside quotes: '…' around it, always: a plain 2 before > would be read with its neighbour */
  AMZ_QUOTE_DOUBLE, /* inside "…": a backslash before $ ` " \ */
  AMZ_QUOTE_SINGLE, /* inside '…': '\'' for ' */
};

void amz_quote_add(enum amz_quoting quoting, const char *text, size_t n, struct amz_buf *out);

#endif
