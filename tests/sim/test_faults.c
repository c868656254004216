/* Whole runs with faults, by the thousand: every task gets exactly one final outcome, runs end, and end as they should. The
 * master's invariants are rechecked behind each of its steps. */
#include <amorsize/rng.h>
#include <amorsize/sim.h>

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "../../src/sched/check.h"
#include "../support/tap.h"

#define TASKS_MAX 200
#define MS INT64_C(1000000)

struct watch {
  uint64_t tasks;
  bool partials;
  unsigned finals[TASKS_MAX];
  const char *broken;           /* the first fault found */
};

static void fault(struct watch *w, const char *what)
{
  if (!w->broken)
    w->broken = what;
}

static void final_of(struct watch *w, uint64_t position)
{
  if (position >= w->tasks) {
    fault(w, "a record of no task");
    return;
  }
  if (w->finals[position]++)
    fault(w, "a second final outcome");
}

/* The simulator's partials are the stretches that they stand for: together they must be the bulk. */
static void check_partials(struct watch *w, const struct amz_bulk *b)
{
  uint64_t next = b->first, stretch[2];
  size_t at;

  for (at = 0; at + sizeof stretch <= b->partials_bytes; at += sizeof stretch) {
    memcpy(stretch, (const char *)b->partials + at, sizeof stretch);
    if (stretch[0] != next)
      break;
    next += stretch[1];
  }
  if (at != b->partials_bytes || next != b->first + b->count)
    fault(w, "a bulk's partials are of other tasks");
}

static void recorded(void *arg, int64_t now_ns, const struct amz_action *a)
{
  struct watch *w = arg;

  (void)now_ns;
  if (a->bulk && !a->final)
    fault(w, "a bulk that isn't final");
  for (uint64_t i = 0; a->bulk && i < a->bulk->count; i++)
    final_of(w, a->bulk->first + i);
  if (a->bulk && w->partials)
    check_partials(w, a->bulk);
  for (size_t i = 0; i < a->n_results; i++) {
    if (a->results[i].outcome == AMZ_CANCELLED)
      fault(w, "a cancelled attempt was recorded");
    if (a->final)
      final_of(w, a->results[i].position);
    else if (a->results[i].outcome != AMZ_FAILED && a->results[i].outcome != AMZ_TIMED_OUT)
      fault(w, "a success that isn't final");
  }
}

static void stepped(void *arg, int64_t now_ns, const struct amz_master *master)
{
  const char *broken = amz_master_check(master);

  (void)now_ns;
  if (broken)
    fault(arg, broken);
}

/* ---- configurations --------------------------------------------------------------------------------------------------- */

static uint64_t below(struct amz_rng *rng, uint64_t n)
{
  return amz_rng_below(rng, n);
}

static bool one_in(struct amz_rng *rng, uint64_t n)
{
  return amz_rng_below(rng, n) == 0;
}

/* Everything that isn't a fault. */
static void draw_calm(struct amz_rng *rng, struct amz_sim_config *c, struct watch *w)
{
  static const char *const policies[] = {"static", "ss", "gss", "fac2"};

  memset(c, 0, sizeof *c);
  memset(w, 0, sizeof *w);
  c->ranks = 1 + (uint32_t)below(rng, 5);
  c->slots_per_rank = 1 + (uint32_t)below(rng, 4);
  c->seed = amz_rng_u64(rng);
  c->master.tasks = w->tasks = one_in(rng, 20) ? below(rng, 2) : below(rng, TASKS_MAX);
  c->master.policy = amz_policy_find(policies[below(rng, 4)]);
  c->master.stop_after = UINT64_MAX;
  c->worker.grain = below(rng, 3);
  c->work.shape = (enum amz_sim_shape)below(rng, AMZ_SIM_FALLING + 1);
  c->work.mean_s = one_in(rng, 4) ? 0 : 0.001 * (double)(1 + below(rng, 2000));
  c->work.cv = 2;
  c->bulk = one_in(rng, 2);
  c->packs = one_in(rng, 2);
  c->partials = w->partials = c->bulk && one_in(rng, 2);
  c->undone = one_in(rng, 3) ? 0.3 : 0;
  c->latency_ns = one_in(rng, 3) ? 0 : (int64_t)below(rng, 20) * MS;
  c->message_ns = (int64_t)below(rng, 2) * MS;
  c->chunk_ns = (int64_t)below(rng, 2) * MS;
  c->sync_latency_ns = (int64_t)below(rng, 30) * MS;
  c->fence_ns = (int64_t)below(rng, 1000) * MS;
  c->encode = one_in(rng, 2);
  c->limit_ns = INT64_C(50000) * 1000 * MS;
  c->recorded = recorded;
  c->stepped = stepped;
  c->arg = w;
}

