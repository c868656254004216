/* Trial launches with launchers made for the purpose, put first in PATH under the names that the MPI we were built with may have:
 * what they print is understood, and none of them outlives the trial. Process starts through the real helper. No time is
 * judged. */
#include <errno.h>
#include <limits.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <amorsize/exec.h>

#include "../../../src/measure/costs.h"
#include "../../../src/measure/text.h"
#include "../../../src/measure/trial.h"
#include "../../support/tap.h"

static char bin[PATH_MAX]; /* where the launchers stand */

static const char *const names[] = {"mpirun.openmpi", "mpiexec.mpich"};

static void remove_launchers(void)
{
  char path[PATH_MAX + 32];

  for (size_t i = 0; i < 2; i++) {
    (void)snprintf(path, sizeof path, "%s/%s", bin, names[i]);
    (void)unlink(path);
  }
}

/* Both are the same script. */
static void make_launchers(const char *script)
{
  char path[PATH_MAX + 32];

  remove_launchers();
  for (size_t i = 0; i < 2; i++) {
    FILE *f;

    (void)snprintf(path, sizeof path, "%s/%s", bin, names[i]);
    f = fopen(path, "w");
    CU_ASSERT_FATAL(f != NULL);
    (void)fprintf(f, "#!/bin/sh\n%s\n", script);
    CU_ASSERT_FATAL(fclose(f) == 0 && chmod(path, 0700) == 0);
  }
}

static int try(const char *script, int64_t timeout_ns, const struct amz_measure_observer *observer, struct amz_trial_result *ret)
{
  struct amz_allocation none = {.n_nodes = 0};
  struct amz_trial trial = {.allocation = &none, .spread = {.ranks = 2, .nodes = 1, .per_node = 2}, .mode = AMZ_MEASURE_DEFAULT,
                            .program = "/bin/true",
                            .timeout_ns = timeout_ns, .observer = observer};
  struct amz_error err = {0};

  make_launchers(script);
  return amz_trial_run(&trial, ret, &err);
}

#define LONG_NS INT64_C(60000000000)

static void test_lines(void)
{
  static const struct {
    const char *what, *script;
    bool ready, done;
    uint32_t chunks; /* observations told of a chunk */
    const char *said;
  } rows[] = {
    {"all in order", "echo 'amorsize-mpi: ready'; echo 'amorsize-mpi: cost chunk 3 2 1 3'; echo 'amorsize-mpi: measured'", true,
     true, 3, ""},
    {"ready alone", "echo 'amorsize-mpi: ready'", true, false, 0, ""},
    {"a launcher that prattles", "echo hello; echo 'amorsize-mpi: ready'; echo world >&2; echo 'amorsize-mpi: measured'", true,
     true, 0, "world"},
    {"one that fails", "echo 'cannot find host n7' >&2; exit 1", false, false, 0, "cannot find host n7"},
    {"one that says nothing", "exit 3", false, false, 0, ""},
    {"one that dies", "kill -9 $$", false, false, 0, ""},
    {"a line too long to be ours", "head -c 100000 /dev/zero | tr '\\0' x; echo; echo 'amorsize-mpi: ready'", true, false, 0,
     NULL},
    {"no end of the last line", "printf 'amorsize-mpi: ready\\namorsize-mpi: measured'", true, false, 0, ""},
    {"what it was called with", "for w; do last=$w; done; echo \"$last\"", false, false, 0, AMZ_MEASURE_DEFAULT},
  };

  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    struct amz_trial_result r;

    ASSERT_ROW_I64(rows[i].what, try(rows[i].script, LONG_NS, NULL, &r), AMZ_OK);
    ASSERT_ROW_U64(rows[i].what, r.ready, rows[i].ready);
    ASSERT_ROW_U64(rows[i].what, r.done, rows[i].done);
    ASSERT_ROW_U64(rows[i].what, r.costs.chunk_s.n, rows[i].chunks);
    CU_ASSERT(r.ready ? r.ready_s > 0 && isfinite(r.ready_s) : !(r.ready_s > 0));
    if (rows[i].said)
      ASSERT_ROW_TEXT(rows[i].what, r.said, rows[i].said);
  }
}

static bool at_once(void *ctx)
{
  (void)ctx;
  return true;
}

/* The launcher writes its pid, then waits for ever, TERM or not. */
static void check_gone(const char *what)
{
  char path[PATH_MAX + 8], text[32] = "";
  FILE *f;
  pid_t pid;

  (void)snprintf(path, sizeof path, "%s/pid", bin);
  f = fopen(path, "r");
  if (!f) /* it was ended before it had begun */
    return;
  pid = fgets(text, sizeof text, f) ? (pid_t)atoi(text) : 0;
  CU_ASSERT(fclose(f) == 0 && unlink(path) == 0);
  ASSERT_ROW_I64(what, pid > 0 ? kill(pid, 0) : -1, -1);
}

