/* What history keeps of a run, from a store made by hand: few tasks in full, many by lot, the run's own sample before all. */
#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <amorsize/history.h>
#include <amorsize/store.h>

#include "../../support/tap.h"
#include "../job/job_support.h"
#include "../store/scratch.h"

#define BASE_NS INT64_C(1700000000000000000)

/* A run's directory, and what its last launch would say. */
struct made {
  struct scratch dir;
  struct amz_store *store;
  struct loaded job;
  struct amz_run_summary summary;
};

static void made_begin(struct made *m, const char *yaml)
{
  struct amz_store_config config = {.dir = m->dir.dir, .commit_ns = INT64_C(3600000000000)};
  char path[SCRATCH_PATH];

  CU_ASSERT_FATAL(scratch_make(&m->dir) && mkdir(scratch_path(&m->dir, "out", path), 0700) == 0);
  load_text(yaml, &m->job);
  CU_ASSERT_FATAL(m->job.rc == AMZ_OK);
  CU_ASSERT_FATAL(amz_store_open(&config, amz_job_tasks(m->job.job), NULL, &m->store) == AMZ_OK);
  m->summary = (struct amz_run_summary){.job = "made", .run_dir = m->dir.dir, .policy = "adaptive",
    .total = amz_job_tasks(m->job.job), .epoch = 1,
    .ranks = 2, .slots = 4, .threads = 1, .makespan_s = 100, .total_s = 101, .efficiency = 0.9, .utilisation = 0.9,
    .predicted_s = 90,
    .predicted = {90, 80, 110}, .task_mean_s = 2, .task_max_s = 3};
  m->summary.this_launch = m->summary.succeeded = m->summary.total;
}

static void made_clear(struct made *m)
{
  loaded_clear(&m->job);
  scratch_remove(&m->dir);
}

/* Task `index` on slot index % 4 (two a rank, ranks on nodes of their own), the n-th there: 2 s each, 10 ms between them. */
static void record(const struct made *m, uint64_t index, enum amz_outcome outcome)
{
  struct amz_record r = {.rank = (uint32_t)(index % 4 / 2), .epoch = 1, .final = true, .node = index % 4 / 2 ? "n2" : "n1",
    .result = {.position = index, .outcome = outcome, .attempt = 1, .slot = (uint32_t)(index % 2),
               .start_ns = BASE_NS + (int64_t)(index / 4) * 2010000000,
               .wall_ns = 2000000000, .cpu_ns = 1500000000, .max_rss_bytes = 1 << 20, .output_bytes = 11}};

  CU_ASSERT_FATAL(amz_store_record(m->store, &r, 1, NULL) == AMZ_OK);
}

static struct amz_history_run gathered(struct made *m, uint64_t *ret_id)
{
  struct amz_history_run run = {.costs = {.n = 0}};
  struct amz_error err = {.text = ""};

  CU_ASSERT_FATAL(amz_store_close(m->store, NULL) == AMZ_OK);
  if (amz_history_gather(m->job.job, &m->summary, &run, ret_id, &err) < 0)
    ASSERT_TEXT(err.text, "");
  return run;
}

static void test_few_tasks(void)
{
  struct made m;
  struct amz_history_run run;
  uint64_t id = 0;

  made_begin(&m, "tasks:\n  command: sim {n}\n  for: {n: {range: [101, 140]}}\n  weight: '{n}'\n");
  for (uint64_t i = 0; i < 40; i++)
    record(&m, i, i == 7 ? AMZ_FAILED : i == 8 ? AMZ_SKIPPED : i == 9 ? AMZ_TIMED_OUT : AMZ_SUCCEEDED);
  run = gathered(&m, &id);
  ASSERT_U64(run.costs.n, 39); /* what was skipped tells nothing */
  ASSERT_U64(run.costs.tasks, 40);
  for (size_t i = 0; i < run.costs.n; i++) {
    const struct amz_observation *o = &run.costs.seen[i];

    CU_ASSERT(o->weight == (double)(101 + o->index));
    CU_ASSERT(o->failed == (o->index == 7 || o->index == 9));
    CU_ASSERT_DOUBLE_EQUAL(o->wall_s, 2, 1e-9);
    CU_ASSERT_DOUBLE_EQUAL(o->cpu_s, 1.5, 1e-9);
    ASSERT_U64(o->busy, 2); /* of each node's two slots */
    ASSERT_U64(o->out_bytes, 11);
  }
  CU_ASSERT_DOUBLE_EQUAL(run.costs.gap_s.value, 0.01, 1e-6);
  CU_ASSERT(run.outcome.predicted_s == 90 && run.outcome.predicted_low_s == 80 && run.outcome.predicted_high_s == 110);
  CU_ASSERT(run.outcome.makespan_s == 100 && run.outcome.slots == 4 && run.outcome.succeeded == 40);
  CU_ASSERT(*run.outcome.run_dir == '/' && id != 0);
  amz_history_run_clear(&run);
  made_clear(&m);
}

