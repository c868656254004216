/* The store's thread: syncs packs, commits records, replaces status.json, refreshes the lease, looks for `stop`, publishes
 * snapshots.
 *
 * It takes all that waits in one go, and does it without the mutex; so callers never wait for a disk. Syncs come first, since
 * ranks wait for them; several for one file cost one fdatasync. It sleeps until the next thing is due: about once a second
 * when nothing happens. */
#include "store_private.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <amorsize/alloc.h>

#include "path.h"

#define SECOND INT64_C(1000000000)
#define LOOK_NS (SECOND / 2)          /* for DIR/stop */
#define REFRESH_NS (5 * SECOND)       /* the lease */
#define REFRESH_LATE_NS (AMZ_LEASE_STALE_S * SECOND / 2) /* unrefreshed so long, others may soon take it: we must stop before */
#define PUBLISH_FIRST_NS (2 * SECOND)
#define PUBLISH_NS (5 * SECOND)
#define PUBLISH_SHARE 30              /* at most 1/30 of the thread's time goes into copies */

void amz_work_clear(struct amz_work *w)
{
  for (size_t i = 0; i < w->n_ranks; i++)
    free(w->ranks[i].node);
  for (size_t i = 0; i < w->n_syncs; i++)
    free(w->syncs[i].path);
  free(w->records);
  free(w->chunks);
  amz_buf_clear(&w->partials);
  amz_buf_clear(&w->errors);
  free(w->ranks);
  free(w->syncs);
  free(w->status);
  free(w->expected);
  memset(w, 0, sizeof *w);
}

/* ---- telling ------------------------------------------------------------------------------------------------------------- */

static void tell(struct amz_store *s, enum amz_store_event_kind kind, uint64_t token, const char *why)
{
  struct amz_told told = {.kind = kind, .token = token};
  static const uint64_t one = 1;

  (void)pthread_mutex_lock(&s->mutex);
  if (kind == AMZ_STORE_SYNCED)
    s->owed--;
  (void)snprintf(told.why, sizeof told.why, "%s", why);
  s->told[s->n_told++] = told; /* there is room: see amz_store_sync */
  (void)!write(s->event_fd, &one, sizeof one);
  (void)pthread_mutex_unlock(&s->mutex);
}

/* Once: what comes after is of no use to anybody. */
static void fail(struct amz_store *s, const struct amz_error *err)
{
  bool first;

  (void)pthread_mutex_lock(&s->mutex);
  first = !s->failed;
  if (first) {
    (void)amz_error_set(&s->err, err->code == AMZ_EBUSY ? AMZ_EBUSY : AMZ_EIO, "%s", err->text);
    s->err.sys_errno = err->sys_errno;
    s->failed = true;
  }
  (void)pthread_mutex_unlock(&s->mutex);
  if (first)
    tell(s, AMZ_STORE_FAILED, 0, "");
}

static void fail_disk(struct amz_store *s, const struct amz_error *err)
{
  struct amz_error full = *err;

  (void)amz_error_set(&full, AMZ_EIO,
                      "%.500s; what was recorded before is safe: free space or mend the file system, then "
                      "'amorsize-mpi resume %.300s'",
                      err->text, s->dir);
  full.sys_errno = err->sys_errno;
  fail(s, &full);
}

/* ---- packs --------------------------------------------------------------------------------------------------------------- */

static int pack_fd(struct amz_store *s, const char *path, struct amz_error *err)
{
  char *copy, *out;
  int fd;

  for (size_t i = 0; i < s->n_packs; i++)
    if (strcmp(s->packs[i].path, path) == 0)
      return s->packs[i].fd;
  fd = open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0)
    return amz_error_sys(err, AMZ_EIO, errno, "%s: cannot be opened", path);
  copy = amz_strndup(path, strlen(path));
  out = amz_path_join(s->dir, "out");
  if (!copy || !out || amz_grow((void **)&s->packs, &s->cap_packs, s->n_packs + 1, sizeof *s->packs) < 0) {
    free(copy);
    free(out);
    (void)close(fd);
    return amz_error_set(err, AMZ_ENOMEM, "out of memory");
  }
  /* The file's name has to last as well as its content. */
  if (amz_sync_dir(out) < 0)
    (void)amz_error_sys(err, AMZ_EIO, errno, "%s: cannot be synced", out);
  free(out);
  s->packs[s->n_packs++] = (struct amz_pack_file){copy, fd};
  return err->code ? AMZ_EIO : fd;
}

