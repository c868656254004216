/* Programs by their content. What is looked at are the words that the first and the last task have in common: what differs is a
 * value. In a command that is executed as it stands, the first word; behind an interpreter (python3 -u score.py) its script;
 * behind a wrapper (nice -n 5 prog) what it starts. In text for a shell, the same for each of its commands whose words are plain.
 *
 * Files up to 8 MiB are read whole. Of larger ones, the size and 32 pieces of 64 KiB spread over them, first and last among them,
 * are: a build that differs, differs in its build id or its length, if not almost everywhere. Time stamps don't count, as
 * programs are copied to nodes. */
#include "program.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <amorsize/alloc.h>
#include <amorsize/diag.h>
#include <amorsize/digest.h>

#define WHOLE_MAX (INT64_C(8) << 20)
#define PIECE ((size_t)64 << 10)
#define PIECES 32
#define WORDS_MAX 256u /* of a command are looked at */
#define FOUND_MAX 16u  /* programs */

/* ---- content -------------------------------------------------------------------------------------------------------------- */

/* Up to n bytes from an offset. \return false: they can't be read. */
static bool add_piece(int fd, off_t from, size_t n, char *room, uint64_t *digest)
{
  size_t got = 0;

  while (got < n) {
    ssize_t r = pread(fd, room, n - got < PIECE ? n - got : PIECE, from + (off_t)got);

    if (r < 0 && errno == EINTR)
      continue;
    if (r <= 0)
      return false;
    *digest = amz_digest_add(*digest, room, (size_t)r);
    got += (size_t)r;
  }
  return true;
}

static bool digest_content(int fd, off_t size, uint64_t *ret)
{
  char *room = amz_new_array(PIECE, 1);
  off_t last = size - (off_t)PIECE;
  bool ok = room;

  *ret = AMZ_DIGEST_EMPTY;
  if (ok && size <= WHOLE_MAX)
    ok = add_piece(fd, 0, (size_t)size, room, ret);
  for (int i = 0; ok && size > WHOLE_MAX && i < PIECES; i++)
    ok = add_piece(fd, i == PIECES - 1 ? last : last / (PIECES - 1) * i, PIECE, room, ret);
  free(room);
  return ok;
}

/* Of a regular file. \return whether there is one that can be read. */
static bool digest_file(const char *path, uint64_t *ret_size, uint64_t *ret_digest)
{
  int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
  struct stat st;
  bool ok = false;

  if (fd < 0)
    return false;
  if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && digest_content(fd, st.st_size, ret_digest)) {
    *ret_size = (uint64_t)st.st_size;
    ok = true;
  }
  (void)close(fd);
  return ok;
}

/* ---- finding -------------------------------------------------------------------------------------------------------------- */

struct finder {
  const char *path;    /* the variable; NULL: not set */
  const char *workdir; /* NULL: here */
  struct amz_buf *out;
  struct amz_buf room; /* a file's path */
  unsigned found;
};

static bool add_found(struct finder *f, const char *kind, const char *word)
{
  uint64_t size, digest;

  if (amz_buf_ok(&f->room) < 0 || f->found >= FOUND_MAX || !digest_file(f->room.data, &size, &digest))
    return false;
  f->found++;
  amz_buf_addf(f->out, "%s ", kind);
  amz_buf_add_printable(f->out, word, strlen(word), 1024);
  amz_buf_addf(f->out, " %" PRIu64 " %016" PRIx64 "\n", size, digest);
  return true;
}

/* A file that is named by its path, seen from where tasks run. */
static bool add_file(struct finder *f, const char *kind, const char *word)
{
  amz_buf_reset(&f->room);
  if (*word != '/' && f->workdir)
    amz_buf_addf(&f->room, "%s/", f->workdir);
  amz_buf_adds(&f->room, word);
  return add_found(f, kind, word);
}

static bool add_program(struct finder *f, const char *word)
{
  const char *at = f->path;

  if (strchr(word, '/'))
    return add_file(f, "program", word);
  while (at) {
    size_t n = strcspn(at, ":");

    amz_buf_reset(&f->room);
    amz_buf_add(&f->room, n ? at : ".", n ? n : 1);
    amz_buf_addf(&f->room, "/%s", word);
    if (amz_buf_ok(&f->room) == AMZ_OK && access(f->room.data, X_OK) == 0)
      return add_found(f, "program", word);
    at = at[n] == ':' ? at + n + 1 : NULL;
  }
  return false;
}

/* ---- words ---------------------------------------------------------------------------------------------------------------- */

/* Whether the name is one of these, digits and dots of a version behind it not counted. */
static bool is_one_of(const char *word, const char *const *names)
{
  const char *slash = strrchr(word, '/'), *name = slash ? slash + 1 : word;

  for (; *names; names++) {
    size_t n = strlen(*names);

    if (strncmp(name, *names, n) == 0 && strspn(name + n, "0123456789.") == strlen(name + n))
      return true;
  }
  return false;
}

static bool is_interpreter(const char *word)
{
  static const char *const names[] = {"python", "pypy", "perl", "ruby", "Rscript", "julia", "node", "lua", "php", "java",
                                      "octave", "guile",
                                      "sh", "bash", "dash", "zsh", "ksh", "tclsh", "awk", "gawk", "mawk", NULL};

  return is_one_of(word, names);
}

