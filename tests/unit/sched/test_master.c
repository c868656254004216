/* The master, step by step: what it answers to each event, with its invariants rechecked behind every step. */
#include <amorsize/sched.h>

#include <stdlib.h>
#include <string.h>

#include "../../../src/sched/check.h"
#include "../../support/tap.h"
#include "bench.h"

struct bench {
  struct amz_master *m;
  struct amz_actions *actions;
  struct amz_buf text;
  uint64_t seq[8]; /* sent by each rank */
  int64_t now_ns;
};

static void open_bench(struct bench *b, const struct amz_master_config *given)
{
  struct amz_master_config config = *given;

  memset(b, 0, sizeof *b);
  config.epoch = 1;
  config.policy = config.policy ? config.policy : amz_policy_find("ss");
  config.stop_after = config.stop_after ? config.stop_after : UINT64_MAX;
  if (amz_master_new(&config, &b->m) < 0 || amz_actions_new(&b->actions) < 0)
    abort();
}

static void close_bench(struct bench *b)
{
  amz_master_free(b->m);
  amz_actions_free(b->actions);
  amz_buf_clear(&b->text);
}

/* \return what the master does, as text. */
static const char *step(struct bench *b, struct amz_event e)
{
  const char *broken;

  e.now_ns = b->now_ns;
  amz_actions_clear(b->actions);
  amz_buf_reset(&b->text);
  ASSERT_I64(amz_master_step(b->m, &e, b->actions), AMZ_OK);
  broken = amz_master_check(b->m);
  ASSERT_TEXT(broken, NULL);
  bench_tell(b->actions, &b->text);
  return amz_buf_text(&b->text);
}

static const char *say(struct bench *b, uint32_t rank, struct amz_message m)
{
  m.epoch = m.epoch ? m.epoch : 1;
  m.rank = rank;
  m.seq = m.seq ? m.seq : ++b->seq[rank];
  return step(b, (struct amz_event){.kind = AMZ_EV_MESSAGE, .message = &m});
}

static const char *hello(struct bench *b, uint32_t rank, uint32_t slots)
{
  return say(b, rank, (struct amz_message){.kind = AMZ_MSG_HELLO, .slots = slots});
}

static const char *ask(struct bench *b, uint32_t rank, uint32_t chunks)
{
  return say(b, rank, (struct amz_message){.kind = AMZ_MSG_REPORT, .hungry = chunks});
}

static const char *durable(struct bench *b, uint32_t rank, uint64_t upto)
{
  return say(b, rank, (struct amz_message){.kind = AMZ_MSG_REPORT, .durable_upto = upto});
}

static const char *bye(struct bench *b, uint32_t rank, uint64_t upto)
{
  return say(b, rank, (struct amz_message){.kind = AMZ_MSG_BYE, .durable_upto = upto});
}

static const char *result_of(struct bench *b, uint32_t rank, uint64_t position, uint32_t attempt, enum amz_outcome outcome,
                             uint64_t seq)
{
  struct amz_result r = {.position = position, .attempt = attempt, .outcome = outcome, .seq = seq, .wall_ns = SEC};

  return say(b, rank, (struct amz_message){.kind = AMZ_MSG_REPORT, .results = &r, .n_results = 1});
}

static const char *bulk_of(struct bench *b, uint32_t rank, uint64_t chunk, uint64_t first, uint64_t count)
{
  double seconds = (double)count; /* one each */
  struct amz_bulk bulk = {.chunk_id = chunk, .first = first, .count = count, .attempt = 1, .wall_s = seconds,
                          .wall_sq_s2 = seconds};

  return say(b, rank, (struct amz_message){.kind = AMZ_MSG_REPORT, .bulks = &bulk, .n_bulks = 1});
}

static const char *event(struct bench *b, enum amz_event_kind kind)
{
  return step(b, (struct amz_event){.kind = kind});
}

static const char *fenced(struct bench *b, uint32_t rank)
{
  return step(b, (struct amz_event){.kind = AMZ_EV_FENCED, .rank = rank});
}

static const char *drain(struct bench *b, enum amz_stop stop)
{
  return step(b, (struct amz_event){.kind = AMZ_EV_DRAIN, .stop = stop, .grace_ns = SEC});
}

/* Lets time pass as a good shell does: each deadline gets its TICK. \return what came of the last one that did something. */
static const char *pass(struct bench *b, int64_t until_ns)
{
  static char last[512];
  int64_t due_ns;

  last[0] = '\0';
  while ((due_ns = amz_master_deadline(b->m)) <= until_ns) {
    const char *done;

    b->now_ns = due_ns > b->now_ns ? due_ns : b->now_ns;
    done = event(b, AMZ_EV_TICK);
    if (done[0] && strlen(done) < sizeof last)
      strcpy(last, done);
  }
  b->now_ns = until_ns;
  return last;
}

static struct amz_master_stats stats(const struct bench *b)
{
  struct amz_master_stats s;

  amz_master_stats(b->m, &s);
  return s;
}

/* ---- scenarios -------------------------------------------------------------------------------------------------------- */

static void test_from_hello_to_finish(void)
{
  struct bench b;

  open_bench(&b, &(struct amz_master_config){.tasks = 3, .ranks = 1, .slots = 2});
  ASSERT_TEXT(event(&b, AMZ_EV_START), "");
  ASSERT_TEXT(hello(&b, 0, 2), "");
  ASSERT_TEXT(ask(&b, 0, 2), "assign0[0+1 1+1]");
  ASSERT_U64(stats(&b).handed_out, 2);
  ASSERT_U64(stats(&b).waiting, 1);
  ASSERT_TEXT(result_of(&b, 0, 0, 1, AMZ_SUCCEEDED, 1), "");        /* waits for its receipt */
  CU_ASSERT_TRUE(amz_master_settled(b.m, 0));
  ASSERT_U64(stats(&b).succeeded, 0);
  ASSERT_TEXT(ask(&b, 0, 1), "assign0[2+1]");
  ASSERT_TEXT(result_of(&b, 0, 1, 1, AMZ_SKIPPED, 0), "record0[1:skipped]"); /* nothing to wait for */
  ASSERT_TEXT(result_of(&b, 0, 2, 1, AMZ_SUCCEEDED, 2), "");
  ASSERT_TEXT(durable(&b, 0, 1), "record0[0:ok]");
  ASSERT_TEXT(durable(&b, 0, 2), "record0[2:ok] stop0:done");       /* told only when all is recorded */
  ASSERT_I64(amz_master_end(b.m), AMZ_END_RUNNING);
  ASSERT_TEXT(bye(&b, 0, 2), "finish");
  ASSERT_I64(amz_master_end(b.m), AMZ_END_DONE);
  ASSERT_I64(amz_master_deadline(b.m), AMZ_NEVER);
  ASSERT_TEXT(ask(&b, 0, 1), ""); /* nothing after the end */
  close_bench(&b);
}

