/* A node's profile as data: releasing it, and reading its curves between the measured points. */
#include <amorsize/node.h>

#include <stdlib.h>
#include <string.h>

const char *amz_source_name(enum amz_source source)
{
  static const char *const names[] = {[AMZ_UNKNOWN] = "unknown", [AMZ_ASSUMED] = "assumed", [AMZ_GIVEN] = "given",
    [AMZ_MEASURED] = "measured", [AMZ_SAMPLED] = "sampled", [AMZ_HISTORY] = "history"};

  return (size_t)source < sizeof names / sizeof *names ? names[source] : names[AMZ_UNKNOWN];
}

void amz_node_clear(struct amz_node *node)
{
  char **texts[] = {&node->host, &node->cpu_model, &node->kernel, &node->machine, &node->hypervisor, &node->topology,
                    &node->bandwidth_method};

  for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
    free(*texts[i]);
  for (size_t i = 0; i < node->n_kinds; i++)
    free(node->kinds[i].name);
  for (size_t i = 0; i < node->n_caches; i++)
    free(node->caches[i].cores);
  for (size_t i = 0; i < node->n_gpus; i++) {
    free(node->gpus[i].id);
    free(node->gpus[i].model);
  }
  for (size_t i = 0; i < node->n_limits; i++)
    free(node->limits[i].source);
  for (size_t i = 0; i < node->n_findings; i++) {
    free(node->findings[i].text);
    free(node->findings[i].advice);
  }
  free(node->domains);
  free(node->core);
  free(node->unit);
  free(node->kinds);
  free(node->caches);
  free(node->gpus);
  free(node->limits);
  free(node->bandwidth);
  free(node->slowdown);
  free(node->latency);
  free(node->costs.launches);
  free(node->findings);
  memset(node, 0, sizeof *node);
}

static double between(double a, double b, double share)
{
  return a + (b - a) * share;
}

/* Points of one domain need not be in order: there are few. */
static struct amz_quantity read_curve(const struct amz_curve_point *points, size_t n, uint32_t domain, uint32_t cores)
{
  const struct amz_curve_point *below = NULL, *above = NULL;
  struct amz_quantity q;
  double share;

  for (size_t i = 0; i < n; i++) {
    const struct amz_curve_point *p = &points[i];

    if (p->domain != domain)
      continue;
    if (p->cores <= cores && (!below || p->cores > below->cores))
      below = p;
    if (p->cores >= cores && (!above || p->cores < above->cores))
      above = p;
  }
  if (!below || !above || below == above)
    return below ? below->value : above ? above->value : (struct amz_quantity){0};
  share = (double)(cores - below->cores) / (double)(above->cores - below->cores);
  q = below->value;
  q.value = between(below->value.value, above->value.value, share);
  q.low = between(below->value.low, above->value.low, share);
  q.high = between(below->value.high, above->value.high, share);
  if (above->value.source < q.source)
    q.source = above->value.source;
  return q;
}

struct amz_quantity amz_node_bandwidth(const struct amz_node *node, uint32_t domain, uint32_t cores)
{
  return read_curve(node->bandwidth, node->n_bandwidth, domain, cores);
}

struct amz_quantity amz_node_slowdown(const struct amz_node *node, uint32_t domain, uint32_t cores)
{
  return read_curve(node->slowdown, node->n_slowdown, domain, cores);
}
