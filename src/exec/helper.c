/* The helper's loop: socket, ends of children, pipes; ten system calls or so for a short task beside those that start it.
 *
 * Pipes of a task are made known to epoll only when it has lived for WATCH_AFTER_NS: a short one is read once, after its
 * end, and neither its output nor the closing of its pipes wakes the helper. Events of pipes are handled before ends, and
 * ends before commands, so that an event never meets a pipe of another task than its own. */
#include "helper.h"

#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <amorsize/alloc.h>

#include "launch.h"
#include "child.h"
#include "streams.h"
#include "wire.h"

#define WATCH_AFTER_NS 5000000
#define COUNT_AFTER_NS 5000000 /* what it has read */
#define LOOK_AFTER_NS 2000000 /* who starts many looks meanwhile whether any has ended */
#define EVENTS 64
#define RECEIVE (64u * 1024)
#define KEEP_RECEIVED (256u * 1024) /* a receive buffer that a long command has grown beyond this is given back */
#define EVENT_SOCKET UINT64_MAX
#define EVENT_CHILD (UINT64_MAX - 1)
#define EVENT_TIMER (UINT64_MAX - 2)

struct helper {
  int fd, epoll, child_fd;
  const struct amz_exec_sink *sink;
  bool sink_open, ready, closing, waits_to_send;
  char *const *environment;
  struct amz_child_output output;
  struct amz_launcher launcher;
  struct amz_child *tasks;
  uint32_t slots, running, doomed; /* doomed: killed as timed out or cancelled, not ended yet */
  struct amz_child_list unwatched; /* running tasks whose pipes are not watched yet */
  struct amz_child_list waiting;   /* those that could not be started for want of descriptors or processes */
  struct amz_streams streams;
  struct amz_wire_start start;
  struct amz_buf in, out;
  struct amz_error *err;
  int64_t silence_ns, heard_ns; /* 0: the rank may be silent; when it was last heard, by a clock that counts sleep */
  int64_t looked_ns;            /* for ends, while commands are performed */
};

/* ---- which pipes are watched -------------------------------------------------------------------------------------------- */

static int watch(const struct helper *h, int fd, uint32_t events, uint64_t data, int operation)
{
  struct epoll_event event = {.events = events, .data = {.u64 = data}};

  if (epoll_ctl(h->epoll, operation, fd, &event) < 0)
    return amz_error_sys(h->err, AMZ_EIO, errno, "cannot watch a descriptor");
  return AMZ_OK;
}

static int watch_old(struct helper *h)
{
  int64_t now = h->unwatched.first ? amz_clock_ns(CLOCK_MONOTONIC) : 0;

  while (h->unwatched.first && now - h->unwatched.first->began_ns >= WATCH_AFTER_NS) {
    struct amz_child *t = h->unwatched.first;

    amz_child_list_remove(&h->unwatched, t);
    t->watched = true;
    for (unsigned i = 0; i < 2; i++)
      if (watch(h, t->fds[i], EPOLLIN, (uint64_t)t->slot * 2 + i, EPOLL_CTL_ADD) < 0)
        return AMZ_EIO;
  }
  return AMZ_OK;
}

/* \return how long the rank may still be silent, in ns; 0: it has been for too long. A rank that is stopped, or cut off, is given
 * up by its master at some time; by then nothing of it may run any more. */
static int64_t silence_left(const struct helper *h)
{
  int64_t left = h->heard_ns + h->silence_ns - amz_clock_ns(CLOCK_BOOTTIME);

  return left > 0 ? left : 0;
}

/* \return how long nothing but an event can want us, in ms; -1: forever. */
static int patience(const struct helper *h)
{
  int64_t left;

  if (!h->unwatched.first && h->silence_ns)
    return (int)(silence_left(h) / 1000000) + 1;
  if (!h->unwatched.first)
    return -1;
  left = h->unwatched.first->began_ns + WATCH_AFTER_NS - amz_clock_ns(CLOCK_MONOTONIC);
  return left <= 0 ? 0 : (int)((left + 999999) / 1000000);
}

static int corrupt(const struct helper *h)
{
  return amz_error_set(h->err, AMZ_ECORRUPT, "the rank sent something that is no command (another version?)");
}

