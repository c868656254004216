/* The worker, step by step. Times are virtual; where a running mean matters the numbers are chosen so that it is plain. */
#include <amorsize/sched.h>

#include <stdlib.h>
#include <string.h>

#include "../../../src/sched/crew.h"
#include "../../../src/sched/soon.h"
#include "../../support/tap.h"
#include "bench.h"

#define MS INT64_C(1000000)

struct bench {
  struct amz_worker *w;
  struct amz_actions *actions;
  struct amz_buf text;
  uint64_t seq, chunk;
  int64_t now_ns;
};

static void open_bench(struct bench *b, const struct amz_worker_config *given)
{
  struct amz_worker_config config = *given;

  memset(b, 0, sizeof *b);
  config.epoch = 1;
  config.heartbeat_ns = config.heartbeat_ns ? config.heartbeat_ns : AMZ_NEVER;
  if (amz_worker_new(&config, &b->w) < 0 || amz_actions_new(&b->actions) < 0)
    abort();
}

static void close_bench(struct bench *b)
{
  amz_worker_free(b->w);
  amz_actions_free(b->actions);
  amz_buf_clear(&b->text);
}

static const char *step(struct bench *b, struct amz_event e)
{
  e.now_ns = b->now_ns;
  amz_actions_clear(b->actions);
  amz_buf_reset(&b->text);
  ASSERT_I64(amz_worker_step(b->w, &e, b->actions), AMZ_OK);
  bench_tell(b->actions, &b->text);
  return amz_buf_text(&b->text);
}

static const char *event(struct bench *b, enum amz_event_kind kind)
{
  return step(b, (struct amz_event){.kind = kind});
}

static const char *hear(struct bench *b, struct amz_message m)
{
  m.epoch = m.epoch ? m.epoch : 1;
  m.seq = m.seq ? m.seq : ++b->seq;
  return step(b, (struct amz_event){.kind = AMZ_EV_MESSAGE, .message = &m});
}

static const char *assign(struct bench *b, uint64_t first, uint64_t count)
{
  struct amz_chunk chunk = {.id = ++b->chunk, .first = first, .count = count, .attempt = 1};

  return hear(b, (struct amz_message){.kind = AMZ_MSG_ASSIGN, .chunks = &chunk, .n_chunks = count ? 1 : 0});
}

static const char *stop(struct bench *b, enum amz_stop how)
{
  return hear(b, (struct amz_message){.kind = AMZ_MSG_STOP, .stop = how, .grace_ns = 3 * SEC});
}

static const char *ran(struct bench *b, uint32_t slot, uint64_t position, enum amz_outcome outcome, uint64_t seq)
{
  struct amz_result r = {.position = position, .outcome = outcome, .seq = seq};

  return step(b, (struct amz_event){.kind = AMZ_EV_RAN, .slot = slot, .results = &r, .n_results = 1});
}

static const char *ran_bulk(struct bench *b, uint32_t slot, uint64_t first, uint64_t count)
{
  struct amz_bulk bulk = {.first = first, .count = count, .wall_s = 1, .wall_sq_s2 = 1};

  return step(b, (struct amz_event){.kind = AMZ_EV_RAN, .slot = slot, .bulk = &bulk});
}

static const char *durable(struct bench *b, uint64_t upto)
{
  return step(b, (struct amz_event){.kind = AMZ_EV_DURABLE, .durable_upto = upto});
}

/* The moment of the next deadline, and what comes of it. */
static const char *tick(struct bench *b)
{
  b->now_ns = amz_worker_deadline(b->w);
  return event(b, AMZ_EV_TICK);
}

/* ---- scenarios -------------------------------------------------------------------------------------------------------- */

static void test_whole_life(void)
{
  struct bench b;

  open_bench(&b, &(struct amz_worker_config){.slots = 2, .grain = 1});
  ASSERT_I64(amz_worker_deadline(b.w), AMZ_NEVER);
  ASSERT_TEXT(event(&b, AMZ_EV_TICK), ""); /* not before START */
  ASSERT_TEXT(event(&b, AMZ_EV_START), "hello report(h2 [])");
  ASSERT_TEXT(event(&b, AMZ_EV_START), "");
  ASSERT_TEXT(assign(&b, 0, 3), "run0[0+1] run1[1+1]"); /* slots of a rank share its chunks */
  ASSERT_U64(amz_worker_busy(b.w), 2);
  ASSERT_TEXT(ran(&b, 1, 1, AMZ_SUCCEEDED, 1), "run1[2+1]");
  ASSERT_TEXT(ran(&b, 0, 0, AMZ_FAILED, 2), "report([1:ok 0:failed])"); /* one of its two requests is still open */
  ASSERT_TEXT(ran(&b, 1, 2, AMZ_SUCCEEDED, 3), "sync report(h1 [2:ok])");
  ASSERT_TEXT(assign(&b, 0, 0), "");
  ASSERT_TEXT(durable(&b, 3), "report(d3 [])"); /* idle: at once */
  ASSERT_TEXT(stop(&b, AMZ_STOP_DONE), "bye(d3 []) finish");
  CU_ASSERT_TRUE(amz_worker_finished(b.w));
  ASSERT_I64(amz_worker_deadline(b.w), AMZ_NEVER);
  ASSERT_TEXT(assign(&b, 5, 1), "");
  close_bench(&b);
}

/* What failed tasks said is the executor's memory: it is kept until it is sent. */
static void test_errors(void)
{
  char said[] = "first";
  struct amz_result r[3] = {{.position = 0, .outcome = AMZ_FAILED, .error = said}, {.position = 1, .outcome = AMZ_FAILED},
                            {.position = 2, .outcome = AMZ_FAILED, .error = "third"}};
  struct bench b;

  open_bench(&b, &(struct amz_worker_config){.slots = 1, .grain = 4});
  ASSERT_TEXT(event(&b, AMZ_EV_START), "hello report(h1 [])");
  ASSERT_TEXT(assign(&b, 0, 4), "run0[0+4]");
  ASSERT_TEXT(step(&b, (struct amz_event){.kind = AMZ_EV_RAN, .slot = 0, .results = r, .n_results = 3}), "");
  said[0] = '?';
  ASSERT_TEXT(ran(&b, 0, 3, AMZ_SUCCEEDED, 0), "report(h1 [0:failed(first) 1:failed 2:failed(third) 3:ok])");
  r[0].position = 4;
  ASSERT_TEXT(assign(&b, 4, 1), "run0[4+1]");
  ASSERT_TEXT(step(&b, (struct amz_event){.kind = AMZ_EV_RAN, .slot = 0, .results = r, .n_results = 1}),
              "report(h1 [4:failed(?irst)])");
  close_bench(&b);
}

