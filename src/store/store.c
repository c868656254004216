/* The store's callers' side: questions, queueing, events, closing. Opening: store_open.c. What waits for disks is the thread's
 * (writer.c).
 *
 * Invariants: no call between open and close touches the disk, except left and counts, which come before the first record; an
 * event's memory is reserved before what it tells of is queued, so that telling can't fail; once the thread has failed,
 * nothing more is taken. */
#include "store_private.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <amorsize/alloc.h>

#define RECORDS_WAKE 65536 /* so many waiting records are committed at once: bounds memory, not durability */
#define PARTIALS_WAKE ((size_t)8 << 20) /* likewise, bytes */

static int no_memory(struct amz_error *err)
{
  return amz_error_set(err, AMZ_ENOMEM, "out of memory");
}

/* ---- asking -------------------------------------------------------------------------------------------------------------- */

uint32_t amz_store_epoch(const struct amz_store *s)
{
  return s->epoch;
}

int amz_store_left(struct amz_store *s, bool retry_failed, struct amz_error *err, struct amz_range **ret, size_t *ret_n)
{
  return amz_db_left(s->db, retry_failed, err, ret, ret_n);
}

int amz_store_counts(struct amz_store *s, struct amz_error *err, struct amz_store_counts *ret)
{
  return amz_db_counts(amz_db_handle(s->db), amz_db_path(s->db), err, ret);
}

static bool pack_is_there(const struct amz_store *s, uint32_t rank, uint32_t epoch)
{
  char *path = NULL;
  bool there = amz_rundir_pack_path(s->dir, rank, epoch, &path) == AMZ_OK && access(path, F_OK) == 0;

  free(path);
  return there;
}

int amz_store_absent(struct amz_store *s, bool results, struct amz_error *err, struct amz_store_absent **ret, size_t *ret_n)
{
  struct amz_store_absent *items;
  size_t n, kept = 0;
  int rc = amz_db_kept(s->db, results, err, &items, &n);

  if (rc < 0)
    return rc;
  for (size_t i = 0; i < n; i++)
    if (!pack_is_there(s, items[i].rank, items[i].epoch))
      items[kept++] = items[i];
  *ret = items;
  *ret_n = kept;
  return AMZ_OK;
}

int amz_store_forget(struct amz_store *s, bool results, const struct amz_store_absent *absent, size_t n, struct amz_error *err)
{
  int rc = amz_db_begin(s->db, err);

  for (size_t i = 0; rc == AMZ_OK && i < n; i++)
    rc = amz_db_forget(s->db, results, absent[i].rank, absent[i].epoch, err);
  if (rc == AMZ_OK)
    rc = amz_db_commit(s->db, err);
  if (rc < 0)
    amz_db_rollback(s->db);
  return rc;
}

int amz_store_set_reduce(struct amz_store *s, const struct amz_reduce_kind *kind, struct amz_error *err)
{
  const struct amz_reduce_kind *before = &s->reduced_before;
  int rc = amz_reduce_check(kind, err);

  if (rc < 0)
    return rc;
  if (before->op != AMZ_REDUCE_NONE && (before->op != kind->op || before->type != kind->type || before->width != kind->width))
    return amz_error_set(err, AMZ_EINVAL, "%s: an earlier launch of this run reduced other results", s->dir);
  (void)pthread_mutex_lock(&s->mutex);
  s->work.puts_reduce = before->op == AMZ_REDUCE_NONE;
  s->reduce = *kind;
  (void)pthread_mutex_unlock(&s->mutex);
  return AMZ_OK;
}

/* ---- queueing ------------------------------------------------------------------------------------------------------------ */

static int is_failed(const struct amz_store *s, struct amz_error *err)
{
  if (!s->failed)
    return AMZ_OK;
  if (err)
    *err = s->err;
  return AMZ_EIO;
}

