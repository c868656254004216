/* One launch of a run: directory, lease, store, helper, loop. */
#define _GNU_SOURCE
#include <errno.h>
#include <limits.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <amorsize/memory.h>
#include <amorsize/policy.h>
#include <amorsize/rng.h>
#include <amorsize/sampling.h>

#include "batch.h"
#include "devices.h"
#include "executor.h"
#include "files.h"
#include "gather.h"
#include "here.h"
#include "inputs.h"
#include "launch.h"
#include "layout.h"
#include "marker.h"
#include "order.h"
#include "meeting.h"
#include "patience.h"
#include "ranks.h"
#include "loop_state.h"

#define DRAWN_MAX 1000u /* more than that is drawn of no run: each is a range of its own, on every rank */

static void release(struct amz_launch *l)
{
  amz_exec_free(l->exec);
  amz_planner_clear(&l->planner);
  amz_history_key_clear(&l->history_key);
  amz_sampler_clear(&l->own_sampler);
  amz_order_free(l->order);
  for (uint32_t i = 0; l->node_dirs && i < l->team.count; i++)
    free(l->node_dirs[i]);
  free(l->node_dirs);
  free(l->kept);
  free(l->absent);
  amz_reduced_clear(&l->reduced);
  amz_places_clear(&l->places);
  amz_team_clear(&l->team);
  free(l->rank_slots);
  amz_buf_clear(&l->memory_source);
  amz_buf_clear(&l->recording);
  amz_buf_clear(&l->cwd);
  free(l->left);
  amz_cores_clear(&l->cores);
  amz_gpus_clear(&l->gpus);
  free(l->slot_gpus);
  amz_lease_release(l->lease);
  amz_job_free(l->job);
  free(l->pack_path);
  free(l->dir);
  free(l->shown_dir);
}

/* ---- the directory ---------------------------------------------------------------------------------------------------- */

/* What was foreseen by a plan that was given holds for the whole run. */
static struct amz_prediction given_prediction(const struct amz_launch *l)
{
  const struct amz_settings *s = amz_job_settings(l->job);
  const double unit = 1e-9;

  if (l->before.succeeded + l->before.failed + l->before.skipped > 0)
    return (struct amz_prediction){0};
  return (struct amz_prediction){(double)s->prediction.makespan_ns * unit, (double)s->prediction.low_ns * unit, (double)s->prediction.high_ns * unit};
}

static int write_plan(const struct amz_launch *l, struct amz_error *err)
{
  const struct amz_settings *s = amz_job_settings(l->job);
  struct amz_plan_file f = {.job = amz_job_name(l->job), .policy = s->chunks.policy, .target_ns = s->chunks.target_ns,
    .layout = {s->plan.nodes == AMZ_AUTO ? 1 : s->plan.nodes, s->plan.ranks_per_node == AMZ_AUTO ? l->layout.ranks : s->plan.ranks_per_node,
               l->layout.slots, l->layout.threads}, .predicted = given_prediction(l)};
  struct amz_buf text = AMZ_BUF_INIT;
  int rc;

  amz_report_plan_file(&f, &text);
  rc = amz_buf_ok(&text) < 0 ? amz_error_set(err, AMZ_ENOMEM, "out of memory") : amz_rundir_write(l->dir, "plan.yaml", text.data, text.len, false, err);
  amz_buf_clear(&text);
  return rc;
}

/* What a person finds in the run directory: the description, or the command line's parts as comments. */
static int write_job(const struct amz_launch *l, const struct amz_job_input *input, struct amz_error *err)
{
  struct amz_buf text = AMZ_BUF_INIT;
  int rc;

  if (input->yaml_text)
    amz_buf_add(&text, input->yaml_text, input->yaml_len);
  if (input->command)
    amz_buf_addf(&text, "# --command %s\n", input->command);
  if (input->lines)
    amz_buf_addf(&text, "# --lines %s\n", input->lines);
  for (size_t i = 0; i < input->n_loops; i++)
    amz_buf_addf(&text, "# --for %s\n", input->loops[i]);
  for (size_t i = 0; i < input->n_sets; i++)
    amz_buf_addf(&text, "# %s %s=%s\n", input->sets[i].option, input->sets[i].path, input->sets[i].value);
  rc = amz_buf_ok(&text);
  if (rc == AMZ_OK)
    rc = amz_rundir_write(l->dir, "job.yaml", text.data ? text.data : "", text.len, false, err);
  amz_buf_clear(&text);
  return rc;
}

