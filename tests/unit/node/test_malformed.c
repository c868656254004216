/* Malformed and mangled files and variables: told, passed over for the next best source, survived. */
#define _GNU_SOURCE
#include "faketree.h"

#include <stdbool.h>

#include <amorsize/rng.h>

#include "looking.h"

/* ---- malformed values ------------------------------------------------------------------------------------------------- */

struct bad {
  const char *what;
  struct pair files[6], variables[5];
  const char *file, *value; /* what the warning names */
  uint32_t cores;           /* by the next best source */
  uint64_t memory_bytes;    /* 0: not looked at */
};

static bool is_told(const struct amz_diags *diags, const char *file, const char *value)
{
  for (size_t i = 0; i < diags->count; i++) {
    const struct amz_diag *d = &diags->items[i];

    if (d->severity == AMZ_WARNING && strstr(d->file, file) && strstr(d->text, value))
      return true;
  }
  return false;
}

static void check_bad(const struct bad *row)
{
  char root[FAKE_ROOT_MAX];
  struct amz_diags diags;
  struct amz_error err;
  struct amz_node n;

  make_root(root);
  put_files(root, machine_files);
  put_files(root, row->files);
  CU_ASSERT_FATAL(look_at(MACHINE, root, row->variables, &diags, &err, &n) == AMZ_OK);
  if (!is_told(&diags, row->file, row->value)) {
    struct amz_buf said = AMZ_BUF_INIT;

    amz_diags_print(&diags, &said);
    ASSERT_ROW_TEXT(row->what, amz_buf_text(&said), row->value);
    amz_buf_clear(&said);
  }
  ASSERT_ROW_U64(row->what, n.allowed_cores, row->cores);
  if (row->memory_bytes)
    ASSERT_ROW_U64(row->what, n.allowed_memory_bytes, row->memory_bytes);
  check_profile(row->what, &n);
  amz_node_clear(&n);
  amz_diags_clear(&diags);
  remove_root(root);
}

#define IN_A {"/proc/self/cgroup", "0::/a\n"}

