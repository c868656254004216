/* The walker over a table of keys, and what it says when something doesn't fit. */
#include "schema.h"

#include <stdio.h>
#include <string.h>

enum { NAMES_MAX = 128, TARGET_MAX = 64 };

const char *const amz_schema_roots[] = {"job", "tasks", "stage", "after", "stages", "resources", "plan", "chunks", "sample",
  "failures",
  "output", "slurm", NULL};

/* The last part of a path whose parts before it are `section`; NULL when it is none. */
static const char *leaf_in(const char *path, const char *section)
{
  size_t n = strlen(section);

  if (n > 0) {
    if (strncmp(path, section, n) != 0 || path[n] != '.')
      return NULL;
    path += n + 1;
  }
  return strchr(path, '.') ? NULL : path;
}

static const struct amz_key *find_key(const struct amz_key *keys, size_t n, const char *section, const char *name)
{
  for (size_t i = 0; i < n; i++) {
    const char *leaf = leaf_in(keys[i].path, section);

    if (leaf && strcmp(leaf, name) == 0)
      return &keys[i];
  }
  return NULL;
}

static bool is_in(const char *const *names, const char *name)
{
  for (; names && *names; names++)
    if (strcmp(*names, name) == 0)
      return true;
  return false;
}

static const struct {
  const struct amz_key *keys;
  const size_t *n;
} tables[] = {{amz_settings_keys, &amz_settings_n_keys}, {amz_block_keys, &amz_block_n_keys},
  {amz_stream_keys, &amz_stream_n_keys},
  {amz_stage_keys, &amz_stage_n_keys}};

enum { TABLES = sizeof tables / sizeof *tables };

/* The key of that last name in any section: `target: 1s` at the root is meant for chunks.target. */
static const char *elsewhere(const char *name)
{
  for (size_t t = 0; t < TABLES; t++)
    for (size_t i = 0; i < *tables[t].n; i++) {
      const char *dot = strrchr(tables[t].keys[i].path, '.');

      if (dot && strcmp(dot + 1, name) == 0)
        return tables[t].keys[i].path;
    }
  return NULL;
}

static void unknown_key(struct amz_reader *r, const struct amz_yaml *name, const char *section, const struct amz_key *keys,
                        size_t n_keys,
                        const char *const *also)
{
  const char *names[NAMES_MAX], *near, *dot = *section ? "." : "", *other;
  size_t n = 0;
  char shown[AMZ_YAML_SHOWN], path[2 * AMZ_YAML_SHOWN];

  for (size_t i = 0; i < n_keys && n < NAMES_MAX; i++)
    if (leaf_in(keys[i].path, section))
      names[n++] = leaf_in(keys[i].path, section);
  for (; also && *also && n < NAMES_MAX; also++)
    names[n++] = *also;
  near = amz_nearest(name->text, names, n);
  other = near ? NULL : elsewhere(name->text);
  (void)snprintf(path, sizeof path, "%s%s%s", section, dot, name->text);
  (void)amz_text_show(path, strlen(path), shown);
  if (near)
    amz_yaml_error(r->diags, name, "unknown key %s; did you mean \"%s%s%s\"?", shown, section, dot, near);
  else if (other)
    amz_yaml_error(r->diags, name, "unknown key %s; did you mean \"%s\"?", shown, other);
  else
    amz_yaml_error(r->diags, name, "unknown key %s", shown);
}

/* ---- one value ---- */

/* What the user may have meant, for words: a choice's nearest name, another language's true. */
static const char *meant(const struct amz_key *key, const struct amz_yaml *value)
{
  static const char *const yes[] = {"yes", "Yes", "YES", "on", "On", "ON", "True", "TRUE", "1", "y", NULL};
  static const char *const no[] = {"no", "No", "NO", "off", "Off", "OFF", "False", "FALSE", "0", "n", NULL};
  size_t n = 0;

  if (value->kind != AMZ_YAML_SCALAR)
    return NULL;
  if (key->type == &amz_type_bool)
    return is_in(yes, value->text) ? "true" : is_in(no, value->text) ? "false" : NULL;
  while (key->names && key->names[n])
    n++;
  return n ? amz_nearest(value->text, key->names, n) : NULL;
}

static void wrong_type(struct amz_reader *r, const struct amz_key *key, const struct amz_yaml *value)
{
  struct amz_buf text = AMZ_BUF_INIT;
  const char *near = meant(key, value);
  char shown[AMZ_YAML_SHOWN];

  amz_buf_addf(&text, "%s: expected %s", key->path, key->type->expected ? key->type->expected : "one of ");
  for (size_t i = 0; !key->type->expected && key->names[i]; i++)
    amz_buf_addf(&text, "%s%s", i ? ", " : "", key->names[i]);
  amz_buf_addf(&text, ", got %s", amz_yaml_show(value, shown));
  if (near)
    amz_buf_addf(&text, "; did you mean %s?", near);
  if (amz_buf_ok(&text) == AMZ_OK)
    amz_yaml_error(r->diags, value, "%s", amz_buf_text(&text));
  else
    r->diags->failed = true;
  amz_buf_clear(&text);
}

