/* Lays out everything that a child needs, so that it need only make system calls. */
#include "launch.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define OTHER_FILES 64            /* descriptors that a helper needs beside its tasks' pipes */
#define ARG_MAX_ONE (128u * 1024) /* MAX_ARG_STRLEN of Linux: one argument with its NUL, whatever ulimit -s says */
#define SCRIPT_PATH "/proc/self/fd/3"

static void raise_nofile(struct amz_launcher *l, uint32_t slots)
{
  rlim_t need = (rlim_t)slots * 3 + OTHER_FILES;
  struct rlimit raised;

  if (getrlimit(RLIMIT_NOFILE, &l->nofile) < 0 || l->nofile.rlim_cur >= need)
    return;
  raised = l->nofile;
  raised.rlim_cur = raised.rlim_max < need ? raised.rlim_max : need;
  l->nofile_raised = setrlimit(RLIMIT_NOFILE, &raised) == 0;
}

int amz_launcher_init(struct amz_launcher *l, char *const *environment, uint32_t slots)
{
  memset(l, 0, sizeof *l);
  amz_buf_init(&l->room);
  l->pid = getpid();
  raise_nofile(l, slots);
  if (sched_getaffinity(0, sizeof l->own, (cpu_set_t *)(void *)l->own) < 0)
    memset(l->own, 0, sizeof l->own); /* then every task is bound by a call of its own */
  return amz_environ_init(&l->environ, environment);
}

void amz_launcher_clear(struct amz_launcher *l)
{
  amz_environ_clear(&l->environ);
  amz_known_clear(&l->known);
  amz_buf_clear(&l->room);
}

/* Masks in bytes are those of the kernel on little-endian machines only: it counts bits in longs. */
static void mask_set(unsigned char *mask, uint32_t cpu)
{
  unsigned long word;
  size_t at = cpu / (8 * sizeof word) * sizeof word;

  memcpy(&word, mask + at, sizeof word);
  word |= 1ul << (cpu % (8 * sizeof word));
  memcpy(mask + at, &word, sizeof word);
}

/* \return whether all the CPUs asked for can exist. */
static bool lay_out_cpus(struct amz_launcher *l, const struct amz_exec_command *command, struct amz_spawn *s)
{
  bool exist = true;

  s->cpus = NULL;
  if (command->n_cpus == 0)
    return true;
  memset(l->wanted, 0, sizeof l->wanted);
  for (size_t i = 0; i < command->n_cpus; i++) {
    if (command->cpus[i] < AMZ_LAUNCH_CPUS)
      mask_set(l->wanted, command->cpus[i]);
    else
      exist = false;
  }
  if (memcmp(l->wanted, l->own, sizeof l->own) != 0) {
    s->cpus = l->wanted;
    s->cpus_now = l->now;
    s->cpus_size = sizeof l->wanted;
  }
  return exist;
}

/* \return a descriptor of a nameless file with the text, at its beginning; -1 with errno. */
static int script_of(const char *text, size_t n)
{
  int fd = memfd_create("script", MFD_CLOEXEC);
  size_t at = 0;

  if (fd < 0)
    return -1;
  while (at < n) {
    ssize_t wrote = pwrite(fd, text + at, n - at, (off_t)at);

    if (wrote < 0 && errno == EINTR)
      continue;
    if (wrote <= 0) {
      int error = wrote < 0 ? errno : EIO;

      (void)close(fd);
      errno = error;
      return -1;
    }
    at += (size_t)wrote;
  }
  return fd;
}

/* {"/bin/sh", "-c", TEXT, …} with a text that execve refuses becomes {"/bin/sh", FILE, …}: the shell reads it instead.
 * What would have been $0 is dropped with "-c". */
static bool lay_out_script(const struct amz_exec_command *command, struct amz_spawn *s)
{
  char **argv = s->argv;
  size_t n;

  s->script_fd = -1;
  if (!command->shell || !argv[1] || strcmp(argv[1], "-c") != 0 || !argv[2])
    return true;
  n = strlen(argv[2]);
  if (n < ARG_MAX_ONE)
    return true;
  s->script_fd = script_of(argv[2], n);
  if (s->script_fd < 0)
    return false;
  argv[1] = (char *)(uintptr_t)SCRIPT_PATH;
  argv[2] = NULL;
  if (!argv[3])
    return true;
  for (size_t i = 4; argv[i - 1]; i++)
    argv[i - 2] = argv[i];
  return true;
}

static void close_all(const int *fds, size_t n)
{
  for (size_t i = 0; i < n; i++)
    if (fds[i] >= 0)
      (void)close(fds[i]);
}

/* Fresh pipes for each process: one that an earlier task left behind can't write into a later one's output. */
static bool open_pipes(struct amz_child *t, bool stays, struct amz_spawn *s)
{
  int fds[6] = {-1, -1, -1, -1, -1, -1}; /* output, errors, input: read end, write end */
  int n = stays ? 6 : 4;

  for (int i = 0; i < n; i += 2)
    if (pipe2(fds + i, O_CLOEXEC) < 0) {
      int error = errno;

      close_all(fds, 6);
      errno = error;
      return false;
    }
  t->fds[0] = fds[0];
  s->out_fd = fds[1];
  t->fds[1] = fds[2];
  s->err_fd = fds[3];
  s->in_fd = fds[4];
  t->input = fds[5];
  return true;
}

static bool lay_out(struct amz_launcher *l, struct amz_child *t, struct amz_wire_start *start, struct amz_spawn *s)
{
  const struct amz_exec_command *command = &start->command;

  *s = (struct amz_spawn){.argv = start->argv + 1, .workdir = command->workdir, .stdin_path = command->stdin_path, .in_fd = -1,
    .out_fd = -1, .err_fd = -1, .script_fd = -1, .nofile = l->nofile_raised ? &l->nofile : NULL, .parent = l->pid};
  errno = ENOMEM;
  if (amz_environ_merge(&l->environ, command->env, &s->env) < 0 || amz_spawn_prepare(s, &l->room) < 0)
    return false;
  s->known = amz_known_find(&l->known, s->argv[0], s->path);
  return lay_out_script(command, s) && open_pipes(t, t->co != NULL, s);
}

int amz_launch(struct amz_launcher *l, struct amz_child *t, struct amz_wire_start *start, struct amz_spawn *ret)
{
  const char *name = start->argv[1];
  bool exist;
  int fds[4];

  if (!lay_out(l, t, start, ret)) {
    ret->stage = AMZ_SPAWN_PREPARE;
    ret->error = errno;
    close_all(&ret->script_fd, 1);
    return AMZ_EINVAL;
  }
  exist = lay_out_cpus(l, &start->command, ret);
  t->pid = amz_spawn_start(ret);
  fds[0] = ret->out_fd;
  fds[1] = ret->err_fd;
  fds[2] = ret->script_fd;
  fds[3] = ret->in_fd;
  close_all(fds, 4);
  if (t->pid < 0) {
    t->pid = 0;
    close_all(t->fds, 2);
    close_all(&t->input, 1);
    t->fds[0] = t->fds[1] = t->input = -1;
    return AMZ_EINVAL;
  }
  t->cpus_differ = ret->cpus_differ || !exist;
  if (!ret->used_known && !strchr(name, '/'))
    amz_known_add(&l->known, name, ret->path, ret->candidate);
  return AMZ_OK;
}
