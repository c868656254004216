/* Bound threads, started behind a gate that opens when all are there: those that meet must not wait for one that couldn't be
 * started. */
#define _GNU_SOURCE
#include "measure_crew.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <unistd.h>

#include <amorsize/alloc.h>

#define SPINS 20000u               /* well below a tenth of a millisecond: then others may want the core */
#define STACK_BYTES ((size_t)1 << 18) /* address space may be limited, and bodies are shallow */

/* ---- meeting ---------------------------------------------------------------------------------------------------------- */

void amz_meet_init(struct amz_meet *meet, uint32_t n)
{
  meet->n = n;
  atomic_init(&meet->arrived, 0);
  atomic_init(&meet->turn, 0);
}

void amz_meet_wait(struct amz_meet *meet)
{
  unsigned turn = atomic_load(&meet->turn);

  if (atomic_fetch_add(&meet->arrived, 1) + 1 == meet->n) {
    atomic_store(&meet->arrived, 0);
    atomic_store(&meet->turn, turn + 1);
    return;
  }
  for (unsigned i = 0; atomic_load(&meet->turn) == turn; i++)
    if (i >= SPINS)
      (void)sched_yield();
}

/* ---- the crew --------------------------------------------------------------------------------------------------------- */

enum gate { CLOSED, OPEN, CALLED_OFF };

struct crew {
  void (*body)(void *ctx, uint32_t i);
  void *ctx;
  pthread_mutex_t mutex;
  pthread_cond_t moved;
  enum gate gate;
};

struct member {
  struct crew *crew;
  uint32_t i;
  pthread_t thread;
};

static void *live(void *arg)
{
  struct member *m = arg;
  struct crew *crew = m->crew;
  bool go;

  (void)pthread_mutex_lock(&crew->mutex);
  while (crew->gate == CLOSED)
    (void)pthread_cond_wait(&crew->moved, &crew->mutex);
  go = crew->gate == OPEN;
  (void)pthread_mutex_unlock(&crew->mutex);
  if (go)
    crew->body(crew->ctx, m->i);
  return NULL;
}

static void move_gate(struct crew *crew, enum gate gate)
{
  (void)pthread_mutex_lock(&crew->mutex);
  crew->gate = gate;
  (void)pthread_cond_broadcast(&crew->moved);
  (void)pthread_mutex_unlock(&crew->mutex);
}

static size_t stack_bytes(void)
{
  long least = sysconf(_SC_THREAD_STACK_MIN);

  return least > 0 && (size_t)least > STACK_BYTES / 2 ? (size_t)least + STACK_BYTES : STACK_BYTES;
}

/* \return 0 or an errno. */
static int start_bound(struct member *m, uint32_t unit)
{
  size_t bytes = CPU_ALLOC_SIZE((size_t)unit + 1);
  cpu_set_t *set = CPU_ALLOC((size_t)unit + 1);
  pthread_attr_t attributes;
  int rc = set ? pthread_attr_init(&attributes) : ENOMEM;

  if (rc == 0) {
    CPU_ZERO_S(bytes, set);
    CPU_SET_S((size_t)unit, bytes, set);
    if ((rc = pthread_attr_setaffinity_np(&attributes, bytes, set)) == 0 &&
        (rc = pthread_attr_setstacksize(&attributes, stack_bytes())) == 0)
      rc = pthread_create(&m->thread, &attributes, live, m);
    (void)pthread_attr_destroy(&attributes);
  }
  CPU_FREE(set);
  return rc;
}

/* Threads inherit the mask, so that signals go to the thread that is waiting for us. \return 0 or an errno; *ret_n: how many
 * run. */
static int start_all(struct crew *crew, struct member *members, const uint32_t *units, uint32_t n, uint32_t *ret_n)
{
  sigset_t all, before;
  uint32_t i = 0;
  int rc = sigfillset(&all) == 0 ? pthread_sigmask(SIG_BLOCK, &all, &before) : errno;

  *ret_n = 0;
  if (rc)
    return rc;
  for (; rc == 0 && i < n; i++) {
    members[i] = (struct member){.crew = crew, .i = i};
    rc = start_bound(&members[i], units[i]);
    *ret_n += rc == 0;
  }
  (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
  return rc;
}

int amz_crew_run(const uint32_t *units, uint32_t n, void (*body)(void *ctx, uint32_t i), void *ctx, struct amz_error *err)
{
  struct crew crew = {.body = body, .ctx = ctx, .mutex = PTHREAD_MUTEX_INITIALIZER, .moved = PTHREAD_COND_INITIALIZER};
  struct member *members = amz_new_array(n, sizeof *members);
  uint32_t started = 0;
  int rc;

  if (!members)
    return amz_error_set(err, AMZ_ENOMEM, "no memory for %u threads", n);
  rc = start_all(&crew, members, units, n, &started);
  move_gate(&crew, rc == 0 ? OPEN : CALLED_OFF);
  for (uint32_t i = 0; i < started; i++)
    (void)pthread_join(members[i].thread, NULL);
  free(members);
  if (rc == 0)
    return AMZ_OK;
  return amz_error_sys(err, AMZ_EENV, rc, "cannot start thread %u of %u, bound to processing unit %u", started + 1, n,
                       units[started < n ? started : n - 1]);
}
