/* Nodes of one launch: which are of a type, and which are slower than their like. */
#include <jansson.h>
#include <math.h>
#include <string.h>

#include <amorsize/profile.h>

#include "../../support/tap.h"

#define MOST 5

/* Nodes with nothing but what is compared. */
struct launch {
  struct amz_profile_host hosts[MOST];
  struct amz_node nodes[MOST];
  struct amz_curve_point bandwidth[MOST][2], slowdown[MOST][1];
  size_t n;
};

static struct amz_quantity measured(double value)
{
  return (struct amz_quantity){.value = value, .low = value, .high = value, .n = 5, .source = AMZ_MEASURED};
}

static bool is_near(double a, double b)
{
  return fabs(a - b) <= 1e-9 * fabs(b);
}

static char none[] = "";
static struct amz_node_core cores[4];
static uint32_t units[4];
static struct amz_node_domain domain = {.cores = 4, .allowed_cores = 4};

static void add(struct launch *l, const char *host, const char *type, double gb, double phi)
{
  static const struct amz_profile_origin origin = {.from = AMZ_PROFILE_MEASURED, .effort = "default"};
  size_t i = l->n++;
  struct amz_node *node = &l->nodes[i];

  l->bandwidth[i][0] = (struct amz_curve_point){AMZ_ALL_DOMAINS, 4, measured(gb * 1e9)};
  l->bandwidth[i][1] = (struct amz_curve_point){AMZ_ALL_DOMAINS, 1, measured(1e9)}; /* at one core all are the same */
  l->slowdown[i][0] = (struct amz_curve_point){AMZ_ALL_DOMAINS, 4, measured(phi)};
  *node = (struct amz_node){.host = none, .compute_one = measured(2e9), .cores = 4, .core = cores, .units = 4, .unit = units,
                            .domains = &domain, .n_domains = 1, .n_bandwidth = 2, .n_slowdown = 1, .bandwidth = l->bandwidth[i],
                                .slowdown = l->slowdown[i]};
  l->hosts[i] = (struct amz_profile_host){.host = host, .type = type, .node = node, .origin = &origin};
}

static void slow_nodes_are_named(void)
{
  static const struct {
    const char *row;
    const char *types;
    double gb[MOST], phi[MOST];
    size_t n, slow; /* slow: which; n: none */
    const char *what;
    int percent;
  } rows[] = {
    {"one node has no like", "a", {10}, {1}, 1, 1, NULL, 0},
    {"two that are the same", "aa", {10, 10}, {1, 1}, 2, 2, NULL, 0},
    {"two, one of them slower", "aa", {10, 8}, {1, 1}, 2, 1, "bandwidth", 20},
    {"9 % are nothing", "aaa", {10, 9.1, 10}, {1, 1, 1}, 3, 3, NULL, 0},
    {"10 % are something", "aaa", {10, 9, 10}, {1, 1, 1}, 3, 1, "bandwidth", 10},
    {"a fast one makes nobody slow", "aaaa", {10, 20, 10, 10}, {1, 1, 1, 1}, 4, 4, NULL, 0},
    {"another type is not its like", "aab", {10, 10, 5}, {1, 1, 1}, 3, 3, NULL, 0},
    {"computing counts, too", "aaa", {10, 10, 10}, {1, 1, 1.25}, 3, 2, "computing", 20},
    {"the worse of the two is told", "aaa", {10, 10, 8}, {1, 1, 2}, 3, 2, "computing", 50},
    {"a little slower computing", "aaa", {10, 10, 10}, {1, 1, 1.09}, 3, 3, NULL, 0},
    {"the first can be the slow one", "aaaaa", {7.5, 10, 10.1, 9.9, 10}, {1, 1, 1, 1, 1}, 5, 0, "bandwidth", 25},
  };

  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    struct launch l = {.n = 0};
    struct amz_profile_slow slow;

    for (size_t k = 0; k < rows[i].n; k++)
      add(&l, "host", rows[i].types[k] == 'a' ? "a" : "b", rows[i].gb[k], rows[i].phi[k]);
    for (size_t k = 0; k < l.n; k++) {
      bool is = amz_profile_is_slow(l.hosts, l.n, k, &slow);

      ASSERT_ROW_U64(rows[i].row, is, k == rows[i].slow);
      if (!is)
        continue;
      ASSERT_ROW_TEXT(rows[i].row, slow.what, rows[i].what);
      ASSERT_ROW_I64(rows[i].row, (int)(slow.by * 100 + 0.5), rows[i].percent);
    }
  }
}

