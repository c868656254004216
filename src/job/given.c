/* A plan that is given to a run: the part of a description that says where and how tasks run, in a file of its own, with what was
 * foreseen.
 *
 * Its values keep their lines and columns, so that whoever edits it is told where he slipped. */
#include <string.h>

#include <amorsize/units.h>

#include "job_impl.h"

static int read_number(struct amz_reader *r, const struct amz_key *key, const struct amz_yaml *node, void *target)
{
  (void)r;
  (void)key;
  return node->kind == AMZ_YAML_SCALAR ? amz_parse_u64(node->text, target) : AMZ_EINVAL;
}

static const struct amz_type type_number = {"a whole number", sizeof(uint64_t), read_number, NULL};

#define AT(field) offsetof(struct amz_foreseen, field)
static const struct amz_key prediction_keys[] = {
  {"prediction.makespan", &amz_type_duration, AT(makespan_ns), AMZ_EFFECT_NOW, "1us", "8760h", NULL},
  {"prediction.low", &amz_type_duration, AT(low_ns), AMZ_EFFECT_NOW, "0", "8760h", NULL},
  {"prediction.high", &amz_type_duration, AT(high_ns), AMZ_EFFECT_NOW, "0", "8760h", NULL},
  {"prediction.task", &amz_type_duration, AT(task_ns), AMZ_EFFECT_NOW, "0", "8760h", NULL},
  {"prediction.task_stddev", &amz_type_duration, AT(task_stddev_ns), AMZ_EFFECT_NOW, "0", "8760h", NULL},
  {"prediction.tasks", &type_number, AT(tasks), AMZ_EFFECT_NOW, NULL, NULL, NULL},
  {"prediction.slots", &type_number, AT(slots), AMZ_EFFECT_NOW, NULL, NULL, NULL},
  {"prediction.threads", &type_number, AT(threads), AMZ_EFFECT_NOW, NULL, NULL, NULL},
};

static int apply_section(struct amz_loader *l, const struct amz_yaml *name, const struct amz_yaml *map)
{
  char shown[AMZ_YAML_SHOWN];
  int rc = AMZ_OK;

  if (amz_yaml_null(map))
    return AMZ_OK;
  if (map->kind != AMZ_YAML_MAP) {
    amz_yaml_error(l->reader.diags, map, "%s: expected keys with values, got %s", name->text, amz_yaml_show(map, shown));
    return AMZ_OK;
  }
  for (size_t i = 0; i < map->n && rc == AMZ_OK; i++) {
    const struct amz_yaml *key = map->items[2 * i];
    const char *path = amz_arena_printf(&l->tree, "%s.%s", name->text, key->text), *near;

    if (!path)
      return AMZ_ENOMEM;
    if (amz_schema_knows(path, &near))
      rc = amz_loader_put(l, l->input->plan_name, path, map->items[2 * i + 1]);
    else
      amz_yaml_error(l->reader.diags, key, "unknown key %s%s%s%s", amz_text_show(path, strlen(path), shown),
                     near ? "; did you mean \"" : "",
                     near ? near : "", near ? "\"?" : "");
  }
  return rc;
}

static int read_prediction(struct amz_loader *l, const struct amz_yaml *map)
{
  struct amz_foreseen *p = &l->foreseen;
  int rc = amz_schema_read(&l->reader, map, "prediction", prediction_keys, sizeof prediction_keys / sizeof *prediction_keys, NULL,
                           p);

  if (rc == AMZ_OK && p->low_ns > p->high_ns)
    amz_yaml_error(l->reader.diags, map, "prediction: low is more than high");
  return rc;
}

static int apply_pair(struct amz_loader *l, const struct amz_yaml *name, const struct amz_yaml *value)
{
  char shown[AMZ_YAML_SHOWN];

  if (strcmp(name->text, "plan") == 0 || strcmp(name->text, "chunks") == 0)
    return apply_section(l, name, value);
  if (strcmp(name->text, "prediction") == 0)
    return read_prediction(l, value);
  amz_yaml_error(l->reader.diags, name, "unknown key %s: a plan has plan, chunks and prediction", amz_yaml_show(name, shown));
  return AMZ_OK;
}

