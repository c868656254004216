/* Where the tasks come from: `for:`, `csv:` and `lines:` become columns, the columns' axes become the number of tasks.
 *
 * Order: a table's rows are the slowest axis, then the names of `for:` as written, the last one the fastest. `combine: zip` puts
 * all on one axis. */
#include <stdlib.h>
#include <string.h>

#include <amorsize/alloc.h>

#include "job_impl.h"

/* ---- one source ---- */

struct amz_value_form {
  const char *key;
  /* \return AMZ_OK with *ret; AMZ_EINVAL: *err says what is wrong, or is empty when the value hasn't the right shape;
   * AMZ_ENOMEM. */
  int (*open)(struct amz_loader *l, const struct amz_yaml *value, struct amz_error *err, struct amz_source **ret);
  const char *expected, *empty;
};

static bool is_text(const struct amz_yaml *node)
{
  return node->kind == AMZ_YAML_SCALAR && !amz_yaml_null(node);
}

static bool all_texts(const struct amz_yaml *node)
{
  for (size_t i = 0; i < node->n; i++)
    if (!is_text(node->items[i]))
      return false;
  return true;
}

static int open_list(struct amz_loader *l, const struct amz_yaml *value, struct amz_error *err, struct amz_source **ret)
{
  const char **texts;
  int rc;

  (void)l;
  if (value->kind != AMZ_YAML_LIST || !all_texts(value))
    return AMZ_EINVAL;
  texts = amz_new_array(value->n, sizeof *texts);
  if (!texts)
    return AMZ_ENOMEM;
  for (size_t i = 0; i < value->n; i++)
    texts[i] = value->items[i]->text;
  rc = amz_source_list(texts, value->n, err, ret);
  free(texts);
  return rc;
}

static int open_range(struct amz_loader *l, const struct amz_yaml *value, struct amz_error *err, struct amz_source **ret)
{
  (void)l;
  if (value->kind != AMZ_YAML_LIST || value->n < 2 || value->n > 3 || !all_texts(value))
    return AMZ_EINVAL;
  return amz_source_range(value->items[0]->text, value->items[1]->text, value->n == 3 ? value->items[2]->text : NULL, err, ret);
}

/* The values of all sources one after another, as one. */
static int join(struct amz_source *const *sources, size_t n, struct amz_error *err, struct amz_source **ret)
{
  struct amz_buf text = AMZ_BUF_INIT;
  const char **values = NULL;
  size_t count = 0, k = 0, at = 0;
  int rc;

  for (size_t i = 0; i < n; i++)
    for (uint64_t j = 0; j < amz_source_count(sources[i]); j++, count++) {
      amz_source_value(sources[i], j, &text);
      amz_buf_addc(&text, '\0');
    }
  rc = amz_buf_ok(&text);
  values = rc == AMZ_OK ? amz_new_array(count, sizeof *values) : NULL;
  if (!values)
    rc = AMZ_ENOMEM;
  for (; rc == AMZ_OK && k < count; k++) {
    values[k] = text.data + at;
    at += strlen(values[k]) + 1;
  }
  if (rc == AMZ_OK)
    rc = amz_source_list(values, count, err, ret);
  free(values);
  amz_buf_clear(&text);
  return rc;
}

/* One pattern, or several: then their matches in the order of the patterns. */
static int open_glob(struct amz_loader *l, const struct amz_yaml *value, struct amz_error *err, struct amz_source **ret)
{
  struct amz_source **each;
  int rc = AMZ_OK;
  size_t n = 0;

  if (is_text(value) && value->len > 0)
    return amz_source_glob(l->files, value->text, err, ret);
  if (value->kind != AMZ_YAML_LIST || value->n == 0 || !all_texts(value))
    return AMZ_EINVAL;
  each = amz_new_array(value->n, sizeof *each);
  if (!each)
    return AMZ_ENOMEM;
  for (; n < value->n && rc == AMZ_OK; n++) /* amz_new_array zeroed them, so that the one that failed may be freed */
    rc = amz_source_glob(l->files, value->items[n]->text, err, &each[n]);
  if (rc == AMZ_OK)
    rc = join(each, n, err, ret);
  for (size_t i = 0; i < n; i++)
    amz_source_free(each[i]);
  free(each);
  return rc;
}

