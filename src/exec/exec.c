/* The rank's side of the spawn helper: starts it, queues commands, hears of ends. Never blocks but in new and free. */
#include <amorsize/exec.h>

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <amorsize/alloc.h>
#include <amorsize/buf.h>

#include "find.h"
#include "helper.h"
#include "wire.h"

#ifndef AMZ_PKGLIBEXECDIR
#error "AMZ_PKGLIBEXECDIR says where the helper is installed"
#endif

#define RECEIVE (64u * 1024)
#define READY_MS 60000 /* a program on a busy parallel filesystem may take that long to load */
#define END_MS 5000    /* for a helper to kill its tasks and go */

struct amz_exec {
  int fd;
  pid_t helper;
  uint32_t slots;
  uint64_t *owed;    /* ends that a slot has still to tell */
  bool *is_stream;
  struct amz_buf in, out;
  struct amz_buf notes; /* each with its NUL; those before notes_pos were told */
  size_t notes_pos;
  size_t in_pos;
  bool drained; /* the socket had no more than what was received last */
  bool closed;
};

extern char **environ;

/* ---- starting the helper ------------------------------------------------------------------------------------------------ */

int amz_exec_find_program(const char *name, struct amz_error *err, struct amz_buf *ret)
{
  char self[4096];
  ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1);
  int rc;

  self[n > 0 ? n : 0] = '\0';
  rc = amz_program_find(name, self, AMZ_PKGLIBEXECDIR, err, ret);
  return rc == AMZ_ENOENT ? AMZ_EENV : rc;
}

static int find_helper(const char *given, struct amz_error *err, struct amz_buf *ret)
{
  if (!given)
    return amz_exec_find_program("amorsize-mpi-helper", err, ret);
  amz_buf_adds(ret, given);
  return amz_buf_ok(ret);
}

/* A session of its own, so that the terminal's Ctrl-C reaches neither the helper nor its tasks. */
static int spawn_attributes(posix_spawnattr_t *attributes)
{
  int rc = posix_spawnattr_init(attributes);

  if (rc == 0 && (rc = posix_spawnattr_setflags(attributes, POSIX_SPAWN_SETSID)) != 0)
    (void)posix_spawnattr_destroy(attributes);
  return rc;
}

static int spawn_descriptors(posix_spawn_file_actions_t *actions, int fd)
{
  int rc = posix_spawn_file_actions_init(actions);

  if (rc != 0)
    return rc;
  if ((rc = posix_spawn_file_actions_adddup2(actions, fd, AMZ_HELPER_FD)) == 0 &&
      (rc = posix_spawn_file_actions_addopen(actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0)) == 0)
    rc = posix_spawn_file_actions_addopen(actions, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
  if (rc != 0)
    (void)posix_spawn_file_actions_destroy(actions);
  return rc;
}

/* \return 0 or an errno. */
static int spawn_helper(const char *path, int fd, pid_t *ret)
{
  static char name[] = "amorsize-mpi-helper", number[] = "3";
  char *argv[] = {name, number, NULL};
  posix_spawn_file_actions_t actions;
  posix_spawnattr_t attributes;
  int rc = spawn_descriptors(&actions, fd);

  _Static_assert(AMZ_HELPER_FD == 3, "the helper is told its descriptor");
  if (rc != 0)
    return rc;
  rc = spawn_attributes(&attributes);
  if (rc == 0) {
    rc = posix_spawn(ret, path, &actions, &attributes, argv, environ);
    (void)posix_spawnattr_destroy(&attributes);
  }
  (void)posix_spawn_file_actions_destroy(&actions);
  return rc;
}

/* Descriptors 0..3 have a meaning in the helper; a rank that was started with some of them closed gets its socket beyond them. */
static int open_socket(int ret[2])
{
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ret) < 0)
    return errno;
  for (int i = 0; i < 2; i++) {
    int moved = ret[i] > AMZ_HELPER_FD ? ret[i] : fcntl(ret[i], F_DUPFD_CLOEXEC, AMZ_HELPER_FD + 1), error = errno;

    if (moved < 0) {
      (void)close(ret[0]);
      (void)close(ret[1]);
      return error;
    }
    if (moved != ret[i])
      (void)close(ret[i]);
    ret[i] = moved;
  }
  return 0;
}

