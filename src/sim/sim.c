/* The simulation's loop: takes the earliest event, steps the one whom it concerns, performs what comes of it.
 *
 * Invariants: time never goes back; events of one moment are taken in a fixed order (agenda.h), so that a run is the
 * same everywhere. The master is a server with a queue: a message is worked on when those before it are done, and what it sends
 * leaves when it is done. Its clock may therefore be ahead of the event's. */
#include <stdlib.h>

#include <amorsize/alloc.h>

#include "world.h"

#define MESSAGES_AHEAD 4u /* so far ahead a message is fetched */
#define CACHED_RANKS 128u /* with no more of them, all that a step needs is in the cache anyway */

/* ---- the master ------------------------------------------------------------------------------------------------------- */

static void note_record(struct amz_world *w, int64_t now_ns, const struct amz_action *a)
{
  for (size_t i = 0; w->packs && i < a->n_results; i++)
    w->result.undurable += a->results[i].seq > w->packs[a->rank].durable_upto;
  w->result.undurable += w->packs && a->bulk && a->bulk->seq > w->packs[a->rank].durable_upto;
  if (w->config->recorded)
    w->config->recorded(w->config->arg, now_ns, a);
}

static int fence(struct amz_world *w, uint32_t rank, int64_t now_ns)
{
  if (w->config->fence_ns == AMZ_NEVER)
    return AMZ_OK;
  return amz_world_push(w, amz_sim_later(now_ns, w->config->fence_ns), AMZ_SIM_EV_FENCED, rank);
}

static inline int perform_masters(struct amz_world *w, const struct amz_action *a)
{
  int64_t now_ns = w->master_free_ns;

  switch (a->kind) {
  case AMZ_DO_SEND:
    w->master_free_ns = amz_sim_later(now_ns, (int64_t)a->message->n_chunks * w->config->chunk_ns);
    return amz_world_post(w, a->message, false, w->master_free_ns);
  case AMZ_DO_RECORD:
    note_record(w, now_ns, a);
    return AMZ_OK;
  case AMZ_DO_FENCE:
    return fence(w, a->rank, now_ns);
  case AMZ_DO_RUN:
  case AMZ_DO_KILL:
  case AMZ_DO_SYNC:
  case AMZ_DO_FINISH:
    break;
  }
  return AMZ_OK;
}

static inline int set_master_tick(struct amz_world *w)
{
  int64_t at_ns = amz_master_deadline(w->master);

  if (at_ns >= w->master_tick_ns)
    return AMZ_OK;
  w->master_tick_ns = at_ns > w->now_ns ? at_ns : w->now_ns;
  return amz_world_push(w, w->master_tick_ns, AMZ_SIM_EV_MASTER_TICK, 0);
}

static inline int step_master(struct amz_world *w, struct amz_event *e, int64_t cost_ns)
{
  int64_t begin_ns = w->now_ns > w->master_free_ns ? w->now_ns : w->master_free_ns;
  struct amz_actions *out = amz_world_actions(w);
  int rc;

  w->master_free_ns = e->now_ns = amz_sim_later(begin_ns, cost_ns);
  rc = amz_master_step(w->master, e, out);
  for (size_t i = 0; i < out->count && rc == AMZ_OK; i++)
    rc = perform_masters(w, &out->items[i]);
  w->ended = amz_master_end(w->master) != AMZ_END_RUNNING;
  w->result.master_s += (double)(w->master_free_ns - begin_ns) * 1e-9;
  if (rc < 0)
    return rc;
  if (w->config->stepped)
    w->config->stepped(w->config->arg, e->now_ns, w->master);
  return set_master_tick(w);
}

/* ---- events ----------------------------------------------------------------------------------------------------------- */

/* \return whether the event must wait because its rank is frozen; it then comes again. */
static bool is_frozen(const struct amz_world *w, uint32_t rank)
{
  return w->now_ns < w->ranks[rank].frozen_until_ns;
}

static inline int step_with(struct amz_world *w, bool to_master, uint32_t rank, const struct amz_message *m)
{
  w->mail.message = m;
  if (to_master)
    return step_master(w, &w->mail, w->config->message_ns);
  return w->ranks[rank].dead ? AMZ_OK : amz_world_step_worker(w, rank, &w->mail);
}

