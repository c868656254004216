/* Good descriptions: defaults, the complete example, presets, --set, names. */
#include <string.h>

#include "../../support/tap.h"
#include "example.h"
#include "job_support.h"

#define TASKS "tasks: {command: x}\n"

static void defaults_are_the_documented_ones(void)
{
  struct loaded l;
  const struct amz_settings *s;
  const uint64_t *ok;

  load_text(TASKS, &l);
  ASSERT_TEXT(amz_buf_text(&l.findings), "");
  if (l.job) {
    s = amz_job_settings(l.job);
    ok = amz_job_ok_exit(l.job);
    ASSERT_U64(s->resources.threads, 1);
    ASSERT_U64(s->plan.slots_per_rank, AMZ_AUTO);
    ASSERT_U64(s->plan.max_workers, AMZ_AUTO);
    ASSERT_TEXT(s->chunks.policy, "adaptive");
    ASSERT_I64(s->chunks.target_ns, 200000000);
    ASSERT_I64(s->chunks.min_ns, 50000000);
    ASSERT_I64(s->chunks.max_ns, 1000000000);
    ASSERT_U64(s->failures.retries, 0);
    ASSERT_I64(s->failures.backoff_ns, 1000000000);
    ASSERT_I64(s->failures.timeout_ns, 0);
    ASSERT_I64(s->failures.grace_ns, 20000000000);
    ASSERT_U64(s->failures.max_result, 67108864);
    CU_ASSERT(!s->failures.stop_after.set && !s->output.discard_stdout && s->sample.reuse);
    CU_ASSERT(ok[0] == 1 && ok[1] == 0 && ok[2] == 0 && ok[3] == 0);
    CU_ASSERT(amz_job_kind(l.job) == AMZ_TASK_COMMAND);
    ASSERT_U64(amz_job_tasks(l.job), 1);
    ASSERT_TEXT(amz_job_name(l.job), "job");
  }
  CU_ASSERT_PTR_NOT_NULL(l.job);
  loaded_clear(&l);
}

static void check_example(const struct amz_job *job)
{
  const struct amz_settings *s = amz_job_settings(job);
  size_t n;
  const char *const *names = amz_job_names(job, &n);

  ASSERT_TEXT(amz_job_name(job), "ligand-screen");
  ASSERT_U64(amz_job_tasks(job), 2 * 2 * 100); /* rows of the table, matches of the pattern, seeds */
  ASSERT_U64(n, 4);
  ASSERT_TEXT(names[0], "ligand2");
  ASSERT_TEXT(names[3], "seed");
  ASSERT_U64(s->resources.threads, AMZ_AUTO);
  ASSERT_TEXT(s->resources.memory_column, "mem_column");
  ASSERT_U64(s->plan.max_workers, 64);
  CU_ASSERT(s->plan.efficiency == 0.8 && s->chunks.rate == 0.3);
  ASSERT_I64(s->plan.deadline_ns, INT64_C(7200) * 1000000000);
  ASSERT_TEXT(s->chunks.policy, "adaptive");
  ASSERT_U64(s->failures.retries, 2);
  ASSERT_I64(s->failures.timeout_ns, INT64_C(600) * 1000000000);
  CU_ASSERT(s->failures.stop_after.set && s->failures.stop_after.is_share && s->failures.stop_after.share == 0.05);
  ASSERT_TEXT(s->output.results, "results.bin");
  ASSERT_TEXT(s->slurm.partition, "cpu");
  ASSERT_U64(s->slurm.n_extra, 1);
  ASSERT_TEXT(s->slurm.extra[0], "--constraint=milan");
}

static void the_complete_example_has_no_errors(void)
{
  struct loaded l;

  load_text(example, &l);
  ASSERT_U64(l.errors, 0);
  ASSERT_I64(l.rc, AMZ_OK);
  CU_ASSERT_PTR_NOT_NULL(strstr(amz_buf_text(&l.findings), "job.yaml:15:1: warning: after has no effect yet\n"));
  CU_ASSERT_PTR_NULL(strstr(amz_buf_text(&l.findings), "failures."));
  if (l.job)
    check_example(l.job);
  loaded_clear(&l);
}

