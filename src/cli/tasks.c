/* tasks: what became of each task that has ended. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <amorsize/units.h>

#include "jobargs.h"
#include "rundir.h"

struct tasks_args {
  bool failed, commands;
  unsigned sort, format;
  struct cli_count limit;
};

static const char *const sorts[] = {"index", "wall", "start", NULL}; /* as enum amz_row_sort */

static const struct cli_option options[] = {
  CLI_ROW_FLAG("failed", 0, struct tasks_args, failed, "only tasks that failed"),
  CLI_ROW_CHOICE("sort", struct tasks_args, sort, "index|wall|start", "order of rows; wall: longest first", sorts),
  CLI_ROW_COUNT("limit", 0, struct tasks_args, limit, "N", "at most so many rows", 1, INT64_MAX),
  CLI_ROW_FLAG("commands", 0, struct tasks_args, commands, "show each task's command, too"),
  CLI_ROW_FORMAT(struct tasks_args),
  {0},
};

/* What is carried from row to row. */
struct table {
  struct cli *cli;
  const struct amz_job *job; /* NULL: commands aren't shown */
  uint32_t threads;
  bool json;
  uint64_t rows;
  int index_width;
};

static const char *outcome_name(enum amz_outcome outcome)
{
  static const char *const names[] = {[AMZ_SUCCEEDED] = "succeeded", [AMZ_FAILED] = "failed", [AMZ_TIMED_OUT] = "timed_out",
    [AMZ_SKIPPED] = "skipped", [AMZ_CANCELLED] = "cancelled"};

  return (size_t)outcome < sizeof names / sizeof *names && names[outcome] ? names[outcome] : "unknown";
}

/* A command that can't be made any more is told in its place: the row itself is still true. */
static void add_command(const struct table *t, const struct amz_task_row *row, struct amz_buf *out)
{
  struct amz_place place = {.rank = row->rank, .slot = row->slot, .threads = t->threads};
  struct amz_error err = {0};
  int rc = cli_task_command(t->job, row->index, &place, out, &err);

  if (rc < 0)
    amz_buf_addf(out, "# %s", *err.text ? err.text : amz_err_name(rc));
}

static json_t *row_json(const struct table *t, const struct amz_task_row *r)
{
  bool skipped = r->outcome == AMZ_SKIPPED;
  struct amz_buf command = AMZ_BUF_INIT;
  json_t *row = json_pack("{s:I, s:s, s:o, s:o, s:I, s:o, s:I, s:o, s:I, s:f, s:f, s:f, s:I, s:I}", "index", (json_int_t)r->index,
    "status", outcome_name(r->outcome), "exit", skipped || r->signal ? json_null() : json_integer(r->exit_code),
    "signal", r->signal ? json_integer(r->signal) : json_null(), "attempts", (json_int_t)r->attempts,
    "node", cli_json_text(r->node ? r->node : "", r->node ? strlen(r->node) : 0), "rank", (json_int_t)r->rank,
    "slot", r->slot == AMZ_SLOT_SEVERAL ? json_null() : json_integer(r->slot), "launch", (json_int_t)r->epoch, "start_s",
    r->start_s, "wall_s", r->wall_s, "cpu_s", r->cpu_s,
    "max_rss_bytes", (json_int_t)r->max_rss_bytes, "output_bytes", (json_int_t)r->output_bytes);

  if (row && r->averaged_over && json_object_set_new(row, "averaged_over", json_integer((json_int_t)r->averaged_over)) < 0) {
    json_decref(row);
    row = NULL;
  }
  if (row && r->error && json_object_set_new(row, "error", cli_json_text(r->error, strlen(r->error))) < 0) {
    json_decref(row);
    row = NULL;
  }
  if (row && t->job) {
    add_command(t, r, &command);
    if (json_object_set_new(row, "command", cli_json_text(amz_buf_text(&command), command.len)) < 0) {
      json_decref(row);
      row = NULL;
    }
    amz_buf_clear(&command);
  }
  return row;
}

static void add_header(const struct table *t, struct amz_buf *out)
{
  amz_buf_addf(out, "%*s  %-9s  %4s  %6s  %5s  %10s  %10s  %10s  %9s  %5s  %s%s\n", t->index_width, "index", "status", "exit",
               "signal", "tries", "start", "wall", "cpu", "memory", "slot", "node", t->job ? "  command" : "");
}

