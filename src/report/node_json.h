/* Profiles as JSON values, for those that put them into larger ones. */
#ifndef AMZ_REPORT_NODE_JSON_H
#define AMZ_REPORT_NODE_JSON_H

#include <jansson.h>

#include <amorsize/profile.h>

/* \return the object; NULL when out of memory. */
json_t *amz_profile_build(const struct amz_node *node, const struct amz_profile_origin *origin);
/* Appends it in its layout, without a newline, and releases it; NULL is out of memory. \return AMZ_OK; AMZ_ENOMEM. */
int amz_profile_add(json_t *profile, struct amz_buf *out);

/* \return the JSON, to be released with json_decref; NULL: it is none, with *err. */
json_t *amz_profile_load(const char *json, size_t n, struct amz_error *err);
/* Reads a profile. \return as amz_profile_parse. */
int amz_profile_take(const json_t *profile, struct amz_error *err, struct amz_node *ret);

#endif
