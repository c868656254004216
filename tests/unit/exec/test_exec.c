/* The executor with the real helper: what tasks get, how their ends are told. The oracle for output is the pack reader. */
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <amorsize/exec.h>

#include "../../support/tap.h"
#include "rig.h"

#define HELPER "amorsize-mpi-helper"

/* ---- ends --------------------------------------------------------------------------------------------------------------- */

static void ends_are_told_as_they_were(void)
{
  static const struct {
    const char *row, *text;
    int32_t exit_code, signal;
    enum amz_outcome outcome;
    const char *out, *err;
  } rows[] = {
    {"nothing printed", ":", 0, 0, AMZ_SUCCEEDED, "", ""},
    {"both streams", "echo a; echo b >&2; echo c", 0, 0, AMZ_SUCCEEDED, "a\nc\n", "b\n"},
    {"exit status", "echo so; exit 3", 3, 0, AMZ_FAILED, "so\n", ""},
    {"largest exit status", "exit 255", 255, 0, AMZ_FAILED, "", ""},
    {"SIGSEGV", "echo before; kill -SEGV $$", -1, SIGSEGV, AMZ_FAILED, "before\n", ""},
    {"SIGPIPE kills, as by default", "kill -PIPE $$; echo survived", -1, SIGPIPE, AMZ_FAILED, "", ""},
    {"SIGINT kills", "kill -INT $$; echo survived", -1, SIGINT, AMZ_FAILED, "", ""},
    {"SIGTERM kills", "kill -TERM $$; echo survived", -1, SIGTERM, AMZ_FAILED, "", ""},
    {"SIGHUP kills", "kill -HUP $$; echo survived", -1, SIGHUP, AMZ_FAILED, "", ""},
    {"not found by the shell", "exec 2>/dev/null; amz-no-such-program", 127, 0, AMZ_FAILED, "", ""},
    {"standard input is empty", "cat; echo end", 0, 0, AMZ_SUCCEEDED, "end\n", ""},
    {"stdout closed early", "exec >&-; echo gone 2>/dev/null; exit 0", 0, 0, AMZ_SUCCEEDED, "", ""},
    {"descriptors: the three, and ls's own", "ls /proc/self/fd | tr '\\n' ' '", 0, 0, AMZ_SUCCEEDED, "0 1 2 3 ", ""},
    {"no signal blocked", "grep SigBlk /proc/self/status | tr -d '\\t'", 0, 0, AMZ_SUCCEEDED, "SigBlk:0000000000000000\n", ""},
    {"no standard signal ignored", "echo $((0x$(grep SigIgn /proc/self/status | cut -f2) & 0x7fffffff))", 0, 0, AMZ_SUCCEEDED,
      "0\n", ""},
    {"a process group of its own", "test \"$(cut -d' ' -f5 /proc/$$/stat)\" = $$ && echo leader", 0, 0, AMZ_SUCCEEDED,
      "leader\n", ""},
    {"taken by the out-of-memory killer before its rank", "test $(cat /proc/self/oom_score_adj) -ge 500", 0, 0, AMZ_SUCCEEDED,
      "", ""},
  };
  struct amz_rig r;

  CU_ASSERT_FATAL(amz_rig_init(&r, HELPER, 1, true));
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    struct amz_rig_result got;

    CU_ASSERT_FATAL(amz_rig_shell(&r, rows[i].text, &got));
    ASSERT_ROW_I64(rows[i].row, got.end.exit_code, rows[i].exit_code);
    ASSERT_ROW_I64(rows[i].row, got.end.signal, rows[i].signal);
    ASSERT_ROW_U64(rows[i].row, got.end.outcome, rows[i].outcome);
    ASSERT_ROW_TEXT(rows[i].row, amz_buf_text(&got.out), rows[i].out);
    ASSERT_ROW_TEXT(rows[i].row, amz_buf_text(&got.err), rows[i].err);
    ASSERT_ROW_U64(rows[i].row, got.end.output_bytes, strlen(rows[i].out) + strlen(rows[i].err));
    ASSERT_ROW_U64(rows[i].row, got.end.pack_seq, i + 1);
    ASSERT_ROW_U64(rows[i].row, got.end.tag, 7);
    ASSERT_ROW_I64(rows[i].row, got.end.start_errno, 0);
    amz_rig_result_clear(&got);
  }
  amz_rig_clear(&r);
}

