/* history: what earlier runs of jobs cost, what was predicted of them, and what came of it. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <amorsize/alloc.h>
#include <amorsize/history_report.h>

#include "cli.h"

#define CONFIDENCE 0.95
#define ID_LEAST 4 /* digits from which on a word may be the begin of an id */

struct history_args {
  unsigned format;
};

static const struct cli_option options[] = {CLI_ROW_FORMAT(struct history_args), {0}};

/* The jobs that are meant, with their runs. */
struct jobs {
  struct amz_history_job *items;
  size_t n, cap;
  const char *wanted; /* an id, how it begins, or a job's name; NULL: all */
  bool brief;         /* observations aren't wanted */
};

static void clear_jobs(struct jobs *jobs)
{
  for (size_t i = 0; i < jobs->n; i++) {
    for (size_t k = 0; k < jobs->items[i].n; k++)
      amz_history_run_clear(&jobs->items[i].runs[k]);
    free(jobs->items[i].runs);
    free(jobs->items[i].key);
  }
  free(jobs->items);
}

static bool is_wanted(const struct jobs *jobs, const struct amz_history_row *row)
{
  const char *w = jobs->wanted;
  size_t n = w ? strlen(w) : 0;

  return !w || strcmp(row->run->costs.job, w) == 0 || (n >= ID_LEAST && strncmp(row->id, w, n) == 0);
}

/* The job of a row, which is the last one or a new one: rows come job by job. Jobs whose keys have one digest are told apart. */
static struct amz_history_job *job_of(struct jobs *jobs, const struct amz_history_row *row)
{
  struct amz_history_job *job = jobs->n ? &jobs->items[jobs->n - 1] : NULL;

  for (size_t i = jobs->n; i-- > 0 && strcmp(jobs->items[i].id, row->id) == 0;)
    if (strcmp(jobs->items[i].key, row->key) == 0)
      return &jobs->items[i];
  if (amz_grow((void **)&jobs->items, &jobs->cap, jobs->n + 1, sizeof *jobs->items) < 0)
    return NULL;
  job = &jobs->items[jobs->n];
  *job = (struct amz_history_job){.key = amz_strndup(row->key, strlen(row->key))};
  memcpy(job->id, row->id, sizeof job->id);
  jobs->n += job->key != NULL;
  return job->key ? job : NULL;
}

static int take(void *ctx, const struct amz_history_row *row)
{
  struct jobs *jobs = ctx;
  struct amz_history_job *job;

  if (!is_wanted(jobs, row))
    return AMZ_OK;
  job = job_of(jobs, row);
  if (!job || amz_grow((void **)&job->runs, &job->cap, job->n + 1, sizeof *job->runs) < 0)
    return AMZ_ENOMEM;
  job->runs[job->n++] = *row->run;
  *row->run = (struct amz_history_run){.costs = {.n = 0}};
  if (jobs->brief) {
    free(job->runs[job->n - 1].costs.seen);
    job->runs[job->n - 1].costs.seen = NULL;
    job->runs[job->n - 1].costs.n = 0;
  }
  return AMZ_OK;
}

static int gather(const struct amz_history *h, struct jobs *jobs)
{
  struct amz_error err = {0};
  int rc = amz_history_list(h, take, jobs, &err);

  return rc < 0 ? cli_fail(rc, &err) : CLI_OK;
}

static int no_such(const struct amz_history *h, const char *wanted)
{
  return cli_usage("history", "%s: no job of this name, and none whose id begins so, in %s; amorsize-mpi history list shows them",
                   wanted,
                   amz_history_dir(h));
}

/* A JSON text as one of the rows of an array. */
static int write_row(struct cli *cli, uint64_t *rows, const struct amz_buf *json)
{
  json_t *value = json_loadb(amz_buf_text(json), json->len, 0, NULL);

  return value ? cli_row_json(cli, rows, value) : AMZ_ENOMEM;
}

