/* The keys of a tasks block, and which of them go together. */
#include <string.h>

#include "block.h"

typedef struct amz_block B;

static const char *const combines[] = {[AMZ_COMBINE_PRODUCT] = "product", [AMZ_COMBINE_ZIP] = "zip", NULL};

#define AT(field) offsetof(B, field)
#define NOW AMZ_EFFECT_NOW
#define LATER AMZ_EFFECT_LATER
const struct amz_key amz_block_keys[] = {
  {"tasks.command", &amz_type_texts_node, AT(command), NOW, NULL, NULL, NULL},
  {"tasks.stream", &amz_type_text_or_map_node, AT(stream), NOW, NULL, NULL, NULL},
  {"tasks.line", &amz_type_text_node, AT(line), NOW, NULL, NULL, NULL},
  {"tasks.plugin", &amz_type_text_node, AT(plugin), NOW, NULL, NULL, NULL},
  {"tasks.args", &amz_type_text_node, AT(args), NOW, NULL, NULL, NULL},
  {"tasks.lines", &amz_type_text_node, AT(lines), NOW, NULL, NULL, NULL},
  {"tasks.csv", &amz_type_text_node, AT(csv), NOW, NULL, NULL, NULL},
  {"tasks.for", &amz_type_map_node, AT(loops), NOW, NULL, NULL, NULL},
  {"tasks.combine", &amz_type_choice, AT(combine), NOW, NULL, NULL, combines},
  {"tasks.env", &amz_type_map_node, AT(env), NOW, NULL, NULL, NULL},
  {"tasks.workdir", &amz_type_text_node, AT(workdir), NOW, NULL, NULL, NULL},
  {"tasks.stdin", &amz_type_text_node, AT(stdin_path), NOW, NULL, NULL, NULL},
  {"tasks.ok_exit", &amz_type_statuses, AT(ok_exit), NOW, "0", "255", NULL},
  {"tasks.creates", &amz_type_text_node, AT(creates), NOW, NULL, NULL, NULL},
  {"tasks.weight", &amz_type_any_node, AT(weight), NOW, NULL, NULL, NULL},
};
const size_t amz_block_n_keys = sizeof amz_block_keys / sizeof *amz_block_keys;

#undef AT
#define AT(field) offsetof(struct amz_block_stream, field)
const struct amz_key amz_stream_keys[] = {
  {"tasks.stream.command", &amz_type_text_node, AT(command), NOW, NULL, NULL, NULL},
  {"tasks.stream.window", &amz_type_count, AT(window), NOW, "1", "4096", NULL},
  {"tasks.stream.sentinel", &amz_type_text_node, AT(sentinel), NOW, NULL, NULL, NULL},
  {"tasks.stream.fail_prefix", &amz_type_text_node, AT(fail_prefix), NOW, NULL, NULL, NULL},
};
const size_t amz_stream_n_keys = sizeof amz_stream_keys / sizeof *amz_stream_keys;

/* The key's node, or the value's when the block was put together from the command line. */
static const struct amz_yaml *key_of(const B *b, const char *name)
{
  return amz_yaml_key_at(b->map, name);
}

static bool has(const B *b, const char *name)
{
  return key_of(b, name) != NULL;
}

/* Exactly one way to run. */
static void check_kind(struct amz_reader *r, const B *b)
{
  static const char *const kinds[] = {"command", "stream", "plugin", "lines"};
  const char *first = NULL;

  for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
    if (!has(b, kinds[i]))
      continue;
    if (first)
      amz_yaml_error(r->diags, key_of(b, kinds[i]), "tasks.%s: cannot stand beside tasks.%s: tasks are of one kind", kinds[i], first);
    else
      first = kinds[i];
  }
  if (!first)
    amz_yaml_error(r->diags, b->map, "tasks: one of command, stream, plugin or lines is needed");
}