static void test_no_tasks(void)
{
  struct bench b;

  open_bench(&b, &(struct amz_master_config){.tasks = 0, .ranks = 2, .slots = 2});
  ASSERT_TEXT(event(&b, AMZ_EV_START), "stop0:done stop1:done");
  ASSERT_TEXT(hello(&b, 0, 1), "");
  ASSERT_TEXT(bye(&b, 0, 0), "");
  ASSERT_TEXT(bye(&b, 1, 0), "finish"); /* its HELLO is still under way */
  ASSERT_I64(amz_master_end(b.m), AMZ_END_DONE);
  close_bench(&b);
}

static void test_receipts_and_arrival(void)
{
  struct bench b;

  open_bench(&b, &(struct amz_master_config){.tasks = 4, .ranks = 1, .slots = 4});
  (void)event(&b, AMZ_EV_START);
  (void)ask(&b, 0, 4);
  (void)result_of(&b, 0, 3, 1, AMZ_SUCCEEDED, 1);
  (void)result_of(&b, 0, 0, 1, AMZ_SUCCEEDED, 3);
  (void)result_of(&b, 0, 2, 1, AMZ_SUCCEEDED, 2);
  ASSERT_TEXT(durable(&b, 0, 2), "record0[3:ok 2:ok]"); /* in the order of arrival; 3 isn't on disk */
  ASSERT_TEXT(durable(&b, 0, 1), "");                   /* a receipt that was overtaken */
  ASSERT_TEXT(durable(&b, 0, 3), "record0[0:ok]");
  ASSERT_TEXT(result_of(&b, 0, 1, 1, AMZ_SUCCEEDED, 3), "record0[1:ok] stop0:done"); /* durable already */
  close_bench(&b);
}

static void test_p_counts_living_slots(void)
{
  struct bench b;

  open_bench(&b, &(struct amz_master_config){.tasks = 1000, .ranks = 2, .slots = 4, .policy = amz_policy_find("gss")});
  (void)event(&b, AMZ_EV_START);
  ASSERT_TEXT(ask(&b, 0, 1), "assign0[0+250]"); /* P as expected, though nobody has said hello */
  (void)hello(&b, 1, 6);
  ASSERT_TEXT(ask(&b, 0, 1), "assign0[250+94]"); /* 750 over 2 + 6 */
  ASSERT_U64(stats(&b).slots_alive, 8);
  (void)hello(&b, 1, 100); /* a second hello changes nothing */
  ASSERT_U64(stats(&b).slots_alive, 8);
  (void)fenced(&b, 1);
  ASSERT_TEXT(ask(&b, 0, 1), "assign0[344+328]"); /* 656 over 2 */
  ASSERT_U64(stats(&b).ranks_alive, 1);
  close_bench(&b);
}

static void tell_share(void *state, const struct amz_policy_params *told)
{
  *(uint64_t *)state = told->mean_s > 0 && told->workers == 2 ? told->tasks / told->slots : 0;
}

static uint64_t next_told(void *state, const struct amz_policy_ask *ask)
{
  (void)ask;
  return *(const uint64_t *)state;
}

/* The policy hears what is left and by whom, whatever the shell says of that. */
static void test_told(void)
{
  static const struct amz_policy_ops shares = {.name = "shares", .state_bytes = sizeof(uint64_t), .next = next_told,
                                               .tell = tell_share};
  const struct amz_policy_params told = {.mean_s = 0.5, .tasks = 7, .slots = 77, .workers = 777};
  struct bench b;

  open_bench(&b, &(struct amz_master_config){.tasks = 100, .ranks = 2, .slots = 2, .policy = &shares});
  (void)event(&b, AMZ_EV_START);
  (void)hello(&b, 1, 3);
  ASSERT_TEXT(ask(&b, 0, 1), "assign0[0+1]"); /* nothing said: clamped */
  ASSERT_TEXT(step(&b, (struct amz_event){.kind = AMZ_EV_TOLD, .told = &told}), "");
  ASSERT_TEXT(ask(&b, 0, 1), "assign0[1+24]"); /* 99 over 1 + 3 */
  ASSERT_TEXT(step(&b, (struct amz_event){.kind = AMZ_EV_TOLD}), "");
  close_bench(&b);
}

/* Another policy begins with what isn't handed out yet; the same one again is no other. */
static void test_another_policy(void)
{
  struct bench b;

  open_bench(&b, &(struct amz_master_config){.tasks = 100, .ranks = 2, .slots = 2, .policy = amz_policy_find("ss")});
  (void)event(&b, AMZ_EV_START);
  (void)hello(&b, 1, 3);
  ASSERT_TEXT(ask(&b, 0, 2), "assign0[0+1 1+1]");
  ASSERT_TEXT(step(&b, (struct amz_event){.kind = AMZ_EV_TOLD, .policy = amz_policy_find("static")}), "");
  ASSERT_TEXT(ask(&b, 0, 1), "assign0[2+25]"); /* 98 over 1 + 3: two get 25, two 24 */
  ASSERT_TEXT(step(&b, (struct amz_event){.kind = AMZ_EV_TOLD, .policy = amz_policy_find("static")}), "");
  ASSERT_TEXT(ask(&b, 1, 3), "assign1[27+25 52+24 76+24]"); /* of the same round */
  (void)fenced(&b, 1);
  ASSERT_TEXT(step(&b, (struct amz_event){.kind = AMZ_EV_TOLD, .policy = amz_policy_find("gss")}), "");
  ASSERT_TEXT(ask(&b, 0, 1), "assign0[27+73]"); /* what came back, over the one slot that is left */
  ASSERT_U64(stats(&b).reissued, 73);
  close_bench(&b);
}

