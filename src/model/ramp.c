/* Slots for tasks that wait: see ramp.h. */
#include <amorsize/ramp.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <amorsize/alloc.h>
#include <amorsize/load.h>

#define GAIN_LEAST 1.25     /* times the throughput, for twice the slots or more: else no more are opened */
#define SURE 2.0            /* standard errors: a slowdown is believed when it is chance in one of forty cases */
#define AS_BEFORE 1.1       /* tasks that take no longer than that beside more others don't mind them */
#define BOLD 16.0           /* then at most so many times as many, */
#define USED 0.5            /* and as use so much of the cores: of what they wait for it's known that there is enough now */
#define CAREFUL 2.0
#define CLOSE 0.95          /* of the best throughput: the smallest number of slots that has it is taken, */
#define SPARE 1.25          /* or so many times as many as would have it if nobody ever waited for a turn, where that's fewer */
#define START_ERROR 0.5     /* of what a start takes, from one generation to the next; assumed */
#define STARTS_LEAST 8u     /* fewer starts at once tell little of what one takes */
#define MEDIAN_ERROR 1.2533 /* √(π/2): of a median of normal values over that of their mean */

int amz_ramp_begin(struct amz_ramp *r, uint32_t slots, uint32_t base, uint32_t most, double cores, int64_t now_ns)
{
  *r = (struct amz_ramp){.slots = slots, .base = base, .most = most > slots ? most : slots, .cores = cores,
                         .waits = amz_load_waits_below(0),
                         .opened_ns = now_ns};
  if (slots == 0 || base == 0 || !(cores > 0))
    return AMZ_EINVAL;
  r->over = most <= base;
  if (r->over)
    return AMZ_OK;
  r->seen_in = amz_new_array(r->most, sizeof *r->seen_in);
  r->wall_s = amz_new_array(r->most, sizeof *r->wall_s);
  if (r->seen_in && r->wall_s)
    return AMZ_OK;
  amz_ramp_clear(r);
  return AMZ_ENOMEM;
}

void amz_ramp_clear(struct amz_ramp *r)
{
  free(r->seen_in);
  free(r->wall_s);
  memset(r, 0, sizeof *r);
}

/* ---- seeing ------------------------------------------------------------------------------------------------------------- */

/* Generations are counted from 1: slots that were never seen have 0. */
static uint8_t generation(const struct amz_ramp *r)
{
  return (uint8_t)(r->n_levels + 1);
}

/* Slots that were opened together begin one behind the other, in their sequence: the lowest and the highest that is known tell
 * how fast. */
static void note_start(struct amz_ramp *r, uint32_t slot, int64_t start_ns)
{
  struct amz_ramp_start start = {slot, start_ns};

  if (slot < r->before)
    return;
  if (r->low.start_ns == 0 || slot < r->low.slot)
    r->low = start;
  if (r->high.start_ns == 0 || slot > r->high.slot)
    r->high = start;
}

static double start_s(const struct amz_ramp *r)
{
  double apart = (double)r->high.slot - (double)r->low.slot, s = (double)(r->high.start_ns - r->low.start_ns) * 1e-9;

  return apart > 0 && s > 0 ? s / apart : 0;
}

void amz_ramp_see(struct amz_ramp *r, uint32_t slot, int64_t start_ns, const struct amz_ramp_task *task)
{
  if (r->over || slot >= r->slots || start_ns < r->opened_ns || r->seen_in[slot] == generation(r) || !(task->wall_s >= 0))
    return;
  r->seen_in[slot] = generation(r);
  note_start(r, slot, start_ns);
  if (task->failed) {
    r->failed++;
    return;
  }
  r->wall_s[r->n++] = task->wall_s;
  r->all_wall_s += task->wall_s;
  r->awake_s += task->wall_s - fmin(task->waited_s, fmax(0, task->wall_s - task->cpu_s)); /* clocks that tick may tell too much */
  r->cpu_s += task->cpu_s;
}

/* ---- what a generation showed --------------------------------------------------------------------------------------------- */

static int ascending(const void *a, const void *b)
{
  double x = *(const double *)a, y = *(const double *)b;

  return (x > y) - (x < y);
}

/* Of the logarithms: times are compared by their ratio. wall_s[middle] is the median of n. Those beyond may not have ended, and
 * the spread of all that have would be too small: they are taken to scatter as those below do. */
static double error_of_median(const double *wall_s, size_t middle, size_t n)
{
  double squares = 0;

  for (size_t i = 0; i < middle; i++)
    if (wall_s[i] > 0)
      squares += pow(log(wall_s[i] / wall_s[middle]), 2);
  return n < 3 ? INFINITY : MEDIAN_ERROR * sqrt(squares / (double)middle / (double)n);
}

/* \return whether the generation is known: the median of its successes, those that haven't ended taken for longer than those that
 * have. */
static bool learn_level(struct amz_ramp *r)
{
  size_t successes = r->slots - r->failed, middle = successes / 2;
  struct amz_ramp_level *level = &r->levels[r->n_levels];

  if (r->n <= middle || r->n_levels == AMZ_RAMP_LEVELS)
    return false;
  qsort(r->wall_s, r->n, sizeof *r->wall_s, ascending);
  *level = (struct amz_ramp_level){.slots = r->slots, .n = r->n, .task_s = r->wall_s[middle],
                                   .log_error = error_of_median(r->wall_s, middle, successes),
                                   .start_s = start_s(r)};
  level->rate = r->slots / fmax(fmax(level->task_s + level->start_s, r->slots * level->start_s), 1e-9);
  r->n_levels++;
  return true;
}

/* Starts compete with what they start and with ends that come meanwhile; beside other work a short burst is over before others
 * get their share of the CPUs again, and a longer one is not, which makes each start take twice as long or more. So the last
 * burst knows but roughly how fast the next one will be. */
