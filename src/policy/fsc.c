/* FSC, fixed-size chunking: the one size at which the time that chunks cost and the time that the last ones are waited for
 * balance, (sqrt(2) N h / (sigma P sqrt(ln P)))^(2/3).
 * Kruskal and Weiss, "Allocating independent subtasks on parallel processors", IEEE Trans. Software Eng. SE-11(10), 1985.
 *
 * Where the formula has no answer: one slot takes everything at once (ln 1 = 0: nobody waits for anybody); so do tasks of equal
 * length (sigma = 0), in even shares. More than an even share is never right, as slots would get nothing. When h or the tasks'
 * times are unknown, mFSC steps in, which makes about as many chunks as FAC2 without knowing anything: with t = ceil(N/P),
 * max(1, floor(0.55 + t ln 2 / ln t)) for t > 2, else 1 (Banicescu, Ciorba and Srivastava 2013). */
#include "policies.h"

struct state {
  uint64_t size;
  double mean_s, stddev_s, overhead_s; /* as far as they are known */
};

static uint64_t without_knowing(uint64_t share)
{
  double t = (double)share;

  return share <= 2 ? 1 : (uint64_t)floor(0.55 + t * log(2) / log(t));
}

static uint64_t size_of(const struct amz_policy_params *p)
{
  uint64_t share = amz_ceil_div(p->tasks, p->slots), size;
  double slots = (double)p->slots;

  if (p->slots == 1)
    return p->tasks;
  if (p->mean_s <= 0)
    return without_knowing(share);
  if (p->stddev_s <= 0)
    return share;
  if (p->overhead_s <= 0)
    return without_knowing(share);
  size = amz_ceil_count(pow(sqrt(2) * (double)p->tasks * p->overhead_s / (p->stddev_s * slots * sqrt(log(slots))), 2.0 / 3.0));
  return size < share ? size : share;
}

/* N and P are those of what is left when more gets known. */
static void tell(void *state, const struct amz_policy_params *params)
{
  struct state *s = state;
  struct amz_policy_params p = *params;

  if (p.mean_s > 0) {
    s->mean_s = p.mean_s;
    s->stddev_s = p.stddev_s;
  }
  s->overhead_s = p.overhead_s > 0 ? p.overhead_s : s->overhead_s;
  p.mean_s = s->mean_s;
  p.stddev_s = s->stddev_s;
  p.overhead_s = s->overhead_s;
  if (p.tasks > 0 || s->size == 0) /* what is left when all are handed out says nothing of those that return */
    s->size = size_of(&p);
}

static int init(void *state, const struct amz_policy_params *params)
{
  tell(state, params);
  return AMZ_OK;
}

static uint64_t next(void *state, const struct amz_policy_ask *ask)
{
  const struct state *s = state;

  (void)ask;
  return s->size;
}

const struct amz_policy_ops amz_policy_fsc = {
  .name = "fsc",
  .summary = "one size for all chunks, from overhead and variance",
  .source = "Kruskal and Weiss 1985",
  .state_bytes = sizeof(struct state),
  .init = init,
  .next = next,
  .tell = tell,
};
