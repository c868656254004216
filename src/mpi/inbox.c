/* Receiving: a ring of small receives from anybody, and for each long message one of its own. Invariants are in state.h. */
#include "state.h"

#include <stdlib.h>
#include <string.h>

#include <amorsize/alloc.h>

/* ---- lists of letters -------------------------------------------------------------------------------------------- */

static void append(struct amz_letters *list, struct amz_letter *letter)
{
  letter->next = NULL;
  if (list->tail)
    list->tail->next = letter;
  else
    list->head = letter;
  list->tail = letter;
}

static struct amz_letter *take(struct amz_letters *list)
{
  struct amz_letter *letter = list->head;

  list->head = letter->next;
  if (!list->head)
    list->tail = NULL;
  return letter;
}

static void free_letters(struct amz_letters *list)
{
  while (list->head)
    free(take(list));
}

static struct amz_letter *make_letter(uint32_t source, size_t n, const unsigned char *bytes, size_t n_here)
{
  struct amz_letter *letter = malloc(sizeof *letter + n);

  if (!letter)
    return NULL;
  *letter = (struct amz_letter){.source = source, .n = n, .rest = MPI_REQUEST_NULL};
  if (n_here)
    memcpy(letter->bytes, bytes, n_here);
  return letter;
}

/* ---- the ring ---------------------------------------------------------------------------------------------------- */

static int post(struct amz_mpi *t, struct amz_receive *r, struct amz_error *err)
{
  int rc;

  r->done = false;
  rc = MPI_Irecv(r->bytes, AMZ_MPI_FIRST_BYTES, MPI_BYTE, MPI_ANY_SOURCE, AMZ_MPI_TAG_FIRST, t->comm, &r->request);
  return rc == MPI_SUCCESS ? AMZ_OK : amz_mpi_failed(err, rc, "cannot receive");
}

int amz_inbox_open(struct amz_mpi *t, struct amz_error *err)
{
  int rc = AMZ_OK;

  for (unsigned i = 0; i < AMZ_MPI_RECEIVES; i++)
    t->receives[i].request = MPI_REQUEST_NULL;
  for (unsigned i = 0; rc == AMZ_OK && i < AMZ_MPI_RECEIVES; i++)
    rc = post(t, &t->receives[i], err);
  return rc;
}

static int repost_oldest(struct amz_mpi *t, struct amz_error *err)
{
  int rc = post(t, &t->receives[t->at], err);

  t->at = (t->at + 1) % AMZ_MPI_RECEIVES;
  return rc;
}

static int take_back(struct amz_mpi *t, struct amz_error *err)
{
  free(t->lent_letter);
  t->lent_letter = NULL;
  if (!t->lent_receive)
    return AMZ_OK;
  t->lent_receive = false;
  return repost_oldest(t, err);
}

/* ---- sorting what comes ------------------------------------------------------------------------------------------ */

static void deliver_letter(struct amz_mpi *t, struct amz_letter *letter)
{
  t->current = (struct amz_mpi_message){.source = letter->source, .bytes = letter->bytes, .n = letter->n};
  t->has_current = true;
  t->lent_letter = letter;
}

static void hold(struct amz_mpi *t, struct amz_letter *letter)
{
  struct amz_peer *p = &t->peers[letter->source];

  if (!p->held.head) {
    p->next_holding = t->holding;
    t->holding = p;
  }
  append(&p->held, letter);
}

/* The length that a first part tells. \return false: it doesn't fit the bytes that came, so it is none of ours. */
static bool read_length(const struct amz_receive *r, size_t *ret_n, size_t *ret_here)
{
  int count = 0;
  uint64_t n = 0;
  size_t here;

  if (MPI_Get_count(&r->status, MPI_BYTE, &count) != MPI_SUCCESS || count < AMZ_MPI_HEADER_BYTES)
    return false;
  for (size_t i = 0; i < AMZ_MPI_HEADER_BYTES; i++)
    n |= (uint64_t)r->bytes[i] << (8 * i);
  here = (size_t)count - AMZ_MPI_HEADER_BYTES;
  if (n > AMZ_MPI_MESSAGE_MAX || here > n || (here < n && count != AMZ_MPI_FIRST_BYTES))
    return false;
  *ret_n = (size_t)n;
  *ret_here = here;
  return true;
}

