/* Topologies of described machines. Expected counts follow from the descriptions by multiplication, or are told with the
 * files. */
#define _GNU_SOURCE
#include <dirent.h>
#include <sched.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include <hwloc.h>

#include "looking.h"

/* ---- synthetic machines ----------------------------------------------------------------------------------------------- */

static void counts_synthetic_machines(void)
{
  static const struct {
    const char *what, *machine;
    uint32_t packages, domains, cores, units, per_core, l3;
  } rows[] = {
    {"two packages, four domains each", "pack:2 numa:4 l3:2 core:8 pu:2", 2, 8, 128, 256, 2, 16},
    {"no L3", "pack:2 numa:1 l2:4 core:1 pu:1", 2, 2, 8, 8, 1, 0},
    {"one core", "core:1 pu:1", 1, 1, 1, 1, 1, 0},
    {"4096 units", "pack:8 numa:4 l3:4 core:16 pu:2", 8, 32, 2048, 4096, 2, 128},
    {"no core objects: units count as cores", "numa:4 pu:2", 1, 4, 8, 8, 1, 0},
    {"no objects at all but units", "pu:8", 1, 1, 8, 8, 1, 0},
    {"four threads a core", "pack:1 core:3 pu:4", 1, 1, 3, 12, 4, 0},
    {"a memory node behind all packages", "[numa(memory=1TB)] pack:2 [numa(memory=64GB)] core:4 pu:1", 2, 3, 8, 8, 1, 0},
    {"fast and slow memory beside each other", "group:4 [numa(memory=24GB)] [numa(memory=4GB)] core:4 pu:4", 1, 8, 16, 64, 4, 0},
    {"numbers of units interleaved", "core:4 pu:2(indexes=0,4,1,5,2,6,3,7)", 1, 1, 4, 8, 2, 0},
  };

  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    struct amz_diags diags;
    struct amz_error err;
    struct amz_node n;

    CU_ASSERT_FATAL(look_at(rows[i].machine, NULL, NULL, &diags, &err, &n) == AMZ_OK);
    ASSERT_ROW_U64(rows[i].what, n.packages, rows[i].packages);
    ASSERT_ROW_U64(rows[i].what, n.n_domains, rows[i].domains);
    ASSERT_ROW_U64(rows[i].what, n.cores, rows[i].cores);
    ASSERT_ROW_U64(rows[i].what, n.units, rows[i].units);
    ASSERT_ROW_U64(rows[i].what, n.units_per_core, rows[i].per_core);
    ASSERT_ROW_U64(rows[i].what, caches_of(&n, 3), rows[i].l3);
    ASSERT_ROW_U64(rows[i].what, n.allowed_cores, rows[i].cores);
    ASSERT_ROW_TEXT(rows[i].what, n.topology, rows[i].machine);
    ASSERT_ROW_U64(rows[i].what, n.n_kinds, 1);
    CU_ASSERT(!n.this_machine && diags.count == 0);
    check_profile(rows[i].what, &n);
    amz_node_clear(&n);
    amz_diags_clear(&diags);
  }
}

/* ---- machines that no synthetic description can tell: made with hwloc, altered, written as XML ------------------------- */

static void leave_out(hwloc_topology_t t, unsigned first, int last)
{
  hwloc_bitmap_t rest = hwloc_bitmap_dup(hwloc_topology_get_topology_cpuset(t));

  CU_ASSERT_FATAL(rest && hwloc_bitmap_clr_range(rest, first, last) == 0);
  CU_ASSERT_FATAL(hwloc_topology_restrict(t, rest, HWLOC_RESTRICT_FLAG_REMOVE_CPULESS) == 0);
  hwloc_bitmap_free(rest);
}

static void leave_out_none(hwloc_topology_t t)
{
  (void)t;
}

/* The upper half of the second L3's cores: 8 and 4 cores remain. */
static void cut_second_l3(hwloc_topology_t t)
{
  leave_out(t, 12, 15);
}

