/* Kills and deaths: of tasks, of the helper, of the rank; and what many tasks leave behind. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <amorsize/exec.h>

#include "../../support/tap.h"
#include "rig.h"

#define HELPER "amorsize-mpi-helper"

/* ---- what tests wait for ------------------------------------------------------------------------------------------------ */

/* \return the number in a file, 0 while there is none. */
static int number_in(const char *path)
{
  char text[32] = "";
  FILE *f = fopen(path, "r");

  if (!f)
    return 0;
  if (!fgets(text, sizeof text, f) || !strchr(text, '\n'))
    text[0] = '\0';
  (void)fclose(f);
  return (int)strtol(text, NULL, 10);
}

static bool has_number(void *ctx)
{
  return number_in(ctx) > 0;
}

/* A zombie that nobody has reaped yet is dead, too. */
static bool is_dead(void *ctx)
{
  char path[64], text[512] = "";
  const char *state;
  FILE *f;

  (void)snprintf(path, sizeof path, "/proc/%d/stat", *(int *)ctx);
  f = fopen(path, "r");
  if (!f)
    return true;
  if (!fgets(text, sizeof text, f))
    text[0] = '\0';
  (void)fclose(f);
  state = strrchr(text, ')');
  return !state || state[1] == '\0' || state[2] == 'Z' || state[2] == 'X';
}

/* Starts a shell line on a slot, in the rig's directory. */
static bool start(struct amz_rig *r, uint32_t slot, const char *text)
{
  const char *argv[] = {"/bin/sh", "-c", text, NULL};
  const struct amz_exec_command command = {.slot = slot, .tag = slot, .attempt = 1, .shell = true, .argv = argv,
    .workdir = r->dir};

  return amz_exec_start(r->x, &command) == AMZ_OK && amz_rig_flush(r) == AMZ_OK;
}

/* Starts it and waits until it has written a pid into the file "pid". \return the pid; 0. */
static int start_and_learn_pid(struct amz_rig *r, uint32_t slot, const char *text)
{
  char path[96];
  int pid = 0;

  (void)snprintf(path, sizeof path, "%s/pid", r->dir);
  if (start(r, slot, text) && amz_rig_until(has_number, path))
    pid = number_in(path);
  (void)unlink(path);
  return pid;
}

static bool kill_slot(struct amz_rig *r, int signal, enum amz_outcome as)
{
  return amz_exec_kill(r->x, 0, signal, as) == AMZ_OK && amz_rig_flush(r) == AMZ_OK;
}

/* ---- tasks -------------------------------------------------------------------------------------------------------------- */

static void a_grandchild_that_holds_stdout_holds_no_slot(void)
{
  struct amz_rig_result got;
  struct amz_rig r;
  int pid;

  CU_ASSERT_FATAL(amz_rig_init(&r, HELPER, 1, true));
  CU_ASSERT_FATAL(amz_rig_shell(&r, "sleep 1000 & echo $!", &got));
  CU_ASSERT(got.end.wall_ns < INT64_C(30000000000));
  ASSERT_I64(got.end.exit_code, 0);
  pid = (int)strtol(amz_buf_text(&got.out), NULL, 10);
  CU_ASSERT(pid > 0 && !is_dead(&pid));
  amz_rig_result_clear(&got);
  CU_ASSERT_FATAL(amz_rig_shell(&r, "echo next", &got));
  ASSERT_TEXT(amz_buf_text(&got.out), "next\n");
  amz_rig_result_clear(&got);
  if (pid > 0)
    (void)kill(pid, SIGKILL);
  amz_rig_clear(&r);
}

