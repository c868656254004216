/* Which layouts are worth a look: products of a few counts each, those that fit. */
#include "plan_private.h"

#include <stdlib.h>

#include <amorsize/alloc.h>

#define LIST_MAX 96
#define ROUNDS 16u     /* with so many, one more or less hardly matters */
#define ROUNDS_MORE 3u /* than the most slots take */

struct counts {
  uint32_t items[LIST_MAX];
  size_t n;
};

static void add(struct counts *c, uint32_t count)
{
  for (size_t i = 0; i < c->n; i++)
    if (c->items[i] == count)
      return;
  if (c->n < LIST_MAX && count >= 1)
    c->items[c->n++] = count;
}

/* All small counts, then steps of about a quarter, and the largest. */
static void add_up_to(struct counts *c, uint32_t most)
{
  uint32_t i;

  for (i = 1; i <= most && i <= 16; i++)
    add(c, i);
  for (; i < most; i += i / 4)
    add(c, i);
  add(c, most);
}

static uint64_t ceil_div(uint64_t a, uint64_t b)
{
  return a / b + (a % b != 0);
}

/* Where tasks are few, they end in rounds: the fewest slots that make do with so many rounds are as fast as more, until a round
 * less is enough. `ranks`: of all nodes. */
static void add_rounds(struct counts *c, uint64_t tasks, uint64_t ranks, uint32_t most)
{
  uint64_t least = ceil_div(tasks, most * ranks);

  for (uint64_t r = least; r < least + ROUNDS_MORE && r <= ROUNDS; r++) {
    uint64_t each = ceil_div(ceil_div(tasks, r), ranks);

    if (each <= most)
      add(c, (uint32_t)each);
  }
}

static void list_nodes(const struct amz_plan_input *in, struct counts *c)
{
  uint32_t all = amz_plan_node_count(in);

  c->n = 0;
  if (in->want.nodes != AMZ_AUTO)
    add(c, in->want.nodes < all ? in->want.nodes : all);
  else
    add_up_to(c, all);
}

/* No more than were sampled: what lies beyond may be slower. What is known from a law alone (history) has no such end. */
static uint32_t most_threads(const struct amz_plan_input *in, uint32_t cores)
{
  uint32_t seen = in->work->n_points ? amz_workload_threads_seen(in->work) : cores;

  return seen < cores ? seen : cores;
}

/* One thread, doublings, a domain's cores, a node's; only what was sampled when it isn't known what threads bring. */
static void list_threads(const struct amz_plan_input *in, struct counts *c)
{
  c->n = 0;
  if (in->want.threads_per_task != AMZ_AUTO) {
    add(c, in->want.threads_per_task);
    return;
  }
  add(c, in->work->threads);
  if (in->work->serial.source == AMZ_UNKNOWN)
    return;
  for (size_t i = 0; i < in->n_nodes; i++) {
    const struct amz_node *node = in->nodes[i].node;
    uint32_t most = most_threads(in, amz_plan_cores(node));

    for (uint32_t t = 1; t <= most; t *= 2)
      add(c, t);
    if (amz_plan_domain_cores(node) <= most)
      add(c, amz_plan_domain_cores(node));
    add(c, most);
  }
}

/* A rank stays within a NUMA domain unless one task needs more: one rank, or one for each domain, of which each kind may have
 * another number. Domains of unequal size go to one rank: equal shares of the cores don't follow them, and slots of the smallest
 * alone would leave most cores idle. */
static void list_ranks(const struct amz_plan_input *in, struct counts *c)
{
  c->n = 0;
  if (in->want.ranks_per_node != AMZ_AUTO) {
    add(c, in->want.ranks_per_node);
    return;
  }
  add(c, 1);
  for (size_t i = 0; i < in->n_nodes && c->n == 1; i++)
    add(c, amz_plan_domains(in->nodes[i].node));
}

