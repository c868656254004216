/* Costs as text and back: "amorsize-mpi: cost NAME N VALUE LOW HIGH". Numbers are written in full, so that they come back as they
 * were. */
#include "text.h"

#include <inttypes.h>
#include <math.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

static const struct {
  const char *name;
  size_t offset; /* in struct amz_node_costs */
} rows[] = {
  {"inside-alpha", offsetof(struct amz_node_costs, inside.alpha_s)},   {"inside-beta",
    offsetof(struct amz_node_costs, inside.beta_s_per_byte)},
  {"between-alpha", offsetof(struct amz_node_costs, between.alpha_s)}, {"between-beta",
    offsetof(struct amz_node_costs, between.beta_s_per_byte)},
  {"chunk", offsetof(struct amz_node_costs, chunk_s)},                 {"service", offsetof(struct amz_node_costs, service_s)},
};

void amz_costs_format(const struct amz_node_costs *costs, struct amz_buf *out)
{
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    struct amz_quantity q;

    memcpy(&q, (const char *)costs + rows[i].offset, sizeof q);
    if (q.source == AMZ_MEASURED)
      amz_buf_addf(out, "amorsize-mpi: cost %s %" PRIu32 " %.17g %.17g %.17g\n", rows[i].name, q.n, q.value, q.low, q.high);
  }
}

static bool is_sensible(const struct amz_quantity *q)
{
  return q->n > 0 && isfinite(q->value) && isfinite(q->high) && q->low >= 0 && q->low <= q->value && q->value <= q->high;
}

bool amz_costs_parse(const char *line, struct amz_node_costs *costs)
{
  struct amz_quantity q = {.source = AMZ_MEASURED};
  char name[32];

  if (sscanf(line, "amorsize-mpi: cost %31s %" SCNu32 " %lf %lf %lf", name, &q.n, &q.value, &q.low, &q.high) != 5 ||
      !is_sensible(&q))
    return false;
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
    if (strcmp(name, rows[i].name) == 0) {
      memcpy((char *)costs + rows[i].offset, &q, sizeof q);
      return true;
    }
  return false;
}
