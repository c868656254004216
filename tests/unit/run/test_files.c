/* The disk behind struct amz_files, its recorder and its replayer, in a directory of their own. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../../../src/run/files.h"
#include "../../support/tap.h"

/* ---- a directory to play in; each test goes there and leaves it again ------------------------------------------------- */

struct playground {
  char path[64];
  int before;
};

static void write_file(const char *path, const void *bytes, size_t n)
{
  FILE *f = fopen(path, "wb");

  CU_ASSERT_FATAL(f != NULL);
  CU_ASSERT_FATAL(fwrite(bytes, 1, n, f) == n);
  CU_ASSERT_FATAL(fclose(f) == 0);
}

static void enter(struct playground *p)
{
  static const char *const dirs[] = {"d", "d/e", "d/e/f", ".hid", "d/.hid2", "sp ace"};
  static const char *const files[] = {
    "a.txt", "b.txt", "B.txt", "c.dat", "[x].txt", ".dot.txt", "d/1.txt", "d/e/2.txt", "d/e/f/3.txt", "d/e/f/.4.txt",
    ".hid/5.txt", "d/.hid2/6.txt", "sp ace/new\nline.txt", "na\xefve.txt", "-dash.txt", "star*.txt",
  };

  (void)snprintf(p->path, sizeof p->path, "/tmp/amz-files-XXXXXX");
  p->before = open(".", O_RDONLY | O_DIRECTORY);
  CU_ASSERT_FATAL(p->before >= 0 && mkdtemp(p->path) != NULL && chdir(p->path) == 0);
  for (size_t i = 0; i < sizeof dirs / sizeof *dirs; i++)
    CU_ASSERT_FATAL(mkdir(dirs[i], 0777) == 0);
  for (size_t i = 0; i < sizeof files / sizeof *files; i++)
    write_file(files[i], files[i], strlen(files[i]));
  CU_ASSERT_FATAL(symlink("..", "d/loop") == 0);
  CU_ASSERT_FATAL(symlink("nowhere", "dangling.txt") == 0);
  CU_ASSERT_FATAL(symlink("d/e", "link") == 0);
}

static void leave(struct playground *p)
{
  char command[96];

  CU_ASSERT(fchdir(p->before) == 0 && close(p->before) == 0);
  (void)snprintf(command, sizeof command, "rm -rf -- %s", p->path);
  CU_ASSERT(system(command) == 0);
}

/* ---- disk ------------------------------------------------------------------------------------------------------------- */

/* Matches, each followed by '|'. */
static int matches(const struct amz_files *files, const char *pattern, struct amz_buf *out, struct amz_error *err)
{
  int rc;

  amz_buf_reset(out);
  rc = files->glob(files->ctx, pattern, out, err);
  for (size_t i = 0; i < out->len; i++)
    if (out->data[i] == '\0')
      out->data[i] = '|';
  return rc;
}

