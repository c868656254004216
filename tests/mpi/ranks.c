/* What tests/mpi/transport.sh launches: each argument is a scenario that all ranks go through together. A line "passed NAME"
 * or "failed NAME" on stdout tells what became of it; "survived …" and "ended …" tell of those where ranks go missing.
 * Expectations that fail are told on stderr, with the rank. Built by smpicc too (AMZ_TEST_SMPI): then only messages and
 * deadlines are looked at. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include <amorsize/alloc.h>
#include <amorsize/transport.h>

#ifndef AMZ_TEST_SMPI
#include "../../src/mpi/pace.h"
#include "../../src/mpi/state.h"
#endif

#define SECOND INT64_C(1000000000)
#define PATIENCE (60 * SECOND) /* beyond it something is lost; below the limit of a launch, so that it is said what */
#define ELEMENTS(a) (sizeof(a) / sizeof *(a))

struct copy {
  struct copy *next;
  uint32_t source;
  size_t n;
  unsigned char bytes[];
};

struct test {
  struct amz_mpi *t;
  uint32_t rank, size;
  unsigned failures;
  enum amz_mpi_haste haste;        /* in which messages are waited for */
  uint32_t met;                    /* barrier messages that have come */
  unsigned met_failures;           /* what they carried */
  struct copy *early, **early_end; /* came while this rank was still in a barrier */
  struct copy *kept;               /* what the last call of receive gave */
};

#define EXPECT(test, condition) expect((test), (condition), #condition, __LINE__)

static bool expect(struct test *x, bool ok, const char *what, int line)
{
  if (!ok) {
    x->failures++;
    fprintf(stderr, "rank %u of %u: ranks.c:%d: not so: %s\n", x->rank, x->size, line, what);
  }
  return ok;
}

static void say(const char *text, uint32_t number)
{
  char line[128];
  int n = snprintf(line, sizeof line, "%s %u\n", text, number);

  if (n > 0 && write(STDOUT_FILENO, line, (size_t)n) != n)
    _exit(9);
}

static void send_bytes(struct test *x, uint32_t to, const void *bytes, size_t n)
{
  (void)EXPECT(x, amz_mpi_send(x->t, to, bytes, n) == AMZ_OK);
}

/* ---- receiving, and a barrier over the transport itself ---------------------------------------------------------- */

static const char barrier_text[] = "barrier: this is no message of any scenario";

/* Some ranks are at the barrier while others are still busy; those barrier messages are counted, and carry how many
 * expectations failed. */
static bool is_barrier(struct test *x, const struct amz_mpi_message *m)
{
  unsigned failures;

  if (m->n != sizeof barrier_text + sizeof failures || memcmp(m->bytes, barrier_text, sizeof barrier_text) != 0)
    return false;
  memcpy(&failures, (const char *)m->bytes + sizeof barrier_text, sizeof failures);
  x->met_failures += failures;
  x->met++;
  return true;
}

static bool receive_any(struct test *x, struct amz_mpi_message *ret)
{
  int64_t until = amz_mpi_now_ns() + PATIENCE;
  struct amz_error err;
  int rc;

  while ((rc = amz_mpi_next(x->t, ret, &err)) == 0) {
    int woke = amz_mpi_wait(x->t, NULL, 0, until, x->haste, &err);

    if (!EXPECT(x, woke > 0 && !(woke & AMZ_MPI_WOKE_DEADLINE)))
      return false;
  }
  if (rc < 0)
    fprintf(stderr, "rank %u: %s\n", x->rank, err.text);
  return EXPECT(x, rc == 1);
}

static bool receive(struct test *x, struct amz_mpi_message *ret)
{
  free(x->kept);
  x->kept = x->early;
  if (x->early) {
    x->early = x->kept->next;
    if (!x->early)
      x->early_end = &x->early;
    *ret = (struct amz_mpi_message){.source = x->kept->source, .bytes = x->kept->bytes, .n = x->kept->n};
    return true;
  }
  do {
    if (!receive_any(x, ret))
      return false;
  } while (is_barrier(x, ret));
  return true;
}

