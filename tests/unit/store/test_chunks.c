/* Stretches of tasks in the run's database: recorded exactly once, read task by task, reduced to the same bits. */
#include <inttypes.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include <amorsize/rng.h>
#include <amorsize/store.h>

#include "../../support/tap.h"
#include "scratch.h"

#define BASE_NS INT64_C(1700000000000000000)
#define AT_CLOSE INT64_C(3600000000000) /* all that is recorded in one batch */
#define OFTEN INT64_C(5000000)

static const struct amz_reduce_kind sum_kind = {AMZ_REDUCE_SUM, AMZ_VALUE_F64, 1};

/* ---- helpers ----------------------------------------------------------------------------------------------------------- */

static bool run_dir(struct scratch *s)
{
  char path[SCRATCH_PATH];

  return scratch_make(s) && mkdir(scratch_path(s, "out", path), 0700) == 0;
}

static struct amz_store *open_as(const struct scratch *s, uint64_t tasks, int64_t commit_ns)
{
  struct amz_store_config config = {.dir = s->dir, .commit_ns = commit_ns};
  struct amz_store *store = NULL;
  struct amz_error err = {0};

  if (amz_store_open(&config, tasks, &err, &store) < 0)
    printf("# %s\n", err.text);
  return store;
}

static struct amz_store *open_tasks(const struct scratch *s, uint64_t tasks)
{
  return open_as(s, tasks, AT_CLOSE);
}

/* A value whose sums depend on their sequence. */
static double value_of(uint64_t task)
{
  return (double)(task % 97 + 1) * (task % 3 ? 1e-9 : 1e9);
}

static int add_partials(uint64_t first, uint64_t count, struct amz_buf *out)
{
  struct amz_reducer *r = NULL;
  int rc = amz_reducer_new(&sum_kind, &r);

  if (rc < 0)
    return rc;
  amz_reducer_begin(r, first);
  for (uint64_t i = 0; i < count; i++) {
    double value = value_of(first + i);

    amz_reducer_add(r, &value, 1);
  }
  rc = amz_reducer_put(r, out);
  amz_reducer_free(r);
  return rc;
}

/* Two seconds per task, begun a second per task behind BASE_NS. */
static struct amz_chunk_record chunk_of(const struct amz_store *store, uint64_t first, uint64_t count, uint32_t rank,
                                        uint32_t slot)
{
  return (struct amz_chunk_record){.first = first, .count = count, .attempt = 1, .rank = rank, .slot = slot,
    .epoch = amz_store_epoch(store),
    .start_ns = BASE_NS + (int64_t)first * 1000000000, .wall_s = 2.0 * (double)count, .cpu_s = (double)count,
    .node = rank ? "n2" : "n1"};
}

static int put_chunk(struct amz_store *store, uint64_t first, uint64_t count, uint32_t rank, uint32_t slot)
{
  struct amz_chunk_record c = chunk_of(store, first, count, rank, slot);

  return amz_store_record_chunk(store, &c, NULL);
}

static int put_reduced(struct amz_store *store, uint64_t first, uint64_t count, struct amz_error *err)
{
  struct amz_chunk_record c = chunk_of(store, first, count, 0, 0);
  struct amz_buf partials = AMZ_BUF_INIT;
  int rc = add_partials(first, count, &partials);

  c.partials = partials.data;
  c.partials_bytes = partials.len;
  if (rc == AMZ_OK)
    rc = amz_store_record_chunk(store, &c, err);
  amz_buf_clear(&partials);
  return rc;
}

static int put_single(struct amz_store *store, uint64_t index, enum amz_outcome outcome, double wall_s)
{
  struct amz_record r = {.rank = 0, .epoch = amz_store_epoch(store), .final = true, .node = "n1"};

  r.result = (struct amz_result){.position = index, .attempt = 1, .outcome = outcome, .exit_code = outcome == AMZ_FAILED ? 3 : 0,
    .start_ns = BASE_NS + (int64_t)index * 1000000000, .wall_ns = (int64_t)(wall_s * 1e9)};
  return amz_store_record(store, &r, 1, NULL);
}

/* Takes the ranges over. */
static const char *ranges_text(struct amz_range *ranges, size_t count, char *text, size_t n)
{
  size_t at = 0;

  text[0] = '\0';
  for (size_t i = 0; i < count && at < n; i++)
    at += (size_t)snprintf(text + at, n - at, "%s%" PRIu64 "+%" PRIu64, i ? " " : "", ranges[i].first, ranges[i].count);
  free(ranges);
  return text;
}

static const char *left_text(struct amz_store *store, bool retry_failed, char *text, size_t n)
{
  struct amz_range *ranges = NULL;
  size_t count = 0;

  return amz_store_left(store, retry_failed, NULL, &ranges, &count) < 0 ? "error" : ranges_text(ranges, count, text, n);
}

