/* Looking at a node: topology, names, limits, GPUs, load, each from the best source that answers.
 *
 * A described machine has no limits of ours: affinity, groups, variables and load count only where the topology is this
 * machine's, or a tree of /proc and /sys came with it. */
#include <amorsize/measure.h>

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <amorsize/alloc.h>

#include "cpulist.h"
#include "devices.h"
#include "findings.h"
#include "limits.h"
#include "load.h"
#include "machine.h"
#include "topology.h"

/* What is gathered on the way. */
struct looker {
  const struct amz_look *look;
  struct amz_tree tree;
  struct amz_topology topology;
  struct amz_node *node;
  struct amz_limits limits;
  hwloc_bitmap_t mask, cpuset; /* NULL: says nothing */
  hwloc_bitmap_t bound;        /* what the topology, the mask and the cpuset all have */
  struct amz_buf cpuset_source;
  bool ours;                   /* limits and load are of this node */
};

static void release(struct looker *l)
{
  amz_limits_clear(&l->limits);
  hwloc_bitmap_free(l->mask);
  hwloc_bitmap_free(l->cpuset);
  hwloc_bitmap_free(l->bound);
  amz_buf_clear(&l->cpuset_source);
  amz_topology_close(&l->topology);
}

/* ---- which units we may use ------------------------------------------------------------------------------------------- */

static int read_mask(struct looker *l)
{
  if (!l->topology.this_machine)
    return AMZ_OK;
  l->mask = hwloc_bitmap_alloc();
  if (!l->mask)
    return AMZ_ENOMEM;
  if (hwloc_get_cpubind(l->topology.handle, l->mask, HWLOC_CPUBIND_PROCESS) == 0 && !hwloc_bitmap_iszero(l->mask))
    return AMZ_OK;
  hwloc_bitmap_free(l->mask);
  l->mask = NULL;
  return AMZ_OK;
}

static int read_cpuset(struct looker *l)
{
  struct amz_buf list = AMZ_BUF_INIT;
  int rc = l->ours ? amz_cgroup_cpuset(&l->tree, &list, &l->cpuset_source) : AMZ_OK;

  if (rc == AMZ_OK && list.len > 0) {
    l->cpuset = hwloc_bitmap_alloc();
    rc = l->cpuset ? amz_cpulist_parse(list.data, l->cpuset) : AMZ_ENOMEM;
  }
  amz_buf_clear(&list);
  return rc;
}

/* Cuts the bound by a set. One that leaves nothing speaks of another machine: it is told and dropped. */
static int cut_bound(struct looker *l, hwloc_bitmap_t *set, const char *name)
{
  if (!*set)
    return AMZ_OK;
  if (hwloc_bitmap_intersects(l->bound, *set))
    return hwloc_bitmap_and(l->bound, l->bound, *set) < 0 ? AMZ_ENOMEM : AMZ_OK;
  amz_diags_add(l->tree.diags, AMZ_WARNING, name, 0, 0, "not used: none of its processing units is one of %s", l->topology.name);
  hwloc_bitmap_free(*set);
  *set = NULL;
  return AMZ_OK;
}

static int find_bound(struct looker *l)
{
  int rc;

  l->bound = hwloc_bitmap_dup(hwloc_topology_get_allowed_cpuset(l->topology.handle));
  if (!l->bound)
    return AMZ_ENOMEM;
  if ((rc = read_mask(l)) < 0 || (rc = read_cpuset(l)) < 0 ||
      (rc = cut_bound(l, &l->cpuset, amz_buf_text(&l->cpuset_source))) < 0)
    return rc;
  return cut_bound(l, &l->mask, "affinity mask");
}

/* ---- limits ----------------------------------------------------------------------------------------------------------- */

/* Cores of which some unit is in the set. */
static uint32_t cores_with(const struct amz_node *node, hwloc_const_bitmap_t set)
{
  uint32_t n = 0;

  for (uint32_t i = 0; i < node->cores; i++) {
    const struct amz_node_core *core = &node->core[i];
    bool has = false;

    for (uint32_t k = 0; k < core->n_units; k++)
      has = has || hwloc_bitmap_isset(set, node->unit[core->first_unit + k]);
    n += has;
  }
  return n;
}

