/* What of the transport needs no MPI: who launched us, and how long to sleep. */
#include <string.h>

#include <amorsize/transport.h>

#include "../../../src/mpi/pace.h"
#include "../../support/tap.h"

#define MS INT64_C(1000000)
#define US INT64_C(1000)

/* An environment: NAME=VALUE strings, ended by NULL. */
static const char *lookup(void *ctx, const char *name)
{
  size_t n = strlen(name);

  for (const char *const *e = ctx; *e; e++)
    if (strncmp(*e, name, n) == 0 && (*e)[n] == '=')
      return *e + n + 1;
  return NULL;
}

static void launchers_are_known_by_their_variables(void)
{
  static const struct row {
    const char *what;
    const char *environment[6];
    const char *by; /* how its name begins; NULL: nobody launched */
    uint32_t processes;
    bool wired;
  } rows[] = {
    {"nothing set", {NULL}, NULL, 0, false},
    {"mpirun of Open MPI", {"OMPI_COMM_WORLD_SIZE=4", "OMPI_COMM_WORLD_RANK=0", "PMIX_RANK=0", NULL}, "mpirun", 4, true},
    {"mpirun of Open MPI, whose daemons run in a Slurm step of 2",
     {"SLURM_STEP_NUM_TASKS=2", "SLURM_PROCID=1", "OMPI_COMM_WORLD_SIZE=8", NULL}, "mpirun", 8, true},
    {"mpirun with one rank", {"OMPI_COMM_WORLD_SIZE=1", NULL}, "mpirun", 1, true},
    {"hydra", {"PMI_RANK=0", "PMI_SIZE=3", "PMI_FD=7", NULL}, "a PMI launcher", 3, true},
    {"a PMI that doesn't tell its size", {"PMI_RANK=0", NULL}, "a PMI launcher", 0, true},
    {"srun --mpi=pmix", {"PMIX_RANK=1", "SLURM_STEP_NUM_TASKS=6", "SLURM_PROCID=1", NULL}, "a PMIx launcher", 6, true},
    {"prun", {"PMIX_RANK=1", NULL}, "a PMIx launcher", 0, true},
    {"srun without PMI", {"SLURM_STEP_NUM_TASKS=6", "SLURM_PROCID=1", NULL}, "srun without PMI", 6, false},
    {"srun of one process", {"SLURM_STEP_NUM_TASKS=1", "SLURM_PROCID=0", NULL}, NULL, 0, false},
    {"a batch script of 16 tasks",
     {"SLURM_JOB_ID=7", "SLURM_NTASKS=16", "SLURM_NPROCS=16", "SLURM_PROCID=0", NULL}, NULL, 0, false},
    {"a size that is no number", {"OMPI_COMM_WORLD_SIZE=4x", NULL}, "mpirun", 0, true},
    {"an empty size", {"PMI_SIZE=", NULL}, "a PMI launcher", 0, true},
    {"a size beyond all bounds", {"PMI_SIZE=99999999999999999999999", NULL}, "a PMI launcher", 0, true},
    {"the greatest size that fits", {"PMI_SIZE=4294967295", NULL}, "a PMI launcher", UINT32_MAX, true},
    {"one more", {"PMI_SIZE=4294967296", NULL}, "a PMI launcher", 0, true},
  };

  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    const struct row *r = &rows[i];
    struct amz_mpi_launch launch = {.by = NULL};
    bool launched = amz_mpi_launch_read(lookup, (void *)r->environment, &launch);

    ASSERT_ROW_U64(r->what, launched, r->by != NULL);
    ASSERT_ROW_U64(r->what, launch.processes, r->processes);
    ASSERT_ROW_U64(r->what, launch.wired, r->wired);
    if (r->by && launched)
      ASSERT_ROW_U64(r->what, strncmp(launch.by, r->by, strlen(r->by)) == 0, true);
  }
}

