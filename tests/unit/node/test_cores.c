/* Allowed cores on substituted machines. The expected counts follow from the synthetic descriptions by multiplication. */
#define _GNU_SOURCE
#include "faketree.h"

#include <sched.h>
#include <stdlib.h>

#include <amorsize/cores.h>

#include "../../../src/node/cores_private.h"
#include "../../support/tap.h"

static void counts_cores_of_synthetic_machines(void)
{
  static const struct {
    const char *machine;
    uint32_t cores, units;
  } rows[] = {
    {"pack:2 numa:4 l3:2 core:8 pu:2", 128, 256}, {"pack:1 core:1 pu:1", 1, 1}, {"pu:8", 8, 8}, {"numa:4 pu:2", 8, 8},
        {"core:3 pu:4", 3, 12},
  };

  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    struct amz_cores cores;
    struct amz_error err;

    CU_ASSERT_FATAL(setenv("HWLOC_SYNTHETIC", rows[i].machine, 1) == 0);
    CU_ASSERT_FATAL(amz_cores_allowed(&err, &cores) == AMZ_OK);
    ASSERT_ROW_U64(rows[i].machine, cores.count, rows[i].cores);
    ASSERT_ROW_U64(rows[i].machine, cores.starts[cores.count], rows[i].units);
    amz_cores_clear(&cores);
  }
  CU_ASSERT_FATAL(unsetenv("HWLOC_SYNTHETIC") == 0);
}

static void slots_get_their_own_cores_while_they_last(void)
{
  struct amz_cores cores;
  struct amz_error err;
  const uint32_t *cpus;
  size_t n;

  CU_ASSERT_FATAL(setenv("HWLOC_SYNTHETIC", "core:4 pu:2(indexes=0,4,1,5,2,6,3,7)", 1) == 0);
  CU_ASSERT_FATAL(amz_cores_allowed(&err, &cores) == AMZ_OK);
  amz_cores_of_slot(&cores, 1, 2, 2, &cpus, &n); /* cores 2 and 3: units 2 6 3 7 */
  ASSERT_U64(n, 4);
  for (size_t i = 0; i < n; i++)
    CU_ASSERT(cpus[i] % 4 == 2 || cpus[i] % 4 == 3);
  amz_cores_of_slot(&cores, 3, 4, 1, &cpus, &n);
  CU_ASSERT(n == 2 && cpus[0] % 4 == 3 && cpus[1] % 4 == 3);
  amz_cores_of_slot(&cores, 4, 5, 1, &cpus, &n); /* more slots than cores: unbound */
  ASSERT_U64(n, 8);
  amz_cores_of_slot(&cores, 0, UINT32_MAX, UINT32_MAX, &cpus, &n);
  ASSERT_U64(n, 8);
  amz_cores_clear(&cores);
  CU_ASSERT_FATAL(unsetenv("HWLOC_SYNTHETIC") == 0);
}

static void honours_the_affinity_mask(void)
{
  struct amz_cores cores;
  struct amz_error err;
  cpu_set_t all, one;
  size_t first = 0;

  CU_ASSERT_FATAL(sched_getaffinity(0, sizeof all, &all) == 0);
  while (!CPU_ISSET(first, &all))
    first++;
  CPU_ZERO(&one);
  CPU_SET(first, &one);
  CU_ASSERT_FATAL(sched_setaffinity(0, sizeof one, &one) == 0);
  CU_ASSERT_FATAL(amz_cores_allowed(&err, &cores) == AMZ_OK);
  CU_ASSERT(sched_setaffinity(0, sizeof all, &all) == 0);
  ASSERT_U64(cores.count, 1);
  ASSERT_U64(cores.starts[1], 1);
  ASSERT_U64(cores.cpus[0], first);
  amz_cores_clear(&cores);
}

/* hwloc is the oracle: it is asked when one of its variables is set. */
static void the_kernel_says_what_hwloc_says(void)
{
  struct amz_cores kernel, hwloc;
  struct amz_error err;

  CU_ASSERT_FATAL(amz_cores_allowed(&err, &kernel) == AMZ_OK);
  CU_ASSERT_FATAL(setenv("HWLOC_HIDE_ERRORS", "1", 1) == 0);
  CU_ASSERT_FATAL(amz_cores_allowed(&err, &hwloc) == AMZ_OK);
  CU_ASSERT_FATAL(unsetenv("HWLOC_HIDE_ERRORS") == 0);
  ASSERT_U64(kernel.count, hwloc.count);
  ASSERT_U64(kernel.most, hwloc.most);
  for (uint32_t i = 0; i <= kernel.count && i <= hwloc.count; i++)
    ASSERT_U64(kernel.starts[i], hwloc.starts[i]);
  for (uint32_t i = 0; i < kernel.starts[kernel.count] && i < hwloc.starts[hwloc.count]; i++)
    ASSERT_U64(kernel.cpus[i], hwloc.cpus[i]);
  amz_cores_clear(&kernel);
  amz_cores_clear(&hwloc);
}

