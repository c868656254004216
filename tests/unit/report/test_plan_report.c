/* Plans in words, as batch scripts and as JSON; samples there and back, and what is refused of them. */
#include <jansson.h>
#include <math.h>
#include <string.h>

#include <amorsize/job.h>
#include <amorsize/plan_report.h>
#include <amorsize/sample_report.h>

#include "../../support/tap.h"

static struct amz_reason reasons[] = {
  {"numa", false, "a rank stays within one of 2 NUMA domains of 8 cores, unless one task needs more", ""},
  {"memory", true, "6 slots a node instead of 16: 4.0 GiB a task, and 80 % of 32.0 GiB are for tasks",
   "nodes of 80.0 GiB would allow all 16"},
};
static struct amz_recommendation advice[] = {{"split the longest"}};

static struct amz_node node = {.cores = 16, .allowed_cores = 16, .n_domains = 0, .allowed_memory_bytes = UINT64_C(32) << 30};
static const struct amz_plan_nodes nodes = {&node, 2, 1};
static double times[] = {90, 110};
static const struct amz_workload work = {.tasks = 600, .threads = 1, .busy = 6, .n = 2, .sampled = 2, .observed = 3, .failed = 1,
  .wall_s = times,
  .mean_s = {100, 80, 120, 2, AMZ_SAMPLED}, .cv = 0.14, .cpu_share = 0.99, .cpu_per_wall = 0.99, .kind = AMZ_WORK_CPU,
  .rss_bytes = UINT64_C(4) << 30, .weight = {.r2 = -1}};
static const struct amz_plan_input input = {.work = &work, .nodes = &nodes, .n_nodes = 1,
  .want = {.nodes = AMZ_AUTO, .ranks_per_node = AMZ_AUTO, .slots_per_rank = AMZ_AUTO, .threads_per_task = AMZ_AUTO,
           .policy = "adaptive", .chunk_s = 0.2},
  .costs = {.gap_s = {0.001, 0.001, 0.002, 9, AMZ_SAMPLED}, .launch_base_s = {0.5, 0.5, 0.5, 0, AMZ_ASSUMED}}};
static const struct amz_plan plan = {
  .chosen = {.layout = {2, 1, 6, 1}, .policy = "adaptive", .chunk_s = 0.2, .slots = 12, .task_s = 100, .contention = 1,
             .launch_s = 1, .work_s = 5000, .imbalance_s = 50, .makespan_s = 5050,
             .total_s = 5051, .interval_s = {4900, 5200}, .speedup = 11.9, .efficiency = 0.99, .core_hours = 44.9,
             .simulated = true},
  .serial = {.layout = {1, 1, 1, 1}, .slots = 1, .total_s = 60000},
  .others = {{.layout = {1, 1, 6, 1}, .policy = "adaptive", .chunk_s = 0.2, .slots = 6, .total_s = 10001, .makespan_s = 10001,
              .efficiency = 1}}, .why_not = {"no faster"}, .n_others = 1,
  .chunkings = {{.policy = "fac2", .makespan_s = 5100, .total_s = 5101, .why_not = "no faster by 2 %"}}, .n_chunkings = 1,
  .why_chunks = "none of 1 other ways that were played out is faster",
  .considered = 20, .simulated = 2, .why = "the fastest; within 2 % of it, the smallest", .break_even_tasks = 3,
  .theoretical_speedup = 32,
  .reasons = reasons, .n_reasons = 2, .recommendations = advice, .n_recommendations = 1};
static const struct amz_plan_report report = {.job = "dock", .input = &input, .plan = &plan};

static void test_short(void)
{
  struct amz_buf out = AMZ_BUF_INIT;

  amz_report_plan(&report, &out);
  ASSERT_TEXT(amz_buf_text(&out), "  plan              2 nodes × 1 rank × 6 slots\n"
                                  "  predicted         1 h 24 min (90 %: 1 h 21 min to 1 h 26 min), speedup 11.9, efficiency 99 "
                                  "%\n"
                                  "  because it is     the fastest; within 2 % of it, the smallest\n"
                                  "  limited by        memory: 6 slots a node instead of 16: 4.0 GiB a task, and 80 % of 32.0 "
                                  "GiB are for tasks\n"
                                  "  pays from         about 3 tasks on\n");
  amz_buf_clear(&out);
}

