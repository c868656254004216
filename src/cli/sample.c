/* sample: runs a few tasks of a job, to learn what all of them will cost. */
#include <string.h>

#include "jobargs.h"
#include "sampled.h"

struct sample_args {
  struct cli_job_args job;
  const char *runs_in;
  unsigned format;
};

static const struct cli_option options[] = {
  CLI_JOB_OPTIONS(struct sample_args, job),
  CLI_ROW_TEXT("runs-in", struct sample_args, runs_in, "DIR", "where NAME.runs is made (default: here)"),
  CLI_ROW_FORMAT(struct sample_args),
  {0},
};

static void add_ways_on(const struct cli_sampled *s, struct amz_buf *out)
{
  amz_buf_adds(out, "  plan with         amorsize-mpi plan ");
  amz_report_path(s->dir, out);
  amz_buf_adds(out, "\n  run the rest with amorsize-mpi resume ");
  amz_report_path(s->dir, out);
  amz_buf_addc(out, '\n');
}

static int print(struct cli *cli, const struct cli_sampled *s, bool json)
{
  struct amz_buf out = AMZ_BUF_INIT;
  int rc = AMZ_OK;

  if (json) {
    rc = amz_report_sample_json(&s->sample, &s->work, &out);
  } else {
    amz_report_sample(&s->sample, &s->work, &out);
    add_ways_on(s, &out);
    rc = amz_buf_ok(&out);
  }
  if (rc == AMZ_OK)
    (void)cli_write(cli, amz_buf_text(&out), out.len);
  amz_buf_clear(&out);
  return rc < 0 ? cli_fail(rc, NULL) : CLI_OK;
}

static int run(struct cli *cli, const struct cli_parsed *parsed, const void *args)
{
  const struct sample_args *a = args;
  struct cli_job_source source;
  struct cli_sampled s = {.dir = NULL};
  int status = cli_job_source_init(&source, "sample", parsed, &a->job);

  if (status == CLI_OK)
    status = cli_sampled_take(cli, &source.input, a->runs_in, false, &s);
  if (status == CLI_OK)
    status = print(cli, &s, a->format == CLI_FORMAT_JSON);
  cli_sampled_clear(&s);
  cli_job_source_clear(&source);
  return status;
}

const struct cli_command cli_sample = {
  .name = "sample", .operands = "[JOB]", .max_operands = 1,
  .summary = "Runs a few tasks of a job, spread over all of them, and says what tasks cost",
  .text = "The tasks that it runs are the first of a new run, recorded as done: resume runs the rest.\n"
          "How many: sample.tasks, sample.time, sample.precision of the job description.\n",
  .example = "amorsize-mpi sample --command 'sleep 0.0{n}' --for n=1..9",
  .options = options, .args_bytes = sizeof(struct sample_args), .run = run,
};
