/* The driver on a terminal: draws the progress that rank 0 publishes, and lets what ranks print pass between two drawings.
 *
 * Ranks print through their launcher, whose streams are pipes: no rank sees the terminal, and what they print would get mixed
 * with a bar that stands on its last line. So the driver takes their streams, and draws from status.json. */
#ifndef AMZ_RUN_SHOW_H
#define AMZ_RUN_SHOW_H

#include <poll.h>

#include <amorsize/buf.h>

#include "run.h"

#define AMZ_SHOW_STREAMS 2 /* standard output, standard error */

struct amz_show {
  const struct amz_run_observer *observer;
  const char *dir;
  int from[AMZ_SHOW_STREAMS], to[AMZ_SHOW_STREAMS]; /* ends of the pipes, -1: none; to: the launcher's */
  struct amz_buf text[AMZ_SHOW_STREAMS];            /* what has come since the last end of a line */
  int64_t old_ns;     /* status.json's time when the launch began: that of an earlier one */
  int64_t next_ns;
  bool began, ended;
};
#define AMZ_SHOW_NONE {.from = {-1, -1}, .to = {-1, -1}, .text = {AMZ_BUF_INIT, AMZ_BUF_INIT}}

/* Makes pipes for a launch's standard error, and (`out`) its standard output. \return AMZ_OK; AMZ_EIO with *err. */
int amz_show_open(struct amz_show *s, const char *dir, bool out, const struct amz_run_observer *observer, struct amz_error *err);
/* The launcher has its ends: ours of them are closed. */
void amz_show_launched(struct amz_show *s);
/* Passes on what has come, and draws when it is time. */
void amz_show_turn(struct amz_show *s);
/* Rank 0 has ended: nothing more is drawn. */
void amz_show_end(struct amz_show *s);
/* Passes on the rest, closes. Accepts what was never opened. */
void amz_show_close(struct amz_show *s);

#endif
