/* RUNs that wait on their slots: what a slot begins by itself when the one that runs there has ended.
 *
 * Between two RUNs a slot idles until we have heard of the first one's end, which takes long where slots keep all cores busy: as
 * long as the system lets one of them run before it is our turn. So a slot that runs something short has its next RUN already.
 * One whose RUN has taken longer than was expected gets none: who knows for how long it would wait there. What waits here counts
 * as queued: nothing more is asked for because of it.
 *
 * Invariants: only busy slots have a next RUN; n_next and next_positions are the sums over all slots. */
#include "worker.h"

/* that a RUN should have: a few long ones idle next to nothing between RUNs, and what waits behind one waits long */
#define SHORT_TASKS 4.0
#define LEAST_PART 0.25  /* of a RUN: the last few positions are for whoever is idle first */

/* \return positions that a next RUN should have now; 0: none. */
static uint64_t wanted_next(const struct amz_worker *w)
{
  double grain_ns = (double)w->config->grain_ns;
  uint64_t wanted;

  if (w->queue.count == 0 || w->task_ns <= 0 || w->task_ns * SHORT_TASKS > grain_ns)
    return 0;
  wanted = amz_worker_grain(w);
  return (double)wanted * w->task_ns >= LEAST_PART * grain_ns ? wanted : 0;
}

static bool may_have_next(const struct amz_worker *w, uint32_t slot)
{
  const struct amz_slot *s = &w->slots[slot];

  return s->left && s->as == 0 && w->next[slot].run.left == 0 && w->now_ns - s->started_ns < w->config->grain_ns;
}

static int give_next(struct amz_worker *w, uint32_t slot, uint64_t wanted, struct amz_actions *out)
{
  struct amz_next *next = &w->next[slot];
  struct amz_chunk c;
  int rc = amz_worker_gather(w, &next->parts, wanted, &c);

  if (rc == AMZ_OK)
    rc = amz_worker_start(w, slot, &c, &next->run, out);
  if (rc < 0)
    return rc;
  w->n_next++;
  w->next_positions += c.count;
  return AMZ_OK;
}

static int amz_worker_fill_next(struct amz_worker *w, struct amz_actions *out)
{
  uint64_t wanted;
  int rc = AMZ_OK;

  if (w->n_next >= w->n_busy || w->open < w->n_slots || w->stop != AMZ_STOP_NONE || w->overestimated || w->recalled)
    return AMZ_OK;
  for (uint32_t i = 0; rc == AMZ_OK && i < w->n_slots && (wanted = wanted_next(w)) > 0; i++)
    if (may_have_next(w, i))
      rc = give_next(w, i, wanted, out);
  return rc;
}

static bool amz_worker_begin_next(struct amz_worker *w, uint32_t slot)
{
  struct amz_slot *s = &w->slots[slot];
  struct amz_next *next = &w->next[slot];
  const struct amz_parts parts = w->parts[slot];
  const struct amz_slot before = *s;

  if (next->run.left == 0)
    return false;
  w->n_next--;
  w->next_positions -= next->run.left;
  *s = next->run;
  s->started_ns = w->last_start_ns = w->now_ns;
  s->as = before.as; /* whoever ends a slot ends all that it has */
  s->signal_ns = before.signal_ns;
  w->parts[slot] = next->parts;
  *next = (struct amz_next){.parts = parts};
  return true;
}
