/* Programs for gnuplot: the frame around the pictures. */
#include "program.h"

#include <string.h>

#include <amorsize/diag.h>

void amz_plot_text(const char *text, struct amz_buf *out)
{
  struct amz_buf shown = AMZ_BUF_INIT;

  amz_buf_add_printable(&shown, text, strlen(text), 300);
  amz_buf_addc(out, '\'');
  for (const char *at = amz_buf_text(&shown); *at; at++) {
    if (*at == '\'')
      amz_buf_addc(out, '\'');
    amz_buf_addc(out, *at);
  }
  amz_buf_addc(out, '\'');
  out->failed = out->failed || shown.failed;
  amz_buf_clear(&shown);
}

static void begin(unsigned height, struct amz_buf *out)
{
  amz_buf_addf(out, "set encoding utf8\nset terminal svg size %u,%u noenhanced background 'white' font 'sans-serif,12'\n",
               AMZ_PLOT_WIDTH, height);
}

static void part(unsigned top, unsigned height, unsigned all, struct amz_buf *out)
{
  amz_buf_addf(out, "set origin 0,%.6f\nset size 1,%.6f\n", 1 - (double)(top + height) / all, (double)height / all);
}

void amz_plot_program(const struct amz_node *node, enum amz_plot what, struct amz_buf *out)
{
  unsigned height = amz_plot_topology_height(node), all = height + AMZ_PLOT_CURVES_HEIGHT;

  switch (what) {
  case AMZ_PLOT_CURVES:
    begin(AMZ_PLOT_CURVES_HEIGHT, out);
    amz_plot_curves(node, out);
    return;
  case AMZ_PLOT_TOPOLOGY:
    begin(height, out);
    amz_plot_topology(node, out);
    return;
  case AMZ_PLOT_BOTH: break;
  }
  begin(all, out);
  amz_buf_adds(out, "set multiplot\n");
  part(0, AMZ_PLOT_CURVES_HEIGHT, all, out);
  amz_plot_curves(node, out);
  amz_buf_adds(out, "reset\n");
  part(AMZ_PLOT_CURVES_HEIGHT, height, all, out);
  amz_plot_topology(node, out);
  amz_buf_adds(out, "unset multiplot\n");
}
