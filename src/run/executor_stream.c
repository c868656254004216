/* Stream tasks: a program per slot that stays, in the helper's care; here, the lines it is given and the results that come back.
 *
 * A program is known to the helper from its slot's first task on. The lines of a RUN go in parts, so that the program has begun
 * with the first before the last is made; ends come in parts, too, and the worker is told of many at once. What the helper gives
 * back because a program was slower than thought comes as cancelled, and goes back to the master. */
#include <stdlib.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <amorsize/alloc.h>

#include "executor.h"
#include "layout.h"
#include "loop_state.h"

#define GRAIN 4096                    /* positions */
#define GRAIN_NS INT64_C(10000000)    /* what a slot is given should last so long: asking for more costs about 1 % of that */
#define PART_LINES 32u
#define PART_BYTES (256u * 1024)
#define ENDS 256u
#define CLOSE_NS INT64_C(5000000000)  /* for programs to end when there is nothing left to do */
#define ADVICE_NS INT64_C(5000000000) /* of silence, twice, before we say that a program may hold its output back */

struct streams {
  char **workdir;          /* by slot, "" for none: the helper knows its program; NULL: not yet */
  struct amz_buf text;     /* of the part that is being made; */
  struct amz_exec_line lines[PART_LINES]; /* their texts are offsets until it is sent */
  size_t begins[PART_LINES], n_lines;
  struct amz_result ends[ENDS]; /* of one slot, not told yet */
  size_t n_ends;
  struct amz_buf path;
};

static int open_streams(struct amz_loop *l, struct amz_error *err)
{
  struct streams *s = calloc(1, sizeof *s);

  l->executing = s;
  l->grain_least = amz_job_stream(l->config->job)->window;
  if (s)
    s->workdir = amz_new_array(amz_layout_capacity(&l->config->layout), sizeof *s->workdir);
  return s && s->workdir ? AMZ_OK : amz_error_set(err, AMZ_ENOMEM, "out of memory");
}

static void tell_notes(struct amz_loop *l)
{
  char text[AMZ_ERROR_TEXT];
  const char *note;

  while ((note = amz_exec_next_note(l->config->exec))) {
    (void)snprintf(text, sizeof text, "rank %u, %s", l->config->rank, note);
    amz_loop_note(l, AMZ_WARNING, l->config->net ? text : note);
  }
}

static void close_streams(struct amz_loop *l)
{
  struct streams *s = l->executing;

  if (!s)
    return;
  if (!l->broken && l->worker_finished && amz_exec_close_streams(l->config->exec, CLOSE_NS) == AMZ_OK)
    tell_notes(l);
  for (uint32_t i = 0; s->workdir && i < amz_layout_capacity(&l->config->layout); i++)
    free(s->workdir[i]);
  free(s->workdir);
  amz_buf_clear(&s->text);
  amz_buf_clear(&s->path);
  free(s);
}

/* ---- the program -------------------------------------------------------------------------------------------------------- */

/* Python's own word for flushing, as most programs that forget to are written in it. The user's environment comes behind, and
 * wins. */
static int add_unbuffered(const char *const *env, const char ***ret)
{
  size_t n = 0;
  const char **all;

  while (env[n])
    n++;
  all = amz_new_array(n + 2, sizeof *all);
  if (!all)
    return AMZ_ENOMEM;
  all[0] = "PYTHONUNBUFFERED=1";
  memcpy(all + 1, env, n * sizeof *env);
  *ret = all;
  return AMZ_OK;
}

static int open_slot(struct amz_loop *l, uint32_t slot)
{
  struct streams *s = l->executing;
  const struct amz_loop_config *c = l->config;
  const struct amz_stream *of_job = amz_job_stream(c->job);
  const struct amz_place place = {.rank = c->rank, .slot = slot, .threads = c->layout.threads};
  struct amz_exec_stream stream = {.command = {.slot = slot}, .window = of_job->window, .sentinel = of_job->sentinel,
    .fail_prefix = of_job->fail_prefix, .timeout_ns = amz_job_settings(c->job)->failures.timeout_ns, .advice_ns = ADVICE_NS,
    .max_result = amz_job_settings(c->job)->failures.max_result};
  const char **env;
  int rc = amz_program_fill(c->job, &place, &l->task, NULL);

  if (rc < 0 || (rc = amz_loop_add_gpus(l, slot, l->task.env, &stream.command.env)) < 0 ||
      (rc = add_unbuffered(stream.command.env, &env)) < 0)
    return rc;
  stream.command.env = env;
  stream.command.shell = l->task.shell;
  stream.command.argv = l->task.argv;
  stream.command.workdir = l->task.workdir;
  amz_loop_cores(l, slot, l->threads, &stream.command.cpus, &stream.command.n_cpus);
  rc = amz_exec_open_stream(c->exec, &stream);
  free(env);
  if (rc < 0)
    return rc;
  s->workdir[slot] = strdup(l->task.workdir ? l->task.workdir : "");
  return s->workdir[slot] ? AMZ_OK : AMZ_ENOMEM;
}

/* ---- lines -------------------------------------------------------------------------------------------------------------- */

