/* YAML text to tree, over libyaml's events.
 *
 * Its events rather than its documents, because then depth, aliases and sizes are bounded while the text is being read, not after
 * it has all been built. The first error ends it: what follows a broken line is seldom what the user meant. Not so for findings
 * about keys. */
#include "tree.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <yaml.h>

#include <amorsize/alloc.h>
#include <amorsize/job.h>

struct frame { /* a list or map that is still open */
  struct amz_yaml *node;
  struct amz_yaml **items; /* malloc'ed while it grows */
  size_t count, cap;
};

struct anchor {
  const char *name;
  struct amz_yaml *node;
};

struct composer {
  yaml_parser_t parser;
  struct amz_arena *arena;
  struct amz_diags *diags;
  const char *file, *text;
  size_t len;
  bool numbered;
  struct frame frames[AMZ_YAML_DEPTH];
  size_t depth;
  struct anchor *anchors;
  size_t n_anchors, anchors_cap;
  size_t weight;
  struct amz_yaml *root;
};

/* An error at a place of the text, 0-based as libyaml counts. */
static int stop_at(struct composer *c, size_t line, size_t column, const char *what)
{
  amz_diags_add(c->diags, AMZ_ERROR, c->file, c->numbered ? line + 1 : 0, c->numbered ? column + 1 : 0, "%s", what);
  return AMZ_EINVAL;
}

static int stop(struct composer *c, const yaml_mark_t *mark, const char *what)
{
  return stop_at(c, mark->line, mark->column, what);
}

/* Line and column of a byte of the text. */
static int stop_at_byte(struct composer *c, size_t at, const char *what)
{
  size_t line = 0, column = 0;

  for (size_t i = 0; i < at && i < c->len; i++) {
    if (c->text[i] == '\n') {
      line++;
      column = 0;
    } else if (((unsigned char)c->text[i] & 0xc0) != 0x80) {
      column++;
    }
  }
  return stop_at(c, line, column, what);
}

/* \return the byte at a mark, '\0' past the end. */
static char byte_at(const struct composer *c, const yaml_mark_t *mark)
{
  const char *at = c->text, *end = c->text + c->len;

  for (size_t line = 0; line < mark->line; line++) {
    at = memchr(at, '\n', (size_t)(end - at));
    if (!at)
      return '\0';
    at++;
  }
  for (size_t column = 0; at < end && column < mark->column; column++)
    for (at++; at < end && ((unsigned char)*at & 0xc0) == 0x80; at++)
      ;
  return at < end ? *at : '\0';
}

/* Turns libyaml's refusal into a finding. */
static int refused(struct composer *c)
{
  const yaml_parser_t *p = &c->parser;
  char words[256];

  if (p->error == YAML_MEMORY_ERROR)
    return AMZ_ENOMEM;
  if (p->error == YAML_READER_ERROR)
    return stop_at_byte(c, p->problem_offset, "not text in UTF-8");
  if (byte_at(c, &p->problem_mark) == '\t')
    return stop(c, &p->problem_mark, "not valid YAML: a tab, where YAML allows only blanks");
  (void)snprintf(words, sizeof words, "not valid YAML: %s%s%s%s", p->problem ? p->problem : "cannot be read",
                 p->context ? " (" : "", p->context ? p->context : "", p->context ? ")" : "");
  return stop(c, &p->problem_mark, words);
}

/* Tags aren't supported, so neither are their directives, for which libyaml takes quadratic time. */
static int check_directives(struct composer *c)
{
  static const char directive[] = "%TAG";
  const char *end = c->text + c->len, *line = c->text;

  while (line) {
    if ((size_t)(end - line) >= sizeof directive - 1 && memcmp(line, directive, sizeof directive - 1) == 0)
      return stop_at_byte(c, (size_t)(line - c->text), "%TAG is not supported: each key has one type");
    line = memchr(line, '\n', (size_t)(end - line));
    if (line)
      line++;
  }
  return AMZ_OK;
}

