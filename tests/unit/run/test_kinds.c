/* Nodes by what their ranks have, and slots of ranks from those of kinds. What is expected is counted by hand. */
#include "../../../src/run/kinds.h"

#include <stdio.h>
#include <string.h>

#include "../../../src/run/budget.h"
#include "../../support/tap.h"

#define GIB (UINT64_C(1) << 30)
#define MOST_RANKS 64u

/* A rank: its node's letter, its share. */
struct given {
  char node;
  struct amz_rank_share share;
};

static void find(const struct given *given, uint32_t n, struct amz_kinds *ret)
{
  static struct amz_member members[MOST_RANKS];
  struct amz_rank_share shares[MOST_RANKS];
  const struct amz_team team = {members, n};

  memset(members, 0, sizeof members);
  for (uint32_t i = 0; i < n; i++) {
    (void)snprintf(members[i].node, sizeof members[i].node, "node-%c", given[i].node);
    shares[i] = given[i].share;
  }
  CU_ASSERT_FATAL(amz_kinds_find(&team, shares, ret) == AMZ_OK);
}

static void assert_kind(const char *what, const struct amz_kind *is, const struct amz_kind *expected)
{
  ASSERT_ROW_U64(what, is->nodes, expected->nodes);
  ASSERT_ROW_U64(what, is->ranks, expected->ranks);
  ASSERT_ROW_U64(what, is->cores, expected->cores);
  ASSERT_ROW_U64(what, is->most_slots, expected->most_slots);
  ASSERT_ROW_U64(what, is->memory_bytes, expected->memory_bytes);
}

static void kinds_of_nodes(void)
{
  static const struct {
    const char *what;
    struct given ranks[8];
    uint32_t n, nodes, most_ranks;
    size_t n_kinds;
    struct amz_kind kinds[3];
  } rows[] = {
    {"one rank", {{'a', {4, 64, 4, AMZ_ANY_MEMORY}}}, 1, 1, 1, 1, {{1, 1, 4, 64, 0}}},
    {"two nodes alike", {{'b', {4, 64, 4, 8 * GIB}}, {'a', {4, 64, 4, 8 * GIB}}}, 2, 2, 1, 1, {{2, 1, 4, 64, 10 * GIB}}},
    {"rank 0's node is the first kind", {{'b', {1, 16, 1, 8 * GIB}}, {'a', {4, 64, 4, 8 * GIB}}}, 2, 2, 1, 2,
      {{1, 1, 1, 16, 10 * GIB}, {1, 1, 4, 64, 10 * GIB}}},
    {"two ranks on one node, one on the other", {{'a', {2, 32, 2, 4 * GIB}}, {'b', {4, 64, 4, 8 * GIB}},
      {'a', {2, 32, 2, 4 * GIB}}}, 3, 2, 2, 2,
      {{1, 2, 4, 32, 10 * GIB}, {1, 1, 4, 64, 10 * GIB}}},
    {"ranks that differ are one with all of it", {{'a', {1, 16, 1, GIB}}, {'a', {1, 16, 1, GIB}}, {'a', {2, 32, 2, 2 * GIB}}}, 3,
     1, 3, 1,
      {{1, 1, 4, 64, 5 * GIB}}},
    {"memory that differs a little is alike, the least counts", {{'a', {4, 64, 4, 8 * GIB}}, {'b', {4, 64, 4, 8 * GIB - 4096}}},
     2, 2, 1, 1,
      {{2, 1, 4, 64, 10 * GIB - 5120}}},
    {"half the memory is another kind", {{'a', {4, 64, 4, 8 * GIB}}, {'b', {4, 64, 4, 4 * GIB}}}, 2, 2, 1, 2,
      {{1, 1, 4, 64, 10 * GIB}, {1, 1, 4, 64, 5 * GIB}}},
    {"a rank that runs nothing is none", {{'a', {4, 64, 4, 8 * GIB}}, {'b', {0, 64, 4, GIB}}, {'a', {0, 64, 4, GIB}}}, 3, 1, 1, 1,
      {{1, 1, 4, 64, 10 * GIB}}},
  };

  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    struct amz_kinds k;

    find(rows[i].ranks, rows[i].n, &k);
    ASSERT_ROW_U64(rows[i].what, k.n, rows[i].n_kinds);
    ASSERT_ROW_U64(rows[i].what, k.nodes, rows[i].nodes);
    ASSERT_ROW_U64(rows[i].what, k.most_ranks, rows[i].most_ranks);
    for (size_t j = 0; j < rows[i].n_kinds && j < k.n; j++)
      assert_kind(rows[i].what, &k.items[j], &rows[i].kinds[j]);
    amz_kinds_clear(&k);
  }
}