static const char *by_text(struct amz_store *store, uint32_t rank, uint32_t epoch, char *text, size_t n)
{
  struct amz_range *ranges = NULL;
  size_t count = 0;

  return amz_store_recorded_by(store, rank, epoch, NULL, &ranges, &count) < 0 ? "error" : ranges_text(ranges, count, text, n);
}

static int add_row(void *ctx, const struct amz_task_row *r)
{
  struct amz_buf *out = ctx;

  amz_buf_addf(out, "%s%" PRIu64, out->len ? " " : "", r->index);
  if (r->outcome != AMZ_SUCCEEDED)
    amz_buf_addc(out, '!');
  if (r->averaged_over)
    amz_buf_addf(out, "/%" PRIu64, r->averaged_over);
  return 0;
}

/* Rows as "INDEX[!][/AVERAGED_OVER] …". */
static const char *rows_text(const struct scratch *s, const struct amz_row_query *query, struct amz_buf *out)
{
  struct amz_store_reader *reader = NULL;

  amz_buf_reset(out);
  if (amz_store_reader_new(s->dir, NULL, &reader, NULL) < 0)
    return "no reader";
  ASSERT_I64(amz_store_reader_rows(reader, query, add_row, out, NULL), AMZ_OK);
  amz_store_reader_free(reader);
  return amz_buf_text(out);
}

static int64_t ask(const struct scratch *s, const char *sql)
{
  char path[SCRATCH_PATH];
  sqlite3_stmt *st = NULL;
  sqlite3 *h = NULL;
  int64_t answer = -1;

  if (sqlite3_open(scratch_path(s, "run.db", path), &h) == SQLITE_OK && sqlite3_prepare_v2(h, sql, -1, &st, NULL) == SQLITE_OK &&
      sqlite3_step(st) == SQLITE_ROW)
    answer = sqlite3_column_int64(st, 0);
  (void)sqlite3_finalize(st);
  (void)sqlite3_close(h);
  return answer;
}

/* ---- recording --------------------------------------------------------------------------------------------------------- */

static void come_back(void)
{
  static const struct {
    const char *row;
    struct amz_row_query query;
    const char *expected;
  } rows[] = {
    {"all, by index", {0}, "0 1! 2/3 3/3 4/3 5 7/2 8/2"},
    {"longest first", {.sort = AMZ_BY_WALL}, "5 2/3 3/3 4/3 7/2 8/2 0 1!"},
    {"by start", {.sort = AMZ_BY_START}, "0 1! 2/3 3/3 4/3 5 7/2 8/2"},
    {"failed ones", {.failed_only = true}, "1!"},
    {"up to a stretch's middle", {.limit = 4}, "0 1! 2/3 3/3"},
    {"up to a stretch's end", {.limit = 5}, "0 1! 2/3 3/3 4/3"},
    {"the longest", {.sort = AMZ_BY_WALL, .limit = 2}, "5 2/3"},
    {"one of a stretch", {.has_index = true, .index = 3}, "3/3"},
    {"the first of a stretch", {.has_index = true, .index = 7}, "7/2"},
    {"one by itself", {.has_index = true, .index = 1}, "1!"},
    {"one behind a stretch", {.has_index = true, .index = 9}, ""},
    {"one between", {.has_index = true, .index = 6}, ""},
    {"one that there isn't", {.has_index = true, .index = UINT64_MAX}, ""},
  };
  struct amz_buf text = AMZ_BUF_INIT;
  struct amz_store_counts counts;
  struct amz_store *store = NULL;
  struct scratch s;
  char left[128];

  CU_ASSERT_FATAL(run_dir(&s) && (store = open_tasks(&s, 10)) != NULL);
  CU_ASSERT(put_chunk(store, 7, 2, 1, 3) == AMZ_OK && put_chunk(store, 2, 3, 0, 0) == AMZ_OK);
  CU_ASSERT(put_single(store, 0, AMZ_SUCCEEDED, 1) == AMZ_OK && put_single(store, 1, AMZ_FAILED, 0.5) == AMZ_OK &&
            put_single(store, 5, AMZ_SUCCEEDED, 9) == AMZ_OK);
  ASSERT_I64(amz_store_close(store, NULL), AMZ_OK);
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
    ASSERT_ROW_TEXT(rows[i].row, rows_text(&s, &rows[i].query, &text), rows[i].expected);
  CU_ASSERT_FATAL((store = open_tasks(&s, 10)) != NULL);
  ASSERT_TEXT(left_text(store, false, left, sizeof left), "6+1 9+1");
  ASSERT_TEXT(left_text(store, true, left, sizeof left), "1+1 6+1 9+1");
  ASSERT_I64(amz_store_counts(store, NULL, &counts), AMZ_OK);
  ASSERT_U64(counts.succeeded, 7);
  ASSERT_U64(counts.failed, 1);
  ASSERT_I64(amz_store_close(store, NULL), AMZ_OK);
  amz_buf_clear(&text);
  scratch_remove(&s);
}

