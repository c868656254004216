/* The machine's state that bears on runs, as findings with advice: how busy it is, frequencies, throttling, huge pages. What
 * is read is only ever read. */
#include <stdio.h>
#include <string.h>

#include "findings.h"
#include "load.h"

#define CPU_DIR "/sys/devices/system/cpu"

/* ---- load ------------------------------------------------------------------------------------------------------------- */

/* Shares from which on a finding is worth its line; the first two are those at which plan.load_aware begins. */
#define CPU_BUSY 0.70
#define MEMORY_BUSY 0.75
#define SWAP_USED 0.10
#define CPU_PRESSED 0.20
#define MEMORY_PRESSED 0.10
#define IO_PRESSED 0.20
#define STOLEN 0.05

static int find_load(struct amz_node *node)
{
  const struct amz_node_load *l = &node->load;
  const struct {
    double value, threshold;
    const char *what, *is, *advice;
  } rows[] = {
    {l->cpu, CPU_BUSY, "CPU: ", "busy with other work",
     "wait, take another node, or use fewer slots; what is measured now comes out too slow"},
    {l->memory, MEMORY_BUSY, "memory: ", "in use", "use fewer slots, or see who uses it (ps aux --sort -rss)"},
    {l->swap, SWAP_USED, "swap space: ", "in use", "memory has been short: use fewer slots, or ask for more memory"},
    {l->cpu_pressure, CPU_PRESSED, "tasks had to wait for a CPU in ", "of the last 10 s",
     "other work runs here: use fewer slots"},
    {l->memory_pressure, MEMORY_PRESSED, "tasks had to wait for memory in ", "of the last 10 s",
     "use fewer slots, or ask for more memory"},
    {l->io_pressure, IO_PRESSED, "tasks had to wait for disks in ", "of the last 10 s", "stage input to fast scratch space"},
    {l->steal, STOLEN, "the hypervisor kept from us ", "of the CPU time",
     "a busy neighbour: another hour or a dedicated host helps"},
  };
  int rc = AMZ_OK;

  for (size_t i = 0; rc == AMZ_OK && i < sizeof rows / sizeof *rows; i++)
    if (rows[i].value >= rows[i].threshold)
      rc = amz_findings_add(node, AMZ_FINDING_WARNING, rows[i].advice, "%s%.0f %% %s", rows[i].what, rows[i].value * 100,
                            rows[i].is);
  return rc;
}

/* ---- frequencies ------------------------------------------------------------------------------------------------------ */

/* What is counted over our units. */
struct frequencies {
  uint32_t saving;                  /* units whose governor holds them at low clocks */
  uint32_t capped, first_capped;    /* units whose upper limit is below what they can do */
  uint64_t cap_khz, can_khz;        /* of the first of them */
  uint32_t throttled, first_throttled;
  uint64_t throttles;
};

static bool unit_line(const struct amz_tree *tree, unsigned unit, const char *file, char *ret, size_t n)
{
  char path[128];

  (void)snprintf(path, sizeof path, CPU_DIR "/cpu%u/%s", unit, file);
  return amz_tree_line(tree, path, ret, n);
}

static bool unit_number(const struct amz_tree *tree, unsigned unit, const char *file, uint64_t *ret)
{
  char path[128];

  (void)snprintf(path, sizeof path, CPU_DIR "/cpu%u/%s", unit, file);
  return amz_tree_number(tree, path, 0, UINT64_MAX, ret);
}

/* `powersave` of drivers that scale by themselves is their normal state; of others it is the lowest clock. */
static bool saves_power(const struct amz_tree *tree, unsigned unit)
{
  char governor[64], driver[64] = "";

  if (!unit_line(tree, unit, "cpufreq/scaling_governor", governor, sizeof governor) || strcmp(governor, "powersave") != 0)
    return false;
  return !unit_line(tree, unit, "cpufreq/scaling_driver", driver, sizeof driver) ||
         (strcmp(driver, "intel_pstate") != 0 && strcmp(driver, "amd-pstate-epp") != 0);
}

static void look_at_unit(const struct amz_tree *tree, unsigned unit, struct frequencies *f)
{
  uint64_t cap, can, throttles;

  f->saving += saves_power(tree, unit);
  if (unit_number(tree, unit, "cpufreq/scaling_max_freq", &cap) && unit_number(tree, unit, "cpufreq/cpuinfo_max_freq", &can) &&
      cap < can - can / 20 && f->capped++ == 0) {
    f->first_capped = unit;
    f->cap_khz = cap;
    f->can_khz = can;
  }
  if (unit_number(tree, unit, "thermal_throttle/core_throttle_count", &throttles) && throttles > 0) {
    if (f->throttled++ == 0)
      f->first_throttled = unit;
    f->throttles += throttles > UINT64_MAX - f->throttles ? 0 : throttles;
  }
}

#define UNITS_LOOKED_AT 1024 /* of more, the first tell enough */