static void test_very_many(void)
{
  const uint64_t tasks = UINT64_C(1000000000);
  struct made m;
  struct amz_history_run run;
  uint64_t id, low = 0, high = 0;

  made_begin(&m, "tasks:\n  command: sim {n}\n  for: {n: {range: [1, 1000000000]}}\n");
  /* times rise from stretch to stretch, each of another rank than its neighbours: they stay apart */
  for (uint32_t k = 0; k < 10; k++) {
    struct amz_chunk_record c = {.first = tasks / 10 * k, .count = tasks / 10, .attempt = 1, .rank = k % 2, .epoch = 1,
                                 .node = "n1", .start_ns = BASE_NS,
                                 .wall_s = (double)(k + 1) * 1e-6 * (double)tasks / 10};

    CU_ASSERT_FATAL(amz_store_record_chunk(m.store, &c, NULL) == AMZ_OK);
  }
  run = gathered(&m, &id);
  ASSERT_U64(run.costs.n, AMZ_HISTORY_OBSERVATIONS);
  for (size_t i = 0; i < run.costs.n; i++) {
    const struct amz_observation *o = &run.costs.seen[i];

    CU_ASSERT_DOUBLE_EQUAL(o->wall_s, (double)(o->index / (tasks / 10) + 1) * 1e-6, 1e-12);
    CU_ASSERT(o->cpu_s > 0);
    low += o->index < tasks / 4;
    high += o->index >= tasks / 4 * 3;
  }
  CU_ASSERT(low >= 63 && low <= 65 && high >= 63 && high <= 65); /* one of each 256th */
  /* a tenth of four slots' time went into none of them */
  CU_ASSERT_DOUBLE_EQUAL(run.costs.gap_s.value, 100 * 4 * 0.1 / 1e9, 1e-12);
  amz_history_run_clear(&run);
  made_clear(&m);
}

static void test_its_own_sample(void)
{
  struct amz_observation seen[3] = {{.index = 5, .threads = 1, .busy = 1, .wall_s = 1, .cpu_s = 1},
                                    {.index = 6, .threads = 4, .busy = 1, .wall_s = 0.4, .cpu_s = 1},
                                    {.index = 999, .threads = 1, .busy = 1, .wall_s = 7, .cpu_s = 1}}; /* beyond this list */
  char name[] = "made", host[] = "n1";
  struct amz_sample sample = {.job = name, .host = host, .tasks = 1000, .slots = 2, .threads = 1, .seen = seen, .n = 3};
  struct amz_buf text = AMZ_BUF_INIT;
  struct amz_workload w;
  struct amz_history_run run;
  struct made m;
  uint64_t id, sampled = 0;

  made_begin(&m, "tasks:\n  command: sim {n}\n  for: {n: {range: [1, 40]}}\n");
  for (uint64_t i = 0; i < 40; i++)
    record(&m, i, AMZ_SUCCEEDED);
  CU_ASSERT_FATAL(amz_workload_fit(seen, 3, 40, 0.95, &w) == AMZ_OK && amz_report_sample_json(&sample, &w, &text) == AMZ_OK);
  CU_ASSERT_FATAL(amz_rundir_write(m.dir.dir, "sample.json", text.data, text.len, false, NULL) == AMZ_OK);
  run = gathered(&m, &id);
  ASSERT_U64(run.costs.n, 40);
  for (size_t i = 0; i < run.costs.n; i++)
    if (run.costs.seen[i].index == 5 || run.costs.seen[i].index == 6) {
      sampled++;
      ASSERT_U64(run.costs.seen[i].busy, 1);
      ASSERT_U64(run.costs.seen[i].threads, run.costs.seen[i].index == 5 ? 1 : 4);
    }
  ASSERT_U64(sampled, 2);
  amz_workload_clear(&w);
  amz_buf_clear(&text);
  amz_history_run_clear(&run);
  made_clear(&m);
}

/* The same path, another run. */
static void test_which_run_it_is(void)
{
  struct made m;
  struct amz_history_run run;
  struct timespec then[2] = {{1000, 0}, {1000, 0}};
  char path[SCRATCH_PATH];
  uint64_t a, b, c;

  made_begin(&m, "tasks:\n  command: sim {n}\n  for: {n: [1, 2]}\n");
  record(&m, 0, AMZ_SUCCEEDED);
  CU_ASSERT_FATAL(amz_rundir_write(m.dir.dir, "job.yaml", "x", 1, false, NULL) == AMZ_OK);
  run = gathered(&m, &a);
  amz_history_run_clear(&run);
  CU_ASSERT_FATAL(amz_history_gather(m.job.job, &m.summary, &run, &b, NULL) == AMZ_OK);
  amz_history_run_clear(&run);
  CU_ASSERT_FATAL(utimensat(AT_FDCWD, scratch_path(&m.dir, "job.yaml", path), then, 0) == 0);
  CU_ASSERT_FATAL(amz_history_gather(m.job.job, &m.summary, &run, &c, NULL) == AMZ_OK);
  amz_history_run_clear(&run);
  ASSERT_U64(a, b);
  CU_ASSERT(a != c);
  CU_ASSERT_FATAL(unlink(scratch_path(&m.dir, "run.db", path)) == 0);
  CU_ASSERT(amz_history_gather(m.job.job, &m.summary, &run, &c, NULL) < 0);
  made_clear(&m);
}

int main(void)
{
  static const struct amz_test tests[] = {
    {"few tasks", test_few_tasks},
    {"very many tasks", test_very_many},
    {"the run's own sample", test_its_own_sample},
    {"which run it is", test_which_run_it_is},
    {NULL, NULL},
  };

  return amz_test_main("history gather", tests, 0);
}
