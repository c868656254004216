/* GPUs: hwloc tells where they are, the variables that programs obey tell which are ours.
 *
 * hwloc sees a GPU as a PCI device, with the devices that drivers made of it below (nvml0, rsmi0, card0; cuda0 in an XML file),
 * when it was built with what asks them. Without, the PCI class remains: display controllers and accelerators, less the plain
 * graphics of service processors and virtual machines. The variables number GPUs in the order of the bus, CUDA's with the
 * reservation below. */
#include "devices.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <amorsize/alloc.h>
#include <amorsize/gpus.h>
#include <amorsize/units.h>

#include "allocation_private.h"
#include "findings.h"

enum { VENDOR_NVIDIA = 0x10de, VENDOR_AMD = 0x1002 };

struct seen_gpu {
  struct amz_node_gpu gpu; /* becomes the node's */
  unsigned vendor;
  hwloc_obj_t object;      /* whose infos may have the GPU's own name; NULL: hwloc doesn't see it */
  uint64_t bus;            /* its place on the bus */
};

struct seen {
  struct seen_gpu *items;
  size_t count, cap;
};

static void forget(struct seen *s)
{
  for (size_t i = 0; i < s->count; i++) {
    free(s->items[i].gpu.id);
    free(s->items[i].gpu.model);
  }
  free(s->items);
}

static int add(struct seen *s, const char *id, const char *model, uint32_t domain, struct seen_gpu **ret)
{
  struct seen_gpu *item;
  int rc = amz_grow((void **)&s->items, &s->cap, s->count + 1, sizeof *s->items);

  if (rc < 0)
    return rc;
  item = &s->items[s->count++];
  *item = (struct seen_gpu){.gpu = {.domain = domain, .usable = true}};
  item->gpu.id = amz_strndup(id, strlen(id));
  item->gpu.model = amz_strndup(model ? model : "", model ? strlen(model) : 0);
  *ret = item;
  return item->gpu.id && item->gpu.model ? AMZ_OK : AMZ_ENOMEM;
}

/* ---- what hwloc sees -------------------------------------------------------------------------------------------------- */

/* Graphics that no task computes on: of service processors, of virtual machines, and Intel's built-in; by vendor, or (of a
 * vendor that makes GPUs) by device. */
static const struct {
  unsigned vendor, device; /* device 0: all of them */
} plain_vga[] = {
  {0x1a03, 0}, {0x102b, 0}, {0x1013, 0}, {0x1234, 0}, {0x1af4, 0}, {0x1b36, 0}, {0x15ad, 0},
  {0x80ee, 0}, {0x1414, 0}, {0x8086, 0},
  {VENDOR_AMD, 0x515e}, {VENDOR_AMD, 0x4752}, /* ES1000 and Rage XL, on boards of servers */
};

static bool is_gpu_class(hwloc_obj_t pci)
{
  unsigned kind = pci->attr->pcidev.class_id;

  if (kind >> 8 == 0x12)
    return true;
  if (kind >> 8 != 0x03)
    return false;
  for (size_t i = 0; kind == 0x0300 && i < sizeof plain_vga / sizeof *plain_vga; i++)
    if (pci->attr->pcidev.vendor_id == plain_vga[i].vendor &&
        (plain_vga[i].device == 0 || pci->attr->pcidev.device_id == plain_vga[i].device))
      return false;
  return true;
}

/* The device below a PCI device that names it best. */
static hwloc_obj_t best_device(hwloc_obj_t pci)
{
  static const char *const names[] = {"cuda", "rsmi", "ze", "nvml", "opencl", "card"};

  for (size_t i = 0; i < sizeof names / sizeof *names; i++)
    for (hwloc_obj_t io = pci->io_first_child; io; io = io->next_sibling)
      if (io->type == HWLOC_OBJ_OS_DEVICE && io->name && strncmp(io->name, names[i], strlen(names[i])) == 0)
        return io;
  return NULL;
}

static const char *info_below(hwloc_obj_t pci, const char *name)
{
  const char *value = hwloc_obj_get_info_by_name(pci, name);

  for (hwloc_obj_t io = pci->io_first_child; !value && io; io = io->next_sibling)
    value = hwloc_obj_get_info_by_name(io, name);
  return value;
}

