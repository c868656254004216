/* A whole machine made by hand below a root: two packages with two cores and one NUMA domain each, and PCI devices. hwloc reads
 * it by environment variables, of which our process may see nothing. */
#define _GNU_SOURCE
#include "faketree.h"

#include <stdbool.h>

#include "looking.h"

#define CPU "/sys/devices/system/cpu"
#define NUMA "/sys/devices/system/node"
#define PCI "/sys/bus/pci/devices"

static const struct pair machine_tree[] = {
  {CPU "/online", "0-3\n"}, {CPU "/possible", "0-3\n"}, {CPU "/present", "0-3\n"},
  {CPU "/cpu0/topology/core_id", "0\n"}, {CPU "/cpu0/topology/physical_package_id", "0\n"},
      {CPU "/cpu0/topology/core_cpus", "1\n"},
  {CPU "/cpu0/topology/package_cpus", "3\n"},
  {CPU "/cpu1/topology/core_id", "1\n"}, {CPU "/cpu1/topology/physical_package_id", "0\n"},
      {CPU "/cpu1/topology/core_cpus", "2\n"},
  {CPU "/cpu1/topology/package_cpus", "3\n"},
  {CPU "/cpu2/topology/core_id", "0\n"}, {CPU "/cpu2/topology/physical_package_id", "1\n"},
      {CPU "/cpu2/topology/core_cpus", "4\n"},
  {CPU "/cpu2/topology/package_cpus", "c\n"},
  {CPU "/cpu3/topology/core_id", "1\n"}, {CPU "/cpu3/topology/physical_package_id", "1\n"},
      {CPU "/cpu3/topology/core_cpus", "8\n"},
  {CPU "/cpu3/topology/package_cpus", "c\n"},
  {NUMA "/online", "0-1\n"},
  {NUMA "/node0/cpumap", "3\n"}, {NUMA "/node0/meminfo", "Node 0 MemTotal: 524288 kB\n"}, {NUMA "/node0/distance", "10 20\n"},
  {NUMA "/node1/cpumap", "c\n"}, {NUMA "/node1/meminfo", "Node 1 MemTotal: 524288 kB\n"}, {NUMA "/node1/distance", "20 10\n"},
  {"/proc/meminfo", "MemTotal: 1048576 kB\nMemFree: 500000 kB\nMemAvailable: 716800 kB\n"},
  {"/proc/cpuinfo", "processor\t: 0\nvendor_id\t: Somebody\nmodel name\t: Some CPU at 2 GHz\nflags\t\t: fpu hypervisor sse\n"},
  {"/proc/sys/kernel/hostname", "oracle7\n"},
  {"/proc/sys/kernel/osrelease", "6.1.0-9\n"},
  {NULL, NULL},
};

/* A PCI device near the units of the mask. */
static void put_device(const char *root, const char *bus, const char *class, const char *vendor, const char *device,
                       const char *mask)
{
  const struct pair files[] = {{"class", class}, {"vendor", vendor}, {"device", device}, {"subsystem_vendor", "0x0000\n"},
                               {"subsystem_device", "0x0000\n"}, {"revision", "0x00\n"}, {"local_cpus", mask}};
  static const char config[256];
  char path[256];

  for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
    (void)snprintf(path, sizeof path, PCI "/%s/%s", bus, files[i].name);
    put_bytes(root, path, files[i].text, strlen(files[i].text));
  }
  (void)snprintf(path, sizeof path, PCI "/%s/config", bus);
  put_bytes(root, path, config, sizeof config);
  (void)snprintf(path, sizeof path, "/sys/class/pci_bus/%.7s/cpuaffinity", bus);
  put_bytes(root, path, mask, strlen(mask));
}

static void look_below(const char *root, const struct pair *variables, struct amz_node *ret)
{
  struct amz_diags diags;
  struct amz_error err = {0};

  if (look_at(NULL, root, variables, &diags, &err, ret) < 0)
    CU_FAIL_FATAL("the tree can't be looked at");
  check_profile("a machine made by hand", ret);
  amz_diags_clear(&diags);
}

