/* run.db: recording, inside transactions, by statements that are kept. */
#include "db_private.h"

#include <inttypes.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

/* Runs a kept statement whose parameters are bound, and readies it for the next time. */
static int run(struct amz_db *db, enum statement which, struct amz_error *err)
{
  sqlite3_stmt *st = db->statements[which];
  int rc = sqlite3_step(st) == SQLITE_DONE ? AMZ_OK : amz_db_failed(db, err);

  (void)sqlite3_reset(st); /* tells the step's error again */
  return rc;
}

/* ---- recording ----------------------------------------------------------------------------------------------------------- */

int amz_db_begin(struct amz_db *db, struct amz_error *err)
{
  return amz_db_execute(db, "BEGIN IMMEDIATE", err);
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
  return amz_db_execute(db, "COMMIT", err);
}

void amz_db_rollback(struct amz_db *db)
{
  db->first_start_ns = INT64_MAX;
  if (!sqlite3_get_autocommit(db->h))
    (void)amz_db_execute(db, "ROLLBACK", NULL);
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
static int run_within(struct amz_db *db, enum statement which, uint64_t first, uint64_t last, uint32_t epoch,
                      struct amz_error *err)
{
  sqlite3_stmt *st = db->statements[which];

  if (sqlite3_bind_int64(st, 1, (int64_t)first) != SQLITE_OK || sqlite3_bind_int64(st, 2, (int64_t)last) != SQLITE_OK ||
      sqlite3_bind_int64(st, 3, epoch) != SQLITE_OK)
    return amz_db_failed(db, err);
  return run(db, which, err);
}

/* Answers a question about the tasks first .. last: \return AMZ_OK, *ret false also when there is no row. */
static int ask_within(struct amz_db *db, enum statement which, uint64_t first, uint64_t last, uint32_t epoch,
                      struct amz_error *err, bool *ret)
{
  sqlite3_stmt *st = db->statements[which];
  int rc = AMZ_OK, step;

  if (sqlite3_bind_int64(st, 1, (int64_t)first) != SQLITE_OK || sqlite3_bind_int64(st, 2, (int64_t)last) != SQLITE_OK ||
      (sqlite3_bind_parameter_count(st) > 2 && sqlite3_bind_int64(st, 3, epoch) != SQLITE_OK))
    return amz_db_failed(db, err);
  step = sqlite3_step(st);
  if (step != SQLITE_ROW && step != SQLITE_DONE)
    rc = amz_db_failed(db, err);
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
    return amz_db_failed(db, err);
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
    rc = c->partials_bytes ? sqlite3_bind_blob64(st, 10, c->partials, c->partials_bytes, SQLITE_STATIC) : sqlite3_bind_null(st,
        10);
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
    return amz_db_failed(db, err);
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

  (void)snprintf(sql, sizeof sql,
                 "INSERT INTO meta(key,value) VALUES('reduce_op',%d),('reduce_type',%d),('reduce_width',%" PRIu32 ")",
                 (int)kind->op, (int)kind->type, kind->width);
  return amz_db_execute(db, sql, err);
}

int amz_db_put_rank(struct amz_db *db, uint32_t rank, uint32_t epoch, const char *node, uint64_t offset, struct amz_error *err)
{
  sqlite3_stmt *st = db->statements[PUT_RANK];
  int rc;

  if (sqlite3_bind_int64(st, 1, rank) != SQLITE_OK || sqlite3_bind_int64(st, 2, epoch) != SQLITE_OK ||
      sqlite3_bind_text(st, 3, node, -1, SQLITE_TRANSIENT) != SQLITE_OK ||
      sqlite3_bind_int64(st, 4, (int64_t)offset) != SQLITE_OK)
    return amz_db_failed(db, err);
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
    rc = amz_db_failed(db, err);
  (void)sqlite3_finalize(st);
  return rc;
}
