/* The run's database: recorded exactly once, whatever dies in between. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>

#include <amorsize/pack.h>
#include <amorsize/rng.h>
#include <amorsize/store.h>

#include "../../support/tap.h"
#include "scratch.h"

#define BASE_NS INT64_C(1700000000000000000)
#define COMMIT_NS INT64_C(20000000)

/* ---- helpers ----------------------------------------------------------------------------------------------------------- */

static bool run_dir(struct scratch *s)
{
  char path[SCRATCH_PATH];

  return scratch_make(s) && mkdir(scratch_path(s, "out", path), 0700) == 0;
}

static struct amz_store *open_tasks(const struct scratch *s, uint64_t tasks, uint32_t retries, struct amz_lease *lease)
{
  struct amz_store_config config = {.dir = s->dir, .commit_ns = COMMIT_NS, .retries = retries, .lease = lease};
  struct amz_store *store = NULL;
  struct amz_error err = {0};

  if (amz_store_open(&config, tasks, &err, &store) < 0)
    printf("# %s\n", err.text);
  return store;
}

static struct amz_record record_of(uint64_t index, enum amz_outcome outcome, uint32_t epoch)
{
  struct amz_record r = {.rank = 0, .epoch = epoch, .final = true, .node = "n1"};

  r.result = (struct amz_result){.position = index, .attempt = 1, .outcome = outcome,
    .start_ns = BASE_NS + (int64_t)index * 1000000000, .wall_ns = 1500000000, .cpu_ns = 250000000,
    .max_rss_bytes = 4096, .output_bytes = 7};
  return r;
}

static int put(struct amz_store *store, uint64_t index, enum amz_outcome outcome)
{
  struct amz_record r = record_of(index, outcome, amz_store_epoch(store));

  return amz_store_record(store, &r, 1, NULL);
}

/* The next event, waited for: some come with the looks at files that the thread takes now and then. \return its kind; 0 after a
 * minute. */
static int wait_event(struct amz_store *store, struct amz_store_event *ret)
{
  struct pollfd p = {.fd = amz_store_fd(store), .events = POLLIN};

  while (amz_store_next(store, ret) == 0)
    if (poll(&p, 1, 60000) <= 0)
      return 0;
  return (int)ret->kind;
}

/* "[first,count)…" of what is left. */
static const char *left_text(struct amz_store *store, bool retry_failed, char *text, size_t n)
{
  struct amz_range *ranges = NULL;
  size_t count = 0, at = 0;

  text[0] = '\0';
  if (amz_store_left(store, retry_failed, NULL, &ranges, &count) < 0)
    return "error";
  for (size_t i = 0; i < count && at < n; i++)
    at += (size_t)snprintf(text + at, n - at, "%s%llu+%llu", i ? " " : "", (unsigned long long)ranges[i].first,
                           (unsigned long long)ranges[i].count);
  free(ranges);
  return text;
}

/* A task's end in a pack, with a little output. */
static int pack_task(struct amz_pack_writer *w, uint64_t index, uint32_t attempt, enum amz_outcome outcome,
                     struct amz_result *ret)
{
  struct amz_pack_end end = {.stdout_bytes = 5};
  struct amz_pack_tail tail = {{"hello", NULL}, {5, 0}};
  uint64_t link = 0;
  int rc;

  end.result = record_of(index, outcome, 0).result;
  end.result.attempt = attempt;
  rc = amz_pack_finish(w, &end, &tail, &link);
  if (ret)
    *ret = end.result;
  return rc;
}

static int make_pack(const struct scratch *s, uint32_t rank, uint32_t epoch, struct amz_pack_writer *ret)
{
  char *path = NULL;
  int rc = amz_rundir_pack_path(s->dir, rank, epoch, &path);

  rc = rc < 0 ? rc : amz_pack_create(path, rank, epoch, NULL, ret);
  free(path);
  return rc;
}

static int count_rows(void *ctx, const struct amz_task_row *row)
{
  (void)row;
  ++*(uint64_t *)ctx;
  return 0;
}

static bool there(const struct scratch *s, const char *name)
{
  char path[SCRATCH_PATH];

  return access(scratch_path(s, name, path), F_OK) == 0;
}

/* ---- what was synced, in its sequence: our own store and SQLite call these ------------------------------------------------- */

#define SYNCED_MAX 64
static char synced[SYNCED_MAX][64];
static atomic_size_t n_synced;

static void note_synced(int fd)
{
  size_t at = atomic_fetch_add(&n_synced, 1);
  char link[64], path[SCRATCH_PATH];
  ssize_t n;

  (void)snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  n = readlink(link, path, sizeof path - 1);
  if (n <= 0 || at >= SYNCED_MAX)
    return;
  path[n] = '\0';
  (void)snprintf(synced[at], sizeof synced[at], "%s", strrchr(path, '/') + 1);
}

int fsync(int fd)
{
  note_synced(fd);
  return (int)syscall(SYS_fsync, fd);
}

int fdatasync(int fd)
{
  note_synced(fd);
  return (int)syscall(SYS_fdatasync, fd);
}

/* \return the number of the first sync of a name from `from` on; SYNCED_MAX: there is none. */
static size_t sync_of(const char *name, size_t from)
{
  size_t n = atomic_load(&n_synced);

  for (; from < n && from < SYNCED_MAX; from++)
    if (strcmp(synced[from], name) == 0)
      return from;
  return SYNCED_MAX;
}

/* ---- recording ----------------------------------------------------------------------------------------------------------- */

