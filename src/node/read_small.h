/* Reading a small file whole, such as those that the kernel makes up in /proc: for all rooms below, and for processes that are to
 * stay as small as the spawn helper, so that it is here and in no library. */
#ifndef AMZ_NODE_READ_SMALL_H
#define AMZ_NODE_READ_SMALL_H

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <sys/types.h>
#include <unistd.h>

/* Up to n-1 bytes of a file, NUL-terminated. \return how many; -1 with errno, `text` is empty, or holds what came before it. */
static inline ssize_t amz_read_small(const char *path, char *text, size_t n)
{
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  size_t have = 0;
  ssize_t got = 1;
  int saved;

  text[0] = '\0';
  if (fd < 0)
    return -1;
  while (have < n - 1 && got != 0) {
    got = read(fd, text + have, n - 1 - have);
    if (got < 0 && errno != EINTR)
      break;
    have += got > 0 ? (size_t)got : 0;
  }
  text[have] = '\0';
  saved = errno;
  (void)close(fd);
  errno = saved;
  return got < 0 ? -1 : (ssize_t)have;
}

#endif
