/* Tasks from their index: order, words, environment, the quick form, and no memory for a billion of them. */
#include <malloc.h>
#include <string.h>

#include "../../support/tap.h"
#include "job_support.h"

static const struct amz_place here = {0, 3, 2, NULL};

/* The command of every task, one a line. */
static void commands(const struct amz_job *job, struct amz_buf *out)
{
  struct amz_task task;
  struct amz_error err = {.text = ""};

  amz_task_init(&task);
  for (uint64_t i = 0; i < amz_job_tasks(job); i++) {
    if (amz_task_fill(job, i, &here, &task, &err) == AMZ_OK)
      amz_task_print(&task, out);
    else
      amz_buf_adds(out, err.text);
    amz_buf_addc(out, '\n');
  }
  amz_task_clear(&task);
}

static void values_come_in_written_order(void)
{
  static const struct {
    const char *what, *yaml, *commands;
  } rows[] = {
    {"no names: one task", "tasks: {command: \"echo {index}\"}\n", "echo 0\n"},
    {"product: the last name is the fastest", "tasks: {command: \"x {a} {b}\", for: {a: [1, 2], b: [p, q, r]}}\n",
     "x 1 p\nx 1 q\nx 1 r\nx 2 p\nx 2 q\nx 2 r\n"},
    {"a single value", "tasks: {command: \"x {a} {b}\", for: {a: one, b: [1, 2]}}\n", "x one 1\nx one 2\n"},
    {"zip", "tasks: {command: \"x {a} {b}\", combine: zip, for: {a: [1, 2, 3], b: {range: [10, 30, 10]}}}\n",
     "x 1 10\nx 2 20\nx 3 30\n"},
    {"lines", "tasks: {command: \"x {a}\", for: {a: {lines: list.txt}}}\n", "x one\nx two\nx 'three four'\n"},
    {"glob", "tasks: {command: \"x {a:stem}\", for: {a: {glob: \"ligands/*.pdbqt\"}}}\n", "x a\nx 'b c'\n"},
    {"globs, in the order of the patterns", "tasks: {command: \"x {a}\", for: {a: {glob: [\"more/*\", \"ligands/*.pdbqt\"]}}}\n",
     "x more/z\nx ligands/a.pdbqt\nx 'ligands/b c.pdbqt'\n"},
    {"range down", "tasks: {command: \"x {a}\", for: {a: {range: [2, 0]}}}\n", "x 2\nx 1\nx 0\n"},
    {"a table's rows", "tasks: {command: \"x {ligand2} {mem_column}\", csv: table.csv}\n", "x a.x 1GiB\nx 'b,\"y' 2GiB\n"},
    {"a table is slower than names", "tasks: {command: \"x {mem_column} {a}\", for: {a: [1, 2]}, csv: table.csv}\n",
     "x 1GiB 1\nx 1GiB 2\nx 2GiB 1\nx 2GiB 2\n"},
    {"a table zipped with names", "tasks: {command: \"x {mem_column} {a}\", combine: zip, for: {a: [1, 2]}, csv: table.csv}\n",
     "x 1GiB 1\nx 2GiB 2\n"},
    {"ready lines", "tasks: {lines: tasks.txt}\n", "echo 1\nls | wc -l\n"},
    {"a list of words", "tasks: {command: [x, \"{a} b\", \"$HOME\"], for: {a: [\"*\"]}}\n", "x '* b' '$HOME'\n"},
    {"values as written", "tasks: {command: \"x {a}\", for: {a: [007, 1e3, true, \"\"]}}\n", "x 007\nx 1e3\nx true\nx ''\n"},
    {"built-ins", "tasks: {command: \"x {index} {threads} {rank} {slot} {job}\", for: {}}\n", "x 0 2 0 3 job\n"},
    {"scratch from the stage", "stage: {scratch: /tmp}\ntasks: {command: \"x {scratch}/y\"}\n", "x /tmp/y\n"},
  };

  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    struct amz_buf out = AMZ_BUF_INIT;
    struct loaded l;

    load_text(rows[i].yaml, &l);
    ASSERT_ROW_TEXT(rows[i].what, amz_buf_text(&l.findings), "");
    if (l.job)
      commands(l.job, &out);
    ASSERT_ROW_TEXT(rows[i].what, amz_buf_text(&out), rows[i].commands);
    amz_buf_clear(&out);
    loaded_clear(&l);
  }
}

