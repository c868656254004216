/* GPUs of a node in words and as JSON: where they are, and which slot would get which. Inside the room. */
#ifndef AMZ_REPORT_NODE_GPUS_H
#define AMZ_REPORT_NODE_GPUS_H

#include <amorsize/buf.h>
#include <amorsize/node.h>

#include "object.h"

/* Appends the lines of a profile; none when there are no GPUs. */
void amz_words_gpus(const struct amz_node *node, struct amz_buf *out);
/* Puts "gpu_slots", and into each of the rows under "gpus" its "nearest_cores". What follows from other keys: readers may leave
 * it alone. */
void amz_put_gpus(struct object *profile, const struct amz_node *node);

#endif
