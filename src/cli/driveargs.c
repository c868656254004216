/* From options to the driver's. */
#include "driveargs.h"

#include <stdlib.h>

#include <amorsize/units.h>

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

/* AMORSIZE_LAUNCH_TIME: for clusters on which launches take longer. */
static int launch_time(int64_t *ret_ns)
{
  const char *text = getenv("AMORSIZE_LAUNCH_TIME");
  struct amz_error err = {0};

  *ret_ns = 0;
  if (!text || !*text || (amz_parse_duration(text, ret_ns) == AMZ_OK && *ret_ns > 0))
    return CLI_OK;
  return cli_fail(amz_error_set(&err, AMZ_EINVAL, "AMORSIZE_LAUNCH_TIME: expected a duration like 5m, got \"%s\"", text), &err);
}

int cli_drive_wanted(const struct cli *cli, struct cli_drive *d, const struct amz_run_observer *observer, bool *ret)
{
  struct amz_error err = {0};
  int rc;

  *ret = false;
  if (cli->link) /* the world's size decides; what was asked for is the launcher's business */
    return CLI_OK;
  rc = amz_drive_wanted(&d->options, observer, ret, &err);
  if (rc < 0)
    return cli_fail(rc, &err);
  return *ret ? launch_time(&d->options.gather_ns) : CLI_OK;
}
