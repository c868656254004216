/* The keys of the settings, their defaults, and those few whose values have a shape of their own. */
#include "settings.h"

#include <string.h>

#include <amorsize/units.h>

typedef struct amz_settings S;

#define AT(field) offsetof(S, field)
#define YEAR "365d"

static const char *const presets[] = {[AMZ_PRESET_DEFAULT] = "default", [AMZ_PRESET_THROUGHPUT] = "throughput", [AMZ_PRESET_MEMORY] = "memory",
  [AMZ_PRESET_LATENCY] = "latency", [AMZ_PRESET_IO] = "io", NULL};
static const char *const goals[] = {[AMZ_GOAL_TIME] = "time", [AMZ_GOAL_EFFICIENCY] = "efficiency", [AMZ_GOAL_DEADLINE] = "deadline", NULL};
static const char *const reductions[] = {[AMZ_REDUCE_NONE] = "none", [AMZ_REDUCE_SUM] = "sum", [AMZ_REDUCE_MIN] = "min", [AMZ_REDUCE_MAX] = "max",
  [AMZ_REDUCE_MEAN] = "mean", [AMZ_REDUCE_COUNT] = "count", NULL};
static const char *const memory_rules[] = {"respect", "ignore", NULL};
static const char *const stdouts[] = {"pack", "discard", NULL};

static const struct amz_type type_threads, type_memory;

_Static_assert(AT(sample.tasks_max) == AT(sample.tasks_min) + sizeof(uint32_t), "read as a pair of counts");
_Static_assert(AT(slurm.n_extra) == AT(slurm.extra) + sizeof(void *), "read as struct amz_texts");
_Static_assert(sizeof(struct amz_texts) == 2 * sizeof(void *), "read as struct amz_texts");

