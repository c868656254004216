/* Matching paths on disk. Private to src/run/files.c. */
#ifndef AMZ_RUN_FILES_GLOB_H
#define AMZ_RUN_FILES_GLOB_H

#include <amorsize/buf.h>
#include <amorsize/error.h>

/* As `glob` of struct amz_files. */
int amz_disk_glob(const char *pattern, struct amz_buf *ret, struct amz_error *err);

#endif
