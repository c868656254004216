/* Names of the machine, from the kernel's files and, on x86, from the processor. */
#include "machine.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <amorsize/alloc.h>

#if defined(__x86_64__) || defined(__i386__)
#include <cpuid.h>
#endif

#define DMI "/sys/class/dmi/id/"

static int set(char **to, const char *text)
{
  if (*to || !text[0])
    return AMZ_OK;
  *to = amz_strndup(text, strlen(text));
  return *to ? AMZ_OK : AMZ_ENOMEM;
}

static int set_from_file(const struct amz_tree *tree, const char *path, char **to)
{
  char line[256];

  return amz_tree_line(tree, path, line, sizeof line) ? set(to, line) : AMZ_OK;
}

/* The value of the first "NAME : value" line; the first processor stands for all. */
static bool cpuinfo_value(const char *cpuinfo, const char *name, char *ret, size_t n)
{
  const char *at = strstr(cpuinfo, name);
  size_t len;

  while (at && at > cpuinfo && at[-1] != '\n')
    at = strstr(at + 1, name);
  if (!at)
    return false;
  at += strlen(name);
  at += strspn(at, " \t");
  if (*at++ != ':')
    return false;
  at += strspn(at, " ");
  len = strcspn(at, "\n");
  if (len >= n)
    len = n - 1;
  memcpy(ret, at, len);
  ret[len] = '\0';
  return len > 0;
}

/* ---- hypervisors ------------------------------------------------------------------------------------------------------ */

static const struct name_of {
  const char *sign, *name;
} cpuid_names[] = {
  {"KVMKVMKVM", "KVM"},
  {"Microsoft Hv", "Hyper-V"},
  {"VMwareVMware", "VMware"},
  {"XenVMMXenVMM", "Xen"},
  {"TCGTCGTCGTCG", "QEMU"},
  {"bhyve bhyve ", "bhyve"},
  {"ACRNACRNACRN", "ACRN"},
  {" lrpepyh  vr", "Parallels"},
  {"VBoxVBoxVBox", "VirtualBox"},
  {NULL, NULL},
}, dmi_names[] = {
  {"Amazon EC2", "Amazon EC2"},
  {"Google", "Google Compute Engine"},
  {"Microsoft Corporation", "Hyper-V"},
  {"QEMU", "QEMU"},
  {"Xen", "Xen"},
  {"VMware, Inc.", "VMware"},
  {"innotek GmbH", "VirtualBox"},
  {"Alibaba Cloud", "Alibaba Cloud"},
  {"Tencent Cloud", "Tencent Cloud"},
  {"OpenStack Foundation", "OpenStack"},
  {"DigitalOcean", "DigitalOcean"},
  {"Hetzner", "Hetzner"},
  {NULL, NULL},
};

static const char *find_name(const struct name_of *names, const char *sign)
{
  for (; names->sign; names++)
    if (strcmp(names->sign, sign) == 0)
      return names->name;
  return NULL;
}

/* What the processor itself says: bit 31 of leaf 1 is set in a guest, leaf 0x40000000 then has the hypervisor's sign. */
#if defined(__x86_64__) || defined(__i386__)
static const char *hypervisor_by_cpuid(void)
{
  unsigned a, b, c, d;
  char sign[13] = "";
  const char *name;

  if (!__get_cpuid(1, &a, &b, &c, &d) || !(c >> 31))
    return NULL;
  __cpuid(0x40000000u, a, b, c, d);
  memcpy(sign, &b, 4);
  memcpy(sign + 4, &c, 4);
  memcpy(sign + 8, &d, 4);
  name = find_name(cpuid_names, sign);
  return name ? name : "unknown hypervisor";
}
#else
static const char *hypervisor_by_cpuid(void)
{
  return NULL;
}
#endif

static bool has_word(const char *text, const char *word)
{
  size_t n = strlen(word);

  for (const char *at = text; (at = strstr(at, word)); at += n)
    if ((at == text || at[-1] == ' ') && (at[n] == ' ' || at[n] == '\0'))
      return true;
  return false;
}

