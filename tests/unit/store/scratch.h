/* A directory of its own for each test of the store, gone at its end. */
#ifndef AMZ_TESTS_STORE_SCRATCH_H
#define AMZ_TESTS_STORE_SCRATCH_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#define SCRATCH_PATH 4096

struct scratch {
  char dir[256];
};

/* \return whether there is one. */
static inline int scratch_make(struct scratch *s)
{
  const char *tmp = getenv("TMPDIR");

  (void)snprintf(s->dir, sizeof s->dir, "%s/amz-store-XXXXXX", tmp ? tmp : "/tmp");
  return mkdtemp(s->dir) != NULL;
}

static inline void scratch_remove(struct scratch *s)
{
  pid_t pid = fork();

  if (pid == 0) {
    execlp("rm", "rm", "-rf", "--", s->dir, (char *)NULL);
    _exit(127);
  }
  if (pid > 0)
    (void)waitpid(pid, NULL, 0);
}

static inline const char *scratch_path(const struct scratch *s, const char *name, char path[SCRATCH_PATH])
{
  (void)snprintf(path, SCRATCH_PATH, "%s/%s", s->dir, name);
  return path;
}

#endif
