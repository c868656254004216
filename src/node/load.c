/* Load of processors and memory, pressure, and time that a hypervisor took. */
#define _GNU_SOURCE
#include "load.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <amorsize/units.h>

#include "limits.h"

#define STAT_MAX ((size_t)4 << 20)
#define FILE_MAX ((size_t)64 << 10)
#define WAIT_NS 40000000L
#define TASKS_MAX (1 << 22) /* more have no numbers */

/* ---- processors ------------------------------------------------------------------------------------------------------- */

/* Ticks since the machine started, summed over our units. */
struct ticks {
  uint64_t all, idle, steal;
  uint32_t units;
};

enum { T_USER, T_NICE, T_SYSTEM, T_IDLE, T_IOWAIT, T_IRQ, T_SOFTIRQ, T_STEAL, T_COUNT };

/* The numbers on a "cpuN …" line. \return how many. */
static size_t take_numbers(const char *at, const char *end, uint64_t *ret, size_t most)
{
  size_t n = 0;

  while (n < most && at < end) {
    char digits[24];
    size_t len;

    at += strspn(at, " ");
    len = strspn(at, "0123456789");
    if (len == 0 || len >= sizeof digits)
      break;
    memcpy(digits, at, len);
    digits[len] = '\0';
    if (amz_parse_u64(digits, &ret[n]) < 0 || ret[n] > UINT64_MAX >> 24)
      break;
    n++;
    at += len;
  }
  return n;
}

/* Guest time is in user time already. */
static bool add_line(const char *at, const char *end, struct ticks *t)
{
  uint64_t v[T_COUNT] = {0};
  size_t n = take_numbers(at, end, v, T_COUNT);

  if (n <= T_IDLE)
    return false;
  for (size_t i = 0; i < T_COUNT; i++)
    t->all += v[i];
  t->idle += v[T_IDLE] + v[T_IOWAIT];
  t->steal += v[T_STEAL];
  t->units++;
  return true;
}

/* The unit of a line "cpu12 …". \return false: it is no such line. */
static bool is_unit_line(const char *line, const char *end, unsigned *ret, const char **ret_rest)
{
  char *rest;
  unsigned long unit;

  if (end - line < 5 || memcmp(line, "cpu", 3) != 0 || line[3] < '0' || line[3] > '9')
    return false;
  unit = strtoul(line + 3, &rest, 10);
  *ret = (unsigned)unit;
  *ret_rest = rest;
  return unit < (1u << 20) && *rest == ' ';
}

/* \return 1; 0: nothing to be had (told when malformed); AMZ_ENOMEM. */
static int read_ticks(const struct amz_tree *tree, hwloc_const_bitmap_t bound, struct ticks *ret)
{
  static const char path[] = "/proc/stat";
  struct amz_buf text = AMZ_BUF_INIT;
  int rc = amz_tree_read(tree, path, STAT_MAX, &text);
  bool sound = true;

  *ret = (struct ticks){0};
  for (const char *line = amz_buf_text(&text); rc == AMZ_OK && sound && *line;) {
    const char *end = line + strcspn(line, "\n"), *rest;
    unsigned unit;

    if (is_unit_line(line, end, &unit, &rest) && hwloc_bitmap_isset(bound, unit) && !(sound = add_line(rest, end, ret))) {
      char shown[64];

      (void)snprintf(shown, sizeof shown, "%.*s", end - line < 60 ? (int)(end - line) : 60, line);
      amz_tree_doubt(tree, path, shown, "counts of ticks are expected");
    }
    line = *end ? end + 1 : end;
  }
  amz_buf_clear(&text);
  return rc == AMZ_ENOMEM ? rc : rc == AMZ_OK && sound && ret->units > 0;
}

/* The average of the last minute: tasks that run, over the units they run on. All of the machine's count. */
static void read_average(const struct amz_tree *tree, uint32_t units, struct amz_node_load *load)
{
  static const char path[] = "/proc/loadavg";
  char line[128], first[32];
  double tasks;
  size_t n;

  if (!amz_tree_line(tree, path, line, sizeof line))
    return;
  n = strcspn(line, " ");
  (void)snprintf(first, sizeof first, "%.*s", n < sizeof first ? (int)n : 0, line);
  if (amz_parse_f64(first, &tasks) < 0 || tasks < 0 || tasks > TASKS_MAX)
    amz_tree_doubt(tree, path, line, "averages of running tasks are expected");
  else
    load->cpu = units && tasks < units ? tasks / units : 1;
}

