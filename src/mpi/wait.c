/* Waiting for a message, a descriptor or a deadline, with next to no CPU. pace.h says how long each sleep is.
 *
 * Under SimGrid's SMPI time is simulated, for functions called by their names in files that include mpi.h: descriptors mean
 * nothing there, sleeping is usleep, and a wait without end blocks in MPI. */
#include "state.h"

#include <errno.h>
#include <sched.h>
#include <time.h>
#include <unistd.h>

#include "pace.h"

int64_t amz_mpi_now_ns(void)
{
  struct timespec now;

  (void)clock_gettime(CLOCK_MONOTONIC, &now);
  return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

#ifdef SMPI_H

#define SHORTEST_NS 20000 /* a look costs the simulator more than the simulated rank */

void amz_mpi_sleep(int64_t ns)
{
  (void)usleep((useconds_t)((ns > SHORTEST_NS ? ns : SHORTEST_NS) / 1000));
}

static int look_at_fds(struct pollfd *fds, size_t n_fds, int64_t nap_ns, struct amz_error *err)
{
  (void)fds;
  (void)n_fds;
  (void)err;
  if (nap_ns > 0)
    amz_mpi_sleep(nap_ns);
  return 0;
}

static void make_room(void)
{
  amz_mpi_sleep(SHORTEST_NS);
}

/* Only the oldest receive can bring something when nothing is under way in either direction. */
static int block(struct amz_mpi *t, int64_t deadline_ns, struct amz_error *err)
{
  struct amz_receive *r = &t->receives[t->at];
  int rc;

  if (deadline_ns != INT64_MAX || t->active_head || t->holding)
    return AMZ_OK;
  rc = MPI_Wait(&r->request, &r->status);
  r->done = rc == MPI_SUCCESS;
  return r->done ? amz_inbox_advance(t, err) : amz_mpi_failed(err, rc, "cannot receive");
}

#else

void amz_mpi_sleep(int64_t ns)
{
  struct timespec time = {.tv_sec = ns / 1000000000, .tv_nsec = ns % 1000000000};

  (void)nanosleep(&time, NULL); /* one cut short by a signal is looked after by whoever called */
}

/* \return the sum of reasons to wake, 0 for none; AMZ_EIO. */
static int look_at_fds(struct pollfd *fds, size_t n_fds, int64_t nap_ns, struct amz_error *err)
{
  struct timespec timeout = {.tv_sec = nap_ns / 1000000000, .tv_nsec = nap_ns % 1000000000};
  int n = ppoll(fds, n_fds, &timeout, NULL);

  if (n < 0 && errno != EINTR)
    return amz_error_sys(err, AMZ_EIO, errno, "cannot wait for descriptors");
  return n > 0 ? AMZ_MPI_WOKE_FD : 0;
}

/* Spinning must not keep the one that is waited for from its core. */
static void make_room(void)
{
  (void)sched_yield();
}

static int block(struct amz_mpi *t, int64_t deadline_ns, struct amz_error *err)
{
  (void)t;
  (void)deadline_ns;
  (void)err;
  return AMZ_OK;
}

#endif

int amz_mpi_wait(struct amz_mpi *t, struct pollfd *fds, size_t n_fds, int64_t deadline_ns, enum amz_mpi_haste haste,
                 struct amz_error *err)
{
  for (;;) {
    int64_t now_ns, left_ns, nap_ns;
    int woke, rc;

    amz_outbox_turn(t);
    rc = amz_inbox_advance(t, err);
    if (rc == AMZ_OK && !t->has_current)
      rc = block(t, deadline_ns, err);
    if (rc < 0)
      return rc;
    now_ns = amz_mpi_now_ns();
    left_ns = deadline_ns > now_ns ? deadline_ns - now_ns : 0;
    nap_ns = t->has_current ? 0 : amz_pace_nap_ns(now_ns - t->active_ns, left_ns, haste);
    woke = look_at_fds(fds, n_fds, nap_ns, err);
    if (woke < 0)
      return woke;
    woke |= (t->has_current ? AMZ_MPI_WOKE_MESSAGE : 0) | (left_ns ? 0 : AMZ_MPI_WOKE_DEADLINE);
    if (woke)
      return woke;
    if (nap_ns == 0)
      make_room();
  }
}