static void test_grain(void)
{
  static const struct {
    const char *row;
    uint64_t grain;
    const char *runs;
  } rows[] = {
    {"a task at a time", 1, "run0[10+1] run1[11+1]"},
    {"four at a time", 4, "run0[10+4] run1[14+4]"},
    {"more than there is", 100, "run0[10+10]"},
    {"whole chunks", 0, "run0[10+10]"},
  };

  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    struct bench b;

    open_bench(&b, &(struct amz_worker_config){.slots = 2, .grain = rows[i].grain});
    (void)event(&b, AMZ_EV_START);
    ASSERT_ROW_TEXT(rows[i].row, assign(&b, 10, 10), rows[i].runs);
    close_bench(&b);
  }
}

static void test_reports_wait_for_company(void)
{
  struct bench b;

  open_bench(&b, &(struct amz_worker_config){.slots = 1, .grain = 1, .report_ns = 100 * MS, .sync_ns = SEC});
  (void)event(&b, AMZ_EV_START);
  (void)assign(&b, 0, 50);
  b.now_ns = 10 * MS;
  ASSERT_TEXT(ran(&b, 0, 0, AMZ_SUCCEEDED, 1), "run0[1+1]");
  b.now_ns = 20 * MS;
  ASSERT_TEXT(ran(&b, 0, 1, AMZ_SUCCEEDED, 2), "run0[2+1]");
  ASSERT_I64(amz_worker_deadline(b.w), 110 * MS);
  ASSERT_TEXT(tick(&b), "report([0:ok 1:ok])");
  ASSERT_I64(amz_worker_deadline(b.w), 1010 * MS); /* a second after the first record */
  ASSERT_TEXT(tick(&b), "sync");
  ASSERT_I64(amz_worker_deadline(b.w), AMZ_NEVER); /* one SYNC at a time */
  ASSERT_TEXT(ran(&b, 0, 2, AMZ_SUCCEEDED, 3), "run0[3+1]");
  ASSERT_TEXT(durable(&b, 2), "");
  b.now_ns = 1110 * MS;
  ASSERT_TEXT(event(&b, AMZ_EV_TICK), "report(d2 [2:ok])"); /* the receipt travels with results */
  ASSERT_I64(amz_worker_deadline(b.w), 2010 * MS);
  ASSERT_TEXT(tick(&b), "sync");
  close_bench(&b);
}

static void test_many_unsynced(void)
{
  struct bench b;
  unsigned syncs = 0;

  open_bench(&b, &(struct amz_worker_config){.slots = 1, .grain = 1, .sync_ns = SEC});
  (void)event(&b, AMZ_EV_START);
  (void)assign(&b, 0, 10000);
  for (uint64_t i = 0; i < 5000; i++)
    syncs += strstr(ran(&b, 0, i, AMZ_SUCCEEDED, i + 1), "sync") != NULL;
  ASSERT_U64(syncs, 1); /* at 4096, though no time has passed */
  close_bench(&b);
}

static void test_bulks_join(void)
{
  struct bench b;

  open_bench(&b, &(struct amz_worker_config){.slots = 1, .grain = 4});
  (void)event(&b, AMZ_EV_START);
  ASSERT_TEXT(assign(&b, 0, 8), "run0[0+4]");
  ASSERT_TEXT(ran_bulk(&b, 0, 0, 4), "run0[4+4]");
  ASSERT_TEXT(ran_bulk(&b, 0, 4, 4), "report(h1 [bulk 0+8])");
  ASSERT_U64(amz_actions_at(b.actions, 0)->message->bulks[0].chunk_id, 1);
  CU_ASSERT_DOUBLE_EQUAL(amz_actions_at(b.actions, 0)->message->bulks[0].wall_s, 2, 1e-12);
  close_bench(&b);
}

static void test_bulks_are_made_durable(void)
{
  struct amz_bulk first = {.first = 0, .count = 4, .seq = 1, .start_ns = 7, .partials = "ab", .partials_bytes = 2};
  struct amz_bulk second = {.first = 4, .count = 4, .seq = 2, .start_ns = 5, .partials = "c", .partials_bytes = 1};
  const struct amz_bulk *told;
  struct bench b;

  open_bench(&b, &(struct amz_worker_config){.slots = 2, .grain = 4});
  (void)event(&b, AMZ_EV_START);
  ASSERT_TEXT(assign(&b, 0, 8), "run0[0+4] run1[4+4]");
  ASSERT_TEXT(step(&b, (struct amz_event){.kind = AMZ_EV_RAN, .slot = 0, .bulk = &first}), "report([bulk 0+4])");
  ASSERT_TEXT(assign(&b, 8, 4), "run0[8+4]");
  ASSERT_TEXT(step(&b, (struct amz_event){.kind = AMZ_EV_RAN, .slot = 1, .bulk = &second}), "report(h1 [bulk 4+4])");
  told = amz_actions_at(b.actions, 0)->message->bulks;
  ASSERT_U64(told->attempt, 1);
  ASSERT_U64(told->slot, 1);
  ASSERT_U64(told->seq, 2);
  ASSERT_I64(told->start_ns, 5);
  CU_ASSERT_TRUE(told->partials_bytes == 1 && memcmp(told->partials, "c", 1) == 0);
  first.first = 8;
  first.seq = 3;
  ASSERT_TEXT(step(&b, (struct amz_event){.kind = AMZ_EV_RAN, .slot = 0, .bulk = &first}), "report(h1 [bulk 8+4])");
  told = amz_actions_at(b.actions, 0)->message->bulks;
  CU_ASSERT_TRUE(told->partials_bytes == 2 && memcmp(told->partials, "ab", 2) == 0);
  b.now_ns = SEC;
  ASSERT_TEXT(event(&b, AMZ_EV_TICK), "sync");
  ASSERT_TEXT(durable(&b, 3), "");
  ASSERT_TEXT(tick(&b), "report(d3 [])");
  close_bench(&b);
}