/* Tasks that fail, hang, are skipped; messages that are late, doubled, out of sequence. */
static void draw_trouble(struct amz_rng *rng, struct amz_sim_config *c)
{
  c->fail = one_in(rng, 2) ? 0.2 : 0;
  c->skip = one_in(rng, 4) ? 0.2 : 0;
  c->hang = one_in(rng, 4) ? 0.05 : 0;
  c->stubborn = 0.5;
  if (c->hang > 0 || one_in(rng, 4))
    c->worker.timeout_ns = 5000 * MS;
  c->worker.kill_after_ns = 500 * MS;
  c->master.retries = (uint32_t)below(rng, 4);
  c->master.backoff_ns = (int64_t)below(rng, 3) * 500 * MS;
  c->jitter_ns = one_in(rng, 2) ? (int64_t)below(rng, 100) * MS : 0;
  c->late = one_in(rng, 2) ? 0.05 : 0;
  c->late_ns = (int64_t)below(rng, 30000) * MS;
  c->duplicate = one_in(rng, 2) ? 0.2 : 0;
}

#define FAULTS_MAX 6

/* Slots are barred and opened again; the ranks below `sure` may bar all of theirs, for the others can work. */
static void draw_bars(struct amz_rng *rng, struct amz_sim_config *c, uint32_t sure, struct amz_sim_fault *faults)
{
  for (uint64_t n = 1 + below(rng, 3); n > 0; n--) {
    struct amz_sim_fault *f = &faults[c->n_faults++];

    *f = (struct amz_sim_fault){.kind = AMZ_SIM_OPEN, .at_ns = (int64_t)below(rng, 3000) * MS,
                                .rank = (uint32_t)below(rng, c->ranks)};
    f->slots = (uint32_t)below(rng, c->slots_per_rank + 1);
    if (f->slots == 0 && f->rank >= sure)
      f->slots = 1;
  }
  c->faults = faults;
}

static void draw_rank_faults(struct amz_rng *rng, struct amz_sim_config *c, struct amz_sim_fault *faults)
{
  static const enum amz_sim_fault_kind kinds[] = {AMZ_SIM_KILL, AMZ_SIM_FREEZE, AMZ_SIM_BREAK, AMZ_SIM_FENCED};

  c->n_faults = 1 + below(rng, FAULTS_MAX - 1);
  for (size_t i = 0; i < c->n_faults; i++) {
    int64_t at_ns = (int64_t)below(rng, one_in(rng, 2) ? 2000 : 60000) * MS;

    faults[i] = (struct amz_sim_fault){.kind = kinds[below(rng, 4)], .at_ns = at_ns, .rank = (uint32_t)below(rng, c->ranks)};
    faults[i].until_ns = at_ns + (int64_t)below(rng, 200000) * MS;
  }
  c->faults = faults;
  c->master.idempotent = one_in(rng, 2);
}

/* ---- judging ---------------------------------------------------------------------------------------------------------- */

static uint64_t settled_of(const struct watch *w)
{
  uint64_t n = 0;

  for (uint64_t i = 0; i < w->tasks; i++)
    n += w->finals[i] == 1;
  return n;
}

