/* Pieces of gnuplot programs. */
#ifndef AMZ_PLOT_PROGRAM_H
#define AMZ_PLOT_PROGRAM_H

#include "plot.h"

/* A string that holds no command, whatever the text is: in single quotes nothing is special but the quote. */
void amz_plot_text(const char *text, struct amz_buf *out);

void amz_plot_curves(const struct amz_node *node, struct amz_buf *out);
void amz_plot_topology(const struct amz_node *node, struct amz_buf *out);
/* How high the picture of the topology is, in pixels. */
unsigned amz_plot_topology_height(const struct amz_node *node);

#define AMZ_PLOT_WIDTH 900u
#define AMZ_PLOT_CURVES_HEIGHT 420u

#endif
