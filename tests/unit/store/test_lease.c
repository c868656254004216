/* The lease: one holder at a time, whatever died before. */
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include <amorsize/store.h>

#include "../../support/tap.h"
#include "scratch.h"

struct mine {
  char host[256], boot[64], pidns[64];
  long long pid;
  unsigned long long start;
  char nonce[40];
};

/* What a lease of our own says about this machine, read from the file that the code under test made. */
static bool read_mine(const char *dir, struct mine *ret)
{
  char path[SCRATCH_PATH];
  FILE *f;
  int n;

  (void)snprintf(path, sizeof path, "%s/lease", dir);
  f = fopen(path, "r");
  if (!f)
    return false;
  n = fscanf(f, "amorsize-lease 1 host %255s boot %63s pidns %63s pid %lld start %llu nonce %39s", ret->host, ret->boot,
             ret->pidns, &ret->pid, &ret->start, ret->nonce);
  fclose(f);
  return n == 6;
}

static void write_lease(const char *dir, const struct mine *m, int64_t age_s)
{
  char path[SCRATCH_PATH];
  struct timespec times[2];
  FILE *f;

  (void)snprintf(path, sizeof path, "%s/lease", dir);
  f = fopen(path, "w");
  CU_ASSERT_FATAL(f != NULL);
  fprintf(f, "amorsize-lease 1\nhost %s\nboot %s\npidns %s\npid %lld\nstart %llu\nnonce %s\n", m->host, m->boot, m->pidns,
          m->pid, m->start, m->nonce);
  fclose(f);
  clock_gettime(CLOCK_REALTIME, &times[0]);
  times[0].tv_sec -= age_s;
  times[1] = times[0];
  CU_ASSERT(utimensat(AT_FDCWD, path, times, 0) == 0);
}

/* A process that has ended and been waited for. */
static pid_t a_dead_pid(void)
{
  pid_t pid = fork();

  if (pid == 0)
    _exit(0);
  (void)waitpid(pid, NULL, 0);
  return pid;
}

static void one_holder_at_a_time(void)
{
  struct scratch s;
  struct amz_lease *lease = NULL, *second = NULL;
  struct amz_lease_info info;
  struct amz_error err;

  CU_ASSERT_FATAL(scratch_make(&s));
  ASSERT_I64(amz_lease_look(s.dir, &info, &err), AMZ_ENOENT);
  CU_ASSERT_FATAL(amz_lease_take(s.dir, &err, &lease) == AMZ_OK);
  ASSERT_I64(amz_lease_take(s.dir, &err, &second), AMZ_EBUSY);
  ASSERT_I64(amz_lease_look(s.dir, &info, &err), AMZ_OK);
  CU_ASSERT(info.alive && info.same_host);
  ASSERT_I64(info.pid, getpid());
  CU_ASSERT(info.age_s >= 0 && info.age_s < 60);
  ASSERT_I64(amz_lease_refresh(lease, &err), AMZ_OK);
  amz_lease_release(lease);
  ASSERT_I64(amz_lease_look(s.dir, &info, &err), AMZ_ENOENT);
  CU_ASSERT(amz_lease_take(s.dir, &err, &second) == AMZ_OK);
  amz_lease_release(second);
  amz_lease_release(NULL);
  CU_ASSERT(rmdir(s.dir) == 0); /* nothing was left in it */
  ASSERT_I64(amz_lease_take("/nonexistent", &err, &second), AMZ_EIO);
}

/* A child holds it: refused while it lives, free once it was killed, even while nobody has waited for it. */
static void a_killed_holder_is_succeeded(void)
{
  struct scratch s;
  struct amz_lease *lease = NULL;
  struct amz_error err;
  char expected[64], byte;
  int ready[2];
  pid_t pid;

  CU_ASSERT_FATAL(scratch_make(&s) && pipe(ready) == 0);
  pid = fork();
  if (pid == 0) {
    struct amz_lease *held;

    if (amz_lease_take(s.dir, NULL, &held) != AMZ_OK || write(ready[1], "x", 1) != 1)
      _exit(1);
    for (;;)
      pause();
  }
  CU_ASSERT(read(ready[0], &byte, 1) == 1);
  ASSERT_I64(amz_lease_take(s.dir, &err, &lease), AMZ_EBUSY);
  (void)snprintf(expected, sizeof expected, "process %ld ", (long)pid);
  CU_ASSERT(strstr(err.text, expected) && strstr(err.text, s.dir) && strstr(err.text, "amorsize-mpi stop"));
  CU_ASSERT(kill(pid, SIGKILL) == 0);
  CU_ASSERT(waitid(P_PID, (id_t)pid, &(siginfo_t){0}, WEXITED | WNOWAIT) == 0);
  ASSERT_I64(amz_lease_take(s.dir, &err, &lease), AMZ_OK);
  ASSERT_I64(amz_lease_refresh(lease, &err), AMZ_OK);
  amz_lease_release(lease);
  (void)waitpid(pid, NULL, 0);
  close(ready[0]);
  close(ready[1]);
  scratch_remove(&s);
}