static int sync_pack(struct amz_store *s, const char *path, struct amz_error *err)
{
  int fd = pack_fd(s, path, err), rc;

  if (fd < 0)
    return fd;
  do
    rc = fdatasync(fd);
  while (rc < 0 && errno == EINTR);
  return rc < 0 ? amz_error_sys(err, AMZ_EIO, errno, "%s: cannot be made durable", path) : AMZ_OK;
}

/* Each file once for all its tokens. The requests were taken before the sync begins, so it covers what they speak of. */
static void do_syncs(struct amz_store *s, struct amz_work *w)
{
  for (size_t i = 0; i < w->n_syncs && !s->failed; i++) {
    struct amz_error err = {0};
    char *path = w->syncs[i].path;

    if (!path)
      continue;
    if (sync_pack(s, path, &err) < 0) {
      fail_disk(s, &err);
      return;
    }
    for (size_t k = i; k < w->n_syncs; k++) {
      if (!w->syncs[k].path || strcmp(w->syncs[k].path, path) != 0)
        continue;
      tell(s, AMZ_STORE_SYNCED, w->syncs[k].token, "");
      if (k > i) {
        free(w->syncs[k].path);
        w->syncs[k].path = NULL;
      }
    }
  }
}

/* ---- records ------------------------------------------------------------------------------------------------------------- */

static int note_offset(struct amz_store *s, const struct amz_queued *q, struct amz_error *err)
{
  size_t known = s->cap_rank_offset;

  if (q->result.seq == 0 || q->result.pack_offset == 0)
    return AMZ_OK;
  if (amz_grow((void **)&s->rank_offset, &s->cap_rank_offset, (size_t)q->rank + 1, sizeof *s->rank_offset) < 0)
    return amz_error_set(err, AMZ_ENOMEM, "out of memory");
  for (size_t i = known; i < s->cap_rank_offset; i++)
    s->rank_offset[i] = 0;
  if (q->result.pack_offset > s->rank_offset[q->rank])
    s->rank_offset[q->rank] = q->result.pack_offset;
  return AMZ_OK;
}

/* What ranks have been recorded up to is written for those alone that a batch has touched. */
static int put_offsets(struct amz_store *s, const struct amz_work *w, struct amz_error *err)
{
  int rc = AMZ_OK;

  for (size_t i = w->n_records; rc == AMZ_OK && i-- > 0;) {
    uint32_t rank = w->records[i].rank;

    if (rank >= s->cap_rank_offset || s->rank_offset[rank] == 0)
      continue;
    rc = amz_db_put_rank(s->db, rank, s->epoch, NULL, s->rank_offset[rank], err);
    s->rank_offset[rank] = 0; /* the database keeps the highest */
  }
  return rc;
}

static int put_all(struct amz_store *s, struct amz_work *w, struct amz_error *err)
{
  int rc = amz_db_begin(s->db, err);

  for (size_t i = 0; rc == AMZ_OK && i < w->n_ranks; i++)
    rc = amz_db_put_rank(s->db, w->ranks[i].rank, s->epoch, w->ranks[i].node, 0, err);
  for (size_t i = 0; rc == AMZ_OK && i < w->n_records; i++) {
    if (w->records[i].result.error)
      w->records[i].result.error = w->errors.data + w->records[i].error_at;
    rc = amz_db_put(s->db, &w->records[i].result, w->records[i].rank, s->epoch, w->records[i].final, err);
    if (rc == AMZ_OK)
      rc = note_offset(s, &w->records[i], err);
  }
  if (rc == AMZ_OK && w->puts_reduce)
    rc = amz_db_put_reduce_kind(s->db, &s->reduce, err);
  if (rc == AMZ_OK && w->n_chunks)
    rc = amz_store_put_chunks(s, w, err);
  if (rc == AMZ_OK)
    rc = put_offsets(s, w, err);
  return rc == AMZ_OK ? amz_db_commit(s->db, err) : rc;
}

