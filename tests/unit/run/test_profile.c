/* Profiles and the cache: what the key depends on, what is taken back, and for how long. Time is a number that we give. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../../src/run/profile.h"
#include "../../support/tap.h"
#include "../node/injected.h"
#include "../store/scratch.h"

static const int64_t NOW = 1764000000;

static char *text(const char *s)
{
  char *copy = strdup(s);

  CU_ASSERT_FATAL(copy != NULL);
  return copy;
}

static void *array(size_t n, size_t size)
{
  void *items = calloc(n, size);

  CU_ASSERT_FATAL(items != NULL);
  return items;
}

/* Four cores in two domains, three of them ours: as it comes from looking. */
static struct amz_node looked(void)
{
  struct amz_node n = {.host = text("n1"), .cpu_model = text("Example 9000"), .kernel = text("6.1"), .machine = text("x86_64"),
    .hypervisor = text(""),
    .topology = text("this machine"), .bandwidth_method = text(""), .this_machine = true, .packages = 1, .cores = 4, .units = 4,
    .units_per_core = 1,
    .memory_bytes = 1 << 30, .allowed_cores = 3, .allowed_cpu = 3, .n_domains = 2, .n_caches = 1,
    .load = {-1, -1, -1, -1, -1, -1, -1}};

  n.core = array(4, sizeof *n.core);
  n.unit = array(4, sizeof *n.unit);
  n.domains = array(2, sizeof *n.domains);
  n.caches = array(1, sizeof *n.caches);
  for (uint32_t i = 0; i < 4; i++) {
    n.core[i] = (struct amz_node_core){.domain = i / 2, .first_unit = i, .n_units = 1, .allowed_units = i < 3};
    n.unit[i] = i;
  }
  n.domains[0] = (struct amz_node_domain){.cores = 2, .allowed_cores = 2};
  n.domains[1] = (struct amz_node_domain){.cores = 2, .allowed_cores = 1};
  n.caches[0] = (struct amz_node_cache){.level = 3, .bytes = 1 << 24, .count = 1, .shared_cores = 4};
  return n;
}

static struct amz_node measured(double gb)
{
  struct amz_node n = looked();

  n.bandwidth = array(1, sizeof *n.bandwidth);
  n.n_bandwidth = 1;
  n.bandwidth[0] = (struct amz_curve_point){AMZ_ALL_DOMAINS, 3, {.value = gb * 1e9, .low = gb * 1e9, .high = gb * 1e9, .n = 5,
    .source = AMZ_MEASURED}};
  n.costs.start_s = (struct amz_quantity){.value = 0.001, .low = 0.001, .high = 0.001, .n = 9, .source = AMZ_MEASURED};
  n.measured_at_s = NOW;
  return n;
}

static void change_kernel(struct amz_node *n) { n->kernel[0] = '7'; }
static void change_model(struct amz_node *n) { n->cpu_model[0] = 'X'; }
static void change_host(struct amz_node *n) { n->host[0] = 'X'; }
static void change_memory(struct amz_node *n) { n->allowed_memory_bytes = n->memory_bytes /= 2; }
static void change_load(struct amz_node *n) { n->load.cpu = 0.5; }
static void change_cache(struct amz_node *n) { n->caches[0].bytes *= 2; }
static void change_cpu(struct amz_node *n) { n->allowed_cpu = 1.5; }
static void change_domain(struct amz_node *n) { n->core[1].domain = 1; }
static void change_units(struct amz_node *n) { n->unit[0] = 99; }
static void change_nothing(struct amz_node *n) { (void)n; }
static void take_another_core(struct amz_node *n)
{
  n->core[0].allowed_units = 0; /* of the same domain's two, the other one is not ours */
  n->core[2].allowed_units = n->core[3].allowed_units = 1;
  n->domains[0].allowed_cores = 1;
  n->domains[1].allowed_cores = 2;
}
static void swap_cores_within_a_domain(struct amz_node *n)
{
  n->core[2].allowed_units = 0;
  n->core[3].allowed_units = 1;
}

static void keys_hold_what_measurements_depend_on(void)
{
  static const struct {
    const char *row;
    void (*change)(struct amz_node *n);
    bool same;
  } rows[] = {
    {"nothing", change_nothing, true},
    {"another host of the type", change_host, true},
    {"less memory", change_memory, true},
    {"load", change_load, true},
    {"other numbers of units", change_units, true},
    {"another core of the same domain", swap_cores_within_a_domain, true},
    {"cores of other domains", take_another_core, false},
    {"kernel", change_kernel, false},
    {"processor", change_model, false},
    {"cache size", change_cache, false},
    {"a quota of CPU time", change_cpu, false},
    {"cores in other domains", change_domain, false},
  };

  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    struct amz_node a = looked(), b = looked();
    struct amz_buf ka = AMZ_BUF_INIT, kb = AMZ_BUF_INIT;

    rows[i].change(&b);
    CU_ASSERT(amz_profile_key(&a, AMZ_EFFORT_DEFAULT, &ka) == AMZ_OK && amz_profile_key(&b, AMZ_EFFORT_DEFAULT, &kb) == AMZ_OK);
    ASSERT_ROW_U64(rows[i].row, strcmp(amz_buf_text(&ka), amz_buf_text(&kb)) == 0, rows[i].same);
    amz_buf_clear(&ka);
    amz_buf_clear(&kb);
    amz_node_clear(&a);
    amz_node_clear(&b);
  }
}

