/* Control groups: which are ours, and what they and all those above them allow.
 *
 * A process says its groups in /proc/self/cgroup ("5:cpu,cpuacct:/a/b", version 2: "0::/a/b"); where they are mounted is in
 * /proc/self/mountinfo. Inside a container the two needn't fit: the path may be the host's, while the mount shows our own group
 * at its top. All from the path to the mount's top are read; what isn't there says nothing. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <amorsize/alloc.h>
#include <amorsize/units.h>

#include "cpulist.h"
#include "limits.h"

#define GROUPS "/proc/self/cgroup"
#define TABLE_MAX ((size_t)4 << 20)
#define PATH_TEXT 4096
#define DEPTH_MAX 64

/* A mount of a hierarchy of groups. */
struct mount {
  int version;
  char controllers[256]; /* "cpu,cpuacct"; of version 2: "" */
  char root[PATH_TEXT];  /* which group it shows at its top */
  char point[PATH_TEXT];
};

/* What is read of one group. `path` is the group's directory, `group` its name as the user knows it. */
typedef int read_group(const struct amz_tree *tree, int version, const char *path, const char *group, void *ctx);

/* ---- finding our groups ----------------------------------------------------------------------------------------------- */

static bool in_list(const char *list, size_t n, const char *word)
{
  size_t len = strlen(word);

  for (const char *at = list; at < list + n;) {
    size_t item = strcspn(at, ",\n");

    if ((size_t)(list + n - at) < item)
      item = (size_t)(list + n - at);
    if (item == len && memcmp(at, word, len) == 0)
      return true;
    at += item + 1;
  }
  return false;
}

/* Our group in the hierarchy of a controller (version 2: NULL), copied to ret. \return false when it isn't told. */
static bool find_group(const char *table, const char *controller, char *ret, size_t n)
{
  for (const char *line = table; *line; line += strcspn(line, "\n"), line += *line == '\n') {
    size_t len = strcspn(line, "\n");
    const char *list = memchr(line, ':', len), *path = list ? memchr(list + 1, ':', len - (size_t)(list + 1 - line)) : NULL;
    size_t n_list, n_path;

    if (!path)
      continue;
    list++;
    n_list = (size_t)(path - list);
    path++;
    n_path = len - (size_t)(path - line);
    if (controller ? !in_list(list, n_list, controller) : n_list > 0 || line[0] != '0')
      continue;
    if (n_path == 0 || *path != '/' || n_path >= n)
      return false;
    memcpy(ret, path, n_path);
    ret[n_path] = '\0';
    return true;
  }
  return false;
}

/* Copies a field of mountinfo, in which a blank is \040. \return false when it doesn't fit. */
static bool take_field(const char *at, size_t len, char *ret, size_t n)
{
  size_t to = 0;

  for (size_t i = 0; i < len; i++, to++) {
    bool octal = len - i > 3 && at[i] == '\\' && strspn(at + i + 1, "01234567") >= 3;

    if (to + 1 >= n)
      return false;
    ret[to] = octal ? (char)((at[i + 1] - '0') * 64 + (at[i + 2] - '0') * 8 + (at[i + 3] - '0')) : at[i];
    i += octal ? 3 : 0;
  }
  ret[to] = '\0';
  return true;
}

/* "36 35 98:0 ROOT POINT options … - TYPE device SUPEROPTIONS". \return false when it is no mount of groups. */
static bool parse_mount(const char *line, size_t len, struct mount *ret)
{
  const char *fields[16], *end = line + len;
  size_t lengths[16], n = 0, dash = 0;

  for (const char *at = line; at < end && n < 16; n++) {
    size_t item = 0;

    while (at + item < end && at[item] != ' ')
      item++;
    fields[n] = at;
    lengths[n] = item;
    if (n > 5 && dash == 0 && item == 1 && *at == '-')
      dash = n;
    at += item + (at + item < end);
  }
  if (dash == 0 || dash + 3 >= n)
    return false;
  if (lengths[dash + 1] == 7 && memcmp(fields[dash + 1], "cgroup2", 7) == 0)
    ret->version = 2;
  else if (lengths[dash + 1] == 6 && memcmp(fields[dash + 1], "cgroup", 6) == 0)
    ret->version = 1;
  else
    return false;
  ret->controllers[0] = '\0';
  return (ret->version == 2 || take_field(fields[dash + 3], lengths[dash + 3], ret->controllers, sizeof ret->controllers)) &&
         take_field(fields[3], lengths[3], ret->root, sizeof ret->root) &&
             take_field(fields[4], lengths[4], ret->point, sizeof ret->point);
}