static int flush(struct helper *h)
{
  bool waits;

  while (h->out.len > 0) {
    ssize_t n = send(h->fd, h->out.data, h->out.len, MSG_DONTWAIT | MSG_NOSIGNAL);

    if (n < 0 && errno == EINTR)
      continue;
    if (n < 0 && errno != EAGAIN && errno != EWOULDBLOCK)
      h->closing = true;
    if (n < 0)
      break;
    amz_buf_consume(&h->out, (size_t)n);
  }
  waits = h->out.len > 0;
  if (waits == h->waits_to_send || h->closing)
    return AMZ_OK;
  h->waits_to_send = waits;
  return watch(h, h->fd, waits ? EPOLLIN | EPOLLOUT : EPOLLIN, EVENT_SOCKET, EPOLL_CTL_MOD);
}

/* ---- ends --------------------------------------------------------------------------------------------------------------- */

static int tell_end(struct helper *h, struct amz_child *t, const struct amz_child_status *status)
{
  struct amz_exec_end end;

  amz_child_finish(t, status, &h->output, &end);
  return amz_wire_add_end(&h->out, &end) < 0 ? amz_error_set(h->err, AMZ_ENOMEM, "out of memory") : AMZ_OK;
}

static struct amz_child *task_of(const struct helper *h, pid_t pid)
{
  for (uint32_t i = 0; i < h->slots; i++)
    if (h->tasks[i].pid == pid)
      return &h->tasks[i];
  return NULL;
}

/* A task that was killed as timed out takes its whole process group with it. */
static void kill_doomed_groups(const struct helper *h)
{
  amz_streams_kill_doomed(&h->streams);
  for (uint32_t i = 0; h->doomed && i < h->slots; i++)
    if (h->tasks[i].as)
      amz_child_kill_group(&h->tasks[i]);
}

/* \return rc; what went wrong in a stream is told. */
static int told(struct helper *h, int rc)
{
  if (rc == AMZ_ECORRUPT)
    return corrupt(h);
  return rc < 0 ? amz_error_set(h->err, rc, "cannot serve a stream: %s", amz_err_name(rc)) : AMZ_OK;
}

static int end_of(struct helper *h, struct amz_child *t, const struct amz_child_status *status)
{
  if (t->co)
    return told(h, amz_streams_ended(&h->streams, t, status));
  h->running--;
  h->doomed -= t->as ? 1 : 0;
  if (!t->watched)
    amz_child_list_remove(&h->unwatched, t);
  return tell_end(h, t, status);
}

/* What has ended, or 0. It is reaped later: until then the kernel knows what it has read. */
static pid_t next_ended(void)
{
  siginfo_t info = {0};
  int rc;

  do
    rc = waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT);
  while (rc < 0 && errno == EINTR);
  return rc < 0 ? 0 : info.si_pid;
}

/* Looking takes microseconds, which is much for a task of a millisecond. */
static void count(const struct amz_child *t, struct amz_child_status *ret)
{
  if (!t || t->co || amz_clock_ns(CLOCK_MONOTONIC) - t->began_ns < COUNT_AFTER_NS)
    return;
  ret->input_bytes = amz_child_input_bytes(t->pid);
  ret->waited_ns = amz_child_waited_ns(t->pid);
}

static int reap_one(struct helper *h, pid_t pid)
{
  struct amz_child *t = task_of(h, pid);
  struct rusage usage;
  struct amz_child_status status = {.usage = &usage};

  count(t, &status);
  while (wait4(pid, &status.wait_status, 0, &usage) < 0)
    if (errno != EINTR)
      return amz_error_sys(h->err, AMZ_EIO, errno, "cannot reap a task");
  return t ? end_of(h, t, &status) : AMZ_OK;
}

static int reap(struct helper *h)
{
  struct signalfd_siginfo info;
  int rc = AMZ_OK;
  pid_t pid;

  while (read(h->child_fd, &info, sizeof info) < 0 && errno == EINTR)
    ;
  kill_doomed_groups(h);
  while (rc == AMZ_OK && h->running + h->streams.alive > 0 && (pid = next_ended()) > 0)
    rc = reap_one(h, pid);
  return rc;
}

/* ---- commands ----------------------------------------------------------------------------------------------------------- */

static int start_failed(struct helper *h, struct amz_child *t, const struct amz_spawn *s)
{
  struct amz_child_status status = {.start_errno = s->error ? s->error : EIO};
  struct amz_buf text = AMZ_BUF_INIT;
  int rc;

  status.exit_code = amz_spawn_explain(s, &text);
  amz_child_keep(t, 1, amz_buf_text(&text), text.len, &h->output);
  rc = tell_end(h, t, &status);
  amz_buf_clear(&text);
  return rc;
}