static void records_come_back(void)
{
  struct scratch s;
  struct amz_store *store = NULL;
  struct amz_store_counts counts;
  char text[256];

  CU_ASSERT_FATAL(run_dir(&s) && (store = open_tasks(&s, 10, 0, NULL)) != NULL);
  ASSERT_U64(amz_store_epoch(store), 1);
  ASSERT_TEXT(left_text(store, false, text, sizeof text), "0+10");
  CU_ASSERT(put(store, 3, AMZ_SUCCEEDED) == AMZ_OK && put(store, 4, AMZ_FAILED) == AMZ_OK);
  CU_ASSERT(put(store, 9, AMZ_SKIPPED) == AMZ_OK && put(store, 0, AMZ_TIMED_OUT) == AMZ_OK);
  ASSERT_I64(amz_store_close(store, NULL), AMZ_OK);
  CU_ASSERT(!there(&s, "run.db-wal") && !there(&s, "snapshot.db"));
  CU_ASSERT_FATAL((store = open_tasks(&s, 10, 0, NULL)) != NULL);
  ASSERT_U64(amz_store_epoch(store), 2);
  ASSERT_TEXT(left_text(store, false, text, sizeof text), "1+2 5+4");
  ASSERT_TEXT(left_text(store, true, text, sizeof text), "0+3 4+5");
  ASSERT_I64(amz_store_counts(store, NULL, &counts), AMZ_OK);
  ASSERT_U64(counts.succeeded, 1);
  ASSERT_U64(counts.failed, 2);
  ASSERT_U64(counts.skipped, 1);
  ASSERT_I64(amz_store_close(store, NULL), AMZ_OK);
  ASSERT_I64(amz_store_close(NULL, NULL), AMZ_OK);
  scratch_remove(&s);
}

static int first_row(void *ctx, const struct amz_task_row *row)
{
  struct amz_task_row *ret = ctx;

  *ret = *row;
  ret->node = strcmp(row->node, "n1") == 0 ? "n1" : "?";
  return 7;
}

static void duplicates_are_ignored(void)
{
  struct scratch s;
  struct amz_store *store = NULL;
  struct amz_store_reader *reader = NULL;
  struct amz_task_row row;
  struct amz_row_query query = {.has_index = true, .index = 1};
  uint64_t n = 0;

  CU_ASSERT_FATAL(run_dir(&s) && (store = open_tasks(&s, 3, 0, NULL)) != NULL);
  CU_ASSERT(put(store, 1, AMZ_FAILED) == AMZ_OK && put(store, 1, AMZ_SUCCEEDED) == AMZ_OK);
  ASSERT_I64(amz_store_close(store, NULL), AMZ_OK);
  CU_ASSERT_FATAL(amz_store_reader_new(s.dir, NULL, &reader, NULL) == AMZ_OK);
  ASSERT_I64(amz_store_reader_rows(reader, &query, first_row, &row, NULL), 7);
  ASSERT_I64(row.outcome, AMZ_FAILED);
  amz_store_reader_free(reader);
  /* a later launch that was asked to retry failed tasks does replace it, once; not a success */
  CU_ASSERT_FATAL((store = open_tasks(&s, 3, 0, NULL)) != NULL);
  CU_ASSERT(put(store, 1, AMZ_SUCCEEDED) == AMZ_OK && put(store, 1, AMZ_FAILED) == AMZ_OK);
  ASSERT_I64(amz_store_close(store, NULL), AMZ_OK);
  CU_ASSERT_FATAL((store = open_tasks(&s, 3, 0, NULL)) != NULL);
  CU_ASSERT(put(store, 1, AMZ_FAILED) == AMZ_OK);
  ASSERT_I64(amz_store_close(store, NULL), AMZ_OK);
  CU_ASSERT_FATAL(amz_store_reader_new(s.dir, NULL, &reader, NULL) == AMZ_OK);
  ASSERT_I64(amz_store_reader_rows(reader, &query, first_row, &row, NULL), 7);
  ASSERT_I64(row.outcome, AMZ_SUCCEEDED);
  ASSERT_U64(row.epoch, 2);
  query.has_index = false;
  ASSERT_I64(amz_store_reader_rows(reader, &query, count_rows, &n, NULL), AMZ_OK);
  ASSERT_U64(n, 1);
  amz_store_reader_free(reader);
  scratch_remove(&s);
}

static void wrong_records_are_refused(void)
{
  static const struct {
    const char *what;
    uint64_t index;
    enum amz_outcome outcome;
    uint32_t epoch, rank;
  } rows[] = {
    {"an index beyond the job", 3, AMZ_SUCCEEDED, 1, 0},
    {"a negative index", UINT64_MAX, AMZ_SUCCEEDED, 1, 0},
    {"no outcome", 0, AMZ_CANCELLED, 1, 0},
    {"another launch", 0, AMZ_SUCCEEDED, 2, 0},
    {"an impossible rank", 0, AMZ_SUCCEEDED, 1, UINT32_MAX},
  };
  struct scratch s;
  struct amz_store *store = NULL;
  struct amz_error err;
  struct amz_store_config config;
  char text[64];

  CU_ASSERT_FATAL(run_dir(&s) && (store = open_tasks(&s, 3, 0, NULL)) != NULL);
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    struct amz_record r = record_of(rows[i].index, rows[i].outcome, rows[i].epoch);

    r.rank = rows[i].rank;
    ASSERT_ROW_I64(rows[i].what, amz_store_record(store, &r, 1, NULL), AMZ_EINVAL);
  }
  ASSERT_I64(amz_store_close(store, NULL), AMZ_OK);
  config = (struct amz_store_config){.dir = s.dir};
  ASSERT_I64(amz_store_open(&config, 4, &err, &store), AMZ_EINVAL);
  CU_ASSERT(strstr(err.text, "has 3 tasks, but the job now has 4") != NULL);
  config.dir = "/nonexistent";
  ASSERT_I64(amz_store_open(&config, 4, &err, &store), AMZ_EIO);
  CU_ASSERT(strstr(err.text, "not a run directory") != NULL);
  CU_ASSERT_FATAL((store = open_tasks(&s, 3, 0, NULL)) != NULL);
  ASSERT_TEXT(left_text(store, false, text, sizeof text), "0+3");
  ASSERT_I64(amz_store_close(store, NULL), AMZ_OK);
  scratch_remove(&s);
}

