/* Sorting ranks by their nodes, nodes by what they have. */
#include "kinds.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include <amorsize/alloc.h>
#include <amorsize/memory.h>

#include "budget.h"

#define ALIKE 8u /* memory: within an eighth */

void amz_kinds_clear(struct amz_kinds *k)
{
  free(k->ranks);
  memset(k, 0, sizeof *k);
}

/* ---- nodes ------------------------------------------------------------------------------------------------------------- */

struct placed {
  const char *node;
  uint32_t rank;
};

static int by_node(const void *a, const void *b)
{
  const struct placed *x = a, *y = b;
  int order = strcmp(x->node, y->node);

  return order ? order : (x->rank > y->rank) - (x->rank < y->rank);
}

/* What the ranks of one node have together. \return false: they run nothing. */
static bool add_up(const struct placed *placed, size_t n, const struct amz_rank_share *shares, struct amz_kinds *kinds,
                   struct amz_kind *ret)
{
  struct amz_kind_rank *ranks = kinds->ranks;
  struct amz_kind k = {.nodes = 1};
  const struct amz_rank_share *first = NULL;
  uint64_t capacity = 0, memory = 0;
  bool even = true, known = true;

  for (size_t i = 0; i < n; i++) {
    const struct amz_rank_share *s = &shares[placed[i].rank];

    if (s->slots == 0)
      continue;
    first = first ? first : s;
    even = even && s->cores == first->cores && s->capacity == first->capacity;
    known = known && s->memory_bytes != AMZ_ANY_MEMORY;
    ranks[placed[i].rank] = (struct amz_kind_rank){.capacity = s->capacity, .before = k.cores, .cores = s->cores};
    k.ranks++;
    k.cores += s->cores;
    capacity += s->capacity;
    memory += known ? s->memory_bytes : 0;
  }
  if (!first)
    return false;
  kinds->most_ranks = k.ranks > kinds->most_ranks ? k.ranks : kinds->most_ranks;
  k.most_slots = even ? first->capacity : (uint32_t)capacity;
  k.ranks = even ? k.ranks : 1;
  /* Shares are for tasks; nodes have more. Rounded up: what was a whole number of tasks stays one. */
  k.memory_bytes = known ? (uint64_t)ceil((double)memory / AMZ_MEMORY_HEADROOM) : 0;
  *ret = k;
  return true;
}

/* ---- kinds ------------------------------------------------------------------------------------------------------------- */

static uint64_t difference(uint64_t a, uint64_t b)
{
  return a > b ? a - b : b - a;
}

static bool alike(const struct amz_kind *a, const struct amz_kind *b)
{
  return a->ranks == b->ranks && a->cores == b->cores && a->most_slots == b->most_slots &&
      (a->memory_bytes == 0) == (b->memory_bytes == 0) &&
         difference(a->memory_bytes, b->memory_bytes) <= a->memory_bytes / ALIKE;
}

static uint32_t nearest(const struct amz_kinds *k, const struct amz_kind *node)
{
  uint32_t best = 0;

  for (uint32_t i = 1; i < k->n; i++)
    if (difference(k->items[i].cores, node->cores) < difference(k->items[best].cores, node->cores))
      best = i;
  return best;
}

static uint32_t smaller(uint32_t a, uint32_t b)
{
  return a < b ? a : b;
}

/* Both count as what each of them has at least; ranks that differ in number as one. */
static void join(struct amz_kind *k, const struct amz_kind *node)
{
  uint64_t room = (uint64_t)k->ranks * k->most_slots, other = (uint64_t)node->ranks * node->most_slots;

  if (k->ranks != node->ranks) {
    k->ranks = 1;
    k->most_slots = (uint32_t)(room < other ? room : other);
  } else {
    k->most_slots = smaller(k->most_slots, node->most_slots);
  }
  k->cores = smaller(k->cores, node->cores);
  k->memory_bytes = k->memory_bytes < node->memory_bytes ? k->memory_bytes : node->memory_bytes;
  k->nodes++;
}

/* \return the kind that a node is of. */
static uint32_t take(struct amz_kinds *k, const struct amz_kind *node)
{
  uint32_t at = 0;

  while (at < k->n && !alike(&k->items[at], node))
    at++;
  if (at == k->n && k->n < AMZ_PLAN_KINDS_MAX) {
    k->items[k->n++] = *node;
    return at;
  }
  at = at < k->n ? at : nearest(k, node);
  join(&k->items[at], node);
  return at;
}

static size_t end_of_node(const struct placed *placed, size_t n, size_t from)
{
  size_t end = from + 1;

  while (end < n && strcmp(placed[end].node, placed[from].node) == 0)
    end++;
  return end;
}

