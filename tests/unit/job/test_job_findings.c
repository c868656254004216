/* Bad descriptions: every finding, word for word, at its place. The expected texts are written from the rules (what was wrong,
 * where it stands). */
#include <string.h>

#include "../../support/tap.h"
#include "job_support.h"

#define TASKS "tasks: {command: x}\n"

struct row {
  const char *what, *yaml, *findings;
};

static void check_rows(const struct row *rows, size_t n)
{
  for (size_t i = 0; i < n; i++) {
    struct loaded l;

    load_text(rows[i].yaml, &l);
    ASSERT_ROW_TEXT(rows[i].what, amz_buf_text(&l.findings), rows[i].findings);
    ASSERT_ROW_I64(rows[i].what, l.rc, l.errors ? AMZ_EINVAL : AMZ_OK);
    CU_ASSERT((l.job != NULL) == (l.rc == AMZ_OK));
    loaded_clear(&l);
  }
}

#define CHECK(rows) check_rows(rows, sizeof(rows) / sizeof *(rows))

static void of_yaml_itself(void)
{
  static const struct row rows[] = {
    {"empty file", "", "job.yaml: empty: a job description needs at least tasks: with a command\n"},
    {"comments only", "# one\n# two\n", "job.yaml: empty: a job description needs at least tasks: with a command\n"},
    {"a word", "hello\n", "job.yaml:1:1: expected keys like \"tasks:\", got \"hello\"\n"},
    {"a list", "- a\n", "job.yaml:1:1: expected keys like \"tasks:\", got a list\n"},
    {"two documents", TASKS "---\nb: 1\n", "job.yaml:2:1: a second document: a job description is one document\n"},
    {"duplicate key", TASKS "chunks: {}\nchunks: {}\n", "job.yaml:3:1: duplicate key \"chunks\" (first on line 2)\n"},
    {"duplicate key inside, and the rest is checked", TASKS "chunks: {rate: 0.1, rate: 0.1}\njbo: x\n",
     "job.yaml:2:21: duplicate key \"rate\" (first on line 2)\n"
     "job.yaml:3:1: unknown key \"jbo\"; did you mean \"job\"?\n"},
    {"tab as indentation", "tasks:\n\tcommand: x\n", "job.yaml:2:1: not valid YAML: a tab, where YAML allows only blanks\n"},
    {"merge key", "a: &a {x: 1}\ntasks: {<<: *a, command: x}\n",
     "job.yaml:1:1: unknown key \"a\"\njob.yaml:2:9: merge keys (<<) are not supported: write the keys out\n"},
    {"key that is a list", TASKS "[a, b]: 1\n", "job.yaml:2:1: a key must be a text, got a list\n"},
    {"tag", "tasks: {command: !!str x}\n",
     "job.yaml:1:18: the tag \"tag:yaml.org,2002:str\" is not supported: each key has one type\n"},
    {"tag directive", "%TAG ! tag:x,2000:\n---\n" TASKS, "job.yaml:1:1: %TAG is not supported: each key has one type\n"},
    {"alias of nothing", "tasks: *a\n", "job.yaml:1:8: an alias of \"a\", which is no anchor\n"},
    {"alias of itself", "tasks: &a [*a]\n", "job.yaml:1:12: an alias of what it stands in\n"},
    {"NUL written as an escape", "job: \"a\\0b\"\n", "job.yaml:1:6: a NUL byte in a text\n"},
    {"control character, after two-byte letters", "job: \xc3\xa4\xc3\xa4\x01\n",
     "job.yaml:1:8: not a text file: it holds a byte 0x01\n"},
    {"not UTF-8", TASKS "job: a\xff\n", "job.yaml:2:7: not text in UTF-8\n"},
    {"key without value", TASKS "chunks:\n", ""},
    {"byte order mark", "\xef\xbb\xbfjbo: x\n" TASKS, "job.yaml:1:1: unknown key \"jbo\"; did you mean \"job\"?\n"},
    {"CRLF", "jbo: x\r\ntasks: {command: x}\r\nchunk: 1\r\n",
     "job.yaml:1:1: unknown key \"jbo\"; did you mean \"job\"?\njob.yaml:3:1: unknown key \"chunk\"; did you mean \"chunks\"?\n"},
    {"anchors and aliases as such are fine", "job: &n hello\ntasks: {command: [echo, *n]}\n", ""},
  };

  CHECK(rows);
}

