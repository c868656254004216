/* The history in words and as JSON: what is printed of runs made by hand, word for word. */
#include <math.h>
#include <string.h>

#include <jansson.h>

#include <amorsize/history_report.h>

#include "../../../src/report/history_key.h"
#include "../../support/tap.h"

static char name[] = "dock\033", host[] = "n1", dir_a[] = "/a/dock.runs/001", dir_b[] = "/a/my dock.runs/002",
policy[] = "adaptive", version[] = "0.1",
            key[] = "history 1\nwords dock {n}\n";
static struct amz_observation first[4], last[4];

static struct amz_history_run run_of(char *dir, struct amz_observation *seen, double task_s, int64_t ended_s)
{
  for (size_t i = 0; i < 4; i++)
    seen[i] = (struct amz_observation){.index = i, .threads = 1, .busy = 2, .wall_s = task_s};
  return (struct amz_history_run){.costs = {.job = name, .host = host, .tasks = 1200, .slots = 4, .threads = 1, .seen = seen,
    .n = 4},
    .outcome = {.run_dir = dir, .policy = policy, .version = version, .ended_s = ended_s, .succeeded = 1190, .failed = 7,
                .skipped = 3, .this_launch = 1200,
                .launches = 1, .ranks = 2, .slots = 4, .threads = 1, .predicted_s = -1, .predicted_low_s = -1,
                .predicted_high_s = -1, .makespan_s = 300 * task_s,
                .total_s = 310 * task_s, .efficiency = 0.95, .task_mean_s = task_s, .task_max_s = 2 * task_s}};
}

static struct amz_history_job job_of(struct amz_history_run runs[2])
{
  runs[0] = run_of(dir_a, first, 1, 951827696);
  runs[1] = run_of(dir_b, last, 1.5, 951827696 + 86400);
  runs[1].outcome.predicted_s = 495; /* of 450 */
  runs[1].outcome.predicted_low_s = 440;
  runs[1].outcome.predicted_high_s = 550;
  runs[1].outcome.predicted_from = AMZ_HISTORY;
  runs[1].outcome.this_launch = 100;
  return (struct amz_history_job){.id = "0123456789abcdef", .key = key, .runs = runs, .n = 2};
}

static void test_list(void)
{
  struct amz_history_run runs[2];
  struct amz_history_job jobs[2] = {job_of(runs), {.id = "00000000000000ff", .key = key, .runs = runs, .n = 1}};
  struct amz_buf out = AMZ_BUF_INIT;

  amz_report_history_list(jobs, 0, &out);
  ASSERT_TEXT(amz_buf_text(&out), "");
  amz_report_history_list(jobs, 2, &out);
  ASSERT_TEXT(amz_buf_text(&out),
              "id                runs  latest (UTC)           tasks     task time      makespan     predicted  off by  job\n"
              "0123456789abcdef     2  2000-03-01 12:34       1 200         1.5 s    7 min 30 s    8 min 15 s   +10 %  "
              "dock\\x1b\n"
              "00000000000000ff     1  2000-02-29 12:34       1 200           1 s    5 min 00 s             -       -  "
              "dock\\x1b\n");
  amz_buf_clear(&out);
}

static void test_job(void)
{
  static const char *const parts[] = {
    "dock\\x1b: 0123456789abcdef, 2 runs\n", "  known by          words: dock {n}\n",
    "  2000-02-29 12:34       1 200       7        4        1        95 %           1 s           2 s    5 min 00 s             "
    "-       -  /a/dock.runs/001\n",
    "   +10 %  '/a/my dock.runs/002' (its last launch)\n",
    "  trend             the latest run's tasks took 1.50 times as long as the first's (95 %: 1.50 to 1.50): costs have "
    "changed\n",
    "  predictions       1, off by 10 % in the median, 10 % at worst; 1 of 1 within their intervals\n",
    "  a plan takes      task time mean 1.5 s (95 %: 1.4 s to 1.6 s), CV 0.10, cpu-bound: from 4 tasks of 1 run\n"};
  struct amz_history_run runs[2];
  struct amz_history_job job = job_of(runs);
  struct amz_workload work = {.n = 4, .mean_s = {1.5, 1.4, 1.6, 4, AMZ_HISTORY}, .cv = 0.1, .kind = AMZ_WORK_CPU};
  struct amz_buf out = AMZ_BUF_INIT;

  amz_report_history_job(&job, &work, 1, &out);
  for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
    if (!strstr(amz_buf_text(&out), parts[i]))
      ASSERT_ROW_TEXT(parts[i], amz_buf_text(&out), parts[i]);
  amz_buf_reset(&out);
  job.n = 1;
  amz_report_history_job(&job, NULL, 0, &out);
  CU_ASSERT(strstr(amz_buf_text(&out), "a plan takes      nothing from here") && !strstr(amz_buf_text(&out), "trend") &&
            !strstr(amz_buf_text(&out), "predictions"));
  amz_buf_clear(&out);
}