/* One thread of the first core. */
static void cut_first_thread(hwloc_topology_t t)
{
  leave_out(t, 0, 0);
}

static void halve_second_l3(hwloc_topology_t t)
{
  hwloc_get_obj_by_type(t, HWLOC_OBJ_L3CACHE, 1)->attr->cache.size /= 2;
}

static void take_memory_from_second(hwloc_topology_t t)
{
  hwloc_get_obj_by_type(t, HWLOC_OBJ_NUMANODE, 1)->attr->numanode.local_memory = 0;
}

static void quarter_second_memory(hwloc_topology_t t)
{
  hwloc_get_obj_by_type(t, HWLOC_OBJ_NUMANODE, 1)->attr->numanode.local_memory /= 4;
}

/* Cores 0–7 (two threads each) fast, 8–15 slow; hwloc ranks the slow ones first. */
static void make_hybrid(hwloc_topology_t t)
{
#if HWLOC_API_VERSION >= 0x00020400
  hwloc_bitmap_t units = hwloc_bitmap_alloc();
  struct hwloc_info_s fast = {(char *)(uintptr_t)"CoreType", (char *)(uintptr_t)"IntelCore"};
  struct hwloc_info_s slow = {(char *)(uintptr_t)"CoreType", (char *)(uintptr_t)"IntelAtom"};

  CU_ASSERT_FATAL(units && hwloc_bitmap_set_range(units, 0, 7) == 0 && hwloc_cpukinds_register(t, units, 2, 1, &fast, 0) == 0);
  hwloc_bitmap_zero(units);
  CU_ASSERT_FATAL(hwloc_bitmap_set_range(units, 8, 15) == 0 && hwloc_cpukinds_register(t, units, 1, 1, &slow, 0) == 0);
  hwloc_bitmap_free(units);
#else
  (void)t;
#endif
}

static void write_xml(const char *machine, void (*alter)(hwloc_topology_t), char *path)
{
  hwloc_topology_t t;
  int fd = mkstemp(path);

  CU_ASSERT_FATAL(fd >= 0 && close(fd) == 0);
  CU_ASSERT_FATAL(hwloc_topology_init(&t) == 0 && hwloc_topology_set_synthetic(t, machine) == 0 && hwloc_topology_load(t) == 0);
  alter(t);
  CU_ASSERT_FATAL(hwloc_topology_export_xml(t, path, 0) == 0);
  hwloc_topology_destroy(t);
}

static void look_at_altered(const char *machine, void (*alter)(hwloc_topology_t), struct amz_node *ret)
{
  char path[] = "/tmp/amorsize-topology.XXXXXX";
  struct amz_diags diags;
  struct amz_error err;

  write_xml(machine, alter, path);
  CU_ASSERT(look_at(path, NULL, NULL, &diags, &err, ret) == AMZ_OK);
  CU_ASSERT(unlink(path) == 0);
  ASSERT_TEXT(ret->topology, path);
  check_profile(machine, ret);
  amz_diags_clear(&diags);
}

