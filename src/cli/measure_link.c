/* Ranks that were launched to be timed: they say when they are all there, measure messages if asked to, and end. */
#include "measure_link.h"

#include <string.h>

#include "../measure/link.h"
#include "../measure/text.h"
#include "../run/run.h"
#include "cli.h"

bool cli_is_measure_link(int argc, char **argv)
{
  return argc == 3 && strcmp(argv[1], AMZ_MEASURE_COMMAND) == 0;
}

static int lead(struct cli *cli, struct amz_link *link, const char *mode, struct amz_error *err)
{
  enum amz_effort effort = strcmp(mode, AMZ_MEASURE_PRECISE) == 0 ? AMZ_EFFORT_PRECISE : AMZ_EFFORT_DEFAULT;
  struct amz_node_costs costs = {.n_launches = 0};
  struct amz_buf text = AMZ_BUF_INIT;
  int rc = amz_link_gather(link, err);

  if (rc < 0)
    return rc;
  (void)cli_write(cli, AMZ_COSTS_READY "\n", strlen(AMZ_COSTS_READY "\n"));
  (void)cli_flush(cli);
  if (strcmp(mode, AMZ_MEASURE_READY) == 0)
    return AMZ_OK;
  rc = amz_link_lead(link, effort, &costs, err);
  amz_costs_format(&costs, &text); /* of a failure, too: what was measured by then */
  if (rc == AMZ_OK)
    amz_buf_adds(&text, AMZ_COSTS_DONE "\n");
  if (amz_buf_ok(&text) == AMZ_OK)
    (void)cli_write(cli, text.data, text.len);
  amz_buf_clear(&text);
  return rc;
}

int cli_measure_link(const struct amz_rank_link *rank, const char *mode)
{
  struct amz_link link = {.net = rank->net, .mpi = rank->mpi};
  struct cli cli = {.out = AMZ_BUF_INIT};
  struct amz_error err = {0};
  int rc;

  if (link.net->rank(link.mpi) == 0)
    rc = lead(&cli, &link, mode, &err);
  else if ((rc = amz_link_gather(&link, &err)) == AMZ_OK && strcmp(mode, AMZ_MEASURE_READY) != 0)
    rc = amz_link_serve(&link, &err);
  return cli_finish(&cli, rc < 0 ? cli_fail(rc, &err) : CLI_OK);
}
