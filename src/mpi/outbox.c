/* Sending: a queue per peer, of which a window is with MPI. Invariants are in state.h. */
#include "state.h"

#include <stdlib.h>
#include <string.h>

static size_t rest_of(const struct amz_parcel *parcel)
{
  return parcel->n > AMZ_MPI_FIRST_BYTES ? parcel->n - AMZ_MPI_FIRST_BYTES : 0;
}

static void drop_unposted(struct amz_peer *p)
{
  struct amz_parcel *parcel = p->unposted, *last = NULL;

  for (struct amz_parcel *q = p->head; q != parcel; q = q->next)
    last = q;
  while (parcel) {
    struct amz_parcel *next = parcel->next;

    free(parcel);
    p->pending--;
    parcel = next;
  }
  p->unposted = NULL;
  p->tail = last;
  if (last)
    last->next = NULL;
  else
    p->head = NULL;
}

/* Requests that MPI has stay with it, and so does their memory: cancelling a send isn't reliable anywhere. */
static void give_up(struct amz_mpi *t, struct amz_peer *p)
{
  p->gone = true;
  t->some_gone = true;
  drop_unposted(p);
}

static bool post(struct amz_mpi *t, struct amz_peer *p, struct amz_parcel *parcel)
{
  int to = (int)(p - t->peers), first = (int)(parcel->n - rest_of(parcel)), rc;

  parcel->synchronous = p->posted_ever % AMZ_MPI_SYNC_EVERY == AMZ_MPI_SYNC_EVERY - 1;
  if (parcel->synchronous)
    rc = MPI_Issend(parcel->bytes, first, MPI_BYTE, to, AMZ_MPI_TAG_FIRST, t->comm, &parcel->requests[0]);
  else
    rc = MPI_Isend(parcel->bytes, first, MPI_BYTE, to, AMZ_MPI_TAG_FIRST, t->comm, &parcel->requests[0]);
  if (rc == MPI_SUCCESS && rest_of(parcel))
    rc = MPI_Issend(parcel->bytes + first, (int)rest_of(parcel), MPI_BYTE, to, AMZ_MPI_TAG_REST, t->comm, &parcel->requests[1]);
  p->posted_ever++;
  p->posted++;
  p->unposted = parcel->next;
  amz_bell_ring(t, (uint32_t)to);
  return rc == MPI_SUCCESS;
}

static void pop_head(struct amz_peer *p)
{
  struct amz_parcel *parcel = p->head;

  p->head = parcel->next;
  if (!p->head)
    p->tail = NULL;
  p->posted--;
  p->pending--;
  free(parcel);
}

/* In order: a message counts as done when all before it are. \return false: MPI has refused. */
static bool retire(struct amz_mpi *t, struct amz_peer *p)
{
  while (p->head != p->unposted) {
    MPI_Status unused[2]; /* to ignore them warns under MPICH */
    int done = 0, rc = MPI_Testall(rest_of(p->head) ? 2 : 1, p->head->requests, &done, unused);

    if (rc != MPI_SUCCESS)
      return false;
    if (!done)
      break;
    pop_head(p);
    t->active_ns = amz_mpi_now_ns();
  }
  return true;
}

/* A long message travels alone. */
static bool may_post(const struct amz_peer *p)
{
  if (!p->unposted)
    return false;
  return p->posted == 0 || (p->posted < AMZ_MPI_WINDOW && !rest_of(p->head) && !rest_of(p->unposted));
}

/* What MPI still has may have become visible to the receiver just now, after it was rung and looked in vain (bell.c). */
static void move_along(struct amz_mpi *t, struct amz_peer *p)
{
  bool ok = retire(t, p);

  if (ok && p->posted)
    amz_bell_ring(t, (uint32_t)(p - t->peers));
  while (ok && may_post(p))
    ok = post(t, p, p->unposted) && retire(t, p);
  if (!ok)
    give_up(t, p);
}

