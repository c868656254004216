/* Measuring between the ranks of one launch: rank 0 leads, one rank of its node and one of another answer, the rest wait. Inside
 * the room.
 *
 * A message's first byte says what it is; all other messages are the scheduler's, and only between WORK and SAMPLES. */
#ifndef AMZ_MEASURE_LINK_H
#define AMZ_MEASURE_LINK_H

#include <amorsize/measure.h>

#include "../run/net.h"

#define AMZ_LINK_HELLO 'H'   /* others → 0, first: the node's name */
#define AMZ_LINK_PING 'P'    /* 0 → one: to be sent back as it is */
#define AMZ_LINK_WORK 'W'    /* 0 → one: be a worker until the master says stop */
#define AMZ_LINK_SAMPLES 'S' /* one → 0: what it has seen as a worker */
#define AMZ_LINK_QUIT 'Q'    /* 0 → all, last */

struct amz_link {
  const struct amz_net *net;
  struct amz_mpi *mpi;
  uint32_t near, far; /* rank 0's: the first other rank on its node, the first on another; 0: there is none */
};

/* Every rank of the launch; rank 0 returns when all are there. \return as amz_measure_link. */
int amz_link_gather(struct amz_link *link, struct amz_error *err);
/* Rank 0: measures, and sends the others home in any case. */
int amz_link_lead(struct amz_link *link, enum amz_effort effort, struct amz_node_costs *costs, struct amz_error *err);
/* The others. */
int amz_link_serve(struct amz_link *link, struct amz_error *err);

/* Waits for a message, at most a minute. `due`: it is expected at once. \return AMZ_OK; AMZ_EENV and others with *err. */
int amz_link_next(const struct amz_link *link, bool due, struct amz_mpi_message *ret, struct amz_error *err);
/* Sends one of the above with nothing in it. */
int amz_link_tell(const struct amz_link *link, uint32_t rank, char what, struct amz_error *err);

/* The chunks, both sides: empty ones from a master here to a worker there. */
int amz_link_lead_chunks(const struct amz_link *link, uint32_t peer, int64_t duration_ns, struct amz_node_costs *costs,
                         struct amz_error *err);
int amz_link_serve_chunks(const struct amz_link *link, struct amz_error *err);

#endif
