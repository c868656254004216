/* The simulated network: copies of messages in letters whose memory is used again, so that a run in its steady state allocates
 * nothing. */
#include <stdlib.h>
#include <string.h>

#include <amorsize/alloc.h>

#include "world.h"

#define NO_LETTER UINT32_MAX

static int new_letter(struct amz_world *w, uint32_t *ret)
{
  if (w->unused_letter != NO_LETTER) {
    *ret = w->unused_letter;
    w->unused_letter = w->letters[*ret].next;
    return AMZ_OK;
  }
  if (amz_grow((void **)&w->letters, &w->cap_letters, (size_t)w->n_letters + 1, sizeof *w->letters) < 0)
    return AMZ_ENOMEM;
  *ret = w->n_letters++;
  memset(&w->letters[*ret], 0, sizeof w->letters[*ret]);
  return AMZ_OK;
}

static int copy_array(void **into, size_t *cap, const void *items, size_t n, size_t size)
{
  if (n == 0)
    return AMZ_OK;
  if (n > *cap && amz_grow(into, cap, n, size) < 0)
    return AMZ_ENOMEM;
  memcpy(*into, items, n * size);
  return AMZ_OK;
}

/* The bulks' partials move along: into one buffer, which may move itself until all are in it. */
static int copy_partials(struct amz_sim_letter *l)
{
  size_t at = 0;

  amz_buf_reset(&l->partials);
  for (size_t i = 0; i < l->message.n_bulks; i++)
    if (l->bulks[i].partials_bytes)
      amz_buf_add(&l->partials, l->bulks[i].partials, l->bulks[i].partials_bytes);
  if (amz_buf_ok(&l->partials) < 0)
    return AMZ_ENOMEM;
  for (size_t i = 0; i < l->message.n_bulks; at += l->bulks[i++].partials_bytes)
    l->bulks[i].partials = l->bulks[i].partials_bytes ? l->partials.data + at : NULL;
  return AMZ_OK;
}

static int write_letter(struct amz_sim_letter *l, const struct amz_message *m)
{
  l->message = *m;
  if (copy_array((void **)&l->results, &l->cap_results, m->results, m->n_results, sizeof *l->results) < 0 ||
      copy_array((void **)&l->bulks, &l->cap_bulks, m->bulks, m->n_bulks, sizeof *l->bulks) < 0 ||
      copy_array((void **)&l->chunks, &l->cap_chunks, m->chunks, m->n_chunks, sizeof *l->chunks) < 0)
    return AMZ_ENOMEM;
  l->message.results = l->results;
  l->message.bulks = l->bulks;
  l->message.chunks = l->chunks;
  return m->n_bulks ? copy_partials(l) : AMZ_OK;
}

static int encode_letter(struct amz_sim_letter *l, const struct amz_message *m)
{
  amz_buf_reset(&l->bytes);
  return amz_message_encode(m, &l->bytes);
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
  uint32_t number = 0, copies = 1;
  struct amz_sim_letter *l;
  int rc = new_letter(w, &number);

  if (rc < 0)
    return rc;
  l = &w->letters[number];
  rc = w->config->encode ? encode_letter(l, m) : write_letter(l, m);
  if (w->config->duplicate > 0 && amz_rng_uniform(&w->rng) < w->config->duplicate)
    copies = 2;
  l->to_master = to_master;
  l->rank = m->rank;
  l->copies = copies;
  w->result.messages++;
  for (uint32_t i = 0; i < copies && rc == AMZ_OK; i++)
    rc = amz_agenda_queue(&w->agenda, to_master, amz_sim_later(from_ns, travel(w)), (uint64_t)number << AMZ_SIM_EVENT_BITS | AMZ_SIM_EV_DELIVER);
  return rc;
}

int amz_world_open(struct amz_world *w, uint32_t letter, struct amz_message *decoded, const struct amz_message **ret)
{
  const struct amz_sim_letter *l = &w->letters[letter];

  *ret = w->config->encode ? decoded : &l->message;
  return w->config->encode ? amz_message_decode(l->bytes.data, l->bytes.len, decoded) : AMZ_OK;
}

void amz_world_read(struct amz_world *w, uint32_t letter, struct amz_message *decoded)
{
  struct amz_sim_letter *l = &w->letters[letter];

  if (w->config->encode)
    amz_message_clear(decoded);
  if (--l->copies)
    return;
  l->next = w->unused_letter;
  w->unused_letter = letter;
}

void amz_world_clear_net(struct amz_world *w)
{
  for (uint32_t i = 0; i < w->n_letters; i++) {
    amz_buf_clear(&w->letters[i].bytes);
    amz_buf_clear(&w->letters[i].partials);
    free(w->letters[i].results);
    free(w->letters[i].bulks);
    free(w->letters[i].chunks);
  }
  free(w->letters);
}