static int keep_init(void *state, const struct amz_policy_params *p)
{
  *(uint64_t *)state = (uint64_t)(p->mean_s * 10 + p->target_s + p->overhead_s * 4);
  return AMZ_OK;
}

/* What was told before it came is known to it, be it told to its predecessor or when the run began; the latest word counts. */
static void test_another_knows(void)
{
  static const struct amz_policy_ops keeps = {.name = "keeps", .state_bytes = sizeof(uint64_t), .init = keep_init,
                                              .next = next_told};
  const struct amz_policy_params first = {.mean_s = 0.5, .stddev_s = 1, .target_s = 3}, second = {.target_s = 5};
  struct bench b;

  open_bench(&b, &(struct amz_master_config){.tasks = 100, .ranks = 1, .slots = 1, .policy = amz_policy_find("ss"),
                                             .params = {.target_s = 7, .overhead_s = 1}});
  (void)event(&b, AMZ_EV_START);
  ASSERT_TEXT(step(&b, (struct amz_event){.kind = AMZ_EV_TOLD, .told = &first}), "");
  ASSERT_TEXT(step(&b, (struct amz_event){.kind = AMZ_EV_TOLD, .told = &second, .policy = &keeps}), "");
  ASSERT_TEXT(ask(&b, 0, 1), "assign0[0+14]"); /* 10 · 0.5 + 5 + 4 · 1 */
  close_bench(&b);
}

/* Many chunks asked for at once, of few tasks that are left: half of them are for the other rank, though it asks later. It gets
 * the first that makes what it has 3/8 of its half, or more. */
static void test_a_share_is_enough(void)
{
  struct bench b;

  open_bench(&b, &(struct amz_master_config){.tasks = 12, .ranks = 2, .slots = 2, .policy = amz_policy_find("ss")});
  (void)event(&b, AMZ_EV_START);
  (void)hello(&b, 0, 1);
  (void)hello(&b, 1, 1);
  ASSERT_TEXT(ask(&b, 0, 14), "assign0[0+1 1+1 2+1]");
  ASSERT_TEXT(ask(&b, 1, 4), "assign1[3+1] assign1[4+1 5+1 6+1]"); /* as others stand in line, idle slots come first */
  ASSERT_TEXT(bulk_of(&b, 0, 0, 0, 3), "record0[bulk 0+3] assign0[7+1 8+1]"); /* it still stands in line */
  close_bench(&b);
}

static const char *yield(struct bench *b, uint32_t rank, uint32_t slots, struct amz_chunk chunk)
{
  return say(b, rank, (struct amz_message){.kind = AMZ_MSG_YIELD, .slots = slots, .chunks = &chunk,
                                           .n_chunks = chunk.count ? 1 : 0});
}

/* What a rank gives back goes to whoever waits; what it hasn't in hand is nobody's to give. */
static void test_yield(void)
{
  struct bench b;

  open_bench(&b, &(struct amz_master_config){.tasks = 1000, .ranks = 2, .slots = 4, .policy = amz_policy_find("gss")});
  (void)event(&b, AMZ_EV_START);
  ASSERT_TEXT(ask(&b, 0, 2), "assign0[0+250 250+188]");
  ASSERT_TEXT(yield(&b, 0, 1, (struct amz_chunk){2, 250, 188, 1}), "");
  ASSERT_U64(stats(&b).slots_alive, 3);
  ASSERT_U64(stats(&b).yielded, 188);
  ASSERT_TEXT(yield(&b, 0, 1, (struct amz_chunk){2, 250, 188, 1}), ""); /* again: not in its hands any more */
  ASSERT_TEXT(yield(&b, 1, 2, (struct amz_chunk){1, 0, 250, 1}), "");   /* another's */
  ASSERT_TEXT(yield(&b, 0, 1, (struct amz_chunk){1, 100, 151, 1}), ""); /* more than it has */
  ASSERT_U64(stats(&b).dropped, 3);
  ASSERT_TEXT(ask(&b, 1, 1), "assign1[250+188]");
  (void)result_of(&b, 0, 0, 1, AMZ_SUCCEEDED, 0);
  ASSERT_TEXT(yield(&b, 0, 0, (struct amz_chunk){1, 3, 247, 1}), ""); /* it has begun 1 and 2 */
  ASSERT_U64(stats(&b).slots_alive, 2);
  ASSERT_U64(stats(&b).handed_out, 188 + 2);
  b.seq[0] = 1;
  (void)say(&b, 0, (struct amz_message){.kind = AMZ_MSG_YIELD, .slots = 9, .seq = 1}); /* a number seen already */
  ASSERT_U64(stats(&b).slots_alive, 2);
  b.seq[0] = 20;
  (void)yield(&b, 0, 2, (struct amz_chunk){0});
  b.seq[0] = 10;
  (void)yield(&b, 0, 7, (struct amz_chunk){0}); /* overtaken by the one before */
  ASSERT_U64(stats(&b).slots_alive, 4);
  close_bench(&b);
}

/* Nothing is left, and rank 2 has an idle slot: those with the most unbegun work per slot are asked for it, each once. What they
 * had asked for is forgotten, so that what comes back isn't theirs again. */
static void test_recall(void)
{
  struct bench b;

  open_bench(&b, &(struct amz_master_config){.tasks = 20, .ranks = 3, .slots = 4, .policy = amz_policy_find("gss")});
  (void)event(&b, AMZ_EV_START);
  (void)hello(&b, 0, 2);
  (void)hello(&b, 1, 1);
  (void)hello(&b, 2, 1);
  ASSERT_TEXT(ask(&b, 0, 4), "assign0[0+5 5+4 9+3 12+2]"); /* a quarter of what is left */
  ASSERT_TEXT(ask(&b, 1, 3), "assign1[14+2 16+1 17+1]");
  ASSERT_TEXT(ask(&b, 2, 2), "assign2[18+1 19+1]");
  ASSERT_TEXT(ask(&b, 2, 1), "assign2[]"); /* how long a task takes isn't known */
  (void)bulk_of(&b, 0, 1, 0, 5);
  ASSERT_TEXT(say(&b, 1, (struct amz_message){.kind = AMZ_MSG_REPORT, .hungry = 1, .busy = 1}), "assign1[]"); /* isn't idle */
  ASSERT_TEXT(ask(&b, 2, 1), "assign2[] recall0"); /* 7 more than it runs, over 2 slots; rank 1: 3 over one */
  ASSERT_TEXT(ask(&b, 2, 1), "assign2[] recall1");
  ASSERT_TEXT(ask(&b, 2, 1), "assign2[]");
  ASSERT_TEXT(yield(&b, 0, 2, (struct amz_chunk){4, 12, 2, 1}), "assign2[12+1 13+1]");
  ASSERT_U64(stats(&b).yielded, 2);
  ASSERT_TEXT(ask(&b, 1, 1), "assign1[] recall2"); /* now it is rank 2 that has more than it runs */
  ASSERT_TEXT(yield(&b, 2, 1, (struct amz_chunk){11, 13, 1, 1}), "assign1[13+1]");
  close_bench(&b);
}