/* All its cores are slow alike: φ is that of the others. */
static void a_node_slow_at_one_core_is_named(void)
{
  struct launch l = {.n = 0};
  struct amz_profile_slow slow;

  add(&l, "n1", "a", 10, 1.1);
  add(&l, "n2", "a", 10, 1.1);
  l.nodes[1].compute_one = measured(1.7e9);
  CU_ASSERT(!amz_profile_is_slow(l.hosts, l.n, 0, &slow));
  CU_ASSERT_FATAL(amz_profile_is_slow(l.hosts, l.n, 1, &slow));
  ASSERT_TEXT(slow.what, "computing");
  ASSERT_I64((int)(slow.by * 100 + 0.5), 15);
}

static void what_is_not_measured_is_not_compared(void)
{
  struct launch l = {.n = 0};
  struct amz_profile_slow slow;

  add(&l, "n1", "a", 10, 1);
  add(&l, "n2", "a", 5, 1);
  l.bandwidth[1][0].value.source = AMZ_ASSUMED;
  l.bandwidth[1][1].value.source = AMZ_ASSUMED;
  l.nodes[1].compute_one.source = AMZ_ASSUMED;
  CU_ASSERT(!amz_profile_is_slow(l.hosts, l.n, 0, &slow) && !amz_profile_is_slow(l.hosts, l.n, 1, &slow));
  l.hosts[1].failure = "it doesn't answer";
  CU_ASSERT(!amz_profile_is_slow(l.hosts, l.n, 1, &slow));
}

static void fill(struct launch *l)
{
  *l = (struct launch){.n = 0};
  add(l, "n1", "a", 10, 1.05);
  add(l, "big", "b", 40, 1.2);
  add(l, "n2", "a", 7, 1.05);
  add(l, "n3", "a", 10, 1.05);
  add(l, "lost", NULL, 0, 0);
  l->hosts[4].failure = "it doesn't answer";
}

static void are_told_by_type(void)
{
  struct launch l;
  struct amz_buf out = AMZ_BUF_INIT;
  const char *first, *second, *table;

  fill(&l);
  amz_profile_types_text(l.hosts, l.n, &out);
  first = strstr(amz_buf_text(&out), "nodes of this type");
  CU_ASSERT_FATAL(first != NULL);
  second = strstr(first + 1, "nodes of this type");
  CU_ASSERT_FATAL(second != NULL && strstr(second + 1, "nodes of this type") == NULL);
  table = "nodes of this type, at all cores:\n"
          "  node               bandwidth     computing, a core\n"
          "  n1                 10 GB/s       1.9 Gflop/s \n"
          "  n2                 7 GB/s        1.9 Gflop/s   30 % slower than its like: bandwidth\n"
          "  n3                 10 GB/s       1.9 Gflop/s \n";
  CU_ASSERT(strncmp(first, table, strlen(table)) == 0);
  CU_ASSERT(strstr(second, "  big                40 GB/s       1.67 Gflop/s\n") != NULL);
  CU_ASSERT(strstr(second, "\nlost: not measured: it doesn't answer\n") != NULL);
  amz_buf_clear(&out);
}

