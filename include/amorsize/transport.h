/* Messages between the ranks of one MPI launch.
 *
 * Nothing here ever blocks on a peer: a send copies and returns, a receive takes what is there, a rank that has died merely
 * stays silent (MPI never tells of it: liveness is the scheduler's business). Between two ranks messages arrive whole, once
 * and in order. One thread uses a transport, the one that started it. MPI is needed for more than one rank only, and can be
 * started once in a process.
 *
 * Memory: what a slow or dead rank doesn't take stays queued on our side (amz_mpi_pending); what is on its way to a rank that
 * doesn't look is bounded by a window per pair of ranks, so that a flood can't fill the receiver. */
#ifndef AMORSIZE_TRANSPORT_H
#define AMORSIZE_TRANSPORT_H

#include <poll.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <amorsize/error.h>

#define AMZ_MPI_MESSAGE_MAX ((size_t)1 << 30) /* bytes of one message */

/* ---- before MPI: who started us (needs no MPI library) ----------------------------------------------------------- */

struct amz_mpi_launch {
  const char *by;     /* "mpirun of Open MPI", …; static */
  uint32_t processes; /* how many it says it has started; 0: it doesn't say */
  bool wired;         /* it offers what MPI_Init needs to find the others; false: as many singletons would come of it */
};

/* Reads the variables that MPI launchers set; `get` is getenv or a test's stand-in. A batch script or an allocation's shell
 * is not a launch; one process of srun without PMI isn't either.
 * \return true with *ret; false: nobody launched us. */
bool amz_mpi_launch_read(const char *(*get)(void *ctx, const char *name), void *ctx, struct amz_mpi_launch *ret);
/* The same with the process's environment; ret may be NULL. */
bool amz_mpi_looks_launched(struct amz_mpi_launch *ret);

/* ---- a transport ------------------------------------------------------------------------------------------------- */

struct amz_mpi;

/* Starts MPI, with whatever thread level it gives, and makes a communicator of our own that returns errors. Ignores SIGPIPE
 * (with it, a write to a dead peer's socket would end us). Signals that the caller wants for itself must be blocked before:
 * MPI starts threads.
 * \return AMZ_OK, release with amz_mpi_finish; AMZ_ENOMEM; AMZ_EENV with *err, which names a launch line that works: the
 * launcher has started several processes which don't see each other; AMZ_EBUSY: MPI has been started before in this process;
 * AMZ_EIO: MPI refused. */
int amz_mpi_start(struct amz_mpi **ret, struct amz_error *err);

uint32_t amz_mpi_rank(const struct amz_mpi *t);
uint32_t amz_mpi_size(const struct amz_mpi *t);
/* The name of the node, as MPI tells it (under a simulator, the simulated one). */
const char *amz_mpi_node(const struct amz_mpi *t);
/* The clock of deadlines: CLOCK_MONOTONIC; under a simulator, simulated time. */
int64_t amz_mpi_now_ns(void);

/* Copies n bytes and sends them as soon as the receiver takes them; behind all that was sent to it before.
 * \return AMZ_OK; AMZ_ENOMEM; AMZ_EINVAL: no such rank; AMZ_ERANGE: n > AMZ_MPI_MESSAGE_MAX; AMZ_ECLOSED: the rank was
 * forgotten. */
int amz_mpi_send(struct amz_mpi *t, uint32_t rank, const void *bytes, size_t n);

struct amz_mpi_message {
  uint32_t source;
  const void *bytes; /* borrowed until the next call of amz_mpi_next or amz_mpi_wait; any alignment */
  size_t n;
};

/* Takes the next message that has arrived, and moves sends along.
 * \return 1 with *ret; 0: none now; AMZ_ENOMEM, AMZ_ECORRUPT (bytes that are none of ours), AMZ_EIO with *err: this transport
 * is done for. */
int amz_mpi_next(struct amz_mpi *t, struct amz_mpi_message *ret, struct amz_error *err);

#define AMZ_MPI_WOKE_MESSAGE 1  /* amz_mpi_next has one */
#define AMZ_MPI_WOKE_FD 2       /* some revents are set */
#define AMZ_MPI_WOKE_DEADLINE 4

/* What a look at MPI may cost while one waits. */
enum amz_mpi_haste {
  AMZ_MPI_PATIENT, /* nothing is expected */
  AMZ_MPI_DUE,     /* an answer is, and cores idle until it comes */
  AMZ_MPI_AT_WORK  /* the cores have other work, which each look interrupts; what comes isn't missed yet */
};

/* Waits for a message, one of the descriptors, or the deadline, and moves sends along meanwhile. MPI has no descriptor to
 * wait for, so this looks again and again: at short intervals at first, at 10 ms when all has been quiet for long (1 ms while
 * an answer is due, and without sleeping for a fraction of a millisecond behind the question; at work, fewer looks from the
 * beginning). Ranks of one host wake each other where /proc allows it. Who is woken by all who write to it (rank 0 by the others,
 * the others by rank 0) looks next to never while nothing is due.
 * A ready descriptor always wakes at once. Signal handlers don't: one that runs between two sleeps would be missed, so wait for a
 * signalfd instead.
 * \return a sum of AMZ_MPI_WOKE_…, > 0; AMZ_ENOMEM, AMZ_ECORRUPT, AMZ_EIO with *err as amz_mpi_next. */
int amz_mpi_wait(struct amz_mpi *t, struct pollfd *fds, size_t n_fds, int64_t deadline_ns, enum amz_mpi_haste haste,
                 struct amz_error *err);

/* \return how many messages to a rank MPI still has, or we keep for it. */
uint64_t amz_mpi_pending(const struct amz_mpi *t, uint32_t rank);

/* Gives a dead rank up: what is queued for it is dropped, sends to it are refused from now on, a long message (4 KB or more)
 * that isn't all here is dropped. Short ones are still received: it may have been slow only. */
void amz_mpi_forget(struct amz_mpi *t, uint32_t rank);

/* Sends what is queued, ends MPI and releases t. Ends the PROCESS with exit_code at once (_exit: nothing is flushed, no
 * atexit) when a rank was forgotten, as MPI_Finalize waits for everybody, or when timeout_ns passes: all that matters must be
 * durable before. Accepts NULL. \return AMZ_OK; AMZ_EIO: MPI has said that its end went wrong. */
int amz_mpi_finish(struct amz_mpi *t, int64_t timeout_ns, int exit_code);

/* Ends all processes of the launch, as far as MPI can reach them, and this one. */
_Noreturn void amz_mpi_abort(struct amz_mpi *t, int exit_code);

#endif