/* \return what is wrong with the run, or NULL. `allowed`: a bit per end. */
static const char *judge(const struct amz_sim_result *r, const struct watch *w, unsigned allowed)
{
  uint64_t done = r->stats.succeeded + r->stats.failed + r->stats.skipped;

  if (w->broken)
    return w->broken;
  if (r->undurable)
    return "recorded before it was on disk";
  if (!(allowed & 1u << r->end))
    return r->end == AMZ_END_RUNNING ? "the run didn't end" : "the run ended otherwise than it should";
  if (done != settled_of(w))
    return "counts and records differ";
  return (r->end == AMZ_END_DONE) == (done == w->tasks) ? NULL : "DONE is when all have an outcome, and only then";
}

static bool run_and_judge(const char *row, uint64_t seed, const struct amz_sim_config *c, struct watch *w, unsigned allowed)
{
  struct amz_sim_result r = {0};
  const char *wrong = amz_sim_run(c, &r) == AMZ_OK ? judge(&r, w, allowed) : "amz_sim_run";
  char text[160];

  if (!wrong)
    return true;
  (void)snprintf(text, sizeof text, "%s, seed %" PRIu64 " (end %d)", row, seed, (int)r.end);
  ASSERT_ROW_TEXT(text, wrong, NULL);
  return false;
}

#define ENDS1(a) (1u << (a))
#define ENDS2(a, b) (1u << (a) | 1u << (b))

static void test_calm(void)
{
  for (uint64_t seed = 0; seed < 3000; seed++) {
    struct amz_sim_config c;
    struct amz_sim_result r;
    struct watch w;
    struct amz_rng rng;

    amz_rng_seed(&rng, seed);
    draw_calm(&rng, &c, &w);
    if (!run_and_judge("calm", seed, &c, &w, ENDS1(AMZ_END_DONE)))
      return;
    /* nothing fails: each task ran once, and nothing was dropped, taken back or tried again */
    memset(&w, 0, sizeof w);
    w.tasks = c.master.tasks;
    w.partials = c.partials;
    CU_ASSERT_EQUAL(amz_sim_run(&c, &r), AMZ_OK);
    ASSERT_U64(r.stats.succeeded, w.tasks);
    ASSERT_U64(r.stats.late + r.stats.dropped + r.stats.reissued + r.stats.retried, 0);
  }
}

static void test_trouble(void)
{
  for (uint64_t seed = 0; seed < 3000; seed++) {
    struct amz_sim_config c;
    struct watch w;
    struct amz_rng rng;

    amz_rng_seed(&rng, seed);
    draw_calm(&rng, &c, &w);
    draw_trouble(&rng, &c);
    c.master.suspect_ns = 100000 * MS; /* messages may be half a minute late: nobody is dead for that */
    c.master.dead_ns = 200000 * MS;
    if (!run_and_judge("trouble", seed, &c, &w, ENDS1(AMZ_END_DONE)))
      return;
  }
}

/* Nothing is lost, doubled or left lying when ranks bar slots, whatever messages do. */
static void test_bars(void)
{
  for (uint64_t seed = 0; seed < 3000; seed++) {
    struct amz_sim_fault faults[FAULTS_MAX + 3];
    struct amz_sim_config c;
    struct watch w;
    struct amz_rng rng;

    amz_rng_seed(&rng, seed);
    draw_calm(&rng, &c, &w);
    draw_trouble(&rng, &c);
    c.master.suspect_ns = 100000 * MS;
    c.master.dead_ns = 200000 * MS;
    draw_bars(&rng, &c, c.ranks - 1, faults);
    if (!run_and_judge("bars", seed, &c, &w, ENDS1(AMZ_END_DONE)))
      return;
  }
}