/* hwloc shows no unit outside our cpuset, so that its counts alone don't tell that there is one: the kernel's list does. */
static bool cpuset_is_narrow(const struct looker *l)
{
  static const char path[] = "/sys/devices/system/cpu/online";
  hwloc_bitmap_t online = hwloc_bitmap_alloc();
  char line[4096];
  bool narrow = cores_with(l->node, l->cpuset) < l->node->cores;

  if (online && amz_tree_line(&l->tree, path, line, sizeof line)) {
    if (amz_cpulist_parse(line, online) == AMZ_OK)
      narrow = narrow || !hwloc_bitmap_isincluded(online, l->cpuset);
    else
      amz_tree_doubt(&l->tree, path, line, "a list of processing units like 0-3,8 is expected");
  }
  hwloc_bitmap_free(online);
  return narrow;
}

static int add_core_limits(struct looker *l)
{
  struct amz_node *node = l->node;
  uint32_t bound = cores_with(node, l->bound);
  int rc = AMZ_OK;

  if (l->mask && cores_with(node, l->mask) < node->cores)
    rc = amz_limits_add(&l->limits, AMZ_LIMIT_CORES, (double)cores_with(node, l->mask), "affinity mask");
  if (rc == AMZ_OK && l->cpuset && cpuset_is_narrow(l))
    rc = amz_limits_add(&l->limits, AMZ_LIMIT_CORES, (double)cores_with(node, l->cpuset), "%s", amz_buf_text(&l->cpuset_source));
  if (rc == AMZ_OK && l->mask && l->cpuset && bound < cores_with(node, l->mask) && bound < cores_with(node, l->cpuset))
    rc = amz_limits_add(&l->limits, AMZ_LIMIT_CORES, (double)bound, "affinity mask within the cpuset");
  return rc == AMZ_OK ? amz_limits_add(&l->limits, AMZ_LIMIT_CORES, (double)node->cores, "%s", node->topology) : rc;
}

static int add_batch(struct looker *l)
{
  struct amz_ours ours = {.cores = cores_with(l->node, l->bound), .units = (uint32_t)hwloc_bitmap_weight(l->bound)};

  return amz_batch_limits(l->look->env, &l->tree, l->node->host ? l->node->host : "", &ours, true, &l->limits);
}

/* The nodes of our cpuset may be fewer than the machine's. */
static bool sees_all_domains(const struct looker *l)
{
  hwloc_bitmap_t online = hwloc_bitmap_alloc();
  char line[4096];
  bool all = true;

  if (online && amz_tree_line(&l->tree, "/sys/devices/system/node/online", line, sizeof line) &&
      amz_cpulist_parse(line, online) == AMZ_OK)
    all = (size_t)hwloc_bitmap_weight(online) <= l->node->n_domains;
  hwloc_bitmap_free(online);
  return all;
}

/* What domains say and what the kernel says in all differ where memory comes and goes (balloons, hot-plugging). The kernel's
 * total holds; each domain gets its share of it. */
static int reconcile_memory(struct looker *l, uint64_t total)
{
  struct amz_node *node = l->node;
  double told = (double)node->memory_bytes, ratio;

  if (total == 0)
    return AMZ_OK;
  node->memory_bytes = total;
  if (told == 0 || !sees_all_domains(l))
    return told == 0 ? AMZ_OK : amz_limits_add(&l->limits, AMZ_LIMIT_MEMORY, told, "NUMA domains of our cpuset");
  ratio = (double)total / told;
  if (ratio > 0.8 && ratio < 1.25)
    return AMZ_OK;
  for (size_t i = 0; i < node->n_domains; i++)
    node->domains[i].memory_bytes = node->n_domains == 1 ? total : (uint64_t)((double)node->domains[i].memory_bytes * ratio);
  return amz_findings_add(node, AMZ_FINDING_NOTE, "",
                          "NUMA domains say %.0f MiB of memory in all, /proc/meminfo says %.0f: the latter is used",
                          told / (1 << 20), (double)total / (1 << 20));
}

static int add_memory_limits(struct looker *l)
{
  uint64_t total;
  int rc = amz_memory_limits(&l->tree, &l->limits, &total);

  if (rc == AMZ_OK)
    rc = amz_cgroup_memory(&l->tree, &l->limits);
  return rc == AMZ_OK ? reconcile_memory(l, total) : rc;
}

