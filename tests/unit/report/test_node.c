/* A node's profile as JSON and back, and as text: a profile written by hand, what is refused, and that nothing is lost on the
 * way. */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <amorsize/profile.h>

#include "../../support/tap.h"

/* Two domains, the second without cores; two kinds of cores; limits of all kinds. Written by hand. */
static const char by_hand[] =
  "{\"profile\": 1, \"host\": \"n1\", \"cpu_model\": \"Example 9000\", \"kernel\": \"6.1.0\", \"machine\": \"x86_64\", "
  "\"hypervisor\": \"kvm\",\n"
  " \"topology\": \"this machine\", \"this_machine\": true, \"measured_at_s\": 1764000000,\n"
  " \"packages\": 1, \"cores\": 3, \"units\": 5, \"units_per_core\": 2, \"units_share_cores\": false, \"memory_bytes\": "
  "17179869184,\n"
  " \"allowed_cores\": 2, \"allowed_cpu\": 1.5, \"allowed_memory_bytes\": 8589934592,\n"
  " \"limits\": [\n"
  "  {\"kind\": \"cores\", \"value\": 3.0, \"source\": \"this machine\", \"active\": false},\n"
  "  {\"kind\": \"cores\", \"value\": 2.0, \"source\": \"affinity mask\", \"active\": true},\n"
  "  {\"kind\": \"cpu\", \"value\": 1.5, \"source\": \"cgroup /job_12 cpu.max\", \"active\": true},\n"
  "  {\"kind\": \"memory\", \"value\": 8589934592.0, \"source\": \"SLURM_MEM_PER_NODE\", \"active\": true}],\n"
  " \"numa_domains\": 2, \"domains\": [\n"
  "  {\"os_index\": 0, \"cores\": 3, \"allowed_cores\": 2, \"memory_bytes\": 12884901888},\n"
  "  {\"os_index\": 4, \"cores\": 0, \"memory_bytes\": 4294967296}],\n"
  " \"kinds\": [{\"name\": \"CoreType=IntelAtom\", \"efficiency\": 0, \"cores\": 1, \"allowed_cores\": 0},\n"
  "  {\"name\": \"CoreType=IntelCore\", \"efficiency\": 1, \"cores\": 2, \"allowed_cores\": 2}],\n"
  " \"caches\": [{\"level\": 1, \"bytes\": 32768, \"line_bytes\": 64, \"count\": 3, \"shared_cores\": 1},\n"
  "  {\"level\": 3, \"bytes\": 16777216, \"line_bytes\": 64, \"count\": 1, \"shared_cores\": 3}],\n"
  " \"gpus\": [{\"id\": \"0\", \"model\": \"Example GPU\", \"domain\": 0, \"usable\": true}, {\"id\": \"1\", \"domain\": "
  "null}],\n"
  " \"bandwidth_method\": \"non-temporal stores: 24 bytes an element\",\n"
  " \"bandwidth\": [\n"
  "  {\"domain\": \"all\", \"cores\": 1, \"bytes_per_s\": {\"value\": 12.5e9, \"low\": 12e9, \"high\": 12.5e9, \"n\": 7, "
  "\"source\": \"measured\"}},\n"
  "  {\"domain\": \"all\", \"cores\": 2, \"bytes_per_s\": {\"value\": 20e9, \"source\": \"assumed\"}},\n"
  "  {\"domain\": 0, \"cores\": 2, \"bytes_per_s\": {\"value\": 20e9, \"n\": 7, \"source\": \"measured\"}}],\n"
  " \"saturation_cores\": {\"value\": 2, \"source\": \"measured\"},\n"
  " \"slowdown\": [{\"domain\": \"all\", \"cores\": 2, \"factor\": {\"value\": 1.25, \"low\": 1.2, \"high\": 1.3, \"n\": 5, "
  "\"source\": \"measured\"}}],\n"
  " \"latency\": [{\"bytes\": 16384, \"level\": 1, \"seconds\": {\"value\": 1.25e-9, \"n\": 5, \"source\": \"measured\"}},\n"
  "  {\"bytes\": 1073741824, \"seconds\": {\"value\": 9.5e-8, \"low\": 9e-8, \"high\": 1e-7, \"n\": 5, \"source\": "
  "\"measured\"}}],\n"
  " \"costs\": {\"start_s\": {\"value\": 0.001, \"low\": 0.00095, \"high\": 0.0011, \"n\": 200, \"source\": \"measured\"},\n"
  "  \"start_quartiles_s\": [0.0009, 0.0012],\n"
  "  \"launches\": [{\"ranks\": 2, \"seconds\": {\"value\": 0.5, \"n\": 3, \"source\": \"measured\"}}],\n"
  "  \"launch_base_s\": {\"value\": 0.4, \"low\": -0.1, \"high\": 0.9, \"source\": \"measured\"},\n"
  "  \"launch_per_rank_s\": {\"value\": 0.05, \"source\": \"measured\"},\n"
  "  \"message_inside\": {\"alpha_s\": {\"value\": 2.5e-7, \"n\": 1, \"source\": \"measured\"}, \"beta_s_per_byte\": {\"value\": "
  "1e-10, \"source\": \"measured\"}},\n"
  "  \"service_s\": {\"value\": 2e-6, \"source\": \"assumed\"}},\n"
  " \"load\": {\"cpu\": 0.25, \"memory\": 0.5, \"cpu_pressure\": null},\n"
  " \"findings\": [{\"level\": \"warning\", \"text\": \"CPU 3 is throttled\", \"advice\": \"cool it\"}, {\"level\": \"note\", "
  "\"text\": \"swap is off\"}],\n"
  " \"core\": [{\"domain\": 0, \"package\": 0, \"kind\": 0, \"first_unit\": 0, \"units\": 1, \"allowed_units\": 0},\n"
  "  {\"domain\": 0, \"package\": 0, \"kind\": 1, \"first_unit\": 1, \"units\": 2, \"allowed_units\": 2},\n"
  "  {\"domain\": null, \"package\": 0, \"kind\": 1, \"first_unit\": 3, \"units\": 2, \"allowed_units\": 1}],\n"
  " \"unit\": [4, 0, 2, 1, 3],\n"
  " \"something_new\": {\"left\": \"alone\"}}\n";

