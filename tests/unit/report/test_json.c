/* JSON of runs: the contract's keys, hostile text, and reading status.json back. */
#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <amorsize/report.h>

#include "../../support/tap.h"

static const struct amz_run_progress progress = {.state = AMZ_RUN_DRAINING, .total = UINT64_C(1) << 62, .succeeded = 460,
  .failed = 3, .skipped = 7, .running = 2, .retried = 5, .epoch = 4, .ranks = 1, .slots = 16, .elapsed_ns = INT64_C(10123456789),
  .eta_ns = 42,
  .updated_ns = INT64_C(1764000000123456789), .task_mean_s = 0.1, .utilisation = 0.75, .job = "scan \"x\"\n",
  .run_dir = "a/b.runs/001", .host = "n1", .pid = 4711};

static json_t *summary_json(const struct amz_run_summary *s)
{
  struct amz_buf out = AMZ_BUF_INIT;
  json_t *o;

  CU_ASSERT(amz_report_summary_json(s, &out) == AMZ_OK);
  CU_ASSERT(out.len > 0 && out.data[out.len - 1] == '\n');
  o = json_loadb(amz_buf_text(&out), out.len, 0, NULL);
  amz_buf_clear(&out);
  return o;
}

/* A value by a path of keys with points between. */
static json_t *at(json_t *o, const char *path)
{
  char key[64];

  while (o && *path) {
    size_t n = strcspn(path, ".");

    memcpy(key, path, n);
    key[n] = '\0';
    o = json_object_get(o, key);
    path += n + (path[n] == '.');
  }
  return o;
}

static void summary_keeps_the_contract(void)
{
  struct amz_run_summary s = {.job = "scan", .run_dir = "scan.runs/001", .end = AMZ_END_STOPPED, .reason = "stop requested",
    .total = 10, .succeeded = 3, .failed = 2, .skipped = 1, .not_run = 4, .epoch = 2, .slots = 2, .makespan_s = 2.5,
    .total_s = 3.25,
    .efficiency = 0.5, .predicted_s = -1, .sampled = true, .planning_idle_s = 0.75, .planning_cpu_s = 0.25, .given_up_slots = 3,
    .master_busy = 0.75, .slowest = {{UINT64_C(1) << 40, 1.5}}, .n_slowest = 1, .outgrown = {5, 7, 300, 200},
    .killed = 6};
  static const struct {
    const char *path;
    json_int_t value;
  } integers[] = {{"tasks.total", 10}, {"tasks.succeeded", 4}, {"tasks.failed", 2}, {"tasks.not_run", 4}, {"tasks.skipped", 1},
    {"exit_status", 75}, {"launch", 2}, {"layout.slots", 2}, {"memory_exceeded.tasks", 5}, {"memory_exceeded.index", 7},
    {"memory_exceeded.max_rss_bytes", 300}, {"memory_exceeded.said_bytes", 200}, {"killed", 6}};
  static const struct {
    const char *path;
    double value;
  } reals[] = {{"makespan_s", 2.5}, {"total_s", 3.25}, {"efficiency", 0.5}, {"planning.idle_slot_s", 0.75},
    {"planning.cpu_s", 0.25},
    {"planning.cost_s", 0.5}, {"planning.share", 0.2}};
  json_t *o = summary_json(&s);

  for (size_t i = 0; i < sizeof integers / sizeof *integers; i++)
    ASSERT_ROW_I64(integers[i].path, json_integer_value(at(o, integers[i].path)), integers[i].value);
  for (size_t i = 0; i < sizeof reals / sizeof *reals; i++)
    CU_ASSERT(json_real_value(at(o, reals[i].path)) == reals[i].value);
  ASSERT_TEXT(json_string_value(at(o, "run_dir")), "scan.runs/001");
  ASSERT_TEXT(json_string_value(at(o, "reason")), "stop requested");
  CU_ASSERT(json_is_null(at(o, "predicted_s")));
  ASSERT_I64(json_integer_value(at(o, "given_up_slots")), 3);
  CU_ASSERT(json_real_value(at(o, "master_busy")) == 0.75);
  CU_ASSERT(json_integer_value(at(json_array_get(at(o, "slowest"), 0), "index")) == INT64_C(1) << 40);
  CU_ASSERT(json_is_array(at(o, "failures")) && json_array_size(at(o, "failures")) == 0);
  json_decref(o);
}

