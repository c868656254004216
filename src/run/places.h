/* Where packs of a run may lie outside of its directory: DIR/gather, written before ranks make them and again when they have been
 * brought home.
 *
 * The file: a line "key HEX", the random name of the run's directories on nodes; then a line "at NODE PATH" for each directory
 * that may hold packs. */
#ifndef AMZ_RUN_PLACES_H
#define AMZ_RUN_PLACES_H

#include <stddef.h>

#include <amorsize/error.h>
#include <amorsize/nodedir.h>

struct amz_pack_place {
  char *node, *path;
};

struct amz_places {
  char key[AMZ_NODEDIR_KEY]; /* "": none yet */
  struct amz_pack_place *items;
  size_t n, cap;
};

void amz_places_clear(struct amz_places *p);
/* \return AMZ_OK, with nothing in *ret when there is no such file; AMZ_ECORRUPT, AMZ_EIO, AMZ_ENOMEM with *err. */
int amz_places_read(const char *dir, struct amz_places *ret, struct amz_error *err);
/* Durable; with no key, nothing is written. \return AMZ_OK; AMZ_EIO, AMZ_ENOMEM with *err. */
int amz_places_write(const char *dir, const struct amz_places *p, struct amz_error *err);
/* Once is enough. \return AMZ_OK; AMZ_ENOMEM; AMZ_EINVAL: a name that doesn't fit into a line. */
int amz_places_add(struct amz_places *p, const char *node, const char *path);
void amz_places_remove(struct amz_places *p, size_t at);
/* \return a path on that node, NULL: none. */
const char *amz_places_find(const struct amz_places *p, const char *node);

#endif
