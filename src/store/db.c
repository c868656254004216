/* run.db: opening, checking, questions of the writer, copies for readers. Recording: db_put.c.
 *
 * Journal: WAL with locking_mode=EXCLUSIVE, which keeps the WAL's index in our own memory, so that neither file locks nor
 * shared memory are needed. One commit is then one sequential write and one fsync (a rollback journal takes two or three:
 * measured 0.7–1 ms against 2–3 ms on a local disk, and file servers are slower). synchronous=FULL: what was committed
 * survives a power cut.
 *
 * Size: integers take as many bytes as they need, 0 and 1 none; a rank's node is told once per launch, not per task. About 50
 * bytes a task. */
#include "db_private.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <amorsize/alloc.h>

#define SCHEMA_VERSION 3
#define TEXT_OF(x) #x
#define TEXT(x) TEXT_OF(x)

#define ROW_COLUMNS "outcome,exit,signal,attempt,rank,slot,epoch,start_ns,wall_ns,cpu_ns,rss_bytes,output_bytes,pack_offset,error"

/* Stretches of tasks that succeeded, disjoint from one another and from outcome; slot NULL: several; wall_ns, cpu_ns: their sums;
 * partials: as reduce.h encodes them. */
#define CHUNK_TABLE(columns) \
  "CREATE TABLE chunk(first INTEGER PRIMARY KEY, count INTEGER, attempt INTEGER, rank INTEGER, slot INTEGER, epoch INTEGER," \
  " start_ns INTEGER, wall_ns INTEGER, " columns "partials BLOB);"

/* What makes of each version the next one. */
static const char *const upgrade_sql[SCHEMA_VERSION] = {
  [1] = CHUNK_TABLE(""),
  [2] = "ALTER TABLE chunk ADD COLUMN cpu_ns INTEGER; ALTER TABLE outcome ADD COLUMN error TEXT; ALTER TABLE attempt ADD COLUMN "
        "error TEXT;",
};

static const char schema_sql[] =
  "BEGIN;"
  "CREATE TABLE meta(key TEXT PRIMARY KEY, value INTEGER) WITHOUT ROWID;"
  "CREATE TABLE launch(epoch INTEGER PRIMARY KEY, started_ns INTEGER, host TEXT, pid INTEGER);"
  "CREATE TABLE launch_rank(epoch INTEGER, rank INTEGER, node TEXT, recorded_offset INTEGER,"
  " PRIMARY KEY(epoch, rank)) WITHOUT ROWID;"
  /* outcome: enum amz_outcome; pack_offset: of the END frame in out/rRANK-eEPOCH.pack, 0: none; error: amz_result's */
  "CREATE TABLE outcome(task INTEGER PRIMARY KEY, outcome INTEGER, exit INTEGER, signal INTEGER, attempt INTEGER, rank INTEGER,"
  " slot INTEGER, epoch INTEGER, start_ns INTEGER, wall_ns INTEGER, cpu_ns INTEGER, rss_bytes INTEGER, output_bytes INTEGER,"
  " pack_offset INTEGER, error TEXT);"
  /* what was tried again, or is to be */
  "CREATE TABLE attempt(task INTEGER, outcome INTEGER, exit INTEGER, signal INTEGER, attempt INTEGER, rank INTEGER, slot INTEGER,"
  " epoch INTEGER, start_ns INTEGER, wall_ns INTEGER, cpu_ns INTEGER, rss_bytes INTEGER, output_bytes INTEGER,"
  " pack_offset INTEGER, error TEXT, PRIMARY KEY(task, epoch, attempt)) WITHOUT ROWID;"
  CHUNK_TABLE("cpu_ns INTEGER, ")
  "PRAGMA user_version=" TEXT(SCHEMA_VERSION) ";";

