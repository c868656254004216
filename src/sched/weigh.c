/* Heaviest first: the run's order for tasks of which something is known (longest processing time first, Graham 1969: list
 * scheduling in that order is at most a third over the optimum; in any order it may be twice as long).
 *
 * Tasks that follow each other with one weight are sorted as one stretch. Up to `exact` stretches are sorted, ties by index; more
 * go into 256 buckets by the logarithm of their weight, in which they keep their order and join where they touch: within a bucket
 * nothing would be won by sorting. A range of an order costs 16 bytes on each rank, so of more than twice `exact` stretches,
 * neighbours go together by their heaviest: there are never more than twice `exact` ranges beside those that were given. */
#include <math.h>
#include <stdlib.h>

#include <amorsize/alloc.h>
#include <amorsize/sched.h>

#define EXACT UINT64_C(10000000)
#define BUCKETS 256

struct stretch {
  double weight;
  struct amz_range range;
};

/* Where stretches go, one after another. */
struct walk {
  uint64_t join;         /* so many neighbours go as one; 0: 1 */
  uint64_t n;            /* stretches */
  double least, most;    /* weights above 0 */
  struct stretch *sorted; /* or NULL: only counting */
  /* buckets: how many ranges each has, or where the next one goes; the end of its last range */
  uint64_t *at, *end;
  struct amz_range *into; /* NULL: only counting */
};

static void see(struct walk *w, double weight, struct amz_range r)
{
  if (w->sorted)
    w->sorted[w->n] = (struct stretch){weight, r};
  w->n++;
  if (weight > 0 && (w->least <= 0 || weight < w->least))
    w->least = weight;
  if (weight > w->most)
    w->most = weight;
}

/* 0: the heaviest; weights of 0 are in the last. */
static unsigned bucket_of(const struct walk *w, double weight)
{
  double span = log2(w->most) - log2(w->least);

  if (weight <= 0)
    return BUCKETS - 1;
  return span > 0 ? (unsigned)((log2(w->most) - log2(weight)) / span * (BUCKETS - 1)) : 0;
}

static void fill_bucket(struct walk *w, double weight, struct amz_range r)
{
  unsigned b = bucket_of(w, weight);
  bool touches = w->end[b] == r.first && r.first > 0;

  w->end[b] = r.first + r.count;
  if (!touches) {
    if (w->into)
      w->into[w->at[b]] = (struct amz_range){r.first, 0};
    w->at[b]++;
  }
  if (w->into)
    w->into[w->at[b] - 1].count += r.count;
}

/* \return how many tasks from `first` on, before `end`, go together, and the most that one of them weighs. */
static uint64_t next_stretch(const struct amz_weights *weights, uint64_t first, uint64_t end, uint64_t join, double *ret_weight)
{
  uint64_t at = first, count;

  *ret_weight = 0;
  do {
    double weight = weights->of(weights->ctx, at, &count);

    if (weight > *ret_weight)
      *ret_weight = weight;
    at += count < end - at ? count : end - at;
  } while (at < end && join-- > 1);
  return at - first;
}

static void walk(const struct amz_range *ranges, size_t n, const struct amz_weights *weights, struct walk *w,
                 void (*take)(struct walk *, double, struct amz_range))
{
  for (size_t i = 0; i < n; i++)
    for (uint64_t first = ranges[i].first, end = first + ranges[i].count, count; first < end; first += count) {
      double weight;

      count = next_stretch(weights, first, end, w->join, &weight);
      take(w, weight, (struct amz_range){first, count});
    }
}

static int heavier(const void *a, const void *b)
{
  const struct stretch *x = a, *y = b;

  if (x->weight != y->weight)
    return x->weight > y->weight ? -1 : 1;
  return x->range.first < y->range.first ? -1 : x->range.first > y->range.first;
}

static void add_range(struct amz_range *into, size_t *n, struct amz_range r)
{
  if (*n && into[*n - 1].first + into[*n - 1].count == r.first)
    into[*n - 1].count += r.count;
  else
    into[(*n)++] = r;
}

/* The ranges take the place of the stretches, which are larger: none is overwritten before it has been read. */
static int sort(const struct amz_range *ranges, size_t n, const struct amz_weights *weights, uint64_t n_stretches,
                struct amz_range **ret, size_t *ret_n)
{
  struct walk w = {.sorted = n_stretches <= SIZE_MAX ? amz_new_array((size_t)n_stretches, sizeof *w.sorted) : NULL};
  struct amz_range *into = (struct amz_range *)(void *)w.sorted, *shrunk;
  size_t kept = 0;

  if (!into)
    return AMZ_ENOMEM;
  walk(ranges, n, weights, &w, see);
  qsort(w.sorted, (size_t)w.n, sizeof *w.sorted, heavier);
  for (uint64_t i = 0; i < w.n; i++)
    add_range(into, &kept, w.sorted[i].range);
  shrunk = realloc(into, (kept ? kept : 1) * sizeof *into);
  *ret = shrunk ? shrunk : into;
  *ret_n = kept;
  return AMZ_OK;
}

/* Counts the ranges of each bucket, then fills them, each behind those of the heavier ones. */
static int scatter(const struct amz_range *ranges, size_t n, const struct amz_weights *weights, const struct walk *seen,
                   uint64_t join,
                   struct amz_range **ret, size_t *ret_n)
{
  uint64_t at[BUCKETS] = {0}, end[BUCKETS] = {0}, sum = 0;
  struct walk w = {.join = join, .least = seen->least, .most = seen->most, .at = at, .end = end};

  walk(ranges, n, weights, &w, fill_bucket);
  for (unsigned b = 0; b < BUCKETS; b++) {
    uint64_t count = at[b];

    at[b] = sum;
    end[b] = 0;
    sum += count;
  }
  w.into = sum <= SIZE_MAX ? amz_new_array((size_t)sum, sizeof *w.into) : NULL;
  if (!w.into)
    return AMZ_ENOMEM;
  walk(ranges, n, weights, &w, fill_bucket);
  *ret = w.into;
  *ret_n = (size_t)sum;
  return AMZ_OK;
}

int amz_ranges_weigh(const struct amz_range *ranges, size_t n, const struct amz_weights *weights, uint64_t exact,
                     struct amz_range **ret, size_t *ret_n)
{
  struct walk seen = {0};

  exact = exact ? exact : EXACT;
  walk(ranges, n, weights, &seen, see);
  if (seen.n <= exact)
    return sort(ranges, n, weights, seen.n, ret, ret_n);
  return scatter(ranges, n, weights, &seen, (seen.n - 1) / exact / 2 + 1, ret, ret_n);
}