static void test_joined_bulks(void)
{
  struct amz_bulk first = {.first = 0, .count = 4, .seq = 1, .start_ns = 7, .partials = "ab", .partials_bytes = 2};
  struct amz_bulk second = {.first = 4, .count = 4, .seq = 2, .start_ns = 5, .partials = "c", .partials_bytes = 1};
  const struct amz_bulk *told;
  struct bench b;

  open_bench(&b, &(struct amz_worker_config){.slots = 2, .grain = 4});
  (void)event(&b, AMZ_EV_START);
  ASSERT_TEXT(assign(&b, 0, 16), "run0[0+4] run1[4+4]");
  second.first = 8;
  ASSERT_TEXT(step(&b, (struct amz_event){.kind = AMZ_EV_RAN, .slot = 0, .bulk = &first}), "run0[8+4]");
  ASSERT_TEXT(step(&b, (struct amz_event){.kind = AMZ_EV_RAN, .slot = 0, .bulk = &second}), "run0[12+4]");
  second.first = 12;
  second.seq = 3;
  ASSERT_TEXT(step(&b, (struct amz_event){.kind = AMZ_EV_RAN, .slot = 0, .bulk = &second}), "report([bulk 0+4 bulk 8+8])");
  CU_ASSERT_FATAL(amz_actions_count(b.actions) == 1 && amz_actions_at(b.actions, 0)->message != NULL);
  told = &amz_actions_at(b.actions, 0)->message->bulks[1];
  ASSERT_U64(told->slot, 0);
  ASSERT_U64(told->seq, 3);
  ASSERT_I64(told->start_ns, 5);
  CU_ASSERT_TRUE(told->partials_bytes == 2 && memcmp(told->partials, "cc", 2) == 0);
  close_bench(&b);
}

static const char *returned(struct bench *b, uint32_t slot, uint64_t first, uint64_t count)
{
  const struct amz_range range = {first, count};

  return step(b, (struct amz_event){.kind = AMZ_EV_RAN, .slot = slot, .returned = &range, .n_returned = 1});
}

static void test_a_run_left_undone(void)
{
  struct bench b;

  open_bench(&b, &(struct amz_worker_config){.slots = 1});
  (void)event(&b, AMZ_EV_START);
  ASSERT_TEXT(assign(&b, 0, 10), "run0[0+10]");
  ASSERT_TEXT(ran_bulk(&b, 0, 0, 4), "");
  ASSERT_TEXT(returned(&b, 0, 8, 3), ""); /* not of that RUN */
  ASSERT_TEXT(returned(&b, 0, 7, 3), "");
  ASSERT_TEXT(returned(&b, 0, 4, 3), "run0[7+3]"); /* the slot is idle: what came back is run again */
  ASSERT_TEXT(ran_bulk(&b, 0, 7, 3), "run0[4+3]");
  (void)stop(&b, AMZ_STOP_CANCEL);
  ASSERT_TEXT(returned(&b, 0, 4, 3), "bye([bulk 0+4 bulk 7+3]) finish"); /* the master takes it back */
  close_bench(&b);
}

static void test_a_run_in_parts(void)
{
  struct bench b;

  open_bench(&b, &(struct amz_worker_config){.slots = 1});
  (void)event(&b, AMZ_EV_START);
  ASSERT_TEXT(assign(&b, 0, 3), "run0[0+3]");
  ASSERT_TEXT(ran_bulk(&b, 0, 0, 2), "");
  ASSERT_U64(amz_worker_busy(b.w), 1);
  ASSERT_TEXT(ran(&b, 0, 2, AMZ_FAILED, 0), "report(h1 [2:failed bulk 0+2])");
  ASSERT_U64(amz_worker_busy(b.w), 0);
  close_bench(&b);
}

/* Chunks of one task of a microsecond, RUNs of 4 ms: they are asked for by the thousand and run together, as far as they follow
 * each other. */
static void test_tiny_chunks_go_together(void)
{
  static const struct amz_chunk chunks[] = {{2, 1, 1, 1}, {3, 2, 1, 1}, {4, 3, 1, 1}, {5, 7, 2, 1}, {6, 9, 1, 1}, {7, 10, 1, 2}};
  struct bench b;

  open_bench(&b, &(struct amz_worker_config){.slots = 1, .grain_ns = 4 * MS});
  ASSERT_TEXT(event(&b, AMZ_EV_START), "hello report(h1 [])");
  ASSERT_TEXT(assign(&b, 0, 1), "run0[0+1]");
  b.now_ns = 1000;
  ASSERT_TEXT(ran_bulk(&b, 0, 0, 1), "report(h2000 [bulk 0+1])"); /* twice a quarter of a RUN's time */
  ASSERT_U64(amz_actions_at(b.actions, 0)->message->bulks[0].chunk_id, 1);
  ASSERT_TEXT(hear(&b, (struct amz_message){.kind = AMZ_MSG_ASSIGN, .chunks = chunks, .n_chunks = 6}), "run0[1+3]");
  (void)ran_bulk(&b, 0, 1, 1);
  ASSERT_TEXT(returned(&b, 0, 2, 2), "run0[7+3]"); /* behind them: another attempt, and what came back, by its own ids */
  ASSERT_TEXT(ran_bulk(&b, 0, 7, 3), "run0[10+1]");
  ASSERT_TEXT(ran_bulk(&b, 0, 10, 1), "run0[2+2]");
  ASSERT_TEXT(step(&b, (struct amz_event){.kind = AMZ_EV_OPEN, .slots = 0}), "yield0[]");
  ASSERT_TEXT(returned(&b, 0, 2, 2), "yield0[3+1 2+1] report([bulk 1+1 bulk 7+3 bulk 10+1])");
  ASSERT_U64(amz_actions_at(b.actions, 0)->message->chunks[0].id, 4);
  ASSERT_U64(amz_actions_at(b.actions, 0)->message->chunks[1].id, 3);
  for (size_t i = 0; i < 2; i++)
    ASSERT_U64(amz_actions_at(b.actions, 1)->message->bulks[i].chunk_id, 0);
  ASSERT_U64(amz_actions_at(b.actions, 1)->message->bulks[2].chunk_id, 7);
  close_bench(&b);
}

/* A chunk is shared out among the slots of a rank, however short its tasks are. */
static void test_a_chunk_is_shared(void)
{
  struct bench b;

  open_bench(&b, &(struct amz_worker_config){.slots = 2, .grain_ns = 4 * MS});
  (void)event(&b, AMZ_EV_START);
  ASSERT_TEXT(assign(&b, 0, 1), "run0[0+1]");
  b.now_ns = 1000;
  (void)ran_bulk(&b, 0, 0, 1);
  ASSERT_TEXT(assign(&b, 1, 100), "run0[1+50] run1[51+25]");
  ASSERT_TEXT(ran_bulk(&b, 1, 51, 25), "run1[76+13]");
  close_bench(&b);
}

static const char *ran_in(struct bench *b, uint64_t first, uint64_t count, double wall_s)
{
  struct amz_bulk bulk = {.first = first, .count = count, .wall_s = wall_s, .wall_sq_s2 = wall_s * wall_s / (double)count};

  b->now_ns += (int64_t)(wall_s * 1e9);
  return step(b, (struct amz_event){.kind = AMZ_EV_RAN, .slot = 0, .bulk = &bulk});
}

