/* How a script calls this program. Who called it by a path, as ./amorsize-mpi, has perhaps none on his PATH, or an older one: the
 * job that he submits would end with 127 after hours in the queue, or run with something else. */
#define _GNU_SOURCE
#include "ownpath.h"

#include <limits.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <amorsize/report.h>

#define NAME "amorsize-mpi"

static bool is_same(const char *path, const struct stat *self)
{
  struct stat st;

  return stat(path, &st) == 0 && st.st_dev == self->st_dev && st.st_ino == self->st_ino;
}

/* \return whether the first program of our name on PATH is this one. Parts of it that are relative lead elsewhere in a job. */
static bool is_on_path(const struct stat *self)
{
  const char *at = getenv("PATH"), *end;
  char path[PATH_MAX];
  bool found = false, same = false;

  for (; at && !found; at = *end ? end + 1 : NULL) {
    size_t n = (size_t)((end = strchrnul(at, ':')) - at);

    if (*at != '/' || n + sizeof "/" NAME > sizeof path)
      continue;
    memcpy(path, at, n);
    memcpy(path + n, "/" NAME, sizeof "/" NAME);
    found = access(path, X_OK) == 0;
    same = found && is_same(path, self);
  }
  return same;
}

void cli_add_own_path(struct amz_buf *out)
{
  char self[PATH_MAX];
  ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1);
  const char *name;
  struct stat st;

  self[n > 0 ? n : 0] = '\0';
  name = strrchr(self, '/');
  if (!name || strcmp(name + 1, NAME) != 0 || stat(self, &st) < 0 || is_on_path(&st)) /* a rank's program isn't for scripts */
    amz_buf_adds(out, NAME);
  else
    amz_report_path(self, out);
}
