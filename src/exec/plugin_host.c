/* The rank's side of plug-in hosts. */
#include "plugin_host.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <amorsize/alloc.h>
#include <amorsize/exec.h>

struct amz_host_common {
  int fd, wake[2];
  struct amz_common_shared *shared;
  size_t bytes;
};

struct amz_host_link {
  int fd;
  const struct amz_host_common *common;
  struct amz_host_shared *shared;
  struct amz_lane *lanes;
  uint32_t n_lanes;
  size_t bytes;
  uint64_t *heard; /* per lane: tellings given out; the last one is still being looked at */
};

/* A nameless file of that size, mapped. \return where; NULL with *err. */
static void *make_piece(const char *name, size_t bytes, int *ret_fd, struct amz_error *err)
{
  int fd = memfd_create(name, MFD_CLOEXEC), code;
  void *at = MAP_FAILED;

  if (fd >= 0 && (ftruncate(fd, (off_t)bytes) < 0 || (at = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd,
                                                                0)) == MAP_FAILED)) {
    code = errno;
    (void)close(fd);
    errno = code;
    fd = -1;
  }
  if (fd < 0) {
    (void)amz_error_sys(err, AMZ_EIO, errno, "cannot make %zu bytes of shared memory for plug-in tasks", bytes);
    return NULL;
  }
  *ret_fd = fd;
  return at;
}

/* ---- what all hosts of a rank share ----------------------------------------------------------------------------------- */

int amz_host_common_new(const void *recording, size_t n_recording, struct amz_error *err, struct amz_host_common **ret)
{
  struct amz_host_common *c = calloc(1, sizeof *c);

  if (!c)
    return amz_error_set(err, AMZ_ENOMEM, "out of memory");
  c->fd = c->wake[0] = c->wake[1] = -1;
  c->bytes = sizeof *c->shared + n_recording;
  c->shared = make_piece("amorsize-common", c->bytes, &c->fd, err);
  if (!c->shared) {
    amz_host_common_free(c);
    return AMZ_EIO;
  }
  if (pipe2(c->wake, O_CLOEXEC | O_NONBLOCK) < 0) {
    (void)amz_error_sys(err, AMZ_EIO, errno, "cannot make a pipe for plug-in tasks");
    amz_host_common_free(c);
    return AMZ_EIO;
  }
  c->shared->recording_bytes = n_recording;
  if (n_recording)
    memcpy(c->shared + 1, recording, n_recording);
  *ret = c;
  return AMZ_OK;
}

void amz_host_common_free(struct amz_host_common *c)
{
  if (!c)
    return;
  if (c->shared)
    (void)munmap(c->shared, c->bytes);
  if (c->fd >= 0)
    (void)close(c->fd);
  for (int i = 0; i < 2; i++)
    if (c->wake[i] >= 0)
      (void)close(c->wake[i]);
  free(c);
}

int amz_host_common_fd(const struct amz_host_common *c)
{
  return c->wake[0];
}

void amz_host_common_sleep(struct amz_host_common *c)
{
  atomic_store(&c->shared->rank_sleeps, 1);
}

void amz_host_common_wake(struct amz_host_common *c)
{
  char ignored[64];
  ssize_t n;

  /* A slot that has seen us sleep may lose its core before it writes: what comes when we are long up is taken, too, or no later
   * sleep would be one. */
  (void)atomic_exchange(&c->shared->rank_sleeps, 0);
  do
    n = read(c->wake[0], ignored, sizeof ignored);
  while (n == (ssize_t)sizeof ignored || (n < 0 && errno == EINTR));
}

/* ---- a host's memory -------------------------------------------------------------------------------------------------- */

static uint64_t place(uint64_t *total, uint64_t bytes, uint64_t align)
{
  uint64_t at = (*total + align - 1) / align * align;

  *total = at + bytes;
  return at;
}

static void put_text(struct amz_host_shared *shared, uint64_t at, const char *text)
{
  memcpy((char *)shared + at, text, strlen(text) + 1);
}

static void put_cpus(struct amz_host_link *h, const struct amz_host_config *config)
{
  uint32_t *cpus = (uint32_t *)(void *)((char *)h->shared + h->shared->cpus_at), n = 0;

  for (uint32_t i = 0; i < config->lanes; i++) {
    h->lanes[i].cpus_first = n;
    h->lanes[i].n_cpus = (uint32_t)config->n_cpus[i];
    for (size_t k = 0; k < config->n_cpus[i]; k++)
      cpus[n++] = config->cpus[i][k];
  }
}