static void reads_a_machine_below_a_root(void)
{
  char root[FAKE_ROOT_MAX];
  struct amz_node n;

  make_root(root);
  put_files(root, machine_tree);
  CU_ASSERT_FATAL(setenv("HWLOC_COMPONENTS", "-x86", 1) == 0 && unsetenv("HWLOC_FSROOT") == 0);
  look_below(root, NULL, &n);
  ASSERT_TEXT(getenv("HWLOC_COMPONENTS"), "-x86"); /* as before */
  CU_ASSERT(getenv("HWLOC_FSROOT") == NULL);
  CU_ASSERT(unsetenv("HWLOC_COMPONENTS") == 0);
  CU_ASSERT(!n.this_machine && n.packages == 2 && n.n_domains == 2 && n.cores == 4 && n.units == 4);
  CU_ASSERT(n.core[0].domain == 0 && n.core[3].domain == 1 && n.core[3].package == 1);
  ASSERT_U64(n.memory_bytes, UINT64_C(1) << 30);
  ASSERT_U64(n.domains[1].memory_bytes, UINT64_C(1) << 29);
  ASSERT_U64(n.allowed_memory_bytes, UINT64_C(716800) * 1024);
  ASSERT_TEXT(n.topology, root);
  ASSERT_TEXT(n.host, "oracle7");
  ASSERT_TEXT(n.kernel, "6.1.0-9");
  ASSERT_TEXT(n.cpu_model, "Some CPU at 2 GHz");
  ASSERT_TEXT(n.hypervisor, "unknown hypervisor");
  amz_node_clear(&n);
  remove_root(root);
}

/* The kernel's total holds when domains say something else, and each domain gets its share. */
static void does_not_trust_one_source_of_memory(void)
{
  static const struct pair more[] = {{"/proc/meminfo", "MemTotal: 4194304 kB\nMemAvailable: 4000000 kB\n"}, {NULL, NULL}};
  char root[FAKE_ROOT_MAX];
  struct amz_node n;

  make_root(root);
  put_files(root, machine_tree);
  put_files(root, more);
  look_below(root, NULL, &n);
  ASSERT_U64(n.memory_bytes, UINT64_C(4) << 30);
  ASSERT_U64(n.domains[0].memory_bytes, UINT64_C(2) << 30);
  ASSERT_U64(n.domains[1].memory_bytes, UINT64_C(2) << 30);
  CU_ASSERT_FATAL(n.n_findings > 0);
  CU_ASSERT(strstr(n.findings[0].text, "1024 MiB") && strstr(n.findings[0].text, "4096"));
  amz_node_clear(&n);
  remove_root(root);
}

/* hwloc 2.9 stops the process at some of these. */
static void survives_what_hwloc_does_not(void)
{
  static const struct {
    const char *what, *file, *text;
    uint32_t cores;   /* 0: not looked at */
    const char *told; /* NULL: not looked at */
  } rows[] = {
    {"words for the domains that are online", NUMA "/online", "all\n", 4, "\"all\""},
    {"a domain beyond belief", NUMA "/online", "4294967295\n", 0, NULL},
    {"no end of domains", NUMA "/online", "0-\n", 0, NULL},
    {"words for the units that are online", CPU "/online", "most\n", 4, "\"most\""},
    {"units of nobody", CPU "/cpu1/topology/core_cpus", "zz\n", 0, NULL},
    {"packages that overlap", CPU "/cpu1/topology/package_cpus", "6\n", 0, NULL},
    {"a domain that overlaps packages", NUMA "/node0/cpumap", "6\n", 0, NULL},
    {"empty", CPU "/cpu0/topology/core_id", "\n", 0, NULL},
  };

  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    char root[FAKE_ROOT_MAX];
    struct amz_diags diags;
    struct amz_error err = {0};
    struct amz_node n;

    make_root(root);
    put_files(root, machine_tree);
    put_bytes(root, rows[i].file, rows[i].text, strlen(rows[i].text));
    if (look_at(NULL, root, NULL, &diags, &err, &n) < 0) {
      ASSERT_ROW_TEXT(rows[i].what, err.text, "looked at");
      continue;
    }
    check_profile(rows[i].what, &n);
    if (rows[i].cores)
      ASSERT_ROW_U64(rows[i].what, n.cores, rows[i].cores);
    if (rows[i].told)
      CU_ASSERT(diags.count > 0 && strstr(diags.items[0].file, rows[i].file) && strstr(diags.items[0].text, rows[i].told));
    amz_node_clear(&n);
    amz_diags_clear(&diags);
    remove_root(root);
  }
}

