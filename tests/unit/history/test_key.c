/* By what a job is known again: what is in its key and what isn't, and programs by their content, small and huge. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <amorsize/history.h>

#include "../../support/tap.h"
#include "../job/job_support.h"
#include "../node/injected.h"
#include "../store/scratch.h"

/* The text of a job's key on a node, with programs looked for in `path`. Release with free. */
static char *key_of(const char *yaml, const struct amz_node *node, const char *path)
{
  struct pair variables[] = {{"PATH", path}, {NULL, NULL}};
  struct amz_environment env = injected_environment(variables);
  struct amz_history_key key = {.text = NULL};
  struct amz_error err = {.text = ""};
  struct loaded l;

  load_text(yaml, &l);
  if (l.rc < 0)
    ASSERT_TEXT(amz_buf_text(&l.findings), yaml);
  CU_ASSERT_FATAL(l.rc == AMZ_OK);
  if (amz_history_key_make(l.job, node, &env, &key, &err) < 0)
    ASSERT_TEXT(err.text, yaml);
  CU_ASSERT_FATAL(key.text != NULL);
  ASSERT_U64(strlen(key.id), AMZ_HISTORY_ID - 1);
  loaded_clear(&l);
  return key.text;
}

static struct amz_node a_node(void)
{
  static char cpu[] = "Example 9000", machine[] = "x86_64", kernel[] = "6.1";

  return (struct amz_node){.cpu_model = cpu, .machine = machine, .kernel = kernel, .allowed_cores = 8, .allowed_cpu = 8};
}

static bool same(const char *a, const char *b)
{
  struct amz_node node = a_node();
  char *x = key_of(a, &node, ""), *y = key_of(b, &node, "");
  bool is_same = strcmp(x, y) == 0;

  free(x);
  free(y);
  return is_same;
}

#define N "  for: {n: {range: [1, 9]}, m: [a, b]}\n"
#define BASE "job: a\ntasks:\n  command: sim {n} {m:stem}\n" N

static void test_what_is_in_it(void)
{
  static const struct {
    const char *row, *yaml;
    bool same;
  } rows[] = {
    {"itself", BASE, true},
    {"another name", "job: b\ntasks:\n  command: sim {n} {m:stem}\n" N, true},
    {"the same words as a list", "tasks:\n  command: [sim, '{n}', '{m:stem}']\n" N, true},
    {"other values, and more of them", "tasks:\n  command: sim {n} {m:stem}\n  for: {n: {range: [1, 99]}, m: [c]}\n", true},
    {"retries", BASE "failures: {retries: 3, timeout: 1h}\n", true},
    {"outputs", BASE "output: {stdout: discard}\n", true},
    {"a layout", BASE "plan: {nodes: 4, slots_per_rank: 3, ranks_per_node: 2}\n", true},
    {"what is default anyway", BASE "plan: {threads_per_task: 1}\nresources: {threads: 1}\nchunks: {policy: adaptive}\n", true},
    {"what is to be done when tasks were done", "tasks:\n  command: sim {n} {m:stem}\n  creates: 'out.{n}'\n" N, true},
    {"another word", "tasks:\n  command: sim -x {n} {m:stem}\n" N, false},
    {"another modifier", "tasks:\n  command: sim {n} {m:base}\n" N, false},
    {"one word instead of two", "tasks:\n  command: [sim, '{n} {m:stem}']\n" N, false},
    {"a shell", "tasks:\n  command: sim {n} {m:stem} | cat\n" N, false},
    {"the environment", "tasks:\n  command: sim {n} {m:stem}\n  env: {FAST: 1}\n" N, false},
    {"standard input", "tasks:\n  command: sim {n} {m:stem}\n  stdin: 'in.{n}'\n" N, false},
    {"threads", BASE "resources: {threads: 4}\n", false},
    {"threads of the plan", BASE "plan: {threads_per_task: 4}\n", false},
    {"memory", BASE "resources: {memory: 4GiB}\n", false},
    {"memory ignored", BASE "plan: {memory: ignore}\n", false},
    {"GPUs", BASE "resources: {gpus: 1}\n", false},
    {"the preset", BASE "preset: throughput\n", false},
    {"the policy", BASE "chunks: {policy: gss}\n", false},
    {"a stream", "tasks:\n  stream: sim\n" N, false},
  };

  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
    ASSERT_ROW_U64(rows[i].row, same(BASE, rows[i].yaml), rows[i].same);
}

