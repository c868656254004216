/* Commands: templates that become argv, by our own reading when that is certain to be what sh would make of it, else by sh. */
#include <stdlib.h>
#include <string.h>

#include "command_impl.h"

struct amz_command_template {
  bool shell;
  size_t argc;
  struct amz_parts parts; /* AMZ_PART_BREAK behind each argument, or behind the shell text */
};

static int no_memory(struct amz_error *err)
{
  return amz_error_set(err, AMZ_ENOMEM, "out of memory for a command");
}

void amz_command_free(struct amz_command_template *c)
{
  if (!c)
    return;
  amz_parts_clear(&c->parts);
  free(c);
}

static int add_break(struct amz_parts *parts)
{
  return amz_parts_add(parts, (struct amz_part){.kind = AMZ_PART_BREAK}, "", 0);
}

/* Copies parts to *ret as one shell text. A blank before a leading '-' or '+' keeps sh from taking the text for options. */
static int add_shell_text(const struct amz_parts *parts, struct amz_parts *ret)
{
  const char *text = parts->text.data;
  int rc = AMZ_OK;

  if (parts->count > 0 && amz_part_is_text(&parts->items[0]) && memchr("-+", text[parts->items[0].begin], 2))
    rc = amz_parts_add(ret, (struct amz_part){.kind = AMZ_PART_TEXT}, " ", 1);
  for (size_t i = 0; rc == AMZ_OK && i < parts->count; i++)
    rc = amz_parts_add(ret, parts->items[i], text + parts->items[i].begin, parts->items[i].len);
  return rc < 0 ? rc : add_break(ret);
}

/* Decides how the command is read and fills c->parts. `placed`: placeholders of a shell text need their places. */
static int compile(struct amz_parts *parts, bool placed, struct amz_command_template *c, struct amz_error *err, size_t *ret_at)
{
  struct amz_syms syms = {NULL, 0};
  int64_t words = AMZ_ENOMEM;
  int rc;

  if (amz_syms_new(parts, &syms) == AMZ_OK)
    words = amz_command_split(parts, &syms, &c->parts);
  c->shell = words == 0;
  c->argc = words > 0 ? (size_t)words : 1;
  rc = words < 0 ? no_memory(err) : AMZ_OK;
  if (c->shell && placed)
    rc = amz_command_place(parts, &syms, err, ret_at);
  if (c->shell && rc == AMZ_OK) {
    amz_parts_clear(&c->parts);
    rc = add_shell_text(parts, &c->parts) < 0 ? no_memory(err) : AMZ_OK;
  }
  free(syms.items);
  return rc;
}

int amz_command_compile(const char *text, const char *const *names, size_t n_names, struct amz_error *err, size_t *ret_at,
                        struct amz_command_template **ret)
{
  struct amz_parts parts = {NULL, 0, 0, AMZ_BUF_INIT};
  struct amz_command_template *c;
  int rc;

  if (text[strspn(text, " \t\n\r")] == '\0') {
    *ret_at = 0;
    return amz_error_set(err, AMZ_EINVAL, "the command is empty");
  }
  c = calloc(1, sizeof *c);
  if (!c)
    return no_memory(err);
  rc = amz_parts_read(&parts, text, true, names, n_names, err, ret_at);
  if (rc == AMZ_OK)
    rc = compile(&parts, true, c, err, ret_at);
  amz_parts_clear(&parts);
  if (rc < 0) {
    amz_command_free(c);
    return rc;
  }
  *ret = c;
  return AMZ_OK;
}

int amz_command_from_line(const char *line, size_t n, struct amz_command_template **ret)
{
  struct amz_parts parts = {NULL, 0, 0, AMZ_BUF_INIT};
  struct amz_command_template *c = calloc(1, sizeof *c);
  size_t at = 0;
  int rc;

  if (!c)
    return AMZ_ENOMEM;
  rc = amz_parts_add(&parts, (struct amz_part){.kind = AMZ_PART_TEXT}, line, n);
  if (rc == AMZ_OK)
    rc = compile(&parts, false, c, NULL, &at);
  amz_parts_clear(&parts);
  if (rc < 0) {
    amz_command_free(c);
    return rc;
  }
  *ret = c;
  return AMZ_OK;
}

int amz_command_compile_list(const char *const *words, size_t n_words, const char *const *names, size_t n_names,
                             struct amz_error *err, size_t *ret_word, size_t *ret_at, struct amz_command_template **ret)
{
  struct amz_command_template *c;
  int rc = AMZ_OK;

  *ret_word = *ret_at = 0;
  if (n_words == 0 || words[0][0] == '\0')
    return amz_error_set(err, AMZ_EINVAL, "the command is empty");
  c = calloc(1, sizeof *c);
  if (!c)
    return no_memory(err);
  for (size_t i = 0; rc == AMZ_OK && i < n_words; i++) {
    *ret_word = i;
    rc = amz_parts_read(&c->parts, words[i], false, names, n_names, err, ret_at);
    if (rc == AMZ_OK && add_break(&c->parts) < 0)
      rc = no_memory(err);
  }
  if (rc < 0) {
    amz_command_free(c);
    return rc;
  }
  c->argc = n_words;
  *ret = c;
  return AMZ_OK;
}

bool amz_command_needs_shell(const struct amz_command_template *c)
{
  return c->shell;
}

bool amz_command_uses(const struct amz_command_template *c, const char *name)
{
  return amz_parts_use(&c->parts, name);
}

void amz_command_fill(const struct amz_command_template *c, const struct amz_values *values, struct amz_buf *out,
                      size_t *ret_argc)
{
  amz_parts_fill(&c->parts, values, out);
  *ret_argc = c->argc;
}

void amz_command_print(const struct amz_command_template *c, struct amz_buf *out)
{
  amz_parts_print(&c->parts, out);
}
