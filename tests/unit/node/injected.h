/* A small world for tests: variables and files from tables ended by {NULL, NULL}. */
#ifndef AMZ_TESTS_NODE_INJECTED_H
#define AMZ_TESTS_NODE_INJECTED_H

#include <string.h>

#include <amorsize/allocation.h>

struct pair {
  const char *name, *text;
};

static inline const char *find_pair(const struct pair *pairs, const char *name)
{
  for (; pairs && pairs->name; pairs++)
    if (strcmp(pairs->name, name) == 0)
      return pairs->text;
  return NULL;
}

static inline const char *injected_get(void *ctx, const char *name)
{
  return find_pair(ctx, name);
}

static inline int injected_read(void *ctx, const char *path, uint64_t max_bytes, struct amz_buf *ret, struct amz_error *err)
{
  const char *text = find_pair(ctx, path);

  if (!text)
    return amz_error_set(err, AMZ_ENOENT, "%s: there is no such file", path);
  if (strlen(text) > max_bytes)
    return AMZ_ERANGE;
  amz_buf_adds(ret, text);
  return amz_buf_ok(ret);
}

static inline int injected_size(void *ctx, const char *path, uint64_t *ret_bytes, struct amz_error *err)
{
  const char *text = find_pair(ctx, path);

  if (!text)
    return amz_error_set(err, AMZ_ENOENT, "%s: there is no such file", path);
  *ret_bytes = strlen(text);
  return AMZ_OK;
}

/* The tables must outlive what is made here; they are not written to. */
static inline struct amz_environment injected_environment(const struct pair *variables)
{
  return (struct amz_environment){(void *)(uintptr_t)variables, injected_get};
}

static inline struct amz_files injected_files(const struct pair *files)
{
  return (struct amz_files){.ctx = (void *)(uintptr_t)files, .read = injected_read, .size = injected_size};
}

#endif