static struct amz_node parsed(const char *json)
{
  struct amz_node node = {0};
  struct amz_error err = {0};

  CU_ASSERT_FATAL(amz_profile_parse(json, strlen(json), &err, &node) == AMZ_OK);
  return node;
}

static void reads_what_was_written_by_hand(void)
{
  struct amz_node n = parsed(by_hand);

  ASSERT_TEXT(n.host, "n1");
  ASSERT_TEXT(n.hypervisor, "kvm");
  CU_ASSERT(n.this_machine && !n.units_share_cores);
  ASSERT_I64(n.measured_at_s, 1764000000);
  ASSERT_U64(n.cores, 3);
  ASSERT_U64(n.units, 5);
  ASSERT_U64(n.memory_bytes, UINT64_C(17179869184));
  ASSERT_U64(n.n_limits, 4);
  CU_ASSERT(n.limits[2].kind == AMZ_LIMIT_CPU && n.limits[2].value == 1.5 && n.limits[2].active && !n.limits[0].active);
  ASSERT_TEXT(n.limits[3].source, "SLURM_MEM_PER_NODE");
  ASSERT_U64(n.n_domains, 2);
  ASSERT_U64(n.domains[1].os_index, 4);
  ASSERT_I64(n.kinds[1].efficiency, 1);
  ASSERT_U64(n.caches[1].shared_cores, 3);
  ASSERT_U64(n.gpus[1].domain, AMZ_NO_DOMAIN);
  ASSERT_TEXT(n.gpus[1].model, "");
  ASSERT_U64(n.core[1].n_units, 2);
  ASSERT_U64(n.core[2].domain, AMZ_NO_DOMAIN);
  ASSERT_U64(n.unit[0], 4);
  amz_node_clear(&n);
}