static void a_killed_task_ends_as_it_was_said(void)
{
  static const struct {
    const char *row;
    int signal;
    enum amz_outcome as, outcome;
    int32_t exit_code, end_signal;
    const char *text;
  } rows[] = {
    {"by its signal", SIGTERM, 0, AMZ_FAILED, -1, SIGTERM, "echo $$ >pid; exec sleep 1000"},
    {"timed out", SIGTERM, AMZ_TIMED_OUT, AMZ_TIMED_OUT, -1, SIGTERM, "echo $$ >pid; exec sleep 1000"},
    {"cancelled", SIGKILL, AMZ_CANCELLED, AMZ_CANCELLED, -1, SIGKILL, "echo $$ >pid; exec sleep 1000"},
    {"timed out, though it ends well", SIGTERM, AMZ_TIMED_OUT, AMZ_TIMED_OUT, 0, 0,
      "trap 'exit 0' TERM; echo $$ >pid; while :; do sleep 0.01; done"},
    {"a signal that it handles", SIGUSR1, 0, AMZ_SUCCEEDED, 0, 0,
      "trap 'exit 0' USR1; echo $$ >pid; while :; do sleep 0.01; done"},
  };
  struct amz_exec_end end;
  struct amz_rig r;

  CU_ASSERT_FATAL(amz_rig_init(&r, HELPER, 1, true));
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    CU_ASSERT_FATAL(start_and_learn_pid(&r, 0, rows[i].text) > 0);
    CU_ASSERT(kill_slot(&r, rows[i].signal, rows[i].as));
    CU_ASSERT_FATAL(amz_rig_wait(&r, &end) == 1);
    ASSERT_ROW_U64(rows[i].row, end.outcome, rows[i].outcome);
    ASSERT_ROW_I64(rows[i].row, end.exit_code, rows[i].exit_code);
    ASSERT_ROW_I64(rows[i].row, end.signal, rows[i].end_signal);
  }
  amz_rig_clear(&r);
}

static void a_kill_reaches_the_whole_group(void)
{
  struct amz_exec_end end;
  struct amz_rig r;
  int pid;

  CU_ASSERT_FATAL(amz_rig_init(&r, HELPER, 1, true));
  pid = start_and_learn_pid(&r, 0, "trap '' TERM; sleep 1000 & echo $! >pid; wait");
  CU_ASSERT_FATAL(pid > 0);
  CU_ASSERT(kill_slot(&r, SIGTERM, AMZ_TIMED_OUT) && kill_slot(&r, SIGKILL, AMZ_CANCELLED));
  CU_ASSERT_FATAL(amz_rig_wait(&r, &end) == 1);
  ASSERT_U64(end.outcome, AMZ_TIMED_OUT); /* the first reason counts */
  ASSERT_I64(end.signal, SIGKILL);
  CU_ASSERT(amz_rig_until(is_dead, &pid));
  /* the leader obeys SIGTERM, its child doesn't: it goes with the leader, lest it run beside the next attempt */
  pid = start_and_learn_pid(&r, 0, "(trap '' TERM; while :; do sleep 1000; done) & echo $! >pid; wait");
  CU_ASSERT_FATAL(pid > 0);
  CU_ASSERT(kill_slot(&r, SIGTERM, AMZ_TIMED_OUT));
  CU_ASSERT_FATAL(amz_rig_wait(&r, &end) == 1);
  ASSERT_I64(end.signal, SIGTERM);
  CU_ASSERT(amz_rig_until(is_dead, &pid));
  amz_rig_clear(&r);
}

/* ---- the helper and the rank -------------------------------------------------------------------------------------------- */

static void signals_of_the_terminal_do_not_end_the_helper(void)
{
  static const int signals[] = {SIGINT, SIGTERM, SIGHUP, SIGPIPE, SIGQUIT};
  struct amz_rig_result got;
  struct amz_rig r;

  CU_ASSERT_FATAL(amz_rig_init(&r, HELPER, 1, true));
  for (size_t i = 0; i < sizeof signals / sizeof *signals; i++)
    CU_ASSERT(kill(amz_rig_helper_pid(), signals[i]) == 0);
  CU_ASSERT_FATAL(amz_rig_shell(&r, "echo alive", &got));
  ASSERT_TEXT(amz_buf_text(&got.out), "alive\n");
  CU_ASSERT(getsid(amz_rig_helper_pid()) == amz_rig_helper_pid());
  amz_rig_result_clear(&got);
  amz_rig_clear(&r);
}

