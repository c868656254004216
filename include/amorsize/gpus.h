/* The GPUs of the node that we are on, as the batch system names them, and which of them a slot may see.
 *
 * No driver is asked: the variables that programs themselves obey say what is ours. */
#ifndef AMORSIZE_GPUS_H
#define AMORSIZE_GPUS_H

#include <stdbool.h>
#include <stdint.h>

#include <amorsize/buf.h>
#include <amorsize/diag.h>
#include <amorsize/environment.h>
#include <amorsize/error.h>
#include <amorsize/files.h>

/* More GPUs than this on one node are not believed. */
#define AMZ_GPUS_MAX 1024

/* GPUs in the order in which the environment names them. */
struct amz_gpus {
  uint32_t count;
  char **ids;         /* "0", "GPU-6f2a…", "MIG-…"; owned */
  /* the NUMA domain that each is near to, AMZ_NO_DOMAIN (node.h) where that isn't told; NULL: nobody has looked */
  uint32_t *domains;
  uint32_t *unit_domains; /* likewise, of each processing unit by the system's number */
  uint32_t n_units;
  const char *source; /* the variable that named them, static; NULL: none did */
  bool set_cuda;      /* CUDA_VISIBLE_DEVICES, ROCR_VISIBLE_DEVICES: which of them a task gets */
  bool set_rocr;
  bool amd; /* AMD's driver is here: ROCR_VISIBLE_DEVICES has the ids, and CUDA_VISIBLE_DEVICES counts among them from 0 */
};

/* Reads CUDA_VISIBLE_DEVICES, else ROCR_VISIBLE_DEVICES (on AMD's nodes the other way round), else the number in
 * SLURM_GPUS_ON_NODE, which then counts from 0. (SLURM_JOB_GPUS isn't asked: its numbers are the node's, and a job confined
 * to its devices counts otherwise.) An empty list, "NoDevFiles" or -1 means no GPU, whatever other variables say: programs
 * would see none. Malformed values are warnings, and the next variable is asked. `files` needs `size` only, to see whether
 * /dev/kfd is there; NULL: not AMD's.
 * \return AMZ_OK; AMZ_ENOMEM. Release with amz_gpus_clear. */
int amz_gpus_read(const struct amz_environment *env, const struct amz_files *files, struct amz_diags *diags,
                  struct amz_gpus *ret);
void amz_gpus_clear(struct amz_gpus *gpus);

/* Finds out which domains GPUs and processing units belong to, and puts the GPUs into the order in which a node's profile has
 * them (the bus's, as far as it is told), so that a run chooses as `node` does. `root`: where /sys is looked for, "" for the
 * machine itself. Two GPUs or more cost some 10 ms, as devices are looked for; fewer, nothing, and nothing is found out then.
 * \return AMZ_OK; AMZ_ENOMEM. */
int amz_gpus_locate(struct amz_gpus *gpus, const struct amz_environment *env, const char *root);

/* \return how many slots can have per_slot GPUs of their own at once; UINT32_MAX when per_slot is 0. */
uint32_t amz_gpus_slots(const struct amz_gpus *gpus, uint32_t per_slot);

/* Appends the environment of a task that gets the n GPUs at `positions` of the list (amz_gpus_of_slots in node.h says which are a
 * slot's): "NAME=VALUE" strings, each followed by a NUL. n 0 appends nothing: the task sees what we see.
 * \return AMZ_OK; AMZ_ERANGE: there is no such position; AMZ_ENOMEM. */
int amz_gpus_add_env(const struct amz_gpus *gpus, const uint32_t *positions, uint32_t n, struct amz_buf *out);

#endif
