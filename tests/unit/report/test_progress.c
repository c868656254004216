/* Progress as a bar, as a log line and as a status block. */
#include <string.h>

#include <amorsize/report.h>

#include "../../support/tap.h"

/* 1 000 tasks, 470 done of which 3 failed; 2 slots busy for 10 s at 94 % with 40 ms a task: 47 tasks/s. */
static const struct amz_run_progress half = {.state = AMZ_RUN_RUNNING, .total = 1000, .succeeded = 460, .failed = 3, .skipped = 7,
  .running = 2, .epoch = 1, .ranks = 1, .slots = 2, .elapsed_ns = INT64_C(10000000000), .eta_ns = INT64_C(11300000000),
  .task_mean_s = 0.04, .utilisation = 0.94, .job = "scan", .run_dir = "scan.runs/001", .host = "n1", .pid = 4711};

static struct amz_run_progress with(enum amz_run_state state, uint64_t total, uint64_t succeeded, uint64_t failed)
{
  struct amz_run_progress p = half;

  p.state = state;
  p.total = total;
  p.succeeded = succeeded;
  p.failed = failed;
  p.skipped = 0;
  return p;
}

static void bar_gives_way_in_order(void)
{
  static const struct {
    size_t width;
    const char *line;
  } rows[] = {
    {80, "[###############-------------------]  47%  470/1 000  3 failed  47/s  ETA 11.3 s"},
    {200, "[##################----------------------]  47%  470/1 000  3 failed  47/s  ETA 11.3 s"}, /* the bar has a longest */
    {54, "[###-----]  47%  470/1 000  3 failed  47/s  ETA 11.3 s"},
    {53, "[######-------]  47%  470/1 000  3 failed  ETA 11.3 s"}, /* the rate goes first */
    {40, "[#####-------]  47%  470/1 000  3 failed"}, {28, "[#####------]  47%  3 failed"},
    {16, "[####-----]  47%"}, {5, " 47%"}, {4, " 47%"},
    {3, ""}, {0, ""},
  };
  struct amz_buf out = AMZ_BUF_INIT;

  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    amz_buf_reset(&out);
    amz_report_progress_bar(&half, rows[i].width, &out);
    CU_ASSERT(out.len <= rows[i].width);
    ASSERT_ROW_TEXT("bar", amz_buf_text(&out), rows[i].line);
  }
  amz_buf_clear(&out);
}

static void bar_never_exceeds_its_width(void)
{
  static const uint64_t totals[] = {0, 1, 3, 1000000, UINT64_C(1) << 62};
  struct amz_buf out = AMZ_BUF_INIT;

  for (size_t t = 0; t < sizeof totals / sizeof *totals; t++)
    for (uint64_t part = 0; part <= 4; part++)
      for (size_t width = 0; width <= 140; width++) {
        struct amz_run_progress p = with(AMZ_RUN_RUNNING, totals[t], totals[t] / 4 * part, 0);

        p.failed = totals[t] - p.succeeded > 2 ? 2 : 0;
        amz_buf_reset(&out);
        amz_report_progress_bar(&p, width, &out);
        if (out.len > width || strpbrk(amz_buf_text(&out), "\r\n"))
          ASSERT_ROW_U64(amz_buf_text(&out), out.len, width);
      }
  amz_buf_clear(&out);
}

/* 100 % is said only when all is done, whatever rounding would like. */
static void share_is_rounded_down(void)
{
  static const struct {
    const char *what;
    uint64_t total, done;
    const char *line;
  } rows[] = {
    {"nothing done", 3, 0, "0 %: 0 of 3 tasks done, 2 running, 47/s, about 11.3 s left"},
    {"one of three", 3, 1, "33 %: 1 of 3 tasks done, 2 running, 47/s, about 11.3 s left"},
    {"all but one of a million", 1000000, 999999, "99 %: 999 999 of 1 000 000 tasks done, 2 running, 47/s, about 11.3 s left"},
    {"all but one of 2^62", UINT64_C(1) << 62, (UINT64_C(1) << 62) - 1,
     "99 %: 4 611 686 018 427 387 903 of 4 611 686 018 427 387 904 tasks done, 2 running, 47/s, about 11.3 s left"},
    {"all", 1, 1, "100 %: 1 of 1 task done, 2 running, 47/s"},
    {"none to do", 0, 0, "100 %: 0 of 0 tasks done, 2 running, 47/s"},
  };
  struct amz_buf out = AMZ_BUF_INIT;

  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    struct amz_run_progress p = with(AMZ_RUN_RUNNING, rows[i].total, rows[i].done, 0);

    amz_buf_reset(&out);
    amz_report_progress_line(&p, &out);
    ASSERT_ROW_TEXT(rows[i].what, amz_buf_text(&out), rows[i].line);
  }
  amz_buf_clear(&out);
}

static void draining_is_told_instead_of_an_end(void)
{
  struct amz_run_progress p = with(AMZ_RUN_DRAINING, 1000, 500, 2);
  struct amz_buf out = AMZ_BUF_INIT;

  amz_report_progress_line(&p, &out);
  ASSERT_TEXT(amz_buf_text(&out), "50 %: 502 of 1 000 tasks done, 2 failed, 2 running, 47/s, stopping");
  amz_buf_reset(&out);
  amz_report_progress_bar(&p, 60, &out);
  CU_ASSERT(strstr(amz_buf_text(&out), "  stopping") != NULL);
  amz_buf_clear(&out);
}

static void unknown_rate_is_left_out(void)
{
  struct amz_run_progress p = with(AMZ_RUN_STARTING, 10, 0, 0);
  struct amz_buf out = AMZ_BUF_INIT;

  p.task_mean_s = 0;
  p.utilisation = 0;
  p.eta_ns = -1;
  p.running = 0;
  amz_report_progress_line(&p, &out);
  ASSERT_TEXT(amz_buf_text(&out), "0 %: 0 of 10 tasks done");
  amz_buf_clear(&out);
}

static void status_in_full(void)
{
  struct amz_buf out = AMZ_BUF_INIT;

  amz_report_status(&half, &out);
  ASSERT_TEXT(amz_buf_text(&out),
              "scan: running, 47 %\n"
              "  tasks             470 of 1 000 done: 460 succeeded, 7 skipped (done already), 3 failed\n"
              "  left              530 tasks, 2 running now\n"
              "  time              10 s so far, about 11.3 s left\n"
              "  throughput        47/s, mean task time 40 ms\n"
              "  slot utilisation  94.0 % of 2 slots\n"
              "  launch            1 on n1, process 4711\n"
              "  run directory     scan.runs/001\n");
  amz_buf_clear(&out);
}

int main(void)
{
  static const struct amz_test tests[] = {
    {"bar gives way in order", bar_gives_way_in_order}, {"bar never exceeds its width", bar_never_exceeds_its_width},
    {"share is rounded down", share_is_rounded_down}, {"draining is told instead of an end", draining_is_told_instead_of_an_end},
    {"unknown rate is left out", unknown_rate_is_left_out}, {"status in full", status_in_full}, {NULL, NULL},
  };

  return amz_test_main("report progress", tests, 0);
}