static void a_helper_that_is_killed_takes_its_tasks_along(void)
{
  struct amz_exec_end end;
  struct amz_rig r;
  bool pending;
  int pid;

  CU_ASSERT_FATAL(amz_rig_init(&r, HELPER, 1, true));
  pid = start_and_learn_pid(&r, 0, "echo $$ >pid; exec sleep 1000");
  CU_ASSERT_FATAL(pid > 0);
  CU_ASSERT(kill(amz_rig_helper_pid(), SIGKILL) == 0);
  ASSERT_I64(amz_rig_wait(&r, &end), AMZ_ECLOSED);
  ASSERT_I64(amz_exec_flush(r.x, &pending), AMZ_ECLOSED);
  CU_ASSERT(amz_rig_until(is_dead, &pid));
  amz_rig_clear(&r);
}

static bool end_has_come(void *ctx)
{
  int fd = amz_exec_fd(((struct amz_rig *)ctx)->x);
  char byte;

  return recv(fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) == 1;
}

static void ends_that_have_come_are_told_before_the_helpers_death(void)
{
  struct amz_exec_end end;
  struct amz_rig r;

  CU_ASSERT_FATAL(amz_rig_init(&r, HELPER, 1, true));
  CU_ASSERT(start(&r, 0, "exit 9"));
  CU_ASSERT(amz_rig_until(end_has_come, &r));
  CU_ASSERT(kill(amz_rig_helper_pid(), SIGKILL) == 0);
  CU_ASSERT_FATAL(amz_rig_wait(&r, &end) == 1);
  ASSERT_I64(end.exit_code, 9);
  ASSERT_I64(amz_rig_wait(&r, &end), AMZ_ECLOSED);
  amz_rig_clear(&r);
}

static void freeing_ends_what_runs(void)
{
  struct amz_rig r;
  int pid, helper;

  CU_ASSERT_FATAL(amz_rig_init(&r, HELPER, 1, true));
  pid = start_and_learn_pid(&r, 0, "trap '' TERM HUP INT; sleep 1000 & echo $! >pid; wait");
  CU_ASSERT_FATAL(pid > 0);
  helper = amz_rig_helper_pid();
  amz_rig_clear(&r);
  CU_ASSERT(kill(helper, 0) < 0 && errno == ESRCH); /* reaped */
  CU_ASSERT(amz_rig_until(is_dead, &pid));
}

/* A process that plays the rank: starts a task that outlives everything, tells its pid, and waits for its own end. */
static void play_rank(int fd)
{
  struct amz_rig r;
  int pid = 0;

  if (amz_rig_init(&r, HELPER, 1, false))
    pid = start_and_learn_pid(&r, 0, "echo $$ >pid; exec sleep 1000");
  (void)rmdir(r.dir);
  if (write(fd, &pid, sizeof pid) == (ssize_t)sizeof pid)
    (void)pause();
  _exit(1);
}

static void a_rank_that_is_killed_takes_its_tasks_along(void)
{
  int fds[2], pid = 0;
  pid_t rank;

  CU_ASSERT_FATAL(pipe2(fds, O_CLOEXEC) == 0);
  rank = fork();
  if (rank == 0)
    play_rank(fds[1]);
  CU_ASSERT_FATAL(rank > 0);
  CU_ASSERT_FATAL(read(fds[0], &pid, sizeof pid) == (ssize_t)sizeof pid && pid > 0);
  CU_ASSERT(!is_dead(&pid));
  CU_ASSERT(kill(rank, SIGKILL) == 0 && waitpid(rank, NULL, 0) == rank);
  CU_ASSERT(amz_rig_until(is_dead, &pid));
  (void)close(fds[0]);
  (void)close(fds[1]);
}

/* ---- many tasks --------------------------------------------------------------------------------------------------------- */

#define MANY 2400
#define SLOTS 8

static bool start_short(struct amz_rig *r, uint32_t slot, unsigned i)
{
  /* A third lives just about as long as it takes until pipes are watched; some can't be started; some leave somebody behind. */
  static const char *const kinds[][4] = {{"/bin/true"}, {"sleep", "0.005"}, {"/bin/echo", "x"}, {"amz-no-such"},
    {"sleep", "0.006"}, {"/bin/sh", "-c", "sleep 0.02 &"}};
  const struct amz_exec_command command = {.slot = slot, .index = i, .tag = i, .attempt = 1, .argv = kinds[i % 6]};

  return amz_exec_start(r->x, &command) == AMZ_OK;
}

