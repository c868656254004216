/* Running gnuplot: its program on standard input, the picture from its standard output, both through files, so that nothing can
 * block. */
#define _GNU_SOURCE
#include "plot.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <amorsize/diag.h>

#define PATIENCE_MS 30000
#define CANNOT_KEEP "a temporary file for gnuplot cannot be written"
#define INSTALL "gnuplot not found: install it (Debian: gnuplot-nox, Fedora: gnuplot-minimal)"

extern char **environ;

/* ---- finding --------------------------------------------------------------------------------------------------------------- */

int amz_plot_ready(struct amz_error *err)
{
  const char *at = getenv("PATH");
  struct amz_buf path = AMZ_BUF_INIT;
  bool found = false;

  while (at && !found) {
    size_t n = strcspn(at, ":");

    amz_buf_reset(&path);
    amz_buf_addf(&path, "%.*s/gnuplot", n ? (int)n : 1, n ? at : ".");
    found = amz_buf_ok(&path) == AMZ_OK && access(path.data, X_OK) == 0;
    at = at[n] ? at + n + 1 : NULL;
  }
  amz_buf_clear(&path);
  return found ? AMZ_OK : amz_error_set(err, AMZ_EENV, "%s", INSTALL);
}

/* ---- files ----------------------------------------------------------------------------------------------------------------- */

/* A nameless file with content, to be read from its beginning. \return NULL with errno. */
static FILE *file_of(const char *bytes, size_t n)
{
  FILE *f = tmpfile();

  if (!f)
    return NULL;
  if (fwrite(bytes, 1, n, f) == n && fflush(f) == 0 && lseek(fileno(f), 0, SEEK_SET) == 0)
    return f;
  (void)fclose(f);
  return NULL;
}

/* Whether a picture is whole: it ends as SVG does. */
static bool is_whole(int fd)
{
  char end[64];
  off_t size = lseek(fd, 0, SEEK_END);
  off_t from = size > (off_t)sizeof end - 1 ? size - (off_t)sizeof end + 1 : 0;
  ssize_t n = size > 0 ? pread(fd, end, sizeof end - 1, from) : 0;

  if (n <= 0)
    return false;
  end[n] = '\0';
  return strstr(end, "</svg>") != NULL;
}

static void add_words(FILE *said, struct amz_buf *out)
{
  char text[400];
  ssize_t n = pread(fileno(said), text, sizeof text, 0);

  for (ssize_t i = 0; i < n; i++)
    if (text[i] == '\n' || text[i] == '\t')
      text[i] = ' ';
  if (n > 0)
    amz_buf_add_printable(out, text, (size_t)n, sizeof text);
}

/* ---- the child ------------------------------------------------------------------------------------------------------------- */

static int start(int in, int out, int said, pid_t *ret)
{
  char name[] = "gnuplot", own[] = "--default-settings";
  char *argv[] = {name, own, NULL};
  posix_spawn_file_actions_t files;
  posix_spawnattr_t attributes;
  sigset_t none, all;
  int rc;

  (void)sigemptyset(&none);
  (void)sigfillset(&all);
  if ((rc = posix_spawn_file_actions_init(&files)) != 0)
    return rc;
  if ((rc = posix_spawnattr_init(&attributes)) != 0) {
    (void)posix_spawn_file_actions_destroy(&files);
    return rc;
  }
  if ((rc = posix_spawn_file_actions_adddup2(&files, in, STDIN_FILENO)) == 0 &&
      (rc = posix_spawn_file_actions_adddup2(&files, out, STDOUT_FILENO)) == 0 &&
      (rc = posix_spawn_file_actions_adddup2(&files, said, STDERR_FILENO)) == 0 &&
      (rc = posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF)) == 0 &&
      (rc = posix_spawnattr_setsigmask(&attributes, &none)) == 0 && (rc = posix_spawnattr_setsigdefault(&attributes, &all)) == 0)
    rc = posix_spawnp(ret, name, &files, &attributes, argv, environ);
  (void)posix_spawnattr_destroy(&attributes);
  (void)posix_spawn_file_actions_destroy(&files);
  return rc;
}