static void slots_of_ranks(void)
{
  static const struct {
    const char *what;
    struct given ranks[8];
    uint32_t n;
    struct amz_plan_class classes[2];
    size_t n_classes;
    uint32_t slots[8], most;
  } rows[] = {
    {"each kind has its own", {{'a', {4, 64, 4, 0}}, {'b', {1, 16, 1, 0}}, {'c', {4, 64, 4, 0}}}, 3,
      {{.kind = 1, .nodes = 1, .ranks_per_node = 1, .slots_per_rank = 1}, {.kind = 0, .nodes = 2, .ranks_per_node = 1,
        .slots_per_rank = 4}}, 2,
      {4, 1, 4}, 4},
    {"a kind that is left out", {{'a', {4, 64, 4, 0}}, {'b', {1, 16, 1, 0}}}, 2,
     {{.kind = 0, .nodes = 1, .ranks_per_node = 1, .slots_per_rank = 5}}, 1,
      {5, 0}, 5},
    {"fewer nodes of a kind than there are", {{'a', {2, 8, 2, 0}}, {'b', {2, 8, 2, 0}}, {'c', {2, 8, 2, 0}}}, 3,
      {{.kind = 0, .nodes = 2, .ranks_per_node = 1, .slots_per_rank = 2}}, 1, {2, 2, 0}, 2},
    {"ranks that are even have as many each", {{'a', {2, 32, 2, 0}}, {'a', {2, 32, 2, 0}}, {'a', {2, 32, 2, 0}}}, 3,
      {{.kind = 0, .nodes = 1, .ranks_per_node = 3, .slots_per_rank = 7}}, 1, {7, 7, 7}, 7},
    {"others by their cores", {{'a', {1, 16, 1, 0}}, {'a', {1, 16, 1, 0}}, {'a', {2, 32, 2, 0}}}, 3,
      {{.kind = 0, .nodes = 1, .ranks_per_node = 1, .slots_per_rank = 4}}, 1, {1, 1, 2}, 2},
    {"no slot is lost in fractions: 5 by 1, 1 and 2 cores", {{'a', {1, 16, 1, 0}}, {'a', {1, 16, 1, 0}}, {'a', {2, 32, 2, 0}}}, 3,
      {{.kind = 0, .nodes = 1, .ranks_per_node = 1, .slots_per_rank = 5}}, 1, {1, 1, 3}, 3},
    {"no rank has more than its room", {{'a', {1, 2, 1, 0}}, {'a', {3, 48, 3, 0}}}, 2,
     {{.kind = 0, .nodes = 1, .ranks_per_node = 1, .slots_per_rank = 20}}, 1,
      {2, 15}, 15},
    {"a rank that runs nothing", {{'a', {0, 16, 1, 0}}, {'a', {3, 48, 3, 0}}}, 2,
     {{.kind = 0, .nodes = 1, .ranks_per_node = 1, .slots_per_rank = 3}}, 1,
      {0, 3}, 3},
  };

  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    uint32_t slots[MOST_RANKS];
    struct amz_kinds k;

    find(rows[i].ranks, rows[i].n, &k);
    ASSERT_ROW_U64(rows[i].what, amz_kinds_slots(&k, rows[i].classes, rows[i].n_classes, slots), rows[i].most);
    for (uint32_t r = 0; r < rows[i].n; r++)
      ASSERT_ROW_U64(rows[i].what, slots[r], rows[i].slots[r]);
    amz_kinds_clear(&k);
  }
}