static void test_retries(void)
{
  struct bench b;

  open_bench(&b, &(struct amz_master_config){.tasks = 2, .ranks = 1, .slots = 1, .retries = 2, .backoff_ns = SEC});
  (void)event(&b, AMZ_EV_START);
  ASSERT_TEXT(ask(&b, 0, 1), "assign0[0+1]");
  ASSERT_TEXT(result_of(&b, 0, 0, 1, AMZ_FAILED, 0), "record0~[0:failed]");
  ASSERT_TEXT(ask(&b, 0, 1), "assign0[1+1]"); /* the retry isn't due */
  ASSERT_TEXT(result_of(&b, 0, 1, 1, AMZ_SUCCEEDED, 0), "record0[1:ok]");
  ASSERT_TEXT(ask(&b, 0, 1), "assign0[]");    /* nothing now: the rank stays in line */
  ASSERT_I64(amz_master_deadline(b.m), SEC);
  ASSERT_TEXT(pass(&b, SEC), "assign0[0+1#2]");
  ASSERT_TEXT(result_of(&b, 0, 0, 2, AMZ_TIMED_OUT, 0), "record0~[0:timeout#2]");
  ASSERT_TEXT(ask(&b, 0, 1), "assign0[]");
  ASSERT_TEXT(pass(&b, 3 * SEC - 1), "");
  ASSERT_TEXT(pass(&b, 3 * SEC), "assign0[0+1#3]"); /* the second backoff is twice the first */
  ASSERT_TEXT(result_of(&b, 0, 0, 3, AMZ_FAILED, 0), "record0[0:failed#3] stop0:done");
  ASSERT_U64(stats(&b).retried, 2);
  ASSERT_U64(stats(&b).failed, 1);
  close_bench(&b);
}

static void test_earlier_attempt(void)
{
  struct bench b;

  open_bench(&b, &(struct amz_master_config){.tasks = 1, .ranks = 1, .slots = 1, .retries = 9});
  (void)event(&b, AMZ_EV_START);
  (void)ask(&b, 0, 1);
  ASSERT_TEXT(result_of(&b, 0, 0, 1, AMZ_FAILED, 0), "record0~[0:failed]");
  ASSERT_TEXT(ask(&b, 0, 1), "assign0[0+1#2]");
  ASSERT_TEXT(result_of(&b, 0, 0, 1, AMZ_FAILED, 0), ""); /* told twice: says nothing of the attempt in hand */
  ASSERT_U64(stats(&b).late, 1);
  ASSERT_U64(stats(&b).handed_out, 1);
  ASSERT_TEXT(result_of(&b, 0, 0, 2, AMZ_SUCCEEDED, 0), "record0[0:ok#2] stop0:done");
  close_bench(&b);
}

static void test_retries_join(void)
{
  struct bench b;
  struct amz_result r[3] = {{.position = 1, .attempt = 1, .outcome = AMZ_FAILED},
                            {.position = 2, .attempt = 1, .outcome = AMZ_FAILED},
                            {.position = 4, .attempt = 1, .outcome = AMZ_FAILED}};

  open_bench(&b, &(struct amz_master_config){
                   .tasks = 6, .ranks = 1, .slots = 1, .retries = 1, .policy = amz_policy_find("static")});
  (void)event(&b, AMZ_EV_START);
  ASSERT_TEXT(ask(&b, 0, 1), "assign0[0+6]");
  (void)say(&b, 0, (struct amz_message){.kind = AMZ_MSG_REPORT, .results = r, .n_results = 3});
  ASSERT_TEXT(ask(&b, 0, 2), "assign0[1+2#2 4+1#2]"); /* neighbours of one attempt make one chunk */
  ASSERT_U64(stats(&b).handed_out, 6);
  close_bench(&b);
}

static void test_stop_after(void)
{
  struct bench b;

  open_bench(&b, &(struct amz_master_config){.tasks = 9, .ranks = 1, .slots = 2, .stop_after = 2, .grace_ns = 7 * SEC});
  (void)event(&b, AMZ_EV_START);
  (void)ask(&b, 0, 3);
  ASSERT_TEXT(result_of(&b, 0, 0, 1, AMZ_FAILED, 0), "record0[0:failed]");
  ASSERT_TEXT(result_of(&b, 0, 1, 1, AMZ_FAILED, 0), "record0[1:failed] stop0:drain");
  ASSERT_I64(amz_actions_at(b.actions, 1)->message->grace_ns, 7 * SEC);
  ASSERT_TEXT(result_of(&b, 0, 2, 1, AMZ_CANCELLED, 0), ""); /* no outcome */
  ASSERT_TEXT(bye(&b, 0, 0), "finish");
  ASSERT_I64(amz_master_end(b.m), AMZ_END_STOP_AFTER);
  ASSERT_U64(stats(&b).waiting, 7);
  ASSERT_U64(stats(&b).reissued, 0);
  close_bench(&b);
}

