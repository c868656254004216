/* Load and state from files made by hand, with shares worked out from them; and what is assumed where nothing was measured. */
#define _GNU_SOURCE
#include "faketree.h"

#include <stdbool.h>

#include "looking.h"

/* ---- load ------------------------------------------------------------------------------------------------------------- */

static void reads_load(void)
{
  static const struct {
    const char *what;
    struct pair files[5];
    double cpu, memory, swap, cpu_pressure, memory_pressure, io_pressure, steal; /* < 0: unknown */
  } rows[] = {
    {"nothing there", {{NULL, NULL}}, -1, -1, -1, -1, -1, -1, -1},
    {"the average of a minute over four units", {{"/proc/loadavg", "3.00 1.00 0.50 2/300 1\n"}}, 0.75, -1, -1, -1, -1, -1, -1},
    {"more tasks than units", {{"/proc/loadavg", "12.00 1.00 0.50 2/300 1\n"}}, 1, -1, -1, -1, -1, -1, -1},
    {"a quarter of the memory available",
     {{"/proc/meminfo", "MemTotal: 4000 kB\nMemAvailable: 1000 kB\nSwapTotal: 200 kB\nSwapFree: 150 kB\n"}},
     -1, 0.75, 0.25, -1, -1, -1, -1},
    {"no swap space: none of it is used",
     {{"/proc/meminfo", "MemTotal: 4000 kB\nMemAvailable: 4000 kB\nSwapTotal: 0 kB\nSwapFree: 0 kB\n"}},
     -1, 0, 0, -1, -1, -1, -1},
    {"pressure", {{"/proc/pressure/cpu", "some avg10=12.50 avg60=1.00 avg300=0.10 total=12\n"},
     {"/proc/pressure/memory", "some avg10=0.00 avg60=1.00 avg300=0.10 total=12\nfull avg10=5.00 avg60=0 avg300=0 total=0\n"},
     {"/proc/pressure/io", "some avg10=100.00 avg60=1.00 avg300=0.10 total=12\n"}}, -1, -1, -1, 0.125, 0, 1, -1},
    {"steal since the start: 50 of 1000 ticks", {{"/proc/stat", "cpu  9 9 9 9\ncpu0 200 0 50 600 100 0 0 50 7 0\nintr 5\n"}}, -1,
     -1, -1, -1, -1, -1, 0.05},
  };

  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    char root[FAKE_ROOT_MAX];
    struct amz_diags diags;
    struct amz_error err;
    struct amz_node n;

    make_root(root);
    put_files(root, rows[i].files);
    CU_ASSERT_FATAL(look_at("core:4 pu:1", root, NULL, &diags, &err, &n) == AMZ_OK);
    ASSERT_ROW_I64(rows[i].what, n.load.cpu * 1000, rows[i].cpu * 1000);
    ASSERT_ROW_I64(rows[i].what, n.load.memory * 1000, rows[i].memory * 1000);
    ASSERT_ROW_I64(rows[i].what, n.load.swap * 1000, rows[i].swap * 1000);
    ASSERT_ROW_I64(rows[i].what, n.load.cpu_pressure * 1000, rows[i].cpu_pressure * 1000);
    ASSERT_ROW_I64(rows[i].what, n.load.memory_pressure * 1000, rows[i].memory_pressure * 1000);
    ASSERT_ROW_I64(rows[i].what, n.load.io_pressure * 1000, rows[i].io_pressure * 1000);
    ASSERT_ROW_I64(rows[i].what, n.load.steal * 1000, rows[i].steal * 1000);
    ASSERT_ROW_U64(rows[i].what, diags.count, 0);
    amz_node_clear(&n);
    amz_diags_clear(&diags);
    remove_root(root);
  }
}

static void reads_the_load_of_this_machine(void)
{
  struct amz_diags diags;
  struct amz_error err;
  struct amz_node n;

  if (access("/proc/stat", R_OK) < 0 || access("/proc/meminfo", R_OK) < 0) {
    amz_test_skip("/proc isn't mounted");
    return;
  }
  CU_ASSERT_FATAL(look_at(NULL, NULL, NULL, &diags, &err, &n) == AMZ_OK);
  CU_ASSERT(n.load.cpu >= 0 && n.load.cpu <= 1 && n.load.memory > 0 && n.load.memory < 1);
  amz_node_clear(&n);
  amz_diags_clear(&diags);
}

/* ---- findings --------------------------------------------------------------------------------------------------------- */

static bool is_found(const struct amz_node *n, const char *text)
{
  for (size_t i = 0; i < n->n_findings; i++)
    if (strstr(n->findings[i].text, text))
      return true;
  return false;
}

#define CPU0 "/sys/devices/system/cpu/cpu0/"
#define CPU1 "/sys/devices/system/cpu/cpu1/"
#define THP "/sys/kernel/mm/transparent_hugepage/"