/* Control characters tell a binary file, and NUL would cut texts short. */
static int check_bytes(struct composer *c)
{
  if (c->len > AMZ_JOB_TEXT_MAX) {
    amz_diags_add(c->diags, AMZ_ERROR, c->file, 0, 0, "larger than %d MiB: long lists belong in files of their own (lines, csv)",
                  (int)(AMZ_JOB_TEXT_MAX >> 20));
    return AMZ_EINVAL;
  }
  for (size_t i = 0; i < c->len; i++) {
    unsigned char byte = (unsigned char)c->text[i];
    char words[64];

    if ((byte >= 0x20 && byte != 0x7f) || byte == '\n' || byte == '\r' || byte == '\t')
      continue;
    (void)snprintf(words, sizeof words, "not a text file: it holds a byte 0x%02x", byte);
    return stop_at_byte(c, i, words);
  }
  return check_directives(c);
}

/* ---- building ---- */

static int count_weight(struct composer *c, size_t n, const yaml_mark_t *mark)
{
  c->weight += n;
  if (c->weight <= AMZ_YAML_WEIGHT)
    return AMZ_OK;
  return stop(c, mark, "too many values, aliases written out: long lists belong in files of their own (lines, csv)");
}

static struct amz_yaml *new_node(struct composer *c, enum amz_yaml_kind kind, const yaml_event_t *event)
{
  struct amz_yaml *node = amz_arena_array(c->arena, 1, sizeof *node);

  if (!node)
    return NULL;
  node->kind = kind;
  node->file = c->file;
  node->line = c->numbered ? event->start_mark.line + 1 : 0;
  node->column = c->numbered ? event->start_mark.column + 1 : 0;
  node->weight = 1;
  return node;
}

/* Puts a value where it belongs: into the innermost open list or map, or at the root. */
static int attach(struct composer *c, struct amz_yaml *node)
{
  struct frame *f;
  int rc;

  if (c->depth == 0) {
    c->root = node;
    return AMZ_OK;
  }
  f = &c->frames[c->depth - 1];
  rc = amz_grow((void **)&f->items, &f->cap, f->count + 1, sizeof *f->items);
  if (rc < 0)
    return rc;
  f->items[f->count++] = node;
  f->node->weight += node->weight;
  return AMZ_OK;
}

static int remember_anchor(struct composer *c, const yaml_char_t *name, struct amz_yaml *node, const yaml_mark_t *mark)
{
  char *copy;
  int rc;

  if (!name)
    return AMZ_OK;
  if (c->n_anchors >= AMZ_YAML_ANCHORS)
    return stop(c, mark, "more than 1000 anchors");
  rc = amz_grow((void **)&c->anchors, &c->anchors_cap, c->n_anchors + 1, sizeof *c->anchors);
  copy = rc < 0 ? NULL : amz_arena_strndup(c->arena, (const char *)name, strlen((const char *)name));
  if (!copy)
    return AMZ_ENOMEM;
  c->anchors[c->n_anchors++] = (struct anchor){copy, node};
  return AMZ_OK;
}

/* Tags would let a text claim types that the schema decides. */
static int check_tag(struct composer *c, const yaml_char_t *tag, const yaml_mark_t *mark)
{
  char shown[AMZ_YAML_SHOWN], words[128];

  if (!tag)
    return AMZ_OK;
  (void)snprintf(words, sizeof words, "the tag %s is not supported: each key has one type",
                 amz_text_show((const char *)tag, strlen((const char *)tag), shown));
  return stop(c, mark, words);
}

