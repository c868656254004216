/* The pieces of a template: reading them from a text, and filling them with a task's values. */
#include "parts.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include <amorsize/alloc.h>
#include <amorsize/diag.h>

static const struct {
  const char *name;
  enum amz_part_kind kind;
} builtins[] = {
  {"index", AMZ_PART_INDEX}, {"threads", AMZ_PART_THREADS}, {"rank", AMZ_PART_RANK},
  {"slot", AMZ_PART_SLOT},   {"job", AMZ_PART_JOB},         {"scratch", AMZ_PART_SCRATCH},
};
#define N_BUILTINS (sizeof builtins / sizeof *builtins)

static const char *const modifiers[] = {"", "base", "dir", "stem", "ext"}; /* by enum amz_modifier */
#define N_MODIFIERS (sizeof modifiers / sizeof *modifiers)

void amz_parts_clear(struct amz_parts *parts)
{
  free(parts->items);
  amz_buf_clear(&parts->text);
  memset(parts, 0, sizeof *parts);
}

int amz_parts_add(struct amz_parts *parts, struct amz_part part, const char *text, size_t n)
{
  if (amz_part_is_text(&part) && n == 0)
    return AMZ_OK;
  part.begin = parts->text.len;
  part.len = n;
  amz_buf_add(&parts->text, text, n);
  if (amz_buf_ok(&parts->text) < 0 || amz_grow((void **)&parts->items, &parts->cap, parts->count + 1, sizeof *parts->items) < 0)
    return AMZ_ENOMEM;
  parts->items[parts->count++] = part;
  return AMZ_OK;
}

/* ---- reading ---------------------------------------------------------------------------------------------------------- */

struct reader {
  struct amz_parts *parts;
  const char *text;
  bool shell;
  const char *const *names;
  size_t n_names;
  struct amz_error *err;
  size_t wrong; /* offset of what is wrong */
};

static bool same(const char *name, const char *text, size_t n)
{
  return strncmp(name, text, n) == 0 && name[n] == '\0';
}

/* Sets the kind (and the name's number) for a placeholder's name. */
static bool find_name(const struct reader *r, const char *text, size_t n, struct amz_part *part)
{
  for (size_t i = 0; i < r->n_names; i++)
    if (same(r->names[i], text, n)) {
      part->kind = AMZ_PART_NAME;
      part->name = i;
      return true;
    }
  for (size_t i = 0; i < N_BUILTINS; i++)
    if (same(builtins[i].name, text, n)) {
      part->kind = builtins[i].kind;
      return true;
    }
  return false;
}

static bool find_modifier(const char *text, size_t n, struct amz_part *part)
{
  for (size_t i = 1; i < N_MODIFIERS; i++)
    if (same(modifiers[i], text, n)) {
      part->modifier = (enum amz_modifier)i;
      return true;
    }
  return false;
}

/* How much of a user's text a message shows. */
static int shown(size_t n)
{
  return n < 60 ? (int)n : 60;
}

static const char *nearest_name(const struct reader *r, const char *text, size_t n)
{
  const char **all = amz_new_array(r->n_names + N_BUILTINS, sizeof *all), *near = NULL;
  char *word = amz_strndup(text, n);

  if (all && word) {
    for (size_t i = 0; i < r->n_names; i++)
      all[i] = r->names[i];
    for (size_t i = 0; i < N_BUILTINS; i++)
      all[r->n_names + i] = builtins[i].name;
    near = amz_nearest(word, all, r->n_names + N_BUILTINS);
  }
  free(all);
  free(word);
  return near;
}

static bool looks_like_name(const char *text, size_t n)
{
  for (size_t i = 0; i < n; i++)
    if (!((text[i] >= 'a' && text[i] <= 'z') || (text[i] >= 'A' && text[i] <= 'Z') || (text[i] >= '0' && text[i] <= '9') ||
          strchr("_-.:", text[i]) || (unsigned char)text[i] >= 0x80))
      return false;
  return n > 0;
}

