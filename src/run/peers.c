/* The other ranks, as the loop sees them: their messages, and signs that one of them is dead.
 *
 * MPI never tells of a dead peer. Silence does, in time (the master's business); but a process of our own node that is gone is
 * known to be gone at once, and its tasks with it, for its helper has seen its socket close. */
#include <stdio.h>

#include "loop_state.h"
#include "words.h"

#define LOOK_NS INT64_C(1000000000)
#define MASTER_SILENT_NS INT64_C(90000000000) /* as the master gives up a worker, a worker gives up the master */

int amz_loop_send(struct amz_loop *l, uint32_t rank, const struct amz_message *message)
{
  const struct amz_loop_config *c = l->config;
  int rc;

  amz_buf_reset(&l->wire);
  rc = amz_message_encode(message, &l->wire);
  if (rc == AMZ_OK)
    rc = amz_buf_ok(&l->wire);
  if (rc == AMZ_OK)
    rc = c->net->send(c->mpi, rank, l->wire.data, l->wire.len);
  return rc == AMZ_ECLOSED ? AMZ_OK : rc; /* to a rank that was given up */
}

static bool is_for_master(const struct amz_message *m)
{
  return m->kind == AMZ_MSG_HELLO || m->kind == AMZ_MSG_REPORT || m->kind == AMZ_MSG_BYE || m->kind == AMZ_MSG_YIELD;
}

static int hear(struct amz_loop *l, const struct amz_mpi_message *got)
{
  struct amz_event event = {.kind = AMZ_EV_MESSAGE};
  struct amz_message message;
  int rc = amz_message_decode(got->bytes, got->n, &message);

  if (rc == AMZ_ECORRUPT) /* no rank of this build would send that: it is not worth a run */
    return AMZ_OK;
  if (rc < 0)
    return rc;
  event.message = &message;
  if (got->source == 0)
    l->heard_ns = amz_clock_monotonic_ns();
  if (is_for_master(&message) != (l->master != NULL) || (l->master && message.rank != got->source))
    rc = AMZ_OK; /* nobody here to hear it, or somebody speaks for another */
  else if (!l->master)
    rc = amz_loop_worker_event(l, &event);
  else if ((rc = amz_loop_sample_heard(l, &message)) == AMZ_OK)
    rc = amz_loop_master_event(l, &event);
  amz_message_clear(&message);
  return rc;
}

/* A rank that could not begin holds nothing: what it was given goes to others at once. */
static void hear_excuse(struct amz_loop *l, const struct amz_mpi_message *got)
{
  char text[AMZ_ERROR_TEXT + 64];

  if (!l->master || !l->config->team || got->source >= l->config->team->count)
    return;
  (void)snprintf(text, sizeof text, "rank %u cannot take part: %.*s", got->source, (int)(got->n - 2),
                 (const char *)got->bytes + 2);
  amz_loop_note(l, AMZ_WARNING, text);
  l->config->team->members[got->source].pid = 0; /* its end is no news */
  l->fenced[got->source] = l->any_fenced = true;
}

static int hear_any(struct amz_loop *l, const struct amz_mpi_message *got)
{
  if (amz_word_is(got, AMZ_WORD_SIGNAL))
    return amz_loop_hear_signal(l, got);
  if (amz_word_is(got, AMZ_WORD_SHAPE))
    return amz_loop_hear_shape(l, got->bytes, got->n);
  if (!amz_word_is(got, AMZ_WORD_FAILED))
    return hear(l, got);
  hear_excuse(l, got);
  return AMZ_OK;
}

/* What comes when both machines are done is for others: rank 0's questions about packs. */
static bool is_finished(const struct amz_loop *l)
{
  return l->master_finished && l->worker_finished;
}

int amz_loop_gather_peers(struct amz_loop *l, struct amz_error *err)
{
  const struct amz_loop_config *c = l->config;
  struct amz_mpi_message got;
  int rc = AMZ_OK, more = 0;

  if (!c->net)
    return AMZ_OK;
  while (rc == AMZ_OK && !is_finished(l) && (more = c->net->next(c->mpi, &got, err)) > 0)
    rc = hear_any(l, &got);
  return rc < 0 ? rc : more < 0 ? more : AMZ_OK;
}

static void look_for_dead_workers(struct amz_loop *l)
{
  const struct amz_team *team = l->config->team;

  for (uint32_t i = 1; team && i < team->count; i++) {
    struct amz_member *m = &team->members[i];

    if (m->pid == 0 || !m->same_node || !amz_process_is_gone(m->pid))
      continue;
    m->pid = 0; /* told once */
    l->fenced[i] = l->any_fenced = true;
  }
}

static void look_for_dead_master(struct amz_loop *l, int64_t now_ns)
{
  struct amz_error cause;

  if (!amz_process_is_gone(l->config->master_pid) && now_ns - l->heard_ns < MASTER_SILENT_NS)
    return;
  (void)amz_error_set(&cause, AMZ_ECLOSED, "rank %u: rank 0 is gone", l->config->rank);
  amz_loop_break(l, &cause);
}

int amz_loop_look_for_dead(struct amz_loop *l)
{
  int64_t now_ns = amz_clock_monotonic_ns();

  if (!l->config->net || now_ns < l->next_look_ns)
    return AMZ_OK;
  l->next_look_ns = now_ns + LOOK_NS;
  if (l->master)
    look_for_dead_workers(l);
  else
    look_for_dead_master(l, now_ns);
  return amz_exec_alive(l->config->exec);
}

int amz_loop_tell_fenced(struct amz_loop *l)
{
  int rc = AMZ_OK;
  char text[128];

  while (rc == AMZ_OK && l->any_fenced) {
    l->any_fenced = false;
    for (uint32_t i = 0; rc == AMZ_OK && i < l->config->layout.ranks; i++) {
      struct amz_event event = {.kind = AMZ_EV_FENCED, .rank = i};

      if (!l->fenced[i])
        continue;
      l->fenced[i] = false;
      (void)snprintf(text, sizeof text, "rank %u is gone; its tasks are given to others", i);
      amz_loop_note(l, AMZ_WARNING, text);
      l->config->net->forget(l->config->mpi, i);
      l->result->lost_ranks++;
      rc = amz_loop_master_event(l, &event);
    }
  }
  return rc;
}