static void of_keys_and_types(void)
{
  static const struct row rows[] = {
    {"unknown key with a near one", "chunk: 1\n" TASKS, "job.yaml:1:1: unknown key \"chunk\"; did you mean \"chunks\"?\n"},
    {"unknown key, full path", TASKS "chunks:\n  taget: 1s\n",
     "job.yaml:3:3: unknown key \"chunks.taget\"; did you mean \"chunks.target\"?\n"},
    {"a key in the wrong place", TASKS "retries: 1\n",
     "job.yaml:2:1: unknown key \"retries\"; did you mean \"failures.retries\"?\n"},
    {"nothing near", TASKS "qwertyuiop: 1\n", "job.yaml:2:1: unknown key \"qwertyuiop\"\n"},
    {"section that is none", TASKS "chunks: 5\n", "job.yaml:2:9: chunks: expected a mapping of keys to values, got \"5\"\n"},
    {"duration", TASKS "failures: {timeout: fast}\n",
     "job.yaml:2:21: failures.timeout: expected a duration like 200ms, got \"fast\"\n"},
    {"duration without unit", TASKS "failures: {timeout: 5}\n",
     "job.yaml:2:21: failures.timeout: expected a duration like 200ms, got \"5\"\n"},
    {"duration that is a list", TASKS "failures: {timeout: [1s]}\n",
     "job.yaml:2:21: failures.timeout: expected a duration like 200ms, got a list\n"},
    {"duration that is nothing", TASKS "failures: {timeout: }\n",
     "job.yaml:2:21: failures.timeout: expected a duration like 200ms, got nothing\n"},
    {"duration out of range", TASKS "failures: {timeout: 0}\n",
     "job.yaml:2:21: failures.timeout: must be between 1ms and 365d, got \"0\"\n"},
    {"duration that overflows", TASKS "failures: {timeout: 99999999999d}\n",
     "job.yaml:2:21: failures.timeout: must be between 1ms and 365d, got \"99999999999d\"\n"},
    {"size", TASKS "resources: {memory: much}\n",
     "job.yaml:2:21: resources.memory: expected a size like 4GiB, auto, or a name like \"{column}\", got \"much\"\n"},
    {"size that overflows", TASKS "resources: {memory: 99999999TiB}\n",
     "job.yaml:2:21: resources.memory: must be between 1 and 1024TiB, got \"99999999TiB\"\n"},
    {"count", TASKS "failures: {retries: 1.5}\n", "job.yaml:2:21: failures.retries: expected a whole number, got \"1.5\"\n"},
    {"negative count", TASKS "failures: {retries: -1}\n",
     "job.yaml:2:21: failures.retries: must be between 0 and 1000, got \"-1\"\n"},
    {"count beyond 64 bits", TASKS "failures: {retries: 99999999999999999999}\n",
     "job.yaml:2:21: failures.retries: must be between 0 and 1000, got \"99999999999999999999\"\n"},
    {"count or auto", TASKS "plan: {slots_per_rank: some}\n",
     "job.yaml:2:24: plan.slots_per_rank: expected a whole number or auto, got \"some\"\n"},
    {"no slots", TASKS "plan: {slots_per_rank: 0}\n",
     "job.yaml:2:24: plan.slots_per_rank: must be between 1 and 65536, got \"0\"\n"},
    {"bool", TASKS "plan: {load_aware: yes}\n",
     "job.yaml:2:20: plan.load_aware: expected true or false, got \"yes\"; did you mean true?\n"},
    {"choice", TASKS "preset: throughputt\n",
     "job.yaml:2:9: preset: expected one of default, throughput, memory, latency, io, got \"throughputt\"; did you mean "
     "throughput?\n"},
    {"share above 1", TASKS "chunks: {rate: 1.5}\n", "job.yaml:2:16: chunks.rate: must be between 0 and 1, got \"1.5\"\n"},
    {"share that is none", TASKS "chunks: {rate: big}\n",
     "job.yaml:2:16: chunks.rate: expected a share like 0.8 or 80%, got \"big\"\n"},
    {"confidence 1", TASKS "sample: {confidence: 1}\n",
     "job.yaml:2:22: sample.confidence: must be above 0 and below 1, got \"1\"\n"},
    {"confidence 0%", TASKS "sample: {confidence: 0%}\n",
     "job.yaml:2:22: sample.confidence: must be above 0 and below 1, got \"0%\"\n"},
    {"stop_after nothing", TASKS "failures: {stop_after: 0}\n",
     "job.yaml:2:24: failures.stop_after: must be at least 1, or above 0% and up to 100%, got \"0\"\n"},
    {"stop_after 0%", TASKS "failures: {stop_after: 0%}\n",
     "job.yaml:2:24: failures.stop_after: must be at least 1, or above 0% and up to 100%, got \"0%\"\n"},
    {"stop_after word", TASKS "failures: {stop_after: never}\n",
     "job.yaml:2:24: failures.stop_after: expected a number of failures like 10 or a share like 5%, got \"never\"\n"},
    {"pair", TASKS "sample: {tasks: 5}\n", "job.yaml:2:17: sample.tasks: expected two whole numbers like [5, 50], got \"5\"\n"},
    {"texts", TASKS "slurm: {extra: {a: b}}\n",
     "job.yaml:2:16: slurm.extra: expected a text or a list of texts, got a mapping\n"},
    {"long values are cut, between characters, at 58 bytes", TASKS "preset: ääääääääääääääääääääääääääääääääääääääää\n",
     "job.yaml:2:9: preset: expected one of default, throughput, memory, latency, io, got \"äääääääääääääääääääääääääääää…\"\n"},
    {"all at once, in order", "chunk: 1\ntasks: {command: x, ok_exit: 256}\nfailures: {retries: x}\n",
     "job.yaml:1:1: unknown key \"chunk\"; did you mean \"chunks\"?\n"
     "job.yaml:2:30: tasks.ok_exit: must be between 0 and 255, got \"256\"\n"
     "job.yaml:3:21: failures.retries: expected a whole number, got \"x\"\n"},
  };

  CHECK(rows);
}

