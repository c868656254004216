/* Signals that end a run, as a descriptor that can be waited for together with others. */
#ifndef AMZ_RUN_SIGNALS_H
#define AMZ_RUN_SIGNALS_H

#include <signal.h>

#include <amorsize/error.h>

struct amz_signals {
  int fd;
  sigset_t before; /* the mask to go back to */
};

/* Blocks SIGINT, SIGTERM, SIGUSR1 (what batch systems are asked to send before the end) and SIGHUP (unless that is ignored, as
 * under nohup) and ignores SIGPIPE; threads that are started later inherit this.
 * \return AMZ_OK; AMZ_EIO with *err. Undo with amz_signals_close. */
int amz_signals_open(struct amz_signals *s, struct amz_error *err);
/* \return the number of a signal that has arrived, 0 for none. */
int amz_signals_next(struct amz_signals *s);
/* \return "SIGINT" and the like; never NULL. */
const char *amz_signal_name(int number);
void amz_signals_close(struct amz_signals *s);

#endif
