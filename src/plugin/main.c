/* amorsize-mpi-plugin: the process in which plug-in tasks run; see host.h. Started by the helper, not by people:
 * amorsize-mpi-plugin PID PIECE COMMON WAKE, descriptors of the rank's process PID, which are opened by way of /proc. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <amorsize/alloc.h>
#include <amorsize/units.h>

#include "host.h"

/* ---- what the rank shares with us ------------------------------------------------------------------------------------- */

static int open_of(const char *pid, const char *fd, int flags)
{
  char path[64];
  int n = snprintf(path, sizeof path, "/proc/%s/fd/%s", pid, fd);

  return n > 0 && (size_t)n < sizeof path ? open(path, flags | O_CLOEXEC) : -1;
}

/* \return the piece, at least `least` bytes long, mapped for good; NULL. */
static void *map_of(const char *pid, const char *fd, size_t least, size_t *ret_bytes)
{
  int piece = open_of(pid, fd, O_RDWR);
  struct stat st;
  void *at = MAP_FAILED;

  if (piece >= 0 && fstat(piece, &st) == 0 && st.st_size >= 0 && (size_t)st.st_size >= least) {
    at = mmap(NULL, (size_t)st.st_size, PROT_READ | PROT_WRITE, MAP_SHARED, piece, 0);
    *ret_bytes = (size_t)st.st_size;
  }
  if (piece >= 0)
    (void)close(piece);
  return at == MAP_FAILED ? NULL : at;
}

static bool attach(struct amz_host *h, char **argv)
{
  size_t bytes = 0, common_bytes = 0;

  h->shared = map_of(argv[1], argv[2], sizeof *h->shared, &bytes);
  h->common = map_of(argv[1], argv[3], sizeof *h->common, &common_bytes);
  h->wake_fd = open_of(argv[1], argv[4], O_WRONLY | O_NONBLOCK);
  if (!h->shared || !h->common || h->wake_fd < 0 || h->shared->magic != AMZ_SHARED_MAGIC ||
      h->shared->bytes != sizeof *h->shared ||
      h->shared->total > bytes || h->common->recording_bytes > common_bytes - sizeof *h->common)
    return false;
  h->values.recording = h->common + 1;
  h->values.n_recording = h->common->recording_bytes;
  return pthread_mutex_init(&h->values.lock, NULL) == 0;
}

/* What the plug-in prints. Where it can't be kept it is dropped, as the helper does with what its services print. */
static void redirect(const struct amz_host *h)
{
  int fd = open((const char *)h->shared + h->shared->log_at, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);

  if (fd < 0)
    return;
  (void)dup2(fd, STDOUT_FILENO);
  (void)dup2(fd, STDERR_FILENO);
  (void)close(fd);
  (void)setvbuf(stdout, NULL, _IOLBF, 0); /* a crash must not take what was printed before it */
}

/* ---- the plug-in ------------------------------------------------------------------------------------------------------ */

/* \return how many lanes this host serves; 0: none, the rank has been told why. */
static uint32_t load(struct amz_host *h)
{
  struct amz_host_shared *shared = h->shared;
  uint32_t expected = AMZ_HOST_LOADING;
  struct amz_error err;

  h->plugin = amz_host_load((const char *)shared + shared->path_at, &err);
  if (!h->plugin) {
    amz_host_refuse(h, err.text);
    return 0;
  }
  h->result_bytes = amz_plugin_result_size(h->plugin);
  /* GPUs are told by the environment */
  shared->flags = shared->gpus_apart ? h->plugin->flags & ~AMZ_PLUGIN_THREAD_SAFE : h->plugin->flags;
  shared->result_type = h->plugin->result_type;
  shared->result_bytes = (uint32_t)h->result_bytes;
  shared->has_range = h->plugin->run_range != NULL;
  if (!amz_host_keep(h))
    return 0;
  (void)snprintf(shared->name, sizeof shared->name, "%s", h->plugin->name ? h->plugin->name : "");
  if (!atomic_compare_exchange_strong(&shared->state, &expected, AMZ_HOST_SERVES))
    return 0;
  amz_host_wake_rank(h);
  return shared->flags & AMZ_PLUGIN_THREAD_SAFE ? shared->lanes : 1;
}

static int serve(struct amz_host *h, uint32_t n)
{
  struct amz_lane *lanes = (struct amz_lane *)(void *)((char *)h->shared + h->shared->lanes_at);
  struct amz_slot_thread *threads = amz_new_array(n, sizeof *threads);
  uint32_t started = 0;

  if (!threads) {
    amz_host_refuse(h, "the plug-in's host is out of memory");
    return 3;
  }
  for (; started < n; started++) {
    threads[started] = (struct amz_slot_thread){.host = h, .lane = &lanes[started], .number = h->shared->first_slot + started};
    if (pthread_create(&threads[started].thread, NULL, amz_slot_main, &threads[started]) != 0) {
      amz_host_refuse(h, "the plug-in's host cannot start its threads: is there a limit of processes (ulimit -u)?");
      break;
    }
  }
  for (uint32_t i = 0; i < started; i++)
    (void)pthread_join(threads[i].thread, NULL);
  free(threads);
  return 0;
}

int main(int argc, char **argv)
{
  struct amz_host h = {.wake_fd = -1};
  uint32_t n;
  int status;

  if (argc != 5) {
    (void)fputs("amorsize-mpi-plugin is started by amorsize-mpi; it is of no use alone\n", stderr);
    return 2;
  }
  if (!attach(&h, argv)) {
    (void)fprintf(stderr, "amorsize-mpi-plugin: cannot reach the memory of process %s\n", argv[1]);
    return 3;
  }
  redirect(&h);
  if (!amz_guilt_watch()) {
    amz_host_refuse(&h, "the plug-in's host cannot set up its signals");
    return 3;
  }
  n = load(&h);
  status = n ? serve(&h, n) : 3;
  amz_results_close(h.results);
  amz_job_free(h.values.job);
  return status;
}