/* ---- reading ------------------------------------------------------------------------------------------------------------- */

struct listing {
  char text[256];
};

static int list_row(void *ctx, const struct amz_task_row *row)
{
  struct listing *l = ctx;
  size_t at = strlen(l->text);

  (void)snprintf(l->text + at, sizeof l->text - at, "%s%llu", at ? " " : "", (unsigned long long)row->index);
  return 0;
}

static void rows_are_sorted_and_filtered(void)
{
  static const struct {
    const char *what;
    struct amz_row_query query;
    const char *expected;
  } rows[] = {
    {"all", {.sort = AMZ_BY_INDEX}, "1 2 3 5"},
    {"longest first", {.sort = AMZ_BY_WALL}, "3 1 5 2"},
    {"longest two", {.sort = AMZ_BY_WALL, .limit = 2}, "3 1"},
    {"as they started", {.sort = AMZ_BY_START}, "5 3 2 1"},
    {"failed", {.failed_only = true}, "2 5"},
    {"failed, longest", {.failed_only = true, .sort = AMZ_BY_WALL, .limit = 1}, "5"},
    {"one", {.has_index = true, .index = 3}, "3"},
    {"one without an outcome", {.has_index = true, .index = 4}, ""},
    {"one beyond all", {.has_index = true, .index = UINT64_MAX}, ""},
    {"one, but not failed", {.has_index = true, .index = 3, .failed_only = true}, ""},
  };
  static const struct {
    uint64_t index;
    enum amz_outcome outcome;
    int64_t start_s, wall_s;
  } tasks[] = {{1, AMZ_SUCCEEDED, 40, 5}, {2, AMZ_FAILED, 30, 1}, {3, AMZ_SUCCEEDED, 20, 9}, {5, AMZ_TIMED_OUT, 10, 3}};
  struct scratch s;
  struct amz_store *store = NULL;
  struct amz_store_reader *reader = NULL;
  struct amz_task_row row;
  double as_of_s = 1;

  CU_ASSERT_FATAL(run_dir(&s) && (store = open_tasks(&s, 6, 0, NULL)) != NULL);
  for (size_t i = 0; i < sizeof tasks / sizeof *tasks; i++) {
    struct amz_record r = record_of(tasks[i].index, tasks[i].outcome, 1);

    r.result.start_ns = BASE_NS + tasks[i].start_s * 1000000000;
    r.result.wall_ns = tasks[i].wall_s * 1000000000;
    r.result.slot = 4;
    r.result.exit_code = -1;
    r.result.signal = 9;
    r.result.attempt = 2;
    r.rank = 3;
    CU_ASSERT(amz_store_record(store, &r, 1, NULL) == AMZ_OK);
  }
  ASSERT_I64(amz_store_close(store, NULL), AMZ_OK);
  CU_ASSERT_FATAL(amz_store_reader_new(s.dir, NULL, &reader, &as_of_s) == AMZ_OK);
  CU_ASSERT(as_of_s == 0);
  ASSERT_U64(amz_store_reader_tasks(reader), 6);
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    struct listing l = {""};

    ASSERT_ROW_I64(rows[i].what, amz_store_reader_rows(reader, &rows[i].query, list_row, &l, NULL), AMZ_OK);
    ASSERT_ROW_TEXT(rows[i].what, l.text, rows[i].expected);
  }
  ASSERT_I64(amz_store_reader_rows(reader, &rows[0].query, first_row, &row, NULL), 7);
  ASSERT_I64(row.exit_code, -1);
  ASSERT_I64(row.signal, 9);
  ASSERT_U64(row.attempts, 2);
  ASSERT_TEXT(row.node, "n1");
  ASSERT_U64(row.rank, 3);
  ASSERT_U64(row.slot, 4);
  ASSERT_U64(row.epoch, 1);
  CU_ASSERT(row.start_s > 29.999 && row.start_s < 30.001); /* task 5 started first, 30 s before task 1 */
  CU_ASSERT(row.wall_s > 4.999 && row.wall_s < 5.001);
  CU_ASSERT(row.cpu_s > 0.2499 && row.cpu_s < 0.2501);
  ASSERT_U64(row.max_rss_bytes, 4096);
  ASSERT_U64(row.output_bytes, 7);
  ASSERT_U64(row.pack_offset, 0);
  amz_store_reader_free(reader);
  amz_store_reader_free(NULL);
  scratch_remove(&s);
}