static int keep_row(void *ctx, const struct amz_task_row *row)
{
  *(struct amz_task_row *)ctx = *row;
  ((struct amz_task_row *)ctx)->node = "";
  ASSERT_TEXT(row->node, "n2");
  return 0;
}

static void a_row_in_full(void)
{
  const struct amz_row_query query = {.has_index = true, .index = 8};
  struct amz_store_reader *reader = NULL;
  struct amz_task_row row = {0};
  struct amz_store *store = NULL;
  struct scratch s;

  CU_ASSERT_FATAL(run_dir(&s) && (store = open_tasks(&s, 10)) != NULL);
  CU_ASSERT(put_chunk(store, 7, 2, 1, 3) == AMZ_OK && put_chunk(store, 9, 1, 1, 4) == AMZ_OK &&
            put_chunk(store, 0, 1, 0, 0) == AMZ_OK);
  ASSERT_I64(amz_store_close(store, NULL), AMZ_OK);
  CU_ASSERT_FATAL(amz_store_reader_new(s.dir, NULL, &reader, NULL) == AMZ_OK);
  ASSERT_I64(amz_store_reader_rows(reader, &query, keep_row, &row, NULL), AMZ_OK);
  ASSERT_U64(row.index, 8);
  ASSERT_U64(row.averaged_over, 3);
  ASSERT_U64(row.rank, 1);
  ASSERT_U64(row.slot, AMZ_SLOT_SEVERAL);
  ASSERT_U64(row.epoch, 1);
  ASSERT_U64(row.attempts, 1);
  ASSERT_U64(row.pack_offset, 0);
  CU_ASSERT_DOUBLE_EQUAL(row.wall_s, 2, 1e-9);
  CU_ASSERT_DOUBLE_EQUAL(row.start_s, 7, 1e-9);
  amz_store_reader_free(reader);
  scratch_remove(&s);
}

static void recorded_once(void)
{
  struct amz_buf text = AMZ_BUF_INIT;
  struct amz_store *store = NULL;
  struct scratch s;

  CU_ASSERT_FATAL(run_dir(&s) && (store = open_tasks(&s, 100)) != NULL);
  CU_ASSERT(put_single(store, 5, AMZ_SUCCEEDED, 1) == AMZ_OK && put_single(store, 30, AMZ_FAILED, 1) == AMZ_OK);
  ASSERT_I64(put_chunk(store, 10, 5, 0, 0), AMZ_OK);
  ASSERT_I64(amz_store_close(store, NULL), AMZ_OK);
  CU_ASSERT_FATAL((store = open_tasks(&s, 100)) != NULL);
  ASSERT_I64(put_chunk(store, 3, 4, 0, 0), AMZ_OK);   /* over a success */
  ASSERT_I64(put_chunk(store, 14, 2, 0, 0), AMZ_OK);  /* over a stretch's end */
  ASSERT_I64(put_chunk(store, 9, 2, 0, 0), AMZ_OK);   /* over its beginning */
  ASSERT_I64(put_chunk(store, 11, 1, 0, 0), AMZ_OK);  /* within */
  ASSERT_I64(put_chunk(store, 8, 20, 0, 0), AMZ_OK);  /* around */
  ASSERT_I64(put_single(store, 12, AMZ_FAILED, 1), AMZ_OK);
  ASSERT_I64(put_chunk(store, 29, 3, 0, 0), AMZ_OK);  /* an earlier launch's failure was to be tried again */
  ASSERT_I64(put_chunk(store, 15, 2, 0, 0), AMZ_OK);
  ASSERT_I64(amz_store_close(store, NULL), AMZ_OK);
  ASSERT_TEXT(rows_text(&s, &(struct amz_row_query){0}, &text), "5 10/5 11/5 12/5 13/5 14/5 15/2 16/2 29/3 30/3 31/3");
  ASSERT_I64(ask(&s, "SELECT count(*) FROM attempt WHERE task=30 AND exit=3"), 1);
  amz_buf_clear(&text);
  scratch_remove(&s);
}