static const char *hypervisor_by_tables(const struct amz_tree *tree)
{
  char vendor[128], product[128] = "";

  if (!amz_tree_line(tree, DMI "sys_vendor", vendor, sizeof vendor))
    return NULL;
  if (!amz_tree_line(tree, DMI "product_name", product, sizeof product))
    product[0] = '\0';
  if (strcmp(vendor, "Microsoft Corporation") == 0 && strcmp(product, "Virtual Machine") != 0)
    return NULL; /* they sell laptops too */
  if (strcmp(vendor, "Amazon EC2") == 0 && strstr(product, ".metal"))
    return NULL;
  return find_name(dmi_names, vendor);
}

/* Firmware tables name clouds, the processor names hypervisors; the flag in cpuinfo only says that there is one. */
static int set_hypervisor(const struct amz_tree *tree, bool here, const char *cpuinfo, char **to)
{
  const char *name = hypervisor_by_tables(tree);
  char line[4096];

  if (!name && here)
    name = hypervisor_by_cpuid();
  if (name)
    return set(to, name);
  if (amz_tree_line(tree, "/sys/hypervisor/type", line, 64))
    return set(to, line);
  if (cpuinfo_value(cpuinfo, "flags", line, sizeof line) && has_word(line, "hypervisor"))
    return set(to, "unknown hypervisor");
  return AMZ_OK;
}

#define CPUINFO_MAX ((size_t)16 << 10)

int amz_machine_names(const struct amz_tree *tree, bool here, struct amz_node *node)
{
  struct amz_buf cpuinfo = AMZ_BUF_INIT;
  char line[256];
  int rc = amz_tree_read(tree, "/proc/cpuinfo", CPUINFO_MAX, &cpuinfo);

  if (rc == AMZ_ENOENT)
    rc = AMZ_OK;
  if (rc == AMZ_OK && cpuinfo_value(amz_buf_text(&cpuinfo), "model name", line, sizeof line))
    rc = set(&node->cpu_model, line);
  if (rc == AMZ_OK)
    rc = set_hypervisor(tree, here, amz_buf_text(&cpuinfo), &node->hypervisor);
  if (rc == AMZ_OK)
    rc = set_from_file(tree, "/proc/sys/kernel/hostname", &node->host);
  if (rc == AMZ_OK)
    rc = set_from_file(tree, "/proc/sys/kernel/osrelease", &node->kernel);
  if (rc == AMZ_OK)
    rc = set_from_file(tree, "/proc/sys/kernel/arch", &node->machine);
  amz_buf_clear(&cpuinfo);
  return rc;
}

/* ---- virtual CPUs ----------------------------------------------------------------------------------------------------- */

/* Series whose virtual CPUs are whole cores: processors without threads, or one thread a core sold. */
static const struct whole_cores {
  const char *vendor, *product;
} whole_cores[] = {
  {"Amazon EC2", "t2."}, {"Amazon EC2", "c7a."}, {"Amazon EC2", "m7a."}, {"Amazon EC2", "r7a."}, {"Amazon EC2", "hpc"},
  {"Google", "t2d-"}, {NULL, NULL},
};

static const char *const sells_threads[] = {"Amazon EC2", "Google", "Microsoft Corporation", "Alibaba Cloud", "Tencent Cloud",
                                            "DigitalOcean", "Hetzner"};

bool amz_machine_shares_cores(const struct amz_tree *tree, const struct amz_node *node)
{
  char vendor[128], product[128] = "";
  bool sells = false;

  if (!node->hypervisor || !node->machine || strcmp(node->machine, "x86_64") != 0 || node->units_per_core != 1 || node->cores < 2)
    return false;
  if (!amz_tree_line(tree, DMI "sys_vendor", vendor, sizeof vendor))
    return false;
  for (size_t i = 0; i < sizeof sells_threads / sizeof *sells_threads; i++)
    sells = sells || strcmp(vendor, sells_threads[i]) == 0;
  if (!amz_tree_line(tree, DMI "product_name", product, sizeof product))
    product[0] = '\0';
  for (const struct whole_cores *w = whole_cores; w->vendor; w++)
    if (strcmp(vendor, w->vendor) == 0 && strncmp(product, w->product, strlen(w->product)) == 0)
      return false;
  return sells;
}