static int launch_helper(struct amz_exec *x, const char *helper_path, struct amz_error *err)
{
  struct amz_buf path = AMZ_BUF_INIT;
  int fds[2], rc, error;

  if ((rc = find_helper(helper_path, err, &path)) < 0)
    goto out;
  if ((error = open_socket(fds)) != 0) {
    rc = amz_error_sys(err, AMZ_EIO, error, "cannot make a socket for the helper");
    goto out;
  }
  error = spawn_helper(path.data, fds[1], &x->helper);
  (void)close(fds[1]);
  if (error == 0) {
    x->fd = fds[0];
  } else {
    (void)close(fds[0]);
    x->helper = 0;
    rc = amz_error_sys(err, AMZ_EENV, error, "cannot start the helper %s", path.data);
  }
out:
  amz_buf_clear(&path);
  return rc;
}

/* ---- the socket --------------------------------------------------------------------------------------------------------- */

int amz_exec_flush(struct amz_exec *x, bool *ret_pending)
{
  while (x->out.len > 0 && !x->closed) {
    ssize_t n = send(x->fd, x->out.data, x->out.len, MSG_DONTWAIT | MSG_NOSIGNAL);

    if (n >= 0)
      amz_buf_consume(&x->out, (size_t)n);
    else if (errno == EAGAIN || errno == EWOULDBLOCK)
      break;
    else if (errno != EINTR)
      return AMZ_ECLOSED; /* what the helper said before it went can still be received */
  }
  if (x->closed)
    return AMZ_ECLOSED;
  *ret_pending = x->out.len > 0;
  return AMZ_OK;
}

/* Receives what is there. \return 1: something came; 0: nothing now; AMZ_ECLOSED; AMZ_ENOMEM. */
static int receive(struct amz_exec *x)
{
  size_t before;
  ssize_t n;
  char *at;

  amz_buf_consume(&x->in, x->in_pos);
  x->in_pos = 0;
  before = x->in.len;
  at = amz_buf_add_space(&x->in, RECEIVE);
  if (!at) {
    amz_buf_clear(&x->in);
    return AMZ_ENOMEM;
  }
  do
    n = recv(x->fd, at, RECEIVE, MSG_DONTWAIT);
  while (n < 0 && errno == EINTR);
  x->in.len = before + (n > 0 ? (size_t)n : 0);
  x->in.data[x->in.len] = '\0';
  if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
    return 0;
  if (n <= 0)
    return AMZ_ECLOSED;
  x->drained = (size_t)n < RECEIVE;
  return 1;
}

/* \return 1 with a frame; 0; AMZ_ECLOSED, also for a helper that makes no sense or that we have no memory to hear. Answers
 * 0 once, without a system call, when the socket has just been found empty. */
static int next_frame(struct amz_exec *x, struct amz_wire_frame *ret)
{
  for (;;) {
    int rc = amz_wire_next(&x->in, &x->in_pos, ret);

    if (rc > 0)
      return 1;
    if (rc == 0 && x->drained) {
      x->drained = false;
      return 0;
    }
    if (rc == 0 && !x->closed)
      rc = receive(x);
    else
      rc = AMZ_ECLOSED;
    if (rc < 0)
      x->closed = true;
    if (rc <= 0)
      return rc < 0 ? AMZ_ECLOSED : 0;
  }
}