static const char *const statement_sql[STATEMENTS] = {
  [PUT_OUTCOME] = ("INSERT INTO outcome(task," ROW_COLUMNS ") VALUES(?1,?2,?3,?4,?5,?6,?7,?8,?9,?10,?11,?12,?13,?14,?15)"
                   " ON CONFLICT(task) DO UPDATE SET (" ROW_COLUMNS ")=(excluded.outcome,excluded.exit,excluded.signal,"
                   "excluded.attempt,excluded.rank,excluded.slot,excluded.epoch,excluded.start_ns,excluded.wall_ns,excluded.cpu_ns,"
                   "excluded.rss_bytes,excluded.output_bytes,excluded.pack_offset,excluded.error)"
                   " WHERE outcome.outcome IN (2,3) AND excluded.epoch>outcome.epoch"),
  [PUT_ATTEMPT] = ("INSERT OR IGNORE INTO attempt(task," ROW_COLUMNS ") VALUES(?1,?2,?3,?4,?5,?6,?7,?8,?9,?10,?11,?12,?13,?14,?15)"),
  [KEEP_FAILED] = ("INSERT OR IGNORE INTO attempt(task," ROW_COLUMNS ") SELECT task," ROW_COLUMNS
                   " FROM outcome WHERE task BETWEEN ?1 AND ?2 AND outcome IN (2,3) AND epoch<?3"),
  [DROP_FAILED] = "DELETE FROM outcome WHERE task BETWEEN ?1 AND ?2 AND outcome IN (2,3) AND epoch<?3",
  [PUT_RANK] = ("INSERT INTO launch_rank(rank,epoch,node,recorded_offset) VALUES(?1,?2,?3,?4)"
                " ON CONFLICT(epoch,rank) DO UPDATE SET node=coalesce(excluded.node,node),"
                " recorded_offset=max(excluded.recorded_offset,recorded_offset)"),
  [PUT_META_MIN] = ("INSERT INTO meta(key,value) VALUES('first_start_ns',?1)"
                    " ON CONFLICT(key) DO UPDATE SET value=min(value,excluded.value)"),
  [PUT_CHUNK] = ("INSERT INTO chunk(first,count,attempt,rank,slot,epoch,start_ns,wall_ns,cpu_ns,partials)"
                 " VALUES(?1,?2,?3,?4,?5,?6,?7,?8,?9,?10)"),
  /* whether the last stretch that begins up to ?2 reaches ?1 */
  [CHUNK_BELOW] = "SELECT first+count>?1 FROM chunk WHERE first<=?2 ORDER BY first DESC LIMIT 1",
  [OUTCOME_WITHIN] = "SELECT EXISTS(SELECT 1 FROM outcome WHERE task BETWEEN ?1 AND ?2 AND NOT (outcome IN (2,3) AND epoch<?3))",
};

/* ---- errors ------------------------------------------------------------------------------------------------------------- */

int amz_db_error(sqlite3 *h, const char *path, struct amz_error *err)
{
  int code = h ? sqlite3_errcode(h) & 0xff : SQLITE_NOMEM, sys = h ? sqlite3_system_errno(h) : 0;
  int rc = AMZ_EIO;

  if (code == SQLITE_NOMEM)
    rc = AMZ_ENOMEM;
  else if (code == SQLITE_CORRUPT || code == SQLITE_NOTADB)
    rc = AMZ_ECORRUPT;
  (void)amz_error_set(err, rc, "%s: %s%s%s", path, h ? sqlite3_errmsg(h) : "out of memory", rc == AMZ_EIO && sys ? ": " : "",
                      rc == AMZ_EIO && sys ? strerror(sys) : "");
  if (err)
    err->sys_errno = code == SQLITE_FULL && sys == 0 ? ENOSPC : sys;
  return rc;
}

int amz_db_failed(struct amz_db *db, struct amz_error *err)
{
  return amz_db_error(db->h, db->path, err);
}

int amz_db_execute(struct amz_db *db, const char *sql, struct amz_error *err)
{
  return sqlite3_exec(db->h, sql, NULL, NULL, NULL) == SQLITE_OK ? AMZ_OK : amz_db_failed(db, err);
}

/* ---- opening ------------------------------------------------------------------------------------------------------------- */

static int prepare_all(struct amz_db *db, struct amz_error *err)
{
  for (size_t i = 0; i < STATEMENTS; i++)
    if (sqlite3_prepare_v3(db->h, statement_sql[i], -1, SQLITE_PREPARE_PERSISTENT, &db->statements[i], NULL) != SQLITE_OK)
      return amz_db_failed(db, err);
  return AMZ_OK;
}

