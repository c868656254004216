/* Files that appear whole, in a folder that many may use at once and that may be gone at any time. */
#include "folder.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <amorsize/alloc.h>

#include "../store/path.h"

#define ASIDE ".new-"
#define NAMES_MAX 100000 /* more would be no cache of ours */
#define DAY_S 86400

static int read_all(int fd, size_t max, struct amz_buf *ret)
{
  char chunk[65536];
  size_t begin = ret->len;
  ssize_t n;

  while ((n = read(fd, chunk, sizeof chunk)) != 0) {
    if (n < 0 && errno == EINTR)
      continue;
    if (n < 0)
      return AMZ_EIO;
    if ((size_t)n > max - (ret->len - begin))
      return AMZ_ERANGE;
    amz_buf_add(ret, chunk, (size_t)n);
  }
  return amz_buf_ok(ret);
}

int amz_folder_read(const char *path, size_t max, struct amz_buf *ret, struct amz_error *err)
{
  int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY), rc;
  struct stat st;

  if (fd < 0)
    return errno == ENOENT || errno == ENOTDIR ? AMZ_ENOENT : amz_error_sys(err, AMZ_EIO, errno, "%s: cannot be read", path);
  if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode))
    rc = read_all(fd, max, ret);
  else
    rc = AMZ_ENOENT; /* none of ours */
  if (rc == AMZ_EIO && errno == ESTALE) /* a network file system: replaced while we read */
    rc = AMZ_ENOENT;
  else if (rc == AMZ_EIO)
    (void)amz_error_sys(err, rc, errno, "%s: cannot be read", path);
  (void)close(fd);
  return rc;
}

/* \return 0 or an errno. What is there is there, also where nothing can be made. */
static int make_one(const char *path)
{
  int rc = mkdir(path, 0700) == 0 || errno == EEXIST ? 0 : errno;

  return rc == EROFS && access(path, F_OK) == 0 ? 0 : rc;
}

int amz_folder_make(const char *dir, struct amz_error *err)
{
  char *path = amz_strndup(dir, strlen(dir));
  int rc = AMZ_OK;

  if (!path)
    return amz_error_set(err, AMZ_ENOMEM, "out of memory");
  for (char *at = path + 1; rc == AMZ_OK; at++) {
    char was = *at;
    int why;

    if (was != '/' && was != '\0')
      continue;
    *at = '\0';
    if ((why = make_one(path)) != 0)
      rc = amz_error_sys(err, AMZ_EIO, why, "%s: cannot be made", path);
    *at = was;
    if (was == '\0')
      break;
  }
  free(path);
  return rc;
}

static int write_aside(int fd, const void *bytes, size_t n)
{
  int rc = amz_write_all(fd, bytes, n), saved = errno;

  if (close(fd) < 0 && rc == 0) { /* quotas on network file systems are told here */
    rc = -1;
    saved = errno;
  }
  errno = saved;
  return rc;
}

/* Not synced: what a crash of the machine cuts off is seen as damaged, and measured again. */
int amz_folder_write(const char *dir, const char *name, const void *bytes, size_t n, struct amz_error *err)
{
  char *aside = amz_path_join(dir, ASIDE "XXXXXX"), *path = amz_path_join(dir, name);
  int rc = AMZ_OK, fd = -1;

  if (!aside || !path)
    rc = amz_error_set(err, AMZ_ENOMEM, "out of memory");
  else if ((fd = mkostemp(aside, O_CLOEXEC)) < 0)
    rc = amz_error_sys(err, AMZ_EIO, errno, "%s: cannot be written", dir);
  else if (write_aside(fd, bytes, n) < 0 || rename(aside, path) < 0) {
    rc = amz_error_sys(err, AMZ_EIO, errno, "%s: cannot be written", path);
    (void)unlink(aside);
  }
  free(aside);
  free(path);
  return rc;
}

static int by_name(const void *a, const void *b)
{
  return strcmp(*(char *const *)a, *(char *const *)b);
}

static void free_names(char **names, size_t n)
{
  for (size_t i = 0; i < n; i++)
    free(names[i]);
  free(names);
}

/* \return AMZ_OK; AMZ_EIO with errno; AMZ_ENOMEM. */
static int gather(DIR *d, int (*keep)(const char *name), char ***ret, size_t *ret_n)
{
  size_t cap = 0;
  int rc = AMZ_OK;

  for (;;) {
    const struct dirent *e;

    errno = 0;
    e = readdir(d);
    if (!e || *ret_n >= NAMES_MAX)
      return e || errno == 0 ? AMZ_OK : AMZ_EIO;
    if (!keep(e->d_name))
      continue;
    rc = amz_grow((void **)ret, &cap, *ret_n + 1, sizeof **ret);
    if (rc < 0 || !((*ret)[*ret_n] = amz_strndup(e->d_name, strlen(e->d_name))))
      return AMZ_ENOMEM;
    ++*ret_n;
  }
}

int amz_folder_names(const char *dir, int (*keep)(const char *name), struct amz_buf *ret, struct amz_error *err)
{
  DIR *d = opendir(dir);
  char **names = NULL;
  size_t n = 0;
  int rc;

  if (!d)
    return errno == ENOENT || errno == ENOTDIR ? AMZ_OK : amz_error_sys(err, AMZ_EIO, errno, "%s: cannot be read", dir);
  rc = gather(d, keep, &names, &n);
  if (rc == AMZ_EIO)
    (void)amz_error_sys(err, rc, errno, "%s: cannot be read", dir);
  (void)closedir(d);
  if (n)
    qsort(names, n, sizeof *names, by_name);
  for (size_t i = 0; i < n; i++)
    amz_buf_add(ret, names[i], strlen(names[i]) + 1);
  free_names(names, n);
  return rc < 0 ? rc : amz_buf_ok(ret);
}

static int is_aside(const char *name)
{
  return strncmp(name, ASIDE, strlen(ASIDE)) == 0;
}

void amz_folder_sweep(const char *dir, int64_t now_s)
{
  struct amz_buf names = AMZ_BUF_INIT;
  struct stat st;

  if (amz_folder_names(dir, is_aside, &names, NULL) == AMZ_OK)
    for (size_t at = 0; at < names.len; at += strlen(names.data + at) + 1) {
      char *path = amz_path_join(dir, names.data + at);

      if (path && lstat(path, &st) == 0 && (int64_t)st.st_mtime < now_s - DAY_S)
        (void)unlink(path);
      free(path);
    }
  amz_buf_clear(&names);
}