static void put_aside(struct test *x, const struct amz_mpi_message *m)
{
  struct copy *copy = malloc(sizeof *copy + m->n);

  if (!EXPECT(x, copy != NULL))
    return;
  *copy = (struct copy){.source = m->source, .n = m->n};
  if (m->n)
    memcpy(copy->bytes, m->bytes, m->n);
  *x->early_end = copy;
  x->early_end = &copy->next;
}

/* Waits until n barrier messages have come; others belong to the next scenario. \return the failures that they carried. */
static unsigned await_barrier(struct test *x, uint32_t n)
{
  struct amz_mpi_message m;
  unsigned failures;

  while (x->met < n && receive_any(x, &m))
    if (!is_barrier(x, &m))
      put_aside(x, &m);
  failures = x->met_failures;
  x->met = x->met_failures = 0;
  return failures;
}

static void send_barrier(struct test *x, uint32_t to, unsigned failures)
{
  char bytes[sizeof barrier_text + sizeof failures];

  memcpy(bytes, barrier_text, sizeof barrier_text);
  memcpy(bytes + sizeof barrier_text, &failures, sizeof failures);
  send_bytes(x, to, bytes, sizeof bytes);
}

/* All ranks below `ranks` meet. \return how many expectations failed on any of them. */
static unsigned meet(struct test *x, uint32_t ranks)
{
  unsigned failures = x->failures;

  if (x->rank != 0) {
    send_barrier(x, 0, failures);
    return await_barrier(x, 1);
  }
  failures += await_barrier(x, ranks - 1);
  for (uint32_t r = 1; r < ranks; r++)
    send_barrier(x, r, failures);
  return failures;
}

/* ---- every message once, whole and in order ---------------------------------------------------------------------- */

/* Around 4000 bytes the first part ends, around 4 and 64 KiB transports change their protocols. */
static const size_t sizes[] = {0, 1, 7, 8, 100, 3991, 3992, 3993, 4000, 4096, 4097, 65535, 65536, 3, 3, 262144, 0, 2, 2, 2};
#ifdef AMZ_TEST_SMPI /* many more ranks, in one process */
#define ROUNDS 1
#define PARTNERS 4u
#define LONGEST ((size_t)10000)
#define FLOOD 20
#else
#define ROUNDS 3
#define PARTNERS UINT32_MAX
#define LONGEST ((size_t)4 << 20)
#define FLOOD 100000
#endif
#define MESSAGES (ROUNDS * ELEMENTS(sizes))

static bool talks(const struct test *x, uint32_t from, uint32_t to)
{
  return (to + x->size - from) % x->size < PARTNERS;
}

/* A neighbour gets a long one between the others. */
static size_t size_of(const struct test *x, uint32_t from, uint32_t to, size_t k)
{
  size_t n = sizes[k % ELEMENTS(sizes)];

  if (k == MESSAGES - ELEMENTS(sizes) / 2 && to == (from + 1) % x->size)
    return LONGEST;
  return n < LONGEST ? n : LONGEST;
}

static void fill(unsigned char *bytes, size_t n, uint32_t from, uint32_t to, size_t k)
{
  uint64_t v = 0x9e3779b97f4a7c15U * (1 + from + ((uint64_t)to << 16) + ((uint64_t)k << 32));

  for (size_t i = 0; i < n; i++) {
    v ^= v << 13;
    v ^= v >> 7;
    v ^= v << 17;
    bytes[i] = (unsigned char)(v >> 56);
  }
}

static void send_ordered(struct test *x, uint32_t ranks, unsigned char *scratch)
{
  for (size_t k = 0; k < MESSAGES; k++)
    for (uint32_t to = 0; to < ranks; to++) {
      size_t n = size_of(x, x->rank, to, k);

      if (!talks(x, x->rank, to))
        continue;
      fill(scratch, n, x->rank, to, k);
      send_bytes(x, to, scratch, n);
      memset(scratch, 0, n); /* it was copied */
    }
}