/* A descriptor beside SQLite's own does no harm here: there are no POSIX locks that closing it could drop. */
int amz_db_sync_file(const char *path, struct amz_error *err)
{
  int fd = open(path, O_RDONLY | O_CLOEXEC), rc = AMZ_OK;

  if (fd < 0 || fdatasync(fd) < 0)
    rc = amz_error_sys(err, AMZ_EIO, errno, "%s: cannot be made durable", path);
  if (fd >= 0)
    (void)close(fd);
  return rc;
}

static int open_handle(const char *path, int flags, bool synced, struct amz_error *err, struct amz_db **ret)
{
  const int how = SQLITE_OPEN_READWRITE | SQLITE_OPEN_FULLMUTEX | SQLITE_OPEN_PRIVATECACHE | flags;
  struct amz_db *db = calloc(1, sizeof *db);
  int rc;

  if (!db || !(db->path = amz_strndup(path, strlen(path)))) {
    free(db);
    return amz_error_set(err, AMZ_ENOMEM, "out of memory");
  }
  db->first_start_ns = INT64_MAX;
  if (sqlite3_open_v2(path, &db->h, how, AMZ_DB_VFS) != SQLITE_OK ||
      /* Closing after a failure leaves database and WAL as they are: amz_db_finish is the way to make one of them. */
      sqlite3_db_config(db->h, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL) != SQLITE_OK)
    rc = amz_db_failed(db, err);
  else
    rc = amz_db_execute(db, "PRAGMA locking_mode=EXCLUSIVE; PRAGMA cache_size=-8000;", err);
  /* Turning a new file into a WAL database takes a rollback journal and four syncs that guard nothing yet: one does. */
  if (rc == AMZ_OK && (flags & SQLITE_OPEN_CREATE))
    rc = amz_db_execute(db, "PRAGMA synchronous=OFF; PRAGMA journal_mode=WAL;", err);
  if (rc == AMZ_OK && (flags & SQLITE_OPEN_CREATE) && synced)
    rc = amz_db_sync_file(path, err);
  if (rc == AMZ_OK && !(flags & SQLITE_OPEN_CREATE))
    rc = amz_db_execute(db, "PRAGMA synchronous=FULL; PRAGMA journal_mode=WAL;", err);
  if (rc < 0) {
    amz_db_free(db);
    return rc;
  }
  *ret = db;
  return AMZ_OK;
}

int amz_db_sync_commits(struct amz_db *db, struct amz_error *err)
{
  return amz_db_execute(db, "PRAGMA synchronous=FULL", err);
}

static int put_tasks(struct amz_db *db, uint64_t tasks, struct amz_error *err)
{
  char sql[96];

  (void)snprintf(sql, sizeof sql, "INSERT INTO meta(key,value) VALUES('tasks',%" PRIu64 ")", tasks);
  return amz_db_execute(db, sql, err);
}

int amz_db_create(const char *path, uint64_t tasks, bool synced, struct amz_error *err, struct amz_db **ret)
{
  struct amz_db *db = NULL;
  int rc;

  if (tasks > INT64_MAX)
    return amz_error_set(err, AMZ_ERANGE, "%s: more tasks than can be counted: %" PRIu64, path, tasks);
  rc = open_handle(path, SQLITE_OPEN_CREATE, synced, err, &db);
  if (rc == AMZ_OK && synced)
    rc = amz_db_execute(db, "PRAGMA synchronous=NORMAL", err); /* the first full commit syncs the schema along */
  if (rc == AMZ_OK)
    rc = amz_db_execute(db, schema_sql, err);
  if (rc == AMZ_OK)
    rc = put_tasks(db, tasks, err);
  if (rc == AMZ_OK)
    rc = amz_db_execute(db, "COMMIT", err);
  if (rc == AMZ_OK && synced)
    rc = amz_db_sync_commits(db, err);
  if (rc == AMZ_OK)
    rc = prepare_all(db, err);
  if (rc < 0) {
    amz_db_free(db);
    return rc;
  }
  *ret = db;
  return AMZ_OK;
}