static void tells_malformed_values_and_goes_on(void)
{
  static const struct bad rows[] = {
    {.what = "words for a quota", .files = {IN_A, {V2 "/a/cpu.max", "lots 100000\n"}}, .file = "/a/cpu.max",
     .value = "\"lots 100000\"", .cores = 64},
    {.what = "a period of nothing", .files = {IN_A, {V2 "/a/cpu.max", "150000 0\n"}}, .file = "/a/cpu.max",
     .value = "\"150000 0\"", .cores = 64},
    {.what = "a negative quota", .files = {IN_A, {V2 "/a/cpu.max", "-5 100000\n"}}, .file = "/a/cpu.max",
     .value = "\"-5 100000\"", .cores = 64},
    {.what = "a quota of nothing", .files = {IN_A, {V2 "/a/cpu.max", "0 100000\n"}}, .file = "/a/cpu.max",
     .value = "\"0 100000\"", .cores = 64},
    {.what = "a number too many", .files = {IN_A, {V2 "/a/cpu.max", "150000 100000 7\n"}}, .file = "/a/cpu.max",
     .value = "100000 7", .cores = 64},
    {.what = "a number beyond numbers", .files = {IN_A, {V2 "/a/cpu.max", "99999999999999999999999 100000\n"}},
     .file = "/a/cpu.max",
     .value = "999999", .cores = 64},
    {.what = "the next group still counts", .files = {{"/proc/self/cgroup", "0::/a/b\n"}, {V2 "/a/b/cpu.max", "?\n"},
                                                      {V2 "/a/cpu.max", "300000 100000\n"}},
     .file = "/a/b/cpu.max", .value = "\"?\"", .cores = 3},
    {.what = "a unit in a group's memory", .files = {IN_A, {V2 "/a/memory.max", "12 GB\n"},
                                                     {V2 "/a/memory.high", "1073741824\n"}},
     .file = "/a/memory.max", .value = "\"12 GB\"", .cores = 64, .memory_bytes = GIB},
    {.what = "no memory at all", .files = {IN_A, {V2 "/a/memory.max", "0\n"}}, .file = "/a/memory.max", .value = "\"0\"",
     .cores = 64},
    {.what = "a cpuset without an end", .files = {IN_A, {V2 "/a/cpuset.cpus.effective", "0-\n"}},
     .file = "cpuset.cpus.effective", .value = "\"0-\"",
     .cores = 64},
    {.what = "a cpuset backwards", .files = {IN_A, {V2 "/a/cpuset.cpus.effective", "7-0\n"}}, .file = "cpuset.cpus.effective",
     .value = "\"7-0\"", .cores = 64},
    {.what = "a cpuset of enormous numbers", .files = {IN_A, {V2 "/a/cpuset.cpus.effective", "0-4294967295\n"}},
     .file = "cpuset.cpus.effective",
     .value = "0-4294967295", .cores = 64},
    {.what = "a cpuset of another machine", .files = {IN_A, {V2 "/a/cpuset.cpus.effective", "500-503\n"}},
     .file = "cpuset.cpus.effective",
     .value = MACHINE, .cores = 64},
    {.what = "version 1: words", .files = {{"/proc/self/cgroup", "2:cpu,cpuacct:/a\n"}, {"/proc/self/mountinfo", MOUNTS_V1},
     {V2 "/cpu,cpuacct/a/cpu.cfs_quota_us", "much\n"}}, .file = "cpu.cfs_quota_us", .value = "\"much\"", .cores = 64},
    {.what = "version 1: a malformed period", .files = {{"/proc/self/cgroup", "2:cpu,cpuacct:/a\n"},
                                                        {"/proc/self/mountinfo", MOUNTS_V1},
     {V2 "/cpu,cpuacct/a/cpu.cfs_quota_us", "200000\n"}, {V2 "/cpu,cpuacct/a/cpu.cfs_period_us", "-1\n"}},
         .file = "cpu.cfs_period_us",
     .value = "\"-1\"", .cores = 64},
    {.what = "version 1: memory", .files = {{"/proc/self/cgroup", "3:memory:/a\n"}, {"/proc/self/mountinfo", MOUNTS_V1},
     {V2 "/memory/a/memory.limit_in_bytes", "1e9\n"}}, .file = "memory.limit_in_bytes", .value = "\"1e9\"", .cores = 64,
         .memory_bytes = 60 * GIB},
    {.what = "control characters are shown, not sent to the terminal", .files = {IN_A, {V2 "/a/memory.max", "\033[2J9\n"}},
     .file = "memory.max",
     .value = "[2J9", .cores = 64},
    {.what = "MemAvailable: MemFree then", .files = {{"/proc/meminfo",
                                                      "MemTotal: 67108864 kB\nMemFree: 1048576 kB\nMemAvailable: lots kB\n"}},
     .file = "/proc/meminfo", .value = "lots kB", .cores = 64, .memory_bytes = GIB},
    {.what = "MemTotal", .files = {{"/proc/meminfo", "MemTotal: 12\nMemAvailable: 1048576 kB\n"}}, .file = "/proc/meminfo",
     .value = "MemTotal: 12",
     .cores = 64, .memory_bytes = GIB},
    {.what = "address space",
     .files = {{"/proc/self/limits", "Max address space         x           unlimited            bytes\n"}},
     .file = "/proc/self/limits", .value = "\"x\"", .cores = 64},
    {.what = "load average", .files = {{"/proc/loadavg", "busy\n"}}, .file = "/proc/loadavg", .value = "\"busy\"", .cores = 64},
    {.what = "ticks", .files = {{"/proc/stat", "cpu  1 2 3 4\ncpu0 1 2 x\n"}}, .file = "/proc/stat", .value = "cpu0 1 2 x",
     .cores = 64},
    {.what = "pressure", .files = {{"/proc/pressure/memory", "some avg10=1e99 avg60=0\n"}}, .file = "/proc/pressure/memory",
     .value = "avg10=1e99", .cores = 64},
    {.what = "huge pages", .files = {{"/sys/kernel/mm/transparent_hugepage/enabled", "perhaps\n"}},
     .file = "transparent_hugepage/enabled",
     .value = "\"perhaps\"", .cores = 64},
    {.what = "frequencies", .files = {{"/sys/devices/system/cpu/online", "0-127\n"},
                                      {"/sys/devices/system/cpu/cpu3/cpufreq/scaling_max_freq", "fast\n"}},
     .file = "cpu3/cpufreq/scaling_max_freq", .value = "\"fast\"", .cores = 64},
    {.what = "units that are online", .files = {IN_A, {V2 "/a/cpuset.cpus.effective", "0-127\n"},
                                                {"/sys/devices/system/cpu/online", "all\n"}},
     .file = "cpu/online", .value = "\"all\"", .cores = 64},
    {.what = "Slurm's CPUs: the list then", .variables = {{"SLURM_CPUS_ON_NODE", "many"}, {"SLURM_JOB_ID", "7"},
                                                          {"SLURM_JOB_NODELIST", "n4"},
     {"SLURM_JOB_CPUS_PER_NODE", "6"}}, .file = "SLURM_CPUS_ON_NODE", .value = "\"many\"", .cores = 6},
    {.what = "Slurm's list", .variables = {{"SLURM_JOB_ID", "7"}, {"SLURM_JOB_NODELIST", "n[4"}}, .file = "SLURM_JOB_NODELIST",
     .value = "n[4", .cores = 64},
    {.what = "Slurm's counts", .variables = {{"SLURM_JOB_ID", "7"}, {"SLURM_JOB_NODELIST", "n[4-5]"},
                                             {"SLURM_JOB_CPUS_PER_NODE", "2(x"}},
     .file = "SLURM_JOB_CPUS_PER_NODE", .value = "2(x", .cores = 64},
    {.what = "Slurm's memory: what is available then", .variables = {{"SLURM_MEM_PER_NODE", "-3"}}, .file = "SLURM_MEM_PER_NODE",
     .value = "\"-3\"", .cores = 64,
     .memory_bytes = 60 * GIB},
    {.what = "memory.high: the other then", .files = {IN_A, {V2 "/a/memory.high", "lots\n"},
     {V2 "/a/memory.max", "2147483648\n"}},
     .file = "memory.high", .value = "\"lots\"", .cores = 64, .memory_bytes = 2 * GIB},
    {.what = "more memory than numbers hold", .files = {IN_A, {V2 "/a/memory.max", "99999999999999999999999\n"}},
     .file = "memory.max",
     .value = "999999", .cores = 64, .memory_bytes = 60 * GIB},
    {.what = "version 1: a quota of nothing", .files = {{"/proc/self/cgroup", "2:cpu,cpuacct:/a\n"},
     {"/proc/self/mountinfo", MOUNTS_V1},
     {V2 "/cpu,cpuacct/a/cpu.cfs_quota_us", "0\n"}, {V2 "/cpu,cpuacct/a/cpu.cfs_period_us", "100000\n"}},
     .file = "cpu.cfs_quota_us",
     .value = "\"0\"", .cores = 64},
    {.what = "version 1: a period of nothing", .files = {{"/proc/self/cgroup", "2:cpu,cpuacct:/a\n"},
     {"/proc/self/mountinfo", MOUNTS_V1},
     {V2 "/cpu,cpuacct/a/cpu.cfs_quota_us", "100000\n"}, {V2 "/cpu,cpuacct/a/cpu.cfs_period_us", "0\n"}},
     .file = "cpu.cfs_period_us",
     .value = "\"0\"", .cores = 64},
    {.what = "version 1: a cpuset of words", .files = {{"/proc/self/cgroup", "4:cpuset:/a\n"},
     {"/proc/self/mountinfo", MOUNTS_V1},
     {V2 "/cpuset/a/cpuset.effective_cpus", "first\n"}}, .file = "cpuset.effective_cpus", .value = "\"first\"", .cores = 64},
    {.what = "pressure on CPUs", .files = {{"/proc/pressure/cpu", "some\n"}}, .file = "/proc/pressure/cpu", .value = "some",
     .cores = 64},
    {.what = "pressure on disks: not a number", .files = {{"/proc/pressure/io", "some avg10=nan avg60=0 avg300=0 total=0\n"}},
     .file = "/proc/pressure/io",
     .value = "nan", .cores = 64},
    {.what = "a negative load", .files = {{"/proc/loadavg", "-1.0 0 0 1/2 3\n"}}, .file = "/proc/loadavg", .value = "-1.0",
     .cores = 64},
    {.what = "swap", .files = {{"/proc/meminfo", "MemTotal: 67108864 kB\nMemAvailable: 62914560 kB\nSwapTotal: some kB\n"}},
     .file = "/proc/meminfo",
     .value = "SwapTotal: some kB", .cores = 64, .memory_bytes = 60 * GIB},
    {.what = "throttling", .files = {{"/sys/devices/system/cpu/online", "0-127\n"},
     {"/sys/devices/system/cpu/cpu0/thermal_throttle/core_throttle_count", "often\n"}}, .file = "core_throttle_count",
     .value = "\"often\"", .cores = 64},
    {.what = "Slurm's CPUs a task", .variables = {{"SLURM_JOB_ID", "7"}, {"SLURM_JOB_NODELIST", "n4"},
     {"SLURM_TASKS_PER_NODE", "2"},
     {"SLURM_CPUS_PER_TASK", "0"}}, .file = "SLURM_CPUS_PER_TASK", .value = "\"0\"", .cores = 64},
    {.what = "Slurm's tasks", .variables = {{"SLURM_JOB_ID", "7"}, {"SLURM_JOB_NODELIST", "n4"}, {"SLURM_TASKS_PER_NODE", "2(x3"},
     {"SLURM_CPUS_PER_TASK", "3"}}, .file = "SLURM_TASKS_PER_NODE", .value = "2(x3", .cores = 64},
    {.what = "Slurm's threads", .variables = {{"SLURM_CPUS_ON_NODE", "16"}, {"SLURM_THREADS_PER_CORE", "0"}},
     .file = "SLURM_THREADS_PER_CORE",
     .value = "\"0\"", .cores = 16},
    {.what = "Slurm's memory a CPU", .variables = {{"SLURM_MEM_PER_CPU", "1K K"}, {"SLURM_CPUS_ON_NODE", "12"}},
     .file = "SLURM_MEM_PER_CPU",
     .value = "1K K", .cores = 12, .memory_bytes = 60 * GIB},
    {.what = "Slurm's CPUs: more than there can be", .variables = {{"SLURM_CPUS_ON_NODE", "99999999999"}},
     .file = "SLURM_CPUS_ON_NODE",
     .value = "99999999999", .cores = 64},
    {.what = "Slurm's list: more nodes than are believed", .variables = {{"SLURM_JOB_ID", "7"},
     {"SLURM_JOB_NODELIST", "n[0-99999999999]"}},
     .file = "SLURM_JOB_NODELIST", .value = "n[0-99999999999]", .cores = 64},
    {.what = "Slurm's GPUs", .variables = {{"SLURM_GPUS_ON_NODE", "two"}}, .file = "SLURM_GPUS_ON_NODE", .value = "\"two\"",
     .cores = 64},
    {.what = "AMD's GPUs: twice the same", .variables = {{"ROCR_VISIBLE_DEVICES", "1,1"}}, .file = "ROCR_VISIBLE_DEVICES",
     .value = "1,1", .cores = 64},
    {.what = "GPUs", .variables = {{"CUDA_VISIBLE_DEVICES", "0,,1"}}, .file = "CUDA_VISIBLE_DEVICES", .value = "0,,1",
     .cores = 64},
  };

  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
    check_bad(&rows[i]);
}

