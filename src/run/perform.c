/* Performing actions: syncing for the worker, what runs tasks is the executor's; recording for the master; mail for both. */
#include "budget.h"
#include "executor.h"
#include "loop_state.h"

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

static int sync_pack(struct amz_loop *l)
{
  struct amz_error cause;
  int rc = amz_store_sync(l->config->store, l->sync_path ? l->sync_path : l->config->pack_path, l->last_pack_seq, &cause);

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
    l->marks[action->slot] = amz_beside_begin(&l->beside, amz_clock_monotonic_ns());
    return l->executor->start(l, action);
  case AMZ_DO_KILL:
    return l->executor->kill(l, action);
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

static void note_recorded(struct amz_loop *l, const struct amz_action *action, const struct amz_result *result, uint64_t index)
{
  amz_tally_add(&l->result->tally, result, index, action->final);
  if (action->final)
    amz_tally_hold_memory(&l->result->tally, result, index, amz_budget_said(l->config->job, index));
  if (l->config->kept && action->final && (result->pack_offset || (result->outcome == AMZ_SUCCEEDED &&
                                                                   amz_job_keeps_results(l->config->job))))
    l->config->kept[action->rank]++;
}

/* What partials are of is known when the first come: rank 0 itself may not run anything. */
static int learn_reduction(struct amz_loop *l, const struct amz_bulk *b, struct amz_error *err)
{
  const struct amz_reduce_kind kind = {amz_job_reduces(l->config->job), (enum amz_value)b->value_type, b->value_width};

  if (b->partials_bytes == 0 || l->reduce.op != AMZ_REDUCE_NONE)
    return AMZ_OK;
  l->reduce = kind;
  return amz_store_set_reduce(l->config->store, &kind, err);
}

/* A stretch of positions may be several of task indexes; partials were made for each of those apart. */
static int record_bulk(struct amz_loop *l, const struct amz_action *action, struct amz_error *err)
{
  const struct amz_bulk *b = action->bulk;
  const struct amz_loop_config *c = l->config;
  int rc = learn_reduction(l, b, err);
  size_t at = 0;

  for (uint64_t done = 0, n; rc == AMZ_OK && done < b->count; done += n) {
    struct amz_chunk_record one = {.attempt = b->attempt, .rank = action->rank, .slot = b->slot, .epoch = c->epoch,
                                   .start_ns = b->start_ns,
                                   .node = node_of(c, action->rank)};

    n = amz_order_stretch(c->order, b->first + done, b->count - done, &one.first);
    one.count = n;
    one.wall_s = b->wall_s * (double)n / (double)b->count;
    one.cpu_s = b->cpu_s * (double)n / (double)b->count;
    if (b->partials_bytes) {
      one.partials = (const char *)b->partials + at;
      at += one.partials_bytes = amz_reduce_split(&l->reduce, one.partials, b->partials_bytes - at, one.first, n);
    }
    rc = amz_store_record_chunk(c->store, &one, err);
  }
  if (rc == AMZ_OK)
    amz_tally_add_bulk(&l->result->tally, b);
  if (rc == AMZ_OK && c->kept && amz_job_keeps_results(c->job))
    c->kept[action->rank] += b->count;
  return rc;
}

static int record(struct amz_loop *l, const struct amz_action *action)
{
  struct amz_error cause;
  int rc = action->bulk ? record_bulk(l, action, &cause) : AMZ_OK;

  for (size_t i = 0; rc == AMZ_OK && i < action->n_results; i++) {
    struct amz_record one = {.result = action->results[i], .rank = action->rank, .epoch = l->config->epoch,
                             .final = action->final,
                             .node = node_of(l->config, action->rank)};

    one.result.position = amz_order_index(l->config->order, action->results[i].position);
    rc = amz_store_record(l->config->store, &one, 1, &cause);
    if (rc == AMZ_OK)
      note_recorded(l, action, &action->results[i], one.result.position);
  }
  /* What is lost here is in the pack, or isn't recorded and runs again: resume goes on from there. */
  if (rc == AMZ_EIO || (rc == AMZ_EINVAL && action->bulk)) {
    amz_loop_break(l, &cause);
    return AMZ_OK;
  }
  return rc;
}

int amz_loop_perform_master(struct amz_loop *l, const struct amz_action *action)
{
  switch (action->kind) {
  case AMZ_DO_SEND:
    return action->rank == l->config->rank ? post(&l->to_worker, action->message) : amz_loop_send(l, action->rank,
        action->message);
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