static void test_from_history(void)
{
  static const char expected[] = "  costs             from history: 3 earlier runs, the latest of 2000-02-29 12:34 UTC\n";
  struct amz_workload known = work;
  struct amz_plan_input in = input;
  struct amz_plan_report r = {.job = "dock", .input = &in, .plan = &plan, .history_runs = 3, .history_latest_s = 951827696};
  struct amz_buf out = AMZ_BUF_INIT;

  known.mean_s.source = AMZ_HISTORY;
  known.sampled = 2;
  in.work = &known;
  amz_report_plan(&r, &out);
  ASSERT_I64(strncmp(amz_buf_text(&out), expected, sizeof expected - 1), 0);
  amz_buf_reset(&out);
  amz_report_plan_explain(&r, &out);
  CU_ASSERT(strstr(amz_buf_text(&out), expected) && strstr(amz_buf_text(&out), "from 2 tasks of earlier runs\n"));
  amz_buf_reset(&out);
  ASSERT_I64(amz_report_plan_json(&r, &out), AMZ_OK);
  CU_ASSERT(strstr(amz_buf_text(&out), "\"history\": {\n    \"runs\": 3,\n    \"latest_s\": 951827696\n  }") != NULL);
  amz_buf_clear(&out);
}

static void test_in_full(void)
{
  static const char *const parts[] = {
    "Workload analysis\n  job               dock: 600 tasks\n", "1 of 3 sampled tasks failed\n",
        "  between tasks     1 ms (sampled)\n",
    "  a chunk           unknown: counted as nothing\n", "  a launch          500 ms (assumed)\n",
    "  layout            2 nodes × 1 rank × 6 slots = 12 tasks at a time\n", "theoretical maximum 32\n", "simulated\n",
    "Rejected alternatives\n", "no faster\n",
    "  chunks            adaptive, of about 200 ms: none of 1 other ways that were played out is faster\n",
    "  chunks            fac2: 1 h 25 min in all, no faster by 2 %\n", "took nothing away)\n",
    "lifted by: nodes of 80.0 GiB would allow all 16\n", "  - split the longest\n"};
  struct amz_buf out = AMZ_BUF_INIT;

  amz_report_plan_explain(&report, &out);
  for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
    ASSERT_ROW_U64(parts[i], strstr(amz_buf_text(&out), parts[i]) != NULL, true);
  amz_buf_clear(&out);
}

/* Every line of the script, worked out from the plan: 6 × 4 GiB with a quarter more, and 256 MiB for the rank; (1 + 5200) · 1.1 +
 * 60 + 120 s in whole minutes. */
static void test_script(void)
{
  static const char *const extra[] = {"--constraint=milan", "--mail-user=me@x --comment=\"x\ny\""};
  const struct amz_sbatch batch = {.job = "dock\n#SBATCH -A evil", .command = "resume dock.runs/001", .partition = "cpu",
                                   .extra = extra, .n_extra = 2};
  struct amz_buf out = AMZ_BUF_INIT;

  amz_report_plan_sbatch(&report, &batch, &out);
  ASSERT_TEXT(amz_buf_text(&out), "#!/bin/bash\n"
                                  "#SBATCH --job-name=dock_#SBATCH_-A_evil\n"
                                  "#SBATCH --nodes=2\n"
                                  "#SBATCH --ntasks-per-node=1\n"
                                  "#SBATCH --cpus-per-task=6\n"
                                  "#SBATCH --mem=30976M\n"
                                  "#SBATCH --time=01:39:00\n"
                                  "#SBATCH --signal=B:USR1@120\n"
                                  "#SBATCH --no-requeue\n"
                                  "#SBATCH --no-kill\n"
                                  "#SBATCH --partition=cpu\n"
                                  "#SBATCH --constraint=milan\n"
                                  "#SBATCH --mail-user=me@x --comment=\"x_y\"\n"
                                  "\n"
                                  "# Predicted: 1 h 24 min (90 %: 1 h 21 min to 1 h 26 min) with 6 slots a rank; asked for: the "
                                  "upper end and a margin.\n"
                                  "# `exec`: the signal before the end of the time reaches amorsize-mpi itself, which lets "
                                  "running tasks finish.\n"
                                  "exec amorsize-mpi resume dock.runs/001 --slots 6 --threads 1\n");
  amz_buf_clear(&out);
}

