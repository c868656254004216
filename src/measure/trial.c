/* Launching ranks to see how long it takes. What the launcher and the ranks print comes through one pipe; lines of ours are
 * taken, of the others the last is kept, to be told when the launch fails. */
#define _GNU_SOURCE
#include "trial.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <amorsize/exec.h>

#include "../run/clock.h"
#include "text.h"

#define LOOK_MS 50                      /* between looks at the launcher and the observer */
#define LINGER_NS INT64_C(5000000000)   /* for a launcher to end by itself when all is said, and again when it was told to */
#define HURRIED_NS INT64_C(100000000)   /* the same when somebody waits */
#define LINE_MOST 4096u

extern char **environ;

struct running {
  const struct amz_trial *trial;
  struct amz_trial_result *result;
  pid_t launcher;
  int fd;              /* what is printed; -1: nothing more comes */
  int64_t started_ns;
  int64_t term_ns, kill_ns; /* when the launcher gets these; the first moves closer when all is said */
  bool termed;
  char line[LINE_MOST];
  size_t n_line;
};

/* ---- starting --------------------------------------------------------------------------------------------------------- */

/* Launcher, rank program, what it is asked for: words, each with its NUL. */
static int whole_line(const struct amz_trial *trial, struct amz_buf *line, struct amz_error *err)
{
  struct amz_launcher_choice choice;
  int rc = amz_launcher_choose(trial->allocation, trial->way, &choice);

  if (rc < 0)
    return rc;
  amz_launcher_words(&choice, &trial->spread, trial->allocation, line);
  if (trial->program)
    amz_buf_adds(line, trial->program);
  else if ((rc = amz_exec_find_program("amorsize-mpi-rank", err, line)) < 0)
    return rc == AMZ_ENOENT ? AMZ_EENV : rc; /* AMZ_ENOENT is for ways of launching */
  amz_buf_addc(line, '\0');
  amz_buf_add(line, AMZ_MEASURE_COMMAND, sizeof AMZ_MEASURE_COMMAND);
  amz_buf_add(line, trial->mode, strlen(trial->mode) + 1);
  rc = amz_buf_ok(line);
  return rc < 0 ? amz_error_set(err, rc, "out of memory") : AMZ_OK;
}

/* A process group of its own with the usual signals, as the one who started us may block or ignore some. \return 0 or an
 * errno. */
static int spawn(char **words, int out, pid_t *ret)
{
  posix_spawn_file_actions_t actions;
  posix_spawnattr_t attributes;
  sigset_t none, usual;
  int rc = posix_spawn_file_actions_init(&actions);

  if (rc == 0 && (rc = posix_spawnattr_init(&attributes)) == 0) {
    (void)sigemptyset(&none);
    (void)sigemptyset(&usual);
    (void)sigaddset(&usual, SIGPIPE);
    (void)sigaddset(&usual, SIGINT);
    (void)sigaddset(&usual, SIGTERM);
    if ((rc = posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0)) == 0 &&
        (rc = posix_spawn_file_actions_adddup2(&actions, out, STDOUT_FILENO)) == 0 &&
        (rc = posix_spawn_file_actions_adddup2(&actions, out, STDERR_FILENO)) == 0 &&
        (rc = posix_spawnattr_setsigmask(&attributes, &none)) == 0 && (rc = posix_spawnattr_setsigdefault(&attributes,
            &usual)) == 0 &&
        (rc = posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF)) == 0)
      rc = posix_spawnp(ret, words[0], &actions, &attributes, words, environ);
    (void)posix_spawnattr_destroy(&attributes);
  }
  (void)posix_spawn_file_actions_destroy(&actions);
  return rc;
}

static int start(struct running *r, char **words, struct amz_error *err)
{
  int fds[2], rc;

  if (pipe2(fds, O_CLOEXEC) < 0)
    return amz_error_sys(err, AMZ_EIO, errno, "cannot make a pipe");
  r->started_ns = amz_clock_monotonic_ns();
  r->term_ns = r->started_ns + r->trial->timeout_ns;
  rc = spawn(words, fds[1], &r->launcher);
  (void)close(fds[1]);
  r->fd = fds[0];
  if (rc == 0 && fcntl(r->fd, F_SETFL, O_NONBLOCK) < 0)
    rc = errno;
  return rc ? amz_error_sys(err, AMZ_EENV, rc, "cannot start %s", words[0]) : AMZ_OK;
}

