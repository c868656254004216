/* Passing lines on, and drawing between them. */
#define _GNU_SOURCE
#include "show.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "clock.h"
#include "marker.h"

#define DRAW_NS INT64_C(500000000) /* status.json is new once a second */
#define READ_BYTES 4096
#define LINE_MOST (1u << 16) /* what has no end of a line is passed on in parts */

static void close_end(int *fd)
{
  if (*fd >= 0)
    (void)close(*fd);
  *fd = -1;
}

int amz_show_open(struct amz_show *s, const char *dir, bool out, const struct amz_run_observer *observer, struct amz_error *err)
{
  struct amz_buf text = AMZ_BUF_INIT;
  struct amz_run_progress p;
  int ends[2];

  *s = (struct amz_show)AMZ_SHOW_NONE;
  s->observer = observer;
  s->dir = dir;
  for (int i = out ? 0 : 1; i < AMZ_SHOW_STREAMS; i++) {
    if (pipe2(ends, O_CLOEXEC) < 0 || fcntl(ends[0], F_SETFL, O_NONBLOCK) < 0) {
      amz_show_close(s);
      return amz_error_sys(err, AMZ_EIO, errno, "cannot make a pipe");
    }
    s->from[i] = ends[0];
    s->to[i] = ends[1];
  }
  if (amz_marker_progress(dir, &text, &p))
    s->old_ns = p.updated_ns;
  amz_buf_clear(&text);
  return AMZ_OK;
}

void amz_show_launched(struct amz_show *s)
{
  for (int i = 0; i < AMZ_SHOW_STREAMS; i++)
    close_end(&s->to[i]);
}

static void pass_on(struct amz_show *s, int stream, size_t n)
{
  if (n > 0 && s->observer->said)
    s->observer->said(s->observer->ctx, stream + 1, s->text[stream].data, n);
  amz_buf_consume(&s->text[stream], n);
}

/* Whole lines, so that a drawing never comes between the parts of one. */
static void pass_lines(struct amz_show *s, int stream)
{
  const struct amz_buf *text = &s->text[stream];
  const char *last = text->len ? memrchr(text->data, '\n', text->len) : NULL;

  if (amz_buf_ok(text) < 0)
    amz_buf_reset(&s->text[stream]);
  else if (last || text->len >= LINE_MOST)
    pass_on(s, stream, last ? (size_t)(last - text->data) + 1 : text->len);
}

static void read_stream(struct amz_show *s, int stream)
{
  char bytes[READ_BYTES];
  ssize_t n;

  while (s->from[stream] >= 0) {
    n = read(s->from[stream], bytes, sizeof bytes);
    if (n < 0 && errno == EINTR)
      continue;
    if (n < 0)
      break;
    if (n == 0)
      close_end(&s->from[stream]);
    else
      amz_buf_add(&s->text[stream], bytes, (size_t)n);
    pass_lines(s, stream);
  }
}

static void draw(struct amz_show *s)
{
  struct amz_buf text = AMZ_BUF_INIT;
  struct amz_run_progress p;

  if (amz_marker_progress(s->dir, &text, &p) && p.updated_ns != s->old_ns) {
    if (!s->began && s->observer->began)
      s->observer->began(s->observer->ctx, &p);
    s->began = true;
    if (s->observer->progress)
      s->observer->progress(s->observer->ctx, &p);
  }
  amz_buf_clear(&text);
}

void amz_show_turn(struct amz_show *s)
{
  int64_t now_ns = amz_clock_monotonic_ns();

  if (!s->observer)
    return;
  for (int i = 0; i < AMZ_SHOW_STREAMS; i++)
    read_stream(s, i);
  if (s->ended || now_ns < s->next_ns)
    return;
  s->next_ns = now_ns + DRAW_NS;
  draw(s);
}

void amz_show_end(struct amz_show *s)
{
  s->ended = true;
}

void amz_show_close(struct amz_show *s)
{
  for (int i = 0; i < AMZ_SHOW_STREAMS; i++) {
    if (s->observer)
      read_stream(s, i);
    if (s->observer && amz_buf_ok(&s->text[i]) == AMZ_OK)
      pass_on(s, i, s->text[i].len);
    close_end(&s->from[i]);
    close_end(&s->to[i]);
    amz_buf_clear(&s->text[i]);
  }
  s->observer = NULL;
}