static void patterns(void)
{
  static const struct {
    const char *pattern, *matches;
  } rows[] = {
    {"*.txt", "-dash.txt|B.txt|[x].txt|a.txt|b.txt|dangling.txt|na\xefve.txt|star*.txt|"},
    {"?.txt", "B.txt|a.txt|b.txt|"},
    {"[ab].txt", "a.txt|b.txt|"},
    {"[!a-z].txt", "B.txt|"},
    {"[[:upper:]].txt", "B.txt|"},
    {"\\[x].txt", "[x].txt|"},
    {"[[]x].txt", "[x].txt|"},
    {"[x.txt", ""},
    {"star\\*.txt", "star*.txt|"},
    {"na?ve.txt", "na\xefve.txt|"},
    {"a.txt", "a.txt|"},
    {"no.txt", ""},
    {"no/*", ""},
    {"a.txt/*", ""},
    {".*.txt", ".dot.txt|"},
    {"d/*.txt", "d/1.txt|"},
    {"*/*.txt", "d/1.txt|link/2.txt|sp ace/new\nline.txt|"},
    {"./*.dat", "./c.dat|"},
    {"*/", "d/|link/|sp ace/|"},
    {"d//e/", "d/e/|"},
    {"c.dat/", ""},
    {"**/*.txt",
     "-dash.txt|B.txt|[x].txt|a.txt|b.txt|d/1.txt|d/e/2.txt|d/e/f/3.txt|dangling.txt|"
     "na\xefve.txt|sp ace/new\nline.txt|star*.txt|"},
    {"**/2.txt", "d/e/2.txt|"},
    {"d/**/3.txt", "d/e/f/3.txt|"},
    {"d/**/1.txt", "d/1.txt|"},
    {"d/**", "d/1.txt|d/e|d/e/2.txt|d/e/f|d/e/f/3.txt|d/loop|"},
    {"**/e/**/3.txt", "d/e/f/3.txt|"},
    {"**/**/**/3.txt", "d/e/f/3.txt|"},
    {"**/*/**/3.txt", "d/e/f/3.txt|d/loop/d/e/f/3.txt|link/f/3.txt|"},
    {"**/.4.txt", "d/e/f/.4.txt|"},
    {"**/f/", "d/e/f/|"},
    {"d/loop/a.txt", "d/loop/a.txt|"},
    {"link/**/3.txt", "link/f/3.txt|"},
    {"a**t", "a.txt|"},
  };
  struct playground p;
  struct amz_disk *disk = NULL;
  struct amz_buf out = AMZ_BUF_INIT;
  struct amz_files files;

  enter(&p);
  CU_ASSERT_FATAL(amz_disk_new(&disk) == AMZ_OK);
  files = amz_disk_files(disk);
  for (size_t r = 0; r < sizeof rows / sizeof *rows; r++) {
    ASSERT_ROW_I64(rows[r].pattern, matches(&files, rows[r].pattern, &out, NULL), AMZ_OK);
    ASSERT_ROW_TEXT(rows[r].pattern, amz_buf_text(&out), rows[r].matches);
  }
  amz_buf_clear(&out);
  amz_disk_free(disk);
  leave(&p);
}

static void absolute_patterns(void)
{
  struct playground p;
  struct amz_disk *disk = NULL;
  struct amz_buf out = AMZ_BUF_INIT;
  struct amz_files files;
  char pattern[128], expected[192];

  enter(&p);
  CU_ASSERT_FATAL(amz_disk_new(&disk) == AMZ_OK);
  files = amz_disk_files(disk);
  (void)snprintf(pattern, sizeof pattern, "%s/d/**/[12].txt", p.path);
  (void)snprintf(expected, sizeof expected, "%s/d/1.txt|%s/d/e/2.txt|", p.path, p.path);
  ASSERT_I64(matches(&files, pattern, &out, NULL), AMZ_OK);
  ASSERT_TEXT(amz_buf_text(&out), expected);
  ASSERT_I64(matches(&files, "/", &out, NULL), AMZ_OK);
  CU_ASSERT(out.len > 0 && out.data[0] == '/');
  amz_buf_clear(&out);
  amz_disk_free(disk);
  leave(&p);
}

static void bad_patterns(void)
{
  static const struct {
    const char *pattern, *words;
  } rows[] = {
    {"", "the pattern is empty"},
    {"a\\", "the pattern a\\ ends in a backslash"},
    {"**/a/**/a/**/a/**/a/**/a/**/a/**/a/**/a/**/a", "pattern with more than 255 parts or 8 times `**`"},
  };
  struct amz_disk *disk = NULL;
  struct amz_buf out = AMZ_BUF_INIT;
  struct amz_files files;

  CU_ASSERT_FATAL(amz_disk_new(&disk) == AMZ_OK);
  files = amz_disk_files(disk);
  for (size_t r = 0; r < sizeof rows / sizeof *rows; r++) {
    struct amz_error err = {0, 0, ""};

    ASSERT_ROW_I64(rows[r].pattern, matches(&files, rows[r].pattern, &out, &err), AMZ_EINVAL);
    ASSERT_TEXT(err.text, rows[r].words);
  }
  amz_buf_clear(&out);
  amz_disk_free(disk);
}

