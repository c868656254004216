/* Messages: there and back, cut at every byte, damaged at random; the replay window. */
#include <amorsize/message.h>

#include <stdlib.h>
#include <string.h>

#include <amorsize/rng.h>

#include "../../support/tap.h"

#define ERROR "it didn't like its \"input\""
#define RESULTS_BYTES (3 * 101 + (sizeof ERROR - 1)) /* of all three */

static const struct amz_result results[] = {
  {.position = 5, .attempt = 1, .outcome = AMZ_SUCCEEDED, .slot = 3, .seq = 1, .pack_offset = 77, .start_ns = 1700000000000000000,
   .wall_ns = 12345, .cpu_ns = 999, .max_rss_bytes = UINT64_C(1) << 40, .output_bytes = 12, .input_bytes = 13, .waited_ns = 14},
  {.position = 6, .attempt = 1, .outcome = AMZ_FAILED, .exit_code = 3, .error = ERROR},
  {.position = UINT64_MAX, .attempt = UINT32_MAX, .outcome = AMZ_CANCELLED, .slot = UINT32_MAX, .exit_code = -1, .signal = 9,
   .seq = UINT64_MAX, .pack_offset = UINT64_MAX, .start_ns = INT64_MIN, .wall_ns = INT64_MAX, .cpu_ns = -1,
   .max_rss_bytes = UINT64_MAX, .output_bytes = UINT64_MAX, .input_bytes = UINT64_MAX, .waited_ns = INT64_MAX},
};
static const struct amz_bulk bulks[] = {
  {.chunk_id = 8, .first = 100, .count = 50, .attempt = 2, .slot = 3, .seq = 17, .start_ns = 1700000000000000000, .wall_s = 0.25,
   .wall_sq_s2 = 1e-9,
   .cpu_s = 0.125,
   .partials = "\0\1two", .partials_bytes = 5, .value_type = 1, .value_width = UINT32_MAX},
  {.chunk_id = UINT64_MAX, .count = UINT64_MAX, .attempt = UINT32_MAX, .slot = UINT32_MAX, .seq = UINT64_MAX,
   .start_ns = INT64_MIN,
   .wall_sq_s2 = 1e300},
};
static const struct amz_chunk chunks[] = {{1, 0, 250, 1}, {UINT64_MAX, UINT64_MAX, 1, 7}, {3, 4, 5, 6}};

static const struct {
  const char *row;
  struct amz_message m;
} samples[] = {
  {"hello", {.kind = AMZ_MSG_HELLO, .epoch = 1, .rank = 2, .seq = 1, .slots = 16, .node = "node017"}},
  {"hello without a name", {.kind = AMZ_MSG_HELLO, .epoch = 1, .rank = 0, .seq = 1, .slots = 1, .node = ""}},
  {"heartbeat of a worker", {.kind = AMZ_MSG_REPORT, .epoch = UINT32_MAX, .rank = UINT32_MAX, .seq = UINT64_MAX}},
  {"report", {.kind = AMZ_MSG_REPORT, .epoch = 3, .rank = 4, .seq = 9, .hungry = 2, .busy = 5, .durable_upto = 17,
              .results = results, .n_results = 3, .bulks = bulks, .n_bulks = 2}},
  {"bye with results", {.kind = AMZ_MSG_BYE, .epoch = 3, .rank = 4, .seq = 10, .durable_upto = 18, .results = results,
                        .n_results = 1}},
  {"assign", {.kind = AMZ_MSG_ASSIGN, .epoch = 3, .rank = 4, .seq = 1, .chunks = chunks, .n_chunks = 3}},
  {"heartbeat of the master", {.kind = AMZ_MSG_ASSIGN, .epoch = 3, .rank = 4, .seq = 2}},
  {"yield", {.kind = AMZ_MSG_YIELD, .epoch = 3, .rank = 4, .seq = 12, .slots = 7, .chunks = chunks, .n_chunks = 3}},
  {"yield of nothing", {.kind = AMZ_MSG_YIELD, .epoch = 3, .rank = 4, .seq = 13}},
  {"stop", {.kind = AMZ_MSG_STOP, .epoch = 3, .rank = 4, .seq = 3, .stop = AMZ_STOP_DRAIN, .grace_ns = 30000000000}},
  {"recall", {.kind = AMZ_MSG_RECALL, .epoch = 3, .rank = 4, .seq = 14}},
};
#define N_SAMPLES (sizeof samples / sizeof *samples)

