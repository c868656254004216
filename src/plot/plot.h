/* Pictures of a node's profile, as SVG: the words for gnuplot are made here, gnuplot draws. */
#ifndef AMZ_PLOT_PLOT_H
#define AMZ_PLOT_PLOT_H

#include <amorsize/buf.h>
#include <amorsize/error.h>
#include <amorsize/node.h>

enum amz_plot {
  AMZ_PLOT_CURVES,   /* bandwidth and slowdown over busy cores */
  AMZ_PLOT_TOPOLOGY, /* packages, domains and cores; which are ours */
  AMZ_PLOT_BOTH,     /* one above the other */
};

/* Appends a program for gnuplot >= 5.0 that writes the picture to its standard output. Pure. */
void amz_plot_program(const struct amz_node *node, enum amz_plot what, struct amz_buf *out);

/* Whether there is a gnuplot in PATH. \return AMZ_OK; AMZ_EENV with *err, which says what to install. */
int amz_plot_ready(struct amz_error *err);

/* Has gnuplot draw, and appends the picture to *ret. Takes less than a second, never more than half a minute.
 * \return AMZ_OK; AMZ_EENV: no gnuplot, or it failed, *err has its words; AMZ_EIO with *err: there is no place for temporary
 * files; AMZ_ENOMEM. */
int amz_plot_draw(const struct amz_buf *program, struct amz_buf *ret_picture, struct amz_error *err);

#endif