static void are_told_as_json(void)
{
  struct launch l;
  struct amz_buf out = AMZ_BUF_INIT;
  json_t *o, *types, *each;

  fill(&l);
  CU_ASSERT(amz_profile_types_json(l.hosts, l.n, &out) == AMZ_OK);
  o = json_loads(amz_buf_text(&out), 0, NULL);
  CU_ASSERT_FATAL(o != NULL);
  types = json_object_get(o, "types");
  ASSERT_U64(json_array_size(types), 2);
  each = json_object_get(json_array_get(types, 0), "each");
  ASSERT_U64(json_array_size(each), 3);
  ASSERT_TEXT(json_string_value(json_object_get(json_array_get(each, 1), "host")), "n2");
  ASSERT_TEXT(json_string_value(json_object_get(json_array_get(each, 1), "slower_at")), "bandwidth");
  CU_ASSERT(is_near(json_number_value(json_object_get(json_array_get(each, 1), "bandwidth_of_like")), 0.7));
  CU_ASSERT(is_near(json_number_value(json_object_get(json_array_get(each, 1), "computing_of_like")), 1));
  ASSERT_I64(json_integer_value(json_object_get(json_array_get(types, 0), "profile_of")), 0);
  CU_ASSERT(json_is_null(json_object_get(json_array_get(each, 0), "slower_at")));
  ASSERT_I64(json_integer_value(json_object_get(json_object_get(json_array_get(types, 1), "profile"), "cores")), 4);
  ASSERT_TEXT(json_string_value(json_object_get(json_array_get(json_object_get(o, "failed"), 0), "host")), "lost");
  json_decref(o);
  amz_buf_clear(&out);
}

/* A profile of one core whose rate of computing is given; NULL: not measured. */
#define PROFILE(host, rate) \
  "{\"host\": \"" host "\", \"cores\": 1, \"units\": 1, \"memory_bytes\": 1, \"allowed_cores\": 1, \"core\": [{\"domain\": null, \"first_unit\": 0, " \
  "\"units\": 1, \"allowed_units\": 1}], \"unit\": [0], \"compute_one\": {\"value\": " rate ", \"source\": \"measured\"}}"

static void are_read_back_as_kinds(void)
{
  static const char survey[] = "{\"nodes\": 6, \"failed\": [], \"types\": ["
    "{\"each\": [{\"host\": \"a\"}, {\"host\": \"b\", \"slower_at\": \"computing\", \"slower_by\": 0.25}, {\"host\": \"c\", "
    "\"slower_at\": \"bandwidth\", \"slower_by\": 0.5}, {\"host\": \"d\"}], \"profile\": " PROFILE("a", "2e9") "},"
    "{\"each\": [{\"host\": \"e\"}], \"profile\": " PROFILE("e", "3e9") "}]}";
  struct amz_profile_kinds kinds;
  struct amz_error err = {0};

  CU_ASSERT_FATAL(amz_profile_parse_kinds(survey, strlen(survey), &err, &kinds) == AMZ_OK);
  ASSERT_U64(kinds.n, 4);
  ASSERT_U64(kinds.items[0].count, 2);
  ASSERT_U64(kinds.items[1].count, 1);
  ASSERT_U64(kinds.items[2].count, 1);
  CU_ASSERT(kinds.items[0].speed == 1 && kinds.items[1].speed == 0.75 && kinds.items[2].speed == 1 && kinds.items[3].speed == 1);
  CU_ASSERT(kinds.items[0].bandwidth == 1 && kinds.items[1].bandwidth == 1 && kinds.items[2].bandwidth == 0.5);
  ASSERT_TEXT(kinds.items[0].node.host, "a");
  ASSERT_TEXT(kinds.items[1].node.host, "b");
  ASSERT_TEXT(kinds.items[2].node.host, "c");
  ASSERT_TEXT(kinds.items[3].node.host, "e");
  CU_ASSERT(amz_profile_speed(&kinds.items[3].node, &kinds.items[0].node) == 1.5);
  kinds.items[3].node.compute_one.source = AMZ_ASSUMED;
  CU_ASSERT(amz_profile_speed(&kinds.items[3].node, &kinds.items[0].node) == 1);
  amz_profile_kinds_clear(&kinds);
  CU_ASSERT_FATAL(amz_profile_parse_kinds(PROFILE("x", "1"), strlen(PROFILE("x", "1")), &err, &kinds) == AMZ_OK);
  CU_ASSERT(kinds.n == 1 && kinds.items[0].count == 1);
  amz_profile_kinds_clear(&kinds);
}

