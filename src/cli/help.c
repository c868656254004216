/* Help made from the same tables that parse, so that it can't lie. */
#include "cli.h"

#include <string.h>

#define NAME_COLUMN 24

void cli_help_overview(struct amz_buf *out)
{
  size_t n;
  const struct cli_command *const *commands = cli_commands(&n);

  amz_buf_adds(out, "usage: amorsize-mpi COMMAND [ARGUMENTS]\n\n"
                    "Runs many independent tasks on the cores you have, keeps what they print in few files, and goes on\n"
                    "where it was interrupted.\n\ncommands:\n");
  for (size_t i = 0; i < n; i++)
    amz_buf_addf(out, "  %-10s %s\n", commands[i]->name, commands[i]->summary);
  amz_buf_adds(out, "\namorsize-mpi COMMAND --help tells more, man amorsize-mpi-COMMAND all.\n\nexample:\n"
                    "  amorsize-mpi run --command 'gzip -9k {file}' --for 'file=*.txt'\n");
}

static void add_option(const struct cli_option *o, struct amz_buf *out)
{
  size_t begin = out->len, width;

  amz_buf_adds(out, "  ");
  if (o->letter)
    amz_buf_addf(out, "-%c, ", o->letter);
  amz_buf_addf(out, "--%s", o->name);
  if (o->value)
    amz_buf_addf(out, " %s", o->value);
  width = out->len - begin;
  if (width > NAME_COLUMN) {
    amz_buf_addc(out, '\n');
    width = 0;
  }
  amz_buf_addf(out, "%*s  %s", (int)(NAME_COLUMN - width), "", o->help);
  if (o->kind == CLI_LIST)
    amz_buf_adds(out, " (may be repeated)");
  amz_buf_addc(out, '\n');
}

void cli_help_command(const struct cli_command *c, struct amz_buf *out)
{
  static const struct cli_option help = {"help", 'h', CLI_FLAG, 0, NULL, "this text", 0, 0, NULL};

  amz_buf_addf(out, "usage: amorsize-mpi %s%s%s [OPTIONS]\n\n%s.\n", c->name, *c->operands ? " " : "", c->operands, c->summary);
  if (c->text)
    amz_buf_adds(out, c->text);
  amz_buf_adds(out, "\noptions:\n");
  for (const struct cli_option *o = c->options; o->name; o++)
    add_option(o, out);
  add_option(&help, out);
  amz_buf_addf(out, "\nexample:\n  %s\n", c->example);
}