/* ---- each file, wrong in each way -------------------------------------------------------------------------------------- */

/* What must be told of a file that is wrong. */
enum telling {
  NOTHING, /* a name: whatever it says */
  VALUES,  /* what can't be a value */
  BOUNDS,  /* that, and when it can't be read, or holds nothing */
};

static const struct {
  struct pair file;
  enum telling told;
} each_file[] = {
  {{"/proc/self/cgroup", "3:memory:/a/b\n2:cpu,cpuacct:/a/b\n4:cpuset:/a\n0::/a/b\n"}, VALUES},
  {{"/proc/self/mountinfo", MOUNTS_V1 "41 31 0:38 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n"}, NOTHING},
  {{"/proc/meminfo", "MemTotal: 67108864 kB\nMemFree: 1048576 kB\nMemAvailable: 62914560 kB\nSwapTotal: 4096 kB\nSwapFree: 1024 "
                     "kB\n"}, VALUES},
  {{"/proc/self/limits", "Max address space         68719476736           unlimited            bytes\n"}, NOTHING},
  {{"/proc/stat", "cpu  100 0 50 800 10 0 0 5\ncpu0 50 0 25 400 5 0 0 3\ncpu1 50 0 25 400 5 0 0 2\n"}, NOTHING},
  {{"/proc/loadavg", "6.40 1.00 0.50 2/300 1234\n"}, VALUES},
  {{"/proc/pressure/cpu", "some avg10=12.50 avg60=1.00 avg300=0.10 total=1234\n"}, VALUES},
  {{"/proc/pressure/memory", "some avg10=2.50 avg60=1.00 avg300=0.10 total=1234\n"}, VALUES},
  {{"/proc/pressure/io", "some avg10=1.50 avg60=1.00 avg300=0.10 total=1234\n"}, VALUES},
  {{"/proc/cpuinfo", "processor\t: 0\nmodel name\t: Some CPU\nflags\t\t: fpu hypervisor\n"}, NOTHING},
  {{"/proc/sys/kernel/hostname", "n4\n"}, NOTHING},
  {{"/proc/sys/kernel/osrelease", "6.1.0\n"}, NOTHING},
  {{"/proc/sys/kernel/arch", "x86_64\n"}, NOTHING},
  {{"/proc/sys/kernel/numa_balancing", "1\n"}, VALUES},
  {{"/sys/fs/cgroup/cpu,cpuacct/a/b/cpu.cfs_quota_us", "150000\n"}, BOUNDS},
  {{"/sys/fs/cgroup/cpu,cpuacct/a/b/cpu.cfs_period_us", "100000\n"}, VALUES},
  {{"/sys/fs/cgroup/memory/a/memory.limit_in_bytes", "8589934592\n"}, BOUNDS},
  {{"/sys/fs/cgroup/cpuset/a/cpuset.effective_cpus", "0-7,16,20-31\n"}, VALUES},
  {{"/sys/fs/cgroup/unified/a/cpu.max", "800000 100000\n"}, BOUNDS},
  {{"/sys/fs/cgroup/unified/a/memory.max", "17179869184\n"}, BOUNDS},
  {{"/sys/fs/cgroup/unified/a/b/memory.high", "4294967296\n"}, BOUNDS},
  {{"/sys/devices/system/cpu/online", "0-127\n"}, VALUES},
  {{"/sys/devices/system/node/online", "0-1\n"}, NOTHING},
  {{"/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor", "powersave\n"}, NOTHING},
  {{"/sys/devices/system/cpu/cpu0/cpufreq/scaling_driver", "acpi-cpufreq\n"}, NOTHING},
  {{"/sys/devices/system/cpu/cpu0/cpufreq/scaling_max_freq", "1200000\n"}, VALUES},
  {{"/sys/devices/system/cpu/cpu0/cpufreq/cpuinfo_max_freq", "3500000\n"}, VALUES},
  {{"/sys/devices/system/cpu/cpu0/thermal_throttle/core_throttle_count", "12\n"}, VALUES},
  {{"/sys/devices/system/cpu/intel_pstate/no_turbo", "0\n"}, VALUES},
  {{"/sys/devices/system/cpu/cpufreq/boost", "1\n"}, VALUES},
  {{"/sys/kernel/mm/transparent_hugepage/enabled", "always [madvise] never\n"}, VALUES},
  {{"/sys/kernel/mm/transparent_hugepage/defrag", "always defer [madvise] never\n"}, VALUES},
  {{"/sys/class/dmi/id/sys_vendor", "Amazon EC2\n"}, NOTHING},
  {{"/sys/class/dmi/id/product_name", "c5.large\n"}, NOTHING},
  {{"/sys/hypervisor/type", "xen\n"}, NOTHING},
};
enum { N_FILES = sizeof each_file / sizeof *each_file };