/* A reader of a live run keeps off run.db: it sees what was published. */
static void a_live_run_is_read_from_its_snapshot(void)
{
  struct scratch s;
  struct amz_store *store = NULL;
  struct amz_lease *lease = NULL;
  struct amz_store_reader *reader = NULL;
  struct amz_store_counts counts = {0, 0, 0};
  struct amz_error err;
  struct timespec nap = {0, 50000000};
  double as_of_s = -1;

  CU_ASSERT_FATAL(run_dir(&s) && amz_lease_take(s.dir, NULL, &lease) == AMZ_OK);
  CU_ASSERT_FATAL((store = open_tasks(&s, 5, 0, lease)) != NULL);
  ASSERT_I64(amz_store_reader_new(s.dir, &err, &reader, &as_of_s), AMZ_EBUSY);
  CU_ASSERT(strstr(err.text, "published nothing yet") != NULL);
  CU_ASSERT(put(store, 2, AMZ_SUCCEEDED) == AMZ_OK && put(store, 3, AMZ_FAILED) == AMZ_OK);
  for (int i = 0; i < 600 && amz_store_reader_new(s.dir, &err, &reader, &as_of_s) == AMZ_EBUSY; i++)
    nanosleep(&nap, NULL); /* publishing is the thread's own doing, without an event to wait for */
  CU_ASSERT_FATAL(reader != NULL);
  CU_ASSERT(as_of_s >= 0 && as_of_s < 30);
  ASSERT_I64(amz_store_reader_counts(reader, NULL, &counts), AMZ_OK);
  ASSERT_U64(counts.succeeded, 1);
  ASSERT_U64(counts.failed, 1);
  amz_store_reader_free(reader);
  ASSERT_I64(amz_store_close(store, NULL), AMZ_OK);
  amz_lease_release(lease);
  CU_ASSERT(!there(&s, "snapshot.db") && !there(&s, ".snapshot.db"));
  CU_ASSERT(amz_store_reader_new(s.dir, &err, &reader, &as_of_s) == AMZ_OK && as_of_s == 0);
  amz_store_reader_free(reader);
  scratch_remove(&s);
}

static void what_is_no_run_is_told(void)
{
  struct scratch s;
  char path[SCRATCH_PATH];
  struct amz_store_reader *reader = NULL;
  struct amz_error err;
  FILE *f;

  CU_ASSERT_FATAL(run_dir(&s));
  ASSERT_I64(amz_store_reader_new(s.dir, &err, &reader, NULL), AMZ_ENOENT);
  CU_ASSERT(strstr(err.text, "amorsize-mpi resume") != NULL);
  f = fopen(scratch_path(&s, "run.db", path), "w");
  CU_ASSERT_FATAL(f != NULL);
  for (int i = 0; i < 1000; i++)
    fputs("no database ", f);
  fclose(f);
  ASSERT_I64(amz_store_reader_new(s.dir, &err, &reader, NULL), AMZ_ECORRUPT);
  CU_ASSERT(strstr(err.text, path) != NULL);
  CU_ASSERT(truncate(path, 0) == 0);
  CU_ASSERT(amz_store_reader_new(s.dir, &err, &reader, NULL) < 0);
  scratch_remove(&s);
}

/* ---- packs --------------------------------------------------------------------------------------------------------------- */

static int keep_node(void *ctx, const struct amz_task_row *row)
{
  (void)snprintf(ctx, 65, "%s", row->node ? row->node : "NULL");
  return 1;
}

/* What the packs of dead launches hold is taken over by the rules; damaged outputs and cancelled attempts are run again. */
static void packs_are_taken_over(void)
{
  struct scratch s;
  struct amz_store *store = NULL;
  struct amz_store_counts counts;
  struct amz_pack_writer w;
  struct amz_result damaged;
  struct amz_store_reader *reader = NULL;
  char text[256], host[65] = "";
  static const struct {
    const char *what;
    uint64_t index;
    bool known;
  } nodes[] = {{"the pack says its node", 0, true}, {"the pack's header is lost", 6, false}};

  CU_ASSERT_FATAL(run_dir(&s) && make_pack(&s, 0, 1, &w) == AMZ_OK);
  CU_ASSERT(pack_task(&w, 0, 1, AMZ_SUCCEEDED, NULL) == AMZ_OK);
  CU_ASSERT(pack_task(&w, 1, 1, AMZ_FAILED, NULL) == AMZ_OK);     /* to be tried again */
  CU_ASSERT(pack_task(&w, 2, 3, AMZ_FAILED, NULL) == AMZ_OK);     /* its last attempt */
  CU_ASSERT(pack_task(&w, 3, 1, AMZ_CANCELLED, NULL) == AMZ_OK);
  CU_ASSERT(pack_task(&w, 4, 3, AMZ_TIMED_OUT, NULL) == AMZ_OK);
  CU_ASSERT(pack_task(&w, 5, 1, AMZ_SUCCEEDED, &damaged) == AMZ_OK);
  CU_ASSERT(pwrite(w.fd, "?", 1, (off_t)damaged.pack_offset - 1) == 1);
  CU_ASSERT(pack_task(&w, 99, 1, AMZ_SUCCEEDED, NULL) == AMZ_OK); /* of no such task */
  amz_pack_close(&w);
  CU_ASSERT_FATAL(make_pack(&s, 4, 6, &w) == AMZ_OK);
  CU_ASSERT(pack_task(&w, 6, 1, AMZ_SUCCEEDED, NULL) == AMZ_OK);
  CU_ASSERT(pack_task(&w, 2, 1, AMZ_SUCCEEDED, NULL) == AMZ_OK);  /* a later launch retried it */
  CU_ASSERT(pwrite(w.fd, "garbage", 7, 0) == 7);                  /* the header alone is lost */
  amz_pack_close(&w);
  CU_ASSERT_FATAL((store = open_tasks(&s, 8, 2, NULL)) != NULL);
  ASSERT_U64(amz_store_epoch(store), 7);
  ASSERT_TEXT(left_text(store, false, text, sizeof text), "1+1 3+1 5+1 7+1");
  ASSERT_I64(amz_store_counts(store, NULL, &counts), AMZ_OK);
  ASSERT_U64(counts.succeeded, 3);
  ASSERT_U64(counts.failed, 1);
  ASSERT_I64(amz_store_close(store, NULL), AMZ_OK);
  CU_ASSERT_FATAL(gethostname(host, 64) == 0 && amz_store_reader_new(s.dir, NULL, &reader, NULL) == AMZ_OK);
  for (size_t i = 0; i < sizeof nodes / sizeof *nodes; i++) {
    struct amz_row_query query = {.has_index = true, .index = nodes[i].index};

    ASSERT_I64(amz_store_reader_rows(reader, &query, keep_node, text, NULL), 1);
    ASSERT_ROW_TEXT(nodes[i].what, text, nodes[i].known ? host : "");
  }
  amz_store_reader_free(reader);
  scratch_remove(&s);
}