/* ---- what can't be started ---------------------------------------------------------------------------------------------- */

static bool write_file(const char *dir, const char *name, const char *text, mode_t mode)
{
  char path[256];
  FILE *f;
  bool ok;

  (void)snprintf(path, sizeof path, "%s/%s", dir, name);
  f = fopen(path, "w");
  if (!f)
    return false;
  ok = fputs(text, f) >= 0;
  return fclose(f) == 0 && ok && chmod(path, mode) == 0;
}

static void remove_file(const char *dir, const char *name)
{
  char path[256];

  (void)snprintf(path, sizeof path, "%s/%s", dir, name);
  (void)unlink(path);
}

static void starts_that_fail_say_why(void)
{
  static const struct {
    const char *row, *program, *workdir, *stdin_path;
    int32_t exit_code;
    const char *err;
  } rows[] = {
    {"not in PATH", "amz-no-such", NULL, NULL, 127, "amorsize-mpi: cannot run 'amz-no-such': No such file or directory\n"},
    {"no such path", "./amz-no-such", NULL, NULL, 127, "amorsize-mpi: cannot run './amz-no-such': No such file or directory\n"},
    {"not executable", "./plain", "@", NULL, 126, "amorsize-mpi: cannot run './plain': Permission denied\n"},
    {"a directory", "/tmp", NULL, NULL, 126, "amorsize-mpi: cannot run '/tmp': Permission denied\n"},
    {"interpreter missing", "./lost", "@", NULL, 127, "amorsize-mpi: cannot run './lost': No such file or directory\n"},
    {"empty name", "", NULL, NULL, 127, "amorsize-mpi: cannot run '': No such file or directory\n"},
    {"control characters are shown, not sent", "./a\n\033b", NULL, NULL, 127,
      "amorsize-mpi: cannot run './a\\x0a\\x1bb': No such file or directory\n"},
    {"no such directory", "/bin/true", "/no/such", NULL, 126,
      "amorsize-mpi: cannot change to the directory '/no/such': No such file or directory\n"},
    {"workdir is a file", "/bin/true", "/dev/null", NULL, 126,
      "amorsize-mpi: cannot change to the directory '/dev/null': Not a directory\n"},
    {"no such stdin", "/bin/true", NULL, "in.txt", 126,
      "amorsize-mpi: cannot read standard input from 'in.txt': No such file or directory\n"},
    {"works again", "/bin/true", NULL, NULL, 0, ""},
  };
  struct amz_rig r;

  CU_ASSERT_FATAL(amz_rig_init(&r, HELPER, 1, true));
  CU_ASSERT(write_file(r.dir, "plain", "#!/bin/sh\n", 0644) && write_file(r.dir, "lost", "#!/no/such/interpreter\n", 0755));
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    const char *argv[] = {rows[i].program, NULL};
    const struct amz_exec_command command = {.attempt = 1, .argv = argv, .stdin_path = rows[i].stdin_path,
      .workdir = rows[i].workdir && rows[i].workdir[0] == '@' ? r.dir : rows[i].workdir};
    struct amz_rig_result got;

    CU_ASSERT_FATAL(amz_rig_run(&r, &command, &got));
    ASSERT_ROW_I64(rows[i].row, got.end.exit_code, rows[i].exit_code);
    ASSERT_ROW_TEXT(rows[i].row, amz_buf_text(&got.err), rows[i].err);
    ASSERT_ROW_U64(rows[i].row, got.end.start_errno != 0, rows[i].exit_code != 0);
    ASSERT_ROW_U64(rows[i].row, got.end.outcome, rows[i].exit_code ? AMZ_FAILED : AMZ_SUCCEEDED);
    ASSERT_ROW_U64(rows[i].row, got.end.pack_seq, i + 1);
    amz_rig_result_clear(&got);
  }
  remove_file(r.dir, "plain");
  remove_file(r.dir, "lost");
  amz_rig_clear(&r);
}

