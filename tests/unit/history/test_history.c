/* The folder of history: runs come back or not at all, many write at once, the oldest go; and what is known is taken from those
 * that agree. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <amorsize/history.h>

#include "../../support/tap.h"
#include "../node/injected.h"
#include "../store/scratch.h"

static const int64_t NOW = 1764000000;

struct place {
  struct scratch scratch;
  char dir[SCRATCH_PATH];
  struct amz_history *history;
};

static void open_at(struct place *p, const char *dir)
{
  struct pair variables[] = {{"AMORSIZE_HISTORY_DIR", dir}, {NULL, NULL}};
  struct amz_environment env = injected_environment(variables);

  CU_ASSERT_FATAL(amz_history_open(&env, NULL, &p->history) == AMZ_OK);
}

static void place_make(struct place *p)
{
  CU_ASSERT_FATAL(scratch_make(&p->scratch));
  open_at(p, scratch_path(&p->scratch, "deep/er/history", p->dir));
}

static void place_remove(struct place *p)
{
  amz_history_free(p->history);
  scratch_remove(&p->scratch);
}

/* A key that ends with a number, and its id, which needn't be its digest. */
static struct amz_history_key key_of(unsigned n)
{
  struct amz_history_key key = {.text = malloc(64)};

  CU_ASSERT_FATAL(key.text != NULL);
  (void)snprintf(key.text, 64, "key\nnumber %u\n", n);
  (void)snprintf(key.id, sizeof key.id, "%016x", n);
  return key;
}

enum { TASKS = 100 };

/* A run of ten tasks seen, each of `task_s`. */
static struct amz_history_run run_of(double task_s, int64_t ended_s)
{
  struct amz_history_run r = {.costs = {.job = strdup("sim"), .host = strdup("n1"), .tasks = TASKS, .slots = 4, .threads = 1,
    .n = 10},
    .outcome = {.run_dir = strdup("/here/sim.runs/001"), .policy = strdup("adaptive"), .version = strdup("0.1"),
                .ended_s = ended_s, .succeeded = TASKS,
                .this_launch = TASKS, .launches = 1, .ranks = 1, .slots = 4, .threads = 1, .predicted_s = 24,
                .predicted_low_s = 20,
                .predicted_high_s = 30, .predicted_from = AMZ_SAMPLED, .makespan_s = task_s * TASKS / 4, .total_s = 27.5,
                .efficiency = 0.97,
                .task_mean_s = task_s, .task_max_s = 2 * task_s}};

  r.costs.seen = calloc(10, sizeof *r.costs.seen);
  CU_ASSERT_FATAL(r.costs.job && r.costs.host && r.outcome.run_dir && r.outcome.policy && r.outcome.version && r.costs.seen);
  for (size_t i = 0; i < 10; i++)
    r.costs.seen[i] = (struct amz_observation){.index = 10 * i, .weight = (double)i, .threads = 1, .busy = 4,
                                               .wall_s = task_s * (1 + 0.001 * (double)i),
                                               .cpu_s = task_s, .rss_bytes = 1 << 20, .out_bytes = 17};
  return r;
}

static int add(const struct place *p, unsigned n, uint64_t run_id, double task_s, int64_t ended_s, struct amz_error *err)
{
  struct amz_history_key key = key_of(n);
  struct amz_history_run run = run_of(task_s, ended_s);
  int rc = amz_history_add(p->history, &key, run_id, &run, err);

  amz_history_run_clear(&run);
  amz_history_key_clear(&key);
  return rc;
}

/* How many runs what is known comes from, and the mean of its times. */
static size_t known(const struct place *p, unsigned n, double *ret_mean_s)
{
  struct amz_history_key key = key_of(n);
  struct amz_history_known k;
  struct amz_workload w;
  size_t runs = 0;
  int rc = amz_history_find(p->history, &key, TASKS, &k, NULL);

  if (rc == AMZ_OK) {
    runs = k.runs;
    CU_ASSERT_FATAL(amz_history_fit(&k, TASKS, 0.95, &w) == AMZ_OK);
    ASSERT_U64(w.mean_s.source, AMZ_HISTORY);
    CU_ASSERT(w.apart);
    if (ret_mean_s)
      *ret_mean_s = w.mean_s.value;
    amz_workload_clear(&w);
    amz_history_known_clear(&k);
  } else {
    ASSERT_I64(rc, AMZ_ENOENT);
  }
  amz_history_key_clear(&key);
  return runs;
}

