/* A text to a file that the user has named. It is there as a whole or not at all, and what was there before stays until then: a
 * plan that was edited by hand isn't lost to a full disk, and no half of a batch script is left to be submitted. */
#define _GNU_SOURCE
#include "tofile.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <amorsize/buf.h>

#include "../store/path.h"

#define ASIDE_TRIES 100

/* Closes fd. \return 0, or errno. */
static int fill(int fd, const void *bytes, size_t n)
{
  int rc = amz_write_all(fd, bytes, n) < 0 ? errno : 0;

  if (close(fd) < 0 && rc == 0)
    rc = errno;
  return rc;
}

static int write_in_place(const char *path, const void *bytes, size_t n)
{
  int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);

  return fd < 0 ? errno : fill(fd, bytes, n);
}

/* Opens a file beside `path`, as umask has it, and tells its name. It has nothing of the file's own name, which may be as long as
 * names can be; a killed process, perhaps of another host or container, may have left one under the same number. */
static int open_aside(const char *path, struct amz_buf *ret_name)
{
  const char *slash = strrchr(path, '/');
  int fd = -1;

  for (unsigned i = 0; fd < 0 && i < ASIDE_TRIES; i++) {
    amz_buf_reset(ret_name);
    amz_buf_add(ret_name, path, slash ? (size_t)(slash + 1 - path) : 0);
    amz_buf_addf(ret_name, ".amorsize-mpi-%ld-%u", (long)getpid(), i);
    if (amz_buf_ok(ret_name) < 0) {
      errno = ENOMEM;
      return -1;
    }
    fd = open(ret_name->data, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    if (fd < 0 && errno != EEXIST)
      return -1;
  }
  return fd;
}

/* `old`: the file that is there, whose mode stays; NULL: none is. */
static int replace(const char *path, const struct stat *old, const void *bytes, size_t n)
{
  struct amz_buf aside = AMZ_BUF_INIT;
  int fd = open_aside(path, &aside), rc;

  if (fd < 0) { /* the file may be writable where its folder isn't */
    rc = old ? write_in_place(path, bytes, n) : errno;
    amz_buf_clear(&aside);
    return rc;
  }
  if (old)
    (void)fchmod(fd, old->st_mode & 07777);
  rc = fill(fd, bytes, n);
  if (rc == 0 && rename(aside.data, path) < 0)
    rc = errno;
  if (rc != 0)
    (void)unlink(aside.data);
  amz_buf_clear(&aside);
  return rc;
}

int cli_write_file(const char *path, const void *bytes, size_t n)
{
  char target[PATH_MAX];
  struct stat old;

  if (lstat(path, &old) < 0)
    return errno == ENOENT ? replace(path, NULL, bytes, n) : errno;
  if (S_ISLNK(old.st_mode)) {
    if (!realpath(path, target) || stat(target, &old) < 0)
      return write_in_place(path, bytes, n);
    path = target;
  }
  if (!S_ISREG(old.st_mode) || old.st_nlink > 1 || old.st_uid != geteuid()) /* a device, or a file that others would miss */
    return write_in_place(path, bytes, n);
  return replace(path, &old, bytes, n);
}
