/* Command tasks: a process each, started by the helper. */
#include <stdio.h>
#include <unistd.h>

#include "executor.h"
#include "loop_state.h"

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

static int start(struct amz_loop *l, const struct amz_action *run)
{
  const struct amz_loop_config *c = l->config;
  uint64_t index = amz_order_index(c->order, run->first);
  struct amz_place place = {.rank = c->rank, .slot = run->slot, .threads = l->threads};
  struct amz_exec_command command = {.slot = run->slot, .index = index, .tag = run->first, .attempt = run->attempt,
                                     .ok_exit = amz_job_ok_exit(c->job)};
  struct amz_error why;
  int rc = amz_task_fill(c->job, index, &place, &l->task, &why);

  if (rc == AMZ_EINVAL)
    return amz_loop_refuse(l, run, index, why.text);
  if (rc < 0)
    return rc;
  if (exists_already(&l->task))
    return amz_loop_end_at_once(l, run, AMZ_SKIPPED, 0);
  command.shell = l->task.shell;
  command.argv = l->task.argv;
  if ((rc = amz_loop_add_gpus(l, run->slot, l->task.env, &command.env)) < 0)
    return rc;
  command.workdir = l->task.workdir;
  command.stdin_path = l->task.stdin_path;
  amz_loop_cores(l, run->slot, l->task.threads, &command.cpus, &command.n_cpus);
  l->slots[run->slot] = (struct amz_slot_state){run->first, run->attempt, l->task.threads};
  return amz_exec_start(c->exec, &command);
}

static int kill_task(struct amz_loop *l, const struct amz_action *kill)
{
  return amz_exec_kill(l->config->exec, kill->slot, kill->signal, kill->outcome);
}

static int ended(struct amz_loop *l, const struct amz_exec_end *end)
{
  const struct amz_slot_state *slot = &l->slots[end->slot];
  struct amz_result result = {.position = slot->position, .attempt = slot->attempt, .outcome = end->outcome, .slot = end->slot,
    .exit_code = end->exit_code, .signal = end->signal, .seq = end->pack_seq, .pack_offset = end->pack_offset,
    .start_ns = end->start_ns, .wall_ns = end->wall_ns, .cpu_ns = end->cpu_ns, .max_rss_bytes = end->max_rss_bytes,
    .output_bytes = end->output_bytes, .input_bytes = end->input_bytes, .waited_ns = end->waited_ns};

  amz_loop_leave_cores(l, end->slot);
  if (!amz_loop_note_end(l, end))
    result.outcome = AMZ_CANCELLED;
  return amz_loop_tell_ran(l, &result, 1);
}

const struct amz_executor amz_executor_command = {.grain = 1, .helper_slots = 1, .start = start, .kill = kill_task,
                                                  .ended = ended};
