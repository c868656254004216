/* resume: goes on with a run that was interrupted. */
#include <stdlib.h>

#include "driveargs.h"
#include "jobargs.h"
#include "launch.h"
#include "rundir.h"

struct resume_args {
  struct cli_drive_args drive;
  struct cli_list sets;
  const char *slots, *threads, *policy;
  bool retry_failed, retry_lost, take_over, no_history, quiet, no_progress;
  unsigned format;
};

static const struct cli_option options[] = {
  CLI_DRIVE_OPTIONS(struct resume_args, drive),
  CLI_ROW_LIST("set", struct resume_args, sets, "KEY=VALUE", "another setting than the run began with"),
  CLI_ROW_TEXT("slots", struct resume_args, slots, "N", "tasks at a time, instead of what the run began with"),
  CLI_ROW_TEXT("threads", struct resume_args, threads, "N", "cores of each task, instead of what the run began with"),
  CLI_ROW_TEXT("policy", struct resume_args, policy, "NAME", "chunk policy, instead of what the run began with"),
  CLI_ROW_FLAG("retry-failed", 0, struct resume_args, retry_failed, "run failed tasks again, too"),
  CLI_ROW_FLAG("retry-lost", 0, struct resume_args, retry_lost, "run tasks again whose outputs are lost on other nodes"),
  CLI_ROW_FLAG("take-over", 0, struct resume_args, take_over, "what ran it on another host is dead: don't wait long for it"),
  CLI_ROW_FLAG("no-history", 0, struct resume_args, no_history, "neither plan from the history nor add the run to it"),
  CLI_ROW_FLAG("quiet", 'q', struct resume_args, quiet, "neither progress nor the plan"),
  CLI_ROW_FLAG("no-progress", 0, struct resume_args, no_progress, "no progress"),
  CLI_ROW_FORMAT(struct resume_args),
  {0},
};

enum { SHORT_FORMS = 3, WORDS = 2 * (CLI_RESUME_SETS + SHORT_FORMS) };

/* The options for the ranks. \return how many of words are filled in. */
static size_t words_of(const struct resume_args *a, const char *words[WORDS])
{
  const char *const forms[SHORT_FORMS][2] = {{"--slots", a->slots}, {"--threads", a->threads}, {"--policy", a->policy}};
  size_t n = 0;

  for (size_t i = 0; i < a->sets.n; i++) {
    words[n++] = "--set";
    words[n++] = a->sets.items[i];
  }
  for (size_t i = 0; i < SHORT_FORMS; i++)
    if (forms[i][1]) {
      words[n++] = forms[i][0];
      words[n++] = forms[i][1];
    }
  return n;
}

static int resume_here(struct cli *cli, const char *dir, const struct cli_resume_how *a, struct cli_launch *l)
{
  struct amz_run_options how = {.retry_failed = a->retry_failed, .retry_lost = a->retry_lost, .take_over = a->take_over,
                                .no_history = a->no_history, .link = cli->link, .sets = a->sets, .n_sets = a->n_sets,
                                .ret_requeue = &cli->requeue};
  struct amz_run_summary summary = {0};
  struct amz_buf text = AMZ_BUF_INIT;
  struct amz_error err = {0};
  int status = cli_launch_end(l, amz_run_resume(dir, &how, &l->observer, &text, &summary, &err), &summary, &err);

  amz_buf_clear(&text);
  return status;
}

int cli_resume_dir(struct cli *cli, const char *dir, const struct cli_drive_args *drive, const struct cli_resume_how *a)
{
  struct amz_run_options how = {.retry_failed = a->retry_failed, .take_over = a->take_over, .sets = a->sets, .n_sets = a->n_sets,
                                .ret_requeue = &cli->requeue};
  struct amz_error err = {0};
  struct cli_launch l;
  struct cli_drive d;
  bool drives;
  int status, rc;

  cli_launch_init(&l, cli, a->quiet, a->json);
  l.no_progress = a->no_progress;
  cli_drive_init(&d, drive, a->quiet, a->json, a->retry_failed);
  if (a->retry_lost)
    cli_drive_pass(&d, "--retry-lost");
  if (a->take_over)
    cli_drive_pass(&d, "--take-over");
  if (a->no_history)
    cli_drive_pass(&d, "--no-history");
  for (size_t i = 0; i < a->n_words; i++)
    cli_drive_pass(&d, a->words[i]);
  cli_launch_show(&l, &d);
  status = cli_drive_wanted(cli, &d, &l.observer, &drives);
  if (status != CLI_OK)
    return status;
  if (!drives)
    return resume_here(cli, dir, a, &l);
  rc = amz_drive_resume(dir, &how, &d.options, &l.observer, &status, &err);
  return cli_launch_driven(&l, rc, status, &err);
}

static int resume(struct cli *cli, const char *dir, const struct resume_args *a)
{
  const struct cli_job_args settings = {.slots = a->slots, .threads = a->threads, .policy = a->policy, .sets = a->sets};
  struct cli_resume_how how = {.retry_failed = a->retry_failed, .retry_lost = a->retry_lost, .take_over = a->take_over,
                               .no_history = a->no_history,
                               .quiet = a->quiet, .no_progress = a->no_progress, .json = a->format == CLI_FORMAT_JSON};
  struct cli_job_source source;
  const char *words[WORDS];
  int status = cli_job_source_settings(&source, "resume", &settings);

  if (status == CLI_OK) {
    how.sets = source.input.sets;
    how.n_sets = source.input.n_sets;
    how.words = words;
    how.n_words = words_of(a, words);
    status = cli_resume_dir(cli, dir, &a->drive, &how);
  }
  cli_job_source_clear(&source);
  return status;
}

static int run(struct cli *cli, const struct cli_parsed *parsed, const void *args)
{
  const struct resume_args *a = args;
  char *dir;
  int status;

  if (a->sets.n > CLI_RESUME_SETS)
    return cli_usage("resume", "resume: --set may be given at most %d times", CLI_RESUME_SETS);
  status = cli_run_find(parsed->operands[0], &dir);
  if (status != CLI_OK)
    return status;
  status = resume(cli, dir, a);
  free(dir);
  return status;
}

const struct cli_command cli_resume = {
  .name = "resume", .operands = "RUN", .min_operands = 1, .max_operands = 1,
  .summary = "Goes on with an interrupted run: exactly the tasks without a recorded outcome",
  .text = "RUN is a run directory, a NAME.runs directory or a NAME: the latest of its runs.\n",
  .example = "amorsize-mpi resume quickstart",
  .options = options, .args_bytes = sizeof(struct resume_args), .run = run,
};
