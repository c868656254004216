/* Shell patterns over the disk. glob(3) has no `**`, follows the locale and hides directories it can't read; so the walk is
 * ours, and only the match of one path component is left to fnmatch(3), under the C locale: bytes, whatever their encoding.
 *
 * Invariants: a directory is read to its end and closed before the walk goes deeper, so that depth costs no descriptors; `**`
 * enters no symbolic link, so that the walk ends; recursion is bounded by the longest path that the system takes. */
#include "files_glob.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <limits.h>
#include <locale.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <amorsize/alloc.h>

/* More components, or more `**` among them, are no pattern but an accident (each further `**` multiplies the work). */
#define COMPONENTS_MAX 256
#define DEEP_MAX 8

struct walk {
  char *pattern;                      /* its components, each NUL-ended */
  const char *components[COMPONENTS_MAX];
  size_t n;
  bool only_dirs;                     /* the pattern ends in a slash */
  struct amz_buf path;                /* where the walk is: "", "/", "a/b/" */
  struct amz_buf found;               /* matches, each with its NUL */
  struct amz_error *err;
};

static int no_memory(struct amz_error *err)
{
  return amz_error_set(err, AMZ_ENOMEM, "out of memory while matching files");
}

static bool is_deep(const char *component)
{
  return strcmp(component, "**") == 0;
}

static bool is_magic(const char *component)
{
  return strpbrk(component, "*?[") != NULL;
}

/* Whether the file system says that there is nothing at the path, rather than that it can't tell: a name too long for any file,
 * but not a path too long to ask for. */
static bool is_absence(int error, size_t path_len)
{
  return error == ENOENT || error == ENOTDIR || error == ELOOP || (error == ENAMETOOLONG && path_len < PATH_MAX);
}

static int walk_from(struct walk *w, size_t component);

/* Appends a name to the path. \return the path's length before, for leave. */
static size_t enter(struct walk *w, const char *name)
{
  size_t before = w->path.len;

  amz_buf_adds(&w->path, name);
  return before;
}

static void leave(struct walk *w, size_t before)
{
  if (w->path.failed)
    return;
  w->path.len = before;
  w->path.data[before] = '\0';
}

/* The path's kind: 1: there and a directory (links followed); 0: there; AMZ_ENOENT; AMZ_EIO. */
static int look(struct walk *w)
{
  const char *path = amz_buf_text(&w->path);
  struct stat st;

  if (amz_buf_ok(&w->path) < 0)
    return no_memory(w->err);
  if (stat(path, &st) == 0)
    return S_ISDIR(st.st_mode) ? 1 : 0;
  if (lstat(path, &st) == 0)
    return 0; /* a link that leads nowhere is a match, too */
  if (is_absence(errno, w->path.len))
    return AMZ_ENOENT;
  return amz_error_sys(w->err, AMZ_EIO, errno, "cannot look at %.400s", path);
}

/* The path is a match for the whole pattern if it is there. */
static int take_match(struct walk *w)
{
  int kind = look(w);

  if (kind == AMZ_ENOENT || (kind == 0 && w->only_dirs))
    return AMZ_OK;
  if (kind < 0)
    return kind;
  amz_buf_add(&w->found, w->path.data, w->path.len);
  if (w->only_dirs)
    amz_buf_addc(&w->found, '/');
  amz_buf_addc(&w->found, '\0');
  return amz_buf_ok(&w->found) < 0 ? no_memory(w->err) : AMZ_OK;
}