static size_t expected(const struct test *x, uint32_t ranks)
{
  size_t n = 0;

  for (uint32_t from = 0; from < ranks; from++)
    n += talks(x, from, x->rank) ? MESSAGES : 0;
  return n;
}

/* Ranks below `ranks` send all they have, then each receives all that was sent to it. */
static void exchange(struct test *x, uint32_t ranks)
{
  size_t *next = amz_new_array(x->size, sizeof *next);
  unsigned char *scratch = malloc(LONGEST);
  struct amz_mpi_message m;

  if (EXPECT(x, next && scratch)) {
    send_ordered(x, ranks, scratch);
    for (size_t left = expected(x, ranks); left > 0 && receive(x, &m);) {
      size_t k = next[m.source]++;

      if (m.source >= ranks)
        continue; /* somebody who is going to die */
      left--;
      if (!EXPECT(x, k < MESSAGES) || !EXPECT(x, m.n == size_of(x, m.source, x->rank, k)))
        continue;
      fill(scratch, m.n, m.source, x->rank, k);
      (void)EXPECT(x, m.n == 0 || memcmp(m.bytes, scratch, m.n) == 0);
    }
    for (uint32_t r = 0; r < ranks; r++)
      (void)EXPECT(x, next[r] == (talks(x, r, x->rank) ? MESSAGES : 0));
  }
  free(next);
  free(scratch);
}

static void run_order(struct test *x)
{
  exchange(x, x->size);
}

/* ---- a flood ----------------------------------------------------------------------------------------------------- */

#define FLOOD_MIB 32 /* rank 0 may grow by so much; 7 × 100 000 unmatched messages would be hundreds of MiB */

/* \return peak resident memory in KiB since the last reset; 0 where that can't be told. */
static long peak_kib(bool reset)
{
  char line[256];
  long kib = 0;
  FILE *f = fopen("/proc/self/status", "r");

  while (f && fgets(line, sizeof line, f))
    if (strncmp(line, "VmHWM:", 6) == 0)
      kib = strtol(line + 6, NULL, 10);
  if (f)
    (void)fclose(f);
  f = reset ? fopen("/proc/self/clear_refs", "w") : NULL;
  if (f) {
    (void)fputs("5", f);
    (void)fclose(f);
  }
  return kib;
}

static void take_flood(struct test *x)
{
  uint64_t *next = amz_new_array(x->size, sizeof *next), left = (uint64_t)(x->size - 1) * FLOOD, k;
  struct amz_mpi_message m;
  unsigned out_of_order = 0;
  long before;

  (void)peak_kib(true);
  before = peak_kib(false);
  while (EXPECT(x, next != NULL) && left > 0 && receive(x, &m)) {
    if (!EXPECT(x, m.n == sizeof k + 16))
      break;
    memcpy(&k, m.bytes, sizeof k);
    out_of_order += k != next[m.source]++;
    left--;
  }
  (void)EXPECT(x, out_of_order == 0);
  (void)EXPECT(x, left == 0);
  fprintf(stderr, "flood at %u ranks: rank 0 grew by %ld KiB\n", x->size, peak_kib(false) - before);
#ifndef AMZ_TEST_SMPI
  (void)EXPECT(x, before > 0);
  (void)EXPECT(x, peak_kib(false) - before < FLOOD_MIB * 1024);
#endif
  free(next);
}

static void run_flood(struct test *x)
{
  unsigned char bytes[24] = {0};

  if (x->rank == 0) {
    take_flood(x);
    return;
  }
  for (uint64_t k = 0; k < FLOOD; k++) {
    memcpy(bytes, &k, sizeof k);
    send_bytes(x, 0, bytes, sizeof bytes);
  }
}

/* ---- waiting ----------------------------------------------------------------------------------------------------- */