struct amz_quantity amz_ramp_start(const struct amz_ramp *r)
{
  struct amz_quantity q = {.source = AMZ_UNKNOWN};
  double half = 0;

  for (size_t i = 0; i < r->n_levels; i++) {
    const struct amz_ramp_level *level = &r->levels[i];
    uint32_t starts = level->slots - (i ? level[-1].slots : 0);

    if (!(level->start_s > 0))
      continue;
    half = q.n >= STARTS_LEAST ? fabs(level->start_s - q.value) : 0;
    q.value = level->start_s;
    q.n = starts;
  }
  if (q.n == 0)
    return q;
  half = fmax(half, (START_ERROR + r->pressure) * q.value);
  q.low = fmax(0, q.value - half);
  q.high = q.value + half;
  q.source = AMZ_SAMPLED;
  return q;
}

/* ---- what follows ---------------------------------------------------------------------------------------------------------- */

/* Tasks that take `alone_s` when nobody is in their way need rate · alone_s slots to have that rate (Little, "A proof for the
 * queuing formula L = λW", Operations Research 9, 1961): what is beyond them only queues. So the number may lie between two
 * generations. \return at most the slots of levels[i]. */
static uint32_t knee(const struct amz_ramp *r, size_t i)
{
  double alone_s = r->levels[i].task_s, want;

  for (size_t k = 0; k < i; k++)
    alone_s = fmin(alone_s, r->levels[k].task_s);
  want = ceil(SPARE * r->levels[i].rate * (alone_s + r->levels[i].start_s));
  if (i > 0)
    want = fmax(want, r->levels[i - 1].slots);
  return want < r->levels[i].slots ? (uint32_t)want : r->levels[i].slots;
}

/* The least slots that have about the best throughput; of those that are allowed. */
static uint32_t best_of(const struct amz_ramp *r, uint32_t bound)
{
  double best = 0;
  uint32_t slots;
  size_t i = 0;

  for (size_t k = 0; k < r->n_levels; k++)
    best = fmax(best, r->levels[k].rate);
  while (r->levels[i].rate < CLOSE * best)
    i++;
  slots = knee(r, i);
  slots = slots > r->base ? slots : r->base;
  return slots < bound ? slots : bound;
}

/* \return whether the last generation has brought too little, beyond doubt: tasks took longer beside more others, or couldn't be
 * started as fast. */
static bool brought_nothing(const struct amz_ramp *r)
{
  const struct amz_ramp_level *now = &r->levels[r->n_levels - 1], *before = now - 1;
  double slower;

  if (r->n_levels < 2)
    return false;
  if (now->rate >= GAIN_LEAST * before->rate)
    return false;
  slower = log(now->task_s / before->task_s);
  return now->slots * now->start_s > now->task_s || slower > SURE * hypot(now->log_error, before->log_error);
}

/* Each generation costs the run a task's time on too few slots: who hardly computes is to be there in two of them. */
static double factor(const struct amz_ramp *r, double by_cpu)
{
  const struct amz_ramp_level *now = &r->levels[r->n_levels - 1];
  bool as_before = r->n_levels < 2 || now->task_s < AS_BEFORE * (now - 1)->task_s;

  return as_before ? fmin(fmax(by_cpu * USED / now->slots, CAREFUL), BOLD) : CAREFUL;
}

/* \return how many the next generation has; as many as now: there is none. */
static uint32_t grown(const struct amz_ramp *r, uint32_t bound)
{
  double share = r->awake_s > 0 ? r->cpu_s / r->awake_s : 1, by_cpu = r->cores / fmax(share, 1e-6), want;

  want = fmax(r->slots * factor(r, by_cpu), r->base);
  want = fmin(want, fmax(floor(by_cpu), r->base));
  want = fmin(want, fmin(bound, r->most));
  return want >= GAIN_LEAST * r->slots ? (uint32_t)want : r->slots;
}

static uint32_t open_slots(struct amz_ramp *r, uint32_t slots, int64_t now_ns)
{
  bool same = slots == r->slots;

  r->before = r->slots;
  r->slots = slots;
  r->opened_ns = now_ns;
  r->n = r->failed = 0;
  r->low = r->high = (struct amz_ramp_start){0, 0};
  return same ? 0 : slots;
}

static uint32_t end_with(struct amz_ramp *r, uint32_t slots, int64_t now_ns)
{
  r->over = true;
  return open_slots(r, slots, now_ns);
}

/* What tasks are known to have waited for CPUs is left out of account; what isn't known of that may be all that they don't
 * compute, as far as r->waits says. */
static bool computes(const struct amz_ramp *r)
{
  return r->cpu_s >= amz_load_waits_below(0) * r->awake_s || r->cpu_s >= r->waits * r->all_wall_s;
}

uint32_t amz_ramp_next(struct amz_ramp *r, uint32_t bound, int64_t now_ns)
{
  uint32_t next;

  bound = bound ? bound : 1;
  if (r->over)
    return 0;
  if (r->failed * 2 > r->slots) /* nobody knows what such tasks wait for */
    return end_with(r, r->base < bound ? r->base : bound, now_ns);
  if (r->slots > bound)
    return end_with(r, bound, now_ns);
  if (!learn_level(r))
    return 0;
  if (computes(r))
    return end_with(r, r->base < bound ? r->base : bound, now_ns);
  if (brought_nothing(r) || r->n_levels == AMZ_RAMP_LEVELS)
    return end_with(r, best_of(r, bound), now_ns);
  next = grown(r, bound);
  return next > r->slots ? open_slots(r, next, now_ns) : end_with(r, r->slots, now_ns);
}