static void knows_uneven_machines(void)
{
  struct amz_node n;

  look_at_altered("l3:2(size=16MB) core:8 pu:1", cut_second_l3, &n);
  ASSERT_U64(n.cores, 12);
  CU_ASSERT_FATAL(caches_of(&n, 3) == 2 && n.caches[n.n_caches - 1].level == 3);
  ASSERT_U64(n.caches[n.n_caches - 2].shared_cores, 4); /* of the same size: by cores */
  ASSERT_U64(n.caches[n.n_caches - 1].shared_cores, 8);
  ASSERT_TEXT(n.caches[n.n_caches - 2].cores, "8-11");
  ASSERT_TEXT(n.caches[n.n_caches - 1].cores, "0-7");
  amz_node_clear(&n);

  look_at_altered("l3:2(size=16777216) core:8 pu:1", halve_second_l3, &n);
  CU_ASSERT_FATAL(caches_of(&n, 3) == 2);
  ASSERT_U64(n.caches[n.n_caches - 2].bytes, 8 * 1024 * 1024); /* by size */
  ASSERT_U64(n.caches[n.n_caches - 1].bytes, 16 * 1024 * 1024);
  amz_node_clear(&n);

  look_at_altered("core:2 pu:2", cut_first_thread, &n);
  CU_ASSERT(n.cores == 2 && n.units == 3 && n.units_per_core == 2 && n.core[0].n_units == 1 && n.core[1].n_units == 2 &&
            n.unit[0] == 1);
  amz_node_clear(&n);

  look_at_altered("numa:2(memory=64GB) core:4 pu:1", quarter_second_memory, &n);
  ASSERT_U64(n.domains[0].memory_bytes, UINT64_C(64000000000));
  ASSERT_U64(n.domains[1].memory_bytes, UINT64_C(16000000000));
  ASSERT_U64(n.memory_bytes, UINT64_C(80000000000));
  CU_ASSERT(n.domains[0].cores == 4 && n.domains[1].cores == 4);
  amz_node_clear(&n);
}

static void gives_cores_the_domain_with_memory(void)
{
  struct amz_node n;
  struct amz_diags diags;
  struct amz_error err;

  look_at_altered("pack:1 numa:2(memory=64GB) core:4 pu:1", take_memory_from_second, &n);
  CU_ASSERT(n.n_domains == 2 && n.domains[0].cores == 8 && n.domains[1].cores == 0);
  amz_node_clear(&n);

  CU_ASSERT_FATAL(look_at("[numa(memory=1TB)] pack:2 [numa(memory=64GB)] core:4 pu:1", NULL, NULL, &diags, &err, &n) == AMZ_OK);
  for (size_t i = 0; i < n.n_domains; i++) /* the large one is memory only, the cores' own are nearer */
    ASSERT_U64(n.domains[i].cores, n.domains[i].memory_bytes < UINT64_C(100) << 30 ? 4 : 0);
  amz_node_clear(&n);
  amz_diags_clear(&diags);

  CU_ASSERT_FATAL(look_at("group:4 [numa(memory=24GB)] [numa(memory=4GB)] core:4 pu:4", NULL, NULL, &diags, &err, &n) == AMZ_OK);
  for (size_t i = 0; i < n.n_domains; i++) /* of two equally near, the first */
    ASSERT_U64(n.domains[i].cores, n.domains[i].memory_bytes > UINT64_C(10000000000) ? 4 : 0);
  amz_node_clear(&n);
  amz_diags_clear(&diags);
}

static void knows_kinds_of_cores(void)
{
#if HWLOC_API_VERSION >= 0x00020400
  struct amz_node n;

  look_at_altered("core:12 pu:1", leave_out_none, &n);
  CU_ASSERT(n.n_kinds == 1 && n.kinds[0].cores == 12 && n.kinds[0].efficiency == -1 && n.kinds[0].name[0] == '\0');
  amz_node_clear(&n);

  look_at_altered("core:8 pu:2", make_hybrid, &n);
  CU_ASSERT_FATAL(n.n_kinds == 2);
  ASSERT_TEXT(n.kinds[0].name, "CoreType=IntelAtom");
  ASSERT_TEXT(n.kinds[1].name, "CoreType=IntelCore");
  CU_ASSERT(n.kinds[0].cores == 4 && n.kinds[1].cores == 4 && n.kinds[0].efficiency < n.kinds[1].efficiency);
  CU_ASSERT(n.core[0].kind == 1 && n.core[7].kind == 0);
  amz_node_clear(&n);

  look_at_altered("core:10 pu:2", make_hybrid, &n); /* four cores of which nobody tells anything */
  CU_ASSERT(n.n_kinds == 3 && n.kinds[2].cores == 2 && n.kinds[2].name[0] == '\0' && n.core[9].kind == 2);
  amz_node_clear(&n);
#else
  amz_test_skip("this hwloc knows no kinds of cores (2.4 does)");
#endif
}