static void check_wrong(const char *root, const struct pair *file, enum wrong how)
{
  struct amz_diags diags;
  struct amz_error err = {0};
  struct amz_node n;
  char what[256];
  int rc;

  (void)snprintf(what, sizeof what, "%s: %s", file->name, wrong_names[how]);
  put_wrong(root, file, how);
  rc = look_at(NULL, root, NULL, &diags, &err, &n);
  if (rc == AMZ_OK) {
    check_profile(what, &n);
    CU_ASSERT(n.cores <= 4 || how == WRONG_LONG);
    amz_node_clear(&n);
  } else {
    ASSERT_ROW_I64(what, rc, AMZ_EENV);
    CU_ASSERT(strstr(err.text, root) != NULL);
  }
  amz_diags_clear(&diags);
  put_right(root, file);
}

/* Each file that hwloc reads (of one core: the others have the same), wrong in ways that are told apart there: there are
 * processors all the same, or it is said that nobody tells of any. hwloc waits at pipes until its time is over. */
static void survives_each_file_wrong_in_each_way(void)
{
  static const enum wrong ways[] = {WRONG_CUT, WRONG_EMPTY, WRONG_BINARY, WRONG_LONG, WRONG_NEGATIVE, WRONG_HUGE, WRONG_FOLDER};
  char root[FAKE_ROOT_MAX];

  make_root(root);
  put_long(root);
  put_files(root, machine_tree);
  for (const struct pair *file = machine_tree; file->name; file++)
    for (size_t k = 0; k < sizeof ways / sizeof *ways; k++)
      if (!strstr(file->name, "/topology/") || strstr(file->name, "/cpu1/"))
        check_wrong(root, file, ways[k]);
  remove_root(root);
}

static void refuses_a_tree_without_processors(void)
{
  static const struct pair bad[] = {{NUMA "/online", "all\n"}, {CPU "/online", "none\n"}, {CPU "/present", "?\n"},
                                    {CPU "/possible", "-\n"},
                                    {NULL, NULL}};
  char root[FAKE_ROOT_MAX];
  struct amz_diags diags;
  struct amz_error err = {0};
  struct amz_node n;

  make_root(root);
  put_files(root, machine_tree);
  put_files(root, bad);
  ASSERT_I64(look_at(NULL, root, NULL, &diags, &err, &n), AMZ_EENV);
  CU_ASSERT(strstr(err.text, root) && strstr(err.text, "cpu/online"));
  CU_ASSERT(diags.count >= 4);
  amz_diags_clear(&diags);
  remove_root(root);
}

/* ---- GPUs ------------------------------------------------------------------------------------------------------------- */

struct gpu_row {
  const char *what;
  struct pair variables[4];
  size_t n_gpus;
  struct {
    const char *id;
    uint32_t domain;
    bool usable;
  } gpus[4];
};

/* In the order of the bus: 3b at the second package, af at the first. What the service processor draws with is none. */
static void put_gpus(const char *root)
{
  put_device(root, "0000:03:00.0", "0x030000\n", "0x1a03\n", "0x2000\n", "3\n");
  put_device(root, "0000:3b:00.0", "0x030200\n", "0x10de\n", "0x20b0\n", "c\n");
  put_device(root, "0000:af:00.0", "0x030200\n", "0x10de\n", "0x20b0\n", "3\n");
  put_device(root, "0000:b0:00.0", "0x020000\n", "0x8086\n", "0x1572\n", "3\n");
}

