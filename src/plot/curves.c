/* Bandwidth and slowdown over busy cores: a line for each domain and one for all, with intervals. */
#include "program.h"

#include <stdbool.h>
#include <stdio.h>

/* More lines than these say less. All domains together always have theirs. */
#define DOMAINS_SHOWN 8u

static bool shown(const struct amz_node *node, uint32_t domain)
{
  return domain == AMZ_ALL_DOMAINS ? true : node->n_domains > 1 && domain < DOMAINS_SHOWN;
}

static bool has_points(const struct amz_curve_point *points, size_t n, uint32_t domain)
{
  for (size_t i = 0; i < n; i++)
    if (points[i].domain == domain && points[i].value.source != AMZ_UNKNOWN)
      return true;
  return false;
}

/* A block of data: cores, value, low, high. */
static void add_data(const char *name, const struct amz_curve_point *points, size_t n, uint32_t domain, double unit,
                     struct amz_buf *out)
{
  amz_buf_addf(out, "$%s%u << EOD\n", name, domain);
  for (size_t i = 0; i < n; i++)
    if (points[i].domain == domain && points[i].value.source != AMZ_UNKNOWN)
      amz_buf_addf(out, "%u %.6g %.6g %.6g\n", points[i].cores, points[i].value.value / unit, points[i].value.low / unit,
                   points[i].value.high / unit);
  amz_buf_adds(out, "EOD\n");
}

struct curve {
  const char *name, *title, *axes;
  const struct amz_curve_point *points;
  size_t n;
  double unit;
  const char *mark; /* kind of line */
};

/* Calls for each line of a curve: the data first, the plotting of them later. */
static void each_line(const struct amz_node *node, const struct curve *c, bool data, unsigned *line, struct amz_buf *out)
{
  for (uint32_t k = 0; k <= DOMAINS_SHOWN; k++) {
    uint32_t domain = k == 0 ? AMZ_ALL_DOMAINS : k - 1;
    char title[64];

    if (!shown(node, domain) || !has_points(c->points, c->n, domain))
      continue;
    if (data) {
      add_data(c->name, c->points, c->n, domain, c->unit, out);
      continue;
    }
    (void)snprintf(title, sizeof title, domain == AMZ_ALL_DOMAINS ? "%s" : "%s, domain %u", c->title, domain);
    amz_buf_addf(out, "%s$%s%u using 1:2:3:4 %s with yerrorlines lw 2 %s lc %u title ", *line ? ", \\\n  " : "plot ", c->name,
                 domain, c->axes,
                 c->mark, *line + 1);
    amz_plot_text(title, out);
    ++*line;
  }
}

static bool is_assumed(const struct amz_node *node)
{
  return node->n_bandwidth == 0 || node->bandwidth[0].value.source == AMZ_ASSUMED;
}

void amz_plot_curves(const struct amz_node *node, struct amz_buf *out)
{
  const struct curve curves[] = {
    {"bandwidth", "bandwidth", "axes x1y1", node->bandwidth, node->n_bandwidth, 1e9, "pt 7 ps 0.6"},
    {"slowdown", "slowdown", "axes x1y2", node->slowdown, node->n_slowdown, 1, "dt 2 pt 6 ps 0.6"}};
  struct amz_buf title = AMZ_BUF_INIT;
  unsigned line = 0;

  amz_buf_addf(&title, "%s: memory bandwidth (triad) and slowdown of computing%s",
               node->host && *node->host ? node->host : "node",
               is_assumed(node) ? ", assumed" : "");
  amz_buf_adds(out, "set title ");
  amz_plot_text(amz_buf_text(&title), out);
  amz_buf_clear(&title);
  amz_buf_addf(out, "\nset xlabel 'busy cores' offset 0,0.5\nset ylabel 'GB/s'\nset y2label 'slowdown'\nset ytics nomirror\nset "
                    "y2tics\n"
                    "set xrange [0:%u]\nset yrange [0:*]\nset y2range [0:*]\nset grid\nset key outside below\n", node->cores + 1);
  for (size_t i = 0; i < sizeof curves / sizeof *curves; i++)
    each_line(node, &curves[i], true, &line, out);
  for (size_t i = 0; i < sizeof curves / sizeof *curves; i++)
    each_line(node, &curves[i], false, &line, out);
  amz_buf_adds(out, line ? "\n" : "plot [0:1] NaN notitle\n");
}