enum who { US, GONE_PID, REUSED_PID, OTHER_BOOT, OTHER_HOST, OTHER_NAMESPACE };

static void holders_by_hand(void)
{
  static const struct {
    const char *what;
    enum who who;
    int64_t age_s;
    bool alive;
  } rows[] = {
    {"a living process, however old the lease", US, 100000, true},
    {"a pid that is no more", GONE_PID, 0, false},
    {"a pid that is another process now", REUSED_PID, 0, false},
    {"another boot of this host", OTHER_BOOT, 60, false},
    {"another machine that bears this one's name", OTHER_BOOT, 5, true},
    {"another host, fresh", OTHER_HOST, 5, true},
    {"another host, silent for a while", OTHER_HOST, AMZ_LEASE_STALE_S - 10, true},
    {"another host, stale", OTHER_HOST, AMZ_LEASE_STALE_S + 10, false},
    {"a container on this host, fresh", OTHER_NAMESPACE, 5, true},
    {"a container on this host, stale", OTHER_NAMESPACE, AMZ_LEASE_STALE_S + 10, false},
  };
  pid_t dead = a_dead_pid();
  struct scratch s;
  struct amz_lease *lease = NULL;
  struct mine me;

  CU_ASSERT_FATAL(scratch_make(&s));
  CU_ASSERT_FATAL(amz_lease_take(s.dir, NULL, &lease) == AMZ_OK && read_mine(s.dir, &me));
  amz_lease_release(lease);
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    struct amz_lease_info info;
    struct mine m = me;
    bool taken;

    m.pid = rows[i].who == GONE_PID || rows[i].who >= OTHER_BOOT ? dead : m.pid;
    m.start += rows[i].who == REUSED_PID;
    if (rows[i].who == OTHER_BOOT || rows[i].who == OTHER_HOST)
      strcpy(m.boot, "00000000-0000-0000-0000-000000000000");
    if (rows[i].who == OTHER_HOST)
      strcpy(m.host, "elsewhere");
    if (rows[i].who == OTHER_NAMESPACE)
      strcpy(m.pidns, "pid:[1]");
    write_lease(s.dir, &m, rows[i].age_s);
    ASSERT_ROW_I64(rows[i].what, amz_lease_look(s.dir, &info, NULL), AMZ_OK);
    ASSERT_ROW_I64(rows[i].what, info.alive, rows[i].alive);
    ASSERT_ROW_I64(rows[i].what, info.same_host, rows[i].who != OTHER_HOST);
    CU_ASSERT(info.age_s >= rows[i].age_s - 1 && info.age_s <= rows[i].age_s + 30);
    ASSERT_ROW_I64(rows[i].what, info.seen, rows[i].who <= REUSED_PID);
    ASSERT_ROW_I64(rows[i].what, amz_lease_take(s.dir, NULL, &lease), rows[i].alive ? AMZ_EBUSY : AMZ_OK);
    if (!rows[i].alive)
      amz_lease_release(lease);
    write_lease(s.dir, &m, rows[i].age_s);
    taken = !rows[i].alive || (rows[i].who > REUSED_PID && rows[i].age_s >= AMZ_LEASE_INSIST_S);
    ASSERT_ROW_I64(rows[i].what, amz_lease_take_over(s.dir, NULL, &lease), taken ? AMZ_OK : AMZ_EBUSY);
    if (taken)
      amz_lease_release(lease);
  }
  scratch_remove(&s);
}

static void damaged_leases_are_judged_by_age(void)
{
  static const char *const texts[] = {"", "amorsize-lease 9\n", "\0\0\0",
                                      "amorsize-lease 1\nhost h\nboot b\npidns p\npid 1\nstart 1\nnonce ../../x\n"};
  struct scratch s;
  char path[SCRATCH_PATH];
  struct amz_lease *lease = NULL;

  CU_ASSERT_FATAL(scratch_make(&s));
  scratch_path(&s, "lease", path);
  for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
    struct timespec old[2] = {{1000000000, 0}, {1000000000, 0}};
    FILE *f = fopen(path, "w");

    CU_ASSERT_FATAL(f != NULL);
    fputs(texts[i], f);
    fclose(f);
    ASSERT_ROW_I64(texts[i], amz_lease_take(s.dir, NULL, &lease), AMZ_EBUSY);
    CU_ASSERT(utimensat(AT_FDCWD, path, old, 0) == 0);
    ASSERT_ROW_I64(texts[i], amz_lease_take(s.dir, NULL, &lease), AMZ_OK);
    amz_lease_release(lease);
  }
  scratch_remove(&s);
}