static void zero_block(const char *path, off_t at)
{
  static const char zeros[4096];
  int fd = open(path, O_WRONLY);

  CU_ASSERT(fd >= 0 && pwrite(fd, zeros, sizeof zeros, at) == (ssize_t)sizeof zeros);
  close(fd);
}

/* Lost, emptied, zeroed, with a hole: the packs make it again, and what was found wrong is kept aside. */
static void a_lost_database_is_rebuilt(void)
{
  enum damage { DELETED, EMPTIED, ZEROS, HOLE };
  static const struct {
    const char *what;
    enum damage damage;
  } rows[] = {{"deleted", DELETED}, {"emptied", EMPTIED}, {"nothing but zeros", ZEROS}, {"a hole in the middle", HOLE}};
  enum { TASKS = 5000 };

  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    struct scratch s;
    char path[SCRATCH_PATH], text[256];
    struct amz_store *store = NULL;
    struct amz_pack_writer w;

    CU_ASSERT_FATAL(run_dir(&s) && make_pack(&s, 0, 1, &w) == AMZ_OK && (store = open_tasks(&s, TASKS + 1, 0, NULL)) != NULL);
    ASSERT_U64(amz_store_epoch(store), 2);
    for (uint64_t k = 0; k < TASKS; k++)
      CU_ASSERT(pack_task(&w, k, 1, AMZ_SUCCEEDED, NULL) == AMZ_OK);
    amz_pack_close(&w);
    ASSERT_I64(amz_store_close(store, NULL), AMZ_OK);
    CU_ASSERT_FATAL((store = open_tasks(&s, TASKS + 1, 0, NULL)) != NULL);
    ASSERT_I64(amz_store_close(store, NULL), AMZ_OK);
    scratch_path(&s, "run.db", path);
    if (rows[i].damage == DELETED)
      CU_ASSERT(unlink(path) == 0);
    if (rows[i].damage == EMPTIED)
      CU_ASSERT(truncate(path, 0) == 0);
    if (rows[i].damage == ZEROS)
      CU_ASSERT(truncate(path, 0) == 0 && truncate(path, 50000) == 0);
    if (rows[i].damage == HOLE)
      zero_block(path, 20 * 4096);
    store = open_tasks(&s, TASKS + 1, 0, NULL);
    CU_ASSERT_FATAL(store != NULL);
    ASSERT_ROW_TEXT(rows[i].what, left_text(store, false, text, sizeof text), "5000+1");
    ASSERT_ROW_I64(rows[i].what, there(&s, "run.db.damaged-1"), rows[i].damage >= ZEROS);
    ASSERT_I64(amz_store_close(store, NULL), AMZ_OK);
    scratch_remove(&s);
  }
}

/* ---- events -------------------------------------------------------------------------------------------------------------- */

static void syncs_are_told(void)
{
  struct scratch s;
  char path[SCRATCH_PATH];
  struct amz_store *store = NULL;
  struct amz_store_event event;
  struct amz_pack_writer w;
  uint64_t sum = 0;

  CU_ASSERT_FATAL(run_dir(&s) && (store = open_tasks(&s, 3, 0, NULL)) != NULL && make_pack(&s, 0, 1, &w) == AMZ_OK);
  scratch_path(&s, "out/r00000-e0001.pack", path);
  for (uint64_t i = 1; i <= 100; i++)
    CU_ASSERT(amz_store_sync(store, path, i, NULL) == AMZ_OK);
  for (uint64_t i = 1; i <= 100; i++) {
    ASSERT_I64(wait_event(store, &event), AMZ_STORE_SYNCED);
    sum += event.token;
  }
  ASSERT_U64(sum, 5050);
  ASSERT_I64(amz_store_next(store, &event), 0);
  /* what can't be synced ends it, once, and closing doesn't hang */
  CU_ASSERT(put(store, 1, AMZ_SUCCEEDED) == AMZ_OK);
  CU_ASSERT(amz_store_sync(store, "/nonexistent/pack", 7, NULL) == AMZ_OK);
  ASSERT_I64(wait_event(store, &event), AMZ_STORE_FAILED);
  CU_ASSERT(strstr(event.err.text, "/nonexistent/pack") && strstr(event.err.text, "amorsize-mpi resume"));
  ASSERT_I64(amz_store_sync(store, path, 8, NULL), AMZ_EIO);
  ASSERT_I64(put(store, 2, AMZ_SUCCEEDED), AMZ_EIO);
  ASSERT_I64(amz_store_next(store, &event), 0);
  ASSERT_I64(amz_store_close(store, NULL), AMZ_EIO);
  amz_pack_close(&w);
  scratch_remove(&s);
}

