/* The command line that starts the ranks: which launcher, with which options, on which nodes. Pure but for looking programs up. */
#ifndef AMZ_RUN_LAUNCHER_H
#define AMZ_RUN_LAUNCHER_H

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
int amz_spread_choose(uint32_t ranks, uint32_t nodes, uint32_t ranks_per_node, size_t available, struct amz_error *err, struct amz_spread *ret);

/* What a launch is made of. */
struct amz_launcher_choice {
  enum amz_mpi_kind mpi;
  const char *program;        /* "mpirun.openmpi" */
  bool by_srun;               /* srun --mpi=pmix instead */
  bool as_root;
};

/* Appends the launcher's words, each followed by a NUL, up to where our program stands. Nodes are named when there are any, `a` is the allocation. */
void amz_launcher_words(const struct amz_launcher_choice *choice, const struct amz_spread *spread, const struct amz_allocation *a, struct amz_buf *out);

#endif