static void a_loser_notices(void)
{
  struct scratch s;
  char path[SCRATCH_PATH];
  struct amz_lease *lease = NULL, *other = NULL;
  struct amz_error err;

  CU_ASSERT_FATAL(scratch_make(&s));
  CU_ASSERT_FATAL(amz_lease_take(s.dir, NULL, &lease) == AMZ_OK);
  CU_ASSERT(unlink(scratch_path(&s, "lease", path)) == 0);
  ASSERT_I64(amz_lease_refresh(lease, &err), AMZ_EBUSY);
  CU_ASSERT_FATAL(amz_lease_take(s.dir, NULL, &other) == AMZ_OK);
  ASSERT_I64(amz_lease_refresh(lease, &err), AMZ_EBUSY);
  amz_lease_release(lease); /* doesn't take the other's away */
  ASSERT_I64(amz_lease_refresh(other, &err), AMZ_OK);
  amz_lease_release(other);
  scratch_remove(&s);
}

/* One rival: tries when `go` closes, says how it went, and lives until `end` closes, so that its lease stays a living one's. */
static void rival(const char *dir, int go, int say, int end)
{
  struct amz_lease *lease;
  char byte = 'l';
  int rc;

  (void)!read(go, &(char){0}, 1);
  rc = amz_lease_take(dir, NULL, &lease);
  if (rc != AMZ_EBUSY)
    byte = rc == AMZ_OK ? 'w' : '?';
  if (write(say, &byte, 1) == 1)
    (void)!read(end, &(char){0}, 1);
  _exit(0);
}

/* Starts the rivals, lets them go at once. \return how many won; -1 when one met another error. */
static int race(const char *dir, int rivals)
{
  int go[2], say[2], end[2], won = 0, bad = 0;
  char byte;

  if (pipe(go) < 0 || pipe(say) < 0 || pipe(end) < 0)
    return -1;
  for (int i = 0; i < rivals; i++)
    if (fork() == 0) {
      close(go[1]);
      close(end[1]);
      rival(dir, go[0], say[1], end[0]);
    }
  close(go[1]);
  for (int i = 0; i < rivals; i++) {
    bad += read(say[0], &byte, 1) != 1 || byte == '?';
    won += byte == 'w';
  }
  close(end[1]);
  while (wait(NULL) > 0)
    continue;
  close(go[0]);
  close(say[0]);
  close(say[1]);
  close(end[0]);
  return bad ? -1 : won;
}

/* Many resume a dead run at once, every other time over the remains of a claimant who died too: exactly one gets it. */
static void one_of_many_succeeds(void)
{
  enum { ROUNDS = 20, RIVALS = 12 };
  struct scratch s;
  char lease_path[SCRATCH_PATH], claim[SCRATCH_PATH];
  struct amz_lease *lease = NULL;
  struct mine me;

  CU_ASSERT_FATAL(scratch_make(&s));
  CU_ASSERT_FATAL(amz_lease_take(s.dir, NULL, &lease) == AMZ_OK && read_mine(s.dir, &me));
  amz_lease_release(lease);
  me.pid = a_dead_pid();
  scratch_path(&s, "lease", lease_path);
  for (int round = 0; round < ROUNDS; round++) {
    (void)snprintf(claim, sizeof claim, "%s/.lease.after-dead%d", s.dir, round);
    (void)snprintf(me.nonce, sizeof me.nonce, "claimant%d", round);
    write_lease(s.dir, &me, 0);
    if (round % 2)
      CU_ASSERT(rename(lease_path, claim) == 0);
    (void)snprintf(me.nonce, sizeof me.nonce, "dead%d", round);
    write_lease(s.dir, &me, 0);
    ASSERT_I64(race(s.dir, RIVALS), 1);
  }
  scratch_remove(&s);
}

int main(void)
{
  static const struct amz_test tests[] = {
    {"one holder at a time", one_holder_at_a_time},
    {"a killed holder is succeeded", a_killed_holder_is_succeeded},
    {"holders by hand", holders_by_hand},
    {"damaged leases are judged by age", damaged_leases_are_judged_by_age},
    {"a loser notices", a_loser_notices},
    {"one of many succeeds", one_of_many_succeeds},
    {NULL, NULL},
  };

  return amz_test_main("lease", tests, 0);
}
