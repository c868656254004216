/* Kinds of nodes, and what a layout means on them, in words and as JSON. Inside the room. */
#ifndef AMZ_REPORT_PLAN_CLASSES_H
#define AMZ_REPORT_PLAN_CLASSES_H

#include <amorsize/plan_report.h>

#include "object.h"

/* Whether ranks have different numbers of slots, or nodes of ranks: then no single number says it. */
bool amz_plan_is_uneven(const struct amz_plan *plan);
/* Appends a line for each class of the chosen layout; nothing where all nodes are of one kind. */
void amz_words_classes(const struct amz_plan_report *r, struct amz_buf *out);
/* \return an array, one object for each kind of nodes that was planned with, taken or not. */
json_t *amz_kinds_json(const struct amz_plan_input *input, bool *ok);
/* \return an array, one object for each class. */
json_t *amz_classes_json(const struct amz_plan_report *r, bool *ok);

#endif