static int64_t now_ms(void)
{
  struct timespec ts = {0, 0};

  (void)clock_gettime(CLOCK_MONOTONIC, &ts);
  return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

/* \return 1: poll(2) has something; 0: the time has come. */
static int wait_for(int fd, short events, int64_t until_ms)
{
  struct pollfd p = {.fd = fd, .events = events};

  for (;;) {
    int64_t left = until_ms - now_ms();
    int n = poll(&p, 1, left > 0 ? (int)left : 0);

    if (n > 0)
      return 1;
    if (n == 0 || errno != EINTR)
      return 0;
  }
}

static int await_ready(struct amz_exec *x, struct amz_error *err)
{
  int64_t until_ms = now_ms() + READY_MS;
  struct amz_wire_frame frame;
  struct amz_error said;
  bool pending = true;
  int rc;

  while (pending && (rc = amz_exec_flush(x, &pending)) == AMZ_OK && pending)
    if (!wait_for(x->fd, POLLOUT, until_ms))
      return amz_error_set(err, AMZ_EENV, "the helper does not answer");
  while ((rc = next_frame(x, &frame)) == 0)
    if (!wait_for(x->fd, POLLIN, until_ms))
      return amz_error_set(err, AMZ_EENV, "the helper does not answer");
  if (rc < 0)
    return amz_error_set(err, AMZ_EENV, "the helper ended at once (is it of the same version, and can it find its libraries?)");
  if (frame.kind != AMZ_WIRE_READY || amz_wire_read_ready(&frame.body, &said) < 0)
    return amz_error_set(err, AMZ_EENV, "the helper does not speak our language: it is of another version");
  if (said.code < 0 && err)
    *err = said;
  return said.code;
}

/* ---- life --------------------------------------------------------------------------------------------------------------- */

int amz_exec_launch(const char *helper_path, struct amz_error *err, struct amz_exec **ret)
{
  struct amz_exec *x = calloc(1, sizeof *x);
  int rc;

  if (!x)
    return amz_error_set(err, AMZ_ENOMEM, "out of memory");
  x->fd = -1;
  rc = launch_helper(x, helper_path, err);
  if (rc < 0) {
    amz_exec_free(x);
    return rc;
  }
  *ret = x;
  return AMZ_OK;
}

int amz_exec_set_up(struct amz_exec *x, const struct amz_exec_config *config, struct amz_error *err)
{
  const struct amz_wire_setup setup = {config->slots, config->rank, config->epoch, config->discard_output, config->pack_path,
                                       config->workdir, config->silence_ns};
  int rc;

  if (config->slots == 0 || config->slots > AMZ_WIRE_SLOTS_MAX)
    return amz_error_set(err, AMZ_EINVAL, "a rank has 1 to %u slots, not %u", AMZ_WIRE_SLOTS_MAX, config->slots);
  x->slots = config->slots;
  x->owed = amz_new_array(config->slots, sizeof *x->owed);
  x->is_stream = amz_new_array(config->slots, sizeof *x->is_stream);
  if (!x->owed || !x->is_stream)
    return amz_error_set(err, AMZ_ENOMEM, "out of memory");
  rc = amz_wire_add_setup(&x->out, &setup);
  if (rc < 0)
    return amz_error_set(err, rc, "cannot tell the helper what to do: %s", amz_err_name(rc));
  return await_ready(x, err);
}

int amz_exec_new(const struct amz_exec_config *config, struct amz_error *err, struct amz_exec **ret)
{
  struct amz_exec *x;
  int rc = amz_exec_launch(config->helper_path, err, &x);

  if (rc < 0)
    return rc;
  rc = amz_exec_set_up(x, config, err);
  if (rc < 0) {
    amz_exec_free(x);
    return rc;
  }
  *ret = x;
  return AMZ_OK;
}

/* Says that nothing more will come, and waits for the helper's end of the socket to close, which its death does too. */
static bool helper_leaves(const struct amz_exec *x)
{
  int64_t until_ms = now_ms() + END_MS;
  char ignored[4096];

  (void)shutdown(x->fd, SHUT_WR);
  while (wait_for(x->fd, POLLIN, until_ms)) {
    ssize_t n = recv(x->fd, ignored, sizeof ignored, MSG_DONTWAIT);

    if (n == 0 || (n < 0 && errno != EINTR && errno != EAGAIN && errno != EWOULDBLOCK))
      return true;
  }
  return false;
}

void amz_exec_free(struct amz_exec *x)
{
  if (!x)
    return;
  if (x->fd >= 0 && !helper_leaves(x))
    (void)kill(x->helper, SIGKILL);
  if (x->fd >= 0)
    (void)close(x->fd);
  while (x->helper > 0 && waitpid(x->helper, NULL, 0) < 0 && errno == EINTR)
    ;
  free(x->owed);
  free(x->is_stream);
  amz_buf_clear(&x->notes);
  amz_buf_clear(&x->in);
  amz_buf_clear(&x->out);
  free(x);
}

/* ---- what the rank does ------------------------------------------------------------------------------------------------- */

int amz_exec_fd(const struct amz_exec *x)
{
  return x->fd;
}

static bool is_free(const struct amz_exec *x, const struct amz_exec_command *command)
{
  return command->slot < x->slots && !x->owed[command->slot] && !x->is_stream[command->slot] && command->argv[0];
}

int amz_exec_start(struct amz_exec *x, const struct amz_exec_command *command)
{
  int rc;

  if (!is_free(x, command))
    return AMZ_EINVAL;
  if ((rc = amz_wire_add_start(&x->out, command)) < 0)
    return rc;
  x->owed[command->slot] = 1;
  return AMZ_OK;
}

int amz_exec_open_stream(struct amz_exec *x, const struct amz_exec_stream *stream)
{
  int rc;

  if (!is_free(x, &stream->command) || stream->window == 0)
    return AMZ_EINVAL;
  if ((rc = amz_wire_add_stream(&x->out, stream)) < 0)
    return rc;
  x->is_stream[stream->command.slot] = true;
  return AMZ_OK;
}

int amz_exec_add_lines(struct amz_exec *x, uint32_t slot, uint32_t attempt, const struct amz_exec_line *lines, size_t n)
{
  int rc;

  if (slot >= x->slots || !x->is_stream[slot] || n > UINT32_MAX)
    return AMZ_EINVAL;
  if (n == 0)
    return AMZ_OK;
  if ((rc = amz_wire_add_lines(&x->out, slot, attempt, lines, n)) < 0)
    return rc;
  x->owed[slot] += n;
  return AMZ_OK;
}

int amz_exec_kill(struct amz_exec *x, uint32_t slot, int signal, enum amz_outcome as)
{
  const struct amz_wire_kill order = {slot, signal, (uint32_t)as};

  if (slot >= x->slots || signal < 1 || signal >= NSIG)
    return AMZ_EINVAL;
  return x->owed[slot] ? amz_wire_add_kill(&x->out, &order) : AMZ_OK;
}

int amz_exec_alive(struct amz_exec *x)
{
  return amz_wire_add_alive(&x->out);
}

static int keep_note(struct amz_exec *x, struct amz_cursor *body)
{
  const char *text;

  if (amz_wire_read_note(body, &text) < 0)
    return AMZ_ECORRUPT;
  amz_buf_add(&x->notes, text, strlen(text) + 1);
  return amz_buf_ok(&x->notes);
}

/* The next frame that is no note. \return as next_frame. */
static int next_answer(struct amz_exec *x, struct amz_wire_frame *ret)
{
  for (;;) {
    int rc = next_frame(x, ret);

    if (rc <= 0 || ret->kind != AMZ_WIRE_NOTE)
      return rc;
    if (keep_note(x, &ret->body) < 0) {
      x->closed = true;
      return AMZ_ECLOSED;
    }
  }
}

const char *amz_exec_next_note(struct amz_exec *x)
{
  const char *text;

  if (x->notes_pos == x->notes.len) {
    amz_buf_reset(&x->notes);
    x->notes_pos = 0;
    return NULL;
  }
  text = x->notes.data + x->notes_pos;
  x->notes_pos += strlen(text) + 1;
  return text;
}

int amz_exec_next(struct amz_exec *x, struct amz_exec_end *ret)
{
  struct amz_wire_frame frame;
  struct amz_exec_end end;
  int rc = next_answer(x, &frame);

  if (rc <= 0)
    return rc;
  if (frame.kind != AMZ_WIRE_END || amz_wire_read_end(&frame.body, &end) < 0 || end.slot >= x->slots || !x->owed[end.slot]) {
    x->closed = true;
    return AMZ_ECLOSED;
  }
  x->owed[end.slot]--;
  *ret = end;
  return 1;
}

int amz_exec_close_streams(struct amz_exec *x, int64_t grace_ns)
{
  int64_t until_ms = now_ms() + grace_ns / 1000000 + END_MS;
  struct amz_wire_frame frame;
  bool pending = true;
  int rc = amz_wire_add_close(&x->out, grace_ns);

  while (rc == AMZ_OK && pending && (rc = amz_exec_flush(x, &pending)) == AMZ_OK && pending)
    if (!wait_for(x->fd, POLLOUT, until_ms))
      return AMZ_ECLOSED;
  while (rc == AMZ_OK && (rc = next_answer(x, &frame)) == 0)
    if (!wait_for(x->fd, POLLIN, until_ms))
      return AMZ_ECLOSED;
  return rc < 0 ? rc : frame.kind == AMZ_WIRE_CLOSED ? AMZ_OK : AMZ_ECLOSED;
}