/* Starts what h->start says. \return AMZ_OK, also for a task that failed to start; AMZ_EBUSY: it can be tried again when a task
 * that runs has ended. */
static int start(struct helper *h, struct amz_child *t)
{
  struct amz_spawn spawn;

  amz_child_begin(t, &h->start.command);
  if (amz_launch(&h->launcher, t, &h->start, &spawn) < 0)
    return h->running > 0 && amz_spawn_is_shortage(&spawn) ? AMZ_EBUSY : start_failed(h, t, &spawn);
  h->running++;
  amz_child_list_add(&h->unwatched, t);
  return AMZ_OK;
}

static int do_start(struct helper *h, struct amz_cursor *body)
{
  struct amz_cursor whole = *body;
  struct amz_child *t;
  int rc = amz_wire_read_start(body, &h->start);

  if (rc < 0)
    return rc == AMZ_ENOMEM ? amz_error_set(h->err, rc, "out of memory") : corrupt(h);
  t = h->start.command.slot < h->slots ? &h->tasks[h->start.command.slot] : NULL;
  if (!t || t->pid || t->wish.len || t->co)
    return corrupt(h);
  rc = start(h, t);
  if (rc != AMZ_EBUSY)
    return rc;
  amz_buf_add(&t->wish, whole.data + whole.pos, whole.len - whole.pos);
  amz_child_list_add(&h->waiting, t);
  return amz_buf_ok(&t->wish) < 0 ? amz_error_set(h->err, AMZ_ENOMEM, "out of memory") : AMZ_OK;
}

static int start_waiting(struct helper *h)
{
  int rc = AMZ_OK;

  while (rc == AMZ_OK && h->waiting.first) {
    struct amz_child *t = h->waiting.first;
    struct amz_cursor body = amz_cursor_over(t->wish.data, t->wish.len);

    if (amz_wire_read_start(&body, &h->start) < 0)
      return amz_error_set(h->err, AMZ_ENOMEM, "out of memory"); /* it was read before */
    amz_child_list_remove(&h->waiting, t);
    rc = start(h, t);
    if (rc != AMZ_EBUSY) {
      amz_buf_clear(&t->wish);
      continue;
    }
    amz_child_list_add(&h->waiting, t); /* behind the others: each gets its turn */
    return AMZ_OK;
  }
  return rc;
}

/* A task that waits ends at once, as if the signal had found it. */
static int kill_waiting(struct helper *h, struct amz_child *t, const struct amz_wire_kill *order)
{
  const struct amz_child_status status = {.wait_status = order->signal};

  amz_child_list_remove(&h->waiting, t);
  amz_buf_clear(&t->wish);
  t->as = (enum amz_outcome)order->as;
  return tell_end(h, t, &status);
}

/* The first reason counts: a task that timed out stays timed out when the run is cancelled before it has died. */
static int do_kill(struct helper *h, struct amz_cursor *body)
{
  struct amz_wire_kill order;
  struct amz_child *t;

  if (amz_wire_read_kill(body, &order) < 0 || order.slot >= h->slots || order.as > AMZ_CANCELLED)
    return corrupt(h);
  t = &h->tasks[order.slot];
  if (t->co)
    return told(h, amz_streams_kill(&h->streams, t, &order));
  if (t->wish.len)
    return kill_waiting(h, t, &order);
  if (!t->pid)
    return AMZ_OK;
  if (order.as && !t->as) {
    t->as = (enum amz_outcome)order.as;
    h->doomed++;
  }
  (void)kill(-t->pid, order.signal);
  return AMZ_OK;
}

static int set_up(struct helper *h, const struct amz_wire_setup *setup, struct amz_error *err)
{
  h->output = (struct amz_child_output){.discard = setup->discard_output, .epoll = h->epoll, .scratch = malloc(AMZ_TASK_HOLD)};
  h->tasks = amz_new_array(setup->slots, sizeof *h->tasks);
  if (!h->tasks || !h->output.scratch)
    return amz_error_set(err, AMZ_ENOMEM, "out of memory for %u slots", setup->slots);
  for (h->slots = 0; h->slots < setup->slots; h->slots++)
    amz_child_init(&h->tasks[h->slots], h->slots);
  if (amz_launcher_init(&h->launcher, h->environment, setup->slots) < 0)
    return amz_error_set(err, AMZ_ENOMEM, "out of memory");
  if (setup->workdir && chdir(setup->workdir) < 0)
    return amz_error_sys(err, AMZ_EENV, errno, "cannot go to the directory of the run, %s", setup->workdir);
  h->streams.slots = h->tasks;
  h->streams.n_slots = h->slots;
  h->silence_ns = setup->silence_ns;
  if (!setup->pack_path || !h->sink)
    return AMZ_OK;
  if (h->sink->open(h->sink->ctx, setup->pack_path, setup->rank, setup->epoch, err) < 0)
    return AMZ_EIO;
  h->sink_open = true;
  h->output.sink = h->sink;
  return AMZ_OK;
}

