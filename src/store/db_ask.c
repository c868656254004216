/* Questions to a database: the writer's and the readers', on a bare handle. */
#include "db.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include <amorsize/alloc.h>

int amz_db_meta(sqlite3 *h, const char *path, const char *key, struct amz_error *err, int64_t *ret)
{
  sqlite3_stmt *st = NULL;
  int rc = AMZ_OK, step;

  if (sqlite3_prepare_v2(h, "SELECT value FROM meta WHERE key=?1", -1, &st, NULL) != SQLITE_OK ||
      sqlite3_bind_text(st, 1, key, -1, SQLITE_TRANSIENT) != SQLITE_OK) {
    rc = amz_db_error(h, path, err);
  } else {
    step = sqlite3_step(st);
    if (step == SQLITE_ROW)
      *ret = sqlite3_column_int64(st, 0);
    else
      rc = step == SQLITE_DONE ? amz_error_set(err, AMZ_ENOENT, "%s: has no '%s'", path, key) : amz_db_error(h, path, err);
  }
  (void)sqlite3_finalize(st);
  return rc;
}

/* The first column of the first row. */
static int ask_number(sqlite3 *h, const char *path, const char *sql, struct amz_error *err, int64_t *ret)
{
  sqlite3_stmt *st = NULL;
  int rc = AMZ_OK;

  if (sqlite3_prepare_v2(h, sql, -1, &st, NULL) != SQLITE_OK || sqlite3_step(st) != SQLITE_ROW)
    rc = amz_db_error(h, path, err);
  else
    *ret = sqlite3_column_int64(st, 0);
  (void)sqlite3_finalize(st);
  return rc;
}

int amz_db_version(sqlite3 *h, const char *path, struct amz_error *err, int64_t *ret)
{
  return ask_number(h, path, "PRAGMA user_version", err, ret);
}

int amz_db_has_chunks(sqlite3 *h, const char *path, struct amz_error *err, bool *ret)
{
  int64_t version = 0, any = 0;
  int rc = amz_db_version(h, path, err, &version);

  if (rc == AMZ_OK && version > 1)
    rc = ask_number(h, path, "SELECT EXISTS(SELECT 1 FROM chunk)", err, &any);
  if (rc == AMZ_OK)
    *ret = any != 0;
  return rc;
}

static int count_singles(sqlite3 *h, const char *path, struct amz_error *err, struct amz_store_counts *counts)
{
  sqlite3_stmt *st = NULL;
  int step;

  if (sqlite3_prepare_v2(h, "SELECT outcome, count(*) FROM outcome GROUP BY outcome", -1, &st, NULL) != SQLITE_OK)
    return amz_db_error(h, path, err);
  while ((step = sqlite3_step(st)) == SQLITE_ROW) {
    uint64_t n = (uint64_t)sqlite3_column_int64(st, 1);
    enum amz_outcome outcome = (enum amz_outcome)sqlite3_column_int(st, 0);

    if (outcome == AMZ_FAILED || outcome == AMZ_TIMED_OUT)
      counts->failed += n;
    else if (outcome == AMZ_SKIPPED)
      counts->skipped += n;
    else
      counts->succeeded += n;
  }
  (void)sqlite3_finalize(st);
  return step == SQLITE_DONE ? AMZ_OK : amz_db_error(h, path, err);
}

int amz_db_counts(sqlite3 *h, const char *path, struct amz_error *err, struct amz_store_counts *ret)
{
  struct amz_store_counts counts = {0, 0, 0};
  int64_t in_chunks = 0;
  bool any = false;
  int rc = count_singles(h, path, err, &counts);

  if (rc == AMZ_OK)
    rc = amz_db_has_chunks(h, path, err, &any);
  if (rc == AMZ_OK && any)
    rc = ask_number(h, path, "SELECT sum(count) FROM chunk", err, &in_chunks);
  if (rc < 0)
    return rc;
  counts.succeeded += (uint64_t)in_chunks;
  *ret = counts;
  return AMZ_OK;
}

/* ---- reductions -------------------------------------------------------------------------------------------------------- */

int amz_db_reduce_kind(sqlite3 *h, const char *path, struct amz_error *err, struct amz_reduce_kind *ret)
{
  int64_t op = 0, type = 0, width = 0;
  int rc = amz_db_meta(h, path, "reduce_op", NULL, &op);

  if (rc == AMZ_OK && ((rc = amz_db_meta(h, path, "reduce_type", err, &type)) < 0 ||
                       (rc = amz_db_meta(h, path, "reduce_width", err, &width)) < 0))
    return rc;
  if (rc < 0 && rc != AMZ_ENOENT)
    return amz_error_set(err, rc, "%s: cannot be read", path);
  *ret = (struct amz_reduce_kind){(enum amz_reduce)op, (enum amz_value)type, (uint32_t)width};
  if (op != AMZ_REDUCE_NONE && amz_reduce_check(ret, NULL) < 0)
    return amz_error_set(err, AMZ_ECORRUPT, "%s: damaged: no reduction", path);
  return AMZ_OK;
}

