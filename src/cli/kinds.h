/* The nodes that a plan is made for: this one, or those that profiles describe. */
#ifndef AMZ_CLI_KINDS_H
#define AMZ_CLI_KINDS_H

#include <amorsize/plan.h>
#include <amorsize/profile.h>

#include "cli.h"

struct cli_kinds {
  struct amz_profile_kinds profiles;
  struct amz_plan_nodes items[AMZ_PLAN_KINDS_MAX]; /* point into profiles: a struct cli_kinds that was filled in isn't moved */
  size_t n;
  enum amz_profile_from from; /* of this node's values; those of files are what they are */
  bool counted;               /* how many there are was told, by the user or the batch system; else it is one */
};

/* `files`: each FILE or FILE:N; none: this node, as often as the batch system or `nodes` says. What is wrong has been told.
 * \return CLI_OK, release with cli_kinds_clear (accepts what is zeroed); else the exit status. */
int cli_kinds_get(const char *command, const struct cli_list *files, const struct cli_count *nodes, struct cli_kinds *ret);
void cli_kinds_clear(struct cli_kinds *kinds);

#endif