/* ---- descriptions that can't be used ---------------------------------------------------------------------------------- */

static void refuses_what_is_no_topology(void)
{
  static const struct {
    const char *topology;
    struct pair variables[2];
    const char *says;
  } rows[] = {
    {"no/such/file.xml", {{NULL, NULL}}, "there is no file no/such/file.xml"},
    {"lost.xml", {{NULL, NULL}}, "there is no file lost.xml"},
    {"core:", {{NULL, NULL}}, "--topology"},
    {"", {{NULL, NULL}}, "--topology"},
    {"core:0 pu:1", {{NULL, NULL}}, "--topology"},
    {"/dev/null", {{NULL, NULL}}, "/dev/null"},
    {NULL, {{"HWLOC_SYNTHETIC", "cores 12"}, {NULL, NULL}}, "HWLOC_SYNTHETIC"},
    {NULL, {{"HWLOC_XMLFILE", "/no/such"}, {NULL, NULL}}, "HWLOC_XMLFILE"},
  };

  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    struct amz_diags diags;
    struct amz_error err = {0};
    struct amz_node n;
    int rc = look_at(rows[i].topology, NULL, rows[i].variables, &diags, &err, &n);

    CU_ASSERT(rc == AMZ_EINVAL || rc == AMZ_EENV);
    if (!strstr(err.text, rows[i].says))
      ASSERT_ROW_TEXT(rows[i].says, err.text, rows[i].says);
    amz_diags_clear(&diags);
  }
}

static void hand_made(const char *file, char *path, size_t size)
{
  const char *source = getenv("top_srcdir");

  (void)snprintf(path, size, "%s/tests/data/topologies/%s", source ? source : ".", file);
}

static void look_at_spoilt(const char *what, const char *topology, const struct pair *variables, const char *spoilt)
{
  struct amz_diags diags;
  struct amz_error err = {0};
  struct amz_node node;
  int rc = look_at(topology, NULL, variables, &diags, &err, &node);

  if (rc == AMZ_OK) {
    check_profile(what, &node);
    amz_node_clear(&node);
  } else {
    ASSERT_ROW_I64(what, rc, AMZ_EINVAL);
    CU_ASSERT(strstr(err.text, spoilt) != NULL && strstr(err.text, topology ? "--topology" : "HWLOC_XMLFILE") != NULL);
  }
  amz_diags_clear(&diags);
}

/* hwloc 2.9 crashes at the first, and finds nothing to show in the second. */
static void survives_files_that_hwloc_does_not(void)
{
  static const struct {
    const char *what, *from, *to;
  } rows[] = {
    {"a unit whose complete set has another name", "complete_cpuset=\"0x00000002\"", "complete_cpu0xset=\"0x00000002\""},
    {"no unit at all", "type=\"PU\"", "type=\"Misc\""},
    {"cut off", "</topology>", ""},
    {"sets that don't fit", "cpuset=\"0x00000002\"", "cpuset=\"0xffffffff,0xffffffff\""},
  };
  static char text[65536];
  char path[4096], spoilt[] = "/tmp/amorsize-topology.XXXXXX";
  int fd = mkstemp(spoilt);
  size_t n = 0;
  FILE *f;

  CU_ASSERT_FATAL(fd >= 0 && close(fd) == 0);
  hand_made("no-core-objects.xml", path, sizeof path);
  f = fopen(path, "r");
  CU_ASSERT_FATAL(f != NULL && (n = fread(text, 1, sizeof text - 1, f)) > 0 && fclose(f) == 0);
  text[n] = '\0';
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    const struct pair named[] = {{"HWLOC_XMLFILE", spoilt}, {NULL, NULL}};
    const char *rest = text, *at;

    f = fopen(spoilt, "w");
    CU_ASSERT_FATAL(f != NULL && strstr(text, rows[i].from) != NULL);
    for (; (at = strstr(rest, rows[i].from)); rest = at + strlen(rows[i].from))
      CU_ASSERT_FATAL(fprintf(f, "%.*s%s", (int)(at - rest), rest, rows[i].to) >= 0);
    CU_ASSERT_FATAL(fputs(rest, f) >= 0 && fclose(f) == 0);
    look_at_spoilt(rows[i].what, spoilt, NULL, spoilt);
    look_at_spoilt(rows[i].what, NULL, named, spoilt);
  }
  CU_ASSERT(unlink(spoilt) == 0);
}