static void of_keys_together(void)
{
  static const struct row rows[] = {
    {"min above target", TASKS "chunks: {min: 1s, target: 200ms}\n",
     "job.yaml:2:15: chunks.min: \"1s\" is more than chunks.target, which is \"200ms\"\n"},
    {"target above max", TASKS "chunks: {target: 200ms, max: 0.1s}\n",
     "job.yaml:2:18: chunks.target: \"200ms\" is more than chunks.max, which is \"0.1s\"\n"},
    {"sample bounds", TASKS "sample: {tasks: [50, 5]}\n",
     "job.yaml:2:17: sample.tasks: the least, 50, is more than the most, 5\n"},
    {"goal without deadline", TASKS "plan: {goal: deadline}\n",
     "job.yaml:2:14: plan.goal: deadline needs plan.deadline\n"},
    {"deadline without goal", TASKS "plan: {deadline: 2h}\n",
     "job.yaml:2:8: warning: plan.deadline has no effect without plan.goal: deadline\n"},
    {"policy of a later version", TASKS "chunks: {policy: tap}\n",
     "job.yaml:2:18: warning: chunks.policy: \"tap\" is not in this version yet: adaptive is used\n"},
    {"policy of no version", TASKS "chunks: {policy: gsss}\n",
     "job.yaml:2:18: chunks.policy: unknown policy \"gsss\"; did you mean gss?\n"},
    {"no effect yet", TASKS "failures:\n  idempotent: true\n", "job.yaml:3:3: warning: failures.idempotent has no effect yet\n"},
    {"commands have no results", TASKS "output: {results: r.npy, reduce: sum}\n",
     "job.yaml:2:10: warning: output.results has no effect: only tasks.plugin has results; what other tasks print is kept by "
     "output.stdout\n"
     "job.yaml:2:26: warning: output.reduce has no effect: only tasks.plugin has results; what other tasks print is kept by "
     "output.stdout\n"},
    {"plug-ins have", "tasks: {plugin: x.so}\noutput: {results: r.npy, reduce: sum}\n", ""},
    {"results can be gathered, too", "tasks: {plugin: x.so}\noutput: {results: r.npy, reduce: sum, gather: true}\n", ""},
    {"the default needs no warning",
     TASKS "plan: {goal: time, efficiency: 80%, nodes: auto}\noutput: {stdout: pack, reduce: none}\n", ""},
    {"stages are checked, not run", TASKS "stages: [{comand: x}]\n",
     "job.yaml:2:1: warning: stages has no effect yet\njob.yaml:2:10: tasks: one of command, stream, plugin or lines is needed\n"
     "job.yaml:2:11: unknown key \"tasks.comand\"; did you mean \"tasks.command\"?\n"},
    {"after", TASKS "after: [a.yaml, b.yaml]\n", "job.yaml:2:1: warning: after has no effect yet\n"},
  };

  CHECK(rows);
}

