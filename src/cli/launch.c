/* Watches a launch for the user: findings, where it runs, progress, notes; at its end the summary. */
#include "launch.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <amorsize/units.h>

#include "failure.h"

static void findings(void *ctx, const struct amz_diags *diags)
{
  struct cli_launch *l = ctx;

  cli_show_findings(diags);
  if (diags->errors == 0)
    return;
  l->found_errors = true;
  cli_say("%zu error%s in the job description; nothing was started", diags->errors, diags->errors == 1 ? "" : "s");
}

static void began(void *ctx, const struct amz_run_progress *p)
{
  struct cli_launch *l = ctx;
  uint64_t done = p->succeeded + p->failed + p->skipped;
  char a[32], b[32];

  if (l->quiet || l->no_progress)
    return;
  cli_say("%s: %s task%s to run on %s slot%s", p->run_dir, amz_format_count(p->total - done, a, sizeof a),
          p->total - done == 1 ? "" : "s", amz_format_count(p->slots, b, sizeof b), p->slots == 1 ? "" : "s");
}

static void progress(void *ctx, const struct amz_run_progress *p)
{
  struct cli_launch *l = ctx;

  if (!l->quiet && !l->no_progress)
    cli_bar_show(&l->bar, p);
}

static void note(void *ctx, enum amz_severity severity, const char *text)
{
  struct cli_launch *l = ctx;

  (void)severity; /* the words say it */
  cli_bar_clear(&l->bar);
  cli_say("%s", text);
  (void)snprintf(l->noted, sizeof l->noted, "%s", text);
}

static void planned(void *ctx, const struct amz_plan_told *told)
{
  struct cli_launch *l = ctx;
  struct amz_buf text = AMZ_BUF_INIT;

  if (l->quiet)
    return;
  amz_report_plan_brief(told, &text);
  cli_bar_clear(&l->bar);
  if (amz_buf_ok(&text) == AMZ_OK)
    cli_write_stderr(text.data, text.len);
  amz_buf_clear(&text);
}

/* What ranks print stands between two drawings of the bar. */
static void said(void *ctx, int fd, const char *bytes, size_t n)
{
  struct cli_launch *l = ctx;

  cli_bar_clear(&l->bar);
  if (fd == STDERR_FILENO) {
    cli_write_stderr(bytes, n);
    return;
  }
  (void)cli_write(l->cli, bytes, n);
  (void)cli_flush(l->cli);
}

void cli_launch_init(struct cli_launch *l, struct cli *cli, bool quiet, bool json)
{
  *l = (struct cli_launch){.cli = cli, .bar = cli_bar_new(STDERR_FILENO), .quiet = quiet, .json = json};
  l->observer = (struct amz_run_observer){.ctx = l, .findings = findings, .began = began, .progress = progress,
                                          .planned = planned, .said = said, .note = note};
}

static int failed(const struct cli_launch *l, int rc, const struct amz_run_summary *s, const struct amz_error *err)
{
  int status = rc == AMZ_EINVAL ? CLI_USAGE : CLI_ENVIRONMENT;

  if (!(rc == AMZ_EINVAL && l->found_errors) && (!*err->text || strcmp(err->text, l->noted) != 0))
    status = cli_fail(rc, err);
  if (s->run_dir && rc != AMZ_EINVAL) /* going on would end in the same way */
    cli_say_resume("what was recorded is safe", s->run_dir);
  return status;
}

void cli_launch_show(const struct cli_launch *l, struct cli_drive *d)
{
  bool draws = l->bar.terminal && !l->quiet;

  if (draws || l->no_progress)
    cli_drive_pass(d, "--no-progress");
  if (!draws)
    return;
  d->options.show = true;
  d->options.show_out = isatty(STDOUT_FILENO) != 0;
}

int cli_launch_driven(struct cli_launch *l, int rc, int status, const struct amz_error *err)
{
  const struct amz_run_summary nothing = {0};

  cli_bar_clear(&l->bar);
  return rc < 0 ? failed(l, rc, &nothing, err) : status;
}

int cli_launch_end(struct cli_launch *l, int rc, const struct amz_run_summary *s, const struct amz_error *err)
{
  struct amz_buf text = AMZ_BUF_INIT;

  cli_bar_clear(&l->bar);
  if (rc < 0)
    return failed(l, rc, s, err);
  if (!l->json)
    amz_report_summary(s, &text);
  else if (amz_report_summary_json(s, &text) < 0)
    cli_say("out of memory for the summary");
  (void)cli_write(l->cli, amz_buf_text(&text), text.len);
  amz_buf_clear(&text);
  if (s->samples_failed)
    cli_show_failure(s->run_dir);
  return amz_report_exit_status(s);
}