static int find_frequencies(const struct amz_tree *tree, hwloc_const_bitmap_t bound, struct amz_node *node)
{
  struct frequencies f = {0};
  int n = 0, rc = AMZ_OK;

  for (int unit = hwloc_bitmap_first(bound); unit >= 0 && n < UNITS_LOOKED_AT; unit = hwloc_bitmap_next(bound, unit), n++)
    look_at_unit(tree, (unsigned)unit, &f);
  if (f.saving > 0)
    rc = amz_findings_add(node, AMZ_FINDING_WARNING, "ask the administrator for the governor \"performance\" or \"schedutil\"",
                          "%u CPU%s held at low frequency (governor powersave)", f.saving, f.saving == 1 ? " is" : "s are");
  if (rc == AMZ_OK && f.capped > 0)
    rc = amz_findings_add(node, AMZ_FINDING_WARNING, "an administrator's or a power manager's setting (scaling_max_freq)",
                          "CPU %u%s capped at %.1f GHz of %.1f", f.first_capped, f.capped > 1 ? " and others are" : " is",
                          (double)f.cap_khz / 1e6, (double)f.can_khz / 1e6);
  if (rc == AMZ_OK && f.throttled > 0)
    rc = amz_findings_add(node, AMZ_FINDING_NOTE, "the node gets too hot under load: tell its administrator when it goes on",
                          "%u CPU%s throttled by heat since the start, CPU %u first, %llu times in all", f.throttled,
                          f.throttled == 1 ? " was" : "s were", f.first_throttled, (unsigned long long)f.throttles);
  return rc;
}

static int find_turbo(const struct amz_tree *tree, struct amz_node *node)
{
  uint64_t off = 0, boost = 1;

  if (!amz_tree_number(tree, CPU_DIR "/intel_pstate/no_turbo", 0, 1, &off))
    off = 0;
  if (!amz_tree_number(tree, CPU_DIR "/cpufreq/boost", 0, 1, &boost))
    boost = 1;
  if (off == 0 && boost == 1)
    return AMZ_OK;
  return amz_findings_add(node, AMZ_FINDING_NOTE, "", "boost frequencies are switched off: slower, and steadier");
}

/* ---- memory and scheduling -------------------------------------------------------------------------------------------- */

/* The word in brackets of "always [madvise] never". */
static bool chosen(const struct amz_tree *tree, const char *path, const char *word)
{
  char line[128], bracketed[40];

  (void)snprintf(bracketed, sizeof bracketed, "[%s]", word);
  if (!amz_tree_line(tree, path, line, sizeof line))
    return false;
  if (!strchr(line, '['))
    amz_tree_doubt(tree, path, line, "a choice in brackets is expected");
  return strstr(line, bracketed) != NULL;
}

static int find_huge_pages(const struct amz_tree *tree, struct amz_node *node)
{
  static const char dir[] = "/sys/kernel/mm/transparent_hugepage/";
  char path[128];
  int rc = AMZ_OK;

  (void)snprintf(path, sizeof path, "%senabled", dir);
  if (chosen(tree, path, "never"))
    rc = amz_findings_add(node, AMZ_FINDING_NOTE, "tasks with large arrays may gain from madvise or always",
                          "transparent huge pages are off");
  (void)snprintf(path, sizeof path, "%sdefrag", dir);
  if (rc == AMZ_OK && chosen(tree, path, "always"))
    rc = amz_findings_add(node, AMZ_FINDING_NOTE, "ask for defrag \"defer\" or \"madvise\" when tasks stall while they allocate",
                          "the kernel makes room for huge pages while a task waits (transparent_hugepage/defrag is always)");
  return rc;
}

/* Pages that follow their users cost faults; tasks bound to a domain need none of it. */
static int find_balancing(const struct amz_tree *tree, struct amz_node *node)
{
  uint64_t on;

  if (node->n_domains < 2 || !amz_tree_number(tree, "/proc/sys/kernel/numa_balancing", 0, 3, &on) || on == 0)
    return AMZ_OK;
  return amz_findings_add(node, AMZ_FINDING_NOTE, "tasks are bound to cores, so that their memory is near without it",
                          "the kernel moves memory between NUMA domains by itself (numa_balancing)");
}

static int find_virtual(struct amz_node *node)
{
  if (!node->hypervisor || !node->hypervisor[0])
    return AMZ_OK;
  if (node->units_share_cores)
    return amz_findings_add(node, AMZ_FINDING_WARNING, "expect half the speed when all are busy, or ask for one thread a core",
                            "the %u CPUs are hardware threads sold as CPUs (%s): two of them share a core", node->cores,
                            node->hypervisor);
  return amz_findings_add(node, AMZ_FINDING_NOTE, "a slowdown at many busy cores that `node` measures would show it",
                          "a virtual machine (%s): whether its CPUs share cores with others can't be told", node->hypervisor);
}

int amz_state_find(const struct amz_tree *tree, hwloc_const_bitmap_t bound, struct amz_node *node)
{
  int rc = find_load(node);

  if (rc == AMZ_OK)
    rc = find_frequencies(tree, bound, node);
  if (rc == AMZ_OK)
    rc = find_turbo(tree, node);
  if (rc == AMZ_OK)
    rc = find_huge_pages(tree, node);
  if (rc == AMZ_OK)
    rc = find_balancing(tree, node);
  return rc == AMZ_OK ? find_virtual(node) : rc;
}