/* Keys that need, or can't stand beside, another one. */
static void check_company(struct amz_reader *r, const B *b)
{
  static const struct {
    const char *key, *other;
    bool needs; /* else: excludes */
    const char *why;
  } rules[] = {
    {"line", "stream", true, "it is what a stream's program is given per task"},
    {"args", "plugin", true, "they are what a plug-in is opened with"},
    {"stdin", "stream", false, "a stream's tasks come by its standard input"},
    {"ok_exit", "stream", false, "results, not exit statuses, tell what became of a stream's tasks"},
    {"stdin", "plugin", false, "a plug-in has no standard input"},
    {"creates", "plugin", false, "looking for a file takes longer than many a plug-in's task; it can look by itself"},
    {"ok_exit", "plugin", false, "a plug-in's tasks say themselves whether they have succeeded"},
    {"for", "lines", false, "task lines have no placeholders"},
    {"csv", "lines", false, "task lines have no placeholders"},
    {"combine", "lines", false, "task lines have no placeholders"},
  };

  for (size_t i = 0; i < sizeof rules / sizeof *rules; i++) {
    const struct amz_yaml *key = key_of(b, rules[i].key);

    if (key && has(b, rules[i].other) != rules[i].needs)
      amz_yaml_error(r->diags, key, "tasks.%s: %s tasks.%s: %s", rules[i].key, rules[i].needs ? "needs" : "cannot stand beside",
                     rules[i].other, rules[i].why);
  }
}

static bool is_variable(const char *text)
{
  static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_0123456789";
  size_t n = strlen(text);

  return n > 0 && strspn(text, letters) == n && strchr("0123456789", *text) == NULL;
}

static void check_env(struct amz_reader *r, const B *b)
{
  char shown[AMZ_YAML_SHOWN];

  for (size_t i = 0; b->env && i < b->env->n; i++) {
    const struct amz_yaml *key = b->env->items[2 * i], *value = b->env->items[2 * i + 1];

    if (!is_variable(key->text))
      amz_yaml_error(r->diags, key, "tasks.env: %s cannot be the name of a variable: letters, digits and _ alone", amz_yaml_show(key, shown));
    else if (strncmp(key->text, "AMORSIZE_", 9) == 0)
      amz_yaml_error(r->diags, key, "tasks.env: %s: names with AMORSIZE_ are ours", amz_yaml_show(key, shown));
    if (value->kind != AMZ_YAML_SCALAR || amz_yaml_null(value))
      amz_yaml_error(r->diags, value, "tasks.env.%.64s: expected a text, got %s", key->text, amz_yaml_show(value, shown));
  }
}

static void check_one_line(struct amz_reader *r, const struct amz_yaml *node, const char *path)
{
  if (node && memchr(node->text, '\n', node->len))
    amz_yaml_error(r->diags, node, "%s: must be one line: it is compared with lines", path);
}

/* `stream: TEXT` is short for `stream: {command: TEXT}`. */
static int read_stream(struct amz_reader *r, B *b)
{
  struct amz_block_stream *s = &b->stream_parts;
  int rc;

  *s = (struct amz_block_stream){.window = 1};
  if (!b->stream || b->stream->kind != AMZ_YAML_MAP) {
    s->command = b->stream;
    return AMZ_OK;
  }
  rc = amz_schema_read(r, b->stream, "tasks.stream", amz_stream_keys, amz_stream_n_keys, NULL, s);
  if (rc == AMZ_OK && !amz_yaml_at(b->stream, "command"))
    amz_yaml_error(r->diags, b->stream, "tasks.stream: needs command: the program that is started once per slot");
  check_one_line(r, s->sentinel, "tasks.stream.sentinel");
  check_one_line(r, s->fail_prefix, "tasks.stream.fail_prefix");
  return rc;
}

int amz_block_read(struct amz_reader *r, const struct amz_yaml *map, B *block)
{
  int rc;

  *block = (B){.map = map, .ok_exit = {1, 0, 0, 0}};
  rc = amz_schema_read(r, map, "tasks", amz_block_keys, amz_block_n_keys, NULL, block);
  if (rc < 0 || (map->kind != AMZ_YAML_MAP && !amz_yaml_null(map)))
    return rc;
  if ((rc = read_stream(r, block)) < 0)
    return rc;
  check_kind(r, block);
  check_company(r, block);
  check_env(r, block);
  return AMZ_OK;
}