static int absolute(const char *path, char **ret, struct amz_error *err)
{
  *ret = realpath(path, NULL);
  return *ret ? AMZ_OK : amz_error_sys(err, AMZ_EIO, errno, "cannot resolve %s", path);
}

static int fill_directory(struct amz_launch *l, const struct amz_job_input *input, struct amz_error *err)
{
  int rc;

  if ((rc = absolute(l->shown_dir, &l->dir, err)) < 0 || (rc = amz_lease_take(l->dir, err, &l->lease)) < 0 ||
      (rc = write_job(l, input, err)) < 0 || (rc = write_plan(l, err)) < 0 || (rc = amz_batch_mark(l->dir, err)) < 0)
    return rc;
  return amz_rundir_write(l->dir, "inputs", l->recording.data, l->recording.len, true, err); /* last: from now on it can be resumed */
}

/* One that can't be resumed is taken back: nobody shall be told to go on with it. */
static int make_directory(struct amz_launch *l, const struct amz_job_input *input, const struct amz_run_options *options,
                          struct amz_error *err)
{
  int rc = amz_rundir_create(options->parent ? options->parent : ".", amz_job_name(l->job), err, &l->shown_dir);

  if (rc < 0)
    return rc;
  rc = fill_directory(l, input, err);
  if (rc == AMZ_OK)
    return rc;
  amz_lease_release(l->lease);
  l->lease = NULL;
  amz_rundir_discard(l->shown_dir);
  free(l->shown_dir);
  l->shown_dir = NULL;
  return rc;
}

/* ---- what runs -------------------------------------------------------------------------------------------------------- */

/* Fewer slots than cores need a word, unless the user fixed them. */
static void tell_limit(const struct amz_launch *l, const char *source)
{
  char text[AMZ_ERROR_TEXT];

  if (!*source || amz_job_settings(l->job)->plan.slots_per_rank != AMZ_AUTO || !l->observer || !l->observer->note)
    return;
  (void)snprintf(text, sizeof text, "%u of %u cores used here: %.800s allows no more", l->cores.most, l->cores.count, source);
  l->observer->note(l->observer->ctx, AMZ_WARNING, text);
}

static int choose_layout(struct amz_launch *l, struct amz_error *err)
{
  struct amz_buf source = AMZ_BUF_INIT;
  int rc = amz_cores_here(&source, err, &l->cores);

  if (rc == AMZ_OK) {
    amz_budget_layout(l->job, l->cores.most, amz_job_tasks(l->job), &l->layout);
    tell_limit(l, amz_buf_text(&source));
  }
  amz_buf_clear(&source);
  return rc;
}

/* A signal that the driver was sent before this launch was ready is waiting in DIR/stop. */
static bool is_driven(const struct amz_launch *l)
{
  return l->link && l->link->driven;
}

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

static void tick(void *ctx)
{
  amz_launch_tick(ctx);
}

/* Records whose outputs are on nodes that have no rank now: they stand, unless they are given up. */
static int find_absent(struct amz_launch *l, bool retry_lost, struct amz_error *err)
{
  int rc;

  if (!*l->places.key) /* never gathered */
    return AMZ_OK;
  rc = amz_store_absent(l->store, err, &l->absent, &l->n_absent);
  if (rc == AMZ_OK && retry_lost) {
    rc = amz_store_forget(l->store, l->absent, l->n_absent, err);
    l->n_absent = 0;
  }
  for (size_t i = 0; i < l->n_absent; i++)
    l->elsewhere += l->absent[i].tasks;
  return rc;
}

