/* The templates of a tasks block: compiled once here, filled for each task in task.c. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <amorsize/alloc.h>

#include "job_impl.h"

/* Makes a finding of a template's error, at its place in the text. \return AMZ_OK, or AMZ_ENOMEM. */
static int refuse(struct amz_loader *l, int rc, const struct amz_yaml *node, size_t at, const char *path,
                  const struct amz_error *err)
{
  if (rc == AMZ_ENOMEM)
    return rc;
  if (rc < 0)
    amz_yaml_error_in(l->reader.diags, node, at, "%s: %s", path, err->text);
  return AMZ_OK;
}

static int compile_text(struct amz_loader *l, const struct amz_yaml *node, const char *path, struct amz_template **ret)
{
  struct amz_error err = {.text = ""};
  size_t at = 0;
  int rc;

  if (!node)
    return AMZ_OK;
  rc = amz_template_compile(node->text, l->job->names, l->job->n_columns, &err, &at, ret);
  return refuse(l, rc, node, at, path, &err);
}

static int compile_list(struct amz_loader *l, const struct amz_yaml *node)
{
  struct amz_error err = {.text = ""};
  const char **words = amz_new_array(node->n, sizeof *words);
  size_t word = 0, at = 0;
  int rc;

  if (!words)
    return AMZ_ENOMEM;
  for (size_t i = 0; i < node->n; i++)
    words[i] = node->items[i]->text;
  rc = amz_command_compile_list(words, node->n, l->job->names, l->job->n_columns, &err, &word, &at, &l->job->command);
  free(words);
  return refuse(l, rc, word < node->n ? node->items[word] : node, at, "tasks.command", &err);
}

static int compile_command(struct amz_loader *l)
{
  const struct amz_yaml *node = l->block.command;
  struct amz_error err = {.text = ""};
  size_t at = 0;
  int rc;

  if (!node)
    return AMZ_OK;
  if (node->kind == AMZ_YAML_LIST)
    return compile_list(l, node);
  rc = amz_command_compile(node->text, l->job->names, l->job->n_columns, &err, &at, &l->job->command);
  return refuse(l, rc, node, at, "tasks.command", &err);
}

static int copy_text(struct amz_loader *l, const struct amz_yaml *node, const char **ret)
{
  if (!node)
    return AMZ_OK;
  *ret = amz_arena_strndup(&l->job->arena, node->text, node->len);
  return *ret ? AMZ_OK : AMZ_ENOMEM;
}

/* A stream's program is started once per slot, before any task: no task's values are known to it, nor to its environment and
 * directory. \return AMZ_OK; AMZ_EINVAL with *err: `uses` says that one is used. */
static int check_once(const struct amz_job *job, bool (*uses)(const void *compiled, const char *name), const void *compiled,
                      struct amz_error *err)
{
  const char *found = uses(compiled, "index") ? "index" : NULL;

  for (size_t i = 0; i < job->n_columns && !found; i++)
    if (uses(compiled, job->names[i]))
      found = job->names[i];
  if (!found)
    return AMZ_OK;
  return amz_error_set(err, AMZ_EINVAL, "{%.64s} differs from task to task, and a stream's program is started once for many: "
                       "write it into tasks.line", found);
}

static bool command_uses(const void *command, const char *name)
{
  return amz_command_uses(command, name);
}

static bool template_uses(const void *template, const char *name)
{
  return amz_template_uses(template, name);
}

static int compile_stream(struct amz_loader *l)
{
  const struct amz_block_stream *s = &l->block.stream_parts;
  struct amz_stream *stream = &l->job->stream;
  struct amz_error err = {.text = ""};
  size_t at = 0;
  int rc;

  if (!s->command)
    return AMZ_OK;
  rc = amz_command_compile(s->command->text, l->job->names, l->job->n_columns, &err, &at, &l->job->command);
  if (rc == AMZ_OK)
    rc = check_once(l->job, command_uses, l->job->command, &err);
  rc = refuse(l, rc, s->command, at, "tasks.stream", &err);
  stream->window = s->window;
  if (rc == AMZ_OK)
    rc = copy_text(l, s->sentinel, &stream->sentinel);
  return rc == AMZ_OK ? copy_text(l, s->fail_prefix, &stream->fail_prefix) : rc;
}

static int compile_plugin(struct amz_loader *l)
{
  int rc = copy_text(l, l->block.plugin, &l->job->plugin.path);

  return rc == AMZ_OK ? copy_text(l, l->block.args, &l->job->plugin.args) : rc;
}

/* What a stream's program has, and not its tasks. */
static int compile_once(struct amz_loader *l, const struct amz_yaml *node, const char *path, struct amz_template **ret)
{
  struct amz_error err = {.text = ""};
  int rc = compile_text(l, node, path, ret);

  if (rc < 0 || !*ret || !l->block.stream)
    return rc;
  return refuse(l, check_once(l->job, template_uses, *ret, &err), node, 0, path, &err);
}

static int compile_line(struct amz_loader *l)
{
  const struct amz_yaml *node = l->block.line;
  const char *newline = node ? memchr(node->text, '\n', node->len) : NULL;

  if (newline)
    amz_yaml_error_in(l->reader.diags, node, (size_t)(newline - node->text), "tasks.line: holds a newline: a task is one line");
  return compile_text(l, node, "tasks.line", &l->job->line);
}

