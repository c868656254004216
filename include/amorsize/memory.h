/* How much memory is ours, read at each start of a run. */
#ifndef AMORSIZE_MEMORY_H
#define AMORSIZE_MEMORY_H

#include <stdint.h>

#include <amorsize/buf.h>
#include <amorsize/environment.h>
#include <amorsize/error.h>

#define AMZ_MEMORY_HEADROOM 0.8 /* of what is ours: tasks together take no more */

/* The least of what our control groups and those above them allow, what the batch system gave this node, what is available now,
 * and what a process may address. `root`: where /proc and /sys are looked for, "" for the machine itself. Who says it is appended
 * to *ret_source (may be NULL). Values that are malformed are passed over. *ret_bytes: 0 when nobody says anything.
 * \return AMZ_OK; AMZ_ENOMEM. */
int amz_memory_limit(const struct amz_environment *env, const char *root, uint64_t *ret_bytes, struct amz_buf *ret_source);

#endif