/* A run that plans itself begins with a sample of its tasks. */
static int order_of_run(struct amz_launch *l, uint64_t left)
{
  const struct amz_settings *s = amz_job_settings(l->job);
  uint64_t slots = (uint64_t)l->layout.slots * (l->link ? l->team.count : 1), want = amz_sample_limit(left, s->sample.tasks_max);
  struct amz_range *ranges;
  size_t n;
  int rc;

  l->planner.predicted = given_prediction(l);
  l->plans = amz_planner_wanted(l->job, left, slots);
  if (!l->plans)
    return amz_run_order(l->job, l->left, l->n_left, 0, &l->order);
  l->planner = (struct amz_planner){.job = l->job, .tasks = left};
  l->own_sampler = (struct amz_sampler){.seed = amz_mix64((uint64_t)l->began_ns), .goes_on = true};
  if (want > left / 2) /* of two neighbours, which one is left to chance: parameters often alternate along a list */
    want = left / 2;
  rc = amz_run_draw(l->job, l->left, l->n_left, want < DRAWN_MAX ? want : DRAWN_MAX, l->own_sampler.seed, &ranges, &n, &l->n_first);
  if (rc < 0)
    return rc;
  free(l->left);
  l->left = ranges;
  l->n_left = n;
  return amz_run_order(l->job, l->left, l->n_left, l->n_first, &l->order);
}

/* As many as the description says, and enough for all slots of all ranks to be busy for a while. */
static uint64_t sample_size(const struct amz_launch *l, uint64_t left)
{
  uint64_t slots = (uint64_t)l->layout.slots * (l->link ? l->team.count : 1), want = amz_sample_limit(left, amz_job_settings(l->job)->sample.tasks_max);

  return l->link && want < 2 * slots ? 2 * slots : want;
}

/* All that is left, or a sample of it. */
static int make_order(struct amz_launch *l, struct amz_sampler *sampler)
{
  const struct amz_settings *s = amz_job_settings(l->job);
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
  more = amz_sampler_wants_threads(s, amz_job_kind(l->job), l->cores.most) ? amz_sampler_threads_tasks(l->layout.slots, l->layout.threads, l->cores.most) : 0;
  rc = amz_run_sample(l->job, l->left, l->n_left, want + more, sampler->seed, &drawn, &n);
  if (rc < 0)
    return rc;
  sampler->most = more == 0 ? 0 : n > want ? (size_t)want : (n + 1) / 2; /* few tasks are shared out */
  free(l->left);
  l->left = drawn; /* what ranks are told; as it was drawn */
  l->n_left = l->n_first = n;
  return amz_run_order(l->job, l->left, l->n_left, l->n_first, &l->order);
}

