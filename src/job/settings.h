/* The settings: every section of a description but its tasks. */
#ifndef AMZ_JOB_SETTINGS_H
#define AMZ_JOB_SETTINGS_H

#include <amorsize/job.h>

#include "schema.h"

/* What stage: says; scratch is where {scratch} points when the place knows none. */
struct amz_stage {
  struct amz_texts broadcast;
  const char *scratch;
};

/* Reads all sections of root into settings with their defaults, and checks them one against another. Findings go to r->diags.
 * \return AMZ_OK whatever the findings; AMZ_ENOMEM. */
int amz_settings_read(struct amz_reader *r, const struct amz_yaml *root, struct amz_settings *settings, struct amz_stage *stage);

/* What no single key can be blamed for: bounds in the wrong order, a deadline that the goal doesn't use, a policy that isn't
 * there. Bounds that the user left open make way for those that are given. */
void amz_settings_check(struct amz_reader *r, const struct amz_yaml *root, struct amz_settings *settings);

#endif