static void an_unreadable_directory_is_told(void)
{
  struct playground p;
  struct amz_disk *disk = NULL;
  struct amz_buf out = AMZ_BUF_INIT;
  struct amz_error err = {0, 0, ""};
  struct amz_files files;

  const uid_t user = geteuid(), nobody = 65534; /* root may list every directory */
  const mode_t mask = umask(022);
  bool became;

  enter(&p);
  CU_ASSERT_FATAL(amz_disk_new(&disk) == AMZ_OK);
  files = amz_disk_files(disk);
  CU_ASSERT_FATAL(chmod(".", 0755) == 0 && chmod("d/e", 0) == 0);
  became = user != 0 || seteuid(nobody) == 0;
  if (became) {
    ASSERT_I64(matches(&files, "**/*.txt", &out, &err), AMZ_EIO);
    ASSERT_TEXT(err.text, "cannot list the directory d/e/: Permission denied");
  } else {
    amz_test_skip("root may list every directory, and can't become somebody else");
  }
  CU_ASSERT_FATAL(seteuid(user) == 0 && chmod("d/e", 0777) == 0);
  (void)umask(mask);
  amz_buf_clear(&out);
  amz_disk_free(disk);
  leave(&p);
}

/* Deeper than descriptors are allowed to be open. */
static void deep_trees(void)
{
  struct playground p;
  struct amz_disk *disk = NULL;
  struct amz_buf out = AMZ_BUF_INIT;
  struct amz_files files;
  int depth = 1500, fd;

  enter(&p);
  fd = open("sp ace", O_RDONLY | O_DIRECTORY);
  for (int i = 0; i < depth && fd >= 0; i++) {
    int next = mkdirat(fd, "x", 0777) == 0 ? openat(fd, "x", O_RDONLY | O_DIRECTORY) : -1;

    (void)close(fd);
    fd = next;
  }
  CU_ASSERT_FATAL(fd >= 0);
  CU_ASSERT_FATAL(mkdirat(fd, "end", 0777) == 0);
  (void)close(fd);
  CU_ASSERT_FATAL(amz_disk_new(&disk) == AMZ_OK);
  files = amz_disk_files(disk);
  ASSERT_I64(matches(&files, "**/end", &out, NULL), AMZ_OK);
  ASSERT_U64(out.len, strlen("sp ace/") + 2 * (size_t)depth + strlen("end|"));
  amz_buf_clear(&out);
  amz_disk_free(disk);
  leave(&p);
}

static void reading(void)
{
  struct playground p;
  struct amz_disk *disk = NULL;
  struct amz_buf out = AMZ_BUF_INIT, big = AMZ_BUF_INIT;
  struct amz_error err = {0, 0, ""};
  struct amz_files files;
  uint64_t size = 0;

  enter(&p);
  CU_ASSERT_FATAL(amz_disk_new(&disk) == AMZ_OK);
  files = amz_disk_files(disk);
  amz_buf_adds(&out, "before ");
  ASSERT_I64(files.read(files.ctx, "d/1.txt", 100, &out, &err), AMZ_OK);
  ASSERT_TEXT(amz_buf_text(&out), "before d/1.txt");
  ASSERT_I64(files.read(files.ctx, "d/1.txt", 7, &out, &err), AMZ_OK);
  ASSERT_TEXT(amz_buf_text(&out), "before d/1.txtd/1.txt");
  ASSERT_I64(files.read(files.ctx, "d/1.txt", 6, &out, &err), AMZ_ERANGE);
  ASSERT_TEXT(err.text, "d/1.txt is larger than 6 bytes");
  ASSERT_TEXT(amz_buf_text(&out), "before d/1.txtd/1.txt");
  ASSERT_I64(files.read(files.ctx, "none", 6, &out, &err), AMZ_ENOENT);
  ASSERT_TEXT(err.text, "cannot open none: No such file or directory");
  ASSERT_I64(files.read(files.ctx, "d", 6, &out, &err), AMZ_EIO);
  ASSERT_TEXT(err.text, "cannot read d: Is a directory");
  CU_ASSERT_FATAL(amz_buf_add_space(&big, 5000001) != NULL);
  memset(big.data, 0, big.len);
  big.data[5000000] = 'z';
  write_file("big", big.data, big.len);
  amz_buf_reset(&out);
  ASSERT_I64(files.read(files.ctx, "big", UINT64_C(1) << 40, &out, &err), AMZ_OK);
  CU_ASSERT(out.len == big.len && memcmp(out.data, big.data, big.len) == 0);
  ASSERT_I64(files.size(files.ctx, "big", &size, &err), AMZ_OK);
  ASSERT_U64(size, 5000001);
  ASSERT_I64(files.size(files.ctx, "none", &size, &err), AMZ_ENOENT);
  amz_buf_clear(&out);
  amz_buf_clear(&big);
  amz_disk_free(disk);
  leave(&p);
}

