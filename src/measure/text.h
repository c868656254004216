/* Costs as lines of text, from the rank program to whoever launched it. Inside the room, and for that program. */
#ifndef AMZ_MEASURE_TEXT_H
#define AMZ_MEASURE_TEXT_H

#include <stdbool.h>

#include <amorsize/buf.h>
#include <amorsize/node.h>

/* The rank program's command and what it is asked for: to say that all ranks are there, and then what messages cost. */
#define AMZ_MEASURE_COMMAND "measure-link"
#define AMZ_MEASURE_READY "ready"
#define AMZ_MEASURE_DEFAULT "default"
#define AMZ_MEASURE_PRECISE "precise"

/* Lines that are ours begin so; the first says that all ranks are there, the last that nothing more comes. */
#define AMZ_COSTS_READY "amorsize-mpi: ready"
#define AMZ_COSTS_DONE "amorsize-mpi: measured"

/* Appends a line for each cost of messages and chunks that was measured. */
void amz_costs_format(const struct amz_node_costs *costs, struct amz_buf *out);
/* Reads one such line into *costs. \return false: it is none, or says nothing sensible; *costs is as before. */
bool amz_costs_parse(const char *line, struct amz_node_costs *costs);

#endif
