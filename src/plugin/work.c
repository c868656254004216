/* Working on an order: its tasks one after the other, or a range at a time; what came of them in as few tellings as possible.
 *
 * The clock is read per stretch of tasks, and per task when a task takes so long that this is next to nothing. */
#include <errno.h>
#include <string.h>
#include <time.h>

#include "host.h"

#define TIMED_NS 20000.0  /* tasks of that length are timed each: the clock costs some 30 ns */
#define RANGE_NS 50000.0  /* of run_range at a time */
#define FEW 4u            /* so few are timed each, too */
#define MEAN_WEIGHT 0.3

static int64_t now_ns(clockid_t clock)
{
  struct timespec ts = {0, 0};

  (void)clock_gettime(clock, &ts);
  return (int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
}

/* The tasks since the last telling, all of which have succeeded. */
struct stretch {
  uint64_t offset, count;
  int64_t began_ns, start_ns, cpu_ns; /* monotonic, real time, of this thread (-1: not asked for) */
  double sq_s2; /* of those that were timed each */
  bool timed;
};

/* A thread's CPU time costs a system call: it is worth that for stretches that may last, and for those of which nothing is
 * known. */
static bool asks_cpu(const struct amz_slot_thread *s, uint64_t tasks)
{
  return s->mean_ns <= 0 || s->mean_ns * (double)tasks >= TIMED_NS;
}

static void begin(const struct amz_slot_thread *s, const struct amz_order_to_run *order, struct stretch *t, uint64_t offset,
                  bool timed)
{
  *t = (struct stretch){.offset = offset, .timed = timed, .began_ns = now_ns(CLOCK_MONOTONIC), .start_ns = now_ns(CLOCK_REALTIME),
                        .cpu_ns = asks_cpu(s, order->count - offset) ? now_ns(CLOCK_THREAD_CPUTIME_ID) : -1};
}

/* What has passed since the stretch began. */
static void fill_times(struct amz_telling *telling, const struct stretch *t)
{
  telling->start_ns = t->start_ns;
  telling->wall_ns = now_ns(CLOCK_MONOTONIC) - t->began_ns;
  /* threads of plug-ins rarely wait */
  telling->cpu_ns = t->cpu_ns >= 0 ? now_ns(CLOCK_THREAD_CPUTIME_ID) - t->cpu_ns : telling->wall_ns;
}

static struct amz_telling telling_of(const struct amz_order_to_run *order, enum amz_telling_kind kind, uint64_t offset,
                                     uint64_t count)
{
  return (struct amz_telling){.number = order->number, .kind = (uint32_t)kind, .offset = offset, .count = count,
                              .last = offset + count == order->count};
}

static void learn(struct amz_slot_thread *s, double task_ns)
{
  s->mean_ns += s->mean_ns > 0 ? MEAN_WEIGHT * (task_ns - s->mean_ns) : task_ns;
}

static void tell_stretch(struct amz_slot_thread *s, const struct amz_order_to_run *order, const struct stretch *t)
{
  struct amz_telling telling = telling_of(order, AMZ_TELL_DONE, t->offset, t->count);
  double wall_s;

  if (t->count == 0)
    return;
  fill_times(&telling, t);
  wall_s = (double)telling.wall_ns * 1e-9;
  telling.wall_sq_s2 = t->timed ? t->sq_s2 : wall_s * wall_s / (double)t->count;
  learn(s, (double)telling.wall_ns / (double)t->count);
  amz_slot_gather(s);
  telling.partials_bytes = (uint32_t)s->partials.len;
  amz_slot_tell(s, &telling);
  amz_buf_reset(&s->partials);
}

static void tell_failure(struct amz_slot_thread *s, const struct amz_order_to_run *order, const struct stretch *t, int code)
{
  struct amz_telling telling = telling_of(order, AMZ_TELL_FAILED, t->offset + t->count, 1);

  telling.code = code >= 1 && code <= 255 ? code : 1;
  fill_times(&telling, t);
  s->error[sizeof s->error - 1] = '\0';
  memcpy(telling.text, s->error, sizeof telling.text);
  amz_slot_tell(s, &telling);
}

static void tell_undone(struct amz_slot_thread *s, const struct amz_order_to_run *order, uint64_t offset)
{
  const struct amz_telling telling = telling_of(order, AMZ_TELL_UNDONE, offset, order->count - offset);

  amz_slot_tell(s, &telling);
}

static void tell_unkept(struct amz_slot_thread *s, const struct amz_order_to_run *order, uint64_t offset, uint64_t count,
                        int code)
{
  struct amz_telling telling = telling_of(order, AMZ_TELL_UNKEPT, offset, count);

  telling.code = code;
  amz_slot_tell(s, &telling);
}

/* Tasks that have succeeded: their results are kept, and the stretch has them. */
static void keep(struct amz_slot_thread *s, const struct amz_order_to_run *order, struct stretch *t, uint64_t offset,
                 uint64_t first,
                 uint64_t count, const unsigned char *results)
{
  int code = amz_slot_write(s, first, count, results);

  if (code) {
    tell_stretch(s, order, t);
    tell_unkept(s, order, offset, count, code);
    begin(s, order, t, offset + count, t->timed);
    return;
  }
  for (uint64_t n; count > 0; offset += n, first += n, count -= n, results += n * s->host->result_bytes) {
    n = s->reducer ? amz_slot_reduce(s, first, count, results) : count;
    t->count += n;
    if (n < count) {
      tell_stretch(s, order, t);
      begin(s, order, t, offset + n, t->timed);
    }
  }
}

static bool must_yield(const struct amz_slot_thread *s, const struct amz_order_to_run *order)
{
  return s->forked || atomic_load_explicit(&s->lane->yield_upto, memory_order_relaxed) >= order->number;
}

/* Runs one task and times it, if that is wanted. \return what `run` said. */
static int run_one(struct amz_slot_thread *s, struct stretch *t, void *result)
{
  int64_t before_ns = t->timed ? now_ns(CLOCK_MONOTONIC) : 0;
  int code = s->host->plugin->run(s->state, &s->task, result);
  double wall_s;

  if (t->timed && code == 0) {
    wall_s = (double)(now_ns(CLOCK_MONOTONIC) - before_ns) * 1e-9;
    t->sq_s2 += wall_s * wall_s;
  }
  return code;
}

/* Runs tasks first .. first + count - 1, which begin at `offset` of the order. \return how many were run; fewer when told to
 * yield. */
static uint64_t run_each(struct amz_slot_thread *s, const struct amz_order_to_run *order, struct stretch *t, uint64_t offset,
                         uint64_t first,
                         uint64_t count)
{
  size_t each = s->host->result_bytes;
  unsigned char *result = s->results, *unkept = result;
  uint64_t i, from = 0; /* the first whose result isn't kept yet */

  for (i = 0; i < count; i++, result += each) {
    int code;

    if (must_yield(s, order))
      break;
    atomic_store_explicit(&s->lane->at, offset + i, memory_order_relaxed);
    s->task.index = first + i;
    code = run_one(s, t, each ? result : NULL);
    if (code == 0)
      continue;
    keep(s, order, t, offset + from, first + from, i - from, unkept);
    tell_stretch(s, order, t);
    tell_failure(s, order, t, code);
    s->error[0] = '\0';
    begin(s, order, t, offset + i + 1, t->timed);
    from = i + 1;
    unkept = result + each;
  }
  keep(s, order, t, offset + from, first + from, i - from, unkept);
  return i;
}

/* Runs a step by the plug-in's own loop. One that failed as a whole is run task by task, to find out which. */
static uint64_t run_together(struct amz_slot_thread *s, const struct amz_order_to_run *order, struct stretch *t, uint64_t offset,
                             uint64_t first, uint64_t count)
{
  atomic_store_explicit(&s->lane->at, offset, memory_order_relaxed);
  if (s->host->plugin->run_range(s->state, first, count, s->host->result_bytes ? s->results : NULL) != 0) {
    if (s->results)
      memset(s->results, 0, count * s->host->result_bytes);
    return run_each(s, order, t, offset, first, count);
  }
  keep(s, order, t, offset, first, count, s->results);
  return count;
}

/* How many tasks to run between two looks at the world outside: as many as results have room, and with run_range no more than
 * some time's worth. */
static uint64_t step_of(const struct amz_slot_thread *s, bool together, uint64_t count)
{
  uint64_t most = s->results_most ? s->results_most : count;

  if (together && s->mean_ns * (double)most > RANGE_NS)
    most = (uint64_t)(RANGE_NS / s->mean_ns);
  if (together && s->mean_ns <= 0)
    most = FEW;
  if (most == 0)
    most = 1;
  return most < count ? most : count;
}

/* \return how many of the range's tasks were run. */
static uint64_t run_range_of(struct amz_slot_thread *s, const struct amz_order_to_run *order, struct stretch *t, uint64_t offset,
                             uint64_t first,
                             uint64_t count)
{
  bool together = s->host->plugin->run_range && !order->one_by_one && !t->timed;
  uint64_t done = 0, step, ran;

  for (; done < count; done += ran) {
    if (must_yield(s, order))
      break;
    step = step_of(s, together, count - done);
    if (s->results)
      memset(s->results, 0, step * s->host->result_bytes);
    ran = (together ? run_together : run_each)(s, order, t, offset + done, first + done, step);
    if (ran < step)
      return done + ran;
  }
  return done;
}

void amz_slot_work(struct amz_slot_thread *s, const struct amz_order_to_run *order)
{
  struct amz_lane *lane = s->lane;
  struct stretch t;
  uint64_t offset = 0;

  atomic_store_explicit(&lane->at, 0, memory_order_relaxed);
  atomic_store_explicit(&lane->number, order->number, memory_order_release);
  begin(s, order, &t, 0, s->mean_ns >= TIMED_NS || order->count <= FEW);
  for (uint32_t i = 0; i < order->n_ranges; i++) {
    uint64_t ran = run_range_of(s, order, &t, offset, order->ranges[i].first, order->ranges[i].count);

    offset += ran;
    if (ran < order->ranges[i].count)
      break;
  }
  tell_stretch(s, order, &t);
  if (offset < order->count)
    tell_undone(s, order, offset);
  atomic_store_explicit(&lane->number, 0, memory_order_release);
}
