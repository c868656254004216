/* Where a run stands, in words. */
#include <amorsize/report.h>

#include <string.h>

#include <amorsize/diag.h>
#include <amorsize/units.h>

#include "words.h"

static const char *const state_names[] = {[AMZ_RUN_STARTING] = "starting", [AMZ_RUN_RUNNING] = "running",
  [AMZ_RUN_DRAINING] = "stopping", [AMZ_RUN_DONE] = "finished", [AMZ_RUN_STOPPED] = "stopped", [AMZ_RUN_FAILED] = "failed"};

const char *amz_run_state_name(enum amz_run_state state)
{
  return (size_t)state < sizeof state_names / sizeof *state_names ? state_names[state] : "unknown";
}

static void add_counts(const struct amz_run_progress *p, struct amz_buf *out)
{
  uint64_t done = amz_progress_done(p);
  char a[AMZ_WORD], b[AMZ_WORD];

  amz_word_name("tasks", out);
  amz_buf_addf(out, "%s of %s done", amz_format_count(done, a, sizeof a), amz_format_count(p->total, b, sizeof b));
  amz_buf_addf(out, ": %s succeeded", amz_format_count(p->succeeded, a, sizeof a));
  if (p->skipped)
    amz_buf_addf(out, ", %s skipped (done already)", amz_format_count(p->skipped, a, sizeof a));
  amz_buf_addf(out, ", %s failed\n", amz_format_count(p->failed, a, sizeof a));
  amz_word_name("left", out);
  amz_buf_addf(out, "%s, %s running now", amz_word_tasks(p->total > done ? p->total - done : 0, a),
               amz_format_count(p->running, b, sizeof b));
  if (p->retried)
    amz_buf_addf(out, "; attempts repeated: %s", amz_format_count(p->retried, a, sizeof a));
  amz_buf_addc(out, '\n');
}

static void add_speed(const struct amz_run_progress *p, struct amz_buf *out)
{
  char a[AMZ_WORD];
  double rate = amz_progress_rate(p);

  amz_word_name("time", out);
  amz_buf_addf(out, "%s so far", amz_format_duration(p->elapsed_ns, a, sizeof a));
  if (p->eta_ns >= 0 && p->state == AMZ_RUN_RUNNING)
    amz_buf_addf(out, ", about %s left", amz_format_duration(p->eta_ns, a, sizeof a));
  amz_buf_addc(out, '\n');
  if (rate > 0) {
    amz_word_name("throughput", out);
    amz_buf_addf(out, "%s, mean task time ", amz_word_rate(rate, a));
    amz_buf_addf(out, "%s\n", amz_word_seconds(p->task_mean_s, a));
  }
  if (p->utilisation > 0) {
    amz_word_name("slot utilisation", out);
    amz_buf_addf(out, "%.1f %% of %u slot%s\n", 100 * p->utilisation, (unsigned)p->slots, p->slots == 1 ? "" : "s");
  }
}

static void add_place(const struct amz_run_progress *p, struct amz_buf *out)
{
  amz_word_name("launch", out);
  amz_buf_addf(out, "%u", (unsigned)p->epoch);
  if (p->host && *p->host) {
    amz_buf_adds(out, " on ");
    amz_buf_add_printable(out, p->host, strlen(p->host), SIZE_MAX);
    amz_buf_addf(out, ", process %lld", (long long)p->pid);
  }
  amz_buf_addc(out, '\n');
  if (p->run_dir) {
    amz_word_name("run directory", out);
    amz_report_path(p->run_dir, out);
    amz_buf_addc(out, '\n');
  }
}

void amz_report_status(const struct amz_run_progress *p, struct amz_buf *out)
{
  const char *job = p->job && *p->job ? p->job : "run";

  amz_buf_add_printable(out, job, strlen(job), SIZE_MAX);
  amz_buf_addf(out, ": %s, %u %%\n", amz_run_state_name(p->state), amz_report_percent(p));
  add_counts(p, out);
  if (p->elapsed_ns > 0)
    add_speed(p, out);
  add_place(p, out);
}
