/* When does the job end? Slurm 22.05 tells it to nobody but those who ask its controller, and a controller may be slow or
 * away; so `squeue` runs beside us for a bounded time, in a process group of its own, and what doesn't come in time is
 * unknown. */
#define _GNU_SOURCE /* strptime, pipe2 */
#include <amorsize/allocation.h>

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <amorsize/units.h>

extern char **environ;

#define DEFAULT_TIMEOUT_NS INT64_C(2000000000)
#define ANSWER_MAX 4096
#define REAP_TRIES 50 /* of 2 ms each: how long a killed child may take to disappear */

static int64_t now_ns(void)
{
  struct timespec t;

  if (clock_gettime(CLOCK_MONOTONIC, &t) < 0)
    return 0;
  return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

/* ---- what it says ----------------------------------------------------------------------------------------------------- */

/* "1-02:03:04", "02:03:04", "3:04". \return whether it is a time left. */
static bool take_time_left(const char *word, int64_t *ret_s)
{
  static const int64_t scales[] = {1, 60, 3600};
  const char *dash = strchr(word, '-'), *clock = dash ? dash + 1 : word;
  char digits[24];
  uint64_t part, parts[3];
  size_t n = 0;
  int64_t sum = 0;

  for (const char *at = clock;; at++) {
    size_t len = strspn(at, "0123456789");

    if (len == 0 || len > 9 || n == 3)
      return false;
    memcpy(digits, at, len);
    digits[len] = '\0';
    if (amz_parse_u64(digits, &parts[n++]) < 0)
      return false;
    at += len;
    if (*at == '\0')
      break;
    if (*at != ':')
      return false;
  }
  if (n < 2 || (dash && n != 3))
    return false;
  for (size_t i = 0; i < n; i++)
    sum += (int64_t)parts[n - 1 - i] * scales[i];
  if (dash) {
    if (dash - word > 9)
      return false;
    memcpy(digits, word, (size_t)(dash - word));
    digits[dash - word] = '\0';
    if (amz_parse_u64(digits, &part) < 0)
      return false;
    sum += (int64_t)part * 86400;
  }
  *ret_s = sum;
  return true;
}

/* "2024-05-01T12:00:00", local time. */
static bool take_date(const char *word, int64_t *ret_s)
{
  struct tm parts = {.tm_isdst = -1};
  const char *end = strptime(word, "%Y-%m-%dT%H:%M:%S", &parts);
  time_t t;

  parts.tm_isdst = -1;
  if (!end || *end)
    return false;
  t = mktime(&parts);
  if (t <= 0)
    return false;
  *ret_s = (int64_t)t;
  return true;
}

/* A job without a limit, or one that isn't (or is no longer) running. */
static bool says_nothing(const char *word)
{
  static const char *const words[] = {"UNLIMITED", "NOT_SET", "INVALID", "N/A", "Unknown", "None", ""};

  for (size_t i = 0; i < sizeof words / sizeof *words; i++)
    if (strcmp(word, words[i]) == 0)
      return true;
  return false;
}

int amz_slurm_end(const char *text, int64_t now_s, int64_t *ret_end_s)
{
  char words[2][40] = {"", ""};
  int64_t left;

  for (size_t i = 0; i < 2; i++) {
    size_t n;

    text += strspn(text, " \t\n");
    n = strcspn(text, " \t\n");
    if (n >= sizeof words[i])
      return AMZ_EINVAL;
    memcpy(words[i], text, n);
    text += n;
  }
  if (take_time_left(words[0], &left)) {
    *ret_end_s = now_s + left;
    return AMZ_OK;
  }
  if (take_date(words[1], ret_end_s))
    return AMZ_OK;
  return says_nothing(words[0]) && says_nothing(words[1]) ? AMZ_ENOENT : AMZ_EINVAL;
}

/* ---- asking it -------------------------------------------------------------------------------------------------------- */

/* A process group of its own, so that all of it can be ended; signals as a program expects them. */
static int set_attributes(posix_spawnattr_t *attr)
{
  sigset_t none, defaults;
  int rc;

  (void)sigemptyset(&none);
  (void)sigemptyset(&defaults);
  (void)sigaddset(&defaults, SIGPIPE);
  rc = posix_spawnattr_setflags(attr, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
  if (rc == 0)
    rc = posix_spawnattr_setpgroup(attr, 0);
  if (rc == 0)
    rc = posix_spawnattr_setsigmask(attr, &none);
  return rc ? rc : posix_spawnattr_setsigdefault(attr, &defaults);
}

static int set_files(posix_spawn_file_actions_t *actions, int out)
{
  int rc = posix_spawn_file_actions_addopen(actions, 0, "/dev/null", O_RDONLY, 0);

  if (rc == 0)
    rc = posix_spawn_file_actions_addopen(actions, 2, "/dev/null", O_WRONLY, 0);
  return rc ? rc : posix_spawn_file_actions_adddup2(actions, out, 1);
}

/* \return 0, or an errno. */
static int spawn(const char *program, char *const *argv, int out, pid_t *ret_pid)
{
  posix_spawn_file_actions_t actions;
  posix_spawnattr_t attr;
  int rc = posix_spawn_file_actions_init(&actions);

  if (rc)
    return rc;
  rc = posix_spawnattr_init(&attr);
  if (rc == 0) {
    rc = set_attributes(&attr);
    if (rc == 0)
      rc = set_files(&actions, out);
    if (rc == 0)
      rc = posix_spawnp(ret_pid, program, &actions, &attr, argv, environ);
    (void)posix_spawnattr_destroy(&attr);
  }
  (void)posix_spawn_file_actions_destroy(&actions);
  return rc;
}

/* Reads until the end of the file, the end of room or the deadline; text gets a NUL. \return whether the file ended in time. */
static bool read_answer(int fd, int64_t deadline_ns, char *text, size_t room)
{
  size_t len = 0;
  bool ended = false;

  while (!ended && len + 1 < room) {
    struct pollfd p = {fd, POLLIN, 0};
    int64_t left_ns = deadline_ns - now_ns();
    int ready = left_ns > 0 ? poll(&p, 1, (int)(left_ns / 1000000 + 1)) : 0;
    ssize_t n;

    if (ready < 0 && errno == EINTR)
      continue;
    if (ready <= 0)
      break;
    n = read(fd, text + len, room - 1 - len);
    if (n < 0 && errno == EINTR)
      continue;
    ended = n <= 0;
    if (n > 0)
      len += (size_t)n;
  }
  text[len] = '\0';
  return ended;
}

/* Waits for the child until the deadline, then kills it. A child that even so doesn't go away (a hung file system) is left
 * behind.
 * \return whether it has exited with 0 by itself. */
static bool reap(pid_t pid, int64_t deadline_ns)
{
  const struct timespec pause = {0, 2000000};
  bool killed = false;
  int status = 0;

  for (int tries = 0; tries < REAP_TRIES;) {
    pid_t got = waitpid(pid, &status, WNOHANG);

    if (got == pid)
      return !killed && WIFEXITED(status) && WEXITSTATUS(status) == 0;
    if (got < 0 && errno != EINTR)
      return !killed; /* SIGCHLD is ignored: reaped by the kernel, its status is lost, its answer counts */
    if (!killed && now_ns() >= deadline_ns) {
      (void)kill(-pid, SIGKILL);
      killed = true;
    }
    tries += killed ? 1 : 0;
    (void)nanosleep(&pause, NULL);
  }
  return false;
}

/* Runs it and takes its answer. */
static int ask(const char *program, const char *const *words, int64_t timeout_ns, char *text, size_t room, struct amz_error *err)
{
  char *const *argv = (char *const *)(uintptr_t)words; /* posix_spawn leaves them alone */
  int64_t deadline_ns = now_ns() + timeout_ns;
  bool ended, succeeded;
  pid_t pid = 0;
  int fds[2], rc;

  if (pipe2(fds, O_CLOEXEC) < 0)
    return amz_error_sys(err, AMZ_EIO, errno, "cannot make a pipe for %s", program);
  rc = spawn(program, argv, fds[1], &pid);
  (void)close(fds[1]);
  if (rc) {
    (void)close(fds[0]);
    return amz_error_sys(err, AMZ_EENV, rc, "cannot run %s", program);
  }
  ended = read_answer(fds[0], deadline_ns, text, room);
  (void)close(fds[0]);
  succeeded = reap(pid, ended ? deadline_ns : 0);
  if (!ended)
    return amz_error_set(err, AMZ_EENV, "%s gave no answer within %.1f s", program, (double)timeout_ns / 1e9);
  if (!succeeded)
    return amz_error_set(err, AMZ_EENV, "%s failed", program);
  return AMZ_OK;
}

int amz_allocation_ask_end(struct amz_allocation *a, const char *squeue, int64_t timeout_ns, struct amz_error *err)
{
  static const char source[] = "squeue";
  const char *words[] = {source, "-h", "-j", a->job_id, "-o", "%L %e", NULL};
  char text[ANSWER_MAX];
  int64_t end_s;
  int rc;

  if (a->end_source || a->batch != AMZ_BATCH_SLURM || !a->job_id)
    return AMZ_OK;
  rc = ask(squeue ? squeue : source, words, timeout_ns > 0 ? timeout_ns : DEFAULT_TIMEOUT_NS, text, sizeof text, err);
  if (rc < 0)
    return rc;
  rc = amz_slurm_end(text, (int64_t)time(NULL), &end_s);
  if (rc == AMZ_ENOENT)
    return AMZ_OK;
  if (rc < 0)
    return amz_error_set(err, AMZ_EENV, "squeue says what isn't understood: %.60s", text);
  a->end_s = end_s;
  a->end_source = source;
  return AMZ_OK;
}

int amz_allocation_requeue(const struct amz_allocation *a, const char *scontrol, int64_t timeout_ns, struct amz_error *err)
{
  const char *words[] = {"scontrol", "requeue", a->job_id, NULL};
  char text[ANSWER_MAX];

  if (a->batch != AMZ_BATCH_SLURM || !a->job_id)
    return amz_error_set(err, AMZ_EENV, "this is no job of Slurm's");
  return ask(scontrol ? scontrol : words[0], words, timeout_ns > 0 ? timeout_ns : DEFAULT_TIMEOUT_NS, text, sizeof text, err);
}