/* A job that comes back keeps what it said; one node alone has no others to outlive it; who isn't on PATH is called by his path. */
static void test_script_variants(void)
{
  static const struct {
    const char *what;
    uint32_t nodes;
    bool requeue;
    const char *program, *part;
    bool there;
  } rows[] = {
    {"comes back: its output goes on", 2, true, NULL, "\n#SBATCH --requeue\n#SBATCH --open-mode=append\n", true},
    {"doesn't: nothing to go on with", 2, false, NULL, "open-mode", false},
    {"several nodes: one may die", 2, false, NULL, "\n#SBATCH --no-kill\n", true},
    {"one node", 1, true, NULL, "no-kill", false},
    {"by name", 1, false, NULL, "\nexec amorsize-mpi run dock.yaml ", true},
    {"by path", 1, false, "'/my bin/amorsize-mpi'", "\nexec '/my bin/amorsize-mpi' run dock.yaml ", true},
  };

  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    const struct amz_sbatch batch = {.job = "dock", .program = rows[i].program, .command = "run dock.yaml",
                                     .requeue = rows[i].requeue};
    struct amz_plan changed = plan;
    const struct amz_plan_report r = {.job = "dock", .input = &input, .plan = &changed};
    struct amz_buf out = AMZ_BUF_INIT;

    changed.chosen.layout.nodes = rows[i].nodes;
    amz_report_plan_sbatch(&r, &batch, &out);
    ASSERT_ROW_U64(rows[i].what, strstr(amz_buf_text(&out), rows[i].part) != NULL, rows[i].there);
    amz_buf_clear(&out);
  }
}

/* What a plan hands out otherwise than the settings say goes with it wherever it is carried out. */
static void test_changed_chunks(void)
{
  static const struct {
    const char *what, *policy, *option;
    double target_s;
  } rows[] = {{"as the settings have it", "adaptive", "--threads 1", 0.2}, {"another policy", "static",
              "--threads 1 --policy static", 0},
              {"another target", "adaptive", "--threads 1 --set chunks.target=0.05s", 0.05}};
  const struct amz_sbatch batch = {.job = "dock", .command = "run dock.yaml"};

  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    struct amz_plan changed = plan;
    const struct amz_plan_report r = {.job = "dock", .input = &input, .plan = &changed};
    struct amz_buf script = AMZ_BUF_INIT, options = AMZ_BUF_INIT, text = AMZ_BUF_INIT;

    changed.chosen.policy = rows[i].policy;
    changed.chosen.chunk_s = rows[i].target_s;
    amz_report_plan_sbatch(&r, &batch, &script);
    amz_report_plan_options(&r, &options);
    amz_report_plan(&r, &text);
    ASSERT_ROW_TEXT(rows[i].what, strstr(amz_buf_text(&options), "--threads"), rows[i].option);
    CU_ASSERT(strstr(amz_buf_text(&script), rows[i].option) != NULL);
    ASSERT_ROW_U64(rows[i].what, strstr(amz_buf_text(&text), "handed out by") != NULL, i > 0);
    amz_buf_clear(&script);
    amz_buf_clear(&options);
    amz_buf_clear(&text);
  }
}

