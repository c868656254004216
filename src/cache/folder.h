/* Files of the cache's folder. */
#ifndef AMZ_CACHE_FOLDER_H
#define AMZ_CACHE_FOLDER_H

#include <stddef.h>
#include <stdint.h>

#include <amorsize/buf.h>
#include <amorsize/error.h>

/* Appends a file's content. \return AMZ_OK; AMZ_ENOENT; AMZ_EIO with *err; AMZ_ERANGE: larger than max; AMZ_ENOMEM. */
int amz_folder_read(const char *path, size_t max, struct amz_buf *ret, struct amz_error *err);
/* Makes a folder and those above it, for us alone. \return AMZ_OK; AMZ_EIO with *err. */
int amz_folder_make(const char *dir, struct amz_error *err);
/* Puts a file in its place at once. \return AMZ_OK; AMZ_EIO with *err. */
int amz_folder_write(const char *dir, const char *name, const void *bytes, size_t n, struct amz_error *err);
/* The names in it for which keep says so, sorted; each ends with a NUL. A folder that isn't there has none.
 * \return AMZ_OK; AMZ_EIO with *err; AMZ_ENOMEM. */
int amz_folder_names(const char *dir, int (*keep)(const char *name), struct amz_buf *ret, struct amz_error *err);
/* Removes what a process that died while it wrote has left, if it is a day old. */
void amz_folder_sweep(const char *dir, int64_t now_s);

#endif
