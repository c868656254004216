/* Scrubbing and merging of environments. */
#include "environ.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <amorsize/alloc.h>

static bool starts_with(const char *text, const char *prefix)
{
  return strncmp(text, prefix, strlen(prefix)) == 0;
}

bool amz_environ_is_mpi(const char *entry)
{
  static const char *const kept[] = {"OMPI_ALLOW_RUN_AS_ROOT=", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM="};
  static const char *const prefixes[] = {"OMPI_", "PMIX_", "ORTE_", "PRTE_", "OPAL_", "PMI_", "PMI2_", "HYDI_", "HYDRA_",
    "MPI_LOCALRANKID=", "MPI_LOCALNRANKS=", "MV2_COMM_WORLD_", "SLURM_PMI"};

  for (size_t i = 0; i < sizeof kept / sizeof *kept; i++)
    if (starts_with(entry, kept[i]))
      return false;
  for (size_t i = 0; i < sizeof prefixes / sizeof *prefixes; i++)
    if (starts_with(entry, prefixes[i]))
      return true;
  return false;
}

int amz_environ_init(struct amz_environ *e, char *const *environment)
{
  size_t n = 0;
  int rc;

  *e = (struct amz_environ){0};
  while (environment && environment[n])
    n++;
  rc = amz_grow((void **)&e->base, &e->base_cap, n + 1, sizeof *e->base);
  if (rc < 0)
    return rc;
  for (size_t i = 0; i < n; i++)
    if (!amz_environ_is_mpi(environment[i]))
      e->base[e->base_count++] = environment[i];
  e->base[e->base_count] = NULL;
  return AMZ_OK;
}

void amz_environ_clear(struct amz_environ *e)
{
  free(e->base);
  free(e->merged);
  *e = (struct amz_environ){0};
}

/* \return the entry's place among the first n, or n. `length` counts the name with its '='. */
static size_t place_of(char *const *entries, size_t n, const char *name, size_t length)
{
  for (size_t i = 0; i < n; i++)
    if (entries[i][0] == name[0] && strncmp(entries[i], name, length) == 0)
      return i;
  return n;
}

int amz_environ_merge(struct amz_environ *e, const char *const *added, char *const **ret)
{
  size_t n = e->base_count, more = 0;
  int rc;

  while (added && added[more])
    more++;
  rc = amz_grow((void **)&e->merged, &e->merged_cap, n + more + 1, sizeof *e->merged);
  if (rc < 0)
    return rc;
  if (n)
    memcpy(e->merged, e->base, n * sizeof *e->base);
  for (size_t i = 0; i < more; i++) {
    size_t length = strcspn(added[i], "="), at;

    if (added[i][length] == '\0')
      continue; /* no assignment: nothing that a process could see */
    at = place_of(e->merged, n, added[i], length + 1);
    e->merged[at] = (char *)(uintptr_t)added[i]; /* execve takes char *, and doesn't write */
    if (at == n)
      n++;
  }
  e->merged[n] = NULL;
  *ret = e->merged;
  return AMZ_OK;
}

const char *amz_environ_find(char *const *environment, const char *name)
{
  size_t length = strlen(name);

  for (; *environment; environment++)
    if (strncmp(*environment, name, length) == 0 && (*environment)[length] == '=')
      return *environment + length + 1;
  return NULL;
}
