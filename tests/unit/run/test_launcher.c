/* Spreading ranks over nodes, sharing a node's cores, and the words of launch lines. */
#include <string.h>

#include "../../../src/run/launcher.h"
#include "../../../src/run/team.h"
#include "../../support/tap.h"

static void spreads(void)
{
  static const struct {
    const char *what;
    uint32_t ranks, nodes, per_node;
    size_t available;
    int rc;
    struct amz_spread expected;
  } rows[] = {
    {"ranks on this machine", 4, 0, 0, 0, AMZ_OK, {4, 1, 4}},
    {"one a node of the allocation", 0, 0, 0, 3, AMZ_OK, {3, 3, 1}},
    {"the description's ranks per node", 0, 0, 2, 3, AMZ_OK, {6, 3, 2}},
    {"some of the nodes", 0, 2, 2, 3, AMZ_OK, {4, 2, 2}},
    {"uneven ranks", 5, 0, 0, 3, AMZ_OK, {5, 3, 2}},
    {"fewer ranks than nodes", 2, 0, 0, 3, AMZ_OK, {2, 2, 1}},
    {"too many nodes", 0, 4, 0, 3, AMZ_EINVAL, {0, 0, 0}},
    {"nodes without an allocation", 2, 2, 0, 0, AMZ_EINVAL, {0, 0, 0}},
  };

  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    struct amz_spread got = {0, 0, 0};
    struct amz_error err;

    ASSERT_ROW_I64(rows[i].what, amz_spread_choose(rows[i].ranks, rows[i].nodes, rows[i].per_node, rows[i].available, &err, &got),
                   rows[i].rc);
    ASSERT_ROW_U64(rows[i].what, got.ranks, rows[i].expected.ranks);
    ASSERT_ROW_U64(rows[i].what, got.nodes, rows[i].expected.nodes);
    ASSERT_ROW_U64(rows[i].what, got.per_node, rows[i].expected.per_node);
  }
}

static void shares(void)
{
  static const struct {
    const char *what;
    uint32_t cores, local_rank, local_size, first, count;
  } rows[] = {
    {"alone", 8, 0, 1, 0, 8}, {"first of two", 8, 0, 2, 0, 4}, {"second of two", 8, 1, 2, 4, 4},
        {"uneven: first of three", 8, 0, 3, 0, 2},
    {"uneven: second of three", 8, 1, 3, 2, 3}, {"uneven: third of three", 8, 2, 3, 5, 3},
    {"more ranks than cores", 2, 3, 4, 1, 1},
    {"one core for all", 1, 2, 3, 0, 1},
  };

  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    struct amz_member m = {.cores = rows[i].cores, .local_rank = rows[i].local_rank, .local_size = rows[i].local_size};
    uint32_t first, count;

    amz_member_share(&m, &first, &count);
    ASSERT_ROW_U64(rows[i].what, first, rows[i].first);
    ASSERT_ROW_U64(rows[i].what, count, rows[i].count);
  }
}

static void gpus_are_divided(void)
{
  static const struct {
    const char *what;
    uint32_t gpus, rank, size, per_slot, most;
  } rows[] = {
    {"alone", 4, 0, 1, 1, 4}, {"two a task", 5, 0, 1, 2, 2}, {"first of two", 4, 0, 2, 1, 2}, {"second of two", 4, 1, 2, 1, 2},
    {"uneven: the second of two gets the odd one", 3, 1, 2, 1, 2}, {"too few for all ranks", 1, 0, 2, 1, 0},
    {"none", 0, 0, 1, 1, 0}, {"not asked for", 4, 0, 1, 0, 0},
  };

  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    const struct amz_member m = {.gpus = rows[i].gpus, .gpu_rank = rows[i].rank, .gpu_size = rows[i].size};

    ASSERT_ROW_U64(rows[i].what, amz_member_gpu_slots(&m, rows[i].per_slot), rows[i].most);
  }
}

