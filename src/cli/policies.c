/* policies: which there are, and the chunks that one would hand out. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include <amorsize/policy.h>

#include "cli.h"

struct policies_args {
  const char *show;
  struct cli_count tasks, slots;
  unsigned format;
};

static const struct cli_option options[] = {
  CLI_ROW_TEXT("show", struct policies_args, show, "NAME", "print the chunks that NAME hands out"),
  CLI_ROW_COUNT("tasks", 'n', struct policies_args, tasks, "N", "tasks (default: 1000)", 0, INT64_MAX),
  CLI_ROW_COUNT("slots", 'p', struct policies_args, slots, "P", "slots that ask, in turn (default: 4)", 1, UINT32_MAX),
  CLI_ROW_FORMAT(struct policies_args),
  {0},
};

enum { DEFAULT_TASKS = 1000, DEFAULT_SLOTS = 4 };

static json_t *policy_json(const struct amz_policy_ops *ops)
{
  return json_pack("{s:s, s:s, s:s}", "name", ops->name, "summary", ops->summary, "source", ops->source);
}

static int list(struct cli *cli, bool json)
{
  size_t n;
  const struct amz_policy_ops *const *all = amz_policy_list(&n);
  struct amz_buf text = AMZ_BUF_INIT;
  uint64_t rows = 0;
  int rc = AMZ_OK;

  for (size_t i = 0; i < n && rc == AMZ_OK; i++)
    if (json)
      rc = cli_row_json(cli, &rows, policy_json(all[i]));
    else
      amz_buf_addf(&text, "%-8s %s\n         (%s)\n", all[i]->name, all[i]->summary, all[i]->source);
  if (json)
    cli_row_end(cli, rows);
  else
    (void)cli_write(cli, amz_buf_text(&text), text.len);
  amz_buf_clear(&text);
  return rc == AMZ_ENOMEM ? cli_fail(rc, NULL) : CLI_OK;
}

static int unknown(const char *name)
{
  size_t n;
  const struct amz_policy_ops *const *all = amz_policy_list(&n);
  const char *names[64], *near;

  for (size_t i = 0; i < n && i < sizeof names / sizeof *names; i++)
    names[i] = all[i]->name;
  near = amz_nearest(name, names, n < sizeof names / sizeof *names ? n : sizeof names / sizeof *names);
  if (near)
    return cli_usage("policies", "unknown policy %s; did you mean %s?", name, near);
  return cli_usage("policies", "unknown policy %s; amorsize-mpi policies lists them", name);
}

/* The slots ask one after the other; nobody reports times, so policies that learn stay at what they begin with. */
static void show_chunks(struct cli *cli, struct amz_policy *policy, uint64_t tasks, uint32_t slots, const char *between)
{
  struct amz_policy_ask ask = {.remaining = tasks, .slots = slots, .workers = slots};
  char text[32];

  for (; ask.remaining > 0; ask.chunks++) {
    uint64_t chunk = amz_policy_next(policy, &ask);
    int n = snprintf(text, sizeof text, "%s%" PRIu64, ask.chunks ? between : "", chunk);

    ask.remaining -= chunk;
    ask.worker = (uint32_t)((ask.chunks + 1) % slots);
    if (!cli_write(cli, text, (size_t)n))
      return;
  }
}

static int show(struct cli *cli, const struct policies_args *a)
{
  struct amz_policy_params params = {.tasks = a->tasks.set ? a->tasks.n : DEFAULT_TASKS,
    .slots = a->slots.set ? (uint32_t)a->slots.n : DEFAULT_SLOTS, .workers = 1}; /* of whom nothing is learned */
  const struct amz_policy_ops *ops = amz_policy_find(a->show);
  struct amz_policy *policy;
  char head[128];
  int rc, n;

  if (!ops)
    return unknown(a->show);
  rc = amz_policy_new(ops, &params, &policy);
  if (rc < 0)
    return cli_fail(rc, NULL);
  if (a->format == CLI_FORMAT_JSON) {
    n = snprintf(head, sizeof head, "{\"policy\": \"%s\", \"tasks\": %" PRIu64 ", \"slots\": %" PRIu32 ", \"chunks\": [",
                 ops->name, params.tasks, params.slots);
    (void)cli_write(cli, head, (size_t)n);
  }
  show_chunks(cli, policy, params.tasks, params.slots, a->format == CLI_FORMAT_JSON ? ", " : " ");
  (void)cli_write(cli, a->format == CLI_FORMAT_JSON ? "]}\n" : "\n", a->format == CLI_FORMAT_JSON ? 3 : 1);
  amz_policy_free(policy);
  return CLI_OK;
}

static int run(struct cli *cli, const struct cli_parsed *parsed, const void *args)
{
  const struct policies_args *a = args;

  (void)parsed;
  if (!a->show && (a->tasks.set || a->slots.set))
    return cli_usage("policies", "-n and -p are for --show NAME");
  return a->show ? show(cli, a) : list(cli, a->format == CLI_FORMAT_JSON);
}

const struct cli_command cli_policies = {
  .name = "policies", .operands = "",
  .summary = "Lists the chunk policies, or shows one's chunks",
  .example = "amorsize-mpi policies --show gss -n 1000 -p 4",
  .options = options, .args_bytes = sizeof(struct policies_args), .run = run,
};