static int open_store(struct amz_launch *l, const struct amz_run_options *how, struct amz_error *err)
{
  struct amz_store_config config = {.dir = l->dir, .lease = l->lease, .retries = amz_job_settings(l->job)->failures.retries,
                                    .tick = tick, .tick_ctx = l, .keep_stop = is_driven(l)};
  int rc = amz_store_open(&config, amz_job_tasks(l->job), err, &l->store);

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

static int start_helper(struct amz_launch *l, struct amz_error *err)
{
  struct amz_exec_config config = {.pack_path = l->pack_path, .slots = amz_executor_of(amz_job_kind(l->job))->helper_slots * amz_layout_capacity(&l->layout),
                                   .epoch = l->epoch, .discard_output = amz_job_settings(l->job)->output.discard_stdout};
  int rc;

  if (!l->link)
    return amz_exec_new(&config, err, &l->exec);
  config.workdir = amz_buf_text(&l->cwd);
  config.silence_ns = AMZ_HELPER_SILENCE_NS;
  rc = amz_exec_set_up(l->link->exec, &config, err);
  l->exec = l->link->exec;
  l->link->exec = NULL;
  return rc;
}

/* Ranks of one node count as such by its name. */
static uint32_t count_nodes(const struct amz_team *team)
{
  uint32_t nodes = 0;

  for (uint32_t i = 0; i < team->count; i++) {
    uint32_t k = 0;

    while (k < i && strcmp(team->members[k].node, team->members[i].node) != 0)
      k++;
    nodes += k == i;
  }
  return nodes ? nodes : 1;
}

/* Ranks' shares are for tasks; nodes have more. Rounded up: what was a whole number of tasks stays one. */
static uint64_t memory_of_node(const struct amz_budget *rank, uint32_t ranks)
{
  return rank->memory_bytes == AMZ_ANY_MEMORY ? 0 : (uint64_t)ceil((double)rank->memory_bytes * ranks / AMZ_MEMORY_HEADROOM);
}

static int begin_planner(struct amz_launch *l)
{
  struct amz_planner *p = &l->planner;
  uint32_t ranks_per_node;
  int rc;

  if (!l->plans)
    return l->sampler ? amz_sampler_begin(l->sampler, amz_job_settings(l->job), amz_job_tasks(l->job), l->layout.slots, l->layout.threads) : AMZ_OK;
  l->sampler = &l->own_sampler;
  rc = amz_sampler_begin(l->sampler, amz_job_settings(l->job), p->tasks, l->layout.slots, l->layout.threads);
  if (rc < 0)
    return rc;
  l->sampler->tasks = amz_job_tasks(l->job); /* that places in the list are of */
  p->dir = l->dir;
  p->sampler = l->sampler;
  amz_launch_recall(l);
  if (p->known.runs)
    amz_sampler_open(l->sampler);
  p->ranks = l->layout.ranks;
  p->nodes = l->link ? count_nodes(&l->team) : 1;
  ranks_per_node = (p->ranks + p->nodes - 1) / p->nodes;
  p->cores = l->layout.cores * ranks_per_node;
  p->memory_bytes = memory_of_node(&l->budget, ranks_per_node);
  p->slots = l->layout.slots;
  p->most_slots = amz_layout_capacity(&l->layout);
  p->may_refuse = l->before.succeeded + l->before.failed + l->before.skipped == 0 && !amz_job_settings(l->job)->failures.stop_after.set;
  p->total_slots = l->total_slots;
  amz_planner_begin(p);
  return AMZ_OK;
}

static int run_loop(struct amz_launch *l, struct amz_signals *signals, struct amz_error *err)
{
  const struct amz_settings *s = amz_job_settings(l->job);
  struct amz_loop_config config = {.job = l->job, .recording = l->recording.data,
    .n_recording = l->recording.len, .order = l->order, .policy = amz_policy_find(l->sampler && !l->plans ? "ss" : s->chunks.policy), .layout = l->layout,
    .cores = &l->cores, .gpus = &l->gpus, .slot_gpus = l->slot_gpus, .exec = l->exec, .store = l->store, .pack_path = l->pack_path, .host = l->host, .run_dir = l->shown_dir,
    .shared_dir = l->dir,
    .epoch = l->epoch, .total = amz_job_tasks(l->job), .before = l->before, .observer = l->observer, .total_slots = l->total_slots, .rank_slots = l->rank_slots, .sampler = l->sampler,
    .planner = l->plans ? &l->planner : NULL, .budget = l->budget, .barred = l->barred, .any_barred = l->any_barred};
  struct amz_run_progress p;

  config.walltime = amz_walltime_plan(l->end_s, amz_clock_realtime_ns(), amz_clock_monotonic_ns(), s->failures.grace_ns);
  if (l->link) {
    config.net = l->link->net;
    config.mpi = l->link->mpi;
    config.team = &l->team;
    config.kept = l->kept;
  }
  if (!config.policy)
    return amz_error_set(err, AMZ_EINVAL, "no chunk policy is named %s", s->chunks.policy);
  if (l->observer && l->observer->began) {
    amz_loop_progress_at_start(&config, &p);
    l->observer->began(l->observer->ctx, &p);
  }
  return amz_loop_run(&config, signals, &l->result, err);
}

/* A run that can't learn of its job's end goes on; signals may still tell. */
static void ask_end(struct amz_launch *l)
{
  struct amz_error own, *why = l->link ? &l->link->end_err : &own;
  int rc = l->link ? why->code : amz_batch_end(&l->end_s, why);
  char text[AMZ_ERROR_TEXT + 64];

  if (l->link)
    l->end_s = l->link->end_s;
  if (rc == AMZ_OK || !l->observer || !l->observer->note)
    return;
  (void)snprintf(text, sizeof text, "the job's end isn't known: %s", why->text);
  l->observer->note(l->observer->ctx, AMZ_WARNING, text);
}

/* A signal before there is a loop to hear it ends the launch in order: nothing has been handed out. */
static int interrupted(struct amz_launch *l, int rc)
{
  if (rc != AMZ_ECLOSED || l->signal == 0)
    return rc;
  if (!*l->result.reason)
    (void)snprintf(l->result.reason, sizeof l->result.reason, "interrupted (%s)", amz_signal_name(l->signal));
  l->result.out_of_time |= l->signal == SIGUSR1;
  return AMZ_OK;
}

/* Who is there, and what lies on their nodes. */
static int meet(struct amz_launch *l, struct amz_error *err)
{
  int rc = amz_launch_meet(l, err);

  if (rc == AMZ_OK)
    rc = amz_gather_before(l, &l->signal, err);
  return interrupted(l, rc);
}

/* Outputs come home whatever ended the run; what rank 0 can't take stays where it is. */
static int bring_home(struct amz_launch *l, struct amz_error *err)
{
  struct amz_error own;
  int rc = interrupted(l, amz_gather_after(l, &l->signal, &own));

  amz_gather_tell_absent(l);
  if (rc == AMZ_OK || l->result.err.code < 0)
    return AMZ_OK;
  if (rc == AMZ_ENOMEM) {
    *err = own;
    return rc;
  }
  (void)amz_error_set(&l->result.err, rc, "outputs could not be gathered, and stay on their nodes: %.600s; 'amorsize-mpi resume %.300s' gathers them", own.text,
                      l->shown_dir);
  return AMZ_OK;
}

static int run_ranks(struct amz_launch *l, struct amz_signals *signals, struct amz_error *err)
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
  if (l->planner.planned)
    l->slots_mean = amz_planner_slots(&l->planner, amz_clock_monotonic_ns(), l->total_slots);
  return bring_home(l, err);
}