static bool must_be_told(enum telling told, enum wrong how)
{
  switch (how) {
  case WRONG_BINARY:
  case WRONG_LONG:
  case WRONG_NEGATIVE:
  case WRONG_HUGE:
  case WRONG_WORDS:
    return told != NOTHING;
  case WRONG_EMPTY:
  case WRONG_LINE:
  case WRONG_FOLDER:
  case WRONG_LOOP:
  case WRONG_FORBIDDEN:
  case WRONG_PIPE:
    return told == BOUNDS;
  default: /* half of a number may be one, and what isn't there says nothing */
    return false;
  }
}

/* As somebody whom files can be forbidden to. \return what amz_node_look does. */
static int look_as_anybody(const char *root, struct amz_diags *diags, struct amz_error *err, struct amz_node *ret)
{
  bool root_user = geteuid() == 0;
  int rc;

  CU_ASSERT_FATAL(!root_user || seteuid(65534) == 0);
  rc = look_at("numa:2 core:32 pu:2", root, NULL, diags, err, ret);
  CU_ASSERT_FATAL(!root_user || seteuid(0) == 0);
  return rc;
}

static void check_wrong(const char *root, const struct pair *file, enum telling told, enum wrong how)
{
  struct amz_diags diags;
  struct amz_error err;
  struct amz_node n;
  char what[256];

  (void)snprintf(what, sizeof what, "%s: %s", file->name, wrong_names[how]);
  put_wrong(root, file, how);
  CU_ASSERT_FATAL(look_as_anybody(root, &diags, &err, &n) == AMZ_OK);
  check_profile(what, &n);
  CU_ASSERT(n.load.cpu <= 1 && n.load.memory <= 1 && n.load.swap <= 1 && n.load.cpu_pressure <= 1 && n.load.io_pressure <= 1);
  ASSERT_ROW_U64(what, n.units, 128);
  if (must_be_told(told, how))
    ASSERT_ROW_U64(what, is_told(&diags, file->name, "not used"), true);
  else if (how <= WRONG_DANGLING || (told == NOTHING && how > WRONG_CUT))
    ASSERT_ROW_U64(what, is_told(&diags, file->name, ""), false);
  amz_node_clear(&n);
  amz_diags_clear(&diags);
  put_right(root, file);
}

