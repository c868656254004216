/* vfork, and what the child does before it becomes the task. */
#include "spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <amorsize/diag.h>

#include "environ.h"

#define FALLBACK_PATH "/usr/local/bin:/usr/bin:/bin" /* when the environment has no PATH; glibc's has no /usr/local */
#define NAME_SHOWN 200                               /* bytes of a user's name in a message */

int amz_spawn_prepare(struct amz_spawn *s, struct amz_buf *room)
{
  const char *path = amz_environ_find(s->env, "PATH");

  s->path = path ? path : FALLBACK_PATH;
  amz_buf_reset(room);
  s->candidate = amz_buf_add_space(room, strlen(s->path) + strlen(s->argv[0]) + 2);
  return s->candidate ? AMZ_OK : AMZ_ENOMEM;
}

/* ---- in the child ------------------------------------------------------------------------------------------------------- */

static bool fail(struct amz_spawn *s, enum amz_spawn_stage stage)
{
  s->stage = stage;
  s->error = errno;
  return false;
}

/* The helper blocks every signal and has reset every disposition, so that an empty mask is all that the task needs. The
 * helper may have died before prctl, and then nobody would kill us: hence the look at our parent. */
static bool child_isolate(const struct amz_spawn *s)
{
  sigset_t none;

  return setpgid(0, 0) == 0 && prctl(PR_SET_PDEATHSIG, SIGKILL) == 0 && getppid() == s->parent && sigemptyset(&none) == 0 &&
         sigprocmask(SIG_SETMASK, &none, NULL) == 0 && (!s->nofile || setrlimit(RLIMIT_NOFILE, s->nofile) == 0);
}

static bool child_redirect(const struct amz_spawn *s)
{
  if (dup2(s->out_fd, STDOUT_FILENO) < 0 || dup2(s->err_fd, STDERR_FILENO) < 0)
    return false;
  if (s->script_fd < 0)
    return true;
  if (s->script_fd == AMZ_SPAWN_SCRIPT_FD)
    return fcntl(s->script_fd, F_SETFD, 0) == 0;
  return dup2(s->script_fd, AMZ_SPAWN_SCRIPT_FD) >= 0;
}

