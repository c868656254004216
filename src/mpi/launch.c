/* Who started this process, by the variables that launchers leave in its environment. Known before MPI_Init, because MPI_Init
 * of a process that nobody launched, or the wrong launcher, costs time at best and ends the process at worst. Needs no MPI
 * library. */
#include <amorsize/transport.h>

#include <stdlib.h>

struct sign {
  const char *present;     /* this variable tells the launcher */
  const char *size;        /* this one says how many processes */
  bool wired;
  const char *by;
};

/* The first that fits counts: an inner launcher comes before the Slurm step that its daemons run in. SLURM_NTASKS says
 * nothing, as the batch script has it too; SLURM_STEP_NUM_TASKS is set by srun alone. */
static const struct sign signs[] = {
  {"OMPI_COMM_WORLD_SIZE", "OMPI_COMM_WORLD_SIZE", true, "mpirun of Open MPI"},
  {"PMI_SIZE", "PMI_SIZE", true, "a PMI launcher (mpiexec of MPICH, srun --mpi=pmi2)"},
  {"PMI_RANK", "SLURM_STEP_NUM_TASKS", true, "a PMI launcher (mpiexec of MPICH, srun --mpi=pmi2)"},
  {"PMIX_RANK", "SLURM_STEP_NUM_TASKS", true, "a PMIx launcher (srun --mpi=pmix)"},
  {"SLURM_STEP_NUM_TASKS", "SLURM_STEP_NUM_TASKS", false, "srun without PMI"},
};

/* A positive decimal number, else 0: a variable that we can't read says nothing. */
static uint32_t read_count(const char *text)
{
  uint64_t v = 0;

  for (const char *c = text ? text : ""; *c; c++) {
    if (*c < '0' || *c > '9' || v > UINT32_MAX / 10)
      return 0;
    v = 10 * v + (uint64_t)(*c - '0');
  }
  return v <= UINT32_MAX ? (uint32_t)v : 0;
}

bool amz_mpi_launch_read(const char *(*get)(void *ctx, const char *name), void *ctx, struct amz_mpi_launch *ret)
{
  for (size_t i = 0; i < sizeof signs / sizeof *signs; i++) {
    const struct sign *s = &signs[i];
    uint32_t processes;

    if (!get(ctx, s->present))
      continue;
    processes = read_count(get(ctx, s->size));
    if (!s->wired && processes <= 1)
      continue;
    *ret = (struct amz_mpi_launch){.by = s->by, .processes = processes, .wired = s->wired};
    return true;
  }
  return false;
}

static const char *from_environment(void *ctx, const char *name)
{
  (void)ctx;
  return getenv(name);
}

bool amz_mpi_looks_launched(struct amz_mpi_launch *ret)
{
  struct amz_mpi_launch unused;

  return amz_mpi_launch_read(from_environment, NULL, ret ? ret : &unused);
}
