/* Reading small files below a root. What can't be read is as good as not there: somebody else is asked then. */
#include "tree.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <amorsize/units.h>

#include "allocation_private.h"

#define READ_BYTES ((size_t)1 << 16)

static bool full_path(const struct amz_tree *tree, const char *path, char *ret, size_t n)
{
  int len = snprintf(ret, n, "%s%s", tree->root, path);

  return len > 0 && (size_t)len < n;
}

static ssize_t read_once(int fd, char *to, size_t n)
{
  ssize_t got;

  while ((got = read(fd, to, n)) < 0 && errno == EINTR)
    continue;
  return got;
}

/* Appends until the end, max_bytes or an error; an error counts as one only when nothing came before it. \return 0, an errno, or
 * ENOMEM. */
static int read_some(int fd, size_t max_bytes, struct amz_buf *ret)
{
  size_t before = ret->len;
  ssize_t got = 1;

  while (got > 0 && ret->len - before < max_bytes) {
    size_t left = max_bytes - (ret->len - before), n = left < READ_BYTES ? left : READ_BYTES, at = ret->len;
    char *space = amz_buf_add_space(ret, n);

    if (!space)
      return ENOMEM;
    got = read_once(fd, space, n);
    ret->len = at + (got > 0 ? (size_t)got : 0);
    ret->data[ret->len] = '\0';
  }
  return got < 0 && ret->len == before ? errno : 0;
}

/* \return 0 or an errno. */
static int read_file(const struct amz_tree *tree, const char *path, size_t max_bytes, struct amz_buf *ret)
{
  char full[PATH_MAX];
  int fd, rc;

  if (!full_path(tree, path, full, sizeof full))
    return ENOENT;
  while ((fd = open(full, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK)) < 0 && errno == EINTR)
    continue;
  if (fd < 0)
    return errno;
  rc = read_some(fd, max_bytes, ret);
  (void)close(fd); /* nothing was written: no news to miss */
  return rc;
}

int amz_tree_read(const struct amz_tree *tree, const char *path, size_t max_bytes, struct amz_buf *ret)
{
  int rc = read_file(tree, path, max_bytes, ret);

  return rc == 0 ? AMZ_OK : rc == ENOMEM ? AMZ_ENOMEM : AMZ_ENOENT;
}

/* A byte of none is none of a number: it is made one that no reader takes. \return the line's length, without blanks at its
 * end. */
static size_t first_line(const struct amz_buf *text, char *ret, size_t n)
{
  const char *end = text->len > 0 ? memchr(text->data, '\n', text->len) : NULL;
  size_t len = end ? (size_t)(end - text->data) : text->len;

  if (len >= n)
    len = n - 1;
  for (size_t i = 0; i < len; i++)
    ret[i] = text->data[i] ? text->data[i] : '\1';
  while (len > 0 && (ret[len - 1] == ' ' || ret[len - 1] == '\t' || ret[len - 1] == '\r'))
    len--;
  if (len > 0)
    ret[len] = '\0';
  return len;
}

bool amz_tree_line(const struct amz_tree *tree, const char *path, char *ret, size_t n)
{
  struct amz_buf text = AMZ_BUF_INIT;
  size_t len = read_file(tree, path, n, &text) == 0 ? first_line(&text, ret, n) : 0;

  amz_buf_clear(&text);
  return len > 0;
}

/* A group that has just been removed has nothing to say. */
static bool says_nothing(int rc)
{
  return rc == ENOENT || rc == ENOTDIR || rc == ENODEV || rc == ENOMEM;
}

bool amz_tree_bound(const struct amz_tree *tree, const char *path, char *ret, size_t n)
{
  struct amz_buf text = AMZ_BUF_INIT;
  struct amz_error why;
  char full[PATH_MAX];
  int rc = read_file(tree, path, n, &text);
  size_t len = rc == 0 ? first_line(&text, ret, n) : 0;

  amz_buf_clear(&text);
  if (rc == 0 && len == 0)
    amz_tree_doubt(tree, path, "", "it holds nothing");
  if (rc == 0 || says_nothing(rc) || !tree->diags)
    return len > 0;
  (void)amz_error_sys(&why, AMZ_EIO, rc, "not used: it cannot be read");
  amz_diags_add(tree->diags, AMZ_WARNING, full_path(tree, path, full, sizeof full) ? full : path, 0, 0, "%s", why.text);
  return false;
}

bool amz_tree_number(const struct amz_tree *tree, const char *path, uint64_t low, uint64_t high, uint64_t *ret)
{
  char text[64];
  uint64_t number;
  int rc;

  if (!amz_tree_line(tree, path, text, sizeof text))
    return false;
  rc = amz_parse_u64(text, &number);
  if (rc == AMZ_OK && number >= low && number <= high) {
    *ret = number;
    return true;
  }
  amz_tree_doubt(tree, path, text, rc == AMZ_EINVAL ? "a whole number is expected" : "the number is out of its range");
  return false;
}

bool amz_tree_has(const struct amz_tree *tree, const char *path)
{
  char full[PATH_MAX];

  return full_path(tree, path, full, sizeof full) && access(full, F_OK) == 0;
}

void amz_tree_doubt(const struct amz_tree *tree, const char *path, const char *value, const char *why)
{
  char full[PATH_MAX];

  amz_doubt(tree->diags, full_path(tree, path, full, sizeof full) ? full : path, value, why);
}

/* ---- as struct amz_files ---------------------------------------------------------------------------------------------- */

static int files_read(void *ctx, const char *path, uint64_t max_bytes, struct amz_buf *ret, struct amz_error *err)
{
  size_t before = ret->len, most = max_bytes < SIZE_MAX ? (size_t)max_bytes + 1 : SIZE_MAX;
  int rc = amz_tree_read(ctx, path, most, ret);

  if (rc < 0)
    return amz_error_set(err, rc, "cannot read %.400s", path);
  return ret->len - before > max_bytes ? amz_error_set(err, AMZ_ERANGE, "%.400s is too large", path) : AMZ_OK;
}

static int files_size(void *ctx, const char *path, uint64_t *ret_bytes, struct amz_error *err)
{
  char full[PATH_MAX];
  struct stat st;

  if (!full_path(ctx, path, full, sizeof full) || stat(full, &st) < 0)
    return amz_error_set(err, AMZ_ENOENT, "cannot look at %.400s", path);
  *ret_bytes = (uint64_t)st.st_size;
  return AMZ_OK;
}

static int files_glob(void *ctx, const char *pattern, struct amz_buf *ret, struct amz_error *err)
{
  (void)ctx;
  (void)ret;
  return amz_error_set(err, AMZ_EINVAL, "%.400s: patterns aren't looked for here", pattern);
}

struct amz_files amz_tree_files(struct amz_tree *tree)
{
  return (struct amz_files){tree, files_read, files_glob, files_size};
}