static void test_ends(void)
{
  static const struct amz_measure_observer impatient = {.stop = at_once};
  char script[PATH_MAX + 64];
  struct amz_trial_result r;

  (void)snprintf(script, sizeof script, "echo $$ >%s/pid; exec sleep 1000", bin);
  ASSERT_I64(try(script, 1, NULL, &r), AMZ_OK); /* its time is over at once */
  ASSERT_U64(r.ready, false);
  check_gone("out of time");
  ASSERT_I64(try(script, LONG_NS, &impatient, &r), AMZ_ECLOSED);
  check_gone("not wanted any more");
}

static void test_no_way(void)
{
  struct amz_allocation none = {.n_nodes = 0};
  struct amz_trial trial = {.allocation = &none, .spread = {.ranks = 2, .nodes = 1, .per_node = 2}, .way = 7,
                            .mode = AMZ_MEASURE_READY,
                            .program = "/bin/true", .timeout_ns = LONG_NS};
  struct amz_trial_result r;

  ASSERT_I64(amz_trial_run(&trial, &r, NULL), AMZ_ENOENT);
}

static void test_starts(void)
{
  const char *top = getenv("top_builddir");
  struct amz_node_costs costs = {.n_launches = 0};
  struct amz_exec *helper = NULL;
  struct amz_error err = {0};
  char path[PATH_MAX];

  (void)snprintf(path, sizeof path, "%s/amorsize-mpi-helper", top ? top : ".");
  ASSERT_I64(amz_exec_launch(path, &err, &helper), AMZ_OK);
  ASSERT_I64(amz_measure_starts(helper, AMZ_EFFORT_DEFAULT, NULL, &costs, &err), AMZ_OK);
  ASSERT_TEXT(err.text, "");
  amz_exec_free(helper);
  for (int i = 0; i < 2; i++) {
    const struct amz_quantity *q = i ? &costs.start_shell_s : &costs.start_s;
    const double *quartiles = i ? costs.start_shell_quartiles_s : costs.start_quartiles_s;

    ASSERT_I64(q->source, AMZ_MEASURED);
    CU_ASSERT(q->n >= 5 && q->low > 0 && q->low <= q->value && q->value <= q->high && isfinite(q->high));
    CU_ASSERT(quartiles[0] > 0 && quartiles[0] <= q->value && q->value <= quartiles[1]);
  }
}

static void test_starts_stop(void)
{
  static const struct amz_measure_observer impatient = {.stop = at_once};
  const char *top = getenv("top_builddir");
  struct amz_node_costs costs = {.n_launches = 0};
  struct amz_exec *helper = NULL;
  struct amz_error err = {0};
  char path[PATH_MAX];

  (void)snprintf(path, sizeof path, "%s/amorsize-mpi-helper", top ? top : ".");
  ASSERT_I64(amz_exec_launch(path, &err, &helper), AMZ_OK);
  ASSERT_I64(amz_measure_starts(helper, AMZ_EFFORT_DEFAULT, &impatient, &costs, &err), AMZ_ECLOSED);
  ASSERT_I64(costs.start_s.source, AMZ_UNKNOWN);
  amz_exec_free(helper);
}

static void test_elsewhere(void)
{
  struct amz_node node = {.topology = (char[]){"other.xml"}};
  struct amz_error err = {0};

  ASSERT_I64(amz_measure_costs(&node, AMZ_EFFORT_DEFAULT, NULL, &err), AMZ_EINVAL);
  ASSERT_TEXT(err.text, "other.xml is not the machine we are on: it can't be measured");
}

int main(void)
{
  static const struct amz_test tests[] = {
    {"what a launcher prints is understood", test_lines}, {"no launcher outlives its trial", test_ends},
        {"ways to launch come to an end", test_no_way},
    {"starts of processes", test_starts}, {"starts that are not wanted any more", test_starts_stop},
    {"another machine can't be measured", test_elsewhere},
    {NULL, NULL}};
  const char *tmp = getenv("TMPDIR"), *path = getenv("PATH");
  char whole[2 * PATH_MAX];
  int status;

  (void)snprintf(bin, sizeof bin, "%s/amz-trial-XXXXXX", tmp ? tmp : "/tmp");
  if (!mkdtemp(bin)) {
    printf("1..0 # SKIP cannot make a directory: %s\n", strerror(errno));
    return 0;
  }
  (void)snprintf(whole, sizeof whole, "%s:%s", bin, path ? path : "/usr/bin:/bin");
  if (setenv("PATH", whole, 1) != 0)
    return 1;
  status = amz_test_main("measure/trial", tests, 0);
  remove_launchers();
  (void)rmdir(bin);
  return status;
}