/* Below the mount's top; "" is the top itself. `group` may have been cut off by a mount of a part, or lie outside our view. */
static const char *inside_mount(const struct mount *m, const char *group)
{
  size_t n = strlen(m->root);

  if (strstr(group, "/..") || strcmp(group, "/") == 0)
    return "";
  if (strcmp(m->root, "/") == 0)
    return group;
  if (strncmp(group, m->root, n) == 0 && (group[n] == '/' || group[n] == '\0'))
    return group + n;
  return "";
}

/* Reads the group and all above it, up to the mount's top. */
static int walk_up(const struct amz_tree *tree, const struct mount *m, const char *group, read_group *read, void *ctx)
{
  char below[PATH_TEXT], path[2 * PATH_TEXT];
  size_t n = strlen(group);
  int rc = AMZ_OK;

  if (n >= sizeof below)
    return AMZ_OK;
  memcpy(below, group, n + 1);
  while (n > 0 && below[n - 1] == '/')
    below[--n] = '\0';
  for (int depth = 0; rc == AMZ_OK && depth < DEPTH_MAX; depth++) {
    char *slash = strrchr(below, '/');

    (void)snprintf(path, sizeof path, "%s%s", m->point, below);
    rc = read(tree, m->version, path, below[0] ? below : "/", ctx);
    if (!slash)
      break;
    *slash = '\0';
  }
  return rc;
}

static int visit_mount(const struct amz_tree *tree, const struct mount *m, const char *groups, const char *controller,
                       read_group *read, void *ctx)
{
  char group[PATH_TEXT];

  if (m->version == 1 && !in_list(m->controllers, strlen(m->controllers), controller))
    return AMZ_OK;
  if (!find_group(groups, m->version == 1 ? controller : NULL, group, sizeof group))
    (void)snprintf(group, sizeof group, "/");
  return walk_up(tree, m, inside_mount(m, group), read, ctx);
}

/* Where groups are mounted by custom, for when nobody says where. */
static const struct {
  int version;
  const char *controllers, *point;
} customary[] = {
  {2, "", "/sys/fs/cgroup"}, {2, "", "/sys/fs/cgroup/unified"}, {1, "cpu,cpuacct", "/sys/fs/cgroup/cpu,cpuacct"},
  {1, "cpu", "/sys/fs/cgroup/cpu"}, {1, "cpuset", "/sys/fs/cgroup/cpuset"}, {1, "memory", "/sys/fs/cgroup/memory"},
};

static int visit_customary(const struct amz_tree *tree, const char *groups, const char *controller, read_group *read, void *ctx)
{
  struct mount m;
  int rc = AMZ_OK;

  for (size_t i = 0; rc == AMZ_OK && i < sizeof customary / sizeof *customary; i++) {
    m.version = customary[i].version;
    (void)snprintf(m.controllers, sizeof m.controllers, "%s", customary[i].controllers);
    (void)snprintf(m.root, sizeof m.root, "/");
    (void)snprintf(m.point, sizeof m.point, "%s", customary[i].point);
    if (amz_tree_has(tree, m.point))
      rc = visit_mount(tree, &m, groups, controller, read, ctx);
  }
  return rc;
}