/* Long tasks behind short ones: what was asked for as some milliseconds' work is told of first, and then goes back. */
static void test_slow_behind_fast(void)
{
  struct bench b;

  open_bench(&b, &(struct amz_worker_config){.slots = 1, .grain_ns = 4 * MS});
  (void)event(&b, AMZ_EV_START);
  ASSERT_TEXT(assign(&b, 0, 1), "run0[0+1]");
  (void)ran_in(&b, 0, 1, 1e-3);
  ASSERT_TEXT(assign(&b, 1, 12), "run0[1+4]");
  ASSERT_TEXT(ran_in(&b, 1, 4, 11e-3), "run0[5+2]"); /* nearly three times as long: chance */
  ASSERT_TEXT(ran_in(&b, 5, 2, 2.0), "run0[7+1] report([bulk 1+6]) yield1[8+5]");
  ASSERT_TEXT(assign(&b, 13, 2), "");
  ASSERT_TEXT(ran_in(&b, 7, 1, 1.0), "run0[13+1]"); /* as long as is known now */
  close_bench(&b);
}

/* What others want goes back as soon as it is in the queue: at once, or when a RUN leaves it undone; unless a new chunk has
 * come. */
static void test_recalled(void)
{
  const struct amz_message recall = {.kind = AMZ_MSG_RECALL};
  struct bench b;

  open_bench(&b, &(struct amz_worker_config){.slots = 1, .grain_ns = 4 * MS});
  (void)event(&b, AMZ_EV_START);
  ASSERT_TEXT(assign(&b, 0, 1), "run0[0+1]");
  (void)ran_in(&b, 0, 1, 1e-3);
  ASSERT_TEXT(assign(&b, 1, 7), "run0[1+4]");
  ASSERT_TEXT(hear(&b, recall), "yield1[5+3]");
  ASSERT_TEXT(hear(&b, recall), "report(h1 [])"); /* nothing more; it asks for more behind all others */
  ASSERT_TEXT(assign(&b, 8, 3), "");
  ASSERT_TEXT(ran_in(&b, 1, 4, 4e-3), "run0[8+3] report(h1 [bulk 1+4])");
  ASSERT_TEXT(hear(&b, recall), "report(h1 [])"); /* all of it runs */
  (void)ran_in(&b, 8, 1, 11e-3);
  /* a task takes 1 ms, and lately 11: 3 in the mean, one RUN's worth */
  ASSERT_TEXT(returned(&b, 0, 9, 2), "run0[9+1] yield1[10+1]");
  close_bench(&b);
}

/* Of two RUNs on a slot, the one that waits begins without us when the other one has ended. */
static void test_run_ahead(void)
{
  struct bench b;

  open_bench(&b, &(struct amz_worker_config){.slots = 1, .grain_ns = 4 * MS, .run_ahead = true, .report_ns = SEC});
  (void)event(&b, AMZ_EV_START);
  ASSERT_TEXT(assign(&b, 0, 40), "run0[0+1]"); /* of the first one nothing is known: none behind it */
  ASSERT_TEXT(ran_in(&b, 0, 1, 1e-4), "run0[1+39] report(h1 [bulk 0+1])");
  ASSERT_TEXT(assign(&b, 40, 40), "run0[40+40]"); /* what waits there is enough: nothing is asked for */
  ASSERT_U64(amz_worker_busy(b.w), 1);
  ASSERT_TEXT(ran_bulk(&b, 0, 40, 40), ""); /* out of turn: no executor says that */
  ASSERT_TEXT(ran_in(&b, 1, 39, 3.9e-3), "report(h1 [bulk 1+39])"); /* the other one has begun: nothing waits */
  ASSERT_U64(amz_worker_busy(b.w), 1);
  ASSERT_TEXT(assign(&b, 80, 40), "run0[80+40]");
  for (int i = 0; i < 2; i++) { /* two ends are heard of at once: tasks took what they say, not nothing */
    b.now_ns -= 4 * MS;
    ASSERT_TEXT(ran_in(&b, 40 + 40 * (uint64_t)i, 40, 4e-3), i ? "" : "report(h1 [bulk 40+40])");
  }
  ASSERT_U64(amz_worker_busy(b.w), 0);
  ASSERT_TEXT(assign(&b, 120, 100), "run0[120+40] run0[160+40]");
  close_bench(&b);
}

/* Chunks of a RUN that waits are told of by their own ids, also when it has come to run. */
static void test_run_ahead_in_parts(void)
{
  static const struct amz_chunk chunks[] = {{2, 1, 40, 1}, {3, 41, 20, 1}, {4, 61, 20, 1}, {5, 81, 10, 1}};
  struct bench b;

  open_bench(&b, &(struct amz_worker_config){.slots = 1, .grain_ns = 4 * MS, .run_ahead = true, .report_ns = SEC});
  (void)event(&b, AMZ_EV_START);
  (void)assign(&b, 0, 1);
  (void)ran_in(&b, 0, 1, 1e-4);
  ASSERT_TEXT(hear(&b, (struct amz_message){.kind = AMZ_MSG_ASSIGN, .chunks = chunks, .n_chunks = 4}), "run0[1+40] run0[41+40]");
  ASSERT_TEXT(ran_in(&b, 1, 40, 4e-3), "run0[81+10]");
  ASSERT_TEXT(ran_in(&b, 41, 30, 3e-3), "");
  (void)step(&b, (struct amz_event){.kind = AMZ_EV_OPEN, .slots = 0});
  ASSERT_TEXT(returned(&b, 0, 81, 10), "yield0[81+10]");
  ASSERT_U64(amz_actions_at(b.actions, 0)->message->chunks[0].id, 5);
  ASSERT_TEXT(returned(&b, 0, 71, 10), "yield0[71+10] report([bulk 1+40 bulk 41+30])");
  ASSERT_U64(amz_actions_at(b.actions, 0)->message->chunks[0].id, 4);
  close_bench(&b);
}

/* What waits behind a RUN that takes too long comes back, and isn't put there again. */
static void test_run_ahead_is_withdrawn(void)
{
  static const struct {
    const char *what;
    int64_t after_ns;
    const char *then;
  } rows[] = {
    {"at once: the slot gets it again", 0, "run0[41+40]"},
    {"when its RUN has taken as long as a RUN should: it stays in the queue", 4 * MS, ""},
  };
  struct bench b;

  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    open_bench(&b, &(struct amz_worker_config){.slots = 1, .grain_ns = 4 * MS, .run_ahead = true, .report_ns = SEC});
    (void)event(&b, AMZ_EV_START);
    (void)assign(&b, 0, 1);
    (void)ran_in(&b, 0, 1, 1e-4);
    (void)assign(&b, 1, 80);
    b.now_ns += rows[i].after_ns;
    ASSERT_TEXT(returned(&b, 0, 41, 40), rows[i].then);
    ASSERT_U64(amz_worker_busy(b.w), 1);
    close_bench(&b);
  }
}

