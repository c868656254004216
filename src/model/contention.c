/* What busy neighbours do to a task's time, by the node's curves and caches. */
#include <amorsize/workload.h>

static double at_least_one(double x)
{
  return x > 1 ? x : 1;
}

/* max(1, c·b/B(c)): by how much a stretch is stretched that draws b on a core by itself; its source tells whether the curves
 * know. */
static struct amz_quantity crowding(const struct amz_node *node, uint32_t domain, uint32_t cores, struct amz_quantity one)
{
  struct amz_quantity all = amz_node_bandwidth(node, domain, cores), q = {0};

  if (one.source == AMZ_UNKNOWN || all.source == AMZ_UNKNOWN || !(one.value > 0) || !(all.value > 0) || !(all.low > 0)) {
    q.value = q.low = q.high = 1;
    return q;
  }
  q.value = at_least_one(cores * one.value / all.value);
  q.low = at_least_one(cores * one.low / all.high);
  q.high = at_least_one(cores * one.high / all.low);
  q.n = one.n < all.n ? one.n : all.n;
  q.source = one.source < all.source ? one.source : all.source;
  return q;
}

struct amz_quantity amz_contention_of(const struct amz_node *node, uint32_t domain, uint32_t cores, double memory_share,
                                      struct amz_quantity drawn)
{
  struct amz_quantity q = crowding(node, domain, cores, drawn);

  q.value = 1 + memory_share * (q.value - 1);
  q.low = 1 + memory_share * (q.low - 1);
  q.high = 1 + memory_share * (q.high - 1);
  return q;
}

struct amz_quantity amz_contention(const struct amz_node *node, uint32_t domain, uint32_t cores, double memory_share)
{
  return amz_contention_of(node, domain, cores, memory_share, amz_node_bandwidth(node, domain, 1));
}

static double within_one(double x)
{
  return x < 0 ? 0 : x > 1 ? 1 : x;
}

struct amz_quantity amz_memory_share(const struct amz_node *node, uint32_t domain, uint32_t cores, struct amz_quantity slowdown)
{
  struct amz_quantity crowd = crowding(node, domain, cores, amz_node_bandwidth(node, domain, 1)),
      phi = amz_node_slowdown(node, domain, cores), q = {0};
  double pure = phi.source != AMZ_UNKNOWN && phi.value > 0 ? phi.value : 1;

  /* a division by next to nothing tells nothing */
  if (crowd.source == AMZ_UNKNOWN || crowd.value < 1.05 || slowdown.source == AMZ_UNKNOWN)
    return q;
  q.value = within_one((slowdown.value / pure - 1) / (crowd.value - 1));
  q.low = within_one((slowdown.low / pure - 1) / (crowd.value - 1));
  q.high = within_one((slowdown.high / pure - 1) / (crowd.value - 1));
  q.n = slowdown.n;
  q.source = slowdown.source;
  return q;
}

/* Of the last level: those are what memory lies behind. */
static uint32_t last_level(const struct amz_node *node)
{
  uint32_t level = 0;

  for (size_t i = 0; i < node->n_caches; i++)
    if (node->caches[i].level > level)
      level = node->caches[i].level;
  return level;
}

bool amz_fits_cache(const struct amz_node *node, uint32_t cores, uint64_t bytes)
{
  uint32_t level = last_level(node);

  for (size_t i = 0; i < node->n_caches; i++) {
    const struct amz_node_cache *c = &node->caches[i];
    uint32_t sharing = cores < c->shared_cores ? cores : c->shared_cores;

    if (c->level == level && bytes > c->bytes / (sharing ? sharing : 1))
      return false;
  }
  return level > 0 && bytes > 0;
}