/* "0000…1/ended ", run by run. */
struct listing {
  char text[8192];
  unsigned n;
};

static int see(void *ctx, const struct amz_history_row *row)
{
  struct listing *l = ctx;
  size_t n = strlen(l->text);

  l->n++;
  (void)snprintf(l->text + n, sizeof l->text - n, "%s/%lld ", row->id + 14, (long long)(row->run->outcome.ended_s - NOW));
  return 0;
}

static struct listing list(const struct place *p)
{
  struct listing l = {.n = 0};

  ASSERT_I64(amz_history_list(p->history, see, &l, NULL), AMZ_OK);
  return l;
}

static void is_where_the_environment_says(void)
{
  static const struct {
    const char *row;
    struct pair variables[4];
    const char *dir; /* NULL: nowhere */
  } rows[] = {
    {"our own variable wins", {{"AMORSIZE_HISTORY_DIR", "/a"}, {"XDG_STATE_HOME", "/x"}, {"HOME", "/h"}}, "/a"},
    {"our own may be relative", {{"AMORSIZE_HISTORY_DIR", "a/b"}}, "a/b"},
    {"an empty one counts for nothing", {{"AMORSIZE_HISTORY_DIR", ""}, {"XDG_STATE_HOME", "/x"}}, "/x/amorsize-mpi/history"},
    {"XDG before HOME", {{"XDG_STATE_HOME", "/x"}, {"HOME", "/h"}}, "/x/amorsize-mpi/history"},
    {"a relative XDG counts for nothing", {{"XDG_STATE_HOME", "x"}, {"HOME", "/h"}}, "/h/.local/state/amorsize-mpi/history"},
    {"nothing", {{NULL, NULL}}, NULL},
  };

  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    struct amz_environment env = injected_environment(rows[i].variables);
    struct amz_history *h = NULL;
    struct amz_error err = {0};

    ASSERT_ROW_I64(rows[i].row, amz_history_open(&env, &err, &h), rows[i].dir ? AMZ_OK : AMZ_EENV);
    if (rows[i].dir)
      ASSERT_ROW_TEXT(rows[i].row, amz_history_dir(h), rows[i].dir);
    else
      CU_ASSERT(strstr(err.text, "AMORSIZE_HISTORY_DIR") != NULL);
    amz_history_free(h);
  }
}

/* ---- a run as text --------------------------------------------------------------------------------------------------------- */

static void a_run_survives_its_text(void)
{
  struct amz_history_run run = run_of(1.25, NOW), back;
  struct amz_buf text = AMZ_BUF_INIT;

  run.costs.gap_s = (struct amz_quantity){0.001, 0.0005, 0.002, 9, AMZ_SAMPLED};
  run.costs.seen[3].failed = true;
  run.outcome.predicted_high_s = -1;
  ASSERT_I64(amz_history_run_json(&run, &text), AMZ_OK);
  ASSERT_I64(amz_history_run_parse(text.data, text.len, NULL, &back), AMZ_OK);
  ASSERT_TEXT(back.costs.job, "sim");
  ASSERT_TEXT(back.outcome.run_dir, "/here/sim.runs/001");
  ASSERT_I64(back.outcome.ended_s, NOW);
  ASSERT_U64(back.costs.n, 10);
  ASSERT_U64(back.costs.tasks, TASKS);
  ASSERT_U64(back.outcome.slots, 4);
  ASSERT_U64(back.outcome.predicted_from, AMZ_SAMPLED);
  CU_ASSERT(back.outcome.predicted_s == 24 && back.outcome.predicted_low_s == 20 && back.outcome.predicted_high_s < 0);
  CU_ASSERT(back.costs.gap_s.value == 0.001 && back.costs.gap_s.source == AMZ_HISTORY && back.costs.gap_s.n == 9);
  CU_ASSERT(back.costs.seen[3].failed && !back.costs.seen[4].failed);
  CU_ASSERT_DOUBLE_EQUAL(back.costs.seen[9].wall_s, 1.25 * 1.009, 1e-8);
  ASSERT_U64(back.costs.seen[9].out_bytes, 17);
  amz_history_run_clear(&back);
  amz_history_run_clear(&run);
  amz_buf_clear(&text);
}

