/* Run directories: their numbers, finding them again, and replacing small files in them.
 *
 * Invariants: a number belongs to whoever's mkdir succeeded; a reader of a replaced file sees the old or the new one, whole. */
#include <amorsize/store.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <amorsize/alloc.h>

#include "path.h"

#define RUNS_SUFFIX ".runs"
#define RUNS_SHOWN 10

static int no_memory(struct amz_error *err)
{
  return amz_error_set(err, AMZ_ENOMEM, "out of memory");
}

/* A run's number as its directory says it: digits alone. \return 0 when it isn't one. */
static uint64_t number_of(const char *name)
{
  uint64_t n = 0;

  for (const char *c = name; *c; c++) {
    if (*c < '0' || *c > '9' || n > 1000000000u)
      return 0;
    n = n * 10 + (uint64_t)(*c - '0');
  }
  return n;
}

static bool is_dir(const char *path)
{
  struct stat st;

  return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

/* \return the highest number in a NAME.runs directory with its name (malloc'd) in *ret_name; 0 when there is none. */
static uint64_t highest_in(const char *runs, char **ret_name)
{
  DIR *dir = opendir(*runs ? runs : ".");
  uint64_t highest = 0;
  struct dirent *e;

  while (dir && (e = readdir(dir))) {
    uint64_t n = number_of(e->d_name);

    if (n <= highest)
      continue;
    highest = n;
    if (!ret_name)
      continue;
    free(*ret_name);
    *ret_name = amz_strndup(e->d_name, strlen(e->d_name));
  }
  if (dir)
    (void)closedir(dir);
  return highest;
}

/* ---- making ------------------------------------------------------------------------------------------------------------ */

/* A convenience for people: it may fail, or name the other one of two runs that start together. */
static void point_latest(const char *runs, const char *name)
{
  struct amz_buf aside = AMZ_BUF_INIT, latest = AMZ_BUF_INIT;

  amz_buf_addf(&aside, "%s/.latest-%ld", runs, (long)getpid());
  amz_buf_addf(&latest, "%s/latest", runs);
  if (amz_buf_ok(&aside) == AMZ_OK && amz_buf_ok(&latest) == AMZ_OK && symlink(name, aside.data) == 0 &&
      rename(aside.data, latest.data) < 0)
    (void)unlink(aside.data);
  amz_buf_clear(&aside);
  amz_buf_clear(&latest);
}

/* The next free number: others may take it between our look and our mkdir, then the one behind it. */
static int make_numbered(const char *runs, struct amz_error *err, char **ret_path)
{
  for (uint64_t n = highest_in(runs, NULL) + 1;; n++) {
    struct amz_buf path = AMZ_BUF_INIT;
    int saved;

    amz_buf_addf(&path, "%s/%03llu", runs, (unsigned long long)n);
    if (amz_buf_ok(&path) < 0) {
      amz_buf_clear(&path);
      return no_memory(err);
    }
    if (mkdir(path.data, 0777) == 0) {
      point_latest(runs, strrchr(path.data, '/') + 1);
      *ret_path = amz_buf_detach(&path);
      return AMZ_OK;
    }
    saved = errno;
    if (saved != EEXIST)
      (void)amz_error_sys(err, AMZ_EIO, saved, "%s: cannot make the run directory", path.data);
    amz_buf_clear(&path);
    if (saved != EEXIST)
      return AMZ_EIO;
  }
}

static int make_out(char *path, struct amz_error *err)
{
  char *out = amz_path_join(path, "out");
  int rc = AMZ_OK;

  if (!out)
    return no_memory(err);
  if (mkdir(out, 0777) < 0)
    rc = amz_error_sys(err, AMZ_EIO, errno, "%s: cannot make the directory for outputs", out);
  free(out);
  return rc;
}

static int check_name(const char *name, struct amz_error *err)
{
  size_t most = 255 - strlen(RUNS_SUFFIX);

  if (!*name || strchr(name, '/'))
    return amz_error_set(err, AMZ_EINVAL, "a run's directory is named after the job: '%.200s' can't be a directory's name", name);
  if (strlen(name) > most)
    return amz_error_set(err, AMZ_EINVAL, "the job's name is too long for a directory: %zu bytes, at most %zu: %.60s…",
                         strlen(name), most, name);
  return AMZ_OK;
}

int amz_rundir_create(const char *parent, const char *name, struct amz_error *err, char **ret_path)
{
  struct amz_buf file = AMZ_BUF_INIT;
  char *runs = NULL, *path = NULL;
  int rc = check_name(name, err);

  if (rc < 0)
    return rc;
  amz_buf_addf(&file, "%s" RUNS_SUFFIX, name);
  runs = amz_buf_ok(&file) == AMZ_OK ? amz_path_join(parent, file.data) : NULL;
  amz_buf_clear(&file);
  if (!runs)
    return no_memory(err);
  if (mkdir(runs, 0777) < 0 && errno != EEXIST)
    rc = amz_error_sys(err, AMZ_EIO, errno, "%s: cannot make the directory of runs", runs);
  if (rc == AMZ_OK)
    rc = make_numbered(runs, err, &path);
  if (rc == AMZ_OK)
    rc = make_out(path, err);
  free(runs);
  if (rc < 0 && path)
    amz_rundir_discard(path);
  if (rc < 0)
    free(path);
  else
    *ret_path = path;
  return rc;
}

/* The link is for people: it must not lead them to what is gone. */
static void forget_latest(const char *dir)
{
  const char *name = strrchr(dir, '/');
  struct amz_buf latest = AMZ_BUF_INIT;
  char target[64];
  ssize_t n;

  if (!name)
    return;
  amz_buf_add(&latest, dir, (size_t)(name - dir));
  amz_buf_adds(&latest, "/latest");
  n = amz_buf_ok(&latest) == AMZ_OK ? readlink(latest.data, target, sizeof target) : -1;
  if (n > 0 && (size_t)n == strlen(name + 1) && memcmp(target, name + 1, (size_t)n) == 0)
    (void)unlink(latest.data);
  amz_buf_clear(&latest);
}

void amz_rundir_discard(const char *dir)
{
  static const char *const written[] = {"job.yaml", "plan.yaml", "inputs"};
  char *out = amz_path_join(dir, "out");

  for (size_t i = 0; i < sizeof written / sizeof *written; i++) {
    char *path = amz_path_join(dir, written[i]);

    if (path)
      (void)unlink(path);
    free(path);
  }
  if (out)
    (void)rmdir(out);
  free(out);
  if (rmdir(dir) == 0)
    forget_latest(dir);
}

/* ---- finding ----------------------------------------------------------------------------------------------------------- */

static bool has(const char *dir, const char *name)
{
  char *path = amz_path_join(dir, name);
  bool there = path && access(path, F_OK) == 0;

  free(path);
  return there;
}

static bool is_run(const char *path)
{
  return is_dir(path) && (has(path, "out") || has(path, "run.db"));
}

/* The latest run in a directory of runs. \return malloc'd; NULL. */
static char *latest_in(const char *runs)
{
  char *name = NULL, *path = NULL;

  if (is_dir(runs) && highest_in(runs, &name) > 0 && name)
    path = amz_path_join(runs, name);
  free(name);
  if (path && !is_run(path)) {
    free(path);
    path = NULL;
  }
  return path;
}

static int is_runs_dir(const struct dirent *e)
{
  size_t n = strlen(e->d_name), k = strlen(RUNS_SUFFIX);

  return n > k && strcmp(e->d_name + n - k, RUNS_SUFFIX) == 0;
}

/* What there is, for somebody who asked for what there isn't. */
static int tell_runs(const char *run, struct amz_error *err)
{
  struct amz_buf list = AMZ_BUF_INIT;
  struct dirent **names = NULL;
  int n = scandir(".", &names, is_runs_dir, alphasort), shown = 0, more = 0;

  for (int i = 0; i < n; i++) {
    char *path = latest_in(names[i]->d_name);

    if (path && shown < RUNS_SHOWN)
      amz_buf_addf(&list, "%s%s", shown++ ? ", " : "", path);
    else if (path)
      more++;
    free(path);
    free(names[i]);
  }
  free(names);
  if (more)
    amz_buf_addf(&list, " and %d more", more);
  if (shown == 0)
    (void)amz_error_set(err, AMZ_ENOENT, "no run of '%.300s' here, nor of any other job", run);
  else
    (void)amz_error_set(err, AMZ_ENOENT, "no run of '%.300s' here; runs: %s", run, amz_buf_text(&list));
  amz_buf_clear(&list);
  return AMZ_ENOENT;
}

int amz_rundir_find(const char *run, struct amz_error *err, char **ret_path)
{
  struct amz_buf given = AMZ_BUF_INIT;
  char *found = NULL;

  amz_buf_adds(&given, run);
  while (!given.failed && given.len > 1 && given.data[given.len - 1] == '/')
    given.data[--given.len] = '\0';
  if (amz_buf_ok(&given) < 0 || given.len == 0) {
    amz_buf_clear(&given);
    return tell_runs(run, err);
  }
  found = is_run(given.data) ? amz_strndup(given.data, given.len) : latest_in(given.data);
  amz_buf_adds(&given, RUNS_SUFFIX);
  if (!found && amz_buf_ok(&given) == AMZ_OK)
    found = latest_in(given.data);
  amz_buf_clear(&given);
  if (!found)
    return tell_runs(run, err);
  *ret_path = found;
  return AMZ_OK;
}

/* ---- files in it --------------------------------------------------------------------------------------------------------- */

static int write_aside(const char *path, const void *bytes, size_t n, bool durable)
{
  int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
  int rc = -1, saved;

  if (fd < 0)
    return -1;
  if (amz_write_all(fd, bytes, n) == 0 && (!durable || fsync(fd) == 0))
    rc = 0;
  saved = errno;
  if (close(fd) < 0 && rc == 0) {
    rc = -1; /* quotas on network file systems are told here */
    saved = errno;
  }
  errno = saved;
  return rc;
}

int amz_rundir_write(const char *dir, const char *name, const void *bytes, size_t n, bool durable, struct amz_error *err)
{
  struct amz_buf file = AMZ_BUF_INIT;
  char *aside = NULL, *path = amz_path_join(dir, name);
  int rc = AMZ_OK;

  amz_buf_addf(&file, ".%s.%ld", name, (long)getpid());
  if (amz_buf_ok(&file) == AMZ_OK)
    aside = amz_path_join(dir, file.data);
  amz_buf_clear(&file);
  if (!aside || !path) {
    rc = no_memory(err);
  } else if (write_aside(aside, bytes, n, durable) < 0 || rename(aside, path) < 0 || (durable && amz_sync_dir(dir) < 0)) {
    rc = amz_error_sys(err, AMZ_EIO, errno, "%s: cannot be written", path);
    (void)unlink(aside);
  }
  free(aside);
  free(path);
  return rc;
}

int amz_rundir_pack_path(const char *dir, uint32_t rank, uint32_t epoch, char **ret_path)
{
  char name[64], *path;

  (void)snprintf(name, sizeof name, "out/r%05u-e%04u.pack", rank, epoch);
  path = amz_path_join(dir, name);
  if (!path)
    return AMZ_ENOMEM;
  *ret_path = path;
  return AMZ_OK;
}