/* What the results reduce to, for whoever comes later; the partials in run.db give it again at any time. */
static int keep_reduced(const struct amz_launch *l, struct amz_error *err)
{
  enum amz_reduce op = amz_job_settings(l->job)->output.reduce;
  struct amz_buf json = AMZ_BUF_INIT;
  int rc = AMZ_OK;

  if (op == AMZ_REDUCE_NONE)
    return AMZ_OK;
  if (amz_report_reduced_json(op, &l->reduced, &json) < 0)
    rc = amz_error_set(err, AMZ_ENOMEM, "out of memory");
  else
    rc = amz_rundir_write(l->dir, "reduced.json", json.data, json.len, true, err);
  amz_buf_clear(&json);
  return rc;
}

/* A run that ends before it could plan goes on with what it has seen. */
static void keep_sample(const struct amz_launch *l)
{
  struct amz_buf text = AMZ_BUF_INIT;
  struct amz_error ignored; /* it would be sampled again */

  if (!l->plans || l->result.end == AMZ_END_DONE || l->own_sampler.n == 0)
    return;
  amz_planner_keep_sample(&l->planner, l->host, &text);
  if (text.len && amz_buf_ok(&text) == AMZ_OK)
    (void)amz_rundir_write(l->dir, "sample.json", text.data, text.len, false, &ignored);
  amz_buf_clear(&text);
}

/* Signals are blocked before the store's thread is born, so that it inherits the mask. */
static int run_in_directory(struct amz_launch *l, const struct amz_run_options *how, struct amz_error *err)
{
  struct amz_signals own, *signals = l->link ? l->link->signals : &own;
  struct amz_error close_err;
  int rc = l->link ? AMZ_OK : amz_signals_open(&own, err), close_rc;

  if (rc < 0)
    return rc;
  ask_end(l);
  if ((rc = amz_devices_read(&l->gpus, err)) == AMZ_OK && (rc = meet(l, err)) == AMZ_OK && (rc = open_store(l, how, err)) == AMZ_OK && l->signal == 0)
    rc = run_ranks(l, signals, err);
  keep_sample(l);
  amz_gather_leave(l);
  amz_exec_free(l->exec);
  l->exec = NULL;
  close_rc = amz_store_close_reduced(l->store, &l->reduced, &close_err);
  l->store = NULL;
  if (rc == AMZ_OK && close_rc == AMZ_OK)
    close_rc = keep_reduced(l, &close_err);
  if (rc == AMZ_OK && close_rc < 0 && l->result.err.code == AMZ_OK)
    l->result.err = close_err;
  if (!l->link)
    amz_signals_close(&own);
  return rc;
}

/* ---- the three ways in ------------------------------------------------------------------------------------------------ */

static void tell_findings(const struct amz_run_observer *o, const struct amz_diags *diags)
{
  if (o && o->findings && diags->count > 0)
    o->findings(o->ctx, diags);
}

