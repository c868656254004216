/* The life of a task in the helper after its start: reading, draining, judging. */
#include "child.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "../node/read_small.h"

#define KEEP_CAPACITY 4096u /* of a stream's buffer between tasks: the helper's memory is where its children's max RSS begins */

int64_t amz_clock_ns(int clock)
{
  struct timespec ts = {0, 0};

  (void)clock_gettime(clock, &ts);
  return (int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
}

void amz_child_init(struct amz_child *t, uint32_t slot)
{
  *t = (struct amz_child){.slot = slot, .fds = {-1, -1}, .input = -1, .held = {AMZ_BUF_INIT, AMZ_BUF_INIT},
    .wish = AMZ_BUF_INIT};
}

/* A watched pipe is taken from epoll by hand. Closing it would do, but for a child that is in the middle of its execve:
 * vfork has returned by then, and the child's copies of our descriptors are closed a little later. Until then epoll would
 * go on telling of this pipe, under the number of a slot that may have another task already. */
void amz_child_close(struct amz_child *t, int stream, const struct amz_child_output *to)
{
  if (t->fds[stream] < 0)
    return;
  if (t->watched)
    (void)epoll_ctl(to->epoll, EPOLL_CTL_DEL, t->fds[stream], NULL);
  (void)close(t->fds[stream]);
  t->fds[stream] = -1;
}

void amz_child_clear(struct amz_child *t)
{
  for (int i = 0; i < 2; i++) {
    if (t->fds[i] >= 0)
      (void)close(t->fds[i]);
    t->fds[i] = -1;
    amz_buf_clear(&t->held[i]);
  }
  if (t->input >= 0)
    (void)close(t->input);
  t->input = -1;
  amz_buf_clear(&t->wish);
}

void amz_child_list_add(struct amz_child_list *l, struct amz_child *t)
{
  t->before = l->last;
  t->after = NULL;
  *(l->last ? &l->last->after : &l->first) = t;
  l->last = t;
}

void amz_child_list_remove(struct amz_child_list *l, struct amz_child *t)
{
  *(t->before ? &t->before->after : &l->first) = t->after;
  *(t->after ? &t->after->before : &l->last) = t->before;
  t->before = t->after = NULL;
}

void amz_child_begin(struct amz_child *t, const struct amz_exec_command *command)
{
  t->index = command->index;
  t->tag = command->tag;
  t->attempt = command->attempt;
  memcpy(t->ok_exit, command->ok_exit, sizeof t->ok_exit);
  t->as = 0;
  t->cpus_differ = t->watched = false;
  t->service = command->service;
  t->bytes[0] = t->bytes[1] = 0;
  t->link = 0;
  t->sink_errno = 0;
  t->before = t->after = NULL;
  t->start_ns = amz_clock_ns(CLOCK_REALTIME);
  t->began_ns = amz_clock_ns(CLOCK_MONOTONIC);
}

static void sink_failed(struct amz_child *t, int error)
{
  t->sink_errno = error ? error : EIO;
  for (int i = 0; i < 2; i++)
    amz_buf_clear(&t->held[i]);
}

void amz_child_keep(struct amz_child *t, int stream, const char *bytes, size_t n, const struct amz_child_output *to)
{
  struct amz_buf *held = &t->held[stream];

  t->bytes[stream] += n;
  if (!to->sink || to->discard || t->service || t->sink_errno)
    return;
  amz_buf_add(held, bytes, n);
  if (amz_buf_ok(held) < 0) {
    sink_failed(t, ENOMEM);
    return;
  }
  if (held->len < AMZ_TASK_HOLD)
    return;
  if (to->sink->data(to->sink->ctx, t->index, t->attempt, stream + 1, held->data, held->len, &t->link) < 0)
    sink_failed(t, errno);
  else
    amz_buf_reset(held);
}

/* \return what read(2) says, not interrupted. At most what fits into the stream's frame, so that frames never overflow. */
static ssize_t read_some(struct amz_child *t, int stream, size_t most, const struct amz_child_output *to)
{
  size_t room = AMZ_TASK_HOLD - t->held[stream].len;
  ssize_t n;

  if (most > room)
    most = room;
  do
    n = read(t->fds[stream], to->scratch, most);
  while (n < 0 && errno == EINTR);
  if (n > 0)
    amz_child_keep(t, stream, to->scratch, (size_t)n, to);
  return n;
}

void amz_child_read(struct amz_child *t, int stream, const struct amz_child_output *to)
{
  if (t->watched && t->fds[stream] >= 0 && read_some(t, stream, AMZ_TASK_HOLD, to) <= 0)
    amz_child_close(t, stream, to);
}

/* Reads what is in the pipes now, and closes them: whoever else holds their other ends isn't waited for. */
static void drain(struct amz_child *t, const struct amz_child_output *to)
{
  for (int i = 0; i < 2; i++) {
    int there = 0;

    if (t->fds[i] < 0)
      continue;
    if (ioctl(t->fds[i], FIONREAD, &there) < 0)
      there = 0;
    while (there > 0) {
      ssize_t n = read_some(t, i, (size_t)there, to);

      if (n <= 0)
        break;
      there -= (int)n;
    }
    amz_child_close(t, i, to);
  }
}

void amz_child_kill_group(const struct amz_child *t)
{
  siginfo_t info;

  info.si_pid = 0;
  if (t->pid && waitid(P_PID, (id_t)t->pid, &info, WEXITED | WNOHANG | WNOWAIT) == 0 && info.si_pid == t->pid)
    (void)kill(-t->pid, SIGKILL);
}

static int64_t timeval_ns(struct timeval tv)
{
  return (int64_t)tv.tv_sec * 1000000000 + (int64_t)tv.tv_usec * 1000;
}

/* A file of /proc as text; "" when it can't be read. */
static void read_proc(pid_t pid, const char *name, char *text, size_t room)
{
  char path[64];

  (void)snprintf(path, sizeof path, "/proc/%ld/%s", (long)pid, name);
  (void)amz_read_small(path, text, room);
}

/* Its first line is "rchar: 12345": what read() and its like have returned, from whatever; the page cache hides it from
 * ru_inblock. */
uint64_t amz_child_input_bytes(pid_t pid)
{
  char text[512];

  read_proc(pid, "io", text, sizeof text);
  return strncmp(text, "rchar:", 6) == 0 ? (uint64_t)strtoull(text + 6, NULL, 10) : 0;
}

/* "445632 4038858 2": nanoseconds on a CPU, waiting for one, and how often it got one. This is of the first thread: further ones
 * have left /proc when a process can be waited for, as the kernel tells of its end behind theirs. It will do, as what is wanted
 * is wall time: threads that compute together wait about alike, and their sum would have to be divided by their number. */
int64_t amz_child_waited_ns(pid_t pid)
{
  char text[128], *end;
  unsigned long long waited_ns;

  read_proc(pid, "schedstat", text, sizeof text);
  (void)strtoull(text, &end, 10);
  waited_ns = *end == ' ' ? strtoull(end, NULL, 10) : 0;
  return waited_ns < INT64_MAX ? (int64_t)waited_ns : 0;
}

int64_t amz_child_cpu_ns(const struct rusage *usage)
{
  return timeval_ns(usage->ru_utime) + timeval_ns(usage->ru_stime);
}

static void judge(const struct amz_child *t, const struct amz_child_status *status, struct amz_exec_end *end)
{
  bool ok = false;

  end->start_errno = status->start_errno;
  if (status->start_errno) {
    end->exit_code = status->exit_code;
  } else if (WIFSIGNALED(status->wait_status)) {
    end->exit_code = -1;
    end->signal = WTERMSIG(status->wait_status);
  } else {
    end->exit_code = WEXITSTATUS(status->wait_status);
    ok = t->ok_exit[end->exit_code / 64] >> (end->exit_code % 64) & 1;
  }
  end->outcome = t->as ? t->as : ok ? AMZ_SUCCEEDED : AMZ_FAILED;
}

static void write_record(struct amz_child *t, const struct amz_child_output *to, struct amz_exec_end *end)
{
  struct amz_pack_end packed = {.result = {.position = t->index, .attempt = t->attempt, .outcome = end->outcome, .slot = t->slot,
    .exit_code = end->exit_code, .signal = end->signal, .start_ns = end->start_ns, .wall_ns = end->wall_ns, .cpu_ns = end->cpu_ns,
    .max_rss_bytes = end->max_rss_bytes, .output_bytes = end->output_bytes},
    .stdout_bytes = t->bytes[0], .stderr_bytes = t->bytes[1]};
  struct amz_pack_tail tail = {{t->held[0].data, t->held[1].data}, {t->held[0].len, t->held[1].len}};

  if (!to->sink || t->service || t->sink_errno)
    return;
  if (to->sink->finish(to->sink->ctx, &packed, &tail, &t->link) < 0) {
    sink_failed(t, errno);
    return;
  }
  end->pack_seq = packed.result.seq;
  end->pack_offset = packed.result.pack_offset;
}

void amz_child_record(struct amz_child *t, const struct amz_child_output *to, struct amz_exec_end *end)
{
  end->output_bytes = t->bytes[0] + t->bytes[1];
  write_record(t, to, end);
  end->sink_errno = t->sink_errno;
  for (int i = 0; i < 2; i++) {
    if (t->held[i].cap > KEEP_CAPACITY)
      amz_buf_clear(&t->held[i]);
    else
      amz_buf_reset(&t->held[i]);
  }
}

void amz_child_finish(struct amz_child *t, const struct amz_child_status *status, const struct amz_child_output *to,
                     struct amz_exec_end *ret)
{
  struct amz_exec_end end = {.slot = t->slot, .tag = t->tag, .start_ns = t->start_ns, .cpus_differ = t->cpus_differ};

  end.wall_ns = amz_clock_ns(CLOCK_MONOTONIC) - t->began_ns;
  drain(t, to);
  if (status->usage) {
    end.cpu_ns = amz_child_cpu_ns(status->usage);
    end.max_rss_bytes = (uint64_t)status->usage->ru_maxrss * 1024;
  }
  end.input_bytes = status->input_bytes;
  end.waited_ns = status->waited_ns;
  judge(t, status, &end);
  amz_child_record(t, to, &end);
  t->pid = 0;
  *ret = end;
}
