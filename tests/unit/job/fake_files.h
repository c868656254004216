/* A world of one file, for sources under test: its name, its bytes, and what matches the pattern "*". */
#ifndef AMZ_TESTS_FAKE_FILES_H
#define AMZ_TESTS_FAKE_FILES_H

#include <string.h>

#include <amorsize/files.h>

struct fake_file {
  const char *path;
  const char *bytes;
  size_t n;
};

static int fake_read(void *ctx, const char *path, uint64_t max_bytes, struct amz_buf *ret, struct amz_error *err)
{
  const struct fake_file *f = ctx;

  if (strcmp(path, f->path) != 0)
    return amz_error_set(err, AMZ_ENOENT, "no file %s", path);
  if (f->n > max_bytes)
    return amz_error_set(err, AMZ_ERANGE, "%s is too large", path);
  amz_buf_add(ret, f->bytes, f->n);
  return amz_buf_ok(ret);
}

static int fake_glob(void *ctx, const char *pattern, struct amz_buf *ret, struct amz_error *err)
{
  const struct fake_file *f = ctx;

  if (strcmp(pattern, "[") == 0)
    return amz_error_set(err, AMZ_EINVAL, "bad pattern");
  amz_buf_add(ret, f->bytes, f->n);
  return amz_buf_ok(ret);
}

static int fake_size(void *ctx, const char *path, uint64_t *ret_bytes, struct amz_error *err)
{
  const struct fake_file *f = ctx;

  if (strcmp(path, f->path) != 0)
    return amz_error_set(err, AMZ_ENOENT, "no file %s", path);
  *ret_bytes = f->n;
  return AMZ_OK;
}

static struct amz_files fake_files(struct fake_file *f)
{
  return (struct amz_files){f, fake_read, fake_glob, fake_size};
}

#endif