/* The text of a run with one piece of it exchanged. */
static int parse_changed(const char *from, const char *to, struct amz_error *err)
{
  struct amz_history_run run = run_of(1, NOW), back = {.costs = {.n = 0}};
  struct amz_buf text = AMZ_BUF_INIT, changed = AMZ_BUF_INIT;
  const char *at;
  int rc;

  CU_ASSERT_FATAL(amz_history_run_json(&run, &text) == AMZ_OK);
  at = strstr(text.data, from);
  CU_ASSERT_FATAL(at != NULL);
  amz_buf_add(&changed, text.data, (size_t)(at - text.data));
  amz_buf_adds(&changed, to);
  amz_buf_adds(&changed, at + strlen(from));
  rc = amz_history_run_parse(amz_buf_text(&changed), changed.len, err, &back);
  if (rc == AMZ_OK)
    amz_history_run_clear(&back);
  amz_history_run_clear(&run);
  amz_buf_clear(&text);
  amz_buf_clear(&changed);
  return rc;
}

static void text_is_not_believed(void)
{
  static const struct {
    const char *row, *from, *to, *named;
  } rows[] = {
    {"another version", "\"format\":1", "\"format\":2", "format"},
    {"no JSON", "{", "[", "line 1"},
    {"a key is missing", "\"slots\"", "\"slits\"", "slots"},
    {"a count that is none", "\"launches\":1", "\"launches\":-1", "launches"},
    {"a count that is too large", "\"ranks\":1", "\"ranks\":4294967296", "ranks"},
    {"a text that is none", "\"policy\":\"adaptive\"", "\"policy\":3", "policy"},
    {"a negative time", "\"total_s\":27.5", "\"total_s\":-27.5", "total_s"},
    {"a row that is too short", "[0,", "[", "observations[0]"},
    {"no threads", "[0,0.0,1,", "[0,0.0,0,", "observations[0]"},
    {"rows that are none", "\"observations\":[", "\"observations\":0,\"x\":[", "observations"},
  };

  ASSERT_I64(parse_changed("{", "{", NULL), AMZ_OK);
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    struct amz_error err = {0};

    ASSERT_ROW_I64(rows[i].row, parse_changed(rows[i].from, rows[i].to, &err), AMZ_EINVAL);
    if (!strstr(err.text, rows[i].named))
      ASSERT_ROW_TEXT(rows[i].row, err.text, rows[i].named);
  }
}

/* ---- the folder ------------------------------------------------------------------------------------------------------------ */

static void what_is_added_is_found(void)
{
  struct place p;
  struct stat st;
  double mean_s = 0;

  place_make(&p);
  ASSERT_U64(known(&p, 1, NULL), 0); /* no folder yet */
  ASSERT_TEXT(list(&p).text, "");
  ASSERT_I64(add(&p, 1, 7, 1.0, NOW, NULL), AMZ_OK);
  ASSERT_I64(add(&p, 1, 8, 1.1, NOW + 5, NULL), AMZ_OK);
  ASSERT_I64(add(&p, 2, 7, 5.0, NOW + 6, NULL), AMZ_OK);
  ASSERT_U64(known(&p, 1, &mean_s), 2);
  CU_ASSERT_DOUBLE_EQUAL(mean_s, 1.05, 0.01);
  ASSERT_U64(known(&p, 2, &mean_s), 1);
  CU_ASSERT_DOUBLE_EQUAL(mean_s, 5, 0.05);
  ASSERT_U64(known(&p, 3, NULL), 0);
  ASSERT_TEXT(list(&p).text, "01/0 01/5 02/6 ");
  CU_ASSERT(stat(p.dir, &st) == 0 && (st.st_mode & 077) == 0); /* nobody else's business */
  place_remove(&p);
}