static int compile_env(struct amz_loader *l)
{
  const struct amz_yaml *map = l->block.env;
  struct amz_job *job = l->job;
  int rc = AMZ_OK;

  if (!map)
    return AMZ_OK;
  job->env = amz_arena_array(&job->arena, map->n, sizeof *job->env);
  if (!job->env)
    return AMZ_ENOMEM;
  for (size_t i = 0; i < map->n && rc == AMZ_OK; i++) {
    const struct amz_yaml *key = map->items[2 * i], *value = map->items[2 * i + 1];
    struct amz_env *env = &job->env[job->n_env++];
    char *path = amz_arena_printf(&l->tree, "tasks.env.%.64s", key->text);

    env->key = amz_arena_strndup(&job->arena, key->text, key->len);
    if (!env->key || !path)
      return AMZ_ENOMEM;
    job->own_omp = job->own_omp || strcmp(env->key, "OMP_NUM_THREADS") == 0;
    if (value->kind == AMZ_YAML_SCALAR)
      rc = compile_once(l, value, path, &env->value);
  }
  return rc;
}

/* ---- names outside of templates ---- */

static size_t name_index(const struct amz_job *job, const char *name, size_t n)
{
  for (size_t i = 0; i < job->n_columns; i++)
    if (strlen(job->names[i]) == n && memcmp(job->names[i], name, n) == 0)
      return i;
  return AMZ_NO_NAME;
}

size_t amz_loader_find_name(struct amz_loader *l, const struct amz_yaml *node, const char *path, const char *name, size_t n)
{
  size_t found = name_index(l->job, name, n);
  const char *near;
  char shown[AMZ_YAML_SHOWN], word[AMZ_YAML_SHOWN];

  if (found != AMZ_NO_NAME)
    return found;
  (void)snprintf(word, sizeof word, "%.*s", (int)(n < sizeof word ? n : sizeof word - 1), name);
  near = amz_nearest(word, l->job->names, l->job->n_columns);
  amz_yaml_error(l->reader.diags, node, "%s: unknown name %s%s%s%s", path, amz_text_show(name, n, shown),
                 near ? "; did you mean \"" : "",
                 near ? near : "", near ? "\"?" : "");
  return AMZ_NO_NAME;
}

static void find_columns(struct amz_loader *l)
{
  const struct amz_settings *s = &l->job->settings;

  if (s->resources.threads_column)
    l->job->threads_column = amz_loader_find_name(l, amz_yaml_at(l->root, "resources.threads"), "resources.threads",
                                                  s->resources.threads_column,
                                       strlen(s->resources.threads_column));
  if (s->resources.memory_column)
    l->job->memory_column = amz_loader_find_name(l, amz_yaml_at(l->root, "resources.memory"), "resources.memory",
                                                 s->resources.memory_column,
                                      strlen(s->resources.memory_column));
}

static bool any_uses(const struct amz_job *job, const char *name)
{
  const struct amz_template *const texts[] = {job->line, job->workdir, job->stdin_path, job->creates};

  if (job->command && amz_command_uses(job->command, name))
    return true;
  for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
    if (texts[i] && amz_template_uses(texts[i], name))
      return true;
  for (size_t i = 0; i < job->n_env; i++)
    if (job->env[i].value && amz_template_uses(job->env[i].value, name))
      return true;
  return false;
}

/* A name that changes nothing is most likely a slip: the same task would be run again and again. */
static void check_uses(struct amz_loader *l)
{
  const struct amz_job *job = l->job;

  if (!job->command || (l->block.stream && !job->line)) /* without a line, a stream's program is given all names */
    return;
  for (size_t i = 0; i < job->n_columns; i++)
    if (job->columns[i].key && i != job->threads_column && i != job->memory_column && i != job->weight_column &&
        !any_uses(job, job->names[i]))
      amz_yaml_warning(l->reader.diags, job->columns[i].key, "tasks.for.%s: the name is not used", job->names[i]);
}

static void check_scratch(struct amz_loader *l)
{
  const struct amz_yaml *at = l->block.command ? l->block.command : l->block.map;

  if (!l->job->stage.scratch && any_uses(l->job, "scratch"))
    amz_yaml_error(l->reader.diags, at, "tasks: {scratch} needs stage.scratch");
}

int amz_loader_compile(struct amz_loader *l)
{
  const struct amz_block *b = &l->block;
  struct amz_job *job = l->job;
  size_t errors = l->reader.diags->errors;
  int rc = compile_command(l);

  job->kind = b->stream ? AMZ_TASK_STREAM : b->plugin ? AMZ_TASK_PLUGIN : AMZ_TASK_COMMAND;
  if (rc == AMZ_OK)
    rc = compile_stream(l);
  if (rc == AMZ_OK)
    rc = compile_plugin(l);
  if (rc == AMZ_OK)
    rc = compile_line(l);
  if (rc == AMZ_OK)
    rc = compile_once(l, b->workdir, "tasks.workdir", &job->workdir);
  if (rc == AMZ_OK)
    rc = compile_text(l, b->stdin_path, "tasks.stdin", &job->stdin_path);
  if (rc == AMZ_OK)
    rc = compile_text(l, b->creates, "tasks.creates", &job->creates);
  if (rc == AMZ_OK)
    rc = compile_env(l);
  if (rc < 0)
    return rc;
  memcpy(job->ok_exit, b->ok_exit, sizeof job->ok_exit);
  find_columns(l);
  if ((rc = amz_loader_needs(l)) == AMZ_OK)
    rc = amz_loader_weigh(l);
  if (l->reader.diags->errors == errors) /* else the use may be in what isn't there */
    check_uses(l);
  check_scratch(l);
  return rc;
}
