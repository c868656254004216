/* Setting up the ranks of a launch, on both sides. */
#define _GNU_SOURCE
#include "ranks.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <amorsize/alloc.h>

#include "devices.h"
#include "executor.h"
#include "gather.h"
#include "here.h"
#include "inputs.h"
#include "layout.h"
#include "loop_state.h"
#include "marker.h"
#include "meeting.h"
#include "order.h"

/* ---- rank 0 ----------------------------------------------------------------------------------------------------------- */

/* For a plan, or a sample, that may want more slots than cores. A plug-in's threads or processes are as many as its slots were
 * when it was loaded; where tasks say what memory they take, the slots are as many as that suffices for. */
static void make_room(const struct amz_launch *l, struct amz_layout *layout)
{
  if ((l->plans || l->sampler) && amz_job_kind(l->job) != AMZ_TASK_PLUGIN && !amz_budget_minds_memory(l->job))
    amz_layout_make_room(amz_job_settings(l->job), amz_job_tasks(l->job), layout);
}

/* Says once for each node what it has too little for, and for what it is ignored. */
static const struct amz_run_observer *observer_of(const struct amz_launch *l, const struct amz_member *m)
{
  return m->node_rank == 0 ? l->observer : NULL;
}

static void tell_barred(const struct amz_launch *l, uint32_t rank, const char *why)
{
  char text[AMZ_ERROR_TEXT + 64];

  (void)snprintf(text, sizeof text, "rank %u runs nothing: %s", rank, why);
  if (l->observer && l->observer->note)
    l->observer->note(l->observer->ctx, AMZ_WARNING, text);
}

/* A rank whose share is too small for some task runs nothing; when that is so of all, the launch has failed. */
static int fit_rank(const struct amz_launch *l, uint32_t rank, const char *where, struct amz_layout *layout,
                    struct amz_order_of_work *ret,
                    struct amz_error *err)
{
  const struct amz_member *m = &l->team.members[rank];
  const struct amz_budget budget = amz_budget_of(l->job, ret->core_count, m->memory_bytes, m->node_rank, m->node_size);
  const struct amz_budget_words words = {"", where};
  int rc = amz_budget_fit(l->job, &budget, &words, l->left, l->n_left, observer_of(l, m), layout, err);

  ret->memory_bytes = budget.memory_bytes;
  ret->barred = rc == AMZ_EENV;
  return ret->barred ? AMZ_OK : rc;
}

/* A rank's slots: the same rules as for a process alone, with its share of the cores. *ret_why: why it is barred, when it is. */
static int order_for(const struct amz_launch *l, uint32_t rank, struct amz_order_of_work *ret, struct amz_error *ret_why,
                     struct amz_error *err)
{
  const struct amz_member *m = &l->team.members[rank];
  uint32_t per_slot = amz_job_settings(l->job)->resources.gpus;
  struct amz_layout layout;
  char where[sizeof m->node + 8];
  int rc;

  amz_member_share(m, &ret->core_first, &ret->core_count);
  amz_budget_layout(l->job, ret->core_count, UINT64_MAX, &layout);
  (void)snprintf(where, sizeof where, "on %s", m->node);
  rc = fit_rank(l, rank, where, &layout, ret, ret_why);
  if (rc == AMZ_OK)
    rc = amz_devices_fit(&layout, per_slot, amz_member_gpu_slots(m, per_slot), m->gpus, where, l->observer, err);
  make_room(l, &layout);
  ret->slots = layout.slots;
  ret->capacity = amz_layout_capacity(&layout);
  ret->threads = layout.threads;
  return rc;
}