struct place {
  struct scratch scratch;
  struct amz_cache *cache;
};

static void place_make(struct place *p)
{
  struct pair variables[] = {{"AMORSIZE_CACHE_DIR", p->scratch.dir}, {NULL, NULL}};
  struct amz_environment env;

  CU_ASSERT_FATAL(scratch_make(&p->scratch));
  env = injected_environment(variables);
  CU_ASSERT_FATAL(amz_cache_open(&env, NULL, &p->cache) == AMZ_OK);
}

static void place_remove(struct place *p)
{
  amz_cache_free(p->cache);
  scratch_remove(&p->scratch);
}

static void keep(const struct place *p, enum amz_effort effort, double gb, double load)
{
  struct amz_node n = measured(gb);
  char id[AMZ_CACHE_ID];

  n.load.cpu = load;
  ASSERT_I64(amz_profile_keep(p->cache, effort, NOW, &n, id, NULL), AMZ_OK);
  amz_node_clear(&n);
}

/* The bandwidth that is recalled, in GB/s; 0: none; and whose effort. */
static int recalled(const struct place *p, enum amz_effort effort, int64_t now_s, const char **ret_effort)
{
  struct amz_node n = looked();
  struct amz_profile_source source = {.origin = {.from = AMZ_PROFILE_ASSUMED}};
  int rc = amz_profile_recall(p->cache, effort, now_s, &n, &source, NULL);
  int gb = rc == AMZ_OK ? (int)(n.bandwidth[0].value.value / 1e9 + 0.5) : 0;

  CU_ASSERT(rc == AMZ_OK || rc == AMZ_ENOENT);
  if (rc == AMZ_OK) {
    CU_ASSERT(source.origin.from == AMZ_PROFILE_CACHED && source.origin.age_s == now_s - NOW &&
              strlen(source.origin.cache_id) == 16);
    CU_ASSERT(n.costs.start_s.value == 0.001 && n.load.cpu == -1); /* measurements are taken back, the load is that of now */
    *ret_effort = source.origin.effort;
  }
  amz_node_clear(&n);
  return gb;
}

static void measurements_are_recalled(void)
{
  struct place p;
  const char *effort = "";

  place_make(&p);
  ASSERT_I64(recalled(&p, AMZ_EFFORT_DEFAULT, NOW, &effort), 0);
  keep(&p, AMZ_EFFORT_DEFAULT, 10, 0.1);
  ASSERT_I64(recalled(&p, AMZ_EFFORT_DEFAULT, NOW + 5, &effort), 10);
  ASSERT_TEXT(effort, "default");
  ASSERT_I64(recalled(&p, AMZ_EFFORT_PRECISE, NOW + 5, &effort), 0);
  keep(&p, AMZ_EFFORT_PRECISE, 20, 0.1);
  ASSERT_I64(recalled(&p, AMZ_EFFORT_DEFAULT, NOW + 5, &effort), 20); /* precise ones serve all */
  ASSERT_TEXT(effort, "precise");
  place_remove(&p);
}

static void measurements_have_their_time(void)
{
  static const struct {
    const char *row;
    double load;
    int64_t age_s;
    int gb;
  } rows[] = {
    {"a quiet node: a week", 0.2, 7 * 86400 - 1, 10},
    {"a quiet node: a week has gone", 0.2, 7 * 86400, 0},
    {"a busy node: an hour", 0.9, 3599, 10},
    {"a busy node: an hour has gone", 0.9, 3600, 0},
    {"load unknown: a week", -1, 7 * 86400 - 1, 10},
  };

  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    struct place p;
    const char *effort;

    place_make(&p);
    keep(&p, AMZ_EFFORT_DEFAULT, 10, rows[i].load);
    ASSERT_ROW_I64(rows[i].row, recalled(&p, AMZ_EFFORT_DEFAULT, NOW + rows[i].age_s, &effort), rows[i].gb);
    place_remove(&p);
  }
}

/* Whatever stands under the key: a profile of another shape, or none at all, is not taken. */
static void strange_entries_are_not_taken(void)
{
  static const char *const values[] = {"", "{}", "[1]", "{\"cores\": 4}"};
  struct amz_node n = looked();
  struct amz_buf key = AMZ_BUF_INIT;
  struct place p;
  const char *effort;

  CU_ASSERT_FATAL(amz_profile_key(&n, AMZ_EFFORT_DEFAULT, &key) == AMZ_OK);
  place_make(&p);
  for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
    struct amz_cache_entry e = {.kind = AMZ_PROFILE_KIND, .key = amz_buf_text(&key), .label = "", .made_s = NOW};

    ASSERT_I64(amz_cache_put(p.cache, &e, values[i], strlen(values[i]), NULL), AMZ_OK);
    ASSERT_ROW_I64(values[i], recalled(&p, AMZ_EFFORT_DEFAULT, NOW, &effort), 0);
  }
  place_remove(&p);
  amz_buf_clear(&key);
  amz_node_clear(&n);
}

int main(void)
{
  static const struct amz_test tests[] = {
    {"keys hold what measurements depend on", keys_hold_what_measurements_depend_on},
    {"measurements are recalled", measurements_are_recalled},
    {"measurements have their time", measurements_have_their_time},
    {"strange entries are not taken", strange_entries_are_not_taken},
    {NULL, NULL}};

  return amz_test_main("profiles and the cache", tests, 0);
}
