/* The list of limits, and those that the machine itself sets. */
#include "limits.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <amorsize/alloc.h>
#include <amorsize/units.h>

int amz_limits_add(struct amz_limits *limits, enum amz_limit_kind kind, double value, const char *source, ...)
{
  char text[1024];
  struct amz_limit *limit;
  va_list args;
  int n, rc = amz_grow((void **)&limits->items, &limits->cap, limits->count + 1, sizeof *limits->items);

  if (rc < 0)
    return rc;
  va_start(args, source);
  n = vsnprintf(text, sizeof text, source, args);
  va_end(args);
  limit = &limits->items[limits->count];
  *limit = (struct amz_limit){.kind = kind, .value = value, .source = amz_strndup(text, n > 0 ? strlen(text) : 0)};
  if (!limit->source)
    return AMZ_ENOMEM;
  limits->count++;
  return AMZ_OK;
}

void amz_limits_clear(struct amz_limits *limits)
{
  for (size_t i = 0; i < limits->count; i++)
    free(limits->items[i].source);
  free(limits->items);
  *limits = (struct amz_limits){NULL, 0, 0};
}

struct amz_limit *amz_limits_smallest(const struct amz_limits *limits, enum amz_limit_kind kind)
{
  struct amz_limit *smallest = NULL;

  for (size_t i = 0; i < limits->count; i++)
    if (limits->items[i].kind == kind && (!smallest || limits->items[i].value < smallest->value))
      smallest = &limits->items[i];
  return smallest;
}

uint32_t amz_quota_cores(double cpus)
{
  return cpus < 1 ? 1 : cpus >= UINT32_MAX ? UINT32_MAX : (uint32_t)cpus;
}

void amz_tree_host(const struct amz_tree *tree, char *ret, size_t n)
{
  if (!amz_tree_line(tree, "/proc/sys/kernel/hostname", ret, n))
    ret[0] = '\0';
}

/* ---- memory ----------------------------------------------------------------------------------------------------------- */

#define MEMINFO_MAX ((size_t)64 << 10)
#define MEMINFO "/proc/meminfo"

/* The line that begins with "NAME:". \return what follows on it, NULL when there is none; *ret_n: how long it is. */
static const char *find_field(const char *text, const char *name, size_t *ret_n)
{
  size_t len = strlen(name);

  for (const char *line = text; *line;) {
    size_t n = strcspn(line, "\n");

    if (n > len && memcmp(line, name, len) == 0 && line[len] == ':') {
      *ret_n = n - len - 1;
      return line + len + 1;
    }
    line += n + (line[n] == '\n');
  }
  return NULL;
}

bool amz_meminfo_value(const struct amz_tree *tree, const char *meminfo, const char *name, uint64_t *ret_bytes)
{
  size_t n = 0;
  const char *at = find_field(meminfo, name, &n);
  char shown[128], digits[32];
  size_t n_digits;
  uint64_t kib;

  if (!at)
    return false;
  (void)snprintf(shown, sizeof shown, "%s:%.*s", name, n < 80 ? (int)n : 80, at);
  while (n > 0 && *at == ' ')
    at++, n--;
  n_digits = strcspn(at, " \n");
  (void)snprintf(digits, sizeof digits, "%.*s", n_digits < sizeof digits ? (int)n_digits : 0, at);
  if (amz_parse_u64(digits, &kib) == AMZ_OK && kib <= INT64_MAX / 1024 && n == n_digits + 3 &&
      memcmp(at + n_digits, " kB", 3) == 0) {
    *ret_bytes = kib * 1024;
    return true;
  }
  amz_tree_doubt(tree, MEMINFO, shown, "a number of kB is expected");
  return false;
}

/* MemAvailable counts what the kernel can give back; without it (or malformed) MemFree is a lower bound. */
static int add_available(const struct amz_tree *tree, const char *meminfo, struct amz_limits *limits)
{
  uint64_t bytes;

  if (amz_meminfo_value(tree, meminfo, "MemAvailable", &bytes))
    return amz_limits_add(limits, AMZ_LIMIT_MEMORY, (double)bytes, "/proc/meminfo MemAvailable");
  if (amz_meminfo_value(tree, meminfo, "MemFree", &bytes))
    return amz_limits_add(limits, AMZ_LIMIT_MEMORY, (double)bytes, "/proc/meminfo MemFree");
  return AMZ_OK;
}

/* The soft one is what counts. */
static int add_address_space(const struct amz_tree *tree, struct amz_limits *limits)
{
  static const char path[] = "/proc/self/limits", name[] = "Max address space";
  struct amz_buf text = AMZ_BUF_INIT;
  const char *at;
  char soft[32];
  uint64_t bytes;
  int rc = amz_tree_read(tree, path, MEMINFO_MAX, &text);

  at = rc == AMZ_OK && text.len > 0 ? strstr(text.data, name) : NULL;
  if (at) {
    at += sizeof name - 1;
    at += strspn(at, " ");
    (void)snprintf(soft, sizeof soft, "%.*s", (int)(strcspn(at, " \n") < sizeof soft ? strcspn(at, " \n") : sizeof soft - 1), at);
    if (strcmp(soft, "unlimited") != 0 && (amz_parse_u64(soft, &bytes) < 0 || bytes == 0))
      amz_tree_doubt(tree, path, soft, "a number of bytes or \"unlimited\" is expected as the address space's bound");
    else if (strcmp(soft, "unlimited") != 0)
      rc = amz_limits_add(limits, AMZ_LIMIT_MEMORY, (double)bytes, "RLIMIT_AS, address space of a process (ulimit -v)");
  }
  amz_buf_clear(&text);
  return rc == AMZ_ENOENT ? AMZ_OK : rc;
}

int amz_memory_limits(const struct amz_tree *tree, struct amz_limits *limits, uint64_t *ret_total_bytes)
{
  struct amz_buf text = AMZ_BUF_INIT;
  int rc = amz_tree_read(tree, MEMINFO, MEMINFO_MAX, &text);

  *ret_total_bytes = 0;
  if (rc == AMZ_OK) {
    size_t before = limits->count;

    if (!amz_meminfo_value(tree, amz_buf_text(&text), "MemTotal", ret_total_bytes))
      *ret_total_bytes = 0;
    rc = add_available(tree, amz_buf_text(&text), limits);
    if (rc == AMZ_OK && limits->count == before && *ret_total_bytes == 0 && text.len > 0)
      amz_tree_doubt(tree, MEMINFO, amz_buf_text(&text), "MemTotal and MemAvailable are expected");
  }
  amz_buf_clear(&text);
  if (rc == AMZ_OK || rc == AMZ_ENOENT)
    rc = add_address_space(tree, limits);
  return rc;
}
