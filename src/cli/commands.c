/* The commands: which there are, finding the one that is meant, help made from their tables. */
#include "cli.h"

#include <stdlib.h>
#include <string.h>

#include <amorsize/alloc.h>

static const struct cli_command *const commands[] = {
  &cli_node, &cli_check, &cli_sample, &cli_plan, &cli_run, &cli_resume, &cli_stop, &cli_status, &cli_watch, &cli_tasks,
      &cli_output, &cli_policies, &cli_history, &cli_cache, &cli_version};
#define N_COMMANDS (sizeof commands / sizeof *commands)

/* Known, but to come: better said than "unknown". */
static const char *const later[] = {
  "submit", "report", "simulate", "validate", "compare"};
#define N_LATER (sizeof later / sizeof *later)

const struct cli_command *const *cli_commands(size_t *ret_n)
{
  *ret_n = N_COMMANDS;
  return commands;
}

static const struct cli_command *find(const char *name)
{
  for (size_t i = 0; i < N_COMMANDS; i++)
    if (strcmp(commands[i]->name, name) == 0)
      return commands[i];
  return NULL;
}

static int unknown(const char *name)
{
  const char *names[N_COMMANDS + 1] = {"help"}, *near;

  for (size_t i = 0; i < N_LATER; i++)
    if (strcmp(later[i], name) == 0)
      return cli_usage(NULL, "%s: not in this version yet", name);
  for (size_t i = 0; i < N_COMMANDS; i++)
    names[i + 1] = commands[i]->name;
  near = amz_nearest(name, names, N_COMMANDS + 1);
  if (near)
    return cli_usage(NULL, "unknown command %s; did you mean %s?", name, near);
  return cli_usage(NULL, "unknown command %s", name);
}

static int print_help(struct cli *cli, const struct cli_command *command)
{
  struct amz_buf text = AMZ_BUF_INIT;

  if (command)
    cli_help_command(command, &text);
  else
    cli_help_overview(&text);
  (void)cli_write(cli, amz_buf_text(&text), text.len);
  amz_buf_clear(&text);
  return CLI_OK;
}

static int check_operands(const struct cli_command *c, const struct cli_parsed *parsed)
{
  if (parsed->n_operands < c->min_operands)
    return cli_usage(c->name, "%s: %s is missing", c->name, c->operands);
  if (parsed->n_operands > c->max_operands)
    return cli_usage(c->name, "%s: \"%s\" is one argument too many", c->name, parsed->operands[c->max_operands]);
  return CLI_OK;
}

static int run_command(struct cli *cli, const struct cli_command *c, char *const *words, size_t n)
{
  struct cli_parsed parsed = {0};
  struct amz_error err = {0};
  void *args = amz_new_array(1, c->args_bytes);
  int rc = args ? cli_options_parse(c->options, words, n, args, &parsed, &err) : AMZ_ENOMEM, status;

  if (rc == AMZ_EINVAL)
    status = cli_usage(c->name, "%s: %s", c->name, err.text);
  else if (rc < 0)
    status = cli_fail(rc, &err);
  else if (parsed.help)
    status = print_help(cli, c);
  else
    status = check_operands(c, &parsed);
  if (rc == AMZ_OK && !parsed.help && status == CLI_OK)
    status = c->run(cli, &parsed, args);
  cli_options_clear(c->options, args, &parsed);
  free(args);
  return status;
}

static int help(struct cli *cli, char *const *words, size_t n)
{
  const struct cli_command *c;

  if (n < 2)
    return print_help(cli, NULL);
  c = find(words[1]);
  return c ? print_help(cli, c) : unknown(words[1]);
}

int cli_dispatch(struct cli *cli, char *const *words, size_t n)
{
  static const struct {
    const char *word, *command;
  } aliases[] = {{"-h", "help"}, {"--help", "help"}, {"--version", "version"}, {"-V", "version"}};
  const char *name = n ? words[0] : NULL;
  const struct cli_command *c;

  if (!name)
    return cli_usage(NULL, "a command is missing: amorsize-mpi run JOB, for instance");
  for (size_t i = 0; i < sizeof aliases / sizeof *aliases; i++)
    if (strcmp(name, aliases[i].word) == 0)
      name = aliases[i].command;
  if (strcmp(name, "help") == 0)
    return help(cli, words, n);
  if (*name == '-')
    return cli_usage(NULL, "unknown option %s: options follow the command", name);
  c = find(name);
  return c ? run_command(cli, c, words + 1, n - 1) : unknown(name);
}