/* What is told task by task becomes a few rows. */
static void adjoining_ones_become_one(void)
{
  struct amz_store *store = NULL;
  struct scratch s;

  CU_ASSERT_FATAL(run_dir(&s) && (store = open_tasks(&s, 60000)) != NULL);
  for (uint64_t i = 0; i < 30000; i++)
    CU_ASSERT(put_chunk(store, 29999 - i, 1, 0, 0) == AMZ_OK); /* backwards, too */
  for (uint64_t i = 30000; i < 60000; i++)
    CU_ASSERT(put_chunk(store, i, 1, 1, i % 2) == AMZ_OK);
  ASSERT_I64(amz_store_close(store, NULL), AMZ_OK);
  ASSERT_I64(ask(&s, "SELECT sum(count) FROM chunk"), 60000);
  ASSERT_I64(ask(&s, "SELECT count(*) FROM chunk"), 2);
  ASSERT_I64(ask(&s, "SELECT count(*) FROM chunk WHERE rank=1 AND count>1 AND slot IS NOT NULL"), 0);
  ASSERT_I64(ask(&s, "SELECT count(*) FROM chunk WHERE rank=0 AND slot IS NULL"), 0);
  ASSERT_I64(ask(&s, "SELECT count(*) FROM chunk WHERE wall_ns<>count*2000000000"), 0);
  ASSERT_I64(ask(&s, "SELECT count(*) FROM chunk WHERE start_ns<>1700000000000000000+first*1000000000"), 0);
  scratch_remove(&s);
}

static void refused(void)
{
  const struct {
    const char *row;
    uint64_t first, count;
    uint32_t rank;
  } rows[] = {
    {"no tasks", 0, 0, 0},
    {"beyond the tasks", 9, 2, 0},
    {"far beyond", UINT64_MAX, 2, 0},
    {"no such rank", 0, 1, UINT32_MAX},
  };
  struct amz_chunk_record c;
  struct amz_store *store = NULL;
  struct scratch s;

  CU_ASSERT_FATAL(run_dir(&s) && (store = open_tasks(&s, 10)) != NULL);
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
    ASSERT_ROW_I64(rows[i].row, put_chunk(store, rows[i].first, rows[i].count, rows[i].rank, 0), AMZ_EINVAL);
  c = chunk_of(store, 0, 1, 0, 0);
  c.epoch++;
  ASSERT_I64(amz_store_record_chunk(store, &c, NULL), AMZ_EINVAL);
  ASSERT_I64(put_reduced(store, 0, 1, NULL), AMZ_EINVAL); /* nobody said that there are partials */
  ASSERT_I64(amz_store_close(store, NULL), AMZ_OK);
  scratch_remove(&s);
}

/* Takes away what version 3 of the schema added. */
static void without_errors(const struct scratch *s)
{
  ASSERT_I64(ask(s, "ALTER TABLE outcome DROP COLUMN error"), -1);
  ASSERT_I64(ask(s, "ALTER TABLE attempt DROP COLUMN error"), -1);
  ASSERT_I64(ask(s, "ALTER TABLE chunk DROP COLUMN cpu_ns"), -1);
}

/* One made before there were errors and CPU times of stretches. */
static void a_database_without_errors(void)
{
  struct amz_buf text = AMZ_BUF_INIT;
  struct amz_store *store = NULL;
  struct scratch s;

  CU_ASSERT_FATAL(run_dir(&s) && (store = open_tasks(&s, 10)) != NULL);
  ASSERT_I64(put_single(store, 4, AMZ_FAILED, 1), AMZ_OK);
  ASSERT_I64(put_chunk(store, 5, 2, 0, 0), AMZ_OK);
  ASSERT_I64(amz_store_close(store, NULL), AMZ_OK);
  without_errors(&s);
  ASSERT_I64(ask(&s, "PRAGMA user_version=2"), -1);
  ASSERT_TEXT(rows_text(&s, &(struct amz_row_query){0}, &text), "4! 5/2 6/2");
  CU_ASSERT_FATAL((store = open_tasks(&s, 10)) != NULL);
  ASSERT_I64(put_chunk(store, 7, 2, 0, 0), AMZ_OK);
  ASSERT_I64(amz_store_close(store, NULL), AMZ_OK);
  ASSERT_TEXT(rows_text(&s, &(struct amz_row_query){0}, &text), "4! 5/2 6/2 7/2 8/2");
  ASSERT_I64(ask(&s, "PRAGMA user_version"), 3);
  ASSERT_I64(ask(&s, "SELECT cpu_ns FROM chunk WHERE first=7"), 2000000000);
  amz_buf_clear(&text);
  scratch_remove(&s);
}

static int see_cpu(void *ctx, const struct amz_task_row *r)
{
  *(double *)ctx = r->cpu_s;
  return 0;
}