static int deliver(struct amz_world *w, uint32_t letter)
{
  bool to_master = w->letters[letter].to_master;
  const struct amz_message *m;
  struct amz_message decoded;
  uint32_t rank = w->letters[letter].rank;
  int rc;

  if (!to_master && !w->ranks[rank].dead && is_frozen(w, rank))
    return amz_world_push(w, w->ranks[rank].frozen_until_ns, AMZ_SIM_EV_DELIVER, letter);
  rc = amz_world_open(w, letter, &decoded, &m);
  if (rc < 0)
    return rc;
  rc = step_with(w, to_master, rank, m);
  amz_world_read(w, letter, &decoded);
  return rc;
}

/* A message that stood in a line by itself. */
static int hand_over(struct amz_world *w, const struct amz_agenda_item *item, bool to_master)
{
  const struct amz_message *m = (const struct amz_message *)(uintptr_t)item->value;
  int rc;

  if (!to_master && is_frozen(w, m->rank) && !w->ranks[m->rank].dead)
    return amz_world_keep(w, item, w->ranks[m->rank].frozen_until_ns);
  rc = step_with(w, to_master, m->rank, m);
  amz_world_leave(w, item->with);
  return rc;
}

/* A deadline may have been moved since. */
static int tick(struct amz_world *w, uint32_t rank)
{
  w->ranks[rank].tick_ns = AMZ_NEVER;
  if (amz_worker_deadline(amz_crew_at(&w->crew, rank)) <= w->now_ns)
    return amz_world_step_worker(w, rank, &w->tick);
  amz_world_set_tick(w, rank);
  return AMZ_OK;
}

/* The clock of a place has rung; when both are due, it rings again for the tick. */
static int ring(struct amz_world *w, uint32_t place)
{
  const struct amz_sim_run *run = &w->runs[place];
  struct amz_sim_rank *r = &w->ranks[run->rank];

  w->due = place;
  if (r->dead || is_frozen(w, run->rank))
    return AMZ_OK;
  if (r->end_ns <= w->now_ns)
    r->end_ns = AMZ_NEVER;
  if (run->runs && run->end_ns <= w->now_ns)
    return amz_world_end_run(w, place);
  return run->slot == 0 && r->tick_ns <= w->now_ns ? tick(w, run->rank) : AMZ_OK;
}

static int synced(struct amz_world *w, uint32_t rank)
{
  struct amz_sim_pack *p = &w->packs[rank];
  struct amz_event e = {.kind = AMZ_EV_DURABLE, .durable_upto = p->sync_seq};

  p->durable_upto = p->sync_seq;
  return amz_world_step_worker(w, rank, &e);
}

static int worker_event(struct amz_world *w, enum amz_sim_event kind, uint32_t rank)
{
  const struct amz_sim_rank *r = &w->ranks[rank];

  if (r->dead)
    return AMZ_OK;
  if (is_frozen(w, rank))
    return amz_world_push(w, r->frozen_until_ns, kind, rank);
  if (kind == AMZ_SIM_EV_SYNCED)
    return synced(w, rank);
  return amz_world_step_worker(w, rank, &(struct amz_event){.kind = AMZ_EV_START});
}

static int look(struct amz_world *w, uint32_t rank)
{
  if (!w->ranks[rank].dead && is_frozen(w, rank))
    return amz_world_push(w, w->ranks[rank].frozen_until_ns, AMZ_SIM_EV_LOOK, rank);
  w->ranks[rank].looks = false;
  return w->ranks[rank].dead ? AMZ_OK : amz_world_look(w, rank);
}

static int master_event(struct amz_world *w, enum amz_sim_event kind, uint64_t number)
{
  struct amz_event e = {.kind = AMZ_EV_TICK};

  if (kind == AMZ_SIM_EV_FENCED) {
    amz_world_kill_rank(w, (uint32_t)number);
    e.kind = AMZ_EV_FENCED;
    e.rank = (uint32_t)number;
    return step_master(w, &e, 0);
  }
  if (w->master_tick_ns > w->now_ns)
    return AMZ_OK; /* of a deadline that is no more */
  w->master_tick_ns = AMZ_NEVER;
  return step_master(w, &e, 0);
}

