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

/* ---- ends ------------------------------------------------------------------------------------------------------------- */

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
    {"no standard signal ignored", "echo $((0x$(grep SigIgn /proc/self/status | cut -f2) & 0x7fffffff))", 0, 0, AMZ_SUCCEEDED, "0\n", ""},
    {"a process group of its own", "test \"$(cut -d' ' -f5 /proc/$$/stat)\" = $$ && echo leader", 0, 0, AMZ_SUCCEEDED, "leader\n", ""},
    {"taken by the out-of-memory killer before its rank", "test $(cat /proc/self/oom_score_adj) -ge 500", 0, 0, AMZ_SUCCEEDED, "", ""},
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

static const struct amz_test tests[] = {
  {"ends are told as they were", ends_are_told_as_they_were},
  {NULL, NULL},
};

int main(void)
{
  return amz_test_main("exec", tests, 120);
}