static void test_drain(void)
{
  struct bench b;

  open_bench(&b, &(struct amz_master_config){.tasks = 10, .ranks = 2, .slots = 2});
  (void)event(&b, AMZ_EV_START);
  (void)ask(&b, 0, 1);
  (void)ask(&b, 1, 1);
  ASSERT_TEXT(drain(&b, AMZ_STOP_DRAIN), "stop0:drain stop1:drain");
  ASSERT_TEXT(ask(&b, 0, 1), ""); /* no new chunks */
  ASSERT_TEXT(drain(&b, AMZ_STOP_CANCEL), "stop0:cancel stop1:cancel");
  ASSERT_TEXT(drain(&b, AMZ_STOP_CANCEL), "");
  ASSERT_TEXT(result_of(&b, 0, 0, 1, AMZ_SUCCEEDED, 1), "");
  ASSERT_TEXT(bye(&b, 0, 1), "record0[0:ok]");
  ASSERT_TEXT(bye(&b, 1, 0), "finish"); /* position 1 was in its hands: taken back */
  ASSERT_I64(amz_master_end(b.m), AMZ_END_STOPPED);
  ASSERT_U64(stats(&b).waiting, 9);
  close_bench(&b);
}

static void test_drained_but_done(void)
{
  struct bench b;

  open_bench(&b, &(struct amz_master_config){.tasks = 1, .ranks = 1, .slots = 1});
  (void)event(&b, AMZ_EV_START);
  (void)ask(&b, 0, 1);
  (void)drain(&b, AMZ_STOP_DRAIN);
  ASSERT_TEXT(result_of(&b, 0, 0, 1, AMZ_SUCCEEDED, 0), "record0[0:ok]");
  ASSERT_TEXT(bye(&b, 0, 0), "finish");
  ASSERT_I64(amz_master_end(b.m), AMZ_END_DONE);
  close_bench(&b);
}

static void test_heartbeats(void)
{
  struct bench b;

  open_bench(&b, &(struct amz_master_config){.tasks = 3, .ranks = 2, .slots = 2, .heartbeat_ns = 4 * SEC});
  (void)event(&b, AMZ_EV_START);
  (void)hello(&b, 0, 1);
  (void)hello(&b, 1, 1);
  ASSERT_TEXT(pass(&b, 3 * SEC), "");
  ASSERT_TEXT(ask(&b, 0, 1), "assign0[0+1]");
  ASSERT_TEXT(pass(&b, 6 * SEC), "assign1[]"); /* 4 s after the start */
  ASSERT_TEXT(pass(&b, 7 * SEC), "assign0[]"); /* 4 s after its chunk */
  ASSERT_TEXT(pass(&b, 8 * SEC), "assign1[]");
  close_bench(&b);
}

static void test_silence_and_fence(void)
{
  struct bench b;

  open_bench(&b, &(struct amz_master_config){.tasks = 3, .ranks = 2, .slots = 2, .heartbeat_ns = AMZ_NEVER});
  (void)event(&b, AMZ_EV_START);
  (void)hello(&b, 0, 1);
  (void)hello(&b, 1, 1);
  (void)ask(&b, 0, 1);
  (void)ask(&b, 1, 1);
  (void)result_of(&b, 1, 1, 1, AMZ_SUCCEEDED, 1);
  for (int64_t s = 10; s <= 80; s += 10) { /* rank 0 speaks, rank 1 doesn't */
    (void)pass(&b, s * SEC);
    (void)durable(&b, 0, 0);
  }
  ASSERT_TEXT(pass(&b, 90 * SEC), "fence1");
  ASSERT_U64(stats(&b).ranks_alive, 1);
  (void)durable(&b, 0, 0);
  ASSERT_TEXT(ask(&b, 0, 1), "assign0[2+1]"); /* the tasks of rank 1 are not given out before the fence */
  ASSERT_TEXT(ask(&b, 0, 1), "assign0[]");
  ASSERT_TEXT(fenced(&b, 1), "assign0[1+1]"); /* what it only promised to have on disk, too */
  ASSERT_U64(stats(&b).reissued, 1);
  ASSERT_TEXT(result_of(&b, 0, 1, 1, AMZ_SUCCEEDED, 0), "record0[1:ok]");
  ASSERT_TEXT(result_of(&b, 1, 1, 1, AMZ_SUCCEEDED, 0), ""); /* late */
  ASSERT_U64(stats(&b).late, 1);
  close_bench(&b);
}

static void test_suspect_speaks_again(void)
{
  struct bench b;

  open_bench(&b, &(struct amz_master_config){.tasks = 4, .ranks = 1, .slots = 2, .retries = 1, .backoff_ns = 20 * SEC});
  (void)event(&b, AMZ_EV_START);
  (void)ask(&b, 0, 4);
  (void)result_of(&b, 0, 0, 1, AMZ_FAILED, 0);
  ASSERT_TEXT(ask(&b, 0, 1), "assign0[]");
  CU_ASSERT_PTR_NULL(strstr(pass(&b, 30 * SEC), "0+1")); /* silent for 15 s: the retry that is due at 20 s isn't sent to it */
  ASSERT_TEXT(durable(&b, 0, 0), "assign0[0+1#2]");      /* alive again, and still hungry */
  close_bench(&b);
}

static void test_lost_speaks_again(void)
{
  struct bench b;

  open_bench(&b, &(struct amz_master_config){.tasks = 2, .ranks = 2, .slots = 2, .idempotent = true});
  (void)event(&b, AMZ_EV_START);
  ASSERT_TEXT(ask(&b, 1, 1), "assign1[0+1]");
  for (int64_t s = 10; s <= 100; s += 10) {
    (void)pass(&b, s * SEC);
    (void)durable(&b, 0, 0);
  }
  ASSERT_TEXT(ask(&b, 0, 1), "assign0[0+1]"); /* idempotent: issued again without waiting for the fence */
  ASSERT_TEXT(result_of(&b, 1, 0, 1, AMZ_FAILED, 0), ""); /* not in its hands any more: its failure says nothing */
  ASSERT_U64(stats(&b).late, 1);
  ASSERT_TEXT(ask(&b, 1, 1), "assign1[1+1]"); /* alive again */
  ASSERT_TEXT(result_of(&b, 1, 0, 1, AMZ_SUCCEEDED, 5), ""); /* counts when it is on disk */
  CU_ASSERT_FALSE(amz_master_settled(b.m, 0));
  ASSERT_TEXT(durable(&b, 1, 5), "record1[0:ok]");
  ASSERT_TEXT(result_of(&b, 0, 0, 1, AMZ_SUCCEEDED, 0), ""); /* first come */
  ASSERT_U64(stats(&b).late, 2);
  ASSERT_U64(stats(&b).succeeded, 1);
  close_bench(&b);
}

