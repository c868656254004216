/* Limits of a node, from trees of /proc and /sys made by hand, and from real groups where they can be made. The machine is a
 * described
 * one of 64 cores with two units each: core c has units 2c and 2c + 1. */
#define _GNU_SOURCE
#include "faketree.h"

#include <stdbool.h>
#include <sys/wait.h>

#include <amorsize/memory.h>

#include "looking.h"

static const struct amz_limit *active_limit(const struct amz_node *n, enum amz_limit_kind kind)
{
  for (size_t i = 0; i < n->n_limits; i++)
    if (n->limits[i].active && n->limits[i].kind == kind)
      return &n->limits[i];
  return NULL;
}

static const char *source_of(const struct amz_node *n, enum amz_limit_kind kind)
{
  const struct amz_limit *limit = active_limit(n, kind);

  return limit ? limit->source : "none";
}

struct row {
  const char *what;
  struct pair files[8], variables[6];
  uint32_t cores;
  double cpu;
  uint64_t memory_bytes;
  const char *cores_source, *memory_source; /* NULL: not looked at */
};

/* What a run reads at its start is what the profile says. */
static void check_memory_of_runs(const struct row *row, const char *root)
{
  struct amz_environment env = injected_environment(row->variables);
  struct amz_buf source = AMZ_BUF_INIT;
  uint64_t bytes = 0;

  ASSERT_ROW_I64(row->what, amz_memory_limit(&env, root, &bytes, &source), AMZ_OK);
  if (row->memory_bytes)
    ASSERT_ROW_U64(row->what, bytes, row->memory_bytes);
  if (row->memory_source)
    ASSERT_ROW_TEXT(row->what, amz_buf_text(&source), row->memory_source);
  amz_buf_clear(&source);
}

static void check_row(const struct row *row)
{
  char root[FAKE_ROOT_MAX];
  struct amz_diags diags;
  struct amz_error err;
  struct amz_node n;

  make_root(root);
  put_files(root, machine_files);
  put_files(root, row->files);
  CU_ASSERT_FATAL(look_at(MACHINE, root, row->variables, &diags, &err, &n) == AMZ_OK);
  ASSERT_ROW_U64(row->what, n.allowed_cores, row->cores);
  ASSERT_ROW_U64(row->what, n.allowed_cpu * 1000 + 0.5, row->cpu * 1000 + 0.5);
  if (row->memory_bytes)
    ASSERT_ROW_U64(row->what, n.allowed_memory_bytes, row->memory_bytes);
  if (row->cores_source)
    ASSERT_ROW_TEXT(row->what, source_of(&n, AMZ_LIMIT_CORES), row->cores_source);
  if (row->memory_source)
    ASSERT_ROW_TEXT(row->what, source_of(&n, AMZ_LIMIT_MEMORY), row->memory_source);
  ASSERT_ROW_U64(row->what, diags.count, 0);
  check_profile(row->what, &n);
  check_memory_of_runs(row, root);
  amz_node_clear(&n);
  amz_diags_clear(&diags);
  remove_root(root);
}

