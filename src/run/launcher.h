/* The command line that starts the ranks: which launcher, with which options, on which nodes. */
#ifndef AMZ_RUN_LAUNCHER_H
#define AMZ_RUN_LAUNCHER_H

#include <stdbool.h>

#include <amorsize/allocation.h>
#include <amorsize/buf.h>
#include <amorsize/error.h>

enum amz_mpi_kind { AMZ_MPI_OPEN, AMZ_MPI_MPICH };

/* Ranks on nodes: per_node on each of `nodes` nodes, together `ranks` (the last nodes may have fewer). */
struct amz_spread {
  uint32_t ranks, nodes, per_node;
};

/* From what the user asked (0: nothing) and the number of nodes there are (0: this machine alone).
 * \return AMZ_OK; AMZ_EINVAL with *err: more nodes than there are. */
int amz_spread_choose(uint32_t ranks, uint32_t nodes, uint32_t ranks_per_node, size_t available, struct amz_error *err,
                      struct amz_spread *ret);

/* What a launch is made of. */
struct amz_launcher_choice {
  enum amz_mpi_kind mpi;
  const char *program;        /* "mpirun.openmpi" */
  bool by_srun;               /* srun --mpi=pmix instead */
  bool fence_is_chosen;       /* the user's SLURM_PMIX_FENCE says how */
  bool as_root;
};

/* Appends the launcher's words, each followed by a NUL, up to where our program stands. Nodes are named when there are any, `a`
 * is the allocation. */
void amz_launcher_words(const struct amz_launcher_choice *choice, const struct amz_spread *spread, const struct amz_allocation *a,
                        struct amz_buf *out);

/* Number `attempt` (from 0) of the ways to launch that there are here: the mpirun of the MPI that we were built with, then srun.
 * \return AMZ_OK; AMZ_ENOENT: there is no such way. */
int amz_launcher_choose(const struct amz_allocation *a, unsigned attempt, struct amz_launcher_choice *ret);

/* \return the words of `line`, each of which ends with a NUL, as execv takes them: free the array alone, words point into line;
 * NULL when out of memory. */
char **amz_launcher_split(struct amz_buf *line);

#endif