/* The domain at which the bus ends; a bus that several domains share is near to none of them. */
static uint32_t domain_of_device(hwloc_topology_t h, const struct amz_node *node, hwloc_obj_t device)
{
  hwloc_obj_t above = hwloc_get_non_io_ancestor_obj(h, device);
  uint32_t found = AMZ_NO_DOMAIN, of_cores = AMZ_NO_DOMAIN;
  size_t with_cores = 0;

  for (hwloc_obj_t numa = NULL; above && above->nodeset && (numa = hwloc_get_next_obj_by_type(h, HWLOC_OBJ_NUMANODE, numa));)
    if (hwloc_bitmap_isset(above->nodeset, numa->os_index)) {
      found = found == AMZ_NO_DOMAIN ? numa->logical_index : found;
      if (node->domains[numa->logical_index].cores > 0 && with_cores++ == 0)
        of_cores = numa->logical_index;
    }
  return with_cores == 1 ? of_cores : with_cores == 0 ? found : AMZ_NO_DOMAIN;
}

/* For where nobody knows the model's name. */
static const char *vendor_name(unsigned vendor)
{
  return vendor == VENDOR_NVIDIA ? "NVIDIA" : vendor == VENDOR_AMD ? "AMD" : vendor == 0x8086 ? "Intel" : "GPU";
}

static int add_pci(hwloc_topology_t h, const struct amz_node *node, hwloc_obj_t pci, struct seen *s)
{
  const struct hwloc_pcidev_attr_s *at = &pci->attr->pcidev;
  hwloc_obj_t device = best_device(pci);
  const char *model = info_below(pci, "GPUModel");
  struct seen_gpu *item;
  char bus[32], numbers[64];
  int rc;

  (void)snprintf(bus, sizeof bus, "%04x:%02x:%02x.%x", (unsigned)at->domain & 0xffffffu, at->bus, at->dev, at->func & 0xfu);
  (void)snprintf(numbers, sizeof numbers, "%s %04x:%04x", vendor_name(at->vendor_id), at->vendor_id, at->device_id);
  if (!model)
    model = pci->name && *pci->name ? pci->name : numbers;
  rc = add(s, device ? device->name : bus, model, domain_of_device(h, node, pci), &item);
  if (rc < 0)
    return rc;
  item->vendor = at->vendor_id;
  item->object = pci;
  item->bus = (uint64_t)at->domain << 32 | (uint64_t)at->bus << 16 | (uint64_t)at->dev << 8 | at->func;
  return AMZ_OK;
}

static int by_bus(const void *a, const void *b)
{
  const struct seen_gpu *x = a, *y = b;

  return (x->bus > y->bus) - (x->bus < y->bus);
}

static int see(hwloc_topology_t h, const struct amz_node *node, struct seen *s)
{
  int rc = AMZ_OK;

  for (hwloc_obj_t pci = NULL; rc == AMZ_OK && (pci = hwloc_get_next_pcidev(h, pci));)
    if (is_gpu_class(pci))
      rc = add_pci(h, node, pci, s);
  if (rc == AMZ_OK && s->count > 1)
    qsort(s->items, s->count, sizeof *s->items, by_bus);
  return rc;
}

/* ---- which of them are ours ------------------------------------------------------------------------------------------- */

/* The `number`-th of those that the variables count: of the vendor whose runtime reads them, when there are any of it. */
static size_t find_number(const struct seen *s, bool amd, uint64_t number)
{
  unsigned vendor = amd ? VENDOR_AMD : VENDOR_NVIDIA;
  bool has_vendor = false;
  uint64_t at = 0;

  for (size_t i = 0; i < s->count; i++)
    has_vendor = has_vendor || s->items[i].vendor == vendor;
  for (size_t i = 0; i < s->count; i++)
    if ((!has_vendor || s->items[i].vendor == vendor) && at++ == number)
      return i;
  return s->count;
}

static bool is_called(const struct seen_gpu *gpu, const char *id, size_t n)
{
  static const char *const infos[] = {"NVIDIAUUID", "AMDUUID", "AMDSerial"};

  for (size_t k = 0; gpu->object && n > 0 && k < sizeof infos / sizeof *infos; k++) {
    const char *value = info_below(gpu->object, infos[k]);

    if (value && strncmp(value, id, n) == 0)
      return true;
  }
  return false;
}

/* "GPU-6f2a": as much of a UUID as tells it from the others, which is enough for CUDA. "MIG-GPU-6f2a/1/0" is a part of that GPU.
 * AMD's runtime puts GPU- before what the device itself says. "MIG-77ab" is a name of the part's own: nobody here knows whose
 * part it is. */
