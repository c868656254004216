/* The rank program's part in measuring what launches and messages cost: a command of its own that only `node` knows. */
#ifndef AMZ_CLI_MEASURE_LINK_H
#define AMZ_CLI_MEASURE_LINK_H

#include <stdbool.h>

struct amz_rank_link;

/* \return whether the words are that command. */
bool cli_is_measure_link(int argc, char **argv);
/* On every rank. Rank 0 prints the lines of measure/text.h. \return exit status. */
int cli_measure_link(const struct amz_rank_link *link, const char *mode);

#endif
