/* Whole runs of tasks that take different amounts of cores and memory, with faults: what runs on a rank at the same time never
 * takes more than it has, no task waits for ever, and each has exactly one outcome. */
#include <amorsize/rng.h>
#include <amorsize/sim.h>

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "../../src/sched/check.h"
#include "../support/tap.h"

#define MS INT64_C(1000000)
#define TASKS_MAX 200
#define RANKS_MAX 4
#define SLOTS_MAX 8

struct watch {
  uint64_t seed, tasks;
  struct amz_need all;
  struct amz_need used[RANKS_MAX], on[RANKS_MAX][SLOTS_MAX];
  unsigned finals[TASKS_MAX];
  uint64_t crowded;   /* RUNs that began beside others */
  const char *broken; /* the first fault found */
};

/* Stretches of up to four tasks take the same, so that RUNs may have several; one stretch in ten is as large as a rank. */
static void need_of(const void *ctx, uint64_t position, struct amz_need *ret, uint64_t *ret_same)
{
  const struct watch *w = ctx;
  uint64_t draw = amz_mix64(w->seed ^ position / 4);

  *ret_same = 4 - position % 4;
  *ret = w->all;
  if (draw % 10 == 0)
    return;
  ret->cores = 1 + (uint32_t)(draw / 10 % w->all.cores);
  ret->memory_bytes = draw / 1000 % (w->all.memory_bytes + 1);
}

static void began(void *arg, int64_t now_ns, uint32_t rank, const struct amz_action *run)
{
  struct watch *w = arg;
  struct amz_need *used = &w->used[rank], need;
  uint64_t same;

  (void)now_ns;
  need_of(w, run->first, &need, &same);
  w->crowded += used->cores > 0;
  used->cores += need.cores;
  used->memory_bytes += need.memory_bytes;
  w->on[rank][run->slot] = need;
  if (run->count > same)
    w->broken = "a RUN of tasks that take different amounts";
  if (used->cores > w->all.cores)
    w->broken = "more cores than there are";
  if (used->memory_bytes > w->all.memory_bytes)
    w->broken = "more memory than there is";
}

static void ended(void *arg, int64_t now_ns, uint32_t rank, uint32_t slot)
{
  struct watch *w = arg;

  (void)now_ns;
  w->used[rank].cores -= w->on[rank][slot].cores;
  w->used[rank].memory_bytes -= w->on[rank][slot].memory_bytes;
}

static void final_of(struct watch *w, uint64_t position)
{
  if (position >= w->tasks || w->finals[position]++)
    w->broken = "a record of no task, or a second one";
}

static void recorded(void *arg, int64_t now_ns, const struct amz_action *a)
{
  struct watch *w = arg;

  (void)now_ns;
  for (uint64_t i = 0; a->bulk && i < a->bulk->count; i++)
    final_of(w, a->bulk->first + i);
  for (size_t i = 0; a->final && i < a->n_results; i++)
    final_of(w, a->results[i].position);
}

static void stepped(void *arg, int64_t now_ns, const struct amz_master *master)
{
  struct watch *w = arg;
  const char *broken = amz_master_check(master);

  (void)now_ns;
  if (broken)
    w->broken = broken;
}

static uint64_t below(struct amz_rng *rng, uint64_t n)
{
  return amz_rng_below(rng, n);
}

static void draw(struct amz_rng *rng, uint64_t seed, struct amz_sim_config *c, struct watch *w)
{
  static const char *const policies[] = {"static", "ss", "gss", "fac2", "adaptive"};

  *c = (struct amz_sim_config){.ranks = 1 + (uint32_t)below(rng, RANKS_MAX),
                               .slots_per_rank = 1 + (uint32_t)below(rng, SLOTS_MAX), .seed = seed};
  *w = (struct watch){.seed = seed, .tasks = below(rng, TASKS_MAX)};
  w->all = (struct amz_need){1 + (uint32_t)below(rng, 8), below(rng, 2) ? below(rng, 1000) : 0};
  c->master.tasks = w->tasks;
  c->master.policy = amz_policy_find(policies[below(rng, 5)]);
  c->master.stop_after = UINT64_MAX;
  c->worker.grain = below(rng, 4);
  c->worker.grain_ns = below(rng, 4) ? 0 : 20 * MS;
  c->worker.needs = (struct amz_needs){need_of, w, w->all};
  c->work = (struct amz_sim_work){.shape = (enum amz_sim_shape)below(rng, AMZ_SIM_FALLING + 1),
                                  .mean_s = 0.001 * (double)(1 + below(rng, 500)), .cv = 2};
  c->bulk = below(rng, 2);
  c->undone = below(rng, 3) ? 0 : 0.3;
  c->packs = below(rng, 2);
  c->encode = below(rng, 2);
  c->latency_ns = (int64_t)below(rng, 20) * MS;
  c->sync_latency_ns = (int64_t)below(rng, 30) * MS;
  c->limit_ns = INT64_C(50000) * 1000 * MS;
  c->recorded = recorded;
  c->stepped = stepped;
  c->began = began;
  c->ended = ended;
  c->arg = w;
}

