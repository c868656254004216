/* Run directories: numbers, finding, and files replaced whole. */
#include <dirent.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <amorsize/store.h>

#include "../../support/tap.h"
#include "scratch.h"

static bool there(const char *path)
{
  return access(path, F_OK) == 0;
}

static void numbers_count_up(void)
{
  struct scratch s;
  char path[SCRATCH_PATH], expected[SCRATCH_PATH], latest[64];
  char *run = NULL;
  ssize_t n;

  CU_ASSERT_FATAL(scratch_make(&s));
  for (int i = 1; i <= 3; i++) {
    CU_ASSERT_FATAL(amz_rundir_create(s.dir, "job", NULL, &run) == AMZ_OK);
    (void)snprintf(expected, sizeof expected, "%s/job.runs/00%d", s.dir, i);
    ASSERT_TEXT(run, expected);
    free(run);
  }
  CU_ASSERT(there(scratch_path(&s, "job.runs/003/out", path)));
  n = readlink(scratch_path(&s, "job.runs/latest", path), latest, sizeof latest - 1);
  CU_ASSERT_FATAL(n > 0);
  latest[n] = '\0';
  ASSERT_TEXT(latest, "003");
  /* a removed run's number isn't given again while a later one is there; foreign names don't count */
  CU_ASSERT(mkdir(scratch_path(&s, "job.runs/0999", path), 0700) == 0);
  CU_ASSERT(mkdir(scratch_path(&s, "job.runs/7777x", path), 0700) == 0);
  CU_ASSERT_FATAL(amz_rundir_create(s.dir, "job", NULL, &run) == AMZ_OK);
  ASSERT_TEXT(strrchr(run, '/'), "/1000");
  free(run);
  scratch_remove(&s);
}

static void racing_runs_get_different_numbers(void)
{
  enum { RUNS = 16 };
  struct scratch s;
  char path[SCRATCH_PATH];
  struct dirent **names = NULL;
  int n, status, ok = 0;

  CU_ASSERT_FATAL(scratch_make(&s));
  for (int i = 0; i < RUNS; i++) {
    char *run;

    if (fork() == 0)
      _exit(amz_rundir_create(s.dir, "job", NULL, &run) == AMZ_OK ? 0 : 1);
  }
  while (wait(&status) > 0)
    ok += WIFEXITED(status) && WEXITSTATUS(status) == 0;
  ASSERT_I64(ok, RUNS);
  n = scandir(scratch_path(&s, "job.runs", path), &names, NULL, alphasort);
  ASSERT_I64(n, RUNS + 3); /* and ".", "..", "latest" */
  for (int i = 0; i < n; i++)
    free(names[i]);
  free(names);
  scratch_remove(&s);
}

static void odd_names(void)
{
  static const struct {
    const char *what, *name;
    int rc;
  } rows[] = {
    {"quotes, blanks and a newline", "a 'b' \"c\"\nd", AMZ_OK},
    {"not UTF-8", "\xff\xfe", AMZ_OK},
    {"leading dashes", "--help", AMZ_OK},
    {"a slash", "a/b", AMZ_EINVAL},
    {"nothing", "", AMZ_EINVAL},
  };
  struct scratch s;
  struct amz_error err;
  char name[301], *run = NULL;

  CU_ASSERT_FATAL(scratch_make(&s));
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    ASSERT_ROW_I64(rows[i].what, amz_rundir_create(s.dir, rows[i].name, &err, &run), rows[i].rc);
    if (rows[i].rc == AMZ_OK) {
      CU_ASSERT(there(run));
      free(run);
    }
  }
  memset(name, 'n', 300);
  name[300] = '\0';
  ASSERT_I64(amz_rundir_create(s.dir, name, &err, &run), AMZ_EINVAL);
  CU_ASSERT(strstr(err.text, "300 bytes, at most 250") != NULL);
  name[250] = '\0';
  ASSERT_I64(amz_rundir_create(s.dir, name, &err, &run), AMZ_OK);
  free(run);
  ASSERT_I64(amz_rundir_create("/nonexistent", "x", &err, &run), AMZ_EIO);
  CU_ASSERT(strstr(err.text, "/nonexistent/x.runs") != NULL);
  scratch_remove(&s);
}