static void arguments_beyond_the_systems_bounds_fail_the_task(void)
{
  char *argument = malloc(200001);
  const char *argv[] = {"/bin/echo", argument, NULL};
  const struct amz_exec_command command = {.attempt = 1, .argv = argv};
  struct amz_rig_result got;
  struct amz_rig r;

  CU_ASSERT_FATAL(argument && amz_rig_init(&r, HELPER, 1, true));
  memset(argument, 'x', 200000);
  argument[200000] = '\0';
  CU_ASSERT_FATAL(amz_rig_run(&r, &command, &got));
  ASSERT_I64(got.end.exit_code, 126);
  CU_ASSERT_PTR_NOT_NULL(strstr(amz_buf_text(&got.err), "cannot run '/bin/echo': Argument list too long (arguments"));
  amz_rig_result_clear(&got);
  CU_ASSERT_FATAL(amz_rig_shell(&r, "echo alive", &got));
  ASSERT_TEXT(amz_buf_text(&got.out), "alive\n");
  amz_rig_result_clear(&got);
  amz_rig_clear(&r);
  free(argument);
}

static void a_script_without_interpreter_is_the_shells(void)
{
  const char *argv[] = {"./bare", "two words", NULL};
  struct amz_exec_command command = {.attempt = 1, .argv = argv};
  struct amz_rig_result got;
  struct amz_rig r;

  CU_ASSERT_FATAL(amz_rig_init(&r, HELPER, 1, true));
  CU_ASSERT(write_file(r.dir, "bare", "echo \"<$1>\"\n", 0755));
  command.workdir = r.dir;
  CU_ASSERT_FATAL(amz_rig_run(&r, &command, &got));
  ASSERT_TEXT(amz_buf_text(&got.out), "<two words>\n");
  amz_rig_result_clear(&got);
  remove_file(r.dir, "bare");
  amz_rig_clear(&r);
}

/* ---- environment, stdin, exit statuses ---------------------------------------------------------------------------------- */

static void the_environment_is_ours_scrubbed_and_the_tasks(void)
{
  static const char *const env[] = {"AMORSIZE_TASK_INDEX=12", "OMP_NUM_THREADS=4", "AMZ_OVER=new", "AMZ_EMPTY=", NULL};
  static const char *const argv[] = {"/bin/sh", "-c",
    "echo $AMORSIZE_TASK_INDEX $OMP_NUM_THREADS $AMZ_KEPT $AMZ_OVER ${AMZ_EMPTY-unset}$("
    "env | grep -E '^(OMPI|PMIX|ORTE|PMI|MPI)_' | sort | tr '\\n' ' ')", NULL};
  const struct amz_exec_command command = {.attempt = 1, .shell = true, .argv = argv, .env = env};
  struct amz_rig_result got;
  struct amz_rig r;

  (void)setenv("OMPI_COMM_WORLD_RANK", "1", 1);
  (void)setenv("PMIX_RANK", "1", 1);
  (void)setenv("PMI_RANK", "1", 1);
  (void)setenv("ORTE_X", "1", 1);
  (void)setenv("MPI_LOCALRANKID", "1", 1);
  (void)setenv("OMPI_ALLOW_RUN_AS_ROOT", "1", 1);
  (void)setenv("OMPI_ALLOW_RUN_AS_ROOT_CONFIRM", "1", 1);
  (void)setenv("AMZ_KEPT", "kept", 1);
  (void)setenv("AMZ_OVER", "old", 1);
  CU_ASSERT_FATAL(amz_rig_init(&r, HELPER, 1, true));
  CU_ASSERT_FATAL(amz_rig_run(&r, &command, &got));
  ASSERT_TEXT(amz_buf_text(&got.out), "12 4 kept new OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1\n");
  amz_rig_result_clear(&got);
  amz_rig_clear(&r);
}