static int wait_for(struct test *x, struct pollfd *fds, size_t n, int64_t in_ns, enum amz_mpi_haste haste)
{
  return amz_mpi_wait(x->t, fds, n, amz_mpi_now_ns() + in_ns, haste, NULL);
}

static void wait_deadlines(struct test *x)
{
  static const enum amz_mpi_haste hastes[] = {AMZ_MPI_PATIENT, AMZ_MPI_DUE, AMZ_MPI_AT_WORK};

  for (size_t i = 0; i < sizeof hastes / sizeof *hastes; i++) {
    int64_t until = amz_mpi_now_ns() + SECOND / 50;

    (void)EXPECT(x, amz_mpi_wait(x->t, NULL, 0, INT64_MIN, hastes[i], NULL) == AMZ_MPI_WOKE_DEADLINE);
    (void)EXPECT(x, wait_for(x, NULL, 0, 0, hastes[i]) == AMZ_MPI_WOKE_DEADLINE);
    (void)EXPECT(x, amz_mpi_wait(x->t, NULL, 0, until, hastes[i], NULL) == AMZ_MPI_WOKE_DEADLINE);
    (void)EXPECT(x, amz_mpi_now_ns() >= until);
  }
}

#ifndef AMZ_TEST_SMPI

static void on_alarm(int number)
{
  (void)number;
}

static void wait_descriptors(struct test *x)
{
  struct itimerspec soon = {.it_value.tv_nsec = 20000000};
  struct pollfd fds[2] = {{.fd = -1, .events = POLLIN}, {.events = POLLIN}};

  fds[1].fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC);
  (void)EXPECT(x, fds[1].fd >= 0 && timerfd_settime(fds[1].fd, 0, &soon, NULL) == 0);
  (void)EXPECT(x, wait_for(x, fds, 2, PATIENCE, AMZ_MPI_PATIENT) == AMZ_MPI_WOKE_FD);
  (void)EXPECT(x, fds[1].revents == POLLIN);
  fds[1].revents = 0;
  (void)EXPECT(x, wait_for(x, fds, 2, PATIENCE, AMZ_MPI_DUE) == AMZ_MPI_WOKE_FD);
  (void)EXPECT(x, wait_for(x, fds, 2, 0, AMZ_MPI_PATIENT) == (AMZ_MPI_WOKE_FD | AMZ_MPI_WOKE_DEADLINE));
  (void)close(fds[1].fd);
}

/* Whether a handler runs inside a sleep or between two is chance, so it must make no difference. */
static void wait_through_signals(struct test *x)
{
  struct itimerval often = {.it_value.tv_usec = 1000, .it_interval.tv_usec = 1000}, never = {.it_value.tv_usec = 0};
  struct sigaction action = {.sa_handler = on_alarm};
  int64_t until = amz_mpi_now_ns() + SECOND / 10;

  (void)EXPECT(x, sigaction(SIGALRM, &action, NULL) == 0 && setitimer(ITIMER_REAL, &often, NULL) == 0);
  (void)EXPECT(x, amz_mpi_wait(x->t, NULL, 0, until, AMZ_MPI_PATIENT, NULL) == AMZ_MPI_WOKE_DEADLINE);
  (void)EXPECT(x, amz_mpi_now_ns() >= until);
  (void)EXPECT(x, setitimer(ITIMER_REAL, &never, NULL) == 0);
}

#else

static void wait_descriptors(struct test *x)
{
  (void)x;
}

static void wait_through_signals(struct test *x)
{
  (void)x;
}

#endif