static void takes_descriptions_from_variables(void)
{
  static const struct pair synthetic[] = {{"HWLOC_SYNTHETIC", "core:7 pu:1"}, {NULL, NULL}};
  struct amz_diags diags;
  struct amz_error err;
  struct amz_node n;

  CU_ASSERT_FATAL(look_at(NULL, NULL, synthetic, &diags, &err, &n) == AMZ_OK);
  CU_ASSERT(n.cores == 7 && !n.this_machine);
  amz_node_clear(&n);
  CU_ASSERT_FATAL(look_at("core:3 pu:1", NULL, synthetic, &diags, &err, &n) == AMZ_OK); /* what is asked for outright wins */
  ASSERT_U64(n.cores, 3);
  amz_node_clear(&n);
  amz_diags_clear(&diags);
}

/* A rank of a launch, which isn't forked, finds the same in it. */
static void takes_files_from_variables(void)
{
  static const char *const rank[] = {NULL, "PMIX_RANK", "PMI_RANK", "OMPI_COMM_WORLD_RANK"};
  char path[4096];

  hand_made("two-packages-four-gpus.xml", path, sizeof path);
  for (size_t i = 0; i < sizeof rank / sizeof *rank; i++) {
    const struct pair variables[] = {{"HWLOC_XMLFILE", path}, {rank[i], "0"}, {NULL, NULL}};
    struct amz_diags diags;
    struct amz_error err = {0};
    struct amz_node n;

    CU_ASSERT_FATAL(look_at(NULL, NULL, variables, &diags, &err, &n) == AMZ_OK);
    ASSERT_U64(n.packages, 2);
    ASSERT_U64(n.n_gpus, 4);
    ASSERT_TEXT(n.topology, path);
    CU_ASSERT(!n.this_machine);
    amz_node_clear(&n);
    amz_diags_clear(&diags);
  }
}

/* ---- this machine ----------------------------------------------------------------------------------------------------- */

static void looks_at_this_machine(void)
{
  struct amz_diags diags;
  struct amz_error err;
  struct amz_node n;
  cpu_set_t all, one;
  size_t first = 0;

  CU_ASSERT_FATAL(look_at(NULL, NULL, NULL, &diags, &err, &n) == AMZ_OK);
  CU_ASSERT(n.this_machine && n.host[0] && n.kernel[0] && n.machine[0] && n.memory_bytes > 0 && n.allowed_memory_bytes > 0);
  ASSERT_TEXT(n.topology, "this machine");
  check_profile("this machine", &n);
  amz_node_clear(&n);
  amz_diags_clear(&diags);

  CU_ASSERT_FATAL(sched_getaffinity(0, sizeof all, &all) == 0);
  while (!CPU_ISSET(first, &all))
    first++;
  CPU_ZERO(&one);
  CPU_SET(first, &one);
  CU_ASSERT_FATAL(sched_setaffinity(0, sizeof one, &one) == 0);
  CU_ASSERT(look_at(NULL, NULL, NULL, &diags, &err, &n) == AMZ_OK);
  CU_ASSERT(sched_setaffinity(0, sizeof all, &all) == 0);
  ASSERT_U64(n.allowed_cores, 1);
  if (n.cores > 1) {
    for (size_t i = 0; i < n.n_limits; i++)
      if (n.limits[i].active && n.limits[i].kind == AMZ_LIMIT_CORES && n.limits[i].value == 1)
        CU_ASSERT(strcmp(n.limits[i].source, "affinity mask") == 0 || strstr(n.limits[i].source, "cgroup"));
  }
  check_profile("this machine, one unit", &n);
  amz_node_clear(&n);
  amz_diags_clear(&diags);
}

