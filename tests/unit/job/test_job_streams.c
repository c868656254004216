/* Jobs of streams and plug-ins: what their programs are, and the line of each task. */
#include <string.h>

#include "../../support/tap.h"
#include "job_support.h"

static const struct amz_place here = {1, 3, 2, NULL};

/* The line of every task, or why it has none. */
static void lines_of(const struct amz_job *job, struct amz_buf *out)
{
  struct amz_error err = {.text = ""};

  for (uint64_t i = 0; i < amz_job_tasks(job); i++)
    if (amz_task_line(job, i, &here, out, &err) < 0)
      amz_buf_addf(out, "! %s\n", err.text);
}

static void each_task_is_a_line(void)
{
  static const struct {
    const char *what, *yaml, *lines;
  } rows[] = {
    {"a template", "tasks: {stream: x, line: \"{a} {b:stem} {index}\", for: {a: [1, 2], b: [p/q.r]}}\n", "1 q 0\n2 q 1\n"},
    {"built-ins", "tasks: {stream: x, line: \"{job} {rank} {slot} {threads}\", for: {}}\n", "job 1 3 2\n"},
    {"values go as they are, without quotes", "tasks: {stream: x, line: \"<{a}>\", for: {a: [\"p q\", \"$H 'i'\", \"\"]}}\n",
     "<p q>\n<$H 'i'>\n<>\n"},
    {"no line: the value of the only name", "tasks: {stream: x, for: {a: [p, q r]}}\n", "p\nq r\n"},
    {"no line: all values, with tabs", "tasks: {stream: x, for: {a: [1, 2], b: [p q]}}\n", "1\tp q\n2\tp q\n"},
    {"no line, no name: the index", "tasks: {stream: x}\n", "0\n"},
    {"a tab in the only value", "tasks: {stream: x, for: {a: [\"p\\tq\"]}}\n", "p\tq\n"},
    {"a tab among values", "tasks: {stream: x, for: {a: [1], b: [\"p\\tq\", r]}}\n",
     "! task 0: the value of b holds a tab, which separates values: give tasks.line\n1\tr\n"},
    {"a newline in a value", "tasks: {stream: x, line: \"{b} {a}\", for: {a: [p, \"q\\nr\"], b: [1]}}\n",
     "1 p\n! task 1: the value of a holds a newline, and a stream's task is one line\n"},
    {"a newline at its end", "tasks: {stream: x, for: {a: [\"p\\n\"]}}\n",
     "! task 0: the value of a holds a newline, and a stream's task is one line\n"},
    {"scratch", "stage: {scratch: /s}\ntasks: {stream: x, line: \"{scratch}/y\"}\n", "/s/y\n"},
  };

  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    struct amz_buf out = AMZ_BUF_INIT;
    struct loaded l;

    load_text(rows[i].yaml, &l);
    ASSERT_ROW_TEXT(rows[i].what, amz_buf_text(&l.findings), "");
    if (l.job)
      lines_of(l.job, &out);
    ASSERT_ROW_TEXT(rows[i].what, amz_buf_text(&out), rows[i].lines);
    amz_buf_clear(&out);
    loaded_clear(&l);
  }
}

static void a_refused_line_leaves_what_was_there(void)
{
  struct amz_buf out = AMZ_BUF_INIT;
  struct amz_error err;
  struct loaded l;

  load_text("tasks: {stream: x, for: {a: [\"p\\nq\"]}}\n", &l);
  amz_buf_adds(&out, "before");
  if (l.job)
    ASSERT_I64(amz_task_line(l.job, 0, &here, &out, &err), AMZ_EINVAL);
  ASSERT_TEXT(amz_buf_text(&out), "before");
  CU_ASSERT_PTR_NOT_NULL(l.job);
  amz_buf_clear(&out);
  loaded_clear(&l);
}

static const char *or_none(const char *text)
{
  return text ? text : "(none)";
}

