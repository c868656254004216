/* Have costs changed? Two samples of task times, made comparable, and the interval of their means' ratio. */
#include <amorsize/history.h>

#include <math.h>

#include <amorsize/stats.h>

#define CONFIDENCE 0.95
#define RELATED 0.3 /* a share of the variance from which on time is held against weight or place, as reports do */

/* What the known ones let expect of a task, by what it is alike in. */
struct yardstick {
  uint32_t threads, busy;
  bool by_weight;
  struct amz_relation weight, place; /* ln time over ln weight; time over place in the list */
  double mean;
};

static double place_of(const struct amz_observation *o, uint64_t tasks)
{
  return tasks ? (double)o->index / (double)tasks : 0;
}

/* Fewest threads, then most neighbours, as a workload's reference. */
static void choose_circumstances(const struct amz_observation *known, size_t n, struct yardstick *y)
{
  for (size_t i = 0; i < n; i++) {
    const struct amz_observation *o = &known[i];

    if (!o->failed && (y->threads == 0 || o->threads < y->threads || (o->threads == y->threads && o->busy > y->busy))) {
      y->threads = o->threads;
      y->busy = o->busy;
    }
  }
}

/* Slots run dry at a run's end: half as many neighbours, or twice, still count. */
static bool is_alike(const struct yardstick *y, const struct amz_observation *o)
{
  return !o->failed && o->threads == y->threads && (uint64_t)o->busy * 2 > y->busy && (uint64_t)y->busy * 2 > o->busy &&
      o->wall_s > 0 &&
         isfinite(o->wall_s);
}

/* Least squares in one pass (Welford's updates for the co-moment, too). */
struct moments {
  double n, mean_x, mean_y, xx, yy, xy;
};

static void add_pair(struct moments *m, double x, double y)
{
  double dx = x - m->mean_x, dy = y - m->mean_y;

  m->n++;
  m->mean_x += dx / m->n;
  m->mean_y += dy / m->n;
  m->xx += dx * (x - m->mean_x);
  m->yy += dy * (y - m->mean_y);
  m->xy += dx * (y - m->mean_y);
}

static struct amz_relation relate(const struct moments *m)
{
  struct amz_relation r = {.r2 = -1};

  if (m->n < 5 || !(m->xx > 0) || !(m->yy > 0))
    return r;
  r.slope = m->xy / m->xx;
  r.intercept = m->mean_y - r.slope * m->mean_x;
  r.r2 = m->xy * m->xy / (m->xx * m->yy);
  return r;
}

static void learn(const struct amz_observation *known, size_t n, uint64_t tasks, struct yardstick *y)
{
  struct moments weight = {0}, place = {0};

  choose_circumstances(known, n, y);
  for (size_t i = 0; i < n; i++) {
    if (!is_alike(y, &known[i]))
      continue;
    if (known[i].weight > 0)
      add_pair(&weight, log(known[i].weight), log(known[i].wall_s));
    add_pair(&place, place_of(&known[i], tasks), known[i].wall_s);
  }
  y->weight = relate(&weight);
  y->place = relate(&place);
  y->mean = place.mean_y;
  y->by_weight = y->weight.r2 > RELATED;
}

/* What the weight or place of a task lets expect of its time, up to one factor for all, which cancels out. Lines may fall below
 * nothing where nobody looked; a hundredth of the mean is as near to it as a task is thought to come. \return 0: nothing is
 * expected of such a task. */
static double expected_of(const struct yardstick *y, const struct amz_observation *o, uint64_t tasks)
{
  double expected = 1;

  if (y->by_weight && !(o->weight > 0))
    return 0;
  if (y->by_weight)
    expected = exp(y->weight.intercept + y->weight.slope * log(o->weight));
  else if (y->place.r2 > RELATED)
    expected = fmax(y->place.intercept + y->place.slope * place_of(o, tasks), y->mean / 100);
  return isfinite(expected) ? expected : 0;
}

/* Times x held against what was expected, e: sums are compared, not single ratios, among which those of the shortest tasks would
 * count most. */
struct held {
  size_t n;
  double x, e, xx, xe, ee; /* sums */
};

static struct held gather(const struct yardstick *y, const struct amz_observation *o, size_t n, uint64_t tasks)
{
  struct held h = {0};

  for (size_t i = 0; i < n; i++) {
    double e = is_alike(y, &o[i]) ? expected_of(y, &o[i], tasks) : 0, x = o[i].wall_s;

    if (!(e > 0))
      continue;
    h.n++;
    h.x += x;
    h.e += e;
    h.xx += x * x;
    h.xe += x * e;
    h.ee += e * e;
  }
  return h;
}

/* n times the relative variance of the ratio estimator R = Σx/Σe: n²/(n − 1) · Σ(x − R·e)² / (Σx)² (Cochran, "Sampling
 * Techniques", 1977, section 6.4); where all e are alike, the square of the times' CV. */
static double cv2_of(const struct held *h)
{
  double ratio = h->x / h->e, n = (double)h->n;

  return h->n < 2 ? 0 : n * n / (n - 1) * fmax(0, h->xx - 2 * ratio * h->xe + ratio * ratio * h->ee) / (h->x * h->x);
}

/* Of both together: n − 1 degrees of freedom each. */
static double pooled_cv2(const struct held *a, const struct held *b)
{
  return ((double)(a->n - 1) * cv2_of(a) + (double)(b->n - 1) * cv2_of(b)) / (double)(a->n + b->n - 2);
}

static void set_ratio(const struct held *known, const struct held *seen, struct amz_history_drift *d)
{
  uint64_t df = known->n + seen->n - 2;
  double t = amz_student_quantile(CONFIDENCE, df < UINT32_MAX ? (uint32_t)df : UINT32_MAX);
  double half = t * sqrt(pooled_cv2(known, seen) * (1.0 / (double)known->n + 1.0 / (double)seen->n));

  d->ratio = seen->x / seen->e / (known->x / known->e);
  d->low = d->ratio * exp(-half);
  d->high = d->ratio * exp(half);
}

bool amz_history_drifted(const struct amz_observation *known, size_t n_known, uint64_t known_tasks,
                         const struct amz_observation *seen,
                         size_t n_seen, uint64_t seen_tasks, struct amz_history_drift *ret)
{
  struct amz_history_drift d = {.ratio = 1, .high = INFINITY};
  struct held before, now;
  struct yardstick y = {0};

  learn(known, n_known, known_tasks, &y);
  before = gather(&y, known, n_known, known_tasks);
  now = gather(&y, seen, n_seen, seen_tasks);
  d.known = before.n;
  d.seen = now.n;
  if (before.n >= 1 && now.n >= 1 && before.n + now.n >= 3)
    set_ratio(&before, &now, &d);
  if (ret)
    *ret = d;
  return (d.ratio > 1 + AMZ_HISTORY_DRIFT || d.ratio < 1 / (1 + AMZ_HISTORY_DRIFT)) && (d.low > 1 || d.high < 1);
}
