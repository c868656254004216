/* Slots under load, and which GPUs slots get. Expected values are worked out by hand from (1 − load) / (1 − threshold). */
#include <string.h>

#include <amorsize/load.h>

#include "../../support/tap.h"

static void gives_up_slots_by_the_rule(void)
{
  static const struct {
    const char *what;
    double cpu, memory;
    struct amz_load_rule rule;
    uint32_t slots, expected;
  } rows[] = {
    {"idle", 0.10, 0.20, AMZ_LOAD_RULE, 16, 16},
    {"exactly at the thresholds", 0.70, 0.75, AMZ_LOAD_RULE, 16, 16},
    {"CPU half way to full: half", 0.85, 0.20, AMZ_LOAD_RULE, 16, 8},
    {"CPU nine tenths of the way: 1.6 slots", 0.97, 0.20, AMZ_LOAD_RULE, 16, 1},
    {"CPU full: one remains", 1.00, 0.20, AMZ_LOAD_RULE, 16, 1},
    {"memory a fifth of the way: 12.8 slots", 0.10, 0.80, AMZ_LOAD_RULE, 16, 12},
    {"memory full", 0.10, 1.00, AMZ_LOAD_RULE, 16, 1},
    {"both: the smaller", 0.85, 0.80, AMZ_LOAD_RULE, 16, 8},
    {"both, the other way round", 0.76, 0.95, AMZ_LOAD_RULE, 100, 20},
    {"CPU unknown", -1, 0.80, AMZ_LOAD_RULE, 16, 12},
    {"nothing known", -1, -1, AMZ_LOAD_RULE, 16, 16},
    {"thresholds of one's own", 0.75, 0.20, {0.5, 0.75}, 16, 8},
    {"a threshold that is never reached", 1.00, 0.20, {1.0, 0.75}, 16, 16},
    {"more than everything", 1.50, 0.20, AMZ_LOAD_RULE, 16, 1},
    {"one slot stays one", 0.99, 0.99, AMZ_LOAD_RULE, 1, 1},
    {"no slot stays none", 0.99, 0.99, AMZ_LOAD_RULE, 0, 0},
  };

  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    struct amz_node_load load = {.cpu = rows[i].cpu, .memory = rows[i].memory};
    double share = amz_load_share(&load, &rows[i].rule);

    ASSERT_ROW_U64(rows[i].what, amz_load_slots(rows[i].slots, &load, &rows[i].rule), rows[i].expected);
    CU_ASSERT(share >= 0 && share <= 1);
  }
}

/* ---- GPUs of slots ---------------------------------------------------------------------------------------------------- */

#define NONE AMZ_NO_DOMAIN

/* Two domains of four cores; all allowed unless said otherwise. */
static void make_node(struct amz_node_core core[8], const struct amz_node_gpu *gpus, size_t n_gpus, struct amz_node *ret)
{
  for (uint32_t i = 0; i < 8; i++)
    core[i] = (struct amz_node_core){.domain = i / 4, .first_unit = i, .n_units = 1, .allowed_units = 1};
  *ret = (struct amz_node){.cores = 8, .allowed_cores = 8, .core = core,
                           .gpus = (struct amz_node_gpu *)(uintptr_t)gpus, .n_gpus = n_gpus};
}