/* Where everything stands in the piece. */
static struct amz_host_shared plan(const struct amz_host_config *config)
{
  struct amz_host_shared plan = {.magic = AMZ_SHARED_MAGIC, .bytes = sizeof plan, .rank = config->rank,
    .first_slot = config->first_slot,
    .lanes = config->lanes, .threads = config->threads, .gpus_apart = config->gpus_apart, .tasks = config->tasks};
  uint64_t total = sizeof plan, n_cpus = 0;

  plan.reduce = config->reduce;
  plan.results_asked = config->results_asked;

  for (uint32_t i = 0; i < config->lanes; i++)
    n_cpus += config->n_cpus[i];
  plan.path_at = place(&total, strlen(config->path) + 1, 1);
  plan.args_at = place(&total, config->args ? strlen(config->args) + 1 : 1, 1);
  plan.log_at = place(&total, strlen(config->log) + 1, 1);
  plan.results_at = config->results ? place(&total, strlen(config->results) + 1, 1) : 0;
  plan.job_at = place(&total, strlen(config->job) + 1, 1);
  plan.run_at = place(&total, strlen(config->run) + 1, 1);
  plan.cpus_at = place(&total, n_cpus * sizeof(uint32_t), 64);
  plan.lanes_at = place(&total, config->lanes * sizeof(struct amz_lane), 4096);
  plan.total = total;
  return plan;
}

static int fill(struct amz_host_link *h, const struct amz_host_config *config, struct amz_error *err)
{
  struct amz_host_shared planned = plan(config);

  h->bytes = (size_t)planned.total;
  h->shared = make_piece("amorsize-plugin", h->bytes, &h->fd, err);
  if (!h->shared)
    return AMZ_EIO;
  memcpy(h->shared, &planned, sizeof planned);
  h->lanes = (struct amz_lane *)(void *)((char *)h->shared + planned.lanes_at);
  h->n_lanes = config->lanes;
  put_text(h->shared, planned.path_at, config->path);
  put_text(h->shared, planned.args_at, config->args ? config->args : "");
  put_text(h->shared, planned.log_at, config->log);
  if (config->results)
    put_text(h->shared, planned.results_at, config->results);
  put_text(h->shared, planned.job_at, config->job);
  put_text(h->shared, planned.run_at, config->run);
  put_cpus(h, config);
  return AMZ_OK;
}

int amz_host_link_new(const struct amz_host_config *config, const struct amz_host_common *common, struct amz_error *err,
                      struct amz_host_link **ret)
{
  struct amz_host_link *h = calloc(1, sizeof *h);

  if (!h)
    return amz_error_set(err, AMZ_ENOMEM, "out of memory");
  h->fd = -1;
  h->common = common;
  h->heard = amz_new_array(config->lanes, sizeof *h->heard);
  if (!h->heard || fill(h, config, err) < 0) {
    amz_host_link_free(h);
    return err && err->code < 0 ? err->code : AMZ_ENOMEM;
  }
  *ret = h;
  return AMZ_OK;
}

void amz_host_link_free(struct amz_host_link *h)
{
  if (!h)
    return;
  if (h->shared)
    (void)munmap(h->shared, h->bytes);
  if (h->fd >= 0)
    (void)close(h->fd);
  free(h->heard);
  free(h);
}

int amz_host_link_words(const struct amz_host_link *h, struct amz_error *err, struct amz_buf *ret)
{
  const int fds[] = {h->fd, h->common->fd, h->common->wake[1]};
  int rc = amz_exec_find_program("amorsize-mpi-plugin", err, ret);

  if (rc < 0)
    return rc;
  amz_buf_addc(ret, '\0');
  amz_buf_addf(ret, "%ld", (long)getpid());
  for (size_t i = 0; i < sizeof fds / sizeof *fds; i++) {
    amz_buf_addc(ret, '\0');
    amz_buf_addf(ret, "%d", fds[i]);
  }
  return amz_buf_ok(ret);
}

/* ---- what it says ----------------------------------------------------------------------------------------------------- */