static void earlier_runs_count_as_far_as_they_agree(void)
{
  struct place p;
  double mean_s = 0;

  place_make(&p);
  ASSERT_I64(add(&p, 1, 1, 1.0, NOW, NULL), AMZ_OK);
  ASSERT_I64(add(&p, 1, 2, 9.0, NOW + 1, NULL), AMZ_OK); /* a busy day */
  ASSERT_I64(add(&p, 1, 3, 1.1, NOW + 2, NULL), AMZ_OK);
  ASSERT_U64(known(&p, 1, &mean_s), 2);
  CU_ASSERT_DOUBLE_EQUAL(mean_s, 1.05, 0.01);
  ASSERT_I64(add(&p, 1, 4, 9.0, NOW + 3, NULL), AMZ_OK); /* now it is so */
  ASSERT_U64(known(&p, 1, &mean_s), 2);
  CU_ASSERT_DOUBLE_EQUAL(mean_s, 9, 0.1);
  place_remove(&p);
}

/* A run of four slots, then one whose sample ran on four and whose plan opened many more: what both did on four is compared. */
static void runs_that_opened_slots_are_compared_too(void)
{
  struct amz_history_key key = key_of(1);
  struct amz_history_run run = run_of(9.0, NOW + 1);
  struct place p;
  double mean_s = 0;

  for (size_t i = run.costs.n / 2; i < run.costs.n; i++)
    run.costs.seen[i].busy = 64;
  place_make(&p);
  ASSERT_I64(add(&p, 1, 1, 1.0, NOW, NULL), AMZ_OK);
  ASSERT_I64(amz_history_add(p.history, &key, 2, &run, NULL), AMZ_OK);
  ASSERT_U64(known(&p, 1, &mean_s), 1);
  CU_ASSERT_DOUBLE_EQUAL(mean_s, 9, 0.1);
  amz_history_run_clear(&run);
  amz_history_key_clear(&key);
  place_remove(&p);
}

static void a_run_that_goes_on_replaces_what_it_said(void)
{
  struct place p;

  place_make(&p);
  ASSERT_I64(add(&p, 1, 1, 1, NOW, NULL), AMZ_OK);
  ASSERT_I64(add(&p, 1, 2, 1, NOW + 1, NULL), AMZ_OK);
  ASSERT_I64(add(&p, 1, 1, 1, NOW + 2, NULL), AMZ_OK);
  ASSERT_TEXT(list(&p).text, "01/1 01/2 ");
  place_remove(&p);
}

static void the_oldest_are_dropped_whatever_clocks_say(void)
{
  struct place p;
  struct listing l;

  place_make(&p);
  for (int i = 0; i < AMZ_HISTORY_RUNS + 5; i++) /* each ended before the one before */
    ASSERT_I64(add(&p, 1, (uint64_t)i, 1, NOW - i, NULL), AMZ_OK);
  l = list(&p);
  ASSERT_U64(l.n, AMZ_HISTORY_RUNS);
  CU_ASSERT(strncmp(l.text, "01/-5 01/-6 ", 12) == 0);
  place_remove(&p);
}

/* A file of a time to come, as of a host whose clock was wrong. */
static void a_clock_that_was_ahead_loses_nothing(void)
{
  struct place p;
  char from[2 * SCRATCH_PATH], to[2 * SCRATCH_PATH], command[4 * SCRATCH_PATH + 64];

  place_make(&p);
  ASSERT_I64(add(&p, 1, 1, 1, NOW, NULL), AMZ_OK);
  (void)snprintf(from, sizeof from, "%s/0000000000000001/*-0000000000000001", p.dir);
  (void)snprintf(to, sizeof to, "%s/0000000000000001/fffffffffffffff0-0000000000000001", p.dir);
  (void)snprintf(command, sizeof command, "mv %s %s", from, to);
  CU_ASSERT_FATAL(system(command) == 0);
  for (int i = 2; i < 40; i++) /* until there is no later time */
    ASSERT_I64(add(&p, 1, (uint64_t)i, 1, NOW + i, NULL), AMZ_OK);
  ASSERT_U64(list(&p).n, AMZ_HISTORY_RUNS);
  ASSERT_U64(known(&p, 1, NULL), AMZ_HISTORY_RUNS);
  place_remove(&p);
}

