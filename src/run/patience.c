/* Watching the lease of a holder on another host. */
#include "patience.h"

#include <inttypes.h>
#include <poll.h>
#include <stdio.h>

#include "clock.h"

#define LOOK_MS 1000
#define SECOND INT64_C(1000000000)

static bool may_be_dead(int looked, const struct amz_lease_info *who)
{
  return looked == AMZ_OK && who->alive && !who->seen;
}

static void say_wait(const struct amz_lease_info *who, bool insist, const struct amz_run_observer *o)
{
  char text[640];

  if (!o || !o->note)
    return;
  (void)snprintf(text, sizeof text, "process %" PRId64 " on host %s ran it, last heard of %" PRId64 " s ago; waiting whether it "
                                                                                                    "gives a sign of life, until "
                                                                                                    "%d s have "
                 "passed%s", who->pid, who->host, who->age_s, insist ? AMZ_LEASE_INSIST_S : AMZ_LEASE_STALE_S,
                 insist ? "" : " (when it is known to be dead: resume --take-over)");
  o->note(o->ctx, AMZ_WARNING, text);
}

static int pause_or_signal(struct amz_signals *signals)
{
  struct pollfd fd = {.fd = signals ? signals->fd : -1, .events = POLLIN};

  (void)poll(&fd, 1, LOOK_MS);
  return signals ? amz_signals_next(signals) : 0;
}

static int lives(const char *dir, const struct amz_lease_info *who, struct amz_error *err)
{
  return amz_error_set(err, AMZ_EBUSY,
                       "%s: process %" PRId64 " on host %s runs it now: it has just given a sign of life; wait for its end, or "
                       "'amorsize-mpi stop %s'", dir, who->pid, who->host, dir);
}

int amz_patience_wait(const char *dir, bool insist, const struct amz_run_observer *observer, struct amz_signals *signals,
                      void (*tick)(void *ctx),
                      void *tick_ctx, int *ret_signal, struct amz_error *err)
{
  int64_t began_ns = amz_clock_monotonic_ns(), watched_s = 0, highest_s;
  struct amz_lease_info who;
  int looked = amz_lease_look(dir, &who, err);

  if (!may_be_dead(looked, &who))
    return looked == AMZ_ENOENT ? AMZ_OK : looked;
  say_wait(&who, insist, observer);
  highest_s = who.age_s;
  while (may_be_dead(looked, &who)) {
    if (insist && watched_s >= AMZ_LEASE_INSIST_S && who.age_s >= AMZ_LEASE_INSIST_S)
      return AMZ_OK;
    if ((*ret_signal = pause_or_signal(signals)) > 0)
      return AMZ_ECLOSED;
    if (tick)
      tick(tick_ctx);
    looked = amz_lease_look(dir, &who, err);
    watched_s = (amz_clock_monotonic_ns() - began_ns) / SECOND;
    if (may_be_dead(looked, &who) && who.age_s < highest_s)
      return lives(dir, &who, err);
    highest_s = who.age_s;
  }
  return looked == AMZ_ENOENT ? AMZ_OK : looked;
}
