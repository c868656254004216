/* The cache: where it is, that entries come back or not at all, and that many may use it at once. Time is a number that we
 * give. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <amorsize/cache.h>

#include "../../support/tap.h"
#include "../node/injected.h"
#include "../store/scratch.h"

static const int64_t NOW = 1764000000;

/* A cache in a directory of its own. */
struct place {
  struct scratch scratch;
  char dir[SCRATCH_PATH];
  struct amz_cache *cache;
};

static void open_at(struct place *p, const char *dir)
{
  struct pair variables[] = {{"AMORSIZE_CACHE_DIR", dir}, {NULL, NULL}};
  struct amz_environment env = injected_environment(variables);

  CU_ASSERT_FATAL(amz_cache_open(&env, NULL, &p->cache) == AMZ_OK);
}

static void place_make(struct place *p)
{
  CU_ASSERT_FATAL(scratch_make(&p->scratch));
  open_at(p, scratch_path(&p->scratch, "deep/er/cache", p->dir));
}

static void place_remove(struct place *p)
{
  amz_cache_free(p->cache);
  scratch_remove(&p->scratch);
}

static int put(const struct place *p, const char *kind, const char *key, const char *value, int64_t made_s, int64_t expires_s,
               struct amz_error *err)
{
  struct amz_cache_entry e = {.kind = kind, .key = key, .label = "a node", .made_s = made_s, .expires_s = expires_s};

  return amz_cache_put(p->cache, &e, value, strlen(value), err);
}

/* The value of a key; "-" when there is none, "!" for an error. Static memory: one at a time. */
static const char *got(const struct place *p, const char *kind, const char *key, int64_t now_s)
{
  static char text[256];
  struct amz_buf value = AMZ_BUF_INIT;
  int64_t made_s = -1;
  int rc = amz_cache_get(p->cache, kind, key, now_s, &value, &made_s, NULL);

  (void)snprintf(text, sizeof text, "%s", rc == AMZ_OK ? amz_buf_text(&value) : rc == AMZ_ENOENT ? "-" : "!");
  amz_buf_clear(&value);
  return text;
}

static void path_of(const struct place *p, const char *kind, const char *key, char path[2 * SCRATCH_PATH])
{
  char id[AMZ_CACHE_ID];

  amz_cache_id(kind, key, id);
  (void)snprintf(path, 2 * SCRATCH_PATH, "%s/%s/%s", p->dir, kind, id);
}

static void is_where_the_environment_says(void)
{
  static const struct {
    const char *row;
    struct pair variables[4];
    const char *dir; /* NULL: nowhere */
  } rows[] = {
    {"our own variable wins", {{"AMORSIZE_CACHE_DIR", "/a"}, {"XDG_CACHE_HOME", "/x"}, {"HOME", "/h"}}, "/a"},
    {"our own may be relative", {{"AMORSIZE_CACHE_DIR", "a/b"}}, "a/b"},
    {"an empty one counts for nothing", {{"AMORSIZE_CACHE_DIR", ""}, {"XDG_CACHE_HOME", "/x"}}, "/x/amorsize-mpi"},
    {"XDG before HOME", {{"XDG_CACHE_HOME", "/x"}, {"HOME", "/h"}}, "/x/amorsize-mpi"},
    {"a relative XDG counts for nothing", {{"XDG_CACHE_HOME", "x"}, {"HOME", "/h/"}}, "/h/.cache/amorsize-mpi"},
    {"HOME", {{"HOME", "/h"}}, "/h/.cache/amorsize-mpi"},
    {"nothing", {{NULL, NULL}}, NULL},
  };

  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    struct amz_environment env = injected_environment(rows[i].variables);
    struct amz_cache *c = NULL;
    struct amz_error err = {0};

    ASSERT_ROW_I64(rows[i].row, amz_cache_open(&env, &err, &c), rows[i].dir ? AMZ_OK : AMZ_EENV);
    if (rows[i].dir)
      ASSERT_ROW_TEXT(rows[i].row, amz_cache_dir(c), rows[i].dir);
    else
      CU_ASSERT(strstr(err.text, "AMORSIZE_CACHE_DIR") != NULL);
    amz_cache_free(c);
  }
}

static void what_is_put_comes_back(void)
{
  struct place p;
  struct stat st;

  place_make(&p);
  ASSERT_TEXT(got(&p, "node", "key one", NOW), "-"); /* no folder yet */
  ASSERT_I64(put(&p, "node", "key one", "first", NOW, NOW + 10, NULL), AMZ_OK);
  ASSERT_I64(put(&p, "node", "key\ntwo", "", NOW, 0, NULL), AMZ_OK);
  ASSERT_I64(put(&p, "history", "key one", "other kind", NOW, 0, NULL), AMZ_OK);
  ASSERT_TEXT(got(&p, "node", "key one", NOW), "first");
  ASSERT_TEXT(got(&p, "node", "key\ntwo", NOW), "");
  ASSERT_TEXT(got(&p, "history", "key one", NOW), "other kind");
  ASSERT_TEXT(got(&p, "node", "key", NOW), "-");
  ASSERT_I64(put(&p, "node", "key one", "second", NOW + 1, NOW + 11, NULL), AMZ_OK);
  ASSERT_TEXT(got(&p, "node", "key one", NOW), "second");
  CU_ASSERT(stat(p.dir, &st) == 0 && (st.st_mode & 077) == 0); /* nobody else's business */
  place_remove(&p);
}

