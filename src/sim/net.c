/* The simulated network. A message isn't copied: the memory in which its sender has made it is kept until it is read, and then
 * used again, so that a run in its steady state allocates nothing. */
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

/* \return an unused letter; NO_LETTER: out of memory. */
static uint32_t take_letter(struct amz_world *w)
{
  uint32_t number;

  if (w->unused_letter == NO_LETTER && new_letter(w) < 0)
    return NO_LETTER;
  number = w->unused_letter;
  w->unused_letter = w->letters[number].next;
  return number;
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

static int send_letter(struct amz_world *w, uint32_t letter, bool to_master, int64_t at_ns)
{
  struct amz_agenda_item item = {at_ns, (uint64_t)letter << AMZ_SIM_EVENT_BITS | AMZ_SIM_EV_DELIVER, NULL};
  int rc = amz_agenda_queue(&w->agenda, to_master, &item);

  return rc < 0 ? rc : rc > 0 ? AMZ_OK : amz_agenda_push(&w->agenda, at_ns, item.value);
}

static int post_letter(struct amz_world *w, const struct amz_message *m, bool to_master, int64_t from_ns)
{
  uint32_t number = take_letter(w);
  struct amz_sim_letter *l = number == NO_LETTER ? NULL : &w->letters[number];
  int rc = AMZ_OK;

  if (!l)
    return AMZ_ENOMEM;
  l->to_master = to_master;
  l->rank = m->rank;
  l->copies = 1;
  l->message = w->config->encode ? NULL : m;
  l->chain = w->config->encode ? NULL : w->actions->first;
  if (l->chain)
    l->chain->users++;
  else
    rc = encode_letter(l, m);
  if (w->config->duplicate > 0 && amz_rng_uniform(&w->rng) < w->config->duplicate)
    l->copies = 2;
  for (uint32_t i = l->copies; i > 0 && rc == AMZ_OK; i--)
    rc = send_letter(w, number, to_master, amz_sim_later(from_ns, travel(w)));
  return rc;
}

/* Where messages take equally long, they stand in the lines themselves. */
static inline int amz_world_post(struct amz_world *w, const struct amz_message *m, bool to_master, int64_t from_ns)
{
  struct amz_actions_block *chain = w->actions->first;
  int rc;

  w->result.messages++;
  if (w->many && to_master && m->n_bulks)
    amz_master_sooner_or_later(w->master, m->bulks[0].first);
  if (!w->calm)
    return post_letter(w, m, to_master, from_ns);
  rc = amz_agenda_queue(&w->agenda, to_master,
                        &(struct amz_agenda_item){amz_sim_later(from_ns, w->config->latency_ns), (uint64_t)(uintptr_t)m, chain});
  chain->users += rc > 0;
  return rc < 0 ? rc : rc > 0 ? AMZ_OK : post_letter(w, m, to_master, from_ns);
}

static int amz_world_keep(struct amz_world *w, const struct amz_agenda_item *item, int64_t until_ns)
{
  const struct amz_message *m = (const struct amz_message *)(uintptr_t)item->value;
  uint32_t number = take_letter(w);

  if (number == NO_LETTER)
    return AMZ_ENOMEM;
  w->letters[number] = (struct amz_sim_letter){
    .message = m, .chain = item->with, .rank = m->rank, .copies = 1, .bytes = w->letters[number].bytes};
  return amz_world_push(w, until_ns, AMZ_SIM_EV_DELIVER, number);
}

static void amz_world_part(struct amz_world *w)
{
  struct amz_actions_block *spare = w->spare;

  if (spare)
    w->spare = spare->next_chain;
  (void)amz_actions_take(w->actions); /* its letters have it */
  amz_actions_give(w->actions, spare);
}

static void amz_world_read(struct amz_world *w, uint32_t letter, struct amz_message *decoded)
{
  struct amz_sim_letter *l = &w->letters[letter];

  if (!l->message)
    amz_message_clear(decoded);
  if (--l->copies)
    return;
  amz_world_leave(w, l->chain);
  l->next = w->unused_letter;
  w->unused_letter = letter;
}

static void amz_world_clear_net(struct amz_world *w)
{
  const struct amz_agenda_item *item;

  for (uint32_t line = 0; line < AMZ_AGENDA_LINES; line++)
    for (size_t i = 0; (item = amz_agenda_in_line(&w->agenda, line, i)) != NULL; i++)
      amz_world_leave(w, item->with);
  for (uint32_t i = 0; i < w->n_letters; i++) {
    if (w->letters[i].copies)
      amz_world_leave(w, w->letters[i].chain);
    amz_buf_clear(&w->letters[i].bytes);
  }
  free(w->letters);
  while (w->spare) {
    struct amz_actions_block *chain = w->spare;

    w->spare = chain->next_chain;
    amz_actions_drop(chain);
  }
}