static void refresh_lease(struct amz_store *s, int64_t now)
{
  struct amz_error err = {0};
  int rc;

  if (!s->lease || now < s->next_refresh_ns)
    return;
  s->next_refresh_ns = now + REFRESH_NS;
  rc = amz_lease_refresh(s->lease, &err);
  if (rc == AMZ_OK)
    s->refreshed_ns = now;
  else if (rc == AMZ_EBUSY || now - s->refreshed_ns > REFRESH_LATE_NS)
    fail(s, &err);
}

/* A process that was stopped for long may wake up in a directory that somebody has taken over meanwhile: it looks before it
 * writes. */
static bool is_ours_still(struct amz_store *s)
{
  int64_t now = amz_store_now();

  if (s->lease && !s->failed && now - s->refreshed_ns > 2 * REFRESH_NS) {
    s->next_refresh_ns = now;
    refresh_lease(s, now);
  }
  return !s->failed;
}

/* `closing`: amz_db_finish follows. */
static void do_records(struct amz_store *s, struct amz_work *w, bool closing)
{
  struct amz_error err = {0};

  if (amz_work_records(w) == 0 || !is_ours_still(s))
    return;
  if ((closing && amz_db_expect_finish(s->db, &err) < 0) || put_all(s, w, &err) < 0) {
    amz_db_rollback(s->db);
    fail_disk(s, &err);
    return;
  }
  s->changed = true;
}

/* ---- what is due by the clock -------------------------------------------------------------------------------------------- */

/* "now" asks to end at once, nothing or anything else to drain; each is told once. What follows is why. */
static void look_for_stop(struct amz_store *s, int64_t now)
{
  char text[64], *why = text;
  unsigned wish;

  if (now < s->next_look_ns)
    return;
  s->next_look_ns = now + LOOK_NS;
  if (!s->db || amz_read_small(s->stop_path, text, sizeof text) < 0) /* a pack's keeper leaves that to the master's store */
    return;
  text[strcspn(text, "\n")] = '\0';
  wish = strncmp(text, "now", 3) == 0 ? 2 : 1;
  if (wish == 2)
    why += 3 + (text[3] == ' ');
  if (s->stop_told >= wish)
    return;
  s->stop_told = wish;
  tell(s, AMZ_STORE_STOP, wish - 1, why);
}

/* A snapshot that can't be made (no space …) costs readers their news, not the run its life. */
static void publish(struct amz_store *s, int64_t now)
{
  int64_t took;

  if (!s->changed || s->failed || now < s->next_publish_ns)
    return;
  s->changed = amz_db_publish(s->db, s->snapshot_aside, s->snapshot_path, NULL) < 0;
  took = amz_store_now() - now;
  s->next_publish_ns = now + took + (took * PUBLISH_SHARE > PUBLISH_NS ? took * PUBLISH_SHARE : PUBLISH_NS);
}

/* ---- the loop ------------------------------------------------------------------------------------------------------------ */

static int64_t earlier(int64_t a, int64_t b)
{
  return a < b ? a : b;
}

static bool commit_due(const struct amz_store *s, int64_t now)
{
  return amz_work_records(&s->work) > 0 && (s->closing || s->settling || now - s->oldest_ns >= s->commit_ns);
}

