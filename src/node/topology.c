/* Which topology is looked at, and loading it. */
#include "topology.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <amorsize/alloc.h>

#include "allocation_private.h"

static bool is_file(const char *path)
{
  struct stat st;

  return stat(path, &st) == 0 && !S_ISDIR(st.st_mode);
}

/* A description that has the looks of a path and isn't there is a mistyped path, not a synthetic machine. */
static bool looks_like_path(const char *text)
{
  size_t n = strlen(text);

  return strchr(text, '/') || (n > 4 && strcmp(text + n - 4, ".xml") == 0);
}

static int name_it(struct amz_topology *t, const char *name, struct amz_error *err)
{
  t->name = amz_strndup(name, strlen(name));
  return t->name ? AMZ_OK : amz_error_set(err, AMZ_ENOMEM, "out of memory");
}

static int not_xml(const char *path, const char *who, struct amz_error *err)
{
  return amz_error_set(err, AMZ_EINVAL, "%s: %.400s is no topology in XML that hwloc can read (lstopo FILE.xml writes one)", who,
                       path);
}

static int use_xml(struct amz_topology *t, const char *path, const char *who, struct amz_error *err)
{
  if (hwloc_topology_set_xml(t->handle, path) < 0)
    return not_xml(path, who, err);
  return name_it(t, path, err);
}

static int use_synthetic(struct amz_topology *t, const char *text, const char *who, struct amz_error *err)
{
  if (hwloc_topology_set_synthetic(t->handle, text) < 0)
    return amz_error_set(err, AMZ_EINVAL, "%s: \"%.400s\" is neither a file nor a synthetic description like "
                         "\"pack:2 numa:2 l3:1 core:8 pu:2\"", who, text);
  return name_it(t, text, err);
}

/* A file that hwloc would trip over mustn't take us along. */
static int load_file(struct amz_topology *t, const char *path, const char *who, struct amz_error *err)
{
  int rc = amz_topology_load_file(t->handle, path);

  if (rc == AMZ_ENOMEM)
    return amz_error_set(err, rc, "out of memory");
  return rc < 0 ? not_xml(path, who, err) : name_it(t, path, err);
}

static int load(struct amz_topology *t, int why_not, struct amz_error *err)
{
  if (hwloc_topology_load(t->handle) < 0)
    return amz_error_set(err, errno == ENOMEM ? AMZ_ENOMEM : why_not, "hwloc cannot read the topology of %.400s", t->name);
  return AMZ_OK;
}

static int load_description(struct amz_topology *t, const char *text, struct amz_error *err)
{
  int rc;

  if (is_file(text))
    return load_file(t, text, "--topology", err);
  if (looks_like_path(text))
    return amz_error_set(err, AMZ_EINVAL, "--topology: there is no file %.400s", text);
  rc = use_synthetic(t, text, "--topology", err);
  return rc < 0 ? rc : load(t, AMZ_EINVAL, err);
}

bool amz_topology_is_launched(const struct amz_environment *env)
{
  return amz_environment_rank(env) != NULL;
}

/* The file that a variable names is as little to be trusted as one on the command line; but MPIs use hwloc, too, so the ranks of
 * a launch have read it already when they get here. */
static int load_named(struct amz_topology *t, const struct amz_environment *env, const char *path, struct amz_error *err)
{
  static const char who[] = "HWLOC_XMLFILE";
  int rc;

  if (!amz_topology_is_launched(env))
    return load_file(t, path, who, err);
  rc = use_xml(t, path, who, err);
  return rc < 0 ? rc : load(t, AMZ_EINVAL, err);
}

/* ---- choosing --------------------------------------------------------------------------------------------------------- */

static int choose(struct amz_topology *t, const struct amz_look *look, const struct amz_tree *tree, struct amz_error *err)
{
  const char *xml = amz_environment_value(look->env, "HWLOC_XMLFILE"),
      *synthetic = amz_environment_value(look->env, "HWLOC_SYNTHETIC");
  int rc;

  if (look->topology)
    return load_description(t, look->topology, err);
  if (xml)
    return load_named(t, look->env, xml, err);
  if (synthetic)
    rc = use_synthetic(t, synthetic, "HWLOC_SYNTHETIC", err);
  else if (tree->root[0] && amz_tree_has(tree, "/sys/devices/system/cpu"))
    return (rc = name_it(t, tree->root, err)) < 0 ? rc : amz_topology_load_tree(t->handle, tree, err);
  else
    rc = name_it(t, "this machine", err);
  return rc < 0 ? rc : load(t, synthetic ? AMZ_EINVAL : AMZ_EENV, err);
}

/* Parts of hwloc that start the runtimes of GPUs, which takes up to seconds, or talk to displays; what they would add is known
 * from the bus and from NVML and its like. The part for the bus asks a library that leaks; without it, /sys is read, which says
 * as much but for names. One that this hwloc hasn't got needn't be left out. */
static void leave_out_slow_parts(hwloc_topology_t handle)
{
  static const char *const parts[] = {"cuda", "opencl", "gl", "pci"};

  for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
    (void)hwloc_topology_set_components(handle, HWLOC_TOPOLOGY_COMPONENTS_FLAG_BLACKLIST, parts[i]);
}

int amz_topology_open(const struct amz_look *look, const struct amz_tree *tree, struct amz_error *err, struct amz_topology *ret)
{
  struct amz_topology t = {NULL, NULL, false};
  int rc;

  if (hwloc_topology_init(&t.handle) < 0)
    return amz_error_set(err, AMZ_ENOMEM, "hwloc: out of memory");
  leave_out_slow_parts(t.handle);
  if (hwloc_topology_set_io_types_filter(t.handle,
                                         look->quick ? HWLOC_TYPE_FILTER_KEEP_NONE : HWLOC_TYPE_FILTER_KEEP_IMPORTANT) < 0)
    rc = amz_error_set(err, AMZ_EENV, "hwloc can't be told which devices to look for");
  else
    rc = choose(&t, look, tree, err);
  if (rc < 0) {
    amz_topology_close(&t);
    return rc;
  }
  t.this_machine = hwloc_topology_is_thissystem(t.handle) == 1;
  *ret = t;
  return AMZ_OK;
}

void amz_topology_close(struct amz_topology *topology)
{
  if (!topology || !topology->handle)
    return;
  hwloc_topology_destroy(topology->handle);
  free(topology->name);
  *topology = (struct amz_topology){NULL, NULL, false};
}
