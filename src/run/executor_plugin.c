/* Plug-in tasks: the executor's table. See plugin.h. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <amorsize/alloc.h>
#include <amorsize/results.h>

#include "plugin.h"

/* that a RUN should last: the loop takes some 60 us of a core for each, while the slot is at the next one */
#define GRAIN_NS INT64_C(20000000)
#define OVERDUE_NS (3 * GRAIN_NS)    /* then an order of several tasks is cut short: other ranks may be idle … */
#define OVERDUE_HERE_NS GRAIN_NS     /* … and so early when a slot of this one is */
#define CLOSE_MS 5000                /* for plug-ins to close */
#define LOOK_LEAST_NS INT64_C(1000000)

/* ---- begin and end ---------------------------------------------------------------------------------------------------- */

/* The log stands beside the pack: DIR/out/plugin-RANK.EPOCH.log. */
static int name_log(struct amz_plugin_exec *p, const struct amz_loop_config *c)
{
  const char *slash = strrchr(c->pack_path, '/');
  struct amz_buf path = AMZ_BUF_INIT;

  amz_buf_add(&path, c->pack_path, slash ? (size_t)(slash - c->pack_path) + 1 : 0);
  amz_buf_addf(&path, "plugin-%u.%u.log", c->rank, c->epoch);
  p->log = amz_buf_detach(&path);
  return p->log ? AMZ_OK : AMZ_ENOMEM;
}

/* The last two words of the run directory's path. */
static void name_run(struct amz_plugin_exec *p, const char *dir)
{
  const char *from = dir + strlen(dir);

  for (unsigned slashes = 0; from > dir && (from[-1] != '/' || ++slashes < 2); from--)
    ;
  (void)snprintf(p->run, sizeof p->run, "%s", from);
}

static int name_results(struct amz_plugin_exec *p, const struct amz_loop_config *c, struct amz_error *err)
{
  const struct amz_settings *s = amz_job_settings(c->job);

  name_run(p, c->shared_dir);
  if (!amz_job_keeps_results(c->job))
    return AMZ_OK;
  if (c->apart)
    return amz_results_apart_path(c->pack_path, &p->results) < 0 ? amz_error_set(err, AMZ_ENOMEM, "out of memory") : AMZ_OK;
  return amz_results_path(c->shared_dir, s->output.results, err, &p->results);
}

static int open_plugin(struct amz_loop *l, struct amz_error *err)
{
  const struct amz_loop_config *c = l->config;
  struct amz_plugin_exec *p = calloc(1, sizeof *p);
  size_t n_names;

  l->executing = p;
  if (!p)
    return amz_error_set(err, AMZ_ENOMEM, "out of memory");
  p->n_slots = c->layout.slots;
  p->timeout_ns = amz_job_settings(c->job)->failures.timeout_ns;
  p->check_ns = AMZ_NEVER;
  p->slots = amz_new_array(p->n_slots, sizeof *p->slots);
  p->hosts = amz_new_array((size_t)p->n_slots * 2, sizeof *p->hosts);
  if (!p->slots || !p->hosts || name_log(p, c) < 0)
    return amz_error_set(err, AMZ_ENOMEM, "out of memory");
  if (name_results(p, c, err) < 0)
    return err->code;
  l->sync_path = p->results; /* tasks without results don't ask for it */
  (void)amz_job_names(c->job, &n_names); /* without names there are no values to compute */
  if (amz_host_common_new(c->recording, n_names ? c->n_recording : 0, err, &p->common) < 0)
    return err->code;
  if (amz_plugin_start_host(l, 0) < 0) /* it loads and opens the plug-in while the first chunks are under way */
    return amz_error_set(err, AMZ_ENOMEM, "out of memory");
  return AMZ_OK;
}

static bool any_alive(const struct amz_plugin_exec *p)
{
  for (uint32_t i = 0; i < p->n_slots * 2; i++)
    if (p->hosts[i].alive)
      return true;
  return false;
}

/* All tasks are recorded by then: it is worth a word, once, and changes nothing. */
static void warn_of_close(struct amz_loop *l, const char *how)
{
  struct amz_plugin_exec *p = amz_plugin_of(l);
  char text[AMZ_ERROR_TEXT], rank[32] = "";
  bool printed = amz_plugin_has_printed(p);

  if (p->told_close)
    return;
  p->told_close = true;
  if (l->config->net)
    (void)snprintf(rank, sizeof rank, "rank %u: ", l->config->rank);
  (void)snprintf(text, sizeof text, "%safter its last task, the process of the plug-in %s %s%s%s", rank,
                 amz_job_plugin(l->config->job)->path, how, printed ? "; what it printed is in " : "", printed ? p->log : "");
  amz_loop_note(l, AMZ_WARNING, text);
}

static void host_closed(struct amz_loop *l, const struct amz_exec_end *end)
{
  struct amz_plugin_process *h = &amz_plugin_of(l)->hosts[end->slot];
  char how[128];

  amz_plugin_say_how(end, how, sizeof how);
  if (h->alive && !h->killed && (end->signal || end->exit_code))
    warn_of_close(l, how);
  h->alive = false;
}