static int refuse_name(struct reader *r, const char *text, size_t n, size_t name_n)
{
  struct amz_buf known = AMZ_BUF_INIT;
  const char *near;

  if (n == 0)
    return amz_error_set(r->err, AMZ_EINVAL, "empty placeholder {}; write \"{{}}\" for braces");
  if (!looks_like_name(text, n))
    return amz_error_set(r->err, AMZ_EINVAL, "\"{%.*s}\" is no placeholder; write \"{{\" and \"}}\" for braces", shown(n), text);
  near = nearest_name(r, text, name_n);
  if (near)
    return amz_error_set(r->err, AMZ_EINVAL, "unknown placeholder {%.*s}; did you mean {%.60s}?", shown(name_n), text, near);
  for (size_t i = 0; i < r->n_names && i < 10; i++)
    amz_buf_addf(&known, "%.60s, ", r->names[i]);
  for (size_t i = 0; i < N_BUILTINS; i++)
    amz_buf_addf(&known, "%s%s", builtins[i].name, i + 1 < N_BUILTINS ? ", " : "");
  (void)amz_error_set(r->err, AMZ_EINVAL, "unknown placeholder {%.*s}; known: %s", shown(name_n), text, amz_buf_text(&known));
  amz_buf_clear(&known);
  return AMZ_EINVAL;
}

/* The content of a pair of braces at offset `at` of the text. */
static int read_placeholder(struct reader *r, size_t at, size_t n)
{
  const char *text = r->text + at + 1, *colon;
  struct amz_part part = {.at = at};
  size_t name_n;

  r->wrong = at;
  if (find_name(r, text, n, &part))
    return amz_parts_add(r->parts, part, text, n);
  colon = memchr(text, ':', n);
  name_n = colon ? (size_t)(colon - text) : n;
  if (!find_name(r, text, name_n, &part))
    return refuse_name(r, text, n, name_n);
  if (!find_modifier(colon + 1, n - name_n - 1, &part)) {
    r->wrong = at + 1 + name_n + 1;
    return amz_error_set(r->err, AMZ_EINVAL, "unknown modifier \"%.*s\" in {%.*s}; known: base, dir, stem, ext",
                         shown(n - name_n - 1), colon + 1, shown(n), text);
  }
  return amz_parts_add(r->parts, part, text, name_n);
}

/* From "${" to its "}", with those of nested "${"; 0: it has none. */
static size_t shell_braces(const char *text)
{
  size_t depth = 0, i = 0;

  do {
    if (text[i] == '\0')
      return 0;
    if (text[i] == '$' && text[i + 1] == '{') {
      depth++;
      i++;
    } else if (text[i] == '}') {
      depth--;
    }
    i++;
  } while (depth > 0);
  return i;
}

static int unmatched(struct reader *r, size_t at, const char *words)
{
  r->wrong = at;
  return amz_error_set(r->err, AMZ_EINVAL, "%s", words);
}

/* What begins at a '{', '}' or "${". *ret_n: how many bytes it takes. */
static int read_special(struct reader *r, size_t at, size_t *ret_n)
{
  const char *s = r->text + at;
  size_t n;

  if (s[0] == '$') {
    *ret_n = shell_braces(s);
    return *ret_n ? amz_parts_add(r->parts, (struct amz_part){.kind = AMZ_PART_SHELL, .at = at}, s, *ret_n)
                  : unmatched(r, at, "unmatched \"${\"");
  }
  if (s[1] == s[0]) {
    *ret_n = 2;
    return amz_parts_add(r->parts, (struct amz_part){.kind = AMZ_PART_TEXT, .at = at}, s, 1);
  }
  if (s[0] == '}')
    return unmatched(r, at, "unmatched \"}\"; write \"}}\" for a brace");
  n = strcspn(s + 1, "{}");
  if (s[1 + n] != '}')
    return unmatched(r, at, "unmatched \"{\"; write \"{{\" for a brace");
  *ret_n = n + 2;
  return read_placeholder(r, at, n);
}

int amz_parts_read(struct amz_parts *parts, const char *text, bool shell, const char *const *names, size_t n_names,
                   struct amz_error *err, size_t *ret_at)
{
  struct reader r = {parts, text, shell, names, n_names, err, 0};
  size_t at = 0, from = 0, used = 0;
  int rc = AMZ_OK;

  while (rc == AMZ_OK) {
    at += strcspn(text + at, shell ? "{}$" : "{}");
    if (text[at] == '$' && text[at + 1] != '{') {
      at++;
      continue;
    }
    rc = amz_parts_add(parts, (struct amz_part){.kind = AMZ_PART_TEXT, .at = from}, text + from, at - from);
    if (rc < 0 || text[at] == '\0')
      break;
    rc = read_special(&r, at, &used);
    from = at = at + used;
  }
  if (rc == AMZ_EINVAL)
    *ret_at = r.wrong;
  return rc == AMZ_ENOMEM ? amz_error_set(err, rc, "out of memory for a template") : rc;
}

