/* Plug-in tasks: what lanes tell, as the worker hears it. */
#include <stdio.h>

#include "plugin.h"

#define TOLD_SINGLY_NS 1000000 /* a task that takes so long is worth a row of its own */

int amz_plugin_tell(struct amz_loop *l, uint32_t slot, const struct amz_result *result, const struct amz_range *returned,
                    size_t n_returned)
{
  struct amz_event event = {.kind = AMZ_EV_RAN, .slot = slot, .results = result, .n_results = result ? 1 : 0,
                            .returned = returned,
                            .n_returned = n_returned};

  return amz_loop_worker_event(l, &event);
}

/* Tasks that have succeeded. Their results, if they are kept, are in the file, and count when it is synced. */
static int tell_done(struct amz_loop *l, uint32_t slot, uint64_t first, uint32_t attempt, const struct amz_telling *t,
                     const struct amz_host_shared *host, const void *partials)
{
  uint64_t seq = host->keeps_results ? ++l->last_pack_seq : 0;
  struct amz_result one = {.position = first, .outcome = AMZ_SUCCEEDED, .slot = slot, .attempt = attempt,
                           .seq = seq, .start_ns = t->start_ns, .wall_ns = t->wall_ns, .cpu_ns = t->cpu_ns};
  struct amz_bulk bulk = {.first = first, .count = t->count, .seq = seq, .start_ns = t->start_ns,
                          .wall_s = (double)t->wall_ns * 1e-9,
                          .wall_sq_s2 = t->wall_sq_s2, .cpu_s = (double)t->cpu_ns * 1e-9, .partials = partials,
                          .partials_bytes = partials ? t->partials_bytes : 0,
                          .value_type = host->value_type, .value_width = host->value_width};
  struct amz_event event = {.kind = AMZ_EV_RAN, .slot = slot, .bulk = &bulk};

  return t->count == 1 && t->wall_ns >= TOLD_SINGLY_NS && !partials ? amz_plugin_tell(l, slot, &one, NULL,
      0) : amz_loop_worker_event(l, &event);
}

static int tell_failed(struct amz_loop *l, uint32_t slot, uint64_t position, uint32_t attempt, const struct amz_telling *t)
{
  const struct amz_result one = {.position = position, .outcome = AMZ_FAILED, .slot = slot, .attempt = attempt,
                                 .exit_code = t->code, .start_ns = t->start_ns, .wall_ns = t->wall_ns, .cpu_ns = t->cpu_ns,
                                 .error = *t->text ? t->text : NULL};

  return amz_plugin_tell(l, slot, &one, NULL, 0);
}

static int tell_returned(struct amz_loop *l, uint32_t slot, uint64_t first, const struct amz_telling *t)
{
  const struct amz_range back = {first, t->count};
  struct amz_error cause;

  if (t->kind == AMZ_TELL_UNKEPT) {
    (void)amz_error_sys(&cause, AMZ_EIO, t->code, "cannot write the results of plug-in tasks to %s",
                        l->sync_path ? l->sync_path : "their file");
    amz_loop_break(l, &cause);
  }
  return amz_plugin_tell(l, slot, NULL, &back, 1);
}

static void forget_order(struct amz_plugin_slot *s)
{
  for (unsigned i = 1; i < s->n_sent; i++)
    s->sent[i - 1] = s->sent[i];
  s->n_sent--;
}

/* The RUN is over: the one behind it is next, if there is one. Who was told to end it is told to end that, too. */
static void end_run(struct amz_plugin_slot *s)
{
  s->run = s->behind;
  s->behind = (struct amz_plugin_run){.count = 0};
  s->n_behind = 0;
  s->alone = s->timed_out = false;
  s->given_up = s->given_up && s->run.count > 0;
}

/* Takes what is told off the slot's books. \return whether its RUN is over. */
static bool settle(struct amz_plugin_slot *s, uint64_t count, bool last)
{
  s->sent[0].told += count;
  s->run.left -= count;
  if (last)
    forget_order(s);
  if (s->run.left > 0)
    return false;
  end_run(s);
  return true;
}