/* Lets plug-ins close; the helper kills what hasn't ended when it is ended itself. */
static void await_ends(struct amz_loop *l)
{
  struct amz_plugin_exec *p = amz_plugin_of(l);
  int64_t until_ns = amz_clock_monotonic_ns() + CLOSE_MS * INT64_C(1000000), now_ns;
  struct pollfd fd = {.fd = amz_exec_fd(l->config->exec), .events = POLLIN};
  struct amz_exec_end end;
  int got = 0;

  while (any_alive(p) && got >= 0 && (now_ns = amz_clock_monotonic_ns()) < until_ns) {
    while ((got = amz_exec_next(l->config->exec, &end)) > 0)
      if (end.slot < p->n_slots * 2)
        host_closed(l, &end);
    if (got == 0 && any_alive(p))
      (void)poll(&fd, 1, (int)((until_ns - now_ns) / 1000000) + 1);
  }
  if (any_alive(p))
    warn_of_close(l, "did not end: its close takes longer than 5 s, and is cut short");
}

/* A log to which nothing was printed would be all that keeps a directory on a node (output.gather) from being removed. */
static void remove_empty_log(const char *log)
{
  struct stat st;

  if (log && stat(log, &st) == 0 && st.st_size == 0)
    (void)unlink(log);
}

static void close_plugin(struct amz_loop *l)
{
  struct amz_plugin_exec *p = amz_plugin_of(l);

  if (!p)
    return;
  for (uint32_t i = 0; p->hosts && i < p->n_slots * 2; i++)
    if (p->hosts[i].alive)
      amz_host_link_close(p->hosts[i].link);
  if (p->hosts && !l->broken)
    await_ends(l);
  remove_empty_log(p->log);
  for (uint32_t i = 0; p->hosts && i < p->n_slots * 2; i++)
    amz_host_link_free(p->hosts[i].link);
  amz_host_common_free(p->common);
  free(p->hosts);
  free(p->slots);
  free(p->log);
  free(p->results);
  free(p);
  l->executing = NULL;
}

/* ---- what the worker asks for ----------------------------------------------------------------------------------------- */

static int start(struct amz_loop *l, const struct amz_action *run)
{
  const struct amz_plugin_run what = {.first = run->first, .count = run->count, .left = run->count, .attempt = run->attempt};
  struct amz_plugin_exec *p = amz_plugin_of(l);

  if (p->slots[run->slot].run.count)
    p->slots[run->slot].behind = what;
  else
    p->slots[run->slot] = (struct amz_plugin_slot){.run = what};
  if (p->check_ns == AMZ_NEVER)
    p->check_ns = 0;
  return amz_plugin_feed(l, run->slot);
}

static int kill_host(struct amz_loop *l, uint32_t host)
{
  struct amz_plugin_process *h = &amz_plugin_of(l)->hosts[host];

  if (!h->alive || h->killed)
    return AMZ_OK;
  h->killed = true;
  return amz_exec_kill(l->config->exec, host, SIGKILL, AMZ_CANCELLED);
}

/* The first signal lets the task that runs end; the second ends its process. What wasn't ordered goes back at the next turn. */
static int end_slot(struct amz_loop *l, const struct amz_action *kill)
{
  struct amz_plugin_exec *p = amz_plugin_of(l);
  struct amz_plugin_slot *s = &p->slots[kill->slot];
  uint32_t lane, host = amz_plugin_host_of(p, kill->slot, &lane);

  if (s->run.count == 0)
    return AMZ_OK;
  s->given_up = true;
  p->ready = true;
  if (kill->signal == SIGKILL)
    return kill_host(l, host);
  if (s->n_sent)
    amz_host_link_yield(p->hosts[host].link, lane, s->sent[s->n_sent - 1].number);
  return AMZ_OK;
}

/* ---- each turn -------------------------------------------------------------------------------------------------------- */

/* The first host says what the others are to be. */
static int learn_mode(struct amz_loop *l)
{
  struct amz_plugin_exec *p = amz_plugin_of(l);
  const struct amz_host_shared *shared;

  if (p->mode != AMZ_PLUGIN_UNKNOWN || !p->hosts[0].link || amz_host_link_state(p->hosts[0].link) != AMZ_HOST_SERVES)
    return AMZ_OK;
  shared = amz_host_link_shared(p->hosts[0].link);
  p->mode = shared->flags & 1u ? AMZ_PLUGIN_THREADS : AMZ_PLUGIN_PROCESSES;
  p->has_range = shared->has_range != 0;
  return amz_plugin_feed_all(l);
}

static void check_refusal(struct amz_loop *l, const struct amz_plugin_process *h)
{
  if (!l->broken && amz_host_link_state(h->link) == AMZ_HOST_REFUSES)
    amz_plugin_break_refused(l, h->link);
}