/* Under the mutex: takes what is to be done now; records that aren't due stay. */
static void take(struct amz_store *s, int64_t now, struct amz_work *ret)
{
  struct amz_work all = s->work;

  memset(ret, 0, sizeof *ret);
  if (commit_due(s, now)) {
    *ret = all;
    memset(&s->work, 0, sizeof s->work);
    return;
  }
  ret->syncs = all.syncs;
  ret->n_syncs = all.n_syncs;
  ret->status = all.status;
  ret->n_status = all.n_status;
  ret->expected = all.expected;
  s->work.expected = NULL;
  s->work.syncs = NULL;
  s->work.n_syncs = s->work.cap_syncs = 0;
  s->work.status = NULL;
}

static bool anything(const struct amz_work *w)
{
  return amz_work_records(w) || w->n_syncs || w->status || w->expected;
}

/* Under the mutex: sleeps until something is queued or due. */
static void rest(struct amz_store *s)
{
  int64_t due = s->next_look_ns;
  struct timespec until;

  if (s->lease)
    due = earlier(due, s->next_refresh_ns);
  if (amz_work_records(&s->work) > 0 && !s->failed)
    due = earlier(due, s->oldest_ns + s->commit_ns);
  if (s->changed && !s->failed)
    due = earlier(due, s->next_publish_ns);
  if (due < 0)
    due = 0;
  until = (struct timespec){.tv_sec = (time_t)(due / SECOND), .tv_nsec = (long)(due % SECOND)};
  (void)pthread_cond_timedwait(&s->wake, &s->mutex, &until);
}

static void perform(struct amz_store *s, struct amz_work *w, int64_t now, bool closing)
{
  struct amz_error err = {0};

  do_syncs(s, w);
  if (w->expected && !s->failed && pack_fd(s, w->expected, &err) < 0)
    fail_disk(s, &err);
  do_records(s, w, closing);
  if (w->status)
    (void)amz_rundir_write(s->dir, "status.json", w->status, w->n_status, false, NULL); /* the next one comes soon */
  amz_work_clear(w);
  look_for_stop(s, now);
  refresh_lease(s, now);
}

/* What the run was made from, and a database that is new, before anything relies on them. */
static int settle(const struct amz_store *s, struct amz_error *err)
{
  int rc = s->unsettled ? amz_db_sync_file(s->settle, err) : AMZ_OK;

  if (rc == AMZ_OK && s->fresh)
    rc = amz_db_sync_file(amz_db_path(s->db), err);
  if (rc == AMZ_OK && (s->unsettled || s->fresh) && amz_sync_dir(s->dir) < 0)
    rc = amz_error_sys(err, AMZ_EIO, errno, "%s: cannot be made durable", s->dir);
  return rc;
}

void *amz_store_thread(void *arg)
{
  struct amz_store *s = arg;
  struct amz_error err = {0};
  bool closing;

  s->next_look_ns = s->opened_ns + LOOK_NS;
  s->refreshed_ns = s->opened_ns;
  s->next_refresh_ns = s->opened_ns + REFRESH_NS;
  s->next_publish_ns = s->opened_ns + PUBLISH_FIRST_NS;
  if (settle(s, &err) < 0)
    fail_disk(s, &err);
  (void)pthread_mutex_lock(&s->mutex);
  for (;;) {
    struct amz_work w;
    int64_t now = amz_store_now();

    closing = s->closing;
    take(s, now, &w);
    if (closing && !anything(&w))
      break;
    s->busy = true;
    (void)pthread_mutex_unlock(&s->mutex);
    perform(s, &w, now, closing);
    if (!closing)
      publish(s, amz_store_now());
    (void)pthread_mutex_lock(&s->mutex);
    s->busy = false;
    (void)pthread_cond_broadcast(&s->settled);
    if (!s->closing && !s->work.n_syncs && !s->work.status && !s->work.expected && !commit_due(s, amz_store_now()))
      rest(s);
  }
  (void)pthread_mutex_unlock(&s->mutex);
  return NULL;
}
