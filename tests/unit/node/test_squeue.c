/* When the job ends. Oracles: Slurm's manual for %L and %e (squeue's days-hours:minutes:seconds), and counting; programs that
 * stand in for squeue are shell scripts made here. */
#define _GNU_SOURCE
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <amorsize/allocation.h>

#include "../../support/tap.h"

static void understands_squeue(void)
{
  static const struct {
    const char *row, *text;
    int code;
    int64_t end_s; /* asked at second 1000 */
  } rows[] = {
    {"minutes and seconds", "4:32 2024-05-01T12:00:00\n", AMZ_OK, 1272},
    {"hours", "2:00:00 2024-05-01T12:00:00\n", AMZ_OK, 8200},
    {"days", "1-02:03:04 2024-05-01T12:00:00\n", AMZ_OK, 94784},
    {"nothing left", "0:00 2024-05-01T12:00:00\n", AMZ_OK, 1000},
    {"blanks", "  0:10   N/A  \n", AMZ_OK, 1010},
    {"the date alone", "NOT_SET 2024-05-01T12:00:00\n", AMZ_OK, 1714564800},
    {"no limit", "UNLIMITED N/A\n", AMZ_ENOENT, 0},
    {"not started", "NOT_SET N/A\n", AMZ_ENOENT, 0},
    {"over", "", AMZ_ENOENT, 0},
    {"words", "slurm_load_jobs error", AMZ_EINVAL, 0},
    {"a clock of four parts", "1:2:3:4 N/A", AMZ_EINVAL, 0},
    {"days without a clock", "1- N/A", AMZ_EINVAL, 0},
    {"days with half a clock", "1-02:03 N/A", AMZ_EINVAL, 0},
    {"a number alone", "45 N/A", AMZ_EINVAL, 0},
    {"too long a number", "1:99999999999999999999 N/A", AMZ_EINVAL, 0},
    {"too long a word", "1:000000000000000000000000000000000000000000000000 N/A", AMZ_EINVAL, 0},
    {"an impossible date", "NOT_SET 2024-13-01T12:00:00", AMZ_EINVAL, 0},
  };

  CU_ASSERT_FATAL(setenv("TZ", "UTC0", 1) == 0);
  tzset();
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    int64_t end_s = 0;

    ASSERT_ROW_I64(rows[i].row, amz_slurm_end(rows[i].text, 1000, &end_s), rows[i].code);
    ASSERT_ROW_I64(rows[i].row, end_s, rows[i].end_s);
  }
}

/* A program of one's own in place of squeue. */
static void write_script(char *path, size_t room, const char *body)
{
  FILE *f;
  int fd;

  (void)snprintf(path, room, "%s/amz-squeue-XXXXXX", getenv("TMPDIR") ? getenv("TMPDIR") : "/tmp");
  fd = mkstemp(path);
  CU_ASSERT_FATAL(fd >= 0);
  CU_ASSERT_FATAL(fchmod(fd, 0700) == 0);
  f = fdopen(fd, "w");
  CU_ASSERT_FATAL(f != NULL);
  CU_ASSERT_FATAL(fprintf(f, "#!/bin/sh\n%s\n", body) > 0);
  CU_ASSERT_FATAL(fclose(f) == 0);
}

static struct amz_allocation slurm_job(char *id)
{
  return (struct amz_allocation){.batch = AMZ_BATCH_SLURM, .job_id = id};
}