static size_t find_uuid(const struct seen *s, const char *id)
{
  const char *whole = strncmp(id, "MIG-GPU-", 8) == 0 ? id + 4 : id, *bare = strncmp(whole, "GPU-", 4) == 0 ? whole + 4 : "";
  size_t n = strcspn(whole, "/"), n_bare = strcspn(bare, "/"), found = s->count, times = 0;

  for (size_t i = 0; i < s->count && n > 4; i++)
    if (is_called(&s->items[i], whole, n) || is_called(&s->items[i], bare, n_bare)) {
      found = i;
      times++;
    }
  return times == 1 ? found : s->count;
}

/* A job that is confined to its devices counts them from 0, while the bus has all: Slurm's own list then has the numbers on the
 * node, in the same order. \return false when it isn't such a list. */
static bool number_on_node(const struct amz_environment *env, uint32_t position, uint32_t count, uint64_t *ret)
{
  static const char *const variables[] = {"SLURM_STEP_GPUS", "SLURM_JOB_GPUS"};

  for (size_t v = 0; v < sizeof variables / sizeof *variables; v++) {
    const char *at = amz_environment_value(env, variables[v]);
    uint64_t found = 0;
    uint32_t n = 0;

    for (; at && *at; n++) {
      char digits[16] = "";
      size_t len = strcspn(at, ",");
      uint64_t value;

      if (len >= sizeof digits)
        break;
      memcpy(digits, at, len);
      if (amz_parse_u64(digits, &value) < 0)
        break;
      found = n == position ? value : found;
      at += len + (at[len] == ',');
    }
    if (at && !*at && n == count) {
      *ret = found;
      return true;
    }
  }
  return false;
}

/* Whether the numbers are others than Slurm's list has: then CUDA sees those GPUs alone, and counts among them. */
static bool counts_among_few(const struct amz_environment *env, const struct amz_gpus *gpus)
{
  bool few = false;

  for (uint32_t i = 0; i < gpus->count; i++) {
    uint64_t number, on_node;

    few = few || (amz_parse_u64(gpus->ids[i], &number) == AMZ_OK && number_on_node(env, i, gpus->count, &on_node) &&
                  on_node != number);
  }
  return few;
}

/* CUDA's 0 is the GPU that it takes for the fastest, and the order of the others is left open, unless
 * CUDA_DEVICE_ORDER=PCI_BUS_ID (CUDA programming guide, environment variables). Where all that it counts are of one model, it has
 * nothing to sort by, and the bus's order remains.
 * \return whether a number may be any of several. */
static bool numbers_are_vague(const struct seen *s, const struct amz_environment *env, const struct amz_gpus *gpus,
                              struct amz_diags *diags)
{
  static const char variable[] = "CUDA_DEVICE_ORDER";
  const char *order = amz_environment_value(env, variable);
  bool few = counts_among_few(env, gpus), by_bus_id = order && strcmp(order, "PCI_BUS_ID") == 0;
  const struct seen_gpu *first = NULL;

  if (order && !by_bus_id && strcmp(order, "FASTEST_FIRST") != 0)
    amz_doubt(diags, variable, order, "PCI_BUS_ID or FASTEST_FIRST is expected");
  for (size_t i = 0; !gpus->amd && !by_bus_id && i < (few ? gpus->count : s->count); i++) {
    const struct seen_gpu *gpu;
    uint64_t number = i;
    size_t at;

    if (few)
      (void)number_on_node(env, (uint32_t)i, gpus->count, &number);
    at = find_number(s, false, number);
    gpu = at < s->count && s->items[at].vendor == VENDOR_NVIDIA ? &s->items[at] : NULL;
    first = first ? first : gpu;
    if (gpu && gpu->object->attr->pcidev.device_id != first->object->attr->pcidev.device_id)
      return true;
  }
  return false;
}

/* The GPU that the variables name so. \return its position; s->count when hwloc doesn't see it, or nobody can tell which it
 * is. */
static size_t find_named(const struct seen *s, const struct amz_environment *env, const struct amz_gpus *gpus, bool vague,
                         uint32_t position)
{
  const char *id = gpus->ids[position];
  uint64_t number;

  if (amz_parse_u64(id, &number) < 0)
    return find_uuid(s, id);
  if (vague)
    return s->count;
  (void)number_on_node(env, position, gpus->count, &number);
  return find_number(s, gpus->amd, number);
}