/* ---- listening -------------------------------------------------------------------------------------------------------- */

static void take_line(struct running *r)
{
  struct amz_trial_result *result = r->result;

  r->line[r->n_line] = '\0';
  r->n_line = 0;
  if (strcmp(r->line, AMZ_COSTS_READY) == 0) {
    result->ready = true;
    result->ready_s = (double)(amz_clock_monotonic_ns() - r->started_ns) / 1e9;
  } else if (strcmp(r->line, AMZ_COSTS_DONE) == 0) {
    result->done = true;
    if (r->term_ns > amz_clock_monotonic_ns() + LINGER_NS)
      r->term_ns = amz_clock_monotonic_ns() + LINGER_NS;
  } else if (!amz_costs_parse(r->line, &result->costs) && *r->line) {
    (void)snprintf(result->said, sizeof result->said, "%.*s", (int)sizeof result->said - 1, r->line);
  }
}

static void take_bytes(struct running *r, const char *bytes, size_t n)
{
  for (size_t i = 0; i < n; i++) {
    if (bytes[i] == '\n')
      take_line(r);
    else if (r->n_line < sizeof r->line - 1) /* the rest of a longer line says nothing to us */
      r->line[r->n_line++] = bytes[i];
  }
}

static void listen_to(struct running *r)
{
  char bytes[4096];
  ssize_t n;

  while (r->fd >= 0 && (n = read(r->fd, bytes, sizeof bytes)) != 0) {
    if (n > 0)
      take_bytes(r, bytes, (size_t)n);
    else if (errno != EINTR)
      break;
  }
  if (r->fd >= 0 && n == 0) {
    (void)close(r->fd);
    r->fd = -1;
  }
}

/* ---- ending ----------------------------------------------------------------------------------------------------------- */

static bool is_unwanted(const struct running *r)
{
  const struct amz_measure_observer *o = r->trial->observer;

  return o && o->stop && o->stop(o->ctx);
}

/* The launcher ends its ranks when it gets TERM; what doesn't go by then is killed. */
static void hurry(struct running *r)
{
  int64_t now_ns = amz_clock_monotonic_ns();

  if (!r->termed && now_ns >= r->term_ns) {
    r->termed = true;
    r->kill_ns = now_ns + (r->trial->hurried ? HURRIED_NS : LINGER_NS);
    (void)kill(-r->launcher, SIGTERM);
  } else if (r->termed && now_ns >= r->kill_ns) {
    (void)kill(-r->launcher, SIGKILL);
  }
}

/* Listens until the launcher has ended. \return AMZ_OK; AMZ_ECLOSED. */
static int watch(struct running *r)
{
  int rc = AMZ_OK, status;

  while (waitpid(r->launcher, &status, WNOHANG) == 0) {
    struct pollfd fd = {.fd = r->fd, .events = POLLIN}; /* one below 0 is passed over */

    (void)poll(&fd, 1, LOOK_MS);
    listen_to(r);
    if (rc == AMZ_OK && is_unwanted(r)) {
      rc = AMZ_ECLOSED;
      r->term_ns = 0;
    }
    hurry(r);
  }
  listen_to(r);
  (void)kill(-r->launcher, SIGKILL); /* what the launcher may have left of its group */
  return rc;
}

int amz_trial_run(const struct amz_trial *trial, struct amz_trial_result *ret, struct amz_error *err)
{
  struct running r = {.trial = trial, .result = ret, .fd = -1};
  struct amz_buf line = AMZ_BUF_INIT;
  char **words = NULL;
  int rc = whole_line(trial, &line, err);

  memset(ret, 0, sizeof *ret);
  if (rc == AMZ_OK && !(words = amz_launcher_split(&line)))
    rc = amz_error_set(err, AMZ_ENOMEM, "out of memory");
  if (rc == AMZ_OK)
    rc = start(&r, words, err);
  if (rc == AMZ_OK) {
    rc = watch(&r);
    if (rc == AMZ_ECLOSED)
      (void)amz_error_set(err, rc, "measuring was ended early");
  }
  if (r.fd >= 0)
    (void)close(r.fd);
  free(words);
  amz_buf_clear(&line);
  return rc;
}
