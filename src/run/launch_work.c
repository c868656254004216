/* What a launch has to do, in which order, and by whom: the store with what is left, the run's order, the helper, the planner,
 * the loop. */
#define _GNU_SOURCE
#include <stdlib.h>
#include <string.h>

#include <amorsize/policy.h>
#include <amorsize/rng.h>
#include <amorsize/sampling.h>

#include "executor.h"
#include "launch.h"
#include "look_back.h"
#include "layout.h"
#include "loop_state.h"
#include "meeting.h"
#include "order.h"
#include "ranks.h"

#define DRAWN_MAX 1000u /* more than that is drawn of no run: each is a range of its own, on every rank */

void amz_launch_tick(struct amz_launch *l)
{
  int64_t now_ns = amz_clock_monotonic_ns();
  struct amz_error ignored; /* what is wrong shows when there is more to say, or to write */

  if (now_ns < l->next_beat_ns)
    return;
  l->next_beat_ns = now_ns + AMZ_MEETING_BEAT_NS;
  if (l->link)
    (void)amz_meeting_beat(l->link, &ignored);
  if (!l->store && l->lease)
    (void)amz_lease_refresh(l->lease, &ignored);
}

void amz_launch_tick_for(void *ctx)
{
  amz_launch_tick(ctx);
}

/* Records whose outputs are on nodes that have no rank now: they stand, unless they are given up. */
static int find_absent(struct amz_launch *l, bool retry_lost, struct amz_error *err)
{
  bool results = amz_job_keeps_results(l->job);
  int rc;

  if (!*l->places.key) /* never gathered */
    return AMZ_OK;
  rc = amz_store_absent(l->store, results, err, &l->absent, &l->n_absent);
  if (rc == AMZ_OK && retry_lost) {
    rc = amz_store_forget(l->store, results, l->absent, l->n_absent, err);
    l->n_absent = 0;
  }
  for (size_t i = 0; i < l->n_absent; i++)
    l->elsewhere += l->absent[i].tasks;
  return rc;
}

static bool tries_threads(const struct amz_launch *l)
{
  return amz_sampler_wants_threads(amz_job_settings(l->job), amz_job_kind(l->job), l->cores.most);
}

/* A run that goes on knows some tasks: so many fewer are drawn. \return AMZ_OK, *want those to be drawn; AMZ_ENOMEM. */
static int recall_sample(struct amz_launch *l, uint64_t *want)
{
  const struct amz_settings *s = amz_job_settings(l->job);
  const struct amz_look_back how = {.job = l->job, .dir = l->dir, .store = l->store, .left = l->left, .n_left = l->n_left,
                                    .threads = tries_threads(l) ? 0 : l->layout.threads,
                                    .most = amz_sample_limit(amz_job_tasks(l->job), s->sample.tasks_max)};
  struct amz_observation *seen;
  size_t n;
  int rc;

  if (l->before.succeeded == 0)
    return AMZ_OK;
  rc = amz_look_back(&how, &seen, &n);
  if (rc < 0)
    return rc;
  amz_sampler_recall(&l->own_sampler, seen, n, n >= *want);
  *want = n < *want ? *want - n : 0;
  return AMZ_OK;
}

/* A run that planned itself once, and goes on with slots that are given, has its sample still. \return AMZ_OK; AMZ_ENOMEM. */
static int recall_kept(struct amz_launch *l, uint64_t left, uint64_t slots)
{
  const struct amz_look_back how = {.job = l->job, .dir = l->dir, .store = l->store, .left = l->left, .n_left = l->n_left};
  struct amz_observation *seen;
  size_t n;
  int rc;

  if (l->before.succeeded == 0 || !amz_planner_foretells(l->job, left, slots))
    return AMZ_OK;
  rc = amz_look_back(&how, &seen, &n);
  if (rc < 0 || n == 0)
    return rc;
  l->planner = (struct amz_planner){.job = l->job, .tasks = left};
  l->own_sampler = (struct amz_sampler){.seed = amz_mix64((uint64_t)l->began_ns), .goes_on = true};
  amz_sampler_recall(&l->own_sampler, seen, n, true);
  l->plans = l->foretells = true;
  return AMZ_OK;
}

