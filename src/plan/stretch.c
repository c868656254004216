/* How a layout stretches a task's time (design section 6), with each of its terms:
 *
 *   stretch = (1 − a)·wait + a · φκ·left / S(t) · max(1, CPU wanted / CPUs) a: share of the wall time in which the task computes
 *
 * All of it relative to the circumstances of the sample: c₀ busy cores of a domain, t₀ threads.
 *   φ     computing alone gets slower by (clock, SMT): the node's curve
 *   κ 1 + m·(max(1, c·b/B(c)) − 1): the share m that memory limits, by the node's curve of bandwidth; m from the slowdown that
 *   was sampled, and 0
 *         where tasks fit their share of the last cache; b is B(1) of the node that was sampled on, times the speed of this kind
 *         of nodes: cores that compute faster ask for more, and memory that is slower than there stretches tasks from one core on
 *   left  what was sampled beyond φκ, whatever it is (a lock, a disk, a cache that is shared): a straight line in the busy cores
 *   wait for tasks that mostly wait: what they took beside few and many others (amz_workload_beside); else waiting isn't
 *   stretched by neighbours */
#include "plan_private.h"

#include <math.h>

#define MOSTLY_WAITS 0.5

/* The domain whose curves are read: the first with cores of ours that has any, else the node as a whole. */
static uint32_t curve_domain(const struct amz_node *node)
{
  for (uint32_t i = 0; i < node->n_domains; i++)
    if (node->domains[i].allowed_cores && amz_node_bandwidth(node, i, 1).source != AMZ_UNKNOWN)
      return i;
  return AMZ_ALL_DOMAINS;
}

static uint32_t busy_in_domain(const struct amz_node *node, uint32_t domain, double busy_threads)
{
  double cores = amz_plan_cores(node), busy = fmin(busy_threads, cores);

  if (domain != AMZ_ALL_DOMAINS)
    busy = ceil(busy / amz_plan_domains(node));
  return busy < 1 ? 1 : (uint32_t)busy;
}

/* φ, 1 where it isn't known. */
static struct amz_quantity computing(const struct amz_node *node, uint32_t domain, uint32_t cores)
{
  struct amz_quantity phi = amz_node_slowdown(node, domain, cores);

  if (phi.source == AMZ_UNKNOWN)
    phi.value = phi.low = phi.high = 1;
  return phi;
}

static struct amz_quantity over(struct amz_quantity a, struct amz_quantity b)
{
  a.value /= b.value;
  a.low /= b.high > 0 ? b.high : b.value;
  a.high /= b.low > 0 ? b.low : b.value;
  if (b.source < a.source)
    a.source = b.source;
  return a;
}

/* What may be chance is taken for nothing. */
static double slowdown_seen(const struct amz_workload *w)
{
  bool sure = w->slowdown.source != AMZ_UNKNOWN && w->slowdown.low > 1;

  return sure ? w->slowdown.value : 1;
}

/* 1 at one core, `at` at c0, straight through both. */
static double straight(double at, uint32_t c0, double c)
{
  return c0 > 1 ? 1 + (at - 1) * (c - 1) / (c0 - 1) : 1;
}

struct curves {
  const struct amz_node *node, *sampled_on;
  uint32_t domain, domain0, c, c0;
  double speed;
  double phi_share; /* of what φ of the node that was sampled on is above 1 */
};

/* What others did while φ was measured may be in it: neighbours can't have cost the sampled tasks more than these were seen to
 * lose, at most. */
static void trust_phi(const struct amz_workload *w, struct curves *k)
{
  double told = computing(k->sampled_on, k->domain0, k->c0).value / computing(k->sampled_on, k->domain0, 1).value;
  double most = w->slowdown.source == AMZ_UNKNOWN ? INFINITY : fmax(1, w->slowdown.high);

  k->phi_share = told > most ? (most - 1) / (told - 1) : 1;
}

static double drawn_to_one(double x, double share)
{
  return 1 + (x - 1) * share;
}

static struct amz_quantity phi_of(const struct curves *k, const struct amz_node *node, uint32_t domain, uint32_t cores)
{
  struct amz_quantity q = computing(node, domain, cores);

  if (node != k->sampled_on)
    return q;
  q.value = drawn_to_one(q.value, k->phi_share);
  q.low = drawn_to_one(q.low, k->phi_share);
  q.high = drawn_to_one(q.high, k->phi_share);
  return q;
}

/* b. Only curves that were both measured can be held against each other: else each node is taken by its own. */
static struct amz_quantity drawn(const struct curves *k)
{
  struct amz_quantity here = amz_node_bandwidth(k->node, k->domain, 1), there = amz_node_bandwidth(k->sampled_on, k->domain0, 1);

  if (k->node == k->sampled_on || here.source != AMZ_MEASURED || there.source != AMZ_MEASURED)
    return here;
  there.value *= k->speed;
  there.low *= k->speed;
  there.high *= k->speed;
  return there;
}

static void fill_memory(const struct amz_workload *w, const struct curves *k, struct amz_plan_terms *t)
{
  t->in_cache = amz_fits_cache(k->node, k->c, w->rss_bytes) && amz_fits_cache(k->sampled_on, k->c0, w->rss_bytes);
  if (slowdown_seen(w) > 1 && !t->in_cache)
    t->memory_share = amz_memory_share(k->sampled_on, k->domain0, k->c0, w->slowdown);
  t->memory = over(amz_contention_of(k->node, k->domain, k->c, t->memory_share.value, drawn(k)),
                   amz_contention(k->sampled_on, k->domain0, k->c0, t->memory_share.value));
}