static void begin(struct amz_launch *l, const struct amz_run_options *options, const struct amz_run_observer *observer)
{
  memset(l, 0, sizeof *l);
  l->link = options->link;
  l->ret_requeue = options->ret_requeue;
  l->no_history = options->no_history;
  l->observer = observer;
  l->began_ns = amz_clock_realtime_ns();
  amz_launch_tick(l); /* the first word: from now on the others know whom they wait for */
  if (gethostname(l->host, sizeof l->host - 1) < 0)
    (void)snprintf(l->host, sizeof l->host, "localhost");
}

/* Tells the driver, if there is one, that the launch came to an end, and to which. What the summary says is in the store by now. */
static void mark_end(const struct amz_launch *l, int rc, const struct amz_run_summary *s)
{
  struct amz_error ignored; /* without the marker the driver looks at the store again, by another launch */
  int status = rc == AMZ_OK ? amz_report_exit_status(s) : rc == AMZ_EINVAL ? 2 : 3;

  (void)amz_marker_put_ended(l->dir, status, l->result.out_of_time, &ignored);
}

/* What the end asks of the batch system. */
static void want_requeue(const struct amz_launch *l, const struct amz_run_summary *s)
{
  if (l->ret_requeue && l->result.out_of_time && amz_job_settings(l->job)->slurm.requeue && amz_report_exit_status(s) == 75)
    *l->ret_requeue = true;
}

/* Whatever happened, the summary tells how far it came, as soon as there is a directory. */
static int end(struct amz_launch *l, int rc, struct amz_buf *ret_text, struct amz_run_summary *ret_summary, struct amz_error *err)
{
  int told = AMZ_OK;

  if (l->link && !l->told)
    amz_run_dismiss(l->link);
  if (l->link)
    l->link->used = true;
  memset(ret_summary, 0, sizeof *ret_summary);
  if (l->shown_dir && l->job)
    told = amz_launch_summarize(l, ret_text, ret_summary);
  if (rc == AMZ_OK && told == AMZ_OK && l->job)
    want_requeue(l, ret_summary);
  if (rc == AMZ_OK && l->result.err.code < 0) {
    *err = l->result.err;
    rc = err->code;
  }
  if (rc == AMZ_OK && told < 0)
    rc = amz_error_set(err, told, "out of memory while summing up; the run itself is recorded in %s", l->shown_dir);
  if (l->link && l->dir && !l->lost_early)
    mark_end(l, rc, ret_summary);
  if (rc == AMZ_OK && !l->no_history && l->job && l->dir)
    amz_launch_remember(l, ret_summary);
  if (l->sampler)
    l->sampler->settings = NULL; /* the job's */
  release(l);
  return rc;
}

/* Where tasks start on every rank. */
static int note_cwd(struct amz_launch *l, struct amz_error *err)
{
  char *cwd = getcwd(NULL, 0);

  if (!cwd)
    return amz_error_sys(err, AMZ_EIO, errno, "cannot tell the current directory");
  amz_buf_adds(&l->cwd, cwd);
  free(cwd);
  return amz_buf_ok(&l->cwd) < 0 ? amz_error_set(err, AMZ_ENOMEM, "out of memory") : AMZ_OK;
}

/* Told before anything is started. What is wrong with a plug-in that is there is found by the process that loads it. */
static int find_plugin(const struct amz_job *job, struct amz_error *err)
{
  const struct amz_plugin *plugin = amz_job_plugin(job);

  if (plugin && access(plugin->path, R_OK) < 0)
    return amz_error_set(err, AMZ_EINVAL, "tasks.plugin: cannot read %s: %s", plugin->path, strerror(errno));
  return AMZ_OK;
}

/* Of a process alone, which is told before there is a directory; ranks tell when they know each other. */
static int fit_all(struct amz_launch *l, struct amz_error *err)
{
  const struct amz_range all = {0, amz_job_tasks(l->job)};

  return l->link ? AMZ_OK : amz_launch_fit(l, &all, 1, err);
}

