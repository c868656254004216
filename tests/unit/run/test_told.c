/* What policies are told: which of several numbers counts, and a median among steps that somebody else's work prolonged. */
#include "../../../src/run/told.h"

#include <math.h>

#include "../../support/tap.h"

static struct amz_quantity measured(double value)
{
  return (struct amz_quantity){.value = value, .low = value, .high = value, .n = 9, .source = AMZ_MEASURED};
}

static void test_tasks(void)
{
  struct amz_policy_params p;
  struct amz_told t;

  amz_told_init(&t);
  p = amz_told_params(&t);
  CU_ASSERT_DOUBLE_EQUAL(p.mean_s, 0, 0);
  CU_ASSERT_TRUE(p.overhead_s > 0 && p.service_s > 0 && !t.due); /* assumed */
  amz_told_tasks(&t, 0.5, 0.25);
  amz_told_tasks(&t, 0, 3);
  amz_told_tasks(&t, NAN, 3);
  amz_told_tasks(&t, INFINITY, 3);
  p = amz_told_params(&t);
  CU_ASSERT_DOUBLE_EQUAL(p.mean_s, 0.5, 0);
  CU_ASSERT_DOUBLE_EQUAL(p.stddev_s, 0.25, 0);
  amz_told_tasks(&t, 2, NAN);
  p = amz_told_params(&t);
  CU_ASSERT_DOUBLE_EQUAL(p.mean_s, 2, 0);
  CU_ASSERT_DOUBLE_EQUAL(p.stddev_s, 0, 0);
  ASSERT_U64(p.tasks + p.slots + p.workers, 0); /* the master's to say */
}

static void test_costs(void)
{
  struct amz_quantity unknown = {.value = 7}, assumed = amz_assumed(7), chunk = measured(1e-4), service = measured(3e-6);
  struct amz_told t;

  amz_told_init(&t);
  amz_told_costs(&t, &unknown, &unknown);
  amz_told_costs(&t, &assumed, &assumed);
  CU_ASSERT_TRUE(!t.due && amz_told_params(&t).overhead_s < 1 && amz_told_params(&t).service_s < 1);
  amz_told_costs(&t, &chunk, &service);
  CU_ASSERT_TRUE(t.due);
  CU_ASSERT_DOUBLE_EQUAL(amz_told_params(&t).overhead_s, 1e-4, 0);
  CU_ASSERT_DOUBLE_EQUAL(amz_told_params(&t).service_s, 3e-6, 0);
  t.due = false;
  amz_told_costs(&t, &chunk, &service); /* nothing new */
  CU_ASSERT_TRUE(!t.due);
}

/* `steps` of our own master's: each `odd`-th of them takes a thousand times as long. */
static void test_own_master(void)
{
  static const struct {
    const char *row;
    double step_s, node_s; /* node's 0: not measured */
    uint32_t chunks, steps, odd;
    double service_s;
  } rows[] = {
    {"all alike, nothing measured", 5e-6, 0, 1, 2000, 0, 5e-6},
    {"far more than was assumed", 3e-4, 0, 1, 2000, 0, 3e-4},
    {"far less", 2e-7, 0, 1, 2000, 0, 2e-7},
    {"a step for several chunks", 4e-5, 0, 8, 2000, 0, 5e-6},
    {"each tenth was interrupted", 5e-6, 0, 1, 5000, 10, 5e-6},
    {"each third was", 5e-6, 0, 1, 5000, 3, 5e-6},
    {"a node's profile is the least", 5e-6, 8e-6, 1, 2000, 0, 8e-6},
    {"but not the most", 5e-5, 8e-6, 1, 2000, 0, 5e-5},
    {"too few steps to say", 5e-5, 8e-6, 1, 200, 0, 8e-6},
  };

  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    struct amz_quantity chunk = measured(1e-5), service = measured(rows[i].node_s);
    struct amz_told t;
    double ratio;

    amz_told_init(&t);
    if (rows[i].node_s > 0)
      amz_told_costs(&t, &chunk, &service);
    for (uint32_t k = 1; k <= rows[i].steps; k++)
      amz_told_step(&t, rows[i].odd && k % rows[i].odd == 0 ? 1000 * rows[i].step_s : rows[i].step_s, rows[i].chunks);
    ratio = amz_told_params(&t).service_s / rows[i].service_s;
    if (!(ratio > 0.9 && ratio < 1.25))
      ASSERT_ROW_I64(rows[i].row, lround(100 * ratio), 100);
  }
}

/* Each telling begins another round of chunks: that is worth it now and then. */
static void test_seldom_due(void)
{
  struct amz_told t;
  uint32_t due = 0;

  amz_told_init(&t);
  amz_told_step(&t, 1e-6, 0);  /* gave nothing */
  amz_told_step(&t, -1, 1);    /* a clock that went back */
  ASSERT_U64(t.steps, 0);
  for (uint32_t k = 0; k < 20000; k++) {
    amz_told_step(&t, 1e-6, 1);
    due += t.due;
    t.due = false;
  }
  ASSERT_U64(due, 4); /* after 256, 1024, 4096, 16384 */
}

int main(void)
{
  static const struct amz_test tests[] = {{"tasks", test_tasks}, {"costs of a node", test_costs},
                                          {"our own master", test_own_master},
                                          {"seldom due", test_seldom_due}, {NULL, NULL}};

  return amz_test_main("run/told", tests, 0);
}
