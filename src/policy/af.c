/* AF, adaptive factoring: FAC without knowing the tasks beforehand. Mean and variance are measured per worker, and a chunk is
 * such that the workers may be expected to be busy with half of what remains, whatever their speeds.
 * Banicescu and Liu, "Adaptive factoring: a dynamic scheduling method tuned to the rate of weight changes", HPC 2000:
 * D = sum of sigma_j² / mu_j, T = 1 / (sum of 1 / mu_j), over all j that take part, size (D + 2TR - sqrt(D² + 4DTR)) / (2 mu_p).
 *
 * D has the variance in it; with sigma in its stead, as some have it, the unit is wrong and chunks don't shrink when the tasks'
 * unit of time changes. j are slots: a worker's terms count as often as it has slots. Before two chunks or tasks of a worker have
 * been seen it is taken for the mean of the others; as long as there is nobody, params' mu and sigma count, and without them
 * chunks are FAC2's.
 *
 * Both sums are kept up to date by differences, and made anew every so often, lest roundings grow. */
#include <stdlib.h>

#include <amorsize/alloc.h>

#include "policies.h"

#define LEAST_MEAN_S 1e-9 /* a task takes some time, or 1 / mu is infinite */

struct worker {
  struct amz_seen seen;
  uint32_t slots;        /* 0: hasn't asked yet */
  uint32_t counted;      /* slots that are in the sums; 0: its times aren't known yet */
  double spread, pace;   /* its terms in the sums: slots sigma² / mu, slots / mu */
};

struct state {
  uint32_t workers;
  struct worker *of;
  double mean_s, variance_s2; /* of params; mean 0: unknown */
  double spread, pace;        /* sums over the workers that are known */
  uint32_t known_slots;
  uint64_t changes;           /* since the sums were made */
  uint32_t slots, left;       /* FAC2's batch, while nothing is known */
  uint64_t size;
};

/* Counts as long as no worker's own times are known. */
static void tell(void *state, const struct amz_policy_params *params)
{
  struct state *s = state;

  if (params->mean_s <= 0)
    return;
  s->mean_s = params->mean_s;
  s->variance_s2 = params->stddev_s * params->stddev_s;
}

static int init(void *state, const struct amz_policy_params *params)
{
  struct state *s = state;

  s->workers = params->workers;
  s->of = amz_new_array(params->workers, sizeof *s->of);
  tell(s, params);
  return s->of ? AMZ_OK : AMZ_ENOMEM;
}

static void clear(void *state)
{
  struct state *s = state;

  free(s->of);
}

/* ---- sums ------------------------------------------------------------------------------------------------------------- */

static double mean_of(const struct worker *w)
{
  return w->seen.mean_s > LEAST_MEAN_S ? w->seen.mean_s : LEAST_MEAN_S;
}

static void sum_up(struct state *s)
{
  s->spread = s->pace = 0;
  s->known_slots = 0;
  for (uint32_t i = 0; i < s->workers; i++) {
    s->spread += s->of[i].spread;
    s->pace += s->of[i].pace;
    s->known_slots += s->of[i].counted;
  }
  s->changes = 0;
}

static void set_terms(struct state *s, struct worker *w)
{
  double variance = amz_seen_variance(&w->seen), spread, pace;

  if (variance < 0 || w->slots == 0)
    return;
  spread = (double)w->slots * variance / mean_of(w);
  pace = (double)w->slots / mean_of(w);
  s->spread += spread - w->spread;
  s->pace += pace - w->pace;
  s->known_slots += w->slots - w->counted;
  w->counted = w->slots;
  w->spread = spread;
  w->pace = pace;
  if (++s->changes >= s->workers)
    sum_up(s);
}

static void feedback(void *state, const struct amz_policy_feedback *seen)
{
  struct state *s = state;

  if (seen->worker >= s->workers)
    return;
  amz_seen_add(&s->of[seen->worker].seen, seen);
  set_terms(s, &s->of[seen->worker]);
}

/* ---- chunks ----------------------------------------------------------------------------------------------------------- */

static uint64_t without_knowing(struct state *s, const struct amz_policy_ask *ask)
{
  if (s->left == 0 || s->slots != ask->slots) {
    s->slots = s->left = ask->slots;
    s->size = amz_ceil_div(ask->remaining, 2 * (uint64_t)ask->slots);
  }
  s->left--;
  return s->size;
}

/* The paper's formula. D + 2TR - sqrt(D² + 4DTR) loses all digits where D is small beside TR or large: it equals
 * (2TR)² / (D + 2TR + sqrt(D² + 4DTR)). */
static uint64_t factored(double d, double tr, double mean_s)
{
  return amz_ceil_count(2 * tr * tr / (d + 2 * tr + sqrt(d * d + 4 * d * tr)) / mean_s);
}

static uint64_t next(void *state, const struct amz_policy_ask *ask)
{
  struct state *s = state;
  struct worker *w = ask->worker < s->workers ? &s->of[ask->worker] : NULL;
  double slots = (double)ask->slots, remaining = (double)ask->remaining, all, mean_s;

  if (w && w->slots != ask->worker_slots) {
    w->slots = ask->worker_slots;
    set_terms(s, w);
  }
  if (s->known_slots == 0) {
    if (s->mean_s <= 0)
      return without_knowing(s, ask);
    return factored(slots * s->variance_s2 / s->mean_s, remaining * s->mean_s / slots, s->mean_s);
  }
  all = slots / (double)s->known_slots; /* those not known are like the others */
  mean_s = w && w->counted ? mean_of(w) : (double)s->known_slots / s->pace;
  return factored(s->spread * all, remaining / (s->pace * all), mean_s);
}

const struct amz_policy_ops amz_policy_af = {
  .name = "af",
  .summary = "factoring by the measured mean and variance of each rank",
  .source = "Banicescu and Liu 2000",
  .state_bytes = sizeof(struct state),
  .init = init,
  .clear = clear,
  .next = next,
  .feedback = feedback,
  .tell = tell,
};