static void honours_groups_of_version_2(void)
{
  static const struct row rows[] = {
    {.what = "no limit at all", .files = {{"/proc/self/cgroup", "0::/a\n"}}, .cores = 64, .cpu = 64, .memory_bytes = 60 * GIB,
     .cores_source = MACHINE, .memory_source = "/proc/meminfo MemAvailable"},
    {.what = "max says none", .files = {{"/proc/self/cgroup", "0::/a\n"}, {V2 "/a/cpu.max", "max 100000\n"},
                                        {V2 "/a/memory.max", "max\n"}},
     .cores = 64, .cpu = 64, .memory_bytes = 60 * GIB},
    {.what = "max without a period", .files = {{"/proc/self/cgroup", "0::/a\n"}, {V2 "/a/cpu.max", "max\n"}}, .cores = 64,
     .cpu = 64},
    {.what = "a quota of one CPU and a half", .files = {{"/proc/self/cgroup", "0::/a\n"}, {V2 "/a/cpu.max", "150000 100000\n"}},
     .cores = 1, .cpu = 1.5, .cores_source = "cgroup /a cpu.max"},
    {.what = "a quota of 12", .files = {{"/proc/self/cgroup", "0::/a\n"}, {V2 "/a/cpu.max", "1200000 100000\n"}}, .cores = 12,
     .cpu = 12,
     .cores_source = "cgroup /a cpu.max"},
    {.what = "a quota of another period", .files = {{"/proc/self/cgroup", "0::/a\n"}, {V2 "/a/cpu.max", "25000 10000\n"}},
     .cores = 2, .cpu = 2.5},
    {.what = "less than one CPU", .files = {{"/proc/self/cgroup", "0::/a\n"}, {V2 "/a/cpu.max", "50000 100000\n"}}, .cores = 1,
     .cpu = 0.5},
    {.what = "a group above bounds us", .files = {{"/proc/self/cgroup", "0::/user.slice/job_12/step\n"},
                                                  {V2 "/user.slice/cpu.max", "400000 100000\n"},
     {V2 "/user.slice/job_12/cpu.max", "max 100000\n"}, {V2 "/user.slice/job_12/step/cpu.max", "800000 100000\n"},
     {V2 "/user.slice/job_12/memory.max", "8589934592\n"}, {V2 "/user.slice/job_12/step/memory.max", "max\n"}},
     .cores = 4, .cpu = 4, .memory_bytes = 8 * GIB, .cores_source = "cgroup /user.slice cpu.max",
     .memory_source = "cgroup /user.slice/job_12 memory.max"},
    {.what = "memory.high is lower", .files = {{"/proc/self/cgroup", "0::/a\n"}, {V2 "/a/memory.max", "4294967296\n"},
                                               {V2 "/a/memory.high", "3221225472\n"}},
     .cores = 64, .cpu = 64, .memory_bytes = 3 * GIB, .memory_source = "cgroup /a memory.high"},
    {.what = "memory.high of one group above, a quota of one CPU and a half of another",
     .files = {{"/proc/self/cgroup", "0::/a/b/c\n"},
     {V2 "/a/memory.high", "1073741824\n"}, {V2 "/a/b/memory.max", "2147483648\n"}, {V2 "/a/b/c/memory.high", "max\n"},
     {V2 "/a/b/cpu.max", "150000 100000\n"}, {V2 "/a/b/c/cpu.max", "max 100000\n"}, {V2 "/a/cpu.max", "250000 100000\n"}},
     .cores = 1, .cpu = 1.5, .memory_bytes = GIB, .cores_source = "cgroup /a/b cpu.max",
     .memory_source = "cgroup /a memory.high"},
    {.what = "less memory than a task needs is what it is", .files = {{"/proc/self/cgroup", "0::/a\n"},
                                                                      {V2 "/a/memory.max", "4096\n"}},
     .cores = 64, .cpu = 64, .memory_bytes = 4096},
    {.what = "a container sees its group at the top", .files = {{"/proc/self/cgroup", "0::/\n"},
                                                                {"/proc/self/mountinfo", MOUNT_V2},
     {V2 "/cpu.max", "300000 100000\n"}, {V2 "/memory.max", "1073741824\n"}},
     .cores = 3, .cpu = 3, .memory_bytes = GIB, .cores_source = "cgroup / cpu.max"},
    {.what = "a container that is told the host's path", .files = {{"/proc/self/cgroup", "0::/system.slice/docker-12.scope\n"},
     {"/proc/self/mountinfo", MOUNT_V2}, {V2 "/cpu.max", "300000 100000\n"}}, .cores = 3, .cpu = 3},
    {.what = "a path outside the namespace", .files = {{"/proc/self/cgroup", "0::/../other\n"},
                                                       {"/proc/self/mountinfo", MOUNT_V2},
     {V2 "/cpu.max", "300000 100000\n"}}, .cores = 3, .cpu = 3},
    {.what = "mounted elsewhere, with a blank in its path", .files = {{"/proc/self/cgroup", "0::/a\n"},
     {"/proc/self/mountinfo", "30 23 0:26 / /my\\040groups rw - cgroup2 none rw\n"},
         {"/my groups/a/cpu.max", "300000 100000\n"}}, .cores = 3, .cpu = 3},
    {.what = "a cpuset of four cores", .files = {{"/proc/self/cgroup", "0::/a/b\n"}, {V2 "/a/b/cpuset.cpus.effective", "0-7\n"},
     {V2 "/a/cpuset.cpus.effective", "0-31\n"}}, .cores = 4, .cpu = 4, .cores_source = "cgroup /a/b cpuset.cpus.effective"},
    {.what = "a cpuset of one unit of each of three cores", .files = {{"/proc/self/cgroup", "0::/a\n"},
                                                                      {V2 "/a/cpuset.cpus.effective", "0,2,127\n"}},
     .cores = 3, .cpu = 3},
    {.what = "a quota within a cpuset", .files = {{"/proc/self/cgroup", "0::/a\n"}, {V2 "/a/cpuset.cpus.effective", "0-7\n"},
     {V2 "/a/cpu.max", "250000 100000\n"}}, .cores = 2, .cpu = 2.5},
  };

  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
    check_row(&rows[i]);
}

