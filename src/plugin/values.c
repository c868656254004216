/* Values of names for plug-ins that ask for them: the job is made from the recorded inputs at the first question, once for all
 * threads; after that it is only read. */
#include <stdlib.h>
#include <string.h>

#include <amorsize/alloc.h>

#include "../run/inputs.h"
#include "host.h"

static struct amz_job *make_job(const struct amz_host_values *v)
{
  struct amz_diags diags; /* of a description that was accepted before */
  struct amz_buf cwd = AMZ_BUF_INIT;
  struct amz_error err;
  struct amz_job *job = NULL;

  amz_diags_init(&diags);
  if (amz_inputs_replay(v->recording, v->n_recording, &diags, &cwd, &job, &err) < 0)
    job = NULL;
  amz_diags_clear(&diags);
  amz_buf_clear(&cwd);
  return job;
}

static const struct amz_job *job_of(struct amz_host_values *v)
{
  const struct amz_job *job;

  if (pthread_mutex_lock(&v->lock) != 0)
    return NULL;
  if (!v->tried)
    v->job = make_job(v);
  v->tried = true;
  job = v->job;
  (void)pthread_mutex_unlock(&v->lock);
  return job;
}

static int make_texts(struct amz_slot_thread *s, size_t n)
{
  if (s->texts)
    return AMZ_OK;
  s->texts = amz_new_array(n, sizeof *s->texts);
  if (!s->texts)
    return AMZ_ENOMEM;
  s->n_texts = n;
  for (size_t i = 0; i < n; i++)
    amz_buf_init(&s->texts[i]);
  return AMZ_OK;
}

const char *amz_slot_value(const struct amz_plugin_task *task, const char *name)
{
  struct amz_slot_thread *s = task->host;
  const struct amz_job *job = job_of(&s->host->values);
  const char *const *names;
  size_t n = 0, i = 0;

  names = job ? amz_job_names(job, &n) : NULL;
  while (i < n && strcmp(names[i], name) != 0)
    i++;
  if (i == n || task->index >= amz_job_tasks(job) || make_texts(s, n) < 0)
    return NULL;
  if (s->text_index != task->index) /* texts of one task stand together until the next one's */
    for (size_t k = 0; k < n; k++)
      amz_buf_reset(&s->texts[k]);
  s->text_index = task->index;
  if (s->texts[i].len == 0 && amz_task_value(job, task->index, i, &s->texts[i]) < 0)
    return NULL;
  return amz_buf_text(&s->texts[i]);
}

void amz_slot_clear_values(struct amz_slot_thread *s)
{
  for (size_t i = 0; i < s->n_texts; i++)
    amz_buf_clear(&s->texts[i]);
  free(s->texts);
  s->texts = NULL;
  s->n_texts = 0;
}