static void test_broken_rank(void)
{
  struct bench b;

  open_bench(&b, &(struct amz_master_config){.tasks = 3, .ranks = 2, .slots = 2});
  (void)event(&b, AMZ_EV_START);
  (void)ask(&b, 0, 3);
  (void)result_of(&b, 0, 0, 1, AMZ_SUCCEEDED, 1);
  (void)result_of(&b, 0, 1, 1, AMZ_SUCCEEDED, 2);
  ASSERT_TEXT(ask(&b, 1, 1), "assign1[]");
  ASSERT_TEXT(bye(&b, 0, 1), "record0[0:ok] assign1[1+1]"); /* durable counts, the rest goes to who is waiting */
  ASSERT_TEXT(ask(&b, 1, 1), "assign1[2+1]");
  ASSERT_U64(stats(&b).reissued, 2);
  ASSERT_TEXT(bye(&b, 1, 0), "finish");
  ASSERT_I64(amz_master_end(b.m), AMZ_END_LOST);
  close_bench(&b);
}

static void test_nobody_confirms_the_fence(void)
{
  struct bench b;

  open_bench(&b, &(struct amz_master_config){.tasks = 2, .ranks = 2, .slots = 2, .heartbeat_ns = AMZ_NEVER});
  (void)event(&b, AMZ_EV_START);
  (void)ask(&b, 1, 1);
  (void)ask(&b, 0, 1);
  (void)result_of(&b, 0, 1, 1, AMZ_SUCCEEDED, 0);
  for (int64_t s = 10; s <= 170; s += 10) {
    (void)pass(&b, s * SEC);
    (void)durable(&b, 0, 0);
  }
  ASSERT_I64(amz_master_end(b.m), AMZ_END_RUNNING);
  ASSERT_TEXT(pass(&b, 180 * SEC), "stop0:drain"); /* what is left is out of reach */
  ASSERT_TEXT(bye(&b, 0, 0), "finish");
  ASSERT_I64(amz_master_end(b.m), AMZ_END_LOST);
  close_bench(&b);
}

static void test_end_does_not_wait_for_the_silent(void)
{
  struct bench b;

  open_bench(&b, &(struct amz_master_config){.tasks = 1, .ranks = 2, .slots = 2, .heartbeat_ns = AMZ_NEVER});
  (void)event(&b, AMZ_EV_START);
  (void)ask(&b, 0, 1);
  ASSERT_TEXT(result_of(&b, 0, 0, 1, AMZ_SUCCEEDED, 0), "record0[0:ok] stop0:done stop1:done");
  ASSERT_TEXT(bye(&b, 0, 0), "");
  ASSERT_TEXT(pass(&b, 15 * SEC), "finish"); /* rank 1 never came */
  ASSERT_I64(amz_master_end(b.m), AMZ_END_DONE);
  close_bench(&b);
}

static void test_master_overslept(void)
{
  struct bench b;

  open_bench(&b, &(struct amz_master_config){.tasks = 2, .ranks = 1, .slots = 1});
  (void)event(&b, AMZ_EV_START);
  (void)ask(&b, 0, 1);
  b.now_ns = 600 * SEC; /* stopped for ten minutes: it is not the ranks that were silent */
  CU_ASSERT_PTR_NULL(strstr(event(&b, AMZ_EV_TICK), "fence"));
  ASSERT_U64(stats(&b).ranks_alive, 1);
  ASSERT_TEXT(ask(&b, 0, 1), "assign0[1+1]");
  close_bench(&b);
}

static void test_dropped(void)
{
  const struct amz_result far = {.position = 9, .attempt = 1, .outcome = AMZ_SUCCEEDED};
  const struct amz_result unborn = {.position = 1, .outcome = AMZ_SUCCEEDED};
  const struct amz_bulk beyond = {.chunk_id = 1, .first = 0, .count = UINT64_MAX, .attempt = 1},
      empty = {.chunk_id = 1, .attempt = 1},
                        unborn_bulk = {.chunk_id = 1, .count = 1};
  const struct {
    const char *row;
    uint32_t rank;
    struct amz_message m;
  } rows[] = {
    {"another epoch", 0, {.kind = AMZ_MSG_REPORT, .epoch = 2, .seq = 50, .hungry = 1}},
    {"a duplicate", 0, {.kind = AMZ_MSG_REPORT, .seq = 1, .hungry = 1}},
    {"another epoch, another rank", 1, {.kind = AMZ_MSG_REPORT, .epoch = 7, .seq = 1, .hungry = 1}},
    {"a rank out of range", 2, {.kind = AMZ_MSG_REPORT, .seq = 1, .hungry = 1}},
    {"a master's message", 0, {.kind = AMZ_MSG_ASSIGN, .seq = 51}},
    {"a position never handed out", 0, {.kind = AMZ_MSG_REPORT, .seq = 52, .results = &far, .n_results = 1}},
    {"attempt 0", 0, {.kind = AMZ_MSG_REPORT, .seq = 53, .results = &unborn, .n_results = 1}},
    {"a bulk beyond what was handed out", 0, {.kind = AMZ_MSG_REPORT, .seq = 54, .bulks = &beyond, .n_bulks = 1}},
    {"a bulk of attempt 0", 0, {.kind = AMZ_MSG_REPORT, .seq = 56, .bulks = &unborn_bulk, .n_bulks = 1}},
    {"an empty bulk", 0, {.kind = AMZ_MSG_REPORT, .seq = 55, .bulks = &empty, .n_bulks = 1}},
  };
  struct bench b;

  open_bench(&b, &(struct amz_master_config){.tasks = 10, .ranks = 2, .slots = 2});
  (void)event(&b, AMZ_EV_START);
  ASSERT_TEXT(ask(&b, 0, 2), "assign0[0+1 1+1]");
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    ASSERT_ROW_TEXT(rows[i].row, say(&b, rows[i].rank, rows[i].m), "");
    ASSERT_ROW_U64(rows[i].row, stats(&b).dropped, i + 1);
  }
  ASSERT_TEXT(fenced(&b, 77), "");
  ASSERT_U64(stats(&b).handed_out, 2);
  close_bench(&b);
}