static void jobs_that_waited_longest_are_dropped(void)
{
  struct place p;

  place_make(&p);
  for (unsigned i = 1; i <= AMZ_HISTORY_JOBS; i++)
    ASSERT_I64(add(&p, i, 1, 1, NOW, NULL), AMZ_OK);
  ASSERT_I64(add(&p, 1, 2, 1, NOW, NULL), AMZ_OK); /* the first is in use again */
  ASSERT_U64(list(&p).n, AMZ_HISTORY_JOBS + 1);
  ASSERT_I64(add(&p, 1000, 1, 1, NOW, NULL), AMZ_OK);
  ASSERT_U64(list(&p).n, AMZ_HISTORY_JOBS + 1);
  ASSERT_U64(known(&p, 1, NULL), 2);
  ASSERT_U64(known(&p, 2, NULL), 0);
  ASSERT_U64(known(&p, 1000, NULL), 1);
  place_remove(&p);
}

/* The path of the only run of job 1. */
static void path_of_run(const struct place *p, char path[2 * SCRATCH_PATH])
{
  char command[2 * SCRATCH_PATH + 16];
  FILE *f;

  (void)snprintf(command, sizeof command, "ls -d %s/0000000000000001/*", p->dir);
  f = popen(command, "r");
  CU_ASSERT_FATAL(f && fgets(path, 2 * SCRATCH_PATH, f));
  CU_ASSERT(pclose(f) == 0);
  path[strcspn(path, "\n")] = '\0';
}

static void what_is_damaged_is_not_there(void)
{
  struct place p;
  char path[2 * SCRATCH_PATH];
  struct stat st;
  FILE *f;

  place_make(&p);
  ASSERT_I64(add(&p, 1, 1, 1, NOW, NULL), AMZ_OK);
  path_of_run(&p, path);
  CU_ASSERT_FATAL(stat(path, &st) == 0);
  f = fopen(path, "r+");
  CU_ASSERT_FATAL(f && fseek(f, st.st_size / 2, SEEK_SET) == 0 && fputc('\1', f) == 1 && fclose(f) == 0);
  ASSERT_U64(known(&p, 1, NULL), 0);
  for (off_t n = st.st_size - 1; n >= 0; n -= 97) {
    CU_ASSERT(truncate(path, n) == 0);
    ASSERT_U64(known(&p, 1, NULL), 0);
  }
  ASSERT_TEXT(list(&p).text, "");
  ASSERT_I64(add(&p, 1, 2, 1, NOW, NULL), AMZ_OK);
  ASSERT_U64(known(&p, 1, NULL), 1);
  place_remove(&p);
}

/* Two keys of one digest share a folder and are kept apart. */
static void the_whole_key_counts(void)
{
  struct place p;
  struct amz_history_key other = key_of(1);
  struct amz_history_run run = run_of(3, NOW);
  double mean_s = 0;

  place_make(&p);
  other.text[0] = 'K';
  ASSERT_I64(add(&p, 1, 1, 1, NOW, NULL), AMZ_OK);
  ASSERT_I64(amz_history_add(p.history, &other, 2, &run, NULL), AMZ_OK);
  ASSERT_U64(known(&p, 1, &mean_s), 1);
  CU_ASSERT_DOUBLE_EQUAL(mean_s, 1, 0.01);
  amz_history_run_clear(&run);
  amz_history_key_clear(&other);
  place_remove(&p);
}

static bool is_job(void *ctx, const char *id)
{
  return strcmp(id, ctx) == 0;
}

