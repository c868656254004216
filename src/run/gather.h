/* Rank 0's side of output.gather: brings packs from the nodes on which they were written into the run directory.
 *
 * It asks one rank after the other: which packs are there, then piece by piece with few pieces under way, so that its memory
 * stays bounded. A pack is removed on its node only when it is whole and durable here. At the beginning of a launch it takes what
 * earlier ones left behind (a rank, or its node, or rank 0 had died before); so records of done tasks find their outputs again as
 * soon as any rank runs on that node. */
#ifndef AMZ_RUN_GATHER_H
#define AMZ_RUN_GATHER_H

#include "launch.h"

/* The directory for packs on a rank's node, NULL: it writes into the run directory. Valid as long as l->places isn't changed. */
const char *amz_gather_node_dir(const struct amz_launch *l, uint32_t rank);

/* Reads DIR/gather and takes what lies on nodes where a rank is now, on our own too. What can't be had is told, and stays.
 * \return AMZ_OK; AMZ_ECLOSED: a signal came, *ret_signal; AMZ_EIO, AMZ_ECORRUPT, AMZ_ENOMEM with *err. */
int amz_gather_before(struct amz_launch *l, int *ret_signal, struct amz_error *err);
/* Notes in DIR/gather where ranks are about to write packs, if the description wants that. \return AMZ_OK; AMZ_EIO, AMZ_EENV,
 * AMZ_EINVAL, AMZ_ENOMEM. */
int amz_gather_plan(struct amz_launch *l, struct amz_error *err);
/* Takes all packs of this launch, lets the ranks go, and counts in l->elsewhere the tasks whose outputs aren't here. \return as
 * amz_gather_before. */
int amz_gather_after(struct amz_launch *l, int *ret_signal, struct amz_error *err);
/* Tells of the records of earlier launches whose outputs aren't here. */
void amz_gather_tell_absent(const struct amz_launch *l);
/* Lets the ranks go with what they have. */
void amz_gather_leave(struct amz_launch *l);

#endif