static bool same_results(const struct amz_result *a, const struct amz_result *b)
{
  return a->position == b->position && a->attempt == b->attempt && a->outcome == b->outcome && a->slot == b->slot &&
         a->exit_code == b->exit_code && a->signal == b->signal && a->seq == b->seq && a->pack_offset == b->pack_offset &&
         a->start_ns == b->start_ns && a->wall_ns == b->wall_ns && a->cpu_ns == b->cpu_ns &&
         a->max_rss_bytes == b->max_rss_bytes && a->output_bytes == b->output_bytes && a->input_bytes == b->input_bytes &&
         a->waited_ns == b->waited_ns && !a->error == !b->error &&
         (!a->error || strcmp(a->error, b->error) == 0);
}

static bool same_bulks(const struct amz_bulk *a, const struct amz_bulk *b)
{
  return a->chunk_id == b->chunk_id && a->first == b->first && a->count == b->count && a->attempt == b->attempt &&
      a->slot == b->slot &&
         a->seq == b->seq && a->start_ns == b->start_ns && a->partials_bytes == b->partials_bytes &&
         a->value_type == b->value_type && a->value_width == b->value_width &&
         (a->partials_bytes == 0 || memcmp(a->partials, b->partials, a->partials_bytes) == 0) &&
         memcmp(&a->wall_s, &b->wall_s, sizeof a->wall_s) == 0 && memcmp(&a->cpu_s, &b->cpu_s, sizeof a->cpu_s) == 0 &&
         memcmp(&a->wall_sq_s2, &b->wall_sq_s2, sizeof a->wall_sq_s2) == 0;
}

static bool same(const struct amz_message *a, const struct amz_message *b)
{
  bool ok = a->kind == b->kind && a->epoch == b->epoch && a->rank == b->rank && a->seq == b->seq && a->slots == b->slots &&
            a->hungry == b->hungry && a->busy == b->busy && a->durable_upto == b->durable_upto && a->stop == b->stop &&
            a->grace_ns == b->grace_ns && a->n_results == b->n_results && a->n_bulks == b->n_bulks &&
            a->n_chunks == b->n_chunks && strcmp(a->node ? a->node : "", b->node ? b->node : "") == 0;

  for (size_t i = 0; ok && i < a->n_results; i++)
    ok = same_results(&a->results[i], &b->results[i]);
  for (size_t i = 0; ok && i < a->n_bulks; i++)
    ok = same_bulks(&a->bulks[i], &b->bulks[i]);
  for (size_t i = 0; ok && i < a->n_chunks; i++)
    ok = a->chunks[i].id == b->chunks[i].id && a->chunks[i].first == b->chunks[i].first &&
         a->chunks[i].count == b->chunks[i].count && a->chunks[i].attempt == b->chunks[i].attempt;
  return ok;
}

static void test_there_and_back(void)
{
  for (size_t i = 0; i < N_SAMPLES; i++) {
    struct amz_buf bytes = AMZ_BUF_INIT;
    struct amz_message back;

    ASSERT_ROW_I64(samples[i].row, amz_message_encode(&samples[i].m, &bytes), AMZ_OK);
    CU_ASSERT_EQUAL_FATAL(amz_message_decode(bytes.data, bytes.len, &back), AMZ_OK);
    ASSERT_ROW_U64(samples[i].row, same(&samples[i].m, &back), true);
    amz_message_clear(&back);
    amz_message_clear(&back); /* harmless twice */
    amz_buf_clear(&bytes);
  }
}

/* The bytes are a contract between builds: a heartbeat, byte by byte. */
static void test_layout(void)
{
  static const unsigned char expected[] = {7, 2, 7, 0, 0, 0, 5, 0, 0, 0, 9, 0, 0, 0, 0, 0, 0, 0, 3, 0, 0, 0, 1, 0, 0,
                                           0, 17, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0};
  const struct amz_message m = {
    .kind = AMZ_MSG_REPORT, .epoch = 7, .rank = 5, .seq = 9, .hungry = 3, .busy = 1, .durable_upto = 17};
  struct amz_buf bytes = AMZ_BUF_INIT;

  ASSERT_I64(amz_message_encode(&m, &bytes), AMZ_OK);
  ASSERT_U64(bytes.len, sizeof expected);
  CU_ASSERT_EQUAL(memcmp(bytes.data, expected, sizeof expected), 0);
  amz_buf_clear(&bytes);
}