/* What is written of a launch comes back as kinds: of four nodes of a type one has slow memory, one computes slowly, too, and the
 * slow one comes first. */
static void slow_memory_is_a_kind_of_its_own(void)
{
  struct launch l = {.n = 0};
  struct amz_buf text = AMZ_BUF_INIT;
  struct amz_profile_kinds kinds;
  struct amz_error err = {0};

  add(&l, "n1", "a", 6, 1);
  add(&l, "n2", "a", 10, 1);
  add(&l, "n3", "a", 5, 1.25);
  add(&l, "n4", "a", 10, 1);
  CU_ASSERT_FATAL(amz_profile_stands(l.hosts, l.n, 1));
  CU_ASSERT(!amz_profile_stands(l.hosts, l.n, 0) && !amz_profile_stands(l.hosts, l.n, 2) && !amz_profile_stands(l.hosts, l.n, 3));
  CU_ASSERT(amz_profile_types_json(l.hosts, l.n, &text) == AMZ_OK);
  if (amz_profile_parse_kinds(amz_buf_text(&text), text.len, &err, &kinds) < 0)
    ASSERT_TEXT(err.text, "read back");
  CU_ASSERT_FATAL(kinds.n > 0);
  ASSERT_U64(kinds.n, 3);
  ASSERT_U64(kinds.items[0].count, 2);
  CU_ASSERT(is_near(amz_node_bandwidth(&kinds.items[0].node, AMZ_ALL_DOMAINS, 4).value, 10e9));
  ASSERT_TEXT(kinds.items[1].node.host, "n1");
  CU_ASSERT(is_near(amz_node_bandwidth(&kinds.items[1].node, AMZ_ALL_DOMAINS, 4).value, 6e9) && is_near(kinds.items[1].speed, 1));
  ASSERT_TEXT(kinds.items[2].node.host, "n3");
  CU_ASSERT(is_near(amz_node_bandwidth(&kinds.items[2].node, AMZ_ALL_DOMAINS, 4).value, 5e9) &&
            is_near(kinds.items[2].speed, 0.8));
  amz_profile_kinds_clear(&kinds);
  amz_buf_clear(&text);
}

/* Of two nodes, each is slow at something: the first stands for both, the other is held against it. */
static void all_of_a_type_may_be_slow_at_something(void)
{
  struct launch l = {.n = 0};
  struct amz_buf text = AMZ_BUF_INIT;
  struct amz_profile_kinds kinds;
  struct amz_error err = {0};

  add(&l, "n1", "a", 5, 1);
  add(&l, "n2", "a", 10, 1.25);
  CU_ASSERT(amz_profile_stands(l.hosts, l.n, 0) && !amz_profile_stands(l.hosts, l.n, 1));
  CU_ASSERT(amz_profile_types_json(l.hosts, l.n, &text) == AMZ_OK);
  if (amz_profile_parse_kinds(amz_buf_text(&text), text.len, &err, &kinds) < 0)
    ASSERT_TEXT(err.text, "read back");
  CU_ASSERT_FATAL(kinds.n > 0);
  ASSERT_U64(kinds.n, 2);
  CU_ASSERT(kinds.items[0].count == 1 && kinds.items[1].count == 1);
  CU_ASSERT(is_near(amz_node_bandwidth(&kinds.items[1].node, AMZ_ALL_DOMAINS, 4).value, 10e9) &&
            is_near(kinds.items[1].speed, 0.8));
  amz_profile_kinds_clear(&kinds);
  amz_buf_clear(&text);
}

