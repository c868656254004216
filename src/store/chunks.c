/* Stretches of tasks on their way into the database.
 *
 * What ranks tell in chunks of one task each would be a row each. Here the stretches of a batch (about a second's) are put in the
 * order of their tasks, and those that adjoin and come of one rank and attempt become one row, with their partials grown
 * together. */
#include "store_private.h"

#include <stdlib.h>
#include <string.h>

static int by_first(const void *a, const void *b)
{
  uint64_t x = ((const struct amz_queued_chunk *)a)->record.first, y = ((const struct amz_queued_chunk *)b)->record.first;

  return x < y ? -1 : x > y;
}

static bool adjoin(const struct amz_chunk_record *a, const struct amz_chunk_record *b)
{
  return a->first + a->count == b->first && a->rank == b->rank && a->attempt == b->attempt;
}

static void extend(struct amz_chunk_record *c, const struct amz_chunk_record *next)
{
  c->count += next->count;
  c->wall_s += next->wall_s;
  c->cpu_s += next->cpu_s;
  if (next->start_ns < c->start_ns)
    c->start_ns = next->start_ns;
  if (next->slot != c->slot)
    c->slot = AMZ_SLOT_SEVERAL;
}

/* The partials of n stretches that follow one another, as few nodes as can be. */
static int join_partials(struct amz_reducer *r, const struct amz_work *w, const struct amz_queued_chunk *chunks, size_t n,
                         struct amz_buf *out)
{
  int rc = AMZ_OK;

  amz_buf_reset(out);
  amz_reducer_begin(r, chunks[0].record.first);
  for (size_t i = 0; i < n && rc == AMZ_OK; i++)
    rc = amz_reducer_join(r, w->partials.data + chunks[i].partials_at, chunks[i].record.partials_bytes);
  return rc < 0 ? rc : amz_reducer_put(r, out);
}

/* One row for n stretches that follow one another. */
static int put_joined(struct amz_store *s, const struct amz_work *w, const struct amz_queued_chunk *chunks, size_t n,
                      struct amz_reducer *r,
                      struct amz_buf *room, struct amz_error *err)
{
  struct amz_chunk_record row = chunks[0].record;
  int rc;

  for (size_t i = 1; i < n; i++)
    extend(&row, &chunks[i].record);
  if (r) {
    rc = join_partials(r, w, chunks, n, room);
    if (rc < 0)
      return amz_error_set(err, rc, "cannot join partials: %s", amz_err_name(rc));
    row.partials = room->data;
    row.partials_bytes = room->len;
  }
  return amz_db_put_chunk(s->db, &row, err);
}

int amz_store_put_chunks(struct amz_store *s, struct amz_work *w, struct amz_error *err)
{
  struct amz_buf room = AMZ_BUF_INIT;
  struct amz_reducer *r = NULL;
  int rc = AMZ_OK;

  if (s->reduce.op != AMZ_REDUCE_NONE && (rc = amz_reducer_new(&s->reduce, &r)) < 0)
    return amz_error_set(err, rc, "cannot reduce: %s", amz_err_name(rc));
  qsort(w->chunks, w->n_chunks, sizeof *w->chunks, by_first);
  for (size_t i = 0, n; i < w->n_chunks && rc == AMZ_OK; i += n) {
    for (n = 1; i + n < w->n_chunks && adjoin(&w->chunks[i + n - 1].record, &w->chunks[i + n].record); n++)
      ;
    rc = put_joined(s, w, &w->chunks[i], n, r, &room, err);
  }
  amz_reducer_free(r);
  amz_buf_clear(&room);
  return rc;
}