static void test_error_bounds(void)
{
  static char error[AMZ_RESULT_ERROR_MAX + 2];
  struct amz_result r = {.attempt = 1, .outcome = AMZ_FAILED, .error = error};
  const struct amz_message m = {.kind = AMZ_MSG_REPORT, .seq = 1, .results = &r, .n_results = 1};
  struct amz_buf bytes = AMZ_BUF_INIT;
  struct amz_message back;

  memset(error, 'x', AMZ_RESULT_ERROR_MAX);
  ASSERT_I64(amz_message_encode(&m, &bytes), AMZ_OK);
  CU_ASSERT_EQUAL_FATAL(amz_message_decode(bytes.data, bytes.len, &back), AMZ_OK);
  ASSERT_TEXT(back.results[0].error, error);
  amz_message_clear(&back);
  bytes.data[bytes.len - 5] = '\0'; /* the last of the error, before the count of bulks */
  ASSERT_I64(amz_message_decode(bytes.data, bytes.len, &back), AMZ_ECORRUPT);
  amz_buf_reset(&bytes);
  memset(error, 'x', AMZ_RESULT_ERROR_MAX + 1);
  ASSERT_I64(amz_message_encode(&m, &bytes), AMZ_EINVAL);
  amz_buf_clear(&bytes);
}

/* Each cut is copied to memory of just its size, so that a sanitizer sees any reading beyond. */
static int decode_copy(const char *data, size_t n, struct amz_message *ret)
{
  char *copy = malloc(n ? n : 1);
  int rc;

  if (!copy)
    abort();
  memcpy(copy, data, n);
  rc = amz_message_decode(copy, n, ret);
  free(copy);
  return rc;
}

static void test_cut_and_longer(void)
{
  for (size_t i = 0; i < N_SAMPLES; i++) {
    struct amz_buf bytes = AMZ_BUF_INIT;
    struct amz_message back;

    ASSERT_I64(amz_message_encode(&samples[i].m, &bytes), AMZ_OK);
    for (size_t n = 0; n < bytes.len; n++)
      ASSERT_ROW_I64(samples[i].row, decode_copy(bytes.data, n, &back), AMZ_ECORRUPT);
    amz_buf_addc(&bytes, '\0');
    ASSERT_ROW_I64("a byte too many", decode_copy(bytes.data, bytes.len, &back), AMZ_ECORRUPT);
    amz_buf_clear(&bytes);
  }
}

static void test_refused(void)
{
  static const struct {
    const char *row;
    size_t sample, at;
    unsigned char byte;
  } rows[] = {
    {"another version", 0, 0, 1},
    {"kind 0", 0, 1, 0},
    {"kind 8", 0, 1, 8},
    {"kind 255", 0, 1, 255},
    {"a NUL in the node's name", 0, 18 + 4 + 4 + 2, 0},
    {"outcome 0", 3, 18 + 16 + 4 + 12, 0},
    {"outcome 6", 3, 18 + 16 + 4 + 12, 6},
    {"2^32 results in a small message", 3, 18 + 16 + 3, 255},
    {"a million more chunks than there are", 5, 18 + 2, 16},
    {"stop 4", 9, 18, 4},
    {"an error longer than all that is left", 3, 18 + 16 + 4 + 97 + 3, 0xff},
    {"partials longer than all that is left", 3, 18 + 16 + 4 + RESULTS_BYTES + 4 + 80 + 1, 0xff},
    {"a bulk's wall time is not a number", 3, 18 + 16 + 4 + RESULTS_BYTES + 4 + 48 + 7, 0xff},
    {"a bulk's CPU time is not a number", 3, 18 + 16 + 4 + RESULTS_BYTES + 4 + 64 + 7, 0xff},
  };

  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    struct amz_buf bytes = AMZ_BUF_INIT;
    struct amz_message back;

    ASSERT_I64(amz_message_encode(&samples[rows[i].sample].m, &bytes), AMZ_OK);
    CU_ASSERT_TRUE_FATAL(rows[i].at < bytes.len);
    bytes.data[rows[i].at] = (char)rows[i].byte;
    if (i + 2 >= sizeof rows / sizeof *rows)
      bytes.data[rows[i].at - 1] = (char)0xff;
    ASSERT_ROW_I64(rows[i].row, decode_copy(bytes.data, bytes.len, &back), AMZ_ECORRUPT);
    amz_buf_clear(&bytes);
  }
  {
    struct amz_buf bytes = AMZ_BUF_INIT;

    ASSERT_I64(amz_message_encode(&(struct amz_message){.kind = (enum amz_message_kind)9}, &bytes), AMZ_EINVAL);
    ASSERT_U64(bytes.len, 0);
    {
      const struct amz_bulk huge = {.partials_bytes = (size_t)AMZ_PARTIALS_MAX + 1};

      ASSERT_I64(amz_message_encode(&(struct amz_message){.kind = AMZ_MSG_REPORT, .bulks = &huge, .n_bulks = 1}, &bytes),
                 AMZ_EINVAL);
    }
    amz_buf_clear(&bytes);
  }
}