/* A type of 40 nodes, of which 30 are slow: the first fifteen kinds beside it are theirs. */
static void many_slow_nodes_share_a_kind(void)
{
  struct amz_buf text = AMZ_BUF_INIT;
  struct amz_profile_kinds kinds;
  uint32_t all = 0;

  amz_buf_adds(&text, "{\"types\": [{\"each\": [");
  for (unsigned i = 0; i < 40; i++)
    amz_buf_addf(&text, i < 10 ? "%s{}" : "%s{\"slower_at\": \"computing\", \"slower_by\": 0.%u}", i ? "," : "", i);
  amz_buf_adds(&text, "], \"profile\": " PROFILE("a", "1") "}]}");
  CU_ASSERT_FATAL(amz_profile_parse_kinds(amz_buf_text(&text), text.len, NULL, &kinds) == AMZ_OK);
  ASSERT_U64(kinds.n, AMZ_PROFILE_KINDS_MAX);
  ASSERT_U64(kinds.items[0].count, 10);
  for (uint32_t i = 0; i < kinds.n; i++)
    all += kinds.items[i].count;
  ASSERT_U64(all, 40);
  CU_ASSERT(kinds.items[kinds.n - 1].speed > 0.6 && kinds.items[kinds.n - 1].speed < 0.62); /* as the slowest of them */
  amz_profile_kinds_clear(&kinds);
  amz_buf_clear(&text);
}

static void nonsense_of_types_is_refused(void)
{
  static const struct {
    const char *row, *json, *error;
  } rows[] = {
    {"no JSON", "{", "no JSON: "}, {"a list", "[]", "no profile: "}, {"no types", "{\"types\": []}", "types: there is no node"},
    {"types that are none", "{\"types\": 7}", "types: there is no node"}, {"a type without nodes",
      "{\"types\": [{\"profile\": {}}]}", "types: each needs"},
    {"a type without profile", "{\"types\": [{\"each\": [{}]}]}", "types: each needs"},
    {"a profile that is none", "{\"types\": [{\"each\": [{}], \"profile\": {}}]}", "cores is missing"},
    {"all of them slow", "{\"types\": [{\"each\": [{\"slower_at\": \"computing\", \"slower_by\": 0.5}], \"profile\": "
                         "" PROFILE("a", "1") "}]}",
     "types: all nodes of one are slower"},
  };

  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    struct amz_profile_kinds kinds;
    struct amz_error err = {0};

    ASSERT_ROW_I64(rows[i].row, amz_profile_parse_kinds(rows[i].json, strlen(rows[i].json), &err, &kinds), AMZ_EINVAL);
    err.text[strlen(rows[i].error)] = '\0';
    ASSERT_ROW_TEXT(rows[i].row, err.text, rows[i].error);
    ASSERT_ROW_U64(rows[i].row, kinds.n, 0);
  }
}

int main(void)
{
  static const struct amz_test tests[] = {
    {"slow nodes are named", slow_nodes_are_named},
    {"a node slow at one core is named", a_node_slow_at_one_core_is_named},
    {"what is not measured is not compared", what_is_not_measured_is_not_compared},
    {"are told by type", are_told_by_type},
    {"are told as JSON", are_told_as_json},
    {"are read back as kinds", are_read_back_as_kinds},
    {"slow memory is a kind of its own", slow_memory_is_a_kind_of_its_own},
    {"all of a type may be slow at something", all_of_a_type_may_be_slow_at_something},
    {"many slow nodes share a kind", many_slow_nodes_share_a_kind},
    {"nonsense of types is refused", nonsense_of_types_is_refused},
    {NULL, NULL}};

  return amz_test_main("nodes of a launch", tests, 0);
}