enum amz_host_state amz_host_link_state(const struct amz_host_link *h)
{
  return (enum amz_host_state)atomic_load(&h->shared->state);
}

const struct amz_host_shared *amz_host_link_shared(const struct amz_host_link *h)
{
  return h->shared;
}

const struct amz_telling *amz_host_link_next(struct amz_host_link *h, uint32_t lane)
{
  struct amz_lane *l = &h->lanes[lane];

  atomic_store_explicit(&l->heard, h->heard[lane], memory_order_release);
  if (atomic_load_explicit(&l->told, memory_order_acquire) == h->heard[lane])
    return NULL;
  return &l->tellings[h->heard[lane]++ % AMZ_TELLINGS];
}

bool amz_host_link_has_news(const struct amz_host_link *h, bool state)
{
  for (uint32_t i = 0; i < h->n_lanes; i++)
    if (atomic_load(&h->lanes[i].told) != h->heard[i])
      return true;
  return state && amz_host_link_state(h) != AMZ_HOST_LOADING;
}

uint64_t amz_host_link_running(const struct amz_host_link *h, uint32_t lane, uint64_t *ret_at)
{
  uint64_t number = atomic_load_explicit(&h->lanes[lane].number, memory_order_acquire);

  *ret_at = atomic_load_explicit(&h->lanes[lane].at, memory_order_acquire);
  return number;
}

bool amz_host_link_guilty(const struct amz_host_link *h, uint32_t lane)
{
  return atomic_load(&h->lanes[lane].guilty) != 0;
}

/* ---- what it is told -------------------------------------------------------------------------------------------------- */

static void wake(struct amz_lane *l)
{
  if (atomic_load(&l->sleeps) && atomic_exchange(&l->sleeps, 0))
    (void)syscall(SYS_futex, &l->sleeps, FUTEX_WAKE, 1, NULL, NULL, 0);
}

struct amz_order_to_run *amz_host_link_order(struct amz_host_link *h, uint32_t lane)
{
  struct amz_lane *l = &h->lanes[lane];
  uint64_t ordered = atomic_load_explicit(&l->ordered, memory_order_relaxed);
  struct amz_order_to_run *order = &l->orders[ordered % AMZ_ORDERS];

  order->number = ordered + 1;
  atomic_store_explicit(&order->state, AMZ_ORDER_WAITS, memory_order_relaxed); /* published by `ordered` */
  return order;
}

/* Orders that were withdrawn stand in the ring until the lane comes by: there must be room for those that are sent meanwhile,
 * beside the one that runs. */
bool amz_host_link_withdraw(struct amz_host_link *h, uint32_t lane, uint64_t number)
{
  struct amz_lane *l = &h->lanes[lane];
  uint64_t waiting = atomic_load_explicit(&l->ordered, memory_order_relaxed) - atomic_load_explicit(&l->passed,
      memory_order_acquire);
  uint32_t expected = AMZ_ORDER_WAITS;

  return number > 0 && waiting <= AMZ_ORDERS - 4 &&
         atomic_compare_exchange_strong(&l->orders[(number - 1) % AMZ_ORDERS].state, &expected, AMZ_ORDER_WITHDRAWN);
}

void amz_host_link_send(struct amz_host_link *h, uint32_t lane)
{
  struct amz_lane *l = &h->lanes[lane];

  atomic_store(&l->ordered, atomic_load_explicit(&l->ordered, memory_order_relaxed) + 1);
  wake(l);
}

const void *amz_host_link_partials(const struct amz_host_link *h, uint32_t lane, const struct amz_telling *telling)
{
  size_t entry = (size_t)(telling - h->lanes[lane].tellings);

  return telling->partials_bytes && telling->partials_bytes <= AMZ_TELLING_PARTIALS ? h->lanes[lane].partials[entry] : NULL;
}

void amz_host_link_yield(struct amz_host_link *h, uint32_t lane, uint64_t number)
{
  atomic_store_explicit(&h->lanes[lane].yield_upto, number, memory_order_relaxed);
}

void amz_host_link_close(struct amz_host_link *h)
{
  atomic_store(&h->shared->closing, 1);
  for (uint32_t i = 0; i < h->n_lanes; i++)
    wake(&h->lanes[i]);
}
