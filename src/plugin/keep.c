/* What becomes of results: they are written into the run's file, they are taken into its reduction, or both.
 *
 * A telling takes along the partials of exactly the tasks that it tells of, and has room for so many nodes. So a stretch of tasks
 * is told when that is full. Nothing is told of before its results are written. */
#include <errno.h>
#include <fenv.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "host.h"

static const enum amz_value types[] = {[AMZ_PLUGIN_NONE] = AMZ_VALUE_BYTES, [AMZ_PLUGIN_F64] = AMZ_VALUE_F64,
  [AMZ_PLUGIN_I64] = AMZ_VALUE_I64,
  [AMZ_PLUGIN_U64] = AMZ_VALUE_U64, [AMZ_PLUGIN_BYTES] = AMZ_VALUE_BYTES};

static const char *text_at(const struct amz_host *h, uint64_t at)
{
  return (const char *)h->shared + at;
}

static bool refuse_wish(struct amz_host *h, const char *text)
{
  h->shared->unfit = 1;
  amz_host_refuse(h, text);
  return false;
}

static bool open_results(struct amz_host *h, enum amz_value type, uint32_t width)
{
  const struct amz_results_format format = {.tasks = h->shared->tasks, .type = type, .width = width,
    .job = text_at(h, h->shared->job_at),
    .plugin = h->plugin->name, .run = text_at(h, h->shared->run_at)};
  struct amz_error err;

  if (h->shared->results_at == 0)
    return true;
  if (h->result_bytes == 0)
    return !h->shared->results_asked || refuse_wish(h, "output.results: the plug-in's tasks have no results: leave it out");
  if (amz_results_open(text_at(h, h->shared->results_at), &format, &err, &h->results) < 0) {
    amz_host_refuse(h, err.text);
    return false;
  }
  h->shared->keeps_results = 1;
  return true;
}

static bool check_reduction(struct amz_host *h, enum amz_value type, uint32_t width)
{
  struct amz_error err;
  char text[AMZ_ERROR_TEXT];

  h->reduce = (struct amz_reduce_kind){(enum amz_reduce)h->shared->reduce, type, width};
  if (h->reduce.op == AMZ_REDUCE_NONE)
    return true;
  if (amz_reduce_check(&h->reduce, &err) < 0) {
    (void)snprintf(text, sizeof text, "output.reduce: %.900s",
                   h->result_bytes ? err.text : "the plug-in's tasks have no results; they can only be counted");
    return refuse_wish(h, text);
  }
  return amz_reduce_node_bytes(&h->reduce) <= AMZ_TELLING_PARTIALS || refuse_wish(h,
      "output.reduce: a result has more than 1000 numbers");
}

bool amz_host_keep(struct amz_host *h)
{
  enum amz_value type = types[h->plugin->result_type];
  uint32_t width = (uint32_t)(type == AMZ_VALUE_BYTES ? h->result_bytes : h->result_bytes / 8);

  h->shared->value_type = type;
  h->shared->value_width = width;
  return check_reduction(h, type, width) && open_results(h, type, width);
}

bool amz_slot_keep_begin(struct amz_slot_thread *s)
{
  return s->host->reduce.op == AMZ_REDUCE_NONE || amz_reducer_new(&s->host->reduce, &s->reducer) == AMZ_OK;
}

void amz_slot_keep_end(struct amz_slot_thread *s)
{
  amz_reducer_free(s->reducer);
  amz_buf_clear(&s->partials);
}

int amz_slot_write(struct amz_slot_thread *s, uint64_t first, uint64_t count, const void *results)
{
  struct amz_error err;

  amz_guilt_leave_fork(s);
  if (!s->host->results || count == 0 || amz_results_write(s->host->results, first, count, results, &err) == AMZ_OK)
    return 0;
  return err.sys_errno ? err.sys_errno : EIO;
}

void amz_slot_gather(struct amz_slot_thread *s)
{
  if (s->reducer && amz_reducer_put(s->reducer, &s->partials) < 0)
    _exit(3); /* out of memory: as after a crash, what wasn't told of runs again */
}

static uint64_t reduce(struct amz_slot_thread *s, uint64_t first, uint64_t count, const void *results)
{
  const unsigned char *from = results;
  uint64_t added = 0;
  size_t most;

  if (s->reduced_to != first || amz_reducer_nodes(s->reducer) == 0) {
    amz_slot_gather(s);
    amz_reducer_begin(s->reducer, first);
    s->reduced_to = first;
  }
  most = (AMZ_TELLING_PARTIALS - s->partials.len) / amz_reduce_node_bytes(&s->host->reduce); /* nodes that there is room for */
  if (most >= AMZ_REDUCE_NODES_MAX) {
    amz_reducer_add(s->reducer, results, count);
    added = count;
  }
  for (; added < count && (amz_reducer_nodes(s->reducer) < most || !amz_reducer_grows(s->reducer)); added++)
    amz_reducer_add(s->reducer, from ? from + added * s->host->result_bytes : NULL, 1);
  s->reduced_to += added;
  return added;
}

/* Tasks may have left the thread with another rounding, with denormals flushed to zero (a plug-in built with -ffast-math, as it
 * is loaded), or with traps. Which tasks a thread has run before must not be seen in the sum. */
uint64_t amz_slot_reduce(struct amz_slot_thread *s, uint64_t first, uint64_t count, const void *results)
{
  uint64_t added;
  fenv_t theirs;

  (void)fegetenv(&theirs);
  (void)fesetenv(FE_DFL_ENV);
  added = reduce(s, first, count, results);
  (void)fesetenv(&theirs);
  return added;
}