static int fold_all(sqlite3 *h, const char *path, struct amz_reducer *r, struct amz_error *err)
{
  sqlite3_stmt *st = NULL;
  int rc = AMZ_OK, step = SQLITE_DONE;

  if (sqlite3_prepare_v2(h, "SELECT partials,length(partials),first FROM chunk WHERE partials IS NOT NULL ORDER BY first", -1,
                         &st, NULL) != SQLITE_OK)
    return amz_db_error(h, path, err);
  while (rc == AMZ_OK && (step = sqlite3_step(st)) == SQLITE_ROW)
    if (amz_reducer_fold(r, sqlite3_column_blob(st, 0), (size_t)sqlite3_column_int64(st, 1)) < 0)
      rc = amz_error_set(err, AMZ_ECORRUPT, "%s: damaged: partials of the tasks from %lld on", path,
                         (long long)sqlite3_column_int64(st, 2));
  if (rc == AMZ_OK && step != SQLITE_DONE)
    rc = amz_db_error(h, path, err);
  (void)sqlite3_finalize(st);
  return rc;
}

int amz_db_reduced(sqlite3 *h, const char *path, const struct amz_reduce_kind *kind, struct amz_error *err,
                   struct amz_reduced *ret)
{
  struct amz_reducer *r = NULL;
  int rc = amz_reducer_new(kind, &r);

  if (rc < 0)
    return amz_error_set(err, rc, "%s: cannot reduce: %s", path, amz_err_name(rc));
  rc = fold_all(h, path, r, err);
  if (rc == AMZ_OK && (rc = amz_reducer_result(r, ret)) < 0)
    (void)amz_error_set(err, rc, "out of memory");
  amz_reducer_free(r);
  return rc;
}

/* ---- what is left ------------------------------------------------------------------------------------------------------ */

struct ranges {
  struct amz_range *items;
  size_t count, cap;
};

static int add_range(struct ranges *r, uint64_t first, uint64_t end, struct amz_error *err)
{
  int rc;

  if (first >= end)
    return AMZ_OK;
  rc = amz_grow((void **)&r->items, &r->cap, r->count + 1, sizeof *r->items);
  if (rc < 0)
    return amz_error_set(err, rc, "out of memory");
  r->items[r->count++] = (struct amz_range){first, end - first};
  return AMZ_OK;
}

/* Both sides come in the order of their keys: SQLite merges them as it goes. */
static const char recorded_sql[] = "SELECT task,1 FROM outcome UNION ALL SELECT first,count FROM chunk ORDER BY 1";
static const char settled_sql[] =
    "SELECT task,1 FROM outcome WHERE outcome NOT IN (2,3) UNION ALL SELECT first,count FROM chunk ORDER BY 1";

int amz_db_left(struct amz_db *db, bool retry_failed, struct amz_error *err, struct amz_range **ret, size_t *ret_n)
{
  sqlite3 *h = amz_db_handle(db);
  const char *path = amz_db_path(db);
  struct ranges left = {NULL, 0, 0};
  sqlite3_stmt *st = NULL;
  int64_t tasks = 0;
  uint64_t next = 0;
  int rc = amz_db_meta(h, path, "tasks", err, &tasks), step = SQLITE_DONE;

  if (rc < 0)
    return rc;
  if (sqlite3_prepare_v2(h, retry_failed ? settled_sql : recorded_sql, -1, &st, NULL) != SQLITE_OK)
    return amz_db_error(h, path, err);
  while (rc == AMZ_OK && (step = sqlite3_step(st)) == SQLITE_ROW) {
    uint64_t task = (uint64_t)sqlite3_column_int64(st, 0);

    rc = add_range(&left, next, task, err);
    next = task + (uint64_t)sqlite3_column_int64(st, 1);
  }
  if (rc == AMZ_OK && step != SQLITE_DONE)
    rc = amz_db_error(h, path, err);
  (void)sqlite3_finalize(st);
  if (rc == AMZ_OK)
    rc = add_range(&left, next, (uint64_t)tasks, err);
  if (rc < 0) {
    free(left.items);
    return rc;
  }
  *ret = left.items;
  *ret_n = left.count;
  return AMZ_OK;
}

/* ---- records and their packs --------------------------------------------------------------------------------------------- */

/* Joins what adjoins. */
static int join_range(struct ranges *r, uint64_t first, uint64_t end, struct amz_error *err)
{
  struct amz_range *last = r->count ? &r->items[r->count - 1] : NULL;

  if (!last || last->first + last->count != first)
    return add_range(r, first, end, err);
  last->count = end - last->first;
  return AMZ_OK;
}