static void standard_input_is_read_once(void)
{
  struct amz_disk *disk = NULL;
  struct amz_buf out = AMZ_BUF_INIT;
  struct amz_files files;
  int fds[2], saved = dup(0);

  CU_ASSERT_FATAL(saved >= 0 && pipe(fds) == 0 && dup2(fds[0], 0) == 0);
  CU_ASSERT_FATAL(write(fds[1], "a\nb\n", 4) == 4 && close(fds[1]) == 0 && close(fds[0]) == 0);
  CU_ASSERT_FATAL(amz_disk_new(&disk) == AMZ_OK);
  files = amz_disk_files(disk);
  ASSERT_I64(files.read(files.ctx, "-", 100, &out, NULL), AMZ_OK);
  ASSERT_I64(files.read(files.ctx, "-", 100, &out, NULL), AMZ_OK);
  ASSERT_TEXT(amz_buf_text(&out), "a\nb\na\nb\n");
  ASSERT_I64(files.read(files.ctx, "-", 3, &out, NULL), AMZ_ERANGE);
  CU_ASSERT_FATAL(dup2(saved, 0) == 0 && close(saved) == 0);
  amz_buf_clear(&out);
  amz_disk_free(disk);
}

/* ---- recording and replaying ------------------------------------------------------------------------------------------ */

/* Asks one of each kind, also what fails, and shows the answers as text. */
static void ask_all(const struct amz_files *files, struct amz_buf *out)
{
  struct amz_error err = {0, 0, ""};
  struct amz_buf answer = AMZ_BUF_INIT;
  uint64_t size = 0;
  int rc;

  amz_buf_reset(out);
  rc = files->read(files->ctx, "a.txt", 100, &answer, &err);
  amz_buf_addf(out, "%d %s;", rc, amz_buf_text(&answer));
  rc = matches(files, "d/*.txt", &answer, &err);
  amz_buf_addf(out, "%d %s;", rc, amz_buf_text(&answer));
  rc = matches(files, "none*", &answer, &err);
  amz_buf_addf(out, "%d %s;", rc, amz_buf_text(&answer));
  rc = files->size(files->ctx, "b.txt", &size, &err);
  amz_buf_addf(out, "%d %d;", rc, (int)size);
  rc = files->size(files->ctx, "none", &size, &err);
  amz_buf_addf(out, "%d %s %d;", rc, err.text, err.sys_errno);
  amz_buf_reset(&answer);
  rc = files->read(files->ctx, "none", 100, &answer, &err);
  amz_buf_addf(out, "%d %s;", rc, err.text);
  amz_buf_clear(&answer);
}

static const char answers[] =
  "0 a.txt;0 d/1.txt|;0 ;0 5;-4 cannot look at none: No such file or directory 2;-4 cannot open none: No such file or directory;";