static void cpu_time_is_the_mean(void)
{
  struct amz_store_reader *reader = NULL;
  struct amz_store *store = NULL;
  double cpu_s = -1;
  struct scratch s;

  CU_ASSERT_FATAL(run_dir(&s) && (store = open_tasks(&s, 10)) != NULL);
  ASSERT_I64(put_chunk(store, 2, 3, 0, 0), AMZ_OK); /* two stretches that are joined */
  ASSERT_I64(put_chunk(store, 5, 2, 0, 0), AMZ_OK);
  ASSERT_I64(amz_store_close(store, NULL), AMZ_OK);
  CU_ASSERT_FATAL(amz_store_reader_new(s.dir, NULL, &reader, NULL) == AMZ_OK);
  ASSERT_I64(amz_store_reader_rows(reader, &(struct amz_row_query){.has_index = true, .index = 6}, see_cpu, &cpu_s, NULL),
             AMZ_OK);
  CU_ASSERT_DOUBLE_EQUAL(cpu_s, 1, 1e-9);
  amz_store_reader_free(reader);
  scratch_remove(&s);
}

/* A database made before there were stretches is read as it is, and gets what it lacks when it is resumed. */
static void an_old_database(void)
{
  struct amz_buf text = AMZ_BUF_INIT;
  struct amz_store *store = NULL;
  struct scratch s;

  CU_ASSERT_FATAL(run_dir(&s) && (store = open_tasks(&s, 10)) != NULL);
  ASSERT_I64(put_single(store, 4, AMZ_SUCCEEDED, 1), AMZ_OK);
  ASSERT_I64(amz_store_close(store, NULL), AMZ_OK);
  without_errors(&s);
  ASSERT_I64(ask(&s, "DROP TABLE chunk"), -1);
  ASSERT_I64(ask(&s, "PRAGMA user_version=1"), -1);
  ASSERT_TEXT(rows_text(&s, &(struct amz_row_query){0}, &text), "4");
  CU_ASSERT_FATAL((store = open_tasks(&s, 10)) != NULL);
  ASSERT_I64(put_chunk(store, 5, 2, 0, 0), AMZ_OK);
  ASSERT_I64(amz_store_close(store, NULL), AMZ_OK);
  ASSERT_TEXT(rows_text(&s, &(struct amz_row_query){0}, &text), "4 5/2 6/2");
  amz_buf_clear(&text);
  scratch_remove(&s);
}

/* ---- reductions -------------------------------------------------------------------------------------------------------- */

static uint64_t bits_of(double x)
{
  uint64_t bits;

  memcpy(&bits, &x, sizeof bits);
  return bits;
}

/* What all tasks reduce to when one process adds them in one go. */
static uint64_t all_at_once(uint64_t tasks)
{
  struct amz_buf partials = AMZ_BUF_INIT;
  struct amz_reduced reduced = {0};
  struct amz_reducer *r = NULL;
  uint64_t bits = 0;

  CU_ASSERT_FATAL(add_partials(0, tasks, &partials) == AMZ_OK && amz_reducer_new(&sum_kind, &r) == AMZ_OK);
  ASSERT_I64(amz_reducer_fold(r, partials.data, partials.len), AMZ_OK);
  CU_ASSERT_FATAL(amz_reducer_result(r, &reduced) == AMZ_OK && reduced.n_values == 1);
  bits = bits_of(reduced.values[0].f64);
  amz_reduced_clear(&reduced);
  amz_reducer_free(r);
  amz_buf_clear(&partials);
  return bits;
}

