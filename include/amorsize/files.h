/* What the job room may ask of the world, injected by its caller.
 *
 * The real one (src/run/files.c) reads disks; its recorder keeps every answer, and the replayer gives the same answers again, so
 * that a resumed run sees the task list that the run began with, whatever has happened to the files since. Tests inject their
 * own. */
#ifndef AMORSIZE_FILES_H
#define AMORSIZE_FILES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <amorsize/buf.h>
#include <amorsize/error.h>

struct amz_files {
  void *ctx;
  /* Appends the whole content of the file at path ("-": standard input) to *ret.
   * \return AMZ_OK; AMZ_ENOENT, AMZ_EIO with *err; AMZ_ERANGE: larger than max_bytes. */
  int (*read)(void *ctx, const char *path, uint64_t max_bytes, struct amz_buf *ret, struct amz_error *err);
  /* Appends the paths that match a shell pattern (`*`, `?`, `[]`, and `**` for any number of directories; a leading dot must be
   * written), each followed by a NUL, sorted bytewise. None matching is AMZ_OK with nothing appended.
   * \return AMZ_OK; AMZ_EIO; AMZ_EINVAL: malformed pattern. */
  int (*glob)(void *ctx, const char *pattern, struct amz_buf *ret, struct amz_error *err);
  /* \return AMZ_OK with the file's size; AMZ_ENOENT; AMZ_EIO. */
  int (*size)(void *ctx, const char *path, uint64_t *ret_bytes, struct amz_error *err);
};

#endif