static int name_gpu(struct amz_node_gpu *gpu, const char *id)
{
  char *copy = amz_strndup(id, strlen(id));

  if (!copy)
    return AMZ_ENOMEM;
  free(gpu->id);
  gpu->id = copy;
  gpu->usable = true;
  return AMZ_OK;
}

/* The domain that all of them are near to. */
static uint32_t domain_of_all(const struct seen *s, const struct amz_node *node)
{
  uint32_t domain = s->count > 0 ? s->items[0].gpu.domain : AMZ_NO_DOMAIN;

  for (size_t i = 1; i < s->count; i++)
    if (s->items[i].gpu.domain != domain)
      domain = AMZ_NO_DOMAIN;
  return node->n_domains == 1 ? 0 : domain;
}

/* What the variables name is usable and called so, what they don't name isn't ours; those that hwloc doesn't see come behind, and
 * so do further parts of one that it sees, which are where that is. */
static int apply_names(struct seen *s, const struct amz_environment *env, const struct amz_gpus *gpus, bool vague,
                       const struct amz_node *node)
{
  uint32_t only_domain = domain_of_all(s, node);
  size_t n_seen = s->count;
  int rc = AMZ_OK;

  for (size_t i = 0; i < n_seen; i++)
    s->items[i].gpu.usable = false;
  for (uint32_t i = 0; rc == AMZ_OK && i < gpus->count; i++) {
    size_t at = find_named(s, env, gpus, vague, i);
    struct seen_gpu *unseen;

    if (at < n_seen && !s->items[at].gpu.usable)
      rc = name_gpu(&s->items[at].gpu, gpus->ids[i]);
    else if (at < n_seen)
      rc = add(s, gpus->ids[i], s->items[at].gpu.model, s->items[at].gpu.domain, &unseen);
    else
      rc = add(s, gpus->ids[i], NULL, only_domain, &unseen);
  }
  return rc;
}

static int tell_vague(const struct amz_gpus *gpus, struct amz_node *node)
{
  const char *id = NULL;
  uint64_t number;

  for (uint32_t i = 0; !id && i < gpus->count; i++)
    id = amz_parse_u64(gpus->ids[i], &number) == AMZ_OK ? gpus->ids[i] : NULL;
  if (!id)
    return AMZ_OK;
  return amz_findings_add(node, AMZ_FINDING_NOTE,
                          "with CUDA_DEVICE_ORDER=PCI_BUS_ID in the environment, it counts along the bus, as nvidia-smi does",
                          "the GPUs here differ, and CUDA counts the fastest one first: which of them is number %s, and near to "
                          "which cores, can't be told", id);
}

static int ask_variables(struct seen *s, const struct amz_environment *env, struct amz_tree *tree, struct amz_node *node)
{
  struct amz_files files = amz_tree_files(tree);
  struct amz_gpus gpus;
  int rc = amz_gpus_read(env, &files, tree->diags, &gpus);

  if (rc < 0)
    return rc;
  if (gpus.source) {
    bool vague = numbers_are_vague(s, env, &gpus, tree->diags);

    rc = apply_names(s, env, &gpus, vague, node);
    if (rc == AMZ_OK && vague)
      rc = tell_vague(&gpus, node);
  } else if (s->count > 0)
    rc = amz_findings_add(node, AMZ_FINDING_NOTE,
                          "for tasks with GPUs, ask the batch system for them or set CUDA_VISIBLE_DEVICES",
                          "%zu GPU%s here, and no variable says that we may use them", s->count, s->count == 1 ? " is" : "s are");
  amz_gpus_clear(&gpus);
  return rc;
}

static int hand_over(struct seen *s, struct amz_node *node)
{
  node->gpus = amz_new_array(s->count, sizeof *node->gpus);
  if (!node->gpus)
    return AMZ_ENOMEM;
  for (size_t i = 0; i < s->count; i++)
    node->gpus[i] = s->items[i].gpu;
  node->n_gpus = s->count;
  s->count = 0;
  return AMZ_OK;
}

int amz_devices_look(const struct amz_topology *topology, const struct amz_environment *env, struct amz_tree *tree, bool ours,
                     struct amz_node *node)
{
  struct seen s = {0};
  int rc = see(topology->handle, node, &s);

  if (rc == AMZ_OK && ours)
    rc = ask_variables(&s, env, tree, node);
  if (rc == AMZ_OK)
    rc = hand_over(&s, node);
  forget(&s);
  return rc;
}