static void honours_groups_of_version_1(void)
{
  static const struct row rows[] = {
    {.what = "no quota, no bound", .files = {{"/proc/self/cgroup", "3:memory:/a\n2:cpu,cpuacct:/a\n"},
                                             {"/proc/self/mountinfo", MOUNTS_V1},
     {V2 "/cpu,cpuacct/a/cpu.cfs_quota_us", "-1\n"}, {V2 "/cpu,cpuacct/a/cpu.cfs_period_us", "100000\n"},
     {V2 "/memory/a/memory.limit_in_bytes", "9223372036854771712\n"}}, .cores = 64, .cpu = 64, .memory_bytes = 60 * GIB},
    {.what = "a quota of three quarters of a CPU", .files = {{"/proc/self/cgroup", "2:cpu,cpuacct:/a\n"},
                                                             {"/proc/self/mountinfo", MOUNTS_V1},
     {V2 "/cpu,cpuacct/a/cpu.cfs_quota_us", "75000\n"}, {V2 "/cpu,cpuacct/a/cpu.cfs_period_us", "100000\n"}},
     .cores = 1, .cpu = 0.75, .cores_source = "cgroup /a cpu.cfs_quota_us"},
    {.what = "the customary period", .files = {{"/proc/self/cgroup", "2:cpu,cpuacct:/a\n"}, {"/proc/self/mountinfo", MOUNTS_V1},
     {V2 "/cpu,cpuacct/a/cpu.cfs_quota_us", "400000\n"}}, .cores = 4, .cpu = 4},
    {.what = "nested, the memory's bound on a parent", .files = {{"/proc/self/cgroup",
     "3:memory:/slurm/job_7/step_0\n2:cpu,cpuacct:/slurm/job_7/step_0\n"},
     {"/proc/self/mountinfo", MOUNTS_V1}, {V2 "/memory/slurm/job_7/memory.limit_in_bytes", "2147483648\n"},
     {V2 "/memory/slurm/job_7/step_0/memory.limit_in_bytes", "9223372036854771712\n"},
     {V2 "/cpu,cpuacct/slurm/cpu.cfs_quota_us", "600000\n"}, {V2 "/cpu,cpuacct/slurm/cpu.cfs_period_us", "100000\n"},
     {V2 "/cpu,cpuacct/slurm/job_7/step_0/cpu.cfs_quota_us", "-1\n"}},
     .cores = 6, .cpu = 6, .memory_bytes = 2 * GIB, .cores_source = "cgroup /slurm cpu.cfs_quota_us",
     .memory_source = "cgroup /slurm/job_7 memory.limit_in_bytes"},
    {.what = "a mount that shows a part", .files = {{"/proc/self/cgroup", "2:cpu,cpuacct:/docker/12/x\n"},
     {"/proc/self/mountinfo", "32 31 0:29 /docker/12 /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct\n"},
     {V2 "/cpu,cpuacct/x/cpu.cfs_quota_us", "200000\n"}, {V2 "/cpu,cpuacct/x/cpu.cfs_period_us", "100000\n"}}, .cores = 2,
         .cpu = 2},
    {.what = "nobody says where they are mounted", .files = {{"/proc/self/cgroup", "4:cpu:/a\n"},
                                                             {V2 "/cpu/a/cpu.cfs_quota_us", "200000\n"},
     {V2 "/cpu/a/cpu.cfs_period_us", "100000\n"}}, .cores = 2, .cpu = 2},
    {.what = "the effective cpuset before the configured one", .files = {{"/proc/self/cgroup", "4:cpuset:/a\n"},
        {"/proc/self/mountinfo", MOUNTS_V1},
     {V2 "/cpuset/a/cpuset.cpus", "0-31\n"}, {V2 "/cpuset/a/cpuset.effective_cpus", "0-3\n"}}, .cores = 2, .cpu = 2},
    {.what = "an empty cpuset: the one above", .files = {{"/proc/self/cgroup", "4:cpuset:/a\n"},
                                                         {"/proc/self/mountinfo", MOUNTS_V1},
     {V2 "/cpuset/a/cpuset.cpus", "\n"}, {V2 "/cpuset/cpuset.cpus", "0-15\n"}}, .cores = 8, .cpu = 8,
         .cores_source = "cgroup / cpuset.cpus"},
    {.what = "both versions side by side", .files = {{"/proc/self/cgroup", "2:cpu,cpuacct:/a\n0::/b\n"},
     {"/proc/self/mountinfo", MOUNTS_V1 "41 31 0:38 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n"},
     {V2 "/cpu,cpuacct/a/cpu.cfs_quota_us", "500000\n"}, {V2 "/cpu,cpuacct/a/cpu.cfs_period_us", "100000\n"},
     {V2 "/unified/b/memory.max", "1073741824\n"}}, .cores = 5, .cpu = 5, .memory_bytes = GIB},
  };

  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
    check_row(&rows[i]);
}

