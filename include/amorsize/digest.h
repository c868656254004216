/* A digest to tell texts apart (FNV-1a of Fowler, Noll and Vo, 64 bits). Not for keeping anybody out. */
#ifndef AMORSIZE_DIGEST_H
#define AMORSIZE_DIGEST_H

#include <stddef.h>
#include <stdint.h>

#define AMZ_DIGEST_EMPTY UINT64_C(14695981039346656037)

/* \return the digest of what `digest` stands for followed by n bytes. */
uint64_t amz_digest_add(uint64_t digest, const void *bytes, size_t n);

#endif
