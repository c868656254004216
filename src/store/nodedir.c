/* Directories of a node's own: made and entered with distrust, as their parents may be everybody's. */
#define _GNU_SOURCE
#include <amorsize/nodedir.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include <amorsize/alloc.h>
#include <amorsize/buf.h>

#include "path.h"

#define FORBIDDEN (S_IRWXG | S_IRWXO)

static int no_memory(struct amz_error *err)
{
  return amz_error_set(err, AMZ_ENOMEM, "out of memory");
}

int amz_nodedir_key(char ret[AMZ_NODEDIR_KEY], struct amz_error *err)
{
  unsigned char bytes[16];

  if (getrandom(bytes, sizeof bytes, 0) != (ssize_t)sizeof bytes)
    return amz_error_sys(err, AMZ_EENV, errno, "cannot name a directory: no random numbers");
  for (size_t i = 0; i < sizeof bytes; i++)
    (void)snprintf(ret + 2 * i, 3, "%02x", bytes[i]);
  return AMZ_OK;
}

int amz_nodedir_path(const char *base, const char *key, char **ret)
{
  struct amz_buf name = AMZ_BUF_INIT;

  amz_buf_addf(&name, "amorsize-mpi-%s", key);
  *ret = amz_buf_ok(&name) == AMZ_OK ? amz_path_join(base, name.data) : NULL;
  amz_buf_clear(&name);
  return *ret ? AMZ_OK : AMZ_ENOMEM;
}

/* Who may write there could put something else in our directory's place, unless it is sticky. */
static int check_base(const char *path, struct amz_error *err)
{
  char *copy = amz_strndup(path, strlen(path));
  struct stat st;
  int rc = AMZ_OK;

  if (!copy)
    return no_memory(err);
  if (stat(dirname(copy), &st) < 0)
    rc = amz_error_sys(err, AMZ_EENV, errno, "outputs are to be gathered from %s", path);
  else if ((st.st_mode & S_IWOTH) && !(st.st_mode & S_ISVTX))
    rc = amz_error_set(err, AMZ_EENV, "outputs can't be kept in %s: anybody could replace it, for everybody may write to the "
                                      "directory around it; "
                       "choose another by stage.scratch or TMPDIR", path);
  free(copy);
  return rc;
}

/* \return a descriptor; AMZ_ENOENT; AMZ_EENV: it isn't what we would have made. */
static int enter(const char *path, struct amz_error *err)
{
  int fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  struct stat st;

  if (fd < 0 && errno == ENOENT)
    return amz_error_set(err, AMZ_ENOENT, "%s: not there", path);
  if (fd < 0)
    return amz_error_sys(err, AMZ_EENV, errno, "%s: cannot be entered", path);
  if (fstat(fd, &st) == 0 && st.st_uid == geteuid() && !(st.st_mode & FORBIDDEN))
    return fd;
  (void)close(fd);
  return amz_error_set(err, AMZ_EENV, "%s is somebody else's, or open to others: it won't be used", path);
}

int amz_nodedir_make(const char *path, struct amz_error *err)
{
  int rc = check_base(path, err), fd;

  if (rc < 0)
    return rc;
  if (mkdir(path, S_IRWXU) < 0 && errno != EEXIST)
    return amz_error_sys(err, AMZ_EENV, errno, "cannot make %s for outputs that are to be gathered", path);
  fd = enter(path, err);
  if (fd < 0)
    return fd == AMZ_ENOENT ? AMZ_EENV : fd;
  if (mkdirat(fd, "out", S_IRWXU) < 0 && errno != EEXIST)
    rc = amz_error_sys(err, AMZ_EENV, errno, "cannot make %s/out", path);
  (void)close(fd);
  return rc;
}

int amz_nodedir_open(const char *path, struct amz_error *err, int *ret_fd)
{
  int fd = enter(path, err), out;

  if (fd < 0)
    return fd;
  out = openat(fd, "out", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  if (out < 0 && errno == ENOENT)
    (void)amz_error_set(err, AMZ_ENOENT, "%s/out: not there", path);
  else if (out < 0)
    (void)amz_error_sys(err, AMZ_EENV, errno, "%s/out: cannot be entered", path);
  (void)close(fd);
  if (out < 0)
    return err->code;
  *ret_fd = out;
  return AMZ_OK;
}

int amz_nodedir_work(const char *path, struct amz_error *err, char **ret)
{
  int fd = enter(path, err), rc = AMZ_OK;

  if (fd < 0)
    return AMZ_EENV;
  *ret = amz_path_join(path, "work");
  if (!*ret)
    rc = no_memory(err);
  else if (mkdirat(fd, "work", S_IRWXU) < 0 && errno != EEXIST)
    rc = amz_error_sys(err, AMZ_EENV, errno, "cannot make %s", *ret);
  (void)close(fd);
  if (rc < 0) {
    free(*ret);
    *ret = NULL;
  }
  return rc;
}

/* What a rank that was killed couldn't remove any more: the log of a plug-in that has printed nothing. */
static bool is_empty_log(int out_fd, const char *name)
{
  const char *end = strrchr(name, '.');
  struct stat st;

  return strncmp(name, "plugin-", 7) == 0 && end && strcmp(end, ".log") == 0 &&
      fstatat(out_fd, name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
         S_ISREG(st.st_mode) && st.st_size == 0;
}

static void remove_empty_logs(int fd)
{
  int out_fd = openat(fd, "out", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  DIR *dir = out_fd >= 0 ? fdopendir(out_fd) : NULL;
  struct dirent *e;

  while (dir && (e = readdir(dir)))
    if (is_empty_log(out_fd, e->d_name))
      (void)unlinkat(out_fd, e->d_name, 0);
  if (dir)
    (void)closedir(dir);
  else if (out_fd >= 0)
    (void)close(out_fd);
}

void amz_nodedir_remove(const char *path)
{
  struct amz_error ignored;
  int fd = enter(path, &ignored);

  if (fd < 0)
    return;
  remove_empty_logs(fd);
  (void)unlinkat(fd, "out", AT_REMOVEDIR); /* fails when packs are left, or tasks have left files in work */
  (void)unlinkat(fd, "work", AT_REMOVEDIR);
  (void)close(fd);
  (void)rmdir(path);
}