static void honours_slurm_and_the_shell(void)
{
  static const struct row rows[] = {
    {.what = "CPUs on this node", .variables = {{"SLURM_CPUS_ON_NODE", "12"}}, .cores = 12, .cpu = 12,
     .cores_source = "SLURM_CPUS_ON_NODE"},
    {.what = "as many as there are units: threads are counted", .variables = {{"SLURM_CPUS_ON_NODE", "128"}}, .cores = 64,
     .cpu = 64},
    {.what = "more than cores: threads, too", .variables = {{"SLURM_CPUS_ON_NODE", "80"}}, .cores = 40, .cpu = 40},
    {.what = "threads told", .variables = {{"SLURM_CPUS_ON_NODE", "16"}, {"SLURM_THREADS_PER_CORE", "2"}}, .cores = 8, .cpu = 8},
    {.what = "our node among others", .variables = {{"SLURM_JOB_ID", "7"}, {"SLURM_JOB_NODELIST", "n[2-5]"},
                                                    {"SLURM_JOB_CPUS_PER_NODE", "16,8(x2),4"}},
     .cores = 8, .cpu = 8, .cores_source = "SLURM_JOB_CPUS_PER_NODE"},
    {.what = "variables of another node, carried along", .variables = {{"SLURM_JOB_ID", "7"}, {"SLURM_JOB_NODELIST", "n[2-5]"},
     {"SLURM_JOB_CPUS_PER_NODE", "16,8(x2),4"}, {"SLURM_CPUS_ON_NODE", "16"}, {"SLURMD_NODENAME", "n2"}}, .cores = 8, .cpu = 8},
    {.what = "tasks here times CPUs of each", .variables = {{"SLURM_JOB_ID", "7"}, {"SLURM_JOB_NODELIST", "n[1-4]"},
                                                            {"SLURM_TASKS_PER_NODE", "2(x3),1"},
     {"SLURM_CPUS_PER_TASK", "3"}}, .cores = 3, .cpu = 3, .cores_source = "SLURM_CPUS_PER_TASK × SLURM_TASKS_PER_NODE"},
    {.what = "inside a step, the step's tasks say nothing", .variables = {{"SLURM_JOB_ID", "7"}, {"SLURM_JOB_NODELIST", "n4"},
     {"SLURM_TASKS_PER_NODE", "1"}, {"SLURM_CPUS_PER_TASK", "3"}, {"SLURM_STEP_ID", "0"}}, .cores = 64, .cpu = 64},
    {.what = "memory a node", .variables = {{"SLURM_MEM_PER_NODE", "4096"}}, .cores = 64, .cpu = 64, .memory_bytes = 4 * GIB,
     .memory_source = "SLURM_MEM_PER_NODE"},
    {.what = "memory a node, of a named one", .variables = {{"SLURM_JOB_ID", "7"}, {"SLURM_JOB_NODELIST", "n4"},
                                                            {"SLURM_MEM_PER_NODE", "5G"}}, .cores = 64,
     .cpu = 64, .memory_bytes = 5 * GIB},
    {.what = "memory a CPU", .variables = {{"SLURM_MEM_PER_CPU", "1024"}, {"SLURM_CPUS_ON_NODE", "12"}}, .cores = 12, .cpu = 12,
     .memory_bytes = 12 * GIB, .memory_source = "SLURM_MEM_PER_CPU × SLURM_CPUS_ON_NODE"},
    {.what = "the group is tighter than Slurm's word", .files = {{"/proc/self/cgroup", "0::/a\n"},
                                                                 {V2 "/a/memory.max", "1073741824\n"}},
     .variables = {{"SLURM_MEM_PER_NODE", "4096"}}, .cores = 64, .cpu = 64, .memory_bytes = GIB},
    {.what = "ulimit -v",
     .files = {{"/proc/self/limits", "Max address space         2147483648           unlimited            bytes\n"}},
     .cores = 64, .cpu = 64, .memory_bytes = 2 * GIB, .memory_source = "RLIMIT_AS, address space of a process (ulimit -v)"},
    {.what = "little memory left", .files = {{"/proc/meminfo", "MemTotal: 67108864 kB\nMemAvailable: 1048576 kB\n"}},
     .cores = 64, .cpu = 64,
     .memory_bytes = GIB, .memory_source = "/proc/meminfo MemAvailable"},
    {.what = "an old kernel without MemAvailable", .files = {{"/proc/meminfo", "MemTotal: 67108864 kB\nMemFree: 2097152 kB\n"}},
     .cores = 64, .cpu = 64,
     .memory_bytes = 2 * GIB, .memory_source = "/proc/meminfo MemFree"},
  };

  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
    check_row(&rows[i]);
}