static void are_removed(void)
{
  struct place p;
  char path[2 * SCRATCH_PATH], id[] = "0000000000000001";
  uint64_t removed = 99;

  place_make(&p);
  ASSERT_I64(amz_history_remove(p.history, NULL, NULL, &removed, NULL), AMZ_OK);
  ASSERT_U64(removed, 0);
  ASSERT_I64(add(&p, 1, 1, 1, NOW, NULL), AMZ_OK);
  ASSERT_I64(add(&p, 2, 1, 1, NOW, NULL), AMZ_OK);
  ASSERT_I64(add(&p, 2, 2, 1, NOW, NULL), AMZ_OK);
  path_of_run(&p, path);
  CU_ASSERT(truncate(path, 9) == 0); /* damaged ones, too */
  ASSERT_I64(amz_history_remove(p.history, is_job, id, &removed, NULL), AMZ_OK);
  ASSERT_U64(removed, 1);
  *strrchr(path, '/') = '\0';
  CU_ASSERT(access(path, F_OK) < 0);
  ASSERT_U64(list(&p).n, 2);
  ASSERT_I64(amz_history_remove(p.history, NULL, NULL, &removed, NULL), AMZ_OK);
  ASSERT_U64(removed, 2);
  place_remove(&p);
}

static void an_unwritable_place_is_told(void)
{
  struct place p;
  struct amz_error err = {0};

  CU_ASSERT_FATAL(scratch_make(&p.scratch));
  open_at(&p, "/proc/amorsize/history"); /* where even root makes nothing */
  ASSERT_I64(add(&p, 1, 1, 1, NOW, &err), AMZ_EIO);
  CU_ASSERT(strstr(err.text, "/proc/amorsize: cannot be made") != NULL);
  ASSERT_U64(known(&p, 1, NULL), 0);
  place_remove(&p);
}

/* Eight processes add runs of one job and of their own, some clear: whoever looks sees whole runs. */
static int hammer(const struct place *p, unsigned me)
{
  uint64_t removed;

  for (unsigned i = 0; i < 25; i++) {
    struct listing l = {.n = 0};
    char id[AMZ_HISTORY_ID];

    (void)snprintf(id, sizeof id, "%016x", 50);
    if (add(p, 1, me * 100 + i, 1, NOW, NULL) < 0 || add(p, 50, me, 1, NOW, NULL) < 0 ||
        (i < 15 && add(p, 100 + me, i, 1, NOW, NULL) < 0))
      return 1;
    if (amz_history_remove(p->history, is_job, id, &removed, NULL) < 0 || amz_history_list(p->history, see, &l, NULL) < 0)
      return 2;
  }
  return 0;
}

static void many_use_it_at_once(void)
{
  struct place p;
  pid_t pids[8];
  int status, failed = 0;

  place_make(&p);
  for (unsigned i = 0; i < 8; i++) {
    pids[i] = fork();
    CU_ASSERT_FATAL(pids[i] >= 0);
    if (pids[i] == 0)
      _exit(hammer(&p, i));
  }
  for (int i = 0; i < 8; i++) {
    CU_ASSERT_FATAL(waitpid(pids[i], &status, 0) == pids[i]);
    failed += status != 0;
  }
  ASSERT_I64(failed, 0);
  for (unsigned i = 0; i < 8; i++)
    ASSERT_U64(known(&p, 100 + i, NULL), 15); /* nothing was lost */
  ASSERT_I64(add(&p, 1, 12345, 1, NOW, NULL), AMZ_OK);
  ASSERT_U64(known(&p, 1, NULL), AMZ_HISTORY_RUNS);
  place_remove(&p);
}