static void test_ranks_die(void)
{
  for (uint64_t seed = 0; seed < 3000; seed++) {
    struct amz_sim_fault faults[FAULTS_MAX + 3];
    struct amz_sim_config c;
    struct watch w;
    struct amz_rng rng;

    amz_rng_seed(&rng, seed);
    draw_calm(&rng, &c, &w);
    draw_trouble(&rng, &c);
    draw_rank_faults(&rng, &c, faults);
    if (one_in(&rng, 3))
      draw_bars(&rng, &c, 0, faults);
    if (one_in(&rng, 5))
      c.fence_ns = AMZ_NEVER;
    if (!run_and_judge("ranks die", seed, &c, &w, ENDS2(AMZ_END_DONE, AMZ_END_LOST)))
      return;
  }
}

/* Rank 0 stays whole and fences are confirmed: whatever happens to the others, the run comes to its end. */
static void test_one_is_left(void)
{
  for (uint64_t seed = 0; seed < 3000; seed++) {
    struct amz_sim_fault faults[FAULTS_MAX];
    struct amz_sim_config c;
    struct watch w;
    struct amz_rng rng;

    amz_rng_seed(&rng, seed);
    draw_calm(&rng, &c, &w);
    c.ranks++;
    draw_trouble(&rng, &c);
    c.late_ns /= 5; /* not so late that rank 0 seems dead */
    draw_rank_faults(&rng, &c, faults);
    for (size_t i = 0; i < c.n_faults; i++)
      faults[i].rank = 1 + faults[i].rank % (c.ranks - 1);
    if (!run_and_judge("one is left", seed, &c, &w, ENDS1(AMZ_END_DONE)))
      return;
  }
}

static void test_drained(void)
{
  for (uint64_t seed = 0; seed < 3000; seed++) {
    struct amz_sim_fault faults[FAULTS_MAX + 2];
    struct amz_sim_config c;
    struct watch w;
    struct amz_rng rng;
    int64_t at_ns;

    amz_rng_seed(&rng, seed);
    draw_calm(&rng, &c, &w);
    draw_trouble(&rng, &c);
    if (one_in(&rng, 2))
      draw_rank_faults(&rng, &c, faults);
    at_ns = (int64_t)below(&rng, 20000) * MS;
    faults[c.n_faults++] = (struct amz_sim_fault){
      .kind = AMZ_SIM_DRAIN, .at_ns = at_ns, .stop = AMZ_STOP_DRAIN, .grace_ns = (int64_t)below(&rng, 3000) * MS};
    if (one_in(&rng, 2))
      faults[c.n_faults++] =
        (struct amz_sim_fault){.kind = AMZ_SIM_DRAIN, .at_ns = at_ns + (int64_t)below(&rng, 2000) * MS, .stop = AMZ_STOP_CANCEL};
    c.faults = faults;
    if (!run_and_judge("drained", seed, &c, &w, ENDS2(AMZ_END_DONE, AMZ_END_STOPPED) | ENDS1(AMZ_END_LOST)))
      return;
  }
}

static void test_stop_after(void)
{
  unsigned stopped = 0;

  for (uint64_t seed = 0; seed < 500; seed++) {
    struct amz_sim_config c;
    struct amz_sim_result r;
    struct watch w;
    struct amz_rng rng;

    amz_rng_seed(&rng, seed);
    draw_calm(&rng, &c, &w);
    c.fail = 0.2;
    c.master.stop_after = 1 + below(&rng, 5);
    c.master.retries = (uint32_t)below(&rng, 2);
    if (!run_and_judge("stop_after", seed, &c, &w, ENDS2(AMZ_END_DONE, AMZ_END_STOP_AFTER)))
      return;
    memset(&w, 0, sizeof w);
    w.tasks = c.master.tasks;
    w.partials = c.partials;
    CU_ASSERT_EQUAL(amz_sim_run(&c, &r), AMZ_OK);
    if (r.end == AMZ_END_STOP_AFTER) {
      stopped++;
      CU_ASSERT_TRUE(r.stats.failed >= c.master.stop_after);
    }
  }
  CU_ASSERT_TRUE(stopped > 50);
}

#define SWITCHES 3u

