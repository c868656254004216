/* Profiles as JSON values, for those that put them into larger ones. */
#ifndef AMZ_REPORT_NODE_JSON_H
#define AMZ_REPORT_NODE_JSON_H

#include <jansson.h>

#include <amorsize/profile.h>

/* \return the object; NULL when out of memory. */
json_t *amz_profile_build(const struct amz_node *node, const struct amz_profile_origin *origin);
/* Appends it in its layout, without a newline, and releases it; NULL is out of memory. \return AMZ_OK; AMZ_ENOMEM. */
int amz_profile_add(json_t *profile, struct amz_buf *out);

#endif