static void many_tasks_leave_nothing_behind(void)
{
  unsigned begun = 0, told = 0, succeeded = 0;
  struct amz_exec_end end;
  uint64_t output = 0, last_seq = 0, tags = 0;
  struct amz_rig r;
  int files, own;

  CU_ASSERT_FATAL(amz_rig_init(&r, HELPER, SLOTS, true));
  files = amz_rig_open_files(amz_rig_helper_pid());
  own = amz_rig_open_files((int)getpid());
  CU_ASSERT(files > 0 && files < 10);
  for (uint32_t slot = 0; slot < SLOTS; slot++)
    CU_ASSERT_FATAL(start_short(&r, slot, begun++));
  while (told < MANY) {
    CU_ASSERT_FATAL(amz_rig_flush(&r) == AMZ_OK && amz_rig_wait(&r, &end) == 1);
    told++;
    succeeded += end.outcome == AMZ_SUCCEEDED;
    CU_ASSERT((end.outcome == AMZ_SUCCEEDED) == (end.tag % 6 != 3));
    CU_ASSERT(end.pack_seq == last_seq + 1);
    last_seq = end.pack_seq;
    tags += end.tag;
    output += end.tag % 6 == 3 ? 0 : end.output_bytes;
    if (begun < MANY)
      CU_ASSERT_FATAL(start_short(&r, end.slot, begun++));
  }
  ASSERT_U64(succeeded, MANY / 6 * 5);
  ASSERT_U64(output, MANY / 6 * 2);
  ASSERT_U64(tags, (uint64_t)MANY * (MANY - 1) / 2); /* each once */
  ASSERT_I64(amz_rig_open_files(amz_rig_helper_pid()), files);
  ASSERT_I64(amz_rig_open_files((int)getpid()), own);
  amz_rig_clear(&r);
}

static void too_few_descriptors_fail_the_task_and_say_so(void)
{
  static const struct rlimit low = {8, 8};
  struct amz_rig_result got;
  struct rlimit before;
  struct amz_rig r;
  pid_t helper;

  CU_ASSERT_FATAL(amz_rig_init(&r, HELPER, 1, true));
  helper = amz_rig_helper_pid();
  CU_ASSERT_FATAL(prlimit(helper, RLIMIT_NOFILE, &low, &before) == 0);
  CU_ASSERT_FATAL(amz_rig_shell(&r, ":", &got));
  ASSERT_I64(got.end.exit_code, 126);
  ASSERT_I64(got.end.start_errno, EMFILE);
  ASSERT_TEXT(amz_buf_text(&got.err), "amorsize-mpi: cannot prepare '/bin/sh': Too many open files (raise ulimit -n)\n");
  amz_rig_result_clear(&got);
  amz_rig_clear(&r);
}

