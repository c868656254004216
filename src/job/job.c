/* A job from its description: what is read in which order, and what is known of it afterwards.
 *
 * Findings are collected from all steps; there is a job only when none of them is an error. */
#include <stdlib.h>
#include <string.h>

#include "job_impl.h"

/* ---- the keys of the root that stand in no section ---- */

struct root_keys {
  const struct amz_yaml *job, *stages;
  struct amz_texts after;
};

static int read_root_key(struct amz_loader *l, const char *path, const struct amz_type *type, enum amz_effect effect,
                         void *target)
{
  const struct amz_key key = {path, type, 0, effect, NULL, NULL, NULL};
  const struct amz_yaml *value = amz_yaml_at(l->root, path);

  return value ? amz_schema_read_value(&l->reader, &key, amz_yaml_key_at(l->root, path), value, target) : AMZ_OK;
}

/* Each stage is a tasks block; it is checked as such, but its files may come from the stage before it: none is opened. */
static int check_stages(struct amz_loader *l, const struct amz_yaml *stages)
{
  struct amz_block block;
  char shown[AMZ_YAML_SHOWN];
  int rc = AMZ_OK;

  if (!stages)
    return AMZ_OK;
  if (stages->kind != AMZ_YAML_LIST || stages->n == 0) {
    amz_yaml_error(l->reader.diags, stages, "stages: expected a list of tasks blocks, got %s", amz_yaml_show(stages, shown));
    return AMZ_OK;
  }
  for (size_t i = 0; i < stages->n && rc == AMZ_OK; i++)
    rc = amz_block_read(&l->reader, stages->items[i], &block);
  return rc;
}

/* ---- the name ---- */

/* The first word of a command, without its directories. */
static const char *first_word(const struct amz_yaml *command, size_t *ret_n)
{
  const struct amz_yaml *node = command->kind == AMZ_YAML_LIST ? command->items[0] : command;
  const char *word = node->text + strspn(node->text, " \t\n");
  size_t n = strcspn(word, " \t\n;|&<>()"), base = n;

  while (base > 0 && word[base - 1] != '/')
    base--;
  *ret_n = n - base;
  return word + base;
}

/* "dir/screen.yaml": "screen" */
static const char *stem(const char *file, size_t *ret_n)
{
  const char *slash = strrchr(file, '/'), *base = slash ? slash + 1 : file, *dot = strrchr(base, '.');

  *ret_n = dot && dot > base ? (size_t)(dot - base) : strlen(base);
  return base;
}

static int choose_name(struct amz_loader *l, const struct amz_yaml *given)
{
  const struct amz_job_input *in = l->input;
  const char *from = "";
  size_t n = 0;

  if (given) {
    from = given->text;
    n = given->len;
  } else if (in->file_name && in->yaml_text && strcmp(in->file_name, "-") != 0) {
    from = stem(in->file_name, &n);
  } else if (in->lines && strcmp(in->lines, "-") != 0) {
    from = stem(in->lines, &n);
  } else if (l->block.command) {
    from = first_word(l->block.command, &n);
  }
  l->job->name = amz_job_safe_name(&l->job->arena, from, n, "job");
  return l->job->name ? AMZ_OK : AMZ_ENOMEM;
}

/* ---- loading ---- */

static int load_tasks(struct amz_loader *l)
{
  const struct amz_yaml *map = amz_yaml_at(l->root, "tasks");
  int rc;

  if (!map) {
    amz_yaml_error(l->reader.diags, l->root, "tasks: missing: what is to be run?");
    return AMZ_OK;
  }
  rc = amz_block_read(&l->reader, map, &l->block);
  if (rc == AMZ_OK)
    rc = amz_loader_columns(l);
  return rc == AMZ_OK ? amz_loader_compile(l) : rc;
}