#define FOR(rest) "tasks:\n  command: x {a}\n  for: {" rest "}\n"

static void of_tasks(void)
{
  static const struct row rows[] = {
    {"no tasks", "job: x\n", "job.yaml:1:1: tasks: missing: what is to be run?\n"},
    {"nothing to run", "tasks: {workdir: x}\n", "job.yaml:1:8: tasks: one of command, stream, plugin or lines is needed\n"},
    {"two kinds", "tasks: {command: x, lines: tasks.txt}\n",
     "job.yaml:1:21: tasks.lines: cannot stand beside tasks.command: tasks are of one kind\n"},
    {"line without stream", "tasks: {command: x, line: y}\n",
     "job.yaml:1:21: tasks.line: needs tasks.stream: it is what a stream's program is given per task\n"},
    {"a stream's window", "tasks: {stream: {command: x, window: 0}}\n",
     "job.yaml:1:38: tasks.stream.window: must be between 1 and 4096, got \"0\"\n"},
    {"a stream without its program", "tasks: {stream: {window: 2}}\n",
     "job.yaml:1:17: tasks.stream: needs command: the program that is started once per slot\n"},
    {"an unknown key of a stream", "tasks: {stream: {command: x, sentinal: y}}\n",
     "job.yaml:1:30: unknown key \"tasks.stream.sentinal\"; did you mean \"tasks.stream.sentinel\"?\n"},
    {"a stream that is a list", "tasks: {stream: [x]}\n",
     "job.yaml:1:17: tasks.stream: expected a text or a mapping, got a list\n"},
    {"a sentinel of two lines", "tasks: {stream: {command: x, sentinel: \"a\\nb\"}}\n",
     "job.yaml:1:40: tasks.stream.sentinel: must be one line: it is compared with lines\n"},
    {"a line of two lines", "tasks: {stream: x, line: \"a\\nb\"}\n",
     "job.yaml:1:28: tasks.line: holds a newline: a task is one line\n"},
    {"a task's name in a stream's program", "tasks: {stream: \"x {a}\", for: {a: [1]}}\n",
     "job.yaml:1:18: tasks.stream: {a} differs from task to task, and a stream's program is started once for many: write it into "
     "tasks.line\n"},
    {"its index in a stream's environment", "tasks: {stream: x, env: {A: \"{index}\"}}\n",
     "job.yaml:1:30: tasks.env.A: {index} differs from task to task, and a stream's program is started once for many: write it "
     "into tasks.line\n"},
    {"exit statuses of a stream", "tasks: {stream: x, ok_exit: [1]}\n",
     "job.yaml:1:20: tasks.ok_exit: cannot stand beside tasks.stream: results, not exit statuses, tell what became of a stream's "
     "tasks\n"},
    {"stdin of a plug-in", "tasks: {plugin: ./x.so, stdin: y}\n",
     "job.yaml:1:25: tasks.stdin: cannot stand beside tasks.plugin: a plug-in has no standard input\n"},
    {"creates beside a plug-in", "tasks: {plugin: ./x.so, creates: x}\n",
     "job.yaml:1:25: tasks.creates: cannot stand beside tasks.plugin: looking for a file takes longer than many a plug-in's "
     "task; it can look by "
     "itself\n"},
    {"ok_exit beside a plug-in", "tasks: {plugin: ./x.so, ok_exit: [0, 1]}\n",
     "job.yaml:1:25: tasks.ok_exit: cannot stand beside tasks.plugin: a plug-in's tasks say themselves whether they have "
     "succeeded\n"},
    {"for with lines", "tasks: {lines: tasks.txt, for: {a: 1}}\n",
     "job.yaml:1:27: tasks.for: cannot stand beside tasks.lines: task lines have no placeholders\n"},
    {"unknown placeholder in a plain text", "tasks:\n  command: echo {sed}\n  for: {seed: [1]}\n",
     "job.yaml:2:17: tasks.command: unknown placeholder {sed}; did you mean {seed}?\n"},
    {"the same behind a quote and a letter of two bytes", "tasks: {command: \"ä {indx}\"}\n",
     "job.yaml:1:21: tasks.command: unknown placeholder {indx}; did you mean {index}?\n"},
    {"in a list of words", "tasks:\n  command:\n    - echo\n    - {a: 1}\n",
     "job.yaml:3:5: tasks.command: expected a text or a list of texts, got a list\n"},
    {"unknown placeholder in a list's word", "tasks:\n  command:\n    - echo\n    - \"x{indx}\"\n",
     "job.yaml:4:9: tasks.command: unknown placeholder {indx}; did you mean {index}?\n"},
    {"unknown placeholder in env", "tasks: {command: x, env: {A: \"{indx}\"}}\n",
     "job.yaml:1:31: tasks.env.A: unknown placeholder {indx}; did you mean {index}?\n"},
    {"names of variables", "tasks: {command: x, env: {1A: b, AMORSIZE_X: c, D: [e]}}\n",
     "job.yaml:1:27: tasks.env: \"1A\" cannot be the name of a variable: letters, digits and _ alone\n"
     "job.yaml:1:34: tasks.env: \"AMORSIZE_X\": names with AMORSIZE_ are ours\n"
     "job.yaml:1:52: tasks.env.D: expected a text, got a list\n"},
    {"scratch from nowhere", "tasks: {command: \"x {scratch}\"}\n", "job.yaml:1:18: tasks: {scratch} needs stage.scratch\n"},
    {"name that is none", FOR("a: [1], \"b c\": [1]"),
     "job.yaml:3:17: tasks.for: \"b c\" cannot be a name: a letter or _, then up to 63 letters, digits, _ and -\n"},
    {"name that is built in", FOR("a: [1], slot: [1]"), "job.yaml:3:17: tasks.for: {slot} is built in: choose another name\n"},
    {"name of a column", "tasks: {command: \"{ligand2}\", csv: table.csv, for: {ligand2: [1]}}\n",
     "job.yaml:1:53: tasks.for: \"ligand2\" is a column of tasks.csv already\n"},
    {"name without use", FOR("a: [1], b: [1, 2]"), "job.yaml:3:17: warning: tasks.for.b: the name is not used\n"},
    {"empty list", FOR("a: []"), "job.yaml:3:12: tasks.for.a: the list is empty\n"},
    {"pattern without match", FOR("a: {glob: \"*.none\"}"), "job.yaml:3:19: tasks.for.a: glob \"*.none\" matches nothing\n"},
    {"patterns without match", FOR("a: {glob: [\"*.none\", \"x*\"]}"),
     "job.yaml:3:19: tasks.for.a: none of the patterns matches anything\n"},
    {"file without lines", FOR("a: {lines: empty.txt}"), "job.yaml:3:20: tasks.for.a: lines \"empty.txt\" has no lines\n"},
    {"file that isn't there", FOR("a: {lines: gone.txt}"),
     "job.yaml:3:20: tasks.for.a: cannot open gone.txt: No such file or directory\n"},
    {"range of one", FOR("a: {range: [1]}"),
     "job.yaml:3:20: tasks.for.a: range: expected [first, last] or [first, last, step], got a list\n"},
    {"source that is none", FOR("a: {rnge: [1, 2]}"),
     "job.yaml:3:13: tasks.for.a: unknown source \"rnge\"; did you mean \"range\"?\n"},
    {"two sources", FOR("a: {range: [1, 2], list: [1]}"),
     "job.yaml:3:12: tasks.for.a: expected a value, a list, or one of {range: [1, 100]}, {glob: \"*.txt\"}, {lines: file}, got "
     "several\n"},
    {"value that is nothing", FOR("a: "),
     "job.yaml:3:12: tasks.for.a: expected a value, a list, or one of {range: [1, 100]}, {glob: \"*.txt\"}, {lines: file}, got "
     "nothing\n"},
    {"zip of unequal lengths", "tasks:\n  command: x {a} {b}\n  combine: zip\n  for: {a: [1, 2, 3], b: {range: [1, 100]}}\n",
     "job.yaml:4:23: tasks.combine: zip needs equal lengths: \"a\" has 3, \"b\" has 100\n"},
    {"more than 2^62 tasks", "tasks:\n  command: x {a} {b}\n  for: {a: {range: [1, 4000000000]}, b: {range: [1, 4000000000]}}\n",
     "job.yaml:3:8: tasks.for: more than 2^62 tasks\n"},
    {"table without rows", "tasks: {command: \"{a}{b}\", csv: norows.csv}\n",
     "job.yaml:1:33: tasks.csv: \"norows.csv\" has no rows\n"},
    {"table that isn't there", "tasks: {command: x, csv: gone.csv}\n",
     "job.yaml:1:26: tasks.csv: cannot open gone.csv: No such file or directory\n"},
    {"columns that can't be named", "tasks: {command: \"{ok}\", csv: odd.csv}\n",
     "job.yaml:1:31: warning: tasks.csv: the column \"a b\" is no name for a placeholder: it is left out\n"
     "job.yaml:1:31: warning: tasks.csv: the column \"index\" is the name of a built-in placeholder: it is left out\n"},
    {"missing column", "tasks: {command: \"{lig}\", csv: table.csv}\nresources: {memory: \"{mem}\"}\n",
     "job.yaml:1:19: tasks.command: unknown placeholder {lig}; known: ligand2, mem_column, index, threads, rank, slot, job, "
     "scratch\n"
     "job.yaml:2:21: resources.memory: unknown name \"mem\"\n"},
    {"task lines: none", "tasks: {lines: empty.txt}\n", "job.yaml:1:16: tasks.lines: \"empty.txt\" has no task lines\n"},
    {"weight of no name", FOR("a: [1]") "  weight: {size_of: b}\n",
     "job.yaml:4:21: tasks.weight: unknown name \"b\"; did you mean \"a\"?\n"},
    {"weight that is no number", FOR("a: [1, x, y]") "  weight: \"{a}\"\n",
     "job.yaml:4:11: tasks.weight: expected numbers >= 0 in \"a\", got \"x\"\n"},
    {"weight below 0", FOR("a: [1, -2]") "  weight: \"{a}\"\n",
     "job.yaml:4:11: tasks.weight: expected numbers >= 0 in \"a\", got \"-2\"\n"},
    {"weight of a name whose values are refused", FOR("a: {range: 5}") "  weight: \"{a}\"\n",
     "job.yaml:3:20: tasks.for.a: range: expected [first, last] or [first, last, step], got \"5\"\n"},
    {"weight of another shape", FOR("a: [1]") "  weight: 5\n",
     "job.yaml:4:11: tasks.weight: expected {size_of: name} or a name like \"{column}\", got \"5\"\n"},
  };

  CHECK(rows);
}