/* What each rank is to do; GPUs are shared out when it is known how many slots all of them have. */
static int make_orders(struct amz_launch *l, struct amz_order_of_work *orders, struct amz_error *err)
{
  const struct amz_order_of_work order = {.epoch = l->epoch, .dir = l->dir, .cwd = amz_buf_text(&l->cwd),
                                          .recording = l->recording.data,
                                          .n_recording = l->recording.len, .ranges = l->left, .n_ranges = l->n_left,
                                          .n_first = l->n_first};
  uint32_t barred = 0;
  struct amz_error why;
  int rc;

  l->shares = amz_new_array(l->team.count, sizeof *l->shares);
  if (!l->shares)
    return amz_error_set(err, AMZ_ENOMEM, "out of memory for %u ranks", l->team.count);
  for (uint32_t i = 0; i < l->team.count; i++) {
    orders[i] = order;
    if ((rc = order_for(l, i, &orders[i], &why, err)) < 0)
      return rc;
    barred += orders[i].barred;
    if (barred == l->team.count)
      return amz_error_set(err, AMZ_EENV, "%s", why.text);
    orders[i].master_pid = l->team.members[i].same_node ? (int64_t)getpid() : 0;
    orders[i].node_dir = amz_gather_node_dir(l, i);
    l->shares[i] = (struct amz_rank_share){.slots = orders[i].barred ? 0 : orders[i].slots, .capacity = orders[i].capacity,
                                           .cores = orders[i].core_count, .memory_bytes = orders[i].memory_bytes};
    l->total_slots += l->shares[i].slots;
    if (orders[i].barred)
      tell_barred(l, i, why.text);
  }
  l->any_barred = barred > 0;
  rc = amz_devices_share(&l->team, orders, amz_job_settings(l->job)->resources.gpus, &l->slot_gpus);
  return rc < 0 ? amz_error_set(err, rc, "cannot share out GPUs: %s", amz_err_name(rc)) : AMZ_OK;
}

static int tell_all(struct amz_launch *l, struct amz_error *err)
{
  struct amz_order_of_work *orders = amz_new_array(l->team.count, sizeof *orders);
  int rc = orders ? make_orders(l, orders, err) : amz_error_set(err, AMZ_ENOMEM, "out of memory for %u ranks", l->team.count);

  for (uint32_t i = l->team.count; rc == AMZ_OK && i-- > 1;)
    rc = amz_meeting_tell(l->link, i, &orders[i], err);
  if (rc == AMZ_OK) {
    l->told = true;
    amz_cores_keep(&l->cores, orders->core_first, orders->core_count);
    l->budget = (struct amz_budget){.cores = orders->core_count, .memory_bytes = orders->memory_bytes};
    l->barred = orders->barred;
    l->layout = (struct amz_layout){.ranks = l->team.count, .slots = orders->slots, .threads = orders->threads,
                                    .cores = orders->core_count,
                                    .capacity = orders->capacity};
  }
  free(orders);
  return rc;
}

int amz_launch_fit(struct amz_launch *l, const struct amz_range *tasks, size_t n, struct amz_error *err)
{
  struct amz_budget_words words = {.where = "here"};
  uint64_t bytes = 0;
  int rc = amz_budget_asks_memory(l->job) ? amz_memory_here(&l->memory_source, err, &bytes) : AMZ_OK;

  if (rc < 0)
    return rc;
  l->fitted = true;
  l->budget = amz_budget_of(l->job, l->cores.most, bytes, 0, 1);
  words.source = amz_buf_text(&l->memory_source);
  return amz_budget_fit(l->job, &l->budget, &words, tasks, n, l->observer, &l->layout, err);
}

static int fit_alone(struct amz_launch *l, struct amz_error *err)
{
  uint32_t per_slot = amz_job_settings(l->job)->resources.gpus;
  int rc = l->fitted ? AMZ_OK : amz_launch_fit(l, l->left, l->n_left, err);

  if (rc == AMZ_OK)
    rc = amz_devices_fit(&l->layout, per_slot, amz_gpus_slots(&l->gpus, per_slot), l->gpus.count, "here", l->observer, err);

  if (rc == AMZ_OK && (rc = amz_devices_share_alone(&l->cores, &l->gpus, &l->layout, per_slot, &l->slot_gpus)) < 0)
    rc = amz_error_set(err, rc, "cannot share out GPUs: %s", amz_err_name(rc));
  l->total_slots = l->layout.slots;
  make_room(l, &l->layout);
  return rc;
}

