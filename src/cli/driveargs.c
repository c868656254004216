/* From options to the driver's. */
#include "driveargs.h"

void cli_drive_init(struct cli_drive *d, const struct cli_drive_args *args, bool quiet, bool json, bool retry_failed)
{
  *d = (struct cli_drive){.options = {.ranks = (uint32_t)args->ranks.n, .nodes = (uint32_t)args->nodes.n,
                                      .hostfile = args->hostfile,
                                      .launcher = args->launcher, .quiet = quiet}};
  if (quiet)
    d->pass[d->n_pass++] = "--quiet";
  if (json)
    d->pass[d->n_pass++] = "--format=json";
  if (retry_failed)
    d->pass[d->n_pass++] = "--retry-failed";
  d->options.pass = d->pass;
}

void cli_drive_pass(struct cli_drive *d, const char *option)
{
  d->pass[d->n_pass++] = option; /* the list has room for all that its callers have, and a NULL */
  d->options.pass = d->pass;
}

int cli_drive_wanted(const struct cli *cli, const struct cli_drive *d, const struct amz_run_observer *observer, bool *ret)
{
  struct amz_error err = {0};
  int rc;

  *ret = false;
  if (cli->link) /* the world's size decides; what was asked for is the launcher's business */
    return CLI_OK;
  rc = amz_drive_wanted(&d->options, observer, ret, &err);
  return rc < 0 ? cli_fail(rc, &err) : CLI_OK;
}