static void check_gpus(const struct gpu_row *row, const struct amz_node *n)
{
  ASSERT_ROW_U64(row->what, n->n_gpus, row->n_gpus);
  for (size_t k = 0; k < n->n_gpus && k < row->n_gpus; k++) {
    ASSERT_ROW_TEXT(row->what, n->gpus[k].id, row->gpus[k].id);
    ASSERT_ROW_U64(row->what, n->gpus[k].domain, row->gpus[k].domain);
    ASSERT_ROW_U64(row->what, n->gpus[k].usable, row->gpus[k].usable);
  }
}

static void matches_gpus_with_the_variables(void)
{
  static const struct gpu_row rows[] = {
    {"no variable: all, by their place", {{NULL, NULL}}, 2, {{"0000:3b:00.0", 1, true}, {"0000:af:00.0", 0, true}}},
    {"both, numbered along the bus", {{"CUDA_VISIBLE_DEVICES", "0,1"}}, 2, {{"0", 1, true}, {"1", 0, true}}},
    {"the second alone", {{"CUDA_VISIBLE_DEVICES", "1"}}, 2, {{"0000:3b:00.0", 1, false}, {"1", 0, true}}},
    {"none", {{"CUDA_VISIBLE_DEVICES", ""}}, 2, {{"0000:3b:00.0", 1, false}, {"0000:af:00.0", 0, false}}},
    {"confined: counted from 0, Slurm has the node's number", {{"CUDA_VISIBLE_DEVICES", "0"}, {"SLURM_JOB_GPUS", "1"}}, 2,
     {{"0000:3b:00.0", 1, false}, {"0", 0, true}}},
    {"a list of Slurm's that doesn't fit isn't used", {{"CUDA_VISIBLE_DEVICES", "0"}, {"SLURM_JOB_GPUS", "0,1"}}, 2,
     {{"0", 1, true}, {"0000:af:00.0", 0, false}}},
    {"one that hwloc doesn't see", {{"CUDA_VISIBLE_DEVICES", "GPU-6f2a"}}, 3,
     {{"0000:3b:00.0", 1, false}, {"0000:af:00.0", 0, false}, {"GPU-6f2a", AMZ_NO_DOMAIN, true}}},
    {"a number alone", {{"SLURM_GPUS_ON_NODE", "2"}}, 2, {{"0", 1, true}, {"1", 0, true}}},
  };
  char root[FAKE_ROOT_MAX];

  make_root(root);
  put_files(root, machine_tree);
  put_gpus(root);
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    struct amz_node n;

    look_below(root, rows[i].variables, &n);
    check_gpus(&rows[i], &n);
    amz_node_clear(&n);
  }
  remove_root(root);
}

