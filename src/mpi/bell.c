/* Bells between ranks of one host, so that who waits for a message needn't look for it again and again: each look takes its time
 * from the tasks that keep the cores busy.
 *
 * Messages travel by MPI, as ever. A rank has a page of memory and a pipe, both without names, which its fellows open by way of
 * /proc. Before it sleeps it says so in the page, and looks for messages once more; who has sent looks, after sending, whether
 * the other one has said so, and if so writes to its pipe. Both do the two in sequentially consistent order (Dekker's scheme), so
 * that one of them always sees the other's.
 *
 * Traffic is between rank 0 and the others: a rank can rely on being woken when rank 0 has its bell; rank 0, when all others have
 * its own. What can't be had (other hosts, other process name spaces, a /proc that hides) is looked for as without bells. A bell
 * is a hint: the message may come a little later than it.
 *
 * MPI may keep a message for a while, as when the receiver's box in shared memory is full, and hand it over while we look after
 * something else. So who has parcels that MPI isn't done with rings again each time it looks after them (outbox.c). And who has
 * been seen to sleep may be rung when it has long been up, for between taking note of that and writing to the pipe a sender may
 * lose its core: such a late bell is taken out of the pipe, which else would be readable until the next one is due, and each
 * sleep until then none. */
#include "state.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include <amorsize/alloc.h>

#include "../node/read_small.h"

#define BOOT_ID "/proc/sys/kernel/random/boot_id"
#define PID_SPACE "/proc/self/ns/pid"

#ifdef SMPI_H

int amz_bell_open(struct amz_mpi *t, struct amz_error *err)
{
  (void)t;
  (void)err;
  return AMZ_OK;
}

void amz_bell_free(struct amz_mpi *t)
{
  (void)t;
}

void amz_bell_ring(struct amz_mpi *t, uint32_t rank)
{
  (void)t;
  (void)rank;
}

int amz_bell_sleep(struct amz_mpi *t)
{
  (void)t;
  return -1;
}

bool amz_bell_wake(struct amz_mpi *t, bool readable)
{
  (void)t;
  (void)readable;
  return false;
}

#else

struct page {
  _Atomic uint32_t sleeps;
  uint64_t cookie[2]; /* another process may have the number that we were told */
};

/* How others find a rank's bell; all zero: it has none. */
struct record {
  uint64_t boot[2];   /* of the system that runs there */
  uint64_t pid_space;
  uint64_t cookie[2];
  int64_t pid;
  int32_t page_fd, pipe_fd;
};

struct ringer {
  struct page *page; /* NULL: not to be rung */
  int fd;
};

struct amz_bell {
  struct page *own;
  int page_fd, pipe[2];
  struct ringer *ringers; /* rank 0: of all; others: of rank 0 */
  uint32_t n_ringers;
};

/* ---- our own ------------------------------------------------------------------------------------------------------ */

static void read_boot(uint64_t boot[2])
{
  char text[40];
  ssize_t n = amz_read_small(BOOT_ID, text, sizeof text);

  if (n == 37) /* of which 32 are digits and tell it apart */
    (void)sscanf(text, "%16lx", &boot[0]);
  for (ssize_t i = 0; i < n; i++)
    boot[1] = boot[1] * 31 + (unsigned char)text[i];
}

static bool make_own(struct amz_bell *b)
{
  void *at;

  b->page_fd = memfd_create("amorsize-bell", MFD_CLOEXEC);
  if (b->page_fd < 0 || ftruncate(b->page_fd, sizeof *b->own) < 0 || pipe2(b->pipe, O_CLOEXEC | O_NONBLOCK) < 0)
    return false;
  at = mmap(NULL, sizeof *b->own, PROT_READ | PROT_WRITE, MAP_SHARED, b->page_fd, 0);
  if (at == MAP_FAILED)
    return false;
  b->own = at;
  return getrandom(b->own->cookie, sizeof b->own->cookie, GRND_NONBLOCK) == (ssize_t)sizeof b->own->cookie;
}

static struct record describe(const struct amz_bell *b)
{
  struct record r = {.pid = getpid(), .page_fd = b->page_fd, .pipe_fd = b->pipe[1]};
  struct stat st;

  read_boot(r.boot);
  if (stat(PID_SPACE, &st) == 0)
    r.pid_space = st.st_ino;
  memcpy(r.cookie, b->own->cookie, sizeof r.cookie);
  return r;
}

/* ---- others' ------------------------------------------------------------------------------------------------------ */

static int open_of(int64_t pid, int32_t fd, int flags)
{
  char path[64];

  (void)snprintf(path, sizeof path, "/proc/%lld/fd/%d", (long long)pid, (int)fd);
  return open(path, flags | O_CLOEXEC);
}

static struct page *map_of(const struct record *r)
{
  int fd = open_of(r->pid, r->page_fd, O_RDWR);
  struct stat st;
  void *at = MAP_FAILED;