static void reads_quantities_with_their_sources(void)
{
  struct amz_node n = parsed(by_hand);
  struct amz_quantity q = amz_node_bandwidth(&n, AMZ_ALL_DOMAINS, 1);

  CU_ASSERT(q.value == 12.5e9 && q.low == 12e9 && q.high == 12.5e9 && q.n == 7 && q.source == AMZ_MEASURED);
  q = n.bandwidth[1].value; /* no interval: both ends are the value */
  CU_ASSERT(q.value == 20e9 && q.low == 20e9 && q.high == 20e9 && q.n == 0 && q.source == AMZ_ASSUMED);
  CU_ASSERT(n.costs.launch_base_s.low == -0.1);
  CU_ASSERT(n.costs.start_quartiles_s[0] == 0.0009 && n.costs.start_quartiles_s[1] == 0.0012);
  CU_ASSERT(n.costs.start_shell_s.source == AMZ_UNKNOWN && n.remote_ratio.source == AMZ_UNKNOWN);
  CU_ASSERT(n.costs.inside.beta_s_per_byte.value == 1e-10);
  CU_ASSERT(n.load.cpu == 0.25 && n.load.swap == -1 && n.load.cpu_pressure == -1);
  CU_ASSERT(n.findings[0].level == AMZ_FINDING_WARNING);
  amz_node_clear(&n);
}

/* What is written for what was read holds the same values as the text that it was read from. */
static void nothing_is_lost_on_the_way(void)
{
  struct amz_node n = parsed(by_hand), again;
  struct amz_buf first = AMZ_BUF_INIT, second = AMZ_BUF_INIT;
  json_t *hand = json_loads(by_hand, 0, NULL), *written, *value, *sources;
  const char *key;

  CU_ASSERT(amz_profile_json(&n, NULL, &first) == AMZ_OK);
  again = parsed(amz_buf_text(&first));
  CU_ASSERT(amz_profile_json(&again, NULL, &second) == AMZ_OK);
  ASSERT_TEXT(amz_buf_text(&second), amz_buf_text(&first));
  written = json_loads(amz_buf_text(&first), 0, NULL);
  sources = json_object_get(hand, "limits");
  CU_ASSERT_FATAL(written && json_array_size(sources) == 4);
  json_object_foreach(hand, key, value) {
    json_t *w = json_object_get(written, key);

    if (json_is_object(value) || json_is_array(value)) /* may have got the keys that were left out by hand */
      CU_ASSERT(json_is_object(value) ? json_is_object(w) ||
                strcmp(key, "something_new") == 0 : json_array_size(value) == json_array_size(w))
    else
      CU_ASSERT(json_equal(value, w));
  }
  CU_ASSERT(json_equal(sources, json_object_get(written, "limits")));
  CU_ASSERT(json_equal(json_object_get(hand, "core"), json_object_get(written, "core")));
  CU_ASSERT(json_equal(json_object_get(hand, "unit"), json_object_get(written, "unit")));
  json_decref(hand);
  json_decref(written);
  amz_buf_clear(&first);
  amz_buf_clear(&second);
  amz_node_clear(&n);
  amz_node_clear(&again);
}

static void unknown_values_are_null(void)
{
  struct amz_node n = parsed(by_hand);
  struct amz_profile_origin origin = {.from = AMZ_PROFILE_CACHED, .age_s = 90, .cache_id = "abcd", .effort = "default"};
  struct amz_buf out = AMZ_BUF_INIT;
  json_t *o, *q;

  n.bandwidth[0].value.value = 1e308 * 10; /* infinite: JSON has none */
  CU_ASSERT(amz_profile_json(&n, &origin, &out) == AMZ_OK);
  o = json_loads(amz_buf_text(&out), 0, NULL);
  q = json_object_get(o, "remote_ratio");
  CU_ASSERT(json_is_null(json_object_get(q, "value")));
  ASSERT_TEXT(json_string_value(json_object_get(q, "source")), "unknown");
  CU_ASSERT(json_is_null(json_object_get(json_object_get(json_array_get(json_object_get(o, "bandwidth"), 0), "bytes_per_s"),
                                         "value")));
  CU_ASSERT(json_is_null(json_object_get(json_object_get(o, "load"), "swap")));
  ASSERT_TEXT(json_string_value(json_object_get(o, "from")), "cache");
  ASSERT_I64(json_integer_value(json_object_get(o, "age_s")), 90);
  json_decref(o);
  amz_buf_clear(&out);
  amz_node_clear(&n);
}

/* by_hand with one passage replaced. */
static char *altered(const char *from, const char *to)
{
  const char *at = strstr(by_hand, from);
  size_t n = sizeof by_hand + strlen(to);
  char *text = malloc(n);

  CU_ASSERT_FATAL(at != NULL && text != NULL);
  (void)snprintf(text, n, "%.*s%s%s", (int)(at - by_hand), by_hand, to, at + strlen(from));
  return text;
}

