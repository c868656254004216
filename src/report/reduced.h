/* A reduction as a JSON object. Room-private. */
#ifndef AMZ_REPORT_REDUCED_H
#define AMZ_REPORT_REDUCED_H

#include <amorsize/report.h>
#include <jansson.h>

/* \return a new object; NULL when out of memory. */
json_t *amz_reduced_object(enum amz_reduce op, const struct amz_reduced *reduced);

#endif
