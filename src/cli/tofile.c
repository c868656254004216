/* A text to a file that the user has named. It is there as a whole or not at all, and what was there before stays until then: a
 * plan that was edited by hand isn't lost to a full disk, and no half of a batch script is left to be submitted. */
#define _GNU_SOURCE
#include "tofile.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <amorsize/buf.h>

#include "../store/path.h"

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

/* `old`: the file that is there, whose mode stays; NULL: none is. */
static int replace(const char *path, const struct stat *old, const void *bytes, size_t n)
{
  struct amz_buf aside = AMZ_BUF_INIT;
  int fd = -1, rc = 0;

  amz_buf_addf(&aside, "%s.%ld", path, (long)getpid());
  if (amz_buf_ok(&aside) < 0)
    return ENOMEM;
  fd = open(aside.data, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
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