static void nonsense_is_refused_by_name(void)
{
  static const struct {
    const char *row, *from, *to, *error;
  } rows[] = {
    {"a needed number missing", "\"cores\": 3, \"units\"", "\"units\"", "cores is missing"},
    {"a number as text", "\"cores\": 3, \"units\"", "\"cores\": \"3\", \"units\"", "cores: expected a whole number, got a text"},
    {"a fraction of a core", "\"cores\": 3, \"units\"", "\"cores\": 3.5, \"units\"",
     "cores: expected a whole number, got a number"},
    {"negative", "\"packages\": 1", "\"packages\": -1", "packages: out of range, expected 0 to 4294967294"},
    {"larger than 32 bits", "\"packages\": 1", "\"packages\": 4294967296", "packages: out of range, expected 0 to 4294967294"},
    {"more cores than rows", "\"cores\": 3, \"units\"", "\"cores\": 4, \"units\"", "core: 3 of them, expected 4"},
    {"fewer units than cores claim", "\"unit\": [4, 0, 2, 1, 3]", "\"unit\": [4, 0, 2, 1]", "unit: 4 of them, expected 5"},
    {"a unit that is none", "\"unit\": [4,", "\"unit\": [true,", "unit[0]: expected a whole number, got true"},
    {"units beyond the end", "\"first_unit\": 3, \"units\": 2", "\"first_unit\": 4, \"units\": 2",
     "core[2].units: they aren't all in unit"},
    {"units that overflow", "\"first_unit\": 3, \"units\": 2", "\"first_unit\": 3, \"units\": 4294967294",
     "core[2].units: they aren't all in unit"},
    {"a domain that isn't there", "{\"domain\": 0, \"package\": 0, \"kind\": 1", "{\"domain\": 2, \"package\": 0, \"kind\": 1",
     "core[1].domain: there is no domain 2"},
    {"a kind that isn't there", "\"kind\": 1, \"first_unit\": 1", "\"kind\": 2, \"first_unit\": 1",
     "core[1].kind: there is no kind 2"},
    {"a package that isn't there", "\"package\": 0, \"kind\": 1, \"first_unit\": 1",
     "\"package\": 1, \"kind\": 1, \"first_unit\": 1", "core[1].package: there is no package 1"},
    {"more allowed than there is", "\"allowed_units\": 2", "\"allowed_units\": 3", "core[1].allowed_units: more than units"},
    {"more cores allowed than there are", "\"allowed_cores\": 2, \"allowed_cpu\"", "\"allowed_cores\": 4, \"allowed_cpu\"",
     "allowed_cores: more than cores"},
    {"domains with too many cores", "\"os_index\": 4, \"cores\": 0", "\"os_index\": 4, \"cores\": 9",
     "domains: they have 12 cores together, the node 3"},
    {"another number of domains", "\"numa_domains\": 2", "\"numa_domains\": 3", "numa_domains: 3, but 2 are described"},
    {"a limit of no kind", "\"kind\": \"cpu\"", "\"kind\": \"luck\"", "limits[2].kind: \"luck\" isn't known here"},
    {"a negative limit", "\"value\": 1.5, \"source\"", "\"value\": -1.5, \"source\"",
     "limits[2].value: out of range, expected a finite number, 0 or more"},
    {"a limit without source", "\"value\": 2.0, \"source\": \"affinity mask\"", "\"value\": 2.0", "limits[1].source is missing"},
    {"a curve beyond the node", "\"all\", \"cores\": 2, \"bytes_per_s\"", "\"all\", \"cores\": 4, \"bytes_per_s\"",
     "bandwidth[1].cores: out of range, expected 1 to 3"},
    {"a curve at no cores", "\"all\", \"cores\": 2, \"factor\"", "\"all\", \"cores\": 0, \"factor\"",
     "slowdown[0].cores: out of range, expected 1 to 3"},
    {"a curve of no domain", "{\"domain\": 0, \"cores\": 2", "{\"domain\": \"some\", \"cores\": 2",
     "bandwidth[2].domain: expected a whole number, got a text"},
    {"a curve of a missing domain", "{\"domain\": 0, \"cores\": 2", "{\"domain\": 7, \"cores\": 2",
     "bandwidth[2].domain: there is no domain 7"},
    {"a quantity that is a number", "\"saturation_cores\": {\"value\": 2, \"source\": \"measured\"}", "\"saturation_cores\": 2",
     "saturation_cores: expected an object with value and source, got a whole number"},
    {"a quantity without value", "{\"value\": 2, \"source\": \"measured\"}", "{\"source\": \"measured\"}",
     "saturation_cores.value is missing: expected a number"},
    {"a quantity without source", "{\"value\": 2, \"source\": \"measured\"}", "{\"value\": 2}",
     "saturation_cores.source is missing: expected a text"},
    {"a source that is none", "{\"value\": 2, \"source\": \"measured\"}", "{\"value\": 2, \"source\": \"heard\"}",
     "saturation_cores.source: \"heard\" is no source; measured, assumed, given … are"},
    {"an interval beside its value", "\"low\": 12e9", "\"low\": 13e9", "bandwidth[0].bytes_per_s: expected low <= value <= high"},
    {"an interval of texts", "\"low\": 12e9", "\"low\": \"12\"", "bandwidth[0].bytes_per_s.low: expected a number, got a text"},
    {"quartiles of one", "[0.0009, 0.0012]", "[0.0009]",
     "costs.start_quartiles_s: expected an array of two numbers, got an array"},
    {"a launch without ranks", "{\"ranks\": 2, ", "{", "costs.launches[0].ranks is missing"},
    {"rows that are none", "\"kinds\": [", "\"kinds\": [7, ", "kinds[0]: expected an object, got a whole number"},
    {"an object for rows", "\"findings\": [{\"level\": \"warning\"",
     "\"findings\": {\"level\": 1}, \"f\": [{\"level\": \"warning\"", "findings: expected an array, got an object"},
    {"a GPU nowhere", "\"model\": \"Example GPU\", \"domain\": 0", "\"model\": \"Example GPU\", \"domain\": 5",
     "gpus[0].domain: there is no domain 5"},
    {"a flag that is a number", "\"this_machine\": true", "\"this_machine\": 1",
     "this_machine: expected true or false, got a whole number"},
    {"a key twice", "\"host\": \"n1\"", "\"host\": \"n1\", \"host\": \"n2\"", "no JSON: "},
    {"cut off", "\"something_new\": {\"left\": \"alone\"}}", "", "no JSON: "},
  };

  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    char *text = altered(rows[i].from, rows[i].to);
    struct amz_node node = {.cores = 77};
    struct amz_error err = {0};

    ASSERT_ROW_I64(rows[i].row, amz_profile_parse(text, strlen(text), &err, &node), AMZ_EINVAL);
    if (strncmp(rows[i].error, "no JSON", 7) == 0)
      err.text[strlen(rows[i].error)] = '\0';
    ASSERT_ROW_TEXT(rows[i].row, err.text, rows[i].error);
    ASSERT_ROW_U64(rows[i].row, node.cores, 77); /* untouched */
    free(text);
  }
}

