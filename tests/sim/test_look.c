/* RUNs that are cut short because they take too long, as executors of real ranks do. All times by hand: a look each 20 ms,
 * overdue after 60; a RUN is seen by the first look that finds it, and ends behind the task that it is at. */
#include <stdio.h>

#include <amorsize/buf.h>
#include <amorsize/sim.h>

#include "../support/tap.h"

#define MS INT64_C(1000000)

/* FIRST+COUNT@ms of every RUN. */
struct begun {
  struct amz_buf text;
  double task_s, short_s;
  uint64_t short_from;
};

static double task_s(void *arg, uint64_t position, uint32_t attempt)
{
  const struct begun *b = arg;

  (void)attempt;
  return position < b->short_from ? b->task_s : b->short_s;
}

static void note(void *arg, int64_t now_ns, uint32_t rank, const struct amz_action *run)
{
  struct begun *b = arg;

  (void)rank;
  amz_buf_addf(&b->text, "%s%u+%u@%u", b->text.len ? " " : "", (unsigned)run->first, (unsigned)run->count,
               (unsigned)((now_ns + MS / 2) / MS));
}

static void test_cut(void)
{
  static const struct amz_sim_fault slower[] = {{.kind = AMZ_SIM_PACE, .at_ns = 30 * MS, .factor = 0.5}};
  static const struct {
    const char *row;
    uint32_t slots;
    int64_t look_ns;
    uint64_t grain;
    double task_s;
    uint64_t short_from; /* tasks from there on take 1 ms */
    bool bulk, slows;
    const char *begun;
    uint64_t cut;
    double makespan_s;
  } rows[] = {
    {"nobody looks", 1, 0, 0, 0.025, 10, true, false, "0+10@0", 0, 0.25},
    {"all slots busy: at 60 ms, and 60 ms behind the looks at 80 and 160", 1, 20 * MS, 0, 0.025, 10, true, false,
     "0+10@0 3+7@75 6+4@150 9+1@225", 3, 0.25},
    {"the same, a result per task", 1, 20 * MS, 0, 0.025, 10, false, false, "0+10@0 3+7@75 6+4@150 9+1@225", 3, 0.25},
    {"a slot idle from 5 ms on: at 20 ms, and 20 ms behind the look at 40", 2, 20 * MS, 0, 0.024, 5, true, false,
     "0+5@0 5+5@0 1+4@24 3+2@72", 2, 0.12},
    {"the rank is half as fast from 30 ms on", 1, 20 * MS, 0, 0.025, 10, true, true,
     "0+10@0 2+8@70 4+6@170 6+4@270 8+2@370", 4, 0.47},
    {"RUNs of two tasks: the look at 60 ms finds the second one", 1, 20 * MS, 2, 0.05, 4, true, false,
     "0+2@0 2+2@100 4+2@200 6+2@202 8+2@204", 0, 0.206},
  };

  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    struct begun b = {.text = AMZ_BUF_INIT, .task_s = rows[i].task_s, .short_s = 0.001, .short_from = rows[i].short_from};
    struct amz_sim_config c = {
      .master = {.tasks = 10, .policy = amz_policy_find("static"), .stop_after = UINT64_MAX}, .worker = {.grain = rows[i].grain},
      .ranks = 1, .slots_per_rank = rows[i].slots, .bulk = rows[i].bulk, .work = {.task_s = task_s, .arg = &b},
      .look_ns = rows[i].look_ns, .overdue_ns = 60 * MS, .faults = slower, .n_faults = rows[i].slows, .began = note, .arg = &b,
    };
    struct amz_sim_result r;

    CU_ASSERT_EQUAL(amz_sim_run(&c, &r), AMZ_OK);
    ASSERT_ROW_U64(rows[i].row, r.end, AMZ_END_DONE);
    ASSERT_ROW_U64(rows[i].row, r.stats.succeeded, 10);
    ASSERT_ROW_TEXT(rows[i].row, amz_buf_text(&b.text), rows[i].begun);
    ASSERT_ROW_U64(rows[i].row, r.cut, rows[i].cut);
    CU_ASSERT_DOUBLE_EQUAL(r.makespan_s, rows[i].makespan_s, 1e-6);
    amz_buf_clear(&b.text);
  }
}

/* Whatever is cut off, given back, left undone or failed: every task has its outcome, once. */
static void test_nothing_is_lost(void)
{
  for (uint64_t seed = 1; seed <= 40; seed++) {
    struct amz_sim_config c = {
      .master = {.tasks = 3000, .policy = amz_policy_find(seed % 2 ? "gss" : "adaptive"), .stop_after = UINT64_MAX},
      .worker = {.grain_ns = 20 * MS}, .ranks = 1 + (uint32_t)seed % 3, .slots_per_rank = 1 + (uint32_t)seed % 4, .seed = seed,
      .bulk = seed % 3 > 0, .partials = seed % 3 == 1, .undone = seed % 5 ? 0 : 0.1, .fail = seed % 7 ? 0 : 0.01,
      .work = {.shape = AMZ_SIM_LOGNORMAL, .mean_s = 0.01, .cv = 4}, .latency_ns = 50000, .jitter_ns = 100000, .run_ns = 1000,
      .look_ns = 20 * MS, .overdue_ns = 60 * MS, .packs = seed % 2, .sync_latency_ns = 2 * MS,
    };
    struct amz_sim_result r;

    CU_ASSERT_EQUAL(amz_sim_run(&c, &r), AMZ_OK);
    ASSERT_U64(r.end, AMZ_END_DONE);
    ASSERT_U64(r.stats.succeeded + r.stats.failed, 3000);
    ASSERT_U64(r.undurable, 0);
    CU_ASSERT_TRUE(r.cut > 0);
  }
}