/* A run that plans itself begins with a sample of its tasks. */
static int order_of_run(struct amz_launch *l, uint64_t left)
{
  const struct amz_settings *s = amz_job_settings(l->job);
  uint64_t slots = (uint64_t)l->layout.slots * (l->link ? l->team.count : 1), want = amz_sample_limit(left, s->sample.tasks_max);
  struct amz_range *ranges;
  size_t n;
  int rc;

  l->planner.predicted = amz_launch_given_prediction(l);
  l->plans = amz_planner_wanted(l->job, left, slots);
  if (!l->plans && (rc = recall_kept(l, left, slots)) < 0)
    return rc;
  if (!l->plans || l->foretells)
    return amz_run_order(l->job, l->left, l->n_left, 0, &l->order);
  l->planner = (struct amz_planner){.job = l->job, .tasks = left};
  l->own_sampler = (struct amz_sampler){.seed = amz_mix64((uint64_t)l->began_ns), .goes_on = true};
  if (want > left / 2) /* of two neighbours, which one is left to chance: parameters often alternate along a list */
    want = left / 2;
  if ((rc = recall_sample(l, &want)) < 0)
    return rc;
  if (want == 0)
    return amz_run_order(l->job, l->left, l->n_left, 0, &l->order);
  rc = amz_run_draw(l->job, l->left, l->n_left, want < DRAWN_MAX ? want : DRAWN_MAX, l->own_sampler.seed, &ranges, &n,
                    &l->n_first);
  if (rc < 0)
    return rc;
  l->own_sampler.most = l->own_sampler.n;
  l->own_sampler.most += tries_threads(l) && l->n_first > 3 ? (l->n_first + 1) / 2 : l->n_first; /* few tasks are shared out */
  free(l->left);
  l->left = ranges;
  l->n_left = n;
  return amz_run_order(l->job, l->left, l->n_left, l->n_first, &l->order);
}

/* As many as the description says, and enough for all slots of all ranks to be busy for a while. */
static uint64_t sample_size(const struct amz_launch *l, uint64_t left)
{
  uint64_t slots = (uint64_t)l->layout.slots * (l->link ? l->team.count : 1),
      want = amz_sample_limit(left, amz_job_settings(l->job)->sample.tasks_max);

  return l->link && want < 2 * slots ? 2 * slots : want;
}

/* All that is left, or a sample of it. */
static int make_order(struct amz_launch *l, struct amz_sampler *sampler)
{
  struct amz_range *drawn;
  uint64_t left = 0, want, more;
  size_t n;
  int rc;

  for (size_t i = 0; i < l->n_left; i++)
    left += l->left[i].count;
  if (!sampler)
    return order_of_run(l, left);
  l->sampler = sampler;
  want = sample_size(l, left);
  more = tries_threads(l) ? amz_sampler_threads_tasks(l->layout.slots, l->layout.threads, l->cores.most) : 0;
  rc = amz_run_sample(l->job, l->left, l->n_left, want + more, sampler->seed, &drawn, &n);
  if (rc < 0)
    return rc;
  sampler->most = more == 0 ? 0 : n > want ? (size_t)want : (n + 1) / 2; /* few tasks are shared out */
  free(l->left);
  l->left = drawn; /* what ranks are told; as it was drawn */
  l->n_left = l->n_first = n;
  return amz_run_order(l->job, l->left, l->n_left, l->n_first, &l->order);
}

int amz_launch_open_store(struct amz_launch *l, const struct amz_run_options *how, struct amz_error *err)
{
  struct amz_store_config config = {.dir = l->dir, .lease = l->lease, .retries = amz_job_settings(l->job)->failures.retries,
                                    .tick = amz_launch_tick_for, .tick_ctx = l, .keep_stop = amz_launch_is_driven(l),
                                    .settle = l->unsettled ? "inputs" : NULL};
  int rc = amz_store_open(&config, amz_job_tasks(l->job), err, &l->store);

  if (rc == AMZ_OK && l->signal == 0 && amz_job_keeps_results(l->job)) /* the store knows whose results count */
    rc = amz_launch_fetch(l, err);
  if (rc < 0 || (rc = find_absent(l, how->retry_lost, err)) < 0 ||
      (rc = amz_store_left(l->store, how->retry_failed, err, &l->left, &l->n_left)) < 0 ||
      (rc = amz_store_counts(l->store, err, &l->before)) < 0)
    return rc;
  if (how->retry_failed)
    l->before.failed = 0;
  l->epoch = amz_store_epoch(l->store);
  rc = make_order(l, how->sampler);
  if (rc == AMZ_OK)
    rc = amz_rundir_pack_path(l->dir, 0, l->epoch, &l->pack_path);
  return rc < 0 ? amz_error_set(err, rc, "cannot prepare the run: %s", amz_err_name(rc)) : AMZ_OK;
}

static int set_up_helper(struct amz_launch *l, struct amz_error *err)
{
  struct amz_exec_config config = {.pack_path = l->pack_path, .slots = amz_executor_of(amz_job_kind(l->job))->helper_slots *
                                   amz_layout_capacity(&l->layout),
                                   .epoch = l->epoch, .discard_output = amz_job_settings(l->job)->output.discard_stdout};
  int rc;

  if (!l->link)
    return amz_exec_set_up(l->exec, &config, err);
  config.workdir = amz_buf_text(&l->cwd);
  config.silence_ns = AMZ_HELPER_SILENCE_NS;
  rc = amz_exec_set_up(l->link->exec, &config, err);
  l->exec = l->link->exec;
  l->link->exec = NULL;
  return rc;
}