static void what_is_no_object_is_refused(void)
{
  static const char *const texts[] = {"", "[]", "3", "null", "{", "\"profile\"", "{}", "[[[[[[[["};

  for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
    struct amz_node node = {0};

    ASSERT_ROW_I64(texts[i], amz_profile_parse(texts[i], strlen(texts[i]), NULL, &node), AMZ_EINVAL);
  }
}

/* A profile cut at each length, and with each byte changed, is taken or refused, never more than that (sanitizers watch). */
static void damage_is_survived(void)
{
  char *text = strdup(by_hand);
  size_t n = strlen(by_hand), taken = 0;

  CU_ASSERT_FATAL(text != NULL);
  for (size_t i = 0; i < n; i++) {
    struct amz_node node = {0};
    int rc = amz_profile_parse(by_hand, i, NULL, &node);

    CU_ASSERT(rc == AMZ_EINVAL || i >= n - 1); /* the last byte is a newline */
    amz_node_clear(&node);
  }
  for (size_t i = 0; i < n; i++) {
    struct amz_node node = {0};
    char was = text[i];

    text[i] = '9';
    taken += amz_profile_parse(text, n, NULL, &node) == AMZ_OK;
    text[i] = was;
    amz_node_clear(&node);
  }
  CU_ASSERT(taken > 0 && taken < n);
  free(text);
}