static void programs_are_found_by_the_tasks_path(void)
{
  const char *argv[] = {"amz-tool", NULL};
  char path[128];
  const char *env[] = {path, NULL};
  const struct amz_exec_command command = {.attempt = 1, .argv = argv, .env = env};
  struct amz_rig_result got;
  struct amz_rig r;

  CU_ASSERT_FATAL(amz_rig_init(&r, HELPER, 1, true));
  (void)snprintf(path, sizeof path, "PATH=/no/such:%s:/usr/bin:/bin", r.dir);
  for (int i = 0; i < 2; i++) { /* the second time by the cache */
    CU_ASSERT(write_file(r.dir, "amz-tool", "#!/bin/sh\necho found\n", 0755));
    CU_ASSERT_FATAL(amz_rig_run(&r, &command, &got));
    ASSERT_TEXT(amz_buf_text(&got.out), "found\n");
    amz_rig_result_clear(&got);
  }
  remove_file(r.dir, "amz-tool");
  CU_ASSERT_FATAL(amz_rig_run(&r, &command, &got)); /* the cached place has vanished */
  ASSERT_I64(got.end.exit_code, 127);
  amz_rig_result_clear(&got);
  amz_rig_clear(&r);
}

static void stdin_is_relative_to_the_workdir(void)
{
  static const char *const argv[] = {"cat", NULL};
  struct amz_exec_command command = {.attempt = 1, .argv = argv, .stdin_path = "in"};
  struct amz_rig_result got;
  struct amz_rig r;

  CU_ASSERT_FATAL(amz_rig_init(&r, HELPER, 1, true));
  CU_ASSERT(write_file(r.dir, "in", "given\n", 0644));
  command.workdir = r.dir;
  CU_ASSERT_FATAL(amz_rig_run(&r, &command, &got));
  ASSERT_TEXT(amz_buf_text(&got.out), "given\n");
  amz_rig_result_clear(&got);
  remove_file(r.dir, "in");
  amz_rig_clear(&r);
}

static void ok_exit_decides_the_outcome(void)
{
  static const uint64_t ok[4] = {UINT64_C(1) << 3, 0, 0, UINT64_C(1) << 63}; /* 3 and 255 */
  static const struct {
    const char *text;
    enum amz_outcome outcome;
  } rows[] = {{"exit 0", AMZ_FAILED}, {"exit 3", AMZ_SUCCEEDED}, {"exit 255", AMZ_SUCCEEDED}, {"exit 67", AMZ_FAILED},
    {"kill -3 $$", AMZ_FAILED}};
  struct amz_rig r;

  CU_ASSERT_FATAL(amz_rig_init(&r, HELPER, 1, false));
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    const char *argv[] = {"/bin/sh", "-c", rows[i].text, NULL};
    const struct amz_exec_command command = {.attempt = 1, .shell = true, .argv = argv, .ok_exit = ok};
    struct amz_rig_result got;

    CU_ASSERT_FATAL(amz_rig_run(&r, &command, &got));
    ASSERT_ROW_U64(rows[i].text, got.end.outcome, rows[i].outcome);
    ASSERT_ROW_U64(rows[i].text, got.end.pack_seq, 0);
    amz_rig_result_clear(&got);
  }
  amz_rig_clear(&r);
}

/* ---- sizes -------------------------------------------------------------------------------------------------------------- */

static void nul_bytes_are_kept(void)
{
  struct amz_rig_result got;
  struct amz_rig r;

  CU_ASSERT_FATAL(amz_rig_init(&r, HELPER, 1, true));
  CU_ASSERT_FATAL(amz_rig_shell(&r, "printf 'a\\0b\\0'", &got));
  ASSERT_U64(got.out.len, 4);
  CU_ASSERT(got.out.len == 4 && memcmp(got.out.data, "a\0b", 4) == 0);
  amz_rig_result_clear(&got);
  amz_rig_clear(&r);
}

static void a_line_of_a_megabyte_runs(void)
{
  static const char end[] = "'; read x; echo \"got $x\"; exit 5";
  size_t n = 1 << 20;
  char *text = malloc(n + sizeof end);
  const char *argv[] = {"/bin/sh", "-c", text, NULL};
  struct amz_exec_command command = {.attempt = 1, .shell = true, .argv = argv, .stdin_path = "in"};
  struct amz_rig_result got;
  struct amz_rig r;

  CU_ASSERT_FATAL(text && amz_rig_init(&r, HELPER, 1, true));
  memset(text, 'x', n);
  memcpy(text, ": '", 3);
  memcpy(text + n, end, sizeof end);
  CU_ASSERT(write_file(r.dir, "in", "stdin\n", 0644));
  command.workdir = r.dir;
  for (int i = 0; i < 2; i++) {
    CU_ASSERT_FATAL(amz_rig_run(&r, &command, &got));
    ASSERT_I64(got.end.exit_code, 5);
    ASSERT_TEXT(amz_buf_text(&got.out), "got stdin\n");
    ASSERT_TEXT(amz_buf_text(&got.err), "");
    amz_rig_result_clear(&got);
  }
  remove_file(r.dir, "in");
  amz_rig_clear(&r);
  free(text);
}