/* Room for one task's pipes: the second and the third wait, the third is cancelled while it does. */
static void a_shortage_makes_tasks_wait_for_others(void)
{
  static const struct {
    const char *what;
    uint32_t slot;
    enum amz_outcome outcome;
  } ends[] = {{"cancelled while it waits", 2, AMZ_CANCELLED}, {"the one that ran", 0, AMZ_SUCCEEDED},
    {"the one that waited", 1, AMZ_SUCCEEDED}};
  struct amz_exec_end end = {0};
  struct rlimit low;
  struct amz_rig r;
  char go[96];
  int fd;

  CU_ASSERT_FATAL(amz_rig_init(&r, HELPER, 3, true));
  low.rlim_cur = low.rlim_max = (rlim_t)amz_rig_open_files(amz_rig_helper_pid()) + 4; /* both ends of two pipes */
  CU_ASSERT_FATAL(prlimit(amz_rig_helper_pid(), RLIMIT_NOFILE, &low, NULL) == 0);
  CU_ASSERT(start_and_learn_pid(&r, 0, "echo $$ >pid; while [ ! -e go ]; do sleep 0.01; done") > 0);
  CU_ASSERT(start(&r, 1, "echo out") && start(&r, 2, "echo out"));
  CU_ASSERT(amz_exec_kill(r.x, 2, SIGTERM, AMZ_CANCELLED) == AMZ_OK && amz_rig_flush(&r) == AMZ_OK);
  for (size_t i = 0; i < sizeof ends / sizeof *ends; i++) {
    ASSERT_ROW_I64(ends[i].what, amz_rig_wait(&r, &end), 1);
    ASSERT_ROW_I64(ends[i].what, end.slot, ends[i].slot);
    ASSERT_ROW_I64(ends[i].what, end.outcome, ends[i].outcome);
    if (i > 0)
      continue;
    (void)snprintf(go, sizeof go, "%s/go", r.dir);
    fd = open(go, O_WRONLY | O_CREAT, 0600);
    CU_ASSERT(fd >= 0 && close(fd) == 0);
  }
  ASSERT_U64(end.output_bytes, 4);
  CU_ASSERT(start(&r, 2, ":"));
  ASSERT_I64(amz_rig_wait(&r, &end), 1);
  ASSERT_I64(end.outcome, AMZ_SUCCEEDED);
  (void)unlink(go);
  amz_rig_clear(&r);
}

/* ---- a full disk -------------------------------------------------------------------------------------------------------- */

static void a_full_disk_stops_no_task(void)
{
  static const struct {
    const char *row, *text;
    int32_t sink_errno;
    uint64_t output_bytes;
  } rows[] = {
    {"fits", "head -c 1000 /dev/zero", 0, 1000},
    {"output fails", "head -c 10000000 /dev/zero; exit 4", ENOSPC, 10000000},
    {"fits again", "head -c 1000 /dev/zero", 0, 1000},
    {"end record fails", "head -c 60000 /dev/zero; exit 4", ENOSPC, 60000},
  };
  struct amz_rig r;

  CU_ASSERT_FATAL(amz_rig_init(&r, "tests/unit/exec/full_helper", 1, true));
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    const char *argv[] = {"/bin/sh", "-c", rows[i].text, NULL};
    const struct amz_exec_command command = {.attempt = 1, .shell = true, .argv = argv};
    struct amz_exec_end end;

    CU_ASSERT_FATAL(amz_exec_start(r.x, &command) == AMZ_OK && amz_rig_flush(&r) == AMZ_OK && amz_rig_wait(&r, &end) == 1);
    ASSERT_ROW_I64(rows[i].row, end.sink_errno, rows[i].sink_errno);
    ASSERT_ROW_I64(rows[i].row, end.exit_code, rows[i].sink_errno ? 4 : 0);
    ASSERT_ROW_U64(rows[i].row, end.output_bytes, rows[i].output_bytes);
    ASSERT_ROW_U64(rows[i].row, end.pack_seq == 0, rows[i].sink_errno != 0);
  }
  amz_rig_clear(&r);
}

static const struct amz_test tests[] = {
  {"a grandchild that holds stdout holds no slot", a_grandchild_that_holds_stdout_holds_no_slot},
  {"a killed task ends as it was said", a_killed_task_ends_as_it_was_said},
  {"a kill reaches the whole group", a_kill_reaches_the_whole_group},
  {"signals of the terminal do not end the helper", signals_of_the_terminal_do_not_end_the_helper},
  {"a helper that is killed takes its tasks along", a_helper_that_is_killed_takes_its_tasks_along},
  {"ends that have come are told before the helper's death", ends_that_have_come_are_told_before_the_helpers_death},
  {"freeing ends what runs", freeing_ends_what_runs},
  {"a rank that is killed takes its tasks along", a_rank_that_is_killed_takes_its_tasks_along},
  {"many tasks leave nothing behind", many_tasks_leave_nothing_behind},
  {"too few descriptors fail the task and say so", too_few_descriptors_fail_the_task_and_say_so},
  {"a shortage makes tasks wait for others", a_shortage_makes_tasks_wait_for_others},
  {"a full disk stops no task", a_full_disk_stops_no_task},
  {NULL, NULL},
};

int main(void)
{
  return amz_test_main("exec_life", tests, 120);
}