static void stop_is_told_once(void)
{
  struct scratch s;
  struct amz_store *store = NULL;
  struct amz_store_event event;

  CU_ASSERT_FATAL(run_dir(&s));
  CU_ASSERT(amz_rundir_write(s.dir, "stop", "", 0, false, NULL) == AMZ_OK); /* of an earlier launch: not ours */
  CU_ASSERT_FATAL((store = open_tasks(&s, 3, 0, NULL)) != NULL);
  CU_ASSERT(!there(&s, "stop"));
  CU_ASSERT(amz_rundir_write(s.dir, "stop", "SIGUSR1\n", 8, false, NULL) == AMZ_OK);
  ASSERT_I64(wait_event(store, &event), AMZ_STORE_STOP);
  ASSERT_I64(event.token, 0);
  CU_ASSERT_STRING_EQUAL(event.why, "SIGUSR1");
  ASSERT_I64(amz_store_next(store, &event), 0);
  CU_ASSERT(amz_rundir_write(s.dir, "stop", "now", 3, false, NULL) == AMZ_OK);
  ASSERT_I64(wait_event(store, &event), AMZ_STORE_STOP);
  ASSERT_I64(event.token, 1);
  CU_ASSERT_STRING_EQUAL(event.why, "");
  CU_ASSERT(amz_store_status(store, "{}", 2, NULL) == AMZ_OK);
  ASSERT_I64(amz_store_close(store, NULL), AMZ_OK);
  CU_ASSERT(there(&s, "status.json"));
  scratch_remove(&s);
}

static void losing_the_lease_ends_it(void)
{
  struct scratch s;
  char path[SCRATCH_PATH];
  struct amz_store *store = NULL;
  struct amz_lease *lease = NULL;
  struct amz_store_event event;

  CU_ASSERT_FATAL(run_dir(&s) && amz_lease_take(s.dir, NULL, &lease) == AMZ_OK);
  CU_ASSERT_FATAL((store = open_tasks(&s, 3, 0, lease)) != NULL);
  CU_ASSERT(unlink(scratch_path(&s, "lease", path)) == 0);
  ASSERT_I64(wait_event(store, &event), AMZ_STORE_FAILED);
  ASSERT_I64(event.err.code, AMZ_EBUSY);
  ASSERT_I64(amz_store_close(store, NULL), AMZ_EIO);
  amz_lease_release(lease);
  scratch_remove(&s);
}

/* No room for the database: told once, naming the file; what was committed before is there afterwards. In a child, for the
 * limit's sake. */
static int record_until_full(const struct scratch *s)
{
  struct rlimit limit = {200000, 200000};
  struct amz_store *store = open_tasks(s, 1000000, 0, NULL);
  struct amz_store_event event = {0};
  struct timespec nap = {0, 2 * COMMIT_NS};

  if (!store || signal(SIGXFSZ, SIG_IGN) == SIG_ERR || put(store, 999999, AMZ_SUCCEEDED) < 0)
    return 1;
  nanosleep(&nap, NULL); /* into a commit of its own; were it late, the test would be easier, not wrong */
  if (setrlimit(RLIMIT_FSIZE, &limit) < 0)
    return 2;
  for (uint64_t i = 0; i < 70000 && put(store, i, AMZ_SUCCEEDED) == AMZ_OK; i++)
    continue;
  if (wait_event(store, &event) != AMZ_STORE_FAILED || !strstr(event.err.text, "run.db") || !strstr(event.err.text, "resume"))
    return 3;
  if (amz_store_next(store, &event) != 0 || amz_store_close(store, &event.err) != AMZ_EIO)
    return 4;
  return 0;
}

static void no_room_is_told(void)
{
  struct scratch s;
  struct amz_store *store = NULL;
  struct amz_range *left = NULL;
  size_t n = 0;
  int status = -1;
  pid_t pid;

  CU_ASSERT_FATAL(run_dir(&s));
  pid = fork();
  if (pid == 0)
    _exit(record_until_full(&s));
  CU_ASSERT(waitpid(pid, &status, 0) == pid);
  ASSERT_I64(WIFEXITED(status) ? WEXITSTATUS(status) : -1, 0);
  CU_ASSERT_FATAL((store = open_tasks(&s, 1000000, 0, NULL)) != NULL);
  CU_ASSERT(!there(&s, "run.db.damaged-1"));
  CU_ASSERT_FATAL(amz_store_left(store, false, NULL, &left, &n) == AMZ_OK && n > 0);
  ASSERT_U64(left[n - 1].first + left[n - 1].count, 999999);
  free(left);
  ASSERT_I64(amz_store_close(store, NULL), AMZ_OK);
  scratch_remove(&s);
}

/* ---- death --------------------------------------------------------------------------------------------------------------- */

/* Records what it packs, and says so on the pipe when it has been handed over, until killed. */
static void record_until_killed(const struct scratch *s, uint64_t tasks, int say)
{
  struct amz_store *store = open_tasks(s, tasks, 0, NULL);
  struct amz_range *left = NULL;
  struct amz_pack_writer w;
  size_t n = 0;

  if (!store || make_pack(s, 0, amz_store_epoch(store), &w) < 0 || amz_store_left(store, false, NULL, &left, &n) < 0)
    _exit(1);
  for (size_t i = 0; i < n; i++)
    for (uint64_t k = 0; k < left[i].count; k++) {
      struct amz_record r = record_of(left[i].first + k, AMZ_SUCCEEDED, amz_store_epoch(store));

      if (pack_task(&w, r.result.position, 1, AMZ_SUCCEEDED, &r.result) < 0 || amz_store_record(store, &r, 1, NULL) < 0 ||
          write(say, &r.result.position, sizeof r.result.position) != (ssize_t)sizeof r.result.position)
        _exit(2);
    }
  for (;;)
    pause();
}

/* Killed at random moments, again and again: nothing that was packed is lost or recorded twice, no task is run that has its
 * outcome. */