static double share(uint64_t part, uint64_t whole)
{
  return whole ? (double)part / (double)whole : 0;
}

static void wait_a_little(void)
{
  struct timespec left = {0, WAIT_NS};

  (void)nanosleep(&left, NULL); /* cut short by a signal: the window is shorter, no matter */
}

static int read_cpu(const struct amz_tree *tree, hwloc_const_bitmap_t bound, bool wait, struct amz_node *node)
{
  struct ticks before, after;
  int rc = read_ticks(tree, bound, &before);

  if (rc < 0)
    return rc;
  if (rc > 0)
    node->load.steal = share(before.steal, before.all);
  if (rc > 0 && wait) {
    wait_a_little();
    if ((rc = read_ticks(tree, bound, &after)) < 0)
      return rc;
    if (rc > 0 && after.all > before.all && after.idle >= before.idle && after.steal >= before.steal) {
      uint64_t all = after.all - before.all, idle = after.idle - before.idle;

      node->load.cpu = idle < all ? share(all - idle, all) : 0;
      node->load.steal = share(after.steal - before.steal, all);
      return AMZ_OK;
    }
  }
  read_average(tree, node->units, &node->load);
  return AMZ_OK;
}

/* ---- memory ----------------------------------------------------------------------------------------------------------- */

static int read_memory(const struct amz_tree *tree, struct amz_node_load *load)
{
  struct amz_buf text = AMZ_BUF_INIT;
  struct amz_tree quiet = {tree->root, NULL}; /* what is malformed was told when limits were read */
  uint64_t total, available, swap, swap_free;
  int rc = amz_tree_read(tree, "/proc/meminfo", FILE_MAX, &text);

  if (rc == AMZ_OK) {
    const char *meminfo = amz_buf_text(&text);

    if (amz_meminfo_value(&quiet, meminfo, "MemTotal", &total) && amz_meminfo_value(&quiet, meminfo, "MemAvailable",
        &available) &&
        total > 0)
      load->memory = available < total ? 1 - share(available, total) : 0;
    if (amz_meminfo_value(tree, meminfo, "SwapTotal", &swap) && amz_meminfo_value(tree, meminfo, "SwapFree", &swap_free))
      load->swap = swap_free < swap ? 1 - share(swap_free, swap) : 0;
  }
  amz_buf_clear(&text);
  return rc == AMZ_ENOMEM ? rc : AMZ_OK;
}

/* "some avg10=1.53 avg60=…". Kernels without pressure accounting have no such file, or refuse to open or read it. */
static void read_pressure(const struct amz_tree *tree, const char *path, double *ret)
{
  char line[256], number[32] = "";
  const char *at;
  double percent;

  if (!amz_tree_line(tree, path, line, sizeof line))
    return;
  at = strncmp(line, "some avg10=", 11) == 0 ? line + 11 : NULL;
  if (at && strcspn(at, " ") < sizeof number)
    memcpy(number, at, strcspn(at, " "));
  if (amz_parse_f64(number, &percent) == AMZ_OK && percent >= 0 && percent <= 100)
    *ret = percent / 100;
  else
    amz_tree_doubt(tree, path, line, "\"some avg10=PERCENT\" is expected");
}

int amz_load_read(const struct amz_tree *tree, hwloc_const_bitmap_t bound, bool wait, struct amz_node *node)
{
  struct amz_node_load *load = &node->load;
  int rc = read_cpu(tree, bound, wait, node);

  if (rc == AMZ_OK)
    rc = read_memory(tree, load);
  read_pressure(tree, "/proc/pressure/cpu", &load->cpu_pressure);
  read_pressure(tree, "/proc/pressure/memory", &load->memory_pressure);
  read_pressure(tree, "/proc/pressure/io", &load->io_pressure);
  return rc;
}

double amz_node_pressure_here(void)
{
  struct amz_diags ignored; /* what is wrong with the file is told by `node` */
  const struct amz_tree machine = {.root = "", .diags = &ignored};
  double pressure = -1;

  amz_diags_init(&ignored);
  read_pressure(&machine, "/proc/pressure/cpu", &pressure);
  amz_diags_clear(&ignored);
  return pressure;
}