static void reduced_over_launches(void)
{
  const struct amz_reduce_kind other = {AMZ_REDUCE_MAX, AMZ_VALUE_F64, 1};
  struct amz_store_reader *reader = NULL;
  enum amz_reduce op = AMZ_REDUCE_NONE;
  struct amz_reduced reduced;
  struct amz_store *store = NULL;
  struct amz_error err;
  struct scratch s;

  CU_ASSERT_FATAL(run_dir(&s) && (store = open_tasks(&s, 1000)) != NULL);
  ASSERT_I64(amz_store_set_reduce(store, &sum_kind, &err), AMZ_OK);
  ASSERT_I64(put_chunk(store, 0, 5, 0, 0), AMZ_EINVAL); /* partials are missing */
  ASSERT_I64(put_reduced(store, 500, 499, &err), AMZ_OK);
  ASSERT_I64(put_single(store, 999, AMZ_FAILED, 1), AMZ_OK);
  ASSERT_I64(put_reduced(store, 3, 200, &err), AMZ_OK);
  ASSERT_I64(amz_store_close_reduced(store, &reduced, &err), AMZ_OK);
  ASSERT_U64(reduced.tasks, 699);
  amz_reduced_clear(&reduced);
  CU_ASSERT_FATAL((store = open_tasks(&s, 1000)) != NULL);
  ASSERT_I64(amz_store_set_reduce(store, &other, &err), AMZ_EINVAL);
  ASSERT_I64(amz_store_set_reduce(store, &sum_kind, &err), AMZ_OK);
  ASSERT_I64(put_reduced(store, 203, 297, &err), AMZ_OK);
  ASSERT_I64(put_reduced(store, 999, 1, &err), AMZ_OK);
  ASSERT_I64(put_reduced(store, 0, 3, &err), AMZ_OK);
  ASSERT_I64(put_reduced(store, 0, 3, &err), AMZ_OK); /* a second time: as never said */
  ASSERT_I64(amz_store_close_reduced(store, &reduced, &err), AMZ_OK);
  ASSERT_U64(reduced.tasks, 1000);
  CU_ASSERT_FATAL(reduced.n_values == 1);
  ASSERT_U64(bits_of(reduced.values[0].f64), all_at_once(1000));
  amz_reduced_clear(&reduced);
  CU_ASSERT_FATAL(amz_store_reader_new(s.dir, NULL, &reader, NULL) == AMZ_OK);
  ASSERT_I64(amz_store_reader_reduced(reader, &err, &op, &reduced), AMZ_OK);
  ASSERT_U64(op, AMZ_REDUCE_SUM);
  ASSERT_U64(reduced.n_values ? bits_of(reduced.values[0].f64) : 0, all_at_once(1000));
  amz_reduced_clear(&reduced);
  amz_store_reader_free(reader);
  scratch_remove(&s);
}

static void nothing_to_reduce(void)
{
  struct amz_store_reader *reader = NULL;
  enum amz_reduce op = AMZ_REDUCE_SUM;
  struct amz_reduced reduced;
  struct amz_store *store = NULL;
  struct amz_error err;
  struct scratch s;

  CU_ASSERT_FATAL(run_dir(&s) && (store = open_tasks(&s, 10)) != NULL);
  ASSERT_I64(put_chunk(store, 0, 10, 0, 0), AMZ_OK);
  ASSERT_I64(amz_store_close_reduced(store, &reduced, &err), AMZ_OK);
  CU_ASSERT(reduced.values == NULL && reduced.tasks == 0);
  CU_ASSERT_FATAL(amz_store_reader_new(s.dir, NULL, &reader, NULL) == AMZ_OK);
  ASSERT_I64(amz_store_reader_reduced(reader, &err, &op, &reduced), AMZ_OK);
  ASSERT_U64(op, AMZ_REDUCE_NONE);
  amz_store_reader_free(reader);
  ASSERT_I64(amz_store_close_reduced(NULL, &reduced, &err), AMZ_OK);
  scratch_remove(&s);
}

static void damaged_partials(void)
{
  struct amz_store_reader *reader = NULL;
  enum amz_reduce op;
  struct amz_reduced reduced;
  struct amz_store *store = NULL;
  struct amz_error err = {0};
  struct scratch s;

  CU_ASSERT_FATAL(run_dir(&s) && (store = open_tasks(&s, 10)) != NULL);
  ASSERT_I64(amz_store_set_reduce(store, &sum_kind, &err), AMZ_OK);
  ASSERT_I64(put_reduced(store, 4, 3, &err), AMZ_OK);
  ASSERT_I64(amz_store_close(store, &err), AMZ_OK);
  ASSERT_I64(ask(&s, "UPDATE chunk SET partials=x'0102'"), -1);
  CU_ASSERT_FATAL(amz_store_reader_new(s.dir, NULL, &reader, NULL) == AMZ_OK);
  ASSERT_I64(amz_store_reader_reduced(reader, &err, &op, &reduced), AMZ_ECORRUPT);
  CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "tasks from 4 on"));
  amz_store_reader_free(reader);
  scratch_remove(&s);
}

/* ---- death -------------------------------------------------------------------------------------------------------------- */

/* Records what is left in stretches of any size, and says so on the pipe, until killed. */
static void record_until_killed(const struct scratch *s, uint64_t tasks, uint64_t seed, int say)
{
  struct amz_store *store = open_as(s, tasks, OFTEN);
  struct amz_range *left = NULL;
  struct amz_rng rng;
  size_t n = 0;

  amz_rng_seed(&rng, seed);
  if (!store || amz_store_left(store, false, NULL, &left, &n) < 0 || amz_store_set_reduce(store, &sum_kind, NULL) < 0)
    _exit(1);
  for (size_t i = 0; i < n; i++)
    for (uint64_t k = 0, some; k < left[i].count; k += some) {
      some = 1 + amz_rng_below(&rng, left[i].count - k < 20 ? left[i].count - k : 20);
      if (put_reduced(store, left[i].first + k, some, NULL) < 0 || write(say, "+", 1) != 1)
        _exit(2);
    }
  for (;;)
    pause();
}