static void entries_end_with_their_time(void)
{
  struct place p;
  char path[2 * SCRATCH_PATH];

  place_make(&p);
  ASSERT_I64(put(&p, "node", "short", "s", NOW, NOW + 10, NULL), AMZ_OK);
  ASSERT_I64(put(&p, "node", "for ever", "e", NOW, 0, NULL), AMZ_OK);
  ASSERT_TEXT(got(&p, "node", "short", NOW + 9), "s");
  ASSERT_TEXT(got(&p, "node", "short", NOW + 10), "-");
  ASSERT_TEXT(got(&p, "node", "for ever", NOW + 1000000000), "e");
  path_of(&p, "node", "short", path);
  CU_ASSERT(access(path, F_OK) == 0);
  ASSERT_I64(put(&p, "node", "new", "n", NOW + 20, 0, NULL), AMZ_OK); /* cleans up */
  CU_ASSERT(access(path, F_OK) < 0);
  ASSERT_TEXT(got(&p, "node", "for ever", NOW + 20), "e");
  place_remove(&p);
}

static void damage(const char *path, long at, const char *text)
{
  FILE *f = fopen(path, "r+");

  CU_ASSERT_FATAL(f != NULL);
  CU_ASSERT(fseek(f, at, at < 0 ? SEEK_END : SEEK_SET) == 0 && fputs(text, f) >= 0);
  CU_ASSERT(fclose(f) == 0);
}

static void what_is_damaged_is_not_there(void)
{
  struct place p;
  char path[2 * SCRATCH_PATH];
  struct stat st;
  off_t full;

  place_make(&p);
  ASSERT_I64(put(&p, "node", "k", "value", NOW, 0, NULL), AMZ_OK);
  path_of(&p, "node", "k", path);
  CU_ASSERT_FATAL(stat(path, &st) == 0);
  full = st.st_size;
  for (off_t n = 0; n < full; n++) { /* cut off anywhere */
    ASSERT_I64(put(&p, "node", "k", "value", NOW, 0, NULL), AMZ_OK);
    CU_ASSERT(truncate(path, n) == 0);
    ASSERT_TEXT(got(&p, "node", "k", NOW), "-");
  }
  ASSERT_I64(put(&p, "node", "k", "value", NOW, 0, NULL), AMZ_OK);
  damage(path, -1, "X");
  ASSERT_TEXT(got(&p, "node", "k", NOW), "-");
  ASSERT_I64(put(&p, "node", "k", "value", NOW, 0, NULL), AMZ_OK);
  damage(path, 15, "2"); /* another version */
  ASSERT_TEXT(got(&p, "node", "k", NOW), "-");
  ASSERT_I64(put(&p, "node", "k", "again", NOW, 0, NULL), AMZ_OK);
  ASSERT_TEXT(got(&p, "node", "k", NOW), "again");
  place_remove(&p);
}

/* Two keys of one digest are not taken for one another: the file of one, put in the other's place, is none of its. */
static void the_whole_key_counts(void)
{
  struct place p;
  char from[2 * SCRATCH_PATH], to[2 * SCRATCH_PATH];

  place_make(&p);
  ASSERT_I64(put(&p, "node", "mine", "my value", NOW, 0, NULL), AMZ_OK);
  path_of(&p, "node", "mine", from);
  path_of(&p, "node", "yours", to);
  CU_ASSERT(rename(from, to) == 0);
  ASSERT_TEXT(got(&p, "node", "yours", NOW), "-");
  place_remove(&p);
}

struct seen {
  char text[1024];
};

static int see(void *ctx, const struct amz_cache_row *row)
{
  struct seen *s = ctx;
  size_t n = strlen(s->text);
  char id[AMZ_CACHE_ID];

  amz_cache_id(row->entry.kind, row->entry.key, id);
  ASSERT_TEXT(row->id, id);
  (void)snprintf(s->text + n, sizeof s->text - n, "%s/%s/%s/%lld/%zu ", row->entry.kind, row->entry.key, row->entry.label,
                 (long long)(row->entry.made_s - NOW), row->value_bytes);
  return 0;
}