/* What only samples see outlives the runs that start from history. */
static void how_threads_scale_is_kept(void)
{
  struct place p;
  struct amz_history_key key = key_of(1);
  struct amz_history_run sampled = run_of(1, NOW);
  struct amz_history_known k;
  struct amz_workload w;

  place_make(&p);
  for (size_t i = 5; i < 10; i++) {
    sampled.costs.seen[i].threads = 2;
    sampled.costs.seen[i].wall_s = 0.55; /* f = 0.1 */
  }
  ASSERT_I64(amz_history_add(p.history, &key, 1, &sampled, NULL), AMZ_OK);
  for (uint64_t i = 2; i < 10; i++)
    ASSERT_I64(add(&p, 1, i, 1, NOW, NULL), AMZ_OK);
  CU_ASSERT_FATAL(amz_history_find(p.history, &key, 1000 * TASKS, &k, NULL) == AMZ_OK);
  ASSERT_U64(k.costs.seen[9].index, 90 * 1000); /* the same place in a longer list */
  CU_ASSERT_FATAL(amz_history_fit(&k, TASKS, 0.95, &w) == AMZ_OK);
  ASSERT_U64(w.serial.source, AMZ_HISTORY);
  CU_ASSERT_DOUBLE_EQUAL(w.serial.value, 0.1, 0.02);
  amz_workload_clear(&w);
  amz_history_known_clear(&k);
  amz_history_run_clear(&sampled);
  amz_history_key_clear(&key);
  place_remove(&p);
}

/* Runs of 24 s that were predicted to take 24 s teach less than those that took 25: with five of them, 2.015 · 1/24. One that
 * went on in a second launch, or was not predicted, teaches nothing. */
static void predictions_teach_the_unforeseen(void)
{
  struct amz_history_key key = key_of(1);
  struct place p;
  struct amz_history_known k;
  struct amz_history_run other = run_of(1, NOW);

  place_make(&p);
  for (uint64_t i = 1; i <= 4; i++)
    ASSERT_I64(add(&p, 1, i, 1, NOW, NULL), AMZ_OK);
  other.outcome.launches = 2;
  ASSERT_I64(amz_history_add(p.history, &key, 5, &other, NULL), AMZ_OK);
  other.outcome.launches = 1;
  other.outcome.predicted_s = other.outcome.predicted_low_s = other.outcome.predicted_high_s = -1;
  other.outcome.predicted_from = AMZ_UNKNOWN;
  ASSERT_I64(amz_history_add(p.history, &key, 6, &other, NULL), AMZ_OK);
  CU_ASSERT_FATAL(amz_history_find(p.history, &key, TASKS, &k, NULL) == AMZ_OK);
  ASSERT_I64(k.unforeseen.source, AMZ_UNKNOWN);
  amz_history_known_clear(&k);
  ASSERT_I64(add(&p, 1, 7, 1, NOW, NULL), AMZ_OK);
  CU_ASSERT_FATAL(amz_history_find(p.history, &key, TASKS, &k, NULL) == AMZ_OK);
  ASSERT_I64(k.unforeseen.source, AMZ_HISTORY);
  ASSERT_U64(k.unforeseen.n, 5);
  CU_ASSERT_DOUBLE_EQUAL(k.unforeseen.value, 2.015 / 24, 1e-4);
  amz_history_known_clear(&k);
  amz_history_run_clear(&other);
  amz_history_key_clear(&key);
  place_remove(&p);
}

int main(void)
{
  static const struct amz_test tests[] = {
    {"is where the environment says", is_where_the_environment_says},
    {"a run survives its text", a_run_survives_its_text},
    {"text is not believed", text_is_not_believed},
    {"what is added is found", what_is_added_is_found},
    {"earlier runs count as far as they agree", earlier_runs_count_as_far_as_they_agree},
    {"runs that opened slots are compared, too", runs_that_opened_slots_are_compared_too},
    {"a run that goes on replaces what it said", a_run_that_goes_on_replaces_what_it_said},
    {"the oldest are dropped, whatever clocks say", the_oldest_are_dropped_whatever_clocks_say},
    {"a clock that was ahead loses nothing", a_clock_that_was_ahead_loses_nothing},
    {"jobs that waited longest are dropped", jobs_that_waited_longest_are_dropped},
    {"what is damaged is not there", what_is_damaged_is_not_there},
    {"the whole key counts", the_whole_key_counts},
    {"are removed", are_removed},
    {"an unwritable place is told", an_unwritable_place_is_told},
    {"many use it at once", many_use_it_at_once},
    {"how threads scale is kept", how_threads_scale_is_kept},
    {"predictions teach the unforeseen", predictions_teach_the_unforeseen},
    {NULL, NULL},
  };

  return amz_test_main("history", tests, 0);
}
