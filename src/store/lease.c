/* The lease: which process owns a run directory, on file systems that may have no locks.
 *
 * A lease is a small file that appears with its whole content at once (written aside, then hard-linked to its name, which
 * fails when the name is taken). It is refreshed by its time stamp, which the file system's own clock makes and judges.
 *
 * Taking over from a dead holder has to be safe against another process that judges the same lease dead at the same moment.
 * Whoever wants to replace a lease with nonce N must first own the claim ".lease.after-N", which is made like a lease and
 * judged like one, and must find N still in place once it owns the claim; then it renames its own content over it. So for one
 * N only one process at a time can be between that look and that rename, there is never a moment without a lease, and a
 * claimant who dies in between is succeeded in the same way. */
#include "config.h"

#include <amorsize/store.h>

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "path.h"

#define LEASE_NAME "lease"
#define TEXT_BYTES 1024
#define CLAIMS_DEEP 8   /* claimants who died one after the other */
#define TRIES 8         /* leases that vanish or change while we look */
#define REBOOT_S 15     /* no machine that died can be back so soon: then it's another one of the same name */

struct lease_text {
  char host[256], boot[64], pidns[64], nonce[40];
  int64_t pid;
  uint64_t start; /* of the process, in clock ticks since boot */
};

struct amz_lease {
  char *dir, *path, *aside;
  char text[TEXT_BYTES];
  struct lease_text me;
  int64_t stale_s; /* silence after which a holder elsewhere counts as dead */
};

/* A lease file as it was found. */
struct seen {
  char raw[TEXT_BYTES];
  struct lease_text text;
  bool parsed;
  struct timespec mtime;
};

/* ---- processes ----------------------------------------------------------------------------------------------------------- */

/* Start time and state of a process. \return 0; -1: not to be seen. */
static int process_start(int64_t pid, uint64_t *ret_start, char *ret_state)
{
  char path[64], text[TEXT_BYTES], *at;
  unsigned long long start;

  (void)snprintf(path, sizeof path, "/proc/%" PRId64 "/stat", pid);
  if (amz_read_small(path, text, sizeof text) <= 0)
    return -1;
  at = strrchr(text, ')'); /* the name before it may hold anything */
  if (!at || sscanf(at, ") %c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %*u %*u %*d %*d %*d %*d %*d %*d %llu", ret_state,
                    &start) != 2)
    return -1;
  *ret_start = start;
  return 0;
}

/* Of a process in our own pid name space. */
static bool process_gone(int64_t pid, uint64_t start)
{
  uint64_t start_now;
  char state;

  if (pid <= 0 || (kill((pid_t)pid, 0) < 0 && errno == ESRCH))
    return true;
  if (process_start(pid, &start_now, &state) < 0)
    return false;
  return start_now != start || state == 'Z' || state == 'X';
}

static void trim(char *text)
{
  text[strcspn(text, " \n")] = '\0';
}