static void asks_it(void)
{
  static const struct {
    const char *row, *body;
    int code;
    bool known;
    const char *says;
  } rows[] = {
    {"it is asked for the job's id", "test \"$*\" = '-h -j 42 -o %L %e' && echo '1:00 N/A'", AMZ_OK, true, NULL},
    {"errors on the side are ignored", "echo '1:00 N/A'; echo trouble >&2", AMZ_OK, true, NULL},
    {"no limit", "echo 'UNLIMITED N/A'", AMZ_OK, false, NULL},
    {"it fails", "echo '1:00 N/A'; exit 1", AMZ_EENV, false, "failed"},
    {"it says nonsense", "echo 'hello world'", AMZ_EENV, false, "isn't understood: hello world"},
    {"it talks without end", "yes", AMZ_EENV, false, "no answer"},
    {"it reads its input", "read -r line && echo \"$line\" || echo '1:00 N/A'", AMZ_OK, true, NULL},
  };

  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    char id[] = "42", path[512];
    struct amz_allocation a = slurm_job(id);
    struct amz_error err = {.text = ""};
    int64_t before_s = (int64_t)time(NULL);

    write_script(path, sizeof path, rows[i].body);
    ASSERT_ROW_I64(rows[i].row, amz_allocation_ask_end(&a, path, INT64_C(20000000000), &err), rows[i].code);
    CU_ASSERT(unlink(path) == 0);
    ASSERT_ROW_U64(rows[i].row, a.end_source != NULL, rows[i].known);
    if (rows[i].known)
      CU_ASSERT(a.end_s >= before_s + 60 && a.end_s <= (int64_t)time(NULL) + 60);
    if (rows[i].says)
      CU_ASSERT(strstr(err.text, rows[i].says) != NULL);
    ASSERT_ROW_I64(rows[i].row, waitpid(-1, NULL, WNOHANG), -1); /* no child is left */
  }
}

/* Silent programs that ignore polite signals, and that leave others holding the pipe, are ended all the same, with all of
 * their group. */
static void does_not_wait_for_ever(void)
{
  static const char *const bodies[] = {"trap '' TERM INT HUP; sleep 600", "sleep 600 & wait", "exec 1>&-; sleep 600"};

  for (size_t i = 0; i < sizeof bodies / sizeof *bodies; i++) {
    char id[] = "42", path[512];
    struct amz_allocation a = slurm_job(id);
    struct amz_error err = {.text = ""};

    write_script(path, sizeof path, bodies[i]);
    ASSERT_ROW_I64(bodies[i], amz_allocation_ask_end(&a, path, INT64_C(50000000), &err), AMZ_EENV);
    CU_ASSERT(unlink(path) == 0);
    CU_ASSERT(a.end_source == NULL);
    ASSERT_ROW_I64(bodies[i], waitpid(-1, NULL, WNOHANG), -1);
    ASSERT_ROW_I64(bodies[i], errno, ECHILD);
  }
}

static void asks_nobody_without_need(void)
{
  char id[] = "42";
  struct amz_allocation known = {.batch = AMZ_BATCH_SLURM, .job_id = id, .end_s = 5, .end_source = "SLURM_JOB_END_TIME"};
  struct amz_allocation other = {.batch = AMZ_BATCH_PBS, .job_id = id}, none = {.batch = AMZ_BATCH_NONE};
  struct amz_allocation slurm = slurm_job(id);
  struct amz_error err = {.text = ""};

  CU_ASSERT(amz_allocation_ask_end(&known, "/nonexistent/squeue", 0, &err) == AMZ_OK && known.end_s == 5);
  CU_ASSERT(amz_allocation_ask_end(&other, "/nonexistent/squeue", 0, &err) == AMZ_OK);
  CU_ASSERT(amz_allocation_ask_end(&none, "/nonexistent/squeue", 0, &err) == AMZ_OK);
  CU_ASSERT(amz_allocation_ask_end(&slurm, "/nonexistent/squeue", 0, &err) == AMZ_EENV);
  CU_ASSERT(strstr(err.text, "/nonexistent/squeue") != NULL);
}

static void works_where_children_are_ignored(void)
{
  char id[] = "42", path[512];
  struct amz_allocation a = slurm_job(id);
  struct amz_error err = {.text = ""};

  write_script(path, sizeof path, "echo '1:00 N/A'");
  CU_ASSERT_FATAL(signal(SIGCHLD, SIG_IGN) != SIG_ERR);
  CU_ASSERT(amz_allocation_ask_end(&a, path, INT64_C(20000000000), &err) == AMZ_OK);
  CU_ASSERT_FATAL(signal(SIGCHLD, SIG_DFL) != SIG_ERR);
  CU_ASSERT(unlink(path) == 0);
  CU_ASSERT(a.end_source != NULL);
}

int main(void)
{
  static const struct amz_test tests[] = {
    {"understands squeue", understands_squeue},
    {"asks it", asks_it},
    {"does not wait for ever", does_not_wait_for_ever},
    {"asks nobody without need", asks_nobody_without_need},
    {"works where children are ignored", works_where_children_are_ignored},
    {NULL, NULL},
  };

  return amz_test_main("squeue", tests, 0);
}