static bool is_wrapper(const char *word)
{
  static const char *const names[] = {"env", "nice", "ionice", "nohup", "setsid", "timeout", "stdbuf", "taskset", "chrt",
                                      "numactl", "time",
                                      "exec", "command", NULL};

  return is_one_of(word, names);
}

/* What a task starts, word by word; NULL stands where a command of a shell's text ends, and for what is no plain word. */
struct words {
  const char *items[WORDS_MAX];
  size_t n;
  struct amz_buf memory;
};

static bool is_plain(const char *word, size_t n)
{
  static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_./+-=:,@%";

  for (size_t i = 0; i < n; i++)
    if (!memchr(plain, word[i], sizeof plain - 1))
      return false;
  return n > 0;
}

static void add_shell_words(const char *text, struct words *w)
{
  size_t at[WORDS_MAX];

  while (*text && w->n < WORDS_MAX) {
    size_t n = strcspn(text, " \t\n;|&()<>");

    if (n == 0) {
      at[w->n] = SIZE_MAX;
      w->n += !strchr(" \t", *text) && w->n > 0 && at[w->n - 1] != SIZE_MAX;
      text++;
      continue;
    }
    at[w->n++] = is_plain(text, n) ? w->memory.len : SIZE_MAX;
    amz_buf_add(&w->memory, text, n);
    amz_buf_addc(&w->memory, '\0');
    text += n;
  }
  for (size_t i = 0; i < w->n; i++)
    w->items[i] = at[i] == SIZE_MAX || w->memory.failed ? NULL : w->memory.data + at[i];
}

static void words_of(const struct amz_task *task, struct words *w)
{
  if (task->shell && task->argc == 3) {
    add_shell_words(task->argv[2], w);
    return;
  }
  for (size_t i = 0; i < task->argc && w->n < WORDS_MAX; i++)
    w->items[w->n++] = task->argv[i];
}

/* What isn't the same in both is a value. */
static void keep_common(struct words *w, const struct words *other)
{
  for (size_t i = 0; i < w->n; i++)
    if (i >= other->n || !other->items[i] || (w->items[i] && strcmp(w->items[i], other->items[i]) != 0))
      w->items[i] = NULL;
}

/* One command, from word `at` on. \return the word behind what was read. */
static size_t add_command(struct finder *f, const struct words *w, size_t at)
{
  bool begins = true, wrapped = false, script = false;

  for (; at < w->n && w->items[at]; at++) {
    const char *word = w->items[at];

    if (*word == '-' || (begins && strchr(word, '=')))
      continue;
    if (begins) {
      bool found = add_program(f, word);

      script = is_interpreter(word);
      begins = is_wrapper(word) || (wrapped && !found); /* its numbers are no programs, what follows them may be one */
      wrapped = begins;
    } else if (script) {
      script = !add_file(f, "script", word);
    }
  }
  return at;
}

/* ---- a job ---------------------------------------------------------------------------------------------------------------- */

static int fill(const struct amz_job *job, uint64_t index, struct amz_task *task, struct amz_error *err)
{
  static const struct amz_place place = {.threads = 1};

  return amz_job_kind(job) == AMZ_TASK_STREAM ? amz_program_fill(job, &place, task, err) : amz_task_fill(job, index, &place, task,
      err);
}

static const char *path_of(const struct amz_task *task, const struct amz_environment *env)
{
  for (size_t i = 0; i < task->n_env; i++)
    if (strncmp(task->env[i], "PATH=", 5) == 0)
      return task->env[i] + 5;
  return env->get(env->ctx, "PATH");
}

static void add_commands(const struct amz_task *first, const struct amz_task *last, const struct amz_environment *env,
                         struct amz_buf *out)
{
  struct words a = {.memory = AMZ_BUF_INIT}, b = {.memory = AMZ_BUF_INIT};
  struct finder f = {.path = path_of(first, env), .workdir = first->workdir, .out = out, .room = AMZ_BUF_INIT};

  words_of(first, &a);
  words_of(last, &b);
  keep_common(&a, &b);
  for (size_t at = 0; at < a.n; at++)
    at = add_command(&f, &a, at);
  out->failed = out->failed || a.memory.failed || b.memory.failed || f.room.failed;
  amz_buf_clear(&f.room);
  amz_buf_clear(&a.memory);
  amz_buf_clear(&b.memory);
}

int amz_history_programs(const struct amz_job *job, const struct amz_environment *env, struct amz_buf *out, struct amz_error *err)
{
  const struct amz_plugin *plugin = amz_job_plugin(job);
  struct finder f = {.out = out, .room = AMZ_BUF_INIT};
  struct amz_task first, last;
  int rc = AMZ_OK;

  if (plugin) {
    (void)add_file(&f, "plugin", plugin->path);
    amz_buf_clear(&f.room);
    return amz_buf_ok(out);
  }
  if (amz_job_tasks(job) == 0)
    return AMZ_OK;
  amz_task_init(&first);
  amz_task_init(&last);
  if ((rc = fill(job, 0, &first, err)) == AMZ_OK && (rc = fill(job, amz_job_tasks(job) - 1, &last, err)) == AMZ_OK)
    add_commands(&first, &last, env, out);
  amz_task_clear(&first);
  amz_task_clear(&last);
  return rc < 0 ? rc : amz_buf_ok(out);
}