/* \return kilobytes of a process' largest resident set. */
static long peak_kb(int pid)
{
  char path[64], line[256];
  long kb = -1;
  FILE *f;

  (void)snprintf(path, sizeof path, "/proc/%d/status", pid);
  f = fopen(path, "r");
  if (!f)
    return -1;
  while (fgets(line, sizeof line, f))
    if (strncmp(line, "VmHWM:", 6) == 0)
      kb = strtol(line + 6, NULL, 10);
  (void)fclose(f);
  return kb;
}

static bool is_repeated(const struct amz_buf *b, char c)
{
  return b->len > 0 && b->data[0] == c && memcmp(b->data, b->data + 1, b->len - 1) == 0;
}

/* A task that lives long enough to be asked: what it reads and what its children read, and little else. */
static void what_is_read_is_counted(void)
{
  struct amz_rig_result got;
  struct amz_rig r;

  if (access("/proc/self/io", R_OK) < 0) {
    printf("# skipped: this kernel doesn't count what processes read (/proc/self/io)\n");
    return;
  }
  CU_ASSERT_FATAL(amz_rig_init(&r, HELPER, 1, true));
  CU_ASSERT_FATAL(amz_rig_shell(&r, "head -c 3000000 /dev/zero >/dev/null; head -c 2000000 /dev/zero >/dev/null; sleep 0.01",
                                &got));
  CU_ASSERT(got.end.input_bytes >= 5000000 && got.end.input_bytes < 5200000);
  amz_rig_result_clear(&got);
  amz_rig_clear(&r);
}

static void a_hundred_megabytes_stream_through(void)
{
  struct amz_rig_result got;
  struct amz_rig r;
  long before;

  CU_ASSERT_FATAL(amz_rig_init(&r, HELPER, 1, true));
  before = peak_kb(amz_rig_helper_pid());
  CU_ASSERT_FATAL(amz_rig_shell(&r, "head -c 100000000 /dev/zero | tr '\\0' x; head -c 70000 /dev/zero | tr '\\0' y >&2", &got));
  ASSERT_I64(got.end.exit_code, 0);
  ASSERT_U64(got.end.output_bytes, 100070000);
  ASSERT_U64(got.out.len, 100000000);
  ASSERT_U64(got.err.len, 70000);
  CU_ASSERT(is_repeated(&got.out, 'x') && is_repeated(&got.err, 'y'));
  CU_ASSERT(before > 0 && peak_kb(amz_rig_helper_pid()) - before < 2048);
  amz_rig_result_clear(&got);
  amz_rig_clear(&r);
}

#if defined(__SANITIZE_ADDRESS__)
#define SANITIZED true
#elif defined(__has_feature)
#define SANITIZED __has_feature(address_sanitizer)
#else
#define SANITIZED false
#endif

/* A child's peak begins at its spawner's: the helper must be small. */
static void a_small_task_has_a_small_peak(void)
{
  static const char *const argv[] = {"/bin/true", NULL};
  const struct amz_exec_command command = {.attempt = 1, .argv = argv};
  struct amz_rig_result got;
  struct amz_rig r;

  CU_ASSERT_FATAL(amz_rig_init(&r, HELPER, 1, true));
  CU_ASSERT_FATAL(amz_rig_run(&r, &command, &got));
  CU_ASSERT(got.end.max_rss_bytes > 0);
  CU_ASSERT(SANITIZED || got.end.max_rss_bytes < 4u << 20);
  CU_ASSERT(got.end.wall_ns > 0 && got.end.cpu_ns >= 0 && got.end.start_ns > INT64_C(1600000000000000000));
  amz_rig_result_clear(&got);
  amz_rig_clear(&r);
}

