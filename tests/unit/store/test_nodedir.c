/* Directories of a node's own, and packs that arrive from them. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <amorsize/nodedir.h>
#include <amorsize/pack.h>
#include <amorsize/store.h>

#include "scratch.h"
#include "../../support/tap.h"

static void keys_differ(void)
{
  char a[AMZ_NODEDIR_KEY], b[AMZ_NODEDIR_KEY];

  CU_ASSERT_FATAL(amz_nodedir_key(a, NULL) == AMZ_OK && amz_nodedir_key(b, NULL) == AMZ_OK);
  ASSERT_U64(strlen(a), 32);
  ASSERT_U64(strspn(a, "0123456789abcdef"), 32);
  CU_ASSERT(strcmp(a, b) != 0);
}

static void is_made_and_removed(void)
{
  struct scratch s;
  struct stat st;
  char *path = NULL, *work = NULL, file[SCRATCH_PATH + 128];
  int fd = -1;

  CU_ASSERT_FATAL(scratch_make(&s) && amz_nodedir_path(s.dir, "0123", &path) == AMZ_OK);
  ASSERT_I64(amz_nodedir_open(path, NULL, &fd), AMZ_ENOENT);
  ASSERT_I64(amz_nodedir_make(path, NULL), AMZ_OK);
  ASSERT_I64(amz_nodedir_make(path, NULL), AMZ_OK); /* another rank of the node */
  CU_ASSERT(stat(path, &st) == 0 && (st.st_mode & 07777) == 0700);
  ASSERT_I64(amz_nodedir_open(path, NULL, &fd), AMZ_OK);
  CU_ASSERT(fd >= 0 && close(fd) == 0);
  CU_ASSERT_FATAL(amz_nodedir_work(path, NULL, &work) == AMZ_OK);
  CU_ASSERT(stat(work, &st) == 0 && S_ISDIR(st.st_mode));
  (void)snprintf(file, sizeof file, "%s/out/r00001-e0001.pack", path);
  fd = open(file, O_WRONLY | O_CREAT, 0600);
  CU_ASSERT(fd >= 0 && close(fd) == 0);
  amz_nodedir_remove(path); /* not as long as there is something in it */
  CU_ASSERT(access(file, F_OK) == 0);
  CU_ASSERT(unlink(file) == 0);
  amz_nodedir_remove(path);
  CU_ASSERT(access(path, F_OK) < 0);
  amz_nodedir_remove(path); /* nothing to do */
  free(work);
  free(path);
  scratch_remove(&s);
}

/* What somebody may have put in our directory's place. */
static void traps_are_seen(void)
{
  enum what { LINK, OPEN, FILE_THERE, LINKED_OUT, WORLD };
  static const struct {
    const char *what;
    enum what kind;
    int made;
  } rows[] = {
    {"a symbolic link to a directory", LINK, AMZ_EENV},
    {"a directory that others may enter", OPEN, AMZ_EENV},
    {"a file", FILE_THERE, AMZ_EENV},
    {"a directory of ours whose out is a link", LINKED_OUT, AMZ_OK},
    {"a parent that anybody may change", WORLD, AMZ_EENV},
  };

  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    struct scratch s;
    struct amz_error err;
    char *path = NULL, other[SCRATCH_PATH], out[SCRATCH_PATH + 64];
    int fd = -1;

    CU_ASSERT_FATAL(scratch_make(&s) && amz_nodedir_path(s.dir, "0123", &path) == AMZ_OK);
    CU_ASSERT_FATAL(mkdir(scratch_path(&s, "other", other), 0700) == 0);
    switch (rows[i].kind) {
    case LINK: CU_ASSERT(symlink(other, path) == 0); break;
    case OPEN: CU_ASSERT(mkdir(path, 0700) == 0 && chmod(path, 0750) == 0); break;
    case FILE_THERE: fd = open(path, O_WRONLY | O_CREAT, 0600); CU_ASSERT(fd >= 0 && close(fd) == 0); break;
    case LINKED_OUT:
      (void)snprintf(out, sizeof out, "%s/out", path);
      CU_ASSERT(mkdir(path, 0700) == 0 && symlink(other, out) == 0);
      break;
    case WORLD: CU_ASSERT(chmod(s.dir, 0777) == 0); break;
    }
    ASSERT_ROW_I64(rows[i].what, amz_nodedir_make(path, &err), rows[i].made);
    ASSERT_ROW_I64(rows[i].what, amz_nodedir_open(path, &err, &fd) < 0, 1);
    free(path);
    CU_ASSERT(chmod(s.dir, 0700) == 0);
    scratch_remove(&s);
  }
}

