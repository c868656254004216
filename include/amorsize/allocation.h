/* What the batch system gave us: nodes, their slots, cores and memory, GPUs, job id, end time.
 *
 * Every number has beside it the name of the variable (or the path of the file) that it comes from; NULL there means that
 * nobody said it, and the number is 0. Nothing is assumed here. A malformed value is a warning that names variable and value;
 * the next best source is then used. */
#ifndef AMORSIZE_ALLOCATION_H
#define AMORSIZE_ALLOCATION_H

#include <stddef.h>
#include <stdint.h>

#include <amorsize/buf.h>
#include <amorsize/diag.h>
#include <amorsize/environment.h>
#include <amorsize/error.h>
#include <amorsize/files.h>
#include <amorsize/gpus.h>

/* Bounds on what is believed. */
#define AMZ_NODES_MAX ((size_t)1 << 20)
#define AMZ_NODE_SLOTS_MAX (1u << 20)
#define AMZ_HOST_NAME_MAX 255

enum amz_batch {
  AMZ_BATCH_NONE,
  AMZ_BATCH_HOSTFILE, /* the user's own --hostfile; only in nodes_from */
  AMZ_BATCH_SLURM,
  AMZ_BATCH_PBS,      /* PBS Pro, OpenPBS, Torque */
  AMZ_BATCH_LSF,
};

/* What one node offers us. "Slots" are those of batch systems and hostfiles: places for processes. Our own layout is made
 * from them. */
struct amz_allocation_node {
  const char *name;
  uint32_t slots;        /* 0: not said */
  uint32_t max_slots;    /* of a hostfile: not to be exceeded; 0: not said */
  uint32_t cores;        /* "CPUs" in Slurm's words; 0: not said */
  uint64_t memory_bytes; /* 0: not said, or all of the node's */
};

struct amz_allocation {
  enum amz_batch batch;      /* which system runs the job; knows id, end and restarts */
  enum amz_batch nodes_from; /* which named the nodes */
  size_t n_nodes;            /* 0: no allocation; we have this machine */
  struct amz_allocation_node *nodes; /* in the order given, each name once */
  const char *nodes_source, *slots_source, *cores_source, *memory_source;
  uint32_t cores_per_task;   /* what the user asked for each task of the batch system (sbatch -c) */
  const char *cores_per_task_source;
  struct amz_gpus gpus;      /* of the node that we are on */
  char *job_id;              /* NULL: none */
  const char *job_id_source;
  int64_t end_s;             /* seconds since the epoch when the batch system ends the job */
  const char *end_source;    /* NULL: unknown, which is not the same as unlimited */
  uint32_t restarts;         /* how often the job was requeued */
  const char *restarts_source;
  char *names, *path;        /* where `name` and sources that are a file's path live */
};

/* Reads the allocation. Nodes: `hostfile` when not NULL, else Slurm, PBS (PBS_NODEFILE), LSF (LSB_DJOB_HOSTFILE,
 * LSB_MCPU_HOSTS, LSB_HOSTS), whichever is there first; everything else from the batch system that runs the job. `files`
 * needs `read` and `size`.
 *
 * A hostfile has one host a line: "name", "name:8" (MPICH) or "name slots=4 max_slots=8" (Open MPI); # begins a comment; a
 * repeated line adds its slots. A host that comes once and without a number has 0 slots here (not said: as many as it has
 * cores), as mpirun takes it; in a file of a batch system it has 1.
 * \return AMZ_OK, also when there is no allocation; AMZ_EINVAL: the hostfile is unusable, errors are in *diags; AMZ_ENOENT,
 * AMZ_EIO with *err: it can't be read; AMZ_ENOMEM. Release with amz_allocation_clear. */
int amz_allocation_read(const struct amz_environment *env, const struct amz_files *files, const char *hostfile,
                        struct amz_diags *diags, struct amz_error *err, struct amz_allocation *ret);
void amz_allocation_clear(struct amz_allocation *a);

/* Asks Slurm when the job ends and notes it in *a; does nothing when the end is known or the job isn't Slurm's. Runs `squeue`
 * (a path; NULL: the one in PATH), which asks the controller: never longer than timeout_ns (0: 2 s), never more than once a
 * run. Call it before MPI_Init.
 * \return AMZ_OK: also when the job has no limit (the end stays unknown); AMZ_EENV with *err: squeue is missing, failed, too
 * slow or not understood; AMZ_EIO with *err; AMZ_ENOMEM. */
int amz_allocation_ask_end(struct amz_allocation *a, const char *squeue, int64_t timeout_ns, struct amz_error *err);

/* Asks Slurm to put the job back into its queue, with `scontrol` (a path; NULL: the one in PATH), never longer than timeout_ns
 * (0: 2 s). Slurm then ends what runs in the job, this process too.
 * \return AMZ_OK; AMZ_EENV with *err: not a job of Slurm's, scontrol is missing, failed or too slow; AMZ_EIO with *err. */
int amz_allocation_requeue(const struct amz_allocation *a, const char *scontrol, int64_t timeout_ns, struct amz_error *err);

/* The end of a job from what `squeue -h -o '%L %e'` says ("1-02:03:04 2024-05-01T12:00:00"): now_s and the time left, else
 * the date (in the local time zone).
 * \return AMZ_OK; AMZ_ENOENT: no limit, or not running; AMZ_EINVAL: not understood. */
int amz_slurm_end(const char *text, int64_t now_s, int64_t *ret_end_s);

#endif
