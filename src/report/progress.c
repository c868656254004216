/* A run's progress on one line: as a bar for terminals, as a sentence for logs. ASCII only, so that bytes are columns. */
#include <amorsize/report.h>

#include <stdio.h>
#include <string.h>

#include <amorsize/units.h>

#include "words.h"

enum { BAR_MIN = 8, BAR_MAX = 40, PARTS = 5 };

/* What stands behind the bar, in written order; `keep` says how early a part gives way when the line is narrow. */
struct part {
  char text[3 * AMZ_WORD];
  unsigned keep; /* the largest stays longest */
  bool shown;
};

static void fill_parts(const struct amz_run_progress *p, struct part parts[PARTS])
{
  char a[AMZ_WORD], b[AMZ_WORD];
  double rate = amz_progress_rate(p);

  memset(parts, 0, PARTS * sizeof *parts);
  (void)snprintf(parts[0].text, sizeof parts[0].text, "%3u%%", amz_report_percent(p));
  parts[0].keep = 5;
  (void)snprintf(parts[1].text, sizeof parts[1].text, "%s/%s", amz_format_count(amz_progress_done(p), a, sizeof a),
                 amz_format_count(p->total, b, sizeof b));
  parts[1].keep = 3;
  if (p->failed)
    (void)snprintf(parts[2].text, sizeof parts[2].text, "%s failed", amz_format_count(p->failed, a, sizeof a));
  parts[2].keep = 4;
  if (rate > 0)
    (void)snprintf(parts[3].text, sizeof parts[3].text, "%s", amz_word_rate(rate, a));
  parts[3].keep = 1;
  if (p->state == AMZ_RUN_DRAINING)
    (void)snprintf(parts[4].text, sizeof parts[4].text, "stopping");
  else if (p->eta_ns >= 0 && amz_progress_done(p) < p->total)
    (void)snprintf(parts[4].text, sizeof parts[4].text, "ETA %s", amz_format_duration(p->eta_ns, a, sizeof a));
  parts[4].keep = 2;
}

/* Shows parts, most important first, as long as a shortest bar ("[--------]") fits before them.
 * \return columns left for the bar. */
static size_t choose_parts(struct part parts[PARTS], size_t width)
{
  size_t left = width;

  for (unsigned keep = PARTS; keep > 0; keep--)
    for (size_t i = 0; i < PARTS; i++) {
      size_t len = strlen(parts[i].text), need = len + (i == 0 ? 1 : 2);
      bool first = keep == PARTS;

      if (parts[i].keep != keep || len == 0)
        continue;
      if (!first && left < need + BAR_MIN + 2)
        return left;
      if (first && width < len)
        return 0; /* not even the share fits */
      parts[i].shown = true;
      left = left > need ? left - need : 0;
    }
  return left;
}

static void add_bar(const struct amz_run_progress *p, size_t columns, struct amz_buf *out)
{
  size_t cells, full;

  if (columns < BAR_MIN + 2)
    return;
  cells = columns - 2 < BAR_MAX ? columns - 2 : BAR_MAX;
  full = p->total ? (size_t)((long double)cells * (long double)amz_progress_done(p) / (long double)p->total) : cells;
  amz_buf_addc(out, '[');
  for (size_t i = 0; i < cells; i++)
    amz_buf_addc(out, i < full ? '#' : '-');
  amz_buf_addc(out, ']');
}

void amz_report_progress_bar(const struct amz_run_progress *p, size_t width, struct amz_buf *out)
{
  struct part parts[PARTS];
  size_t begin = out->len;

  fill_parts(p, parts);
  add_bar(p, choose_parts(parts, width), out);
  for (size_t i = 0; i < PARTS; i++)
    if (parts[i].shown) {
      if (out->len > begin)
        amz_buf_adds(out, i == 0 ? " " : "  "); /* the share brings a blank of its own */
      amz_buf_adds(out, parts[i].text);
    }
}

void amz_report_progress_line(const struct amz_run_progress *p, struct amz_buf *out)
{
  char a[AMZ_WORD], b[AMZ_WORD];
  double rate = amz_progress_rate(p);

  amz_buf_addf(out, "%u %%: %s of %s done", amz_report_percent(p), amz_format_count(amz_progress_done(p), a, sizeof a),
               amz_word_tasks(p->total, b));
  if (p->failed)
    amz_buf_addf(out, ", %s failed", amz_format_count(p->failed, a, sizeof a));
  if (p->running)
    amz_buf_addf(out, ", %s running", amz_format_count(p->running, a, sizeof a));
  if (rate > 0)
    amz_buf_addf(out, ", %s", amz_word_rate(rate, a));
  if (p->state == AMZ_RUN_DRAINING)
    amz_buf_adds(out, ", stopping");
  else if (p->eta_ns >= 0 && amz_progress_done(p) < p->total)
    amz_buf_addf(out, ", about %s left", amz_format_duration(p->eta_ns, a, sizeof a));
}
