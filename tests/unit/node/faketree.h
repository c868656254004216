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
