/* Waiting for a message, a descriptor or a deadline, with next to no CPU. pace.h says how long each sleep is.
 *
 * Under SimGrid's SMPI time is simulated, for functions called by their names in files that include mpi.h: descriptors mean
 * nothing there, sleeping is usleep, and a wait without end blocks in MPI. */
#include "state.h"

#include <errno.h>
#include <sched.h>
#include <string.h>
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

#define FDS_MAX 0 /* nobody rings */
#define SHORTEST_NS 20000 /* a look costs the simulator more than the simulated rank */

void amz_mpi_sleep(int64_t ns)
{
  (void)usleep((useconds_t)((ns > SHORTEST_NS ? ns : SHORTEST_NS) / 1000));
}

static int look_at_fds(struct pollfd *fds, size_t n_fds, int bell_fd, int64_t nap_ns, bool *ret_bell, struct amz_error *err)
{
  (void)fds;
  (void)n_fds;
  (void)bell_fd;
  (void)ret_bell;
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

#define FDS_MAX 16 /* who waits for more isn't woken by bells */

void amz_mpi_sleep(int64_t ns)
{
  struct timespec time = {.tv_sec = ns / 1000000000, .tv_nsec = ns % 1000000000};

  (void)nanosleep(&time, NULL); /* one cut short by a signal is looked after by whoever called */
}

static bool any_ready(const struct pollfd *fds, size_t n_fds)
{
  for (size_t i = 0; i < n_fds; i++)
    if (fds[i].revents)
      return true;
  return false;
}

/* bell_fd: -1: none. \return the sum of reasons to wake, 0 for none; AMZ_EIO. *ret_bell is set when bell_fd is readable. */
static int look_at_fds(struct pollfd *fds, size_t n_fds, int bell_fd, int64_t nap_ns, bool *ret_bell, struct amz_error *err)
{
  struct timespec timeout = {.tv_sec = nap_ns / 1000000000, .tv_nsec = nap_ns % 1000000000};
  struct pollfd all[FDS_MAX + 1];
  bool belled = bell_fd >= 0 && n_fds <= FDS_MAX;
  int n;

  if (belled) {
    if (n_fds)
      memcpy(all, fds, n_fds * sizeof *fds);
    all[n_fds] = (struct pollfd){.fd = bell_fd, .events = POLLIN};
  }
  n = ppoll(belled ? all : fds, belled ? n_fds + 1 : n_fds, &timeout, NULL);
  if (n < 0 && errno != EINTR)
    return amz_error_sys(err, AMZ_EIO, errno, "cannot wait for descriptors");
  if (n <= 0)
    return 0;
  if (belled && n_fds)
    memcpy(fds, all, n_fds * sizeof *fds);
  *ret_bell = belled && all[n_fds].revents;
  return any_ready(fds, n_fds) ? AMZ_MPI_WOKE_FD : 0;
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

/* MPI itself wants to be looked after while something of ours isn't gone, or something long isn't here; and what a bell has told
 * of may come later. Cores that idle until an answer comes may as well look for it: being woken takes longer on a busy node. What
 * nobody has taken yet may be stuck in MPI, which can't be told from a receiver that is late. Who has woken somebody doesn't
 * spin, though: a pipe's reader is put on its writer's core, which is expected to be free soon. */
static int64_t nap_of(struct amz_mpi *t, int64_t now_ns, int64_t left_ns, size_t n_fds, enum amz_mpi_haste haste)
{
  bool woken = haste != AMZ_MPI_DUE && t->is_rung && !t->rung && !t->holding && n_fds <= FDS_MAX && amz_outbox_settled(t);
  int64_t quiet_ns = now_ns - t->active_ns;

  if (t->has_current)
    return 0;
  if (t->rang && quiet_ns < AMZ_PACE_SPIN_NS)
    quiet_ns = AMZ_PACE_SPIN_NS;
  return woken ? amz_pace_rung_nap_ns(left_ns, t->rung_ns, t->active_head == NULL) : amz_pace_nap_ns(quiet_ns, left_ns, haste);
}

/* Sleeps by the bell, unless a message has come that nobody rings for any more. \return as look_at_fds; AMZ_ENOMEM,
 * AMZ_ECORRUPT. */
static int sleep_by_bell(struct amz_mpi *t, struct pollfd *fds, size_t n_fds, int64_t nap_ns, struct amz_error *err)
{
  int bell_fd = nap_ns > 0 ? amz_bell_sleep(t) : -1, woke, rc = AMZ_OK;
  bool readable = false;

  if (bell_fd >= 0)
    rc = amz_inbox_advance(t, err);
  if (rc < 0)
    return rc;
  woke = look_at_fds(fds, n_fds, bell_fd, t->has_current ? 0 : nap_ns, &readable, err);
  if (bell_fd < 0 || !amz_bell_wake(t, readable))
    return woke;
  t->rung = true;
  t->active_ns = amz_mpi_now_ns();
  return woke;
}

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
    nap_ns = nap_of(t, now_ns, left_ns, n_fds, haste);
    woke = sleep_by_bell(t, fds, n_fds, nap_ns, err);
    if (woke < 0)
      return woke;
    woke |= (t->has_current ? AMZ_MPI_WOKE_MESSAGE : 0) | (left_ns ? 0 : AMZ_MPI_WOKE_DEADLINE);
    if (woke)
      return woke;
    if (nap_ns == 0)
      make_room();
  }
}