/* Nodes that differ: what one number can't say is said by kind, and the script doesn't claim it. */
static void test_classes(void)
{
  static struct amz_node small = {.host = (char *)"n7", .cores = 8, .allowed_cores = 8,
                                  .allowed_memory_bytes = UINT64_C(16) << 30};
  static const struct amz_plan_nodes kinds[] = {{&node, 2, 1}, {&small, 3, 0.5}};
  const struct amz_sbatch batch = {.job = "dock", .command = "resume dock.runs/001"};
  struct amz_plan uneven = plan;
  struct amz_plan_input in = input;
  const struct amz_plan_report r = {.job = "dock", .input = &in, .plan = &uneven};
  struct amz_buf out = AMZ_BUF_INIT;
  json_t *o, *classes;

  in.nodes = kinds;
  in.n_nodes = 2;
  uneven.classes[0] = (struct amz_plan_class){.kind = 0, .nodes = 2, .ranks_per_node = 1, .slots_per_rank = 6, .task_s = 100};
  uneven.classes[1] = (struct amz_plan_class){.kind = 1, .nodes = 3, .ranks_per_node = 1, .slots_per_rank = 3, .task_s = 200};
  uneven.n_classes = 2;
  uneven.chosen.layout.nodes = 5;
  amz_report_plan(&r, &out);
  CU_ASSERT(strstr(amz_buf_text(&out), "  plan              5 nodes × 1 rank × 6 slots, at most\n") != NULL);
  amz_buf_reset(&out);
  amz_report_plan_explain(&r, &out);
  CU_ASSERT(strstr(amz_buf_text(&out), "    of them         2 × 16 cores: 1 rank × 6 slots, a task 1 min 40 s\n"
                                       "                    3 × 8 cores like n7: 1 rank × 3 slots, a task 3 min 20 s\n") != NULL);
  amz_buf_reset(&out);
  amz_report_plan_sbatch(&r, &batch, &out);
  CU_ASSERT(strstr(amz_buf_text(&out), "#SBATCH --nodes=5\n#SBATCH --ntasks-per-node=1\n#SBATCH --exclusive\n#SBATCH "
                                       "--mem=0\n#SBATCH --time") != NULL);
  CU_ASSERT(strstr(amz_buf_text(&out), "# Planned were 2 × 1 rank × 6 slots, 3 × 1 rank × 3 slots; see") != NULL);
  CU_ASSERT(strstr(amz_buf_text(&out), "\nexec amorsize-mpi resume dock.runs/001 --threads 1\n") != NULL);
  amz_buf_reset(&out);
  ASSERT_I64(amz_report_plan_json(&r, &out), AMZ_OK);
  o = json_loads(amz_buf_text(&out), 0, NULL);
  classes = json_object_get(json_object_get(o, "layout"), "classes");
  ASSERT_U64(json_array_size(classes), 2);
  ASSERT_I64(json_integer_value(json_object_get(json_array_get(classes, 1), "slots_per_rank")), 3);
  CU_ASSERT(json_real_value(json_object_get(json_array_get(classes, 1), "speed")) == 0.5);
  ASSERT_TEXT(json_string_value(json_object_get(json_array_get(classes, 1), "like")), "n7");
  json_decref(o);
  amz_buf_clear(&out);
}

/* Two values of a skewed distribution leave the upper end open: no file, script or line has a number that nobody can read. */
static void test_open_end(void)
{
  const struct amz_plan_file file = {.job = "dock", .layout = {1, 1, 2, 1}, .policy = "adaptive",
                                     .predicted = {0.5, 0.25, INFINITY}, .tasks = 600,
                                     .task_s = 0.0025, .task_stddev_s = 5e-7};
  const struct amz_sbatch batch = {.job = "dock", .command = "resume dock.runs/001"};
  struct amz_observation seen = {.index = 7, .threads = 1, .busy = 2, .wall_s = 0.125};
  const struct amz_sample s = {.job = "dock", .host = "n1", .tasks = 600, .slots = 2, .threads = 1,
                               .gap_s = {0.001, 0.0005, INFINITY, 2, AMZ_SAMPLED},
                               .seen = &seen, .n = 1};
  struct amz_workload w = work;
  struct amz_sample back;
  struct amz_plan open = plan;
  const struct amz_plan_report r = {.job = "dock", .input = &input, .plan = &open};
  struct amz_buf out = AMZ_BUF_INIT;

  amz_report_plan_file(&file, &out);
  CU_ASSERT(strstr(amz_buf_text(&out), "prediction: {makespan: 0.500000s, low: 0.250000s, high: 31536000.000000s, tasks: 600, "
                                         "slots: 2, threads: 1, task: 0.002500000s, task_stddev: 0.000000500s}\n") != NULL);
  amz_buf_reset(&out);
  open.chosen.interval_s[1] = INFINITY;
  amz_report_plan(&r, &out);
  CU_ASSERT(strstr(amz_buf_text(&out), "(90 %: 1 h 21 min or more)") != NULL);
  amz_buf_reset(&out);
  amz_report_plan_sbatch(&r, &batch, &out); /* (1 + 50 500) · 1.1 + 60 + 120 s */
  CU_ASSERT(strstr(amz_buf_text(&out), "#SBATCH --time=15:29:00\n") != NULL);
  amz_buf_reset(&out);
  ASSERT_I64(amz_report_plan_json(&r, &out), AMZ_OK);
  CU_ASSERT(strstr(amz_buf_text(&out), "null") != NULL && strstr(amz_buf_text(&out), "inf") == NULL);
  amz_buf_reset(&out);
  w.points[0] = (struct amz_thread_point){1, 2, {1, 1, 1, 2, AMZ_SAMPLED}};
  /* of a single task nobody knows the spread */
  w.points[1] = (struct amz_thread_point){2, 1, {1.5, 0, INFINITY, 1, AMZ_SAMPLED}};
  w.n_points = 2;
  ASSERT_I64(amz_report_sample_json(&s, &w, &out), AMZ_OK);
  CU_ASSERT_EQUAL_FATAL(amz_sample_parse(amz_buf_text(&out), out.len, NULL, &back), AMZ_OK);
  CU_ASSERT(back.gap_s.source == AMZ_SAMPLED && back.gap_s.value == 0.001 && isinf(back.gap_s.high));
  amz_sample_clear(&back);
  amz_buf_clear(&out);
}