static void the_quick_form_is_a_tasks_block(void)
{
  static const char text[] = "tasks: {command: \"old {a}\", for: {a: [1, 2]}, workdir: w}\n";
  static const struct {
    const char *what, *yaml, *command, *lines, *loops[2], *commands;
  } rows[] = {
    {"command alone", NULL, "echo hi", NULL, {NULL, NULL}, "echo hi\n"},
    {"list", NULL, "x {a}", NULL, {"a=p,q r,s", NULL}, "x p\nx 'q r'\nx s\n"},
    {"one value", NULL, "x {a}", NULL, {"a=p", NULL}, "x p\n"},
    {"range", NULL, "x {a}", NULL, {"a=1..3", NULL}, "x 1\nx 2\nx 3\n"},
    {"range with step", NULL, "x {a}", NULL, {"a=0..1:0.5", NULL}, "x 0.0\nx 0.5\nx 1.0\n"},
    {"range of negative numbers", NULL, "x {a}", NULL, {"a=-1..-3", NULL}, "x -1\nx -2\nx -3\n"},
    {"two dots that make no range", NULL, "x {a}", NULL, {"a=../up", NULL}, "x ../up\n"},
    {"lines", NULL, "x {a}", NULL, {"a=@list.txt", NULL}, "x one\nx two\nx 'three four'\n"},
    {"pattern", NULL, "x {a}", NULL, {"a=ligands/*.pdbqt", NULL}, "x ligands/a.pdbqt\nx 'ligands/b c.pdbqt'\n"},
    {"YAML list", NULL, "x {a}", NULL, {"a=[\"p,q\", r]", NULL}, "x p,q\nx r\n"},
    {"YAML source", NULL, "x {a}", NULL, {"a={range: [1, 2]}", NULL}, "x 1\nx 2\n"},
    {"value with an equals sign", NULL, "x {a}", NULL, {"a=k=v", NULL}, "x 'k=v'\n"},
    {"product", NULL, "x {b} {a}", NULL, {"a=1,2", "b=3,4"}, "x 3 1\nx 4 1\nx 3 2\nx 4 2\n"},
    {"task lines", NULL, NULL, "tasks.txt", {NULL, NULL}, "echo 1\nls | wc -l\n"},
    {"command over a text", text, "new {index}", NULL, {NULL, NULL}, "new 0\n"},
    {"lines over a text", text, NULL, "tasks.txt", {NULL, NULL}, "echo 1\nls | wc -l\n"},
    {"for over a text keeps its command", text, NULL, NULL, {"a=9,8", NULL}, "old 9\nold 8\n"},
  };

  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    struct amz_job_input input = {.file_name = rows[i].yaml ? "job.yaml" : NULL, .yaml_text = rows[i].yaml,
      .yaml_len = rows[i].yaml ? strlen(rows[i].yaml) : 0, .command = rows[i].command, .lines = rows[i].lines,
      .loops = rows[i].loops};
    struct amz_buf out = AMZ_BUF_INIT;
    struct loaded l;

    while (input.n_loops < 2 && rows[i].loops[input.n_loops])
      input.n_loops++;
    load(&input, &l);
    ASSERT_ROW_TEXT(rows[i].what, amz_buf_text(&l.findings), "");
    if (l.job)
      commands(l.job, &out);
    ASSERT_ROW_TEXT(rows[i].what, amz_buf_text(&out), rows[i].commands);
    amz_buf_clear(&out);
    loaded_clear(&l);
  }
}