static void finds_what_is_meant(void)
{
  static const struct {
    const char *run, *expected;
  } rows[] = {
    {"a", "a.runs/002"},         {"a.runs", "a.runs/002"}, {"a.runs/", "a.runs/002"},
    {"a.runs/001", "a.runs/001"}, {"./a.runs/001/", "./a.runs/001"}, {"a.runs/latest", "a.runs/latest"},
    {"b c", "b c.runs/001"},
  };
  struct scratch s;
  struct amz_error err;
  char *run = NULL, *back = getcwd(NULL, 0);

  CU_ASSERT_FATAL(scratch_make(&s) && back && chdir(s.dir) == 0);
  ASSERT_I64(amz_rundir_find("a", &err, &run), AMZ_ENOENT);
  ASSERT_TEXT(err.text, "no run of 'a' here, nor of any other job");
  for (int i = 0; i < 2; i++, free(run))
    CU_ASSERT_FATAL(amz_rundir_create("", "a", NULL, &run) == AMZ_OK);
  CU_ASSERT_FATAL(amz_rundir_create(".", "b c", NULL, &run) == AMZ_OK);
  ASSERT_TEXT(run, "b c.runs/001");
  free(run);
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    run = NULL;
    ASSERT_ROW_I64(rows[i].run, amz_rundir_find(rows[i].run, &err, &run), AMZ_OK);
    ASSERT_ROW_TEXT(rows[i].run, run, rows[i].expected);
    free(run);
  }
  ASSERT_I64(amz_rundir_find("x", &err, &run), AMZ_ENOENT);
  ASSERT_TEXT(err.text, "no run of 'x' here; runs: a.runs/002, b c.runs/001");
  ASSERT_I64(amz_rundir_find("", &err, &run), AMZ_ENOENT);
  ASSERT_I64(amz_rundir_find("a.runs/007", &err, &run), AMZ_ENOENT);
  for (int i = 0; i < 12; i++, free(run)) {
    char name[16];

    (void)snprintf(name, sizeof name, "j%d", i);
    CU_ASSERT_FATAL(amz_rundir_create(".", name, NULL, &run) == AMZ_OK);
  }
  ASSERT_I64(amz_rundir_find("x", &err, &run), AMZ_ENOENT);
  CU_ASSERT(strstr(err.text, " and 4 more") != NULL);
  CU_ASSERT(chdir(back) == 0);
  free(back);
  scratch_remove(&s);
}

static void files_are_replaced_whole(void)
{
  struct scratch s;
  struct amz_error err;
  char path[SCRATCH_PATH], text[16] = "";
  struct dirent **names = NULL;
  FILE *f;
  int n;

  CU_ASSERT_FATAL(scratch_make(&s));
  CU_ASSERT(amz_rundir_write(s.dir, "f", "a longer text", 13, true, &err) == AMZ_OK);
  CU_ASSERT(amz_rundir_write(s.dir, "f", "new", 3, false, &err) == AMZ_OK);
  f = fopen(scratch_path(&s, "f", path), "r");
  CU_ASSERT(f && fread(text, 1, sizeof text - 1, f) == 3);
  ASSERT_TEXT(text, "new");
  if (f)
    fclose(f);
  n = scandir(s.dir, &names, NULL, NULL);
  ASSERT_I64(n, 3); /* nothing is left beside it */
  for (int i = 0; i < n; i++)
    free(names[i]);
  free(names);
  CU_ASSERT(amz_rundir_write("/nonexistent", "f", "x", 1, false, &err) == AMZ_EIO);
  CU_ASSERT(strstr(err.text, "/nonexistent/f") != NULL);
  scratch_remove(&s);
}

static void what_never_began_is_taken_back(void)
{
  static const struct {
    const char *what, *extra;
    bool stays;
  } rows[] = {{"its own files alone", NULL, false}, {"somebody's file", "out/results", true}};
  struct scratch s;
  struct stat st;
  char latest[SCRATCH_PATH], extra[SCRATCH_PATH];

  CU_ASSERT_FATAL(scratch_make(&s));
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    char *first = NULL, *run = NULL;

    CU_ASSERT_FATAL(amz_rundir_create(s.dir, rows[i].what, NULL, &first) == AMZ_OK);
    CU_ASSERT_FATAL(amz_rundir_create(s.dir, rows[i].what, NULL, &run) == AMZ_OK);
    CU_ASSERT(amz_rundir_write(run, "job.yaml", "x", 1, false, NULL) == AMZ_OK);
    (void)snprintf(extra, sizeof extra, "%s/%s", run, rows[i].extra ? rows[i].extra : "");
    if (rows[i].extra)
      CU_ASSERT(mkdir(extra, 0777) == 0);
    (void)snprintf(latest, sizeof latest, "%s/%s.runs/latest", s.dir, rows[i].what);
    amz_rundir_discard(run);
    ASSERT_ROW_I64(rows[i].what, there(run), rows[i].stays);
    ASSERT_ROW_I64(rows[i].what, lstat(latest, &st) == 0, rows[i].stays);
    CU_ASSERT(there(first));
    free(first);
    free(run);
  }
  scratch_remove(&s);
}

static void pack_paths(void)
{
  char *path = NULL;

  CU_ASSERT(amz_rundir_pack_path("a.runs/001", 7, 2, &path) == AMZ_OK);
  ASSERT_TEXT(path, "a.runs/001/out/r00007-e0002.pack");
  free(path);
  CU_ASSERT(amz_rundir_pack_path("d", 123456, 12345, &path) == AMZ_OK);
  ASSERT_TEXT(path, "d/out/r123456-e12345.pack");
  free(path);
}

int main(void)
{
  static const struct amz_test tests[] = {
    {"numbers count up", numbers_count_up},
    {"racing runs get different numbers", racing_runs_get_different_numbers},
    {"odd names", odd_names},
    {"finds what is meant", finds_what_is_meant},
    {"files are replaced whole", files_are_replaced_whole},
    {"what never began is taken back", what_never_began_is_taken_back},
    {"pack paths", pack_paths},
    {NULL, NULL},
  };

  return amz_test_main("rundir", tests, 0);
}
