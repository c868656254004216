/* What the rest of the store wants of packs beyond pack.h. */
#ifndef AMZ_STORE_PACK_PRIVATE_H
#define AMZ_STORE_PACK_PRIVATE_H

#include <amorsize/pack.h>

/* As amz_pack_open, for a file whose name says rank and epoch: a damaged header costs the header alone, since every frame has
 * its own checksum.
 * \return as amz_pack_open; AMZ_ECORRUPT: an intact header says otherwise. */
int amz_pack_open_named(const char *path, uint32_t rank, uint32_t epoch, struct amz_error *err, struct amz_pack_reader **ret);
int amz_pack_reader_fd(const struct amz_pack_reader *r);
/* Reads both streams of an attempt and drops them. \return AMZ_OK: all there and intact; AMZ_ECORRUPT; AMZ_EIO, AMZ_ENOMEM. */
int amz_pack_check(struct amz_pack_reader *r, uint64_t end_offset, struct amz_error *err);

#endif
