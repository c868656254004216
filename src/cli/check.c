/* check: reads a job description, says what it finds and what its tasks would be. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include <amorsize/units.h>

#include "jobargs.h"

struct check_args {
  struct cli_job_args job;
  const char *show;
  unsigned format;
};

static const struct cli_option options[] = {
  CLI_ROW_TEXT("show", struct check_args, show, "N[,N...]|A..B", "print the commands of these tasks"),
  CLI_JOB_OPTIONS(struct check_args, job),
  CLI_ROW_FORMAT(struct check_args),
  {0},
};

/* What --show walks through. */
struct show {
  struct cli *cli;
  const struct amz_job *job;
  struct amz_place place;
  bool json;
  uint64_t rows;
  int status;
};

static int show_task(struct show *s, uint64_t index)
{
  struct amz_buf command = AMZ_BUF_INIT, line = AMZ_BUF_INIT;
  struct amz_error err = {0};
  int rc = cli_task_command(s->job, index, &s->place, &command, &err);

  if (rc == AMZ_OK && s->json) {
    rc = cli_row_json(s->cli, &s->rows, cli_task_json(index, &command));
  } else if (rc == AMZ_OK) {
    amz_buf_addf(&line, "%" PRIu64 "  ", index);
    amz_buf_add_printable(&line, command.data, command.len, SIZE_MAX);
    amz_buf_addc(&line, '\n');
    rc = cli_write(s->cli, amz_buf_text(&line), line.len) ? AMZ_OK : AMZ_ECLOSED;
  } else {
    cli_say("task %" PRIu64 ": %s", index, *err.text ? err.text : amz_err_name(rc));
    s->status = rc == AMZ_EINVAL ? CLI_USAGE : CLI_ENVIRONMENT;
  }
  amz_buf_clear(&command);
  amz_buf_clear(&line);
  return rc == AMZ_EINVAL ? AMZ_OK : rc; /* the others may do */
}

static int show_range(void *ctx, uint64_t first, uint64_t last)
{
  struct show *s = ctx;
  uint64_t tasks = amz_job_tasks(s->job);
  int rc = AMZ_OK;

  if (last >= tasks) {
    s->status = cli_usage("check", "--show: there is no task %" PRIu64 ": the job has tasks 0 to %" PRIu64, last, tasks - 1);
    return AMZ_ECLOSED;
  }
  for (uint64_t i = first; i <= last && rc == AMZ_OK; i++)
    rc = show_task(s, i);
  return rc;
}

static int show(struct cli *cli, const struct amz_job *job, const struct amz_layout *layout, const struct check_args *a)
{
  struct show s = {.cli = cli, .job = job, .place = {.threads = layout->threads}, .json = a->format == CLI_FORMAT_JSON};
  int rc = cli_ranges_parse(a->show, show_range, &s);

  if (rc == AMZ_EINVAL)
    return cli_usage("check", "--show: expected task numbers like 0, 0,5,7 or 10..20, got \"%s\"", a->show);
  if (rc == AMZ_ENOMEM)
    return cli_fail(rc, NULL);
  if (s.json && s.rows)
    cli_row_end(cli, s.rows);
  return s.status;
}

static const char *kind_name(enum amz_task_kind kind)
{
  return kind == AMZ_TASK_COMMAND ? "command" : kind == AMZ_TASK_STREAM ? "stream" : "plugin";
}

static void print_text(struct cli *cli, const struct amz_job *job, const struct amz_layout *layout)
{
  struct amz_buf out = AMZ_BUF_INIT;
  char count[32];
  size_t n;
  const char *const *names = amz_job_names(job, &n);
  uint64_t tasks = amz_job_tasks(job);

  amz_buf_add_printable(&out, amz_job_name(job), strlen(amz_job_name(job)), SIZE_MAX);
  amz_buf_addf(&out, ": %s %s task%s\n", amz_format_count(tasks, count, sizeof count), kind_name(amz_job_kind(job)),
               tasks == 1 ? "" : "s");
  if (n) {
    amz_buf_adds(&out, "  names   ");
    for (size_t i = 0; i < n; i++) {
      amz_buf_addc(&out, ' ');
      amz_buf_add_printable(&out, names[i], strlen(names[i]), SIZE_MAX);
    }
    amz_buf_addc(&out, '\n');
  }
  amz_buf_addf(&out, "  slots    %u of %u thread%s each, on %u core%s\n", (unsigned)layout->slots, (unsigned)layout->threads,
               layout->threads == 1 ? "" : "s", (unsigned)layout->cores, layout->cores == 1 ? "" : "s");
  amz_buf_adds(&out, "  policy   ");
  amz_buf_adds(&out, amz_job_settings(job)->chunks.policy);
  amz_buf_addc(&out, '\n');
  (void)cli_write(cli, amz_buf_text(&out), out.len);
  amz_buf_clear(&out);
}

static int print_json(struct cli *cli, const struct amz_job *job, const struct amz_layout *layout, const struct amz_diags *diags)
{
  size_t n;
  const char *const *names = amz_job_names(job, &n);
  const char *name = amz_job_name(job);
  json_t *array = json_array(), *o;

  for (size_t i = 0; i < n; i++)
    if (json_array_append_new(array, cli_json_text(names[i], strlen(names[i]))) < 0) {
      json_decref(array);
      return AMZ_ENOMEM;
    }
  o = json_pack("{s:o, s:s, s:I, s:o, s:s, s:I}", "job", cli_json_text(name, strlen(name)), "kind",
                kind_name(amz_job_kind(job)), "tasks", (json_int_t)amz_job_tasks(job), "names", array, "policy",
                amz_job_settings(job)->chunks.policy, "warnings", (json_int_t)diags->warnings);
  if (json_object_set_new(o, "layout", cli_layout_json(layout)) < 0) {
    json_decref(o);
    return AMZ_ENOMEM;
  }
  return cli_write_json(cli, o);
}

static int describe(struct cli *cli, const struct amz_job *job, const struct amz_diags *diags, const struct check_args *a)
{
  struct amz_layout layout;
  struct amz_error err = {0};
  int rc = amz_run_layout(job, &layout, &err);

  if (rc < 0)
    return cli_fail(rc, &err);
  if (a->show)
    return show(cli, job, &layout, a);
  if (a->format == CLI_FORMAT_TEXT) {
    print_text(cli, job, &layout);
    return CLI_OK;
  }
  rc = print_json(cli, job, &layout, diags);
  return rc < 0 ? cli_fail(rc, NULL) : CLI_OK;
}

static int run(struct cli *cli, const struct cli_parsed *parsed, const void *args)
{
  const struct check_args *a = args;
  struct cli_job_source source;
  struct amz_diags diags;
  struct amz_job *job = NULL;
  int status = cli_job_source_init(&source, "check", parsed, &a->job);

  amz_diags_init(&diags);
  if (status == CLI_OK) {
    int rc = amz_run_load(&source.input, &diags, &job);

    cli_show_findings(&diags);
    status = rc < 0 ? cli_job_failed(rc, &diags, NULL) : describe(cli, job, &diags, a);
  }
  amz_job_free(job);
  amz_diags_clear(&diags);
  cli_job_source_clear(&source);
  return status;
}

const struct cli_command cli_check = {
  .name = "check", .operands = "[JOB]", .max_operands = 1,
  .summary = "Checks a job description and shows its tasks; starts nothing",
  .text = "JOB is a YAML file, or - for standard input. All errors are reported at once, with file:line:column.\n",
  .example = "amorsize-mpi check job.yaml --show 0..4",
  .options = options, .args_bytes = sizeof(struct check_args), .run = run,
};
