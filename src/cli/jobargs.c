/* From the command line to a job's input: the description's text, read within its bound, and the options as settings. */
#include "jobargs.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <amorsize/alloc.h>
#include <amorsize/units.h>

enum { READ_BYTES = 1 << 16 };

/* \return AMZ_OK; AMZ_ERANGE: more than max bytes; AMZ_ENOMEM; AMZ_EIO with *ret_errno. */
static int read_bounded(int fd, uint64_t max, struct amz_buf *text, int *ret_errno)
{
  for (;;) {
    char *space = amz_buf_add_space(text, READ_BYTES);
    ssize_t n;

    if (!space)
      return AMZ_ENOMEM;
    do
      n = read(fd, space, READ_BYTES);
    while (n < 0 && errno == EINTR);
    if (n < 0) {
      *ret_errno = errno;
      return AMZ_EIO;
    }
    text->len -= READ_BYTES - (size_t)n;
    text->data[text->len] = '\0';
    if (text->len > max)
      return AMZ_ERANGE;
    if (n == 0)
      return AMZ_OK;
  }
}

/* A file that isn't there is the user's slip; one that can't be read is the environment's. */
static int cannot_read(const char *path, int sys_errno)
{
  cli_say("%s: %s", path, strerror(sys_errno));
  switch (sys_errno) {
  case ENOENT:
  case ENOTDIR:
  case EISDIR:
  case ENAMETOOLONG: return CLI_USAGE;
  default: return CLI_ENVIRONMENT;
  }
}

static int read_description(const char *path, struct amz_buf *text)
{
  bool standard_input = strcmp(path, "-") == 0;
  int fd = standard_input ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY), rc, sys_errno = 0;
  char bound[32];

  if (fd < 0)
    return cannot_read(path, errno);
  rc = read_bounded(fd, AMZ_JOB_TEXT_MAX, text, &sys_errno);
  if (!standard_input)
    (void)close(fd);
  if (rc == AMZ_OK)
    return CLI_OK;
  if (rc == AMZ_EIO)
    return cannot_read(standard_input ? "standard input" : path, sys_errno);
  if (rc == AMZ_ENOMEM)
    return cli_fail(rc, NULL);
  cli_say("%s: larger than %s, which no job description needs; are these task lines? Then use --lines",
          standard_input ? "standard input" : path, amz_format_bytes(AMZ_JOB_TEXT_MAX, bound, sizeof bound));
  return CLI_USAGE;
}

static char *own(struct cli_job_source *s, char *text)
{
  if (text)
    s->owned[s->n_owned++] = text;
  return text;
}

/* A text as the value of a setting: as it is, unless it would be read as a list or as quoted; then in YAML's single quotes. */
static char *setting_text(const char *text)
{
  struct amz_buf b = AMZ_BUF_INIT;

  if (strspn(text, "[\"'") == 0)
    return amz_strndup(text, strlen(text));
  amz_buf_addc(&b, '\'');
  for (; *text; text++) {
    if (*text == '\'')
      amz_buf_addc(&b, '\'');
    amz_buf_addc(&b, *text);
  }
  amz_buf_addc(&b, '\'');
  return amz_buf_detach(&b);
}

static int add_set(struct cli_job_source *s, const char *option, const char *path, const char *value)
{
  if (!path || !value)
    return cli_fail(AMZ_ENOMEM, NULL);
  s->sets[s->input.n_sets++] = (struct amz_set){option, path, value};
  return CLI_OK;
}

static int add_generic_set(struct cli_job_source *s, const char *command, const char *text)
{
  const char *equals = strchr(text, '=');

  if (!equals || equals == text)
    return cli_usage(command, "--set: expected KEY=VALUE like chunks.policy=gss, got \"%s\"", text);
  return add_set(s, "--set", own(s, amz_strndup(text, (size_t)(equals - text))), equals + 1);
}

/* Behind the --set options, so that the shorter form wins. */
static int add_short_forms(struct cli_job_source *s, const struct cli_job_args *a)
{
  const struct {
    const char *option, *path, *value;
    bool text;
  } forms[] = {{"--slots", "plan.slots_per_rank", a->slots, false}, {"--threads", "plan.threads_per_task", a->threads, false},
    {"--policy", "chunks.policy", a->policy, true}, {"--name", "job", a->name, true}};
  int status = CLI_OK;

  for (size_t i = 0; i < sizeof forms / sizeof *forms && status == CLI_OK; i++)
    if (forms[i].value)
      status = add_set(s, forms[i].option, forms[i].path, forms[i].text ? own(s, setting_text(forms[i].value)) : forms[i].value);
  return status;
}

static int check_combination(const char *command, const struct cli_parsed *parsed, const struct cli_job_args *a)
{
  const char *job = parsed->n_operands ? parsed->operands[0] : NULL;

  if (!job && !a->command && !a->lines)
    return cli_usage(command, "%s: a job is missing: a file, --command or --lines", command);
  if (a->command && a->lines)
    return cli_usage(command, "%s: --command and --lines are two ways to say the same; give one", command);
  if (a->loops.n && !a->command)
    return cli_usage(command, "%s: --for gives values to --command, which is missing", command);
  if (job && a->lines && strcmp(job, "-") == 0 && strcmp(a->lines, "-") == 0)
    return cli_usage(command, "%s: the description and --lines can't both be standard input", command);
  return CLI_OK;
}

