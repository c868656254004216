/* GPUs of a run's slots: chosen over all ranks that see the same ones, by where both are. */
#include <stdlib.h>
#include <string.h>

#include <amorsize/node.h>

#include "../../../src/run/devices.h"
#include "../../support/tap.h"

#define NEAR_NOTHING AMZ_NO_DOMAIN

/* Four cores, two in each of two domains, and four GPUs of which `d` says where they are. Ranks share both, unless their digests
 * differ. */
struct gpu_rank {
  uint64_t digest;
  uint32_t slots, core_first, core_count;
};

static void slots_of_all_ranks_choose_gpus_together(void)
{
  static const struct {
    const char *what;
    uint32_t d[4];
    uint32_t per_slot, n_ranks;
    struct gpu_rank ranks[3];
    uint32_t expected[4]; /* by rank, then slot */
  } rows[] = {
    {"a rank alone: one each, on the own side", {1, 1, 0, 0}, 1, 1, {{7, 4, 0, 4}}, {2, 3, 0, 1}},
    {"two ranks: as if they were one", {1, 1, 0, 0}, 1, 2, {{7, 2, 0, 2}, {7, 2, 2, 2}}, {2, 3, 0, 1}},
    {"all GPUs on one side: who sits there has the first choice", {1, 1, 1, 1}, 1, 2, {{7, 2, 0, 2}, {7, 2, 2, 2}}, {2, 3, 0, 1}},
    {"two GPUs a task", {0, 1, 1, 0}, 2, 2, {{7, 1, 0, 2}, {7, 1, 2, 2}}, {0, 3, 1, 2}},
    {"nobody knows where they are: in their order", {NEAR_NOTHING, NEAR_NOTHING, NEAR_NOTHING, NEAR_NOTHING}, 1, 2,
     {{7, 2, 0, 2}, {7, 2, 2, 2}},
     {0, 1, 2, 3}},
    {"more slots than cores: in their order", {1, 1, 0, 0}, 1, 1, {{7, 4, 0, 2}}, {0, 1, 2, 3}},
    {"ranks with GPUs of their own each choose alone", {1, 0, 1, 0}, 1, 3, {{7, 1, 2, 1}, {8, 2, 0, 2}, {7, 1, 3, 1}},
     {0, 1, 3, 2}},
    {"none wanted", {0, 0, 1, 1}, 0, 1, {{7, 4, 0, 4}}, {0}},
  };
  uint32_t core_domains[] = {0, 0, 1, 1};

  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    uint32_t gpu_domains[4], *chosen = NULL, n = 0;
    struct amz_member members[3];
    struct amz_order_of_work orders[3];
    struct amz_team team = {members, rows[i].n_ranks};

    memcpy(gpu_domains, rows[i].d, sizeof gpu_domains);
    for (uint32_t k = 0; k < rows[i].n_ranks; k++) {
      const struct gpu_rank *r = &rows[i].ranks[k];

      members[k] = (struct amz_member){.node = "n1", .gpus = 4, .gpus_digest = r->digest, .gpu_domains = gpu_domains,
                                       .n_domains = 4,
                                       .core_domains = core_domains};
      orders[k] = (struct amz_order_of_work){.slots = r->slots, .threads = 1, .core_first = r->core_first,
                                             .core_count = r->core_count};
    }
    CU_ASSERT_FATAL(amz_devices_share(&team, orders, rows[i].per_slot, &chosen) == AMZ_OK);
    for (uint32_t k = 0; k < team.count; k++) {
      ASSERT_ROW_U64(rows[i].what, orders[k].n_slot_gpus, rows[i].ranks[k].slots * rows[i].per_slot);
      for (uint32_t s = 0; s < orders[k].n_slot_gpus; s++)
        ASSERT_ROW_U64(rows[i].what, orders[k].slot_gpus[s], rows[i].expected[n++]);
    }
    free(chosen);
  }
}

static void more_slots_than_gpus_are_refused(void)
{
  uint32_t where[] = {0}, *chosen = NULL;
  struct amz_member one = {.gpus = 1, .gpu_domains = where};
  struct amz_order_of_work order = {.slots = 2, .capacity = 2, .threads = 1, .core_count = 2};
  struct amz_team team = {&one, 1};

  ASSERT_I64(amz_devices_share(&team, &order, 1, &chosen), AMZ_ERANGE);
}

/* What goes over the wire comes out the same, and what was cut short is refused. */
static void words_keep_where_gpus_are(void)
{
  uint32_t units[] = {1, 3}, gpu_domains[] = {1, AMZ_NO_DOMAIN}, core_domains[] = {0, 1}, gpus[] = {1, 0};
  struct amz_member said = {.node = "n1", .tmp = "/tmp", .n_units = 2, .units = units, .cores = 2, .gpus = 2,
                            .gpu_domains = gpu_domains, .n_domains = 2,
                            .core_domains = core_domains}, heard;
  struct amz_order_of_work order = {.slots = 2, .capacity = 2, .threads = 1, .dir = "/d", .cwd = "/", .slot_gpus = gpus,
                                    .n_slot_gpus = 2, .recording = ""}, got;
  struct amz_order_parts parts = {NULL, NULL};
  struct amz_buf bytes = AMZ_BUF_INIT;

  amz_member_encode(&said, &bytes);
  CU_ASSERT_FATAL(amz_member_decode(bytes.data, bytes.len, &heard) == AMZ_OK);
  ASSERT_U64(heard.gpus, 2);
  CU_ASSERT(memcmp(heard.gpu_domains, gpu_domains, sizeof gpu_domains) == 0 &&
            memcmp(heard.core_domains, core_domains, sizeof core_domains) == 0);
  CU_ASSERT(heard.n_units == 2 && memcmp(heard.units, units, sizeof units) == 0);
  amz_member_clear(&heard);
  for (size_t n = 0; n < bytes.len; n++)
    CU_ASSERT(amz_member_decode(bytes.data, n, &heard) == AMZ_ECORRUPT);
  amz_buf_reset(&bytes);
  amz_order_encode(&order, &bytes);
  CU_ASSERT_FATAL(amz_order_decode(&bytes, &parts, &got) == AMZ_OK);
  ASSERT_U64(got.n_slot_gpus, 2);
  CU_ASSERT(got.slot_gpus && memcmp(got.slot_gpus, gpus, sizeof gpus) == 0);
  amz_order_parts_clear(&parts);
  amz_buf_clear(&bytes);
}

int main(void)
{
  static const struct amz_test tests[] = {
    {"slots of all ranks choose GPUs together", slots_of_all_ranks_choose_gpus_together},
    {"more slots than GPUs are refused", more_slots_than_gpus_are_refused},
    {"words keep where GPUs are", words_keep_where_gpus_are},
    {NULL, NULL},
  };

  return amz_test_main("devices", tests, 0);
}