/* ---- list ----------------------------------------------------------------------------------------------------------------- */

static int list_json(struct cli *cli, const struct jobs *jobs)
{
  struct amz_buf json = AMZ_BUF_INIT;
  uint64_t rows = 0;
  int rc = AMZ_OK;

  for (size_t i = 0; i < jobs->n && rc == AMZ_OK; i++) {
    amz_buf_reset(&json);
    if ((rc = amz_report_history_list_json(&jobs->items[i], &json)) == AMZ_OK)
      rc = write_row(cli, &rows, &json);
  }
  cli_row_end(cli, rows);
  amz_buf_clear(&json);
  return rc < 0 && rc != AMZ_ECLOSED ? cli_fail(rc, NULL) : CLI_OK;
}

static int list_text(struct cli *cli, const struct amz_history *h, const struct jobs *jobs)
{
  struct amz_buf text = AMZ_BUF_INIT;
  int rc;

  if (jobs->n == 0)
    cli_say("%s: nothing is kept", amz_history_dir(h));
  amz_report_history_list(jobs->items, jobs->n, &text);
  rc = amz_buf_ok(&text);
  if (rc == AMZ_OK)
    (void)cli_write(cli, amz_buf_text(&text), text.len);
  amz_buf_clear(&text);
  return rc < 0 ? cli_fail(rc, NULL) : CLI_OK;
}

static int list(struct cli *cli, const struct amz_history *h, const char *wanted, bool json)
{
  struct jobs jobs = {.wanted = wanted, .brief = true};
  int status = gather(h, &jobs);

  if (status == CLI_OK)
    status = json ? list_json(cli, &jobs) : list_text(cli, h, &jobs);
  clear_jobs(&jobs);
  return status;
}

/* ---- show ----------------------------------------------------------------------------------------------------------------- */

/* What a plan of the job would start from. \return AMZ_OK with *ret_runs, 0: there is nothing; AMZ_EIO with *err; AMZ_ENOMEM. */
static int find_known(const struct amz_history *h, const struct amz_history_job *job, struct amz_workload *ret, size_t *ret_runs,
                      struct amz_error *err)
{
  uint64_t tasks = job->runs[job->n - 1].costs.tasks;
  struct amz_history_key key = {.text = job->key};
  struct amz_history_known known;
  int rc;

  memcpy(key.id, job->id, sizeof key.id);
  *ret_runs = 0;
  rc = amz_history_find(h, &key, tasks, &known, err);
  if (rc == AMZ_ENOENT)
    return AMZ_OK;
  if (rc < 0)
    return rc;
  rc = amz_history_fit(&known, tasks, CONFIDENCE, ret);
  if (rc == AMZ_OK)
    *ret_runs = known.runs;
  amz_history_known_clear(&known);
  return rc;
}

static int show_one(struct cli *cli, const struct amz_history *h, const struct amz_history_job *job, bool json, uint64_t *rows)
{
  struct amz_workload work = {.n = 0};
  struct amz_buf out = AMZ_BUF_INIT;
  struct amz_error err = {0};
  size_t runs = 0;
  int rc = find_known(h, job, &work, &runs, &err);

  if (rc == AMZ_OK && json) {
    rc = amz_report_history_job_json(job, runs ? &work : NULL, runs, &out);
    if (rc == AMZ_OK)
      rc = write_row(cli, rows, &out);
  } else if (rc == AMZ_OK) {
    if (++*rows > 1)
      amz_buf_addc(&out, '\n');
    amz_report_history_job(job, runs ? &work : NULL, runs, &out);
    rc = amz_buf_ok(&out);
    if (rc == AMZ_OK && !cli_write(cli, amz_buf_text(&out), out.len))
      rc = AMZ_ECLOSED;
  }
  amz_workload_clear(&work);
  amz_buf_clear(&out);
  return rc < 0 && rc != AMZ_ECLOSED ? cli_fail(rc, &err) : CLI_OK;
}