/* ---- machines of others ----------------------------------------------------------------------------------------------- */

/* From `hwloc-calc -N core all` and the NUMA nodes that lstopo shows of these files; what isn't listed is checked by
 * invariants alone. */
static const struct known_file {
  const char *file;
  uint32_t cores, units, domains;
} known_files[] = {
  {"16amd64-8n2c-cpusets.xml", 10, 10, 5}, /* two of them have memory that is allowed, and no allowed unit */
  {"16em64t-4s2c2t-offlines.xml", 6, 7, 1},
  {"24em64t-2n6c2t-pci.xml", 12, 24, 2},
  {"192em64t-12gr2n8c2t.xml", 192, 384, 24},
  {"64intel64-fakeKNL-SNC4-hybrid.xml", 16, 64, 8},
  {"8ia64-2n2s2c+1n.v1tov2.xml", 8, 8, 3},
  {"power8gpudistances.xml", 8, 16, 2},
  {"fakecpukinds.xml", 2, 4, 1},
  {"two-packages-four-gpus.xml", 8, 16, 2}, /* those of tests/data */
  {"hybrid-cores.xml", 6, 8, 1},
  {"memory-only-domain.xml", 8, 8, 3},
  {"uneven-caches.xml", 6, 6, 1},
  {"no-core-objects.xml", 4, 4, 2},
  {"uneven-domains.xml", 8, 8, 2},
};

static void check_known(const char *file, const struct amz_node *n)
{
  for (size_t i = 0; i < sizeof known_files / sizeof *known_files; i++) {
    const struct known_file *k = &known_files[i];

    if (strcmp(k->file, file) != 0)
      continue;
    ASSERT_ROW_U64(file, n->cores, k->cores);
    ASSERT_ROW_U64(file, n->units, k->units);
    if (k->domains)
      ASSERT_ROW_U64(file, n->n_domains, k->domains);
  }
}