static void add_row(const struct table *t, const struct amz_task_row *r, struct amz_buf *out)
{
  char exit_code[16] = "-", signal[16] = "-", start[48], wall[48], cpu[48], memory[32], slot[32];
  const char *node = r->node ? r->node : "";

  if (r->outcome != AMZ_SKIPPED && !r->signal)
    (void)snprintf(exit_code, sizeof exit_code, "%" PRId32, r->exit_code);
  if (r->signal)
    (void)snprintf(signal, sizeof signal, "%" PRId32, r->signal);
  if (r->slot == AMZ_SLOT_SEVERAL)
    (void)snprintf(slot, sizeof slot, "%" PRIu32 ".*", r->rank);
  else
    (void)snprintf(slot, sizeof slot, "%" PRIu32 ".%" PRIu32, r->rank, r->slot);
  amz_buf_addf(out, "%*" PRIu64 "  %-9s  %4s  %6s  %5" PRIu32 "  %10s  %10s  %10s  %9s  %5s  ", t->index_width, r->index,
               outcome_name(r->outcome), exit_code, signal, r->attempts,
               amz_format_duration((int64_t)(r->start_s * 1e9), start, sizeof start),
               amz_format_duration((int64_t)(r->wall_s * 1e9), wall, sizeof wall),
               amz_format_duration((int64_t)(r->cpu_s * 1e9), cpu, sizeof cpu),
               amz_format_bytes(r->max_rss_bytes, memory, sizeof memory), slot);
  amz_buf_add_printable(out, node, strlen(node), SIZE_MAX);
}

static int text_row(struct table *t, const struct amz_task_row *r)
{
  struct amz_buf line = AMZ_BUF_INIT, command = AMZ_BUF_INIT;
  bool more;

  if (t->rows == 0)
    add_header(t, &line);
  add_row(t, r, &line);
  if (t->job) {
    add_command(t, r, &command);
    amz_buf_adds(&line, "  ");
    amz_buf_add_printable(&line, amz_buf_text(&command), command.len, SIZE_MAX);
  }
  if (r->error) {
    amz_buf_adds(&line, "  error: ");
    amz_buf_add_printable(&line, r->error, strlen(r->error), SIZE_MAX);
  }
  amz_buf_addc(&line, '\n');
  more = cli_write(t->cli, amz_buf_text(&line), line.len);
  amz_buf_clear(&line);
  amz_buf_clear(&command);
  t->rows++;
  return more ? AMZ_OK : AMZ_ECLOSED;
}

static int show_row(void *ctx, const struct amz_task_row *row)
{
  struct table *t = ctx;

  return t->json ? cli_row_json(t->cli, &t->rows, row_json(t, row)) : text_row(t, row);
}

static int digits(uint64_t n)
{
  int width = 1;

  for (; n > 9; n /= 10)
    width++;
  return width;
}

static int show_rows(struct table *t, struct amz_store_reader *reader, const struct tasks_args *a)
{
  struct amz_row_query query = {.failed_only = a->failed, .sort = (enum amz_row_sort)a->sort, .limit = a->limit.n};
  struct amz_error err = {0};
  uint64_t tasks = amz_store_reader_tasks(reader);
  int rc;

  t->index_width = digits(tasks ? tasks - 1 : 0) < 5 ? 5 : digits(tasks - 1);
  rc = amz_store_reader_rows(reader, &query, show_row, t, &err);
  if (t->json)
    cli_row_end(t->cli, t->rows);
  else if (rc == AMZ_OK && t->rows == 0)
    cli_say(a->failed ? "no task has failed" : "no task has ended yet");
  return rc == AMZ_OK || rc == AMZ_ECLOSED ? CLI_OK : cli_fail(rc, &err);
}

/* The job as it was when the run began. */
static int load_job(const char *dir, struct table *t, struct amz_job **ret)
{
  struct amz_diags diags;
  struct amz_layout layout = {.threads = 1};
  struct amz_error err = {0};
  int rc;

  amz_diags_init(&diags);
  rc = amz_run_load_recorded(dir, NULL, 0, &diags, ret, &err);
  if (rc == AMZ_OK)
    rc = amz_run_layout(*ret, &layout, &err);
  amz_diags_clear(&diags);
  t->job = *ret;
  t->threads = layout.threads;
  return rc < 0 ? cli_fail(rc == AMZ_EINVAL ? AMZ_ECORRUPT : rc, &err) : CLI_OK;
}

static int run(struct cli *cli, const struct cli_parsed *parsed, const void *args)
{
  const struct tasks_args *a = args;
  struct table t = {.cli = cli, .json = a->format == CLI_FORMAT_JSON};
  struct amz_store_reader *reader = NULL;
  struct amz_job *job = NULL;
  char *dir = NULL;
  int status = cli_run_find(parsed->operands[0], &dir);

  if (status == CLI_OK && a->commands)
    status = load_job(dir, &t, &job);
  if (status == CLI_OK)
    status = cli_reader_open(dir, &reader);
  if (status == CLI_OK)
    status = show_rows(&t, reader, a);
  amz_store_reader_free(reader);
  amz_job_free(job);
  free(dir);
  return status;
}

const struct cli_command cli_tasks = {
  .name = "tasks", .operands = "RUN", .min_operands = 1, .max_operands = 1,
  .summary = "Lists what became of each task that has ended",
  .text = "RUN is a run directory, a NAME.runs directory or a NAME: the latest of its runs.\n",
  .example = "amorsize-mpi tasks quickstart --sort wall --limit 10",
  .options = options, .args_bytes = sizeof(struct tasks_args), .run = run,
};
