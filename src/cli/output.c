/* output: what tasks printed, in task order, byte for byte. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <amorsize/alloc.h>
#include <amorsize/pack.h>

#include "../run/places.h"
#include "rundir.h"

struct output_args {
  struct cli_count task;
  bool err, both, failed, headers;
};

static const struct cli_option options[] = {
  CLI_ROW_COUNT("task", 0, struct output_args, task, "N", "only this task's", 0, INT64_MAX),
  CLI_ROW_FLAG("stderr", 0, struct output_args, err, "standard error instead of standard output"),
  CLI_ROW_FLAG("both", 0, struct output_args, both, "standard output, then standard error, of each task"),
  CLI_ROW_FLAG("failed", 0, struct output_args, failed, "only tasks that failed"),
  CLI_ROW_FLAG("headers", 0, struct output_args, headers, "a line before each task's output that names it"),
  {0},
};

/* Pack files stay open, as neighbouring tasks mostly come from few of them. */
enum { OPEN_MAX_PACKS = 32 };
struct pack {
  uint32_t rank, epoch;
  struct amz_pack_reader *reader;
};

struct printer {
  struct cli *cli;
  const struct output_args *args;
  const char *dir;
  struct pack packs[OPEN_MAX_PACKS];
  size_t n_packs, next; /* `next` is given up when one more is needed */
  uint64_t rows, unreadable;
  struct amz_places places; /* read when a pack is missing */
  bool places_read;
};

static int open_pack(struct printer *p, const struct amz_task_row *row, struct amz_error *err, struct amz_pack_reader **ret)
{
  struct pack *place;
  char *path;
  int rc;

  for (size_t i = 0; i < p->n_packs; i++)
    if (p->packs[i].rank == row->rank && p->packs[i].epoch == row->epoch) {
      *ret = p->packs[i].reader;
      return AMZ_OK;
    }
  rc = amz_rundir_pack_path(p->dir, row->rank, row->epoch, &path);
  if (rc < 0)
    return rc;
  rc = amz_pack_open(path, err, ret);
  free(path);
  if (rc < 0)
    return rc;
  place = &p->packs[p->n_packs < OPEN_MAX_PACKS ? p->n_packs++ : p->next++ % OPEN_MAX_PACKS];
  amz_pack_reader_free(place->reader);
  *place = (struct pack){row->rank, row->epoch, *ret};
  return AMZ_OK;
}

static int put(void *cli, const void *bytes, size_t n)
{
  return cli_write(cli, bytes, n) ? AMZ_OK : AMZ_ECLOSED;
}

static int print_header(struct printer *p, const struct amz_task_row *row)
{
  struct amz_buf line = AMZ_BUF_INIT;
  int rc;

  amz_buf_addf(&line, "==> task %" PRIu64, row->index);
  if (row->outcome == AMZ_SKIPPED)
    amz_buf_adds(&line, ", skipped");
  else if (row->outcome == AMZ_TIMED_OUT)
    amz_buf_adds(&line, ", timed out");
  else if (row->signal)
    amz_buf_addf(&line, ", signal %" PRId32, row->signal);
  else if (row->outcome == AMZ_FAILED)
    amz_buf_addf(&line, ", exit %" PRId32, row->exit_code);
  amz_buf_adds(&line, " <==\n");
  rc = put(p->cli, amz_buf_text(&line), line.len);
  amz_buf_clear(&line);
  return rc;
}

static int print_streams(struct printer *p, const struct amz_task_row *row, struct amz_error *err)
{
  bool wanted[] = {!p->args->err || p->args->both, p->args->err || p->args->both};
  struct amz_pack_reader *pack;
  int rc = open_pack(p, row, err, &pack);

  for (int stream = 1; stream <= 2 && rc == AMZ_OK; stream++)
    if (wanted[stream - 1])
      rc = amz_pack_read_stream(pack, row->pack_offset, stream, put, p->cli, err);
  return rc;
}

