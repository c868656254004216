/* What the first failing task said: the end of it, as that is where programs say why. */
#include "failure.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include <amorsize/buf.h>
#include <amorsize/pack.h>
#include <amorsize/report.h>
#include <amorsize/store.h>

#include "rundir.h"

#define TAIL_BYTES 4096u
#define TAIL_LINES 10u

struct failure {
  bool any;
  uint64_t index, pack_offset;
  uint32_t rank, epoch;
  int32_t exit_code, signal;
  enum amz_outcome outcome;
};

static int note(void *ctx, const struct amz_task_row *row)
{
  struct failure *f = ctx;

  *f = (struct failure){true, row->index, row->pack_offset, row->rank, row->epoch, row->exit_code, row->signal, row->outcome};
  return AMZ_OK;
}

static int find(const char *dir, struct failure *ret)
{
  const struct amz_row_query first = {.failed_only = true, .sort = AMZ_BY_START, .limit = 1};
  struct amz_store_reader *reader = NULL;
  struct amz_error ignored;
  double as_of_s;
  int rc = amz_store_reader_new(dir, &ignored, &reader, &as_of_s);

  if (rc == AMZ_OK)
    rc = amz_store_reader_rows(reader, &first, note, ret, &ignored);
  amz_store_reader_free(reader);
  return rc;
}

/* Keeps what came last: twice as much as is shown at most. */
static int keep_tail(void *ctx, const void *bytes, size_t n)
{
  struct amz_buf *tail = ctx;

  if (n > TAIL_BYTES) {
    bytes = (const char *)bytes + (n - TAIL_BYTES);
    n = TAIL_BYTES;
  }
  amz_buf_add(tail, bytes, n);
  if (amz_buf_ok(tail) < 0)
    return AMZ_ENOMEM;
  if (tail->len > 2 * TAIL_BYTES) {
    memmove(tail->data, tail->data + (tail->len - TAIL_BYTES), TAIL_BYTES);
    tail->len = TAIL_BYTES;
  }
  return AMZ_OK;
}

static int read_tail(const char *dir, const struct failure *f, struct amz_buf *tail)
{
  struct amz_pack_reader *pack = NULL;
  struct amz_error ignored;
  char *path = NULL;
  int rc = f->pack_offset ? amz_rundir_pack_path(dir, f->rank, f->epoch, &path) : AMZ_ENOENT;

  if (rc == AMZ_OK)
    rc = amz_pack_open(path, &ignored, &pack);
  if (rc == AMZ_OK)
    rc = amz_pack_read_stream(pack, f->pack_offset, 2, keep_tail, tail, &ignored);
  if (rc == AMZ_OK && tail->len == 0)
    rc = amz_pack_read_stream(pack, f->pack_offset, 1, keep_tail, tail, &ignored);
  amz_pack_reader_free(pack);
  free(path);
  return rc;
}

/* \return where the last lines begin, at most so many bytes from the end. */
static size_t last_lines(const struct amz_buf *b)
{
  size_t at = b->len, least = b->len > TAIL_BYTES ? b->len - TAIL_BYTES : 0;
  unsigned lines = 0;

  while (at > least) {
    if (b->data[at - 1] == '\n' && at < b->len && ++lines == TAIL_LINES)
      break;
    at--;
  }
  return at;
}

/* A terminal gets no control characters of a task's. */
static void show_lines(const struct amz_buf *tail)
{
  struct amz_buf shown = AMZ_BUF_INIT;
  size_t at = last_lines(tail);

  while (at < tail->len) {
    const char *line = tail->data + at, *end = memchr(line, '\n', tail->len - at);
    size_t n = end ? (size_t)(end - line) : tail->len - at;

    amz_buf_adds(&shown, "  | ");
    amz_buf_add_printable(&shown, line, n, 1000);
    amz_buf_addc(&shown, '\n');
    at += n + 1;
  }
  if (amz_buf_ok(&shown) == AMZ_OK)
    cli_write_stderr(shown.data, shown.len);
  amz_buf_clear(&shown);
}

static void say_how(const struct failure *f)
{
  if (f->outcome == AMZ_TIMED_OUT)
    cli_say("task %" PRIu64 " was the first to fail: it timed out", f->index);
  else if (f->signal)
    cli_say("task %" PRIu64 " was the first to fail: signal %" PRId32, f->index, f->signal);
  else
    cli_say("task %" PRIu64 " was the first to fail: exit status %" PRId32, f->index, f->exit_code);
}

void cli_show_failure(const char *dir)
{
  struct amz_buf tail = AMZ_BUF_INIT, shown = AMZ_BUF_INIT;
  struct failure f = {.any = false};

  if (find(dir, &f) < 0 || !f.any)
    return;
  say_how(&f);
  if (read_tail(dir, &f, &tail) == AMZ_OK && amz_buf_ok(&tail) == AMZ_OK && tail.len)
    show_lines(&tail);
  amz_report_path(dir, &shown);
  if (amz_buf_ok(&shown) == AMZ_OK)
    cli_say("all that it said: amorsize-mpi output %s --task %" PRIu64 " --both", amz_buf_text(&shown), f.index);
  amz_buf_clear(&shown);
  amz_buf_clear(&tail);
}