static int know_rank(struct amz_store *s, uint32_t rank, const char *name)
{
  size_t known = s->cap_known;
  char *node;

  if (rank < known && s->rank_known[rank])
    return AMZ_OK;
  if (amz_grow((void **)&s->rank_known, &s->cap_known, (size_t)rank + 1, sizeof *s->rank_known) < 0 ||
      amz_grow((void **)&s->work.ranks, &s->work.cap_ranks, s->work.n_ranks + 1, sizeof *s->work.ranks) < 0)
    return AMZ_ENOMEM;
  for (size_t i = known; i < s->cap_known; i++)
    s->rank_known[i] = false;
  node = amz_strndup(name ? name : "", name ? strlen(name) : 0);
  if (!node)
    return AMZ_ENOMEM;
  s->work.ranks[s->work.n_ranks++] = (struct amz_new_rank){rank, node};
  s->rank_known[rank] = true;
  return AMZ_OK;
}

static int check_record(const struct amz_store *s, const struct amz_record *r, struct amz_error *err)
{
  if (r->result.position >= s->tasks || r->rank >= AMZ_STORE_RANKS_MAX || r->epoch != s->epoch ||
      r->result.outcome < AMZ_SUCCEEDED || r->result.outcome >= AMZ_CANCELLED)
    return amz_error_set(err, AMZ_EINVAL, "no outcome of this launch: task %llu, rank %u, epoch %u, outcome %d",
                         (unsigned long long)r->result.position, r->rank, r->epoch, (int)r->result.outcome);
  return AMZ_OK;
}

/* Behind the queueing of something, under the mutex: when the thread must look at it. */
static void wake_for(struct amz_store *s, size_t before)
{
  size_t now = amz_work_records(&s->work);

  if (before == 0 && now > 0) {
    s->oldest_ns = amz_store_now();
    (void)pthread_cond_signal(&s->wake);
  } else if ((before < RECORDS_WAKE && now >= RECORDS_WAKE) || s->work.partials.len + s->work.errors.len >= PARTIALS_WAKE) {
    s->oldest_ns = INT64_MIN / 2; /* overdue */
    (void)pthread_cond_signal(&s->wake);
  }
}

static int queue_records(struct amz_store *s, const struct amz_record *records, size_t n, struct amz_error *err)
{
  struct amz_work *w = &s->work;
  size_t before = amz_work_records(w), kept = w->n_records;
  int rc = is_failed(s, err);

  if (rc < 0)
    return rc;
  if (n > SIZE_MAX - w->n_records || amz_grow((void **)&w->records, &w->cap_records, w->n_records + n, sizeof *w->records) < 0)
    return no_memory(err);
  for (size_t i = 0; i < n; i++) {
    if (know_rank(s, records[i].rank, records[i].node) < 0) {
      w->n_records = kept;
      return no_memory(err);
    }
    w->records[w->n_records++] =
      (struct amz_queued){.result = records[i].result, .error_at = w->errors.len, .rank = records[i].rank,
                          .final = records[i].final};
    if (records[i].result.error)
      amz_buf_add(&w->errors, records[i].result.error, strlen(records[i].result.error) + 1);
  }
  if (amz_buf_ok(&w->errors) < 0) {
    w->n_records = kept;
    return no_memory(err);
  }
  wake_for(s, before);
  return AMZ_OK;
}

int amz_store_record(struct amz_store *s, const struct amz_record *records, size_t n, struct amz_error *err)
{
  int rc = AMZ_OK;

  for (size_t i = 0; rc == AMZ_OK && i < n; i++)
    rc = check_record(s, &records[i], err);
  if (rc < 0)
    return rc;
  (void)pthread_mutex_lock(&s->mutex);
  rc = queue_records(s, records, n, err);
  (void)pthread_mutex_unlock(&s->mutex);
  return rc;
}