static void survives_each_file_wrong_in_each_way(void)
{
  char root[FAKE_ROOT_MAX];
  struct amz_diags diags;
  struct amz_error err;
  struct amz_node n;

  make_root(root);
  CU_ASSERT_FATAL(chmod(root, 0755) == 0);
  put_long(root);
  for (size_t i = 0; i < N_FILES; i++)
    put_bytes(root, each_file[i].file.name, each_file[i].file.text, strlen(each_file[i].file.text));
  CU_ASSERT_FATAL(look_as_anybody(root, &diags, &err, &n) == AMZ_OK);
  ASSERT_U64(diags.count, 0); /* what is right is right */
  CU_ASSERT(n.allowed_cpu == 1.5 && n.allowed_memory_bytes == 4 * GIB);
  amz_node_clear(&n);
  amz_diags_clear(&diags);
  for (size_t i = 0; i < N_FILES; i++)
    for (enum wrong how = 0; how < WRONG_COUNT; how++)
      check_wrong(root, &each_file[i].file, each_file[i].told, how);
  remove_root(root);
}

/* ---- mangled at random ------------------------------------------------------------------------------------------------ */

static const struct pair whole[] = {
  {"/proc/self/cgroup", "3:memory:/a/b\n2:cpu,cpuacct:/a/b\n4:cpuset:/a\n0::/a/b\n"},
  {"/proc/self/mountinfo", MOUNTS_V1 "41 31 0:38 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n"},
  {"/proc/meminfo",
   "MemTotal: 67108864 kB\nMemFree: 1048576 kB\nMemAvailable: 62914560 kB\nSwapTotal: 4096 kB\nSwapFree: 1024 kB\n"},
  {"/proc/self/limits", "Max address space         68719476736           unlimited            bytes\n"},
  {"/proc/stat", "cpu  100 0 50 800 10 0 0 5\ncpu0 50 0 25 400 5 0 0 3\ncpu1 50 0 25 400 5 0 0 2\n"},
  {"/proc/loadavg", "6.40 1.00 0.50 2/300 1234\n"},
  {"/proc/pressure/cpu", "some avg10=12.50 avg60=1.00 avg300=0.10 total=1234\n"},
  {"/proc/cpuinfo", "processor\t: 0\nmodel name\t: Some CPU\nflags\t\t: fpu hypervisor\n"},
  {"/sys/fs/cgroup/cpu,cpuacct/a/b/cpu.cfs_quota_us", "150000\n"},
  {"/sys/fs/cgroup/cpu,cpuacct/a/b/cpu.cfs_period_us", "100000\n"},
  {"/sys/fs/cgroup/memory/a/memory.limit_in_bytes", "8589934592\n"},
  {"/sys/fs/cgroup/cpuset/a/cpuset.effective_cpus", "0-7,16,20-31\n"},
  {"/sys/fs/cgroup/unified/a/cpu.max", "800000 100000\n"},
  {"/sys/fs/cgroup/unified/a/b/memory.high", "4294967296\n"},
  {"/sys/devices/system/cpu/online", "0-127\n"},
  {"/sys/devices/system/node/online", "0\n"},
  {"/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor", "powersave\n"},
  {"/sys/devices/system/cpu/cpu0/cpufreq/scaling_max_freq", "1200000\n"},
  {"/sys/devices/system/cpu/cpu0/cpufreq/cpuinfo_max_freq", "3500000\n"},
  {"/sys/devices/system/cpu/cpu0/thermal_throttle/core_throttle_count", "12\n"},
  {"/sys/kernel/mm/transparent_hugepage/enabled", "always [madvise] never\n"},
  {"/sys/class/dmi/id/sys_vendor", "Amazon EC2\n"},
  {NULL, NULL},
};