/* From the description to a directory that can be resumed. `here`: this process runs the tasks, or takes part in it. */
static int prepare(struct amz_launch *l, const struct amz_job_input *input, const struct amz_run_options *options, bool here, struct amz_error *err)
{
  struct amz_diags diags;
  int rc;

  amz_diags_init(&diags);
  rc = amz_inputs_load(input, &diags, &l->recording, &l->job, err);
  tell_findings(l->observer, &diags);
  if (rc == AMZ_EINVAL)
    (void)amz_error_set(err, rc, "the job description has %zu error%s; nothing was started", diags.errors, diags.errors == 1 ? "" : "s");
  amz_diags_clear(&diags);
  if (rc < 0 || (rc = find_plugin(l->job, err)) < 0 || (rc = choose_layout(l, err)) < 0 ||
      (here && (rc = fit_all(l, err)) < 0) || (rc = make_directory(l, input, options, err)) < 0)
    return rc;
  return note_cwd(l, err);
}

int amz_run_new(const struct amz_job_input *input, const struct amz_run_options *options, const struct amz_run_observer *observer,
                struct amz_buf *ret_text, struct amz_run_summary *ret_summary, struct amz_error *err)
{
  struct amz_launch l;
  int rc;

  begin(&l, options, observer);
  rc = prepare(&l, input, options, true, err);
  if (rc == AMZ_OK)
    rc = run_in_directory(&l, options, err);
  return end(&l, rc, ret_text, ret_summary, err);
}

int amz_launch_prepare(const struct amz_job_input *input, const struct amz_run_options *options, const struct amz_run_observer *observer,
                       char **ret_dir, struct amz_job **ret_job, struct amz_error *err)
{
  struct amz_launch l;
  int rc;

  begin(&l, options, observer);
  rc = prepare(&l, input, options, false, err);
  if (rc == AMZ_OK) {
    *ret_dir = l.shown_dir;
    *ret_job = l.job;
    l.shown_dir = NULL;
    l.job = NULL;
  }
  release(&l);
  return rc;
}

/* Reads DIR/inputs. */
static int read_recording(const char *dir, struct amz_buf *ret, struct amz_error *err)
{
  char path[PATH_MAX];
  int n = snprintf(path, sizeof path, "%s/inputs", dir), rc;

  if (n < 0 || (size_t)n >= sizeof path)
    return amz_error_set(err, AMZ_EINVAL, "%s: the path is too long", dir);
  rc = amz_disk_read_file(path, UINT64_MAX, ret, err);
  if (rc == AMZ_ENOENT)
    return amz_error_set(err, rc, "%s has no file 'inputs': it is no run directory, or was never started and can be removed", dir);
  return rc;
}

int amz_run_load_recorded(const char *dir, struct amz_diags *diags, struct amz_job **ret, struct amz_error *err)
{
  struct amz_buf recording = AMZ_BUF_INIT, cwd = AMZ_BUF_INIT;
  struct amz_error cause;
  int rc = read_recording(dir, &recording, err);

  if (rc == AMZ_OK) {
    rc = amz_inputs_replay(recording.data, recording.len, diags, &cwd, ret, &cause);
    if (rc < 0)
      (void)amz_error_set(err, rc, "%s/inputs: %s", dir, cause.text);
  }
  amz_buf_clear(&recording);
  amz_buf_clear(&cwd);
  return rc;
}

/* The recording of a run that goes on with other settings, in place of what was recorded. Only errors are told: the rest was,
 * when the run began. */
static int amend_recording(struct amz_launch *l, const struct amz_run_options *options, struct amz_error *err)
{
  struct amz_buf amended = AMZ_BUF_INIT;
  struct amz_diags diags;
  int rc;

  if (options->n_sets == 0)
    return AMZ_OK;
  amz_diags_init(&diags);
  rc = amz_inputs_amend(l->recording.data, l->recording.len, options->sets, options->n_sets, &diags, &amended, err);
  if (rc == AMZ_EINVAL)
    tell_findings(l->observer, &diags);
  amz_diags_clear(&diags);
  amz_buf_clear(&l->recording);
  l->recording = amended;
  return rc;
}

/* What the run was made from, and the job from that. */
static int load_job(struct amz_launch *l, const struct amz_run_options *options, struct amz_error *err)
{
  struct amz_diags diags; /* of a description that was accepted before: not told again */
  struct amz_error cause;
  int rc = read_recording(l->dir, &l->recording, err);

  if (rc < 0)
    return rc;
  amz_diags_init(&diags);
  rc = amend_recording(l, options, &cause);
  if (rc == AMZ_OK)
    rc = amz_inputs_replay(l->recording.data, l->recording.len, &diags, &l->cwd, &l->job, &cause);
  amz_diags_clear(&diags);
  return rc < 0 ? amz_error_set(err, rc, "%s/inputs: %s", l->dir, cause.text) : AMZ_OK;
}