static void test_threads_that_the_planner_chooses(void)
{
  CU_ASSERT(same(BASE "resources: {threads: auto}\n", BASE "resources: {threads: auto}\nplan: {threads_per_task: 4}\n"));
  CU_ASSERT_FALSE(same(BASE "resources: {threads: auto}\n", BASE));
}

static void test_plugins(void)
{
#define PLUGIN "tasks:\n  plugin: ./libmc.so\n"
  CU_ASSERT(same(PLUGIN "  args: '5'\n  for: {n: [1]}\n", PLUGIN "  args: '5'\n  for: {n: [1, 2]}\n"));
  CU_ASSERT_FALSE(same(PLUGIN "  args: '5'\n  for: {n: [1]}\n", PLUGIN "  args: '6'\n  for: {n: [1]}\n"));
}

/* Weights by a column: the class is the power of two at or below the median. */
static void test_classes_of_sizes(void)
{
#define SIZED(values) "tasks:\n  command: sim {n}\n  for: {n: " values "}\n  weight: '{n}'\n"
  static const struct {
    const char *row, *yaml;
    bool same;
  } rows[] = {
    {"the same median", SIZED("[1, 5, 1000]"), true},
    {"the same class", SIZED("[4, 7, 7]"), true},
    {"the next class", SIZED("[8, 8, 8]"), false},
    {"the class before", SIZED("[3, 3, 3]"), false},
    {"no sizes at all", "tasks:\n  command: sim {n}\n  for: {n: [4, 5, 6]}\n", false},
    {"sizes of nothing", SIZED("[0, 0, 0]"), false},
    {"thousands of the class", SIZED("{range: [4000, 7000]}"), false},
  };

  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
    ASSERT_ROW_U64(rows[i].row, same(SIZED("[4, 5, 6]"), rows[i].yaml), rows[i].same);
  CU_ASSERT(same(SIZED("{range: [4200, 8000]}"), SIZED("{range: [4100, 7777]}")));
}

static void test_nodes(void)
{
  struct amz_node a = a_node(), b = a_node();
  char other[] = "Example 9001", newer[] = "6.12", *x = key_of(BASE, &a, ""), *y;

  b.kernel = newer;
  y = key_of(BASE, &b, "");
  ASSERT_TEXT(x, y); /* a kernel is no type of node */
  free(y);
  b.cpu_model = other;
  y = key_of(BASE, &b, "");
  CU_ASSERT(strcmp(x, y) != 0);
  free(y);
  b = a_node();
  b.allowed_cores = 4;
  y = key_of(BASE, &b, "");
  CU_ASSERT(strcmp(x, y) != 0);
  free(y);
  free(x);
}

/* ---- programs -------------------------------------------------------------------------------------------------------------- */

static void write_file(const struct scratch *s, const char *name, const char *text)
{
  char path[SCRATCH_PATH];
  int fd = open(scratch_path(s, name, path), O_CREAT | O_WRONLY | O_TRUNC, 0700);

  CU_ASSERT_FATAL(fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text) && close(fd) == 0);
}

/* The lines of a key that tell of programs: words only, as "program sim script x.py ". */
static void programs(const char *key, char out[512])
{
  out[0] = '\0';
  for (const char *at = key; *at; at += strcspn(at, "\n") + 1)
    if (strncmp(at, "program ", 8) == 0 || strncmp(at, "script ", 7) == 0 || strncmp(at, "plugin ./", 9) == 0) {
      const char *word = strchr(at, ' ') + 1;
      size_t n = (size_t)(word - at) + strcspn(word, " \n");

      if (word[strcspn(word, " \n")] == ' ') /* has a digest */
        (void)snprintf(out + strlen(out), 512 - strlen(out), "%.*s ", (int)n, at);
    }
}