/* Reads all groups that bound us for a controller. A machine without groups has none. */
static int visit(const struct amz_tree *tree, const char *controller, read_group *read, void *ctx)
{
  struct amz_buf groups = AMZ_BUF_INIT, mounts = AMZ_BUF_INIT;
  struct mount *m = amz_new_array(1, sizeof *m);
  size_t found = 0;
  int rc = m ? amz_tree_read(tree, GROUPS, TABLE_MAX, &groups) : AMZ_ENOMEM;

  if (rc != AMZ_ENOMEM)
    rc = amz_tree_read(tree, "/proc/self/mountinfo", TABLE_MAX, &mounts);
  if (rc != AMZ_ENOMEM)
    rc = AMZ_OK;
  for (const char *line = amz_buf_text(&mounts); rc == AMZ_OK && *line; line += strcspn(line, "\n"), line += *line == '\n')
    if (parse_mount(line, strcspn(line, "\n"), m)) {
      found++;
      rc = visit_mount(tree, m, amz_buf_text(&groups), controller, read, ctx);
    }
  if (rc == AMZ_OK && found == 0)
    rc = visit_customary(tree, amz_buf_text(&groups), controller, read, ctx);
  free(m);
  amz_buf_clear(&groups);
  amz_buf_clear(&mounts);
  return rc;
}

/* ---- CPU time --------------------------------------------------------------------------------------------------------- */

#define PERIOD_US UINT64_C(100000) /* the kernel's, where it isn't told */

static int add_quota(struct amz_limits *limits, double cpus, const char *group, const char *file)
{
  int rc = amz_limits_add(limits, AMZ_LIMIT_CPU, cpus, "cgroup %s %s", group, file);

  return rc < 0 ? rc : amz_limits_add(limits, AMZ_LIMIT_CORES, (double)amz_quota_cores(cpus), "cgroup %s %s", group, file);
}

static bool file_in(const char *directory, const char *name, char *ret, size_t n)
{
  int len = snprintf(ret, n, "%s/%s", directory, name);

  return len > 0 && (size_t)len < n;
}

/* "150000 100000", "max 100000", "max". */
static int read_cpu_max(const struct amz_tree *tree, const char *directory, const char *group, struct amz_limits *limits)
{
  char path[2 * PATH_TEXT], line[128], copy[128], *period;
  uint64_t quota_us, period_us = PERIOD_US;

  if (!file_in(directory, "cpu.max", path, sizeof path) || !amz_tree_bound(tree, path, line, sizeof line))
    return AMZ_OK;
  memcpy(copy, line, sizeof copy);
  period = strchr(line, ' ');
  if (period)
    *period++ = '\0';
  if ((!period || (amz_parse_u64(period, &period_us) == AMZ_OK && period_us > 0)) &&
      (strcmp(line, "max") == 0 || (amz_parse_u64(line, &quota_us) == AMZ_OK && quota_us > 0)))
    return strcmp(line, "max") == 0 ? AMZ_OK : add_quota(limits, (double)quota_us / (double)period_us, group, "cpu.max");
  amz_tree_doubt(tree, path, copy, "\"QUOTA PERIOD\" in microseconds or \"max\" is expected");
  return AMZ_OK;
}

static int read_cfs_quota(const struct amz_tree *tree, const char *directory, const char *group, struct amz_limits *limits)
{
  char path[2 * PATH_TEXT], line[128];
  uint64_t period_us = PERIOD_US;
  int64_t quota_us;

  if (!file_in(directory, "cpu.cfs_quota_us", path, sizeof path) || !amz_tree_bound(tree, path, line, sizeof line))
    return AMZ_OK;
  if (amz_parse_i64(line, &quota_us) < 0 || quota_us == 0 || quota_us < -1) {
    amz_tree_doubt(tree, path, line, "a number of microseconds or -1 is expected");
    return AMZ_OK;
  }
  if (quota_us < 0 || !file_in(directory, "cpu.cfs_period_us", path, sizeof path))
    return AMZ_OK;
  if (!amz_tree_number(tree, path, 1, INT64_MAX, &period_us) && amz_tree_has(tree, path))
    return AMZ_OK; /* told: a quota of nobody knows what */
  return add_quota(limits, (double)quota_us / (double)period_us, group, "cpu.cfs_quota_us");
}

static int read_quota(const struct amz_tree *tree, int version, const char *directory, const char *group, void *ctx)
{
  return version == 2 ? read_cpu_max(tree, directory, group, ctx) : read_cfs_quota(tree, directory, group, ctx);
}