/* What was asked of an earlier launch; the driver has done so before, and may have been asked since. */
static int remove_old_stop(const struct amz_launch *l, struct amz_error *err)
{
  char path[PATH_MAX];
  int n;

  if (is_driven(l))
    return AMZ_OK;
  n = snprintf(path, sizeof path, "%s/stop", l->dir);
  if (n > 0 && (size_t)n < sizeof path && unlink(path) < 0 && errno != ENOENT)
    return amz_error_sys(err, AMZ_EIO, errno, "cannot remove %s", path);
  return AMZ_OK;
}

/* The directory is ours before anything of it is read, and cleaned of an old wish to stop. */
static int take_directory(struct amz_launch *l, const char *dir, bool take_over, struct amz_error *err)
{
  int rc;

  l->shown_dir = strdup(dir);
  if (!l->shown_dir)
    return amz_error_set(err, AMZ_ENOMEM, "out of memory");
  if ((rc = absolute(dir, &l->dir, err)) < 0)
    return rc;
  rc = amz_patience_wait(l->dir, take_over, l->observer, l->link ? l->link->signals : NULL, tick, l, &l->signal, err);
  if (rc == AMZ_ECLOSED)
    return amz_error_set(err, AMZ_EBUSY, "%s: ended by %s while waiting for it", dir, amz_signal_name(l->signal));
  if (rc < 0)
    return rc;
  rc = take_over ? amz_lease_take_over(l->dir, err, &l->lease) : amz_lease_take(l->dir, err, &l->lease);
  return rc < 0 ? rc : remove_old_stop(l, err);
}

static int go_where_it_began(const struct amz_buf *cwd, struct amz_error *err)
{
  if (chdir(amz_buf_text(cwd)) < 0)
    return amz_error_sys(err, AMZ_EENV, errno, "cannot go to the directory in which the run was started, %s", amz_buf_text(cwd));
  return AMZ_OK;
}

int amz_run_resume(const char *dir, const struct amz_run_options *options, const struct amz_run_observer *observer,
                   struct amz_buf *ret_text, struct amz_run_summary *ret_summary, struct amz_error *err)
{
  struct amz_launch l;
  int rc;

  begin(&l, options, observer);
  if ((rc = take_directory(&l, dir, options->take_over, err)) == AMZ_OK && (rc = load_job(&l, options, err)) == AMZ_OK &&
      (rc = choose_layout(&l, err)) == AMZ_OK &&
      (options->n_sets == 0 || (rc = write_plan(&l, err)) == AMZ_OK) && (rc = go_where_it_began(&l.cwd, err)) == AMZ_OK)
    rc = run_in_directory(&l, options, err);
  return end(&l, rc, ret_text, ret_summary, err);
}

int amz_run_load(const struct amz_job_input *input, struct amz_diags *diags, struct amz_job **ret)
{
  struct amz_disk *disk;
  struct amz_files files;
  int rc = amz_disk_new(&disk);

  if (rc < 0)
    return rc;
  files = amz_disk_files(disk);
  rc = amz_job_load(input, &files, diags, ret);
  amz_disk_free(disk);
  return rc;
}

int amz_run_layout(const struct amz_job *job, struct amz_layout *ret, struct amz_error *err)
{
  struct amz_cores cores;
  int rc = amz_cores_here(NULL, err, &cores);

  if (rc < 0)
    return rc;
  amz_budget_layout(job, cores.most, amz_job_tasks(job), ret);
  amz_cores_clear(&cores);
  return AMZ_OK;
}

int amz_run_request_stop(const char *dir, bool now, struct amz_error *err)
{
  struct amz_lease_info holder;
  int rc = amz_lease_look(dir, &holder, err);

  if (rc == AMZ_ENOENT || (rc == AMZ_OK && !holder.alive))
    return amz_error_set(err, AMZ_ENOENT, "%s isn't running", dir);
  return rc < 0 ? rc : amz_rundir_write(dir, "stop", "now", now ? 3 : 0, false, err);
}
