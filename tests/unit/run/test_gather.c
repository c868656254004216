/* What is needed to collect packs: the list of places, and a giver that answers questions, also senseless ones. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <amorsize/nodedir.h>
#include <amorsize/store.h>

#include "../../../src/run/gather_words.h"
#include "../../../src/run/give.h"
#include "../../../src/run/places.h"
#include "../../support/tap.h"
#include "../store/scratch.h"

#define KEY "00112233445566778899aabbccddeeff"

/* ---- places ------------------------------------------------------------------------------------------------------------- */

static void places_are_kept(void)
{
  struct scratch s;
  struct amz_places p, q;

  CU_ASSERT_FATAL(scratch_make(&s));
  ASSERT_I64(amz_places_read(s.dir, &p, NULL), AMZ_OK); /* there are none */
  ASSERT_TEXT(p.key, "");
  ASSERT_I64(amz_places_write(s.dir, &p, NULL), AMZ_OK); /* nothing to write */
  ASSERT_I64(access(s.dir, F_OK), 0);
  memcpy(p.key, KEY, sizeof p.key);
  ASSERT_I64(amz_places_add(&p, "n1", "/tmp/a b"), AMZ_OK);
  ASSERT_I64(amz_places_add(&p, "n2", "/tmp/c"), AMZ_OK);
  ASSERT_I64(amz_places_add(&p, "n1", "/tmp/a b"), AMZ_OK); /* known */
  ASSERT_I64(amz_places_add(&p, "n1", "/other"), AMZ_OK);
  ASSERT_I64(amz_places_add(&p, "n 3", "/x"), AMZ_EINVAL);
  ASSERT_I64(amz_places_add(&p, "n3", "/x\ny"), AMZ_EINVAL);
  ASSERT_I64(amz_places_write(s.dir, &p, NULL), AMZ_OK);
  ASSERT_I64(amz_places_read(s.dir, &q, NULL), AMZ_OK);
  ASSERT_TEXT(q.key, KEY);
  ASSERT_U64(q.n, 3);
  ASSERT_TEXT(amz_places_find(&q, "n1"), "/tmp/a b");
  amz_places_remove(&q, 0);
  ASSERT_TEXT(amz_places_find(&q, "n1"), "/other");
  CU_ASSERT(amz_places_find(&q, "n9") == NULL);
  amz_places_clear(&p);
  amz_places_clear(&q);
  scratch_remove(&s);
}

static void damage_is_told(void)
{
  static const struct {
    const char *what, *text;
  } rows[] = {
    {"no key", "at n1 /tmp/a\n"},
    {"a short key", "key 0011\n"},
    {"a key that leaves its directory", "key ../../../../../../../../../../ab\n"},
    {"an unknown word", "key " KEY "\nwhat\n"},
    {"no path", "key " KEY "\nat n1\n"},
    {"a relative path", "key " KEY "\nat n1 tmp\n"},
    {"a torn line", "key " KEY "\nat n1 /tmp"},
    {"nothing", ""},
  };
  struct scratch s;
  struct amz_error err;

  CU_ASSERT_FATAL(scratch_make(&s));
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    struct amz_places p;

    CU_ASSERT(amz_rundir_write(s.dir, "gather", rows[i].text, strlen(rows[i].text), false, NULL) == AMZ_OK);
    ASSERT_ROW_I64(rows[i].what, amz_places_read(s.dir, &p, &err), AMZ_ECORRUPT);
    ASSERT_ROW_U64(rows[i].what, p.n, 0);
  }
  scratch_remove(&s);
}

/* ---- a giver ------------------------------------------------------------------------------------------------------------ */

static void begin(struct amz_buf *word, enum amz_ask what)
{
  amz_word_begin(AMZ_WORD_ASK, word);
  amz_buf_add_u8(word, (uint8_t)what);
}

static struct amz_cursor ask(struct amz_giver *g, const struct amz_buf *word, uint8_t *ret_what)
{
  struct amz_cursor c;

  ASSERT_I64(amz_giver_answer(g, word->data, word->len), AMZ_OK);
  c = amz_cursor_over(g->word.data, g->word.len);
  c.pos = g->word.len < 2 ? g->word.len : 2;
  *ret_what = c.pos < c.len ? amz_cursor_u8(&c) : 0;
  return c;
}

static uint8_t ask_path(struct amz_giver *g, enum amz_ask what, const char *path, struct amz_cursor *ret)
{
  struct amz_buf word = AMZ_BUF_INIT;
  uint8_t answer;

  begin(&word, what);
  amz_buf_add_bytes(&word, path, strlen(path));
  *ret = ask(g, &word, &answer);
  amz_buf_clear(&word);
  return answer;
}

static uint8_t ask_piece(struct amz_giver *g, uint32_t file, uint64_t offset, uint32_t n, struct amz_cursor *ret)
{
  struct amz_buf word = AMZ_BUF_INIT;
  uint8_t answer;

  begin(&word, AMZ_ASK_READ);
  amz_buf_add_u32(&word, file);
  amz_buf_add_u64(&word, offset);
  amz_buf_add_u32(&word, n);
  *ret = ask(g, &word, &answer);
  amz_buf_clear(&word);
  return answer;
}