#define SIBLINGS(unit, list) {"/sys/devices/system/cpu/cpu" #unit "/topology/core_cpus_list", list "\n"}
#define OLD_SIBLINGS(unit, list) {"/sys/devices/system/cpu/cpu" #unit "/topology/thread_siblings_list", list "\n"}

static void cores_from_lists_of_siblings(void)
{
  static const struct {
    const char *what, *mask;
    struct pair files[5];
    int rc;
    uint32_t count, starts[5], cpus[4];
  } rows[] = {
    {"a unit a core", "0-1", {SIBLINGS(0, "0"), SIBLINGS(1, "1")}, AMZ_OK, 2, {0, 1, 2}, {0, 1}},
    {"two units a core, the second ones behind all first ones", "0-3", {SIBLINGS(0, "0,2"), SIBLINGS(1, "1,3"),
      SIBLINGS(2, "0,2"), SIBLINGS(3, "1,3")},
      AMZ_OK, 2, {0, 2, 4}, {0, 2, 1, 3}},
    {"an older kernel", "0-1", {OLD_SIBLINGS(0, "0-1"), OLD_SIBLINGS(1, "0-1")}, AMZ_OK, 1, {0, 2}, {0, 1}},
    {"half a core is ours", "3", {SIBLINGS(3, "1,3")}, AMZ_OK, 1, {0, 1}, {3}},
    {"the kernel tells nothing", "0-1", {{NULL, NULL}}, AMZ_ENOENT, 0, {0}, {0}},
    {"or not of all", "0-1", {SIBLINGS(0, "0")}, AMZ_ENOENT, 0, {0}, {0}},
    {"no list", "0", {SIBLINGS(0, "0;1")}, AMZ_ENOENT, 0, {0}, {0}},
    {"an empty one", "0", {SIBLINGS(0, "")}, AMZ_ENOENT, 0, {0}, {0}},
    {"a unit that is not its own sibling", "0", {SIBLINGS(0, "1")}, AMZ_ENOENT, 0, {0}, {0}},
    {"nothing is ours", "", {SIBLINGS(0, "0")}, AMZ_ENOENT, 0, {0}, {0}},
  };

  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    hwloc_bitmap_t mask = hwloc_bitmap_alloc();
    char root[FAKE_ROOT_MAX];
    const struct amz_tree tree = {root, NULL};
    struct amz_cores cores;

    CU_ASSERT_FATAL(mask && hwloc_bitmap_list_sscanf(mask, rows[i].mask) == 0);
    make_root(root);
    put_files(root, rows[i].files);
    ASSERT_ROW_I64(rows[i].what, amz_cores_by_kernel(&tree, mask, &cores), rows[i].rc);
    for (uint32_t k = 0; rows[i].rc == AMZ_OK && k <= rows[i].count; k++)
      ASSERT_ROW_U64(rows[i].what, cores.starts[k], rows[i].starts[k]);
    for (uint32_t k = 0; rows[i].rc == AMZ_OK && k < rows[i].starts[rows[i].count]; k++)
      ASSERT_ROW_U64(rows[i].what, cores.cpus[k], rows[i].cpus[k]);
    if (rows[i].rc == AMZ_OK)
      ASSERT_ROW_U64(rows[i].what, cores.count, rows[i].count);
    amz_cores_clear(&cores);
    hwloc_bitmap_free(mask);
    remove_root(root);
  }
}

