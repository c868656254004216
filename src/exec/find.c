/* Finds a program of ours: relative to us first, so that a tree works wherever it has been moved to. */
#include "find.h"

#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static bool can_run(const char *path)
{
  struct stat st;

  return stat(path, &st) == 0 && S_ISREG(st.st_mode) && access(path, X_OK) == 0;
}

int amz_program_find(const char *name, const char *self, const char *installed, struct amz_error *err, struct amz_buf *ret)
{
  const char *slash = strrchr(self, '/');
  size_t dir = slash ? (size_t)(slash - self) : 0;
  const struct {
    size_t prefix; /* of self */
    const char *rest;
  } places[] = {{dir, ""}, {dir, "/../libexec/amorsize-mpi"}, {0, installed}};

  for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
    size_t before = ret->len;

    amz_buf_add(ret, self, places[i].prefix);
    amz_buf_adds(ret, places[i].rest);
    amz_buf_addf(ret, "/%s", name);
    if (amz_buf_ok(ret) < 0)
      return AMZ_ENOMEM;
    if (ret->len > before + strlen(name) + 1 && can_run(ret->data + before))
      return AMZ_OK;
    ret->len = before;
    ret->data[before] = '\0';
  }
  return amz_error_set(err, AMZ_ENOENT, "the program %s is missing: it is neither beside %s nor in %s", name, self,
                       installed);
}