static uint8_t ask_drop(struct amz_giver *g, uint32_t file)
{
  struct amz_buf word = AMZ_BUF_INIT;
  uint8_t answer;

  begin(&word, AMZ_ASK_DROP);
  amz_buf_add_u32(&word, file);
  (void)ask(g, &word, &answer);
  amz_buf_clear(&word);
  return answer;
}

static bool put_file(const char *dir, const char *name, const char *text)
{
  char path[SCRATCH_PATH];
  int fd;

  (void)snprintf(path, sizeof path, "%s/out/%s", dir, name);
  fd = open(path, O_WRONLY | O_CREAT, 0600);
  if (fd < 0)
    return false;
  if (write(fd, text, strlen(text)) != (ssize_t)strlen(text)) {
    (void)close(fd);
    return false;
  }
  return close(fd) == 0;
}

static void packs_are_given(void)
{
  struct amz_giver g = AMZ_GIVER_INIT;
  struct scratch s;
  struct amz_cursor c;
  const void *bytes;
  char *path = NULL;
  size_t n;

  CU_ASSERT_FATAL(scratch_make(&s) && amz_nodedir_path(s.dir, KEY, &path) == AMZ_OK);
  ASSERT_U64(ask_path(&g, AMZ_ASK_LIST, path, &c), AMZ_GIVE_FILES); /* no such directory: nothing lies there */
  ASSERT_U64(amz_cursor_u32(&c), 0);
  CU_ASSERT_FATAL(amz_nodedir_make(path, NULL) == AMZ_OK && put_file(path, "r00003-e0001.pack", "123456789") &&
                  put_file(path, "other", "x"));
  ASSERT_U64(ask_path(&g, AMZ_ASK_LIST, path, &c), AMZ_GIVE_FILES);
  ASSERT_U64(amz_cursor_u32(&c), 1);
  amz_cursor_bytes(&c, &bytes, &n);
  CU_ASSERT(n == 17 && memcmp(bytes, "r00003-e0001.pack", n) == 0);
  ASSERT_U64(amz_cursor_u64(&c), 9);

  ASSERT_U64(ask_piece(&g, 0, 2, 4, &c), AMZ_GIVE_PIECE);
  ASSERT_U64(amz_cursor_u32(&c), 0);
  ASSERT_U64(amz_cursor_u64(&c), 2);
  ASSERT_U64(amz_cursor_u32(&c), amz_incoming_sum("3456", 4));
  CU_ASSERT(amz_cursor_left(&c) == 4 && memcmp(c.data + c.pos, "3456", 4) == 0);

  ASSERT_U64(ask_piece(&g, 0, 6, 4, &c), AMZ_GIVE_TROUBLE); /* behind its end */
  ASSERT_U64(ask_piece(&g, 1, 0, 1, &c), AMZ_GIVE_TROUBLE);
  ASSERT_U64(ask_piece(&g, 0, UINT64_MAX, 1, &c), AMZ_GIVE_TROUBLE);
  ASSERT_U64(ask_piece(&g, 0, 0, UINT32_MAX, &c), AMZ_GIVE_TROUBLE);
  ASSERT_U64(ask_drop(&g, 1), AMZ_GIVE_TROUBLE);
  ASSERT_U64(ask_drop(&g, 0), AMZ_GIVE_DROPPED);
  ASSERT_U64(ask_drop(&g, 0), AMZ_GIVE_DROPPED); /* told again: it is gone */
  ASSERT_U64(ask_path(&g, AMZ_ASK_LIST, path, &c), AMZ_GIVE_FILES);
  ASSERT_U64(amz_cursor_u32(&c), 0);
  ASSERT_U64(ask_path(&g, AMZ_ASK_CLEAR, path, &c), 0); /* 'other' is left in it */
  ASSERT_I64(access(path, F_OK), 0);
  amz_giver_clear(&g);
  free(path);
  scratch_remove(&s);
}

static void nonsense_is_refused(void)
{
  static const struct {
    const char *what, *bytes;
    size_t n;
  } rows[] = {
    {"no question", "\x41\x04", 2},
    {"an unknown one", "\x41\x04\x63", 3},
    {"a list without a path", "\x41\x04\x01", 3},
    {"a path that isn't there", "\x41\x04\x01\xff\xff\xff\xff/", 8},
    {"a path with a NUL", "\x41\x04\x01\x02\x00\x00\x00/\x00", 9},
    {"half a piece", "\x41\x04\x02\x00\x00\x00\x00\x00", 8},
    {"half a drop", "\x41\x04\x03\x00", 4},
  };

  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    struct amz_giver g = AMZ_GIVER_INIT;

    ASSERT_ROW_I64(rows[i].what, amz_giver_answer(&g, rows[i].bytes, rows[i].n), AMZ_OK);
    ASSERT_ROW_U64(rows[i].what, g.word.len > 2 ? (uint8_t)g.word.data[2] : 0, AMZ_GIVE_TROUBLE);
    CU_ASSERT(!g.told_to_leave);
    amz_giver_clear(&g);
  }
}

int main(void)
{
  static const struct amz_test tests[] = {
    {"places are kept", places_are_kept},
    {"damage is told", damage_is_told},
    {"packs are given", packs_are_given},
    {"nonsense is refused", nonsense_is_refused},
    {NULL, NULL},
  };

  return amz_test_main("gather", tests, 0);
}
