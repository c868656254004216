/* Progress on a terminal or in a log. Each drawing is one write, so that bars and other output don't mix within a line. */
#include "bar.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include <amorsize/buf.h>
#include <amorsize/diag.h>

#define REDRAW_NS INT64_C(100000000)
#define LINE_NS INT64_C(30000000000)
enum { LINE_PERCENT = 10, WIDTH_UNKNOWN = 80, WIDTH_MAX = 200 };

static int64_t now_ns(void)
{
  struct timespec t;

  if (clock_gettime(CLOCK_MONOTONIC, &t) < 0)
    return 0;
  return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static size_t terminal_width(int fd)
{
  struct winsize size;

  if (ioctl(fd, TIOCGWINSZ, &size) < 0 || size.ws_col < 2)
    return WIDTH_UNKNOWN;
  return size.ws_col - 1u < WIDTH_MAX ? size.ws_col - 1u : WIDTH_MAX; /* the last column would wrap on some terminals */
}

/* Progress is an extra: what a full or closed descriptor refuses is dropped. */
static void write_out(int fd, const struct amz_buf *line)
{
  const char *at = amz_buf_text(line);
  size_t left = line->len;

  while (left > 0) {
    ssize_t n = write(fd, at, left);

    if (n < 0 && errno == EINTR)
      continue;
    if (n < 0)
      return;
    at += n;
    left -= (size_t)n;
  }
}

struct cli_bar cli_bar_new(int fd)
{
  const char *term = getenv("TERM");
  struct cli_bar bar = {.fd = fd, .terminal = isatty(fd) && term && strcmp(term, "dumb") != 0};

  return bar;
}

static void draw(struct cli_bar *bar, const struct amz_run_progress *p)
{
  struct amz_buf line = AMZ_BUF_INIT;

  amz_buf_addc(&line, '\r');
  amz_report_progress_bar(p, terminal_width(bar->fd), &line);
  amz_buf_adds(&line, "\033[K");
  write_out(bar->fd, &line);
  amz_buf_clear(&line);
  bar->drawn = true;
}

static void print_line(struct cli_bar *bar, const struct amz_run_progress *p)
{
  struct amz_buf line = AMZ_BUF_INIT;

  amz_buf_adds(&line, "amorsize-mpi: ");
  amz_report_progress_line(p, &line);
  amz_buf_addc(&line, '\n');
  write_out(bar->fd, &line);
  amz_buf_clear(&line);
}

void cli_bar_show(struct cli_bar *bar, const struct amz_run_progress *p)
{
  int64_t now = now_ns();
  unsigned step = amz_report_percent(p) / LINE_PERCENT * LINE_PERCENT;

  if (bar->terminal) {
    if (bar->last_ns && now - bar->last_ns < REDRAW_NS)
      return;
    draw(bar, p);
  } else {
    if (bar->last_ns == 0) /* the clock for lines begins with the run: nothing to tell yet */
      bar->last_ns = now;
    if (step == bar->last_percent && now - bar->last_ns < LINE_NS)
      return;
    print_line(bar, p);
    bar->last_percent = step;
  }
  bar->last_ns = now;
}

void cli_bar_note(struct cli_bar *bar, const char *text)
{
  struct amz_buf line = AMZ_BUF_INIT;

  if (!bar->terminal)
    return;
  amz_buf_addc(&line, '\r');
  amz_buf_add_printable(&line, text, strlen(text), terminal_width(bar->fd));
  amz_buf_adds(&line, "\033[K");
  write_out(bar->fd, &line);
  amz_buf_clear(&line);
  bar->drawn = true;
}

void cli_bar_clear(struct cli_bar *bar)
{
  struct amz_buf line = AMZ_BUF_INIT;

  if (!bar->drawn)
    return;
  amz_buf_adds(&line, "\r\033[K");
  write_out(bar->fd, &line);
  amz_buf_clear(&line);
  bar->drawn = false;
}