/* One telling. The slot's state comes first: the worker may give it a new RUN at once. */
static int hear(struct amz_loop *l, uint32_t host, uint32_t lane, uint32_t slot, const struct amz_telling *told)
{
  struct amz_plugin_exec *p = amz_plugin_of(l);
  struct amz_plugin_slot *s = &p->slots[slot];
  struct amz_telling t = *told; /* the ring may be written to when we feed */
  uint32_t attempt = s->run.attempt;
  bool alone = s->alone, over;
  uint64_t first;
  int rc;

  if (s->n_sent == 0 || s->sent[0].number != t.number || t.offset != s->sent[0].told || t.count > s->sent[0].count - t.offset ||
      t.count == 0)
    return AMZ_OK; /* a plug-in has written into our memory: its process will not live long */
  p->hosts[host].told = true;
  p->barren = 0;
  first = s->sent[0].first + t.offset;
  over = settle(s, t.count, t.last != 0);
  if (alone && over) { /* it did no harm this time */
    p->hosts[host].leaving = true;
    amz_host_link_close(p->hosts[host].link);
  }
  if (t.kind == AMZ_TELL_DONE)
    rc = tell_done(l, slot, first, attempt, &t, amz_host_link_shared(p->hosts[host].link),
                   amz_host_link_partials(p->hosts[host].link, lane, told));
  else if (t.kind == AMZ_TELL_FAILED)
    rc = tell_failed(l, slot, first, attempt, &t);
  else
    rc = tell_returned(l, slot, first, &t);
  if (rc == AMZ_OK && s->given_up)
    rc = amz_plugin_drop(l, slot);
  return rc == AMZ_OK ? amz_plugin_feed(l, slot) : rc;
}

int amz_plugin_withdraw(struct amz_loop *l, uint32_t slot)
{
  struct amz_plugin_exec *p = amz_plugin_of(l);
  struct amz_plugin_slot *s = &p->slots[slot];
  const struct amz_range back = {s->behind.first, s->behind.count};
  uint32_t lane, host = amz_plugin_host_of(p, slot, &lane);

  if (back.count == 0 || (s->n_behind && !amz_host_link_withdraw(p->hosts[host].link, lane, s->sent[s->n_sent - 1].number)))
    return AMZ_OK;
  s->n_sent -= s->n_behind; /* an order has room for all that is told of before the RUN is over: there is no second one */
  s->n_behind = 0;
  s->behind = (struct amz_plugin_run){.count = 0};
  return amz_plugin_tell(l, slot, NULL, &back, 1);
}

int amz_plugin_drop(struct amz_loop *l, uint32_t slot)
{
  struct amz_plugin_slot *s = &amz_plugin_of(l)->slots[slot];
  struct amz_range back;
  int rc = amz_plugin_withdraw(l, slot);

  back = (struct amz_range){s->run.first + s->run.next, s->run.count - s->run.next};
  if (rc < 0 || s->run.count == 0 || back.count == 0)
    return rc;
  s->run.count = s->run.next;
  s->run.left -= back.count;
  if (s->run.left == 0)
    end_run(s);
  return amz_plugin_tell(l, slot, NULL, &back, 1);
}

int amz_plugin_hear(struct amz_loop *l, uint32_t host)
{
  struct amz_plugin_exec *p = amz_plugin_of(l);
  struct amz_plugin_process *h = &p->hosts[host];
  bool threads = host == 0 && p->mode == AMZ_PLUGIN_THREADS;
  uint32_t lanes = threads ? p->n_slots : 1;
  const struct amz_telling *t;
  int rc = AMZ_OK;

  for (uint32_t lane = 0; rc == AMZ_OK && lane < lanes; lane++)
    while (rc == AMZ_OK && (t = amz_host_link_next(h->link, lane)) != NULL)
      rc = hear(l, host, lane, threads ? lane : host % p->n_slots, t);
  return rc;
}