/* A message that can't be delivered from its receive: it is long, or a long one of the same source isn't complete. */
static int keep(struct amz_mpi *t, const struct amz_receive *r, size_t n, size_t here, struct amz_error *err)
{
  int source = r->status.MPI_SOURCE, rc = MPI_SUCCESS;
  struct amz_letter *letter = make_letter((uint32_t)source, n, r->bytes + AMZ_MPI_HEADER_BYTES, here);

  if (!letter)
    return amz_error_set(err, AMZ_ENOMEM, "no memory for a message of %zu bytes from rank %d", n, source);
  if (here < n)
    rc = MPI_Irecv(letter->bytes + here, (int)(n - here), MPI_BYTE, source, AMZ_MPI_TAG_REST, t->comm, &letter->rest);
  hold(t, letter);
  if (rc != MPI_SUCCESS)
    return amz_mpi_failed(err, rc, "cannot receive a long message");
  return repost_oldest(t, err);
}

/* What to do with the oldest receive, which has completed. */
static int sort_oldest(struct amz_mpi *t, struct amz_error *err)
{
  struct amz_receive *r = &t->receives[t->at];
  int source = r->status.MPI_SOURCE;
  size_t n, here;

  if (source < 0 || (uint32_t)source >= t->size || !read_length(r, &n, &here))
    return amz_error_set(err, AMZ_ECORRUPT, "rank %d has sent something that is no message", source);
  t->active_ns = amz_mpi_now_ns();
  t->rung = t->rang = false;
  if (here < n || t->peers[source].held.head)
    return keep(t, r, n, here, err);
  t->current = (struct amz_mpi_message){.source = (uint32_t)source, .bytes = r->bytes + AMZ_MPI_HEADER_BYTES, .n = n};
  t->has_current = true;
  t->lent_receive = true;
  return AMZ_OK;
}

/* ---- long messages ----------------------------------------------------------------------------------------------- */

/* Moves what is complete, in order, to the ready ones. What a forgotten rank has sent in part may never be complete: it is
 * set aside, as its memory is still MPI's. */
static int release(struct amz_mpi *t, struct amz_peer *p, struct amz_error *err)
{
  while (p->held.head) {
    int done = 1, rc = MPI_Test(&p->held.head->rest, &done, MPI_STATUS_IGNORE);

    if (rc != MPI_SUCCESS)
      return amz_mpi_failed(err, rc, "cannot receive a long message");
    if (!done && !p->gone)
      break;
    append(done ? &t->ready : &t->abandoned, take(&p->held));
    t->active_ns = amz_mpi_now_ns();
  }
  return AMZ_OK;
}

static int release_all(struct amz_mpi *t, struct amz_error *err)
{
  int rc = AMZ_OK;

  for (struct amz_peer **at = &t->holding; rc == AMZ_OK && *at;) {
    struct amz_peer *p = *at;

    rc = release(t, p, err);
    if (p->held.head)
      at = &p->next_holding;
    else
      *at = p->next_holding;
  }
  return rc;
}

int amz_inbox_advance(struct amz_mpi *t, struct amz_error *err)
{
  int rc;

  if (t->has_current)
    return AMZ_OK;
  rc = take_back(t, err);
  if (rc == AMZ_OK)
    rc = release_all(t, err);
  if (rc == AMZ_OK && t->ready.head)
    deliver_letter(t, take(&t->ready));
  for (unsigned i = 0; rc == AMZ_OK && i < AMZ_MPI_TURN && !t->has_current; i++) {
    struct amz_receive *r = &t->receives[t->at];
    int done = r->done, code = MPI_SUCCESS;

    if (!done)
      code = MPI_Test(&r->request, &done, &r->status);
    if (code != MPI_SUCCESS)
      return amz_mpi_failed(err, code, "cannot receive");
    if (!done)
      break;
    rc = sort_oldest(t, err);
  }
  return rc;
}

int amz_mpi_next(struct amz_mpi *t, struct amz_mpi_message *ret, struct amz_error *err)
{
  int rc;

  amz_outbox_turn(t);
  rc = amz_inbox_advance(t, err);
  if (rc < 0 || !t->has_current)
    return rc;
  *ret = t->current;
  t->has_current = false;
  return 1;
}

/* ---- the end ----------------------------------------------------------------------------------------------------- */

static void cancel(MPI_Request *request)
{
  if (*request == MPI_REQUEST_NULL)
    return;
  if (MPI_Cancel(request) == MPI_SUCCESS)
    (void)MPI_Request_free(request);
}

void amz_inbox_close(struct amz_mpi *t)
{
  for (unsigned i = 0; i < AMZ_MPI_RECEIVES; i++)
    cancel(&t->receives[i].request);
  for (struct amz_peer *p = t->holding; p; p = p->next_holding)
    for (struct amz_letter *letter = p->held.head; letter; letter = letter->next)
      cancel(&letter->rest);
}

void amz_inbox_free(struct amz_mpi *t)
{
  free(t->lent_letter);
  free_letters(&t->ready);
  free_letters(&t->abandoned);
  for (struct amz_peer *p = t->holding; p; p = p->next_holding)
    free_letters(&p->held);
}
