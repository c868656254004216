/* How a script calls this program. */
#ifndef AMZ_CLI_OWNPATH_H
#define AMZ_CLI_OWNPATH_H

#include <amorsize/buf.h>

/* Appends "amorsize-mpi" where PATH leads to this very program by that name, else its path, quoted for a shell. */
void cli_add_own_path(struct amz_buf *out);

#endif
