/* The first words of a launch: the ranks say who they are, rank 0 tells each what to do.
 *
 * Nobody waits long for the dead. All ranks have been through MPI_Init and the making of a communicator together, so what keeps
 * one from reporting is the reading of its node's topology: half a minute is ample. Rank 0 may have millions of task lines to
 * read and large packs to take over before it gives orders, but it gives signs of life meanwhile: the others wait as long as they
 * hear of it, and on its own node as long as its process is there. Signals are obeyed on both sides. */
#ifndef AMZ_RUN_MEETING_H
#define AMZ_RUN_MEETING_H

#include "give.h"
#include "team.h"

/* Rank 0: tells all others that it lives. Cheap; call it each few seconds. */
int amz_meeting_beat(const struct amz_rank_link *link, struct amz_error *err);
#define AMZ_MEETING_BEAT_NS INT64_C(5000000000)

/* Rank 0: waits for every rank's word.
 * \return AMZ_OK; AMZ_ECLOSED: a signal came, *ret_signal; AMZ_EENV with *err: who is missing, or can't take part, and why (they
 * are forgotten by the transport, so that nobody waits for them again); AMZ_ENOMEM, AMZ_EIO. */
int amz_meeting_gather(const struct amz_rank_link *link, const struct amz_cores *own, const struct amz_gpus *gpus,
                       uint64_t memory_bytes,
                       int *ret_signal, struct amz_error *err, struct amz_team *ret);
/* Rank 0: sends one rank its order. \return AMZ_OK; AMZ_ENOMEM, AMZ_ERANGE with *err. */
int amz_meeting_tell(const struct amz_rank_link *link, uint32_t rank, const struct amz_order_of_work *order,
                     struct amz_error *err);

/* The others: say who we are, or why we can't be of use. \return AMZ_OK; AMZ_ENOMEM, AMZ_EIO. */
int amz_meeting_report(const struct amz_rank_link *link, const struct amz_cores *own, const struct amz_gpus *gpus,
                       uint64_t memory_bytes,
                       struct amz_error *err);
void amz_meeting_excuse(const struct amz_rank_link *link, const char *why);
/* The others: waits for rank 0's order; gives packs of earlier launches meanwhile when asked. *ret points into *ret_bytes and
 * what
 * *ret_parts holds (release them in any case).
 * \return AMZ_OK; AMZ_ECLOSED: there will be none: rank 0 has said why, or a signal came; AMZ_EENV: rank 0 is gone or silent;
 * AMZ_ECORRUPT, AMZ_ENOMEM, AMZ_EIO. */
int amz_meeting_await(const struct amz_rank_link *link, struct amz_giver *giver, struct amz_error *err, struct amz_buf *ret_bytes,
                      struct amz_order_parts *ret_parts, struct amz_order_of_work *ret);

#endif