static int open_lines(struct amz_loader *l, const struct amz_yaml *value, struct amz_error *err, struct amz_source **ret)
{
  if (!is_text(value) || value->len == 0)
    return AMZ_EINVAL;
  return amz_source_lines(l->files, value->text, false, err, ret);
}

static const struct amz_value_form forms[] = {
  {"list", open_list, "a list of values", "the list is empty"},
  {"range", open_range, "[first, last] or [first, last, step]", "the range is empty"},
  {"glob", open_glob, "a pattern like \"data/*.txt\" or a list of patterns", "matches nothing"},
  {"lines", open_lines, "the name of a file", "has no lines"},
};

enum { FORMS = sizeof forms / sizeof *forms };

static const struct amz_value_form *form_named(const char *key)
{
  for (size_t i = 0; i < FORMS; i++)
    if (strcmp(forms[i].key, key) == 0)
      return &forms[i];
  return NULL;
}

/* `a`, `[a, b]` and `{FORM: …}`: which form it is, and what it is given. NULL: a finding has been made. */
static const struct amz_value_form *form_of(struct amz_loader *l, const char *name, const struct amz_yaml *node,
                                            const struct amz_yaml **ret_value)
{
  static const char *const names[] = {"list", "range", "glob", "lines"};
  const struct amz_value_form *form;
  const char *near;
  char shown[AMZ_YAML_SHOWN];

  *ret_value = node;
  if (node->kind == AMZ_YAML_LIST)
    return &forms[0];
  if (node->kind != AMZ_YAML_MAP || node->n != 1) {
    amz_yaml_error(l->reader.diags, node, "tasks.for.%s: expected a value, a list, or one of {range: [1, 100]}, {glob: "
                                          "\"*.txt\"}, {lines: file}, got %s",
                   name, node->kind == AMZ_YAML_MAP ? (node->n ? "several" : "an empty mapping") : amz_yaml_show(node, shown));
    return NULL;
  }
  form = form_named(node->items[0]->text);
  near = amz_nearest(node->items[0]->text, names, FORMS);
  if (!form)
    amz_yaml_error(l->reader.diags, node->items[0], "tasks.for.%s: unknown source %s; %s%s%s", name,
                   amz_yaml_show(node->items[0], shown),
                   near ? "did you mean \"" : "known: list, range, glob, lines", near ? near : "", near ? "\"?" : "");
  *ret_value = node->items[1];
  return form;
}

static void say_empty(struct amz_loader *l, const char *name, const struct amz_value_form *form, const struct amz_yaml *value)
{
  char shown[AMZ_YAML_SHOWN];

  if (value->kind == AMZ_YAML_SCALAR)
    amz_yaml_error(l->reader.diags, value, "tasks.for.%s: %s %s %s", name, form->key, amz_yaml_show(value, shown), form->empty);
  else if (form->open == open_glob) /* several patterns */
    amz_yaml_error(l->reader.diags, value, "tasks.for.%s: none of the patterns matches anything", name);
  else
    amz_yaml_error(l->reader.diags, value, "tasks.for.%s: %s", name, form->empty);
}

/* *ret stays NULL when a finding has been made. */
static int open_source(struct amz_loader *l, const char *name, const struct amz_yaml *node, struct amz_source **ret)
{
  struct amz_error err = {.text = ""};
  const struct amz_yaml *value;
  const struct amz_value_form *form;
  char shown[AMZ_YAML_SHOWN];
  int rc;

  if (is_text(node))
    return amz_source_list((const char *const[]){node->text}, 1, &err, ret);
  form = form_of(l, name, node, &value);
  if (!form)
    return AMZ_OK;
  rc = form->open(l, value, &err, ret);
  if (rc == AMZ_ENOMEM)
    return rc;
  if (rc < 0 && !err.text[0])
    amz_yaml_error(l->reader.diags, value, "tasks.for.%s: %s: expected %s, got %s", name, form->key, form->expected,
                   amz_yaml_show(value, shown));
  else if (rc < 0)
    amz_yaml_error(l->reader.diags, value, "tasks.for.%s: %s", name, err.text);
  else if (amz_source_count(*ret) == 0)
    say_empty(l, name, form, value);
  return AMZ_OK;
}