static void test_json(void)
{
  static const struct {
    const char *key;
    int64_t value;
  } keys[] = {{"nodes", 2}, {"cores", 16}, {"allowed_cores", 16}, {"numa_domains", 0},
              {"allowed_memory_bytes", INT64_C(32) << 30}, {"gpus", 0}};
  struct amz_buf out = AMZ_BUF_INIT;
  json_t *o, *kind;

  ASSERT_I64(amz_report_plan_json(&report, &out), AMZ_OK);
  o = json_loads(amz_buf_text(&out), 0, NULL);
  CU_ASSERT_PTR_NOT_NULL_FATAL(o);
  ASSERT_I64(json_integer_value(json_object_get(json_object_get(o, "layout"), "slots_per_rank")), 6);
  kind = json_array_get(json_object_get(o, "nodes"), 0);
  for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
    ASSERT_ROW_I64(keys[i].key, json_integer_value(json_object_get(kind, keys[i].key)), keys[i].value);
  ASSERT_TEXT(json_string_value(json_object_get(json_object_get(o, "goal"), "seek")), "time");
  CU_ASSERT(json_is_null(json_object_get(json_object_get(o, "goal"), "deadline_s")));
  CU_ASSERT(json_is_number(json_object_get(o, "serial_s")) && json_is_number(json_object_get(o, "unforeseen")));
  ASSERT_TEXT(json_string_value(json_object_get(json_object_get(o, "chunk"), "policy")), "adaptive");
  CU_ASSERT(json_real_value(json_array_get(json_object_get(json_object_get(o, "prediction"), "interval_s"), 1)) == 5200);
  ASSERT_U64(json_array_size(json_object_get(o, "constraints")), 2);
  ASSERT_TEXT(json_string_value(json_object_get(json_array_get(json_object_get(o, "rejected"), 0), "why_not")), "no faster");
  ASSERT_U64(json_array_size(json_object_get(o, "rejected")), 2);
  ASSERT_TEXT(json_string_value(json_object_get(json_object_get(json_array_get(json_object_get(o, "rejected"), 0), "chunk"),
                                                "policy")), "adaptive");
  ASSERT_TEXT(json_string_value(json_object_get(json_object_get(json_array_get(json_object_get(o, "rejected"), 1), "chunk"),
                                                "policy")), "fac2");
  ASSERT_TEXT(json_string_value(json_object_get(json_object_get(json_object_get(o, "costs"), "chunk_s"), "source")), "unknown");
  json_decref(o);
  amz_buf_clear(&out);
}

/* ---- samples ---------------------------------------------------------------------------------------------------------- */

