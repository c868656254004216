/* Tasks that a rank starts one at a time: makespans by hand. */
#include <math.h>
#include <stdio.h>

#include <amorsize/sim.h>

#include "../support/tap.h"

static const struct {
  const char *what;
  uint32_t ranks, slots;
  uint64_t tasks;
  double task_s, start_s, makespan_s;
  uint64_t running;
} rows[] = {
  {"starts that take no time", 1, 4, 8, 0.010, 0, 0.020, 0},
  {"each slot begins behind the one before: the last one ends at 25, which is 24 from the first start on", 1, 4, 8, 0.010, 0.001,
   0.024, 0},
  {"no more than one start a millisecond, whatever the slots", 1, 16, 100, 0.002, 0.001, 0.101, 0},
  {"two ranks start two at a time", 2, 8, 100, 0.002, 0.001, 0.051, 0},
  {"one slot waits for each", 1, 1, 10, 0.010, 0.001, 0.109, 0},
  {"all run already: they end at 10, and the first of the others begins at 11", 1, 4, 8, 0.010, 0.001, 0.024, 4},
  {"two do: the free slots begin at 1 and 2; then they next at 11 and 12, these at 13 and 14", 1, 4, 8, 0.010, 0.001, 0.024, 2},
  {"nobody waits for what runs: the last of three others begins at 3", 1, 16, 16, 0.010, 0.001, 0.013, 13},
};

static void test_makespans(void)
{
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    struct amz_sim_config c = {.ranks = rows[i].ranks, .slots_per_rank = rows[i].slots, .seed = 1,
      .start_ns = (int64_t)(rows[i].start_s * 1e9),
      .work = {.shape = AMZ_SIM_CONSTANT, .mean_s = rows[i].task_s}};
    struct amz_sim_result result;

    c.running = rows[i].running;
    c.master.tasks = rows[i].tasks;
    c.master.policy = amz_policy_find("ss");
    c.master.stop_after = UINT64_MAX;
    c.worker.grain = 1;
    ASSERT_ROW_I64(rows[i].what, amz_sim_run(&c, &result), AMZ_OK);
    ASSERT_ROW_I64(rows[i].what, result.end, AMZ_END_DONE);
    if (fabs(result.makespan_s - rows[i].makespan_s) > 1e-6)
      printf("# %s: %g s, not %g\n", rows[i].what, result.makespan_s, rows[i].makespan_s);
    CU_ASSERT_DOUBLE_EQUAL(result.makespan_s, rows[i].makespan_s, 1e-6);
  }
}

int main(void)
{
  static const struct amz_test tests[] = {{"one start at a time", test_makespans}, {NULL, NULL}};

  return amz_test_main("sim: starts", tests, 0);
}