static void wait_message(struct test *x)
{
  struct amz_mpi_message m;
  struct amz_error err;

  (void)EXPECT(x, amz_mpi_next(x->t, &m, &err) == 0);
  send_bytes(x, x->rank, "hello", 5);
  (void)EXPECT(x, wait_for(x, NULL, 0, PATIENCE, AMZ_MPI_PATIENT) == AMZ_MPI_WOKE_MESSAGE);
  (void)EXPECT(x, wait_for(x, NULL, 0, 0, AMZ_MPI_PATIENT) == (AMZ_MPI_WOKE_MESSAGE | AMZ_MPI_WOKE_DEADLINE)); /* still there */
  (void)EXPECT(x, amz_mpi_next(x->t, &m, &err) == 1 && m.source == x->rank && m.n == 5 && memcmp(m.bytes, "hello", 5) == 0);
  (void)EXPECT(x, amz_mpi_next(x->t, &m, &err) == 0);
}

/* No message may come while a rank is looking at its clock: rank 0 looks when all others have, and they keep still until it
 * has. */
static void run_wait(struct test *x)
{
  struct amz_mpi_message m;

  for (uint32_t r = 1; x->rank == 0 && r < x->size; r++)
    (void)EXPECT(x, receive(x, &m) && m.n == 4);
  wait_deadlines(x);
  wait_descriptors(x);
  wait_through_signals(x);
  wait_message(x);
  (void)EXPECT(x, amz_mpi_send(x->t, x->size, "x", 1) == AMZ_EINVAL);
  (void)EXPECT(x, amz_mpi_send(x->t, 0, "x", AMZ_MPI_MESSAGE_MAX + 1) == AMZ_ERANGE);
  for (uint32_t r = 1; x->rank == 0 && r < x->size; r++)
    send_bytes(x, r, "go on", 5);
  if (x->rank != 0) {
    send_bytes(x, 0, "done", 4);
    (void)EXPECT(x, receive(x, &m) && m.n == 5);
  }
}

/* ---- bells ------------------------------------------------------------------------------------------------------- */

#ifndef AMZ_TEST_SMPI

/* Few enough to be with MPI all at once (state.h: AMZ_MPI_WINDOW). Open MPI has a box of 4 KiB in shared memory for each pair and
 * puts what is not longer than 256 bytes there: these fill it, and the last ones wait with the sender. */
#define STUCK 30
#define STUCK_BYTES 240
#define BELL_ROUNDS 20

/* Opens for writing what a process of this host has open. */
static int open_of(int pid, int fd)
{
  char path[64];

  (void)snprintf(path, sizeof path, "/proc/%d/fd/%d", pid, fd);
  return open(path, O_WRONLY | O_CLOEXEC);
}

/* A bell that comes when its sleeper is up is no reason to stay up: the pipe must not be left readable, or no later sleep is
 * one. */
static void hear_late_bell(struct test *x)
{
  int64_t until = amz_mpi_now_ns() + PATIENCE;
  struct amz_mpi_message m;
  struct amz_error err;
  struct pollfd bell = {.fd = amz_bell_sleep(x->t), .events = POLLIN};
  int writer;

  (void)amz_bell_wake(x->t, false);
  if (bell.fd < 0)
    return; /* there are no bells here */
  writer = open_of((int)getpid(), bell.fd);
  (void)EXPECT(x, writer >= 0 && write(writer, "", 1) == 1 && poll(&bell, 1, 0) == 1);
  /* others may be further than we are, and wake us by what they send */
  while (poll(&bell, 1, 0) == 1 && amz_mpi_now_ns() < until) {
    (void)EXPECT(x, amz_mpi_wait(x->t, NULL, 0, amz_mpi_now_ns() + SECOND / 50, AMZ_MPI_PATIENT, &err) >= 0);
    while (amz_mpi_next(x->t, &m, &err) == 1)
      if (!is_barrier(x, &m))
        put_aside(x, &m);
  }
  (void)EXPECT(x, amz_mpi_now_ns() < until);
  if (writer >= 0)
    (void)close(writer);
}

struct invitation {
  int pid, fd; /* of a pipe: a byte in it says that all was sent */
};