static bool child_stdin(const struct amz_spawn *s)
{
  int fd;

  if (s->in_fd >= 0)
    return dup2(s->in_fd, STDIN_FILENO) >= 0;
  if (!s->stdin_path)
    return true;
  do
    fd = open(s->stdin_path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
  while (fd < 0 && errno == EINTR);
  return fd >= 0 && dup2(fd, STDIN_FILENO) >= 0;
}

/* Asking for CPUs of which some are not ours is cut by the kernel without a word, so the mask is read back. */
static bool child_bind(struct amz_spawn *s)
{
  if (!s->cpus)
    return true;
  if (sched_setaffinity(0, s->cpus_size, s->cpus) < 0) {
    s->cpus_differ = true; /* EINVAL: none of them is ours. The task runs; the rank is told. */
    return errno == EINVAL || errno == EPERM;
  }
  memset(s->cpus_now, 0, s->cpus_size);
  s->cpus_differ = sched_getaffinity(0, s->cpus_size, s->cpus_now) < 0 || memcmp(s->cpus, s->cpus_now, s->cpus_size) != 0;
  return true;
}

static void child_try(struct amz_spawn *s, const char *program)
{
  (void)execve(program, s->argv, s->env);
  if (errno != ENOEXEC)
    return;
  s->argv[-1] = (char *)(uintptr_t)"/bin/sh";
  s->argv[0] = (char *)(uintptr_t)program;
  (void)execve("/bin/sh", s->argv - 1, s->env);
}

/* The PATH search of execvp(3), without its allocation: what can't be executed is remembered, what isn't there is passed over. So
 * is what stands, if anything does, in a directory that we may not search; shells do the same, execvp doesn't. */
static void child_search(struct amz_spawn *s)
{
  const char *name = s->argv[0], *at = s->path;
  bool refused = false;

  for (;;) {
    size_t n = strcspn(at, ":"), len = n;

    memcpy(s->candidate, at, n);
    if (n)
      s->candidate[len++] = '/';
    memcpy(s->candidate + len, name, strlen(name) + 1);
    child_try(s, s->candidate);
    if (errno == EACCES)
      refused = refused || access(s->candidate, F_OK) == 0;
    else if (errno != ENOENT && errno != ENOTDIR && errno != ESTALE && errno != ENODEV && errno != ETIMEDOUT)
      return;
    if (!at[n])
      break;
    at += n + 1;
  }
  errno = refused ? EACCES : ENOENT;
}

static void child_exec(struct amz_spawn *s)
{
  if (strchr(s->argv[0], '/')) {
    child_try(s, s->argv[0]);
    return;
  }
  if (s->argv[0][0] == '\0') {
    errno = ENOENT;
    return;
  }
  if (s->known) {
    s->used_known = true;
    child_try(s, s->known);
    if (errno != ENOENT && errno != EACCES && errno != ENOTDIR)
      return;
    s->used_known = false;
  }
  child_search(s);
}

static void child_become(struct amz_spawn *s)
{
  bool ok = (child_isolate(s) && child_redirect(s)) || fail(s, AMZ_SPAWN_PREPARE);

  ok = ok && (!s->workdir || chdir(s->workdir) == 0 || fail(s, AMZ_SPAWN_WORKDIR));
  ok = ok && (child_stdin(s) || fail(s, AMZ_SPAWN_STDIN));
  ok = ok && (child_bind(s) || fail(s, AMZ_SPAWN_CPUS));
  if (!ok)
    return;
  s->stage = AMZ_SPAWN_STARTED;
  child_exec(s);
  (void)fail(s, AMZ_SPAWN_EXEC);
}

/* ---- in the helper ------------------------------------------------------------------------------------------------------ */

pid_t amz_spawn_start(struct amz_spawn *s)
{
  pid_t pid;

  s->stage = AMZ_SPAWN_STARTED;
  s->error = 0;
  s->cpus_differ = s->used_known = false;
  pid = vfork();
  if (pid == 0) {
    child_become(s);
    _exit(127);
  }
  if (pid < 0) {
    s->stage = AMZ_SPAWN_FORK;
    s->error = errno;
    return -1;
  }
  if (s->stage == AMZ_SPAWN_STARTED)
    return pid;
  while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
    ;
  return -1;
}

bool amz_spawn_is_shortage(const struct amz_spawn *s)
{
  return (s->stage == AMZ_SPAWN_PREPARE || s->stage == AMZ_SPAWN_FORK) &&
         (s->error == EMFILE || s->error == ENFILE || s->error == EAGAIN || s->error == ENOMEM);
}

static const char *advice(const struct amz_spawn *s)
{
  static const struct {
    enum amz_spawn_stage stage;
    int error;
    const char *text;
  } known[] = {
    {AMZ_SPAWN_FORK, EAGAIN, " (no more processes are allowed: see ulimit -u and the cgroup's pids.max)"},
    {AMZ_SPAWN_PREPARE, EMFILE, " (raise ulimit -n)"},
    {AMZ_SPAWN_PREPARE, ENFILE, " (the system's limit, sysctl fs.file-max)"},
    {AMZ_SPAWN_EXEC, E2BIG, " (arguments and environment together are too long for the system; give the data in a file)"},
  };

  for (size_t i = 0; i < sizeof known / sizeof *known; i++)
    if (known[i].stage == s->stage && known[i].error == s->error)
      return known[i].text;
  return "";
}

void amz_spawn_say(const struct amz_spawn *s, struct amz_buf *out)
{
  static const char *const words[] = {
    [AMZ_SPAWN_FORK] = "cannot start a process for '", [AMZ_SPAWN_PREPARE] = "cannot prepare '",
    [AMZ_SPAWN_WORKDIR] = "cannot change to the directory '", [AMZ_SPAWN_STDIN] = "cannot read standard input from '",
    [AMZ_SPAWN_CPUS] = "cannot bind '", [AMZ_SPAWN_EXEC] = "cannot run '"};
  const char *what = s->stage == AMZ_SPAWN_WORKDIR ? s->workdir : s->stage == AMZ_SPAWN_STDIN ? s->stdin_path : s->argv[0];

  amz_buf_adds(out, words[s->stage]);
  amz_buf_add_printable(out, what, strlen(what), NAME_SHOWN);
  amz_buf_addf(out, "': %s%s", strerror(s->error), advice(s));
}

int amz_spawn_explain(const struct amz_spawn *s, struct amz_buf *out)
{
  amz_buf_adds(out, "amorsize-mpi: ");
  amz_spawn_say(s, out);
  amz_buf_addc(out, '\n');
  return s->stage == AMZ_SPAWN_EXEC && s->error == ENOENT ? 127 : 126;
}