/* More kinds than a plan takes: every node is still one of them, and none counts for more than it has. */
static void more_kinds_than_plans_take(void)
{
  struct given given[40];
  struct amz_kinds k;
  uint32_t nodes = 0;

  for (uint32_t i = 0; i < 40; i++)
    given[i] = (struct given){(char)('0' + i), {i + 1, 16 * (i + 1), i + 1, (i + 1) * GIB}};
  find(given, 40, &k);
  CU_ASSERT_EQUAL(k.n, AMZ_PLAN_KINDS_MAX);
  CU_ASSERT_EQUAL(k.nodes, 40);
  for (size_t i = 0; i < k.n; i++)
    nodes += k.items[i].nodes;
  CU_ASSERT_EQUAL(nodes, 40);
  for (uint32_t i = 0; i < 40; i++)
    CU_ASSERT(k.items[k.ranks[i].kind].cores <= i + 1);
  amz_kinds_clear(&k);
}

static void alone(void)
{
  const struct amz_rank_share share = {4, 64, 4, AMZ_ANY_MEMORY};
  struct amz_kinds k;

  CU_ASSERT_FATAL(amz_kinds_alone(&share, &k) == AMZ_OK);
  CU_ASSERT_EQUAL(k.n, 1);
  assert_kind("alone", &k.items[0], &(struct amz_kind){1, 1, 4, 64, 0});
  amz_kinds_clear(&k);
  amz_kinds_clear(&k);
}

static void bound_by_memory(void)
{
  static const struct {
    const char *what;
    struct {
      uint64_t memory;
      uint32_t slots, left;
    } ranks[3];
    uint64_t task;
    bool bound;
    uint32_t slots, before;
  } rows[] = {
    {"there is enough", {{8 * GIB, 4, 4}, {8 * GIB, 8, 8}}, GIB, false, 0, 0},
    {"one slot less than before", {{8 * GIB, 9, 8}}, GIB, true, 8, 9},
    {"what is left over isn't enough for another", {{8 * GIB - 1, 9, 7}}, GIB, true, 7, 9},
    {"too little for one: one all the same", {{GIB, 4, 1}}, 2 * GIB, true, 1, 4},
    {"who has one keeps it, and isn't bound", {{GIB, 1, 1}}, 2 * GIB, false, 0, 0},
    {"who has none gets none", {{GIB, 0, 0}, {4 * GIB, 8, 4}}, GIB, true, 4, 8},
    {"each by its own memory; the most of those that were bound is told", {{2 * GIB, 16, 2}, {6 * GIB, 12, 6},
      {64 * GIB, 32, 32}}, GIB, true, 6, 12},
    {"nobody knows one's memory", {{AMZ_ANY_MEMORY, 64, 64}, {GIB, 64, 1}}, GIB, true, 1, 64},
    {"no task has told", {{GIB, 64, 64}}, 0, false, 0, 0},
  };

  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    struct amz_rank_share shares[3];
    uint32_t slots[3], most = 0, before = 0;

    for (size_t k = 0; k < 3; k++) {
      shares[k] = (struct amz_rank_share){.memory_bytes = rows[i].ranks[k].memory};
      slots[k] = rows[i].ranks[k].slots;
    }
    ASSERT_ROW_U64(rows[i].what, amz_shares_bound(shares, 3, rows[i].task, slots, &most, &before), rows[i].bound);
    ASSERT_ROW_U64(rows[i].what, most, rows[i].slots);
    ASSERT_ROW_U64(rows[i].what, before, rows[i].before);
    for (size_t k = 0; k < 3; k++)
      ASSERT_ROW_U64(rows[i].what, slots[k], rows[i].ranks[k].left);
  }
}

int main(void)
{
  static const struct amz_test tests[] = {
    {"kinds of nodes", kinds_of_nodes},
    {"slots of ranks", slots_of_ranks},
    {"more kinds than plans take", more_kinds_than_plans_take},
    {"a process alone", alone},
    {"bound by memory", bound_by_memory},
    {NULL, NULL},
  };

  return amz_test_main("run/kinds", tests, 0);
}