/* Cuts, overwrites, repeats or replaces by what tends to break readers. \return the new length. */
static size_t mangle(struct amz_rng *rng, char *text, size_t n, size_t room)
{
  static const char *const nasty[] = {"-1", "18446744073709551616", "999999999999999999999999999999", "0", "\n\n\n", "%s%n",
                                      "\\040\\", "1e308", "nan",
                                      "0-", "-", ",,", "::", "/../..", "\xff\xfe", "max max", "[", " ", "kB", "0x10"};
  const char *piece = nasty[amz_rng_below(rng, sizeof nasty / sizeof *nasty)];
  size_t at = (size_t)amz_rng_below(rng, n + 1), len = strlen(piece);

  switch (amz_rng_below(rng, 5)) {
  case 0: return at;
  case 1:
    for (int i = 0; i < 4 && n > 0; i++)
      text[amz_rng_below(rng, n)] = (char)amz_rng_below(rng, 256);
    return n;
  case 2:
    if (n + len > room)
      return n;
    memmove(text + at + len, text + at, n - at);
    memcpy(text + at, piece, len);
    return n + len;
  case 3: memcpy(text, piece, len); return len;
  default:
    while (2 * n <= room && n > 0 && n < room / 2) {
      memcpy(text + n, text, n);
      n *= 2;
    }
    return n;
  }
}