static void strange_numbers_and_text_stay_json(void)
{
  struct amz_run_summary s = {.job = "\xff\x01", .run_dir = "caf\xe9/\"\\", .end = AMZ_END_DONE, .total = UINT64_MAX,
    .makespan_s = (double)INFINITY, .efficiency = (double)NAN, .predicted_s = 0};
  json_t *o = summary_json(&s);

  CU_ASSERT_FATAL(o != NULL);
  ASSERT_TEXT(json_string_value(at(o, "job")), "\\xff\\x01");
  ASSERT_TEXT(json_string_value(at(o, "run_dir")), "caf\\xe9/\"\\");
  CU_ASSERT(json_is_null(at(o, "makespan_s")));
  CU_ASSERT(json_is_null(at(o, "efficiency")));
  CU_ASSERT(json_is_null(at(o, "reason")));
  CU_ASSERT(json_is_null(at(o, "planning"))); /* nothing was sampled */
  CU_ASSERT(json_is_null(at(o, "memory_exceeded")));
  CU_ASSERT(json_real_value(at(o, "predicted_s")) == 0);
  ASSERT_I64(json_integer_value(at(o, "tasks.total")), INT64_MAX);
  json_decref(o);
}

static void same_numbers_same_bytes(void)
{
  struct amz_buf a = AMZ_BUF_INIT, b = AMZ_BUF_INIT;

  CU_ASSERT(amz_report_status_json(&progress, &a) == AMZ_OK);
  CU_ASSERT(amz_report_status_json(&progress, &b) == AMZ_OK);
  ASSERT_TEXT(amz_buf_text(&a), amz_buf_text(&b));
  CU_ASSERT(strncmp(amz_buf_text(&a), "{\n  \"state\": \"stopping\",\n  \"job\": \"scan \\\"x\\\"\\n\",\n", 49) == 0);
  CU_ASSERT(strstr(amz_buf_text(&a), "\"task_mean_s\": 0.1,") != NULL);
  amz_buf_clear(&a);
  amz_buf_clear(&b);
}

static void status_comes_back(void)
{
  struct amz_buf json = AMZ_BUF_INIT, text = AMZ_BUF_INIT;
  struct amz_run_progress p = {0};

  CU_ASSERT(amz_report_status_json(&progress, &json) == AMZ_OK);
  CU_ASSERT(amz_report_status_parse(json.data, json.len, &text, &p) == AMZ_OK);
  CU_ASSERT(p.state == progress.state);
  ASSERT_U64(p.total, progress.total);
  ASSERT_U64(p.succeeded, 460);
  ASSERT_U64(p.failed, 3);
  ASSERT_U64(p.skipped, 7);
  ASSERT_U64(p.running, 2);
  ASSERT_U64(p.retried, 5);
  ASSERT_U64(p.epoch, 4);
  ASSERT_U64(p.ranks, 1);
  ASSERT_U64(p.slots, 16);
  ASSERT_I64(p.elapsed_ns, progress.elapsed_ns);
  ASSERT_I64(p.eta_ns, 42);
  ASSERT_I64(p.updated_ns, progress.updated_ns);
  ASSERT_I64(p.pid, 4711);
  CU_ASSERT(p.task_mean_s == 0.1 && p.utilisation == 0.75);
  ASSERT_TEXT(p.job, progress.job);
  ASSERT_TEXT(p.run_dir, progress.run_dir);
  ASSERT_TEXT(p.host, "n1");
  amz_buf_clear(&json);
  amz_buf_clear(&text);
}

