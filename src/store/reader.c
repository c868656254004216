/* Readers of a run: any number, at any time, without locks.
 *
 * While somebody holds the lease, alive, run.db belongs to its writer, who works without file locks: readers keep off it and
 * see the published snapshot, a file that is never changed, only replaced by a rename. When nobody does, run.db lies still: it
 * is opened without leave to write, with the WAL that a killed writer may have left read into memory. A run that is resumed
 * under a reader's hands is noticed at the end of each question. */
#include <amorsize/store.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <amorsize/alloc.h>

#include "db.h"
#include "path.h"
#include "store_private.h"

struct amz_store_reader {
  char *dir, *path;
  sqlite3 *h;
  bool snapshot;
  uint64_t tasks;
  int64_t first_start_ns;
  bool has_chunks;
  bool has_errors; /* and the CPU times of stretches */
};

void amz_store_reader_free(struct amz_store_reader *r)
{
  if (!r)
    return;
  (void)sqlite3_close(r->h);
  free(r->dir);
  free(r->path);
  free(r);
}

static int no_memory(struct amz_error *err)
{
  return amz_error_set(err, AMZ_ENOMEM, "out of memory");
}

static bool is_live(const char *dir)
{
  struct amz_lease_info info;

  return amz_lease_look(dir, &info, NULL) == AMZ_OK && info.alive;
}

static double age_of(const struct stat *st)
{
  struct timespec now = st->st_mtim;
  double age;

  (void)clock_gettime(CLOCK_REALTIME, &now);
  age = (double)(now.tv_sec - st->st_mtim.tv_sec) + (double)(now.tv_nsec - st->st_mtim.tv_nsec) * 1e-9;
  return age > 0 ? age : 0;
}

/* What to read, and how old it is. */
static int choose(struct amz_store_reader *r, struct amz_error *err, double *ret_as_of_s)
{
  struct stat st;

  r->snapshot = is_live(r->dir);
  r->path = amz_path_join(r->dir, r->snapshot ? AMZ_SNAPSHOT_NAME : AMZ_DB_NAME);
  if (!r->path)
    return no_memory(err);
  if (stat(r->path, &st) == 0) {
    *ret_as_of_s = r->snapshot ? age_of(&st) : 0;
    return AMZ_OK;
  }
  if (errno != ENOENT && errno != ENOTDIR)
    return amz_error_sys(err, AMZ_EIO, errno, "%s", r->path);
  if (r->snapshot)
    return amz_error_set(err, AMZ_EBUSY, "%s: the run has just begun and published nothing yet; try again in a few seconds",
                         r->dir);
  return amz_error_set(err, AMZ_ENOENT,
                       "%s: no such database; if this is a run directory, 'amorsize-mpi resume %s' makes it from the outputs",
                       r->path, r->dir);
}

/* Exclusive, so that a WAL is read through memory of our own instead of a shared file; nothing is written at the end. */
static int open_handle(struct amz_store_reader *r, struct amz_error *err)
{
  static const char begin_sql[] = "PRAGMA locking_mode=EXCLUSIVE; PRAGMA query_only=1; PRAGMA temp_store=MEMORY; BEGIN";
  const int how = SQLITE_OPEN_READONLY | SQLITE_OPEN_FULLMUTEX | SQLITE_OPEN_PRIVATECACHE;
  int64_t value = 0;
  int rc = AMZ_OK;

  if (sqlite3_open_v2(r->path, &r->h, how, AMZ_DB_VFS) != SQLITE_OK ||
      sqlite3_db_config(r->h, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL) != SQLITE_OK ||
      sqlite3_exec(r->h, begin_sql, NULL, NULL, NULL) != SQLITE_OK)
    rc = amz_db_error(r->h, r->path, err);
  if (rc == AMZ_OK)
    rc = amz_db_meta(r->h, r->path, "tasks", err, &value);
  r->tasks = (uint64_t)value;
  if (rc == AMZ_ENOENT)
    return amz_error_set(err, AMZ_ECORRUPT, "%s: not the database of a run", r->path);
  if (rc == AMZ_OK) {
    rc = amz_db_meta(r->h, r->path, "first_start_ns", err, &r->first_start_ns);
    rc = rc == AMZ_ENOENT ? AMZ_OK : rc; /* nothing has started yet */
  }
  if (rc == AMZ_OK)
    rc = amz_db_has_chunks(r->h, r->path, err, &r->has_chunks);
  if (rc == AMZ_OK)
    rc = amz_db_version(r->h, r->path, err, &value);
  r->has_errors = rc == AMZ_OK && value > 2;
  return rc;
}

/* Of the version that this program writes. */
int amz_store_rows(struct amz_store *s, const struct amz_row_query *query, int (*row)(void *ctx, const struct amz_task_row *row),
                   void *ctx,
                   struct amz_error *err)
{
  struct amz_store_reader own = {.dir = s->dir, .h = amz_db_handle(s->db), .snapshot = true /* nobody else writes it */,
                                 .tasks = s->tasks, .has_errors = true};
  int rc;

