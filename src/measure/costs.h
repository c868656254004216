/* What it costs to start things and to talk: measured with the very parts that runs are made of. The spawn helper starts the
 * processes, the launcher that runs use starts the ranks, and messages go through the transport and the scheduler's machines.
 *
 * What can't be measured here (no mpirun, one core's worth of time gone) stays as it was in the profile, and a finding says why:
 * only what makes all measuring pointless is an error. */
#ifndef AMZ_MEASURE_COSTS_H
#define AMZ_MEASURE_COSTS_H

#include <amorsize/measure.h>
#include <amorsize/node.h>

#include "../run/net.h"

struct amz_exec;

/* Fills in node->costs, in about 3 s (AMZ_EFFORT_DEFAULT) or 30 s, or until the observer's time is over. Launches ranks of our
 * own on this machine, or over the nodes of the allocation. Started by an MPI launcher itself it launches nothing: use the two
 * functions below then.
 * \return AMZ_OK; AMZ_EINVAL: not of this machine; AMZ_ECLOSED: the observer said stop (what is known by then is kept);
 * AMZ_ENOMEM; AMZ_EENV: the spawn helper is missing. */
int amz_measure_costs(struct amz_node *node, enum amz_effort effort, const struct amz_measure_observer *observer,
                      struct amz_error *err);

/* The part of process starts alone: start_s, start_shell_s and their quartiles. `helper` was launched and not set up
 * (amz_exec_launch), and is of no other use afterwards, but must still be freed by the caller; NULL: one is started for it.
 * \return as amz_measure_costs. */
int amz_measure_starts(struct amz_exec *helper, enum amz_effort effort, const struct amz_measure_observer *observer,
                       struct amz_node_costs *costs,
                       struct amz_error *err);

/* The part of messages, in a launch that exists: all of its ranks call this at about the same time. Rank 0 measures with the
 * first other rank on its own node and the first one on another node, the rest wait. Fills in inside, between, chunk_s and
 * service_s on rank 0 (those for which there is a rank), nothing elsewhere.
 * \return AMZ_OK; AMZ_EENV: a rank has said nothing for a minute; AMZ_ENOMEM, AMZ_EIO, AMZ_ECORRUPT of the transport, with
 * *err. */
int amz_measure_link(const struct amz_net *net, struct amz_mpi *mpi, enum amz_effort effort, struct amz_node_costs *costs,
                     struct amz_error *err);

#endif