static void are_listed_and_cleared(void)
{
  struct place p;
  struct seen s = {""};
  char path[2 * SCRATCH_PATH], id[AMZ_CACHE_ID];
  uint64_t removed = 99;

  place_make(&p);
  ASSERT_I64(amz_cache_list(p.cache, NULL, see, &s, NULL), AMZ_OK); /* no folder: nothing */
  ASSERT_TEXT(s.text, "");
  ASSERT_I64(put(&p, "node", "b", "12345", NOW + 3, 0, NULL), AMZ_OK);
  ASSERT_I64(put(&p, "alpha", "c", "", NOW + 2, 0, NULL), AMZ_OK);
  ASSERT_I64(put(&p, "node", "damaged", "12345", NOW, 0, NULL), AMZ_OK);
  path_of(&p, "node", "damaged", path);
  CU_ASSERT(truncate(path, 20) == 0);
  (void)snprintf(path, sizeof path, "%s/node/README", p.dir);
  CU_ASSERT(close(open(path, O_CREAT | O_WRONLY, 0600)) == 0); /* none of ours */
  ASSERT_I64(amz_cache_list(p.cache, NULL, see, &s, NULL), AMZ_OK);
  ASSERT_TEXT(s.text, "alpha/c/a node/2/0 node/b/a node/3/5 ");
  s.text[0] = '\0';
  ASSERT_I64(amz_cache_list(p.cache, "node", see, &s, NULL), AMZ_OK);
  ASSERT_TEXT(s.text, "node/b/a node/3/5 ");
  amz_cache_id("node", "b", id);
  id[8] = '\0';
  ASSERT_I64(amz_cache_clear(p.cache, id, &removed, NULL), AMZ_OK);
  ASSERT_U64(removed, 1);
  ASSERT_TEXT(got(&p, "node", "b", NOW), "-");
  ASSERT_I64(amz_cache_clear(p.cache, "", &removed, NULL), AMZ_OK);
  ASSERT_U64(removed, 2); /* the damaged one, too */
  CU_ASSERT(access(path, F_OK) == 0);
  place_remove(&p);
}

static void bad_kinds_are_refused(void)
{
  static const char *const kinds[] = {"", "..", "a/b", "Node", "-a", "an-unreasonably-long-name-of-a-kind"};
  struct place p;
  uint64_t removed;

  place_make(&p);
  for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
    ASSERT_ROW_I64(kinds[i], put(&p, kinds[i], "k", "v", NOW, 0, NULL), AMZ_EINVAL);
    ASSERT_ROW_TEXT(kinds[i], got(&p, kinds[i], "k", NOW), "!");
  }
  ASSERT_I64(amz_cache_clear(p.cache, "", &removed, NULL), AMZ_OK);
  ASSERT_U64(removed, 0);
  place_remove(&p);
}

static void an_unwritable_place_is_told(void)
{
  struct place p;
  struct amz_error err = {0};

  CU_ASSERT_FATAL(scratch_make(&p.scratch));
  open_at(&p, "/proc/amorsize/cache"); /* where even root makes nothing */
  ASSERT_I64(put(&p, "node", "k", "v", NOW, 0, &err), AMZ_EIO);
  CU_ASSERT(strstr(err.text, "/proc/amorsize: cannot be made") != NULL);
  ASSERT_TEXT(got(&p, "node", "k", NOW), "-");
  place_remove(&p);
}

/* Eight processes put and get the same few keys and some of their own: a reader gets a whole value that somebody put, or none. */
static int hammer(const struct place *p, int me)
{
  char key[32], value[64];

  for (int i = 0; i < 100; i++) {
    const char *seen;

    (void)snprintf(key, sizeof key, "shared %d", i % 3);
    (void)snprintf(value, sizeof value, "%s by %d/%d", key, me, i);
    if (put(p, "node", key, value, NOW, 0, NULL) < 0)
      return 1;
    seen = got(p, "node", key, NOW);
    if (strncmp(seen, key, strlen(key)) != 0)
      return 2;
    (void)snprintf(key, sizeof key, "own %d/%d", me, i % 5);
    if (put(p, "node", key, key, NOW, 0, NULL) < 0)
      return 3;
    if (strcmp(got(p, "node", key, NOW), key) != 0)
      return 4;
  }
  return 0;
}

static void many_use_it_at_once(void)
{
  struct place p;
  pid_t pids[8];
  int status, failed = 0;

  place_make(&p);
  for (int i = 0; i < 8; i++) {
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
  for (int i = 0; i < 8; i++)
    for (int k = 0; k < 5; k++) { /* nothing was lost */
      char key[32];

      (void)snprintf(key, sizeof key, "own %d/%d", i, k);
      ASSERT_TEXT(got(&p, "node", key, NOW), key);
    }
  place_remove(&p);
}

int main(void)
{
  static const struct amz_test tests[] = {
    {"is where the environment says", is_where_the_environment_says},
    {"what is put comes back", what_is_put_comes_back},
    {"entries end with their time", entries_end_with_their_time},
    {"what is damaged is not there", what_is_damaged_is_not_there},
    {"the whole key counts", the_whole_key_counts},
    {"are listed and cleared", are_listed_and_cleared},
    {"bad kinds are refused", bad_kinds_are_refused},
    {"an unwritable place is told", an_unwritable_place_is_told},
    {"many use it at once", many_use_it_at_once},
    {NULL, NULL}};

  return amz_test_main("cache", tests, 0);
}