static void test_there_and_back(void)
{
  struct amz_observation seen[] = {{.index = 7, .weight = 2.5, .threads = 1, .busy = 2, .wall_s = 0.125, .cpu_s = 0.1,
    .rss_bytes = 1 << 20, .out_bytes = 3, .in_bytes = 4, .waited_s = 0.01},
    {.index = UINT64_C(1) << 61, .threads = 4, .busy = 1, .failed = true, .wall_s = 1e-9}};
  struct amz_sample s = {.job = "dock", .host = "n1", .tasks = UINT64_C(1) << 62, .slots = 2, .threads = 1,
                         .gap_s = {0.001, 0.0005, 0.002, 9, AMZ_SAMPLED}, .seen = seen, .n = 2}, back;
  struct amz_buf out = AMZ_BUF_INIT;
  struct amz_error err = {0};

  ASSERT_I64(amz_report_sample_json(&s, &work, &out), AMZ_OK);
  CU_ASSERT_EQUAL_FATAL(amz_sample_parse(amz_buf_text(&out), out.len, &err, &back), AMZ_OK);
  ASSERT_TEXT(back.job, "dock");
  ASSERT_U64(back.tasks, UINT64_C(1) << 62);
  ASSERT_U64(back.n, 2);
  ASSERT_U64(back.seen[1].index, UINT64_C(1) << 61);
  CU_ASSERT(back.seen[1].failed && !back.seen[0].failed && back.seen[0].wall_s == 0.125 && back.seen[0].weight == 2.5 &&
            back.seen[0].in_bytes == 4 && back.seen[0].waited_s == 0.01);
  CU_ASSERT(back.gap_s.value == 0.001 && back.gap_s.n == 9 && back.gap_s.source == AMZ_SAMPLED);
  for (size_t cut = 0; cut + 3 < out.len; cut += 7) { /* all but the closing brace and the newline */
    struct amz_sample none;

    ASSERT_I64(amz_sample_parse(amz_buf_text(&out), cut, &err, &none), AMZ_EINVAL);
  }
  amz_sample_clear(&back);
  amz_sample_clear(&back);
  amz_buf_clear(&out);
}

#define HEAD "{\"format\": 1, \"job\": \"x\", \"host\": \"h\", \"of_tasks\": 9, \"slots\": 2, \"threads\": 1, \"observations\": "
#define ROW(wall, threads) ROW_AT("1", wall, threads)
#define ROW_AT(index, wall, threads) \
  "[{\"index\": " index ", \"weight\": 0, \"threads\": " threads ", \"busy\": 1, \"failed\": false, \"wall_s\": " wall \
  ", \"cpu_s\": 0, \"max_rss_bytes\": 1, \"output_bytes\": 0}]}"

static void test_refused(void)
{
  static const struct {
    const char *row, *json, *says;
  } rows[] = {
    {"nothing", "", "line 1"},
    {"a list", "[]", "format: expected 1"},
    {"another version", "{\"format\": 2}", "format: expected 1"},
    {"no observations", HEAD "7}", "observations: expected an array"},
    {"a negative time", HEAD ROW("-1", "1"), "observations[0]"},
    {"no threads", HEAD ROW("1", "0"), "observations[0]"},
    {"too many threads", HEAD ROW("1", "99999999999"), "observations[0]"},
    {"a task that the list doesn't have", HEAD ROW_AT("9", "1", "1"), "observations[0]"},
    {"a time that no task has taken", HEAD ROW("1e300", "1"), "observations[0]"},
    {"a text for a time", HEAD ROW("\"1\"", "1"), "observations[0]"},
  };

  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    struct amz_error err = {0};
    struct amz_sample s;

    ASSERT_ROW_I64(rows[i].row, amz_sample_parse(rows[i].json, strlen(rows[i].json), &err, &s), AMZ_EINVAL);
    ASSERT_ROW_U64(rows[i].row, strstr(err.text, rows[i].says) != NULL, true);
  }
}

int main(void)
{
  static const struct amz_test tests[] = {
    {"a plan in short", test_short}, {"costs from history", test_from_history}, {"a plan in full", test_in_full},
        {"a batch script", test_script}, {"what batch scripts differ in", test_script_variants},
    {"chunks that were changed", test_changed_chunks},
    {"nodes that differ", test_classes}, {"an open end", test_open_end}, {"a plan as JSON", test_json},
    {"a sample there and back", test_there_and_back}, {"no samples", test_refused},
    {NULL, NULL},
  };

  return amz_test_main("report plan", tests, 0);
}