static void slots_get_near_gpus(void)
{
  static const struct {
    const char *what;
    struct amz_node_gpu gpus[4];
    size_t n_gpus;
    uint32_t slots, threads, per_slot;
    int rc;
    uint32_t expected[4];
  } rows[] = {
    {"one each, on the own side", {{.domain = 1, .usable = true}, {.domain = 0, .usable = true}}, 2, 2, 4, 1, AMZ_OK, {1, 0}},
    {"near ones first, for all slots, before far ones are given out",
     {{.domain = 1, .usable = true}, {.domain = 0, .usable = true}, {.domain = 1, .usable = true}}, 3, 3, 2, 1, AMZ_OK,
         {1, 2, 0}},
    {"two each", {{.domain = 0, .usable = true}, {.domain = 1, .usable = true}, {.domain = 1, .usable = true},
                  {.domain = 0, .usable = true}},
     4, 2, 4, 2, AMZ_OK, {0, 3, 1, 2}},
    {"those that aren't ours stay out", {{.domain = 0, .usable = false}, {.domain = 1, .usable = true}}, 2, 1, 8, 1, AMZ_OK, {1}},
    {"nobody told where they are", {{.domain = NONE, .usable = true}, {.domain = NONE, .usable = true}}, 2, 2, 4, 1, AMZ_OK,
     {0, 1}},
    {"more slots than cores: in order", {{.domain = 1, .usable = true}, {.domain = 0, .usable = true}}, 2, 2, 8, 1, AMZ_OK,
     {0, 1}},
    {"too few", {{.domain = 0, .usable = true}}, 1, 2, 1, 1, AMZ_ERANGE, {0}},
    {"none wanted", {{.domain = 0, .usable = true}}, 1, 2, 1, 0, AMZ_OK, {0}},
  };

  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    struct amz_node_core core[8];
    struct amz_node node;
    uint32_t got[4] = {0};

    make_node(core, rows[i].gpus, rows[i].n_gpus, &node);
    ASSERT_ROW_I64(rows[i].what, amz_node_gpus_of_slots(&node, rows[i].slots, rows[i].threads, rows[i].per_slot, got),
                   rows[i].rc);
    for (uint32_t k = 0; rows[i].rc == AMZ_OK && k < rows[i].slots * rows[i].per_slot; k++)
      ASSERT_ROW_U64(rows[i].what, got[k], rows[i].expected[k]);
  }
}

/* 13 GPUs in domains that no rule has made, for every number of slots and GPUs a slot: no GPU twice, none that isn't there, and
 * slots whose domain has enough for all of its slots have near ones only. */
static void no_gpu_is_given_twice(void)
{
  static const uint32_t gpu_domain[13] = {2, 0, NONE, 1, 1, 0, 3, NONE, 2, 2, 1, 0, 2},
      slot_domain[13] = {0, 0, 1, NONE, 2, 5, 1, 0, NONE, 2, 3, 1, 0};
  uint32_t got[13], wanted[4], has[4] = {3, 3, 4, 1};

  for (uint32_t per_slot = 1; per_slot <= 13; per_slot++)
    for (uint32_t slots = 1; slots * per_slot <= 13; slots++) {
      struct amz_gpu_places p = {.gpu_domain = gpu_domain, .n_gpus = 13, .slot_domain = slot_domain, .slots = slots,
                                 .per_slot = per_slot};
      unsigned seen[13] = {0};

      memset(wanted, 0, sizeof wanted);
      CU_ASSERT_FATAL(amz_gpus_of_slots(&p, got) == AMZ_OK);
      for (uint32_t slot = 0; slot < slots; slot++)
        if (slot_domain[slot] < 4)
          wanted[slot_domain[slot]] += per_slot;
      for (uint32_t i = 0; i < slots * per_slot; i++) {
        uint32_t d = slot_domain[i / per_slot];

        CU_ASSERT_FATAL(got[i] < 13);
        CU_ASSERT(seen[got[i]]++ == 0);
        CU_ASSERT(d >= 4 || wanted[d] > has[d] || gpu_domain[got[i]] == d);
      }
      p.slots = 13 / per_slot + 1;
      CU_ASSERT(amz_gpus_of_slots(&p, got) == AMZ_ERANGE);
    }
}

