/* Costs known from earlier runs, for a plan that needs no sample. */
#ifndef AMZ_CLI_KNOWN_H
#define AMZ_CLI_KNOWN_H

#include <amorsize/job.h>
#include <amorsize/node.h>

#include "sampled.h"

struct cli_known {
  struct cli_sampled sampled; /* dir NULL: no run of its own */
  struct amz_job *job;
  size_t runs;                /* the costs come from */
  int64_t latest_s;           /* when the latest of them ended */
  struct amz_quantity unforeseen; /* as of struct amz_history_known */
};

/* Looks for what is known of the job on such a node, else on this one, unless its description forbids it (sample.reuse). A
 * history that can't be read is told.
 * \return CLI_OK with *ret, release with cli_known_clear; *ret untouched and runs 0: nothing is known, a sample has to be taken;
 * else the exit status, the reason having been told. */
int cli_known_find(const struct amz_job_input *input, const struct amz_node *node, struct cli_known *ret);
void cli_known_clear(struct cli_known *known);

#endif
