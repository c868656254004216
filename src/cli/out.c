/* Results to standard output, messages to standard error. Every write is checked: a full disk behind `> file` is an error that
 * the user hears of, a closed pipe is the reader's choice. */
#include "cli.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <amorsize/report.h>

#include "../run/run.h"

enum { FLUSH_BYTES = 1 << 16 };

/* \return 0, or errno. */
static int write_all(int fd, const char *bytes, size_t n)
{
  while (n > 0) {
    ssize_t wrote = write(fd, bytes, n);

    if (wrote < 0 && errno == EINTR)
      continue;
    if (wrote < 0)
      return errno;
    bytes += wrote;
    n -= (size_t)wrote;
  }
  return 0;
}

bool cli_flush(struct cli *cli)
{
  if (cli->out_errno == 0 && amz_buf_ok(&cli->out) < 0)
    cli->out_errno = ENOMEM;
  if (cli->out_errno == 0)
    cli->out_errno = write_all(STDOUT_FILENO, amz_buf_text(&cli->out), cli->out.len);
  amz_buf_reset(&cli->out);
  return cli->out_errno == 0;
}

bool cli_write(struct cli *cli, const void *bytes, size_t n)
{
  if (cli->out_errno)
    return false;
  amz_buf_add(&cli->out, bytes, n);
  return cli->out.len < FLUSH_BYTES && !cli->out.failed ? true : cli_flush(cli);
}

/* Said before, as Slurm may end us while it answers. */
static void requeue(void)
{
  struct amz_error err = {0};

  cli_say("asking Slurm to start this job again for what is left");
  if (amz_run_requeue(&err) < 0)
    (void)cli_fail(err.code, &err);
}

int cli_finish(struct cli *cli, int status)
{
  (void)cli_flush(cli);
  amz_buf_clear(&cli->out);
  if (cli->out_errno == 0 && close(STDOUT_FILENO) < 0 && errno != EINTR) /* some file systems tell of a full disk only now */
    cli->out_errno = errno;
  if (cli->requeue)
    requeue();
  if (cli->out_errno == 0 || cli->out_errno == EPIPE)
    return status;
  cli_say("cannot write results to standard output: %s", strerror(cli->out_errno));
  return CLI_ENVIRONMENT;
}

static int add_json_bytes(const char *bytes, size_t n, void *cli)
{
  (void)cli_write(cli, bytes, n); /* a reader that went away ends nothing here */
  return 0;
}

int cli_write_json(struct cli *cli, json_t *value)
{
  bool ok = value && json_dump_callback(value, add_json_bytes, cli, JSON_INDENT(2) | JSON_REAL_PRECISION(15)) == 0;

  json_decref(value);
  (void)cli_write(cli, "\n", 1);
  return ok ? AMZ_OK : AMZ_ENOMEM;
}

int cli_row_json(struct cli *cli, uint64_t *n, json_t *value)
{
  int rc;

  (void)cli_write(cli, *n ? ",\n  " : "[\n  ", 4);
  rc = value && json_dump_callback(value, add_json_bytes, cli, JSON_REAL_PRECISION(15)) == 0 ? AMZ_OK : AMZ_ENOMEM;
  json_decref(value);
  ++*n;
  return rc < 0 ? rc : cli->out_errno ? AMZ_ECLOSED : AMZ_OK;
}

void cli_row_end(struct cli *cli, uint64_t n)
{
  (void)cli_write(cli, n ? "\n]\n" : "[]\n", 3);
}

json_t *cli_json_text(const char *text, size_t n)
{
  struct amz_buf shown = AMZ_BUF_INIT;
  json_t *value = json_stringn(text, n);

  if (value)
    return value;
  amz_buf_add_printable(&shown, text, n, SIZE_MAX);
  if (amz_buf_ok(&shown) == AMZ_OK)
    value = json_stringn(amz_buf_text(&shown), shown.len);
  amz_buf_clear(&shown);
  return value;
}

void cli_write_stderr(const void *bytes, size_t n)
{
  (void)write_all(STDERR_FILENO, bytes, n); /* there is nobody left to tell */
}

/* Newlines of our own texts stay; all other control characters are shown. */
static void add_message(struct amz_buf *out, const char *text)
{
  amz_buf_adds(out, "amorsize-mpi: ");
  for (;;) {
    size_t n = strcspn(text, "\n");

    amz_buf_add_printable(out, text, n, SIZE_MAX);
    amz_buf_addc(out, '\n');
    if (text[n] == '\0' || text[n + 1] == '\0')
      return;
    text += n + 1;
  }
}

static void say_list(const char *format, va_list ap) __attribute__((format(printf, 1, 0)));
static void say_list(const char *format, va_list ap)
{
  struct amz_buf line = AMZ_BUF_INIT;
  char text[AMZ_ERROR_TEXT + 1024];

  (void)vsnprintf(text, sizeof text, format, ap);
  add_message(&line, text);
  cli_write_stderr(amz_buf_text(&line), line.len);
  amz_buf_clear(&line);
}

void cli_say(const char *format, ...)
{
  va_list ap;

  va_start(ap, format);
  say_list(format, ap);
  va_end(ap);
}

int cli_fail(int code, const struct amz_error *err)
{
  cli_say("%s", err && *err->text ? err->text : amz_err_name(code));
  return code == AMZ_EINVAL ? CLI_USAGE : CLI_ENVIRONMENT;
}

int cli_usage(const char *command, const char *format, ...)
{
  va_list ap;

  va_start(ap, format);
  say_list(format, ap);
  va_end(ap);
  cli_say("see amorsize-mpi%s%s --help", command ? " " : "", command ? command : "");
  return CLI_USAGE;
}

void cli_say_resume(const char *what, const char *dir)
{
  struct amz_buf path = AMZ_BUF_INIT;

  amz_report_path(dir, &path);
  cli_say("%s; go on with: amorsize-mpi resume %s", what, amz_buf_text(&path));
  amz_buf_clear(&path);
}

void cli_show_findings(const struct amz_diags *diags)
{
  struct amz_buf lines = AMZ_BUF_INIT;

  amz_diags_print(diags, &lines);
  cli_write_stderr(amz_buf_text(&lines), lines.len);
  amz_buf_clear(&lines);
}