/* Whether tasks are such that one waits behind another. */
static void test_who_runs_ahead(void)
{
  static const struct {
    const char *what;
    double task_s;
    uint64_t count;
    const char *expected;
  } rows[] = {
    {"a RUN of many", 1e-4, 100, "run0[1+40] run0[41+40]"},
    {"of four: just so", 1e-3, 10, "run0[1+4] run0[5+4]"},
    {"of two: what is behind would wait for long", 2e-3, 10, "run0[1+2]"},
    {"of one", 1, 10, "run0[1+1]"},
    {"a few are left: for whoever is idle first", 1e-4, 45, "run0[1+40]"},
  };
  struct bench b;

  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    open_bench(&b, &(struct amz_worker_config){.slots = 1, .grain_ns = 4 * MS, .run_ahead = true, .report_ns = 100 * SEC});
    (void)event(&b, AMZ_EV_START);
    (void)assign(&b, 0, 1);
    (void)ran_in(&b, 0, 1, rows[i].task_s);
    ASSERT_TEXT(assign(&b, 1, rows[i].count), rows[i].expected);
    close_bench(&b);
  }
}

/* Who ends a slot ends all that it has; what comes back when all is over is the master's. */
static void test_run_ahead_is_ended(void)
{
  struct bench b;

  open_bench(&b, &(struct amz_worker_config){.slots = 1, .grain_ns = 4 * MS, .run_ahead = true, .report_ns = 100 * SEC,
                                             .kill_after_ns = SEC});
  (void)event(&b, AMZ_EV_START);
  (void)assign(&b, 0, 1);
  (void)ran_in(&b, 0, 1, 1e-4);
  ASSERT_TEXT(assign(&b, 1, 80), "run0[1+40] run0[41+40]");
  ASSERT_TEXT(stop(&b, AMZ_STOP_CANCEL), "kill0:term:cancelled");
  ASSERT_TEXT(ran_in(&b, 1, 40, 4e-3), "");
  ASSERT_U64(amz_worker_busy(b.w), 1);
  ASSERT_TEXT(returned(&b, 0, 41, 40), "bye([bulk 1+40]) finish");
  close_bench(&b);
}

/* Positions take as many cores as their text says: "4111" is one task of four cores, then three of one. */
static void digits_as_cores(const void *ctx, uint64_t position, struct amz_need *ret, uint64_t *ret_same)
{
  const char *digits = ctx;

  *ret = (struct amz_need){(uint32_t)(digits[position] - '0'), 0};
  for (*ret_same = 1; digits[position + *ret_same] == digits[position]; ++*ret_same)
    ;
}

static struct amz_needs cores_needed(const char *digits, uint32_t all)
{
  return (struct amz_needs){digits_as_cores, digits, {all, 0}};
}

static void test_small_ones_pass(void)
{
  struct bench b;

  open_bench(&b, &(struct amz_worker_config){.slots = 4, .grain = 1, .needs = cores_needed("3411112", 4)});
  (void)event(&b, AMZ_EV_START);
  ASSERT_TEXT(assign(&b, 0, 7), "run0[0+1] run1[2+1]"); /* beside three cores there is room for one, not for four */
  ASSERT_TEXT(ran(&b, 1, 2, AMZ_SUCCEEDED, 0), "run1[3+1]");
  ASSERT_TEXT(ran(&b, 1, 3, AMZ_SUCCEEDED, 0), "run1[4+1]");
  ASSERT_TEXT(ran(&b, 1, 4, AMZ_SUCCEEDED, 0), "run1[5+1]");
  ASSERT_TEXT(ran(&b, 1, 5, AMZ_SUCCEEDED, 0), ""); /* four have passed it, as many as there are slots: now it is next */
  ASSERT_U64(amz_worker_busy(b.w), 1);
  ASSERT_TEXT(ran(&b, 0, 0, AMZ_SUCCEEDED, 0), "run0[1+1]"); /* three of four requests are still open */
  ASSERT_TEXT(ran(&b, 0, 1, AMZ_SUCCEEDED, 0), "run0[6+1] report([2:ok 3:ok 4:ok 5:ok 0:ok 1:ok])");
  close_bench(&b);
}

static void test_equal_ones_go_together(void)
{
  struct bench b;

  open_bench(&b, &(struct amz_worker_config){.slots = 4, .grain = 0, .needs = cores_needed("1111", 8)});
  (void)event(&b, AMZ_EV_START);
  ASSERT_TEXT(assign(&b, 0, 4), "run0[0+4]"); /* what takes the same may be one RUN */
  close_bench(&b);
}

static void gibibytes(const void *ctx, uint64_t position, struct amz_need *ret, uint64_t *ret_same)
{
  const char *digits = ctx;

  *ret = (struct amz_need){1, (uint64_t)(digits[position] - '0') << 30};
  *ret_same = 1;
}

static void test_room_of_memory(void)
{
  static const struct {
    const char *row, *gibibytes, *runs;
    uint64_t all;
  } rows[] = {
    {"all fit", "1111", "run0[0+1] run1[1+1] run2[2+1] run3[3+1]", 4},
    {"two at a time", "2222", "run0[0+1] run1[1+1]", 4},
    {"the last is small enough", "2231", "run0[0+1] run1[1+1] run2[3+1]", 5},
    {"one that is too large for the rank runs alone", "9111", "run0[0+1]", 4},
    {"nothing beside it", "1911", "run0[0+1] run1[2+1] run2[3+1]", 4},
  };

  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    const struct amz_needs needs = {gibibytes, rows[i].gibibytes, {8, rows[i].all << 30}};
    struct bench b;

    open_bench(&b, &(struct amz_worker_config){.slots = 4, .grain = 1, .needs = needs});
    (void)event(&b, AMZ_EV_START);
    ASSERT_ROW_TEXT(rows[i].row, assign(&b, 0, 4), rows[i].runs);
    close_bench(&b);
  }
}

/* What is set aside goes back like what is queued, newest first, and is forgotten at a stop. */
static void test_set_aside_and_given_back(void)
{
  struct bench b;

  open_bench(&b, &(struct amz_worker_config){.slots = 3, .grain = 1, .needs = cores_needed("23322", 3)});
  (void)event(&b, AMZ_EV_START);
  ASSERT_TEXT(assign(&b, 0, 5), "run0[0+1]");
  ASSERT_TEXT(step(&b, (struct amz_event){.kind = AMZ_EV_OPEN, .slots = 1}), "yield1[4+1 3+1 2+1]");
  ASSERT_TEXT(step(&b, (struct amz_event){.kind = AMZ_EV_OPEN, .slots = 0}), "yield0[1+1]");
  ASSERT_TEXT(ran(&b, 0, 0, AMZ_SUCCEEDED, 0), "report([0:ok])");
  close_bench(&b);
  open_bench(&b, &(struct amz_worker_config){.slots = 3, .grain = 1, .needs = cores_needed("23", 3)});
  (void)event(&b, AMZ_EV_START);
  ASSERT_TEXT(assign(&b, 0, 2), "run0[0+1]");
  ASSERT_TEXT(stop(&b, AMZ_STOP_DRAIN), "");
  ASSERT_TEXT(ran(&b, 0, 0, AMZ_SUCCEEDED, 0), "bye([0:ok]) finish");
  close_bench(&b);
}