/* ---- a quota is kept as a fraction ------------------------------------------------------------------------------------ */

static void keeps_fractions_of_a_quota(void)
{
  static const struct pair files[] = {{"/proc/self/cgroup", "0::/a\n"}, {V2 "/a/cpu.max", "150000 100000\n"}, {NULL, NULL}};
  char root[FAKE_ROOT_MAX];
  struct amz_diags diags;
  struct amz_error err;
  struct amz_node n;

  make_root(root);
  put_files(root, files);
  CU_ASSERT_FATAL(look_at(MACHINE, root, NULL, &diags, &err, &n) == AMZ_OK);
  CU_ASSERT(active_limit(&n, AMZ_LIMIT_CPU) && active_limit(&n, AMZ_LIMIT_CPU)->value == 1.5);
  CU_ASSERT(n.allowed_cpu == 1.5 && n.allowed_cores == 1);
  ASSERT_U64(n.domains[0].allowed_cores, 64); /* any of them, one at a time */
  amz_node_clear(&n);
  amz_diags_clear(&diags);
  remove_root(root);
}

/* ---- real groups ------------------------------------------------------------------------------------------------------ */

/* Only into what is there: where groups aren't mounted, nothing is made. */
static bool write_file(const char *path, const char *text)
{
  FILE *f = fopen(path, "r+");
  bool written = f && fputs(text, f) >= 0;

  if (f && fclose(f) != 0)
    written = false;
  return written;
}

