/* Answering rank 0's questions about the packs of our node, and about the files of results beside them. */
#define _GNU_SOURCE
#include "give.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <amorsize/alloc.h>
#include <amorsize/nodedir.h>
#include <amorsize/results.h>

#include "clock.h"
#include "gather_words.h"

#define SECOND INT64_C(1000000000)
#define SILENT_NS (90 * SECOND)       /* as everywhere; rank 0 gives signs of life while it is busy with others */
#define AFTER_SIGNAL_NS (10 * SECOND) /* for rank 0 to let us go */

static void close_file(struct amz_giver *g)
{
  if (g->file_fd >= 0)
    (void)close(g->file_fd);
  g->file_fd = -1;
}

static void forget_list(struct amz_giver *g)
{
  close_file(g);
  for (size_t i = 0; i < g->n; i++)
    free(g->names[i]);
  g->n = 0;
  if (g->out_fd >= 0)
    (void)close(g->out_fd);
  g->out_fd = -1;
}

void amz_giver_clear(struct amz_giver *g)
{
  forget_list(g);
  free(g->names);
  amz_buf_clear(&g->word);
  *g = (struct amz_giver)AMZ_GIVER_INIT;
}

static void begin(struct amz_giver *g, enum amz_give what)
{
  amz_word_begin(AMZ_WORD_GIVE, &g->word);
  amz_buf_add_u8(&g->word, (uint8_t)what);
}

static void trouble(struct amz_giver *g, const char *what, int code)
{
  begin(g, AMZ_GIVE_TROUBLE);
  amz_buf_addf(&g->word, "%s%s%s", what, code ? ": " : "", code ? strerror(code) : "");
}

/* ---- LIST --------------------------------------------------------------------------------------------------------------- */

static int add_file(struct amz_giver *g, const char *name, uint64_t size)
{
  if (g->n >= AMZ_GATHER_FILES_MAX)
    return AMZ_OK; /* the next listing has the others */
  if (amz_grow((void **)&g->names, &g->cap, g->n + 1, sizeof *g->names) < 0 ||
      !(g->names[g->n] = amz_strndup(name, strlen(name))))
    return AMZ_ENOMEM;
  g->n++;
  amz_buf_add_bytes(&g->word, name, strlen(name));
  amz_buf_add_u64(&g->word, size);
  return AMZ_OK;
}