/* The names in the directory at the path, each with its NUL and before it 'd' for a directory that isn't a link, else '-'. */
static int list_directory(struct walk *w, struct amz_buf *names)
{
  const char *path = w->path.len ? w->path.data : ".";
  DIR *dir = opendir(path);
  struct dirent *entry;

  if (!dir && is_absence(errno, w->path.len))
    return AMZ_OK;
  if (!dir)
    return amz_error_sys(w->err, AMZ_EIO, errno, "cannot list the directory %.400s", path);
  while ((errno = 0, entry = readdir(dir))) {
    struct stat st;
    bool is_dir = entry->d_type == DT_DIR;

    if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
      continue;
    if (entry->d_type == DT_UNKNOWN)
      is_dir = fstatat(dirfd(dir), entry->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISDIR(st.st_mode);
    amz_buf_addc(names, is_dir ? 'd' : '-');
    amz_buf_add(names, entry->d_name, strlen(entry->d_name) + 1);
  }
  if (errno != 0) {
    int saved = errno;

    (void)closedir(dir);
    return amz_error_sys(w->err, AMZ_EIO, saved, "cannot list the directory %.400s", path);
  }
  (void)closedir(dir);
  return amz_buf_ok(names) < 0 ? no_memory(w->err) : AMZ_OK;
}

/* Goes on behind a name that component c matches. */
static int go_on(struct walk *w, const char *name, size_t c)
{
  size_t before = enter(w, name);
  int rc;

  if (c + 1 == w->n) {
    rc = take_match(w);
  } else {
    amz_buf_addc(&w->path, '/');
    rc = walk_from(w, c + 1);
  }
  leave(w, before);
  return rc;
}

static int walk_matches(struct walk *w, size_t c)
{
  struct amz_buf names = AMZ_BUF_INIT;
  int rc = list_directory(w, &names);

  for (size_t at = 0; rc == AMZ_OK && at < names.len; at += strlen(names.data + at) + 1)
    if (fnmatch(w->components[c], names.data + at + 1, FNM_PERIOD) == 0)
      rc = go_on(w, names.data + at + 1, c);
  amz_buf_clear(&names);
  return rc;
}

/* `**`: here, and in every directory below but the hidden ones and those behind links. */
static int walk_deep(struct walk *w, size_t c)
{
  struct amz_buf names = AMZ_BUF_INIT;
  int rc = walk_from(w, c + 1);

  if (rc == AMZ_OK)
    rc = list_directory(w, &names);
  for (size_t at = 0; rc == AMZ_OK && at < names.len; at += strlen(names.data + at) + 1) {
    const char *name = names.data + at + 1;
    size_t before;

    if (names.data[at] != 'd' || name[0] == '.')
      continue;
    before = enter(w, name);
    amz_buf_addc(&w->path, '/');
    rc = walk_deep(w, c);
    leave(w, before);
  }
  amz_buf_clear(&names);
  return rc;
}

/* A component without wildcards: its name, free of backslashes. */
static int walk_literal(struct walk *w, size_t c)
{
  struct amz_buf name = AMZ_BUF_INIT;
  int rc;

  for (const char *s = w->components[c]; *s; s++) {
    s += s[0] == '\\' && s[1];
    amz_buf_addc(&name, *s);
  }
  rc = amz_buf_ok(&name) < 0 ? no_memory(w->err) : go_on(w, amz_buf_text(&name), c);
  amz_buf_clear(&name);
  return rc;
}

static int walk_from(struct walk *w, size_t component)
{
  if (amz_buf_ok(&w->path) < 0)
    return no_memory(w->err);
  if (is_deep(w->components[component]))
    return walk_deep(w, component);
  if (is_magic(w->components[component]))
    return walk_matches(w, component);
  return walk_literal(w, component);
}

/* ---- the pattern ------------------------------------------------------------------------------------------------------ */

static int add_component(struct walk *w, const char *component, size_t *deep)
{
  if (is_deep(component) && w->n > 0 && is_deep(w->components[w->n - 1]))
    return AMZ_OK;
  *deep += is_deep(component);
  if (w->n + 2 > COMPONENTS_MAX || *deep > DEEP_MAX)
    return amz_error_set(w->err, AMZ_EINVAL, "pattern with more than %d parts or %d times `**`", COMPONENTS_MAX - 1, DEEP_MAX);
  w->components[w->n++] = component;
  return AMZ_OK;
}

static bool ends_in_backslash(const char *pattern)
{
  size_t n = strlen(pattern), slashes = 0;

  while (slashes < n && pattern[n - 1 - slashes] == '\\')
    slashes++;
  return slashes % 2 == 1;
}

/* Splits the pattern at slashes; runs of them count as one. */
static int split(struct walk *w, const char *pattern)
{
  size_t deep = 0, len = strlen(pattern);
  char *save = NULL;
  int rc = AMZ_OK;

  if (len == 0)
    return amz_error_set(w->err, AMZ_EINVAL, "the pattern is empty");
  if (ends_in_backslash(pattern))
    return amz_error_set(w->err, AMZ_EINVAL, "the pattern %.400s ends in a backslash", pattern);
  if (!(w->pattern = amz_strndup(pattern, len)))
    return no_memory(w->err);
  w->only_dirs = pattern[len - 1] == '/';
  if (pattern[0] == '/')
    amz_buf_addc(&w->path, '/');
  for (char *c = strtok_r(w->pattern, "/", &save); rc == AMZ_OK && c; c = strtok_r(NULL, "/", &save))
    rc = add_component(w, c, &deep);
  if (rc == AMZ_OK && w->n > 0 && is_deep(w->components[w->n - 1]))
    w->components[w->n++] = "*"; /* every entry below */
  return rc;
}

static int compare_paths(const void *a, const void *b)
{
  return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Appends the matches sorted by bytes, each once (several `**` may find one by several ways). */
static int add_sorted(struct walk *w, struct amz_buf *ret)
{
  size_t count = 0, before = ret->len;
  char **paths, *last = NULL;

  for (size_t i = 0; i < w->found.len; i++)
    count += w->found.data[i] == '\0';
  paths = amz_new_array(count, sizeof *paths);
  if (!paths)
    return no_memory(w->err);
  for (size_t i = 0, at = 0; i < count; i++) {
    paths[i] = w->found.data + at;
    at += strlen(paths[i]) + 1;
  }
  qsort(paths, count, sizeof *paths, compare_paths);
  for (size_t i = 0; i < count; i++) {
    if (!last || strcmp(last, paths[i]) != 0)
      amz_buf_add(ret, paths[i], strlen(paths[i]) + 1);
    last = paths[i];
  }
  free(paths);
  if (amz_buf_ok(ret) == AMZ_OK)
    return AMZ_OK;
  ret->len = before;
  return no_memory(w->err);
}

int amz_disk_glob(const char *pattern, struct amz_buf *ret, struct amz_error *err)
{
  struct walk w = {.err = err};
  locale_t bytes = newlocale(LC_ALL_MASK, "C", (locale_t)0), before;
  int rc;

  if (!bytes)
    return no_memory(err);
  before = uselocale(bytes);
  rc = split(&w, pattern);
  if (rc == AMZ_OK)
    rc = w.n ? walk_from(&w, 0) : take_match(&w);
  if (rc == AMZ_OK)
    rc = add_sorted(&w, ret);
  (void)uselocale(before);
  freelocale(bytes);
  free(w.pattern);
  amz_buf_clear(&w.path);
  amz_buf_clear(&w.found);
  return rc;
}