static int check_chunk(const struct amz_store *s, const struct amz_chunk_record *c, struct amz_error *err)
{
  size_t whole = s->reduce.op == AMZ_REDUCE_NONE ? 0 : SIZE_MAX; /* bytes that the partials must have */

  if (c->count == 0 || c->count > s->tasks || c->first > s->tasks - c->count || c->rank >= AMZ_STORE_RANKS_MAX ||
      c->epoch != s->epoch)
    return amz_error_set(err, AMZ_EINVAL, "no outcomes of this launch: tasks %llu +%llu, rank %u, epoch %u",
                         (unsigned long long)c->first,
                         (unsigned long long)c->count, c->rank, c->epoch);
  if (whole)
    whole = amz_reduce_split(&s->reduce, c->partials, c->partials_bytes, c->first, c->count);
  if (c->partials_bytes != whole || (s->reduce.op != AMZ_REDUCE_NONE && whole == 0))
    return amz_error_set(err, AMZ_EINVAL, "the partials of tasks %llu +%llu aren't those of this run's reduction",
                         (unsigned long long)c->first,
                         (unsigned long long)c->count);
  return AMZ_OK;
}

static int queue_chunk(struct amz_store *s, const struct amz_chunk_record *c, struct amz_error *err)
{
  struct amz_work *w = &s->work;
  size_t before = amz_work_records(w), at = w->partials.len;
  int rc = is_failed(s, err);

  if (rc < 0)
    return rc;
  if (amz_grow((void **)&w->chunks, &w->cap_chunks, w->n_chunks + 1, sizeof *w->chunks) < 0 || know_rank(s, c->rank, c->node) < 0)
    return no_memory(err);
  if (c->partials_bytes)
    amz_buf_add(&w->partials, c->partials, c->partials_bytes);
  if (amz_buf_ok(&w->partials) < 0)
    return no_memory(err);
  w->chunks[w->n_chunks++] = (struct amz_queued_chunk){*c, at};
  wake_for(s, before);
  return AMZ_OK;
}

int amz_store_record_chunk(struct amz_store *s, const struct amz_chunk_record *record, struct amz_error *err)
{
  int rc = check_chunk(s, record, err);

  if (rc < 0)
    return rc;
  (void)pthread_mutex_lock(&s->mutex);
  rc = queue_chunk(s, record, err);
  (void)pthread_mutex_unlock(&s->mutex);
  return rc;
}

static int queue_sync(struct amz_store *s, const char *pack_path, uint64_t token, struct amz_error *err)
{
  struct amz_work *w = &s->work;
  int rc = is_failed(s, err);
  char *path;

  if (rc < 0)
    return rc;
  if (amz_grow((void **)&w->syncs, &w->cap_syncs, w->n_syncs + 1, sizeof *w->syncs) < 0 ||
      amz_grow((void **)&s->told, &s->cap_told, s->n_told + s->owed + 1 + AMZ_STORE_OTHER_EVENTS, sizeof *s->told) < 0 ||
      !(path = amz_strndup(pack_path, strlen(pack_path))))
    return no_memory(err);
  w->syncs[w->n_syncs++] = (struct amz_sync){path, token};
  s->owed++;
  (void)pthread_cond_signal(&s->wake);
  return AMZ_OK;
}

int amz_store_sync(struct amz_store *s, const char *pack_path, uint64_t token, struct amz_error *err)
{
  int rc;

  (void)pthread_mutex_lock(&s->mutex);
  rc = queue_sync(s, pack_path, token, err);
  (void)pthread_mutex_unlock(&s->mutex);
  return rc;
}

int amz_store_expect(struct amz_store *s, const char *pack_path, struct amz_error *err)
{
  char *copy = amz_strndup(pack_path, strlen(pack_path)), *before;
  int rc;

  if (!copy)
    return no_memory(err);
  (void)pthread_mutex_lock(&s->mutex);
  rc = is_failed(s, err);
  before = s->work.expected;
  s->work.expected = copy;
  (void)pthread_cond_signal(&s->wake);
  (void)pthread_mutex_unlock(&s->mutex);
  free(before);
  return rc;
}

int amz_store_status(struct amz_store *s, const char *json, size_t n, struct amz_error *err)
{
  char *copy = amz_strndup(json, n), *before;
  int rc;

  if (!copy)
    return no_memory(err);
  (void)pthread_mutex_lock(&s->mutex);
  rc = is_failed(s, err);
  before = s->work.status; /* not written yet, and stale already */
  s->work.status = copy;
  s->work.n_status = n;
  (void)pthread_cond_signal(&s->wake);
  (void)pthread_mutex_unlock(&s->mutex);
  free(before);
  return rc;
}