static int load(struct amz_loader *l)
{
  struct root_keys keys = {NULL, NULL, {NULL, 0}};
  int rc = amz_loader_merge(l);

  if (rc < 0)
    return rc;
  rc = amz_settings_read(&l->reader, l->root, &l->job->settings, &l->job->stage);
  if (rc == AMZ_OK)
    amz_settings_check(&l->reader, l->root, &l->job->settings);
  l->job->settings.prediction = l->foreseen;
  if (rc == AMZ_OK)
    rc = read_root_key(l, "job", &amz_type_text_node, AMZ_EFFECT_NOW, &keys.job);
  if (rc == AMZ_OK)
    rc = read_root_key(l, "after", &amz_type_texts, AMZ_EFFECT_LATER, &keys.after);
  if (rc == AMZ_OK)
    rc = read_root_key(l, "stages", &amz_type_any_node, AMZ_EFFECT_LATER, &keys.stages);
  if (rc == AMZ_OK)
    rc = check_stages(l, keys.stages);
  if (rc == AMZ_OK)
    rc = load_tasks(l);
  return rc == AMZ_OK ? choose_name(l, keys.job) : rc;
}

static struct amz_job *new_job(void)
{
  struct amz_job *job = calloc(1, sizeof *job);

  if (!job)
    return NULL;
  amz_arena_init(&job->arena);
  job->threads_column = AMZ_NO_NAME;
  job->memory_column = AMZ_NO_NAME;
  job->weight_column = AMZ_NO_NAME;
  return job;
}

int amz_job_load(const struct amz_job_input *input, const struct amz_files *files, struct amz_diags *diags, struct amz_job **ret)
{
  struct amz_loader l = {.input = input, .files = files, .job = new_job()};
  size_t errors = diags->errors;
  int rc;

  if (!l.job)
    return AMZ_ENOMEM;
  l.reader = (struct amz_reader){&l.job->arena, diags};
  amz_arena_init(&l.tree);
  rc = load(&l);
  for (size_t i = 0; i < l.job->n_columns; i++)
    l.job->columns[i].key = NULL;
  amz_arena_clear(&l.tree);
  if (rc == AMZ_OK && diags->errors > errors)
    rc = AMZ_EINVAL;
  if (diags->failed)
    rc = AMZ_ENOMEM;
  if (rc < 0)
    amz_job_free(l.job);
  else
    *ret = l.job;
  return rc;
}

void amz_job_free(struct amz_job *job)
{
  if (!job)
    return;
  for (size_t i = 0; i < job->n_columns; i++)
    amz_source_free(job->columns[i].source);
  for (size_t i = 0; i < job->n_env; i++)
    amz_template_free(job->env[i].value);
  free(job->names);
  free(job->columns);
  free(job->axes);
  amz_source_free(job->lines);
  amz_command_free(job->command);
  amz_template_free(job->line);
  amz_template_free(job->workdir);
  amz_template_free(job->stdin_path);
  amz_template_free(job->creates);
  amz_arena_clear(&job->arena);
  free(job);
}

/* ---- what is known of it ---- */

const char *amz_job_name(const struct amz_job *job)
{
  return job->name;
}

const struct amz_settings *amz_job_settings(const struct amz_job *job)
{
  return &job->settings;
}

const char *amz_job_scratch(const struct amz_job *job)
{
  return job->stage.scratch;
}

enum amz_task_kind amz_job_kind(const struct amz_job *job)
{
  return job->kind;
}

enum amz_reduce amz_job_reduces(const struct amz_job *job)
{
  return job->kind == AMZ_TASK_PLUGIN ? job->settings.output.reduce : AMZ_REDUCE_NONE;
}

bool amz_job_keeps_results(const struct amz_job *job)
{
  return job->kind == AMZ_TASK_PLUGIN && (job->settings.output.results || job->settings.output.reduce == AMZ_REDUCE_NONE);
}

uint64_t amz_job_tasks(const struct amz_job *job)
{
  return job->tasks;
}

const char *const *amz_job_names(const struct amz_job *job, size_t *ret_n)
{
  *ret_n = job->n_columns;
  return job->names;
}

const struct amz_stream *amz_job_stream(const struct amz_job *job)
{
  return job->kind == AMZ_TASK_STREAM ? &job->stream : NULL;
}

const struct amz_plugin *amz_job_plugin(const struct amz_job *job)
{
  return job->kind == AMZ_TASK_PLUGIN ? &job->plugin : NULL;
}

const uint64_t *amz_job_ok_exit(const struct amz_job *job)
{
  return job->ok_exit;
}