static void finds_what_bears_on_runs(void)
{
  static const struct {
    const char *what;
    struct pair files[5];
    const char *text; /* NULL: nothing is found */
  } rows[] = {
    {"nothing there", {{NULL, NULL}}, NULL},
    {"a busy machine", {{"/proc/loadavg", "3.40 1.00 0.50 2/300 1\n"}}, "CPU: 85 % busy"},
    {"a little below the threshold", {{"/proc/loadavg", "2.76 1.00 0.50 2/300 1\n"}}, NULL},
    {"memory in use", {{"/proc/meminfo", "MemTotal: 1000 kB\nMemAvailable: 100 kB\n"}}, "memory: 90 % in use"},
    {"swapping", {{"/proc/meminfo", "MemTotal: 1000 kB\nMemAvailable: 900 kB\nSwapTotal: 100 kB\nSwapFree: 50 kB\n"}},
     "swap space: 50 % in use"},
    {"pressure of memory", {{"/proc/pressure/memory", "some avg10=30.00 avg60=0 avg300=0 total=0\n"}}, "wait for memory in 30 %"},
    {"steal", {{"/proc/stat", "cpu0 100 0 0 800 0 0 0 100\n"}}, "kept from us 10 %"},
    {"low clocks", {{CPU0 "cpufreq/scaling_governor", "powersave\n"}, {CPU0 "cpufreq/scaling_driver", "acpi-cpufreq\n"}},
     "1 CPU is held at low frequency"},
    {"no word of the driver", {{CPU0 "cpufreq/scaling_governor", "powersave\n"},
                               {CPU1 "cpufreq/scaling_governor", "powersave\n"}},
     "2 CPUs are held at low frequency"},
    {"powersave of intel_pstate is how it is", {{CPU0 "cpufreq/scaling_governor", "powersave\n"},
                                                {CPU0 "cpufreq/scaling_driver", "intel_pstate\n"}}, NULL},
    {"performance", {{CPU0 "cpufreq/scaling_governor", "performance\n"}}, NULL},
    {"capped", {{CPU1 "cpufreq/scaling_max_freq", "1200000\n"}, {CPU1 "cpufreq/cpuinfo_max_freq", "3500000\n"}},
     "CPU 1 is capped at 1.2 GHz of 3.5"},
    {"not capped to speak of", {{CPU1 "cpufreq/scaling_max_freq", "3400000\n"}, {CPU1 "cpufreq/cpuinfo_max_freq", "3500000\n"}},
     NULL},
    {"throttled", {{CPU0 "thermal_throttle/core_throttle_count", "5\n"}, {CPU1 "thermal_throttle/core_throttle_count", "7\n"}},
     "2 CPUs were throttled by heat since the start, CPU 0 first, 12 times"},
    {"never throttled", {{CPU0 "thermal_throttle/core_throttle_count", "0\n"}}, NULL},
    {"no boost, Intel", {{"/sys/devices/system/cpu/intel_pstate/no_turbo", "1\n"}}, "boost frequencies are switched off"},
    {"no boost, others", {{"/sys/devices/system/cpu/cpufreq/boost", "0\n"}}, "boost frequencies are switched off"},
    {"boost", {{"/sys/devices/system/cpu/intel_pstate/no_turbo", "0\n"}, {"/sys/devices/system/cpu/cpufreq/boost", "1\n"}}, NULL},
    {"huge pages off", {{THP "enabled", "always madvise [never]\n"}}, "transparent huge pages are off"},
    {"huge pages on", {{THP "enabled", "always [madvise] never\n"}, {THP "defrag",
                                                                     "always defer defer+madvise [madvise] never\n"}}, NULL},
    {"stalls for huge pages", {{THP "enabled", "[always] madvise never\n"},
                               {THP "defrag", "[always] defer defer+madvise madvise never\n"}},
     "makes room for huge pages"},
    {"memory that wanders", {{"/proc/sys/kernel/numa_balancing", "1\n"}}, "moves memory between NUMA domains"},
    {"memory that stays", {{"/proc/sys/kernel/numa_balancing", "0\n"}}, NULL},
  };

  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    char root[FAKE_ROOT_MAX];
    struct amz_diags diags;
    struct amz_error err;
    struct amz_node n;

    make_root(root);
    put_files(root, rows[i].files);
    CU_ASSERT_FATAL(look_at("numa:2(memory=512000) core:2 pu:1", root, NULL, &diags, &err, &n) == AMZ_OK);
    if (rows[i].text && !is_found(&n, rows[i].text))
      ASSERT_ROW_TEXT(rows[i].what, n.n_findings ? n.findings[0].text : "nothing", rows[i].text);
    ASSERT_ROW_U64(rows[i].what, n.n_findings, rows[i].text ? 1 : 0);
    ASSERT_ROW_U64(rows[i].what, diags.count, 0);
    amz_node_clear(&n);
    amz_diags_clear(&diags);
    remove_root(root);
  }
}