static void open_bounds_follow_those_that_are_given(void)
{
  static const struct {
    const char *what, *yaml;
    int64_t min_ns, target_ns, max_ns;
  } rows[] = {
    {"target above the default max", "chunks: {target: 2s}\n", 50000000, 2000000000, 2000000000},
    {"target below the default min", "chunks: {target: 10ms}\n", 10000000, 10000000, 1000000000},
    {"min above the default target", "chunks: {min: 500ms}\n", 500000000, 500000000, 1000000000},
    {"max below the default min", "chunks: {max: 10ms}\n", 10000000, 10000000, 10000000},
    {"preset throughput", "preset: throughput\n", 50000000, 1000000000, 1000000000},
    {"preset latency", "preset: latency\n", 10000000, 50000000, 1000000000},
    {"preset memory", "preset: memory\n", 50000000, 500000000, 1000000000},
    {"preset, and a target over it", "preset: latency\nchunks: {target: 80ms}\n", 10000000, 80000000, 1000000000},
  };

  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    struct amz_buf yaml = AMZ_BUF_INIT;
    struct loaded l;

    amz_buf_addf(&yaml, "%s%s", TASKS, rows[i].yaml);
    load_text(amz_buf_text(&yaml), &l);
    ASSERT_ROW_U64(rows[i].what, l.errors, 0);
    if (l.job) {
      ASSERT_ROW_I64(rows[i].what, amz_job_settings(l.job)->chunks.min_ns, rows[i].min_ns);
      ASSERT_ROW_I64(rows[i].what, amz_job_settings(l.job)->chunks.target_ns, rows[i].target_ns);
      ASSERT_ROW_I64(rows[i].what, amz_job_settings(l.job)->chunks.max_ns, rows[i].max_ns);
    }
    loaded_clear(&l);
    amz_buf_clear(&yaml);
  }
}

/* A plan may hand out otherwise where nobody has said anything of it. */
static void what_a_plan_may_change(void)
{
  static const struct {
    const char *what, *yaml;
    bool policy, target;
  } rows[] = {
    {"nothing given", "", true, true},
    {"a policy, though it is the default", "chunks: {policy: adaptive}\n", false, true},
    {"a target, though it is the default", "chunks: {target: 200ms}\n", false, false},
    {"a bound", "chunks: {max: 1s}\n", false, true},
    {"a rate", "chunks: {rate: 0.3}\n", false, true},
    {"a preset whose point is its target", "preset: latency\n", false, false},
    {"another preset", "preset: io\n", true, true},
  };

  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    struct amz_buf yaml = AMZ_BUF_INIT;
    struct loaded l;

    amz_buf_addf(&yaml, "%s%s", TASKS, rows[i].yaml);
    load_text(amz_buf_text(&yaml), &l);
    ASSERT_ROW_U64(rows[i].what, l.errors, 0);
    if (l.job) {
      ASSERT_ROW_U64(rows[i].what, amz_job_settings(l.job)->chunks.policy_free, rows[i].policy);
      ASSERT_ROW_U64(rows[i].what, amz_job_settings(l.job)->chunks.target_free, rows[i].target);
    }
    loaded_clear(&l);
    amz_buf_clear(&yaml);
  }
}

static void presets_are_defaults(void)
{
  static const struct {
    const char *what, *yaml;
    uint32_t threads;
  } rows[] = {
    {"memory lets threads use the cores that it leaves idle", "preset: memory\n", AMZ_AUTO},
    {"unless the user says how many", "preset: memory\nresources: {threads: 2}\n", 2},
    {"others leave threads alone", "preset: io\n", 1},
  };

  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    struct amz_buf yaml = AMZ_BUF_INIT;
    struct loaded l;

    amz_buf_addf(&yaml, "%s%s", TASKS, rows[i].yaml);
    load_text(amz_buf_text(&yaml), &l);
    ASSERT_ROW_TEXT(rows[i].what, amz_buf_text(&l.findings), ""); /* not even a warning: they have effect */
    if (l.job)
      ASSERT_ROW_U64(rows[i].what, amz_job_settings(l.job)->resources.threads, rows[i].threads);
    loaded_clear(&l);
    amz_buf_clear(&yaml);
  }
}

