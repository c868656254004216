/* Launch lines that were tried by hand: Open MPI 4.1, MPICH 4.0, srun of Slurm 22.05.
 *
 * --bind-to none: the spawn helper binds each task. --oversubscribe: ranks are event loops, not computations; slots are counted
 * by us.
 * --enable-recovery: without it, Open MPI ends all ranks when one dies. On one host, shared memory alone starts twice as fast. */
#include "launcher.h"

#include <string.h>

int amz_spread_choose(uint32_t ranks, uint32_t nodes, uint32_t ranks_per_node, size_t available, struct amz_error *err,
                      struct amz_spread *ret)
{
  uint32_t there = available > UINT32_MAX ? UINT32_MAX : available ? (uint32_t)available : 1;
  uint32_t n = nodes ? nodes : there, per_node = ranks_per_node ? ranks_per_node : 1;

  if (n > there)
    return amz_error_set(err, AMZ_EINVAL, available ? "%u nodes are wanted, but there are %u" :
                         "%u nodes are wanted, but there is no allocation: %u node; give --hostfile, or run inside one", n,
                             there);
  if (ranks && ranks < n)
    n = ranks;
  if (ranks)
    per_node = ranks / n + (ranks % n != 0);
  *ret = (struct amz_spread){.ranks = ranks ? ranks : n * per_node, .nodes = n, .per_node = per_node};
  return AMZ_OK;
}

static void word(struct amz_buf *out, const char *text)
{
  amz_buf_add(out, text, strlen(text) + 1);
}

static void number(struct amz_buf *out, uint32_t n)
{
  amz_buf_addf(out, "%u", n);
  amz_buf_addc(out, '\0');
}

/* "n1:2,n2:2", or without numbers for srun. */
static void hosts(const struct amz_spread *spread, const struct amz_allocation *a, bool with_slots, struct amz_buf *out)
{
  for (uint32_t i = 0; i < spread->nodes; i++) {
    amz_buf_addf(out, "%s%s", i ? "," : "", a->nodes[i].name);
    if (with_slots)
      amz_buf_addf(out, ":%u", spread->per_node);
  }
  amz_buf_addc(out, '\0');
}

/* With Slurm's own choice of how ranks wait for each other in MPI_Init, some are let go before all have come, and messages to
 * those that haven't crash them: 8 of 150 launches over four busy nodes, none of 150 with the ring (Slurm 22.05, Open MPI 4.1.4;
 * open-mpi/ompi#12495 is alike). */
static void srun_words(const struct amz_launcher_choice *choice, const struct amz_spread *spread, const struct amz_allocation *a,
                       struct amz_buf *out)
{
  if (!choice->fence_is_chosen) {
    word(out, "env");
    word(out, "SLURM_PMIX_FENCE=ring");
  }
  word(out, "srun");
  word(out, "--mpi=pmix");
  word(out, "--cpu-bind=none");
  word(out, "--overlap");
  word(out, "--no-kill");
  word(out, "--kill-on-bad-exit=0");
  word(out, "-N");
  number(out, spread->nodes);
  word(out, "-n");
  number(out, spread->ranks);
  word(out, "-w");
  hosts(spread, a, false, out);
}

static void open_mpi_words(const struct amz_launcher_choice *choice, const struct amz_spread *spread,
                           const struct amz_allocation *a, struct amz_buf *out)
{
  word(out, choice->program);
  word(out, "--bind-to");
  word(out, "none");
  word(out, "--oversubscribe");
  word(out, "--enable-recovery");
  if (choice->as_root)
    word(out, "--allow-run-as-root");
  if (a->n_nodes > 0) {
    word(out, "--host");
    hosts(spread, a, true, out);
  } else {
    static const char *const one_host[] = {"--mca", "pml", "ob1", "--mca", "btl", "self,vader", "--mca", "plm", "isolated"};

    for (size_t i = 0; i < sizeof one_host / sizeof *one_host; i++)
      word(out, one_host[i]);
  }
  word(out, "-n");
  number(out, spread->ranks);
}

static void mpich_words(const struct amz_launcher_choice *choice, const struct amz_spread *spread, const struct amz_allocation *a,
                        struct amz_buf *out)
{
  word(out, choice->program);
  word(out, "-bind-to");
  word(out, "none");
  if (a->n_nodes > 0) {
    word(out, "-hosts");
    hosts(spread, a, true, out);
  }
  word(out, "-n");
  number(out, spread->ranks);
}

void amz_launcher_words(const struct amz_launcher_choice *choice, const struct amz_spread *spread, const struct amz_allocation *a,
                        struct amz_buf *out)
{
  if (choice->by_srun)
    srun_words(choice, spread, a, out);
  else if (choice->mpi == AMZ_MPI_OPEN)
    open_mpi_words(choice, spread, a, out);
  else
    mpich_words(choice, spread, a, out);
}