static int add_settings(struct cli_job_source *s, const char *command, const struct cli_job_args *a)
{
  size_t most = a->sets.n + 8;
  int status = CLI_OK;

  s->sets = amz_new_array(most, sizeof *s->sets);
  s->owned = amz_new_array(most, sizeof *s->owned);
  if (!s->sets || !s->owned)
    return cli_fail(AMZ_ENOMEM, NULL);
  s->input.sets = s->sets;
  for (size_t i = 0; i < a->sets.n && status == CLI_OK; i++)
    status = add_generic_set(s, command, a->sets.items[i]);
  return status == CLI_OK ? add_short_forms(s, a) : status;
}

static bool may_change(const char *path)
{
  static const char *const sections[] = {"plan.", "chunks.", "sample.", "failures.", "resources.", "slurm."};

  for (size_t i = 0; i < sizeof sections / sizeof *sections; i++)
    if (strncmp(path, sections[i], strlen(sections[i])) == 0)
      return true;
  return false;
}

int cli_job_source_settings(struct cli_job_source *s, const char *command, const struct cli_job_args *a)
{
  int status;

  memset(s, 0, sizeof *s);
  status = add_settings(s, command, a);
  for (size_t i = 0; i < s->input.n_sets && status == CLI_OK; i++)
    if (!may_change(s->sets[i].path))
      status = cli_usage(command, "%s %s: a run keeps the tasks that it began with; plan, chunks, sample, failures, resources "
                                  "and slurm may change",
                         s->sets[i].option, s->sets[i].path);
  return status;
}

int cli_job_source_init(struct cli_job_source *s, const char *command, const struct cli_parsed *parsed,
                        const struct cli_job_args *a)
{
  int status;

  memset(s, 0, sizeof *s);
  s->input.command = a->command;
  s->input.loops = a->loops.items;
  s->input.n_loops = a->loops.n;
  s->input.lines = a->lines;
  status = check_combination(command, parsed, a);
  if (status == CLI_OK)
    status = add_settings(s, command, a);
  if (status != CLI_OK || parsed->n_operands == 0)
    return status;
  status = read_description(parsed->operands[0], &s->text);
  s->input.file_name = strcmp(parsed->operands[0], "-") == 0 ? "stdin" : parsed->operands[0];
  s->input.yaml_text = amz_buf_text(&s->text);
  s->input.yaml_len = s->text.len;
  return status;
}

int cli_job_source_plan(struct cli_job_source *s, const char *path)
{
  int status = read_description(path, &s->plan);

  s->input.plan_name = path;
  s->input.plan_text = amz_buf_text(&s->plan);
  s->input.plan_len = s->plan.len;
  return status;
}

void cli_job_source_clear(struct cli_job_source *s)
{
  amz_buf_clear(&s->plan);
  for (size_t i = 0; i < s->n_owned; i++)
    free(s->owned[i]);
  free(s->owned);
  free(s->sets);
  amz_buf_clear(&s->text);
}

int cli_job_failed(int rc, const struct amz_diags *diags, const struct amz_error *err)
{
  if (rc != AMZ_EINVAL || !diags || diags->errors == 0)
    return cli_fail(rc, err);
  cli_say("%zu error%s in the job description; nothing was started", diags->errors, diags->errors == 1 ? "" : "s");
  return CLI_USAGE;
}

/* A pipeline that would run a stream's task alone. */
static int stream_command(const struct amz_job *job, uint64_t index, const struct amz_place *place, struct amz_task *program,
                          struct amz_buf *out, struct amz_error *err)
{
  struct amz_buf line = AMZ_BUF_INIT;
  int rc = amz_program_fill(job, place, program, err);

  if (rc == AMZ_OK)
    rc = amz_task_line(job, index, place, &line, err);
  if (rc == AMZ_OK) {
    amz_program_print(program, line.data, line.len, out);
    rc = amz_buf_ok(out);
  }
  amz_buf_clear(&line);
  return rc;
}

int cli_task_command(const struct amz_job *job, uint64_t index, const struct amz_place *place, struct amz_buf *out,
                     struct amz_error *err)
{
  struct amz_buf line = AMZ_BUF_INIT;
  struct amz_task task;
  int rc;

  amz_task_init(&task);
  if (amz_job_kind(job) == AMZ_TASK_STREAM) {
    rc = stream_command(job, index, place, &task, &line, err);
  } else if ((rc = amz_task_fill(job, index, place, &task, err)) == AMZ_OK) {
    amz_task_print(&task, &line);
    rc = amz_buf_ok(&line);
  }
  if (rc == AMZ_OK)
    amz_buf_add(out, line.data, line.len);
  amz_buf_clear(&line);
  amz_task_clear(&task);
  return rc;
}

json_t *cli_task_json(uint64_t index, const struct amz_buf *command)
{
  return json_pack("{s:I, s:o}", "index", (json_int_t)index, "command", cli_json_text(amz_buf_text(command), command->len));
}

json_t *cli_layout_json(const struct amz_layout *layout)
{
  return json_pack("{s:I, s:I, s:I, s:I}", "ranks", (json_int_t)layout->ranks, "slots", (json_int_t)layout->slots, "threads",
                   (json_int_t)layout->threads, "cores", (json_int_t)layout->cores);
}