/* Rank 0 takes nothing until all have sent; then it must be rung for what MPI had kept, as it doesn't look by itself. */
static void be_rung_for_stuck(struct test *x)
{
  struct amz_mpi_message m;
  char sent;
  int pipe_fds[2];
  struct invitation invitation = {.pid = (int)getpid()};

  if (!EXPECT(x, pipe2(pipe_fds, O_CLOEXEC) == 0))
    return;
  invitation.fd = pipe_fds[1];
  for (unsigned round = 0; round < BELL_ROUNDS && x->failures == 0; round++) {
    for (uint32_t r = 1; r < x->size; r++)
      send_bytes(x, r, &invitation, sizeof invitation);
    for (uint32_t r = 1; r < x->size; r++)
      (void)EXPECT(x, read(pipe_fds[0], &sent, 1) == 1);
    for (uint32_t left = (x->size - 1) * STUCK; left > 0; left--)
      if (!receive(x, &m) || !EXPECT(x, m.n == STUCK_BYTES))
        break;
  }
  (void)close(pipe_fds[0]);
  (void)close(pipe_fds[1]);
}

static void send_to_stick(struct test *x)
{
  static const unsigned char bytes[STUCK_BYTES];
  struct amz_mpi_message m;
  struct invitation invitation;

  for (unsigned round = 0; round < BELL_ROUNDS && receive(x, &m) && EXPECT(x, m.n == sizeof invitation); round++) {
    int fd;

    memcpy(&invitation, m.bytes, sizeof invitation);
    fd = open_of(invitation.pid, invitation.fd);
    for (unsigned i = 0; i < STUCK; i++)
      send_bytes(x, 0, bytes, sizeof bytes);
    (void)EXPECT(x, fd >= 0 && write(fd, "", 1) == 1);
    if (fd >= 0)
      (void)close(fd);
  }
}

/* Nobody looks for messages but those who are rung, so that a bell that is lost shows: PATIENCE passes. */
static void run_bells(struct test *x)
{
  enum amz_mpi_haste before = x->haste;

  hear_late_bell(x);
  x->haste = AMZ_MPI_PATIENT;
  x->t->rung_ns = 2 * PATIENCE;
  if (x->rank == 0)
    be_rung_for_stuck(x);
  else
    send_to_stick(x);
  (void)meet(x, x->size);
  x->t->rung_ns = AMZ_PACE_RUNG_NS;
  x->haste = before;
}

#endif

/* ---- ranks that go missing --------------------------------------------------------------------------------------- */

#ifndef AMZ_TEST_SMPI

/* Dies with messages to everybody under way, a long one each among them, and many for it that it will never take. */
static void die_midway(struct test *x)
{
  unsigned char *bytes = amz_new_array(1, 4 << 20);

  for (uint32_t to = 0; bytes && to + 1 < x->size; to++) {
    for (unsigned i = 0; i < 50; i++)
      send_bytes(x, to, "last words", 10);
    send_bytes(x, to, bytes, 4 << 20);
  }
  (void)kill(getpid(), SIGKILL);
}

static void run_death(struct test *x)
{
  uint32_t victim = x->size - 1;
  unsigned char bytes[5000] = {0};

  if (x->rank == victim)
    die_midway(x);
  for (unsigned i = 0; i < 500; i++)
    send_bytes(x, victim, bytes, i % 10 ? 100 : sizeof bytes);
  exchange(x, victim);
  (void)EXPECT(x, amz_mpi_pending(x->t, victim) > 0);
  amz_mpi_forget(x->t, victim);
  (void)EXPECT(x, amz_mpi_pending(x->t, victim) == 0);
  (void)EXPECT(x, amz_mpi_send(x->t, victim, "x", 1) == AMZ_ECLOSED);
  if (meet(x, victim) == 0)
    say("survived", x->rank);
  (void)amz_mpi_finish(x->t, 5 * SECOND, 0);
  say("returned", x->rank); /* it must not: somebody is missing */
  _exit(1);
}