/* The first column of the first row as a number or text. */
static int query_one(struct amz_db *db, const char *sql, struct amz_error *err, int64_t *ret, bool *ret_ok_text)
{
  sqlite3_stmt *st = NULL;
  int rc = AMZ_OK;

  if (sqlite3_prepare_v2(db->h, sql, -1, &st, NULL) != SQLITE_OK)
    return amz_db_failed(db, err);
  if (sqlite3_step(st) != SQLITE_ROW) {
    rc = amz_db_failed(db, err);
  } else {
    const char *text = (const char *)sqlite3_column_text(st, 0);

    if (ret_ok_text)
      *ret_ok_text = text && strcmp(text, "ok") == 0;
    if (ret)
      *ret = sqlite3_column_int64(st, 0);
  }
  (void)sqlite3_finalize(st);
  return rc;
}

static int upgrade(struct amz_db *db, int64_t version, struct amz_error *err)
{
  int rc = amz_db_execute(db, "BEGIN", err);

  for (; rc == AMZ_OK && version < SCHEMA_VERSION; version++)
    rc = amz_db_execute(db, upgrade_sql[version], err);
  if (rc == AMZ_OK)
    rc = amz_db_execute(db, "PRAGMA user_version=" TEXT(SCHEMA_VERSION) "; COMMIT", err);
  if (rc < 0)
    amz_db_rollback(db);
  return rc;
}

static int check(struct amz_db *db, uint64_t tasks, struct amz_error *err)
{
  int64_t version = 0, made_for = 0, tables = 1;
  bool sound = false;
  int rc = query_one(db, "PRAGMA user_version", err, &version, NULL);

  if (rc == AMZ_OK && version == 0)
    rc = query_one(db, "SELECT count(*) FROM sqlite_master", err, &tables, NULL);
  if (rc == AMZ_OK && tables == 0) /* who made it died before the first commit */
    return amz_error_set(err, AMZ_ENOENT, "%s: never finished", db->path);
  if (rc == AMZ_OK && version > SCHEMA_VERSION)
    return amz_error_set(err, AMZ_EINVAL, "%s: made by a newer version of this program (schema %" PRId64 ")", db->path, version);
  if (rc == AMZ_OK)
    rc = query_one(db, "PRAGMA quick_check(1)", err, NULL, &sound);
  if (rc == AMZ_OK && (!sound || version < 1))
    rc = amz_error_set(err, AMZ_ECORRUPT, "%s: damaged", db->path);
  if (rc == AMZ_OK && version < SCHEMA_VERSION)
    rc = upgrade(db, version, err);
  if (rc == AMZ_OK)
    rc = prepare_all(db, err);
  if (rc == AMZ_OK)
    rc = amz_db_has_chunks(db->h, db->path, err, &db->has_chunks);
  if (rc == AMZ_OK)
    rc = amz_db_meta(db->h, db->path, "tasks", err, &made_for);
  if (rc == AMZ_OK && (uint64_t)made_for != tasks)
    rc = amz_error_set(err, AMZ_EINVAL, "%s: the run has %" PRId64 " tasks, but the job now has %" PRIu64
                       ": its inputs have changed", db->path, made_for, tasks);
  return rc;
}

int amz_db_open(const char *path, uint64_t tasks, struct amz_error *err, struct amz_db **ret)
{
  struct amz_db *db = NULL;
  int rc;

  if (access(path, F_OK) < 0 && errno == ENOENT)
    return amz_error_set(err, AMZ_ENOENT, "%s: not there", path);
  rc = open_handle(path, 0, true, err, &db);
  if (rc == AMZ_OK)
    rc = check(db, tasks, err);
  if (rc < 0) {
    amz_db_free(db);
    return rc;
  }
  *ret = db;
  return AMZ_OK;
}

void amz_db_free(struct amz_db *db)
{
  if (!db)
    return;
  for (size_t i = 0; i < STATEMENTS; i++)
    (void)sqlite3_finalize(db->statements[i]);
  (void)sqlite3_close(db->h);
  free(db->path);
  free(db);
}

