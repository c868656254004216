/* node --plot. */
#ifndef AMZ_CLI_NODEPLOT_H
#define AMZ_CLI_NODEPLOT_H

#include <amorsize/node.h>

/* Draws into a file, or into bandwidth.svg and topology.svg of a folder (one that is there, or a path that ends with /), and says
 * so. The names get that of the host, unless it is NULL. \return exit status. */
int cli_node_plot(const struct amz_node *node, const char *path, const char *host);

#endif