/* Damage must give ECORRUPT or some other message that encodes to the very bytes: nothing in between. */
static void test_damage(void)
{
  struct amz_rng rng;
  unsigned decoded = 0, refused = 0;

  amz_rng_seed(&rng, 1);
  for (unsigned round = 0; round < 20000; round++) {
    struct amz_buf bytes = AMZ_BUF_INIT, again = AMZ_BUF_INIT;
    struct amz_message back;

    ASSERT_I64(amz_message_encode(&samples[round % N_SAMPLES].m, &bytes), AMZ_OK);
    for (uint64_t k = 1 + amz_rng_below(&rng, 4); k > 0; k--)
      bytes.data[amz_rng_below(&rng, bytes.len)] ^= (char)(1 + amz_rng_below(&rng, 255));
    if (decode_copy(bytes.data, bytes.len, &back) == AMZ_OK) {
      decoded++;
      CU_ASSERT_EQUAL(amz_message_encode(&back, &again), AMZ_OK);
      CU_ASSERT_TRUE(again.len == bytes.len && memcmp(again.data, bytes.data, bytes.len) == 0);
      amz_message_clear(&back);
    } else {
      refused++;
    }
    amz_buf_clear(&again);
    amz_buf_clear(&bytes);
  }
  CU_ASSERT_TRUE(decoded > 1000 && refused > 1000);
}

static void test_noise(void)
{
  struct amz_rng rng;
  unsigned char noise[256];
  struct amz_message back;

  amz_rng_seed(&rng, 2);
  for (unsigned round = 0; round < 20000; round++) {
    size_t n = (size_t)amz_rng_below(&rng, sizeof noise);

    for (size_t i = 0; i < n; i++)
      noise[i] = (unsigned char)amz_rng_below(&rng, i < 2 ? 6 : 256);
    if (decode_copy((const char *)noise, n, &back) == AMZ_OK)
      amz_message_clear(&back);
  }
}

static void test_replay(void)
{
  static const struct {
    const char *row;
    uint64_t seq;
    bool accepted;
  } rows[] = {
    {"the first", 1, true},
    {"again", 1, false},
    {"0 is no number", 0, false},
    {"a gap", 5, true},
    {"late ones count", 3, true},
    {"once", 3, false},
    {"late ones count, 2", 2, true},
    {"late ones count, 4", 4, true},
    {"far ahead", 5000, true},
    {"just inside the window", 5000 - AMZ_REPLAY_WINDOW + 1, true},
    {"once inside the window", 5000 - AMZ_REPLAY_WINDOW + 1, false},
    {"just outside", 5000 - AMZ_REPLAY_WINDOW, false},
    {"an old one", 5, false},
    {"a full window ahead", 5000 + AMZ_REPLAY_WINDOW, true},
    {"the former highest is out", 5000, false},
    {"the next is in, though its bit stood for another before", 5001, true},
    {"the end of numbers", UINT64_MAX, true},
    {"once at the end", UINT64_MAX, false},
    {"before the end", UINT64_MAX - 1, true},
  };
  struct amz_replay window = {0};

  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
    ASSERT_ROW_U64(rows[i].row, amz_replay_accept(&window, rows[i].seq), rows[i].accepted);
}

/* Against a plain list of what was shown. */
static void test_replay_at_random(void)
{
  static unsigned char shown[20000];
  struct amz_replay window = {0};
  struct amz_rng rng;
  uint64_t highest = 0;

  memset(shown, 0, sizeof shown);
  amz_rng_seed(&rng, 3);
  for (unsigned round = 0; round < 15000; round++) {
    uint64_t base = highest > 1200 ? highest - 1200 : 1, seq = base + amz_rng_below(&rng, 1250);
    bool expected;

    if (seq >= sizeof shown)
      break;
    expected = !shown[seq] && (seq > highest || highest - seq < AMZ_REPLAY_WINDOW);
    if (amz_replay_accept(&window, seq) != expected) {
      ASSERT_U64(seq, 0);
      return;
    }
    shown[seq] = 1;
    highest = seq > highest ? seq : highest;
  }
  CU_ASSERT_TRUE(highest > 3 * AMZ_REPLAY_WINDOW);
}

int main(void)
{
  static const struct amz_test tests[] = {
    {"there and back", test_there_and_back},
    {"the bytes of a heartbeat", test_layout},
    {"errors have a bound, and end where they say", test_error_bounds},
    {"cut at every byte, and one too many", test_cut_and_longer},
    {"refused", test_refused},
    {"damage", test_damage},
    {"noise", test_noise},
    {"replay window", test_replay},
    {"replay window against a list", test_replay_at_random},
    {NULL, NULL},
  };

  return amz_test_main("message", tests, 30);
}
