/* Small helpers around files. */
#include "path.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include <amorsize/buf.h>

char *amz_path_join(const char *dir, const char *name)
{
  struct amz_buf b = AMZ_BUF_INIT;

  if (*dir && strcmp(dir, ".") != 0)
    amz_buf_addf(&b, "%s%s", dir, dir[strlen(dir) - 1] == '/' ? "" : "/");
  amz_buf_adds(&b, name);
  return amz_buf_detach(&b);
}

int amz_write_all(int fd, const void *bytes, size_t n)
{
  const char *at = bytes;

  while (n > 0) {
    ssize_t done = write(fd, at, n);

    if (done < 0 && errno == EINTR)
      continue;
    if (done <= 0) {
      if (done == 0)
        errno = ENOSPC;
      return -1;
    }
    at += done;
    n -= (size_t)done;
  }
  return 0;
}

int amz_sync_dir(const char *dir)
{
  int fd = open(*dir ? dir : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  int rc, saved;

  if (fd < 0)
    return -1;
  rc = fsync(fd);
  saved = errno;
  (void)close(fd);
  errno = saved;
  return rc < 0 && errno != EINVAL && errno != ENOTSUP ? -1 : 0; /* some network file systems sync no directories */
}