/* `creates` is seen from the program's working directory. \return 1: it is there; 0; AMZ_ENOMEM. */
static int exists_already(struct amz_loop *l, uint64_t index, const struct amz_place *place)
{
  struct streams *s = l->executing;
  const char *workdir = s->workdir[place->slot], *path;
  size_t at;
  int rc;

  amz_buf_reset(&s->path);
  amz_buf_adds(&s->path, workdir);
  amz_buf_adds(&s->path, *workdir ? "/" : "");
  at = s->path.len;
  rc = amz_task_creates(l->config->job, index, place, &s->path);
  if (rc < 0)
    return rc == AMZ_ENOENT ? 0 : rc;
  path = amz_buf_text(&s->path);
  return access(path + (path[at] == '/' ? at : 0), F_OK) == 0;
}

/* Sends what was made; without waiting, so that the program may begin. */
static int send_part(struct amz_loop *l, const struct amz_action *run)
{
  struct streams *s = l->executing;
  bool pending;
  int rc;

  for (size_t i = 0; i < s->n_lines; i++)
    s->lines[i].text = s->text.data + s->begins[i];
  rc = amz_exec_add_lines(l->config->exec, run->slot, run->attempt, s->lines, s->n_lines);
  s->n_lines = 0;
  amz_buf_reset(&s->text);
  if (rc == AMZ_OK)
    (void)amz_exec_flush(l->config->exec, &pending); /* the loop does it again, and looks */
  return rc;
}

/* Adds the line of one position, or ends it at once. */
static int add_line(struct amz_loop *l, const struct amz_action *run, uint64_t position, const struct amz_place *place)
{
  struct streams *s = l->executing;
  struct amz_action one = *run;
  uint64_t index = amz_order_index(l->config->order, position);
  size_t from = s->text.len;
  struct amz_error why;
  int rc = exists_already(l, index, place);

  one.first = position;
  one.count = 1;
  if (rc > 0)
    return amz_loop_end_at_once(l, &one, AMZ_SKIPPED, 0);
  if (rc == AMZ_OK)
    rc = amz_task_line(l->config->job, index, place, &s->text, &why);
  if (rc == AMZ_EINVAL)
    return amz_loop_refuse(l, &one, index, why.text);
  if (rc < 0)
    return rc;
  s->begins[s->n_lines] = from;
  s->lines[s->n_lines++] = (struct amz_exec_line){.index = index, .tag = position, .bytes = s->text.len - from};
  return s->n_lines == PART_LINES || s->text.len >= PART_BYTES ? send_part(l, run) : AMZ_OK;
}

static int start(struct amz_loop *l, const struct amz_action *run)
{
  struct streams *s = l->executing;
  const struct amz_place place = {.rank = l->config->rank, .slot = run->slot, .threads = l->config->layout.threads};
  int rc = s->workdir[run->slot] ? AMZ_OK : open_slot(l, run->slot);

  if (rc < 0)
    return rc;
  l->slots[run->slot] = (struct amz_slot_state){run->first, run->attempt, 0};
  for (uint64_t i = 0; i < run->count && rc == AMZ_OK; i++)
    rc = add_line(l, run, run->first + i, &place);
  return rc == AMZ_OK ? send_part(l, run) : rc;
}

static int kill_program(struct amz_loop *l, const struct amz_action *kill)
{
  return amz_exec_kill(l->config->exec, kill->slot, kill->signal, kill->outcome);
}

/* ---- ends --------------------------------------------------------------------------------------------------------------- */

static int tell_ends(struct amz_loop *l)
{
  struct streams *s = l->executing;
  size_t n = s->n_ends;

  s->n_ends = 0;
  return n ? amz_loop_tell_ran(l, s->ends, n) : AMZ_OK;
}

static int collect(struct amz_loop *l, const struct amz_exec_end *end)
{
  struct streams *s = l->executing;
  int rc = AMZ_OK;

  if (s->n_ends == ENDS || (s->n_ends && s->ends[0].slot != end->slot))
    rc = tell_ends(l);
  s->ends[s->n_ends++] = (struct amz_result){.position = end->tag, .attempt = l->slots[end->slot].attempt,
    .outcome = amz_loop_note_end(l, end) ? end->outcome : AMZ_CANCELLED, .slot = end->slot, .exit_code = end->exit_code,
    .signal = end->signal, .seq = end->pack_seq, .pack_offset = end->pack_offset, .start_ns = end->start_ns,
    .wall_ns = end->wall_ns,
    .cpu_ns = end->cpu_ns, .max_rss_bytes = end->max_rss_bytes, .output_bytes = end->output_bytes};
  return rc;
}

static int ended(struct amz_loop *l, const struct amz_exec_end *end)
{
  int rc = collect(l, end);

  return rc < 0 ? rc : tell_ends(l);
}

/* Takes the ends before the loop does, which would tell the worker of each. That the helper has gone is the loop's to find. */
static int gather(struct amz_loop *l)
{
  struct amz_exec_end end;
  int rc = AMZ_OK;

  while (rc == AMZ_OK && amz_exec_next(l->config->exec, &end) > 0)
    rc = collect(l, &end);
  if (rc == AMZ_OK)
    rc = tell_ends(l);
  tell_notes(l);
  return rc;
}

const struct amz_executor amz_executor_stream = {.grain = GRAIN, .grain_ns = GRAIN_NS, .minds_timeout = true, .helper_slots = 1,
  .open = open_streams, .close = close_streams, .start = start, .kill = kill_program, .ended = ended, .gather = gather};
