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
} rows[] = {
  {"starts that take no time", 1, 4, 8, 0.010, 0, 0.020},
  {"each slot begins behind the one before: the first at 1 ms, the last one's second task ends at 4 + 2·10 + 1", 1, 4, 8, 0.010, 0.001, 0.024},
  {"no more than one start a millisecond, whatever the slots", 1, 16, 100, 0.002, 0.001, 0.101},
  {"two ranks start two at a time", 2, 8, 100, 0.002, 0.001, 0.051},
  {"one slot waits for each", 1, 1, 10, 0.010, 0.001, 0.109},
};

static void test_makespans(void)
{
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    struct amz_sim_config c = {.ranks = rows[i].ranks, .slots_per_rank = rows[i].slots, .seed = 1, .start_ns = (int64_t)(rows[i].start_s * 1e9),
      .work = {.shape = AMZ_SIM_CONSTANT, .mean_s = rows[i].task_s}};
    struct amz_sim_result result;

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