static int show(struct cli *cli, const struct amz_history *h, const char *wanted, bool json)
{
  struct jobs jobs = {.wanted = wanted};
  uint64_t rows = 0;
  int status = gather(h, &jobs);

  if (status == CLI_OK && jobs.n == 0)
    status = no_such(h, wanted);
  for (size_t i = 0; i < jobs.n && status == CLI_OK; i++)
    status = show_one(cli, h, &jobs.items[i], json, &rows);
  if (json && status == CLI_OK)
    cli_row_end(cli, rows);
  clear_jobs(&jobs);
  return status;
}

/* ---- clear ---------------------------------------------------------------------------------------------------------------- */

static bool is_among(void *ctx, const char *id)
{
  const struct jobs *jobs = ctx;

  for (size_t i = 0; i < jobs->n; i++)
    if (strcmp(jobs->items[i].id, id) == 0)
      return true;
  return false;
}

static int clear(struct cli *cli, const struct amz_history *h, const char *wanted, bool json)
{
  struct jobs jobs = {.wanted = wanted, .brief = true};
  struct amz_error err = {0};
  uint64_t removed = 0;
  char line[64];
  int status = wanted ? gather(h, &jobs) : CLI_OK, rc;

  if (status == CLI_OK && wanted && jobs.n == 0)
    status = no_such(h, wanted);
  if (status == CLI_OK) {
    rc = amz_history_remove(h, wanted ? is_among : NULL, &jobs, &removed, &err);
    (void)snprintf(line, sizeof line, json ? "{\"removed\": %" PRIu64 "}\n" : "removed: %" PRIu64 "\n", removed);
    if (rc < 0)
      status = cli_fail(rc, &err);
    else
      (void)cli_write(cli, line, strlen(line));
  }
  clear_jobs(&jobs);
  return status;
}

/* ---- the command ----------------------------------------------------------------------------------------------------------- */

static const struct word {
  const char *name;
  int least, most; /* operands behind it */
  int (*run)(struct cli *cli, const struct amz_history *h, const char *wanted, bool json);
} words[] = {{"list", 0, 0, list}, {"show", 1, 1, show}, {"clear", 0, 1, clear}};

static const struct word *find_word(const char *name)
{
  for (size_t i = 0; i < sizeof words / sizeof *words; i++)
    if (strcmp(words[i].name, name) == 0)
      return &words[i];
  return NULL;
}

static int run(struct cli *cli, const struct cli_parsed *parsed, const void *args)
{
  const struct history_args *a = args;
  const char *name = parsed->n_operands ? parsed->operands[0] : "list", *wanted =
      parsed->n_operands > 1 ? parsed->operands[1] : NULL;
  struct amz_environment env = amz_environment_of_process();
  const struct word *word = find_word(name);
  struct amz_history *h = NULL;
  struct amz_error err = {0};
  int rc, status;

  if (!word)
    return cli_usage("history", "history: expected list, show or clear, got \"%s\"", name);
  if (!wanted && word->least > 0)
    return cli_usage("history", "history show: an id or the name of a job is missing; amorsize-mpi history list shows them");
  if (wanted && word->most == 0)
    return cli_usage("history", "history: \"%s\" is one argument too many", wanted);
  rc = amz_history_open(&env, &err, &h);
  if (rc < 0)
    return cli_fail(rc, &err);
  status = word->run(cli, h, wanted, a->format == CLI_FORMAT_JSON);
  amz_history_free(h);
  return status;
}

const struct cli_command cli_history = {
  .name = "history", .operands = "[list|show ID|clear [ID]]", .max_operands = 2,
  .summary = "Lists what earlier runs of jobs cost and how good predictions were",
  .text = "list has a line for each job, show all that is kept of one, clear removes all or one. ID is a job's id\n"
          "as list prints it, its first digits, or the job's name.\n",
  .example = "amorsize-mpi history list",
  .options = options, .args_bytes = sizeof(struct history_args), .run = run,
};