static void the_quick_form_is_checked(void)
{
  static const struct {
    const char *what, *command, *lines, *loop, *findings;
  } rows[] = {
    {"placeholder", "x {b}", NULL, "bb=1",
     "--command: tasks.command: unknown placeholder {b}; did you mean {bb}?\n"},
    {"no equals sign", "x", NULL, "a", "--for a: expected name=VALUES like seed=1..100, x=a,b,c, f=*.txt or f=@file\n"},
    {"no values", "x", NULL, "a=", "--for a=: expected name=VALUES like seed=1..100, x=a,b,c, f=*.txt or f=@file\n"},
    {"name", "x", NULL, "1=2",
     "--for 1=2: tasks.for: \"1\" cannot be a name: a letter or _, then up to 63 letters, digits, _ and -\n"},
    {"no match", "x {a}", NULL, "a=*.none", "--for a=*.none: tasks.for.a: glob \"*.none\" matches nothing\n"},
    {"unused", "x", NULL, "a=1", "--for a=1: warning: tasks.for.a: the name is not used\n"},
    {"command and lines", "x", "tasks.txt", NULL, "--lines: cannot stand beside --command\n"},
    {"lines and for", NULL, "tasks.txt", "a=1",
     "--for a=1: tasks.for: cannot stand beside tasks.lines: task lines have no placeholders\n"},
    {"lines that are none", NULL, "empty.txt", NULL, "--lines: tasks.lines: \"empty.txt\" has no task lines\n"},
  };

  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    const struct amz_job_input input = {.command = rows[i].command, .lines = rows[i].lines, .loops = &rows[i].loop,
                                        .n_loops = rows[i].loop ? 1 : 0};
    struct loaded l;

    load(&input, &l);
    ASSERT_ROW_TEXT(rows[i].what, amz_buf_text(&l.findings), rows[i].findings);
    loaded_clear(&l);
  }
}

static void task_of(const char *yaml, uint64_t index, struct loaded *l, struct amz_task *task, struct amz_error *err)
{
  load_text(yaml, l);
  amz_task_init(task);
  err->text[0] = '\0';
  CU_ASSERT_PTR_NOT_NULL_FATAL(l->job);
  (void)amz_task_fill(l->job, index, &here, task, err);
}

static void a_task_is_filled_in_full(void)
{
  struct loaded l;
  struct amz_task task;
  struct amz_error err;

  task_of("tasks:\n  command: echo {a} | wc\n  for: {a: [x, \"y z\"]}\n  env: {A: \"{a}{index}\", B: \"\"}\n  workdir: d/{a}\n  "
          "stdin: \"{a}.in\"\n"
          "  creates: \"{a}.out\"\nresources: {memory: 4KiB}\n", 1, &l, &task, &err);
  ASSERT_TEXT(err.text, "");
  ASSERT_U64(task.index, 1);
  CU_ASSERT(task.shell);
  ASSERT_U64(task.argc, 3);
  ASSERT_TEXT(task.argv[0], "/bin/sh");
  ASSERT_TEXT(task.argv[1], "-c");
  ASSERT_TEXT(task.argv[2], "echo 'y z' | wc");
  CU_ASSERT_PTR_NULL(task.argv[3]);
  ASSERT_U64(task.n_env, 4);
  ASSERT_TEXT(task.env[0], "AMORSIZE_TASK_INDEX=1");
  ASSERT_TEXT(task.env[1], "OMP_NUM_THREADS=2");
  ASSERT_TEXT(task.env[2], "A=y z1");
  ASSERT_TEXT(task.env[3], "B=");
  CU_ASSERT_PTR_NULL(task.env[4]);
  ASSERT_TEXT(task.workdir, "d/y z");
  ASSERT_TEXT(task.stdin_path, "y z.in");
  ASSERT_TEXT(task.creates, "y z.out");
  ASSERT_U64(task.threads, 2);
  ASSERT_U64(task.memory_bytes, 4096);
  amz_task_clear(&task);
  loaded_clear(&l);
}

static void what_is_not_given_is_null(void)
{
  struct loaded l;
  struct amz_task task;
  struct amz_error err;

  task_of("tasks: {command: 'echo \"a b\"'}\n", 0, &l, &task, &err);
  CU_ASSERT(!task.shell);
  ASSERT_U64(task.argc, 2);
  ASSERT_TEXT(task.argv[1], "a b");
  CU_ASSERT_PTR_NULL(task.argv[2]);
  CU_ASSERT(!task.workdir && !task.stdin_path && !task.creates);
  amz_task_clear(&task);
  amz_task_clear(&task);
  loaded_clear(&l);
}

static void the_users_thread_count_wins(void)
{
  struct loaded l;
  struct amz_task task;
  struct amz_error err;

  task_of("tasks: {command: x, env: {OMP_NUM_THREADS: 9}}\n", 0, &l, &task, &err);
  ASSERT_U64(task.n_env, 2);
  ASSERT_TEXT(task.env[1], "OMP_NUM_THREADS=9");
  amz_task_clear(&task);
  loaded_clear(&l);
}

