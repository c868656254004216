/* What a run knows that has come some way. Oracles: hand computation over tasks whose times are plain. */
#include <math.h>
#include <stdio.h>

#include <amorsize/workload.h>

#include "../../support/tap.h"

#define TASKS 200u
#define SAMPLED 50u
#define LATER 20u /* a tenth */

/* Each fourth task was sampled, from `from` on; later the first tenth of the list was run, or the heaviest tenth. Times:
 * `first_tenth` of those, else 1, by weight; later by `pace`. */
static const struct row {
  const char *row;
  double first_tenth, pace, jitter;
  bool weighted, more_threads, failed;
  uint32_t later_busy;
  uint64_t from, step;
  double mean; /* expected */
} rows[] = {
  {"nothing has changed: all count alike", 1, 1, 0, false, false, false, 2, 0, 4, 1},
  {"tasks all alike, the machine is slower", 1, 1.3, 0, false, false, false, 2, 0, 4, 1.3},
  {"and faster", 1, 0.8, 0, false, false, false, 2, 0, 4, 0.8},
  {"the first tenth takes longer, as its sampled ones did: the sample stands", 2, 1, 0, false, false, false, 2, 0, 4, 1.1},
  {"both: parts differ, tasks within them don't: the machine is a fifth slower", 2, 1.2, 0, false, false, false, 2, 0, 4, 1.32},
  /* The twenty: 1.3 ± 0.39, its mean's variance 0.39² · 20 / 19 / 20 = 0.008005; the fifty: 1 ± 0.3, 0.09 · 50 / 49 / 50 =
   * 0.001837. Parts' means (1.06 and 0.94 in turn) vary by 0.004, less than 4.32 / 40 / 5 = 0.0216 lets expect: 0.15² /
   * (0.15² + 0.009842) = 0.6957 of 0.3 */
  {"tasks scatter, parts don't differ: held against all of the sample", 1, 1.3, 0.3, false, false, false, 2, 0, 4, 1.2087},
  {"of that part nothing was sampled: the sample stands", 1, 1.5, 0, false, false, false, 2, 100, 2, 1},
  {"heavy ones first: what the machine does shows beside what weights let expect", 1, 1.3, 0.01, true, false, false, 2, 0, 4,
   1.3},
  {"heavy ones first, nothing has changed", 1, 1, 0.01, true, false, false, 2, 0, 4, 1},
  {"those that ran beside fewer tell nothing of the pace", 1, 0.5, 0, false, false, false, 1, 0, 4, 1},
  {"nor those with other threads, of which nothing is known", 1, 0.5, 0, false, true, false, 2, 0, 4, 1},
  {"nor failures", 1, 0.1, 0, false, false, true, 2, 0, 4, 1},
};

static double weight_of(const struct row *r, uint64_t index)
{
  return r->weighted ? 1 + (double)((index * 37) % TASKS) / 50 : 0;
}

static double time_of(const struct row *r, uint64_t index)
{
  double noise = 1 + r->jitter * ((index / 4 + index) % 2 ? -1 : 1);

  return (r->weighted ? weight_of(r, index) : index < LATER ? r->first_tenth : 1) * noise;
}

static struct amz_observation seen(const struct row *r, uint64_t index)
{
  return (struct amz_observation){.index = index, .weight = weight_of(r, index), .threads = 1, .busy = 2,
                                  .wall_s = time_of(r, index), .cpu_s = time_of(r, index)};
}

/* The heaviest are as many as are wanted, whatever their sequence. */
static size_t run_later(const struct row *r, struct amz_observation *ret)
{
  size_t n = 0;

  for (uint64_t i = 0; i < TASKS && n < LATER; i++)
    if (r->weighted ? weight_of(r, i) >= 4.5 : i < LATER) {
      ret[n] = seen(r, i);
      ret[n].wall_s *= r->pace;
      ret[n].cpu_s *= r->pace;
      ret[n].busy = r->later_busy;
      ret[n].threads = r->more_threads ? 2 : 1;
      ret[n++].failed = r->failed;
    }
  return n;
}

static void test_rows(void)
{
  struct amz_observation sample[SAMPLED], later[LATER];
  struct amz_workload w;

  for (size_t k = 0; k < sizeof rows / sizeof *rows; k++) {
    const struct row *r = &rows[k];
    double got;
    size_t n = run_later(r, later);

    for (uint64_t i = 0; i < SAMPLED; i++)
      sample[i] = seen(r, r->from + i * r->step);
    ASSERT_ROW_I64(r->row, amz_workload_refit(sample, SAMPLED, later, n, TASKS, 0.95, &w), AMZ_OK);
    /* times are weights: that of weight 2 over 2 */
    got = r->weighted ? exp(w.weight.intercept + w.weight.slope * log(2)) / 2 : w.mean_s.value;
    if (fabs(got / r->mean - 1) > 0.005) {
      printf("# %s: %.4f instead of %.4f\n", r->row, got, r->mean);
      CU_FAIL("the pace");
    }
    amz_workload_clear(&w);
  }
}

int main(void)
{
  static const struct amz_test tests[] = {{"what came later and the sample", test_rows}, {NULL, NULL}};

  return amz_test_main("model: a run that has come some way", tests, 0);
}