/* Tasks fail, hang and are tried again; slots are barred; messages are late and doubled; all ranks but the first may die. */
static void draw_faults(struct amz_rng *rng, struct amz_sim_config *c, struct amz_sim_fault faults[4])
{
  c->fail = 0.2;
  c->hang = below(rng, 4) ? 0 : 0.05;
  c->stubborn = 0.5;
  c->worker.timeout_ns = 5000 * MS;
  c->worker.kill_after_ns = 500 * MS;
  c->master.retries = (uint32_t)below(rng, 3);
  c->jitter_ns = (int64_t)below(rng, 100) * MS;
  c->duplicate = 0.1;
  for (; c->n_faults < 4; c->n_faults++) {
    struct amz_sim_fault *f = &faults[c->n_faults];

    *f = (struct amz_sim_fault){.kind = AMZ_SIM_OPEN, .at_ns = (int64_t)below(rng, 3000) * MS,
                                .rank = (uint32_t)below(rng, c->ranks)};
    f->slots = 1 + (uint32_t)below(rng, c->slots_per_rank);
    if (f->rank && below(rng, 2))
      f->kind = AMZ_SIM_KILL;
  }
  c->faults = faults;
}

static const char *judge(const struct amz_sim_result *r, const struct watch *w)
{
  uint64_t settled = 0;

  for (uint64_t i = 0; i < w->tasks; i++)
    settled += w->finals[i] == 1;
  if (w->broken)
    return w->broken;
  if (r->end != AMZ_END_DONE)
    return r->end == AMZ_END_RUNNING ? "the run didn't end: something waits for ever" : "the run ended otherwise than it should";
  return settled == w->tasks ? NULL : "a task without an outcome";
}

static bool run_and_judge(const char *row, uint64_t seed, const struct amz_sim_config *c, struct watch *w)
{
  struct amz_sim_result r = {0};
  const char *wrong = amz_sim_run(c, &r) == AMZ_OK ? judge(&r, w) : "amz_sim_run";
  char text[160];

  if (!wrong)
    return true;
  (void)snprintf(text, sizeof text, "%s, seed %" PRIu64, row, seed);
  ASSERT_ROW_TEXT(text, wrong, NULL);
  return false;
}

static void test_calm(void)
{
  uint64_t crowded = 0;

  for (uint64_t seed = 0; seed < 2000; seed++) {
    struct amz_sim_config c;
    struct watch w;
    struct amz_rng rng;

    amz_rng_seed(&rng, seed);
    draw(&rng, seed, &c, &w);
    if (!run_and_judge("calm", seed, &c, &w))
      return;
    crowded += w.crowded;
  }
  CU_ASSERT_TRUE(crowded > 10000); /* ranks are used, not only kept safe */
}

static void test_faults(void)
{
  for (uint64_t seed = 0; seed < 2000; seed++) {
    struct amz_sim_fault faults[4];
    struct amz_sim_config c;
    struct watch w;
    struct amz_rng rng;

    amz_rng_seed(&rng, seed);
    draw(&rng, seed, &c, &w);
    draw_faults(&rng, &c, faults);
    if (!run_and_judge("faults", seed, &c, &w))
      return;
  }
}

/* ---- how long it takes ------------------------------------------------------------------------------------------------- */

/* Every fifth task takes all four cores, the others one; each lasts a second, on four slots. When a large one is set aside, up to
 * three small ones run, and four more may pass it: no more than seven of higher position have begun before it does. */
static void fifth_is_large(const void *ctx, uint64_t position, struct amz_need *ret, uint64_t *ret_same)
{
  (void)ctx;
  *ret = (struct amz_need){position % 5 == 2 ? 4 : 1, 0};
  *ret_same = 1;
}

struct turns {
  uint64_t small_begun, passed_most, large_begun;
};

/* How many small ones of higher position have begun before the k-th large one. */
static void note_turn(void *arg, int64_t now_ns, uint32_t rank, const struct amz_action *run)
{
  struct turns *t = arg;
  uint64_t before; /* small ones of lower position */

  (void)now_ns;
  (void)rank;
  if (run->first % 5 != 2) {
    t->small_begun++;
    return;
  }
  before = run->first / 5 * 4 + 2;
  if (t->small_begun > before && t->small_begun - before > t->passed_most)
    t->passed_most = t->small_begun - before;
  t->large_begun++;
}

static void test_large_ones_get_their_turn(void)
{
  struct turns t = {0, 0, 0};
  struct amz_sim_config c = {.ranks = 1, .slots_per_rank = 4, .began = note_turn, .arg = &t};
  struct amz_sim_result r;

  c.master.tasks = 200;
  c.master.policy = amz_policy_find("adaptive");
  c.master.stop_after = UINT64_MAX;
  c.worker.grain = 1;
  c.worker.needs = (struct amz_needs){fifth_is_large, NULL, {4, 0}};
  c.work = (struct amz_sim_work){.shape = AMZ_SIM_CONSTANT, .mean_s = 1};
  CU_ASSERT_EQUAL_FATAL(amz_sim_run(&c, &r), AMZ_OK);
  ASSERT_U64(t.large_begun, 40);
  CU_ASSERT_TRUE(t.passed_most > 0 && t.passed_most <= 3 + 4);
  CU_ASSERT_TRUE(r.makespan_s >= 80); /* 40 large ones of 1 s, and 160 small ones on 4 cores: no schedule is shorter */
  CU_ASSERT_TRUE(r.makespan_s <= 100);
}

int main(void)
{
  static const struct amz_test tests[] = {
    {"nothing goes wrong", test_calm},
    {"tasks fail and hang, slots are barred, ranks die", test_faults},
    {"large ones get their turn", test_large_ones_get_their_turn},
    {NULL, NULL},
  };

  return amz_test_main("needs", tests, 60);
}