/* Two models: which of them CUDA numbers 0 isn't told, unless it counts along the bus, or sees one model alone. */
static void knows_numbers_that_are_vague(void)
{
  static const struct {
    struct gpu_row gpus;
    bool malformed, note; /* is told */
  } rows[] = {
    {{"in CUDA's own order", {{"CUDA_VISIBLE_DEVICES", "0,1"}}, 4,
      {{"0000:3b:00.0", 1, false}, {"0000:af:00.0", 0, false}, {"0", AMZ_NO_DOMAIN, true}, {"1", AMZ_NO_DOMAIN, true}}}, false,
      true},
    {{"in the same, said outright", {{"CUDA_VISIBLE_DEVICES", "1"}, {"CUDA_DEVICE_ORDER", "FASTEST_FIRST"}}, 3,
      {{"0000:3b:00.0", 1, false}, {"0000:af:00.0", 0, false}, {"1", AMZ_NO_DOMAIN, true}}}, false, true},
    {{"along the bus", {{"CUDA_VISIBLE_DEVICES", "0,1"}, {"CUDA_DEVICE_ORDER", "PCI_BUS_ID"}}, 2,
      {{"0", 1, true}, {"1", 0, true}}}, false, false},
    {{"in an order that CUDA doesn't know", {{"CUDA_VISIBLE_DEVICES", "1"}, {"CUDA_DEVICE_ORDER", "bus"}}, 3,
      {{"0000:3b:00.0", 1, false}, {"0000:af:00.0", 0, false}, {"1", AMZ_NO_DOMAIN, true}}}, true, true},
    {{"Slurm's number alone", {{"SLURM_GPUS_ON_NODE", "1"}}, 3,
      {{"0000:3b:00.0", 1, false}, {"0000:af:00.0", 0, false}, {"0", AMZ_NO_DOMAIN, true}}}, false, true},
    {{"confined to one, which can be no other", {{"CUDA_VISIBLE_DEVICES", "0"}, {"SLURM_JOB_GPUS", "1"}}, 2,
      {{"0000:3b:00.0", 1, false}, {"0", 0, true}}}, false, false},
    {{"not confined: CUDA counts all of them", {{"CUDA_VISIBLE_DEVICES", "1"}, {"SLURM_JOB_GPUS", "1"}}, 3,
      {{"0000:3b:00.0", 1, false}, {"0000:af:00.0", 0, false}, {"1", AMZ_NO_DOMAIN, true}}}, false, true},
    {{"names aren't numbers", {{"CUDA_VISIBLE_DEVICES", "GPU-6f2a"}}, 3,
      {{"0000:3b:00.0", 1, false}, {"0000:af:00.0", 0, false}, {"GPU-6f2a", AMZ_NO_DOMAIN, true}}}, false, false},
  };
  char root[FAKE_ROOT_MAX];

  make_root(root);
  put_files(root, machine_tree);
  put_gpus(root);
  put_device(root, "0000:af:00.0", "0x030200\n", "0x10de\n", "0x2204\n", "3\n");
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    const struct gpu_row *row = &rows[i].gpus;
    struct amz_buf said = AMZ_BUF_INIT;
    struct amz_diags diags;
    struct amz_error err = {0};
    struct amz_node n;
    bool noted = false;

    CU_ASSERT_FATAL(look_at(NULL, root, row->variables, &diags, &err, &n) == AMZ_OK);
    check_gpus(row, &n);
    for (size_t k = 0; k < n.n_findings; k++)
      noted = noted || strstr(n.findings[k].advice, "CUDA_DEVICE_ORDER=PCI_BUS_ID");
    ASSERT_ROW_U64(row->what, noted, rows[i].note);
    amz_diags_print(&diags, &said);
    ASSERT_ROW_U64(row->what, strstr(amz_buf_text(&said), "CUDA_DEVICE_ORDER") != NULL, rows[i].malformed);
    amz_buf_clear(&said);
    amz_node_clear(&n);
    amz_diags_clear(&diags);
  }
  remove_root(root);
}