/* Until the thread has committed all that was queued, or has failed. */
static int settle(struct amz_store *s, struct amz_error *err)
{
  int rc;

  (void)pthread_mutex_lock(&s->mutex);
  s->settling = true;
  (void)pthread_cond_signal(&s->wake);
  while (!s->failed && (s->busy || amz_work_records(&s->work) > 0))
    (void)pthread_cond_wait(&s->settled, &s->mutex);
  s->settling = false;
  rc = is_failed(s, err);
  (void)pthread_mutex_unlock(&s->mutex);
  return rc;
}

/* The thread leaves the database alone when nothing is queued, but for copying it. */
int amz_store_recorded_by(struct amz_store *s, uint32_t rank, uint32_t epoch, struct amz_error *err, struct amz_range **ret,
                          size_t *ret_n)
{
  int rc = settle(s, err);

  return rc < 0 ? rc : amz_db_recorded_by(s->db, rank, epoch, err, ret, ret_n);
}

/* ---- events -------------------------------------------------------------------------------------------------------------- */

int amz_store_fd(const struct amz_store *s)
{
  return s->event_fd;
}

int amz_store_next(struct amz_store *s, struct amz_store_event *ret)
{
  uint64_t count;
  int rc = 0;

  (void)pthread_mutex_lock(&s->mutex);
  if (s->told_at < s->n_told) {
    ret->kind = s->told[s->told_at].kind;
    ret->token = s->told[s->told_at].token;
    memcpy(ret->why, s->told[s->told_at].why, sizeof ret->why);
    memset(&ret->err, 0, sizeof ret->err);
    if (ret->kind == AMZ_STORE_FAILED)
      ret->err = s->err;
    s->told_at++;
    rc = 1;
  }
  if (s->told_at == s->n_told) {
    s->told_at = s->n_told = 0;
    (void)!read(s->event_fd, &count, sizeof count); /* EAGAIN when it is quiet already */
  }
  (void)pthread_mutex_unlock(&s->mutex);
  return rc;
}

/* ---- closing ------------------------------------------------------------------------------------------------------------- */

static int end_thread(struct amz_store *s, struct amz_error *err)
{
  (void)pthread_mutex_lock(&s->mutex);
  s->closing = true;
  (void)pthread_cond_signal(&s->wake);
  (void)pthread_mutex_unlock(&s->mutex);
  if (s->thread_runs)
    (void)pthread_join(s->thread, NULL);
  return is_failed(s, err);
}

/* ret NULL: it isn't asked for. */
static int close_store(struct amz_store *s, struct amz_reduced *ret, struct amz_error *err)
{
  int rc, reduced = AMZ_OK;
  const struct amz_reduce_kind *kind;

  if (!s)
    return AMZ_OK;
  kind = s->reduce.op != AMZ_REDUCE_NONE ? &s->reduce : &s->reduced_before;
  rc = end_thread(s, err);
  if (rc == AMZ_OK && s->db && ret && kind->op != AMZ_REDUCE_NONE)
    reduced = amz_db_reduced(amz_db_handle(s->db), amz_db_path(s->db), kind, err, ret);
  if (rc == AMZ_OK && s->db) {
    rc = amz_db_finish(s->db, err);
    if (rc == AMZ_OK)
      (void)unlink(s->snapshot_path);
  }
  (void)pthread_cond_destroy(&s->wake);
  (void)pthread_cond_destroy(&s->settled);
  amz_store_release(s);
  return rc < 0 || reduced < 0 ? AMZ_EIO : AMZ_OK;
}

int amz_store_close_reduced(struct amz_store *s, struct amz_reduced *ret, struct amz_error *err)
{
  memset(ret, 0, sizeof *ret);
  return close_store(s, ret, err);
}

int amz_store_close(struct amz_store *s, struct amz_error *err)
{
  return close_store(s, NULL, err);
}
