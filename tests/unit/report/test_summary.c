/* The end of a launch in words, and the exit status that it calls for. */
#include <string.h>

#include <amorsize/report.h>

#include "../../support/tap.h"

static const struct amz_run_summary good = {.job = "scan", .run_dir = "scan.runs/001", .end = AMZ_END_DONE, .total = 1200,
  .succeeded = 1200, .this_launch = 1200, .chunks = 28, .epoch = 1, .ranks = 1, .slots = 2, .threads = 1, .policy = "fac2",
  .makespan_s = 24, .launch_s = 0.012, .total_s = 24.5, .utilisation = 0.985, .efficiency = 0.985, .throughput = 50,
  .task_mean_s = 0.0394, .task_max_s = 1.5, .cpu_s = 45.1, .output_bytes = 3 << 20, .max_rss_bytes = 5 << 20, .predicted_s = -1,
  .slowest = {{7, 1.5}, {99, 0.75}}, .n_slowest = 2};

static void check(const struct amz_run_summary *s, const char *expected)
{
  struct amz_buf out = AMZ_BUF_INIT;

  amz_report_summary(s, &out);
  ASSERT_TEXT(amz_buf_text(&out), expected);
  amz_buf_clear(&out);
}

static void all_succeeded(void)
{
  check(&good, "scan: finished: all tasks succeeded\n"
               "  tasks             1 200: 1 200 succeeded, 0 failed\n"
               "  makespan          24 s (12 ms before the first task, 24.5 s in all)\n"
               "  slot utilisation  98.5 % of 2 slots\n"
               "  throughput        50/s in 28 chunks (fac2)\n"
               "  task time         mean 39.4 ms, longest 1.5 s, CPU in all 45.1 s\n"
               "  largest memory    5.0 MiB of a task\n"
               "  slowest tasks     7 (1.5 s), 99 (750 ms)\n"
               "  outputs           3.0 MiB in scan.runs/001\n"
               "  read them with    amorsize-mpi output scan.runs/001\n");
}

static void slots_given_up_are_told(void)
{
  struct amz_run_summary s = good;
  struct amz_buf out = AMZ_BUF_INIT;

  s.given_up_slots = 2;
  s.master_busy = 0.634;
  amz_report_summary(&s, &out);
  CU_ASSERT_PTR_NOT_NULL(strstr(amz_buf_text(&out), "  slot utilisation  98.5 % of 2 slots\n"
                                                    "  given up          rank 0 left up to 2 of its slots unused: scheduling "
                                                    "kept it busy "
                                                    "63 % of the time\n"));
  amz_buf_clear(&out);
}

static void memory_beyond_what_was_said_is_told(void)
{
  struct amz_run_summary s = good;
  struct amz_buf out = AMZ_BUF_INIT;

  s.outgrown = (struct amz_outgrown){3, 99, 5 << 20, 2 << 20};
  amz_report_summary(&s, &out);
  CU_ASSERT_PTR_NOT_NULL(strstr(amz_buf_text(&out), "  largest memory    5.0 MiB of a task\n"
                                                    "  more than said    3 tasks took more than resources.memory says, task 99 "
                                                    "5.0 MiB "
                                                    "instead of 2.0 MiB: say more, or a node may run out of memory\n"));
  amz_buf_clear(&out);
}

static void kills_are_told_with_what_may_be_behind(void)
{
  static const struct {
    uint64_t killed;
    const char *line;
  } rows[] = {
    {1, "  killed            1 attempt was ended by SIGKILL, not by us: so the kernel does when memory runs out. "},
    {12, "  killed            12 attempts were ended by SIGKILL, not by us: so the kernel does when memory runs out. "},
  };

  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    struct amz_run_summary s = good;
    struct amz_buf out = AMZ_BUF_INIT;

    s.killed = rows[i].killed;
    amz_report_summary(&s, &out);
    CU_ASSERT_PTR_NOT_NULL(strstr(amz_buf_text(&out), rows[i].line));
    amz_buf_clear(&out);
  }
}