/* GPUs called GPU-a0, a1 (first package), a2, a3 (second): by their UUIDs, by parts of them, by names of MIG. */
static void matches_gpus_by_uuid(void)
{
  static const struct {
    const char *what, *list;
    size_t n_gpus;
    struct {
      size_t at;
      const char *id;
      uint32_t domain;
    } usable[3];
    size_t n_usable;
  } rows[] = {
    {"whole UUIDs", "GPU-a2,GPU-a0", 4, {{0, "GPU-a0", 0}, {2, "GPU-a2", 1}}, 2},
    {"what may be any of several is none of them", "GPU-a", 5, {{4, "GPU-a", AMZ_NO_DOMAIN}}, 1},
    {"old names of MIG: a part of a GPU is where that is", "MIG-GPU-a3/1/0", 4, {{3, "MIG-GPU-a3/1/0", 1}}, 1},
    {"two parts of one", "MIG-GPU-a3/1/0,MIG-GPU-a3/2/0", 5, {{3, "MIG-GPU-a3/1/0", 1}, {4, "MIG-GPU-a3/2/0", 1}}, 2},
    {"new names of MIG tell no GPU", "MIG-77ab,GPU-a1", 5, {{1, "GPU-a1", 0}, {4, "MIG-77ab", AMZ_NO_DOMAIN}}, 2},
    {"numbers and UUIDs", "3,GPU-a0", 4, {{0, "GPU-a0", 0}, {3, "3", 1}}, 2},
  };
  const char *source = getenv("top_srcdir");
  char root[FAKE_ROOT_MAX], path[4096];

  (void)snprintf(path, sizeof path, "%s/tests/data/topologies/two-packages-four-gpus.xml", source ? source : ".");
  make_root(root);
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    const struct pair variables[] = {{"CUDA_VISIBLE_DEVICES", rows[i].list}, {NULL, NULL}};
    struct amz_diags diags;
    struct amz_error err = {0};
    struct amz_node n;
    size_t usable = 0;

    CU_ASSERT_FATAL(look_at(path, root, variables, &diags, &err, &n) == AMZ_OK);
    ASSERT_ROW_U64(rows[i].what, n.n_gpus, rows[i].n_gpus);
    for (size_t k = 0; k < n.n_gpus; k++)
      usable += n.gpus[k].usable;
    ASSERT_ROW_U64(rows[i].what, usable, rows[i].n_usable);
    for (size_t k = 0; k < rows[i].n_usable && n.n_gpus == rows[i].n_gpus; k++) {
      const struct amz_node_gpu *gpu = &n.gpus[rows[i].usable[k].at];

      ASSERT_ROW_TEXT(rows[i].what, gpu->id, rows[i].usable[k].id);
      ASSERT_ROW_U64(rows[i].what, gpu->domain, rows[i].usable[k].domain);
      CU_ASSERT(gpu->usable);
    }
    ASSERT_ROW_U64(rows[i].what, diags.count, 0);
    amz_node_clear(&n);
    amz_diags_clear(&diags);
  }
  remove_root(root);
}

/* The slots of the first package's cores get the GPU that is there, whatever its number. */
static void slots_get_gpus_at_their_cores(void)
{
  static const struct pair variables[] = {{"CUDA_VISIBLE_DEVICES", "0,1"}, {NULL, NULL}};
  char root[FAKE_ROOT_MAX];
  struct amz_node n;
  uint32_t gpus[2];

  make_root(root);
  put_files(root, machine_tree);
  put_gpus(root);
  look_below(root, variables, &n);
  CU_ASSERT_FATAL(amz_node_gpus_of_slots(&n, 2, 2, 1, gpus) == AMZ_OK);
  ASSERT_TEXT(n.gpus[gpus[0]].id, "1");
  ASSERT_TEXT(n.gpus[gpus[0]].model, "NVIDIA 10de:20b0");
  ASSERT_TEXT(n.gpus[gpus[1]].id, "0");
  amz_node_clear(&n);
  remove_root(root);
}

