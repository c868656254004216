/* Where pictures of a node go. */
#include "nodeplot.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>

#include "../plot/plot.h"
#include "cli.h"
#include "tofile.h"

static bool is_folder(const char *path)
{
  size_t n = strlen(path);
  struct stat st;

  return (n > 0 && path[n - 1] == '/') || (stat(path, &st) == 0 && S_ISDIR(st.st_mode));
}

static int draw(const struct amz_node *node, enum amz_plot what, const char *path)
{
  struct amz_buf program = AMZ_BUF_INIT, picture = AMZ_BUF_INIT;
  struct amz_error err = {0};
  int rc, why;

  amz_plot_program(node, what, &program);
  rc = amz_plot_draw(&program, &picture, &err);
  if (rc == AMZ_OK && (why = cli_write_file(path, picture.data, picture.len)) != 0)
    rc = amz_error_sys(&err, AMZ_EIO, why, "%s: cannot be written", path);
  amz_buf_clear(&picture);
  amz_buf_clear(&program);
  if (rc < 0)
    return cli_fail(rc, &err);
  cli_say("drawn: %s", path);
  return CLI_OK;
}

/* "DIR/bandwidth-n2.svg"; of a node without a name of its own, "DIR/bandwidth.svg". A host's name may hold anything. */
static void add_name(const char *stem, const char *host, struct amz_buf *out)
{
  amz_buf_adds(out, stem);
  if (host)
    amz_buf_addc(out, '-');
  for (; host && *host; host++)
    amz_buf_addc(out, *host == '/' || *host == '\n' ? '_' : *host);
}

static int draw_in(const struct amz_node *node, enum amz_plot what, const char *dir, const char *stem, const char *host)
{
  struct amz_buf path = AMZ_BUF_INIT;
  int status;

  amz_buf_addf(&path, "%s%s", dir, dir[strlen(dir) - 1] == '/' ? "" : "/");
  add_name(stem, host, &path);
  amz_buf_adds(&path, ".svg");
  status = amz_buf_ok(&path) == AMZ_OK ? draw(node, what, path.data) : cli_fail(AMZ_ENOMEM, NULL);
  amz_buf_clear(&path);
  return status;
}

/* FILE with the host's name before its suffix. */
static int draw_file(const struct amz_node *node, const char *file, const char *host)
{
  const char *base = strrchr(file, '/'), *dot = strrchr(base ? base : file, '.');
  size_t stem = dot ? (size_t)(dot - file) : strlen(file);
  struct amz_buf path = AMZ_BUF_INIT, before = AMZ_BUF_INIT;
  int status;

  amz_buf_add(&before, file, stem);
  add_name(amz_buf_text(&before), host, &path);
  amz_buf_adds(&path, file + stem);
  status = amz_buf_ok(&before) == AMZ_OK && amz_buf_ok(&path) == AMZ_OK ? draw(node, AMZ_PLOT_BOTH,
                                                                               path.data) : cli_fail(AMZ_ENOMEM, NULL);
  amz_buf_clear(&before);
  amz_buf_clear(&path);
  return status;
}

int cli_node_plot(const struct amz_node *node, const char *path, const char *host)
{
  struct amz_error err;
  int status;

  if (!is_folder(path))
    return draw_file(node, path, host);
  if (mkdir(path, 0777) < 0 && errno != EEXIST)
    return cli_fail(amz_error_sys(&err, AMZ_EIO, errno, "%s: cannot be made", path), &err);
  status = draw_in(node, AMZ_PLOT_CURVES, path, "bandwidth", host);
  return status == CLI_OK ? draw_in(node, AMZ_PLOT_TOPOLOGY, path, "topology", host) : status;
}
