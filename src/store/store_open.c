/* The store's beginning: its database, a new launch in it, the thread; and the memory of all that. */
#include "store_private.h"

#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <amorsize/alloc.h>

#include "path.h"
#include "takeover.h"

#define COMMIT_NS INT64_C(1000000000)

int64_t amz_store_now(void)
{
  struct timespec now = {0, 0};

  (void)clock_gettime(CLOCK_MONOTONIC, &now);
  return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static int no_memory(struct amz_error *err)
{
  return amz_error_set(err, AMZ_ENOMEM, "out of memory");
}

/* ---- opening ------------------------------------------------------------------------------------------------------------- */

/* What SQLite keeps one database in. */
static const char *const db_parts[] = {"", "-wal", "-journal"};
#define DB_PARTS (sizeof db_parts / sizeof *db_parts)

/* Renames a database's file, or removes it when `to` is NULL. */
static int move_part(const char *path, const char *to, const char *part, struct amz_error *err)
{
  struct amz_buf from = AMZ_BUF_INIT, target = AMZ_BUF_INIT;
  int rc = AMZ_OK;

  amz_buf_addf(&from, "%s%s", path, part);
  amz_buf_addf(&target, "%s%s", to ? to : "", part);
  if (amz_buf_ok(&from) < 0 || amz_buf_ok(&target) < 0)
    rc = no_memory(err);
  else if ((to ? rename(from.data, target.data) : unlink(from.data)) < 0 && errno != ENOENT)
    rc = amz_error_sys(err, AMZ_EIO, errno, "%s: cannot be moved aside", from.data);
  amz_buf_clear(&from);
  amz_buf_clear(&target);
  return rc;
}

/* Out of the way with a damaged database, under the first free name run.db.damaged-N. */
static int move_aside(const char *path, struct amz_error *err)
{
  struct amz_buf to = AMZ_BUF_INIT;
  struct stat st;
  int rc = AMZ_OK;

  for (unsigned n = 1;; n++) {
    amz_buf_reset(&to);
    amz_buf_addf(&to, "%s.damaged-%u", path, n);
    if (amz_buf_ok(&to) < 0 || lstat(to.data, &st) < 0)
      break;
  }
  if (amz_buf_ok(&to) < 0)
    rc = no_memory(err);
  for (size_t i = 0; rc == AMZ_OK && i < DB_PARTS; i++)
    rc = move_part(path, to.data, db_parts[i], err);
  amz_buf_clear(&to);
  return rc;
}

/* One that was never finished holds nothing; a WAL whose database is gone is kept aside, as nothing but chance knows what is
 * in it. */
static int clear_place(const char *path, struct amz_error *err)
{
  int rc = AMZ_OK;

  if (access(path, F_OK) < 0) {
    struct amz_buf wal = AMZ_BUF_INIT;
    bool stray;

    amz_buf_addf(&wal, "%s-wal", path);
    stray = amz_buf_ok(&wal) == AMZ_OK && access(wal.data, F_OK) == 0;
    amz_buf_clear(&wal);
    return stray ? move_aside(path, err) : AMZ_OK;
  }
  for (size_t i = 0; rc == AMZ_OK && i < DB_PARTS; i++)
    rc = move_part(path, NULL, db_parts[i], err);
  return rc;
}

/* \return whether no launch has written a pack here. */
static bool has_no_packs(const struct amz_store *s)
{
  char *out = amz_path_join(s->dir, "out");
  DIR *d = out ? opendir(out) : NULL;
  const struct dirent *e;
  bool none = d != NULL;

  while (none && (e = readdir(d)))
    none = e->d_name[0] == '.';
  if (d)
    (void)closedir(d);
  free(out);
  return none;
}

/* Opens the database that is there, or makes one to be filled from the packs. Of one that holds nothing yet, nothing can be lost:
 * the thread syncs it, before it records anything (writer.c), beside the first tasks. */
static int open_db(struct amz_store *s, struct amz_error *err)
{
  char *path = amz_path_join(s->dir, AMZ_DB_NAME);
  int rc;

  if (!path)
    return no_memory(err);
  rc = amz_db_open(path, s->tasks, err, &s->db);
  if (rc == AMZ_ENOENT || rc == AMZ_ECORRUPT) {
    rc = rc == AMZ_ENOENT ? clear_place(path, err) : move_aside(path, err);
    s->fresh = rc == AMZ_OK && has_no_packs(s);
    if (rc == AMZ_OK)
      rc = amz_db_create(path, s->tasks, !s->fresh, err, &s->db);
  }
  free(path);
  return rc;
}

/* Takes over what dead launches left, and begins this one: all of it or nothing. */
static int begin_launch(struct amz_store *s, const struct amz_store_config *config, struct amz_error *err)
{
  uint32_t in_db = 0, in_packs = 0;
  int rc = amz_db_begin(s->db, err);

  if (rc == AMZ_OK)
    rc = amz_takeover(s->db, s->tasks, config, err, &in_packs);
  if (rc == AMZ_OK)
    rc = amz_db_reduce_kind(amz_db_handle(s->db), amz_db_path(s->db), err, &s->reduced_before);
  if (rc == AMZ_OK)
    rc = amz_db_last_epoch(s->db, err, &in_db);
  s->epoch = (in_db > in_packs ? in_db : in_packs) + 1;
  if (rc == AMZ_OK)
    rc = amz_db_put_epoch(s->db, s->epoch, err);
  if (rc == AMZ_OK)
    rc = amz_db_commit(s->db, err);
  if (rc < 0)
    amz_db_rollback(s->db);
  return rc == AMZ_OK && s->fresh ? amz_db_sync_commits(s->db, err) : rc;
}

static int check_dir(const char *dir, struct amz_error *err)
{
  char *out = amz_path_join(dir, "out");
  struct stat st;
  int rc = AMZ_OK;

  if (!out)
    return no_memory(err);
  if (stat(out, &st) < 0 || !S_ISDIR(st.st_mode))
    rc = amz_error_set(err, AMZ_EIO, "%s: not a run directory (%s is no directory)", dir, out);
  free(out);
  return rc;
}

static int make_wakers(struct amz_store *s, struct amz_error *err)
{
  pthread_condattr_t attr;
  int rc;

  s->event_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  if (s->event_fd < 0)
    return amz_error_sys(err, AMZ_EIO, errno, "eventfd");
  rc = pthread_condattr_init(&attr);
  if (rc == 0) {
    rc = pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    if (rc == 0)
      rc = pthread_cond_init(&s->wake, &attr);
    (void)pthread_condattr_destroy(&attr);
  }
  if (rc == 0 && (rc = pthread_cond_init(&s->settled, NULL)) != 0)
    (void)pthread_cond_destroy(&s->wake);
  return rc == 0 ? AMZ_OK : amz_error_sys(err, AMZ_EIO, rc, "pthread_cond_init");
}

/* Signals are for the caller's threads: ours has none to miss and no EINTR to suffer. */
static int start_thread(struct amz_store *s, struct amz_error *err)
{
  sigset_t all, before;
  int rc;

  (void)sigfillset(&all);
  rc = pthread_sigmask(SIG_SETMASK, &all, &before);
  if (rc == 0) {
    rc = pthread_create(&s->thread, NULL, amz_store_thread, s);
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
  }
  if (rc != 0)
    return amz_error_sys(err, AMZ_EIO, rc, "cannot start the store's thread");
  s->thread_runs = true;
  return AMZ_OK;
}

static struct amz_store *store_new(const struct amz_store_config *config, uint64_t tasks)
{
  struct amz_store *s = calloc(1, sizeof *s);

  if (!s)
    return NULL;
  s->event_fd = -1;
  s->tasks = tasks;
  s->lease = config->lease;
  s->commit_ns = config->commit_ns > 0 ? config->commit_ns : COMMIT_NS;
  s->opened_ns = amz_store_now();
  if (pthread_mutex_init(&s->mutex, NULL) != 0) {
    free(s);
    return NULL;
  }
  s->dir = amz_strndup(config->dir, strlen(config->dir));
  s->stop_path = amz_path_join(config->dir, "stop");
  s->snapshot_path = amz_path_join(config->dir, AMZ_SNAPSHOT_NAME);
  s->snapshot_aside = amz_path_join(config->dir, "." AMZ_SNAPSHOT_NAME);
  s->settle = config->settle ? amz_path_join(config->dir, config->settle) : NULL;
  s->unsettled = config->settle;
  return s;
}

void amz_store_release(struct amz_store *s)
{
  amz_work_clear(&s->work);
  amz_db_free(s->db);
  for (size_t i = 0; i < s->n_packs; i++) {
    (void)close(s->packs[i].fd);
    free(s->packs[i].path);
  }
  free(s->packs);
  free(s->rank_offset);
  free(s->rank_known);
  free(s->told);
  if (s->event_fd >= 0)
    (void)close(s->event_fd);
  (void)pthread_mutex_destroy(&s->mutex);
  free(s->dir);
  free(s->stop_path);
  free(s->snapshot_path);
  free(s->snapshot_aside);
  free(s->settle);
  free(s);
}

static int open_parts(struct amz_store *s, const struct amz_store_config *config, bool packs_only, struct amz_error *err)
{
  int rc = AMZ_OK;

  if (!s->dir || !s->stop_path || !s->snapshot_path || !s->snapshot_aside || (s->unsettled && !s->settle) ||
      amz_grow((void **)&s->told, &s->cap_told, AMZ_STORE_OTHER_EVENTS, sizeof *s->told) < 0)
    return no_memory(err);
  if (!packs_only && ((rc = open_db(s, err)) < 0 || (rc = begin_launch(s, config, err)) < 0))
    return rc;
  if ((rc = make_wakers(s, err)) < 0)
    return rc;
  if (!packs_only && !config->keep_stop)
    (void)unlink(s->stop_path); /* what was asked of an earlier launch */
  if ((rc = start_thread(s, err)) < 0) {
    (void)pthread_cond_destroy(&s->wake);
    (void)pthread_cond_destroy(&s->settled);
  }
  return rc;
}

static int open_store(const struct amz_store_config *config, bool packs_only, uint64_t tasks, struct amz_error *err,
                      struct amz_store **ret)
{
  struct amz_store *s;
  int rc = check_dir(config->dir, err);

  if (rc < 0)
    return rc;
  s = store_new(config, tasks);
  if (!s)
    return no_memory(err);
  rc = open_parts(s, config, packs_only, err);
  if (rc < 0) {
    amz_store_release(s);
    return rc;
  }
  *ret = s;
  return AMZ_OK;
}

int amz_store_open(const struct amz_store_config *config, uint64_t tasks, struct amz_error *err, struct amz_store **ret)
{
  return open_store(config, false, tasks, err, ret);
}

int amz_store_open_packs(const struct amz_store_config *config, struct amz_error *err, struct amz_store **ret)
{
  struct amz_store_config packs = {.dir = config->dir};

  return open_store(&packs, true, 0, err, ret);
}