static void as_many_may_be_busy_as_quotas_and_slurm_say(void)
{
  static const struct {
    const char *what;
    struct pair files[4], variables[4];
    uint32_t most;
    const char *source;
  } rows[] = {
    {"nobody says anything", {{NULL, NULL}}, {{NULL, NULL}}, 64, ""},
    {"a quota of one CPU and a half", {{"/proc/self/cgroup", "0::/a\n"}, {V2 "/a/cpu.max", "150000 100000\n"}}, {{NULL, NULL}},
     1, "cgroup /a cpu.max"},
    {"a quota of half a CPU", {{"/proc/self/cgroup", "0::/a\n"}, {V2 "/a/cpu.max", "50000 100000\n"}}, {{NULL, NULL}}, 1,
     "cgroup /a cpu.max"},
    {"a quota above us", {{"/proc/self/cgroup", "0::/a/b\n"}, {V2 "/a/cpu.max", "1250000 100000\n"}}, {{NULL, NULL}}, 12,
     "cgroup /a cpu.max"},
    {"more than there is", {{"/proc/self/cgroup", "0::/a\n"}, {V2 "/a/cpu.max", "9000000 100000\n"}}, {{NULL, NULL}}, 64, ""},
    {"Slurm", {{NULL, NULL}}, {{"SLURM_CPUS_ON_NODE", "6"}}, 6, "SLURM_CPUS_ON_NODE"},
    {"the smaller of the two", {{"/proc/self/cgroup", "0::/a\n"}, {V2 "/a/cpu.max", "400000 100000\n"}},
     {{"SLURM_CPUS_ON_NODE", "6"}}, 4,
     "cgroup /a cpu.max"},
    {"malformed: the other one", {{"/proc/self/cgroup", "0::/a\n"}, {V2 "/a/cpu.max", "4x\n"}}, {{"SLURM_CPUS_ON_NODE", "6"}}, 6,
     "SLURM_CPUS_ON_NODE"},
    {"ranks of a launcher's daemon: the job's counts", {{"/proc/sys/kernel/hostname", "n4\n"}},
     {{"SLURM_CPUS_ON_NODE", "1"}, {"OMPI_COMM_WORLD_SIZE", "8"}, {"SLURM_JOB_NODELIST", "n[3-4]"},
      {"SLURM_JOB_CPUS_PER_NODE", "8,4"}}, 4,
     "SLURM_JOB_CPUS_PER_NODE"},
  };

  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    struct pair variables[5] = {{NULL, NULL}};
    struct amz_environment env = injected_environment(variables);
    struct amz_buf source = AMZ_BUF_INIT;
    char root[FAKE_ROOT_MAX];
    struct amz_cores cores;
    struct amz_error err;

    memcpy(variables, rows[i].variables, sizeof rows[i].variables);
    make_root(root);
    for (size_t k = 0; k < 4 && rows[i].files[k].name; k++)
      put_bytes(root, rows[i].files[k].name, rows[i].files[k].text, strlen(rows[i].files[k].text));
    CU_ASSERT_FATAL(setenv("HWLOC_SYNTHETIC", "core:64 pu:2", 1) == 0);
    CU_ASSERT_FATAL(amz_cores_allowed(&err, &cores) == AMZ_OK);
    CU_ASSERT_FATAL(unsetenv("HWLOC_SYNTHETIC") == 0);
    ASSERT_ROW_I64(rows[i].what, amz_cores_limit(&cores, &env, root, &source), AMZ_OK);
    ASSERT_ROW_U64(rows[i].what, cores.count, 64);
    ASSERT_ROW_U64(rows[i].what, cores.most, rows[i].most);
    ASSERT_ROW_TEXT(rows[i].what, amz_buf_text(&source), rows[i].source);
    amz_buf_clear(&source);
    amz_cores_clear(&cores);
    remove_root(root);
  }
}

static void a_quota_leaves_open_which_cores(void)
{
  struct amz_cores cores;
  struct amz_error err;
  const uint32_t *cpus;
  size_t n;

  CU_ASSERT_FATAL(setenv("HWLOC_SYNTHETIC", "core:8 pu:1", 1) == 0);
  CU_ASSERT_FATAL(amz_cores_allowed(&err, &cores) == AMZ_OK);
  CU_ASSERT_FATAL(unsetenv("HWLOC_SYNTHETIC") == 0);
  cores.most = 4;
  amz_cores_of_slot(&cores, 1, 4, 1, &cpus, &n); /* not the second core: others, with quotas of their own, may be there */
  ASSERT_U64(n, 8);
  amz_cores_keep(&cores, 2, 2); /* a rank's share: two at a time, of all */
  CU_ASSERT(cores.count == 8 && cores.most == 2);
  amz_cores_keep(&cores, 0, 9);
  CU_ASSERT(cores.count == 8 && cores.most == 2);
  cores.most = 8;
  amz_cores_keep(&cores, 2, 2); /* without a quota: cores 2 and 3 */
  CU_ASSERT(cores.count == 2 && cores.most == 2 && cores.cpus[0] == 2);
  amz_cores_clear(&cores);
}

