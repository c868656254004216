/* Where this process runs: its allocation and its cores, read with its own environment and disk. */
#ifndef AMZ_RUN_HERE_H
#define AMZ_RUN_HERE_H

#include <amorsize/allocation.h>
#include <amorsize/cores.h>
#include <amorsize/diag.h>
#include <amorsize/error.h>

/* As amz_allocation_read, with every failure told in *err. */
int amz_allocation_here(const char *hostfile, struct amz_diags *diags, struct amz_error *err, struct amz_allocation *ret);

/* Our cores, and how many of them may be busy; who lowered that is appended to *ret_source (may be NULL).
 * \return as amz_cores_allowed. */
int amz_cores_here(struct amz_buf *ret_source, struct amz_error *err, struct amz_cores *ret);

/* How much of this node's memory is ours, 0: nobody says; who does is appended to *ret_source (may be NULL). \return AMZ_OK;
 * AMZ_ENOMEM with *err. */
int amz_memory_here(struct amz_buf *ret_source, struct amz_error *err, uint64_t *ret_bytes);

#endif
