/* The simulated network. A message isn't copied: the memory in which its sender has made it is kept until it is read, and then used again, so
 * that a run in its steady state allocates nothing. */
#include <stdlib.h>

#include <amorsize/alloc.h>

#include "world.h"

#define NO_LETTER UINT32_MAX

static int new_letter(struct amz_world *w)
{
  if (amz_grow((void **)&w->letters, &w->cap_letters, (size_t)w->n_letters + 1, sizeof *w->letters) < 0)
    return AMZ_ENOMEM;
  w->unused_letter = w->n_letters++;
  w->letters[w->unused_letter] = (struct amz_sim_letter){.next = NO_LETTER};
  return AMZ_OK;
}

static int encode_letter(struct amz_sim_letter *l, const struct amz_message *m)
{
  amz_buf_reset(&l->bytes);
  return amz_message_encode(m, &l->bytes);
}

static void write_letter(struct amz_world *w, struct amz_sim_letter *l, const struct amz_message *m)
{
  l->message = m;
  l->chain = w->actions->first;
  l->chain->users++;
}

static int64_t travel(struct amz_world *w)
{
  const struct amz_sim_config *c = w->config;
  int64_t ns = c->latency_ns;

  if (c->jitter_ns)
    ns += (int64_t)amz_rng_below(&w->rng, (uint64_t)c->jitter_ns + 1);
  if (c->late > 0 && amz_rng_uniform(&w->rng) < c->late)
    ns += c->late_ns;
  return ns;
}

int amz_world_post(struct amz_world *w, const struct amz_message *m, bool to_master, int64_t from_ns)
{
  struct amz_sim_letter *l;
  uint64_t value;
  int rc = AMZ_OK;

  if (w->unused_letter == NO_LETTER && new_letter(w) < 0)
    return AMZ_ENOMEM;
  l = &w->letters[w->unused_letter];
  value = (uint64_t)w->unused_letter << AMZ_SIM_EVENT_BITS | AMZ_SIM_EV_DELIVER;
  w->unused_letter = l->next;
  l->to_master = to_master;
  l->rank = m->rank;
  l->copies = 1;
  l->tells_of = to_master && m->n_bulks ? m->bulks[0].first : 0;
  w->result.messages++;
  if (w->many && to_master && m->n_bulks)
    amz_master_sooner_or_later(w->master, l->tells_of);
  if (w->calm) {
    write_letter(w, l, m);
    return amz_agenda_queue(&w->agenda, to_master, amz_sim_later(from_ns, w->config->latency_ns), value);
  }
  if (w->config->encode)
    rc = encode_letter(l, m);
  else
    write_letter(w, l, m);
  if (w->config->duplicate > 0 && amz_rng_uniform(&w->rng) < w->config->duplicate)
    l->copies = 2;
  for (uint32_t i = l->copies; i > 0 && rc == AMZ_OK; i--)
    rc = amz_agenda_queue(&w->agenda, to_master, amz_sim_later(from_ns, travel(w)), value);
  return rc;
}

void amz_world_part(struct amz_world *w)
{
  struct amz_actions_block *spare = w->spare;

  if (spare)
    w->spare = spare->next_chain;
  (void)amz_actions_take(w->actions); /* its letters have it */
  amz_actions_give(w->actions, spare);
}

static inline void leave_chain(struct amz_world *w, struct amz_actions_block *chain)
{
  if (!chain || --chain->users || chain == w->actions->first)
    return;
  chain->next_chain = w->spare;
  w->spare = chain;
}

void amz_world_read(struct amz_world *w, uint32_t letter, struct amz_message *decoded)
{
  struct amz_sim_letter *l = &w->letters[letter];

  if (!l->message)
    amz_message_clear(decoded);
  if (--l->copies)
    return;
  leave_chain(w, l->chain);
  l->next = w->unused_letter;
  w->unused_letter = letter;
}

void amz_world_clear_net(struct amz_world *w)
{
  for (uint32_t i = 0; i < w->n_letters; i++) {
    if (w->letters[i].copies)
      leave_chain(w, w->letters[i].chain);
    amz_buf_clear(&w->letters[i].bytes);
  }
  free(w->letters);
  while (w->spare) {
    struct amz_actions_block *chain = w->spare;

    w->spare = chain->next_chain;
    amz_actions_drop(chain);
  }
}