static int on_scalar(struct composer *c, const yaml_event_t *event)
{
  const yaml_mark_t *mark = &event->start_mark;
  struct amz_yaml *node;
  bool quoted = event->data.scalar.style == YAML_SINGLE_QUOTED_SCALAR_STYLE ||
      event->data.scalar.style == YAML_DOUBLE_QUOTED_SCALAR_STYLE;
  int rc = check_tag(c, event->data.scalar.tag, mark);

  if (rc == AMZ_OK)
    rc = count_weight(c, 1 + event->data.scalar.length / AMZ_YAML_WEIGHT_BYTES, mark);
  if (rc < 0)
    return rc;
  if (memchr(event->data.scalar.value, '\0', event->data.scalar.length))
    return stop(c, mark, "a NUL byte in a text");
  node = new_node(c, AMZ_YAML_SCALAR, event);
  if (!node)
    return AMZ_ENOMEM;
  node->len = event->data.scalar.length;
  node->weight += node->len / AMZ_YAML_WEIGHT_BYTES;
  node->text = amz_arena_strndup(c->arena, (const char *)event->data.scalar.value, node->len);
  if (!node->text)
    return AMZ_ENOMEM;
  node->plain = event->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
  node->inset = quoted ? 1 : 0;
  node->one_line = c->numbered && (node->plain || quoted) && event->end_mark.line == mark->line;
  rc = remember_anchor(c, event->data.scalar.anchor, node, mark);
  return rc < 0 ? rc : attach(c, node);
}

static int open_frame(struct composer *c, enum amz_yaml_kind kind, const yaml_event_t *event, const yaml_char_t *tag,
                      const yaml_char_t *anchor)
{
  const yaml_mark_t *mark = &event->start_mark;
  struct amz_yaml *node;
  int rc = check_tag(c, tag, mark);

  if (rc == AMZ_OK)
    rc = count_weight(c, 1, mark);
  if (rc < 0)
    return rc;
  if (c->depth == AMZ_YAML_DEPTH)
    return stop(c, mark, "nested more than 32 levels deep");
  node = new_node(c, kind, event);
  if (!node)
    return AMZ_ENOMEM;
  c->frames[c->depth++] = (struct frame){node, NULL, 0, 0};
  return remember_anchor(c, anchor, node, mark);
}

static bool is_open(const struct composer *c, const struct amz_yaml *node)
{
  for (size_t i = 0; i < c->depth; i++)
    if (c->frames[i].node == node)
      return true;
  return false;
}

static int on_alias(struct composer *c, const yaml_event_t *event)
{
  const char *name = (const char *)event->data.alias.anchor;
  char shown[AMZ_YAML_SHOWN], words[128];
  int rc;

  for (size_t i = c->n_anchors; i > 0; i--) { /* the latest anchor of that name counts */
    struct amz_yaml *node = c->anchors[i - 1].node;

    if (strcmp(c->anchors[i - 1].name, name) != 0)
      continue;
    if (is_open(c, node))
      return stop(c, &event->start_mark, "an alias of what it stands in");
    rc = count_weight(c, node->weight, &event->start_mark);
    return rc < 0 ? rc : attach(c, node);
  }
  (void)snprintf(words, sizeof words, "an alias of %s, which is no anchor", amz_text_show(name, strlen(name), shown));
  return stop(c, &event->start_mark, words);
}

static const struct amz_yaml *twin_before(const struct frame *f, size_t i)
{
  const struct amz_yaml *key = f->items[i];

  for (size_t j = 0; j < i; j += 2)
    if (f->items[j]->len == key->len && memcmp(f->items[j]->text, key->text, key->len) == 0)
      return f->items[j];
  return NULL;
}

/* \return whether the pair is good; else the finding is made. */
static bool check_key(struct composer *c, const struct frame *f, size_t i)
{
  const struct amz_yaml *key = f->items[i], *twin;
  char shown[AMZ_YAML_SHOWN];

  if (key->kind != AMZ_YAML_SCALAR) {
    amz_yaml_error(c->diags, key, "a key must be a text, got %s", amz_yaml_show(key, shown));
    return false;
  }
  if (key->plain && strcmp(key->text, "<<") == 0) {
    amz_yaml_error(c->diags, key, "merge keys (<<) are not supported: write the keys out");
    return false;
  }
  twin = twin_before(f, i);
  if (!twin)
    return true;
  if (twin->line)
    amz_yaml_error(c->diags, key, "duplicate key %s (first on line %zu)", amz_yaml_show(key, shown), twin->line);
  else
    amz_yaml_error(c->diags, key, "duplicate key %s", amz_yaml_show(key, shown));
  return false;
}