/* Killed again and again, each time when it has recorded something: in the end each task counts once. */
static void killed_again_and_again(void)
{
  enum { ROUNDS = 10, TASKS = 300000 };
  struct amz_range *left = NULL;
  struct amz_reduced reduced;
  struct amz_store_counts counts;
  struct amz_store *store = NULL;
  struct amz_error err;
  struct amz_rng rng;
  struct scratch s;
  size_t n = 0;

  CU_ASSERT_FATAL(run_dir(&s));
  amz_rng_seed(&rng, 7);
  for (uint64_t round = 0; round < ROUNDS; round++) {
    uint64_t until = 1 + amz_rng_below(&rng, 2000);
    int say[2];
    char c;
    pid_t pid;

    CU_ASSERT_FATAL(pipe(say) == 0);
    pid = fork();
    if (pid == 0)
      record_until_killed(&s, TASKS, round, say[1]);
    close(say[1]);
    for (uint64_t i = 0; i < until && read(say[0], &c, 1) == 1; i++)
      ;
    kill(pid, SIGKILL);
    (void)waitpid(pid, NULL, 0);
    close(say[0]);
  }
  CU_ASSERT_FATAL((store = open_tasks(&s, TASKS)) != NULL);
  ASSERT_I64(amz_store_set_reduce(store, &sum_kind, &err), AMZ_OK);
  CU_ASSERT_FATAL(amz_store_left(store, false, &err, &left, &n) == AMZ_OK);
  for (size_t i = 0; i < n; i++)
    ASSERT_I64(put_reduced(store, left[i].first, left[i].count, &err), AMZ_OK);
  free(left);
  ASSERT_I64(amz_store_close_reduced(store, &reduced, &err), AMZ_OK);
  ASSERT_U64(reduced.tasks, TASKS);
  ASSERT_U64(reduced.n_values ? bits_of(reduced.values[0].f64) : 0, all_at_once(TASKS));
  amz_reduced_clear(&reduced);
  CU_ASSERT_FATAL((store = open_tasks(&s, TASKS)) != NULL);
  ASSERT_I64(amz_store_counts(store, &err, &counts), AMZ_OK);
  ASSERT_U64(counts.succeeded, TASKS);
  ASSERT_I64(amz_store_close(store, &err), AMZ_OK);
  scratch_remove(&s);
}

/* ---- size --------------------------------------------------------------------------------------------------------------- */

static int count_rows(void *ctx, const struct amz_task_row *row)
{
  uint64_t *n = ctx;

  return row->index == *n ? (*n)++ >= 1500000 : -1; /* a million and a half are enough to see that nothing piles up */
}

static void a_hundred_million_tasks(void)
{
  enum { CHUNKS = 10000, EACH = 10000 };
  struct amz_store_reader *reader = NULL;
  struct amz_buf text = AMZ_BUF_INIT;
  struct amz_store *store = NULL;
  char path[SCRATCH_PATH];
  uint64_t n = 0;
  struct scratch s;
  struct stat st;

  CU_ASSERT_FATAL(run_dir(&s) && (store = open_tasks(&s, (uint64_t)CHUNKS * EACH)) != NULL);
  for (uint64_t i = 0; i < CHUNKS; i++) /* none adjoins the one before it in its rank */
    CU_ASSERT(put_chunk(store, (i * 7919 % CHUNKS) * EACH, EACH, (uint32_t)(i * 7919 % CHUNKS % 2), 0) == AMZ_OK);
  ASSERT_I64(amz_store_close(store, NULL), AMZ_OK);
  CU_ASSERT_FATAL(stat(scratch_path(&s, "run.db", path), &st) == 0);
  printf("# run.db of 10^8 tasks in %d stretches: %lld bytes\n", (int)CHUNKS, (long long)st.st_size);
  CU_ASSERT(st.st_size < 2000000);
  CU_ASSERT_FATAL(amz_store_reader_new(s.dir, NULL, &reader, NULL) == AMZ_OK);
  ASSERT_I64(amz_store_reader_rows(reader, &(struct amz_row_query){0}, count_rows, &n, NULL), 1);
  ASSERT_TEXT(rows_text(&s, &(struct amz_row_query){.sort = AMZ_BY_WALL, .limit = 2}, &text), "0/10000 1/10000");
  ASSERT_TEXT(rows_text(&s, &(struct amz_row_query){.failed_only = true}, &text), "");
  ASSERT_TEXT(rows_text(&s, &(struct amz_row_query){.has_index = true, .index = 99999999}, &text), "99999999/10000");
  amz_store_reader_free(reader);
  amz_buf_clear(&text);
  scratch_remove(&s);
}