/* ---- columns ---- */

static bool name_is_taken(const struct amz_job *job, const char *name)
{
  for (size_t i = 0; i < job->n_columns; i++)
    if (strcmp(job->names[i], name) == 0)
      return true;
  return false;
}

/* Takes the source over, on failure too; without one (there was a finding) the name counts as given all the same, so that its
 * uses aren't reported as well. */
static int add_column(struct amz_job *job, const char *name, struct amz_source *source, const struct amz_yaml *key, size_t axis)
{
  size_t cap = job->columns_cap;
  char *copy = amz_arena_strndup(&job->arena, name, strlen(name));
  int rc = copy ? AMZ_OK : AMZ_ENOMEM;

  if (rc == AMZ_OK)
    rc = amz_grow((void **)&job->names, &cap, job->n_columns + 1, sizeof *job->names);
  if (rc == AMZ_OK)
    rc = amz_grow((void **)&job->columns, &job->columns_cap, job->n_columns + 1, sizeof *job->columns);
  if (rc < 0) {
    amz_source_free(source);
    return rc;
  }
  job->names[job->n_columns] = copy;
  job->columns[job->n_columns++] = (struct amz_column){source, axis, key};
  return AMZ_OK;
}

static int add_axis(struct amz_job *job, uint64_t count)
{
  int rc = amz_grow((void **)&job->axes, &job->axes_cap, job->n_axes + 1, sizeof *job->axes);

  if (rc == AMZ_OK)
    job->axes[job->n_axes++] = (struct amz_axis){count, 1};
  return rc;
}

/* A table's columns may have any names; those that no placeholder can name are left out. */
static bool usable_column(struct amz_loader *l, const char *name)
{
  const char *why = !amz_job_is_name(name) ? "is no name for a placeholder" : amz_job_is_builtin(name) ? "is the name of a built-in placeholder" : NULL;
  char shown[AMZ_YAML_SHOWN];

  if (why)
    amz_yaml_warning(l->reader.diags, l->block.csv, "tasks.csv: the column %s %s: it is left out",
                     amz_text_show(name, strlen(name), shown), why);
  return !why;
}

static int add_table(struct amz_loader *l)
{
  struct amz_error err = {.text = ""};
  struct amz_source **columns;
  const char **names;
  size_t n;
  char shown[AMZ_YAML_SHOWN];
  int rc = amz_source_csv(l->files, l->block.csv->text, &err, &names, &columns, &n);

  if (rc == AMZ_ENOMEM)
    return rc;
  if (rc < 0) {
    amz_yaml_error(l->reader.diags, l->block.csv, "tasks.csv: %s", err.text);
    return AMZ_OK;
  }
  if (n == 0 || amz_source_count(columns[0]) == 0)
    amz_yaml_error(l->reader.diags, l->block.csv, "tasks.csv: %s has no rows", amz_yaml_show(l->block.csv, shown));
  rc = add_axis(l->job, n ? amz_source_count(columns[0]) : 0);
  for (size_t i = 0; i < n; i++) {
    if (rc == AMZ_OK && usable_column(l, names[i]))
      rc = add_column(l->job, names[i], columns[i], NULL, 0);
    else
      amz_source_free(columns[i]);
  }
  free(names);
  free(columns);
  return rc;
}

/* \return whether the name will do; else a finding has been made. */
static bool check_name(struct amz_loader *l, const struct amz_yaml *key)
{
  char shown[AMZ_YAML_SHOWN];

  (void)amz_yaml_show(key, shown);
  if (!amz_job_is_name(key->text))
    amz_yaml_error(l->reader.diags, key, "tasks.for: %s cannot be a name: a letter or _, then up to 63 letters, digits, _ and -",
                   shown);
  else if (amz_job_is_builtin(key->text))
    amz_yaml_error(l->reader.diags, key, "tasks.for: {%s} is built in: choose another name", key->text);
  else if (name_is_taken(l->job, key->text))
    amz_yaml_error(l->reader.diags, key, "tasks.for: %s is a column of tasks.csv already", shown);
  else
    return true;
  return false;
}

