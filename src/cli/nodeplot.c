/* Where pictures of a node go. */
#include "nodeplot.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>

#include "../plot/plot.h"
#include "cli.h"

static bool is_folder(const char *path)
{
  size_t n = strlen(path);
  struct stat st;

  return (n > 0 && path[n - 1] == '/') || (stat(path, &st) == 0 && S_ISDIR(st.st_mode));
}

static int draw(const struct amz_node *node, enum amz_plot what, const char *path)
{
  struct amz_buf program = AMZ_BUF_INIT;
  struct amz_error err = {0};
  int rc;

  amz_plot_program(node, what, &program);
  rc = amz_plot_draw(&program, path, &err);
  amz_buf_clear(&program);
  if (rc < 0)
    return cli_fail(rc, &err);
  cli_say("drawn: %s", path);
  return CLI_OK;
}

static int draw_in(const struct amz_node *node, enum amz_plot what, const char *dir, const char *name)
{
  struct amz_buf path = AMZ_BUF_INIT;
  int status;

  amz_buf_addf(&path, "%s%s%s", dir, dir[strlen(dir) - 1] == '/' ? "" : "/", name);
  status = amz_buf_ok(&path) == AMZ_OK ? draw(node, what, path.data) : cli_fail(AMZ_ENOMEM, NULL);
  amz_buf_clear(&path);
  return status;
}

int cli_node_plot(const struct amz_node *node, const char *path)
{
  struct amz_error err;
  int status;

  if (!is_folder(path))
    return draw(node, AMZ_PLOT_BOTH, path);
  if (mkdir(path, 0777) < 0 && errno != EEXIST)
    return cli_fail(amz_error_sys(&err, AMZ_EIO, errno, "%s: cannot be made", path), &err);
  status = draw_in(node, AMZ_PLOT_CURVES, path, "bandwidth.svg");
  return status == CLI_OK ? draw_in(node, AMZ_PLOT_TOPOLOGY, path, "topology.svg") : status;
}