static void columns_give_numbers(void)
{
  static const char yaml[] = "tasks: {command: \"x {t}/{threads}\", for: {t: [4, many, 0]}}\nresources: {threads: \"{t}\"}\n";
  struct loaded l;
  struct amz_task task;
  struct amz_error err;

  task_of(yaml, 0, &l, &task, &err);
  ASSERT_U64(task.threads, 4);
  ASSERT_TEXT(task.argv[1], "4/4");
  ASSERT_TEXT(task.env[1], "OMP_NUM_THREADS=4");
  ASSERT_I64(amz_task_fill(l.job, 1, &here, &task, &err), AMZ_EINVAL);
  ASSERT_TEXT(err.text, "task 1: t: expected a number of threads from 1 to 65536, got \"many\"");
  ASSERT_I64(amz_task_fill(l.job, 2, &here, &task, &err), AMZ_EINVAL);
  amz_task_clear(&task);
  loaded_clear(&l);
  task_of("tasks: {command: x, csv: table.csv}\nresources: {memory: \"{mem_column}\"}\n", 1, &l, &task, &err);
  ASSERT_U64(task.memory_bytes, UINT64_C(2) << 30);
  amz_task_clear(&task);
  loaded_clear(&l);
}

/* 10^9 = 1000^3; the digits of the index in base 1000 are the values. */
static void a_billion_tasks_cost_no_memory(void)
{
  struct mallinfo2 before = mallinfo2(), after;
  struct loaded l;
  struct amz_task task;
  struct amz_error err;

  task_of("tasks:\n  command: x {a} {b} {c}\n  for: {a: {range: [0, 999]}, b: {range: [0, 999]}, c: {range: [0, 999]}}\n",
          123456789, &l, &task, &err);
  after = mallinfo2();
  ASSERT_U64(amz_job_tasks(l.job), 1000000000);
  ASSERT_TEXT(task.argv[1], "123");
  ASSERT_TEXT(task.argv[2], "456");
  ASSERT_TEXT(task.argv[3], "789");
  CU_ASSERT(after.uordblks + after.hblkhd - before.uordblks - before.hblkhd < 64 * 1024);
  ASSERT_I64(amz_task_fill(l.job, 999999999, &here, &task, &err), AMZ_OK);
  ASSERT_TEXT(task.argv[3], "999");
  amz_task_clear(&task);
  loaded_clear(&l);
}

static void values_are_shown_by_name(void)
{
  struct amz_buf out = AMZ_BUF_INIT;
  struct loaded l;

  load_text("tasks: {command: \"x {a} {b}\", for: {a: [1, 2], b: [p, q, r]}}\n", &l);
  CU_ASSERT_PTR_NOT_NULL_FATAL(l.job);
  ASSERT_I64(amz_task_value(l.job, 4, 0, &out), AMZ_OK);
  amz_buf_addc(&out, ' ');
  ASSERT_I64(amz_task_value(l.job, 4, 1, &out), AMZ_OK);
  ASSERT_TEXT(amz_buf_text(&out), "2 q");
  amz_buf_clear(&out);
  loaded_clear(&l);
}

static void weights_belong_to_values(void)
{
  static const struct {
    const char *what, *yaml;
    uint64_t index, weight, same;
  } rows[] = {
    {"size of a file, of a slow name: the fast one shares it",
     "for: {a: [list.txt, empty.txt], b: [p, q, r]}, weight: {size_of: a}", 0, 19, 3},
    {"within what is shared", "for: {a: [list.txt, empty.txt], b: [p, q, r]}, weight: {size_of: a}", 1, 19, 2},
    {"an empty file", "for: {a: [list.txt, empty.txt], b: [p, q, r]}, weight: {size_of: a}", 5, 0, 1},
    {"a number, of the fast name", "for: {a: [7, 8, 9], b: [2, 1e3]}, weight: \"{b}\"", 3, 1000, 1},
    {"a file that isn't there", "for: {a: [list.txt, gone], b: [p]}, weight: {size_of: a}", 1, 0, 1},
  };

  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    struct amz_buf yaml = AMZ_BUF_INIT;
    struct loaded l;
    uint64_t same = 0;

    amz_buf_addf(&yaml, "tasks: {command: \"x {a} {b}\", %s}\n", rows[i].yaml);
    load_text(amz_buf_text(&yaml), &l);
    ASSERT_ROW_U64(rows[i].what, l.errors, 0);
    ASSERT_ROW_U64(rows[i].what, l.warnings, strstr(rows[i].yaml, "gone") != NULL);
    CU_ASSERT_TRUE_FATAL(l.job && amz_job_is_weighted(l.job));
    ASSERT_ROW_U64(rows[i].what, amz_job_weight(l.job, rows[i].index, &same), rows[i].weight);
    ASSERT_ROW_U64(rows[i].what, same, rows[i].same);
    loaded_clear(&l);
    amz_buf_clear(&yaml);
  }
}

