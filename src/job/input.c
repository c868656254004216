/* One tree out of a description's text and the command line: the text, then the quick form over it, a given plan over that, then
 * each --set.
 *
 * Each node keeps the name of where it was written, so that a finding names the option and not the file. */
#include <stdio.h>
#include <string.h>

#include "job_impl.h"

enum { OPTION_SHOWN = 80 };

/* ---- small helpers ---- */

/* How findings name an option: as it was written, cut when long. */
static const char *option_name(struct amz_loader *l, const char *option, const char *value)
{
  return amz_arena_printf(&l->tree, "%s %.*s%s", option, OPTION_SHOWN, value, strlen(value) > OPTION_SHOWN ? "…" : "");
}

/* A word of the command line as YAML; an empty one is a null. */
static int parse_word(struct amz_loader *l, const char *file, const char *text, struct amz_yaml **ret)
{
  int rc = amz_yaml_parse(&l->tree, file, false, text, strlen(text), l->reader.diags, ret);

  if (rc < 0 || *ret)
    return rc;
  *ret = amz_yaml_scalar(&l->tree, file, "", 0);
  if (!*ret)
    return AMZ_ENOMEM;
  (*ret)->plain = true;
  return AMZ_OK;
}

/* The map with the value at a dotted path; maps on the way are made when missing. *ret stays as it was when there is something
 * else on the way: the schema will report that. `rest` of a name with dots in it can't be: keys have none. */
static int put(struct amz_loader *l, const char *file, const struct amz_yaml *map, const char *path, struct amz_yaml *value,
               struct amz_yaml **ret)
{
  size_t n = strcspn(path, ".");
  char *key = amz_arena_strndup(&l->tree, path, n);
  const struct amz_yaml *below = map && key ? amz_yaml_at(map, key) : NULL;
  struct amz_yaml *child = value;
  int rc;

  if (!key)
    return AMZ_ENOMEM;
  if (path[n]) {
    if (below && amz_yaml_null(below))
      below = NULL;
    if (below && below->kind != AMZ_YAML_MAP)
      return AMZ_OK;
    child = NULL;
    rc = put(l, file, below, path + n + 1, value, &child);
    if (rc < 0 || !child)
      return rc;
  }
  *ret = amz_yaml_with(&l->tree, file, map, key, child);
  return *ret ? AMZ_OK : AMZ_ENOMEM;
}

int amz_loader_put(struct amz_loader *l, const char *file, const char *path, struct amz_yaml *value)
{
  return put(l, file, l->root, path, value, &l->root);
}

/* ---- --set ---- */

/* The value as YAML; but where no mapping can stand, what is no list and not quoted is a text as it is: `echo {x}: # 1` and
 * `{column}` need no quotes beyond the shell's. */
static int parse_value(struct amz_loader *l, const char *file, const struct amz_set *set, struct amz_yaml **ret)
{
  if (amz_schema_takes_map(set->path) || strspn(set->value, "[\"'") > 0)
    return parse_word(l, file, set->value, ret);
  *ret = amz_yaml_scalar(&l->tree, file, set->value, strlen(set->value));
  return *ret ? AMZ_OK : AMZ_ENOMEM;
}

static int apply_set(struct amz_loader *l, const struct amz_set *set)
{
  bool plain = strcmp(set->option, "--set") == 0;
  char *assignment = plain ? amz_arena_printf(&l->tree, "%s=%s", set->path, set->value) : NULL;
  const char *file = plain && !assignment ? NULL : option_name(l, set->option, plain ? assignment : set->value);
  const char *near;
  struct amz_yaml *value;
  char shown[AMZ_YAML_SHOWN];
  int rc;

  if (!file)
    return AMZ_ENOMEM;
  if (!amz_schema_knows(set->path, &near)) {
    amz_diags_add(l->reader.diags, AMZ_ERROR, file, 0, 0, "unknown key %s%s%s%s",
                  amz_text_show(set->path, strlen(set->path), shown),
                  near ? "; did you mean \"" : "", near ? near : "", near ? "\"?" : "");
    return AMZ_OK;
  }
  rc = parse_value(l, file, set, &value);
  if (rc < 0)
    return rc == AMZ_EINVAL ? AMZ_OK : rc;
  return amz_loader_put(l, file, set->path, value);
}

/* ---- --for ---- */

static bool is_number(const char *text, size_t n)
{
  return n > 0 && strspn(text, "+-.0123456789eE") >= n && strcspn(text, "0123456789") < n;
}

/* {key: value} */
static struct amz_yaml *form(struct amz_loader *l, const char *file, const char *key, struct amz_yaml *value)
{
  return amz_yaml_with(&l->tree, file, NULL, key, value);
}

/* `1..100`, `0..1:0.1`. \return NULL when it is no range (or out of memory, which the arena remembers). */
static struct amz_yaml *short_range(struct amz_loader *l, const char *file, const char *spec)
{
  const char *dots = strstr(spec, ".."), *last = dots ? dots + 2 : NULL, *colon = last ? strchr(last, ':') : NULL;
  size_t last_n = last ? (colon ? (size_t)(colon - last) : strlen(last)) : 0;
  struct amz_yaml *parts[3];
  size_t n = colon ? 3 : 2;

  if (!dots || !is_number(spec, (size_t)(dots - spec)) || !is_number(last, last_n) ||
      (colon && !is_number(colon + 1, strlen(colon + 1))))
    return NULL;
  parts[0] = amz_yaml_scalar(&l->tree, file, spec, (size_t)(dots - spec));
  parts[1] = amz_yaml_scalar(&l->tree, file, last, last_n);
  parts[2] = colon ? amz_yaml_scalar(&l->tree, file, colon + 1, strlen(colon + 1)) : NULL;
  for (size_t i = 0; i < n; i++)
    if (!parts[i])
      return NULL;
  return form(l, file, "range", amz_yaml_list(&l->tree, file, parts, n));
}