int amz_loader_apply_plan(struct amz_loader *l)
{
  const struct amz_job_input *in = l->input;
  struct amz_yaml *root;
  char shown[AMZ_YAML_SHOWN];
  int rc = amz_yaml_parse(&l->tree, in->plan_name, true, in->plan_text, in->plan_len, l->reader.diags, &root);

  if (rc < 0)
    return rc;
  if (!root) {
    amz_diags_add(l->reader.diags, AMZ_ERROR, in->plan_name, 0, 0, "empty: a plan has at least plan: with slots_per_rank");
    return AMZ_OK;
  }
  if (root->kind != AMZ_YAML_MAP) {
    amz_yaml_error(l->reader.diags, root, "expected keys like \"plan:\", got %s", amz_yaml_show(root, shown));
    return AMZ_OK;
  }
  for (size_t i = 0; i < root->n && rc == AMZ_OK; i++)
    rc = apply_pair(l, root->items[2 * i], root->items[2 * i + 1]);
  return rc;
}

/* ---- before all else ---- */

static uint32_t count_at(struct amz_reader *r, const struct amz_yaml *root, const char *path)
{
  const struct amz_key key = {path, &amz_type_count_or_auto, 0, AMZ_EFFECT_NOW, "1", "1000000", NULL};
  const struct amz_yaml *value = amz_yaml_at(root, path);
  uint32_t n = AMZ_AUTO;

  return value && key.type->read(r, &key, value, &n) == AMZ_OK && n != AMZ_AUTO ? n : 1;
}

/* A text that is looked at before it is checked: what is wrong with it is told by others. */
struct glance {
  struct amz_reader reader;
  struct amz_arena arena;
  struct amz_diags ignored;
  struct amz_yaml *root; /* NULL: it says nothing */
};

/* \return AMZ_OK; AMZ_ENOMEM. */
static int glance_at(struct glance *g, const char *text, size_t n)
{
  int rc;

  amz_arena_init(&g->arena);
  amz_diags_init(&g->ignored);
  g->reader = (struct amz_reader){&g->arena, &g->ignored};
  g->root = NULL;
  rc = amz_yaml_parse(&g->arena, "plan", true, text, n, &g->ignored, &g->root);
  if (rc != AMZ_OK)
    g->root = NULL;
  return rc == AMZ_ENOMEM ? rc : AMZ_OK;
}

static void look_away(struct glance *g)
{
  amz_diags_clear(&g->ignored);
  amz_arena_clear(&g->arena);
}

int amz_job_plan_ranks(const char *plan_text, size_t n, uint32_t *ret_nodes, uint32_t *ret_ranks_per_node)
{
  struct glance g;
  int rc = glance_at(&g, plan_text, n);

  *ret_nodes = count_at(&g.reader, g.root, "plan.nodes");
  *ret_ranks_per_node = count_at(&g.reader, g.root, "plan.ranks_per_node");
  look_away(&g);
  return rc;
}

int amz_job_plan_chunks(const char *plan_text, size_t n, char ret_policy[AMZ_POLICY_NAME], int64_t *ret_target_ns)
{
  const struct amz_key key = {"chunks.target", &amz_type_duration, 0, AMZ_EFFECT_NOW, "1us", "24h", NULL};
  const struct amz_yaml *policy, *target;
  struct glance g;
  int rc = glance_at(&g, plan_text, n);

  *ret_policy = '\0';
  *ret_target_ns = 0;
  policy = amz_yaml_at(g.root, "chunks.policy");
  target = amz_yaml_at(g.root, "chunks.target");
  if (policy && policy->kind == AMZ_YAML_SCALAR && strlen(policy->text) < AMZ_POLICY_NAME)
    memcpy(ret_policy, policy->text, strlen(policy->text) + 1);
  if (target && key.type->read(&g.reader, &key, target, ret_target_ns) != AMZ_OK)
    *ret_target_ns = 0;
  look_away(&g);
  return rc;
}