static void of_options(void)
{
  static const struct {
    const char *what;
    struct amz_set set;
    const char *findings;
  } rows[] = {
    {"value", {"--set", "failures.timeout", "fast"},
     "--set failures.timeout=fast: failures.timeout: expected a duration like 200ms, got \"fast\"\n"},
    {"path", {"--set", "chunks.taget", "1s"},
     "--set chunks.taget=1s: unknown key \"chunks.taget\"; did you mean \"chunks.target\"?\n"},
    {"short option", {"--slots", "plan.slots_per_rank", "0"},
     "--slots 0: plan.slots_per_rank: must be between 1 and 65536, got \"0\"\n"},
    {"path into a value", {"--set", "tasks.for.a.range", "[1, 2]"},
     "--set tasks.for.a.range=[1, 2]: unknown key \"tasks.for.a.range\"\n"},
    {"broken YAML", {"--set", "slurm.extra", "[a"},
     "--set slurm.extra=[a: not valid YAML: did not find expected ',' or ']' (while parsing a flow sequence)\n"},
    {"empty value", {"--set", "failures.retries", ""},
     "--set failures.retries=: failures.retries: expected a whole number, got \"\"\n"},
  };

  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    const struct amz_job_input input = {.file_name = "job.yaml", .yaml_text = TASKS, .yaml_len = strlen(TASKS),
                                        .sets = &rows[i].set, .n_sets = 1};
    struct loaded l;

    load(&input, &l);
    ASSERT_ROW_TEXT(rows[i].what, amz_buf_text(&l.findings), rows[i].findings);
    ASSERT_ROW_I64(rows[i].what, l.rc, AMZ_EINVAL);
    loaded_clear(&l);
  }
}

int main(void)
{
  static const struct amz_test tests[] = {
    {"of YAML itself", of_yaml_itself},
    {"of keys and types", of_keys_and_types},
    {"of keys together", of_keys_together},
    {"of tasks", of_tasks},
    {"of options", of_options},
    {NULL, NULL},
  };

  return amz_test_main("job findings", tests, 0);
}
