/* Trees of /proc and /sys made by hand below a temporary directory. For nftw, _GNU_SOURCE is defined before this is included. */
#ifndef AMZ_TESTS_NODE_FAKETREE_H
#define AMZ_TESTS_NODE_FAKETREE_H

#include <errno.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <CUnit/CUnit.h>

#include "injected.h"

#define FAKE_ROOT_MAX 64

static inline void make_root(char root[FAKE_ROOT_MAX])
{
  (void)snprintf(root, FAKE_ROOT_MAX, "/tmp/amorsize-tree.XXXXXX");
  CU_ASSERT_FATAL(mkdtemp(root) != NULL);
}

static inline void put_bytes(const char *root, const char *path, const char *bytes, size_t n)
{
  char full[4096];
  FILE *f;

  (void)snprintf(full, sizeof full, "%s%s", root, path);
  for (char *at = full + strlen(root) + 1; (at = strchr(at, '/')); at++) {
    *at = '\0';
    CU_ASSERT_FATAL(mkdir(full, 0755) == 0 || errno == EEXIST);
    *at = '/';
  }
  f = fopen(full, "w");
  CU_ASSERT_FATAL(f != NULL && fwrite(bytes, 1, n, f) == n);
  CU_ASSERT_FATAL(fclose(f) == 0);
}

/* Files from a table that {NULL, NULL} ends. */
static inline void put_files(const char *root, const struct pair *files)
{
  for (; files->name; files++)
    put_bytes(root, files->name, files->text, strlen(files->text));
}

/* ---- ways in which a file can be wrong --------------------------------------------------------------------------------- */

enum wrong {
  WRONG_MISSING, WRONG_DANGLING, WRONG_CUT, WRONG_EMPTY, WRONG_LINE, WRONG_BINARY, WRONG_LONG, WRONG_NEGATIVE, WRONG_HUGE,
      WRONG_WORDS,
  WRONG_FOLDER, WRONG_LOOP, WRONG_FORBIDDEN, WRONG_PIPE, WRONG_COUNT
};

static __attribute__((unused)) const char *const wrong_names[WRONG_COUNT] = {
  [WRONG_MISSING] = "missing", [WRONG_DANGLING] = "a link to nothing", [WRONG_CUT] = "cut off in the middle",
      [WRONG_EMPTY] = "empty",
  [WRONG_LINE] = "an empty line", [WRONG_BINARY] = "binary", [WRONG_LONG] = "a line of 10 MB", [WRONG_NEGATIVE] = "negative",
  [WRONG_HUGE] = "beyond all numbers", [WRONG_WORDS] = "words", [WRONG_FOLDER] = "a folder", [WRONG_LOOP] = "a link to itself",
  [WRONG_FORBIDDEN] = "forbidden", [WRONG_PIPE] = "a pipe that nobody writes to",
};

#define LONG_BYTES ((size_t)10 << 20)
#define LONG_FILE "/long"

/* One for all: a file that is to be so long becomes a link to it. */
static inline void put_long(const char *root)
{
  char *text = malloc(LONG_BYTES);

  CU_ASSERT_FATAL(text != NULL);
  memset(text, '1', LONG_BYTES);
  put_bytes(root, LONG_FILE, text, LONG_BYTES);
  free(text);
}

static inline void put_link(const char *root, const char *to, const char *full)
{
  char target[4096];

  (void)snprintf(target, sizeof target, "%s%s", root, to);
  CU_ASSERT_FATAL(symlink(target, full) == 0);
}

static inline void put_content(const char *root, const struct pair *file, enum wrong how)
{
  static const char binary[] = "\0\1\377\376\0007\0\n";
  const char *texts[WRONG_COUNT] = {[WRONG_EMPTY] = "", [WRONG_LINE] = "\n", [WRONG_NEGATIVE] = "-7\n",
                                    [WRONG_WORDS] = "none of your business\n",
                                    [WRONG_HUGE] = "99999999999999999999999999\n", [WRONG_FORBIDDEN] = file->text};

  if (how == WRONG_CUT)
    put_bytes(root, file->name, file->text, strlen(file->text) / 2);
  else if (how == WRONG_BINARY)
    put_bytes(root, file->name, binary, sizeof binary - 1);
  else if (texts[how])
    put_bytes(root, file->name, texts[how], strlen(texts[how]));
}

/* Puts something wrong in the place of a file that is there. put_right undoes it. */
static inline void put_wrong(const char *root, const struct pair *file, enum wrong how)
{
  char full[4096];

  (void)snprintf(full, sizeof full, "%s%s", root, file->name);
  CU_ASSERT_FATAL(remove(full) == 0);
  put_content(root, file, how);
  if (how == WRONG_FOLDER)
    CU_ASSERT_FATAL(mkdir(full, 0755) == 0);
  if (how == WRONG_LONG || how == WRONG_DANGLING)
    put_link(root, how == WRONG_LONG ? LONG_FILE : "/nowhere", full);
  if (how == WRONG_LOOP)
    put_link(root, file->name, full);
  if (how == WRONG_PIPE)
    CU_ASSERT_FATAL(mkfifo(full, 0644) == 0);
  if (how == WRONG_FORBIDDEN)
    CU_ASSERT_FATAL(chmod(full, 0) == 0);
}

static inline void put_right(const char *root, const struct pair *file)
{
  char full[4096];

  (void)snprintf(full, sizeof full, "%s%s", root, file->name);
  (void)remove(full);
  put_bytes(root, file->name, file->text, strlen(file->text));
}

static inline int remove_one(const char *path, const struct stat *st, int type, struct FTW *where)
{
  (void)st;
  (void)type;
  (void)where;
  return remove(path);
}

static inline void remove_root(const char *root)
{
  CU_ASSERT(nftw(root, remove_one, 16, FTW_DEPTH | FTW_PHYS) == 0);
}

/* ---- a described machine, and what its kernel says --------------------------------------------------------------------- */

/* 64 cores with two units each: core c has units 2c and 2c + 1. */
#define MACHINE "pack:2 core:32 pu:2"
#define GIB (UINT64_C(1) << 30)

static __attribute__((unused)) const struct pair machine_files[] = {
  {"/proc/meminfo",
   "MemTotal:       67108864 kB\nMemFree:        1048576 kB\nMemAvailable:   62914560 kB\nSwapTotal: 0 kB\nSwapFree: 0 kB\n"},
  {"/proc/self/limits", "Limit                     Soft Limit           Hard Limit           Units\n"
                        "Max cpu time              unlimited            unlimited            seconds\n"
                        "Max address space         unlimited            unlimited            bytes\n"},
  {"/proc/sys/kernel/hostname", "n4\n"},
  {"/proc/loadavg", "6.40 1.00 0.50 2/300 1234\n"},
  {NULL, NULL},
};

#define V2 "/sys/fs/cgroup"
#define MOUNT_V2 "30 23 0:26 / /sys/fs/cgroup rw,nosuid - cgroup2 cgroup2 rw,nsdelegate\n"
#define MOUNTS_V1 \
  "25 31 0:22 / / rw - ext4 /dev/vda1 rw\n" \
  "32 31 0:29 / /sys/fs/cgroup/cpu,cpuacct rw,relatime shared:9 - cgroup cgroup rw,cpu,cpuacct\n" \
  "35 31 0:32 / /sys/fs/cgroup/memory rw,relatime shared:12 - cgroup cgroup rw,memory\n" \
  "36 31 0:33 / /sys/fs/cgroup/cpuset rw,relatime - cgroup cgroup rw,cpuset\n"

#endif
