/* Which launcher there is: looks programs up in PATH, and starts none. */
#define _GNU_SOURCE
#include "launcher.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <amorsize/alloc.h>

#include "../mpi/version.h"

static bool is_in_path(const char *program)
{
  const char *path = getenv("PATH");
  char candidate[PATH_MAX];

  while (path && *path) {
    size_t n = strcspn(path, ":");
    int len = snprintf(candidate, sizeof candidate, "%.*s/%s", (int)n, path, program);

    if (len > 0 && (size_t)len < sizeof candidate && access(candidate, X_OK) == 0)
      return true;
    path += n + (path[n] == ':');
  }
  return false;
}

/* The launcher of the MPI that we were built with; a plain mpirun may be another's. */
static const char *find_mpirun(enum amz_mpi_kind kind)
{
  static const char *const names[][3] = {{"mpirun.openmpi", "mpirun", "mpiexec"}, {"mpiexec.mpich", "mpiexec.hydra", "mpiexec"}};

  for (size_t i = 0; i < 3; i++)
    if (is_in_path(names[kind][i]))
      return names[kind][i];
  return NULL;
}

int amz_launcher_choose(const struct amz_allocation *a, unsigned attempt, struct amz_launcher_choice *ret)
{
  struct amz_launcher_choice choice = {.mpi = strncmp(amz_mpi_version(), "Open MPI", 8) == 0 ? AMZ_MPI_OPEN : AMZ_MPI_MPICH,
                                       .as_root = geteuid() == 0};
  bool has_srun = a->batch == AMZ_BATCH_SLURM && a->n_nodes > 0 && is_in_path("srun");

  choice.program = find_mpirun(choice.mpi);
  choice.by_srun = !choice.program || attempt == 1;
  choice.fence_is_chosen = getenv("SLURM_PMIX_FENCE") != NULL;
  if (attempt > 1 || (choice.by_srun && !has_srun) || (attempt == 1 && !choice.program))
    return AMZ_ENOENT;
  *ret = choice;
  return AMZ_OK;
}

char **amz_launcher_split(struct amz_buf *line)
{
  size_t n = 0, at = 0;
  char **words;

  for (size_t i = 0; i < line->len; i++)
    n += line->data[i] == '\0';
  words = amz_new_array(n + 1, sizeof *words);
  for (size_t i = 0; words && i < n; i++) {
    words[i] = line->data + at;
    at += strlen(words[i]) + 1;
  }
  return words;
}
