/* A task from its index: which value of each name, then every template filled with them.
 *
 * All words of a task lie one after another in one buffer that is used again for the next task; pointers into it are set when it
 * no longer grows. */
#include <stdlib.h>
#include <string.h>

#include <amorsize/alloc.h>

#include "job_impl.h"

#define NOWHERE SIZE_MAX

struct memory {
  struct amz_buf text;   /* every word, each followed by a NUL */
  const char **pointers; /* argv, NULL, env, NULL */
  size_t cap;
};

void amz_task_init(struct amz_task *task)
{
  memset(task, 0, sizeof *task);
}

void amz_task_clear(struct amz_task *task)
{
  struct memory *m = task->memory;

  if (m) {
    amz_buf_clear(&m->text);
    free(m->pointers);
    free(m);
  }
  amz_task_init(task);
}

/* ---- values ---- */

struct at {
  const struct amz_job *job;
  uint64_t index;
};

void amz_job_column_value(const struct amz_job *job, uint64_t index, size_t name, struct amz_buf *out)
{
  const struct amz_column *column = &job->columns[name];
  const struct amz_axis *axis = &job->axes[column->axis];

  amz_source_value(column->source, index / axis->stride % axis->count, out);
}

static void value_at(const void *ctx, size_t name, struct amz_buf *out)
{
  const struct at *at = ctx;

  amz_job_column_value(at->job, at->index, name, out);
}

int amz_task_value(const struct amz_job *job, uint64_t index, size_t name, struct amz_buf *ret)
{
  amz_job_column_value(job, index, name, ret);
  return amz_buf_ok(ret);
}

struct amz_place amz_job_place(const struct amz_job *job, const struct amz_place *place)
{
  struct amz_place here = *place;

  if (!here.scratch)
    here.scratch = job->stage.scratch;
  return here;
}

/* ---- numbers that are a column's ---- */

/* Says which task's value doesn't do. */
static int bad_number(const struct amz_job *job, uint64_t index, size_t name, const char *expected, struct amz_buf *text,
                      struct amz_error *err)
{
  char shown[AMZ_YAML_SHOWN];

  amz_buf_reset(text);
  amz_job_column_value(job, index, name, text);
  if (amz_buf_ok(text) < 0)
    return AMZ_ENOMEM;
  return amz_error_set(err, AMZ_EINVAL, "task %llu: %s: expected %s, got %s", (unsigned long long)index, job->names[name],
                       expected,
                       amz_text_show(amz_buf_text(text), text->len, shown));
}

static int fill_numbers(const struct amz_job *job, uint64_t index, struct amz_buf *text, struct amz_task *task,
                        struct amz_error *err)
{
  uint64_t same = UINT64_MAX;

  task->memory_bytes = job->settings.resources.memory_bytes;
  if (job->threads_of) {
    task->threads = amz_job_threads_of(job, index, &same);
    if (task->threads == AMZ_NO_THREADS)
      return bad_number(job, index, job->threads_column, "a number of threads from 1 to 65536", text, err);
  }
  if (job->memory_of) {
    task->memory_bytes = amz_job_memory_of(job, index, &same);
    if (task->memory_bytes == AMZ_NO_BYTES)
      return bad_number(job, index, job->memory_column, "a size like 4GiB", text, err);
  }
  return AMZ_OK;
}

/* ---- words ---- */

static const char shell[] = "/bin/sh", shell_option[] = "-c";

/* The command's words. A ready line is compiled on the spot: lines have nothing in common. */
static int fill_command(const struct amz_job *job, const struct amz_values *values, struct amz_buf *text, struct amz_task *task)
{
  struct amz_command_template *line = NULL;
  const struct amz_command_template *command = job->command;
  int rc = AMZ_OK;

  task->argc = 0;
  task->shell = false;
  if (job->lines) {
    amz_buf_reset(text);
    amz_source_value(job->lines, values->index, text);
    rc = amz_buf_ok(text);
    if (rc == AMZ_OK)
      rc = amz_command_from_line(amz_buf_text(text), text->len, &line);
    if (rc < 0)
      return rc;
    command = line;
  }
  amz_buf_reset(text);
  if (command) { /* a plug-in has none */
    task->shell = amz_command_needs_shell(command);
    amz_command_fill(command, values, text, &task->argc);
  }
  amz_command_free(line);
  return rc;
}

static size_t fill_text(const struct amz_template *t, const struct amz_values *values, struct amz_buf *text)
{
  size_t at = text->len;

  if (!t)
    return NOWHERE;
  amz_template_fill(t, values, text);
  amz_buf_addc(text, '\0');
  return at;
}

/* `once`: for a program that outlives its tasks. \return how many variables. */
static size_t fill_env(const struct amz_job *job, const struct amz_values *values, uint32_t threads, bool once,
                       struct amz_buf *text)
{
  size_t n = 0;