/* Rank 0 finishes beside a rank that never will; that one sees it end. */
static void run_guard(struct test *x)
{
  struct amz_mpi_message m;
  struct pollfd peer = {.events = POLLIN};
  int pid = (int)getpid();

  if (x->rank == 0) {
    for (uint32_t r = 1; r < x->size; r++)
      send_bytes(x, r, &pid, sizeof pid);
    (void)amz_mpi_finish(x->t, SECOND / 2, 0);
    say("returned", x->rank);
    _exit(1);
  }
  if (receive(x, &m) && EXPECT(x, m.n == sizeof pid)) {
    memcpy(&pid, m.bytes, sizeof pid);
    peer.fd = (int)syscall(SYS_pidfd_open, pid, 0);
    if ((peer.fd < 0 && errno == ESRCH) || poll(&peer, 1, 60000) == 1)
      say("ended", x->rank);
  }
  _exit(0);
}

static void run_abort(struct test *x)
{
  if (x->rank == x->size - 1)
    amz_mpi_abort(x->t, 7);
  (void)wait_for(x, NULL, 0, PATIENCE, AMZ_MPI_PATIENT);
  say("outlived", x->rank);
  _exit(1);
}

/* How much CPU waiting takes; for measuring, not a test. */
static void run_idle(struct test *x)
{
  struct rusage before, after;
  double cpu_s;

  (void)getrusage(RUSAGE_SELF, &before);
  (void)wait_for(x, NULL, 0, 20 * SECOND, AMZ_MPI_PATIENT);
  (void)getrusage(RUSAGE_SELF, &after);
  cpu_s = (double)(after.ru_utime.tv_sec - before.ru_utime.tv_sec + after.ru_stime.tv_sec - before.ru_stime.tv_sec) +
          1e-6 * (double)(after.ru_utime.tv_usec - before.ru_utime.tv_usec + after.ru_stime.tv_usec - before.ru_stime.tv_usec);
  fprintf(stderr, "rank %u: %.4f s of CPU in 20 s\n", x->rank, cpu_s);
}

#endif

/* ---- all of it --------------------------------------------------------------------------------------------------- */

struct scenario {
  const char *name;
  void (*run)(struct test *x);
};

static const struct scenario scenarios[] = {
  {"order", run_order},
  {"flood", run_flood},
  {"wait", run_wait},
#ifndef AMZ_TEST_SMPI
  {"bells", run_bells},
  {"death", run_death},
  {"guard", run_guard},
  {"abort", run_abort},
  {"idle", run_idle},
#endif
};

static bool run_named(struct test *x, const char *name)
{
  for (size_t i = 0; i < ELEMENTS(scenarios); i++)
    if (strcmp(scenarios[i].name, name) == 0) {
      unsigned failures;

      scenarios[i].run(x);
      failures = meet(x, x->size);
      if (x->rank == 0)
        printf("%s %s\n", failures ? "failed" : "passed", name);
      return true;
    }
  return false;
}

int main(int argc, char **argv)
{
  struct test x = {.haste = AMZ_MPI_DUE};
  struct amz_error err;
  int rc = amz_mpi_start(&x.t, &err);

  if (rc < 0) {
    fprintf(stderr, "%s\n", err.text);
    return rc == AMZ_EENV ? 3 : 9;
  }
  x.early_end = &x.early;
  x.rank = amz_mpi_rank(x.t);
  x.size = amz_mpi_size(x.t);
  (void)EXPECT(&x, *amz_mpi_node(x.t) != '\0');
  for (int i = 1; i < argc; i++)
    if (!run_named(&x, argv[i])) {
      fprintf(stderr, "no scenario %s\n", argv[i]);
      amz_mpi_abort(x.t, 2);
    }
  (void)fflush(stdout);
  (void)EXPECT(&x, !x.early);
  free(x.kept);
  rc = amz_mpi_finish(x.t, 2 * PATIENCE, 8);
  (void)EXPECT(&x, rc == AMZ_OK);
  return x.failures ? 1 : 0;
}
