/* The environment that tasks get: ours without what an MPI launcher put there, plus what the task adds. Room-private. */
#ifndef AMZ_EXEC_ENVIRON_H
#define AMZ_EXEC_ENVIRON_H

#include <stdbool.h>
#include <stddef.h>

#include <amorsize/error.h>

/* Strings are borrowed. Zero-initialised is empty. */
struct amz_environ {
  char **base; /* NULL-terminated */
  size_t base_cap, base_count;
  char **merged; /* the last amz_environ_merge */
  size_t merged_cap;
};

/* \return whether a NAME=value is the MPI launcher's, to be kept from tasks: an MPI program run as a task would otherwise take
 * itself for one of our ranks and hang or fail in MPI_Init. */
bool amz_environ_is_mpi(const char *entry);

/* Takes over an environment, without the MPI launcher's entries. \return AMZ_OK; AMZ_ENOMEM. */
int amz_environ_init(struct amz_environ *e, char *const *environment) AMZ_MUST_CHECK;
void amz_environ_clear(struct amz_environ *e);

/* The base with the task's entries instead of, or behind, those of the same name; a later addition beats an earlier one.
 * \return AMZ_OK with a NULL-terminated array, valid until the next merge; AMZ_ENOMEM. */
int amz_environ_merge(struct amz_environ *e, const char *const *added, char *const **ret) AMZ_MUST_CHECK;

/* \return the value of a name, or NULL. */
const char *amz_environ_find(char *const *environment, const char *name);

#endif