/* 1: succeeded, as all of a stretch have. */
static const char recorded_by_sql[] = "SELECT task,1 FROM outcome WHERE outcome=1 AND rank=?1 AND epoch=?2"
                                      " UNION ALL SELECT first,count FROM chunk WHERE rank=?1 AND epoch=?2 ORDER BY 1";

int amz_db_recorded_by(struct amz_db *db, uint32_t rank, uint32_t epoch, struct amz_error *err, struct amz_range **ret,
                       size_t *ret_n)
{
  sqlite3 *h = amz_db_handle(db);
  struct ranges found = {NULL, 0, 0};
  sqlite3_stmt *st = NULL;
  int rc = AMZ_OK, step = SQLITE_DONE;

  if (sqlite3_prepare_v2(h, recorded_by_sql, -1, &st, NULL) != SQLITE_OK || sqlite3_bind_int64(st, 1, rank) != SQLITE_OK ||
      sqlite3_bind_int64(st, 2, epoch) != SQLITE_OK)
    rc = amz_db_error(h, amz_db_path(db), err);
  while (rc == AMZ_OK && (step = sqlite3_step(st)) == SQLITE_ROW) {
    uint64_t first = (uint64_t)sqlite3_column_int64(st, 0);

    rc = join_range(&found, first, first + (uint64_t)sqlite3_column_int64(st, 1), err);
  }
  if (rc == AMZ_OK && step != SQLITE_DONE)
    rc = amz_db_error(h, amz_db_path(db), err);
  (void)sqlite3_finalize(st);
  if (rc < 0) {
    free(found.items);
    return rc;
  }
  *ret = found.items;
  *ret_n = found.count;
  return AMZ_OK;
}

static const char kept_sql[] = "SELECT k.epoch,k.rank,sum(k.n),max(l.node) FROM"
                               " (SELECT epoch,rank,count(*) AS n FROM outcome WHERE pack_offset>0 OR (?1 AND outcome=1) GROUP "
                               "BY epoch,rank"
                               " UNION ALL SELECT epoch,rank,sum(count) FROM chunk WHERE ?1 GROUP BY epoch,rank) k"
                               " LEFT JOIN launch_rank l ON l.epoch=k.epoch AND l.rank=k.rank GROUP BY k.epoch,k.rank ORDER BY "
                               "k.epoch,k.rank";

int amz_db_kept(struct amz_db *db, bool results, struct amz_error *err, struct amz_store_absent **ret, size_t *ret_n)
{
  sqlite3 *h = amz_db_handle(db);
  struct amz_store_absent *items = NULL;
  size_t n = 0, cap = 0;
  sqlite3_stmt *st = NULL;
  int rc = AMZ_OK, step = SQLITE_DONE;

  if (sqlite3_prepare_v2(h, kept_sql, -1, &st, NULL) != SQLITE_OK || sqlite3_bind_int(st, 1, results) != SQLITE_OK)
    rc = amz_db_error(h, amz_db_path(db), err);
  while (rc == AMZ_OK && (step = sqlite3_step(st)) == SQLITE_ROW) {
    const char *node = (const char *)sqlite3_column_text(st, 3);

    if (amz_grow((void **)&items, &cap, n + 1, sizeof *items) < 0) {
      rc = amz_error_set(err, AMZ_ENOMEM, "out of memory");
      break;
    }
    items[n].epoch = (uint32_t)sqlite3_column_int64(st, 0);
    items[n].rank = (uint32_t)sqlite3_column_int64(st, 1);
    items[n].tasks = (uint64_t)sqlite3_column_int64(st, 2);
    (void)snprintf(items[n].node, sizeof items[n].node, "%s", node ? node : "");
    n++;
  }
  if (rc == AMZ_OK && step != SQLITE_DONE)
    rc = amz_db_error(h, amz_db_path(db), err);
  (void)sqlite3_finalize(st);
  if (rc < 0) {
    free(items);
    return rc;
  }
  *ret = items;
  *ret_n = n;
  return AMZ_OK;
}

int amz_db_forget(struct amz_db *db, bool results, uint32_t rank, uint32_t epoch, struct amz_error *err)
{
  sqlite3 *h = amz_db_handle(db);
  char whose[64], sql[512];

  (void)snprintf(whose, sizeof whose, "rank=%" PRIu32 " AND epoch=%" PRIu32, rank, epoch);
  (void)snprintf(sql, sizeof sql,
                 "DELETE FROM outcome WHERE (pack_offset>0 OR (%d AND outcome=1)) AND %s;DELETE FROM chunk WHERE %d AND %s;"
                 "UPDATE launch_rank SET recorded_offset=0 WHERE %s", results, whose, results, whose, whose);
  return sqlite3_exec(h, sql, NULL, NULL, NULL) == SQLITE_OK ? AMZ_OK : amz_db_error(h, amz_db_path(db), err);
}