static bool is_directory(const char *path)
{
  struct stat st;

  return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

/* Every XML file of a folder. \return how many there are. */
static unsigned load_all(const char *directory)
{
  unsigned loaded = 0;
  struct dirent *entry;
  DIR *dir = opendir(directory);
  char path[8192];

  CU_ASSERT_FATAL(dir != NULL);
  while ((entry = readdir(dir))) {
    struct amz_diags diags;
    struct amz_error err = {0};
    struct amz_node n;
    size_t len = strlen(entry->d_name);

    if (len < 5 || strcmp(entry->d_name + len - 4, ".xml") != 0)
      continue;
    (void)snprintf(path, sizeof path, "%s/%s", directory, entry->d_name);
    if (look_at(path, NULL, NULL, &diags, &err, &n) < 0) {
      ASSERT_ROW_TEXT(entry->d_name, err.text, "loads");
      continue;
    }
    check_profile(entry->d_name, &n);
    check_known(entry->d_name, &n);
    amz_node_clear(&n);
    amz_diags_clear(&diags);
    loaded++;
  }
  CU_ASSERT(closedir(dir) == 0);
  return loaded;
}

/* ---- machines made by hand -------------------------------------------------------------------------------------------- */

static void loads_machines_made_by_hand(void)
{
  char path[4096];

  hand_made("", path, sizeof path);
  ASSERT_U64(load_all(path), 6);
}

static void look_at_hand_made(const char *file, struct amz_node *ret)
{
  struct amz_error err = {0};
  struct amz_diags diags;
  char path[4096];

  hand_made(file, path, sizeof path);
  CU_ASSERT_FATAL(look_at(path, NULL, NULL, &diags, &err, ret) == AMZ_OK);
  ASSERT_U64(diags.warnings, 0);
  amz_diags_clear(&diags);
}

static void knows_caches_that_differ(void)
{
  struct amz_node n;
  uint32_t found = 0;

  look_at_hand_made("uneven-caches.xml", &n);
  for (size_t i = 0; i < n.n_caches; i++)
    if (n.caches[i].level == 3) {
      ASSERT_U64(n.caches[i].count, 1);
      ASSERT_U64(n.caches[i].bytes, n.caches[i].shared_cores == 4 ? 32 << 20 : 16 << 20);
      found += n.caches[i].shared_cores;
    }
  ASSERT_U64(found, 6);
  amz_node_clear(&n);
}

static void knows_who_shares_caches(void)
{
  static const struct {
    const char *machine;
    uint32_t level;
    const char *cores;
  } rows[] = {
    {"pack:2 numa:2 l3:2 core:3 pu:2", 3, "0-2 3-5 6-8 9-11 12-14 15-17 18-20 21-23"},
    {"pack:1 l3:1 l2:4 core:2 pu:1", 3, "0-7"},
    {"pack:1 l3:1 l2:4 core:2 pu:1", 2, "0-1 2-3 4-5 6-7"},
    {"pack:1 l3:2 l2:4 core:1 pu:2", 2, ""},
    {"l2:2 core:2 pu:2(indexes=0,4,1,5,2,6,3,7)", 2, "0-1 2-3"},
  };
  struct amz_diags diags;
  struct amz_error err;
  struct amz_node n;

  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    CU_ASSERT_FATAL(look_at(rows[i].machine, NULL, NULL, &diags, &err, &n) == AMZ_OK);
    for (size_t k = 0; k < n.n_caches; k++)
      if (n.caches[k].level == rows[i].level)
        ASSERT_ROW_TEXT(rows[i].machine, n.caches[k].cores, rows[i].cores);
    amz_node_clear(&n);
    amz_diags_clear(&diags);
  }
  CU_ASSERT_FATAL(look_at("l2:2048 core:2 pu:1", NULL, NULL, &diags, &err, &n) == AMZ_OK); /* more than a text may have */
  CU_ASSERT_FATAL(n.n_caches == 1);
  CU_ASSERT(strncmp(n.caches[0].cores, "0-1 2-3 4-5", 11) == 0 && strlen(n.caches[0].cores) < 4096);
  ASSERT_TEXT(n.caches[0].cores + strlen(n.caches[0].cores) - 4, " …");
  amz_node_clear(&n);
  amz_diags_clear(&diags);
}

static void knows_hybrid_cores(void)
{
  struct amz_node n;

  look_at_hand_made("hybrid-cores.xml", &n);
  CU_ASSERT_FATAL(n.n_kinds == 2);
  ASSERT_U64(n.kinds[0].cores, 4); /* slow ones first */
  ASSERT_U64(n.kinds[1].cores, 2);
  CU_ASSERT(strstr(n.kinds[0].name, "IntelAtom") && strstr(n.kinds[1].name, "IntelCore") &&
            n.kinds[0].efficiency < n.kinds[1].efficiency);
  ASSERT_U64(n.core[0].kind, 1);
  ASSERT_U64(n.core[5].kind, 0);
  ASSERT_U64(n.units_per_core, 2);
  amz_node_clear(&n);
}

static void memory_may_be_no_cores_own(void)
{
  struct amz_node n;
  uint64_t without = 0;

  look_at_hand_made("memory-only-domain.xml", &n);
  CU_ASSERT_FATAL(n.n_domains == 3);
  for (size_t i = 0; i < n.n_domains; i++)
    without += n.domains[i].cores ? 0 : n.domains[i].memory_bytes;
  ASSERT_U64(without, UINT64_C(256) << 30);
  amz_node_clear(&n);
  look_at_hand_made("uneven-domains.xml", &n);
  for (uint32_t i = 0; i < n.cores; i++)
    CU_ASSERT(n.core[i].domain != AMZ_NO_DOMAIN && n.domains[n.core[i].domain].memory_bytes > 0);
  amz_node_clear(&n);
}