static void ranks_share_when_node_and_mask_are_the_same(void)
{
  uint32_t all[] = {0, 1, 2, 3}, left[] = {0, 1}, right[] = {2, 3};
  struct amz_member members[] = {
    {.node = "n1", .n_units = 4, .units = all}, {.node = "n1", .n_units = 4, .units = all},
        {.node = "n2", .n_units = 4, .units = all},
    {.node = "n3", .n_units = 2, .units = left}, {.node = "n3", .n_units = 2, .units = right},
  };
  static const uint32_t rank_of[] = {0, 1, 0, 0, 0}, size_of[] = {2, 2, 1, 1, 1}, on_node[] = {0, 1, 0, 0, 1},
      of_node[] = {2, 2, 1, 2, 2};
  struct amz_team team = {members, 5};

  amz_team_divide(&team);
  for (uint32_t i = 0; i < 5; i++) {
    ASSERT_U64(members[i].local_rank, rank_of[i]);
    ASSERT_U64(members[i].local_size, size_of[i]);
    ASSERT_U64(members[i].node_rank, on_node[i]); /* memory is the node's, whatever cores they have */
    ASSERT_U64(members[i].node_size, of_node[i]);
    CU_ASSERT(members[i].same_node == (i < 2));
  }
}

/* A rank in a container of its own has a pid that means nothing to rank 0: looked for there, it would seem dead and its tasks be
 * run twice. */
static void pids_of_another_namespace_are_not_looked_for(void)
{
  uint32_t all[] = {0, 1};
  struct amz_member members[] = {
    {.node = "n1", .pid_space = 7, .n_units = 2, .units = all}, {.node = "n1", .pid_space = 7, .n_units = 2, .units = all},
    {.node = "n1", .pid_space = 8, .n_units = 2, .units = all},
  };
  struct amz_team team = {members, 3};

  amz_team_divide(&team);
  CU_ASSERT(members[1].same_node);
  CU_ASSERT(!members[2].same_node);
  ASSERT_U64(members[2].local_size, 3); /* the cores are the node's all the same */
}

/* The words with blanks between. */
static void words_are(const char *what, const struct amz_launcher_choice *choice, const struct amz_spread *spread,
                      const struct amz_allocation *a,
                      const char *expected)
{
  struct amz_buf out = AMZ_BUF_INIT;

  amz_launcher_words(choice, spread, a, &out);
  CU_ASSERT_FATAL(amz_buf_ok(&out) == AMZ_OK && out.len > 0);
  for (size_t i = 0; i + 1 < out.len; i++)
    if (out.data[i] == '\0')
      out.data[i] = ' ';
  ASSERT_ROW_TEXT(what, out.data, expected);
  amz_buf_clear(&out);
}

static void launch_lines(void)
{
  struct amz_allocation_node nodes[] = {{.name = (char *)"n1"}, {.name = (char *)"n2"}, {.name = (char *)"n3"}};
  const struct amz_allocation none = {.n_nodes = 0}, three = {.n_nodes = 3, .nodes = nodes};
  const struct amz_spread two = {2, 1, 2}, six = {6, 3, 2};
  struct amz_launcher_choice open = {.mpi = AMZ_MPI_OPEN, .program = "mpirun", .as_root = true},
      mpich = {.mpi = AMZ_MPI_MPICH, .program = "mpiexec"},
                             srun = {.by_srun = true};

  words_are("Open MPI, one host", &open, &two, &none,
            "mpirun --bind-to none --oversubscribe --enable-recovery --allow-run-as-root --mca pml ob1 --mca btl self,vader "
            "--mca plm isolated -n 2");
  open.as_root = false;
  words_are("Open MPI, three nodes", &open, &six, &three,
            "mpirun --bind-to none --oversubscribe --enable-recovery --host n1:2,n2:2,n3:2 -n 6");
  words_are("MPICH, three nodes", &mpich, &six, &three, "mpiexec -bind-to none -hosts n1:2,n2:2,n3:2 -n 6");
  words_are("srun", &srun, &six, &three,
            "env SLURM_PMIX_FENCE=ring srun --mpi=pmix --cpu-bind=none --overlap --no-kill --kill-on-bad-exit=0 -N 3 -n 6 -w "
            "n1,n2,n3");
  srun.fence_is_chosen = true;
  words_are("srun, of which the user has chosen the fences", &srun, &six, &three,
            "srun --mpi=pmix --cpu-bind=none --overlap --no-kill --kill-on-bad-exit=0 -N 3 -n 6 -w n1,n2,n3");
}

int main(void)
{
  static const struct amz_test tests[] = {
    {"spreads", spreads},
    {"shares", shares},
    {"ranks share when node and mask are the same", ranks_share_when_node_and_mask_are_the_same},
    {"pids of another namespace are not looked for", pids_of_another_namespace_are_not_looked_for},
    {"launch lines", launch_lines},
    {"GPUs are divided among ranks", gpus_are_divided},
    {NULL, NULL},
  };

  return amz_test_main("launcher", tests, 0);
}
