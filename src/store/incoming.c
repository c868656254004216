/* Packs that arrive from other nodes: written aside, checked, made durable, and only then seen under their names. */
#define _GNU_SOURCE
#include <amorsize/nodedir.h>

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include "pack_private.h"
#include "path.h"

#define ASIDE ".arriving" /* no pack's name */

uint32_t amz_incoming_sum(const void *bytes, size_t n)
{
  return (uint32_t)crc32_z(0, bytes, n);
}

int amz_pack_name(const char *file, uint32_t *ret_rank, uint32_t *ret_epoch)
{
  int used = 0;

  return sscanf(file, "r%9" SCNu32 "-e%9" SCNu32 ".pack%n", ret_rank, ret_epoch, &used) == 2 && used > 0 && file[used] == '\0';
}

static void release(struct amz_incoming *in)
{
  if (in->fd >= 0)
    (void)close(in->fd);
  free(in->aside);
  free(in->path);
  free(in->out);
  *in = (struct amz_incoming){.fd = -1};
}

void amz_incoming_drop(struct amz_incoming *in)
{
  if (in->aside)
    (void)unlink(in->aside);
  release(in);
}

int amz_incoming_begin(struct amz_incoming *in, const char *run_dir, const char *name, uint64_t size, struct amz_error *err)
{
  uint32_t rank, epoch;
  struct stat st;

  *in = (struct amz_incoming){.fd = -1, .size = size};
  if (!amz_pack_name(name, &rank, &epoch))
    return amz_error_set(err, AMZ_EINVAL, "no name of a pack");
  in->out = amz_path_join(run_dir, "out");
  in->path = in->out ? amz_path_join(in->out, name) : NULL;
  in->aside = in->out ? amz_path_join(in->out, ASIDE) : NULL;
  if (!in->path || !in->aside) {
    release(in);
    return amz_error_set(err, AMZ_ENOMEM, "out of memory");
  }
  if (stat(in->path, &st) == 0 && st.st_size >= 0 && (uint64_t)st.st_size >= size) {
    release(in);
    return AMZ_ENOENT;
  }
  in->fd = open(in->aside, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0666);
  if (in->fd >= 0)
    return AMZ_OK;
  (void)amz_error_sys(err, AMZ_EIO, errno, "%s: cannot be made", in->aside);
  release(in);
  return AMZ_EIO;
}

int amz_incoming_add(struct amz_incoming *in, const void *bytes, size_t n, struct amz_error *err)
{
  if (n > in->size - in->have)
    return amz_error_set(err, AMZ_ERANGE, "%s: more arrives than was announced", in->path);
  if (amz_write_all(in->fd, bytes, n) < 0)
    return amz_error_sys(err, AMZ_EIO, errno, "%s: cannot be written", in->aside);
  in->have += n;
  return AMZ_OK;
}

static int is_that_pack(const struct amz_incoming *in, struct amz_error *err)
{
  struct amz_pack_reader *pack = NULL;
  const char *name = strrchr(in->path, '/') + 1; /* joined from a directory and a name */
  uint32_t rank = 0, epoch = 0;
  int rc;

  if (in->have < in->size)
    return amz_error_set(err, AMZ_ECORRUPT, "%s: only %" PRIu64 " of %" PRIu64 " bytes have arrived", in->path, in->have,
                         in->size);
  (void)amz_pack_name(name, &rank, &epoch);
  rc = amz_pack_open_named(in->aside, rank, epoch, err, &pack);
  amz_pack_reader_free(pack);
  return rc;
}

int amz_incoming_finish(struct amz_incoming *in, struct amz_error *err)
{
  int rc = is_that_pack(in, err), fd = in->fd;

  if (rc == AMZ_OK && fsync(fd) < 0)
    rc = amz_error_sys(err, AMZ_EIO, errno, "%s: cannot be made durable", in->aside);
  in->fd = -1;
  if (close(fd) < 0 && rc == AMZ_OK) /* quotas on network file systems are told here */
    rc = amz_error_sys(err, AMZ_EIO, errno, "%s: cannot be written", in->aside);
  if (rc == AMZ_OK && (rename(in->aside, in->path) < 0 || amz_sync_dir(in->out) < 0))
    rc = amz_error_sys(err, AMZ_EIO, errno, "%s: cannot be put in place", in->path);
  if (rc < 0)
    amz_incoming_drop(in);
  else
    release(in);
  return rc;
}
