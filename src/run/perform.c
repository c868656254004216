/* Performing actions: starting, killing, syncing for the worker; recording for the master; mail for both. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <amorsize/alloc.h>

#include "loop_state.h"

#define GPU_VARIABLES 2 /* CUDA's and ROCm's */

static int post(struct amz_buf *box, const struct amz_message *message)
{
  size_t at = box->len;
  uint32_t n;
  int rc;

  amz_buf_add_u32(box, 0);
  rc = amz_message_encode(message, box);
  if (rc < 0 || (rc = amz_buf_ok(box)) < 0)
    return rc;
  n = (uint32_t)(box->len - at - 4);
  for (size_t i = 0; i < 4; i++)
    box->data[at + i] = (char)(n >> (8 * i));
  return AMZ_OK;
}

/* ---- worker ----------------------------------------------------------------------------------------------------------- */

/* Remembers an end of a task that was never started; it is told to the worker when its step is over. */
static int end_at_once(struct amz_loop *l, const struct amz_action *run, enum amz_outcome outcome, int32_t exit_code)
{
  int rc = amz_grow((void **)&l->instant, &l->cap_instant, l->n_instant + 1, sizeof *l->instant);

  if (rc < 0)
    return rc;
  l->instant[l->n_instant++] = (struct amz_result){.position = run->first, .attempt = run->attempt, .outcome = outcome,
                                                   .slot = run->slot, .exit_code = exit_code};
  return AMZ_OK;
}

/* `creates` is seen from the task's own working directory. */
static bool exists_already(const struct amz_task *task)
{
  char path[4096];
  int n;

  if (!task->creates)
    return false;
  if (task->creates[0] == '/' || !task->workdir)
    return access(task->creates, F_OK) == 0;
  n = snprintf(path, sizeof path, "%s/%s", task->workdir, task->creates);
  return n > 0 && (size_t)n < sizeof path && access(path, F_OK) == 0;
}

static int refuse(struct amz_loop *l, const struct amz_action *run, uint64_t index, const char *why)
{
  char text[AMZ_ERROR_TEXT + 64];

  (void)snprintf(text, sizeof text, "task %llu cannot be started: %s", (unsigned long long)index, why);
  amz_loop_note(l, AMZ_WARNING, text);
  return end_at_once(l, run, AMZ_FAILED, 126);
}

/* The task's environment and, behind it, so that they win, the GPUs of its slot. */
static int add_gpus(struct amz_loop *l, uint32_t slot, const char *const *env, const char *const **ret)
{
  const struct amz_loop_config *c = l->config;
  uint32_t per_slot = amz_job_settings(c->job)->resources.gpus;
  size_t n = 0;
  int rc;

  *ret = env;
  if (per_slot == 0)
    return AMZ_OK;
  amz_buf_reset(&l->gpu_env);
  rc = amz_gpus_add_env(c->gpus, c->gpu_first + slot, c->gpu_slots, per_slot, &l->gpu_env);
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

static int start(struct amz_loop *l, const struct amz_action *run)
{
  const struct amz_loop_config *c = l->config;
  uint64_t index = amz_order_index(c->order, run->first);
  struct amz_place place = {.rank = c->rank, .slot = run->slot, .threads = c->layout.threads};
  struct amz_exec_command command = {.slot = run->slot, .index = index, .tag = run->first, .attempt = run->attempt,
                                     .ok_exit = amz_job_ok_exit(c->job)};
  struct amz_error why;
  int rc = amz_task_fill(c->job, index, &place, &l->task, &why);

  if (rc == AMZ_EINVAL)
    return refuse(l, run, index, why.text);
  if (rc < 0)
    return rc;
  if (exists_already(&l->task))
    return end_at_once(l, run, AMZ_SKIPPED, 0);
  command.shell = l->task.shell;
  command.argv = l->task.argv;
  if ((rc = add_gpus(l, run->slot, l->task.env, &command.env)) < 0)
    return rc;
  command.workdir = l->task.workdir;
  command.stdin_path = l->task.stdin_path;
  amz_cores_of_slot(c->cores, run->slot, c->layout.slots, c->layout.threads, &command.cpus, &command.n_cpus);
  l->slots[run->slot] = (struct amz_slot_state){run->first, run->attempt};
  return amz_exec_start(c->exec, &command);
}

static int sync_pack(struct amz_loop *l)
{
  struct amz_error cause;
  int rc = amz_store_sync(l->config->store, l->config->pack_path, l->last_pack_seq, &cause);

  if (rc == AMZ_EIO) {
    amz_loop_break(l, &cause);
    return AMZ_OK;
  }
  return rc;
}

int amz_loop_perform_worker(struct amz_loop *l, const struct amz_action *action)
{
  switch (action->kind) {
  case AMZ_DO_SEND:
    return l->master ? post(&l->to_master, action->message) : amz_loop_send(l, 0, action->message);
  case AMZ_DO_RUN:
    return start(l, action);
  case AMZ_DO_KILL:
    return amz_exec_kill(l->config->exec, action->slot, action->signal, action->outcome);
  case AMZ_DO_SYNC:
    return sync_pack(l);
  case AMZ_DO_FINISH:
    l->worker_finished = true;
    return AMZ_OK;
  case AMZ_DO_RECORD:
  case AMZ_DO_FENCE:
    break; /* the master's */
  }
  return AMZ_EINVAL;
}

/* ---- master ----------------------------------------------------------------------------------------------------------- */

static const char *node_of(const struct amz_loop_config *c, uint32_t rank)
{
  return c->team && rank < c->team->count ? c->team->members[rank].node : c->host;
}

static int record(struct amz_loop *l, const struct amz_action *action)
{
  struct amz_error cause;
  int rc = AMZ_OK;

  for (size_t i = 0; rc == AMZ_OK && i < action->n_results; i++) {
    struct amz_record one = {.result = action->results[i], .rank = action->rank, .epoch = l->config->epoch, .final = action->final,
                             .node = node_of(l->config, action->rank)};

    one.result.position = amz_order_index(l->config->order, action->results[i].position);
    rc = amz_store_record(l->config->store, &one, 1, &cause);
    if (rc == AMZ_OK)
      amz_tally_add(&l->result->tally, &action->results[i], one.result.position, action->final);
  }
  if (rc == AMZ_EIO) { /* what is lost here is in the pack: resume takes it from there */
    amz_loop_break(l, &cause);
    return AMZ_OK;
  }
  return rc;
}

int amz_loop_perform_master(struct amz_loop *l, const struct amz_action *action)
{
  switch (action->kind) {
  case AMZ_DO_SEND:
    return action->rank == l->config->rank ? post(&l->to_worker, action->message) : amz_loop_send(l, action->rank, action->message);
  case AMZ_DO_RECORD:
    return record(l, action);
  case AMZ_DO_FENCE: /* told outside of this step. A rank that was silent so long has fenced itself: its helper ended its tasks */
    l->fenced[action->rank] = l->any_fenced = true;
    return AMZ_OK;
  case AMZ_DO_FINISH:
    l->master_finished = true;
    return AMZ_OK;
  case AMZ_DO_RUN:
  case AMZ_DO_KILL:
  case AMZ_DO_SYNC:
    break; /* the worker's */
  }
  return AMZ_EINVAL;
}