static void survives_mangled_files(void)
{
  static char text[16384];
  char root[FAKE_ROOT_MAX];
  struct amz_rng rng;
  size_t n_files = 0;

  amz_rng_seed(&rng, 20240501);
  while (whole[n_files].name)
    n_files++;
  make_root(root);
  put_files(root, whole);
  for (int i = 0; i < 250; i++) {
    const struct pair *victim = &whole[amz_rng_below(&rng, n_files)];
    size_t n = strlen(victim->text);
    struct amz_diags diags;
    struct amz_error err;
    struct amz_node node;

    memcpy(text, victim->text, n);
    for (uint64_t k = 1 + amz_rng_below(&rng, 3); k > 0; k--)
      n = mangle(&rng, text, n, sizeof text);
    put_bytes(root, victim->name, text, n);
    CU_ASSERT_FATAL(look_at("core:64 pu:2", root, NULL, &diags, &err, &node) == AMZ_OK);
    check_profile(victim->name, &node);
    CU_ASSERT(node.load.cpu <= 1 && node.load.memory <= 1 && node.load.swap <= 1 && node.load.cpu_pressure <= 1);
    amz_node_clear(&node);
    amz_diags_clear(&diags);
    put_bytes(root, victim->name, victim->text, strlen(victim->text));
  }
  remove_root(root);
}