static void test_asks_ahead(void)
{
  struct bench b;

  open_bench(&b, &(struct amz_worker_config){.slots = 1, .grain = 1, .report_ns = 10 * SEC});
  ASSERT_TEXT(event(&b, AMZ_EV_START), "hello report(h1 [])");
  b.now_ns = 10 * MS; /* an answer takes 10 ms */
  ASSERT_TEXT(assign(&b, 0, 1), "run0[0+1]");
  b.now_ns = 110 * MS; /* a task takes 100 ms */
  ASSERT_TEXT(ran(&b, 0, 0, AMZ_SUCCEEDED, 0), "report(h1 [0:ok])");
  b.now_ns = 120 * MS;
  ASSERT_TEXT(assign(&b, 1, 1), "run0[1+1]");
  ASSERT_I64(amz_worker_deadline(b.w), 200 * MS); /* twice the lead before the foreseen end at 220 ms */
  ASSERT_TEXT(tick(&b), "report(h1 [])");
  b.now_ns = 210 * MS;
  ASSERT_TEXT(assign(&b, 2, 1), "");
  ASSERT_I64(amz_worker_deadline(b.w), AMZ_NEVER); /* the queue covers the leads */
  b.now_ns = 900 * MS; /* the running task is far longer than foreseen: no reason to take more */
  ASSERT_TEXT(event(&b, AMZ_EV_TICK), "");
  close_bench(&b);
}

/* The first task is over in a microsecond, an answer takes 10 ms: by that measure ten thousand tasks should lie in the queue. */
static void test_short_tasks_at_first(void)
{
  struct bench b;

  open_bench(&b, &(struct amz_worker_config){.slots = 1, .grain = 1, .report_ns = 10 * SEC});
  (void)event(&b, AMZ_EV_START);
  b.now_ns = 10 * MS;
  ASSERT_TEXT(assign(&b, 0, 1), "run0[0+1]");
  b.now_ns += 1000;
  ASSERT_TEXT(ran(&b, 0, 0, AMZ_SUCCEEDED, 0), "report(h1 [0:ok])");
  b.now_ns += 10 * MS;
  ASSERT_TEXT(assign(&b, 1, 1), "run0[1+1] report(h2 [])");
  b.now_ns += 10 * MS;
  ASSERT_TEXT(assign(&b, 2, 1), "");
  ASSERT_TEXT(assign(&b, 3, 1), ""); /* two in the queue: enough until more has been done */
  b.now_ns += SEC;
  ASSERT_TEXT(event(&b, AMZ_EV_TICK), "");
  ASSERT_I64(amz_worker_deadline(b.w) > b.now_ns, 1);
  close_bench(&b);
}

static void test_does_not_ask_ahead(void)
{
  static const struct {
    const char *row;
    int64_t lead_ns, task_ns;
  } rows[] = {
    {"no latency", 0, 100 * MS},
    {"a latency that costs a thousandth", MS, SEC},
  };

  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    struct bench b;

    open_bench(&b, &(struct amz_worker_config){.slots = 1, .grain = 1, .report_ns = 100 * SEC});
    (void)event(&b, AMZ_EV_START);
    b.now_ns = rows[i].lead_ns;
    (void)assign(&b, 0, 2);
    b.now_ns += rows[i].task_ns;
    ASSERT_ROW_TEXT(rows[i].row, ran(&b, 0, 0, AMZ_SUCCEEDED, 0), "run0[1+1]");
    ASSERT_ROW_I64(rows[i].row, amz_worker_deadline(b.w), 100 * SEC + b.now_ns); /* the report alone */
    close_bench(&b);
  }
}

static void test_timeout(void)
{
  struct bench b;

  open_bench(&b, &(struct amz_worker_config){.slots = 2, .grain = 1, .timeout_ns = 10 * SEC, .kill_after_ns = 2 * SEC});
  (void)event(&b, AMZ_EV_START);
  (void)assign(&b, 0, 1);
  b.now_ns = SEC;
  (void)assign(&b, 1, 1);
  ASSERT_I64(amz_worker_deadline(b.w), 10 * SEC);
  ASSERT_TEXT(tick(&b), "kill0:term:timeout");
  ASSERT_TEXT(tick(&b), "kill1:term:timeout"); /* at 11 s */
  ASSERT_I64(b.now_ns, 11 * SEC);
  CU_ASSERT_PTR_NOT_NULL(strstr(ran(&b, 1, 1, AMZ_TIMED_OUT, 0), "1:timeout"));
  ASSERT_TEXT(tick(&b), "kill0:kill:timeout"); /* at 12 s: it didn't listen */
  ASSERT_I64(b.now_ns, 12 * SEC);
  ASSERT_I64(amz_worker_deadline(b.w), AMZ_NEVER); /* nothing more can be done about it */
  close_bench(&b);
}

static void test_drain(void)
{
  struct bench b;

  open_bench(&b, &(struct amz_worker_config){.slots = 2, .grain = 1, .kill_after_ns = SEC, .report_ns = 100 * SEC});
  (void)event(&b, AMZ_EV_START);
  (void)assign(&b, 0, 9);
  ASSERT_TEXT(stop(&b, AMZ_STOP_DRAIN), "");
  b.now_ns = SEC;
  ASSERT_TEXT(ran(&b, 0, 0, AMZ_SUCCEEDED, 1), ""); /* starts nothing more */
  ASSERT_TEXT(assign(&b, 20, 1), "");               /* one that crossed the STOP */
  b.now_ns = 2 * SEC;
  ASSERT_TEXT(event(&b, AMZ_EV_TICK), "sync"); /* meanwhile as always */
  ASSERT_TEXT(durable(&b, 1), "");
  ASSERT_I64(amz_worker_deadline(b.w), 3 * SEC);
  ASSERT_TEXT(tick(&b), "kill1:term:cancelled"); /* the grace is over */
  ASSERT_TEXT(tick(&b), "kill1:kill:cancelled");
  ASSERT_TEXT(ran(&b, 1, 1, AMZ_CANCELLED, 2), "sync report(d1 [0:ok 1:cancelled])");
  ASSERT_TEXT(durable(&b, 2), "bye(d2 []) finish");
  close_bench(&b);
}