static void take_node(struct amz_kinds *k, const struct placed *placed, size_t n, const struct amz_rank_share *shares)
{
  struct amz_kind node;
  uint32_t kind;

  if (!add_up(placed, n, shares, k, &node))
    return;
  kind = take(k, &node);
  for (size_t i = 0; i < n; i++) {
    struct amz_kind_rank *r = &k->ranks[placed[i].rank];

    if (r->cores == 0)
      continue;
    r->kind = kind;
    r->nth = k->items[kind].nodes - 1;
    r->all = node.cores;
  }
  k->nodes++;
}

/* Rank 0's node comes first, the others by their names. */
static void take_all(struct amz_kinds *k, const struct placed *placed, size_t n, const struct amz_rank_share *shares)
{
  size_t first = 0, end;

  while (placed[first].rank != 0)
    first++; /* the first of its node: ranks ascend on each */
  end = end_of_node(placed, n, first);
  take_node(k, placed + first, end - first, shares);
  for (size_t i = 0; i < n; i = end) {
    end = end_of_node(placed, n, i);
    if (i != first)
      take_node(k, placed + i, end - i, shares);
  }
}

int amz_kinds_find(const struct amz_team *team, const struct amz_rank_share *shares, struct amz_kinds *ret)
{
  struct placed *placed = amz_new_array(team->count, sizeof *placed);
  struct amz_kinds k = {.n_ranks = team->count};

  k.ranks = amz_new_array(team->count, sizeof *k.ranks);
  if (!placed || !k.ranks) {
    free(placed);
    amz_kinds_clear(&k);
    return AMZ_ENOMEM;
  }
  for (uint32_t i = 0; i < team->count; i++)
    placed[i] = (struct placed){team->members[i].node, i};
  qsort(placed, team->count, sizeof *placed, by_node);
  take_all(&k, placed, team->count, shares);
  free(placed);
  *ret = k;
  return AMZ_OK;
}

int amz_kinds_alone(const struct amz_rank_share *share, struct amz_kinds *ret)
{
  const struct placed here = {"", 0};
  struct amz_kinds k = {.n_ranks = 1};

  k.ranks = amz_new_array(1, sizeof *k.ranks);
  if (!k.ranks)
    return AMZ_ENOMEM;
  take_node(&k, &here, 1, share);
  *ret = k;
  return AMZ_OK;
}

/* ---- back to ranks ----------------------------------------------------------------------------------------------------- */

/* NULL: the plan leaves such nodes out. */
static const struct amz_plan_class *class_of(const struct amz_plan_class *classes, size_t n, uint32_t kind)
{
  for (size_t i = 0; i < n; i++)
    if (classes[i].kind == kind)
      return &classes[i];
  return NULL;
}

/* Whole slots by cores: what the ranks before it have is rounded down, and so is what they have with it. */
static uint32_t share_of(const struct amz_kind_rank *r, uint64_t slots)
{
  uint64_t share = slots * (r->before + r->cores) / r->all - slots * r->before / r->all;

  return share < r->capacity ? (uint32_t)share : r->capacity;
}

uint32_t amz_kinds_slots(const struct amz_kinds *k, const struct amz_plan_class *classes, size_t n, uint32_t *ret_slots)
{
  uint32_t most = 0;

  for (uint32_t i = 0; i < k->n_ranks; i++) {
    const struct amz_kind_rank *r = &k->ranks[i];
    const struct amz_plan_class *c = r->all ? class_of(classes, n, r->kind) : NULL;

    ret_slots[i] = c && r->nth < c->nodes ? share_of(r, (uint64_t)c->ranks_per_node * c->slots_per_rank) : 0;
    most = ret_slots[i] > most ? ret_slots[i] : most;
  }
  return most;
}

/* ---- memory, as it turns out ------------------------------------------------------------------------------------------- */

bool amz_shares_bound(const struct amz_rank_share *shares, uint32_t n, uint64_t task_bytes, uint32_t *slots, uint32_t *ret_slots,
                      uint32_t *ret_before)
{
  uint32_t most = 0;

  for (uint32_t i = 0; i < n && task_bytes; i++) {
    uint64_t fit = shares[i].memory_bytes / task_bytes;
    uint32_t before = slots[i];

    if (shares[i].memory_bytes == AMZ_ANY_MEMORY || fit >= before || before <= 1)
      continue;
    slots[i] = fit ? (uint32_t)fit : 1;
    if (slots[i] > most) {
      most = slots[i];
      *ret_slots = most;
      *ret_before = before;
    }
  }
  return most > 0;
}
