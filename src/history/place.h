/* The folder of history, for the files of this room. */
#ifndef AMZ_HISTORY_PLACE_H
#define AMZ_HISTORY_PLACE_H

#include <amorsize/history.h>

struct amz_history {
  char *dir;
};

/* Calls run for each run of a job that isn't damaged, the latest first when `backwards`; stops when it returns non-zero. `id`:
 * the job's; the key tells which of several jobs with one id, NULL: any. \return AMZ_OK; run's value when non-zero; AMZ_EIO with
 * *err; AMZ_ENOMEM. */
int amz_history_each(const struct amz_history *h, const char *id, const char *key, bool backwards,
                     int (*run)(void *ctx, const struct amz_history_row *row), void *ctx, struct amz_error *err);

#endif