/* A rank of a launch finds the same in a file. */
static void takes_a_file_that_hwloc_is_told_of(void)
{
  static const struct {
    const char *what, *variable, *value;
    uint32_t cores;
  } rows[] = {
    {"alone", "LC_ALL", "C", 8}, {"a rank", "PMIX_RANK", "0", 8}, {"of hwloc's variables, a file comes last", "HWLOC_SYNTHETIC",
      "core:3 pu:1", 3},
  };
  const char *source = getenv("top_srcdir");
  char path[4096];

  (void)snprintf(path, sizeof path, "%s/tests/data/topologies/two-packages-four-gpus.xml", source ? source : ".");
  CU_ASSERT_FATAL(setenv("HWLOC_XMLFILE", path, 1) == 0);
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    struct amz_cores cores;
    struct amz_error err;

    CU_ASSERT_FATAL(setenv(rows[i].variable, rows[i].value, 1) == 0);
    CU_ASSERT_FATAL(amz_cores_allowed(&err, &cores) == AMZ_OK);
    ASSERT_ROW_U64(rows[i].what, cores.count, rows[i].cores);
    amz_cores_clear(&cores);
    CU_ASSERT_FATAL(unsetenv(rows[i].variable) == 0);
  }
  CU_ASSERT_FATAL(unsetenv("HWLOC_XMLFILE") == 0);
}

/* The file with one of its attributes misspelt, at which hwloc 2.9 crashes. */
static void put_spoilt(const char *root)
{
  static const char good[] = "complete_cpuset=\"0x00000002\"";
  const char *source = getenv("top_srcdir");
  static char text[65536];
  char path[4096], *at;
  size_t n = 0;
  FILE *f;

  (void)snprintf(path, sizeof path, "%s/tests/data/topologies/no-core-objects.xml", source ? source : ".");
  f = fopen(path, "r");
  CU_ASSERT_FATAL(f != NULL && (n = fread(text, 1, sizeof text - 1, f)) > 0 && fclose(f) == 0);
  text[n] = '\0';
  CU_ASSERT_FATAL(strstr(text, good) != NULL);
  while ((at = strstr(text, good)))
    *at = 'C';
  put_bytes(root, "/spoilt.xml", text, n);
}

static void survives_a_file_that_hwloc_does_not(void)
{
  char root[FAKE_ROOT_MAX], path[FAKE_ROOT_MAX + 16];
  struct amz_cores cores;
  struct amz_error err = {0};

  make_root(root);
  put_spoilt(root);
  (void)snprintf(path, sizeof path, "%s/spoilt.xml", root);
  CU_ASSERT_FATAL(setenv("HWLOC_XMLFILE", path, 1) == 0);
  if (amz_cores_allowed(&err, &cores) == AMZ_OK) { /* another hwloc may read it */
    CU_ASSERT(cores.count > 0);
    amz_cores_clear(&cores);
  } else {
    CU_ASSERT(strstr(err.text, "HWLOC_XMLFILE") && strstr(err.text, path));
  }
  CU_ASSERT_FATAL(setenv("HWLOC_XMLFILE", "/dev/null", 1) == 0);
  ASSERT_I64(amz_cores_allowed(&err, &cores), AMZ_EENV);
  CU_ASSERT(strstr(err.text, "/dev/null") != NULL);
  CU_ASSERT_FATAL(unsetenv("HWLOC_XMLFILE") == 0);
  remove_root(root);
}

int main(void)
{
  static const struct amz_test tests[] = {
    {"counts cores of synthetic machines", counts_cores_of_synthetic_machines},
    {"slots get their own cores while they last", slots_get_their_own_cores_while_they_last},
    {"honours the affinity mask", honours_the_affinity_mask},
    {"the kernel says what hwloc says", the_kernel_says_what_hwloc_says},
    {"cores from lists of siblings", cores_from_lists_of_siblings},
    {"as many may be busy as quotas and Slurm say", as_many_may_be_busy_as_quotas_and_slurm_say},
    {"a quota leaves open which cores", a_quota_leaves_open_which_cores},
    {"takes a file that hwloc is told of", takes_a_file_that_hwloc_is_told_of},
    {"survives a file that hwloc does not", survives_a_file_that_hwloc_does_not},
    {NULL, NULL},
  };

  return amz_test_main("cores", tests, 0);
}