/* Records ask_all in a playground, with two notes and many sizes. */
static struct amz_recorder *record(struct amz_disk *disk, struct amz_buf *said)
{
  struct amz_files files = amz_disk_files(disk);
  struct amz_recorder *rec = NULL;

  CU_ASSERT_FATAL(amz_recorder_new(&files, &rec) == AMZ_OK);
  files = amz_recorder_files(rec);
  ask_all(&files, said);
  CU_ASSERT(amz_recorder_note(rec, "job", "a: 1\0b", 6) == AMZ_OK);
  CU_ASSERT(amz_recorder_note(rec, "a.txt", "", 0) == AMZ_OK);
  CU_ASSERT(amz_recorder_note(rec, "job", "x", 1) == AMZ_EINVAL);
  return rec;
}

static void a_replay_says_what_was_recorded(void)
{
  struct playground p;
  struct amz_disk *disk = NULL;
  struct amz_recorder *rec;
  struct amz_replayer *rep = NULL;
  struct amz_buf said = AMZ_BUF_INIT, copy = AMZ_BUF_INIT;
  struct amz_error err = {0, 0, ""};
  struct amz_files files;
  const void *bytes = NULL;
  size_t n = 0;

  enter(&p);
  CU_ASSERT_FATAL(amz_disk_new(&disk) == AMZ_OK);
  rec = record(disk, &said);
  ASSERT_TEXT(amz_buf_text(&said), answers);
  write_file("a.txt", "changed", 7); /* what was asked is asked no more */
  write_file("d/new.txt", "", 0);
  files = amz_recorder_files(rec);
  ask_all(&files, &said);
  ASSERT_TEXT(amz_buf_text(&said), answers);
  CU_ASSERT_FATAL(amz_recorder_seal(rec, &bytes, &n) == AMZ_OK);
  amz_buf_add(&copy, bytes, n);
  ASSERT_I64(files.size(files.ctx, "c.dat", &(uint64_t){0}, &err), AMZ_EINVAL);
  CU_ASSERT(amz_recorder_note(rec, "late", "", 0) == AMZ_EINVAL);
  CU_ASSERT(amz_recorder_seal(rec, &bytes, &n) == AMZ_OK && n == copy.len);
  amz_recorder_free(rec);
  amz_disk_free(disk);
  leave(&p);

  CU_ASSERT_FATAL(amz_replayer_new(copy.data, copy.len, &err, &rep) == AMZ_OK);
  files = amz_replayer_files(rep);
  ask_all(&files, &said);
  ASSERT_TEXT(amz_buf_text(&said), answers);
  CU_ASSERT(amz_replayer_note(rep, "job", &bytes, &n) == AMZ_OK && n == 6 && memcmp(bytes, "a: 1\0b", 6) == 0);
  CU_ASSERT(amz_replayer_note(rep, "a.txt", &bytes, &n) == AMZ_OK && n == 0);
  CU_ASSERT(amz_replayer_note(rep, "b.txt", &bytes, &n) == AMZ_ENOENT);
  amz_buf_reset(&said);
  ASSERT_I64(files.read(files.ctx, "b.txt", 100, &said, &err), AMZ_ECORRUPT);
  ASSERT_TEXT(err.text, "the run's inputs, as recorded when it began, don't tell what is in b.txt");
  ASSERT_I64(files.read(files.ctx, "a.txt", 4, &said, &err), AMZ_ERANGE);
  ASSERT_TEXT(err.text, "a.txt is larger than 4 bytes");
  amz_replayer_free(rep);
  amz_buf_clear(&said);
  amz_buf_clear(&copy);
}

