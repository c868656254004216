/* The part of the tree that stands for a run of task indexes, as a stack of nodes with ascending indexes.
 *
 * Invariant while adding: the nodes lie side by side, and no two neighbours are siblings; those grow together at once, so that
 * there are at most two of each level. Invariant while folding: the parent of a node contains the next node, so that there is one
 * of each level. Both follow from combining two siblings whenever they meet on top. */
#include <amorsize/reduce.h>

#include <stdlib.h>
#include <string.h>

#include <amorsize/alloc.h>

#include "values.h"

#define LEVELS 64
#define NODES_MAX (2 * LEVELS + 2)
#define HEAD_BYTES 17u /* of an encoded node */

struct node {
  uint32_t level;
  uint64_t k, tasks;
};

struct amz_reducer {
  struct amz_reduce_kind kind;
  const struct amz_values *ops;
  size_t value_bytes;  /* of a node */
  uint64_t next;       /* index behind the last node */
  size_t n;
  struct node nodes[NODES_MAX];
  unsigned char *values; /* value_bytes per node, aligned for 8 */
};

int amz_reduce_check(const struct amz_reduce_kind *kind, struct amz_error *err)
{
  if (kind->op <= AMZ_REDUCE_NONE || kind->op > AMZ_REDUCE_COUNT)
    return amz_error_set(err, AMZ_EINVAL, "no reduction");
  if (kind->op == AMZ_REDUCE_COUNT)
    return AMZ_OK;
  if (kind->type <= AMZ_VALUE_BYTES || kind->type > AMZ_VALUE_U64)
    return amz_error_set(err, AMZ_EINVAL, "results that are no numbers can only be counted: output.reduce: count");
  if (kind->width == 0 || kind->width > AMZ_REDUCE_WIDTH_MAX)
    return amz_error_set(err, AMZ_EINVAL, "results of %u values can't be reduced: 1 to %u", kind->width, AMZ_REDUCE_WIDTH_MAX);
  return AMZ_OK;
}

int amz_reducer_new(const struct amz_reduce_kind *kind, struct amz_reducer **ret)
{
  struct amz_reducer *r;

  if (amz_reduce_check(kind, NULL) < 0)
    return AMZ_EINVAL;
  r = amz_new_array(1, sizeof *r);
  if (!r)
    return AMZ_ENOMEM;
  r->kind = *kind;
  r->ops = amz_values_of(kind);
  r->value_bytes = r->ops->state_bytes * kind->width;
  r->values = amz_new_array(NODES_MAX, r->value_bytes);
  if (!r->values) {
    free(r);
    return AMZ_ENOMEM;
  }
  *ret = r;
  return AMZ_OK;
}

void amz_reducer_free(struct amz_reducer *r)
{
  if (!r)
    return;
  free(r->values);
  free(r);
}

void amz_reducer_begin(struct amz_reducer *r, uint64_t first)
{
  r->n = 0;
  r->next = first;
}

/* ---- the stack -------------------------------------------------------------------------------------------------------- */

static void *value_of(const struct amz_reducer *r, size_t i)
{
  return r->values + i * r->value_bytes;
}

static uint64_t first_of(const struct node *n)
{
  return n->k << n->level;
}

/* The two on top are siblings: they become their parent. */
static void combine(struct amz_reducer *r)
{
  struct node *left = &r->nodes[r->n - 2], *right = left + 1;

  r->ops->combine(value_of(r, r->n - 2), value_of(r, r->n - 1), r->kind.width);
  left->level++;
  left->k >>= 1;
  left->tasks += right->tasks;
  r->n--;
}

static bool are_siblings(const struct node *left, const struct node *right)
{
  return left->level == right->level && left->k + 1 == right->k && left->k % 2 == 0;
}

/* Puts a node on top, whose value the caller fills in (before settle). */
static void *push(struct amz_reducer *r, uint32_t level, uint64_t k, uint64_t tasks)
{
  r->nodes[r->n] = (struct node){level, k, tasks};
  r->next = (k + 1) << level;
  return value_of(r, r->n++);
}

static void settle(struct amz_reducer *r)
{
  while (r->n > 1 && are_siblings(&r->nodes[r->n - 2], &r->nodes[r->n - 1]))
    combine(r);
}

void amz_reducer_add(struct amz_reducer *r, const void *values, uint64_t count)
{
  const size_t each = r->kind.op == AMZ_REDUCE_COUNT ? 0 : (size_t)8 * r->kind.width;
  const unsigned char *from = values;

  while (count > 0) {
    bool block = r->next % AMZ_BLOCK == 0 && count >= AMZ_BLOCK;
    uint64_t n = block ? AMZ_BLOCK : 1;
    void *into = push(r, block ? AMZ_BLOCK_LEVEL : 0, r->next / n, n);

    if (block)
      r->ops->block(into, from, r->kind.width);
    else
      r->ops->leaf(into, from, r->kind.width);
    settle(r);
    if (each) /* those who count bring no values */
      from += n * each;
    count -= n;
  }
}

size_t amz_reducer_nodes(const struct amz_reducer *r)
{
  return r->n;
}

bool amz_reducer_grows(const struct amz_reducer *r)
{
  const struct node leaf = {.level = 0, .k = r->next, .tasks = 1};

  return r->n == 0 || !are_siblings(&r->nodes[r->n - 1], &leaf);
}

/* ---- partials --------------------------------------------------------------------------------------------------------- */