/* Policies change places in mid-run, several times, all with all. What they are told beside is anything. */
static void draw_switches(struct amz_rng *rng, struct amz_sim_config *c, struct amz_sim_fault *faults,
                          struct amz_policy_params told[SWITCHES])
{
  const struct amz_policy_ops *const *policies;
  uint64_t span_ms = 1 + (uint64_t)(c->work.mean_s * 1e3 * (double)c->master.tasks / (c->ranks * c->slots_per_rank));
  size_t n;

  policies = amz_policy_list(&n);
  c->master.policy = policies[below(rng, n)];
  for (uint32_t i = 0; i < SWITCHES; i++) {
    told[i] = (struct amz_policy_params){.mean_s = one_in(rng, 2) ? 0 : c->work.mean_s * (double)below(rng, 4),
      .stddev_s = 0.1 * (double)below(rng, 3), .target_s = 0.1 * (double)below(rng, 20), .overhead_s = 0.001,
      .service_s = 0.0001};
    faults[c->n_faults++] = (struct amz_sim_fault){.kind = AMZ_SIM_TELL, .at_ns = (int64_t)below(rng, span_ms + 1) * MS,
      .policy = policies[below(rng, n)], .told = one_in(rng, 3) ? NULL : &told[i]};
  }
  c->faults = faults;
}

static void test_switched(void)
{
  for (uint64_t seed = 0; seed < 6000; seed++) {
    struct amz_sim_fault faults[FAULTS_MAX + SWITCHES];
    struct amz_policy_params told[SWITCHES];
    struct amz_sim_config c;
    struct watch w;
    struct amz_rng rng;
    bool dies;

    amz_rng_seed(&rng, seed);
    draw_calm(&rng, &c, &w);
    if (one_in(&rng, 2))
      draw_trouble(&rng, &c);
    if ((dies = one_in(&rng, 2)))
      draw_rank_faults(&rng, &c, faults);
    else
      c.master.suspect_ns = 100000 * MS;
    draw_switches(&rng, &c, faults, told);
    if (!dies)
      c.master.dead_ns = 200000 * MS;
    if (!run_and_judge("switched", seed, &c, &w, dies ? ENDS2(AMZ_END_DONE, AMZ_END_LOST) : ENDS1(AMZ_END_DONE)))
      return;
  }
}

/* Who comes in mid-run hands out all that is left, as it would a run of so many tasks. */
static void test_each_hands_out(void)
{
  const struct amz_sim_fault late = {.kind = AMZ_SIM_TELL, .at_ns = 1500 * MS, .policy = amz_policy_find("static")};
  struct amz_sim_config c = {.ranks = 2, .slots_per_rank = 2, .work = {.shape = AMZ_SIM_CONSTANT, .mean_s = 1},
                             .bulk = true, .faults = &late, .n_faults = 1};
  struct amz_sim_result r;

  c.master.tasks = 104;
  c.master.stop_after = UINT64_MAX;
  c.master.policy = amz_policy_find("ss");
  c.worker.grain = 1;
  CU_ASSERT_EQUAL(amz_sim_run(&c, &r), AMZ_OK);
  ASSERT_U64(r.end, AMZ_END_DONE);
  ASSERT_U64(r.stats.succeeded, 104);
  CU_ASSERT_TRUE(r.stats.chunks <= 4 * 3 + 4); /* two tasks a slot and what it asked for ahead, then a share each */
  CU_ASSERT_TRUE(r.makespan_s >= 26 - 1e-9 && r.makespan_s < 28);
}

int main(void)
{
  static const struct amz_test tests[] = {
    {"nothing goes wrong", test_calm},
    {"tasks fail and hang, messages are late and doubled", test_trouble},
    {"slots are barred and opened again", test_bars},
    {"ranks die, freeze, break", test_ranks_die},
    {"one rank is left", test_one_is_left},
    {"drained and cancelled", test_drained},
    {"stopped after failures", test_stop_after},
    {"policies change places", test_switched},
    {"each hands out what is left", test_each_hands_out},
    {NULL, NULL},
  };

  return amz_test_main("faults", tests, 60);
}