static void what_a_stream_is(void)
{
  static const struct {
    const char *what, *yaml;
    uint32_t window;
    const char *sentinel, *fail_prefix, *pasted;
  } rows[] = {
    {"a text", "tasks: {stream: python3 -u s.py, for: {a: [1]}}\n", 1, NULL, NULL, "printf '%s\\n' 1 | python3 -u s.py"},
    {"a mapping", "tasks: {stream: {command: \"s --slot {slot}\", window: 16, sentinel: END, fail_prefix: \"ERR \"}, "
                  "for: {a: [1]}}\n", 16,
     "END", "ERR ", "printf '%s\\n' 1 | s --slot 3"},
    {"with a shell", "tasks: {stream: \"s 2>/dev/null\", for: {a: [p q]}}\n", 1, NULL, NULL,
     "printf '%s\\n' 'p q' | { s 2>/dev/null; }"},
  };

  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    struct amz_buf line = AMZ_BUF_INIT, out = AMZ_BUF_INIT;
    const struct amz_stream *s;
    struct amz_task program;
    struct amz_error err;
    struct loaded l;

    amz_task_init(&program);
    load_text(rows[i].yaml, &l);
    ASSERT_ROW_TEXT(rows[i].what, amz_buf_text(&l.findings), "");
    s = l.job ? amz_job_stream(l.job) : NULL;
    CU_ASSERT_PTR_NOT_NULL(s);
    if (s && amz_program_fill(l.job, &here, &program, &err) == AMZ_OK && amz_task_line(l.job, 0, &here, &line, &err) == AMZ_OK) {
      ASSERT_ROW_U64(rows[i].what, s->window, rows[i].window);
      ASSERT_ROW_TEXT(rows[i].what, or_none(s->sentinel), or_none(rows[i].sentinel));
      ASSERT_ROW_TEXT(rows[i].what, or_none(s->fail_prefix), or_none(rows[i].fail_prefix));
      CU_ASSERT_PTR_NULL(amz_job_plugin(l.job));
      amz_program_print(&program, line.data, line.len, &out);
    }
    ASSERT_ROW_TEXT(rows[i].what, amz_buf_text(&out), rows[i].pasted);
    amz_task_clear(&program);
    amz_buf_clear(&line);
    amz_buf_clear(&out);
    loaded_clear(&l);
  }
}

/* A program outlives its tasks: its environment tells of none. */
static void a_program_knows_no_task(void)
{
  struct amz_buf creates = AMZ_BUF_INIT;
  struct amz_task program;
  struct amz_error err;
  struct loaded l;

  amz_task_init(&program);
  load_text("tasks: {stream: s, env: {S: \"{slot}\"}, workdir: \"w{rank}\", creates: \"out/{a}\", for: {a: [p, q]}}\n", &l);
  ASSERT_TEXT(amz_buf_text(&l.findings), "");
  if (l.job && amz_program_fill(l.job, &here, &program, &err) == AMZ_OK) {
    ASSERT_U64(program.n_env, 2);
    ASSERT_TEXT(program.env[0], "OMP_NUM_THREADS=2");
    ASSERT_TEXT(program.env[1], "S=3");
    CU_ASSERT_PTR_NULL(program.env[2]);
    ASSERT_TEXT(program.workdir, "w1");
    CU_ASSERT_PTR_NULL(program.creates);
    CU_ASSERT_PTR_NULL(program.stdin_path);
    ASSERT_I64(amz_task_creates(l.job, 1, &here, &creates), AMZ_OK);
    ASSERT_TEXT(amz_buf_text(&creates), "out/q");
  }
  CU_ASSERT_PTR_NOT_NULL(l.job);
  amz_task_clear(&program);
  amz_buf_clear(&creates);
  loaded_clear(&l);
}

static void set_reaches_into_a_stream(void)
{
  static const struct amz_set sets[] = {{"--set", "tasks.stream.window", "7"}};
  static const char yaml[] = "tasks: {stream: {command: s}}\n";
  const struct amz_job_input input = {.file_name = "job.yaml", .yaml_text = yaml, .yaml_len = sizeof yaml - 1, .sets = sets,
                                      .n_sets = 1};
  struct loaded l;

  load(&input, &l);
  ASSERT_TEXT(amz_buf_text(&l.findings), "");
  ASSERT_U64(l.job ? amz_job_stream(l.job)->window : 0, 7);
  loaded_clear(&l);
}

static void what_a_plugin_is(void)
{
  static const struct {
    const char *what, *yaml, *path, *args;
  } rows[] = {
    {"with arguments", "tasks: {plugin: ./libmc.so, args: \"--trials {1000}\"}\n", "./libmc.so", "--trials {1000}"},
    {"without", "tasks: {plugin: libmc.so}\n", "libmc.so", NULL},
  };

  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    const struct amz_plugin *p;
    struct loaded l;

    load_text(rows[i].yaml, &l);
    p = l.job ? amz_job_plugin(l.job) : NULL;
    ASSERT_ROW_TEXT(rows[i].what, p ? p->path : "", rows[i].path);
    ASSERT_ROW_TEXT(rows[i].what, or_none(p ? p->args : ""), or_none(rows[i].args));
    CU_ASSERT_PTR_NULL(l.job ? amz_job_stream(l.job) : NULL);
    loaded_clear(&l);
  }
}

int main(void)
{
  static const struct amz_test tests[] = {
    {"each task is a line", each_task_is_a_line},
    {"a refused line leaves what was there", a_refused_line_leaves_what_was_there},
    {"what a stream is", what_a_stream_is},
    {"a program knows no task", a_program_knows_no_task},
    {"--set reaches into a stream", set_reaches_into_a_stream},
    {"what a plug-in is", what_a_plugin_is},
    {NULL, NULL},
  };

  return amz_test_main("job streams", tests, 0);
}
