/* What a stream's program is given per task: one line, made from the task's values.
 *
 * A value that would make two lines of it is refused, never escaped: a program that doesn't know of our escapes would take it for
 * something else. */
#include <string.h>

#include "job_impl.h"

struct at {
  const struct amz_job *job;
  uint64_t index;
};

static void value_at(const void *ctx, size_t name, struct amz_buf *out)
{
  const struct at *at = ctx;

  amz_job_column_value(at->job, at->index, name, out);
}

/* The first name whose value has one of these bytes; for the message alone, so it may take its time. */
static const char *culprit(const struct amz_job *job, uint64_t index, char byte)
{
  const char *found = NULL;

  for (size_t i = 0; i < job->n_columns && !found; i++) {
    struct amz_buf value = AMZ_BUF_INIT;

    amz_job_column_value(job, index, i, &value);
    if (value.len && memchr(value.data, byte, value.len))
      found = job->names[i];
    amz_buf_clear(&value);
  }
  return found ? found : "a placeholder";
}

static int refuse_line(const struct amz_job *job, uint64_t index, char byte, struct amz_buf *out, size_t from,
                       struct amz_error *err)
{
  const char *name = culprit(job, index, byte);

  out->len = from;
  out->data[from] = '\0';
  if (byte == '\n')
    return amz_error_set(err, AMZ_EINVAL, "task %llu: the value of %s holds a newline, and a stream's task is one line",
                         (unsigned long long)index, name);
  return amz_error_set(err, AMZ_EINVAL, "task %llu: the value of %s holds a tab, which separates values: give tasks.line",
                       (unsigned long long)index, name);
}

/* All names with tabs between them; \return how many tabs. */
static size_t fill_names(const struct amz_job *job, uint64_t index, struct amz_buf *out)
{
  for (size_t i = 0; i < job->n_columns; i++) {
    if (i)
      amz_buf_addc(out, '\t');
    amz_job_column_value(job, index, i, out);
  }
  if (job->n_columns == 0)
    amz_buf_addf(out, "%llu", (unsigned long long)index);
  return job->n_columns > 1 ? job->n_columns - 1 : 0;
}

static size_t count_byte(const char *text, size_t n, char byte)
{
  size_t count = 0;

  for (size_t i = 0; i < n; i++)
    count += text[i] == byte;
  return count;
}

int amz_task_line(const struct amz_job *job, uint64_t index, const struct amz_place *place, struct amz_buf *ret,
                  struct amz_error *err)
{
  struct amz_place here = amz_job_place(job, place);
  struct at at = {job, index};
  const struct amz_values values = {value_at, &at, index, job->name, &here};
  size_t from = ret->len, tabs = 0;

  if (job->line)
    amz_template_fill(job->line, &values, ret);
  else
    tabs = fill_names(job, index, ret);
  amz_buf_addc(ret, '\n');
  if (amz_buf_ok(ret) < 0)
    return amz_error_set(err, AMZ_ENOMEM, "out of memory for the line of task %llu", (unsigned long long)index);
  if (memchr(ret->data + from, '\n', ret->len - from) != ret->data + ret->len - 1)
    return refuse_line(job, index, '\n', ret, from, err);
  if (tabs && count_byte(ret->data + from, ret->len - from, '\t') != tabs)
    return refuse_line(job, index, '\t', ret, from, err);
  return AMZ_OK;
}

int amz_task_creates(const struct amz_job *job, uint64_t index, const struct amz_place *place, struct amz_buf *ret)
{
  struct amz_place here = amz_job_place(job, place);
  struct at at = {job, index};
  const struct amz_values values = {value_at, &at, index, job->name, &here};

  if (!job->creates)
    return AMZ_ENOENT;
  amz_template_fill(job->creates, &values, ret);
  return amz_buf_ok(ret);
}

void amz_program_print(const struct amz_task *program, const char *line, size_t n, struct amz_buf *out)
{
  if (n && line[n - 1] == '\n')
    n--;
  amz_buf_adds(out, "printf '%s\\n' ");
  amz_shell_quote(line, n, out);
  amz_buf_adds(out, program->shell ? " | { " : " | ");
  amz_task_print(program, out);
  amz_buf_adds(out, program->shell ? "; }" : "");
}