static void survives_mangled_variables(void)
{
  static const char *const names[] = {"SLURM_JOB_ID", "SLURM_JOB_NODELIST", "SLURM_JOB_CPUS_PER_NODE", "SLURM_TASKS_PER_NODE",
                                      "SLURM_CPUS_ON_NODE",
                                      "SLURM_MEM_PER_NODE", "SLURM_MEM_PER_CPU", "SLURM_CPUS_PER_TASK", "SLURM_STEP_GPUS",
                                          "CUDA_VISIBLE_DEVICES"};
  static const char *const sound[] = {"7", "n[1-4],m4", "8(x3),4,2", "2(x3),1,1", "4", "4096", "512M", "2", "0,1", "1,0"};
  enum { N = sizeof names / sizeof *names };
  static char texts[N][4096];
  struct pair variables[N + 1] = {{NULL, NULL}};
  char root[FAKE_ROOT_MAX];
  struct amz_rng rng;

  amz_rng_seed(&rng, 20240502);
  make_root(root);
  put_files(root, machine_files);
  for (int i = 0; i < 150; i++) {
    struct amz_diags diags;
    struct amz_error err;
    struct amz_node node;

    for (size_t k = 0; k < N; k++) {
      size_t n = strlen(sound[k]);

      memcpy(texts[k], sound[k], n);
      if (amz_rng_below(&rng, 3) == 0)
        n = mangle(&rng, texts[k], n, 256);
      texts[k][n] = '\0';
      variables[k] = (struct pair){names[k], texts[k]};
    }
    CU_ASSERT_FATAL(look_at("core:64 pu:2", root, variables, &diags, &err, &node) == AMZ_OK);
    check_profile("mangled variables", &node);
    amz_node_clear(&node);
    amz_diags_clear(&diags);
  }
  remove_root(root);
}

int main(void)
{
  static const struct amz_test tests[] = {
    {"tells malformed values and goes on", tells_malformed_values_and_goes_on},
    {"survives each file wrong in each way", survives_each_file_wrong_in_each_way},
    {"survives mangled files", survives_mangled_files},
    {"survives mangled variables", survives_mangled_variables},
    {NULL, NULL},
  };

  return amz_test_main("malformed", tests, 180);
}
