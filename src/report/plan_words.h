/* What the reports of plans and samples share. Room-private. */
#ifndef AMZ_REPORT_PLAN_WORDS_H
#define AMZ_REPORT_PLAN_WORDS_H

#include <amorsize/buf.h>
#include <amorsize/plan.h>
#include <amorsize/workload.h>

#include "object.h"

/* "2 nodes × 1 rank × 4 slots × 2 threads", without newline. */
void amz_words_layout(const struct amz_plan_layout *l, struct amz_buf *out);
/* "adaptive, of about 200 ms" */
void amz_words_chunks(const char *policy, double target_s, struct amz_buf *out);
/* Whether the plan hands out by another policy, in chunks of another duration, than the settings say. */
bool amz_words_other_policy(const struct amz_plan_input *in, const struct amz_candidate *c);
bool amz_words_other_target(const struct amz_plan_input *in, const struct amz_candidate *c);
/* ", handed out by static", where the plan has changed that. */
void amz_words_changed(const struct amz_plan_input *in, const struct amz_candidate *c, struct amz_buf *out);
/* From how many tasks on it pays, as a line of its own; nothing where it never does. */
void amz_words_pays(const struct amz_plan *plan, struct amz_buf *out);
void amz_words_workload(const char *job, const struct amz_workload *w, struct amz_buf *out);
/* A line: seconds with their source. */
void amz_words_quantity(const char *name, const struct amz_quantity *q, struct amz_buf *out);
/* The contract's keys of a sample, and more, into an object. */
void amz_put_workload(struct object *o, const struct amz_workload *w);
void amz_put_quantity(struct object *o, const char *key, const struct amz_quantity *q);

#endif