static void needs_belong_to_values(void)
{
#define BOTH "resources: {threads: \"{t}\", memory: \"{m}\"}\n"
  static const struct {
    const char *what, *loops, *resources;
    uint64_t index, threads, bytes, same;
  } rows[] = {
    {"both, of the first task", "t: [2, 4], m: [1KiB, 3KiB, 2KiB]", BOTH, 0, 2, 1024, 1},
    {"both, of another", "t: [2, 4], m: [1KiB, 3KiB, 2KiB]", BOTH, 4, 4, 3072, 1},
    {"threads alone: the fast name shares them", "t: [2, 4], m: [1, 2, 3]", "resources: {threads: \"{t}\"}\n", 1, 2, 0, 2},
    {"memory alone", "t: [2, 4], m: [1, 2, 3]", "resources: {memory: \"{m}\"}\n", 5, 0, 3, 1},
    {"a value that is no number", "t: [2, many, 0], m: [1KiB, much]", BOTH, 3, 1, 0, 1},
    {"no thread at all is none", "t: [2, many, 0], m: [1KiB, much]", BOTH, 4, 1, 1024, 1},
  };

  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    struct amz_buf yaml = AMZ_BUF_INIT;
    struct amz_task_need need;
    struct loaded l;
    uint64_t same = 0;

    amz_buf_addf(&yaml, "tasks: {command: \"x {t} {m}\", for: {%s}}\n%s", rows[i].loops, rows[i].resources);
    load_text(amz_buf_text(&yaml), &l);
    ASSERT_ROW_U64(rows[i].what, l.errors + l.warnings, 0);
    CU_ASSERT_TRUE_FATAL(l.job && amz_job_has_needs(l.job));
    need = amz_job_need(l.job, rows[i].index, &same);
    ASSERT_ROW_U64(rows[i].what, need.threads, rows[i].threads);
    ASSERT_ROW_U64(rows[i].what, need.memory_bytes, rows[i].bytes);
    ASSERT_ROW_U64(rows[i].what, same, rows[i].same);
    loaded_clear(&l);
    amz_buf_clear(&yaml);
  }
#undef BOTH
}

static void needs_have_a_range(void)
{
  struct amz_task_need least, most;
  struct loaded l;

  load_text("tasks: {command: \"x {t} {m}\", for: {t: [3, 2, 4], m: [5, 7, 6]}}\nresources: {threads: \"{t}\", memory: "
            "\"{m}\"}\n", &l);
  CU_ASSERT_TRUE_FATAL(l.job != NULL);
  amz_job_need_range(l.job, &least, &most);
  ASSERT_U64(least.threads, 2);
  ASSERT_U64(most.threads, 4);
  ASSERT_U64(least.memory_bytes, 5);
  ASSERT_U64(most.memory_bytes, 7);
  loaded_clear(&l);
  load_text("tasks: {command: \"x {t}\", for: {t: [3, 2]}}\nresources: {threads: 2, memory: 1GiB}\n", &l);
  CU_ASSERT_TRUE_FATAL(l.job && !amz_job_has_needs(l.job));
  loaded_clear(&l);
}

int main(void)
{
  static const struct amz_test tests[] = {
    {"values come in written order", values_come_in_written_order},
    {"the quick form is a tasks block", the_quick_form_is_a_tasks_block},
    {"the quick form is checked", the_quick_form_is_checked},
    {"a task is filled in full", a_task_is_filled_in_full},
    {"what is not given is NULL", what_is_not_given_is_null},
    {"the user's thread count wins", the_users_thread_count_wins},
    {"columns give numbers", columns_give_numbers},
    {"a billion tasks cost no memory", a_billion_tasks_cost_no_memory},
    {"values are shown by name", values_are_shown_by_name},
    {"weights belong to values", weights_belong_to_values},
    {"needs belong to values", needs_belong_to_values},
    {"needs have a range", needs_have_a_range},
    {NULL, NULL},
  };

  return amz_test_main("job tasks", tests, 0);
}
