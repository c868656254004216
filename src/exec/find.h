/* Where our own programs are. Room-private. */
#ifndef AMZ_EXEC_FIND_H
#define AMZ_EXEC_FIND_H

#include <amorsize/buf.h>
#include <amorsize/error.h>

/* Appends the path of the program `name`: beside `self` (our own program's file), in ../libexec/amorsize-mpi
 * from there (a tree that was moved as a whole), or in `installed`.
 * \return AMZ_OK; AMZ_ENOENT: none of them can be executed, *err names them; AMZ_ENOMEM. */
int amz_program_find(const char *name, const char *self, const char *installed, struct amz_error *err,
                     struct amz_buf *ret) AMZ_MUST_CHECK;

#endif