static void out_of_range(struct amz_reader *r, const struct amz_key *key, const struct amz_yaml *value)
{
  char shown[AMZ_YAML_SHOWN];

  (void)amz_yaml_show(value, shown);
  if (key->type->range)
    amz_yaml_error(r->diags, value, "%s: must be %s, got %s", key->path, key->type->range, shown);
  else if (key->min && key->max)
    amz_yaml_error(r->diags, value, "%s: must be between %s and %s, got %s", key->path, key->min, key->max, shown);
  else
    amz_yaml_error(r->diags, value, "%s: out of range, got %s", key->path, shown);
}

int amz_schema_read_value(struct amz_reader *r, const struct amz_key *key, const struct amz_yaml *name,
                          const struct amz_yaml *value, void *target)
{
  unsigned char before[TARGET_MAX];
  int rc;

  memcpy(before, target, key->type->size);
  rc = key->type->read(r, key, value, target);
  if (rc == AMZ_ENOMEM)
    return rc;
  if (rc == AMZ_ERANGE)
    out_of_range(r, key, value);
  else if (rc < 0)
    wrong_type(r, key, value);
  else if (key->effect == AMZ_EFFECT_LATER && memcmp(before, target, key->type->size) != 0)
    amz_yaml_warning(r->diags, name, "%s has no effect yet", key->path);
  return AMZ_OK;
}

int amz_schema_read(struct amz_reader *r, const struct amz_yaml *map, const char *section, const struct amz_key *keys,
                    size_t n_keys,
                    const char *const *also, void *base)
{
  char shown[AMZ_YAML_SHOWN];
  int rc = AMZ_OK;

  if (amz_yaml_null(map))
    return AMZ_OK;
  if (map->kind != AMZ_YAML_MAP) {
    amz_yaml_error(r->diags, map, "%s%sexpected a mapping of keys to values, got %s", section, *section ? ": " : "",
                   amz_yaml_show(map, shown));
    return AMZ_OK;
  }
  for (size_t i = 0; i < map->n && rc == AMZ_OK; i++) {
    const struct amz_yaml *name = map->items[2 * i];
    const struct amz_key *key = find_key(keys, n_keys, section, name->text);

    if (key)
      rc = amz_schema_read_value(r, key, name, map->items[2 * i + 1], (char *)base + key->at);
    else if (!is_in(also, name->text))
      unknown_key(r, name, section, keys, n_keys, also);
  }
  return rc;
}

/* ---- paths for --set ---- */

bool amz_schema_knows(const char *path, const char **ret_nearest)
{
  static const char *const open[] = {"tasks.for.", "tasks.env."}; /* any name may follow */
  const char *names[NAMES_MAX];
  size_t n = 0;

  for (size_t t = 0; t < TABLES; t++)
    for (size_t i = 0; i < *tables[t].n && n < NAMES_MAX; i++)
      names[n++] = tables[t].keys[i].path;
  for (size_t i = 0; amz_schema_roots[i] && n < NAMES_MAX; i++)
    names[n++] = amz_schema_roots[i];
  *ret_nearest = NULL;
  for (size_t i = 0; i < n; i++)
    if (strcmp(names[i], path) == 0)
      return true;
  for (size_t i = 0; i < sizeof open / sizeof *open; i++)
    if (strncmp(path, open[i], strlen(open[i])) == 0)
      return path[strlen(open[i])] != '\0' && !strchr(path + strlen(open[i]), '.');
  *ret_nearest = amz_nearest(path, names, n);
  if (!*ret_nearest && !strchr(path, '.'))
    *ret_nearest = elsewhere(path);
  return false;
}

bool amz_schema_takes_map(const char *path)
{
  if (strncmp(path, "tasks.env.", 10) == 0)
    return false;
  for (size_t t = 0; t < TABLES; t++)
    for (size_t i = 0; i < *tables[t].n; i++)
      if (strcmp(tables[t].keys[i].path, path) == 0)
        return tables[t].keys[i].type == &amz_type_map_node || tables[t].keys[i].type == &amz_type_any_node ||
               tables[t].keys[i].type == &amz_type_text_or_map_node;
  return strcmp(path, "job") != 0 && strcmp(path, "after") != 0;
}