static void names_of_packs(void)
{
  static const struct {
    const char *name;
    int is;
    uint32_t rank, epoch;
  } rows[] = {
    {"r00001-e0002.pack", 1, 1, 2}, {"r123456-e12345.pack", 1, 123456, 12345}, {"r00001-e0002.pack~", 0, 0, 0},
        {"r1-e2", 0, 0, 0},
    {".arriving", 0, 0, 0}, {"", 0, 0, 0}, {"../r00001-e0002.pack", 0, 0, 0},
  };

  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    uint32_t rank = 0, epoch = 0;

    ASSERT_ROW_I64(rows[i].name, amz_pack_name(rows[i].name, &rank, &epoch), rows[i].is);
    if (rows[i].is)
      ASSERT_ROW_U64(rows[i].name, rank * 100000u + epoch, rows[i].rank * 100000u + rows[i].epoch);
  }
}

/* A pack with one task's output, as bytes. \return how many. */
static size_t pack_bytes(const struct scratch *s, char *bytes, size_t room)
{
  struct amz_pack_writer w;
  struct amz_pack_end end = {.result = {.position = 4, .attempt = 1, .outcome = AMZ_SUCCEEDED}};
  char path[SCRATCH_PATH];
  uint64_t link = 0;
  ssize_t n = -1;
  int fd;

  if (amz_pack_create(scratch_path(s, "written", path), 7, 2, NULL, &w) == AMZ_OK &&
      amz_pack_data(&w, 4, 1, 1, "hello", 5, &link) == AMZ_OK &&
      amz_pack_finish(&w, &end, NULL, &link) == AMZ_OK) {
    amz_pack_close(&w);
    fd = open(path, O_RDONLY);
    n = fd >= 0 ? read(fd, bytes, room) : -1;
    if (fd >= 0)
      (void)close(fd);
  }
  return n > 0 ? (size_t)n : 0;
}

#define NAME "r00007-e0002.pack"

static void a_pack_arrives(void)
{
  struct scratch s;
  struct amz_incoming in;
  char bytes[4096], out[SCRATCH_PATH], path[SCRATCH_PATH], aside[SCRATCH_PATH];
  size_t n;

  CU_ASSERT_FATAL(scratch_make(&s) && mkdir(scratch_path(&s, "out", out), 0700) == 0);
  n = pack_bytes(&s, bytes, sizeof bytes);
  CU_ASSERT_FATAL(n > 100);
  (void)scratch_path(&s, "out/" NAME, path);
  (void)scratch_path(&s, "out/.arriving", aside);

  ASSERT_I64(amz_incoming_begin(&in, s.dir, "../../etc/passwd", n, NULL), AMZ_EINVAL);
  ASSERT_I64(amz_incoming_begin(&in, s.dir, NAME, n, NULL), AMZ_OK);
  ASSERT_I64(amz_incoming_add(&in, bytes, n - 10, NULL), AMZ_OK);
  ASSERT_I64(amz_incoming_finish(&in, NULL), AMZ_ECORRUPT); /* short */
  CU_ASSERT(access(path, F_OK) < 0 && access(aside, F_OK) < 0);

  ASSERT_I64(amz_incoming_begin(&in, s.dir, NAME, n, NULL), AMZ_OK);
  ASSERT_I64(amz_incoming_add(&in, bytes, n - 10, NULL), AMZ_OK);
  ASSERT_I64(amz_incoming_add(&in, bytes, 11, NULL), AMZ_ERANGE); /* more than announced */
  ASSERT_I64(amz_incoming_add(&in, bytes + n - 10, 10, NULL), AMZ_OK);
  CU_ASSERT(access(path, F_OK) < 0); /* nobody sees half of it */
  ASSERT_I64(amz_incoming_finish(&in, NULL), AMZ_OK);
  CU_ASSERT(access(path, F_OK) == 0 && access(aside, F_OK) < 0);
  ASSERT_I64(amz_incoming_begin(&in, s.dir, NAME, n, NULL), AMZ_ENOENT); /* there already */

  ASSERT_I64(amz_incoming_begin(&in, s.dir, "r00008-e0002.pack", n, NULL), AMZ_OK); /* under another one's name */
  ASSERT_I64(amz_incoming_add(&in, bytes, n, NULL), AMZ_OK);
  ASSERT_I64(amz_incoming_finish(&in, NULL), AMZ_ECORRUPT);
  ASSERT_I64(amz_incoming_begin(&in, s.dir, "r00008-e0002.pack", n, NULL), AMZ_OK);
  amz_incoming_drop(&in);
  CU_ASSERT(access(aside, F_OK) < 0);
  scratch_remove(&s);
}

/* CRC-32's check value, from the catalogue of parametrised CRC algorithms. */
static void the_sum_is_a_crc32(void)
{
  ASSERT_U64(amz_incoming_sum("123456789", 9), 0xCBF43926u);
  ASSERT_U64(amz_incoming_sum("", 0), 0);
}

int main(void)
{
  static const struct amz_test tests[] = {
    {"keys differ", keys_differ},
    {"a directory is made and removed", is_made_and_removed},
    {"traps are seen", traps_are_seen},
    {"names of packs", names_of_packs},
    {"a pack arrives", a_pack_arrives},
    {"the sum is a CRC-32", the_sum_is_a_crc32},
    {NULL, NULL},
  };

  return amz_test_main("nodedir", tests, 0);
}