size_t amz_reduce_node_bytes(const struct amz_reduce_kind *kind)
{
  return HEAD_BYTES + amz_values_of(kind)->state_bytes * kind->width;
}

int amz_reducer_put(struct amz_reducer *r, struct amz_buf *out)
{
  for (size_t i = 0; i < r->n; i++) {
    const struct node *n = &r->nodes[i];

    amz_buf_add_u8(out, (uint8_t)n->level);
    amz_buf_add_u64(out, n->k);
    amz_buf_add_u64(out, n->tasks);
    r->ops->put(out, value_of(r, i), r->kind.width);
  }
  r->n = 0;
  return amz_buf_ok(out);
}

/* \return whether the next node is sound; its value is left where it is, behind the cursor. */
static bool get_head(struct amz_cursor *c, size_t bytes, struct node *ret)
{
  if (amz_cursor_left(c) < bytes)
    return false;
  ret->level = amz_cursor_u8(c);
  ret->k = amz_cursor_u64(c);
  ret->tasks = amz_cursor_u64(c);
  return ret->level < LEVELS - 1 && ret->k < UINT64_C(1) << (LEVELS - 1 - ret->level) && ret->tasks >= 1 &&
         ret->tasks <= UINT64_C(1) << ret->level;
}

size_t amz_reduce_split(const struct amz_reduce_kind *kind, const void *partials, size_t bytes, uint64_t first, uint64_t count)
{
  struct amz_cursor c = amz_cursor_over(partials, bytes);
  const size_t each = amz_reduce_node_bytes(kind);
  uint64_t next = first;

  while (count > 0) {
    struct node n;

    if (!get_head(&c, each, &n) || first_of(&n) != next || n.tasks != UINT64_C(1) << n.level || n.tasks > count)
      return 0;
    c.pos += each - HEAD_BYTES;
    next += n.tasks;
    count -= n.tasks;
  }
  return c.pos;
}

int amz_reducer_join(struct amz_reducer *r, const void *partials, size_t bytes)
{
  struct amz_cursor c = amz_cursor_over(partials, bytes);
  const size_t each = amz_reduce_node_bytes(&r->kind);

  while (amz_cursor_left(&c) > 0) {
    struct node n;

    if (!get_head(&c, each, &n) || first_of(&n) != r->next)
      return AMZ_ECORRUPT;
    r->ops->get(&c, push(r, n.level, n.k, n.tasks), r->kind.width);
    settle(r);
  }
  return AMZ_OK;
}

/* Lets the nodes on top stand for their parents, as nothing more comes below `first`, until the top's parent contains it. What
 * meets its sibling on the way is combined with it. */
static void rise(struct amz_reducer *r, uint64_t first)
{
  while (r->n > 0 && r->nodes[r->n - 1].level < LEVELS - 1) {
    struct node *top = &r->nodes[r->n - 1];

    if (r->n > 1 && are_siblings(top - 1, top)) {
      combine(r);
      continue;
    }
    if (first >> top->level >> 1 == top->k >> 1)
      return;
    top->level++;
    top->k >>= 1;
  }
}

int amz_reducer_fold(struct amz_reducer *r, const void *partials, size_t bytes)
{
  struct amz_cursor c = amz_cursor_over(partials, bytes);
  const size_t each = amz_reduce_node_bytes(&r->kind);

  while (amz_cursor_left(&c) > 0) {
    struct node n;

    if (!get_head(&c, each, &n) || first_of(&n) < r->next)
      return AMZ_ECORRUPT;
    rise(r, first_of(&n));
    r->ops->get(&c, push(r, n.level, n.k, n.tasks), r->kind.width);
    settle(r);
  }
  return AMZ_OK;
}

/* ---- the result ------------------------------------------------------------------------------------------------------- */

/* Combines what is on the stack from the top down: each node has risen to be the sibling of the one before it. */
static uint64_t sum_up(const struct amz_reducer *r, unsigned char *into)
{
  uint64_t tasks = 0;
  unsigned char *left = into + r->value_bytes;

  for (size_t i = r->n; i-- > 0; tasks += r->nodes[i].tasks) {
    memcpy(left, value_of(r, i), r->value_bytes);
    if (tasks)
      r->ops->combine(left, into, r->kind.width);
    memcpy(into, left, r->value_bytes);
  }
  return tasks;
}

int amz_reducer_result(const struct amz_reducer *r, struct amz_reduced *ret)
{
  struct amz_reduced v = {.n_values = r->kind.op == AMZ_REDUCE_COUNT ? 1 : r->kind.width};
  unsigned char *sum = amz_new_array(2, r->value_bytes);

  v.values = amz_new_array(v.n_values, sizeof *v.values);
  if (!sum || !v.values) {
    free(sum);
    free(v.values);
    return AMZ_ENOMEM;
  }
  v.tasks = sum_up(r, sum);
  if (r->kind.op == AMZ_REDUCE_COUNT)
    v.values[0] = (struct amz_reduced_value){.type = AMZ_VALUE_U64, .u64 = v.tasks};
  else if (v.tasks)
    amz_values_tell(&r->kind, sum, v.tasks, v.values);
  else
    v.n_values = 0;
  if (v.n_values == 0) {
    free(v.values);
    v.values = NULL;
  }
  free(sum);
  *ret = v;
  return AMZ_OK;
}

void amz_reduced_clear(struct amz_reduced *v)
{
  free(v->values);
  memset(v, 0, sizeof *v);
}