static void killed_at_random_moments(void)
{
  enum { ROUNDS = 12, TASKS = 200000 };
  struct scratch s;
  struct amz_rng rng;
  bool *packed = calloc(TASKS, sizeof *packed);
  uint64_t n_packed = 0, index;
  struct amz_store *store = NULL;
  struct amz_range *left = NULL;
  size_t n = 0;

  CU_ASSERT_FATAL(run_dir(&s) && packed != NULL);
  amz_rng_seed(&rng, 42);
  for (int round = 0; round < ROUNDS; round++) {
    struct timespec nap = {0, (long)amz_rng_below(&rng, 60000000)};
    int say[2];
    pid_t pid;

    CU_ASSERT_FATAL(pipe(say) == 0);
    pid = fork();
    if (pid == 0)
      record_until_killed(&s, TASKS, say[1]);
    close(say[1]);
    nanosleep(&nap, NULL);
    if (round % 3 == 2) /* while it works on the store surely */
      for (int i = 0; i < 500 && read(say[0], &index, sizeof index) == (ssize_t)sizeof index; i++) {
        CU_ASSERT(index < TASKS && !packed[index]);
        packed[index] = true;
      }
    kill(pid, SIGKILL);
    (void)waitpid(pid, NULL, 0);
    while (read(say[0], &index, sizeof index) == (ssize_t)sizeof index) {
      CU_ASSERT_FATAL(index < TASKS);
      CU_ASSERT(!packed[index]);
      packed[index] = true;
    }
    close(say[0]);
  }
  CU_ASSERT_FATAL((store = open_tasks(&s, TASKS, 0, NULL)) != NULL);
  CU_ASSERT(!there(&s, "run.db.damaged-1"));
  CU_ASSERT_FATAL(amz_store_left(store, false, NULL, &left, &n) == AMZ_OK);
  for (size_t i = 0; i < n; i++)
    for (uint64_t k = 0; k < left[i].count; k++)
      CU_ASSERT(!packed[left[i].first + k]);
  for (uint64_t i = 0; i < TASKS; i++)
    n_packed += packed[i];
  CU_ASSERT(n_packed >= 2000);
  ASSERT_I64(amz_store_close(store, NULL), AMZ_OK);
  free(left);
  free(packed);
  scratch_remove(&s);
}

/* Before anybody resumes it, a killed run can be read with what its writer left beside the database, and reading changes
 * nothing. */
static void a_killed_run_can_be_read(void)
{
  struct scratch s;
  struct amz_store_reader *reader = NULL;
  struct amz_store_counts counts = {0, 0, 0};
  struct amz_error err;
  struct stat before = {0}, after = {0};
  char path[SCRATCH_PATH];
  int status = -1;
  pid_t pid;

  CU_ASSERT_FATAL(run_dir(&s));
  pid = fork();
  if (pid == 0) {
    struct amz_store *store = open_tasks(&s, 50, 0, NULL);
    struct timespec nap = {0, 10000000};

    for (uint64_t i = 0; i < 20; i++)
      if (!store || put(store, i, AMZ_SUCCEEDED) < 0)
        _exit(1);
    do /* until the commit has reached the WAL behind the schema's */
      nanosleep(&nap, NULL);
    while (stat(scratch_path(&s, "run.db-wal", path), &after) < 0 || after.st_mtim.tv_sec == 0);
    for (int i = 0; i < 300; i++) /* and the rows', which nobody tells of: due 20 ms after the first */
      nanosleep(&nap, NULL);
    kill(getpid(), SIGKILL);
  }
  CU_ASSERT(waitpid(pid, &status, 0) == pid && WIFSIGNALED(status));
  CU_ASSERT_FATAL(there(&s, "run.db-wal") && stat(scratch_path(&s, "run.db-wal", path), &before) == 0);
  for (int as_nobody = 0; as_nobody < 2; as_nobody++) {
    if (as_nobody && (getuid() != 0 || chmod(s.dir, 0755) < 0 || seteuid(65534) < 0))
      break; /* a reader who may not write there */
    CU_ASSERT(amz_store_reader_new(s.dir, &err, &reader, NULL) == AMZ_OK);
    if (!reader) {
      printf("# %s\n", err.text);
    } else {
      ASSERT_I64(amz_store_reader_counts(reader, NULL, &counts), AMZ_OK);
      ASSERT_U64(counts.succeeded, 20);
    }
    amz_store_reader_free(reader);
    reader = NULL;
  }
  CU_ASSERT(seteuid(getuid()) == 0);
  CU_ASSERT(stat(path, &after) == 0 && after.st_size == before.st_size && after.st_mtim.tv_nsec == before.st_mtim.tv_nsec);
  scratch_remove(&s);
}

/* ---- size ---------------------------------------------------------------------------------------------------------------- */