static int list_entry(struct amz_giver *g, const char *name)
{
  struct stat st;
  uint32_t rank, epoch;

  if ((!amz_pack_name(name, &rank, &epoch) && !amz_results_apart_name(name, &rank, &epoch)) ||
      fstatat(g->out_fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0 || !S_ISREG(st.st_mode))
    return AMZ_OK;
  return add_file(g, name, (uint64_t)st.st_size);
}

static int list_all(struct amz_giver *g)
{
  int fd = dup(g->out_fd), rc = AMZ_OK;
  DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;
  struct dirent *e;

  if (!dir) {
    if (fd >= 0)
      (void)close(fd);
    return AMZ_EIO;
  }
  while (rc == AMZ_OK && (errno = 0, e = readdir(dir)))
    rc = list_entry(g, e->d_name);
  if (rc == AMZ_OK && errno)
    rc = AMZ_EIO;
  (void)closedir(dir);
  return rc;
}

static void fill_count(struct amz_giver *g, size_t at)
{
  for (size_t i = 0; i < 4 && !g->word.failed; i++)
    g->word.data[at + i] = (char)(g->n >> (8 * i));
}

static int give_list(struct amz_giver *g, const char *path)
{
  struct amz_error err;
  size_t at;
  int rc;

  forget_list(g);
  rc = amz_nodedir_open(path, &err, &g->out_fd);
  if (rc < 0 && rc != AMZ_ENOENT) {
    trouble(g, err.text, 0);
    return AMZ_OK;
  }
  begin(g, AMZ_GIVE_FILES);
  at = g->word.len;
  amz_buf_add_u32(&g->word, 0);
  rc = rc == AMZ_OK ? list_all(g) : AMZ_OK;
  fill_count(g, at);
  if (rc == AMZ_EIO)
    trouble(g, path, errno);
  return rc == AMZ_EIO ? AMZ_OK : rc;
}

/* ---- READ, DROP --------------------------------------------------------------------------------------------------------- */

static bool open_file(struct amz_giver *g, size_t file)
{
  if (g->file_fd >= 0 && g->file == file)
    return true;
  close_file(g);
  g->file = file;
  g->file_fd = openat(g->out_fd, g->names[file], O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
  return g->file_fd >= 0;
}

/* \return how many bytes; -1 with errno. */
static ssize_t read_at(int fd, char *to, size_t n, uint64_t offset)
{
  size_t have = 0;

  while (have < n) {
    ssize_t got = pread(fd, to + have, n - have, (off_t)(offset + have));

    if (got < 0 && errno == EINTR)
      continue;
    if (got < 0)
      return -1;
    if (got == 0)
      break;
    have += (size_t)got;
  }
  return (ssize_t)have;
}

static int give_piece(struct amz_giver *g, struct amz_cursor *c)
{
  uint32_t file = amz_cursor_u32(c), n, sum;
  uint64_t offset = amz_cursor_u64(c);
  size_t head;
  ssize_t got;
  char *room;

  n = amz_cursor_u32(c);
  if (c->failed || file >= g->n || n > AMZ_GATHER_PIECE || offset > (uint64_t)INT64_MAX - n) {
    trouble(g, "no such piece", 0);
    return AMZ_OK;
  }
  begin(g, AMZ_GIVE_PIECE);
  amz_buf_add_u32(&g->word, file);
  amz_buf_add_u64(&g->word, offset);
  head = g->word.len + 4;
  room = amz_buf_add_space(&g->word, 4 + (size_t)n);
  if (!room)
    return AMZ_ENOMEM;
  got = open_file(g, file) ? read_at(g->file_fd, room + 4, n, offset) : -1;
  if (got < 0 || (size_t)got < n) {
    trouble(g, g->names[file], got < 0 ? errno : EIO);
    return AMZ_OK;
  }
  sum = amz_incoming_sum(g->word.data + head, n);
  for (size_t i = 0; i < 4; i++)
    g->word.data[head - 4 + i] = (char)(sum >> (8 * i));
  return AMZ_OK;
}

static void drop(struct amz_giver *g, struct amz_cursor *c)
{
  uint32_t file = amz_cursor_u32(c);

  if (c->failed || file >= g->n) {
    trouble(g, "no such pack", 0);
    return;
  }
  close_file(g);
  if (unlinkat(g->out_fd, g->names[file], 0) < 0 && errno != ENOENT) {
    trouble(g, g->names[file], errno);
    return;
  }
  begin(g, AMZ_GIVE_DROPPED);
  amz_buf_add_u32(&g->word, file);
}

/* ---- all of them --------------------------------------------------------------------------------------------------------- */

/* \return the text, which has to be released; NULL when there is none. */
static char *read_path(struct amz_cursor *c)
{
  const void *bytes;
  size_t n;

  amz_cursor_bytes(c, &bytes, &n);
  return c->failed || n == 0 || memchr(bytes, '\0', n) ? NULL : amz_strndup(bytes, n);
}

static int with_path(struct amz_giver *g, struct amz_cursor *c, bool clear)
{
  char *path = read_path(c);
  int rc = AMZ_OK;

  if (!path) {
    trouble(g, "no path", 0);
    return AMZ_OK;
  }
  if (clear) {
    forget_list(g);
    amz_nodedir_remove(path);
  } else {
    rc = give_list(g, path);
  }
  free(path);
  return rc;
}

/* Leaves the answer in g->word; none when it stays empty. */
static int answer(struct amz_giver *g, struct amz_cursor *c)
{
  switch ((enum amz_ask)amz_cursor_u8(c)) {
  case AMZ_ASK_LIST:
    return with_path(g, c, false);
  case AMZ_ASK_READ:
    return give_piece(g, c);
  case AMZ_ASK_DROP:
    drop(g, c);
    return AMZ_OK;
  case AMZ_ASK_CLEAR:
    return with_path(g, c, true);
  case AMZ_ASK_LEAVE:
    g->told_to_leave = true;
    return AMZ_OK;
  }
  trouble(g, "a question that is not understood", 0);
  return AMZ_OK;
}

int amz_giver_answer(struct amz_giver *g, const void *question, size_t n)
{
  struct amz_cursor c = amz_cursor_over(question, n);
  int rc;

  c.pos = 2;
  amz_buf_reset(&g->word);
  rc = answer(g, &c);
  return rc < 0 ? rc : amz_buf_ok(&g->word);
}

int amz_giver_hear(struct amz_giver *g, const struct amz_rank_link *link, const struct amz_mpi_message *got,
                   struct amz_error *err)
{
  int rc = amz_giver_answer(g, got->bytes, got->n);

  if (rc < 0)
    return amz_error_set(err, rc, "cannot give packs: %s", amz_err_name(rc));
  return g->word.len > 0 ? amz_word_send(link, got->source, &g->word, err) : AMZ_OK;
}

static int serve_one(struct amz_giver *g, const struct amz_rank_link *link, int64_t *heard_ns, int64_t *until_ns,
                     struct amz_error *err)
{
  int64_t now_ns = amz_clock_monotonic_ns();
  struct amz_mpi_message got;
  int number, heard = amz_words_wait(link, now_ns + SECOND, &got, &number, err);

  if (heard == AMZ_HEARD_SIGNAL) {
    if (*until_ns == AMZ_NEVER)
      *until_ns = now_ns + AFTER_SIGNAL_NS;
    return amz_word_send_signal(link->net, link->mpi, number);
  }
  if (heard != AMZ_HEARD_MESSAGE)
    return heard;
  if (got.source == 0)
    *heard_ns = now_ns;
  return amz_word_is(&got, AMZ_WORD_ASK) && got.source == 0 ? amz_giver_hear(g, link, &got, err) : AMZ_OK;
}

int amz_giver_serve(struct amz_giver *g, const struct amz_rank_link *link, int64_t master_pid, struct amz_error *err)
{
  int64_t heard_ns = amz_clock_monotonic_ns(), until_ns = AMZ_NEVER, now_ns = heard_ns;
  int rc = AMZ_OK;

  while (rc == AMZ_OK && !g->told_to_leave) {
    if (amz_process_is_gone(master_pid) || now_ns - heard_ns >= SILENT_NS || now_ns >= until_ns)
      return amz_error_set(err, AMZ_EENV, "rank %u: rank 0 is gone; outputs stay on this node, and are gathered by resume",
                           link->net->rank(link->mpi));
    rc = serve_one(g, link, &heard_ns, &until_ns, err);
    now_ns = amz_clock_monotonic_ns();
  }
  return rc;
}
