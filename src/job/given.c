/* A plan that is given to a run: the part of a description that says where and how tasks run, in a file of its own, with what was foreseen.
 *
 * Its values keep their lines and columns, so that whoever edits it is told where he slipped. */
#include <string.h>

#include "job_impl.h"

#define AT(i) ((i) * sizeof(int64_t))
static const struct amz_key prediction_keys[] = {
  {"prediction.makespan", &amz_type_duration, AT(0), AMZ_EFFECT_NOW, "1us", "8760h", NULL},
  {"prediction.low", &amz_type_duration, AT(1), AMZ_EFFECT_NOW, "0", "8760h", NULL},
  {"prediction.high", &amz_type_duration, AT(2), AMZ_EFFECT_NOW, "0", "8760h", NULL},
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
      amz_yaml_error(l->reader.diags, key, "unknown key %s%s%s%s", amz_text_show(path, strlen(path), shown), near ? "; did you mean \"" : "",
                     near ? near : "", near ? "\"?" : "");
  }
  return rc;
}

static int read_prediction(struct amz_loader *l, const struct amz_yaml *map)
{
  int64_t *p = l->prediction_ns;
  int rc = amz_schema_read(&l->reader, map, "prediction", prediction_keys, sizeof prediction_keys / sizeof *prediction_keys, NULL, p);

  if (rc == AMZ_OK && p[1] > p[2])
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