/* A set-up that fails is the rank's to tell: the helper answers, and waits for the socket to close. */
static int do_setup(struct helper *h, struct amz_cursor *body)
{
  struct amz_wire_setup setup;
  struct amz_error err = {.code = AMZ_OK};

  if (h->ready || amz_wire_read_setup(body, &setup) < 0)
    return corrupt(h);
  h->ready = true;
  if (set_up(h, &setup, &err) < 0)
    h->slots = 0; /* nothing can be started */
  return amz_wire_add_ready(&h->out, &err) < 0 ? amz_error_set(h->err, AMZ_ENOMEM, "out of memory") : AMZ_OK;
}

static int do_alive(struct helper *h, struct amz_cursor *body)
{
  return amz_cursor_left(body) == 0 ? AMZ_OK : corrupt(h);
}

static int perform(struct helper *h, struct amz_wire_frame *frame)
{
  static const struct {
    uint8_t kind;
    int (*perform)(struct helper *, struct amz_cursor *);
  } known[] = {{AMZ_WIRE_START, do_start}, {AMZ_WIRE_KILL, do_kill}, {AMZ_WIRE_SETUP, do_setup}, {AMZ_WIRE_ALIVE, do_alive}};
  static const struct {
    uint8_t kind;
    int (*perform)(struct amz_streams *, struct amz_cursor *);
  } of_streams[] = {{AMZ_WIRE_LINES, amz_streams_add}, {AMZ_WIRE_STREAM, amz_streams_open}, {AMZ_WIRE_CLOSE, amz_streams_close}};

  for (size_t i = 0; i < sizeof known / sizeof *known; i++)
    if (known[i].kind == frame->kind && (h->ready || frame->kind == AMZ_WIRE_SETUP))
      return known[i].perform(h, &frame->body);
  for (size_t i = 0; i < sizeof of_streams / sizeof *of_streams; i++)
    if (of_streams[i].kind == frame->kind && h->ready)
      return told(h, of_streams[i].perform(&h->streams, &frame->body));
  return corrupt(h);
}

/* Each start takes a millisecond, or several on a busy machine: behind a hundred of them, ends would seem to be as much later,
 * and their slots stay empty. No event of a pipe is left from before commands, so that slots may change hands. */
static int look_for_ends(struct helper *h)
{
  int64_t now_ns = amz_clock_ns(CLOCK_MONOTONIC);
  int rc;

  if (now_ns - h->looked_ns < LOOK_AFTER_NS)
    return AMZ_OK;
  if ((rc = reap(h)) < 0 || (rc = start_waiting(h)) < 0)
    return rc;
  h->looked_ns = amz_clock_ns(CLOCK_MONOTONIC);
  return flush(h);
}

static int perform_received(struct helper *h)
{
  struct amz_wire_frame frame;
  size_t pos = 0;
  int rc;

  h->looked_ns = amz_clock_ns(CLOCK_MONOTONIC); /* ends come before commands */
  while ((rc = amz_wire_next(&h->in, &pos, &frame)) > 0)
    if ((rc = perform(h, &frame)) < 0 || (rc = look_for_ends(h)) < 0)
      return rc;
  amz_buf_consume(&h->in, pos);
  if (h->in.len == 0 && h->in.cap > KEEP_RECEIVED)
    amz_buf_clear(&h->in);
  return rc < 0 ? corrupt(h) : AMZ_OK;
}

/* ---- the socket --------------------------------------------------------------------------------------------------------- */

static int receive(struct helper *h)
{
  size_t before = h->in.len;
  char *at = amz_buf_add_space(&h->in, RECEIVE);
  ssize_t n;

  if (!at)
    return amz_error_set(h->err, AMZ_ENOMEM, "out of memory for a command of more than %zu bytes", before);
  do
    n = recv(h->fd, at, RECEIVE, MSG_DONTWAIT);
  while (n < 0 && errno == EINTR);
  h->in.len = before + (n > 0 ? (size_t)n : 0);
  h->in.data[h->in.len] = '\0';
  if (n > 0) {
    h->heard_ns = amz_clock_ns(CLOCK_BOOTTIME);
    return perform_received(h);
  }
  if (n == 0 || (errno != EAGAIN && errno != EWOULDBLOCK))
    h->closing = true;
  return AMZ_OK;
}