static void activate(struct amz_mpi *t, struct amz_peer *p)
{
  if (p->queued)
    return;
  p->queued = true;
  p->next_active = NULL;
  if (t->active_tail)
    t->active_tail->next_active = p;
  else
    t->active_head = p;
  t->active_tail = p;
}

static struct amz_peer *take_active(struct amz_mpi *t)
{
  struct amz_peer *p = t->active_head;

  t->active_head = p->next_active;
  if (!t->active_head)
    t->active_tail = NULL;
  p->queued = false;
  return p;
}

void amz_outbox_turn(struct amz_mpi *t)
{
  struct amz_peer *last = t->active_tail;

  for (unsigned i = 0; i < AMZ_MPI_TURN && t->active_head; i++) {
    struct amz_peer *p = take_active(t);

    if (!p->gone)
      move_along(t, p);
    if (p->head && !p->gone)
      activate(t, p);
    if (p == last)
      break;
  }
}

static struct amz_parcel *make_parcel(const void *bytes, size_t n)
{
  struct amz_parcel *parcel = malloc(sizeof *parcel + AMZ_MPI_HEADER_BYTES + n);

  if (!parcel)
    return NULL;
  parcel->next = NULL;
  parcel->n = AMZ_MPI_HEADER_BYTES + n;
  parcel->synchronous = false;
  parcel->requests[0] = parcel->requests[1] = MPI_REQUEST_NULL;
  for (size_t i = 0; i < AMZ_MPI_HEADER_BYTES; i++)
    parcel->bytes[i] = (unsigned char)((uint64_t)n >> (8 * i));
  if (n)
    memcpy(parcel->bytes + AMZ_MPI_HEADER_BYTES, bytes, n);
  return parcel;
}

int amz_mpi_send(struct amz_mpi *t, uint32_t rank, const void *bytes, size_t n)
{
  struct amz_parcel *parcel;
  struct amz_peer *p;

  if (rank >= t->size)
    return AMZ_EINVAL;
  if (n > AMZ_MPI_MESSAGE_MAX)
    return AMZ_ERANGE;
  p = &t->peers[rank];
  if (p->gone)
    return AMZ_ECLOSED;
  parcel = make_parcel(bytes, n);
  if (!parcel)
    return AMZ_ENOMEM;
  if (p->tail)
    p->tail->next = parcel;
  else
    p->head = parcel;
  p->tail = parcel;
  if (!p->unposted)
    p->unposted = parcel;
  p->pending++;
  t->active_ns = amz_mpi_now_ns();
  move_along(t, p);
  if (p->head)
    activate(t, p);
  return AMZ_OK;
}

uint64_t amz_mpi_pending(const struct amz_mpi *t, uint32_t rank)
{
  return rank < t->size && !t->peers[rank].gone ? t->peers[rank].pending : 0;
}

void amz_mpi_forget(struct amz_mpi *t, uint32_t rank)
{
  if (rank < t->size)
    give_up(t, &t->peers[rank]);
}

/* Whether the bytes have left; a first part in synchronous mode counts as gone: MPI sends one so small at once. */
static bool has_left(struct amz_parcel *parcel)
{
  int first = 1, rest = 1;

  if (!parcel->synchronous && MPI_Test(&parcel->requests[0], &first, MPI_STATUS_IGNORE) != MPI_SUCCESS)
    return true;
  if (rest_of(parcel) && MPI_Test(&parcel->requests[1], &rest, MPI_STATUS_IGNORE) != MPI_SUCCESS)
    return true;
  return first && rest;
}

bool amz_outbox_settled(struct amz_mpi *t)
{
  for (const struct amz_peer *p = t->active_head; p; p = p->next_active) {
    if (p->gone)
      continue;
    if (p->unposted)
      return false;
    for (struct amz_parcel *parcel = p->head; parcel; parcel = parcel->next)
      if (!has_left(parcel))
        return false;
  }
  return true;
}

void amz_outbox_free(struct amz_mpi *t)
{
  while (t->active_head) {
    struct amz_peer *p = take_active(t);

    while (p->head) {
      struct amz_parcel *next = p->head->next;

      free(p->head);
      p->head = next;
    }
  }
}