static int fault(struct amz_world *w, const struct amz_sim_fault *f)
{
  struct amz_event e = {.kind = AMZ_EV_BROKEN};

  switch (f->kind) {
  case AMZ_SIM_KILL:
    amz_world_kill_rank(w, f->rank);
    return AMZ_OK;
  case AMZ_SIM_FREEZE:
    w->ranks[f->rank].frozen_until_ns = f->until_ns;
    return AMZ_OK;
  case AMZ_SIM_OPEN:
    e = (struct amz_event){.kind = AMZ_EV_OPEN, .slots = f->slots};
    return w->ranks[f->rank].dead ? AMZ_OK : amz_world_step_worker(w, f->rank, &e);
  case AMZ_SIM_BREAK:
    return w->ranks[f->rank].dead ? AMZ_OK : amz_world_step_worker(w, f->rank, &e);
  case AMZ_SIM_FENCED:
    return master_event(w, AMZ_SIM_EV_FENCED, f->rank);
  case AMZ_SIM_DRAIN:
    e = (struct amz_event){.kind = AMZ_EV_DRAIN, .stop = f->stop, .grace_ns = f->grace_ns};
    return step_master(w, &e, 0);
  case AMZ_SIM_PACE:
    amz_world_pace_rank(w, f->rank, f->factor);
    return AMZ_OK;
  case AMZ_SIM_TELL:
    e = (struct amz_event){.kind = AMZ_EV_TOLD, .policy = f->policy, .told = f->told};
    return step_master(w, &e, 0);
  }
  return AMZ_OK;
}

static void expect_worker(const struct amz_world *w, uint32_t rank)
{
  __builtin_prefetch(&w->ranks[rank], 1);
  amz_worker_soon(amz_crew_at(&w->crew, rank));
}

/* Has the memory fetched that the next clock will need. */
static void expect_ring(struct amz_world *w, uint32_t place)
{
  if (place == w->expected)
    return;
  w->expected = place;
  __builtin_prefetch(&w->runs[place], 1);
  expect_worker(w, place / w->config->slots_per_rank);
}

/* Likewise for the first message of a line; and one that comes soon itself, as it lies in memory that is cold, too. */
static void expect_message(const struct amz_world *w, uint32_t line)
{
  const struct amz_agenda_item *next = amz_agenda_in_line(&w->agenda, line, 0);
  const struct amz_agenda_item *later = amz_agenda_in_line(&w->agenda, line, MESSAGES_AHEAD);
  const struct amz_message *m;

  if (!next || !next->with)
    return;
  if (later) {
    __builtin_prefetch((const void *)(uintptr_t)later->value, 0);
    __builtin_prefetch((const char *)(uintptr_t)later->value + AMZ_CACHE_LINE, 0);
    __builtin_prefetch((const char *)(uintptr_t)later->value + 2 * AMZ_CACHE_LINE, 0);
  }
  m = (const struct amz_message *)(uintptr_t)next->value;
  if (line)
    amz_master_soon(w->master, m->rank, m->n_bulks ? m->bulks[0].first : 0);
  else
    expect_worker(w, m->rank);
}

static int handle(struct amz_world *w, const struct amz_agenda_item *item)
{
  enum amz_sim_event kind = (enum amz_sim_event)(item->value & ((1u << AMZ_SIM_EVENT_BITS) - 1));
  uint64_t number = item->value >> AMZ_SIM_EVENT_BITS;

  switch (kind) {
  case AMZ_SIM_EV_DELIVER:
    return deliver(w, (uint32_t)number);
  case AMZ_SIM_EV_FAULT:
    return fault(w, &w->config->faults[number]);
  case AMZ_SIM_EV_MASTER_TICK:
  case AMZ_SIM_EV_FENCED:
    return master_event(w, kind, number);
  case AMZ_SIM_EV_SYNCED:
  case AMZ_SIM_EV_START:
    return worker_event(w, kind, (uint32_t)number);
  case AMZ_SIM_EV_LOOK:
    return look(w, (uint32_t)number);
  }
  return AMZ_OK;
}