/* ---- many at once ------------------------------------------------------------------------------------------------------- */

/* What ends while others are started is told as ended then, not when the last of them has been. */
static void ends_are_seen_between_starts(void)
{
  static const char *const argv[] = {"/bin/true", NULL};
  int64_t last_start_ns = 0, first_end_ns = INT64_MAX;
  const uint32_t slots = 400;
  struct amz_exec_end end;
  struct amz_rig r;

  CU_ASSERT_FATAL(amz_rig_init(&r, HELPER, slots, true));
  for (uint32_t i = 0; i < slots; i++) {
    const struct amz_exec_command command = {.slot = i, .index = i, .attempt = 1, .argv = argv};

    CU_ASSERT_EQUAL_FATAL(amz_exec_start(r.x, &command), AMZ_OK);
  }
  CU_ASSERT_EQUAL_FATAL(amz_rig_flush(&r), AMZ_OK);
  for (uint32_t i = 0; i < slots; i++) {
    CU_ASSERT_EQUAL_FATAL(amz_rig_wait(&r, &end), 1);
    ASSERT_I64(end.outcome, AMZ_SUCCEEDED);
    last_start_ns = end.start_ns > last_start_ns ? end.start_ns : last_start_ns;
    first_end_ns = end.start_ns + end.wall_ns < first_end_ns ? end.start_ns + end.wall_ns : first_end_ns;
  }
  CU_ASSERT(first_end_ns < last_start_ns);
  amz_rig_clear(&r);
}

/* ---- services ------------------------------------------------------------------------------------------------------------ */

static void a_service_leaves_nothing_in_the_pack(void)
{
  static const char *const argv[] = {"/bin/sh", "-c", "echo out; echo err >&2; exit 3", NULL};
  const struct amz_exec_command command = {.attempt = 1, .shell = true, .service = true, .argv = argv};
  struct amz_rig_result got;
  struct amz_rig r;

  CU_ASSERT_FATAL(amz_rig_init(&r, HELPER, 1, true));
  CU_ASSERT_FATAL(amz_rig_run(&r, &command, &got));
  ASSERT_I64(got.end.exit_code, 3);
  ASSERT_I64(got.end.outcome, AMZ_FAILED);
  ASSERT_U64(got.end.output_bytes, 8);
  ASSERT_U64(got.end.pack_seq, 0);
  amz_rig_result_clear(&got);
  CU_ASSERT_FATAL(amz_rig_shell(&r, "echo task", &got)); /* what comes after it on the same slot is kept */
  ASSERT_U64(got.end.pack_seq, 1);
  ASSERT_TEXT(amz_buf_text(&got.out), "task\n");
  amz_rig_result_clear(&got);
  amz_rig_clear(&r);
}

/* ---- CPUs --------------------------------------------------------------------------------------------------------------- */

static void tasks_are_bound_and_the_mask_is_checked(void)
{
  static const char *const argv[] = {"/bin/sh", "-c", "grep Cpus_allowed_list /proc/self/status | cut -f2", NULL};
  struct amz_exec_command command = {.attempt = 1, .shell = true, .argv = argv};
  struct amz_rig_result got;
  struct amz_rig r;
  cpu_set_t own;

  CU_ASSERT_FATAL(amz_rig_init(&r, HELPER, 1, true) && sched_getaffinity(0, sizeof own, &own) == 0);
  for (uint32_t cpu = 0; cpu < CPU_SETSIZE; cpu++) {
    const uint32_t one[] = {cpu}, with_another[] = {cpu, 8000};
    char text[16];

    if (!CPU_ISSET(cpu, &own))
      continue;
    (void)snprintf(text, sizeof text, "%u\n", cpu);
    command.cpus = one;
    command.n_cpus = 1;
    CU_ASSERT_FATAL(amz_rig_run(&r, &command, &got));
    ASSERT_TEXT(amz_buf_text(&got.out), text);
    CU_ASSERT(!got.end.cpus_differ);
    amz_rig_result_clear(&got);
    command.cpus = with_another;
    command.n_cpus = 2;
    CU_ASSERT_FATAL(amz_rig_run(&r, &command, &got));
    ASSERT_TEXT(amz_buf_text(&got.out), text);
    CU_ASSERT(got.end.cpus_differ);
    amz_rig_result_clear(&got);
  }
  amz_rig_clear(&r);
}