/* Looks at what a slot runs: a task that takes too long ends with its process, an order that does is cut short. */
static int check_slot(struct amz_loop *l, uint32_t slot, int64_t now_ns, int64_t overdue_ns)
{
  struct amz_plugin_exec *p = amz_plugin_of(l);
  struct amz_plugin_slot *s = &p->slots[slot];
  uint32_t lane, host = amz_plugin_host_of(p, slot, &lane);
  uint64_t at, number;

  if (s->n_sent == 0 || !p->hosts[host].alive)
    return AMZ_OK;
  number = amz_host_link_running(p->hosts[host].link, lane, &at);
  if (number != s->seen_number)
    s->order_ns = now_ns;
  if (number != s->seen_number || at != s->seen_at)
    s->seen_ns = now_ns;
  s->seen_number = number;
  s->seen_at = at;
  if (number == 0)
    return AMZ_OK;
  if (p->timeout_ns && now_ns - s->seen_ns >= p->timeout_ns && !p->hosts[host].killed) {
    s->timed_out = true;
    return kill_host(l, host);
  }
  if (now_ns - s->order_ns < overdue_ns)
    return AMZ_OK;
  amz_host_link_yield(p->hosts[host].link, lane, number);
  return amz_plugin_withdraw(l, slot);
}

static uint32_t count_busy(const struct amz_plugin_exec *p)
{
  uint32_t n = 0;

  for (uint32_t i = 0; i < p->n_slots; i++)
    n += p->slots[i].run.count > 0;
  return n;
}

static int check_slots(struct amz_loop *l)
{
  struct amz_plugin_exec *p = amz_plugin_of(l);
  int64_t now_ns = amz_clock_monotonic_ns(), pause_ns = OVERDUE_HERE_NS, overdue_ns;
  uint32_t busy;
  int rc = AMZ_OK;

  if (now_ns < p->check_ns)
    return AMZ_OK;
  busy = count_busy(p);
  overdue_ns = busy < p->n_slots ? OVERDUE_HERE_NS : OVERDUE_NS;
  for (uint32_t i = 0; rc == AMZ_OK && i < p->n_slots; i++)
    rc = check_slot(l, i, now_ns, overdue_ns);
  if (p->timeout_ns && p->timeout_ns / 4 < pause_ns)
    pause_ns = p->timeout_ns / 4 > LOOK_LEAST_NS ? p->timeout_ns / 4 : LOOK_LEAST_NS;
  p->check_ns = busy ? now_ns + pause_ns : AMZ_NEVER;
  return rc;
}

static int drop_given_up(struct amz_loop *l)
{
  struct amz_plugin_exec *p = amz_plugin_of(l);
  int rc = AMZ_OK;

  for (uint32_t i = 0; rc == AMZ_OK && i < p->n_slots; i++)
    if (p->slots[i].given_up)
      rc = amz_plugin_drop(l, i);
  return rc;
}

static int gather(struct amz_loop *l)
{
  struct amz_plugin_exec *p = amz_plugin_of(l);
  int rc = learn_mode(l);

  amz_host_common_wake(p->common);
  p->ready = false;
  for (uint32_t i = 0; rc == AMZ_OK && i < p->n_slots * 2; i++) {
    if (!p->hosts[i].link)
      continue;
    rc = amz_plugin_hear(l, i);
    check_refusal(l, &p->hosts[i]);
  }
  if (rc == AMZ_OK)
    rc = drop_given_up(l);
  return rc == AMZ_OK ? check_slots(l) : rc;
}

static int ended(struct amz_loop *l, const struct amz_exec_end *end)
{
  struct amz_plugin_exec *p = amz_plugin_of(l);

  (void)amz_loop_note_end(l, end);
  return end->slot < p->n_slots * 2 && p->hosts[end->slot].link ? amz_plugin_dead(l, end->slot, end) : AMZ_OK;
}

/* ---- waiting ---------------------------------------------------------------------------------------------------------- */

static bool has_news(struct amz_plugin_exec *p)
{
  for (uint32_t i = 0; i < p->n_slots * 2; i++)
    if (p->hosts[i].link && amz_host_link_has_news(p->hosts[i].link, p->mode == AMZ_PLUGIN_UNKNOWN))
      return true;
  return false;
}

static size_t watch(struct amz_loop *l, struct pollfd *fds)
{
  struct amz_plugin_exec *p = amz_plugin_of(l);

  amz_host_common_sleep(p->common);
  p->ready |= has_news(p);
  fds[0] = (struct pollfd){.fd = amz_host_common_fd(p->common), .events = POLLIN};
  return 1;
}

static int64_t deadline(const struct amz_loop *l)
{
  const struct amz_plugin_exec *p = amz_plugin_of(l);

  if (p->ready)
    return 0;
  /* While lanes tell of their orders we look at the others then; no need to wake for that alone. */
  return p->check_ns == AMZ_NEVER || p->timeout_ns ? p->check_ns : p->check_ns + OVERDUE_HERE_NS;
}

const struct amz_executor amz_executor_plugin = {
  .grain_ns = GRAIN_NS,
  .run_ahead = true,
  .minds_timeout = true,
  .helper_slots = 2,
  .open = open_plugin,
  .close = close_plugin,
  .start = start,
  .kill = end_slot,
  .ended = ended,
  .gather = gather,
  .watch = watch,
  .deadline = deadline,
};