static void naps_grow_with_silence(void)
{
  static const struct row {
    const char *what;
    int64_t quiet_ns, left_ns;
    enum amz_mpi_haste haste;
    int64_t nap_ns;
  } rows[] = {
    {"nothing expected, just quiet: the shortest nap, no spinning", 0, 1000 * MS, AMZ_MPI_PATIENT, 50 * US},
    {"an eighth of the silence", 8 * MS, 1000 * MS, AMZ_MPI_PATIENT, 1 * MS},
    {"at most 10 ms", 60000 * MS, 1000 * MS, AMZ_MPI_PATIENT, 10 * MS},
    {"just asked: spin", 0, 1000 * MS, AMZ_MPI_DUE, 0},
    {"still spinning", 199 * US, 1000 * MS, AMZ_MPI_DUE, 0},
    {"no answer for 0.2 ms: sleep", 200 * US, 1000 * MS, AMZ_MPI_DUE, 50 * US},
    {"an answer is due: at most 1 ms", 60000 * MS, 1000 * MS, AMZ_MPI_DUE, 1 * MS},
    {"the deadline is nearer", 60000 * MS, 3 * MS, AMZ_MPI_PATIENT, 3 * MS},
    {"the deadline is nearer than the shortest nap", 0, 7, AMZ_MPI_PATIENT, 7},
    {"the deadline is now", 60000 * MS, 0, AMZ_MPI_PATIENT, 0},
    {"the deadline is past", 60000 * MS, -1, AMZ_MPI_DUE, 0},
    {"a deadline that doesn't come", 60000 * MS, INT64_MAX, AMZ_MPI_PATIENT, 10 * MS},
    {"at work, just heard something: no spinning, and a longer first nap", 0, 1000 * MS, AMZ_MPI_AT_WORK, 500 * US},
    {"at work: half of the silence", 8 * MS, 1000 * MS, AMZ_MPI_AT_WORK, 4 * MS},
    {"at work: at most 10 ms", 60000 * MS, 1000 * MS, AMZ_MPI_AT_WORK, 10 * MS},
    {"at work: not beyond the deadline", 0, 300 * US, AMZ_MPI_AT_WORK, 300 * US},
    {"a clock that was read too early", -5, 1000 * MS, AMZ_MPI_PATIENT, 50 * US},
  };

  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
    ASSERT_ROW_I64(rows[i].what, amz_pace_nap_ns(rows[i].quiet_ns, rows[i].left_ns, rows[i].haste), rows[i].nap_ns);
}

/* Who is woken by all who may write needs no looks, however short the silence. */
static void who_is_woken_sleeps_on(void)
{
  static const struct row {
    const char *what;
    int64_t left_ns, longest_ns;
    bool acknowledged;
    int64_t nap_ns;
  } rows[] = {
    {"a tenth of a second, in case a bell was lost", 1000 * MS, AMZ_PACE_RUNG_NS, true, 100 * MS},
    {"as long as is said", 1000 * MS, 700 * MS, true, 700 * MS},
    {"something may be stuck in MPI: 10 ms, as without bells", 1000 * MS, AMZ_PACE_RUNG_NS, false, 10 * MS},
    {"likewise, and less than that is said", 1000 * MS, 4 * MS, false, 4 * MS},
    {"the deadline is nearer", 3 * MS, AMZ_PACE_RUNG_NS, true, 3 * MS},
    {"likewise, with something on its way", 3 * MS, AMZ_PACE_RUNG_NS, false, 3 * MS},
    {"the deadline is now", 0, AMZ_PACE_RUNG_NS, true, 0},
    {"the deadline is past", -1, AMZ_PACE_RUNG_NS, false, 0},
    {"a deadline that doesn't come", INT64_MAX, AMZ_PACE_RUNG_NS, true, 100 * MS},
  };

  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
    ASSERT_ROW_I64(rows[i].what, amz_pace_rung_nap_ns(rows[i].left_ns, rows[i].longest_ns, rows[i].acknowledged), rows[i].nap_ns);
}

static void nothing_to_finish(void)
{
  ASSERT_I64(amz_mpi_finish(NULL, 0, 3), AMZ_OK);
}

int main(void)
{
  static const struct amz_test tests[] = {
    {"launchers are known by their variables", launchers_are_known_by_their_variables},
    {"naps grow with silence", naps_grow_with_silence},
    {"who is woken sleeps on", who_is_woken_sleeps_on},
    {"nothing to finish", nothing_to_finish},
    {NULL, NULL},
  };

  return amz_test_main("transport", tests, 0);
}