static bool straddles(const struct amz_plan_input *in, const struct amz_plan_layout *l)
{
  uint32_t domains = amz_plan_domains(in->nodes[0].node), cores = amz_plan_domain_cores(in->nodes[0].node);

  if (in->n_nodes > 1 || in->want.ranks_per_node != AMZ_AUTO || in->work->kind == AMZ_WORK_IO)
    return false;
  if (!amz_plan_domains_are_even(in->nodes[0].node))
    return l->ranks_per_node > 1;
  return domains > 1 && l->threads <= cores && (uint64_t)l->slots_per_rank * l->threads > cores;
}

/* \return the most slots that a rank may have: of several kinds, on that which allows most, as the others then have what fits
 * there. */
static uint32_t most_slots(const struct amz_plan_input *in, const struct amz_plan_layout *layout)
{
  struct amz_plan_bounds bounds;
  uint32_t most = 0, room = amz_plan_room(in, 0);

  for (size_t i = 0; i < in->n_nodes && in->n_nodes > 1; i++) {
    uint32_t here = amz_plan_rank_slots(in, i, layout);

    most = here > most ? here : most;
  }
  if (in->n_nodes > 1)
    return most;
  amz_plan_bound(in, in->nodes[0].node, layout->threads, layout->nodes, &bounds);
  most = amz_plan_most_slots(&bounds) / layout->ranks_per_node;
  return most < room ? most : room;
}

/* What a rank gets of the slots that were given: more than cores is the user's business, more than memory or GPUs isn't. Ranks
 * that are there have theirs; of several kinds of nodes each has what fits there. */
static uint32_t given_slots(const struct amz_plan_input *in, const struct amz_plan_layout *layout)
{
  uint32_t given = in->want.slots_per_rank, most;
  struct amz_plan_bounds bounds;

  if (in->want.launched || in->n_nodes > 1)
    return given;
  amz_plan_bound(in, in->nodes[0].node, layout->threads, layout->nodes, &bounds);
  most = (bounds.memory < bounds.gpus ? bounds.memory : bounds.gpus) / layout->ranks_per_node;
  return given < most ? given : most;
}

static int consider(struct amz_search *s, const struct amz_plan_layout *layout)
{
  int rc;

  s->considered++;
  if (straddles(s->input, layout))
    return AMZ_OK;
  if (amz_grow((void **)&s->found, &s->cap, s->n + 1, sizeof *s->found) < 0)
    return AMZ_ENOMEM;
  rc = amz_plan_score_in(s->input, layout, s->times, &s->found[s->n]);
  s->n += rc == AMZ_OK;
  return rc == AMZ_ERANGE ? AMZ_OK : rc; /* not on so many nodes */
}

static int consider_slots(struct amz_search *s, struct amz_plan_layout layout)
{
  const struct amz_plan_want *want = &s->input->want;
  uint32_t most = most_slots(s->input, &layout);
  struct counts slots = {.n = 0};
  int rc = AMZ_OK;

  if (most == 0)
    return AMZ_OK;
  if (want->slots_per_rank != AMZ_AUTO) {
    add(&slots, given_slots(s->input, &layout));
  } else {
    add_up_to(&slots, most);
    add_rounds(&slots, s->input->work->tasks, (uint64_t)layout.nodes * layout.ranks_per_node, most);
  }
  for (size_t i = 0; i < slots.n && rc == AMZ_OK; i++) {
    layout.slots_per_rank = slots.items[i];
    rc = consider(s, &layout);
  }
  return rc;
}

int amz_plan_search(struct amz_search *s)
{
  struct counts nodes, ranks, threads;
  int rc = AMZ_OK;

  list_nodes(s->input, &nodes);
  list_ranks(s->input, &ranks);
  list_threads(s->input, &threads);
  for (size_t i = 0; i < nodes.n; i++)
    for (size_t k = 0; k < ranks.n; k++)
      for (size_t t = 0; t < threads.n && rc == AMZ_OK; t++) {
        struct amz_plan_layout layout = {nodes.items[i], ranks.items[k], 1, threads.items[t]};

        rc = consider_slots(s, layout);
      }
  return rc;
}
