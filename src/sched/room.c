/* What fits beside what runs, for tasks that don't all take the same.
 *
 * What is next and doesn't fit is set aside, in its turn, and what comes behind it may begin instead. The oldest may be overtaken
 * by as many RUNs as there are slots; then nothing begins before it does. So a large task waits for small ones, but never for
 * ever: its room grows with each end until it is enough.
 *
 * Invariants: room = all - Σ needs of what runs; as a need is cut to `all`, the oldest fits at the latest when nothing runs. No
 * more is set aside than there are slots. */
#include "worker.h"

#include <string.h>

static bool fits(const struct amz_worker *w, const struct amz_need *need)
{
  return need->cores <= w->room.cores && need->memory_bytes <= w->room.memory_bytes;
}

static void cut(struct amz_need *need, const struct amz_need *all)
{
  if (need->cores > all->cores)
    need->cores = all->cores;
  if (need->memory_bytes > all->memory_bytes)
    need->memory_bytes = all->memory_bytes;
}

/* Nothing may overtake the oldest any more. */
static bool is_reserved(const struct amz_worker *w)
{
  return w->n_aside > 0 && w->aside[0].overtaken >= w->n_slots;
}

static void overtake(struct amz_worker *w, uint32_t n)
{
  for (uint32_t i = 0; i < n; i++)
    w->aside[i].overtaken++;
}

static void occupy(struct amz_worker *w, const struct amz_need *need)
{
  w->room.cores -= need->cores;
  w->room.memory_bytes -= need->memory_bytes;
}

static bool next_of_aside(struct amz_worker *w, struct amz_aside *ret)
{
  uint32_t most = is_reserved(w) ? 1 : w->n_aside, i = 0;

  while (i < most && !fits(w, &w->aside[i].need))
    i++;
  if (i == most)
    return false;
  *ret = w->aside[i];
  w->n_aside--;
  memmove(&w->aside[i], &w->aside[i + 1], (w->n_aside - i) * sizeof *w->aside);
  overtake(w, i);
  return true;
}

/* The next positions of the queue that take the same, as many as a RUN may have. */
static struct amz_aside take(struct amz_worker *w)
{
  const struct amz_needs *needs = &w->config->needs;
  uint64_t most = amz_worker_grain(w), same = 1;
  struct amz_aside taken = {.overtaken = 0};

  needs->of(needs->ctx, w->queue.chunks[w->queue.first].first, &taken.need, &same);
  cut(&taken.need, &needs->all);
  taken.chunk = amz_worker_take(w, same < most ? same : most);
  return taken;
}

static bool next_of_queue(struct amz_worker *w, struct amz_aside *ret)
{
  while (w->queue.count && w->n_aside < w->n_slots && !is_reserved(w)) {
    *ret = take(w);
    if (fits(w, &ret->need)) {
      overtake(w, w->n_aside);
      return true;
    }
    w->aside[w->n_aside++] = *ret;
  }
  return false;
}

static bool amz_worker_next_fitting(struct amz_worker *w, struct amz_chunk *ret, struct amz_need *ret_need)
{
  struct amz_aside next;

  if (!next_of_aside(w, &next) && !next_of_queue(w, &next))
    return false;
  occupy(w, &next.need);
  *ret = next.chunk;
  *ret_need = next.need;
  return true;
}

static inline void amz_worker_leave_room(struct amz_worker *w, struct amz_slot *slot)
{
  w->room.cores += slot->need.cores;
  w->room.memory_bytes += slot->need.memory_bytes;
  slot->need = (struct amz_need){0, 0};
}