/* What the curves don't explain of the slowdown that was sampled. */
static void fill_left(const struct amz_workload *w, const struct curves *k, double slots, struct amz_plan_terms *t)
{
  double phi = phi_of(k, k->sampled_on, k->domain0, k->c0).value / phi_of(k, k->sampled_on, k->domain0, 1).value;
  double explained = phi * amz_contention(k->sampled_on, k->domain0, k->c0, t->memory_share.value).value, seen = slowdown_seen(w);

  t->left = t->wait = 1;
  if (t->active < MOSTLY_WAITS) {
    t->wait = amz_workload_beside(w, slots) / amz_workload_beside(w, w->busy);
  } else if (seen > explained) {
    t->left = straight(seen / explained, k->c0, k->c) / straight(seen / explained, k->c0, k->c0);
  }
}

static void fill_speedup(const struct amz_workload *w, uint32_t threads, struct amz_plan_terms *t)
{
  t->speedup = (struct amz_quantity){.value = amz_workload_speedup(w, threads), .n = w->serial.n, .source = w->serial.source};
  t->speedup.low = t->speedup.high = t->speedup.value;
  t->beyond = w->serial.source != AMZ_UNKNOWN && threads > amz_workload_threads_seen(w);
  for (size_t i = 0; i < w->n_points; i++)
    if (w->points[i].threads == threads) {
      t->speedup.low = fmin(t->speedup.value, w->points[i].speedup.low);
      t->speedup.high = fmax(t->speedup.value, w->points[i].speedup.high);
    }
}

static void fill(const struct amz_plan_input *in, const struct amz_plan_nodes *kind, const struct amz_plan_layout *layout,
                 struct amz_plan_terms *t)
{
  const struct amz_workload *w = in->work;
  const struct amz_node *node = kind->node;
  double slots = (double)layout->ranks_per_node * layout->slots_per_rank;
  struct curves k = {.node = node, .sampled_on = in->nodes[0].node, .speed = kind->speed};

  k.domain = curve_domain(node);
  k.domain0 = curve_domain(k.sampled_on);
  k.c = busy_in_domain(node, k.domain, slots * layout->threads);
  k.c0 = busy_in_domain(k.sampled_on, k.domain0, (double)w->busy * w->threads);
  *t = (struct amz_plan_terms){.busy = k.c, .sampled_busy = k.c0, .active = fmin(1, w->cpu_per_wall)};
  fill_speedup(w, layout->threads, t);
  trust_phi(w, &k);
  t->computing = over(phi_of(&k, node, k.domain, k.c), phi_of(&k, k.sampled_on, k.domain0, k.c0));
  fill_memory(w, &k, t);
  fill_left(w, &k, slots, t);
  if (node == k.sampled_on && k.c == k.c0) { /* one number over itself */
    t->computing.low = t->computing.high = t->computing.value;
    t->memory.low = t->memory.high = t->memory.value;
  }
  t->oversubscribed = fmax(1, slots * w->cpu_per_wall * t->speedup.value / amz_plan_cores(node));
}

static double relative_error(const struct amz_quantity *q)
{
  return q->value > 0 && isfinite(q->high) ? fmax(q->value - q->low, q->high - q->value) / q->value : q->value > 0;
}

double amz_plan_stretch_error(const struct amz_plan_input *in, const struct amz_plan_layout *layout)
{
  struct amz_plan_terms t;
  double neighbours;

  if (in->n_nodes == 0)
    return 0;
  fill(in, &in->nodes[0], layout, &t);
  neighbours = hypot(relative_error(&t.computing), relative_error(&t.memory));
  return fmin(1, t.active * hypot(neighbours, relative_error(&t.speedup)));
}

double amz_plan_stretch(const struct amz_plan_input *in, const struct amz_plan_nodes *kind, const struct amz_plan_layout *layout,
                        double *ret_contention)
{
  struct amz_plan_terms t;
  double beside;

  fill(in, kind, layout, &t);
  beside = t.computing.value * t.memory.value * t.left;
  if (ret_contention)
    *ret_contention = beside;
  return (1 - t.active) * t.wait + t.active * beside / t.speedup.value * t.oversubscribed;
}

/* The first kind is the one that was sampled on; where it isn't taken, its terms are those that it would have. */
int amz_plan_explain_terms(const struct amz_plan_input *in, const struct amz_plan_layout *layout, struct amz_plan_terms *ret)
{
  struct amz_plan_class classes[AMZ_PLAN_KINDS_MAX];
  struct amz_plan_layout here = *layout;
  int rc = amz_plan_check(in);

  if (rc < 0)
    return rc;
  if (!layout->nodes || !layout->ranks_per_node || !layout->slots_per_rank || !layout->threads)
    return AMZ_EINVAL;
  for (size_t n = amz_plan_classes(in, layout, classes); n > 0; n--)
    if (classes[n - 1].kind == 0) {
      here.ranks_per_node = classes[n - 1].ranks_per_node;
      here.slots_per_rank = classes[n - 1].slots_per_rank;
    }
  fill(in, &in->nodes[0], &here, ret);
  return AMZ_OK;
}
