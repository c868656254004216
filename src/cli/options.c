/* A small option parser over tables: `--name value`, `--name=value`, `-x value`, `-xvalue`; options and operands in any order;
 * `--` ends the options. Names are never abbreviated: what works today must not become ambiguous tomorrow. */
#include "options.h"

#include <stdlib.h>
#include <string.h>

#include <amorsize/alloc.h>
#include <amorsize/diag.h>
#include <amorsize/units.h>

const char *const cli_formats[] = {"text", "json", NULL};

static const struct cli_option help_option = {"help", 'h', CLI_FLAG, 0, NULL, NULL, 0, 0, NULL};

/* Words that are still to be read. */
struct reader {
  char *const *words;
  size_t n, at;
};

static const struct cli_option *find_name(const struct cli_option *options, const char *name, size_t n)
{
  for (; options->name; options++)
    if (strncmp(options->name, name, n) == 0 && options->name[n] == '\0')
      return options;
  return strncmp(help_option.name, name, n) == 0 && n == strlen(help_option.name) ? &help_option : NULL;
}

static const struct cli_option *find_letter(const struct cli_option *options, char letter)
{
  for (; options->name; options++)
    if (options->letter == letter)
      return options;
  return letter == help_option.letter ? &help_option : NULL;
}

/* The option that is meant: one that begins so, else the nearest by spelling. */
static const char *nearest(const char *word, const char *const *names, size_t n)
{
  for (size_t i = 0; *word && i < n; i++)
    if (strncmp(names[i], word, strlen(word)) == 0)
      return names[i];
  return amz_nearest(word, names, n);
}

static int unknown_option(const struct cli_option *options, const char *word, size_t n, struct amz_error *err)
{
  const char *names[64] = {"help"}, *near;
  size_t count = 1;
  char *copy = amz_strndup(word + 2, n - 2);

  if (!copy)
    return amz_error_set(err, AMZ_ENOMEM, "out of memory");
  for (; options->name && count < sizeof names / sizeof *names; options++)
    names[count++] = options->name;
  near = nearest(copy, names, count);
  free(copy);
  if (near)
    return amz_error_set(err, AMZ_EINVAL, "unknown option %.*s; did you mean --%s?", (int)n, word, near);
  return amz_error_set(err, AMZ_EINVAL, "unknown option %.*s", (int)n, word);
}

static int set_count(const struct cli_option *o, const char *value, struct cli_count *ret, struct amz_error *err)
{
  int rc = amz_parse_u64(value, &ret->n);

  if (rc < 0 || ret->n < o->min || ret->n > o->max)
    return amz_error_set(err, AMZ_EINVAL, "--%s: expected a whole number from %llu to %llu, got \"%s\"", o->name,
                         (unsigned long long)o->min, (unsigned long long)o->max, value);
  ret->set = true;
  return AMZ_OK;
}

static int set_choice(const struct cli_option *o, const char *value, unsigned *ret, struct amz_error *err)
{
  for (unsigned i = 0; o->choices[i]; i++)
    if (strcmp(o->choices[i], value) == 0) {
      *ret = i;
      return AMZ_OK;
    }
  return amz_error_set(err, AMZ_EINVAL, "--%s: expected %s, got \"%s\"", o->name, o->value, value);
}

static int add_to_list(struct cli_list *list, const char *value)
{
  int rc = amz_grow((void **)&list->items, &list->cap, list->n + 1, sizeof *list->items);

  if (rc == AMZ_OK)
    list->items[list->n++] = value;
  return rc;
}

static int set_value(const struct cli_option *o, const char *value, void *args, struct amz_error *err)
{
  char *at = (char *)args + o->offset;

  switch (o->kind) {
  case CLI_FLAG: *(bool *)(void *)at = true; return AMZ_OK;
  case CLI_TEXT: *(const char **)(void *)at = value; return AMZ_OK;
  case CLI_LIST: return add_to_list((struct cli_list *)(void *)at, value);
  case CLI_COUNT: return set_count(o, value, (struct cli_count *)(void *)at, err);
  case CLI_CHOICE: return set_choice(o, value, (unsigned *)(void *)at, err);
  }
  return AMZ_EINVAL;
}