/* Takes what comes first: of equal times, what is on the agenda. \return 1; 0: there is nothing up to limit_ns; or an error. */
static int turn(struct amz_world *w, int64_t limit_ns)
{
  struct amz_agenda_item item;
  uint32_t source, place = w->due;
  int64_t ring_ns;
  int rc;

  if (place != AMZ_NO_PLACE) {
    w->due = AMZ_NO_PLACE;
    amz_world_set_clock(w, place);
  }
  place = amz_clocks_first(&w->clocks, &ring_ns);
  if (w->many)
    expect_ring(w, place);
  rc = amz_agenda_take(&w->agenda, ring_ns < limit_ns ? ring_ns : limit_ns, &item, &source);
  if (rc < 0 || (rc == 0 && (ring_ns > limit_ns || ring_ns == AMZ_NEVER)))
    return rc;
  w->result.events++;
  if (rc == 0) {
    w->now_ns = ring_ns;
    rc = ring(w, place);
  } else {
    w->now_ns = item.at_ns;
    if (w->many && source != AMZ_AGENDA_HEAP)
      expect_message(w, source);
    rc = item.with ? hand_over(w, &item, source != 0) : handle(w, &item);
  }
  return rc < 0 ? rc : 1;
}

/* ---- the world -------------------------------------------------------------------------------------------------------- */

static bool is_valid(const struct amz_sim_config *c)
{
  bool ok = c->ranks >= 1 && c->slots_per_rank >= 1 && (uint64_t)c->ranks * c->slots_per_rank <= UINT32_MAX &&
            c->latency_ns >= 0 && c->jitter_ns >= 0 && c->late_ns >= 0 && c->message_ns >= 0 && c->chunk_ns >= 0 &&
            c->run_ns >= 0 && c->start_ns >= 0 && c->look_ns >= 0 && c->overdue_ns >= 0 &&
            c->sync_latency_ns >= 0 && c->fence_ns >= 0 && c->work.mean_s >= 0;

  for (uint32_t i = 0; ok && c->speed && i < c->ranks; i++)
    ok = c->speed[i] > 0;
  for (uint32_t i = 0; ok && c->slots && i < c->ranks; i++)
    ok = c->slots[i] >= 1 && c->slots[i] <= c->slots_per_rank;
  for (size_t i = 0; ok && i < c->n_faults; i++)
    ok = c->faults[i].rank < c->ranks && c->faults[i].at_ns >= 0 && (c->faults[i].kind != AMZ_SIM_PACE ||
                                                                     c->faults[i].factor > 0);
  return ok;
}

static uint32_t slots_of(const struct amz_sim_config *c, uint32_t rank)
{
  return c->slots ? c->slots[rank] : c->slots_per_rank;
}

static uint32_t all_slots(const struct amz_sim_config *c)
{
  uint32_t n = 0;

  for (uint32_t i = 0; i < c->ranks; i++)
    n += slots_of(c, i);
  return n;
}

static int make_workers(struct amz_world *w)
{
  struct amz_worker_config config = w->config->worker;
  int rc;

  config.epoch = 1;
  config.rank = 0;
  config.slots = w->config->slots_per_rank;
  if (w->config->slots && config.capacity && config.capacity < config.slots)
    config.slots = config.capacity; /* perhaps none has so many: each is looked at */
  rc = amz_crew_init(&w->crew, &config, w->config->ranks, w->config->slots);
  for (uint32_t i = 0; i < w->config->ranks && rc == AMZ_OK; i++) {
    w->ranks[i].speed = w->config->speed ? w->config->speed[i] : 1;
    w->ranks[i].tick_ns = w->ranks[i].end_ns = AMZ_NEVER;
    rc = amz_world_push(w, 0, AMZ_SIM_EV_START, i);
  }
  for (size_t i = 0; i < w->config->n_faults && rc == AMZ_OK; i++)
    rc = amz_world_push(w, w->config->faults[i].at_ns, AMZ_SIM_EV_FAULT, i);
  return rc;
}

/* \return a zeroed array that begins with a cache line of *ret_memory; NULL when out of memory. */
static void *new_lines(size_t count, size_t size, void **ret_memory)
{
  size_t most = (SIZE_MAX - AMZ_CACHE_LINE) / size;
  char *memory = count <= most ? amz_new_array(1, count * size + AMZ_CACHE_LINE) : NULL;

  *ret_memory = memory;
  return memory ? memory + (AMZ_CACHE_LINE - (uintptr_t)memory % AMZ_CACHE_LINE) : NULL;
}