/* A pack that isn't here may wait on the node on which it was written. */
static const char *waits_at(struct printer *p, const struct amz_task_row *row)
{
  struct amz_error ignored;

  if (!p->places_read && amz_places_read(p->dir, &p->places, &ignored) < 0)
    return NULL;
  p->places_read = true;
  return amz_places_find(&p->places, row->node);
}

static void say_unreadable(struct printer *p, const struct amz_task_row *row, int rc, const struct amz_error *err)
{
  const char *path = rc == AMZ_ENOENT ? waits_at(p, row) : NULL;

  if (path)
    cli_say("task %" PRIu64 ": its output is still on node %s, in %s: the end of the run brings it here, or resume with a rank "
                            "there", row->index, row->node,
            path);
  else
    cli_say("task %" PRIu64 ": its output can't be read: %s", row->index, *err->text ? err->text : amz_err_name(rc));
}

/* One task's output that can't be read must not hide the others'. */
static int print_row(void *ctx, const struct amz_task_row *row)
{
  struct printer *p = ctx;
  struct amz_error err = {0};
  int rc = AMZ_OK;

  p->rows++;
  if (p->args->headers)
    rc = print_header(p, row);
  if (rc == AMZ_OK && row->pack_offset)
    rc = print_streams(p, row, &err);
  if (rc == AMZ_OK || rc == AMZ_ECLOSED || rc == AMZ_ENOMEM)
    return rc;
  say_unreadable(p, row, rc, &err);
  p->unreadable++;
  return AMZ_OK;
}

static int print_all(struct printer *p, struct amz_store_reader *reader)
{
  const struct cli_count *task = &p->args->task;
  struct amz_row_query query = {.failed_only = p->args->failed, .sort = AMZ_BY_INDEX, .has_index = task->set, .index = task->n};
  struct amz_error err = {0};
  int rc;

  if (task->set && task->n >= amz_store_reader_tasks(reader))
    return cli_usage("output", "there is no task %" PRIu64 ": the run has tasks 0 to %" PRIu64, task->n,
                     amz_store_reader_tasks(reader) - 1);
  rc = amz_store_reader_rows(reader, &query, print_row, p, &err);
  if (rc < 0 && rc != AMZ_ECLOSED)
    return cli_fail(rc, &err);
  if (p->rows == 0 && task->set) {
    cli_say(p->args->failed ? "task %" PRIu64 " has not failed" : "task %" PRIu64 " has not ended yet", task->n);
    return CLI_USAGE;
  }
  return p->unreadable ? CLI_ENVIRONMENT : CLI_OK;
}

static int run(struct cli *cli, const struct cli_parsed *parsed, const void *args)
{
  struct amz_store_reader *reader = NULL;
  struct printer *p = amz_new_array(1, sizeof *p);
  char *dir = NULL;
  int status = p ? cli_run_find(parsed->operands[0], &dir) : cli_fail(AMZ_ENOMEM, NULL);

  if (status == CLI_OK)
    status = cli_reader_open(dir, &reader);
  if (status == CLI_OK) {
    p->cli = cli;
    p->args = args;
    p->dir = dir;
    status = print_all(p, reader);
  }
  for (size_t i = 0; p && i < p->n_packs; i++)
    amz_pack_reader_free(p->packs[i].reader);
  if (p)
    amz_places_clear(&p->places);
  free(p);
  amz_store_reader_free(reader);
  free(dir);
  return status;
}

const struct cli_command cli_output = {
  .name = "output", .operands = "RUN", .min_operands = 1, .max_operands = 1,
  .summary = "Prints what tasks printed, in task order, byte for byte",
  .text = "RUN is a run directory, a NAME.runs directory or a NAME: the latest of its runs.\n",
  .example = "amorsize-mpi output quickstart --task 3 --both",
  .options = options, .args_bytes = sizeof(struct output_args), .run = run,
};