#define NOW AMZ_EFFECT_NOW
#define LATER AMZ_EFFECT_LATER
const struct amz_key amz_settings_keys[] = {
  {"preset", &amz_type_choice, AT(preset), NOW, NULL, NULL, presets},
  {"resources.threads", &type_threads, AT(resources), NOW, "1", "65536", NULL},
  {"resources.memory", &type_memory, AT(resources), NOW, "1", "1024TiB", NULL},
  {"resources.gpus", &amz_type_count, AT(resources.gpus), NOW, "0", "1024", NULL},
  {"plan.goal", &amz_type_choice, AT(plan.goal), NOW, NULL, NULL, goals},
  {"plan.nodes", &amz_type_count_or_auto, AT(plan.nodes), NOW, "1", "1000000", NULL},
  {"plan.ranks_per_node", &amz_type_count_or_auto, AT(plan.ranks_per_node), NOW, "1", "65536", NULL},
  {"plan.slots_per_rank", &amz_type_count_or_auto, AT(plan.slots_per_rank), NOW, "1", "65536", NULL},
  {"plan.threads_per_task", &amz_type_count_or_auto, AT(plan.threads_per_task), NOW, "1", "65536", NULL},
  {"plan.max_workers", &amz_type_count_or_auto, AT(plan.max_workers), NOW, "1", "100000000", NULL},
  {"plan.efficiency", &amz_type_share, AT(plan.efficiency), NOW, NULL, NULL, NULL},
  {"plan.deadline", &amz_type_duration, AT(plan.deadline_ns), NOW, "1s", YEAR, NULL},
  {"plan.memory", &amz_type_second, AT(plan.memory_ignore), NOW, NULL, NULL, memory_rules},
  {"plan.load_aware", &amz_type_bool, AT(plan.load_aware), NOW, NULL, NULL, NULL},
  {"chunks.policy", &amz_type_text, AT(chunks.policy), NOW, NULL, NULL, NULL},
  {"chunks.target", &amz_type_duration, AT(chunks.target_ns), NOW, "1us", "24h", NULL},
  {"chunks.min", &amz_type_duration, AT(chunks.min_ns), NOW, "0", "24h", NULL},
  {"chunks.max", &amz_type_duration, AT(chunks.max_ns), NOW, "1us", "24h", NULL},
  {"chunks.rate", &amz_type_share, AT(chunks.rate), NOW, NULL, NULL, NULL},
  {"sample.tasks", &amz_type_counts, AT(sample.tasks_min), NOW, "0", "1000000", NULL},
  {"sample.time", &amz_type_duration, AT(sample.time_ns), NOW, "1ms", "24h", NULL},
  {"sample.confidence", &amz_type_share_open, AT(sample.confidence), NOW, NULL, NULL, NULL},
  {"sample.precision", &amz_type_share_open, AT(sample.precision), NOW, NULL, NULL, NULL},
  {"sample.reuse", &amz_type_bool, AT(sample.reuse), NOW, NULL, NULL, NULL},
  {"failures.retries", &amz_type_count, AT(failures.retries), NOW, "0", "1000", NULL},
  {"failures.backoff", &amz_type_duration, AT(failures.backoff_ns), NOW, "0", "24h", NULL},
  {"failures.timeout", &amz_type_duration, AT(failures.timeout_ns), NOW, "1ms", YEAR, NULL},
  {"failures.max_result", &amz_type_bytes, AT(failures.max_result), NOW, "1", "1024TiB", NULL},
  {"failures.grace", &amz_type_duration, AT(failures.grace_ns), NOW, "0", "24h", NULL},
  {"failures.stop_after", &amz_type_stop_after, AT(failures.stop_after), NOW, "1", "4611686018427387904", NULL},
  {"failures.idempotent", &amz_type_bool, AT(failures.idempotent), LATER, NULL, NULL, NULL},
  {"output.stdout", &amz_type_second, AT(output.discard_stdout), NOW, NULL, NULL, stdouts},
  {"output.results", &amz_type_text, AT(output.results), NOW, NULL, NULL, NULL},
  {"output.reduce", &amz_type_choice, AT(output.reduce), NOW, NULL, NULL, reductions},
  {"output.gather", &amz_type_bool, AT(output.gather), NOW, NULL, NULL, NULL},
  {"slurm.partition", &amz_type_text, AT(slurm.partition), NOW, NULL, NULL, NULL},
  {"slurm.account", &amz_type_text, AT(slurm.account), NOW, NULL, NULL, NULL},
  {"slurm.extra", &amz_type_texts, AT(slurm.extra), NOW, NULL, NULL, NULL},
  {"slurm.requeue", &amz_type_bool, AT(slurm.requeue), NOW, NULL, NULL, NULL},
};
const size_t amz_settings_n_keys = sizeof amz_settings_keys / sizeof *amz_settings_keys;

const struct amz_key amz_stage_keys[] = {
  {"stage.broadcast", &amz_type_texts, offsetof(struct amz_stage, broadcast), LATER, NULL, NULL, NULL},
  {"stage.scratch", &amz_type_text, offsetof(struct amz_stage, scratch), NOW, NULL, NULL, NULL},
};
const size_t amz_stage_n_keys = sizeof amz_stage_keys / sizeof *amz_stage_keys;

/* ---- numbers that may be a column's ---- */

/* "{name}" \return AMZ_OK with the name; AMZ_EINVAL: not of that shape. Whether there is such a name is seen when all are known. */
static int column(struct amz_reader *r, const struct amz_yaml *node, const char **ret)
{
  if (node->kind != AMZ_YAML_SCALAR || node->len < 3 || node->text[0] != '{' || node->text[node->len - 1] != '}')
    return AMZ_EINVAL;
  if (strcspn(node->text + 1, "{}:") != node->len - 2)
    return AMZ_EINVAL;
  *ret = amz_arena_strndup(r->arena, node->text + 1, node->len - 2);
  return *ret ? AMZ_OK : AMZ_ENOMEM;
}

