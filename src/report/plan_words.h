/* What the reports of plans and samples share. Room-private. */
#ifndef AMZ_REPORT_PLAN_WORDS_H
#define AMZ_REPORT_PLAN_WORDS_H

#include <amorsize/buf.h>
#include <amorsize/workload.h>

#include "object.h"

void amz_words_workload(const char *job, const struct amz_workload *w, struct amz_buf *out);
/* A line: seconds with their source. */
void amz_words_quantity(const char *name, const struct amz_quantity *q, struct amz_buf *out);
/* The contract's keys of a sample, and more, into an object. */
void amz_put_workload(struct object *o, const struct amz_workload *w);
void amz_put_quantity(struct object *o, const char *key, const struct amz_quantity *q);

#endif