/* A rank none of whose tasks ever ends isn't looked at for ever. */
static void test_hanging(void)
{
  struct amz_sim_config c = {
    .master = {.tasks = 4, .policy = amz_policy_find("static"), .stop_after = UINT64_MAX, .dead_ns = AMZ_NEVER,
               .suspect_ns = AMZ_NEVER, .heartbeat_ns = AMZ_NEVER},
    .worker = {.heartbeat_ns = AMZ_NEVER}, .ranks = 1, .slots_per_rank = 2, .hang = 1, .work = {.mean_s = 0.01},
    .look_ns = 20 * MS, .overdue_ns = 60 * MS,
  };
  struct amz_sim_result r;

  CU_ASSERT_EQUAL(amz_sim_run(&c, &r), AMZ_OK);
  ASSERT_U64(r.end, AMZ_END_RUNNING);
  ASSERT_U64(r.cut, 0);
}

/* One rank of two slots, 400 tasks of 0.1 ms, RUNs of 4 ms: a slot that runs something has the RUN that comes next there, too. A
 * drain at 5 ms lets the RUNs end that have begun or wait, a cancel ends what runs. From 8 ms on tasks take twice as long, or 1 s
 * in the last row. */
static void test_run_ahead(void)
{
  static const struct amz_sim_fault drain = {.kind = AMZ_SIM_DRAIN, .at_ns = 5 * MS, .stop = AMZ_STOP_DRAIN,
                                             .grace_ns = 1000 * MS},
                                    cancel = {.kind = AMZ_SIM_DRAIN, .at_ns = 5 * MS, .stop = AMZ_STOP_CANCEL},
                                    slower = {.kind = AMZ_SIM_PACE, .at_ns = 8 * MS, .factor = 0.5},
                                    stuck = {.kind = AMZ_SIM_PACE, .at_ns = 8 * MS, .factor = 1e-4},
                                    frozen = {.kind = AMZ_SIM_FREEZE, .at_ns = 8 * MS, .until_ns = 9 * MS};
  static const struct {
    const char *row;
    const struct amz_sim_fault *fault;
    bool bulk;
    double undone;
    enum amz_end end;
    double least_s, most_s; /* makespan: all tasks on two slots, and at most a RUN on one of them meanwhile; */
    bool cuts;
  } rows[] = {
    {"in bulk", NULL, true, 0, AMZ_END_DONE, 0.02, 0.024, false},
    {"a result per task", NULL, false, 0, AMZ_END_DONE, 0.02, 0.024, false},
    {"executors give halves back", NULL, true, 0.3, AMZ_END_DONE, 0.02, 0.024, false},
    {"half as fast: what is left of 20 ms takes 24", &slower, true, 0, AMZ_END_DONE, 0.03199, 0.04, false},
    {"the rank hears nothing for 1 ms", &frozen, true, 0, AMZ_END_DONE, 0.02, 0.026, false},
    {"drained: what waits on slots is run", &drain, true, 0, AMZ_END_STOPPED, 0.005, 0.014, false},
    {"cancelled", &cancel, true, 0, AMZ_END_STOPPED, 0.0005, 0.0051, false},
    {"1 s each: cut short, behind the task that it is at", &stuck, true, 0, AMZ_END_DONE, 120, 240, true},
  };

  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    struct amz_sim_config c = {
      .master = {.tasks = 400, .policy = amz_policy_find("fac2"), .stop_after = UINT64_MAX},
      .worker = {.grain_ns = 4 * MS, .run_ahead = true}, .ranks = 1, .slots_per_rank = 2, .bulk = rows[i].bulk,
      .undone = rows[i].undone, .latency_ns = 1000, .work = {.mean_s = 1e-4}, .look_ns = 20 * MS, .overdue_ns = 60 * MS,
      .faults = rows[i].fault, .n_faults = rows[i].fault != NULL, .limit_ns = 1000000 * MS,
    };
    struct amz_sim_result r;

    CU_ASSERT_EQUAL(amz_sim_run(&c, &r), AMZ_OK);
    ASSERT_ROW_U64(rows[i].row, r.end, rows[i].end);
    if (rows[i].end == AMZ_END_DONE)
      ASSERT_ROW_U64(rows[i].row, r.stats.succeeded, 400);
    ASSERT_ROW_U64(rows[i].row, r.makespan_s >= rows[i].least_s - 1e-9 && r.makespan_s <= rows[i].most_s, true);
    ASSERT_ROW_U64(rows[i].row, r.cut > 0, rows[i].cuts);
  }
}

int main(void)
{
  static const struct amz_test tests[] = {
    {"what is overdue ends behind the task that it is at", test_cut},
    {"nothing is lost", test_nothing_is_lost},
    {"tasks that never end", test_hanging},
    {"RUNs that wait on their slots", test_run_ahead},
    {NULL, NULL},
  };

  return amz_test_main("look", tests, 60);
}
