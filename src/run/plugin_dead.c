/* Plug-in tasks: a host has ended, and what that means for each slot that it served.
 *
 * Who is to blame? A task that didn't end in time, if that is why we killed the host. Else the lanes that have marked themselves
 * on the way out; else, when nobody has, every lane that had a task running. A suspect is tried once more, alone in a process;
 * what ends that one, too, has failed. With run_range it isn't known which task of an order was running: then all that weren't
 * told of are suspects, and are run alone one by one, by `run`, whose position is always known; the one that ends this process is
 * tried alone in a third. (That finds the culprit in two more processes, where bisecting takes one per halving.) Everything else
 * goes back to the worker and is run again. */
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "plugin.h"

#define BARREN_MOST 3u /* hosts that may die in a row without having told of a task */
#define NOTES_MOST 5u

bool amz_plugin_has_printed(const struct amz_plugin_exec *p)
{
  struct stat st;

  return stat(p->log, &st) == 0 && st.st_size > 0;
}

/* ---- hosts that are of no use ----------------------------------------------------------------------------------------- */

void amz_plugin_say_how(const struct amz_exec_end *end, char *text, size_t n)
{
  if (end->start_errno)
    (void)snprintf(text, n, "could not be started: %s", strerror(end->start_errno));
  else if (end->signal)
    (void)snprintf(text, n, "was ended by signal %d (%s)", (int)end->signal, strsignal((int)end->signal));
  else
    (void)snprintf(text, n, "ended with exit status %d", (int)end->exit_code);
}

static void break_useless(struct amz_loop *l, const struct amz_exec_end *end)
{
  struct amz_plugin_exec *p = amz_plugin_of(l);
  bool printed = amz_plugin_has_printed(p);
  struct amz_error cause;
  char how[128];

  amz_plugin_say_how(end, how, sizeof how);
  (void)amz_error_set(&cause, AMZ_EENV, "the process of the plug-in %s %s before it has run a task%s%s",
                      amz_job_plugin(l->config->job)->path,
                      how, printed ? "; what it printed is in " : "", printed ? p->log : "");
  amz_loop_break(l, &cause);
}

void amz_plugin_break_refused(struct amz_loop *l, const struct amz_host_link *link)
{
  const struct amz_host_shared *shared = amz_host_link_shared(link);
  struct amz_error cause;

  (void)amz_error_set(&cause, shared->unfit ? AMZ_EINVAL : AMZ_EENV, "%s", shared->error);
  amz_loop_break(l, &cause);
}

/* ---- slots ------------------------------------------------------------------------------------------------------------ */

/* What a dead host leaves of a slot. */
struct remains {
  bool ran;               /* a task was running */
  bool blamed;
  struct amz_range suspect;
  struct amz_range back[3]; /* around the suspect, and the RUN behind */
  size_t n_back;
};

static void give_back(struct remains *r, uint64_t from, uint64_t until)
{
  if (from < until)
    r->back[r->n_back++] = (struct amz_range){from, until - from};
}

/* The part of the RUN that is open reaches from the first position that wasn't told of to its end. */
static struct amz_range open_part(const struct amz_plugin_slot *s)
{
  return (struct amz_range){s->run.first + s->run.count - s->run.left, s->run.left};
}

/* Which task was running, if any. */
static void find_running(const struct amz_plugin_exec *p, const struct amz_host_link *link, uint32_t lane,
                         const struct amz_plugin_slot *s,
                         struct remains *r)
{
  uint64_t at, number = amz_host_link_running(link, lane, &at);
  const struct amz_plugin_order *order = &s->sent[0];
  bool together = p->has_range && p->timeout_ns == 0 && !s->alone;

  r->ran = s->n_sent > 0 && number == order->number && at >= order->told && at < order->count;
  if (!r->ran)
    return;
  r->suspect = together ? (struct amz_range){order->first + order->told, order->count - order->told}
                        : (struct amz_range){order->first + at, 1};
}

/* A process that a task had for itself tells of the task; of one that was shared it is known how long the task was seen to
 * run. */
static struct amz_result result_of(const struct amz_plugin_slot *s, uint32_t slot, uint64_t position,
                                   const struct amz_exec_end *end)
{
  int64_t seen_ns = amz_clock_monotonic_ns() - s->seen_ns;

  if (s->timed_out)
    return (struct amz_result){.position = position, .slot = slot, .attempt = s->run.attempt, .outcome = AMZ_TIMED_OUT,
      .exit_code = -1,
      .signal = end->signal, .start_ns = amz_clock_realtime_ns() - seen_ns, .wall_ns = seen_ns};
  return (struct amz_result){.position = position, .slot = slot, .attempt = s->run.attempt, .outcome = AMZ_FAILED,
    .exit_code = end->signal ? -1 : end->exit_code, .signal = end->signal, .start_ns = end->start_ns, .wall_ns = end->wall_ns,
    .cpu_ns = end->cpu_ns, .max_rss_bytes = end->max_rss_bytes};
}