  own.path = amz_strndup(amz_db_path(s->db), strlen(amz_db_path(s->db)));
  if (!own.path)
    return no_memory(err);
  rc = amz_db_meta(own.h, own.path, "first_start_ns", err, &own.first_start_ns);
  if (rc == AMZ_OK || rc == AMZ_ENOENT)
    rc = amz_db_has_chunks(own.h, own.path, err, &own.has_chunks);
  if (rc == AMZ_OK)
    rc = amz_store_reader_rows(&own, query, row, ctx, err);
  free(own.path);
  return rc;
}

int amz_store_reader_new(const char *dir, struct amz_error *err, struct amz_store_reader **ret, double *ret_as_of_s)
{
  struct amz_store_reader *r = calloc(1, sizeof *r);
  double as_of_s = 0;
  int rc;

  if (!r)
    return no_memory(err);
  r->dir = strdup(dir);
  rc = r->dir ? choose(r, err, &as_of_s) : no_memory(err);
  if (rc == AMZ_OK)
    rc = open_handle(r, err);
  if (rc < 0) {
    amz_store_reader_free(r);
    return rc;
  }
  *ret = r;
  if (ret_as_of_s)
    *ret_as_of_s = as_of_s;
  return AMZ_OK;
}

uint64_t amz_store_reader_tasks(const struct amz_store_reader *r)
{
  return r->tasks;
}

/* What was read of run.db counts only if nobody wrote it meanwhile. */
static int still_ours(const struct amz_store_reader *r, int rc, struct amz_error *err)
{
  if (r->snapshot || (rc != AMZ_OK && rc != AMZ_ECORRUPT && rc != AMZ_EIO) || !is_live(r->dir))
    return rc;
  return amz_error_set(err, AMZ_EBUSY, "%s: the run was resumed while it was read; try again", r->dir);
}

int amz_store_reader_counts(struct amz_store_reader *r, struct amz_error *err, struct amz_store_counts *ret)
{
  return still_ours(r, amz_db_counts(r->h, r->path, err, ret), err);
}

int amz_store_reader_reduced(struct amz_store_reader *r, struct amz_error *err, enum amz_reduce *ret_op, struct amz_reduced *ret)
{
  struct amz_reduce_kind kind = {AMZ_REDUCE_NONE, AMZ_VALUE_BYTES, 0};
  int rc = amz_db_reduce_kind(r->h, r->path, err, &kind);

  memset(ret, 0, sizeof *ret);
  if (rc == AMZ_OK && kind.op != AMZ_REDUCE_NONE)
    rc = amz_db_reduced(r->h, r->path, &kind, err, ret);
  rc = still_ours(r, rc, err);
  if (rc < 0) {
    amz_reduced_clear(ret);
    return rc;
  }
  *ret_op = kind.op;
  return AMZ_OK;
}

/* ---- rows ---------------------------------------------------------------------------------------------------------------- */

/* The columns of both: 0 first task, 1 number of tasks (0: recorded by itself), 2 … what they have in common. A stretch's times
 * are shared out evenly. */
#define SINGLES \
  "SELECT o.task,0,o.outcome,o.exit,o.signal,o.attempt,l.node,o.rank,o.slot,o.epoch,o.start_ns,o.wall_ns,o.cpu_ns,o.rss_bytes," \
  "o.output_bytes,o.pack_offset,%s FROM outcome o LEFT JOIN launch_rank l ON l.epoch=o.epoch AND l.rank=o.rank WHERE 1"
#define STRETCHES \
  " UNION ALL SELECT c.first,c.count,1,0,0,c.attempt,l.node,c.rank,c.slot,c.epoch,c.start_ns,c.wall_ns*1.0/c.count,%s,0,0,0,NULL" \
  " FROM chunk c LEFT JOIN launch_rank l ON l.epoch=c.epoch AND l.rank=c.rank WHERE 1"

static const char *const order_sql[] = {
  [AMZ_BY_INDEX] = " ORDER BY 1",
  [AMZ_BY_WALL] = " ORDER BY 12 DESC, 1",
  [AMZ_BY_START] = " ORDER BY 11, 1",
};

static void add_sql(const struct amz_store_reader *r, const struct amz_row_query *q, struct amz_buf *sql)
{
  unsigned long long index = q->index > INT64_MAX ? INT64_MAX : q->index;

  amz_buf_addf(sql, SINGLES, r->has_errors ? "o.error" : "NULL");
  if (q->failed_only)
    amz_buf_adds(sql, " AND o.outcome IN (2,3)");
  if (q->has_index)
    amz_buf_addf(sql, " AND o.task=%llu", index);
  if (r->has_chunks && !q->failed_only) {
    amz_buf_addf(sql, STRETCHES, r->has_errors ? "c.cpu_ns*1.0/c.count" : "0");
    if (q->has_index)
      amz_buf_addf(sql, " AND c.first=(SELECT max(first) FROM chunk WHERE first<=%llu) AND c.first+c.count>%llu", index, index);
  }
  amz_buf_adds(sql, order_sql[q->sort]);
  if (q->limit > 0)
    amz_buf_addf(sql, " LIMIT %llu", (unsigned long long)(q->limit > INT64_MAX ? INT64_MAX : q->limit));
}