/* From here on the driver knows that this way of launching works: ranks that die later are launched again in the same way. */
int amz_launch_meet(struct amz_launch *l, struct amz_error *err)
{
  uint64_t bytes;
  int rc;

  if (!l->link)
    return AMZ_OK;
  rc = amz_marker_put_launched(l->dir, err);
  if (rc == AMZ_OK)
    rc = amz_memory_here(NULL, err, &bytes);
  if (rc == AMZ_OK)
    rc = amz_meeting_gather(l->link, &l->cores, &l->gpus, bytes, &l->signal, err, &l->team);
  l->lost_early = rc == AMZ_EENV;
  return rc;
}

int amz_launch_team(struct amz_launch *l, struct amz_error *err)
{
  int rc;

  if (!l->link)
    return fit_alone(l, err);
  l->total_slots = 0;
  rc = amz_gather_plan(l, err);
  return rc < 0 ? rc : tell_all(l, err);
}

void amz_run_dismiss(const struct amz_rank_link *link)
{
  const struct amz_order_of_work home = {.status = AMZ_ECLOSED};
  struct amz_error ignored;

  for (uint32_t i = 1; i < link->net->size(link->mpi); i++)
    (void)amz_meeting_tell(link, i, &home, &ignored); /* those that don't hear it give up by themselves */
}

/* ---- the others ------------------------------------------------------------------------------------------------------- */

/* What a serving rank holds. */
struct service {
  struct amz_buf bytes, cwd;
  struct amz_order_parts parts;
  struct amz_order_of_work order;
  struct amz_cores cores;
  struct amz_gpus gpus;
  struct amz_job *job;
  struct amz_order *positions;
  struct amz_store *store;
  struct amz_giver giver;
  bool opened;            /* its loop has run */
  char *pack_path, *work; /* work: where tasks start, when it isn't where the run was started */
};

static void release(struct service *s)
{
  amz_buf_clear(&s->bytes);
  amz_buf_clear(&s->cwd);
  amz_order_parts_clear(&s->parts);
  amz_cores_clear(&s->cores);
  amz_gpus_clear(&s->gpus);
  amz_job_free(s->job);
  amz_order_free(s->positions);
  amz_giver_clear(&s->giver);
  free(s->pack_path);
  free(s->work);
}

/* The directory whose out/ takes our pack. */
static const char *packs_of(const struct service *s)
{
  return s->order.node_dir ? s->order.node_dir : s->order.dir;
}

/* A node that is gathered from needn't see where the run was started: its tasks start in a directory of the run's own there. */
static int go_to_work(struct service *s, uint32_t rank, struct amz_error *err)
{
  int rc = s->order.node_dir ? amz_nodedir_make(s->order.node_dir, err) : AMZ_OK;

  if (rc < 0)
    return rc;
  if (chdir(s->order.cwd) == 0)
    return AMZ_OK;
  if (!s->order.node_dir || errno != ENOENT)
    return amz_error_sys(err, AMZ_EENV, errno, "rank %u: cannot go to the directory in which the run was started, %s", rank,
                         s->order.cwd);
  rc = amz_nodedir_work(s->order.node_dir, err, &s->work);
  if (rc == AMZ_OK && chdir(s->work) < 0)
    rc = amz_error_sys(err, AMZ_EENV, errno, "rank %u: cannot go to %s", rank, s->work);
  return rc;
}

static int load(struct service *s, uint32_t rank, struct amz_error *err)
{
  struct amz_diags diags; /* rank 0 has told them */
  int rc;

  amz_diags_init(&diags);
  rc = amz_inputs_replay(s->order.recording, s->order.n_recording, &diags, &s->cwd, &s->job, err);
  amz_diags_clear(&diags);
  if (rc < 0)
    return rc;
  if ((rc = go_to_work(s, rank, err)) < 0)
    return rc;
  if ((rc = amz_run_order(s->job, s->order.ranges, s->order.n_ranges, s->order.n_first, &s->positions)) < 0 ||
      (rc = amz_rundir_pack_path(packs_of(s), rank, s->order.epoch, &s->pack_path)) < 0)
    return amz_error_set(err, rc, "rank %u: cannot prepare the run: %s", rank, amz_err_name(rc));
  return AMZ_OK;
}

