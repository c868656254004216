/* Packages, domains and cores as boxes. Cores that follow one another in the same package and domain make a group; a group has
 * its name, and a small box per core in rows. Domains that have memory alone are groups without boxes. */
#include "program.h"

#include <stdbool.h>
#include <stdio.h>

#include <amorsize/units.h>

#define PER_ROW 32u
#define ROW_PIXELS 22u
#define MARGIN_PIXELS 70u
#define BOXES_MOST 4096u /* of larger nodes, groups are drawn as one box each */

struct group {
  uint32_t package, domain;
  uint32_t first, count; /* cores */
};

/* The group that begins with a core. */
static struct group group_at(const struct amz_node *node, uint32_t first)
{
  const struct amz_node_core *c = &node->core[first];
  struct group g = {c->package, c->domain, first, 0};

  while (first + g.count < node->cores && node->core[first + g.count].package == g.package &&
         node->core[first + g.count].domain == g.domain)
    g.count++;
  return g;
}

static uint32_t boxes(const struct amz_node *node, const struct group *g)
{
  return node->cores > BOXES_MOST ? 1 : g->count;
}

/* Rows that a group takes: its name, its boxes, half a row of air. */
static double rows_of(const struct amz_node *node, const struct group *g)
{
  return 1.5 + (boxes(node, g) + PER_ROW - 1) / PER_ROW;
}

static bool is_memory_only(const struct amz_node *node, size_t domain)
{
  return node->domains[domain].cores == 0;
}

static double all_rows(const struct amz_node *node)
{
  double rows = 0;

  for (uint32_t first = 0; first < node->cores;) {
    struct group g = group_at(node, first);

    rows += rows_of(node, &g);
    first += g.count;
  }
  for (size_t i = 0; i < node->n_domains; i++)
    rows += is_memory_only(node, i) ? 1.5 : 0;
  return rows;
}

unsigned amz_plot_topology_height(const struct amz_node *node)
{
  double pixels = MARGIN_PIXELS + ROW_PIXELS * all_rows(node);

  return pixels < 16000 ? (unsigned)pixels : 16000;
}

static void add_label(const char *text, double row, struct amz_buf *out)
{
  amz_buf_adds(out, "set label ");
  amz_plot_text(text, out);
  amz_buf_addf(out, " at 0,%.3f front\n", row);
}

static void add_box(double left, double right, double row, bool ours, struct amz_buf *out)
{
  amz_buf_addf(out, "set object rect from %.3f,%.3f to %.3f,%.3f fc rgb '%s' fs solid 1 border lc rgb '#404040'\n", left,
               row + 0.08, right,
               row + 0.92, ours ? "#3b7dd8" : "#d8d8d8");
}

static void add_name(const struct amz_node *node, const struct group *g, double row, struct amz_buf *out)
{
  char text[160], memory[32];

  if (g->domain < node->n_domains)
    (void)snprintf(text, sizeof text, "package %u, domain %u: %u core%s, %s in the domain", g->package, g->domain, g->count,
                   g->count == 1 ? "" : "s",
                   amz_format_bytes(node->domains[g->domain].memory_bytes, memory, sizeof memory));
  else
    (void)snprintf(text, sizeof text, "package %u: %u core%s", g->package, g->count, g->count == 1 ? "" : "s");
  add_label(text, row + 0.5, out);
}

static void add_group(const struct amz_node *node, const struct group *g, double row, struct amz_buf *out)
{
  add_name(node, g, row, out);
  if (node->cores > BOXES_MOST) {
    add_box(0, PER_ROW, row + 1, node->core[g->first].allowed_units > 0, out);
    return;
  }
  for (uint32_t i = 0; i < g->count; i++)
    add_box(i % PER_ROW + 0.04, i % PER_ROW + 0.96, row + 1 + i / PER_ROW, node->core[g->first + i].allowed_units > 0, out);
}

static double add_groups(const struct amz_node *node, struct amz_buf *out)
{
  double row = 0;

  for (uint32_t first = 0; first < node->cores;) {
    struct group g = group_at(node, first);

    add_group(node, &g, row, out);
    row += rows_of(node, &g);
    first += g.count;
  }
  return row;
}

static void add_memory(const struct amz_node *node, double row, struct amz_buf *out)
{
  char text[96], memory[32];

  for (size_t i = 0; i < node->n_domains; i++) {
    if (!is_memory_only(node, i))
      continue;
    (void)snprintf(text, sizeof text, "domain %zu: no cores, %s", i, amz_format_bytes(node->domains[i].memory_bytes, memory,
        sizeof memory));
    add_label(text, row + 0.5, out);
    row += 1.5;
  }
}

void amz_plot_topology(const struct amz_node *node, struct amz_buf *out)
{
  struct amz_buf title = AMZ_BUF_INIT;

  amz_buf_addf(&title, "%s: %u cores in %u packages, %zu NUMA domains; %u cores are ours (blue)",
               node->host && *node->host ? node->host : "node",
               node->cores, node->packages, node->n_domains, node->allowed_cores);
  amz_buf_adds(out, "set title ");
  amz_plot_text(amz_buf_text(&title), out);
  amz_buf_clear(&title);
  amz_buf_addf(out, "\nunset border\nunset tics\nunset key\nset lmargin 4\nset rmargin 4\nset bmargin 1\nset xrange [0:%u]\nset "
                    "yrange [%.3f:0]\n", PER_ROW,
               all_rows(node) + 0.001);
  add_memory(node, add_groups(node, out), out);
  amz_buf_adds(out, "plot NaN notitle\n");
}