static void what_is_left_is_spread_over_the_list(void)
{
  static const uint32_t nowhere[] = {NONE, NONE, NONE, NONE, NONE}, first_is_near[] = {0, NONE, NONE, NONE, NONE};
  static const struct {
    const char *what;
    const uint32_t *gpu_domain, *slot_domain;
    uint32_t slots, per_slot, expected[4];
  } rows[] = {
    {"two of five", nowhere, nowhere, 2, 1, {0, 2}},
    {"three of five", nowhere, nowhere, 3, 1, {0, 1, 3}},
    {"two of two each", nowhere, nowhere, 2, 2, {0, 1, 2, 3}},
    {"one has one near: the other gets two, the first what is left", first_is_near, first_is_near, 2, 2, {0, 1, 3, 4}},
  };

  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    const struct amz_gpu_places p = {.gpu_domain = rows[i].gpu_domain, .n_gpus = 5, .slot_domain = rows[i].slot_domain,
                                     .slots = rows[i].slots,
                                     .per_slot = rows[i].per_slot};
    uint32_t got[4];

    CU_ASSERT_FATAL(amz_gpus_of_slots(&p, got) == AMZ_OK);
    for (uint32_t k = 0; k < rows[i].slots * rows[i].per_slot; k++)
      ASSERT_ROW_U64(rows[i].what, got[k], rows[i].expected[k]);
  }
}

static void slots_of_one_gpu_each_share_the_cores(void)
{
  static const struct {
    const char *what;
    uint32_t gpus, cores, slots, threads;
  } rows[] = {{"two cores a GPU", 4, 8, 4, 2}, {"four cores a GPU", 2, 8, 2, 4}, {"more GPUs than cores", 4, 3, 3, 1},
              {"none", 0, 8, 0, 0}};
  static const struct amz_node_gpu gpus[] = {{.usable = true}, {.usable = true}, {.usable = true}, {.usable = true}};

  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    struct amz_node_core core[8];
    struct amz_node node;
    uint32_t threads;

    make_node(core, gpus, rows[i].gpus, &node);
    node.allowed_cores = rows[i].cores;
    ASSERT_ROW_U64(rows[i].what, amz_node_gpu_slots(&node, &threads), rows[i].slots);
    ASSERT_ROW_U64(rows[i].what, threads, rows[i].threads);
  }
}

static void slots_are_in_the_domain_of_their_cores(void)
{
  struct amz_node_core core[8];
  struct amz_node node;

  make_node(core, NULL, 0, &node);
  ASSERT_U64(amz_node_slot_domain(&node, 0, 8, 1), 0);
  ASSERT_U64(amz_node_slot_domain(&node, 4, 8, 1), 1);
  ASSERT_U64(amz_node_slot_domain(&node, 1, 2, 4), 1);
  ASSERT_U64(amz_node_slot_domain(&node, 0, 9, 1), AMZ_NO_DOMAIN); /* more slots than cores */
  ASSERT_U64(amz_node_slot_domain(&node, 8, 8, 1), AMZ_NO_DOMAIN);
  node.allowed_cores = 6; /* which six is open */
  ASSERT_U64(amz_node_slot_domain(&node, 0, 6, 1), AMZ_NO_DOMAIN);
  node.allowed_cores = 8;
  node.allowed_cpu = 6.5;
  ASSERT_U64(amz_node_slot_domain(&node, 0, 6, 1), AMZ_NO_DOMAIN);
  node.allowed_cpu = 8;
  ASSERT_U64(amz_node_slot_domain(&node, 7, 8, 1), 1);
  core[0].allowed_units = core[1].allowed_units = 0; /* cores 2 … 7 are ours */
  node.allowed_cores = 6;
  ASSERT_U64(amz_node_slot_domain(&node, 1, 6, 1), 0);
  ASSERT_U64(amz_node_slot_domain(&node, 2, 6, 1), 1);
}

int main(void)
{
  static const struct amz_test tests[] = {
    {"gives up slots by the rule", gives_up_slots_by_the_rule},
    {"slots get near GPUs", slots_get_near_gpus},
    {"no GPU is given twice", no_gpu_is_given_twice},
    {"what is left is spread over the list", what_is_left_is_spread_over_the_list},
    {"slots of one GPU each share the cores", slots_of_one_gpu_each_share_the_cores},
    {"slots are in the domain of their cores", slots_are_in_the_domain_of_their_cores},
    {NULL, NULL},
  };

  return amz_test_main("load", tests, 0);
}