static void test_bulks_of_several_chunks(void)
{
  struct amz_bulk whole = {.first = 7, .count = 2, .attempt = 1, .partials = "nodes", .partials_bytes = 5};
  struct bench b;

  open_bench(&b, &(struct amz_master_config){.tasks = 10, .ranks = 2, .slots = 2});
  (void)event(&b, AMZ_EV_START);
  ASSERT_TEXT(ask(&b, 0, 4), "assign0[0+1 1+1 2+1 3+1]");
  ASSERT_TEXT(bulk_of(&b, 0, 0, 0, 4), "record0[bulk 0+4]"); /* one, as it was told */
  ASSERT_U64(stats(&b).handed_out, 0);
  ASSERT_TEXT(ask(&b, 1, 1), "assign1[4+1]");
  ASSERT_TEXT(ask(&b, 0, 4), "assign0[5+1 6+1 7+1 8+1]");
  ASSERT_TEXT(bulk_of(&b, 0, 0, 4, 3), "record0[bulk 5+1] record0[bulk 6+1] record0[bulk 4+1]"); /* 4 is another's: a stray */
  ASSERT_U64(stats(&b).handed_out, 3);
  ASSERT_TEXT(say(&b, 0, (struct amz_message){.kind = AMZ_MSG_REPORT, .bulks = &whole, .n_bulks = 1}), "record0[bulk 7+2]");
  ASSERT_TEXT(ask(&b, 0, 1), "assign0[9+1]");
  whole.first = 8;
  /* can't be taken apart: 9 runs again */
  (void)say(&b, 0, (struct amz_message){.kind = AMZ_MSG_REPORT, .bulks = &whole, .n_bulks = 1});
  ASSERT_U64(stats(&b).succeeded, 9);
  ASSERT_U64(stats(&b).waiting, 1);
  close_bench(&b);
}

static void test_bulks(void)
{
  struct bench b;

  open_bench(&b, &(struct amz_master_config){.tasks = 100, .ranks = 2, .slots = 2, .policy = amz_policy_find("static")});
  (void)event(&b, AMZ_EV_START);
  ASSERT_TEXT(ask(&b, 0, 1), "assign0[0+50]");
  ASSERT_TEXT(bulk_of(&b, 0, 1, 10, 5), "record0[bulk 10+5]");
  ASSERT_U64(stats(&b).handed_out, 45);
  ASSERT_TEXT(result_of(&b, 0, 20, 1, AMZ_SUCCEEDED, 0), "record0[20:ok]");
  ASSERT_TEXT(bulk_of(&b, 0, 1, 0, 50), "record0[bulk 0+10] record0[bulk 15+5] record0[bulk 21+29]"); /* what is new of it */
  ASSERT_U64(stats(&b).succeeded, 50);
  ASSERT_U64(stats(&b).late, 6);
  ASSERT_U64(stats(&b).handed_out, 0);
  ASSERT_U64(stats(&b).wall_s.count, 50);
  CU_ASSERT_DOUBLE_EQUAL(stats(&b).wall_s.mean, 1, 1e-9);
  close_bench(&b);
}

/* A bulk that must be durable first; with partials when `whole`. */
static const char *slow_bulk(struct bench *b, uint32_t rank, uint64_t chunk, uint64_t first, uint64_t count, uint64_t seq,
                             bool whole)
{
  struct amz_bulk bulk = {.chunk_id = chunk, .first = first, .count = count, .attempt = 1, .seq = seq, .partials = "nodes",
                          .partials_bytes = whole ? 5 : 0};

  return say(b, rank, (struct amz_message){.kind = AMZ_MSG_REPORT, .bulks = &bulk, .n_bulks = 1});
}

static void test_bulks_become_durable(void)
{
  struct bench b;

  open_bench(&b, &(struct amz_master_config){.tasks = 100, .ranks = 2, .slots = 2, .policy = amz_policy_find("static")});
  (void)event(&b, AMZ_EV_START);
  ASSERT_TEXT(ask(&b, 0, 1), "assign0[0+50]");
  ASSERT_TEXT(slow_bulk(&b, 0, 1, 0, 20, 1, false), "");
  ASSERT_TEXT(slow_bulk(&b, 0, 1, 20, 10, 2, true), "");
  CU_ASSERT_TRUE(amz_master_settled(b.m, 29));
  ASSERT_U64(stats(&b).succeeded, 0);
  ASSERT_TEXT(durable(&b, 0, 1), "record0[bulk 0+20]");
  ASSERT_TEXT(slow_bulk(&b, 0, 1, 30, 5, 3, false), "");
  ASSERT_TEXT(fenced(&b, 0), ""); /* what it had only promised goes back with what it had in hand */
  CU_ASSERT_FALSE(amz_master_settled(b.m, 29));
  ASSERT_U64(stats(&b).succeeded, 20);
  ASSERT_U64(stats(&b).reissued, 30);
  ASSERT_TEXT(slow_bulk(&b, 0, 1, 20, 10, 3, false), ""); /* nor does it promise any more */
  ASSERT_U64(stats(&b).late, 10);
  ASSERT_U64(stats(&b).waiting, 80);
  close_bench(&b);
}

/* Rank 0 is thought dead, its chunk is given to rank 1, and then it speaks. */
static void test_stray_bulks(void)
{
  static const struct {
    const char *row;
    bool whole;
    uint64_t done; /* by rank 1 before rank 0's is durable */
    const char *recorded;
  } rows[] = {
    {"nothing is done", false, 0, "record0[bulk 0+50]"},
    {"nothing is done, partials", true, 0, "record0[bulk 0+50]"},
    {"a part is done", false, 10, "record0[bulk 10+40]"},
    {"a part is done, partials", true, 10, ""},
    {"all is done", false, 50, ""},
    {"all is done, partials", true, 50, ""},
  };

  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    struct bench b;

    open_bench(&b, &(struct amz_master_config){.tasks = 100, .ranks = 2, .slots = 2, .policy = amz_policy_find("static"),
                                               .idempotent = true});
    (void)event(&b, AMZ_EV_START);
    (void)ask(&b, 0, 1);
    (void)ask(&b, 1, 1);
    for (int64_t s = 10; s <= 100; s += 10) {
      (void)pass(&b, s * SEC);
      (void)durable(&b, 1, 0);
    }
    ASSERT_ROW_U64(rows[i].row, stats(&b).reissued, 50);
    ASSERT_ROW_TEXT(rows[i].row, ask(&b, 1, 1), "assign1[0+50]");
    ASSERT_ROW_TEXT(rows[i].row, slow_bulk(&b, 0, 1, 0, 50, 1, rows[i].whole), "");
    CU_ASSERT_FALSE(amz_master_settled(b.m, 0)); /* a promise settles nothing that somebody else has in hand */
    if (rows[i].done)
      (void)bulk_of(&b, 1, 3, 0, rows[i].done);
    ASSERT_ROW_TEXT(rows[i].row, durable(&b, 0, 1), rows[i].recorded);
    close_bench(&b);
  }
}

