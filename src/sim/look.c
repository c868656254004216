/* Looks of a rank's executor at what runs. A RUN that was asked for by a belief that has turned out wrong, so that it takes far
 * longer than it should, is cut short: what it hasn't come to may be all that is left, and others idle. What waits
 * behind it on its slot comes back at once.
 *
 * Invariants: a rank that runs something that will end has its next look on the agenda, when its executor looks at all; a RUN
 * keeps the task that it is at, so that it ends as it would have without what is behind it. */
#include "world.h"

static struct amz_sim_run *runs_of(const struct amz_world *w, uint32_t rank)
{
  return &w->runs[(uint64_t)rank * w->config->slots_per_rank];
}

static uint32_t slots_of_rank(const struct amz_world *w, uint32_t rank)
{
  return w->config->slots ? w->config->slots[rank] : w->config->slots_per_rank;
}

static int amz_world_watch_rank(struct amz_world *w, uint32_t rank)
{
  if (w->config->look_ns == 0 || w->ranks[rank].looks)
    return AMZ_OK;
  w->ranks[rank].looks = true;
  return amz_world_push(w, w->now_ns, AMZ_SIM_EV_LOOK, rank);
}

/* Tasks are counted from the end, as far as what is left of the RUN reaches: so it doesn't matter how fast its rank was when. */
static int cut(struct amz_world *w, struct amz_sim_run *run, uint64_t place)
{
  double speed = w->ranks[run->rank].speed, left_s = (double)(run->end_ns - w->now_ns) * 1e-9 * speed, behind_s = 0, task_s;
  uint64_t undone = 0;
  int64_t end_ns;

  while (undone < run->count - 1) {
    task_s = amz_world_run_s(w, run->first + run->count - undone - 1, 1, run->attempt);
    if (behind_s + task_s > left_s)
      break;
    behind_s += task_s;
    undone++;
  }
  if (undone == 0)
    return AMZ_OK;
  run->count -= undone;
  run->undone = undone;
  end_ns = run->end_ns - (int64_t)(behind_s / speed * 1e9);
  w->result.cut++;
  amz_world_retime(w, run, end_ns > w->now_ns ? end_ns : w->now_ns);
  return amz_world_withdraw(w, place);
}

static bool is_overdue(const struct amz_world *w, const struct amz_sim_run *run, int64_t after_ns)
{
  bool can_be_cut = run->runs && run->count > 1 && run->undone == 0 && !run->killed_as && run->end_ns != AMZ_NEVER;

  return can_be_cut && w->now_ns - run->seen_ns >= after_ns;
}

static int amz_world_look(struct amz_world *w, uint32_t rank)
{
  struct amz_sim_run *runs = runs_of(w, rank);
  uint32_t n = slots_of_rank(w, rank), busy = 0, ending = 0;
  int64_t after_ns = w->config->look_ns;
  int rc = AMZ_OK;

  for (uint32_t i = 0; i < n; i++) {
    busy += runs[i].runs;
    ending += runs[i].runs && runs[i].end_ns != AMZ_NEVER;
    if (runs[i].runs && runs[i].seen_ns == AMZ_NEVER)
      runs[i].seen_ns = w->now_ns;
  }
  if (busy == n && w->config->overdue_ns > after_ns)
    after_ns = w->config->overdue_ns;
  for (uint32_t i = 0; i < n && rc == AMZ_OK; i++)
    if (is_overdue(w, &runs[i], after_ns))
      rc = cut(w, &runs[i], (uint64_t)(&runs[i] - w->runs));
  if (rc < 0 || ending == 0)
    return rc;
  w->ranks[rank].looks = true;
  return amz_world_push(w, amz_sim_later(w->now_ns, w->config->look_ns), AMZ_SIM_EV_LOOK, rank);
}