/* ---- the loop ----------------------------------------------------------------------------------------------------------- */

/* A pipe has something, or the time of a stream has come. */
static int serve(struct helper *h, uint64_t data)
{
  if (data == EVENT_TIMER)
    return told(h, amz_streams_due(&h->streams));
  if (AMZ_STREAMS_IS_EVENT(data))
    return told(h, amz_streams_ready(&h->streams, data));
  amz_child_read(&h->tasks[data / 2], (int)(data % 2), &h->output);
  return AMZ_OK;
}

static int turn(struct helper *h)
{
  struct epoll_event events[EVENTS];
  bool ended = false, told_of = false;
  int rc = told(h, amz_streams_arm(&h->streams)), n = rc < 0 ? 0 : epoll_wait(h->epoll, events, EVENTS, patience(h));

  if (n < 0)
    return errno == EINTR ? AMZ_OK : amz_error_sys(h->err, AMZ_EIO, errno, "cannot wait for events");
  for (int i = 0; i < n && rc == AMZ_OK; i++) {
    if (events[i].data.u64 == EVENT_CHILD)
      ended = true;
    else if (events[i].data.u64 == EVENT_SOCKET)
      told_of = true;
    else
      rc = serve(h, events[i].data.u64);
  }
  if (rc < 0)
    return rc;
  if ((rc = watch_old(h)) < 0 || (ended && ((rc = reap(h)) < 0 || (rc = start_waiting(h)) < 0)) || (rc = flush(h)) < 0)
    return rc;
  if (told_of && (rc = receive(h)) < 0)
    return rc;
  if (h->silence_ns && silence_left(h) == 0)
    h->closing = true;
  return flush(h);
}

static int open_descriptors(struct helper *h)
{
  sigset_t set;

  if (sigemptyset(&set) < 0 || sigaddset(&set, SIGCHLD) < 0 || sigprocmask(SIG_BLOCK, &set, NULL) < 0 ||
      (h->child_fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK)) < 0 || (h->epoll = epoll_create1(EPOLL_CLOEXEC)) < 0)
    return amz_error_sys(h->err, AMZ_EIO, errno, "cannot watch for events");
  h->streams = (struct amz_streams){.launcher = &h->launcher, .output = &h->output, .start = &h->start, .out = &h->out,
                                    .epoll = h->epoll};
  if (amz_streams_init(&h->streams) < 0)
    return amz_error_sys(h->err, AMZ_EIO, errno, "cannot make a timer");
  if (watch(h, h->streams.timer, EPOLLIN, EVENT_TIMER, EPOLL_CTL_ADD) < 0 ||
      watch(h, h->child_fd, EPOLLIN, EVENT_CHILD, EPOLL_CTL_ADD) < 0 || watch(h, h->fd, EPOLLIN, EVENT_SOCKET, EPOLL_CTL_ADD) < 0)
    return AMZ_EIO;
  return AMZ_OK;
}

static void clean_up(struct helper *h)
{
  for (uint32_t i = 0; i < h->slots; i++)
    if (h->tasks[i].pid)
      (void)kill(-h->tasks[i].pid, SIGKILL);
  if (h->sink_open)
    h->sink->close(h->sink->ctx);
  amz_streams_clear(&h->streams);
  for (uint32_t i = 0; i < h->slots; i++)
    amz_child_clear(&h->tasks[i]);
  free(h->tasks);
  free(h->output.scratch);
  amz_launcher_clear(&h->launcher);
  amz_wire_start_clear(&h->start);
  amz_buf_clear(&h->in);
  amz_buf_clear(&h->out);
  if (h->child_fd >= 0)
    (void)close(h->child_fd);
  if (h->epoll >= 0)
    (void)close(h->epoll);
}

int amz_helper_run(int fd, const struct amz_exec_sink *sink, char *const *environment, struct amz_error *err)
{
  struct helper h = {.fd = fd, .epoll = -1, .child_fd = -1, .sink = sink, .environment = environment, .err = err,
    .in = AMZ_BUF_INIT, .out = AMZ_BUF_INIT, .streams = {.timer = -1}};
  int rc = open_descriptors(&h);

  while (rc == AMZ_OK && !h.closing)
    rc = turn(&h);
  clean_up(&h);
  return rc;
}