/* Waits for its end without sleeping beyond it. \return whether it ended by itself. */
static bool ends(pid_t pid)
{
  int fd = (int)syscall(SYS_pidfd_open, pid, 0);
  struct pollfd p = {.fd = fd, .events = POLLIN};
  struct timespec from, now;
  int rc = -1, left = PATIENCE_MS;

  if (fd < 0) /* a kernel before 5.3: its end is waited for, however long it takes */
    return true;
  (void)clock_gettime(CLOCK_MONOTONIC, &from);
  while (left > 0 && (rc = poll(&p, 1, left)) < 0 && errno == EINTR) {
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    left = PATIENCE_MS - (int)(now.tv_sec - from.tv_sec) * 1000;
  }
  (void)close(fd);
  return rc > 0;
}

/* gnuplot doesn't mind when it can't write. \return 0 or the errno of a try. */
static int why_cut(int fd)
{
  static const char blanks[4096];

  if (lseek(fd, 0, SEEK_END) < 0 || write(fd, blanks, sizeof blanks) < 0)
    return errno;
  return 0;
}

static int run(int in, int out, FILE *said, struct amz_error *err)
{
  struct amz_buf words = AMZ_BUF_INIT;
  bool ended;
  int status = 0, rc;
  pid_t pid;

  rc = start(in, out, fileno(said), &pid);
  if (rc == ENOENT)
    return amz_error_set(err, AMZ_EENV, "%s", INSTALL);
  if (rc != 0)
    return amz_error_sys(err, AMZ_EENV, rc, "cannot start gnuplot");
  ended = ends(pid);
  if (!ended)
    (void)kill(pid, SIGKILL);
  while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
    ;
  if (ended && WIFEXITED(status) && WEXITSTATUS(status) == 0 && is_whole(out))
    return AMZ_OK;
  if (ended && WIFEXITED(status) && (rc = why_cut(out)) != 0)
    return amz_error_sys(err, AMZ_EIO, rc, CANNOT_KEEP);
  add_words(said, &words);
  rc = amz_error_set(err, AMZ_EENV, "gnuplot %s: %s", ended ? "has failed" : "has drawn for half a minute and was ended",
                     amz_buf_text(&words));
  amz_buf_clear(&words);
  return rc;
}

/* ---- drawing --------------------------------------------------------------------------------------------------------------- */

static int read_back(int fd, struct amz_buf *ret)
{
  off_t size = lseek(fd, 0, SEEK_END);
  char *to = size >= 0 ? amz_buf_add_space(ret, (size_t)size) : NULL;
  size_t have = 0;

  if (size < 0)
    return AMZ_EIO;
  while (to && have < (size_t)size) {
    ssize_t n = pread(fd, to + have, (size_t)size - have, (off_t)have);

    if (n <= 0 && !(n < 0 && errno == EINTR))
      return AMZ_EIO;
    have += n > 0 ? (size_t)n : 0;
  }
  return to ? AMZ_OK : AMZ_ENOMEM;
}

int amz_plot_draw(const struct amz_buf *program, struct amz_buf *ret_picture, struct amz_error *err)
{
  FILE *in = file_of(amz_buf_text(program), program->len), *out = tmpfile(), *said = tmpfile();
  int rc = AMZ_OK;

  if (amz_buf_ok(program) < 0)
    rc = amz_error_set(err, AMZ_ENOMEM, "out of memory");
  else if (!in || !out || !said)
    rc = amz_error_sys(err, AMZ_EIO, errno, CANNOT_KEEP);
  else if ((rc = run(fileno(in), fileno(out), said, err)) == AMZ_OK && (rc = read_back(fileno(out), ret_picture)) < 0)
    rc = amz_error_set(err, rc, "cannot take the picture that gnuplot has drawn");
  if (in)
    (void)fclose(in);
  if (out)
    (void)fclose(out);
  if (said)
    (void)fclose(said);
  return rc;
}