/* Two GPUs at each package, four slots of two cores: each slot has one of its own package. */
static void slots_get_the_gpus_of_their_package(void)
{
  static const uint32_t expected[] = {0, 1, 2, 3};
  uint32_t threads, gpus[4];
  struct amz_node n;

  look_at_hand_made("two-packages-four-gpus.xml", &n);
  CU_ASSERT_FATAL(n.n_gpus == 4);
  ASSERT_TEXT(n.gpus[3].id, "cuda3");
  ASSERT_TEXT(n.gpus[3].model, "Example GPU");
  for (uint32_t i = 0; i < 4; i++)
    ASSERT_U64(n.gpus[i].domain, i / 2);
  ASSERT_U64(amz_node_gpu_slots(&n, &threads), 4);
  ASSERT_U64(threads, 2);
  CU_ASSERT_FATAL(amz_node_gpus_of_slots(&n, 4, threads, 1, gpus) == AMZ_OK);
  CU_ASSERT(memcmp(gpus, expected, sizeof gpus) == 0);
  CU_ASSERT_FATAL(amz_node_gpus_of_slots(&n, 2, 4, 1, gpus) == AMZ_OK); /* two slots: one of each package */
  CU_ASSERT(gpus[0] == 0 && gpus[1] == 2);
  amz_node_clear(&n);
}

/* ---- those that the user has ------------------------------------------------------------------------------------------- */

/* The folder that is named, or the one beside the sources. \return whether there is one. */
static bool find_others(char *directory, size_t size)
{
  const char *named = getenv("AMZ_TOPOLOGY_DIR"), *source = getenv("top_srcdir");

  if (named)
    (void)snprintf(directory, size, "%s", named);
  else
    (void)snprintf(directory, size, "%s/../shared/topologies", source ? source : ".");
  return named || is_directory(directory);
}

static void loads_machines_of_others(void)
{
  char directory[4096];

  CU_ASSERT_FATAL(find_others(directory, sizeof directory));
  CU_ASSERT(load_all(directory) > 0);
}

int main(void)
{
  static const struct amz_test all[] = {
    {"counts synthetic machines", counts_synthetic_machines},
    {"knows uneven machines", knows_uneven_machines},
    {"gives cores the domain with memory", gives_cores_the_domain_with_memory},
    {"knows kinds of cores", knows_kinds_of_cores},
    {"refuses what is no topology", refuses_what_is_no_topology},
    {"survives files that hwloc does not", survives_files_that_hwloc_does_not},
    {"takes descriptions from variables", takes_descriptions_from_variables},
    {"takes files from variables", takes_files_from_variables},
    {"looks at this machine", looks_at_this_machine},
    {"loads machines made by hand", loads_machines_made_by_hand},
    {"knows caches that differ", knows_caches_that_differ},
    {"knows who shares caches", knows_who_shares_caches},
    {"knows hybrid cores", knows_hybrid_cores},
    {"memory may be no core's own", memory_may_be_no_cores_own},
    {"slots get the GPUs of their package", slots_get_the_gpus_of_their_package},
    {"loads machines of others", loads_machines_of_others}, /* the last: there is none without a folder of them */
    {NULL, NULL},
  };
  struct amz_test tests[sizeof all / sizeof *all];
  char directory[4096];

  memcpy(tests, all, sizeof all);
  if (!find_others(directory, sizeof directory))
    tests[sizeof all / sizeof *all - 2] = (struct amz_test){NULL, NULL};
  return amz_test_main("topology", tests, 0);
}