/* What a plan's file says of ranks, before there is a job; nonsense counts as nothing here, as loading tells of it. */
static void ranks_of_a_plan(void)
{
  static const struct {
    const char *yaml;
    uint32_t nodes, ranks;
  } rows[] = {
    {"plan: {nodes: 3, ranks_per_node: 2}\n", 3, 2}, {"plan: {nodes: auto, ranks_per_node: 4}\n", 1, 4},
        {"plan: {slots_per_rank: 9}\n", 1, 1}, {"", 1, 1},
    {"plan: [1]\n", 1, 1}, {"plan: {nodes: many, ranks_per_node: 0}\n", 1, 1}, {"plan: {nodes: 99999999999}\n", 1, 1},
    {"{{{", 1, 1}, {"- plan\n", 1, 1},
  };

  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    uint32_t nodes = 0, ranks = 0;

    ASSERT_ROW_I64(rows[i].yaml, amz_job_plan_ranks(rows[i].yaml, strlen(rows[i].yaml), &nodes, &ranks), AMZ_OK);
    ASSERT_ROW_U64(rows[i].yaml, nodes, rows[i].nodes);
    ASSERT_ROW_U64(rows[i].yaml, ranks, rows[i].ranks);
  }
}

static void later_sets_win(void)
{
  static const char yaml[] = "tasks: {command: \"x {a}\", for: {a: [1, 2]}}\nfailures: {retries: 1, grace: 3s}\nplan:\n";
  static const struct amz_set sets[] = {
    {"--set", "failures.retries", "2"}, {"--set", "failures.retries", "3"}, {"--slots", "plan.slots_per_rank", "7"},
    {"--set", "tasks.for.a", "[x, y, z]"}, {"--set", "tasks.env.WHO", "{a}"}, {"--set", "failures.stop_after", "12"}};
  const struct amz_job_input input = {.file_name = "job.yaml", .yaml_text = yaml, .yaml_len = sizeof yaml - 1, .sets = sets,
    .n_sets = sizeof sets / sizeof *sets};
  struct loaded l;

  load(&input, &l);
  ASSERT_TEXT(amz_buf_text(&l.findings), "");
  if (l.job) {
    const struct amz_settings *s = amz_job_settings(l.job);

    ASSERT_U64(s->failures.retries, 3);
    ASSERT_I64(s->failures.grace_ns, 3000000000); /* what no option names stays */
    ASSERT_U64(s->plan.slots_per_rank, 7);
    ASSERT_U64(amz_job_tasks(l.job), 3);
    CU_ASSERT(s->failures.stop_after.set && !s->failures.stop_after.is_share);
    ASSERT_U64(s->failures.stop_after.count, 12);
  }
  CU_ASSERT_PTR_NOT_NULL(l.job);
  loaded_clear(&l);
}

static void a_set_leaves_other_uses_of_an_alias_alone(void)
{
  static const char yaml[] = "tasks: {command: \"x {a} {b}\", for: {a: &l [1, 2], b: *l}}\n";
  static const struct amz_set set = {"--set", "tasks.for.a", "[1, 2, 3]"};
  const struct amz_job_input input = {.file_name = "job.yaml", .yaml_text = yaml, .yaml_len = sizeof yaml - 1, .sets = &set,
                                      .n_sets = 1};
  struct loaded l;

  load(&input, &l);
  ASSERT_TEXT(amz_buf_text(&l.findings), "");
  if (l.job)
    ASSERT_U64(amz_job_tasks(l.job), 6);
  loaded_clear(&l);
}