/* ---- misuse ------------------------------------------------------------------------------------------------------------- */

static void what_cannot_be_is_refused(void)
{
  static const char *const argv[] = {"/bin/true", NULL}, *const none[] = {NULL};
  struct amz_exec_command command = {.attempt = 1, .argv = argv};
  struct amz_exec_config config = {.helper_path = "/no/such/helper", .slots = 1};
  struct amz_exec *x;
  struct amz_error err;
  struct amz_rig r;

  ASSERT_I64(amz_exec_new(&config, &err, &x), AMZ_EENV);
  ASSERT_TEXT(err.text, "cannot start the helper /no/such/helper: No such file or directory");
  config.helper_path = "/bin/true";
  ASSERT_I64(amz_exec_new(&config, &err, &x), AMZ_EENV);
  config.slots = 0;
  ASSERT_I64(amz_exec_new(&config, &err, &x), AMZ_EINVAL);
  amz_exec_free(NULL);
  CU_ASSERT_FATAL(amz_rig_init(&r, HELPER, 2, false));
  ASSERT_I64(amz_exec_start(r.x, &command), AMZ_OK);
  ASSERT_I64(amz_exec_start(r.x, &command), AMZ_EINVAL);
  command.slot = 2;
  ASSERT_I64(amz_exec_start(r.x, &command), AMZ_EINVAL);
  command.slot = 1;
  command.argv = none;
  ASSERT_I64(amz_exec_start(r.x, &command), AMZ_EINVAL);
  ASSERT_I64(amz_exec_kill(r.x, 2, SIGTERM, 0), AMZ_EINVAL);
  ASSERT_I64(amz_exec_kill(r.x, 1, SIGTERM, 0), AMZ_OK); /* idle */
  amz_rig_clear(&r);
}

static void a_pack_that_cannot_be_made_is_told(void)
{
  struct amz_exec_config config = {.slots = 1, .pack_path = "/no/such/pack"};
  const char *top = getenv("top_builddir");
  struct amz_exec *x;
  struct amz_error err;
  char path[4096];

  (void)snprintf(path, sizeof path, "%s/%s", top ? top : ".", HELPER);
  config.helper_path = path;
  ASSERT_I64(amz_exec_new(&config, &err, &x), AMZ_EIO);
  CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "/no/such/pack"));
}

static const struct amz_test tests[] = {
  {"ends are told as they were", ends_are_told_as_they_were},
  {"starts that fail say why", starts_that_fail_say_why},
  {"arguments beyond the system's bounds fail the task", arguments_beyond_the_systems_bounds_fail_the_task},
  {"a script without interpreter is the shell's", a_script_without_interpreter_is_the_shells},
  {"the environment is ours, scrubbed, and the task's", the_environment_is_ours_scrubbed_and_the_tasks},
  {"programs are found by the task's PATH", programs_are_found_by_the_tasks_path},
  {"stdin is relative to the workdir", stdin_is_relative_to_the_workdir},
  {"ok_exit decides the outcome", ok_exit_decides_the_outcome},
  {"NUL bytes are kept", nul_bytes_are_kept},
  {"a line of a megabyte runs", a_line_of_a_megabyte_runs},
  {"what is read is counted", what_is_read_is_counted},
    {"a hundred megabytes stream through", a_hundred_megabytes_stream_through},
  {"a small task has a small peak", a_small_task_has_a_small_peak},
  {"ends are seen between starts", ends_are_seen_between_starts},
  {"a service leaves nothing in the pack", a_service_leaves_nothing_in_the_pack},
  {"tasks are bound, and the mask is checked", tasks_are_bound_and_the_mask_is_checked},
  {"what cannot be is refused", what_cannot_be_is_refused},
  {"a pack that cannot be made is told", a_pack_that_cannot_be_made_is_told},
  {NULL, NULL},
};

int main(void)
{
  return amz_test_main("exec", tests, 120);
}
