/* run.db: opening, checking, recording.
 *
 * Journal: WAL with locking_mode=EXCLUSIVE, which keeps the WAL's index in our own memory, so that neither file locks nor
 * shared memory are needed. One commit is then one sequential write and one fsync (a rollback journal takes two or three:
 * measured 0.7–1 ms against 2–3 ms on a local disk, and file servers are slower). synchronous=FULL: what was committed
 * survives a power cut.
 *
 * Size: integers take as many bytes as they need, 0 and 1 none; a rank's node is told once per launch, not per task. About 50
 * bytes a task. */
#include "db.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
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
  [2] = "ALTER TABLE chunk ADD COLUMN cpu_ns INTEGER; ALTER TABLE outcome ADD COLUMN error TEXT; ALTER TABLE attempt ADD COLUMN error TEXT;",
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

enum statement { PUT_OUTCOME, PUT_ATTEMPT, KEEP_FAILED, DROP_FAILED, PUT_RANK, PUT_META_MIN, PUT_CHUNK, CHUNK_BELOW, OUTCOME_WITHIN, STATEMENTS };

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

struct amz_db {
  sqlite3 *h;
  char *path;
  sqlite3_stmt *statements[STATEMENTS];
  int64_t first_start_ns; /* earliest start since the last commit; INT64_MAX: none */
  bool has_chunks;        /* else single outcomes need not be looked for among them */
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

static int failed(struct amz_db *db, struct amz_error *err)
{
  return amz_db_error(db->h, db->path, err);
}

static int execute(struct amz_db *db, const char *sql, struct amz_error *err)
{
  return sqlite3_exec(db->h, sql, NULL, NULL, NULL) == SQLITE_OK ? AMZ_OK : failed(db, err);
}

/* Runs a kept statement whose parameters are bound, and readies it for the next time. */
static int run(struct amz_db *db, enum statement which, struct amz_error *err)
{
  sqlite3_stmt *st = db->statements[which];
  int rc = sqlite3_step(st) == SQLITE_DONE ? AMZ_OK : failed(db, err);

  (void)sqlite3_reset(st); /* tells the step's error again */
  return rc;
}

/* ---- opening ------------------------------------------------------------------------------------------------------------- */

static int prepare_all(struct amz_db *db, struct amz_error *err)
{
  for (size_t i = 0; i < STATEMENTS; i++)
    if (sqlite3_prepare_v3(db->h, statement_sql[i], -1, SQLITE_PREPARE_PERSISTENT, &db->statements[i], NULL) != SQLITE_OK)
      return failed(db, err);
  return AMZ_OK;
}

/* A descriptor beside SQLite's own does no harm here: there are no POSIX locks that closing it could drop. */
static int sync_file(const char *path, struct amz_error *err)
{
  int fd = open(path, O_RDONLY | O_CLOEXEC), rc = AMZ_OK;

  if (fd < 0 || fdatasync(fd) < 0)
    rc = amz_error_sys(err, AMZ_EIO, errno, "%s: cannot be made durable", path);
  if (fd >= 0)
    (void)close(fd);
  return rc;
}

static int open_handle(const char *path, int flags, struct amz_error *err, struct amz_db **ret)
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
    rc = failed(db, err);
  else
    rc = execute(db, "PRAGMA locking_mode=EXCLUSIVE; PRAGMA cache_size=-8000;", err);
  /* Turning a new file into a WAL database takes a rollback journal and four syncs that guard nothing yet: one does. */
  if (rc == AMZ_OK && (flags & SQLITE_OPEN_CREATE))
    rc = execute(db, "PRAGMA synchronous=OFF; PRAGMA journal_mode=WAL;", err);
  if (rc == AMZ_OK && (flags & SQLITE_OPEN_CREATE))
    rc = sync_file(path, err);
  if (rc == AMZ_OK && !(flags & SQLITE_OPEN_CREATE))
    rc = execute(db, "PRAGMA synchronous=FULL; PRAGMA journal_mode=WAL;", err);
  if (rc < 0) {
    amz_db_free(db);
    return rc;
  }
  *ret = db;
  return AMZ_OK;
}