static void names_are_safe_for_files(void)
{
  static const struct {
    const char *what, *file, *yaml, *command, *lines, *name;
  } rows[] = {
    {"as given", "f.yaml", "job: My.job-1_x\n" TASKS, NULL, NULL, "My.job-1_x"},
    {"other characters", "f.yaml", "job: \"a/b c\\tä\"\n" TASKS, NULL, NULL, "a_b_c___"},
    {"hidden", "f.yaml", "job: .x\n" TASKS, NULL, NULL, "_x"},
    {"an option", "f.yaml", "job: -rf\n" TASKS, NULL, NULL, "_rf"},
    {"two dots", "f.yaml", "job: \"..\"\n" TASKS, NULL, NULL, "_."},
    {"the file's stem", "dir.d/screen.v2.yaml", TASKS, NULL, NULL, "screen.v2"},
    {"a hidden file", ".yaml", TASKS, NULL, NULL, "_yaml"},
    {"standard input", "-", "tasks: {command: /usr/bin/vina --x}\n", NULL, NULL, "vina"},
    {"the command's first word", NULL, NULL, "bin/dock {index}", NULL, "dock"},
    {"a command of a list", "-", "tasks: {command: [./dock it, -x]}\n", NULL, NULL, "dock"},
    {"a command that is a slash", NULL, NULL, "/ x", NULL, "job"},
    {"the file of lines", NULL, NULL, NULL, "tasks.txt", "tasks"},
  };

  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    const struct amz_job_input input = {.file_name = rows[i].file, .yaml_text = rows[i].yaml,
      .yaml_len = rows[i].yaml ? strlen(rows[i].yaml) : 0,
      .command = rows[i].command, .lines = rows[i].lines};
    struct loaded l;

    load(&input, &l);
    ASSERT_ROW_TEXT(rows[i].what, amz_buf_text(&l.findings), "");
    ASSERT_ROW_TEXT(rows[i].what, l.job ? amz_job_name(l.job) : "(none)", rows[i].name);
    loaded_clear(&l);
  }
}

static void names_are_cut_to_100_bytes(void)
{
  struct amz_buf yaml = AMZ_BUF_INIT;
  struct loaded l;

  amz_buf_adds(&yaml, TASKS "job: ");
  for (int i = 0; i < 300; i++)
    amz_buf_addc(&yaml, 'n');
  load_text(amz_buf_text(&yaml), &l);
  ASSERT_U64(l.job ? strlen(amz_job_name(l.job)) : 0, 100);
  loaded_clear(&l);
  amz_buf_clear(&yaml);
}

static void kinds_are_told(void)
{
  static const struct {
    const char *what, *yaml;
    enum amz_task_kind kind;
  } rows[] = {
    {"command", "tasks: {command: x}\n", AMZ_TASK_COMMAND},
    {"lines", "tasks: {lines: tasks.txt}\n", AMZ_TASK_COMMAND},
    {"stream", "tasks: {stream: python3 s.py, line: \"{a}\", for: {a: [1]}}\n", AMZ_TASK_STREAM},
    {"stream without line", "tasks: {stream: python3 s.py, for: {a: [1]}}\n", AMZ_TASK_STREAM},
    {"plugin", "tasks: {plugin: ./x.so, args: \"--trials 3\", for: {a: [1]}}\n", AMZ_TASK_PLUGIN},
  };

  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    struct loaded l;

    load_text(rows[i].yaml, &l);
    ASSERT_ROW_TEXT(rows[i].what, amz_buf_text(&l.findings), "");
    ASSERT_ROW_I64(rows[i].what, l.job ? (int)amz_job_kind(l.job) : -1, rows[i].kind);
    loaded_clear(&l);
  }
}

static void exit_statuses_are_a_set(void)
{
  struct loaded l;

  load_text("tasks: {command: x, ok_exit: [3, 64, 255, 3]}\n", &l);
  if (l.job) {
    const uint64_t *ok = amz_job_ok_exit(l.job);

    CU_ASSERT(ok[0] == 8 && ok[1] == 1 && ok[2] == 0 && ok[3] == UINT64_C(1) << 63);
  }
  CU_ASSERT_PTR_NOT_NULL(l.job);
  loaded_clear(&l);
}

int main(void)
{
  static const struct amz_test tests[] = {
    {"defaults are the documented ones", defaults_are_the_documented_ones},
    {"the complete example has no errors", the_complete_example_has_no_errors},
    {"open bounds follow those that are given", open_bounds_follow_those_that_are_given},
    {"presets are defaults", presets_are_defaults}, {"what a plan may change", what_a_plan_may_change},
    {"the ranks of a plan's file", ranks_of_a_plan}, {"later sets win", later_sets_win},
    {"a set leaves other uses of an alias alone", a_set_leaves_other_uses_of_an_alias_alone},
    {"names are safe for files", names_are_safe_for_files},
    {"names are cut to 100 bytes", names_are_cut_to_100_bytes},
    {"kinds are told", kinds_are_told},
    {"exit statuses are a set", exit_statuses_are_a_set},
    {NULL, NULL},
  };

  return amz_test_main("job settings", tests, 0);
}
