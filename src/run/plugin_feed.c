/* Plug-in tasks: starting hosts, ordering tasks. */
#include <stdlib.h>
#include <string.h>

#include <amorsize/alloc.h>

#include "plugin.h"

#define WORDS 8

uint32_t amz_plugin_host_of(const struct amz_plugin_exec *p, uint32_t slot, uint32_t *ret_lane)
{
  bool alone = p->slots[slot].alone;

  *ret_lane = !alone && p->mode == AMZ_PLUGIN_THREADS ? slot : 0;
  return alone ? p->n_slots + slot : p->mode == AMZ_PLUGIN_THREADS ? 0 : slot;
}

/* ---- hosts ------------------------------------------------------------------------------------------------------------ */

static int make_link(struct amz_loop *l, uint32_t host, struct amz_error *err)
{
  struct amz_plugin_exec *p = amz_plugin_of(l);
  const struct amz_loop_config *c = l->config;
  const struct amz_plugin *plugin = amz_job_plugin(c->job);
  bool many = host == 0 && p->mode != AMZ_PLUGIN_PROCESSES; /* it may turn out to be thread-safe */
  struct amz_host_config config = {.path = plugin->path, .args = plugin->args, .log = p->log, .rank = c->rank,
    .first_slot = many ? 0 : host % p->n_slots, .lanes = many ? p->n_slots : 1, .threads = c->layout.threads,
    .gpus_apart = amz_job_settings(c->job)->resources.gpus > 0, .tasks = amz_job_tasks(c->job),
    .reduce = amz_job_reduces(c->job), .results = p->results, .results_asked = amz_job_settings(c->job)->output.results != NULL,
    .job = amz_job_name(c->job), .run = p->run};
  const uint32_t **cpus = amz_new_array(config.lanes, sizeof *cpus);
  size_t *n_cpus = amz_new_array(config.lanes, sizeof *n_cpus);
  int rc = cpus && n_cpus ? AMZ_OK : amz_error_set(err, AMZ_ENOMEM, "out of memory");

  for (uint32_t i = 0; rc == AMZ_OK && i < config.lanes; i++)
    amz_cores_of_slot(c->cores, config.first_slot + i, c->layout.slots, c->layout.threads, &cpus[i], &n_cpus[i]);
  config.cpus = cpus;
  config.n_cpus = n_cpus;
  if (rc == AMZ_OK)
    rc = amz_host_link_new(&config, p->common, err, &p->hosts[host].link);
  free(cpus);
  free(n_cpus);
  return rc;
}

static int have_started(struct amz_loop *l, uint32_t host, struct amz_error *err)
{
  struct amz_plugin_exec *p = amz_plugin_of(l);
  const struct amz_loop_config *c = l->config;
  struct amz_place place = {.rank = c->rank, .slot = host % p->n_slots, .threads = c->layout.threads};
  struct amz_exec_command command = {.slot = host, .attempt = 1, .service = true};
  struct amz_buf words = AMZ_BUF_INIT;
  const char *argv[WORDS] = {NULL};
  int rc = amz_host_link_words(p->hosts[host].link, err, &words);

  for (size_t at = 0, n = 0; rc == AMZ_OK && at < words.len && n < WORDS - 1; at += strlen(words.data + at) + 1)
    argv[n++] = words.data + at;
  if (rc == AMZ_OK && (rc = amz_program_fill(c->job, &place, &l->task, err)) == AMZ_OK &&
      (rc = amz_loop_add_gpus(l, place.slot, l->task.env, &command.env)) == AMZ_OK) {
    command.argv = argv;
    command.workdir = l->task.workdir;
    rc = amz_exec_start(c->exec, &command);
  }
  amz_buf_clear(&words);
  return rc;
}

int amz_plugin_start_host(struct amz_loop *l, uint32_t host)
{
  struct amz_plugin_process *h = &amz_plugin_of(l)->hosts[host];
  struct amz_error cause = {.code = AMZ_OK};
  int rc = make_link(l, host, &cause);

  if (rc == AMZ_OK)
    rc = have_started(l, host, &cause);
  if (rc == AMZ_OK) {
    h->alive = true;
    h->killed = h->told = h->leaving = false;
    return AMZ_OK;
  }
  amz_host_link_free(h->link);
  h->link = NULL;
  if (rc == AMZ_ENOMEM || cause.code == AMZ_OK)
    return rc;
  amz_loop_break(l, &cause);
  return AMZ_OK;
}

/* ---- orders ----------------------------------------------------------------------------------------------------------- */

/* Fills an order with positions from `first` on, as many of `count` as it has room for. \return how many. */
static uint64_t fill_order(const struct amz_loop *l, struct amz_order_to_run *order, uint64_t first, uint64_t count)
{
  order->n_ranges = 0;
  order->count = 0;
  while (order->count < count && order->n_ranges < AMZ_ORDER_RANGES) {
    uint64_t index, n = amz_order_stretch(l->config->order, first + order->count, count - order->count, &index);

    order->ranges[order->n_ranges].first = index;
    order->ranges[order->n_ranges++].count = n;
    order->count += n;
  }
  return order->count;
}

/* The next order of a RUN. */
static void send_order(struct amz_loop *l, uint32_t slot, struct amz_plugin_run *run)
{
  struct amz_plugin_exec *p = amz_plugin_of(l);
  struct amz_plugin_slot *s = &p->slots[slot];
  uint32_t lane, host = amz_plugin_host_of(p, slot, &lane);
  struct amz_order_to_run *order = amz_host_link_order(p->hosts[host].link, lane);
  uint64_t first = run->first + run->next;

  order->one_by_one = p->timeout_ns > 0 || s->alone;
  s->sent[s->n_sent++] = (struct amz_plugin_order){.number = order->number, .first = first,
                                                   .count = fill_order(l, order, first, run->count - run->next)};
  run->next += order->count;
  amz_host_link_send(p->hosts[host].link, lane);
}

int amz_plugin_feed(struct amz_loop *l, uint32_t slot)
{
  struct amz_plugin_exec *p = amz_plugin_of(l);
  struct amz_plugin_slot *s = &p->slots[slot];
  uint32_t lane, host = amz_plugin_host_of(p, slot, &lane);
  int rc;

  if (s->run.count == 0 || l->broken || (p->mode == AMZ_PLUGIN_UNKNOWN && host != 0))
    return AMZ_OK;
  if (p->hosts[host].alive && (p->hosts[host].killed || p->hosts[host].leaving))
    return AMZ_OK; /* when it has gone there will be another one */
  if (!p->hosts[host].alive && (rc = amz_plugin_start_host(l, host)) < 0)
    return rc;
  if (l->broken)
    return AMZ_OK;
  while (s->n_sent < AMZ_PLUGIN_AHEAD && s->run.next < s->run.count)
    send_order(l, slot, &s->run);
  for (; s->n_sent < AMZ_PLUGIN_AHEAD && s->behind.next < s->behind.count && !s->alone; s->n_behind++)
    send_order(l, slot, &s->behind);
  return AMZ_OK;
}

int amz_plugin_feed_all(struct amz_loop *l)
{
  struct amz_plugin_exec *p = amz_plugin_of(l);
  int rc = AMZ_OK;

  for (uint32_t i = 0; rc == AMZ_OK && i < p->n_slots; i++)
    rc = amz_plugin_feed(l, i);
  return rc;
}