static int read_threads(struct amz_reader *r, const struct amz_key *key, const struct amz_yaml *node, void *target)
{
  S *settings = (S *)(void *)((char *)target - AT(resources));
  int rc = column(r, node, &settings->resources.threads_column);

  return rc == AMZ_EINVAL ? amz_type_count_or_auto.read(r, key, node, &settings->resources.threads) : rc;
}

static const struct amz_type type_threads = {"a whole number, auto, or a name like \"{column}\"", 0, read_threads, NULL};

static int read_memory(struct amz_reader *r, const struct amz_key *key, const struct amz_yaml *node, void *target)
{
  S *settings = (S *)(void *)((char *)target - AT(resources));
  int rc = column(r, node, &settings->resources.memory_column);

  if (rc != AMZ_EINVAL)
    return rc;
  if (node->kind == AMZ_YAML_SCALAR && strcmp(node->text, "auto") == 0)
    return AMZ_OK;
  return amz_type_bytes.read(r, key, node, &settings->resources.memory_bytes);
}

static const struct amz_type type_memory = {"a size like 4GiB, auto, or a name like \"{column}\"", 0, read_memory, NULL};

/* ---- reading ---- */

static const S defaults = {
  .resources = {.threads = 1},
  .plan = {.nodes = AMZ_AUTO, .ranks_per_node = AMZ_AUTO, .slots_per_rank = AMZ_AUTO, .threads_per_task = AMZ_AUTO, .max_workers = AMZ_AUTO,
           .efficiency = 0.8},
  .chunks = {.policy = "adaptive", .target_ns = 200000000, .min_ns = 50000000, .max_ns = 1000000000, .rate = 0.3},
  .sample = {.tasks_min = 5, .tasks_max = 50, .time_ns = 10000000000, .confidence = 0.95, .precision = 0.05, .reuse = true},
  .failures = {.backoff_ns = 1000000000, .max_result = UINT64_C(64) << 20, .grace_ns = 20000000000},
};

/* Presets are other defaults: what the user writes wins over them. (What else they change is where plans are made and results recorded.) */
static void apply_preset(S *settings)
{
  static const struct {
    int64_t target_ns, min_ns;
  } chunks[] = {
    [AMZ_PRESET_DEFAULT] = {200000000, 50000000}, [AMZ_PRESET_THROUGHPUT] = {1000000000, 50000000}, [AMZ_PRESET_MEMORY] = {500000000, 50000000},
    [AMZ_PRESET_LATENCY] = {50000000, 10000000}, [AMZ_PRESET_IO] = {200000000, 50000000},
  };

  settings->chunks.target_ns = chunks[settings->preset].target_ns;
  settings->chunks.min_ns = chunks[settings->preset].min_ns;
  if (settings->preset == AMZ_PRESET_MEMORY) /* cores that memory leaves idle may serve the tasks that fit */
    settings->resources.threads = AMZ_AUTO;
}

int amz_settings_read(struct amz_reader *r, const struct amz_yaml *root, S *settings, struct amz_stage *stage)
{
  static const char *const sections[] = {"resources", "plan", "chunks", "sample", "failures", "output", "slurm"};
  const struct amz_yaml *map;
  int rc;

  *settings = defaults;
  *stage = (struct amz_stage){{NULL, 0}, NULL};
  rc = amz_schema_read(r, root, "", amz_settings_keys, amz_settings_n_keys, amz_schema_roots, settings);
  apply_preset(settings);
  for (size_t i = 0; i < sizeof sections / sizeof *sections && rc == AMZ_OK; i++) {
    map = amz_yaml_at(root, sections[i]);
    if (map)
      rc = amz_schema_read(r, map, sections[i], amz_settings_keys, amz_settings_n_keys, NULL, settings);
  }
  map = amz_yaml_at(root, "stage");
  if (map && rc == AMZ_OK)
    rc = amz_schema_read(r, map, "stage", amz_stage_keys, amz_stage_n_keys, NULL, stage);
  return rc;
}