static int put_tasks(struct amz_db *db, uint64_t tasks, struct amz_error *err)
{
  char sql[96];

  (void)snprintf(sql, sizeof sql, "INSERT INTO meta(key,value) VALUES('tasks',%" PRIu64 ")", tasks);
  return execute(db, sql, err);
}

int amz_db_create(const char *path, uint64_t tasks, struct amz_error *err, struct amz_db **ret)
{
  struct amz_db *db = NULL;
  int rc;

  if (tasks > INT64_MAX)
    return amz_error_set(err, AMZ_ERANGE, "%s: more tasks than can be counted: %" PRIu64, path, tasks);
  rc = open_handle(path, SQLITE_OPEN_CREATE, err, &db);
  if (rc == AMZ_OK)
    rc = execute(db, "PRAGMA synchronous=NORMAL", err); /* the first full commit syncs the schema along */
  if (rc == AMZ_OK)
    rc = execute(db, schema_sql, err);
  if (rc == AMZ_OK)
    rc = put_tasks(db, tasks, err);
  if (rc == AMZ_OK)
    rc = execute(db, "COMMIT; PRAGMA synchronous=FULL", err);
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
    return failed(db, err);
  if (sqlite3_step(st) != SQLITE_ROW) {
    rc = failed(db, err);
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
  int rc = execute(db, "BEGIN", err);

  for (; rc == AMZ_OK && version < SCHEMA_VERSION; version++)
    rc = execute(db, upgrade_sql[version], err);
  if (rc == AMZ_OK)
    rc = execute(db, "PRAGMA user_version=" TEXT(SCHEMA_VERSION) "; COMMIT", err);
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
  rc = open_handle(path, 0, err, &db);
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

/* ---- recording ----------------------------------------------------------------------------------------------------------- */

int amz_db_begin(struct amz_db *db, struct amz_error *err)
{
  return execute(db, "BEGIN IMMEDIATE", err);
}

int amz_db_commit(struct amz_db *db, struct amz_error *err)
{
  int rc;

  if (db->first_start_ns != INT64_MAX) {
    (void)sqlite3_bind_int64(db->statements[PUT_META_MIN], 1, db->first_start_ns);
    rc = run(db, PUT_META_MIN, err);
    if (rc < 0)
      return rc;
    db->first_start_ns = INT64_MAX;
  }
  return execute(db, "COMMIT", err);
}

void amz_db_rollback(struct amz_db *db)
{
  db->first_start_ns = INT64_MAX;
  if (!sqlite3_get_autocommit(db->h))
    (void)execute(db, "ROLLBACK", NULL);
}

static int bind_row(sqlite3_stmt *st, const struct amz_result *r, uint32_t rank, uint32_t epoch)
{
  const int64_t values[] = {
    (int64_t)r->position, (int64_t)r->outcome, r->exit_code, r->signal, r->attempt, rank, r->slot, epoch, r->start_ns, r->wall_ns,
    r->cpu_ns, (int64_t)r->max_rss_bytes, (int64_t)r->output_bytes, (int64_t)r->pack_offset,
  };
  int rc = SQLITE_OK;

  for (int i = 0; rc == SQLITE_OK && i < (int)(sizeof values / sizeof *values); i++)
    rc = sqlite3_bind_int64(st, i + 1, values[i]);
  return rc == SQLITE_OK ? sqlite3_bind_text(st, 15, r->error, -1, SQLITE_STATIC) : rc; /* NULL is bound as such */
}

/* Runs a statement on the tasks first .. last, for records of an epoch. */
static int run_within(struct amz_db *db, enum statement which, uint64_t first, uint64_t last, uint32_t epoch, struct amz_error *err)
{
  sqlite3_stmt *st = db->statements[which];

  if (sqlite3_bind_int64(st, 1, (int64_t)first) != SQLITE_OK || sqlite3_bind_int64(st, 2, (int64_t)last) != SQLITE_OK ||
      sqlite3_bind_int64(st, 3, epoch) != SQLITE_OK)
    return failed(db, err);
  return run(db, which, err);
}

/* Answers a question about the tasks first .. last: \return AMZ_OK, *ret false also when there is no row. */
static int ask_within(struct amz_db *db, enum statement which, uint64_t first, uint64_t last, uint32_t epoch, struct amz_error *err, bool *ret)
{
  sqlite3_stmt *st = db->statements[which];
  int rc = AMZ_OK, step;

  if (sqlite3_bind_int64(st, 1, (int64_t)first) != SQLITE_OK || sqlite3_bind_int64(st, 2, (int64_t)last) != SQLITE_OK ||
      (sqlite3_bind_parameter_count(st) > 2 && sqlite3_bind_int64(st, 3, epoch) != SQLITE_OK))
    return failed(db, err);
  step = sqlite3_step(st);
  if (step != SQLITE_ROW && step != SQLITE_DONE)
    rc = failed(db, err);
  *ret = step == SQLITE_ROW && sqlite3_column_int(st, 0);
  (void)sqlite3_reset(st);
  return rc;
}

int amz_db_put(struct amz_db *db, const struct amz_result *result, uint32_t rank, uint32_t epoch, bool final,
               struct amz_error *err)
{
  enum statement which = final ? PUT_OUTCOME : PUT_ATTEMPT;
  bool taken = false;
  int rc = AMZ_OK;

  if (final && db->has_chunks)
    rc = ask_within(db, CHUNK_BELOW, result->position, result->position, epoch, err, &taken);
  if (rc == AMZ_OK && final && epoch > 1 && !taken)
    rc = run_within(db, KEEP_FAILED, result->position, result->position, epoch, err);
  if (rc < 0 || taken)
    return rc;
  if (bind_row(db->statements[which], result, rank, epoch) != SQLITE_OK)
    return failed(db, err);
  if (result->outcome != AMZ_SKIPPED && result->start_ns > 0 && result->start_ns < db->first_start_ns)
    db->first_start_ns = result->start_ns;
  rc = run(db, which, err);
  (void)sqlite3_clear_bindings(db->statements[which]);
  return rc;
}

static int64_t ns_of(double seconds)
{
  double ns = seconds * 1e9;

  return ns >= 0 && ns < 0x1p63 ? (int64_t)ns : 0;
}

static int bind_chunk(sqlite3_stmt *st, const struct amz_chunk_record *c)
{
  const int64_t values[] = {(int64_t)c->first, (int64_t)c->count, c->attempt, c->rank, c->slot, c->epoch, c->start_ns,
                            ns_of(c->wall_s), ns_of(c->cpu_s)};
  int rc = SQLITE_OK;

  for (int i = 0; rc == SQLITE_OK && i < (int)(sizeof values / sizeof *values); i++)
    rc = sqlite3_bind_int64(st, i + 1, values[i]);
  if (rc == SQLITE_OK && c->slot == AMZ_SLOT_SEVERAL)
    rc = sqlite3_bind_null(st, 5);
  if (rc == SQLITE_OK)
    rc = c->partials_bytes ? sqlite3_bind_blob64(st, 10, c->partials, c->partials_bytes, SQLITE_STATIC) : sqlite3_bind_null(st, 10);
  return rc;
}

int amz_db_put_chunk(struct amz_db *db, const struct amz_chunk_record *c, struct amz_error *err)
{
  uint64_t last = c->first + c->count - 1;
  bool taken = false;
  int rc = ask_within(db, CHUNK_BELOW, c->first, last, c->epoch, err, &taken);

  if (rc == AMZ_OK && !taken)
    rc = ask_within(db, OUTCOME_WITHIN, c->first, last, c->epoch, err, &taken);
  if (rc < 0 || taken)
    return rc;
  if (c->epoch > 1 && ((rc = run_within(db, KEEP_FAILED, c->first, last, c->epoch, err)) < 0 ||
                       (rc = run_within(db, DROP_FAILED, c->first, last, c->epoch, err)) < 0))
    return rc;
  if (bind_chunk(db->statements[PUT_CHUNK], c) != SQLITE_OK)
    return failed(db, err);
  db->has_chunks = true;
  if (c->start_ns > 0 && c->start_ns < db->first_start_ns)
    db->first_start_ns = c->start_ns;
  rc = run(db, PUT_CHUNK, err);
  (void)sqlite3_clear_bindings(db->statements[PUT_CHUNK]);
  return rc;
}

int amz_db_put_reduce_kind(struct amz_db *db, const struct amz_reduce_kind *kind, struct amz_error *err)
{
  char sql[160];

  (void)snprintf(sql, sizeof sql, "INSERT INTO meta(key,value) VALUES('reduce_op',%d),('reduce_type',%d),('reduce_width',%" PRIu32 ")",
                 (int)kind->op, (int)kind->type, kind->width);
  return execute(db, sql, err);
}

int amz_db_put_rank(struct amz_db *db, uint32_t rank, uint32_t epoch, const char *node, uint64_t offset, struct amz_error *err)
{
  sqlite3_stmt *st = db->statements[PUT_RANK];
  int rc;

  if (sqlite3_bind_int64(st, 1, rank) != SQLITE_OK || sqlite3_bind_int64(st, 2, epoch) != SQLITE_OK ||
      sqlite3_bind_text(st, 3, node, -1, SQLITE_TRANSIENT) != SQLITE_OK ||
      sqlite3_bind_int64(st, 4, (int64_t)offset) != SQLITE_OK)
    return failed(db, err);
  rc = run(db, PUT_RANK, err);
  (void)sqlite3_clear_bindings(st);
  return rc;
}

int amz_db_put_epoch(struct amz_db *db, uint32_t epoch, struct amz_error *err)
{
  static const char sql[] = "INSERT INTO launch(epoch,started_ns,host,pid) VALUES(?1,?2,?3,?4)";
  sqlite3_stmt *st = NULL;
  struct timespec now = {0, 0};
  char host[256] = "";
  int rc = AMZ_OK;

  (void)clock_gettime(CLOCK_REALTIME, &now);
  if (gethostname(host, sizeof host - 1) < 0)
    host[0] = '\0';
  if (sqlite3_prepare_v2(db->h, sql, -1, &st, NULL) != SQLITE_OK ||
      sqlite3_bind_int64(st, 1, epoch) != SQLITE_OK ||
      sqlite3_bind_int64(st, 2, (int64_t)now.tv_sec * 1000000000 + now.tv_nsec) != SQLITE_OK ||
      sqlite3_bind_text(st, 3, host, -1, SQLITE_TRANSIENT) != SQLITE_OK || sqlite3_bind_int64(st, 4, getpid()) != SQLITE_OK ||
      sqlite3_step(st) != SQLITE_DONE)
    rc = failed(db, err);
  (void)sqlite3_finalize(st);
  return rc;
}

/* ---- asking -------------------------------------------------------------------------------------------------------------- */

int amz_db_rank_offset(struct amz_db *db, uint32_t rank, uint32_t epoch, struct amz_error *err, uint64_t *ret)
{
  char sql[128];
  int64_t offset = 0;
  int rc;

  (void)snprintf(sql, sizeof sql,
                 "SELECT coalesce(max(recorded_offset),0) FROM launch_rank WHERE rank=%" PRIu32 " AND epoch=%" PRIu32, rank, epoch);
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

int amz_db_finish(struct amz_db *db, struct amz_error *err)
{
  int64_t busy = 0;
  int rc = query_one(db, "PRAGMA wal_checkpoint(TRUNCATE)", err, &busy, NULL);

  if (rc == AMZ_OK && busy)
    rc = amz_error_set(err, AMZ_EIO, "%s: cannot be brought into one file", db->path);
  /* Everything is in run.db now and synced. Leaving WAL mode changes two bytes of its header, which are right either way: no
   * more syncs. */
  return rc < 0 ? rc : execute(db, "PRAGMA synchronous=OFF; PRAGMA journal_mode=DELETE;", err);
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
