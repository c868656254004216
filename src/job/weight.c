/* tasks.weight: what is believed of a task's cost. A weight belongs to a value of one name, so that there are as many weights as
 * that name has values, however many tasks there are.
 *
 * Sizes are asked of the injected files while the job is loaded, as everything else that the task list is made from: a resumed
 * run sees the sizes that the run began with. A file whose size can't be told weighs nothing: the hint is only a hint, and its
 * task will say more. */
#include <math.h>
#include <string.h>

#include <amorsize/units.h>

#include "job_impl.h"

#define VALUES_MAX (UINT64_C(1) << 27) /* 1 GiB of weights */

/* Which name, and whether its values are paths. \return AMZ_NO_NAME: none, or a finding says why not. */
static size_t find_weight(struct amz_loader *l, bool *ret_is_size)
{
  const struct amz_yaml *w = l->block.weight, *of = w && w->kind == AMZ_YAML_MAP && w->n == 1 ? amz_yaml_at(w, "size_of") : NULL;
  char shown[AMZ_YAML_SHOWN];

  if (!w)
    return AMZ_NO_NAME;
  *ret_is_size = of != NULL;
  if (of && of->kind == AMZ_YAML_SCALAR && of->len > 0)
    return amz_loader_find_name(l, of, "tasks.weight", of->text, of->len);
  if (w->kind == AMZ_YAML_SCALAR && w->len > 2 && w->text[0] == '{' && w->text[w->len - 1] == '}')
    return amz_loader_find_name(l, w, "tasks.weight", w->text + 1, w->len - 2);
  amz_yaml_error(l->reader.diags, w, "tasks.weight: expected {size_of: name} or a name like \"{column}\", got %s",
                 amz_yaml_show(w, shown));
  return AMZ_NO_NAME;
}

/* \return whether the weight is known; else a finding has been made. */
static bool weigh_file(struct amz_loader *l, const char *path, double *ret)
{
  struct amz_error err = {.text = ""};
  uint64_t bytes = 0;
  int rc = l->files->size(l->files->ctx, path, &bytes, &err);

  *ret = rc == AMZ_OK ? (double)bytes : 0;
  if (rc < 0)
    amz_yaml_warning(l->reader.diags, l->block.weight, "tasks.weight: %s; it is taken for empty, and others like it", err.text);
  return rc == AMZ_OK;
}

static bool weigh_number(struct amz_loader *l, const char *text, size_t n, double *ret)
{
  char shown[AMZ_YAML_SHOWN];

  if (strlen(text) == n && amz_parse_f64(text, ret) == AMZ_OK && *ret >= 0)
    return true;
  *ret = 0;
  amz_yaml_error(l->reader.diags, l->block.weight, "tasks.weight: expected numbers >= 0 in \"%s\", got %s",
                 l->job->names[l->job->weight_column],
                 amz_text_show(text, n, shown));
  return false;
}

/* Of all values; one finding is enough. */
static int weigh_all(struct amz_loader *l, const struct amz_source *source, bool is_size)
{
  struct amz_buf text = AMZ_BUF_INIT;
  uint64_t count = amz_source_count(source);
  struct amz_diags silent;
  struct amz_loader quiet = *l, *teller = l;
  int rc = AMZ_OK;

  amz_diags_init(&silent);
  quiet.reader.diags = &silent;
  for (uint64_t i = 0; i < count && rc == AMZ_OK; i++) {
    double *weight = &l->job->weights[i];

    amz_buf_reset(&text);
    amz_source_value(source, i, &text);
    rc = amz_buf_ok(&text);
    if (rc < 0 || (is_size ? weigh_file(teller, amz_buf_text(&text), weight) : weigh_number(teller, amz_buf_text(&text), text.len,
        weight)))
      continue;
    if (!is_size)
      break;
    teller = &quiet;
    amz_diags_clear(&silent);
    amz_diags_init(&silent);
  }
  amz_diags_clear(&silent);
  amz_buf_clear(&text);
  return rc;
}

int amz_loader_weigh(struct amz_loader *l)
{
  struct amz_job *job = l->job;
  const struct amz_source *source;
  bool is_size = false;
  uint64_t count;

  job->weight_column = find_weight(l, &is_size);
  source = job->weight_column == AMZ_NO_NAME ? NULL : job->columns[job->weight_column].source;
  if (!source) /* no weights, or the name's values were refused, with a finding */
    return AMZ_OK;
  count = amz_source_count(source);
  if (count > VALUES_MAX) {
    amz_yaml_error(l->reader.diags, l->block.weight, "tasks.weight: \"%s\" has more than %llu values",
                   job->names[job->weight_column],
                   (unsigned long long)VALUES_MAX);
    return AMZ_OK;
  }
  job->weights = amz_arena_array(&job->arena, (size_t)count, sizeof *job->weights);
  return job->weights ? weigh_all(l, source, is_size) : AMZ_ENOMEM;
}

bool amz_job_is_weighted(const struct amz_job *job)
{
  return job->weights != NULL;
}

double amz_job_weight(const struct amz_job *job, uint64_t index, uint64_t *ret_same)
{
  const struct amz_axis *axis = &job->axes[job->columns[job->weight_column].axis];

  *ret_same = axis->stride - index % axis->stride;
  return job->weights[index / axis->stride % axis->count];
}