static int add_loop(struct amz_loader *l, const struct amz_yaml *key, const struct amz_yaml *value)
{
  struct amz_source *source = NULL;
  bool zip = l->block.combine == AMZ_COMBINE_ZIP && l->job->n_axes > 0;
  int rc;

  if (!check_name(l, key))
    return AMZ_OK;
  rc = open_source(l, key->text, value, &source);
  if (rc == AMZ_OK && !zip)
    rc = add_axis(l->job, source ? amz_source_count(source) : 0);
  if (rc < 0) {
    amz_source_free(source);
    return rc;
  }
  return add_column(l->job, key->text, source, key, zip ? 0 : l->job->n_axes - 1);
}

/* ---- the count ---- */

/* Lengths on the one axis of a zip; those that a finding made 0 are passed over. */
static void check_zip(struct amz_loader *l)
{
  const struct amz_job *job = l->job;
  size_t first = AMZ_NO_NAME;

  for (size_t i = 0; i < job->n_columns; i++) {
    uint64_t count = job->columns[i].source ? amz_source_count(job->columns[i].source) : 0, other;

    if (count == 0)
      continue;
    if (first == AMZ_NO_NAME)
      first = i;
    other = amz_source_count(job->columns[first].source);
    if (count != other)
      amz_yaml_error(l->reader.diags, job->columns[i].key,
                     "tasks.combine: zip needs equal lengths: \"%s\" has %llu, \"%s\" has %llu", job->names[first],
                     (unsigned long long)other, job->names[i], (unsigned long long)count);
  }
}

/* Strides from the fastest axis, the last, to the slowest. */
static void count_tasks(struct amz_loader *l)
{
  struct amz_job *job = l->job;
  uint64_t tasks = 1;

  for (size_t i = job->n_axes; i > 0; i--) {
    struct amz_axis *axis = &job->axes[i - 1];

    axis->stride = tasks;
    if (axis->count == 0) /* reported where the source is */
      return;
    if (__builtin_mul_overflow(tasks, axis->count, &tasks) || tasks > AMZ_JOB_TASKS_MAX) {
      amz_yaml_error(l->reader.diags, l->block.loops ? l->block.loops : l->block.map, "tasks.for: more than 2^62 tasks");
      return;
    }
  }
  job->tasks = tasks;
}

static int add_task_lines(struct amz_loader *l)
{
  struct amz_error err = {.text = ""};
  char shown[AMZ_YAML_SHOWN];
  int rc = amz_source_lines(l->files, l->block.lines->text, true, &err, &l->job->lines);

  if (rc == AMZ_ENOMEM)
    return rc;
  if (rc < 0) {
    amz_yaml_error(l->reader.diags, l->block.lines, "tasks.lines: %s", err.text);
    return AMZ_OK;
  }
  l->job->tasks = amz_source_count(l->job->lines);
  if (l->job->tasks == 0)
    amz_yaml_error(l->reader.diags, l->block.lines, "tasks.lines: %s has no task lines", amz_yaml_show(l->block.lines, shown));
  return AMZ_OK;
}

int amz_loader_columns(struct amz_loader *l)
{
  const struct amz_yaml *loops = l->block.loops;
  int rc = AMZ_OK;

  if (l->block.lines)
    return add_task_lines(l);
  if (l->block.csv)
    rc = add_table(l);
  for (size_t i = 0; loops && i < loops->n && rc == AMZ_OK; i++)
    rc = add_loop(l, loops->items[2 * i], loops->items[2 * i + 1]);
  if (rc < 0)
    return rc;
  if (l->block.combine == AMZ_COMBINE_ZIP)
    check_zip(l);
  count_tasks(l);
  return AMZ_OK;
}