static void fill_nonce(char *nonce, size_t n)
{
  unsigned char bytes[16];
  struct timespec now = {0, 0};
  size_t at = 0;

  if (getrandom(bytes, sizeof bytes, 0) != (ssize_t)sizeof bytes) {
    /* early in a boot, or a kernel without it: unique by process and time */
    uint64_t parts[2];

    (void)clock_gettime(CLOCK_REALTIME, &now);
    parts[0] = (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
    parts[1] = (uint64_t)getpid() << 32 | ((uintptr_t)nonce >> 4 & 0xffffffffu);
    memcpy(bytes, parts, sizeof bytes);
  }
  for (size_t i = 0; i < sizeof bytes && at + 3 <= n; i++, at += 2)
    (void)snprintf(nonce + at, n - at, "%02x", bytes[i]);
}

static void describe_me(struct lease_text *me)
{
  char state;
  ssize_t n;

  memset(me, 0, sizeof *me);
  if (gethostname(me->host, sizeof me->host - 1) < 0 || !*me->host)
    (void)snprintf(me->host, sizeof me->host, "unknown");
  trim(me->host);
  if (amz_read_small("/proc/sys/kernel/random/boot_id", me->boot, sizeof me->boot) <= 0)
    (void)snprintf(me->boot, sizeof me->boot, "unknown");
  trim(me->boot);
  n = readlink("/proc/self/ns/pid", me->pidns, sizeof me->pidns - 1);
  if (n <= 0)
    (void)snprintf(me->pidns, sizeof me->pidns, "unknown");
  trim(me->pidns);
  me->pid = (int64_t)getpid();
  if (process_start(me->pid, &me->start, &state) < 0)
    me->start = 0;
  fill_nonce(me->nonce, sizeof me->nonce);
}

/* ---- text ---------------------------------------------------------------------------------------------------------------- */

static void print_text(const struct lease_text *t, char *text, size_t n)
{
  (void)snprintf(text, n, "amorsize-lease 1\nhost %s\nboot %s\npidns %s\npid %" PRId64 "\nstart %" PRIu64 "\nnonce %s\n", t->host,
                 t->boot, t->pidns, t->pid, t->start, t->nonce);
}

static bool parse_text(const char *text, struct lease_text *ret)
{
  struct lease_text t;

  memset(&t, 0, sizeof t);
  if (sscanf(text, "amorsize-lease 1\nhost %255s\nboot %63s\npidns %63s\npid %" SCNd64 "\nstart %" SCNu64 "\nnonce %39s\n",
             t.host, t.boot, t.pidns, &t.pid, &t.start, t.nonce) != 6)
    return false;
  if (strchr(t.nonce, '/')) /* it becomes part of a file's name */
    return false;
  *ret = t;
  return true;
}

/* ---- looking ------------------------------------------------------------------------------------------------------------- */

/* \return 1 with *ret; 0: no such file; AMZ_EIO with errno. */
static int look_file(const char *path, struct seen *ret)
{
  struct stat st;

  memset(ret, 0, sizeof *ret);
  if (amz_read_small(path, ret->raw, sizeof ret->raw) < 0 || stat(path, &st) < 0)
    return errno == ENOENT ? 0 : AMZ_EIO;
  ret->mtime = st.st_mtim;
  ret->parsed = parse_text(ret->raw, &ret->text);
  return 1;
}

/* What the file system's clock says now: the stamp of a file made for the purpose; ours where we may not write. */
static struct timespec clock_of(const char *dir)
{
  struct timespec now = {0, 0};
  struct stat st;
  char *path = amz_path_join(dir, ".lease.clock-XXXXXX");
  int fd = path ? mkostemp(path, O_CLOEXEC) : -1;

  (void)clock_gettime(CLOCK_REALTIME, &now);
  if (fd >= 0) {
    if (futimens(fd, NULL) == 0 && fstat(fd, &st) == 0)
      now = st.st_mtim;
    (void)close(fd);
    (void)unlink(path);
  }
  free(path);
  return now;
}

static bool is_in_sight(const struct lease_text *t, const struct lease_text *me)
{
  return strcmp(t->boot, me->boot) == 0 && strcmp(t->boot, "unknown") != 0 && strcmp(t->pidns, me->pidns) == 0;
}

/* Whether a holder is provably gone. What can't be read is judged by its age alone. */
static bool holder_gone(const struct seen *seen, const struct lease_text *me, int64_t age_s, int64_t stale_s)
{
  const struct lease_text *t = &seen->text;
  bool same_boot = seen->parsed && strcmp(t->boot, me->boot) == 0 && strcmp(t->boot, "unknown") != 0;

  if (seen->parsed && is_in_sight(t, me))
    return process_gone(t->pid, t->start);
  if (seen->parsed && !same_boot && strcmp(t->host, me->host) == 0 && strcmp(t->boot, "unknown") != 0)
    return age_s > REBOOT_S;
  return age_s > stale_s;
}

static void judge(const char *dir, const struct seen *seen, const struct lease_text *me, int64_t stale_s,
                  struct amz_lease_info *ret)
{
  struct timespec now = clock_of(dir);

  memset(ret, 0, sizeof *ret);
  memcpy(ret->host, seen->parsed ? seen->text.host : "unknown", seen->parsed ? sizeof ret->host : sizeof "unknown");
  ret->pid = seen->text.pid;
  ret->age_s = (int64_t)now.tv_sec - (int64_t)seen->mtime.tv_sec;
  if (ret->age_s < 0)
    ret->age_s = 0;
  ret->same_host = seen->parsed && strcmp(seen->text.host, me->host) == 0;
  ret->seen = seen->parsed && is_in_sight(&seen->text, me);
  ret->alive = !holder_gone(seen, me, ret->age_s, stale_s);
}

int amz_lease_look(const char *dir, struct amz_lease_info *ret, struct amz_error *err)
{
  char *path = amz_path_join(dir, LEASE_NAME);
  struct lease_text me;
  struct seen seen;
  int rc;

  if (!path)
    return amz_error_set(err, AMZ_ENOMEM, "out of memory");
  rc = look_file(path, &seen);
  if (rc < 0)
    rc = amz_error_sys(err, AMZ_EIO, errno, "%s: cannot be read", path);
  else if (rc == 0)
    rc = amz_error_set(err, AMZ_ENOENT, "%s: nobody runs it", dir);
  free(path);
  if (rc < 0)
    return rc;
  describe_me(&me);
  judge(dir, &seen, &me, AMZ_LEASE_STALE_S, ret);
  return AMZ_OK;
}

/* ---- taking ------------------------------------------------------------------------------------------------------------- */

static int busy(const struct amz_lease *l, const struct amz_lease_info *who, struct amz_error *err)
{
  if (who->same_host)
    return amz_error_set(err, AMZ_EBUSY,
                         "%s: process %" PRId64 " on this host (%s) runs it now; wait for its end, or 'amorsize-mpi stop %s'",
                         l->dir, who->pid, who->host, l->dir);
  return amz_error_set(err, AMZ_EBUSY,
                       "%s: process %" PRId64 " on host %s runs it, last heard of %" PRId64 " s ago; wait for its end, or "
                       "'amorsize-mpi stop %s'; if it has died, it can be taken %d s after its last sign",
                       l->dir, who->pid, who->host, who->age_s, l->dir, AMZ_LEASE_STALE_S);
}

static int write_new(const char *path, const char *text)
{
  int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
  int rc, saved;

  if (fd < 0)
    return -1;
  rc = amz_write_all(fd, text, strlen(text));
  saved = errno;
  if (close(fd) < 0 && rc == 0) {
    rc = -1;
    saved = errno;
  }
  if (rc < 0)
    (void)unlink(path);
  errno = saved;
  return rc;
}

/* The name appears with its content, or fails with EEXIST. A network file system may say that linking failed when it has been
 * done: the count of links knows. Where there are no hard links, O_EXCL has to do: a reader may then see a lease that is still
 * empty, which is held to be alive as long as it is young. */
static int make_name(const struct amz_lease *l, const char *path)
{
  struct stat before, after;
  int saved;

  if (stat(l->aside, &before) < 0)
    return -1;
  if (link(l->aside, path) == 0)
    return 0;
  saved = errno;
  if (stat(l->aside, &after) == 0 && after.st_nlink == before.st_nlink + 1)
    return 0;
  errno = saved;
  if (saved == EPERM || saved == ENOSYS || saved == EOPNOTSUPP || saved == EMLINK)
    return write_new(path, l->text);
  return -1;
}

static int replace_name(const struct amz_lease *l, const char *path)
{
  struct amz_buf second = AMZ_BUF_INIT;
  int rc = -1;

  amz_buf_addf(&second, "%s-2", l->aside);
  if (amz_buf_ok(&second) == AMZ_OK && write_new(second.data, l->text) == 0) {
    rc = rename(second.data, path);
    if (rc < 0)
      (void)unlink(second.data);
  }
  amz_buf_clear(&second);
  return rc;
}

static int take_name(const struct amz_lease *l, const char *path, int depth, struct amz_error *err);

/* Replaces a lease that was judged dead, under the claim to it. \return AMZ_OK; AMZ_ECLOSED: it has changed; others. */
static int succeed(const struct amz_lease *l, const char *path, const struct seen *dead, int depth, struct amz_error *err)
{
  struct amz_buf name = AMZ_BUF_INIT;
  struct seen now;
  char *claim;
  int rc;

  amz_buf_addf(&name, ".lease.after-%s", dead->parsed ? dead->text.nonce : "unreadable");
  claim = amz_buf_ok(&name) == AMZ_OK ? amz_path_join(l->dir, name.data) : NULL;
  amz_buf_clear(&name);
  if (!claim)
    return amz_error_set(err, AMZ_ENOMEM, "out of memory");
  rc = take_name(l, claim, depth + 1, err);
  if (rc == AMZ_OK) {
    if (look_file(path, &now) != 1 || strcmp(now.raw, dead->raw) != 0 || now.mtime.tv_sec != dead->mtime.tv_sec ||
        now.mtime.tv_nsec != dead->mtime.tv_nsec)
      rc = AMZ_ECLOSED;
    else if (replace_name(l, path) < 0)
      rc = amz_error_sys(err, AMZ_EIO, errno, "%s: cannot be replaced", path);
    (void)unlink(claim);
  }
  free(claim);
  return rc;
}

/* Makes `path` (the lease, or a claim) ours. \return AMZ_OK; AMZ_EBUSY; AMZ_EIO, AMZ_ENOMEM. */
static int take_name(const struct amz_lease *l, const char *path, int depth, struct amz_error *err)
{
  struct amz_lease_info who = {.host = "unknown", .alive = true};
  int rc = AMZ_ECLOSED;

  for (int i = 0; i < TRIES && rc == AMZ_ECLOSED; i++) {
    struct seen seen;

    if (make_name(l, path) == 0)
      return AMZ_OK;
    if (errno != EEXIST)
      return amz_error_sys(err, AMZ_EIO, errno, "%s: cannot be made", path);
    rc = look_file(path, &seen);
    if (rc < 0)
      return amz_error_sys(err, AMZ_EIO, errno, "%s: cannot be read", path);
    if (rc == 0) {
      rc = AMZ_ECLOSED;
      continue;
    }
    judge(l->dir, &seen, &l->me, l->stale_s, &who);
    rc = who.alive || depth >= CLAIMS_DEEP ? busy(l, &who, err) : succeed(l, path, &seen, depth, err);
  }
  return rc == AMZ_ECLOSED ? busy(l, &who, err) : rc;
}

static void lease_free(struct amz_lease *l)
{
  if (!l)
    return;
  free(l->dir);
  free(l->path);
  free(l->aside);
  free(l);
}

static struct amz_lease *lease_new(const char *dir)
{
  struct amz_lease *l = calloc(1, sizeof *l);
  struct amz_buf name = AMZ_BUF_INIT;

  if (!l)
    return NULL;
  describe_me(&l->me);
  print_text(&l->me, l->text, sizeof l->text);
  amz_buf_addf(&name, ".lease.new-%s", l->me.nonce);
  l->dir = strdup(dir);
  l->path = amz_path_join(dir, LEASE_NAME);
  l->aside = amz_buf_ok(&name) == AMZ_OK ? amz_path_join(dir, name.data) : NULL;
  amz_buf_clear(&name);
  if (l->dir && l->path && l->aside)
    return l;
  lease_free(l);
  return NULL;
}

static int take(const char *dir, int64_t stale_s, struct amz_error *err, struct amz_lease **ret)
{
  struct amz_lease *l = lease_new(dir);
  int rc;

  if (!l)
    return amz_error_set(err, AMZ_ENOMEM, "out of memory");
  l->stale_s = stale_s;
  if (write_new(l->aside, l->text) < 0) {
    rc = amz_error_sys(err, AMZ_EIO, errno, "%s: cannot take the run directory", dir);
  } else {
    rc = take_name(l, l->path, 0, err);
    (void)unlink(l->aside);
  }
  if (rc == AMZ_OK)
    rc = amz_lease_refresh(l, err); /* looks whether it is ours indeed */
  if (rc < 0) {
    lease_free(l);
    return rc;
  }
  *ret = l;
  return AMZ_OK;
}

int amz_lease_take(const char *dir, struct amz_error *err, struct amz_lease **ret)
{
  return take(dir, AMZ_LEASE_STALE_S, err, ret);
}

int amz_lease_take_over(const char *dir, struct amz_error *err, struct amz_lease **ret)
{
  return take(dir, AMZ_LEASE_INSIST_S - 1, err, ret); /* whole seconds of two clock readings */
}

/* Reads what the name leads to now, through one descriptor, so that what is touched is what was read.
 * \return the descriptor when it is ours; AMZ_EBUSY; AMZ_EIO. */
static int open_ours(const struct amz_lease *l, struct amz_error *err)
{
  char text[TEXT_BYTES];
  int fd = open(l->path, O_RDONLY | O_CLOEXEC);
  ssize_t n;

  if (fd < 0 && errno == ENOENT)
    return amz_error_set(err, AMZ_EBUSY, "%s is gone: somebody has taken the run directory or removed its lease", l->path);
  if (fd < 0)
    return amz_error_sys(err, AMZ_EIO, errno, "%s: cannot be read", l->path);
  do
    n = pread(fd, text, sizeof text - 1, 0);
  while (n < 0 && errno == EINTR);
  if (n < 0) {
    (void)amz_error_sys(err, AMZ_EIO, errno, "%s: cannot be read", l->path);
    (void)close(fd);
    return AMZ_EIO;
  }
  text[n] = '\0';
  if (strcmp(text, l->text) == 0)
    return fd;
  (void)close(fd);
  return amz_error_set(err, AMZ_EBUSY, "%s: another process has taken the run directory over", l->path);
}

int amz_lease_refresh(struct amz_lease *lease, struct amz_error *err)
{
  int fd = open_ours(lease, err), rc = AMZ_OK;

  if (fd < 0)
    return fd;
  if (futimens(fd, NULL) < 0)
    rc = amz_error_sys(err, AMZ_EIO, errno, "%s: cannot be refreshed", lease->path);
  (void)close(fd);
  return rc;
}

void amz_lease_release(struct amz_lease *lease)
{
  int fd;

  if (!lease)
    return;
  fd = open_ours(lease, NULL);
  if (fd >= 0) {
    (void)unlink(lease->path);
    (void)close(fd);
  }
  lease_free(lease);
}