static void failures_are_shown_with_how_to_look(void)
{
  struct amz_run_summary s = good;

  s.succeeded = 1193;
  s.failed = 7;
  s.retried = 3;
  s.n_failures = 5;
  for (size_t i = 0; i < 5; i++)
    s.failures[i].index = 10 * (i + 1);
  check(&s, "scan: finished: 7 of 1 200 tasks failed\n"
            "  tasks             1 200: 1 193 succeeded, 7 failed; attempts repeated: 3\n"
            "  makespan          24 s (12 ms before the first task, 24.5 s in all)\n"
            "  slot utilisation  98.5 % of 2 slots\n"
            "  throughput        50/s in 28 chunks (fac2)\n"
            "  task time         mean 39.4 ms, longest 1.5 s, CPU in all 45.1 s\n"
            "  largest memory    5.0 MiB of a task\n"
            "  slowest tasks     7 (1.5 s), 99 (750 ms)\n"
            "  failed tasks      10, 20, 30, 40, 50 …\n"
            "  what failed       amorsize-mpi tasks scan.runs/001 --failed\n"
            "  what it said      amorsize-mpi output scan.runs/001 --task 10 --both\n"
            "  outputs           3.0 MiB in scan.runs/001\n"
            "  read them with    amorsize-mpi output scan.runs/001\n"
            "  try them again    amorsize-mpi resume scan.runs/001 --retry-failed\n");
}

static void unfinished_says_how_to_go_on(void)
{
  struct amz_run_summary s = {.job = "scan", .run_dir = "my runs/it's.runs/002", .end = AMZ_END_STOPPED,
    .reason = "interrupted (SIGINT)", .total = 10, .succeeded = 3, .skipped = 1, .not_run = 6, .epoch = 2, .slots = 1,
    .predicted_s = -1};

  check(&s, "scan: stopped, interrupted (SIGINT): 6 of 10 tasks not run\n"
            "  tasks             10: 3 succeeded, 1 skipped (done already), 0 failed, 6 not run\n"
            "  this launch       0 tasks, launch number 2\n"
            "  outputs           'my runs/it'\\''s.runs/002'\n"
            "  read them with    amorsize-mpi output 'my runs/it'\\''s.runs/002'\n"
            "  go on with        amorsize-mpi resume 'my runs/it'\\''s.runs/002'\n");
}

/* What a user named can't drive the terminal, nor be taken for an option. */
static void hostile_names_are_harmless(void)
{
  struct amz_run_summary s = {.job = "a\033[2Jb\n", .run_dir = "-rf\033.runs/001", .end = AMZ_END_DONE, .total = 1,
    .succeeded = 1, .epoch = 1, .predicted_s = -1};

  check(&s, "a\\x1b[2Jb\\x0a: finished: the task succeeded\n"
            "  tasks             1: 1 succeeded, 0 failed\n"
            "  outputs           ./'-rf\\x1b.runs/001'\n"
            "  read them with    amorsize-mpi output ./'-rf\\x1b.runs/001'\n");
}

static void without_directory_no_commands(void)
{
  struct amz_run_summary s = {.end = AMZ_END_LOST, .total = 5, .failed = 1, .not_run = 4, .epoch = 1, .predicted_s = -1};

  check(&s, "run: stopped because no rank could go on: 4 of 5 tasks not run\n"
            "  tasks             5: 0 succeeded, 1 failed, 4 not run\n");
}

static void exit_statuses(void)
{
  static const struct {
    const char *what;
    enum amz_end end;
    uint64_t failed, not_run;
    int status;
  } rows[] = {
    {"all succeeded", AMZ_END_DONE, 0, 0, 0},          {"some failed", AMZ_END_DONE, 1, 0, 1},
    {"stopped by a signal", AMZ_END_STOPPED, 0, 5, 75}, {"stopped, with failures", AMZ_END_STOPPED, 2, 5, 75},
    {"stop_after reached", AMZ_END_STOP_AFTER, 5, 5, 1}, {"every rank lost", AMZ_END_LOST, 0, 5, 75},
    {"cut off", AMZ_END_RUNNING, 0, 5, 75},
  };

  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    struct amz_run_summary s = {.end = rows[i].end, .total = 10, .failed = rows[i].failed, .not_run = rows[i].not_run};

    ASSERT_ROW_I64(rows[i].what, amz_report_exit_status(&s), rows[i].status);
  }
}

int main(void)
{
  static const struct amz_test tests[] = {
    {"all succeeded", all_succeeded}, {"slots given up are told", slots_given_up_are_told},
    {"memory beyond what was said is told", memory_beyond_what_was_said_is_told},
    {"kills are told with what may be behind", kills_are_told_with_what_may_be_behind},
    {"failures are shown with how to look", failures_are_shown_with_how_to_look},
    {"unfinished says how to go on", unfinished_says_how_to_go_on}, {"hostile names are harmless", hostile_names_are_harmless},
    {"without directory no commands", without_directory_no_commands}, {"exit statuses", exit_statuses}, {NULL, NULL},
  };

  return amz_test_main("report summary", tests, 0);
}