static int open_rank(struct service *s, const struct amz_rank_link *link, uint32_t rank, struct amz_error *err)
{
  struct amz_store_config store = {.dir = packs_of(s)};
  struct amz_exec_config exec = {.pack_path = s->pack_path,
    .slots = amz_executor_of(amz_job_kind(s->job))->helper_slots * s->order.capacity, .rank = rank, .epoch = s->order.epoch,
    .workdir = s->work ? s->work : s->order.cwd, .silence_ns = AMZ_HELPER_SILENCE_NS,
    .discard_output = amz_job_settings(s->job)->output.discard_stdout};
  int rc = amz_store_open_packs(&store, err, &s->store);

  amz_cores_keep(&s->cores, s->order.core_first, s->order.core_count);
  return rc < 0 ? rc : amz_exec_set_up(link->exec, &exec, err);
}

static int loop(struct service *s, const struct amz_rank_link *link, uint32_t rank, struct amz_error *err)
{
  struct amz_loop_config config = {.job = s->job, .recording = s->order.recording,
    .n_recording = s->order.n_recording, .order = s->positions, .cores = &s->cores, .gpus = &s->gpus,
    .slot_gpus = s->order.slot_gpus,
    .exec = link->exec, .store = s->store,
    .layout = {.ranks = link->net->size(link->mpi), .slots = s->order.slots, .threads = s->order.threads, .cores = s->cores.most,
               .capacity = s->order.capacity},
    .pack_path = s->pack_path, .apart = s->order.node_dir, .host = link->net->node(link->mpi), .run_dir = s->order.dir,
    .shared_dir = s->order.dir, .epoch = s->order.epoch, .rank = rank,
    .total_slots = s->order.slots, .net = link->net, .mpi = link->mpi, .master_pid = s->order.master_pid,
    .walltime = {AMZ_NEVER, AMZ_NEVER}, .budget = {.cores = s->order.core_count, .memory_bytes = s->order.memory_bytes},
    .barred = s->order.barred};
  struct amz_loop_result result;
  int rc = amz_loop_run(&config, link->signals, &result, err);

  if (rc == AMZ_OK && result.err.code < 0) {
    *err = result.err;
    rc = err->code;
  }
  return rc;
}

static int report(struct service *s, const struct amz_rank_link *link, struct amz_error *err)
{
  uint64_t bytes = 0;
  int rc = amz_cores_here(NULL, err, &s->cores);

  if (rc == AMZ_OK)
    rc = amz_devices_read(&s->gpus, err);
  if (rc == AMZ_OK)
    rc = amz_memory_here(NULL, err, &bytes);
  return rc < 0 ? rc : amz_meeting_report(link, &s->cores, &s->gpus, bytes, err);
}

/* Whatever became of the loop, what is in the packs is rank 0's. */
static int give(struct service *s, const struct amz_rank_link *link, int loop_rc, struct amz_error *err)
{
  struct amz_error own;
  int rc;

  if (!s->order.node_dir || !s->opened)
    return loop_rc;
  rc = amz_giver_serve(&s->giver, link, s->order.master_pid, &own);
  if (loop_rc < 0 || rc == AMZ_OK)
    return loop_rc;
  *err = own;
  return rc;
}

int amz_run_serve(const struct amz_rank_link *link, struct amz_error *err)
{
  uint32_t rank = link->net->rank(link->mpi);
  struct service s = {.bytes = AMZ_BUF_INIT, .cwd = AMZ_BUF_INIT, .giver = AMZ_GIVER_INIT};
  struct amz_error ignored;
  int rc = report(&s, link, err);

  if (rc == AMZ_OK && (rc = amz_meeting_await(link, &s.giver, err, &s.bytes, &s.parts, &s.order)) == AMZ_OK &&
      (rc = load(&s, rank, err)) == AMZ_OK && (rc = open_rank(&s, link, rank, err)) == AMZ_OK) {
    s.opened = true;
    rc = loop(&s, link, rank, err);
  }
  if (rc < 0 && rc != AMZ_ECLOSED && !s.opened)
    amz_meeting_excuse(link, err->text);
  (void)amz_store_close(s.store, &ignored); /* every result has been made durable, or is not told */
  rc = give(&s, link, rc, err);
  release(&s);
  return rc;
}