/* Lines of keys as they are made, and lines that never are. */
static void test_keys(void)
{
  static const struct {
    const char *key, *said;
  } rows[] = {
    {"history 1", ""},
    {"tasks command", "tasks: command"},
    {"shell echo a  b | wc", "shell: echo a  b | wc"},
    {"size unknown", ""},
    {"size 2^20", "weight: 1 048 576 or more, less than twice that, in the median"},
    {"size 2^64", "size 2^64"},
    {"size ", "size "},
    {"preset default", ""},
    {"preset io", "preset: io"},
    {"threads auto", "threads: auto"},
    {"memory 0", ""},
    {"memory 0 ignored", "memory: not said, ignored"},
    {"memory 314572800", "memory: 300.0 MiB"},
    {"memory {m}", "memory: {m}"},
    {"gpus 0", ""},
    {"gpus 2", "GPUs: 2"},
    {"chunks 200000000 50000000 1000000000", "chunks: of 200 ms, 50 ms to 1 s"},
    {"chunks 200000000 x 1000000000", "chunks 200000000 x 1000000000"},
    {"chunks 99999999999999999999 1 1", "chunks 99999999999999999999 1 1"},
    {"program my prog 2048 077d65a206fab250", "program: my prog, 2.0 KiB, content 077d65a206fab250"},
    {"program", "program"},
    {"topology packages 1 cores 2 units 4 domains 1 digest 82c8b65663551936",
     "topology: 1 packages, 2 cores, 4 units, 1 domains, digest 82c8b65663551936"},
    {"allowed cores 6 CPUs 5.500 by domain 4 2", "allowed: 6 cores, 5.500 CPUs, by domain 4 2"},
    {"", ""},
  };

  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    struct amz_buf out = AMZ_BUF_INIT, expected = AMZ_BUF_INIT;

    if (*rows[i].said)
      amz_buf_addf(&expected, "  %-16s  %s\n", "known by", rows[i].said);
    amz_history_key_add(rows[i].key, &out);
    ASSERT_ROW_TEXT(rows[i].key, amz_buf_text(&out), amz_buf_text(&expected));
    amz_buf_clear(&out);
    amz_buf_clear(&expected);
  }
}

static double number(const json_t *o, const char *a, const char *b)
{
  return json_number_value(json_object_get(b ? json_object_get(o, a) : o, b ? b : a));
}

static void test_json(void)
{
  struct amz_history_run runs[2];
  struct amz_history_job job = job_of(runs);
  struct amz_buf out = AMZ_BUF_INIT;
  json_t *o, *latest;

  ASSERT_I64(amz_report_history_list_json(&job, &out), AMZ_OK);
  o = json_loadb(out.data, out.len, 0, NULL);
  latest = json_object_get(o, "latest");
  CU_ASSERT(number(o, "runs", NULL) == 2 && number(latest, "makespan_s", NULL) == 450 &&
            number(latest, "tasks", "succeeded") == 1193);
  CU_ASSERT_DOUBLE_EQUAL(number(latest, "off_by", NULL), 0.1, 1e-9);
  ASSERT_TEXT(json_string_value(json_object_get(latest, "predicted_from")), "history");
  CU_ASSERT(number(latest, "layout", "slots") == 4 && json_number_value(json_array_get(json_object_get(latest, "interval_s"),
      1)) == 550);
  json_decref(o);
  amz_buf_reset(&out);
  ASSERT_I64(amz_report_history_job_json(&job, NULL, 0, &out), AMZ_OK);
  o = json_loadb(out.data, out.len, 0, NULL);
  ASSERT_U64(json_array_size(json_object_get(o, "runs")), 2);
  latest = json_array_get(json_object_get(o, "runs"), 0);
  CU_ASSERT(json_is_null(json_object_get(latest, "predicted_s")) && json_is_null(json_object_get(latest, "interval_s")) &&
            json_is_null(json_object_get(latest, "off_by")) && json_is_null(json_object_get(latest, "predicted_from")));
  CU_ASSERT(number(o, "trend", "ratio") == 1.5 && json_is_true(json_object_get(json_object_get(o, "trend"), "drifted")) &&
            number(o, "known", "runs") == 0);
  json_decref(o);
  amz_buf_clear(&out);
}

static void test_off(void)
{
  struct amz_history_outcome o = {.predicted_s = 97, .makespan_s = 100};

  CU_ASSERT_DOUBLE_EQUAL(amz_history_off(&o), -0.03, 1e-12);
  o.makespan_s = 0;
  CU_ASSERT(isnan(amz_history_off(&o)));
  o = (struct amz_history_outcome){.predicted_s = -1, .makespan_s = 100};
  CU_ASSERT(isnan(amz_history_off(&o)));
}

int main(void)
{
  static const struct amz_test tests[] = {
    {"the list", test_list}, {"a job", test_job}, {"what a job is known by", test_keys}, {"as JSON", test_json},
        {"how far off", test_off}, {NULL, NULL},
  };

  return amz_test_main("report history", tests, 0);
}