  if (fd >= 0 && fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_size == (off_t)sizeof(struct page))
    at = mmap(NULL, sizeof(struct page), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  if (fd >= 0)
    (void)close(fd);
  return at == MAP_FAILED ? NULL : at;
}

static void let_go(struct ringer *r)
{
  if (r->page)
    (void)munmap(r->page, sizeof *r->page);
  if (r->fd >= 0)
    (void)close(r->fd);
  *r = (struct ringer){.fd = -1};
}

/* \return whether the rank can be rung. Numbers of processes mean the same in one name space of one system, and nothing
 * elsewhere. */
static bool take_hold(const struct record *own, const struct record *other, struct ringer *ret)
{
  struct stat st;

  if (other->pid == 0 || own->pid_space == 0 || own->pid_space != other->pid_space ||
      memcmp(own->boot, other->boot, sizeof own->boot) != 0)
    return false;
  ret->page = map_of(other);
  if (ret->page && memcmp(ret->page->cookie, other->cookie, sizeof other->cookie) == 0)
    ret->fd = open_of(other->pid, other->pipe_fd, O_WRONLY | O_NONBLOCK);
  if (ret->fd >= 0 && fstat(ret->fd, &st) == 0 && S_ISFIFO(st.st_mode))
    return true;
  let_go(ret);
  return false;
}

/* ---- agreement ---------------------------------------------------------------------------------------------------- */

static int take_hold_of_all(struct amz_mpi *t, const struct record *own, const struct record *records, uint8_t *ret_can)
{
  struct amz_bell *b = t->bell;
  int n = 0;

  for (uint32_t i = 0; b && i < b->n_ringers; i++) {
    uint32_t rank = t->rank == 0 ? i : 0;

    ret_can[i] = rank != t->rank && take_hold(own, &records[i], &b->ringers[i]);
    n += ret_can[i];
  }
  return n;
}

/* Everybody takes part in each of these, also who has no bell. \return MPI_SUCCESS; others. */
static int agree(struct amz_mpi *t, struct record *records, uint8_t *can)
{
  const struct record own = t->bell ? describe(t->bell) : (struct record){0};
  uint8_t rings_zero = 0, zero_rings = 0;
  uint32_t heard = 0;
  int rc = MPI_Gather(&own, sizeof own, MPI_BYTE, records, sizeof own, MPI_BYTE, 0, t->comm);

  if (rc == MPI_SUCCESS)
    rc = MPI_Bcast(records, sizeof own, MPI_BYTE, 0, t->comm);
  if (rc != MPI_SUCCESS)
    return rc;
  (void)take_hold_of_all(t, &own, records, can);
  rings_zero = can[0];
  rc = MPI_Scatter(can, 1, MPI_BYTE, &zero_rings, 1, MPI_BYTE, 0, t->comm);
  if (rc == MPI_SUCCESS)
    rc = MPI_Gather(&rings_zero, 1, MPI_BYTE, can, 1, MPI_BYTE, 0, t->comm);
  for (uint32_t i = 1; t->rank == 0 && i < t->size; i++)
    heard += can[i];
  t->is_rung = t->bell && (t->rank == 0 ? heard == t->size - 1 : zero_rings);
  return rc;
}

int amz_bell_open(struct amz_mpi *t, struct amz_error *err)
{
  uint32_t n = t->rank == 0 ? t->size : 1;
  struct record *records = amz_new_array(n, sizeof *records);
  uint8_t *can = amz_new_array(n, sizeof *can);
  int rc = MPI_SUCCESS;

  if (!records || !can) { /* the others would wait for us */
    free(records);
    free(can);
    return amz_error_set(err, AMZ_ENOMEM, "no memory for %u ranks", t->size);
  }
  t->bell = amz_new_array(1, sizeof *t->bell);
  if (t->bell) {
    *t->bell = (struct amz_bell){.page_fd = -1, .pipe = {-1, -1}, .ringers = amz_new_array(n, sizeof *t->bell->ringers)};
    for (uint32_t i = 0; t->bell->ringers && i < n; i++)
      t->bell->ringers[i].fd = -1;
    t->bell->n_ringers = t->bell->ringers ? n : 0;
    if (!t->bell->ringers || !make_own(t->bell))
      amz_bell_free(t);
  }
  if (t->size > 1)
    rc = agree(t, records, can);
  free(records);
  free(can);
  return rc == MPI_SUCCESS ? AMZ_OK : amz_mpi_failed(err, rc, "cannot start");
}

void amz_bell_free(struct amz_mpi *t)
{
  struct amz_bell *b = t->bell;

  t->bell = NULL;
  if (!b)
    return;
  for (uint32_t i = 0; i < b->n_ringers; i++)
    let_go(&b->ringers[i]);
  free(b->ringers);
  if (b->own)
    (void)munmap(b->own, sizeof *b->own);
  if (b->page_fd >= 0)
    (void)close(b->page_fd);
  for (int i = 0; i < 2; i++)
    if (b->pipe[i] >= 0)
      (void)close(b->pipe[i]);
  free(b);
}

/* ---- use ---------------------------------------------------------------------------------------------------------- */

void amz_bell_ring(struct amz_mpi *t, uint32_t rank)
{
  struct amz_bell *b = t->bell;
  uint32_t i = t->rank == 0 ? rank : 0;

  if (!b || i >= b->n_ringers || (t->rank != 0 && rank != 0) || !b->ringers[i].page)
    return;
  atomic_thread_fence(memory_order_seq_cst);
  if (atomic_load_explicit(&b->ringers[i].page->sleeps, memory_order_relaxed) &&
      atomic_exchange(&b->ringers[i].page->sleeps, 0)) {
    /* a full pipe wakes, too; of the dead MPI doesn't tell, either */
    while (write(b->ringers[i].fd, "", 1) < 0 && errno == EINTR)
      ;
    t->rang = true;
  }
}

int amz_bell_sleep(struct amz_mpi *t)
{
  if (!t->bell)
    return -1;
  atomic_store(&t->bell->own->sleeps, 1);
  return t->bell->pipe[0];
}

bool amz_bell_wake(struct amz_mpi *t, bool readable)
{
  char ignored[64];
  bool rung;
  ssize_t n;

  if (!t->bell)
    return false;
  rung = atomic_exchange(&t->bell->own->sleeps, 0) == 0;
  if (!rung && !readable)
    return false;
  do
    n = read(t->bell->pipe[0], ignored, sizeof ignored);
  while (n == (ssize_t)sizeof ignored || (n < 0 && errno == EINTR));
  return rung;
}

#endif