/* Each cut and each changed byte is noticed. */
static void damage_is_found(void)
{
  struct playground p;
  struct amz_disk *disk = NULL;
  struct amz_recorder *rec;
  struct amz_buf said = AMZ_BUF_INIT;
  const void *bytes = NULL;
  unsigned char *copy;
  size_t n = 0;

  enter(&p);
  CU_ASSERT_FATAL(amz_disk_new(&disk) == AMZ_OK);
  rec = record(disk, &said);
  CU_ASSERT_FATAL(amz_recorder_seal(rec, &bytes, &n) == AMZ_OK);
  copy = malloc(n + 1);
  CU_ASSERT_FATAL(copy != NULL);
  for (size_t i = 0; i <= n + n; i++) {
    struct amz_replayer *rep = NULL;
    struct amz_error err = {0, 0, ""};
    size_t len = i < n ? i : i == n ? n + 1 : n; /* cut short, a byte more, a byte changed */

    memcpy(copy, bytes, n);
    copy[n] = 'E';
    if (i > n)
      copy[i - n - 1] ^= 0x41;
    if (amz_replayer_new(copy, len, &err, &rep) != AMZ_ECORRUPT || err.text[0] == '\0')
      ASSERT_ROW_U64("damage not found at", i, SIZE_MAX);
    amz_replayer_free(rep);
  }
  free(copy);
  amz_recorder_free(rec);
  amz_buf_clear(&said);
  amz_disk_free(disk);
  leave(&p);
}

static void another_version_is_told(void)
{
  struct amz_replayer *rep = NULL;
  struct amz_error err = {0, 0, ""};

  ASSERT_I64(amz_replayer_new("AMZINPUT\2\0\0\0", 12, &err, &rep), AMZ_ECORRUPT);
  ASSERT_TEXT(err.text, "the recording of the run's inputs has version 2, this program reads version 1");
  ASSERT_I64(amz_replayer_new("", 0, &err, &rep), AMZ_ECORRUPT);
  CU_ASSERT_PTR_NULL(rep);
}

static void many_answers(void)
{
  struct amz_disk *disk = NULL;
  struct amz_recorder *rec = NULL;
  struct amz_replayer *rep = NULL;
  struct amz_files files;
  const void *bytes = NULL;
  size_t n = 0;
  char key[32], expected[32];

  CU_ASSERT_FATAL(amz_disk_new(&disk) == AMZ_OK);
  files = amz_disk_files(disk);
  CU_ASSERT_FATAL(amz_recorder_new(&files, &rec) == AMZ_OK);
  for (int i = 0; i < 20000; i++) {
    (void)snprintf(key, sizeof key, "key %d", i);
    (void)snprintf(expected, sizeof expected, "value %d", i);
    CU_ASSERT_FATAL(amz_recorder_note(rec, key, expected, strlen(expected)) == AMZ_OK);
  }
  CU_ASSERT_FATAL(amz_recorder_seal(rec, &bytes, &n) == AMZ_OK);
  CU_ASSERT_FATAL(amz_replayer_new(bytes, n, NULL, &rep) == AMZ_OK);
  for (int i = 0; i < 20000; i++) {
    const void *note = NULL;
    size_t len = 0;

    (void)snprintf(key, sizeof key, "key %d", i);
    (void)snprintf(expected, sizeof expected, "value %d", i);
    if (amz_replayer_note(rep, key, &note, &len) != AMZ_OK || len != strlen(expected) || memcmp(note, expected, len) != 0)
      ASSERT_ROW_TEXT(key, "lost", "found");
  }
  amz_replayer_free(rep);
  amz_recorder_free(rec);
  amz_disk_free(disk);
}

int main(void)
{
  static const struct amz_test tests[] = {
    {"patterns", patterns},
    {"absolute patterns", absolute_patterns},
    {"bad patterns", bad_patterns},
    {"an unreadable directory is told", an_unreadable_directory_is_told},
    {"deep trees", deep_trees},
    {"reading", reading},
    {"standard input is read once", standard_input_is_read_once},
    {"a replay says what was recorded", a_replay_says_what_was_recorded},
    {"damage is found", damage_is_found},
    {"another version is told", another_version_is_told},
    {"many answers", many_answers},
    {NULL, NULL}};

  return amz_test_main("run: files", tests, 0);
}