static void test_which_programs(void)
{
  static const struct {
    const char *row, *tasks, *found;
  } rows[] = {
    {"the first word", "command: sim {n}", "program sim "},
    {"one that isn't there", "command: nosim {n}", ""},
    {"a value", "command: '{p} {n}'\n  for: {p: [sim, run.sh], n: [1]}", ""},
    {"the same value always", "command: '{p} {n}'\n  for: {p: [sim], n: [1, 2]}", "program sim "},
    {"an interpreter and its script", "command: python3 -u run.sh {n}", "program python3 script run.sh "},
    {"a version in its name, and an option that isn't a file", "command: python3.11 run.sh {n}", "script run.sh "},
    {"no script but text", "command: [python3, -c, 'print({n})']", "program python3 "},
    {"what follows no interpreter is no program", "command: sim run.sh {n}", "program sim "},
    {"wrapped", "command: nice -n 5 sim {n}", "program nice program sim "},
    {"wrapped twice, around an interpreter", "command: env A=b nice python3 run.sh",
     "program env program nice program python3 script run.sh "},
    {"text for a shell", "command: sim {n} | nice sim >x.{n}; A=1 python3 run.sh && nosim",
     "program sim program nice program sim program python3 script run.sh "},
    {"a shell's own words, and quotes", "command: cd \"$HOME\" && sim '{n}'", "program sim "},
    {"nothing that is plain", "command: \"$PROGRAM {n}\"", ""},
    {"a stream", "stream: python3 run.sh", "program python3 script run.sh "},
    {"a plug-in", "plugin: ./run.sh", "plugin ./run.sh "},
  };
  struct amz_node node = a_node();
  char before[4096], path[SCRATCH_PATH], yaml[1024], found[512];
  struct scratch s;

  CU_ASSERT_FATAL(scratch_make(&s) && getcwd(before, sizeof before));
  CU_ASSERT_FATAL(mkdir(scratch_path(&s, "bin", path), 0700) == 0);
  write_file(&s, "bin/sim", "s");
  write_file(&s, "bin/nice", "n");
  write_file(&s, "bin/env", "e");
  write_file(&s, "bin/python3", "p");
  write_file(&s, "run.sh", "r");
  CU_ASSERT_FATAL(chdir(s.dir) == 0);
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    char *key;

    (void)snprintf(yaml, sizeof yaml, "tasks:\n  %s\n%s", rows[i].tasks, strstr(rows[i].tasks,
                                                                                "for:") ? "" : "  for: {n: [1, 2]}\n");
    key = key_of(yaml, &node, path);
    programs(key, found);
    ASSERT_ROW_TEXT(rows[i].row, found, rows[i].found);
    free(key);
  }
  CU_ASSERT(chdir(before) == 0);
  scratch_remove(&s);
}

/* Whether the key is another one after the file's content was changed at `at`. */
static bool notices(const char *path, const char *yaml, const struct amz_node *node, off_t at, const char *text)
{
  char *before = key_of(yaml, node, ""), *after;
  int fd = open(path, O_WRONLY);
  bool changed;

  CU_ASSERT_FATAL(fd >= 0 && pwrite(fd, text, strlen(text), at) == (ssize_t)strlen(text) && close(fd) == 0);
  after = key_of(yaml, node, "");
  changed = strcmp(before, after) != 0;
  free(before);
  free(after);
  return changed;
}

/* Holes take no room, whatever the size: this is 3 GiB. */
static void test_large_programs(void)
{
  static const off_t huge = (off_t)3 << 30, small = (off_t)8 << 20;
  struct amz_node node = a_node();
  char path[SCRATCH_PATH], yaml[SCRATCH_PATH + 64], *before, *after;
  struct scratch s;
  struct stat st;

  CU_ASSERT_FATAL(scratch_make(&s));
  write_file(&s, "large", "\177ELF");
  (void)scratch_path(&s, "large", path);
  (void)snprintf(yaml, sizeof yaml, "tasks:\n  command: %s {n}\n  for: {n: [1]}\n", path);
  CU_ASSERT_FATAL(truncate(path, small) == 0);
  CU_ASSERT(notices(path, yaml, &node, small / 2 + 12345, "x")); /* read whole */
  CU_ASSERT_FATAL(truncate(path, huge) == 0 && stat(path, &st) == 0 && st.st_size == huge);
  CU_ASSERT(notices(path, yaml, &node, 100, "build id"));
  CU_ASSERT(notices(path, yaml, &node, huge - 1, "x"));
  CU_ASSERT(notices(path, yaml, &node, (huge - 65536) / 31 * 7 + 1, "x")); /* in the eighth piece */
  CU_ASSERT_FALSE(notices(path, yaml, &node, 100, "build id"));
  before = key_of(yaml, &node, "");
  CU_ASSERT(truncate(path, huge + 1) == 0);
  after = key_of(yaml, &node, "");
  CU_ASSERT(strcmp(before, after) != 0);
  free(before);
  free(after);
  scratch_remove(&s);
}

int main(void)
{
  static const struct amz_test tests[] = {
    {"what is in it, and what isn't", test_what_is_in_it},
    {"threads that the planner chooses", test_threads_that_the_planner_chooses},
    {"plug-ins", test_plugins},
    {"classes of sizes", test_classes_of_sizes},
    {"types of nodes", test_nodes},
    {"which programs", test_which_programs},
    {"large programs", test_large_programs},
    {NULL, NULL},
  };

  return amz_test_main("history key", tests, 0);
}