/* Makes a group below `parent` with its bounds. \return false: it can't be made here. */
static bool make_group(const char *parent, const struct pair *bounds, char *ret_path, size_t n)
{
  char path[4096];

  (void)snprintf(ret_path, n, "%s/amorsize-test-%ld", parent, (long)getpid());
  if (access(parent, W_OK) < 0 || mkdir(ret_path, 0755) < 0)
    return false;
  for (; bounds->name; bounds++) {
    (void)snprintf(path, sizeof path, "%s/%s", ret_path, bounds->name);
    if (!write_file(path, bounds->text))
      break;
  }
  if (!bounds->name)
    return true;
  CU_ASSERT(rmdir(ret_path) == 0);
  return false;
}

enum { SEEN, NOT_SEEN, NOT_LET_IN };

struct real_group {
  const char *parent;
  struct pair bounds[3];
  enum amz_limit_kind kind;
  double value;
  const char *file;
};

/* In a process of its own, which the group holds and which takes its membership with it. */
static int look_from_inside(const struct real_group *g, const char *path)
{
  char procs[4096], pid[32];
  struct amz_diags diags;
  struct amz_error err;
  struct amz_node n;

  (void)snprintf(procs, sizeof procs, "%s/cgroup.procs", path);
  (void)snprintf(pid, sizeof pid, "%ld", (long)getpid());
  if (!write_file(procs, pid))
    return NOT_LET_IN;
  if (look_at(NULL, NULL, NULL, &diags, &err, &n) < 0)
    return NOT_SEEN;
  for (size_t k = 0; k < n.n_limits; k++)
    if (n.limits[k].kind == g->kind && n.limits[k].value == g->value && strstr(n.limits[k].source, g->file) &&
        strstr(n.limits[k].source, "/amorsize-test-"))
      return SEEN;
  return NOT_SEEN;
}

static int look_from_child(const struct real_group *g, const char *path)
{
  pid_t child = fork();
  int status = 0;

  CU_ASSERT_FATAL(child >= 0);
  if (child == 0)
    _exit(look_from_inside(g, path));
  while (waitpid(child, &status, 0) < 0 && errno == EINTR)
    continue;
  CU_ASSERT(WIFEXITED(status));
  return WIFEXITED(status) ? WEXITSTATUS(status) : NOT_SEEN;
}

static void honours_real_groups(void)
{
  static const struct real_group rows[] = {
    {"/sys/fs/cgroup/cpu", {{"cpu.cfs_period_us", "100000"}, {"cpu.cfs_quota_us", "150000"}}, AMZ_LIMIT_CPU, 1.5,
     "cpu.cfs_quota_us"},
    {"/sys/fs/cgroup/memory", {{"memory.limit_in_bytes", "1073741824"}}, AMZ_LIMIT_MEMORY, 1073741824.0, "memory.limit_in_bytes"},
    {"/sys/fs/cgroup", {{"cpu.max", "150000 100000"}}, AMZ_LIMIT_CPU, 1.5, "cpu.max"},
    {"/sys/fs/cgroup", {{"memory.max", "1073741824"}}, AMZ_LIMIT_MEMORY, 1073741824.0, "memory.max"},
  };
  unsigned made = 0;

  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    char path[256];
    int found;

    if (!make_group(rows[i].parent, rows[i].bounds, path, sizeof path))
      continue;
    found = look_from_child(&rows[i], path);
    CU_ASSERT(rmdir(path) == 0);
    made += found != NOT_LET_IN;
    if (found != NOT_LET_IN)
      ASSERT_ROW_I64(rows[i].file, found, SEEN);
  }
  if (made == 0)
    amz_test_skip("no control group can be made here (that takes root and a writable /sys/fs/cgroup)");
}

int main(void)
{
  static const struct amz_test tests[] = {
    {"honours groups of version 2", honours_groups_of_version_2},
    {"honours groups of version 1", honours_groups_of_version_1},
    {"honours Slurm and the shell", honours_slurm_and_the_shell},
    {"keeps fractions of a quota", keeps_fractions_of_a_quota},
    {"honours real groups", honours_real_groups},
    {NULL, NULL},
  };

  return amz_test_main("limits", tests, 0);
}
