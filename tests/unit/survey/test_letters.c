/* What ranks of a survey write to each other: that it arrives, and that damage is noticed; sets of processing units. */
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>

#include "../../../src/survey/letters.h"
#include "../../../src/survey/reach.h"
#include "../../support/tap.h"

static uint32_t some_units[] = {0, 3, 70000};

static void hellos_arrive(void)
{
  struct amz_hello hello = {.node = "n1.cluster", .units = {some_units, 3}}, got = {.units = {NULL, 0}};
  struct amz_buf bytes = AMZ_BUF_INIT;
  struct amz_cursor c;

  amz_hello_encode(&hello, &bytes);
  CU_ASSERT(amz_letter_kind(bytes.data, bytes.len, &c) == AMZ_LETTER_HELLO);
  ASSERT_I64(amz_hello_decode(&c, &got), AMZ_OK);
  ASSERT_TEXT(got.node, "n1.cluster");
  ASSERT_U64(got.units.n, 3);
  CU_ASSERT(memcmp(got.units.items, some_units, sizeof some_units) == 0);
  free(got.units.items);
  amz_buf_clear(&bytes);
}

static void orders_arrive(void)
{
  struct amz_survey_order order = {.measure = true, .effort = AMZ_EFFORT_PRECISE, .topology = "pack:2", .units = {some_units, 2}},
                          got = {.units = {NULL, 0}};
  struct amz_buf bytes = AMZ_BUF_INIT;
  struct amz_cursor c;

  amz_survey_order_encode(&order, &bytes);
  CU_ASSERT(amz_letter_kind(bytes.data, bytes.len, &c) == AMZ_LETTER_ORDER);
  ASSERT_I64(amz_survey_order_decode(&c, &got), AMZ_OK);
  CU_ASSERT(got.measure && !got.fast && got.effort == AMZ_EFFORT_PRECISE && got.root == NULL && got.units.n == 2);
  ASSERT_TEXT(got.topology, "pack:2");
  free(got.units.items);
  amz_buf_clear(&bytes);
}

static void results_arrive(void)
{
  static const struct {
    const char *row;
    struct amz_survey_result result;
  } rows[] = {
    {"a profile", {AMZ_OK, "", "{\"cores\": 2}", 12}},
    {"a profile with warnings", {AMZ_OK, "warning: x\n", "{}", 2}},
    {"a failure", {AMZ_EENV, "no memory to measure with", "", 0}},
  };

  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    struct amz_survey_result got = {0};
    struct amz_buf bytes = AMZ_BUF_INIT;
    struct amz_cursor c;

    amz_survey_result_encode(&rows[i].result, &bytes);
    CU_ASSERT(amz_letter_kind(bytes.data, bytes.len, &c) == AMZ_LETTER_RESULT);
    ASSERT_ROW_I64(rows[i].row, amz_survey_result_decode(&c, &got), AMZ_OK);
    ASSERT_ROW_I64(rows[i].row, got.rc, rows[i].result.rc);
    ASSERT_ROW_TEXT(rows[i].row, got.text, rows[i].result.text);
    ASSERT_ROW_U64(rows[i].row, got.n_json, rows[i].result.n_json);
    CU_ASSERT(memcmp(got.json, rows[i].result.json, got.n_json) == 0);
    amz_buf_clear(&bytes);
  }
}

static int decode_any(enum amz_letter kind, struct amz_cursor *c)
{
  struct amz_hello hello = {.units = {NULL, 0}};
  struct amz_survey_order order = {.units = {NULL, 0}};
  struct amz_survey_result result;
  int rc;

  if (kind == AMZ_LETTER_HELLO) {
    rc = amz_hello_decode(c, &hello);
    free(rc == AMZ_OK ? hello.units.items : NULL);
    return rc;
  }
  if (kind == AMZ_LETTER_ORDER) {
    rc = amz_survey_order_decode(c, &order);
    free(rc == AMZ_OK ? order.units.items : NULL);
    return rc;
  }
  return amz_survey_result_decode(c, &result);
}

/* Cut off at each length: refused, until the last field that must be whole is. */
static void what_is_cut_off_is_refused(void)
{
  const struct amz_hello hello = {.node = "n1", .units = {some_units, 3}};
  const struct amz_survey_order order = {.topology = "pack:2", .root = "/r", .units = {some_units, 3}};
  struct amz_buf letters[2] = {AMZ_BUF_INIT, AMZ_BUF_INIT};

  amz_hello_encode(&hello, &letters[0]);
  amz_survey_order_encode(&order, &letters[1]);
  for (size_t i = 0; i < 2; i++) {
    for (size_t n = 0; n < letters[i].len; n++) {
      char *cut = malloc(n ? n : 1); /* of exactly this size, so that sanitizers see a step beyond */
      struct amz_cursor c;
      enum amz_letter kind;

      CU_ASSERT_FATAL(cut != NULL);
      memcpy(cut, letters[i].data, n);
      kind = amz_letter_kind(cut, n, &c);
      CU_ASSERT(kind == 0 || decode_any(kind, &c) == AMZ_ECORRUPT);
      free(cut);
    }
    amz_buf_clear(&letters[i]);
  }
}

