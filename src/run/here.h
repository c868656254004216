/* The allocation that this process runs in, read with its own environment and disk. */
#ifndef AMZ_RUN_HERE_H
#define AMZ_RUN_HERE_H

#include <amorsize/allocation.h>
#include <amorsize/diag.h>
#include <amorsize/error.h>

/* As amz_allocation_read, with every failure told in *err. */
int amz_allocation_here(const char *hostfile, struct amz_diags *diags, struct amz_error *err, struct amz_allocation *ret);

#endif