/* ---- what is assumed -------------------------------------------------------------------------------------------------- */

/* Rates and φ of a domain never fall as more cores work. */
static void check_curve(const struct amz_node *n, const struct amz_curve_point *points, size_t count)
{
  for (size_t i = 0; i < count; i++) {
    CU_ASSERT(points[i].value.source == AMZ_ASSUMED && points[i].value.value > 0);
    CU_ASSERT(points[i].cores >= 1 && points[i].cores <= n->cores);
    if (i > 0 && points[i].domain == points[i - 1].domain)
      CU_ASSERT(points[i].cores > points[i - 1].cores && points[i].value.value >= points[i - 1].value.value);
  }
}

static void assumes_a_whole_profile(void)
{
  static const char *const machines[] = {"core:1 pu:1", "pack:2 numa:4 l3:2 core:8 pu:2", "pu:8", "numa:4 pu:2",
                                         "[numa(memory=1TB)] pack:2 [numa(memory=64GB)] core:4 pu:1",
                                             "pack:8 numa:4 l3:4 core:16 pu:2"};

  for (size_t i = 0; i < sizeof machines / sizeof *machines; i++) {
    struct amz_diags diags;
    struct amz_error err;
    struct amz_node n;

    CU_ASSERT_FATAL(look_at(machines[i], NULL, NULL, &diags, &err, &n) == AMZ_OK);
    CU_ASSERT_FATAL(amz_node_assume(&n, &err) == AMZ_OK);
    check_curve(&n, n.bandwidth, n.n_bandwidth);
    check_curve(&n, n.slowdown, n.n_slowdown);
    CU_ASSERT(amz_node_bandwidth(&n, AMZ_ALL_DOMAINS, n.cores).value >= amz_node_bandwidth(&n, AMZ_ALL_DOMAINS, 1).value);
    CU_ASSERT(amz_node_slowdown(&n, AMZ_ALL_DOMAINS, 1).value == 1);
    CU_ASSERT(n.n_latency >= 1 && n.latency[n.n_latency - 1].level == 0);
    CU_ASSERT(n.costs.start_s.source == AMZ_ASSUMED && n.costs.between.beta_s_per_byte.source == AMZ_ASSUMED &&
              n.costs.service_s.value > 0);
    CU_ASSERT(n.saturation_cores.value >= 1 && n.saturation_cores.value <= n.cores);
    ASSERT_ROW_U64(machines[i], n.remote_ratio.source, n.n_domains > 1 ? AMZ_ASSUMED : AMZ_UNKNOWN);
    ASSERT_TEXT(n.bandwidth_method, "assumed");
    amz_node_clear(&n);
    amz_diags_clear(&diags);
  }
}

static void what_is_known_stays(void)
{
  struct amz_quantity measured = {.value = 3e-3, .low = 2e-3, .high = 4e-3, .n = 9, .source = AMZ_MEASURED};
  struct amz_curve_point *point = calloc(1, sizeof *point);
  struct amz_diags diags;
  struct amz_error err;
  struct amz_node n;

  CU_ASSERT_FATAL(point != NULL && look_at("core:4 pu:1", NULL, NULL, &diags, &err, &n) == AMZ_OK);
  *point = (struct amz_curve_point){.domain = AMZ_ALL_DOMAINS, .cores = 4, .value = measured};
  n.bandwidth = point;
  n.n_bandwidth = 1;
  n.costs.start_s = measured;
  CU_ASSERT_FATAL(amz_node_assume(&n, &err) == AMZ_OK);
  CU_ASSERT(n.n_bandwidth == 1 && n.bandwidth[0].value.source == AMZ_MEASURED && n.bandwidth_method[0] == '\0');
  CU_ASSERT(n.costs.start_s.value == 3e-3 && n.costs.start_s.source == AMZ_MEASURED &&
            n.costs.start_shell_s.source == AMZ_ASSUMED);
  CU_ASSERT(n.n_slowdown > 0 && n.slowdown[0].value.source == AMZ_ASSUMED);
  amz_node_clear(&n);
  amz_diags_clear(&diags);
}

int main(void)
{
  static const struct amz_test tests[] = {
    {"reads load", reads_load},
    {"reads the load of this machine", reads_the_load_of_this_machine},
    {"finds what bears on runs", finds_what_bears_on_runs},
    {"assumes a whole profile", assumes_a_whole_profile},
    {"what is known stays", what_is_known_stays},
    {NULL, NULL},
  };

  return amz_test_main("state", tests, 0);
}