/* Bad pairs are dropped, so that the rest of the file is checked as well. */
static int check_keys(struct composer *c, struct frame *f, const yaml_mark_t *mark)
{
  size_t kept = 0;

  if (f->count / 2 > AMZ_YAML_KEYS)
    return stop(c, mark, "a mapping of more than 500 keys");
  for (size_t i = 0; i < f->count; i += 2) {
    f->items[kept] = f->items[i];
    f->items[kept + 1] = f->items[i + 1];
    if (check_key(c, f, kept))
      kept += 2;
  }
  f->count = kept;
  return AMZ_OK;
}

static int close_frame(struct composer *c, const yaml_event_t *event)
{
  struct frame *f = &c->frames[c->depth - 1];
  struct amz_yaml *node = f->node;
  bool map = node->kind == AMZ_YAML_MAP;
  int rc = map ? check_keys(c, f, &event->start_mark) : AMZ_OK;

  if (rc < 0)
    return rc;
  node->items = amz_arena_array(c->arena, f->count, sizeof *node->items);
  if (!node->items)
    return AMZ_ENOMEM;
  if (f->count)
    memcpy(node->items, f->items, f->count * sizeof *node->items);
  node->n = map ? f->count / 2 : f->count;
  free(f->items);
  c->depth--;
  return attach(c, node);
}

static int on_document(struct composer *c, const yaml_event_t *event)
{
  if (c->root)
    return stop(c, &event->start_mark, "a second document: a job description is one document");
  return AMZ_OK;
}

static int on_event(struct composer *c, const yaml_event_t *event)
{
  switch (event->type) {
  case YAML_DOCUMENT_START_EVENT:
    return on_document(c, event);
  case YAML_SCALAR_EVENT:
    return on_scalar(c, event);
  case YAML_ALIAS_EVENT:
    return on_alias(c, event);
  case YAML_SEQUENCE_START_EVENT:
    return open_frame(c, AMZ_YAML_LIST, event, event->data.sequence_start.tag, event->data.sequence_start.anchor);
  case YAML_MAPPING_START_EVENT:
    return open_frame(c, AMZ_YAML_MAP, event, event->data.mapping_start.tag, event->data.mapping_start.anchor);
  case YAML_SEQUENCE_END_EVENT:
  case YAML_MAPPING_END_EVENT:
    return close_frame(c, event);
  default:
    return AMZ_OK;
  }
}

static int compose(struct composer *c)
{
  yaml_event_t event;
  bool more = true;
  int rc = AMZ_OK;

  yaml_parser_set_encoding(&c->parser, YAML_UTF8_ENCODING);
  yaml_parser_set_input_string(&c->parser, (const unsigned char *)c->text, c->len);
  while (more && rc == AMZ_OK) {
    if (!yaml_parser_parse(&c->parser, &event))
      return refused(c);
    more = event.type != YAML_STREAM_END_EVENT;
    rc = on_event(c, &event);
    yaml_event_delete(&event);
  }
  return rc;
}

int amz_yaml_parse(struct amz_arena *arena, const char *file, bool numbered, const char *text, size_t n, struct amz_diags *diags,
                   struct amz_yaml **ret)
{
  struct composer c = {.arena = arena, .diags = diags, .file = file, .numbered = numbered, .text = text, .len = n};
  int rc;

  if (n >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0) { /* a byte order mark is no character of the first line */
    c.text += 3;
    c.len -= 3;
  }
  *ret = NULL;
  rc = check_bytes(&c);
  if (rc < 0)
    return rc;
  if (!yaml_parser_initialize(&c.parser))
    return AMZ_ENOMEM;
  rc = compose(&c);
  yaml_parser_delete(&c.parser);
  while (c.depth > 0)
    free(c.frames[--c.depth].items);
  free(c.anchors);
  if (rc == AMZ_OK && c.root && !amz_yaml_null(c.root))
    *ret = c.root;
  if (rc == AMZ_OK && amz_arena_ok(arena) < 0)
    rc = AMZ_ENOMEM;
  return rc;
}