static void a_million_rows_are_small(void)
{
  enum { TASKS = 1000000, BATCH = 1000 };
  static struct amz_record batch[BATCH];
  struct scratch s;
  char path[SCRATCH_PATH];
  struct amz_store *store = NULL;
  struct stat st = {0};
  struct amz_rng rng;
  struct amz_store_counts counts = {0, 0, 0};

  CU_ASSERT_FATAL(run_dir(&s) && (store = open_tasks(&s, TASKS, 0, NULL)) != NULL);
  amz_rng_seed(&rng, 1);
  for (uint64_t i = 0; i < TASKS; i++) {
    struct amz_record *r = &batch[i % BATCH];

    *r = record_of(i / 1000 * 1000 + i * 7919 % 1000, AMZ_SUCCEEDED, 1); /* each index once, as ranks report: nearly in order */
    r->rank = (uint32_t)(i % 64);
    r->result.slot = (uint32_t)(i % 48);
    r->result.start_ns = BASE_NS + (int64_t)amz_rng_below(&rng, 1u << 30) * 1000;
    r->result.wall_ns = (int64_t)amz_rng_below(&rng, 1u << 31);
    r->result.cpu_ns = (int64_t)amz_rng_below(&rng, 1u << 31);
    r->result.max_rss_bytes = 4096 * amz_rng_below(&rng, 1u << 16);
    r->result.seq = i + 1;
    r->result.pack_offset = i * 300;
    if (i % BATCH == BATCH - 1)
      CU_ASSERT(amz_store_record(store, batch, BATCH, NULL) == AMZ_OK);
  }
  ASSERT_I64(amz_store_close(store, NULL), AMZ_OK);
  CU_ASSERT(stat(scratch_path(&s, "run.db", path), &st) == 0 && st.st_size < 90000000);
  printf("# run.db of a million tasks: %lld bytes\n", (long long)st.st_size);
  CU_ASSERT_FATAL((store = open_tasks(&s, TASKS, 0, NULL)) != NULL);
  ASSERT_I64(amz_store_counts(store, NULL, &counts), AMZ_OK);
  ASSERT_U64(counts.succeeded, TASKS);
  ASSERT_I64(amz_store_close(store, NULL), AMZ_OK);
  scratch_remove(&s);
}

static struct amz_store *open_settling(const struct scratch *s, const char *settle)
{
  struct amz_store_config config = {.dir = s->dir, .commit_ns = COMMIT_NS, .settle = settle};
  struct amz_store *store = NULL;

  return amz_store_open(&config, 10, NULL, &store) == AMZ_OK ? store : NULL;
}

static bool put_file(const struct scratch *s, const char *name)
{
  char path[SCRATCH_PATH];
  int fd = open(scratch_path(s, name, path), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

  return fd >= 0 && close(fd) == 0;
}

/* Before the first records are durable, all that they need is; and what is recorded last is durable when the store is closed. */
static void what_records_rely_on_is_synced_first(void)
{
  struct scratch s;
  struct amz_store *store = NULL;
  const char *dir;
  size_t wal, records;

  CU_ASSERT_FATAL(run_dir(&s) && put_file(&s, "inputs"));
  dir = strrchr(s.dir, '/') + 1;
  atomic_store(&n_synced, 0);
  CU_ASSERT_FATAL((store = open_settling(&s, "inputs")) != NULL);
  CU_ASSERT(put(store, 1, AMZ_SUCCEEDED) == AMZ_OK);
  for (int i = 0; i < 500 && sync_of("run.db-wal", 0) == SYNCED_MAX; i++)
    (void)poll(NULL, 0, 10);
  wal = sync_of("run.db-wal", 0);
  CU_ASSERT(wal < SYNCED_MAX);
  CU_ASSERT(sync_of("inputs", 0) < wal && sync_of("run.db", 0) < wal && sync_of(dir, 0) < wal);
  records = atomic_load(&n_synced);
  CU_ASSERT(put(store, 2, AMZ_SUCCEEDED) == AMZ_OK);
  ASSERT_I64(amz_store_close(store, NULL), AMZ_OK);
  wal = sync_of("run.db-wal", records);
  CU_ASSERT(wal < SYNCED_MAX && sync_of("run.db", wal) < SYNCED_MAX);
  scratch_remove(&s);
}

static void what_cannot_be_synced_ends_it(void)
{
  struct scratch s;
  struct amz_store *store = NULL;
  struct amz_store_event event;
  char path[SCRATCH_PATH];

  CU_ASSERT_FATAL(run_dir(&s) && (store = open_settling(&s, "inputs")) != NULL); /* there is no such file */
  ASSERT_I64(wait_event(store, &event), AMZ_STORE_FAILED);
  CU_ASSERT(strstr(event.err.text, "inputs") != NULL);
  ASSERT_I64(put(store, 1, AMZ_SUCCEEDED), AMZ_EIO);
  ASSERT_I64(amz_store_close(store, NULL), AMZ_EIO);
  scratch_remove(&s);
  CU_ASSERT_FATAL(run_dir(&s) && (store = open_settling(&s, NULL)) != NULL);
  ASSERT_I64(amz_store_expect(store, scratch_path(&s, "out/r00000-e0001.pack", path), NULL), AMZ_OK); /* nor such a pack */
  ASSERT_I64(wait_event(store, &event), AMZ_STORE_FAILED);
  ASSERT_I64(amz_store_close(store, NULL), AMZ_EIO);
  scratch_remove(&s);
}

int main(void)
{
  static const struct amz_test tests[] = {
    {"records come back", records_come_back},
    {"duplicates are ignored", duplicates_are_ignored},
    {"wrong records are refused", wrong_records_are_refused},
    {"rows are sorted and filtered", rows_are_sorted_and_filtered},
    {"a live run is read from its snapshot", a_live_run_is_read_from_its_snapshot},
    {"what is no run is told", what_is_no_run_is_told},
    {"packs are taken over", packs_are_taken_over},
    {"a lost database is rebuilt", a_lost_database_is_rebuilt},
    {"syncs are told", syncs_are_told},
    {"what records rely on is synced first", what_records_rely_on_is_synced_first},
    {"what cannot be synced ends it", what_cannot_be_synced_ends_it},
    {"stop is told once", stop_is_told_once},
    {"losing the lease ends it", losing_the_lease_ends_it},
    {"no room is told", no_room_is_told},
    {"killed at random moments", killed_at_random_moments},
    {"a killed run can be read", a_killed_run_can_be_read},
    {"a million rows are small", a_million_rows_are_small},
    {NULL, NULL},
  };

  return amz_test_main("store", tests, 0);
}