static const char as_text[] =
  "n1: 3 cores of up to 2 threads in 1 package, 2 NUMA domains, 16.0 GiB: Example 9000\n"
  "  machine           x86_64, kernel 6.1.0, virtual: kvm\n"
  "  topology          this machine\n"
  "  caches            L1d 32.0 KiB (3 of them), L3 16.0 MiB for 3 cores each\n"
  "  kinds of cores    1 core, 0 ours: CoreType=IntelAtom\n"
  "                    2 cores, 2 ours: CoreType=IntelCore\n"
  "  NUMA domains      0: 3 cores, 2 ours, 12.0 GiB\n"
  "                    1: 0 cores, 0 ours, 4.0 GiB\n"
  "  GPUs              0: Example GPU, near NUMA domain 0 (cores 0-1)\n"
  "                    1, not ours\n"
  "  a GPU a slot      slot 0 → GPU 0\n" /* 1.5 CPUs of two cores: which one is open */
  "  cores for us      2 cores: affinity mask (3 cores: this machine)\n"
  "  CPU time for us   1.5 CPUs: cgroup /job_12 cpu.max\n"
  "  memory for us     8.0 GiB: SLURM_MEM_PER_NODE\n"
  "  measurements      2 h 05 min old (precise), from the cache: 00ff\n"
  "                    amorsize-mpi node --refresh measures again\n"
  "  bandwidth (triad) all domains:\n"
  "                        1 core   12.5 GB/s (12 GB/s to 12.5 GB/s), measured 7 times\n"
  "                        2 cores  20 GB/s, assumed\n"
  "                    domain 0:\n"
  "                        2 cores  20 GB/s, measured 7 times\n"
  "                    counted as non-temporal stores: 24 bytes an element\n"
  "    saturated at    2 cores, measured\n"
  "  slowdown phi      all domains:\n"
  "                        2 cores  1.25 (1.20 to 1.30), measured 5 times\n"
  "  latency           L1      16.0 KiB: 1.25 ns, measured 5 times\n"
  "                    memory  1.0 GiB: 95 ns (90 ns to 100 ns), measured 5 times\n"
  "  process start     1 ms (950 us to 1.1 ms), measured 200 times; half of them 900 us to 1.2 ms\n"
  "    by a shell      unknown\n"
  "  launch of ranks     2: 500 ms, measured 3 times\n"
  "  launch itself     400 ms (-100 ms to 900 ms), measured\n"
  "    and each rank   50 ms, measured\n"
  "  message in node   250 ns, measured 1 time\n"
  "    and each MB     100 us, measured\n"
  "  empty chunk       unknown\n"
  "  master, a request 2 us, assumed\n"
  "  load now          CPU 25 %, memory 50 %\n"
  "  warning           CPU 3 is throttled\n"
  "                    cool it\n"
  "  note              swap is off\n";

static void people_read_it_all(void)
{
  struct amz_node n = parsed(by_hand);
  struct amz_profile_origin origin = {.from = AMZ_PROFILE_CACHED, .age_s = 7500, .cache_id = "00ff", .effort = "precise"};
  struct amz_buf out = AMZ_BUF_INIT;

  amz_profile_text(&n, &origin, &out);
  ASSERT_TEXT(amz_buf_text(&out), as_text);
  amz_buf_clear(&out);
  amz_node_clear(&n);
}

