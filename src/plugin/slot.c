/* A lane's thread: binds itself, opens the plug-in, and then waits for orders and works on them until the host closes. */
#include <errno.h>
#include <linux/futex.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "host.h"

#define SPINS 400             /* looks before it sleeps, some microseconds: an answer that is under way comes by then */
#define ROOM_NS 50000         /* between looks for room in a full ring of tellings */
#define RESULTS_BYTES (256u * 1024)

/* ---- telling ---------------------------------------------------------------------------------------------------------- */

void amz_host_wake_rank(struct amz_host *h)
{
  atomic_thread_fence(memory_order_seq_cst);
  if (atomic_load_explicit(&h->common->rank_sleeps, memory_order_relaxed) && atomic_exchange(&h->common->rank_sleeps, 0))
    while (write(h->wake_fd, "", 1) < 0 && errno == EINTR) /* a full pipe wakes, too */
      ;
}

static bool is_closing(const struct amz_host *h)
{
  return atomic_load_explicit(&h->shared->closing, memory_order_acquire) != 0;
}

void amz_slot_tell(struct amz_slot_thread *s, const struct amz_telling *telling)
{
  const struct timespec nap = {.tv_nsec = ROOM_NS};
  struct amz_lane *lane = s->lane;
  uint64_t told = atomic_load_explicit(&lane->told, memory_order_relaxed);

  amz_guilt_leave_fork(s);
  while (told - atomic_load_explicit(&lane->heard, memory_order_acquire) >= AMZ_TELLINGS) {
    amz_host_wake_rank(s->host);
    (void)nanosleep(&nap, NULL);
  }
  lane->tellings[told % AMZ_TELLINGS] = *telling;
  if (telling->partials_bytes)
    memcpy(lane->partials[told % AMZ_TELLINGS], s->partials.data, telling->partials_bytes);
  atomic_store_explicit(&lane->told, told + 1, memory_order_release);
  amz_host_wake_rank(s->host);
}

void amz_host_refuse(struct amz_host *h, const char *text)
{
  uint32_t expected = AMZ_HOST_LOADING, serves = AMZ_HOST_SERVES;

  (void)snprintf(h->shared->error, sizeof h->shared->error, "%s", text);
  if (!atomic_compare_exchange_strong(&h->shared->state, &expected, AMZ_HOST_REFUSES))
    (void)atomic_compare_exchange_strong(&h->shared->state, &serves, AMZ_HOST_REFUSES);
  amz_host_wake_rank(h);
}

/* ---- waiting ---------------------------------------------------------------------------------------------------------- */

static bool has_order(const struct amz_lane *lane, uint64_t done)
{
  return atomic_load_explicit(&lane->ordered, memory_order_acquire) != done;
}

static void rest(struct amz_slot_thread *s, uint64_t done)
{
  struct amz_lane *lane = s->lane;

  atomic_store(&lane->sleeps, 1);
  if (atomic_load(&lane->ordered) == done && !atomic_load(&s->host->shared->closing))
    (void)syscall(SYS_futex, &lane->sleeps, FUTEX_WAIT, 1, NULL, NULL, 0);
  atomic_store(&lane->sleeps, 0);
}

/* \return whether there is an order; false: the host closes. */
static bool await_order(struct amz_slot_thread *s, uint64_t done)
{
  for (unsigned i = 0; i < SPINS; i++) {
    if (has_order(s->lane, done))
      return true;
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#endif
  }
  while (!has_order(s->lane, done)) {
    if (is_closing(s->host))
      return false;
    rest(s, done);
  }
  return true;
}

/* ---- life ------------------------------------------------------------------------------------------------------------- */

/* Binding is best effort: the rank's cores are the rank's. */
static void bind_self(const struct amz_slot_thread *s)
{
  const struct amz_host_shared *shared = s->host->shared;
  const uint32_t *cpus = (const uint32_t *)(const void *)((const char *)shared + shared->cpus_at) + s->lane->cpus_first;
  cpu_set_t *set = CPU_ALLOC(8192);
  size_t bytes = CPU_ALLOC_SIZE(8192);

  if (!set)
    return;
  CPU_ZERO_S(bytes, set);
  for (uint32_t i = 0; i < s->lane->n_cpus; i++)
    if (cpus[i] < 8192)
      CPU_SET_S(cpus[i], bytes, set);
  if (s->lane->n_cpus)
    (void)sched_setaffinity(0, bytes, set);
  CPU_FREE(set);
}

static bool open_plugin(struct amz_slot_thread *s)
{
  const struct amz_host *h = s->host;
  char text[768] = "", whole[1024];
  const struct amz_plugin_open how = {.args = (const char *)h->shared + h->shared->args_at, .tasks = h->shared->tasks,
    .rank = h->shared->rank, .slot = s->number, .threads = h->shared->threads, .error = text, .error_size = sizeof text};
  int code = h->plugin->open ? h->plugin->open(&how, &s->state) : 0;

  if (code == 0)
    return true;
  text[sizeof text - 1] = '\0';
  (void)snprintf(whole, sizeof whole, "the plug-in %.200s could not begin (open returned %d)%s%s",
                 h->plugin->name ? h->plugin->name : "", code, *text ? ": " : "", text);
  amz_host_refuse(s->host, whole);
  return false;
}

static bool make_room(struct amz_slot_thread *s)
{
  size_t each = s->host->result_bytes;

  if (each == 0)
    return true;
  s->results_most = each < RESULTS_BYTES ? RESULTS_BYTES / each : 1;
  s->results = aligned_alloc(64, (s->results_most * each + 63) / 64 * 64);
  return s->results != NULL;
}

static void serve(struct amz_slot_thread *s)
{
  for (uint64_t done = 0; await_order(s, done); done++) {
    struct amz_order_to_run *order = &s->lane->orders[done % AMZ_ORDERS];
    uint32_t expected = AMZ_ORDER_WAITS;
    bool taken = atomic_compare_exchange_strong(&order->state, &expected, AMZ_ORDER_TAKEN);

    atomic_store_explicit(&s->lane->passed, done + 1, memory_order_release);
    if (taken)
      amz_slot_work(s, order);
  }
}

/* Who ends the thread (pthread_exit) would have its slot wait for ever: it ends the process, as exit() does, and is seen to. */
static void on_thread_end(void *number)
{
  (void)fprintf(stderr, "amorsize-mpi-plugin: the plug-in has ended the thread of slot %u (pthread_exit), and so this process\n",
                *(const uint32_t *)number);
  exit(1);
}

static void serve_to_the_end(struct amz_slot_thread *s)
{
  pthread_cleanup_push(on_thread_end, &s->number);
  if (open_plugin(s)) {
    serve(s);
    if (s->host->plugin->close)
      s->host->plugin->close(s->state);
  }
  pthread_cleanup_pop(0);
}

void *amz_slot_main(void *arg)
{
  struct amz_slot_thread *s = arg;
  void *stack = malloc(amz_guilt_stack_bytes());

  s->task = (struct amz_plugin_task){.value = amz_slot_value, .error = s->error, .error_size = sizeof s->error, .host = s};
  bind_self(s);
  if (!stack || !make_room(s) || !amz_slot_keep_begin(s) || !amz_guilt_begin(s, stack)) {
    amz_host_refuse(s->host, "the plug-in's host is out of memory");
  } else {
    serve_to_the_end(s);
  }
  amz_guilt_end();
  free(stack);
  free(s->results);
  amz_slot_keep_end(s);
  amz_slot_clear_values(s);
  return NULL;
}