static void test_drain_then_cancel(void)
{
  struct bench b;

  open_bench(&b, &(struct amz_worker_config){.slots = 2, .grain = 1});
  (void)event(&b, AMZ_EV_START);
  (void)assign(&b, 0, 9);
  ASSERT_TEXT(stop(&b, AMZ_STOP_DRAIN), "");
  ASSERT_TEXT(stop(&b, AMZ_STOP_CANCEL), "kill0:term:cancelled kill1:term:cancelled");
  ASSERT_TEXT(stop(&b, AMZ_STOP_CANCEL), "");
  ASSERT_TEXT(ran(&b, 0, 0, AMZ_CANCELLED, 0), "");
  ASSERT_TEXT(ran(&b, 1, 1, AMZ_SUCCEEDED, 0), "bye([0:cancelled 1:ok]) finish"); /* it ended by itself all the same */
  close_bench(&b);
}

static void test_broken(void)
{
  struct bench b;

  open_bench(&b, &(struct amz_worker_config){.slots = 2, .grain = 1, .kill_after_ns = SEC});
  (void)event(&b, AMZ_EV_START);
  (void)assign(&b, 0, 9);
  (void)ran(&b, 0, 0, AMZ_SUCCEEDED, 1);
  CU_ASSERT_PTR_NOT_NULL(strstr(event(&b, AMZ_EV_BROKEN), "kill0:kill:cancelled kill1:kill:cancelled"));
  ASSERT_TEXT(ran(&b, 0, 2, AMZ_CANCELLED, 0), "");
  b.now_ns = SEC; /* slot 1 is never heard of again */
  ASSERT_TEXT(event(&b, AMZ_EV_TICK), "bye([0:ok 2:cancelled]) finish"); /* no receipt: the master takes position 0 back */
  close_bench(&b);
}

static void test_heartbeats(void)
{
  struct bench b;

  open_bench(&b, &(struct amz_worker_config){.slots = 1, .heartbeat_ns = 5 * SEC});
  (void)event(&b, AMZ_EV_START);
  (void)assign(&b, 0, 1);
  ASSERT_I64(amz_worker_deadline(b.w), 5 * SEC);
  ASSERT_TEXT(tick(&b), "report([])");
  ASSERT_I64(amz_worker_deadline(b.w), 10 * SEC);
  close_bench(&b);
}

static void test_dropped(void)
{
  const struct amz_chunk good = {.id = 1, .first = 0, .count = 1, .attempt = 1}, empty = {.id = 1};
  const struct amz_chunk huge = {.id = 1, .first = 2, .count = UINT64_MAX};
  const struct {
    const char *row;
    struct amz_message m;
  } rows[] = {
    {"another epoch", {.kind = AMZ_MSG_ASSIGN, .epoch = 2, .chunks = &good, .n_chunks = 1}},
    {"another rank", {.kind = AMZ_MSG_ASSIGN, .rank = 1, .chunks = &good, .n_chunks = 1}},
    {"a worker's message", {.kind = AMZ_MSG_REPORT, .chunks = &good, .n_chunks = 1}},
    {"an empty chunk", {.kind = AMZ_MSG_ASSIGN, .chunks = &empty, .n_chunks = 1}},
    {"a chunk beyond all numbers", {.kind = AMZ_MSG_ASSIGN, .chunks = &huge, .n_chunks = 1}},
    {"STOP that stops nothing", {.kind = AMZ_MSG_STOP}},
  };
  struct bench b;

  open_bench(&b, &(struct amz_worker_config){.slots = 4, .grain = 1});
  (void)event(&b, AMZ_EV_START);
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    (void)hear(&b, rows[i].m);
    ASSERT_ROW_U64(rows[i].row, amz_worker_busy(b.w), 0);
  }
  b.seq = 100;
  ASSERT_TEXT(assign(&b, 0, 1), "run0[0+1]");
  b.seq = 100;
  ASSERT_TEXT(assign(&b, 1, 1), ""); /* the same message again */
  ASSERT_TEXT(ran(&b, 3, 0, AMZ_SUCCEEDED, 0), ""); /* of an idle slot */
  ASSERT_TEXT(ran(&b, 9, 0, AMZ_SUCCEEDED, 0), ""); /* of none */
  ASSERT_TEXT(ran(&b, 0, 7, AMZ_SUCCEEDED, 0), ""); /* of another position */
  ASSERT_U64(amz_worker_busy(b.w), 1);
  close_bench(&b);
}

static const char *open_slots(struct bench *b, uint32_t slots)
{
  return step(b, (struct amz_event){.kind = AMZ_EV_OPEN, .slots = slots});
}

/* Chunks beyond one per open slot go back, newest first; a barred slot begins nothing and asks for nothing. */
static void test_bars_slots(void)
{
  struct bench b;

  open_bench(&b, &(struct amz_worker_config){.slots = 3, .grain = 1});
  (void)event(&b, AMZ_EV_START);
  ASSERT_TEXT(open_slots(&b, 3), ""); /* as it was */
  ASSERT_TEXT(assign(&b, 0, 4), "run0[0+1] run1[1+1] run2[2+1]");
  (void)assign(&b, 10, 2);
  (void)assign(&b, 20, 2);
  ASSERT_TEXT(open_slots(&b, 1), "yield1[20+2 10+2]");
  ASSERT_TEXT(ran(&b, 0, 0, AMZ_SUCCEEDED, 0), ""); /* two still run: one more than may */
  ASSERT_TEXT(ran(&b, 1, 1, AMZ_SUCCEEDED, 0), "");
  ASSERT_TEXT(ran(&b, 2, 2, AMZ_SUCCEEDED, 0), "run0[3+1]"); /* on the first slots */
  ASSERT_TEXT(assign(&b, 30, 2), "");
  ASSERT_TEXT(assign(&b, 40, 2), "yield1[40+2]");
  ASSERT_TEXT(open_slots(&b, 0), "yield0[30+2]");
  ASSERT_TEXT(ran(&b, 0, 3, AMZ_SUCCEEDED, 0), "report([0:ok 1:ok 2:ok 3:ok])"); /* at rest */
  ASSERT_TEXT(assign(&b, 50, 1), "yield0[50+1]");
  ASSERT_TEXT(open_slots(&b, 2), "yield2[] report(h2 [])");
  ASSERT_TEXT(assign(&b, 60, 5), "run0[60+1] run1[61+1]");
  ASSERT_TEXT(open_slots(&b, 99), "run2[62+1] yield3[]"); /* no more than it has */
  close_bench(&b);
}

static const char *resize(struct bench *b, uint32_t slots)
{
  return step(b, (struct amz_event){.kind = AMZ_EV_RESIZE, .slots = slots});
}