/* `a,b,c` */
static struct amz_yaml *short_list(struct amz_loader *l, const char *file, const char *spec)
{
  size_t n = 1;
  struct amz_yaml **parts;

  for (const char *c = spec; *c; c++)
    n += *c == ',';
  parts = amz_arena_array(&l->tree, n, sizeof *parts);
  for (size_t i = 0; parts && i < n; i++) {
    size_t len = strcspn(spec, ",");

    parts[i] = amz_yaml_scalar(&l->tree, file, spec, len);
    if (!parts[i])
      return NULL;
    spec += len + (spec[len] != '\0');
  }
  return parts ? amz_yaml_list(&l->tree, file, parts, n) : NULL;
}

static bool is_flow(const char *spec, size_t n)
{
  return n >= 2 && ((spec[0] == '[' && spec[n - 1] == ']') || (spec[0] == '{' && spec[n - 1] == '}') ||
                    (spec[0] == '"' && spec[n - 1] == '"') || (spec[0] == '\'' && spec[n - 1] == '\''));
}

static int parse_spec(struct amz_loader *l, const char *file, const char *spec, struct amz_yaml **ret)
{
  size_t n = strlen(spec);
  struct amz_yaml *node;

  if (is_flow(spec, n))
    return parse_word(l, file, spec, ret);
  if (n > 1 && *spec == '@') {
    node = amz_yaml_scalar(&l->tree, file, spec + 1, n - 1);
    *ret = node ? form(l, file, "lines", node) : NULL;
  } else {
    *ret = short_range(l, file, spec);
    if (!*ret && strpbrk(spec, "*?[")) {
      node = amz_yaml_scalar(&l->tree, file, spec, n);
      *ret = node ? form(l, file, "glob", node) : NULL;
    } else if (!*ret) {
      *ret = short_list(l, file, spec);
    }
  }
  return *ret ? AMZ_OK : AMZ_ENOMEM;
}

static int apply_loop(struct amz_loader *l, const char *loop)
{
  const char *file = option_name(l, "--for", loop), *equals = strchr(loop, '=');
  char *name = equals ? amz_arena_strndup(&l->tree, loop, (size_t)(equals - loop)) : NULL;
  struct amz_yaml *value, *loops;
  const struct amz_yaml *before;
  int rc;

  if (!file || (equals && !name))
    return AMZ_ENOMEM;
  if (!equals || equals == loop || !equals[1]) {
    amz_diags_add(l->reader.diags, AMZ_ERROR, file, 0, 0, "expected name=VALUES like seed=1..100, x=a,b,c, f=*.txt or f=@file");
    return AMZ_OK;
  }
  rc = parse_spec(l, file, equals + 1, &value);
  if (rc < 0)
    return rc == AMZ_EINVAL ? AMZ_OK : rc;
  before = amz_yaml_at(l->root, "tasks.for");
  if (before && before->kind != AMZ_YAML_MAP)
    before = NULL;
  loops = amz_yaml_with(&l->tree, file, before, name, value);
  return loops ? amz_loader_put(l, file, "tasks.for", loops) : AMZ_ENOMEM;
}

/* ---- all of it ---- */

/* `--command` or `--lines` makes a new tasks block. */
static int apply_quick(struct amz_loader *l, const char *option, const char *key, const char *text)
{
  struct amz_yaml *value, *block;

  if (!text)
    return AMZ_OK;
  value = amz_yaml_scalar(&l->tree, option, text, strlen(text));
  block = value ? form(l, option, key, value) : NULL;
  return block ? amz_loader_put(l, option, "tasks", block) : AMZ_ENOMEM;
}

static int read_text(struct amz_loader *l)
{
  const struct amz_job_input *in = l->input;
  const char *file = in->file_name ? in->file_name : "job";
  bool quick = in->command || in->lines;
  char shown[AMZ_YAML_SHOWN];
  int rc;

  if (!in->yaml_text && quick)
    return AMZ_OK;
  rc = amz_yaml_parse(&l->tree, file, true, in->yaml_text ? in->yaml_text : "", in->yaml_text ? in->yaml_len : 0, l->reader.diags,
                      &l->root);
  if (rc < 0 || (!l->root && quick))
    return rc;
  if (!l->root) {
    amz_diags_add(l->reader.diags, AMZ_ERROR, file, 0, 0, "empty: a job description needs at least tasks: with a command");
    return AMZ_EINVAL;
  }
  if (l->root->kind == AMZ_YAML_MAP)
    return AMZ_OK;
  amz_yaml_error(l->reader.diags, l->root, "expected keys like \"tasks:\", got %s", amz_yaml_show(l->root, shown));
  return AMZ_EINVAL;
}

int amz_loader_merge(struct amz_loader *l)
{
  const struct amz_job_input *in = l->input;
  int rc = read_text(l);

  if (rc == AMZ_OK && in->command && in->lines) {
    amz_diags_add(l->reader.diags, AMZ_ERROR, "--lines", 0, 0, "cannot stand beside --command");
    return AMZ_EINVAL;
  }
  if (rc == AMZ_OK)
    rc = apply_quick(l, "--command", "command", in->command);
  if (rc == AMZ_OK)
    rc = apply_quick(l, "--lines", "lines", in->lines);
  for (size_t i = 0; i < in->n_loops && rc == AMZ_OK; i++)
    rc = apply_loop(l, in->loops[i]);
  if (rc == AMZ_OK && in->plan_text)
    rc = amz_loader_apply_plan(l);
  for (size_t i = 0; i < in->n_sets && rc == AMZ_OK; i++)
    rc = apply_set(l, &in->sets[i]);
  return rc;
}