/* What was queued just now counts, though nothing would be committed before the store is closed. */
static void recorded_by_whom(void)
{
  struct scratch s;
  struct amz_store *store;
  char text[256];

  CU_ASSERT_FATAL(run_dir(&s));
  store = open_tasks(&s, 100);
  CU_ASSERT_FATAL(store != NULL);
  ASSERT_TEXT(by_text(store, 0, 1, text, sizeof text), "");
  ASSERT_I64(put_chunk(store, 10, 10, 1, 0), AMZ_OK);
  ASSERT_I64(put_chunk(store, 30, 5, 0, 0), AMZ_OK);
  ASSERT_I64(put_chunk(store, 20, 5, 1, 1), AMZ_OK);
  ASSERT_I64(put_single(store, 35, AMZ_SUCCEEDED, 1), AMZ_OK);
  ASSERT_I64(put_single(store, 36, AMZ_FAILED, 1), AMZ_OK);
  ASSERT_I64(put_single(store, 37, AMZ_SUCCEEDED, 1), AMZ_OK);
  ASSERT_TEXT(by_text(store, 0, 1, text, sizeof text), "30+6 37+1");
  ASSERT_TEXT(by_text(store, 1, 1, text, sizeof text), "10+15");
  ASSERT_TEXT(by_text(store, 1, 2, text, sizeof text), "");
  ASSERT_TEXT(by_text(store, 2, 1, text, sizeof text), "");
  ASSERT_I64(amz_store_close(store, NULL), AMZ_OK);
  store = open_tasks(&s, 100); /* the next launch knows, too */
  CU_ASSERT_FATAL(store != NULL);
  ASSERT_TEXT(by_text(store, 1, 1, text, sizeof text), "10+15");
  ASSERT_TEXT(by_text(store, 1, 2, text, sizeof text), "");
  ASSERT_I64(amz_store_close(store, NULL), AMZ_OK);
  scratch_remove(&s);
}

/* Where results are kept apart, all successes of a rank are absent as long as its pack is; they can be taken back. */
static void absent_with_their_results(void)
{
  struct amz_store_absent *absent = NULL;
  struct scratch s;
  struct amz_store *store;
  char text[256];
  size_t n = 0;

  CU_ASSERT_FATAL(run_dir(&s));
  store = open_tasks(&s, 40);
  CU_ASSERT_FATAL(store != NULL);
  ASSERT_I64(put_chunk(store, 0, 10, 1, 0), AMZ_OK);
  ASSERT_I64(put_single(store, 20, AMZ_SUCCEEDED, 1), AMZ_OK);
  ASSERT_I64(put_single(store, 21, AMZ_FAILED, 1), AMZ_OK);
  ASSERT_I64(amz_store_close(store, NULL), AMZ_OK);
  store = open_tasks(&s, 40);
  CU_ASSERT_FATAL(store != NULL);
  ASSERT_I64(amz_store_absent(store, false, NULL, &absent, &n), AMZ_OK); /* none of them has anything in a pack */
  ASSERT_U64(n, 0);
  free(absent);
  ASSERT_I64(amz_store_absent(store, true, NULL, &absent, &n), AMZ_OK);
  CU_ASSERT_FATAL(n == 2);
  ASSERT_U64(absent[0].rank, 0);
  ASSERT_U64(absent[0].tasks, 1);
  ASSERT_U64(absent[1].rank, 1);
  ASSERT_U64(absent[1].tasks, 10);
  ASSERT_TEXT(absent[1].node, "n2");
  ASSERT_I64(amz_store_forget(store, true, absent + 1, 1, NULL), AMZ_OK);
  free(absent);
  ASSERT_TEXT(left_text(store, false, text, sizeof text), "0+20 22+18");
  ASSERT_I64(amz_store_close(store, NULL), AMZ_OK);
  scratch_remove(&s);
}

int main(void)
{
  static const struct amz_test tests[] = {
    {"stretches come back task by task", come_back},
    {"a row in full", a_row_in_full},
    {"recorded once", recorded_once},
    {"adjoining ones become one", adjoining_ones_become_one},
    {"refused", refused},
    {"recorded by whom", recorded_by_whom},
    {"absent with their results", absent_with_their_results},
    {"a database of the first version", an_old_database},
    {"a database of the second version", a_database_without_errors},
    {"CPU time is the mean of a stretch", cpu_time_is_the_mean},
    {"reduced over launches", reduced_over_launches},
    {"nothing to reduce", nothing_to_reduce},
    {"damaged partials", damaged_partials},
    {"killed again and again", killed_again_and_again},
    {"a hundred million tasks", a_hundred_million_tasks},
    {NULL, NULL},
  };

  return amz_test_main("chunks", tests, 120);
}
