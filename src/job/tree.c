/* The tree's own operations: looking things up, making new nodes, pointing at them in findings. */
#include "tree.h"

#include <stdio.h>
#include <string.h>

static struct amz_yaml *new_node(struct amz_arena *arena, const char *file, enum amz_yaml_kind kind)
{
  struct amz_yaml *node = amz_arena_array(arena, 1, sizeof *node);

  if (!node)
    return NULL;
  node->kind = kind;
  node->file = file;
  node->weight = 1;
  return node;
}

struct amz_yaml *amz_yaml_scalar(struct amz_arena *arena, const char *file, const char *text, size_t n)
{
  struct amz_yaml *node = new_node(arena, file, AMZ_YAML_SCALAR);

  if (!node)
    return NULL;
  node->text = amz_arena_strndup(arena, text, n);
  node->len = n;
  node->weight += n / AMZ_YAML_WEIGHT_BYTES;
  return node->text ? node : NULL;
}

struct amz_yaml *amz_yaml_list(struct amz_arena *arena, const char *file, struct amz_yaml **items, size_t n)
{
  struct amz_yaml *node = new_node(arena, file, AMZ_YAML_LIST);

  if (!node)
    return NULL;
  node->items = amz_arena_array(arena, n, sizeof *node->items);
  if (!node->items)
    return NULL;
  for (size_t i = 0; i < n; i++) {
    node->items[i] = items[i];
    node->weight += items[i]->weight;
  }
  node->n = n;
  return node;
}

static size_t pair_of(const struct amz_yaml *map, const char *key, size_t len)
{
  for (size_t i = 0; i < map->n; i++)
    if (map->items[2 * i]->len == len && memcmp(map->items[2 * i]->text, key, len) == 0)
      return i;
  return map->n;
}

struct amz_yaml *amz_yaml_with(struct amz_arena *arena, const char *file, const struct amz_yaml *map, const char *key,
                               struct amz_yaml *value)
{
  struct amz_yaml *node = new_node(arena, file, AMZ_YAML_MAP), *name = amz_yaml_scalar(arena, file, key, strlen(key));
  size_t n = map ? map->n : 0, at = map ? pair_of(map, key, strlen(key)) : 0;

  if (!node || !name || !value)
    return NULL;
  node->items = amz_arena_array(arena, 2 * (n + 1), sizeof *node->items);
  if (!node->items)
    return NULL;
  if (map) {
    node->file = map->file;
    node->line = map->line;
    node->column = map->column;
    if (n)
      memcpy(node->items, map->items, 2 * n * sizeof *node->items);
  }
  node->items[2 * at] = name;
  node->items[2 * at + 1] = value;
  node->n = at == n ? n + 1 : n;
  for (size_t i = 0; i < 2 * node->n; i++)
    node->weight += node->items[i]->weight;
  return node;
}

/* The pair at the end of a dotted path: ret[0] its key, ret[1] its value. */
static bool pair_at(const struct amz_yaml *map, const char *path, const struct amz_yaml *ret[2])
{
  for (;;) {
    size_t len = strcspn(path, "."), at;

    if (!map || map->kind != AMZ_YAML_MAP)
      return false;
    at = pair_of(map, path, len);
    if (at == map->n)
      return false;
    if (!path[len]) {
      ret[0] = map->items[2 * at];
      ret[1] = map->items[2 * at + 1];
      return true;
    }
    map = map->items[2 * at + 1];
    path += len + 1;
  }
}

const struct amz_yaml *amz_yaml_at(const struct amz_yaml *map, const char *path)
{
  const struct amz_yaml *pair[2];

  return pair_at(map, path, pair) ? pair[1] : NULL;
}

const struct amz_yaml *amz_yaml_key_at(const struct amz_yaml *map, const char *path)
{
  const struct amz_yaml *pair[2];

  return pair_at(map, path, pair) ? pair[0] : NULL;
}

bool amz_yaml_null(const struct amz_yaml *node)
{
  return node->kind == AMZ_YAML_SCALAR && node->plain &&
         (node->len == 0 || strcmp(node->text, "~") == 0 || strcmp(node->text, "null") == 0);
}

static void add(struct amz_diags *d, enum amz_severity severity, const struct amz_yaml *at, size_t column, const char *format,
                va_list ap)
{
  char words[2048];

  (void)vsnprintf(words, sizeof words, format, ap);
  amz_diags_add(d, severity, at->file, at->line, column, "%s", words);
}

void amz_yaml_error(struct amz_diags *d, const struct amz_yaml *at, const char *format, ...)
{
  va_list ap;

  va_start(ap, format);
  add(d, AMZ_ERROR, at, at->column, format, ap);
  va_end(ap);
}

void amz_yaml_warning(struct amz_diags *d, const struct amz_yaml *at, const char *format, ...)
{
  va_list ap;

  va_start(ap, format);
  add(d, AMZ_WARNING, at, at->column, format, ap);
  va_end(ap);
}

/* Columns count characters, as editors do: bytes that continue a UTF-8 sequence don't count. */
static size_t characters(const char *text, size_t n)
{
  size_t count = 0;

  for (size_t i = 0; i < n; i++)
    count += ((unsigned char)text[i] & 0xc0) != 0x80;
  return count;
}

void amz_yaml_error_in(struct amz_diags *d, const struct amz_yaml *at, size_t offset, const char *format, ...)
{
  size_t column = at->column;
  va_list ap;

  if (at->one_line && at->kind == AMZ_YAML_SCALAR)
    column += at->inset + characters(at->text, offset < at->len ? offset : at->len);
  va_start(ap, format);
  add(d, AMZ_ERROR, at, column, format, ap);
  va_end(ap);
}

const char *amz_text_show(const char *text, size_t n, char out[AMZ_YAML_SHOWN])
{
  size_t room = AMZ_YAML_SHOWN - sizeof "\"…\"", end = n < room ? n : room;

  while (end < n && end > 0 && ((unsigned char)text[end] & 0xc0) == 0x80)
    end--;
  (void)snprintf(out, AMZ_YAML_SHOWN, "\"%.*s%s\"", (int)end, text, end < n ? "…" : "");
  return out;
}

const char *amz_yaml_show(const struct amz_yaml *node, char out[AMZ_YAML_SHOWN])
{
  static const char *const kinds[] = {[AMZ_YAML_LIST] = "a list", [AMZ_YAML_MAP] = "a mapping"};

  if (node->kind == AMZ_YAML_SCALAR && !amz_yaml_null(node))
    return amz_text_show(node->text, node->len, out);
  (void)snprintf(out, AMZ_YAML_SHOWN, "%s", node->kind == AMZ_YAML_SCALAR ? "nothing" : kinds[node->kind]);
  return out;
}
