/* The tables of a profile's JSON. The contract's keys: cores, numa_domains, memory_bytes, limits[].source, bandwidth[]. */
#include "node_fields.h"

#include <stdint.h>

#include <amorsize/profile.h>

#define FIELD(name, what, type, member) {.key = (name), .kind = AMZ_FIELD_##what, .offset = offsetof(type, member)}
#define NEEDED(name, what, type, member) \
  {.key = (name), .kind = AMZ_FIELD_##what, .required = true, .offset = offsetof(type, member)}
#define WITHIN(name, type, member, table) \
  {.key = (name), .kind = AMZ_FIELD_OBJECT, .offset = offsetof(type, member), .fields = (table)}
#define ROWS(name, type, member, n, item, table) \
  {.key = (name), .kind = AMZ_FIELD_ROWS, .offset = offsetof(type, member), .fields = (table), .count = offsetof(type, n), \
   .item_bytes = sizeof(item), .max = AMZ_PROFILE_ROWS_MAX}

static const char *const limit_kinds[] = {"cores", "cpu", "memory", NULL};
static const char *const finding_levels[] = {"note", "warning", NULL};

static const struct amz_field domain_fields[] = {
  FIELD("os_index", U32, struct amz_node_domain, os_index), NEEDED("cores", U32, struct amz_node_domain, cores),
  FIELD("allowed_cores", U32, struct amz_node_domain, allowed_cores),
  FIELD("memory_bytes", U64, struct amz_node_domain, memory_bytes), {0}};

static const struct amz_field core_fields[] = {
  NEEDED("domain", DOMAIN, struct amz_node_core, domain), FIELD("package", U32, struct amz_node_core, package),
  FIELD("kind", U32, struct amz_node_core, kind), NEEDED("first_unit", U32, struct amz_node_core, first_unit),
  NEEDED("units", U32, struct amz_node_core, n_units), NEEDED("allowed_units", U32, struct amz_node_core, allowed_units), {0}};

static const struct amz_field kind_fields[] = {
  FIELD("name", TEXT, struct amz_node_kind, name), FIELD("efficiency", INT, struct amz_node_kind, efficiency),
  FIELD("cores", U32, struct amz_node_kind, cores), FIELD("allowed_cores", U32, struct amz_node_kind, allowed_cores), {0}};

static const struct amz_field cache_fields[] = {
  NEEDED("level", U32, struct amz_node_cache, level), NEEDED("bytes", U64, struct amz_node_cache, bytes),
  FIELD("line_bytes", U32, struct amz_node_cache, line_bytes), FIELD("count", U32, struct amz_node_cache, count),
  FIELD("shared_cores", U32, struct amz_node_cache, shared_cores), FIELD("cores", TEXT, struct amz_node_cache, cores), {0}};

static const struct amz_field gpu_fields[] = {
  NEEDED("id", TEXT, struct amz_node_gpu, id), FIELD("model", TEXT, struct amz_node_gpu, model),
  FIELD("domain", DOMAIN, struct amz_node_gpu, domain), FIELD("usable", FLAG, struct amz_node_gpu, usable), {0}};

static const struct amz_field limit_fields[] = {
  {.key = "kind", .kind = AMZ_FIELD_NAME, .required = true, .offset = offsetof(struct amz_limit, kind), .names = limit_kinds},
  NEEDED("value", REAL, struct amz_limit, value), NEEDED("source", TEXT, struct amz_limit, source),
  FIELD("active", FLAG, struct amz_limit, active), {0}};

#define CURVE(quantity) \
  {{.key = "domain", .kind = AMZ_FIELD_DOMAIN, .required = true, .offset = offsetof(struct amz_curve_point, domain), .word = "all"}, \
   NEEDED("cores", U32, struct amz_curve_point, cores), NEEDED(quantity, QUANTITY, struct amz_curve_point, value), {0}}
static const struct amz_field bandwidth_fields[] = CURVE("bytes_per_s");
static const struct amz_field slowdown_fields[] = CURVE("factor");

static const struct amz_field latency_fields[] = {
  NEEDED("bytes", U64, struct amz_latency_point, bytes), FIELD("level", U32, struct amz_latency_point, level),
  NEEDED("seconds", QUANTITY, struct amz_latency_point, seconds), {0}};

static const struct amz_field launch_fields[] = {
  NEEDED("ranks", U32, struct amz_launch_point, ranks), NEEDED("seconds", QUANTITY, struct amz_launch_point, seconds), {0}};

static const struct amz_field message_fields[] = {
  FIELD("alpha_s", QUANTITY, struct amz_message_cost, alpha_s),
  FIELD("beta_s_per_byte", QUANTITY, struct amz_message_cost, beta_s_per_byte), {0}};

static const struct amz_field cost_fields[] = {
  FIELD("start_s", QUANTITY, struct amz_node_costs, start_s),
  FIELD("start_quartiles_s", PAIR, struct amz_node_costs, start_quartiles_s),
  FIELD("start_shell_s", QUANTITY, struct amz_node_costs, start_shell_s),
  FIELD("start_shell_quartiles_s", PAIR, struct amz_node_costs, start_shell_quartiles_s),
  ROWS("launches", struct amz_node_costs, launches, n_launches, struct amz_launch_point, launch_fields),
  FIELD("launch_base_s", QUANTITY, struct amz_node_costs, launch_base_s),
  FIELD("launch_per_rank_s", QUANTITY, struct amz_node_costs, launch_per_rank_s),
  WITHIN("message_inside", struct amz_node_costs, inside, message_fields),
  WITHIN("message_between", struct amz_node_costs, between, message_fields),
  FIELD("chunk_s", QUANTITY, struct amz_node_costs, chunk_s), FIELD("service_s", QUANTITY, struct amz_node_costs, service_s),
  {0}};

static const struct amz_field load_fields[] = {
  FIELD("cpu", SHARE, struct amz_node_load, cpu), FIELD("memory", SHARE, struct amz_node_load, memory),
  FIELD("swap", SHARE, struct amz_node_load, swap), FIELD("cpu_pressure", SHARE, struct amz_node_load, cpu_pressure),
  FIELD("memory_pressure", SHARE, struct amz_node_load, memory_pressure),
  FIELD("io_pressure", SHARE, struct amz_node_load, io_pressure), FIELD("steal", SHARE, struct amz_node_load, steal), {0}};

static const struct amz_field finding_fields[] = {
  {.key = "level", .kind = AMZ_FIELD_NAME, .required = true, .offset = offsetof(struct amz_finding, level),
   .names = finding_levels},
  NEEDED("text", TEXT, struct amz_finding, text), FIELD("advice", TEXT, struct amz_finding, advice), {0}};

const struct amz_field amz_node_fields[] = {
  FIELD("host", TEXT, struct amz_node, host), FIELD("cpu_model", TEXT, struct amz_node, cpu_model),
  FIELD("kernel", TEXT, struct amz_node, kernel), FIELD("machine", TEXT, struct amz_node, machine),
  FIELD("hypervisor", TEXT, struct amz_node, hypervisor), FIELD("topology", TEXT, struct amz_node, topology),
  FIELD("this_machine", FLAG, struct amz_node, this_machine), FIELD("measured_at_s", I64, struct amz_node, measured_at_s),
  FIELD("packages", U32, struct amz_node, packages), NEEDED("cores", U32, struct amz_node, cores),
  NEEDED("units", U32, struct amz_node, units), FIELD("units_per_core", U32, struct amz_node, units_per_core),
  FIELD("units_share_cores", FLAG, struct amz_node, units_share_cores), NEEDED("memory_bytes", U64, struct amz_node,
                                                                               memory_bytes),
  FIELD("allowed_cores", U32, struct amz_node, allowed_cores), FIELD("allowed_cpu", REAL, struct amz_node, allowed_cpu),
  FIELD("allowed_memory_bytes", U64, struct amz_node, allowed_memory_bytes),
  ROWS("limits", struct amz_node, limits, n_limits, struct amz_limit, limit_fields),
  ROWS("domains", struct amz_node, domains, n_domains, struct amz_node_domain, domain_fields),
  FIELD("numa_domains", COUNT, struct amz_node, n_domains),
  ROWS("kinds", struct amz_node, kinds, n_kinds, struct amz_node_kind, kind_fields),
  ROWS("caches", struct amz_node, caches, n_caches, struct amz_node_cache, cache_fields),
  ROWS("gpus", struct amz_node, gpus, n_gpus, struct amz_node_gpu, gpu_fields),
  FIELD("bandwidth_method", TEXT, struct amz_node, bandwidth_method),
  ROWS("bandwidth", struct amz_node, bandwidth, n_bandwidth, struct amz_curve_point, bandwidth_fields),
  FIELD("stream_one", QUANTITY, struct amz_node, stream_one), FIELD("stream_all", QUANTITY, struct amz_node, stream_all),
  FIELD("saturation_cores", QUANTITY, struct amz_node, saturation_cores),
  FIELD("remote_ratio", QUANTITY, struct amz_node, remote_ratio), FIELD("compute_one", QUANTITY, struct amz_node, compute_one),
  ROWS("slowdown", struct amz_node, slowdown, n_slowdown, struct amz_curve_point, slowdown_fields),
  ROWS("latency", struct amz_node, latency, n_latency, struct amz_latency_point, latency_fields),
  WITHIN("costs", struct amz_node, costs, cost_fields), WITHIN("load", struct amz_node, load, load_fields),
  ROWS("findings", struct amz_node, findings, n_findings, struct amz_finding, finding_fields),
  {.key = "core", .kind = AMZ_FIELD_ROWS, .required = true, .offset = offsetof(struct amz_node, core), .fields = core_fields,
   .count = offsetof(struct amz_node, cores), .count_u32 = true, .item_bytes = sizeof(struct amz_node_core),
   .max = AMZ_PROFILE_UNITS_MAX},
  {.key = "unit", .kind = AMZ_FIELD_NUMBERS, .required = true, .offset = offsetof(struct amz_node, unit),
   .count = offsetof(struct amz_node, units), .count_u32 = true, .item_bytes = sizeof(uint32_t), .max = AMZ_PROFILE_UNITS_MAX},
  {0}};