  if (!once) {
    amz_buf_addf(text, "AMORSIZE_TASK_INDEX=%llu", (unsigned long long)values->index);
    amz_buf_addc(text, '\0');
    n++;
  }
  if (!job->own_omp) {
    amz_buf_addf(text, "OMP_NUM_THREADS=%u", threads);
    amz_buf_addc(text, '\0');
    n++;
  }
  for (size_t i = 0; i < job->n_env; i++, n++) {
    amz_buf_addf(text, "%s=", job->env[i].key);
    (void)fill_text(job->env[i].value, values, text);
  }
  return n;
}

/* ---- pointers ---- */

/* Points at n words that follow one another from *at on, and a NULL behind them. */
static const char **point(const char **to, const char **at, size_t n)
{
  for (size_t i = 0; i < n; i++) {
    *to++ = *at;
    *at += strlen(*at) + 1;
  }
  *to++ = NULL;
  return to;
}

static int point_all(struct memory *m, struct amz_task *task, size_t env_at)
{
  size_t words = task->argc + (task->shell ? 2 : 0);
  const char *at = m->text.data, **to;
  int rc = amz_grow((void **)&m->pointers, &m->cap, words + task->n_env + 2, sizeof *m->pointers);

  if (rc < 0)
    return rc;
  to = m->pointers;
  if (task->shell) {
    *to++ = shell;
    *to++ = shell_option;
  }
  to = point(to, &at, task->argc);
  task->argv = m->pointers;
  task->argc = words;
  task->env = to;
  at = m->text.data + env_at;
  (void)point(to, &at, task->n_env);
  return AMZ_OK;
}

static const char *text_at(const struct memory *m, size_t at)
{
  return at == NOWHERE ? NULL : m->text.data + at;
}

/* `once`: what all tasks of a slot share; index is 0 and means nothing. */
static int fill(const struct amz_job *job, uint64_t index, bool once, const struct amz_place *place, struct amz_task *task,
                struct amz_error *err)
{
  struct memory *m = task->memory;
  struct at at = {job, index};
  struct amz_place here = amz_job_place(job, place);
  struct amz_values values = {value_at, &at, index, job->name, &here};
  size_t env_at, workdir_at, stdin_at, creates_at;
  int rc;

  task->index = index;
  task->threads = place->threads;
  rc = once ? AMZ_OK : fill_numbers(job, index, &m->text, task, err);
  if (rc < 0)
    return rc;
  here.threads = task->threads;
  rc = fill_command(job, &values, &m->text, task);
  if (rc < 0)
    return rc;
  env_at = m->text.len;
  task->n_env = fill_env(job, &values, task->threads, once, &m->text);
  workdir_at = fill_text(job->workdir, &values, &m->text);
  stdin_at = fill_text(once ? NULL : job->stdin_path, &values, &m->text);
  creates_at = fill_text(once ? NULL : job->creates, &values, &m->text);
  rc = amz_buf_ok(&m->text);
  if (rc == AMZ_OK)
    rc = point_all(m, task, env_at);
  if (rc < 0)
    return rc;
  task->workdir = text_at(m, workdir_at);
  task->stdin_path = text_at(m, stdin_at);
  task->creates = text_at(m, creates_at);
  return AMZ_OK;
}

static int fill_all(const struct amz_job *job, uint64_t index, bool once, const struct amz_place *place, struct amz_task *task,
                    struct amz_error *err)
{
  if (!task->memory)
    task->memory = calloc(1, sizeof(struct memory));
  return task->memory ? fill(job, index, once, place, task, err) : AMZ_ENOMEM;
}

int amz_program_fill(const struct amz_job *job, const struct amz_place *place, struct amz_task *task, struct amz_error *err)
{
  int rc = fill_all(job, 0, true, place, task, err);

  return rc == AMZ_ENOMEM ? amz_error_set(err, rc, "out of memory for the words of a program") : rc;
}

int amz_task_fill(const struct amz_job *job, uint64_t index, const struct amz_place *place, struct amz_task *task,
                  struct amz_error *err)
{
  int rc = fill_all(job, index, false, place, task, err);

  return rc == AMZ_ENOMEM ? amz_error_set(err, rc, "out of memory for task %llu", (unsigned long long)index) : rc;
}

void amz_task_print(const struct amz_task *task, struct amz_buf *out)
{
  if (task->shell) {
    amz_buf_adds(out, task->argv[2]);
    return;
  }
  for (size_t i = 0; i < task->argc; i++) {
    if (i)
      amz_buf_addc(out, ' ');
    amz_shell_quote(task->argv[i], strlen(task->argv[i]), out);
  }
}