static void unknowns_come_back(void)
{
  struct amz_run_progress none = {.state = AMZ_RUN_STARTING, .eta_ns = -1}, p = progress;
  struct amz_buf json = AMZ_BUF_INIT, text = AMZ_BUF_INIT;

  CU_ASSERT(amz_report_status_json(&none, &json) == AMZ_OK);
  CU_ASSERT(amz_report_status_parse(json.data, json.len, &text, &p) == AMZ_OK);
  ASSERT_I64(p.eta_ns, -1);
  CU_ASSERT(p.job == NULL && p.run_dir == NULL && p.host == NULL);
  CU_ASSERT(p.state == AMZ_RUN_STARTING);
  amz_buf_clear(&json);
  amz_buf_clear(&text);
}

/* A file cut off anywhere is damage, never half a status. (The last byte is a newline: without it, it is still whole.) */
static void every_truncation_is_damage(void)
{
  struct amz_buf json = AMZ_BUF_INIT, text = AMZ_BUF_INIT;
  struct amz_run_progress p;

  CU_ASSERT(amz_report_status_json(&progress, &json) == AMZ_OK);
  for (size_t n = 0; n + 1 < json.len; n++)
    CU_ASSERT(amz_report_status_parse(json.data, n, &text, &p) == AMZ_ECORRUPT);
  amz_buf_clear(&json);
  amz_buf_clear(&text);
}

/* One value replaced at a time. */
static void strange_values_are_damage(void)
{
  static const struct {
    const char *from, *to;
  } rows[] = {
    {"\"stopping\"", "\"dancing\""}, {"\"stopping\"", "3"}, {"\"running\": 2", "\"running\": -2"},
    {"\"running\": 2", "\"running\": 2.5"},
    {"\"slots\": 16", "\"slots\": 4294967296"}, {"\"slots\": 16", "\"slot\": 16"}, {"\"skipped\": 7", "\"skipped\": 468"},
    {"\"host\": \"n1\"", "\"host\": 1"}, {"\"failed\": 3", "\"failed\": \"3\""}, {"\"pid\": 4711", "\"pid\": 1, \"pid\": 2"},
    {"\"task_mean_s\": 0.1", "\"task_mean_s\": []"}, {"{\n  \"state\"", "[{\n  \"state\""},
  };
  struct amz_buf json = AMZ_BUF_INIT, text = AMZ_BUF_INIT, changed = AMZ_BUF_INIT;
  struct amz_run_progress p;

  CU_ASSERT(amz_report_status_json(&progress, &json) == AMZ_OK);
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    const char *found = strstr(json.data, rows[i].from);

    CU_ASSERT_FATAL(found != NULL);
    amz_buf_reset(&changed);
    amz_buf_add(&changed, json.data, (size_t)(found - json.data));
    amz_buf_adds(&changed, rows[i].to);
    amz_buf_adds(&changed, found + strlen(rows[i].from));
    ASSERT_ROW_I64(rows[i].to, amz_report_status_parse(changed.data, changed.len, &text, &p), AMZ_ECORRUPT);
  }
  amz_buf_clear(&json);
  amz_buf_clear(&text);
  amz_buf_clear(&changed);
}

int main(void)
{
  static const struct amz_test tests[] = {
    {"summary keeps the contract", summary_keeps_the_contract},
    {"strange numbers and text stay json", strange_numbers_and_text_stay_json},
    {"same numbers same bytes", same_numbers_same_bytes},
    {"status comes back", status_comes_back}, {"unknowns come back", unknowns_come_back},
    {"every truncation is damage", every_truncation_is_damage}, {"strange values are damage", strange_values_are_damage},
    {NULL, NULL},
  };

  return amz_test_main("report json", tests, 0);
}