static void note_failure(struct amz_loop *l, uint64_t position, const struct amz_exec_end *end)
{
  struct amz_plugin_exec *p = amz_plugin_of(l);
  char how[128], text[256];

  if (p->told_deaths++ >= NOTES_MOST)
    return;
  amz_plugin_say_how(end, how, sizeof how);
  (void)snprintf(text, sizeof text, "task %llu has ended two processes; the second one %s%s",
                 (unsigned long long)amz_order_index(l->config->order, position), how,
                 p->told_deaths == NOTES_MOST ? "; more of them are not told" : "");
  amz_loop_note(l, AMZ_WARNING, text);
}

/* Settles one slot: what goes back, what has failed, what is tried alone. */
static int settle(struct amz_loop *l, uint32_t slot, struct remains *r, const struct amz_exec_end *end)
{
  struct amz_plugin_slot *s = &amz_plugin_of(l)->slots[slot];
  struct amz_range open = open_part(s);
  bool failed = r->blamed && (s->timed_out || (s->alone && open.count == 1));
  bool again = r->blamed && !failed && !s->given_up;
  struct amz_result result = result_of(s, slot, r->suspect.first, end);

  if (!failed && !again)
    r->suspect = (struct amz_range){open.first, 0};
  give_back(r, open.first, r->suspect.first);
  give_back(r, r->suspect.first + r->suspect.count, open.first + open.count);
  give_back(r, s->behind.first, s->behind.first + s->behind.count);
  if (failed && !s->timed_out)
    note_failure(l, r->suspect.first, end);
  *s = (struct amz_plugin_slot){.alone = again, .run = {.attempt = s->run.attempt}};
  if (again) {
    s->run.first = r->suspect.first;
    s->run.count = s->run.left = r->suspect.count;
  }
  return amz_plugin_tell(l, slot, failed ? &result : NULL, r->back, r->n_back);
}

/* ---- the host --------------------------------------------------------------------------------------------------------- */

static int settle_lanes(struct amz_loop *l, uint32_t host, const struct amz_plugin_process *h, uint32_t lanes,
                        const struct amz_exec_end *end)
{
  struct amz_plugin_exec *p = amz_plugin_of(l);
  bool alone = host >= p->n_slots, any_guilty = false;
  int rc = AMZ_OK;

  for (uint32_t lane = 0; lane < lanes; lane++)
    any_guilty |= amz_host_link_guilty(h->link, lane);
  for (uint32_t lane = 0; rc == AMZ_OK && lane < lanes; lane++) {
    uint32_t slot = lanes > 1 ? lane : host % p->n_slots;
    struct amz_plugin_slot *s = &p->slots[slot];
    struct remains r = {.ran = false};

    if (s->run.count == 0 || s->alone != alone)
      continue;
    find_running(p, h->link, lane, s, &r);
    r.blamed = r.ran && (s->timed_out || (!h->killed && (!any_guilty || amz_host_link_guilty(h->link, lane))));
    rc = settle(l, slot, &r, end);
  }
  return rc;
}

/* A host that died without having run anything, again and again, will do so for ever. */
static bool is_useless(struct amz_plugin_exec *p, const struct amz_plugin_process *h, uint32_t lanes,
                       const struct amz_exec_end *end)
{
  uint64_t at;

  if (h->killed || h->leaving)
    return false;
  if (end->start_errno || amz_host_link_state(h->link) == AMZ_HOST_LOADING)
    return true;
  for (uint32_t i = 0; i < lanes; i++)
    if (amz_host_link_running(h->link, i, &at))
      return false;
  return ++p->barren >= BARREN_MOST;
}

/* Its place is free before anything is told: the worker may give a slot a new RUN at once, and that starts the next host. */
int amz_plugin_dead(struct amz_loop *l, uint32_t host, const struct amz_exec_end *end)
{
  struct amz_plugin_exec *p = amz_plugin_of(l);
  uint32_t lanes = host == 0 && p->mode != AMZ_PLUGIN_PROCESSES ? p->n_slots : 1;
  struct amz_plugin_process gone;
  int rc = amz_plugin_hear(l, host);

  gone = p->hosts[host];
  p->hosts[host] = (struct amz_plugin_process){.link = NULL};
  if (amz_host_link_state(gone.link) == AMZ_HOST_REFUSES)
    amz_plugin_break_refused(l, gone.link);
  else if (is_useless(p, &gone, lanes, end))
    break_useless(l, end);
  if (rc == AMZ_OK)
    rc = settle_lanes(l, host, &gone, lanes, end);
  amz_host_link_free(gone.link);
  return rc == AMZ_OK ? amz_plugin_feed_all(l) : rc;
}