/* A run has the GPUs in the order of the description, and knows as much of where they and the cores are. */
static void runs_know_where_gpus_are(void)
{
  static const struct {
    const char *what;
    struct pair variables[2];
    const char *order[2];
    uint32_t domains[2];
  } rows[] = {
    {"in the bus's order: 3b at the second package, af at the first", {{"CUDA_VISIBLE_DEVICES", "0,1"}}, {"0", "1"}, {1, 0}},
    {"whatever the variable's", {{"CUDA_VISIBLE_DEVICES", "1,0"}}, {"0", "1"}, {1, 0}},
    {"one of them isn't to be seen: behind", {{"CUDA_VISIBLE_DEVICES", "GPU-6f2a,0"}}, {"0", "GPU-6f2a"}, {1, AMZ_NO_DOMAIN}},
  };
  char root[FAKE_ROOT_MAX];

  make_root(root);
  put_files(root, machine_tree);
  put_gpus(root);
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    struct amz_environment env = injected_environment(rows[i].variables);
    struct amz_diags diags;
    struct amz_gpus gpus;
    struct amz_node n;

    amz_diags_init(&diags);
    CU_ASSERT_FATAL(amz_gpus_read(&env, NULL, &diags, &gpus) == AMZ_OK);
    ASSERT_ROW_I64(rows[i].what, amz_gpus_locate(&gpus, &env, root), AMZ_OK);
    CU_ASSERT_FATAL(gpus.count == 2 && gpus.domains != NULL);
    for (uint32_t k = 0; k < 2; k++) {
      ASSERT_ROW_TEXT(rows[i].what, gpus.ids[k], rows[i].order[k]);
      ASSERT_ROW_U64(rows[i].what, gpus.domains[k], rows[i].domains[k]);
    }
    look_below(root, rows[i].variables, &n);
    for (uint32_t k = 0; k < n.cores; k++)
      ASSERT_ROW_U64(rows[i].what, gpus.unit_domains[n.unit[n.core[k].first_unit]], n.core[k].domain);
    amz_node_clear(&n);
    amz_gpus_clear(&gpus);
    amz_diags_clear(&diags);
  }
  remove_root(root);
}

/* ---- virtual machines ------------------------------------------------------------------------------------------------- */

static void recognises_virtual_cpus(void)
{
  static const struct {
    const char *what, *vendor, *product, *hypervisor;
    bool share;
  } rows[] = {
    {"Amazon sells threads", "Amazon EC2\n", "c5.large\n", "Amazon EC2", true},
    {"… and whole cores", "Amazon EC2\n", "c7a.large\n", "Amazon EC2", false},
    {"Google", "Google\n", "Google Compute Engine\n", "Google Compute Engine", true},
    {"Azure", "Microsoft Corporation\n", "Virtual Machine\n", "Hyper-V", true},
    {"a computer at home under KVM", "QEMU\n", "Standard PC\n", "QEMU", false},
    {"who knows", "Somebody Ltd.\n", "Thing\n", "unknown hypervisor", false},
  };
  static const struct pair arch[] = {{"/proc/sys/kernel/arch", "x86_64\n"}, {NULL, NULL}};
  char root[FAKE_ROOT_MAX];

  make_root(root);
  put_files(root, machine_tree);
  put_files(root, arch);
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    struct amz_node n;

    put_bytes(root, "/sys/class/dmi/id/sys_vendor", rows[i].vendor, strlen(rows[i].vendor));
    put_bytes(root, "/sys/class/dmi/id/product_name", rows[i].product, strlen(rows[i].product));
    look_below(root, NULL, &n);
    ASSERT_ROW_TEXT(rows[i].what, n.hypervisor, rows[i].hypervisor);
    ASSERT_ROW_U64(rows[i].what, n.units_share_cores, rows[i].share);
    amz_node_clear(&n);
  }
  remove_root(root);
}

int main(void)
{
  static const struct amz_test tests[] = {
    {"reads a machine below a root", reads_a_machine_below_a_root},
    {"does not trust one source of memory", does_not_trust_one_source_of_memory},
    {"survives what hwloc does not", survives_what_hwloc_does_not},
    {"survives each file wrong in each way", survives_each_file_wrong_in_each_way},
    {"refuses a tree without processors", refuses_a_tree_without_processors},
    {"matches GPUs with the variables", matches_gpus_with_the_variables},
    {"knows numbers that are vague", knows_numbers_that_are_vague},
    {"matches GPUs by UUID", matches_gpus_by_uuid},
    {"slots get GPUs at their cores", slots_get_gpus_at_their_cores},
    {"runs know where GPUs are", runs_know_where_gpus_are},
    {"recognises virtual CPUs", recognises_virtual_cpus},
    {NULL, NULL},
  };

  return amz_test_main("sysroot", tests, 0);
}