/* Two domains of three cores, of which core 1 isn't ours, and four GPUs, of which the second isn't. */
static void gpus_are_told_with_their_cores_and_slots(void)
{
  struct amz_node_core core[6];
  struct amz_node_domain domains[2] = {{.cores = 3}, {.cores = 3}};
  struct amz_node_gpu gpus[4] = {{(char *)"0", (char *)"", 1, true}, {(char *)"9", (char *)"", 1, false},
                                 {(char *)"1", (char *)"", 0, true},
                                 {(char *)"2", (char *)"", AMZ_NO_DOMAIN, true}};
  uint32_t unit[6] = {0, 1, 2, 3, 4, 5};
  struct amz_node n = {.packages = 1, .cores = 6, .units = 6, .core = core, .unit = unit, .domains = domains, .n_domains = 2,
                       .gpus = gpus, .n_gpus = 4,
                       .allowed_cores = 5};
  struct amz_buf text = AMZ_BUF_INIT, json = AMZ_BUF_INIT;
  json_t *o, *slots;

  for (uint32_t i = 0; i < 6; i++)
    core[i] = (struct amz_node_core){.domain = i / 3, .first_unit = i, .n_units = 1, .allowed_units = i != 1};
  amz_profile_text(&n, NULL, &text);
  CU_ASSERT(strstr(amz_buf_text(&text),
                   "  GPUs              0, near NUMA domain 1 (cores 3-5)\n"
                   "                    9, near NUMA domain 1 (cores 3-5), not ours\n"
                   "                    1, near NUMA domain 0 (cores 0-2)\n"
                   "                    2\n"
                   "  a GPU a slot      slot 0 → GPU 1 (core 0, NUMA domain 0)\n"
                   "                    slot 1 → GPU 2 (core 2, NUMA domain 0)\n"
                   "                    slot 2 → GPU 0 (core 3, NUMA domain 1)\n") != NULL);
  CU_ASSERT_FATAL(amz_profile_json(&n, NULL, &json) == AMZ_OK);
  o = json_loads(amz_buf_text(&json), 0, NULL);
  slots = json_object_get(o, "gpu_slots");
  ASSERT_U64(json_array_size(slots), 3);
  ASSERT_TEXT(json_string_value(json_object_get(json_array_get(slots, 2), "gpu")), "0");
  ASSERT_TEXT(json_string_value(json_object_get(json_array_get(slots, 2), "cores")), "3");
  ASSERT_I64(json_integer_value(json_object_get(json_array_get(slots, 2), "domain")), 1);
  ASSERT_TEXT(json_string_value(json_object_get(json_array_get(json_object_get(o, "gpus"), 0), "nearest_cores")), "3-5");
  CU_ASSERT(json_is_null(json_object_get(json_array_get(json_object_get(o, "gpus"), 3), "nearest_cores")));
  gpus[2].usable = gpus[3].usable = false; /* one slot with all five cores, of both domains */
  amz_buf_reset(&text);
  amz_profile_text(&n, NULL, &text);
  CU_ASSERT(strstr(amz_buf_text(&text), "  a GPU a slot      slot 0 → GPU 0 (cores 0,2-5)\n") != NULL);
  json_decref(o);
  amz_buf_clear(&text);
  amz_buf_clear(&json);
}

static void texts_do_no_harm(void)
{
  struct amz_node n = parsed(by_hand);
  struct amz_profile_origin origin = {.from = AMZ_PROFILE_ASSUMED};
  struct amz_buf out = AMZ_BUF_INIT;

  free(n.cpu_model);
  n.cpu_model = strdup("\x1b[2J");
  n.this_machine = false;
  amz_profile_text(&n, &origin, &out);
  CU_ASSERT(strstr(amz_buf_text(&out), "16.0 GiB: \\x1b[2J\n") != NULL);
  CU_ASSERT(strchr(amz_buf_text(&out), '\x1b') == NULL);
  CU_ASSERT(strstr(amz_buf_text(&out), "described: nothing can be measured") != NULL);
  CU_ASSERT(strstr(amz_buf_text(&out), "none: values are assumed\n") != NULL);
  amz_buf_clear(&out);
  amz_node_clear(&n);
}

int main(void)
{
  static const struct amz_test tests[] = {
    {"reads what was written by hand", reads_what_was_written_by_hand},
    {"reads quantities with their sources", reads_quantities_with_their_sources},
    {"nothing is lost on the way", nothing_is_lost_on_the_way},
    {"unknown values are null", unknown_values_are_null},
    {"nonsense is refused by name", nonsense_is_refused_by_name},
    {"what is no object is refused", what_is_no_object_is_refused},
    {"damage is survived", damage_is_survived},
    {"people read it all", people_read_it_all},
    {"GPUs are told with their cores and slots", gpus_are_told_with_their_cores_and_slots},
    {"texts do no harm", texts_do_no_harm},
    {NULL, NULL}};

  return amz_test_main("node's profile", tests, 0);
}
