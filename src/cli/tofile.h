/* A text to a file that the user has named. */
#ifndef AMZ_CLI_TOFILE_H
#define AMZ_CLI_TOFILE_H

#include <stddef.h>

/* Writes the file, or replaces it as a whole; a device or pipe is written to.
 * \return 0, or errno: what was there before is there still, unless only its own place could be written to. */
int cli_write_file(const char *path, const void *bytes, size_t n);

#endif