static int make_world(struct amz_world *w)
{
  const struct amz_sim_config *c = w->config;
  struct amz_master_config master = c->master;
  int rc;

  amz_agenda_init(&w->agenda);
  w->unused_letter = UINT32_MAX;
  w->many = c->ranks > CACHED_RANKS;
  w->calm = !c->encode && c->jitter_ns == 0 && c->late <= 0 && c->duplicate <= 0;
  w->sure = c->bulk && c->fail <= 0 && c->skip <= 0 && c->undone <= 0;
  w->tick.kind = AMZ_EV_TICK;
  w->mail.kind = AMZ_EV_MESSAGE;
  w->ran.kind = AMZ_EV_RAN;
  w->ran.bulk = &w->bulk;
  w->bulk.partials = c->partials ? w->partials : NULL;
  w->bulk.partials_bytes = c->partials ? sizeof w->partials : 0;
  w->master_tick_ns = w->first_start_ns = AMZ_NEVER;
  amz_rng_seed(&w->rng, c->seed);
  w->ranks = new_lines(c->ranks, sizeof *w->ranks, &w->ranks_memory);
  w->runs = new_lines((size_t)c->ranks * c->slots_per_rank, sizeof *w->runs, &w->runs_memory);
  w->packs = c->packs ? amz_new_array(c->ranks, sizeof *w->packs) : NULL;
  w->behind = c->worker.run_ahead ? amz_new_array((size_t)c->ranks * c->slots_per_rank, sizeof *w->behind) : NULL;
  w->due = w->expected = AMZ_NO_PLACE;
  if ((rc = amz_clocks_init(&w->clocks, c->ranks * c->slots_per_rank)) < 0)
    return rc;
  if (!w->ranks || !w->runs || (c->packs && !w->packs) || (c->worker.run_ahead && !w->behind))
    return AMZ_ENOMEM;
  for (uint32_t i = 0; i < c->ranks * c->slots_per_rank; i++) {
    w->runs[i].rank = i / c->slots_per_rank;
    w->runs[i].slot = i % c->slots_per_rank;
  }
  master.epoch = 1;
  master.ranks = c->ranks;
  master.slots = all_slots(c);
  if ((rc = amz_actions_new(&w->actions)) < 0 || (rc = amz_master_new(&master, &w->master)) < 0)
    return rc;
  w->actions->no_records = !c->recorded && !c->packs;
  return make_workers(w);
}

static void clear_world(struct amz_world *w)
{
  amz_crew_clear(&w->crew);
  free(w->ranks_memory);
  free(w->runs_memory);
  free(w->packs);
  free(w->behind);
  free(w->results);
  amz_master_free(w->master);
  amz_world_clear_net(w);
  amz_actions_free(w->actions);
  amz_clocks_clear(&w->clocks);
  amz_agenda_clear(&w->agenda);
}

static void sum_up(struct amz_world *w)
{
  struct amz_sim_result *r = &w->result;
  double slots = all_slots(w->config);

  r->end = amz_master_end(w->master);
  r->total_s = (double)(w->master_free_ns > w->now_ns ? w->master_free_ns : w->now_ns) * 1e-9;
  if (w->last_end_ns > w->first_start_ns) {
    r->makespan_s = (double)(w->last_end_ns - w->first_start_ns) * 1e-9;
    r->utilisation = r->busy_s / (slots * r->makespan_s);
  }
  amz_master_stats(w->master, &r->stats);
}

int amz_sim_run(const struct amz_sim_config *config, struct amz_sim_result *ret)
{
  struct amz_world w = {.config = config};
  struct amz_event start = {.kind = AMZ_EV_START};
  int64_t limit_ns = config->limit_ns ? config->limit_ns : AMZ_NEVER;
  int rc;

  if (!is_valid(config))
    return AMZ_EINVAL;
  rc = make_world(&w);
  if (rc == AMZ_OK)
    rc = step_master(&w, &start, 0);
  while (rc >= 0 && !w.ended && (rc = turn(&w, limit_ns)) > 0)
    ;
  if (rc >= 0) {
    sum_up(&w);
    *ret = w.result;
  }
  clear_world(&w);
  return rc < 0 ? rc : AMZ_OK;
}
