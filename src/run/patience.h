/* Waiting for a run directory whose holder is on another host, and may be dead.
 *
 * Whether a process elsewhere has died, or is merely cut off, can't be seen from here; only that it gives no sign of life. A live
 * holder refreshes its lease each five seconds, and one that can't for a minute stops by itself. So we watch: a sign of life
 * means that the run is held, and silence of AMZ_LEASE_STALE_S that it isn't. Who knows that the holder is dead (the user with
 * --take-over; Slurm, which starts a job again when it has ended its processes) may say so: then AMZ_LEASE_INSIST_S of silence
 * are enough, three refreshments missed under our eyes. */
#ifndef AMZ_RUN_PATIENCE_H
#define AMZ_RUN_PATIENCE_H

#include <amorsize/store.h>

#include "run.h"
#include "signals.h"

/* Waits as long as a holder elsewhere may be alive or dead. tick (may be NULL) is called each second, signals may be NULL.
 * \return AMZ_OK: the lease can be asked for now (which may say that somebody here holds it); AMZ_EBUSY with *err: the holder
 * lives; AMZ_ECLOSED: a signal came, *ret_signal; AMZ_EIO, AMZ_ENOMEM with *err. */
int amz_patience_wait(const char *dir, bool insist, const struct amz_run_observer *observer, struct amz_signals *signals,
                      void (*tick)(void *ctx),
                      void *tick_ctx, int *ret_signal, struct amz_error *err);

#endif
