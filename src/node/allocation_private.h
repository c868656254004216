/* What the files of the allocation share: a reader over the injected world, and the pieces that it is read from. */
#ifndef AMZ_NODE_ALLOCATION_PRIVATE_H
#define AMZ_NODE_ALLOCATION_PRIVATE_H

#include <amorsize/allocation.h>

#include "hosts.h"

struct amz_allocation_reader {
  const struct amz_environment *env;
  const struct amz_files *files;
  struct amz_diags *diags;
  struct amz_error *err;
};

/* \return the variable's value, NULL when it isn't set or is empty. */
const char *amz_environment_value(const struct amz_environment *env, const char *name);

/* Notes that a variable's value isn't usable: it is named, shown (cut when long), and `why` follows. diags NULL: not noted. */
void amz_doubt(struct amz_diags *diags, const char *name, const char *value, const char *why);

/* A number from a variable. \return true with *ret; false when it isn't set, or isn't a number from low to high (which is
 * noted). */
bool amz_variable_number(const struct amz_environment *env, struct amz_diags *diags, const char *name, uint64_t low,
                         uint64_t high, uint64_t *ret);

/* An amount of memory in a variable of Slurm's: MiB without a unit, or with one. 0 (--mem=0) is all of the node's: not said.
 * \return true with *ret_bytes; false when it isn't set, isn't said, or is malformed (which is noted). */
bool amz_slurm_memory(const struct amz_environment *env, struct amz_diags *diags, const char *variable, uint64_t *ret_bytes);

/* Adds the hosts of a hostfile's text to h; findings get `severity`, and all of them are told.
 * \return AMZ_OK; AMZ_EINVAL: findings were told, or there is no host in it; AMZ_ENOMEM. */
int amz_hostfile_parse(const char *path, const char *text, size_t n, enum amz_severity severity, struct amz_diags *diags,
                       struct amz_hosts *h);

/* What Slurm says of the nodes in *a: slots, cores, memory. \return AMZ_OK; AMZ_ENOMEM. */
int amz_allocation_read_slurm(const struct amz_allocation_reader *r, struct amz_allocation *a);

/* What the batch system says of the job: which system it is, id, end, restarts, cores per task. \return AMZ_OK; AMZ_ENOMEM. */
int amz_allocation_read_job(const struct amz_allocation_reader *r, struct amz_allocation *a);

#endif
