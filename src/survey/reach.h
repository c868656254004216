/* Which processing units a process may use, and taking more of them. */
#ifndef AMZ_SURVEY_REACH_H
#define AMZ_SURVEY_REACH_H

#include <stdbool.h>
#include <sys/types.h>

#include "letters.h"

/* The mask of a process (0: this one). \return AMZ_OK (free ret->items); AMZ_EENV: it can't be told; AMZ_ENOMEM. */
int amz_reach_of(pid_t pid, struct amz_units *ret);
/* Adds what it lacks. \return AMZ_OK; AMZ_ENOMEM. */
int amz_units_join(struct amz_units *units, const struct amz_units *more);
/* Makes them this thread's mask, as far as the system allows. */
void amz_reach_take(const struct amz_units *units);
/* Whether what started this process may use more than these: then it has bound its ranks. */
bool amz_reach_is_bound(const struct amz_units *units);

#endif