/* What has partials counts whole or not at all; then what its rank had in hand of it goes back. */
static void test_whole_bulks(void)
{
  struct bench b;

  open_bench(&b, &(struct amz_master_config){.tasks = 100, .ranks = 2, .slots = 2, .policy = amz_policy_find("static")});
  (void)event(&b, AMZ_EV_START);
  ASSERT_TEXT(ask(&b, 0, 1), "assign0[0+50]");
  ASSERT_TEXT(slow_bulk(&b, 0, 1, 0, 10, 0, true), "record0[bulk 0+10]");
  ASSERT_U64(amz_actions_at(b.actions, 0)->bulk->partials_bytes, 5);
  CU_ASSERT_EQUAL(memcmp(amz_actions_at(b.actions, 0)->bulk->partials, "nodes", 5), 0);
  ASSERT_TEXT(result_of(&b, 0, 20, 1, AMZ_SUCCEEDED, 0), "record0[20:ok]");
  ASSERT_TEXT(slow_bulk(&b, 0, 1, 10, 20, 0, true), "");
  ASSERT_U64(stats(&b).late, 20);
  ASSERT_U64(stats(&b).waiting, 50 + 19);
  ASSERT_U64(stats(&b).handed_out, 20);
  ASSERT_TEXT(slow_bulk(&b, 0, 1, 30, 20, 0, true), "record0[bulk 30+20]");
  close_bench(&b);
}

static void test_many_chunks_one_message(void)
{
  struct bench b;

  open_bench(&b, &(struct amz_master_config){.tasks = 5000, .ranks = 1, .slots = 1});
  (void)event(&b, AMZ_EV_START);
  (void)ask(&b, 0, UINT32_MAX); /* whatever it says */
  ASSERT_U64(stats(&b).chunks, 1875); /* 3/8 of them */
  ASSERT_U64(amz_actions_count(b.actions), 2); /* 1024 in each but the last */
  close_bench(&b);
}

/* A chunk that isn't worth its overhead is given to nobody, however much he asks for: adaptive says less and less to one who has
 * much, and a rank that counts in chunks of the latest size would ask for more and more of them. */
static void test_no_crumbs(void)
{
  struct bench b;

  open_bench(&b, &(struct amz_master_config){
    .tasks = 100000000, .ranks = 1, .slots = 2, .policy = amz_policy_find("adaptive"),
        .params = {.mean_s = 1e-7, .stddev_s = 1e-7}});
  (void)event(&b, AMZ_EV_START);
  (void)ask(&b, 0, UINT32_MAX);
  CU_ASSERT_TRUE(stats(&b).handed_out >= 30000000);
  CU_ASSERT_TRUE(stats(&b).chunks < 1000);
  close_bench(&b);
}

static void test_refused(void)
{
  const struct amz_master_config good = {
    .tasks = 1, .epoch = 1, .ranks = 1, .slots = 1, .policy = amz_policy_find("ss"), .stop_after = 1};
  struct amz_master *m = NULL;
  struct amz_master_config bad[6];

  for (size_t i = 0; i < 6; i++)
    bad[i] = good;
  bad[0].epoch = 0;
  bad[1].ranks = 0;
  bad[2].slots = 0;
  bad[3].policy = NULL;
  bad[4].tasks = UINT64_C(1) << 63;
  bad[5].backoff_ns = -1;
  for (size_t i = 0; i < 6; i++)
    ASSERT_I64(amz_master_new(&bad[i], &m), AMZ_EINVAL);
  CU_ASSERT_PTR_NULL(m);
  amz_master_free(NULL);
}

int main(void)
{
  static const struct amz_test tests[] = {
    {"from HELLO to FINISH", test_from_hello_to_finish},
    {"no tasks", test_no_tasks},
    {"records follow receipts, in the order of arrival", test_receipts_and_arrival},
    {"P counts the slots of living ranks", test_p_counts_living_slots},
    {"the policy is told", test_told},
    {"another policy", test_another_policy},
    {"another policy knows what was told", test_another_knows},
    {"a share of what is left is enough", test_a_share_is_enough},
    {"a rank bars slots and gives chunks back", test_yield},
    {"those who have more than they run give it back", test_recall},
    {"retries with backoff", test_retries},
    {"an earlier attempt told again", test_earlier_attempt},
    {"retries of neighbours join", test_retries_join},
    {"stop_after", test_stop_after},
    {"drain, then cancel", test_drain},
    {"drained, but everything was done", test_drained_but_done},
    {"heartbeats", test_heartbeats},
    {"silence, fence, reissue", test_silence_and_fence},
    {"a suspect speaks again", test_suspect_speaks_again},
    {"a lost rank speaks again", test_lost_speaks_again},
    {"a broken rank", test_broken_rank},
    {"nobody confirms the fence", test_nobody_confirms_the_fence},
    {"the end doesn't wait for the silent", test_end_does_not_wait_for_the_silent},
    {"a master that overslept", test_master_overslept},
    {"dropped and counted", test_dropped},
    {"bulks, whole and in parts", test_bulks},
    {"bulks wait until they are durable", test_bulks_become_durable},
    {"bulks of a rank that was given up", test_stray_bulks},
    {"bulks with partials", test_whole_bulks},
    {"many chunks in one message", test_many_chunks_one_message},
    {"no crumbs for who asks for everything", test_no_crumbs},
    {"refused", test_refused},
    {"bulks of several chunks", test_bulks_of_several_chunks},
    {NULL, NULL},
  };

  return amz_test_main("master", tests, 30);
}