static int start_helper(struct amz_launch *l, struct amz_error *err)
{
  int rc = set_up_helper(l, err);

  return rc < 0 ? rc : amz_store_expect(l->store, l->pack_path, err);
}

/* What there is, as it was divided among the ranks. */
static int find_kinds(const struct amz_launch *l, struct amz_kinds *ret)
{
  const struct amz_rank_share alone = {.slots = l->layout.slots, .capacity = amz_layout_capacity(&l->layout),
                                       .cores = l->layout.cores,
                                       .memory_bytes = l->budget.memory_bytes};

  return l->link ? amz_kinds_find(&l->team, l->shares, ret) : amz_kinds_alone(&alone, ret);
}

static int begin_planner(struct amz_launch *l)
{
  struct amz_planner *p = &l->planner;
  int rc;

  if (!l->plans)
    return l->sampler ? amz_sampler_begin(l->sampler, amz_job_settings(l->job), amz_job_tasks(l->job), l->layout.slots,
                                          l->layout.threads) : AMZ_OK;
  l->sampler = &l->own_sampler;
  if ((rc = amz_sampler_begin(l->sampler, amz_job_settings(l->job), p->tasks, l->layout.slots, l->layout.threads)) < 0 ||
      (rc = find_kinds(l, &p->kinds)) < 0)
    return rc;
  l->sampler->tasks = amz_job_tasks(l->job); /* that places in the list are of */
  p->dir = l->dir;
  p->sampler = l->sampler;
  if (l->foretells)
    amz_sampler_open(l->sampler);
  else if (l->sampler->n >= amz_job_settings(l->job)->sample.tasks_min) /* the run's own tasks tell more than others did */
    ;
  else if (l->sampler->opened && l->sampler->n == 0) /* nothing would begin otherwise */
    p->recall = &l->recall;
  else
    amz_launch_recall(l);
  if (p->known.runs)
    amz_sampler_forget(l->sampler);
  if (p->known.runs)
    amz_sampler_open(l->sampler);
  p->may_refuse = l->before.succeeded + l->before.failed + l->before.skipped == 0 &&
      !amz_job_settings(l->job)->failures.stop_after.set;
  p->total_slots = l->total_slots;
  p->policy = l->policy->name;
  p->target_s = l->target_s;
  amz_planner_begin(p);
  return AMZ_OK;
}

static int run_loop(struct amz_launch *l, struct amz_signals *signals, struct amz_error *err)
{
  const struct amz_settings *s = amz_job_settings(l->job);
  struct amz_loop_config config = {.job = l->job, .recording = l->recording.data,
    .n_recording = l->recording.len, .order = l->order,
    .policy = l->sampler && !l->plans ? amz_policy_find("ss") : l->policy, .target_s = l->target_s, .layout = l->layout,
    .cores = &l->cores, .gpus = &l->gpus, .slot_gpus = l->slot_gpus, .exec = l->exec, .store = l->store,
    .pack_path = l->pack_path, .host = l->host, .run_dir = l->shown_dir,
    .shared_dir = l->dir,
    .epoch = l->epoch, .total = amz_job_tasks(l->job), .before = l->before, .observer = l->observer,
    .total_slots = l->total_slots, .shares = l->shares, .sampler = l->sampler,
    .planner = l->plans ? &l->planner : NULL, .recall = l->recall.asked ? &l->recall : NULL,
    .budget = l->budget, .barred = l->barred, .any_barred = l->any_barred};
  struct amz_run_progress p;

  config.walltime = amz_walltime_plan(l->end_s, amz_clock_realtime_ns(), amz_clock_monotonic_ns(), s->failures.grace_ns);
  if (l->link) {
    config.net = l->link->net;
    config.mpi = l->link->mpi;
    config.team = &l->team;
    config.kept = l->kept;
  }
  if (l->observer && l->observer->began) {
    amz_loop_progress_at_start(&config, &p);
    l->observer->began(l->observer->ctx, &p);
  }
  return amz_loop_run(&config, signals, &l->result, err);
}

int amz_launch_work(struct amz_launch *l, struct amz_signals *signals, struct amz_error *err)
{
  int rc;

  if ((rc = amz_launch_team(l, err)) < 0 || (rc = start_helper(l, err)) < 0)
    return rc;
  if ((rc = begin_planner(l)) < 0)
    return amz_error_set(err, rc, "cannot prepare the run: %s", amz_err_name(rc));
  if (l->sampler && amz_budget_learns_memory(l->job) && l->budget.memory_bytes != AMZ_ANY_MEMORY)
    amz_sampler_mind(l->sampler, l->budget.memory_bytes);
  if ((rc = run_loop(l, signals, err)) < 0)
    return rc;
  if (l->plans)
    l->slots_mean = amz_planner_slots(&l->planner, amz_clock_monotonic_ns(), l->total_slots);
  return AMZ_OK;
}
