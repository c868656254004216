/* DIR/launched and DIR/ended. */
#define _GNU_SOURCE
#include "marker.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <amorsize/report.h>
#include <amorsize/store.h>
#include <amorsize/units.h>

#define OUT_OF_TIME "time\n" /* the second line of DIR/ended */

static bool path_of(const char *dir, const char *name, char out[PATH_MAX])
{
  int n = snprintf(out, PATH_MAX, "%s/%s", dir, name);

  return n > 0 && n < PATH_MAX;
}

/* Reads a small file as text. \return its length, -1 when it can't be read. */
static ssize_t read_small(const char *dir, const char *name, char *out, size_t size)
{
  char path[PATH_MAX];
  ssize_t n;
  int fd;

  if (!path_of(dir, name, path) || (fd = open(path, O_RDONLY | O_CLOEXEC)) < 0)
    return -1;
  n = read(fd, out, size - 1);
  (void)close(fd);
  if (n >= 0)
    out[n] = '\0';
  return n;
}

void amz_marker_clear(const char *dir)
{
  static const char *const names[] = {"launched", "ended"};
  char path[PATH_MAX];

  for (size_t i = 0; i < sizeof names / sizeof *names; i++)
    if (path_of(dir, names[i], path))
      (void)unlink(path);
}

void amz_marker_clear_stop(const char *dir)
{
  char path[PATH_MAX];

  if (path_of(dir, "stop", path))
    (void)unlink(path);
}

int amz_marker_put_launched(const char *dir, struct amz_error *err)
{
  return amz_rundir_write(dir, "launched", "", 0, false, err);
}

int amz_marker_put_ended(const char *dir, int status, bool out_of_time, struct amz_error *err)
{
  char text[32];
  int n = snprintf(text, sizeof text, out_of_time ? "%d\n" OUT_OF_TIME : "%d\n", status);

  return amz_rundir_write(dir, "ended", text, (size_t)n, false, err);
}

bool amz_marker_launched(const char *dir)
{
  char ignored[4];

  return read_small(dir, "launched", ignored, sizeof ignored) >= 0;
}

bool amz_marker_ended(const char *dir, int *ret_status)
{
  char text[16];
  uint64_t status;

  if (read_small(dir, "ended", text, sizeof text) <= 0)
    return false;
  text[strcspn(text, "\n")] = '\0';
  if (amz_parse_u64(text, &status) < 0 || status > 255)
    return false;
  *ret_status = (int)status;
  return true;
}

bool amz_marker_out_of_time(const char *dir)
{
  char text[16];
  const char *line;

  if (read_small(dir, "ended", text, sizeof text) <= 0)
    return false;
  line = strchr(text, '\n');
  return line && strcmp(line + 1, OUT_OF_TIME) == 0;
}

bool amz_marker_progress(const char *dir, struct amz_buf *text, struct amz_run_progress *ret)
{
  char json[8192];
  ssize_t n = read_small(dir, "status.json", json, sizeof json);

  return n > 0 && amz_report_status_parse(json, (size_t)n, text, ret) == AMZ_OK;
}

uint64_t amz_marker_done(const char *dir)
{
  struct amz_run_progress p;
  struct amz_buf text = AMZ_BUF_INIT;
  uint64_t done = amz_marker_progress(dir, &text, &p) ? p.succeeded + p.failed + p.skipped : 0;

  amz_buf_clear(&text);
  return done;
}
