/* Small helpers around files that the rooms' files share: whole writes, whole reads of small files, joined paths. */
#ifndef AMZ_STORE_PATH_H
#define AMZ_STORE_PATH_H

#include <stddef.h>

#include "../node/read_small.h"

/* "DIR/name", or just "name" for the directories "" and ".". \return malloc'd; NULL when out of memory. */
char *amz_path_join(const char *dir, const char *name);
/* All n bytes or an error (errno). EINTR and short writes are handled. \return 0; -1. */
int amz_write_all(int fd, const void *bytes, size_t n);
/* fsync of a directory, so that names made in it last. \return 0; -1 with errno (0 where directories can't be synced). */
int amz_sync_dir(const char *dir);

#endif