sqlite3 *amz_db_handle(struct amz_db *db)
{
  return db->h;
}

const char *amz_db_path(const struct amz_db *db)
{
  return db->path;
}

/* ---- asking -------------------------------------------------------------------------------------------------------------- */

int amz_db_rank_offset(struct amz_db *db, uint32_t rank, uint32_t epoch, struct amz_error *err, uint64_t *ret)
{
  char sql[128];
  int64_t offset = 0;
  int rc;

  (void)snprintf(sql, sizeof sql,
                 "SELECT coalesce(max(recorded_offset),0) FROM launch_rank WHERE rank=%" PRIu32 " AND epoch=%" PRIu32, rank,
                 epoch);
  rc = query_one(db, sql, err, &offset, NULL);
  if (rc == AMZ_OK)
    *ret = (uint64_t)offset;
  return rc;
}

int amz_db_last_epoch(struct amz_db *db, struct amz_error *err, uint32_t *ret)
{
  int64_t epoch = 0;
  int rc = query_one(db, "SELECT coalesce(max(epoch),0) FROM launch", err, &epoch, NULL);

  if (rc == AMZ_OK)
    *ret = (uint32_t)epoch;
  return rc;
}

/* ---- for others to read --------------------------------------------------------------------------------------------------- */

int amz_db_expect_finish(struct amz_db *db, struct amz_error *err)
{
  return amz_db_execute(db, "PRAGMA synchronous=OFF; PRAGMA wal_autocheckpoint=0", err);
}

/* The checkpoint syncs the WAL before it writes to the database: commits behind amz_db_expect_finish become durable here. */
int amz_db_finish(struct amz_db *db, struct amz_error *err)
{
  int64_t busy = 0;
  int rc = amz_db_sync_commits(db, err);

  if (rc == AMZ_OK)
    rc = query_one(db, "PRAGMA wal_checkpoint(TRUNCATE)", err, &busy, NULL);
  if (rc == AMZ_OK && busy)
    rc = amz_error_set(err, AMZ_EIO, "%s: cannot be brought into one file", db->path);
  /* Everything is in run.db now and synced. Leaving WAL mode changes two bytes of its header, which are right either way: no
   * more syncs. */
  return rc < 0 ? rc : amz_db_execute(db, "PRAGMA synchronous=OFF; PRAGMA journal_mode=DELETE;", err);
}

static int copy_to(struct amz_db *db, const char *aside, struct amz_error *err)
{
  static const char begin_sql[] = "PRAGMA locking_mode=EXCLUSIVE; PRAGMA synchronous=OFF; PRAGMA journal_mode=OFF";
  sqlite3 *to = NULL;
  sqlite3_backup *backup;
  int rc = AMZ_OK;

  if (sqlite3_open_v2(aside, &to, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, AMZ_DB_VFS) != SQLITE_OK ||
      /* Not synced: after a power cut nobody reads the snapshot of a run that is no more. DELETE: one file, no WAL. */
      sqlite3_exec(to, begin_sql, NULL, NULL, NULL) != SQLITE_OK) {
    rc = amz_db_error(to, aside, err);
  } else {
    backup = sqlite3_backup_init(to, "main", db->h, "main");
    if (backup)
      (void)sqlite3_backup_step(backup, -1);
    if (!backup || sqlite3_backup_finish(backup) != SQLITE_OK ||
        sqlite3_exec(to, "PRAGMA journal_mode=DELETE", NULL, NULL, NULL) != SQLITE_OK)
      rc = amz_db_error(to, aside, err);
  }
  if (sqlite3_close(to) != SQLITE_OK && rc == AMZ_OK)
    rc = amz_error_set(err, AMZ_EIO, "%s: cannot be closed", aside);
  return rc;
}

int amz_db_publish(struct amz_db *db, const char *aside, const char *path, struct amz_error *err)
{
  int rc;

  (void)unlink(aside);
  rc = copy_to(db, aside, err);
  if (rc == AMZ_OK && rename(aside, path) < 0)
    rc = amz_error_sys(err, AMZ_EIO, errno, "%s: cannot be replaced", path);
  if (rc < 0)
    (void)unlink(aside);
  return rc;
}