/* `attached`: the value in the same word, or NULL. */
static int take_option(struct reader *r, const struct cli_option *o, const char *attached, void *args, struct cli_parsed *ret,
                       struct amz_error *err)
{
  if (o == &help_option) {
    ret->help = true;
    return AMZ_OK;
  }
  if (o->kind == CLI_FLAG && attached)
    return amz_error_set(err, AMZ_EINVAL, "--%s takes no value", o->name);
  if (o->kind != CLI_FLAG && !attached) {
    if (r->at == r->n)
      return amz_error_set(err, AMZ_EINVAL, "--%s needs a value: %s", o->name, o->value);
    attached = r->words[r->at++];
  }
  return set_value(o, attached, args, err);
}

static int take_long(struct reader *r, const struct cli_option *options, const char *word, void *args, struct cli_parsed *ret,
                     struct amz_error *err)
{
  size_t n = strcspn(word, "=");
  const struct cli_option *o = find_name(options, word + 2, n - 2);

  if (!o)
    return unknown_option(options, word, n, err);
  return take_option(r, o, word[n] ? word + n + 1 : NULL, args, ret, err);
}

static int take_short(struct reader *r, const struct cli_option *options, const char *word, void *args, struct cli_parsed *ret,
                      struct amz_error *err)
{
  const struct cli_option *o = find_letter(options, word[1]);

  if (!o || (o->kind == CLI_FLAG && word[2]))
    return amz_error_set(err, AMZ_EINVAL, "unknown option %s", word);
  return take_option(r, o, word[2] ? word + 2 : NULL, args, ret, err);
}

int cli_options_parse(const struct cli_option *options, char *const *words, size_t n, void *args, struct cli_parsed *ret,
                      struct amz_error *err)
{
  struct reader r = {words, n, 0};
  bool only_operands = false;
  int rc = AMZ_OK;

  ret->operands = amz_new_array(n + 1, sizeof *ret->operands);
  if (!ret->operands)
    return amz_error_set(err, AMZ_ENOMEM, "out of memory");
  while (r.at < n && rc == AMZ_OK && !ret->help) {
    char *word = words[r.at++];

    if (only_operands || word[0] != '-' || word[1] == '\0')
      ret->operands[ret->n_operands++] = word;
    else if (strcmp(word, "--") == 0)
      only_operands = true;
    else if (word[1] == '-')
      rc = take_long(&r, options, word, args, ret, err);
    else
      rc = take_short(&r, options, word, args, ret, err);
  }
  return rc;
}

void cli_options_clear(const struct cli_option *options, void *args, struct cli_parsed *parsed)
{
  for (; args && options->name; options++)
    if (options->kind == CLI_LIST)
      free(((struct cli_list *)(void *)((char *)args + options->offset))->items);
  free(parsed->operands);
  parsed->operands = NULL;
  parsed->n_operands = 0;
}

static int parse_range(char *text, uint64_t *ret_first, uint64_t *ret_last)
{
  char *dots = strstr(text, "..");

  if (dots)
    *dots = '\0';
  if (amz_parse_u64(text, ret_first) < 0)
    return AMZ_EINVAL;
  *ret_last = *ret_first;
  if (dots && (amz_parse_u64(dots + 2, ret_last) < 0 || *ret_last < *ret_first))
    return AMZ_EINVAL;
  return AMZ_OK;
}

int cli_ranges_parse(const char *text, int (*range)(void *ctx, uint64_t first, uint64_t last), void *ctx)
{
  for (;;) {
    size_t n = strcspn(text, ",");
    char part[64];
    uint64_t first, last;
    int rc;

    if (n >= sizeof part)
      return AMZ_EINVAL;
    memcpy(part, text, n);
    part[n] = '\0';
    rc = parse_range(part, &first, &last);
    if (rc == AMZ_OK)
      rc = range(ctx, first, last);
    if (rc != AMZ_OK || text[n] == '\0')
      return rc;
    text += n + 1;
  }
}
