/* Memory, as tasks turn out: by the largest that one has taken, a rank has no more slots open than its memory suffices for. This
 * holds from a run's first task to its last, whoever has chosen the slots: the launch, the ramp for tasks that wait, or a plan,
 * which was made of what was known then. Slots that are taken away this way aren't given back: ever so many small tasks don't
 * show that no large one comes again. Lists are often in blocks (files by size, parameters in loops), of which a next one of
 * large tasks would begin on all slots at once. */
#include "sampler.h"

#include <stdio.h>

#include <amorsize/units.h>

#include "loop_state.h"
#include "planner.h"

#define SCARCE (UINT64_C(512) << 20) /* bytes a slot: many programs take as much */
#define TELL_NUM 3u /* of what was told last, so many */
#define TELL_DEN 4u /* of these: small steps down aren't worth a line each */

void amz_sampler_mind(struct amz_sampler *s, uint64_t memory_bytes)
{
  s->memory_bytes = memory_bytes;
  if (s->slots < 2 || memory_bytes / s->slots >= SCARCE || s->peak_bytes)
    return;
  s->alone = s->alone ? s->alone : 1;
  s->alone_ns = s->settings->sample.time_ns;
  s->opened = false;
}

uint64_t amz_sampler_memory_allows(const struct amz_sampler *s)
{
  return s->memory_bytes && s->peak_bytes ? s->memory_bytes / s->peak_bytes : UINT64_MAX;
}

static void tell(const struct amz_loop *l, struct amz_sampler *s, uint32_t slots, uint32_t before)
{
  char text[256], peak[32], there[32];

  if (s->told_slots && slots > (uint64_t)s->told_slots * TELL_NUM / TELL_DEN)
    return;
  s->told_slots = slots;
  (void)snprintf(text, sizeof text, "%u slot%s instead of %u: a task has taken %s of memory, and %s are for tasks", slots,
                 slots == 1 ? "" : "s", before,
                 amz_format_bytes(s->peak_bytes, peak, sizeof peak), amz_format_bytes(s->memory_bytes, there, sizeof there));
  amz_loop_note(l, AMZ_WARNING, text);
}

/* Without a bound by memory: those of the beginning, or more for tasks that wait, as the ramp or an earlier plan has it. */
static uint32_t opened_slots(const struct amz_loop *l, const struct amz_sampler *s)
{
  uint32_t most = s->ramp.slots > s->slots ? s->ramp.slots : s->slots;

  return s->opened && l->yield.slots > most ? l->yield.slots : most;
}

/* \return whether what tasks have taken allows fewer slots of rank 0 than before, which are *ret_before. */
static bool bound_own(const struct amz_loop *l, struct amz_sampler *s, uint32_t *ret_before)
{
  uint64_t most = amz_sampler_memory_allows(s);
  uint32_t before = s->memory_slots ? s->memory_slots : opened_slots(l, s);

  if (most >= before || before == 1)
    return false;
  s->memory_slots = most ? (uint32_t)most : 1;
  *ret_before = before;
  return true;
}

/* The second look is at what comes of the plan on the slots that are left of it; a thought that goes on is left alone. */
static void plan_on_fewer(struct amz_planner *p)
{
  uint32_t most = 0;

  if (p->think.runs)
    return;
  for (uint32_t i = 0; i < p->kinds.n_ranks; i++) {
    uint32_t *fixed = &p->think.fixed_slots[p->kinds.ranks[i].kind];

    *fixed = p->rank_slots[i] && p->rank_slots[i] < *fixed ? p->rank_slots[i] : *fixed;
    most = p->rank_slots[i] > most ? p->rank_slots[i] : most;
  }
  p->chosen.slots_per_rank = most;
}

bool amz_loop_bound_plan(struct amz_loop *l)
{
  struct amz_planner *p = l->config->planner;
  struct amz_sampler *s = p->sampler;
  const struct amz_rank_share alone = {.memory_bytes = s->memory_bytes}, *shares = l->config->shares ? l->config->shares : &alone;
  uint32_t slots, before;

  if (!s->memory_bytes || !amz_shares_bound(shares, p->kinds.n_ranks, s->peak_bytes, p->rank_slots, &slots, &before))
    return false;
  tell(l, s, slots, before);
  plan_on_fewer(p);
  return true;
}

int amz_loop_mind_memory(struct amz_loop *l, bool *ret_bound)
{
  struct amz_sampler *s = l->config->sampler;
  const struct amz_planner *p = l->config->planner;
  uint32_t before;
  bool own;

  *ret_bound = false;
  if (s->minded_bytes == s->peak_bytes)
    return AMZ_OK;
  s->minded_bytes = s->peak_bytes;
  own = bound_own(l, s, &before);
  if (p && p->planned)
    return (*ret_bound = amz_loop_bound_plan(l)) ? amz_loop_take_rank_slots(l) : AMZ_OK;
  if (!own)
    return AMZ_OK;
  *ret_bound = true;
  tell(l, s, s->memory_slots, before);
  return s->opened ? amz_loop_take_slots(l, s->threads, s->memory_slots) : AMZ_OK;
}
