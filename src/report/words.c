/* Number forms and shared sums of all views of a run. */
#include "words.h"

#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include <amorsize/diag.h>
#include <amorsize/units.h>

#define OPEN 1000      /* an interval whose upper end is so many times the lower one is open */
#define BEYOND_S 3e8   /* ten years */

char *amz_word_seconds(double s, char out[AMZ_WORD])
{
  double ns = s * 1e9;

  if (!(ns >= 0))
    ns = 0;
  return amz_format_duration(ns < 9e18 ? (int64_t)(ns + 0.5) : INT64_MAX, out, AMZ_WORD);
}

char *amz_word_rate(double per_s, char out[AMZ_WORD])
{
  if (per_s >= 100 && per_s < 1e18)
    (void)strcat(amz_format_count((uint64_t)(per_s + 0.5), out, AMZ_WORD - 3), "/s");
  else
    (void)snprintf(out, AMZ_WORD, "%.3g/s", per_s);
  return out;
}

char *amz_word_tasks(uint64_t n, char out[AMZ_WORD])
{
  return strcat(amz_format_count(n, out, AMZ_WORD - 7), n == 1 ? " task" : " tasks");
}

uint64_t amz_progress_done(const struct amz_run_progress *p)
{
  return p->succeeded + p->failed + p->skipped;
}

unsigned amz_report_percent(const struct amz_run_progress *p)
{
  uint64_t done = amz_progress_done(p);

  if (done >= p->total)
    return 100;
  return (unsigned)(100.0L * (long double)done / (long double)p->total); /* < 100: a long double holds 64 bits exactly */
}

/* Σ wall = mean × tasks and utilisation = Σ wall / (slots × elapsed), hence tasks / elapsed = utilisation × slots / mean. */
double amz_progress_rate(const struct amz_run_progress *p)
{
  double rate = p->task_mean_s > 0 ? p->utilisation * p->slots / p->task_mean_s : 0;

  return isfinite(rate) ? rate : 0;
}

static bool plain(char c)
{
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
         (c != '\0' && strchr("_./+@%:,=-", c) != NULL);
}

void amz_report_path(const char *path, struct amz_buf *out)
{
  size_t n = strlen(path), i = 0;

  if (*path == '-') /* else it would be read as an option */
    amz_buf_adds(out, "./");
  while (i < n && plain(path[i]))
    i++;
  if (n > 0 && i == n) {
    amz_buf_add(out, path, n);
    return;
  }
  amz_buf_addc(out, '\'');
  for (i = 0; i < n; i++) {
    size_t run = strcspn(path + i, "'");

    amz_buf_add_printable(out, path + i, run, SIZE_MAX);
    i += run;
    if (i < n)
      amz_buf_adds(out, "'\\''");
  }
  amz_buf_addc(out, '\'');
}

void amz_word_name(const char *name, struct amz_buf *out)
{
  amz_buf_addf(out, "  %-17s ", name);
}

/* An end that two values of a skewed distribution leave open is no number to show. */
void amz_word_range(double low_s, double high_s, struct amz_buf *out)
{
  char a[AMZ_WORD], b[AMZ_WORD];

  if (high_s < BEYOND_S && (low_s <= 0 || high_s < OPEN * low_s))
    amz_buf_addf(out, "%s to %s", amz_word_seconds(low_s, a), amz_word_seconds(high_s, b));
  else
    amz_buf_addf(out, "%s or more", amz_word_seconds(low_s, a));
}

void amz_word_prediction(const struct amz_prediction *p, struct amz_buf *out)
{
  char a[AMZ_WORD];

  amz_buf_adds(out, amz_word_seconds(p->makespan_s, a));
  if (!(p->low_s < p->high_s))
    return;
  amz_buf_adds(out, " (");
  amz_word_range(p->low_s, p->high_s, out);
  amz_buf_addc(out, ')');
}
