/* Which executor runs which kind of task, and what they share. */
#include "executor.h"

#include <stdio.h>
#include <string.h>

#include <amorsize/alloc.h>

#include "loop_state.h"

#define GPU_VARIABLES 2 /* CUDA's and ROCm's */

const struct amz_executor *amz_executor_of(enum amz_task_kind kind)
{
  static const struct amz_executor *const known[] = {[AMZ_TASK_COMMAND] = &amz_executor_command,
    [AMZ_TASK_STREAM] = &amz_executor_stream,
    [AMZ_TASK_PLUGIN] = &amz_executor_plugin};

  return (size_t)kind < sizeof known / sizeof *known ? known[kind] : NULL;
}

int amz_loop_tell_ran(struct amz_loop *l, const struct amz_result *results, size_t n)
{
  struct amz_event event = {.kind = AMZ_EV_RAN, .slot = results[0].slot, .results = results, .n_results = n};

  return amz_loop_worker_event(l, &event);
}

int amz_loop_end_at_once(struct amz_loop *l, const struct amz_action *run, enum amz_outcome outcome, int32_t exit_code)
{
  int rc = amz_grow((void **)&l->instant, &l->cap_instant, l->n_instant + 1, sizeof *l->instant);

  if (rc < 0)
    return rc;
  l->instant[l->n_instant++] = (struct amz_result){.position = run->first, .attempt = run->attempt, .outcome = outcome,
                                                   .slot = run->slot, .exit_code = exit_code};
  return AMZ_OK;
}

int amz_loop_refuse(struct amz_loop *l, const struct amz_action *run, uint64_t index, const char *why)
{
  char text[AMZ_ERROR_TEXT + 64];

  (void)snprintf(text, sizeof text, "task %llu cannot be started: %s", (unsigned long long)index, why);
  amz_loop_note(l, AMZ_WARNING, text);
  return amz_loop_end_at_once(l, run, AMZ_FAILED, 126);
}

int amz_loop_add_gpus(struct amz_loop *l, uint32_t slot, const char *const *env, const char *const **ret)
{
  const struct amz_loop_config *c = l->config;
  uint32_t per_slot = amz_job_settings(c->job)->resources.gpus;
  size_t n = 0;
  int rc;

  *ret = env;
  if (per_slot == 0)
    return AMZ_OK;
  amz_buf_reset(&l->gpu_env);
  rc = slot < c->layout.slots ? amz_gpus_add_env(c->gpus, c->slot_gpus + (size_t)slot * per_slot, per_slot,
                                                 &l->gpu_env) : AMZ_ERANGE;
  while (env && env[n])
    n++;
  if (rc < 0 || (rc = amz_grow((void **)&l->env, &l->cap_env, n + GPU_VARIABLES + 1, sizeof *l->env)) < 0)
    return rc;
  for (size_t i = 0; i < n; i++)
    l->env[i] = env[i];
  for (size_t at = 0; at < l->gpu_env.len && n < l->cap_env - 1; at += strlen(l->gpu_env.data + at) + 1)
    l->env[n++] = l->gpu_env.data + at;
  l->env[n] = NULL;
  *ret = l->env;
  return AMZ_OK;
}

static void break_on_full_disk(struct amz_loop *l, int code)
{
  struct amz_error cause;

  (void)amz_error_sys(&cause, AMZ_EIO, code, "cannot write outputs to %s", l->config->pack_path);
  amz_loop_break(l, &cause);
}

/* The helper reads the mask of each task's own process. Once is enough: the cause is the same for all. */
static void warn_of_binding(struct amz_loop *l, uint32_t slot)
{
  char text[160];

  if (l->binding_told)
    return;
  l->binding_told = true;
  (void)snprintf(text, sizeof text,
                 "rank %u: the cores of slot %u could not be kept for its tasks: is somebody else binding processes?",
                 l->config->rank, slot);
  amz_loop_note(l, AMZ_WARNING, text);
}

bool amz_loop_note_end(struct amz_loop *l, const struct amz_exec_end *end)
{
  if (end->sink_errno)
    break_on_full_disk(l, end->sink_errno);
  if (end->cpus_differ)
    warn_of_binding(l, end->slot);
  if (end->pack_seq > l->last_pack_seq)
    l->last_pack_seq = end->pack_seq;
  return end->sink_errno == 0;
}