/* ---- filling ---------------------------------------------------------------------------------------------------------- */

static void add_value(const struct amz_part *p, const struct amz_values *v, struct amz_buf *out)
{
  static const struct amz_place nowhere = {0, 0, 0, NULL};
  const struct amz_place *place = v->place ? v->place : &nowhere;

  switch (p->kind) {
  case AMZ_PART_NAME: v->value(v->ctx, p->name, out); break;
  case AMZ_PART_INDEX: amz_buf_addf(out, "%" PRIu64, v->index); break;
  case AMZ_PART_THREADS: amz_buf_addf(out, "%" PRIu32, place->threads); break;
  case AMZ_PART_RANK: amz_buf_addf(out, "%" PRIu32, place->rank); break;
  case AMZ_PART_SLOT: amz_buf_addf(out, "%" PRIu32, place->slot); break;
  case AMZ_PART_JOB: amz_buf_adds(out, v->job ? v->job : ""); break;
  case AMZ_PART_SCRATCH: amz_buf_adds(out, place->scratch ? place->scratch : ""); break;
  default: break;
  }
}

/* Offset of the last byte c in the n bytes at s; n when there is none. */
static size_t last_of(const char *s, size_t n, char c)
{
  for (size_t i = n; i > 0; i--)
    if (s[i - 1] == c)
      return i - 1;
  return n;
}

struct span {
  const char *s;
  size_t n;
};

static struct span modify(enum amz_modifier modifier, const char *s, size_t n)
{
  size_t slash = last_of(s, n, '/'), base = slash < n ? slash + 1 : 0, dot = last_of(s + base, n - base, '.');

  if (dot == 0)
    dot = n - base; /* .bashrc has no extension */
  switch (modifier) {
  case AMZ_BASE: return (struct span){s + base, n - base};
  case AMZ_DIR:
    if (base == 0)
      return (struct span){".", 1};
    return (struct span){s, slash ? slash : 1};
  case AMZ_STEM: return (struct span){s + base, dot};
  case AMZ_EXT: return (struct span){s + base + dot, n - base - dot};
  default: return (struct span){s, n};
  }
}

static void add_placeholder(const struct amz_part *p, const struct amz_values *values, struct amz_buf *spare, struct amz_buf *out)
{
  struct span part;

  if (p->modifier == AMZ_WHOLE && p->quoting == AMZ_QUOTE_NONE) {
    add_value(p, values, out);
    return;
  }
  amz_buf_reset(spare);
  add_value(p, values, spare);
  if (amz_buf_ok(spare) < 0) {
    out->failed = true;
    return;
  }
  part = modify(p->modifier, amz_buf_text(spare), spare->len);
  if (p->apart)
    amz_buf_adds(out, "\"\"");
  amz_quote_add(p->quoting, part.s, part.n, out);
}

void amz_parts_fill(const struct amz_parts *parts, const struct amz_values *values, struct amz_buf *out)
{
  struct amz_buf spare = AMZ_BUF_INIT;

  for (size_t i = 0; i < parts->count; i++) {
    const struct amz_part *p = &parts->items[i];

    if (amz_part_is_text(p))
      amz_buf_add(out, parts->text.data + p->begin, p->len);
    else if (p->kind == AMZ_PART_BREAK)
      amz_buf_addc(out, '\0');
    else
      add_placeholder(p, values, &spare, out);
  }
  amz_buf_clear(&spare);
}

void amz_parts_print(const struct amz_parts *parts, struct amz_buf *out)
{
  for (size_t i = 0; i < parts->count; i++) {
    const struct amz_part *p = &parts->items[i];
    const char *text = amz_buf_text(&parts->text) + p->begin;

    if (p->kind == AMZ_PART_BREAK) {
      amz_buf_addc(out, '\n');
    } else if (amz_part_is_text(p)) {
      amz_buf_add(out, text, p->len);
    } else {
      amz_buf_addc(out, '{');
      amz_buf_add(out, text, p->len);
      amz_buf_addf(out, "%s%s}", p->modifier == AMZ_WHOLE ? "" : ":", modifiers[p->modifier]);
    }
  }
}

bool amz_parts_use(const struct amz_parts *parts, const char *name)
{
  for (size_t i = 0; i < parts->count; i++) {
    const struct amz_part *p = &parts->items[i];

    if (!amz_part_is_text(p) && p->kind != AMZ_PART_BREAK && same(name, parts->text.data + p->begin, p->len))
      return true;
  }
  return false;
}