static int prepare(struct amz_store_reader *r, const struct amz_row_query *q, struct amz_error *err, sqlite3_stmt **ret)
{
  struct amz_buf sql = AMZ_BUF_INIT;
  int rc;

  if ((unsigned)q->sort >= sizeof order_sql / sizeof *order_sql)
    return amz_error_set(err, AMZ_EINVAL, "unknown order of rows");
  add_sql(r, q, &sql);
  rc = amz_buf_ok(&sql);
  if (rc < 0)
    rc = no_memory(err);
  else if (sqlite3_prepare_v2(r->h, sql.data, -1, ret, NULL) != SQLITE_OK)
    rc = amz_db_error(r->h, r->path, err);
  amz_buf_clear(&sql);
  return rc;
}

static void fill_row(const struct amz_store_reader *r, sqlite3_stmt *st, struct amz_task_row *row)
{
  const char *node = (const char *)sqlite3_column_text(st, 6);

  row->index = (uint64_t)sqlite3_column_int64(st, 0);
  row->averaged_over = (uint64_t)sqlite3_column_int64(st, 1);
  row->outcome = (enum amz_outcome)sqlite3_column_int(st, 2);
  row->exit_code = (int32_t)sqlite3_column_int(st, 3);
  row->signal = (int32_t)sqlite3_column_int(st, 4);
  row->attempts = (uint32_t)sqlite3_column_int64(st, 5);
  row->node = node ? node : "";
  row->rank = (uint32_t)sqlite3_column_int64(st, 7);
  row->slot = sqlite3_column_type(st, 8) == SQLITE_NULL ? AMZ_SLOT_SEVERAL : (uint32_t)sqlite3_column_int64(st, 8);
  row->epoch = (uint32_t)sqlite3_column_int64(st, 9);
  row->start_s = (double)(sqlite3_column_int64(st, 10) - r->first_start_ns) * 1e-9;
  if (row->start_s < 0 || sqlite3_column_int64(st, 10) == 0)
    row->start_s = 0; /* skipped: it never started */
  row->wall_s = sqlite3_column_double(st, 11) * 1e-9;
  row->cpu_s = sqlite3_column_double(st, 12) * 1e-9;
  row->max_rss_bytes = (uint64_t)sqlite3_column_int64(st, 13);
  row->output_bytes = (uint64_t)sqlite3_column_int64(st, 14);
  row->pack_offset = (uint64_t)sqlite3_column_int64(st, 15);
  row->error = (const char *)sqlite3_column_text(st, 16);
}

/* Whom rows are told, and how many more. */
struct telling {
  const struct amz_row_query *query;
  int (*row)(void *ctx, const struct amz_task_row *row);
  void *ctx;
  uint64_t told;
};

/* The tasks of a stretch that are asked for. \return what `row` said, the first time that it isn't 0. */
static int tell_stretch(struct telling *t, struct amz_task_row *values)
{
  const struct amz_row_query *q = t->query;
  uint64_t end = values->index + values->averaged_over;
  int stopped = 0;

  if (q->has_index) {
    values->index = q->index;
    end = q->index + 1;
  }
  if (q->limit && end - values->index > q->limit - t->told)
    end = values->index + (q->limit - t->told);
  for (; values->index < end && !stopped; values->index++, t->told++)
    stopped = t->row(t->ctx, values);
  return stopped;
}

static int tell_row(struct telling *t, struct amz_task_row *values)
{
  if (values->averaged_over)
    return tell_stretch(t, values);
  t->told++;
  return t->row(t->ctx, values);
}

int amz_store_reader_rows(struct amz_store_reader *r, const struct amz_row_query *query,
                          int (*row)(void *ctx, const struct amz_task_row *row), void *ctx, struct amz_error *err)
{
  struct telling t = {query, row, ctx, 0};
  sqlite3_stmt *st = NULL;
  int rc = prepare(r, query, err, &st), step = SQLITE_DONE, stopped = 0;

  while (rc == AMZ_OK && !stopped && (query->limit == 0 || t.told < query->limit) && (step = sqlite3_step(st)) == SQLITE_ROW) {
    struct amz_task_row values;

    fill_row(r, st, &values);
    stopped = tell_row(&t, &values);
  }
  if (rc == AMZ_OK && !stopped && step != SQLITE_DONE && step != SQLITE_ROW)
    rc = amz_db_error(r->h, r->path, err);
  (void)sqlite3_finalize(st);
  return stopped ? stopped : still_ours(r, rc, err);
}
