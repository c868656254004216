/* When a run comes to its end inside a batch job: hand-computed. */
#include <amorsize/sched.h>

#include "../../../src/run/walltime.h"
#include "../../support/tap.h"

#define S INT64_C(1000000000)
#define EPOCH INT64_C(1700000000) /* some day; the monotonic clock says 500 s then */

static void plans(void)
{
  static const struct {
    const char *what;
    int64_t end_s, grace_ns, drain_ns, last_ns;
  } rows[] = {
    {"no end known", 0, 20 * S, AMZ_NEVER, AMZ_NEVER},
    {"nonsense is no end", -5, 20 * S, AMZ_NEVER, AMZ_NEVER},
    {"an end beyond all clocks", INT64_MAX, 20 * S, AMZ_NEVER, AMZ_NEVER},
    {"an hour: grace and ten seconds before", EPOCH + 3600, 20 * S, 500 * S + 3570 * S, 500 * S + 3590 * S},
    {"no grace", EPOCH + 3600, 0, 500 * S + 3590 * S, 500 * S + 3590 * S},
    {"a day's grace in a job of two hours: half of it", EPOCH + 7200, 3600 * S * 24, 500 * S + 3600 * S, 0},
    {"just enough", EPOCH + 60, 20 * S, 500 * S + 30 * S, 500 * S + 50 * S},
    {"half a minute: fifteen seconds, of them five as margin", EPOCH + 30, 20 * S, 500 * S + 15 * S, 500 * S + 25 * S},
    {"over already", EPOCH - 100, 20 * S, 500 * S, 500 * S},
  };

  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    struct amz_walltime w = amz_walltime_plan(rows[i].end_s, EPOCH * S, 500 * S, rows[i].grace_ns);

    ASSERT_ROW_I64(rows[i].what, w.drain_ns, rows[i].drain_ns);
    if (rows[i].last_ns)
      ASSERT_ROW_I64(rows[i].what, w.last_ns / 1000, rows[i].last_ns / 1000);
    CU_ASSERT(w.drain_ns <= w.last_ns);
  }
}

static void grace_ends_before_the_job(void)
{
  static const struct {
    const char *what;
    int64_t now_s, grace_s, expected_s;
  } rows[] = {
    {"long before", 0, 20, 20}, {"when it just fits", 80, 20, 20}, {"a late signal", 90, 20, 10}, {"too late", 100, 20, 0},
        {"after the end", 200, 20, 0},
  };
  const struct amz_walltime w = {.drain_ns = 80 * S, .last_ns = 100 * S}, never = {AMZ_NEVER, AMZ_NEVER};

  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    ASSERT_ROW_I64(rows[i].what, amz_walltime_grace(&w, rows[i].now_s * S, rows[i].grace_s * S), rows[i].expected_s * S);
    ASSERT_ROW_I64(rows[i].what, amz_walltime_grace(&never, rows[i].now_s * S, rows[i].grace_s * S), rows[i].grace_s * S);
  }
}

int main(void)
{
  static const struct amz_test tests[] = {
    {"when a run drains before its job ends", plans},
    {"the grace ends before the job", grace_ends_before_the_job},
    {NULL, NULL},
  };

  return amz_test_main("run/walltime", tests, 0);
}