static void what_is_no_letter_is_refused(void)
{
  static const struct {
    const char *row, *bytes;
    size_t n;
  } rows[] = {
    {"nothing", "", 0},
    {"another mark", "X\x01\x02", 3},
    {"another version", "N\x02\x02", 3},
    {"no kind", "N\x01", 2},
    {"an unknown kind", "N\x01\x63", 3},
  };
  struct amz_cursor c;

  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
    ASSERT_ROW_U64(rows[i].row, amz_letter_kind(rows[i].bytes, rows[i].n, &c), 0);
}

static void a_lying_length_is_refused(void)
{
  struct amz_buf bytes = AMZ_BUF_INIT;
  struct amz_cursor c;

  amz_letter_begin(&bytes, AMZ_LETTER_HELLO);
  amz_buf_add_bytes(&bytes, "n1", 3);
  amz_buf_add_u32(&bytes, UINT32_MAX); /* units */
  amz_buf_add_u32(&bytes, 1);
  CU_ASSERT(amz_letter_kind(bytes.data, bytes.len, &c) == AMZ_LETTER_HELLO);
  ASSERT_I64(decode_any(AMZ_LETTER_HELLO, &c), AMZ_ECORRUPT);
  amz_buf_reset(&bytes);
  amz_letter_begin(&bytes, AMZ_LETTER_HELLO);
  amz_buf_add_bytes(&bytes, "n1", 2); /* without its NUL */
  amz_buf_add_u32(&bytes, 0);
  CU_ASSERT(amz_letter_kind(bytes.data, bytes.len, &c) == AMZ_LETTER_HELLO);
  ASSERT_I64(decode_any(AMZ_LETTER_HELLO, &c), AMZ_ECORRUPT);
  amz_buf_clear(&bytes);
}

static void units_are_joined(void)
{
  static const struct {
    const char *row;
    uint32_t a[4], na, b[4], nb, all[8], n;
  } rows[] = {
    {"nothing and nothing", {0}, 0, {0}, 0, {0}, 0},
    {"something and nothing", {1, 2}, 2, {0}, 0, {1, 2}, 2},
    {"nothing and something", {0}, 0, {1, 2}, 2, {1, 2}, 2},
    {"apart", {0, 2}, 2, {1, 3}, 2, {0, 1, 2, 3}, 4},
    {"the same", {0, 2}, 2, {0, 2}, 2, {0, 2}, 2},
    {"overlapping", {0, 2, 5}, 3, {2, 3}, 2, {0, 2, 3, 5}, 4},
  };

  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    struct amz_units units = {calloc(4, sizeof(uint32_t)), rows[i].na};
    uint32_t more_items[4];
    struct amz_units more = {more_items, rows[i].nb};

    CU_ASSERT_FATAL(units.items != NULL);
    memcpy(units.items, rows[i].a, sizeof rows[i].a);
    memcpy(more_items, rows[i].b, sizeof rows[i].b);
    ASSERT_ROW_I64(rows[i].row, amz_units_join(&units, &more), AMZ_OK);
    ASSERT_ROW_U64(rows[i].row, units.n, rows[i].n);
    CU_ASSERT(memcmp(units.items, rows[i].all, rows[i].n * sizeof(uint32_t)) == 0);
    free(units.items);
  }
}

static void our_own_mask_is_ours(void)
{
  struct amz_units units = {NULL, 0}, again = {NULL, 0};

  ASSERT_I64(amz_reach_of(0, &units), AMZ_OK);
  CU_ASSERT(units.n > 0);
  amz_reach_take(&(struct amz_units){units.items, 1});
  ASSERT_I64(amz_reach_of(0, &again), AMZ_OK);
  ASSERT_U64(again.n, 1);
  ASSERT_U64(again.items[0], units.items[0]);
  CU_ASSERT(units.n == 1 || amz_reach_is_bound(&again)); /* who started us may use as much as we did */
  amz_reach_take(&units);
  free(units.items);
  free(again.items);
}

int main(void)
{
  static const struct amz_test tests[] = {
    {"hellos arrive", hellos_arrive},
    {"orders arrive", orders_arrive},
    {"results arrive", results_arrive},
    {"what is cut off is refused", what_is_cut_off_is_refused},
    {"what is no letter is refused", what_is_no_letter_is_refused},
    {"a lying length is refused", a_lying_length_is_refused},
    {"units are joined", units_are_joined},
    {"our own mask is ours", our_own_mask_is_ours},
    {NULL, NULL}};

  return amz_test_main("letters of a survey", tests, 0);
}