/* More slots begin at once; of fewer, no more tasks run than there are slots, and only the first ones begin something. */
static void test_resizes(void)
{
  struct bench b;

  open_bench(&b, &(struct amz_worker_config){.slots = 1, .capacity = 4, .grain = 1});
  ASSERT_TEXT(event(&b, AMZ_EV_START), "hello report(h1 [])");
  ASSERT_TEXT(assign(&b, 0, 8), "run0[0+1]");
  ASSERT_TEXT(resize(&b, 3), "run1[1+1] run2[2+1] yield3[]");
  ASSERT_TEXT(resize(&b, 1), "yield1[]");
  ASSERT_U64(amz_worker_busy(b.w), 3);
  ASSERT_TEXT(ran(&b, 0, 0, AMZ_SUCCEEDED, 0), ""); /* two still run: one more than may */
  ASSERT_TEXT(ran(&b, 2, 2, AMZ_SUCCEEDED, 0), "");
  ASSERT_TEXT(ran(&b, 1, 1, AMZ_SUCCEEDED, 0), "run0[3+1]");
  (void)assign(&b, 20, 2);
  ASSERT_TEXT(resize(&b, 2), "run1[4+1] yield2[]");
  ASSERT_TEXT(resize(&b, 1), "yield1[20+2]"); /* what is queued beyond a chunk per slot goes back */
  ASSERT_TEXT(ran(&b, 0, 3, AMZ_SUCCEEDED, 0), "");
  ASSERT_TEXT(resize(&b, 99), "run0[5+1] run2[6+1] run3[7+1] yield4[]"); /* no more than its capacity */
  close_bench(&b);
}

static void test_refused(void)
{
  const struct amz_worker_config good = {.epoch = 1, .slots = 1};
  struct amz_worker_config bad[3] = {good, good, good};
  struct amz_worker *w = NULL;

  bad[0].epoch = 0;
  bad[1].slots = 0;
  bad[2].timeout_ns = -1;
  for (size_t i = 0; i < 3; i++)
    ASSERT_I64(amz_worker_new(&bad[i], &w), AMZ_EINVAL);
  CU_ASSERT_PTR_NULL(w);
  amz_worker_free(NULL);
}

/* What a worker of a crew says of itself first. */
static void check_hello(struct amz_worker *w, uint32_t rank, uint32_t slots, const char *row)
{
  struct amz_actions *actions = NULL;
  const struct amz_action *hello;

  if (amz_actions_new(&actions) < 0)
    abort();
  ASSERT_ROW_I64(row, amz_worker_step(w, &(struct amz_event){.kind = AMZ_EV_START}, actions), AMZ_OK);
  CU_ASSERT_FATAL(amz_actions_count(actions) >= 1);
  hello = amz_actions_at(actions, 0);
  ASSERT_ROW_I64(row, hello->message->kind, AMZ_MSG_HELLO);
  ASSERT_ROW_I64(row, hello->message->rank, rank);
  ASSERT_ROW_I64(row, hello->message->slots, slots);
  amz_actions_free(actions);
}

static void test_crew(void)
{
  static const uint32_t few[] = {2, 1, 3}, none[] = {2, 0, 3};
  static const struct {
    const char *row;
    uint32_t epoch, slots, capacity;
    const uint32_t *slots_of;
    int64_t expected;
  } rows[] = {
    {"all alike", 1, 2, 0, NULL, AMZ_OK},
    {"each its own slots", 1, 3, 0, few, AMZ_OK},
    {"that may become more", 1, 1, 5, few, AMZ_OK},
    {"one without slots", 1, 3, 0, none, AMZ_EINVAL},
    {"one with more than may be", 1, 1, 2, few, AMZ_EINVAL},
    {"what a worker refuses, too", 0, 1, 0, NULL, AMZ_EINVAL},
  };

  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    const struct amz_worker_config config = {.epoch = rows[i].epoch, .slots = rows[i].slots, .capacity = rows[i].capacity};
    struct amz_crew crew = {.count = 0};
    int rc = amz_crew_init(&crew, &config, 3, rows[i].slots_of);

    ASSERT_ROW_I64(rows[i].row, rc, rows[i].expected);
    for (uint32_t rank = 0; rc == AMZ_OK && rank < 3; rank++) {
      ASSERT_ROW_I64(rows[i].row, (int64_t)((uintptr_t)amz_crew_at(&crew, rank) % AMZ_CACHE_LINE), 0);
      check_hello(amz_crew_at(&crew, rank), rank, rows[i].slots_of ? rows[i].slots_of[rank] : rows[i].slots, rows[i].row);
    }
    amz_crew_clear(&crew);
  }
}

int main(void)
{
  static const struct amz_test tests[] = {
    {"from START to FINISH", test_whole_life},
    {"what failed tasks said", test_errors},
    {"grain", test_grain},
    {"reports wait for company, SYNC for its time", test_reports_wait_for_company},
    {"many results are synced early", test_many_unsynced},
    {"bulks of a chunk join", test_bulks_join},
    {"bulks are made durable", test_bulks_are_made_durable},
    {"what joined bulks say", test_joined_bulks},
    {"a RUN told of in parts", test_a_run_in_parts},
    {"a RUN left undone", test_a_run_left_undone},
    {"tiny chunks go together", test_tiny_chunks_go_together},
    {"a chunk is shared", test_a_chunk_is_shared},
    {"long tasks behind short ones go back", test_slow_behind_fast},
    {"what others want goes back", test_recalled},
    {"a RUN behind the one that runs", test_run_ahead},
    {"a RUN behind it, of several chunks", test_run_ahead_in_parts},
    {"what is behind comes back", test_run_ahead_is_withdrawn},
    {"which tasks have others behind them", test_who_runs_ahead},
    {"what is behind ends with its slot", test_run_ahead_is_ended},
    {"what fits passes what doesn't, for a while", test_small_ones_pass},
    {"what takes the same goes together", test_equal_ones_go_together},
    {"memory is room, too", test_room_of_memory},
    {"what is set aside is given back, or forgotten", test_set_aside_and_given_back},
    {"asks ahead by what an answer takes", test_asks_ahead},
    {"short tasks at first", test_short_tasks_at_first},
    {"doesn't ask ahead for nothing", test_does_not_ask_ahead},
    {"timeout: TERM, then KILL", test_timeout},
    {"drain: grace, TERM, KILL", test_drain},
    {"drain, then cancel", test_drain_then_cancel},
    {"broken", test_broken},
    {"heartbeats", test_heartbeats},
    {"bars slots, gives chunks back, opens them again", test_bars_slots},
    {"gets more slots, and fewer", test_resizes},
    {"dropped", test_dropped},
    {"refused", test_refused},
    {"many in one block", test_crew},
    {NULL, NULL},
  };

  return amz_test_main("worker", tests, 30);
}