/* Tells the first line that is none of "ID:CONTROLLERS:/PATH": whose group isn't known isn't bounded by it. */
static int tell_groups(const struct amz_tree *tree)
{
  struct amz_buf groups = AMZ_BUF_INIT;
  int rc = amz_tree_read(tree, GROUPS, TABLE_MAX, &groups);
  const char *at = amz_buf_text(&groups), *end = at + groups.len;

  while (rc == AMZ_OK && at < end) {
    const char *line_end = memchr(at, '\n', (size_t)(end - at)), *colon = memchr(at, ':', (size_t)(end - at));

    line_end = line_end ? line_end : end;
    colon = colon && colon < line_end ? memchr(colon + 1, ':', (size_t)(line_end - colon - 1)) : NULL;
    if (!colon || colon + 1 == line_end || colon[1] != '/') {
      groups.data[line_end - groups.data] = '\0';
      amz_tree_doubt(tree, GROUPS, at, "lines like 0::/group are expected");
      break;
    }
    at = line_end + (line_end < end);
  }
  amz_buf_clear(&groups);
  return rc == AMZ_ENOMEM ? rc : AMZ_OK;
}

int amz_cgroup_quotas(const struct amz_tree *tree, struct amz_limits *limits)
{
  int rc = tell_groups(tree);

  return rc < 0 ? rc : visit(tree, "cpu", read_quota, limits);
}

/* ---- memory ----------------------------------------------------------------------------------------------------------- */

#define NO_BOUND (UINT64_C(1) << 60) /* version 1 writes "none" as a number near 2^63 */

static int read_memory(const struct amz_tree *tree, int version, const char *directory, const char *group, void *ctx)
{
  static const struct {
    int version;
    const char *file;
  } files[] = {{2, "memory.max"}, {2, "memory.high"}, {1, "memory.limit_in_bytes"}};
  int rc = AMZ_OK;

  for (size_t i = 0; rc == AMZ_OK && i < sizeof files / sizeof *files; i++) {
    char path[2 * PATH_TEXT], line[128];
    uint64_t bytes;

    if (files[i].version != version || !file_in(directory, files[i].file, path, sizeof path) ||
        !amz_tree_bound(tree, path, line, sizeof line))
      continue;
    if (strcmp(line, "max") == 0 && version == 2)
      continue;
    if (amz_parse_u64(line, &bytes) < 0 || bytes == 0)
      amz_tree_doubt(tree, path, line,
                     version == 2 ? "a number of bytes or \"max\" is expected" : "a number of bytes is expected");
    else if (bytes < NO_BOUND)
      rc = amz_limits_add(ctx, AMZ_LIMIT_MEMORY, (double)bytes, "cgroup %s %s", group, files[i].file);
  }
  return rc;
}

int amz_cgroup_memory(const struct amz_tree *tree, struct amz_limits *limits)
{
  return visit(tree, "memory", read_memory, limits);
}

/* ---- cpuset ----------------------------------------------------------------------------------------------------------- */

struct cpuset_reader {
  struct amz_buf *list, *source;
};

/* The lowest group that has a list: the effective one already has those above it in it. */
static int read_cpuset(const struct amz_tree *tree, int version, const char *directory, const char *group, void *ctx)
{
  static const struct {
    int version;
    const char *file;
  } files[] = {{2, "cpuset.cpus.effective"}, {1, "cpuset.effective_cpus"}, {1, "cpuset.cpus"}};
  struct cpuset_reader *r = ctx;

  for (size_t i = 0; i < sizeof files / sizeof *files && r->list->len == 0; i++) {
    char path[2 * PATH_TEXT], line[PATH_TEXT];

    if (files[i].version != version || !file_in(directory, files[i].file, path, sizeof path) ||
        !amz_tree_line(tree, path, line, sizeof line))
      continue;
    if (amz_cpulist_parse(line, NULL) < 0) {
      amz_tree_doubt(tree, path, line, "a list of processing units like 0-3,8 is expected");
      continue;
    }
    amz_buf_adds(r->list, line);
    amz_buf_addf(r->source, "cgroup %s %s", group, files[i].file);
  }
  return amz_buf_ok(r->list) < 0 ? AMZ_ENOMEM : amz_buf_ok(r->source);
}

int amz_cgroup_cpuset(const struct amz_tree *tree, struct amz_buf *ret_list, struct amz_buf *ret_source)
{
  struct cpuset_reader r = {ret_list, ret_source};

  return visit(tree, "cpuset", read_cpuset, &r);
}
