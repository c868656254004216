/* What one layout means on nodes that differ: how many slots the ranks of each kind have, and which kinds are taken first. */
#include "plan_private.h"

#include <string.h>

/* A node of this kind has so many ranks: given ones, one, or one for each of its own domains, if they are even. */
static uint32_t ranks_on(const struct amz_plan_input *in, size_t kind, const struct amz_plan_layout *l)
{
  const struct amz_node *node = in->nodes[kind].node;

  if (in->launched)
    return in->launched[kind].ranks;
  if (l->ranks_per_node == 1 || in->want.ranks_per_node != AMZ_AUTO)
    return l->ranks_per_node;
  return amz_plan_domains_are_even(node) ? amz_plan_domains(node) : 1;
}

uint32_t amz_plan_room(const struct amz_plan_input *in, size_t kind)
{
  return in->launched ? in->launched[kind].most_slots : UINT32_MAX;
}

/* The most slots that a rank may have there: by the bounds of the node and its own room, and within a domain as long as one task
 * does. */
uint32_t amz_plan_rank_slots(const struct amz_plan_input *in, size_t kind, const struct amz_plan_layout *l)
{
  const struct amz_node *node = in->nodes[kind].node;
  uint32_t slots, domain_cores = amz_plan_domain_cores(node), room = amz_plan_room(in, kind);
  struct amz_plan_bounds bounds;

  if (in->launched && in->launched[kind].slots)
    return in->launched[kind].slots;
  amz_plan_bound(in, node, l->threads, l->nodes, &bounds);
  if (in->want.slots_per_rank != AMZ_AUTO)
    bounds.cores = UINT32_MAX; /* more slots than cores are the user's business, more than memory aren't */
  slots = amz_plan_most_slots(&bounds) / ranks_on(in, kind, l);
  slots = slots < room ? slots : room;
  if (in->want.slots_per_rank == AMZ_AUTO && in->want.ranks_per_node == AMZ_AUTO && amz_plan_domains(node) > 1 &&
      amz_plan_domains_are_even(node) &&
      l->threads <= domain_cores && in->work->kind != AMZ_WORK_IO && slots > domain_cores / l->threads)
    slots = domain_cores / l->threads;
  return slots;
}

static void fill_class(const struct amz_plan_input *in, const struct amz_plan_layout *l, uint32_t kind, uint32_t slots,
                       struct amz_plan_class *ret)
{
  const struct amz_plan_nodes *nodes = &in->nodes[kind];
  struct amz_plan_layout here = *l;

  here.ranks_per_node = in->n_nodes > 1 ? ranks_on(in, kind, l) : l->ranks_per_node;
  here.slots_per_rank = slots < l->slots_per_rank ? slots : l->slots_per_rank;
  *ret = (struct amz_plan_class){.kind = kind, .nodes = nodes->count, .ranks_per_node = here.ranks_per_node,
                                 .slots_per_rank = here.slots_per_rank};
  ret->task_s = in->work->mean_s.value * amz_plan_stretch(in, nodes, &here, &ret->contention) / nodes->speed;
}

static double rate(const struct amz_plan_class *c)
{
  double slots = (double)c->ranks_per_node * c->slots_per_rank;

  return c->task_s > 0 ? slots / c->task_s : slots;
}

/* Puts a class into its place: they are few. */
static void insert(struct amz_plan_class *classes, size_t n, const struct amz_plan_class *c)
{
  size_t at = n;

  for (; at > 0 && rate(&classes[at - 1]) < rate(c); at--)
    classes[at] = classes[at - 1];
  classes[at] = *c;
}

size_t amz_plan_classes(const struct amz_plan_input *in, const struct amz_plan_layout *l,
                        struct amz_plan_class ret[AMZ_PLAN_KINDS_MAX])
{
  uint32_t left = l->nodes;
  size_t n = 0, taken = 0;

  if (in->n_nodes > AMZ_PLAN_KINDS_MAX || !l->nodes || !l->ranks_per_node || !l->slots_per_rank || !l->threads)
    return 0;
  for (uint32_t i = 0; i < in->n_nodes; i++) {
    uint32_t slots = in->n_nodes > 1 ? amz_plan_rank_slots(in, i, l) : l->slots_per_rank;
    struct amz_plan_class c;

    if (slots == 0)
      continue;
    fill_class(in, l, i, slots, &c);
    insert(ret, n++, &c);
  }
  for (; taken < n && left; taken++) {
    ret[taken].nodes = ret[taken].nodes < left ? ret[taken].nodes : left;
    left -= ret[taken].nodes;
  }
  return taken;
}