/* The smallest of each kind counts. allowed_cpu is so far what the cores have, before a quota was rounded to whole ones. */
static int settle(struct looker *l)
{
  static const enum amz_limit_kind kinds[] = {AMZ_LIMIT_CORES, AMZ_LIMIT_CPU, AMZ_LIMIT_MEMORY};
  struct amz_node *node = l->node;
  struct amz_limit *cores, *cpu, *memory;
  int rc = AMZ_OK;

  if (node->memory_bytes > 0)
    rc = amz_limits_add(&l->limits, AMZ_LIMIT_MEMORY, (double)node->memory_bytes, "%s", node->topology);
  if (rc < 0)
    return rc;
  for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
    struct amz_limit *least = amz_limits_smallest(&l->limits, kinds[i]);

    if (least)
      least->active = true;
  }
  cores = amz_limits_smallest(&l->limits, AMZ_LIMIT_CORES);
  cpu = amz_limits_smallest(&l->limits, AMZ_LIMIT_CPU);
  memory = amz_limits_smallest(&l->limits, AMZ_LIMIT_MEMORY);
  node->allowed_cores = (uint32_t)cores->value; /* there always is one: the topology's */
  if (cpu && cpu->value < node->allowed_cpu)
    node->allowed_cpu = cpu->value;
  node->allowed_memory_bytes = memory ? (uint64_t)memory->value : 0;
  node->limits = l->limits.items;
  node->n_limits = l->limits.count;
  l->limits = (struct amz_limits){NULL, 0, 0};
  return AMZ_OK;
}

static int find_limits(struct looker *l)
{
  int rc = add_core_limits(l);

  if (rc == AMZ_OK && l->ours)
    rc = add_batch(l);
  if (rc == AMZ_OK)
    l->node->allowed_cpu = amz_limits_smallest(&l->limits, AMZ_LIMIT_CORES)->value;
  if (rc == AMZ_OK && l->ours)
    rc = amz_cgroup_quotas(&l->tree, &l->limits);
  if (rc == AMZ_OK && l->ours)
    rc = add_memory_limits(l);
  return rc == AMZ_OK ? settle(l) : rc;
}

/* ---- the whole -------------------------------------------------------------------------------------------------------- */

/* Names that nobody told are empty texts. */
static int fill_names(struct amz_node *node)
{
  char **texts[] = {&node->host, &node->cpu_model, &node->kernel, &node->machine, &node->hypervisor, &node->bandwidth_method};

  for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
    if (!*texts[i] && !(*texts[i] = amz_strndup("", 0)))
      return AMZ_ENOMEM;
  return AMZ_OK;
}

static bool is_folder(const char *path)
{
  struct stat st;

  return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

static int look_at(struct looker *l, struct amz_error *err)
{
  bool fake = l->tree.root[0] != '\0';
  int rc;

  if (fake && !is_folder(l->tree.root))
    return amz_error_set(err, AMZ_EINVAL, "--sysroot: there is no folder %.400s", l->tree.root);
  rc = amz_topology_open(l->look, &l->tree, err, &l->topology);

  if (rc < 0)
    return rc;
  l->ours = l->topology.this_machine || fake;
  l->node->this_machine = l->topology.this_machine && !fake;
  if (l->ours && (rc = amz_machine_names(&l->tree, l->node->this_machine, l->node)) < 0)
    return rc;
  if ((rc = find_bound(l)) < 0 || (rc = amz_topology_describe(&l->topology, l->bound, err, l->node)) < 0)
    return rc;
  l->node->units_share_cores = l->ours && amz_machine_shares_cores(&l->tree, l->node);
  if ((rc = find_limits(l)) < 0 || (rc = amz_devices_look(&l->topology, l->look->env, &l->tree, l->ours, l->node)) < 0)
    return rc;
  if (l->ours && ((rc = amz_load_read(&l->tree, l->bound, !fake && !l->look->quick, l->node)) < 0 ||
                  (rc = amz_state_find(&l->tree, l->bound, l->node)) < 0))
    return rc;
  return fill_names(l->node);
}

int amz_node_look(const struct amz_look *look, struct amz_diags *diags, struct amz_error *err, struct amz_node *ret)
{
  struct amz_node node = {.load = {-1, -1, -1, -1, -1, -1, -1}};
  struct looker l = {.look = look, .node = &node, .cpuset_source = AMZ_BUF_INIT};
  char *root = amz_strndup(look->root ? look->root : "", look->root ? strlen(look->root) : 0);
  struct amz_error why;
  size_t n = root ? strlen(root) : 0;
  int rc = root ? AMZ_OK : AMZ_ENOMEM;

  while (n > 0 && root[n - 1] == '/')
    root[--n] = '\0';
  l.tree = (struct amz_tree){root, diags};
  if (rc == AMZ_OK)
    rc = look_at(&l, &why);
  release(&l);
  free(root);
  if (rc == AMZ_OK) {
    *ret = node;
    return AMZ_OK;
  }
  amz_node_clear(&node);
  return amz_error_set(err, rc, "%s", rc == AMZ_ENOMEM ? "out of memory while looking at the node" : why.text);
}
