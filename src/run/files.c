/* The disk behind struct amz_files: whole files, their sizes, and (files_glob.c) patterns. Standard input can be read once
 * only, so its text is kept. */
#include "files.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "files_glob.h"

#define READ_BYTES ((size_t)1 << 20)

struct amz_disk {
  bool stdin_read;
  struct amz_buf stdin_text;
};

static const char *shown_path(const char *path)
{
  return strcmp(path, "-") == 0 ? "standard input" : path;
}

static int too_large(const char *path, uint64_t max_bytes, struct amz_error *err)
{
  return amz_error_set(err, AMZ_ERANGE, "%.400s is larger than %" PRIu64 " bytes", shown_path(path), max_bytes);
}

static void wait_readable(int fd)
{
  struct pollfd p = {fd, POLLIN, 0};

  (void)poll(&p, 1, -1); /* whatever comes of it, read will tell */
}

/* Reads at most n bytes to the end of *text. \return how many; 0 at the end of the file; -1 with errno (ENOMEM too). */
static ssize_t read_some(int fd, size_t n, struct amz_buf *text)
{
  size_t before = text->len;
  char *space = amz_buf_add_space(text, n);
  ssize_t got;

  if (!space) {
    errno = ENOMEM;
    return -1;
  }
  while ((got = read(fd, space, n)) < 0 && (errno == EINTR || errno == EAGAIN))
    if (errno == EAGAIN)
      wait_readable(fd);
  text->len = before + (got > 0 ? (size_t)got : 0);
  text->data[text->len] = '\0';
  return got;
}

/* How much to ask for first: a regular file in one go, and one byte more to see its end. */
static size_t first_read(int fd, uint64_t max_bytes)
{
  struct stat st;

  if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) || st.st_size <= 0 || (uint64_t)st.st_size > max_bytes)
    return READ_BYTES;
  return (size_t)st.st_size + 1;
}

/* Appends all that fd has. \return AMZ_OK; AMZ_EIO, AMZ_ENOMEM, AMZ_ERANGE; *text is then as it was. */
static int read_all(int fd, const char *path, uint64_t max_bytes, struct amz_buf *text, struct amz_error *err)
{
  size_t before = text->len, n = first_read(fd, max_bytes);
  ssize_t got;
  int rc;

  while ((got = read_some(fd, n, text)) > 0 && text->len - before <= max_bytes)
    n = n > (size_t)got && n - (size_t)got < READ_BYTES ? n - (size_t)got : READ_BYTES;
  if (got == 0)
    return AMZ_OK;
  if (got > 0)
    rc = too_large(path, max_bytes, err);
  else
    rc = amz_error_sys(err, errno == ENOMEM ? AMZ_ENOMEM : AMZ_EIO, errno, "cannot read %.400s", shown_path(path));
  text->failed = false;
  text->len = before;
  if (text->data)
    text->data[before] = '\0';
  return rc;
}

static int read_stdin(struct amz_disk *disk, uint64_t max_bytes, struct amz_buf *ret, struct amz_error *err)
{
  int rc;

  if (!disk->stdin_read) {
    if ((rc = read_all(STDIN_FILENO, "-", max_bytes, &disk->stdin_text, err)) < 0)
      return rc;
    disk->stdin_read = true;
  }
  if (disk->stdin_text.len > max_bytes)
    return too_large("-", max_bytes, err);
  amz_buf_add(ret, disk->stdin_text.data, disk->stdin_text.len);
  return amz_buf_ok(ret) < 0 ? amz_error_set(err, AMZ_ENOMEM, "out of memory for standard input") : AMZ_OK;
}

static int disk_read(void *ctx, const char *path, uint64_t max_bytes, struct amz_buf *ret, struct amz_error *err)
{
  int fd, rc;

  if (strcmp(path, "-") == 0)
    return read_stdin(ctx, max_bytes, ret, err);
  while ((fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY)) < 0 && errno == EINTR)
    continue;
  if (fd < 0)
    return amz_error_sys(err, errno == ENOENT ? AMZ_ENOENT : AMZ_EIO, errno, "cannot open %.400s", path);
  rc = read_all(fd, path, max_bytes, ret, err);
  (void)close(fd); /* nothing was written: no news to miss */
  return rc;
}

static int disk_glob(void *ctx, const char *pattern, struct amz_buf *ret, struct amz_error *err)
{
  (void)ctx;
  return amz_disk_glob(pattern, ret, err);
}

static int disk_size(void *ctx, const char *path, uint64_t *ret_bytes, struct amz_error *err)
{
  struct stat st;

  (void)ctx;
  if (stat(path, &st) < 0)
    return amz_error_sys(err, errno == ENOENT || errno == ENOTDIR ? AMZ_ENOENT : AMZ_EIO, errno, "cannot look at %.400s", path);
  *ret_bytes = (uint64_t)st.st_size;
  return AMZ_OK;
}

int amz_disk_new(struct amz_disk **ret)
{
  struct amz_disk *disk = calloc(1, sizeof *disk);

  if (!disk)
    return AMZ_ENOMEM;
  *ret = disk;
  return AMZ_OK;
}

void amz_disk_free(struct amz_disk *disk)
{
  if (!disk)
    return;
  amz_buf_clear(&disk->stdin_text);
  free(disk);
}

struct amz_files amz_disk_files(struct amz_disk *disk)
{
  return (struct amz_files){disk, disk_read, disk_glob, disk_size};
}

int amz_disk_read_file(const char *path, uint64_t most, struct amz_buf *ret, struct amz_error *err)
{
  struct amz_disk disk = {.stdin_text = AMZ_BUF_INIT};
  int rc = disk_read(&disk, path, most, ret, err);

  amz_buf_clear(&disk.stdin_text);
  return rc;
}
